/*
 * tests/unit/test_sim_world.c - the simulator's world: what each object does, a step at a time; saved
 * and loaded again; and how many interleavings small programs have, which is known from elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "look/waits.h"
#include "object/dict.h"
#include "sim/world.h"

/* -- asking ------------------------------------------------------------------------------------ */

enum { MAIN, A, B, C, D };

/* The one of sim/request.c is not needed for that. */
static void release(struct answer *a) {
  buf_release(&a->out);
  buf_release(&a->refs);
}

static struct world *world_with(const struct world_options *o, int children) {
  struct world *w;
  assert_int_equal(world_new(o, &w), 0);
  for (int i = 1; i <= children; i++) {
    struct answer a;
    struct request r = {.kind = OP_PROCESS_SPAWN, .name = "child", .where = "x.lua:1"};
    assert_int_equal(world_ask(w, MAIN, &r), 0);
    assert_int_equal(world_step(w, MAIN, &r, &a), 0);
    assert_int_equal(a.rc, 0);
    assert_int_equal(a.number, 1);
    assert_int_equal(a.made.serial, i + 1);
    release(&a);
  }
  return w;
}

static struct world *plain(int children) {
  return world_with(&(struct world_options){.seed = 1}, children);
}

/* Step as long as it goes. True: the op is over, and this is its answer. */
static bool go(struct world *w, uint32_t i, const struct request *r, struct answer *ret) {
  for (;;) {
    if (world_can(w, i, r) == WORLD_WAITS)
      return false;
    int rc = world_step(w, i, r, ret);
    if (rc == 0)
      return true;
    assert_int_equal(rc, WORLD_GOES_ON);
    release(ret);
  }
}

static bool ask(struct world *w, uint32_t i, const struct request *r, struct answer *ret) {
  assert_int_equal(world_ask(w, i, r), 0);
  return go(w, i, r, ret);
}

/* An op that must be over at once: its rc. */
static int rc_of(struct world *w, uint32_t i, struct request r) {
  struct answer a;
  assert_true(ask(w, i, &r, &a));
  int rc = a.rc;
  release(&a);
  return rc;
}

static struct object_ref make(struct world *w, uint32_t i, struct request r) {
  struct answer a;
  assert_true(ask(w, i, &r, &a));
  assert_int_equal(a.rc, 0);
  release(&a);
  return a.made;
}

#define FOREVER .deadline_ns = SBX_FOREVER
#define REQUEST(kind_, object_, ...)                                                               \
  ((struct request){.kind = (kind_), .object = (object_), FOREVER, .wants_out = true, __VA_ARGS__})
#define RC(w, i, kind, object, ...) rc_of(w, i, REQUEST(kind, object, __VA_ARGS__))
#define NONE ((struct object_ref){.type = OBJECT_NONE})

/* Is the op of this process waiting? */
static bool waits(struct world *w, uint32_t i, const struct request *r) {
  return world_can(w, i, r) == WORLD_WAITS;
}

static struct object_ref process(uint32_t i) {
  return (struct object_ref){.type = OBJECT_PROCESS, .slot = i, .serial = (uint64_t)i + 1};
}

static uint32_t objects;
static void count_object(void *ctx, const struct object_ref *ref) {
  (void)ctx;
  (void)ref;
  objects++;
}
static uint32_t count_objects(const struct world *w) {
  objects = 0;
  world_objects(w, count_object, NULL);
  return objects;
}

/* -- interleavings ----------------------------------------------------------------------------- */

enum { PROCESSES = 5, STEPS = 8, TABLE = 1 << 16 };

/* A script: ops one after the other. `adds`: the number is one more than the one last read.
 * `skips`: if the queue is found empty, the rest is left out. */
struct line {
  struct request r;
  bool adds, skips;
};
struct script {
  struct world *w;
  int count;
  struct line lines[PROCESSES][STEPS];
  int lengths[PROCESSES];
  /* What is a failure, besides a deadlock; NULL: nothing. */
  bool (*fails)(struct script *p);
  uint64_t states, paths, failing;
};

/* Where the processes are, and what they have read. */
struct local {
  int at[PROCESSES];
  int64_t seen[PROCESSES];
};

struct memo {
  struct buf key;
  uint64_t paths, failing;
};
static struct memo *table;

static struct memo *find_memo(const struct buf *key) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < key->len; i++)
    hash = (hash ^ key->data[i]) * UINT64_C(0x100000001b3);
  for (uint64_t at = hash % TABLE;; at = (at + 1) % TABLE) {
    struct memo *m = &table[at];
    if (!m->key.data || (m->key.len == key->len && memcmp(m->key.data, key->data, key->len) == 0))
      return m;
  }
}

static struct request line_of(const struct script *p, const struct local *l, int i) {
  struct request r = p->lines[i][l->at[i]].r;
  if (p->lines[i][l->at[i]].adds)
    r.value.i = l->seen[i] + 1;
  return r;
}

/* A process goes to its next line. */
static void next_line(const struct script *p, struct local *l, int i) {
  l->at[i]++;
  if (l->at[i] >= p->lengths[i])
    return;
  struct request r = line_of(p, l, i);
  assert_int_equal(world_ask(p->w, (uint32_t)i + 1, &r), 0);
}

static void explore(struct script *p, const struct local *l, uint64_t *paths, uint64_t *failing);

static void explore_step(struct script *p, const struct local *l, int i, const struct buf *saved,
                         uint64_t *paths, uint64_t *failing) {
  struct local next = *l;
  struct answer a;
  struct request r = line_of(p, l, i);
  assert_int_equal(world_load(p->w, saved->data, saved->len), 0);
  int rc = world_step(p->w, (uint32_t)i + 1, &r, &a);
  if (rc == 0) {
    next.seen[i] = a.value.i;
    if (p->lines[i][l->at[i]].skips && a.queue.len == 0)
      next.at[i] = p->lengths[i] + 1; /* another end than behind the last line */
    else
      next_line(p, &next, i);
  }
  release(&a);
  explore(p, &next, paths, failing);
}

static void explore(struct script *p, const struct local *l, uint64_t *paths, uint64_t *failing) {
  struct buf key = {0};
  bool can[PROCESSES], any = false, all = true;
  assert_int_equal(world_save(p->w, &key), 0);
  size_t len = key.len;
  assert_int_equal(buf_append(&key, l, sizeof *l), 0);
  struct memo *m = find_memo(&key);
  if (m->key.data) {
    *paths += m->paths;
    *failing += m->failing;
    buf_release(&key);
    return;
  }
  m->key = key;
  p->states++;
  for (int i = 0; i < p->count; i++) {
    can[i] = false;
    if (l->at[i] >= p->lengths[i])
      continue;
    all = false;
    struct request r = line_of(p, l, i);
    can[i] = world_can(p->w, (uint32_t)i + 1, &r) != WORLD_WAITS;
    any |= can[i];
  }
  uint64_t sum = 0, bad = 0;
  if (!any) {
    sum = 1;
    bad = !all || (p->fails && p->fails(p));
  }
  struct buf saved = {.data = key.data, .len = len};
  for (int i = 0; i < p->count; i++)
    if (can[i])
      explore_step(p, l, i, &saved, &sum, &bad);
  m->paths = sum;
  m->failing = bad;
  *paths += sum;
  *failing += bad;
}

static void run(struct script *p) {
  struct local l = {.at = {0}};
  table = calloc(TABLE, sizeof *table);
  p->states = p->paths = p->failing = 0;
  for (int i = 0; i < p->count; i++) {
    l.at[i] = -1;
    next_line(p, &l, i);
  }
  explore(p, &l, &p->paths, &p->failing);
  for (int i = 0; i < TABLE; i++)
    buf_release(&table[i].key);
  free(table);
  world_free(p->w);
}

static void add_line(struct script *p, int i, struct request r) {
  p->lines[i][p->lengths[i]++].r = r;
}

static struct script dining(int n, bool one_is_different) {
  struct object_ref forks[PROCESSES];
  struct script p = {.count = n, .w = plain(0)};
  for (int i = 0; i < n; i++)
    forks[i] = make(p.w, MAIN, (struct request){.kind = OP_LOCK_NEW});
  for (int i = 0; i < n; i++)
    make(p.w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN, .name = "philosopher"});
  for (int i = 0; i < n; i++) {
    int first = i, second = (i + 1) % n;
    if (one_is_different && i == n - 1) {
      first = second;
      second = i;
    }
    add_line(&p, i, REQUEST(OP_LOCK_ACQUIRE, forks[first], ));
    add_line(&p, i, REQUEST(OP_LOCK_ACQUIRE, forks[second], ));
    add_line(&p, i, REQUEST(OP_LOCK_RELEASE, forks[second], ));
    add_line(&p, i, REQUEST(OP_LOCK_RELEASE, forks[first], ));
  }
  return p;
}

