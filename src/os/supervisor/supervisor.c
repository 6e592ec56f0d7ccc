/* os/supervisor/supervisor.c - the supervisor's loop; see supervisor.h. */
#include "os/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "object/calls.h"
#include "os/process/lifeline.h"
#include "os/process/output.h"
#include "os/process/process.h"
#include "os/process/signals.h"
#include "os/queue/queue.h"
#include "os/shared/results.h"
#include "os/shared/state.h"
#include "os/supervisor/family.h"
#include "os/supervisor/supervisor_internal.h"

enum {
  STATUS_CHILD_FAILED = 3,
  STATUS_DEADLOCK = 4,
  STATUS_TIMEOUT = 124,
  STATUS_LIMIT = 125,
  STATUS_SIGNAL = 128,
  BESIDE_DEADLOCK_NS = 250 * 1000 * 1000,
  GRACE_CPU_NS = 300 * 1000 * 1000, /* the same, when the limit of CPU time was reached */
  GRACE_OVER_NS = 50 * 1000 * 1000, /* the same, of memory */
  GRACE_NS = 1000 * 1000 * 1000,    /* between an interrupt and SIGKILL: time for `<close>` */
  WAIT_NS = 1000 * 1000 * 1000,     /* main waits at its end for so long before that is told */
  SAME_NS = 50 * 1000 * 1000,       /* SIGINTs so near are one: timeout(1) sends two */
  ASKED_NS = 20 * 1000 * 1000       /* a signal that is for the group has reached all by then */
};

static void say(const struct supervisor *s, const char *line) {
  if (s->o && s->o->say)
    s->o->say(s->o->ctx, line);
}

/* -- events ---------------------------------------------------------------------------------- */

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
static void pass_on(struct supervisor *s) {
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
    pass_on(s);
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

static void on_signal(struct supervisor *s, int signal) {
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
  if (m->slot >= PROCESS_SLOTS || s->limit != RUN_LIMIT_NONE || !s->limits.policy)
    return;
  s->limits.blamed = true;
  s->limits.slot = m->slot;
  s->limits.serial = m->serial;
  on_limit(s, m->kind == BROKER_MEMORY   ? RUN_LIMIT_MEMORY
              : m->kind == BROKER_OUTPUT ? RUN_LIMIT_OUTPUT
                                         : RUN_LIMIT_FILES);
  s->deadline_ns = 0; /* where it is, it has told */
}

static void on_message(struct supervisor *s) {
  struct broker_message m;
  int fds[BROKER_FDS_MAX];
  int rc;
  while ((rc = broker_receive(s->broker, &m, fds)) == 1 || rc == -SBX_EMFILE) {
    if (rc == -SBX_EMFILE) {
      keeper_make_room(&s->keeper); /* its sender asks again */
      continue;
    }
    if (m.kind < BROKER_FAILURE && m.slot < OBJECT_SLOTS)
      keeper_serve(&s->keeper, &m, fds);
    else
      broker_close_fds(fds);
    if (m.kind == BROKER_LEAVING && s->end_ns == SBX_FOREVER)
      s->wait_ns = clock_now_ns() + WAIT_NS;
    else if (m.kind == BROKER_INTERRUPT)
      on_asked(s, m.slot, m.serial);
    else if (m.kind == BROKER_DRAIN)
      recorder_drain(&s->recorder);
    else if (m.kind == BROKER_PROGRESS)
      s->bars.told = true;
    else if (m.kind == BROKER_STATE)
      state_tell(s->control, m.slot, m.serial);
    else if (m.kind == BROKER_MEMORY || m.kind == BROKER_OUTPUT || m.kind == BROKER_FILES)
      on_over(s, &m);
    /* BROKER_FAILURE is only to wake us */
  }
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
  char line[LINE_MAX_BYTES + 128], places[LINE_MAX_BYTES];
  s->wait_ns = SBX_FOREVER;
  int status = atomic_load(&s->control->main_status);
  if (status < 0 || !tell_children_of_main(s->control, places, sizeof places))
    return;
  snprintf(line, sizeof line, "main has ended with status %d, and waits for its children: %s",
           status, places);
  say(s, line);
}

/*
 * When nobody can go on, those that wait in vain are interrupted, so that `<close>` runs; a Ctrl-C
 * now kills at once. When only some cannot, that is told, and the run goes on, unless its faults are wanted.
 */
static void look_for_deadlock(struct supervisor *s) {
  struct buf told = {0};
  enum deadlock found =
      s->end_signal || s->timed_out ? DEADLOCK_NONE : deadlock_look(&s->watch, s->control, &told);
  if (found != DEADLOCK_NONE)
    say(s, told.len ? (const char *)told.data : "deadlock");
  if (found == DEADLOCK_ALL || (found == DEADLOCK_SOME && s->o->faults)) {
    s->deadlocked = true;
    s->interrupts = 1;
    begin_end(s, SIGINT);
  }
  buf_release(&told);
}

/* What woke us. Returns false when the time is up: everybody was killed then. */
static bool handle(struct supervisor *s) {
  struct signalfd_siginfo info;
  while (read(s->signals, &info, sizeof info) == sizeof info)
    on_signal(s, (int)info.ssi_signo);
  on_message(s);
  keeper_look(&s->keeper);
  if (s->end_ns == SBX_FOREVER)
    failures_look(&s->failures);
  look_for_deadlock(s);
  enum run_limit limit = limits_look(&s->limits);
  if (limit != RUN_LIMIT_NONE)
    on_limit(s, limit);
  bars_look(&s->bars);
  catch_stop(s);
  int64_t now = clock_now_ns();
  if (now >= s->asked_ns)
    pass_on(s);
  if (now >= s->wait_ns)
    tell_wait(s);
  recorder_look(&s->recorder, now);
  return now < s->deadline_ns || on_deadline(s);
}

/* One sleep, and what woke it; returns what handle does. */
static bool turn(struct supervisor *s) {
  struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->broker, .events = POLLIN}};
  struct timespec left;
  ppoll(fds, 2, clock_left(supervisor_deadline(s), &left), NULL);
  return handle(s);
}

