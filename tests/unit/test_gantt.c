/* look/trace/gantt*.c - charts of models made by hand, held against texts; random ones, of which
 * size and encoding are checked; what a cell shows. */
#include "unit/trace_fixture.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/utf8.h"
#include "base/width.h"
#include "look/trace/gantt.h"
#include "unit/golden.h"

static int release(void **state) {
  (void)state;
  trace_model_release(&model);
  return 0;
}

static struct buf draw(int columns, int rows, bool utf8, bool color) {
  struct buf out = {0};
  const struct gantt_options o = {.columns = columns, .rows = rows, .utf8 = utf8, .color = color};
  assert_int_equal(gantt_draw(&(const struct trace_model *){&model}, 1, &o, &out), 0);
  return out;
}

static void expect(const char *name, int columns, int rows, bool utf8, bool color) {
  struct buf out = draw(columns, rows, utf8, color);
  golden(name, &out);
}

/* -- charts to look at -------------------------------------------------------------------------- */

static void one_process_that_sleeps_five_times(void **state) {
  (void)state;
  run_serial();
  expect("gantt-serial-40", 40, 24, true, false);
  expect("gantt-serial-80", 80, 24, true, false);
  expect("gantt-serial-200", 200, 24, true, false);
  expect("gantt-serial-80-ascii", 80, 24, false, false);
}

static void five_that_sleep_side_by_side(void **state) {
  (void)state;
  run_parallel();
  expect("gantt-parallel-40", 40, 24, true, false);
  expect("gantt-parallel-80", 80, 24, true, false);
  expect("gantt-parallel-80-color", 80, 24, true, true);
  expect("gantt-parallel-200-ascii", 200, 24, false, false);
}

static struct trace_model first_run;

/* Keep the model as the first one of two. */
static void keep_first(void) {
  first_run = model;
  model = (struct trace_model){0};
}

static void expect_both(const char *name, int columns, int rows, bool utf8, bool color) {
  struct buf out = {0};
  const struct gantt_options o = {.columns = columns, .rows = rows, .utf8 = utf8, .color = color};
  const struct trace_model *const both[] = {&first_run, &model};
  assert_int_equal(gantt_draw(both, 2, &o, &out), 0);
  int lines = 0;
  for (size_t i = 0; i < out.len; i++)
    lines += out.data[i] == '\n';
  assert_true(lines < rows);
  golden(name, &out);
}

static void two_on_one_axis(void **state) {
  (void)state;
  run_serial();
  keep_first();
  run_parallel();
  expect_both("gantt-two-40", 40, 24, true, false);
  expect_both("gantt-two-80", 80, 24, true, false);
  expect_both("gantt-two-80-color", 80, 24, true, true);
  expect_both("gantt-two-200-ascii", 200, 24, false, false);
  trace_model_release(&first_run);
}

static void two_that_share_the_screen(void **state) {
  (void)state;
  run_many(500);
  keep_first();
  run_producers();
  expect_both("gantt-two-long-80", 80, 24, true, false);
  expect_both("gantt-two-long-80-40", 80, 40, true, false);
  expect_both("gantt-two-long-40-17", 40, 17, true, false);
  trace_model_release(&first_run);
}

static void a_bounded_queue(void **state) {
  (void)state;
  run_producers();
  expect("gantt-producers-40", 40, 24, true, false);
  expect("gantt-producers-80", 80, 24, true, false);
  expect("gantt-producers-80-color", 80, 24, true, true);
  expect("gantt-producers-80-ascii", 80, 24, false, false);
  expect("gantt-producers-200", 200, 24, true, false);
}

static void a_deadlock(void **state) {
  (void)state;
  run_deadlock();
  expect("gantt-deadlock-80", 80, 24, true, false);
  expect("gantt-deadlock-80-color", 80, 24, true, true);
}

static void eight_and_five_hundred(void **state) {
  (void)state;
  run_many(8);
  expect("gantt-8-80", 80, 24, true, false);
  expect("gantt-8-40-ascii", 40, 24, false, false);
  run_many(500);
  expect("gantt-500-80", 80, 24, true, false);
  expect("gantt-500-40", 40, 12, true, false);
  expect("gantt-500-200-ascii", 200, 40, false, false);
}

