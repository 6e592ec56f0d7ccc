/* prompt/repl_trace.c - what was recorded of the run, as a chart, tables and files; see
 * repl_internal.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "look/trace/gantt.h"
#include "look/trace/stats.h"
#include "look/trace/words.h"
#include "prompt/repl_internal.h"

/* -- which part ------------------------------------------------------------------------------ */

static int explain(struct buf *out, int rc, const char *why) {
  return buf_format(out, "%s", why) ? -SBX_ENOMEM : rc;
}

/* The number in a text; -1 for "". */
static int read_seconds(const char *text, double *ret, struct buf *why) {
  char *end = NULL;
  *ret = *text ? strtod(text, &end) : -1;
  if (*text == '\0' || (*end == '\0' && *ret > 0 && isfinite(*ret)))
    return 0;
  return explain(why, -SBX_EINVAL, "the seconds must be a number above 0");
}

/* The run's time so many seconds ago; 0 for -1. */
static int64_t time_ago(const struct repl *r, double seconds) {
  double from = (double)chunk_now(r) - seconds * NS_PER_SECOND;
  return seconds < 0 || from < 0 ? 0 : (int64_t)from;
}

static int read_trace(struct repl *r, int64_t from_ns, struct trace_model *ret, struct buf *why) {
  const char *text = "";
  int rc = r->run->trace(r->o->host, from_ns, ret, &text);
  return rc ? explain(why, rc, text) : 0;
}

/* Append a text with a blank for each line break. */
static int put_flat(struct buf *out, const char *text) {
  int rc = 0;
  for (const char *at = text + strspn(text, " \t\n"); *at && rc == 0;) {
    size_t line = strcspn(at, "\n"), gap = strspn(at + line, " \t\n");
    rc = buf_append(out, at, line);
    if (rc == 0 && at[line + gap])
      rc = buf_append_byte(out, ' ');
    at += line + gap;
  }
  return rc;
}

/* What the part is of stands where else the command is. */
static int set_title(struct trace_model *m, const char *text) {
  struct buf line = {0};
  struct trace_facts facts = m->facts;
  int rc = put_flat(&line, text);
  if (rc == 0)
    rc = buf_append_byte(&line, '\0');
  facts.command = (const char *)line.data;
  if (rc == 0)
    rc = trace_set_facts(m, &facts);
  buf_release(&line);
  return rc;
}

/* Take a part of `whole`, which is released.
 *   title  NULL: it keeps the command */
static int take_part(struct trace_model *whole, int64_t from_ns, int64_t to_ns, const char *title,
                     struct trace_model *ret, struct buf *why) {
  int rc = trace_model_window(whole, from_ns, to_ns, ret);
  trace_model_release(whole);
  if (rc == 0 && title && (rc = set_title(ret, title)))
    trace_model_release(ret);
  return rc ? explain(why, rc, error_text(rc)) : 0;
}

static int take_seconds(struct repl *r, double seconds, struct trace_model *ret, struct buf *why) {
  struct trace_model whole;
  char time[WORDS_MAX], title[WORDS_MAX + sizeof "the last "];
  int64_t from = time_ago(r, seconds);
  int rc = read_trace(r, from, &whole, why);
  if (rc)
    return rc;
  snprintf(title, sizeof title, "the last %s",
           words_duration(whole.facts.end_ns - from, !r->o->utf8, time));
  return take_part(&whole, from, INT64_MAX, title, ret, why);
}

/* The last chunk that did something, and what it left running. */
static int take_chunk(struct repl *r, struct trace_model *ret, struct buf *why) {
  const struct chunk *c = chunk_of_interest(r);
  struct trace_model whole;
  if (!c)
    return explain(why, -SBX_EINVAL, "nothing has been done yet");
  int rc = read_trace(r, c->from_ns, &whole, why);
  if (rc)
    return rc;
  int64_t to = c->to_ns < 0 ? whole.facts.end_ns
                            : trace_model_reach(&whole, (uint32_t)c->session, c->from_ns, c->to_ns);
  return take_part(&whole, c->from_ns, to, c->text, ret, why);
}

/* The part that `seconds` says; for "", that of the last chunk. */
static int take(struct repl *r, const char *seconds, struct trace_model *ret, struct buf *why) {
  double n;
  int rc = read_seconds(seconds, &n, why);
  if (rc)
    return rc;
  return n < 0 ? take_chunk(r, ret, why) : take_seconds(r, n, ret, why);
}

/* -- shown ----------------------------------------------------------------------------------- */

static int draw_timeline(struct repl *r, const struct trace_model *m, int rows, struct buf *out) {
  const struct gantt_options o = {.columns = show_columns(STDOUT_FILENO),
                                  .rows = rows,
                                  .utf8 = r->o->utf8,
                                  .color = r->o->color,
                                  .typed = true};
  return gantt_draw(&m, 1, &o, out);
}

