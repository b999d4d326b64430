#!/usr/bin/env bash
# Runs all checks and tests: scripts/test.sh [PYTEST-OPTION…]. It needs the virtual environment and a running engine. `make test` provides both.
# Two things run side by side: the checks and then the tests that need no engine; and the build of the sample images and then the tests that need
# the engine. The latter often wait for the engine, and the former use that time. SLIMMER_TEST_WORKERS is the number of tests at a time in each of the
# two (default: one more than there are processors for tests that need the engine, half of the processors for the others; 0 runs them without workers).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH

processors=$(python -c 'import os; print(os.cpu_count() or 1)')
logs=$(mktemp -d)
checking=
building=

end() {
    local job
    for job in $checking $building; do kill -INT -- "-$job" 2>/dev/null || true; done
    wait
    rm -rf "$logs"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build_images() { sample_apps/build.sh && python -m tests.engine.case_images; }

# run_tests WORKERS PYTEST-OPTION…
run_tests() {
    local workers=${SLIMMER_TEST_WORKERS:-$1}
    shift
    python -m pytest --numprocesses "$workers" "$@"
}

check_and_run_unit_tests() {
    local failed=0
    renice -n 5 -p "$BASHPID" >/dev/null # the engine's tests go first: they take longer, and wait for answers
    make --no-print-directory check >"$logs/check" 2>&1 || { failed=1; cat "$logs/check" >&2; }
    run_tests $(((processors + 1) / 2)) tests/unit "$@" >"$logs/unit" 2>&1 || failed=$?
    return "$failed"
}

set -m # each of the two jobs is a process group, which `end` can end as a whole
check_and_run_unit_tests "$@" &
checking=$!
build_images >"$logs/images" 2>&1 &
building=$!
set +m

wait "$building" || { building=; cat "$logs/images" >&2; exit 1; }
building=
cat "$logs/images"
failed=0
SLIMMER_TEST_IMAGES=built run_tests $((processors + 1)) tests/engine "$@" || failed=$? # tests need not build the images again
wait "$checking" || failed=$?
checking=
cat "$logs/unit"
exit "$failed"
