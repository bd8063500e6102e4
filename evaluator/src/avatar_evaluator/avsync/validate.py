"""How well the synchrony model does on clips that it has not seen: lines for the model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from avatar_evaluator.avsync.estimate import estimate
from avatar_evaluator.avsync.features import GRID_HZ, Features, Matrix, features
from avatar_evaluator.avsync.model import SyncModel
from avatar_evaluator.media import read_audio

GOOD_MS = 40.0
SHIFT_GOOD_MS = 20.0
SHIFTS_MS = tuple(range(-400, 401, 80))
WRONG_PER_WINDOW = 3
_HEAD_START_S = 1


@dataclass(frozen=True)
class Clip:
    """A clip's features, and the mouth they came from: times_s (N,), mouth (N, 4)."""

    path: Path
    pair: Features
    times_s: Matrix
    mouth: Matrix
    in_time: bool

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


Models = Mapping[str, SyncModel]
"""Clip → the model that was fitted without it."""


def leave_one_out(clips: Sequence[Clip], models: Models) -> Iterator[str]:
    """Offset, scores and confidence of each whole clip, and the share of known offsets within 40 ms."""
    known: list[float] = []
    for clip in clips:
        found = estimate(models[clip.name], clip.pair)
        known += [found.offset_ms] if clip.in_time else []
        yield (
            f"{clip.name}: offset {found.offset_ms:+.0f} ms, score {found.score:.2f}, "
            f"score0 {found.score0:.2f}, confidence {found.confidence:.2f}"
        )
    within = sum(abs(offset) <= GOOD_MS for offset in known)
    largest = max(map(abs, known), default=float("nan"))
    yield f"in-sync clips within {GOOD_MS:g} ms: {within} of {len(known)}, largest {largest:.0f} ms"


def windows(aligned: Mapping[str, Features], models: Models, seconds: float) -> str:
    """The share of windows, one each second, whose offset is within 40 ms."""
    errors = [abs(estimate(models[name], part).offset_ms) for name, part in _windows(aligned, seconds)]
    share = float(np.mean(np.array(errors) <= GOOD_MS)) if errors else float("nan")
    return f"{seconds:g}-s windows within {GOOD_MS:g} ms: {share:.2f} of {len(errors)}"


def wrong_sound(aligned: Mapping[str, Features], models: Models, seconds: float, seed: int = 0) -> str:
    """The area under the ROC curve of score0: a window's own sound against other clips' sound."""
    chance = np.random.default_rng(seed)
    length = round(seconds * GRID_HZ)
    right: list[float] = []
    wrong: list[float] = []
    for name, part in _windows(aligned, seconds):
        right.append(estimate(models[name], part).score0)
        for other, pair in aligned.items():
            if other == name or len(pair) < 0.95 * length:
                continue
            for _ in range(WRONG_PER_WINDOW):
                sound = pair.window(int(chance.integers(0, max(len(pair) - length, 0) + 1)), length).sound
                common = min(len(sound), len(part))
                mixed = Features(part.mouth[:common], sound[:common])
                wrong.append(estimate(models[name], mixed).score0)
    return (
        f"{seconds:g} s, own against wrong sound: AUC {auc(right, wrong):.3f} of {len(right)} × {len(wrong)}"
    )


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Area under the ROC curve: how often a positive is above a negative, ties counting half."""
    if not positive or not negative:
        return float("nan")
    above = np.subtract.outer(np.array(positive), np.array(negative))
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def known_shifts(clips: Sequence[Clip], models: Models, folder: Path) -> Iterator[str]:
    """How exactly −400…+400 ms of shift, written into files and read back, come out of each clip."""
    errors: list[float] = []
    for clip in clips:
        model = models[clip.name]
        before = estimate(model, clip.pair).offset_ms
        own: list[float] = []
        for shift in SHIFTS_MS:
            path = folder / "shifted.mkv"
            remux_shifted(clip.path, path, shift)
            audio = read_audio(path)
            pair = features(clip.times_s - clip.times_s[0] + _HEAD_START_S, clip.mouth, audio)
            if pair is not None:
                own.append(estimate(model, pair).offset_ms - before - shift)
        errors += own
        yield f"{clip.name}: shifts recovered within {max(map(abs, own)):.0f} ms"
    within = sum(abs(error) <= SHIFT_GOOD_MS for error in errors)
    yield f"shifts recovered within {SHIFT_GOOD_MS:g} ms: {within} of {len(errors)}"


def remux_shifted(source: Path, target: Path, shift_ms: float) -> None:
    """Copies the packets; the picture begins at 1 s, and the sound is ``shift_ms`` later than it was."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        picture, sound = reader.streams.video[0], reader.streams.audio[0]
        base_s = _first_time_s(source)
        streams = {
            picture.index: (writer.add_stream_from_template(picture), 0.0),
            sound.index: (writer.add_stream_from_template(sound), shift_ms / 1000),
        }
        for packet in reader.demux(picture, sound):
            if packet.dts is None or packet.time_base is None:
                continue
            stream, later_s = streams[packet.stream.index]
            move = round((_HEAD_START_S - base_s + later_s) / Fraction(packet.time_base))
            packet.pts = None if packet.pts is None else packet.pts + move
            packet.dts += move
            packet.stream = stream
            writer.mux(packet)


def _first_time_s(path: Path) -> float:
    """When the first frame is shown."""
    with av.open(str(path)) as container:
        return float(next(frame.time for frame in container.decode(video=0) if frame.time is not None))


def _windows(aligned: Mapping[str, Features], seconds: float) -> Iterator[tuple[str, Features]]:
    length = round(seconds * GRID_HZ)
    for name, pair in aligned.items():
        if len(pair) >= 0.95 * length:
            for start in range(0, max(len(pair) - length, 0) + 1, GRID_HZ):
                yield name, pair.window(start, length)
