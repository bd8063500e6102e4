"""Health, engines and languages."""

from __future__ import annotations

from fastapi import APIRouter

from avatar_contracts.health import EngineList, RuntimeHealth
from avatar_contracts.languages import FIRST_CLASS
from avatar_contracts.problems import AvatarError
from avatar_runtime import __version__
from avatar_runtime.routes.documents import API, LanguageDocument, LanguageList
from avatar_runtime.services import ServicesDependency

router = APIRouter()


@router.get("/health", tags=["operations"])
async def health(services: ServicesDependency) -> RuntimeHealth:
    """Whether the runtime works and reaches its GPU service. Always 200 while the runtime is up."""
    counts = await services.jobs.counts()
    gpu_health = None
    detail = None
    try:
        gpu_health = await services.gpu.health()
    except AvatarError as error:
        detail = error.detail
    return RuntimeHealth(
        status="ok" if gpu_health is not None else "degraded",
        version=__version__,
        mode=services.settings.mode,
        gpu_service=gpu_health,
        detail=detail,
        jobs_queued=counts.get("queued", 0),
        jobs_running=counts.get("processing", 0),
    )


@router.get(f"{API}/engines", tags=["library"])
async def engines(services: ServicesDependency) -> EngineList:
    """The engines of the GPU service, which of them can run, and why the others cannot."""
    return await services.engines.all()


@router.get(f"{API}/languages", tags=["library"])
async def languages(services: ServicesDependency) -> LanguageList:
    """The languages that the available speech engines speak, those tested with every engine first."""
    known = await services.engines.all()
    speakers: dict[str, list[str]] = {tag: [] for tag in FIRST_CLASS}
    for engine in known.engines:
        if engine.capability == "speech" and engine.available:
            for tag in engine.languages or FIRST_CLASS:
                speakers.setdefault(tag, []).append(engine.name)
    return LanguageList(
        data=tuple(
            LanguageDocument(tag=tag, first_class=tag in FIRST_CLASS, engines=tuple(names))
            for tag, names in sorted(speakers.items(), key=lambda item: (item[0] not in FIRST_CLASS, item[0]))
            if names
        ),
        default_engine=known.defaults.get("speech", ""),
    )
