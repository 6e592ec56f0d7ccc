/*
 * tests/fault/test_liveness.c - every hand-over and every wake-up of src/os, one by one.
 *
 * Those who wait look again by themselves from time to time, which hides a wake-up that is missing.
 * Here they do not: fault points take these looks out, so that a waiter sleeps until it is woken,
 * and for ever if it is not. No clock is read: a test hangs when its wake-up is taken out, and is
 * ended by its alarm.
 *
 * Often the waiters are stopped, then something is done, and then they are continued: so what is
 * done is over before any of them acts.
 */
#include "support/os_world.h"

#include <signal.h>
#include <sys/mman.h>

#include "object/fair.h"
#include "os/shared/line.h"
#include "os/sync/sync.h"

#define NO_LOOKS "line.slice:0:fail,wait.slice:0:fail" /* but the first, after 2 ms */
#define NOTHING_BUT_WAKE_UPS NO_LOOKS ",line.first-slice:0:fail"

enum { SECONDS = 30, WAITERS = 3 };

/* A test whose processes sleep until they are woken. */
#define LIVENESS_TEST(name)                                                                        \
  static void name##_scene(void);                                                                  \
  TEST_ON_STAGE(name, SECONDS) {                                                                   \
    begin(NOTHING_BUT_WAKE_UPS);                                                                   \
    name##_scene();                                                                                \
  }                                                                                                \
  static void name##_scene(void)

static const char *the_plan; /* of all processes of a test */

static void begin(const char *plan) {
#ifndef SBX_FAULTS
  stage_skip("no fault points in this build");
#endif
  the_plan = plan;
  fault_plan(plan);
  os_world_new();
}

/* -- objects and ops --------------------------------------------------------------------------- */

static struct object *new_sync(const struct sync_options *o) {
  struct object *object = NULL;
  CHECK_EQ(op_sync_new(&the_backend->base, o, &object), 0);
  return object;
}

static struct object *new_object(enum object_type type, uint64_t count) {
  return new_sync(&(struct sync_options){.type = type, .count = count});
}

static struct line *line_of(const struct object *o) {
  return &the_backend->control->syncs[o->slot].line;
}

/* What an op needs besides: buffers for what it reads, a small message that it brings. */
static int act_until(struct object *o, enum op_kind kind, uint64_t count, int64_t deadline_ns) {
  struct buf out = {0}, refs = {0};
  struct value_args args = {.key = "k", .key_len = 1, .hash = 1, .out_refs = &refs};
  if (kind == OP_VALUE_ADD)
    args.number = (struct number){.kind = NUMBER_INTEGER, .i = 1};
  bool awaits = kind == OP_VALUE_AWAIT || kind == OP_DICT_AWAIT; /* something, where nothing is */
  args.expected_data = "nothing like it";
  args.expected_len = awaits ? 0 : 15;
  struct op op = {.kind = kind,
                  .object = o,
                  .deadline_ns = deadline_ns,
                  .data = "item",
                  .len = 4,
                  .out = &out,
                  .count = count,
                  .number = awaits,
                  .value = &args};
  int rc = perform(&the_backend->base, &op);
  buf_release(&out);
  buf_release(&refs);
  return rc;
}

static int act(struct object *o, enum op_kind kind, uint64_t count) {
  return act_until(o, kind, count, SBX_FOREVER);
}

static void do_op(struct object *o, enum op_kind kind) { CHECK_EQ(act(o, kind, 1), 0); }

/* -- waiters ----------------------------------------------------------------------------------- */

struct role {
  struct object *object;
  enum op_kind kind, then; /* `then`: done afterwards; OP_NONE: nothing */
  int result;              /* what the op must return */
  const char *plan;        /* more fault points; NULL: none */
};

static int wait_once(void *arg) {
  const struct role *r = arg;
  char plan[160];
  if (r->plan) {
    snprintf(plan, sizeof plan, "%s,%s", r->plan, the_plan);
    fault_plan(plan);
  }
  CHECK_EQ(act(r->object, r->kind, 0), r->result);
  if (r->then != OP_NONE)
    do_op(r->object, r->then);
  return 0;
}

static struct object *start_role(struct role role) { return spawn_process(wait_once, &role); }

/* It sleeps in the op when this returns. */
static struct object *start_waiter(struct role role) {
  struct object *p = start_role(role);
  await_sleep(p, role.kind);
  return p;
}

static void start_waiters(struct object *ret[WAITERS], struct role role) {
  for (int i = 0; i < WAITERS; i++)
    ret[i] = start_waiter(role);
}

static void stop(const struct object *p) {
  kill(pid_of(p), SIGSTOP);
  await_stopped(pid_of(p));
}

static void stop_all(struct object *ps[WAITERS]) {
  for (int i = 0; i < WAITERS; i++)
    stop(ps[i]);
}

static void resume(const struct object *p) { kill(pid_of(p), SIGCONT); }

static void resume_all(struct object *ps[WAITERS]) {
  for (int i = 0; i < WAITERS; i++)
    resume(ps[i]);
}

static void join_all(struct object *ps[WAITERS]) {
  for (int i = 0; i < WAITERS; i++)
    join_well(ps[i]);
}

/* Three wait; `kind` is done `times` times before any of them acts; all go on. */
static void all_are_woken_by(struct role role, enum op_kind kind, uint64_t count, int times) {
  struct object *ps[WAITERS];
  start_waiters(ps, role);
  stop_all(ps);
  while (times-- > 0)
    CHECK_EQ(act(role.object, kind, count), 0);
  resume_all(ps);
  join_all(ps);
}

/* -- locks ------------------------------------------------------------------------------------- */

LIVENESS_TEST(a_release_wakes_the_first_in_line) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  do_op(lock, OP_LOCK_ACQUIRE);
  struct object *p = start_waiter((struct role){lock, .kind = OP_LOCK_ACQUIRE});
  do_op(lock, OP_LOCK_RELEASE);
  join_well(p);
}

LIVENESS_TEST(each_release_wakes_the_next) {
  struct object *lock = new_object(OBJECT_LOCK, 0), *ps[WAITERS];
  do_op(lock, OP_LOCK_ACQUIRE);
  start_waiters(ps, (struct role){lock, OP_LOCK_ACQUIRE, .then = OP_LOCK_RELEASE});
  do_op(lock, OP_LOCK_RELEASE);
  join_all(ps);
}

LIVENESS_TEST(the_last_release_of_a_recursive_lock_wakes) {
  struct object *lock = new_sync(&(struct sync_options){.type = OBJECT_LOCK, .recursive = true});
  do_op(lock, OP_LOCK_ACQUIRE);
  do_op(lock, OP_LOCK_ACQUIRE);
  struct object *p = start_waiter((struct role){lock, .kind = OP_LOCK_ACQUIRE});
  do_op(lock, OP_LOCK_RELEASE);
  do_op(lock, OP_LOCK_RELEASE);
  join_well(p);
}

static int hold_and_leave(void *arg) {
  const struct role *r = arg;
  CHECK_EQ(act(r->object, r->kind, 0), 0);
  raise(SIGSTOP);
  return r->result;
}

/* It has done its op, and is stopped: continued, it ends with `status`. */
static struct object *start_holder(struct object *o, enum op_kind kind, int status) {
  struct role role = {o, .kind = kind, .result = status};
  struct object *p = spawn_process(hold_and_leave, &role);
  await_stopped(pid_of(p));
  return p;
}

/* Whatever `status` it ends with, those who wait for what it held go on. */
static void wakes_when_it_leaves(struct object *o, enum op_kind hold, int status,
                                 struct role waiter) {
  struct object *holder = start_holder(o, hold, status);
  struct object *p = start_waiter(waiter);
  resume(holder);
  CHECK_EQ(join_process(holder, NULL, SBX_FOREVER), 0);
  release_object(holder);
  join_well(p);
}

LIVENESS_TEST(a_process_that_ends_with_a_lock_wakes_the_next) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  for (int status = 0; status < 2; status++)
    wakes_when_it_leaves(lock, OP_LOCK_ACQUIRE, status,
                         (struct role){lock, OP_LOCK_ACQUIRE, .then = OP_LOCK_RELEASE});
}

