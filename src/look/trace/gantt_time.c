/* look/trace/gantt_time.c - what is drawn along the time axis: times, marks, how full queues are; see
 * gantt_internal.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/width.h"
#include "look/trace/gantt_internal.h"

static const char dim[] = "\033[2m", red[] = "\033[31m", cyan[] = "\033[36m";

/* -- round times ----------------------------------------------------------------------------- */

#define MINUTE (60 * NS_PER_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum { PARTS_LEAST = 3 }; /* of the axis; there is one tick more */

/* A round step that fits into the time at least three times and less than six times, so there are 4
 * to 6 ticks. Of the long ones, each is at most twice the one before, and the widest is taken. */
static int64_t step_of(int64_t end_ns) {
  static const int64_t long_steps[] = {
      30 * NS_PER_SECOND, MINUTE, 2 * MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE,
      30 * MINUTE,        HOUR,   2 * HOUR,   3 * HOUR,   6 * HOUR,   12 * HOUR,   DAY};
  int64_t step = 1;
  if (end_ns >= PARTS_LEAST * long_steps[0]) {
    for (size_t i = 0; i < sizeof long_steps / sizeof *long_steps; i++)
      if (long_steps[i] <= end_ns / PARTS_LEAST)
        step = long_steps[i];
    while (step >= DAY && step <= end_ns / PARTS_LEAST / 2)
      step *= 2;
    return step;
  }
  while (step <= end_ns / PARTS_LEAST / 10)
    step *= 10;
  static const int quarters[] = {20, 8, 4, 10}; /* 5, 2, 1; 2.5 only if it must be */
  for (size_t i = 0; i < sizeof quarters / sizeof *quarters; i++) {
    int64_t wide = step * quarters[i] / 4;
    if (step * quarters[i] % 4 == 0 && wide <= end_ns / PARTS_LEAST &&
        (end_ns - wide) / wide < 2 * PARTS_LEAST - 1)
      return wide;
  }
  return step;
}

struct unit {
  int64_t ns;
  const char *utf8, *ascii;
};

/* A time that is at most `end_ns`, in the unit of all ticks. */
static char *tick_text(int64_t t_ns, int64_t step_ns, int64_t end_ns, bool ascii,
                       char ret[WORDS_MAX]) {
  static const struct unit units[] = {
      {DAY, "d", "d"},         {HOUR, "h", "h"},   {MINUTE, "m", "m"}, {NS_PER_SECOND, "s", "s"},
      {NS_PER_MS, "ms", "ms"}, {1000, "µs", "us"}, {1, "ns", "ns"}};
  const struct unit *u = units;
  bool whole = step_ns >= 30 * NS_PER_SECOND; /* no fractions of what has no tenths */
  while (u->ns > 1 && (whole ? step_ns % u->ns != 0 : u->ns > NS_PER_SECOND || end_ns < u->ns))
    u++;
  if (t_ns == 0)
    snprintf(ret, WORDS_MAX, "0");
  else
    snprintf(ret, WORDS_MAX, "%.10g%s", (double)t_ns / (double)u->ns, ascii ? u->ascii : u->utf8);
  return ret;
}

/* -- the axis -------------------------------------------------------------------------------- */

/* Texts at cells of a line, from left to right, as far as there is room. */
struct line {
  struct canvas *c;
  int at; /* cells used */
};

static int skip_to(struct line *l, int cell) {
  int rc = 0;
  for (; l->at < cell && rc == 0; l->at++)
    rc = canvas_put(l->c, l->c->pen, " ");
  return rc;
}

/* Put it if there is room. */
static int put_at(struct line *l, int cell, const char *color, const char *text) {
  int width = width_of(text, strlen(text));
  if (cell < l->at || cell + width > l->c->scale.width)
    return 0;
  int rc = skip_to(l, cell);
  l->at = cell + width;
  return rc ? rc : canvas_put(l->c, color, text);
}

/* Where the text of a time stands: at its tick, or further left if it would not fit. */
static int time_cell(const struct canvas *c, int64_t t_ns, const char *text) {
  int cell = scale_cell(&c->scale, t_ns), last = c->scale.width - width_of(text, strlen(text));
  return cell < last ? cell : last;
}

/* Do all times fit, if only each n-th is written? */
static bool times_fit(const struct canvas *c, int64_t step, int every) {
  int64_t end = c->end_ns;
  int at = 0;
  for (int64_t i = 0; i <= end / step; i += every) {
    char text[WORDS_MAX];
    tick_text(i * step, step, end, c->ascii, text);
    int cell = time_cell(c, i * step, text);
    if (i > 0 && cell <= at)
      return false;
    at = cell + width_of(text, strlen(text));
  }
  return true;
}

int gantt_times(struct canvas *c) {
  int64_t end = c->end_ns, step = step_of(end);
  int every = times_fit(c, step, 1) ? 1 : 2;
  struct line l = {c, 0};
  int rc = canvas_name(c, NULL, "", "");
  for (int64_t i = 0; i <= end / step && rc == 0; i += every) {
    char text[WORDS_MAX];
    tick_text(i * step, step, end, c->ascii, text);
    rc = put_at(&l, time_cell(c, i * step, text), dim, text);
  }
  return rc ? rc : canvas_end(c);
}

int gantt_axis(struct canvas *c) {
  int64_t end = c->end_ns, step = step_of(end), tick = 0;
  int rc = canvas_name(c, NULL, "", "");
  for (int i = 0; i < c->scale.width && rc == 0; i++) {
    bool here = false;
    for (; tick <= end / step && scale_cell(&c->scale, tick * step) <= i; tick++)
      here = true;
    const char *sign = c->ascii ? here ? "+" : "-" : i == 0 ? "├" : here ? "┼" : "─";
    rc = canvas_put(c, dim, sign);
  }
  return rc ? rc : canvas_end(c);
}