static void expect(struct script *p, uint64_t paths, uint64_t failing, uint64_t states) {
  run(p);
  assert_int_equal(p->paths, paths);
  assert_int_equal(p->failing, failing);
  if (states)
    assert_int_equal(p->states, states);
}

static void test_dining(void **state) {
  (void)state;
  struct script p = dining(3, false);
  expect(&p, 168, 6, 87);
  p = dining(4, false);
  expect(&p, 98184, 24, 391);
  p = dining(5, false);
  expect(&p, 66468720, 120, 1743);
  p = dining(3, true);
  expect(&p, 142, 0, 0);
}

static void test_inversion(void **state) {
  (void)state;
  struct script p = dining(2, false); /* A then B, B then A */
  expect(&p, 6, 2, 19);
}

static struct object_ref the_object;

static bool is_not_two(struct script *p) {
  struct answer a;
  struct request r = REQUEST(OP_VALUE_GET, the_object, );
  assert_true(ask(p->w, MAIN, &r, &a));
  release(&a);
  return a.value.i != 2;
}

static void test_lost_update(void **state) {
  (void)state;
  struct script p = {.count = 2, .w = plain(0), .fails = is_not_two};
  the_object = make(p.w, MAIN, (struct request){.kind = OP_VALUE_NEW});
  assert_int_equal(
      RC(p.w, MAIN, OP_VALUE_SET, the_object, .value = {.kind = NUMBER_INTEGER}), 0);
  for (int i = 0; i < 2; i++) {
    make(p.w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
    add_line(&p, i, REQUEST(OP_VALUE_GET, the_object, ));
    add_line(&p, i, REQUEST(OP_VALUE_SET, the_object, .value = {.kind = NUMBER_INTEGER}));
    p.lines[i][1].adds = true;
  }
  expect(&p, 6, 4, 13);
}

static void test_empty_then_get(void **state) {
  (void)state;
  struct script p = {.count = 2, .w = plain(0)};
  struct object_ref q = make(p.w, MAIN, (struct request){.kind = OP_QUEUE_NEW});
  assert_int_equal(RC(p.w, MAIN, OP_QUEUE_PUT, q, .data = (const uint8_t *)"x", .len = 1), 0);
  for (int i = 0; i < 2; i++) {
    make(p.w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
    add_line(&p, i, REQUEST(OP_QUEUE_LOOK, q, ));
    add_line(&p, i, REQUEST(OP_QUEUE_GET, q, ));
    p.lines[i][0].skips = true;
  }
  expect(&p, 6, 4, 10);
}

/* A pulse: who comes too late for it waits for ever. */
static void test_pulse(void **state) {
  (void)state;
  struct script p = {.count = 2, .w = plain(0)};
  struct object_ref e = make(p.w, MAIN, (struct request){.kind = OP_EVENT_NEW});
  for (int i = 0; i < 2; i++)
    make(p.w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  add_line(&p, 0, REQUEST(OP_EVENT_WAIT, e, ));
  add_line(&p, 1, REQUEST(OP_EVENT_SET, e, ));
  add_line(&p, 1, REQUEST(OP_EVENT_CLEAR, e, ));
  run(&p);
  assert_int_equal(p.failing, 1);
}

/* Two processes at a barrier of two, twice: nobody fails. */
static void test_barrier_rounds(void **state) {
  (void)state;
  struct script p = {.count = 2, .w = plain(0)};
  struct object_ref b =
      make(p.w, MAIN, (struct request){.kind = OP_BARRIER_NEW, .sync = {.count = 2}});
  for (int i = 0; i < 2; i++)
    make(p.w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  assert_int_equal(RC(p.w, MAIN, OP_HANDLE_RELEASE, b, ), 0);
  for (int i = 0; i < 2; i++)
    for (int k = 0; k < 2; k++)
      add_line(&p, i, REQUEST(OP_BARRIER_WAIT, b, ));
  run(&p);
  assert_int_equal(p.failing, 0);
  assert_true(p.paths > 1);
}

/* -- locks and the like ------------------------------------------------------------------------ */

static void test_lock(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct sync_info info;
  struct object_ref l = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW, .name = "left"});
  for (int i = 0; i < 2; i++)
    make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN, .name = "w"});
  struct request acquire = REQUEST(OP_LOCK_ACQUIRE, l, .source = "x.lua", .line = 7);
  assert_int_equal(l.serial, 1);
  assert_int_equal(rc_of(w, A, acquire), 0);
  assert_int_equal(rc_of(w, A, acquire), -SBX_EHELD);
  assert_int_equal(RC(w, B, OP_LOCK_RELEASE, l, ), -SBX_ENOTHELD);
  assert_false(ask(w, B, &acquire, &a));
  struct request look = REQUEST(OP_LOCK_LOOK, l, );
  assert_true(ask(w, MAIN, &look, &a));
  info = a.sync;
  assert_int_equal(info.holder, A + 1);
  assert_string_equal(info.holder_name, "w");
  assert_string_equal(info.name, "left");
  assert_int_equal(info.waiting, 1);
  assert_int_equal(info.depth, 1);
  /* Whose lock it is, and from where. */
  struct forgotten f;
  uint32_t at = 0;
  assert_true(world_forgotten(w, A, &at, &f));
  assert_string_equal(f.where, "x.lua:7");
  assert_string_equal(f.name, "left");
  assert_false(world_forgotten(w, A, &at, &f));
  char text[100];
  assert_true(world_name(w, &l, text, sizeof text));
  assert_string_equal(text, "lock left#1");
  assert_true(world_describe(w, &l, text, sizeof text, NULL));
  assert_string_equal(text, "held by w#2");
  assert_int_equal(RC(w, A, OP_LOCK_RELEASE, l, ), 0);
  assert_int_equal(world_can(w, B, &acquire), WORLD_GOES);
  assert_true(go(w, B, &acquire, &a));
  assert_false(a.abandoned);
  /* Its holder is killed: the next is told. */
  assert_false(ask(w, A, &acquire, &a));
  assert_int_equal(RC(w, MAIN, OP_PROCESS_SIGNAL, process(B), .number = SIGNAL_KILL), 0);
  assert_true(go(w, A, &acquire, &a));
  assert_int_equal(a.rc, 0);
  assert_true(a.abandoned);
  world_free(w);
}

/* A deadline: in time, too late, and too late but it can go on. */
static void test_timeout(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref l = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW});
  make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  assert_int_equal(RC(w, MAIN, OP_LOCK_ACQUIRE, l, ), 0);
  struct request acquire = REQUEST(OP_LOCK_ACQUIRE, l, );
  acquire.deadline_ns = 100;
  assert_false(ask(w, A, &acquire, &a));
  assert_int_equal(world_deadline(w, A, &acquire), 100);
  world_advance(w, 99);
  assert_int_equal(world_can(w, A, &acquire), WORLD_WAITS);
  world_advance(w, 100);
  assert_int_equal(world_can(w, A, &acquire), WORLD_ENDS);
  assert_int_equal(RC(w, MAIN, OP_LOCK_RELEASE, l, ), 0);
  assert_int_equal(world_can(w, A, &acquire), WORLD_GOES);
  assert_int_equal(RC(w, MAIN, OP_LOCK_ACQUIRE, l, ), 0);
  assert_true(go(w, A, &acquire, &a));
  assert_int_equal(a.rc, -SBX_ETIMEDOUT);
  struct request sleep = {.kind = OP_CLOCK_SLEEP, .deadline_ns = 250};
  assert_false(ask(w, A, &sleep, &a));
  world_advance(w, 250);
  assert_true(go(w, A, &sleep, &a));
  assert_int_equal(a.rc, 0);
  struct request now = {.kind = OP_CLOCK_NOW};
  assert_true(ask(w, A, &now, &a));
  assert_int_equal(a.now_ns, 250);
  world_free(w);
}

static void test_semaphore(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref s = make(
      w, MAIN, (struct request){.kind = OP_SEMAPHORE_NEW, .sync = {.count = 1, .max = 2}});
  make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  struct request acquire = REQUEST(OP_SEMAPHORE_ACQUIRE, s, );
  assert_int_equal(rc_of(w, A, acquire), 0);
  assert_false(ask(w, MAIN, &acquire, &a));
  assert_int_equal(RC(w, A, OP_SEMAPHORE_RELEASE, s, .count = 3), -SBX_EOVER);
  /* The unit of a process that fails comes back. */
  assert_int_equal(rc_of(w, A, (struct request){.kind = OP_PROCESS_END, .exit_code = 1}), 0);
  world_exit(w, A, 1, 0);
  assert_true(go(w, MAIN, &acquire, &a));
  assert_true(a.abandoned);
  world_free(w);
}