static void a_pool(void **state) {
  (void)state;
  run_pool(8);
  expect("gantt-pool-80", 80, 24, true, false);
  expect("gantt-pool-80-ascii", 80, 24, false, false);
}

static void nothing_to_draw(void **state) {
  (void)state;
  fixture_begin("sandbox empty.lua");
  fixture_end(0);
  expect("gantt-empty", 80, 24, true, false);
  fixture_begin("sandbox zero.lua");
  add_process(1, 0, "main", 0, 0);
  fixture_end(0);
  expect("gantt-zero", 80, 24, true, false);
}

static void marks_and_notes(void **state) {
  (void)state;
  fixture_begin("sandbox marks.lua");
  add_process(1, 0, "main", 0, S(2))->how = TRACE_FAILED;
  add_process(2, 1, "", S(0.5), S(1))->how = TRACE_KILLED;
  add_mark(1, "warm-up", S(0.1));
  add_mark(1, "begin", S(0.5));
  add_mark(2, "no room for this name", S(0.9));
  add_mark(1, "next", S(1));
  add_mark(1, "end", S(1.95));
  const struct trace_mark counter = {.t_ns = S(1.5), .process = 1, .counter = true, .value = 3};
  assert_int_equal(trace_add_mark(&model, &counter), 0);
  model.facts.lost = 1234;
  model.facts.nameless = 1;
  model.facts.cut = true;
  model.facts.speed = 20;
  fixture_end(S(2));
  expect("gantt-marks-80", 80, 24, true, false);
  expect("gantt-marks-40-ascii", 40, 24, false, false);
}

