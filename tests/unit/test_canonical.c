/*
 * tests/unit/test_canonical.c - the same state is written the same way, however it came about, and
 * different states are not; who could let a waiting op go on, held against what ops really do; and what is pure besides the
 * machines: contents, steps, fairness.
 */
#include "support/os_world.h"

#include "object/barrier.h"
#include "object/compose.h"
#include "object/condition.h"
#include "object/contents.h"
#include "object/dict.h"
#include "object/event.h"
#include "object/fair.h"
#include "object/help.h"
#include "object/latch.h"
#include "object/lock.h"
#include "object/pipe.h"
#include "object/process.h"
#include "object/progress.h"
#include "object/queue.h"
#include "object/rwlock.h"
#include "object/semaphore.h"
#include "object/value.h"

/* -- a world that is made up ------------------------------------------------------------------- */

enum { PEOPLE = 5, DEAD = 900 };

/* Processes 1001, 1002, ...; others are gone. */
struct world {
  const struct sync_machine *machine;
  uint64_t state[SYNC_WORDS];
  uint64_t tickets[PEOPLE], newest;
  int acting;
};

static uint64_t who(int i) { return 1001 + (uint64_t)i; }

static bool world_is_gone(void *ctx, uint64_t process) {
  (void)ctx;
  return process < 1001 || process > 1000 + PEOPLE;
}

static uint64_t world_nth(void *ctx, uint64_t after, uint64_t n) {
  const struct world *w = ctx;
  uint64_t last = 0;
  while (n-- > 0) {
    uint64_t next = 0;
    for (int i = 0; i < PEOPLE; i++)
      if (w->tickets[i] > after && (next == 0 || w->tickets[i] < next))
        next = w->tickets[i];
    if (next == 0)
      break;
    last = after = next;
  }
  return last;
}

static uint64_t world_count(void *ctx, uint64_t after) {
  const struct world *w = ctx;
  uint64_t n = 0;
  for (int i = 0; i < PEOPLE; i++)
    n += w->tickets[i] > after;
  return n;
}

/* In these tests nobody stands in line for readers or writers. */
static uint64_t world_first(void *ctx, bool second) {
  (void)ctx, (void)second;
  return 0;
}

static uint64_t world_newest(void *ctx) { return ((struct world *)ctx)->newest; }

static uint64_t world_enter(void *ctx) {
  struct world *w = ctx;
  return w->tickets[w->acting] = ++w->newest;
}

static bool world_outsiders(void *ctx) {
  (void)ctx;
  return true;
}

static const struct sync_world_ops world_ops = {.gone = world_is_gone,
                                                .nth = world_nth,
                                                .count = world_count,
                                                .first = world_first,
                                                .newest = world_newest,
                                                .enter = world_enter,
                                                .outsiders = world_outsiders};

static struct world world_of(const struct sync_machine *m, uint64_t count, uint64_t max,
                             bool recursive) {
  struct world w = {.machine = m};
  struct sync_options o = {.count = count, .max = max, .recursive = recursive};
  m->init(w.state, &o);
  return w;
}

/* An op by process i, or by one that is gone: -1. */
static int act(struct world *w, int i, enum op_kind kind, uint64_t count) {
  struct value_args args = {.number = {.kind = NUMBER_INTEGER, .i = (int64_t)count}};
  struct op op = {.kind = kind, .value = &args};
  struct sync_step step = {.kind = kind,
                           .op = &op,
                           .who = i < 0 ? DEAD : who(i),
                           .ticket = i < 0 ? 0 : w->tickets[i],
                           .count = count,
                           .patient = true};
  w->acting = i < 0 ? PEOPLE - 1 : i;
  int rc = w->machine->apply(w->state, &step, &(struct sync_world){&world_ops, w});
  if (rc != SYNC_ENTERED && i >= 0)
    w->tickets[i] = 0;
  return rc;
}

