/*
 * look/story_why.c - which mistake it was: see story_internal.h.
 *
 * A mistake is recognised by what its steps do to which objects, never by names. Each function finds
 * one, and is strict: the table alone is better than a wrong explanation.
 */
#include <string.h>

#include "base/error.h"
#include "look/story_internal.h"

/* Could what happened to the object be why it went wrong? Of a process that failed it is known what
 * it looked at. */
static bool matters(const struct story *s, uint32_t object) {
  return !story_process_is(s, s->victim) ||
         story_last(s, s->victim, object, s->step_count) != STORY_NONE;
}

/* The last change of an object by others than `who` between two steps; STORY_NONE. */
static uint32_t changed_between(const struct story *s, uint32_t who, uint32_t object, uint32_t from,
                                uint32_t to) {
  for (uint32_t i = to; i-- > from + 1;)
    if (s->steps[i].object == object && s->steps[i].process != who && story_changes(&s->steps[i]))
      return i;
  return STORY_NONE;
}

/* The step in which a process did something to the object last before step `at`, if it looked at it, and
 * has not waited for a condition since, which is another way to be told; STORY_NONE. */
static uint32_t looked_at(const struct story *s, uint32_t who, uint32_t object, uint32_t at) {
  uint32_t from = story_last(s, who, object, at);
  uint32_t wait = story_last_op(s, who, STORY_NONE, at, OP_CONDITION_WAIT);
  bool told = wait != STORY_NONE && from != STORY_NONE && wait > from;
  return told || from == STORY_NONE || !story_reads(&s->steps[from]) ? STORY_NONE : from;
}

static bool is_truth(const char *value) {
  return story_equal(value, "true") || story_equal(value, "false") || story_equal(value, "nil");
}

/* Do two steps on the same dict mean the same key, or on the same array the same element? Then one call is
 * the beginning of the other. */
static bool same_entry(const struct story_step *a, const struct story_step *b) {
  bool dict = a->kind >= OP_DICT_NEW && a->kind <= OP_DICT_KEEP;
  bool array = a->kind >= OP_ARRAY_NEW && a->kind <= OP_ARRAY_COPY;
  if (!dict && !array)
    return true;
  size_t len = a->call ? strlen(a->call) : 0;
  return len > 0 && b->call && strncmp(a->call, b->call, len) == 0 &&
         (b->call[len] == '\0' || b->call[len] == ' ' || b->call[len] == '=');
}

/* `who` gets (from) and sets (at) the object; `other` changes it between. Words like true are a sign
 * that something was tested, not counted. */
static bool find_lost_update(const struct story *s, struct finding *f) {
  int64_t n; /* processes wait for ever by a count that is wrong, if at all */
  for (uint32_t at = 0; at < s->step_count; at++) {
    const struct story_step *set = &s->steps[at];
    if ((set->kind != OP_VALUE_SET && set->kind != OP_DICT_SET && set->kind != OP_ARRAY_SET) ||
        !set->over || set->rc || is_truth(set->put) || !matters(s, set->object) ||
        (s->end == STORY_DEADLOCK && !story_number(set->put, &n)))
      continue;
    uint32_t from = looked_at(s, set->process, set->object, at);
    if (from == STORY_NONE || !same_entry(&s->steps[from], set) ||
        (s->steps[from].kind != OP_VALUE_GET && s->steps[from].kind != OP_DICT_GET &&
         s->steps[from].kind != OP_ARRAY_GET))
      continue;
    uint32_t between = changed_between(s, set->process, set->object, from, at);
    if (between == STORY_NONE || !same_entry(&s->steps[from], &s->steps[between]))
      continue;
    f->who = set->process;
    f->other = s->steps[between].process;
    f->from = from, f->between = between, f->at = at;
    f->object = set->object;
    f->lock = story_kept(s, f->who, from, at);
    return true;
  }
  return false;
}

