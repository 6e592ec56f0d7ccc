/*
 * tests/unit/trace_fixture.h - models of runs, made by hand: small ones that look like the scripts
 * of the same names, and random ones.
 */
#ifndef SBX_TRACE_FIXTURE_H
#define SBX_TRACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "look/trace/model.h"

#define S(seconds) ((int64_t)((seconds)*1e9))

static struct trace_model model;

static inline void fixture_begin(const char *command) {
  trace_model_release(&model);
  assert_int_equal(trace_model_new(&model), 0);
  struct trace_facts f = model.facts;
  f.command = command;
  f.version = "0.1.0";
  f.clock = "tsc";
  f.seed = 42;
  f.exit_status = 0;
  assert_int_equal(trace_set_facts(&model, &f), 0);
}

static inline struct trace_process *add_process(uint32_t id, uint32_t parent, const char *name, int64_t from, int64_t to) {
  const struct trace_process p = {.id = id,
                                  .parent = parent,
                                  .name = name,
                                  .spawned_at = id == 1 ? "" : "a.lua:9",
                                  .failure = "",
                                  .begin_ns = from,
                                  .end_ns = to,
                                  .how = TRACE_DONE,
                                  .signal = 9 /* if it is killed */};
  assert_int_equal(trace_add_process(&model, &p), 0);
  return &model.processes[model.process_count - 1];
}

static inline void add_object(uint32_t id, enum object_type type, const char *name, uint64_t max) {
  const struct trace_object o = {.id = id, .type = type, .name = name, .made_at = "a.lua:1", .max = max};
  assert_int_equal(trace_add_object(&model, &o), 0);
}

static inline void add_event(uint32_t process, enum op_kind kind, uint32_t object, int64_t from, int64_t to, unsigned flags,
                      uint32_t count, uint64_t n, const char *where) {
  struct trace_event e = {.t_ns = from,
                          .duration_ns = to - from,
                          .kind = (uint16_t)kind,
                          .flags = (uint16_t)flags,
                          .process = process,
                          .object = object,
                          .count = count,
                          .n = n};
  assert_int_equal(trace_add_string(&model, where, &e.where), 0);
  assert_int_equal(trace_add_event(&model, &e), 0);
}

/* A process waits in an op from one time to another. */
static inline void waits(uint32_t process, enum op_kind kind, uint32_t object, int64_t from, int64_t to, const char *where) {
  add_event(process, kind, object, from, to, TRACE_WAITED, 1, 0, where);
}

static inline void sleeps(uint32_t process, int64_t from, int64_t to) {
  waits(process, OP_CLOCK_SLEEP, 0, from, to, "a.lua:5");
}

/* It puts or gets item n; if it has to wait, from `from` on. */
static inline void moves(uint32_t process, enum op_kind kind, uint32_t queue, uint64_t n, int64_t from, int64_t to,
                  const char *where) {
  add_event(process, kind, queue, from, to, to > from ? TRACE_WAITED : 0, 1, n, where);
}

static inline void add_mark(uint32_t process, const char *name, int64_t t) {
  struct trace_mark k = {.t_ns = t, .process = process};
  assert_int_equal(trace_add_string(&model, name, &k.name), 0);
  assert_int_equal(trace_add_mark(&model, &k), 0);
}

static inline void fixture_end(int64_t end_ns) {
  model.facts.end_ns = end_ns;
  assert_int_equal(trace_model_finish(&model), 0);
}

/* -- runs that look like scripts --------------------------------------------------------------- */

/* One process that sleeps five times. */
static inline void run_serial(void) {
  fixture_begin("sandbox scripts/serial.lua");
  add_process(1, 0, "main", 0, S(15.01));
  static const double times[] = {0.001, 3, 5.5, 9.5, 11.6, 15.009};
  for (int i = 0; i < 5; i++)
    sleeps(1, S(times[i]), S(times[i + 1] - 0.001));
  fixture_end(S(15.01));
}

/* Five that sleep side by side. */
static inline void run_parallel(void) {
  fixture_begin("sandbox scripts/process.lua");
  add_process(1, 0, "main", 0, S(4.02));
  static const double times[] = {3, 2.5, 4, 2.1, 3.4};
  for (uint32_t i = 0; i < 5; i++) {
    double begin = 0.002 + 0.001 * i;
    add_process(i + 2, 1, "download", S(begin), S(begin + times[i] + 0.002));
    sleeps(i + 2, S(begin + 0.001), S(begin + 0.001 + times[i]));
    waits(1, OP_PROCESS_JOIN, i + 2, S(i == 0 ? 0.01 : i == 2 ? 3.01 : 4.01), S(i == 0 ? 3.005 : i == 2 ? 4.008 : 4.01), "process.lua:17");
  }
  fixture_end(S(4.02));
}

