"""A photo → ``Portrait``: decoding, one human face, 478 landmarks, matte; or a refusal that says why."""

from avatar_gpu.portrait.analyse import PortraitAnalyser
from avatar_gpu.portrait.store import load_portrait, save_portrait

__all__ = ["PortraitAnalyser", "load_portrait", "save_portrait"]