/* -- marks ----------------------------------------------------------------------------------- */

bool gantt_has_marks(const struct trace_model *m) {
  for (uint32_t i = 0; i < m->mark_count; i++)
    if (!m->marks[i].counter)
      return true;
  return false;
}

/* The cell of the next mark that is no counter; the width of the chart: there is none. */
static int next_mark(const struct canvas *c, uint32_t *i) {
  const struct trace_model *m = c->m;
  while (*i < m->mark_count && m->marks[*i].counter)
    ++*i;
  return *i < m->mark_count ? scale_cell(&c->scale, m->marks[*i].t_ns) : c->scale.width;
}

/* Its name if there is room for it before the next one. */
static int put_mark(struct line *l, uint32_t mark, int cell, int next) {
  struct canvas *c = l->c;
  struct buf name = {0};
  int rc = put_at(l, cell, cyan, c->ascii ? "v" : "▾");
  if (rc == 0)
    rc = words_text(&name, c->m->strings[c->m->marks[mark].name], c->ascii);
  int width = rc == 0 && name.len ? width_of((const char *)name.data, name.len) : 0;
  if (rc == 0 && width > 0 && cell + 1 + width < next + (next == c->scale.width)) {
    rc = buf_append_byte(&name, '\0');
    l->at += width;
    if (rc == 0)
      rc = canvas_put(c, NULL, (const char *)name.data);
  }
  buf_release(&name);
  return rc;
}

int gantt_marks(struct canvas *c) {
  struct line l = {c, 0};
  uint32_t i = 0;
  int rc = canvas_name(c, NULL, "marks", "");
  for (int cell = next_mark(c, &i), next; cell < c->scale.width && rc == 0; cell = next) {
    uint32_t mark = i;
    do
      i++;
    while ((next = next_mark(c, &i)) == cell);
    rc = put_mark(&l, mark, cell, next);
  }
  return rc ? rc : canvas_end(c);
}

/* -- how full a queue is --------------------------------------------------------------------- */

char *gantt_capacity(const struct trace_object *o, char ret[WORDS_MAX]) {
  char count[WORDS_MAX];
  snprintf(ret, WORDS_MAX, " max %.20s", words_count(trace_capacity(o), count));
  return ret;
}

int gantt_queues(const struct trace_model *m, uint32_t **ret, uint32_t *ret_count) {
  uint32_t *list = malloc((m->object_count + 1u) * sizeof *list), count = 0;
  bool *used = calloc(m->object_count + 1u, sizeof *used);
  if (!list || !used) {
    free(list);
    free(used);
    return -SBX_ENOMEM;
  }
  for (uint32_t i = 0; i < m->event_count; i++)
    if (trace_event_change(&m->events[i]) && m->events[i].object != TRACE_NONE)
      used[m->events[i].object] = true;
  for (uint32_t i = 0; i < m->object_count; i++)
    if (m->objects[i].type == OBJECT_QUEUE && m->objects[i].max > 0 &&
        (used[i] || m->objects[i].puts > m->objects[i].gets))
      list[count++] = i;
  free(used);
  *ret = list;
  *ret_count = count;
  return 0;
}

/* The most items in each cell. */
static void find_most(const struct scale *s, const struct trace_depth *depths, uint32_t count,
                      int64_t *most) {
  int64_t items = 0;
  uint32_t k = 0;
  for (int i = 0; i < s->width; i++) {
    int64_t end = i + 1 < s->width ? scale_edge(s, i + 1) : INT64_MAX;
    /* What was there before counts, unless it changed at once. */
    most[i] = k < count && depths[k].t_ns <= scale_edge(s, i) ? 0 : items;
    for (; k < count && depths[k].t_ns < end; k++) {
      items = depths[k].items;
      most[i] = items > most[i] ? items : most[i];
    }
  }
}

/* 0: empty, 7: full. */
static int level_of(int64_t items, uint64_t max) {
  if (items <= 0)
    return 0;
  if ((uint64_t)items >= max)
    return 7;
  double part = 7 * (double)items / (double)max + 0.5;
  return part < 1 ? 1 : part > 6 ? 6 : (int)part;
}

/* Until its run ends. */
static int put_levels(struct canvas *c, const int64_t *most, uint64_t max) {
  static const char *const utf8[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
  int rc = 0, last = scale_cell(&c->scale, c->m->facts.end_ns - 1);
  for (int i = 0; i <= last && rc == 0; i++) {
    int level = level_of(most[i], max);
    const char *color = level == 7 ? red : level == 0 ? dim : NULL;
    rc = canvas_put(c, color, c->ascii ? ascii[level] : utf8[level]);
  }
  return rc;
}

int gantt_queue(struct canvas *c, uint32_t object) {
  const struct trace_object *o = &c->m->objects[object];
  struct trace_depth *depths = NULL;
  uint32_t count = 0;
  char label[512], capacity[WORDS_MAX];
  int64_t *most = malloc((size_t)c->scale.width * sizeof *most);
  int rc = most ? trace_depths(c->m, object, &depths, &count) : -SBX_ENOMEM;
  if (rc == 0) {
    find_most(&c->scale, depths, count, most);
    trace_object_label(c->m, object, label, sizeof label);
    rc = canvas_name(c, NULL, label, gantt_capacity(o, capacity));
  }
  if (rc == 0)
    rc = put_levels(c, most, o->max);
  free(depths);
  free(most);
  return rc ? rc : canvas_end(c);
}
