/*
 * tests/unit/test_sync.c - the machines of the synchronisation objects, alone and against real
 * processes.
 *
 * Alone: each does what its header says, in a world that the test makes up. Against processes:
 * random ops by workers, some of which wait and some of which are killed; after every step what
 * they were told must be what the machine says.
 */
#include "support/os_world.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "object/barrier.h"
#include "object/condition.h"
#include "object/event.h"
#include "object/latch.h"
#include "object/array.h"
#include "object/lock.h"
#include "object/number.h"
#include "object/progress.h"
#include "object/rwlock.h"
#include "object/semaphore.h"
#include "object/value.h"
#include "os/shared/line.h"
#include "os/sync/sync.h"

/* -- a world that is made up ------------------------------------------------------------------- */

enum { PEOPLE = 6 };

struct person {
  uint64_t who, ticket; /* ticket 0: not in line */
  bool gone;
  bool second; /* it stands in the second line */
};

struct made_up {
  struct person people[PEOPLE];
  struct person *acting;
  uint64_t newest;
  bool outsiders;
};

static bool made_up_gone(void *ctx, uint64_t who) {
  const struct made_up *m = ctx;
  for (int i = 0; i < PEOPLE; i++)
    if (m->people[i].who == who)
      return m->people[i].gone;
  return true; /* somebody whose place another has now */
}

static uint64_t made_up_nth(void *ctx, uint64_t after, uint64_t n) {
  const struct made_up *m = ctx;
  uint64_t last = 0;
  while (n-- > 0) {
    uint64_t next = 0;
    for (int i = 0; i < PEOPLE; i++) {
      uint64_t t = m->people[i].gone ? 0 : m->people[i].ticket;
      if (t > after && (next == 0 || t < next))
        next = t;
    }
    if (next == 0)
      break;
    last = after = next;
  }
  return last;
}

static uint64_t made_up_count(void *ctx, uint64_t after) {
  const struct made_up *m = ctx;
  uint64_t n = 0;
  for (int i = 0; i < PEOPLE; i++)
    n += !m->people[i].gone && m->people[i].ticket > after;
  return n;
}

static uint64_t made_up_first(void *ctx, bool second) {
  const struct made_up *m = ctx;
  uint64_t first = 0;
  for (int i = 0; i < PEOPLE; i++) {
    uint64_t t = m->people[i].gone || m->people[i].second != second ? 0 : m->people[i].ticket;
    if (t && (first == 0 || t < first))
      first = t;
  }
  return first;
}

static uint64_t made_up_newest(void *ctx) { return ((struct made_up *)ctx)->newest; }

static uint64_t made_up_enter(void *ctx) {
  struct made_up *m = ctx;
  return m->acting->ticket = ++m->newest;
}

static bool made_up_outsiders(void *ctx) { return ((struct made_up *)ctx)->outsiders; }

static const struct sync_world_ops made_up_ops = {.gone = made_up_gone,
                                                  .nth = made_up_nth,
                                                  .count = made_up_count,
                                                  .first = made_up_first,
                                                  .newest = made_up_newest,
                                                  .enter = made_up_enter,
                                                  .outsiders = made_up_outsiders};

/* An object in this world. */
struct model {
  const struct sync_machine *machine;
  uint64_t s[SYNC_WORDS];
  struct made_up world;
};

static struct model model_new(const struct sync_options *o) {
  struct model m = {.machine = sync_machine_of(o->type),
                    .world = {.newest = 100, .outsiders = true}};
  m.machine->init(m.s, o);
  for (int i = 0; i < PEOPLE; i++)
    m.world.people[i].who = who_of((uint32_t)i, (uint64_t)i + 1);
  return m;
}

static struct sync_world world_of(struct model *m) {
  return (struct sync_world){.ops = &made_up_ops, .ctx = &m->world};
}

static struct sync_step step_of(struct model *m, int person, enum op_kind kind, uint64_t count) {
  struct person *p = &m->world.people[person];
  m->world.acting = p;
  return (struct sync_step){
      .kind = kind, .who = p->who, .ticket = p->ticket, .patient = true, .count = count};
}

static bool can(struct model *m, int person, enum op_kind kind) {
  struct sync_world w = world_of(m);
  struct sync_step step = step_of(m, person, kind, 0);
  return m->machine->enabled(m->s, &step, &w);
}

/* Perform an op that is enabled. */
static int act_with(struct model *m, struct sync_step *step) {
  struct sync_world w = world_of(m);
  uint64_t next[SYNC_WORDS], n = m->machine->words(m->s);
  assert_true(n <= SYNC_WORDS);
  assert_true(m->machine->enabled(m->s, step, &w));
  memset(next, 0xee, sizeof next); /* what lies beyond the words in use is anything */
  memcpy(next, m->s, n * sizeof *next);
  int rc = m->machine->apply(next, step, &w);
  if (rc >= 0 && rc != SYNC_SAME)
    memcpy(m->s, next, m->machine->words(next) * sizeof *next);
  return rc ? rc : step->result;
}

static int act(struct model *m, int person, enum op_kind kind, uint64_t count) {
  struct sync_step step = step_of(m, person, kind, count);
  return act_with(m, &step);
}

static void wait_in_line(struct model *m, int person) {
  m->world.people[person].ticket = ++m->world.newest;
}
static void go(struct model *m, int person) { m->world.people[person].ticket = 0; }

/* -- machines ---------------------------------------------------------------------------------- */

static void a_lock_has_one_owner(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_LOCK});
  assert_int_equal(act(&m, 0, OP_LOCK_RELEASE, 0), -SBX_ENOTHELD);
  assert_int_equal(act(&m, 0, OP_LOCK_ACQUIRE, 0), 0);
  assert_false(can(&m, 1, OP_LOCK_ACQUIRE));
  assert_int_equal(act(&m, 1, OP_LOCK_RELEASE, 0), -SBX_ENOTHELD);
  assert_int_equal(act(&m, 0, OP_LOCK_ACQUIRE, 0), -SBX_EHELD);
  struct sync_world w = world_of(&m);
  struct sync_step step = step_of(&m, 0, OP_LOCK_ACQUIRE, 0);
  step.patient = false; /* with a deadline it may wait for itself */
  assert_false(m.machine->enabled(m.s, &step, &w));
  assert_int_equal(act(&m, 0, OP_LOCK_RELEASE, 0), 0);
  step = step_of(&m, 1, OP_LOCK_ACQUIRE, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_false(step.abandoned);
  m.world.people[1].gone = true;
  step = step_of(&m, 2, OP_LOCK_ACQUIRE, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_true(step.abandoned);
  assert_true(m.machine->leave(m.s, &step, END_OF_CODE));
  assert_false(m.machine->leave(m.s, &step, END_WELL));
  step = step_of(&m, 0, OP_LOCK_ACQUIRE, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_true(step.abandoned);
}

static void a_recursive_lock_counts(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_LOCK, .recursive = true});
  for (int i = 0; i < 3; i++)
    assert_int_equal(act(&m, 0, OP_LOCK_ACQUIRE, 0), 0);
  struct sync_step step =
      step_of(&m, 0, OP_LOCK_RELEASE, UINT64_MAX); /* all levels, and back: as a condition does */
  assert_int_equal(act_with(&m, &step), 0);
  assert_int_equal(step.count, 3);
  assert_int_equal(step.wake, 1);
  assert_int_equal(act(&m, 0, OP_LOCK_ACQUIRE, 3), 0);
  for (int i = 0; i < 3; i++) {
    assert_false(can(&m, 1, OP_LOCK_ACQUIRE));
    assert_int_equal(act(&m, 0, OP_LOCK_RELEASE, 0), 0);
  }
  assert_true(can(&m, 1, OP_LOCK_ACQUIRE));
}

