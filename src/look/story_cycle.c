/* look/story_cycle.c - mistakes of which processes wait for ever: see story_internal.h. */
#include <string.h>

#include "look/story_internal.h"

static bool stuck(const struct story *s, uint32_t process) {
  return story_process_is(s, process) && s->processes[process].stuck;
}

/* Has the process, which is stuck, the lock or unit now? */
static bool has(const struct story *s, uint32_t process, uint32_t object) {
  return story_taken(s, process, object, s->step_count) != STORY_NONE;
}

/* Processes in a circle, each of which waits for a lock that the next one holds. `who` is one. */
bool find_lock_order(const struct story *s, struct finding *f) {
  for (uint32_t first = 0; first < s->process_count; first++) {
    uint32_t n = 0, p = first;
    if (!s->processes[first].in_circle)
      continue;
    do {
      const struct story_process *at = &s->processes[p];
      enum object_type type = story_type(s, at->wanted);
      if (!at->in_circle || !stuck(s, at->waits_for) || !has(s, at->waits_for, at->wanted) ||
          (type != OBJECT_LOCK && type != OBJECT_SEMAPHORE))
        break;
      p = at->waits_for;
    } while (++n < s->process_count && p != first);
    if (p == first && n >= 2) {
      f->who = first;
      f->other = s->processes[first].waits_for;
      return true;
    }
  }
  return false;
}

/* Is it an op that lets those go on that wait for the object, in `put` or in something else? */
static bool helps(enum op_kind kind, bool put) {
  switch (kind) {
  case OP_QUEUE_GET:
  case OP_QUEUE_TAKE:
    return put;
  case OP_QUEUE_PUT:
  case OP_QUEUE_CLOSE:
    return !put;
  case OP_SEMAPHORE_RELEASE:
  case OP_CONDITION_NOTIFY:
  case OP_EVENT_SET:
  case OP_BARRIER_WAIT:
  case OP_LATCH_DOWN:
  case OP_VALUE_SET:
  case OP_VALUE_ADD:
  case OP_VALUE_CAS:
  case OP_VALUE_REPLACE:
  case OP_DICT_SET:
  case OP_DICT_ADD:
  case OP_DICT_CAS:
  case OP_DICT_REPLACE:
    return true;
  default:
    return false;
  }
}

/* Would `other` do what `who` waits for, if it could go on? 1: yes, as it did before. 2: perhaps, as
 * nobody did so far, and `other` has not used the object otherwise. 0: that is not known. */
static int would_help(const struct story *s, uint32_t who, uint32_t other) {
  const struct story_process *p = &s->processes[who];
  bool put = story_waits_in(s, who, "put"), anybody = false, uses = false;
  if (p->waits_for != STORY_NONE || !story_object_is(s, p->wanted))
    return p->waits_for == other;
  for (uint32_t i = 0; i < s->step_count; i++) {
    const struct story_step *step = &s->steps[i];
    if (step->object != p->wanted)
      continue;
    if (helps(step->kind, put) && step->process == other)
      return 1;
    anybody |= helps(step->kind, put);
    uses |= step->process == other;
  }
  return anybody || uses ? 0 : 2;
}

/* The same of the one that `who` joins, if it joins one, and so on. */
static int would_help_at_last(const struct story *s, uint32_t who, uint32_t other) {
  int found = would_help(s, who, other);
  for (uint32_t n = 0; !found && n < s->process_count && story_waits_in(s, who, "join") &&
                       stuck(s, s->processes[who].waits_for);
       n++) {
    who = s->processes[who].waits_for;
    found = story_type(s, s->processes[who].wanted) == OBJECT_LOCK ? 0 : would_help(s, who, other);
  }
  return found;
}

/* Does a process wait for a lock that another has? Returns it, or STORY_NONE. */
static uint32_t wants_lock_of(const struct story *s, uint32_t process, uint32_t holder) {
  uint32_t lock = s->processes[process].wanted;
  bool wants = process != holder && stuck(s, process) && story_type(s, lock) == OBJECT_LOCK;
  return wants && has(s, holder, lock) ? lock : STORY_NONE;
}

