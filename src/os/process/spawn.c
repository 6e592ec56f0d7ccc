/* os/process/spawn.c - see spawn.h. */
#include "os/process/spawn.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child_code.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/flush.h"
#include "base/memory.h"
#include "base/mix.h"
#include "base/text.h"
#include "os/process/lifeline.h"
#include "os/process/output.h"
#include "os/process/process.h"
#include "os/process/signals.h"
#include "os/process/stdin.h"
#include "os/queue/queue.h"
#include "os/shared/hand.h"
#include "os/shared/results.h"
#include "os/shared/seek.h"
#include "os/shared/spin.h"
#include "os/shared/trace.h"

static int reserve_child(struct os_backend *b) {
  if (b->child_count < b->child_cap)
    return 0;
  uint32_t cap = 2 * b->child_cap;
  struct child *grown = FAULT("spawn.alloc") ? NULL : malloc(cap * sizeof *grown);
  if (!grown)
    return -SBX_ENOMEM;
  memcpy(grown, b->children, b->child_count * sizeof *grown);
  struct child *old = b->children == b->few ? NULL : b->children;
  b->children = grown; /* signals are blocked: the handler never sees it half-way */
  b->child_cap = cap;
  free(old);
  return 0;
}

/* malloc writes into pages of its own, which each fork has it copy again. So it is called for several spawns at once. */
static int reserve_object(struct os_backend *b) {
  enum { SPARES = 32 };
  for (int i = 0; i < SPARES && (i > 0 || !b->spare); i++) {
    struct object *o = malloc(sizeof *o);
    if (!o)
      break;
    o->next = b->spare;
    b->spare = o;
  }
  return b->spare ? 0 : -SBX_ENOMEM;
}

static void fill_record(struct os_backend *b, uint32_t slot, const struct spawn_request *req) {
  struct process_record *p = &b->control->processes[slot];
  const struct process_record *me = my_record(b);
  p->depth = me->depth + 1;
  p->seed = mix64(me->seed ^ mix64(b->forks));
  text_copy_name(p->name, sizeof p->name, req->name);
  text_copy(p->spawned_at, sizeof p->spawned_at, req->where);
  text_copy(p->host, sizeof p->host, req->host ? req->host : "");
  atomic_store(&p->wanted, 0);
  p->flags = (req->daemon ? FLAG_DAEMON : 0u) | (req->quiet ? FLAG_QUIET : 0u) |
             (req->worker ? FLAG_WORKER : 0u);
  /* What the parent holds the child holds from its first instruction on; so it is written down
   * before the fork. */
  for (uint32_t i = 0; i < OBJECT_WORDS; i++) {
    uint64_t word = atomic_load_explicit(&b->control->held[b->slot][i], memory_order_relaxed);
    if (word || atomic_load_explicit(&b->control->held[slot][i], memory_order_relaxed))
      atomic_store_explicit(&b->control->held[slot][i], word, memory_order_relaxed);
  }
}

CHILD_CODE
void process_begin(struct os_backend *b, int lifeline) {
  pid_t self = getpid();
  fault_process((unsigned)b->serial);
  FAULT("process.begin");
  /*
   * Nothing is written into the record before it is known to be ours: when the spawner was killed
   * right after the fork, it may have been given to somebody else.
   */
  lifeline_enter(b, lifeline, self);
  if (!control_process_advance(b->control, b->slot, b->serial, PHASE_RUNNING))
    _exit(127); /* the record was given up */
  atomic_store(&my_record(b)->pid, self);
  b->base.memory = control_memory(b->control, b->slot);
  seek_born(b);
}

