/* tests/unit/test_shake.c - the pauses of --shake: drawn from seeds, bounded; tokens; which outputs are alike. */
#include "support/os_world.h"

#include <string.h>

#include "host/shake_lines.h"
#include "host/shake_token.h"
#include "os/shared/shake.h"

enum { OPS = 20000 };

static const enum shake_mode modes[] = {SHAKE_RANDOM, SHAKE_PCT};

static struct shake_plan plan_of(enum shake_mode mode, unsigned level, uint64_t seed, uint64_t process) {
  struct shake_plan p;
  shake_plan_begin(&p, &(struct shake_options){mode, level, seed}, process);
  return p;
}

/* How many of the first n pauses are different. */
static int differences(struct shake_plan a, struct shake_plan b, int n) {
  int count = 0;
  for (int i = 0; i < n; i++)
    count += shake_next(&a) != shake_next(&b);
  return count;
}

static void the_same_seeds_give_the_same_pauses(void **state) {
  (void)state;
  for (int m = 0; m < 2; m++)
    for (unsigned level = 0; level < SHAKE_LEVELS; level++)
      for (uint64_t seed = 1; seed < 50; seed++)
        assert_int_equal(differences(plan_of(modes[m], level, seed, 7), plan_of(modes[m], level, seed, 7), 200), 0);
}

static void other_seeds_give_others(void **state) {
  (void)state;
  int by_seed = 0, by_process = 0;
  for (uint64_t seed = 1; seed <= 50; seed++)
    for (int m = 0; m < 2; m++) {
      by_seed += differences(plan_of(modes[m], 0, seed, 7), plan_of(modes[m], 0, seed + 1, 7), 200) > 0;
      by_process += differences(plan_of(modes[m], 0, seed, 7), plan_of(modes[m], 0, seed, 8), 200) > 0;
    }
  assert_true(by_seed > 80 && by_process > 80); /* two processes may have one priority */
}

static void pauses_are_bounded(void **state) {
  (void)state;
  for (int m = 0; m < 2; m++)
    for (unsigned level = 0; level < SHAKE_LEVELS; level++)
      for (uint64_t seed = 0; seed < 50; seed++) {
        struct shake_plan p = plan_of(modes[m], level, seed, 1);
        int64_t sum = 0;
        for (int i = 0; i < OPS; i++) {
          int64_t ns = shake_next(&p);
          assert_true(ns >= 0 && ns <= SHAKE_LONGEST_NS);
          sum += ns;
        }
        assert_true(sum <= SHAKE_MOST_NS);
      }
}

/* Of 1000 processes, in how many is there a pause of a millisecond before this op? */
static int late_at(enum shake_mode mode, unsigned level, int op) {
  int count = 0;
  for (uint64_t process = 0; process < 1000; process++) {
    struct shake_plan p = plan_of(mode, level, 42, process);
    int64_t ns = 0;
    for (int i = 0; i < op; i++)
      ns = shake_next(&p);
    count += ns >= NS_PER_MS;
  }
  return count;
}

static void each_of_the_first_ops_may_be_late(void **state) {
  (void)state;
  for (int m = 0; m < 2; m++)
    for (int op = 1; op <= 8; op++) {
      int count = late_at(modes[m], 0, op);
      if (count < 50 || count > 950)
        fail_msg("mode %d, op %d: late in %d of 1000 processes", m, op, count);
    }
}

static void no_mode_no_pause(void **state) {
  (void)state;
  struct shake_plan p = plan_of(SHAKE_NONE, 0, 1, 1);
  for (int i = 0; i < 100; i++)
    assert_int_equal(shake_next(&p), 0);
}

