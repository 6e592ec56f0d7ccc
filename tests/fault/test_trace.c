/*
 * tests/fault/test_trace.c - the event log of real runs: what processes did is in it, also of those that were killed.
 *
 * The supervisor runs on the stage; what it records is kept in memory, and read as a model when the run has ended.
 */
#include "support/os_world.h"

#include <poll.h>
#include <signal.h>

#include "look/trace/log.h"
#include "os/supervisor/supervisor.h"

typedef int main_fn(struct backend *b, void *ctx);

static struct buf kept;
static struct trace_model m;

static int keep(void *ctx, const void *data, size_t len) {
  (void)ctx;
  return buf_append(&kept, data, len);
}

static void say(void *ctx, const char *line) {
  (void)ctx, (void)line;
}

/* Run, and read what was recorded. Returns the exit status. */
static int record(main_fn *fn, enum trace_detail detail, double speed) {
  const struct supervisor_options o = {
      .backend = backend_new,
      .speed = speed,
      .seed = 7,
      .seeded = true,
      .max_procs = 64,
      .timeout_ns = SBX_FOREVER,
      .deadlock_after_ns = 50 * NS_PER_MS,
      .say = say,
      .record = {.on = true, .detail = detail, .command = "test", .version = "1", .keep = keep}};
  const char *reason = "";
  kept.len = 0;
  int status = supervisor_run(&o, fn, NULL);
  int rc = trace_log_read(kept.data, kept.len, &m, &reason);
  if (rc)
    fprintf(stderr, "%s\n", reason);
  CHECK_EQ(rc, 0);
  return status;
}

static const struct trace_process *process_of(uint32_t id) {
  for (uint32_t i = 0; i < m.process_count; i++)
    if (m.processes[i].id == id)
      return &m.processes[i];
  CHECK(false && "there is such a process");
  return NULL;
}

/* How many ops of a kind a process did, with effect. */
static uint64_t count_of(const struct trace_process *p, enum op_kind kind) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < p->event_count; i++) {
    const struct trace_event *e = &m.events[p->event_first + i];
    if (e->kind == kind && !(e->flags & (TRACE_TIMEOUT | TRACE_REFUSED | TRACE_UNFINISHED)))
      n += e->count;
  }
  return n;
}

/* -- what is recorded ------------------------------------------------------------------------------------------------- */

static struct object *queue;
enum { ITEMS = 1000 };

static int take_all(void *arg) {
  uint32_t producer, seq;
  (void)arg;
  for (int i = 0; i < ITEMS; i++)
    CHECK_EQ(get_item(queue, &producer, &seq, SBX_FOREVER), 0);
  return 0;
}

static int main_feeds_a_reader(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *reader = spawn_process(take_all, NULL);
  await_sleep(reader, OP_QUEUE_GET);
  for (uint32_t i = 0; i < ITEMS; i++)
    CHECK_EQ(put_item(queue, 1, i, ITEM_LEAST, SBX_FOREVER), 0);
  join_well(reader);
  return 0;
}

static void check_feeding(enum trace_detail detail) {
  CHECK_EQ(record(main_feeds_a_reader, detail, 1), 0);
  const struct trace_process *main = process_of(1), *reader = process_of(2);
  CHECK_EQ(m.process_count, 2);
  CHECK(strcmp(main->name, "main") == 0);
  CHECK_EQ(main->how, TRACE_DONE);
  CHECK_EQ(reader->how, TRACE_DONE);
  CHECK_EQ(reader->parent, 0);
  CHECK(reader->begin_ns >= main->begin_ns && reader->end_ns <= main->end_ns);
  CHECK_EQ(m.facts.lost, 0);
  CHECK_EQ(m.facts.exit_status, 0);
  CHECK(m.facts.cpu_ns > 0);
  CHECK(reader->spent_ns[TRACE_QUEUE] > 0);
  CHECK_EQ(m.object_count, 1);
}

