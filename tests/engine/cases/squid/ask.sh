#!/bin/bash
# Asks the proxy at 127.0.0.1:3128 for a URL in a language.
exec 3<>/dev/tcp/127.0.0.1/3128
printf 'GET %s HTTP/1.0\r\nAccept-Language: %s\r\n\r\n' "$1" "$2" >&3
cat <&3
