"""The inner loops on plain numbers."""

from __future__ import annotations

import cv2
import numpy as np

from avatar_gpu.render.mesh.kernels import SUBPIXELS, UNIT_LIGHT, bend, compose, edge_profile, rasterise


def quad(side: float) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float32)
    return corners, np.array([[0, 1, 3], [0, 3, 2]], np.int32)


def test_an_unmoved_mesh_shows_every_pixel_where_it_was() -> None:
    corners, triangles = quad(31)
    whole, fraction = np.full((32, 32, 2), -1, np.int16), np.full((32, 32), 9999, np.uint16)
    light = np.zeros((32, 32), np.uint8)
    gain = np.array([1, 1.5, 1, 1.5], np.float32)
    rasterise(corners, corners, triangles, gain, 0.0, whole, fraction, light)
    assert np.abs(light[:, 0].astype(int) - UNIT_LIGHT).max() <= 1
    assert np.abs(light[:, -1].astype(int) - 1.5 * UNIT_LIGHT).max() <= 1
    rows, columns = np.mgrid[0:32, 0:32]
    assert np.array_equal(whole[..., 0], columns)
    assert np.array_equal(whole[..., 1], rows)
    assert (fraction == 0).all()


def test_the_map_is_what_remap_reads() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    corners, triangles = quad(39)
    shift = np.array([2.5, -1.25], np.float32)
    whole, fraction = np.zeros((20, 20, 2), np.int16), np.zeros((20, 20), np.uint16)
    light = np.zeros((20, 20), np.uint8)
    rasterise(corners + shift, corners, triangles, np.ones(4, np.float32), 10.0, whole, fraction, light)
    got = cv2.remap(photo, whole, fraction, cv2.INTER_LINEAR)
    rows, columns = np.mgrid[0:20, 0:20].astype(np.float32)
    expected = cv2.remap(photo, columns + 10 - shift[0], rows + 10 - shift[1], cv2.INTER_LINEAR)
    assert np.abs(got.astype(int) - expected).max() <= 255 // SUBPIXELS


def test_later_triangles_cover_earlier_ones() -> None:
    corners, triangles = quad(15)
    screen = np.concatenate([corners, corners]).astype(np.float32)
    texture = np.concatenate([corners, corners + 100]).astype(np.float32)
    whole, fraction = np.zeros((16, 16, 2), np.int16), np.zeros((16, 16), np.uint16)
    both = np.concatenate([triangles, triangles + 4])
    light = np.zeros((16, 16), np.uint8)
    rasterise(screen, texture, both, np.ones(8, np.float32), 0.0, whole, fraction, light)
    assert whole.min() >= 100


def test_vertices_follow_shapes_and_then_the_head_as_far_as_their_weight() -> None:
    rest = np.zeros((3, 3), np.float32)
    displacements = np.zeros((2, 3, 3), np.float32)
    displacements[0, :, 0], displacements[1, :, 1] = 1, 2
    head = np.array([0, 0.5, 1], np.float32)
    bent, screen = np.zeros((3, 3), np.float32), np.zeros((3, 2), np.float32)
    matrix, offset = np.eye(3, dtype=np.float32), np.array([10, 20, 0], np.float32)
    bend(rest, displacements, np.array([1, 0.5], np.float32), head, matrix, offset, bent, screen)
    assert np.allclose(bent, [[1, 1, 0]] * 3)
    assert np.allclose(screen, [[1, 1], [6, 11], [11, 21]])


def test_composition_is_linear_in_the_matte() -> None:
    person = np.dstack([np.full((1, 256, 3), 200, np.uint8), np.arange(256, dtype=np.uint8)[None]])
    background = np.full((1, 256, 3), 50, np.uint8)
    frame = np.zeros((1, 256, 3), np.uint8)
    compose(person, background, np.full((1, 256), UNIT_LIGHT, np.uint8), frame)
    exact = 50 + 150 * np.arange(256) / 255
    assert np.abs(frame[0, :, 0] - exact).max() <= 0.51


def test_an_edge_that_turns_back_stays_a_function() -> None:
    screen = np.array([[0, 0], [4, 4], [3, 9], [8, 0]], np.float32)
    profile = np.empty(9, np.float32)
    edge_profile(screen, np.arange(4), 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, profile)
    assert np.allclose(profile, [0, 1, 2, 3, 4, 3, 2, 1, 0])
