"""A ``MotionTrack`` checks its shapes, resamples, travels as npz, and gives each frame to one clip."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from avatar_contracts.motion import (
    COEFFICIENT_INDEX,
    COEFFICIENTS,
    CONTROL_RATE_HZ,
    EXTRAS,
    MotionTrack,
    frame_span,
)
from avatar_contracts.timeline import TimedPhone, TimedWord


def moving(size: int, start_s: float = 0.0) -> MotionTrack:
    """A track whose every channel is a ramp."""

    def ramp(*shape: int) -> NDArray[np.float32]:
        return np.linspace(0, 1, size, dtype=np.float32).reshape(-1, *([1] * len(shape))) * np.ones(
            (1, *shape), np.float32
        )

    return MotionTrack(start_s, ramp(len(COEFFICIENTS)), ramp(3), ramp(3), ramp(2, 2), ramp(len(EXTRAS)))


@pytest.mark.parametrize("name", ["coeffs", "rotation", "translation", "gaze", "extras"])
def test_a_wrong_shape_or_a_value_that_is_not_finite_is_refused(name: str) -> None:
    track = MotionTrack.rest(4)
    wide: dict[str, Any] = {name: np.zeros((4, 99), np.float32)}
    with pytest.raises(ValueError, match=name):
        dataclasses.replace(track, **wide)
    array = getattr(track, name).copy()
    array.flat[1] = np.nan
    broken: dict[str, Any] = {name: array}
    with pytest.raises(ValueError, match="not finite"):
        dataclasses.replace(track, **broken)


def test_the_coefficients_are_the_fifty_two_of_arkit() -> None:
    assert len(COEFFICIENTS) == len(set(COEFFICIENTS)) == 52
    assert COEFFICIENT_INDEX["jawOpen"] == COEFFICIENTS.index("jawOpen")


def test_at_is_linear_between_control_points_and_held_at_both_ends() -> None:
    track = moving(11, start_s=2.0)
    poses = track.at(np.array([0.0, 2.0, 2.005, 2.05, 2.1, 9.0]))
    assert poses.rotation[:, 0] == pytest.approx([0, 0, 0.05, 0.5, 1, 1], abs=1e-6)
    assert poses.gaze[:, 1, 1] == pytest.approx([0, 0, 0.05, 0.5, 1, 1], abs=1e-6)
    assert poses.start_s == 0.0


def test_at_works_on_a_single_control_point_and_for_no_times() -> None:
    track = MotionTrack.rest(1, start_s=3.0)
    assert track.at(np.array([1.0, 3.0, 5.0])).size == 3
    assert moving(5).at(np.zeros(0)).size == 0


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(-1, 3)))
def test_at_never_leaves_the_range_of_the_control_points(times: NDArray[np.float64]) -> None:
    poses = moving(101).at(times)
    assert poses.coeffs.min() >= 0
    assert poses.coeffs.max() <= 1
    assert np.allclose(poses.coeffs[:, 0], np.clip(times, 0, 1), atol=1e-5)


@given(
    coeffs=arrays(np.float32, (7, len(COEFFICIENTS)), elements=st.floats(0, 1, width=32)),
    start_s=st.floats(0, 1e4),
    note=st.text(max_size=20),
)
def test_npz_keeps_every_value(coeffs: NDArray[np.float32], start_s: float, note: str) -> None:
    track = dataclasses.replace(
        MotionTrack.rest(7, start_s),
        coeffs=coeffs,
        sample_rate_hz=22_050,
        phones=(TimedPhone(start=0, end=5, ipa="ʈʂ", stress=1),),
        words=(TimedWord(start=0, end=5, text="知", text_start=0, text_end=1),),
        meta={"note": note},
    )
    back = MotionTrack.from_npz(track.to_npz())
    assert np.array_equal(back.coeffs, track.coeffs)
    assert back.start_s == track.start_s
    assert (back.phones, back.words, back.meta) == (track.phones, track.words, track.meta)
    assert back.sample_rate_hz == 22_050
    assert back.coeffs.dtype == np.float32


def _with_header(**changes: Any) -> bytes:
    with np.load(io.BytesIO(MotionTrack.rest(2).to_npz())) as file:
        fields = dict(file)
    header = json.loads(bytes(fields["header"]).decode()) | changes
    fields["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **fields)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        MotionTrack.rest(3).to_npz()[:-40],
        b"PK\x03\x04" + b"\0" * 40,
        _with_header(schema_version=99),
        _with_header(coefficients=["smile"]),
        _with_header(extras=[]),
    ],
    ids=["empty", "garbage", "truncated", "broken zip", "version", "coefficients", "extras"],
)
def test_what_is_no_track_of_this_version_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        MotionTrack.from_npz(data)


def test_a_file_without_its_arrays_is_a_value_error() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, header=np.frombuffer(b"{}", np.uint8))
    with pytest.raises(ValueError, match=r".+"):
        MotionTrack.from_npz(buffer.getvalue())


rates = st.sampled_from([(25, 1), (30, 1), (30_000, 1001), (50, 1), (60, 1), (24_000, 1001)])


@given(
    lengths=st.lists(st.integers(0, 50_000), max_size=12),
    sample_rate=st.sampled_from([16_000, 22_050, 24_000, 44_100, 48_000]),
    rate=rates,
)
def test_consecutive_spans_tile_the_frames(
    lengths: list[int], sample_rate: int, rate: tuple[int, int]
) -> None:
    num, den = rate
    position = 0
    frames: list[int] = []
    for length in lengths:
        span = frame_span(position, position + length, sample_rate, num, den)
        for k in span:
            assert position * num <= k * den * sample_rate < (position + length) * num
        frames.extend(span)
        position += length
    assert frames == list(range(math.ceil(position * num / (sample_rate * den) - 1e-12)))


def test_half_an_hour_ends_on_the_frame_that_the_audio_says() -> None:
    samples = 24_000 * 1800
    assert len(frame_span(0, samples, 24_000, 25, 1)) == 45_000
    assert len(frame_span(0, samples, 24_000, 30_000, 1001)) == math.ceil(1800 * 30_000 / 1001)


def test_control_rate_is_a_hundred_per_second() -> None:
    assert CONTROL_RATE_HZ == 100
