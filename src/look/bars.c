/* look/bars.c - progress as text; see bars.h. */
#include "look/bars.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/forged.h"
#include "base/utf8.h"
#include "base/width.h"
#include "look/words.h"
#include "object/progress.h"

enum {
  BAR_LEAST = 5, /* columns: a shorter bar gives way ... */
  BAR_MOST = 40, /* ... and a longer one says no more */
  LABEL_LEAST = 8,
  FIELD_BYTES = 48,
  ZERO_WIDTH_JOINER = 0x200d
};

/* -- numbers ---------------------------------------------------------------------------------- */

static bool has_total(const struct bar *b) { return b->total != PROGRESS_ENDLESS; }

/* How much is done, at most 1. */
static double share(const struct bar *b) {
  return b->count >= b->total ? 1 : (double)b->count / (double)b->total;
}

/* Rounded down: 100 % is all of it. */
static int percent(const struct bar *b) { return (int)(share(b) * 100); }

/* "3:07", "1:02:03" */
static void put_time(double seconds, char ret[FIELD_BYTES]) {
  const double most = 359999999;
  uint64_t s = (uint64_t)(seconds < 0 ? 0 : seconds > most ? most : seconds);
  unsigned sec = (unsigned)(s % 60), min = (unsigned)(s / 60 % 60);
  if (s < 3600)
    snprintf(ret, FIELD_BYTES, "%u:%02u", min, sec);
  else
    snprintf(ret, FIELD_BYTES, "%" PRIu64 ":%02u:%02u", s / 3600, min, sec);
}

