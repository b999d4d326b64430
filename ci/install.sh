#!/bin/sh
# Installs slimmer from this checkout into a new virtual environment: ci/install.sh FOLDER [dependencies]
# slimmer's dependencies, and hatchling, which builds the wheel with the probe, are those of the lock files. With `dependencies`, it installs
# these alone; the next call goes on from there. The tools are in FOLDER-tools until the end. It needs Python 3.11 or newer with venv, make,
# and musl-gcc or a C compiler with a static C library.
set -eu

folder=$1
tools=$1-tools
checkout=$(cd "$(dirname "$0")/.." && pwd)

pip() { "$tools/bin/pip" --disable-pip-version-check --no-cache-dir --quiet "$@"; }

dependencies() {
    python3 -m venv "$tools"
    python3 -m venv --without-pip "$folder"
    awk '/^[a-z]/ { chosen = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } chosen' \
        "$checkout/requirements-dev.lock" >"$tools/requirements.lock"
    pip install --require-hashes --requirement "$tools/requirements.lock"
    pip --python "$folder/bin/python" install --require-hashes --requirement "$checkout/requirements.lock"
}

[ -d "$tools" ] || dependencies
if [ "${2:-}" != dependencies ]; then
    pip wheel --no-deps --no-build-isolation --wheel-dir "$tools/wheel" "$checkout"
    pip --python "$folder/bin/python" install --no-deps "$tools"/wheel/slimmer-*.whl
    rm -rf "$tools"
fi
