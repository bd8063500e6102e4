"""``MotionTrack``: the one motion format that every motion engine writes and every renderer reads.

Control rate 100 Hz. All arrays share the first axis N. Coordinates are the viewer's: x to the right of
the image, y down, z towards the camera; rotations are relative to the portrait's own rest pose.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.timeline import TimedPhone, TimedWord

CONTROL_RATE_HZ = 100
SCHEMA_VERSION = 1

COEFFICIENTS = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawLeft", "jawRight", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""The 52 ARKit blendshape names. Left and right are the subject's. ``mouthClose`` is relative to
``jawOpen``: 1 closes the lips whatever the jaw does. The ``eyeLook*`` entries are derived from ``gaze``."""

COEFFICIENT_INDEX = {name: index for index, name in enumerate(COEFFICIENTS)}

EXTRAS = ("tongueUp", "breath", "speaking", "rounding")
"""``tongueUp`` 0 low … 1 at the ridge; ``breath`` 0 out … 1 in; ``speaking`` 0 the photo's own mouth … 1
performing (a renderer closes the photo's own lip gap and relaxes its smile by it); ``rounding`` 0 … 1, lip
protrusion that darkens the mouth."""

_NPZ_NAMES = ("header", "coeffs", "rotation", "translation", "gaze", "extras")

EXTRA_INDEX = {name: index for index, name in enumerate(EXTRAS)}


@dataclass(frozen=True)
class MotionTrack:
    """Motion over a stretch of audio. Control point ``i`` stands at ``start_s + i / 100`` seconds.

    coeffs: (N, 52) float32, 0…1 (renderers clamp).
    rotation: (N, 3) float32 radians: yaw (positive to image right), pitch (positive up), roll (positive
        clockwise in the image).
    translation: (N, 3) float32, units of the portrait's inter-ocular distance.
    gaze: (N, 2, 2) float32 radians relative to the photo's gaze: [left eye, right eye] × [yaw, pitch],
        signs as for ``rotation``, in the head's own frame.
    extras: (N, len(EXTRAS)) float32.
    phones, words: times in samples at ``sample_rate_hz`` from the start of the stream.
    """

    start_s: float
    coeffs: NDArray[np.float32]
    rotation: NDArray[np.float32]
    translation: NDArray[np.float32]
    gaze: NDArray[np.float32]
    extras: NDArray[np.float32]
    sample_rate_hz: int = 24_000
    phones: tuple[TimedPhone, ...] = ()
    words: tuple[TimedWord, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {
            "coeffs": (len(COEFFICIENTS),),
            "rotation": (3,),
            "translation": (3,),
            "gaze": (2, 2),
            "extras": (len(EXTRAS),),
        }
        for name, tail in shapes.items():
            array: NDArray[np.float32] = getattr(self, name)
            if array.shape != (self.size, *tail):
                raise ValueError(f"{name} has shape {array.shape}, expected {(self.size, *tail)}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds values that are not finite")

    @property
    def size(self) -> int:
        """N, the number of control points."""
        return int(self.coeffs.shape[0])

    @classmethod
    def rest(cls, size: int, start_s: float = 0.0) -> Self:
        """A track that holds the portrait's own pose."""
        return cls(
            start_s,
            np.zeros((size, len(COEFFICIENTS)), np.float32),
            np.zeros((size, 3), np.float32),
            np.zeros((size, 3), np.float32),
            np.zeros((size, 2, 2), np.float32),
            np.zeros((size, len(EXTRAS)), np.float32),
        )

    def at(self, times_s: NDArray[np.float64]) -> MotionTrack:
        """The track at ``times_s`` (M,), linear between control points and held at both ends.

        The result is a list of poses: its ``start_s`` is the first time asked for, and its control
        points stand at ``times_s``, not at the control rate.
        """
        position = np.clip((times_s - self.start_s) * CONTROL_RATE_HZ, 0, self.size - 1)
        low = np.minimum(position.astype(np.int64), max(self.size - 2, 0))
        high = np.minimum(low + 1, self.size - 1)
        weight = (position - low).astype(np.float32)

        def mix(array: NDArray[np.float32]) -> NDArray[np.float32]:
            w = weight.reshape(-1, *([1] * (array.ndim - 1)))
            return np.asarray(array[low] * (1 - w) + array[high] * w, dtype=np.float32)

        return MotionTrack(
            float(times_s[0]) if len(times_s) else self.start_s,
            mix(self.coeffs),
            mix(self.rotation),
            mix(self.translation),
            mix(self.gaze),
            mix(self.extras),
            self.sample_rate_hz,
            self.phones,
            self.words,
            self.meta,
        )

    def to_npz(self) -> bytes:
        """The track as a compressed npz with a JSON header."""
        header = {
            "schema_version": SCHEMA_VERSION,
            "coefficients": COEFFICIENTS,
            "extras": EXTRAS,
            "control_rate_hz": CONTROL_RATE_HZ,
            "start_s": self.start_s,
            "sample_rate_hz": self.sample_rate_hz,
            "phones": [p.model_dump() for p in self.phones],
            "words": [w.model_dump() for w in self.words],
            "meta": self.meta,
        }
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            header=np.frombuffer(json.dumps(header).encode(), np.uint8),
            coeffs=self.coeffs,
            rotation=self.rotation,
            translation=self.translation,
            gaze=self.gaze,
            extras=self.extras,
        )
        return buffer.getvalue()

    @classmethod
    def from_npz(cls, data: bytes) -> Self:
        """The track that ``to_npz`` wrote.

        Raises:
            ValueError: another schema version, other coefficient names, or broken data.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                arrays = {name: file[name] for name in _NPZ_NAMES}
            header = json.loads(bytes(arrays["header"]).decode())
            if header["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"motion schema {header['schema_version']}, expected {SCHEMA_VERSION}")
            _same_names("coefficients", header["coefficients"], COEFFICIENTS)
            _same_names("extras", header["extras"], EXTRAS)
            return cls(
                header["start_s"],
                arrays["coeffs"],
                arrays["rotation"],
                arrays["translation"],
                arrays["gaze"],
                arrays["extras"],
                header["sample_rate_hz"],
                tuple(TimedPhone(**p) for p in header["phones"]),
                tuple(TimedWord(**w) for w in header["words"]),
                header["meta"],
            )
        except (OSError, EOFError, KeyError, TypeError, BadZipFile, zlib.error) as error:
            raise ValueError("the data is no motion track") from error


def _same_names(what: str, found: Sequence[str], expected: Sequence[str]) -> None:
    if list(found) != list(expected):
        raise ValueError(f"the track's {what} are not those of this version")


def frame_span(first_sample: int, end_sample: int, sample_rate_hz: int, num: int, den: int) -> range:
    """The frames that belong to the samples [first, end): those whose start time falls inside.

    Frame k starts at k·den/num seconds. Consecutive spans neither overlap nor leave a gap, and the spans
    of [0, S) hold ceil(S·num / (rate·den)) frames in all.
    """

    def first_frame_from(sample: int) -> int:
        return -(-sample * num // (sample_rate_hz * den))

    return range(first_frame_from(first_sample), first_frame_from(end_sample))
