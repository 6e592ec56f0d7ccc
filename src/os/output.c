/*
 * os/output.c - stdout and stderr of a process that shares them with others.
 *
 * Lines are the unit: every stream is line-buffered with a buffer large enough that a line is one
 * write(2), which neither a file nor, up to PIPE_BUF bytes, a pipe mixes with another's (write(2),
 * pipe(7)).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "object/op.h"
#include "os/output.h"

enum { LINE_BYTES = 64 * 1024 };

void output_line_buffered(void) {
  static char out[LINE_BYTES], err[LINE_BYTES]; /* must live as long as the streams */
  setvbuf(stdout, out, _IOLBF, sizeof out);
  setvbuf(stderr, err, _IOLBF, sizeof err);
}

/* A stream whose lines are tagged: what was written since the last newline waits in `line`. */
struct tagged {
  int fd;
  char tag[NAME_MAX_BYTES + 32];
  struct buf line;
};

static int write_fully(int fd, const uint8_t *data, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    data += n;
    len -= (size_t)n;
  }
  return 0;
}

static int flush_line(struct tagged *t) {
  int rc = write_fully(t->fd, t->line.data, t->line.len);
  t->line.len = 0;
  return rc;
}

static ssize_t tagged_write(void *cookie, const char *data, size_t len) {
  struct tagged *t = cookie;
  for (size_t at = 0; at < len;) {
    const char *newline = memchr(data + at, '\n', len - at);
    size_t part = newline ? (size_t)(newline - data) + 1 - at : len - at;
    if (t->line.len == 0 && buf_append(&t->line, t->tag, strlen(t->tag)))
      return 0;
    if (buf_append(&t->line, data + at, part))
      return 0;
    at += part;
    if (newline && flush_line(t))
      return 0;
  }
  return (ssize_t)len;
}

static FILE *tagged_stream(struct tagged *t, int fd, const char *name, uint64_t id) {
  buf_release(&t->line);
  t->fd = fd;
  snprintf(t->tag, sizeof t->tag, "[%s#%llu] ", name, (unsigned long long)id);
  cookie_io_functions_t io = {.write = tagged_write};
  FILE *f = fopencookie(t, "w", io);
  if (f)
    setvbuf(f, NULL, _IOLBF, LINE_BYTES);
  return f;
}

static struct tagged tagged[2]; /* of stdout and stderr; unused while the tag is empty */

void output_tagged(const char *name, uint64_t id) {
  FILE *out = tagged_stream(&tagged[0], STDOUT_FILENO, name, id);
  FILE *err = tagged_stream(&tagged[1], STDERR_FILENO, name, id);
  if (out)
    stdout = out;
  if (err)
    stderr = err;
}

void output_flush_all(void) {
  fflush(NULL);
  for (int i = 0; i < 2; i++)
    if (tagged[i].line.len > 0 && buf_append_byte(&tagged[i].line, '\n') == 0)
      flush_line(&tagged[i]);
}
