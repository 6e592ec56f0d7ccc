/*
 * look/story_table.c - the table of a story: see story_internal.h.
 *
 * Each process that matters has a column with its calls and their lines, if there are few of them and
 * the terminal is wide enough; else all share one, beside a column with their names. The states of
 * shown objects follow, then notes: beside the row where there is room, else below it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/table.h"
#include "look/story_internal.h"

enum {
  COLUMNS_MAX = 8,
  COLUMNS_FEW = 3, /* columns that may be made narrower */
  STATES_MAX = 4,
  LEFT = 6, /* of the first column: a number of four digits stands before it */
  GAP = 3,  /* between columns */
  CALL_MAX = 60,
  CALL_LEAST = 14,
  NAME_LEAST = 8,
  CHANCE_WIDTH = 7,
  NOTE_LEAST = 28 /* narrower than that, a note stands below its row */
};

struct table_part {
  uint32_t of; /* process or object; in a list of all: STORY_NONE */
  int at, call, line, width;
  int least;     /* columns that its calls need at least */
  uint32_t last; /* step of its process */
  bool over;     /* its process has ended, and that was not said yet */
};

struct story_table {
  const struct story *s;
  const struct finding *f;
  const struct story_view *v;
  struct story_pen *p;
  bool list;         /* one column for all processes */
  int name_at, name; /* of a list: the column of names */
  struct table_part part[COLUMNS_MAX], state[STATES_MAX];
  uint32_t parts, states;
  int chance_at; /* the column of p(fail); 0: there is none */
  int right;     /* where notes begin */
  struct buf text;
};

/* -- what stands in a cell ---------------------------------------------------------------------- */

static const char *wait_phase(const struct story *s, uint32_t i) {
  const struct story_step *step = &s->steps[i];
  if (step->kind == OP_BARRIER_WAIT)
    return step->phase == 2 ? "goes on" : NULL;
  if (step->kind != OP_CONDITION_WAIT || step->phase < 2)
    return NULL;
  uint32_t before = story_last_op(s, step->process, STORY_NONE, i, OP_CONDITION_WAIT);
  bool woken = before != STORY_NONE && s->steps[before].phase == 2;
  return step->phase == 3 && woken ? "has the lock again" : "wakes up";
}

/* The call of a step and its result; valid until the next one. */
static const char *call_of(struct story_table *t, uint32_t i) {
  const struct story_step *step = &t->s->steps[i];
  const char *phase = wait_phase(t->s, i), *gives = pen_signs(t->p->o)->gives;
  struct story_text text = {.out = &t->text, .rc = t->p->rc};
  t->text.len = 0;
  if (step->kind == OP_PROCESS_END)
    STORY_SAY(&text, "ended");
  else if (phase)
    STORY_SAY(&text, "%s", phase);
  else if (step->call)
    STORY_SAY(&text, "%s", step->call);
  else
    STORY_SAY(&text, "%s of %s", op_describe(step->kind)->verb,
              story_object_name(t->s, step->object));
  if (step->result && step->kind != OP_PROCESS_END)
    STORY_SAY(&text, " %s %s", gives, step->result);
  else if (step->over && step->rc < 0)
    STORY_SAY(&text, " %s %s", gives, error_text(step->rc));
  text.rc = text.rc ? text.rc : buf_append_byte(&t->text, '\0');
  t->p->rc = text.rc;
  return text.rc ? "" : (const char *)t->text.data;
}

static struct story_place line_of(const struct story *s, uint32_t i) {
  struct story_place place = {""};
  return s->steps[i].line > 0 && s->steps[i].kind != OP_PROCESS_END ? story_place(s, i) : place;
}

/* -- widths ------------------------------------------------------------------------------------- */

static int most(int a, int b) { return a > b ? a : b; }
static int least(int a, int b) { return a < b ? a : b; }

static struct table_part *part_of(struct story_table *t, uint32_t process) {
  for (uint32_t k = 0; k < t->parts; k++)
    if (t->list || t->part[k].of == process)
      return &t->part[k];
  return NULL;
}

