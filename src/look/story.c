/* look/story.c - what stands above and below the table of a story: see story.h. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/table.h"
#include "look/story_internal.h"

enum { BELOW = 6, MARGIN = 2 }; /* columns where lines below the table, and all others, begin */

struct telling {
  const struct story *s;
  const struct finding *f;
  const struct story_view *v;
  struct story_pen *p;
};

/* A paragraph: what `text` says, after a word, with lines that begin behind it. Releases `text`. */
static void paragraph(struct telling *t, int left, const char *color, const char *word,
                      struct buf *text, int rc) {
  struct story_pen *p = t->p;
  rc = rc ? rc : buf_append_byte(text, '\0');
  p->rc = p->rc ? p->rc : rc;
  if (!p->rc && text->len > 1) {
    pen_to(p, left);
    pen_cut(p, style_bold, word, p->o->width);
    int begin = *word ? p->column + 1 : left;
    pen_to(p, begin);
    pen_fill(p, color, (const char *)text->data, begin, p->o->width);
    pen_line(p);
  }
  buf_release(text);
}

/* -- above -------------------------------------------------------------------------------------- */

static uint32_t count_stuck(const struct story *s) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++)
    n += s->processes[i].stuck;
  return n;
}

static void say_message(const struct telling *t, struct story_text *text) {
  const struct story *s = t->s;
  STORY_SAY(text, "%s", s->message ? s->message : "a process failed");
  if (s->where)
    STORY_SAY(text, " (%s)", story_place_of(s, s->where).text);
}

bool story_gets_on(const struct story *s) {
  bool passes = false;
  for (uint32_t i = s->loop; i < s->step_count; i++) {
    const struct story_step *step = &s->steps[i];
    if (step->rc == -SBX_ETIMEDOUT)
      return false;
    bool on_lock = story_type(s, step->object) == OBJECT_LOCK;
    passes |= step->over && step->rc == 0 && !on_lock && op_describe(step->kind)->blocks;
  }
  return passes;
}

/* What went wrong, in a line. */
static void headline(struct telling *t) {
  const struct story *s = t->s;
  struct buf out = {0};
  struct story_text text = {.out = &out};
  uint32_t stuck = count_stuck(s);
  const char *word = "wrong:";
  if (s->end == STORY_DEADLOCK) {
    word = "deadlock:";
    STORY_SAY(&text, "%" PRIu32 " process%s for ever", stuck, stuck == 1 ? " waits" : "es wait");
  } else if (s->end == STORY_LIVELOCK && s->loop >= s->step_count) {
    word = "livelock:";
    STORY_SAY(&text, "it goes on for ever, and nobody gets anywhere");
  } else if (s->end == STORY_LIVELOCK) {
    word = "livelock:";
    STORY_SAY(&text,
              "the steps from %" PRIu32 " on can be repeated for ever, and nobody gets "
              "anywhere",
              s->loop + 1);
  } else if (s->end == STORY_ENDLESS) {
    word = "without end:";
    STORY_SAY(&text, "the steps from %" PRIu32 " on are repeated for ever", s->loop + 1);
  } else if (s->end == STORY_STARVES) {
    word = "starvation:";
    STORY_SAY(&text, "the steps from %" PRIu32 " on can be repeated for ever, and %s never gets on",
              s->loop + 1, story_process_name(s, s->victim));
  } else {
    say_message(t, &text);
  }
  paragraph(t, MARGIN, style_red, word, &out, text.rc);
}

static void switches(struct telling *t) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < t->s->step_count; i++)
    n += t->s->steps[i].preempts;
  pen_line(t->p);
  pen_to(t->p, MARGIN);
  if (n == 0)
    pen_say(t->p, NULL, "the schedule:");
  else if (n == 1)
    pen_say(t->p, NULL, "the schedule, with one switch too many:");
  else
    pen_say(t->p, NULL, "the schedule, with %" PRIu32 " switches too many:", n);
  pen_line(t->p);
}

/* -- circles of processes ----------------------------------------------------------------------- */

/* A process of a circle that is whole; STORY_NONE. */
static uint32_t circle_begin(const struct story *s, uint32_t from) {
  for (uint32_t first = from; first < s->process_count; first++) {
    uint32_t p = first, n = 0;
    while (story_process_is(s, p) && s->processes[p].in_circle && n++ < s->process_count) {
      p = s->processes[p].waits_for;
      if (p == first)
        return first;
      if (p < from)
        break;
    }
  }
  return STORY_NONE;
}

/* Do all in the circle want locks? */
static bool all_locks(const struct story *s, uint32_t first) {
  uint32_t p = first;
  do {
    if (story_type(s, s->processes[p].wanted) != OBJECT_LOCK)
      return false;
    p = s->processes[p].waits_for;
  } while (p != first);
  return true;
}