static void canonical_of(const struct world *w, uint64_t ret[SYNC_WORDS]) {
  struct world copy = *w;
  memcpy(ret, w->state, SYNC_WORDS * sizeof *ret);
  w->machine->canonical(ret, &(struct sync_world){&world_ops, &copy});
}

static bool same(const struct world *a, const struct world *b) {
  uint64_t x[SYNC_WORDS], y[SYNC_WORDS];
  canonical_of(a, x);
  canonical_of(b, y);
  return memcmp(x, y, sizeof x) == 0;
}

/* -- who could help ---------------------------------------------------------------------------- */

enum { WAITER, OWNER, OTHER }; /* processes of the world below */

/* Can process i go on with an op of this kind? */
static bool may(const struct world *w, int i, enum op_kind kind) {
  struct world copy = *w;
  struct value_args args = {.number = {.kind = NUMBER_INTEGER}};
  struct op op = {.kind = kind, .value = &args};
  struct sync_step step = {.kind = kind, .op = &op, .who = who(i), .ticket = w->tickets[i], .count = 1, .patient = true};
  return w->machine->enabled(copy.state, &step, &(struct sync_world){&world_ops, &copy});
}

/* An object for which no op of this kind is enabled: somebody owns it, if it can be owned, and the waiter stands in line,
 * if it has to. */
static struct world world_that_waits(const struct sync_machine *m, enum op_kind kind) {
  struct world w = world_of(m, m->type == OBJECT_BARRIER ? 2 : 1, 1, false);
  switch (m->type) {
  case OBJECT_LOCK:
    act(&w, OWNER, OP_LOCK_ACQUIRE, 1);
    break;
  case OBJECT_SEMAPHORE:
    act(&w, OWNER, OP_SEMAPHORE_ACQUIRE, 1);
    break;
  case OBJECT_CONDITION:
  case OBJECT_BARRIER:
    act(&w, WAITER, kind, 1);
    break;
  case OBJECT_VALUE:
    act(&w, OWNER, OP_VALUE_UPDATE, 1);
    break;
  case OBJECT_DICT:
    act(&w, OWNER, OP_DICT_UPDATE, 1);
    break;
  case OBJECT_RWLOCK:
    act(&w, OWNER, OP_RWLOCK_WRITE, 1);
    break;
  default:
    break;
  }
  return w;
}

/* Is there an op of process `by`, or an end of it, after which the waiter can go on? */
static bool some_op_helps(const struct world *w, enum op_kind waiting, int by) {
  bool helped = false;
  for (int k = 1; k < OP_COUNT; k++) {
    struct world then = *w;
    enum op_kind kind = (enum op_kind)k;
    if (op_describe(kind)->type != w->machine->type || !may(w, by, kind))
      continue;
    act(&then, by, kind, 1);
    helped |= may(&then, WAITER, waiting);
  }
  struct world then = *w;
  struct sync_step step = {.who = who(by)};
  if (w->machine->leave && w->machine->leave(then.state, &step, END_FAILED))
    helped |= may(&then, WAITER, waiting);
  return helped;
}

static struct bystander seen_by(const struct world *w, int by) {
  uint64_t owners[SYNC_WORDS];
  uint32_t n = w->machine->watch_only ? w->machine->watch(w->state, owners) : 0;
  struct bystander ret = {.owned = n > 0, .reaches = true};
  for (uint32_t i = 0; i < n; i++)
    ret.owns |= owners[i] == who(by);
  return ret;
}

/* Who waits for a change is helped by everybody who can change it, and may own it. */
static void check_changes_help(const struct sync_machine *m, enum op_kind kind) {
  assert_true(m->helps(kind, &(struct bystander){.reaches = true, .owned = true}));
  assert_false(m->helps(kind, &(struct bystander){.owned = true}));
}

