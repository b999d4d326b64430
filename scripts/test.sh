#!/usr/bin/env bash
# All checks and tests: scripts/test.sh [PYTEST-OPTION…]. Needs the virtual environment and an engine that answers: `make test` sees to both.
# The images of the sample apps are built beside the checks and the tests that need none. SLIMMER_TEST_WORKERS says how many tests run at a time
# (as many as there are processors, when unset; 0: one after the other, in one process).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH

workers=${SLIMMER_TEST_WORKERS:-logical}
log=$(mktemp)
building=
trap 'rm -f "$log"; [ -z "$building" ] || kill "$building" 2>/dev/null || true' EXIT

build_images() { sample_apps/build.sh && python -m tests.engine.routes; }

run_tests() { python -m pytest --numprocesses "$workers" "$@"; }

build_images >"$log" 2>&1 &
building=$!
make --no-print-directory check
failed=0
run_tests tests/unit "$@" || failed=$?
wait "$building" || { cat "$log" >&2; exit 1; }
building=
cat "$log"
export SLIMMER_TEST_IMAGES=built # no test needs to see to that again
run_tests tests/engine "$@" || failed=$?
exit "$failed"
