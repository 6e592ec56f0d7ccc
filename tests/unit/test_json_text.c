/* look/json_text.c, base/utf8.c - strings and numbers of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "look/json_text.h"

/* -- UTF-8 ------------------------------------------------------------------------------------- */

static void characters_are_decoded(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint32_t c;
  } rows[] = {{"A", 'A'},
              {"\x7f", 0x7f},
              {"\xc2\x80", 0x80},
              {"\xc3\xa4x", 0xe4},
              {"\xdf\xbf", 0x7ff},
              {"\xe0\xa0\x80", 0x800},
              {"\xe2\x80\xa8", 0x2028},
              {"\xed\x9f\xbf", 0xd7ff},
              {"\xee\x80\x80", 0xe000},
              {"\xef\xbf\xbf", 0xffff},
              {"\xf0\x90\x80\x80", 0x10000},
              {"\xf4\x8f\xbf\xbf", 0x10ffff}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t c;
    size_t bytes = utf8_next(rows[i].text, strlen(rows[i].text), &c);
    assert_int_equal(c, rows[i].c);
    assert_int_equal(bytes, strcspn(rows[i].text, "x"));
  }
  uint32_t zero = 1;
  assert_int_equal(utf8_next("", 1, &zero), 1);
  assert_int_equal(zero, 0);
}

static void what_is_not_utf8_is_one_bad_byte(void **state) {
  (void)state;
  static const char *const bad[] = {
      "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
      "\xed\xa0\x80" /* a surrogate */, "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
      "\xff", "\xc3", "\xc3x", "\xe2\x82", "\xf0\x9f\x98"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    uint32_t c = 0;
    assert_int_equal(utf8_next(bad[i], strlen(bad[i]), &c), 1);
    assert_int_equal(c, UTF8_BAD);
  }
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void expect(struct buf *out, int rc, const char *wanted) {
  assert_int_equal(rc, 0);
  assert_int_equal(buf_append_byte(out, '\0'), 0);
  assert_string_equal((const char *)out->data, wanted);
  buf_release(out);
}

static void strings_are_escaped(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"", "\"\""},
      {"plain \xc3\xa4 \xf0\x9f\x98\x80", "\"plain \xc3\xa4 \xf0\x9f\x98\x80\""},
      {"\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
      {"\x01z\x1f\x7f", "\"\\u0001z\\u001f\\u007f\""},
      {"</script><!-- & -->", "\"\\u003c/script\\u003e\\u003c!-- \\u0026 --\\u003e\""},
      {"a\xe2\x80\xa8\xe2\x80\xa9z", "\"a\\u2028\\u2029z\""},
      {"\xc2\x9bz\xe2\x80\xae\xe2\x81\xa6", "\"\\u009bz\\u202e\\u2066\""},
      {"a\xff\xc3z\xe2\x80", "\"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\""}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out = {0};
    expect(&out, json_string(&out, rows[i][0]), rows[i][1]);
  }
  struct buf out = {0};
  expect(&out, json_text(&out, "a\0b", 3), "\"a\\u0000b\"");
}

static void numbers_are_read_back(void **state) {
  (void)state;
  static const double rows[] = {0, -0.0, 1, 0.1, 1.0 / 3, 1e300, -2.5e-300, DBL_MAX, DBL_MIN, 12345678901234567.0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out = {0};
    assert_int_equal(json_number(&out, rows[i]), 0);
    assert_int_equal(buf_append_byte(&out, '\0'), 0);
    assert_true(strtod((const char *)out.data, NULL) == rows[i]);
    buf_release(&out);
  }
  struct buf out = {0};
  expect(&out, json_number(&out, 0.1), "0.1");
  expect(&out, json_number(&out, 1e21), "1e+21");
  expect(&out, json_number(&out, (double)NAN), "null");
  expect(&out, json_number(&out, -(double)INFINITY), "null");
}

static void seconds_are_exact(void **state) {
  (void)state;
  static const struct {
    int64_t ns;
    const char *text;
  } rows[] = {{0, "0"},
              {1, "0.000000001"},
              {-1, "-0.000000001"},
              {1500000000, "1.5"},
              {3000000000, "3"},
              {INT64_MAX, "9223372036.854775807"},
              {INT64_MIN, "-9223372036.854775808"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out = {0};
    expect(&out, json_seconds(&out, rows[i].ns), rows[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(characters_are_decoded),
      cmocka_unit_test(what_is_not_utf8_is_one_bad_byte),
      cmocka_unit_test(strings_are_escaped),
      cmocka_unit_test(numbers_are_read_back),
      cmocka_unit_test(seconds_are_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
