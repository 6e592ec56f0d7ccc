/*
 * tests/fault/test_meet_step.c - SIGKILL after every single instruction of the ops of a queue without
 * room; as test_queue_step.c.
 */
#include "support/os_steps.h"

#include <signal.h>

enum { KILLS = 300, VICTIM = 1, HELPER, MARKER };
enum act { OFFER, OFFER_TO_READER, WITHDRAW, SEE_TAKEN, TAKE };

struct scene {
  const char *name;
  enum act act;
};

static const struct scene scenes[] = {
    {"an item is offered", OFFER},
    {"an item is offered to a reader that waits", OFFER_TO_READER},
    {"an item is withdrawn", WITHDRAW},
    {"an item is seen to be taken", SEE_TAKEN},
    {"an item is taken, and its putter told", TAKE},
};

static struct board {
  _Atomic int done, rc;
  _Atomic uint32_t got_victims;
  struct gate go, arrived;
} * board;

static const struct scene *scene;
static struct object *q, *helper;

static int offer(uint32_t producer, uint32_t seq, bool brief, uint64_t *ret_ticket) {
  struct buf item = {0};
  item_make(&item, producer, seq, 40);
  struct op op = {.kind = OP_QUEUE_PUT,
                  .object = q,
                  .data = item.data,
                  .len = item.len,
                  .deadline_ns = brief ? 0 : SBX_FOREVER,
                  .number = brief};
  int rc = perform(&the_backend->base, &op);
  *ret_ticket = op.item;
  buf_release(&item);
  return rc;
}

static int meet(uint64_t ticket, int64_t deadline_ns) {
  struct op op = {
      .kind = OP_QUEUE_MEET, .object = q, .ticket = ticket, .deadline_ns = deadline_ns};
  return perform(&the_backend->base, &op);
}

static pid_t fork_victim(uint32_t seq, uint64_t ticket) {
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  uint32_t producer, number;
  steps_begin();
  switch (scene->act) {
  case OFFER:
  case OFFER_TO_READER:
    board->rc = offer(VICTIM, seq, scene->act == OFFER_TO_READER, &ticket);
    break;
  case WITHDRAW:
  case SEE_TAKEN:
    board->rc = meet(ticket, 0);
    break;
  default:
    board->rc = get_item(q, &producer, &number, 0);
  }
  board->done = 1;
  raise(SIGSTOP);
  return 0;
}

/* Of TAKE: its item is taken, by the victim or by the test. */
static int offer_rounds(void *arg) {
  (void)arg;
  for (uint32_t seq = 0;; seq++) {
    uint64_t ticket;
    gate_wait(board->go);
    CHECK_EQ(offer(HELPER, seq, false, &ticket), 0);
    CHECK_EQ(meet(ticket, SBX_FOREVER), 0);
    gate_open(board->arrived, 1);
  }
}

/* Of OFFER_TO_READER: takes up to the marker. */
static int read_rounds(void *arg) {
  uint32_t producer, seq;
  (void)arg;
  for (;;) {
    gate_wait(board->go);
    do {
      CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
      board->got_victims += producer == VICTIM;
    } while (producer != MARKER);
    gate_open(board->arrived, 1);
  }
}

static uint64_t set_scene(void) {
  uint64_t ticket = 0;
  uint32_t producer, seq;
  board->done = board->rc = 0;
  board->got_victims = 0;
  if (helper) {
    gate_open(board->go, 1);
    await_sleep(helper, scene->act == TAKE ? OP_QUEUE_MEET : OP_QUEUE_GET);
  }
  if (scene->act == WITHDRAW || scene->act == SEE_TAKEN)
    CHECK_EQ(offer(VICTIM, 0, false, &ticket), 0);
  if (scene->act == SEE_TAKEN)
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
  return ticket;
}

/* What the victim put, or could not withdraw, is there or not; what it was told is true. */
static void check_victims(void) {
  uint32_t producer = 0, seq;
  int rc = get_item(q, &producer, &seq, 0);
  CHECK(rc == -SBX_ETIMEDOUT || (rc == 0 && producer == VICTIM));
  if (board->done && scene->act == OFFER)
    CHECK(board->rc == 0 && rc == 0);
  if (board->done && scene->act == WITHDRAW)
    CHECK(board->rc == -SBX_ETIMEDOUT && rc == -SBX_ETIMEDOUT);
  if (scene->act == SEE_TAKEN)
    CHECK(rc == -SBX_ETIMEDOUT && (!board->done || board->rc == 0));
}