TEST_ON_STAGE(merged_records_count_each_item, 20) {
  check_feeding(TRACE_DETAIL_MERGED);
  CHECK_EQ(count_of(process_of(1), OP_QUEUE_PUT), ITEMS);
  CHECK_EQ(count_of(process_of(2), OP_QUEUE_GET), ITEMS);
  CHECK_EQ(process_of(1)->items_out, ITEMS);
  CHECK(m.event_count < ITEMS);
  CHECK(m.item_count > 0);
}

TEST_ON_STAGE(all_items_are_joined_one_by_one, 20) {
  check_feeding(TRACE_DETAIL_ALL);
  CHECK_EQ(count_of(process_of(1), OP_QUEUE_PUT), ITEMS);
  CHECK_EQ(m.item_count, ITEMS);
  for (uint32_t i = 0; i < m.item_count; i++) {
    CHECK_EQ(m.events[m.items[i].from].n, m.events[m.items[i].to].n);
    if (i > 0)
      CHECK(m.items[i].n > m.items[i - 1].n);
  }
}

TEST_ON_STAGE(only_waits, 20) {
  check_feeding(TRACE_DETAIL_WAIT);
  for (uint32_t i = 0; i < m.event_count; i++)
    CHECK((m.events[i].flags & TRACE_WAITED) || m.events[i].kind == OP_PROCESS_SPAWN);
}

/* -- kills ------------------------------------------------------------------------------------------------------------- */

static struct gate ready;

static int put_and_wait(void *arg) {
  uint32_t producer, seq;
  struct object *nothing = arg;
  for (uint32_t i = 0; i < ITEMS; i++)
    CHECK_EQ(put_item(queue, 1, i, ITEM_LEAST, SBX_FOREVER), 0);
  gate_open(ready, 1);
  return get_item(nothing, &producer, &seq, SBX_FOREVER);
}

static int main_kills_a_writer(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *nothing = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *p = spawn_process(put_and_wait, nothing);
  gate_wait(ready);
  await_sleep(p, OP_QUEUE_GET);
  kill_process(p);
  return 0;
}

TEST_ON_STAGE(the_records_of_a_killed_process_are_complete, 20) {
  ready = gate_new();
  record(main_kills_a_writer, TRACE_DETAIL_MERGED, 1);
  const struct trace_process *p = process_of(2);
  CHECK_EQ(p->how, TRACE_KILLED);
  CHECK_EQ(p->signal, SIGKILL);
  CHECK_EQ(count_of(p, OP_QUEUE_PUT), ITEMS);
  const struct trace_span *last = &m.spans[p->span_first + p->span_count - 1];
  CHECK_EQ(last->state, TRACE_QUEUE); /* it was killed in a get */
  CHECK_EQ(m.events[last->event].object, 1);
}

/* -- many -------------------------------------------------------------------------------------------------------------- */

static int leave(void *arg) {
  (void)arg;
  return 0;
}

static int main_spawns_one_after_another(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  for (int i = 0; i < 1000; i++)
    join_well(spawn_process(leave, NULL));
  return 0;
}

/* Nobody drains meanwhile, so the rings come to an end. */
static int main_spawns_beside_a_stopped_supervisor(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  pid_t supervisor = getppid();
  CHECK_EQ(kill(supervisor, SIGSTOP), 0);
  for (int i = 0; i < 300; i++)
    join_well(spawn_process(leave, NULL));
  CHECK_EQ(kill(supervisor, SIGCONT), 0);
  return 0;
}

TEST_ON_STAGE(a_process_without_a_ring_runs_and_is_counted, 60) {
  CHECK_EQ(record(main_spawns_beside_a_stopped_supervisor, TRACE_DETAIL_MERGED, 1), 0);
  CHECK(m.facts.lost > 100); /* of 300 children; there are 128 rings */
  CHECK_EQ(m.facts.exit_status, 0);
}

