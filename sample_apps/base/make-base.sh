#!/usr/bin/env bash
# Makes sure that the images which the samples start FROM are there:
#   debian:bookworm-slim       kept if it is there, else pulled, else made with debootstrap as the official one is made
#   slimmer-sample-base        the same, and the certificate authorities that this machine's owner added (a TLS proxy's, for instance)
# May be run again at any time. Settings: SLIMMER_BASE_IMAGE, SLIMMER_SAMPLE_BASE (names), SLIMMER_BASE_CA (a file of PEM
# certificates to add instead of this machine's own), SLIMMER_BASE_PULL=0 (do not try to pull), SLIMMER_BASE_MIRROR (for debootstrap).
set -euo pipefail

base=${SLIMMER_BASE_IMAGE:-debian:bookworm-slim}
sample_base=${SLIMMER_SAMPLE_BASE:-slimmer-sample-base:latest}
export DOCKER_BUILDKIT=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    if exists "$base"; then
        say "$base is there"
    elif [ "${SLIMMER_BASE_PULL:-1}" = 1 ] && timeout 120 docker pull --quiet "$base" >"$work/pull.log" 2>&1; then
        say "$base was pulled"
    else
        make_base
        say "$base was made with debootstrap"
    fi
    add_authorities
}

say() { echo "base: $*"; }
fail() { echo "base: $*" >&2; exit 1; }
exists() { docker image inspect "$1" >/dev/null 2>&1; }

# Debian's archive answers late or not at all now and then.
thrice() {
    local try
    for try in 1 2 3; do
        "$@" && return
        echo "try $try of 3 failed: $1" >&2
    done
    return 1
}

make_base() {
    [ "$(id -u)" = 0 ] || fail "debootstrap needs root; or pull $base on a machine that reaches a registry and docker load it here"
    command -v debootstrap >/dev/null || thrice install_debootstrap >"$work/apt.log" 2>&1 || fail "cannot install debootstrap: $(tail -n 3 "$work/apt.log")"
    thrice bootstrap >"$work/debootstrap.log" 2>&1 || fail "debootstrap failed: $(tail -n 5 "$work/debootstrap.log")"
    slim_down "$work/rootfs"
    tar --directory "$work/rootfs" --numeric-owner --create . |
        docker import --change 'CMD ["bash"]' - "$base" >/dev/null
}

install_debootstrap() {
    command -v apt-get >/dev/null && apt-get update -q && apt-get install -qy --no-install-recommends debootstrap
}

bootstrap() {
    rm -rf "$work/rootfs"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$work/rootfs" ${SLIMMER_BASE_MIRROR:+"$SLIMMER_BASE_MIRROR"}
}

# What debuerreotype does for the official slim images: no package lists or logs, no manuals, and apt told not to keep any.
slim_down() {
    local root=$1
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    echo 'force-unsafe-io' >"$root/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
    printf '%s\n' 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };' \
        'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' >"$root/etc/apt/apt.conf.d/docker-clean"
    echo 'Acquire::Languages "none";' >"$root/etc/apt/apt.conf.d/docker-no-languages"
    printf 'path-exclude /usr/share/%s/*\n' doc groff info linda lintian locale man >"$root/etc/dpkg/dpkg.cfg.d/docker"
    printf 'path-include /usr/share/doc/*/copyright\n' >>"$root/etc/dpkg/dpkg.cfg.d/docker"
    find "$root/usr/share/doc" -mindepth 1 ! -type d ! -name copyright -delete
    find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
    rm -rf "$root"/usr/share/{groff,info,linda,lintian}/*
    find "$root"/usr/share/{locale,man} -mindepth 1 ! -path '*/man/man[0-9]' -delete # packages put links into man/man1 and fail without it
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb \
        "$root"/var/cache/ldconfig/* "$root"/var/log/{bootstrap.log,dpkg.log,alternatives.log,apt/*} "$root"/var/lib/dpkg/*-old \
        "$root"/var/cache/debconf/*-old "$root"/etc/{hostname,resolv.conf} "$root"/tmp/* "$root"/run/*
    : >"$root/etc/machine-id"
}

# The authorities that somebody added to this machine's bundle: those that the ca-certificates package does not hold.
added_authorities() {
    local bundle=${SLIMMER_BASE_CA:-/etc/ssl/certs/ca-certificates.crt}
    mkdir "$work/packaged" "$work/authorities"
    [ -r "$bundle" ] || return 0
    if [ -z "${SLIMMER_BASE_CA:-}" ]; then
        [ -d /usr/share/ca-certificates ] || return 0
        find /usr/share/ca-certificates -name '*.crt' -exec cat {} + | split_certificates "$work/packaged"
    fi
    split_certificates "$work/authorities" <"$bundle"
    find "$work/packaged" -type f -printf '%f\n' | (cd "$work/authorities" && xargs -r rm -f)
}

# Writes each certificate of stdin to a file of its own, named after its content.
split_certificates() {
    awk -v folder="$1" '/-----BEGIN CERTIFICATE-----/ { n++ } n { print > (folder "/" n ".pem") } /-----END CERTIFICATE-----/ { close(folder "/" n ".pem") }'
    local file
    for file in "$1"/*.pem; do
        [ -f "$file" ] || continue
        mv "$file" "$1/host-$(tr -d ' \r\n' <"$file" | sha256sum | cut -c1-16).crt"
    done
}

add_authorities() {
    added_authorities
    if [ -z "$(ls -A "$work/authorities")" ]; then
        docker tag "$base" "$sample_base"
        return
    fi
    cat >"$work/authorities/Dockerfile" <<EOF
FROM $base
COPY *.crt /usr/local/share/ca-certificates/
RUN if ! command -v update-ca-certificates; then \
        apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; fi \
    && update-ca-certificates
EOF
    touch --date=@0 "$work/authorities"/*
    docker build --quiet --network host --rm --force-rm --tag "$sample_base" "$work/authorities" >"$work/build.log" 2>&1 ||
        fail "cannot add this machine's certificate authorities: $(tail -n 5 "$work/build.log")"
    say "$sample_base has $(find "$work/authorities" -name '*.crt' | wc -l) certificate authorities of this machine"
}

main
