#!/bin/sh
. /usr/local/lib/depot/page.sh
. /usr/local/lib/depot/sums.sh
text
total /var/lib/depot/stock.csv
