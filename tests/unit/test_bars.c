/* tests/unit/test_bars.c - progress as text: rows of a terminal of any width, lines of a log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/width.h"
#include "look/bars.h"
#include "object/progress.h"

static struct bar bar_of(const char *label, uint64_t count, uint64_t total, double elapsed) {
  static uint64_t id;
  struct bar b = {.id = ++id, .count = count, .total = total, .elapsed = elapsed};
  snprintf(b.label, sizeof b.label, "%s", label);
  return b;
}

/* The text is to be freed by the next call. */
static const char *rows_of(const struct bar *bars, uint32_t count, uint32_t rows, int columns) {
  static struct buf out;
  uint32_t got;
  const struct style style = {.columns = columns};
  out.len = 0;
  assert_int_equal(bars_rows(bars, count, rows, &style, &out, &got), 0);
  assert_int_equal(buf_append_byte(&out, 0), 0);
  uint32_t lines = out.len > 1;
  for (size_t i = 0; i < out.len; i++)
    lines += out.data[i] == '\n';
  assert_int_equal(lines, got);
  return (const char *)out.data;
}

static const char *line_of(const struct bar *b, int columns, bool ascii) {
  static struct buf out;
  const struct style style = {.columns = columns, .ascii = ascii};
  out.len = 0;
  assert_int_equal(bars_line(b, &style, &out), 0);
  assert_int_equal(buf_append_byte(&out, 0), 0);
  return (const char *)out.data;
}

static const char *log_of(const struct bar *b) {
  static struct buf out;
  out.len = 0;
  assert_int_equal(bars_log_line(b, &out), 0);
  assert_int_equal(buf_append_byte(&out, 0), 0);
  return (const char *)out.data;
}

static void a_row_says_all_when_there_is_room(void **state) {
  (void)state;
  struct bar b = bar_of("primes", 25, 100, 10);
  assert_string_equal(rows_of(&b, 1, 10, 100), "primes  25% |██████████                              |   25/100  2.50/s  0:10  0:30 left");
  assert_string_equal(rows_of(&b, 1, 10, 80), "primes  25% |███████▊                       |   25/100  2.50/s  0:10  0:30 left");
  assert_string_equal(rows_of(&b, 1, 10, 60), "primes  25% |██▊        |   25/100  2.50/s  0:10  0:30 left");
  assert_string_equal(rows_of(&b, 1, 10, 50), "primes  25% |██▎      |   25/100  0:10  0:30 left");
  assert_string_equal(rows_of(&b, 1, 10, 40), "primes  25% |█▎   |   25/100  0:30 left");
  assert_string_equal(rows_of(&b, 1, 10, 30), "primes  25% |█▌    |   25/100");
  assert_string_equal(rows_of(&b, 1, 10, 25), "primes  25% |██▌       |");
  assert_string_equal(rows_of(&b, 1, 10, 20), "primes  25% |█▎   |");
}

static void no_row_is_wider_than_the_screen(void **state) {
  (void)state;
  struct bar bars[] = {bar_of("", 0, 0, 0),
                       bar_of("x", 1, 3, 1e9),
                       bar_of("日本語のとても長い名前", 123456789, 9007199254740992, 3600),
                       bar_of("e\u0301t\u00e9 with marks", 5, PROGRESS_ENDLESS, 0.001),
                       bar_of("a label of forty-seven bytes, which is the most", 9007199254740992, 1, 86400)};
  for (int columns = 20; columns < 200; columns++)
    for (uint32_t n = 1; n <= 5; n++) {
      const char *text = rows_of(bars, n, 10, columns);
      for (const char *end; *text; text = *end ? end + 1 : end) {
        end = strchrnul(text, '\n');
        int width = width_of(text, (size_t)(end - text));
        assert_in_range(width, 1, columns - 1);
        assert_int_not_equal(end[-1], ' ');
      }
      for (uint32_t i = 0; i < n; i++)
        assert_in_range(width_of(line_of(&bars[i], columns, false), strlen(line_of(&bars[i], columns, false)) - 1), 1,
                        columns - 1);
    }
}

