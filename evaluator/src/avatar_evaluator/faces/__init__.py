"""Faces in a video: where the landmarks are in each frame, by whichever provider is at hand."""
