/*
 * tests/fault/test_queue_step.c - SIGKILL after every single instruction of put, get and peek.
 *
 * For n = 1, 2, 3 ... a victim is killed when it has done n instructions of one op. Afterwards the
 * item is whole or absent, every other item is there once, in order and intact, len is exact, the
 * next ops work, and whoever sleeps on the queue is woken by what they do. Not all n have their
 * turn each time: the stride is printed; SANDBOX_EVERY_STEP=1 makes it 1.
 */
#include "support/os_steps.h"

#include <signal.h>
#include <sys/ptrace.h>

enum { PEEKED = 4 };                         /* items */
enum { KILLS = 350 };                        /* in a scene */
enum { BEFORE = 1, VICTIM, MARKER, WAITER }; /* producers */

enum helper { ALONE, READER_SLEEPS, WRITER_SLEEPS, READER_STOPPED, WRITER_STOPPED };

struct scene {
  const char *name;
  enum op_kind op;
  enum queue_transport transport;
  uint64_t max;
  uint32_t before;    /* items in the queue when the victim begins */
  size_t before_len;  /* of each */
  size_t len;         /* of what the victim puts */
  enum helper helper; /* another process, and what it does */
  bool asleep;        /* auto: the victim believes that a reader sleeps */
  uint32_t gone,
      late; /* items that came and went before: while the queue held one, and after it held all */
};

