"""Serves the API in the foreground with every engine in the same process, and says how to talk to it."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
HINTS = """\
The API starts at http://{address} (to try it: http://{address}/docs). Ctrl-C ends it.
In another terminal:

  curl http://{address}/health
  curl -X POST http://{address}/api/v1/generate -H 'Content-Type: application/json' \\
       -d '{{"text": "Hello from GPU acceleration!", "language": "en"}}'
  curl -X POST http://{address}/api/v1/generate -H 'Prefer: respond-async' \\
       -H 'Content-Type: application/json' \\
       -d '{{"text": "你好，很高兴见到你。", "language": "zh", "voice": "demo-zh"}}'
  curl http://{address}/api/v1/jobs
  curl -O http://{address}/api/v1/videos/NAME_FROM_THE_ANSWER.mp4
"""


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def main() -> NoReturn:
    """Becomes the server; exits with status 1 where the port is taken."""
    parser = argparse.ArgumentParser(description="Serves the API with every engine in the same process.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port (default %(default)s)")
    arguments = parser.parse_args()
    if not port_is_free(arguments.host, arguments.port):
        print(
            f"Port {arguments.port} on {arguments.host} is taken or not allowed. "
            f"Choose another: make serve PORT={arguments.port + 10}",
            file=sys.stderr,
        )
        sys.exit(1)
    print(HINTS.format(address=f"{arguments.host}:{arguments.port}"), flush=True)
    os.chdir(ROOT)
    server = ["-m", "avatar_runtime", "--host", arguments.host, "--port", str(arguments.port)]
    os.execv(sys.executable, [sys.executable, *server])


if __name__ == "__main__":
    main()
