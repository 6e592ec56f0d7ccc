/* os/process/below.c - see below.h. */
#include "os/process/below.h"

#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/process/outlet.h"
#include "os/shared/line.h"

bool below_possible(void) {
  struct termios modes;
  struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
  pid_t foreground = tcgetpgrp(STDERR_FILENO); /* -1: it is no controlling terminal */
  return (foreground < 0 || foreground == getpgrp()) && tcgetattr(STDERR_FILENO, &modes) == 0 &&
         (modes.c_lflag & ICANON) && poll(&room, 1, 0) == 1 && (room.revents & POLLOUT);
}

bool below_stands(struct control *c) { return atomic_load(&outlet_of_stderr(c)->below); }

_Atomic uint64_t *below_note_lent(struct control *c, uint64_t who) {
  for (int i = 0; i < LENT_MAX; i++) {
    uint64_t was = atomic_load(&c->lent[i]);
    if ((was == 0 || process_gone(c, was, true)) &&
        atomic_compare_exchange_strong(&c->lent[i], &was, who))
      return &c->lent[i];
  }
  return NULL;
}

/* It waits for nobody; but a holder that is gone never lets go. */
static bool hold_at_once(struct control *c, struct outlet *o) {
  uint64_t holder = atomic_load(&o->writer);
  unsigned looks = 0;
  return outlet_try_hold(o, OUTLET_SUPERVISOR) ||
         (holder && holder != OUTLET_SUPERVISOR && outlet_holder_is_lost(c, holder, &looks) &&
          atomic_compare_exchange_strong(&o->writer, &holder, OUTLET_SUPERVISOR));
}

static bool is_lent(const struct control *c) {
  for (int i = 0; i < LENT_MAX; i++) {
    uint64_t who = atomic_load(&c->lent[i]);
    if (who && !process_gone(c, who, true))
      return true;
  }
  return false;
}

/* See 7 in outlet.h. */
static int put_below(struct buf *out, const char *rows, size_t len, int count) {
  int rc = buf_append(out, OUTLET_ERASE_BELOW, strlen(OUTLET_ERASE_BELOW));
  for (int i = 0; i < count && rc == 0; i++)
    rc = buf_format(out, "\033D");
  if (rc == 0 && count > 0)
    rc = buf_format(out, "\033[%dA\0337\r\n", count);
  for (const char *end; rc == 0 && (end = memchr(rows, '\n', len));) {
    rc = buf_format(out, "%.*s\r\n", (int)(end - rows), rows);
    len -= (size_t)(end + 1 - rows);
    rows = end + 1;
  }
  if (rc == 0 && count > 0)
    rc = buf_format(out, "%.*s\0338", (int)len, rows);
  return rc;
}

bool below_show(struct control *c, const char *rows, size_t len, int count) {
  struct outlet *o = outlet_of_stderr(c);
  struct buf out = {0};
  bool done = put_below(&out, rows ? rows : "", len, count) == 0 && hold_at_once(c, o);
  if (done && !is_lent(c)) {
    outlet_write_all(STDERR_FILENO, out.data, out.len);
    atomic_store(&o->below, count > 0);
  }
  if (done)
    outlet_let_go(o, OUTLET_SUPERVISOR);
  buf_release(&out);
  return done;
}
