/* os/process/outlet.c - see outlet.h. */
#include "os/process/outlet.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/pidfd.h"
#include "os/process/signals.h"
#include "os/shared/broker.h"
#include "os/shared/line.h"
#include "os/shared/proc.h"
#include "os/shared/spin.h"

enum {
  LOOK_NS = 10 * 1000 * 1000,
  LOOKS_STOPPED = 20,    /* a holder that is stopped for so long is replaced */
  LOOKS_SUPERVISOR = 10, /* the supervisor waits no longer */
  ROUNDS_AWAKE = 20,
  PAUSES = 16
};

bool outlet_is_one_place(void) {
  struct stat out, err;
  return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
         out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

struct outlet *outlet_of_stderr(struct control *c) {
  return &c->outlets[outlet_is_one_place() ? 0 : 1];
}

/* -- holding ----------------------------------------------------------------------------------- */

static void futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *most) {
  syscall(SYS_futex, word, op, value, most, NULL, 0);
}

bool outlet_try_hold(struct outlet *o, uint64_t who) {
  uint64_t nobody = 0;
  return atomic_load_explicit(&o->writer, memory_order_relaxed) == 0 &&
         atomic_compare_exchange_strong(&o->writer, &nobody, who);
}

/* One that writes a short line is soon done. */
static bool hold_awake(struct outlet *o, uint64_t who) {
  if (spin_processors() < 2)
    return false;
  for (int round = 0; round < ROUNDS_AWAKE; round++) {
    for (int i = 0; i < PAUSES; i++)
      spin_pause();
    if (outlet_try_hold(o, who))
      return true;
  }
  return false;
}

/* The copier has no record. */
static bool copier_ended(uint64_t who) {
  struct pollfd end = {.fd = pidfd_open_of((pid_t)(who & ~OUTLET_COPIER)), .events = POLLIN};
  if (end.fd < 0)
    return errno == ESRCH;
  bool ended = poll(&end, 1, 0) > 0;
  close(end.fd);
  return ended;
}

bool outlet_holder_is_lost(const struct control *c, uint64_t holder, unsigned *looks) {
  if (holder == OUTLET_SUPERVISOR)
    return false;
  if (holder & OUTLET_COPIER)
    return copier_ended(holder);
  if (process_gone(c, holder, true))
    return true;
  char state = proc_state(c->processes[who_slot(holder)].pid);
  *looks = state == 'T' || state == 't' ? *looks + 1 : 0;
  return *looks > LOOKS_STOPPED;
}

static int hold_asleep(const struct control *c, struct outlet *o, uint64_t who) {
  const struct timespec most = {.tv_nsec = LOOK_NS};
  unsigned stopped = 0;
  for (unsigned looks = 0;; looks++) {
    atomic_store(&o->contended, 1);
    uint64_t holder = atomic_load(&o->writer);
    if (holder == 0 || outlet_holder_is_lost(c, holder, &stopped))
      if (atomic_compare_exchange_strong(&o->writer, &holder, who))
        return 0;
    if (who == OUTLET_SUPERVISOR && looks == LOOKS_SUPERVISOR)
      return EAGAIN;
    if (who != OUTLET_SUPERVISOR && the_backend->interrupted && looks > 0)
      return EINTR;
    futex(&o->contended, FUTEX_WAIT, 1, &most);
  }
}

int outlet_hold(const struct control *c, struct outlet *o, uint64_t who) {
  return outlet_try_hold(o, who) || hold_awake(o, who) ? 0 : hold_asleep(c, o, who);
}

void outlet_let_go(struct outlet *o, uint64_t who) {
  if (!atomic_compare_exchange_strong(&o->writer, &who, 0))
    return; /* it was replaced */
  if (atomic_exchange(&o->contended, 0))
    futex(&o->contended, FUTEX_WAKE, 1, NULL);
}

/* -- writing ----------------------------------------------------------------------------------- */

/* Take away what was written. */
static void advance(struct iovec parts[2], size_t n) {
  for (int i = 0; i < 2; i++) {
    size_t part = n < parts[i].iov_len ? n : parts[i].iov_len;
    parts[i].iov_base = (char *)parts[i].iov_base + part;
    parts[i].iov_len -= part;
    n -= part;
  }
}

