#!/bin/sh
. /usr/local/lib/depot/page.sh
text
sort -t, -k2 -n /var/lib/depot/stock.csv | head -n 1 | cut -d, -f1 | tr a-z A-Z