static const struct scene scenes[] = {
    {"put into the pipe", OP_QUEUE_PUT, TRANSPORT_PIPE, 0, 2, 20, 100, ALONE, false, 0, 0},
    {"put into the log, empty", OP_QUEUE_PUT, TRANSPORT_SHM, 0, 0, 20, 40, ALONE, false, 0, 0},
    {"put into the log", OP_QUEUE_PUT, TRANSPORT_SHM, 0, 3, 600, 700, ALONE, false, 0, 0},
    {"put behind a log that is not empty", OP_QUEUE_PUT, TRANSPORT_PIPE, 0, 2, 700, 20, ALONE,
     false, 0, 0},
    {"put into a full pipe", OP_QUEUE_PUT, TRANSPORT_PIPE, 0, 128, 20, 20, ALONE, false, 0, 0},
    {"put into a bounded pipe", OP_QUEUE_PUT, TRANSPORT_PIPE, 3, 2, 20, 20, ALONE, false, 0, 0},
    {"put into a bounded log", OP_QUEUE_PUT, TRANSPORT_SHM, 3, 2, 20, 20, ALONE, false, 0, 0},
    {"put into the pipe, a reader sleeps", OP_QUEUE_PUT, TRANSPORT_PIPE, 0, 0, 0, 20, READER_SLEEPS,
     false, 0, 0},
    {"put into the log, a reader sleeps", OP_QUEUE_PUT, TRANSPORT_SHM, 0, 0, 0, 20, READER_SLEEPS,
     false, 0, 0},
    {"put of a large item, a reader sleeps", OP_QUEUE_PUT, TRANSPORT_PIPE, 0, 0, 0, 900,
     READER_SLEEPS, false, 0, 0},
    {"get from the pipe", OP_QUEUE_GET, TRANSPORT_PIPE, 0, 3, 100, 0, ALONE, false, 0, 0},
    {"get from the log", OP_QUEUE_GET, TRANSPORT_SHM, 0, 3, 100, 0, ALONE, false, 0, 0},
    {"get of a large item", OP_QUEUE_GET, TRANSPORT_PIPE, 0, 3, 1500, 0, ALONE, false, 0, 0},
    {"get from a bounded pipe, a writer sleeps", OP_QUEUE_GET, TRANSPORT_PIPE, 1, 1, 20, 0,
     WRITER_SLEEPS, false, 0, 0},
    {"get from a bounded log, a writer sleeps", OP_QUEUE_GET, TRANSPORT_SHM, 1, 1, 20, 0,
     WRITER_SLEEPS, false, 0, 0},
    {"get from an empty log, on the way to sleep", OP_QUEUE_GET, TRANSPORT_SHM, 0, 0, 0, 0,
     READER_STOPPED, false, 0, 0},
    {"get from an empty pipe, on the way to sleep", OP_QUEUE_GET, TRANSPORT_PIPE, 0, 0, 0, 0,
     READER_STOPPED, false, 0, 0},
    {"put into a full queue, on the way to sleep", OP_QUEUE_PUT, TRANSPORT_SHM, 1, 1, 20, 20,
     WRITER_STOPPED, false, 0, 0},
    {"auto: put into the log behind the pipe", OP_QUEUE_PUT, TRANSPORT_AUTO, 0, 2, 20, 40, ALONE,
     false, 0, 0},
    {"auto: put into the pipe", OP_QUEUE_PUT, TRANSPORT_AUTO, 0, 0, 20, 40, ALONE, true, 0, 0},
    {"auto: put, the log is not empty", OP_QUEUE_PUT, TRANSPORT_AUTO, 0, 2, 20, 40, ALONE, true, 0,
     0},
    {"auto: put into a bounded queue", OP_QUEUE_PUT, TRANSPORT_AUTO, 3, 2, 20, 40, ALONE, true, 0,
     0},
    {"auto: put, a reader sleeps", OP_QUEUE_PUT, TRANSPORT_AUTO, 0, 0, 0, 20, READER_SLEEPS, false,
     0, 0},
    {"auto: put of a large item, a reader sleeps", OP_QUEUE_PUT, TRANSPORT_AUTO, 0, 0, 0, 900,
     READER_SLEEPS, false, 0, 0},
    {"auto: get from the pipe, more in the log", OP_QUEUE_GET, TRANSPORT_AUTO, 0, 3, 100, 0, ALONE,
     false, 0, 0},
    {"auto: get from the log, the pipe was used", OP_QUEUE_GET, TRANSPORT_AUTO, 0, 2, 100, 0, ALONE,
     false, 0, 1},
    {"auto: get, a writer sleeps", OP_QUEUE_GET, TRANSPORT_AUTO, 1, 1, 20, 0, WRITER_SLEEPS, false,
     0, 0},
    {"auto: get, on the way to sleep", OP_QUEUE_GET, TRANSPORT_AUTO, 0, 0, 0, 0, READER_STOPPED,
     false, 0, 0},
    {"auto: put, on the way to sleep", OP_QUEUE_PUT, TRANSPORT_AUTO, 1, 1, 20, 20, WRITER_STOPPED,
     false, 0, 0},
    {"get of what is lent", OP_QUEUE_GET, TRANSPORT_AUTO, 0, 2, 20000, 0, ALONE, false, 0, 0},
    {"get of what is lent, a writer sleeps", OP_QUEUE_GET, TRANSPORT_SHM, 1, 1, 20000, 0,
     WRITER_SLEEPS, false, 0, 0},
    {"put that turns to the next lap", OP_QUEUE_PUT, TRANSPORT_SHM, 0, 1, 4200, 4200, ALONE, false,
     16, 0},
    {"put into an empty log that is rewound", OP_QUEUE_PUT, TRANSPORT_SHM, 0, 0, 4200, 4200, ALONE,
     false, 16, 1},
    {"peek of several in the pipe", OP_QUEUE_PEEK, TRANSPORT_PIPE, 0, 5, 100, 0, ALONE, false, 0,
     0},
    {"peek of several in the log", OP_QUEUE_PEEK, TRANSPORT_SHM, 0, 5, 700, 0, ALONE, false, 0, 0},
    {"auto: peek of several in the pipe and the log", OP_QUEUE_PEEK, TRANSPORT_AUTO, 0, 5, 100, 0,
     ALONE, false, 0, 0},
    {"get behind a turn", OP_QUEUE_GET, TRANSPORT_SHM, 0, 2, 4200, 0, ALONE, false, 16, 1},
};

/* Shared with the victim and the helper. */
static struct board {
  _Atomic int done; /* the victim's op returned 0 */
  _Atomic uint32_t got_victims, got_markers;
  struct gate go, arrived; /* of the helper */
} * board;

static const struct scene *scene;
static struct object *q;
static struct object *helper;
static uint32_t before_seq, drained_seq; /* of BEFORE: put, and seen */

/* -- the victim -------------------------------------------------------------------------------- */

