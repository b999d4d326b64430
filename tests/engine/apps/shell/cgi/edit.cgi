#!/bin/sh
. /usr/local/lib/depot/page.sh
text
file=$(mktemp)
sed 's/nails/tacks/' /var/lib/depot/stock.csv >"$file"
diff /var/lib/depot/stock.csv "$file" | grep '^>' || true
rm -f "$file"
