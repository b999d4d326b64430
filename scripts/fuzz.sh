#!/usr/bin/env bash
# Fuzzes slimmer's parsers: scripts/fuzz.sh [TARGET…]. Without targets, it fuzzes all of them: the probe's C (libFuzzer with AddressSanitizer and
# UndefinedBehaviorSanitizer) and the Python (atheris). Then it runs the property tests with more examples. See docs/fuzzing.md.
#   FUZZ_SECONDS   seconds for each target (default: 20)
#   FUZZ_JOBS      number of targets at a time (default: 2)
# It begins with the inputs in tests/fuzz/corpus. New inputs go to .cache/fuzz/corpus/TARGET, and failing ones to .cache/fuzz/found.
# Exits with 1 if anything failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PWD/.venv/bin:$PATH

seconds=${FUZZ_SECONDS:-20}
jobs=${FUZZ_JOBS:-2}
work=.cache/fuzz
export ASAN_OPTIONS=detect_leaks=0 # the probe frees nothing when it gives up, because its process ends
export SLIMMER_FUZZ_JAIL
SLIMMER_FUZZ_JAIL=$(mktemp -d)
failed=$SLIMMER_FUZZ_JAIL.failed
: >"$failed"
trap 'rm -rf "$SLIMMER_FUZZ_JAIL" "$failed"' EXIT

say() { echo "fuzz: $*" >&2; }

# fuzz NAME COMMAND…: runs one fuzzer for its time, and prints its result in one line.
fuzz() {
    local name=$1 log=$PWD/$work/log/$1
    shift
    mkdir -p "$work/corpus/$name" "$work/found" "$work/log" "tests/fuzz/corpus/$name"
    local options=(-max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1
        -artifact_prefix="$PWD/$work/found/$name-" "$PWD/$work/corpus/$name" "$PWD/tests/fuzz/corpus/$name")
    if "$@" "${options[@]}" >"$log" 2>&1; then
        say "$name: $(told "$log" number_of_executed_units) runs, $(told "$log" new_units_added) inputs with something new"
    else
        echo "$name" >>"$failed"
        say "$name FAILED; see $log and $work/found/$name-*"
        grep -aE 'SUMMARY|does not hold|runtime error|Error|File ".*/slimmer/' "$log" | tail -n 5 >&2 || true
    fi
}

# Waits until there is room for one more target.
make_room() { while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done; }

told() { sed -n "s/^stat::$2: *//p" "$1"; }

wanted() { [ ${#names[@]} -eq 0 ] || [[ " ${names[*]} " == *" $1 "* ]]; }

fuzz_probe() {
    local name
    if ! command -v clang >/dev/null; then
        say "skipping the probe's C, because clang with libFuzzer is not installed (Debian: apt-get install clang libclang-rt-14-dev)"
        return
    fi
    make --no-print-directory -s -C tests/fuzz/c -j2 BUILD="$PWD/$work/c"
    for name in $(make --no-print-directory -s -C tests/fuzz/c names); do
        if wanted "$name"; then
            make_room
            fuzz "$name" "$work/c/$name" &
        fi
    done
}

fuzz_python() {
    local name
    if ! python -c 'import atheris' 2>/dev/null && ! python -m pip --disable-pip-version-check install --quiet 'atheris>=2.3'; then
        say "skipping the Python targets, because atheris cannot be installed"
        return
    fi
    for name in $(python -m tests.fuzz.run); do
        if wanted "$name"; then
            make_room
            fuzz "$name" python -m tests.fuzz.run "$name" &
        fi
    done
}

names=("$@")
fuzz_probe
fuzz_python
wait
if [ ${#names[@]} -eq 0 ]; then
    SLIMMER_EXAMPLES=300 python -m pytest -q tests/unit/fuzz/test_properties.py || echo properties >>"$failed"
fi
if [ -s "$failed" ]; then
    say "failed: $(paste -sd ' ' "$failed")"
    exit 1
fi
