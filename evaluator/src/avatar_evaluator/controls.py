"""Controls: faults put into a good video, each with the metric that must see it.

They test the metrics, not the product, and belong to every run: a metric that cannot tell a video from its
spoilt twin says nothing about the video either. Faults of the picture are put into its frames and looked at
anew; faults of sound and timing into what was read from the file. The unspoilt video is the reference, where
a metric needs one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from avatar_contracts.model import Reply
from avatar_evaluator.faces.provider import LandmarkProvider, RgbImage
from avatar_evaluator.media import frames
from avatar_evaluator.metrics import METRICS
from avatar_evaluator.observation import Unseen, observe_frames
from avatar_evaluator.recording import Recording, References

LONGEST_FRAMES = 150
"""Faults of the picture are put into this many frames: enough to see them, in a few seconds."""

Timed = Iterator[tuple[float, RgbImage]]
Sound = NDArray[np.float32]
Outcome = Literal["caught", "missed", "skipped"]


class Control(Reply):
    """One fault, the metric that must see it, its value before and after, and what came of it."""

    fault: str
    metric: str
    expectation: str
    before: float | None
    after: float | None
    outcome: Outcome
    reason: str | None = None


@dataclass(frozen=True)
class Fault:
    """How a video is spoilt, and when ``metric`` has seen it: ``seen(before, after)``."""

    name: str
    metric: str
    expectation: str
    seen: Callable[[float, float], bool]
    of_recording: Callable[[Recording], Recording] | None = None
    of_frames: Callable[[Timed], Timed] | None = None


def run_controls(recording: Recording, provider: LandmarkProvider | None) -> tuple[Control, ...]:
    """Each fault's outcome on ``recording``; skipped where the good video has no value of the metric."""
    own_voice = dataclasses.replace(recording, references=References(voice=recording.media.audio))
    pictures: Recording | None = None
    if provider is not None and not isinstance(recording.face, Unseen):
        good = _looked_at(own_voice, provider, iter)
        portrait = None if isinstance(good.face, Unseen) else good.face
        pictures = dataclasses.replace(good, references=References(portrait=portrait))
    found: list[Control] = []
    for fault in FAULTS:
        if fault.of_recording is not None:
            found.append(_judged(fault, own_voice, fault.of_recording))
        elif fault.of_frames is not None and pictures is not None and provider is not None:
            found.append(_judged(fault, pictures, _looking(fault.of_frames, provider)))
        else:
            reason = recording.face.reason if isinstance(recording.face, Unseen) else "no face is looked for"
            found.append(_skipped(fault, reason))
    return tuple(found)


def _judged(fault: Fault, good: Recording, spoil: Callable[[Recording], Recording]) -> Control:
    before = METRICS[fault.metric](good)
    if not isinstance(before.value, int | float):
        return _skipped(fault, before.reason or "no value")
    if good.media.audio is None or good.media.video is None:
        return _skipped(fault, "the file lacks picture or sound")
    after = METRICS[fault.metric](spoil(good))
    value = after.value if isinstance(after.value, int | float) else None
    caught = value is not None and fault.seen(before.value, value)
    return Control(
        fault=fault.name,
        metric=fault.metric,
        expectation=fault.expectation,
        before=before.value,
        after=value,
        outcome="caught" if caught else "missed",
        reason=after.reason,
    )


def _skipped(fault: Fault, reason: str) -> Control:
    return Control(
        fault=fault.name,
        metric=fault.metric,
        expectation=fault.expectation,
        before=None,
        after=None,
        outcome="skipped",
        reason=reason,
    )


def _looking(spoil: Callable[[Timed], Timed], provider: LandmarkProvider) -> Callable[[Recording], Recording]:
    return lambda recording: _looked_at(recording, provider, spoil)


def _looked_at(
    recording: Recording, provider: LandmarkProvider, spoil: Callable[[Timed], Timed]
) -> Recording:
    shown = spoil(islice(frames(recording.path), LONGEST_FRAMES))
    return dataclasses.replace(recording, face=observe_frames(shown, provider))


def _sounding(recording: Recording, change: Callable[[Sound], Sound]) -> Recording:
    audio = recording.media.audio
    if audio is None:
        return recording
    samples = np.ascontiguousarray(change(audio.samples), dtype=np.float32)
    spoilt = dataclasses.replace(audio, samples=samples)
    return dataclasses.replace(recording, media=dataclasses.replace(recording.media, audio=spoilt))


def _later_sound(milliseconds: float) -> Callable[[Recording], Recording]:
    def spoil(recording: Recording) -> Recording:
        audio = recording.media.audio
        if audio is None:
            return recording
        spoilt = dataclasses.replace(audio, start_s=audio.start_s + milliseconds / 1000)
        return dataclasses.replace(recording, media=dataclasses.replace(recording.media, audio=spoilt))

    return spoil