/* Its code is at its end, and it waits for a child: it will release nothing any more, so it has let go. */
static struct gate child_may_end;

static int wait_for_the_gate(void *arg) {
  (void)arg;
  gate_wait(child_may_end);
  return 0;
}

static int hold_and_wait_for_a_child(void *arg) {
  const struct role *r = arg;
  release_object(spawn_process(wait_for_the_gate, NULL));
  CHECK_EQ(act(r->object, r->kind, 0), 0);
  CHECK_EQ(op_process_await(&the_backend->base, true), 0);
  return 0;
}

LIVENESS_TEST(a_process_that_waits_for_its_children_has_let_go) {
  static const struct {
    enum object_type type;
    enum op_kind takes, gives;
  } rows[] = {{OBJECT_LOCK, OP_LOCK_ACQUIRE, OP_LOCK_RELEASE},
              {OBJECT_RWLOCK, OP_RWLOCK_WRITE, OP_RWLOCK_RELEASE},
              {OBJECT_VALUE, OP_VALUE_UPDATE, OP_VALUE_KEEP}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    child_may_end = gate_new();
    struct object *o = new_object(rows[i].type, 0);
    struct role role = {o, .kind = rows[i].takes};
    struct object *p = spawn_process(hold_and_wait_for_a_child, &role);
    await_sleep(p, OP_PROCESS_JOIN);
    do_op(o, rows[i].takes);
    do_op(o, rows[i].gives);
    gate_open(child_may_end, 1);
    join_well(p);
  }
}

/*
 * Killed, it wakes nobody; those who wait watch it, from their second look on: they are stopped on
 * the way to their second sleep, in which nothing but its death wakes them.
 */
static void wakes_when_it_is_killed(struct object *o, enum op_kind hold, struct role waiter) {
  struct object *holder = start_holder(o, hold, 0);
  waiter.plan = "sync.before-sleep:2:stop";
  struct object *p = start_role(waiter);
  await_stopped(pid_of(p));
  kill_process(holder);
  resume(p);
  join_well(p);
}

TEST_ON_STAGE(the_death_of_a_holder_wakes, SECONDS) {
  begin(NO_LOOKS);
  struct object *lock = new_object(OBJECT_LOCK, 0);
  wakes_when_it_is_killed(lock, OP_LOCK_ACQUIRE, (struct role){lock, .kind = OP_LOCK_ACQUIRE});
  struct object *semaphore = new_object(OBJECT_SEMAPHORE, 1);
  wakes_when_it_is_killed(semaphore, OP_SEMAPHORE_ACQUIRE,
                          (struct role){semaphore, .kind = OP_SEMAPHORE_ACQUIRE});
  struct object *value = new_object(OBJECT_VALUE, 0);
  wakes_when_it_is_killed(value, OP_VALUE_UPDATE, (struct role){value, .kind = OP_VALUE_SET});
  struct object *dict = new_object(OBJECT_DICT, 0);
  wakes_when_it_is_killed(dict, OP_DICT_UPDATE, (struct role){dict, .kind = OP_DICT_SET});
}

/* -- order ------------------------------------------------------------------------------------- */

/* It waits for a lock, for so long that nobody may overtake it; and keeps it until it is continued.
 */
static struct object *start_old_waiter(struct object *lock) {
  struct role role = {lock, .kind = OP_LOCK_ACQUIRE};
  struct object *p = spawn_process(hold_and_leave, &role);
  await_sleep(p, OP_LOCK_ACQUIRE);
  atomic_store(&record_of_process(p)->line_since_ns, 0);
  return p;
}

static void await_holder(struct object *o, const struct object *p) {
  struct sync_info info;
  do {
    op_sync_look(&the_backend->base, o->type, o, &info);
    usleep(50);
  } while (info.holder != p->serial);
}

static void continue_and_join(struct object *p) {
  await_stopped(pid_of(p));
  resume(p);
  join_well(p);
}

LIVENESS_TEST(nobody_overtakes_a_waiter_that_has_waited_for_long) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  for (int i = 0; i < 50; i++) {
    do_op(lock, OP_LOCK_ACQUIRE); /* abandoned by the one before */
    struct object *p = start_old_waiter(lock);
    do_op(lock, OP_LOCK_RELEASE);
    CHECK_EQ(act_until(lock, OP_LOCK_ACQUIRE, 0, 0), -SBX_ETIMEDOUT);
    continue_and_join(p);
  }
}

LIVENESS_TEST(nobody_waits_for_a_stopped_process_to_go_first) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  do_op(lock, OP_LOCK_ACQUIRE);
  struct object *p = start_old_waiter(lock);
  stop(p);
  do_op(lock, OP_LOCK_RELEASE);
  CHECK_EQ(act_until(lock, OP_LOCK_ACQUIRE, 0, 0), 0);
  do_op(lock, OP_LOCK_RELEASE);
  resume(p);
  await_holder(lock, p);
  continue_and_join(p);
}

LIVENESS_TEST(nobody_overtakes_the_one_behind_a_stopped_process) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  for (int i = 0; i < 20; i++) {
    do_op(lock, OP_LOCK_ACQUIRE); /* abandoned by the one before */
    struct object *first = start_old_waiter(lock), *second = start_old_waiter(lock);
    stop(first);
    do_op(lock, OP_LOCK_RELEASE);
    CHECK_EQ(act_until(lock, OP_LOCK_ACQUIRE, 0, 0), -SBX_ETIMEDOUT);
    await_holder(lock, second);
    resume(first);
    continue_and_join(second);
    continue_and_join(first);
  }
}

/* As if whoever wrote down that it was told had told it in vain. */
LIVENESS_TEST(a_process_that_must_let_another_go_first_wakes_it) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  do_op(lock, OP_LOCK_ACQUIRE);
  struct object *p = start_old_waiter(lock);
  atomic_store(&line_of(lock)->told, atomic_load(&record_of_process(p)->line_ticket));
  do_op(lock, OP_LOCK_RELEASE);
  CHECK_EQ(act_until(lock, OP_LOCK_ACQUIRE, 0, 0), -SBX_ETIMEDOUT);
  continue_and_join(p);
}

LIVENESS_TEST(a_waiter_that_is_told_can_be_told_again) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  do_op(lock, OP_LOCK_ACQUIRE);
  struct object *p = start_waiter((struct role){lock, .kind = OP_LOCK_ACQUIRE});
  for (int i = 0; i < 3; i++) {
    stop(p);
    do_op(lock, OP_LOCK_RELEASE);
    do_op(lock, OP_LOCK_ACQUIRE); /* overtaken: it looks in vain, and sleeps again */
    resume(p);
    while (atomic_load(&line_of(lock)->told))
      usleep(50);
    await_sleep(p, OP_LOCK_ACQUIRE);
  }
  do_op(lock, OP_LOCK_RELEASE);
  join_well(p);
}

/* -- a waiter that is woken and takes nothing -------------------------------------------------- */

/* The first of two is woken, and before it acts `meddle` makes it give up: the second goes on. */
static void passes_on(struct object *o, enum op_kind wait, enum op_kind wake, uint64_t count,
                      int first_returns, int signal) {
  struct object *first = start_waiter((struct role){o, .kind = wait, .result = first_returns});
  struct object *second = start_waiter((struct role){o, .kind = wait});
  stop(first);
  CHECK_EQ(act(o, wake, count), 0);
  kill(pid_of(first), signal);
  resume(first);
  join_well(first);
  join_well(second);
}

LIVENESS_TEST(an_interrupted_waiter_passes_its_wake_up_on) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  do_op(lock, OP_LOCK_ACQUIRE);
  passes_on(lock, OP_LOCK_ACQUIRE, OP_LOCK_RELEASE, 1, -SBX_EINTERRUPTED, SIGINT);
  struct object *semaphore = new_object(OBJECT_SEMAPHORE, 0);
  passes_on(semaphore, OP_SEMAPHORE_ACQUIRE, OP_SEMAPHORE_RELEASE, 1, -SBX_EINTERRUPTED, SIGINT);
  struct object *value = new_object(OBJECT_VALUE, 0);
  do_op(value, OP_VALUE_UPDATE);
  passes_on(value, OP_VALUE_SET, OP_VALUE_KEEP, 1, -SBX_EINTERRUPTED, SIGINT);
}

