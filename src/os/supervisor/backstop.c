/* os/supervisor/backstop.c - see backstop.h. */
#include "os/supervisor/backstop.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum {
  GRACE_NS = 1000 * 1000 * 1000,
  TICKS_MOST = 4, /* a second apart */
  NO_TIMER = -1
};

static int timer = NO_TIMER; /* the kernel's number */
static int exit_status;
static volatile sig_atomic_t ticks;

/* Nothing here may wait. */
static void end_now(void) {
  static const char text[] =
      "\nsandbox: the time limit of the run was reached, and its supervisor was held up\n";
  int flags = fcntl(STDERR_FILENO, F_GETFL);
  fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
  ssize_t unused = write(STDERR_FILENO, text, sizeof text - 1);
  (void)unused;
  fcntl(STDERR_FILENO, F_SETFL, flags);
  _exit(exit_status);
}

static void on_tick(int signal) {
  (void)signal;
  if (timer != NO_TIMER && ++ticks > TICKS_MOST)
    end_now();
}

void backstop_begin(int64_t time_ns, int status) {
  struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMAX};
  int64_t first_ns = time_ns + GRACE_NS;
  const struct itimerspec when = {
      .it_value = {.tv_sec = first_ns / NS_PER_SECOND, .tv_nsec = first_ns % NS_PER_SECOND},
      .it_interval = {.tv_sec = 1}};
  ticks = 0;
  exit_status = status;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGRTMAX, &action, NULL) ||
      syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) ||
      syscall(SYS_timer_settime, timer, 0, &when, NULL))
    timer = NO_TIMER; /* the run has its limits without it */
}

void backstop_hold_off(void) { ticks = 0; }

void backstop_end(void) {
  if (timer != NO_TIMER)
    syscall(SYS_timer_delete, timer);
  timer = NO_TIMER;
}
