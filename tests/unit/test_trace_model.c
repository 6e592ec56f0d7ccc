/* The model of a recorded run: ids are resolved, states and items derived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "look/trace/model.h"
#include "the_model.h"

static void process(uint32_t id, uint32_t parent, const char *name, int64_t from, int64_t to) {
  const struct trace_process p = {.id = id,
                                  .parent = parent,
                                  .name = name,
                                  .spawned_at = "a.lua:1",
                                  .failure = "",
                                  .begin_ns = from,
                                  .end_ns = to,
                                  .how = to < 0 ? TRACE_ALIVE : TRACE_DONE};
  assert_int_equal(trace_add_process(&m, &p), 0);
}

static void object(uint32_t id, enum object_type type, uint64_t max, uint32_t peer) {
  const struct trace_object o = {
      .id = id, .type = type, .name = "", .made_at = "", .max = max, .peer = peer};
  assert_int_equal(trace_add_object(&m, &o), 0);
}

static void event(uint32_t process_id, enum op_kind kind, uint32_t object_id, int64_t t,
                  int64_t duration, unsigned flags, uint32_t count, uint64_t n) {
  const struct trace_event e = {.t_ns = t,
                                .duration_ns = duration,
                                .kind = (uint16_t)kind,
                                .flags = (uint16_t)flags,
                                .process = process_id,
                                .object = object_id,
                                .count = count,
                                .n = n};
  assert_int_equal(trace_add_event(&m, &e), 0);
}

static void finish(void) { assert_int_equal(trace_model_finish(&m), 0); }

static void expect_span(const struct trace_process *p, uint32_t i, int64_t from, int64_t to,
                        enum trace_state state) {
  assert_true(i < p->span_count);
  const struct trace_span *s = &m.spans[p->span_first + i];
  assert_int_equal(s->from_ns, from);
  assert_int_equal(s->to_ns, to);
  assert_int_equal(s->state, state);
}

static void test_empty(void **state) {
  (void)state;
  struct trace_sums sums;
  finish();
  trace_sum(&m, &sums);
  assert_int_equal(sums.processes, 0);
  assert_int_equal(sums.most_alive, 0);
  assert_true(sums.speed_up == 0);
}

static void named(uint32_t id, enum object_type type, const char *name) {
  const struct trace_object o = {.id = id, .type = type, .name = name, .made_at = ""};
  assert_int_equal(trace_add_object(&m, &o), 0);
}

/* What is done to the lock of a topic is done to the topic; a lock that only looks like one is itself. */
static void test_a_whole_is_one_object(void **state) {
  static const uint32_t expected[] = {0, 0, 0, 3, 4, 5};
  (void)state;
  process(1, 0, "main", 0, 1000);
  named(4, OBJECT_DICT, "topic news");
  named(5, OBJECT_LOCK, "topic news#4");
  named(6, OBJECT_EVENT, "topic news#4");
  named(7, OBJECT_LOCK, "topic news#99");
  named(8, OBJECT_LOCK, "topic olds#4");
  named(9, OBJECT_LOCK, "fork#4");
  for (uint32_t id = 4; id <= 9; id++)
    event(1, OP_LOCK_ACQUIRE, id, 100 * id, 10, TRACE_WAITED, 1, 0);
  finish();
  for (uint32_t i = 0; i < 6; i++)
    assert_int_equal(m.events[i].object, expected[i]);
}