/* No more have units than are away: the dead lose theirs first, then the oldest. */
static void lose_returned(const struct model *m, uint64_t initial, uint64_t there, uint64_t *has) {
  uint64_t away = initial > there ? initial - there : 0, all = 0;
  for (int i = 0; i < PEOPLE; i++)
    all += has[i];
  for (int living = 0; living < 2; living++)
    for (int i = 0; i < PEOPLE; i++)
      while (m->world.people[i].gone != living && has[i] > 0 && all > away) {
        has[i]--;
        all--;
      }
}

/* Said another way: units that are there, that each has, and that those who died had. */
static void a_semaphore_never_has_more_than_at_first_from_the_dead(void **state) {
  (void)state;
  uint64_t seed = 11;
  for (int round = 0; round < 500; round++) {
    uint64_t initial = random_next(&seed) % 5, has[PEOPLE] = {0}, there = initial;
    struct model m = model_new(&(struct sync_options){.type = OBJECT_SEMAPHORE, .count = initial});
    for (int step = 0; step < 60; step++) {
      int p = (int)(random_next(&seed) % PEOPLE);
      uint64_t living = 0, dead = 0;
      for (int i = 0; i < PEOPLE; i++)
        *(m.world.people[i].gone ? &dead : &living) += has[i];
      uint64_t missing = initial > there + living ? initial - there - living : 0;
      uint64_t back = dead < missing ? dead : missing;
      if (m.world.people[p].gone) {
        continue; /* it does nothing any more */
      } else if (random_next(&seed) % 12 == 0) {
        m.world.people[p].gone = true;
      } else if (random_next(&seed) % 3 == 0) {
        uint64_t n = 1 + random_next(&seed) % 2;
        assert_int_equal(act(&m, p, OP_SEMAPHORE_RELEASE, n), 0);
        there += n;
        has[p] -= has[p] < n ? has[p] : n;
      } else {
        assert_int_equal(can(&m, p, OP_SEMAPHORE_ACQUIRE), there > 0 || back > 0);
        if (there == 0 && back == 0)
          continue;
        struct sync_step acquire = step_of(&m, p, OP_SEMAPHORE_ACQUIRE, 0);
        assert_int_equal(act_with(&m, &acquire), 0);
        assert_int_equal(acquire.abandoned, there == 0);
        if (there == 0) {
          there = back;
          for (int i = 0; i < PEOPLE; i++)
            has[i] = m.world.people[i].gone ? 0 : has[i];
        }
        there--;
        has[p]++;
      }
      lose_returned(&m, initial, there, has);
      assert_int_equal(m.s[SEMAPHORE_VALUE], there);
    }
  }
}

/* A unit that another process gives back is away no more, so none comes back a second time; and one
 * that is taken afterwards does, when its holder dies. */
static void a_unit_given_back_by_another_is_nobodys(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_SEMAPHORE, .count = 1});
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(act(&m, 0, OP_SEMAPHORE_ACQUIRE, 0), 0);
    assert_int_equal(act(&m, 1, OP_SEMAPHORE_RELEASE, 1), 0);
    assert_int_equal(m.s[SEMAPHORE_COUNT], 0);
  }
  assert_int_equal(act(&m, 2, OP_SEMAPHORE_ACQUIRE, 0), 0);
  assert_false(can(&m, 1, OP_SEMAPHORE_ACQUIRE));
  m.world.people[2].gone = true;
  assert_true(can(&m, 1, OP_SEMAPHORE_ACQUIRE));
  struct model signal = model_new(&(struct sync_options){.type = OBJECT_SEMAPHORE});
  assert_int_equal(act(&signal, 0, OP_SEMAPHORE_RELEASE, 1), 0);
  assert_int_equal(act(&signal, 1, OP_SEMAPHORE_ACQUIRE, 0), 0);
  assert_int_equal(signal.s[SEMAPHORE_COUNT], 0);
}

static void a_semaphore_has_limits(void **state) {
  (void)state;
  struct model m =
      model_new(&(struct sync_options){.type = OBJECT_SEMAPHORE, .count = 1, .max = 3});
  assert_int_equal(act(&m, 0, OP_SEMAPHORE_RELEASE, 3), -SBX_EOVER);
  assert_int_equal(act(&m, 0, OP_SEMAPHORE_RELEASE, 2), 0);
  assert_int_equal(act(&m, 0, OP_SEMAPHORE_RELEASE, 1), -SBX_EOVER);
  m = model_new(&(struct sync_options){.type = OBJECT_SEMAPHORE, .count = INT64_MAX});
  assert_int_equal(act(&m, 0, OP_SEMAPHORE_RELEASE, 1), -SBX_EOVER);
  m = model_new(&(struct sync_options){.type = OBJECT_SEMAPHORE, .count = 100000});
  for (int i = 0; i < 100000; i++) /* more than can be noted */
    assert_int_equal(act(&m, 0, OP_SEMAPHORE_ACQUIRE, 0), 0);
  assert_int_equal(m.s[SEMAPHORE_COUNT], SEMAPHORE_HOLDERS);
  m.world.people[0].gone = true;
  struct sync_world w = world_of(&m);
  struct sync_info info = {0};
  m.machine->describe(m.s, &w, &info);
  assert_int_equal(info.count, SEMAPHORE_HOLDERS * 255);
}

static struct sync_info told(struct model *m) {
  struct sync_world w = world_of(m);
  struct sync_info info = {0};
  m->machine->describe(m->s, &w, &info);
  return info;
}

static void progress_counts_until_it_is_closed(void **state) {
  (void)state;
  const uint64_t back = (uint64_t)-3, most = PROGRESS_MOST;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_PROGRESS, .max = 7});
  assert_int_equal(told(&m).max, 7);
  assert_int_equal(act(&m, 0, OP_PROGRESS_ADD, 2), 0);
  assert_int_equal(act(&m, 1, OP_PROGRESS_ADD, 9), 0); /* beyond the total */
  assert_int_equal(told(&m).count, 11);
  assert_int_equal(act(&m, 1, OP_PROGRESS_ADD, back), 0);
  assert_int_equal(told(&m).count, 8);
  assert_int_equal(act(&m, 2, OP_PROGRESS_SET, 2), 0);
  assert_int_equal(act(&m, 0, OP_PROGRESS_ADD, back), 0); /* not below 0 */
  assert_int_equal(told(&m).count, 0);
  assert_int_equal(act(&m, 0, OP_PROGRESS_ADD, (uint64_t)INT64_MIN), 0);
  assert_int_equal(told(&m).count, 0);
  assert_int_equal(act(&m, 0, OP_PROGRESS_SET, UINT64_MAX), 0);
  assert_int_equal(told(&m).count, most);
  assert_int_equal(act(&m, 0, OP_PROGRESS_ADD, INT64_MAX), 0); /* nor above the most */
  assert_int_equal(told(&m).count, most);
  assert_int_equal(act(&m, 0, OP_PROGRESS_SET, 5), 0);
  assert_false(told(&m).set);
  assert_int_equal(act(&m, 0, OP_PROGRESS_CLOSE, 0), 0);
  assert_int_equal(act(&m, 1, OP_PROGRESS_CLOSE, 0), SYNC_SAME);
  assert_int_equal(act(&m, 1, OP_PROGRESS_ADD, 1), -SBX_ECLOSED);
  assert_int_equal(act(&m, 1, OP_PROGRESS_SET, 1), -SBX_ECLOSED);
  assert_true(told(&m).set);
  assert_int_equal(told(&m).count, 5);
}

