"""Set-up of the virtual environment: what it refuses, and when it has nothing to do."""

from __future__ import annotations

import ast
import hashlib
import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "bootstrap.py"


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder with the files that decide what is installed."""
    for name in ("contracts", "gpu_service", "runtime", "evaluator"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    (tmp_path / "constraints.txt").write_text("uv==0.1.2\nrich==15.0.0 ; python_version < '4'\n")
    (tmp_path / "pyproject.toml").write_text(
        '[dependency-groups]\ndemo = ["rich"]\ndev = ["pytest", "ruff"]\n'
    )
    return tmp_path


@pytest.fixture
def venv(repository: Path) -> Path:
    """An environment as ``python -m venv`` leaves it, with a python that runs."""
    folder = repository / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    return folder


def stamp(bootstrap: ModuleType, venv: Path, root: Path, wanted: str) -> None:
    (venv / bootstrap.STAMP).write_text(
        json.dumps({"set": wanted, "inputs": bootstrap.fingerprint(root, wanted)})
    )


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10)])
def test_an_old_python_is_told_which_one_is_needed(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    message = bootstrap.python_too_old(*version)
    assert "Python 3.11 or newer is needed" in message
    assert f"{version[0]}.{version[1]}" in message
    assert "PYTHON=" in message


@pytest.mark.parametrize("version", [(3, 11), (3, 14), (4, 0)])
def test_a_new_python_is_accepted(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    assert bootstrap.python_too_old(*version) == ""


def test_the_script_keeps_to_the_syntax_of_python_3_6_so_that_the_message_can_appear() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "__future__" not in imported
    top = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert "tomllib" not in top


def test_a_missing_distribution_is_named(bootstrap: ModuleType, repository: Path) -> None:
    (repository / "runtime" / "pyproject.toml").unlink()
    with pytest.raises(bootstrap.SetupError, match=r"runtime/pyproject\.toml is missing"):
        bootstrap.fingerprint(repository, "demo")


def test_too_little_disk_is_said_with_both_numbers(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=123_000_000)
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(bootstrap.SetupError, match="123 MB free") as caught:
        bootstrap.require_disk("demo", [tmp_path])
    assert str(bootstrap.NEEDED_MB["demo"]) in str(caught.value)


def test_a_python_without_venv_names_the_package_that_has_it(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "has_module", lambda name: name != "venv")
    with pytest.raises(bootstrap.SetupError, match=r"apt install python3\.\d+-venv"):
        bootstrap.create_venv(tmp_path / ".venv", tmp_path, bootstrap.Steps(tmp_path / "log"))
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package index that PIP_INDEX_URL names; its page for pip is empty."""
    folder = tmp_path / "simple" / "pip"
    folder.mkdir(parents=True)

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        yield folder
        server.shutdown()
        thread.join()


def test_pip_is_refused_when_it_is_not_the_expected_file(
    bootstrap: ModuleType, index: Path, tmp_path: Path
) -> None:
    (index / bootstrap.PIP_WHEEL).write_bytes(b"something else")
    (index / "index.html").write_text(f'<a href="../pip/{bootstrap.PIP_WHEEL}#sha256=00">pip</a>')
    with pytest.raises(bootstrap.SetupError, match="not the expected file"):
        bootstrap.fetch_pip(tmp_path / "wheels")
    assert not (tmp_path / "wheels").exists()