/* Two units, three who wait, and one of the two that were woken goes without. */
LIVENESS_TEST(of_several_that_are_woken_one_passes_on) {
  struct object *semaphore = new_object(OBJECT_SEMAPHORE, 0), *ps[WAITERS];
  for (int i = 0; i < WAITERS; i++)
    ps[i] = start_waiter((struct role){semaphore, .kind = OP_SEMAPHORE_ACQUIRE,
                                       .result = i == 1 ? -SBX_EINTERRUPTED : 0});
  stop_all(ps);
  CHECK_EQ(act(semaphore, OP_SEMAPHORE_RELEASE, 2), 0);
  kill(pid_of(ps[1]), SIGINT);
  resume_all(ps);
  join_all(ps);
}

static int wait_on_condition(void *arg) {
  const struct role *r = arg;
  do_op(r->object, OP_LOCK_ACQUIRE);
  CHECK_EQ(act(r->object, OP_CONDITION_WAIT, 0), r->result);
  if (r->result == 0)
    do_op(r->object, OP_LOCK_RELEASE);
  return 0;
}

static struct object *start_on_condition(struct object *o, int result) {
  struct role role = {o, .kind = OP_CONDITION_WAIT, .result = result};
  struct object *p = spawn_process(wait_on_condition, &role);
  await_sleep(p, OP_CONDITION_WAIT);
  return p;
}

/* `do_op` of the lock, then of the condition, then of the lock. */
static void notify(struct object *o, uint64_t count) {
  do_op(o, OP_LOCK_ACQUIRE);
  CHECK_EQ(act(o, OP_CONDITION_NOTIFY, count), 0);
  do_op(o, OP_LOCK_RELEASE);
}

LIVENESS_TEST(an_interrupted_waiter_passes_its_notification_on) {
  struct object *condition = new_object(OBJECT_CONDITION, 0);
  struct object *first = start_on_condition(condition, -SBX_EINTERRUPTED);
  struct object *second = start_on_condition(condition, 0);
  stop(first);
  notify(condition, 1);
  kill(pid_of(first), SIGINT);
  resume(first);
  join_well(first);
  join_well(second);
}

/* It is woken by a lock, and takes from a queue instead. */
static int select_queue_or_lock(void *arg) {
  struct object **objects = arg;
  struct buf out = {0};
  struct op subs[2] = {{.kind = OP_QUEUE_GET, .object = objects[0], .out = &out},
                       {.kind = OP_LOCK_ACQUIRE, .object = objects[1]}};
  struct op op = {.kind = OP_SELECT, .deadline_ns = SBX_FOREVER, .subs = subs, .sub_count = 2};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  return op.number;
}

LIVENESS_TEST(a_select_that_takes_something_else_passes_its_wake_up_on) {
  struct object *objects[2] = {new_queue(0, TRANSPORT_AUTO, 0), new_object(OBJECT_LOCK, 0)};
  do_op(objects[1], OP_LOCK_ACQUIRE);
  struct object *first = spawn_process(select_queue_or_lock, objects);
  await_sleep(first, OP_SELECT);
  struct object *second = start_waiter((struct role){objects[1], .kind = OP_LOCK_ACQUIRE});
  stop(first);
  do_op(objects[1], OP_LOCK_RELEASE);
  do_op(objects[0], OP_QUEUE_PUT);
  resume(first);
  join_well(first);
  join_well(second);
}

/* Killed before it acts, it wakes nobody: this is what those in line look again for, not the first
 * time alone. */
TEST_ON_STAGE(those_in_line_look_again_when_the_one_that_was_woken_is_killed, SECONDS) {
  begin("");
  struct object *lock = new_object(OBJECT_LOCK, 0);
  do_op(lock, OP_LOCK_ACQUIRE);
  struct object *first = start_waiter((struct role){lock, .kind = OP_LOCK_ACQUIRE});
  struct object *second =
      start_role((struct role){lock, .kind = OP_LOCK_ACQUIRE, .plan = "sync.before-sleep:2:stop"});
  await_stopped(pid_of(second));
  stop(first);
  do_op(lock, OP_LOCK_RELEASE);
  kill_process(first);
  resume(second);
  join_well(second);
}

LIVENESS_TEST(a_waiter_that_finds_the_line_full_looks_again) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  do_op(lock, OP_LOCK_ACQUIRE);
  struct role role = {lock, .kind = OP_LOCK_ACQUIRE, .plan = "line.full:0:fail"};
  struct object *p = start_role(role);
  while (atomic_load(&record_of_process(p)->op_kind) != OP_LOCK_ACQUIRE)
    usleep(50);
  CHECK_EQ(atomic_load(&line_of(lock)->end), 0);
  do_op(lock, OP_LOCK_RELEASE);
  join_well(p);
}

/* -- semaphores, events, barriers, conditions -------------------------------------------------- */

LIVENESS_TEST(a_release_of_a_semaphore_wakes_as_many_as_it_has_units) {
  struct object *s = new_object(OBJECT_SEMAPHORE, 0);
  struct role role = {s, .kind = OP_SEMAPHORE_ACQUIRE};
  struct object *p = start_waiter(role);
  do_op(s, OP_SEMAPHORE_RELEASE);
  join_well(p);
  all_are_woken_by(role, OP_SEMAPHORE_RELEASE, WAITERS, 1);
  all_are_woken_by(role, OP_SEMAPHORE_RELEASE, WAITERS + 2, 1);
}

LIVENESS_TEST(several_releases_of_a_semaphore_wake_as_many) {
  struct object *s = new_object(OBJECT_SEMAPHORE, 0);
  all_are_woken_by((struct role){s, .kind = OP_SEMAPHORE_ACQUIRE}, OP_SEMAPHORE_RELEASE, 1,
                   WAITERS);
}

LIVENESS_TEST(a_process_that_fails_with_a_unit_wakes) {
  struct object *s = new_object(OBJECT_SEMAPHORE, 1);
  wakes_when_it_leaves(s, OP_SEMAPHORE_ACQUIRE, 1, (struct role){s, .kind = OP_SEMAPHORE_ACQUIRE});
}

LIVENESS_TEST(an_event_wakes_all) {
  struct object *e = new_object(OBJECT_EVENT, 0);
  struct object *p = start_waiter((struct role){e, .kind = OP_EVENT_WAIT});
  do_op(e, OP_EVENT_SET);
  join_well(p);
  do_op(e, OP_EVENT_CLEAR);
  all_are_woken_by((struct role){e, .kind = OP_EVENT_WAIT}, OP_EVENT_SET, 0, 1);
}

LIVENESS_TEST(an_event_wakes_all_though_it_is_cleared_at_once) {
  struct object *e = new_object(OBJECT_EVENT, 0), *ps[WAITERS];
  start_waiters(ps, (struct role){e, .kind = OP_EVENT_WAIT});
  stop_all(ps);
  do_op(e, OP_EVENT_SET);
  do_op(e, OP_EVENT_CLEAR);
  resume_all(ps);
  join_all(ps);
}

static void has_to_wait_for(struct object *w, enum op_kind held, enum op_kind kind, int count) {
  struct object *ps[WAITERS];
  CHECK_EQ(act(w, held, 0), 0);
  for (int i = 0; i < count; i++)
    ps[i] = start_waiter((struct role){w, .kind = kind, .then = OP_RWLOCK_RELEASE});
  do_op(w, OP_RWLOCK_RELEASE);
  for (int i = 0; i < count; i++)
    join_well(ps[i]);
}

