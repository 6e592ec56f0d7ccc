/*
 * look/story_cure.c - what to try against a mistake, and what of that can be checked: see story_internal.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "look/story_internal.h"

#define SAY(...) STORY_SAY(t, __VA_ARGS__)
#define NAME(process) story_process_name(s, process)
#define THING(object) story_object_name(s, object)
#define PLACE(step) story_place(s, step).text

/* "line 3", "lines 3 to 4" */
static void say_range(const struct story *s, uint32_t a, uint32_t b, struct story_text *t) {
  if (story_same_place(s, a, b) || s->steps[a].line <= 0 || s->steps[b].line <= 0 ||
      strncmp(PLACE(a), "line ", 5) != 0 || strncmp(PLACE(b), "line ", 5) != 0)
    SAY("%s", PLACE(a));
  else
    SAY("lines %d to %d", s->steps[a].line, s->steps[b].line);
}

/* By how much a set changes what was read before: 0 if that is not known. */
static int64_t difference(const struct story *s, const struct finding *f) {
  int64_t read, put;
  if (!story_number(s->steps[f->from].result, &read) || !story_number(s->steps[f->at].put, &put))
    return 0;
  return put < 1000000 && put > -1000000 && read < 1000000 && read > -1000000 ? put - read : 0;
}

static void cure_lost_update(const struct story *s, const struct finding *f, struct story_text *t) {
  int64_t by = difference(s, f);
  const char *name = THING(f->object);
  if (f->lock != STORY_NONE) {
    SAY("hold %s around %s, too.", THING(f->lock), PLACE(f->between));
    return;
  }
  if (story_type(s, f->object) == OBJECT_ARRAY)
    SAY("%s:add(i, n) or %s:cas(i, old, new), one step", name, name);
  else if (story_type(s, f->object) == OBJECT_DICT)
    SAY("%s:update(key, fn), one step", name);
  else if (by)
    SAY("%s:add(%" PRId64 "), one step", name, by);
  else
    SAY("%s:update(fn), one step", name);
  SAY("; or a lock around ");
  say_range(s, f->from, f->at, t);
  SAY(".");
}

static void cure_check_then_act(const struct story *s, const struct finding *f,
                                struct story_text *t) {
  const char *what = THING(f->object);
  if (f->variant == 3) {
    SAY("%s:try_get(), which looks and takes in one step.", what);
  } else if (f->variant == 2) {
    SAY("a lock around the test and the set, in both.");
  } else if (f->lock != STORY_NONE) {
    SAY("hold %s around %s, too.", THING(f->lock), PLACE(f->between));
  } else {
    SAY("a lock around ");
    say_range(s, f->from, f->at, t);
    SAY(", in all of them; or a test and act in one step: %s:update(fn), or %s:cas(old, new).",
        what, what);
  }
}

static void cure_lock_order(const struct story *s, const struct finding *f, struct story_text *t) {
  uint32_t p = f->who, last = p, n = 0;
  if (story_names_clash(s)) {
    SAY("one order for all: number the locks, and take the lower number first.");
    return;
  }
  SAY("one order for all (");
  do {
    if (n < LINKS)
      SAY("%s%s", n ? ", " : "", THING(story_held_in_circle(s, p)));
    last = p;
    p = s->processes[p].waits_for;
  } while (++n < s->process_count && p != f->who);
  SAY("%s): %s takes %s before %s.", n > LINKS ? ", ..." : "", NAME(last),
      THING(s->processes[last].wanted), THING(story_held_in_circle(s, last)));
}

/* "not ready:get()" */
static void say_test(const struct story *s, uint32_t step, struct story_text *t) {
  const struct story_step *test = &s->steps[step];
  bool no = story_equal(test->result, "false") || story_equal(test->result, "nil");
  SAY("%s%s", no ? "not " : "", test->call ? test->call : "(the test)");
  if (!no && test->result)
    SAY(" == %s", test->result);
}

