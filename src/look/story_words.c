/*
 * look/story_words.c - the sentences of a story: see story_internal.h.
 *
 * For each mistake there is a function for the reason, and one for the notes beside its steps; rows of
 * the table at the end. What to try is in story_cure.c.
 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "look/story_internal.h"

#define SAY(...) STORY_SAY(t, __VA_ARGS__)
#define NAME(process) story_process_name(s, process)
#define THING(object) story_object_name(s, object)
#define PLACE(step) story_place(s, step).text

struct sentences {
  void (*why)(const struct story *s, const struct finding *f, struct story_text *t);
  void (*note)(const struct story *s, const struct finding *f, uint32_t step, struct story_text *t);
};

bool story_same_place(const struct story *s, uint32_t a, uint32_t b) {
  return strcmp(PLACE(a), PLACE(b)) == 0;
}

void story_say_waits(const struct story *s, uint32_t process, struct story_text *t) {
  const struct story_process *p = &s->processes[process];
  const char *waits = p->waits ? p->waits : "an operation", *of = strstr(waits, " of ");
  const char *dot = of ? memchr(waits, '.', (size_t)(of - waits)) : NULL;
  const char *verb = dot ? dot + 1 : waits;
  SAY("in %.*s", (int)(of ? of - verb : (long)strlen(waits)), verb);
  if (p->where)
    SAY(" at %s", story_place_of(s, p->where).text);
  if (of)
    SAY(" for %s", of + 4);
}

int story_waits(const struct story *s, uint32_t process, struct buf *out) {
  struct story_text t = {.out = out};
  story_say_waits(s, process, &t);
  return t.rc;
}

/* -- lost update -------------------------------------------------------------------------------- */

static void why_lost_update(const struct story *s, const struct finding *f, struct story_text *t) {
  if (story_same_place(s, f->from, f->at))
    SAY("%s is two steps, get and set, and %s came between those of %s.", PLACE(f->from),
        NAME(f->other), NAME(f->who));
  else
    SAY("%s reads %s in %s and sets it in %s; %s came between, and its change is overwritten.",
        NAME(f->who), THING(f->object), PLACE(f->from), PLACE(f->at), NAME(f->other));
  if (f->lock != STORY_NONE)
    SAY(" %s holds %s all the while, but %s changes %s without it.", NAME(f->who), THING(f->lock),
        NAME(f->other), THING(f->object));
}

/* What the one that came between did: more or less than there was? */
static const char *word_for_change(const struct story *s, uint32_t step) {
  int64_t before, after;
  bool numbers =
      story_number(s->steps[step].before, &before) && story_number(s->steps[step].after, &after);
  return numbers && after > before ? "addition" : "change";
}

static void note_lost_update(const struct story *s, const struct finding *f, uint32_t step,
                             struct story_text *t) {
  uint32_t read = story_last(s, f->other, f->object, f->between);
  bool read_between = read != STORY_NONE && read > f->from && story_reads(&s->steps[read]);
  if (read_between && step == read)
    SAY("reads what %s is about to change", NAME(f->who));
  else if (!read_between && step == f->between)
    SAY("changes what %s has read in step %" PRIu32, NAME(f->who), f->from + 1);
  else if (step == f->at)
    SAY("overwrites it: %s's %s is lost", NAME(f->other), word_for_change(s, f->between));
}

/* -- check then act ----------------------------------------------------------------------------- */

static void why_check_then_act(const struct story *s, const struct finding *f,
                               struct story_text *t) {
  const char *who = NAME(f->who), *other = NAME(f->other), *what = THING(f->object);
  if (f->variant == 2) {
    SAY("each tests before it sets: %s tests %s (%s), and sets %s (%s); ", who, what,
        PLACE(f->from), THING(s->steps[f->at].object), PLACE(f->at));
    SAY("%s has tested that one before, and sets %s after it was tested (%s), so neither sees the "
        "other.",
        other, what, PLACE(f->between));
    return;
  }
  if (f->variant == 3) {
    SAY("%s looks whether %s has an item (%s) and then takes one: two steps. %s took it between "
        "them (%s), so %s waits for ever.",
        who, what, PLACE(f->from), other, PLACE(f->between), who);
    return;
  }
  SAY("%s tests %s in %s, and relies on it in %s; %s changed it in between, so what was tested is "
      "no longer true.",
      who, what, PLACE(f->from), PLACE(f->at), other);
  if (f->lock != STORY_NONE)
    SAY(" %s holds %s all the while, but %s changes %s without it.", who, THING(f->lock), other,
        what);
}