static void check_machine_helps(const struct sync_machine *m, enum op_kind kind) {
  struct world w = world_that_waits(m, kind);
  assert_false(may(&w, WAITER, kind));
  for (int by = OWNER; by <= OTHER; by++) {
    struct bystander other = seen_by(&w, by);
    assert_int_equal(m->helps(kind, &other), some_op_helps(&w, kind, by));
  }
  assert_false(m->helps(kind, &(struct bystander){.owned = m->watch_only})); /* who reaches nothing */
  assert_true(m->helps(kind, &(struct bystander){.reaches = true}));         /* who may come to own it */
}

static void check_queue_helps(enum op_kind kind) {
  struct queue_state s = {.put = 1, .got = kind == OP_QUEUE_PUT ? 0 : 1, .max = 1};
  if (kind == OP_QUEUE_MEET) /* it helps as a put does: conformance.meet */
    return;
  bool helped = false;
  assert_false(queue_enabled(&s, kind));
  for (int k = 1; k < OP_COUNT; k++) {
    struct queue_state then = s;
    if (op_describe((enum op_kind)k)->type == OBJECT_QUEUE && queue_enabled(&s, (enum op_kind)k) &&
        queue_apply(&then, (enum op_kind)k) == 0)
      helped |= queue_enabled(&then, kind);
  }
  assert_int_equal(queue_helps(kind, &(struct bystander){.reaches = true}), helped);
  assert_false(queue_helps(kind, &(struct bystander){.is_it = true}));
}

static void check_pipe_helps(enum op_kind kind) {
  struct queue_state in = {0}, out = {0};
  assert_false(pipe_enabled(kind, &in, true));
  assert_int_equal(pipe_apply(OP_PIPE_SEND, &out, &in, true), 0); /* from the other end */
  assert_true(pipe_enabled(kind, &in, true));
  assert_true(pipe_machine.helps(kind, &(struct bystander){.reaches = true}));
  assert_false(pipe_machine.helps(kind, &(struct bystander){.is_it = true}));
}

/* Each op that can wait; but not those of no object, as a select, which waits for others, and not a sleep. */
static void who_helps(void **state) {
  int checked = 0;
  (void)state;
  for (int k = 1; k < OP_COUNT; k++) {
    enum op_kind kind = (enum op_kind)k;
    enum object_type type = op_describe(kind)->type;
    if (!op_describe(kind)->blocks)
      continue;
    if (type == OBJECT_NONE || type == OBJECT_CLOCK) {
      assert_null(helps_of(type));
      continue;
    }
    assert_non_null(helps_of(type));
    checked++;
    if (type == OBJECT_QUEUE)
      check_queue_helps(kind);
    else if (type == OBJECT_PIPE)
      check_pipe_helps(kind);
    else if (kind == OP_VALUE_AWAIT || kind == OP_DICT_AWAIT)
      check_changes_help(sync_machine_of(type), kind);
    else if (type != OBJECT_PROCESS)
      check_machine_helps(sync_machine_of(type), kind);
  }
  assert_true(process_helps(OP_PROCESS_JOIN, &(struct bystander){.is_it = true}));
  assert_false(process_helps(OP_PROCESS_JOIN, &(struct bystander){.reaches = true, .owns = true}));
  assert_in_range(checked, 17, 100);
}

/* -- machines ---------------------------------------------------------------------------------- */

static void locks(void **state) {
  (void)state;
  struct world a = world_of(&lock_machine, 0, 0, true), b = a, c = a;
  act(&a, 0, OP_LOCK_ACQUIRE, 1);
  act(&a, 0, OP_LOCK_ACQUIRE, 1);
  act(&a, 0, OP_LOCK_RELEASE, 1);
  act(&b, 0, OP_LOCK_ACQUIRE, 1);
  assert_true(same(&a, &b));
  act(&c, 1, OP_LOCK_ACQUIRE, 1);
  assert_false(same(&a, &c));
  act(&a, 0, OP_LOCK_ACQUIRE, 1);
  assert_false(same(&a, &b)); /* another depth */
  struct world dead = world_of(&lock_machine, 0, 0, true), other = dead, free = dead;
  act(&dead, -1, OP_LOCK_ACQUIRE, 1);
  act(&other, -1, OP_LOCK_ACQUIRE, 3);
  other.state[LOCK_OWNER] = 17; /* some other that is gone, too */
  assert_true(same(&dead, &other));
  assert_false(same(&dead, &free)); /* the next is told */
}

