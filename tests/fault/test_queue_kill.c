/*
 * tests/fault/test_queue_kill.c - several processes on one queue, and some of them are killed,
 * stopped or interrupted: every item is accounted for, nobody hangs.
 */
#include "support/os_world.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>

static const enum queue_transport transports[] = {TRANSPORT_AUTO, TRANSPORT_PIPE, TRANSPORT_SHM};

/* -- random kills ------------------------------------------------------------------------------ */

enum { PRODUCERS = 3, CONSUMERS = 3, ITEMS = 40 };

/* Who did what; each word is written by one process at a time. */
static struct board {
  _Atomic uint32_t put_done[PRODUCERS];      /* puts that returned */
  _Atomic uint8_t got[PRODUCERS][ITEMS + 1]; /* gets that were noted down */
  _Atomic uint32_t total;
} * board;
static struct object *q;

static int produce(void *arg) {
  uint32_t p = (uint32_t)(uintptr_t)arg;
  for (uint32_t seq = 0; seq < ITEMS; seq++) {
    CHECK_EQ(put_item(q, p, seq, item_mixed_len(p, seq), SBX_FOREVER), 0);
    board->put_done[p] = seq + 1;
  }
  return 0;
}

/* One get, noted down. `last` is per producer, plus one: what a reader sees of a producer only
 * grows. */
static int consume_one(uint32_t last[PRODUCERS], int64_t deadline_ns) {
  uint32_t p, seq;
  int rc = get_item(q, &p, &seq, deadline_ns);
  if (rc)
    return rc;
  CHECK(p < PRODUCERS && seq < ITEMS);
  CHECK(seq >= last[p]);
  last[p] = seq + 1;
  CHECK_EQ(board->got[p][seq]++, 0);
  board->total++;
  return 0;
}

static int consume(void *arg) {
  uint32_t last[PRODUCERS] = {0};
  int rc;
  (void)arg;
  while ((rc = consume_one(last, SBX_FOREVER)) == 0)
    continue;
  CHECK_EQ(rc, -SBX_ECLOSED);
  return 0;
}

static bool ended(struct object *p) { return join_process(p, NULL, 0) == 0; }

/* Wait until a random number of items came out, or for a moment if none do, then choose: anybody, or who holds a lock just
 * now. */
static int choose_victim(struct object *const all[], int n, uint64_t *seed) {
  uint32_t until = board->total + (uint32_t)(random_next(seed) % 40);
  int64_t end_ns = in_ms(2);
  while (board->total < until && clock_now_ns() < end_ns)
    usleep(20); /* not a yield: beside others who are busy each costs a time slice */
  int victim = (int)(random_next(seed) % (unsigned)n);
  if (random_next(seed) % 2)
    return victim;
  struct queue_record *r = record_of_queue(q);
  struct side *side = random_next(seed) % 2 ? &r->put : &r->get;
  for (int tries = 0; tries < 20000; tries++) {
    pid_t holder =
        (pid_t)(*(volatile int *)&side->mutex & 0x3fffffff); /* futex(2), robust: the owner's id */
    for (int i = 0; i < n && holder; i++)
      if (pid_of(all[i]) == holder)
        return i;
  }
  return victim;
}

static void account(const bool killed[PRODUCERS + CONSUMERS], int consumers_killed) {
  int missing = 0;
  for (int p = 0; p < PRODUCERS; p++) {
    uint32_t done = board->put_done[p];
    CHECK(killed[p] || done == ITEMS);
    for (uint32_t seq = 0; seq < ITEMS; seq++) {
      CHECK(board->got[p][seq] <= 1);
      CHECK(seq <= done || board->got[p][seq] == 0);
      missing += seq < done && board->got[p][seq] == 0;
    }
  }
  CHECK(missing <= consumers_killed);
}