/* One link of the circle: " -- fork2 --> b", in one piece. */
static void edge(struct telling *t, uint32_t from) {
  const struct story *s = t->s;
  const struct story_signs *signs = pen_signs(t->p->o);
  uint32_t wanted = s->processes[from].wanted, to = s->processes[from].waits_for;
  struct buf text = {0};
  struct story_text say = {.out = &text};
  if (story_object_is(s, wanted) && story_type(s, wanted) != OBJECT_PROCESS)
    STORY_SAY(&say, "%s %s %s %s", signs->edge, story_object_name(s, wanted), signs->gives,
              story_process_name(s, to));
  else
    STORY_SAY(&say, "%s join %s %s", signs->edge, signs->gives, story_process_name(s, to));
  say.rc = say.rc ? say.rc : buf_append_byte(&text, '\0');
  t->p->rc = t->p->rc ? t->p->rc : say.rc;
  const char *part = t->p->rc ? "" : (const char *)text.data;
  if (t->p->column + 1 + pen_width(t->p, part) > t->p->o->width) {
    pen_line(t->p);
    pen_to(t->p, BELOW + 2);
  } else {
    pen_to(t->p, t->p->column + 1);
  }
  pen_cut(t->p, style_red, part, t->p->o->width - BELOW - 2);
  buf_release(&text);
}

/* How many processes are in the circle? */
static uint32_t circle_length(const struct story *s, uint32_t first) {
  uint32_t n = 0, p = first;
  do {
    n++;
    p = s->processes[p].waits_for;
  } while (p != first);
  return n;
}

/* Of a very long circle the middle is left out. */
static void circle(struct telling *t, uint32_t first) {
  enum { SHOWN = 16, TAIL = 3 };
  uint32_t p = first, n = circle_length(t->s, first);
  pen_to(t->p, BELOW);
  pen_say(t->p, NULL, "now each waits for %s:",
          all_locks(t->s, first) ? "a lock that the next one holds" : "the next one");
  pen_line(t->p);
  pen_to(t->p, BELOW);
  pen_cut(t->p, style_red, story_process_name(t->s, first), t->p->o->width - BELOW);
  for (uint32_t i = 0; i < n && t->p->rc == 0; i++) {
    if (n <= SHOWN || i < SHOWN - TAIL || i >= n - TAIL) {
      edge(t, p);
    } else if (i == SHOWN - TAIL) {
      pen_line(t->p);
      pen_to(t->p, BELOW + 2);
      pen_say(t->p, style_red, "%s %" PRIu32 " more", pen_signs(t->p->o)->points, n - SHOWN);
      pen_line(t->p);
      pen_to(t->p, BELOW + 1);
    }
    p = t->s->processes[p].waits_for;
  }
  pen_line(t->p);
}

/* Is the process in a circle that was told, one from `first` on? */
static bool is_in(const struct story *s, uint32_t process, uint32_t first) {
  uint32_t p = first;
  do {
    if (p == process)
      return true;
    p = s->processes[p].waits_for;
  } while (p != first);
  return false;
}

static bool is_told(const struct story *s, uint32_t process) {
  if (!s->processes[process].in_circle)
    return false;
  for (uint32_t c = circle_begin(s, 0); c != STORY_NONE; c = circle_begin(s, c + 1))
    if (is_in(s, process, c))
      return true;
  return false;
}

/* -- below -------------------------------------------------------------------------------------- */

/* Does it wait for one that waits for ever itself? */
static bool is_behind(const struct story *s, uint32_t process) {
  uint32_t whom = s->processes[process].waits_for;
  return story_process_is(s, whom) && s->processes[whom].stuck;
}

static void say_waits(struct telling *t, uint32_t process) {
  const struct story_process *p = &t->s->processes[process];
  const char *whom = circle_begin(t->s, 0) != STORY_NONE ? "behind them" : "behind it";
  struct buf out = {0};
  struct story_text text = {.out = &out};
  STORY_SAY(&text, "%s waits %s ", story_process_name(t->s, process),
            is_behind(t->s, process) ? whom : "for ever");
  story_say_waits(t->s, process, &text);
  if (story_process_is(t->s, p->waits_for) && story_type(t->s, p->wanted) == OBJECT_LOCK)
    STORY_SAY(&text, ", which %s holds", story_process_name(t->s, p->waits_for));
  story_say_wait(t->s, t->f, process, &text);
  paragraph(t, BELOW, NULL, "", &out, text.rc);
}

/* Who waits for whom. */
static void waits(struct telling *t) {
  enum { TOLD = 6 };
  uint32_t told = 0, left = 0;
  for (uint32_t c = circle_begin(t->s, 0); c != STORY_NONE; c = circle_begin(t->s, c + 1))
    circle(t, c);
  for (uint32_t round = 0; round < 2; round++) /* those behind others last */
    for (uint32_t p = 0; p < t->s->process_count && t->p->rc == 0; p++) {
      if (!t->s->processes[p].stuck || is_behind(t->s, p) != (round > 0) || is_told(t->s, p))
        continue;
      if (told++ < TOLD)
        say_waits(t, p);
      else
        left++;
    }
  if (left > 0) {
    pen_to(t->p, BELOW);
    pen_say(t->p, NULL, "and %" PRIu32 " more", left);
    pen_line(t->p);
  }
}

/* -- loops -------------------------------------------------------------------------------------- */

/* The smallest number that an object is in the steps that are repeated; false: it is not always a
 * number. */
