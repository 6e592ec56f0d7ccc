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

enum { LEN_MAX = 1 << 30, PART_BYTES = 64 * 1024 };

void link_release(struct link *l) { buf_release(&l->in); }

static int send_all(int fd, const void *data, size_t len) {
  const uint8_t *next = data;
  while (len > 0) {
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    ssize_t n = send(fd, next, len, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN)
      poll(&room, 1, -1);
    else if (n < 0 && errno != EINTR)
      return -SBX_EGONE;
    if (n > 0) {
      next += n;
      len -= (size_t)n;
    }
  }
  return 0;
}

int link_send(const struct link *l, enum frame_kind kind, uint32_t number, const void *text,
              size_t len) {
  struct head h = {.kind = kind, .number = number, .len = len};
  int rc = send_all(l->fd, &h, sizeof h);
  return rc || len == 0 ? rc : send_all(l->fd, text, len);
}

/* Take a whole frame out of what was read. 1, 0 or a code. */
static int take(struct link *l, struct frame *f) {
  struct head h;
  if (l->in.len < sizeof h)
    return 0;
  memcpy(&h, l->in.data, sizeof h);
  if (h.len > LEN_MAX)
    return -SBX_EDATA;
  size_t whole = sizeof h + (size_t)h.len;
  if (l->in.len < whole)
    return 0;
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