static void progress_is_closed_with_its_maker(void **state) {
  (void)state;
  struct model m = model_new(
      &(struct sync_options){.type = OBJECT_PROGRESS, .max = PROGRESS_ENDLESS, .maker = who_of(2, 3)});
  struct sync_step other = step_of(&m, 1, OP_PROGRESS_ADD, 0), maker = step_of(&m, 2, OP_PROGRESS_ADD, 0);
  assert_int_equal(act(&m, 1, OP_PROGRESS_ADD, 4), 0);
  assert_false(m.machine->leave(m.s, &other, END_FAILED)); /* others may come and go */
  assert_false(told(&m).set);
  struct model killed = m;
  killed.world.people[2].gone = true;
  assert_true(told(&killed).set);
  assert_int_equal(act(&killed, 1, OP_PROGRESS_ADD, 1), -SBX_ECLOSED);
  assert_true(m.machine->leave(m.s, &maker, END_OF_CODE));
  assert_false(m.machine->leave(m.s, &maker, END_WELL)); /* once */
  assert_true(told(&m).set);
  assert_int_equal(act(&m, 1, OP_PROGRESS_SET, 1), -SBX_ECLOSED);
  assert_int_equal(told(&m).count, 4);
}

static void an_event_lets_go_who_waited_when_it_was_set(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_EVENT});
  assert_false(can(&m, 0, OP_EVENT_WAIT));
  wait_in_line(&m, 0);
  assert_false(can(&m, 0, OP_EVENT_WAIT));
  act(&m, 1, OP_EVENT_SET, 0);
  act(&m, 1, OP_EVENT_CLEAR, 0);
  assert_true(can(&m, 0, OP_EVENT_WAIT));
  assert_false(can(&m, 2, OP_EVENT_WAIT));
  wait_in_line(&m, 2);
  assert_false(can(&m, 2, OP_EVENT_WAIT));
}

/* Person i asks, and has to wait. */
static void line_up(struct model *m, int i, enum op_kind kind) {
  assert_false(can(m, i, kind));
  m->world.people[i].ticket = ++m->world.newest;
  m->world.people[i].second = kind == OP_RWLOCK_WRITE;
}

static void readers_and_writers_are_let_in_as_they_came(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_RWLOCK});
  assert_int_equal(act(&m, 0, OP_RWLOCK_READ, 0), 0);
  assert_int_equal(act(&m, 1, OP_RWLOCK_READ, 0), 0);
  assert_int_equal(act(&m, 0, OP_RWLOCK_WRITE, 0), -SBX_ERWLOCK);
  line_up(&m, 2, OP_RWLOCK_WRITE);
  line_up(&m, 3, OP_RWLOCK_READ); /* behind the writer, though others read */
  line_up(&m, 4, OP_RWLOCK_WRITE);
  line_up(&m, 5, OP_RWLOCK_READ);
  assert_int_equal(act(&m, 0, OP_RWLOCK_READ, 0), 0); /* it reads already */
  assert_int_equal(act(&m, 0, OP_RWLOCK_RELEASE, 0), 0);
  assert_int_equal(act(&m, 0, OP_RWLOCK_RELEASE, 0), 0);
  assert_int_equal(act(&m, 0, OP_RWLOCK_RELEASE, 0), -SBX_ENOTHELD);
  assert_false(can(&m, 2, OP_RWLOCK_WRITE));
  assert_int_equal(act(&m, 1, OP_RWLOCK_RELEASE, 0), 0);
  assert_true(can(&m, 2, OP_RWLOCK_WRITE));
  assert_false(can(&m, 3, OP_RWLOCK_READ) || can(&m, 4, OP_RWLOCK_WRITE) || can(&m, 5, OP_RWLOCK_READ));
  assert_false(can(&m, 0, OP_RWLOCK_READ)); /* it is free, but others wait */
  assert_int_equal(act(&m, 2, OP_RWLOCK_WRITE, 0), 0);
  go(&m, 2);
  assert_int_equal(act(&m, 2, OP_RWLOCK_READ, 0), -SBX_ERWLOCK);
  assert_false(can(&m, 3, OP_RWLOCK_READ));
  m.world.people[2].gone = true; /* in the middle of its work */
  assert_true(can(&m, 3, OP_RWLOCK_READ));
  assert_false(can(&m, 4, OP_RWLOCK_WRITE) || can(&m, 5, OP_RWLOCK_READ));
  m.world.people[4].gone = true; /* the writer between the readers: those join */
  assert_true(can(&m, 5, OP_RWLOCK_READ));
}

static void an_rwlock_tells_of_a_writer_that_died_until_another_had_it(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_RWLOCK});
  struct sync_step step = step_of(&m, 0, OP_RWLOCK_READ, 0);
  assert_int_equal(act(&m, 5, OP_RWLOCK_READ, 0), 0);
  m.world.people[5].gone = true; /* a reader changes nothing */
  assert_int_equal(act(&m, 4, OP_RWLOCK_WRITE, 0), 0);
  m.world.people[4].gone = true;
  for (int i = 0; i < 3; i++) {
    step = step_of(&m, i, OP_RWLOCK_READ, 0);
    assert_int_equal(act_with(&m, &step), 0);
    assert_true(step.abandoned);
    assert_int_equal(act(&m, i, OP_RWLOCK_RELEASE, 0), 0);
  }
  step = step_of(&m, 1, OP_RWLOCK_WRITE, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_true(step.abandoned);
  assert_int_equal(act(&m, 1, OP_RWLOCK_RELEASE, 0), 0);
  step = step_of(&m, 2, OP_RWLOCK_WRITE, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_false(step.abandoned);
}

static void only_so_many_read_at_a_time(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_RWLOCK});
  struct sync_world w = world_of(&m);
  m.world.people[5].gone = true;
  assert_int_equal(act(&m, 5, OP_RWLOCK_READ, 0), 0);
  for (int i = 1; i < RWLOCK_READERS; i++) /* that there are not so many people does not matter to it */
    m.s[RWLOCK_FIRST + m.s[RWLOCK_COUNT]++] = m.world.people[i % 4].who << 8 | 1;
  assert_true(can(&m, 4, OP_RWLOCK_READ)); /* one is gone */
  assert_int_equal(act(&m, 4, OP_RWLOCK_READ, 0), 0);
  m.world.people[5] = (struct person){.who = 12345};
  struct sync_step step = step_of(&m, 5, OP_RWLOCK_READ, 0);
  assert_false(rwlock_machine.enabled(m.s, &step, &w));
  assert_int_equal(act(&m, 4, OP_RWLOCK_RELEASE, 0), 0);
  assert_true(rwlock_machine.enabled(m.s, &step, &w));
}