LIVENESS_TEST(a_release_lets_in_readers_or_a_writer) {
  struct object *w = new_object(OBJECT_RWLOCK, 0);
  has_to_wait_for(w, OP_RWLOCK_READ, OP_RWLOCK_WRITE, 1);
  has_to_wait_for(w, OP_RWLOCK_WRITE, OP_RWLOCK_READ, WAITERS);
  has_to_wait_for(w, OP_RWLOCK_WRITE, OP_RWLOCK_WRITE, WAITERS);
  has_to_wait_for(w, OP_RWLOCK_READ, OP_RWLOCK_WRITE, WAITERS);
}

/* Readers wait behind a writer, which does not wait any more. */
static int write_or_give_up(void *arg) {
  struct object *w = *(struct object **)arg;
  CHECK_EQ(act_until(w, OP_RWLOCK_WRITE, 0, in_ms(300)), -SBX_ETIMEDOUT);
  return 0;
}

LIVENESS_TEST(a_writer_that_gives_up_lets_in_the_readers_behind_it) {
  struct object *w = new_object(OBJECT_RWLOCK, 0), *ps[WAITERS];
  do_op(w, OP_RWLOCK_READ);
  struct object *writer = spawn_process(write_or_give_up, &w);
  await_sleep(writer, OP_RWLOCK_WRITE);
  start_waiters(ps, (struct role){w, .kind = OP_RWLOCK_READ, .then = OP_RWLOCK_RELEASE});
  join_all(ps);
  join_well(writer);
  do_op(w, OP_RWLOCK_RELEASE);
}

LIVENESS_TEST(a_reader_or_writer_that_leaves_wakes) {
  for (int status = 0; status < 2; status++) {
    struct object *w = new_object(OBJECT_RWLOCK, 0);
    wakes_when_it_leaves(w, OP_RWLOCK_WRITE, status, (struct role){w, .kind = OP_RWLOCK_READ});
    w = new_object(OBJECT_RWLOCK, 0);
    wakes_when_it_leaves(w, OP_RWLOCK_READ, status, (struct role){w, .kind = OP_RWLOCK_WRITE});
  }
}

LIVENESS_TEST(a_latch_that_opens_wakes_all) {
  struct object *l = new_object(OBJECT_LATCH, 1);
  struct object *p = start_waiter((struct role){l, .kind = OP_LATCH_WAIT});
  CHECK_EQ(act(l, OP_LATCH_DOWN, 1), 0);
  join_well(p);
  l = new_object(OBJECT_LATCH, 3);
  all_are_woken_by((struct role){l, .kind = OP_LATCH_WAIT}, OP_LATCH_DOWN, 1, 3);
}

LIVENESS_TEST(the_last_to_arrive_at_a_barrier_wakes_all) {
  struct object *b = new_object(OBJECT_BARRIER, WAITERS + 1);
  all_are_woken_by((struct role){b, .kind = OP_BARRIER_WAIT}, OP_BARRIER_WAIT, 0, 1);
}

LIVENESS_TEST(the_end_of_a_barriers_action_wakes_all) {
  for (int broken = 0; broken < 2; broken++) {
    struct sync_options o = {.type = OBJECT_BARRIER, .count = WAITERS + 1, .action = true};
    struct object *b = new_sync(&o), *ps[WAITERS];
    start_waiters(ps, (struct role){b, .kind = OP_BARRIER_WAIT, .result = broken ? -SBX_EBROKEN : 0});
    CHECK_EQ(act(b, OP_BARRIER_WAIT, 0), 0);
    do_op(b, broken ? OP_BARRIER_ABORT : OP_BARRIER_PASS);
    join_all(ps);
  }
}

LIVENESS_TEST(abort_and_reset_of_a_barrier_wake_all) {
  struct object *b = new_object(OBJECT_BARRIER, WAITERS + 1);
  struct role role = {b, .kind = OP_BARRIER_WAIT, .result = -SBX_EBROKEN};
  all_are_woken_by(role, OP_BARRIER_ABORT, 0, 1);
  do_op(b, OP_BARRIER_RESET);
  all_are_woken_by(role, OP_BARRIER_RESET, 0, 1);
}

LIVENESS_TEST(a_barrier_that_is_given_up_wakes_all) {
  struct object *b = new_object(OBJECT_BARRIER, WAITERS + 2), *ps[WAITERS];
  struct role role = {b, .kind = OP_BARRIER_WAIT, .result = -SBX_EBROKEN};
  start_waiters(ps, role);
  CHECK_EQ(act_until(b, OP_BARRIER_WAIT, 0, in_ms(1)), -SBX_ETIMEDOUT);
  join_all(ps);
  do_op(b, OP_BARRIER_RESET);
  start_waiters(ps, role);
  struct object *p =
      start_waiter((struct role){b, .kind = OP_BARRIER_WAIT, .result = -SBX_EINTERRUPTED});
  kill(pid_of(p), SIGINT);
  join_well(p);
  join_all(ps);
}

/* It has been at the barrier once, and then fails, or is killed, elsewhere. */
LIVENESS_TEST(a_member_of_a_barrier_that_fails_wakes_all) {
  struct object *b = new_object(OBJECT_BARRIER, 2);
  struct role role = {b, .kind = OP_BARRIER_WAIT, .result = 1};
  struct object *member = spawn_process(hold_and_leave, &role);
  await_sleep(member, OP_BARRIER_WAIT);
  do_op(b, OP_BARRIER_WAIT);
  await_stopped(pid_of(member));
  struct object *p =
      start_waiter((struct role){b, .kind = OP_BARRIER_WAIT, .result = -SBX_EBROKEN});
  resume(member);
  CHECK_EQ(join_process(member, NULL, SBX_FOREVER), 0);
  release_object(member);
  join_well(p);
}

TEST_ON_STAGE(the_death_of_a_member_of_a_barrier_wakes, SECONDS) {
  begin(NO_LOOKS);
  struct object *b = new_object(OBJECT_BARRIER, 2);
  struct role role = {b, .kind = OP_BARRIER_WAIT};
  struct object *member = spawn_process(hold_and_leave, &role);
  await_sleep(member, OP_BARRIER_WAIT);
  do_op(b, OP_BARRIER_WAIT);
  await_stopped(pid_of(member));
  struct object *p = start_role((struct role){b, .kind = OP_BARRIER_WAIT, .result = -SBX_EBROKEN,
                                              .plan = "sync.before-sleep:2:stop"});
  await_stopped(pid_of(p));
  kill_process(member);
  resume(p);
  join_well(p);
}

static void are_notified(struct object *o, int times, uint64_t count) {
  struct object *ps[WAITERS];
  for (int i = 0; i < WAITERS; i++)
    ps[i] = start_on_condition(o, 0);
  stop_all(ps);
  while (times-- > 0)
    notify(o, count);
  resume_all(ps);
  join_all(ps);
}

LIVENESS_TEST(notify_wakes_as_many_as_it_says) {
  struct object *condition = new_object(OBJECT_CONDITION, 0);
  struct object *p = start_on_condition(condition, 0);
  notify(condition, 1);
  join_well(p);
  are_notified(condition, 1, WAITERS);
  are_notified(condition, WAITERS, 1);
  are_notified(condition, 1, UINT64_MAX);
}

LIVENESS_TEST(notify_of_two_of_three_leaves_one) {
  struct object *condition = new_object(OBJECT_CONDITION, 0), *ps[WAITERS];
  for (int i = 0; i < WAITERS; i++)
    ps[i] = start_on_condition(condition, 0);
  notify(condition, 2);
  join_well(ps[0]);
  join_well(ps[1]);
  await_sleep(ps[2], OP_CONDITION_WAIT);
  notify(condition, 1);
  join_well(ps[2]);
}

/* -- values and dicts -------------------------------------------------------------------------- */

/* While one updates, others wait, each in `wait`; its end wakes the first, and each the next. */
static void go_on_after_an_update(enum object_type type, enum op_kind begin_it, enum op_kind end_it,
                                  struct role role) {
  struct object *ps[WAITERS];
  role.object = new_object(type, 0);
  do_op(role.object, begin_it);
  start_waiters(ps, role);
  do_op(role.object, end_it);
  join_all(ps);
  release_object(role.object);
}

