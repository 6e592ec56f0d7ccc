/*
 * tests/unit/test_story.c - schedules that went wrong, told as tables (look/story.h). The stories are written by hand; what
 * is expected of those of the first part stands in golden/story-*.txt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/width.h"
#include "golden.h"
#include "json_check.h"
#include "look/story.h"

#define NO STORY_NONE

/* A step whose op is over with it; one that is not; one that wakes up `whom`. The call comes last, and may be followed by more
 * fields. */
#define STEP(who, op, what, at) .process = (who), .kind = OP_##op, .object = (what), .line = (at), .p_fail = -1, .source = "x.lua"
#define DONE(who, op, what, at, ...) {STEP(who, op, what, at), .over = true, .woke = NO, .call = __VA_ARGS__}
#define BEGUN(who, op, what, at, ...) {STEP(who, op, what, at), .woke = NO, .call = __VA_ARGS__}
#define WAKES(who, op, what, at, whom, ...) {STEP(who, op, what, at), .over = true, .woke = (whom), .call = __VA_ARGS__}
#define ENDS(who) DONE(who, PROCESS_END, NO, 0, NULL)

#define RUNS(n) {.name = (n), .waits_for = NO, .wanted = NO}
#define ENDED(n) {.name = (n), .ended = true, .waits_for = NO, .wanted = NO}
#define STUCK(n, in, at, whom, what) {.name = (n), .waits = (in), .where = (at), .waits_for = (whom), .wanted = (what), .stuck = true}
#define CIRCLE(n, in, at, whom, what)                                                                                      \
  {.name = (n), .waits = (in), .where = (at), .waits_for = (whom), .wanted = (what), .stuck = true, .in_circle = true}

#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof *(list)))
#define STORY(how, p, o, st, ...)                                                                                          \
  {.script = "x.lua", .end = STORY_##how, .processes = (p), .process_count = COUNT(p), .objects = (o),                     \
   .object_count = COUNT(o), .steps = (st), .step_count = COUNT(st), __VA_ARGS__}

/* -- what is common ------------------------------------------------------------------------------------------------------ */

static void write_story(const struct story *s, int width, bool color, bool utf8, struct buf *out) {
  const struct story_options o = {.width = width, .color = color, .utf8 = utf8};
  assert_int_equal(story_write(s, &o, out), 0);
}

/* The text is to be freed by the next call. */
static const char *text_of(const struct story *s, int width) {
  static struct buf out;
  out.len = 0;
  write_story(s, width, false, false, &out);
  assert_int_equal(buf_append_byte(&out, 0), 0);
  return (const char *)out.data;
}

static void expect_line(const char *text, const char *part) {
  if (!strstr(text, part))
    fail_msg("no \"%s\" in:\n%s", part, text);
}

static void expect_no(const char *text, const char *part) {
  if (strstr(text, part))
    fail_msg("there is \"%s\" in:\n%s", part, text);
}

static void lines_fit(const char *text, int width) {
  for (const char *at = text; *at;) {
    size_t len = strcspn(at, "\n");
    if (width_of(at, len) > width)
      fail_msg("%d columns instead of %d: %.*s\n%s", width_of(at, len), width, (int)len, at, text);
    if (len && at[len - 1] == ' ')
      fail_msg("a blank at the end: %.*s|", (int)len, at);
    at += len + (at[len] != '\0');
  }
}

/* What must hold of each story. */
static void check_story(const struct story *s) {
  static const int widths[] = {40, 60, 80, 120, 200};
  struct buf json = {0};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
    for (int utf8 = 0; utf8 < 2; utf8++) {
      struct buf out = {0};
      write_story(s, widths[i], false, utf8, &out);
      assert_int_equal(buf_append_byte(&out, 0), 0);
      lines_fit((const char *)out.data, widths[i]);
      buf_release(&out);
    }
  assert_int_equal(story_json(s, &json), 0);
  assert_int_equal(buf_append_byte(&json, 0), 0);
  if (!json_is_valid((const char *)json.data, json.len - 1))
    fail_msg("not JSON: %s", (const char *)json.data);
  buf_release(&json);
}

static enum story_cause cause_of(const struct story *s) {
  struct buf why = {0}, cure = {0};
  enum story_cause cause;
  assert_int_equal(story_why(s, &why, &cure, &cause), 0);
  assert_int_equal(cause != CAUSE_UNKNOWN, why.len > 0);
  buf_release(&why);
  buf_release(&cure);
  return cause;
}

static void expect_story(const struct story *s, const char *name, enum story_cause cause) {
  char file[64];
  struct buf out = {0};
  assert_int_equal(cause_of(s), cause);
  write_story(s, 120, false, false, &out);
  snprintf(file, sizeof file, "story-%s", name);
  golden(file, &out);
  check_story(s);
}

/* Why it went wrong, as a text until the next call. */
static const char *why_of(const struct story *s, enum story_cause wanted) {
  static struct buf why;
  struct buf cure = {0};
  enum story_cause cause;
  why.len = 0;
  assert_int_equal(story_why(s, &why, &cure, &cause), 0);
  assert_int_equal(cause, wanted);
  assert_int_equal(buf_append(&why, "\n", 1), 0);
  assert_int_equal(buf_append(&why, cure.data, cure.len), 0);
  assert_int_equal(buf_append_byte(&why, 0), 0);
  buf_release(&cure);
  check_story(s);
  return (const char *)why.data;
}

/* -- six stories --------------------------------------------------------------------------------------------------------- */

static const char line3[] = "count:set(count:get() + 1)";

static void a_lost_update(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("main"), ENDED("inc#2"), ENDED("inc#3")};
  const struct story_object o[] = {{OBJECT_VALUE, "count", true}};
  const struct story_step st[] = {
      DONE(0, PROCESS_SPAWN, NO, 4, "spawn(inc)"),
      DONE(0, PROCESS_SPAWN, NO, 4, "spawn(inc)"),
      DONE(1, VALUE_GET, 0, 3, "count:get()", .result = "0", .before = "0", .after = "0", .text = line3),
      DONE(2, VALUE_GET, 0, 3, "count:get()", .result = "0", .before = "0", .after = "0", .text = line3, .preempts = true),
      DONE(2, VALUE_SET, 0, 3, "count:set(1)", .put = "1", .before = "0", .after = "1", .text = line3),
      ENDS(2),
      DONE(1, VALUE_SET, 0, 3, "count:set(1)", .put = "1", .before = "1", .after = "1", .text = line3),
      ENDS(1),
      DONE(0, PROCESS_JOIN, NO, 4, "join"),
      DONE(0, VALUE_GET, 0, 5, "count:get()", .result = "1", .before = "1", .after = "1"),
  };
  const struct story s = STORY(ERROR, p, o, st, .message = "count is 1, expected 2", .where = "x.lua:5", .victim = 0);
  expect_story(&s, "lost-update", CAUSE_LOST_UPDATE);
}

static void philosophers(void **state) {
  (void)state;
  const struct story_process p[] = {
      STUCK("main", "process.join of philosopher1", "x.lua:12", 1, NO),
      CIRCLE("philosopher1", "lock.acquire of fork2", "x.lua:8", 2, 1),
      CIRCLE("philosopher2", "lock.acquire of fork3", "x.lua:8", 3, 2),
      CIRCLE("philosopher3", "lock.acquire of fork4", "x.lua:8", 4, 3),
      CIRCLE("philosopher4", "lock.acquire of fork1", "x.lua:8", 1, 0),
  };
  const struct story_object o[] = {
      {OBJECT_LOCK, "fork1", false}, {OBJECT_LOCK, "fork2", false}, {OBJECT_LOCK, "fork3", false}, {OBJECT_LOCK, "fork4", false}};
  const struct story_step st[] = {
      DONE(1, LOCK_ACQUIRE, 0, 7, "forks[1]:acquire()", .before = "free", .after = "held by philosopher1"),
      DONE(2, LOCK_ACQUIRE, 1, 7, "forks[2]:acquire()", .before = "free", .after = "held by philosopher2", .preempts = true),
      DONE(3, LOCK_ACQUIRE, 2, 7, "forks[3]:acquire()", .before = "free", .after = "held by philosopher3", .preempts = true),
      DONE(4, LOCK_ACQUIRE, 3, 7, "forks[4]:acquire()", .before = "free", .after = "held by philosopher4", .preempts = true,
           .last_chance = true),
  };
  const struct story s = STORY(DEADLOCK, p, o, st, .victim = NO);
  expect_story(&s, "philosophers", CAUSE_LOCK_ORDER);
}

static void a_lost_wakeup(void **state) {
  (void)state;
  const struct story_process p[] = {STUCK("main", "process.join of waiter#2", "x.lua:14", 1, NO),
                                    STUCK("waiter#2", "c:wait()", "x.lua:5", NO, 1), ENDED("setter#3")};
  const struct story_object o[] = {{OBJECT_VALUE, "ready", false}, {OBJECT_CONDITION, "c", false}, {OBJECT_LOCK, "c's lock", false}};
  const struct story_step st[] = {
      DONE(1, VALUE_GET, 0, 4, "ready:get()", .result = "false", .before = "false", .after = "false"),
      DONE(2, VALUE_SET, 0, 9, "ready:set(true)", .put = "true", .before = "false", .after = "true", .preempts = true),
      DONE(2, CONDITION_NOTIFY, 1, 10, "c:notify()", .vain = true),
      ENDS(2),
      DONE(1, LOCK_ACQUIRE, 2, 5, "c:acquire()"),
      BEGUN(1, CONDITION_WAIT, 1, 5, "c:wait()", .phase = 1),
  };
  const struct story s = STORY(DEADLOCK, p, o, st, .victim = NO);
  expect_story(&s, "lost-wakeup", CAUSE_LOST_WAKEUP);
}

