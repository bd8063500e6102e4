"""The embedded GPU service is optional, and says so where it is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from live_runtime import settings_in

from avatar_contracts.problems import EngineUnavailable
from avatar_runtime.embedded import embedded_gpu_service


def test_a_missing_gpu_service_names_the_command_that_adds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "avatar_gpu", None)
    monkeypatch.delitem(sys.modules, "avatar_gpu.app", raising=False)
    with pytest.raises(EngineUnavailable, match=r"pip install './contracts\[server\]' ./gpu_service"):
        embedded_gpu_service(settings_in(tmp_path))


def test_importing_the_runtime_imports_no_engine_and_opens_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, avatar_runtime.app, avatar_runtime.__main__; "
        "print([m for m in ('torch', 'cv2', 'avatar_gpu', 'numba', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []
