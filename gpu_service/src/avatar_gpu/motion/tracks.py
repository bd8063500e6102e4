"""Operations on ``MotionTrack``s that engines and renderers of any kind need: joining and resampling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENTS, CONTROL_RATE_HZ, MotionTrack

CROSSFADE_S = 0.16
_SHORT_EVENTS = (
    *("mouthClose", "mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper"),
    *("eyeBlinkLeft", "eyeBlinkRight"),
)
"""Contacts and blinks: shorter than a few frames, and wrong where they are only partly there."""
_IS_SHORT = np.array([name in _SHORT_EVENTS for name in COEFFICIENTS])
_TAPS = np.linspace(-2.5, 2.5, 11)
_WEIGHTS = np.exp(-0.5 * _TAPS**2)
_WEIGHTS /= _WEIGHTS.sum()
_PASSBAND = 0.30
"""Standard deviation of the low-pass in frames: -3 dB at 0.44 of the frame rate."""

FloatArray = NDArray[np.float32]
_NAMES = ("coeffs", "rotation", "translation", "gaze", "extras")


def concatenated(tracks: Sequence[MotionTrack], crossfade_s: float = CROSSFADE_S) -> MotionTrack:
    """One track over consecutive ``tracks``, on one grid, with every jump at a joint faded over.

    A track ends where the next one starts; what it holds beyond is left out. At a joint both sides move
    towards the middle of the jump over half of ``crossfade_s`` each, or over the whole of a shorter track.

    Raises:
        ValueError: no track, or starts that do not ascend, or different sample rates.
    """
    if not tracks:
        raise ValueError("there is no track to concatenate")
    if any(b.start_s < a.start_s for a, b in pairwise(tracks)):
        raise ValueError("the tracks do not follow one another")
    if len({t.sample_rate_hz for t in tracks}) > 1:
        raise ValueError("the tracks count different samples")
    first, last = tracks[0], tracks[-1]
    end_s = last.start_s + (last.size - 1) / CONTROL_RATE_HZ
    size = round((end_s - first.start_s) * CONTROL_RATE_HZ) + 1
    times_s = first.start_s + np.arange(size) / CONTROL_RATE_HZ
    owner = np.searchsorted([t.start_s for t in tracks], times_s + 1e-9, side="right") - 1
    poses = [tracks[index].at(times_s[owner == index]) for index in range(len(tracks))]
    arrays = {name: np.concatenate([getattr(p, name) for p in poses]) for name in _NAMES}
    for index, (before, after) in enumerate(pairwise(tracks)):
        until_s = tracks[index + 2].start_s if index + 2 < len(tracks) else end_s
        joint_s = np.array([after.start_s])
        fade = _fade_around(after.start_s, before.start_s, until_s, times_s, crossfade_s)
        for name, array in arrays.items():
            jump = getattr(after.at(joint_s), name)[0] - getattr(before.at(joint_s), name)[0]
            array += (fade.reshape(-1, *([1] * jump.ndim)) * jump).astype(np.float32)
    return replace(
        first,
        coeffs=arrays["coeffs"],
        rotation=arrays["rotation"],
        translation=arrays["translation"],
        gaze=arrays["gaze"],
        extras=arrays["extras"],
        phones=tuple(p for t in tracks for p in t.phones),
        words=tuple(w for t in tracks for w in t.words),
    )


def frame_poses(track: MotionTrack, times_s: NDArray[np.float64], frame_rate_hz: float) -> MotionTrack:
    """``track`` at frames' ``times_s``, limited to the band that ``frame_rate_hz`` can show.

    Slow channels are averaged with a Gaussian of 0.3 frames, so that nothing above the frames' Nyquist rate
    turns into jitter. Lip contacts and blinks are sampled as they are: softened, they would no longer close.
    """
    if frame_rate_hz >= CONTROL_RATE_HZ:
        return track.at(times_s)
    offsets_s = _TAPS * _PASSBAND / frame_rate_hz
    taps = [track.at(times_s + offset) for offset in offsets_s]
    exact = track.at(times_s)

    def mean(of: Callable[[MotionTrack], FloatArray]) -> FloatArray:
        stacked = np.stack([of(tap) for tap in taps])
        return np.asarray(np.tensordot(_WEIGHTS, stacked, axes=1), dtype=np.float32)

    coeffs = mean(lambda t: t.coeffs)
    coeffs[:, _IS_SHORT] = exact.coeffs[:, _IS_SHORT]
    return replace(
        exact,
        coeffs=coeffs,
        rotation=mean(lambda t: t.rotation),
        translation=mean(lambda t: t.translation),
        gaze=mean(lambda t: t.gaze),
        extras=mean(lambda t: t.extras),
    )


def _fade_around(
    joint_s: float, from_s: float, until_s: float, times_s: NDArray[np.float64], crossfade_s: float
) -> NDArray[np.float64]:
    """What part of the jump to add: 0 … ½ before the joint, -½ … 0 after it."""
    before_s = max(min(crossfade_s / 2, joint_s - from_s), 1e-6)
    after_s = max(min(crossfade_s / 2, until_s - joint_s), 1e-6)
    earlier = np.clip((times_s - joint_s) / before_s + 1, 0, 1)
    later = np.clip(1 - (times_s - joint_s) / after_s, 0, 1)
    in_earlier = times_s < joint_s - 1e-9
    return np.where(in_earlier, 0.5 * _smooth(earlier), -0.5 * _smooth(later))


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(x * x * (3 - 2 * x))
