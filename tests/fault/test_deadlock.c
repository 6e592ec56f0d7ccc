/*
 * os/supervisor/deadlock.c - the supervisor ends a run in which nobody can go on, and no other. With a
 * threshold of a microsecond it looks without a pause, and at processes in the middle of whatever
 * they do.
 */
#include "support/os_world.h"

#include <signal.h>
#include <sys/wait.h>

#include "os/supervisor/supervisor.h"

enum { STATUS_CHILD_FAILED = 3, STATUS_DEADLOCK = 4, RUN_MS = 1500 };

/* What the supervisor said last, but for reports of those who were killed. */
static char said[2000];

static void say(void *ctx, const char *line) {
  (void)ctx;
  if (!strstr(line, " was killed by signal "))
    snprintf(said, sizeof said, "%s", line);
}

/* The status of a run; `after_ns` is when it is a deadlock. */
static int run(main_process_fn *main_process, void *ctx, int64_t after_ns) {
  struct supervisor_options o = {
      .backend = backend_new, .speed = 1, .max_procs = 512, .say = say, .deadlock_after_ns = after_ns};
  said[0] = '\0';
  return supervisor_run(&o, main_process, ctx);
}

static void check_said(const char *wanted) {
  if (strcmp(said, wanted) != 0) {
    dprintf(2, "said: %s\n", said);
    CHECK(false); /* what was wanted */
  }
}

/* -- no false alarm ---------------------------------------------------------------------------- */

static struct object *ping, *pong, *mail;
static int64_t end_ns;

static bool time_left(void) { return clock_now_ns() < end_ns; }

static void put_byte(struct object *q, char c) { CHECK_EQ(put(q, &c, 1, SBX_FOREVER), 0); }

static char get_byte(struct object *q) {
  struct buf item = {0};
  CHECK_EQ(get(q, &item, SBX_FOREVER), 0);
  char c = (char)item.data[0];
  buf_release(&item);
  return c;
}

/* One of two always sleeps, and sometimes both do, one of them rung already. The ball '.' ends the
 * game. */
static int return_balls(void *unused) {
  (void)unused;
  char ball;
  do
    put_byte(pong, ball = get_byte(ping));
  while (ball != '.');
  return 0;
}

static void play(enum queue_transport transport, uint64_t max) {
  end_ns = in_ms(RUN_MS / 4);
  ping = new_queue(max, transport, 0);
  pong = new_queue(max, transport, 0);
  struct object *other = spawn_process(return_balls, NULL);
  while (time_left()) {
    put_byte(ping, 'o');
    get_byte(pong);
  }
  put_byte(ping, '.');
  get_byte(pong);
  join_well(other);
  release_object(ping);
  release_object(pong);
}

static int main_plays(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  play(TRANSPORT_AUTO, 0);
  play(TRANSPORT_PIPE, 1);
  play(TRANSPORT_SHM, 0);
  play(TRANSPORT_SHM, 1);
  return 0;
}

static int do_nothing(void *unused) {
  (void)unused;
  return 0;
}

static int spawn_and_join(void *unused) {
  (void)unused;
  join_well(spawn_process(do_nothing, NULL));
  return 0;
}

/* Main and its child wait for one that is being made, runs, leaves or is reaped. */
static int main_joins(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  end_ns = in_ms(RUN_MS);
  while (time_left())
    join_well(spawn_process(spawn_and_join, NULL));
  return 0;
}

/* Wait for an item of `mail` that carries a handle. False: it is closed. */
static bool receive_handle(struct object_ref *ret) {
  struct buf item = {0}, taken = {0};
  struct op_refs refs = {.taken = &taken};
  struct op op = {.kind = OP_QUEUE_GET, .object = mail, .deadline_ns = SBX_FOREVER, .out = &item, .refs = &refs};
  int rc = perform(&the_backend->base, &op);
  if (rc != -SBX_ECLOSED) {
    CHECK_EQ(rc, 0);
    CHECK_EQ(taken.len, sizeof *ret);
    memcpy(ret, taken.data, sizeof *ret);
  }
  buf_release(&item);
  buf_release(&taken);
  return rc == 0;
}

static struct object *decode_handle(const struct object_ref *ref) {
  struct object *ret = NULL;
  CHECK_EQ(op_handle_import(&the_backend->base, ref, &ret), 0);
  op_handle_land(&the_backend->base, ref);
  return ret;
}