static void set_width(struct story_table *t, struct table_part *part) {
  const char *name = t->list ? "" : story_process_name(t->s, part->of);
  part->width = part->call + (part->line ? 2 + part->line : 0);
  if (!t->list)
    part->width = most(part->width, least(pen_width(t->p, name), CALL_MAX));
}

/* The line in which a process waits for ever; at the end of the script there is none. */
static struct story_place stuck_place(const struct story_table *t, const struct story_process *of) {
  bool line = of->where && strchr(of->where, ':');
  return story_place_of(t->s, line ? of->where : NULL);
}

static void measure_parts(struct story_table *t) {
  for (uint32_t i = 0; i < t->s->step_count; i++) {
    struct table_part *part = t->v->step[i] ? part_of(t, t->s->steps[i].process) : NULL;
    if (!part)
      continue;
    part->call = most(part->call, least(pen_width(t->p, call_of(t, i)), CALL_MAX));
    part->line = most(part->line, pen_width(t->p, line_of(t->s, i).text));
    t->name = most(t->name, pen_width(t->p, story_process_name(t->s, t->s->steps[i].process)));
  }
  for (uint32_t k = 0; k < t->parts; k++) {
    const struct story_process *of = t->list ? NULL : &t->s->processes[t->part[k].of];
    if (of && of->stuck) {
      t->part[k].call = most(t->part[k].call, (int)strlen("waits for ever"));
      t->part[k].line = most(t->part[k].line, pen_width(t->p, stuck_place(t, of).text));
    }
    set_width(t, &t->part[k]);
  }
}

static void measure_states(struct story_table *t) {
  t->states = 0;
  for (uint32_t k = 0; k < t->s->object_count && t->states < STATES_MAX; k++) {
    if (!t->v->state[k])
      continue;
    struct table_part *state = &t->state[t->states++];
    *state = (struct table_part){.of = k, .width = pen_width(t->p, story_object_name(t->s, k))};
    for (uint32_t i = 0; i < t->s->step_count; i++) {
      const struct story_step *step = &t->s->steps[i];
      if (step->object != k)
        continue;
      state->width = most(state->width, step->before ? pen_width(t->p, step->before) : 0);
      state->width = most(state->width, step->after ? pen_width(t->p, step->after) : 0);
    }
    state->width = least(state->width, 24);
  }
}

/* How likely a failure is behind the step; < 0: that is not known. */
static double chance_after(const struct story *s, uint32_t i) {
  return i + 1 < s->step_count ? s->steps[i + 1].p_fail : 1;
}

/* A column for it, if there is room, and it is no circle, and it changes. */
static void add_chances(struct story_table *t) {
  bool changes = false;
  for (uint32_t i = 0; i < t->s->step_count; i++)
    changes |= t->v->step[i] && chance_after(t->s, i) > 0 && chance_after(t->s, i) < 1;
  bool circle =
      t->s->end == STORY_LIVELOCK || t->s->end == STORY_STARVES || t->s->end == STORY_ENDLESS;
  if (t->list || circle || !changes || t->right + CHANCE_WIDTH > t->p->o->width)
    return;
  t->chance_at = t->right;
  t->right += CHANCE_WIDTH + GAP;
}

static void chance(struct story_table *t, uint32_t i) {
  double p = chance_after(t->s, i);
  char text[24];
  if (!t->chance_at || p < 0)
    return;
  const char *edge = p > 0 && p < 0.005 ? "<" : p < 1 && p > 0.995 ? ">" : "";
  int rounded = *edge == '<' ? 1 : *edge == '>' ? 99 : (int)(100 * p + 0.5);
  snprintf(text, sizeof text, "%s%d %%", edge, rounded);
  pen_to(t->p, t->chance_at + CHANCE_WIDTH - (int)strlen(text));
  pen_cut(t->p, p >= 1 ? style_red : NULL, text, CHANCE_WIDTH);
}

