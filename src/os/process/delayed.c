/* os/process/delayed.c - see delayed.h. */
#include "os/process/delayed.h"

#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/child_code.h"
#include "os/shared/wait.h"

enum { DELAY_NS = 20 * 1000 * 1000 };

static struct {
  int timer;                     /* the kernel's number, -1: not made yet */
  bool on;                       /* stdout gathers */
  bool leaving;                  /* in delayed_flush */
  struct buf *rest;              /* borrowed: where output.c keeps the beginning of a line */
  volatile sig_atomic_t started; /* the timer was, and what it is for was not done yet */
  volatile sig_atomic_t ended;   /* the timer has: it is to be done now */
} delayed = {.timer = -1};

static bool start_timer(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = WAKE_SIGNAL};
  const struct itimerspec soon = {.it_value.tv_nsec = DELAY_NS};
  if (delayed.timer < 0 && syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &delayed.timer) != 0)
    delayed.timer = -1;
  return delayed.timer >= 0 && syscall(SYS_timer_settime, delayed.timer, 0, &soon, NULL) == 0;
}

void delayed_allow(bool on, struct buf *rest) {
  delayed.on = on;
  delayed.rest = rest;
}

bool delayed_leaves(void) { return delayed.leaving; }

/* If the script wants another buffer, it has that. */
void delayed_begin(void) {
  if (!delayed.on || delayed.started || !__flbf(stdout) || !start_timer())
    return;
  delayed.started = 1;
  setvbuf(stdout, NULL, _IOFBF, 0);
}

bool delayed_timer_ended(void) {
  delayed.ended = delayed.started;
  return delayed.ended;
}

/* Let the whole lines that wait go; the beginning of another one goes back into the buffer. */
static void flush_lines(void) {
  size_t waiting = __fpending(stdout);
  if (waiting == 0 || !memrchr(stdout->_IO_write_base, '\n', waiting)) /* glibc's */
    return;
  delayed.leaving = true;
  fflush(stdout);
  delayed.leaving = false;
  if (delayed.rest->len > 0) {
    fwrite(delayed.rest->data, 1, delayed.rest->len, stdout);
    delayed.rest->len = 0;
  }
}

CHILD_CODE
void delayed_flush(void) { /* small, to be inlined */
  if (delayed.started && !delayed.leaving)
    flush_lines();
}

CHILD_CODE
void delayed_flush_late(void) {
  if (!delayed.ended)
    return;
  delayed_flush();
  delayed.ended = delayed.started = 0;
  if (!__flbf(stdout))
    setvbuf(stdout, NULL, _IOLBF, 0);
}

CHILD_CODE
void delayed_forget(void) {
  if (delayed.timer < 0) /* nothing ever has: its page is left alone */
    return;
  if (delayed.started && !__flbf(stdout))
    setvbuf(stdout, NULL, _IOLBF, 0);
  delayed.timer = -1;
  delayed.started = delayed.ended = 0;
}
