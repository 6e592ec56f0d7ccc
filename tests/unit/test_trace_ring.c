/* The ring of records: what its reader takes, what is lost when it comes late, and how runs of ops grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "look/trace/log.h"
#include "look/trace/ring.h"
#include "look/trace/texts.h"
#include "object/op.h"

static struct trace_ring *ring;
static struct trace_writer w;
static struct trace_reader r;
static struct trace_record got[RING_BATCH];

static int begin(void **state) {
  (void)state;
  ring = calloc(1, sizeof *ring);
  r = (struct trace_reader){0};
  trace_writer_begin(&w, ring);
  return ring ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  free(ring);
  return 0;
}

static int64_t time_now;
static int64_t now(void) { return time_now; }

static void write_n(uint64_t n) { trace_write(&w, &(struct trace_record){.kind = 1, .n = n}); }

/* Read all there is: the records must be numbered from `n` on. Returns the number after the last. */
static uint64_t read_on(uint64_t n, bool all, uint64_t *lost) {
  uint64_t some;
  unsigned count;
  while ((count = trace_read(&r, ring, all, got, &some)) > 0 || some > 0) {
    *lost += some;
    n += some;
    for (unsigned i = 0; i < count; i++)
      assert_int_equal(got[i].n, n++);
  }
  return n;
}

static void test_a_reader_in_time_gets_all(void **state) {
  (void)state;
  uint64_t n = 0, lost = 0, next = 0;
  for (int round = 0; round < 500; round++) {
    for (int i = 0; i < (round * 7919) % 3000; i++)
      write_n(n++);
    next = read_on(next, false, &lost);
    assert_int_equal(next, n);
  }
  assert_int_equal(lost, 0);
}

static void test_a_late_reader_loses_the_oldest_and_knows_how_many(void **state) {
  (void)state;
  uint64_t n = 0, lost = 0;
  for (; n < 10 * RING_RECORDS + 17; n++)
    write_n(n);
  assert_int_equal(read_on(0, false, &lost), n);
  assert_int_equal(lost, n - RING_RECORDS + 1); /* the oldest may be in the writer's hands */
  for (int i = 0; i < 10; i++)
    write_n(n++);
  lost = 0;
  assert_int_equal(read_on(n - 10, false, &lost), n);
  assert_int_equal(lost, 0);
}

static void test_runs(void **state) {
  (void)state;
  uint64_t lost;
  uint32_t put = OP_QUEUE_PUT, get = OP_QUEUE_GET;
  time_now = 1000;
  assert_false(trace_run_extend(&w, trace_run_key(put, 0, 7), 1, 0, now));
  trace_run_begin(&w, trace_run_key(put, 0, 7), 1, 0, now());
  trace_run_begin(&w, trace_run_key(get, 0, 8), 5, 0, now());
  for (uint64_t i = 2; i <= 100; i++) {
    time_now += 10;
    assert_true(trace_run_extend(&w, trace_run_key(put, 0, 7), i, 0, now));
    assert_true(trace_run_extend(&w, trace_run_key(get, 0, 8), 2 * i, 0, now)); /* not one after another */
  }
  assert_false(trace_run_extend(&w, trace_run_key(put, 0, 9), 1, 0, now)); /* another object */
  assert_int_equal(trace_read(&r, ring, false, got, &lost), 0); /* they may still change */
  trace_seal(&w);
  assert_int_equal(trace_read(&r, ring, false, got, &lost), 2);
  assert_int_equal(got[0].where, 100);
  assert_int_equal(got[0].n, 1);
  assert_int_equal(got[0].flags & TRACE_FLAG_MASK, TRACE_SEVERAL);
  assert_int_equal(got[1].where, 100);
  assert_int_equal(got[1].flags & TRACE_FLAG_MASK, TRACE_SEVERAL | TRACE_GAPS);
  assert_int_equal(got[0].t_ns, 1000);
  assert_in_range(trace_record_duration(&got[0]), 990 / 2, 990); /* the clock is read more and more seldom */
}

/* Quick ops: it is read seldom. Slow ones: soon each time again. */
static int64_t readings;
static int64_t count_now(void) {
  readings++;
  return time_now;
}