static bool smallest(const struct story *s, uint32_t object, int64_t *ret) {
  int64_t n;
  if (!story_number(story_state(s, object, s->loop), ret))
    return false;
  for (uint32_t i = s->loop; i < s->step_count; i++)
    if (s->steps[i].object == object && s->steps[i].after) {
      if (!story_number(s->steps[i].after, &n))
        return false;
      *ret = n < *ret ? n : *ret;
    }
  return true;
}

static bool is_constant(const struct story *s, uint32_t object) {
  for (uint32_t i = s->loop; i < s->step_count; i++)
    if (s->steps[i].object == object && s->steps[i].after &&
        !story_equal(s->steps[i].after, story_state(s, object, s->loop)))
      return false;
  return story_state(s, object, s->loop) != NULL;
}

/* "`readers` is never 0", of each object with a column. */
static void say_constants(struct telling *t, struct story_text *text) {
  const struct story *s = t->s;
  size_t begin = text->out->len;
  int64_t n;
  for (uint32_t k = 0; k < s->object_count && s->loop < s->step_count; k++) {
    if (!t->v->state[k])
      continue;
    const char *before = text->out->len > begin ? ", " : text->out->len ? ": " : "";
    if (is_constant(s, k))
      STORY_SAY(text, "%s`%s` is %s all the time", before, story_object_name(s, k),
                story_state(s, k, s->loop));
    else if (smallest(s, k, &n) && n > 0)
      STORY_SAY(text, "%s`%s` is never 0", before, story_object_name(s, k));
  }
}

static void loop(struct telling *t) {
  const struct story *s = t->s;
  struct buf out = {0};
  struct story_text text = {.out = &out};
  if (s->loop < s->step_count) {
    pen_to(t->p, BELOW);
    pen_say(t->p, style_red, "%s and again from step %" PRIu32, pen_signs(t->p->o)->points,
            s->loop + 1);
    pen_line(t->p);
  }
  const struct story_process *victim =
      story_process_is(s, s->victim) ? &s->processes[s->victim] : NULL;
  if (victim && victim->waits) {
    STORY_SAY(&text, "%s waits ", story_process_name(s, s->victim));
    story_say_waits(s, s->victim, &text);
    STORY_SAY(&text, " all the time");
  }
  say_constants(t, &text);
  paragraph(t, BELOW, NULL, "", &out, text.rc);
}

/* -- all of it ---------------------------------------------------------------------------------- */

/* A line of the script, if it says more than the call. */
static void own_line(struct telling *t, uint32_t i) {
  const struct story_step *step = &t->s->steps[i];
  if (!step->text || !*step->text || step->line <= 0 || story_equal(step->text, step->call))
    return;
  pen_to(t->p, MARGIN);
  pen_say(t->p, style_dim, "%s:", story_place(t->s, i).text);
  pen_to(t->p, t->p->column + 1);
  pen_cut(t->p, NULL, step->text, t->p->o->width - t->p->column - 1);
  pen_line(t->p);
}

/* The lines that the reason is about. */
static void own_lines(struct telling *t) {
  bool asks = t->f->cause == CAUSE_IF_FOR_WHILE;
  const uint32_t parts[] = {asks ? story_question(t->s, t->f) : t->f->from, t->f->between,
                            t->f->at};
  for (size_t i = 0; i < (asks ? 1 : sizeof parts / sizeof *parts); i++) {
    bool told = parts[i] >= t->s->step_count;
    for (size_t k = 0; k < i && !told; k++)
      told =
          parts[k] < t->s->step_count && t->s->steps[parts[k]].line == t->s->steps[parts[i]].line;
    if (!told)
      own_line(t, parts[i]);
  }
}

static void reasons(struct telling *t) {
  struct buf why = {0}, cure = {0}, checked = {0};
  struct story_text text = {.out = &why}, advice = {.out = &cure};
  if (t->f->cause == CAUSE_UNKNOWN)
    return;
  pen_line(t->p);
  own_lines(t);
  story_say_why(t->s, t->f, &text);
  paragraph(t, MARGIN, NULL, "why:", &why, text.rc);
  story_say_cure(t->s, t->f, &advice);
  paragraph(t, MARGIN, NULL, "cure to try:", &cure, advice.rc);
  if (t->s->checked)
    paragraph(t, MARGIN, NULL, "checked:", &checked, buf_format(&checked, "%s.", t->s->checked));
}

int story_write(const struct story *s, const struct story_options *o, struct buf *out) {
  struct finding f;
  struct story_view v;
  struct story_pen p = {.out = out, .o = o};
  struct telling t = {s, &f, &v, &p};
  story_find(s, &f);
  int rc = view_make(s, &f, &v);
  if (rc)
    return rc;
  headline(&t);
  if (s->step_count) {
    switches(&t);
    story_table(s, &f, &v, &p);
  }
  bool round = s->end == STORY_LIVELOCK || s->end == STORY_STARVES || s->end == STORY_ENDLESS;
  if (round && s->loop < s->step_count)
    loop(&t);
  else
    waits(&t);
  reasons(&t);
  view_release(&v);
  return p.rc;
}
