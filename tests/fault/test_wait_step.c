/*
 * tests/fault/test_wait_step.c - SIGKILL after every few instructions of a process that waits and is woken; as
 * test_sync_step.c.
 *
 * Whatever becomes of the victim, the op that was to wake it gets done, and the next process that waits is woken by the next
 * such op.
 */
#include "support/os_steps.h"

enum { KILLS = 150 };

static struct board {
  _Atomic int done, rc;
} *board;

struct scene {
  struct steps_scene steps;
  struct sync_options options;
};

static const struct scene *scene;
static struct object *shared;

static int perform_op(enum op_kind kind, int64_t n, int64_t deadline_ns, struct op *ret) {
  struct buf out = {0}, refs = {0};
  const struct number one = {.kind = NUMBER_INTEGER, .i = 1}, number = {.kind = NUMBER_INTEGER, .i = n};
  struct value_args args = {
      .key = "k", .key_len = 1, .hash = 1, .number = number, .expected = one, .out_refs = &refs};
  struct op op = {.kind = kind,
                  .object = shared,
                  .deadline_ns = deadline_ns,
                  .count = (uint64_t)n,
                  .number = 1,
                  .out = &out,
                  .value = &args};
  int rc = perform(&the_backend->base, &op);
  if (ret)
    *ret = op;
  buf_release(&out);
  buf_release(&refs);
  return rc;
}

static void do_op(enum op_kind kind, int64_t n) { CHECK_EQ(perform_op(kind, n, SBX_FOREVER, NULL), 0); }

/* The victim has done what it had to; some instructions are still to come. */
static void victim_is_done(void) {
  struct sync_info info;
  board->done = 1;
  CHECK_EQ(op_sync_look(&the_backend->base, shared->type, shared, &info), 0);
}

/* -- conditions -------------------------------------------------------------------------------- */

static int wait_in_condition(void *arg) {
  (void)arg;
  do_op(OP_LOCK_ACQUIRE, 1);
  do_op(OP_CONDITION_WAIT, 1);
  do_op(OP_LOCK_RELEASE, 1);
  return 0;
}
static void notify(int64_t n) {
  do_op(OP_LOCK_ACQUIRE, 1);
  do_op(OP_CONDITION_NOTIFY, n);
  do_op(OP_LOCK_RELEASE, 1);
}
static void nothing_is_done(void) { board->done = 0; }
static void victim_waits_in_condition(void) {
  wait_in_condition(NULL);
  victim_is_done();
}
static void notify_all(void) { notify(INT64_MAX); }

/* One notification is for the one process that lives and waits. */
static bool condition_works(void) {
  struct object *next = spawn_process(wait_in_condition, NULL);
  await_sleep(next, OP_CONDITION_WAIT);
  notify(1);
  join_well(next);
  return board->done;
}

/* -- values and dicts: 1 is waited for to change ----------------------------------------------- */

static enum op_kind set_kind(void) { return scene->options.type == OBJECT_DICT ? OP_DICT_SET : OP_VALUE_SET; }

static int watch(void *arg) {
  (void)arg;
  do_op(scene->steps.waits, 1);
  return 0;
}
static void one_is_set(void) {
  do_op(set_kind(), 1);
  board->done = 0;
}
static void victim_watches(void) {
  watch(NULL);
  victim_is_done();
}
static void set_two(void) { do_op(set_kind(), 2); }

static void watch_another(void) {
  do_op(set_kind(), 1);
  struct object *next = spawn_process(watch, NULL);
  await_sleep(next, scene->steps.waits);
  set_two();
  join_well(next);
}
static bool watching_works(void) {
  watch_another();
  return board->done;
}