/* `who` waits for something else than a lock, and has `lock` (since `from`), for which `other`
 * waits, which would help, or (variant 2) perhaps. */
bool find_held_wait(const struct story *s, struct finding *f) {
  for (uint32_t p = 0; p < s->process_count; p++) {
    if (!stuck(s, p) || story_type(s, s->processes[p].wanted) == OBJECT_LOCK)
      continue;
    for (uint32_t k = 0; k < s->process_count; k++) {
      uint32_t lock = wants_lock_of(s, k, p);
      f->variant = lock == STORY_NONE ? 0 : would_help_at_last(s, p, k);
      if (!f->variant)
        continue;
      f->who = p, f->other = k;
      f->object = s->processes[p].wanted;
      f->lock = lock;
      f->from = story_taken(s, p, lock, s->step_count);
      return true;
    }
  }
  return false;
}

static bool takes_from(const struct story *s, uint32_t process, uint32_t q) {
  return story_next_op(s, process, q, 0, OP_QUEUE_GET) != STORY_NONE ||
         story_next_op(s, process, q, 0, OP_QUEUE_TAKE) != STORY_NONE;
}

/* May there be a reader of the queue among the others? One that has taken from it, or if `reader` has
 * not, anyone who waits for something else than the end of a process. */
static bool has_other_reader(const struct story *s, uint32_t q, uint32_t reader, uint32_t putter) {
  bool proven = takes_from(s, reader, q);
  for (uint32_t p = 0; p < s->process_count; p++) {
    if (p == reader || p == putter || s->processes[p].ended)
      continue;
    bool waits = s->processes[p].waits && !story_waits_in(s, p, "join");
    if (takes_from(s, p, q) || (!proven && waits))
      return true;
  }
  return false;
}

/* `who` joins `other`, which waits for room in the queue `object`, which nobody else would empty. */
bool find_join_before_drain(const struct story *s, struct finding *f) {
  for (uint32_t p = 0; p < s->process_count; p++) {
    uint32_t k = s->processes[p].waits_for;
    if (!stuck(s, p) || !stuck(s, k) || k == p || !story_waits_in(s, p, "join") ||
        !story_waits_in(s, k, "put"))
      continue;
    const struct story_process *putter = &s->processes[k];
    enum object_type type = story_type(s, s->processes[p].wanted);
    bool joins = type == OBJECT_NONE || type == OBJECT_PROCESS;
    bool alone = putter->waits_for == p ||
                 (putter->waits_for == STORY_NONE && !has_other_reader(s, putter->wanted, p, k));
    if (!joins || !alone || story_type(s, putter->wanted) != OBJECT_QUEUE)
      continue;
    f->who = p, f->other = k;
    f->object = putter->wanted;
    return true;
  }
  return false;
}

/* -- conditions and events ---------------------------------------------------------------------- */

/* The step in which a process that is stuck began to wait for a condition; STORY_NONE. */
static uint32_t wait_of(const struct story *s, uint32_t process) {
  uint32_t at = story_last_op(s, process, STORY_NONE, s->step_count, OP_CONDITION_WAIT);
  if (!stuck(s, process) || at == STORY_NONE || !story_begins_wait(&s->steps[at]) ||
      story_last(s, process, STORY_NONE, s->step_count) != at)
    return STORY_NONE;
  uint32_t wanted = s->processes[process].wanted;
  return wanted == STORY_NONE || wanted == s->steps[at].object ? at : STORY_NONE;
}

/* What a process looked at last before step `at`, in which it began to wait; STORY_NONE. */
static uint32_t test_before(const struct story *s, uint32_t who, uint32_t at) {
  for (uint32_t i = at; i-- > 0;) {
    const struct story_step *step = &s->steps[i];
    if (step->process == who && (story_begins_wait(step) || story_ends_wait(step)))
      return STORY_NONE;
    if (step->process == who && story_reads(step))
      return i;
  }
  return STORY_NONE;
}

/* The step before `at` in which another made what was looked at in step `test` something else, as
 * which it stayed; STORY_NONE. */
