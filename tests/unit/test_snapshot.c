/* os/supervisor/snapshot.c: what others see of processes and queues, from inside and from outside. */
#include "support/os_world.h"

#include <signal.h>
#include <sys/wait.h>

#include "os/process/failure.h"
#include "os/supervisor/snapshot.h"

static struct control *the_control(void) { return the_backend->control; }

static struct snapshot take(unsigned parts) {
  struct snapshot s = {0};
  CHECK_EQ(snapshot_take(the_control(), parts, &s), 0);
  return s;
}

static struct snapshot_process *row_of(const struct snapshot *s, const struct object *p) {
  int64_t i = snapshot_find_process(s, p->serial);
  CHECK(i >= 0);
  return &s->processes[i];
}

static struct snapshot_queue *row_of_queue(const struct snapshot *s, const struct object *q) {
  int64_t i = snapshot_find_queue(s, q->serial);
  CHECK(i >= 0);
  return &s->queues[i];
}

/* A snapshot in which the process sleeps in `kind`, and did so all the while. */
static struct snapshot take_asleep(const struct object *p, enum op_kind kind) {
  for (;;) {
    struct snapshot s = take(SNAPSHOT_QUEUES | SNAPSHOT_USAGE);
    const struct snapshot_process *row = row_of(&s, p);
    if (row->op.kind == kind && row->op.steady)
      return s;
    snapshot_release(&s);
    usleep(100);
  }
}

/* -- what the children do ---------------------------------------------------------------------- */

static struct object *the_queue;
static struct gate the_gate;

static int wait_at_gate(void *unused) {
  (void)unused;
  gate_wait(the_gate);
  return 0;
}

static int get_one(void *unused) {
  struct buf item = {0};
  (void)unused;
  CHECK_EQ(get(the_queue, &item, SBX_FOREVER), 0);
  buf_release(&item);
  return 0;
}

static int get_with_deadline(void *unused) {
  struct buf item = {0};
  (void)unused;
  get(the_queue, &item, in_ms(1000 * 1000));
  buf_release(&item);
  return 0;
}

static int put_one(void *unused) {
  (void)unused;
  CHECK_EQ(put(the_queue, "x", 1, SBX_FOREVER), 0);
  return 0;
}

static int leave_with(void *status) { return *(int *)status; }

/* -- processes --------------------------------------------------------------------------------- */

/* A task fails in the calling process, which stops or dies at the point that the plan names. */
static int fail_a_task(void *plan) {
  const struct buf report = {.data = (uint8_t *)"it failed", .len = 9};
  struct object_ref ref;
  fault_plan(plan);
  CHECK_EQ(failure_of_task(the_backend, &report, 1, &ref), 0);
  fault_plan(NULL);
  return 0;
}

static const char *const failing_at[] = {"failure.claimed", "failure.reset", "failure.before-publish", "failure.published"};

static struct object *a_failing_task(const char *point, const char *how) {
  char plan[100];
  snprintf(plan, sizeof plan, "%s:1:%s", point, how);
  return spawn_process(fail_a_task, plan);
}

TEST_ON_STAGE(the_record_of_a_tasks_failure_is_never_listed, 20) {
  os_world_new();
  for (int i = 0; i < 4; i++) {
    struct object *p = a_failing_task(failing_at[i], "stop");
    await_stopped(pid_of(p));
    struct snapshot s = take(SNAPSHOT_QUEUES | SNAPSHOT_ENDED | SNAPSHOT_OBJECTS);
    CHECK(s.settled);
    uint32_t living = 0;
    for (uint32_t k = 0; k < s.process_count; k++) {
      living += s.processes[k].lives;
      CHECK(s.processes[k].pid > 0);
      CHECK(s.processes[k].id < FAILURE_SERIALS);
    }
    CHECK_EQ(living, 2);
    snapshot_release(&s);
    CHECK_EQ(the_control()->alive, 2);
    kill(pid_of(p), SIGCONT);
    join_well(p);
  }
}

