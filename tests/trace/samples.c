/* tests/trace/samples.c - see samples.h. Times are in milliseconds here. */
#include "trace/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)

static struct trace_model *m; /* is made */
static bool failed;

static uint32_t text(const char *s) {
  uint32_t i = 0;
  failed |= trace_add_string(m, s, &i) != 0;
  return i;
}

static void process(uint32_t id, uint32_t parent, const char *name, const char *at, double begin,
                    double end, enum trace_end how) {
  struct trace_process p = {.id = id,
                            .parent = parent,
                            .name = name,
                            .spawned_at = at,
                            .failure = how == TRACE_FAILED ? "out of paper" : "",
                            .begin_ns = (int64_t)(begin * 1e6),
                            .end_ns = (int64_t)(end * 1e6),
                            .how = how,
                            .exit_code = how == TRACE_FAILED,
                            .signal = how == TRACE_KILLED ? 9 : 0};
  failed |= trace_add_process(m, &p) != 0;
}

static void object(uint32_t id, enum object_type type, const char *name, const char *at,
                   uint64_t max) {
  struct trace_object o = {.id = id, .type = type, .name = name, .made_at = at, .max = max};
  failed |= trace_add_object(m, &o) != 0;
}

static void event(uint32_t process, enum op_kind kind, uint32_t object, double at, double length,
                  const char *where, uint16_t flags, uint64_t n) {
  struct trace_event e = {.t_ns = (int64_t)(at * 1e6),
                          .duration_ns = (int64_t)((at + length) * 1e6) - (int64_t)(at * 1e6),
                          .kind = (uint16_t)kind,
                          .flags = (uint16_t)(flags | (length > 0 ? TRACE_WAITED : 0)),
                          .process = process,
                          .object = object,
                          .where = text(where),
                          .count = 1,
                          .n = n};
  failed |= trace_add_event(m, &e) != 0;
}

static void mark(uint32_t process, const char *name, double at) {
  struct trace_mark k = {.t_ns = (int64_t)(at * 1e6), .process = process, .name = text(name)};
  failed |= trace_add_mark(m, &k) != 0;
}

static void counter(uint32_t process, const char *name, double at, double value) {
  struct trace_mark k = {.t_ns = (int64_t)(at * 1e6),
                         .process = process,
                         .name = text(name),
                         .counter = true,
                         .value = value};
  failed |= trace_add_mark(m, &k) != 0;
}

static void edge(uint32_t process, uint32_t object, enum op_kind kind, uint32_t holder,
                 const char *where, bool stuck) {
  struct trace_edge e = {.process = process,
                         .object = object,
                         .kind = (uint16_t)kind,
                         .holder = holder,
                         .where = text(where),
                         .stuck = stuck};
  failed |= trace_add_edge(m, &e) != 0;
}

static void facts(const char *command, double end, const char *deadlock, int status) {
  struct trace_facts f = {.command = command,
                          .version = "0.1.0",
                          .clock = "tsc",
                          .deadlock = deadlock,
                          .seed = 42,
                          .speed = 1,
                          .wall_ns = INT64_C(1700000000000000000),
                          .end_ns = (int64_t)(end * 1e6),
                          .cpu_ns = 31 * MS,
                          .exit_status = status,
                          .detail = TRACE_DETAIL_MERGED};
  failed |= trace_set_facts(m, &f) != 0;
}

static void source(const char *path, const char *lines) {
  failed |= trace_add_source(m, path, lines, strlen(lines)) != 0;
}

/* -- runs of scripts ------------------------------------------------------------------------- */

static void serial(void) {
  facts("sandbox scripts/serial.lua", 16012, "", 0);
  process(1, 0, "main", "", 0, 16012, TRACE_DONE);
  event(1, OP_CLOCK_SLEEP, 0, 4, 7000, "scripts/serial.lua:8", 0, 0);
  event(1, OP_CLOCK_SLEEP, 0, 7006, 9000, "scripts/serial.lua:8", 0, 0);
  source("scripts/serial.lua",
         "#!/usr/bin/env sandbox\n"
         "-- One process does everything itself.\n"
         "\n"
         "local function download(file)\n"
         "  print((\"Start downloading %s...\"):format(file))\n"
         "  local seconds = math.random(5, 10)\n"
         "  -- the time that a network takes\n"
         "  sleep(seconds)\n"
         "  print((\"%s Download complete!\"):format(file))\n"
         "end\n"
         "\n"
         "local start = sandbox.now()\n"
         "download(\"Python introduction.pdf\")\n"
         "download(\"av.avi\")\n"
         "print((\"Total cost %.2f second.\"):format(sandbox.now() - start))\n");
}

