"""``python -m avatar_runtime``: serves the runtime."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI

from avatar_contracts.problems import EngineUnavailable
from avatar_runtime.app import create_app, stop_waiting
from avatar_runtime.embedded import require_gpu_service
from avatar_runtime.logs import configure_logs
from avatar_runtime.settings import Settings

GRACE_S = 10
STARTUP_FAILED = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    parser = argparse.ArgumentParser(prog="avatar-runtime", description="Serve the Realtime Avatar API.")
    parser.add_argument("--host", default=settings.host, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=settings.port, help="port, 0 for any (%(default)s)")
    chosen = parser.parse_args(arguments)
    configure_logs(settings.log_level, as_json=settings.mode == "production")
    if not settings.use_external_gpu_service:
        try:
            require_gpu_service()
        except EngineUnavailable as error:
            sys.exit(f"avatar-runtime: {error.detail}")
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=chosen.host,
        port=chosen.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILED)


class _Server(uvicorn.Server):
    """Tells the app of a signal before the open connections are waited for."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        assert isinstance(self.config.app, FastAPI)
        stop_waiting(self.config.app)
        super().handle_exit(sig, frame)


if __name__ == "__main__":
    main()
