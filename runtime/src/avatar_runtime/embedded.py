"""The edge where the runtime holds the GPU service in its own process: the only module that imports it."""

from __future__ import annotations

import httpx

from avatar_contracts.problems import EngineUnavailable
from avatar_runtime.asgi_transport import StreamingASGITransport
from avatar_runtime.settings import Settings


def embedded_gpu_service(settings: Settings) -> httpx.AsyncBaseTransport:
    """A transport to a GPU service of this process, which starts and stops with it.

    Raises:
        EngineUnavailable: the extra is not installed; ``detail`` names the command.
    """
    try:
        from avatar_gpu.app import create_app
        from avatar_gpu.settings import Settings as GpuSettings
    except ModuleNotFoundError as error:
        raise EngineUnavailable(
            f"The embedded GPU service needs the module {error.name!r}: "
            "pip install 'realtime-avatar-runtime[embedded]', "
            "or set USE_EXTERNAL_GPU_SERVICE=true and GPU_SERVICE_URL."
        ) from error
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