static void test_the_clock_is_read_by_time_not_by_ops(void **state) {
  (void)state;
  static const struct {
    int64_t op_ns, least, most;
  } rows[] = {{40, 35, 50}, {1000, 300, 1400}, {100000, 1100, 1300}, {40, 35, 80}};
  trace_run_begin(&w, trace_run_key(1, 0, 7), 1, 0, now());
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    readings = 0;
    for (int n = 0; n < 10000; n++) {
      time_now += rows[i].op_ns;
      if (!trace_run_extend(&w, trace_run_key(1, 0, 7), 1, 0, count_now))
        trace_run_begin(&w, trace_run_key(1, 0, 7), 1, 0, time_now);
    }
    assert_in_range(readings, rows[i].least, rows[i].most);
  }
}

static void test_runs_end(void **state) {
  (void)state;
  uint64_t lost;
  time_now = 0;
  trace_run_begin(&w, trace_run_key(1, 0, 7), 0, 0, now());
  assert_true(trace_run_extend(&w, trace_run_key(1, 0, 7), 0, 0, now));
  assert_false(trace_run_extend(&w, trace_run_key(1, 0, 7), 0, 1, now)); /* another epoch */
  trace_run_begin(&w, trace_run_key(1, 0, 7), 0, 1, now());
  bool same = true;
  for (int i = 0; i < 2 * STRIDE_MOST && same; i++) {
    time_now += RUN_NS / STRIDE_LEAST + 1;
    same = trace_run_extend(&w, trace_run_key(1, 0, 7), 0, 1, now);
  }
  assert_false(same); /* it has lasted for long enough */
  trace_run_begin(&w, trace_run_key(1, 0, 7), 0, 1, now());
  for (uint32_t object = 100; object < 100 + RING_RUNS; object++) /* others take its place */
    trace_run_begin(&w, trace_run_key(1, 0, object), 0, 1, now());
  assert_false(trace_run_extend(&w, trace_run_key(1, 0, 7), 0, 1, now));
  assert_int_equal(trace_read(&r, ring, false, got, &lost), 3);
  trace_seal(&w);
  assert_int_equal(trace_read(&r, ring, false, got, &lost), RING_RUNS);
}

static void test_a_run_does_not_keep_the_reader_for_ever(void **state) {
  (void)state;
  uint64_t most = 0;
  time_now = 0;
  trace_run_begin(&w, trace_run_key(1, 0, 7), 0, 0, now());
  for (int i = 0; i < 3 * RING_RECORDS; i++) {
    trace_run_extend(&w, trace_run_key(1, 0, 7), 0, 0, now);
    write_n(0);
    uint64_t behind = atomic_load(&ring->head) - atomic_load(&ring->sealed);
    most = behind > most ? behind : most;
  }
  assert_true(most <= RING_RECORDS / 4 + STRIDE_MOST);
}

static void test_durations(void **state) {
  (void)state;
  const int64_t lengths[] = {0, 1, 999, UINT32_MAX, INT64_C(1) << 32, INT64_C(3600) * 1000000000, INT64_C(1) << 62};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    struct trace_record k = {.flags = TRACE_WAITED | TRACE_VALUE};
    trace_record_last(&k, lengths[i]);
    int64_t back = trace_record_duration(&k);
    assert_true(back <= lengths[i] && lengths[i] - back <= lengths[i] >> 31);
    assert_int_equal(k.flags & TRACE_FLAG_MASK, TRACE_WAITED | TRACE_VALUE);
  }
  struct trace_record k = {0};
  trace_record_last(&k, -5);
  assert_int_equal(trace_record_duration(&k), 0);
}

/* What has no room is counted. */
static void test_too_many_texts(void **state) {
  (void)state;
  struct trace_texts *t = calloc(1, sizeof *t);
  char text[40];
  uint32_t missing = 0;
  assert_non_null(t);
  for (int i = 0; i < TEXT_CELLS + 100; i++) {
    snprintf(text, sizeof text, "job %d", i);
    missing += trace_text_number(t, text) == 0;
  }
  assert_true(missing >= 100);
  assert_int_equal(atomic_load(&t->nameless), missing);
  free(t);
}

