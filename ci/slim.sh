#!/bin/sh
# Slims an image in a pipeline: slimmer build, slimmer compare with gates, a summary, outputs. docs/ci.md explains it.
# Settings, by environment variables:
#   SLIM_TARGET         the image to slim (needed)
#   SLIM_TAG            the slim image's name. Default: slimmer's own, NAME:TAG-slim
#   SLIM_OPTIONS        more options of slimmer build, one on each line: --probe GET /health. What follows the first space or = is the
#                       value as it is, without quotes. Empty lines and lines that begin with # are left out
#   SLIM_CONFIG         slimmer's settings file. Default: none, because a pull request could change a file in the checkout
#   SLIM_OUT            the output folder. Default: slimmer-out. comparison.md in it is the comparison as Markdown
#   SLIM_MAX_SIZE, SLIM_MIN_RATIO, SLIM_MAX_GROWTH, SLIM_FAIL_ON, SLIM_BASELINE
#                       the gates: --max-size, --min-ratio, --max-growth, --fail-on and --baseline of slimmer compare
#   SLIM_ENV_FILE       the file for the outputs as a dotenv file. Default: slimmer.env
#   SLIMMER_IMAGE       run slimmer from this image with docker, not the installed command. Other variables SLIMMER_… are slimmer's own
#                       settings, and are passed on
#   SLIM_PASS           with SLIMMER_IMAGE: names of more variables that slimmer needs: TOKEN DATABASE_URL
#   SLIM_ENGINE_SOCKET  with SLIMMER_IMAGE: the engine's socket on the engine's machine. Default: that of DOCKER_HOST, or
#                       /var/run/docker.sock. If DOCKER_HOST is a TCP address, slimmer uses that address and the certificates of
#                       DOCKER_CERT_PATH
# It reads GITHUB_OUTPUT, GITHUB_STEP_SUMMARY and GITHUB_ACTIONS as well, if they are set. The outputs go there, to the dotenv file and to stdout:
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
token=
NO_IMAGE=slimmer@sha256:0000000000000000000000000000000000000000000000000000000000000000
STOP_TIMEOUT=90 # seconds until the engine kills slimmer, which removes what it made in the meantime

main() {
    trap 'clean_up' EXIT
    trap 'stop' HUP INT TERM
    stop_commands
    remove_old_files
    read_settings
    scratch=$(mktemp -d)
    [ -z "${GITHUB_OUTPUT:-}" ] || printf 'out=%s\n' "$out" >>"$GITHUB_OUTPUT"
    check_gates
    build
    write_outputs
    compare
}

say() { printf 'slim.sh: %s\n' "$*" >&2; }

refuse() {
    say "$@"
    exit 2
}

# What slimmer quotes of the app must not be a command to GitHub's runner, such as ::add-mask::. The runner obeys none until it reads the
# token. With one stream, it reads all lines in their order.
stop_commands() {
    [ -n "${GITHUB_ACTIONS:-}" ] || return 0
    exec 2>&1 3>&1
    token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    [ -n "$token" ] || refuse "There are no random numbers: od cannot read /dev/urandom."
    printf '::stop-commands::%s\n' "$token"
}

# --- settings ---

# Files of the last run, or of a pull request, must not look like those of this run. This comes first, because the rest may be refused.
remove_old_files() {
    out=${SLIM_OUT:-slimmer-out}
    env_file=${SLIM_ENV_FILE:-slimmer.env}
    check_path SLIM_OUT "$out"
    check_path SLIM_ENV_FILE "$env_file"
    [ -z "${SLIMMER_IMAGE:-}" ] || check_relative SLIM_OUT "$out"
    refuse_links SLIM_OUT "$out"
    refuse_links SLIM_ENV_FILE "$env_file"
    if [ -d "$out" ] && [ -n "$(find "$out" -type l)" ]; then
        refuse "There is a symbolic link in SLIM_OUT ($out). Remove it, or set another folder."
    fi
    rm -f -- "$env_file" "$out/comparison.md"
}

