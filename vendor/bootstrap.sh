#!/bin/sh
# Install the system packages that sandbox needs to build and run; with --test also those that its tests need, with
# --engine those for runs over several hosts. Prints and changes nothing if none is missing.
#
#   vendor/bootstrap.sh [--test] [--engine] [--list]
#
# --list prints the names of the missing packages and installs nothing.
# Exit status: 0 nothing is missing (any more); 1 something is missing; 2 wrong usage.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
sets=build
list=false

say() { printf 'vendor/bootstrap.sh: %s\n' "$*" >&2; }

for option in "$@"; do
  case $option in
    --test) sets="$sets test" ;;
    --engine) sets="$sets engine" ;;
    --list) list=true ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) say "unknown option '$option' (--test, --engine, --list)"; exit 2 ;;
  esac
done

# The packages of the requested sets.
wanted() {
  while read -r set package _; do
    case " $sets " in *" $set "*) printf '%s\n' "$package" ;; esac
  done < "$here/packages.txt" | sort -u
}

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  say "this system has no apt. Install the equivalents of these Debian packages:"
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
# The package lists may be missing or old: update them only if the install fails.
# shellcheck disable=SC2086 # a list of names
install() { apt install -y --no-install-recommends $missing; }
install >/dev/null 2>&1 || { apt update && install; } || {
  say "could not install: $missing"
  exit 1
}
