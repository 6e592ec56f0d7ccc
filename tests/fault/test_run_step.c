/*
 * tests/fault/test_run_step.c - SIGKILL after every few instructions of a run of puts or gets (perform_run), which is one commit:
 * all of its items are there, or taken, or none is. The others are there once and in order, and the queue goes on.
 */
#include "support/os_steps.h"

enum { KILLS = 250, RUN = 3, BEFORE = 4, MAX = BEFORE + RUN, LEN = 40 };
enum { BEFORES = 1, VICTIMS, MARKERS }; /* producers */

static struct object *q;
static uint64_t the_max;

static void fill(void) {
  for (uint32_t i = 0; i < BEFORE; i++)
    CHECK_EQ(put_item(q, BEFORES, i, LEN, 0), 0);
}

/* All are done: there is room for them, or there are so many. */
static void perform_all(struct op ops[RUN]) {
  uint32_t done = 0;
  CHECK_EQ(perform_run(&the_backend->base, ops, RUN, &done), 0);
  CHECK_EQ(done, RUN);
}

static void put_several(void) {
  struct op ops[RUN];
  struct buf items = {0};
  size_t at[RUN + 1] = {0};
  for (uint32_t i = 0; i < RUN; i++) {
    item_make(&items, VICTIMS, i, LEN);
    at[i + 1] = items.len;
  }
  for (int i = 0; i < RUN; i++)
    ops[i] = (struct op){.kind = OP_QUEUE_PUT,
                         .object = q,
                         .deadline_ns = SBX_FOREVER,
                         .data = items.data + at[i],
                         .len = at[i + 1] - at[i]};
  perform_all(ops);
}

static void get_several(void) {
  struct op ops[RUN];
  struct buf out = {0};
  for (int i = 0; i < RUN; i++)
    ops[i] = (struct op){.kind = OP_QUEUE_GET, .object = q, .deadline_ns = SBX_FOREVER, .out = &out};
  perform_all(ops);
  size_t at = 0;
  for (uint32_t i = 0; i < RUN; at += ops[i++].len) {
    uint32_t producer, seq;
    item_check(out.data + at, ops[i].len, &producer, &seq);
    CHECK(producer == BEFORES && seq == i);
  }
}

/* The next items are these of a producer. */
static void are_next(uint32_t from, uint32_t first, uint32_t end) {
  for (uint32_t i = first; i < end; i++) {
    uint32_t producer, seq;
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
    CHECK(producer == from && seq == i);
  }
}

/* Nothing else is there; and all the room is. */
static void goes_on(void) {
  uint32_t producer, seq, many = the_max ? MAX : 2 * MAX;
  CHECK_EQ(len_of(q), 0);
  CHECK_EQ(get_item(q, &producer, &seq, 0), -SBX_ETIMEDOUT);
  for (uint32_t i = 0; i < many; i++)
    CHECK_EQ(put_item(q, MARKERS, i, LEN, 0), 0);
  CHECK_EQ(len_of(q), many);
  if (the_max)
    CHECK_EQ(put_item(q, MARKERS, many, LEN, 0), -SBX_ETIMEDOUT);
  are_next(MARKERS, 0, many);
}

static bool all_are_put_or_none(void) {
  uint64_t len = len_of(q);
  CHECK(len == BEFORE || len == BEFORE + RUN);
  are_next(BEFORES, 0, BEFORE);
  are_next(VICTIMS, 0, (uint32_t)len - BEFORE);
  goes_on();
  return len > BEFORE;
}

static bool all_are_got_or_none(void) {
  uint64_t len = len_of(q);
  CHECK(len == BEFORE || len == BEFORE - RUN);
  are_next(BEFORES, BEFORE - (uint32_t)len, BEFORE);
  goes_on();
  return len < BEFORE;
}

static const struct scene {
  struct steps_scene steps;
  uint64_t max;
} scenes[] = {
    {{"puts", .before = fill, .act = put_several, .check = all_are_put_or_none}, 0},
    {{"puts into a bounded queue", .before = fill, .act = put_several, .check = all_are_put_or_none}, MAX},
    {{"gets", .before = fill, .act = get_several, .check = all_are_got_or_none}, 0},
    {{"gets from a bounded queue", .before = fill, .act = get_several, .check = all_are_got_or_none}, MAX},
};
static const struct scene *the_scene;

static void play_the_scene(const void *of) {
  the_scene = of;
  the_max = the_scene->max;
  os_world_new();
  q = new_queue(the_max, TRANSPORT_SHM, 0);
  steps_play(&the_scene->steps, KILLS);
}

int main(int argc, char **argv) {
  const struct steps_tests tests = {
      "run_step", scenes, sizeof scenes / sizeof *scenes, sizeof *scenes, play_the_scene};
  return steps_main(argc, argv, &tests);
}
