#!/usr/bin/env bash
# Gets cosign and a registry for the tests that sign attestations: signing-tools.sh [FOLDER], .cache/signing by default.
# They come from Debian. What this release lacks is taken from a newer one (SUITE, trixie by default), and only unpacked into the folder.
# cosign is 15 MB (72 MB unpacked), docker-registry 5 MB (23 MB), and the newer release's list of packages 10 MB, which is removed again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(realpath -m "${1:-.cache/signing}")
suite=${SUITE:-trixie}
mkdir -p "$folder"
work=$(mktemp -d "$folder/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT

# Prints the address from which this machine gets Debian's packages.
mirror() { cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | awk '/^URIs:/ { print $2; exit } /^deb / { print $2; exit }'; }

# Runs apt-get with lists of its own, so that the machine's stay as they are.
newer() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" \
        -o Dir::Cache="$work/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

missing=()
for name in cosign docker-registry; do
    command -v "$name" >/dev/null || [ -x "$folder/usr/bin/$name" ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
echo "deb $(mirror) $suite main" >"$work/sources.list"
newer update
for name in "${missing[@]}"; do
    (cd "$work" && newer download "$name" && dpkg-deb -x "$name"_*.deb "$folder")
done