/* A command for which there is no room loses the name of the program first, then its beginning. */
static void the_command_is_cut(void **state) {
  (void)state;
  static const struct {
    const char *command, *shown;
  } rows[] = {
      {"sandbox a.lua", "sandbox a.lua: 1 process"},
      {"sandbox 123456789.123456789.123456.lua", "123456789.123456789.123456.lua: 1 process"},
      {"sandbox 123456789.123456789.12345678.lua", "…456789.123456789.12345678.lua: 1 process"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    fixture_begin(rows[i].command);
    add_process(1, 0, "main", 0, S(2));
    fixture_end(S(2));
    struct buf out = draw(48, 24, true, false);
    size_t len = strlen(rows[i].shown);
    assert_true(out.len > len);
    assert_memory_equal(out.data, rows[i].shown, len);
    buf_release(&out);
  }
}

static void hostile_names(void **state) {
  (void)state;
  fixture_begin("sandbox 'a\nb'.lua");
  for (uint32_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
    add_process(i + 1, i ? 1 : 0, hostile[i], S(i), S(20));
  fixture_end(S(20));
  expect("gantt-hostile-80", 80, 40, true, false);
  expect("gantt-hostile-80-ascii", 80, 40, false, false);
}

/* -- what a cell shows -------------------------------------------------------------------------- */

/* The cells of the first row: a second each, since "main" and a gap take 5 of 80 columns. */
static void cells(char ret[512]) {
  fixture_end(S(75));
  struct buf out = draw(80, 24, true, false);
  assert_int_equal(buf_append_byte(&out, '\0'), 0);
  const char *row = strstr((const char *)out.data, "\nmain ");
  assert_non_null(row);
  size_t len = strcspn(row += 6, "\n");
  assert_true(len < 512);
  memcpy(ret, row, len);
  ret[len] = '\0';
  buf_release(&out);
}

static void expect_cells(const char *wanted) {
  char got[512];
  cells(got);
  assert_memory_equal(got, wanted, strlen(wanted));
}

static void one_process(double seconds) {
  fixture_begin("x");
  add_process(1, 0, "main", 0, S(seconds));
}

static void the_state_that_took_most_of_a_cell(void **state) {
  (void)state;
  one_process(75);
  for (int i = 0; i < 8; i++) { /* in each cell: it runs, sleeps longest, waits */
    sleeps(1, S(i + 0.3), S(i + 0.75));
    waits(1, OP_QUEUE_GET, 0, S(i + 0.75), S(i + 0.9), "");
  }
  expect_cells("········█");
  one_process(75);
  for (int i = 0; i < 8; i++) {
    waits(1, OP_LOCK_ACQUIRE, 0, S(i), S(i + 0.2), "");
    waits(1, OP_PROCESS_JOIN, 0, S(i + 0.3), S(i + 0.5), "");
    waits(1, OP_QUEUE_GET, 0, S(i + 0.5), S(i + 1), "");
  }
  expect_cells("▒▒▒▒▒▒▒▒█");
}

static void a_change_within_a_cell_is_drawn_in_eighths(void **state) {
  (void)state;
  static const char *const parts[] = {"█", "█▏", "█▎", "█▍", "█▌", "█▋", "█▊", "█▉"};
  for (int i = 1; i < 8; i++) {
    char wanted[64];
    one_process(75);
    sleeps(1, S(1 + i / 8.0), S(75));
    snprintf(wanted, sizeof wanted, "%s···", parts[i]);
    expect_cells(wanted);
    one_process(1 + i / 8.0); /* it ends */
    expect_cells(parts[i]);
  }
}

static void a_short_run_between_two_waits_is_seen(void **state) {
  (void)state;
  one_process(75);
  sleeps(1, S(0), S(5.5));
  sleeps(1, S(5.500001), S(75));
  expect_cells("·····▏····");
  one_process(75); /* it waits in between */
  sleeps(1, S(0), S(5.5));
  waits(1, OP_QUEUE_GET, 0, S(5.51), S(5.52), "");
  sleeps(1, S(5.53), S(75));
  expect_cells("·····▏····");
  one_process(75); /* across the edge of a cell */
  sleeps(1, S(0), S(4.99));
  sleeps(1, S(5.01), S(75));
  expect_cells("·····▏····");
  one_process(75); /* likewise, and waits at the edge */
  sleeps(1, S(0), S(4.98));
  waits(1, OP_QUEUE_GET, 0, S(4.99), S(5.01), "");
  sleeps(1, S(5.02), S(75));
  expect_cells("····▏·····");
  one_process(75); /* before a longer run there is no gap */
  sleeps(1, S(0), S(4.9));
  sleeps(1, S(7.25), S(75));
  expect_cells("·····██▎···");
}

static void many_short_runs_are_not(void **state) {
  (void)state;
  one_process(75);
  for (int i = 0; i < 75; i++)
    sleeps(1, S(i + 0.3), S(i + 1.2));
  expect_cells("·······················");
}

static void a_short_life_is_seen(void **state) {
  (void)state;
  fixture_begin("x");
  add_process(1, 0, "main", S(3.4), S(3.41));
  expect_cells("   ▏");
  fixture_begin("x");
  add_process(1, 0, "main", S(3.4), S(3.41));
  sleeps(1, S(3.4), S(3.41));
  expect_cells("   ·");
  fixture_begin("x");
  add_process(1, 0, "main", S(3.4), S(3.4));
  expect_cells("   ▏");
  fixture_begin("x");
  add_process(1, 0, "main", S(3.4), S(3.41))->how = TRACE_KILLED;
  expect_cells("   ✗");
}

static void stopped(void **state) {
  (void)state;
  fixture_begin("x");
  add_process(1, 0, "main", 0, S(75));
  add_process(2, 1, "child", 0, S(75));
  add_event(1, OP_PROCESS_SIGNAL, 2, S(3), S(3), 0, 1, SIGNAL_PAUSE, "");
  add_event(1, OP_PROCESS_SIGNAL, 2, S(5), S(5), 0, 1, SIGNAL_RESUME, "");
  fixture_end(S(75));
  struct buf out = draw(83, 24, true, false); /* 75 cells, since the names are wider */
  assert_int_equal(buf_append_byte(&out, '\0'), 0);
  assert_non_null(strstr((const char *)out.data, "child#2 ███==███"));
  assert_non_null(strstr((const char *)out.data, "= stopped"));
  buf_release(&out);
}

/* -- any model at any size ---------------------------------------------------------------------- */

/* Lines of text, valid, of at most so many columns; escape sequences only for colours. */
static void check_lines(const struct buf *out, int columns, int rows, bool utf8, bool color) {
  const char *text = (const char *)out->data;
  int lines = 0;
  assert_true(out->len > 0 && text[out->len - 1] == '\n');
  for (size_t at = 0, begin = 0, hidden = 0; at < out->len;) {
    uint32_t c;
    size_t bytes = utf8_next(text + at, out->len - at, &c);
    assert_int_not_equal(c, UTF8_BAD);
    if (!utf8)
      assert_true(c < 0x7f);
    if (c == 0x1b) {
      assert_true(color);
      size_t end = at + 2 + strspn(text + at + 2, "0123456789;");
      assert_true(text[at + 1] == '[' && text[end] == 'm');
      bytes = end + 1 - at;
      hidden += bytes;
      assert_int_equal(width_of(text + at, bytes), (int)bytes);
    } else if (c == '\n') {
      int width = width_of(text + begin, at - begin) - (int)hidden;
      if (width > columns)
        fail_msg("%d columns of %d: %.*s", width, columns, (int)(at - begin), text + begin);
      assert_true(at == begin || text[at - 1] != ' ');
      lines++;
      begin = at + 1;
      hidden = 0;
    } else {
      assert_true(c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0));
    }
    at += bytes;
  }
  assert_true(lines <= (rows > 1 ? rows - 1 : 1));
}

static void random_models_fit(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 1500; seed++) {
    random_run(seed);
    int columns = 40 + (int)random_below(random_below(4) ? 60 : 961);
    int rows = 1 + (int)random_below(40);
    bool utf8 = random_below(2), color = random_below(2);
    struct buf out = draw(columns, rows, utf8, color);
    check_lines(&out, columns, rows, utf8, color);
    buf_release(&out);
  }
}