TEST_ON_STAGE(who_is_killed_while_a_task_fails_leaves_no_process, 20) {
  os_world_new();
  for (int round = 0; round < 50; round++) {
    struct object *p = a_failing_task(failing_at[round % 4], "kill");
    CHECK_EQ(p->serial, 2 + (uint64_t)round);
    CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
    release_object(p);
    struct snapshot s = take(SNAPSHOT_QUEUES);
    CHECK_EQ(s.process_count, 1);
    snapshot_release(&s);
    CHECK_EQ(the_control()->alive, 1);
  }
  /* Those of the killed are still to be reported; the others are used again. */
  CHECK(control_process_end(the_control()) < 60);
}

TEST_ON_STAGE(those_that_live_are_listed_with_what_they_do, 20) {
  os_world_new();
  the_gate = gate_new();
  the_queue = new_queue(0, TRANSPORT_AUTO, 0);
  strcpy(record_of_queue(the_queue)->name, "jobs");
  int64_t before = clock_now_ns();
  struct object *busy = spawn_process(wait_at_gate, NULL);
  struct object *idle = spawn_process(get_one, NULL);
  struct snapshot s = take_asleep(idle, OP_QUEUE_GET);
  CHECK_EQ(s.process_count, 3);
  CHECK_EQ(s.processes[0].id, 1);
  CHECK_EQ(strcmp(s.processes[0].name, "main"), 0);
  CHECK_EQ(s.processes[0].spawner, 0);
  CHECK_EQ(s.processes[0].op.kind, OP_NONE);
  CHECK_EQ(s.processes[0].pid, getpid());
  CHECK(s.processes[0].rss_bytes > 100 * 1024);
  CHECK(s.processes[0].private_bytes <= s.processes[0].rss_bytes);
  const struct snapshot_process *b = row_of(&s, busy), *i = row_of(&s, idle);
  CHECK_EQ(b->op.kind, OP_NONE);
  CHECK(!b->op.steady && b->lives && b->status == PROCESS_RUNNING);
  CHECK_EQ(b->spawner, 1);
  CHECK_EQ(strcmp(b->spawned_at, "test:1"), 0);
  CHECK_EQ(strcmp(b->name, "p"), 0);
  CHECK_EQ(i->pid, pid_of(idle));
  CHECK_EQ(i->op.needs[0].type, OBJECT_QUEUE);
  CHECK_EQ(i->op.needs[0].object, the_queue->serial);
  CHECK_EQ(strcmp(i->op.needs[0].object_name, "jobs"), 0);
  CHECK_EQ(i->op.deadline_ns, SBX_FOREVER);
  CHECK(i->op.since_ns > before && i->op.since_ns <= clock_now_ns());
  snapshot_release(&s);
  CHECK_EQ(put(the_queue, "x", 1, SBX_FOREVER), 0);
  join_well(idle);
  gate_open(the_gate, 1);
  join_well(busy);
  s = take(0);
  CHECK_EQ(s.process_count, 1);
  snapshot_release(&s);
}

TEST_ON_STAGE(join_names_the_process_and_a_deadline_is_told, 20) {
  os_world_new();
  the_queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *p = spawn_process(get_with_deadline, NULL);
  struct snapshot s = take_asleep(p, OP_QUEUE_GET);
  CHECK(row_of(&s, p)->op.deadline_ns > clock_now_ns());
  CHECK(row_of(&s, p)->op.deadline_ns < SBX_FOREVER);
  snapshot_release(&s);
  CHECK_EQ(close_queue(the_queue), 0);
  join_well(p);
}

static int join_it(void *p) {
  CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
  return 0;
}

