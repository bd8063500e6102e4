#!/bin/sh
# Prints the path of a Python that can run this project, or says what to install.
set -eu

usage() {
    echo "usage: scripts/find_python.sh [--help]"
    echo "Prints the first Python of version 3.11 or newer: \$PYTHON, python3, python3.13, 3.12, 3.11, 3.14, python."
}

case "${1:-}" in
-h | --help) usage && exit 0 ;;
"") ;;
*) usage >&2 && exit 2 ;;
esac

suits() {
    command -v "$1" >/dev/null 2>&1 || return 1
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    if suits "$PYTHON"; then
        command -v "$PYTHON"
        exit 0
    fi
    echo "PYTHON=$PYTHON is not a Python of version 3.11 or newer." >&2
    exit 1
fi

for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
    if suits "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
done

found=$(python3 --version 2>&1 || echo "no Python at all")
cat >&2 <<MESSAGE
Python 3.11 or newer is needed; this machine has $found.
  Debian, Ubuntu:  sudo apt install python3 python3-venv   (older releases: python3.11 python3.11-venv)
  macOS:           brew install python@3.13
  elsewhere:       https://www.python.org/downloads/
Then run the same command again. PYTHON=/path/to/python chooses one by hand.
MESSAGE
exit 1
