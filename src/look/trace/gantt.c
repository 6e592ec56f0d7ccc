/* look/trace/gantt.c - the layout of the chart: which lines there is room for, and the lines of text
 * around the rows. See gantt.h. */
#include "look/trace/gantt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/width.h"
#include "look/trace/gantt_internal.h"

enum { NAMES_MAX = 16, AROUND = 6 /* lines that the rows of processes leave free */ };

static const char plain[] = "\033[0m", bold[] = "\033[1m", dim[] = "\033[2m", red[] = "\033[31m",
                  yellow[] = "\033[33m";

const struct gantt_sign gantt_signs[GANTT_SIGNS] = {
    [TRACE_RUNNING] = {"█", "#", "\033[32m"},
    [TRACE_QUEUE] = {"▒", "q", yellow},
    [TRACE_LOCK] = {"▓", "L", red},
    [TRACE_SLEEP] = {"·", ".", dim},
    [TRACE_JOIN] = {"░", "j", "\033[94m"},
    [TRACE_STOPPED] = {"=", "=", "\033[35m"},
    [TRACE_IDLE] = {" ", " ", NULL},
    [GANTT_KILLED] = {"✗", "X", "\033[1;31m"},
    [GANTT_FAILED] = {"!", "!", "\033[1;31m"},
};

static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};

/* -- drawing --------------------------------------------------------------------------------- */

static int append(struct buf *out, const char *text) { return buf_append(out, text, strlen(text)); }

static int set_pen(struct canvas *c, const char *color) {
  int rc = 0;
  if (!c->o->color || color == c->pen)
    return 0;
  if (c->pen)
    rc = append(c->out, plain);
  if (rc == 0 && color)
    rc = append(c->out, color);
  c->pen = color;
  return rc;
}

int canvas_put(struct canvas *c, const char *color, const char *text) {
  int rc = set_pen(c, color);
  return rc ? rc : append(c->out, text);
}

static int put_spaces(struct canvas *c, int n) {
  int rc = set_pen(c, NULL);
  while (n-- > 0 && rc == 0)
    rc = buf_append_byte(c->out, ' ');
  return rc;
}

int canvas_name(struct canvas *c, const char *color, const char *label, const char *more) {
  struct buf text = {0};
  int rc = words_label(&text, label, more, c->names, c->ascii);
  int width = rc == 0 && text.len ? width_of((const char *)text.data, text.len) : 0;
  if (rc == 0)
    rc = set_pen(c, color);
  if (rc == 0)
    rc = buf_append(c->out, text.data, text.len);
  buf_release(&text);
  return rc ? rc : put_spaces(c, c->names - width + 1);
}

int canvas_end(struct canvas *c) {
  int rc = set_pen(c, NULL);
  while (c->out->len > 0 && c->out->data[c->out->len - 1] == ' ')
    c->out->len--;
  return rc ? rc : buf_append_byte(c->out, '\n');
}

/* A line of text, cut at the chart's edge. */
static int put_line(struct canvas *c, const char *color, const struct buf *text) {
  int rc = set_pen(c, color);
  if (rc == 0 && text->len)
    rc = words_cut(c->out, (const char *)text->data, text->len, c->columns, c->ascii);
  return rc ? rc : canvas_end(c);
}

/* -- the line above -------------------------------------------------------------------------- */

/* How much the line above tells. */
enum { TELL_LEAST, TELL_LITTLE, TELL_MORE, TELL_ALL };

/* " (2 failed, 1 killed)" */
static int tell_ends(const struct trace_model *m, struct buf *text) {
  uint32_t failed = 0, killed = 0;
  char count[WORDS_MAX];
  for (uint32_t i = 0; i < m->process_count; i++) {
    failed += m->processes[i].how == TRACE_FAILED;
    killed += m->processes[i].how == TRACE_KILLED;
  }
  int rc = 0;
  if (failed)
    rc = buf_format(text, " (%s failed", words_count(failed, count));
  if (rc == 0 && killed)
    rc = buf_format(text, "%s%s killed", failed ? ", " : " (", words_count(killed, count));
  return rc || !(failed || killed) ? rc : append(text, ")");
}

