#!/bin/sh
# Runs the native GPU service in the background; its number and its log are in .cache/.
set -eu

usage() {
    cat <<TEXT
usage: scripts/run_gpu_service.sh [--host ADDRESS] [--port PORT] [--foreground | --stop | --status]

Starts the GPU service natively (CUDA, MPS or CPU) and waits until it answers.
  --host ADDRESS  where it listens. Default on Linux with Docker: the address of Docker's bridge, which
                  containers and this machine reach and other machines do not; elsewhere 127.0.0.1
  --port PORT     default 8001
  --foreground    stay in this terminal
  --stop          end the one that runs
  --status        say whether one runs
TEXT
}

cd "$(dirname "$0")/.."
pid_file=.cache/gpu_service.pid
log=.cache/gpu_service.log
address_file=.cache/gpu_service.address
host=
port=8001
action=start
while [ $# -gt 0 ]; do
    case "$1" in
    -h | --help) usage && exit 0 ;;
    --host) host=${2:?--host needs an address} && shift ;;
    --port) port=${2:?--port needs a number} && shift ;;
    --foreground) action=foreground ;;
    --stop) action=stop ;;
    --status) action=status ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

running() {
    [ -f "$pid_file" ] || return 1
    pid=$(cat "$pid_file")
    kill -0 "$pid" 2>/dev/null && ps -p "$pid" -o args= | grep -q avatar_gpu
}

answers() {
    .venv/bin/python -c "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=2)" \
        "http://$1:$2/health" >/dev/null 2>&1
}

case $action in
status)
    if running; then
        echo "The GPU service runs: process $pid, http://$(cat "$address_file")"
        exit 0
    fi
    echo "The GPU service does not run."
    exit 1
    ;;
stop)
    if ! running; then
        echo "The GPU service does not run."
        rm -f "$pid_file"
        exit 0
    fi
    kill "$pid"
    waited=0
    while kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 60 ]; do
        sleep 0.25
        waited=$((waited + 1))
    done
    kill -0 "$pid" 2>/dev/null && echo "Process $pid has not ended after 15 s; see $log" >&2 && exit 1
    rm -f "$pid_file"
    echo "The GPU service has ended."
    exit 0
    ;;
esac

[ -x .venv/bin/python ] || { echo "Run scripts/setup_gpu_service.sh first." >&2 && exit 1; }
if [ -z "$host" ]; then
    host=127.0.0.1
    if [ "$(uname)" = Linux ]; then
        bridge=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}' 2>/dev/null || true)
        [ -n "$bridge" ] && host=$bridge
    fi
fi
if running; then
    echo "The GPU service runs already: process $pid, http://$(cat "$address_file")"
    exit 0
fi
if [ "$action" = foreground ]; then
    exec .venv/bin/python -m avatar_gpu --host "$host" --port "$port"
fi

mkdir -p .cache
if answers "$host" "$port"; then
    echo "Something else answers at http://$host:$port already; choose another --port." >&2
    exit 1
fi
nohup .venv/bin/python -m avatar_gpu --host "$host" --port "$port" >"$log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$pid_file"
echo "$host:$port" >"$address_file"
waited=0
until answers "$host" "$port"; do
    if ! kill -0 "$pid" 2>/dev/null || [ "$waited" -ge 120 ]; then
        echo "The GPU service did not start. The end of $log:" >&2
        tail -n 15 "$log" >&2
        kill "$pid" 2>/dev/null || true
        rm -f "$pid_file"
        exit 1
    fi
    sleep 0.5
    waited=$((waited + 1))
done
echo "The GPU service runs: process $pid, http://$host:$port, log $log"
if [ "$host" = 127.0.0.1 ]; then
    echo "A runtime on this machine: USE_EXTERNAL_GPU_SERVICE=true GPU_SERVICE_URL=http://$host:$port"
else
    echo "A runtime in Docker finds it with: docker compose up runtime"
    echo "A runtime on this machine: USE_EXTERNAL_GPU_SERVICE=true GPU_SERVICE_URL=http://$host:$port"
fi
