/* prompt/show.c, base/table.c, base/width.c - tables and sentences of snapshots made by hand, at several widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "look/waits.h"
#include "prompt/show.h"
#include "base/width.h"

/* -- a run that stands still ------------------------------------------------------------------- */

#define S(seconds) ((int64_t)((seconds) * 1e9))

static struct snapshot_process people[8];
static struct snapshot_queue queues[3];
static uint32_t holders[3][8], readers[8], writers[8];
static struct snapshot run;

static struct snapshot_process *person(uint32_t i, const char *name, int64_t pid) {
  people[i] = (struct snapshot_process){
      .id = i + 1, .slot = i, .pid = pid, .lives = true, .spawner = i ? 1 : 0, .exit_code = -1};
  strcpy(people[i].name, name);
  return &people[i];
}

static void in_op(struct snapshot_process *p, enum op_kind kind, uint64_t object, const char *name,
                  double seconds, const char *where) {
  p->op = (struct snapshot_op){.kind = kind,
                               .needs = {{.kind = kind,
                                          .type = op_describe(kind)->type,
                                          .object = object}},
                               .need_count = 1,
                               .since_ns = run.taken_ns - S(seconds),
                               .deadline_ns = SBX_FOREVER,
                               .steady = true};
  strcpy(p->op.needs[0].object_name, name);
  strcpy(p->where, where);
}

static void holds(uint32_t process, uint32_t queue) {
  queues[queue].holders.list[queues[queue].holders.count++] = process;
}

/* main at its prompt; a producer that waits for room; a consumer that is stopped; a reader; a sleeper; one that ended. */
static void make_run(void) {
  memset(people, 0, sizeof people);
  run = (struct snapshot){.taken_ns = S(5000),
                          .started_ns = S(4000),
                          .settled = true,
                          .processes = people,
                          .process_count = 6,
                          .queues = queues,
                          .queue_count = 2};
  struct snapshot_process *p = person(0, "main", 4700);
  p->cpu_seconds = 0.31;
  p->private_bytes = 1800000;
  p = person(1, "producer", 4711);
  in_op(p, OP_QUEUE_PUT, 1, "jobs", 3.25, "scripts/queue.lua:12");
  p->cpu_seconds = 12.5;
  p->private_bytes = 400000;
  p->items_out = 1234567;
  p = person(2, "Zählerin-日本", 4712);
  p->status = PROCESS_STOPPED;
  in_op(p, OP_QUEUE_GET, 1, "jobs", 700, "scripts/queue.lua:20");
  p->private_bytes = 500;
  p->items_in = 99;
  p = person(3, "reader", 4713);
  in_op(p, OP_QUEUE_GET, 2, "", 0.04, "x.lua:3");
  p->daemon = true;
  p->muted = true;
  p = person(4, "sleeper", 4714);
  in_op(p, OP_CLOCK_SLEEP, 0, "", 20, "x.lua:9");
  p->op.deadline_ns = run.taken_ns + S(7205);
  p = person(5, "ended", 4715);
  p->lives = false;
  p->status = PROCESS_FAILED;
  p->exit_code = 7;
  for (uint32_t i = 0; i < 3; i++)
    queues[i] = (struct snapshot_queue){.id = i + 1, .slot = i, .exact = true, .holders.list = holders[i]};
  strcpy(queues[0].name, "jobs");
  queues[0].items = queues[0].max = 10;
  queues[0].bytes = 5120;
  writers[0] = 1;
  queues[0].writers = (struct index_list){.list = writers, .count = 1};
  readers[0] = 3;
  queues[1].transport = TRANSPORT_SHM;
  queues[1].readers = (struct index_list){.list = readers, .count = 1};
  for (uint32_t i = 0; i < 4; i++)
    holds(i, 0);
  holds(0, 1);
  holds(3, 1);
}

/* -- text -------------------------------------------------------------------------------------- */

static struct buf text;

