#!/bin/sh
# Lays out a root file system as Alpine's: musl's loader is the C library, busybox is every tool, /lib/apk/db names the packages.
set -eu
root=$1
machine=$(uname -m)
mkdir -p "$root"/bin "$root"/sbin "$root"/usr/bin "$root"/usr/sbin "$root"/usr/lib/pebble "$root"/lib/apk/db "$root"/etc/apk \
    "$root"/dev "$root"/proc "$root"/sys "$root"/run "$root"/home/pebble "$root"/root "$root"/var/log
mkdir -m 1777 "$root"/tmp
chown 1000:1000 "$root"/home/pebble

cp "/lib/$machine-linux-musl/libc.so" "$root/lib/ld-musl-$machine.so.1"
ln -s "ld-musl-$machine.so.1" "$root/lib/libc.musl-$machine.so.1"

cp /bin/busybox "$root/bin/busybox"
/bin/busybox --list-full | while read -r applet; do
    mkdir -p "$root/$(dirname "$applet")"
    [ -e "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
done

version() { dpkg-query --show --showformat '${Version}' "$1" | sed 's/[-+~].*//'; }
cat >"$root/lib/apk/db/installed" <<EOF
P:musl
V:$(version musl)-r0
A:$machine
L:MIT
F:lib
R:ld-musl-$machine.so.1
a:0:0:755
R:libc.musl-$machine.so.1
a:0:0:777

P:busybox
V:$(version busybox-static | sed 's/^[0-9]*://')-r0
A:$machine
L:GPL-2.0-only
F:bin
R:busybox
a:0:0:755

EOF
printf 'musl\nbusybox\n' >"$root/etc/apk/world"
