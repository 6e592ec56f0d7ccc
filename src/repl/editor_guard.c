/* repl/editor_guard.c - the terminal outlives whoever edits on it; see editor_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "repl/editor_internal.h"

/* Wait until nobody holds the pipe's other end; then the settings are put back, whatever the reason
 * was. */
static void guard(const struct termios *before, int pipe) {
  const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTOU, SIGTTIN, SIGPIPE};
  sigset_t none;
  char unused;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    signal(signals[i], SIG_IGN); /* tcsetattr(3) from the background would stop it, else */
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  dup2(pipe, STDOUT_FILENO + 1);
  close_range(STDOUT_FILENO + 2, ~0u, 0); /* nobody shall wait for a pipe that this one holds */
  while (read(STDOUT_FILENO + 1, &unused, 1) < 0 && errno == EINTR)
    continue;
  tcsetattr(STDIN_FILENO, TCSANOW, before);
  _exit(0);
}

int guard_start(struct editor *e) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC))
    return -SBX_EMFILE;
  e->guard_pid = fork();
  if (e->guard_pid == 0) {
    close(fds[1]);
    guard(&e->before, fds[0]);
  }
  close(fds[0]);
  e->guard = fds[1];
  return e->guard_pid < 0 ? -SBX_EAGAIN : 0;
}

void guard_stop(struct editor *e) {
  if (e->guard_pid <= 0)
    return;
  kill(e->guard_pid, SIGKILL); /* or it waits for children that hold the pipe, too */
  waitpid(e->guard_pid, NULL, 0);
  close(e->guard);
  e->guard_pid = 0;
}
