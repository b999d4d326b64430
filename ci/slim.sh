#!/bin/sh
# Slims an image in a pipeline: slimmer build, slimmer compare with gates, a summary, outputs. docs/ci.md explains it.
# Settings, by environment variables:
#   SLIM_TARGET         the image to slim (needed)
#   SLIM_TAG            the slim image's name. Default: slimmer's own, NAME:TAG-slim
#   SLIM_OPTIONS        more options of slimmer build, one on each line: --probe GET /health. What follows the first space or = is the
#                       value as it is, without quotes. Empty lines and lines that begin with # are left out
#   SLIM_OUT            the output folder. Default: slimmer-out. comparison.md in it is the comparison as Markdown
#   SLIM_MAX_SIZE, SLIM_MIN_RATIO, SLIM_MAX_GROWTH, SLIM_FAIL_ON, SLIM_BASELINE
#                       the gates: --max-size, --min-ratio, --max-growth, --fail-on and --baseline of slimmer compare
#   SLIM_ENV_FILE       the file for the outputs as a dotenv file. Default: slimmer.env
#   SLIMMER_IMAGE       run slimmer from this image with docker, not the installed command. Other variables SLIMMER_… are slimmer's own
#                       settings, and are passed on
#   SLIM_ENGINE_SOCKET  with SLIMMER_IMAGE: the engine's socket on the engine's machine. Default: that of DOCKER_HOST, or
#                       /var/run/docker.sock. If DOCKER_HOST is a TCP address, slimmer uses that address and the certificates of
#                       DOCKER_CERT_PATH
# It reads GITHUB_OUTPUT and GITHUB_STEP_SUMMARY as well, if they are set. The outputs go there, to the dotenv file and to stdout:
# image, digest, size-before, size-after, ratio and report. The exit code is slimmer's. A gate that fails ends the script after
# everything was written.
set -eu

newline='
'
return_character=$(printf '\r')
child=
container=
stopped=
scratch=
STOP_TIMEOUT=90 # seconds until the engine kills slimmer, which removes what it made in the meantime

main() {
    trap 'clean_up' EXIT
    trap 'stop' HUP INT TERM
    read_settings
    scratch=$(mktemp -d)
    rm -f -- "$env_file" "$out/comparison.md"
    build
    write_outputs
    compare
}

say() { printf 'slim.sh: %s\n' "$*" >&2; }

refuse() {
    say "$@"
    exit 2
}

# --- settings ---

read_settings() {
    target=${SLIM_TARGET:-}
    tag=${SLIM_TAG:-}
    out=${SLIM_OUT:-slimmer-out}
    env_file=${SLIM_ENV_FILE:-slimmer.env}
    baseline=${SLIM_BASELINE:-}
    [ -n "$target" ] || refuse "SLIM_TARGET is not set. Set it to the image to slim."
    is_reference "$target" || refuse "SLIM_TARGET is not the name of an image."
    [ -z "$tag" ] || is_reference "$tag" || refuse "SLIM_TAG is not the name of an image."
    check_path SLIM_OUT "$out"
    check_path SLIM_ENV_FILE "$env_file"
    check_path SLIM_BASELINE "$baseline"
    if [ -n "${SLIMMER_IMAGE:-}" ]; then
        is_reference "$SLIMMER_IMAGE" || refuse "SLIMMER_IMAGE is not the name of an image."
        command -v docker >/dev/null || refuse "SLIMMER_IMAGE needs the docker command."
        check_relative SLIM_OUT "$out"
        check_relative SLIM_BASELINE "$baseline"
    else
        command -v slimmer >/dev/null || refuse "slimmer is not installed. Install it with pip, or set SLIMMER_IMAGE to its image."
    fi
}

# Nothing that passes is an option, or more than one word or line.
is_reference() {
    case $1 in
    '' | -* | *[!][A-Za-z0-9._/:@+-]*) return 1 ;;
    esac
}

check_path() {
    case $2 in
    *"$newline"* | *"$return_character"*) refuse "$1 must be a single line." ;;
    -*) refuse "$1 must not begin with -. Write ./$2." ;;
    esac
}

