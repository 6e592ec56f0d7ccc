/* tests/support/os_steps.c - see os_steps.h. */
#include "support/os_steps.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "os/shared/line.h"

enum {
  STEPPING_BUDGET = 30 * 1000
}; /* instructions of all victims together, where they are stepped all the way */

static uintptr_t passed[STEPS_MAX]; /* where the first victim was after n steps; 0: not known */

void steps_begin(void) {
  ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  raise(SIGSTOP);
}

/* The signal with which the victim stops. */
static int stopped_with(pid_t pid) {
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFSTOPPED(status));
  return WSTOPSIG(status);
}

bool steps_stopped_inside(pid_t pid) {
  int with = stopped_with(pid);
  CHECK(with == SIGTRAP || with == SIGSTOP);
  return with == SIGTRAP;
}

/* Let it go on, by PTRACE_CONT or PTRACE_SINGLESTEP, until it is stopped by that; a signal that wakes it it gets. False if it
 * stopped by itself. */
static bool go_on(pid_t pid, enum __ptrace_request how) {
  int with = 0;
  do {
    CHECK_EQ(ptrace(how, pid, NULL, (void *)(intptr_t)with), 0);
    with = stopped_with(pid);
  } while (with == WAKE_SIGNAL);
  CHECK(with == SIGTRAP || with == SIGSTOP);
  return with == SIGTRAP;
}

static bool step(pid_t pid) { return go_on(pid, PTRACE_SINGLESTEP); }

#if defined(__x86_64__)

enum { STEPPED = 0 };

static const size_t rip = offsetof(struct user, regs.rip);

static uintptr_t place_of(pid_t pid) { return (uintptr_t)ptrace(PTRACE_PEEKUSER, pid, rip, NULL); }

/* Run to the next time that the victim comes to an address. False if it does not. */
static bool run_to(pid_t pid, uintptr_t place) {
  long text = ptrace(PTRACE_PEEKTEXT, pid, place, NULL), trap = (text & ~0xffL) | 0xcc;
  CHECK_EQ(ptrace(PTRACE_POKETEXT, pid, place, trap), 0);
  if (!go_on(pid, PTRACE_CONT))
    return false;
  CHECK_EQ(place_of(pid), place + 1);
  CHECK_EQ(ptrace(PTRACE_POKEUSER, pid, rip, place), 0);
  CHECK_EQ(ptrace(PTRACE_POKETEXT, pid, place, text), 0);
  return true;
}

bool steps_run(pid_t pid, long n) {
  CHECK(!steps_stopped_inside(pid));
  for (long i = 1; i <= n; i++) {
    if (passed[i] != passed[n] || (i > 1 && passed[i - 1] == passed[i]))
      continue;
    if (!run_to(pid, passed[n]))
      return false;
    if (i < n && !step(pid)) /* past the breakpoint */
      return false;
  }
  return true;
}

#else

enum { STEPPED = 1 };

static uintptr_t place_of(pid_t pid) {
  (void)pid;
  return 0;
}

bool steps_run(pid_t pid, long n) {
  CHECK(!steps_stopped_inside(pid));
  for (long i = 1; i <= n; i++)
    if (!step(pid))
      return false;
  return true;
}

#endif

long steps_record(pid_t pid) {
  long steps = 0;
  CHECK(!steps_stopped_inside(pid)); /* in steps_begin() */
  for (; steps < STEPS_MAX - 2 && step(pid); steps++)
    passed[steps + 1] = place_of(pid);
  passed[steps + 1] = 0;
  CHECK(steps > 50 && steps < STEPS_MAX - 2);
  return steps;
}

long steps_first(long steps, long most, long *ret_stride) {
  long stride = most ? (steps + most - 1) / most : 1;
  if (getenv("SANDBOX_EVERY_STEP"))
    stride = 1;
  if (STEPPED)
    stride += steps * steps / 2 / STEPPING_BUDGET;
  stride += steps * (stage_slowness() - 1) / 3000;
  *ret_stride = stride;
  return 1 + getpid() % stride;
}

long steps_next(long n, long stride) {
  n += stride;
  while (!STEPPED && passed[n] && passed[n] == passed[n - 1])
    n++; /* an instruction that repeats itself: a breakpoint knows it once */
  return n;
}

