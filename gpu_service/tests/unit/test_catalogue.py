from __future__ import annotations

from pathlib import Path

import pytest
from fake_engines import SPECS, FakeSpeech

from avatar_contracts.problems import EngineNotFound, EngineUnavailable, LicenceForbidden
from avatar_gpu.catalogue import BUILT_IN, Capability, Catalogue
from avatar_gpu.protocols import EngineContext

DEFAULTS: dict[Capability, str] = {"speech": "fake", "motion": "fake", "render": "fake"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def catalogue(clock: Clock | None = None, profile: str = "any") -> Catalogue:
    context = EngineContext("cpu", Path("models"), 1)
    assert profile in ("any", "commercial")
    return Catalogue(
        context,
        DEFAULTS,
        licence_profile="commercial" if profile == "commercial" else "any",
        specs=SPECS,
        clock=clock or Clock(),
    )


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(EngineNotFound, match=r"'xyz'.*absent, fake, guarded"):
        catalogue().resolve("speech", "xyz")


def test_a_missing_dependency_names_the_command_that_installs_it() -> None:
    with (
        pytest.raises(EngineUnavailable, match=r"no_such_module.*'./gpu_service\[absent\]'"),
        catalogue().speech("absent"),
    ):
        pass


def test_the_commercial_profile_refuses_non_commercial_engines() -> None:
    with pytest.raises(LicenceForbidden, match="LICENCE_PROFILE"):
        catalogue(profile="commercial").resolve("speech", "guarded")
    assert catalogue().resolve("speech", "guarded").name == "guarded"


def test_an_engine_is_loaded_once_and_lent_to_all() -> None:
    shelf = catalogue()
    with shelf.speech() as first, shelf.speech("fake") as second:
        assert first is second


def test_only_idle_engines_are_unloaded() -> None:
    clock = Clock()
    shelf = catalogue(clock)
    with shelf.speech() as engine:
        clock.now = 100.0
        assert shelf.unload_idle(10.0) == []
    assert shelf.unload_idle(10.0) == []
    clock.now = 111.0
    assert shelf.unload_idle(10.0) == ["fake"]
    assert isinstance(engine, FakeSpeech)
    assert engine.closed
    with shelf.speech() as again:
        assert again is not engine


def test_the_list_says_why_an_engine_is_not_available() -> None:
    by_name = {(e.capability, e.name): e for e in catalogue(profile="commercial").info().engines}
    assert by_name["speech", "fake"].available
    assert by_name["speech", "fake"].languages == ("en", "zh", "es")
    assert "pip install" in (by_name["speech", "absent"].reason or "")
    assert "LICENCE_PROFILE" in (by_name["speech", "guarded"].reason or "")


def test_every_built_in_engine_can_be_imported() -> None:
    shelf = Catalogue(EngineContext("cpu", Path("models"), 1), DEFAULTS, specs=BUILT_IN)
    for spec in BUILT_IN:
        assert callable(shelf._load_class(spec))
