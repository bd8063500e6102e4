"""Lids follow a drawn eye that is larger than its landmarks, and nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avatar_gpu.portrait import topology as face
from avatar_gpu.portrait.lids import widen_lids
from avatar_gpu.render.mesh.rehearsal import drawn_portrait

SCALE = 4


def drawn_eyes(
    skin: tuple[int, int, int], half_width: float, half_height: float
) -> tuple[np.ndarray, np.ndarray]:
    """Skin with two white eyes of a blue iris, and landmarks of eyes 28 wide and 6 high, each times four."""
    points = drawn_portrait().landmarks.astype(np.float64) * SCALE
    image = np.full((128 * SCALE, 128 * SCALE, 3), skin, np.uint8)
    for x in (50, 78):
        center = (x * SCALE, 50 * SCALE)
        axes = (round(half_width * SCALE), round(half_height * SCALE))
        cv2.ellipse(image, center, axes, 0, 0, 360, (240, 240, 240), -1, cv2.LINE_AA)
        cv2.circle(image, center, round(half_height * SCALE * 0.7), (70, 110, 180), -1, cv2.LINE_AA)
    return image, points


def height(points: np.ndarray, lids: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
    return float((points[list(lids[1]), 1] - points[list(lids[0]), 1]).max())


LIDS = ((face.RIGHT_UPPER_LID, face.RIGHT_LOWER_LID), (face.LEFT_UPPER_LID, face.LEFT_LOWER_LID))


@pytest.mark.parametrize("skin", [(230, 180, 150), (120, 80, 60)])
def test_an_eye_that_fits_is_left_alone(skin: tuple[int, int, int]) -> None:
    image, points = drawn_eyes(skin, 6.5, 2.6)
    assert np.array_equal(widen_lids(image, points), points)


def test_a_grey_picture_says_nothing_about_hue() -> None:
    image, points = drawn_eyes((150, 150, 150), 9, 7)
    assert np.array_equal(widen_lids(image, points), points)


def test_one_large_region_alone_is_a_shadow_or_a_light_not_an_eye() -> None:
    image, points = drawn_eyes((230, 180, 150), 6.5, 2.6)
    cv2.ellipse(image, (50 * SCALE, 50 * SCALE), (9 * SCALE, 7 * SCALE), 0, 0, 360, (240, 240, 240), -1)
    assert np.array_equal(widen_lids(image, points), points)


def test_lids_open_to_the_eyes_that_the_picture_shows() -> None:
    image, points = drawn_eyes((230, 180, 150), 9, 5)
    widened = widen_lids(image, points)
    for lids in LIDS:
        assert height(points, lids) == pytest.approx(6 * SCALE, abs=0.1)
        assert height(widened, lids) == pytest.approx(10.5 * SCALE, abs=1.5 * SCALE)
    others = np.setdiff1d(np.arange(face.LANDMARKS), [mark for pair in LIDS for lid in pair for mark in lid])
    assert np.array_equal(widened[others], points[others])
