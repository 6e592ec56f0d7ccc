#!/usr/bin/env bash
# Break the program on purpose, one rule at a time, and see that a test notices: a test that cannot fail proves nothing.
#
#   tests/mutate.sh [NAME ...]       all mutations, or those named
#
# Works on a copy of the tree below $TMPDIR. A mutation is a name, a file, an expression for perl -0pe that must change it, and
# the tests of which at least one has to fail. Takes about a minute for each. Exit status 1 if one was not noticed, or if its
# expression does not fit the file any more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck disable=SC2016 # the expressions are perl's
mutations=(
  # -- liveness: wake-ups, hand-over, order between processes
  'fairness-off|src/os/shared/line.c|s/(\nbool line_must_yield\([^{]*\{\n)/$1  return false;\n/|fault.liveness'
  'wake-up-not-passed-on|src/os/sync/sync.c|s/next_may_go\(call\)\)/next_may_go(call) \&\& !call)/|fault.liveness'
  'notification-not-passed-on|src/object/condition.c|s/step->count = 1;\n  notify\(s, step, w\);/(void)w;/|conformance.condition fault.liveness'
  'lock-opens-with-a-line|src/os/sync/quick.c|s/atomic_load_explicit\(&r->line\.end, memory_order_relaxed\) == 0/r->type/|fault.liveness conformance.lock'
  'no-wake-ups|src/os/shared/line.c|s/(\nvoid line_wake\([^{]*\{\n)/$1  return;\n/|fault.liveness'
  'tail-read-after-the-pipe|src/os/queue/queue.c|s/  side_read\(&r->put, put\);[^\n]*\n(  int rc = look_into_pipe\(q, r, op, take\);\n  if \(rc != -SBX_EAGAIN\)\n    return rc;\n)/$1  side_read(&r->put, put);\n/|fault.liveness fault.queue_step'
  # -- one in each machine
  'lock-release-frees-all-levels|src/object/lock.c|s/s\[LOCK_DEPTH\] -= levels;/s[LOCK_DEPTH] = 0;/|conformance.lock'
  'semaphore-exact-at-its-limit|src/object/semaphore.c|s/n > most - s\[SEMAPHORE_VALUE\]/n >= most - s[SEMAPHORE_VALUE]/|conformance.semaphore'
  'semaphore-takes-off-others-units|src/object/semaphore.c|s/  forget\(s, step->who, n\);/  (void)forget;/|conformance_sim.semaphore'
  'array-gate-stays-open|src/os/sync/array.c|s/  atomic_store\(word_of\(call->r, ARRAY_GATE\), GATE_SHUT\);\n//|fault.array_gate'
  'event-wakes-later-waiters-only|src/object/event.c|s/step->ticket <= s\[EVENT_BOUND\]/step->ticket < s[EVENT_BOUND]/|conformance.event'
  'condition-notifies-one-too-many|src/object/condition.c|s/nth\(w->ctx, bound, step->count\)/nth(w->ctx, bound, step->count + 1)/|conformance.condition'
  'barrier-index-from-zero|src/object/barrier.c|s/step->count = \+\+s\[BARRIER_ARRIVED\]/step->count = s[BARRIER_ARRIVED]++/|conformance.barrier'
  'barrier-forgets-an-older-broken-round|src/object/barrier.c|s/  s\[BARRIER_OLDEST\] = s\[BARRIER_TO\];/  s[BARRIER_OLDEST] = 0;/|unit.sync conformance.barrier'
  'barrier-keeps-who-leaves-well|src/object/barrier.c|s/    remove_member\(s, \(uint64_t\)i\);/    (void)i;/|unit.sync conformance_sim.barrier'
  'rwlock-of-a-writer-that-leaves-is-finished|src/object/rwlock.c|s/s\[RWLOCK_WRITER\] = SYNC_ABANDONED;/s[RWLOCK_WRITER] = 0;/|unit.sync conformance.rwlock'
  'semaphore-keeps-the-units-of-who-fails|src/object/semaphore.c|s/\*word = \(uint64_t\)SYNC_ABANDONED << UNITS_BITS \x7c units_of\(\*word\);/remove_at(s, i);/|unit.sync conformance.semaphore'
  'updater-stays-when-it-leaves|src/object/updater.h|s/return updater_end\(s, step\) == 0;/(void)s; (void)step; return false;/|unit.sync'
  'value-cas-ignores-difference|src/object/value.c|s/step->kind == OP_VALUE_CAS && !step->op->value->same/false/|conformance.value'
  'updater-stays-after-its-end|src/object/updater.h|s/(return -SBX_ENOTHELD;\n)  s\[UPDATER\] = 0;/$1/|conformance.dict conformance.value'
  'contents-keeps-some-that-were-removed|src/object/contents.c|s/contents_remove\(struct buf \*c(.*?)return false;\n  cut/contents_remove(struct buf *c$1return false;\n  if (key_len > 1)\n    cut/s|conformance.dict'
  'queue-counts-undone-ones-late|src/object/queue.c|s/s->done == s->got/s->done == s->put/|conformance.queue'
  'latch-opens-for-one|src/object/latch.c|s/step->wake = \(uint64_t\)SYNC_ALL;/step->wake = 1;/|conformance.latch'
  'hands-do-not-come-back|src/object/hands.c|s/      h->list\[i\]\.who = 0;\n//|conformance.redeliver'
  'hands-give-younger-items-first|src/object/queue.c|s/ \x7c\x7c ask->older\)/)/|conformance_sim.redeliver'
  'sleepers-do-not-hear-of-takers|src/os/queue/queue_hands.c|s/  line_wake\(b, l, UINT64_MAX, 0\);\n  atomic_store\(&l->told, 1\);/  (void)b;/|spec.redeliver fault.hands_step'
  'pipe-close-closes-one-way|src/object/pipe.c|s/in->closed = out->closed = 1;/out->closed = 1;/|conformance.pipe'
  'process-exit-code-lost|src/object/process.h|s/  s->exit_code = exit_code;\n/  s->exit_code = exit_code \& 1;\n/|conformance.process'
  'progress-falls-below-zero|src/object/progress.c|s/return distance < count \? count - distance : 0;/return count - distance;/|conformance.progress'
  'select-starts-at-the-second|src/object/compose.c|s/scan->at = 0;/scan->at = 1;/|conformance.select'
)

tree=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-mutate.XXXXXX")
trap 'rm -rf "$tree"' EXIT
git ls-files -z | tar --null -T - -cf - | tar -C "$tree" -xf -
cd "$tree"
cmake --preset dev >/dev/null && cmake --build --preset dev -j2 >/dev/null

# noticed_by TESTS: the first of them that fails.
noticed_by() {
  local one
  for one in $1; do
    SANDBOX_SHARE=${SANDBOX_SHARE:-0.3} ctest --preset dev -R "^${one//./\\.}\$" >/dev/null 2>&1 || { echo "$one"; return; }
  done
  return 1
}

missed=0
for row in "${mutations[@]}"; do
  IFS='|' read -r name file expression tests <<<"$row"
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  cp "$file" "$tree/original"
  perl -0pi -e "$expression" "$file"
  if cmp -s "$file" "$tree/original"; then
    echo "$name: $file is not as it was: mend the expression"
    missed=1
  elif ! cmake --build --preset dev -j2 >"$tree/log" 2>&1; then
    echo "$name: noticed by the compiler"
  elif by=$(noticed_by "$tests"); then
    echo "$name: noticed by $by"
  else
    echo "$name: NOT NOTICED by $tests"
    missed=1
  fi
  cp "$tree/original" "$file"
done
exit $missed
