/* A run as JSON for Chrome: what is in it. That any name gives valid JSON is seen by cli/trace_spec.lua,
 * which parses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "look/trace/json.h"
#include "the_model.h"

static int append(void *ctx, const void *data, size_t len) { return buf_append(ctx, data, len); }

static void process(uint32_t id, const char *name, int64_t to, enum trace_end how) {
  const struct trace_process p = {.id = id,
                                  .parent = id > 1,
                                  .name = name,
                                  .spawned_at = id > 1 ? "a.lua:3" : "",
                                  .failure = "",
                                  .end_ns = to,
                                  .how = how,
                                  .signal = 9};
  assert_int_equal(trace_add_process(&m, &p), 0);
}

static void event(uint32_t process_id, enum op_kind kind, int64_t t, int64_t duration,
                  unsigned flags, uint32_t count, uint64_t n) {
  struct trace_event e = {.t_ns = t,
                          .duration_ns = duration,
                          .kind = (uint16_t)kind,
                          .flags = (uint16_t)flags,
                          .process = process_id,
                          .object = kind == OP_CLOCK_SLEEP ? 0 : 1,
                          .count = count,
                          .n = n};
  if (flags & TRACE_WAITED)
    assert_int_equal(trace_add_string(&m, "a.lua:9", &e.where), 0);
  assert_int_equal(trace_add_event(&m, &e), 0);
}

static void expect_json(const char *expected) {
  struct buf out = {0};
  assert_int_equal(trace_model_finish(&m), 0);
  assert_int_equal(trace_json(&m, &(struct trace_sink){append, &out}), 0);
  assert_int_equal(buf_append_byte(&out, 0), 0);
  assert_string_equal((const char *)out.data, expected);
  buf_release(&out);
}

#define HEAD(command, more, process)                                                               \
  "{\"displayTimeUnit\":\"ns\",\n\"otherData\":{" command                                          \
  "\"seed\":\"0\",\"detail\":\"merged\"" more ",\"speed\":1},\n\"traceEvents\":[\n"                \
  "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":{\"name\":\"" process "\"}}"

static void test_an_empty_run(void **state) {
  (void)state;
  expect_json(HEAD("", "", "sandbox") "\n]}\n");
}

static void test_what_is_told(void **state) {
  (void)state;
  struct trace_facts facts = m.facts;
  facts.command = "a \"b\"";
  facts.exit_status = 0;
  assert_int_equal(trace_set_facts(&m, &facts), 0);
  process(1, "main", 5001, TRACE_DONE);
  process(2, "w", 4000, TRACE_KILLED);
  const struct trace_object o = {.id = 1, .type = OBJECT_QUEUE, .name = "<q>", .made_at = ""};
  assert_int_equal(trace_add_object(&m, &o), 0);
  event(1, OP_QUEUE_PUT, 1000, 0, 0, 1, 1);
  event(2, OP_QUEUE_GET, 500, 700, TRACE_WAITED, 1, 1);
  event(2, OP_CLOCK_SLEEP, 2000, 2000, TRACE_WAITED | TRACE_UNFINISHED, 1, 0);
  struct trace_mark k = {.t_ns = 10, .process = 1};
  assert_int_equal(trace_add_string(&m, "here", &k.name), 0);
  assert_int_equal(trace_add_mark(&m, &k), 0);
  k.counter = true;
  k.value = 0.5;
  assert_int_equal(trace_add_mark(&m, &k), 0);
  k.value = NAN; /* JSON has none */
  assert_int_equal(trace_add_mark(&m, &k), 0);
  expect_json(HEAD("\"command\":\"a \\\"b\\\"\",", ",\"exit status\":\"0\"", "a \\\"b\\\"") ",\n"
#define ROW(ph, cat, name, tid) \
  "{\"ph\":\"" ph "\",\"cat\":\"" cat "\",\"name\":\"" name "\",\"pid\":1,\"tid\":" tid
    ROW("M", "__metadata", "thread_name", "1") ",\"args\":{\"name\":\"main\"}},\n"
    ROW("X", "process", "main", "1") ",\"ts\":0.000,\"dur\":5.001,\"args\":{\"end\":\"done\"}},\n"
    ROW("X", "op", "put \\u003cq\\u003e#1", "1") ",\"ts\":1.000,\"dur\":0.001,\"args\":{\"op\":\"put\","
      "\"object\":\"\\u003cq\\u003e#1\",\"item\":1}},\n"
    ROW("M", "__metadata", "thread_name", "2") ",\"args\":{\"name\":\"w#2\"}},\n"
    ROW("X", "process", "w#2", "2") ",\"ts\":0.000,\"dur\":4.000,\"args\":{\"end\":\"killed\","
      "\"parent\":\"main\",\"spawned at\":\"a.lua:3\",\"signal\":9}},\n"
    ROW("X", "wait", "get \\u003cq\\u003e#1", "2") ",\"ts\":0.500,\"dur\":0.700,\"args\":{\"op\":\"get\","
      "\"object\":\"\\u003cq\\u003e#1\",\"item\":1,\"where\":\"a.lua:9\"}},\n"
    ROW("X", "wait", "sleep", "2") ",\"ts\":2.000,\"dur\":2.000,\"args\":{\"op\":\"sleep\","
      "\"where\":\"a.lua:9\",\"result\":\"unfinished\"}},\n"
    ROW("s", "item", "item", "1") ",\"ts\":1.000,\"id\":1},\n"
    ROW("f", "item", "item", "2") ",\"ts\":1.199,\"id\":1,\"bp\":\"e\"},\n"
    ROW("C", "counter", "\\u003cq\\u003e#1", "0") ",\"ts\":1.000,\"args\":{\"items\":1}},\n"
    ROW("C", "counter", "\\u003cq\\u003e#1", "0") ",\"ts\":1.200,\"args\":{\"items\":0}},\n"
    ROW("i", "mark", "here", "1") ",\"ts\":0.010,\"s\":\"t\"},\n"
    ROW("C", "counter", "here of main", "0") ",\"ts\":0.010,\"args\":{\"value\":0.5}}\n]}\n");
}

