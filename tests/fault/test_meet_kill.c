/*
 * tests/fault/test_meet_kill.c - queues without room, and processes that are killed: an item is
 * taken or withdrawn, once, and nobody hangs.
 */
#include "support/os_world.h"

#include <signal.h>
#include <unistd.h>

enum { PUTTERS = 3, READERS = 3, ITEMS = 40 };
enum fate { NOT_YET, TAKEN, WITHDRAWN };

/* Each word is written by one process at a time. */
static struct board {
  _Atomic uint8_t fate[PUTTERS][ITEMS]; /* as its putter was told */
  _Atomic uint8_t got[PUTTERS][ITEMS];
  _Atomic uint32_t total;
} * board;
static struct object *q;

/* As q:put does it. */
static int put_and_meet(uint32_t producer, uint32_t seq, size_t len, int64_t deadline_ns) {
  struct buf item = {0};
  item_make(&item, producer, seq, len);
  struct op op = {.kind = OP_QUEUE_PUT,
                  .object = q,
                  .data = item.data,
                  .len = item.len,
                  .deadline_ns = deadline_ns,
                  .number = deadline_ns == 0};
  int rc = perform(&the_backend->base, &op);
  if (rc == 0) {
    CHECK_EQ(op.count, 1);
    struct op meet = {.kind = OP_QUEUE_MEET,
                      .object = q,
                      .ticket = op.item,
                      .deadline_ns = deadline_ns ? deadline_ns : SBX_FOREVER,
                      .number = deadline_ns == 0};
    rc = perform(&the_backend->base, &meet);
  }
  buf_release(&item);
  return rc;
}

/* -- random kills ------------------------------------------------------------------------------ */

static int64_t draw_deadline(uint64_t *seed) {
  switch (random_next(seed) % 4) {
  case 0:
    return 0;
  case 1:
    return clock_now_ns() + (int64_t)(random_next(seed) % 400) * 1000;
  default:
    return SBX_FOREVER;
  }
}

static int produce(void *arg) {
  uint32_t p = (uint32_t)(uintptr_t)arg;
  uint64_t seed = p + 1;
  for (uint32_t seq = 0; seq < ITEMS; seq++) {
    int rc = put_and_meet(p, seq, item_mixed_len(p, seq), draw_deadline(&seed));
    CHECK(rc == 0 || rc == -SBX_ETIMEDOUT);
    board->fate[p][seq] = rc ? WITHDRAWN : TAKEN;
  }
  return 0;
}

static int consume_one(int64_t deadline_ns) {
  uint32_t p, seq;
  int rc = get_item(q, &p, &seq, deadline_ns);
  if (rc)
    return rc;
  CHECK(p < PUTTERS && seq < ITEMS);
  CHECK_EQ(board->got[p][seq]++, 0);
  board->total++;
  return 0;
}

static int consume(void *arg) {
  uint64_t seed = (uint64_t)(uintptr_t)arg + 100;
  for (;;) {
    int rc = consume_one(draw_deadline(&seed));
    if (rc == -SBX_ECLOSED)
      return 0;
    CHECK(rc == 0 || rc == -SBX_ETIMEDOUT);
  }
}

static bool ended(struct object *p) { return join_process(p, NULL, 0) == 0; }

static void kill_round(uint64_t seed) {
  struct object *all[PUTTERS + READERS];
  bool killed[PUTTERS + READERS] = {0};
  memset(board, 0, sizeof *board);
  q = new_queue(QUEUE_NO_ROOM, TRANSPORT_AUTO, 0);
  for (int i = 0; i < PUTTERS + READERS; i++)
    all[i] = spawn_process(i < PUTTERS ? produce : consume, (void *)(uintptr_t)i);
  int readers_killed = 0, putters_killed = 0;
  for (int kills = 1 + (int)(random_next(&seed) % 4); kills > 0; kills--) {
    uint32_t until = board->total + (uint32_t)(random_next(&seed) % 20);
    int64_t end_ns = in_ms(2);
    while (board->total < until && clock_now_ns() < end_ns)
      usleep(20);
    int v = (int)(random_next(&seed) % (PUTTERS + READERS));
    bool too_late = ended(all[v]);
    kill(pid_of(all[v]), SIGKILL);
    CHECK_EQ(join_process(all[v], NULL, SBX_FOREVER), 0);
    if (too_late || killed[v])
      continue;
    killed[v] = true;
    *(v < PUTTERS ? &putters_killed : &readers_killed) += 1;
  }
  for (int p = 0; p < PUTTERS; p++)
    while (!ended(all[p]))
      CHECK(consume_one(in_ms(1)) != -SBX_ECLOSED);
  CHECK_EQ(close_queue(q), 0);
  int rc, orphans = 0;
  while ((rc = consume_one(SBX_FOREVER)) == 0)
    orphans++;
  CHECK_EQ(rc, -SBX_ECLOSED);
  CHECK(orphans <= (putters_killed > 0)); /* there is one place */
  for (int i = 0; i < PUTTERS + READERS; i++) {
    CHECK_EQ(join_process(all[i], NULL, SBX_FOREVER), 0);
    CHECK(killed[i] ||
          (record_of_process(all[i])->exit_code == 0 && record_of_process(all[i])->signal == 0));
    release_object(all[i]);
  }
  int missing = 0;
  for (int p = 0; p < PUTTERS; p++)
    for (int seq = 0; seq < ITEMS; seq++) {
      CHECK(killed[p] || board->fate[p][seq] != NOT_YET);
      CHECK(board->fate[p][seq] != WITHDRAWN || board->got[p][seq] == 0);
      missing += board->fate[p][seq] == TAKEN && board->got[p][seq] == 0;
    }
  CHECK(missing <= readers_killed);
  release_object(q);
}

