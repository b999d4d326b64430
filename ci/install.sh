#!/bin/sh
# Installs slimmer from this checkout into a new virtual environment: ci/install.sh FOLDER [dependencies]
# slimmer's dependencies, and hatchling, which builds the wheel with the probe, are those of the lock files. With `dependencies`, it installs
# these alone; the next call goes on from there. The tools are in FOLDER-tools until the end. It needs Python 3.11 or newer with venv, make,
# and musl-gcc or a C compiler with a static C library.
# The current folder may be the checkout of a pull request, so no Python here imports modules from it.
set -eu

case $1 in
/*) folder=$1 ;;
*) folder=$PWD/$1 ;;
esac
tools=$folder-tools
checkout=$(cd -- "$(dirname -- "$0")/.." && pwd)
cd / # the processes that Python starts look for modules in their current folder

pip() { "$tools/bin/python" -I -m pip --disable-pip-version-check --no-cache-dir --quiet "$@"; }

dependencies() {
    python3 -I -m venv "$tools"
    python3 -I -m venv --without-pip "$folder"
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