static void send_handle(struct object *o) {
  struct object_ref ref;
  the_backend->base.objects->object_ref(o, &ref);
  struct op_refs refs = {.sent = &ref, .count = 1};
  struct op op = {
      .kind = OP_QUEUE_PUT, .object = mail, .deadline_ns = SBX_FOREVER, .data = "x", .len = 1, .refs = &refs};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
}

/* A queue that only travels: it is made, sent, dropped here, and filled by whoever received it. */
static int fill_what_comes(void *unused) {
  struct object_ref ref;
  (void)unused;
  while (receive_handle(&ref)) {
    struct object *q = decode_handle(&ref);
    put_byte(q, 'x');
    release_object(q);
  }
  return 0;
}

static int main_sends_queues(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  end_ns = in_ms(RUN_MS);
  mail = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *other = spawn_process(fill_what_comes, NULL);
  while (time_left()) {
    struct object *q = new_queue(0, TRANSPORT_AUTO, 0);
    send_handle(q);
    get_byte(q);
    release_object(q);
  }
  CHECK_EQ(close_queue(mail), 0);
  join_well(other);
  return 0;
}

/* It is slow between the get and the decoding: it holds the end of the pipe, but not yet the queues
 * that belong to it. */
static int answer_slowly(void *unused) {
  struct object_ref ref;
  (void)unused;
  while (receive_handle(&ref)) {
    usleep(20 * 1000);
    struct object *end = decode_handle(&ref);
    struct op op = {.kind = OP_PIPE_SEND, .object = end, .deadline_ns = SBX_FOREVER, .data = "x", .len = 1};
    CHECK_EQ(perform(&the_backend->base, &op), 0);
    release_object(end);
  }
  return 0;
}

static int main_sends_ends_of_pipes(struct backend *b, void *ctx) {
  (void)ctx;
  mail = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *other = spawn_process(answer_slowly, NULL);
  for (int i = 0; i < 20; i++) {
    struct pipe_request pipe = {0};
    struct buf item = {0};
    CHECK_EQ(op_pipe_new(b, &pipe), 0);
    send_handle(pipe.ends[1]);
    release_object(pipe.ends[1]);
    struct op op = {.kind = OP_PIPE_RECV, .object = pipe.ends[0], .deadline_ns = SBX_FOREVER, .out = &item};
    CHECK_EQ(perform(b, &op), 0);
    buf_release(&item);
    release_object(pipe.ends[0]);
  }
  CHECK_EQ(close_queue(mail), 0);
  join_well(other);
  return 0;
}

/* It is killed in its sleep, and its death is what the others wait for. */
static int sleep_in_get(void *unused) {
  (void)unused;
  get_byte(ping);
  return 0;
}

static int join_and_leave(void *p) { return join_process(p, NULL, SBX_FOREVER); }

static int main_kills(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  end_ns = in_ms(RUN_MS);
  ping = new_queue(0, TRANSPORT_AUTO, 0);
  while (time_left()) {
    struct object *victim = spawn_process(sleep_in_get, NULL);
    struct object *joiner = spawn_process(join_and_leave, victim);
    await_sleep(joiner, OP_PROCESS_JOIN);
    kill(pid_of(victim), SIGKILL);
    join_well(joiner);
    CHECK_EQ(join_process(victim, NULL, SBX_FOREVER), 0);
    release_object(victim);
  }
  return 0;
}

static int main_waits_for_time(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  struct buf item = {0};
  struct object *q = new_queue(0, TRANSPORT_AUTO, 0);
  for (int i = 0; i < 100; i++)
    CHECK_EQ(get(q, &item, in_ms(5)), -SBX_ETIMEDOUT);
  struct op nap = {.kind = OP_CLOCK_SLEEP, .deadline_ns = in_ms(300)};
  CHECK_EQ(perform(&the_backend->base, &nap), 0);
  return 0;
}

/* What is not the sandbox's may end by itself. */
static int main_reads_and_runs(struct backend *b, void *ctx) {
  int fds[2];
  char c;
  (void)b, (void)ctx;
  CHECK_EQ(pipe(fds), 0);
  pid_t other = fork();
  if (other == 0) {
    usleep(300 * 1000);
    _exit(write(fds[1], "x", 1) != 1);
  }
  CHECK_EQ(read(fds[0], &c, 1), 1);
  CHECK_EQ(system("sleep 0.3"), 0);
  return 0;
}