static void processes(void) {
  facts("sandbox scripts/process.lua", 9016, "", 0);
  process(1, 0, "main", "", 0, 9016, TRACE_DONE);
  process(2, 1, "download", "scripts/process.lua:14", 5, 7010, TRACE_DONE);
  process(3, 1, "download", "scripts/process.lua:15", 7, 9012, TRACE_DONE);
  event(1, OP_PROCESS_SPAWN, 2, 5, 0, "", 0, 0);
  event(1, OP_PROCESS_SPAWN, 3, 7, 0, "", 0, 0);
  event(1, OP_PROCESS_JOIN, 2, 9, 7001, "scripts/process.lua:16", 0, 0);
  event(1, OP_PROCESS_JOIN, 3, 7011, 2002, "scripts/process.lua:17", 0, 0);
  event(2, OP_CLOCK_SLEEP, 0, 9, 7000, "scripts/process.lua:9", 0, 0);
  event(3, OP_CLOCK_SLEEP, 0, 11, 9000, "scripts/process.lua:9", 0, 0);
  source("scripts/process.lua",
         "#!/usr/bin/env sandbox\n"
         "-- Each download has a process of its own.\n"
         "\n"
         "local function download(file)\n"
         "  print((\"process number:[%d]\"):format(sandbox.getpid()))\n"
         "  print((\"Start downloading %s...\"):format(file))\n"
         "  local seconds = math.random(5, 10)\n"
         "  -- every process draws random numbers of its own\n"
         "  sleep(seconds)\n"
         "  print((\"%s Download complete!\"):format(file))\n"
         "end\n"
         "\n"
         "local start = sandbox.now()\n"
         "local first = spawn(download, \"Python introduction.pdf\")\n"
         "local second = spawn(download, \"av.avi\")\n"
         "assert(join(first))\n"
         "assert(join(second))\n"
         "print((\"Total cost %.2f second.\"):format(sandbox.now() - start))\n");
}

static void queue(void) {
  facts("sandbox scripts/queue.lua", 18040, "", 0);
  process(1, 0, "main", "", 0, 18040, TRACE_DONE);
  process(2, 1, "write", "scripts/queue.lua:25", 5, 9014, TRACE_DONE);
  process(3, 1, "read", "scripts/queue.lua:27", 9020, 18035, TRACE_DONE);
  object(1, OBJECT_QUEUE, "", "scripts/queue.lua:24", 0);
  event(1, OP_QUEUE_NEW, 1, 3, 0, "", 0, 0);
  event(1, OP_PROCESS_SPAWN, 2, 5, 0, "", 0, 0);
  event(1, OP_PROCESS_JOIN, 2, 6, 9008, "scripts/queue.lua:26", 0, 0);
  event(1, OP_PROCESS_SPAWN, 3, 9020, 0, "", 0, 0);
  event(1, OP_PROCESS_JOIN, 3, 9021, 9014, "scripts/queue.lua:28", 0, 0);
  for (int i = 0; i < 3; i++) {
    event(2, OP_QUEUE_PUT, 1, 8 + 3002 * i, 0, "", 0, (uint64_t)i + 1);
    event(2, OP_CLOCK_SLEEP, 0, 9 + 3002 * i, 3000, "scripts/queue.lua:10", 0, 0);
    event(3, OP_QUEUE_GET, 1, 9024 + 3002 * i, 0, "", 0, (uint64_t)i + 1);
    event(3, OP_CLOCK_SLEEP, 0, 9025 + 3002 * i, 3000, "scripts/queue.lua:18", 0, 0);
  }
  source("scripts/queue.lua", "#!/usr/bin/env sandbox\n"
                              "-- Two processes share nothing, so they talk through a queue.\n"
                              "\n"
                              "\n"
                              "local function write(q)\n"
                              "  for _, item in ipairs { \"python\", \"av.avi\", \"java\" } do\n"
                              "    queue_put(q, item)\n"
                              "    print(\"Start writing process\")\n"
                              "    print((\"Start writing %s...\"):format(item))\n"
                              "    sleep(3)\n"
                              "  end\n"
                              "end\n"
                              "\n"
                              "local function read(q)\n"
                              "  while not q:empty() do -- exact, at any moment\n"
                              "    print(\"Start reading process\")\n"
                              "    print((\"Start reading %s...\"):format(queue_get(q)))\n"
                              "    sleep(3)\n"
                              "  end\n"
                              "end\n"
                              "\n"
                              "\n"
                              "\n"
                              "local q = queue()\n"
                              "local writer = spawn(write, q)\n"
                              "assert(join(writer))\n"
                              "local reader = spawn(read, q)\n"
                              "assert(join(reader))\n");
}

