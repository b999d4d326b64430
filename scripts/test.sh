#!/usr/bin/env bash
# All checks and tests: scripts/test.sh [PYTEST-OPTION…]. Needs the virtual environment and an engine that answers: `make test` sees to both.
# The images of the sample apps are built beside the checks and tests that need none. Tests of the engine come after that, one at a time, since each
# counts what is left in the engine. Whatever fails gets one more try by itself: engines on busy machines time out now and then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH

log=$(mktemp)
building=
trap 'rm -f "$log"; [ -z "$building" ] || kill "$building" 2>/dev/null || true' EXIT

build_images() { sample_apps/build.sh && python -m tests.engine.routes; }

# Returns the exit code of pytest when tests fail twice, or when it could not test at all.
run_tests() {
    local code=0
    python -m pytest "$@" || code=$?
    [ "$code" = 1 ] || return "$code"
    echo "once more, what failed:"
    python -m pytest --last-failed --last-failed-no-failures=none "$@"
}

build_images >"$log" 2>&1 &
building=$!
make --no-print-directory check
failed=0
run_tests tests/unit "$@" || failed=$?
wait "$building" || { cat "$log" >&2; exit 1; }
building=
cat "$log"
run_tests tests/engine "$@" || failed=$?
exit "$failed"
