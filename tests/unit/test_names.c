/*
 * tests/unit/test_names.c - what is stored keeps alive what it names, and what nobody can reach is given up: objects that
 * change hands all the time while somebody sweeps without a pause, and a sweep after each way to lose one.
 */
#include "support/os_world.h"

#include <signal.h>

#include "os/shared/hand.h"
#include "os/shared/names.h"
#include "os/sync/sync.h"

static bool lives(const struct object_ref *ref) {
  return atomic_load(&the_backend->control->object_stamp[ref->slot]) == stamp_of(ref->serial, OBJECT_LIVE);
}

static struct object_ref ref_of(const struct object *o) {
  struct object_ref ref;
  the_backend->base.objects->object_ref(o, &ref);
  return ref;
}

static struct object *new_sync(enum object_type type) {
  struct sync_options o = {.type = type};
  struct object *ret;
  CHECK_EQ(op_sync_new(&the_backend->base, &o, &ret), 0);
  return ret;
}

/* What travels are locks, mostly: they have no descriptors. */
static void send(struct object *q, const struct object_ref *what, uint32_t count, size_t len) {
  static const uint8_t item[4000];
  struct op_refs refs = {.sent = what, .count = count};
  struct op op = {.kind = OP_QUEUE_PUT, .object = q, .deadline_ns = SBX_FOREVER, .data = item, .len = len, .refs = &refs};
  bool alone = what->type == OBJECT_QUEUE; /* nobody keeps its descriptors */
  CHECK_EQ(alone ? queue_put(the_backend, &op) : perform(&the_backend->base, &op), 0);
}

/* Returns how many handles came; 0: the queue is empty. */
static uint32_t receive(struct object *q, struct object_ref *ret, uint32_t most, int64_t deadline_ns) {
  struct buf item = {0}, taken = {0};
  struct op_refs refs = {.taken = &taken};
  struct op op = {.kind = OP_QUEUE_GET, .object = q, .deadline_ns = deadline_ns, .out = &item, .refs = &refs};
  int rc = queue_get(the_backend, &op);
  uint32_t count = (uint32_t)(taken.len / sizeof *ret);
  CHECK(rc == 0 || rc == -SBX_ETIMEDOUT);
  CHECK(count <= most);
  if (count)
    memcpy(ret, taken.data, taken.len);
  buf_release(&item);
  buf_release(&taken);
  return count;
}

static void land(const struct object_ref *ref) { hand_drop(the_backend, ref); }

static bool stored(const struct object_ref *ref) {
  return names_stored(the_backend->control, ref->slot, names_moment(the_backend->control));
}

static void sweep(void) { names_sweep(the_backend); }

/* -- what is lost ------------------------------------------------------------------------------ */

TEST_ON_STAGE(an_object_in_a_queue_lives_as_long_as_that_can_be_reached, 20) {
  os_world_new();
  for (int transport = 0; transport < 3; transport++) {
    struct object *q = new_queue(0, (enum queue_transport)transport, 0), *lock = new_sync(OBJECT_LOCK);
    struct object_ref ref = ref_of(lock), got;
    send(q, &ref, 1, 8);
    release_object(lock);
    sweep();
    CHECK(lives(&ref));
    CHECK(stored(&ref));
    CHECK_EQ(receive(q, &got, 1, 0), 1);
    CHECK_EQ(got.serial, ref.serial);
    CHECK(!stored(&ref));
    sweep();
    CHECK(lives(&ref)); /* in our hands */
    land(&ref);
    sweep();
    CHECK(!lives(&ref));

    lock = new_sync(OBJECT_LOCK);
    ref = ref_of(lock);
    send(q, &ref, 1, 3000);
    send(q, &ref, 1, 8);
    release_object(lock);
    CHECK_EQ(receive(q, &got, 1, 0), 1);
    land(&got);
    sweep();
    CHECK(lives(&ref)); /* the second item names it */
    release_object(q);
    sweep();
    CHECK(!lives(&ref));
  }
}

TEST_ON_STAGE(circles_are_garbage, 20) {
  os_world_new();
  struct object *a = new_queue(0, TRANSPORT_AUTO, 0), *b = new_queue(0, TRANSPORT_SHM, 0);
  struct object_ref of_a = ref_of(a), of_b = ref_of(b);
  a->queue->forks = b->queue->forks = UINT32_MAX; /* as if they had been sent: no short way when they are dropped */
  send(a, &of_b, 1, 1);
  send(b, &of_a, 1, 1);
  send(b, &of_b, 1, 1);
  release_object(a);
  sweep();
  CHECK(lives(&of_a));
  release_object(b);
  sweep();
  CHECK(!lives(&of_a));
  CHECK(!lives(&of_b));
}