/* Three cooks, room for three plates, two waiters that need a second for each. */
static void producers(void) {
  static const char *const names[] = {"ann", "bob", "cid"};
  facts("sandbox scripts/producers.lua", 6420, "", 0);
  process(1, 0, "main", "", 0, 6420, TRACE_DONE);
  object(1, OBJECT_QUEUE, "counter", "producers.lua:12", 3);
  for (uint32_t i = 0; i < 3; i++) {
    process(2 + i, 1, names[i], "producers.lua:48", 4 + i, 4320 + 100 * i, TRACE_DONE);
    event(1, OP_PROCESS_SPAWN, 2 + i, 4 + i, 0, "", 0, 0);
  }
  event(1, OP_CLOCK_SLEEP, 0, 10, 100, "producers.lua:49", 0, 0);
  for (uint32_t i = 0; i < 2; i++) {
    process(5 + i, 1, "waiter", "producers.lua:52", 115 + i, 6400 + i, TRACE_DONE);
    event(1, OP_PROCESS_SPAWN, 5 + i, 115 + i, 0, "", 0, 0);
  }
  event(1, OP_PROCESS_JOIN, 2, 118, 4202, "producers.lua:54", 0, 0);
  event(1, OP_PROCESS_JOIN, 3, 4321, 99, "producers.lua:54", 0, 0);
  event(1, OP_PROCESS_JOIN, 4, 4421, 99, "producers.lua:54", 0, 0);
  event(1, OP_QUEUE_CLOSE, 1, 4522, 0, "", 0, 0);
  event(1, OP_PROCESS_JOIN, 5, 4523, 1877, "producers.lua:60", 0, 0);
  /* Plates: put n; those beyond the third wait until a waiter takes one. */
  double put_at[13], start[3] = {6, 7, 8};
  for (uint64_t n = 1; n <= 12; n++) {
    uint32_t cook = (uint32_t)(n - 1) % 3;
    double room = n <= 3 ? 0 : 120 + 1002.0 * (double)((n - 4) / 2) + (double)((n - 4) % 2);
    double at = start[cook], wait = room > at ? room - at : 0;
    event(2 + cook, OP_QUEUE_PUT, 1, at, wait, wait > 0 ? "producers.lua:20" : "", 0, n);
    put_at[n] = at + wait;
    start[cook] = at + wait + 1;
  }
  double free_at[2] = {118, 119};
  for (uint64_t n = 1; n <= 12; n++) {
    uint32_t w = (uint32_t)(n - 1) % 2;
    double at = free_at[w] > put_at[n] ? free_at[w] : put_at[n] + 0.5;
    event(5 + w, OP_QUEUE_GET, 1, at, 0, "", 0, n);
    event(5 + w, OP_CLOCK_SLEEP, 0, at + 0.5, 1000, "producers.lua:31", 0, 0);
    free_at[w] = at + 1002;
  }
  event(5, OP_QUEUE_GET, 1, free_at[0], 4, "producers.lua:28", TRACE_REFUSED, 0);
  mark(1, "the waiters come", 114);
  mark(1, "all plates are cooked", 4522);
  for (int i = 0; i < 12; i++)
    counter(5, "plates served", 1120 + 430 * i, i + 1);
}