static void kill_round(uint64_t seed) {
  struct object *all[PRODUCERS + CONSUMERS];
  bool killed[PRODUCERS + CONSUMERS] = {0};
  uint32_t last[PRODUCERS] = {0};
  memset(board, 0, sizeof *board);
  uint64_t max = random_next(&seed) % 2 ? 1 + random_next(&seed) % 8 : 0;
  q = new_queue(max, transports[random_next(&seed) % 3], 0);
  for (int i = 0; i < PRODUCERS; i++)
    all[i] = spawn_process(produce, (void *)(uintptr_t)i);
  for (int i = PRODUCERS; i < PRODUCERS + CONSUMERS; i++)
    all[i] = spawn_process(consume, NULL);
  int consumers_killed = 0;
  bool everybody = random_next(&seed) % 5 == 0; /* then len must be what is left */
  for (int kills = everybody ? 20 : 1 + (int)(random_next(&seed) % 3); kills > 0; kills--) {
    int v = everybody && kills <= 6 ? kills - 1 : choose_victim(all, PRODUCERS + CONSUMERS, &seed);
    if (everybody && kills > 6 && kills < 18)
      continue;
    bool too_late = ended(all[v]);
    kill(pid_of(all[v]), SIGKILL);
    CHECK_EQ(join_process(all[v], NULL, SBX_FOREVER), 0);
    if (!too_late && !killed[v]) {
      killed[v] = true;
      consumers_killed += v >= PRODUCERS;
    }
  }
  if (everybody) {
    uint64_t len = len_of(q);
    CHECK(!max || len <= max);
    for (; len > 0; len--) {
      CHECK_EQ(consume_one(last, 0), 0);
      CHECK_EQ(len_of(q), len - 1);
    }
    CHECK_EQ(consume_one(last, 0), -SBX_ETIMEDOUT);
  }
  for (int p = 0; p < PRODUCERS; p++) /* somebody may have to make room for them */
    while (!ended(all[p]))
      if (consume_one(last, in_ms(1)) == -SBX_ECLOSED)
        CHECK(false);
  CHECK_EQ(close_queue(q), 0);
  int rc;
  while ((rc = consume_one(last, SBX_FOREVER)) == 0)
    continue;
  CHECK_EQ(rc, -SBX_ECLOSED);
  for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
    CHECK_EQ(join_process(all[i], NULL, SBX_FOREVER), 0);
    CHECK(killed[i] ||
          (record_of_process(all[i])->exit_code == 0 && record_of_process(all[i])->signal == 0));
    release_object(all[i]);
  }
  CHECK_EQ(len_of(q), 0);
  account(killed, consumers_killed);
  release_object(q);
}

TEST_ON_STAGE(five_hundred_rounds_of_random_kills, 110) {
  os_world_new();
  board = shared_memory(sizeof *board);
  unsigned rounds = 500 / stage_slowness();
  for (unsigned i = 1; i <= rounds; i++)
    kill_round(i * UINT64_C(7919));
}

/* -- max = 1 ----------------------------------------------------------------------------------- */

/*
 * Items in the queue at one moment: those in the pipe, counted between two looks at the log that
 * saw the same (its counters only grow). Looks again until that comes about, or the test is over.
 */
static uint64_t count_items(const _Atomic int *stop) {
  struct queue_record *r = record_of_queue(q);
  uint64_t put[2][SIDE_SHOWN], get[2][SIDE_SHOWN];
  int bytes = 0;
  do {
    side_read(&r->put, put[0]);
    side_read(&r->get, get[0]);
    if (q->queue->fds[FD_PIPE_READ] >= 0)
      CHECK_EQ(ioctl(q->queue->fds[FD_PIPE_READ], FIONREAD, &bytes), 0);
    side_read(&r->put, put[1]);
    side_read(&r->get, get[1]);
    if (*stop)
      return 0;
  } while (put[0][PUT_ITEMS] != put[1][PUT_ITEMS] || get[0][GET_ITEMS] != get[1][GET_ITEMS]);
  return put[0][PUT_ITEMS] - get[0][GET_ITEMS] + (uint64_t)bytes / RECORD_BYTES;
}

