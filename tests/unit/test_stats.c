/* look/trace/stats*.c - sums of models made by hand, as text held against files and as JSON; random
 * ones, of which size, encoding and syntax are checked. */
#include "unit/trace_fixture.h"

#include <stdio.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/utf8.h"
#include "base/width.h"
#include "look/trace/stats.h"
#include "unit/golden.h"
#include "unit/json_check.h"

static int release(void **state) {
  (void)state;
  trace_model_release(&model);
  return 0;
}

static struct buf text(int columns, bool ascii, bool color) {
  struct buf out = {0};
  const struct style style = {.columns = columns, .color = color, .ascii = ascii};
  assert_int_equal(stats_text(&model, &style, &out), 0);
  return out;
}

static void expect(const char *name, int columns, bool ascii, bool color) {
  struct buf out = text(columns, ascii, color);
  golden(name, &out);
}

static struct buf json(void) {
  struct buf out = {0};
  assert_int_equal(stats_json(&model, &out), 0);
  assert_int_equal(buf_append_byte(&out, '\0'), 0);
  out.len--;
  return out;
}

/* -- text --------------------------------------------------------------------------------------- */

static void texts(void **state) {
  (void)state;
  run_serial();
  expect("stats-serial-80", 80, false, false);
  run_producers();
  expect("stats-producers-40", 40, false, false);
  expect("stats-producers-80", 80, false, false);
  expect("stats-producers-80-color", 80, false, true);
  run_deadlock();
  expect("stats-deadlock-80-color", 80, false, true);
  run_many(500);
  expect("stats-500-200-ascii", 200, true, false);
  run_pool(8);
  expect("stats-pool-80", 80, false, false);
  fixture_begin("sandbox empty.lua");
  fixture_end(0);
  expect("stats-empty", 80, false, false);
}

static void facts_are_told(void **state) {
  (void)state;
  fixture_begin("sandbox facts.lua");
  add_process(1, 0, "main", 0, S(2))->failure = "facts.lua:3: no such file";
  model.processes[0].how = TRACE_FAILED;
  model.facts.cpu_ns = S(0.25);
  model.facts.speed = 20;
  model.facts.lost = 1234;
  model.facts.nameless = 3;
  model.facts.cut = true;
  model.facts.exit_status = 1;
  fixture_end(S(2));
  expect("stats-facts-80", 80, false, false);
}

static bool tells_of(const struct buf *out, uint32_t id) {
  char wanted[32];
  snprintf(wanted, sizeof wanted, "\np#%u ", (unsigned)id);
  return strstr((const char *)out->data, wanted) != NULL;
}

/* Of many processes those are shown that did not end well. */
static void bad_ends_come_first(void **state) {
  (void)state;
  fixture_begin("x");
  for (uint32_t i = 1; i <= 40; i++)
    add_process(i, i > 1, "p", 0, S(1))->how = i % 10 == 0 ? TRACE_FAILED : TRACE_DONE;
  fixture_end(S(1));
  struct buf out = text(80, false, false);
  assert_int_equal(buf_append_byte(&out, '\0'), 0);
  for (uint32_t i = 2; i <= 40; i++)
    assert_true(tells_of(&out, i) == (i % 10 == 0 || i <= 13));
  assert_non_null(strstr((const char *)out.data, "\n+ 24 more\n"));
  buf_release(&out);
}

/* -- JSON --------------------------------------------------------------------------------------- */

static void expect_member(const struct buf *out, const char *list, int row, const char *name, const char *wanted) {
  const char *all = (const char *)out->data, *end = all + out->len, *at = all;
  if (list)
    at = json_find(json_find(at, end, list, -1), end, NULL, row);
  at = json_find(at, end, name, -1);
  if (!json_equal(at, end, wanted))
    fail_msg("%s[%d].%s is not %s but %.40s", list ? list : "", row, name, wanted, at ? at : "missing");
}

