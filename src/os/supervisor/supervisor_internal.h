/*
 * os/supervisor/supervisor_internal.h - the parts of the supervisor: the run and its loop (supervisor.c), what wakes it
 * (events.c), the descriptors it keeps (keeper.c), the end of a tree (tree.c), what it tells a person (tell.c), when a run can
 * never go on (deadlock.c), and the whole beside a foreign host (beside.c).
 */
#ifndef SBX_OS_SUPERVISOR_SUPERVISOR_INTERNAL_H
#define SBX_OS_SUPERVISOR_SUPERVISOR_INTERNAL_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "os/queue/queue.h"
#include "os/shared/broker.h"
#include "os/shared/control.h"
#include "os/supervisor/bars.h"
#include "os/supervisor/deadlock.h"
#include "os/supervisor/failures.h"
#include "os/supervisor/recorder.h"
#include "os/supervisor/supervisor.h"

/* -- keeper.c: the descriptors of exported queues ---------------------------------------------- */

struct kept {
  uint32_t slot;
  uint64_t serial;
  int fds[QUEUE_FDS];
};

struct keeper {
  struct os_backend *b; /* to look at what is shared; borrowed */
  struct kept *list;    /* owned */
  uint32_t count, cap;
  uint32_t sweep_at;  /* look for what is out of reach when there are so many */
  int64_t look_at_ns; /* CLOCK_MONOTONIC: or then; SBX_FOREVER: nothing is kept */
  bool busy;          /* something came since the last look */
  int fd_end;         /* descriptors from here on are for the supervisor's own work */
};

void keeper_begin(struct keeper *k, struct os_backend *b);
/* One message; takes the descriptors. False: there is no room to keep them, and its sender asks again. */
bool keeper_serve(struct keeper *k, const struct broker_message *m, int *fds);
/* Look for what is out of reach, if it is time. */
void keeper_look(struct keeper *k);
/* A message came whose descriptors there is no room for: give up what can be given up. */
void keeper_make_room(struct keeper *k);
void keeper_release(struct keeper *k);

/* -- tree.c ------------------------------------------------------------------------------------ */

/* Send a signal to a process, if it lives. */
void tree_signal_one(struct control *c, uint32_t slot, uint64_t serial, int signal);

/* Send a signal to every process that has a record and lives. */
void tree_signal(struct control *c, int signal);

/* The run is at its end: whoever lives is ended with it, which is no kill of the script's. */
void tree_leave(struct control *c);

/*
 * End every process of the tree and wait until none is left. As a subreaper every orphan is our
 * child, so killing our children until there are none reaches whoever left its group or session,
 * too. subreaper  false for a side process: then only records are known
 */
void tree_kill(struct os_backend *b, bool subreaper);

/* Reap every child of the supervisor that has ended, filling records. Returns true when main was
 * among them. */
bool tree_reap(struct os_backend *b, pid_t main_pid, siginfo_t *ret_main);

/* -- tell.c ------------------------------------------------------------------------------------ */

enum { LINE_MAX_BYTES = 1024 };

/* "writer#2 in put at queue.lua:12" when it waits, "writer#2 at queue.lua:12" when it was
 * interrupted, else "writer#2 running" */
void tell_place(const struct control *c, uint32_t slot, char *ret, size_t size);

/* Processes whose places are to be told: the first of them, and how many more there are. */
enum {
  PLACES_MAX = 6,
  PLACE_MAX_BYTES = LINE_MAX_BYTES / 4,
  CAUGHT_MAX_BYTES = PLACES_MAX * (PLACE_MAX_BYTES + 2) + 32 /* room for all of tell_caught */
};
struct caught {
  uint32_t slots[PLACES_MAX];
  char places[PLACES_MAX][PLACE_MAX_BYTES]; /* "": it was running */
  uint32_t count, more;
};

/* The run is ended from outside: the living, and those that were just ended by the same signal. */
void tell_mark(struct control *c, int signal, struct caught *ret);

/* "main in join at x.lua:3; writer#2 at x.lua:9; and 4 more" */
void tell_caught(const struct control *c, const struct caught *caught, char *ret, size_t size);

/* The same for those children of main for which it waits at its end; false: there are none. */
bool tell_children_of_main(const struct control *c, char *ret, size_t size);

