"""``python -m avatar_runtime``: serves the runtime."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import uvicorn

from avatar_runtime.app import create_app
from avatar_runtime.logs import configure_logs
from avatar_runtime.settings import Settings

GRACE_S = 10


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    parser = argparse.ArgumentParser(prog="avatar-runtime", description="Serve the Realtime Avatar API.")
    parser.add_argument("--host", default=settings.host, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=settings.port, help="port, 0 for any (%(default)s)")
    chosen = parser.parse_args(arguments)
    configure_logs(settings.log_level, as_json=settings.mode == "production")
    uvicorn.run(
        create_app(settings),
        host=chosen.host,
        port=chosen.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


if __name__ == "__main__":
    main()