static int count_for_ever(void *arg) {
  _Atomic int *stop = arg;
  while (!*stop) {
    CHECK(count_items(stop) <= 1);
    CHECK(len_of(q) <= 1);
  }
  return 0;
}

static int put_for_ever(void *arg) {
  uint32_t seq = 0;
  for (;;)
    CHECK_EQ(put_item(q, (uint32_t)(uintptr_t)arg, seq++, 20, SBX_FOREVER), 0);
  return 0;
}

TEST_ON_STAGE(a_queue_for_one_item_never_holds_two, 60) {
  enum { PUTTERS = 8, GETS = 40 };
  os_world_new();
  for (int t = 0; t < 3; t++) {
    struct object *putters[PUTTERS];
    _Atomic int *stop = shared_memory(sizeof *stop);
    uint64_t seed = 17;
    q = new_queue(1, transports[t], 0);
    struct object *counter = spawn_process(count_for_ever, stop);
    for (int i = 0; i < PUTTERS; i++)
      putters[i] = spawn_process(put_for_ever, (void *)(uintptr_t)i);
    for (int round = 0; round < 60; round++) {
      uint32_t producer, seq;
      for (int i = 0; i < GETS; i++) /* no stall, whoever died */
        CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
      int v = (int)(random_next(&seed) % PUTTERS);
      kill_process(putters[v]);
      putters[v] = spawn_process(put_for_ever, (void *)(uintptr_t)v);
    }
    *stop = 1;
    join_well(counter);
    for (int i = 0; i < PUTTERS; i++)
      kill_process(putters[i]);
    CHECK(len_of(q) <= 1);
    release_object(q);
  }
}

/* -- named points ------------------------------------------------------------------------------ */

static const char *const points[] = {
    "queue.put.before-commit", "queue.put.after-commit", "queue.get.before-commit",
    "queue.get.after-commit",  "queue.bell.rung",        "queue.bell.silence",
    "wait.before-poll",
};
enum { POINTS = sizeof points / sizeof *points };

/* Put one, take one: what it took is any, whole, item. */
static int work(void *arg) {
  const char *plan = arg;
  uint32_t producer, seq;
  fault_plan(plan);
  for (uint32_t i = 0; i < 30; i++) {
    size_t len = i % 5 == 4 ? 3000 : 30;
    CHECK_EQ(put_item(q, (uint32_t)the_backend->serial, i, len, SBX_FOREVER), 0);
    CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
  }
  return 0;
}

/* Take one, then put one: it sleeps in get first. */
static int work_backwards(void *arg) {
  const char *plan = arg;
  uint32_t producer, seq;
  fault_plan(plan);
  for (uint32_t i = 0; i < 30; i++) {
    int rc = get_item(q, &producer, &seq, SBX_FOREVER);
    if (rc == -SBX_ECLOSED)
      return 0;
    CHECK_EQ(rc, 0);
    rc = put_item(q, (uint32_t)the_backend->serial, i, 30, SBX_FOREVER);
    if (rc == -SBX_ECLOSED)
      return 0;
    CHECK_EQ(rc, 0);
  }
  return 0;
}

static void drain_exactly(void) {
  uint32_t producer, seq;
  for (uint64_t len = len_of(q); len > 0; len--)
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
  CHECK_EQ(len_of(q), 0);
  CHECK_EQ(get_item(q, &producer, &seq, 0), -SBX_ETIMEDOUT);
}

/* Wait for a worker; what the dead took, or left too many, must not be waited for. */
static void finish(struct object *worker) {
  uint64_t max = record_of_queue(q)->max;
  while (!ended(worker)) {
    uint32_t producer, seq;
    uint64_t len = len_of(q);
    if (len == 0)
      put_item(q, 1, 1, 30, 0);
    else if (len == max)
      get_item(q, &producer, &seq, 0);
    usleep(100);
  }
}

