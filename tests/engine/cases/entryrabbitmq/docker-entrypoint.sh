#!/bin/bash
# Hands over to the user rabbitmq, as root; refuses variables that are no longer used.
set -euo pipefail

if [[ $1 == rabbitmq* ]] && [ "$(id -u)" = 0 ]; then
    if [ "$1" = rabbitmq-server ]; then find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq '{}' +; fi
    exec gosu rabbitmq "${BASH_SOURCE[0]}" "$@"
fi
for name in RABBITMQ_DEFAULT_PASS_FILE RABBITMQ_SSL_CERTFILE RABBITMQ_VM_MEMORY_HIGH_WATERMARK; do
    if [ -n "${!name:-}" ]; then
        echo "error: $name is set but deprecated" >&2
        exit 1
    fi
done
exec "$@"
