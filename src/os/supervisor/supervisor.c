/* os/supervisor/supervisor.c - the beginning of a run, its loop, and its end; see supervisor.h. */
#include "os/supervisor/supervisor.h"
#include "os/supervisor/backstop.h"

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
#include "os/process/spawn.h"
#include "os/queue/queue.h"
#include "os/shared/results.h"
#include "os/supervisor/family.h"
#include "os/supervisor/supervisor_internal.h"

enum {
  STATUS_FAILED = 1,
  STATUS_CHILD_FAILED = 3,
  STATUS_DEADLOCK = 4,
  STATUS_TIMEOUT = 124,
  STATUS_LIMIT = 125,
  STATUS_SIGNAL = 128
};

/* -- the loop -------------------------------------------------------------------------------- */

/* One sleep, and what woke it; returns what supervisor_handle does. */
static bool turn(struct supervisor *s) {
  struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->broker, .events = POLLIN}};
  struct timespec left;
  ppoll(fds, 2, clock_left(supervisor_deadline(s), &left), NULL);
  return supervisor_handle(s);
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
      supervisor_on_signal(s, (int)info.ssi_signo);
  }
}

/* After an interrupt everybody has the same grace as main had, to run `<close>`. */
static void let_others_leave(struct supervisor *s) {
  siginfo_t unused;
  while (s->deadline_ns != SBX_FOREVER && anybody_lives(s->control) && turn(s))
    tree_reap(s->b, 0, &unused);
}

/* -- the end --------------------------------------------------------------------------------- */

/* What main says of itself. That a limit was hit, only the supervisor says: a strict script cannot (os.exit refuses), and
 * code that has broken out of it is not believed. */
static int told_status(const struct supervisor *s, int status) {
  bool limit = status == STATUS_TIMEOUT || status == STATUS_LIMIT;
  return limit && policy_is_strict(s->o->policy) ? STATUS_FAILED : status;
}

/* What an error in main or os.exit decided wins over what became of others. */
static int status_of_main(struct supervisor *s, uint32_t failures) {
  const siginfo_t *end = &s->main_end;
  int decided = atomic_load(&s->control->main_status);
  char line[CAUGHT_MAX_BYTES + 128], places[CAUGHT_MAX_BYTES];
  tell_caught(s->control, &s->caught, places, sizeof places);
  if (s->deadlocked) /* it was told */
    return decided >= 0 && decided <= UINT8_MAX ? told_status(s, decided)
           : s->failures_at_end > 0             ? STATUS_CHILD_FAILED
                                                : STATUS_DEADLOCK;
  if (s->limit != RUN_LIMIT_NONE) {
    limits_tell(&s->limits, s->limit, places, line, sizeof line);
    supervisor_say(s, line);
    return s->limit == RUN_LIMIT_CPU ? STATUS_TIMEOUT : STATUS_LIMIT;
  }
  if (s->timed_out) {
    snprintf(line, sizeof line, "the time limit of the run was reached: %s", places);
    supervisor_say(s, line);
    return STATUS_TIMEOUT;
  }
  if (s->end_signal) {
    snprintf(line, sizeof line, "%s: %s", s->end_signal == SIGINT ? "interrupted" : "terminated",
             places);
    supervisor_say(s, line);
    return STATUS_SIGNAL + s->end_signal;
  }
  if (end->si_code == CLD_EXITED) {
    if (end->si_status == 0 && failures > 0 && decided < 0)
      return STATUS_CHILD_FAILED;
    return told_status(s, end->si_status);
  }
  if (end->si_status != SIGPIPE) { /* `| head` is no news */
    snprintf(line, sizeof line, "main (pid %d) was killed by signal %d", (int)s->main_pid,
             end->si_status);
    supervisor_say(s, line);
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
  char told[24];
  if (getrlimit(RLIMIT_NOFILE, &limit))
    return;
  rlim_t was = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (was < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit))
    limit.rlim_cur = was;
  snprintf(told, sizeof told, "%llu", (unsigned long long)limit.rlim_cur);
  error_set_limit(SBX_EMFILE, told);
}

/* What both sides need before the fork: the results file, the lifeline, the broker's sockets. */
static int open_shared(struct supervisor *s) {
  struct os_backend *b = s->b;
  int sockets[2];
  int rc = b->results < 0 ? results_create(&b->results) : 0; /* the backend may have needed it */
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
  output_meanwhile(NULL, NULL);
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
    backend_free(s->b);
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
  deadlock_begin(&s->watch, o->look ? 0 : o->deadlock_after_ns, o->guided);
  failures_begin(&s->failures, s->b, s->o);
  if (policy_is_strict(o->policy))
    family_distrust(o->policy->namespaces & NAMESPACE_PID);
  if (policy_is_strict(o->policy) && s->deadline_ns != SBX_FOREVER)
    backstop_begin(o->timeout_ns, STATUS_TIMEOUT);
  limits_begin(&s->limits, s->b, o->policy);
  output_meanwhile(supervisor_meanwhile, s);
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
  if (s->o->begun)
    s->o->begun();
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
  if (!reap(s) && !supervisor_handle(s))
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
  supervisor_on_message(s);
  uint32_t failures =
      control_unjoined_failures(s->control); /* before what ends with main is killed */
  failures_report_all(&s->failures, s->end_ns, s->end_signal);
  if (!s->deadlocked && s->end_ns == SBX_FOREVER)
    tree_leave(s->control);
  tree_kill(s->b, true);
  if (!s->timed_out)
    backstop_end();
  bars_end(&s->bars);
  output_meanwhile(NULL, NULL);
  output_last_words();
  int status = status_of_main(s, failures);
  backstop_end();
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
  backend_free(s->b);
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