/* Two workers among others, killed when they pass a point for the n-th time. Returns how many did.
 */
static int kill_at(const char *point, int n, int variant) {
  char plan[80];
  struct object *others[2], *victim, *backwards;
  snprintf(plan, sizeof plan, "%s:%d:kill", point, n);
  q = new_queue(variant % 2 ? 2 : 0, transports[variant / 2], 0);
  if (n <= 4) /* mostly they sleep at once: else the bells would hardly be needed */
    q->queue->get_spin.skip = q->queue->put_spin.skip = UINT32_MAX;
  backwards = spawn_process(work_backwards, n % 2 ? plan : NULL);
  victim = spawn_process(work, plan);
  for (int i = 0; i < 2; i++)
    others[i] = spawn_process(work, NULL);
  finish(victim);
  for (int i = 0; i < 2; i++) {
    finish(others[i]);
    join_well(others[i]);
  }
  CHECK_EQ(close_queue(q), 0);
  CHECK_EQ(join_process(backwards, NULL, SBX_FOREVER), 0);
  int hits = (record_of_process(victim)->signal == SIGKILL) +
             (record_of_process(backwards)->signal == SIGKILL);
  CHECK(record_of_process(backwards)->signal == SIGKILL ||
        record_of_process(backwards)->exit_code == 0);
  uint32_t producer, seq;
  for (uint64_t len = len_of(q); len > 0; len--)
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
  CHECK_EQ(get_item(q, &producer, &seq, 0), -SBX_ECLOSED);
  release_object(victim);
  release_object(backwards);
  release_object(q);
  return hits;
}

/* Who sleeps, and so passes some of the points, depends on who is faster: until all were reached.
 */
TEST_ON_STAGE(a_kill_at_any_named_point_harms_nobody_else, 100) {
  enum { MOST = 20 };
  os_world_new();
  for (int k = 0; k < POINTS; k++) {
    int hits = 0, laps = 0;
    for (; laps == 0 || (hits == 0 && laps < MOST); laps++)
      for (int n = 1; n <= 6; n++)
        for (int variant = 0; variant < 6; variant++)
          hits += kill_at(points[k], n, variant);
    printf("           %-26s %d kills, laps %d\n", points[k], hits, laps);
    CHECK(hits > 0);
  }
}

static int get_one(void *arg) {
  uint32_t producer, seq;
  (void)arg;
  CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
  return 0;
}

static int put_one(void *arg) {
  CHECK_EQ(put_item(q, 9, 9, (size_t)(uintptr_t)arg, SBX_FOREVER), 0);
  return 0;
}

static int stop_in_put(void *arg) {
  fault_plan(arg);
  CHECK_EQ(put_item(q, 1, 1, 30, SBX_FOREVER), 0);
  return 0;
}

static int stop_in_get(void *arg) {
  uint32_t producer, seq;
  fault_plan(arg);
  CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
  return 0;
}

/* Who holds a lock is stopped: others' timed ops time out, an interrupt is seen, and after SIGCONT
 * all goes on. */
