#!/bin/sh
# Prepares the native GPU service: the virtual environment, the models and the demo voices.
set -eu

usage() {
    echo "usage: scripts/setup_gpu_service.sh"
    echo "Creates .venv, installs the project, fetches the small models. Run it again at any time."
    echo "Then: scripts/run_gpu_service.sh"
}

case "${1:-}" in
-h | --help) usage && exit 0 ;;
"") ;;
*) usage >&2 && exit 2 ;;
esac

cd "$(dirname "$0")/.."
python=$(sh scripts/find_python.sh)
"$python" scripts/bootstrap.py --set demo
.venv/bin/python scripts/download_models.py
.venv/bin/python scripts/make_demo_voices.py
echo "The GPU service is ready: scripts/run_gpu_service.sh"
