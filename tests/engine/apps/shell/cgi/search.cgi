#!/bin/sh
. /usr/local/lib/depot/page.sh
text
sqlite3 :memory: '.mode csv' '.import /var/lib/depot/stock.csv stock' "SELECT upper('found'), 6 * 7"
