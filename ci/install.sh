#!/bin/sh
# Installs slimmer from this checkout into a new virtual environment: ci/install.sh FOLDER
# slimmer's dependencies, and hatchling, which builds the wheel with the probe, are those of the lock files. It needs Python 3.11 or newer
# with venv, make, and musl-gcc or a C compiler with a static C library.
set -eu

folder=$1
checkout=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

awk '/^[a-z]/ { chosen = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } chosen' \
    "$checkout/requirements-dev.lock" >"$work/tools.lock"
python3 -m venv "$work/tools"
python3 -m venv --without-pip "$folder"
pip() { "$work/tools/bin/pip" --disable-pip-version-check --no-cache-dir --quiet "$@"; }
pip install --require-hashes --requirement "$work/tools.lock"
pip wheel --no-deps --no-build-isolation --wheel-dir "$work" "$checkout"
pip --python "$folder/bin/python" install --require-hashes --requirement "$checkout/requirements.lock"
pip --python "$folder/bin/python" install --no-deps "$work"/slimmer-*.whl
