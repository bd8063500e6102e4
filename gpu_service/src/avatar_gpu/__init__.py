"""GPU service: enrols voices and portraits, speaks, moves and renders. Importing it does nothing."""

__version__ = "0.1.0"