static void check_text(int rc, const char *wanted) {
  assert_int_equal(rc, 0);
  assert_int_equal(buf_append_byte(&text, '\0'), 0);
  char *got = (char *)text.data;
  text = (struct buf){0};
  if (strcmp(got, wanted) != 0) {
    print_error("got\n%swanted\n%s", got, wanted);
    free(got);
    fail();
  }
  free(got);
}

static struct show at(int columns) { return (struct show){.style = {.columns = columns}, .idle = 1}; }

/* Every line of every table fits the terminal, and no column but the last is cut off silently. */
static void check_fits(int rc, int columns) {
  assert_int_equal(rc, 0);
  const char *line = (const char *)text.data, *end = line + text.len;
  while (line < end) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    assert_non_null(newline);
    int width = width_of(line, (size_t)(newline - line));
    if (width > columns)
      fail_msg("%d columns in %d: %.*s", width, columns, (int)(newline - line), line);
    line = newline + 1;
  }
  buf_release(&text);
}

/* -- tables ------------------------------------------------------------------------------------ */

/* Each table at three widths, as a person would see it. */
struct golden {
  int columns;
  const char *text;
};

typedef int show_fn(const struct snapshot *s, const struct show *how, struct buf *out);

static int top(const struct snapshot *s, const struct show *how, struct buf *out) {
  return show_top(s, NULL, how, 0, out);
}

static void check_golden(show_fn *show, const struct golden *golden, size_t n) {
  for (size_t i = 0; i < n; i++) {
    struct show how = at(golden[i].columns);
    make_run();
    assert_int_equal(waits_find(&run, 1), 0);
    check_text(show(&run, &how, &text), golden[i].text);
  }
}

static void ps_drops_columns(void **state) {
  static const struct golden golden[] = {
      {120,
          "ID  NAME           STATE     FOR              SINCE  LEFT   CPU   MEM   OUT  IN   PID  AT                   MARKS\n"
          " 1  main           prompt                                  0.3s  1.7M     0   0  4700\n"
          " 2  producer       in put    jobs#1            3.2s         12s  391k  1.2M   0  4711  …ripts/queue.lua:12\n"
          " 3  Zählerin-日本  stopped   (in get) jobs#1  11m40        0.0s   500     0  99  4712  …ripts/queue.lua:20\n"
          " 4  reader         in get    queue#2           0.0s        0.0s           0   0  4713  x.lua:3              daemon,muted\n"
          " 5  sleeper        in sleep                     20s  2h00  0.0s           0   0  4714  x.lua:9\n"
          " 6  ended          failed 7                                               0   0  4715\n"},
      {80,
          "ID  NAME        STATE     FOR          SINCE   CPU   MEM   OUT  IN  AT\n"
          " 1  main        prompt                        0.3s  1.7M     0   0\n"
          " 2  producer    in put    jobs#1        3.2s   12s  391k  1.2M   0  …ueue.lua:12\n"
          " 3  Zählerin-…  stopped   (in get) j…  11m40  0.0s   500     0  99  …ueue.lua:20\n"
          " 4  reader      in get    queue#2       0.0s  0.0s           0   0  x.lua:3\n"
          " 5  sleeper     in sleep                 20s  0.0s           0   0  x.lua:9\n"
          " 6  ended       failed 7                                     0   0\n"},
      {40,
          "ID  NAME      STATE     FOR        SINCE\n"
          " 1  main      prompt\n"
          " 2  producer  in put    jobs#1      3.2s\n"
          " 3  Zähleri…  stopped   (in get)…  11m40\n"
          " 4  reader    in get    queue#2     0.0s\n"
          " 5  sleeper   in sleep               20s\n"
          " 6  ended     failed 7\n"}};
  (void)state;
  check_golden(show_ps, golden, 3);
}