/* "3 processes (1 killed), 9.01s; one by one: 15.0s (1.7x)" */
static int tell_run(const struct canvas *c, int how_much, struct buf *text) {
  struct trace_sums sums;
  char count[WORDS_MAX], time[WORDS_MAX];
  trace_sum(c->m, &sums);
  int rc = buf_format(text, "%s%s", words_count(sums.processes, count),
                      sums.processes == 1 ? " process" : " processes");
  if (rc == 0 && how_much > TELL_LITTLE)
    rc = tell_ends(c->m, text);
  if (rc == 0)
    rc = buf_format(text, ", %s", words_duration(sums.wall_ns, c->ascii, time));
  if (rc == 0 && how_much > TELL_LEAST && c->m->facts.speed != 1)
    rc = buf_format(text, " at --speed %.3g", c->m->facts.speed);
  /* In a deadlock it would say nothing. */
  if (rc || sums.processes < 2 || sums.speed_up < 0.95)
    return rc;
  return how_much == TELL_ALL
             ? buf_format(text, "; one by one: %s (%.1fx)",
                          words_duration(sums.busy_ns, c->ascii, time), sums.speed_up)
             : buf_format(text, "; speed-up %.1f", sums.speed_up);
}

enum { COMMAND_LEAST = 12 };

/* The command, "sandbox x.lua: ". */
static int tell_command(const struct canvas *c, const struct buf *command, int columns,
                        struct buf *text) {
  const char *shown = (const char *)command->data;
  size_t len = command->len;
  int rc = 0;
  if (c->o->typed) {
    rc = words_cut(text, shown, len, columns - 2, c->ascii);
    len = 0;
  } else if (width_of(shown, len) > columns - 2) {
    size_t part = width_suffix(shown, len, columns - 3);
    const char *end = shown + len, *word = memchr(end - part, ' ', part);
    shown = word && word + 1 < end ? word + 1 : end - part;
    len = (size_t)(end - shown);
    rc = append(text, c->ascii ? "~" : "…");
  }
  if (rc == 0)
    rc = buf_append(text, shown, len);
  return rc ? rc : append(text, ": ");
}

/* The command, and what is told of the run. */
static int put_summary(struct canvas *c) {
  struct buf told = {0}, command = {0}, text = {0};
  int rc = words_text(&command, c->m->facts.command, c->ascii);
  int wanted = command.len ? COMMAND_LEAST : 0;
  for (int how_much = TELL_ALL; how_much >= TELL_LEAST && rc == 0; how_much--) {
    told.len = 0;
    rc = tell_run(c, how_much, &told);
    if (rc == 0 &&
        width_of((const char *)told.data, told.len) + (how_much > TELL_LITTLE ? wanted : 0) <=
            c->columns)
      break;
  }
  int columns = rc == 0 ? c->columns - width_of((const char *)told.data, told.len) : 0;
  if (rc == 0 && command.len && columns >= COMMAND_LEAST)
    rc = tell_command(c, &command, columns, &text);
  if (rc == 0)
    rc = buf_append(&text, told.data, told.len);
  if (rc == 0)
    rc = put_line(c, bold, &text);
  buf_release(&told);
  buf_release(&command);
  buf_release(&text);
  return rc;
}

/* -- notes ----------------------------------------------------------------------------------- */

/* "deadlock: a#2 waits for fork1#4, b#3 waits for fork2#5" */
static int put_deadlock(struct canvas *c) {
  const struct trace_model *m = c->m;
  struct buf text = {0};
  char label[512];
  int rc = append(&text, "deadlock: "), told = 0;
  for (uint32_t i = 0; i < m->edge_count && rc == 0; i++) {
    const struct trace_edge *e = &m->edges[i];
    if (!e->stuck || (i > 0 && m->edges[i - 1].process == e->process))
      continue;
    if (told++)
      rc = append(&text, ", ");
    if (rc == 0)
      rc = words_text(&text, trace_process_label(m, e->process, label, sizeof label), c->ascii);
    bool object = e->object != TRACE_NONE, known = object || e->holder != TRACE_NONE;
    if (rc == 0)
      rc = append(&text, known ? " waits for " : " waits in ");
    if (rc == 0 && !known)
      rc = append(&text, trace_verb(e->kind));
    else if (rc == 0)
      rc = words_text(&text,
                      object ? trace_object_label(m, e->object, label, sizeof label)
                             : trace_process_label(m, e->holder, label, sizeof label),
                      c->ascii);
  }
  if (rc == 0 && !told)
    rc = append(&text, "each process waited for another one");
  if (rc == 0)
    rc = put_line(c, red, &text);
  buf_release(&text);
  return rc;
}

static int put_lost(struct canvas *c) {
  struct buf text = {0};
  char count[WORDS_MAX];
  int rc = buf_format(&text, "%s lost: waits may be missing",
                      words_plural(c->m->facts.lost, "event", count));
  if (rc == 0)
    rc = put_line(c, yellow, &text);
  buf_release(&text);
  return rc;
}

