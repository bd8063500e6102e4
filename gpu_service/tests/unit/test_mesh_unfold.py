"""Displacements that would fold a triangle are drawn together; others stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_gpu.protocols import EngineContext
from avatar_gpu.render.mesh.engine import MeshEngine, MeshLikeness
from avatar_gpu.render.mesh.geometry import signed_area
from avatar_gpu.render.mesh.rehearsal import drawn_portrait
from avatar_gpu.render.mesh.shapes import SHAPE_INDEX
from avatar_gpu.render.mesh.unfold import unfold


@pytest.fixture(scope="module")
def likeness(tmp_path_factory: pytest.TempPathFactory) -> MeshLikeness:
    engine = MeshEngine(EngineContext("cpu", tmp_path_factory.mktemp("models"), 1))
    return engine.prepare(drawn_portrait(), 256)


def folded(likeness: MeshLikeness, displacement: np.ndarray) -> int:
    skin = likeness.mesh.triangles[~likeness.mesh.is_hole]
    points = likeness.mesh.vertices[:, :2]
    kept = skin[signed_area(points, skin) > 0]
    return int((signed_area(points + displacement[:, :2], kept) < 0).sum())


def test_a_vertex_pushed_through_its_neighbours_is_held_back(likeness: MeshLikeness) -> None:
    displacement = np.zeros((len(likeness.rest), 3))
    displacement[len(displacement) // 2, :2] = 40, 25
    assert folded(likeness, displacement) > 0
    assert folded(likeness, unfold(likeness.mesh, displacement)) == 0


def test_a_movement_without_folds_is_not_changed(likeness: MeshLikeness) -> None:
    displacement = np.tile([3.0, -2.0, 1.0], (len(likeness.rest), 1))
    assert np.array_equal(unfold(likeness.mesh, displacement), displacement)


@pytest.mark.parametrize("name", ["eyeBlinkLeft", "eyeBlinkRight"])
def test_a_full_blink_folds_nothing(likeness: MeshLikeness, name: str) -> None:
    assert folded(likeness, likeness.shapes.displacements[SHAPE_INDEX[name]].astype(float)) == 0
