#!/bin/sh
# Install the Debian package into a clean Debian, use it there, remove it, and see that nothing is left. Needs root,
# debootstrap and a mirror; run by hand:
#
#   cpack --config build/release/CPackConfig.cmake -B build/release -G DEB
#   tests/install/debian_root.sh build/release/sandbox_*.deb [suite [mirror]]
set -eu
package=$(realpath "$1") suite=${2:-bookworm} mirror=${3:-http://deb.debian.org/debian}

[ "$(id -u)" -eq 0 ] || { echo "left out: root is needed to make a Debian of its own"; exit 77; }
command -v debootstrap >/dev/null || { echo "left out: debootstrap is not installed"; exit 77; }
root=$(mktemp -d)
trap 'umount "$root/proc" 2>/dev/null; rm -rf "$root"' EXIT
step() { printf -- '-- %s\n' "$*"; }
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"; }

step "a clean $suite"
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail -20 "$root.log"; rm -f "$root.log"; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
inside sh -c 'find /usr /etc | sort' >"$root/tmp/before"

step "install"
cp "$package" "$root/tmp/sandbox.deb"
inside sh -c 'apt-get install -y --no-install-recommends /tmp/sandbox.deb' >"$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; exit 1; }

step "use"
inside sandbox --version
inside sandbox --speed 100 /usr/share/sandbox/scripts/queue.lua
inside sh -c 'cd /tmp && sandbox --explore -e "local v = sandbox.value(0) sandbox.join_all { spawn(function() v:add(1) end) }" | head -1'
inside sh -c 'cd /tmp && sandbox --init && grep -q /usr/share/sandbox/luals/library .luarc.json'

step "remove"
inside sh -c 'dpkg --purge sandbox' >"$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; exit 1; }
inside sh -c 'find /usr /etc | sort' >"$root/tmp/after"
left=$(diff "$root/tmp/before" "$root/tmp/after" | grep -i sandbox || true)
[ -z "$left" ] || { echo "still there:"; echo "$left"; exit 1; }
echo ok
