#!/bin/sh
# Counts the site's pages with the tools that busybox is.
echo "pages: $(find /var/www -name '*.html' | wc -l)"
echo "words: $(cat /var/www/*.html | sed 's/<[^>]*>//g' | wc -w)"