/* Place everything one beside the other: returns where notes begin. */
static int place(struct story_table *t) {
  int at = LEFT;
  if (t->list) {
    t->name_at = at;
    at += t->name + 2;
  }
  for (uint32_t k = 0; k < t->parts; k++) {
    t->part[k].at = at;
    at += t->part[k].width + GAP;
  }
  for (uint32_t k = 0; k < t->states; k++) {
    t->state[k].at = at;
    at += t->state[k].width + GAP;
  }
  return t->right = at;
}

/* Make the widest column narrower until all fits. False: it cannot. */
static bool squeeze(struct story_table *t) {
  while (place(t) - GAP > t->p->o->width) {
    struct table_part *widest = NULL;
    for (uint32_t k = 0; k < t->parts; k++)
      if (t->part[k].call > t->part[k].least && (!widest || t->part[k].width > widest->width))
        widest = &t->part[k];
    if (!widest)
      return false;
    widest->call--;
    widest->width--;
  }
  return true;
}

/* Is there anything to stand in a column of the process? */
static bool has_part(const struct story_table *t, uint32_t process) {
  bool any = t->s->processes[process].stuck;
  for (uint32_t i = 0; i < t->s->step_count && !any; i++)
    any = t->v->step[i] && t->s->steps[i].process == process;
  return any;
}

static bool in_columns(struct story_table *t) {
  t->list = false;
  t->parts = 0;
  for (uint32_t p = 0; p < t->s->process_count; p++) {
    if (!t->v->process[p] || !has_part(t, p))
      continue;
    if (t->parts == COLUMNS_MAX)
      return false;
    uint32_t last = story_last(t->s, p, STORY_NONE, t->s->step_count);
    t->part[t->parts++] = (struct table_part){.of = p, .last = last};
  }
  measure_parts(t);
  measure_states(t);
  if (t->parts > COLUMNS_FEW)
    return place(t) + NOTE_LEAST <= t->p->o->width;
  for (uint32_t k = 0; k < t->parts; k++)
    t->part[k].least = most(CALL_LEAST, t->part[k].call * 3 / 4);
  return squeeze(t);
}

static void in_list(struct story_table *t) {
  int width = t->p->o->width;
  t->list = true;
  t->part[0] = (struct table_part){.of = STORY_NONE};
  t->parts = 1;
  t->name = 0;
  measure_parts(t);
  measure_states(t);
  t->name = least(t->name, most(width / 4, NAME_LEAST));
  t->part[0].least = CALL_LEAST;
  while (!squeeze(t) && (t->states || t->part[0].line)) {
    if (t->states == 0)
      t->part[0].line = 0;
    t->states = 0;
    t->part[0].least = CALL_LEAST / 2;
    set_width(t, &t->part[0]);
  }
}

/* -- rows --------------------------------------------------------------------------------------- */

static void head(struct story_table *t) {
  for (uint32_t k = 0; k < t->parts && !t->list; k++) {
    pen_to(t->p, t->part[k].at);
    pen_name(t->p, style_bold, story_process_name(t->s, t->part[k].of), t->part[k].width);
  }
  for (uint32_t k = 0; k < t->states; k++) {
    pen_to(t->p, t->state[k].at);
    pen_cut(t->p, style_bold, story_object_name(t->s, t->state[k].of), t->state[k].width);
  }
  if (t->chance_at) {
    pen_to(t->p, t->chance_at);
    pen_cut(t->p, style_bold, "p(fail)", CHANCE_WIDTH);
  }
  if (!t->list || t->states)
    pen_line(t->p);
}

/* A note about a step of `process`: to the right of its row, or below it, in its column. */
static void note(struct story_table *t, uint32_t process, const char *sign, const char *text) {
  struct story_pen *p = t->p;
  int indent = pen_width(p, sign) + 1, right = p->o->width;
  int need = indent + pen_width(p, text), begin = t->right;
  if (begin + need > right && right - begin - indent < NOTE_LEAST) {
    const struct table_part *part = part_of(t, process);
    begin = part && part->at + need <= right ? part->at : LEFT;
  }
  if (p->column >= begin)
    pen_line(p);
  pen_to(p, begin);
  pen_cut(p, style_yellow, sign, indent);
  pen_to(p, begin + indent);
  pen_fill(p, style_yellow, text, begin + indent, right);
}

