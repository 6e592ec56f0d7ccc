/*
 * os/shared/self.h - what one process has of the OS backend: private, copied by fork.
 *
 * The pieces: control (shared memory), queue + log (items), sync + line (locks and their like),
 * process (fork, join, reap), wait (sleep on descriptors), results (what a process leaves behind),
 * broker (descriptors for processes that did not inherit them), lifeline (death with the
 * supervisor), output (tagged lines). Each file holds one.
 */
#ifndef SBX_OS_SHARED_SELF_H
#define SBX_OS_SHARED_SELF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "look/trace/ring.h"
#include "object/op.h"
#include "os/shared/control.h"

struct child {
  pid_t pid;
  uint32_t slot;
  uint64_t serial;
};

struct queue;       /* os/queue/queue.h */
struct sync_hold;   /* os/sync/sync.h */
struct holding_ops; /* os/shared/hand.h */
struct trace_area;  /* os/shared/trace.h */
struct shake;       /* os/shared/shake.h */
struct turn_taker;  /* os/shared/turns.h */

/* A child writes into it, and so does its parent between two forks: each page of it would be copied twice. So it lies in one. */
enum { FEW_CHILDREN = 16, BACKEND_ALIGN = 1024 };
struct os_backend {
  alignas(BACKEND_ALIGN) struct backend base;
  struct control *control; /* shared; never unmapped */
  const struct holding_ops *holdings;
  uint32_t slot; /* of the calling process */
  uint64_t serial;
  uint32_t forks;  /* spawns so far: a queue made after the last one is held by nobody else */
  uint32_t shares; /* forks, and handles of processes that were sent: a process spawned after the
                          last one is known to no other process */
  bool foreign;    /* inside a host that is not ours */
  bool no_stdin;   /* it is another process's: this one reads end of file */
  bool stdin_buffered; /* it was read from */
  bool leaving;        /* on the way out: interrupts change nothing any more */

  /* Descriptors, all close-on-exec; -1: none. */
  int lifeline_shared; /* read end of the supervisor's pipe */
  int lifeline_dir; /* /proc/PID/fd of the process that made the pipe, which has it under the same
                          number */
  int lifeline_own; /* the same pipe, opened again: a file description of this process alone */
  int results;      /* the results file */
  int null;         /* /dev/null, once this process may lose stdin */
  int broker;       /* to the supervisor; many writers */

  /* Children not reaped yet. The SIGCHLD handler removes: change it with signals blocked. */
  struct child *children; /* `few`, as long as these are enough */
  uint32_t child_count, child_cap;
  struct child few[FEW_CHILDREN];
  struct object *
      spare; /* for the next spawns, a list; a child keeps them for its own: free would touch pages */

  struct queue *queues;         /* every queue held, a list */
  bool queue_grown;             /* one of them has shared memory in reserve: see queue_trim_all */
  bool in_hand;                 /* it has taken an item of a queue with redeliver */
  bool programs;                /* it has started one */
  const struct queue *got_from; /* the last op took an item from here; NULL: it was another op */

  /* In a foreign host: start the side process if it does not run yet. NULL: there is a supervising
   * parent. */
  int (*start_supervisor)(struct os_backend *b);
  void (*run_ends)(struct os_backend *b); /* of its main: called when its children are over */

  /* In a child that becomes a program: what it must not have of the run, by system calls alone. 0, or -1 and errno.
   * NULL: nothing. */
  int (*shut_out)(const struct policy *p);

  volatile int interrupted; /* set by the SIGINT handler: of enum interrupt */
  bool left_out;            /* of the interrupts at the end of the run */
  volatile int woken;       /* set by the handler of WAKE_SIGNAL; see os/shared/wait.h */

  struct trace_area *trace;   /* shared; NULL: ops are not recorded */
  uint32_t trace_rings;       /* that it has */
  struct trace_writer writer; /* of the calling process's records */

  struct shake *shake;      /* pauses before ops; NULL: there are none */
  struct turn_taker *turns; /* ops in a given order; NULL: in any */

  uint32_t hand_count; /* handles received and not decoded yet (os/shared/hand.h) */
  uint32_t lines;      /* lines in which this process stands (os/shared/line.h) */
  struct sync_hold
      *holds; /* what it holds of synchronisation objects, by slot; NULL: nothing yet */
  bool owes;  /* some hold is `owed` */

  uint32_t *hands; /* OBJECT_SLOTS, by object; apart, since most never touch it */
};
static_assert(sizeof(struct os_backend) <= BACKEND_ALIGN, "it lies in one page");

/* One holding of an object by this process; what handles in Lua point to. */
struct object {
  enum object_type type;
  uint32_t slot;
  uint64_t serial;
  struct queue *queue; /* of OBJECT_QUEUE; of OBJECT_PIPE the one to receive from */
  struct queue *out;   /* of OBJECT_PIPE: the one to send to */
  struct object *next; /* of a spare one */
  uint32_t peer_at; /* of OBJECT_PIPE: slot of a process that held the other end when last looked */
  bool own_child;   /* of OBJECT_PROCESS: this process spawned it, and reaps it */
  bool keeper;      /* the object that spawn returned: while it is held, so is the record */
  uint32_t shares;  /* of a keeper: the backend's count when it was made */
};

/* In a foreign host: see that a supervisor runs. 0 or -SBX_*. */
static inline int supervisor_ensure(struct os_backend *b) {
  return b->start_supervisor ? b->start_supervisor(b) : 0;
}

/* Free what backend_new made, when no op is performed any more. What it has open is the caller's. NULL is accepted. */
static inline void backend_free(struct os_backend *b) {
  if (!b)
    return;
  for (struct object *next, *o = b->spare; o; o = next) {
    next = o->next;
    free(o);
  }
  if (b->children != b->few)
    free(b->children);
  free(b->hands);
  free(b);
}

/* The record of the calling process. */
static inline struct process_record *my_record(const struct os_backend *b) {
  return &b->control->processes[b->slot];
}

#endif