# slimmer's container has a copy of the current folder, and nothing else of this machine.
check_relative() {
    case $2 in
    . | ./ | /* | .. | ../* | */.. | */../*) refuse "$1 must be a path below the current folder, because slimmer runs from SLIMMER_IMAGE." ;;
    esac
}

# --- slimmer build ---

build() {
    set --
    passed_on=
    while IFS= read -r line; do
        add_option "$line"
        [ -z "$option" ] || set -- "$@" "$option"
        [ -z "$value" ] || set -- "$@" "$value"
    done <<END
${SLIM_OPTIONS:-}
END
    [ -z "$tag" ] || set -- "$@" "--tag=$tag"
    set -- build "$@" "--out=$out" -- "$target"
    code=0
    if [ -n "${SLIMMER_IMAGE:-}" ]; then
        build_in_container "$@" || code=$?
    else
        run slimmer "$@" >"$scratch/tag" || code=$?
    fi
    [ "$code" = 0 ] || give_up "$code"
}

# Splits a line of SLIM_OPTIONS into `option` and `value`. The value of a long option is part of `option`: --probe=GET /health.
add_option() {
    option=$(printf '%s' "$1" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//')
    value=
    case $option in '' | '#'*)
        option=
        return
        ;;
    esac
    name=${option%%[= ]*}
    case $name in
    --tag | -t) refuse "SLIM_OPTIONS: set SLIM_TAG instead of $name." ;;
    --out | -o) refuse "SLIM_OPTIONS: set SLIM_OUT instead of $name." ;;
    --format) refuse "SLIM_OPTIONS: $name cannot be used, because the script reads what slimmer writes." ;;
    --[a-z]* | -[a-zA-Z]) ;;
    *) refuse "SLIM_OPTIONS: each line must begin with an option, as in --probe GET /health" ;;
    esac
    if [ "$option" = "$name" ]; then return; fi
    text=$(printf '%s' "${option#"$name"?}" | sed 's/^[[:space:]]*//')
    case $name in
    --*) option=$name=$text ;;
    *)
        option=$name
        value=$text
        ;;
    esac
    case $name in --env | -e | --exercise-env | --with-env) pass_on "$text" ;; esac
}

# slimmer's container needs the variables that options name without a value: KEY, or NAME:KEY.
pass_on() {
    case $1 in
    *=*) ;;
    *) passed_on="$passed_on $(printf '%s' "${1##*:}" | tr -cd '[:alnum:]_')" ;;
    esac
}

# A build that fails has a summary, too.
give_up() {
    say "slimmer build ended with exit code $1. There is no slim image."
    mkdir -p -- "$out"
    failure "$1" build >"$out/comparison.md"
    summarize
    exit "$1"
}

failure() {
    printf '<!-- slimmer -->\nslimmer %s ended with exit code %s. The log of this job says why.\n' "$2" "$1"
}

# --- outputs ---

write_outputs() {
    image=$(field slim tag)
    digest=$(field slim id)
    before=$(field target size)
    after=$(field slim size)
    if ! { is_reference "$image" && is_reference "$digest" && is_number "$before" && is_number "$after"; }; then
        say "$out/report.json does not say what was built."
        exit 1
    fi
    ratio=$(awk -v before="$before" -v after="$after" 'BEGIN { printf "%.2f", (after > 0 ? before / after : 0) }')
    outputs image= digest= size-before= size-after= ratio= report=
    [ -z "${GITHUB_OUTPUT:-}" ] || outputs image= digest= size-before= size-after= ratio= report= >>"$GITHUB_OUTPUT"
    outputs SLIM_IMAGE= SLIM_DIGEST= SLIM_SIZE_BEFORE= SLIM_SIZE_AFTER= SLIM_RATIO= SLIM_REPORT= >"$env_file"
}

outputs() {
    printf '%s\n' "$1$image" "$2$digest" "$3$before" "$4$after" "$5$ratio" "$6$out/report.json"
}

is_number() {
    case $1 in
    '' | *[!0-9]*) return 1 ;;
    esac
}

# Prints a text or a number of report.json: its section and its key. slimmer writes one value on a line, and no text has a line break.
field() {
    sed -n "/^  \"$1\": {\$/,/^  }/s/^    \"$2\": \"\\{0,1\\}\\([^\",]*\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" <"$out/report.json"
}

# --- slimmer compare ---

compare() {
    set -- compare --format=markdown "--report=$out/report.json"
    [ -z "${SLIM_MAX_SIZE:-}" ] || set -- "$@" "--max-size=$SLIM_MAX_SIZE"
    [ -z "${SLIM_MIN_RATIO:-}" ] || set -- "$@" "--min-ratio=$SLIM_MIN_RATIO"
    [ -z "${SLIM_MAX_GROWTH:-}" ] || set -- "$@" "--max-growth=$SLIM_MAX_GROWTH"
    [ -z "${SLIM_FAIL_ON:-}" ] || set -- "$@" "--fail-on=$SLIM_FAIL_ON"
    [ -z "$baseline" ] || set -- "$@" "--baseline=$baseline"
    set -- "$@" -- "$target" "$image"
    code=0
    if [ -n "${SLIMMER_IMAGE:-}" ]; then
        compare_in_container "$@" >"$scratch/comparison.md" || code=$?
    else
        run slimmer "$@" >"$scratch/comparison.md" || code=$?
    fi
    [ -s "$scratch/comparison.md" ] || failure "$code" compare >"$scratch/comparison.md"
    cat "$scratch/comparison.md" >"$out/comparison.md"
    summarize
    exit "$code"
}