# A pull request may have committed a link, which would lead out of the checkout. Links above the current folder are the machine's own.
refuse_links() {
    place=${2#"$PWD/"}
    place=${place%/}
    while [ -n "$place" ]; do
        [ ! -L "$place" ] || refuse "$1 must not be or lie below a symbolic link: $place"
        case $place in
        /*) break ;;
        */*) place=${place%/*} ;;
        *) break ;;
        esac
    done
}

read_settings() {
    target=${SLIM_TARGET:-}
    tag=${SLIM_TAG:-}
    config=${SLIM_CONFIG:-}
    passed_on=
    baseline=${SLIM_BASELINE:-}
    fail_on=${SLIM_FAIL_ON:-}
    [ -n "$target" ] || refuse "SLIM_TARGET is not set. Set it to the image to slim."
    is_reference "$target" || refuse "SLIM_TARGET is not the name of an image."
    [ -z "$tag" ] || is_reference "$tag" || refuse "SLIM_TAG is not the name of an image."
    check_path SLIM_BASELINE "$baseline"
    check_path SLIM_CONFIG "$config"
    [ -z "$config" ] || [ -r "$config" ] || refuse "SLIM_CONFIG: $config cannot be read."
    set -f
    for name in ${SLIM_PASS:-}; do
        is_variable "$name" || refuse "SLIM_PASS must hold names of variables, with spaces between them."
        passed_on="$passed_on $name"
    done
    set +f
    if [ -n "${SLIMMER_IMAGE:-}" ]; then
        is_reference "$SLIMMER_IMAGE" || refuse "SLIMMER_IMAGE is not the name of an image."
        command -v docker >/dev/null || refuse "SLIMMER_IMAGE needs the docker command."
        check_relative SLIM_BASELINE "$baseline"
        check_relative SLIM_CONFIG "$config"
        case ${DOCKER_HOST:-} in
        '' | unix://* | tcp://*) ;;
        *) [ -n "${SLIM_ENGINE_SOCKET:-}" ] || refuse "SLIMMER_IMAGE cannot be used with the address in DOCKER_HOST. Set SLIM_ENGINE_SOCKET." ;;
        esac
    else
        command -v slimmer >/dev/null || refuse "slimmer is not installed. Install it with pip, or set SLIMMER_IMAGE to its image."
    fi
    # Without a file, slimmer would look for slimmer.toml and pyproject.toml.
    export SLIMMER_CONFIG="${config:-${SLIMMER_CONFIG:-/dev/null}}"
}

# Nothing that passes is an option, or more than one word or line.
is_reference() {
    case $1 in
    '' | -* | *[!][A-Za-z0-9._/:@+-]*) return 1 ;;
    esac
}

is_variable() {
    case $1 in
    '' | [0-9]* | *[!A-Za-z0-9_]*) return 1 ;;
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
    code=0
    with_gates "$target" "$image" slimmer_compare --format=markdown "--report=$out/report.json" >"$scratch/comparison.md" || code=$?
    [ -s "$scratch/comparison.md" ] || failure "$code" compare >"$scratch/comparison.md"
    cat "$scratch/comparison.md" >"$out/comparison.md"
    summarize
    exit "$code"
}

# slimmer checks the values of the gates first, and the baseline, so that a mistake costs no build. Then it finds no image. `warning` needs
# the report of the build, and is left out.
check_gates() {
    [ -n "${SLIM_MAX_SIZE:-}${SLIM_MIN_RATIO:-}${SLIM_MAX_GROWTH:-}$fail_on$baseline" ] || return 0
    case $fail_on in *warning*) fail_on= ;; esac
    code=0
    with_gates "$NO_IMAGE" "$NO_IMAGE" slimmer_compare >/dev/null 2>"$scratch/gates" || code=$?
    fail_on=${SLIM_FAIL_ON:-}
    [ "$code" = 2 ] || return 0
    cat -- "$scratch/gates" >&2
    exit "$code"
}

# Runs a command for two images, with the gates as its last options.
with_gates() {
    first=$1
    second=$2
    shift 2
    [ -z "${SLIM_MAX_SIZE:-}" ] || set -- "$@" "--max-size=$SLIM_MAX_SIZE"
    [ -z "${SLIM_MIN_RATIO:-}" ] || set -- "$@" "--min-ratio=$SLIM_MIN_RATIO"
    [ -z "${SLIM_MAX_GROWTH:-}" ] || set -- "$@" "--max-growth=$SLIM_MAX_GROWTH"
    [ -z "$fail_on" ] || set -- "$@" "--fail-on=$fail_on"
    [ -z "$baseline" ] || set -- "$@" "--baseline=$baseline"
    "$@" -- "$first" "$second"
}

# shellcheck disable=SC2329 # with_gates calls it
slimmer_compare() {
    if [ -n "${SLIMMER_IMAGE:-}" ]; then
        compare_in_container compare "$@"
    else
        run slimmer compare "$@"
    fi
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

# shellcheck disable=SC2329 # slimmer_compare calls it
compare_in_container() {
    create_container "$@" || return 4
    set --
    [ ! -f "./$out/report.json" ] || set -- "./$out/report.json"
    [ ! -f "./$baseline" ] || set -- "$@" "./$baseline"
    [ "$#" = 0 ] || tar -cf - "$@" | docker cp - "$container:/work" || return 4
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
    # A command begins a line, and the last line may have no end. The shell may exit in a function with its output in a file.
    [ -z "$token" ] || printf '\n::%s::\n' "$token" >&3
}

main
