#!/bin/sh
. /usr/local/lib/depot/page.sh
text
echo '2 ^ 64' | bc