static void queues_drop_columns(void **state) {
  static const struct golden golden[] = {
      {120,
          "ID  NAME  ITEMS  MAX  STATE  READERS  WRITERS  ASLEEP      BYTES  HOLDERS  VIA\n"
          " 1  jobs     10   10  full                  1  producer#2   5.0k        4  auto\n"
          " 2            0                    1           reader#4                 2  shm\n"},
      {80,
          "ID  NAME  ITEMS  MAX  STATE  READERS  WRITERS  ASLEEP      BYTES  HOLDERS  VIA\n"
          " 1  jobs     10   10  full                  1  producer#2   5.0k        4  auto\n"
          " 2            0                    1           reader#4                 2  shm\n"},
      {40,
          "ID  NAME  ITEMS  MAX  READERS  WRITERS\n"
          " 1  jobs     10   10                 1\n"
          " 2            0             1\n"}};
  (void)state;
  check_golden(show_queues, golden, 3);
}

static void queues_tell_what_is_in_hand(void **state) {
  struct show how = at(120);
  (void)state;
  make_run();
  queues[0].in_hand = 3;
  check_text(show_queues(&run, &how, &text),
             "ID  NAME           ITEMS  MAX  STATE  READERS  WRITERS  ASLEEP      BYTES  HOLDERS  VIA\n"
             " 1  jobs  10 + 3 in hand   10  full                  1  producer#2   5.0k        4  auto\n"
             " 2                     0                    1           reader#4                 2  shm\n");
}

static void waits_drop_columns_and_wrap_sentences(void **state) {
  static const struct golden golden[] = {
      {120,
          "PROCESS     WAITS IN  FOR      SINCE  HELPED BY                       AT\n"
          "producer#2  put       jobs#1    3.2s  you, Zählerin-日本#3, reader#4  scripts/queue.lua:12\n"
          "reader#4    get       queue#2   0.0s  you                             x.lua:3\n"
          "sleeper#5   sleep                20s  time                            x.lua:9\n"
          "waiting for you: reader#4 waits in get at x.lua:3 for queue#2, which only you can fill\n"},
      {80,
          "PROCESS     WAITS IN  FOR      SINCE  HELPED BY             AT\n"
          "producer#2  put       jobs#1    3.2s  you, Zählerin-日本#…  scripts/queue.lua:12\n"
          "reader#4    get       queue#2   0.0s  you                   x.lua:3\n"
          "sleeper#5   sleep                20s  time                  x.lua:9\n"
          "waiting for you: reader#4 waits in get at x.lua:3 for queue#2, which only you\n"
          "  can fill\n"},
      {40,
          "PROCESS    WAITS IN  FOR      HELPED BY\n"
          "producer…  put       jobs#1   you, Zähl…\n"
          "reader#4   get       queue#2  you\n"
          "sleeper#5  sleep              time\n"
          "waiting for you: reader#4 waits in get\n"
          "  at x.lua:3 for queue#2, which only you\n"
          "  can fill\n"}};
  (void)state;
  check_golden(show_waits, golden, 3);
}

static void top_is_sorted_by_cpu(void **state) {
  static const struct golden golden[] = {
      {120,
          "up 16m40, cpu 1%, 5 processes: 1 running, 3 waiting, 1 stopped, memory 2.1M\n"
          "ID  NAME           CPU%  STATE     FOR              TIME   MEM   OUT  IN  AT\n"
          " 2  producer          1  in put    jobs#1            12s  391k  1.2M   0  scripts/queue.lua:12\n"
          " 1  main              0  prompt                     0.3s  1.7M     0   0\n"
          " 3  Zählerin-日本     0  stopped   (in get) jobs#1  0.0s   500     0  99  scripts/queue.lua:20\n"
          " 4  reader            0  in get    queue#2          0.0s           0   0  x.lua:3\n"
          " 5  sleeper           0  in sleep                   0.0s           0   0  x.lua:9\n"},
      {80,
          "up 16m40, cpu 1%, 5 processes: 1 running, 3 waiting, 1 stopped, memory 2.1M\n"
          "ID  NAME         CPU%  STATE     FOR          TIME   MEM   OUT  IN  AT\n"
          " 2  producer        1  in put    jobs#1        12s  391k  1.2M   0  …ueue.lua:12\n"
          " 1  main            0  prompt                 0.3s  1.7M     0   0\n"
          " 3  Zählerin-…      0  stopped   (in get) j…  0.0s   500     0  99  …ueue.lua:20\n"
          " 4  reader          0  in get    queue#2      0.0s           0   0  x.lua:3\n"
          " 5  sleeper         0  in sleep               0.0s           0   0  x.lua:9\n"},
      {40,
          "up 16m40, cpu 1%, 5 processes: 1 running\n"
          "ID  NAME       CPU%  STATE     FOR\n"
          " 2  producer      1  in put    jobs#1\n"
          " 1  main          0  prompt\n"
          " 3  Zählerin…     0  stopped   (in get)…\n"
          " 4  reader        0  in get    queue#2\n"
          " 5  sleeper       0  in sleep\n"}};
  (void)state;
  check_golden(top, golden, 3);
}