TEST_ON_STAGE(a_stopped_lock_holder_costs_timeouts_only, 60) {
  struct os_backend *b = os_world_new();
  static const char *const at_put[] = {"queue.put.before-commit:1:stop",
                                       "queue.put.after-commit:1:stop"};
  static const char *const at_get[] = {"queue.get.before-commit:1:stop",
                                       "queue.get.after-commit:1:stop"};
  for (int t = 0; t < 3; t++)
    for (int after = 0; after < 2; after++)
      for (int side = 0; side < 2; side++) {
        struct buf out = {0};
        q = new_queue(0, transports[t], 0);
        CHECK_EQ(put_item(q, 1, 0, 30, 0), 0);
        CHECK_EQ(put_item(q, 1, 1, 30, 0), 0);
        struct object *stopped = side
                                     ? spawn_process(stop_in_get, (void *)(uintptr_t)at_get[after])
                                     : spawn_process(stop_in_put, (void *)(uintptr_t)at_put[after]);
        await_stopped(pid_of(stopped));
        uint64_t len = side ? 2 - (uint64_t)after : 2 + (uint64_t)after;
        CHECK_EQ(len_of(q), len); /* no lock is needed for that */
        int64_t deadline = in_ms(120);
        CHECK_EQ(side ? get(q, &out, deadline) : put(q, "x", 1, deadline), -SBX_ETIMEDOUT);
        CHECK(clock_now_ns() >= deadline);
        b->interrupted = 1;
        CHECK_EQ(side ? get(q, &out, SBX_FOREVER) : put(q, "x", 1, SBX_FOREVER), -SBX_EINTERRUPTED);
        b->interrupted = 0;
        CHECK_EQ(len_of(q), len);
        /* The other side goes on. */
        CHECK_EQ(side ? put_item(q, 2, 2, 30, in_ms(5000)) : get(q, &out, in_ms(5000)), 0);
        struct object *patient = spawn_process(side ? get_one : put_one, (void *)(uintptr_t)30);
        while (state_of_pid(pid_of(patient)) != 'S') /* asleep on the lock, not on a bell */
          usleep(50);
        kill(pid_of(stopped), SIGCONT);
        join_well(stopped);
        join_well(patient);
        drain_exactly();
        buf_release(&out);
        release_object(q);
      }
}

/* -- readers and writers that sleep ------------------------------------------------------------ */

/* Make room until all writers but one are done, however slow they are; one whose wake-up was lost never is. */
static void drain_until_ended(struct object *const *writers, int count, int but) {
  uint32_t producer, seq;
  for (int i = 0; i < count; i++)
    while (i != but && join_process(writers[i], NULL, in_ms(20)) == -SBX_ETIMEDOUT)
      get_item(q, &producer, &seq, 0);
  while (get_item(q, &producer, &seq, 0) == 0)
    continue;
}

TEST_ON_STAGE(a_killed_sleeper_takes_nobodys_wake_up, 60) {
  enum { SLEEPERS = 4 };
  os_world_new();
  uint64_t seed = 3;
  for (int round = 0; round < 60; round++) {
    struct object *sleepers[SLEEPERS];
    uint32_t producer, seq;
    bool writers = round % 2;
    q = new_queue(writers ? 1 : 0, transports[round / 2 % 3], 0);
    if (writers)
      CHECK_EQ(put_item(q, 1, 1, 20, 0), 0);
    for (int i = 0; i < SLEEPERS; i++)
      sleepers[i] = spawn_process(writers ? put_one : get_one,
                                  (void *)(uintptr_t)(round % 4 < 2 ? 20 : 2000));
    for (int i = 0; i < SLEEPERS; i++)
      await_sleep(sleepers[i], writers ? OP_QUEUE_PUT : OP_QUEUE_GET);
    int v = (int)(random_next(&seed) % SLEEPERS);
    for (int i = 0; i < SLEEPERS - 1;
         i++) { /* the victim dies asleep, or racing with the wake-ups */
      if (i == round / 6 % 3)
        kill(pid_of(sleepers[v]), SIGKILL);
      if (writers)
        CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
      else
        CHECK_EQ(put_item(q, 1, 1, 20 + (size_t)(i % 2) * 1000, 0), 0);
    }
    /* The victim may have taken its turn before it died: then one more is due. */
    CHECK_EQ(join_process(sleepers[v], NULL, SBX_FOREVER), 0);
    if (writers)
      drain_until_ended(sleepers, SLEEPERS, v);
    else
      CHECK_EQ(put_item(q, 1, 1, 20, 0), 0);
    for (int i = 0; i < SLEEPERS; i++)
      if (i != v)
        join_well(sleepers[i]);
    release_object(sleepers[v]);
    drain_exactly();
    release_object(q);
  }
}