TEST_ON_STAGE(rings_are_used_again, 60) {
  CHECK_EQ(record(main_spawns_one_after_another, TRACE_DETAIL_MERGED, 1), 0);
  CHECK_EQ(m.process_count, 1001);
  uint32_t done = 0;
  for (uint32_t i = 0; i < m.process_count; i++) {
    done += m.processes[i].how == TRACE_DONE;
    CHECK(m.processes[i].end_ns >= m.processes[i].begin_ns);
  }
  CHECK(done > 200); /* more than there are rings: of 64 processes, 128 */
  CHECK_EQ(m.facts.lost, 1001 - done); /* those that came when the supervisor was late */
  CHECK_EQ(count_of(process_of(1), OP_PROCESS_SPAWN), 1000);
}

/* -- deadlock ---------------------------------------------------------------------------------------------------------- */

static struct object *lock_a, *lock_b;

static void acquire(struct object *lock) {
  struct op op = {.kind = OP_LOCK_ACQUIRE, .object = lock, .deadline_ns = SBX_FOREVER};
  perform(&the_backend->base, &op);
}

static int cross(void *arg) {
  acquire(lock_b);
  gate_open(ready, 1);
  acquire(lock_a);
  (void)arg;
  return 0;
}

static int main_crosses_locks(struct backend *b, void *ctx) {
  const struct sync_options o = {.type = OBJECT_LOCK, .name = "left"};
  (void)ctx;
  CHECK_EQ(op_sync_new(b, &o, &lock_a), 0);
  CHECK_EQ(op_sync_new(b, &o, &lock_b), 0);
  acquire(lock_a);
  spawn_process(cross, NULL);
  gate_wait(ready);
  acquire(lock_b);
  return 0;
}

TEST_ON_STAGE(a_deadlock_is_in_the_log, 20) {
  ready = gate_new();
  CHECK_EQ(record(main_crosses_locks, TRACE_DETAIL_MERGED, 1), 4);
  CHECK(strstr(m.facts.deadlock, "deadlock"));
  CHECK_EQ(m.edge_count, 2);
  for (uint32_t i = 0; i < 2; i++) {
    CHECK(m.edges[i].stuck);
    CHECK_EQ(m.edges[i].kind, OP_LOCK_ACQUIRE);
    CHECK_EQ(m.edges[i].holder, 1 - m.edges[i].process);
  }
  CHECK(strcmp(m.objects[0].name, "left") == 0);
}

/* -- items, however they travel ---------------------------------------------------------------------------------------- */

/* Sizes on both sides of what a record of the pipe takes, and of what is lent. */
static size_t size_of(uint32_t i) {
  static const size_t sizes[] = {8, 60, 480, 500, 501, 1000, 20000, 200000};
  return sizes[i % (sizeof sizes / sizeof *sizes)];
}

static int put_sizes(void *arg) {
  uint32_t producer = (uint32_t)(uintptr_t)arg;
  for (uint32_t i = 0; i < 200; i++)
    CHECK_EQ(put_item(queue, producer, i, size_of(i + producer), SBX_FOREVER), 0);
  return 0;
}

static int take_300(void *arg) {
  (void)arg;
  for (int i = 0; i < 300; i++) {
    uint32_t producer, seq;
    CHECK_EQ(get_item(queue, &producer, &seq, SBX_FOREVER), 0);
  }
  return 0;
}

static int main_mixes(struct backend *b, void *ctx) {
  struct object *all[5];
  (void)b, (void)ctx;
  queue = new_queue(0, TRANSPORT_AUTO, 0);
  for (uintptr_t i = 0; i < 3; i++)
    all[i] = spawn_process(put_sizes, (void *)i);
  for (int i = 3; i < 5; i++)
    all[i] = spawn_process(take_300, NULL);
  for (int i = 0; i < 5; i++)
    join_well(all[i]);
  return 0;
}

TEST_ON_STAGE(each_item_has_one_number, 60) {
  CHECK_EQ(record(main_mixes, TRACE_DETAIL_ALL, 1), 0);
  CHECK_EQ(m.facts.lost, 0);
  CHECK_EQ(m.item_count, 600);
  for (uint32_t i = 0; i < m.item_count; i++)
    CHECK_EQ(m.events[m.items[i].from].n, m.events[m.items[i].to].n);
}

