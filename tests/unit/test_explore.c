/* tests/unit/test_explore.c - what is said of a graph of states, of graphs that no exploration makes. */
#include "support/os_world.h"

#include "sim/explore/graph.h"

static const struct explore_step main_only[] = {{.to = 1}, {.to = 2}};
static const struct explore_step of_both[] = {{.to = 1}, {.to = 2, .process = 1}};

static bool misses(uint32_t kills, uint32_t kill_steps, enum explore_stop stop,
                   const struct explore_step *steps) {
  const struct exploration x = {.options = {.kills = kills},
                                .kill_steps = kill_steps,
                                .stop = stop,
                                .steps = (struct explore_step *)(uintptr_t)steps,
                                .step_count = 2};
  return graph_misses_kills(&x);
}

static void kills_that_were_not_tried_are_missed(void **state) {
  (void)state;
  assert_true(misses(1, 0, STOP_COMPLETE, of_both));
  assert_true(misses(2, 0, STOP_BOUND, of_both));
  assert_false(misses(1, 1, STOP_COMPLETE, of_both));
  assert_false(misses(0, 0, STOP_COMPLETE, of_both));
  assert_false(misses(1, 0, STOP_STATES, of_both)); /* no verdict */
}

static void nobody_could_be_killed_where_only_main_takes_steps(void **state) {
  (void)state;
  assert_false(misses(1, 0, STOP_COMPLETE, main_only));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kills_that_were_not_tried_are_missed),
      cmocka_unit_test(nobody_could_be_killed_where_only_main_takes_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
