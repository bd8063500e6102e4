#!/bin/sh
# Inside a container: puts the small models that came with the image into MODELS_DIR, which may be a volume of
# its own, then starts the program that it is given.
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: container-entrypoint PROGRAM [ARGUMENT ...]"
    exit 0
    ;;
"") echo "container-entrypoint: no program given" >&2 && exit 2 ;;
esac

if [ -d /opt/avatar/models ] && [ -n "${MODELS_DIR:-}" ]; then
    if ! cp -R -u /opt/avatar/models/. "$MODELS_DIR"/ 2>/dev/null; then
        echo "MODELS_DIR=$MODELS_DIR cannot be written by user $(id -u); the models of the image are used instead." >&2
        export MODELS_DIR=/opt/avatar/models
    fi
fi
exec "$@"
