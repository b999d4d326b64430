#!/bin/sh
# Makes every kind of file that tools of this sort lose.
set -e
useradd --create-home --uid 1234 worker
mkdir -p /srv/stat/conf.d /srv/relative /srv/plugins /srv/listed /srv/empty /srv/package/sub /srv/names /srv/chain/real \
    /srv/hard /srv/modes /srv/changed /srv/made /srv/work /srv/volume/deep "/srv/other volume" /srv/health /srv/untouched
echo 1 > /srv/stat/conf; echo 2 > /srv/stat/conf.d/item; echo 3 > /srv/stat/config-unseen
echo 1 > /srv/relative/only-access; echo 2 > /srv/relative/unseen
echo 1 > /srv/faccessat2; echo 1 > /srv/o_path
ln -s /nowhere/at/all /srv/dangling; ln -s target-of-link /srv/link-read-only
echo 1 > /srv/xattr-only
mkfifo /srv/fifo
touch /srv/plugins/a.so /srv/plugins/b.so /srv/plugins/c.so
echo 1 > /srv/listed/wanted; echo 2 > /srv/listed/unwanted
echo 1 > /srv/package/__init__.py; echo 2 > /srv/package/sub/module.py
echo 1 > "/srv/names/with space"; echo 2 > "$(printf '/srv/names/with\nnewline')"; echo 3 > "$(printf '/srv/names/caf\351')"
echo end > /srv/chain/real/c; ln -s real/c /srv/chain/b; ln -s /srv/chain/b /srv/chain/a; ln -s chain /srv/chain-link
echo one > /srv/hard/one; ln /srv/hard/one /srv/hard/two; ln /srv/hard/one /srv/hard/three
cp /opt/interpreter /srv/modes/setuid; chown 0:1234 /srv/modes/setuid; chmod 4755 /srv/modes/setuid
cp /opt/interpreter /srv/modes/setgid; chgrp 1234 /srv/modes/setgid; chmod 2755 /srv/modes/setgid
mkdir /srv/modes/sticky; chmod 1777 /srv/modes/sticky
for f in appended truncated renamed removed chmodded; do echo "pristine $f" > /srv/changed/$f; done
chmod 640 /srv/changed/*; mkdir -m 700 /srv/changed/opened-up
printf '#!/opt/interpreter\nnothing\n' > /srv/script; chmod 755 /srv/script
echo seed > /srv/volume/deep/seed; echo other > "/srv/other volume/file"
echo ok > /srv/health/marker
echo unseen > /srv/untouched/file
touch -d '2001-02-03 04:05:06' /srv/stat/conf /srv/made /srv/empty
chown -R worker:worker /srv/changed /srv/made /srv/work /srv/volume
chmod 750 /srv/made