static void test_spans_fill_a_life(void **state) {
  (void)state;
  process(7, 1, "reader", 100, 1000);
  process(1, 0, "main", 0, 2000);
  object(3, OBJECT_QUEUE, 0, 0);
  object(4, OBJECT_LOCK, 0, 0);
  event(7, OP_LOCK_ACQUIRE, 4, 500, 100, TRACE_WAITED, 1, 0);
  event(7, OP_QUEUE_GET, 3, 200, 200, TRACE_WAITED, 1, 1); /* comes late */
  event(7, OP_CLOCK_SLEEP, 0, 600, 50, TRACE_WAITED, 1, 0);
  event(7, OP_QUEUE_GET, 3, 900, 0, TRACE_WAITED | TRACE_UNFINISHED, 1, 0);
  event(1, OP_PROCESS_JOIN, 7, 300, 700, TRACE_WAITED, 1, 0);
  finish();
  const struct trace_process *main = &m.processes[0], *reader = &m.processes[1];
  assert_int_equal(reader->parent, 0);
  assert_int_equal(main->parent, TRACE_NONE);
  assert_int_equal(reader->span_count, 7);
  expect_span(reader, 0, 100, 200, TRACE_RUNNING);
  expect_span(reader, 1, 200, 400, TRACE_QUEUE);
  expect_span(reader, 2, 400, 500, TRACE_RUNNING);
  expect_span(reader, 3, 500, 600, TRACE_LOCK);
  expect_span(reader, 4, 600, 650, TRACE_SLEEP);
  expect_span(reader, 5, 650, 900, TRACE_RUNNING);
  expect_span(reader, 6, 900, 1000, TRACE_QUEUE); /* it died in it */
  expect_span(main, 1, 300, 1000, TRACE_JOIN);
  assert_int_equal(m.events[m.spans[main->span_first + 1].event].object, 1); /* a process */
  assert_int_equal(reader->spent_ns[TRACE_QUEUE], 300);
  struct trace_sums sums;
  trace_sum(&m, &sums);
  assert_int_equal(sums.most_alive, 2);
  assert_int_equal(sums.messages, 1);
  assert_int_equal(sums.busy_ns, 1300 + 500);
}

static void test_overlapping_waits_do_not_count_twice(void **state) {
  (void)state;
  process(1, 0, "main", 0, 100);
  event(1, OP_CLOCK_SLEEP, 0, 10, 50, TRACE_WAITED, 1, 0);
  event(1, OP_CLOCK_SLEEP, 0, 20, 10, TRACE_WAITED, 1, 0); /* inside, as an answer to a question */
  event(1, OP_CLOCK_SLEEP, 0, 50, 500, TRACE_WAITED, 1, 0); /* beyond its end */
  finish();
  assert_int_equal(m.processes[0].spent_ns[TRACE_SLEEP], 90);
  assert_int_equal(m.processes[0].spent_ns[TRACE_RUNNING], 10);
}

static void test_stopped(void **state) {
  (void)state;
  process(1, 0, "main", 0, 1000);
  process(2, 1, "worker", 0, 1000);
  event(2, OP_CLOCK_SLEEP, 0, 100, 500, TRACE_WAITED, 1, 0);
  event(1, OP_PROCESS_SIGNAL, 2, 200, 0, 0, 1, SIGNAL_PAUSE);
  event(1, OP_PROCESS_SIGNAL, 2, 250, 0, 0, 1, SIGNAL_PAUSE);
  event(1, OP_PROCESS_SIGNAL, 2, 300, 0, 0, 1, SIGNAL_RESUME);
  event(1, OP_PROCESS_SIGNAL, 2, 900, 0, 0, 1, SIGNAL_PAUSE);
  finish();
  const struct trace_process *p = &m.processes[1];
  expect_span(p, 0, 0, 100, TRACE_RUNNING);
  expect_span(p, 1, 100, 200, TRACE_SLEEP);
  expect_span(p, 2, 200, 300, TRACE_STOPPED);
  expect_span(p, 3, 300, 600, TRACE_SLEEP);
  expect_span(p, 4, 600, 900, TRACE_RUNNING);
  expect_span(p, 5, 900, 1000, TRACE_STOPPED);
}

