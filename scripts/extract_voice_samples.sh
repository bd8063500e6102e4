#!/bin/sh
# Takes reference voices out of videos; see scripts/extract_voice_samples.py.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$here/../.venv/bin/python" ] || { echo "Run 'make install' first." >&2 && exit 1; }
exec "$here/../.venv/bin/python" "$here/extract_voice_samples.py" "$@"