static void philosophers(void) {
  char name[32];
  facts("sandbox scripts/philosophers.lua", 2200,
        "deadlock: 6 processes wait for each other, and nobody is left to help\n"
        "  main waits in join at philosophers.lua:49 for philosopher1#2, which is stuck itself\n"
        "  philosopher1#2 waits in acquire at philosophers.lua:29 for fork2#2, which only "
        "philosopher2#3 can release\n"
        "  and so on, around the table",
        4);
  process(1, 0, "main", "", 0, 2200, TRACE_ALIVE);
  for (uint32_t i = 1; i <= 5; i++) {
    snprintf(name, sizeof name, "fork%u", i);
    object(i, OBJECT_LOCK, name, "philosophers.lua:21", 0);
    snprintf(name, sizeof name, "philosopher%u", i);
    process(1 + i, 1, name, "philosophers.lua:38", 4 + i * 3, 2200, TRACE_ALIVE);
    event(1, OP_PROCESS_SPAWN, 1 + i, 4 + i * 3, 0, "", 0, 0);
  }
  object(6, OBJECT_BARRIER, "", "philosophers.lua:22", 6);
  event(1, OP_BARRIER_WAIT, 6, 24, 300, "philosophers.lua:41", 0, 0);
  event(1, OP_PROCESS_JOIN, 2, 326, 1874, "philosophers.lua:49", TRACE_UNFINISHED, 0);
  for (uint32_t i = 1; i <= 5; i++) {
    uint32_t right = i % 5 + 1;
    event(1 + i, OP_LOCK_ACQUIRE, i, 8 + i * 3, 0, "", 0, 0);
    event(1 + i, OP_BARRIER_WAIT, 6, 9 + i * 60, 315 - i * 60, "philosophers.lua:28", 0, 0);
    event(1 + i, OP_LOCK_ACQUIRE, right, 325 + i, 2200 - 325 - i, "philosophers.lua:29",
          TRACE_UNFINISHED, 0);
    edge(1 + i, right, OP_LOCK_ACQUIRE, 1 + right, "philosophers.lua:29", true);
  }
  edge(1, 0, OP_PROCESS_JOIN, 2, "philosophers.lua:49", true);
}

static void pool(void) {
  facts("sandbox scripts/primes.lua", 900, "", 0);
  process(1, 0, "main", "", 0, 900, TRACE_DONE);
  object(1, OBJECT_QUEUE, "tasks", "primes.lua:50", 0);
  object(2, OBJECT_QUEUE, "results", "primes.lua:50", 0);
  uint64_t task = 0, result = 0;
  uint32_t id = 2;
  double at = 10;
  for (uint32_t workers = 1; workers <= 4; workers *= 2) {
    double begin = at, free_at[4] = {0};
    for (uint32_t k = 0; k < 40; k++)
      event(1, OP_QUEUE_PUT, 1, begin + 3 + 0.01 * k, 0, "", 0, task + k + 1);
    for (uint32_t k = 0; k < 40; k++) {
      uint32_t w = k % workers;
      double from = k < workers ? begin + 4 : free_at[w];
      double length = 6.0 + (k * 7 % 5) * 0.8;
      if (workers > 2)
        length *= 2;
      if (k < workers)
        event(id + w, OP_QUEUE_GET, 1, begin + 1, 3, "pool:12", 0, ++task);
      else
        event(id + w, OP_QUEUE_GET, 1, from, 0, "", 0, ++task);
      free_at[w] = from + length;
      event(id + w, OP_QUEUE_PUT, 2, free_at[w], 0, "", 0, ++result);
      at = free_at[w] > at ? free_at[w] : at;
    }
    for (uint32_t w = 0; w < workers; w++) {
      event(id + w, OP_QUEUE_GET, 1, free_at[w] + 0.1, at + 0.4 - free_at[w], "pool:12",
            TRACE_REFUSED, 0);
      struct trace_process p = {.id = id + w,
                                .parent = 1,
                                .name = "worker",
                                .spawned_at = "primes.lua:50",
                                .failure = "",
                                .begin_ns = (int64_t)(begin * 1e6),
                                .end_ns = (int64_t)((at + 1) * 1e6),
                                .how = TRACE_DONE,
                                .worker = true};
      failed |= trace_add_process(m, &p) != 0;
    }
    double last = begin + 4;
    for (uint32_t k = 0; k < 40; k++) {
      double next = begin + 4 + (at - begin - 4) * (k + 1) / 40.0;
      event(1, OP_QUEUE_GET, 2, last + 0.05, next - last - 0.1, "primes.lua:51", 0,
            result - 39 + k);
      last = next;
    }
    id += workers;
    at += 12;
  }
}

/* -- runs that are not as they should be ----------------------------------------------------- */

static void empty(void) { facts("sandbox -e ''", 0, "", 0); }