static uint32_t change_since(const struct story *s, uint32_t test, uint32_t at) {
  const struct story_step *looked = &s->steps[test];
  const char *then = story_state(s, looked->object, test);
  if (then && story_equal(then, story_state(s, looked->object, at)))
    return STORY_NONE;
  for (uint32_t i = at; i-- > test + 1;)
    if (s->steps[i].object == looked->object && s->steps[i].process != looked->process &&
        story_changes(&s->steps[i]))
      return i;
  return STORY_NONE;
}

/* `who` begins to wait (at) after the last notification (between), by `other`, was lost. 1: it had
 * tested (from) what was changed then (again); `lock` is the one of the condition, if it had that
 * all the time. 2: it did not test. */
static bool find_lost_notification(const struct story *s, struct finding *f) {
  for (uint32_t p = 0; p < s->process_count; p++) {
    uint32_t at = wait_of(s, p);
    uint32_t c = at == STORY_NONE ? STORY_NONE : s->steps[at].object;
    uint32_t between = story_last_op(s, STORY_NONE, c, s->step_count, OP_CONDITION_NOTIFY);
    if (at == STORY_NONE || between == STORY_NONE || between > at || !s->steps[between].vain ||
        s->steps[between].process == p)
      continue;
    uint32_t test = test_before(s, p, at);
    uint32_t change = test == STORY_NONE ? STORY_NONE : change_since(s, test, at);
    if (test != STORY_NONE && (change == STORY_NONE || between < test))
      continue;
    f->who = p, f->other = s->steps[between].process;
    f->from = test, f->between = between, f->at = at, f->again = change;
    f->object = c;
    f->variant = test == STORY_NONE ? 2 : 1;
    f->lock = test == STORY_NONE ? STORY_NONE : story_kept(s, p, test, at);
    return true;
  }
  return false;
}

/* 3: the event was set (from) by `other` and cleared (between) before `who` waited. */
static bool find_lost_set(const struct story *s, struct finding *f) {
  for (uint32_t p = 0; p < s->process_count; p++) {
    uint32_t e = s->processes[p].wanted;
    if (!stuck(s, p) || story_type(s, e) != OBJECT_EVENT)
      continue;
    uint32_t from = story_last_op(s, STORY_NONE, e, s->step_count, OP_EVENT_SET);
    uint32_t between =
        from == STORY_NONE ? STORY_NONE : story_next_op(s, STORY_NONE, e, from, OP_EVENT_CLEAR);
    if (between == STORY_NONE || s->steps[from].process == p)
      continue;
    f->variant = 3;
    f->who = p, f->other = s->steps[from].process;
    f->from = from, f->between = between;
    f->object = e;
    return true;
  }
  return false;
}

bool find_lost_wakeup(const struct story *s, struct finding *f) {
  return find_lost_notification(s, f) || find_lost_set(s, f);
}

/* Did the process do anything with what it was woken up for, between two steps? */
static bool got_on(const struct story *s, uint32_t process, uint32_t from, uint32_t to) {
  for (uint32_t i = from + 1; i < to; i++)
    if (s->steps[i].process == process &&
        (story_changes(&s->steps[i]) || s->steps[i].kind == OP_CONDITION_NOTIFY))
      return true;
  return false;
}

/* `who` waits for the condition (from) since before `other`, which waited, too (again), was notified
 * (between), which could do nothing, and waits again (at). Both wait for ever, but what `who` tested has changed meanwhile. */
bool find_wrong_notified(const struct story *s, struct finding *f) {
  for (uint32_t k = 0; k < s->process_count; k++) {
    uint32_t at = wait_of(s, k);
    uint32_t c = at == STORY_NONE ? STORY_NONE : s->steps[at].object;
    uint32_t between = at;
    while (at != STORY_NONE && between-- > 0 &&
           !(s->steps[between].kind == OP_CONDITION_NOTIFY && s->steps[between].object == c &&
             s->steps[between].woke == k))
      ;
    if (at == STORY_NONE || between == STORY_NONE || got_on(s, k, between, at) ||
        story_next_op(s, STORY_NONE, c, between + 1, OP_CONDITION_NOTIFY) != STORY_NONE)
      continue;
    for (uint32_t p = 0; p < s->process_count; p++) {
      uint32_t waits = p == k ? STORY_NONE : wait_of(s, p);
      uint32_t test = waits == STORY_NONE ? STORY_NONE : test_before(s, p, waits);
      if (test == STORY_NONE || waits > between || s->steps[waits].object != c ||
          !story_state(s, s->steps[test].object, test) ||
          story_equal(story_state(s, s->steps[test].object, test),
                      story_state(s, s->steps[test].object, s->step_count)))
        continue;
      f->who = p, f->other = k;
      f->from = waits, f->between = between, f->at = at;
      f->again = story_last_op(s, k, c, between, OP_CONDITION_WAIT);
      f->object = c;
      return true;
    }
  }
  return false;
}

