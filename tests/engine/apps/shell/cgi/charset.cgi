#!/bin/sh
. /usr/local/lib/depot/page.sh
text
printf 'Größe\n' | iconv -f UTF-8 -t "${QUERY_STRING:-LATIN1}" | od -An -tx1
