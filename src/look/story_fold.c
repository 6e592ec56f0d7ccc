/*
 * look/story_fold.c - which processes, objects and steps of a story are worth showing: see
 * story_internal.h.
 *
 * With a mistake that is known: its processes, from where it begins. Without: those that wait for
 * one another, or all that have to do with what several use. The rest is only counted.
 */
#include <stdlib.h>

#include "base/error.h"
#include "look/story_internal.h"
#include "object/quiet.h"

/* Shown, but for the steps of the mistake: in all, and at the beginning and the end of each stretch between them. */
enum { STEPS_MAX = 60, STATES_MAX = 4, NEXT_MAX = 8, LAST_MAX = 4 };

/* Steps about which there is nothing to say. */
static bool is_dull(const struct story_step *step) {
  if (step->killed)
    return false;
  if (step->kind == OP_PROCESS_END)
    return false;
  return step->kind == OP_NONE || step->kind <= OP_HANDLE_RELEASE ||
         op_is_quiet(step->kind, true, false);
}

static bool is_part(const struct finding *f, uint32_t step) {
  return step == f->from || step == f->between || step == f->at || step == f->again;
}

static bool goes_round(const struct story *s) {
  return s->end == STORY_LIVELOCK || s->end == STORY_STARVES || s->end == STORY_ENDLESS;
}

/* -- processes ---------------------------------------------------------------------------------- */

static void mark(bool *list, uint32_t count, uint32_t which) {
  if (which < count)
    list[which] = true;
}

/* Those of the mistake, and those that wait for each other. */
static bool mark_guilty(const struct story *s, const struct finding *f, bool *process) {
  bool any = false;
  for (uint32_t i = 0; f->from < s->step_count && i < s->step_count && f->at < s->step_count; i++)
    if (i > f->from && i < f->at && s->steps[i].object == f->object && story_changes(&s->steps[i]))
      mark(process, s->process_count, s->steps[i].process);
  mark(process, s->process_count, f->who);
  mark(process, s->process_count, f->other);
  for (uint32_t i = 0; i < s->step_count; i++)
    if (is_part(f, i))
      mark(process, s->process_count, s->steps[i].process);
  for (uint32_t p = 0; p < s->process_count; p++)
    process[p] |= s->processes[p].in_circle;
  for (uint32_t i = s->loop; goes_round(s) && i < s->step_count; i++)
    mark(process, s->process_count, s->steps[i].process);
  if (goes_round(s))
    mark(process, s->process_count, s->victim);
  for (uint32_t p = 0; p < s->process_count; p++)
    any |= process[p];
  return any;
}

/* Does main give a value its first one? */
static bool is_first_value(const struct story *s, uint32_t i) {
  return s->steps[i].kind == OP_VALUE_SET && s->steps[i].process == 0 &&
         story_last(s, STORY_NONE, s->steps[i].object, i) == STORY_NONE;
}

/* Do several processes of a list use the object? NULL: of all. */
static bool is_common(const struct story *s, const bool *process, uint32_t object) {
  uint32_t first = STORY_NONE;
  for (uint32_t i = 0; i < s->step_count; i++) {
    const struct story_step *step = &s->steps[i];
    if (step->object != object || is_dull(step) || is_first_value(s, i) ||
        !story_process_is(s, step->process) || (process && !process[step->process]))
      continue;
    if (first != STORY_NONE && first != step->process)
      return true;
    first = step->process;
  }
  return false;
}

/* All that use what others use, too, or fail, or wait for ever. */
static void mark_concerned(const struct story *s, struct story_view *v) {
  for (uint32_t k = 0; k < s->object_count; k++)
    v->object[k] = is_common(s, NULL, k);
  for (uint32_t i = 0; i < s->step_count; i++)
    if (story_object_is(s, s->steps[i].object) && v->object[s->steps[i].object] &&
        !is_dull(&s->steps[i]) && !is_first_value(s, i))
      mark(v->process, s->process_count, s->steps[i].process);
  mark(v->process, s->process_count, s->victim);
  for (uint32_t p = 0; p < s->process_count; p++)
    v->process[p] |= s->processes[p].stuck && story_type(s, s->processes[p].wanted) != OBJECT_NONE;
}

/* -- objects and steps -------------------------------------------------------------------------- */

static void mark_objects(const struct story *s, const struct finding *f, struct story_view *v) {
  mark(v->object, s->object_count, f->object);
  mark(v->object, s->object_count, f->lock);
  for (uint32_t p = 0; p < s->process_count; p++)
    if (v->process[p])
      mark(v->object, s->object_count, s->processes[p].wanted);
  for (uint32_t k = 0; k < s->object_count; k++)
    v->object[k] |= is_common(s, v->process, k);
  for (uint32_t i = 0; i < s->step_count; i++) {
    uint32_t object = s->steps[i].object;
    if (story_object_is(s, object) && s->objects[object].shown &&
        story_process_is(s, s->steps[i].process) && v->process[s->steps[i].process])
      v->object[object] = true;
  }
}