static void semaphores(void **state) {
  (void)state;
  struct world a = world_of(&semaphore_machine, 5, 0, false), b = a, c = a;
  act(&a, 0, OP_SEMAPHORE_ACQUIRE, 0);
  act(&a, 1, OP_SEMAPHORE_ACQUIRE, 0);
  act(&b, 1, OP_SEMAPHORE_ACQUIRE, 0);
  act(&b, 2, OP_SEMAPHORE_ACQUIRE, 0);
  act(&b, 0, OP_SEMAPHORE_ACQUIRE, 0);
  assert_false(same(&a, &b));
  act(&b, 2, OP_SEMAPHORE_RELEASE, 1);
  assert_true(same(&a, &b));
  act(&c, 1, OP_SEMAPHORE_ACQUIRE, 0);
  act(&c, 1, OP_SEMAPHORE_ACQUIRE, 0);
  assert_false(same(&a, &c)); /* others have taken them */
  struct world dead = world_of(&semaphore_machine, 5, 0, false), two = dead;
  act(&dead, -1, OP_SEMAPHORE_ACQUIRE, 0);
  act(&dead, -1, OP_SEMAPHORE_ACQUIRE, 0);
  act(&two, -1, OP_SEMAPHORE_ACQUIRE, 0);
  two.state[SEMAPHORE_FIRST] = UINT64_C(17) << 8 | 1;
  act(&two, -1, OP_SEMAPHORE_ACQUIRE, 0);
  assert_true(same(&dead, &two)); /* two that are gone have one each */
}

static void events(void **state) {
  (void)state;
  struct world a = world_of(&event_machine, 0, 0, false), b = a, c = a;
  act(&a, 0, OP_EVENT_SET, 0);
  act(&a, 0, OP_EVENT_CLEAR, 0);
  assert_true(same(&a, &b));
  a.newest = 40; /* set and cleared later */
  act(&a, 0, OP_EVENT_SET, 0);
  act(&a, 0, OP_EVENT_CLEAR, 0);
  assert_true(same(&a, &b));
  act(&b, 0, OP_EVENT_SET, 0);
  assert_false(same(&a, &b));
  c.acting = 1;
  world_enter(&c);
  a.acting = 1;
  world_enter(&a);
  assert_true(same(&a, &c));
  act(&c, 0, OP_EVENT_SET, 0);
  act(&c, 0, OP_EVENT_CLEAR, 0);
  assert_false(same(&a, &c)); /* the one that waits was let go */
}

static void rwlocks(void **state) {
  (void)state;
  struct world a = world_of(&rwlock_machine, 0, 0, false), b = a, c = a, d = a;
  act(&a, 0, OP_RWLOCK_READ, 0);
  act(&a, 1, OP_RWLOCK_READ, 0);
  act(&b, -1, OP_RWLOCK_READ, 0); /* gone */
  act(&b, 1, OP_RWLOCK_READ, 0);
  assert_false(same(&a, &b));
  act(&b, 0, OP_RWLOCK_READ, 0);
  assert_true(same(&a, &b));
  act(&c, -1, OP_RWLOCK_WRITE, 0);
  act(&d, -1, OP_RWLOCK_WRITE, 0);
  act(&d, 0, OP_RWLOCK_READ, 0);
  act(&d, 0, OP_RWLOCK_RELEASE, 0);
  assert_true(same(&c, &d)); /* left by a writer, in both */
  act(&d, 0, OP_RWLOCK_WRITE, 0);
  act(&d, 0, OP_RWLOCK_RELEASE, 0);
  assert_false(same(&c, &d));
}