static int get_until_closed(void *arg) {
  uint32_t producer, seq;
  int rc, n = 0;
  (void)arg;
  while ((rc = get_item(q, &producer, &seq, SBX_FOREVER)) == 0)
    n++;
  CHECK_EQ(rc, -SBX_ECLOSED);
  CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), -SBX_ECLOSED); /* for ever */
  return n;
}

static int put_until_closed(void *arg) {
  int rc;
  while ((rc = put_item(q, 1, 1, (size_t)(uintptr_t)arg, SBX_FOREVER)) == 0)
    continue;
  CHECK_EQ(rc, -SBX_ECLOSED);
  CHECK_EQ(put_item(q, 1, 1, 20, SBX_FOREVER), -SBX_ECLOSED);
  return 0;
}

TEST_ON_STAGE(close_wakes_readers_and_writers, 40) {
  enum { EACH = 3 };
  os_world_new();
  for (int round = 0; round < 60; round++) {
    struct object *sleepers[EACH];
    uint32_t producer, seq;
    bool writers = round % 2;
    q = new_queue(writers ? 2 : 0, transports[round / 2 % 3], 0);
    for (int i = 0; i < EACH; i++)
      sleepers[i] = spawn_process(writers ? put_until_closed : get_until_closed,
                                  (void *)(uintptr_t)(round % 4 < 2 ? 20 : 2000));
    for (int i = 0; i < EACH; i++)
      await_sleep(sleepers[i], writers ? OP_QUEUE_PUT : OP_QUEUE_GET);
    CHECK_EQ(close_queue(q), 0);
    CHECK_EQ(close_queue(q), 0);
    for (int i = 0; i < EACH; i++)
      join_well(sleepers[i]);
    if (writers) { /* what is in it is drained, then it ends */
      CHECK_EQ(len_of(q), 2);
      CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
      CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
    }
    CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), -SBX_ECLOSED);
    CHECK_EQ(put_item(q, 1, 1, 20, 0), -SBX_ECLOSED);
    release_object(q);
  }
}

/* -- order ------------------------------------------------------------------------------------- */

static int put_many(void *arg) {
  for (uint32_t seq = 0; seq < 100000; seq++)
    CHECK_EQ(put_item(q, 1, seq, 8 + seq % 100, SBX_FOREVER), 0);
  (void)arg;
  return 0;
}

TEST_ON_STAGE(a_hundred_thousand_items_outlive_their_writer, 60) {
  os_world_new();
  for (int t = 0; t < 3; t++) {
    uint32_t producer, seq;
    q = new_queue(0, transports[t], 0);
    join_well(spawn_process(put_many, NULL));
    CHECK_EQ(len_of(q), 100000);
    for (uint32_t i = 0; i < 100000; i++) {
      CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
      CHECK_EQ(seq, i);
    }
    CHECK_EQ(len_of(q), 0);
    release_object(q);
  }
}

static int produce_many(void *arg) {
  uint32_t p = (uint32_t)(uintptr_t)arg;
  for (uint32_t seq = 0; seq < 400; seq++) {
    size_t len = seq % 133 == 100 ? 2500000 : item_mixed_len(p, seq);
    CHECK_EQ(put_item(q, p, seq, len, SBX_FOREVER), 0);
  }
  return 0;
}

TEST_ON_STAGE(each_producers_order_is_kept_with_mixed_sizes, 60) {
  os_world_new();
  for (int round = 0; round < 6; round++) {
    struct object *producers[PRODUCERS];
    uint32_t next[PRODUCERS] = {0}, producer, seq;
    q = new_queue(round / 3 ? 5 : 0, transports[round % 3], 0);
    for (int i = 0; i < PRODUCERS; i++)
      producers[i] = spawn_process(produce_many, (void *)(uintptr_t)i);
    for (int i = 0; i < PRODUCERS * 400; i++) {
      CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
      CHECK_EQ(seq, next[producer]++);
    }
    for (int i = 0; i < PRODUCERS; i++)
      join_well(producers[i]);
    CHECK_EQ(len_of(q), 0);
    release_object(q);
  }
}

