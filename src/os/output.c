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
  const struct control *control;
  const struct process_record *process;
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

/* Shall nobody see what this process prints now? */
static bool unwanted(const struct tagged *t) {
  uint64_t follow = atomic_load_explicit(&t->control->follow, memory_order_relaxed);
  return atomic_load_explicit(&t->process->muted, memory_order_relaxed) ||
         (follow && follow != t->process->serial);
}

static int flush_line(struct tagged *t) {
  int rc = unwanted(t) ? 0 : write_fully(t->fd, t->line.data, t->line.len);
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

static FILE *tagged_stream(struct tagged *t, int fd, const struct control *c, uint32_t slot) {
  buf_release(&t->line);
  t->fd = fd;
  t->control = c;
  t->process = &c->processes[slot];
  snprintf(t->tag, sizeof t->tag, "[%s#%llu] ", t->process->name,
           (unsigned long long)t->process->serial);
  cookie_io_functions_t io = {.write = tagged_write};
  FILE *f = fopencookie(t, "w", io);
  if (f)
    setvbuf(f, NULL, _IOLBF, LINE_BYTES);
  return f;
}

static struct tagged tagged[2]; /* of stdout and stderr; unused while the tag is empty */

void output_tagged(const struct control *c, uint32_t slot) {
  FILE *out = tagged_stream(&tagged[0], STDOUT_FILENO, c, slot);
  FILE *err = tagged_stream(&tagged[1], STDERR_FILENO, c, slot);
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
