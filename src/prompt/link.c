/* prompt/link.c - see link.h. */
#include "prompt/link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"

struct head {
  uint32_t kind, number;
  uint64_t len; /* of the text */
};

enum { LEN_MAX = 64 << 20, PART_BYTES = 64 * 1024 };

void link_release(struct link *l) { buf_release(&l->in); }

/* Returns whether there is. */
static bool await_room(struct link *l) {
  struct pollfd room = {.fd = l->fd, .events = POLLOUT};
  l->broken = poll(&room, 1, l->patience_ms ? l->patience_ms : -1) == 0;
  return !l->broken;
}

static int send_all(struct link *l, const void *data, size_t len) {
  const uint8_t *next = data;
  while (len > 0) {
    ssize_t n = send(l->fd, next, len, MSG_NOSIGNAL | (l->patience_ms ? MSG_DONTWAIT : 0));
    if (n < 0 && errno != EINTR && (errno != EAGAIN || !await_room(l)))
      return -SBX_EGONE;
    if (n > 0) {
      next += n;
      len -= (size_t)n;
    }
  }
  return 0;
}

int link_send(struct link *l, enum frame_kind kind, uint32_t number, const void *text, size_t len) {
  len = len < LEN_MAX ? len : LEN_MAX;
  struct head h = {.kind = kind, .number = number, .len = len};
  if (l->broken)
    return -SBX_EGONE;
  int rc = send_all(l, &h, sizeof h);
  return rc || len == 0 ? rc : send_all(l, text, len);
}

/* The head of what was read. 1: the whole frame is there; 0, or -SBX_EDATA. */
static int look(const struct link *l, struct head *h) {
  if (l->broken)
    return -SBX_EDATA;
  if (l->in.len < sizeof *h)
    return 0;
  memcpy(h, l->in.data, sizeof *h);
  return h->len > LEN_MAX ? -SBX_EDATA : l->in.len - sizeof *h >= h->len;
}

bool link_has_frame(const struct link *l) {
  struct head h;
  return look(l, &h) == 1;
}

/* Take a whole frame out of what was read. 1, 0 or a code. */
static int take(struct link *l, struct frame *f) {
  struct head h;
  int rc = look(l, &h);
  if (rc <= 0)
    return rc;
  size_t whole = sizeof h + (size_t)h.len;
  f->text.len = 0;
  if (buf_append(&f->text, l->in.data + sizeof h, (size_t)h.len) || buf_append_byte(&f->text, '\0'))
    return -SBX_ENOMEM;
  f->text.len--;
  f->kind = h.kind;
  f->number = h.number;
  memmove(l->in.data, l->in.data + whole, l->in.len - whole);
  l->in.len -= whole;
  return 1;
}

int link_receive(struct link *l, struct frame *f, bool wait) {
  for (;;) {
    int rc = take(l, f);
    if (rc)
      return rc;
    if (buf_reserve(&l->in, PART_BYTES))
      return -SBX_ENOMEM;
    struct pollfd there = {.fd = l->fd, .events = POLLIN};
    if (wait && poll(&there, 1, -1) < 0) /* ended by any signal, where recv would be restarted */
      return -SBX_EINTERRUPTED;
    ssize_t n = recv(l->fd, l->in.data + l->in.len, PART_BYTES, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      return -SBX_EINTERRUPTED;
    if (n < 0 && errno == EAGAIN && wait)
      continue;
    if (n < 0 && errno == EAGAIN)
      return 0;
    if (n <= 0)
      return -SBX_EGONE;
    l->in.len += (size_t)n;
  }
}