static void test_event(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref e = make(w, MAIN, (struct request){.kind = OP_EVENT_NEW});
  for (int i = 0; i < 2; i++)
    make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  struct request wait = REQUEST(OP_EVENT_WAIT, e, );
  /* A is in line when the event is set, B has not come yet. */
  assert_false(ask(w, A, &wait, &a));
  assert_int_equal(world_ask(w, B, &wait), 0);
  assert_int_equal(RC(w, MAIN, OP_EVENT_SET, e, ), 0);
  assert_int_equal(RC(w, MAIN, OP_EVENT_CLEAR, e, ), 0);
  assert_true(go(w, A, &wait, &a));
  assert_false(go(w, B, &wait, &a));
  assert_int_equal(RC(w, MAIN, OP_EVENT_SET, e, ), 0);
  assert_true(go(w, B, &wait, &a));
  assert_int_equal(rc_of(w, B, wait), 0);
  assert_int_equal(RC(w, MAIN, OP_EVENT_CLEAR, e, ), 0);
  wait.deadline_ns = 0;
  assert_int_equal(rc_of(w, B, wait), -SBX_ETIMEDOUT);
  world_free(w);
}

static struct world *with_condition(bool merge, struct object_ref *c, struct object_ref *l) {
  struct world *w = world_with(&(struct world_options){.merge_relock = merge}, 0);
  *l = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW});
  *c = make(w, MAIN, (struct request){.kind = OP_CONDITION_NEW, .lock = *l});
  for (int i = 0; i < 3; i++)
    make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  return w;
}

static void test_condition(void **state) {
  (void)state;
  struct object_ref c, l;
  struct world *w = with_condition(false, &c, &l);
  struct answer a;
  struct request wait = REQUEST(OP_CONDITION_WAIT, c, ), acquire = REQUEST(OP_LOCK_ACQUIRE, l, );
  assert_int_equal(rc_of(w, A, wait), -SBX_ENOTHELD);
  assert_int_equal(RC(w, A, OP_CONDITION_NOTIFY, c, .count = 1), -SBX_ENOTHELD);
  assert_int_equal(rc_of(w, A, acquire), 0);
  assert_int_equal(world_ask(w, A, &wait), 0);
  assert_int_equal(world_can(w, A, &wait), WORLD_GOES);
  assert_int_equal(world_step(w, A, &wait, &a), WORLD_GOES_ON);
  assert_true(waits(w, A, &wait));
  /* The lock is free; by the condition, too. */
  assert_int_equal(RC(w, B, OP_LOCK_ACQUIRE, c, ), 0);
  assert_int_equal(RC(w, B, OP_CONDITION_NOTIFY, c, .count = 1), 0);
  assert_int_equal(world_can(w, A, &wait), WORLD_GOES);
  assert_int_equal(world_step(w, A, &wait, &a), WORLD_GOES_ON);
  assert_true(waits(w, A, &wait));
  struct request look = REQUEST(OP_LOCK_LOOK, l, );
  assert_true(ask(w, MAIN, &look, &a));
  assert_int_equal(a.sync.waiting, 1);
  assert_int_equal(RC(w, B, OP_LOCK_RELEASE, l, ), 0);
  assert_true(go(w, A, &wait, &a));
  assert_int_equal(a.rc, 0);
  assert_int_equal(RC(w, A, OP_LOCK_RELEASE, l, ), 0);
  world_free(w);
}

/* Two wait, one is notified and then interrupted: the other has its notification. */
static void test_condition_interrupted(void **state) {
  (void)state;
  struct object_ref c, l;
  struct world *w = with_condition(false, &c, &l);
  struct answer a;
  struct request wait = REQUEST(OP_CONDITION_WAIT, c, ), acquire = REQUEST(OP_LOCK_ACQUIRE, l, );
  for (uint32_t i = A; i <= B; i++) {
    assert_int_equal(rc_of(w, i, acquire), 0);
    assert_false(ask(w, i, &wait, &a));
  }
  assert_int_equal(rc_of(w, C, acquire), 0);
  assert_int_equal(RC(w, C, OP_CONDITION_NOTIFY, c, .count = 1), 0);
  assert_int_equal(RC(w, C, OP_PROCESS_SIGNAL, process(A), .number = SIGNAL_INTERRUPT), 0);
  assert_int_equal(world_interrupts(w, A), INTERRUPT_ONE);
  assert_int_equal(world_take_interrupts(w, A), INTERRUPT_ONE);
  assert_int_equal(world_interrupts(w, A), 0);
  assert_true(waits(w, B, &wait));
  assert_int_equal(world_cancel(w, A, &wait, &a), 0);
  assert_int_equal(a.rc, -SBX_EINTERRUPTED);
  assert_int_equal(RC(w, A, OP_LOCK_RELEASE, l, ), -SBX_ENOTHELD); /* it was not free */
  assert_int_equal(world_can(w, B, &wait), WORLD_GOES);
  world_free(w);
}

/* The lock is had in the step of being woken, or of timing out. */
static void test_condition_merged(void **state) {
  (void)state;
  struct object_ref c, l;
  struct world *w = with_condition(true, &c, &l);
  struct answer a;
  struct request wait = REQUEST(OP_CONDITION_WAIT, c, ), acquire = REQUEST(OP_LOCK_ACQUIRE, l, );
  wait.deadline_ns = 50;
  assert_int_equal(rc_of(w, A, acquire), 0);
  assert_false(ask(w, A, &wait, &a));
  assert_int_equal(rc_of(w, B, acquire), 0);
  assert_int_equal(world_deadline(w, A, &wait), 50);
  world_advance(w, 50);
  assert_true(waits(w, A, &wait));
  assert_int_equal(world_deadline(w, A, &wait), SBX_FOREVER);
  assert_int_equal(RC(w, B, OP_LOCK_RELEASE, l, ), 0);
  assert_int_equal(world_can(w, A, &wait), WORLD_ENDS);
  assert_int_equal(world_step(w, A, &wait, &a), 0);
  assert_int_equal(a.rc, -SBX_ETIMEDOUT);
  assert_int_equal(RC(w, A, OP_LOCK_RELEASE, l, ), 0);
  world_free(w);
}

/* The lock was held beyond the deadline: a notification that comes then is for the other waiter. */
static void test_condition_late(void **state) {
  (void)state;
  for (int merge = 0; merge < 2; merge++) {
    struct object_ref c, l;
    struct world *w = with_condition(merge, &c, &l);
    struct answer a;
    struct request wait = REQUEST(OP_CONDITION_WAIT, c, ), late = wait;
    struct request acquire = REQUEST(OP_LOCK_ACQUIRE, l, );
    late.deadline_ns = 50;
    assert_int_equal(rc_of(w, A, acquire), 0);
    assert_false(ask(w, A, &late, &a));
    assert_int_equal(rc_of(w, B, acquire), 0);
    assert_false(ask(w, B, &wait, &a));
    assert_int_equal(rc_of(w, C, acquire), 0);
    world_advance(w, 51);
    go(w, A, &late, &a);
    assert_int_equal(RC(w, C, OP_CONDITION_NOTIFY, c, .count = 1), 0);
    struct request look = REQUEST(OP_LOCK_LOOK, l, );
    go(w, B, &wait, &a);
    assert_true(ask(w, MAIN, &look, &a));
    assert_int_equal(a.sync.waiting, 2);
    assert_int_equal(RC(w, C, OP_LOCK_RELEASE, l, ), 0);
    assert_true(go(w, B, &wait, &a));
    assert_int_equal(a.rc, 0);
    assert_int_equal(RC(w, B, OP_LOCK_RELEASE, l, ), 0);
    assert_true(go(w, A, &late, &a));
    assert_int_equal(a.rc, -SBX_ETIMEDOUT);
    world_free(w);
  }
}