LIVENESS_TEST(the_end_of_an_update_wakes_those_who_wait_one_by_one) {
  static const enum op_kind ends[2][2] = {{OP_VALUE_REPLACE, OP_VALUE_KEEP},
                                          {OP_DICT_REPLACE, OP_DICT_KEEP}};
  for (int i = 0; i < 2; i++) {
    go_on_after_an_update(OBJECT_VALUE, OP_VALUE_UPDATE, ends[0][i],
                          (struct role){.kind = OP_VALUE_SET});
    go_on_after_an_update(OBJECT_VALUE, OP_VALUE_UPDATE, ends[0][i],
                          (struct role){.kind = OP_VALUE_UPDATE, .then = OP_VALUE_REPLACE});
    go_on_after_an_update(OBJECT_DICT, OP_DICT_UPDATE, ends[1][i],
                          (struct role){.kind = OP_DICT_SET});
    go_on_after_an_update(OBJECT_DICT, OP_DICT_UPDATE, ends[1][i],
                          (struct role){.kind = OP_DICT_UPDATE, .then = OP_DICT_KEEP});
  }
}

LIVENESS_TEST(a_change_wakes_all_who_wait_for_one) {
  all_are_woken_by((struct role){new_object(OBJECT_VALUE, 0), .kind = OP_VALUE_AWAIT}, OP_VALUE_SET,
                   0, 1);
  all_are_woken_by((struct role){new_object(OBJECT_DICT, 0), .kind = OP_DICT_AWAIT}, OP_DICT_SET, 0,
                   1);
  go_on_after_an_update(OBJECT_VALUE, OP_VALUE_UPDATE, OP_VALUE_REPLACE,
                        (struct role){.kind = OP_VALUE_AWAIT});
  go_on_after_an_update(OBJECT_DICT, OP_DICT_UPDATE, OP_DICT_REPLACE,
                        (struct role){.kind = OP_DICT_AWAIT});
}

/* They may have stood there for long before those that update. */
LIVENESS_TEST(those_who_wait_for_a_change_hold_up_nobody_who_makes_one) {
  struct object *value = new_object(OBJECT_VALUE, 0), *watchers[WAITERS], *ps[WAITERS];
  start_waiters(watchers, (struct role){value, .kind = OP_VALUE_AWAIT});
  usleep(2 * FAIR_WAIT_NS / 1000);
  do_op(value, OP_VALUE_UPDATE);
  start_waiters(ps, (struct role){value, .kind = OP_VALUE_UPDATE, .then = OP_VALUE_KEEP});
  do_op(value, OP_VALUE_KEEP);
  join_all(ps);
  do_op(value, OP_VALUE_SET);
  join_all(watchers);
}

/* What changes nothing, or fails, lets the next go on, too. */
LIVENESS_TEST(a_change_that_does_not_come_about_wakes_the_next) {
  go_on_after_an_update(OBJECT_VALUE, OP_VALUE_UPDATE, OP_VALUE_REPLACE,
                        (struct role){.kind = OP_VALUE_CAS});
  go_on_after_an_update(OBJECT_VALUE, OP_VALUE_UPDATE, OP_VALUE_REPLACE,
                        (struct role){.kind = OP_VALUE_ADD, .result = -SBX_ENUMBER});
}

LIVENESS_TEST(a_process_that_ends_in_its_update_wakes) {
  for (int status = 0; status < 2; status++) {
    struct object *value = new_object(OBJECT_VALUE, 0), *dict = new_object(OBJECT_DICT, 0);
    wakes_when_it_leaves(value, OP_VALUE_UPDATE, status,
                         (struct role){value, .kind = OP_VALUE_SET});
    wakes_when_it_leaves(dict, OP_DICT_UPDATE, status, (struct role){dict, .kind = OP_DICT_SET});
  }
}

/* -- between the look and the sleep ------------------------------------------------------------ */

static void is_woken_at(const char *plan) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  do_op(lock, OP_LOCK_ACQUIRE);
  struct object *p = start_role((struct role){lock, .kind = OP_LOCK_ACQUIRE, .plan = plan});
  await_stopped(pid_of(p));
  do_op(lock, OP_LOCK_RELEASE);
  resume(p);
  join_well(p);
}

LIVENESS_TEST(a_wake_up_before_the_sleep_is_not_lost) {
  is_woken_at("sync.before-sleep:1:stop");
  is_woken_at("wait.before-poll:1:stop");
  is_woken_at("wait.at-poll:1:stop");
}

/* -- processes by name: acts ask for that which is called "item" --------------------------------- */

static int stay(void *arg) {
  (void)arg;
  return raise(SIGSTOP);
}

static void end_stopped(struct object *p) {
  await_stopped(pid_of(p));
  kill_process(p);
}

LIVENESS_TEST(a_birth_wakes_all_who_seek) {
  struct object *ps[WAITERS];
  const char *points[] = {"wait.before-poll:1:stop", "wait.at-poll:1:stop"};
  start_waiters(ps, (struct role){.kind = OP_PROCESS_FIND});
  end_stopped(spawn_named("another", stay, NULL));
  struct object *born = spawn_named("item", stay, NULL);
  join_all(ps);
  end_stopped(born);
  for (int i = 0; i < 2; i++) { /* between the look and the sleep */
    struct object *p = start_role((struct role){.kind = OP_PROCESS_FIND, .plan = points[i]});
    await_stopped(pid_of(p));
    born = spawn_named("item", stay, NULL);
    await_stopped(pid_of(born));
    resume(p);
    join_well(p);
    kill_process(born);
  }
}

/* -- queues ------------------------------------------------------------------------------------ */

static const struct carrier {
  enum queue_transport transport;
  size_t len;
  bool may_lend;
} carriers[] = {{TRANSPORT_PIPE, 20, false},  {TRANSPORT_PIPE, 900, false},
                {TRANSPORT_SHM, 20, false},   {TRANSPORT_AUTO, 20, false},
                {TRANSPORT_AUTO, 900, false}, {TRANSPORT_SHM, LEND_BYTES, true}};
enum { CARRIERS = sizeof carriers / sizeof *carriers };

/* Whoever sleeps sleeps at once. */
static struct object *queue_without_watching(uint64_t max, enum queue_transport transport) {
  struct object *q = new_queue(max, transport, 0);
  q->queue->get_spin.skip = q->queue->put_spin.skip = UINT32_MAX;
  return q;
}

static void put_bytes(struct object *q, size_t len) {
  static const char bytes[LEND_BYTES];
  CHECK_EQ(put(q, bytes, len, SBX_FOREVER), 0);
}

LIVENESS_TEST(an_item_wakes_a_reader_each_time) {
  for (int i = 0; i < CARRIERS; i++) {
    struct object *q = queue_without_watching(0, carriers[i].transport);
    for (int times = 0; times < 2; times++) {
      struct object *p = start_waiter((struct role){q, .kind = OP_QUEUE_GET});
      put_bytes(q, carriers[i].len);
      join_well(p);
    }
    release_object(q);
  }
}

LIVENESS_TEST(as_many_items_wake_as_many_readers) {
  for (int i = 0; i < CARRIERS; i++) {
    struct object *q = queue_without_watching(0, carriers[i].transport), *ps[WAITERS];
    start_waiters(ps, (struct role){q, .kind = OP_QUEUE_GET});
    stop_all(ps);
    for (int n = 0; n < WAITERS; n++)
      put_bytes(q, carriers[i].len);
    resume_all(ps);
    join_all(ps);
    release_object(q);
  }
}

/* Take one, be it that the queue lends it first. */
static void take_one(struct object *q, bool may_lend) {
  struct buf out = {0};
  struct op op = {.kind = OP_QUEUE_GET, .object = q, .out = &out, .may_lend = may_lend};
  int rc = perform(&the_backend->base, &op);
  if (rc == -SBX_ELENT) {
    op.kind = OP_QUEUE_TAKE;
    rc = perform(&the_backend->base, &op);
  }
  CHECK_EQ(rc, 0);
  buf_release(&out);
}