static void sizes_that_are_not_told_or_absurd(void **state) {
  (void)state;
  run_many(500);
  struct buf out = draw(0, 0, true, false);
  check_lines(&out, 80, 24, true, false);
  buf_release(&out);
  out = draw(3, -1, true, true);
  check_lines(&out, 40, 24, true, true);
  buf_release(&out);
  out = draw(1 << 30, 1 << 30, false, true);
  check_lines(&out, GANTT_COLUMNS_MAX, 1 << 30, false, true);
  buf_release(&out);
}

/* With NO_COLOR nothing is lost: the chart is the same but for the escape sequences. */
static void colours_add_nothing_but_colour(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 50; seed++) {
    random_run(seed);
    struct buf with = draw(80, 24, true, true), without = draw(80, 24, true, false), left = {0};
    for (size_t i = 0; i < with.len; i++) {
      if (with.data[i] == 0x1b)
        i += strcspn((const char *)with.data + i, "m");
      else
        assert_int_equal(buf_append_byte(&left, with.data[i]), 0);
    }
    assert_int_equal(left.len, without.len);
    assert_memory_equal(left.data, without.data, left.len);
    buf_release(&with);
    buf_release(&without);
    buf_release(&left);
  }
}

/* The rows are for processes; what explains them gets its lines all the same. */
static void a_full_screen_has_room_for_all_kinds_of_lines(void **state) {
  (void)state;
  fixture_begin("sandbox full.lua");
  for (uint32_t i = 1; i <= 100; i++)
    add_process(i, i > 1, "p", 0, S(1));
  add_object(1, OBJECT_QUEUE, "jobs", 2);
  moves(1, OP_QUEUE_PUT, 1, 1, S(0.5), S(0.5), "");
  add_mark(1, "half", S(0.5));
  model.facts.lost = 1;
  model.facts.detail = TRACE_DETAIL_ALL;
  fixture_end(S(1));
  struct buf out = draw(80, 20, true, false);
  check_lines(&out, 80, 20, true, false);
  assert_int_equal(buf_append_byte(&out, '\0'), 0);
  static const char *const parts[] = {"full.lua", "├", "▾half", "jobs#1 max 2", "█ runs", "+ 89 more",
                                      "1 event lost: waits may be missing; --trace-detail merged has fewer"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!strstr((const char *)out.data, parts[i]))
      fail_msg("no '%s' in\n%s", parts[i], (const char *)out.data);
  buf_release(&out);
}