static void if_instead_of_while(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("main"), RUNS("consumer1"), ENDED("producer"), RUNS("consumer2")};
  const struct story_object o[] = {{OBJECT_VALUE, "buffer", true}, {OBJECT_CONDITION, "full", false}, {OBJECT_LOCK, "lock", false}};
  const struct story_step st[] = {
      DONE(1, LOCK_ACQUIRE, 2, 15, "lock:acquire()"),
      DONE(1, VALUE_GET, 0, 16, "buffer:get()", .result = "0", .before = "0", .after = "0"),
      BEGUN(1, CONDITION_WAIT, 1, 16, "full:wait()", .phase = 1),
      DONE(2, LOCK_ACQUIRE, 2, 8, "lock:acquire()"),
      DONE(2, VALUE_ADD, 0, 9, "buffer:add(1)", .before = "0", .after = "1"),
      WAKES(2, CONDITION_NOTIFY, 1, 9, 1, "full:notify()"),
      DONE(2, LOCK_RELEASE, 2, 10, "lock:release()"),
      DONE(3, LOCK_ACQUIRE, 2, 15, "lock:acquire()"),
      DONE(3, VALUE_GET, 0, 16, "buffer:get()", .result = "1", .before = "1", .after = "1"),
      DONE(3, VALUE_ADD, 0, 17, "buffer:add(-1)", .before = "1", .after = "0"),
      DONE(3, LOCK_RELEASE, 2, 18, "lock:release()"),
      DONE(1, CONDITION_WAIT, 2, 16, "full:wait()", .phase = 3),
      DONE(1, VALUE_ADD, 0, 17, "buffer:add(-1)", .before = "0", .after = "-1"),
  };
  const struct story s =
      STORY(ERROR, p, o, st, .message = "took from an empty buffer", .where = "x.lua:17", .victim = 1);
  expect_story(&s, "if-for-while", CAUSE_IF_FOR_WHILE);
}

static void aba(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("main"), RUNS("p#2"), RUNS("q#3")};
  const struct story_object o[] = {{OBJECT_VALUE, "top", true}, {OBJECT_VALUE, "next[1]", false}, {OBJECT_VALUE, "next[2]", false}};
  const struct story_step st[] = {
      DONE(1, VALUE_GET, 0, 6, "top:get()", .result = "1", .before = "1", .after = "1"),
      DONE(1, VALUE_GET, 1, 8, "next[1]:get()", .result = "2", .before = "2", .after = "2"),
      DONE(2, VALUE_CAS, 0, 17, "top:cas(1, 2)", .result = "true", .put = "2", .expected = "1", .before = "1", .after = "2",
           .preempts = true),
      DONE(2, VALUE_CAS, 0, 17, "top:cas(2, 3)", .result = "true", .put = "3", .expected = "2", .before = "2", .after = "3"),
      DONE(2, VALUE_SET, 1, 16, "next[1]:set(3)", .put = "3", .before = "2", .after = "3"),
      DONE(2, VALUE_CAS, 0, 17, "top:cas(3, 1)", .result = "true", .put = "1", .expected = "3", .before = "3", .after = "1"),
      DONE(1, VALUE_CAS, 0, 9, "top:cas(1, 2)", .result = "true", .put = "2", .expected = "1", .before = "1", .after = "2"),
  };
  const struct story s =
      STORY(ERROR, p, o, st, .message = "2 is in the stack, and taken", .where = "x.lua:24", .victim = NO);
  expect_story(&s, "aba", CAUSE_ABA);
}

static void a_starving_writer(void **state) {
  (void)state;
  const struct story_process p[] = {
      {.name = "writer", .waits = "room:acquire()", .where = "x.lua:14", .waits_for = NO, .wanted = 1}, RUNS("reader1"),
      RUNS("reader2")};
  const struct story_object o[] = {{OBJECT_VALUE, "readers", true}, {OBJECT_LOCK, "room", false}};
  const struct story_step st[] = {
      DONE(1, VALUE_ADD, 0, 4, "readers:add(1)", .result = "1", .before = "0", .after = "1"),
      DONE(1, LOCK_ACQUIRE, 1, 5, "room:acquire()", .before = "free", .after = "held by reader1"),
      DONE(2, VALUE_ADD, 0, 4, "readers:add(1)", .result = "2", .before = "1", .after = "2"),
      DONE(1, VALUE_ADD, 0, 7, "readers:add(-1)", .result = "1", .before = "2", .after = "1"),
      DONE(1, VALUE_ADD, 0, 4, "readers:add(1)", .result = "2", .before = "1", .after = "2"),
      DONE(2, VALUE_ADD, 0, 7, "readers:add(-1)", .result = "1", .before = "2", .after = "1"),
  };
  const struct story s = STORY(STARVES, p, o, st, .loop = 2, .victim = 0);
  expect_story(&s, "starving", CAUSE_OVERTAKING);
}

/* -- causes: for each a story, and one that looks like it ------------------------------------------------------------------ */

#define GET(who, what, at, is) DONE(who, VALUE_GET, what, at, "x:get()", .result = (is), .before = (is), .after = (is))
#define SET(who, what, at, was, is) DONE(who, VALUE_SET, what, at, "x:set()", .put = (is), .before = (was), .after = (is))
#define ADD(who, what, at, was, ...) DONE(who, VALUE_ADD, what, at, "x:add()", .before = (was), .after = __VA_ARGS__)
#define TAKE(who, what, at) DONE(who, LOCK_ACQUIRE, what, at, "l:acquire()", .before = "free", .after = "held")
#define GIVE(who, what, at) DONE(who, LOCK_RELEASE, what, at, "l:release()", .before = "held", .after = "free")
#define WAIT(who, what, at) BEGUN(who, CONDITION_WAIT, what, at, "c:wait()", .phase = 1)
#define BACK(who, what, at) DONE(who, CONDITION_WAIT, what, at, "c:wait()", .phase = 3)
#define NOTIFY(who, what, at, whom) WAKES(who, CONDITION_NOTIFY, what, at, whom, "c:notify()")
#define NOBODY(who, what, at) DONE(who, CONDITION_NOTIFY, what, at, "c:notify()", .vain = true)
#define PUT(who, what, at, was, is) DONE(who, QUEUE_PUT, what, at, "q:put()", .put = "1", .before = (was), .after = (is))
#define TOOK(who, what, at, was, is) DONE(who, QUEUE_GET, what, at, "q:get()", .result = "1", .before = (was), .after = (is))
#define LEN(who, what, at, is, said) DONE(who, QUEUE_LOOK, what, at, "q:empty()", .result = (said), .before = (is), .after = (is))

static const struct story_object value_and_lock[] = {{OBJECT_VALUE, "count", true}, {OBJECT_LOCK, "l", false}};
static const struct story_process three[] = {RUNS("main"), RUNS("a#2"), RUNS("b#3")};

static void updates_that_are_not_lost(void **state) {
  (void)state;
  const struct story_step one_by_one[] = {GET(1, 0, 3, "0"), SET(1, 0, 3, "0", "1"), GET(2, 0, 3, "1"), SET(2, 0, 3, "1", "2"),
                                          GET(0, 0, 9, "2")};
  const struct story s1 = STORY(ERROR, three, value_and_lock, one_by_one, .message = "m", .victim = 0);
  assert_int_equal(cause_of(&s1), CAUSE_UNKNOWN);
  /* The one that failed has never looked at the value. */
  const struct story_step lost[] = {GET(1, 0, 3, "0"), GET(2, 0, 3, "0"), SET(2, 0, 3, "0", "1"), SET(1, 0, 3, "1", "1")};
  const struct story s2 = STORY(ERROR, three, value_and_lock, lost, .message = "m", .victim = 0);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
  const struct story s3 = STORY(OUTPUT, three, value_and_lock, lost, .message = "m", .victim = NO);
  assert_int_equal(cause_of(&s3), CAUSE_LOST_UPDATE);
  /* It was read again. */
  const struct story_step again[] = {GET(1, 0, 3, "0"), SET(2, 0, 3, "0", "1"), GET(1, 0, 3, "1"), SET(1, 0, 3, "1", "2")};
  const struct story s4 = STORY(OUTPUT, three, value_and_lock, again, .message = "m", .victim = NO);
  assert_int_equal(cause_of(&s4), CAUSE_UNKNOWN);
}

static void an_update_lost_beside_a_lock(void **state) {
  (void)state;
  const struct story_step st[] = {TAKE(1, 1, 2), GET(1, 0, 3, "5"), SET(2, 0, 8, "5", "7"), SET(1, 0, 4, "7", "6"), GIVE(1, 1, 5)};
  const struct story s = STORY(OUTPUT, three, value_and_lock, st, .message = "m", .victim = NO);
  const char *why = why_of(&s, CAUSE_LOST_UPDATE);
  expect_line(why, "a#2 reads count in line 3 and sets it in line 4; b#3 came between, and its change is overwritten.");
  expect_line(why, "a#2 holds l all the while, but b#3 changes count without it.");
  expect_line(why, "hold l around line 8, too.");
  expect_line(text_of(&s, 120), "<-- overwrites it: b#3's addition is lost");
}

