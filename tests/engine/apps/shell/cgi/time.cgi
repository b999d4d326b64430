#!/bin/sh
. /usr/local/lib/depot/page.sh
text
TZ=$QUERY_STRING date -d @1719835200 '+%H:%M %Z'