static void ops_of_one_process_alone_are_not_paused_before(void **state) {
  (void)state;
  static const enum op_kind concerned[] = {OP_VALUE_GET, OP_VALUE_SET, OP_LOCK_ACQUIRE, OP_LOCK_RELEASE,
                                           OP_QUEUE_PUT, OP_QUEUE_LOOK, OP_SELECT, OP_PROCESS_SPAWN,
                                           OP_PROCESS_END, OP_CONDITION_NOTIFY};
  static const enum op_kind local[] = {OP_NONE, OP_CLOCK_NOW, OP_CLOCK_SLEEP, OP_MARK, OP_LOCK_NEW,
                                       OP_QUEUE_NEW, OP_HANDLE_RELEASE, OP_HANDLE_IMPORT};
  for (size_t i = 0; i < sizeof concerned / sizeof *concerned; i++)
    assert_true(shake_concerns(concerned[i]));
  for (size_t i = 0; i < sizeof local / sizeof *local; i++)
    assert_false(shake_concerns(local[i]));
}

/* -- runs and tokens --------------------------------------------------------------------------- */

static void runs_alternate_between_the_modes_at_all_levels(void **state) {
  (void)state;
  int seen[3][SHAKE_LEVELS] = {{0}};
  for (uint64_t n = 1; n <= 100; n++) {
    struct shake_options o = shake_of_run(1, n);
    assert_int_equal(o.mode, n % 2 ? SHAKE_RANDOM : SHAKE_PCT);
    assert_true(o.level < SHAKE_LEVELS);
    assert_true(o.seed != shake_of_run(2, n).seed && o.seed != shake_of_run(1, n + 1).seed);
    seen[o.mode][o.level]++;
  }
  for (int m = 0; m < 2; m++) {
    assert_true(seen[modes[m]][0] >= 25);
    for (unsigned level = 1; level < SHAKE_LEVELS; level++)
      assert_true(seen[modes[m]][level] >= 5);
  }
}

static void a_token_has_all_of_the_options(void **state) {
  (void)state;
  for (uint64_t n = 1; n <= 100; n++) {
    struct shake_options o = shake_of_run(9, n), back = {0};
    char token[SHAKE_TOKEN_MAX];
    shake_token_format(&o, token);
    assert_true(shake_token_parse(token, &back));
    assert_true(back.mode == o.mode && back.level == o.level && back.seed == o.seed);
  }
}

/* -- outputs ----------------------------------------------------------------------------------- */

static const char *difference(const char *wanted, const char *got) {
  static char ret[300];
  bool differ = shake_lines_differ(wanted, strlen(wanted), got, strlen(got), ret, sizeof ret);
  return differ ? ret : NULL;
}

static void lines_may_come_in_any_order(void **state) {
  (void)state;
  assert_null(difference("", ""));
  assert_null(difference("a\nb\na\n", "a\na\nb\n"));
  assert_null(difference("a\nb", "b\na\n"));
  assert_null(difference("ab\na\n\nb\n", "\na\nab\nb\n"));
}

static void a_line_that_differs_is_told(void **state) {
  (void)state;
  assert_string_equal(difference("1\nOK\n", "1\nWRONG 3\n"), "'WRONG 3' instead of 'OK'");
  assert_string_equal(difference("a\nb\n", "a\n"), "'b' is missing");
  assert_string_equal(difference("a\n", ""), "'a' is missing");
  assert_string_equal(difference("a\n", "a\na\n"), "'a' is one too many");
  assert_string_equal(difference("", "\n"), "'' is one too many");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_seeds_give_the_same_pauses),
      cmocka_unit_test(other_seeds_give_others),
      cmocka_unit_test(pauses_are_bounded),
      cmocka_unit_test(each_of_the_first_ops_may_be_late),
      cmocka_unit_test(no_mode_no_pause),
      cmocka_unit_test(ops_of_one_process_alone_are_not_paused_before),
      cmocka_unit_test(runs_alternate_between_the_modes_at_all_levels),
      cmocka_unit_test(a_token_has_all_of_the_options),
      cmocka_unit_test(lines_may_come_in_any_order),
      cmocka_unit_test(a_line_that_differs_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
