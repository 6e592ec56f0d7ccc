/*
 * look/waits.c - who can never go on, from snapshots made by hand; a model that tries everything
 * agrees; and from real processes: no false alarm while they work, an alarm when they are stuck.
 */
#include "support/os_world.h"

#include <signal.h>

#include "os/supervisor/snapshot.h"
#include "look/waits.h"

/* -- snapshots made by hand -------------------------------------------------------------------- */

enum { PEOPLE = 8, QUEUES = 4 };

static struct snapshot_process people[PEOPLE];
static struct snapshot_queue queues[QUEUES];
static uint32_t holders[QUEUES][PEOPLE];
static struct snapshot world;

/* `n` processes with the ids 1 ... n that run, and queues 1 ... QUEUES that nobody holds, empty. */
static void world_of(uint32_t n) {
  static const char *const names[PEOPLE] = {"main", "a", "b", "c", "d", "e", "f", "g"};
  memset(people, 0, sizeof people);
  memset(queues, 0, sizeof queues);
  for (uint32_t i = 0; i < n; i++) {
    people[i] = (struct snapshot_process){.id = i + 1, .slot = i, .lives = true, .exit_code = -1};
    strcpy(people[i].name, names[i]);
  }
  for (uint32_t i = 0; i < QUEUES; i++)
    queues[i] =
        (struct snapshot_queue){.id = i + 1, .slot = i, .exact = true, .holders.list = holders[i]};
  world = (struct snapshot){.settled = true,
                            .processes = people,
                            .process_count = n,
                            .queues = queues,
                            .queue_count = QUEUES};
}

static void hold(uint64_t process, uint64_t queue) {
  struct index_list *l = &queues[queue - 1].holders;
  uint32_t at = l->count++;
  for (; at > 0 && l->list[at - 1] > process - 1; at--)
    l->list[at] = l->list[at - 1];
  l->list[at] = (uint32_t)process - 1;
}

static void sleeps_in(uint64_t process, enum op_kind kind, uint64_t object) {
  people[process - 1].op = (struct snapshot_op){
      .kind = kind,
      .needs = {{.kind = kind, .type = op_describe(kind)->type, .object = object}},
      .need_count = 1,
      .since_ns = 1,
      .deadline_ns = SBX_FOREVER,
      .steady = true};
  strcpy(people[process - 1].where, "x.lua:3");
}

static enum stuck stuck(uint64_t process) { return people[process - 1].stuck; }

static void find(uint64_t helper) { assert_int_equal(waits_find(&world, helper), 0); }

static void check_told(uint64_t process, uint64_t helper, const char *wanted) {
  struct buf text = {0};
  assert_int_equal(waits_tell(&world, (uint32_t)process - 1, helper, &text), 0);
  assert_int_equal(buf_append_byte(&text, '\0'), 0);
  assert_string_equal((char *)text.data, wanted);
  buf_release(&text);
}

static void a_reader_of_a_queue_of_its_own_is_stuck(void **state) {
  (void)state;
  world_of(1);
  hold(1, 1);
  sleeps_in(1, OP_QUEUE_GET, 1);
  find(0);
  assert_int_equal(stuck(1), STUCK_FOR_EVER);
  assert_true(waits_all_stuck(&world));
  check_told(1, 0, "main waits in get at x.lua:3 for queue#1, which nobody else can fill");
}

static void a_join_and_a_get_make_a_cycle(void **state) {
  uint32_t chain[PEOPLE];
  bool closed;
  (void)state;
  world_of(4); /* main runs; a gets from a queue that b holds, too; b joins a; c joins b */
  hold(2, 1);
  hold(3, 1);
  sleeps_in(2, OP_QUEUE_GET, 1);
  strcpy(people[1].op.needs[0].object_name, "jobs");
  sleeps_in(3, OP_PROCESS_JOIN, 2);
  sleeps_in(4, OP_PROCESS_JOIN, 3);
  find(0);
  assert_int_equal(stuck(1), STUCK_NO);
  for (uint64_t id = 2; id <= 4; id++)
    assert_int_equal(stuck(id), STUCK_FOR_EVER);
  assert_false(waits_all_stuck(&world));
  check_told(2, 0, "a#2 waits in get at x.lua:3 for queue jobs#1, which only b#3 can fill");
  check_told(3, 0, "b#3 waits in join at x.lua:3 for a#2");
  assert_int_equal(waits_chain(&world, 1, chain, PEOPLE, &closed), 2);
  assert_true(closed && chain[0] == 1 && chain[1] == 2);
  assert_int_equal(waits_chain(&world, 3, chain, PEOPLE, &closed), 3);
  assert_true(closed && chain[0] == 3 && chain[1] == 2 && chain[2] == 1);
  assert_int_equal(waits_chain(&world, 0, chain, PEOPLE, &closed), 0);
}