/* The op is about to sleep: that is as far as it is followed. */
static void stop_here(void *ctx, char where[WHERE_MAX]) {
  (void)ctx;
  where[0] = '\0';
  raise(SIGSTOP);
}

static pid_t fork_victim(uint32_t seq) {
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  struct buf item = {0}, out = {0};
  struct op op = {
      .kind = scene->op, .object = q, .deadline_ns = SBX_FOREVER, .locate = stop_here, .out = &out};
  if (scene->op == OP_QUEUE_PUT) {
    item_make(&item, VICTIM, seq, scene->len);
    op.data = item.data;
    op.len = item.len;
  }
  if (scene->op == OP_QUEUE_PEEK)
    op.number = PEEKED;
  steps_begin();
  op.may_lend = scene->op == OP_QUEUE_GET;
  int rc = perform(&the_backend->base, &op);
  if (rc == -SBX_ELENT) {
    op.kind = OP_QUEUE_TAKE;
    rc = perform(&the_backend->base, &op);
  }
  board->done = rc == 0;
  raise(SIGSTOP);
  return 0;
}

/* -- the helper -------------------------------------------------------------------------------- */

/* Takes whatever comes; a marker ends a round. */
static int read_rounds(void *arg) {
  (void)arg;
  for (;;) {
    uint32_t producer, seq;
    gate_wait(board->go);
    do {
      CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
      CHECK(producer == VICTIM || producer == MARKER);
      board->got_victims += producer == VICTIM;
    } while (producer != MARKER);
    gate_open(board->arrived, 1);
  }
}

static int write_rounds(void *arg) {
  (void)arg;
  for (uint32_t seq = 0;; seq++) {
    gate_wait(board->go);
    CHECK_EQ(put_item(q, WAITER, seq, 20, SBX_FOREVER), 0);
    gate_open(board->arrived, 1);
  }
}

static void start_helper(void) {
  helper = NULL;
  if (scene->helper == READER_SLEEPS || scene->helper == READER_STOPPED)
    helper = spawn_process(read_rounds, NULL);
  if (scene->helper == WRITER_SLEEPS || scene->helper == WRITER_STOPPED)
    helper = spawn_process(write_rounds, NULL);
}

/* -- one round --------------------------------------------------------------------------------- */

/* The helper sleeps in the op. */
static void await_helper(enum op_kind op) {
  gate_open(board->go, 1);
  await_sleep(helper, op);
}

/*
 * The helper is stopped in its sleep, and the bell that is to wake it rings meanwhile: when it goes
 * on, it looks again at the bell that the victim was silencing.
 */
static void stop_helper(enum op_kind op) {
  await_helper(op);
  kill(pid_of(helper), SIGSTOP);
  await_stopped(pid_of(helper));
}

/* `auto`: the first item of those there goes by the pipe, as if a reader slept. */
static void put_before(uint32_t n) {
  for (; n > 0; n--) {
    record_of_queue(q)->put.asleep = len_of(q) == 0;
    CHECK_EQ(put_item(q, BEFORE, before_seq++, scene->before_len, 0), 0);
  }
}

static void get_before(uint32_t n) {
  uint32_t producer, seq;
  for (; n > 0; n--) {
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
    CHECK(producer == BEFORE && seq == drained_seq++);
  }
}

static void set_scene(void) {
  uint32_t producer, seq;
  if (scene->gone) {
    put_before(scene->gone + 1);
    get_before(
        scene->gone); /* that was so much that the log turns, or is rewound, at the next put */
  }
  put_before(scene->late + scene->before - (scene->gone ? 1 : 0));
  get_before(scene->late);
  record_of_queue(q)->put.asleep = scene->asleep;
  board->done = 0;
  switch (scene->helper) {
  case READER_SLEEPS:
    await_helper(OP_QUEUE_GET);
    break;
  case WRITER_SLEEPS:
    await_helper(OP_QUEUE_PUT);
    break;
  case READER_STOPPED:
    stop_helper(OP_QUEUE_GET);
    CHECK_EQ(put_item(q, MARKER, 0, 20, 0), 0);
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
    break;
  case WRITER_STOPPED:
    stop_helper(OP_QUEUE_PUT);
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
    CHECK_EQ(put_item(q, BEFORE, before_seq++, scene->before_len, 0), 0);
    break;
  default:
    break;
  }
}

