#!/bin/sh
# Install the system packages that sandbox needs: those to build and run it, with --test also those of its tests.
# Prints nothing and changes nothing when none is missing.
#
#   vendor/bootstrap.sh [--test] [--list]
#
# --list prints the names of the packages that are missing and installs nothing.
# Exit status: 0 nothing is missing (any more); 1 something is; 2 wrong usage.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
sets=build
list=false

say() { printf 'vendor/bootstrap.sh: %s\n' "$*" >&2; }

for option in "$@"; do
  case $option in
    --test) sets='build test' ;;
    --list) list=true ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) say "unknown option '$option' (--test, --list)"; exit 2 ;;
  esac
done

# The packages of the sets asked for.
wanted() {
  while read -r set package _; do
    case " $sets " in *" $set "*) printf '%s\n' "$package" ;; esac
  done < "$here/packages.txt"
}

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  say "this system has no apt. Install what corresponds to these Debian packages:"
  wanted | sed 's/^/  /' >&2
  say "(on Fedora: gcc make cmake pkgconf-pkg-config lua-devel; see vendor/README.md)"
  exit 1
fi

missing=
for package in $(wanted); do
  installed "$package" || missing="$missing $package"
done
missing=${missing# }
if $list; then
  # shellcheck disable=SC2086 # one name a line
  [ -z "$missing" ] || printf '%s\n' $missing
  exit 0
fi
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    say "missing: $missing"
    say "run as root:  apt-get update && apt-get install --no-install-recommends $missing"
    exit 1
  fi
  as_root=sudo
fi

say "installing $missing"
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }
# The lists may be absent or old: ask for new ones only if the install does not work without.
# shellcheck disable=SC2086 # a list of names
install() { apt install -y --no-install-recommends $missing; }
install >/dev/null 2>&1 || { apt update && install; } || {
  say "could not install: $missing"
  exit 1
}
