/* A part of a model as a model of its own: nothing is lost at its edges, and nothing comes twice. */
#include "trace_fixture.h"

#include <stdio.h>

static struct trace_model part;

static int end(void **state) {
  (void)state;
  trace_model_release(&part);
  trace_model_release(&model);
  return 0;
}

static void take(int64_t from, int64_t to) {
  trace_model_release(&part);
  assert_int_equal(trace_model_window(&model, from, to, &part), 0);
}

static const struct trace_process *of(const struct trace_model *m, uint32_t id) {
  for (uint32_t i = 0; i < m->process_count; i++)
    if (m->processes[i].id == id)
      return &m->processes[i];
  return NULL;
}

static void expect_span(const struct trace_process *p, uint32_t i, int64_t from, int64_t to, enum trace_state state) {
  assert_in_range(i, 0, p->span_count - 1);
  const struct trace_span *s = &part.spans[p->span_first + i];
  assert_int_equal(s->from_ns, from);
  assert_int_equal(s->to_ns, to);
  assert_int_equal(s->state, state);
}

static const struct {
  void (*make)(void);
} runs[] = {{run_serial}, {run_parallel}, {run_producers}, {run_deadlock}};

enum { RUNS = sizeof runs / sizeof *runs };

/* -- what is there ----------------------------------------------------------------------------- */

static void test_the_whole_is_equal(void **state) {
  (void)state;
  for (unsigned i = 0; i < RUNS; i++) {
    runs[i].make();
    take(-5, INT64_MAX / 2);
    assert_int_equal(part.process_count, model.process_count);
    assert_int_equal(part.event_count, model.event_count);
    assert_int_equal(part.span_count, model.span_count);
    assert_int_equal(part.item_count, model.item_count);
    assert_int_equal(part.edge_count, model.edge_count);
    assert_int_equal(part.facts.end_ns, model.facts.end_ns);
    assert_int_equal(part.facts.exit_status, model.facts.exit_status);
    assert_string_equal(part.facts.command, model.facts.command);
    for (uint32_t k = 0; k < part.span_count; k++) {
      assert_int_equal(part.spans[k].from_ns, model.spans[k].from_ns);
      assert_int_equal(part.spans[k].to_ns, model.spans[k].to_ns);
      assert_int_equal(part.spans[k].state, model.spans[k].state);
    }
    for (uint32_t k = 0; k < part.process_count; k++)
      assert_int_equal(part.processes[k].how, model.processes[k].how);
  }
}

static void test_processes_that_lived_then(void **state) {
  (void)state;
  run_parallel(); /* children end after 2.1, 2.5, 3, 3.4 and 4 seconds */
  take(S(2.7), S(3.5));
  assert_int_equal(part.process_count, 4);
  assert_null(of(&part, 3));
  assert_null(of(&part, 5));
  const struct trace_process *ended = of(&part, 2), *goes_on = of(&part, 4);
  assert_int_equal(ended->how, TRACE_DONE);
  assert_int_equal(ended->begin_ns, 0);
  assert_in_range(ended->end_ns, S(0.304) - 2, S(0.304) + 2);
  assert_int_equal(part.processes[ended->parent].id, 1);
  assert_int_equal(goes_on->how, TRACE_ALIVE);
  assert_int_equal(goes_on->end_ns, S(0.8));
  expect_span(goes_on, 0, 0, S(0.8), TRACE_SLEEP);
  assert_int_equal(part.facts.exit_status, -1); /* what came later is not known */
  assert_int_equal(part.facts.cpu_ns, -1);
  assert_int_equal(part.facts.end_ns, S(0.8));
}

static void test_a_join_of_one_that_is_not_there(void **state) {
  (void)state;
  fixture_begin("");
  add_process(1, 0, "main", 0, S(10));
  add_process(2, 1, "early", S(1), S(2));
  add_event(1, OP_PROCESS_JOIN, 2, S(5), S(5), 0, 1, 0, "a.lua:1");
  fixture_end(S(10));
  take(S(4), S(6));
  assert_int_equal(part.process_count, 1);
  assert_int_equal(part.event_count, 1);
  assert_int_equal(part.events[0].object, TRACE_NONE);
}

