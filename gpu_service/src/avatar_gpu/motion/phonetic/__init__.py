"""The motion engine ``phonetic``: timed phones → visemes → a living, speaking face."""

from avatar_gpu.motion.phonetic.engine import PhoneticEngine, PhoneticSession

__all__ = ["PhoneticEngine", "PhoneticSession"]