static void hostile(void) {
  static const char name[] = "</script><b>\"'&amp;\\n\n\xff\xe2\x80\xa8";
  facts("sandbox '</script><script>alert(1)</script>.lua' \"a\nb\"", 100,
        "deadlock: <i>\nnot so</i>", -1);
  process(1, 0, "main", "", 0, 100, TRACE_DONE);
  process(2, 1, name, "</script>.lua:1", 5, 60, TRACE_FAILED);
  process(3, 1, "", "x\"y'.lua:2", 5, 70, TRACE_KILLED);
  object(1, OBJECT_QUEUE, "<img src=x onerror=alert(1)>", "<!--.lua:1", 2);
  event(2, OP_QUEUE_GET, 1, 6, 20, "</script>.lua:3", 0, 1);
  event(1, OP_QUEUE_PUT, 1, 26, 0, "", 0, 1);
  event(3, OP_QUEUE_GET, 1, 10, 60, "x\"y'.lua:4", TRACE_UNFINISHED, 0);
  event(1, OP_PROCESS_JOIN, 2, 30, 30, "]]>.lua:1", 0, 0);
  event(3, OP_PIPE_SEND, 0, 7, 0, "", TRACE_SEVERAL, UINT64_MAX); /* rows that name nothing */
  event(3, OP_QUEUE_PUT, 0, 8, 0, "", 0, 1);
  event(1, OP_PROCESS_JOIN, 0, 61, 2, "", 0, 0);
  event(1, OP_PROCESS_SIGNAL, 77, 64, 0, "", 0, UINT64_MAX);
  event(88, OP_SELECT, 99, 65, 5, "", 0, 0);
  event(1, OP_QUEUE_GET, 1, 66, 0, "", TRACE_SEVERAL, UINT64_MAX - 1);
  mark(99, "", 41);
  edge(1, 0, OP_SELECT, 0, "", false);
  mark(1, "<svg onload=alert(2)>", 40);
  counter(1, "</script>", 50, 1e300);
  edge(3, 1, OP_QUEUE_GET, 1, "x\"y'.lua:4", true);
  source("</script>.lua",
         "-- <!-- </script> <script>alert(3)</script>\nlocal x = '<b>'\n\nprint(x)\n");
}

static void lost(void) {
  queue();
  struct trace_facts f = m->facts;
  f.lost = 12345;
  f.nameless = 1;
  f.cut = true;
  f.cpu_ns = -1;
  f.speed = 20;
  failed |= trace_set_facts(m, &f) != 0;
}

static void stopped(void) {
  facts("sandbox stopped.lua", 1000, "", 0);
  process(1, 0, "main", "", 0, 1000, TRACE_DONE);
  process(2, 1, "slow", "stopped.lua:3", 10, 900, TRACE_KILLED);
  process(3, 1, "bad", "stopped.lua:4", 20, 300, TRACE_FAILED);
  object(1, OBJECT_LOCK, "door", "stopped.lua:1", 0);
  event(2, OP_LOCK_ACQUIRE, 1, 100, 600, "stopped.lua:7", 0, 0);
  event(1, OP_PROCESS_SIGNAL, 2, 300, 0, "", 0, 19);
  event(1, OP_PROCESS_SIGNAL, 2, 500, 0, "", 0, 18);
  event(1, OP_PROCESS_SIGNAL, 2, 900, 0, "", 0, 9);
  event(1, OP_PROCESS_JOIN, 2, 901, 40, "stopped.lua:12", 0, 0);
}

static void crowd(void) {
  facts("sandbox crowd.lua", 5000, "", 0);
  process(1, 0, "main", "", 0, 5000, TRACE_DONE);
  object(1, OBJECT_QUEUE, "jobs", "crowd.lua:1", 8);
  for (uint32_t i = 0; i < 500; i++) {
    process(2 + i, i < 400 ? 1 : 2 + i % 20, i < 400 ? "visitor" : "guest", "crowd.lua:9",
            10 + i * 5, 2000 + i * 5.5, TRACE_DONE);
    event(2 + i, OP_QUEUE_GET, 1, 20 + i * 5, 200 + i, "crowd.lua:4", 0, i + 1);
    event(2 + i, OP_CLOCK_SLEEP, 0, 400 + i * 6.1, 500, "crowd.lua:5", 0, 0);
    event(1, OP_QUEUE_PUT, 1, 220 + i * 6, 0, "", 0, i + 1);
  }
}