static void test_texts(void **state) {
  (void)state;
  struct trace_texts *t = calloc(1, sizeof *t);
  char text[300], wanted[300];
  uint32_t numbers[3000];
  assert_non_null(t);
  assert_int_equal(trace_text_number(t, ""), 0);
  for (int i = 0; i < 3000; i++) {
    snprintf(text, sizeof text, "dir/file%d.lua:%d", i % 10, i);
    numbers[i] = trace_text_number(t, text);
    assert_int_not_equal(numbers[i], 0);
  }
  for (int i = 0; i < 3000; i++) {
    snprintf(text, sizeof text, "dir/file%d.lua:%d", i % 10, i);
    assert_int_equal(trace_text_number(t, text), numbers[i]);
    assert_string_equal(trace_text_of(t, numbers[i]), text);
  }
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  uint32_t cut = trace_text_number(t, text);
  memcpy(wanted, text, TEXT_BYTES - 1);
  wanted[TEXT_BYTES - 1] = '\0';
  assert_string_equal(trace_text_of(t, cut), wanted);
  assert_int_equal(trace_text_number(t, text), cut);
  assert_int_equal(atomic_load(&t->nameless), 0);
  assert_string_equal(trace_text_of(t, 0), "");
  assert_string_equal(trace_text_of(t, TEXT_CELLS + 5), "");
  /* A process that was killed while it filled a cell: nobody uses that one. */
  struct trace_text *cell = &t->cells[numbers[0] - 1];
  atomic_store(&cell->filled, 0);
  uint32_t other = trace_text_number(t, "dir/file0.lua:0");
  assert_int_not_equal(other, numbers[0]);
  assert_string_equal(trace_text_of(t, other), "dir/file0.lua:0");
  /* Full: no number, and no loop without end. */
  for (int i = 0; i < 2 * TEXT_CELLS; i++) {
    snprintf(text, sizeof text, "other:%d", i);
    trace_text_number(t, text);
  }
  assert_true(atomic_load(&t->count) <= TEXT_CELLS);
  free(t);
}

/* -- the log -------------------------------------------------------------------------------------- */

static struct buf log_of_three(void) {
  struct buf log = {0};
  const struct log_begin b = {.start_ns = 1000, .speed = 2, .seed = 5, .detail = TRACE_DETAIL_ALL};
  const struct log_records head = {.process = 1, .count = 3, .lost = 4};
  const struct trace_record records[3] = {
      {.t_ns = 1010, .kind = TRACE_RECORD_BEGIN, .object = 1, .where = 9},
      {.t_ns = 1100, .kind = OP_QUEUE_PUT, .object = 2, .n = 1},
      {.t_ns = 1500, .kind = TRACE_RECORD_END, .object = 1, .n = UINT64_C(9) << 32}};
  uint32_t number = 9;
  assert_int_equal(trace_log_append(&log, LOG_BEGIN, &b, sizeof b, "cmd", 4, "1.0", 4), 0);
  assert_int_equal(trace_log_append(&log, LOG_TEXT, &number, sizeof number, "main", 5, NULL, 0), 0);
  assert_int_equal(trace_log_append(&log, LOG_RECORDS, &head, sizeof head, records, sizeof records, NULL, 0), 0);
  return log;
}

/* Processes that found no free ring count as lost: what they did is not there. */
static void test_processes_without_a_ring_are_told(void **state) {
  (void)state;
  struct buf log = log_of_three();
  const struct log_end end = {.end_ns = 2000, .untraced = 7};
  struct trace_model m;
  const char *reason = NULL;
  assert_int_equal(trace_log_append(&log, LOG_END, &end, sizeof end, NULL, 0, NULL, 0), 0);
  assert_int_equal(trace_log_read(log.data, log.len, &m, &reason), 0);
  assert_int_equal(m.facts.lost, 4 + 7);
  trace_model_release(&m);
  buf_release(&log);
}

static void test_a_log_is_read(void **state) {
  (void)state;
  struct buf log = log_of_three();
  struct trace_model m;
  const char *reason = NULL;
  assert_int_equal(trace_log_read(log.data, log.len, &m, &reason), 0);
  assert_string_equal(m.facts.command, "cmd");
  assert_string_equal(m.facts.version, "1.0");
  assert_int_equal(m.facts.lost, 4);
  assert_int_equal(m.process_count, 1);
  assert_string_equal(m.processes[0].name, "main");
  assert_int_equal(m.processes[0].begin_ns, 20);
  assert_int_equal(m.processes[0].end_ns, 1000);
  assert_int_equal(m.processes[0].how, TRACE_KILLED);
  assert_int_equal(m.events[0].t_ns, 200);
  assert_int_equal(m.object_count, 1);
  trace_model_release(&m);
  buf_release(&log);
}