/* -- streams ------------------------------------------------------------------------------------ */

/* Is everybody who ever put something into the queue at its end, or joining somebody? */
static bool nobody_puts(const struct story *s, uint32_t q) {
  for (uint32_t i = 0; i < s->step_count; i++) {
    uint32_t p = s->steps[i].process;
    if (s->steps[i].kind != OP_QUEUE_PUT || s->steps[i].object != q || !story_process_is(s, p))
      continue;
    bool over = s->processes[p].ended || (stuck(s, p) && story_waits_in(s, p, "join"));
    if (!over && story_next_op(s, p, STORY_NONE, i, OP_PROCESS_END) == STORY_NONE)
      return false;
  }
  return true;
}

/* Does somebody, who might put something, wait for a lock that the process has? */
static bool keeps_out(const struct story *s, uint32_t process) {
  for (uint32_t k = 0; k < s->process_count; k++)
    if (wants_lock_of(s, k, process) != STORY_NONE)
      return true;
  return false;
}

/* `who` waits for an item of the queue; nobody will put one, and nobody has closed it. The last item
 * was put in step `from`, and `other` took its last one (between), and has ended. */
bool find_missing_sentinel(const struct story *s, struct finding *f) {
  for (uint32_t p = 0; p < s->process_count; p++) {
    uint32_t q = s->processes[p].wanted;
    if (!stuck(s, p) || story_type(s, q) != OBJECT_QUEUE || !story_waits_in(s, p, "get"))
      continue;
    f->from = story_last_op(s, STORY_NONE, q, s->step_count, OP_QUEUE_PUT);
    if (f->from == STORY_NONE || !nobody_puts(s, q) || keeps_out(s, p) ||
        story_next_op(s, STORY_NONE, q, 0, OP_QUEUE_CLOSE) != STORY_NONE)
      continue;
    f->who = p;
    f->object = q;
    for (uint32_t k = 0; k < s->process_count; k++) {
      uint32_t got = story_last_op(s, k, q, s->step_count, OP_QUEUE_GET);
      if (k != p && got != STORY_NONE && s->processes[k].ended) {
        f->other = k;
        f->between = got;
      }
    }
    return true;
  }
  return false;
}

/* -- starving ----------------------------------------------------------------------------------- */

/* `who`, the victim, waits for the object, and takes no step in the circle, in which others do. 1:
 * they do not even touch it; 2: they take it themselves (at), `other` first. */
bool find_overtaking(const struct story *s, struct finding *f) {
  uint32_t p = s->victim;
  if (!story_process_is(s, p) || s->loop >= s->step_count || !s->processes[p].waits ||
      story_next(s, p, STORY_NONE, s->loop) != STORY_NONE)
    return false;
  enum object_type type = story_type(s, s->processes[p].wanted);
  if (type != OBJECT_LOCK && type != OBJECT_SEMAPHORE)
    return false;
  f->who = p;
  f->object = s->processes[p].wanted;
  f->variant = 1;
  for (uint32_t i = s->loop; i < s->step_count; i++) {
    const struct story_step *step = &s->steps[i];
    bool takes = step->kind == OP_LOCK_ACQUIRE || step->kind == OP_SEMAPHORE_ACQUIRE;
    if (f->at == STORY_NONE && step->object == f->object && takes && step->over && !step->rc) {
      f->variant = 2;
      f->at = i;
      f->other = step->process;
    }
  }
  return true;
}
