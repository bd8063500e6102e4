"""Which device the models run on."""

from __future__ import annotations

import importlib.util
from typing import Literal

from avatar_contracts.problems import EngineUnavailable

Device = Literal["cuda", "mps", "cpu"]


def choose_device(wanted: Literal["auto", "cuda", "mps", "cpu"]) -> Device:
    """The device to use: what is asked for, or the best one present.

    Raises:
        EngineUnavailable: a device was asked for by name and is not there.
    """
    if wanted == "cpu":
        return "cpu"
    present = _present()
    if wanted == "auto":
        return present[0]
    if wanted in present:
        return wanted
    reason = "PyTorch is not installed" if _torch_missing() else "PyTorch does not see one"
    raise EngineUnavailable(f"DEVICE={wanted} was asked for, but {reason}; set DEVICE=auto or DEVICE=cpu.")


def _present() -> list[Device]:
    """Devices from the best to the CPU. Imports torch only where it is installed."""
    if _torch_missing():
        return ["cpu"]
    torch = importlib.import_module("torch")
    found: list[Device] = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def _torch_missing() -> bool:
    return importlib.util.find_spec("torch") is None