static void test_barrier(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref b =
      make(w, MAIN, (struct request){.kind = OP_BARRIER_NEW, .sync = {.count = 2}});
  for (int i = 0; i < 2; i++)
    make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  struct request wait = REQUEST(OP_BARRIER_WAIT, b, );
  assert_int_equal(world_ask(w, A, &wait), 0);
  assert_int_equal(world_step(w, A, &wait, &a), WORLD_GOES_ON);
  assert_true(waits(w, A, &wait));
  assert_int_equal(world_ask(w, B, &wait), 0);
  assert_int_equal(world_step(w, B, &wait, &a), 0);
  assert_int_equal(a.count, 2);
  assert_true(go(w, A, &wait, &a));
  assert_int_equal(a.rc, 0);
  assert_int_equal(a.count, 1);
  /* Nobody is left who could arrive. */
  assert_false(ask(w, A, &wait, &a));
  assert_int_equal(RC(w, MAIN, OP_HANDLE_RELEASE, b, ), 0);
  assert_true(waits(w, A, &wait));
  assert_int_equal(RC(w, B, OP_HANDLE_RELEASE, b, ), 0);
  assert_true(go(w, A, &wait, &a));
  assert_int_equal(a.rc, -SBX_EBROKEN);
  assert_int_equal(rc_of(w, A, wait), -SBX_EBROKEN);
  world_free(w);
}

/* A party times out: the others are told. */
static void test_barrier_timeout(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref b =
      make(w, MAIN, (struct request){.kind = OP_BARRIER_NEW, .sync = {.count = 3}});
  for (int i = 0; i < 2; i++)
    make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  struct request wait = REQUEST(OP_BARRIER_WAIT, b, ), hasty = wait;
  hasty.deadline_ns = 0;
  assert_false(ask(w, A, &wait, &a));
  assert_int_equal(rc_of(w, B, hasty), -SBX_ETIMEDOUT);
  assert_true(go(w, A, &wait, &a));
  assert_int_equal(a.rc, -SBX_EBROKEN);
  assert_int_equal(RC(w, A, OP_BARRIER_RESET, b, ), 0);
  assert_false(ask(w, A, &wait, &a));
  world_free(w);
}

/* -- values and dicts -------------------------------------------------------------------------- */

static const uint8_t *large(void) {
  static uint8_t bytes[1000];
  memset(bytes, 'x', sizeof bytes);
  return bytes;
}

static void expect_message(struct world *w, struct object_ref v, const uint8_t *data, size_t len) {
  struct answer a;
  struct request get = REQUEST(OP_VALUE_GET, v, );
  assert_true(ask(w, MAIN, &get, &a));
  assert_int_equal(a.value.kind, NUMBER_NONE);
  assert_true(a.has_out);
  assert_int_equal(a.out.len, len);
  assert_memory_equal(a.out.data, data, len);
  release(&a);
}

#define INTEGER(n)                                                                                 \
  { .kind = NUMBER_INTEGER, .i = n }

static void test_value(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref v = make(w, MAIN, (struct request){.kind = OP_VALUE_NEW});
  make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  assert_int_equal(RC(w, MAIN, OP_VALUE_SET, v, .data = (const uint8_t *)"abc", .len = 3), 0);
  expect_message(w, v, (const uint8_t *)"abc", 3);
  assert_int_equal(RC(w, MAIN, OP_VALUE_ADD, v, .value = INTEGER(1)), -SBX_ENUMBER);
  assert_int_equal(RC(w, MAIN, OP_VALUE_SET, v, .data = large(), .len = 1000), 0);
  expect_message(w, v, large(), 1000);
  struct request cas = REQUEST(OP_VALUE_CAS, v, .expected_data = large(), .expected_len = 999,
                               .value = INTEGER(5));
  assert_true(ask(w, MAIN, &cas, &a));
  assert_false(a.same);
  assert_int_equal(a.out.len, 1000);
  release(&a);
  cas.expected_len = 1000;
  assert_true(ask(w, MAIN, &cas, &a));
  assert_true(a.same);
  release(&a);
  struct request add = REQUEST(OP_VALUE_ADD, v, .value = INTEGER(2));
  assert_true(ask(w, A, &add, &a));
  assert_int_equal(a.value.i, 7);
  /* An update by A: main waits, A may not change it otherwise. */
  assert_int_equal(RC(w, A, OP_VALUE_UPDATE, v, ), 0);
  assert_int_equal(rc_of(w, A, add), -SBX_EUPDATING);
  assert_false(ask(w, MAIN, &add, &a));
  assert_int_equal(RC(w, A, OP_VALUE_REPLACE, v, .value = INTEGER(10)), 0);
  assert_true(go(w, MAIN, &add, &a));
  assert_int_equal(a.value.i, 12);
  char text[40];
  assert_true(world_describe(w, &v, text, sizeof text, NULL));
  assert_string_equal(text, "12");
  world_free(w);
}

static int dict_op(struct world *w, enum op_kind kind, struct object_ref d, const char *key,
                   const char *value, struct answer *a) {
  struct request r = REQUEST(kind, d, .key = (const uint8_t *)key,
                             .key_len = (uint32_t)strlen(key), .hash = 77, .none = !value);
  r.data = (const uint8_t *)value;
  r.len = value ? strlen(value) : 0;
  assert_true(ask(w, MAIN, &r, a));
  return a->rc;
}

static void test_dict(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref d = make(w, MAIN, (struct request){.kind = OP_DICT_NEW});
  assert_int_equal(dict_op(w, OP_DICT_SET, d, "b", "two", &a), 0);
  assert_int_equal(dict_op(w, OP_DICT_SET, d, "a", "one", &a), 0);
  assert_int_equal(dict_op(w, OP_DICT_SET, d, "b", "second", &a), 0);
  assert_int_equal(dict_op(w, OP_DICT_GET, d, "b", NULL, &a), 0);
  assert_false(a.none);
  assert_int_equal(a.out.len, 6);
  assert_memory_equal(a.out.data, "second", 6);
  release(&a);
  assert_int_equal(dict_op(w, OP_DICT_GET, d, "c", NULL, &a), 0);
  assert_true(a.none);
  struct request all = REQUEST(OP_DICT_ALL, d, );
  assert_true(ask(w, MAIN, &all, &a));
  const struct dict_entry *e = (const struct dict_entry *)a.out.data;
  assert_int_equal(e->key_len, 1);
  assert_memory_equal(dict_key(e), "a", 1);
  assert_memory_equal(dict_message(e), "one", 3);
  assert_int_equal(e->hash, 77);
  assert_int_equal(a.out.len, dict_entry_bytes(1, 0, 3) + dict_entry_bytes(1, 0, 6));
  release(&a);
  assert_int_equal(dict_op(w, OP_DICT_SET, d, "a", NULL, &a), 0);
  struct request look = REQUEST(OP_DICT_LOOK, d, );
  assert_true(ask(w, MAIN, &look, &a));
  assert_int_equal(a.sync.count, 1);
  world_free(w);
}

/* -- queues and pipes -------------------------------------------------------------------------- */

static struct request put_of(struct object_ref q, const char *text) {
  return REQUEST(OP_QUEUE_PUT, q, .data = (const uint8_t *)text, .len = strlen(text));
}

static void check_item(struct world *w, uint32_t i, struct request r, uint64_t number,
                        const char *text) {
  struct answer a;
  assert_true(ask(w, i, &r, &a));
  assert_int_equal(a.rc, 0);
  assert_int_equal(a.item, number);
  assert_true(a.has_out);
  assert_int_equal(a.out.len, strlen(text));
  assert_memory_equal(a.out.data, text, strlen(text));
  release(&a);
}

static void test_queue(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref q = make(w, MAIN, (struct request){.kind = OP_QUEUE_NEW, .max = 2});
  make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  struct request get = REQUEST(OP_QUEUE_GET, q, ), put = put_of(q, "three");
  assert_int_equal(RC(w, MAIN, OP_QUEUE_PEEK, q, ), -SBX_ETIMEDOUT);
  assert_false(ask(w, A, &get, &a));
  assert_int_equal(rc_of(w, MAIN, put_of(q, "one")), 0);
  assert_true(go(w, A, &get, &a));
  assert_int_equal(a.item, 1);
  release(&a);
  assert_int_equal(rc_of(w, MAIN, put_of(q, "two")), 0);
  assert_int_equal(rc_of(w, MAIN, put), 0);
  assert_false(ask(w, MAIN, &put, &a));
  check_item(w, A, REQUEST(OP_QUEUE_PEEK, q, ), 0, "two");
  check_item(w, A, get, 2, "two");
  assert_true(go(w, MAIN, &put, &a));
  assert_int_equal(a.item, 4);
  struct request peek = REQUEST(OP_QUEUE_PEEK, q, .number = 9);
  assert_true(ask(w, A, &peek, &a));
  assert_int_equal(a.out.len, 2 * (8 + 5));
  release(&a);
  struct request join = REQUEST(OP_QUEUE_JOIN, q, );
  assert_false(ask(w, MAIN, &join, &a));
  assert_int_equal(RC(w, A, OP_QUEUE_TASK_DONE, q, ), 0);
  assert_int_equal(RC(w, A, OP_QUEUE_TASK_DONE, q, ), 0);
  assert_int_equal(RC(w, A, OP_QUEUE_TASK_DONE, q, ), -SBX_ETASKS);
  check_item(w, A, get, 3, "three");
  check_item(w, A, get, 4, "three");
  assert_int_equal(RC(w, A, OP_QUEUE_TASK_DONE, q, ), 0);
  assert_true(waits(w, MAIN, &join));
  assert_int_equal(RC(w, A, OP_QUEUE_TASK_DONE, q, ), 0);
  assert_true(go(w, MAIN, &join, &a));
  assert_int_equal(RC(w, A, OP_QUEUE_CLOSE, q, ), 0);
  assert_int_equal(rc_of(w, A, get), -SBX_ECLOSED);
  assert_int_equal(rc_of(w, A, put), -SBX_ECLOSED);
  world_free(w);
}

