"""The cut mesh of a drawn face: what is connected, what is apart, what the shapes do."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_contracts.motion import COEFFICIENT_INDEX, COEFFICIENTS, EXTRA_INDEX, EXTRAS
from avatar_gpu.protocols import EngineContext
from avatar_gpu.render.mesh.engine import MeshEngine, MeshLikeness
from avatar_gpu.render.mesh.rehearsal import drawn_portrait
from avatar_gpu.render.mesh.shapes import SHAPE_INDEX


@pytest.fixture(scope="module")
def likeness(tmp_path_factory: pytest.TempPathFactory) -> MeshLikeness:
    engine = MeshEngine(EngineContext("cpu", tmp_path_factory.mktemp("models"), 1))
    return engine.prepare(drawn_portrait(), 256)


def weights(likeness: MeshLikeness, speaking: float = 0.0, **asked: float) -> np.ndarray:
    coefficients = np.zeros(len(COEFFICIENTS), np.float32)
    for name, value in asked.items():
        coefficients[COEFFICIENT_INDEX[name]] = value
    extras = np.zeros(len(EXTRAS), np.float32)
    extras[EXTRA_INDEX["speaking"]] = speaking
    return likeness.controls.weights(coefficients, extras)


def lip_gaps(likeness: MeshLikeness, values: np.ndarray) -> np.ndarray:
    moved = likeness.rest + np.einsum("k,kvd->vd", values, likeness.shapes.displacements)
    upper, lower = likeness.shapes.contact_vertices
    gaps: np.ndarray = (moved[lower, :2] - moved[upper, :2]) @ likeness.mesh.frame.down[:2]
    return gaps


def test_no_skin_triangle_joins_upper_and_lower_lip_or_lid(likeness: MeshLikeness) -> None:
    mesh = likeness.mesh
    skin = mesh.triangles[~mesh.is_hole]
    for opening in (mesh.mouth, *(eye.opening for eye in mesh.eyes)):
        upper, lower = opening.upper[1:-1], opening.lower[1:-1]
        joins = np.isin(skin, upper).any(1) & np.isin(skin, lower).any(1)
        assert not joins.any()


def test_the_mesh_covers_the_crop_without_overlap(likeness: MeshLikeness) -> None:
    mesh = likeness.mesh
    a, b, c = (mesh.vertices[mesh.triangles[:, n], :2] for n in range(3))
    u, v = b - a, c - a
    area = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    side = mesh.crop.image.shape[0] - 1
    assert area.sum() == pytest.approx(side**2, rel=1e-4)
    assert area.min() > -0.5


@pytest.mark.parametrize(
    "asked", [{}, {"jawOpen": 0.5}, {"jawOpen": 1.0, "mouthLowerDownLeft": 1.0, "mouthFunnel": 1.0}]
)
def test_mouth_close_shuts_the_lips_whatever_else_is_asked(
    likeness: MeshLikeness, asked: dict[str, float]
) -> None:
    gaps = lip_gaps(likeness, weights(likeness, mouthClose=1.0, **asked))
    assert np.abs(gaps).max() < 0.05


def test_speaking_closes_the_gap_of_the_photo(likeness: MeshLikeness) -> None:
    assert lip_gaps(likeness, weights(likeness)).max() > 1
    assert np.abs(lip_gaps(likeness, weights(likeness, speaking=1.0))).max() < 0.05


def test_the_jaw_opens_the_mouth_and_lips_never_cross(likeness: MeshLikeness) -> None:
    width = likeness.mesh.frame.mouth_width
    assert lip_gaps(likeness, weights(likeness, speaking=1.0, jawOpen=0.5)).max() > 0.15 * width
    pressed = weights(likeness, speaking=1.0, mouthRollLower=1.0, mouthRollUpper=1.0, mouthShrugLower=1.0)
    assert lip_gaps(likeness, pressed).min() > -0.05


def test_left_is_the_subjects_left(likeness: MeshLikeness) -> None:
    displacements = likeness.shapes.displacements
    corner_left = likeness.mesh.mouth.upper[-1]
    corner_right = likeness.mesh.mouth.upper[0]
    smile = displacements[SHAPE_INDEX["mouthSmileLeft"]]
    assert smile[corner_left, 1] < -1
    assert abs(smile[corner_right, 1]) < 0.2
    assert displacements[SHAPE_INDEX["jawLeft"]][likeness.mesh.mouth.lower[20], 0] > 0


def test_a_blink_wins_over_a_wide_eye_and_never_passes_shut(likeness: MeshLikeness) -> None:
    values = weights(likeness, eyeBlinkLeft=1.0, eyeWideLeft=1.0, eyeSquintLeft=1.0)
    assert values[SHAPE_INDEX["eyeBlinkLeft"]] == 1
    assert values[SHAPE_INDEX["eyeWideLeft"]] == 0
    assert values[SHAPE_INDEX["eyeSquintLeft"]] == 0


def test_the_lids_follow_the_track_and_nothing_else(likeness: MeshLikeness) -> None:
    values = weights(likeness, eyeBlinkRight=0.25, eyeLookDownRight=1.0)
    assert values[SHAPE_INDEX["eyeBlinkRight"]] == pytest.approx(0.25)
    assert values[SHAPE_INDEX["eyeBlinkLeft"]] == 0
