/*
 * os/backend.h - the OS backend as one process has it: private, copied by fork.
 *
 * The pieces: control (shared memory), queue + log (items), process (fork, join, reap), wait (sleep on descriptors),
 * results (what a process leaves behind), broker (descriptors for processes that did not inherit them), lifeline
 * (death with the supervisor), output (tagged lines). Each file holds one.
 */
#ifndef SBX_OS_BACKEND_H
#define SBX_OS_BACKEND_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "object/op.h"
#include "os/control.h"

struct child {
  pid_t pid;
  uint32_t slot;
  uint64_t serial;
};

struct queue; /* os/queue.h */

struct os_backend {
  struct backend base;
  struct control *control; /* shared; never unmapped */
  uint32_t slot;           /* of the calling process */
  uint64_t serial;
  uint32_t forks; /* spawns so far: a queue made after the last one is held by nobody else */
  bool foreign;   /* inside a host that is not ours */
  bool leaving;   /* an interrupt was taken: later ones change nothing */

  /* Descriptors, all close-on-exec; -1: none. */
  int lifeline_shared; /* read end of the supervisor's pipe */
  int lifeline_own;    /* the same pipe, opened again: a file description of this process alone */
  int results;         /* the results file */
  int broker;          /* to the supervisor; many writers */

  /* Children not reaped yet. The SIGCHLD handler removes: change it with signals blocked. */
  struct child *children;
  uint32_t child_count, child_cap;

  struct queue *queues; /* every queue held, a list */

  volatile int interrupted; /* set by the SIGINT handler */
};

/* One holding of an object by this process; what handles in Lua point to. */
struct object {
  enum object_type type;
  uint32_t slot;
  uint64_t serial;
  struct queue *queue; /* of OBJECT_QUEUE */
  bool own_child;      /* of OBJECT_PROCESS: this process spawned it, and reaps it */
  bool keeper;         /* the object that spawn returned: while it is held, so is the record */
};

/*
 * The backend of the calling process. There is one in a process, because signal handlers must find it; nothing
 * else uses this.
 */
extern struct os_backend *the_backend;

/* Make a backend over a control block, for main (slot 0); opens nothing. */
struct os_backend *backend_new(struct control *c);

/* Install the handlers for SIGCHLD and SIGINT; SIGPIPE gets its default back in a host of ours. */
void backend_install_signals(struct os_backend *b);

/* The record of the calling process. */
static inline struct process_record *my_record(const struct os_backend *b) {
  return &b->control->processes[b->slot];
}

/* -- wait.c ---------------------------------------------------------------------------------- */

/*
 * Sleep until one of `fds` is ready, the deadline passes or a signal arrives; publishes the op before.
 * `fds` may be NULL with n 0. Returns 0 (look again, spurious wake-ups happen), -SBX_ETIMEDOUT, -SBX_EINTERRUPTED.
 */
int wait_fds(struct os_backend *b, const struct op *op, struct pollfd *fds, nfds_t n,
             int64_t deadline_ns);

/* OP_CLOCK_SLEEP. 0 or -SBX_EINTERRUPTED. */
int wait_sleep(struct os_backend *b, const struct op *op);

/* Is the deadline reached? A deadline of SBX_FOREVER never is. */
bool deadline_passed(int64_t deadline_ns);

/* -- results.c ------------------------------------------------------------------------------- */

int results_create(int *ret_fd);
/* Store bytes for a record; fills its result_* fields and FLAG_RESULT. -SBX_ENOSPC, -SBX_ECAP */
int results_store(struct os_backend *b, uint32_t slot, const void *data, size_t len);
/* Append what a record stored to `out`. -SBX_EGONE (given back), -SBX_ENOMEM, -SBX_ESYSTEM */
int results_load(struct os_backend *b, uint32_t slot, struct buf *out);
/* Give back the pages of one record, once. */
void results_reclaim(struct os_backend *b, uint32_t slot);

/* -- lifeline.c ------------------------------------------------------------------------------ */

/* Make the pipe whose write end only the supervisor keeps. */
int lifeline_create(int *ret_read, int *ret_write);
/*
 * From now on the kernel sends SIGKILL to the calling process when the supervisor is gone, even if it is stopped or
 * blocks every signal: O_ASYNC with F_SETSIG on a description of its own (fcntl(2)). Dies at once if it is gone already.
 */
int lifeline_attach(struct os_backend *b);

/* -- output.c -------------------------------------------------------------------------------- */

/* Line-buffer stdout and stderr. */
void output_line_buffered(void);
/* From now on each line of stdout and stderr is written as one piece, tagged "[name#id] ". */
void output_tagged(const char *name, uint64_t id);
/* Write out everything buffered, an unfinished tagged line with a newline. Nothing may be printed afterwards. */
void output_flush_all(void);

#endif
