#!/bin/sh
# observe.sh <program> <busted> [spec ...]: run specs by the observed program, and fail if one does, or if anything was reached
# that no op explains (observer.c).
program=$1 busted=$2
if ! grep -qw ospke /proc/cpuinfo; then
  echo 'skipped: this machine has no protection keys'
  exit 77
fi
shift 2
[ $# -gt 0 ] || set -- api ends family handles interrupt misuse pipe process program queue scope select sync_array sync_barrier \
  sync_condition sync_dict sync_event sync_latch sync_lock sync_rwlock sync_semaphore task task_error values
SANDBOX_OBSERVED=$(mktemp) && export SANDBOX_OBSERVED || exit 1
SANDBOX=$program && export SANDBOX
trap 'rm -f "$SANDBOX_OBSERVED"' EXIT
status=0
for spec; do
  "$program" --timeout 100 "$busted" --output=plainTerminal "--lpath=$PWD/?.lua" "spec/${spec}_spec.lua" || status=1
done
# One for each op and place.
awk -F: '{ split($2, at, " "); if (++seen[$1 at[2] at[3]] == 1) print }' "$SANDBOX_OBSERVED" | head -30 | while read -r what; do
  echo "${what%%:*}"
  addr2line -e "$program" -f -p ${what#*:} | head -12 | sed 's/^/    /'
done
[ ! -s "$SANDBOX_OBSERVED" ] || status=1
exit $status