static void latches(void **state) {
  (void)state;
  struct world a = world_of(&latch_machine, 5, 0, false), b = a;
  act(&a, 0, OP_LATCH_DOWN, 2);
  assert_false(same(&a, &b));
  act(&b, 1, OP_LATCH_DOWN, 1);
  act(&b, 2, OP_LATCH_DOWN, 1);
  assert_true(same(&a, &b)); /* whoever counted */
}

static void progress(void **state) {
  (void)state;
  struct world a = world_of(&progress_machine, 0, 9, false), b = a, c = a;
  act(&a, 0, OP_PROGRESS_ADD, 3);
  act(&b, 1, OP_PROGRESS_SET, 4);
  assert_false(same(&a, &b));
  act(&b, 2, OP_PROGRESS_ADD, (uint64_t)-1);
  assert_true(same(&a, &b));
  act(&b, 2, OP_PROGRESS_CLOSE, 0);
  assert_false(same(&a, &b));
  act(&c, 0, OP_PROGRESS_SET, 3);
  c.state[PROGRESS_MAKER] = who(0);
  assert_false(same(&a, &c)); /* an end may close this one */
  c.state[PROGRESS_MAKER] = DEAD;
  assert_true(same(&b, &c)); /* and has closed it */
  c.state[PROGRESS_TOTAL] = PROGRESS_ENDLESS;
  assert_false(same(&b, &c));
}

static void conditions(void **state) {
  (void)state;
  struct world a = world_of(&condition_machine, 0, 0, false), b = a;
  b.newest = 1000;
  act(&b, 3, OP_CONDITION_WAIT, 0);
  act(&b, 0, OP_CONDITION_NOTIFY, 1);
  act(&b, 3, OP_CONDITION_WAIT, 0);
  assert_true(same(&a, &b)); /* one has come and gone */
  for (int i = 0; i < 3; i++) {
    act(&a, i, OP_CONDITION_WAIT, 0);
    act(&b, i, OP_CONDITION_WAIT, 0);
  }
  assert_true(same(&a, &b));
  act(&a, 4, OP_CONDITION_NOTIFY, 1);
  assert_false(same(&a, &b));
  act(&a, 4, OP_CONDITION_NOTIFY, 1);
  act(&b, 4, OP_CONDITION_NOTIFY, 2);
  assert_true(same(&a, &b));
}

static void barriers(void **state) {
  (void)state;
  struct world a = world_of(&barrier_machine, 2, 0, false), b = a, c = a;
  for (int round = 0; round < 3; round++) { /* the counters grow */
    act(&b, 0, OP_BARRIER_WAIT, 0);
    act(&b, 1, OP_BARRIER_WAIT, 0);
    act(&b, 0, OP_BARRIER_WAIT, 0);
  }
  act(&a, 1, OP_BARRIER_WAIT, 0); /* and members stand in another order */
  act(&a, 0, OP_BARRIER_WAIT, 0);
  act(&a, 1, OP_BARRIER_WAIT, 0);
  b.tickets[0] = 0;
  assert_int_equal(b.state[BARRIER_ARRIVED], 0);
  assert_true(same(&a, &b));
  act(&a, 0, OP_BARRIER_WAIT, 0);
  assert_false(same(&a, &b));
  act(&b, 0, OP_BARRIER_WAIT, 0);
  assert_true(same(&a, &b));
  act(&a, 1, OP_BARRIER_ABORT, 0);
  assert_false(same(&a, &b));
  act(&c, 3, OP_BARRIER_ABORT, 0);
  act(&c, 3, OP_BARRIER_RESET, 0);
  struct world fresh = world_of(&barrier_machine, 2, 0, false);
  assert_true(same(&c, &fresh));
}