TEST_ON_STAGE(a_joiner_is_told_with_the_name_of_whom_it_joins, 20) {
  os_world_new();
  the_queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *sleeper = spawn_process(get_one, NULL);
  struct object *joiner = spawn_process(join_it, sleeper);
  struct snapshot s = take_asleep(joiner, OP_PROCESS_JOIN);
  const struct snapshot_op *op = &row_of(&s, joiner)->op;
  CHECK_EQ(op->needs[0].type, OBJECT_PROCESS);
  CHECK_EQ(op->needs[0].object, sleeper->serial);
  CHECK_EQ(strcmp(op->needs[0].object_name, "p"), 0);
  CHECK_EQ(op->deadline_ns, SBX_FOREVER);
  snapshot_release(&s);
  CHECK_EQ(put(the_queue, "x", 1, SBX_FOREVER), 0);
  join_well(joiner);
  join_well(sleeper);
}

TEST_ON_STAGE(a_stopped_one_is_told_as_stopped_and_where_it_slept, 20) {
  os_world_new();
  the_queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *p = spawn_process(get_one, NULL);
  await_sleep(p, OP_QUEUE_GET);
  kill(pid_of(p), SIGSTOP);
  await_stopped(pid_of(p));
  struct snapshot s = take(SNAPSHOT_QUEUES);
  CHECK_EQ(row_of(&s, p)->status, PROCESS_STOPPED);
  CHECK_EQ(row_of(&s, p)->op.kind, OP_QUEUE_GET);
  CHECK(!row_of(&s, p)->op.steady);
  snapshot_release(&s);
  kill(pid_of(p), SIGCONT);
  CHECK_EQ(put(the_queue, "x", 1, SBX_FOREVER), 0);
  join_well(p);
}

static int get_until_interrupted(void *unused) {
  struct buf item = {0};
  (void)unused;
  CHECK_EQ(get(the_queue, &item, SBX_FOREVER), -SBX_EINTERRUPTED);
  gate_open(the_gate, 1);
  raise(SIGSTOP);
  return 0;
}

TEST_ON_STAGE(who_was_interrupted_does_not_sleep_any_more, 20) {
  os_world_new();
  the_gate = gate_new();
  the_queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *p = spawn_process(get_until_interrupted, NULL);
  await_sleep(p, OP_QUEUE_GET);
  kill(pid_of(p), SIGINT);
  gate_wait(the_gate);
  struct snapshot s = take(0);
  CHECK_EQ(row_of(&s, p)->op.kind, OP_NONE);
  CHECK_EQ(atomic_load(&record_of_process(p)->op_kind), OP_QUEUE_GET); /* for the run's summary */
  snapshot_release(&s);
  await_stopped(pid_of(p));
  kill(pid_of(p), SIGCONT);
  join_well(p);
}

TEST_ON_STAGE(the_ended_are_listed_if_asked_for, 20) {
  os_world_new();
  the_queue = new_queue(0, TRANSPORT_AUTO, 0);
  int statuses[] = {0, 7};
  struct object *done = spawn_process(leave_with, &statuses[0]);
  struct object *failed = spawn_process(leave_with, &statuses[1]);
  struct object *killed = spawn_process(get_one, NULL);
  CHECK_EQ(join_process(done, NULL, SBX_FOREVER), 0);
  CHECK_EQ(join_process(failed, NULL, SBX_FOREVER), 0);
  kill(pid_of(killed), SIGKILL);
  while (control_process_alive(the_control(), killed->slot))
    usleep(100);
  struct snapshot s = take(0);
  CHECK_EQ(s.process_count, 1);
  snapshot_release(&s);
  s = take(SNAPSHOT_ENDED);
  CHECK_EQ(s.process_count, 4);
  CHECK_EQ(row_of(&s, done)->status, PROCESS_DONE);
  CHECK_EQ(row_of(&s, done)->exit_code, 0);
  CHECK(row_of(&s, done)->joined && !row_of(&s, done)->lives);
  CHECK_EQ(row_of(&s, failed)->status, PROCESS_FAILED);
  CHECK_EQ(row_of(&s, failed)->exit_code, 7);
  CHECK_EQ(row_of(&s, killed)->status, PROCESS_KILLED);
  CHECK_EQ(row_of(&s, killed)->signal, SIGKILL);
  CHECK_EQ(row_of(&s, killed)->exit_code, -1);
  CHECK(!row_of(&s, killed)->joined);
  CHECK_EQ(row_of(&s, killed)->op.kind, OP_NONE);
  snapshot_release(&s);
}