/* "1.50/h", "31.0/min", "3.10/s", "310/s", "3.10k/s" */
static void put_rate(double rate, char ret[FIELD_BYTES]) {
  static const char *const units[] = {"", "k", "M", "G", "T", "P"}, *const times[] = {"s", "min",
                                                                                      "h"};
  size_t unit = 0, time = 0;
  for (; rate < 0.1 && time < 2; time++)
    rate *= 60;
  for (; rate >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
    rate /= 1000;
  int digits = rate >= 99.5 ? 0 : rate >= 9.95 ? 1 : 2;
  snprintf(ret, FIELD_BYTES, "%.*f%s/%s", digits, rate, units[unit], times[time]);
}

static double left(const struct bar *b) {
  return (double)(b->total - b->count) * b->elapsed / (double)b->count;
}

static bool knows_left(const struct bar *b) {
  return !b->closed && has_total(b) && b->count > 0 && b->count < b->total && b->elapsed > 0;
}

static bool stopped(const struct bar *b) {
  return b->closed && has_total(b) && b->count < b->total;
}

/* -- text of others --------------------------------------------------------------------------- */

/* Does it break the line, or turn its text around? What joins an emoji does not. */
static bool turns(uint32_t c) { return words_unruly(c) && c != ZERO_WIDTH_JOINER; }

/* Would a line of the program begin so? With a colon behind it a label might be the word. */
static bool is_forged(const char *label) {
  char text[NAME_MAX_BYTES + 1];
  int len = snprintf(text, sizeof text, "%s:", label);
  return forged_is_in(text, (size_t)len);
}

/* A label as a terminal may be sent it: what is no character, or controls it, is replaced. It stands at the beginning of a
 * line, so one that looks like the beginning of a report has a space before it. */
static size_t put_label(const struct bar *b, bool ascii, char ret[NAME_MAX_BYTES]) {
  size_t len = strlen(b->label), n = 0;
  if (is_forged(b->label))
    ret[n++] = ' ';
  for (size_t at = 0, bytes; at < len; at += bytes) {
    uint32_t c;
    bytes = utf8_next(b->label + at, len - at, &c);
    bool shown =
        c >= 0x20 && c != 0x7f && (c < 0x80 || (!ascii && c >= 0xa0 && c != UTF8_BAD && !turns(c)));
    if (!shown) {
      ret[n++] = '?';
      continue;
    }
    memcpy(ret + n, b->label + at, bytes);
    n += bytes;
  }
  return n;
}

void bar_settle(struct bar *bar, const struct bar *before) {
  if (bar->count == before->count && bar->closed == before->closed &&
      (uint64_t)bar->elapsed == (uint64_t)before->elapsed)
    bar->elapsed = before->elapsed;
}

/* -- rows ------------------------------------------------------------------------------------- */

/* The parts of a row behind the bar; and in which order they are kept when there is little room. */
enum field { FIELD_COUNT, FIELD_RATE, FIELD_ELAPSED, FIELD_LEFT, FIELDS };
static const enum field kept[FIELDS] = {FIELD_COUNT, FIELD_LEFT, FIELD_ELAPSED, FIELD_RATE};

struct bar_row {
  char label[NAME_MAX_BYTES];
  size_t label_len;
  char fields[FIELDS][FIELD_BYTES]; /* "": nothing */
};

/* What the rows have in common. */
struct layout {
  int label, percent, bar; /* columns; 0: it is not shown */
  int fields[FIELDS];
};

static void put_count(const struct bar *b, char ret[FIELD_BYTES]) {
  if (!has_total(b)) {
    snprintf(ret, FIELD_BYTES, "%" PRIu64, b->count);
    return;
  }
  char total[24];
  int width = snprintf(total, sizeof total, "%" PRIu64, b->total);
  snprintf(ret, FIELD_BYTES, "%*" PRIu64 "/%s", width, b->count, total);
}

static void fill(struct bar_row *r, const struct bar *b, const struct style *style) {
  *r = (struct bar_row){.label = {0}};
  r->label_len = put_label(b, style->ascii, r->label);
  put_count(b, r->fields[FIELD_COUNT]);
  put_time(b->elapsed, r->fields[FIELD_ELAPSED]);
  if (b->elapsed > 0 && b->count > 0)
    put_rate((double)b->count / b->elapsed, r->fields[FIELD_RATE]);
  if (stopped(b)) {
    snprintf(r->fields[FIELD_LEFT], FIELD_BYTES, "stopped");
  } else if (knows_left(b)) {
    char time[FIELD_BYTES];
    put_time(left(b), time);
    snprintf(r->fields[FIELD_LEFT], FIELD_BYTES, "%.*s left", FIELD_BYTES - 8, time);
  }
}

/* The columns of all but the bar, with the first so many of the fields to be kept. */
static int width_without_bar(const struct layout *l, int fields) {
  int width = l->label + (l->label && l->percent) + l->percent;
  for (int i = 0; i < fields; i++)
    width += l->fields[kept[i]] ? l->fields[kept[i]] + 2 : 0;
  return width;
}

/*
 * Fit the parts into the columns: the label gets a third, at most; fields are left out as long as
 * there is no room for a bar; and at last the bar.
 */
static void fit(struct layout *l, bool any_total, int columns) {
  int fields = FIELDS, third = columns / 3 > LABEL_LEAST ? columns / 3 : LABEL_LEAST;
  l->label = l->label < third ? l->label : third;
  l->percent = any_total ? 4 : 0;
  for (;; fields--) {
    int used = width_without_bar(l, fields), room = columns - used - 3; /* a space and two edges */
    l->bar = !any_total || room < BAR_LEAST ? 0 : room < BAR_MOST ? room : BAR_MOST;
    if (l->bar || fields == 0 || (!any_total && used <= columns))
      break;
  }
  while (!l->bar && fields < FIELDS && width_without_bar(l, fields + 1) <= columns)
    fields++; /* there is no room for a bar, but for some of them */
  for (int i = fields; i < FIELDS; i++)
    l->fields[kept[i]] = 0;
}

static int put_blanks(struct buf *out, int n) { return n > 0 ? buf_format(out, "%*s", n, "") : 0; }

static int put_text(const char *text, size_t len, int columns, bool ascii, struct buf *out) {
  int width = width_of(text, len), rc;
  if (width <= columns) {
    rc = buf_append(out, text, len);
    return rc ? rc : put_blanks(out, columns - width);
  }
  size_t prefix = width_prefix(text, len, columns - 1);
  rc = buf_append(out, text, prefix);
  if (rc == 0)
    rc = buf_format(out, "%s", ascii ? "." : "\xe2\x80\xa6");
  return rc ? rc : put_blanks(out, columns - 1 - width_of(text, prefix));
}

/* The bar between its edges, to an eighth of a column. */
static int put_bar(const struct bar *b, int columns, bool ascii, struct buf *out) {
  static const char *const eighths[] = {"",
                                        "\xe2\x96\x8f",
                                        "\xe2\x96\x8e",
                                        "\xe2\x96\x8d",
                                        "\xe2\x96\x8c",
                                        "\xe2\x96\x8b",
                                        "\xe2\x96\x8a",
                                        "\xe2\x96\x89"};
  int done = (int)(share(b) * columns * 8), full = done / 8, part = ascii ? 0 : done % 8;
  int rc = buf_format(out, ascii ? " [" : " |");
  for (int i = 0; i < full && rc == 0; i++)
    rc = buf_format(out, "%s", ascii ? "#" : "\xe2\x96\x88");
  if (rc == 0)
    rc = buf_format(out, "%s", eighths[part]);
  for (int i = full + (part > 0); i < columns && rc == 0; i++)
    rc = buf_append_byte(out, ascii ? '-' : ' ');
  return rc ? rc : buf_append_byte(out, ascii ? ']' : '|');
}

static int put_row(const struct bar *b, const struct bar_row *r, const struct layout *l, bool ascii,
                   struct buf *out) {
  size_t before = out->len;
  int rc = l->label ? put_text(r->label, r->label_len, l->label, ascii, out) : 0;
  if (rc == 0 && l->label && l->percent)
    rc = buf_append_byte(out, ' ');
  if (rc == 0 && l->percent)
    rc = has_total(b) ? buf_format(out, "%3d%%", percent(b)) : put_blanks(out, l->percent);
  if (rc == 0 && l->bar)
    rc = has_total(b) ? put_bar(b, l->bar, ascii, out) : put_blanks(out, l->bar + 3);
  for (int i = 0; i < FIELDS && rc == 0; i++)
    if (l->fields[i])
      rc = buf_format(out, "%s%*s", out->len > before ? "  " : "", l->fields[i], r->fields[i]);
  while (out->len > before && out->data[out->len - 1] == ' ')
    out->len--;
  return rc;
}

static void widen(struct layout *l, const struct bar_row *r) {
  int label = width_of(r->label, r->label_len);
  l->label = label > l->label ? label : l->label;
  for (int i = 0; i < FIELDS; i++) {
    int width = (int)strlen(r->fields[i]);
    l->fields[i] = width > l->fields[i] ? width : l->fields[i];
  }
}

/* Fill the rows for the first `most` open bars. Returns how many are open. */
static uint32_t fill_rows(const struct bar *bars, uint32_t count, uint32_t most,
                          const struct style *style, struct bar_row *rows, struct layout *l) {
  uint32_t open = 0;
  bool any_total = false;
  for (uint32_t i = 0; i < count; i++) {
    if (bars[i].closed)
      continue;
    if (open < most) {
      fill(&rows[open], &bars[i], style);
      widen(l, &rows[open]);
      any_total |= has_total(&bars[i]);
    }
    open++;
  }
  fit(l, any_total, style->columns - 1);
  return open;
}

static uint32_t count_open(const struct bar *bars, uint32_t count) {
  uint32_t open = 0;
  for (uint32_t i = 0; i < count; i++)
    open += !bars[i].closed;
  return open;
}

int bars_rows(const struct bar *bars, uint32_t count, uint32_t rows, const struct style *style,
              struct buf *out, uint32_t *ret_rows) {
  uint32_t open = count_open(bars, count), most = open > rows ? rows - (rows > 0) : open;
  struct bar_row *filled = most ? malloc(most * sizeof *filled) : NULL;
  struct layout l = {0};
  int rc = most && !filled ? -SBX_ENOMEM : 0;
  *ret_rows = 0;
  if (filled)
    fill_rows(bars, count, most, style, filled, &l);
  for (uint32_t i = 0; i < count && *ret_rows < most && rc == 0; i++) {
    if (bars[i].closed)
      continue;
    rc = *ret_rows ? buf_append_byte(out, '\n') : 0;
    if (rc == 0)
      rc = put_row(&bars[i], &filled[*ret_rows], &l, style->ascii, out);
    ++*ret_rows;
  }
  free(filled);
  if (rc == 0 && open > most && rows > 0) {
    rc = buf_format(out, "%s+ %" PRIu32 " more", *ret_rows ? "\n" : "", open - most);
    ++*ret_rows;
  }
  return rc;
}

int bars_line(const struct bar *bar, const struct style *style, struct buf *out) {
  struct bar_row row;
  struct layout l = {0};
  fill(&row, bar, style);
  widen(&l, &row);
  fit(&l, has_total(bar), style->columns - 1);
  int rc = put_row(bar, &row, &l, style->ascii, out);
  return rc ? rc : buf_append_byte(out, '\n');
}

/* -- a log ------------------------------------------------------------------------------------ */

enum { TENTHS = 10 };
static const int64_t LOG_NS = 10 * NS_PER_SECOND, LOG_LEAST_NS = 250 * NS_PER_MS;

struct bar_logged {
  uint64_t id, count;
  unsigned tenth;
  int64_t at_ns;
};

static struct bar_logged *find(struct bars_log *log, uint64_t id) {
  for (uint32_t i = 0; i < log->count; i++)
    if (log->list[i].id == id)
      return &log->list[i];
  return NULL;
}

static struct bar_logged *append(struct bars_log *log, const struct bar *bar) {
  if (log->count == log->cap) {
    uint32_t cap = log->cap ? 2 * log->cap : 8;
    struct bar_logged *grown = realloc(log->list, cap * sizeof *grown);
    if (!grown)
      return NULL;
    log->list = grown;
    log->cap = cap;
  }
  struct bar_logged *b = &log->list[log->count++];
  *b = (struct bar_logged){.id = bar->id, .at_ns = bar->seen_ns};
  return b;
}

bool bars_log_due(struct bars_log *log, const struct bar *bar) {
  struct bar_logged *b = find(log, bar->id);
  if (bar->closed) {
    if (b)
      *b = log->list[--log->count];
    return true;
  }
  if (!b && !(b = append(log, bar)))
    return false;
  unsigned tenth = has_total(bar) ? (unsigned)(share(bar) * TENTHS) : 0;
  bool more = tenth > b->tenth && tenth < TENTHS; /* the whole is told at the end */
  int64_t since = bar->seen_ns - b->at_ns;
  if (since < LOG_LEAST_NS || (!more && (since < LOG_NS || bar->count == b->count)))
    return false;
  *b = (struct bar_logged){
      .id = bar->id, .count = bar->count, .tenth = tenth, .at_ns = bar->seen_ns};
  return true;
}

int bars_log_line(const struct bar *bar, struct buf *out) {
  char label[NAME_MAX_BYTES], text[FIELD_BYTES];
  size_t len = put_label(bar, false, label);
  int rc = buf_format(out, "%.*s%s", (int)len, label, len ? ": " : "");
  if (rc == 0 && has_total(bar))
    rc = buf_format(out, "%d%% %" PRIu64 "/%" PRIu64, percent(bar), bar->count, bar->total);
  else if (rc == 0)
    rc = buf_format(out, "%" PRIu64, bar->count);
  if (rc == 0 && bar->elapsed > 0 && bar->count > 0) {
    put_rate((double)bar->count / bar->elapsed, text);
    rc = buf_format(out, ", %s", text);
  }
  put_time(bar->elapsed, text);
  if (rc == 0)
    rc = buf_format(out, ", %s", text);
  if (rc == 0 && knows_left(bar)) {
    put_time(left(bar), text);
    rc = buf_format(out, ", %s left", text);
  }
  return rc ? rc : buf_format(out, "%s\n", stopped(bar) ? ", stopped" : "");
}

void bars_log_release(struct bars_log *log) {
  free(log->list);
  *log = (struct bars_log){0};
}
