#!/bin/sh
. /usr/local/lib/depot/page.sh
text
openssl dgst -sha3-256 -r /var/lib/depot/stock.csv | cut -c1-64
sha256sum </var/lib/depot/stock.csv