static void rows_are_aligned_and_the_rest_is_counted(void **state) {
  (void)state;
  struct bar bars[5] = {bar_of("a", 1, 4, 2), bar_of("longer", 300, 300, 100), bar_of("no end", 12, PROGRESS_ENDLESS, 3),
                        bar_of("closed", 1, 4, 2), bar_of("last", 0, 1000, 0)};
  bars[3].closed = true;
  assert_string_equal(rows_of(bars, 5, 9, 72),
                      "a       25% |█████▎               |        1/4  0.50/s  0:02  0:06 left\n"
                      "longer 100% |█████████████████████|    300/300  3.00/s  1:40\n"
                      "no end                                      12  4.00/s  0:03\n"
                      "last     0% |                     |     0/1000          0:00");
  assert_string_equal(rows_of(bars, 5, 3, 72),
                      "a       25% |█████▊                 |      1/4  0.50/s  0:02  0:06 left\n"
                      "longer 100% |███████████████████████|  300/300  3.00/s  1:40\n"
                      "+ 2 more");
  assert_string_equal(rows_of(bars, 5, 1, 72), "+ 4 more");
  assert_string_equal(rows_of(bars, 5, 0, 72), "");
  assert_string_equal(rows_of(&bars[3], 1, 9, 72), "");
}

static void a_line_says_how_it_ended(void **state) {
  (void)state;
  struct bar b = bar_of("primes", 25, 100, 10);
  b.closed = true;
  assert_string_equal(line_of(&b, 60, false), "primes  25% |███▎         |   25/100  2.50/s  0:10  stopped\n");
  assert_string_equal(line_of(&b, 60, true), "primes  25% [###----------]   25/100  2.50/s  0:10  stopped\n");
  b.count = 100;
  assert_string_equal(line_of(&b, 60, true), "primes 100% [######################]  100/100  10.0/s  0:10\n");
  b = bar_of("", 7, PROGRESS_ENDLESS, 3725);
  assert_string_equal(line_of(&b, 60, true), "7  0.11/min  1:02:05\n");
}

static void labels_cannot_control_the_terminal(void **state) {
  (void)state;
  struct bar b = bar_of("a\033[2Jb\xc2\x9b" "c\xff\u00fc", 1, PROGRESS_ENDLESS, 0);
  assert_string_equal(line_of(&b, 60, false), "a?[2Jb?c?ü  1  0:00\n");
  assert_string_equal(line_of(&b, 60, true), "a?[2Jb?c??  1  0:00\n");
  assert_string_equal(log_of(&b), "a?[2Jb?c?ü: 1, 0:00\n");
  b = bar_of("\xe2\x80\xae" "a\xe2\x80\x8d", 1, PROGRESS_ENDLESS, 0);
  assert_string_equal(log_of(&b), " ?a\xe2\x80\x8d: 1, 0:00\n");
  b = bar_of("sandbox", 1, PROGRESS_ENDLESS, 0); /* its line is not one of a report */
  assert_string_equal(log_of(&b), " sandbox: 1, 0:00\n");
  assert_string_equal(line_of(&b, 60, false), " sandbox  1  0:00\n");
  b = bar_of("sandbox: a name of forty-seven bytes, the most.", 1, PROGRESS_ENDLESS, 0);
  assert_string_equal(log_of(&b), " sandbox: a name of forty-seven bytes, the most.: 1, 0:00\n");
}

static void numbers_keep_their_size(void **state) {
  static const struct {
    double rate;
    const char *text;
  } rates[] = {{0.000314, "1.13/h"}, {0.0314, "1.88/min"}, {0.314, "0.31/s"}, {3.14159, "3.14/s"}, {31.4159, "31.4/s"},
               {314.159, "314/s"},  {999.6, "1.00k/s"}, {31415, "31.4k/s"}, {5e6, "5.00M/s"}, {2e9, "2.00G/s"}};
  (void)state;
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    char wanted[80];
    struct bar b = bar_of("", 1000000, PROGRESS_ENDLESS, 1000000 / rates[i].rate);
    snprintf(wanted, sizeof wanted, "1000000, %s, ", rates[i].text);
    assert_memory_equal(log_of(&b), wanted, strlen(wanted));
  }
}

static void nothing_changes_within_a_second_but_by_a_step(void **state) {
  (void)state;
  struct bar before = bar_of("a", 3, 9, 5.2), now = before;
  now.elapsed = 5.9;
  bar_settle(&now, &before);
  assert_true(now.elapsed <= 5.2);
  now.elapsed = 6.0;
  bar_settle(&now, &before);
  assert_true(now.elapsed >= 6.0);
  now.elapsed = 5.9;
  now.count = 4;
  bar_settle(&now, &before);
  assert_true(now.elapsed >= 5.9);
  now = before;
  now.elapsed = 5.9;
  now.closed = true;
  bar_settle(&now, &before);
  assert_true(now.elapsed >= 5.9);
}

