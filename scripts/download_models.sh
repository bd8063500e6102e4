#!/bin/sh
# Fetches model files and demo assets into models/ and assets/; see scripts/download_models.py.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../.venv/bin/python
[ -x "$python" ] || python=$(sh "$here/find_python.sh")
exec "$python" "$here/download_models.py" "$@"