/* A lock that is held and waited for, an event, an end of a pipe, a value that nobody has any more. */
static void make_objects(void) {
  static struct snapshot_sync syncs[4];
  static uint32_t owner = 1, all[] = {0, 1, 3};
  syncs[0] = (struct snapshot_sync){.id = 3, .type = OBJECT_LOCK, .name = "ledger", .past_count = 1,
                                    .info = {.holder = 2, .depth = 1},
                                    .owners = {.list = &owner, .count = 1},
                                    .holders = {.list = all, .count = 3}};
  syncs[0].past[0].event = (struct past_event){.kind = OP_LOCK_ACQUIRE, .line = 7, .source = "x.lua"};
  syncs[1] = (struct snapshot_sync){.id = 4, .type = OBJECT_EVENT, .holders = {.list = all, .count = 1}};
  syncs[2] = (struct snapshot_sync){.id = 5, .type = OBJECT_PIPE, .name = "talk", .queue = 1,
                                    .holders = {.list = all, .count = 2}};
  syncs[3] = (struct snapshot_sync){.id = 6, .type = OBJECT_VALUE};
  make_run();
  in_op(&people[3], OP_LOCK_ACQUIRE, 3, "ledger", 9, "x.lua:3");
  run.syncs = syncs;
  run.sync_count = 4;
}

static void objects_drop_columns(void **state) {
  static const char wide[] =
      "ID  TYPE   NAME    STATE    HOLDER      WAITING   LAST     AT       HANDLES\n"
      " 3  lock   ledger  held     producer#2  reader#4  acquire  x.lua:7        3\n"
      " 4  event          not set                                                1\n"
      " 5  pipe   talk    10 sent                                                2\n";
  static const char narrow[] = "ID  TYPE   NAME    STATE    HOLDER\n"
                               " 3  lock   ledger  held     producer#2\n"
                               " 4  event          not set\n"
                               " 5  pipe   talk    10 sent\n";
  struct show how = at(100);
  (void)state;
  make_objects();
  check_text(show_objects(&run, &how, &text), wide);
  how = at(40);
  check_text(show_objects(&run, &how, &text), narrow);
  for (int columns = 36; columns < 100; columns++) {
    how = at(columns);
    check_fits(show_objects(&run, &how, &text), columns);
  }
  run.sync_count = 0;
  check_text(show_objects(&run, &how, &text), "no locks, events or the like\n");
}

static void nothing_is_wider_than_the_terminal(void **state) {
  (void)state;
  make_run();
  assert_int_equal(waits_find(&run, 1), 0);
  for (int columns = 36; columns < 200; columns++) {
    struct show how = at(columns);
    check_fits(show_ps(&run, &how, &text), columns);
    check_fits(show_queues(&run, &how, &text), columns);
    check_fits(show_waits(&run, &how, &text), columns);
    check_fits(top(&run, &how, &text), columns);
    check_fits(show_running(&run, &how, &text), columns);
  }
}

