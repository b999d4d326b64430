#!/usr/bin/env bash
# Measures test coverage: scripts/coverage.sh [PYTEST-OPTION…]. For Python, it measures lines and branches (coverage.py), including slimmer's
# subprocesses. For the probe's C, it measures what the stored fuzz inputs run (gcov). Reports go to build/coverage. docs/testing.md says what is
# not measured.
#   SLIMMER_TEST_WORKERS   as for scripts/test.sh
#   COVERAGE_TESTS         the tests to run instead of all; COVERAGE_TESTS=tests/unit needs no engine
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH

out=$PWD/build/coverage
harnesses=$out/c/objects
export COVERAGE_FILE=$out/python.data
rm -rf "$out"
mkdir -p "$out/python" "$harnesses"

measure_python() {
    local failed=0
    read -ra tests <<<"${COVERAGE_TESTS:-tests}"
    python -m coverage run -m pytest --numprocesses "${SLIMMER_TEST_WORKERS:-logical}" "${tests[@]}" "$@" || failed=$?
    python -m coverage combine --quiet
    python -m coverage report --skip-covered --sort=cover | tee "$out/python.txt"
    python -m coverage html --quiet --directory "$out/python"
    return "$failed"
}

measure_c() {
    local name
    SLIMMER_FUZZ_JAIL=$(mktemp -d)
    export SLIMMER_FUZZ_JAIL
    make --no-print-directory -s -C tests/fuzz/c -j2 REPLAY=1 GCOV=1 BUILD="$harnesses"
    for name in $(make --no-print-directory -s -C tests/fuzz/c names); do
        "$harnesses/$name" "tests/fuzz/corpus/$name" >"$out/c/$name.log" 2>&1
    done
    rm -rf "$SLIMMER_FUZZ_JAIL"
    gcovr --root probes/files --filter probes/files/ --merge-mode-functions separate \
        --html-details "$out/c/index.html" --txt "$out/c.txt" "$harnesses" 2>"$out/c/gcovr.log" || { cat "$out/c/gcovr.log" >&2; return 1; }
    cut -c1-58 "$out/c.txt"
}

failed=0
measure_python "$@" || failed=$?
measure_c
echo "reports: build/coverage/python/index.html and build/coverage/c/index.html; as text: python.txt and c.txt"
exit "$failed"