static void test_edges_of_time(void **state) {
  (void)state;
  fixture_begin("");
  add_process(1, 0, "main", 0, 1000);
  add_mark(1, "before", 99);
  add_mark(1, "first", 100);
  add_mark(1, "last", 200);
  add_mark(1, "after", 201);
  sleeps(1, 50, 100);
  sleeps(1, 150, 300);
  fixture_end(1000);
  take(100, 200);
  assert_int_equal(part.mark_count, 2);
  assert_string_equal(part.strings[part.marks[0].name], "first");
  assert_int_equal(part.marks[1].t_ns, 100);
  const struct trace_process *p = of(&part, 1);
  assert_int_equal(p->span_count, 2);
  expect_span(p, 0, 0, 50, TRACE_RUNNING);
  expect_span(p, 1, 50, 100, TRACE_SLEEP);
  assert_true(part.events[p->event_first + 1].flags & TRACE_UNFINISHED);
  take(600, 500); /* nothing of it */
  assert_int_equal(part.facts.end_ns, 0);
  take(5000, 6000);
  assert_int_equal(part.facts.end_ns, 0);
}

static void test_stopped_before(void **state) {
  (void)state;
  fixture_begin("");
  add_process(1, 0, "main", 0, 1000);
  add_process(2, 1, "paused", 0, 1000);
  add_process(3, 1, "resumed", 0, 1000);
  for (uint32_t id = 2; id <= 3; id++)
    add_event(1, OP_PROCESS_SIGNAL, id, 100, 100, 0, 1, SIGNAL_PAUSE, "");
  add_event(1, OP_PROCESS_SIGNAL, 3, 200, 200, 0, 1, SIGNAL_RESUME, "");
  add_event(1, OP_PROCESS_SIGNAL, 2, 500, 500, 0, 1, SIGNAL_RESUME, "");
  fixture_end(1000);
  take(300, 700);
  expect_span(of(&part, 2), 0, 0, 200, TRACE_STOPPED);
  expect_span(of(&part, 2), 1, 200, 400, TRACE_RUNNING);
  expect_span(of(&part, 3), 0, 0, 400, TRACE_RUNNING);
}

static void test_the_deadlock_is_at_the_end(void **state) {
  (void)state;
  run_deadlock();
  take(S(0.2), S(0.4));
  assert_int_equal(part.edge_count, 3);
  assert_int_equal(part.edges[0].process, model.edges[0].process);
  assert_int_equal(part.objects[part.edges[0].object].id, model.objects[model.edges[0].object].id);
  take(S(0.1), S(0.3));
  assert_int_equal(part.edge_count, 0);
}

/* -- runs of ops ------------------------------------------------------------------------------- */

static void test_a_run_is_cut(void **state) {
  (void)state;
  fixture_begin("");
  add_process(1, 0, "main", 0, 2000);
  add_object(7, OBJECT_QUEUE, "jobs", 50);
  add_event(1, OP_QUEUE_PUT, 7, 0, 1000, TRACE_SEVERAL, 11, 31, ""); /* item 31 at 0, 32 at 100 ... */
  add_event(1, OP_QUEUE_GET, 7, 0, 1000, TRACE_SEVERAL | TRACE_GAPS, 11, 1, "");
  fixture_end(2000);
  take(101, 400);
  assert_int_equal(part.event_count, 2);
  assert_int_equal(part.events[0].count, 3);
  assert_int_equal(part.events[0].n, 33);
  assert_int_equal(part.events[0].t_ns, 99);
  assert_int_equal(part.events[0].duration_ns, 200);
  assert_int_equal(part.events[1].count, 3);
  assert_int_equal(part.events[1].n, 0); /* not known */
  assert_int_equal(part.objects[0].puts, 32);
  assert_int_equal(part.objects[0].gets, 2);
  take(901, 1000);
  assert_int_equal(part.events[0].count, 1);
  assert_false(part.events[0].flags & TRACE_SEVERAL);
  assert_int_equal(part.events[0].n, 41);
  take(910, 990);
  assert_int_equal(part.event_count, 0);
}

