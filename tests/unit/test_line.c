/* tests/unit/test_line.c - the line being edited, its undo, the kill ring, and where words are. */
#include "support/os_world.h"

#include "term/line.h"
#include "term/motions.h"

/* -- helpers ----------------------------------------------------------------------------------- */

static void insert(struct edit_line *l, const wchar_t *text) {
  assert_int_equal(line_insert(l, text, wcslen(text)), 0);
}

/* The text, with a | where the cursor is. */
static void assert_line(const struct edit_line *l, const wchar_t *expected) {
  wchar_t text[256];
  assert_true(l->len + 2 < sizeof text / sizeof *text);
  assert_true(l->cursor <= l->len && l->mark <= l->len);
  wmemcpy(text, line_text(l), l->cursor);
  text[l->cursor] = L'|';
  wmemcpy(text + l->cursor + 1, line_text(l) + l->cursor, l->len - l->cursor);
  text[l->len + 1] = L'\0';
  if (wcscmp(text, expected) != 0)
    fail_msg("'%ls' is not '%ls'", text, expected);
}

/* -- changes ----------------------------------------------------------------------------------- */

static void text_is_inserted_deleted_and_replaced_at_the_cursor(void **state) {
  struct edit_line l = {0};
  (void)state;
  assert_line(&l, L"|");
  insert(&l, L"one three");
  l.cursor = 4;
  insert(&l, L"two ");
  assert_line(&l, L"one two |three");
  assert_int_equal(line_delete(&l, 3, 7), 0);
  assert_line(&l, L"one| three");
  assert_int_equal(line_replace(&l, 0, 3, L"1", 1), 0);
  assert_line(&l, L"1| three");
  assert_int_equal(line_set(&l, L"else", 4, 2), 0);
  assert_line(&l, L"el|se");
  line_release(&l);
}

static void the_mark_stays_with_the_characters_around_it(void **state) {
  struct edit_line l = {0};
  (void)state;
  insert(&l, L"abcdef");
  l.mark = 3;
  line_replace(&l, 0, 1, L"xyz", 3);
  assert_int_equal(l.mark, 5);
  line_replace(&l, 7, 1, L"", 0);
  assert_int_equal(l.mark, 5);
  line_delete(&l, 4, 6); /* around it */
  assert_int_equal(l.mark, 4);
  line_release(&l);
}

static void a_line_has_a_greatest_length_and_stays_as_it_is_beyond(void **state) {
  static wchar_t much[LINE_MOST + 1];
  struct edit_line l = {0};
  (void)state;
  wmemset(much, L'x', LINE_MOST + 1);
  insert(&l, L"ab");
  assert_int_equal(line_insert(&l, much, LINE_MOST - 1), -SBX_ENOSPC);
  assert_int_equal(line_insert(&l, much, LINE_MOST + 1), -SBX_ENOSPC);
  assert_line(&l, L"ab|");
  assert_int_equal(line_insert(&l, much, LINE_MOST - 2), 0);
  assert_int_equal(l.len, LINE_MOST);
  assert_true(line_undo(&l));
  assert_line(&l, L"|");
  line_release(&l);
}

static void rows_of_a_block_are_between_newlines(void **state) {
  struct edit_line l = {0};
  (void)state;
  insert(&l, L"one\n\nthree");
  assert_int_equal(line_row_start(&l, 2), 0);
  assert_int_equal(line_row_end(&l, 2), 3);
  assert_int_equal(line_row_start(&l, 4), 4);
  assert_int_equal(line_row_end(&l, 4), 4);
  assert_int_equal(line_row_start(&l, 10), 5);
  assert_int_equal(line_row_end(&l, 5), 10);
  line_release(&l);
}

/* -- undo -------------------------------------------------------------------------------------- */

static void steps_are_undone_and_done_again_one_by_one(void **state) {
  struct edit_line l = {0};
  (void)state;
  assert_false(line_undo(&l));
  insert(&l, L"a");
  insert(&l, L"b"); /* the same step */
  line_step(&l);
  insert(&l, L"c");
  line_step(&l);
  line_replace(&l, 0, 2, L"xyz", 3);
  line_delete(&l, 3, 4);
  assert_line(&l, L"xyz|");
  assert_true(line_undo(&l));
  assert_line(&l, L"abc|");
  assert_true(line_undo(&l));
  assert_line(&l, L"ab|");
  assert_true(line_redo(&l));
  assert_line(&l, L"abc|");
  assert_true(line_redo(&l));
  assert_line(&l, L"xyz|");
  assert_false(line_redo(&l));
  line_undo(&l), line_undo(&l), line_undo(&l);
  assert_line(&l, L"|");
  assert_false(line_undo(&l));
  line_release(&l);
}