def test_an_index_without_that_pip_and_one_that_is_away_are_named_with_the_package_to_install(
    bootstrap: ModuleType, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(bootstrap.SetupError, match=r"does not list .* apt install"):
        bootstrap.fetch_pip(tmp_path / "wheels")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(bootstrap.SetupError, match=r"could not be fetched .* apt install"):
        bootstrap.fetch_pip(tmp_path / "wheels")


def test_pip_is_fetched_once_and_then_kept(
    bootstrap: ModuleType, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "PIP_SHA256", hashlib.sha256(b"pip").hexdigest())
    (index / bootstrap.PIP_WHEEL).write_bytes(b"pip")
    (index / "index.html").write_text(f'<a href="../../simple/pip/{bootstrap.PIP_WHEEL}">pip</a>')
    assert bootstrap.fetch_pip(tmp_path / "wheels").read_bytes() == b"pip"
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert bootstrap.fetch_pip(tmp_path / "wheels").name == bootstrap.PIP_WHEEL


def test_an_environment_without_a_stamp_is_not_current(
    bootstrap: ModuleType, repository: Path, venv: Path
) -> None:
    assert not bootstrap.is_current(venv, repository, "demo")


def test_an_environment_with_a_fresh_stamp_needs_nothing(
    bootstrap: ModuleType, repository: Path, venv: Path
) -> None:
    stamp(bootstrap, venv, repository, "demo")
    assert bootstrap.is_current(venv, repository, "demo")
    assert not bootstrap.prepare(venv, repository, "demo")


def test_the_developers_set_satisfies_the_demo_and_not_the_reverse(
    bootstrap: ModuleType, repository: Path, venv: Path
) -> None:
    stamp(bootstrap, venv, repository, "dev")
    assert bootstrap.is_current(venv, repository, "demo")
    stamp(bootstrap, venv, repository, "demo")
    assert not bootstrap.is_current(venv, repository, "dev")


@pytest.mark.parametrize("changed", ["constraints.txt", "pyproject.toml", "gpu_service/pyproject.toml"])
def test_a_changed_requirement_makes_the_stamp_old(
    bootstrap: ModuleType, repository: Path, venv: Path, changed: str
) -> None:
    stamp(bootstrap, venv, repository, "demo")
    with (repository / changed).open("a") as file:
        file.write("# changed\n")
    assert not bootstrap.is_current(venv, repository, "demo")


def test_an_interrupted_installation_is_neither_current_nor_reused(
    bootstrap: ModuleType, repository: Path, venv: Path
) -> None:
    stamp(bootstrap, venv, repository, "demo")
    (venv / bootstrap.UNFINISHED).write_bytes(b"")
    assert not bootstrap.is_current(venv, repository, "demo")
    assert not bootstrap.is_reusable(venv, "")


def test_a_broken_stamp_is_not_trusted(bootstrap: ModuleType, repository: Path, venv: Path) -> None:
    (venv / bootstrap.STAMP).write_text('{"set": "demo", "inp')
    assert not bootstrap.is_current(venv, repository, "demo")


def test_an_environment_whose_python_is_gone_is_not_reused(
    bootstrap: ModuleType, repository: Path, venv: Path
) -> None:
    stamp(bootstrap, venv, repository, "demo")
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(repository / "no-such-python")
    assert not bootstrap.is_current(venv, repository, "demo")
    assert not bootstrap.is_reusable(venv, "")


def test_an_environment_made_for_another_folder_is_not_reused(
    bootstrap: ModuleType, repository: Path, venv: Path
) -> None:
    (venv / "pyvenv.cfg").write_text(f"home = /usr/bin\ncommand = /usr/bin/python3 -m venv {venv}\n")
    assert not bootstrap.moved(venv, repository)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\ncommand = /usr/bin/python3 -m venv /elsewhere/.venv\n")
    assert bootstrap.moved(venv, repository)


def test_versions_come_from_the_constraints(bootstrap: ModuleType, repository: Path) -> None:
    assert bootstrap.pinned(repository, "uv") == "uv==0.1.2"
    assert bootstrap.pinned(repository, "rich") == "rich==15.0.0"
    assert bootstrap.pinned(repository, "unknown") == "unknown"
    assert bootstrap.group_requirements(repository, ("demo", "dev")) == ["rich", "pytest", "ruff"]


def test_uv_is_told_what_pip_was_told(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "/some/wheels")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example/simple")
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    environment = bootstrap.installer_environment()
    assert environment["UV_FIND_LINKS"] == "/some/wheels"
    assert environment["UV_DEFAULT_INDEX"] == "https://own.example/simple"


def test_a_step_that_fails_shows_the_end_of_its_output(bootstrap: ModuleType, tmp_path: Path) -> None:
    steps = bootstrap.Steps(tmp_path / "log" / "setup.log")
    noisy = [sys.executable, "-c", "import sys; print('first'); print('the reason'); sys.exit(3)"]
    with pytest.raises(bootstrap.SetupError, match="the reason") as caught:
        steps.run("packages", noisy, "Check the network.")
    assert "Check the network." in str(caught.value)
    assert "the reason" in (tmp_path / "log" / "setup.log").read_text()


def test_every_group_and_every_set_exists_in_this_repository(bootstrap: ModuleType) -> None:
    for groups in bootstrap.SETS.values():
        assert bootstrap.group_requirements(ROOT, groups)
    assert bootstrap.pinned(ROOT, "uv").startswith("uv==")


def test_find_python_refuses_a_python_that_is_named_and_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["sh", str(ROOT / "scripts" / "find_python.sh")],
        env={**os.environ, "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "not a Python of version 3.11" in done.stderr


def test_find_python_without_any_says_what_to_install(tmp_path: Path) -> None:
    for tool in ("sh", "cat", "env"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    done = subprocess.run(
        ["sh", str(ROOT / "scripts" / "find_python.sh")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt install" in done.stderr


def test_a_python_without_pip_and_without_an_index_names_the_package_to_install(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    with pytest.raises(bootstrap.SetupError, match="sudo apt install python"):
        bootstrap.fetch_pip(tmp_path / "wheels")