static int put_cut(struct canvas *c) {
  struct buf text = {0};
  int rc = append(&text, "--trace-limit dropped the oldest events");
  if (rc == 0)
    rc = put_line(c, yellow, &text);
  buf_release(&text);
  return rc;
}

/* -- the legend ------------------------------------------------------------------------------ */

struct entry {
  const char *sign, *color;
  char words[96], brief[16];
};

struct legend {
  struct entry entries[GANTT_SIGNS + 1];
  int count;
};

static const struct {
  const char *words, *brief;
} meanings[GANTT_SIGNS] = {
    [TRACE_RUNNING] = {"runs", "runs"},       [TRACE_QUEUE] = {"waits for ", "queue"},
    [TRACE_LOCK] = {"waits for ", "lock"},    [TRACE_SLEEP] = {"sleeps", "sleeps"},
    [TRACE_JOIN] = {"waits in join", "join"}, [TRACE_STOPPED] = {"stopped", "stopped"},
    [GANTT_KILLED] = {"killed", "killed"},    [GANTT_FAILED] = {"failed", "failed"},
};

/* Append the types of the objects that are waited for in a state: "lock, barrier". */
static void add_types(const struct trace_model *m, int state, struct entry *e) {
  bool found[OBJECT_TYPES] = {false}, first = true;
  for (uint32_t i = 0; i < m->span_count; i++)
    if ((int)m->spans[i].state == state && m->spans[i].event != TRACE_NONE)
      found[op_describe(m->events[m->spans[i].event].kind)->type] = true;
  for (int i = 0; i < OBJECT_TYPES; i++)
    if (found[i]) {
      size_t len = strlen(e->words);
      snprintf(e->words + len, sizeof e->words - len, "%s%s", first ? "" : ", ",
               i == OBJECT_NONE ? "select" : trace_type_word((enum object_type)i));
      first = false;
    }
  if (first)
    snprintf(e->words, sizeof e->words, "waits for %s", meanings[state].brief);
  else if (strcmp(e->words, "waits for select") == 0)
    snprintf(e->words, sizeof e->words, "waits in select");
}

static void add_sign(const struct canvas *c, int sign, struct legend *l) {
  const struct gantt_sign *g = &gantt_signs[sign];
  struct entry *e = &l->entries[l->count++];
  *e = (struct entry){.sign = c->ascii ? g->ascii : g->utf8, .color = g->color};
  snprintf(e->words, sizeof e->words, "%s", meanings[sign].words);
  snprintf(e->brief, sizeof e->brief, "%s", meanings[sign].brief);
  if (sign == TRACE_QUEUE || sign == TRACE_LOCK)
    add_types(c->m, sign, e);
}

static void make_legend(const struct canvas *c, const bool used[GANTT_SIGNS], bool queues,
                        struct legend *ret) {
  ret->count = 0;
  for (int i = 0; i < GANTT_SIGNS; i++)
    if (used[i] && i != TRACE_IDLE)
      add_sign(c, i, ret);
  if (queues)
    ret->entries[ret->count++] = (struct entry){
        .sign = c->ascii ? "_-#" : "▁▄█", .words = "queue, empty to full", .brief = "items"};
}

static int entry_width(const struct entry *e, bool brief) {
  const char *words = brief ? e->brief : e->words;
  return width_of(e->sign, strlen(e->sign)) + 1 + width_of(words, strlen(words));
}

enum { LEGEND_GAP = 2 };

/* How many lines it takes. */
static int legend_lines(const struct legend *l, int columns, bool brief) {
  int lines = 0, at = columns;
  for (int i = 0; i < l->count; i++) {
    int width = entry_width(&l->entries[i], brief) + (lines ? LEGEND_GAP : 0);
    if (at + width > columns) {
      lines++;
      at = 0;
      width = entry_width(&l->entries[i], brief);
    }
    at += width;
  }
  return lines;
}

static bool is_brief(const struct legend *l, int columns) {
  return legend_lines(l, columns, false) > 1 ||
         (l->count > 0 && entry_width(&l->entries[0], false) > columns);
}