static void numbers_as_json(void **state) {
  (void)state;
  run_producers();
  model.facts.seed = UINT64_MAX;
  model.facts.cpu_ns = 1;
  struct buf out = json();
  assert_true(json_is_valid((const char *)out.data, out.len));
  expect_member(&out, NULL, 0, "command", "\"sandbox scripts/producers.lua\"");
  expect_member(&out, NULL, 0, "seed", "18446744073709551615");
  expect_member(&out, NULL, 0, "detail", "\"merged\"");
  expect_member(&out, NULL, 0, "started", "null");
  expect_member(&out, NULL, 0, "seconds", "7.5");
  expect_member(&out, NULL, 0, "cpu_seconds", "0.000000001");
  expect_member(&out, NULL, 0, "messages", "12");
  expect_member(&out, NULL, 0, "most_alive", "6");
  expect_member(&out, NULL, 0, "deadlock", "null");
  expect_member(&out, NULL, 0, "oldest_dropped", "false");
  expect_member(&out, "waits", 0, "op", "\"put\"");
  expect_member(&out, "waits", 0, "object", "\"counter#1\"");
  expect_member(&out, "waits", 0, "type", "\"queue\"");
  expect_member(&out, "waits", 0, "where", "\"producers.lua:21\"");
  expect_member(&out, "waits", 0, "waits", "9");
  expect_member(&out, "waits", 0, "processes", "3");
  expect_member(&out, "waits", 1, "object", "\"ann#2\"");
  expect_member(&out, "waits", 1, "type", "\"process\"");
  expect_member(&out, "waits", 1, "seconds", "2.1");
  expect_member(&out, NULL, 0, "waits_more", "0");
  expect_member(&out, "queues", 0, "items", "12");
  expect_member(&out, "queues", 0, "most", "3");
  expect_member(&out, "queues", 0, "capacity", "3");
  expect_member(&out, "processes", 0, "parent", "null");
  expect_member(&out, "processes", 1, "parent", "1");
  expect_member(&out, "processes", 1, "begin", "0.1");
  expect_member(&out, "processes", 1, "queue", "2.97");
  expect_member(&out, "processes", 1, "items_out", "4");
  expect_member(&out, "processes", 4, "items_in", "6");
  buf_release(&out);
}

static void ends_as_json(void **state) {
  (void)state;
  fixture_begin("x");
  add_process(1, 0, "main", 0, S(2));
  struct trace_process *p = add_process(2, 1, "a", 0, S(1));
  p->how = TRACE_FAILED;
  p->exit_code = 3;
  p->failure = "x.lua:1: \"quoted\" </script>";
  add_process(3, 1, "b", 0, S(1))->how = TRACE_KILLED;
  add_process(4, 1, "", 0, S(1))->how = TRACE_ALIVE;
  add_process(5, 1, "d", 0, S(1))->how = TRACE_LEFT_BEHIND;
  model.facts.exit_status = -1;
  model.facts.deadlock = "all wait";
  fixture_end(S(2));
  struct buf out = json();
  assert_true(json_is_valid((const char *)out.data, out.len));
  expect_member(&out, NULL, 0, "ends", "{\"done\":1,\"failed\":1,\"killed\":1,\"ended\":1,\"alive\":1}");
  expect_member(&out, NULL, 0, "exit_status", "null");
  expect_member(&out, NULL, 0, "deadlock", "\"all wait\"");
  expect_member(&out, "processes", 0, "exit_code", "0");
  expect_member(&out, "processes", 0, "signal", "null");
  expect_member(&out, "processes", 0, "name", "\"main\"");
  for (int i = 1; i < 4; i++) { /* they began at the same time: by id */
    expect_member(&out, "processes", i, "how", i == 1 ? "\"failed\"" : i == 2 ? "\"killed\"" : "\"alive\"");
    expect_member(&out, "processes", i, "exit_code", i == 1 ? "3" : "null");
    expect_member(&out, "processes", i, "signal", i == 2 ? "9" : "null");
    expect_member(&out, "processes", i, "failure", i == 1 ? "\"x.lua:1: \\\"quoted\\\" \\u003c/script\\u003e\"" : "null");
    expect_member(&out, "processes", i, "name", i == 1 ? "\"a\"" : i == 2 ? "\"b\"" : "null");
  }
  buf_release(&out);
}

