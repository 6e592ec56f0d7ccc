/* tests/unit/test_object.c - the table of ops, the waist, the machines of queue and process. */
#include "support/os_world.h"

#include <assert.h>

#include "object/process.h"
#include "object/hands.h"
#include "object/queue.h"

/* -- ops --------------------------------------------------------------------------------------- */

static void every_op_is_described(void **state) {
  (void)state;
  for (int k = OP_NONE + 1; k < OP_COUNT; k++) {
    const struct op_description *d = op_describe((enum op_kind)k);
    bool any_type = k == OP_SELECT || k == OP_MARK || (k >= OP_HANDLE_EXPORT && k <= OP_HANDLE_RELEASE);
    assert_true(d->type != OBJECT_NONE || any_type);
    assert_true(!(d->writes & ON_CLOCK) && (!d->blocks || (d->reads & ON_CLOCK)));
    assert_true(d->verb && strlen(d->verb) > 0);
    for (int other = OP_NONE + 1; other < k; other++) {
      const struct op_description *o = op_describe((enum op_kind)other);
      bool two_halves = k == OP_QUEUE_MEET && other == OP_QUEUE_PUT;
      assert_true(two_halves || o->type != d->type || strcmp(o->verb, d->verb) != 0);
    }
  }
  assert_true(op_describe(OP_QUEUE_PUT)->blocks && op_describe(OP_QUEUE_GET)->blocks);
  assert_true(op_describe(OP_PROCESS_JOIN)->blocks && op_describe(OP_CLOCK_SLEEP)->blocks);
  assert_false(op_describe(OP_QUEUE_PEEK)->blocks || op_describe(OP_QUEUE_CLOSE)->blocks);
  assert_string_equal(op_describe(OP_NONE)->verb, "none");
  assert_ptr_equal(op_describe(OP_COUNT), op_describe(OP_NONE));
  assert_ptr_equal(op_describe((enum op_kind)1000), op_describe(OP_NONE));
}

static struct {
  int calls;
  enum op_phase phase[4];
  int rc[4];
} seen;

static int watch(void *observer, const struct op *op, enum op_phase phase, int rc) {
  assert_ptr_equal(observer, &seen);
  assert_int_equal(op->kind, OP_QUEUE_GET);
  seen.phase[seen.calls] = phase;
  seen.rc[seen.calls++] = rc;
  return rc;
}

static int refuse(struct backend *b, struct op *op) {
  (void)b;
  (void)op;
  assert_int_equal(seen.calls, 1); /* told before, and not yet after */
  return -SBX_ECLOSED;
}

static void perform_tells_the_observer_before_and_after(void **state) {
  (void)state;
  const struct object_ops ops = {.perform = refuse};
  struct backend b = {.objects = &ops};
  backend_observe(&b, watch, &seen, true);
  struct op op = {.kind = OP_QUEUE_GET};
  assert_int_equal(perform(&b, &op), -SBX_ECLOSED);
  assert_int_equal(seen.calls, 2);
  assert_int_equal(seen.phase[0], OP_BEGIN);
  assert_int_equal(seen.phase[1], OP_END);
  assert_int_equal(seen.rc[1], -SBX_ECLOSED);
}

/* -- queue ------------------------------------------------------------------------------------- */

/* What a queue means, said another way: a number of items, a limit, a flag. */
static void the_queue_machine_is_a_bounded_counter_that_can_be_closed(void **state) {
  (void)state;
  uint64_t seed = 7;
  for (int round = 0; round < 2000; round++) {
    struct queue_state s = {.max = random_next(&seed) % 4, .put = UINT64_MAX - 5, .got = UINT64_MAX - 5,
                            .done = UINT64_MAX - 5};
    uint64_t n = 0, in_hand = 0;
    bool closed = false;
    for (int step = 0; step < 40; step++) { /* the counters wrap on the way */
      struct queue_state before = s;
      bool full = s.max && n == s.max;
      assert_true(queue_len(&s) == n);
      assert_int_equal(queue_is_full(&s), full);
      assert_int_equal(queue_enabled(&s, OP_QUEUE_JOIN), n + in_hand == 0);
      switch (random_next(&seed) % 10) {
      case 0: case 1: case 2: case 3:
        assert_int_equal(queue_enabled(&s, OP_QUEUE_PUT), closed || !full);
        if (closed || !full) {
          assert_int_equal(queue_apply(&s, OP_QUEUE_PUT), closed ? -SBX_ECLOSED : 0);
          n += !closed;
        }
        break;
      case 4: case 5: case 6:
        assert_int_equal(queue_enabled(&s, OP_QUEUE_GET), closed || n > 0);
        if (closed || n > 0) {
          assert_int_equal(queue_apply(&s, OP_QUEUE_GET), n ? 0 : -SBX_ECLOSED);
          in_hand += n > 0;
          n -= n > 0;
        }
        break;
      case 8:
        assert_true(queue_enabled(&s, OP_QUEUE_TASK_DONE));
        assert_int_equal(queue_apply(&s, OP_QUEUE_TASK_DONE), in_hand ? 0 : -SBX_ETASKS);
        in_hand -= in_hand > 0;
        break;
      case 7:
        assert_true(queue_enabled(&s, OP_QUEUE_PEEK));
        assert_int_equal(queue_apply(&s, OP_QUEUE_PEEK), n ? 0 : closed ? -SBX_ECLOSED : -SBX_ETIMEDOUT);
        assert_memory_equal(&s, &before, sizeof s);
        break;
      default:
        if (random_next(&seed) % 4)
          break;
        assert_true(queue_enabled(&s, OP_QUEUE_CLOSE));
        assert_int_equal(queue_apply(&s, OP_QUEUE_CLOSE), 0);
        closed = true;
      }
      assert_int_equal(s.closed, closed);
      assert_true(s.max == before.max);
    }
  }
  struct queue_state s = {0};
  assert_int_equal(queue_apply(&s, OP_CLOCK_SLEEP), -SBX_EINVAL);
}