def _timed(recording: Recording, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Recording:
    video = recording.media.video
    if video is None:
        return recording
    spoilt = dataclasses.replace(video, times_s=change(video.times_s))
    return dataclasses.replace(recording, media=dataclasses.replace(recording.media, video=spoilt))


def _wrong_sound(recording: Recording) -> Recording:
    return _sounding(recording, lambda samples: samples[::-1])


def _other_speaker(recording: Recording) -> Recording:
    return _sounding(
        recording, lambda samples: np.asarray(signal.resample_poly(samples, 20, 27, axis=0), np.float32)
    )


def _click(recording: Recording) -> Recording:
    def join(samples: Sound) -> Sound:
        spoilt = samples.copy()
        spoilt[len(spoilt) // 2] += 0.5
        return spoilt

    return _sounding(recording, join)


def _clipped(recording: Recording) -> Recording:
    def cut(samples: Sound) -> Sound:
        return np.asarray(np.clip(samples * (4 / max(float(np.abs(samples).max()), 1e-6)), -1, 1), np.float32)

    return _sounding(recording, cut)


def _gap(recording: Recording) -> Recording:
    length = 0 if recording.media.audio is None else recording.media.audio.sample_rate_hz * 3 // 2

    def silence(samples: Sound) -> Sound:
        third = len(samples) // 3
        return np.concatenate(
            [samples[:third], np.zeros((length, samples.shape[1]), np.float32), samples[third:]]
        )

    return _sounding(recording, silence)


def _frozen(shown: Timed) -> Timed:
    first: RgbImage | None = None
    for time_s, rgb in shown:
        first = rgb if first is None else first
        yield time_s, first


def _doubled(shown: Timed) -> Timed:
    before: RgbImage | None = None
    for index, (time_s, rgb) in enumerate(shown):
        before = rgb if before is None or index % 2 == 0 else before
        yield time_s, before


def _each(change: Callable[[int, RgbImage], NDArray[Any]]) -> Callable[[Timed], Timed]:
    def spoil(shown: Timed) -> Timed:
        for index, (time_s, rgb) in enumerate(shown):
            yield time_s, np.asarray(change(index, rgb), np.uint8)

    return spoil


def _blurred(index: int, rgb: RgbImage) -> NDArray[Any]:
    del index
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), max(rgb.shape[:2]) / 250))


def _flickering(index: int, rgb: RgbImage) -> NDArray[Any]:
    return np.asarray(np.clip(rgb * (1.03 if index % 2 else 0.97), 0, 255))


def _shaking(index: int, rgb: RgbImage) -> NDArray[Any]:
    """A shake of a two-hundredth of the picture, the same in every run."""
    x, y = np.random.default_rng(index).normal(0, max(rgb.shape[:2]) / 200, 2)
    matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    return np.asarray(cv2.warpAffine(rgb, matrix, rgb.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))


FAULTS: tuple[Fault, ...] = (
    Fault(
        "sound 80 ms late",
        "sync.offset",
        "80 ± 30 ms more",
        lambda before, after: 50 <= after - before <= 110,
        _later_sound(80),
    ),
    Fault(
        "sound 200 ms late",
        "sync.score0",
        "at least 0.1 lower",
        lambda before, after: after < before - 0.1,
        _later_sound(200),
    ),
    Fault(
        "another sound",
        "sync.score0",
        "at least 0.1 lower",
        lambda before, after: after < before - 0.1,
        _wrong_sound,
    ),
    Fault(
        "another speaker",
        "voice.pitch_gap",
        "at least 3.5 semitones off",
        lambda before, after: abs(after - before) >= 3.5,
        _other_speaker,
    ),
    Fault("click at a join", "audio.clicks", "one more", lambda before, after: after == before + 1, _click),
    Fault(
        "clipped sound",
        "audio.clipping",
        "more than 1000 ppm",
        lambda before, after: after > max(1000, 2 * before),
        _clipped,
    ),
    Fault(
        "a hole in the speech",
        "audio.longest_pause",
        "at least 1.4 s",
        lambda before, after: after >= max(1400, before),
        _gap,
    ),
    Fault(
        "dropped frames",
        "container.frame_timing",
        "at least one fault more",
        lambda before, after: after > before,
        lambda recording: _timed(recording, lambda times: np.delete(times, [len(times) // 2])),
    ),
    Fault(
        "late first frame",
        "container.av_difference",
        "at least four frames off",
        lambda before, after: abs(after - before) >= 4,
        lambda recording: _timed(recording, lambda times: times + 0.3),
    ),
    Fault(
        "frozen picture",
        "picture.frozen_frames",
        "at least 90 %",
        lambda before, after: after >= 90 > before,
        of_frames=_frozen,
    ),
    Fault(
        "doubled frames",
        "picture.frozen_frames",
        "at least 30 % more",
        lambda before, after: after >= before + 30,
        of_frames=_doubled,
    ),
    Fault(
        "blur",
        "picture.sharpness",
        "below 0.7",
        lambda before, after: after < 0.7 * before,
        of_frames=_each(_blurred),
    ),
    Fault(
        "flicker",
        "picture.flicker",
        "at least three times",
        lambda before, after: after >= 3 * before,
        of_frames=_each(_flickering),
    ),
    Fault(
        "shaking picture",
        "picture.shake",
        "at least twice",
        lambda before, after: after >= 2 * before,
        of_frames=_each(_shaking),
    ),
)
"""Fault → metric → expectation."""


def missed(controls: Iterable[Control]) -> list[Control]:
    """The faults that no metric saw."""
    return [control for control in controls if control.outcome == "missed"]