static void long_lists_are_cut(void **state) {
  (void)state;
  fixture_begin("x");
  add_process(1, 0, "main", 0, S(100));
  for (uint32_t i = 1; i <= 70; i++) {
    add_object(i, OBJECT_QUEUE, "", 0);
    waits(1, OP_QUEUE_GET, i, S(i), S(i + 0.01 * i), "x.lua:1");
  }
  fixture_end(S(100));
  struct buf out = json();
  assert_true(json_is_valid((const char *)out.data, out.len));
  expect_member(&out, "waits", 0, "object", "\"queue#70\"");
  expect_member(&out, "waits", 49, "object", "\"queue#21\"");
  expect_member(&out, NULL, 0, "waits_more", "20");
  expect_member(&out, NULL, 0, "queues_more", "20");
  const char *end = (const char *)out.data + out.len;
  assert_null(json_find(json_find((const char *)out.data, end, "waits", -1), end, NULL, 50));
  buf_release(&out);
}

/* The checker is not blind. */
static void what_is_not_json_is_found(void **state) {
  (void)state;
  static const char *const bad[] = {"", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[01]", "[1.]", "[.5]", "[1e]", "\"\n\"",
                                    "\"\\x\"", "\"\\u12g4\"", "\"\xff\"", "nul", "[1 2]", "{\"a\" 1}", "1 1", "[nan]", "\"a"};
  static const char *const good[] = {"0", "-0.5e+10", "[]", "{}", " [ 1 , \"\\u00e9\\n\xc3\xa9\" , {\"a\" : null}] "};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(json_is_valid(bad[i], strlen(bad[i])));
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_true(json_is_valid(good[i], strlen(good[i])));
}

/* -- any model ---------------------------------------------------------------------------------- */

static void check_lines(const struct buf *out, int columns, bool ascii) {
  const char *all = (const char *)out->data;
  for (size_t at = 0, begin = 0; at < out->len;) {
    uint32_t c;
    size_t bytes = utf8_next(all + at, out->len - at, &c);
    assert_int_not_equal(c, UTF8_BAD);
    assert_true(c == '\n' || (c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && (!ascii || c < 0x7f)));
    if (c == '\n') {
      if (width_of(all + begin, at - begin) > columns)
        fail_msg("wider than %d: %.*s", columns, (int)(at - begin), all + begin);
      begin = at + 1;
    }
    at += bytes;
  }
}

static void random_models(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 500; seed++) {
    random_run(seed);
    int columns = 80 + (int)random_below(100);
    bool ascii = random_below(2);
    struct buf out = text(columns, ascii, false);
    check_lines(&out, columns, ascii);
    buf_release(&out);
    out = json();
    if (!json_is_valid((const char *)out.data, out.len))
      fail_msg("seed %u: %s", (unsigned)seed, (const char *)out.data);
    assert_null(strpbrk((const char *)out.data, "<>&"));
    buf_release(&out);
  }
}

static void without_memory(void **state) {
  (void)state;
  run_producers();
  const struct style style = {.columns = 80, .color = true};
  for (int kind = 0; kind < 2; kind++) {
    int n = 1, rc = -SBX_ENOMEM;
    for (; rc; n++) {
      struct buf out = {0};
      char plan[40];
      snprintf(plan, sizeof plan, "buf.alloc:%d:fail", n);
      fault_plan(plan);
      rc = kind ? stats_text(&model, &style, &out) : stats_json(&model, &out);
      fault_plan(NULL);
      assert_true(rc == 0 || rc == -SBX_ENOMEM);
      buf_release(&out);
    }
    assert_true(n > 5);
  }
}

#define TEST(f) cmocka_unit_test_teardown(f, release)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(texts),
      TEST(facts_are_told),
      TEST(bad_ends_come_first),
      TEST(numbers_as_json),
      TEST(ends_as_json),
      TEST(long_lists_are_cut),
      TEST(what_is_not_json_is_found),
      TEST(random_models),
      TEST(without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
