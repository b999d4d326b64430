# shellcheck shell=sh
# What the pages share.
text() { printf 'Content-Type: text/plain\r\n\r\n'; }
kind() { printf 'Content-Type: %s\r\n\r\n' "$1"; }
