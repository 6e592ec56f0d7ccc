/* lua/state/report.c - how a failure is printed; see report.h. */
#include "lua/state/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/forged.h"
#include "base/text.h"

static const char bold_red[] = "\033[1;31m", yellow[] = "\033[33m", dim[] = "\033[2m",
                  plain[] = "\033[0m";

/* What the host sets before the first fork, and what is the same in every process of the run, and
 * in every Lua state of a process: so it belongs to no process, and to no state. */
static bool in_color;
static void (*writer)(const void *text, size_t len); /* NULL: fd_write_stderr */

static bool shows_controls; /* likewise */

void report_show_controls(bool show) { shows_controls = show; }

void report_set_color(bool color) { in_color = color; }

bool report_color(void) { return in_color; }

/* -- format ----------------------------------------------------------------------------------- */

static int put(struct buf *out, const char *text) { return buf_append(out, text, strlen(text)); }

/* What a script may have made. */
static int put_text(struct buf *out, const char *text, size_t len) {
  return shows_controls ? text_show_controls(out, text, len) : buf_append(out, text, len);
}

/* Append `len` bytes of text; if `color`, between the code of a colour and the code that ends
 * it. */
static int put_colored(struct buf *out, bool color, const char *code, const char *text,
                       size_t len) {
  int rc = color ? put(out, code) : 0;
  if (!rc)
    rc = put_text(out, text, len);
  if (!rc && color)
    rc = put(out, plain);
  return rc;
}

/* " (process writer#2, pid 4711)", " (process writer#2 on bert)" */
static int put_process(struct buf *out, const struct report *r) {
  char tail[160];
  bool far = r->host && *r->host != '\0';
  if (far)
    snprintf(tail, sizeof tail, "#%" PRIu32 " on %.64s)", r->id, r->host);
  else
    snprintf(tail, sizeof tail, "#%" PRIu32 ", pid %" PRId64 ")", r->id, r->pid);
  int rc = put(out, " (process ");
  if (!rc)
    rc = put_text(out, r->name, strlen(r->name));
  return rc ? rc : put(out, tail);
}

static int put_message(struct buf *out, const struct report *r, bool color) {
  size_t first = strcspn(r->message, "\n");
  const char *rest = r->message + first;
  int rc = r->bare ? 0 : put(out, "sandbox: ");
  if (!rc)
    rc = put_colored(out, color, bold_red, r->message, first);
  if (!rc && r->name)
    rc = put_process(out, r);
  if (!rc && *rest != '\0')
    rc = put_colored(out, color, bold_red, rest, strlen(rest));
  return rc ? rc : put(out, "\n");
}

static int put_hint(struct buf *out, const struct report *r, bool color) {
  if (!r->hint || *r->hint == '\0')
    return 0;
  int rc = color ? put(out, yellow) : 0;
  if (!rc)
    rc = put(out, "hint: ");
  if (!rc)
    rc = put_text(out, r->hint, strlen(r->hint));
  if (!rc && color)
    rc = put(out, plain);
  return rc ? rc : put(out, "\n");
}

static int put_traceback(struct buf *out, const struct report *r, bool color) {
  if (!r->traceback || *r->traceback == '\0')
    return 0;
  int rc = put_colored(out, color, dim, r->traceback, strlen(r->traceback));
  return rc ? rc : put(out, "\n");
}

static int put_spawned_at(struct buf *out, const struct report *r) {
  if (!r->name || !r->spawned_at || *r->spawned_at == '\0')
    return 0;
  int rc = put(out, r->task ? "submitted at " : "spawned at ");
  if (!rc)
    rc = put_text(out, r->spawned_at, strlen(r->spawned_at));
  return rc ? rc : put(out, "\n");
}

/* The first line alone begins as that of a report does: what a script has put into the others says nothing that the
 * program says. */
static int mark_lines(struct buf *out, size_t from) {
  struct buf text = {0};
  const char *first = (const char *)out->data + from, *end = (const char *)out->data + out->len;
  const char *rest = memchr(first, '\n', (size_t)(end - first));
  size_t len = rest ? (size_t)(end - ++rest) : 0;
  if (!rest || !forged_is_in(rest, len))
    return 0;
  int rc = forged_mark(&text, rest, len);
  if (!rc) {
    out->len -= len;
    rc = buf_append(out, text.data, text.len);
  }
  buf_release(&text);
  return rc;
}

int report_format(const struct report *r, bool color, struct buf *out) {
  size_t from = out->len;
  int rc = put_message(out, r, color);
  if (!rc)
    rc = put_hint(out, r, color);
  if (!rc)
    rc = put_traceback(out, r, color);
  if (!rc)
    rc = put_spawned_at(out, r);
  return rc ? rc : mark_lines(out, from);
}

/* -- write ------------------------------------------------------------------------------------ */

void report_set_writer(void (*w)(const void *text, size_t len)) { writer = w; }

void report_write(const void *data, size_t len) {
  if (writer) {
    writer(data, len);
    return;
  }
  fflush(stderr);
  fd_write_stderr(data, len);
}

void report_print(const struct report *r) {
  struct buf text = {0};
  if (report_format(r, in_color, &text) == 0)
    report_write(text.data, text.len);
  else
    report_write(r->message, strlen(r->message));
  buf_release(&text);
}
