#!/bin/sh
. /usr/local/lib/depot/page.sh
text
openssl genpkey -algorithm ED25519 | openssl pkey -noout -text | grep -c '^[a-z]*:'