/* Reap. Returns whether main has ended. */
static bool reap(struct supervisor *s) {
  s->main_ended |= tree_reap(s->b, s->main_pid, &s->main_end);
  return s->main_ended;
}

static bool anybody_lives(const struct control *c) {
  for (uint32_t i = 0; i < control_process_end(c); i++)
    if (control_process_alive(c, i))
      return true;
  return false;
}

/* Main was ended by a signal, or interrupted: that may have been sent to the whole group, which
 * means the run, and be on its way to this process. */
static void catch_up(struct supervisor *s) {
  struct pollfd fd = {.fd = s->signals, .events = POLLIN};
  struct signalfd_siginfo info;
  bool exited = s->main_end.si_code == CLD_EXITED;
  int status = s->main_end.si_status;
  if (exited ? status != STATUS_SIGNAL + SIGINT : status == SIGKILL)
    return;
  int64_t until = clock_now_ns() + ASKED_NS;
  while (s->end_ns == SBX_FOREVER && clock_now_ns() < until) {
    struct timespec left;
    if (ppoll(&fd, 1, clock_left(until, &left), NULL) > 0 &&
        read(s->signals, &info, sizeof info) == sizeof info)
      on_signal(s, (int)info.ssi_signo);
  }
}

/* After an interrupt everybody has the same grace as main had, to run `<close>`. */
static void let_others_leave(struct supervisor *s) {
  siginfo_t unused;
  while (s->deadline_ns != SBX_FOREVER && anybody_lives(s->control) && turn(s))
    tree_reap(s->b, 0, &unused);
}

/* -- the end --------------------------------------------------------------------------------- */