static void note_check_then_act(const struct story *s, const struct finding *f, uint32_t step,
                                struct story_text *t) {
  if (step == f->between && f->variant == 3)
    SAY("takes what %s has seen", NAME(f->who));
  else if (step == f->between)
    SAY("what %s saw in step %" PRIu32 " is no longer true", NAME(f->who), f->from + 1);
  else if (step == f->at && f->variant == 1)
    SAY("relies on what it saw in step %" PRIu32, f->from + 1);
  else if (step == f->at)
    SAY("neither has seen the other");
}

/* -- locks in a circle -------------------------------------------------------------------------- */

/* The object that the one before `process` in the circle waits for: this one holds it. */
uint32_t story_held_in_circle(const struct story *s, uint32_t process) {
  for (uint32_t i = 0; i < s->process_count; i++)
    if (s->processes[i].in_circle && s->processes[i].waits_for == process)
      return s->processes[i].wanted;
  return STORY_NONE;
}

/* Have two locks of the circle the same name? A variable may mean another in each process. */
bool story_names_clash(const struct story *s) {
  for (uint32_t i = 0; i < s->process_count; i++)
    for (uint32_t k = 0; k < i; k++)
      if (s->processes[i].in_circle && s->processes[k].in_circle &&
          s->processes[i].wanted != s->processes[k].wanted &&
          story_equal(THING(s->processes[i].wanted), THING(s->processes[k].wanted)))
        return true;
  return false;
}

static void why_lock_order(const struct story *s, const struct finding *f, struct story_text *t) {
  uint32_t p = f->who, n = 0;
  if (story_names_clash(s)) {
    SAY("each takes a lock and then wants one that another has taken: the order goes round in a "
        "circle.");
    return;
  }
  SAY("the order in which locks are taken goes round in a circle (");
  do {
    if (n < LINKS)
      SAY("%s%s before %s", n ? ", " : "", THING(story_held_in_circle(s, p)),
          THING(s->processes[p].wanted));
    p = s->processes[p].waits_for;
  } while (++n < s->process_count && p != f->who);
  SAY("%s).", n > LINKS ? ", ..." : "");
}

/* -- conditions --------------------------------------------------------------------------------- */

static void why_lost_wakeup(const struct story *s, const struct finding *f, struct story_text *t) {
  const char *who = NAME(f->who), *other = NAME(f->other), *what = THING(f->object);
  if (f->variant == 3) {
    SAY("%s sets %s in %s, but it is cleared again in %s, before %s waits: an event remembers only "
        "until it is cleared.",
        other, what, PLACE(f->from), PLACE(f->between), who);
  } else if (f->variant == 2) {
    SAY("%s does not remember a notification: that of %s (%s) came before %s waits (%s), and wakes "
        "up nobody.",
        what, other, PLACE(f->between), who, PLACE(f->at));
  } else if (f->lock != STORY_NONE) {
    SAY("%s holds %s between the test (%s) and the wait (%s), but %s changes %s and notifies "
        "without it, so it fits in between.",
        who, THING(f->lock), PLACE(f->from), PLACE(f->at), other, THING(s->steps[f->from].object));
  } else {
    SAY("between the test (%s) and the wait (%s) %s does not hold %s's lock, so %s fits in "
        "between.",
        PLACE(f->from), PLACE(f->at), who, what, other);
  }
}

static void note_lost_wakeup(const struct story *s, const struct finding *f, uint32_t step,
                             struct story_text *t) {
  if (f->variant != 3 && step == f->at)
    SAY("the notification of step %" PRIu32 " came before", f->between + 1);
  else if (f->variant == 3 && step == f->between)
    SAY("%s has not seen it", NAME(f->who));
}

uint32_t story_question(const struct story *s, const struct finding *f) {
  uint32_t test = story_last(s, f->who, f->object, f->from);
  return test != STORY_NONE && story_reads(&s->steps[test]) ? test : f->from;
}

static void why_if_for_while(const struct story *s, const struct finding *f, struct story_text *t) {
  SAY("a notification says that something was true, not that it is. %c%s asks once (`if`), before "
      "the wait; %s came first.",
      PLACE(story_question(s, f))[0] == 'l' ? 'L' : PLACE(story_question(s, f))[0],
      PLACE(story_question(s, f)) + 1, NAME(f->other));
}

/* The step by which the other came first: the lock that it took before it made its change. */
static uint32_t overtakes(const struct story *s, const struct finding *f) {
  uint32_t lock = story_last_op(s, f->other, STORY_NONE, f->between, OP_LOCK_ACQUIRE);
  return lock != STORY_NONE && lock > f->again ? lock : f->between;
}

static void note_if_for_while(const struct story *s, const struct finding *f, uint32_t step,
                              struct story_text *t) {
  if (step == overtakes(s, f))
    SAY("%s is quicker", NAME(f->other));
  else if (step == f->at)
    SAY("what it was told is no longer true");
}