static void a_latch_opens_once(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_LATCH, .count = 3});
  assert_false(can(&m, 0, OP_LATCH_WAIT));
  assert_int_equal(act(&m, 1, OP_LATCH_DOWN, 0), SYNC_SAME);
  assert_int_equal(act(&m, 1, OP_LATCH_DOWN, 2), 0);
  assert_false(can(&m, 0, OP_LATCH_WAIT));
  assert_int_equal(act(&m, 2, OP_LATCH_DOWN, 5), 0); /* not below 0 */
  assert_int_equal(m.s[LATCH_COUNT], 0);
  assert_true(can(&m, 0, OP_LATCH_WAIT) && can(&m, 3, OP_LATCH_WAIT));
  assert_int_equal(act(&m, 2, OP_LATCH_DOWN, 1), SYNC_SAME);
  assert_int_equal(act(&m, 0, OP_LATCH_WAIT, 0), SYNC_SAME);
}

/* An op on element `at` of an array of so many, which brings `n`. */
static int on_array(struct model *m, enum op_kind kind, uint64_t at, int many, struct number n) {
  struct sync_step step = step_of(m, 0, kind, 0);
  struct value_args args = {.number = n};
  struct op op = {.kind = kind, .count = at, .number = many, .value = &args};
  step.op = &op;
  return act_with(m, &step);
}

static const struct number one = {.kind = NUMBER_INTEGER, .i = 1}, half = {.kind = NUMBER_FLOAT, .f = 0.5};

static void an_array_has_bounds_and_a_kind(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_ARRAY, .count = 3});
  struct model f = model_new(&(struct sync_options){.type = OBJECT_ARRAY, .count = 3, .floats = true});
  const enum op_kind kinds[] = {OP_ARRAY_GET, OP_ARRAY_SET, OP_ARRAY_ADD, OP_ARRAY_CAS};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(on_array(&m, kinds[i], 1, 0, one), SYNC_SAME);
    assert_int_equal(on_array(&m, kinds[i], 3, 0, one), SYNC_SAME);
    assert_int_equal(on_array(&m, kinds[i], 0, 0, one), -SBX_EBOUNDS);
    assert_int_equal(on_array(&m, kinds[i], 4, 0, one), -SBX_EBOUNDS);
    assert_int_equal(on_array(&m, kinds[i], UINT64_MAX, 0, one), -SBX_EBOUNDS);
    assert_int_equal(on_array(&m, kinds[i], 1, 0, half), i ? -SBX_EWHOLE : SYNC_SAME);
    assert_int_equal(on_array(&f, kinds[i], 1, 0, half), SYNC_SAME);
  }
  assert_int_equal(on_array(&m, OP_ARRAY_FILL, 0, 0, one), SYNC_SAME);
  assert_int_equal(on_array(&m, OP_ARRAY_FILL, 0, 0, half), -SBX_EWHOLE);
  assert_int_equal(on_array(&m, OP_ARRAY_COPY, 1, 3, one), SYNC_SAME);
  assert_int_equal(on_array(&m, OP_ARRAY_COPY, 2, 3, one), -SBX_EBOUNDS);
  assert_int_equal(on_array(&m, OP_ARRAY_COPY, 4, 0, one), SYNC_SAME);
  assert_int_equal(on_array(&m, OP_ARRAY_COPY, 5, 0, one), -SBX_EBOUNDS);
  assert_int_equal(on_array(&m, OP_ARRAY_COPY, 0, 1, one), -SBX_EBOUNDS);
  assert_int_equal(on_array(&m, OP_ARRAY_COPY, 1, -1, one), -SBX_EBOUNDS);
  for (int e = 0; e < 3; e++) { /* at the ends of the integers */
    const double ends[] = {0x1p63, -0x1p63 - 2048, NAN};
    assert_int_equal(on_array(&m, OP_ARRAY_SET, 1, 0, (struct number){.kind = NUMBER_FLOAT, .f = ends[e]}), -SBX_EWHOLE);
  }
  assert_int_equal(on_array(&m, OP_ARRAY_SET, 1, 0, (struct number){.kind = NUMBER_FLOAT, .f = -0x1p63}), SYNC_SAME);
}

static void an_element_changes_as_lua_counts(void **state) {
  (void)state;
  struct model f = model_new(&(struct sync_options){.type = OBJECT_ARRAY, .count = 1, .floats = true});
  struct value_args args = {.number = half, .expected = one};
  struct op op = {.kind = OP_ARRAY_ADD, .count = 1, .value = &args};
  struct array_answer a;
  uint64_t bits = array_change(f.s, &op, number_bits(&half), &a);
  assert_true(a.number.kind == NUMBER_FLOAT && a.number.f == 1.0 && bits == number_bits(&a.number));
  op.kind = OP_ARRAY_CAS; /* the integer 1 is the float 1.0 */
  assert_true(array_change(f.s, &op, bits, &a) == number_bits(&half) && a.same);
  assert_true(array_change(f.s, &op, number_bits(&half), &a) == number_bits(&half) && !a.same && a.number.f == 0.5);
  op.kind = OP_ARRAY_GET;
  assert_true(array_change(f.s, &op, bits, &a) == bits && a.number.f == 1.0);
}

static void a_notification_goes_to_the_living_in_order(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_CONDITION});
  assert_int_equal(act(&m, 5, OP_CONDITION_NOTIFY, 3), 0); /* nobody: lost */
  for (int i = 0; i < 5; i++)
    assert_int_equal(act(&m, i, OP_CONDITION_WAIT, 0), SYNC_ENTERED);
  m.world.people[0].gone = true;
  go(&m, 2); /* it gave up */
  assert_int_equal(act(&m, 5, OP_CONDITION_NOTIFY, 2), 0);
  assert_true(can(&m, 1, OP_CONDITION_WAIT) && can(&m, 3, OP_CONDITION_WAIT));
  assert_false(can(&m, 4, OP_CONDITION_WAIT));
  assert_int_equal(act(&m, 5, OP_CONDITION_NOTIFY, 1),
                   0); /* 1 and 3 did not look yet, and count no more */
  assert_true(can(&m, 4, OP_CONDITION_WAIT));
  assert_int_equal(act(&m, 1, OP_CONDITION_WAIT, 0), 0);
}

