#!/bin/sh
# Writes constraints.txt anew: one exact version of every package that any part of the project installs.
set -eu

usage() {
    echo "usage: scripts/update_constraints.sh [--upgrade]"
    echo "Resolves all four distributions and the tools for Python 3.11 and newer, on Linux and macOS."
    echo "  --upgrade  take the newest versions; without it, versions that still fit are kept"
}

upgrade=
case "${1:-}" in
-h | --help) usage && exit 0 ;;
--upgrade) upgrade=--upgrade ;;
"") ;;
*) usage >&2 && exit 2 ;;
esac

cd "$(dirname "$0")/.."
[ -x .venv/bin/uv ] || { echo "Run 'make install' first: uv comes from .venv." >&2 && exit 1; }
[ -n "${PIP_FIND_LINKS:-}" ] && export UV_FIND_LINKS="${UV_FIND_LINKS:-$PIP_FIND_LINKS}"

part=$(mktemp)
trap 'rm -f "$part"' EXIT
[ -f constraints.txt ] && cp constraints.txt "$part"
# backports.strenum from 1.3 on says that it is only for Python before 3.11. pip heeds that, uv does not.
# shellcheck disable=SC2086  # empty or one word
printf '%s\n' 'backports.strenum<1.3' './contracts[server]' ./gpu_service './runtime[postgres]' ./evaluator uv hatchling editables |
    .venv/bin/uv pip compile - --group pyproject.toml:demo --group pyproject.toml:dev --universal \
        --python-version 3.11 --fork-strategy fewest --no-annotate --no-header --quiet --output-file "$part" $upgrade \
        --no-emit-package realtime-avatar-contracts --no-emit-package realtime-avatar-gpu --no-emit-package realtime-avatar-runtime \
        --no-emit-package realtime-avatar-evaluator >/dev/null
{
    echo "# One exact version of every package, transitive ones included. Written by scripts/update_constraints.sh."
    grep -E '^[a-z0-9]' "$part"
} >constraints.txt.part
mv constraints.txt.part constraints.txt
echo "constraints.txt: $(grep -c == constraints.txt) packages"
