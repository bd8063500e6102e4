"""The engines of the GPU service, remembered for a few seconds, and what a request may ask of them."""

from __future__ import annotations

import time
from collections.abc import Callable

from avatar_contracts.health import EngineInfo, EngineList
from avatar_contracts.languages import FIRST_CLASS, primary_subtag
from avatar_contracts.problems import EngineNotFound, EngineUnavailable, UnsupportedLanguage
from avatar_runtime.gpu_client import GpuClient

KEEP_S = 5.0


class Engines:
    """Answers from the GPU service's catalogue."""

    def __init__(self, gpu: GpuClient, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._gpu = gpu
        self._clock_s = clock_s
        self._known: EngineList | None = None
        self._known_at_s = 0.0

    async def all(self) -> EngineList:
        """The catalogue, at most ``KEEP_S`` seconds old."""
        if self._known is None or self._clock_s() - self._known_at_s > KEEP_S:
            self._known = await self._gpu.engines()
            self._known_at_s = self._clock_s()
        return self._known

    async def choose(self, capability: str, name: str | None) -> EngineInfo:
        """The engine called ``name``, or the default of ``capability``.

        Raises:
            EngineNotFound: there is none of this name.
            EngineUnavailable: it cannot run over there; ``detail`` says what is missing.
        """
        known = await self.all()
        of_capability = {e.name: e for e in known.engines if e.capability == capability}
        chosen = of_capability.get(name or known.defaults.get(capability, ""))
        if chosen is None:
            names = ", ".join(sorted(of_capability)) or "none"
            raise EngineNotFound(f"There is no {capability} engine of this name; there is: {names}.")
        if not chosen.available:
            raise EngineUnavailable(chosen.reason or f"The {capability} engine {chosen.name} cannot run.")
        return chosen


def check_language(engine: EngineInfo, language: str) -> None:
    """Raises ``UnsupportedLanguage`` where ``engine`` does not speak ``language``."""
    spoken = {tag.lower() for tag in engine.languages}
    if spoken and not {language.lower(), primary_subtag(language)} & spoken:
        examples = ", ".join(sorted(engine.languages, key=lambda tag: (tag not in FIRST_CLASS, tag))[:8])
        raise UnsupportedLanguage(
            f"The speech engine {engine.name} does not speak {language!r}; it speaks {examples} and others. "
            "GET /api/v1/languages lists them.",
            language=language,
        )
