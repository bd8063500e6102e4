"""``Observation``: what is seen in a video, gathered in one pass that keeps no frames.

Every metric of picture and face reads from it; each frame is decoded and looked at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_evaluator.faces.mouth import aperture, mouth_shape
from avatar_evaluator.faces.provider import LANDMARKS, LandmarkProvider, RgbImage
from avatar_evaluator.faces.shape import Landmarks, interocular_px, without_pose
from avatar_evaluator.media import MediaUnreadable, frames
from avatar_evaluator.sharpness import cpbd, laplacian_variance

CROP_PX = 256
CROP_SCALE = 1.3
"""The crop is a square this many times the face's extent when it was first seen, and stays where it is."""
SHARPNESS_EVERY = 5
MIN_SEEN = 0.5
"""Share of frames that must show a face for the video to be one of a face."""
LONGEST_S = 600.0
"""Later frames are not looked at, so that memory is bounded for any file."""
LIPS = (61, 291, 0, 17, 37, 267)

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Unseen:
    """Why nothing was observed."""

    reason: str


@dataclass(frozen=True)
class Observation:
    """One video's face.

    times_s: (N,) when each frame is shown. landmarks: (N, 468, 3) pixels, NaN where no face was found.
    luminance: (N,) mean grey level of the crop; difference: (N - 1,) mean absolute change of grey level from
    frame to frame in the crop; both from the frame that first shows a face, NaN before. cpbd, sharpness: of
    every fifth frame's face and mouth. still: the crop of the middle of what was seen, 256 px square RGB.
    """

    times_s: Series
    landmarks: Landmarks
    luminance: Series
    difference: Series
    cpbd: Series
    sharpness: Series
    still: RgbImage

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(N,) frames that show a face."""
        return np.asarray(np.isfinite(self.landmarks[:, 0, 0]))

    @property
    def rate_hz(self) -> float:
        """Frames per second by the frames' own times."""
        return float(1 / np.median(np.diff(self.times_s)))

    def mouth(self) -> Series:
        """(N, 4) aperture, width, jaw, outer height in inter-ocular distances, without the head's pose."""
        return mouth_shape(without_pose(self.landmarks))

    def aperture(self) -> Series:
        """(N,) gap of the lips in inter-ocular distances."""
        return aperture(without_pose(self.landmarks))

    def interocular_px(self) -> float:
        """Distance of the outer eye corners in pixels of the video."""
        return interocular_px(self.landmarks)


def observe(path: Path, provider: LandmarkProvider) -> Observation | Unseen:
    """What ``provider`` sees in the video at ``path``."""
    try:
        return observe_frames(frames(path), provider)
    except MediaUnreadable as error:
        return Unseen(str(error))


def observe_frames(
    pictures: Iterable[tuple[float, RgbImage]], provider: LandmarkProvider
) -> Observation | Unseen:
    """As ``observe``, of frames that are at hand: (seconds, (H, W, 3))."""
    provider.begin()
    times: list[float] = []
    landmarks: list[Landmarks] = []
    luminance: list[float] = []
    difference: list[float] = []
    blur: list[float] = []
    sharpness: list[float] = []
    stills: list[RgbImage] = []
    to_crop: NDArray[np.float64] | None = None
    before: NDArray[np.uint8] | None = None
    for time_s, rgb in pictures:
        if times and time_s - times[0] > LONGEST_S:
            break
        face = provider.look(rgb)
        times.append(time_s)
        landmarks.append(np.full((LANDMARKS, 3), np.nan) if face is None else face.points)
        if to_crop is None and face is not None:
            to_crop = _crop_of(face.points)
        if to_crop is None:
            luminance.append(np.nan)
            difference.append(np.nan)
            continue
        crop = cv2.warpAffine(rgb, to_crop, (CROP_PX, CROP_PX), flags=cv2.INTER_AREA)
        gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        luminance.append(float(gray.mean()))
        difference.append(np.nan if before is None else float(cv2.absdiff(gray, before).mean()))
        before = gray
        if face is not None and len(times) % SHARPNESS_EVERY == 1:
            share = cpbd(gray)
            blur.append(np.nan if share is None else share)
            sharpness.append(mouth_sharpness(gray, face.points[:, :2], to_crop))
        if face is not None and (len(times) & (len(times) - 1)) == 0:
            stills.append(crop)
    shown = np.array(landmarks) if landmarks else np.empty((0, LANDMARKS, 3))
    seen = float(np.isfinite(shown[:, 0, 0]).mean()) if len(shown) else 0.0
    if len(times) < 3 or to_crop is None or seen < MIN_SEEN:
        return Unseen(f"a face is seen in {seen:.0%} of {len(times)} frames")
    return Observation(
        times_s=np.array(times),
        landmarks=shown,
        luminance=np.array(luminance),
        difference=np.array(difference[1:]),
        cpbd=np.array(blur),
        sharpness=np.array(sharpness),
        still=stills[-1] if stills else crop,
    )


def mouth_sharpness(gray: NDArray[np.uint8], points: Series, to_crop: Series) -> float:
    """The Laplacian's variance of the mouth, brought to 96 × 48 px. points: (468, 2) pixels of the frame."""
    lips = points[list(LIPS)] @ to_crop[:, :2].T + to_crop[:, 2]
    left, top = (max(int(v) - 12, 0) for v in lips.min(axis=0))
    right, bottom = (int(v) + 12 for v in lips.max(axis=0))
    patch = gray[top:bottom, left:right]
    return laplacian_variance(cv2.resize(patch, (96, 48))) if patch.size else float("nan")


def _crop_of(points: Landmarks) -> NDArray[np.float64]:
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    scale = CROP_PX / (float((high - low).max()) * CROP_SCALE)
    corner = np.full(2, CROP_PX / 2) - scale * (low + high) / 2
    return np.array([[scale, 0.0, corner[0]], [0.0, scale, corner[1]]])