static void values(void **state) {
  (void)state;
  struct world a = world_of(&value_machine, 0, 0, false), b = a, empty = a;
  act(&a, 0, OP_VALUE_SET, 7);
  act(&b, 0, OP_VALUE_SET, 5);
  assert_false(same(&a, &b));
  act(&b, 1, OP_VALUE_ADD, 2);
  assert_true(same(&a, &b));
  assert_false(same(&a, &empty));
  b.state[VALUE_DATA + 3] = 99; /* where something longer was */
  assert_true(same(&a, &b));
  act(&b, -1, OP_VALUE_UPDATE, 0); /* and is gone */
  assert_true(same(&a, &b));
  act(&b, 0, OP_VALUE_UPDATE, 0);
  assert_false(same(&a, &b));
}

static void dicts(void **state) {
  (void)state;
  struct world a = world_of(&dict_machine, 0, 0, false), b = a;
  act(&b, -1, OP_DICT_UPDATE, 0);
  assert_true(same(&a, &b));
  act(&b, 1, OP_DICT_UPDATE, 0);
  assert_false(same(&a, &b));
  act(&b, 1, OP_DICT_KEEP, 0);
  assert_true(same(&a, &b));
  a.state[DICT_COUNT] = 1;
  assert_false(same(&a, &b));
}

static void queues(void **state) {
  (void)state;
  struct queue_state a = {.max = 3}, b = a;
  for (int i = 0; i < 5; i++) {
    queue_apply(&b, OP_QUEUE_PUT);
    queue_apply(&b, OP_QUEUE_GET);
    queue_apply(&b, OP_QUEUE_TASK_DONE);
  }
  queue_canonical(&b);
  assert_memory_equal(&a, &b, sizeof a);
  queue_apply(&b, OP_QUEUE_PUT);
  queue_canonical(&b);
  assert_memory_not_equal(&a, &b, sizeof a);
  queue_apply(&a, OP_QUEUE_PUT);
  queue_apply(&a, OP_QUEUE_GET);
  queue_canonical(&a);
  assert_memory_not_equal(&a, &b, sizeof a); /* one in the queue, one in somebody's hands */
  queue_apply(&b, OP_QUEUE_GET);
  queue_canonical(&b);
  assert_memory_equal(&a, &b, sizeof a);
  queue_apply(&b, OP_QUEUE_CLOSE);
  assert_memory_not_equal(&a, &b, sizeof a);
}

/* What an end says of itself are names; what it means are its two queues. */
static void pipes(void **state) {
  (void)state;
  struct world a = world_of(&pipe_machine, 0, 0, false), b = a;
  b.state[END_IN] = 12;
  b.state[END_PEER_SERIAL] = 99;
  assert_true(same(&a, &b));
  struct queue_state in = {0}, out = {0};
  assert_true(pipe_enabled(OP_PIPE_SEND, &in, false));
  assert_false(pipe_enabled(OP_PIPE_RECV, &in, true));
  assert_true(pipe_enabled(OP_PIPE_RECV, &in, false)); /* nobody will send */
  assert_int_equal(pipe_apply(OP_PIPE_RECV, &in, &out, true), -SBX_ECLOSED);
  assert_int_equal(pipe_apply(OP_PIPE_SEND, &out, &in, false), -SBX_EGONE);
  assert_int_equal(pipe_apply(OP_PIPE_SEND, &out, &in, true), 0); /* by the other end */
  assert_int_equal(pipe_apply(OP_PIPE_POLL, &in, &out, true), 0);
  assert_int_equal(queue_len(&in), 1);
  assert_int_equal(pipe_apply(OP_PIPE_CLOSE, &in, &out, true), 0);
  assert_int_equal(pipe_apply(OP_PIPE_SEND, &in, &out, true), -SBX_ECLOSED);
  assert_int_equal(pipe_apply(OP_PIPE_SEND, &out, &in, true), -SBX_ECLOSED);
  assert_int_equal(pipe_apply(OP_PIPE_RECV, &in, &out, true), 0);
  assert_int_equal(pipe_apply(OP_PIPE_RECV, &in, &out, true), -SBX_ECLOSED);
  assert_int_equal(pipe_apply(OP_LOCK_ACQUIRE, &in, &out, true), -SBX_EINVAL);
}