static int draw_stats(struct repl *r, const struct trace_model *m, int rows, struct buf *out) {
  struct style style = repl_show(r).style;
  (void)rows;
  style.ascii = !r->o->utf8;
  return stats_text(m, &style, out);
}

typedef int draw_fn(struct repl *r, const struct trace_model *m, int rows, struct buf *out);

static int draw_part(struct repl *r, draw_fn *draw, const char *seconds, int rows,
                     struct buf *out) {
  struct trace_model m;
  int rc = take(r, seconds, &m, out);
  if (rc)
    return rc;
  rc = draw(r, &m, rows, out);
  trace_model_release(&m);
  return rc ? explain(out, rc, error_text(rc)) : 0;
}

int trace_picture(struct repl *r, const char *seconds, int rows, struct buf *out) {
  return draw_part(r, draw_timeline, seconds, rows, out);
}

static int show_timeline(struct repl *r, const char *const arguments[2], struct buf *out) {
  struct winsize size;
  bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
  return draw_part(r, draw_timeline, arguments[0], known ? size.ws_row : 24, out);
}

static int show_stats(struct repl *r, const char *const arguments[2], struct buf *out) {
  return draw_part(r, draw_stats, arguments[0], 0, out);
}

/* Their times are the run's, which sandbox.now() tells. */
static int show_all_marks(struct repl *r, const char *const arguments[2], struct buf *out) {
  struct trace_model m;
  double n;
  int rc = read_seconds(arguments[0], &n, out);
  if (rc == 0)
    rc = read_trace(r, time_ago(r, n), &m, out);
  if (rc)
    return rc;
  struct show how = repl_show(r);
  rc = show_marks(&m, &how, out);
  trace_model_release(&m);
  return rc ? explain(out, rc, error_text(rc)) : 0;
}

/* -- written --------------------------------------------------------------------------------- */

/* Does the model name a place in this source? */
static bool names_source(const struct trace_model *m, const char *source) {
  size_t len = strlen(source);
  for (uint32_t i = 1; i < m->string_count; i++)
    if (strncmp(m->strings[i], source, len) == 0 && m->strings[i][len] == ':')
      return true;
  return false;
}

/* What was typed, as far as it is known and of use, so that lines of it can be shown. */
static int add_chunks(const struct repl *r, struct trace_model *m) {
  char name[32];
  int rc = 0;
  for (int i = 0; i < CHUNKS && rc == 0; i++) {
    const struct chunk *c = &r->chunks[i];
    size_t len = c->text ? strlen(c->text) : 0;
    snprintf(name, sizeof name, "repl:%u", c->number);
    if (c->number > 0 && len > 0 && len <= CHUNK_SOURCE && c->session == r->b->self->id(r->b) &&
        names_source(m, name))
      rc = trace_add_source(m, name, c->text, len);
  }
  return rc;
}

/* "wrote x.html: 4 processes, 12.3s, 210 KB" */
static int tell_file(const struct trace_model *m, const char *path, bool utf8, struct buf *out) {
  struct stat about = {0};
  char processes[WORDS_MAX], time[WORDS_MAX], size[WORDS_MAX];
  stat(path, &about);
  return buf_format(out, "wrote %s: %s process%s, %s, %s KB\n", path,
                    words_count(m->process_count, processes), m->process_count == 1 ? "" : "es",
                    words_duration(m->facts.end_ns, !utf8, time),
                    words_count(((uint64_t)about.st_size + 1023) / 1024, size));
}

static void tell_failure(const char *path, int rc, struct buf *why, struct buf *out) {
  if (why->len == 0)
    buf_format(why, "%s", error_text(rc));
  buf_format(out, "'%s': %.*s", path, (int)why->len, (const char *)why->data);
}

static int write_file(struct repl *r, const char *const arguments[2], struct buf *out) {
  struct trace_model m;
  struct buf why = {0};
  double n;
  int rc = read_seconds(arguments[1], &n, out);
  if (rc == 0)
    rc = n < 0 ? read_trace(r, 0, &m, out) : take_seconds(r, n, &m, out);
  if (rc)
    return rc;
  rc = add_chunks(r, &m);
  if (rc == 0)
    rc = r->run->trace_write(r->o->host, &m, arguments[0], &why);
  if (rc)
    tell_failure(arguments[0], rc, &why, out);
  buf_release(&why);
  if (rc == 0)
    rc = tell_file(&m, arguments[0], r->o->utf8, out);
  trace_model_release(&m);
  return rc;
}

/* -- which of them --------------------------------------------------------------------------- */

int trace_show(struct repl *r, const char *verb, const char *const arguments[2], struct buf *out) {
  static const struct {
    const char *verb;
    int (*run)(struct repl *r, const char *const arguments[2], struct buf *out);
  } verbs[] = {{"timeline", show_timeline},
               {"stats", show_stats},
               {"marks", show_all_marks},
               {"trace", write_file}};
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (strcmp(verbs[i].verb, verb) == 0)
      return verbs[i].run(r, arguments, out);
  return -SBX_EINVAL;
}
