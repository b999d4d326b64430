#!/bin/sh
. /usr/local/lib/depot/page.sh
text
jq -r '.open, (.days | join(" "))' /var/lib/depot/hours.json
