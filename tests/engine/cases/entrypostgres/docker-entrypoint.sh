#!/usr/bin/env bash
# Makes a database when the container first starts: as root it hands over to the user postgres, makes the cluster with the password of the
# environment, runs the files of /docker-entrypoint-initdb.d on a server that listens on no port, and then becomes the server.
set -Eeo pipefail

if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    chmod 00700 "$PGDATA"
    exec gosu postgres "${BASH_SOURCE[0]}" "$@"
fi

if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        exit 1
    fi
    initdb --username="${POSTGRES_USER:-postgres}" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
    query=(psql -v ON_ERROR_STOP=1 --no-psqlrc --username "${POSTGRES_USER:-postgres}" --no-password)
    if [ "${POSTGRES_DB:-postgres}" != postgres ]; then
        "${query[@]}" --dbname postgres --set db="$POSTGRES_DB" <<<'create database :"db";'
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sql) "${query[@]}" --dbname "${POSTGRES_DB:-postgres}" -f "$file" ;;
            *.sql.gz) gunzip -c "$file" | "${query[@]}" --dbname "${POSTGRES_DB:-postgres}" ;;
            *.sh)
                # shellcheck source=/dev/null
                . "$file"
                ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    echo 'PostgreSQL init process complete; ready for start up.'
fi
exec "$@"