static void cure_lost_wakeup(const struct story *s, const struct finding *f, struct story_text *t) {
  const char *what = THING(f->object);
  if (f->variant == 3) {
    SAY("do not clear %s before all have seen it; or a condition with a value that stays.", what);
  } else if (f->variant == 2) {
    SAY("set a value as well, and test it with the lock held before waiting: while not done:get() "
        "do %s:wait() end",
        what);
  } else if (f->lock != STORY_NONE) {
    SAY("change and notify with the lock held: hold %s around ", THING(f->lock));
    say_range(s, f->again, f->between, t);
    SAY(".");
  } else {
    SAY("test with the lock held, in a loop: %s:acquire() while ", what);
    say_test(s, f->from, t);
    SAY(" do %s:wait() end %s:release()", what, what);
  }
}

static void cure_if_for_while(const struct story *s, const struct finding *f,
                              struct story_text *t) {
  SAY("`while` instead of `if` in %s: it asks again after each wait.", PLACE(story_question(s, f)));
}

static void cure_wrong_notified(const struct story *s, const struct finding *f,
                                struct story_text *t) {
  SAY("a condition for each thing that is waited for; or %s:notify_all() in %s.", THING(f->object),
      PLACE(f->between));
}

static void cure_aba(const struct story *s, const struct finding *f, struct story_text *t) {
  SAY("a counter beside the value, { value, version }, which each change increases; or never put "
      "back into %s what another may still look at.",
      THING(f->object));
}

static void cure_missing_release(const struct story *s, const struct finding *f,
                                 struct story_text *t) {
  if (story_type(s, f->object) == OBJECT_LOCK)
    SAY("local _ <close> = %s:hold() in %s gives it back however the block is left.",
        THING(f->object), PLACE(f->from));
  else
    SAY("%s:release() on every way out of the function, an early return too.", THING(f->object));
}

static void cure_missing_sentinel(const struct story *s, const struct finding *f,
                                  struct story_text *t) {
  SAY("%s:close() when everything is put; or one item that means the end for each reader.",
      THING(f->object));
}

static void cure_join_before_drain(const struct story *s, const struct finding *f,
                                   struct story_text *t) {
  SAY("take the items of %s first, then join %s; or a queue without a limit.", THING(f->object),
      NAME(f->other));
}

static void cure_empty_reader(const struct story *s, const struct finding *f,
                              struct story_text *t) {
  SAY("for item in %s:items() do ... end, and %s:close() when everything is put.", THING(f->object),
      THING(f->object));
}

static void cure_overtaking(const struct story *s, const struct finding *f, struct story_text *t) {
  if (f->variant == 1)
    SAY("a turnstile before the entry: one more lock that all pass, and that %s holds while it "
        "waits for %s.",
        NAME(f->who), THING(f->object));
  else
    SAY("let them take turns: who comes for %s while %s waits gets in line behind it.",
        THING(f->object), NAME(f->who));
}

static void cure_held_wait(const struct story *s, const struct finding *f, struct story_text *t) {
  SAY("wait first and take %s afterwards, or give %s back before the wait", THING(f->lock),
      THING(f->lock));
  if (f->object != STORY_NONE && story_type(s, f->object) != OBJECT_PROCESS)
    SAY("; or a condition of %s, whose wait gives it back", THING(f->lock));
  SAY(".");
}

/* -- what can be checked ------------------------------------------------------------------------ */

/* The lines from a step to another of the same process, if they follow each other in one file. */
static struct story_lines lines_of(const struct story *s, uint32_t first, uint32_t last) {
  const struct story_step *a = &s->steps[first], *b = &s->steps[last];
  bool known = a->line > 0 && b->line >= a->line && a->source && story_equal(a->source, b->source);
  return known ? (struct story_lines){first, a->line, b->line}
               : (struct story_lines){STORY_NONE, 0, 0};
}

/* One step, unless the lines of one part are not known. */
static void one_step(struct story_proposal *p, struct story_lines a, struct story_lines b) {
  bool other = b.first > 0 && (b.first != a.first || b.last != a.last);
  p->lines[0] = a;
  p->lines[1] = b;
  p->count = other ? 2 : 1;
  p->check = a.first > 0 && b.first > 0 ? CHECK_ONE_STEP : CHECK_NOTHING;
}

static void check_between(const struct story *s, const struct finding *f,
                          struct story_proposal *p) {
  struct story_lines lines = lines_of(s, f->from, f->at);
  if (f->lock == STORY_NONE)
    one_step(p, lines, lines);
}