static void times_are_round(void **state) {
  (void)state;
  static const struct {
    int64_t end;
    const char *last; /* label */
    int ticks;
  } rows[] = {{S(1), "1s", 6},     {S(1.2), "1s", 5},    {S(1.5), "1.5s", 4}, {S(2.9), "2.5s", 6}, {S(3), "3s", 4},
              {S(59), "50s", 6},   {S(89), "80s", 5},    {S(90), "90s", 4},   {S(179), "150s", 6}, {S(180), "3m", 4},
              {S(600), "9m", 4},   {S(3600), "60m", 5},  {S(7200), "120m", 5}, {S(86400), "24h", 5}, {S(86400 * 30.0), "24d", 4},
              {5000, "5µs", 6},    {80000000, "80ms", 5}, {650, "600ns", 4}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    fixture_begin("x");
    add_process(1, 0, "main", 0, rows[i].end);
    fixture_end(rows[i].end);
    struct buf out = draw(80, 24, true, false);
    assert_int_equal(buf_append_byte(&out, '\0'), 0);
    char *times = strchr((char *)out.data, '\n') + 1, *axis = strchr(times, '\n') + 1;
    *strchr(axis, '\n') = '\0';
    axis[-1] = '\0';
    int ticks = 0;
    for (const char *at = axis; (at = strpbrk(at, "\xe2")); at += 3)
      ticks += memcmp(at, "├", 3) == 0 || memcmp(at, "┼", 3) == 0;
    const char *last = strrchr(times, ' ') + 1;
    if (strcmp(last, rows[i].last) != 0 || ticks != rows[i].ticks)
      fail_msg("%zu: %d ticks, last '%s'", i, ticks, last);
    buf_release(&out);
  }
}

static void without_memory(void **state) {
  (void)state;
  run_producers();
  const struct gantt_options o = {.columns = 80, .rows = 24, .utf8 = true, .color = true};
  int n = 1, rc = -SBX_ENOMEM;
  for (; rc; n++) {
    struct buf out = {0};
    char plan[40];
    snprintf(plan, sizeof plan, "buf.alloc:%d:fail", n);
    fault_plan(plan);
    rc = gantt_draw(&(const struct trace_model *){&model}, 1, &o, &out);
    fault_plan(NULL);
    assert_true(rc == 0 || rc == -SBX_ENOMEM);
    buf_release(&out);
  }
  assert_true(n > 10);
}

#define TEST(f) cmocka_unit_test_teardown(f, release)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(one_process_that_sleeps_five_times),
      TEST(five_that_sleep_side_by_side),
      TEST(two_on_one_axis),
      TEST(two_that_share_the_screen),
      TEST(a_bounded_queue),
      TEST(a_deadlock),
      TEST(eight_and_five_hundred),
      TEST(a_pool),
      TEST(nothing_to_draw),
      TEST(marks_and_notes),
      TEST(the_command_is_cut),
      TEST(hostile_names),
      TEST(the_state_that_took_most_of_a_cell),
      TEST(a_change_within_a_cell_is_drawn_in_eighths),
      TEST(a_short_run_between_two_waits_is_seen),
      TEST(many_short_runs_are_not),
      TEST(a_short_life_is_seen),
      TEST(stopped),
      TEST(random_models_fit),
      TEST(sizes_that_are_not_told_or_absurd),
      TEST(colours_add_nothing_but_colour),
      TEST(a_full_screen_has_room_for_all_kinds_of_lines),
      TEST(times_are_round),
      TEST(without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
