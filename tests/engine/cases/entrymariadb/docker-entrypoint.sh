#!/bin/bash
# Makes a database when the container first starts: as root it hands over to the user mysql, makes the system tables, sets up what the environment
# says on a server that listens on no port, and then becomes the server.
set -eo pipefail

option() { mariadbd --verbose --help 2>/dev/null | awk -v name="$1" '$1 == name && /^[^ \t]/ { sub(/^[^ \t]+[ \t]+/, ""); print; exit }'; }

if [ "$1" = mariadbd ] && [ "$(id -u)" = 0 ]; then
    find /var/lib/mysql /run/mysqld \! -user mysql -exec chown mysql: '{}' +
    exec gosu mysql "${BASH_SOURCE[0]}" "$@"
fi

if [ "$1" = mariadbd ] && [ ! -d "$(option datadir)mysql" ]; then
    if [ -z "$MARIADB_ROOT_PASSWORD" ] && [ -z "$MARIADB_RANDOM_ROOT_PASSWORD" ]; then
        echo "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified" >&2
        exit 1
    fi
    if [ -n "$MARIADB_RANDOM_ROOT_PASSWORD" ]; then
        MARIADB_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
        echo "[Note] [Entrypoint]: GENERATED ROOT PASSWORD: $MARIADB_ROOT_PASSWORD"
    fi
    mariadb-install-db --datadir="$(option datadir)" --rpm --auth-root-authentication-method=normal --skip-test-db --old-mode='UTF8_IS_UTF8MB3' \
        --default-time-zone=SYSTEM --loose-innodb_buffer_pool_load_at_startup=0
    socket=$(option socket)
    "$@" --skip-networking --default-time-zone=SYSTEM --socket="$socket" --wsrep_on=OFF --expire-logs-days=0 --loose-innodb_buffer_pool_load_at_startup=0 &
    server=$!
    for ((try = 30; try > 0; try--)); do
        if mariadb --protocol=socket -uroot -hlocalhost --socket="$socket" --database=mysql -e 'select 1' >/dev/null 2>&1; then break; fi
        sleep 1
    done
    mariadb-tzinfo-to-sql --skip-write-binlog /usr/share/zoneinfo | mariadb --protocol=socket -uroot --socket="$socket" --database=mysql
    {
        echo "set @@session.sql_log_bin = 0;"
        echo "set password for 'root'@'localhost' = password('${MARIADB_ROOT_PASSWORD//\'/\\\'}');"
        echo "create user 'root'@'%' identified by '${MARIADB_ROOT_PASSWORD//\'/\\\'}'; grant all on *.* to 'root'@'%' with grant option;"
        if [ -n "$MARIADB_DATABASE" ]; then echo "create database if not exists \`$MARIADB_DATABASE\`;"; fi
        if [ -n "$MARIADB_USER" ]; then
            echo "create user '$MARIADB_USER'@'%' identified by '${MARIADB_PASSWORD//\'/\\\'}';"
            if [ -n "$MARIADB_DATABASE" ]; then echo "grant all on \`${MARIADB_DATABASE//_/\\_}\`.* to '$MARIADB_USER'@'%';"; fi
        fi
    } | mariadb --protocol=socket -uroot --socket="$socket" --database=mysql
    kill "$server"
    wait "$server"
    echo "[Note] [Entrypoint]: MariaDB init process done. Ready for start up."
fi
exec "$@"
