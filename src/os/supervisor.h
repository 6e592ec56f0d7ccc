/*
 * os/supervisor.h - the process that stands above a run.
 *
 * It holds no Lua and takes no shared lock, ever: it reads shared state as snapshots. It forks
 * main, reaps orphans (child subreaper), keeps the descriptors of exported queues, limits the time
 * of the run, and when main ends, however it ends, ends the whole tree. When it is killed itself,
 * the kernel kills the tree (see lifeline in process.h). It never prints: it calls `say` with what
 * a person should read.
 */
#ifndef SBX_OS_SUPERVISOR_H
#define SBX_OS_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "object/op.h"

struct supervisor_options {
  double speed;       /* > 0 */
  uint64_t seed;      /* if `seeded` */
  bool seeded;        /* false: drawn at random */
  uint32_t max_procs; /* alive at once, main included; 0: 512 */
  int64_t timeout_ns; /* how long the run may take, machine time; 0 or SBX_FOREVER: any */
  bool tag_output;    /* children's lines are tagged */
  /* Messages for a person: whole lines, without a newline at the end. Borrowed for the call. */
  void (*say)(void *ctx, const char *line);
  void *ctx;
};

/*
 * Run `main_process` in a process of its own, and stay above it until the tree is gone.
 *   main_process  called in the new process with the backend; its return value is the exit status
 * Returns the run's exit status: main's; 128+n if signal n ended it; 3 if main left with 0 and a
 * child failed that nobody joined; 124 when the time limit was reached. Or -SBX_E* when the run
 * could not start.
 */
int supervisor_run(const struct supervisor_options *o,
                   int (*main_process)(struct backend *b, void *ctx), void *ctx);

#endif