/* -- a part of the log ----------------------------------------------------------------------------- */

static void append(struct buf *log, enum log_kind kind, const void *data, size_t len) {
  assert_int_equal(trace_log_append(log, kind, data, len, NULL, 0, NULL, 0), 0);
}

static void append_records(struct buf *log, uint64_t lost, const struct trace_record *records, uint32_t count) {
  const struct log_records head = {.process = 1, .count = count, .lost = lost};
  assert_int_equal(trace_log_append(log, LOG_RECORDS, &head, sizeof head, records, count * sizeof *records, NULL, 0), 0);
}

static struct trace_model read_part(const struct buf *log, const struct log_view *view) {
  struct trace_model m;
  const char *reason = "";
  int rc = trace_log_read_part(log->data, log->len, view, &m, &reason);
  if (rc)
    print_error("%s\n", reason);
  assert_int_equal(rc, 0);
  return m;
}

enum { PUT = OP_QUEUE_PUT, GET = OP_QUEUE_GET };

/* A queue in which items are put at 100, 200, ..., 1000, and got 450 later; a pause at 150. */
static struct buf log_of_a_queue(uint64_t first) {
  struct buf log = {0};
  const struct log_begin b = {.speed = 1};
  assert_int_equal(trace_log_append(&log, LOG_BEGIN, &b, sizeof b, "cmd", 4, "1.0", 4), 0);
  const struct trace_record makes[] = {{.t_ns = 1, .kind = TRACE_RECORD_BEGIN, .object = 1},
                                       {.t_ns = 2, .kind = OP_QUEUE_NEW, .object = 7, .n = 20},
                                       {.t_ns = 150, .kind = OP_PROCESS_SIGNAL, .object = 1, .n = SIGNAL_PAUSE},
                                       {.t_ns = 160, .kind = OP_MARK},
                                       {.t_ns = 560, .kind = OP_MARK}};
  append_records(&log, 0, makes, 5);
  for (unsigned i = 1; i <= 10; i++) {
    append_records(&log, 1, &(struct trace_record){.t_ns = 100 * i, .kind = PUT, .object = 7, .n = first + i}, 1);
    if (i > 4)
      append_records(&log, 0, &(struct trace_record){.t_ns = 100 * i + 50, .kind = GET, .object = 7, .n = first + i - 4}, 1);
  }
  return log;
}

static void test_what_was_over_is_left_out(void **state) {
  (void)state;
  struct buf log = log_of_a_queue(0);
  struct trace_model m = read_part(&log, &(struct log_view){.from_ns = 620});
  assert_int_equal(m.process_count, 1); /* what is there is known */
  assert_int_equal(m.object_count, 1);
  assert_int_equal(m.objects[0].max, 20);
  assert_int_equal(m.objects[0].puts, 6); /* at 100 ... 600 */
  assert_int_equal(m.objects[0].gets, 1); /* at 550 */
  assert_int_equal(m.event_count, 10);    /* 4 puts, 5 gets, the pause */
  assert_int_equal(m.mark_count, 0);
  assert_int_equal(m.facts.lost, 4); /* not what was lost earlier */
  trace_model_release(&m);
  m = read_part(&log, &(struct log_view){0});
  assert_int_equal(m.event_count, 17);
  assert_int_equal(m.mark_count, 2);
  assert_int_equal(m.facts.lost, 10);
  assert_int_equal(m.objects[0].puts, 0);
  trace_model_release(&m);
  buf_release(&log);
}

/* The beginning of the log was dropped: it is known by the numbers of the items what came before. */
static void test_a_log_without_its_beginning(void **state) {
  (void)state;
  struct buf log = log_of_a_queue(1000);
  append(&log, LOG_SKIP, "what was here", 14);
  struct trace_model m = read_part(&log, &(struct log_view){.from_ns = 620});
  assert_int_equal(m.objects[0].puts, 1006);
  assert_int_equal(m.objects[0].gets, 1001);
  assert_false(m.facts.cut); /* what was dropped is not missed */
  trace_model_release(&m);
  m = read_part(&log, &(struct log_view){.from_ns = 50});
  assert_true(m.facts.cut);
  assert_int_equal(m.objects[0].puts, 1000);
  assert_int_equal(m.objects[0].gets, 1000);
  trace_model_release(&m);
  buf_release(&log);
}

