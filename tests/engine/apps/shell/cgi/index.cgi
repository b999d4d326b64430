#!/bin/sh
. /usr/local/lib/depot/page.sh
text
echo 'The depot'