static int put_and_get(void *unused) {
  struct buf item = {0};
  (void)unused;
  for (int i = 0; i < 5; i++)
    CHECK_EQ(put(the_queue, "x", 1, SBX_FOREVER), 0);
  for (int i = 0; i < 3; i++)
    CHECK_EQ(get(the_queue, &item, SBX_FOREVER), 0);
  CHECK_EQ(put(the_queue, "x", 1, 0), 0);
  gate_open(the_gate, 1);
  raise(SIGSTOP);
  for (int i = 0; i < 3; i++)
    CHECK_EQ(get(the_queue, &item, SBX_FOREVER), 0);
  CHECK_EQ(get(the_queue, &item, 0), -SBX_ETIMEDOUT); /* no item: not counted */
  buf_release(&item);
  return 0;
}

TEST_ON_STAGE(each_counts_its_own_items, 20) {
  os_world_new();
  the_gate = gate_new();
  the_queue = new_queue(0, TRANSPORT_AUTO, 0);
  struct object *p = spawn_process(put_and_get, NULL);
  gate_wait(the_gate);
  struct snapshot s = take(0);
  CHECK_EQ(row_of(&s, p)->items_out, 6);
  CHECK_EQ(row_of(&s, p)->items_in, 3);
  CHECK_EQ(s.processes[0].items_out, 0);
  snapshot_release(&s);
  await_stopped(pid_of(p));
  kill(pid_of(p), SIGCONT);
  CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
  s = take(SNAPSHOT_ENDED);
  CHECK_EQ(row_of(&s, p)->exit_code, 0);
  CHECK_EQ(row_of(&s, p)->items_out, 6);
  CHECK_EQ(row_of(&s, p)->items_in, 6);
  snapshot_release(&s);
}

static int burn(void *unused) {
  (void)unused;
  for (volatile uint64_t i = 0; i < UINT64_MAX; i++)
    continue;
  return 0;
}

TEST_ON_STAGE(cpu_time_grows, 60) {
  os_world_new();
  struct object *p = spawn_process(burn, NULL);
  for (double cpu = 0; cpu < 0.05;) {
    struct snapshot s = take(SNAPSHOT_USAGE);
    CHECK(row_of(&s, p)->cpu_seconds >= cpu);
    cpu = row_of(&s, p)->cpu_seconds;
    snapshot_release(&s);
    usleep(1000);
  }
  kill_process(p);
}

/* -- queues ------------------------------------------------------------------------------------ */

enum { SMALL = 20, LARGE = 2000, BOTH = 30 };

static void fill(struct object *q) {
  for (uint32_t i = 0; i < BOTH; i++)
    CHECK_EQ(put_item(q, 1, i, i % 3 == 2 ? LARGE : SMALL, SBX_FOREVER), 0);
}

static void check_filled(struct object *const queues[3], const struct snapshot *s) {
  CHECK_EQ(s->queue_count, 3);
  for (int i = 0; i < 3; i++) {
    const struct snapshot_queue *q = row_of_queue(s, queues[i]);
    CHECK(q->exact);
    CHECK_EQ(q->items, BOTH);
    CHECK_EQ(q->transport, i);
    CHECK(q->bytes >= BOTH / 3 * LARGE + 2 * BOTH / 3 * SMALL);
    CHECK(q->bytes <= BOTH / 3 * (LARGE + 8) + 2 * BOTH / 3 * RECORD_BYTES);
    CHECK(!q->closed);
  }
}