static void nobody_is_stuck_whom_one_outside_could_help(void **state) {
  (void)state;
  world_of(3); /* main joins a, a gets, b runs and holds the queue */
  hold(2, 1);
  hold(3, 1);
  sleeps_in(1, OP_PROCESS_JOIN, 2);
  sleeps_in(2, OP_QUEUE_GET, 1);
  find(0);
  assert_true(stuck(1) == STUCK_NO && stuck(2) == STUCK_NO);

  people[2].lives = false; /* b has ended: nobody is left */
  find(0);
  assert_true(stuck(1) == STUCK_FOR_EVER && stuck(2) == STUCK_FOR_EVER);
  assert_true(waits_all_stuck(&world));

  queues[0].items = 1; /* the op can go on */
  find(0);
  assert_true(stuck(1) == STUCK_NO && stuck(2) == STUCK_NO);
  queues[0].items = 0;

  queues[0].closed = true;
  find(0);
  assert_int_equal(stuck(2), STUCK_NO);
  queues[0].closed = false;

  queues[0].exact = false; /* nobody knows */
  find(0);
  assert_int_equal(stuck(2), STUCK_NO);
  queues[0].exact = true;

  people[1].op.deadline_ns = 1000;
  find(0);
  assert_true(stuck(1) == STUCK_NO && stuck(2) == STUCK_NO);
  people[1].op.deadline_ns = SBX_FOREVER;

  people[1].op.steady = false;
  find(0);
  assert_int_equal(stuck(1), STUCK_NO);
  people[1].op.steady = true;

  people[1].status = PROCESS_STOPPED;
  find(0);
  assert_int_equal(stuck(1), STUCK_NO);
  people[1].status = PROCESS_RUNNING;

  world.settled = false;
  find(0);
  assert_int_equal(stuck(1), STUCK_NO);
  world.settled = true;

  sleeps_in(2, OP_CLOCK_SLEEP, 0); /* for ever, but that is what it was told to do */
  find(0);
  assert_true(stuck(1) == STUCK_NO && stuck(2) == STUCK_NO);
}

static void a_join_of_one_that_ended_can_go_on(void **state) {
  (void)state;
  world_of(2);
  sleeps_in(1, OP_PROCESS_JOIN, 2);
  people[1].lives = false;
  find(0);
  assert_int_equal(stuck(1), STUCK_NO);
  world.process_count = 1; /* even its record is gone */
  find(0);
  assert_int_equal(stuck(1), STUCK_NO);
}

static void who_gets_a_message_that_names_the_queue_may_be_anybody(void **state) {
  (void)state;
  world_of(3);
  hold(2, 1);
  queues[0].named = true;
  sleeps_in(2, OP_QUEUE_GET, 1);
  find(0);
  assert_int_equal(stuck(2), STUCK_NO); /* main may get it */
  sleeps_in(1, OP_PROCESS_JOIN, 2);
  sleeps_in(3, OP_PROCESS_JOIN, 2);
  find(0);
  assert_true(waits_all_stuck(&world)); /* nobody will */
}

static void writers_wait_for_those_who_empty(void **state) {
  (void)state;
  world_of(6);
  queues[1].max = queues[1].items = 2;
  for (uint64_t id = 1; id <= 6; id++)
    hold(id, 2);
  sleeps_in(6, OP_QUEUE_PUT, 2);
  find(0);
  assert_int_equal(stuck(6), STUCK_NO);
  check_told(
      6, 0,
      "e#6 waits in put at x.lua:3 for queue#2, which only main, a#2, b#3 and 2 more can empty");
  for (uint64_t id = 1; id <= 5; id++)
    sleeps_in(id, OP_QUEUE_PUT, 2);
  find(0);
  assert_true(waits_all_stuck(&world));
  check_told(
      4, 0,
      "main, a#2, b#3 and 3 more wait in put at x.lua:3 for queue#2, which nobody else can empty");
  strcpy(people[3].where, "x.lua:4");
  check_told(4, 0, "c#4 waits in put at x.lua:4 for queue#2, which nobody else can empty");
  queues[1].items = 1;
  find(0);
  assert_int_equal(stuck(1), STUCK_NO);
}

