"""What a recording tells about a voice, and speech changed into that voice. Knows no text and no engine."""
