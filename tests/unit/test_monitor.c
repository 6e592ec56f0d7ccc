/* tests/unit/test_monitor.c - a change is whole or absent, whoever dies; a lock never costs more than a timeout. */
#include "support/os_world.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static const enum lock_rank RANK = RANK_QUEUE_PUT;

enum { WORDS = 6 };

/* A monitor with its two copies. */
struct box {
  struct monitor monitor;
  uint64_t state[2][WORDS];
};

static const uint64_t *state_of(struct box *m) { return monitor_state(&m->monitor, m->state[0], WORDS); }
static uint64_t *next_of(struct box *m) { return monitor_next(&m->monitor, m->state[0], WORDS, WORDS); }
static uint64_t read_all(const struct box *m, uint64_t ret[WORDS]) {
  return monitor_read(&m->monitor, m->state[0], WORDS, WORDS, ret);
}

static struct box *monitor_new(void) {
  struct box *m = shared_memory(sizeof *m);
  CHECK_EQ(monitor_init(&m->monitor), 0);
  return m;
}

/* The invariant between the words: a mixture of two states has it not. */
static void set_words(uint64_t w[WORDS], uint64_t n) {
  for (uint64_t i = 0; i < WORDS; i++)
    w[i] = n * (1 + i * UINT64_C(0x9e3779b97f4a7c16));
}

static void check_words(const uint64_t w[WORDS]) {
  uint64_t wanted[WORDS];
  set_words(wanted, w[0]);
  CHECK(memcmp(w, wanted, sizeof wanted) == 0);
}

static void step(struct box *m) {
  CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, NULL), 0);
  const uint64_t *now = state_of(m);
  check_words(now);
  uint64_t n = now[0];
  uint64_t *next = next_of(m);
  check_words(next);
  for (int i = 0; i < 8; i++) { /* half-written for as long as possible */
    set_words(next, n + 100 + (uint64_t)i);
    set_words(next, n + 1);
  }
  monitor_commit(&m->monitor);
  CHECK_EQ(state_of(m)[0], n + 1);
  monitor_unlock(&m->monitor, RANK);
}

/* -- one process ------------------------------------------------------------------------------- */

TEST_ON_STAGE(a_change_counts_when_it_is_committed, 10) {
  struct box *m = monitor_new();
  uint64_t w[WORDS];
  CHECK_EQ(read_all(m, w), 0);
  check_words(w);
  CHECK_EQ(w[0], 0);
  CHECK_EQ(monitor_lock(&m->monitor, RANK, 0, NULL), 0);
  uint64_t *next = next_of(m);
  set_words(next, 1);
  read_all(m, w);
  CHECK_EQ(w[1], 0);
  monitor_unlock(&m->monitor, RANK); /* not committed: nothing happened */
  CHECK_EQ(monitor_lock(&m->monitor, RANK, 0, NULL), 0);
  CHECK_EQ(next_of(m)[1], 0);
  set_words(next_of(m), 2);
  monitor_commit(&m->monitor);
  CHECK_EQ(state_of(m)[0], 2);
  monitor_unlock(&m->monitor, RANK);
  CHECK_EQ(read_all(m, w), 1);
  check_words(w);
}

/* -- kills ------------------------------------------------------------------------------------- */

struct kill_board {
  struct box *m;
  _Atomic int stop;
  _Atomic uint64_t reads;
};

static void read_for_ever(struct kill_board *board) {
  uint64_t w[WORDS], last = 0, last_generation = 0;
  while (!board->stop) {
    uint64_t generation = read_all(board->m, w);
    check_words(w);
    CHECK(w[0] >= last && generation >= last_generation);
    CHECK_EQ(w[0], generation); /* one step, one commit */
    last = w[0];
    last_generation = generation;
    board->reads++;
  }
  _exit(0);
}

static pid_t fork_stepper(struct box *m) {
  pid_t pid = fork();
  if (pid == 0)
    for (;;)
      step(m);
  return pid;
}