/* The consumer is stopped: who waits for it is not lost, since somebody may let it go on. */
static int consume(void *unused) {
  (void)unused;
  raise(SIGSTOP);
  get_byte(ping);
  return 0;
}

static int let_go_on(pid_t pid) {
  await_stopped(pid);
  usleep(300 * 1000);
  return kill(pid, SIGCONT);
}

static int main_waits_for_a_stopped_one(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  ping = new_queue(1, TRANSPORT_AUTO, 0);
  put_byte(ping, 'x');
  struct object *consumer = spawn_process(consume, NULL);
  pid_t helper = fork(); /* nobody of the run */
  if (helper == 0)
    _exit(let_go_on(pid_of(consumer)) != 0);
  put_byte(ping, 'y');
  join_well(consumer);
  return 0;
}

/* -- the same with locks and their like -------------------------------------------------------- */

enum { ROUNDS = 1500 };

static struct object *first, *second;
static int *turn; /* shared */

static struct object *new_sync(enum object_type type, uint64_t count) {
  const struct sync_options o = {.type = type, .count = count};
  struct object *ret = NULL;
  CHECK_EQ(op_sync_new(&the_backend->base, &o, &ret), 0);
  return ret;
}

static void sync_op(enum op_kind kind, struct object *o) {
  struct op op = {.kind = kind, .object = o, .deadline_ns = SBX_FOREVER, .count = 1};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
}

static int hold_often(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    sync_op(OP_LOCK_ACQUIRE, first);
    sync_op(OP_LOCK_RELEASE, first);
  }
  return 0;
}

static int pass_units(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    sync_op(OP_SEMAPHORE_ACQUIRE, first);
    sync_op(OP_SEMAPHORE_RELEASE, second);
  }
  return 0;
}

static int meet(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++)
    sync_op(OP_BARRIER_WAIT, first);
  return 0;
}

/* Wait until it is one's turn, and give it to the other. */
static void take_turns(int mine) {
  for (int i = 0; i < ROUNDS; i++) {
    sync_op(OP_LOCK_ACQUIRE, first);
    while (*turn != mine)
      sync_op(OP_CONDITION_WAIT, first);
    *turn = !mine;
    sync_op(OP_CONDITION_NOTIFY, first);
    sync_op(OP_LOCK_RELEASE, first);
  }
}

static int take_turns_too(void *unused) {
  (void)unused;
  take_turns(1);
  return 0;
}

static int main_and_others_lock(struct backend *b, void *ctx) {
  struct object *others[2];
  (void)b, (void)ctx;
  first = new_sync(OBJECT_LOCK, 0);
  for (int i = 0; i < 2; i++)
    others[i] = spawn_process(hold_often, NULL);
  hold_often(NULL);
  for (int i = 0; i < 2; i++)
    join_well(others[i]);
  return 0;
}

static int main_passes_units(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  first = new_sync(OBJECT_SEMAPHORE, 0);
  second = new_sync(OBJECT_SEMAPHORE, 0);
  struct object *other = spawn_process(pass_units, NULL);
  for (int i = 0; i < ROUNDS; i++) {
    sync_op(OP_SEMAPHORE_RELEASE, first);
    sync_op(OP_SEMAPHORE_ACQUIRE, second);
  }
  join_well(other);
  return 0;
}

static int main_meets(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  first = new_sync(OBJECT_BARRIER, 2);
  struct object *other = spawn_process(meet, NULL);
  meet(NULL);
  join_well(other);
  return 0;
}

static int main_takes_turns(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  turn = shared_memory(sizeof *turn);
  first = new_sync(OBJECT_CONDITION, 0);
  struct object *other = spawn_process(take_turns_too, NULL);
  take_turns(0);
  join_well(other);
  return 0;
}

/* It puts now into the one queue and now into the other, and waits for an answer. */
static int put_here_and_there(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    put_byte(i % 3 ? ping : pong, 'x');
    sync_op(OP_SEMAPHORE_ACQUIRE, first);
  }
  return 0;
}