static void processes(void **state) {
  (void)state;
  struct process_state a = {.phase = PHASE_RUNNING}, b = {.phase = PHASE_RUNNING, .exit_code = 7};
  process_canonical(&b);
  assert_memory_equal(&a, &b, sizeof a);
  process_exit(&a, 0);
  process_exit(&b, 1);
  assert_memory_not_equal(&a, &b, sizeof a);
  process_end(&a, 9);
  process_end(&b, 9); /* killed on its way out */
  process_canonical(&a);
  process_canonical(&b);
  assert_memory_equal(&a, &b, sizeof a);
  assert_int_equal(process_status_of(&a), PROCESS_KILLED);
}

/* -- what else is pure --------------------------------------------------------------------------- */

static void contents_are_bytes_that_depend_on_what_is_in_them_alone(void **state) {
  (void)state;
  struct buf a = {0}, b = {0};
  struct content c;
  assert_int_equal(contents_set(&a, "b", 1, "two", 3), 0);
  assert_int_equal(contents_set(&a, "a", 1, "one", 3), 0);
  assert_int_equal(contents_set(&a, "ab", 2, "", 0), 0);
  assert_int_equal(contents_set(&b, "ab", 2, "longer than before", 18), 0);
  assert_int_equal(contents_set(&b, "a", 1, "one", 3), 0);
  assert_int_equal(contents_set(&b, "c", 1, "x", 1), 0);
  assert_int_equal(contents_set(&b, "b", 1, "two", 3), 0);
  assert_int_equal(contents_set(&b, "ab", 2, "", 0), 0);
  assert_int_equal(contents_count(&b), 4);
  assert_true(contents_remove(&b, "c", 1));
  assert_false(contents_remove(&b, "c", 1));
  assert_int_equal(a.len, b.len);
  assert_memory_equal(a.data, b.data, a.len);
  assert_true(contents_find(&a, "b", 1, &c));
  assert_int_equal(c.len, 3);
  assert_memory_equal(c.data, "two", 3);
  assert_false(contents_find(&a, "aa", 2, &c));
  buf_release(&a);
  buf_release(&b);
  assert_false(contents_front(&a, &c));
  for (int i = 0; i < 3; i++)
    assert_int_equal(contents_put(&a, &i, sizeof i), 0);
  for (int i = 0; i < 3; i++) {
    assert_true(contents_front(&a, &c));
    assert_memory_equal(c.data, &i, sizeof i);
    contents_take(&a);
  }
  contents_take(&a); /* nothing is left, and nothing happens */
  assert_int_equal(a.len, 0);
  buf_release(&a);
}

static void a_condition_is_waited_for_in_steps(void **state) {
  (void)state;
  struct condition_wait w = {0};
  condition_next(&w, -SBX_ECROWD);
  assert_int_equal(w.step, CONDITION_OVER);
  assert_int_equal(w.result, -SBX_ECROWD);
  w = (struct condition_wait){0};
  assert_int_equal(condition_step_kind(w.step), OP_CONDITION_WAIT);
  condition_next(&w, 0);
  assert_int_equal(condition_step_kind(w.step), OP_LOCK_RELEASE);
  condition_next(&w, 0);
  assert_int_equal(condition_step_kind(w.step), OP_CONDITION_WAIT);
  struct condition_wait cut = w;
  condition_next(&w, -SBX_ETIMEDOUT);
  assert_int_equal(w.step, CONDITION_RELOCK);
  condition_next(&w, 0);
  assert_int_equal(w.step, CONDITION_OVER);
  assert_int_equal(w.result, -SBX_ETIMEDOUT);
  condition_next(&cut, -SBX_EINTERRUPTED);
  assert_int_equal(cut.step, CONDITION_TRY_RELOCK);
  condition_next(&cut, -SBX_ETIMEDOUT); /* somebody has the lock */
  assert_int_equal(cut.step, CONDITION_OVER);
  assert_int_equal(cut.result, -SBX_EINTERRUPTED);
}

