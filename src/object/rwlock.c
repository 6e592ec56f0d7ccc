/* object/rwlock.c - the state machine of locks for readers and writers; see rwlock.h. */
#include "object/rwlock.h"

#include "base/error.h"

enum { TIMES_BITS = 8, TIMES_MAX = 255 };

static uint64_t times_of(uint64_t word) { return word & TIMES_MAX; }
static uint64_t reader_of(uint64_t word) { return word >> TIMES_BITS; }

static uint32_t words(const uint64_t *s) {
  uint64_t n = RWLOCK_FIRST + s[RWLOCK_COUNT] + 1; /* an op adds at most one */
  return n < SYNC_WORDS ? (uint32_t)n : SYNC_WORDS;
}

static void init(uint64_t *s, const struct sync_options *o) {
  (void)s;
  (void)o;
}

static bool second(enum op_kind kind) { return kind == OP_RWLOCK_WRITE; }

/* -- readers ----------------------------------------------------------------------------------- */

/* The word of a reader; NULL: it does not read. */
static const uint64_t *find(const uint64_t *s, uint64_t who) {
  for (uint64_t i = 0; i < s[RWLOCK_COUNT]; i++)
    if (reader_of(s[RWLOCK_FIRST + i]) == who)
      return &s[RWLOCK_FIRST + i];
  return NULL;
}

static void remove_at(uint64_t *s, uint64_t i) {
  s[RWLOCK_FIRST + i] = s[RWLOCK_FIRST + --s[RWLOCK_COUNT]];
}

static uint64_t living_readers(const uint64_t *s, const struct sync_world *w) {
  uint64_t n = 0;
  for (uint64_t i = 0; i < s[RWLOCK_COUNT]; i++)
    n += !world_gone(w, reader_of(s[RWLOCK_FIRST + i]));
  return n;
}

static void drop_gone(uint64_t *s, const struct sync_world *w) {
  for (uint64_t i = s[RWLOCK_COUNT]; i-- > 0;)
    if (world_gone(w, reader_of(s[RWLOCK_FIRST + i])))
      remove_at(s, i);
}

/* -- who may go on ----------------------------------------------------------------------------- */

/* Does the first of a line stand before a process with this ticket? */
static bool stands_before(uint64_t first, uint64_t ticket) {
  return first != 0 && (ticket == 0 || first < ticket);
}

static bool may_read(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  if (find(s, step->who))
    return true;
  return (s[RWLOCK_WRITER] == 0 || world_gone(w, s[RWLOCK_WRITER])) &&
         (s[RWLOCK_COUNT] < RWLOCK_READERS || living_readers(s, w) < RWLOCK_READERS) &&
         !stands_before(w->ops->first(w->ctx, true), step->ticket);
}

static bool may_write(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  if (find(s, step->who))
    return true; /* it is refused */
  return (s[RWLOCK_WRITER] == 0 || world_gone(w, s[RWLOCK_WRITER])) && living_readers(s, w) == 0 &&
         !stands_before(w->ops->first(w->ctx, false), step->ticket) &&
         !stands_before(w->ops->first(w->ctx, true), step->ticket);
}

static bool enabled(const uint64_t *s, const struct sync_step *step, const struct sync_world *w) {
  if (s[RWLOCK_WRITER] == step->who && step->who)
    return true; /* it is refused, or releases */
  switch (step->kind) {
  case OP_RWLOCK_READ:
    return may_read(s, step, w);
  case OP_RWLOCK_WRITE:
    return may_write(s, step, w);
  default:
    return true;
  }
}

/* -- ops --------------------------------------------------------------------------------------- */

/* Wake those who may be let in: the readers in line, and the first writer. */
static void wake(struct sync_step *step) {
  step->wake = (uint64_t)SYNC_ALL;
  step->wake_second = 1;
}

/* The writer is gone, if there is one. */
static void take_over(uint64_t *s) {
  s[RWLOCK_SPOILED] |= s[RWLOCK_WRITER] != 0;
  s[RWLOCK_WRITER] = 0;
}

static int read(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  uint64_t *mine = (uint64_t *)(uintptr_t)find(s, step->who);
  if (s[RWLOCK_WRITER] == step->who)
    return -SBX_ERWLOCK;
  if (mine && times_of(*mine) == TIMES_MAX)
    return -SBX_EOVER;
  take_over(s);
  if (mine) {
    ++*mine;
  } else {
    if (s[RWLOCK_COUNT] == RWLOCK_READERS)
      drop_gone(s, w);
    s[RWLOCK_FIRST + s[RWLOCK_COUNT]++] = step->who << TIMES_BITS | 1;
  }
  step->abandoned = s[RWLOCK_SPOILED] != 0;
  return 0;
}

