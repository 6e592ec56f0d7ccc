#!/bin/sh
# tests/release.sh [SPEC...]: specs, carried out by the program that people run, which is optimised over all files and has no
# fault points: some mistakes show only there. Without SPEC, those of what states and bytes in memory decide, and of what a
# process has written when it ends. Two run at a time.
set -u
cd "$(dirname "$0")" || exit 1
source=$(cd .. && pwd)
export SANDBOX="$source/build/release/sandbox" SANDBOX_SOURCE="$source" SANDBOX_BUILD="$source/build/release" SANDBOX_SHARE=0.1
[ $# -gt 0 ] || set -- spec/api spec/batch spec/call spec/coroutine spec/ends spec/explore_kills spec/explore_objects spec/explored \
  spec/explore spec/explore_time spec/failure spec/forgotten spec/handles spec/interrupt spec/mail spec/misuse spec/pipe spec/pool spec/process \
  spec/queue spec/redeliver spec/regress spec/select spec/stdin spec/sync_barrier spec/sync_condition spec/sync_lock spec/sync_rwlock \
  spec/sync_semaphore spec/task spec/team spec/topic spec/values cli/lua cli/output
# shellcheck disable=SC2016 # the shell that xargs starts expands them
printf '%s\n' "$@" | xargs -P 2 -I '{}' sh -c '
  said=$(mktemp)
  if "$SANDBOX" --timeout 300 "$(command -v busted)" --output=TAP --lpath="$SANDBOX_SOURCE/tests/?.lua" "${1}_spec.lua" \
    </dev/null >"$said" 2>&1; then
    echo "$1: ok"
  else
    echo "$1: FAILED"
    grep -v "^ok" "$said"
    rm -f "$said"
    exit 1
  fi
  rm -f "$said"' sh '{}'
