"""The edge where the runtime holds the GPU service in its own process: the only module that imports it."""

from __future__ import annotations

import httpx

from avatar_contracts.problems import EngineUnavailable
from avatar_runtime.asgi_transport import StreamingASGITransport
from avatar_runtime.settings import Settings


def require_gpu_service() -> None:
    """Nothing where the GPU service can be imported.

    Raises:
        EngineUnavailable: it, or something it needs, is not installed; ``detail`` names the command.
    """
    try:
        import avatar_gpu.app  # noqa: F401 — the question is whether it can be imported
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.startswith("avatar_gpu.") and missing != "avatar_gpu.app":
            raise  # a mistake in our own code, not something to install
        raise EngineUnavailable(
            f"The embedded GPU service needs the module {missing!r}. In the repository, run: "
            "pip install './contracts[server]' ./gpu_service — or set USE_EXTERNAL_GPU_SERVICE=true and "
            "GPU_SERVICE_URL."
        ) from error


def embedded_gpu_service(settings: Settings) -> httpx.AsyncBaseTransport:
    """A transport to a GPU service of this process, which starts and stops with it.

    Raises:
        EngineUnavailable: the extra is not installed; ``detail`` names the command.
    """
    require_gpu_service()
    from avatar_gpu.app import create_app
    from avatar_gpu.settings import Settings as GpuSettings

    return StreamingASGITransport(
        create_app(
            GpuSettings(
                device=settings.device,
                models_dir=settings.models_dir,
                data_dir=settings.data_dir,
                log_level=settings.log_level,
                max_upload_bytes=settings.max_upload_bytes,
            )
        )
    )
