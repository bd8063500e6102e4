"""``python -m avatar_gpu.render.mesh.report PHOTO TEXT_OR_TRACK -o DIR``: how well one face speaks.

Writes ``sheet.png`` (rest, open, closed, round, stretch, labiodental, blink, turns), ``frames.png`` (the
speech, frame by frame) and ``metrics.json``. The metrics find the face again in the rendered frames with the
network and compare it with what was commanded.

The second argument is a motion track (``.npz``, see ``MotionTrack.to_npz``) or a text, which the built-in
speech and motion engines then speak.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENT_INDEX, EXTRA_INDEX, MotionTrack
from avatar_contracts.performance import MotionOptions
from avatar_contracts.speech import SpeechRequest
from avatar_gpu.portrait import PortraitAnalyser
from avatar_gpu.portrait import topology as face
from avatar_gpu.protocols import EngineContext, RgbImage
from avatar_gpu.render.mesh.engine import MeshEngine, MeshLikeness
from avatar_gpu.render.mesh.geometry import signed_area

FRAME_RATE_HZ = 25
BILABIALS = frozenset("pbmβɓ")
CLOSED_MARGIN = 0.02
"""Inter-ocular distances above the gap that the network reads on this face's closed lips."""
VISIBLE_AREA = 6e-6
"""Triangles below this fraction of the crop cannot be seen."""
RIGID = (10, 151, 9, 8, 168, 6, 197, 33, 133, 362, 263, 127, 356)
"""Forehead, bridge of the nose, eye corners, temples: they move with the head alone."""
SPEECH_ENGINE = "avatar_gpu.speech.espeak.engine:EspeakEngine"
MOTION_ENGINE = "avatar_gpu.motion.phonetic.engine:PhoneticEngine"

Landmarks = Callable[[RgbImage], NDArray[np.float64] | None]


@dataclass(frozen=True)
class Metrics:
    """What was measured. Lengths are in inter-ocular distances; None where there was nothing to measure.

    lip_gap_correlation: of the commanded and the found lip gap; bilabials_closed of bilabials: phones with at
    least two frames (or all they have) of closed lips; jitter: mean second difference of the nose bridge that
    was not commanded; rigid_shape_error: of the rigid landmarks after a similarity fit to the rest frame.
    """

    frames: int
    faces_lost: int
    lip_gap_correlation: float | None
    lip_gap_largest: float
    bilabials: int
    bilabials_closed: int
    jitter: float | None
    rigid_shape_error: float | None
    flipped_triangles: int


def key_poses() -> dict[str, MotionTrack]:
    """The poses of the contact sheet, one control point each."""

    def pose(
        speaking: float = 1.0, turn: tuple[float, float, float] = (0, 0, 0), **asked: float
    ) -> MotionTrack:
        track = MotionTrack.rest(1)
        for name, value in asked.items():
            sides = [name] if name in COEFFICIENT_INDEX else [name + "Left", name + "Right"]
            for side in sides:
                track.coeffs[0, COEFFICIENT_INDEX[side]] = value
        track.rotation[0] = np.radians(turn)
        track.extras[0, EXTRA_INDEX["speaking"]] = speaking
        track.extras[0, EXTRA_INDEX["rounding"]] = max(asked.get("mouthPucker", 0), 0)
        return track

    return {
        "rest": pose(0),
        "open": pose(jawOpen=0.46, mouthLowerDown=0.18, mouthUpperUp=0.12),
        "closed": pose(jawOpen=0.1, mouthClose=1, mouthPress=0.55, mouthRollLower=0.18, mouthRollUpper=0.12),
        "round u": pose(jawOpen=0.12, mouthFunnel=0.22, mouthPucker=0.7),
        "round o": pose(jawOpen=0.3, mouthFunnel=0.55, mouthPucker=0.1),
        "stretch": pose(jawOpen=0.1, mouthStretch=0.34, mouthSmile=0.22, mouthLowerDown=0.24),
        "labiodental": pose(jawOpen=0.045, mouthRollLower=0.75, mouthUpperUp=0.45),
        "blink": pose(eyeBlink=1),
        "yaw +12": pose(0, (12, 0, 0)),
        "yaw -12": pose(0, (-12, 0, 0)),
        "pitch +8": pose(0, (0, 8, 0)),
        "roll 8, open": pose(1, (5, -5, 8), jawOpen=0.3),
    }


def contact_sheet(engine: MeshEngine, likeness: MeshLikeness) -> RgbImage:
    """The key poses, six in a row, each with its name."""
    tiles = []
    for name, track in key_poses().items():
        (frame,) = engine.render(likeness, track)
        cv2.putText(
            frame, name, (8, frame.shape[0] - 10), 0, frame.shape[0] / 700, (255, 255, 0), 1, cv2.LINE_AA
        )
        tiles.append(frame)
    return np.concatenate([np.concatenate(tiles[i : i + 6], axis=1) for i in range(0, len(tiles), 6)])


