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

/* -- pictures that follow -------------------------------------------------------------------- */

/* What is drawn again and again. */
struct follow {
  int (*draw)(struct repl *r, struct follow *f, int rows,
              struct buf *out); /* appends; 0 or a code */
  int64_t period_ns;
  struct snapshot last; /* of top: the one before */
  const char *seconds;  /* of timeline */
};

static void show(struct repl *r, struct follow *f, const char *before) {
  struct buf picture = {0}, text = {0};
  struct winsize size;
  int rows = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || r->dumb ? 0 : size.ws_row - 1;
  buf_append(&text, before, strlen(before));
  if (f->draw(r, f, rows, &picture) == 0 && repl_showable(r, picture.data, picture.len, &text) == 0)
    fd_write_all(STDOUT_FILENO, text.data, text.len);
  buf_release(&picture);
  buf_release(&text);
}

/* One character at a time, unseen; signals still come. */
static bool raw(struct termios *old) {
  if (tcgetattr(STDIN_FILENO, old))
    return false;
  struct termios now = *old;
  now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  return tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

/* Nobody has hit a key, or wants to leave. */
static bool goes_on(const struct repl *r, struct pollfd *key) {
  return poll(key, 1, 0) == 0 && !r->foreground_interrupted && r->state != REPL_LEAVING;
}

enum { COST = 3 }; /* a picture may take the time 1 / (1 + COST) */

static void show_until_key(struct repl *r, struct follow *f) {
  static const char home[] = "\033[H\033[J";
  struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
  char unused[64];
  while (goes_on(r, &key)) {
    int64_t before = clock_now_ns();
    show(r, f, home);
    int64_t until = before + f->period_ns, rest = clock_now_ns() + COST * (clock_now_ns() - before);
    until = until > rest ? until : rest;
    while (clock_now_ns() < until && goes_on(r, &key))
      repl_turn(r, STDIN_FILENO, until);
  }
  if (key.revents)
    (void)!read(STDIN_FILENO, unused, sizeof unused);
}

static void follow(struct repl *r, struct follow *f) {
  static const char enter[] = "\033[?1049h\033[?25l", leave[] = "\033[?25h\033[?1049l";
  struct termios old;
  if (r->dumb) {
    show(r, f, "");
    return;
  }
  editor_pause(r->editor);
  if (raw(&old)) {
    r->foreground_interrupted = false;
    fd_write_all(STDOUT_FILENO, enter, sizeof enter - 1);
    show_until_key(r, f);
    fd_write_all(STDOUT_FILENO, leave, sizeof leave - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
  }
  editor_resume(r->editor);
}

/* -- top ------------------------------------------------------------------------------------- */

static int draw_top(struct repl *r, struct follow *f, int rows, struct buf *out) {
  struct show how = repl_show(r);
  struct snapshot now = {0};
  int rc = r->b->run->look(r->b, SNAPSHOT_USAGE, &now);
  if (rc)
    return rc;
  rc = show_top(&now, f->last.started_ns ? &f->last : NULL, &how, rows, out);
  snapshot_release(&f->last);
  f->last = now;
  return rc;
}

void foreground_top(struct repl *r) {
  struct follow f = {.draw = draw_top, .period_ns = NS_PER_SECOND};
  follow(r, &f);
  snapshot_release(&f.last);
}

/* -- the timeline ---------------------------------------------------------------------------- */

/* What is wrong is shown where the chart would be: it may be right at the next time. */
static int draw_timeline(struct repl *r, struct follow *f, int rows, struct buf *out) {
  if (trace_picture(r, f->seconds, rows, out))
    buf_append_byte(out, '\n');
  return r->dumb ? 0
                 : buf_format(out, "%sany key ends this%s", r->o->color ? style_dim : "",
                              r->o->color ? style_plain : "");
}

const char *foreground_timeline(struct repl *r, const char *seconds, double period) {
  struct follow f = {
      .draw = draw_timeline, .period_ns = (int64_t)(period * NS_PER_SECOND), .seconds = seconds};
  if (!(period >= PERIOD_LEAST && period <= PERIOD_MOST))
    return "the seconds must be from 0.05 to 86400";
  follow(r, &f);
  return NULL;
}
