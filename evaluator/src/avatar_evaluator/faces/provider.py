"""``LandmarkProvider``: a frame in, the landmarks of its face out. The seam between metrics and networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

LANDMARKS = 468
"""Points of MediaPipe's canonical face mesh, whose numbering every provider uses."""

RgbImage = NDArray[np.uint8]


class LandmarksUnavailable(Exception):
    """Faces cannot be looked at here; the message says what is missing and which command brings it."""


@dataclass(frozen=True)
class Face:
    """One face: ``points`` (468, 3) float64 pixels of the frame, z negative towards the camera."""

    points: NDArray[np.float64]
    presence: float


class LandmarkProvider(Protocol):
    """Finds one face in frames that follow each other. Called by one thread, frame after frame."""

    name: str

    def begin(self) -> None:
        """Forgets the face of the frame before: another video begins."""

    def look(self, rgb: RgbImage) -> Face | None:
        """The face in ``rgb`` (H, W, 3), or None where there is none."""
