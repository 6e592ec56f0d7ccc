/*
 * tests/fault/test_array_gate.c - copies and fills of an array are one step each: whatever point they are at, nobody changes
 * an element meanwhile, and nobody reads one of a half done fill (os/sync/array.c, A1 to A4).
 *
 * One process is stopped at a point of its op. Another does its own, and either ends, which is wrong, or is seen to wait.
 * Then the first goes on, and what both have done is held against the only order that there is.
 */
#include "support/os_world.h"

#include <signal.h>

#include "os/sync/sync.h"

enum { SECONDS = 60, ELEMENTS = 4, OLD = 1, NEW = 2 };

struct part {
  enum op_kind kind;
  const char *plan; /* where it is stopped; NULL: nowhere */
  int64_t reads;    /* GET: the element; COPY: all */
};

static struct object *array;

/* `brings`: what SET and FILL store. Returns the first element that it reads; of a COPY, the others are OLD. */
static int64_t act_at(enum op_kind kind, uint64_t at, int64_t brings) {
  struct buf out = {0};
  struct value_args args = {.number = {.kind = NUMBER_INTEGER, .i = brings}};
  struct op op = {.kind = kind, .object = array, .count = at, .out = &out, .deadline_ns = SBX_FOREVER, .value = &args};
  op.number = kind == OP_ARRAY_COPY ? ELEMENTS : 0;
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  int64_t first = args.number.i;
  if (kind == OP_ARRAY_COPY) {
    const int64_t *elements = (const int64_t *)(const void *)out.data;
    first = elements[0];
    for (int i = 1; i < ELEMENTS; i++)
      CHECK_EQ(elements[i], OLD);
  }
  buf_release(&out);
  return first;
}

static int64_t act(enum op_kind kind, int64_t brings) { return act_at(kind, 1, brings); }

static int play(void *arg) {
  const struct part *p = arg;
  fault_plan(p->plan);
  int64_t read = act(p->kind, NEW);
  if (p->kind == OP_ARRAY_GET || p->kind == OP_ARRAY_COPY)
    CHECK_EQ(read, p->reads);
  return 0;
}

static struct object *start(struct part part) { return spawn_process(play, &part); }

static void begin(void) {
#ifndef SBX_FAULTS
  stage_skip("no fault points in this build");
#endif
  os_world_new();
  struct sync_options o = {.type = OBJECT_ARRAY, .count = ELEMENTS};
  CHECK_EQ(op_sync_new(&the_backend->base, &o, &array), 0);
  act(OP_ARRAY_FILL, OLD);
}

static bool has_ended(const struct object *p) {
  char state = state_of_pid(pid_of(p));
  return state == 0 || state == 'Z';
}

/* It is seen to wait for the array, which it can be only if it has not done its op; or it ends, and that is a failure. */
static void waits_for_the_array(const struct object *p, enum op_kind kind) {
  while (atomic_load(&record_of_process(p)->op_kind) != kind) {
    CHECK(!has_ended(p));
    usleep(50);
  }
}

/* `first` is stopped in the middle of it: `second` waits, and comes after it. */
static void comes_after(struct part first, struct part second) {
  begin();
  struct object *p = start(first);
  await_stopped(pid_of(p));
  struct object *q = start(second);
  waits_for_the_array(q, second.kind);
  kill(pid_of(p), SIGCONT);
  join_well(p);
  join_well(q);
}

TEST_ON_STAGE(nobody_changes_an_element_during_a_copy, SECONDS) {
  comes_after((struct part){OP_ARRAY_COPY, .plan = "array.copied:1:stop", .reads = OLD},
              (struct part){.kind = OP_ARRAY_SET});
  CHECK_EQ(act(OP_ARRAY_GET, 0), NEW);
}

TEST_ON_STAGE(nobody_changes_an_element_from_when_a_copy_shuts_it, SECONDS) {
  comes_after((struct part){OP_ARRAY_COPY, .plan = "array.shut:1:stop", .reads = OLD},
              (struct part){.kind = OP_ARRAY_SET});
  CHECK_EQ(act(OP_ARRAY_GET, 0), NEW);
}

TEST_ON_STAGE(nobody_changes_an_element_during_a_fill, SECONDS) {
  comes_after((struct part){OP_ARRAY_FILL, .plan = "array.before-fill:1:stop"}, (struct part){.kind = OP_ARRAY_SET});
}