/* Three write and are killed at random, one by one and replaced; one reads without the lock all the time. */
TEST_ON_STAGE(a_commit_is_atomic_under_random_kills, 40) {
  enum { ROUNDS = 600, STEPPERS = 3 };
  struct kill_board *board = shared_memory(sizeof *board);
  board->m = monitor_new();
  pid_t reader = fork();
  if (reader == 0)
    read_for_ever(board);
  uint64_t seed = 3, before = 0;
  pid_t steppers[STEPPERS];
  for (int i = 0; i < STEPPERS; i++)
    steppers[i] = fork_stepper(board->m);
  int holders = 0;
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t w[WORDS];
    int victim = (int)(random_next(&seed) % STEPPERS);
    uint64_t until = before + random_next(&seed) % 500;
    while (read_all(board->m, w) < until) /* by progress, not by time */
      usleep(20);
    if (round % 2) /* aim at the holder: the lock word has its thread id */
      for (int tries = 0; tries < 100000; tries++) {
        pid_t holder = (pid_t)(*(volatile int *)&board->m->monitor.mutex & 0x3fffffff);
        for (int i = 0; i < STEPPERS; i++)
          if (steppers[i] == holder) {
            victim = i;
            holders++;
            tries = 100000;
          }
      }
    kill(steppers[victim], SIGKILL);
    reap_pid(steppers[victim]);
    before = read_all(board->m, w);
    check_words(w);
    CHECK_EQ(w[0], before);
    steppers[victim] = fork_stepper(board->m);
  }
  for (int i = 0; i < STEPPERS; i++) {
    kill(steppers[i], SIGKILL);
    reap_pid(steppers[i]);
  }
  board->stop = 1;
  CHECK_EQ(reap_pid(reader), 0);
  step(board->m); /* and it goes on */
  CHECK(board->reads > 100);
  CHECK(holders > ROUNDS / 8);
}

/* The child dies as the holder, before or after the commit. */
static void die_holding(struct box *m, bool commit) {
  pid_t pid = fork();
  if (pid == 0) {
    CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, NULL), 0);
    uint64_t n = state_of(m)[0];
    set_words(next_of(m), n + 1);
    if (commit)
      monitor_commit(&m->monitor);
    raise(SIGKILL);
  }
  reap_pid(pid);
}

TEST_ON_STAGE(the_lock_of_a_dead_holder_is_recovered, 20) {
  struct box *m = monitor_new();
  uint64_t n = 0;

  for (int i = 0; i < 300; i++) {
    bool commit = i % 3 == 0;
    die_holding(m, commit);
    n += commit;
    CHECK_EQ(monitor_lock(&m->monitor, RANK, i % 2 ? 0 : SBX_FOREVER, NULL), 0);
    CHECK_EQ(state_of(m)[0], n);
    check_words(state_of(m));
    monitor_unlock(&m->monitor, RANK);
  }

  CHECK_EQ(n, 100);
}

/* A waiter that sleeps in the lock when its holder dies is woken. */
TEST_ON_STAGE(a_sleeping_waiter_inherits_from_a_dead_holder, 20) {
  struct box *m = monitor_new();
  struct gate held = gate_new();
  for (int i = 0; i < 50; i++) {
    pid_t holder = fork();
    if (holder == 0) {
      CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, NULL), 0);
      gate_open(held, 1);
      pause();
    }
    gate_wait(held);
    pid_t waiter = fork();
    if (waiter == 0) {
      monitor_forget_ranks();
      CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, NULL), 0);
      monitor_unlock(&m->monitor, RANK);
      _exit(0);
    }
    while (state_of_pid(waiter) != 'S')
      usleep(20);
    kill(holder, SIGKILL);
    reap_pid(holder);
    CHECK_EQ(reap_pid(waiter), 0);
  }
}

/* -- a stopped holder -------------------------------------------------------------------------- */

