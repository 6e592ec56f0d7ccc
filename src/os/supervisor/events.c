/*
 * os/supervisor/events.c - what the supervisor does when something wakes it: signals, messages of processes, times that have come;
 * see supervisor_internal.h.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "os/process/output.h"
#include "os/shared/state.h"
#include "os/supervisor/backstop.h"
#include "os/supervisor/snapshot.h"
#include "os/supervisor/supervisor_internal.h"

enum {
  GRACE_CPU_NS = 300 * 1000 * 1000, /* the grace when the limit of CPU time was reached */
  GRACE_OVER_NS = 50 * 1000 * 1000, /* the same, of memory */
  GRACE_NS = 1000 * 1000 * 1000,    /* between an interrupt and SIGKILL: time for `<close>` */
  WAIT_NS = 1000 * 1000 * 1000,     /* main waits at its end for so long before that is told */
  SAME_NS = 50 * 1000 * 1000        /* SIGINTs so near are one: timeout(1) sends two */
};

void supervisor_say(const struct supervisor *s, const char *line) {
  if (s->o && s->o->say)
    s->o->say(s->o->ctx, line);
}

/* The run is to end: ask politely, and set the time at which it is not a question any more. */
static void begin_end(struct supervisor *s, int signal) {
  if (s->end_ns == SBX_FOREVER) {
    s->failures_at_end = control_unjoined_failures(s->control);
    tell_mark(s->control, signal, &s->caught);
    s->end_ns = clock_now_ns();
  }
  s->end_signal = signal;
  s->asked_ns = s->wait_ns = SBX_FOREVER;
  atomic_store(&s->control->ending, 1);
  tree_signal(s->control, SIGINT);
  s->deadline_ns = clock_now_ns() + GRACE_NS;
}

/* Interrupt those of which it was asked. */
void supervisor_pass_on(struct supervisor *s) {
  for (uint32_t i = 0; i < s->asked_count; i++)
    tree_signal_one(s->control, s->asked[i].slot, s->asked[i].serial, SIGINT);
  s->asked_count = 0;
  s->asked_ns = SBX_FOREVER;
}

static void on_interrupt(struct supervisor *s) {
  int64_t now = clock_now_ns();
  if (s->interrupts == 0) {
    s->interrupts = 1;
    s->interrupted_ns = now;
    begin_end(s, SIGINT);
  } else if (now - s->interrupted_ns >= SAME_NS) {
    s->deadline_ns = 0; /* the second kills */
  }
}

/* A limit was reached. What may use no more memory, or print no more, has nothing to do any more; of CPU
 * time there is a little left, to tell where each was. */
static void on_limit(struct supervisor *s, enum run_limit what) {
  if (s->limit != RUN_LIMIT_NONE)
    return;
  s->limit = what;
  s->interrupts = 1; /* a Ctrl-C now kills at once */
  begin_end(s, SIGINT);
  s->deadline_ns = what == RUN_LIMIT_PROCS
                       ? 0 /* they are becoming more */
                       : clock_now_ns() + (what == RUN_LIMIT_CPU ? GRACE_CPU_NS : GRACE_OVER_NS);
}

/* Nothing is asked any more: who reads the message that is being written may come back much later. */
void supervisor_meanwhile(void *ctx) {
  struct supervisor *s = ctx;
  enum run_limit limit = limits_look(&s->limits);
  if (limit == RUN_LIMIT_NONE)
    return;
  on_limit(s, limit);
  s->deadline_ns = 0;
  tree_kill(s->b, s->main_pidfd < 0);
}

/* Somebody outside interrupts a process. If main is among those, the run is meant; if only others
 * are for a while, these are. */