def measure(
    engine: MeshEngine, likeness: MeshLikeness, poses: MotionTrack, find: Landmarks
) -> tuple[Metrics, list[RgbImage]]:
    """The metrics of a rendered track whose control points stand at ``FRAME_RATE_HZ``, and its frames."""
    closed_reference = _closed_gap(engine, likeness, find)
    commanded, detected, bridge, shapes = [], [], [], []
    frames: list[RgbImage] = []
    lost = flipped = 0
    rest_points = _rest_points(engine, likeness, find)
    skin, floor = _visible_skin(likeness)
    for i, frame in enumerate(engine.render(likeness, poses)):
        frames.append(frame)
        weights = likeness.controls.weights(poses.coeffs[i], poses.extras[i])
        gaps = likeness.shapes.rest_gap + weights @ likeness.shapes.opening
        commanded.append(float(gaps.max()) / likeness.mesh.frame.interocular)
        moved = likeness.rest + np.einsum("k,kvd->vd", weights, likeness.shapes.displacements)
        flipped += int((signed_area(moved[:, :2].astype(np.float64), skin) < -floor).sum())
        points = find(frame)
        if points is None:
            lost += 1
            detected.append(np.nan)
            continue
        scale = _interocular(points)
        detected.append(float(np.hypot(*(points[14] - points[13])[:2])) / scale)
        bridge.append(points[168, :2] / scale)
        if rest_points is not None:
            shapes.append(_shape_error(points[list(RIGID), :2], rest_points[list(RIGID), :2]) / scale)
    found = np.array(detected)
    seen = np.isfinite(found)
    closed = found <= closed_reference + CLOSED_MARGIN
    total, shut = _bilabials(poses, closed)
    return (
        Metrics(
            frames=poses.size,
            faces_lost=lost,
            lip_gap_correlation=_correlation(np.array(commanded)[seen], found[seen]),
            lip_gap_largest=float(np.nanmax(found)) if seen.any() else 0.0,
            bilabials=total,
            bilabials_closed=shut,
            jitter=_jitter(np.array(bridge)),
            rigid_shape_error=float(np.mean(shapes)) if shapes else None,
            flipped_triangles=flipped,
        ),
        frames,
    )


def _visible_skin(likeness: MeshLikeness) -> tuple[NDArray[np.int32], float]:
    skin = likeness.mesh.triangles[~likeness.mesh.is_hole]
    area = signed_area(likeness.rest[:, :2].astype(np.float64), skin)
    floor = VISIBLE_AREA * likeness.mesh.crop.image.shape[0] ** 2
    return skin[area > floor], floor


def _interocular(points: NDArray[np.float64]) -> float:
    return float(np.hypot(*(points[face.LEFT_OUTER_CORNER] - points[face.RIGHT_OUTER_CORNER])[:2]))


def _rest_points(engine: MeshEngine, likeness: MeshLikeness, find: Landmarks) -> NDArray[np.float64] | None:
    (frame,) = engine.render(likeness, key_poses()["rest"])
    return find(frame)


def _closed_gap(engine: MeshEngine, likeness: MeshLikeness, find: Landmarks) -> float:
    (frame,) = engine.render(likeness, key_poses()["closed"])
    points = find(frame)
    return 0.0 if points is None else float(np.hypot(*(points[14] - points[13])[:2])) / _interocular(points)


def _bilabials(poses: MotionTrack, closed: NDArray[np.bool_]) -> tuple[int, int]:
    """How many there are, and how many of them have two closed frames (one where they last no longer)."""
    total = shut = 0
    for phone in poses.phones:
        if not BILABIALS & set(phone.ipa):
            continue
        times = np.array([phone.start, phone.end]) / poses.sample_rate_hz - poses.start_s
        first, last = int(np.floor(times[0] * FRAME_RATE_HZ)) - 1, int(np.ceil(times[1] * FRAME_RATE_HZ)) + 1
        window = closed[max(0, first) : max(0, last + 1)]
        if len(window):
            total += 1
            shut += int(window.sum() >= min(2, len(window)))
    return total, shut


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    if len(a) < 3 or a.std() < 1e-6 or b.std() < 1e-6:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _jitter(path: NDArray[np.float64]) -> float | None:
    """Mean length of the second difference that a smooth curve through five points does not explain."""
    if len(path) < 7:
        return None
    kernel = np.array([-3, 12, 17, 12, -3]) / 35
    smooth = np.column_stack([np.convolve(path[:, axis], kernel, "valid") for axis in (0, 1)])
    return float(np.hypot(*np.diff(path[2:-2] - smooth, 2, axis=0).T).mean())


