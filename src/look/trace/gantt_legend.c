/* look/trace/gantt_legend.c - what the signs of a chart mean; see gantt_internal.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/width.h"
#include "look/trace/gantt_internal.h"

static const struct {
  const char *words, *brief;
} meanings[GANTT_SIGNS] = {
    [TRACE_RUNNING] = {"runs", "runs"},       [TRACE_QUEUE] = {"waits for ", "queue"},
    [TRACE_LOCK] = {"waits for ", "lock"},    [TRACE_SLEEP] = {"sleeps", "sleeps"},
    [TRACE_JOIN] = {"waits in join", "join"}, [TRACE_STOPPED] = {"stopped", "stopped"},
    [GANTT_KILLED] = {"killed", "killed"},    [GANTT_FAILED] = {"failed", "failed"},
};

enum { KINDS = OBJECT_TYPES + WHOLES };

/* The kind of object that an event is about: its type, or OBJECT_TYPES + the number of a whole. */
static int kind_of(const struct trace_model *m, const struct trace_event *e) {
  const struct trace_object *o =
      trace_names_process(e->kind) || e->object >= m->object_count ? NULL : &m->objects[e->object];
  const struct whole *whole = o ? words_whole(o->type, o->name) : NULL;
  return whole ? OBJECT_TYPES + (int)(whole - words_wholes) : (int)op_describe(e->kind)->type;
}

/* The kinds of objects that are waited for in a state. */
static void find_kinds(const struct trace_model *m, int state, bool ret[KINDS]) {
  for (uint32_t i = 0; i < m->span_count; i++)
    if ((int)m->spans[i].state == state && m->spans[i].event != TRACE_NONE)
      ret[kind_of(m, &m->events[m->spans[i].event])] = true;
}

static const char *kind_word(int kind) {
  return kind >= OBJECT_TYPES  ? words_wholes[kind - OBJECT_TYPES].word
         : kind == OBJECT_NONE ? "select"
                               : object_type_word((enum object_type)kind);
}

/* Append them: "lock, barrier". */
static void add_kinds(const struct canvas *c, int state, struct legend_entry *e) {
  bool found[KINDS] = {false}, first = true;
  for (unsigned i = 0; i < c->count; i++)
    find_kinds(c->all[i], state, found);
  for (int i = 0; i < KINDS; i++)
    if (found[i]) {
      size_t len = strlen(e->words);
      snprintf(e->words + len, sizeof e->words - len, "%s%s", first ? "" : ", ", kind_word(i));
      first = false;
    }
  if (first)
    snprintf(e->words, sizeof e->words, "waits for %s", meanings[state].brief);
  else if (strcmp(e->words, "waits for select") == 0)
    snprintf(e->words, sizeof e->words, "waits in select");
}

static void add_sign(const struct canvas *c, int sign, struct legend *l) {
  const struct gantt_sign *g = &gantt_signs[sign];
  struct legend_entry *e = &l->entries[l->count++];
  *e = (struct legend_entry){.sign = c->ascii ? g->ascii : g->utf8, .color = g->color};
  snprintf(e->words, sizeof e->words, "%s", meanings[sign].words);
  snprintf(e->brief, sizeof e->brief, "%s", meanings[sign].brief);
  if (sign == TRACE_QUEUE || sign == TRACE_LOCK)
    add_kinds(c, sign, e);
}

void legend_make(const struct canvas *c, const bool used[GANTT_SIGNS], bool queues,
                 struct legend *ret) {
  ret->count = 0;
  for (int i = 0; i < GANTT_SIGNS; i++)
    if (used[i] && i != TRACE_IDLE)
      add_sign(c, i, ret);
  if (queues)
    ret->entries[ret->count++] = (struct legend_entry){
        .sign = c->ascii ? "_-#" : "▁▄█", .words = "queue, empty to full", .brief = "items"};
}

static int entry_width(const struct legend_entry *e, bool brief) {
  const char *words = brief ? e->brief : e->words;
  return width_of(e->sign, strlen(e->sign)) + 1 + width_of(words, strlen(words));
}

enum { LEGEND_GAP = 2 };

/* How many lines it takes. */
static int lines_of(const struct legend *l, int columns, bool brief) {
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
  return lines_of(l, columns, false) > 1 ||
         (l->count > 0 && entry_width(&l->entries[0], false) > columns);
}

int legend_lines(const struct legend *l, int columns) {
  return lines_of(l, columns, is_brief(l, columns));
}

int legend_put(struct canvas *c, const struct legend *l) {
  bool brief = is_brief(l, c->columns);
  int at = 0, rc = 0;
  for (int i = 0; i < l->count && rc == 0; i++) {
    const struct legend_entry *e = &l->entries[i];
    int width = entry_width(e, brief);
    if (at > 0 && at + LEGEND_GAP + width > c->columns) {
      rc = canvas_end(c);
      at = 0;
    }
    if (rc == 0 && at > 0)
      rc = canvas_spaces(c, LEGEND_GAP);
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
