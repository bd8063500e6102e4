"""Decoding what people upload and encoding what they get."""