static void nobody_and_nothing_is_said(void **state) {
  struct show how = at(80);
  (void)state;
  make_run();
  run.process_count = 1;
  run.queue_count = 0;
  check_text(show_ps(&run, &how, &text), "no other processes\n");
  check_text(show_queues(&run, &how, &text), "no queues\n");
  check_text(show_waits(&run, &how, &text), "nobody waits\n");
  check_text(show_running(&run, &how, &text), "");
}

/* -- sentences --------------------------------------------------------------------------------- */

static void a_deadlock_is_told_in_words(void **state) {
  struct show how = at(200);
  (void)state;
  make_run();
  run.process_count = 3;
  person(1, "a", 1);
  person(2, "b", 2);
  in_op(&people[1], OP_QUEUE_GET, 2, "jobs", 9, "");
  in_op(&people[2], OP_PROCESS_JOIN, 2, "a", 9, "");
  holders[1][0] = 1;
  holders[1][1] = 2;
  assert_int_equal(waits_find(&run, 0), 0);
  check_text(show_waits(&run, &how, &text),
             "PROCESS  WAITS IN  FOR     SINCE  HELPED BY\n"
             "a#2      get       jobs#2   9.0s  b#3\n"
             "b#3      join      a#2      9.0s  a#2\n"
             "deadlock: a#2 waits in get for queue jobs#2, which only b#3 can fill; b#3 waits in join for a#2\n");
  check_text(show_ps(&run, &how, &text),
             
          "ID  NAME  STATE    FOR     SINCE   CPU   MEM  OUT  IN   PID\n"
          " 1  main  prompt                  0.3s  1.7M    0   0  4700\n"
          " 2  a     in get   jobs#2   9.0s  0.0s          0   0     1\n"
          " 3  b     in join  a#2      9.0s  0.0s          0   0     2\n"
          "deadlock: 2 processes can never go on; :waits tells why\n");
}

static void the_prompt_is_called_you(void **state) {
  struct show how = at(200);
  (void)state;
  make_run();
  run.process_count = 3;
  person(1, "a", 1);
  person(2, "b", 2);
  in_op(&people[1], OP_QUEUE_GET, 1, "x", 9, "");
  in_op(&people[2], OP_QUEUE_GET, 2, "y", 9, "");
  queues[0].items = 0;
  for (int q = 0; q < 2; q++) {
    queues[q].holders.count = 3;
    for (uint32_t i = 0; i < 3; i++)
      holders[q][i] = i;
  }
  assert_int_equal(waits_find(&run, 1), 0);
  check_text(show_waits(&run, &how, &text),
             "PROCESS  WAITS IN  FOR  SINCE  HELPED BY\n"
             "a#2      get       x#1   9.0s  you, b#3\n"
             "b#3      get       y#2   9.0s  you, a#2\n"
             "deadlock, unless you help: a#2 waits in get for queue x#1, which only you and b#3 can fill; b#3 "
             "waits in get for queue y#2, which only you and a#2 can fill\n");
}

static void who_still_runs_is_one_line(void **state) {
  struct show how = at(200);
  (void)state;
  make_run();
  check_text(show_running(&run, &how, &text),
             "4 processes still run: producer#2 (in put for queue jobs#1), Zählerin-日本#3 (stopped), reader#4 "
             "(in get for queue#2), sleeper#5 (in sleep)\n");
  how = at(80);
  check_text(show_running(&run, &how, &text),
             "4 processes still run: producer#2 (in put for queue jobs#1), ... 3 more\n");
  run.process_count = 2;
  check_text(show_running(&run, &how, &text),
             "1 process still runs: producer#2 (in put for queue jobs#1)\n");
}