/* What `when` of a monitor does: it looks in an update, waits for a change, and changes the fields in another update. */
static void victim_does_when(void) {
  do_op(OP_VALUE_UPDATE, 0);
  do_op(OP_VALUE_KEEP, 0);
  do_op(OP_VALUE_AWAIT, 0);
  do_op(OP_VALUE_UPDATE, 0);
  do_op(OP_VALUE_REPLACE, 3);
  victim_is_done();
}
static bool fields_are_three(void) {
  struct value_args args = {.out_refs = &(struct buf){0}};
  struct op get = {.kind = OP_VALUE_GET, .object = shared, .value = &args};
  CHECK_EQ(perform(&the_backend->base, &get), 0);
  CHECK(args.number.i == 3 || (args.number.i == 2 && !board->done));
  bool three = args.number.i == 3;
  watch_another();
  do_op(OP_VALUE_UPDATE, 0);
  do_op(OP_VALUE_KEEP, 0);
  return three;
}

/* -- a barrier of two, with an action ------------------------------------------------------------ */

static struct object *partner;

/* Returns what it was told; 0: it went on. */
static int arrive(void) {
  struct op op;
  int rc = perform_op(OP_BARRIER_WAIT, 0, SBX_FOREVER, &op);
  while (rc == 0 && op.count == 0)
    rc = perform_op(OP_BARRIER_PASS, 0, SBX_FOREVER, &op);
  return rc;
}
static int arrive_once(void *arg) {
  (void)arg;
  board->rc = arrive();
  return 0;
}
static void partner_waits(void) {
  board->done = 0;
  board->rc = 1;
  partner = spawn_process(arrive_once, NULL);
  await_sleep(partner, OP_BARRIER_WAIT);
}
static void victim_acts(void) {
  CHECK_EQ(arrive(), 0);
  victim_is_done();
}

/* The partner went on if the action was done, and was told that the barrier is broken if it was begun. If the victim had not
 * arrived, another one can. */
static bool action_was_done(void) {
  struct sync_info info;
  CHECK_EQ(op_sync_look(&the_backend->base, shared->type, shared, &info), 0);
  if (info.count == 1 && !info.set)
    CHECK(arrive() == 0 && !board->done);
  else
    CHECK_EQ(info.count, 0);
  join_well(partner);
  CHECK(board->rc == 0 || (board->rc == -SBX_EBROKEN && !board->done));
  bool passed = info.count == 0 && board->rc == 0;
  do_op(OP_BARRIER_RESET, 0);
  partner_waits(); /* and it works */
  CHECK_EQ(arrive(), 0);
  join_well(partner);
  CHECK_EQ(board->rc, 0);
  do_op(OP_BARRIER_RESET, 0);
  return passed;
}

/* -- scenes ------------------------------------------------------------------------------------ */

static const struct scene scenes[] = {
    {{"condition wait", nothing_is_done, NULL, victim_waits_in_condition, condition_works, notify_all,
      OP_CONDITION_WAIT},
     {.type = OBJECT_CONDITION}},
    {{"value wait_for", one_is_set, NULL, victim_watches, watching_works, set_two, OP_VALUE_AWAIT},
     {.type = OBJECT_VALUE}},
    {{"dict wait_for", one_is_set, NULL, victim_watches, watching_works, set_two, OP_DICT_AWAIT},
     {.type = OBJECT_DICT}},
    {{"monitor when", one_is_set, NULL, victim_does_when, fields_are_three, set_two, OP_VALUE_AWAIT},
     {.type = OBJECT_VALUE}},
    {{"barrier action", partner_waits, NULL, victim_acts, action_was_done, NULL, OP_NONE},
     {.type = OBJECT_BARRIER, .count = 2, .action = true}},
};
static void play_the_scene(const void *of) {
  scene = of;
  board = shared_memory(sizeof *board);
  os_world_new();
  CHECK_EQ(op_sync_new(&the_backend->base, &scene->options, &shared), 0);
  steps_play(&scene->steps, KILLS);
}

int main(int argc, char **argv) {
  const struct steps_tests tests = {
      "wait_step", scenes, sizeof scenes / sizeof *scenes, sizeof *scenes, play_the_scene};
  return steps_main(argc, argv, &tests);
}