static void lost_entries_of_a_dict(void **state) {
  (void)state;
  const struct story_object o[] = {{OBJECT_DICT, "d", true}};
#define ENTRY(who, op, said, ...) DONE(who, op, 0, 3, said, .before = "2 keys", __VA_ARGS__)
  const struct story_step same[] = {ENTRY(1, DICT_GET, "d.hits", .result = "1"), ENTRY(2, DICT_SET, "d.hits = 2", .put = "2"),
                                    ENTRY(1, DICT_SET, "d.hits = 2", .put = "2")};
  const struct story s1 = STORY(OUTPUT, three, o, same, .message = "m", .victim = NO);
  expect_line(why_of(&s1, CAUSE_LOST_UPDATE), "d:update(key, fn), one step");
  const struct story_step others[] = {ENTRY(1, DICT_GET, "d.hits", .result = "1"), ENTRY(2, DICT_SET, "d.hitsparade = 2", .put = "2"),
                                      ENTRY(1, DICT_SET, "d.hits = 2", .put = "2")};
  const struct story s2 = STORY(OUTPUT, three, o, others, .message = "m", .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
}

static void checked_then_acted(void **state) {
  (void)state;
  const struct story_step st[] = {GET(1, 0, 3, "100"), GET(2, 0, 3, "100"), ADD(2, 0, 4, "100", "0"), ADD(1, 0, 4, "0", "-100"),
                                  GET(0, 0, 9, "-100")};
  const struct story s = STORY(ERROR, three, value_and_lock, st, .message = "balance is -100", .victim = 0);
  const char *why = why_of(&s, CAUSE_CHECK_THEN_ACT);
  expect_line(why, "a#2 tests count in line 3, and relies on it in line 4; b#3 changed it in between");
  expect_line(why, "a lock around lines 3 to 4, in all of them");
  const char *text = text_of(&s, 120);
  expect_line(text, "<-- what a#2 saw in step 1 is no longer true");
  expect_line(text, "<-- relies on what it saw in step 1");
  /* One that only adds, as others do. */
  const struct story_step adds[] = {GET(1, 0, 3, "100"), ADD(2, 0, 4, "100", "0"), ADD(1, 0, 4, "0", "-100"), GET(0, 0, 9, "-100")};
  const struct story s2 = STORY(ERROR, three, value_and_lock, adds, .message = "m", .victim = 0);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
  /* Only printed. */
  const struct story_step shown[] = {
      DONE(1, VALUE_GET, 0, 3, "x:get()", .result = "1", .before = "1", .after = "1", .text = "print(x:get())"), GET(2, 0, 3, "1"),
      ADD(2, 0, 4, "1", "0"), ADD(1, 0, 4, "0", "-1"), GET(0, 0, 9, "-1")};
  const struct story s3 = STORY(ERROR, three, value_and_lock, shown, .message = "m", .victim = 0);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
}

static const struct story_object two_flags[] = {{OBJECT_VALUE, "flag1", true}, {OBJECT_VALUE, "flag2", true}};

static void two_flags_tested_then_set(void **state) {
  (void)state;
  const struct story_step st[] = {GET(1, 1, 3, "false"), GET(2, 0, 7, "false"), SET(2, 1, 8, "false", "true"),
                                  SET(1, 0, 4, "false", "true"), ADD(1, 0, 5, "true", "true")};
  const struct story s = STORY(ERROR, three, two_flags, st, .message = "two are inside", .victim = 1);
  const char *why = why_of(&s, CAUSE_CHECK_THEN_ACT);
  expect_line(why, "each tests before it sets: a#2 tests flag2 (line 3), and sets flag1 (line 4)");
  /* Set first, then tested. */
  const struct story_step right[] = {SET(1, 0, 3, "false", "true"), SET(2, 1, 7, "false", "true"), GET(1, 1, 4, "true"),
                                     GET(2, 0, 8, "true")};
  const struct story s2 = STORY(ERROR, three, two_flags, right, .message = "m", .victim = 1);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
  /* Tested again. */
  const struct story_step again[] = {GET(1, 1, 3, "false"), GET(2, 0, 7, "false"), SET(2, 1, 8, "false", "true"),
                                     SET(1, 0, 4, "false", "true"), GET(1, 1, 5, "true")};
  const struct story s3 = STORY(ERROR, three, two_flags, again, .message = "m", .victim = 1);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
}

static void an_item_taken_between(void **state) {
  (void)state;
  const struct story_process p[] = {STUCK("main", "join of a#2", "x.lua:9", 1, NO), STUCK("a#2", "get of q", "x.lua:4", NO, 0),
                                    ENDED("b#3")};
  const struct story_object o[] = {{OBJECT_QUEUE, "q", true}};
  const struct story_step st[] = {PUT(0, 0, 2, "0 items", "1 item"), LEN(1, 0, 3, "1 item", "1 item"), LEN(2, 0, 3, "1 item", "1 item"),
                                  TOOK(2, 0, 4, "1 item", "0 items"), ENDS(2)};
  const struct story s = STORY(DEADLOCK, p, o, st, .victim = NO);
  const char *why = why_of(&s, CAUSE_CHECK_THEN_ACT);
  expect_line(why, "a#2 looks whether q has an item (line 3) and then takes one: two steps. b#3 took it between them (line 4)");
  const struct story_step empty[] = {LEN(1, 0, 3, "0 items", "0 items"), LEN(2, 0, 3, "0 items", "0 items"), ENDS(2)};
  const struct story s2 = STORY(DEADLOCK, p, o, empty, .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
}

static const struct story_object two_locks[] = {{OBJECT_LOCK, "left", false}, {OBJECT_LOCK, "right", false}, {OBJECT_QUEUE, "q", true}};

static void locks_in_two_orders(void **state) {
  (void)state;
  const struct story_process p[] = {STUCK("main", "join of a#2, b#3", "the end of the script", NO, NO),
                                    CIRCLE("a#2", "acquire of right", "x.lua:3", 2, 1),
                                    CIRCLE("b#3", "acquire of left", "x.lua:7", 1, 0)};
  const struct story_step st[] = {TAKE(1, 0, 2), TAKE(2, 1, 6)};
  const struct story s = STORY(DEADLOCK, p, two_locks, st, .victim = NO);
  const char *why = why_of(&s, CAUSE_LOCK_ORDER);
  expect_line(why, "goes round in a circle (left before right, right before left).");
  expect_line(why, "one order for all (left, right): b#3 takes left before right.");
  const char *text = text_of(&s, 120);
  expect_line(text, "a#2 -- right --> b#3 -- left --> a#2\n");
  expect_line(text, "main waits for ever in join at the end of the script for a#2, b#3\n");
  /* By the steps, one of them has given its lock back. */
  const struct story_step given[] = {TAKE(1, 0, 2), TAKE(2, 1, 6), GIVE(2, 1, 7)};
  const struct story s2 = STORY(DEADLOCK, p, two_locks, given, .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
  /* A circle of joins. */
  const struct story_process joins[] = {CIRCLE("main", "join of a#2", "x.lua:9", 1, NO), CIRCLE("a#2", "join of main", "x.lua:3", 0, NO)};
  const struct story s3 = STORY(DEADLOCK, joins, two_locks, given, .victim = NO);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
  expect_line(text_of(&s3, 120), "main -- join --> a#2 -- join --> main\n");
  check_story(&s3);
}

static void locks_that_have_the_same_name(void **state) {
  (void)state;
  const struct story_process p[] = {CIRCLE("a#1", "acquire of l", "x.lua:3", 1, 1), CIRCLE("b#2", "acquire of l", "x.lua:3", 0, 0)};
  const struct story_object o[] = {{OBJECT_LOCK, "l", false}, {OBJECT_LOCK, "l", false}};
  const struct story_step st[] = {TAKE(0, 0, 2), TAKE(1, 1, 2)};
  const struct story s = STORY(DEADLOCK, p, o, st, .victim = NO);
  const char *why = why_of(&s, CAUSE_LOCK_ORDER);
  expect_no(why, "l before l");
  expect_line(why, "number the locks, and take the lower number first.");
}

static void waits_while_it_holds_a_lock(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("main"), STUCK("a#2", "get of q", "x.lua:3", NO, 2),
                                    STUCK("b#3", "acquire of left", "x.lua:6", 1, 0)};
  const struct story_step st[] = {TAKE(1, 0, 2)};
  const struct story s = STORY(DEADLOCK, p, two_locks, st, .victim = NO);
  const char *why = why_of(&s, CAUSE_HELD_WAIT);
  expect_line(why, "a#2 waits in get at line 3 for q while it holds left (taken in line 2), which b#3 needs: perhaps it would help.");
  const struct story_step before[] = {PUT(2, 2, 8, "0 items", "1 item"), TOOK(1, 2, 3, "1 item", "0 items"), TAKE(1, 0, 2)};
  const struct story s1 = STORY(DEADLOCK, p, two_locks, before, .victim = NO);
  expect_line(why_of(&s1, CAUSE_HELD_WAIT), "which b#3 needs before it could help.");
  /* It joins the one that waits. */
  const struct story_process joins[] = {STUCK("main", "join of a#2", "x.lua:9", 1, NO), p[1], STUCK("b#3", "acquire of left", "x.lua:6", 0, 0)};
  const struct story_step taken[] = {TAKE(0, 0, 2)};
  const struct story s4 = STORY(DEADLOCK, joins, two_locks, taken, .victim = NO);
  expect_line(why_of(&s4, CAUSE_HELD_WAIT), "main waits in join at line 9 for a#2 while it holds left (taken in line 2), which b#3 needs");
  expect_line(text_of(&s4, 120), "b#3 waits behind it in acquire at line 6 for left, which main holds");
  /* Nobody would help: b is a reader, too, and those that put have ended. */
  const struct story_process readers[] = {ENDED("main"), p[1], p[2]};
  const struct story_step put[] = {PUT(0, 2, 1, "0 items", "1 item"), TAKE(2, 0, 5), TOOK(2, 2, 6, "1 item", "0 items"), GIVE(2, 0, 7),
                                   TAKE(1, 0, 2)};
  const struct story s2 = STORY(DEADLOCK, readers, two_locks, put, .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
  /* It holds another lock. */
  const struct story_step other[] = {TAKE(1, 1, 2)};
  const struct story s3 = STORY(DEADLOCK, p, two_locks, other, .victim = NO);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
}

static void joined_before_it_was_drained(void **state) {
  (void)state;
  const struct story_process p[] = {STUCK("main", "join of a#2", "x.lua:7", 1, NO), STUCK("a#2", "put of q", "x.lua:3", NO, 0),
                                    ENDED("b#3")};
  const struct story_object o[] = {{OBJECT_QUEUE, "q", true}};
  const struct story_step st[] = {PUT(1, 0, 3, "0 items", "1 item")};
  const struct story s = STORY(DEADLOCK, p, o, st, .victim = NO);
  const char *why = why_of(&s, CAUSE_JOIN_BEFORE_DRAIN);
  expect_line(why, "main waits for a#2 to end (line 7), and a#2 waits for room in q (line 3), which nobody makes meanwhile.");
  expect_line(why, "take the items of q first, then join a#2");
  expect_line(text_of(&s, 80), "main waits behind it in join at line 7 for a#2");
  /* Each of two puts too much. */
  const struct story_process both[] = {p[0], p[1], STUCK("b#3", "put of q2", "x.lua:4", NO, NO)};
  const struct story s4 = STORY(DEADLOCK, both, o, st, .victim = NO);
  assert_int_equal(cause_of(&s4), CAUSE_UNKNOWN);
  /* There is a reader, which waits for something else. */
  const struct story_process reader[] = {p[0], p[1], STUCK("b#3", "wait of e", "x.lua:12", NO, NO)};
  const struct story_step got[] = {PUT(1, 0, 3, "0 items", "1 item"), TOOK(2, 0, 3, "1 item", "0 items"), PUT(1, 0, 3, "0 items", "1 item")};
  const struct story s2 = STORY(DEADLOCK, reader, o, got, .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
}

static const struct story_object condition[] = {{OBJECT_VALUE, "ready", true}, {OBJECT_CONDITION, "c", false}, {OBJECT_LOCK, "l", false},
                                                {OBJECT_EVENT, "e", false}};
static const struct story_process sleeper[] = {RUNS("main"), STUCK("a#2", "wait of c", "x.lua:5", NO, 1), RUNS("b#3")};

static void notified_before_it_waited(void **state) {
  (void)state;
  /* The one that notifies has no lock. */
  const struct story_step locked[] = {TAKE(1, 2, 3), GET(1, 0, 4, "false"), SET(2, 0, 9, "false", "true"), NOBODY(2, 1, 10), WAIT(1, 1, 5)};
  const struct story s1 = STORY(DEADLOCK, sleeper, condition, locked, .victim = NO);
  const char *why = why_of(&s1, CAUSE_LOST_WAKEUP);
  expect_line(why, "a#2 holds l between the test (line 4) and the wait (line 5), but b#3 changes ready and notifies without it");
  expect_line(why, "hold l around lines 9 to 10.");
  /* No test at all. */
  const struct story_step blind[] = {NOBODY(2, 1, 10), TAKE(1, 2, 4), WAIT(1, 1, 5)};
  const struct story s2 = STORY(DEADLOCK, sleeper, condition, blind, .victim = NO);
  expect_line(why_of(&s2, CAUSE_LOST_WAKEUP), "c does not remember a notification");
  /* It was right to wait: what it waits for was taken by another since, or never there. */
  const struct story_step used[] = {SET(2, 0, 9, "0", "1"), NOBODY(2, 1, 10), SET(0, 0, 9, "1", "0"), GET(1, 0, 4, "0"), WAIT(1, 1, 5)};
  const struct story s3 = STORY(DEADLOCK, sleeper, condition, used, .victim = NO);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
  /* The notification came while it waited, and woke another. */
  const struct story_step late[] = {WAIT(1, 1, 5), NOTIFY(2, 1, 10, 0)};
  const struct story s4 = STORY(DEADLOCK, sleeper, condition, late, .victim = NO);
  assert_int_equal(cause_of(&s4), CAUSE_UNKNOWN);
}

static void set_and_cleared_before_it_waited(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("main"), STUCK("a#2", "wait of e", "x.lua:5", NO, 3), ENDED("b#3")};
  const struct story_step st[] = {DONE(2, EVENT_SET, 3, 8, "e:set()"), DONE(2, EVENT_CLEAR, 3, 9, "e:clear()"), ENDS(2)};
  const struct story s = STORY(DEADLOCK, p, condition, st, .victim = NO);
  expect_line(why_of(&s, CAUSE_LOST_WAKEUP), "b#3 sets e in line 8, but it is cleared again in line 9, before a#2 waits");
  const struct story_step never[] = {DONE(2, EVENT_CLEAR, 3, 9, "e:clear()"), ENDS(2)};
  const struct story s2 = STORY(DEADLOCK, p, condition, never, .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
}

static void looked_again_when_woken(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("main"), RUNS("a#2"), RUNS("b#3")};
  const struct story_step st[] = {GET(1, 0, 4, "0"), WAIT(1, 1, 5), SET(0, 0, 8, "0", "1"), NOTIFY(0, 1, 9, 1), SET(2, 0, 6, "1", "0"),
                                  BACK(1, 1, 5), GET(1, 0, 4, "0"), ADD(1, 0, 6, "0", "-1")};
  const struct story s = STORY(ERROR, p, condition, st, .message = "m", .victim = 1);
  assert_int_equal(cause_of(&s), CAUSE_UNKNOWN);
  /* Nobody came first. */
  const struct story_step first[] = {GET(1, 0, 4, "0"), WAIT(1, 1, 5), SET(0, 0, 8, "0", "1"), NOTIFY(0, 1, 9, 1), BACK(1, 1, 5),
                                     ADD(1, 0, 6, "1", "0")};
  const struct story s2 = STORY(ERROR, p, condition, first, .message = "m", .victim = 1);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
}

static const struct story_process sleepers[] = {STUCK("producer#1", "wait of c", "x.lua:5", NO, 1),
                                                STUCK("a#2", "wait of c", "x.lua:15", NO, 1),
                                                STUCK("b#3", "wait of c", "x.lua:15", NO, 1)};

static void the_wrong_one_notified(void **state) {
  (void)state;
  const struct story_step st[] = {
      GET(1, 0, 14, "0"), WAIT(1, 1, 15), GET(2, 0, 14, "0"), WAIT(2, 1, 15), GET(0, 0, 4, "0"), SET(0, 0, 6, "0", "1"),
      NOTIFY(0, 1, 7, 1), GET(0, 0, 4, "1"), WAIT(0, 1, 5), BACK(1, 1, 15), GET(1, 0, 14, "1"), SET(1, 0, 16, "1", "0"),
      NOTIFY(1, 1, 17, 2), GET(1, 0, 14, "0"), WAIT(1, 1, 15), BACK(2, 1, 15), GET(2, 0, 14, "0"), WAIT(2, 1, 15)};
  const struct story s = STORY(DEADLOCK, sleepers, condition, st, .victim = NO);
  const char *why = why_of(&s, CAUSE_WRONG_NOTIFIED);
  expect_line(why, "the notification in line 17 woke b#3, which could not use it and waits again, while producer#1 sleeps on.");
  expect_line(why, "a condition for each thing that is waited for; or c:notify_all() in line 17.");
  const char *text = text_of(&s, 120);
  expect_line(text, "<-- wakes b#3, but only producer#1 could go on");
  /* Nobody could have used it. */
  const struct story_step nothing[] = {GET(0, 0, 4, "1"), WAIT(0, 1, 5), GET(2, 0, 14, "1"), WAIT(2, 1, 15), NOTIFY(1, 1, 7, 2),
                                       BACK(2, 1, 15), GET(2, 0, 14, "1"), WAIT(2, 1, 15)};
  const struct story s3 = STORY(DEADLOCK, sleepers, condition, nothing, .victim = NO);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
}

static void compared_and_really_the_same(void **state) {
  (void)state;
#define CAS(who, was, is) \
  DONE(who, VALUE_CAS, 0, 9, "x:cas()", .result = "true", .put = (is), .expected = (was), .before = (was), .after = (is))
  const struct story_step same[] = {GET(1, 0, 3, "1"), GET(2, 0, 3, "1"), CAS(1, "1", "2")};
  const struct story s = STORY(ERROR, three, value_and_lock, same, .message = "m", .victim = NO);
  assert_int_equal(cause_of(&s), CAUSE_UNKNOWN);
  const struct story_step grows[] = {GET(1, 0, 3, "1"), CAS(2, "1", "2"),
                                     DONE(1, VALUE_CAS, 0, 9, "x:cas()", .result = "false, 2", .put = "2", .expected = "1", .before = "2",
                                          .after = "2")};
  const struct story s2 = STORY(ERROR, three, value_and_lock, grows, .message = "m", .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
}

static void ended_with_a_lock(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("main"), ENDED("a#2"), ENDED("b#3")};
  const struct story_step st[] = {TAKE(2, 1, 3), GIVE(2, 1, 5), ENDS(2), TAKE(1, 1, 3), GET(1, 0, 4, "0"), ENDS(1)};
  const struct story s = STORY(HELD, p, value_and_lock, st, .message = "a#2 ended with l held", .victim = 1);
  const char *why = why_of(&s, CAUSE_MISSING_RELEASE);
  expect_line(why, "a#2 takes l in line 3 and ends without giving it back.");
  expect_line(why, "local _ <close> = l:hold() in line 3");
  const char *text = text_of(&s, 120);
  expect_line(text, "<-- is never given back");
  expect_line(text, "<-- ends with l");
  const struct story s2 = STORY(HELD, p, value_and_lock, st, .message = "m", .victim = 2);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
  /* An error with a lock held is the error. */
  const struct story s3 = STORY(ERROR, p, value_and_lock, st, .message = "m", .victim = 1);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
}

static void ended_with_a_unit(void **state) {
  (void)state;
  const struct story_process p[] = {STUCK("main", "acquire of s", "x.lua:9", NO, 0), ENDED("a#2"), ENDED("b#3")};
  const struct story_object o[] = {{OBJECT_SEMAPHORE, "s", true}};
#define UNIT(who, at) DONE(who, SEMAPHORE_ACQUIRE, 0, at, "s:acquire()", .before = "1 unit", .after = "0 units")
#define FREE(who, at) DONE(who, SEMAPHORE_RELEASE, 0, at, "s:release()", .before = "0 units", .after = "1 unit")
  const struct story_step st[] = {UNIT(2, 3), FREE(2, 4), ENDS(2), UNIT(1, 3), ENDS(1)};
  const struct story s = STORY(DEADLOCK, p, o, st, .victim = NO);
  expect_line(why_of(&s, CAUSE_MISSING_RELEASE), "a#2 takes s in line 3 and ends without giving it back.");
  /* Nobody uses it as a lock: units are items. */
  const struct story_step items[] = {FREE(2, 4), ENDS(2), UNIT(1, 3), ENDS(1)};
  const struct story s2 = STORY(DEADLOCK, p, o, items, .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
}

static void an_end_for_each_reader(void **state) {
  (void)state;
  const struct story_process p[] = {STUCK("main", "join of b#3", "x.lua:9", 2, NO), ENDED("a#2"),
                                    STUCK("b#3", "get of q", "x.lua:3", NO, 0)};
  const struct story_object o[] = {{OBJECT_QUEUE, "q", true}};
  const struct story_step st[] = {PUT(0, 0, 7, "0 items", "1 item"), PUT(0, 0, 8, "1 item", "2 items"), TOOK(2, 0, 3, "2 items", "1 item"),
                                  TOOK(1, 0, 3, "1 item", "0 items"), ENDS(1)};
  const struct story s = STORY(DEADLOCK, p, o, st, .victim = NO);
  const char *why = why_of(&s, CAUSE_MISSING_SENTINEL);
  expect_line(why, "b#3 waits for an item of q (line 3), but nobody puts any more, and nobody closes it.");
  expect_line(why, "a#2 took 1 in step 4 and ended; there is none for b#3.");
  expect_line(text_of(&s, 120), "<-- the last item that is put into q");
  /* Closed; or the one that puts waits for something else. */
  const struct story_step closed[] = {PUT(0, 0, 7, "0 items", "1 item"), TOOK(1, 0, 3, "1 item", "0 items"),
                                      DONE(0, QUEUE_CLOSE, 0, 8, "q:close()", .before = "0 items", .after = "0 items, closed")};
  const struct story s2 = STORY(DEADLOCK, p, o, closed, .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
  const struct story_process waits[] = {STUCK("main", "wait of e", "x.lua:9", NO, NO), p[1], p[2]};
  const struct story s3 = STORY(DEADLOCK, waits, o, st, .victim = NO);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
}

static void read_until_it_was_empty(void **state) {
  (void)state;
  const struct story_object o[] = {{OBJECT_QUEUE, "q", true}};
  const struct story_step st[] = {PUT(1, 0, 3, "0 items", "1 item"), TOOK(2, 0, 8, "1 item", "0 items"), LEN(2, 0, 7, "0 items", "0 items"),
                                  PUT(1, 0, 3, "0 items", "1 item"), ENDS(2)};
  const struct story s = STORY(UNREAD, three, o, st, .message = "1 item of q was never read", .victim = NO);
  const char *why = why_of(&s, CAUSE_EMPTY_READER);
  expect_line(why, "b#3 stops when it finds q empty (line 7), but empty is not the end: a#2 puts more (line 3).");
  expect_line(why, "for item in q:items() do ... end, and q:close() when everything is put.");
  expect_line(text_of(&s, 120), "<-- takes this for the end");
  /* It went on. */
  const struct story_step on[] = {LEN(2, 0, 7, "0 items", "0 items"), PUT(1, 0, 3, "0 items", "1 item"),
                                  LEN(2, 0, 7, "1 item", "1 item")};
  const struct story s2 = STORY(UNREAD, three, o, on, .message = "m", .victim = NO);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
  /* Another has taken it. */
  const struct story_step other[] = {LEN(2, 0, 7, "0 items", "0 items"), PUT(1, 0, 3, "0 items", "1 item"),
                                     TOOK(0, 0, 8, "1 item", "0 items")};
  const struct story s3 = STORY(ERROR, three, o, other, .message = "m", .victim = NO);
  assert_int_equal(cause_of(&s3), CAUSE_UNKNOWN);
}

static void overtaken_at_the_lock(void **state) {
  (void)state;
  const struct story_process p[] = {{.name = "a#1", .waits = "acquire of l", .where = "x.lua:14", .waits_for = NO, .wanted = 1},
                                    RUNS("b#2"), RUNS("c#3")};
  const struct story_step st[] = {TAKE(1, 1, 3), GIVE(1, 1, 5), TAKE(2, 1, 3), GIVE(2, 1, 5)};
  const struct story s = STORY(STARVES, p, value_and_lock, st, .loop = 0, .victim = 0);
  expect_line(why_of(&s, CAUSE_OVERTAKING), "whenever l is free, another takes it before a#1 does (line 3).");
  const char *text = text_of(&s, 120);
  expect_line(text, "... and again from step 1\n");
  expect_line(text, "a#1 waits in acquire at line 14 for l all the time\n");
  /* The victim takes steps itself. */
  const struct story_step own[] = {GET(0, 0, 2, "0"), TAKE(1, 1, 3), GIVE(1, 1, 5)};
  const struct story s2 = STORY(STARVES, p, value_and_lock, own, .loop = 0, .victim = 0);
  assert_int_equal(cause_of(&s2), CAUSE_UNKNOWN);
}

static void a_livelock(void **state) {
  (void)state;
  const struct story_step st[] = {GET(0, 0, 2, "1"), TAKE(1, 1, 3),
                                  DONE(2, LOCK_ACQUIRE, 1, 7, "l:acquire(0)", .rc = -SBX_ETIMEDOUT, .result = "nil, timeout"),
                                  GIVE(1, 1, 4), GET(2, 0, 8, "1")};
  const struct story s = STORY(LIVELOCK, three, value_and_lock, st, .loop = 1, .victim = NO);
  const char *text = text_of(&s, 120);
  expect_line(text, "  livelock: the steps from 2 on can be repeated for ever, and nobody gets anywhere\n");
  expect_line(text, "l:acquire(0) --> nil, timeout  line 7");
  expect_line(text, "      ... and again from step 2\n      `count` is 1 all the time\n");
  expect_no(text, "why:");
  check_story(&s);
  const struct story unknown = STORY(LIVELOCK, three, value_and_lock, st, .loop = COUNT(st), .victim = NO);
  expect_no(text_of(&unknown, 120), "again from");
}

/* -- the finer points: each condition in its turn ------------------------------------------------------------------------- */

static void expect_cause(const struct story *s, enum story_cause wanted, int line) {
  enum story_cause cause = cause_of(s);
  if (cause != wanted)
    fail_msg("line %d: cause %d instead of %d:\n%s", line, cause, wanted, text_of(s, 120));
  check_story(s);
}

#define CASE(wanted, how, p, o, who, ...)                                                                                  \
  do {                                                                                                                     \
    const struct story_step st_[] = {__VA_ARGS__};                                                                         \
    const struct story s_ = STORY(how, p, o, st_, .message = "m", .victim = (who));                                        \
    expect_cause(&s_, CAUSE_##wanted, __LINE__);                                                                           \
  } while (0)

static void lost_or_not(void **state) {
  (void)state;
  /* Words are no counts. */
  CASE(UNKNOWN, OUTPUT, three, value_and_lock, NO, GET(1, 0, 3, "false"), SET(2, 0, 3, "false", "true"), SET(1, 0, 3, "true", "false"));
  /* The set failed. */
  CASE(UNKNOWN, OUTPUT, three, value_and_lock, NO, GET(1, 0, 3, "0"), SET(2, 0, 3, "0", "1"),
       DONE(1, VALUE_SET, 0, 3, "x:set()", .rc = -SBX_ETIMEDOUT, .put = "1", .before = "1", .after = "1"));
  /* Nothing was changed between, or by itself, or only elsewhere. */
  CASE(UNKNOWN, OUTPUT, three, value_and_lock, NO, GET(1, 0, 3, "1"), SET(2, 0, 3, "1", "1"), SET(1, 0, 3, "1", "2"));
  CASE(UNKNOWN, OUTPUT, three, two_flags, NO, GET(1, 0, 3, "1"), SET(2, 1, 3, "0", "1"), SET(1, 0, 3, "1", "2"));
  /* The wait was before. */
  CASE(LOST_UPDATE, OUTPUT, three, condition, NO, WAIT(1, 1, 2), BACK(1, 1, 2), GET(1, 0, 3, "0"), SET(2, 0, 3, "0", "1"),
       SET(1, 0, 3, "1", "1"));
  /* Of a deadlock only a count can be the reason. */
  CASE(UNKNOWN, DEADLOCK, three, value_and_lock, NO, GET(1, 0, 3, "\"a\""), SET(2, 0, 3, "\"a\"", "\"b\""), SET(1, 0, 3, "\"b\"", "\"c\""));
  CASE(LOST_UPDATE, DEADLOCK, three, value_and_lock, NO, GET(1, 0, 3, "0"), SET(2, 0, 3, "0", "1"), SET(1, 0, 3, "1", "1"));
}

static void tested_or_not(void **state) {
  (void)state;
  /* What is not looked at by the one that failed does not matter. */
  CASE(UNKNOWN, ERROR, three, value_and_lock, 0, GET(1, 0, 3, "1"), GET(2, 0, 3, "1"), ADD(2, 0, 4, "1", "0"), ADD(1, 0, 4, "0", "-1"));
  /* The other did something else. */
  CASE(UNKNOWN, OUTPUT, three, value_and_lock, NO, GET(1, 0, 3, "1"), GET(2, 0, 3, "1"), SET(2, 0, 4, "1", "0"), ADD(1, 0, 4, "0", "-1"));
  CASE(CHECK_THEN_ACT, OUTPUT, three, value_and_lock, NO, GET(1, 0, 3, "false"), GET(2, 0, 3, "false"), SET(2, 0, 4, "false", "true"),
       SET(1, 0, 4, "true", "true"));
  /* Two flags: the other one looked at another, or has not looked. */
  CASE(UNKNOWN, OUTPUT, three, two_flags, NO, GET(1, 1, 3, "false"), GET(2, 1, 7, "false"), SET(2, 1, 8, "false", "true"),
       SET(1, 0, 4, "false", "true"));
  CASE(UNKNOWN, OUTPUT, three, two_flags, NO, GET(2, 0, 7, "false"), SET(2, 1, 8, "false", "true"), SET(1, 0, 4, "false", "true"));
  CASE(UNKNOWN, OUTPUT, three, two_flags, NO, GET(1, 1, 3, "false"), SET(2, 1, 8, "false", "true"), SET(1, 0, 4, "false", "true"));
}

static void the_same_or_not(void **state) {
  (void)state;
  CASE(ABA, ERROR, three, value_and_lock, NO, GET(1, 0, 3, "1"), CAS(2, "1", "2"), CAS(2, "2", "1"), CAS(1, "1", "3"));
  /* It has looked again; it compares with something else; it did it itself. */
  CASE(UNKNOWN, ERROR, three, value_and_lock, NO, GET(1, 0, 3, "1"), CAS(2, "1", "2"), CAS(2, "2", "1"), GET(1, 0, 3, "1"), CAS(1, "1", "3"));
  CASE(UNKNOWN, ERROR, three, value_and_lock, NO, GET(1, 0, 3, "0"), CAS(2, "0", "2"), CAS(2, "2", "1"), CAS(1, "1", "3"));
  CASE(UNKNOWN, ERROR, three, value_and_lock, 0, GET(1, 0, 3, "1"), CAS(2, "1", "2"), CAS(2, "2", "1"), CAS(1, "1", "3"));
}

static void told_or_not(void **state) {
  (void)state;
  CASE(IF_FOR_WHILE, ERROR, three, condition, 1, WAIT(1, 1, 5), SET(0, 0, 8, "0", "1"), NOTIFY(0, 1, 9, 1), SET(2, 0, 6, "1", "0"),
       BACK(1, 1, 5), ADD(1, 0, 6, "0", "-1"));
  /* It fails by looking. */
  CASE(IF_FOR_WHILE, ERROR, three, condition, 1, WAIT(1, 1, 5), SET(0, 0, 8, "0", "1"), NOTIFY(0, 1, 9, 1), SET(2, 0, 6, "1", "0"),
       BACK(1, 1, 5), GET(1, 0, 6, "0"));
  CASE(UNKNOWN, ERROR, three, condition, 2, WAIT(1, 1, 5), SET(0, 0, 8, "0", "1"), NOTIFY(0, 1, 9, 1), SET(2, 0, 6, "1", "0"),
       BACK(1, 1, 5), GET(1, 0, 6, "0"));
  /* The wait has timed out; another was notified. */
  CASE(UNKNOWN, ERROR, three, condition, 1, WAIT(1, 1, 5), SET(0, 0, 8, "0", "1"), NOTIFY(0, 1, 9, 1), SET(2, 0, 6, "1", "0"),
       DONE(1, CONDITION_WAIT, 1, 5, "c:wait(1)", .rc = -SBX_ETIMEDOUT, .phase = 3), ADD(1, 0, 6, "0", "-1"));
  CASE(UNKNOWN, ERROR, three, condition, 1, WAIT(1, 1, 5), SET(0, 0, 8, "0", "1"), NOTIFY(0, 1, 9, 2), SET(2, 0, 6, "1", "0"),
       BACK(1, 1, 5), ADD(1, 0, 6, "0", "-1"));
  /* It now waits in a queue of which another has taken the item. */
  const struct story_process gets[] = {RUNS("main"), STUCK("a#2", "get of q", "x.lua:6", NO, 0), RUNS("b#3")};
  const struct story_object o[] = {{OBJECT_QUEUE, "q", true}, {OBJECT_CONDITION, "c", false}};
  CASE(IF_FOR_WHILE, DEADLOCK, gets, o, NO, LEN(1, 0, 4, "0 items", "0 items"), WAIT(1, 1, 5), PUT(0, 0, 8, "0 items", "1 item"),
       NOTIFY(0, 1, 9, 1), TOOK(2, 0, 6, "1 item", "0 items"), BACK(1, 1, 5));
}

static void the_right_one_or_not(void **state) {
  (void)state;
#define FIRST GET(0, 0, 4, "1"), WAIT(0, 1, 5), GET(2, 0, 14, "1"), WAIT(2, 1, 15)
  CASE(WRONG_NOTIFIED, DEADLOCK, sleepers, condition, NO, FIRST, SET(1, 0, 6, "1", "0"), NOTIFY(1, 1, 7, 2), BACK(2, 1, 15),
       GET(2, 0, 14, "0"), WAIT(2, 1, 15));
  /* It could use it; or another was notified since; or it began to wait afterwards, or for another condition. */
  CASE(UNKNOWN, DEADLOCK, sleepers, condition, NO, FIRST, SET(1, 0, 6, "1", "0"), NOTIFY(1, 1, 7, 2), BACK(2, 1, 15),
       SET(2, 0, 14, "0", "5"), GET(2, 0, 14, "5"), WAIT(2, 1, 15));
  CASE(UNKNOWN, DEADLOCK, sleepers, condition, NO, FIRST, SET(1, 0, 6, "1", "0"), NOTIFY(1, 1, 7, 2), BACK(2, 1, 15),
       GET(2, 0, 14, "0"), WAIT(2, 1, 15), NOTIFY(1, 1, 7, 1));
  CASE(UNKNOWN, DEADLOCK, sleepers, condition, NO, GET(2, 0, 14, "1"), WAIT(2, 1, 15), NOTIFY(1, 1, 7, 2), GET(0, 0, 4, "1"), WAIT(0, 1, 5),
       SET(1, 0, 6, "1", "0"), BACK(2, 1, 15), GET(2, 0, 14, "0"), WAIT(2, 1, 15));
}

static void lost_wakeups_or_not(void **state) {
  (void)state;
  /* Changed by itself; set by itself. */
  CASE(UNKNOWN, DEADLOCK, sleeper, condition, NO, GET(1, 0, 4, "false"), SET(1, 0, 4, "false", "true"), NOBODY(2, 1, 10), WAIT(1, 1, 5));
  const struct story_process event[] = {RUNS("main"), STUCK("a#2", "wait of e", "x.lua:5", NO, 3), ENDED("b#3")};
  CASE(UNKNOWN, DEADLOCK, event, condition, NO, DONE(1, EVENT_SET, 3, 8, "e:set()"), DONE(1, EVENT_CLEAR, 3, 9, "e:clear()"));
  /* Notified before it was tested; by itself. */
  CASE(UNKNOWN, DEADLOCK, sleeper, condition, NO, NOBODY(2, 1, 10), GET(1, 0, 4, "false"), SET(2, 0, 9, "false", "true"), WAIT(1, 1, 5));
  CASE(UNKNOWN, DEADLOCK, sleeper, condition, NO, NOBODY(1, 1, 10), WAIT(1, 1, 5));
}

static void locks_held_or_not(void **state) {
  (void)state;
  const struct story_object o[] = {{OBJECT_LOCK, "outer", false}, {OBJECT_LOCK, "l", false}, {OBJECT_CONDITION, "c", false}};
  const struct story_process outer[] = {RUNS("main"), STUCK("a#2", "wait of c", "x.lua:3", NO, 2),
                                        STUCK("b#3", "acquire of outer", "x.lua:6", 1, 0)};
  /* The wait gives back the lock taken last, not the other; but that one was given back. */
  CASE(HELD_WAIT, DEADLOCK, outer, o, NO, TAKE(1, 0, 1), TAKE(1, 1, 2), WAIT(1, 2, 3));
  CASE(UNKNOWN, DEADLOCK, outer, o, NO, TAKE(1, 1, 1), TAKE(1, 0, 2), WAIT(1, 2, 3));
  CASE(UNKNOWN, DEADLOCK, outer, o, NO, TAKE(1, 0, 1), GIVE(1, 0, 1), TAKE(1, 1, 2), WAIT(1, 2, 3));
  CASE(HELD_WAIT, DEADLOCK, outer, o, NO, TAKE(1, 1, 1), GIVE(1, 1, 1), TAKE(1, 0, 1), TAKE(1, 1, 2), WAIT(1, 2, 3));
  /* It has it again, and then waits for something else. */
  const struct story_process other[] = {RUNS("main"), STUCK("a#2", "get of q", "x.lua:3", 2, NO), STUCK("b#3", "acquire of l", "x.lua:6", 1, 1)};
  CASE(HELD_WAIT, DEADLOCK, other, o, NO, TAKE(1, 1, 2), WAIT(1, 2, 3), BACK(1, 2, 3));
  CASE(UNKNOWN, DEADLOCK, other, o, NO, TAKE(1, 1, 2), WAIT(1, 2, 3));
  /* A try in vain takes nothing. */
  CASE(UNKNOWN, DEADLOCK, other, o, NO, DONE(1, LOCK_ACQUIRE, 1, 2, "l:acquire(0)", .rc = -SBX_ETIMEDOUT));
  /* Taken twice, given back once. */
  CASE(HELD_WAIT, DEADLOCK, other, o, NO, TAKE(1, 1, 2), TAKE(1, 1, 2), GIVE(1, 1, 2));
}

static void joins_or_not(void **state) {
  (void)state;
  const struct story_object o[] = {{OBJECT_QUEUE, "q", true}};
  const struct story_process daemons[] = {STUCK("main", "join of a#2", "x.lua:7", 1, NO), STUCK("a#2", "put of q", "x.lua:3", NO, 0),
                                          STUCK("b#3", "join", "the end of the script", NO, NO)};
  CASE(JOIN_BEFORE_DRAIN, DEADLOCK, daemons, o, NO, PUT(1, 0, 3, "0 items", "1 item"));
  const struct story_process calls[] = {STUCK("main", "acquire of l", "x.lua:7", 1, NO), STUCK("a#2", "put of q", "x.lua:3", NO, 0)};
  CASE(UNKNOWN, DEADLOCK, calls, o, NO, PUT(1, 0, 3, "0 items", "1 item"));
  const struct story_process gets[] = {STUCK("main", "join of a#2", "x.lua:7", 1, NO), STUCK("a#2", "get of q", "x.lua:3", NO, 0)};
  CASE(UNKNOWN, DEADLOCK, gets, o, NO, DONE(1, QUEUE_LOOK, 0, 3, "#q", .result = "0 items", .before = "0 items", .after = "0 items"));
}

static void overtaken_or_not(void **state) {
  (void)state;
  const struct story_object o[] = {{OBJECT_LOCK, "room", false}, {OBJECT_LOCK, "l", false}, {OBJECT_QUEUE, "q", false}};
  const struct story_process room[] = {{.name = "w", .waits = "acquire of room", .where = "x.lua:1", .waits_for = NO}, RUNS("a"), RUNS("b")};
  const struct story_step st[] = {TAKE(1, 1, 3), DONE(2, LOCK_ACQUIRE, 0, 2, "room:acquire(0)", .rc = -SBX_ETIMEDOUT), GIVE(1, 1, 4)};
  const struct story s = STORY(STARVES, room, o, st, .loop = 0, .victim = 0);
  expect_line(why_of(&s, CAUSE_OVERTAKING), "nobody takes room or gives it back.");
  const struct story_process queue[] = {{.name = "w", .waits = "get of q", .where = "x.lua:1", .waits_for = NO, .wanted = 2}, RUNS("a"), RUNS("b")};
  const struct story s2 = STORY(STARVES, queue, o, st, .loop = 0, .victim = 0);
  expect_cause(&s2, CAUSE_UNKNOWN, __LINE__);
}

/* Behind each step, how likely a failure is; not in a circle, and not where it is not known. */
static void a_column_of_chances(void **state) {
  (void)state;
  struct story_step st[] = {GET(1, 0, 3, "0"), GET(2, 0, 3, "0"), SET(1, 0, 3, "0", "1"), SET(2, 0, 3, "1", "1")};
  const double p[] = {0.25, 0.5, 0.9999, 1};
  const struct story unknown = STORY(OUTPUT, three, value_and_lock, st, .message = "m", .victim = NO);
  expect_no(text_of(&unknown, 100), "p(fail)");
  for (int i = 0; i < 4; i++)
    st[i].p_fail = p[i];
  const struct story s = STORY(OUTPUT, three, value_and_lock, st, .message = "m", .victim = NO);
  const char *text = text_of(&s, 100);
  expect_line(text, "p(fail)");
  expect_line(text, "  >99 %");
  expect_line(text, "  100 %");
  expect_no(text_of(&s, 40), "p(fail)"); /* no room */
  const struct story circle = STORY(LIVELOCK, three, value_and_lock, st, .loop = 1, .victim = NO);
  expect_no(text_of(&circle, 100), "p(fail)");
}

static void what_is_folded(void **state) {
  (void)state;
  /* What it reads between, of an object of its own, is shown; what another does to another object, and times, are not. */
  const struct story_object o[] = {{OBJECT_VALUE, "count", true}, {OBJECT_VALUE, "own", false}, {OBJECT_VALUE, "far", false}};
  const struct story_step st[] = {
      GET(1, 0, 3, "0"),      DONE(1, VALUE_GET, 1, 4, "own:get()"), DONE(1, CLOCK_NOW, NO, 4, "now()"), DONE(2, VALUE_GET, 2, 4, "far:get()"),
      SET(2, 0, 3, "0", "1"), SET(1, 0, 3, "1", "1"),                DONE(0, VALUE_GET, 2, 4, "far:get()")};
  const struct story s = STORY(OUTPUT, three, o, st, .message = "m", .victim = NO);
  const char *text = text_of(&s, 120);
  expect_line(text, "own:get()");
  expect_line(text, "... 2 steps of a#2 and b#3");
  expect_line(text, "... main: far:get()");
  expect_no(text, "b#3: far:get()");
  expect_no(text, "now()");
}

/* -- the table ----------------------------------------------------------------------------------------------------------- */

static void nothing_at_all(void **state) {
  (void)state;
  const struct story s = {.script = "x.lua", .end = STORY_ERROR, .victim = NO};
  assert_string_equal(text_of(&s, 80), "  wrong: a process failed\n");
  check_story(&s);
}

static void names_that_mean_mischief(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("a\nb\x1b[31mred"), RUNS("\xff\xfe%s%n"), RUNS(NULL)};
  const struct story_object o[] = {{OBJECT_VALUE, "x\r\n\x07", true}, {OBJECT_VALUE, NULL, true}};
  const struct story_step st[] = {
      DONE(0, VALUE_GET, 0, 3, "x:get(\n\t\"a\",\n  2)", .result = "\"\x1b]0;title\x07\"", .before = "\n", .after = "\x1b"),
      DONE(1, VALUE_SET, 0, 3, NULL, .put = "\x80", .before = "1", .after = "\xe2\x80\xae" "2"),
      DONE(2, VALUE_SET, 1, 0, NULL),
      DONE(77, VALUE_SET, 88, -5, NULL),
      DONE(0, VALUE_SET, 0, 4, "x:set(1)", .put = "1", .before = "2", .after = "1"),
  };
  const struct story s = STORY(ERROR, p, o, st, .message = "line 1\nline 2\x1b[2J", .where = "y\n.lua:3", .victim = 99);
  const char *text = text_of(&s, 120);
  for (const char *at = text; *at; at++)
    assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
  expect_line(text, "x:get( \"a\", 2)");
  expect_line(text, "line 1 line 2\\x1b[2J");
  check_story(&s);
}

static void names_in_utf8(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e#1"), RUNS("caf\xc3\xa9#2")};
  const struct story_object o[] = {{OBJECT_VALUE, "z\xc3\xa4hler", true}};
  const struct story_step st[] = {
      DONE(0, VALUE_GET, 0, 3, "z\xc3\xa4hler:get()", .result = "0", .before = "0", .after = "0"),
      DONE(1, VALUE_SET, 0, 3, "z\xc3\xa4hler:set(1)", .put = "1", .before = "0", .after = "1"),
      DONE(0, VALUE_SET, 0, 3, "z\xc3\xa4hler:set(1)", .put = "1", .before = "1", .after = "1"),
  };
  const struct story s = STORY(ERROR, p, o, st, .message = "wrong", .victim = NO);
  struct buf out = {0};
  write_story(&s, 100, false, true, &out);
  golden("story-utf8", &out);
  write_story(&s, 100, true, true, &out);
  golden("story-utf8-color", &out);
  check_story(&s);
}

static void the_step_that_failed(void **state) {
  (void)state;
  const struct story_process p[] = {ENDED("main"), ENDED("a#2"), ENDED("b#3")};
  const struct story_step st[] = {DONE(0, VALUE_SET, 0, 1, "x:set(0)", .put = "0", .after = "0"),
                                  ADD(2, 0, 3, "0", "1"), ADD(2, 0, 4, "1", "0"),
                                  ADD(1, 0, 3, "0", "1"), ADD(2, 0, 5, "1", "2"), DONE(1, FAILURE_NEW, NO, 0, NULL)};
  const struct story s = STORY(ERROR, p, value_and_lock, st, .message = "oops", .where = "dir/x.lua:3", .victim = 0);
  const char *text = text_of(&s, 100);
  expect_line(text, "  wrong: oops (line 3)\n");
  expect_line(text, "      ... main: x:set(0)\n"); /* its first value */
  expect_line(text, "   4  x:add()  line 3                     1       <-- fails here\n");
  expect_line(text, "      ... 2 steps of b#3 and a#2\n"); /* after it */
  /* In another file. */
  const struct story s2 = STORY(ERROR, p, value_and_lock, st, .message = "oops", .where = "y.lua:3", .victim = 0);
  expect_line(text_of(&s2, 100), "  wrong: oops (y.lua:3)\n");
  expect_no(text_of(&s2, 100), "fails here");
}

static void ended_and_waiting(void **state) {
  (void)state;
  const struct story_process p[] = {ENDED("a"), STUCK("b", "wait of e", "x.lua:9", NO, 3)};
  const struct story_step st[] = {ADD(0, 0, 3, "0", "1"), ADD(1, 0, 7, "1", "2"), ADD(1, 0, 8, "2", "3", .last_chance = true)};
  const struct story s = STORY(DEADLOCK, p, condition, st, .victim = NO);
  assert_string_equal(text_of(&s, 100), "  deadlock: 1 process waits for ever\n"
                                        "\n"
                                        "  the schedule:\n"
                                        "      a                 b                        ready\n"
                                        "   1  x:add()  line 3                            1\n"
                                        "   2  ended             x:add()         line 7   2\n"
                                        "   3                    x:add()         line 8   3       <-- the last good moment: had b waited\n"
                                        "                                                             here, all could have ended well\n"
                                        "                        waits for ever  line 9\n"
                                        "      b waits for ever in wait at line 9 for e\n");
}

static void a_large_circle_of_long_names(void **state) {
  (void)state;
  enum { N = 300 };
  static char names[2 * N][400];
  static struct story_process p[N];
  static struct story_object o[N];
  static struct story_step st[N];
  for (uint32_t i = 0; i < N; i++) {
    memset(names[i], 'p', 200);
    snprintf(names[i] + 100 + i % 100, 100, "#%u", i);
    snprintf(names[N + i], sizeof names[0], "forks[%0*u]", (int)(i % 50), i);
    p[i] = (struct story_process)CIRCLE(names[i], "acquire of a fork", "x.lua:8", (i + 1) % N, (i + 1) % N);
    o[i] = (struct story_object){OBJECT_LOCK, names[N + i], i % 40 == 0};
    st[i] = (struct story_step)DONE(i, LOCK_ACQUIRE, i, 7, names[N + i], .before = "free", .after = names[i], .last_chance = i == 7);
  }
  const struct story s = {.script = "x.lua", .end = STORY_DEADLOCK, .victim = NO, .processes = p, .process_count = N, .objects = o,
                          .object_count = N, .steps = st, .step_count = N};
  assert_int_equal(cause_of(&s), CAUSE_LOCK_ORDER);
  const char *text = text_of(&s, 120);
  expect_line(text, "deadlock: 300 processes wait for ever");
  expect_line(text, "        ... 284 more\n");
  check_story(&s);
}

/* Is the member of the JSON at this path as wanted? `list` NULL: of the whole. */
static void expect_member(const struct buf *json, const char *list, int index, const char *name, const char *wanted) {
  const char *all = (const char *)json->data, *end = all + json->len - 1;
  const char *at = list ? json_find(json_find(all, end, list, -1), end, NULL, index) : all;
  if (!json_equal(json_find(at, end, name, -1), end, wanted))
    fail_msg("%s[%d].%s is not %s in %s", list ? list : "", index, name, wanted, all);
}

static void all_of_it_as_json(void **state) {
  (void)state;
  const struct story_process p[] = {RUNS("a\"\n</script>"), STUCK("b", "wait of e", "x.lua:9", 0, 0)};
  const struct story_object o[] = {{OBJECT_VALUE, "count", true}};
  const struct story_step st[] = {DONE(0, VALUE_GET, 0, 3, "count:get()", .result = "0", .before = "0", .after = "0", .text = "x < y"),
                                  DONE(1, VALUE_SET, 0, 4, "count:set(1)", .put = "1", .before = "0", .after = "1", .preempts = true),
                                  {.process = 0, .kind = OP_VALUE_SET, .object = 0, .over = true, .woke = 1, .p_fail = 0.25, .put = "1",
                                   .before = "1", .after = "1", .last_chance = true}};
  const struct story s = STORY(OUTPUT, p, o, st, .message = "it printed \xff", .victim = NO);
  struct buf json = {0};
  assert_int_equal(story_json(&s, &json), 0);
  assert_int_equal(buf_append_byte(&json, 0), 0);
  assert_true(json_is_valid((const char *)json.data, json.len - 1));
  expect_member(&json, NULL, 0, "end", "\"output\"");
  expect_member(&json, NULL, 0, "cause", "\"lost update\"");
  expect_member(&json, NULL, 0, "message", "\"it printed \xef\xbf\xbd\"");
  expect_member(&json, "processes", 0, "name", "\"a\\\"\\n\\u003c/script\\u003e\"");
  expect_member(&json, "processes", 1, "stuck", "true");
  expect_member(&json, "processes", 1, "waits_for", "0");
  expect_member(&json, "objects", 0, "type", "\"value\"");
  expect_member(&json, "steps", 0, "line", "3");
  expect_member(&json, "steps", 0, "text", "\"x \\u003c y\"");
  expect_member(&json, "steps", 1, "op", "\"set\"");
  expect_member(&json, "steps", 1, "preempts", "true");
  expect_member(&json, "steps", 2, "p_fail", "0.25");
  expect_member(&json, "steps", 2, "woke", "1");
  expect_member(&json, "steps", 2, "note", "\"overwrites it: b's addition is lost\"");
  buf_release(&json);
}

/* Lines can be one step if they follow each other in one file; what came of it stands below what was advised. */
static void what_can_be_checked(void **state) {
  (void)state;
  const struct story_process p[] = {ENDED("main"), ENDED("a"), ENDED("b")};
  const struct story_object o[] = {{.type = OBJECT_VALUE, .name = "n", .shown = true}};
  struct story_step steps[] = {
      DONE(1, VALUE_GET, 0, 4, "n:get()", .result = "0", .before = "0", .after = "0"),
      DONE(2, VALUE_GET, 0, 4, "n:get()", .result = "0", .before = "0", .after = "0"),
      DONE(2, VALUE_SET, 0, 6, "n:set(1)", .put = "1", .before = "0", .after = "1"),
      DONE(1, VALUE_SET, 0, 6, "n:set(1)", .put = "1", .before = "1", .after = "1"),
  };
  struct story s = STORY(ERROR, p, o, steps, .victim = NO, .message = "n is 1");
  struct story_proposal found;
  story_propose(&s, &found);
  assert_int_equal(found.check, CHECK_ONE_STEP);
  assert_int_equal(found.count, 1);
  assert_int_equal(found.lines[0].step, 0);
  assert_int_equal(found.lines[0].first, 4);
  assert_int_equal(found.lines[0].last, 6);
  expect_no(text_of(&s, 100), "checked:");
  s.checked = "with lines 4 to 6 in one step, both interleavings that are left end well";
  expect_line(text_of(&s, 100), "\n  checked: with lines 4 to 6 in one step, both interleavings that are left end well.\n");
  check_story(&s);
  steps[0].line = steps[1].line = 7; /* a loop: what is read in its last line is used in its first */
  story_propose(&s, &found);
  assert_int_equal(found.check, CHECK_NOTHING);
  steps[0].line = steps[1].line = 4;
  steps[0].source = steps[1].source = "y.lua";
  story_propose(&s, &found);
  assert_int_equal(found.check, CHECK_NOTHING);
}

static void a_thousand_steps(void **state) {
  (void)state;
  enum { N = 1000 };
  const struct story_process p[] = {RUNS("a"), RUNS("b"), RUNS("reader#4")};
  const struct story_object o[] = {{OBJECT_VALUE, "count", true}, {OBJECT_VALUE, "other", false}};
  struct story_step *st = calloc(N, sizeof *st);
  for (int i = 0; i < N; i++)
    st[i] = (struct story_step)DONE((uint32_t)(i % 3), VALUE_ADD, i % 3 == 2, 3, "x:add(1)", .before = "1", .after = "2");
  const struct story s = {.script = "x.lua", .end = STORY_ERROR, .message = "wrong", .victim = NO, .processes = p,
                          .process_count = 3, .objects = o, .object_count = 2, .steps = st, .step_count = N};
  const char *text = text_of(&s, 100);
  uint32_t lines = 0;
  for (const char *at = text; *at; at++)
    lines += *at == '\n';
  assert_in_range(lines, 60, 130);
  expect_line(text, " steps of a, b and reader#4");
  expect_line(text, "... reader#4: x:add(1)");
  expect_line(text, "1000  x:add(1)");
  check_story(&s);
  free(st);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lost_update),
      cmocka_unit_test(philosophers),
      cmocka_unit_test(a_lost_wakeup),
      cmocka_unit_test(if_instead_of_while),
      cmocka_unit_test(aba),
      cmocka_unit_test(a_starving_writer),
      cmocka_unit_test(updates_that_are_not_lost),
      cmocka_unit_test(an_update_lost_beside_a_lock),
      cmocka_unit_test(lost_entries_of_a_dict),
      cmocka_unit_test(checked_then_acted),
      cmocka_unit_test(two_flags_tested_then_set),
      cmocka_unit_test(an_item_taken_between),
      cmocka_unit_test(locks_in_two_orders),
      cmocka_unit_test(locks_that_have_the_same_name),
      cmocka_unit_test(waits_while_it_holds_a_lock),
      cmocka_unit_test(joined_before_it_was_drained),
      cmocka_unit_test(notified_before_it_waited),
      cmocka_unit_test(set_and_cleared_before_it_waited),
      cmocka_unit_test(looked_again_when_woken),
      cmocka_unit_test(the_wrong_one_notified),
      cmocka_unit_test(compared_and_really_the_same),
      cmocka_unit_test(ended_with_a_lock),
      cmocka_unit_test(ended_with_a_unit),
      cmocka_unit_test(an_end_for_each_reader),
      cmocka_unit_test(read_until_it_was_empty),
      cmocka_unit_test(overtaken_at_the_lock),
      cmocka_unit_test(a_livelock),
      cmocka_unit_test(lost_or_not),
      cmocka_unit_test(tested_or_not),
      cmocka_unit_test(the_same_or_not),
      cmocka_unit_test(told_or_not),
      cmocka_unit_test(the_right_one_or_not),
      cmocka_unit_test(lost_wakeups_or_not),
      cmocka_unit_test(locks_held_or_not),
      cmocka_unit_test(joins_or_not),
      cmocka_unit_test(overtaken_or_not),
      cmocka_unit_test(a_column_of_chances),
      cmocka_unit_test(what_is_folded),
      cmocka_unit_test(nothing_at_all),
      cmocka_unit_test(names_that_mean_mischief),
      cmocka_unit_test(names_in_utf8),
      cmocka_unit_test(the_step_that_failed),
      cmocka_unit_test(ended_and_waiting),
      cmocka_unit_test(a_large_circle_of_long_names),
      cmocka_unit_test(all_of_it_as_json),
      cmocka_unit_test(what_can_be_checked),
      cmocka_unit_test(a_thousand_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
