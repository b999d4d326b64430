#!/bin/sh
# Gets a file from the TFTP server at 127.0.0.1 and prints it.
cd "$(mktemp -d)" || exit
tftp 127.0.0.1 -m binary -c get "$1" got
cat got