static void why_wrong_notified(const struct story *s, const struct finding *f,
                               struct story_text *t) {
  SAY("both %s and %s wait for %s, each for something else; the notification in %s woke %s, which "
      "could not use it and waits again, while %s sleeps on.",
      NAME(f->who), NAME(f->other), THING(f->object), PLACE(f->between), NAME(f->other),
      NAME(f->who));
}

static void note_wrong_notified(const struct story *s, const struct finding *f, uint32_t step,
                                struct story_text *t) {
  if (step == f->between)
    SAY("wakes %s, but only %s could go on", NAME(f->other), NAME(f->who));
  else if (step == f->at)
    SAY("waits again: the notification is used up");
}

/* -- the others --------------------------------------------------------------------------------- */

/* Something else that it read between, and relies on, too; STORY_NONE. */
static uint32_t read_besides(const struct story *s, const struct finding *f) {
  for (uint32_t i = f->from + 1; i < f->at; i++)
    if (s->steps[i].process == f->who && s->steps[i].object != f->object &&
        story_reads(&s->steps[i]) && s->steps[i].call)
      return i;
  return STORY_NONE;
}

static void why_aba(const struct story *s, const struct finding *f, struct story_text *t) {
  uint32_t besides = read_besides(s, f);
  SAY("cas compares the value, not whether it changed and changed back.");
  if (besides == STORY_NONE)
    SAY(" What %s knows of %s is from step %" PRIu32 ".", NAME(f->who), THING(f->object),
        f->from + 1);
  else
    SAY(" %s's `%s` (%s) is from step %" PRIu32 ".", NAME(f->who), s->steps[besides].call,
        s->steps[besides].result ? s->steps[besides].result : "read then", besides + 1);
}

static void note_aba(const struct story *s, const struct finding *f, uint32_t step,
                     struct story_text *t) {
  const char *value = s->steps[f->at].expected;
  if (step == f->between)
    SAY("%s is another now: what %s read is out of date", THING(f->object), NAME(f->who));
  else if (step == f->again)
    SAY("%s is %s again", THING(f->object), value);
  else if (step == f->at)
    SAY("succeeds: %s is %s again, but not the %s that %s looked at", THING(f->object), value,
        value, NAME(f->who));
}

static void why_missing_release(const struct story *s, const struct finding *f,
                                struct story_text *t) {
  SAY("%s takes %s in %s and ends without giving it back", NAME(f->who), THING(f->object),
      PLACE(f->from));
  bool failed = s->end == STORY_ERROR && s->victim == f->who;
  SAY("%s.", failed ? ": the error left out the release" : "");
}

static void note_missing_release(const struct story *s, const struct finding *f, uint32_t step,
                                 struct story_text *t) {
  if (step == f->from)
    SAY("is never given back");
  else if (step == f->at)
    SAY("ends with %s", THING(f->object));
}

static void why_missing_sentinel(const struct story *s, const struct finding *f,
                                 struct story_text *t) {
  SAY("%s waits for an item of %s (%s), but nobody puts any more, and nobody closes it.",
      NAME(f->who), THING(f->object), story_place_of(s, s->processes[f->who].where).text);
  const char *last = f->other != STORY_NONE ? s->steps[f->between].result : NULL;
  if (f->other != STORY_NONE)
    SAY(" %s took %s in step %" PRIu32 " and ended; there is none for %s.", NAME(f->other),
        last ? last : "an item", f->between + 1, NAME(f->who));
}

static void note_missing_sentinel(const struct story *s, const struct finding *f, uint32_t step,
                                  struct story_text *t) {
  if (step == f->from)
    SAY("the last item that is put into %s", THING(f->object));
}

static void why_join_before_drain(const struct story *s, const struct finding *f,
                                  struct story_text *t) {
  SAY("%s waits for %s to end (%s), and %s waits for room in %s (%s), which nobody makes "
      "meanwhile.",
      NAME(f->who), NAME(f->other), story_place_of(s, s->processes[f->who].where).text,
      NAME(f->other), THING(f->object), story_place_of(s, s->processes[f->other].where).text);
}

static void why_empty_reader(const struct story *s, const struct finding *f, struct story_text *t) {
  SAY("%s stops when it finds %s empty (%s), but empty is not the end: %s puts more (%s).",
      NAME(f->who), THING(f->object), PLACE(f->from), NAME(f->other), PLACE(f->between));
}

static void note_empty_reader(const struct story *s, const struct finding *f, uint32_t step,
                              struct story_text *t) {
  (void)s;
  if (step == f->from)
    SAY("takes this for the end");
  else if (step == f->between)
    SAY("nobody will read it");
}