/* Is it looked at only to be shown? */
static bool only_shown(const struct story_step *step) {
  return step->text && (strstr(step->text, "print(") || strstr(step->text, "write("));
}

/* An act for which a value may have been tested. */
static bool is_act(const struct story_step *step) {
  bool sets = step->kind == OP_VALUE_SET && is_truth(step->put);
  return (sets || step->kind == OP_VALUE_ADD) && step->over && step->rc == 0;
}

/* 1: `who` looks at the object (from) and changes it (at); `other`, which did the same, has changed
 * it between. */
static bool find_stale_test(const struct story *s, struct finding *f) {
  for (uint32_t at = 0; at < s->step_count; at++) {
    const struct story_step *act = &s->steps[at];
    uint32_t from = is_act(act) ? looked_at(s, act->process, act->object, at) : STORY_NONE;
    if (from == STORY_NONE || only_shown(&s->steps[from]) || !matters(s, act->object))
      continue;
    uint32_t between = changed_between(s, act->process, act->object, from, at);
    if (between == STORY_NONE || s->steps[between].kind != act->kind)
      continue;
    uint32_t test = story_last(s, s->steps[between].process, act->object, between);
    if (test == STORY_NONE || !story_reads(&s->steps[test]))
      continue;
    f->variant = 1;
    f->who = act->process, f->other = s->steps[between].process;
    f->from = from, f->between = between, f->at = at;
    f->object = act->object;
    f->lock = story_kept(s, f->who, from, at);
    return true;
  }
  return false;
}

/* Of a process that reads the object of its partner's change (step `read`), and then changes another:
 * that change; STORY_NONE. */
static uint32_t answer_to(const struct story *s, uint32_t read) {
  for (uint32_t i = read + 1; i < s->step_count; i++)
    if (s->steps[i].process == s->steps[read].process && story_changes(&s->steps[i]))
      return s->steps[i].object != s->steps[read].object ? i : STORY_NONE;
  return STORY_NONE;
}

/* Does one look at an object after a step? */
static bool looks_again(const struct story *s, uint32_t who, uint32_t object, uint32_t after) {
  return story_next(s, who, object, after + 1) != STORY_NONE;
}

/* 2: `who` looks at one object (from) and changes another (at); `other` looks at that one (again),
 * before, and changes the first (between), after `who` looked. Neither looks again. */
static bool find_skew(const struct story *s, struct finding *f) {
  for (uint32_t at = 0; at < s->step_count; at++) {
    const struct story_step *act = &s->steps[at];
    if (act->kind != OP_VALUE_SET && act->kind != OP_EVENT_SET)
      continue;
    for (uint32_t again = 0; again < at; again++) {
      const struct story_step *test = &s->steps[again];
      if (test->object != act->object || test->process == act->process || !story_reads(test))
        continue;
      uint32_t between = answer_to(s, again);
      if (between == STORY_NONE || between > at || s->steps[between].kind != act->kind)
        continue;
      uint32_t object = s->steps[between].object;
      uint32_t from = story_last(s, act->process, object, between);
      if (from == STORY_NONE || !story_reads(&s->steps[from]) || answer_to(s, from) != at ||
          looks_again(s, act->process, object, between) ||
          looks_again(s, test->process, act->object, at))
        continue;
      f->variant = 2;
      f->who = act->process, f->other = test->process;
      f->from = from, f->between = between, f->at = at, f->again = again;
      f->object = object;
      return true;
    }
  }
  return false;
}

/* Does a state say that nothing is in it? "0", "0 items", "empty" */
static bool is_empty(const char *state) {
  if (!state)
    return false;
  return strncmp(state, "empty", 5) == 0 || strncmp(state, "no ", 3) == 0 ||
         (state[0] == '0' && (!state[1] || state[1] == ' '));
}