/* Who looks at the holders before it is received, and at what is stored after, must not miss it. */
TEST_ON_STAGE(what_changed_hands_between_two_looks_counts_as_stored, 20) {
  os_world_new();
  for (int transport = 0; transport < 3; transport++) {
    struct object *q = new_queue(0, (enum queue_transport)transport, 0), *lock = new_sync(OBJECT_LOCK);
    struct object_ref ref = ref_of(lock), got;
    send(q, &ref, 1, 8);
    struct names_moment before = names_moment(the_backend->control);
    CHECK_EQ(receive(q, &got, 1, 0), 1);
    CHECK(names_stored(the_backend->control, ref.slot, before));
    CHECK(!stored(&ref));
    land(&got);
    before = names_moment(the_backend->control);
    CHECK(!names_stored(the_backend->control, ref.slot, before));
    atomic_fetch_add(&the_backend->control->forks, 1); /* somebody may hold it as a child */
    CHECK(names_stored(the_backend->control, ref.slot, before));
    release_object(lock);
    release_object(q);
  }
}

/* A slow process that moved it at the time of an older sweep does not hide that another one moved it since. */
TEST_ON_STAGE(a_move_is_not_taken_back_by_an_older_one, 20) {
  os_world_new();
  struct object *lock = new_sync(OBJECT_LOCK);
  struct control *c = the_backend->control;
  uint32_t slot = ref_of(lock).slot;
  struct names_moment since = names_moment(c);
  names_moved(c, slot);
  atomic_fetch_sub(&c->sweeps, 1); /* as the slow one saw it */
  names_moved(c, slot);
  CHECK(names_stored(c, slot, since));
}

TEST_ON_STAGE(a_put_that_fails_leaves_no_name, 20) {
  os_world_new();
  struct object *q = new_queue(1, TRANSPORT_AUTO, 0), *lock = new_sync(OBJECT_LOCK);
  struct object_ref ref = ref_of(lock);
  struct op_refs refs = {.sent = &ref, .count = 1};
  struct op op = {.kind = OP_QUEUE_PUT, .object = q, .deadline_ns = 0, .data = "x", .len = 1, .refs = &refs};
  CHECK_EQ(put(q, "y", 1, 0), 0);
  CHECK_EQ(queue_put(the_backend, &op), -SBX_ETIMEDOUT);
  CHECK(!stored(&ref));
  CHECK_EQ(close_queue(q), 0);
  CHECK_EQ(queue_put(the_backend, &op), -SBX_ECLOSED);
  CHECK(!stored(&ref));
  release_object(q);

  q = new_queue(0, TRANSPORT_SHM, 1 << 20);
  for (int i = 0; i < 3; i++) {
    send(q, &ref, 1, 10);
    uint8_t *large = calloc(1, 1 << 21);
    op.object = q;
    op.data = large;
    op.len = 1 << 21;
    CHECK_EQ(queue_put(the_backend, &op), -SBX_ETOOBIG);
    free(large);
    struct object_ref got;
    CHECK(stored(&ref));
    CHECK_EQ(receive(q, &got, 1, 0), 1);
    land(&got);
    CHECK(!stored(&ref));
  }
}

/* Whoever dies in the middle leaves a name too many; it goes when the queue is found empty, or with the next item. */
struct dying {
  const char *plan;
  struct object *q;
};

static int die_with_handle(void *arg) {
  const struct dying *d = arg;
  struct object_ref got[2];
  struct object *lock = new_sync(OBJECT_LOCK);
  struct object_ref ref = ref_of(lock);
  fault_plan(d->plan);
  send(d->q, &ref, 1, 8);
  receive(d->q, got, 2, 0);
  return 7;
}