static void test_pipe(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct request new = {.kind = OP_PIPE_NEW};
  assert_true(ask(w, MAIN, &new, &a));
  struct object_ref x = a.made, y = a.made_too;
  assert_int_equal(x.serial, 3); /* two queues were counted */
  struct request recv = REQUEST(OP_PIPE_RECV, y, );
  assert_false(ask(w, MAIN, &recv, &a)); /* from itself */
  make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  assert_int_equal(RC(w, MAIN, OP_HANDLE_RELEASE, y, ), 0);
  assert_int_equal(RC(w, A, OP_HANDLE_RELEASE, x, ), 0);
  assert_int_equal(
      RC(w, MAIN, OP_PIPE_SEND, x, .data = (const uint8_t *)"hello", .len = 5), 0);
  check_item(w, A, recv, 1, "hello");
  assert_false(ask(w, A, &recv, &a));
  assert_int_equal(RC(w, MAIN, OP_HANDLE_RELEASE, x, ), 0);
  assert_true(go(w, A, &recv, &a)); /* nobody could send */
  assert_int_equal(a.rc, -SBX_ECLOSED);
  assert_int_equal(RC(w, A, OP_PIPE_SEND, y, ), -SBX_EGONE);
  assert_int_equal(RC(w, A, OP_PIPE_CLOSE, y, ), 0);
  assert_int_equal(RC(w, A, OP_PIPE_SEND, y, ), -SBX_ECLOSED);
  world_free(w);
}

/* -- select ------------------------------------------------------------------------------------ */

static void test_select(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref q = make(w, MAIN, (struct request){.kind = OP_QUEUE_NEW});
  struct object_ref l = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW});
  struct object_ref e = make(w, MAIN, (struct request){.kind = OP_EVENT_NEW});
  for (int i = 0; i < 2; i++)
    make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  assert_int_equal(RC(w, MAIN, OP_LOCK_ACQUIRE, l, ), 0);
  struct request subs[] = {REQUEST(OP_QUEUE_GET, q, ), REQUEST(OP_LOCK_ACQUIRE, l, ),
                           REQUEST(OP_EVENT_WAIT, e, ), REQUEST(OP_PROCESS_JOIN, process(B), ),
                           {.kind = OP_CLOCK_SLEEP, .deadline_ns = 70}};
  struct request select = {.kind = OP_SELECT, .subs = subs, .sub_count = 5, FOREVER};
  assert_false(ask(w, A, &select, &a));
  assert_int_equal(world_deadline(w, A, &select), 70);
  assert_int_equal(RC(w, MAIN, OP_EVENT_SET, e, ), 0);
  assert_int_equal(RC(w, MAIN, OP_EVENT_CLEAR, e, ), 0);
  assert_true(go(w, A, &select, &a));
  assert_int_equal(a.number, 2);
  assert_false(ask(w, A, &select, &a));
  assert_int_equal(RC(w, MAIN, OP_LOCK_RELEASE, l, ), 0);
  assert_int_equal(rc_of(w, MAIN, put_of(q, "x")), 0);
  assert_true(go(w, A, &select, &a));
  assert_int_equal(a.number, 0);
  assert_int_equal(a.out.len, 1);
  release(&a);
  assert_true(ask(w, A, &select, &a));
  assert_int_equal(a.number, 1);
  assert_false(ask(w, A, &select, &a)); /* its own lock: no error */
  world_advance(w, 70);
  assert_true(go(w, A, &select, &a));
  assert_int_equal(a.number, 4);
  select.sub_count = 4;
  select.deadline_ns = 0;
  assert_true(ask(w, A, &select, &a));
  assert_int_equal(a.rc, -SBX_ETIMEDOUT);
  assert_int_equal(a.number, -1);
  struct request cannot[] = {REQUEST(OP_QUEUE_JOIN, q, )};
  struct request bad = {.kind = OP_SELECT, .subs = cannot, .sub_count = 1, FOREVER};
  assert_int_equal(rc_of(w, A, bad), -SBX_EINVAL);
  world_free(w);
}

/* -- processes --------------------------------------------------------------------------------- */

static void test_join(void **state) {
  (void)state;
  struct world *w = plain(2);
  struct answer a;
  struct request join = REQUEST(OP_PROCESS_JOIN, process(A), );
  assert_int_equal(RC(w, A, OP_PROCESS_JOIN, process(A), ), -SBX_ESELF);
  assert_false(ask(w, MAIN, &join, &a));
  struct request end = {.kind = OP_PROCESS_END,
                        .has_result = true,
                        .data = (const uint8_t *)"result",
                        .len = 6,
                        .report = (const uint8_t *)"it failed",
                        .report_len = 9,
                        .exit_code = 1};
  assert_int_equal(rc_of(w, A, end), 0);
  assert_true(waits(w, MAIN, &join));
  world_exit(w, A, 1, 0);
  struct world_process p;
  world_process(w, A, &p);
  assert_true(p.failed);
  assert_int_equal(world_unjoined(w), 1);
  const uint8_t *report;
  size_t len;
  uint32_t at = 0;
  assert_true(world_report(w, &at, &report, &len));
  assert_int_equal(len, 9);
  assert_memory_equal(report, "it failed", 9);
  assert_false(world_report(w, &at, &report, &len));
  assert_true(go(w, MAIN, &join, &a));
  assert_int_equal(a.out.len, 6);
  release(&a);
  world_process(w, A, &p);
  assert_false(p.failed);
  assert_true(p.joined);
  assert_int_equal(world_unjoined(w), 0);
  struct request look = REQUEST(OP_PROCESS_LOOK, process(A), );
  assert_true(ask(w, MAIN, &look, &a));
  assert_int_equal(a.process.status, PROCESS_FAILED);
  assert_int_equal(a.process.exit_code, 1);
  assert_true(a.process.has_result);
  at = 0; /* the failure was not looked at, though */
  assert_true(world_report(w, &at, &report, &len));
  assert_int_equal(rc_of(w, MAIN, (struct request){.kind = OP_FAILURE_LOOK, .ref = process(A)}), 0);
  at = 0;
  assert_false(world_report(w, &at, &report, &len));
  world_free(w);
}

/* Failures of tasks come after those of processes, in the order that they were given. */
static void test_task_failures(void **state) {
  (void)state;
  struct world *w = plain(1);
  const uint8_t *report;
  size_t len;
  uint32_t at = 0;
  struct request new = {.kind = OP_FAILURE_NEW, .report_len = 1};
  new.report = (const uint8_t *)"2";
  new.order = 2;
  struct object_ref second = make(w, A, new);
  new.report = (const uint8_t *)"1";
  new.order = 1;
  struct object_ref first = make(w, A, new);
  assert_false(world_report(w, &at, &report, &len)); /* they do not count yet */
  for (int times = 0; times < 2; times++) {
    assert_int_equal(rc_of(w, A, (struct request){.kind = OP_FAILURE_COUNT, .ref = second}), 0);
    assert_int_equal(rc_of(w, MAIN, (struct request){.kind = OP_FAILURE_COUNT, .ref = first}), 0);
  }
  assert_int_equal(world_unjoined(w), 2);
  assert_true(world_report(w, &at, &report, &len));
  assert_int_equal(*report, '1');
  assert_true(world_report(w, &at, &report, &len));
  assert_int_equal(*report, '2');
  assert_false(world_report(w, &at, &report, &len));
  assert_int_equal(rc_of(w, MAIN, (struct request){.kind = OP_FAILURE_JOIN, .ref = first}), 0);
  assert_int_equal(world_unjoined(w), 1);
  assert_int_equal(rc_of(w, MAIN, (struct request){.kind = OP_FAILURE_LOOK, .ref = first}), 0);
  at = 0;
  assert_true(world_report(w, &at, &report, &len));
  assert_int_equal(*report, '2');
  assert_false(world_report(w, &at, &report, &len));
  world_free(w);
}