static void a_select_does_the_first_that_can_go_on(void **state) {
  (void)state;
  struct select_scan s = {0};
  assert_int_equal(select_next(&s, 3, -SBX_ETIMEDOUT), SELECT_LOOKS);
  assert_int_equal(select_next(&s, 3, -SBX_ETIMEDOUT), SELECT_LOOKS);
  assert_int_equal(s.at, 2);
  assert_int_equal(select_next(&s, 3, -SBX_ETIMEDOUT), SELECT_SLEEPS);
  assert_int_equal(s.at, 0);
  assert_int_equal(select_next(&s, 3, -SBX_ETIMEDOUT), SELECT_LOOKS);
  assert_int_equal(select_next(&s, 3, -SBX_ECLOSED), -SBX_ECLOSED);
  assert_int_equal(s.at, 1);
  s = (struct select_scan){.last = true};
  assert_int_equal(select_next(&s, 1, -SBX_ETIMEDOUT), -SBX_ETIMEDOUT);
}

static void nobody_overtakes_the_first_in_line_when_it_is_due(void **state) {
  (void)state;
  struct fair_first nobody = {0}, me = {.ticket = 4, .self = true}, other = {.ticket = 4};
  assert_false(fair_stands_before(&nobody, 0));
  assert_false(fair_stands_before(&me, 4));
  assert_true(fair_stands_before(&other, 0));
  assert_true(fair_stands_before(&other, 5));
  assert_false(fair_stands_before(&other, 3));
  assert_false(fair_is_due(100, 100 + FAIR_WAIT_NS - 1));
  assert_true(fair_is_due(100, 100 + FAIR_WAIT_NS));
  struct world w = world_of(&lock_machine, 0, 0, true);
  struct sync_step step = {.kind = OP_LOCK_ACQUIRE, .who = who(0)};
  assert_false(sync_passes_line(&lock_machine, w.state, &step));
  act(&w, 0, OP_LOCK_ACQUIRE, 1);
  assert_true(sync_passes_line(&lock_machine, w.state, &step)); /* it holds it */
  step = (struct sync_step){.kind = OP_LOCK_RELEASE, .who = who(1)};
  assert_true(sync_passes_line(&lock_machine, w.state, &step)); /* it never waits */
  struct world e = world_of(&event_machine, 0, 0, false);
  step = (struct sync_step){.kind = OP_EVENT_WAIT, .who = who(1)};
  assert_true(sync_passes_line(&event_machine, e.state, &step)); /* all go at once */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_helps),
      cmocka_unit_test(locks),
      cmocka_unit_test(semaphores),
      cmocka_unit_test(events),
      cmocka_unit_test(rwlocks),
      cmocka_unit_test(latches),
      cmocka_unit_test(progress),
      cmocka_unit_test(conditions),
      cmocka_unit_test(barriers),
      cmocka_unit_test(values),
      cmocka_unit_test(dicts),
      cmocka_unit_test(queues),
      cmocka_unit_test(pipes),
      cmocka_unit_test(processes),
      cmocka_unit_test(contents_are_bytes_that_depend_on_what_is_in_them_alone),
      cmocka_unit_test(a_condition_is_waited_for_in_steps),
      cmocka_unit_test(a_select_does_the_first_that_can_go_on),
      cmocka_unit_test(nobody_overtakes_the_first_in_line_when_it_is_due),
  };
  return cmocka_run_group_tests_name("canonical", tests, NULL, NULL);
}
