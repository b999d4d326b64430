#!/bin/sh
# Renders the server's configuration and serves. Other words than `serve` are for the operator.
set -eu

render() {
    mkdir -p /run/depot
    envsubst '$PORT' </etc/depot/templates/lighttpd.conf >/run/depot/lighttpd.conf
}

case "${1:-serve}" in
    serve) render && exec lighttpd -D -f /run/depot/lighttpd.conf ;;
    backup) tar -C /var/lib -cf - depot | gzip -n | base64 -w0 ;;
    *) exec "$@" ;;
esac