static void one_process_is_told_in_full(void **state) {
  struct show how = at(60);
  (void)state;
  make_run();
  people[1].op.deadline_ns = run.taken_ns + S(2.5);
  strcpy(people[1].spawned_at, "x.lua:1");
  people[3].spawner = 9;
  strcpy(people[3].spawned_at, "x.lua:2");
  check_text(show_process(&run, 1, &how, &text),
          "producer#2, pid 4711\n"
          "  in put at scripts/queue.lua:12 for queue jobs#1 since\n"
          "    3.2s, 2.5s left\n"
          "  spawned at x.lua:1 by main\n"
          "  cpu 12s, memory 391k of 0\n"
          "  items: 1234567 out, 0 in\n"
          "  holds jobs#1\n");
  check_text(show_process(&run, 2, &how, &text),
          "Zählerin-日本#3, pid 4712\n"
          "  stopped, in get at scripts/queue.lua:20 for queue jobs#1\n"
          "    since 11m40\n"
          "  spawned by main\n"
          "  cpu 0.0s, memory 500 of 0\n"
          "  items: 0 out, 99 in\n"
          "  holds jobs#1\n");
  check_text(show_process(&run, 3, &how, &text),
          "reader#4, pid 4713, daemon, muted\n"
          "  in get at x.lua:3 for queue#2 since 0.0s\n"
          "  spawned at x.lua:2 by process 9, which has ended\n"
          "  cpu 0.0s, memory 0 of 0\n"
          "  items: 0 out, 0 in\n"
          "  holds jobs#1, queue#2\n");
  check_text(show_process(&run, 0, &how, &text),
          "main, pid 4700\n"
          "  running\n"
          "  cpu 0.3s, memory 1.7M of 0\n"
          "  items: 0 out, 0 in\n"
          "  holds jobs#1, queue#2\n");
}

/* -- top --------------------------------------------------------------------------------------- */

static void shares_are_of_the_time_between_two_snapshots(void **state) {
  struct show how = at(80);
  struct snapshot_process earlier[8];
  (void)state;
  make_run();
  memcpy(earlier, people, sizeof earlier);
  struct snapshot before = run;
  before.processes = earlier;
  before.taken_ns = run.taken_ns - S(2);
  people[3].cpu_seconds = 1;  /* half of two seconds */
  people[1].cpu_seconds += 0.5;
  assert_int_equal(show_top(&run, &before, &how, 4, &text), 0);
  assert_int_equal(buf_append_byte(&text, '\0'), 0);
  const char *head = (char *)text.data;
  const char *first = strstr(head, "reader      50"), *second = strstr(head, "producer    25");
  assert_non_null(strstr(head, "cpu 75%"));
  assert_non_null(first);
  assert_non_null(second);
  assert_true(first < second);
  assert_null(strstr(head, "sleeper")); /* there was no room */
  buf_release(&text);
}

/* -- colours and widths ------------------------------------------------------------------------ */

static void colours_stand_around_text_and_change_no_width(void **state) {
  struct show plain = at(80), colored = at(80);
  struct buf stripped = {0};
  (void)state;
  make_run();
  colored.style.color = true;
  assert_int_equal(show_ps(&run, &colored, &text), 0);
  size_t escapes = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] == '\033') {
      escapes++;
      while (text.data[i] != 'm')
        i++;
    } else {
      buf_append_byte(&stripped, text.data[i]);
    }
  }
  buf_append_byte(&stripped, '\0');
  buf_release(&text);
  assert_true(escapes > 20 && escapes % 2 == 0);
  check_text(show_ps(&run, &plain, &text), (char *)stripped.data);
  buf_release(&stripped);
}

/* -- marks of a trace ---------------------------------------------------------------------------- */

static void mark(struct trace_model *m, uint32_t process, double seconds, const char *name, bool counter, double value) {
  struct trace_mark k = {.t_ns = S(seconds), .process = process, .counter = counter, .value = value};
  assert_int_equal(trace_add_string(m, name, &k.name), 0);
  assert_int_equal(trace_add_mark(m, &k), 0);
}

