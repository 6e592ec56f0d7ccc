/* prompt/show_waits.c - who waits for whom, in a table and in sentences; see show.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/width.h"
#include "look/waits.h"
#include "prompt/show.h"
#include "prompt/show_internal.h"

enum { HELPERS = 3, SENTENCES = 8 };

/* -- the table ------------------------------------------------------------------------------- */

static int put_one(const struct snapshot *s, uint32_t process, const struct show *how,
                   struct buf *out) {
  if (s->processes[process].id == how->idle)
    return buf_format(out, "you");
  return waits_tell_process(s, process, out);
}

/* "b#3, you", "b#3, time", "nobody" */
static void cell_helpers(struct table *t, const struct snapshot *s, uint32_t process,
                         const struct show *how) {
  struct buf text = {0};
  uint32_t list[HELPERS];
  uint32_t total = waits_for(s, process, list, HELPERS);
  bool timed = s->processes[process].op.deadline_ns != SBX_FOREVER;
  if (waits_for_unknown(s, process)) {
    buf_format(&text, "anybody");
    total = 0;
  }
  for (uint32_t i = 0; i < total && i < HELPERS; i++) {
    buf_format(&text, "%s", i ? ", " : "");
    put_one(s, list[i], how, &text);
  }
  if (total > HELPERS)
    buf_format(&text, ", %" PRIu32 " more", total - HELPERS);
  if (timed)
    buf_format(&text, "%stime", text.len ? ", " : "");
  if (text.len == 0)
    buf_format(&text, "nobody");
  show_cell_text(t, NULL, &text);
  buf_release(&text);
}

static const struct table_column waits_columns[] = {
    {.title = "PROCESS", .least = 8},
    {.title = "WAITS IN"},
    {.title = "FOR", .least = 8},
    {.title = "SINCE", .align = TABLE_RIGHT, .rank = 2},
    {.title = "HELPED BY", .rank = 1, .least = 8},
    {.title = "AT", .rank = 3, .least = 12, .tail = true}};

static void row(struct table *t, const struct snapshot *s, uint32_t i, const struct show *how) {
  const struct snapshot_process *p = &s->processes[i];
  struct buf text = {0};
  waits_tell_process(s, i, &text);
  show_cell_text(t, p->stuck == STUCK_FOR_EVER ? style_red : NULL, &text);
  table_cell(t, NULL, "%s", op_describe(p->op.kind)->verb);
  waits_tell_object(s, i, true, &text);
  show_cell_text(t, NULL, &text);
  show_cell_since(t, s, p);
  cell_helpers(t, s, i, how);
  table_cell(t, style_dim, "%s", p->where);
  buf_release(&text);
}

static bool waits(const struct snapshot_process *p) {
  return p->lives && p->status == PROCESS_RUNNING && p->op.kind != OP_NONE;
}

/* -- sentences ------------------------------------------------------------------------------- */

/* One line of text; words are not broken, the lines after the first are indented more. */
static int put_wrapped(const char *text, size_t len, int width, struct buf *out) {
  size_t indent = 0;
  int rc = 0;
  while (indent < len && text[indent] == ' ')
    indent++;
  for (bool first = true; len > 0 && rc == 0; first = false) {
    int room = first ? width : width - (int)indent - 2;
    size_t part = width_prefix(text, len, room > 8 ? room : 8);
    if (part < len) {
      size_t space = part;
      while (space > (first ? indent : 0) && text[space] != ' ')
        space--;
      part = space > (first ? indent : 0) ? space : part;
    }
    rc = first ? 0 : buf_format(out, "%*s", (int)indent + 2, "");
    if (rc == 0)
      rc = buf_append(out, text, part);
    if (rc == 0)
      rc = buf_append_byte(out, '\n');
    part += part < len && text[part] == ' ';
    text += part;
    len -= part;
  }
  return rc;
}

int show_wrapped(const char *text, size_t len, int columns, struct buf *out) {
  int rc = 0;
  while (len > 0 && rc == 0) {
    const char *newline = memchr(text, '\n', len);
    size_t line = newline ? (size_t)(newline - text) : len;
    rc = put_wrapped(text, line, columns, out);
    line += newline != NULL;
    text += line;
    len -= line;
  }
  return rc;
}