static void a_change_after_an_undo_ends_what_could_be_done_again(void **state) {
  struct edit_line l = {0};
  (void)state;
  insert(&l, L"one");
  line_step(&l);
  insert(&l, L" two");
  line_undo(&l);
  line_step(&l);
  insert(&l, L"!");
  assert_false(line_redo(&l));
  assert_line(&l, L"one!|");
  line_undo(&l);
  assert_line(&l, L"one|");
  line_reset(&l);
  assert_false(line_undo(&l));
  assert_line(&l, L"|");
  line_release(&l);
}

/* Any changes, all undone and done again, give the same texts. */
static void random_changes_are_undone_and_done_again(void **state) {
  enum { CHANGES = 400, MOST = 64 };
  static wchar_t texts[CHANGES + 1][MOST + 1];
  (void)state;
  srand(1);
  for (int round = 0; round < 50; round++) {
    struct edit_line l = {0};
    int n = 0;
    texts[0][0] = L'\0';
    for (int i = 0; i < CHANGES; i++) {
      wchar_t text[8];
      size_t len = (size_t)rand() % 8, at = (size_t)rand() % (l.len + 1);
      size_t removed = (size_t)rand() % (l.len - at + 1);
      if (l.len - removed + len > MOST)
        len = 0;
      for (size_t k = 0; k < len; k++)
        text[k] = (wchar_t)(L'a' + rand() % 26);
      if (len + removed == 0)
        continue;
      line_step(&l);
      l.cursor = (size_t)rand() % (l.len + 1);
      assert_int_equal(line_replace(&l, at, removed, text, len), 0);
      wmemcpy(texts[++n], line_text(&l), l.len);
      texts[n][l.len] = L'\0';
    }
    for (int i = n - 1; i >= 0; i--) {
      assert_true(line_undo(&l));
      assert_int_equal(l.len, wcslen(texts[i]));
      assert_int_equal(wmemcmp(line_text(&l), texts[i], l.len), 0);
      assert_true(l.cursor <= l.len && l.mark <= l.len);
    }
    assert_false(line_undo(&l));
    for (int i = 1; i <= n; i++) {
      assert_true(line_redo(&l));
      assert_int_equal(l.len, wcslen(texts[i]));
      assert_int_equal(wmemcmp(line_text(&l), texts[i], l.len), 0);
    }
    line_release(&l);
  }
}

/* -- the kill ring ----------------------------------------------------------------------------- */

static void the_last_kill_comes_first_and_older_ones_in_turn(void **state) {
  struct kills k = {0};
  (void)state;
  assert_null(kills_now(&k));
  kills_turn(&k);
  kills_add(&k, L"", 0, KILL_NEW);
  assert_null(kills_now(&k));
  kills_add(&k, L"one", 3, KILL_AFTER); /* to nothing: a new one */
  kills_add(&k, L"two", 3, KILL_NEW);
  kills_add(&k, L"!", 1, KILL_AFTER);
  kills_add(&k, L"?", 1, KILL_BEFORE);
  assert_true(wcscmp(kills_now(&k), L"?two!") == 0);
  kills_turn(&k);
  assert_true(wcscmp(kills_now(&k), L"one") == 0);
  kills_turn(&k);
  assert_true(wcscmp(kills_now(&k), L"?two!") == 0);
  kills_release(&k);
}

static void of_many_kills_the_oldest_are_forgotten(void **state) {
  struct kills k = {0};
  (void)state;
  for (wchar_t c = 0; c < 2 * KILLS_MOST; c++)
    kills_add(&k, (wchar_t[]){L'A' + c}, 1, KILL_NEW);
  for (wchar_t c = 2 * KILLS_MOST - 1; c >= KILLS_MOST; c--) {
    assert_int_equal(kills_now(&k)[0], L'A' + c);
    kills_turn(&k);
  }
  assert_int_equal(kills_now(&k)[0], L'A' + 2 * KILLS_MOST - 1);
  kills_release(&k);
}