static void test_signals(void **state) {
  (void)state;
  struct world *w = plain(2);
  struct request sleep = {.kind = OP_CLOCK_SLEEP, .deadline_ns = 0};
  struct answer a;
  struct world_process p;
  assert_int_equal(world_ask(w, A, &sleep), 0);
  assert_int_equal(RC(w, MAIN, OP_PROCESS_SIGNAL, process(A), .number = SIGNAL_PAUSE), 0);
  assert_true(waits(w, A, &sleep));
  assert_int_equal(world_deadline(w, A, &sleep), SBX_FOREVER);
  struct request look = REQUEST(OP_PROCESS_LOOK, process(A), );
  assert_true(ask(w, MAIN, &look, &a));
  assert_int_equal(a.process.status, PROCESS_STOPPED);
  assert_int_equal(RC(w, MAIN, OP_PROCESS_SIGNAL, process(A), .number = SIGNAL_RESUME), 0);
  assert_true(go(w, A, &sleep, &a));
  assert_int_equal(RC(w, MAIN, OP_PROCESS_SIGNAL, process(A), .number = SIGNAL_TERMINATE), 0);
  world_process(w, A, &p);
  assert_int_equal(p.phase, PHASE_ENDED);
  assert_int_equal(p.signal, SIGNAL_TERMINATE);
  assert_true(p.expected);
  assert_false(p.failed);
  assert_int_equal(RC(w, MAIN, OP_PROCESS_SIGNAL, process(A), .number = SIGNAL_KILL), 0);
  world_exit(w, MAIN, 0, 0);
  world_process(w, B, &p);
  assert_int_equal(p.signal, SIGNAL_KILL);
  world_free(w);
}

/* Main waits for its child, which wants the lock that main forgot; its daemon is ended. */
static void test_await(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct world_process p;
  struct object_ref l = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW});
  make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
  make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN, .daemon = true});
  assert_int_equal(RC(w, MAIN, OP_LOCK_ACQUIRE, l, ), 0);
  struct request acquire = REQUEST(OP_LOCK_ACQUIRE, l, ), await = {.kind = OP_PROCESS_AWAIT};
  await.deadline_ns = SBX_FOREVER;
  assert_false(ask(w, A, &acquire, &a));
  assert_int_equal(world_ask(w, MAIN, &await), 0);
  assert_int_equal(world_step(w, MAIN, &await, &a), WORLD_GOES_ON);
  assert_true(waits(w, MAIN, &await));
  assert_true(go(w, A, &acquire, &a));
  assert_true(a.abandoned);
  assert_int_equal(rc_of(w, A, (struct request){.kind = OP_PROCESS_END}), 0);
  world_exit(w, A, 0, 0);
  assert_true(go(w, MAIN, &await, &a));
  world_process(w, B, &p);
  assert_int_equal(p.phase, PHASE_ENDED);
  assert_int_equal(p.signal, SIGNAL_KILL);
  world_free(w);
}

static void test_family(void **state) {
  (void)state;
  struct world *w = plain(1);
  struct answer a;
  make(w, A, (struct request){.kind = OP_PROCESS_SPAWN, .name = "grandchild"});
  struct request children = {.kind = OP_PROCESS_CHILDREN}, below = {.kind = OP_PROCESS_DESCENDANTS};
  below.object = process(MAIN);
  assert_true(ask(w, MAIN, &children, &a));
  assert_int_equal(a.refs.len, sizeof(struct object_ref));
  release(&a);
  assert_true(ask(w, MAIN, &below, &a));
  assert_int_equal(a.refs.len, 2 * sizeof(struct object_ref));
  release(&a);
  struct request parent = {.kind = OP_PROCESS_PARENT};
  assert_true(ask(w, B, &parent, &a));
  assert_int_equal(a.made.serial, A + 1);
  assert_int_equal(rc_of(w, MAIN, parent), -SBX_EGONE);
  world_free(w);
}

/* -- handles ----------------------------------------------------------------------------------- */

/* A lock in a queue lives as long as somebody can get it out. */
static void test_stored(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  struct object_ref q = make(w, MAIN, (struct request){.kind = OP_QUEUE_NEW});
  struct object_ref l = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW});
  struct request put = put_of(q, "lock");
  put.refs = &l;
  put.ref_count = 1;
  assert_int_equal(rc_of(w, MAIN, put), 0);
  assert_int_equal(RC(w, MAIN, OP_HANDLE_RELEASE, l, ), 0);
  assert_int_equal(count_objects(w), 2);
  struct request get = REQUEST(OP_QUEUE_GET, q, );
  assert_true(ask(w, MAIN, &get, &a));
  assert_int_equal(a.refs.len, sizeof l);
  release(&a);
  assert_int_equal(count_objects(w), 2); /* in main's hands */
  assert_int_equal(rc_of(w, MAIN, (struct request){.kind = OP_HANDLE_IMPORT, .ref = l}), 0);
  assert_int_equal(rc_of(w, MAIN, (struct request){.kind = OP_HANDLE_LAND, .ref = l}), 0);
  assert_int_equal(count_objects(w), 2);
  assert_int_equal(RC(w, MAIN, OP_HANDLE_RELEASE, l, ), 0);
  assert_int_equal(count_objects(w), 1);
  assert_int_equal(rc_of(w, MAIN, (struct request){.kind = OP_HANDLE_IMPORT, .ref = l}),
                   -SBX_EGONE);
  /* A queue in itself is garbage when it is dropped. */
  put.refs = &q;
  assert_int_equal(rc_of(w, MAIN, put), 0);
  assert_int_equal(RC(w, MAIN, OP_HANDLE_RELEASE, q, ), 0);
  assert_int_equal(count_objects(w), 0);
  world_free(w);
}

/* What is only in a result lives as long as the process can be joined. */
static void test_stored_result(void **state) {
  (void)state;
  struct world *w = plain(1);
  struct object_ref l = make(w, A, (struct request){.kind = OP_LOCK_NEW});
  struct request end = {.kind = OP_PROCESS_END, .has_result = true, .refs = &l, .ref_count = 1};
  end.data = (const uint8_t *)"lock";
  end.len = 4;
  assert_int_equal(rc_of(w, A, end), 0);
  world_exit(w, A, 0, 0);
  assert_int_equal(count_objects(w), 1);
  assert_int_equal(RC(w, MAIN, OP_HANDLE_RELEASE, process(A), ), 0);
  assert_int_equal(count_objects(w), 0);
  world_free(w);
}

/* -- who waits for whom ------------------------------------------------------------------------ */

static bool is_stuck(struct world *w, const struct request *const *asked, uint32_t i, char *told,
                     size_t size) {
  static const char *const where[] = {"x.lua:1", "x.lua:2", "x.lua:3", "x.lua:4", "x.lua:5"};
  struct snapshot s;
  struct buf text = {0};
  assert_int_equal(world_look(w, asked, where, &s), 0);
  assert_int_equal(waits_find(&s, 0), 0);
  bool stuck = s.processes[i].stuck == STUCK_FOR_EVER;
  if (s.processes[i].op.need_count)
    assert_int_equal(waits_tell(&s, i, 0, &text), 0);
  snprintf(told, size, "%.*s", (int)text.len, text.data ? (const char *)text.data : "");
  buf_release(&text);
  snapshot_release(&s);
  return stuck;
}

static void test_look(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  char told[200];
  struct object_ref x = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW, .name = "x"});
  struct object_ref y = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW});
  for (int i = 0; i < 2; i++)
    make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN, .name = "w"});
  struct request lock_x = REQUEST(OP_LOCK_ACQUIRE, x, ), lock_y = REQUEST(OP_LOCK_ACQUIRE, y, );
  struct request await = {.kind = OP_PROCESS_AWAIT, FOREVER};
  assert_int_equal(rc_of(w, A, lock_x), 0);
  assert_int_equal(rc_of(w, B, lock_y), 0);
  assert_false(ask(w, A, &lock_y, &a));
  const struct request *asked[] = {&await, &lock_y, NULL};
  assert_false(ask(w, MAIN, &await, &a));
  assert_false(is_stuck(w, asked, A, told, sizeof told));
  assert_false(ask(w, B, &lock_x, &a));
  asked[B] = &lock_x;
  assert_true(is_stuck(w, asked, A, told, sizeof told));
  assert_string_equal(told, "w#2 waits in acquire at x.lua:2 for lock#2, which only w#3 can release");
  assert_true(is_stuck(w, asked, MAIN, told, sizeof told));
  assert_string_equal(told, "main waits in join at x.lua:1 for w#2");
  lock_x.deadline_ns = 100;
  assert_false(is_stuck(w, asked, A, told, sizeof told));
  world_free(w);
}