static void a_barrier_lets_all_go_or_breaks(void **state) {
  (void)state;
  struct sync_options o = {.type = OBJECT_BARRIER, .count = 3};
  struct model m = model_new(&o);
  struct sync_step step;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 2; i++) {
      step = step_of(&m, i, OP_BARRIER_WAIT, 0);
      assert_int_equal(act_with(&m, &step), SYNC_ENTERED);
      assert_int_equal(step.count, i + 1);
      assert_false(can(&m, i, OP_BARRIER_WAIT));
    }
    step = step_of(&m, 2, OP_BARRIER_WAIT, 0);
    assert_int_equal(act_with(&m, &step), 0);
    assert_int_equal(step.count, 3);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(act(&m, i, OP_BARRIER_WAIT, 0), 0);
      go(&m, i);
    }
  }
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  m.world.people[0].gone = true; /* a party that waits */
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
  assert_int_equal(act(&m, 2, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
  assert_int_equal(act(&m, 2, OP_BARRIER_RESET, 0), 0);
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  m.world.people[2].gone = true; /* one who took part before */
  assert_true(can(&m, 1, OP_BARRIER_WAIT));
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
  go(&m, 1);
  assert_int_equal(act(&m, 1, OP_BARRIER_RESET, 0), 0);
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  assert_false(can(&m, 1, OP_BARRIER_WAIT));
  m.world.outsiders = false; /* nobody is left */
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
}

static void a_barrier_waits_for_a_party_that_is_slow_to_leave_its_round(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_BARRIER, .count = 3});
  for (int i = 0; i < 2; i++)
    assert_int_equal(act(&m, i, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  assert_int_equal(act(&m, 2, OP_BARRIER_WAIT, 0), 0);
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), 0); /* it looks; the other one sleeps on */
  go(&m, 1);
  for (int i = 1; i < 3; i++)
    assert_int_equal(act(&m, i, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  m.world.outsiders = false; /* all are in the line */
  assert_false(can(&m, 1, OP_BARRIER_WAIT));
  go(&m, 0); /* and does not come again */
  assert_true(can(&m, 1, OP_BARRIER_WAIT));
}

/* Whoever is slow to look is told what became of his round, whatever happened since. */
static void a_barrier_waits_for_its_action(void **state) {
  (void)state;
  struct sync_options o = {.type = OBJECT_BARRIER, .count = 2, .action = true};
  struct model m = model_new(&o);
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  struct sync_step step = step_of(&m, 1, OP_BARRIER_WAIT, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_int_equal(step.count, 0); /* it is to act */
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), -SBX_EACTING);
  assert_false(can(&m, 0, OP_BARRIER_WAIT));
  assert_int_equal(act(&m, 0, OP_BARRIER_PASS, 0), -SBX_EBROKEN); /* it is not the actor */
  assert_int_equal(act(&m, 2, OP_BARRIER_WAIT, 0), SYNC_ENTERED); /* the next round */
  step = step_of(&m, 3, OP_BARRIER_WAIT, 0);
  assert_int_equal(act_with(&m, &step), SYNC_ENTERED); /* it is complete */
  step = step_of(&m, 1, OP_BARRIER_PASS, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_int_equal(step.count, 0); /* and needs the action, too */
  assert_true(can(&m, 0, OP_BARRIER_WAIT));
  assert_false(can(&m, 2, OP_BARRIER_WAIT) || can(&m, 3, OP_BARRIER_WAIT));
  m.world.people[1].gone = true; /* in the middle of it */
  assert_int_equal(act(&m, 2, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
  step = step_of(&m, 3, OP_BARRIER_WAIT, 0);
  assert_int_equal(act_with(&m, &step), -SBX_EBROKEN);
}

static void a_slow_party_of_a_barrier_is_told_of_its_own_round(void **state) {
  (void)state;
  struct sync_options o = {.type = OBJECT_BARRIER, .count = 2};
  struct model m = model_new(&o);
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), SYNC_ENTERED); /* released */
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), 0);
  assert_int_equal(act(&m, 2, OP_BARRIER_WAIT, 0), SYNC_ENTERED); /* broken */
  assert_int_equal(act(&m, 1, OP_BARRIER_ABORT, 0), 0);
  assert_int_equal(act(&m, 1, OP_BARRIER_RESET, 0), 0);
  assert_int_equal(act(&m, 3, OP_BARRIER_WAIT, 0), SYNC_ENTERED); /* released */
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), 0);
  assert_int_equal(act(&m, 4, OP_BARRIER_WAIT, 0), SYNC_ENTERED); /* waits */
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), 0);
  assert_int_equal(act(&m, 2, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
  assert_int_equal(act(&m, 3, OP_BARRIER_WAIT, 0), 0);
  assert_false(can(&m, 4, OP_BARRIER_WAIT));
  struct sync_step late = step_of(&m, 2, OP_BARRIER_WAIT, 0);
  struct sync_world w = world_of(&m);
  assert_false(m.machine->give_up(m.s, &late, &w)); /* decided long ago: it breaks nothing */
  assert_false(can(&m, 4, OP_BARRIER_WAIT));
  struct sync_step tired = step_of(&m, 4, OP_BARRIER_WAIT, 0);
  assert_true(m.machine->give_up(m.s, &tired, &w));
  assert_int_equal(m.s[BARRIER_BROKEN], 1);
}

static void a_slow_party_of_a_broken_round_is_told_though_another_broke_since(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_BARRIER, .count = 2});
  for (int i = 0; i < 3; i++) {
    assert_int_equal(act(&m, i, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
    assert_int_equal(act(&m, 5, OP_BARRIER_ABORT, 0), 0);
    assert_int_equal(act(&m, 5, OP_BARRIER_RESET, 0), 0);
  }
  for (int i = 0; i < 3; i++)
    assert_int_equal(act(&m, i, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
}

/* The process ends by itself. Returns how many it wakes. */
static uint64_t leave(struct model *m, int person, enum sync_end how) {
  struct sync_step step = step_of(m, person, OP_NONE, 0);
  if (!m->machine->leave(m->s, &step, how))
    assert_int_equal(step.wake, 0);
  return step.wake;
}

static void whoever_leaves_a_barrier_well_breaks_nothing(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_BARRIER, .count = 2});
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), 0);
  go(&m, 0);
  assert_int_equal(leave(&m, 1, END_OF_CODE), 0);
  assert_int_equal(leave(&m, 1, END_WELL), 0);
  m.world.people[1].gone = true;
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  assert_false(can(&m, 0, OP_BARRIER_WAIT));
  assert_int_equal(leave(&m, 2, END_FAILED), 0); /* it has never been there */
  assert_int_equal(act(&m, 2, OP_BARRIER_WAIT, 0), 0);
  go(&m, 0);
  assert_int_equal(leave(&m, 2, END_OF_CODE), 0);
  assert_int_equal(leave(&m, 2, END_FAILED), SYNC_ALL); /* before it is known to be gone */
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
}

static void whoever_leaves_in_the_middle_of_an_action_breaks_its_round(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_BARRIER, .count = 2, .action = true});
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), SYNC_ENTERED);
  assert_int_equal(act(&m, 1, OP_BARRIER_WAIT, 0), 0);
  assert_int_equal(leave(&m, 1, END_OF_CODE), SYNC_ALL);
  assert_int_equal(act(&m, 1, OP_BARRIER_PASS, 0), -SBX_EBROKEN);
  assert_int_equal(act(&m, 0, OP_BARRIER_WAIT, 0), -SBX_EBROKEN);
}

/* At the end of its code, though it is not gone yet: it may have to wait for its children. */
static void whoever_leaves_an_rwlock_lets_others_in(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_RWLOCK});
  for (int i = 0; i < 3; i++)
    assert_int_equal(act(&m, 0, OP_RWLOCK_READ, 0), 0);
  assert_false(can(&m, 1, OP_RWLOCK_WRITE));
  assert_int_equal(leave(&m, 0, END_OF_CODE), SYNC_ALL);
  assert_int_equal(leave(&m, 0, END_WELL), 0);
  struct sync_step step = step_of(&m, 1, OP_RWLOCK_WRITE, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_false(step.abandoned); /* a reader leaves nothing unfinished */
  assert_int_equal(leave(&m, 1, END_OF_CODE), SYNC_ALL);
  step = step_of(&m, 0, OP_RWLOCK_READ, 0);
  assert_int_equal(act_with(&m, &step), 0);
  assert_true(step.abandoned);
}

static void whoever_fails_with_units_gives_them_back(void **state) {
  (void)state;
  for (int fails = 0; fails < 2; fails++) {
    struct model m = model_new(&(struct sync_options){.type = OBJECT_SEMAPHORE, .count = 2});
    for (int i = 0; i < 2; i++)
      assert_int_equal(act(&m, 0, OP_SEMAPHORE_ACQUIRE, 0), 0);
    assert_int_equal(leave(&m, 0, END_OF_CODE), 0);
    assert_false(can(&m, 1, OP_SEMAPHORE_ACQUIRE));
    assert_int_equal(leave(&m, 0, fails ? END_FAILED : END_WELL), fails ? 2 : 0);
    assert_int_equal(can(&m, 1, OP_SEMAPHORE_ACQUIRE), fails); /* before it is known to be gone */
    m.world.people[0].gone = true;
    assert_int_equal(can(&m, 1, OP_SEMAPHORE_ACQUIRE), fails);
  }
}