/* -- words ------------------------------------------------------------------------------------- */

static void words_of_emacs_hold_letters_digits_and_some_signs(void **state) {
  static const wchar_t text[] = L"  foo.bar(x_1, y)  ";
  size_t len = wcslen(text);
  (void)state;
  assert_int_equal(word_end(text, len, 0, 1), 9);
  assert_int_equal(word_end(text, len, 0, 2), 13);
  assert_int_equal(word_end(text, len, 0, 99), len);
  assert_int_equal(word_start(text, len, 1), 15);
  assert_int_equal(word_start(text, len, 3), 2);
  assert_int_equal(word_start(text, len, 99), 0);
  assert_int_equal(word_end(L"", 0, 0, 1), 0);
  assert_int_equal(word_start(L"", 0, 1), 0);
}

static void words_of_vi_are_letters_or_signs(void **state) {
  static const wchar_t text[] = L"foo.bar = (a)";
  size_t len = wcslen(text);
  (void)state;
  static const size_t next[] = {3, 4, 8, 10, 11, 12, 13, 13};
  for (int n = 1; n <= 8; n++)
    assert_int_equal(vi_word_next(text, len, 0, n, false, false), next[n - 1]);
  assert_int_equal(vi_word_next(text, len, 0, 1, true, false), 8);
  assert_int_equal(vi_word_next(text, len, 0, 1, true, true), 7);
  assert_int_equal(vi_word_start(text, len, 1, false), 12);
  assert_int_equal(vi_word_start(text, len, 4, false), 8);
  assert_int_equal(vi_word_start(text, len, 2, true), 8);
  assert_int_equal(vi_word_end(text, len, 0, 1, false), 2);
  assert_int_equal(vi_word_end(text, len, 0, 4, false), 8);
  assert_int_equal(vi_word_end(text, len, 0, 1, true), 6);
  assert_int_equal(vi_word_end(text, len, 0, 99, true), len - 1);
  assert_int_equal(vi_word_end(L"", 0, 0, 1, false), 0);
  assert_int_equal(vi_word_next(L"", 0, 0, 1, false, false), 0);
}

static void characters_and_brackets_are_found(void **state) {
  static const wchar_t text[] = L"a(b[c](d))x";
  size_t len = wcslen(text), at = 77;
  (void)state;
  assert_true(find_character(text, len, 0, L'(', 1, 2, &at));
  assert_int_equal(at, 6);
  assert_false(find_character(text, len, 0, L'a', 1, 1, &at));
  assert_true(find_character(text, len, len - 1, L'(', -1, 2, &at));
  assert_int_equal(at, 1);
  assert_false(find_character(text, len, 3, L'(', 1, 2, &at));
  assert_true(find_bracket(text, len, 0, &at));
  assert_int_equal(at, 9);
  assert_true(find_bracket(text, len, 9, &at));
  assert_int_equal(at, 1);
  assert_true(find_bracket(text, len, 4, &at)); /* the next bracket is ] */
  assert_int_equal(at, 3);
  assert_false(find_bracket(text, len, 10, &at));
  assert_false(find_bracket(L"((", 2, 0, &at));
  assert_false(find_bracket(L"))", 2, 1, &at));
  assert_int_equal(at, 3); /* untouched when nothing is found */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_inserted_deleted_and_replaced_at_the_cursor),
      cmocka_unit_test(the_mark_stays_with_the_characters_around_it),
      cmocka_unit_test(a_line_has_a_greatest_length_and_stays_as_it_is_beyond),
      cmocka_unit_test(rows_of_a_block_are_between_newlines),
      cmocka_unit_test(steps_are_undone_and_done_again_one_by_one),
      cmocka_unit_test(a_change_after_an_undo_ends_what_could_be_done_again),
      cmocka_unit_test(random_changes_are_undone_and_done_again),
      cmocka_unit_test(the_last_kill_comes_first_and_older_ones_in_turn),
      cmocka_unit_test(of_many_kills_the_oldest_are_forgotten),
      cmocka_unit_test(words_of_emacs_hold_letters_digits_and_some_signs),
      cmocka_unit_test(words_of_vi_are_letters_or_signs),
      cmocka_unit_test(characters_and_brackets_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