/* Everything that must be in the queue is, in order; the victim's item may be, and must be if its
 * put returned. */
static void check_alone(uint32_t n) {
  uint32_t producer, seq;
  uint64_t len = len_of(q);
  bool is_put = scene->op == OP_QUEUE_PUT, is_get = scene->op == OP_QUEUE_GET;
  uint64_t least = scene->before - (is_get ? 1 : 0) + (is_put && board->done ? 1 : 0);
  uint64_t most = scene->before + (is_put ? 1 : 0) - (is_get && board->done ? 1 : 0);
  CHECK(len >= least && len <= most);
  if (is_get)
    drained_seq += scene->before - (uint32_t)len;
  while (drained_seq < before_seq) {
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
    CHECK_EQ(producer, BEFORE);
    CHECK_EQ(seq, drained_seq++);
    CHECK_EQ(len_of(q), --len);
  }
  if (len > 0) {
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
    CHECK_EQ(producer, VICTIM);
    CHECK_EQ(seq, n);
  }
  CHECK_EQ(get_item(q, &producer, &seq, 0), -SBX_ETIMEDOUT);
  CHECK_EQ(len_of(q), 0);
  CHECK_EQ(put_item(q, MARKER, n, 30, 0), 0); /* and on it goes */
  CHECK_EQ(put_item(q, MARKER, n + 1, 700, 0), 0);
  CHECK_EQ(len_of(q), 2);
  for (uint32_t i = 0; i < 2; i++) {
    CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
    CHECK(producer == MARKER && seq == n + i);
  }
}

/* What the victim committed wakes the reader, though nobody else does anything. */
static void check_reader(uint32_t n) {
  kill(pid_of(helper), SIGCONT);
  while (len_of(q) > 0)
    usleep(20);
  CHECK_EQ(put_item(q, MARKER, n, 20, 0), 0);
  gate_wait(board->arrived);
  CHECK(board->got_victims <= 1 && board->got_victims >= (uint32_t)board->done);
  board->got_victims = 0;
  CHECK_EQ(len_of(q), 0);
}

/* The place that the victim made wakes the writer; if it made none, ours does. */
static void check_writer(void) {
  uint32_t producer, seq, n = 0;
  kill(pid_of(helper), SIGCONT);
  while (len_of(q) == 0)
    usleep(20);
  do {
    CHECK_EQ(get_item(q, &producer, &seq, SBX_FOREVER), 0);
    CHECK(producer == WAITER || (producer == BEFORE && seq == before_seq - 1 && n == 0));
    CHECK(!(producer == BEFORE && board->done));
    n++;
    while (producer != WAITER && len_of(q) == 0)
      usleep(20);
  } while (producer != WAITER);
  gate_wait(board->arrived);
  CHECK_EQ(len_of(q), 0);
  drained_seq = before_seq;
}

static void check_round(uint32_t n) {
  switch (scene->helper) {
  case ALONE:
    check_alone(n);
    break;
  case READER_SLEEPS:
  case READER_STOPPED:
    check_reader(n);
    break;
  default:
    check_writer();
  }
}

/* Kill after n instructions. False if the op was over before. */
static bool round_of(long n) {
  set_scene();
  pid_t pid = fork_victim((uint32_t)n);
  bool inside = steps_run(pid, n);
  kill(pid, SIGKILL);
  reap_pid(pid);
  check_round((uint32_t)n);
  return inside;
}

/* The whole op, step by step. Returns how many. */
static long first_round(void) {
  set_scene();
  pid_t pid = fork_victim(0);
  long steps = steps_record(pid);
  kill(pid, SIGKILL);
  reap_pid(pid);
  check_round(0);
  return steps;
}