static void an_updater_that_leaves_lets_others_in(void **state) {
  (void)state;
  static const enum object_type types[] = {OBJECT_VALUE, OBJECT_DICT};
  static const enum op_kind updates[] = {OP_VALUE_UPDATE, OP_DICT_UPDATE};
  for (int i = 0; i < 2; i++) {
    struct model m = model_new(&(struct sync_options){.type = types[i]});
    assert_int_equal(act(&m, 0, updates[i], 0), 0);
    assert_int_equal(leave(&m, 1, END_OF_CODE), 0);
    assert_false(can(&m, 1, updates[i]));
    assert_int_equal(leave(&m, 0, END_OF_CODE), 1);
    assert_true(can(&m, 1, updates[i]));
  }
}

static void values_compare_as_lua_does(void **state) {
  (void)state;
  static const struct {
    struct number a, b;
    bool same;
  } rows[] = {
      {{NUMBER_INTEGER, 1, 0}, {NUMBER_FLOAT, 0, 1.0}, true},
      {{NUMBER_INTEGER, 9007199254740993, 0}, {NUMBER_FLOAT, 0, 9007199254740992.0}, false},
      {{NUMBER_INTEGER, INT64_MAX, 0}, {NUMBER_FLOAT, 0, 0x1p63}, false},
      {{NUMBER_INTEGER, INT64_MIN, 0}, {NUMBER_FLOAT, 0, -0x1p63}, true},
      {{NUMBER_FLOAT, 0, 0.0}, {NUMBER_FLOAT, 0, -0.0}, true},
      {{NUMBER_FLOAT, 0, 1.5}, {NUMBER_INTEGER, 1, 0}, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct model m = model_new(&(struct sync_options){.type = OBJECT_VALUE});
    struct value_args args = {.number = rows[i].a, .expected = rows[i].b};
    struct op op = {.kind = OP_VALUE_SET, .value = &args};
    struct sync_step step = step_of(&m, 0, OP_VALUE_SET, 0);
    step.op = &op;
    assert_int_equal(act_with(&m, &step), 0);
    assert_int_equal(value_equals(m.s, &args, false), rows[i].same);
    assert_int_equal(value_equals(m.s, &args, true), number_is(&rows[i].a, &rows[i].b));
  }
}

static void whoever_waits_for_a_change_holds_up_nobody(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_VALUE});
  struct value_args args = {.number = {.kind = NUMBER_INTEGER, .i = 5}, .same = true};
  struct op op = {.value = &args};
  struct sync_world w = world_of(&m);
  struct sync_step wait = step_of(&m, 0, OP_VALUE_AWAIT, 0), set = step_of(&m, 1, OP_VALUE_SET, 0);
  wait.op = set.op = &op;
  assert_false(value_machine.enabled(m.s, &wait, &w));
  assert_true(sync_is_second(&value_machine, OP_VALUE_AWAIT) && !sync_is_second(&value_machine, OP_VALUE_SET));
  assert_true(sync_passes_line(&value_machine, m.s, &wait));
  assert_int_equal(act_with(&m, &set), 0);
  assert_int_equal(set.wake_second, (uint64_t)SYNC_ALL);
  args.same = false; /* the world has compared */
  assert_true(value_machine.enabled(m.s, &wait, &w));
  struct sync_step update = step_of(&m, 0, OP_VALUE_UPDATE, 0);
  update.op = &op;
  assert_int_equal(act_with(&m, &update), 0);
  assert_int_equal(act_with(&m, &wait), -SBX_EUPDATING); /* it would wait for itself */
  wait.who++;
  wait.op = NULL; /* a report */
  assert_false(value_machine.enabled(m.s, &wait, &w));
}

static void only_the_updater_changes_a_value(void **state) {
  (void)state;
  struct model m = model_new(&(struct sync_options){.type = OBJECT_VALUE});
  struct value_args args = {.number = {NUMBER_INTEGER, 7, 0}};
  struct op op = {.value = &args};
  struct sync_step step = step_of(&m, 0, OP_VALUE_UPDATE, 0);
  step.op = &op;
  assert_int_equal(act_with(&m, &step), 0);
  assert_int_equal(act(&m, 0, OP_VALUE_UPDATE, 0), -SBX_EUPDATING);
  assert_false(can(&m, 1, OP_VALUE_SET) || can(&m, 1, OP_VALUE_UPDATE) || can(&m, 1, OP_VALUE_ADD));
  assert_true(can(&m, 1, OP_VALUE_GET));
  assert_int_equal(act(&m, 1, OP_VALUE_KEEP, 0), -SBX_ENOTHELD);
  step.kind = OP_VALUE_SET;
  assert_int_equal(act_with(&m, &step), -SBX_EUPDATING);
  step.kind = OP_VALUE_REPLACE;
  assert_int_equal(act_with(&m, &step), 0);
  assert_true(can(&m, 1, OP_VALUE_SET));
  assert_int_equal(act(&m, 1, OP_VALUE_UPDATE, 0), 0);
  m.world.people[1].gone = true;
  step = step_of(&m, 2, OP_VALUE_ADD, 0);
  step.op = &op;
  assert_int_equal(act_with(&m, &step), 0);
  assert_int_equal(args.number.i, 14);
}

/* -- against real processes -------------------------------------------------------------------- */

struct command {
  enum op_kind kind;
  int64_t deadline_ns;
  uint64_t count;
};

struct reply {
  int rc;
  uint64_t count;
  bool abandoned;
};

struct worker {
  struct object *process;
  int command[2], reply[2];
  bool busy; /* a command is under way, and was not answered */
  struct command now;
  struct sync_step step; /* of it */
};

static struct object *shared_object;

static int obey(void *arg) {
  const struct worker *w = arg;
  struct command c;
  while (read(w->command[0], &c, sizeof c) == sizeof c) {
    struct op op = {
        .kind = c.kind, .object = shared_object, .deadline_ns = c.deadline_ns, .count = c.count};
    struct reply r = {.rc = perform(&the_backend->base, &op)};
    r.count = op.count;
    r.abandoned = op.abandoned;
    CHECK_EQ(write(w->reply[1], &r, sizeof r), sizeof r);
  }
  return 0;
}

static void worker_start(struct worker *w, struct person *p) {
  CHECK_EQ(pipe2(w->command, O_CLOEXEC), 0);
  CHECK_EQ(pipe2(w->reply, O_CLOEXEC), 0);
  w->process = spawn_process(obey, w);
  w->busy = false;
  *p = (struct person){.who = who_of(w->process->slot, w->process->serial)};
}

static void worker_kill(struct worker *w, struct person *p) {
  kill_process(w->process);
  for (int i = 0; i < 2; i++) {
    close(w->command[i]);
    close(w->reply[i]);
  }
  p->gone = true;
  p->ticket = 0;
}