static void test_look_condition(void **state) {
  (void)state;
  struct object_ref c, l;
  char told[200];
  for (int merge = 0; merge < 2; merge++) {
    struct world *w = with_condition(merge, &c, &l);
    struct answer a;
    struct request wait = REQUEST(OP_CONDITION_WAIT, c, ), lock = REQUEST(OP_LOCK_ACQUIRE, l, );
    const struct request *asked[] = {NULL, &wait, NULL, NULL};
    assert_int_equal(rc_of(w, A, lock), 0);
    assert_false(ask(w, A, &wait, &a));
    is_stuck(w, asked, A, told, sizeof told);
    assert_non_null(strstr(told, "in wait at"));
    assert_int_equal(rc_of(w, B, lock), 0);
    assert_int_equal(RC(w, B, OP_CONDITION_NOTIFY, c, .count = 1), 0);
    go(w, A, &wait, &a);
    is_stuck(w, asked, A, told, sizeof told);
    assert_non_null(strstr(told, "in acquire at"));
    world_free(w);
  }
}

/* Nobody puts: main joins the consumers, which wait for items; a pipe and a select, too. */
static void test_look_queue(void **state) {
  (void)state;
  struct world *w = plain(0);
  struct answer a;
  char told[200];
  struct object_ref q = make(w, MAIN, (struct request){.kind = OP_QUEUE_NEW});
  struct request new = {.kind = OP_PIPE_NEW};
  assert_true(ask(w, MAIN, &new, &a));
  struct object_ref end = a.made;
  for (int i = 0; i < 3; i++)
    make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN, .name = "w"});
  struct request get = REQUEST(OP_QUEUE_GET, q, ), recv = REQUEST(OP_PIPE_RECV, end, );
  struct request join = REQUEST(OP_PROCESS_JOIN, process(A), );
  struct request select = {.kind = OP_SELECT, .subs = &get, .sub_count = 1, FOREVER};
  const struct request *asked[] = {&join, &get, &recv, &select};
  for (uint32_t i = A; i <= C; i++)
    assert_false(ask(w, i, asked[i], &a));
  asked[MAIN] = NULL;
  assert_false(is_stuck(w, asked, A, told, sizeof told));
  asked[MAIN] = &join;
  assert_false(ask(w, MAIN, &join, &a));
  for (uint32_t i = MAIN; i <= C; i++)
    assert_true(is_stuck(w, asked, i, told, sizeof told));
  world_free(w);
}

/* -- saved and loaded -------------------------------------------------------------------------- */

static uint64_t seed;
static uint64_t below(uint64_t n) {
  seed += UINT64_C(0x9e3779b97f4a7c15);
  uint64_t x = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (x ^ (x >> 31)) % n;
}

enum { MADE = 14 };
static const enum op_kind makers[MADE] = {
    OP_LOCK_NEW,    OP_SEMAPHORE_NEW, OP_EVENT_NEW, OP_CONDITION_NEW, OP_BARRIER_NEW, OP_VALUE_NEW,
    OP_DICT_NEW,    OP_PROGRESS_NEW,  OP_QUEUE_NEW, OP_PIPE_NEW,      OP_LOCK_NEW,
    OP_LATCH_NEW,   OP_RWLOCK_NEW,    OP_ARRAY_NEW};

struct walk {
  struct world *w, *copy;
  struct object_ref objects[MADE + 1]; /* both ends of the pipe */
  struct request asked[PROCESSES];
  struct request subs[PROCESSES][3];
  bool busy[PROCESSES];
  bool ended[PROCESSES];
};

static struct object_ref any_object(const struct walk *k, enum object_type type) {
  for (uint64_t at = below(MADE + 1);; at = (at + 1) % (MADE + 1))
    if (k->objects[at].type == (uint32_t)type)
      return k->objects[at];
}

static struct request draw(struct walk *k, bool for_select);

/* A random op on one of the objects, with all that any op might want. */
static struct request draw_kind(struct walk *k, enum op_kind kind) {
  const struct op_description *d = op_describe(kind);
  struct request r = {.kind = kind, .wants_out = true, .number = (int)below(2)};
  r.deadline_ns = below(3) ? SBX_FOREVER : world_now(k->w) + (int64_t)below(5);
  r.count = below(3);
  r.data = large();
  r.len = below(2) ? below(6) : 500;
  r.value.kind = below(2) ? NUMBER_INTEGER : NUMBER_NONE;
  r.value.i = (int64_t)below(3);
  r.has_value = true;
  r.expected = r.value;
  r.expected_data = large();
  r.expected_len = r.len;
  r.key = (const uint8_t *)"abcd";
  r.key_len = (uint32_t)below(3);
  r.none = below(4) == 0;
  if (d->type == OBJECT_PROCESS)
    r.object = process((uint32_t)below(PROCESSES));
  else if (d->type != OBJECT_NONE && d->type != OBJECT_CLOCK)
    r.object = any_object(k, d->type);
  if (kind == OP_QUEUE_PUT || kind == OP_PIPE_SEND || kind == OP_DICT_SET || kind == OP_VALUE_SET) {
    r.refs = &k->objects[below(MADE + 1)];
    r.ref_count = below(3) == 0;
  }
  return r;
}

static bool is_drawn(enum op_kind kind, bool for_select) {
  switch (kind) {
  case OP_NONE:
  case OP_PROCESS_SPAWN:
  case OP_PROCESS_SIGNAL:
  case OP_PROCESS_AWAIT:
  case OP_PROCESS_END:
  case OP_FAILURE_NEW:
  case OP_HANDLE_EXPORT:
  case OP_HANDLE_FETCH:
  case OP_HANDLE_IMPORT:
  case OP_HANDLE_LAND:
  case OP_HANDLE_RELEASE:
    return false;
  case OP_SELECT:
    return !for_select;
  default:
    for (int i = 0; i < MADE; i++)
      if (makers[i] == kind)
        return false;
    return !for_select || op_describe(kind)->blocks;
  }
}

static struct request draw(struct walk *k, bool for_select) {
  enum op_kind kind;
  do
    kind = (enum op_kind)below(OP_COUNT);
  while (!is_drawn(kind, for_select));
  return draw_kind(k, kind);
}

/* The condition's lock is often wanted first. */
static struct request draw_for(struct walk *k, uint32_t i) {
  struct request r = draw(k, false);
  if (below(6) == 0)
    r = draw_kind(k, below(2) ? OP_LOCK_ACQUIRE : OP_LOCK_RELEASE);
  if (below(8) == 0)
    r = draw_kind(k, below(2) ? OP_CONDITION_WAIT : OP_CONDITION_NOTIFY);
  if (r.kind == OP_SELECT) {
    r.sub_count = (uint32_t)below(4);
    r.subs = k->subs[i];
    for (uint32_t n = 0; n < r.sub_count; n++)
      k->subs[i][n] = draw(k, true);
  }
  return r;
}

static void expect_same_answers(const struct answer *a, const struct answer *b) {
  struct answer x = *a, y = *b;
  assert_int_equal(x.out.len, y.out.len);
  assert_int_equal(x.refs.len, y.refs.len);
  if (x.out.len)
    assert_memory_equal(x.out.data, y.out.data, x.out.len);
  if (x.refs.len)
    assert_memory_equal(x.refs.data, y.refs.data, x.refs.len);
  x.out = y.out = x.refs = y.refs = (struct buf){0};
  x.item = y.item = 0; /* a saved world counts items from the first that is not done */
  assert_memory_equal(&x, &y, sizeof x);
}

/* The copy is made anew from the bytes of the world, and has the same bytes. */
static void copy_world(struct walk *k) {
  struct buf one = {0}, two = {0};
  assert_int_equal(world_save(k->w, &one), 0);
  assert_int_equal(world_load(k->copy, one.data, one.len), 0);
  assert_int_equal(world_save(k->copy, &two), 0);
  assert_int_equal(one.len, two.len);
  assert_memory_equal(one.data, two.data, one.len);
  if (one.len) /* and one byte less is none */
    assert_int_equal(world_load(k->copy, one.data, one.len - 1), -SBX_EDATA);
  assert_int_equal(world_load(k->copy, one.data, one.len), 0);
  buf_release(&one);
  buf_release(&two);
}