static void note_text(struct story_table *t, uint32_t process, const char *sign, struct buf *text,
                      int rc) {
  rc = rc ? rc : buf_append_byte(text, '\0');
  t->p->rc = t->p->rc ? t->p->rc : rc;
  if (!t->p->rc && text->len > 1)
    note(t, process, sign, (const char *)text->data);
  buf_release(text);
}

/* What changed, where there is no column for it. */
static void note_change(struct story_table *t, uint32_t i) {
  const struct story_step *step = &t->s->steps[i];
  struct buf text = {0};
  struct story_text say = {.out = &text};
  if (t->states || !story_object_is(t->s, step->object) || !t->v->state[step->object] ||
      !step->after || story_equal(step->before, step->after))
    return;
  STORY_SAY(&say, "%s is %s", story_object_name(t->s, step->object), step->after);
  note_text(t, step->process, pen_signs(t->p->o)->wakes, &text, say.rc);
}

static void note_woken(struct story_table *t, uint32_t i) {
  const struct story_step *step = &t->s->steps[i];
  struct buf text = {0};
  struct story_text say = {.out = &text};
  if (!story_process_is(t->s, step->woke))
    return;
  STORY_SAY(&say, "%s may go on%s", story_process_name(t->s, step->woke),
            step->kind == OP_CONDITION_NOTIFY ? ", when it gets the lock" : "");
  note_text(t, step->process, pen_signs(t->p->o)->wakes, &text, say.rc);
}

static void notes(struct story_table *t, uint32_t i) {
  const struct story_step *step = &t->s->steps[i];
  const char *sign = pen_signs(t->p->o)->note;
  struct buf text = {0}, chance = {0};
  struct story_text say = {.out = &text}, more = {.out = &chance};
  note_change(t, i);
  note_woken(t, i);
  story_say_note(t->s, t->f, i, &say);
  note_text(t, step->process, sign, &text, say.rc);
  story_say_chance(t->s, i, &more);
  note_text(t, step->process, sign, &chance, more.rc);
}

static void states(struct story_table *t, uint32_t i) {
  const struct story_step *step = &t->s->steps[i];
  for (uint32_t k = 0; k < t->states; k++) {
    const char *now = story_state(t->s, t->state[k].of, i + 1);
    bool changed = step->object == t->state[k].of && !story_equal(step->before, step->after);
    pen_to(t->p, t->state[k].at);
    if (now)
      pen_cut(t->p, changed ? style_bold : NULL, now, t->state[k].width);
  }
}

static void cell(struct story_table *t, const struct table_part *part, const char *color,
                 const char *call, const char *line) {
  pen_to(t->p, part->at);
  pen_cut(t->p, color, call, part->call ? part->call : part->width);
  if (part->line && *line) {
    pen_to(t->p, part->at + part->call + 2);
    pen_cut(t->p, style_dim, line, part->line);
  }
}

static void row(struct story_table *t, uint32_t i) {
  const struct story_step *step = &t->s->steps[i];
  const struct table_part *part = part_of(t, step->process);
  char number[16];
  int digits = snprintf(number, sizeof number, "%" PRIu32, i + 1);
  pen_to(t->p, most(0, LEFT - 2 - digits));
  pen_cut(t->p, style_dim, number, LEFT);
  if (t->list) {
    pen_to(t->p, t->name_at);
    pen_name(t->p, NULL, story_process_name(t->s, step->process), t->name);
  }
  for (uint32_t k = 0; k < t->parts; k++)
    if (&t->part[k] == part)
      cell(t, part, NULL, call_of(t, i), line_of(t->s, i).text);
    else if (t->part[k].over) {
      cell(t, &t->part[k], style_dim, "ended", "");
      t->part[k].over = false;
    }
  states(t, i);
  chance(t, i);
  notes(t, i);
  pen_line(t->p);
}