static void whom_only_the_prompt_could_help_is_told_apart(void **state) {
  uint32_t chain[PEOPLE];
  bool closed;
  (void)state;
  world_of(5); /* main is the prompt, and holds all; a waits for it; b and c wait for one another; d
                  for itself */
  hold(1, 1);
  hold(2, 1);
  sleeps_in(2, OP_QUEUE_GET, 1);
  sleeps_in(3, OP_PROCESS_JOIN, 4);
  sleeps_in(4, OP_PROCESS_JOIN, 3);
  hold(5, 3);
  sleeps_in(5, OP_QUEUE_GET, 3);
  find(0);
  assert_int_equal(stuck(2), STUCK_NO);
  find(1);
  assert_int_equal(stuck(1), STUCK_NO);
  assert_int_equal(stuck(2), STUCK_HELP);
  assert_int_equal(stuck(3), STUCK_FOR_EVER);
  assert_int_equal(stuck(4), STUCK_FOR_EVER);
  assert_int_equal(stuck(5), STUCK_FOR_EVER);
  check_told(2, 1, "a#2 waits in get at x.lua:3 for queue#1, which only you can fill");
  hold(5, 1);
  sleeps_in(5, OP_QUEUE_GET, 1); /* with a: neither helps the other */
  find(1);
  check_told(2, 1, "a#2 and d#5 wait in get at x.lua:3 for queue#1, which only you can fill");
  assert_int_equal(waits_chain(&world, 1, chain, PEOPLE, &closed), 1);
  assert_false(closed);
  hold(2, 3);
  sleeps_in(5, OP_QUEUE_GET, 3); /* a deadlock, if it were not for the prompt */
  find(1);
  assert_int_equal(waits_chain(&world, 1, chain, PEOPLE, &closed), 2);
  assert_true(closed && chain[1] == 4);
}

/* -- a model: try every set -------------------------------------------------------------------- */

static bool model_asleep(uint32_t i) {
  const struct snapshot_process *p = &people[i];
  if (!p->lives || p->op.deadline_ns != SBX_FOREVER || !p->op.steady)
    return false;
  if (p->op.kind == OP_PROCESS_JOIN)
    return people[p->op.needs[0].object - 1].lives;
  const struct snapshot_queue *q = &queues[p->op.needs[0].object - 1];
  return p->op.kind == OP_QUEUE_GET ? q->items == 0 : q->max && q->items == q->max;
}

static bool model_helps(uint32_t i, uint32_t by) {
  const struct snapshot_op *op = &people[i].op;
  if (op->kind == OP_PROCESS_JOIN)
    return op->needs[0].object == by + 1;
  const struct index_list *l = &queues[op->needs[0].object - 1].holders;
  for (uint32_t k = 0; k < l->count; k++)
    if (l->list[k] == by)
      return true;
  return false;
}

static bool model_closed(uint32_t set) {
  for (uint32_t i = 0; i < PEOPLE; i++) {
    if (!(set & 1u << i))
      continue;
    if (!model_asleep(i))
      return false;
    for (uint32_t by = 0; by < PEOPLE; by++)
      if (people[by].lives && !(set & 1u << by) && model_helps(i, by))
        return false;
  }
  return true;
}

static void random_world(uint64_t *seed) {
  world_of(PEOPLE);
  for (uint64_t q = 1; q <= QUEUES; q++) {
    queues[q - 1].max = random_next(seed) % 2;
    queues[q - 1].items = queues[q - 1].max ? random_next(seed) % 2 : random_next(seed) % 4 == 0;
    for (uint64_t id = 1; id <= PEOPLE; id++)
      if (random_next(seed) % 3 == 0)
        hold(id, q);
  }
  for (uint64_t id = 1; id <= PEOPLE; id++) {
    uint64_t dice = random_next(seed) % 12;
    people[id - 1].lives = dice != 0;
    if (dice == 1)
      continue; /* it runs */
    enum op_kind kind = dice < 5 ? OP_PROCESS_JOIN : dice < 9 ? OP_QUEUE_GET : OP_QUEUE_PUT;
    uint64_t object = 1 + random_next(seed) % (kind == OP_PROCESS_JOIN ? PEOPLE : QUEUES);
    sleeps_in(id, kind, object);
    if (random_next(seed) % 16 == 0)
      people[id - 1].op.deadline_ns = 1000;
  }
}

