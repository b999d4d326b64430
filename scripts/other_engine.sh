#!/usr/bin/env bash
# Makes and starts container engines of other Debian releases beside the machine's own, for `make engines`. Each release is a folder with a whole
# Debian in it; its engines have their own sockets, stores and bridges. Needs root on Debian or Ubuntu.
#   scripts/other_engine.sh make  FOLDER SUITE    install the engines of bookworm (Docker 20.10, Podman 4.3), trixie (26.1, 5.4) or forky (28.5, 5.8)
#   scripts/other_engine.sh start FOLDER ENGINE   start one, and print the address for DOCKER_HOST
#   scripts/other_engine.sh stop  FOLDER ENGINE   stop it, and remove its bridge
# ENGINE is docker (overlay2), docker-containerd (containerd's image store), docker-userns (userns-remap), docker-rootless, podman or podman-rootless.
set -euo pipefail

# What every release has, and what is only in newer ones.
packages=ca-certificates,docker.io,containerd,runc,iptables,nftables,iproute2,podman,netavark,aardvark-dns,slirp4netns,uidmap,rootlesskit
newer=,docker-cli,docker-buildx,passt
user=engine
user_id=1000
deadline=${SLIMMER_ENGINE_DEADLINE:-120}

say() { echo "other engine: $*" >&2; }

fail() {
    say "$@"
    exit 1
}

# --- making ---

# Installs what this script needs, if it is missing.
tools() {
    ! { command -v debootstrap && command -v ip && command -v curl; } >/dev/null || return 0
    say "installing debootstrap, iproute2 and curl"
    { DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends debootstrap iproute2 curl ||
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends debootstrap iproute2 curl; }; } </dev/null >&2 ||
        fail "apt-get cannot install debootstrap, iproute2 and curl."
}

# Writes podman's storage.conf: FOLDER RUNROOT GRAPHROOT
storage() {
    mkdir -p "$1"
    printf '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n' "$2" "$3" >"$1/storage.conf"
}

make_folder() {
    local folder=$1 suite=$2 script='' wanted=$packages new=$1.new limits
    [ "$suite" = bookworm ] || wanted+=$newer
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || script=sid
    tools
    rm -rf --one-file-system "$new"
    mkdir -p "$(dirname "$folder")"
    debootstrap --variant=minbase --include="$wanted" "$suite" "$new" "$(mirror)" $script >"$folder.log" 2>&1 ||
        fail "cannot install Debian $suite. The end of $folder.log:" "$(tail -n 3 "$folder.log")"
    mkdir -p "$new/data"
    chroot "$new" useradd --create-home --uid "$user_id" "$user"
    storage "$new/etc/containers" /run/containers/storage /data/containers
    storage "$new/home/$user/.config/containers" "/run/user/$user_id/containers" /data/rootless/containers
    chroot "$new" chown -R "$user:$user" "/home/$user"
    # runc works with each layout of cgroups
    # Podman 4 would raise these limits, which not every machine allows
    limits="\"nofile=$(ulimit -Sn):$(ulimit -Hn)\", \"nproc=4096:4096\""
    printf '[containers]\ndefault_ulimits = [%s]\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' "$limits" >"$new/etc/containers/containers.conf"
    install -d -o "$user_id" -g "$user_id" "$new/data/rootless"
    rm -rf "$new/var/cache/apt/archives" "$new/var/lib/apt/lists"
    mv "$new" "$folder"
}

# Prints the package server that this machine uses.
mirror() {
    { cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
        awk '/^URIs:/ && !found { print $2; found = 1 } /^deb / && !found { print $2; found = 1 }'
}

# --- starting ---

# Prints what to run in the folder for an engine.
command_of() {
    local engine=$1 bridge=$2 docker
    docker="dockerd -H unix:///run/$engine.sock --data-root /data/$engine --exec-root /run/$engine-exec --pidfile /run/$engine.pid --bridge $bridge --iptables=false --ip6tables=false"
    case $engine in
    docker | docker-userns | docker-containerd)
        # Older daemons do not know the feature as an option, and have no other store by default.
        [ "$engine" != docker-userns ] || docker+=" --userns-remap=default"
        [ "$engine" != docker-containerd ] || knows_features || fail "Docker of this release has no option for containerd's image store. Take forky."
        if knows_features; then docker+=" --feature containerd-snapshotter=$([ "$engine" = docker-containerd ] && echo true || echo false)"; fi
        echo "$docker"
        ;;
    docker-rootless) as_user "PATH=/usr/share/docker.io/contrib:/usr/sbin:\$PATH DOCKERD_ROOTLESS_ROOTLESSKIT_NET=slirp4netns DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER=builtin exec dockerd-rootless.sh -H unix:///run/user/$user_id/$engine.sock --data-root /data/rootless/$engine --storage-driver overlay2" ;;
    podman) echo "podman system service --time=0 unix:///run/$engine.sock" ;;
    podman-rootless) as_user "exec podman system service --time=0 unix:///run/user/$user_id/$engine.sock" ;;
    *) fail "no such engine: $engine" ;;
    esac
}