/* Has a worker that was told to wait fallen asleep in line, or answered? */
static bool settled(const struct worker *w) {
  struct pollfd fd = {.fd = w->reply[0], .events = POLLIN};
  return poll(&fd, 1, 0) > 0 ||
         (atomic_load(&record_of_process(w->process)->op_kind) == w->now.kind &&
          atomic_load(&record_of_process(w->process)->line_ticket) &&
          state_of_pid(pid_of(w->process)) == 'S');
}

static struct reply read_reply(struct worker *w) {
  struct reply r;
  CHECK_EQ(read(w->reply[0], &r, sizeof r), sizeof r);
  w->busy = false;
  return r;
}

/* One step of a worker's op in the model: done, SYNC_ENTERED, or it cannot be done: -SBX_ETIMEDOUT.
 */
static int model_look(struct model *m, int i, struct sync_step *step, bool last) {
  struct sync_world w = world_of(m);
  m->world.acting = &m->world.people[i];
  step->ticket = m->world.people[i].ticket;
  step->wake = step->wake_after = 0;
  if (m->machine->enabled(m->s, step, &w))
    return act_with(m, step);
  if (last) {
    m->world.people[i].ticket = 0;
    if (m->machine->give_up)
      m->machine->give_up(m->s, step, &w);
  } else if (step->ticket == 0) {
    m->world.people[i].ticket = ++m->world.newest;
  }
  return -SBX_ETIMEDOUT;
}

static void check_reply(const struct reply *r, int rc, const struct sync_step *step) {
  CHECK_EQ(r->rc, rc);
  CHECK_EQ(r->count, step->count);
  CHECK_EQ(r->abandoned, step->abandoned);
}

static bool enabled_now(struct model *m, int i, const struct worker *w) {
  struct sync_world world = world_of(m);
  struct sync_step step = w->step;
  step.ticket = m->world.people[i].ticket;
  return w->busy && m->machine->enabled(m->s, &step, &world);
}

/* As long as the machine says that some of those who wait can go on, one of them must; and be told
 * what it says. */
static void let_go(struct model *m, struct worker *workers, int n) {
  for (;;) {
    struct pollfd fds[PEOPLE];
    int ready = 0;
    for (int i = 0; i < n; i++) {
      bool can_go = enabled_now(m, i, &workers[i]);
      fds[i] = (struct pollfd){.fd = can_go ? workers[i].reply[0] : -1, .events = POLLIN};
      ready += can_go;
    }
    if (ready == 0)
      return;
    CHECK(poll(fds, (nfds_t)n, 20000) > 0);
    for (int i = 0; i < n; i++)
      if (fds[i].revents) {
        struct reply r = read_reply(&workers[i]);
        int rc = model_look(m, i, &workers[i].step, false);
        check_reply(&r, rc, &workers[i].step);
        m->world.people[i].ticket = 0;
        break;
      }
  }
}

static void order(struct model *m, struct worker *w, int i, struct command c) {
  w->busy = true;
  w->now = c;
  w->step = (struct sync_step){.kind = c.kind,
                               .who = m->world.people[i].who,
                               .patient = c.deadline_ns == SBX_FOREVER,
                               .count = c.count};
  bool last = c.deadline_ns == 0;
  CHECK_EQ(write(w->command[1], &c, sizeof c), sizeof c);
  int rc = model_look(m, i, &w->step, last);
  if (rc == SYNC_ENTERED && last)
    rc = model_look(m, i, &w->step, true);
  if (rc == SYNC_ENTERED || (rc == -SBX_ETIMEDOUT && !last)) {
    while (!settled(w))
      usleep(50);
    return;
  }
  struct reply r = read_reply(w);
  check_reply(&r, rc, &w->step);
  m->world.people[i].ticket = 0;
}

struct scene {
  struct sync_options options;
  struct {
    enum op_kind kind;
    unsigned chance;
    bool waits;
    uint64_t counts;
  } ops[5];
};

static struct command random_command(const struct scene *scene, uint64_t *seed) {
  unsigned sum = 0, i = 0;
  for (int k = 0; k < 5; k++)
    sum += scene->ops[k].chance;
  unsigned drawn = (unsigned)(random_next(seed) % sum);
  while (drawn >= scene->ops[i].chance)
    drawn -= scene->ops[i++].chance;
  struct command c = {.kind = scene->ops[i].kind, .deadline_ns = SBX_FOREVER};
  if (scene->ops[i].waits && random_next(seed) % 3 == 0)
    c.deadline_ns = 0;
  if (scene->ops[i].counts)
    c.count = 1 + random_next(seed) % scene->ops[i].counts;
  return c;
}

static void play(const struct scene *scene, uint64_t seed) {
  enum { WORKERS = 4, STEPS = 150 };
  struct model m = model_new(&scene->options);
  struct worker workers[WORKERS];
  int kills = 0;
  CHECK_EQ(op_sync_new(&the_backend->base, &scene->options, &shared_object),
           0);
  for (int i = 0; i < PEOPLE; i++)
    m.world.people[i].gone = true;
  for (int i = 0; i < WORKERS; i++)
    worker_start(&workers[i], &m.world.people[i]);
  for (int step = 0; step < STEPS; step++) {
    int i = (int)(random_next(&seed) % WORKERS);
    if (random_next(&seed) % 25 == 0) {
      worker_kill(&workers[i], &m.world.people[i]);
      workers[i].busy = false;
      let_go(&m, workers, WORKERS);
      worker_start(&workers[i], &m.world.people[i]);
      kills++;
    } else if (!workers[i].busy) {
      order(&m, &workers[i], i, random_command(scene, &seed));
    }
    let_go(&m, workers, WORKERS);
  }
  for (int i = 0; i < WORKERS; i++)
    worker_kill(&workers[i], &m.world.people[i]);
  release_object(shared_object);
  CHECK(kills > 0);
}

static const struct scene scenes[] = {
    {{.type = OBJECT_LOCK}, {{OP_LOCK_ACQUIRE, 3, true, 0}, {OP_LOCK_RELEASE, 3, false, 0}}},
    {{.type = OBJECT_LOCK, .recursive = true},
     {{OP_LOCK_ACQUIRE, 2, true, 3}, {OP_LOCK_RELEASE, 3, false, 3}}},
    {{.type = OBJECT_SEMAPHORE, .count = 2, .max = 4},
     {{OP_SEMAPHORE_ACQUIRE, 3, true, 0}, {OP_SEMAPHORE_RELEASE, 2, false, 2}}},
    {{.type = OBJECT_EVENT},
     {{OP_EVENT_WAIT, 4, true, 0}, {OP_EVENT_SET, 1, false, 0}, {OP_EVENT_CLEAR, 2, false, 0}}},
    {{.type = OBJECT_BARRIER, .count = 3},
     {{OP_BARRIER_WAIT, 8, true, 0},
      {OP_BARRIER_RESET, 2, false, 0},
      {OP_BARRIER_ABORT, 1, false, 0}}},
    {{.type = OBJECT_LATCH, .count = 300}, {{OP_LATCH_WAIT, 4, true, 0}, {OP_LATCH_DOWN, 4, false, 5}}},
};

#define PLAY(name, index)                                                                          \
  TEST_ON_STAGE(name, 60) {                                                                        \
    os_world_new();                                                                                   \
    for (uint64_t seed = 1; seed <= 8; seed++)                                                     \
      play(&scenes[index], seed);                                                                  \
  }

PLAY(real_locks_agree_with_the_machine, 0)
PLAY(real_rlocks_agree_with_the_machine, 1)
PLAY(real_semaphores_agree_with_the_machine, 2)
PLAY(real_events_agree_with_the_machine, 3)
PLAY(real_barriers_agree_with_the_machine, 4)
PLAY(real_latches_agree_with_the_machine, 5)

