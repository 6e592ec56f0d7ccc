/* look/trace/gantt_words.c - the line above a chart, and the notes below; see gantt_internal.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/width.h"
#include "look/trace/gantt_internal.h"

static const char bold[] = "\033[1m", red[] = "\033[31m", yellow[] = "\033[33m";

static int append(struct buf *out, const char *text) { return buf_append(out, text, strlen(text)); }

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

/* The command, "sandbox x.lua: ", or "x.lua: " if that does not fit; else its end, "…x.lua: ". */
static int tell_command(const struct canvas *c, const struct buf *command, int columns,
                        struct buf *text) {
  static const char program[] = "sandbox ";
  const char *shown = (const char *)command->data;
  size_t len = command->len, name = sizeof program - 1;
  int rc = 0;
  if (width_of(shown, len) > columns - 2 && len > name && memcmp(shown, program, name) == 0) {
    shown += name;
    len -= name;
  }
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
int gantt_summary(struct canvas *c) {
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
    rc = canvas_line(c, bold, &text);
  buf_release(&told);
  buf_release(&command);
  buf_release(&text);
  return rc;
}

/* -- notes ----------------------------------------------------------------------------------- */

/* "deadlock: a#2 waits for fork1#4, b#3 waits for fork2#5" */
int gantt_deadlock(struct canvas *c) {
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
    rc = canvas_line(c, red, &text);
  buf_release(&text);
  return rc;
}

/* "12 events lost: waits may be missing", "12 events, 3 names or lines lost", and in full detail what to do. */
int gantt_lost(struct canvas *c) {
  const struct trace_facts *f = &c->m->facts;
  struct buf text = {0};
  char events[WORDS_MAX], names[WORDS_MAX];
  words_plural(f->lost, "event", events);
  words_nameless(f->nameless, names);
  int rc = !f->nameless ? buf_format(&text, "%s lost: waits may be missing", events)
           : !f->lost   ? buf_format(&text, "%s lost", names)
                        : buf_format(&text, "%s, %s lost", events, names);
  if (rc == 0 && f->lost && f->detail == TRACE_DETAIL_ALL)
    rc = append(&text, "; --trace-detail merged has fewer");
  if (rc == 0)
    rc = canvas_line(c, yellow, &text);
  buf_release(&text);
  return rc;
}

int gantt_cut(struct canvas *c) {
  struct buf text = {0};
  int rc = append(&text, "--trace-limit dropped the oldest events");
  if (rc == 0)
    rc = canvas_line(c, yellow, &text);
  buf_release(&text);
  return rc;
}

/* "clock: monotonic, hosts to 0.08 ms": how exact it is what came before what on two hosts. */
int gantt_clock(struct canvas *c) {
  struct buf text = {0};
  int rc = append(&text, "clock: ");
  if (rc == 0)
    rc = words_text(&text, c->m->facts.clock, c->ascii);
  if (rc == 0)
    rc = canvas_line(c, NULL, &text);
  buf_release(&text);
  return rc;
}

int gantt_compare(struct canvas *c) {
  int64_t first = c->all[0]->facts.end_ns, second = c->all[1]->facts.end_ns;
  int64_t slow = first > second ? first : second, fast = first > second ? second : first;
  double times = (double)slow / (double)(fast > 0 ? fast : 1);
  struct buf text = {0};
  int rc = times < 1.05 ? append(&text, "both take the same time")
                        : buf_format(&text, "the %s is %.1f times as fast",
                                     second < first ? "second" : "first", times);
  if (rc == 0)
    rc = canvas_line(c, bold, &text);
  buf_release(&text);
  return rc;
}