/* The step in which the mistake begins: what is before is folded. 0 if it is not known. */
static uint32_t beginning(const struct story *s, const struct finding *f) {
  const uint32_t parts[] = {f->from, f->between, f->at, f->again};
  uint32_t first = STORY_NONE;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    first = parts[i] < first ? parts[i] : first;
  for (uint32_t p = 0; p < s->process_count; p++) {
    const struct story_process *of = &s->processes[p];
    uint32_t taken = of->in_circle && of->waits_for < s->process_count
                         ? story_taken(s, of->waits_for, of->wanted, s->step_count)
                         : STORY_NONE;
    first = taken < first ? taken : first;
  }
  if (f->cause == CAUSE_UNKNOWN || f->cause == CAUSE_JOIN_BEFORE_DRAIN || first >= s->step_count)
    return 0;
  uint32_t before = story_last(s, f->who, STORY_NONE, first);
  return before != STORY_NONE && story_reads(&s->steps[before]) ? before : first;
}

static bool is_shown(const struct story *s, const struct finding *f, const struct story_view *v,
                     uint32_t i) {
  const struct story_step *step = &s->steps[i];
  if (!story_process_is(s, step->process))
    return false;
  bool owned = v->process[step->process];
  if (is_part(f, i) || step->last_chance || step->killed)
    return true;
  if (!owned || is_dull(step) || is_first_value(s, i))
    return false;
  bool within = step->process == f->who && i > f->from && f->at != STORY_NONE && i < f->at &&
                story_reads(step);
  return step->kind == OP_PROCESS_END || within || i == story_failed(s) ||
         (story_object_is(s, step->object) && v->object[step->object]);
}

/* The step after which nothing matters: the one that failed. */
static uint32_t ending(const struct story *s, const struct finding *f) {
  uint32_t last = story_failed(s);
  bool before =
      (f->at != STORY_NONE && last < f->at) || (f->between != STORY_NONE && last < f->between);
  return last == STORY_NONE || before ? s->step_count : last + 1;
}

/* Of many steps between two of the mistake, `from` and `to`, or behind it, only the first and the last are shown. */
static void cut_between(const struct story *s, bool *step, uint32_t from, uint32_t to) {
  uint32_t count = 0, n = 0;
  for (uint32_t i = from + 1; i < to; i++)
    count += step[i];
  for (uint32_t i = from + 1; i < to && count > NEXT_MAX + LAST_MAX; i++)
    if (step[i] && ++n > NEXT_MAX && n + LAST_MAX <= count && !s->steps[i].last_chance)
      step[i] = false;
}

static void cut_mistake(const struct story *s, const struct finding *f, bool *step) {
  uint32_t part = STORY_NONE; /* the last one so far */
  for (uint32_t i = 0; f->cause != CAUSE_UNKNOWN && i <= s->step_count; i++) {
    if (i < s->step_count && !is_part(f, i))
      continue;
    if (part != STORY_NONE)
      cut_between(s, step, part, i);
    part = i;
  }
}

/* Of very many steps only the last are shown. */
static void keep_last(const struct story *s, const struct finding *f, bool *step) {
  uint32_t n = 0;
  for (uint32_t i = s->step_count; i-- > 0;)
    if (step[i] && ++n > STEPS_MAX && !is_part(f, i) && !s->steps[i].last_chance)
      step[i] = false;
}

static void mark_steps(const struct story *s, const struct finding *f, struct story_view *v) {
  uint32_t begin = beginning(s, f), end = ending(s, f), states = 0;
  for (uint32_t i = 0; i < s->step_count; i++)
    v->step[i] = ((i >= begin && i < end) || is_part(f, i) || s->steps[i].last_chance ||
                  s->steps[i].killed) &&
                 is_shown(s, f, v, i);
  if (!goes_round(s)) /* a circle is shown whole */
    cut_mistake(s, f, v->step);
  keep_last(s, f, v->step);
  for (uint32_t i = 0; i < s->step_count; i++) {
    uint32_t object = s->steps[i].object;
    if (!v->step[i] || !story_object_is(s, object) || !s->objects[object].shown ||
        v->state[object] || states == STATES_MAX)
      continue;
    v->state[object] = true;
    states++;
  }
}

static bool *none(uint32_t count) { return calloc(count ? count : 1, sizeof(bool)); }

int view_make(const struct story *s, const struct finding *f, struct story_view *ret) {
  *ret = (struct story_view){none(s->process_count), none(s->object_count), none(s->object_count),
                             none(s->step_count)};
  if (!ret->process || !ret->object || !ret->state || !ret->step) {
    view_release(ret);
    return -SBX_ENOMEM;
  }
  if (!mark_guilty(s, f, ret->process))
    mark_concerned(s, ret);
  for (uint32_t i = 0; i < s->step_count; i++)
    if (s->steps[i].last_chance || s->steps[i].killed)
      mark(ret->process, s->process_count, s->steps[i].process);
  mark_objects(s, f, ret);
  mark_steps(s, f, ret);
  return 0;
}

void view_release(struct story_view *v) {
  free(v->process);
  free(v->object);
  free(v->state);
  free(v->step);
  *v = (struct story_view){0};
}
