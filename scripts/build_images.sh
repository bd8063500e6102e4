#!/bin/sh
# Builds the container images of the three programs.
set -eu

usage() {
    cat <<TEXT
usage: scripts/build_images.sh [runtime | gpu-service | evaluator ...]

Builds the images that docker-compose.yml names; all three by default. Settings in the environment:
  TAG=local        tag of the images
  EMBEDDED=true    false leaves the engines out of the runtime's image
  ACCELERATOR=cpu  cuda for the GPU service on an NVIDIA GPU
  ENGINES=         extras of realtime-avatar-gpu for the GPU service, separated by commas
TEXT
}

for argument in "$@"; do
    case "$argument" in
    -h | --help) usage && exit 0 ;;
    runtime | gpu-service | evaluator) ;;
    *) usage >&2 && exit 2 ;;
    esac
done

cd "$(dirname "$0")/.."
docker info >/dev/null 2>&1 || { echo "No Docker daemon answers here; start Docker and run this again." >&2 && exit 1; }
[ $# -gt 0 ] || set -- runtime gpu-service evaluator
exec docker compose --profile gpu-service --profile evaluator build "$@"