/* What an error in main or os.exit decided wins over what became of others. */
static int status_of_main(struct supervisor *s, uint32_t failures) {
  const siginfo_t *end = &s->main_end;
  int decided = atomic_load(&s->control->main_status);
  char line[LINE_MAX_BYTES + 128], places[LINE_MAX_BYTES];
  tell_caught(s->control, &s->caught, places, sizeof places);
  if (s->deadlocked) /* it was told */
    return decided >= 0 ? decided : s->failures_at_end > 0 ? STATUS_CHILD_FAILED : STATUS_DEADLOCK;
  if (s->limit != RUN_LIMIT_NONE) {
    limits_tell(&s->limits, s->limit, places, line, sizeof line);
    say(s, line);
    return s->limit == RUN_LIMIT_CPU ? STATUS_TIMEOUT : STATUS_LIMIT;
  }
  if (s->timed_out) {
    snprintf(line, sizeof line, "the time limit of the run was reached: %s", places);
    say(s, line);
    return STATUS_TIMEOUT;
  }
  if (s->end_signal) {
    snprintf(line, sizeof line, "%s: %s", s->end_signal == SIGINT ? "interrupted" : "terminated",
             places);
    say(s, line);
    return STATUS_SIGNAL + s->end_signal;
  }
  if (end->si_code == CLD_EXITED) {
    if (end->si_status == 0 && failures > 0 && decided < 0)
      return STATUS_CHILD_FAILED;
    return end->si_status;
  }
  if (end->si_status != SIGPIPE) { /* `| head` is no news */
    snprintf(line, sizeof line, "main (pid %d) was killed by signal %d", (int)s->main_pid,
             end->si_status);
    say(s, line);
  }
  return STATUS_SIGNAL + end->si_status;
}

/* -- the beginning --------------------------------------------------------------------------- */

