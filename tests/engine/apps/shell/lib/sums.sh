# shellcheck shell=sh
# Sums of the stock.
total() { awk -F, '{ sum += $2 } END { print sum }' "$1"; }