/* What is resolved at its first call, by the dynamic linker, is not part of the op. */
static void warm_up(void) {
  struct buf out = {0};
  char large[700] = {0};
  struct object *other = new_queue(1, scene->transport, 0);
  CHECK_EQ(put(other, large, 20, 0), 0);
  CHECK_EQ(put(other, large, 20, in_ms(1)), -SBX_ETIMEDOUT);
  CHECK_EQ(get(other, &out, 0), 0);
  CHECK_EQ(put(other, large, sizeof large, 0), 0);
  CHECK_EQ(get(other, &out, 0), 0);
  CHECK_EQ(get(other, &out, in_ms(1)), -SBX_ETIMEDOUT);
  CHECK_EQ(put(other, large, 20, 0), 0);
  struct op op = {.kind = OP_QUEUE_PEEK, .object = other, .out = &out, .number = PEEKED};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  buf_release(&out);
  release_object(other);
}

static void play_scene(const void *of) {
  scene = of;
  sigset_t chld;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD); /* each step would raise one */
  sigprocmask(SIG_BLOCK, &chld, NULL);
  os_world_new();
  board = shared_memory(sizeof *board);
  board->go = gate_new();
  board->arrived = gate_new();
  q = new_queue(scene->max, scene->transport, 0);
  /* Whoever sleeps sleeps at once: to watch takes as many instructions as there is time. */
  q->queue->get_spin.skip = q->queue->put_spin.skip = UINT32_MAX;
  warm_up();
  start_helper();
  long stride, steps = first_round(), rounds = 0, inside = 0;
  for (long n = steps_first(steps, KILLS, &stride); n <= steps; n = steps_next(n, stride)) {
    inside += round_of(n);
    rounds++;
  }
  printf("           %-45s %5ld instructions, %5ld kills (%ld inside), stride %ld\n", scene->name,
         steps, rounds, inside, stride);
  /* Stepped slowly, the clock is read more often: some are not reached again. */
  CHECK(inside > rounds / 2);
  if (scene->gone) /* it did what the scene is for */
    CHECK(scene->before > 0 ? side_own(&record_of_queue(q)->put)[PUT_TURN]
                            : side_shown(&record_of_queue(q)->put)[PUT_BASE]);
}

/* -- len -----------------------------------------------------------------------------------------
 */

static _Atomic uint64_t *seen;

static pid_t fork_observer(void) {
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  steps_begin();
  *seen = len_of(q);
  raise(SIGSTOP);
  _exit(0);
}

/* Items come and go, never more than one at a time. */
static void pass_items(void) {
  uint32_t producer, seq;
  for (uint32_t i = 0; i < 6; i++) {
    record_of_queue(q)->put.asleep = i % 2; /* auto: by the pipe, by the log */
    CHECK_EQ(put_item(q, MARKER, i, 20, 0), 0);
    CHECK_EQ(get_item(q, &producer, &seq, 0), 0);
  }
}

/* An observer is held up after each instruction of len, while others go on: it does not count what
 * came and went. */
static void len_is_of_one_moment(void) {
  os_world_new();
  seen = shared_memory(sizeof *seen);
  for (int t = TRANSPORT_AUTO; t <= TRANSPORT_SHM; t++) {
    q = new_queue(0, (enum queue_transport)t, 0);
    pass_items();
    len_of(q);
    pid_t pid = fork_observer();
    long stride, steps = steps_record(pid);
    kill(pid, SIGKILL);
    reap_pid(pid);
    CHECK(steps < 5000);
    for (long n = steps_first(steps, 0, &stride); n <= steps; n = steps_next(n, stride)) {
      *seen = UINT64_MAX;
      pid = fork_observer();
      if (steps_run(pid, n)) {
        pass_items();
        CHECK_EQ(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
        CHECK(!steps_stopped_inside(pid));
      }
      CHECK(*seen <= 1);
      kill(pid, SIGKILL);
      reap_pid(pid);
    }
    release_object(q);
  }
}

static void len_is_of_one_moment_at_every_instruction(void **state) {
  (void)state;
  stage_run("len", len_is_of_one_moment, 60);
}

int main(int argc, char **argv) {
  const struct CMUnitTest len[] = {cmocka_unit_test(len_is_of_one_moment_at_every_instruction)};
  const struct steps_tests tests = {
      "queue_step", scenes, sizeof scenes / sizeof *scenes, sizeof *scenes, play_scene};
  return steps_main(argc, argv, &tests) + cmocka_run_group_tests_name("queue_step_len", len, NULL, NULL);
}
