from __future__ import annotations

from types import SimpleNamespace

import pytest

from avatar_contracts.problems import EngineUnavailable
from avatar_gpu import device


def install_torch(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    torch = SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: cuda),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    )
    monkeypatch.setattr(device, "_torch_missing", lambda: False)
    monkeypatch.setattr("avatar_gpu.device.importlib.import_module", lambda name: torch)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_best_device_present(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, chosen: str
) -> None:
    install_torch(monkeypatch, cuda=cuda, mps=mps)
    assert device.choose_device("auto") == chosen


def test_without_torch_auto_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_torch_missing", lambda: True)
    assert device.choose_device("auto") == "cpu"


def test_a_device_asked_for_by_name_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    install_torch(monkeypatch, cuda=False, mps=True)
    with pytest.raises(EngineUnavailable, match="DEVICE=cuda"):
        device.choose_device("cuda")
    assert device.choose_device("mps") == "mps"
    assert device.choose_device("cpu") == "cpu"