static void become_child(struct os_backend *b, uint32_t slot, uint64_t serial, int lifeline,
                         struct trace_ring *ring, const struct spawn_request *req) {
  monitor_forget_ranks();
  b->slot = slot;
  b->serial = serial;
  b->forks = 0;
  b->child_count = 0; /* they are the parent's */
  b->interrupted = 0;
  b->left_out = false;
  b->owes = false;
  b->woken = 0;
  b->lines = 0; /* its parent stands there, not it */
  b->leaving = false;
  signals_enter_child(b);
  if (b->hand_count > 0)
    hand_forget(b);
  queue_enter_child(b);
  process_begin(b, lifeline);
  if (b->trace)
    trace_begin(b, ring);
  if (!b->no_stdin && !req->stdin_too)
    stdin_lose(b);
  if (req->cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)req->cpu, &set);
    sched_setaffinity(0, sizeof set, &set); /* checked by the parent before */
    spin_forget();
  }
  output_share(b->control, slot, serial, b->control->tag_output);
}

/* Fork with all signals blocked, so that the child is whole before it sees one. */
static pid_t fork_child(struct os_backend *b, uint32_t slot, uint64_t serial, int lifeline,
                        struct trace_ring *ring, const struct spawn_request *req) {
  memory_keep_nothing();
  flush_pending(); /* what the parent printed must not be printed again by the child */
  /*
   * fork without exec is sound because the process has one thread: no lock of libc can be held by a
   * thread that the child does not have.
   */
  lifeline_fork_begin(b);
  pid_t pid = FAULT("spawn.fork") ? (errno = EAGAIN, -1) : fork();
  if (pid == 0)
    become_child(b, slot, serial, lifeline, ring, req);
  int saved = errno;
  if (pid != 0)
    lifeline_fork_end(b, lifeline, pid);
  errno = saved;
  return pid;
}

CHILD_CODE
int process_spawn(struct os_backend *b, struct op *op) {
  sigset_t all, old;
  uint32_t slot;
  uint64_t serial;
  if (my_record(b)->depth + 1 > DEPTH_MAX)
    return -SBX_EDEPTH;
  if (b->no_stdin && op->spawn->stdin_too)
    return -SBX_ESTDIN;
  int rc = b->no_stdin ? 0 : stdin_prepare(b);
  if (rc)
    return rc;
  if ((rc = reserve_object(b)))
    return rc;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old);
  process_reap_all(b); /* so that the limit counts only the living */
  int lifeline = -1;
  rc = reserve_child(b);
  if (rc == 0)
    rc = lifeline_open(b, &lifeline);
  if (rc == 0)
    rc = control_process_claim(b->control, b->slot, &slot, &serial);
  if (rc) {
    if (lifeline >= 0)
      close(lifeline);
    goto done;
  }
  results_reclaim(b, slot); /* of the process that had the record before */
  control_process_reset(b->control, slot, serial, b->slot, b->serial);
  b->forks++;
  b->shares++;
  atomic_fetch_or(&my_record(b)->flags, FLAG_KNOWN);
  fill_record(b, slot, op->spawn);
  atomic_fetch_add(&b->control->forks, 1); /* after what it holds: os/shared/names.h */
  FAULT("spawn.before-fork");
  struct trace_ring *ring = b->trace ? trace_claim(b, slot, serial) : NULL;
  pid_t pid = fork_child(b, slot, serial, lifeline, ring, op->spawn);
  if (pid < 0) {
    rc = error_call("fork", errno);
    trace_unclaim(b->trace, ring);
    control_process_advance(b->control, slot, serial, PHASE_ENDED);
    atomic_fetch_or(&b->control->processes[slot].flags, FLAG_RELEASED);
    goto done;
  }
  op->number = pid != 0;
  if (pid != 0 && op->spawn->stdin_too)
    stdin_lose(b);
  if (pid != 0) {
    atomic_store(&b->control->processes[slot].pid, pid);
    b->children[b->child_count++] = (struct child){pid, slot, serial};
    op->object = b->spare;
    b->spare = op->object->next;
    *op->object = (struct object){.type = OBJECT_PROCESS,
                                  .slot = slot,
                                  .serial = serial,
                                  .own_child = true,
                                  .keeper = true,
                                  .shares = b->shares};
  }
done:
  sigprocmask(SIG_SETMASK, &old, NULL);
  return rc;
}