/* "deadlock: a#2 waits ...; b#3 waits ..." */
static int tell_chain(const struct snapshot *s, uint32_t first, const struct show *how, bool *told,
                      struct buf *out) {
  bool closed;
  struct buf chain = {0}, text = {0};
  int rc = waits_tell_chain(s, first, how->idle, told, &closed, &chain);
  const char *kind = s->processes[first].stuck == STUCK_FOR_EVER ? "deadlock"
                     : closed                                    ? "deadlock, unless you help"
                                                                 : "waiting for you";
  if (rc == 0)
    rc = buf_format(&text, "%s: %.*s", kind, (int)chain.len, (const char *)chain.data);
  if (rc == 0)
    rc = show_wrapped((const char *)text.data, text.len, how->style.columns, out);
  buf_release(&chain);
  buf_release(&text);
  return rc;
}

/* All chains of one kind of stuck processes. */
static int tell_all(const struct snapshot *s, enum stuck kind, const struct show *how, bool *told,
                    struct buf *out) {
  int rc = 0;
  uint32_t sentences = 0, untold = 0;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++) {
    if (s->processes[i].stuck != kind || told[i])
      continue;
    if (sentences++ < SENTENCES)
      rc = tell_chain(s, i, how, told, out);
    else
      untold++;
  }
  if (rc == 0 && untold)
    rc = buf_format(out, "and %" PRIu32 " more\n", untold);
  return rc;
}

int show_waits(const struct snapshot *s, const struct show *how, struct buf *out) {
  struct table t;
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++)
    n += waits(&s->processes[i]);
  if (n == 0)
    return buf_format(out, "nobody waits\n");
  table_begin(&t, waits_columns, sizeof waits_columns / sizeof *waits_columns);
  for (uint32_t i = 0; i < s->process_count; i++)
    if (waits(&s->processes[i]))
      row(&t, s, i, how);
  bool *told = calloc(s->process_count, sizeof *told);
  int rc = table_end(&t, &how->style, out);
  if (rc == 0)
    rc = told ? tell_all(s, STUCK_FOR_EVER, how, told, out) : -SBX_ENOMEM;
  if (rc == 0)
    rc = tell_all(s, STUCK_HELP, how, told, out);
  free(told);
  return rc;
}

/* -- who still runs -------------------------------------------------------------------------- */

/* "writer#2 (in put for queue jobs#1)" */
static int put_running(const struct snapshot *s, uint32_t i, struct buf *out) {
  const struct snapshot_process *p = &s->processes[i];
  int rc = waits_tell_process(s, i, out);
  if (rc || (p->status != PROCESS_STOPPED && p->op.kind == OP_NONE))
    return rc;
  if (p->status == PROCESS_STOPPED)
    return buf_format(out, " (stopped)");
  rc = buf_format(out, " (in %s%s", op_describe(p->op.kind)->verb,
                  p->op.kind == OP_CLOCK_SLEEP ? "" : " for ");
  if (rc == 0)
    rc = waits_tell_object(s, i, false, out);
  return rc ? rc : buf_append_byte(out, ')');
}

/* As many of the `n` as there is room for. */
static int put_all_running(const struct snapshot *s, uint32_t n, int width, struct buf *line) {
  uint32_t told = 0;
  int rc = 0;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++) {
    size_t here = line->len;
    if (!s->processes[i].lives || s->processes[i].slot == 0)
      continue;
    rc = buf_format(line, "%s", told ? ", " : "");
    if (rc == 0)
      rc = put_running(s, i, line);
    int more = n - told > 1 ? (int)sizeof ", ... 999 more" - 1 : 0;
    if (rc == 0 && told && width_of((const char *)line->data, line->len) + more > width) {
      line->len = here;
      return buf_format(line, ", ... %" PRIu32 " more", n - told);
    }
    told++;
  }
  return rc;
}

int show_running(const struct snapshot *s, const struct show *how, struct buf *out) {
  uint32_t n = 0;
  struct buf line = {0};
  for (uint32_t i = 0; i < s->process_count; i++)
    n += s->processes[i].lives && s->processes[i].slot != 0;
  if (n == 0)
    return 0;
  int rc = buf_format(&line, "%" PRIu32 " process%s still run%s: ", n, n == 1 ? "" : "es",
                      n == 1 ? "s" : "");
  if (rc == 0)
    rc = put_all_running(s, n, how->style.columns, &line);
  const char *text = (const char *)line.data;
  if (rc == 0)
    rc = buf_append(out, text, width_prefix(text, line.len, how->style.columns));
  buf_release(&line);
  return rc ? rc : buf_append_byte(out, '\n');
}
