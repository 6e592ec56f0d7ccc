/* repl/repl_foreground.c - what has the terminal for itself for a while; see repl_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "repl/repl_internal.h"

/* -- a shell command --------------------------------------------------------------------------- */

/*
 * A process between us and the shell, which waits for it and writes down how it ended: our own
 * children are reaped by the supervisor, whoever comes first.
 */
static void run_and_tell(const char *command, int answer) {
  const int terminal_signals[] = {SIGINT, SIGQUIT, SIGTSTP};
  sigset_t none;
  int status = 127 << 8;
  for (size_t i = 0; i < sizeof terminal_signals / sizeof *terminal_signals; i++)
    signal(terminal_signals[i], SIG_IGN);
  sigemptyset(&none);
  pid_t pid = fork();
  if (pid == 0) {
    for (size_t i = 0; i < sizeof terminal_signals / sizeof *terminal_signals; i++)
      signal(terminal_signals[i], SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  while (write(answer, &status, sizeof status) < 0 && errno == EINTR)
    continue;
  _exit(0);
}

int foreground_run(struct repl *r, const char *command) {
  int answer[2], status = -1;
  if (pipe2(answer, O_CLOEXEC))
    return status;
  editor_pause(r->editor);
  pid_t pid = fork();
  if (pid == 0)
    run_and_tell(command, answer[1]);
  close(answer[1]);
  struct pollfd done = {.fd = answer[0], .events = POLLIN};
  while (pid > 0 && poll(&done, 1, 0) == 0 && r->state != REPL_LEAVING)
    repl_turn(r, answer[0], SBX_FOREVER);
  if (read(answer[0], &status, sizeof status) != sizeof status)
    status = -1;
  close(answer[0]);
  editor_resume(r->editor);
  return status;
}