/* -- scenes ------------------------------------------------------------------------------------ */

static const struct steps_scene *playing;

static struct stage {
  _Atomic uint64_t victim;
  struct gate go, woken;
} *the_waker; /* NULL: there is none */

uint64_t steps_victim(void) { return the_waker->victim; }

/* Or it was seen often to wait, though not to sleep: one that is stepped on a busy machine may find at each of its sleeps that
 * it is time to look again. */
static bool victim_sleeps(unsigned *seen) {
  enum { OFTEN = 200 };
  uint64_t who = the_waker->victim;
  if (who == 0)
    return false;
  const struct process_record *p = &the_backend->control->processes[who_slot(who)];
  bool waits = atomic_load(&p->op_kind) == playing->waits;
  *seen += waits;
  return process_gone(the_backend->control, who, false) ||
         (waits && (state_of_pid(p->pid) == 'S' || *seen > OFTEN));
}

static _Noreturn int wake_rounds(void *arg) {
  (void)arg;
  for (;;) {
    unsigned seen = 0;
    gate_wait(the_waker->go);
    while (!victim_sleeps(&seen))
      usleep(20);
    playing->wake();
    gate_open(the_waker->woken, 1);
  }
}

static void start_waker(void) {
  the_waker = shared_memory(sizeof *the_waker);
  the_waker->go = gate_new();
  the_waker->woken = gate_new();
  spawn_process(wake_rounds, NULL);
}

static int victim(void *arg) {
  (void)arg;
  if (the_waker)
    the_waker->victim = who_of(the_backend->slot, the_backend->serial);
  if (playing->prelude)
    playing->prelude();
  steps_begin();
  playing->act();
  raise(SIGSTOP);
  return 0;
}

/* One victim, killed after n instructions; n 0: after all of them, which are counted into `steps`. Returns whether its op has
 * happened. */
static bool play_round(long n, long *steps) {
  if (playing->before)
    playing->before();
  if (the_waker) {
    the_waker->victim = 0;
    gate_open(the_waker->go, 1);
  }
  struct object *p = spawn_process(victim, NULL);
  if (n == 0)
    *steps = steps_record(pid_of(p));
  else
    steps_run(pid_of(p), n);
  kill_process(p);
  if (the_waker)
    gate_wait(the_waker->woken);
  return playing->check();
}

void steps_play(const struct steps_scene *scene, long most) {
  sigset_t chld;
  long stride, steps, rounds = 0, happened = 0;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD); /* each step would raise one */
  sigprocmask(SIG_BLOCK, &chld, NULL);
  playing = scene;
  if (scene->wake)
    start_waker();
  CHECK(play_round(0, &steps));
  for (long n = steps_first(steps, most, &stride); n <= steps; n = steps_next(n, stride)) {
    happened += play_round(n, NULL);
    rounds++;
  }
  printf("           %-32s %5ld instructions, %4ld kills, %4ld after the change, stride %ld\n",
         scene->name, steps, rounds, happened, stride);
  CHECK(happened > 0 && happened < rounds);
}

/* -- the tests of a program --------------------------------------------------------------------- */

static const struct steps_tests *tests;
static const void *the_scene;

static const char *name_of(const void *scene) {
  const char *name;
  memcpy(&name, scene, sizeof name);
  return name;
}

static void play(void) { tests->play(the_scene); }

static void run_scene(void **state) {
  the_scene = *state;
  stage_run(name_of(the_scene), play, 120);
}

int steps_main(int argc, char **argv, const struct steps_tests *t) {
  struct CMUnitTest *list = calloc(t->count, sizeof *list);
  CHECK(list);
  tests = t;
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  for (size_t i = 0; i < t->count; i++) {
    const char *scene = (const char *)t->scenes + i * t->size;
    list[i] = (struct CMUnitTest){.name = name_of(scene),
                                  .test_func = run_scene,
                                  .initial_state = (void *)(uintptr_t)scene};
  }
  int failed = _cmocka_run_group_tests(t->group, list, t->count, NULL, NULL);
  free(list);
  return failed;
}
