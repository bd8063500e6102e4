"""The seam of closed lids is drawn by share, not by steps."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_gpu.render.mesh.eyes import soften_seam


def seam_of(slope: float, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """White above black along a slanting seam, before and after."""
    rows, columns = np.mgrid[0:40, 0:64]
    line = 20.3 + slope * (columns - 4)
    frame = np.where((rows < line)[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2)
    before = frame.copy()
    along = np.array([1.0, slope]) / np.hypot(1, slope)
    profile = np.zeros(60, np.float32)
    soften_seam(frame, profile - gap / 2, profile + gap / 2, np.array([4.0, 20.3]), along, 1.0)
    return before, frame


@pytest.mark.parametrize("slope", [0.0, 0.1, -0.25])
def test_a_column_of_a_seam_sums_up_to_where_the_seam_is(slope: float) -> None:
    before, after = seam_of(slope, 0.0)
    expected = 20.3 + slope * np.arange(45) + 0.5
    light = after[:, 4:49, 0].sum(0) / 255
    assert np.abs(light - expected).max() < 0.02
    assert np.abs(before[:, 4:49, 0].sum(0) / 255 - expected).max() > 0.15


def test_open_lids_are_left_alone() -> None:
    before, after = seam_of(0.1, 3.0)
    assert np.array_equal(before, after)