TEST_ON_STAGE(nobody_reads_an_element_of_a_half_done_fill, SECONDS) {
  comes_after((struct part){OP_ARRAY_FILL, .plan = "array.half:1:stop"}, (struct part){OP_ARRAY_GET, .reads = NEW});
}

TEST_ON_STAGE(a_get_does_not_wait_for_a_copy, SECONDS) {
  begin();
  struct object *p = start((struct part){OP_ARRAY_COPY, .plan = "array.copied:1:stop", .reads = OLD});
  await_stopped(pid_of(p));
  CHECK_EQ(act(OP_ARRAY_GET, 0), OLD);
  kill(pid_of(p), SIGCONT);
  join_well(p);
}

/* The gate is a word that a fill or copy has left behind: it is open again when the op is over, and an op on one element does not
 * take the monitor. */
TEST_ON_STAGE(the_gate_is_open_again_afterwards, SECONDS) {
  begin();
  for (int fills = 0; fills < 2; fills++) {
    act(fills ? OP_ARRAY_FILL : OP_ARRAY_COPY, OLD);
    fault_plan("array.locked:1:kill");
    act(OP_ARRAY_SET, OLD);
    act(OP_ARRAY_GET, 0);
    fault_plan(NULL);
  }
}

/* It has seen the gate open, and may change the element at any moment. */
TEST_ON_STAGE(a_copy_waits_for_one_that_changes_an_element, SECONDS) {
  begin();
  struct object *setter = start((struct part){OP_ARRAY_SET, .plan = "array.open:1:stop"});
  await_stopped(pid_of(setter));
  struct object *copier = start((struct part){OP_ARRAY_COPY, .plan = "array.shut:1:stop", .reads = NEW});
  await_stopped(pid_of(copier));
  kill(pid_of(copier), SIGCONT);
  while (state_of_pid(pid_of(copier)) != 'S') { /* it naps */
    CHECK(!has_ended(copier));
    usleep(50);
  }
  kill(pid_of(setter), SIGCONT);
  join_well(setter);
  join_well(copier);
}

/* Whoever is killed at a point leaves an array that has this first and last element, and everybody goes on. */
static void is_left(enum op_kind kind, const char *plan, int64_t first, int64_t last) {
  begin();
  struct object *p = start((struct part){kind, .plan = plan});
  CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
  release_object(p);
  CHECK_EQ(act_at(OP_ARRAY_GET, ELEMENTS, 0), last);
  CHECK_EQ(act(OP_ARRAY_GET, 0), first);
  act(OP_ARRAY_SET, OLD + NEW); /* it is not completed twice */
  CHECK_EQ(act(OP_ARRAY_GET, 0), OLD + NEW);
  act(OP_ARRAY_FILL, OLD);
  CHECK_EQ(act(OP_ARRAY_COPY, 0), OLD);
}

TEST_ON_STAGE(a_fill_that_is_killed_before_it_begins_has_not_been, SECONDS) {
  is_left(OP_ARRAY_FILL, "array.before-fill:1:kill", OLD, OLD);
}

TEST_ON_STAGE(a_fill_that_is_killed_half_way_is_completed, SECONDS) {
  is_left(OP_ARRAY_FILL, "array.half:1:kill", NEW, NEW);
}

TEST_ON_STAGE(one_that_is_killed_at_an_element_holds_up_no_copy, SECONDS) {
  is_left(OP_ARRAY_SET, "array.open:1:kill", OLD, OLD);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_changes_an_element_during_a_copy),
      cmocka_unit_test(nobody_changes_an_element_from_when_a_copy_shuts_it),
      cmocka_unit_test(nobody_changes_an_element_during_a_fill),
      cmocka_unit_test(nobody_reads_an_element_of_a_half_done_fill),
      cmocka_unit_test(a_get_does_not_wait_for_a_copy),
      cmocka_unit_test(the_gate_is_open_again_afterwards),
      cmocka_unit_test(a_copy_waits_for_one_that_changes_an_element),
      cmocka_unit_test(a_fill_that_is_killed_before_it_begins_has_not_been),
      cmocka_unit_test(a_fill_that_is_killed_half_way_is_completed),
      cmocka_unit_test(one_that_is_killed_at_an_element_holds_up_no_copy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
