#!/usr/bin/env bash
# Runs all checks and tests: scripts/test.sh [PYTEST-OPTION…]. It needs the virtual environment and a running engine. `make test` provides both.
# The images of the sample apps are built while the checks and the tests that need no engine run. SLIMMER_TEST_WORKERS is the number of tests at a
# time (default: the number of processors; 0 runs them one by one in one process).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH

workers=${SLIMMER_TEST_WORKERS:-logical}
engine_workers=${SLIMMER_TEST_WORKERS:-$(python -c 'import os; print(max(1, (os.cpu_count() or 1) // 2))')}
log=$(mktemp)
building=
trap 'rm -f "$log"; [ -z "$building" ] || kill "$building" 2>/dev/null || true' EXIT

build_images() { sample_apps/build.sh && python -m tests.engine.case_images; }

run_tests() { python -m pytest --numprocesses "$@"; }

build_images >"$log" 2>&1 &
building=$!
make --no-print-directory check
failed=0
run_tests "$workers" tests/unit "$@" || failed=$?
wait "$building" || { cat "$log" >&2; exit 1; }
building=
cat "$log"
export SLIMMER_TEST_IMAGES=built # tests need not build the images again
run_tests "$engine_workers" tests/engine "$@" || failed=$?
exit "$failed"
