/* tests/unit/test_bars_watch.c - when the supervisor looks at the progress of a run, and what it hands on. */
#include "support/os_world.h"

#include <sys/socket.h>

#include "object/progress.h"
#include "os/backend.h"
#include "os/process/signals.h"
#include "os/supervisor/bars.h"
#include "os/sync/progress.h"

static struct os_backend *b;
static struct bars_watch watch;
static bool can_show;

/* What was handed on last. */
static struct {
  int calls;
  uint32_t count;
  struct bar list[8];
} shown;

static bool show(void *ctx, const struct bar *bars, uint32_t count) {
  (void)ctx;
  shown.calls++;
  shown.count = count;
  memcpy(shown.list, bars, count * sizeof *bars);
  return can_show;
}

/* Main of a run whose supervisor does nothing but look at progress: the same process. */
static void begin(void) {
  static const struct supervisor_options o = {.bars = show};
  struct control_options co = {.speed = 1000, .seed = 1, .seeded = true, .max_procs = 2};
  struct control *c;
  int sockets[2];
  CHECK_EQ(control_create(&co, &c), 0);
  b = backend_new(c);
  CHECK(b != NULL);
  CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sockets), 0);
  b->broker = sockets[0];
  backend_install_signals(b);
  control_process_advance(c, 0, 1, PHASE_RUNNING);
  b->interrupted = INTERRUPT_ONE; /* a close waits for nobody */
  bars_begin(&watch, b, &o);
  can_show = true;
}

static struct object *make(const char *label, uint64_t total) {
  struct sync_options o = {.type = OBJECT_PROGRESS, .name = label, .max = total};
  struct object *ret = NULL;
  CHECK_EQ(op_sync_new(&b->base, &o, &ret), 0);
  return ret;
}

static void do_op(struct object *o, enum op_kind kind, uint64_t count) {
  struct op op = {.kind = kind, .object = o, .count = count};
  CHECK_EQ(perform(&b->base, &op), 0);
}

/* Look; was anything handed on? */
static bool look(void) {
  int before = shown.calls;
  bars_look(&watch);
  return shown.calls != before;
}

static bool looks_within(int64_t ns) {
  return watch.look_at_ns != SBX_FOREVER && watch.look_at_ns <= clock_now_ns() + ns;
}

TEST_ON_STAGE(without_progress_it_never_looks, 20) {
  begin();
  CHECK(!look());
  CHECK_EQ(watch.look_at_ns, SBX_FOREVER);
  struct object *o = make("work", 10);
  CHECK(look()); /* also if the message is lost */
  CHECK_EQ(shown.count, 1);
  CHECK(looks_within(100 * NS_PER_MS));
  CHECK(!look()); /* that was just now */
  do_op(o, OP_PROGRESS_CLOSE, 0);
  watch.told = true;
  CHECK(look());
  CHECK(shown.count == 1 && shown.list[0].closed);
  CHECK_EQ(watch.look_at_ns, SBX_FOREVER);
  CHECK(!progress_is_shown(b->control, o->slot));
  CHECK(!look());
  release_object(o);
}

TEST_ON_STAGE(it_sees_what_there_is, 20) {
  begin();
  struct object *first = make("first", 10), *second = make(NULL, PROGRESS_ENDLESS);
  do_op(first, OP_PROGRESS_ADD, 4);
  CHECK(look());
  CHECK_EQ(shown.count, 2);
  CHECK_EQ(strcmp(shown.list[0].label, "first"), 0);
  CHECK(shown.list[0].count == 4 && shown.list[0].total == 10 && !shown.list[0].closed);
  CHECK(shown.list[1].label[0] == '\0' && shown.list[1].total == PROGRESS_ENDLESS);
  double elapsed = shown.list[0].elapsed;
  CHECK(elapsed >= 0);
  do_op(first, OP_PROGRESS_SET, 7);
  watch.look_at_ns = 0;
  CHECK(look());
  CHECK(shown.list[0].count == 7 && shown.list[0].elapsed > elapsed); /* of the run's clock */
  can_show = false;
  watch.look_at_ns = 0;
  CHECK(look());
  CHECK(looks_within(20 * NS_PER_MS)); /* again soon */
  release_object(first);
  release_object(second);
}

TEST_ON_STAGE(a_record_is_given_back_when_the_end_was_shown, 20) {
  begin();
  struct object *o = make("dropped", 10);
  uint32_t slot = o->slot;
  uint64_t stamp = stamp_of(o->serial, OBJECT_LIVE);
  do_op(o, OP_PROGRESS_ADD, 4);
  release_object(o);
  CHECK_EQ(atomic_load(&b->control->object_stamp[slot]), stamp); /* the supervisor has it still */
  watch.told = true;
  CHECK(look());
  CHECK(shown.count == 1 && shown.list[0].closed && shown.list[0].count == 4);
  CHECK(atomic_load(&b->control->object_stamp[slot]) != stamp);
}

TEST_ON_STAGE(at_the_end_all_are_closed, 20) {
  begin();
  make("left", 10);
  bars_end(&watch);
  CHECK(shown.calls == 1 && shown.count == 1 && shown.list[0].closed);
}

TEST_ON_STAGE(an_end_without_any_is_silent, 20) {
  begin();
  bars_end(&watch);
  CHECK_EQ(shown.calls, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_progress_it_never_looks),
      cmocka_unit_test(it_sees_what_there_is),
      cmocka_unit_test(a_record_is_given_back_when_the_end_was_shown),
      cmocka_unit_test(at_the_end_all_are_closed),
      cmocka_unit_test(an_end_without_any_is_silent),
  };
  return cmocka_run_group_tests_name("bars_watch", tests, NULL, NULL);
}