TEST_ON_STAGE(those_who_are_killed_in_the_middle_leave_nothing, 60) {
  struct os_backend *b = os_world_new();
  static const char *const points[] = {"queue.carry.named", "queue.put.before-commit", "queue.put.after-commit",
                                       "queue.get.before-commit", "queue.get.after-commit"};
  for (int transport = 1; transport < 3; transport++)
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
      struct object *q = new_queue(0, (enum queue_transport)transport, 0);
      char plan[64];
      snprintf(plan, sizeof plan, "%s:1:kill", points[i]);
      for (int round = 0; round < 20; round++) {
        struct dying d = {plan, q};
        struct object *p = spawn_process(die_with_handle, &d);
        CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
        CHECK_EQ(record_of_process(p)->signal, SIGKILL);
        release_object(p);
      }
      struct object_ref got[2];
      while (len_of(q) > 0) {
        CHECK_EQ(receive(q, got, 2, 0), 1);
        CHECK(lives(&got[0]));
        land(&got[0]);
      }
      receive(q, got, 2, 0);
      struct object *lock = new_sync(OBJECT_LOCK); /* one more through it, and all is as it was */
      struct object_ref ref = ref_of(lock);
      send(q, &ref, 1, 8);
      CHECK_EQ(receive(q, got, 2, 0), 1);
      land(&got[0]);
      release_object(lock);
      sweep();
      uint32_t live = 0;
      for (uint32_t slot = 0; slot < OBJECT_SLOTS; slot++)
        live += stamp_phase(atomic_load(&b->control->object_stamp[slot])) == OBJECT_LIVE &&
                !control_object_unused(b->control, slot);
      CHECK_EQ(live, 1); /* the queue */
      release_object(q);
    }
}

/* -- what changes hands ------------------------------------------------------------------------ */

enum { QUEUES = 3, MOVERS = 3, TRAVELLERS = 4, MOVES = 60000 };

static struct object *stops[QUEUES];
static _Atomic uint64_t *moves;

static int sweep_for_ever(void *arg) {
  (void)arg;
  while (moves)
    sweep();
  return 0;
}

/* Each of the travellers is in one place at any time, and nobody else holds it. */
static int move_on(void *arg) {
  uint64_t seed = (uint64_t)(uintptr_t)arg;
  while (atomic_fetch_add(moves, 1) < MOVES) {
    struct object_ref ref;
    struct object *from = stops[random_next(&seed) % QUEUES], *to = stops[random_next(&seed) % QUEUES];
    if (receive(from, &ref, 1, 0) == 0)
      continue;
    CHECK(lives(&ref));
    send(to, &ref, 1, random_next(&seed) % 2 ? 10 : 2000);
    land(&ref);
  }
  return 0;
}

TEST_ON_STAGE(a_sweep_loses_nothing_that_changes_hands, 120) {
  os_world_new();
  struct object *movers[MOVERS];
  struct object_ref travellers[TRAVELLERS], got;
  moves = shared_memory(sizeof *moves);
  for (int i = 0; i < QUEUES; i++)
    stops[i] = new_queue(0, (enum queue_transport)i, 0);
  for (int i = 0; i < TRAVELLERS; i++) {
    struct object *lock = new_sync(OBJECT_LOCK);
    travellers[i] = ref_of(lock);
    send(stops[0], &travellers[i], 1, 10);
    release_object(lock);
  }
  struct object *sweeper = spawn_process(sweep_for_ever, NULL);
  for (uintptr_t i = 0; i < MOVERS; i++)
    movers[i] = spawn_process(move_on, (void *)(i + 1));
  for (int i = 0; i < MOVERS; i++)
    join_well(movers[i]);
  kill_process(sweeper);
  uint32_t found = 0;
  for (int i = 0; i < QUEUES; i++)
    while (receive(stops[i], &got, 1, 0) == 1) {
      CHECK(lives(&got));
      land(&got);
      found++;
    }
  CHECK_EQ(found, TRAVELLERS);
  sweep();
  for (int i = 0; i < TRAVELLERS; i++)
    CHECK(!lives(&travellers[i]));
}

int main(int argc, char **argv) {
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_object_in_a_queue_lives_as_long_as_that_can_be_reached),
      cmocka_unit_test(circles_are_garbage),
      cmocka_unit_test(what_changed_hands_between_two_looks_counts_as_stored),
      cmocka_unit_test(a_move_is_not_taken_back_by_an_older_one),
      cmocka_unit_test(a_put_that_fails_leaves_no_name),
      cmocka_unit_test(those_who_are_killed_in_the_middle_leave_nothing),
      cmocka_unit_test(a_sweep_loses_nothing_that_changes_hands),
  };
  return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
