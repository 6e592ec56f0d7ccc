/*
 * tests/support/os_world.h - real processes and queues without Lua, for tests of src/os.
 *
 * A test runs on a stage: a process of its own, with an alarm, so that a hang, a crash or a stray process of one test
 * fails that test and touches no other. On the stage, os_world_new() makes the stage `main` of a run that has no supervisor;
 * everything else goes through perform(), as a binding would.
 *
 * CHECK works in every process below the stage: a failure prints one line and ends the stage at once.
 */
#ifndef TEST_OS_WORLD_H
#define TEST_OS_WORLD_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "object/calls.h"
#include "object/op.h"
#include "os/backend.h"
#include "os/process/lifeline.h"
#include "os/process/output.h"
#include "os/process/process.h"
#include "os/queue/queue.h"
#include "os/shared/results.h"
#include "os/process/signals.h"
#include "os/shared/wait.h"

/* -- stage and checks -------------------------------------------------------------------------- */

/* Define a cmocka test `name` whose body runs on a stage, and takes at most `seconds` on a machine that does nothing else. After
 * five times as long (more under sanitizers) it is taken to hang. */
#define TEST_ON_STAGE(name, seconds)                                                               \
  static void name##_body(void);                                                                   \
  static void name(void **state) {                                                                 \
    (void)state;                                                                                   \
    stage_run(#name, name##_body, seconds);                                                        \
  }                                                                                                \
  static void name##_body(void)

void stage_run(const char *name, void (*body)(void), unsigned seconds);

/* 1, or how many times slower this build is: sanitizers; SANDBOX_TEST_SLOW says it for valgrind. */
unsigned stage_slowness(void);

/* Leave the test on stage as skipped, with a reason. */
void stage_skip(const char *why) __attribute__((noreturn));

void check_failed(const char *file, int line, const char *what, int64_t got, int64_t wanted)
    __attribute__((noreturn));

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition))                                                                              \
      check_failed(__FILE__, __LINE__, #condition, 0, 1);                                          \
  } while (0)
#define CHECK_EQ(expression, wanted)                                                               \
  do {                                                                                             \
    int64_t check_got = (int64_t)(expression), check_wanted = (int64_t)(wanted);                   \
    if (check_got != check_wanted)                                                                 \
      check_failed(__FILE__, __LINE__, #expression, check_got, check_wanted);                      \
  } while (0)

/* -- small things ------------------------------------------------------------------------------ */

/* Zeroed memory shared with every process forked later; never given back. */
void *shared_memory(size_t bytes);

/* A pipe as a counter of permits: those who wait sleep until somebody lets them through. */
struct gate {
  int fds[2];
};
struct gate gate_new(void);
void gate_open(struct gate g, unsigned permits);
void gate_wait(struct gate g);

/* A deadline so many milliseconds from now. */
int64_t in_ms(int64_t ms);

/* splitmix64: the same seed gives the same numbers. */
uint64_t random_next(uint64_t *state);

/* Entries of /proc/PID/fd; 0: of the calling process. */
int open_fds_of(pid_t pid);

/* The state letter of /proc/PID/stat; 0 if there is no such process. */
char state_of_pid(pid_t pid);

/* Wait for a child of the caller, not a process of the world, and return its status as waitpid(2) gives it. */
int reap_pid(pid_t pid);

/* -- the world --------------------------------------------------------------------------------- */

/* The calling process becomes main: control block, backend, results, lifeline, handlers. */
struct os_backend *os_world_new(void);

/* spawn: `fn(arg)` runs in a new process, its return value is the exit status. */
struct object *spawn_process(int (*fn)(void *arg), void *arg);
struct object *spawn_named(const char *name, int (*fn)(void *arg), void *arg);
/* The same, with the code of a failure. */
int try_spawn(int (*fn)(void *arg), void *arg, struct object **ret);
pid_t pid_of(const struct object *p);
struct process_record *record_of_process(const struct object *p);
int join_process(struct object *p, struct buf *out, int64_t deadline_ns);
/* join; check that it left with 0; release. */
void join_well(struct object *p);
/* kill(2) with SIGKILL; join; release. */
void kill_process(struct object *p);
void release_object(struct object *o);
/* Wait until the process sleeps in the op `kind`. */
void await_sleep(const struct object *p, enum op_kind kind);
/* Wait until the process is stopped. */
void await_stopped(pid_t pid);

struct object *new_queue(uint64_t max, enum queue_transport transport, uint64_t log_limit);

/* Make an object reachable for those who never held it, and name it. 0 or a code. */
int export_object(struct object *o, struct object_ref *ret);
int put(struct object *q, const void *data, size_t len, int64_t deadline_ns);
int get(struct object *q, struct buf *out, int64_t deadline_ns);
int peek(struct object *q, struct buf *out);
int close_queue(struct object *q);
int task_done(struct object *q);
int join_queue(struct object *q, int64_t deadline_ns);
uint64_t len_of(struct object *q);
struct queue_record *record_of_queue(const struct object *q);

/* -- items that know what they are ------------------------------------------------------------- */

enum { ITEM_LEAST = 8 };

/* The item `seq` of `producer`, `len` bytes (at least ITEM_LEAST), a pure function of all three; appended to `out`. */
void item_make(struct buf *out, uint32_t producer, uint32_t seq, size_t len);
/* Check that the bytes are such an item, whole. */
void item_check(const uint8_t *data, size_t len, uint32_t *ret_producer, uint32_t *ret_seq);
/* put of an item; get and check of one. */
int put_item(struct object *q, uint32_t producer, uint32_t seq, size_t len, int64_t deadline_ns);
int get_item(struct object *q, uint32_t *ret_producer, uint32_t *ret_seq, int64_t deadline_ns);
/* A length that depends on the item alone: mostly small, some large, few up to 200 KiB. */
size_t item_mixed_len(uint32_t producer, uint32_t seq);

#endif