/* Writers and readers are killed at any moment: numbers may be left out, but none is another item's. */
static int put_for_ever(void *arg) {
  uint32_t producer = (uint32_t)(uintptr_t)arg;
  for (uint32_t i = 0;; i++)
    if (put_item(queue, producer, i, size_of(i), SBX_FOREVER))
      return 1;
}

static int take_for_ever(void *arg) {
  uint32_t producer, seq;
  (void)arg;
  while (get_item(queue, &producer, &seq, SBX_FOREVER) == 0)
    continue;
  return 1;
}

static int main_kills_many(struct backend *b, void *ctx) {
  uint64_t seed = 11;
  (void)b, (void)ctx;
  queue = new_queue(16, TRANSPORT_AUTO, 0);
  for (uintptr_t round = 0; round < 40; round++) {
    struct object *writer = spawn_process(put_for_ever, (void *)round), *reader = spawn_process(take_for_ever, NULL);
    usleep((useconds_t)(random_next(&seed) % 2000));
    kill_process(round % 2 ? writer : reader);
    usleep((useconds_t)(random_next(&seed) % 1000));
    kill_process(round % 2 ? reader : writer);
  }
  return 0;
}

TEST_ON_STAGE(numbers_are_right_across_kills, 60) {
  record(main_kills_many, TRACE_DETAIL_ALL, 1);
  CHECK_EQ(m.process_count, 81);
  uint64_t puts = 0;
  for (uint32_t i = 1; i < m.process_count; i++) {
    CHECK_EQ(m.processes[i].how, TRACE_KILLED);
    uint64_t before = 0;
    for (uint32_t k = 0; k < m.processes[i].event_count; k++) {
      const struct trace_event *e = &m.events[m.processes[i].event_first + k];
      if (trace_event_change(e) == 0)
        continue;
      CHECK(e->n > before); /* FIFO: a process puts and gets in ascending order */
      before = e->n;
      puts += e->kind == OP_QUEUE_PUT;
    }
  }
  CHECK(puts > 40);
  for (uint32_t i = 0; i < m.item_count; i++) {
    CHECK(m.items[i].from != m.items[i].to);
    CHECK(i == 0 || m.items[i].n != m.items[i - 1].n);
  }
  CHECK(m.item_count > 40);
}

/* -- the present ------------------------------------------------------------------------------------------------------ */

static struct gate go_on;

/* A supervisor whose loop is ours, as at the prompt. */
static struct supervisor *open_run(main_fn *fn) {
  static const struct supervisor_options o = {
      .backend = backend_new,
      .speed = 1,
      .max_procs = 64,
      .timeout_ns = SBX_FOREVER,
      .say = say,
      .record = {.on = true, .detail = TRACE_DETAIL_MERGED, .command = "test", .version = "1", .keep = keep}};
  struct supervisor *s;
  ready = gate_new();
  go_on = gate_new();
  kept.len = 0;
  CHECK_EQ(supervisor_open(&o, &s), 0);
  CHECK_EQ(supervisor_start_main(s, fn, NULL), 0);
  return s;
}

/* Serve until the gate `ready` (ready: true) lets through, or main has ended. */
static void serve_until(struct supervisor *s, bool at_gate) {
  int fds[SUPERVISOR_FDS];
  supervisor_fds(s, fds);
  struct pollfd p[] = {{.fd = at_gate ? ready.fds[0] : -1, .events = POLLIN},
                       {.fd = fds[0], .events = POLLIN},
                       {.fd = fds[1], .events = POLLIN}};
  do {
    struct timespec left;
    ppoll(p, 3, clock_left(supervisor_deadline(s), &left), NULL);
    if (supervisor_serve(s))
      return;
  } while (!p[0].revents);
  gate_wait(ready);
}