/* 3: `who` looks whether the queue has an item (from), and waits for one; `other` took it. */
static bool find_taken_between(const struct story *s, struct finding *f) {
  for (uint32_t p = 0; p < s->process_count; p++) {
    uint32_t q = s->processes[p].wanted, from = story_last(s, p, q, s->step_count);
    if (!s->processes[p].stuck || story_type(s, q) != OBJECT_QUEUE ||
        !story_waits_in(s, p, "get") || from == STORY_NONE || !story_reads(&s->steps[from]) ||
        !story_state(s, q, from) || is_empty(story_state(s, q, from)))
      continue;
    uint32_t between = changed_between(s, p, q, from, s->step_count);
    if (between == STORY_NONE ||
        (s->steps[between].kind != OP_QUEUE_GET && s->steps[between].kind != OP_QUEUE_TAKE))
      continue;
    f->variant = 3;
    f->who = p, f->other = s->steps[between].process;
    f->from = from, f->between = between;
    f->object = q;
    return true;
  }
  return false;
}

static bool find_check_then_act(const struct story *s, struct finding *f) {
  if (s->end == STORY_DEADLOCK)
    return find_taken_between(s, f);
  return find_stale_test(s, f) || find_skew(s, f);
}

/* `who` gets the object (from) and cas'es it (at), which succeeds; meanwhile it was changed to
 * something else (between), and back (again). */
static bool find_aba(const struct story *s, struct finding *f) {
  for (uint32_t at = 0; at < s->step_count; at++) {
    const struct story_step *cas = &s->steps[at];
    uint32_t from = cas->kind == OP_VALUE_CAS && cas->over && cas->rc == 0 &&
                            (!cas->result || strncmp(cas->result, "true", 4) == 0)
                        ? story_last(s, cas->process, cas->object, at)
                        : STORY_NONE;
    if (from == STORY_NONE || s->steps[from].kind != OP_VALUE_GET || !matters(s, cas->object))
      continue;
    const char *value = s->steps[from].result;
    uint32_t away = STORY_NONE;
    for (uint32_t i = from + 1; i < at && away == STORY_NONE; i++)
      if (s->steps[i].object == cas->object && s->steps[i].process != cas->process &&
          story_changes(&s->steps[i]))
        away = i;
    if (away == STORY_NONE || !story_equal(value, cas->expected))
      continue;
    f->who = cas->process, f->other = s->steps[away].process;
    f->from = from, f->between = away, f->at = at;
    f->again = changed_between(s, cas->process, cas->object, away, at);
    f->object = cas->object;
    return f->again != STORY_NONE;
  }
  return false;
}

/* What a process does first with something that holds a value or items, from a step on. */
static uint32_t first_use(const struct story *s, uint32_t process, uint32_t from) {
  for (uint32_t i = from; i < s->step_count; i++) {
    enum object_type type = story_type(s, s->steps[i].object);
    if (s->steps[i].process == process &&
        (type == OBJECT_VALUE || type == OBJECT_QUEUE || type == OBJECT_DICT))
      return i;
    if (s->steps[i].process == process && story_begins_wait(&s->steps[i]))
      break;
  }
  return STORY_NONE;
}

/* The object that a process, which goes on in step `at`, uses without looking at it first; a look by
 * which it fails is none. STORY_NONE. */
static uint32_t used_blindly(const struct story *s, uint32_t who, uint32_t at) {
  uint32_t use = first_use(s, who, at + 1), wanted = s->processes[who].wanted;
  if (use == STORY_NONE) {
    bool takes = s->processes[who].stuck && story_waits_in(s, who, "get");
    return takes && story_type(s, wanted) == OBJECT_QUEUE ? wanted : STORY_NONE;
  }
  bool fails = use == story_last(s, who, STORY_NONE, s->step_count) && s->victim == who;
  return story_reads(&s->steps[use]) && !fails ? STORY_NONE : s->steps[use].object;
}

