"""The engine catalogue: names → engines, loaded on first use and unloaded when idle.

Built-ins are one explicit tuple; other distributions add engines through the entry point group
``avatar_gpu.engines``, each entry point an ``EngineSpec``. Nothing of an engine is imported before it is
asked for.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Literal, cast

from avatar_contracts.health import EngineInfo, EngineList
from avatar_contracts.problems import EngineNotFound, EngineUnavailable, LicenceForbidden
from avatar_gpu.protocols import Engine, EngineContext, MotionEngine, RenderEngine, SpeechEngine

_log = logging.getLogger(__name__)

Capability = Literal["speech", "motion", "render"]
ENTRY_POINT_GROUP = "avatar_gpu.engines"


@dataclass(frozen=True)
class EngineSpec:
    """What is known about an engine before it is loaded.

    target: ``"module:Class"``; the class is called with one ``EngineContext``.
    extra: the optional dependency set of this distribution that the engine needs, or None.
    commercial: whether the licences of code and weights allow commercial use.
    """

    name: str
    capability: Capability
    target: str
    licence: str
    description: str
    extra: str | None = None
    commercial: bool = True


BUILT_IN = (
    EngineSpec(
        "espeak",
        "speech",
        "avatar_gpu.speech.espeak.engine:EspeakEngine",
        "Apache-2.0; eSpeak NG is GPL-3.0-or-later and runs in processes of its own",
        "eSpeak NG with WORLD conversion to the reference voice; no download, CPU",
    ),
    EngineSpec(
        "phonetic",
        "motion",
        "avatar_gpu.motion.phonetic.engine:PhoneticEngine",
        "Apache-2.0",
        "timed phones to visemes with co-articulation, head, gaze and blinks; CPU",
    ),
    EngineSpec(
        "mesh",
        "render",
        "avatar_gpu.render.mesh.engine:MeshEngine",
        "Apache-2.0",
        "landmark mesh warp of the photo; no download, CPU",
    ),
)


@dataclass
class _Loaded:
    engine: Engine
    users: int = 0
    last_used_s: float = field(default=0.0)


class Catalogue:
    """Finds, loads, lends and unloads engines. Thread-safe."""

    def __init__(
        self,
        context: EngineContext,
        defaults: dict[Capability, str],
        *,
        licence_profile: Literal["any", "commercial"] = "any",
        specs: tuple[EngineSpec, ...] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._defaults = defaults
        self._licence_profile = licence_profile
        found = BUILT_IN + _installed_specs() if specs is None else specs
        self._specs = {(spec.capability, spec.name): spec for spec in found}
        self._clock = clock
        self._loaded: dict[tuple[Capability, str], _Loaded] = {}
        self._lock = threading.Lock()
        self._loading: dict[tuple[Capability, str], threading.Lock] = {}

    def resolve(self, capability: Capability, name: str | None) -> EngineSpec:
        """The spec of ``name``, or of the default engine where it is None.

        Raises:
            EngineNotFound: the catalogue holds no such engine; ``detail`` lists those it holds.
            LicenceForbidden: the licence profile excludes it.
        """
        wanted = name or self._defaults[capability]
        spec = self._specs.get((capability, wanted))
        if spec is None:
            known = ", ".join(sorted(n for c, n in self._specs if c == capability)) or "none"
            raise EngineNotFound(
                f"There is no {capability} engine {wanted!r}; the engines here are: {known}."
            )
        if self._licence_profile == "commercial" and not spec.commercial:
            raise LicenceForbidden(
                f"The {capability} engine {spec.name!r} is licensed for non-commercial use ({spec.licence}), "
                "and LICENCE_PROFILE=commercial is set; choose another engine or set LICENCE_PROFILE=any."
            )
        return spec

    @contextmanager
    def speech(self, name: str | None = None) -> Iterator[SpeechEngine]:
        """A speech engine, loaded, for as long as the context lasts."""
        with self._lend("speech", name) as engine:
            yield cast(SpeechEngine, engine)

    @contextmanager
    def motion(self, name: str | None = None) -> Iterator[MotionEngine]:
        """A motion engine, loaded, for as long as the context lasts."""
        with self._lend("motion", name) as engine:
            yield cast(MotionEngine, engine)

    @contextmanager
    def render(self, name: str | None = None) -> Iterator[RenderEngine]:
        """A render engine, loaded, for as long as the context lasts."""
        with self._lend("render", name) as engine:
            yield cast(RenderEngine, engine)

    def warm_defaults(self) -> None:
        """Loads and warms the default engine of each capability. Blocking."""
        for capability, name in self._defaults.items():
            with self._lend(capability, name) as engine:
                engine.warm()

    def unload_idle(self, idle_s: float) -> list[str]:
        """Closes engines that nobody has used for ``idle_s`` seconds; their names."""
        now = self._clock()
        with self._lock:
            idle = [k for k, v in self._loaded.items() if v.users == 0 and now - v.last_used_s >= idle_s]
            closing = [(key, self._loaded.pop(key)) for key in idle]
        for _, loaded in closing:
            loaded.engine.close()
        return [name for (_, name), _ in closing]

    def close(self) -> None:
        """Closes every loaded engine."""
        with self._lock:
            closing = list(self._loaded.values())
            self._loaded.clear()
        for loaded in closing:
            loaded.engine.close()

    def info(self) -> EngineList:
        """The catalogue as clients see it. Loads available default speech engines to list languages."""
        return EngineList(
            engines=tuple(self._info(spec) for spec in self._specs.values()),
            defaults={str(k): v for k, v in self._defaults.items()},
        )

    def _info(self, spec: EngineSpec) -> EngineInfo:
        reason: str | None = None
        languages: tuple[str, ...] = ()
        voices: tuple[str, ...] = ()
        try:
            self.resolve(spec.capability, spec.name)
            if spec.capability == "speech":
                with self.speech(spec.name) as engine:
                    languages, voices = engine.languages, engine.voices
            else:
                self._load_class(spec)
        except (EngineUnavailable, LicenceForbidden) as error:
            reason = error.detail
        with self._lock:
            loaded = (spec.capability, spec.name) in self._loaded
        return EngineInfo(
            name=spec.name,
            capability=spec.capability,
            available=reason is None,
            reason=reason,
            loaded=loaded,
            licence=spec.licence,
            description=spec.description,
            languages=languages,
            voices=voices,
        )

    @contextmanager
    def _lend(self, capability: Capability, name: str | None) -> Iterator[Engine]:
        spec = self.resolve(capability, name)
        loaded = self._acquire(spec)
        try:
            yield loaded.engine
        finally:
            with self._lock:
                loaded.users -= 1
                loaded.last_used_s = self._clock()

    def _acquire(self, spec: EngineSpec) -> _Loaded:
        key = (spec.capability, spec.name)
        with self._lock:
            once = self._loading.setdefault(key, threading.Lock())
        with once:  # one thread loads, the others of the same engine wait, other engines go on
            with self._lock:
                loaded = self._loaded.get(key)
                if loaded is not None:
                    loaded.users += 1
                    return loaded
            loaded = _Loaded(self._load_class(spec)(self._context), users=1)
            with self._lock:
                self._loaded[key] = loaded
            _log.info("engine loaded", extra={"engine": spec.name, "capability": spec.capability})
            return loaded

    def _load_class(self, spec: EngineSpec) -> Callable[[EngineContext], Engine]:
        module_name, _, attribute = spec.target.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith(__package__):
                raise  # a mistake in our own code, not something to install
            package = f"./gpu_service[{spec.extra}]" if spec.extra else "./gpu_service"
            raise EngineUnavailable(
                f"The {spec.capability} engine {spec.name!r} needs {error.name or 'a package'}, which is not "
                f"installed; in the repository, run: pip install '{package}'"
            ) from error
        return cast(Callable[[EngineContext], Engine], getattr(module, attribute))


def _installed_specs() -> tuple[EngineSpec, ...]:
    found: list[EngineSpec] = []
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        spec = entry_point.load()
        if not isinstance(spec, EngineSpec):
            raise TypeError(f"entry point {entry_point.name!r} of {ENTRY_POINT_GROUP} is no EngineSpec")
        found.append(spec)
    return tuple(found)