/* Three producers put four items each into a queue for three, two consumers are slow. */
static inline void run_producers(void) {
  static const char *const cooks[] = {"ann", "bob", "cid"};
  fixture_begin("sandbox scripts/producers.lua");
  add_process(1, 0, "main", 0, S(7.5));
  add_object(1, OBJECT_QUEUE, "counter", 3);
  for (uint32_t i = 0; i < 3; i++)
    add_process(i + 2, 1, cooks[i], S(0.1), S(3.2 + i));
  for (uint32_t i = 0; i < 2; i++)
    add_process(i + 5, 1, "waiter", S(1), S(6.8 + 0.6 * i));
  sleeps(1, S(0.1), S(1));
  waits(1, OP_PROCESS_JOIN, 2, S(1.1), S(3.2), "producers.lua:54");
  waits(1, OP_PROCESS_JOIN, 3, S(3.21), S(4.2), "producers.lua:54");
  waits(1, OP_PROCESS_JOIN, 4, S(4.21), S(5.2), "producers.lua:54");
  waits(1, OP_PROCESS_JOIN, 5, S(5.25), S(6.8), "producers.lua:60");
  waits(1, OP_PROCESS_JOIN, 6, S(6.81), S(7.4), "producers.lua:60");
  uint64_t n = 0;
  for (uint32_t k = 0; k < 4; k++)
    for (uint32_t i = 0; i < 3; i++, n++) {
      double from = n < 3 ? 0.2 + 0.05 * (double)i : k == 1 ? 0.21 + 0.05 * i : 1.02 + ((double)n - 6) * 0.5;
      double to = n < 3 ? from : 1.01 + ((double)n - 3) * 0.5;
      moves(i + 2, OP_QUEUE_PUT, 1, n + 1, S(from), S(to > from ? to : from), "producers.lua:21");
    }
  for (n = 0; n < 12; n++) {
    uint32_t p = 5 + (uint32_t)(n % 2);
    double from = 1.01 + 0.5 * (double)n;
    moves(p, OP_QUEUE_GET, 1, n + 1, S(from - 0.0005), S(from), "producers.lua:31");
    sleeps(p, S(from + 0.0001), S(from + 0.99));
  }
  fixture_end(S(7.5));
}

/* Two that each hold what the other wants. */
static inline void run_deadlock(void) {
  fixture_begin("sandbox deadlock.lua");
  add_process(1, 0, "main", 0, S(0.4))->how = TRACE_KILLED;
  add_object(1, OBJECT_LOCK, "left", 0);
  add_object(2, OBJECT_LOCK, "right", 0);
  for (uint32_t i = 0; i < 2; i++) {
    add_process(i + 2, 1, i ? "b" : "a", S(0.01), S(0.4))->how = TRACE_KILLED;
    sleeps(i + 2, S(0.011), S(0.111));
    add_event(i + 2, OP_LOCK_ACQUIRE, 2 - i, S(0.112), S(0.4), TRACE_WAITED | TRACE_UNFINISHED, 1, 0, "deadlock.lua:4");
    const struct trace_edge e = {.process = i + 2, .object = 2 - i, .kind = OP_LOCK_ACQUIRE, .holder = 3 - i, .stuck = true};
    assert_int_equal(trace_add_edge(&model, &e), 0);
  }
  add_event(1, OP_PROCESS_JOIN, 2, S(0.012), S(0.4), TRACE_WAITED | TRACE_UNFINISHED, 1, 0, "deadlock.lua:9");
  const struct trace_edge e = {.process = 1, .holder = 2, .kind = OP_PROCESS_JOIN, .stuck = true};
  assert_int_equal(trace_add_edge(&model, &e), 0);
  model.facts.exit_status = 4;
  fixture_end(S(0.4));
}

/* main, `n` children that compute and sleep, more or less. */
static inline void run_many(uint32_t n) {
  fixture_begin("sandbox many.lua");
  add_process(1, 0, "main", 0, S(10));
  waits(1, OP_PROCESS_JOIN, 2, S(0.5), S(10), "many.lua:3");
  for (uint32_t i = 0; i < n; i++) {
    int64_t begin = S(0.5) + S(6) * i / n, end = begin + S(1 + (i * 7 % 5) * 0.5);
    struct trace_process *p = add_process(i + 2, 1, "task", begin, end);
    p->how = i % 16 == 5 ? TRACE_KILLED : i % 16 == 11 ? TRACE_FAILED : TRACE_DONE;
    p->exit_code = p->how == TRACE_FAILED;
    sleeps(i + 2, begin + (end - begin) / 3, begin + (end - begin) * 2 / 3);
  }
  fixture_end(S(10));
}

