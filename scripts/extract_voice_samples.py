"""Takes a reference voice out of each video: ``assets/videos/<lang>_*.mp4`` → ``assets/voice/<lang>_*.wav``.

The first 30 seconds of speech as mono 24 kHz PCM, with long silences shortened. Only for recordings of people
who agreed to it.
"""

from __future__ import annotations

import argparse
import sys
import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_RATE_HZ = 24_000
SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".wav", ".m4a", ".mp3")
FRAME_MS = 20
KEPT_SILENCE_MS = 240
"""Longest silence kept between words, and around them."""
OVER_NOISE_DB = 12.0
"""A frame this far above the noise floor (10th percentile) holds speech …"""
UNDER_LOUD_DB = 32.0
"""… unless it is further than this below the loud frames (95th percentile)."""
SHORTEST_SPEECH_S = 3.0


class SampleError(Exception):
    """A video from which no voice can be taken; the message says why."""


def decode(path: Path) -> NDArray[np.float32]:
    """(T,) float32 mono in [-1, 1] at 24 kHz: the file's first audio stream.

    Raises:
        SampleError: the file cannot be read or has no sound.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise SampleError("it has no sound")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
            pieces = [
                piece.to_ndarray()[0]
                for frame in (*container.decode(audio=0), None)
                for piece in resampler.resample(frame)
            ]
    except av.FFmpegError as error:
        raise SampleError(f"it cannot be read ({error.strerror})") from error
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)


def speech_mask(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) for each whole frame of 20 ms: whether it is kept, that is, speech or near to speech."""
    length = SAMPLE_RATE_HZ * FRAME_MS // 1000
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    if not len(frames):
        return np.zeros(0, np.bool_)
    level_db = 10.0 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-10)
    floor_db, loud_db = np.percentile(level_db, [10, 95])
    loud = level_db > max(min(floor_db + OVER_NOISE_DB, loud_db - 6.0), loud_db - UNDER_LOUD_DB, -60.0)
    reach = KEPT_SILENCE_MS // FRAME_MS // 2
    near = np.convolve(loud, np.ones(2 * reach + 1), mode="same") > 0.5
    return np.asarray(near, np.bool_)


def first_speech(samples: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """(T,) the first ``seconds`` of speech in ``samples``, peak at -1 dBFS.

    Raises:
        SampleError: there are less than three seconds of speech.
    """
    kept = np.repeat(speech_mask(samples), SAMPLE_RATE_HZ * FRAME_MS // 1000)
    speech = samples[: len(kept)][kept][: round(seconds * SAMPLE_RATE_HZ)]
    if len(speech) < SHORTEST_SPEECH_S * SAMPLE_RATE_HZ:
        raise SampleError(f"it holds {len(speech) / SAMPLE_RATE_HZ:.1f} s of speech, at least 3 s are needed")
    return np.asarray(speech * (10 ** (-1 / 20) / max(float(np.abs(speech).max()), 1e-6)), np.float32)


def write_wav(path: Path, samples: NDArray[np.float32]) -> None:
    """Writes 16-bit PCM; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with wave.open(str(part), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", ""))
            file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main() -> int:
    """The exit status: 0 every video gave a voice or had one, 1 one did not."""
    parser = argparse.ArgumentParser(
        description="Takes the first 30 seconds of speech of each video as a reference voice. "
        "Videos are named <language>_<anything>.mp4; voices that are there stay."
    )
    parser.add_argument("videos", nargs="*", type=Path, help="default: everything in assets/videos")
    parser.add_argument(
        "--out-dir", type=Path, default=ROOT / "assets" / "voice", help="default: assets/voice"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="of speech to keep (default 30)")
    parser.add_argument("--force", action="store_true", help="make voices again that are there")
    arguments = parser.parse_args()
    videos = arguments.videos or sorted(
        path for path in (ROOT / "assets" / "videos").glob("*_*") if path.suffix.lower() in SUFFIXES
    )
    if not videos:
        print("There is no video in assets/videos; name them for example en_interview.mp4.")
        return 0
    failures = 0
    for video in videos:
        out = arguments.out_dir / f"{video.stem.lower()}.wav"
        if out.exists() and not arguments.force:
            print(f"{out.name} is there already")
            continue
        try:
            speech = first_speech(decode(video), arguments.seconds)
        except SampleError as failure:
            failures += 1
            print(f"{video.name}: {failure}", file=sys.stderr)
            continue
        write_wav(out, speech)
        print(f"{video.name} → {out.name}, {len(speech) / SAMPLE_RATE_HZ:.1f} s of speech")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