static void block_signals(struct supervisor *s) {
  sigemptyset(&s->blocked);
  /* Whatever would end this process must end the tree first. */
  const int signals[] = {SIGCHLD, SIGINT,  SIGTERM, SIGHUP,    SIGQUIT, SIGUSR1,
                         SIGUSR2, SIGALRM, SIGPROF, SIGVTALRM, SIGABRT, SIGXCPU};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaddset(&s->blocked, signals[i]);
  if (s->o->on_signal) {
    sigaddset(&s->blocked, SIGWINCH);
    sigaddset(&s->blocked, SIGTSTP);
  }
  sigprocmask(SIG_BLOCK, &s->blocked, &s->old_signals);
  if (s->o->mask)
    s->old_signals = *s->o->mask;
  s->signals = signalfd(-1, &s->blocked, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Queues and children need descriptors; the soft limit is there for programs that use select(2),
 * which we do not. */
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/* What both sides need before the fork: the results file, the lifeline, the broker's sockets. */
static int open_shared(struct supervisor *s) {
  struct os_backend *b = s->b;
  int sockets[2];
  int rc = results_create(&b->results);
  if (rc == 0)
    rc = lifeline_create(b, &s->lifeline);
  if (rc == 0 && (FAULT("supervisor.sockets")
                      ? (errno = EMFILE, -1)
                      : socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets)))
    rc = error_call("socketpair", errno);
  if (rc)
    return rc;
  fcntl(sockets[0], F_SETFL, O_NONBLOCK); /* ours; theirs blocks, so that no message is lost */
  s->broker = sockets[0];
  b->broker = sockets[1];
  return 0;
}

static struct os_backend *main_backend; /* in main */

static void unmap_at_exit(void) { queue_unmap_all(main_backend); }

/* The new process: becomes main, runs, leaves; or a script calls os.exit. */
static void main_begin(struct supervisor *s, int lifeline, struct trace_ring *ring,
                       main_process_fn *main_process, void *ctx) {
  struct os_backend *b = s->b;
  const int supervisors[] = {s->lifeline, s->broker, s->signals};
  for (size_t i = 0; i < sizeof supervisors / sizeof *supervisors; i++)
    close(supervisors[i]);
  backend_install_signals(b);
  process_begin(b, lifeline);
  if (b->trace)
    trace_begin(b, ring);
  output_share(b->control, b->slot, b->serial, false);
  main_backend = b;
  atexit(unmap_at_exit);
  sigprocmask(SIG_SETMASK, &s->old_signals, NULL);
  int status = main_process(&b->base, ctx);
  if (op_process_end(&b->base, &(struct end_request){.exit_code = status}))
    status = 1;
  _exit(status);
}

static void note_deadlock(void *ctx, const struct snapshot *snapshot, const char *told) {
  recorder_deadlock(ctx, snapshot, told);
}

int supervisor_open(const struct supervisor_options *o, struct supervisor **ret) {
  struct supervisor *s = malloc(sizeof *s);
  if (!s)
    return -SBX_ENOMEM;
  *s = (struct supervisor){.o = o,
                           .main_pidfd = -1,
                           .end_ns = SBX_FOREVER,
                           .deadline_ns = SBX_FOREVER,
                           .wait_ns = SBX_FOREVER,
                           .asked_ns = SBX_FOREVER,
                           .recorder = {.drain_at_ns = SBX_FOREVER}};
  struct control_options co = {.speed = o->speed,
                               .seed = o->seed,
                               .seeded = o->seeded,
                               .max_procs = o->max_procs,
                               .tag_output = o->tag_output,
                               .policy = o->policy,
                               .key = o->key};
  int rc = control_create(&co, &s->control);
  if (rc == 0 && !(s->b = o->backend(s->control)))
    rc = -SBX_ENOMEM;
  if (rc == 0)
    rc = recorder_begin(&s->recorder, &o->record, s->b);
  if (rc == 0 && o->shake.mode != SHAKE_NONE)
    rc = shake_install(s->b, &o->shake);
  if (rc == 0 && o->turns)
    rc = turns_install(s->b, o->turns);
  if (rc || (rc = open_shared(s))) {
    recorder_release(&s->recorder);
    if (s->b) {
      shake_release(s->b);
      turns_release(s->b);
    }
    free(s->b);
    free(s);
    return rc;
  }
  atomic_store(&s->control->supervisor_pid, getpid());
  output_supervise(s->control);
  raise_descriptor_limit();
  signal(SIGCHLD, SIG_DFL); /* an inherited SIG_IGN would reap behind our back */
  block_signals(s);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  signal(SIGPIPE, SIG_IGN); /* what it says may go to nobody; main gets the default back */
  keeper_begin(&s->keeper, s->b);
  if (o->timeout_ns > 0 && o->timeout_ns != SBX_FOREVER)
    s->deadline_ns = clock_now_ns() + o->timeout_ns;
  deadlock_begin(&s->watch, o->deadlock_after_ns, o->guided);
  failures_begin(&s->failures, s->b, s->o);
  if (policy_is_strict(o->policy))
    family_distrust(o->policy->namespaces & NAMESPACE_PID);
  limits_begin(&s->limits, s->b, o->policy);
  s->watch.found = note_deadlock;
  s->watch.found_ctx = &s->recorder;
  bars_begin(&s->bars, s->b, s->o);
  *ret = s;
  return 0;
}

int supervisor_start_main(struct supervisor *s, main_process_fn *main_process, void *ctx) {
  if (s->main_ended) {
    s->b->serial = control_main_renew(s->control);
    s->main_ended = false;
  }
  int lifeline, rc = lifeline_open(s->b, &lifeline);
  if (rc) {
    s->main_ended = true;
    return rc;
  }
  struct trace_ring *ring = s->b->trace ? trace_claim(s->b, s->b->slot, s->b->serial) : NULL;
  recorder_main(&s->recorder, ring);
  fflush(NULL);
  s->main_pid = FAULT("supervisor.fork") ? (errno = EAGAIN, -1) : fork();
  if (s->main_pid == 0)
    main_begin(s, lifeline, ring, main_process, ctx);
  int saved = errno;
  lifeline_fork_end(s->b, lifeline, s->main_pid);
  errno = saved;
  if (s->main_pid < 0) {
    saved = errno;
    trace_unclaim(s->b->trace, ring);
    s->main_ended = true;
    return error_call("fork", saved);
  }
  atomic_store(&s->control->processes[0].pid, s->main_pid);
  return 0;
}

void supervisor_fds(const struct supervisor *s, int ret[SUPERVISOR_FDS]) {
  ret[0] = s->signals;
  ret[1] = s->broker;
}

int64_t supervisor_deadline(const struct supervisor *s) {
  const int64_t running[] = {s->watch.look_at_ns,      s->limits.look_at_ns, s->keeper.look_at_ns,
                             s->failures.report_at_ns, s->asked_ns,          s->wait_ns};
  int64_t until = s->deadline_ns;
  const int64_t always[] = {s->recorder.drain_at_ns, s->bars.look_at_ns};
  for (size_t i = 0; i < sizeof always / sizeof *always; i++)
    until = always[i] < until ? always[i] : until;
  if (s->end_ns != SBX_FOREVER)
    return until;
  for (size_t i = 0; i < sizeof running / sizeof *running; i++)
    until = running[i] < until ? running[i] : until;
  return until;
}

bool supervisor_serve(struct supervisor *s) {
  if (!reap(s) && !handle(s))
    s->main_ended = true; /* it was reaped with the others */
  return reap(s);
}

pid_t supervisor_main_pid(const struct supervisor *s) { return s->main_ended ? 0 : s->main_pid; }

struct control *supervisor_control(struct supervisor *s) {
  return s->control;
}

struct backend *supervisor_backend(struct supervisor *s) {
  return &s->b->base;
}

bool supervisor_ending(const struct supervisor *s) { return s->end_signal || s->timed_out; }

void supervisor_idle(struct supervisor *s, bool idle, int64_t since_ns) {
  recorder_idle(&s->recorder, idle, since_ns);
}

uint64_t supervisor_recorded(const struct supervisor *s) { return recorder_count(&s->recorder); }

int supervisor_peek(struct supervisor *s, struct buf *log) {
  return recorder_peek(&s->recorder, log);
}

int supervisor_main_status(const struct supervisor *s) {
  return s->main_end.si_code == CLD_EXITED ? s->main_end.si_status
                                           : STATUS_SIGNAL + s->main_end.si_status;
}

static struct run_faults faults_of(const struct supervisor *s) {
  return (struct run_faults){.deadlock = s->deadlocked,
                             .timed_out = s->timed_out,
                             .held = atomic_load(&s->control->forgotten)};
}

int supervisor_close(struct supervisor *s) {
  if (s->end_ns == SBX_FOREVER)
    catch_up(s);
  if (s->end_signal)
    let_others_leave(s);
  on_message(s);
  uint32_t failures =
      control_unjoined_failures(s->control); /* before what ends with main is killed */
  failures_report_all(&s->failures, s->end_ns);
  if (!s->deadlocked && s->end_ns == SBX_FOREVER)
    tree_leave(s->control);
  tree_kill(s->b, true);
  bars_end(&s->bars);
  int status = status_of_main(s, failures);
  if (s->o->faults)
    *s->o->faults = faults_of(s);
  recorder_end(&s->recorder, status);
  recorder_release(&s->recorder);
  deadlock_end(&s->watch);
  keeper_release(&s->keeper);
  close(s->b->broker);
  close(s->broker);
  close(s->lifeline);
  shake_release(s->b);
  turns_release(s->b);
  free(s->b);
  free(s);
  return status;
}

int supervisor_run(const struct supervisor_options *o, main_process_fn *main_process, void *ctx) {
  struct supervisor *s;
  int rc = supervisor_open(o, &s);
  if (rc)
    return rc;
  if ((rc = supervisor_start_main(s, main_process, ctx)))
    return rc;
  while (!reap(s))
    if (!turn(s))
      break; /* main was reaped with the others */
  return supervisor_close(s);
}

/* -- beside a foreign host ------------------------------------------------------------------- */

/* There is no host of ours to print for it: what it says is written by hand. */
static void report_stderr(void *ctx, const char *text, size_t len) {
  (void)ctx;
  output_message(text, len);
}

static void say_stderr(void *ctx, const char *line) {
  struct buf text = {0};
  (void)ctx;
  if (buf_format(&text, "sandbox: %s\n", line) == 0)
    output_message((const char *)text.data, text.len);
  buf_release(&text);
}

/* Deadlocks are told, also when it is everybody's; nothing is ended: the host may know better. */
static void tell_deadlocks(struct supervisor *s, bool *all_told) {
  struct buf told = {0};
  int64_t now = clock_now_ns();
  if (now < s->watch.look_at_ns)
    return;
  enum deadlock found = deadlock_look(&s->watch, s->control, &told);
  if (told.len && !(found == DEADLOCK_ALL && *all_told))
    say(s, (const char *)told.data);
  *all_told = found == DEADLOCK_ALL;
  if (found == DEADLOCK_ALL)
    s->watch.look_at_ns = now + NS_PER_SECOND;
  buf_release(&told);
}

static const struct supervisor_options options_beside = {.say = say_stderr,
                                                         .report = report_stderr};

void supervisor_report_failures(struct os_backend *b) {
  static struct failures_watch watch; /* large */
  failures_begin(&watch, b, &options_beside);
  failures_report_all(&watch, SBX_FOREVER);
}

void supervisor_beside(struct os_backend *b, int broker, pid_t host, int host_pidfd) {
  struct supervisor s = {.o = &options_beside,
                         .control = b->control,
                         .b = b,
                         .broker = broker,
                         .main_pid = host,
                         .main_pidfd = host_pidfd,
                         .end_ns = SBX_FOREVER,
                         .deadline_ns = SBX_FOREVER,
                         .wait_ns = SBX_FOREVER,
                         .asked_ns = SBX_FOREVER,
                         .limits = {.look_at_ns = SBX_FOREVER}};
  bool all_told = false;
  struct pollfd fds[] = {{.fd = host_pidfd, .events = POLLIN}, {.fd = broker, .events = POLLIN}};
  struct timespec left;
  atomic_store(&b->control->supervisor_pid, getpid());
  output_supervise(b->control);
  signal(SIGINT, SIG_IGN); /* the terminal's Ctrl-C is the host's to handle */
  signal(SIGPIPE, SIG_IGN);
  keeper_begin(&s.keeper, b);
  deadlock_begin(&s.watch, BESIDE_DEADLOCK_NS, false);
  failures_begin(&s.failures, b, &options_beside);
  bars_begin(&s.bars, b, &options_beside);
  while (!(fds[0].revents & POLLIN)) {
    const int64_t looks[] = {s.failures.report_at_ns, s.keeper.look_at_ns, s.watch.look_at_ns,
                             s.asked_ns, s.bars.look_at_ns};
    int64_t until = SBX_FOREVER;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
      until = looks[i] < until ? looks[i] : until;
    if (ppoll(fds, 2, clock_left(until, &left), NULL) < 0 && errno != EINTR)
      break;
    on_message(&s);
    keeper_look(&s.keeper);
    tell_deadlocks(&s, &all_told);
    if (clock_now_ns() >= s.asked_ns)
      pass_on(&s);
    failures_look(&s.failures);
    bars_look(&s.bars);
    if (fds[1].revents & POLLHUP)
      fds[1].fd = -1;
  }
  failures_report_all(&s.failures, SBX_FOREVER);
  tree_kill(b, false);
  bars_end(&s.bars);
  _exit(0);
}