/* The last step before `at`, the end of a wait, in which it began; in which it was notified. */
static uint32_t wait_began(const struct story *s, uint32_t who, uint32_t at) {
  while (at-- > 0)
    if (s->steps[at].process == who && story_begins_wait(&s->steps[at]))
      return at;
  return STORY_NONE;
}
static uint32_t notified(const struct story *s, uint32_t who, uint32_t at) {
  while (at-- > 0)
    if (s->steps[at].kind == OP_CONDITION_NOTIFY && s->steps[at].woke == who)
      return at;
  return STORY_NONE;
}

/* `who` waits (from), is notified (again), and goes on (at); but `other` has changed the object
 * (between) back to what it was when the wait began. It uses the object, and does not look first. */
static bool find_if_for_while(const struct story *s, struct finding *f) {
  for (uint32_t at = 0; at < s->step_count; at++) {
    uint32_t who = s->steps[at].process;
    if (!story_ends_wait(&s->steps[at]) || s->steps[at].rc || !story_process_is(s, who))
      continue;
    uint32_t object = used_blindly(s, who, at), from = wait_began(s, who, at);
    uint32_t again = notified(s, who, at);
    if (object == STORY_NONE || from == STORY_NONE || again == STORY_NONE || again < from ||
        !story_equal(story_state(s, object, from), story_state(s, object, at)))
      continue;
    uint32_t between = changed_between(s, who, object, from, at);
    if (between == STORY_NONE)
      continue;
    f->who = who, f->other = s->steps[between].process;
    f->from = from, f->between = between, f->at = at, f->again = again;
    f->object = object;
    return true;
  }
  return false;
}

/* Does somebody use a semaphore as a lock, and gives back what it took? */
static bool used_as_lock(const struct story *s, uint32_t object) {
  for (uint32_t p = 0; p < s->process_count; p++) {
    uint32_t taken = story_next_op(s, p, object, 0, OP_SEMAPHORE_ACQUIRE);
    if (taken != STORY_NONE &&
        story_next_op(s, p, object, taken, OP_SEMAPHORE_RELEASE) != STORY_NONE)
      return true;
  }
  return false;
}

/* Was it to somebody's harm that an object was never given back? */
static bool harms(const struct story *s, uint32_t object, uint32_t holder) {
  if (s->end == STORY_HELD)
    return story_type(s, object) == OBJECT_LOCK;
  for (uint32_t p = 0; s->end == STORY_DEADLOCK && p < s->process_count; p++)
    if (s->processes[p].stuck && s->processes[p].wanted == object)
      return story_type(s, object) == OBJECT_LOCK || used_as_lock(s, object);
  for (uint32_t i = 0; i < s->step_count; i++)
    if (s->steps[i].object == object && s->steps[i].abandoned)
      return s->victim != holder && s->end == STORY_ERROR;
  return false;
}

/* `who` takes the object (from), and ends (at, if the step is there). */
static bool find_missing_release(const struct story *s, struct finding *f) {
  for (uint32_t i = 0; i < s->step_count; i++) {
    uint32_t who = s->steps[i].process, object = s->steps[i].object;
    enum op_kind kind = s->steps[i].kind;
    if ((kind != OP_LOCK_ACQUIRE && kind != OP_SEMAPHORE_ACQUIRE) || !story_process_is(s, who))
      continue;
    uint32_t at = story_next_op(s, who, STORY_NONE, i, OP_PROCESS_END);
    bool ended = at != STORY_NONE || s->processes[who].ended ||
                 (s->end == STORY_HELD && (s->victim == who || s->victim == STORY_NONE));
    if (s->end == STORY_HELD && s->victim != STORY_NONE && s->victim != who)
      continue;
    f->from = ended ? story_taken(s, who, object, at) : STORY_NONE;
    if (f->from == STORY_NONE || !harms(s, object, who))
      continue;
    f->who = who;
    f->at = at;
    f->object = object;
    return true;
  }
  return false;
}