TEST_ON_STAGE(random_kills_of_putters_and_readers, 100) {
  os_world_new();
  board = shared_memory(sizeof *board);
  unsigned rounds = 300 / stage_slowness();
  for (unsigned i = 1; i <= rounds; i++)
    kill_round(i * UINT64_C(7919));
}

/* -- named points ------------------------------------------------------------------------------ */

static const char *const points[] = {
    "queue.put.before-commit", "queue.put.after-commit", "queue.get.before-commit",
    "queue.get.after-commit",  "queue.meet.look",        "queue.meet.join",
    "queue.meet.leave",        "line.joined",            "wait.before-poll",
};
enum { POINTS = sizeof points / sizeof *points };

/* Put, then take; or the other way round. */
static int work(void *arg) {
  const char *plan = arg;
  uint32_t p, seq;
  fault_plan(plan);
  for (uint32_t i = 0; i < 30; i++) {
    bool first = (the_backend->serial + i) % 2 == 0;
    for (int k = 0; k < 2; k++) {
      int64_t deadline_ns = in_ms(1);
      int rc = first == (k == 0) ? put_and_meet((uint32_t)the_backend->serial, i, 30, deadline_ns)
                                 : get_item(q, &p, &seq, deadline_ns);
      CHECK(rc == 0 || rc == -SBX_ETIMEDOUT);
    }
  }
  return 0;
}

/* Returns whether the victim came to the point. Afterwards two others meet, and waits end. */
static bool kill_at(const char *point, int n) {
  char plan[80];
  uint32_t p, seq;
  struct object *others[3], *victim;
  snprintf(plan, sizeof plan, "%s:%d:kill", point, n);
  q = new_queue(QUEUE_NO_ROOM, TRANSPORT_AUTO, 0);
  victim = spawn_process(work, plan);
  for (int i = 0; i < 3; i++)
    others[i] = spawn_process(work, NULL);
  CHECK_EQ(join_process(victim, NULL, SBX_FOREVER), 0);
  bool hit = record_of_process(victim)->signal == SIGKILL;
  CHECK(hit || record_of_process(victim)->exit_code == 0);
  release_object(victim);
  for (int i = 0; i < 3; i++)
    join_well(others[i]);
  int orphans = 0;
  while (get_item(q, &p, &seq, 0) == 0)
    orphans++;
  CHECK(orphans <= hit);
  CHECK_EQ(put_and_meet(1, 1, 30, 0), -SBX_ETIMEDOUT); /* no reader is left in the line */
  CHECK_EQ(put_and_meet(1, 1, 30, in_ms(1)), -SBX_ETIMEDOUT);
  CHECK_EQ(get_item(q, &p, &seq, 0), -SBX_ETIMEDOUT);
  release_object(q);
  return hit;
}

TEST_ON_STAGE(a_kill_at_any_named_point_harms_nobody_else, 100) {
  os_world_new();
  for (int k = 0; k < POINTS; k++)
    for (int n = 1; n <= 3; n++) {
      int laps = 0;
      while (!kill_at(points[k], n) && laps < 20)
        laps++;
      CHECK(laps < 20);
    }
}

int main(int argc, char **argv) {
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_kills_of_putters_and_readers),
      cmocka_unit_test(a_kill_at_any_named_point_harms_nobody_else),
  };
  return cmocka_run_group_tests_name("meet_kill", tests, NULL, NULL);
}
