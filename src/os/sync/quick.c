/* os/sync/quick.c - see quick.h. */
#include "os/sync/quick.h"

#include "base/fault.h"

bool quick_swap(struct sync_record *r, uint64_t who, bool acquire) {
  uint64_t held = quick_word(who), from = acquire ? quick_word(0) : held;
  if (atomic_load_explicit(&r->quick, memory_order_relaxed) != from)
    return false;
  FAULT("sync.before-commit");
  bool done = atomic_compare_exchange_strong(&r->quick, &from, acquire ? held : quick_word(0));
  FAULT("sync.after-commit");
  return done;
}

void quick_shut_slowly(struct sync_record *r) {
  uint64_t word = atomic_fetch_or(&r->quick, QUICK_SHUT);
  FAULT("sync.shut");
  uint64_t *next = monitor_next(&r->monitor, r->state[0], RECORD_WORDS, LOCK_WORDS);
  quick_says(word, next);
  monitor_commit(&r->monitor);
  FAULT("sync.moved");
  atomic_store(&r->quick, 0);
}

void quick_open(struct sync_record *r) {
  const uint64_t *s = monitor_state(&r->monitor, r->state[0], RECORD_WORDS);
  if (r->type == OBJECT_LOCK && atomic_load_explicit(&r->line.end, memory_order_relaxed) == 0 &&
      s[LOCK_DEPTH] <= 1 && s[LOCK_OWNER] != SYNC_ABANDONED)
    atomic_store_explicit(&r->quick, quick_word(s[LOCK_OWNER]), memory_order_release);
}

void quick_read(const struct sync_record *r, size_t words, uint64_t *ret) {
  uint64_t word = atomic_load_explicit(&r->quick, memory_order_acquire);
  monitor_read(&r->monitor, r->state[0], RECORD_WORDS, words, ret);
  if (word)
    quick_says(word, ret);
}
