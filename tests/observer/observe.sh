#!/bin/sh
# observe.sh <program> <busted> <spec>: run a spec by the observed program, and fail if it does, or if anything was reached that
# no op explains (observer.c). A tenth of each test's rounds will do: they all reach the same.
program=$1 busted=$2 spec=$3
SANDBOX_OBSERVED=$(mktemp) && export SANDBOX_OBSERVED || exit 1
SANDBOX=$program SANDBOX_SHARE=0.1 && export SANDBOX SANDBOX_SHARE
trap 'rm -f "$SANDBOX_OBSERVED"' EXIT
"$program" --timeout 280 "$busted" --output=plainTerminal "--lpath=$PWD/?.lua" "$spec"
status=$?
# One for each op and place.
awk -F: '{ split($2, at, " "); if (++seen[$1 at[2] at[3]] == 1) print }' "$SANDBOX_OBSERVED" | head -30 | while read -r what; do
  echo "${what%%:*}"
  addr2line -e "$program" -f -p ${what#*:} | head -12 | sed 's/^/    /'
done
[ ! -s "$SANDBOX_OBSERVED" ] || status=1
exit $status
