"""A stored portrait comes back as it was, or says that it must be analysed again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avatar_gpu.portrait import load_portrait, save_portrait, store
from avatar_gpu.render.mesh.rehearsal import drawn_portrait


def test_a_missing_file_is_not_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_portrait(tmp_path / "none.npz")


@pytest.mark.parametrize("keep", [0, 10, 500])
def test_a_damaged_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "portrait.npz"
    save_portrait(drawn_portrait(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"portrait|file"):
        load_portrait(path)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "portrait.npz"
    monkeypatch.setattr(store, "PORTRAIT_VERSION", store.PORTRAIT_VERSION + 1)
    save_portrait(drawn_portrait(), path)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="version"):
        load_portrait(path)


@pytest.mark.parametrize("with_matte", [True, False])
def test_a_portrait_survives_the_disk(tmp_path: Path, with_matte: bool) -> None:
    portrait = drawn_portrait() if with_matte else replace(drawn_portrait(), matte=None)
    path = tmp_path / "deep" / "portrait.npz"
    save_portrait(portrait, path)
    found = load_portrait(path)
    assert np.array_equal(found.image, portrait.image)
    assert np.array_equal(found.landmarks, portrait.landmarks)
    assert found.summary == portrait.summary
    if portrait.matte is None:
        assert found.matte is None
    else:
        assert found.matte is not None
        assert np.abs(found.matte - portrait.matte).max() <= 0.5 / 255 + 1e-6
    assert [entry.name for entry in path.parent.iterdir()] == ["portrait.npz"]