/* Nobody of the run: it sees the shared memory, and has no descriptor of any queue. */
TEST_ON_STAGE(items_are_exact_for_those_who_hold_nothing, 20) {
  os_world_new();
  struct object **queues = shared_memory(4096);
  struct object *copies = shared_memory(4096);
  the_gate = gate_new();
  pid_t outsider = fork();
  if (outsider == 0) {
    struct object *const list[] = {&copies[0], &copies[1], &copies[2]};
    gate_wait(the_gate);
    int fds = open_fds_of(0);
    struct snapshot s = take(SNAPSHOT_QUEUES);
    check_filled(list, &s);
    CHECK_EQ(open_fds_of(0), fds);
    snapshot_release(&s);
    _exit(0);
  }
  for (int i = 0; i < 3; i++) {
    queues[i] = new_queue(0, (enum queue_transport)i, 0);
    fill(queues[i]);
    copies[i] = *queues[i];
  }
  struct snapshot s = take(SNAPSHOT_QUEUES);
  check_filled(queues, &s);
  snapshot_release(&s);
  gate_open(the_gate, 1);
  CHECK_EQ(reap_pid(outsider), 0);
}

TEST_ON_STAGE(a_holder_that_died_does_not_matter, 20) {
  os_world_new();
  the_gate = gate_new();
  the_queue = new_queue(0, TRANSPORT_PIPE, 0);
  struct object *mortal = spawn_process(wait_at_gate, NULL);
  struct object *heir = spawn_process(wait_at_gate, NULL);
  struct object copy = *the_queue;
  for (int i = 0; i < 4; i++)
    CHECK_EQ(put(the_queue, "x", 1, SBX_FOREVER), 0);
  release_object(the_queue); /* main holds it no more */
  struct snapshot s = take(SNAPSHOT_QUEUES);
  CHECK_EQ(row_of_queue(&s, &copy)->holders.count, 2);
  CHECK_EQ(row_of_queue(&s, &copy)->items, 4);
  snapshot_release(&s);
  kill_process(mortal);
  s = take(SNAPSHOT_QUEUES);
  CHECK_EQ(row_of_queue(&s, &copy)->holders.count, 1);
  CHECK(row_of_queue(&s, &copy)->exact);
  CHECK_EQ(row_of_queue(&s, &copy)->items, 4);
  snapshot_release(&s);
  kill_process(heir);
  s = take(SNAPSHOT_QUEUES);
  CHECK_EQ(s.queue_count, 0); /* nobody is left who could use it */
  snapshot_release(&s);
}

TEST_ON_STAGE(waiting_readers_and_writers_are_named, 20) {
  os_world_new();
  struct object *full = new_queue(1, TRANSPORT_AUTO, 0), *empty = new_queue(0, TRANSPORT_SHM, 0);
  struct object *readers[3], *writers[2];
  CHECK_EQ(put(full, "x", 1, SBX_FOREVER), 0);
  the_queue = full;
  for (int i = 0; i < 2; i++)
    writers[i] = spawn_process(put_one, NULL);
  the_queue = empty;
  for (int i = 0; i < 3; i++)
    readers[i] = spawn_process(get_one, NULL);
  for (int i = 0; i < 2; i++)
    await_sleep(writers[i], OP_QUEUE_PUT);
  for (int i = 0; i < 3; i++)
    await_sleep(readers[i], OP_QUEUE_GET);
  struct snapshot s = take(SNAPSHOT_QUEUES);
  const struct snapshot_queue *f = row_of_queue(&s, full), *e = row_of_queue(&s, empty);
  CHECK(s.settled);
  CHECK_EQ(f->max, 1);
  CHECK_EQ(f->items, 1);
  CHECK_EQ(f->readers.count, 0);
  CHECK_EQ(f->writers.count, 2);
  CHECK_EQ(f->holders.count, 6);
  CHECK_EQ(e->max, 0);
  CHECK_EQ(e->items, 0);
  CHECK_EQ(e->writers.count, 0);
  CHECK_EQ(e->readers.count, 3);
  for (uint32_t i = 0; i < 3; i++)
    CHECK_EQ(s.processes[e->readers.list[i]].id, readers[i]->serial);
  for (uint32_t i = 0; i < 2; i++)
    CHECK(index_list_has(&f->writers, (uint32_t)snapshot_find_process(&s, writers[i]->serial)));
  CHECK(!index_list_has(&f->writers, 0));
  snapshot_release(&s);
  for (int i = 0; i < 3; i++)
    kill_process(readers[i]);
  CHECK_EQ(close_queue(empty), 0);
  s = take(SNAPSHOT_QUEUES);
  CHECK(row_of_queue(&s, empty)->closed);
  CHECK_EQ(row_of_queue(&s, empty)->readers.count, 0);
  snapshot_release(&s);
  for (int i = 0; i < 2; i++)
    kill_process(writers[i]);
}