static void on_asked(struct supervisor *s, uint32_t slot, uint64_t serial) {
  if (s->end_ns != SBX_FOREVER)
    return; /* they are interrupted */
  if (slot == 0 && s->main_pidfd < 0 && !s->o->on_signal) {
    on_interrupt(s);
    return;
  }
  if (s->asked_count == ASKED_MAX)
    supervisor_pass_on(s);
  if (s->asked_count == 0)
    s->asked_ns = clock_now_ns() + ASKED_NS;
  s->asked[s->asked_count++] = (struct asked){slot, serial};
}

/* Bars are shown on the terminal: Ctrl-Z must take them away before the shell writes. */
static void catch_stop(struct supervisor *s) {
  if (s->bars.screen.kind != BARS_TERMINAL || sigismember(&s->blocked, SIGTSTP))
    return;
  sigaddset(&s->blocked, SIGTSTP);
  sigprocmask(SIG_BLOCK, &s->blocked, NULL);
  signalfd(s->signals, &s->blocked, 0);
}

/* Stop, as the other processes have by now; returns when the run goes on. */
static void stop(struct supervisor *s) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTSTP);
  bars_hide(&s->bars.screen);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  sigprocmask(SIG_BLOCK, &set, NULL);
  s->bars.told = true;
}

void supervisor_on_signal(struct supervisor *s, int signal) {
  bool of_terminal = signal == SIGINT || signal == SIGWINCH || signal == SIGTSTP;
  if (of_terminal && s->o->on_signal) {
    s->o->on_signal(s->o->ctx, signal);
    return;
  }
  switch (signal) {
  case SIGCHLD:
    return; /* the loop reaps at each turn */
  case SIGINT:
    on_interrupt(s);
    return;
  case SIGTSTP:
    stop(s);
    return;
  default:
    begin_end(s, signal);
    s->deadline_ns = 0;
  }
}

/* A process asked for more than the run may have, and waits for its end. */
static void on_over(struct supervisor *s, const struct broker_message *m) {
  if (m->slot > NO_PROCESS || s->limit != RUN_LIMIT_NONE || !s->limits.policy)
    return;
  s->limits.blamed = true;
  s->limits.slot = m->slot;
  s->limits.serial = m->serial;
  on_limit(s, m->kind == BROKER_MEMORY   ? RUN_LIMIT_MEMORY
              : m->kind == BROKER_OUTPUT ? RUN_LIMIT_OUTPUT
                                         : RUN_LIMIT_FILES);
  s->deadline_ns = 0; /* where it is, it has told */
}

/* Those that are there, and not for ever those that come meanwhile: limits are looked at between two calls. */
void supervisor_on_message(struct supervisor *s) {
  enum { AT_ONCE = 512 /* more than the socket holds */ };
  struct broker_message m;
  int fds[BROKER_FDS_MAX];
  bool full = false;
  for (int i = 0; i < AT_ONCE; i++) {
    int rc = broker_receive(s->broker, &m, fds);
    full |= rc == -SBX_EMFILE; /* its sender asks again */
    if (rc == -SBX_EMFILE)
      continue;
    if (rc != 1)
      break;
    if (m.kind < BROKER_FAILURE && m.slot < OBJECT_SLOTS)
      full |= !keeper_serve(&s->keeper, &m, fds);
    else
      broker_close_fds(fds);
    if (m.kind == BROKER_INTERRUPT)
      on_asked(s, m.slot, m.serial);
    else if (m.kind == BROKER_DRAIN)
      recorder_drain(&s->recorder);
    else if (m.kind == BROKER_STATE)
      state_tell(s->control, m.slot, m.serial);
    else if (m.kind == BROKER_MEMORY || m.kind == BROKER_OUTPUT || m.kind == BROKER_FILES)
      on_over(s, &m);
    /* the others are only to wake us */
  }
  if (full)
    keeper_make_room(&s->keeper);
  if (broker_told(s->control, BROKER_LEAVING) && s->end_ns == SBX_FOREVER)
    s->wait_ns = clock_now_ns() + WAIT_NS;
  if (broker_told(s->control, BROKER_PROGRESS))
    s->bars.told = true;
  if (broker_told(s->control, BROKER_DIFFERS) && s->o->turns)
    supervisor_on_signal(s, SIGTERM);
}