static int main_selects(struct backend *b, void *ctx) {
  struct buf item = {0};
  (void)ctx;
  ping = new_queue(0, TRANSPORT_AUTO, 0);
  pong = new_queue(0, TRANSPORT_SHM, 0);
  first = new_sync(OBJECT_SEMAPHORE, 0);
  second = new_sync(OBJECT_EVENT, 0);
  struct object *other = spawn_process(put_here_and_there, NULL);
  for (int i = 0; i < ROUNDS; i++) {
    struct op subs[] = {{.kind = OP_QUEUE_GET, .object = ping, .out = &item},
                        {.kind = OP_EVENT_WAIT, .object = second},
                        {.kind = OP_QUEUE_GET, .object = pong, .out = &item}};
    struct op op = {.kind = OP_SELECT, .subs = subs, .sub_count = 3, .deadline_ns = SBX_FOREVER};
    CHECK_EQ(perform(b, &op), 0);
    CHECK_EQ(op.number, i % 3 ? 0 : 2);
    sync_op(OP_SEMAPHORE_RELEASE, first);
  }
  join_well(other);
  buf_release(&item);
  return 0;
}

#define NO_ALARM(name, main_process)                                                               \
  TEST_ON_STAGE(name, 60) {                                                                        \
    CHECK_EQ(run(main_process, NULL, 1000), 0);                                                    \
    check_said("");                                                                                \
  }

NO_ALARM(players_go_on, main_plays)
NO_ALARM(parents_of_short_lives_go_on, main_joins)
NO_ALARM(queues_that_travel_are_filled, main_sends_queues)
NO_ALARM(ends_of_pipes_that_travel_are_used, main_sends_ends_of_pipes)
NO_ALARM(a_death_is_what_is_waited_for, main_kills)
NO_ALARM(time_will_help, main_waits_for_time)
NO_ALARM(the_world_outside_may_help, main_reads_and_runs)
NO_ALARM(a_stopped_one_may_go_on, main_waits_for_a_stopped_one)
NO_ALARM(a_lock_is_released, main_and_others_lock)
NO_ALARM(units_are_passed, main_passes_units)
NO_ALARM(parties_come_to_the_barrier, main_meets)
NO_ALARM(conditions_are_notified, main_takes_turns)
NO_ALARM(one_of_several_comes, main_selects)

/* -- alarm ------------------------------------------------------------------------------------- */

static void here(void *ctx, char where[WHERE_MAX]) {
  snprintf(where, WHERE_MAX, "x.lua:%d", *(int *)ctx);
}

static int get_at(struct object *q, int line) {
  struct buf item = {0};
  struct op op = {.kind = OP_QUEUE_GET,
                  .object = q,
                  .out = &item,
                  .deadline_ns = SBX_FOREVER,
                  .locate = here,
                  .locate_ctx = &line};
  int rc = perform(&the_backend->base, &op);
  buf_release(&item);
  return rc;
}

static int get_9(void *unused) {
  (void)unused;
  CHECK_EQ(get_at(ping, 9), -SBX_EINTERRUPTED);
  return 1;
}

static int main_gets(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  CHECK_EQ(get_at(new_queue(0, TRANSPORT_AUTO, 0), 3), -SBX_EINTERRUPTED);
  return 0;
}

/* Children wait for main, which has come to its end and waits for them. */
static int main_ends_without_closing(struct backend *b, void *ctx) {
  (void)ctx;
  ping = new_queue(0, TRANSPORT_AUTO, 0);
  for (int i = 0; i < 5; i++)
    release_object(spawn_process(get_9, NULL));
  op_process_await(b, true); /* they may be interrupted before it is */
  return 0;
}

/* Who is interrupted first, ends first: then the other has not joined in vain. */
static int join_parent(void *main) {
  join_process(main, NULL, SBX_FOREVER);
  return 0;
}

static int main_joins_its_joiner(struct backend *b, void *ctx) {
  struct object *self;
  (void)ctx;
  CHECK_EQ(b->self->process_self(b, &self), 0);
  struct object *p = spawn_process(join_parent, self);
  join_process(p, NULL, SBX_FOREVER);
  return 0;
}

/* The only one who could fill the queue is killed before. */
static int main_waits_for_a_dead_writer(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  ping = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *writer = spawn_process(sleep_in_get, NULL);
  kill(pid_of(writer), SIGKILL);
  CHECK_EQ(get_at(ping, 3), -SBX_EINTERRUPTED);
  return 0;
}