/* A pool of `n` workers that get tasks from a queue. */
static inline void run_pool(uint32_t n) {
  fixture_begin("sandbox pool.lua");
  add_process(1, 0, "main", 0, S(3));
  add_object(1, OBJECT_QUEUE, "", 0);
  for (uint32_t i = 0; i < n; i++) {
    add_process(i + 2, 1, "worker", S(0.1), S(2.9))->worker = true;
    for (uint32_t k = 0; k < 10; k++)
      moves(i + 2, OP_QUEUE_GET, 1, k * n + i + 1, S(0.15 + 0.25 * k), S(0.15 + 0.25 * k + (k < 5 ? 0.05 : 0.2)), "pool.lua:8");
  }
  waits(1, OP_QUEUE_GET, 1, S(0.2), S(2.8), "pool.lua:12");
  fixture_end(S(3));
}

/* -- random runs ------------------------------------------------------------------------------- */

static uint64_t random_state = 1;

static inline uint64_t random_below(uint64_t n) {
  random_state ^= random_state << 13; /* xorshift64 */
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % n;
}

static const char *const hostile[] = {
    "",
    "main",
    "worker",
    "日本語の名前がとても長い",
    "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
    "\xcc\x81\xcc\x81",
    "\033[31mred\033[2J",
    "a\nb\r\tc",
    "\xff\xfe\x80\xc3",
    "</script><b>",
    "\xe2\x80\xaeright to left\xe2\x80\x8b",
    "\xf0\x9f\x98\x80\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9",
    "\xc2\x9b[31m",
    "a name that is much longer than any column for names could ever be",
    "#12",
    "x#",
    "%s%n\"'\\",
};

static inline const char *random_name(void) {
  return hostile[random_below(sizeof hostile / sizeof *hostile)];
}

static inline int64_t random_time(int64_t end) { return end > 0 ? (int64_t)random_below((uint64_t)end + 1) : 0; }

static inline void random_run(uint64_t seed) {
  static const int64_t ends[] = {0, 1, 7, 1000, 999999, S(0.02), S(1.3), S(59), S(300), S(86400), S(3e8), INT64_MAX / 4};
  random_state = seed * 0x9e3779b97f4a7c15 + 1;
  int64_t end = ends[random_below(sizeof ends / sizeof *ends)];
  fixture_begin(random_name());
  uint32_t processes = (uint32_t)random_below(random_below(4) ? 8 : 90), objects = (uint32_t)random_below(8);
  for (uint32_t i = 1; i <= processes; i++) {
    int64_t begin = random_time(end), length = random_time(end - begin);
    uint32_t parent = (uint32_t)random_below(i);
    struct trace_process *p = add_process(i, parent, random_name(), begin, begin + length);
    p->worker = random_below(3) == 0;
    p->how = (enum trace_end)random_below(4);
  }
  for (uint32_t i = 1; i <= objects; i++) {
    enum object_type type = (enum object_type)random_below(OBJECT_TYPES);
    uint64_t max = random_below(2) ? random_below(9) : UINT64_MAX;
    add_object(i, type, random_name(), max);
  }
  for (uint32_t i = (uint32_t)random_below(300); i-- > 0;) {
    int64_t from = random_time(end), length = random_time(end - from);
    uint32_t process = (uint32_t)random_below(processes + 2);
    uint32_t object = (uint32_t)random_below(random_below(2) ? 10 : 200);
    enum op_kind kind = (enum op_kind)random_below(OP_COUNT);
    unsigned flags = (unsigned)random_below(128);
    uint32_t count = (uint32_t)random_below(200);
    uint64_t n = random_below(20);
    add_event(process, kind, object, from, from + length, flags, count, n, random_name());
  }
  for (uint32_t i = (uint32_t)random_below(12); i-- > 0;) {
    uint32_t process = 1 + (uint32_t)random_below(processes + 1);
    int64_t t = random_time(end);
    add_mark(process, random_name(), t);
  }
  for (uint32_t i = (uint32_t)random_below(5); i-- > 0;) {
    struct trace_edge e = {.process = 1 + (uint32_t)random_below(processes + 1)};
    e.object = (uint32_t)random_below(objects + 1);
    e.kind = (uint16_t)random_below(OP_COUNT);
    e.holder = (uint32_t)random_below(processes + 1);
    e.stuck = random_below(2);
    assert_int_equal(trace_add_edge(&model, &e), 0);
  }
  model.facts.lost = random_below(2) ? random_below(UINT64_MAX) : 0;
  model.facts.cut = random_below(2);
  model.facts.speed = random_below(2) ? 1 : 1e300;
  model.facts.deadlock = random_below(2) ? "" : "deadlock: ...";
  fixture_end(end);
}

#endif
