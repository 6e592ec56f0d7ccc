/*
 * tests/fault/test_hands_step.c - SIGKILL after every few instructions of an op on a queue with redeliver, by a process that
 * has something in hand, or gets it. What it had in hand is there again, in its old order, and once; what it had given up is not.
 */
#include "support/os_steps.h"

enum { KILLS = 250, ITEMS = 4, LEN = 40, PRODUCER = 1 };

static struct object *q;

static void make_queue(void) {
  struct queue_options o = {.redeliver = true};
  CHECK_EQ(op_queue_new(&the_backend->base, &o, &q), 0);
}

static void fill(void) {
  for (uint32_t i = 0; i < ITEMS; i++)
    CHECK_EQ(put_item(q, PRODUCER, i, LEN, 0), 0);
}

static int take(uint32_t *ret_seq, bool *ret_back, int number) {
  struct buf out = {0};
  uint32_t producer;
  struct op op = {.kind = OP_QUEUE_GET, .object = q, .out = &out, .number = number};
  int rc = perform(&the_backend->base, &op);
  if (rc == 0)
    item_check(out.data, out.len, &producer, ret_seq);
  *ret_back = rc == 0 && op.abandoned;
  buf_release(&out);
  return rc;
}

static void take_first(void) {
  uint32_t seq;
  bool back;
  CHECK_EQ(take(&seq, &back, 0), 0);
  CHECK_EQ(seq, 0);
}

static void take_two(void) {
  uint32_t seq;
  bool back;
  take_first();
  CHECK_EQ(take(&seq, &back, QUEUE_GET_MORE), 0);
  CHECK_EQ(seq, 1);
}

static void give_up(int number) {
  struct op op = {
      .kind = OP_QUEUE_TASK_DONE, .object = q, .number = number, .deadline_ns = SBX_FOREVER};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
}

static void give_up_one(void) { give_up(0); }
static void give_up_all(void) { give_up(QUEUE_DONE_ALL); }
static void end_well(void) { CHECK_EQ(op_process_await(&the_backend->base, true), 0); }

/* So many ops by one commit: gets, of which the first may be a giving up of all. */
static void take_run(bool gives_up, uint32_t count) {
  struct buf out = {0};
  struct op ops[3];
  uint32_t done;
  for (int i = 0; i < 3; i++)
    ops[i] = (struct op){.kind = OP_QUEUE_GET, .object = q, .out = &out, .number = QUEUE_GET_MORE};
  if (gives_up)
    ops[0] = (struct op){.kind = OP_QUEUE_TASK_DONE, .object = q, .number = QUEUE_DONE_ALL, .deadline_ns = SBX_FOREVER};
  CHECK_EQ(perform_run(&the_backend->base, ops, count, &done), 0);
  CHECK_EQ(done, count);
  buf_release(&out);
}

static void take_three(void) { take_run(false, 3); }
static void give_up_and_take(void) { take_run(true, 2); }

/* It finds that another is dead, which had the first item in hand. */
static int take_and_sleep(void *arg) {
  (void)arg;
  take_first();
  pause();
  return 0;
}

static void fill_and_lose_one(void) {
  fill();
  struct object *p = spawn_process(take_and_sleep, NULL);
  while (len_of(q) == ITEMS)
    usleep(100);
  kill_process(p);
}

/* The items from `first` on are there, each once; how many came back. The queue is empty then. */
static void are_there(uint32_t first, uint32_t *ret_back) {
  struct queue_info info;
  *ret_back = 0;
  CHECK_EQ(len_of(q), ITEMS - first);
  CHECK_EQ(op_queue_look(&the_backend->base, q, &info), 0);
  CHECK_EQ(info.in_hand, 0);
  for (uint32_t i = first; i < ITEMS; i++) {
    uint32_t seq;
    bool back;
    CHECK_EQ(take(&seq, &back, QUEUE_GET_MORE), 0);
    CHECK_EQ(seq, i);
    *ret_back += back;
  }
  give_up_all();
  CHECK_EQ(len_of(q), 0);
  CHECK_EQ(join_queue(q, 0), 0);
}

/* The first had been taken, or not. */
static bool all_are_there(void) {
  uint32_t back;
  are_there(0, &back);
  CHECK(back <= 1);
  return back == 1;
}

static bool three_are_there(void) {
  uint32_t back;
  are_there(0, &back);
  CHECK(back == 0 || back == 3);
  return back == 3;
}

/* Both are given up and the third is taken, or nothing has happened. */
static bool given_up_and_taken(void) {
  uint32_t gone = ITEMS - (uint32_t)len_of(q), back;
  CHECK(gone == 0 || gone == 2);
  are_there(gone, &back);
  CHECK_EQ(back, gone ? 1 : 2);
  return gone == 2;
}