/* -- what is stored ---------------------------------------------------------------------------- */

enum { STORED_BYTES = 100000 };

static struct object *new_of(enum object_type type) {
  struct object *o = NULL;
  CHECK_EQ(op_sync_new(&the_backend->base,
                                            &(struct sync_options){.type = type}, &o),
           0);
  return o;
}

static void set_bytes(struct object *o, uint32_t key, size_t len) {
  struct buf message = {0};
  struct value_args args = {.key = &key, .key_len = sizeof key, .hash = key * 12345};
  item_make(&message, 1, key, len);
  struct op op = {.kind = o->type == OBJECT_VALUE ? OP_VALUE_SET : OP_DICT_SET,
                  .object = o,
                  .deadline_ns = SBX_FOREVER,
                  .data = message.data,
                  .len = message.len,
                  .value = &args};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  buf_release(&message);
}

static struct object *stuffed(enum object_type type) {
  struct object *o = new_of(type);
  for (uint32_t i = 0; i < 20; i++)
    set_bytes(o, i % 7, STORED_BYTES - i * 4000);
  return o;
}

static int64_t blocks_stored(void) {
  struct stat about;
  CHECK_EQ(fstat(the_backend->results, &about), 0);
  return about.st_blocks;
}

TEST_ON_STAGE(what_values_and_dicts_store_goes_back, 30) {
  os_world_new();
  for (int round = 0; round < 20; round++) {
    struct object *value = stuffed(OBJECT_VALUE), *dict = stuffed(OBJECT_DICT);
    CHECK(blocks_stored() * 512 > STORED_BYTES);
    CHECK(the_backend->control->result_bytes > STORED_BYTES);
    release_object(value);
    release_object(dict);
    CHECK_EQ(blocks_stored(), 0);
    CHECK_EQ(the_backend->control->result_bytes, 0);
  }
}

static int stuff_and_die(void *arg) {
  (void)arg;
  stuffed(OBJECT_VALUE);
  stuffed(OBJECT_DICT);
  raise(SIGKILL);
  return 0;
}

/* Nobody holds them, and nobody has said so: their records are used again one day. */
TEST_ON_STAGE(what_the_dead_have_stored_goes_back_when_their_records_are_used_again, 60) {
  os_world_new();
  struct object *p = spawn_process(stuff_and_die, NULL);
  CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
  release_object(p);
  CHECK(blocks_stored() * 512 > STORED_BYTES);
  for (int i = 0; i < 2 * OBJECT_SLOTS; i++)
    release_object(new_of(OBJECT_EVENT));
  CHECK_EQ(blocks_stored(), 0);
  CHECK_EQ(the_backend->control->result_bytes, 0);
}

TEST_ON_STAGE(a_store_that_is_full_is_an_error_and_changes_nothing, 30) {
  os_world_new();
  static const char *const plans[] = {"store.take:0:fail", "store.write:0:fail",
                                      "store.reserve:0:fail", "store.map:0:fail"};
  for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
    struct buf large = {0}, out = {0};
    uint32_t key = 3, producer, seq;
    item_make(&large, 1, key, 1 << 20);
    struct value_args args = {
        .key = &key, .key_len = sizeof key, .hash = key * 12345, .out_refs = &out};
    struct object *objects[] = {stuffed(OBJECT_VALUE), stuffed(OBJECT_DICT)};
    for (int k = 0; k < 2; k++) {
      struct op op = {.kind = k ? OP_DICT_SET : OP_VALUE_SET,
                      .object = objects[k],
                      .deadline_ns = SBX_FOREVER,
                      .data = large.data,
                      .len = large.len,
                      .value = &args};
      fault_plan(plans[i]);
      int rc = perform(&the_backend->base, &op);
      fault_plan(NULL);
      bool concerned = k ? i != 1 : i < 2; /* a value is written, a dict is mapped */
      if (concerned)
        CHECK(rc == -SBX_ESTORE || rc == -SBX_ENOSPC || rc == -SBX_ENOMEM);
      op.kind = k ? OP_DICT_GET : OP_VALUE_GET;
      op.out = &out;
      out.len = 0;
      CHECK_EQ(perform(&the_backend->base, &op), 0);
      item_check(out.data, out.len, &producer, &seq);
      CHECK_EQ(out.len == large.len, !concerned);
      set_bytes(objects[k], key, STORED_BYTES); /* it works again */
      release_object(objects[k]);
    }
    buf_release(&large);
    buf_release(&out);
  }
  CHECK_EQ(blocks_stored(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lock_has_one_owner),
      cmocka_unit_test(a_recursive_lock_counts),
      cmocka_unit_test(a_semaphore_never_has_more_than_at_first_from_the_dead),
      cmocka_unit_test(a_unit_given_back_by_another_is_nobodys),
      cmocka_unit_test(a_semaphore_has_limits),
      cmocka_unit_test(progress_counts_until_it_is_closed),
      cmocka_unit_test(progress_is_closed_with_its_maker),
      cmocka_unit_test(an_event_lets_go_who_waited_when_it_was_set),
      cmocka_unit_test(readers_and_writers_are_let_in_as_they_came),
      cmocka_unit_test(an_rwlock_tells_of_a_writer_that_died_until_another_had_it),
      cmocka_unit_test(only_so_many_read_at_a_time),
      cmocka_unit_test(a_latch_opens_once),
      cmocka_unit_test(an_array_has_bounds_and_a_kind),
      cmocka_unit_test(an_element_changes_as_lua_counts),
      cmocka_unit_test(a_notification_goes_to_the_living_in_order),
      cmocka_unit_test(a_barrier_lets_all_go_or_breaks),
      cmocka_unit_test(a_barrier_waits_for_a_party_that_is_slow_to_leave_its_round),
      cmocka_unit_test(a_barrier_waits_for_its_action),
      cmocka_unit_test(a_slow_party_of_a_barrier_is_told_of_its_own_round),
      cmocka_unit_test(a_slow_party_of_a_broken_round_is_told_though_another_broke_since),
      cmocka_unit_test(whoever_leaves_a_barrier_well_breaks_nothing),
      cmocka_unit_test(whoever_leaves_in_the_middle_of_an_action_breaks_its_round),
      cmocka_unit_test(whoever_leaves_an_rwlock_lets_others_in),
      cmocka_unit_test(whoever_fails_with_units_gives_them_back),
      cmocka_unit_test(an_updater_that_leaves_lets_others_in),
      cmocka_unit_test(values_compare_as_lua_does),
      cmocka_unit_test(whoever_waits_for_a_change_holds_up_nobody),
      cmocka_unit_test(only_the_updater_changes_a_value),
      cmocka_unit_test(real_locks_agree_with_the_machine),
      cmocka_unit_test(real_rlocks_agree_with_the_machine),
      cmocka_unit_test(real_semaphores_agree_with_the_machine),
      cmocka_unit_test(real_events_agree_with_the_machine),
      cmocka_unit_test(real_barriers_agree_with_the_machine),
      cmocka_unit_test(real_latches_agree_with_the_machine),
      cmocka_unit_test(what_values_and_dicts_store_goes_back),
      cmocka_unit_test(what_the_dead_have_stored_goes_back_when_their_records_are_used_again),
      cmocka_unit_test(a_store_that_is_full_is_an_error_and_changes_nothing),
  };
  return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