static int pass_on(void *unused) {
  struct buf item = {0};
  (void)unused;
  for (;;) {
    item.len = 0;
    CHECK_EQ(get(the_queue, &item, SBX_FOREVER), 0);
    CHECK_EQ(put(the_queue, item.data, item.len, SBX_FOREVER), 0);
  }
}

/* Two processes take items out and put them back: one of them at most is in each one's hands. */
TEST_ON_STAGE(counts_are_of_one_moment_under_load, 60) {
  enum { ITEMS = 50, ROUNDS = 2000 };
  os_world_new();
  struct object *passers[4];
  for (int t = 0; t < 2; t++) {
    the_queue = new_queue(ITEMS, t ? TRANSPORT_SHM : TRANSPORT_AUTO, 0);
    for (uint32_t i = 0; i < ITEMS; i++)
      CHECK_EQ(put_item(the_queue, 1, i, i % 5 ? SMALL : LARGE, SBX_FOREVER), 0);
    for (int i = 0; i < 2; i++)
      passers[2 * t + i] = spawn_process(pass_on, NULL);
  }
  for (int round = 0; round < ROUNDS; round++) {
    struct snapshot s = take(SNAPSHOT_QUEUES);
    CHECK_EQ(s.queue_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
      CHECK(s.queues[i].exact);
      CHECK(s.queues[i].items <= ITEMS);
      CHECK(s.queues[i].items >= ITEMS - 2);
    }
    snapshot_release(&s);
  }
  for (int i = 0; i < 4; i++)
    kill_process(passers[i]);
}

/* -- while everything changes ------------------------------------------------------------------ */

static int spawn_and_join(void *unused) {
  int status = 0;
  (void)unused;
  while (status == 0)
    join_well(spawn_process(leave_with, &status));
  return 0;
}

TEST_ON_STAGE(rows_are_whole_while_processes_come_and_go, 60) {
  os_world_new();
  struct object *busy[2];
  for (int i = 0; i < 2; i++)
    busy[i] = spawn_process(spawn_and_join, NULL);
  for (int round = 0; round < 2000; round++) {
    struct snapshot s = take(SNAPSHOT_QUEUES | SNAPSHOT_ENDED);
    for (uint32_t i = 0; i < s.process_count; i++) {
      const struct snapshot_process *p = &s.processes[i];
      CHECK(i == 0 || p->id > p[-1].id);
      CHECK(p->name[0] == '\0' || strcmp(p->name, i ? "p" : "main") == 0);
      CHECK(p->lives || p->pid > 0);
    }
    CHECK(row_of(&s, busy[0])->lives && row_of(&s, busy[1])->lives);
    snapshot_release(&s);
  }
  kill_process(busy[0]);
  kill_process(busy[1]);
}

/* -- since when -------------------------------------------------------------------------------- */

static struct object *the_queue;

static int get_and_look_twice(void *arg) {
  struct buf out = {0};
  (void)arg;
  fault_plan("wait.before-poll:2:stop");
  return get(the_queue, &out, SBX_FOREVER);
}

/* Somebody asks where it is, say. */
TEST_ON_STAGE(a_wait_lasts_since_its_first_sleep_though_it_is_woken, 20) {
#ifndef SBX_FAULTS
  stage_skip("no fault points in this build");
#endif
  os_world_new();
  the_queue = new_queue(0, TRANSPORT_SHM, 0);
  struct object *p = spawn_process(get_and_look_twice, NULL);
  await_sleep(p, OP_QUEUE_GET);
  int64_t since_ns = atomic_load(&record_of_process(p)->op_since_ns);
  kill(pid_of(p), WAKE_SIGNAL);
  await_stopped(pid_of(p));
  CHECK_EQ(atomic_load(&record_of_process(p)->op_kind), OP_QUEUE_GET);
  CHECK_EQ(atomic_load(&record_of_process(p)->op_since_ns), since_ns);
  kill_process(p);
}