static void peek_run(struct supervisor *s) {
  struct buf now = {0};
  const char *reason = "";
  CHECK_EQ(supervisor_peek(s, &now), 0);
  trace_model_release(&m);
  const struct log_view view = {.more = now.data, .more_len = now.len};
  CHECK_EQ(trace_log_read_part(kept.data, kept.len, &view, &m, &reason), 0);
  buf_release(&now);
}

static int take_one(void *arg) {
  uint32_t producer, seq;
  return get_item(arg, &producer, &seq, SBX_FOREVER);
}

static int main_is_looked_at(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  struct object *empty = new_queue(0, TRANSPORT_AUTO, 0);
  queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *reader = spawn_process(take_one, empty);
  await_sleep(reader, OP_QUEUE_GET);
  for (uint32_t i = 0; i < 5; i++)
    CHECK_EQ(put_item(queue, 1, i, ITEM_LEAST, SBX_FOREVER), 0);
  gate_open(ready, 1);
  gate_wait(go_on);
  CHECK_EQ(put_item(empty, 1, 0, ITEM_LEAST, SBX_FOREVER), 0);
  join_well(reader);
  return 0;
}

/* A run of ops that goes on, a wait that goes on: both are seen, as often as one looks, and are in the log once. */
TEST_ON_STAGE(the_present_is_seen_and_not_kept, 20) {
  struct supervisor *s = open_run(main_is_looked_at);
  serve_until(s, true);
  for (int i = 0; i < 3; i++) {
    peek_run(s);
    const struct trace_process *main = process_of(1), *reader = process_of(2);
    CHECK_EQ(main->how, TRACE_ALIVE);
    CHECK_EQ(count_of(main, OP_QUEUE_PUT), 5);
    const struct trace_span *last = &m.spans[reader->span_first + reader->span_count - 1];
    CHECK_EQ(last->state, TRACE_QUEUE);
    CHECK_EQ(last->to_ns, m.facts.end_ns);
    CHECK(m.events[last->event].flags & TRACE_UNFINISHED);
    CHECK_EQ(m.edge_count, 1);
    CHECK_EQ(m.edges[0].kind, OP_QUEUE_GET);
    CHECK(!m.edges[0].stuck);
  }
  gate_open(go_on, 1);
  serve_until(s, false);
  CHECK_EQ(supervisor_close(s), 0);
  const char *reason = "";
  trace_model_release(&m);
  CHECK_EQ(trace_log_read(kept.data, kept.len, &m, &reason), 0);
  CHECK_EQ(count_of(process_of(1), OP_QUEUE_PUT), 6);
  CHECK_EQ(count_of(process_of(2), OP_QUEUE_GET), 1);
  CHECK_EQ(process_of(2)->event_count, 1);
  CHECK_EQ(m.facts.exit_status, 0);
}

/* A wait that ends while one looks is not there twice, and not missing. */
static int main_gets_again_and_again(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *reader = spawn_process(take_all, NULL);
  for (uint32_t i = 0; i < ITEMS; i++) {
    CHECK_EQ(put_item(queue, 1, i, ITEM_LEAST, SBX_FOREVER), 0);
    usleep(100);
  }
  join_well(reader);
  return 0;
}

TEST_ON_STAGE(looking_at_a_busy_run, 30) {
  struct supervisor *s = open_run(main_gets_again_and_again);
  uint64_t before = 0;
  while (!supervisor_serve(s)) {
    peek_run(s);
    if (m.process_count < 2)
      continue;
    const struct trace_process *reader = process_of(2);
    uint64_t n = 0;
    int64_t at_ns = 0;
    for (uint32_t i = 0; i < reader->event_count; i++) {
      const struct trace_event *e = &m.events[reader->event_first + i];
      CHECK(e->t_ns >= at_ns); /* its waits do not overlap */
      at_ns = e->flags & TRACE_WAITED ? e->t_ns + e->duration_ns : at_ns;
      n += e->flags & TRACE_UNFINISHED ? 0 : e->count;
    }
    CHECK(n >= before);
    before = n;
  }
  CHECK_EQ(supervisor_close(s), 0);
}

