/*
 * os/jail/outer.c - the process that the user started, when the run has namespaces of its own: it stands
 * outside, and does nothing but hand on.
 *
 * A terminal's signals reach the inner process as well, which is in the same process group; those come
 * from the kernel, and are not handed on, or two would arrive. The others were sent to this process alone.
 * SIGTSTP and its like keep their effect: this process stops, as the tree does, and the shell sees it. The
 * inner process does not, being the first of its namespace: it goes on to supervise what is stopped.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/jail/outer.h"

static const int passed_on[] = {SIGINT,  SIGTERM,   SIGHUP,  SIGQUIT, SIGUSR1, SIGUSR2,
                                SIGALRM, SIGVTALRM, SIGPROF, SIGABRT, SIGXCPU};

static void fill(sigset_t *set) {
  sigemptyset(set);
  for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
    sigaddset(set, passed_on[i]);
  sigaddset(set, SIGCHLD);
}

void outer_block(sigset_t *ret_old) {
  sigset_t set;
  fill(&set);
  sigprocmask(SIG_BLOCK, &set, ret_old);
}

/* How it ended, if it has; else -1. */
static int status_of(pid_t inner) {
  int status;
  pid_t pid = waitpid(inner, &status, WNOHANG);
  if (pid == 0 || (pid < 0 && errno == EINTR))
    return -1;
  if (pid < 0)
    return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int outer_wait(pid_t inner) {
  sigset_t set;
  fill(&set);
  signal(SIGCHLD, SIG_DFL); /* an inherited SIG_IGN would reap, and lose the status */
  for (;;) {
    siginfo_t info;
    int status = status_of(inner);
    if (status >= 0)
      return status;
    int signal = sigwaitinfo(&set, &info);
    if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
      kill(inner, signal);
  }
}
