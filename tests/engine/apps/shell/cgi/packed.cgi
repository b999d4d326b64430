#!/bin/sh
. /usr/local/lib/depot/page.sh
text
xz -c /var/lib/depot/stock.csv | xz -dc | gzip -n | base64
