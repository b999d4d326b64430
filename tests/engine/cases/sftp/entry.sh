#!/bin/bash
ssh-keygen -A
for user in ${SFTP_USERS}; do
    name=${user%%:*}; rest=${user#*:}
    useradd -m "$name" && echo "$name:$rest" | chpasswd
done
exec "$@"