/* -- signals ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t ticks;

static void on_tick(int signal) {
  (void)signal;
  ticks = ticks + 1;
}

static void storm(long us) {
  struct sigaction tick = {.sa_handler = on_tick}; /* no SA_RESTART */
  struct itimerval every = {.it_interval = {.tv_usec = us}, .it_value = {.tv_usec = us}};
  sigaction(SIGALRM, &tick, NULL);
  setitimer(ITIMER_REAL, &every, NULL);
}

static int consume_in_storm(void *arg) {
  uint32_t next[PRODUCERS] = {0}, producer, seq;
  storm(200);
  for (int i = 0; i < PRODUCERS * 200; i++) {
    CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
    CHECK_EQ(seq, next[producer]++);
  }
  (void)arg;
  return 0;
}

static int produce_in_storm(void *arg) {
  uint32_t p = (uint32_t)(uintptr_t)arg;
  storm(200);
  for (uint32_t seq = 0; seq < 200; seq++)
    CHECK_EQ(put_item(q, p, seq, item_mixed_len(p, seq), SBX_FOREVER), 0);
  CHECK(ticks > 0);
  return 0;
}

static int tick_once(void *arg) {
  (void)arg;
  return 0;
}

static int spawn_in_storm(void *arg) {
  storm(300);
  for (int i = 0; i < 60; i++)
    join_well(spawn_process(tick_once, NULL));
  (void)arg;
  return 0;
}

/* SIGALRM is the stage's alarm clock too: each of these storms in a child. */
TEST_ON_STAGE(a_storm_of_signals_is_invisible, 60) {
  os_world_new();
  for (int round = 0; round < 6; round++) {
    struct object *all[PRODUCERS + 1];
    q = new_queue(round / 3 ? 3 : 0, transports[round % 3], 0);
    for (int i = 0; i < PRODUCERS; i++)
      all[i] = spawn_process(produce_in_storm, (void *)(uintptr_t)i);
    all[PRODUCERS] = spawn_process(consume_in_storm, NULL);
    for (int i = 0; i <= PRODUCERS; i++)
      join_well(all[i]);
    CHECK_EQ(len_of(q), 0);
    release_object(q);
  }
  join_well(spawn_process(spawn_in_storm, NULL));
}

static int put_large_in_storm(void *arg) {
  struct buf item = {0};
  item_make(&item, 1, 1, (size_t)(uintptr_t)arg);
  storm(1000);
  CHECK_EQ(put(q, item.data, item.len, SBX_FOREVER), 0);
  return 0;
}

/* fallocate(2) gives up at every signal and undoes what it did: it must not be asked for more than
 * it can do between two. */
TEST_ON_STAGE(a_large_item_gets_through_a_storm, 40) {
  os_world_new();
  uint32_t producer, seq;
  q = new_queue(0, TRANSPORT_AUTO, 0);
  join_well(spawn_process(put_large_in_storm, (void *)(uintptr_t)(64 << 20)));
  CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
}

int main(int argc, char **argv) {
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(five_hundred_rounds_of_random_kills),
      cmocka_unit_test(a_queue_for_one_item_never_holds_two),
      cmocka_unit_test(a_kill_at_any_named_point_harms_nobody_else),
      cmocka_unit_test(a_stopped_lock_holder_costs_timeouts_only),
      cmocka_unit_test(a_killed_sleeper_takes_nobodys_wake_up),
      cmocka_unit_test(close_wakes_readers_and_writers),
      cmocka_unit_test(a_hundred_thousand_items_outlive_their_writer),
      cmocka_unit_test(each_producers_order_is_kept_with_mixed_sizes),
      cmocka_unit_test(a_storm_of_signals_is_invisible),
      cmocka_unit_test(a_large_item_gets_through_a_storm),
  };
  return cmocka_run_group_tests_name("queue_kill", tests, NULL, NULL);
}