/* The time is up: of the run, and everybody is interrupted, so that each tells where it is; or of
 * the grace, and everybody is killed: then false. */
static bool on_deadline(struct supervisor *s) {
  if (s->end_ns == SBX_FOREVER) {
    s->timed_out = true;
    s->interrupts = 1; /* a Ctrl-C now kills at once */
    begin_end(s, SIGINT);
    return true;
  }
  s->deadline_ns = SBX_FOREVER;
  tree_kill(s->b, s->main_pidfd < 0);
  return false;
}

/* Main is at its end, which an error or os.exit has decided, and waits: for whom? */
static void tell_wait(struct supervisor *s) {
  char line[CAUGHT_MAX_BYTES + 128], places[CAUGHT_MAX_BYTES];
  s->wait_ns = SBX_FOREVER;
  int status = atomic_load(&s->control->main_status);
  if (status < 0 || !tell_children_of_main(s->control, places, sizeof places))
    return;
  snprintf(line, sizeof line, "main has ended with status %d, and waits for its children: %s",
           status, places);
  supervisor_say(s, line);
}

/* Somebody else has found it: what is seen of it here goes into the trace. */
static void note_for_trace(struct supervisor *s, const struct buf *told) {
  struct snapshot now;
  if (told->len == 0 || snapshot_take(s->control, SNAPSHOT_QUEUES, &now))
    return;
  s->watch.found(s->watch.found_ctx, &now, (const char *)told->data);
  snapshot_release(&now);
}

/*
 * When nobody can go on, those that wait in vain are interrupted, so that `<close>` runs; a Ctrl-C
 * now kills at once. When only some cannot, that is told, and the run goes on, unless its faults are wanted.
 */
static void look_for_deadlock(struct supervisor *s) {
  struct buf told = {0};
  bool ends = s->end_signal || s->timed_out;
  enum deadlock found = s->o->look ? s->o->look(s->control, &told)
                        : ends     ? DEADLOCK_NONE
                                   : deadlock_look(&s->watch, s->control, &told);
  if (ends)
    found = DEADLOCK_NONE;
  else if (found != DEADLOCK_NONE && s->o->look)
    note_for_trace(s, &told);
  if (found != DEADLOCK_NONE)
    supervisor_say(s, told.len ? (const char *)told.data : "deadlock");
  if (found == DEADLOCK_ALL || (found == DEADLOCK_SOME && s->o->faults)) {
    s->deadlocked = true;
    s->interrupts = 1;
    begin_end(s, SIGINT);
  }
  buf_release(&told);
}

bool supervisor_handle(struct supervisor *s) {
  enum { AT_ONCE = 64 /* more than can be pending */ };
  struct signalfd_siginfo info;
  backstop_hold_off();
  for (int i = 0; i < AT_ONCE && read(s->signals, &info, sizeof info) == sizeof info; i++)
    supervisor_on_signal(s, (int)info.ssi_signo);
  supervisor_on_message(s);
  keeper_look(&s->keeper);
  if (s->end_ns == SBX_FOREVER)
    failures_look(&s->failures);
  look_for_deadlock(s);
  enum run_limit limit = limits_look(&s->limits);
  if (limit == RUN_LIMIT_NONE && output_report_was_cut())
    limit = RUN_LIMIT_OUTPUT;
  if (limit != RUN_LIMIT_NONE)
    on_limit(s, limit);
  bars_look(&s->bars);
  catch_stop(s);
  int64_t now = clock_now_ns();
  if (now >= s->asked_ns)
    supervisor_pass_on(s);
  if (now >= s->wait_ns)
    tell_wait(s);
  recorder_look(&s->recorder, now);
  return now < s->deadline_ns || on_deadline(s);
}