summarize() {
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat -- "$out/comparison.md" >>"$GITHUB_STEP_SUMMARY"
}

# --- slimmer from its image ---

# The current folder is copied in, and the output folder out. A mount would need the paths of the engine's machine, and root would own the
# files.
build_in_container() {
    create_container "$@" || return 4
    tar -cf - --exclude=./.git . | docker cp - "$container:/work" || return 4
    container_code=0
    run docker start --attach "$container" >"$scratch/tag" || container_code=$?
    mkdir -p -- "$out"
    if ! docker cp "$container:/work/$out/." "$out" >/dev/null 2>"$scratch/cp" && [ "$container_code" = 0 ]; then
        cat "$scratch/cp" >&2
        container_code=10
    fi
    remove_container
    rmdir -- "$out" 2>/dev/null || :
    return "$container_code"
}

compare_in_container() {
    create_container "$@" || return 4
    set -- "./$out/report.json"
    [ -z "$baseline" ] || set -- "$@" "./$baseline"
    tar -cf - "$@" | docker cp - "$container:/work" || return 4
    container_code=0
    run docker start --attach "$container" || container_code=$?
    remove_container
    return "$container_code"
}

# Makes the container, with the variables and the way to the engine that slimmer needs there.
create_container() {
    arguments=$#
    for name in $passed_on SOURCE_DATE_EPOCH $(own_variables); do set -- "$@" --env "$name"; done
    socket=${SLIM_ENGINE_SOCKET:-}
    certificates=
    case ${DOCKER_HOST:-} in
    '') : "${socket:=/var/run/docker.sock}" ;;
    unix://*) : "${socket:=${DOCKER_HOST#unix://}}" ;;
    tcp://*)
        if [ -z "$socket" ]; then
            set -- "$@" --network host --env DOCKER_HOST
            [ -z "${DOCKER_TLS_VERIFY:-}" ] || certificates=${DOCKER_CERT_PATH:-$HOME/.docker}
        fi
        ;;
    *) [ -n "$socket" ] || refuse "SLIMMER_IMAGE cannot be used with the address in DOCKER_HOST. Set SLIM_ENGINE_SOCKET." ;;
    esac
    [ -z "$socket" ] || set -- "$@" --mount "type=bind,source=$socket,target=/var/run/docker.sock"
    [ -z "$certificates" ] || set -- "$@" --env DOCKER_TLS_VERIFY --env DOCKER_CERT_PATH=/certificates
    set -- "$@" --workdir /work "$SLIMMER_IMAGE"
    # The arguments of slimmer came first. They go to the end.
    while [ "$arguments" -gt 0 ]; do
        set -- "$@" "$1"
        shift
        arguments=$((arguments - 1))
    done
    container=$(docker create "$@") || return
    [ -z "$certificates" ] || docker cp --follow-link "$certificates/." "$container:/certificates" >/dev/null
}

own_variables() {
    awk 'BEGIN { for (name in ENVIRON) if (name ~ /^SLIMMER_[A-Z0-9_]+$/ && name != "SLIMMER_IMAGE") print name }'
}

remove_container() {
    docker rm --force --volumes "$container" >/dev/null || :
    container=
}

# --- processes ---

# Runs a command that a signal to this script ends, too. slimmer removes what it made before it exits.
run() {
    "$@" &
    child=$!
    run_code=0
    wait "$child" || run_code=$?
    while kill -0 "$child" 2>/dev/null; do
        run_code=0
        wait "$child" || run_code=$?
    done
    child=
    [ -z "$stopped" ] || exit "$stopped"
    return "$run_code"
}

# shellcheck disable=SC2329 # a trap calls it
stop() {
    stopped=130
    [ -n "$child" ] || exit 130
    if [ -n "$container" ]; then
        # Not every docker client passes a signal on, and ends after the container.
        docker stop -t "$STOP_TIMEOUT" "$container" >/dev/null 2>&1 || :
    else
        kill -TERM "$child" 2>/dev/null || :
    fi
}

# shellcheck disable=SC2329 # a trap calls it
clean_up() {
    [ -z "$container" ] || remove_container
    [ -z "$scratch" ] || rm -rf -- "$scratch"
}

main
