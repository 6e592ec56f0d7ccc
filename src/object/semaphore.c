/* object/semaphore.c - the state machine of semaphores; see semaphore.h. */
#include "object/semaphore.h"

#include "base/error.h"

enum { UNITS_BITS = 8, UNITS_MAX = 255 };

static uint64_t units_of(uint64_t word) { return word & UNITS_MAX; }
static uint64_t holder_of(uint64_t word) { return word >> UNITS_BITS; }

static uint32_t words(const uint64_t *s) {
  /* one more: acquire adds at most one */
  uint64_t n = SEMAPHORE_FIRST + s[SEMAPHORE_COUNT] + 1;
  return n < SYNC_WORDS ? (uint32_t)n : SYNC_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  s[SEMAPHORE_VALUE] = s[SEMAPHORE_INITIAL] = o->count;
  s[SEMAPHORE_MAX] = o->max;
}

/* -- holders ----------------------------------------------------------------------------------- */

static void remove_at(uint64_t *s, uint64_t i) {
  s[SEMAPHORE_FIRST + i] = s[SEMAPHORE_FIRST + --s[SEMAPHORE_COUNT]];
}

/* The number of units that come back from holders that are gone. */
static uint64_t abandoned_units(const uint64_t *s, const struct sync_world *w) {
  uint64_t gone = 0, there = s[SEMAPHORE_VALUE];
  for (uint64_t i = 0; i < s[SEMAPHORE_COUNT]; i++) {
    uint64_t word = s[SEMAPHORE_FIRST + i];
    *(world_gone(w, holder_of(word)) ? &gone : &there) += units_of(word);
  }
  uint64_t missing = s[SEMAPHORE_INITIAL] > there ? s[SEMAPHORE_INITIAL] - there : 0;
  return gone < missing ? gone : missing;
}

/* Drop holders that are gone and return their units. True if any unit came back. */
static bool take_back(uint64_t *s, const struct sync_world *w) {
  uint64_t units = abandoned_units(s, w);
  for (uint64_t i = s[SEMAPHORE_COUNT]; i-- > 0;)
    if (world_gone(w, holder_of(s[SEMAPHORE_FIRST + i])))
      remove_at(s, i);
  s[SEMAPHORE_VALUE] += units;
  return units > 0;
}

static void note(uint64_t *s, uint64_t who) {
  for (uint64_t i = 0; i < s[SEMAPHORE_COUNT]; i++) {
    uint64_t *word = &s[SEMAPHORE_FIRST + i];
    if (holder_of(*word) == who && units_of(*word) < UNITS_MAX) {
      ++*word;
      return;
    }
  }
  if (s[SEMAPHORE_COUNT] < SEMAPHORE_HOLDERS)
    s[SEMAPHORE_FIRST + s[SEMAPHORE_COUNT]++] = who << UNITS_BITS | 1;
}

/* Take units off a record. Returns how many it had of them. */
static uint64_t take_off(uint64_t *s, uint64_t i, uint64_t units) {
  uint64_t *word = &s[SEMAPHORE_FIRST + i];
  uint64_t n = units_of(*word) < units ? units_of(*word) : units;
  *word -= n;
  if (units_of(*word) == 0)
    remove_at(s, i);
  return n;
}

static void forget(uint64_t *s, uint64_t who, uint64_t units) {
  for (uint64_t i = s[SEMAPHORE_COUNT]; i-- > 0 && units > 0;)
    if (holder_of(s[SEMAPHORE_FIRST + i]) == who)
      units -= take_off(s, i, units);
}

/* Does record `a` come before `b`: of a process that is gone, then of an older one? */
static bool is_before(uint64_t a, uint64_t b, const struct sync_world *w) {
  bool a_gone = world_gone(w, holder_of(a)), b_gone = world_gone(w, holder_of(b));
  return a_gone != b_gone ? a_gone : a < b;
}

/* No more units are recorded as taken than are away. Those that others gave back are taken off in an
 * order that does not depend on that of the words. */