/* Runs of ops that overlap are on rows of their own, where slices nest. */
static void test_runs_that_overlap(void **state) {
  (void)state;
  process(1, "main", 9000, TRACE_DONE);
  event(1, OP_QUEUE_PUT, 1000, 2000, TRACE_SEVERAL, 5, 0);
  event(1, OP_QUEUE_GET, 2000, 2000, TRACE_SEVERAL, 5, 0);
  struct buf out = {0};
  assert_int_equal(trace_model_finish(&m), 0);
  assert_int_equal(trace_json(&m, &(struct trace_sink){append, &out}), 0);
  assert_int_equal(buf_append_byte(&out, 0), 0);
  const char *json = (const char *)out.data;
  assert_non_null(strstr(json, "\"name\":\"put queue#1\",\"pid\":1,\"tid\":4294967297,"));
  assert_non_null(strstr(json, "\"name\":\"get queue#1\",\"pid\":1,\"tid\":8589934593,"));
  assert_non_null(strstr(json, "\"tid\":8589934593,\"args\":{\"name\":\"main: runs of ops\"}"));
  buf_release(&out);
}

static int refuse(void *ctx, const void *data, size_t len) {
  (void)ctx;
  (void)data;
  (void)len;
  return -SBX_ENOSPC;
}

static void test_a_sink_that_fails(void **state) {
  (void)state;
  assert_int_equal(trace_model_finish(&m), 0);
  assert_int_equal(trace_json(&m, &(struct trace_sink){refuse, NULL}), -SBX_ENOSPC);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_an_empty_run, begin, end),
      cmocka_unit_test_setup_teardown(test_what_is_told, begin, end),
      cmocka_unit_test_setup_teardown(test_runs_that_overlap, begin, end),
      cmocka_unit_test_setup_teardown(test_a_sink_that_fails, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