static int put_legend(struct canvas *c, const struct legend *l) {
  bool brief = is_brief(l, c->columns);
  int at = 0, rc = 0;
  for (int i = 0; i < l->count && rc == 0; i++) {
    const struct entry *e = &l->entries[i];
    int width = entry_width(e, brief);
    if (at > 0 && at + LEGEND_GAP + width > c->columns) {
      rc = canvas_end(c);
      at = 0;
    }
    if (rc == 0 && at > 0)
      rc = put_spaces(c, LEGEND_GAP);
    at += width + (at > 0 ? LEGEND_GAP : 0);
    if (rc == 0)
      rc = canvas_put(c, e->color, e->sign);
    if (rc == 0)
      rc = canvas_put(c, NULL, " ");
    if (rc == 0)
      rc = canvas_put(c, NULL, brief ? e->brief : e->words);
  }
  return rc || l->count == 0 ? rc : canvas_end(c);
}

/* -- the plan: which lines there is room for -------------------------------------------------- */

struct plan {
  struct gantt_rows rows;
  uint32_t *queues; /* owned */
  uint32_t queue_count, queues_shown;
  bool summary, times, axis, marks, legend, deadlock, lost, cut;
};

/* Which signs the chart may need, more or less. */
static void guess_signs(const struct trace_model *m, bool ret[GANTT_SIGNS]) {
  for (uint32_t i = 0; i < m->process_count; i++) {
    const struct trace_process *p = &m->processes[i];
    for (int k = 0; k < TRACE_STATES; k++)
      ret[k] |= p->spent_ns[k] > 0;
    ret[TRACE_RUNNING] |= p->begin_ns == p->end_ns; /* drawn so, since it was there */
    ret[GANTT_KILLED] |= p->how == TRACE_KILLED;
    ret[GANTT_FAILED] |= p->how == TRACE_FAILED;
  }
}

static bool take(int *room, int lines) {
  if (*room < lines)
    return false;
  *room -= lines;
  return true;
}

/* The rows of processes come first, then what explains them, then the rest. */
static void plan_lines(const struct canvas *c, struct plan *p) {
  struct legend legend;
  bool used[GANTT_SIGNS] = {false};
  guess_signs(c->m, used);
  make_legend(c, used, p->queue_count > 0, &legend);
  int lines = c->o->rows > 0 ? c->o->rows : 24,
      legend_needs = legend_lines(&legend, c->columns, is_brief(&legend, c->columns));
  int most = lines - AROUND > 1 ? lines - AROUND : 1, room = lines > 1 ? lines - 1 : 1;
  int rows = p->rows.count < (uint32_t)most ? (int)p->rows.count : most;
  const struct trace_facts *f = &c->m->facts;
  /* What must be there, and one line each for what else there is, may take some rows. */
  int around = 3 + legend_needs + words_deadlock(c->m) + (f->lost > 0) + f->cut +
               gantt_has_marks(c->m) + (p->queue_count > 0);
  if (rows > room - around)
    rows = room - around > 1 ? room - around : 1;
  take(&room, rows);
  p->times = take(&room, 1);
  p->legend = take(&room, legend_needs);
  p->deadlock = words_deadlock(c->m) && take(&room, 1);
  p->lost = f->lost > 0 && take(&room, 1);
  p->cut = f->cut && take(&room, 1);
  p->axis = p->times && take(&room, 1);
  p->summary = take(&room, 1);
  p->marks = gantt_has_marks(c->m) && take(&room, 1);
  while (p->queues_shown < p->queue_count && take(&room, 1))
    p->queues_shown++;
  gantt_rows_limit(&p->rows, (uint32_t)rows);
}

static void plan_release(struct plan *p) {
  gantt_rows_release(&p->rows);
  free(p->queues);
}

/* -- rows ------------------------------------------------------------------------------------ */

/* The label of a row, and what is appended to it. */
static void label_row(const struct canvas *c, const struct plan *p, uint32_t row, char label[512],
                      char more[WORDS_MAX]) {
  const struct gantt_row *r = &p->rows.rows[row];
  const struct trace_process *first = &c->m->processes[p->rows.members[r->first]];
  char count[WORDS_MAX];
  words_count(r->count, count);
  *more = '\0';
  if (p->rows.rest && row == p->rows.count - 1) {
    snprintf(label, 512, "+ %s more", count);
  } else if (r->count > 1) {
    snprintf(label, 512, "%s", first->name[0] ? first->name : "worker");
    snprintf(more, WORDS_MAX, " %s%.20s", c->ascii ? "x" : "×", count);
  } else {
    trace_process_label(c->m, p->rows.members[r->first], label, 512);
  }
}