static void forget_returned(uint64_t *s, const struct sync_world *w) {
  uint64_t *records = &s[SEMAPHORE_FIRST], recorded = 0;
  uint64_t initial = s[SEMAPHORE_INITIAL], value = s[SEMAPHORE_VALUE];
  uint64_t away = initial > value ? initial - value : 0;
  for (uint64_t i = 0; i < s[SEMAPHORE_COUNT]; i++)
    recorded += units_of(records[i]);
  while (recorded > away) {
    uint64_t first = 0;
    for (uint64_t i = 1; i < s[SEMAPHORE_COUNT]; i++)
      if (is_before(records[i], records[first], w))
        first = i;
    recorded -= take_off(s, first, recorded - away);
  }
}

/* -- ops --------------------------------------------------------------------------------------- */

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  return step->kind != OP_SEMAPHORE_ACQUIRE || s[SEMAPHORE_VALUE] > 0 || abandoned_units(s, w) > 0;
}

static int acquire(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  if (s[SEMAPHORE_VALUE] == 0 || s[SEMAPHORE_COUNT] == SEMAPHORE_HOLDERS)
    step->abandoned = take_back(s, w);
  s[SEMAPHORE_VALUE]--;
  note(s, step->who);
  forget_returned(s, w);
  return 0;
}

static int release(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  uint64_t n = step->count ? step->count : 1;
  uint64_t most = s[SEMAPHORE_MAX] ? s[SEMAPHORE_MAX] : INT64_MAX;
  if (s[SEMAPHORE_VALUE] > most || n > most - s[SEMAPHORE_VALUE])
    return -SBX_EOVER;
  s[SEMAPHORE_VALUE] += n;
  forget(s, step->who, n);
  forget_returned(s, w);
  step->wake = n;
  return 0;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  switch (step->kind) {
  case OP_SEMAPHORE_ACQUIRE:
    return acquire(s, step, w);
  case OP_SEMAPHORE_RELEASE:
    return release(s, step, w);
  default:
    return -SBX_EINVAL;
  }
}

/* A process that ends well has used its units up, as the receiver of a signal does. Those of a
 * process that fails come back. */
static bool leave(uint64_t *s, struct sync_step *step, enum sync_end how) {
  bool found = false;
  if (how == END_OF_CODE)
    return false;
  for (uint64_t i = s[SEMAPHORE_COUNT]; i-- > 0;) {
    uint64_t *word = &s[SEMAPHORE_FIRST + i];
    if (holder_of(*word) != step->who)
      continue;
    found = true;
    if (how == END_FAILED) {
      step->wake += units_of(*word);
      *word = (uint64_t)SYNC_ABANDONED << UNITS_BITS | units_of(*word);
    } else {
      remove_at(s, i);
    }
  }
  return found;
}

static uint32_t watch(const uint64_t *s, uint64_t ret[SYNC_WORDS]) {
  for (uint64_t i = 0; i < s[SEMAPHORE_COUNT]; i++)
    ret[i] = holder_of(s[SEMAPHORE_FIRST + i]);
  return (uint32_t)s[SEMAPHORE_COUNT];
}

/* Units of all holders that are gone are merged, each word filled as far as it goes. */
static void canonical(uint64_t *s, const struct sync_world *w) {
  uint64_t *words = &s[SEMAPHORE_FIRST], gone = 0, kept = 0;
  for (uint64_t i = 0; i < s[SEMAPHORE_COUNT]; i++)
    if (world_gone(w, holder_of(words[i])))
      gone += units_of(words[i]);
    else
      words[kept++] = words[i];
  for (; gone > 0; gone -= gone < UNITS_MAX ? gone : UNITS_MAX)
    words[kept++] = (uint64_t)SYNC_ABANDONED << UNITS_BITS | (gone < UNITS_MAX ? gone : UNITS_MAX);
  sync_sort(words, kept);
  for (uint64_t i = kept; i < SEMAPHORE_HOLDERS; i++)
    words[i] = 0;
  s[SEMAPHORE_COUNT] = kept;
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  ret->count = s[SEMAPHORE_VALUE] + abandoned_units(s, w);
  ret->max = s[SEMAPHORE_MAX];
}

const struct sync_machine semaphore_machine = {
    .type = OBJECT_SEMAPHORE,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .leave = leave,
    .watch = watch,
    .helps = helps_if_it_reaches,
    .canonical = canonical,
    .describe = describe,
    .in_order = true,
};