/* "... 3 steps of reader#4" for those from `from` on that are not shown; returns where they end. */
static uint32_t fold(struct story_table *t, uint32_t from) {
  enum { NAMED = 3 };
  uint32_t names[NAMED], named = 0, others = 0, i = from;
  for (; i < t->s->step_count && !t->v->step[i]; i++) {
    uint32_t process = t->s->steps[i].process, k = 0;
    while (k < named && names[k] != process)
      k++;
    if (k == named && named < NAMED)
      names[named++] = process;
    else if (k == named)
      others++;
  }
  struct buf text = {0};
  struct story_text say = {.out = &text};
  bool alone = i - from == 1; /* it takes no more room if it is told */
  if (alone)
    STORY_SAY(&say, "%s %s: %s", pen_signs(t->p->o)->points, story_process_name(t->s, names[0]),
              call_of(t, from));
  else
    STORY_SAY(&say, "%s %" PRIu32 " steps of ", pen_signs(t->p->o)->points, i - from);
  for (uint32_t k = 0; k < named && !alone; k++)
    STORY_SAY(&say, "%s%s",
              k == 0                      ? ""
              : k + 1 == named && !others ? " and "
                                          : ", ",
              story_process_name(t->s, names[k]));
  STORY_SAY(&say, "%s", others ? " and others" : "");
  say.rc = say.rc ? say.rc : buf_append_byte(&text, '\0');
  t->p->rc = t->p->rc ? t->p->rc : say.rc;
  pen_to(t->p, LEFT);
  pen_cut(t->p, style_dim, t->p->rc ? "" : (const char *)text.data, t->p->o->width - LEFT);
  pen_line(t->p);
  buf_release(&text);
  return i;
}

/* The last row: who waits for ever, and who has ended meanwhile. */
static void last_row(struct story_table *t) {
  bool any = false;
  for (uint32_t k = 0; k < t->parts && !t->list; k++)
    any |= t->s->processes[t->part[k].of].stuck;
  if (!any || t->list)
    return;
  for (uint32_t k = 0; k < t->parts; k++) {
    const struct story_process *of = &t->s->processes[t->part[k].of];
    if (t->part[k].over)
      cell(t, &t->part[k], style_dim, "ended", "");
    else if (of->stuck)
      cell(t, &t->part[k], style_red, "waits for ever", stuck_place(t, of).text);
  }
  pen_line(t->p);
}

/* Is there nothing to say in step `i` but that its process has ended? That has room elsewhere. */
static bool is_quiet(struct story_table *t, uint32_t i) {
  const struct story_step *step = &t->s->steps[i];
  return step->kind == OP_PROCESS_END && !t->list && i != t->f->at && !step->last_chance;
}

/* Which processes have ended with a step from `from` on, before `to`? */
static void note_ends(struct story_table *t, uint32_t from, uint32_t to) {
  for (uint32_t k = 0; k < t->parts && !t->list; k++) {
    struct table_part *part = &t->part[k];
    if (part->last < from || part->last >= to)
      continue;
    bool step = t->s->steps[part->last].kind == OP_PROCESS_END, told = part->last == t->f->at;
    part->over = step ? !told : t->s->processes[part->of].ended;
  }
}

void story_table(const struct story *s, const struct finding *f, const struct story_view *v,
                 struct story_pen *p) {
  struct story_table t = {.s = s, .f = f, .v = v, .p = p};
  if (!in_columns(&t))
    in_list(&t);
  add_chances(&t);
  head(&t);
  for (uint32_t i = 0; i < s->step_count && p->rc == 0;) {
    uint32_t begin = i;
    if (!v->step[i])
      i = fold(&t, i);
    else if (!is_quiet(&t, i++))
      row(&t, i - 1);
    note_ends(&t, begin, i);
  }
  last_row(&t);
  buf_release(&t.text);
}