/* -- process ----------------------------------------------------------------------------------- */

/* With redeliver, said another way: each item is in the queue, in the hands of a process, or done. */
static void a_queue_with_redeliver_keeps_what_is_in_hands(void **state) {
  enum { WHOS = 3, MOST = 60, THERE = 0, DONE = -1 };
  (void)state;
  uint64_t seed = 13;
  for (int round = 0; round < 3000; round++) {
    struct queue_hand list[HANDS_MOST];
    struct queue_hands h = {.list = list};
    struct queue_state s = {.redeliver = 1, .max = random_next(&seed) % 4};
    int item[MOST]; /* THERE, who has it, or DONE */
    int count = 0;
    for (int step = 0; step < MOST; step++) {
      struct queue_ask ask = {.who = 1 + random_next(&seed) % WHOS};
      int who = (int)ask.who, there = 0, oldest = MOST, mine = 0, first = MOST, last = -1, out = 0;
      for (int i = count; i-- > 0;) {
        there += item[i] == THERE;
        oldest = item[i] == THERE ? i : oldest;
        out += item[i] > THERE;
        mine += item[i] == who;
        first = item[i] == who ? i : first;
        last = item[i] == who && i > last ? i : last;
      }
      assert_int_equal(queue_len(&s), there);
      assert_int_equal(queue_in_hand(&s), out);
      switch (random_next(&seed) % 8) {
      case 0: case 1: case 2:
        ask.kind = OP_QUEUE_PUT;
        assert_int_equal(queue_ask_enabled(&s, &ask), s.max == 0 || there < (int)s.max);
        if (!queue_ask_enabled(&s, &ask))
          break;
        assert_int_equal(queue_ask_apply(&s, &ask), 0);
        item[count++] = THERE;
        break;
      case 3: case 4:
        ask.kind = OP_QUEUE_GET;
        ask.number = random_next(&seed) % 2 ? QUEUE_GET_MORE : 0;
        hands_tell(&h, &ask);
        bool refused = mine && (ask.number == 0 || oldest < last);
        assert_int_equal(queue_ask_enabled(&s, &ask), refused || there > 0);
        if (!refused && !there)
          break;
        assert_int_equal(queue_ask_apply(&s, &ask), refused ? -SBX_EHAND : 0);
        if (refused)
          break;
        uint32_t place = hands_first(&h, 0);
        if (place < h.count)
          hands_take(&h, ask.who);
        else
          hands_add(&h, &(struct queue_hand){.who = ask.who, .number = (uint64_t)oldest});
        assert_int_equal(h.list[place].number, oldest);
        item[oldest] = who;
        break;
      case 5: case 6:
        ask.kind = OP_QUEUE_TASK_DONE;
        ask.number = random_next(&seed) % 2 ? QUEUE_DONE_ALL : 0;
        hands_tell(&h, &ask);
        int done = ask.number ? mine : 1;
        assert_int_equal(queue_ask_apply(&s, &ask), done <= mine ? 0 : -SBX_ETASKS);
        for (int i = first; i < count && done <= mine && done > 0; i++) {
          if (item[i] != who)
            continue;
          uint32_t at = hands_first(&h, ask.who);
          assert_int_equal(h.list[at].number, i);
          hands_remove(&h, at);
          item[i] = DONE;
          done--;
        }
        break;
      default: /* it dies */
        assert_int_equal(hands_return(&h, ask.who), mine);
        queue_came_back(&s, (uint64_t)mine);
        for (int i = 0; i < count; i++)
          item[i] = item[i] == who ? THERE : item[i];
      }
    }
    s.closed = 1;
    bool more = queue_len(&s) || queue_in_hand(&s);
    assert_int_equal(queue_is_over(&s), queue_in_hand(&s) == 0);
    assert_int_equal(queue_enabled(&s, OP_QUEUE_JOIN), !more);
  }
}