static bool due_at(struct bars_log *log, struct bar *b, uint64_t count, double seconds) {
  b->count = count;
  b->seen_ns = (int64_t)(seconds * NS_PER_SECOND);
  return bars_log_due(log, b);
}

static void a_log_has_a_line_for_each_tenth_or_ten_seconds(void **state) {
  (void)state;
  struct bars_log log = {0};
  struct bar b = bar_of("a", 0, 50, 0), endless = bar_of("b", 0, PROGRESS_ENDLESS, 0), other[20];
  for (int i = 0; i < 20; i++) /* it has room for all */
    other[i] = bar_of("other", 0, 10, 0);
  for (int i = 0; i < 20; i++)
    assert_false(due_at(&log, &other[i], 0, 0));
  assert_false(due_at(&log, &b, 0, 100));
  assert_false(due_at(&log, &b, 4, 100.1)); /* 8 % */
  assert_false(due_at(&log, &b, 5, 100.2)); /* it has just begun */
  assert_true(due_at(&log, &b, 5, 100.3));
  assert_false(due_at(&log, &b, 5, 100.6));
  assert_false(due_at(&log, &b, 9, 100.7));
  assert_true(due_at(&log, &b, 23, 100.8)); /* 46 %: one line for what came at once */
  assert_false(due_at(&log, &b, 26, 101)); /* 52 %, but too soon */
  assert_false(due_at(&log, &b, 24, 110.7));
  assert_true(due_at(&log, &b, 24, 110.8)); /* ten seconds */
  assert_false(due_at(&log, &b, 24, 130)); /* nothing has changed */
  assert_true(due_at(&log, &b, 23, 131));
  assert_false(due_at(&log, &b, 50, 132)); /* what is complete is told when it is closed */
  assert_true(due_at(&log, &b, 50, 142));
  assert_false(due_at(&log, &endless, 1, 100));
  assert_false(due_at(&log, &endless, 1000000, 109));
  assert_true(due_at(&log, &endless, 1000001, 110));
  assert_true(due_at(&log, &other[19], 1, 1));
  b.closed = endless.closed = true;
  assert_true(due_at(&log, &b, 50, 143));
  assert_true(due_at(&log, &endless, 1, 143));
  assert_int_equal(log.count, 20);
  struct bar late = bar_of("never seen before", 1, 2, 1); /* it was closed at once */
  late.closed = true;
  assert_true(bars_log_due(&log, &late));
  bars_log_release(&log);
}

static void a_line_of_a_log(void **state) {
  (void)state;
  struct bar b = bar_of("fetch", 40, 100, 13);
  assert_string_equal(log_of(&b), "fetch: 40% 40/100, 3.08/s, 0:13, 0:19 left\n");
  b.closed = true;
  assert_string_equal(log_of(&b), "fetch: 40% 40/100, 3.08/s, 0:13, stopped\n");
  b.count = 100;
  assert_string_equal(log_of(&b), "fetch: 100% 100/100, 7.69/s, 0:13\n");
  b = bar_of("", 0, 100, 0);
  assert_string_equal(log_of(&b), "0% 0/100, 0:00\n");
  b = bar_of("", 199, 200, 1);
  assert_string_equal(log_of(&b), "99% 199/200, 199/s, 0:01, 0:00 left\n");
  b = bar_of("empty", 0, 0, 1);
  assert_string_equal(log_of(&b), "empty: 100% 0/0, 0:01\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_row_says_all_when_there_is_room),
      cmocka_unit_test(no_row_is_wider_than_the_screen),
      cmocka_unit_test(rows_are_aligned_and_the_rest_is_counted),
      cmocka_unit_test(a_line_says_how_it_ended),
      cmocka_unit_test(labels_cannot_control_the_terminal),
      cmocka_unit_test(numbers_keep_their_size),
      cmocka_unit_test(nothing_changes_within_a_second_but_by_a_step),
      cmocka_unit_test(a_log_has_a_line_for_each_tenth_or_ten_seconds),
      cmocka_unit_test(a_line_of_a_log),
  };
  return cmocka_run_group_tests_name("bars", tests, NULL, NULL);
}