/* Whether it was taken again is not to be seen. Another one sees it by the last item, that a victim puts. */
static void take_and_put(void) {
  take_first();
  CHECK_EQ(put_item(q, PRODUCER, ITEMS, LEN, 0), 0);
}

static bool all_came_back(void) {
  uint64_t len = len_of(q);
  for (uint32_t i = 0; i < len; i++) {
    uint32_t seq;
    bool back;
    CHECK_EQ(take(&seq, &back, QUEUE_GET_MORE), 0);
    CHECK_EQ(seq, i);
    CHECK(back == (i == 0));
  }
  give_up_all();
  CHECK(len == ITEMS || len == ITEMS + 1);
  return len > ITEMS;
}

/* -- a reader that sleeps, and does not see who takes the item: it is stopped as long as the bell rings -------------- */

static struct object *sleeper;
static _Atomic int *slept; /* 0: it still does; 1: it has got the item, 2: which came back */

static int sleep_for_one(void *arg) {
  struct buf out = {0};
  (void)arg;
  struct op op = {.kind = OP_QUEUE_GET, .object = q, .out = &out, .deadline_ns = SBX_FOREVER};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  *slept = 1 + op.abandoned;
  pause();
  return 0;
}

static void fill_behind_a_sleeper(void) {
  if (!slept)
    slept = shared_memory(sizeof *slept);
  *slept = 0;
  q->queue->get_spin.skip = UINT32_MAX;
  sleeper = spawn_process(sleep_for_one, NULL);
  await_sleep(sleeper, OP_QUEUE_GET);
  kill(pid_of(sleeper), SIGSTOP);
  await_stopped(pid_of(sleeper));
  CHECK_EQ(put_item(q, PRODUCER, 0, LEN, 0), 0);
}

/* The second get silences the bell. */
static void take_and_silence(void) {
  struct buf out = {0};
  take_first();
  struct op op = {.kind = OP_QUEUE_GET,
                  .object = q,
                  .out = &out,
                  .number = QUEUE_GET_MORE,
                  .deadline_ns = clock_now_ns() + 1000 * 1000};
  CHECK_EQ(perform(&the_backend->base, &op), -SBX_ETIMEDOUT);
}

static bool the_sleeper_gets_it(void) {
  uint32_t seq;
  bool back;
  kill(pid_of(sleeper), SIGCONT);
  while (*slept == 0)
    usleep(100);
  kill_process(sleeper);
  CHECK_EQ(take(&seq, &back, 0), 0);
  CHECK(back && seq == 0);
  give_up_all();
  return *slept == 2;
}

/* How many of the two that were in hand have been given up? */
static uint32_t given_up(void) {
  uint32_t gone = ITEMS - (uint32_t)len_of(q), back;
  CHECK(gone <= 2);
  are_there(gone, &back);
  CHECK_EQ(back, 2 - gone);
  return gone;
}

static bool one_is_given_up(void) {
  uint32_t gone = given_up();
  CHECK(gone <= 1);
  return gone == 1;
}

static bool both_are_given_up(void) {
  uint32_t gone = given_up();
  CHECK(gone == 0 || gone == 2);
  return gone == 2;
}

static const struct steps_scene scenes[] = {
    {"get", .before = fill, .act = take_first, .check = all_are_there},
    {"get of what a dead process had", .before = fill_and_lose_one, .act = take_and_put, .check = all_came_back},
    {"task_done", .before = fill, .prelude = take_two, .act = give_up_one, .check = one_is_given_up},
    {"giving up all", .before = fill, .prelude = take_two, .act = give_up_all, .check = both_are_given_up},
    {"get of several", .before = fill, .act = take_three, .check = three_are_there},
    {"giving up, and get", .before = fill, .prelude = take_two, .act = give_up_and_take, .check = given_up_and_taken},
    {"get while another sleeps", .before = fill_behind_a_sleeper, .act = take_and_silence, .check = the_sleeper_gets_it},
    {"a good end", .before = fill, .prelude = take_two, .act = end_well, .check = both_are_given_up},
};
static const struct steps_scene *the_scene;

static void play_the_scene(const void *of) {
  the_scene = of;
  os_world_new();
  make_queue();
  steps_play(the_scene, KILLS);
}

int main(int argc, char **argv) {
  const struct steps_tests tests = {
      "hands_step", scenes, sizeof scenes / sizeof *scenes, sizeof *scenes, play_the_scene};
  return steps_main(argc, argv, &tests);
}