static void test_items_join_puts_and_gets(void **state) {
  (void)state;
  process(1, 0, "main", 0, 1000);
  process(2, 1, "w", 0, 1000);
  object(5, OBJECT_QUEUE, 3, 0);
  event(1, OP_QUEUE_PUT, 5, 10, 90, TRACE_SEVERAL, 10, 1);      /* 1 to 10 */
  event(1, OP_QUEUE_PUT, 5, 200, 5, TRACE_WAITED, 1, 11);
  event(1, OP_QUEUE_PUT, 5, 300, 0, TRACE_TIMEOUT, 1, 12);      /* was not put */
  event(2, OP_QUEUE_GET, 5, 20, 0, 0, 1, 1);
  event(2, OP_QUEUE_GET, 5, 50, 100, TRACE_SEVERAL, 10, 2);     /* 2 to 11 */
  finish();
  assert_int_equal(m.item_count, 3);
  assert_int_equal(m.items[0].n, 1);
  assert_int_equal(m.items[0].put_ns, 10);
  assert_int_equal(m.items[0].got_ns, 20);
  assert_int_equal(m.items[1].n, 2);
  assert_int_equal(m.items[1].put_ns, 20);
  assert_int_equal(m.items[1].got_ns, 50);
  assert_int_equal(m.items[2].n, 11);
  assert_int_equal(m.items[2].put_ns, 205);
  assert_int_equal(m.items[2].got_ns, 150); /* clocks of runs are a guess */
  assert_int_equal(m.processes[0].items_out, 11);
  assert_int_equal(m.processes[1].items_in, 11);
  struct trace_depth *depths;
  uint32_t count;
  assert_int_equal(trace_depths(&m, 0, &depths, &count), 0);
  assert_int_equal(count, 22);
  assert_int_equal(depths[0].items, 1);
  for (uint32_t i = 0; i < count; i++)
    assert_true(depths[i].items >= 0 && (i == 0 || depths[i].t_ns >= depths[i - 1].t_ns));
  free(depths);
}

/* Of many processes, whose runs overlap: by time, puts first. Of many events fewer steps each. */
static void test_depths_of_many(void **state) {
  (void)state;
  enum { PROCESSES = 7, EVENTS = 5000 };
  object(5, OBJECT_QUEUE, 0, 0);
  for (uint32_t id = 1; id <= PROCESSES; id++)
    process(id, 0, "p", 0, 1000000);
  for (int i = 0; i < EVENTS; i++)
    for (uint32_t id = 1; id <= PROCESSES; id++)
      event(id, id % 2 ? OP_QUEUE_PUT : OP_QUEUE_GET, 5, i * 100 + (int)(id % 3), 150, TRACE_SEVERAL, 10, 0);
  finish();
  struct trace_depth *depths;
  uint32_t count;
  assert_int_equal(trace_depths(&m, 0, &depths, &count), 0);
  assert_int_equal(count, 200000 / (PROCESSES * EVENTS) * PROCESSES * EVENTS);
  for (uint32_t i = 1; i < count; i++) {
    assert_true(depths[i - 1].t_ns <= depths[i].t_ns);
    if (i > 1 && depths[i - 1].t_ns == depths[i].t_ns)
      assert_false(depths[i - 2].items > depths[i - 1].items && depths[i - 1].items < depths[i].items &&
                   depths[i - 2].t_ns == depths[i].t_ns);
  }
  assert_int_equal(depths[count - 1].items, 10 * EVENTS); /* one more puts than gets */
  free(depths);
}

/* A get that seems to come before its put, since times are not exact, leaves nothing behind; and there
 * are never more items than there is room for. */
static void test_depths_recover(void **state) {
  (void)state;
  process(1, 0, "main", 0, 1000);
  process(2, 1, "reader", 0, 1000);
  object(5, OBJECT_QUEUE, 2, 0);
  event(2, OP_QUEUE_GET, 5, 99, 0, 0, 1, 1);
  event(1, OP_QUEUE_PUT, 5, 100, 0, 0, 1, 1);
  for (int i = 0; i < 3; i++)
    event(1, OP_QUEUE_PUT, 5, 200 + i, 0, 0, 1, (uint64_t)(2 + i));
  event(2, OP_QUEUE_GET, 5, 203, 0, 0, 1, 2); /* made room for the third */
  finish();
  struct trace_depth *depths;
  uint32_t count;
  assert_int_equal(trace_depths(&m, 0, &depths, &count), 0);
  static const int wanted[] = {0, 0, 1, 2, 2, 2};
  assert_int_equal(count, 6);
  for (uint32_t i = 0; i < count; i++)
    assert_int_equal(depths[i].items, wanted[i]);
  free(depths);
}

