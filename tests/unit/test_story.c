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

__attribute__((unused)) static void expect_no(const char *text, const char *part) {
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
__attribute__((unused)) static const char *why_of(const struct story *s, enum story_cause wanted) {
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
  expect_line(text, "... 1 step of reader#4");
  expect_line(text, "1000  x:add(1)");
  check_story(&s);
  free(st);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lost_update), cmocka_unit_test(philosophers), cmocka_unit_test(a_lost_wakeup),
      cmocka_unit_test(if_instead_of_while), cmocka_unit_test(aba), cmocka_unit_test(a_starving_writer),
      cmocka_unit_test(nothing_at_all), cmocka_unit_test(names_that_mean_mischief), cmocka_unit_test(names_in_utf8),
      cmocka_unit_test(a_thousand_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
