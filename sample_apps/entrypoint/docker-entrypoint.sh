#!/bin/sh
# Renders the configuration and the page from the environment, then becomes the command.
set -eu

mkdir -p /run/site
for template in /etc/site/templates/*.template; do
    rendered=/run/site/$(basename "$template" .template)
    envsubst '$PORT $GREETING $CACHE_SECONDS' <"$template" >"$rendered"
done

if [ "${SHOUT:-no}" = yes ]; then
    sed -i 's/<h1>\(.*\)<\/h1>/<h1>\U\1!\E<\/h1>/' /run/site/index.html
fi

exec "$@"
