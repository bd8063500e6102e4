"""Any recording that FFmpeg reads → mono float32 samples."""

from __future__ import annotations

import io

import av
import numpy as np
from numpy.typing import NDArray

from avatar_contracts.problems import AudioTooLong, AudioUnreadable


def decode_audio(data: bytes, sample_rate_hz: int, *, max_s: float = 600.0) -> NDArray[np.float32]:
    """The first audio stream of ``data`` as (T,) float32 mono in [-1, 1] at ``sample_rate_hz``.

    A channel that carries nothing is left out of the mono fold, so that a recording with one dead
    channel keeps its level.

    Raises:
        AudioUnreadable: no container FFmpeg knows, no audio stream, or nothing decodable in it.
        AudioTooLong: longer than ``max_s`` seconds.
    """
    try:
        channels = _decode(data, sample_rate_hz, max_s)
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise AudioUnreadable(
            "The file is no audio that can be decoded; send WAV, MP3, M4A, OGG, FLAC or a video with sound."
        ) from error
    if channels.size == 0:
        raise AudioUnreadable("The file holds no sound.")
    return _fold(channels)


def _decode(data: bytes, sample_rate_hz: int, max_s: float) -> NDArray[np.float32]:
    with av.open(io.BytesIO(data), mode="r", metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise AudioUnreadable("The file has no audio stream; send a recording with sound.")
        stream = container.streams.audio[0]
        layout = "stereo" if stream.codec_context.channels >= 2 else "mono"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=sample_rate_hz)
        pieces: list[NDArray[np.float32]] = []
        samples = 0
        for frame in container.decode(stream):
            for resampled in resampler.resample(frame):
                piece = resampled.to_ndarray()
                samples += piece.shape[1]
                if samples > max_s * sample_rate_hz:
                    raise AudioTooLong(f"The recording is longer than {max_s:.0f} s; send a shorter part.")
                pieces.append(piece)
        pieces.extend(rest.to_ndarray() for rest in resampler.resample(None))
    if not pieces:
        return np.zeros((1, 0), np.float32)
    return np.concatenate(pieces, axis=1)


def _fold(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    loudness = np.sqrt(np.mean(np.square(channels, dtype=np.float64), axis=1))
    alive = channels[loudness >= 1e-3 * float(loudness.max())]
    mono: NDArray[np.float32] = np.nan_to_num(alive.mean(axis=0)).astype(np.float32)
    return np.clip(mono, -1.0, 1.0)
