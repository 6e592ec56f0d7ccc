/* os/process/signals.c - the handlers of a process of the run: reaping, interrupts, limits. */
#include <errno.h>
#include <signal.h>

#include "base/child_code.h"
#include "os/process/delayed.h"
#include "os/process/process.h"
#include "os/process/signals.h"
#include "os/shared/broker.h"
#include "os/shared/wait.h"

struct os_backend *the_backend;

static struct sigaction previous_chld, previous_wake; /* of a foreign host */

static void call_previous(const struct sigaction *previous, int signal, siginfo_t *info,
                          void *context) {
  if (previous->sa_flags & SA_SIGINFO)
    previous->sa_sigaction(signal, info, context);
  else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN)
    previous->sa_handler(signal);
}

static void on_child(int signal, siginfo_t *info, void *context) {
  int saved = errno;
  if (the_backend)
    process_reap_all(the_backend);
  call_previous(&previous_chld, signal, info, context);
  errno = saved;
}

/* Is this a process of the run? */
static bool of_the_run(const struct control *c, pid_t pid) {
  for (uint32_t i = 0; i < control_process_end(c); i++)
    if (control_process_alive(c, i) && atomic_load(&c->processes[i].pid) == pid)
      return true;
  return false;
}

/*
 * Whom an interrupt is for: enum interrupt. The terminal means the run, and so does the supervisor
 * when it ends it; otherwise the supervisor, or a process of the run, means this process.
 *
 * Anybody else may mean either: timeout(1) and CI systems send a signal to the whole group, a
 * person to one process. What is for all must be told in one line and end all, so the supervisor is
 * asked: 0, it will send the interrupt that it is.
 */
static unsigned whom(struct os_backend *b, const siginfo_t *info) {
  const struct control *c = b->control;
  bool sent = info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE;
  if (!sent || c->ending) /* whoever sent it: that of the supervisor may have been pending, too */
    return INTERRUPT_RUN;
  if (info->si_pid == c->supervisor_pid || of_the_run(c, info->si_pid))
    return INTERRUPT_ONE;
  return broker_notify(b, BROKER_INTERRUPT, b->slot, b->serial) ? 0 : INTERRUPT_ONE;
}

static void on_interrupt(int signal, siginfo_t *info, void *context) {
  int saved = errno;
  (void)signal;
  (void)context;
  struct os_backend *b = the_backend;
  unsigned interrupt = b && !b->leaving ? whom(b, info) : 0;
  if (interrupt) {
    if (interrupt == INTERRUPT_RUN) /* it may be gone when the supervisor learns of it */
      atomic_fetch_or(&my_record(b)->flags, FLAG_RUN_ENDS);
    b->interrupted |= (int)interrupt;
    if (b->base.interrupted)
      b->base.interrupted(b->base.signal_ctx);
  }
  errno = saved;
}

/* This process is to look again, or to answer. It does so in wait_fds, if it is going
 * to sleep. */
static void on_wake(int signal, siginfo_t *info, void *context) {
  int saved = errno;
  struct os_backend *b = the_backend;
  if (b) {
    b->woken = 1;
    bool late = info->si_code == SI_TIMER && delayed_timer_ended();
    if (b->base.asked && (late || atomic_load(&my_record(b)->question)))
      b->base.asked(b->base.signal_ctx);
  }
  call_previous(&previous_wake, signal, info, context);
  errno = saved;
}

/* A handler and not SIG_IGN, since programs that are executed inherit the latter. */
static void on_file_size(int signal) { (void)signal; }

/* RLIMIT_FSIZE counts for memfds: the write must fail, and not the process (setrlimit(2)). */
static void survive_file_size_limit(void) {
  struct sigaction now, handler = {.sa_handler = on_file_size, .sa_flags = SA_RESTART};
  sigemptyset(&handler.sa_mask);
  if (sigaction(SIGXFSZ, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
    sigaction(SIGXFSZ, &handler, NULL);
}

/* No SA_RESTART: a read of the terminal ends. */
static void install_interrupt(void) {
  struct sigaction intr = {.sa_sigaction = on_interrupt, .sa_flags = SA_SIGINFO};
  sigemptyset(&intr.sa_mask);
  sigaction(SIGINT, &intr, NULL);
}

static const int of_scripts[] = {SIGINT, WAKE_SIGNAL};
enum { OF_SCRIPTS = sizeof of_scripts / sizeof *of_scripts };

CHILD_CODE
unsigned signals_block(void) {
  sigset_t set, old;
  unsigned blocked = 0;
  sigemptyset(&set);
  for (int i = 0; i < OF_SCRIPTS; i++)
    sigaddset(&set, of_scripts[i]);
  sigprocmask(SIG_BLOCK, &set, &old);
  for (int i = 0; i < OF_SCRIPTS; i++)
    if (!sigismember(&old, of_scripts[i]))
      blocked |= 1U << i;
  return blocked;
}

CHILD_CODE
void signals_unblock(unsigned blocked) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < OF_SCRIPTS; i++)
    if (blocked & 1U << i)
      sigaddset(&set, of_scripts[i]);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
}

CHILD_CODE
void signals_enter_child(struct os_backend *b) {
  if (b->foreign)
    install_interrupt();
}

void backend_install_signals(struct os_backend *b) {
  struct sigaction chld = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&chld.sa_mask);
  the_backend = b;
  survive_file_size_limit();
  sigaction(SIGCHLD, &chld, &previous_chld);
  struct sigaction wake = {.sa_sigaction = on_wake, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&wake.sa_mask);
  sigaction(WAKE_SIGNAL, &wake, &previous_wake);
  if (b->foreign)
    return; /* Ctrl-C and SIGPIPE are the host's */
  previous_chld = previous_wake = (struct sigaction){.sa_handler = SIG_DFL};
  install_interrupt();
  /*
   * `sandbox x.lua | head` must end quietly, as any filter does. The pipes of queues cannot raise
   * SIGPIPE: a writer holds the read end, too.
   */
  signal(SIGPIPE, SIG_DFL);
}