knows_features() { chroot "$folder" dockerd --help 2>&1 | grep -q -e '--feature '; }

as_user() { echo "setpriv --reuid $user_id --regid $user_id --clear-groups --inh-caps=-all env -i HOME=/home/$user USER=$user PATH=/usr/bin:/bin XDG_RUNTIME_DIR=/run/user/$user_id sh -c '$1'"; }

socket_of() {
    case $2 in
    *-rootless) echo "$1/run/user/$user_id/$2.sock" ;;
    *) echo "$1/run/$2.sock" ;;
    esac
}

# Each daemon has a bridge of its own: two that share docker0 would take it from each other.
bridge_of() { echo "se-$(printf %s "$1$2" | cksum | head -c 8)"; }

start() {
    local engine=$2 bridge socket run number end
    folder=$(realpath "$1")
    stop "$folder" "$engine"
    bridge=$(bridge_of "$folder" "$engine")
    socket=$(socket_of "$folder" "$engine")
    run=$(command_of "$engine" "$bridge")
    if [ -n "$run" ] && [[ $run = *"--bridge $bridge"* ]] && ! ip link show "$bridge" >/dev/null 2>&1; then
        number=$(($(printf %s "$folder$engine" | cksum | cut -d' ' -f1) % 200 + 20))
        ip link add "$bridge" type bridge
        ip addr add "10.213.$number.1/24" dev "$bridge"
        ip link set "$bridge" up
    fi
    rm -f "$socket" "$folder/run/$engine.pid" "$folder/run/$engine.shell"
    install -d -o "$user_id" -g "$user_id" -m 700 "$folder/run/user/$user_id"
    # pivot_root: after a plain chroot, `docker exec` would join a mount namespace whose root is the machine's
    # shellcheck disable=SC2016 # the inner shells expand these
    FOLDER=$folder ENGINE=$engine RUN=$run setsid unshare --mount --propagation private bash -c '
        set -e
        mount --rbind "$FOLDER" "$FOLDER"; cd "$FOLDER"; mkdir -p oldroot
        for place in proc sys dev; do mount --rbind "/$place" "$place"; done
        mkdir -p dev/net; mount -t tmpfs none dev/net; mknod -m 666 dev/net/tun c 10 200
        pivot_root . oldroot
        exec chroot . /bin/bash -c "umount -l /oldroot; mount --make-rshared /; echo \$\$ >/run/$ENGINE.shell; exec $RUN"
    ' </dev/null >"$folder/var/log/$engine.log" 2>&1 &
    end=$((SECONDS + deadline))
    until curl -sf --max-time 10 --unix-socket "$socket" http://localhost/_ping >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$end" ] || ! kill -0 $! 2>/dev/null; then
            tail -n 5 "$folder/var/log/$engine.log" >&2
            stop "$folder" "$engine"
            fail "$engine of $folder does not answer. The lines above are the end of its log."
        fi
        sleep 0.5 # polls until the deadline above
    done
    echo "unix://$socket"
}

# Tells whether a process has the folder as its root: FOLDER PROCESS. The number in a file may be another process's by now, as after a reboot.
runs_in() { [[ $2 =~ ^[1-9][0-9]*$ ]] && [ "/proc/$2/root" -ef "$1" ]; }

stop() {
    local engine=$2 process end bridge
    folder=$(realpath "$1")
    process=$(cat "$folder/run/$engine.shell" 2>/dev/null || true)
    end=$((SECONDS + 30))
    if runs_in "$folder" "$process" && kill "$process" 2>/dev/null; then
        while runs_in "$folder" "$process"; do
            [ "$SECONDS" -lt "$end" ] || { kill -KILL "$process" || true; break; }
            sleep 0.2 # polls until the deadline above
        done
    fi
    rm -f "$folder/run/$engine.shell"
    bridge=$(bridge_of "$folder" "$engine")
    ! ip link show "$bridge" >/dev/null 2>&1 || ip link del "$bridge"
}

case ${1:-}:$# in
make:3) make_folder "$2" "$3" ;;
start:3) start "$2" "$3" ;;
stop:3) stop "$2" "$3" ;;
*)
    sed -n '2,8s/^# //p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
