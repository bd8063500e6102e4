"""Files out of pinned packages: what is refused, and that nothing half-written is left."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "download_models.py"
CONTENT = b"a small model"


@pytest.fixture(scope="module")
def download() -> ModuleType:
    spec = importlib.util.spec_from_file_location("download_models_under_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A package with one file in it, as an index would serve it."""
    path = tmp_path / "served" / "tiny-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("tiny/model.tflite", CONTENT)
    return path


@pytest.fixture
def target(download: ModuleType, archive: Path, tmp_path: Path) -> Any:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    wheel = download.Wheel("tiny==1.0", archive.name, "manylinux_2_28_x86_64", digest, 1)
    member = download.Member(
        "tiny/model.tflite", tmp_path / "models" / "model.tflite", hashlib.sha256(CONTENT).hexdigest()
    )
    return download.Target("tiny", "a model", "Apache-2.0", "https://example.org", wheel, (member,))


class Index:
    """Stands in for pip: copies ``archive`` to the folder that it was asked to fill, or fails."""

    def __init__(self, archive: Path | None) -> None:
        self.archive = archive
        self.calls = 0

    def __call__(self, command: list[str], **_options: Any) -> SimpleNamespace:
        self.calls += 1
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        if self.archive is None:
            return SimpleNamespace(returncode=1, stdout="", stderr="ERROR: no route to the index")
        folder = Path(command[command.index("--dest") + 1])
        (folder / self.archive.name).write_bytes(self.archive.read_bytes())
        return SimpleNamespace(returncode=0, stdout="", stderr="")


def test_a_package_with_another_hash_is_refused_and_not_kept(
    download: ModuleType, target: Any, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(archive, "a") as bundle:
        bundle.writestr("tiny/more", b"not what was pinned")
    monkeypatch.setattr(download.subprocess, "run", Index(archive))
    with pytest.raises(download.HashMismatchError, match="not the expected file"):
        download.materialise(target, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    assert not (tmp_path / "models").exists()


def test_a_member_with_another_hash_is_refused(download: ModuleType, archive: Path, tmp_path: Path) -> None:
    member = download.Member("tiny/model.tflite", tmp_path / "models" / "model.tflite", "0" * 64)
    with pytest.raises(download.HashMismatchError, match=r"tiny/model\.tflite"):
        download.extract(archive, [member])
    assert not member.to.exists()


def test_a_missing_member_is_named(download: ModuleType, archive: Path, tmp_path: Path) -> None:
    member = download.Member("tiny/other.tflite", tmp_path / "other.tflite", "0" * 64)
    with pytest.raises(download.FetchError, match="does not hold the expected file"):
        download.extract(archive, [member])


def test_a_broken_archive_is_named(download: ModuleType, target: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(download.FetchError, match="broken"):
        download.extract(broken, target.files)


def test_without_a_network_the_message_says_which_file_to_bring(
    download: ModuleType, target: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.subprocess, "run", Index(None))
    with pytest.raises(download.FetchError, match="no route to the index") as caught:
        download.materialise(target, tmp_path / "cache")
    message = str(caught.value)
    assert target.wheel.file in message
    assert target.wheel.sha256 in message
    assert "PIP_INDEX_URL" in message


def test_too_little_disk_is_noticed_before_the_download(
    download: ModuleType, target: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(None)
    monkeypatch.setattr(download.subprocess, "run", index)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=5_000_000))
    with pytest.raises(download.FetchError, match="5 MB free"):
        download.materialise(target, tmp_path / "cache")
    assert index.calls == 0


def test_files_are_taken_out_and_a_second_run_fetches_nothing(
    download: ModuleType, target: Any, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(archive)
    monkeypatch.setattr(download.subprocess, "run", index)
    assert download.materialise(target, tmp_path / "cache") == 1
    assert target.files[0].to.read_bytes() == CONTENT
    assert download.materialise(target, tmp_path / "cache") == 0
    assert index.calls == 1
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["model.tflite"]


def test_a_lost_or_changed_file_comes_back_from_the_kept_archive_without_a_network(
    download: ModuleType, target: Any, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.subprocess, "run", Index(archive))
    download.materialise(target, tmp_path / "cache")
    offline = Index(None)
    monkeypatch.setattr(download.subprocess, "run", offline)
    target.files[0].to.write_bytes(b"half of a mod")
    assert download.materialise(target, tmp_path / "cache") == 1
    assert target.files[0].to.read_bytes() == CONTENT
    assert offline.calls == 0


def test_an_archive_that_was_cut_off_is_fetched_again(
    download: ModuleType, target: Any, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / archive.name).write_bytes(archive.read_bytes()[:40])
    index = Index(archive)
    monkeypatch.setattr(download.subprocess, "run", index)
    assert download.materialise(target, tmp_path / "cache") == 1
    assert index.calls == 1


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "no-such-model"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "mediapipe" in done.stderr


def test_the_manifest_and_its_description_name_the_same_files(download: ModuleType) -> None:
    manifest = json.loads((ROOT / "assets" / "manifest.json").read_text(encoding="utf-8"))
    described = (ROOT / "assets" / "MANIFEST.md").read_text(encoding="utf-8")
    for entry in manifest["targets"].values():
        for file in entry["files"]:
            assert Path(file["to"]).name in described
        assert entry["licence"].split()[0] in described
    targets = download.read_manifest(ROOT / "assets" / "manifest.json", Path("m"), Path("a"))
    assert targets["mediapipe"].files[0].to.parent == Path("m/mediapipe")
    assert targets["portrait"].files[0].to == Path("a/images/astronaut.png")
