/* tests/unit/test_token.c - tokens of schedules as text: what is read, and what is said of one that is wrong. */
#include "support/os_world.h"

#include <string.h>

#include "sim/explore/token.h"

static void a_token_is_read(void **state) {
  (void)state;
  struct token t;
  assert_null(token_parse("sbx1:7f3a9c21:v:2>p2,13>p0~4d1e", &t));
  assert_int_equal(t.script, 0x7f3a9c21);
  assert_int_equal(t.sum, 0x4d1e);
  assert_false(t.clock || t.ends);
  assert_int_equal(t.count, 2);
  assert_int_equal(t.turns[0].step, 2);
  assert_int_equal(t.turns[0].process, 2);
  assert_int_equal(t.turns[1].step, 13);
  assert_int_equal(t.turns[1].process, 0);
  token_release(&t);
}

static void a_token_may_have_no_deviation_and_flags(void **state) {
  (void)state;
  struct token t;
  assert_null(token_parse("sbx1:00000000:v:~0000", &t));
  assert_true(t.count == 0 && t.script == 0 && t.sum == 0);
  token_release(&t);
  assert_null(token_parse("sbx1:00000000:vc:~0000", &t));
  assert_true(t.clock && !t.ends);
  token_release(&t);
  assert_null(token_parse("sbx1:00000000:ve:~0000", &t));
  assert_true(!t.clock && t.ends);
  token_release(&t);
  assert_null(token_parse("sbx1:00000000:vce:1>p1~0000", &t));
  assert_true(t.clock && t.ends && !t.function);
  token_release(&t);
  assert_null(token_parse("sbx1:00000000:vf:1>p1~0000", &t));
  assert_true(!t.clock && !t.ends && t.function);
  token_release(&t);
}

static void a_turn_may_choose_or_kill(void **state) {
  (void)state;
  struct token t;
  assert_null(token_parse("sbx1:00000000:ved:2>p2.1,3!p1,4>p0~0000", &t));
  assert_true(t.ends && t.done);
  assert_int_equal(t.count, 3);
  assert_int_equal(t.kills, 1);
  assert_true(t.turns[0].choice == 1 && !t.turns[0].kill);
  assert_true(t.turns[1].kill && t.turns[1].process == 1);
  assert_true(t.turns[2].choice == 0 && !t.turns[2].kill);
  token_release(&t);
  assert_null(token_parse("sbx1:00000000:v:2>p2@7+6~0000", &t));
  assert_true(t.loop == 7 && t.round == 6 && t.count == 1);
  token_release(&t);
  assert_null(token_parse("sbx1:00000000:v:@0+1~0000", &t));
  assert_true(t.loop == 0 && t.round == 1 && t.count == 0);
  token_release(&t);
  assert_non_null(token_parse("sbx1:00000000:v:@7~0000", &t));
  assert_non_null(token_parse("sbx1:00000000:v:@7+0~0000", &t));
  assert_non_null(token_parse("sbx1:00000000:v:2>p2.~0000", &t));
  assert_non_null(token_parse("sbx1:00000000:v:2!p2.1~0000", &t));
}

static void a_token_may_be_long(void **state) {
  (void)state;
  struct buf text = {0};
  struct token t;
  assert_int_equal(buf_format(&text, "sbx1:00000001:v:"), 0);
  for (unsigned i = 1; i <= 1000; i++)
    assert_int_equal(buf_format(&text, "%s%u>p%u", i > 1 ? "," : "", 2 * i, i % 7), 0);
  assert_int_equal(buf_append(&text, "~abcd", 6), 0);
  assert_null(token_parse((const char *)text.data, &t));
  assert_int_equal(t.count, 1000);
  assert_int_equal(t.turns[999].step, 2000);
  assert_int_equal(t.turns[999].process, 1000 % 7);
  token_release(&t);
  buf_release(&text);
}

static void what_is_cut_off_is_told_as_such(void **state) {
  (void)state;
  static const char whole[] = "sbx1:7f3a9c21:ve:2>p2,13>p10~4d1e";
  struct token t;
  for (size_t len = 4; len < sizeof whole - 1; len++) {
    char text[sizeof whole];
    memcpy(text, whole, len);
    text[len] = '\0';
    const char *wrong = token_parse(text, &t);
    assert_non_null(wrong);
    if (!strstr(wrong, "cut off"))
      fail_msg("%s: %s", text, wrong);
    assert_null(t.turns);
  }
}

static void expect_wrong(const char *text, const char *words) {
  struct token t;
  const char *wrong = token_parse(text, &t);
  if (!wrong || !strstr(wrong, words))
    fail_msg("%s: %s", text, wrong ? wrong : "nothing is wrong");
}

static void what_is_wrong_is_told(void **state) {
  (void)state;
  expect_wrong("", "is not one of");
  expect_wrong("hello", "is not one of");
  expect_wrong("sbxs1:r0:0123456789abcdef", "--shake-token");
  expect_wrong("sbx2:7f3a9c21:v:~4d1e", "another version");
  expect_wrong("sbx10:7f3a9c21:v:~4d1e", "another version");
  expect_wrong("sbx1:7f3a9c21:w:~4d1e", "no hash");
  expect_wrong("sbx1:7f3a9cxx:v:~4d1e", "no hash");
  expect_wrong("sbx1:7f3a9c21:vx:~4d1e", "another version");
  expect_wrong("sbx1:7f3a9c21:v:2>q2~4d1e", "no step");
  expect_wrong("sbx1:7f3a9c21:v:2>p2;3>p1~4d1e", "no step");
  expect_wrong("sbx1:7f3a9c21:v:0>p2~4d1e", "one after the other");
  expect_wrong("sbx1:7f3a9c21:v:3>p2,3>p1~4d1e", "one after the other");
  expect_wrong("sbx1:7f3a9c21:v:1234567890123>p2~4d1e", "no step");
  expect_wrong("sbx1:7f3a9c21:v:2>p2~4d1e0", "behind its end");
  expect_wrong("sbx1:7f3a9c21:v:2>p2~4D1E", "cut off");
}

static void a_hash_depends_on_every_byte(void **state) {
  (void)state;
  uint32_t hash = token_hash(TOKEN_HASH_NONE, "lock", 4);
  assert_int_equal(hash, token_hash(token_hash(TOKEN_HASH_NONE, "lo", 2), "ck", 2));
  assert_int_not_equal(hash, token_hash(TOKEN_HASH_NONE, "loc", 3));
  assert_int_not_equal(hash, token_hash(TOKEN_HASH_NONE, "lick", 4));
  assert_int_not_equal(hash, token_hash(TOKEN_HASH_NONE, "olck", 4));
}

static void every_kind_has_a_name_of_its_own(void **state) {
  (void)state;
  assert_string_equal(token_kind_name(OP_LOCK_ACQUIRE), "LOCK_ACQUIRE");
  for (int a = 0; a < OP_COUNT; a++)
    for (int b = 0; b < a; b++)
      assert_string_not_equal(token_kind_name((enum op_kind)a), token_kind_name((enum op_kind)b));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_token_is_read),
      cmocka_unit_test(a_token_may_have_no_deviation_and_flags),
      cmocka_unit_test(a_turn_may_choose_or_kill),
      cmocka_unit_test(a_token_may_be_long),
      cmocka_unit_test(what_is_cut_off_is_told_as_such),
      cmocka_unit_test(what_is_wrong_is_told),
      cmocka_unit_test(a_hash_depends_on_every_byte),
      cmocka_unit_test(every_kind_has_a_name_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
