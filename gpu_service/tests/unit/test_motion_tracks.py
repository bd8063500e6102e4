"""Tracks join without a jump and are sampled without aliasing, and contacts survive both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_contracts.motion import COEFFICIENT_INDEX, MotionTrack
from avatar_contracts.timeline import TimedPhone
from avatar_gpu.motion.tracks import concatenated, frame_poses

JAW, CLOSE = COEFFICIENT_INDEX["jawOpen"], COEFFICIENT_INDEX["mouthClose"]


def constant(size: int, start_s: float, value: float) -> MotionTrack:
    track = MotionTrack.rest(size, start_s)
    return replace(
        track, coeffs=track.coeffs + np.float32(value), rotation=track.rotation + np.float32(value)
    )


def wave(size: int, hz: float) -> MotionTrack:
    """A track whose jaw and lips swing around one half at ``hz``."""
    track = MotionTrack.rest(size)
    swing = (0.5 + 0.5 * np.sin(2 * np.pi * hz * np.arange(size) / 100)).astype(np.float32)
    track.coeffs[:, JAW] = track.coeffs[:, CLOSE] = swing
    return track


def part(track: MotionTrack, points: slice) -> MotionTrack:
    """Some control points of ``track``."""
    return replace(
        track,
        coeffs=track.coeffs[points],
        rotation=track.rotation[points],
        translation=track.translation[points],
        gaze=track.gaze[points],
        extras=track.extras[points],
    )


def test_no_track_unordered_tracks_and_different_rates_are_refused() -> None:
    a, b = constant(11, 0.0, 0), constant(11, 0.1, 0)
    with pytest.raises(ValueError, match="no track"):
        concatenated([])
    with pytest.raises(ValueError, match="follow"):
        concatenated([b, a])
    with pytest.raises(ValueError, match="different samples"):
        concatenated([a, replace(b, sample_rate_hz=16_000)])


def test_a_jump_is_faded_from_both_sides() -> None:
    joined = concatenated([constant(101, 0.0, 0.0), constant(101, 1.0, 0.8)], crossfade_s=0.2)
    jaw = joined.coeffs[:, JAW]
    assert joined.size == 201
    assert np.abs(np.diff(jaw)).max() < 0.09
    assert jaw[100] == pytest.approx(0.4, abs=0.01)
    assert jaw[:90].max() == pytest.approx(0, abs=1e-6)
    assert jaw[111:].min() == pytest.approx(0.8, abs=1e-6)
    assert joined.rotation[100, 0] == pytest.approx(0.4, abs=0.01)


@given(
    values=st.lists(st.floats(0, 1), min_size=2, max_size=6),
    sizes=st.lists(st.integers(2, 60), min_size=6, max_size=6),
    offset=st.floats(0, 0.0099),
)
def test_joined_tracks_keep_their_length_and_their_range(
    values: list[float], sizes: list[int], offset: float
) -> None:
    start_s, tracks = offset, []
    for value, size in zip(values, sizes, strict=False):
        tracks.append(constant(size + 1, start_s, value))
        start_s += size / 100 + offset
    joined = concatenated(tracks)
    last = tracks[-1]
    span_s = last.start_s + (last.size - 1) / 100 - tracks[0].start_s
    assert abs((joined.size - 1) / 100 - span_s) <= 0.0051
    assert joined.coeffs.min() >= min(values) - 0.51 * np.ptp(values) - 1e-5
    assert joined.coeffs.max() <= max(values) + 0.51 * np.ptp(values) + 1e-5


def test_smooth_joints_are_left_as_they_are_and_events_are_kept() -> None:
    whole = wave(201, 2.0)
    phone = TimedPhone(start=0, end=10, ipa="a")
    first = replace(part(whole, slice(0, 101)), phones=(phone,))
    second = replace(part(whole, slice(100, 201)), start_s=1.0, phones=(phone,))
    joined = concatenated([first, second])
    assert np.abs(joined.coeffs - whole.coeffs).max() < 1e-6
    assert joined.phones == (phone, phone)


def test_what_frames_cannot_show_is_damped_and_what_they_can_is_kept() -> None:
    times = np.arange(5, 45) / 25
    slow = frame_poses(wave(201, 2.0), times, 25).coeffs[:, JAW]
    fast = frame_poses(wave(201, 21.0), times, 25).coeffs[:, JAW]
    assert np.ptp(slow) > 0.93
    assert np.ptp(fast) < 0.35 * np.ptp(wave(201, 21.0).at(times).coeffs[:, JAW])


def test_contacts_are_sampled_as_they_are() -> None:
    track = wave(201, 8.0)
    times = np.arange(50) / 25
    assert np.array_equal(frame_poses(track, times, 25).coeffs[:, CLOSE], track.at(times).coeffs[:, CLOSE])


def test_frames_at_the_control_rate_are_the_control_points() -> None:
    track = wave(101, 9.0)
    times = np.arange(101) / 100
    assert np.array_equal(frame_poses(track, times, 100).coeffs, track.at(times).coeffs)
