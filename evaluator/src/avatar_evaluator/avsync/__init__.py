"""Audio-visual offset without downloaded weights: canonical correlation of sound and mouth shape."""
