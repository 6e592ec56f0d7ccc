/*
 * os/supervisor/supervisor.h - the process that stands above a run.
 *
 * It holds no Lua and takes no shared lock, ever: it reads shared state as snapshots. It forks
 * main, reaps orphans (child subreaper), keeps the descriptors of exported queues, limits the time
 * of the run, and when main ends, however it ends, ends the whole tree. When it is killed itself,
 * the kernel kills the tree (see lifeline in process.h). It never prints: it calls `say` with what
 * a person should read.
 */
#ifndef SBX_OS_SUPERVISOR_SUPERVISOR_H
#define SBX_OS_SUPERVISOR_SUPERVISOR_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/policy.h"
#include "object/op.h"
#include "os/shared/shake.h"
#include "os/shared/turns.h"
#include "os/supervisor/recorder.h"

struct bar;        /* look/bars.h */
struct control;    /* os/shared/control.h */
struct os_backend; /* os/shared/self.h */

/* What was wrong with a run besides its exit status. */
struct run_faults {
  bool deadlock;  /* of all, or of some */
  bool timed_out; /* the time limit was reached */
  uint32_t held;  /* locks and updates in the hands of processes at their ends; these were told */
};

/* What a look for processes that are stuck for ever has found. */
enum deadlock {
  DEADLOCK_NONE,
  DEADLOCK_SOME, /* some can never go on, which were not told of before; others can */
  DEADLOCK_ALL   /* none can */
};

struct supervisor_options {
  /* Make the backend that main performs ops with: backend_new (os/backend.h). */
  struct os_backend *(*backend)(struct control *c);
  double speed;       /* > 0 */
  uint64_t seed;      /* if `seeded` */
  bool seeded;        /* false: drawn at random */
  uint32_t max_procs; /* alive at once, main included; 0: 512 */
  int64_t timeout_ns; /* how long the run may take, machine time; 0 or SBX_FOREVER: any */
  bool tag_output;    /* children's lines are tagged */
  const uint8_t *key; /* of messages, 16 bytes: that of another run; NULL: drawn at random */
  /* When for so long nobody could go on, and nobody ever can, the run is ended with status 4; when
   * that is true of some processes only, it goes on. Either is told once, with who waits for whom.
   * 0: it is not looked for. */
  int64_t deadlock_after_ns;
  /* Or somebody else looks, who knows of more than this run: called at each turn, tells what is new as deadlock_look
   * (deadlock.h) does, and wakes the supervisor by SIGCHLD when there is something. NULL: nobody does */
  enum deadlock (*look)(struct control *c, struct buf *told);
  struct record_options record; /* ops are recorded; see os/supervisor/recorder.h */
  /* Filled when the run has ended; then a deadlock of some ends it as one of all does. NULL: nobody asks */
  struct run_faults *faults;
  const struct policy *policy; /* limits of the run (base/policy.h); borrowed; NULL: none */
  const sigset_t
      *mask; /* the signals that main has blocked, borrowed; NULL: those that are blocked now */
  struct shake_options shake; /* pauses before ops; see os/shared/shake.h */
  struct turns *turns; /* ops in a given order, see os/shared/turns.h; borrowed; NULL: in any */
  void (*begun)(
      void);   /* called when main has been forked, beside its work; NULL: nothing is to be done */
  bool guided; /* main does what a person types, who can always help: a deadlock is told, and ends nothing */
  /* Messages for a person: whole lines, without a newline at the end. Borrowed for the call. */
  void (*say)(void *ctx, const char *line);
  /* The text of a report, made by the process that failed: whole lines, with a newline at the end.
   */
  void (*report)(void *ctx, const char *text, size_t len);
  /*
   * The progress of the run, all that is open or was closed since the last call; the closed ones come
   * once. Called ten times a second as long as there is any, and when there is news. False: they
   * could not be shown now, call again soon. NULL: they are shown on stderr.
   */
  bool (*bars)(void *ctx, const struct bar *bars, uint32_t count);
  /* SIGINT, SIGWINCH and SIGTSTP, which would else end the run, do nothing and stop the program;
   * NULL: they shall. For a caller that owns the terminal. */
  void (*on_signal)(void *ctx, int signal);
  void *ctx;
};

/* What main does with its life: its return value is the exit status. */
typedef int main_process_fn(struct backend *b, void *ctx);

/*
 * Run `main_process` in a process of its own, and stay above it until the tree is gone.
 *   main_process  called in the new process with the backend; its return value is the exit status
 * Returns the run's exit status: main's; 128+n if signal n ended it; 3 if main left with 0 and a
 * child failed that nobody joined; 4 after a deadlock; 124 when the time limit was reached. Or
 * -SBX_E* when the run could not start.
 */
int supervisor_run(const struct supervisor_options *o, main_process_fn *main_process, void *ctx);

/* -- the same in steps, for a host that has a loop of its own
 * -------------------------------------- */

struct supervisor; /* one in a process; it is made by supervisor_open */

/*
 * Make the shared memory and all else that a run needs; from now on the signals that would end this
 * process wait for supervisor_turn. o  borrowed until supervisor_close 0 or a code of
 * supervisor_run; then nothing is left behind.
 */
int supervisor_open(const struct supervisor_options *o, struct supervisor **ret);

/*
 * Fork main; after it has ended, another main over the same shared memory, with a new serial
 * number. A caller with descriptors that main must not have closes them in `main_process`. 0 or
 * -SBX_EAGAIN.
 */
int supervisor_start_main(struct supervisor *s, main_process_fn *main_process, void *ctx);

/* The descriptors to be polled for POLLIN; and until when (CLOCK_MONOTONIC, SBX_FOREVER). */
enum { SUPERVISOR_FDS = 2 };
void supervisor_fds(const struct supervisor *s, int ret[SUPERVISOR_FDS]);
int64_t supervisor_deadline(const struct supervisor *s);

/* Do what there is to do, without waiting. Returns whether main has ended (and no other was
 * started). */
bool supervisor_serve(struct supervisor *s);

/* The pid of main as long as it runs, else 0; and the shared memory, only to look at. */
pid_t supervisor_main_pid(const struct supervisor *s);
struct control *supervisor_control(struct supervisor *s);
/* What main is forked with: here it serves to look and to steer (run_ops), and its id is main's. */
struct backend *supervisor_backend(struct supervisor *s);

/* Is the run being ended from outside: by a signal to this process, or its time limit? */
bool supervisor_ending(const struct supervisor *s);

/* How main ended, after supervisor_serve said that it has: its exit status, 128+n for signal n. */
int supervisor_main_status(const struct supervisor *s);

/* For traces: main is a session that waits for a line since then (machine time; 0: now), or got one. */
void supervisor_idle(struct supervisor *s, bool idle, int64_t since_ns);
/* How many records main has written so far. */
uint64_t supervisor_recorded(const struct supervisor *s);
/* What is recorded so far, the present too; see recorder_peek. */
int supervisor_peek(struct supervisor *s, struct buf *log);

/* End whatever still runs, free everything. Returns the run's exit status, as supervisor_run does.
 */
int supervisor_close(struct supervisor *s);

#endif
