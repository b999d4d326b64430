#!/bin/sh
. /usr/local/lib/depot/page.sh
kind "image/$QUERY_STRING"
convert -size 8x8 xc:orange -strip "$QUERY_STRING:-"