LIVENESS_TEST(room_wakes_a_writer_each_time) {
  for (int i = 0; i < CARRIERS; i++) {
    struct object *q = queue_without_watching(1, carriers[i].transport);
    for (int times = 0; times < 2; times++) {
      put_bytes(q, carriers[i].len);
      struct object *p = start_waiter((struct role){q, .kind = OP_QUEUE_PUT});
      take_one(q, carriers[i].may_lend);
      join_well(p);
      take_one(q, false);
    }
    release_object(q);
  }
}

LIVENESS_TEST(as_much_room_wakes_as_many_writers) {
  for (int i = 0; i < CARRIERS; i++) {
    struct object *q = queue_without_watching(WAITERS, carriers[i].transport), *ps[WAITERS];
    for (int n = 0; n < WAITERS; n++)
      put_bytes(q, carriers[i].len);
    start_waiters(ps, (struct role){q, .kind = OP_QUEUE_PUT});
    stop_all(ps);
    for (int n = 0; n < WAITERS; n++)
      take_one(q, carriers[i].may_lend);
    resume_all(ps);
    join_all(ps);
    release_object(q);
  }
}

LIVENESS_TEST(close_wakes_readers_and_writers) {
  for (int t = TRANSPORT_AUTO; t <= TRANSPORT_SHM; t++) {
    struct object *q = queue_without_watching(1, (enum queue_transport)t), *ps[WAITERS];
    start_waiters(ps, (struct role){q, .kind = OP_QUEUE_GET, .result = -SBX_ECLOSED});
    CHECK_EQ(close_queue(q), 0);
    join_all(ps);
    release_object(q);
    q = queue_without_watching(1, (enum queue_transport)t);
    put_bytes(q, 20);
    start_waiters(ps, (struct role){q, .kind = OP_QUEUE_PUT, .result = -SBX_ECLOSED});
    CHECK_EQ(close_queue(q), 0);
    join_all(ps);
    release_object(q);
  }
}

/* Between a look in vain and the bell: what came meanwhile is found, and its bell not silenced. */
LIVENESS_TEST(a_bell_that_rings_on_the_way_to_sleep_is_heard) {
  const char *plan = "queue.before-silence:1:stop";
  for (int i = 0; i < CARRIERS; i++) {
    struct object *q = queue_without_watching(1, carriers[i].transport);
    struct object *p = start_role((struct role){q, .kind = OP_QUEUE_GET, .plan = plan});
    await_stopped(pid_of(p));
    put_bytes(q, carriers[i].len);
    resume(p);
    join_well(p);
    put_bytes(q, carriers[i].len);
    p = start_role((struct role){q, .kind = OP_QUEUE_PUT, .plan = plan});
    await_stopped(pid_of(p));
    take_one(q, carriers[i].may_lend);
    resume(p);
    join_well(p);
    release_object(q);
  }
}

LIVENESS_TEST(the_last_task_done_wakes_those_who_join) {
  struct object *q = new_queue(0, TRANSPORT_AUTO, 0), *ps[WAITERS];
  for (int i = 0; i < 2; i++) {
    do_op(q, OP_QUEUE_PUT);
    do_op(q, OP_QUEUE_GET);
  }
  CHECK_EQ(task_done(q), 0);
  start_waiters(ps, (struct role){q, .kind = OP_QUEUE_JOIN});
  CHECK_EQ(task_done(q), 0);
  join_all(ps);
}

/* It is in line before it looks: whoever marks the last item meanwhile may not be able to tell it.
 */
LIVENESS_TEST(a_task_done_while_another_begins_to_join_is_seen) {
  struct object *q = new_queue(0, TRANSPORT_AUTO, 0);
  do_op(q, OP_QUEUE_PUT);
  do_op(q, OP_QUEUE_GET);
  struct object *p =
      start_role((struct role){q, .kind = OP_QUEUE_JOIN, .plan = "line.joined:1:stop"});
  await_stopped(pid_of(p));
  CHECK_EQ(task_done(q), 0);
  resume(p);
  join_well(p);
}

/* -- queues without room ------------------------------------------------------------------------ */

/* A put that asks for a reader, in a select, and then its wait for that reader. */
static int offer_in_select(void *arg) {
  const struct role *r = arg;
  struct op put = {
      .kind = OP_QUEUE_PUT, .object = r->object, .data = "item", .len = 4, .number = 1};
  struct op select = {
      .kind = OP_SELECT, .deadline_ns = SBX_FOREVER, .subs = &put, .sub_count = 1};
  CHECK_EQ(perform(&the_backend->base, &select), 0);
  CHECK_EQ(put.count, 1);
  struct op meet = {.kind = OP_QUEUE_MEET,
                    .object = r->object,
                    .deadline_ns = SBX_FOREVER,
                    .number = 1,
                    .ticket = put.item};
  CHECK_EQ(perform(&the_backend->base, &meet), r->result);
  return 0;
}

LIVENESS_TEST(a_reader_that_comes_wakes_a_select_that_puts) {
  struct object *q = queue_without_watching(QUEUE_NO_ROOM, TRANSPORT_AUTO);
  struct role role = {q, .kind = OP_SELECT};
  struct object *p = spawn_process(offer_in_select, &role);
  await_sleep(p, OP_SELECT);
  do_op(q, OP_QUEUE_GET);
  join_well(p);
}

static _Atomic int *held_up; /* shared: 1 as long as `nap` goes on */

/* Whatever wakes the process meanwhile, it does not look; but it is able to. */
static void nap(int signal_number) {
  (void)signal_number;
  atomic_store(held_up, 1);
  while (atomic_load(held_up))
    usleep(50);
}

static int get_with_naps(void *arg) {
  signal(SIGUSR2, nap);
  return wait_once(arg);
}

