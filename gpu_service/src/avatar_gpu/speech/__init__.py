"""Engines of the speech capability: one package or file each, found by name in ``avatar_gpu.catalogue``."""
