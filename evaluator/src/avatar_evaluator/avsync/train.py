"""``python -m avatar_evaluator.avsync.train CLIPS…``: fits the synchrony model, and says how well it does.

Clips are real people speaking. Those named with ``--in-sync`` (a glob of file names) are taken to be in time;
the others' offsets are estimated by the model of all the other clips, twice, and taken away before fitting.

``--validate`` also prints what the model card states: leave-one-clip-out offsets, windows of 3, 5 and 8 s,
matched against wrong sound (area under the ROC curve), and the recovery of known shifts in remuxed files.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from avatar_evaluator.avsync.estimate import estimate
from avatar_evaluator.avsync.features import Features, features
from avatar_evaluator.avsync.model import SyncModel, fit, save
from avatar_evaluator.avsync.validate import Clip, known_shifts, leave_one_out, windows, wrong_sound
from avatar_evaluator.faces.mesh import MeshTracker
from avatar_evaluator.faces.provider import LandmarkProvider, LandmarksUnavailable
from avatar_evaluator.media import MediaUnreadable, read_audio
from avatar_evaluator.observation import Unseen, observe

ROUNDS = 2

_log = logging.getLogger("avatar_evaluator.avsync.train")


class ClipUnusable(Exception):
    """A clip shows no face or is not to be heard; the message names it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, and writes the model; returns the exit code."""
    wanted = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        provider = MeshTracker(wanted.models)
        clips = [read_clip(path, provider, wanted.in_sync) for path in sorted(wanted.clips)]
    except (LandmarksUnavailable, ClipUnusable, MediaUnreadable) as error:
        _log.error("%s", error)
        return 2
    offsets = align(clips)
    if wanted.out:
        save(fit([clip.pair.shifted(offsets[clip.name]) for clip in clips]), wanted.out)
        digest = hashlib.sha256(wanted.out.read_bytes()).hexdigest()
        _log.info("%s: %d bytes, sha256 %s", wanted.out, wanted.out.stat().st_size, digest)
    if wanted.validate:
        report(clips, offsets)
    return 0


def read_clip(path: Path, provider: LandmarkProvider, in_sync: str) -> Clip:
    """The clip's features.

    Raises:
        ClipUnusable: no face, or too short.
        MediaUnreadable: no sound, or no media file.
    """
    face = observe(path, provider)
    if isinstance(face, Unseen):
        raise ClipUnusable(f"{path.name}: {face.reason}")
    mouth = face.mouth()
    pair = features(face.times_s, mouth, read_audio(path))
    if pair is None:
        raise ClipUnusable(f"{path.name}: less than a second shows a face and is heard")
    return Clip(path, pair, face.times_s, mouth, in_time=fnmatch(path.name, in_sync))


def align(clips: Sequence[Clip]) -> dict[str, float]:
    """Each clip's offset in ms: 0 where it is known to be in time, else by the model of the other clips."""
    offsets = {clip.name: 0.0 for clip in clips}
    for _ in range(ROUNDS):
        offsets = {
            clip.name: 0.0
            if clip.in_time
            else estimate(model_without(clip, clips, offsets), clip.pair).offset_ms
            for clip in clips
        }
    return offsets


def model_without(left_out: Clip, clips: Sequence[Clip], offsets: dict[str, float]) -> SyncModel:
    """The model of all clips but one."""
    return fit([clip.pair.shifted(offsets[clip.name]) for clip in clips if clip is not left_out])


def report(clips: Sequence[Clip], offsets: dict[str, float]) -> None:
    """Writes the figures of the model card."""
    models = {clip.name: model_without(clip, clips, offsets) for clip in clips}
    aligned: dict[str, Features] = {clip.name: clip.pair.shifted(offsets[clip.name]) for clip in clips}
    for line in leave_one_out(clips, models):
        _log.info("%s", line)
    for seconds in (3.0, 5.0, 8.0):
        _log.info("%s", windows(aligned, models, seconds))
        _log.info("%s", wrong_sound(aligned, models, seconds))
    with tempfile.TemporaryDirectory() as folder:
        for line in known_shifts(clips, models, Path(folder)):
            _log.info("%s", line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m avatar_evaluator.avsync.train", description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path, help="videos of people speaking")
    parser.add_argument("--in-sync", default="grid_*", help="file names that are in time (%(default)s)")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder with mediapipe/*.tflite")
    parser.add_argument("--out", type=Path, help="where the model is written")
    parser.add_argument("--validate", action="store_true", help="print the figures of the model card")
    return parser


if __name__ == "__main__":
    sys.exit(main())
