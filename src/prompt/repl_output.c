/*
 * prompt/repl_output.c - what is shown beside the line that is typed; see repl_internal.h.
 *
 * All that a person sees of a run comes through here: what its processes print, and reports, tables and prompts, in which
 * there are names and texts of the script. In strict mode the terminal gets no more of it than text and colours: other
 * sequences command it, or have it answer as if the answer had been typed.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/policy.h"
#include "prompt/repl_internal.h"

enum {
  READ_BYTES = 64 * 1024,
  DRAIN_BYTES = 1 << 20,   /* at once, however fast children write */
  LINE_NS = NS_PER_SECOND, /* how long a long line may take to come */
  LINE_LOOK_MS = 10
};

int repl_showable(const struct repl *r, const void *text, size_t len, struct buf *to) {
  struct text_stream s = {0};
  return policy_is_strict(r->o->policy) ? text_stream_show(&s, to, text, len, true)
                                        : buf_append(to, text, len);
}

/* A piece of the stream `s`. Without memory for what is safe, nothing is shown. */
static void put(struct repl *r, struct text_stream *s, const void *text, size_t len, bool last) {
  struct buf safe = {0};
  if (!policy_is_strict(r->o->policy))
    editor_output(r->editor, text, len);
  else if (text_stream_show(s, &safe, text, len, last) == 0)
    editor_output(r->editor, safe.data, safe.len);
  buf_release(&safe);
}

void repl_output(struct repl *r, const void *text, size_t len) {
  struct text_stream s = {0};
  put(r, &s, text, len, true);
}

void repl_say(struct repl *r, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text - 1, format, args);
  va_end(args);
  size_t len = n < 0 ? 0 : (size_t)n < sizeof text - 2 ? (size_t)n : sizeof text - 2;
  text[len] = '\n';
  repl_drain_lines(r);
  editor_output_flush(r->editor);
  repl_output(r, text, len + 1);
}

void repl_drain(struct repl *r) {
  char data[READ_BYTES];
  for (size_t total = 0; total < DRAIN_BYTES;) {
    ssize_t n = read(r->output_read, data, sizeof data);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return;
    put(r, &r->printed, data, (size_t)n, false);
    total += (size_t)n;
  }
}

/* A line for which it was waited in vain is not waited for again: meanwhile nobody looks at limits, and code that has broken out
 * of Lua could leave it as it is for ever. */
void repl_drain_lines(struct repl *r) {
  int64_t until = clock_now_ns() + LINE_NS;
  struct pollfd more = {.fd = r->output_read, .events = POLLIN};
  for (;;) {
    bool printing = r->run->printing(r->o->host);
    repl_drain(r);
    if (!editor_output_unfinished(r->editor) || (!printing && !r->run->printing(r->o->host)))
      break;
    if (r->line_in_vain || clock_now_ns() > until) {
      r->line_in_vain = true;
      return;
    }
    poll(&more, 1, LINE_LOOK_MS);
  }
  r->line_in_vain = false;
}

void repl_drain_end(struct repl *r) {
  repl_drain(r);
  put(r, &r->printed, NULL, 0, true);
}
