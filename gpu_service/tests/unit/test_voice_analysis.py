"""What a recording is refused for, what it is warned about, and what is measured."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_contracts.problems import AudioTooLong, AudioUnreadable, SpeechTooShort
from avatar_gpu.voice.analysis import analyse_recording

DIGEST = "0" * 64
RATE = 24_000


def wav(samples: NDArray[np.float64] | NDArray[np.float32], rate: int = RATE, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def babble(seconds: float, f0_hz: float = 120.0, rate: int = RATE) -> NDArray[np.float64]:
    """Syllables of a buzz with formants, 3 a second, with a pause every 2 s."""
    times = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(f0_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.5 * times))) / rate
    harmonics = sum(
        np.sin(k * phase) / k * (1 + 2 * np.exp(-(((k * f0_hz - 700) / 300) ** 2)))
        for k in range(1, int(0.45 * rate / f0_hz))
    )
    syllables = np.clip(np.sin(2 * np.pi * 3 * times), 0, 1) ** 0.5
    phrase = (times % 2.0) < 1.6
    return 0.1 * np.asarray(harmonics) * syllables * phrase


@pytest.mark.parametrize(
    "data", [b"", b"hello, this is text", b"\x00" * 4000, b"RIFF\x00\x00\x00\x00WAVE"], ids=str
)
def test_what_is_no_audio_is_unreadable(data: bytes) -> None:
    with pytest.raises(AudioUnreadable):
        analyse_recording(data, DIGEST)


@pytest.mark.parametrize(
    "samples",
    [
        babble(0.2),
        babble(2.0),
        np.zeros(10 * RATE),
        np.concatenate([babble(1.5), np.zeros(20 * RATE)]),
        0.0005 * np.random.default_rng(0).standard_normal(10 * RATE),
        0.1 * np.random.default_rng(0).standard_normal(10 * RATE),
    ],
    ids=["0.2 s", "2 s", "silence", "1.5 s and a long silence", "hiss", "white noise"],
)
def test_less_than_three_seconds_of_speech_is_refused(samples: NDArray[np.float64]) -> None:
    with pytest.raises(SpeechTooShort, match="speech"):
        analyse_recording(wav(samples), DIGEST)


def test_more_than_ten_minutes_is_refused() -> None:
    with pytest.raises(AudioTooLong):
        analyse_recording(wav(np.zeros(601 * 8_000), rate=8_000), DIGEST)


def test_a_good_recording_has_no_warnings_and_the_right_pitch() -> None:
    clip, summary = analyse_recording(wav(babble(15.0, 200.0)), DIGEST)

    assert summary.warnings == ()
    assert clip.sample_rate_hz == summary.sample_rate_hz == RATE
    assert summary.duration_s == pytest.approx(15.0, abs=0.01)
    assert 9 < summary.speech_s < 14
    assert summary.f0_median_hz == pytest.approx(200.0, rel=0.06)


def test_a_short_recording_is_warned_about() -> None:
    _, summary = analyse_recording(wav(babble(7.0)), DIGEST)

    assert [notice.code for notice in summary.warnings] == ["voice-short"]


def test_noise_is_warned_about_and_measured() -> None:
    hiss = 0.012 * np.random.default_rng(1).standard_normal(20 * RATE)
    _, summary = analyse_recording(wav(babble(20.0) + hiss), DIGEST)

    assert "voice-noisy" in [notice.code for notice in summary.warnings]
    assert summary.snr_db is not None
    assert summary.snr_db < 20


def test_clipping_is_warned_about() -> None:
    _, summary = analyse_recording(wav(np.clip(12 * babble(15.0), -0.9, 0.9)), DIGEST)

    assert "voice-clipped" in [notice.code for notice in summary.warnings]
    assert summary.clipped_fraction > 0.001


def test_a_telephone_recording_is_warned_about() -> None:
    _, summary = analyse_recording(wav(babble(15.0, rate=8_000), rate=8_000), DIGEST)

    assert "voice-narrowband" in [notice.code for notice in summary.warnings]


def test_a_dead_stereo_channel_does_not_halve_the_level() -> None:
    speech = babble(16.0)
    stereo = np.stack([speech, np.zeros_like(speech)], axis=1).reshape(-1)

    clip, summary = analyse_recording(wav(stereo, channels=2), DIGEST)

    assert summary.warnings == ()
    assert np.abs(clip.samples).max() == pytest.approx(np.abs(speech).max(), rel=0.05)