static int put_cells(struct canvas *c, const struct gantt_cell *cells, bool used[GANTT_SIGNS]) {
  int rc = 0;
  for (int i = 0; i < c->scale.width && rc == 0; i++) {
    const struct gantt_cell *cell = &cells[i];
    if (cell->sign == GANTT_BLANK) {
      rc = canvas_put(c, NULL, " ");
      continue;
    }
    const struct gantt_sign *g = &gantt_signs[cell->sign];
    bool part = cell->sign == TRACE_RUNNING && !c->ascii;
    used[cell->sign] = true;
    rc = canvas_put(c, g->color, c->ascii ? g->ascii : part ? eighths[cell->eighths] : g->utf8);
  }
  return rc ? rc : canvas_end(c);
}

static int put_rows(struct canvas *c, const struct plan *p, bool used[GANTT_SIGNS]) {
  struct gantt_cell *cells = malloc((size_t)c->scale.width * sizeof *cells);
  int rc = cells ? 0 : -SBX_ENOMEM;
  for (uint32_t i = 0; i < p->rows.count && rc == 0; i++) {
    char label[512], more[WORDS_MAX];
    label_row(c, p, i, label, more);
    rc = gantt_fill(c->m, &p->rows, i, &c->scale, !c->ascii, cells);
    if (rc == 0)
      rc = canvas_name(c, NULL, label, more);
    if (rc == 0)
      rc = put_cells(c, cells, used);
  }
  free(cells);
  return rc;
}

/* -- the chart ------------------------------------------------------------------------------- */

/* The widest label that a label in the plan could have, at most NAMES_MAX. */
static int measure(const struct canvas *c, const char *label, const char *more, int *ret) {
  struct buf text = {0};
  int rc = words_label(&text, label, more, NAMES_MAX, c->ascii);
  int width = rc == 0 && text.len ? width_of((const char *)text.data, text.len) : 0;
  *ret = width > *ret ? width : *ret;
  buf_release(&text);
  return rc;
}

static int measure_names(const struct canvas *c, const struct plan *p, int *ret) {
  char label[512], more[WORDS_MAX];
  int rc = p->marks ? measure(c, "marks", "", ret) : 0;
  for (uint32_t i = 0; i < p->rows.count && rc == 0; i++) {
    label_row(c, p, i, label, more);
    rc = measure(c, label, more, ret);
  }
  for (uint32_t i = 0; i < p->queues_shown && rc == 0; i++) {
    trace_object_label(c->m, p->queues[i], label, sizeof label);
    rc = measure(c, label, gantt_capacity(&c->m->objects[p->queues[i]], more), ret);
  }
  return rc;
}

static int draw(struct canvas *c, const struct plan *p) {
  bool used[GANTT_SIGNS] = {false};
  struct legend legend;
  int rc = p->summary ? put_summary(c) : 0;
  if (rc == 0 && p->times)
    rc = gantt_times(c);
  if (rc == 0 && p->axis)
    rc = gantt_axis(c);
  if (rc == 0 && p->marks)
    rc = gantt_marks(c);
  if (rc == 0)
    rc = put_rows(c, p, used);
  for (uint32_t i = 0; i < p->queues_shown && rc == 0; i++)
    rc = gantt_queue(c, p->queues[i]);
  make_legend(c, used, p->queues_shown > 0, &legend);
  if (rc == 0 && p->legend)
    rc = put_legend(c, &legend);
  if (rc == 0 && p->deadlock)
    rc = put_deadlock(c);
  if (rc == 0 && p->lost)
    rc = put_lost(c);
  if (rc == 0 && p->cut)
    rc = put_cut(c);
  return rc;
}

static int clamp(int n, int least, int most) { return n < least ? least : n > most ? most : n; }

int gantt_draw(const struct trace_model *m, const struct gantt_options *o, struct buf *out) {
  int columns = clamp(o->columns > 0 ? o->columns : 80, GANTT_COLUMNS_MIN, GANTT_COLUMNS_MAX);
  struct canvas c = {.m = m, .o = o, .columns = columns, .out = out, .ascii = !o->utf8};
  struct plan p = {0};
  if (m->process_count == 0)
    return append(out, "no process was recorded\n");
  int rc = gantt_rows_make(m, &p.rows);
  if (rc == 0)
    rc = gantt_queues(m, &p.queues, &p.queue_count);
  if (rc == 0) {
    plan_lines(&c, &p);
    rc = measure_names(&c, &p, &c.names);
  }
  if (rc == 0) {
    c.scale = scale_of(m->facts.end_ns, columns - c.names - 1);
    rc = draw(&c, &p);
  }
  plan_release(&p);
  return rc;
}