/* The line "x.lua:7" in the file of a step, in which a process waits; 0. */
static int line_waiting(const struct story *s, uint32_t process, uint32_t step) {
  const char *where = s->processes[process].where, *colon = where ? strrchr(where, ':') : NULL;
  const char *source = s->steps[step].source;
  size_t len = source ? strlen(source) : 0;
  bool same =
      colon && len && (size_t)(colon - where) >= len && strncmp(colon - len, source, len) == 0;
  return same ? atoi(colon + 1) : 0;
}

static void check_then_act(const struct story *s, const struct finding *f,
                           struct story_proposal *p) {
  if (f->variant == 2) {
    one_step(p, lines_of(s, f->from, f->at), lines_of(s, f->again, f->between));
  } else if (f->variant == 3) {
    struct story_lines lines = lines_of(s, f->from, f->from);
    lines.last = line_waiting(s, f->who, f->from);
    if (lines.last >= lines.first)
      one_step(p, lines, lines);
  } else {
    check_between(s, f, p);
  }
}

static void check_lost_wakeup(const struct story *s, const struct finding *f,
                              struct story_proposal *p) {
  if (f->variant != 1)
    return;
  struct story_lines lines = lines_of(s, f->from, f->at);
  one_step(p, lines, f->lock == STORY_NONE ? lines : lines_of(s, f->again, f->between));
}

static void check_order(const struct story *s, const struct finding *f, struct story_proposal *p) {
  (void)s;
  (void)f;
  p->check = CHECK_LOCK_ORDER;
}

/* A word in the line of a step is to be another. */
static void check_word(const struct story *s, uint32_t step, enum story_check check,
                       struct story_proposal *p) {
  p->lines[0] = lines_of(s, step, step);
  p->check = p->lines[0].first > 0 ? check : CHECK_NOTHING;
  p->count = 1;
}

static void check_while(const struct story *s, const struct finding *f, struct story_proposal *p) {
  check_word(s, story_question(s, f), CHECK_WHILE, p);
}

static void check_notify_all(const struct story *s, const struct finding *f,
                             struct story_proposal *p) {
  check_word(s, f->between, CHECK_NOTIFY_ALL, p);
}

/* -- all of them -------------------------------------------------------------------------------- */

static const struct advice {
  void (*cure)(const struct story *s, const struct finding *f, struct story_text *t);
  void (*check)(const struct story *s, const struct finding *f,
                struct story_proposal *p); /* NULL: it cannot be */
} rows[] = {
    [CAUSE_LOST_UPDATE] = {cure_lost_update, check_between},
    [CAUSE_CHECK_THEN_ACT] = {cure_check_then_act, check_then_act},
    [CAUSE_LOCK_ORDER] = {cure_lock_order, check_order},
    [CAUSE_LOST_WAKEUP] = {cure_lost_wakeup, check_lost_wakeup},
    [CAUSE_IF_FOR_WHILE] = {cure_if_for_while, check_while},
    [CAUSE_WRONG_NOTIFIED] = {cure_wrong_notified, check_notify_all},
    [CAUSE_ABA] = {cure_aba, NULL},
    [CAUSE_MISSING_RELEASE] = {cure_missing_release, NULL},
    [CAUSE_MISSING_SENTINEL] = {cure_missing_sentinel, NULL},
    [CAUSE_JOIN_BEFORE_DRAIN] = {cure_join_before_drain, NULL},
    [CAUSE_EMPTY_READER] = {cure_empty_reader, NULL},
    [CAUSE_OVERTAKING] = {cure_overtaking, NULL},
    [CAUSE_HELD_WAIT] = {cure_held_wait, NULL},
};

void story_say_cure(const struct story *s, const struct finding *f, struct story_text *t) {
  if (f->cause != CAUSE_UNKNOWN)
    rows[f->cause].cure(s, f, t);
}

void story_propose(const struct story *s, struct story_proposal *ret) {
  struct finding f;
  *ret = (struct story_proposal){.check = CHECK_NOTHING};
  story_find(s, &f);
  if (f.cause != CAUSE_UNKNOWN && rows[f.cause].check)
    rows[f.cause].check(s, &f, ret);
}
