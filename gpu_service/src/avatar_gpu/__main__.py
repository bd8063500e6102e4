"""``python -m avatar_gpu``: the GPU service as a native process."""

from __future__ import annotations

import argparse
import logging

import uvicorn

from avatar_gpu.app import create_app
from avatar_gpu.settings import Settings


def main() -> None:
    """Serves until interrupted."""
    parser = argparse.ArgumentParser(prog="avatar-gpu", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=8001, help="port (default %(default)s)")
    arguments = parser.parse_args()
    settings = Settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        create_app(settings),
        host=arguments.host,
        port=arguments.port,
        log_level=settings.log_level.lower(),
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