static void why_overtaking(const struct story *s, const struct finding *f, struct story_text *t) {
  const char *what = THING(f->object), *who = NAME(f->who);
  if (f->variant == 1)
    SAY("%s waits for %s, and the others get on without it: in the steps that are repeated nobody "
        "takes %s or gives it back.",
        who, what, what);
  else
    SAY("whenever %s is free, another takes it before %s does (%s).", what, who, PLACE(f->at));
}

static void why_held_wait(const struct story *s, const struct finding *f, struct story_text *t) {
  SAY("%s waits ", NAME(f->who));
  story_say_waits(s, f->who, t);
  SAY(" while it holds %s (taken in %s), which %s needs", THING(f->lock), PLACE(f->from),
      NAME(f->other));
  SAY("%s", f->variant == 2 ? ": perhaps it would help." : " before it could help.");
}

static void note_held_wait(const struct story *s, const struct finding *f, uint32_t step,
                           struct story_text *t) {
  if (step == f->from)
    SAY("keeps %s while it waits", THING(f->lock));
}

/* -- all of them -------------------------------------------------------------------------------- */

static const struct sentences rows[] = {
    [CAUSE_LOST_UPDATE] = {why_lost_update, note_lost_update},
    [CAUSE_CHECK_THEN_ACT] = {why_check_then_act, note_check_then_act},
    [CAUSE_LOCK_ORDER] = {why_lock_order, NULL},
    [CAUSE_LOST_WAKEUP] = {why_lost_wakeup, note_lost_wakeup},
    [CAUSE_IF_FOR_WHILE] = {why_if_for_while, note_if_for_while},
    [CAUSE_WRONG_NOTIFIED] = {why_wrong_notified, note_wrong_notified},
    [CAUSE_ABA] = {why_aba, note_aba},
    [CAUSE_MISSING_RELEASE] = {why_missing_release, note_missing_release},
    [CAUSE_MISSING_SENTINEL] = {why_missing_sentinel, note_missing_sentinel},
    [CAUSE_JOIN_BEFORE_DRAIN] = {why_join_before_drain, NULL},
    [CAUSE_EMPTY_READER] = {why_empty_reader, note_empty_reader},
    [CAUSE_OVERTAKING] = {why_overtaking, NULL},
    [CAUSE_HELD_WAIT] = {why_held_wait, note_held_wait},
};

void story_say_why(const struct story *s, const struct finding *f, struct story_text *t) {
  if (f->cause != CAUSE_UNKNOWN)
    rows[f->cause].why(s, f, t);
}

int story_why(const struct story *s, struct buf *why, struct buf *cure, enum story_cause *ret) {
  struct finding f;
  struct story_text sentence = {.out = why}, advice = {.out = cure};
  story_find(s, &f);
  story_say_why(s, &f, &sentence);
  story_say_cure(s, &f, &advice);
  *ret = f.cause;
  return sentence.rc ? sentence.rc : advice.rc;
}

/* Begin one more note beside a step. */
static void part(struct story_text *t, size_t begin) {
  if (t->out->len > begin)
    SAY("; ");
}

void story_say_note(const struct story *s, const struct finding *f, uint32_t step,
                    struct story_text *t) {
  const struct story_step *at = &s->steps[step];
  size_t begin = t->out->len;
  if (f->cause != CAUSE_UNKNOWN && rows[f->cause].note)
    rows[f->cause].note(s, f, step, t);
  if (at->kind == OP_CONDITION_NOTIFY && at->vain) {
    part(t, begin);
    SAY("nobody waits: lost");
  }
  if (at->abandoned) {
    part(t, begin);
    SAY(at->kind == OP_QUEUE_GET ? "it came back: its taker had ended" : "its holder had ended");
  }
  if (t->out->len == begin && step == story_failed(s))
    SAY("fails here");
}

void story_say_chance(const struct story *s, uint32_t step, struct story_text *t) {
  if (s->steps[step].last_chance)
    SAY("the last good moment: had %s %s here, all could have ended well",
        NAME(s->steps[step].process), s->steps[step].killed ? "lived on" : "waited");
}

void story_say_wait(const struct story *s, const struct finding *f, uint32_t process,
                    struct story_text *t) {
  if (f->cause != CAUSE_LOST_WAKEUP || f->who != process || f->variant == 3)
    return;
  bool only =
      story_last_op(s, STORY_NONE, f->object, f->between, OP_CONDITION_NOTIFY) == STORY_NONE;
  SAY("; the %s notification of %s was step %" PRIu32 ", before it waited", only ? "only" : "last",
      THING(f->object), f->between + 1);
}
