#!/usr/bin/env bash
# Sets up this checkout, and installs only what is missing:
#   scripts/setup.sh packages   compilers and tools as Debian or Ubuntu packages (needs root; elsewhere it lists what is missing)
#   scripts/setup.sh venv       .venv with the locked dependencies, and slimmer from this checkout
# Set PYTHON to use another interpreter than the first Python 3.11 or newer on PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=.venv

say() { echo "setup: $*" >&2; }

# Runs a command up to three times, because package servers fail now and then.
thrice() {
    local try
    for try in 1 2 3; do
        "$@" >"$work/log" 2>&1 && return
        say "try $try of 3 failed: $*"
        tail -n 5 "$work/log" >&2
    done
    return 1
}

# --- packages ---

packages() {
    local -a missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || { extras; return 0; }
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "please install these packages (names as in Debian), then run this again: ${missing[*]}"
        exit 1
    fi
    say "installing ${missing[*]}"
    install "${missing[@]}" || { say "apt-get cannot install them"; exit 1; }
    extras
}

# What single tests need. They are skipped without it.
extras() {
    compose
    browser
    sshd
    rpm_tools
    signing
}

# Two tests use compose. They are skipped without it.
compose() {
    ! docker compose version >/dev/null 2>&1 && ! command -v docker-compose >/dev/null || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    say "installing docker-compose"
    install docker-compose || say "apt-get cannot install docker-compose; two tests are skipped"
}

# Tests of --crawl-browser use a Chromium. They are skipped without it. This one has no windows, and is the smallest (64 MB, and 32 MB that it needs).
browser() {
    local name
    for name in chromium chromium-browser google-chrome-stable google-chrome chromium-headless-shell; do
        ! command -v "$name" >/dev/null || return 0
    done
    [ "$(id -u)" = 0 ] && grep -qs '^ID=debian$' /etc/os-release || return 0
    say "installing chromium-headless-shell"
    install chromium-headless-shell || say "apt-get cannot install chromium-headless-shell; the tests with a browser are skipped"
}

# Tests of DOCKER_HOST=ssh:// start an sshd of their own. They are skipped without it. The package would start one for this machine, so it is only
# unpacked, with the library that it needs (0.5 MB).
sshd() {
    local folder=.cache/sshd
    [ ! -x /usr/sbin/sshd ] && [ ! -x $folder/usr/sbin/sshd ] || return 0
    [ "$(id -u)" = 0 ] && grep -qs '^ID=debian$' /etc/os-release || return 0
    say "unpacking openssh-server"
    mkdir -p $folder "$work/sshd"
    (cd "$work/sshd" && { download || { thrice apt-get update -q && thrice download; }; }) || { say "apt-get cannot download openssh-server; the tests with ssh are skipped"; return 0; }
    for package in "$work"/sshd/*.deb; do
        dpkg-deb --extract "$package" $folder
    done
}

download() { apt-get download -q openssh-server libwrap0 >"$work/log" 2>&1 </dev/null; }

# Tests make images of rpm's packages with these (12 MB). They are skipped without them.
rpm_tools() {
    ! { command -v rpm && command -v rpmbuild && command -v db5.3_load; } >/dev/null 2>&1 || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    say "installing rpm and db5.3-util"
    install rpm db5.3-util || say "apt-get cannot install rpm and db5.3-util; the tests of rpm's databases are skipped"
}

# Tests of attestations sign with cosign, and push to a registry on this machine. They are skipped without them.
signing() {
    [ "$(id -u)" = 0 ] && grep -qs '^ID=debian$' /etc/os-release || return 0
    thrice scripts/signing-tools.sh || say "apt-get cannot get cosign and docker-registry; the tests of signatures are skipped"
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    # The package lists may be fresh enough. If not, update them first.
    apt-get install -qy --no-install-recommends "$@" >"$work/log" 2>&1 </dev/null ||
        { thrice apt-get update -q </dev/null && thrice apt-get install -qy --no-install-recommends "$@" </dev/null; }
}

missing_packages() {
    local pair
    for pair in gcc:gcc musl-gcc:musl-tools git:git curl:curl; do
        command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
    done
    compiles -static || echo libc6-dev
    if [ "$(uname -m)" = x86_64 ]; then
        compiles -m32 -static || echo gcc-multilib
    fi
    find_python >/dev/null || { [ -n "$(new_enough)" ] && echo python3-venv; } || true
}

compiles() { echo 'int main(void) { return 0; }' | gcc "$@" -x c -o "$work/a.out" - 2>/dev/null; }

# --- Python ---

# Prints the first interpreter that is new enough and can make a virtual environment.
find_python() {
    local python
    for python in $(new_enough); do
        if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

new_enough() {
    local python
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$python"
    done
    return 0
}

venv() {
    local python
    if ! "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        if ! python=$(find_python); then
            say "no Python 3.11 or newer with the venv module is on PATH."
            say "Install one (Debian 12: apt-get install python3 python3-venv), or give its path: make PYTHON=/path/to/python3"
            exit 1
        fi
        say "making $venv with $("$python" --version)"
        "$python" -m venv --clear "$venv"
    fi
    say "installing the locked dependencies"
    thrice pip --require-hashes -r requirements-dev.lock || exit 1
    say "installing slimmer from this checkout (compiles the probe)"
    pip --no-deps --no-build-isolation -e . >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check install --quiet "$@"; }

case "${1:-}" in
packages | venv) "$1" ;;
*) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
