#!/usr/bin/env bash
# Builds sample images: ./build.sh [NAME…], all without a name, as slimmer-sample-NAME:latest. One line each; a failure shows the build's last lines.
# The engine's cache makes it quick to run again. Settings: SLIMMER_BASE_IMAGE, SLIMMER_SAMPLE_BASE (see base/make-base.sh).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export DOCKER_BUILDKIT=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

names() {
    local dockerfile
    for dockerfile in "$here"/*/Dockerfile; do basename "$(dirname "$dockerfile")"; done
}

build() {
    # --network host: so that RUN steps reach the package registries the way that this machine does
    docker build --network host --rm --force-rm --build-arg "BASE=${SLIMMER_SAMPLE_BASE:-slimmer-sample-base:latest}" \
        --tag "slimmer-sample-$1:latest" "$here/$1" >"$log" 2>&1
}

size() { docker image inspect --format '{{.Size}}' "slimmer-sample-$1:latest" | awk '{ printf "%.1f MB", $1 / 1e6 }'; }

[ $# -gt 0 ] || mapfile -t all < <(names)
for name in "${@:-${all[@]}}"; do
    [ -f "$here/$name/Dockerfile" ] || { echo "no such sample: $name; there are: $(names | xargs)" >&2; exit 2; }
done
"$here/base/make-base.sh"
for name in "${@:-${all[@]}}"; do
    # once more: the package registries fail now and then
    build "$name" || build "$name" || { tail -n 30 "$log" >&2; echo "slimmer-sample-$name: the build failed" >&2; exit 1; }
    echo "slimmer-sample-$name:latest $(size "$name")"
done
