/* tests/support/os_steps.c - see os_steps.h. */
#include "support/os_steps.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum {
  STEPPING_BUDGET = 30 * 1000
}; /* instructions of all victims together, where they are stepped all the way */

static uintptr_t passed[STEPS_MAX]; /* where the first victim was after n steps; 0: not known */

void steps_begin(void) {
  ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  raise(SIGSTOP);
}

bool steps_stopped_inside(pid_t pid) {
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFSTOPPED(status));
  CHECK(WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP);
  return WSTOPSIG(status) == SIGTRAP;
}

static bool step(pid_t pid) {
  CHECK_EQ(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
  return steps_stopped_inside(pid);
}

#if defined(__x86_64__)

enum { STEPPED = 0 };

static const size_t rip = offsetof(struct user, regs.rip);

static uintptr_t place_of(pid_t pid) { return (uintptr_t)ptrace(PTRACE_PEEKUSER, pid, rip, NULL); }

/* Run to the next time that the victim comes to an address. False if it does not. */
static bool run_to(pid_t pid, uintptr_t place) {
  long text = ptrace(PTRACE_PEEKTEXT, pid, place, NULL), trap = (text & ~0xffL) | 0xcc;
  CHECK_EQ(ptrace(PTRACE_POKETEXT, pid, place, trap), 0);
  CHECK_EQ(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
  if (!steps_stopped_inside(pid))
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