/* It is interrupted when an item has been put for it, which nobody else will take: that goes back. */
LIVENESS_TEST(a_reader_that_leaves_wakes_the_putter_that_came_for_it) {
  struct object *q = queue_without_watching(QUEUE_NO_ROOM, TRANSPORT_AUTO);
  held_up = mmap(NULL, sizeof *held_up, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct role get = {q, .kind = OP_QUEUE_GET, .result = -SBX_EINTERRUPTED};
  struct object *reader = spawn_process(get_with_naps, &get);
  await_sleep(reader, OP_QUEUE_GET);
  kill(pid_of(reader), SIGUSR2);
  while (!atomic_load(held_up))
    usleep(50);
  struct role put = {q, .kind = OP_QUEUE_MEET, .result = -SBX_ETIMEDOUT};
  struct object *putter = spawn_process(offer_in_select, &put);
  await_sleep(putter, OP_QUEUE_MEET);
  kill(pid_of(reader), SIGINT);
  atomic_store(held_up, 0);
  join_well(reader);
  join_well(putter);
}

/* -- the order in which a reader looks --------------------------------------------------------- */

static int get_two(void *arg) {
  const struct role *r = arg;
  struct buf out = {0};
  fault_plan(r->plan);
  if (r->kind == OP_QUEUE_PEEK) {
    struct op op = {.kind = OP_QUEUE_PEEK, .object = r->object, .out = &out, .number = r->result};
    CHECK_EQ(perform(&the_backend->base, &op), -SBX_ETIMEDOUT);
  }
  CHECK_EQ(get(r->object, &out, SBX_FOREVER), 0);
  CHECK_EQ(out.len, 20);
  CHECK_EQ(get(r->object, &out, SBX_FOREVER), 0);
  CHECK_EQ(out.len, 20 + 900);
  return 0;
}

/*
 * A reader has found the pipe empty, and is held up; meanwhile an item goes into the pipe, and
 * another into the log behind it. They come in this order, and a peek does not show the second
 * alone.
 */
static void takes_in_order(struct role role) {
  role.object = queue_without_watching(0, TRANSPORT_PIPE);
  put_bytes(role.object, 20); /* so that it may not know that the pipe is empty */
  take_one(role.object, false);
  struct object *p = spawn_process(get_two, &role);
  await_stopped(pid_of(p));
  put_bytes(role.object, 20);
  put_bytes(role.object, 900);
  CHECK_EQ(act_until(role.object, OP_QUEUE_CLOSE, 0, in_ms(1)), -SBX_ETIMEDOUT);
  resume(p);
  join_well(p);
  release_object(role.object);
}

LIVENESS_TEST(a_reader_learns_of_the_log_before_it_looks_into_the_pipe) {
  takes_in_order((struct role){.kind = OP_QUEUE_GET, .plan = "queue.get.pipe-empty:1:stop"});
  takes_in_order((struct role){.kind = OP_QUEUE_PEEK, .plan = "queue.get.pipe-empty:1:stop"});
  takes_in_order(
      (struct role){.kind = OP_QUEUE_PEEK, .result = 5, .plan = "queue.peek.pipe-empty:1:stop"});
}

/* -- pipes ------------------------------------------------------------------------------------- */

static struct object *ends[2];

static void new_pipe(void) {
  struct pipe_request pipe = {0};
  CHECK_EQ(op_pipe_new(&the_backend->base, &pipe), 0);
  memcpy(ends, pipe.ends, sizeof ends);
}

static int recv_once(void *arg) {
  const struct role *r = arg;
  release_object(ends[1]);
  CHECK_EQ(act(ends[0], r->kind, 0), r->result);
  return 0;
}

static struct object *start_receiver(enum op_kind kind, int result) {
  struct role role = {.kind = kind, .result = result};
  struct object *p = spawn_process(recv_once, &role);
  await_sleep(p, kind);
  return p;
}

LIVENESS_TEST(a_value_wakes_the_receiver_of_a_pipe) {
  static const enum op_kind kinds[] = {OP_PIPE_RECV, OP_PIPE_POLL};
  for (int i = 0; i < 2; i++) {
    new_pipe();
    struct object *p = start_receiver(kinds[i], 0);
    do_op(ends[1], OP_PIPE_SEND);
    join_well(p);
  }
}

LIVENESS_TEST(close_of_a_pipe_wakes_the_receiver) {
  new_pipe();
  struct object *p = start_receiver(OP_PIPE_RECV, -SBX_ECLOSED);
  CHECK_EQ(act(ends[1], OP_PIPE_CLOSE, 0), 0);
  join_well(p);
  new_pipe();
  p = start_receiver(OP_PIPE_RECV, -SBX_ECLOSED);
  CHECK_EQ(act(ends[0], OP_PIPE_CLOSE, 0), 0); /* its own end, by another process */
  join_well(p);
}

LIVENESS_TEST(an_end_of_a_pipe_that_is_dropped_wakes_the_receiver) {
  new_pipe();
  struct object *p = start_receiver(OP_PIPE_RECV, -SBX_ECLOSED);
  release_object(ends[1]);
  join_well(p);
}

/* Stopped, holding the other end, which main has dropped. */
static int hold_an_end(void *arg) {
  (void)arg;
  raise(SIGSTOP);
  return 0;
}

LIVENESS_TEST(the_death_of_the_last_holder_of_an_end_wakes_the_receiver) {
  new_pipe();
  struct object *holder = spawn_process(hold_an_end, NULL);
  await_stopped(pid_of(holder));
  release_object(ends[1]);
  struct object *p =
      start_waiter((struct role){ends[0], .kind = OP_PIPE_RECV, .result = -SBX_ECLOSED});
  kill_process(holder);
  join_well(p);
}

/* -- ends of processes ------------------------------------------------------------------------- */

static int leave_when_continued(void *arg) {
  (void)arg;
  raise(SIGSTOP);
  return 0;
}

LIVENESS_TEST(the_end_of_a_process_wakes_its_parent) {
  for (int killed = 0; killed < 2; killed++) {
    struct object *p = spawn_process(leave_when_continued, NULL);
    await_stopped(pid_of(p));
    pid_t pid = fork(); /* not of this world: it acts when main sleeps */
    if (pid == 0) {
      while (atomic_load(&the_backend->control->processes[0].op_kind) != OP_PROCESS_JOIN ||
             state_of_pid(getppid()) != 'S')
        usleep(50);
      kill(pid_of(p), killed ? SIGKILL : SIGCONT);
      _exit(0);
    }
    CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
    reap_pid(pid);
    release_object(p);
  }
}

/* Stopped on the way to its second sleep. */
static int join_it(void *arg) {
  char plan[160];
  snprintf(plan, sizeof plan, "wait.before-poll:2:stop,%s", the_plan);
  fault_plan(plan);
  CHECK_EQ(join_process(arg, NULL, SBX_FOREVER), 0);
  return 0;
}

/* Of the death it learns from the pidfd; then it looks again until the parent tells how it ended.
 */
TEST_ON_STAGE(the_end_of_a_process_wakes_others_who_join_it, SECONDS) {
  sigset_t chld, old;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  begin("line.first-slice:0:fail,line.slice:0:fail");
  for (int killed = 0; killed < 2; killed++) {
    struct object *p = spawn_process(leave_when_continued, NULL);
    await_stopped(pid_of(p));
    struct object *joiner = spawn_process(join_it, p);
    await_sleep(joiner, OP_PROCESS_JOIN);
    sigprocmask(SIG_BLOCK, &chld, &old); /* main does not reap */
    kill(pid_of(p), killed ? SIGKILL : SIGCONT);
    await_stopped(pid_of(joiner));
    sigprocmask(SIG_SETMASK, &old, NULL);
    resume(joiner);
    join_well(joiner);
    CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
    release_object(p);
  }
}

/* -- select: each of its arms wakes ------------------------------------------------------------ */

/* One op that something wakes, and one that nothing does. */
static int select_one(void *arg) {
  const struct role *r = arg;
  if (r->plan)
    fault_plan(r->plan);
  struct buf out = {0};
  struct op subs[2] = {{.kind = OP_QUEUE_GET, .object = ends[1], .out = &out},
                       {.kind = r->kind,
                        .object = r->object,
                        .out = &out,
                        .data = "item",
                        .len = 4,
                        .deadline_ns = r->kind == OP_CLOCK_SLEEP ? in_ms(20) : 0}};
  struct op op = {.kind = OP_SELECT, .deadline_ns = SBX_FOREVER, .subs = subs, .sub_count = 2};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  CHECK_EQ(op.number, 1);
  return 0;
}

static struct object *spawn_select(struct role role) {
  ends[1] = new_queue(0, TRANSPORT_AUTO, 0);
  return spawn_process(select_one, &role);
}

static struct object *start_select(struct object *o, enum op_kind kind) {
  struct object *p = spawn_select((struct role){o, .kind = kind});
  await_sleep(p, OP_SELECT);
  return p;
}

LIVENESS_TEST(an_item_and_room_wake_a_select) {
  for (int i = 0; i < CARRIERS; i++) {
    struct object *q = new_queue(1, carriers[i].transport, 0);
    struct object *p = start_select(q, OP_QUEUE_GET);
    put_bytes(q, carriers[i].len);
    join_well(p);
    put_bytes(q, carriers[i].len);
    p = start_select(q, OP_QUEUE_PUT);
    take_one(q, carriers[i].may_lend);
    join_well(p);
    release_object(q);
  }
}

LIVENESS_TEST(a_value_and_a_close_wake_a_select_on_a_pipe) {
  new_pipe();
  struct object *a = ends[0], *b = ends[1];
  struct object *p = start_select(a, OP_PIPE_RECV);
  do_op(b, OP_PIPE_SEND);
  join_well(p);
}

LIVENESS_TEST(objects_wake_a_select) {
  struct object *lock = new_object(OBJECT_LOCK, 0), *semaphore = new_object(OBJECT_SEMAPHORE, 0);
  struct object *event = new_object(OBJECT_EVENT, 0), *p;
  do_op(lock, OP_LOCK_ACQUIRE);
  p = start_select(lock, OP_LOCK_ACQUIRE);
  do_op(lock, OP_LOCK_RELEASE);
  join_well(p);
  p = start_select(semaphore, OP_SEMAPHORE_ACQUIRE);
  do_op(semaphore, OP_SEMAPHORE_RELEASE);
  join_well(p);
  p = start_select(event, OP_EVENT_WAIT);
  do_op(event, OP_EVENT_SET);
  join_well(p);
}

/* After a look in vain, before it names what is to wake it. */
LIVENESS_TEST(what_becomes_possible_on_the_way_to_sleep_wakes_a_select) {
  static const struct {
    enum object_type type;
    enum op_kind wait, wake;
  } rows[] = {{OBJECT_LOCK, OP_LOCK_ACQUIRE, OP_LOCK_RELEASE},
              {OBJECT_SEMAPHORE, OP_SEMAPHORE_ACQUIRE, OP_SEMAPHORE_RELEASE},
              {OBJECT_EVENT, OP_EVENT_WAIT, OP_EVENT_SET},
              {OBJECT_QUEUE, OP_QUEUE_GET, OP_QUEUE_PUT},
              {OBJECT_QUEUE, OP_QUEUE_PUT, OP_QUEUE_GET}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct object *o = rows[i].type == OBJECT_QUEUE ? new_queue(1, TRANSPORT_AUTO, 0)
                                                    : new_object(rows[i].type, 0);
    if (rows[i].wake == OP_LOCK_RELEASE || rows[i].wake == OP_QUEUE_GET)
      do_op(o, rows[i].wake == OP_QUEUE_GET ? OP_QUEUE_PUT : OP_LOCK_ACQUIRE);
    struct role role = {o, .kind = rows[i].wait,
                        .plan = "select.before-arm:1:stop," NOTHING_BUT_WAKE_UPS};
    struct object *p = spawn_select(role);
    await_stopped(pid_of(p));
    do_op(o, rows[i].wake);
    resume(p);
    join_well(p);
  }
}

/* A killed holder wakes nobody, but a select watches it from its first sleep on. */
LIVENESS_TEST(the_death_of_a_holder_wakes_a_select) {
  struct object *lock = new_object(OBJECT_LOCK, 0);
  struct object *holder = start_holder(lock, OP_LOCK_ACQUIRE, 0);
  struct object *p = start_select(lock, OP_LOCK_ACQUIRE);
  kill_process(holder);
  join_well(p);
}

TEST_ON_STAGE(the_end_of_a_process_and_a_time_wake_a_select, SECONDS) {
  begin("line.first-slice:0:fail,line.slice:0:fail");
  struct object *p = spawn_process(leave_when_continued, NULL);
  await_stopped(pid_of(p));
  struct object *joiner = start_select(p, OP_PROCESS_JOIN);
  resume(p);
  join_well(joiner);
  join_well(p);
  join_well(spawn_select((struct role){.kind = OP_CLOCK_SLEEP})); /* it may be over soon */
}

int main(int argc, char **argv) {
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_release_wakes_the_first_in_line),
      cmocka_unit_test(each_release_wakes_the_next),
      cmocka_unit_test(the_last_release_of_a_recursive_lock_wakes),
      cmocka_unit_test(a_process_that_ends_with_a_lock_wakes_the_next),
      cmocka_unit_test(a_process_that_waits_for_its_children_has_let_go),
      cmocka_unit_test(the_death_of_a_holder_wakes),
      cmocka_unit_test(nobody_overtakes_a_waiter_that_has_waited_for_long),
      cmocka_unit_test(nobody_overtakes_the_one_behind_a_stopped_process),
      cmocka_unit_test(nobody_waits_for_a_stopped_process_to_go_first),
      cmocka_unit_test(a_process_that_must_let_another_go_first_wakes_it),
      cmocka_unit_test(a_waiter_that_is_told_can_be_told_again),
      cmocka_unit_test(an_interrupted_waiter_passes_its_wake_up_on),
      cmocka_unit_test(of_several_that_are_woken_one_passes_on),
      cmocka_unit_test(an_interrupted_waiter_passes_its_notification_on),
      cmocka_unit_test(a_select_that_takes_something_else_passes_its_wake_up_on),
      cmocka_unit_test(those_in_line_look_again_when_the_one_that_was_woken_is_killed),
      cmocka_unit_test(a_waiter_that_finds_the_line_full_looks_again),
      cmocka_unit_test(a_release_of_a_semaphore_wakes_as_many_as_it_has_units),
      cmocka_unit_test(several_releases_of_a_semaphore_wake_as_many),
      cmocka_unit_test(a_process_that_fails_with_a_unit_wakes),
      cmocka_unit_test(an_event_wakes_all),
      cmocka_unit_test(an_event_wakes_all_though_it_is_cleared_at_once),
      cmocka_unit_test(a_release_lets_in_readers_or_a_writer),
      cmocka_unit_test(a_writer_that_gives_up_lets_in_the_readers_behind_it),
      cmocka_unit_test(a_reader_or_writer_that_leaves_wakes),
      cmocka_unit_test(a_latch_that_opens_wakes_all),
      cmocka_unit_test(the_last_to_arrive_at_a_barrier_wakes_all),
      cmocka_unit_test(the_end_of_a_barriers_action_wakes_all),
      cmocka_unit_test(abort_and_reset_of_a_barrier_wake_all),
      cmocka_unit_test(a_barrier_that_is_given_up_wakes_all),
      cmocka_unit_test(a_member_of_a_barrier_that_fails_wakes_all),
      cmocka_unit_test(the_death_of_a_member_of_a_barrier_wakes),
      cmocka_unit_test(notify_wakes_as_many_as_it_says),
      cmocka_unit_test(notify_of_two_of_three_leaves_one),
      cmocka_unit_test(the_end_of_an_update_wakes_those_who_wait_one_by_one),
      cmocka_unit_test(a_change_wakes_all_who_wait_for_one),
      cmocka_unit_test(those_who_wait_for_a_change_hold_up_nobody_who_makes_one),
      cmocka_unit_test(a_change_that_does_not_come_about_wakes_the_next),
      cmocka_unit_test(a_process_that_ends_in_its_update_wakes),
      cmocka_unit_test(a_wake_up_before_the_sleep_is_not_lost),
      cmocka_unit_test(a_birth_wakes_all_who_seek),
      cmocka_unit_test(an_item_wakes_a_reader_each_time),
      cmocka_unit_test(as_many_items_wake_as_many_readers),
      cmocka_unit_test(room_wakes_a_writer_each_time),
      cmocka_unit_test(as_much_room_wakes_as_many_writers),
      cmocka_unit_test(close_wakes_readers_and_writers),
      cmocka_unit_test(a_bell_that_rings_on_the_way_to_sleep_is_heard),
      cmocka_unit_test(the_last_task_done_wakes_those_who_join),
      cmocka_unit_test(a_task_done_while_another_begins_to_join_is_seen),
      cmocka_unit_test(a_reader_that_comes_wakes_a_select_that_puts),
      cmocka_unit_test(a_reader_that_leaves_wakes_the_putter_that_came_for_it),
      cmocka_unit_test(a_reader_learns_of_the_log_before_it_looks_into_the_pipe),
      cmocka_unit_test(a_value_wakes_the_receiver_of_a_pipe),
      cmocka_unit_test(close_of_a_pipe_wakes_the_receiver),
      cmocka_unit_test(an_end_of_a_pipe_that_is_dropped_wakes_the_receiver),
      cmocka_unit_test(the_death_of_the_last_holder_of_an_end_wakes_the_receiver),
      cmocka_unit_test(the_end_of_a_process_wakes_its_parent),
      cmocka_unit_test(the_end_of_a_process_wakes_others_who_join_it),
      cmocka_unit_test(an_item_and_room_wake_a_select),
      cmocka_unit_test(a_value_and_a_close_wake_a_select_on_a_pipe),
      cmocka_unit_test(objects_wake_a_select),
      cmocka_unit_test(what_becomes_possible_on_the_way_to_sleep_wakes_a_select),
      cmocka_unit_test(the_death_of_a_holder_wakes_a_select),
      cmocka_unit_test(the_end_of_a_process_and_a_time_wake_a_select),
  };
  return cmocka_run_group_tests_name("liveness", tests, NULL, NULL);
}