def _shape_error(points: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Mean distance after the similarity that fits best (S. Umeyama, 1991), pixels."""
    a, b = reference - reference.mean(0), points - points.mean(0)
    u, singular, vt = np.linalg.svd(b.T @ a)
    flip = np.diag([1.0, np.sign(np.linalg.det(u @ vt))])
    scale = float((singular * np.diag(flip)).sum() / (a**2).sum())
    return float(np.hypot(*(b - scale * a @ (u @ flip @ vt).T).T).mean())


def speak(text: str, language: str, models_dir: Path) -> MotionTrack:
    """Motion for a text by the built-in engines, at ``FRAME_RATE_HZ`` control points a second.

    The engines are looked up by name when they are needed, as the catalogue does: rendering itself knows
    nothing of speech.
    """
    context = EngineContext("cpu", models_dir, 1)
    speech, motion = (_engine(target, context) for target in (SPEECH_ENGINE, MOTION_ENGINE))
    try:
        request = SpeechRequest(text=text, language=language)
        clips = list(speech.speak(request, None, lambda: False))
        session = motion.start(MotionOptions(), speech.sample_rate_hz)
        parts = [session.feed(clip, last=i == len(clips) - 1) for i, clip in enumerate(clips)]
        phones, start = [], 0
        for clip in clips:
            phones += [
                p.model_copy(update={"start": p.start + start, "end": p.end + start}) for p in clip.phones
            ]
            start += len(clip.samples)
    finally:
        speech.close()
        motion.close()
    return _joined(parts, start / speech.sample_rate_hz, tuple(phones), speech.sample_rate_hz)


def _engine(target: str, context: EngineContext) -> Any:
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)(context)


def _joined(
    parts: list[MotionTrack], duration_s: float, phones: tuple[Any, ...], sample_rate_hz: int
) -> MotionTrack:
    times = np.arange(int(duration_s * FRAME_RATE_HZ)) / FRAME_RATE_HZ
    owner = np.searchsorted([part.start_s for part in parts], times + 1e-9, side="right") - 1
    joined = MotionTrack.rest(len(times))
    for number, part in enumerate(parts):
        mine = owner == number
        if mine.any():
            sampled = part.at(times[mine])
            for name in ("coeffs", "rotation", "translation", "gaze", "extras"):
                getattr(joined, name)[mine] = getattr(sampled, name)
    return MotionTrack(
        0.0,
        joined.coeffs,
        joined.rotation,
        joined.translation,
        joined.gaze,
        joined.extras,
        sample_rate_hz,
        phones,
    )


def _strip(frames: list[RgbImage], columns: int = 12, most: int = 96) -> RgbImage:
    """Every frame of the beginning, small, row by row."""
    small = [cv2.resize(frame, (160, 160), interpolation=cv2.INTER_AREA) for frame in frames[:most]]
    while len(small) % columns:
        small.append(np.zeros_like(small[0]))
    return np.concatenate(
        [np.concatenate(small[i : i + columns], axis=1) for i in range(0, len(small), columns)]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m avatar_gpu.render.mesh.report", description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("speech", metavar="TEXT_OR_TRACK")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--language", default="en")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--models", type=Path, default=Path(os.environ.get("MODELS_DIR", "models")))
    return parser.parse_args()


def _write(path: Path, image: RgbImage) -> Path:
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
        raise OSError(f"{path} could not be written")
    return path


def main() -> None:
    """Runs the report and prints where it lies."""
    options = _arguments()
    data = options.photo.read_bytes()
    analyser = PortraitAnalyser(options.models)
    engine = MeshEngine(EngineContext("cpu", options.models, 1))
    likeness = engine.prepare(analyser.analyse(data, sha256(data).hexdigest()), options.size)
    if options.speech.endswith(".npz"):
        track = MotionTrack.from_npz(Path(options.speech).read_bytes())
        count = int(track.size * FRAME_RATE_HZ / 100)
        poses = track.at(track.start_s + np.arange(count) / FRAME_RATE_HZ)
    else:
        poses = speak(options.speech, options.language, options.models)
    metrics, frames = measure(engine, likeness, poses, analyser.landmarks)
    options.output.mkdir(parents=True, exist_ok=True)
    written = [
        _write(options.output / "sheet.png", contact_sheet(engine, likeness)),
        _write(options.output / "frames.png", _strip(frames)),
    ]
    (options.output / "metrics.json").write_text(json.dumps(asdict(metrics), indent=2))
    for name, value in asdict(metrics).items():
        print(f"{name:>22}  {value if not isinstance(value, float) else round(value, 4)}")
    print("\n".join(str(path) for path in [*written, options.output / "metrics.json"]))


if __name__ == "__main__":
    main()