static int write(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  if (s[RWLOCK_WRITER] == step->who || find(s, step->who))
    return -SBX_ERWLOCK;
  take_over(s);
  drop_gone(s, w);
  step->abandoned = s[RWLOCK_SPOILED] != 0;
  s[RWLOCK_SPOILED] = 0;
  s[RWLOCK_WRITER] = step->who;
  return 0;
}

/* One time less. False: it does not read. */
static bool read_no_more(uint64_t *s, uint64_t who, uint64_t times, struct sync_step *step) {
  uint64_t *mine = (uint64_t *)(uintptr_t)find(s, who);
  if (!mine)
    return false;
  *mine -= times < times_of(*mine) ? times : times_of(*mine);
  if (times_of(*mine) > 0)
    return true;
  remove_at(s, (uint64_t)(mine - &s[RWLOCK_FIRST]));
  if (s[RWLOCK_COUNT] == 0 || s[RWLOCK_COUNT] == RWLOCK_READERS - 1)
    wake(step);
  return true;
}

static int release(uint64_t *s, struct sync_step *step) {
  if (s[RWLOCK_WRITER] != step->who)
    return read_no_more(s, step->who, 1, step) ? 0 : -SBX_ENOTHELD;
  s[RWLOCK_WRITER] = 0;
  wake(step);
  return 0;
}

static int apply(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  switch (step->kind) {
  case OP_RWLOCK_READ:
    return read(s, step, w);
  case OP_RWLOCK_WRITE:
    return write(s, step, w);
  case OP_RWLOCK_RELEASE:
    return release(s, step);
  default:
    return -SBX_EINVAL;
  }
}

/* Those behind it may be let in now. */
static bool give_up(uint64_t *s, struct sync_step *step, const struct sync_world *w) {
  (void)s;
  (void)w;
  wake(step);
  return true;
}

static bool leave(uint64_t *s, struct sync_step *step, enum sync_end how) {
  (void)how;
  if (s[RWLOCK_WRITER] != step->who)
    return read_no_more(s, step->who, TIMES_MAX, step);
  s[RWLOCK_WRITER] = SYNC_ABANDONED;
  wake(step);
  return true;
}

static uint32_t watch(const uint64_t *s, uint64_t ret[SYNC_WORDS]) {
  uint32_t n = 0;
  if (s[RWLOCK_WRITER])
    ret[n++] = s[RWLOCK_WRITER];
  for (uint64_t i = 0; i < s[RWLOCK_COUNT]; i++)
    ret[n++] = reader_of(s[RWLOCK_FIRST + i]);
  return n;
}

static enum op_kind taken_by(const uint64_t *s, uint64_t who) {
  return s[RWLOCK_WRITER] == who ? OP_RWLOCK_WRITE : find(s, who) ? OP_RWLOCK_READ : OP_NONE;
}

static void canonical(uint64_t *s, const struct sync_world *w) {
  if (s[RWLOCK_WRITER] != 0 && world_gone(w, s[RWLOCK_WRITER]))
    take_over(s);
  drop_gone(s, w);
  sync_sort(&s[RWLOCK_FIRST], s[RWLOCK_COUNT]);
  for (uint64_t i = s[RWLOCK_COUNT]; i < RWLOCK_READERS; i++)
    s[RWLOCK_FIRST + i] = 0;
}

static void describe(const uint64_t *s, const struct sync_world *w, struct sync_info *ret) {
  bool gone = s[RWLOCK_WRITER] != 0 && world_gone(w, s[RWLOCK_WRITER]);
  ret->set = gone || s[RWLOCK_SPOILED];
  ret->holder = gone ? 0 : s[RWLOCK_WRITER];
  ret->count = living_readers(s, w);
}

/* Those who come later stand behind those in line, also where the owners would let them in. */
static bool helps(enum op_kind kind, const struct bystander *other) {
  return other->waits || helps_if_it_owns(kind, other);
}

const struct sync_machine rwlock_machine = {
    .type = OBJECT_RWLOCK,
    .words = words,
    .init = init,
    .enabled = enabled,
    .apply = apply,
    .give_up = give_up,
    .leave = leave,
    .watch = watch,
    .watch_only = true,
    .second = second,
    .taken_by = taken_by,
    .helps = helps,
    .canonical = canonical,
    .describe = describe,
};
