#!/bin/sh
. /usr/local/lib/depot/page.sh
text
while IFS=, read -r name count; do echo "$name: $count"; done </var/lib/depot/stock.csv
