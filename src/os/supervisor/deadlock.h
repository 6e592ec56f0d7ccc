/*
 * os/supervisor/deadlock.h - noticing that a run, or a part of it, can never go on.
 */
#ifndef SBX_OS_SUPERVISOR_DEADLOCK_H
#define SBX_OS_SUPERVISOR_DEADLOCK_H

#include "base/buf.h"
#include "look/snapshot.h"
#include "os/shared/control.h"
#include "os/supervisor/supervisor.h"

/*
 * The supervisor is not told when the last process goes to sleep, so it looks now and then; the
 * longer a process has been running, the more seldom, and never for more than a hundredth of its
 * time. Processes are not concerned.
 */
struct deadlock_watch {
  int64_t after_ns;   /* they must have slept for so long; 0: it is not looked for */
  int64_t look_at_ns; /* CLOCK_MONOTONIC: when to look next, SBX_FOREVER: never */
  int64_t pause_ns;   /* between this look and the next */
  bool
      guided; /* main does what a person types, who may interrupt it and help: nothing ends the run */
  /* Take a snapshot, as snapshot_take does with SNAPSHOT_QUEUES; NULL: that. */
  int (*take)(void *ctx, const struct control *c, struct snapshot *ret);
  void *take_ctx;
  struct told_sleep { /* the sleeps of the stuck that were told of */
    uint64_t process, sleep;
  } * told; /* owned */
  uint32_t told_count;
  /* Called with the snapshot of what is about to be told. May be NULL */
  void (*found)(void *ctx, const struct snapshot *s, const char *told);
  void *found_ctx;
  uint32_t unsure; /* looks in a row at which all slept, but not all were stuck */
};

void deadlock_begin(struct deadlock_watch *w, int64_t after_ns, bool guided);
void deadlock_end(struct deadlock_watch *w);

/*
 * Look, if it is time, for processes that are stuck for ever (look/waits.h). Unless there are none,
 * `told` says who waits where for whom, and ends with a zero; no memory for that is no matter.
 */
enum deadlock deadlock_look(struct deadlock_watch *w, const struct control *c, struct buf *told);

#endif