static pid_t stop_holding(struct box *m) {
  struct gate held = gate_new();
  pid_t pid = fork();
  if (pid == 0) {
    CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, NULL), 0);
    gate_open(held, 1);
    raise(SIGSTOP);
    monitor_unlock(&m->monitor, RANK);
    _exit(0);
  }
  gate_wait(held);
  await_stopped(pid);
  return pid;
}

TEST_ON_STAGE(a_stopped_holder_costs_a_timeout, 20) {
  struct box *m = monitor_new();
  pid_t pid = stop_holding(m);
  int64_t t0 = clock_now_ns();
  CHECK_EQ(monitor_lock(&m->monitor, RANK, 0, NULL), -SBX_ETIMEDOUT);
  CHECK_EQ(monitor_lock(&m->monitor, RANK, t0, NULL), -SBX_ETIMEDOUT);
  CHECK(clock_now_ns() - t0 >= 150 * NS_PER_MS); /* a slice each: a poll does not fail for a holder that runs */
  int64_t deadline = in_ms(250);
  CHECK_EQ(monitor_lock(&m->monitor, RANK, deadline, NULL), -SBX_ETIMEDOUT);
  CHECK(clock_now_ns() >= deadline);
  kill(pid, SIGCONT);
  CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, NULL), 0);
  monitor_unlock(&m->monitor, RANK);
  CHECK_EQ(reap_pid(pid), 0);
}

static volatile int interrupted;
static void on_usr1(int signal) {
  (void)signal;
  interrupted = 1;
}

TEST_ON_STAGE(an_interrupt_ends_the_wait_for_a_lock, 20) {
  struct box *m = monitor_new();
  pid_t pid = stop_holding(m);
  interrupted = 1;
  CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, &interrupted), -SBX_EINTERRUPTED);
  interrupted = 0;
  signal(SIGUSR1, on_usr1);
  pid_t main_pid = getpid();
  pid_t killer = fork();
  if (killer == 0) {
    while (state_of_pid(main_pid) != 'S')
      usleep(50);
    kill(main_pid, SIGUSR1);
    _exit(0);
  }
  CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, &interrupted), -SBX_EINTERRUPTED);
  CHECK_EQ(interrupted, 1);
  kill(pid, SIGCONT);
  reap_pid(pid);
  CHECK_EQ(monitor_lock(&m->monitor, RANK, SBX_FOREVER, &interrupted), 0); /* free: an interrupt is no obstacle */
  monitor_unlock(&m->monitor, RANK);
}

/* Several processes, no kills: no step is lost, and a poll never fails while holders run. */
TEST_ON_STAGE(no_step_is_lost, 30) {
  enum { PROCESSES = 4, STEPS = 20000 };
  struct box *m = monitor_new();
  pid_t pids[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      for (int k = 0; k < STEPS; k++) {
        CHECK_EQ(monitor_lock(&m->monitor, RANK, 0, NULL), 0);
        set_words(next_of(m), state_of(m)[0] + 1);
        monitor_commit(&m->monitor);
        monitor_unlock(&m->monitor, RANK);
      }
      _exit(0);
    }
  }
  for (int i = 0; i < PROCESSES; i++)
    CHECK_EQ(reap_pid(pids[i]), 0);
  uint64_t w[WORDS];
  CHECK_EQ(read_all(m, w), PROCESSES * STEPS);
  CHECK_EQ(w[0], PROCESSES * STEPS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_change_counts_when_it_is_committed),
      cmocka_unit_test(a_commit_is_atomic_under_random_kills),
      cmocka_unit_test(the_lock_of_a_dead_holder_is_recovered),
      cmocka_unit_test(a_sleeping_waiter_inherits_from_a_dead_holder),
      cmocka_unit_test(a_stopped_holder_costs_a_timeout),
      cmocka_unit_test(an_interrupt_ends_the_wait_for_a_lock),
      cmocka_unit_test(no_step_is_lost),
  };
  return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
