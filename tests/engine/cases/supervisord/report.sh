#!/bin/bash
ps -o comm= -p 1 | envsubst
printf 'report of %s\n' "$1" | sed 's/report/REPORT/'