static void marks_are_a_table(void **state) {
  (void)state;
  struct trace_model m;
  struct show plain = {.style = {.columns = 60}};
  assert_int_equal(trace_model_new(&m), 0);
  const struct trace_process p[] = {{.id = 1, .name = "main", .spawned_at = "", .failure = "", .end_ns = S(20)},
                                    {.id = 5, .parent = 1, .name = "wr\nite", .spawned_at = "", .failure = "", .end_ns = S(20)}};
  assert_int_equal(trace_add_process(&m, &p[0]), 0);
  assert_int_equal(trace_add_process(&m, &p[1]), 0);
  mark(&m, 5, 12.5, "half \033[31m", true, 0.1);
  mark(&m, 1, 1, "begin", false, 0);
  mark(&m, 5, 2, "", true, 1e300);
  assert_int_equal(trace_model_finish(&m), 0);
  check_text(show_marks(&m, &plain, &text), "     TIME  PROCESS    NAME            VALUE\n"
                                            " 1.000000  main       begin\n"
                                            " 2.000000  wr\\nite#5                 1e+300\n"
                                            "12.500000  wr\\nite#5  half \\x1b[31m     0.1\n");
  plain.style.columns = 32;
  check_text(show_marks(&m, &plain, &text), "     TIME  PROCESS    NAME\n"
                                            " 1.000000  main       begin\n"
                                            " 2.000000  wr\\nite#5\n"
                                            "12.500000  wr\\nite#5  half \\x1b\xe2\x80\xa6\n");
  trace_model_release(&m);
  assert_int_equal(trace_model_new(&m), 0);
  assert_int_equal(trace_model_finish(&m), 0);
  check_text(show_marks(&m, &plain, &text), "no marks: sandbox.mark(name [, value]) makes them\n");
  trace_model_release(&m);
}

static void width_counts_columns(void **state) {
  (void)state;
  assert_int_equal(width_of("abc", 3), 3);
  assert_int_equal(width_of("日本", 6), 4);
  assert_int_equal(width_of("e\xcc\x81", 3), 1); /* e and a combining accent */
  assert_int_equal(width_of("\xff\xfe", 2), 2);  /* no UTF-8 */
  assert_int_equal(width_of("日", 2), 2);         /* cut off in the middle: two bytes */
  assert_int_equal(width_prefix("日本x", 7, 3), 3);
  assert_int_equal(width_prefix("日本x", 7, 4), 6);
  assert_int_equal(width_suffix("日本x", 7, 3), 4);
  assert_int_equal(width_suffix("日本x", 7, 2), 1);
  assert_int_equal(width_suffix("e\xcc\x81x", 4, 1), 1);
  assert_int_equal(width_prefix("", 0, 5), 0);
}

static void columns_come_from_the_environment_without_a_terminal(void **state) {
  (void)state;
  setenv("COLUMNS", "61", 1);
  assert_int_equal(show_columns(-1), 61);
  setenv("COLUMNS", "nonsense", 1);
  assert_int_equal(show_columns(-1), 80);
  unsetenv("COLUMNS");
  assert_int_equal(show_columns(-1), 80);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ps_drops_columns),
      cmocka_unit_test(queues_drop_columns),
      cmocka_unit_test(queues_tell_what_is_in_hand),
      cmocka_unit_test(objects_drop_columns),
      cmocka_unit_test(waits_drop_columns_and_wrap_sentences),
      cmocka_unit_test(top_is_sorted_by_cpu),
      cmocka_unit_test(nothing_is_wider_than_the_terminal),
      cmocka_unit_test(nobody_and_nothing_is_said),
      cmocka_unit_test(a_deadlock_is_told_in_words),
      cmocka_unit_test(the_prompt_is_called_you),
      cmocka_unit_test(who_still_runs_is_one_line),
      cmocka_unit_test(one_process_is_told_in_full),
      cmocka_unit_test(shares_are_of_the_time_between_two_snapshots),
      cmocka_unit_test(colours_stand_around_text_and_change_no_width),
      cmocka_unit_test(marks_are_a_table),
      cmocka_unit_test(width_counts_columns),
      cmocka_unit_test(columns_come_from_the_environment_without_a_terminal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