/* Does a step say that nothing is in the queue? */
static bool finds_empty(const struct story *s, uint32_t at) {
  const struct story_step *step = &s->steps[at];
  if (story_type(s, step->object) != OBJECT_QUEUE || !step->over)
    return false;
  if (step->kind == OP_QUEUE_GET)
    return step->rc == -SBX_ETIMEDOUT;
  const char *state = story_state(s, step->object, at);
  return step->kind == OP_QUEUE_LOOK && (!state || is_empty(state)) &&
         (story_equal(step->result, "true") || is_empty(step->result));
}

/* `who` finds the queue empty (from) and takes nothing more; `other` puts something (between) that
 * nobody takes. */
static bool find_empty_reader(const struct story *s, struct finding *f) {
  for (uint32_t from = 0; from < s->step_count; from++) {
    uint32_t q = s->steps[from].object, who = s->steps[from].process;
    if (!finds_empty(s, from) || story_next(s, who, q, from + 1) != STORY_NONE)
      continue;
    uint32_t between = story_next_op(s, STORY_NONE, q, from + 1, OP_QUEUE_PUT);
    if (between == STORY_NONE || s->steps[between].rc || s->steps[between].process == who)
      continue;
    if (story_next_op(s, STORY_NONE, q, between, OP_QUEUE_GET) != STORY_NONE ||
        story_next_op(s, STORY_NONE, q, between, OP_QUEUE_TAKE) != STORY_NONE)
      continue;
    f->who = who, f->other = s->steps[between].process;
    f->from = from, f->between = between;
    f->object = q;
    return true;
  }
  return false;
}

/* -- all of them -------------------------------------------------------------------------------- */

enum {
  DEADLOCK = 1 << STORY_DEADLOCK,
  STARVES = 1 << STORY_STARVES,
  WRONG = 1 << STORY_ERROR | 1 << STORY_STATUS | 1 << STORY_OUTPUT,
  UNREAD = 1 << STORY_UNREAD,
  HELD = 1 << STORY_HELD
};

/* What is sure comes first. */
static const struct known_mistake {
  enum story_cause cause;
  unsigned ends; /* ways to end that it may lead to */
  bool (*find)(const struct story *s, struct finding *f);
} known[] = {
    {CAUSE_LOCK_ORDER, DEADLOCK, find_lock_order},
    {CAUSE_HELD_WAIT, DEADLOCK, find_held_wait},
    {CAUSE_JOIN_BEFORE_DRAIN, DEADLOCK, find_join_before_drain},
    {CAUSE_MISSING_RELEASE, DEADLOCK | HELD, find_missing_release},
    {CAUSE_WRONG_NOTIFIED, DEADLOCK, find_wrong_notified},
    {CAUSE_LOST_WAKEUP, DEADLOCK, find_lost_wakeup},
    {CAUSE_OVERTAKING, STARVES, find_overtaking},
    {CAUSE_ABA, WRONG, find_aba},
    {CAUSE_IF_FOR_WHILE, WRONG | DEADLOCK, find_if_for_while},
    {CAUSE_LOST_UPDATE, WRONG | DEADLOCK, find_lost_update},
    {CAUSE_CHECK_THEN_ACT, WRONG | DEADLOCK, find_check_then_act},
    {CAUSE_MISSING_SENTINEL, DEADLOCK, find_missing_sentinel},
    {CAUSE_EMPTY_READER, WRONG | UNREAD, find_empty_reader},
    {CAUSE_MISSING_RELEASE, WRONG, find_missing_release},
};

static struct finding nothing_found(void) {
  return (struct finding){CAUSE_UNKNOWN,       .who = STORY_NONE,     .other = STORY_NONE,
                          .from = STORY_NONE,  .between = STORY_NONE, .at = STORY_NONE,
                          .again = STORY_NONE, .object = STORY_NONE,  .lock = STORY_NONE};
}

void story_find(const struct story *s, struct finding *ret) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    *ret = nothing_found();
    if ((known[i].ends >> s->end & 1) && known[i].find(s, ret)) {
      ret->cause = known[i].cause;
      return;
    }
  }
  *ret = nothing_found();
}
