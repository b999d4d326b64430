#!/bin/sh
. /usr/local/lib/depot/page.sh
text
bash -c 'words=(a b c); echo "${#words[@]} ${words[-1]^}"'