/* After a while of work. */
static int main_works_first(struct backend *b, void *ctx) {
  play(TRANSPORT_AUTO, 0);
  return main_gets(b, ctx);
}

/* It does not care for the interrupt. */
static int main_insists(struct backend *b, void *ctx) {
  struct object *q = new_queue(0, TRANSPORT_AUTO, 0);
  (void)ctx;
  for (;;) {
    get_at(q, 3);
    b->self->take_interrupt(b);
  }
  return 0;
}

static const char alone[] = "deadlock: nobody can ever go on\n  main waits in get at x.lua:3 for "
                            "queue#1, which nobody else can fill\n"
                            "  queue#1: nothing was ever put";

TEST_ON_STAGE(who_waits_alone_is_told, 30) {
  CHECK_EQ(run(main_gets, NULL, 1000), STATUS_DEADLOCK);
  check_said(alone);
  CHECK_EQ(run(main_gets, NULL, 50 * NS_PER_MS), STATUS_DEADLOCK);
  check_said(alone);
}

TEST_ON_STAGE(children_at_the_end_of_the_script_are_told, 30) {
  CHECK_EQ(run(main_ends_without_closing, NULL, 100 * NS_PER_MS), STATUS_DEADLOCK);
  check_said("deadlock: nobody can ever go on\n  main waits in join at the end of the script for "
             "p#2\n  p#2 to p#6 wait in get at "
             "x.lua:9 for queue#1, which only main can fill\n"
             "  queue#1: nothing was ever put");
}

TEST_ON_STAGE(a_circle_of_joins_is_told, 30) {
  CHECK_EQ(run(main_joins_its_joiner, NULL, 1000), STATUS_DEADLOCK);
  check_said("deadlock: nobody can ever go on\n  main waits in join for p#2\n  p#2 waits in join "
             "for main");
}

TEST_ON_STAGE(the_dead_do_not_help, 30) {
  /* The failure of a child that nobody joined wins. */
  CHECK_EQ(run(main_waits_for_a_dead_writer, NULL, 1000), STATUS_CHILD_FAILED);
  check_said(alone);
}

TEST_ON_STAGE(a_deadlock_after_work_is_found, 30) {
  CHECK_EQ(run(main_works_first, NULL, 1000), STATUS_DEADLOCK);
}

TEST_ON_STAGE(the_stubborn_are_killed_after_the_grace, 30) {
  CHECK_EQ(run(main_insists, NULL, 1000), STATUS_DEADLOCK);
  check_said(alone);
}

TEST_ON_STAGE(nobody_looks_unless_asked, 30) {
  struct supervisor_options o = {
      .backend = backend_new, .speed = 1, .max_procs = 10, .say = say, .timeout_ns = 700 * NS_PER_MS};
  CHECK_EQ(supervisor_run(&o, main_insists, NULL), 124);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(players_go_on),
      cmocka_unit_test(parents_of_short_lives_go_on),
      cmocka_unit_test(queues_that_travel_are_filled),
      cmocka_unit_test(ends_of_pipes_that_travel_are_used),
      cmocka_unit_test(a_death_is_what_is_waited_for),
      cmocka_unit_test(time_will_help),
      cmocka_unit_test(the_world_outside_may_help),
      cmocka_unit_test(a_stopped_one_may_go_on),
      cmocka_unit_test(a_lock_is_released),
      cmocka_unit_test(units_are_passed),
      cmocka_unit_test(parties_come_to_the_barrier),
      cmocka_unit_test(conditions_are_notified),
      cmocka_unit_test(one_of_several_comes),
      cmocka_unit_test(who_waits_alone_is_told),
      cmocka_unit_test(children_at_the_end_of_the_script_are_told),
      cmocka_unit_test(a_circle_of_joins_is_told),
      cmocka_unit_test(the_dead_do_not_help),
      cmocka_unit_test(a_deadlock_after_work_is_found),
      cmocka_unit_test(the_stubborn_are_killed_after_the_grace),
      cmocka_unit_test(nobody_looks_unless_asked),
  };
  return cmocka_run_group_tests_name("deadlock", tests, NULL, NULL);
}
