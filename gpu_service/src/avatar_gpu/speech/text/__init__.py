"""Written text → text that can be read aloud, one normaliser for every speech engine."""
