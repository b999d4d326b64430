#!/usr/bin/env bash
# Makes sure that a container engine is running, then runs COMMAND with it: scripts/engine.sh [COMMAND…]
# If an engine answers, the script uses it. If DOCKER_HOST is set, it tries nothing else. Otherwise it tries the docker context, then the usual sockets
# (of Docker and Podman, including rootless ones). If none answers, then as root on Debian and Ubuntu it installs docker.io and starts dockerd, which
# publishes ports only on loopback. Elsewhere it says what to do and exits with 4. Settings to use this script beside a running engine:
#   SLIMMER_ENGINE_ROOT     a folder for the engine's socket, state, data and log. The script looks for no other engine, and the daemon gets its own
#                           network and mount namespaces (two daemons in one network namespace would fight over docker0)
#   SLIMMER_ENGINE_OPTIONS  more options for dockerd
set -euo pipefail

root=${SLIMMER_ENGINE_ROOT:-}
socket=${root:-/var/run}/docker.sock
pid_file=${root:-/var/run}/docker.pid
state=${root:-/var/run}/docker
data=${root:+$root/data}
data=${data:-/var/lib/docker}
system_containerd=${root:-/run}/containerd/containerd.sock
log=${root:-/var/log}/dockerd.log
lock=${root:-/run}/slimmer-engine.lock
apart=()
[ -z "$root" ] || apart=(unshare --net --mount)
read -ra more_options <<<"${SLIMMER_ENGINE_OPTIONS:-}"

main() {
    local url
    if url=$(reachable); then
        use "$url" "$@"
    elif [ -n "${DOCKER_HOST:-}" ] && [ -z "$root" ]; then
        give_up "no engine answers at DOCKER_HOST=$DOCKER_HOST." "Start it, or unset DOCKER_HOST to use another one."
    elif [ "$(id -u)" = 0 ] && is_debian; then
        start_engine
        use "unix://$socket" "$@"
    else
        give_up "no container engine answers here." \
            "Start Docker (or podman system service --time 0 &), or point DOCKER_HOST at an engine. Then run this again."
    fi
}

say() { echo "engine: $*" >&2; }

give_up() {
    say "$1"
    say "$2"
    exit 4
}

is_debian() { command -v apt-get >/dev/null && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

# --- finding an engine ---

# Prints the address of the first engine that answers, or "" for the one that the docker client uses by default.
reachable() {
    local path
    if [ -z "$root" ] && [ -n "${DOCKER_HOST:-}" ]; then
        by_client || answers "$DOCKER_HOST"
        return
    fi
    if [ -z "$root" ] && command -v docker >/dev/null && [ "$(docker context show 2>/dev/null || echo default)" != default ] && by_client; then
        return
    fi
    while read -r path; do
        if [ -S "$path" ] && answers "unix://$path"; then
            [ "$path" = /var/run/docker.sock ] || echo "unix://$path"
            return
        fi
    done < <(sockets)
    return 1
}

sockets() {
    local runtime=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
    echo "$socket"
    [ -n "$root" ] || printf '%s\n' "$runtime/docker.sock" ~/.docker/run/docker.sock ~/.docker/desktop/docker.sock \
        "$runtime/podman/podman.sock" /run/podman/podman.sock
}

by_client() { command -v docker >/dev/null && timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Requests /_ping, which Docker and Podman both answer. It supports only Unix sockets and plain TCP. The docker client covers the rest.
answers() {
    python3 - "$1" <<'EOF' 2>/dev/null
import http.client, socket, sys
from urllib.parse import urlsplit

url = urlsplit(sys.argv[1])
connection = http.client.HTTPConnection(url.hostname or "localhost", url.port or 2375, timeout=10)
if url.scheme == "unix":
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(10)
    connection.sock.connect(url.path)
connection.request("GET", "/_ping")
sys.exit(connection.getresponse().status != 200)
EOF
}

use() {
    local url=$1
    shift
    if [ -n "$url" ] && [ "$url" != unix:///var/run/docker.sock ]; then
        export DOCKER_HOST=$url
    fi
    if [ $# -gt 0 ]; then exec "$@"; fi
    say "an engine answers${DOCKER_HOST:+ at $DOCKER_HOST}"
}

# --- starting an engine ---

start_engine() {
    mkdir -p "$(dirname "$lock")" "$(dirname "$log")"
    exec 9>"$lock"
    flock --wait 300 9 || give_up "another process has been starting the engine for too long." "See $log."
    if [ -S "$socket" ] && answers "unix://$socket"; then
        exec 9>&-
        return # another process started it while this one waited for the lock
    fi
    if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null; then install; fi
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then
        systemctl start docker 9>&-
        answered_while "$(systemctl show --property MainPID --value docker)" || complain
    elif ! runs "$pid_file" dockerd || ! answered_while "$(cat "$pid_file")"; then
        start_daemon
        answered_while "$started" || complain
    fi
    exec 9>&-
}

install() {
    say "installing docker.io and iptables"
    local apt_log=$log.apt
    mkdir -p "$(dirname "$log")"
    # RUNLEVEL=1: the package must not start a daemon that publishes on every address
    apt_install >"$apt_log" 2>&1 || { apt-get update -q && apt_install; } >"$apt_log" 2>&1 || { apt-get update -q && apt_install; } >"$apt_log" 2>&1 ||
        give_up "cannot install docker.io. The end of $apt_log:" "$(tail -n 5 "$apt_log")"
}

apt_install() {
    local level=1
    [ ! -d /run/systemd/system ] || level=
    env ${level:+RUNLEVEL=$level} DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends docker.io iptables </dev/null 9>&-
}

start_daemon() {
    forget_the_dead
    say "starting dockerd, which logs to $log"
    # GOGC: the daemon collects its garbage less often, and takes about a sixth less processor time to run a container
    GOGC=${GOGC:-400} setsid "${apart[@]}" dockerd --ip 127.0.0.1 --host "unix://$socket" --pidfile "$pid_file" --exec-root "$state" --data-root "$data" \
        "${more_options[@]}" </dev/null >"$log" 2>&1 9>&- &
    started=$!
}

# Removes what a killed engine left. dockerd refuses to start if another process has its old process ID, and waits in vain for a containerd if its
# pid file or socket is still there.
forget_the_dead() {
    runs "$pid_file" dockerd || rm -f "$pid_file" "$socket"
    runs "$state/containerd/containerd.pid" containerd || rm -rf "$state/containerd"
    if [ -S "$system_containerd" ] && ! accepts "$system_containerd"; then
        rm -f "$system_containerd" "$system_containerd.ttrpc"
    fi
}

# Succeeds if the process in a pid file is alive and runs this program.
runs() {
    local pid
    pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] && lives "$pid"
}

# Succeeds if a process is alive. A zombie is dead.
lives() { grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }

accepts() { python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$1" 2>/dev/null; }

# Waits until the engine answers. Fails if the process ends before that, or after 90 s.
answered_while() {
    local end=$((SECONDS + 90))
    until [ -S "$socket" ] && answers "unix://$socket"; do
        lives "$1" && [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2 # polls until the deadline above
    done
}

complain() {
    [ ! -f "$log" ] || tail -n 15 "$log" >&2
    give_up "dockerd does not answer at $socket." "The lines above are the end of its log $log."
}

main "$@"