/* As much as goes, once. 0, or an errno. */
static int write_some(int fd, struct iovec parts[2]) {
  struct pollfd room = {.fd = fd, .events = POLLOUT};
  FAULT("output.write");
  ssize_t n =
      parts[0].iov_len ? writev(fd, parts, 2) : write(fd, parts[1].iov_base, parts[1].iov_len);
  if (n >= 0)
    advance(parts, (size_t)n);
  else if (errno == EAGAIN) /* somebody made it non-blocking: it may be shared with anybody */
    poll(&room, 1, -1);
  else if (errno != EINTR || (the_backend && the_backend->interrupted))
    return errno;
  return 0;
}

static void mark(struct outlet *o, bool torn) {
  atomic_store_explicit(&o->torn, torn, memory_order_release);
}

void outlet_write_all(int fd, const void *data, size_t len) {
  struct iovec parts[2] = {{0}, {(void *)(uintptr_t)data, len}};
  while (parts[1].iov_len > 0 && write_some(fd, parts) == 0)
    continue;
}

bool outlet_clear_below(int fd, struct outlet *o) {
  if (!atomic_load_explicit(&o->below, memory_order_relaxed))
    return false;
  atomic_store(&o->below, 0);
  FAULT("output.erase");
  outlet_write_all(fd, OUTLET_ERASE_BELOW, strlen(OUTLET_ERASE_BELOW));
  return true;
}

bool outlet_begin(int fd, struct outlet *o, uint64_t who, bool whole_lines) {
  bool erased = outlet_clear_below(fd, o);
  uint64_t open = atomic_load_explicit(&o->open, memory_order_relaxed);
  if (open)
    atomic_store_explicit(&o->open, 0, memory_order_relaxed);
  if (!atomic_load_explicit(&o->torn, memory_order_acquire) &&
      (open == 0 || open == who || !whole_lines))
    return erased;
  outlet_write_all(fd, "\n", 1);
  mark(o, false);
  return erased;
}

bool outlet_ends_line(const struct iovec parts[2]) {
  const struct iovec *last = &parts[parts[1].iov_len > 0];
  return last->iov_len == 0 || ((const char *)last->iov_base)[last->iov_len - 1] == '\n';
}

int outlet_emit(const struct control *c, struct outlet *o, int fd, uint64_t who, size_t whole,
                bool opens, struct iovec parts[2]) {
  bool whole_lines = outlet_ends_line(parts);
  bool breakable = parts[0].iov_len + parts[1].iov_len > whole;
  int rc = outlet_hold(c, o, who);
  if (rc)
    return rc;
  bool erased = outlet_begin(fd, o, who, whole_lines);
  if (breakable)
    mark(o, true);
  while (rc == 0 && parts[0].iov_len + parts[1].iov_len > 0) {
    if (atomic_load(&o->writer) != who) { /* it was stopped for long */
      if ((rc = outlet_hold(c, o, who)))
        return rc;
      erased |= outlet_begin(fd, o, who, whole_lines);
      mark(o, true);
    }
    rc = write_some(fd, parts);
  }
  if (rc == 0 && breakable && atomic_load(&o->writer) == who)
    mark(o, false);
  if (opens)
    atomic_store_explicit(&o->open, who, memory_order_relaxed);
  outlet_let_go(o, who);
  if (erased)
    broker_tell(the_backend, BROKER_PROGRESS);
  return rc;
}

bool outlet_in_flight(const struct control *c) {
  const struct outlet *o = &c->outlets[0];
  uint64_t holder = atomic_load(&o->writer);
  if (holder == 0 || holder == OUTLET_SUPERVISOR || !atomic_load(&o->torn))
    return false;
  if (holder & OUTLET_COPIER)
    return !copier_ended(holder);
  if (process_gone(c, holder, false))
    return false;
  char state = proc_state(c->processes[who_slot(holder)].pid);
  return state && !strchr("TtZX", state);
}
