#!/bin/sh
# Inside a container: runs a program as the user who owns a folder, so that what it writes there is theirs.
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: container-as-owner FOLDER PROGRAM [ARGUMENT ...]"
    exit 0
    ;;
esac
[ $# -ge 2 ] || { echo "usage: container-as-owner FOLDER PROGRAM [ARGUMENT ...]" >&2 && exit 2; }

folder=$1
shift
if [ "$(id -u)" != 0 ]; then
    exec "$@"
fi
exec setpriv --reuid "$(stat -c %u "$folder")" --regid "$(stat -c %g "$folder")" --clear-groups --no-new-privs "$@"