/* -- output ------------------------------------------------------------------------------------ */

/* Print a line, tell so, and wait to be let on, three times. */
static int print_lines(void *id) {
  output_share(the_backend->control, the_backend->slot, the_backend->serial, true);
  for (int i = 1; i <= 3; i++) {
    printf("line %d", i);
    printf(" of %d\n", *(int *)id);
    fflush(stdout);
    gate_open(the_gate, 1);
    raise(SIGSTOP);
  }
  return 0;
}

static void let_on(const struct object *p) {
  await_stopped(pid_of(p));
  kill(pid_of(p), SIGCONT);
}

TEST_ON_STAGE(muted_lines_are_dropped_whole_and_others_followed, 20) {
  int out[2], names[] = {1, 2};
  char text[400] = {0};
  os_world_new();
  the_gate = gate_new();
  CHECK_EQ(pipe(out), 0);
  fflush(stdout);
  dup2(out[1], STDOUT_FILENO);
  struct object *a = spawn_process(print_lines, &names[0]);
  struct object *b = spawn_process(print_lines, &names[1]);
  gate_wait(the_gate);
  gate_wait(the_gate); /* first lines: both */
  atomic_store(&record_of_process(a)->muted, 1);
  struct snapshot s = take(0);
  CHECK(row_of(&s, a)->muted && !row_of(&s, b)->muted);
  snapshot_release(&s);
  let_on(a);
  gate_wait(the_gate); /* a's second: dropped */
  let_on(b);
  gate_wait(the_gate);
  atomic_store(&record_of_process(a)->muted, 0);
  atomic_store(&the_control()->follow, a->serial);
  let_on(b);
  gate_wait(the_gate); /* b's third: dropped */
  let_on(a);
  gate_wait(the_gate);
  let_on(a);
  let_on(b);
  CHECK_EQ(join_process(a, NULL, SBX_FOREVER), 0);
  CHECK_EQ(join_process(b, NULL, SBX_FOREVER), 0);
  CHECK(read(out[0], text, sizeof text - 1) > 0);
  char *first = strstr(text, "line 2");
  CHECK(first);
  CHECK_EQ(strstr(text, "[p#2] line 1 of 1\n") != NULL, 1);
  CHECK_EQ(strstr(text, "[p#3] line 1 of 2\n") != NULL, 1);
  CHECK_EQ(strcmp(first, "line 2 of 2\n[p#2] line 3 of 1\n"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_record_of_a_tasks_failure_is_never_listed),
      cmocka_unit_test(who_is_killed_while_a_task_fails_leaves_no_process),
      cmocka_unit_test(those_that_live_are_listed_with_what_they_do),
      cmocka_unit_test(join_names_the_process_and_a_deadline_is_told),
      cmocka_unit_test(a_joiner_is_told_with_the_name_of_whom_it_joins),
      cmocka_unit_test(a_stopped_one_is_told_as_stopped_and_where_it_slept),
      cmocka_unit_test(who_was_interrupted_does_not_sleep_any_more),
      cmocka_unit_test(the_ended_are_listed_if_asked_for),
      cmocka_unit_test(each_counts_its_own_items),
      cmocka_unit_test(cpu_time_grows),
      cmocka_unit_test(items_are_exact_for_those_who_hold_nothing),
      cmocka_unit_test(a_holder_that_died_does_not_matter),
      cmocka_unit_test(waiting_readers_and_writers_are_named),
      cmocka_unit_test(counts_are_of_one_moment_under_load),
      cmocka_unit_test(rows_are_whole_while_processes_come_and_go),
      cmocka_unit_test(a_wait_lasts_since_its_first_sleep_though_it_is_woken),
      cmocka_unit_test(muted_lines_are_dropped_whole_and_others_followed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