/* So many processes, each with a name of its own. */
static void many(uint32_t count) {
  char name[32];
  facts("sandbox many.lua", 5000, "", 0);
  process(1, 0, "main", "", 0, 5000, TRACE_DONE);
  object(1, OBJECT_LOCK, "door", "many.lua:1", 0);
  for (uint32_t i = 0; i < count; i++) {
    double begin = 4000.0 * i / count;
    snprintf(name, sizeof name, "guest-%u", i);
    process(2 + i, i % 10 ? 1 : 2 + i / 10, name, "many.lua:3", begin, begin + 500, TRACE_DONE);
    event(2 + i, OP_LOCK_ACQUIRE, 1, begin + 10, 100, "many.lua:5", 0, 0);
    event(2 + i, OP_CLOCK_SLEEP, 0, begin + 200, 100, "many.lua:6", 0, 0);
  }
}

/* Two processes whose ops were merged into runs, with waits among them. */
static void merged(void) {
  facts("sandbox merged.lua", 1000, "", 0);
  process(1, 0, "main", "", 0, 1000, TRACE_DONE);
  process(2, 1, "reader", "merged.lua:2", 1, 990, TRACE_DONE);
  object(1, OBJECT_QUEUE, "numbers", "merged.lua:1", 0);
  for (uint32_t i = 0; i < 30; i++) {
    struct trace_event put = {.t_ns = (10 + 30 * i) * MS,
                              .duration_ns = 20 * MS,
                              .kind = OP_QUEUE_PUT,
                              .flags = TRACE_SEVERAL | (i % 4 == 3 ? TRACE_GAPS : 0),
                              .process = 1,
                              .object = 1,
                              .count = 100 + i,
                              .n = i * 1000 + 1};
    struct trace_event get = put;
    get.kind = OP_QUEUE_GET;
    get.process = 2;
    get.t_ns += 3 * MS;
    failed |= trace_add_event(m, &put) || trace_add_event(m, &get);
    event(2, OP_QUEUE_GET, 1, 34 + 30 * i, 5, "merged.lua:5", 0, (i + 1) * 1000);
    event(1, OP_QUEUE_PUT, 1, 38 + 30 * i, 0, "", 0, (i + 1) * 1000);
  }
}

/* Four producers and four consumers that wait again and again. */
static void big(uint32_t events) {
  static const char *const lines[] = {"big.lua:10", "big.lua:14", "big.lua:21"};
  facts("sandbox big.lua", events / 8 * 0.009, "", 0);
  process(1, 0, "main", "", 0, events / 8 * 0.009, TRACE_DONE);
  object(1, OBJECT_QUEUE, "jobs", "big.lua:1", 64);
  object(2, OBJECT_LOCK, "door", "big.lua:2", 0);
  uint64_t put = 0, got = 0, random = 88172645463325252u;
  double at[8] = {0};
  for (uint32_t i = 0; i < 8; i++)
    process(2 + i, 1, i < 4 ? "producer" : "consumer", "big.lua:8", 0, events / 8 * 0.009,
            TRACE_DONE);
  for (uint32_t k = 0; k < events; k++) {
    uint32_t w = k % 8;
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    double wait = (double)(random % 7000) / 1e6, busy = (double)(random >> 32 & 2047) / 1e6;
    bool lock = (random >> 20) % 16 == 0;
    enum op_kind kind = lock ? OP_LOCK_ACQUIRE : w < 4 ? OP_QUEUE_PUT : OP_QUEUE_GET;
    uint64_t n = lock ? 0 : w < 4 ? ++put : ++got;
    event(2 + w, kind, lock ? 2 : 1, at[w] + busy, wait, lines[lock ? 2 : w / 4], 0, n);
    at[w] += busy + wait;
  }
}

bool sample_make(const char *name, uint32_t events, struct trace_model *ret) {
  static const struct {
    const char *name;
    void (*make)(void);
  } samples[] = {{"serial", serial},       {"process", processes}, {"queue", queue},
                 {"producers", producers}, {"pool", pool},         {"philosophers", philosophers},
                 {"empty", empty},         {"hostile", hostile},   {"lost", lost},
                 {"stopped", stopped},     {"crowd", crowd},       {"merged", merged}};
  failed = trace_model_new(ret) != 0;
  if (failed)
    return false;
  m = ret;
  bool found = false;
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
    if (strcmp(samples[i].name, name) == 0) {
      samples[i].make();
      found = true;
    }
  bool is_big = strcmp(name, "big") == 0, is_many = strcmp(name, "many") == 0;
  if (is_big)
    big(events);
  else if (is_many)
    many(events);
  failed |= !(found || is_big || is_many) || trace_model_finish(ret) != 0;
  if (failed)
    trace_model_release(ret);
  return !failed;
}
