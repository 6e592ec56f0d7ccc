/* prompt/repl_foreground.c - what has the terminal for itself for a while; see repl_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "prompt/repl_internal.h"
#include "prompt/show.h"

/* -- a shell command --------------------------------------------------------------------------- */

/*
 * A process between us and the shell, which waits for it and writes down how it ended: our own
 * children are reaped by the loop that serves the run.
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

/* -- top --------------------------------------------------------------------------------------- */

enum { FRAME_NS = NS_PER_SECOND };

/* Draw one picture, and keep its snapshot as the one before the next. */
static void draw(struct repl *r, const char *before, struct snapshot *last) {
  struct buf text = {0};
  struct show how = repl_show(r);
  struct snapshot now = {0};
  struct winsize size;
  int rows = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || r->dumb ? 0 : size.ws_row - 1;
  buf_append(&text, before, strlen(before));
  if (r->b->run->look(r->b, SNAPSHOT_USAGE, &now) == 0 &&
      show_top(&now, last->started_ns ? last : NULL, &how, rows, &text) == 0)
    fd_write_all(STDOUT_FILENO, text.data, text.len);
  buf_release(&text);
  snapshot_release(last);
  *last = now;
}

/* One character at a time, unseen; signals still come. */
static bool raw(struct termios *old) {
  if (tcgetattr(STDIN_FILENO, old))
    return false;
  struct termios now = *old;
  now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  return tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

void foreground_top(struct repl *r) {
  static const char enter[] = "\033[?1049h", home[] = "\033[H\033[J", leave[] = "\033[?1049l";
  struct termios old;
  struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
  struct snapshot last = {0};
  char unused[64];
  if (r->dumb) {
    draw(r, "", &last);
    snapshot_release(&last);
    return;
  }
  editor_pause(r->editor);
  if (raw(&old)) {
    r->foreground_interrupted = false;
    fd_write_all(STDOUT_FILENO, enter, sizeof enter - 1);
    while (poll(&key, 1, 0) == 0 && !r->foreground_interrupted && r->state != REPL_LEAVING) {
      draw(r, home, &last);
      int64_t until = clock_now_ns() + FRAME_NS;
      while (clock_now_ns() < until && poll(&key, 1, 0) == 0 && !r->foreground_interrupted &&
             r->state != REPL_LEAVING)
        repl_turn(r, STDIN_FILENO, until);
    }
    if (key.revents)
      (void)!read(STDIN_FILENO, unused, sizeof unused);
    fd_write_all(STDOUT_FILENO, leave, sizeof leave - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
  }
  snapshot_release(&last);
  editor_resume(r->editor);
}
