"""The repository's own promises: targets, settings, links, containers and pins say what is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "assets" / "MANIFEST.md"])
SHELL_SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
PYTHON_SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
COMMANDS = [script for script in SHELL_SCRIPTS if not script.name.startswith("container_")]
TARGETS = ("install", "demo", "test", "check", "serve", "bench", "web", "clean", "help")


def compose(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return loaded


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  make (\w+) ", done.stdout, flags=re.MULTILINE)
    assert sorted(listed) == sorted(TARGETS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://", "#")):
            continue
        assert (document.parent / link.split("#")[0]).exists(), f"{document.name} links to {link}"


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_every_shell_script_is_executable_and_explains_itself(script: Path) -> None:
    assert os.access(script, os.X_OK)
    done = subprocess.run([str(script), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


@pytest.mark.parametrize("script", PYTHON_SCRIPTS, ids=lambda path: path.name)
def test_every_python_script_explains_itself(script: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


@pytest.mark.parametrize(
    "script",
    [one for one in SHELL_SCRIPTS if one.name != "container_entrypoint.sh"],
    ids=lambda path: path.name,
)
def test_a_shell_script_refuses_an_option_that_it_does_not_know(script: Path) -> None:
    done = subprocess.run([str(script), "--no-such-option"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr.lower()


def test_only_the_runtime_starts_without_a_profile() -> None:
    services = compose("docker-compose.yml")["services"]
    assert {name for name, service in services.items() if not service.get("profiles")} == {"runtime"}
    assert services["gpu-service"]["profiles"] == ["gpu-service"]
    assert services["evaluator"]["profiles"] == ["evaluator"]
    assert services["evaluator"]["depends_on"]["runtime"]["condition"] == "service_healthy"


def test_each_server_in_compose_has_a_healthcheck_a_locked_root_and_a_dockerfile() -> None:
    services = compose("docker-compose.yml")["services"]
    for name in ("runtime", "gpu-service"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    for service in services.values():
        assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_volumes_that_services_use_are_declared() -> None:
    document = compose("docker-compose.yml")
    used = {
        volume.split(":")[0]
        for service in document["services"].values()
        for volume in service.get("volumes", ())
        if not volume.startswith(".")
    }
    assert used == set(document["volumes"])


def test_the_gpu_file_adds_a_device_to_a_service_that_exists() -> None:
    extra = compose("compose.gpu.yaml")["services"]
    assert set(extra) <= set(compose("docker-compose.yml")["services"])
    devices = extra["gpu-service"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]


@pytest.mark.parametrize("folder", ["runtime", "gpu_service", "evaluator"])
def test_what_a_dockerfile_copies_is_neither_missing_nor_ignored(folder: str) -> None:
    kept = [
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    text = (ROOT / folder / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, flags=re.MULTILINE):
        *sources, _to = [word for word in line.split() if not word.startswith("--")]
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in kept, f"{source} is not in the build context"


@pytest.mark.parametrize("folder", ["runtime", "gpu_service"])
def test_a_server_image_runs_as_nobody_special_under_an_init(folder: str) -> None:
    text = (ROOT / folder / "Dockerfile").read_text(encoding="utf-8")
    last_stage = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last_stage, flags=re.MULTILINE)
    assert 'ENTRYPOINT ["tini", "--"' in last_stage
    assert "HEALTHCHECK" in last_stage
    assert "build-essential" not in text


def test_every_direct_dependency_is_pinned_exactly() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0] for line in pins if "==" in line}
    assert all(re.match(r"^[a-z0-9.-]+==\S+( ; .+)?$", line) for line in pins if not line.startswith("#"))
    assert "torch" not in pinned
    needed: list[str] = []
    for name in ("contracts", "gpu_service", "runtime", "evaluator"):
        project = tomllib.loads((ROOT / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        needed += project["dependencies"]
    for group in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "dependency-groups"
    ].values():
        needed += group
    for requirement in needed:
        found = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert found is not None
        name = re.sub(r"[._-]+", "-", found.group()).lower()
        ours = name.startswith("realtime-avatar-")
        assert name in pinned or ours, f"run scripts/update_constraints.sh: {name}"


def test_the_settings_that_users_know_are_in_the_example() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name in (
        "MODE", "DEVICE", "LOG_LEVEL", "DEFAULT_REFERENCE_IMAGE", "USE_EXTERNAL_GPU_SERVICE",
        "GPU_SERVICE_URL", "DATABASE_URL", "STORAGE_URL", "MODELS_DIR",
    ):  # fmt: skip
        assert re.search(rf"^(# )?{name}=", text, flags=re.MULTILINE), name


def test_the_example_settings_are_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpu_settings = pytest.importorskip("avatar_gpu.settings").Settings
    runtime_settings = pytest.importorskip("avatar_runtime.settings").Settings
    monkeypatch.chdir(tmp_path)
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if re.match(r"^[A-Z_]+=", line))
    for name in values:
        monkeypatch.delenv(name, raising=False)
    defaults = [runtime_settings(), gpu_settings()]
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert [runtime_settings(), gpu_settings()] == defaults


def test_the_gate_of_continuous_integration_is_make_check() -> None:
    gate = ROOT / ".ci" / "run"
    assert os.access(gate, os.X_OK)
    assert "make check" in gate.read_text(encoding="utf-8")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    commands = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in commands


def test_the_engine_of_the_readme_is_one_that_the_catalogue_accepts() -> None:
    catalogue = pytest.importorskip("avatar_gpu.catalogue")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    example = next(block for block in blocks if "EngineSpec" in block)
    namespace: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), namespace)
    assert isinstance(namespace["MY_RENDERER"], catalogue.EngineSpec)
    assert f'[project.entry-points."{catalogue.ENTRY_POINT_GROUP}"]' in text
