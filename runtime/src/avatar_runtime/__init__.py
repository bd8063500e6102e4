"""The runtime: the public API on port 8000.

It takes a script, plans it into segments, has the GPU service perform each one, and joins what comes back
into one MP4 file without decoding it. Nothing here knows torch, OpenCV or an engine.
"""

__version__ = "0.1.0"