static void the_set_is_the_largest_that_is_closed(void **state) {
  enum { WORLDS = 2000 };
  uint64_t seed = 7;
  uint32_t with_some = 0;
  (void)state;
  for (int w = 0; w < WORLDS; w++) {
    uint32_t largest = 0;
    random_world(&seed);
    for (uint32_t set = 0; set < 1u << PEOPLE; set++)
      if (model_closed(set))
        largest |= set; /* the union of two closed sets is closed */
    find(0);
    for (uint32_t i = 0; i < PEOPLE; i++)
      assert_int_equal(people[i].stuck, largest & 1u << i ? STUCK_FOR_EVER : STUCK_NO);
    with_some += largest != 0;
  }
  assert_true(with_some > WORLDS / 20 && with_some < WORLDS * 19 / 20);
}

/* -- real processes ---------------------------------------------------------------------------- */

static struct snapshot take(void) {
  struct snapshot s = {0};
  CHECK_EQ(snapshot_take(the_backend->control, SNAPSHOT_QUEUES, &s), 0);
  CHECK_EQ(waits_find(&s, 0), 0);
  return s;
}

static struct object *ping, *pong;

static int play(void *first) {
  struct buf item = {0};
  struct object *in = first ? ping : pong, *out = first ? pong : ping;
  for (;;) {
    item.len = 0;
    CHECK_EQ(get(in, &item, SBX_FOREVER), 0);
    CHECK_EQ(put(out, item.data, item.len, SBX_FOREVER), 0);
  }
  return 0;
}

/* One ball: at every moment but one of the players waits for the other, and none is stuck. */
TEST_ON_STAGE(players_are_never_stuck_until_the_ball_is_lost, 60) {
  os_world_new();
  for (int transport = TRANSPORT_AUTO; transport <= TRANSPORT_SHM; transport++) {
    ping = new_queue(0, (enum queue_transport)transport, 0);
    pong = new_queue(0, (enum queue_transport)transport, 0);
    struct object *players[2] = {spawn_process(play, "first"), spawn_process(play, NULL)};
    struct object *own[2] = {ping, pong};
    CHECK_EQ(put(ping, "o", 1, SBX_FOREVER), 0);
    for (int i = 0; i < 2; i++)
      release_object(own[i]); /* main cannot help any more; it runs, and holds nothing */
    for (int round = 0; round < 700; round++) {
      struct snapshot s = take();
      for (uint32_t i = 0; i < s.process_count; i++)
        CHECK_EQ(s.processes[i].stuck, STUCK_NO);
      snapshot_release(&s);
    }
    kill_process(
        players[0]); /* the ball may be in its hands, or in a queue that nobody fills any more */
    for (bool over = false; !over;) {
      struct snapshot s = take();
      int64_t other = snapshot_find_process(&s, players[1]->serial);
      over = s.processes[other].stuck == STUCK_FOR_EVER;
      CHECK(!waits_all_stuck(&s)); /* main runs */
      snapshot_release(&s);
    }
    kill_process(players[1]);
  }
}

static int join_given(void *p) { return join_process(p, NULL, SBX_FOREVER); }

static int get_forever(void *q) {
  struct buf item = {0};
  return get(q, &item, SBX_FOREVER);
}

TEST_ON_STAGE(a_stopped_one_might_help_when_it_goes_on, 20) {
  os_world_new();
  struct object *q = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *a = spawn_process(get_forever, q), *b = spawn_process(get_forever, q);
  struct object *joiner = spawn_process(join_given, a);
  release_object(q);
  for (bool all = false; !all;) {
    struct snapshot s = take();
    all = s.processes[1].stuck && s.processes[2].stuck && s.processes[3].stuck;
    snapshot_release(&s);
  }
  kill(pid_of(b), SIGSTOP);
  await_stopped(pid_of(b));
  struct snapshot s = take();
  for (uint32_t i = 0; i < s.process_count; i++)
    CHECK_EQ(s.processes[i].stuck, STUCK_NO);
  snapshot_release(&s);
  kill_process(joiner);
  kill_process(a);
  kill_process(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_reader_of_a_queue_of_its_own_is_stuck),
      cmocka_unit_test(a_join_and_a_get_make_a_cycle),
      cmocka_unit_test(nobody_is_stuck_whom_one_outside_could_help),
      cmocka_unit_test(a_join_of_one_that_ended_can_go_on),
      cmocka_unit_test(who_gets_a_message_that_names_the_queue_may_be_anybody),
      cmocka_unit_test(writers_wait_for_those_who_empty),
      cmocka_unit_test(whom_only_the_prompt_could_help_is_told_apart),
      cmocka_unit_test(the_set_is_the_largest_that_is_closed),
      cmocka_unit_test(players_are_never_stuck_until_the_ball_is_lost),
      cmocka_unit_test(a_stopped_one_might_help_when_it_goes_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