/* Two items in a queue, whatever there was before. */
static void queue_states_do_not_count_what_is_gone(void **state) {
  (void)state;
  for (int forgets = 0; forgets < 2; forgets++) {
    struct buf saved[2] = {{0}};
    for (int rounds = 0; rounds < 2; rounds++) {
      const struct world_options wo = {.forgets_done = forgets};
      struct world *w = NULL;
      struct answer a;
      assert_int_equal(world_new(&wo, &w), 0);
      struct request make = {.kind = OP_QUEUE_NEW}, put = {.kind = OP_QUEUE_PUT};
      assert_int_equal(world_step(w, 0, &make, &a), 0);
      put.object = a.made;
      struct request get = {.kind = OP_QUEUE_GET, .object = a.made};
      for (int i = 0; i < 2 + rounds; i++) {
        assert_int_equal(world_step(w, 0, &put, &a), 0);
        answer_release(&a);
      }
      for (int i = 0; i < rounds; i++) {
        assert_int_equal(world_step(w, 0, &get, &a), 0);
        answer_release(&a);
      }
      assert_int_equal(world_save(w, &saved[rounds]), 0);
      world_free(w);
    }
    bool same =
        saved[0].len == saved[1].len && memcmp(saved[0].data, saved[1].data, saved[0].len) == 0;
    assert_int_equal(same, forgets); /* else one item is not done */
    buf_release(&saved[0]);
    buf_release(&saved[1]);
  }
}

static void compare_worlds(struct walk *k) {
  struct buf one = {0}, two = {0};
  assert_int_equal(world_save(k->w, &one), 0);
  assert_int_equal(world_save(k->copy, &two), 0);
  assert_int_equal(one.len, two.len);
  assert_memory_equal(one.data, two.data, one.len);
  buf_release(&one);
  buf_release(&two);
}

static void move(struct walk *k, uint32_t i) {
  struct answer a, b;
  const struct request *r = &k->asked[i];
  if (!k->busy[i]) {
    k->asked[i] = draw_for(k, i);
    assert_int_equal(world_ask(k->w, i, r), 0);
    assert_int_equal(world_ask(k->copy, i, r), 0);
    k->busy[i] = true;
  }
  enum world_can can = world_can(k->w, i, r);
  assert_int_equal(world_can(k->copy, i, r), can);
  bool cancel = below(20) == 0;
  if (can == WORLD_WAITS && !cancel)
    return;
  int rc = cancel ? world_cancel(k->w, i, r, &a) : world_step(k->w, i, r, &a);
  assert_int_equal(cancel ? world_cancel(k->copy, i, r, &b) : world_step(k->copy, i, r, &b), rc);
  assert_in_range(rc, 0, WORLD_GOES_ON);
  expect_same_answers(&a, &b);
  release(&a);
  release(&b);
  k->busy[i] = rc == WORLD_GOES_ON;
}

static void do_both(struct walk *k, uint32_t i, struct request r) {
  struct answer a, b;
  assert_int_equal(world_step(k->w, i, &r, &a), 0);
  assert_int_equal(world_step(k->copy, i, &r, &b), 0);
  expect_same_answers(&a, &b);
  release(&a);
  release(&b);
}

static void happen(struct walk *k) {
  uint32_t i = 1 + (uint32_t)below(PROCESSES - 1);
  switch (below(60)) {
  case 0:
    world_exit(k->w, i, 0, SIGNAL_KILL);
    world_exit(k->copy, i, 0, SIGNAL_KILL);
    k->ended[i] = true;
    break;
  case 1:
    if (k->busy[i] || k->ended[i] ||
        world_can(k->w, i, &(struct request){.kind = OP_PROCESS_END}) == WORLD_WAITS)
      break;
    do_both(k, i, (struct request){.kind = OP_PROCESS_END, .exit_code = (int)below(2)});
    world_exit(k->w, i, 0, 0);
    world_exit(k->copy, i, 0, 0);
    k->ended[i] = true;
    break;
  case 2:
    if (!k->busy[MAIN])
      do_both(k, MAIN,
              REQUEST(OP_PROCESS_SIGNAL, process(i),
                      .number = below(2) ? SIGNAL_PAUSE : SIGNAL_RESUME));
    break;
  default:
    if (below(4) == 0) {
      int64_t then = world_now(k->w) + (int64_t)below(3);
      world_advance(k->w, then);
      world_advance(k->copy, then);
    }
  }
}

static void walk(uint64_t number) {
  const struct world_options o = {.seed = number, .merge_relock = number % 2};
  struct walk k = {.w = world_with(&o, 0), .copy = world_with(&o, 0)};
  seed = number;
  for (int i = 0; i < MADE; i++) {
    struct answer a;
    struct request r = {.kind = makers[i], .sync = {.count = 1 + below(2), .recursive = below(2)}};
    r.max = below(3);
    if (makers[i] == OP_CONDITION_NEW)
      r.lock = k.objects[0];
    assert_true(ask(k.w, MAIN, &r, &a));
    k.objects[i] = a.made;
    if (makers[i] == OP_PIPE_NEW)
      k.objects[MADE] = a.made_too;
  }
  for (int i = 1; i < PROCESSES; i++)
    make(k.w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN, .name = "w"});
  for (int n = 0; n < 300; n++) {
    uint32_t i = (uint32_t)below(PROCESSES);
    copy_world(&k);
    if (!k.ended[i])
      move(&k, i);
    happen(&k);
    compare_worlds(&k);
  }
  world_free(k.w);
  world_free(k.copy);
}

static void test_walks(void **state) {
  (void)state;
  for (uint64_t number = 1; number <= 300; number++)
    walk(number);
}

/* However it came about, an equal world is equal bytes. */
static void test_equal_bytes(void **state) {
  (void)state;
  struct buf first = {0};
  for (int way = 0; way < 2; way++) {
    struct world *w = plain(0);
    struct answer a;
    struct object_ref l = make(w, MAIN, (struct request){.kind = OP_LOCK_NEW});
    struct object_ref e = make(w, MAIN, (struct request){.kind = OP_EVENT_NEW});
    for (int i = 0; i < 3; i++)
      make(w, MAIN, (struct request){.kind = OP_PROCESS_SPAWN});
    struct request acquire = REQUEST(OP_LOCK_ACQUIRE, l, ), wait = REQUEST(OP_EVENT_WAIT, e, );
    if (way == 1) { /* tickets are used up */
      assert_false(ask(w, C, &wait, &a));
      assert_int_equal(RC(w, MAIN, OP_EVENT_SET, e, ), 0);
      assert_true(go(w, C, &wait, &a));
      assert_int_equal(RC(w, MAIN, OP_EVENT_CLEAR, e, ), 0);
    }
    assert_int_equal(RC(w, MAIN, OP_LOCK_ACQUIRE, l, ), 0);
    uint32_t one = way ? B : A, other = way ? A : B;
    assert_false(ask(w, one, &acquire, &a));
    assert_false(ask(w, other, &acquire, &a));
    assert_false(ask(w, C, &wait, &a));
    struct buf bytes = {0};
    assert_int_equal(world_save(w, &bytes), 0);
    if (way == 0) {
      first = bytes;
    } else {
      assert_int_equal(bytes.len, first.len);
      assert_memory_equal(bytes.data, first.data, first.len);
      buf_release(&bytes);
    }
    world_free(w);
  }
  buf_release(&first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dining),
      cmocka_unit_test(test_inversion),
      cmocka_unit_test(test_lost_update),
      cmocka_unit_test(test_empty_then_get),
      cmocka_unit_test(test_pulse),
      cmocka_unit_test(test_barrier_rounds),
      cmocka_unit_test(test_lock),
      cmocka_unit_test(test_timeout),
      cmocka_unit_test(test_semaphore),
      cmocka_unit_test(test_event),
      cmocka_unit_test(test_condition),
      cmocka_unit_test(test_condition_interrupted),
      cmocka_unit_test(test_condition_merged),
      cmocka_unit_test(test_condition_late),
      cmocka_unit_test(test_barrier),
      cmocka_unit_test(test_barrier_timeout),
      cmocka_unit_test(test_value),
      cmocka_unit_test(test_dict),
      cmocka_unit_test(test_queue),
      cmocka_unit_test(test_pipe),
      cmocka_unit_test(test_select),
      cmocka_unit_test(test_join),
      cmocka_unit_test(test_task_failures),
      cmocka_unit_test(test_signals),
      cmocka_unit_test(test_await),
      cmocka_unit_test(test_family),
      cmocka_unit_test(test_stored),
      cmocka_unit_test(test_stored_result),
      cmocka_unit_test(test_look),
      cmocka_unit_test(test_look_condition),
      cmocka_unit_test(test_look_queue),
      cmocka_unit_test(queue_states_do_not_count_what_is_gone),
      cmocka_unit_test(test_walks),
      cmocka_unit_test(test_equal_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