/* -- queues ------------------------------------------------------------------------------------ */

/* How many items a queue held last. */
static int64_t items_at_end(const struct trace_model *m, uint32_t object) {
  struct trace_depth *list;
  uint32_t count;
  assert_int_equal(trace_depths(m, object, &list, &count), 0);
  int64_t items = count ? list[count - 1].items : 0;
  free(list);
  return items;
}

static void test_a_queue_goes_on_from_where_it_was(void **state) {
  (void)state;
  run_producers();
  for (int64_t t = S(0.05); t < S(7.4); t += S(0.1)) {
    take(0, t);
    int64_t before = part.object_count ? items_at_end(&part, 0) : 0;
    take(t + 1, S(7.5));
    if (part.object_count == 0) {
      assert_int_equal(before, 0);
      continue;
    }
    const struct trace_object *o = &part.objects[0];
    assert_int_equal((int64_t)(o->puts - o->gets), before);
    assert_int_equal(items_at_end(&part, 0), items_at_end(&model, 0));
  }
}

static void test_what_was_before_is_known_by_numbers(void **state) {
  (void)state;
  fixture_begin("");
  add_process(1, 0, "main", 0, 100);
  add_object(7, OBJECT_QUEUE, "jobs", 10);
  moves(1, OP_QUEUE_PUT, 7, 108, 10, 10, "");
  moves(1, OP_QUEUE_PUT, 7, 107, 20, 20, ""); /* another process was faster */
  moves(1, OP_QUEUE_GET, 7, 101, 30, 30, "");
  fixture_end(100);
  assert_int_equal(model.objects[0].puts, 106);
  assert_int_equal(model.objects[0].gets, 100);
  assert_int_equal(items_at_end(&model, 0), 7);
  struct trace_depth *list;
  uint32_t count;
  assert_int_equal(trace_depths(&model, 0, &list, &count), 0);
  assert_int_equal(list[0].t_ns, 0);
  assert_int_equal(list[0].items, 6);
  free(list);
}

/* -- sums -------------------------------------------------------------------------------------- */

/* Two parts that touch have together what the whole has. */
static void test_parts_add_up(void **state) {
  (void)state;
  for (unsigned i = 0; i < RUNS + 2; i++) {
    if (i < RUNS)
      runs[i].make();
    else if (i == RUNS)
      run_many(40);
    else
      run_pool(8);
    for (int64_t t = 0; t < model.facts.end_ns; t += model.facts.end_ns / 97 + 1) {
      int64_t spent[TRACE_STATES] = {0}, all[TRACE_STATES] = {0};
      uint64_t in = 0, all_in = 0;
      for (int side = 0; side < 2; side++) {
        take(side ? t : 0, side ? model.facts.end_ns : t);
        for (uint32_t k = 0; k < part.process_count; k++) {
          in += part.processes[k].items_in;
          for (int s = 0; s < TRACE_STATES; s++)
            spent[s] += part.processes[k].spent_ns[s];
        }
      }
      for (uint32_t k = 0; k < model.process_count; k++) {
        all_in += model.processes[k].items_in;
        for (int s = 0; s < TRACE_STATES; s++)
          all[s] += model.processes[k].spent_ns[s];
      }
      for (int s = 0; s < TRACE_STATES; s++)
        assert_int_equal(spent[s], all[s]);
      assert_in_range(in, all_in, all_in + 1); /* one just at the edge is in both */
    }
  }
}