/* What a queue without room means, said another way: which process has an item on offer, if any. */
static void a_queue_without_room_offers_one_item(void **state) {
  (void)state;
  uint64_t seed = 11;
  for (int round = 0; round < 2000; round++) {
    struct queue_state s = {.max = QUEUE_NO_ROOM};
    uint64_t offers = 0, withdrawn = 0, taken = 0;
    bool closed = false;
    for (int step = 0; step < 40; step++) {
      struct queue_ask ask = {.kind = OP_QUEUE_PUT,
                              .who = 1 + random_next(&seed) % 3,
                              .number = (int)(random_next(&seed) % 2),
                              .readers = random_next(&seed) % 2};
      bool mine = offers == ask.who;
      switch (random_next(&seed) % 8) {
      case 0: case 1: case 2:
        assert_int_equal(queue_ask_enabled(&s, &ask),
                         closed || (offers == 0 && (!ask.number || ask.readers)));
        if (queue_ask_enabled(&s, &ask))
          assert_int_equal(queue_ask_apply(&s, &ask), closed ? -SBX_ECLOSED : 0);
        offers = s.put > withdrawn + taken && offers == 0 ? ask.who : offers;
        break;
      case 3: case 4:
        ask.kind = OP_QUEUE_MEET;
        assert_int_equal(queue_ask_enabled(&s, &ask),
                         closed || !mine || (ask.number && !ask.readers));
        assert_int_equal(queue_ask_apply(&s, &ask), !mine    ? 0
                                                    : closed ? -SBX_ECLOSED
                                                             : -SBX_ETIMEDOUT);
        withdrawn += mine;
        offers = mine ? 0 : offers;
        break;
      case 5: case 6:
        ask.kind = OP_QUEUE_GET;
        assert_int_equal(queue_ask_enabled(&s, &ask), closed || offers);
        if (closed || offers)
          assert_int_equal(queue_ask_apply(&s, &ask), offers ? 0 : -SBX_ECLOSED);
        taken += offers != 0;
        offers = 0;
        break;
      default:
        closed |= random_next(&seed) % 8 == 0;
        s.closed = closed;
      }
      assert_true(s.offer == offers && queue_len(&s) == (offers != 0));
      assert_true(queue_undone(&s) == taken + (offers != 0) && s.got == taken + withdrawn);
    }
  }
}

static void a_join_is_enabled_when_the_process_has_ended(void **state) {
  (void)state;
  for (int phase = PHASE_FREE; phase <= PHASE_ENDED; phase++) {
    struct process_state s = {.phase = (enum process_phase)phase};
    assert_int_equal(process_enabled(&s, OP_PROCESS_JOIN), phase == PHASE_ENDED);
    assert_true(process_enabled(&s, OP_PROCESS_SIGNAL));
  }
  static_assert(PHASE_FREE < PHASE_CLAIMED && PHASE_CLAIMED < PHASE_RUNNING &&
                    PHASE_RUNNING < PHASE_EXITED && PHASE_EXITED < PHASE_ENDED,
                "a life goes forward");
}

static void the_status_says_how_it_ended(void **state) {
  (void)state;
  struct process_state s = {.phase = PHASE_RUNNING, .exit_code = 1};
  assert_int_equal(process_status_of(&s), PROCESS_RUNNING);
  s.phase = PHASE_EXITED; /* a join would still wait */
  assert_int_equal(process_status_of(&s), PROCESS_RUNNING);
  s.phase = PHASE_ENDED;
  assert_int_equal(process_status_of(&s), PROCESS_FAILED);
  s.exit_code = 0;
  assert_int_equal(process_status_of(&s), PROCESS_DONE);
  s.signal = 9;
  assert_int_equal(process_status_of(&s), PROCESS_KILLED);
  s.exit_code = 1;
  assert_int_equal(process_status_of(&s), PROCESS_KILLED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_op_is_described),
      cmocka_unit_test(perform_tells_the_observer_before_and_after),
      cmocka_unit_test(the_queue_machine_is_a_bounded_counter_that_can_be_closed),
      cmocka_unit_test(a_queue_without_room_offers_one_item),
      cmocka_unit_test(a_queue_with_redeliver_keeps_what_is_in_hands),
      cmocka_unit_test(a_join_is_enabled_when_the_process_has_ended),
      cmocka_unit_test(the_status_says_how_it_ended),
  };
  return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