/* The line for a process that failed without a report of its own: a signal ended it, or it left by
 * itself. False: that is no news. */
bool tell_failure(const struct control *c, uint32_t slot, char *ret, size_t size);

/* -- limits.c: what the run may use up --------------------------------------------------------- */

enum run_limit {
  RUN_LIMIT_NONE,
  RUN_LIMIT_MEMORY,
  RUN_LIMIT_OUTPUT,
  RUN_LIMIT_FILES,
  RUN_LIMIT_CPU,
  RUN_LIMIT_PROCS
};

struct limits_watch {
  struct os_backend *b;
  const struct policy *policy; /* NULL: there are no limits */
  int64_t look_at_ns;          /* CLOCK_MONOTONIC: when to look next; SBX_FOREVER: never */
  bool blamed;                 /* a process was found that asked for more: */
  uint32_t slot;
  uint64_t serial;
};

void limits_begin(struct limits_watch *w, struct os_backend *b, const struct policy *p);
/* Look, if it is time. */
enum run_limit limits_look(struct limits_watch *w);
/* The line for it. `places`: where processes were when the run began to be ended. */
void limits_tell(const struct limits_watch *w, enum run_limit what, const char *places, char *ret,
                 size_t size);

/* -- supervisor.c ------------------------------------------------------------------------------ */

enum {
  ASKED_MAX = 16,
  ASKED_NS = 20 * 1000 * 1000 /* a signal that is for the group has reached all by then */
};

struct supervisor {
  const struct supervisor_options *o;
  struct control *control;
  struct keeper keeper;
  struct os_backend *b; /* what main is forked with; NULL beside a foreign host */
  int broker;           /* read end */
  int signals;          /* signalfd */
  int lifeline;         /* write end: while it is open the tree may live */
  sigset_t blocked;     /* those that `signals` tells of */
  sigset_t old_signals; /* main gets them back */
  pid_t main_pid;
  int main_pidfd;  /* of a foreign host; else -1 */
  bool main_ended; /* how, is in main_end */
  siginfo_t main_end;
  int interrupts; /* SIGINTs so far */
  int end_signal; /* the signal that ends the run, 0: none */
  bool timed_out;
  bool deadlocked; /* which ends the run as an interrupt does */
  struct deadlock_watch watch;
  struct failures_watch failures;
  struct recorder recorder;
  struct limits_watch limits;
  enum run_limit limit; /* that ended the run */
  struct bars_watch bars;
  int64_t end_ns;      /* when the run began to be ended from outside; SBX_FOREVER: it is not */
  int64_t deadline_ns; /* of the run, or of the grace after an interrupt */
  int64_t wait_ns;     /* when main, which is at its end, has waited for long; SBX_FOREVER: never */
  struct caught caught;     /* when the run began to be ended */
  uint32_t failures_at_end; /* which nobody had joined when the run began to be ended */
  int64_t interrupted_ns;   /* of the first SIGINT */
  struct asked {            /* interrupts from outside of single processes, it seems */
    uint32_t slot;
    uint64_t serial;
  } asked[ASKED_MAX];
  uint32_t asked_count;
  int64_t asked_ns; /* when they are taken for what they seem; SBX_FOREVER: there are none */
};

/* -- events.c: what wakes the supervisor ------------------------------------------------------- */

/* For output_meanwhile: `ctx` is the supervisor. At a limit all are killed. */
void supervisor_meanwhile(void *ctx);

/* Whatever woke it. False when the time is up: everybody was killed then. */
bool supervisor_handle(struct supervisor *s);

/* The parts of that, for those who wait otherwise. */
void supervisor_on_message(struct supervisor *s); /* of the broker: all that have come */
void supervisor_on_signal(struct supervisor *s, int signal);
void supervisor_pass_on(struct supervisor *s); /* interrupt those of which it was asked */

/* A line for a person; said by the host. */
void supervisor_say(const struct supervisor *s, const char *line);

/* -- beside.c ---------------------------------------------------------------------------------- */

/* The side process of a foreign host: until the host is gone and every process with it. Never
 * returns. */
void supervisor_beside(struct os_backend *b, int broker, pid_t host, int host_pidfd)
    __attribute__((noreturn));

/* In a foreign host, at its end: report failures to stderr. */
void supervisor_report_failures(struct os_backend *b);

#endif