static void check_round(uint32_t n) {
  uint64_t ticket;
  uint32_t producer, seq;
  int rc;
  switch (scene->act) {
  case OFFER_TO_READER:
    CHECK_EQ(offer(MARKER, n, false, &ticket), 0);
    CHECK_EQ(meet(ticket, SBX_FOREVER), 0);
    gate_wait(board->arrived);
    CHECK(board->got_victims <= 1 && (!board->done || board->got_victims == (board->rc == 0)));
    break;
  case TAKE:
    rc = get_item(q, &producer, &seq, 0);
    CHECK(rc == -SBX_ETIMEDOUT || (rc == 0 && producer == HELPER && !board->done));
    gate_wait(board->arrived); /* whoever took it, its putter learns that */
    break;
  default:
    check_victims();
  }
  CHECK_EQ(offer(MARKER, n, false, &ticket), 0); /* and on it goes */
  CHECK_EQ(meet(ticket, in_ms(0)), -SBX_ETIMEDOUT);
  CHECK_EQ(offer(MARKER, n, false, &ticket), 0);
  CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
  CHECK(producer == MARKER && seq == n);
  CHECK_EQ(meet(ticket, SBX_FOREVER), 0);
  CHECK_EQ(get_item(q, &producer, &seq, 0), -SBX_ETIMEDOUT);
}

/* Kill after n instructions; n 0: record them all. */
static long round_of(long n) {
  uint64_t ticket = set_scene();
  pid_t pid = fork_victim((uint32_t)n, ticket);
  long steps = n == 0 ? steps_record(pid) : steps_run(pid, n);
  kill(pid, SIGKILL);
  reap_pid(pid);
  check_round((uint32_t)n);
  return steps;
}

/* What is resolved at its first call is not part of the op. */
static void warm_up(void) {
  struct buf out = {0};
  uint64_t ticket;
  CHECK_EQ(offer(MARKER, 0, true, &ticket), -SBX_ETIMEDOUT);
  CHECK_EQ(offer(MARKER, 0, false, &ticket), 0);
  CHECK_EQ(meet(ticket, in_ms(1)), -SBX_ETIMEDOUT);
  CHECK_EQ(get(q, &out, in_ms(1)), -SBX_ETIMEDOUT);
  CHECK_EQ(offer(MARKER, 0, false, &ticket), 0);
  CHECK_EQ(get(q, &out, 0), 0);
  buf_release(&out);
}

static void play_scene(void) {
  sigset_t chld;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD); /* each step would raise one */
  sigprocmask(SIG_BLOCK, &chld, NULL);
  os_world_new();
  board = shared_memory(sizeof *board);
  board->go = gate_new();
  board->arrived = gate_new();
  q = new_queue(QUEUE_NO_ROOM, TRANSPORT_AUTO, 0);
  q->queue->get_spin.skip = q->queue->put_spin.skip = UINT32_MAX;
  warm_up();
  helper = scene->act == TAKE              ? spawn_process(offer_rounds, NULL)
           : scene->act == OFFER_TO_READER ? spawn_process(read_rounds, NULL)
                                           : NULL;
  long stride, steps = round_of(0), rounds = 0, inside = 0;
  for (long n = steps_first(steps, KILLS, &stride); n <= steps; n = steps_next(n, stride)) {
    inside += round_of(n);
    rounds++;
  }
  printf("           %-45s %5ld instructions, %5ld kills (%ld inside), stride %ld\n", scene->name,
         steps, rounds, inside, stride);
  CHECK(inside > rounds / 2);
}

TEST_ON_STAGE(scene_on_stage, 100) { play_scene(); }

static void all_scenes(void **state) {
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
    scene = &scenes[i];
    scene_on_stage(state);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_scenes)};
  return cmocka_run_group_tests_name("meet_step", tests, NULL, NULL);
}