/* -- a session that waits for a line ------------------------------------------------------------------------------------ */

static int main_puts_in_between(struct backend *b, void *ctx) {
  (void)b, (void)ctx;
  queue = new_queue(0, TRANSPORT_AUTO, 0);
  gate_open(ready, 1);
  gate_wait(go_on);
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(put_item(queue, 1, 0, ITEM_LEAST, SBX_FOREVER), 0);
    gate_open(ready, 1);
    gate_wait(go_on);
  }
  return 0;
}

/* Nothing happens: the supervisor sleeps longer and longer, up to seconds. */
static void await_long_sleep(struct supervisor *s) {
  struct timespec left;
  while (supervisor_deadline(s) - clock_now_ns() < 2 * NS_PER_SECOND) {
    ppoll(NULL, 0, clock_left(supervisor_deadline(s), &left), NULL);
    supervisor_serve(s);
  }
}

TEST_ON_STAGE(an_idle_session_is_no_work_for_anybody, 60) {
  struct supervisor *s = open_run(main_puts_in_between);
  serve_until(s, true);
  CHECK_EQ(supervisor_recorded(s), 1);
  supervisor_idle(s, true, 0);
  await_long_sleep(s);
  for (uint64_t i = 0; i < 2; i++) {
    supervisor_idle(s, false, 0);
    CHECK(supervisor_deadline(s) - clock_now_ns() < NS_PER_SECOND); /* it is awake again */
    gate_open(go_on, 1);
    serve_until(s, true);
    supervisor_idle(s, true, 0);
    /* It is the same op on the same queue, but of another line: no run that goes on. */
    CHECK_EQ(supervisor_recorded(s), 2 + i);
  }
  peek_run(s);
  const struct trace_process *main = process_of(1);
  CHECK_EQ(count_of(main, OP_QUEUE_PUT), 2);
  CHECK(main->spent_ns[TRACE_IDLE] > main->spent_ns[TRACE_RUNNING]);
  struct trace_sums sums;
  trace_sum(&m, &sums);
  CHECK(sums.busy_ns < m.facts.end_ns - main->spent_ns[TRACE_IDLE] + NS_PER_MS);
  supervisor_idle(s, false, 0);
  gate_open(go_on, 1);
  serve_until(s, false);
  CHECK_EQ(supervisor_close(s), 0);
}

/* -- time -------------------------------------------------------------------------------------------------------------- */

static int main_sleeps(struct backend *b, void *ctx) {
  (void)ctx;
  struct op op = {.kind = OP_CLOCK_SLEEP, .deadline_ns = in_ms(50)};
  return perform(b, &op);
}

TEST_ON_STAGE(times_are_the_runs, 20) {
  CHECK_EQ(record(main_sleeps, TRACE_DETAIL_MERGED, 20), 0);
  CHECK(process_of(1)->spent_ns[TRACE_SLEEP] >= 20 * 50 * NS_PER_MS);
  CHECK(m.facts.end_ns >= process_of(1)->spent_ns[TRACE_SLEEP]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(merged_records_count_each_item),
      cmocka_unit_test(all_items_are_joined_one_by_one),
      cmocka_unit_test(only_waits),
      cmocka_unit_test(the_records_of_a_killed_process_are_complete),
      cmocka_unit_test(rings_are_used_again),
      cmocka_unit_test(a_process_without_a_ring_runs_and_is_counted),
      cmocka_unit_test(a_deadlock_is_in_the_log),
      cmocka_unit_test(each_item_has_one_number),
      cmocka_unit_test(numbers_are_right_across_kills),
      cmocka_unit_test(the_present_is_seen_and_not_kept),
      cmocka_unit_test(looking_at_a_busy_run),
      cmocka_unit_test(an_idle_session_is_no_work_for_anybody),
      cmocka_unit_test(times_are_the_runs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