/* Two that compute at the same time on one processor: each ran for half of the time only. */
static void test_waiting_for_a_processor_is_no_work(void **state) {
  (void)state;
  struct trace_sums sums;
  process(1, 0, "main", 0, 1000);
  process(2, 1, "twin", 0, 1000);
  event(2, OP_CLOCK_SLEEP, 0, 600, 300, TRACE_WAITED, 1, 0);
  m.facts.cpu_ns = 600; /* of 1700 */
  finish();
  trace_sum(&m, &sums);
  assert_int_equal(sums.busy_ns, 600 + 300);
  m.facts.speed = 2; /* CPU time is the machine's */
  trace_sum(&m, &sums);
  assert_int_equal(sums.busy_ns, 1200 + 300);
  m.facts.cpu_ns = 5000; /* more than the time: it is not all theirs */
  trace_sum(&m, &sums);
  assert_int_equal(sums.busy_ns, 1700 + 300);
  m.facts.cpu_ns = -1;
  trace_sum(&m, &sums);
  assert_int_equal(sums.busy_ns, 1700 + 300);
}

static void test_workers_are_known_by_their_idling(void **state) {
  (void)state;
  struct trace_event idle = {.kind = OP_QUEUE_GET, .process = 3, .flags = TRACE_WAITED, .duration_ns = 5};
  process(1, 0, "main", 0, 1000);
  for (uint32_t id = 2; id < 5; id++)
    process(id, 1, "worker", 0, 1000);
  process(5, 2, "worker", 0, 1000);
  process(6, 1, "other", 0, 1000);
  assert_int_equal(trace_add_string(&m, WHERE_IDLE, &idle.where), 0);
  assert_int_equal(trace_add_event(&m, &idle), 0);
  finish();
  for (uint32_t i = 0; i < m.process_count; i++)
    assert_true(m.processes[i].worker == (m.processes[i].id >= 2 && m.processes[i].id < 5));
}

static void test_an_item_is_matched_once(void **state) {
  (void)state;
  process(1, 0, "main", 0, 1000);
  object(5, OBJECT_QUEUE, 0, 0);
  event(1, OP_QUEUE_PUT, 5, 10, 0, 0, 1, 1);
  event(1, OP_QUEUE_PUT, 5, 20, 0, 0, 1, 1); /* a damaged log */
  event(1, OP_QUEUE_GET, 5, 30, 9, TRACE_SEVERAL, 3, 1);
  finish();
  assert_int_equal(m.item_count, 1);
}

static void test_items_with_gaps_know_the_first_only(void **state) {
  (void)state;
  process(1, 0, "main", 0, 1000);
  object(5, OBJECT_QUEUE, 0, 0);
  event(1, OP_QUEUE_PUT, 5, 10, 90, TRACE_SEVERAL | TRACE_GAPS, 10, 1);
  event(1, OP_QUEUE_GET, 5, 200, 0, 0, 1, 3);
  event(1, OP_QUEUE_GET, 5, 201, 0, 0, 1, 1);
  finish();
  assert_int_equal(m.item_count, 1);
  assert_int_equal(m.items[0].n, 1);
}

static void test_pipes_cross(void **state) {
  (void)state;
  process(1, 0, "main", 0, 1000);
  object(5, OBJECT_PIPE, 0, 6);
  object(6, OBJECT_PIPE, 0, 5);
  event(1, OP_PIPE_SEND, 5, 10, 0, 0, 1, 1); /* to be received at 6 */
  event(1, OP_PIPE_SEND, 6, 11, 0, 0, 1, 1);
  event(1, OP_PIPE_RECV, 6, 20, 0, 0, 1, 1);
  event(1, OP_PIPE_RECV, 5, 30, 0, 0, 1, 1);
  finish();
  assert_int_equal(m.item_count, 2);
  assert_int_equal(m.objects[m.items[0].object].id, 6);
  assert_int_equal(m.items[0].got_ns, 20);
  assert_int_equal(m.items[1].got_ns, 30);
}

