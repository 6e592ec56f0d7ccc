/* os/shared/shake.c - see shake.h: the plan, which is pure, and the pauses themselves. */
#include "os/shared/shake.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mix.h"
#include "os/shared/self.h"

/* -- the plan -------------------------------------------------------------------------------- */

enum { US = 1000, MS = 1000 * 1000 };

/* The n-th number of this process; numbers from SETUP on are not of ops. */
static const uint64_t SETUP = UINT64_C(1) << 63;

static uint64_t draw(const struct shake_plan *p, uint64_t n) {
  return mix64(mix64(p->o.seed ^ mix64(p->process)) ^ n);
}

static int64_t between(uint64_t r, int64_t least, int64_t most) {
  return least + (int64_t)(r % (uint64_t)(most - least + 1));
}

/* Half of the processes never wait; the others let them overtake, a little or a lot. */
static int64_t priority(uint64_t r) {
  static const int64_t steps[] = {0, 0, 100 * US, MS};
  return steps[r % (sizeof steps / sizeof *steps)];
}

/* One of the first ops, 2^bits or so, early ones more often: most scripts that people try are short. Not
 * the very first: to begin late, a low priority is enough. */
static uint64_t place(uint64_t r, unsigned bits) {
  uint64_t from = UINT64_C(1) << (r % (bits + 1));
  return 1 + from + (r >> 32) % from;
}

void shake_plan_begin(struct shake_plan *p, const struct shake_options *o, uint64_t process) {
  static const int64_t most_ms[SHAKE_LEVELS] = {60, 120, 200, SHAKE_MOST_NS / MS};
  *p = (struct shake_plan){.o = *o, .process = process};
  p->o.level %= SHAKE_LEVELS;
  p->left_ns = most_ms[p->o.level] * MS;
  if (o->mode != SHAKE_PCT)
    return;
  p->step_ns = priority(draw(p, SETUP));
  unsigned changes = (unsigned)(draw(p, SETUP + 1) % (p->o.level + 2)); /* some are not disturbed */
  for (unsigned i = 0; i < changes; i++)
    p->changes[i] = place(draw(p, SETUP + 2 + i), 2 + 2 * p->o.level);
}

/* Mixed lengths: a race may need a moment, or the time of a few spawns. */
static int64_t random_pause(const struct shake_plan *p, uint64_t r) {
  static const unsigned odds[SHAKE_LEVELS] = {2, 6, 24, 96};
  uint64_t length = r >> 32;
  if (r % odds[p->o.level])
    return 0;
  switch (r >> 16 & 7) {
  case 0:
  case 1:
    return SHAKE_YIELD_NS;
  case 2:
  case 3:
  case 4:
    return between(length, 10 * US, 200 * US);
  case 5:
  case 6:
    return between(length, 300 * US, 2 * MS);
  default:
    return between(length, 2 * MS, 8 * MS);
  }
}

static int64_t pct_pause(struct shake_plan *p, uint64_t r) {
  for (unsigned i = 0; i < SHAKE_CHANGES; i++)
    if (p->changes[i] == p->op) {
      p->step_ns = priority(r);
      return between(r >> 32, 3 * MS, SHAKE_LONGEST_NS);
    }
  return p->step_ns;
}

int64_t shake_next(struct shake_plan *p) {
  uint64_t r = draw(p, ++p->op);
  int64_t ns = p->o.mode == SHAKE_RANDOM ? random_pause(p, r)
               : p->o.mode == SHAKE_PCT  ? pct_pause(p, r)
                                         : 0;
  if (ns > p->left_ns)
    ns = p->left_ns;
  p->left_ns -= ns;
  return ns;
}

/* Nobody knows of an object before it is made. Ops on handles and on the clock have no type of their own; the
 * collector decides when a handle is released, so these must not count. */
bool shake_concerns(enum op_kind kind) {
  const struct op_description *about = op_describe(kind);
  if (about->type == OBJECT_NONE && kind != OP_SELECT)
    return false;
  return (about->reads | about->writes) & (ON_OBJECT | ON_LINE | ON_PROCESSES) &&
         strcmp(about->verb, "new") != 0;
}

/* -- the pauses ------------------------------------------------------------------------------ */

/* Private to each process, by fork. */
struct shake {
  struct object_ops table;        /* what perform() calls now */
  const struct object_ops *inner; /* what it called before; borrowed */
  struct shake_options o;
  struct shake_plan plan;
  uint64_t serial; /* of the process that `plan` is for; 0: none yet */
  bool concerns[OP_COUNT];
};

/* Signals do not end a pause, but an interrupt does. */
static void pause_until(const struct os_backend *b, int64_t until_ns) {
  const struct timespec until = {.tv_sec = until_ns / NS_PER_SECOND,
                                 .tv_nsec = until_ns % NS_PER_SECOND};
  while (!b->interrupted &&
         clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
  }
}

static void pause_before(struct os_backend *b) {
  struct shake *s = b->shake;
  if (s->serial != b->serial) {
    shake_plan_begin(&s->plan, &s->o, my_record(b)->seed);
    s->serial = b->serial;
  }
  int64_t ns = shake_next(&s->plan);
  if (ns == 0 || b->interrupted || atomic_load(&b->control->ending))
    return;
  if (ns == SHAKE_YIELD_NS)
    sched_yield();
  else
    pause_until(b, clock_now_ns() + ns);
}

static int perform_late(struct backend *base, struct op *op) {
  struct os_backend *b = (struct os_backend *)base;
  if (b->shake->concerns[op->kind])
    pause_before(b);
  return b->shake->inner->perform(base, op);
}

int shake_install(struct os_backend *b, const struct shake_options *o) {
  struct shake *s = calloc(1, sizeof *s);
  if (!s)
    return -SBX_ENOMEM;
  s->o = *o;
  s->inner = b->base.objects;
  s->table = *b->base.objects;
  s->table.perform = perform_late;
  s->table.run = NULL;
  for (int kind = 0; kind < OP_COUNT; kind++)
    s->concerns[kind] = shake_concerns((enum op_kind)kind);
  b->shake = s;
  b->base.objects = &s->table;
  return 0;
}

void shake_release(struct os_backend *b) {
  free(b->shake);
  b->shake = NULL;
}
