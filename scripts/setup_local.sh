#!/bin/sh
# Everything for local use: the virtual environment, the models and demo assets, .env, and the images.
set -eu

usage() {
    echo "usage: scripts/setup_local.sh [--no-images]"
    echo "Prepares this machine: .venv, models/, the demo assets, .env, and (where Docker runs) the images."
    echo "Run it again at any time; what is there stays."
}

images=yes
case "${1:-}" in
-h | --help) usage && exit 0 ;;
--no-images) images=no ;;
"") ;;
*) usage >&2 && exit 2 ;;
esac

cd "$(dirname "$0")/.."
scripts/setup_gpu_service.sh
if [ ! -e .env ]; then
    cp .env.example .env
    echo "Settings: .env is a copy of .env.example"
fi
if [ "$images" = no ]; then
    echo "Images: left out, as asked"
elif docker info >/dev/null 2>&1; then
    scripts/build_images.sh
else
    echo "Images: left out, because no Docker daemon answers here. make demo and make serve need none."
fi
