from __future__ import annotations

import io

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_contracts.problems import AudioTooLong, AudioUnreadable
from avatar_gpu.media.audio import decode_audio


def recording(samples: NDArray[np.float32], rate: int, codec: str, container: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        layout = "stereo" if samples.shape[0] == 2 else "mono"
        stream = output.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.codec_context.format, layout=layout, rate=rate, frame_size=stream.frame_size or None
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def tone(seconds: float, rate: int, channels: int = 1) -> NDArray[np.float32]:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


@pytest.mark.parametrize("data", [b"", b"This is a text, not a sound.", bytes(4000), b"RIFF\x10\0\0\0WAVE"])
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    with pytest.raises(AudioUnreadable):
        decode_audio(data, 24_000)


def test_an_image_is_refused_for_having_no_audio() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        output.mux(stream.encode(av.VideoFrame(32, 32, "yuvj420p")))
        output.mux(stream.encode(None))
    with pytest.raises(AudioUnreadable, match="no audio stream"):
        decode_audio(buffer.getvalue(), 24_000)


def test_a_long_recording_is_refused_while_it_is_decoded() -> None:
    with pytest.raises(AudioTooLong, match="2 s"):
        decode_audio(recording(tone(3, 8000), 8000, "pcm_s16le", "wav"), 24_000, max_s=2)


@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [
        ("pcm_s16le", "wav", 8000),
        ("pcm_s16le", "wav", 44100),
        ("flac", "flac", 48000),
        ("aac", "mp4", 44100),
        ("libmp3lame", "mp3", 22050),
        ("libopus", "ogg", 48000),
        ("libopus", "webm", 48000),
    ],
)
def test_common_formats_keep_length_and_level(codec: str, container: str, rate: int) -> None:
    samples = decode_audio(recording(tone(1, rate), rate, codec, container), 24_000)
    assert len(samples) == pytest.approx(24_000, abs=2_600)
    middle = samples[6_000:18_000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_a_dead_channel_does_not_halve_the_level() -> None:
    stereo = tone(1, 24_000, 2)
    stereo[1] = 0
    samples = decode_audio(recording(stereo, 24_000, "pcm_s16le", "wav"), 24_000)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)