static void test_the_present_follows_the_log(void **state) {
  (void)state;
  struct buf log = log_of_a_queue(0), now = {0};
  const struct log_edge edge = {.process = 1, .object = 7, .kind = GET, .stuck = 1};
  const struct log_end end = {.end_ns = 5000, .cpu_ns = -1, .exit_status = -1};
  struct buf with_edge = {0};
  assert_int_equal(trace_log_append(&with_edge, LOG_EDGE, &edge, sizeof edge, "", 1, NULL, 0), 0);
  assert_int_equal(buf_append(&log, with_edge.data, with_edge.len), 0);
  append(&log, LOG_DEADLOCK, "deadlock", 9);
  struct trace_model m = read_part(&log, &(struct log_view){0});
  assert_int_equal(m.edge_count, 1);
  assert_string_equal(m.facts.deadlock, "deadlock");
  trace_model_release(&m);
  append(&now, LOG_FORGET, NULL, 0);
  struct trace_record last[] = {
      {.t_ns = 2000, .kind = TRACE_RECORD_IDLE},
      {.t_ns = 3000, .kind = GET, .object = 7, .flags = TRACE_WAITED | TRACE_UNFINISHED}};
  trace_record_last(&last[0], 500);
  append_records(&now, 0, last, 2);
  append(&now, LOG_END, &end, sizeof end);
  m = read_part(&log, &(struct log_view){.more = now.data, .more_len = now.len});
  assert_int_equal(m.edge_count, 0);
  assert_string_equal(m.facts.deadlock, "");
  assert_int_equal(m.facts.end_ns, 5000);
  assert_int_equal(m.facts.exit_status, -1);
  assert_int_equal(m.processes[0].end_ns, 5000);
  assert_int_equal(m.processes[0].spent_ns[TRACE_STOPPED], 4850);
  assert_int_equal(m.event_count, 19);
  trace_model_release(&m);
  buf_release(&log);
  buf_release(&now);
  buf_release(&with_edge);
}

/* Whatever is cut off or changed: a code, or a model. Run under sanitizers, too. */
static void test_hostile_logs(void **state) {
  (void)state;
  struct buf log = log_of_three();
  struct trace_model m;
  const char *reason;
  for (size_t len = 0; len <= log.len; len++) {
    uint8_t *copy = malloc(len + 1);
    memcpy(copy, log.data, len);
    int rc = trace_log_read(copy, len, &m, &reason);
    assert_true(rc == 0 || reason != NULL);
    trace_model_release(&m);
    free(copy);
  }
  uint64_t seed = 1;
  for (int i = 0; i < 20000; i++) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    size_t at = (size_t)(seed >> 33) % log.len;
    uint8_t was = log.data[at];
    log.data[at] = (uint8_t)(seed >> 20);
    trace_log_read(log.data, log.len, &m, &reason);
    trace_model_release(&m);
    const struct log_view view = {.more = log.data, .more_len = log.len, .from_ns = (int64_t)(seed >> 50)};
    trace_log_read_part(log.data, log.len, &view, &m, &reason);
    trace_model_release(&m);
    log.data[at] = was;
  }
  assert_int_equal(trace_log_read("", 0, &m, &reason), -SBX_EDATA);
  assert_string_equal(reason, "it is empty");
  assert_int_equal(trace_log_read("print(1)", 8, &m, &reason), -SBX_EDATA);
  assert_string_equal(reason, "it is not a trace of sandbox");
  buf_release(&log);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
  const struct CMUnitTest tests[] = {
      TEST(test_a_reader_in_time_gets_all),
      TEST(test_a_late_reader_loses_the_oldest_and_knows_how_many),
      TEST(test_runs),
      TEST(test_runs_end),
      TEST(test_the_clock_is_read_by_time_not_by_ops),
      TEST(test_a_run_does_not_keep_the_reader_for_ever),
      TEST(test_durations),
      TEST(test_texts),
      TEST(test_too_many_texts),
      TEST(test_a_log_is_read),
      TEST(test_processes_without_a_ring_are_told),
      TEST(test_what_was_over_is_left_out),
      TEST(test_a_log_without_its_beginning),
      TEST(test_the_present_follows_the_log),
      TEST(test_hostile_logs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
