#!/usr/bin/env bash
# Slims a sample image, runs the original and the slim image, sends both the same request, and compares them: scripts/demo.sh NAME
# It removes the containers that it starts. Both images stay. It needs the virtual environment's programs on PATH and a running engine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=$1
before=slimmer-sample-$name:latest
after=slimmer-sample-$name:slim
containers=()
trap '[ ${#containers[@]} -eq 0 ] || docker rm --force --volumes "${containers[@]}" >/dev/null' EXIT

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Starts an image with its port published on loopback, and prints its answer to GET /.
ask() {
    local container address
    container=$(docker run --detach --publish-all "$1")
    containers+=("$container")
    address=$(docker port "$container" | sed -n 's/.* -> \(0\.0\.0\.0\|127\.0\.0\.1\):/127.0.0.1:/p' | head -n 1)
    python scripts/ask.py "$1" "http://$address/"
}

step "slimmer build $before --probe-file sample_apps/$name/probes.yaml"
slimmer build "$before" --tag "$after" --probe-file "sample_apps/$name/probes.yaml" --out "slimmer-out/$name"

step "Both images run and answer GET /"
ask "$before"
ask "$after"

step "slimmer compare $before $after"
slimmer compare "$before" "$after"