static void test_whatever_the_model_holds(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 400; seed++) {
    random_run(seed);
    int64_t length = model.facts.end_ns, a = random_time(length), b = random_time(length);
    take(a < b ? a : b, a < b ? b : a);
    length = a < b ? b - a : a - b;
    assert_int_equal(part.facts.end_ns, length);
    for (uint32_t i = 0; i < part.event_count; i++) {
      const struct trace_event *e = &part.events[i];
      assert_true(e->t_ns >= 0 && e->duration_ns >= 0 && e->t_ns + e->duration_ns <= length);
      assert_true(e->count >= 1);
    }
    for (uint32_t i = 0; i < part.process_count; i++)
      assert_true(part.processes[i].begin_ns >= 0 && part.processes[i].end_ns <= length);
    for (uint32_t i = 0; i < part.mark_count; i++)
      assert_true(part.marks[i].t_ns >= 0 && part.marks[i].t_ns <= length);
  }
}

/* -- what a chunk of the prompt reaches -------------------------------------------------------- */

static void test_reach(void **state) {
  (void)state;
  fixture_begin("");
  add_process(1, 0, "main", 0, 1000);
  add_process(2, 1, "early", 10, 900);
  add_process(3, 1, "child", 110, 300);
  add_process(4, 3, "grandchild", 250, 500);
  add_process(5, 2, "of early", 120, 800);
  add_process(6, 1, "late", 210, 999);
  add_process(7, 6, "of late", 220, 950);
  add_process(8, 1, "lives", 410, -1)->how = TRACE_ALIVE;
  add_event(1, OP_PROCESS_SPAWN, 8, 405, 405, 0, 1, 0, "a.lua:1"); /* it took a while to begin */
  fixture_end(1000);
  assert_int_equal(trace_model_reach(&model, 1, 100, 200), 500);
  assert_int_equal(trace_model_reach(&model, 1, 100, 210), 999);
  assert_int_equal(trace_model_reach(&model, 1, 400, 420), 1000);
  assert_int_equal(trace_model_reach(&model, 1, 400, 405), 1000);
  assert_int_equal(trace_model_reach(&model, 1, 406, 420), 420);
  assert_int_equal(trace_model_reach(&model, 1, 500, 600), 600); /* nothing was begun */
  assert_int_equal(trace_model_reach(&model, 9, 0, 1000), 1000);
  assert_int_equal(trace_model_reach(&model, 3, 0, 100), 100);
  random_run(77);
  for (uint32_t id = 0; id < 50; id++)
    assert_true(trace_model_reach(&model, id, 0, model.facts.end_ns) >= model.facts.end_ns);
}

/* -- the prompt -------------------------------------------------------------------------------- */

static void test_the_prompt_is_no_work(void **state) {
  (void)state;
  struct trace_sums sums;
  struct trace_wait *list;
  uint32_t count;
  fixture_begin("");
  add_process(1, 0, "main", 0, S(10));
  add_event(1, OP_NONE, 0, S(1), S(9), TRACE_WAITED, 1, 0, "");
  fixture_end(S(10));
  assert_int_equal(model.processes[0].spent_ns[TRACE_IDLE], S(8));
  trace_sum(&model, &sums);
  assert_int_equal(sums.busy_ns, S(2));
  assert_int_equal(trace_waits(&model, &list, &count), 0);
  assert_int_equal(count, 0);
  free(list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_the_whole_is_equal, end),
      cmocka_unit_test_teardown(test_processes_that_lived_then, end),
      cmocka_unit_test_teardown(test_a_join_of_one_that_is_not_there, end),
      cmocka_unit_test_teardown(test_edges_of_time, end),
      cmocka_unit_test_teardown(test_stopped_before, end),
      cmocka_unit_test_teardown(test_the_deadlock_is_at_the_end, end),
      cmocka_unit_test_teardown(test_a_run_is_cut, end),
      cmocka_unit_test_teardown(test_a_queue_goes_on_from_where_it_was, end),
      cmocka_unit_test_teardown(test_what_was_before_is_known_by_numbers, end),
      cmocka_unit_test_teardown(test_parts_add_up, end),
      cmocka_unit_test_teardown(test_whatever_the_model_holds, end),
      cmocka_unit_test_teardown(test_reach, end),
      cmocka_unit_test_teardown(test_the_prompt_is_no_work, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