static void test_waits_are_gathered_by_object_and_line(void **state) {
  (void)state;
  uint32_t line, other, same;
  process(1, 0, "main", 0, 1000);
  process(2, 1, "w", 0, 1000);
  object(1, OBJECT_LOCK, 0, 0); /* the number of a process, too */
  assert_int_equal(trace_add_string(&m, "a.lua:4", &line), 0);
  assert_int_equal(trace_add_string(&m, "a.lua:5", &other), 0);
  assert_int_equal(trace_add_string(&m, "a.lua:4", &same), 0);
  assert_int_equal(line, same);
  for (uint32_t p = 1; p <= 2; p++) {
    struct trace_event e = {.kind = OP_LOCK_ACQUIRE,
                            .flags = TRACE_WAITED,
                            .process = p,
                            .object = 1,
                            .where = line,
                            .t_ns = 10 * p,
                            .duration_ns = 100};
    assert_int_equal(trace_add_event(&m, &e), 0);
    e.t_ns += 200;
    e.where = p == 1 ? line : other;
    assert_int_equal(trace_add_event(&m, &e), 0);
  }
  event(2, OP_PROCESS_JOIN, 1, 600, 1, TRACE_WAITED, 1, 0);
  event(2, OP_CLOCK_SLEEP, 0, 700, 300, TRACE_WAITED, 1, 0); /* for nobody */
  finish();
  struct trace_wait *waits;
  uint32_t count;
  assert_int_equal(trace_waits(&m, &waits, &count), 0);
  assert_int_equal(count, 3);
  assert_int_equal(waits[0].total_ns, 300);
  assert_int_equal(waits[0].waits, 3);
  assert_int_equal(waits[0].processes, 2);
  assert_int_equal(waits[0].longest_ns, 100);
  assert_string_equal(m.strings[waits[0].where], "a.lua:4");
  assert_int_equal(waits[1].total_ns, 100);
  assert_int_equal(waits[2].kind, OP_PROCESS_JOIN);
  free(waits);
}

static void test_what_nobody_told_of_gets_a_row(void **state) {
  (void)state;
  char label[64];
  event(9, OP_QUEUE_GET, 12, 50, 10, 0, 1, 4);
  event(0, OP_QUEUE_GET, 12, 50, 10, 0, 1, 4); /* of no process */
  finish();
  assert_int_equal(m.process_count, 1);
  assert_int_equal(m.event_count, 1);
  assert_int_equal(m.processes[0].begin_ns, 50);
  assert_int_equal(m.processes[0].end_ns, 60);
  assert_string_equal(trace_process_label(&m, 0, label, sizeof label), "process#9");
  assert_string_equal(trace_event_label(&m, &m.events[0], label, sizeof label), "queue#12");
  assert_string_equal(trace_object_label(&m, 99, label, sizeof label), "?");
}

static void test_many(void **state) {
  (void)state;
  char name[32];
  for (uint32_t i = 1; i <= 3000; i++) {
    snprintf(name, sizeof name, "p%u", i % 500);
    process(i, i / 2, name, 3000 - i, 4000);
    for (int k = 0; k < 20; k++)
      event(i, OP_QUEUE_PUT, 1 + i % 7, 3000 + k, 0, 0, 1, 0);
  }
  finish();
  assert_int_equal(m.event_count, 60000);
  assert_int_equal(m.object_count, 7);
  assert_true(m.string_count < 510);
  for (uint32_t i = 0; i < m.process_count; i++) {
    const struct trace_process *p = &m.processes[i];
    assert_int_equal(p->event_count, 20);
    for (uint32_t k = 0; k < 20; k++)
      assert_int_equal(m.events[p->event_first + k].process, i);
    if (p->parent != TRACE_NONE)
      assert_int_equal(m.processes[p->parent].id, p->id / 2);
  }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
  const struct CMUnitTest tests[] = {
      TEST(test_empty),
      TEST(test_a_whole_is_one_object),
      TEST(test_spans_fill_a_life),
      TEST(test_overlapping_waits_do_not_count_twice),
      TEST(test_stopped),
      TEST(test_items_join_puts_and_gets),
      TEST(test_depths_of_many),
      TEST(test_depths_recover),
      TEST(test_waiting_for_a_processor_is_no_work),
      TEST(test_workers_are_known_by_their_idling),
      TEST(test_an_item_is_matched_once),
      TEST(test_items_with_gaps_know_the_first_only),
      TEST(test_pipes_cross),
      TEST(test_waits_are_gathered_by_object_and_line),
      TEST(test_what_nobody_told_of_gets_a_row),
      TEST(test_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
