"""An honest judge: asks the runtime's public API for videos and scores what comes back.

It knows the API and files, nothing of what is behind them; ``score`` judges any video in the world.
"""

__version__ = "0.1.0"
