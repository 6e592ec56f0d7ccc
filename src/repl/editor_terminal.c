/*
 * repl/editor_terminal.c - the terminal's modes, and who restores them; see editor_internal.h.
 *
 * libedit switches between two modes, one to edit and one between two lines. Both are made such
 * that nothing is echoed, no line is assembled by the kernel and Ctrl-C is a byte: there is no
 * moment in which typing would show up by itself, or be a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "os/pidfd.h"
#include "repl/editor_internal.h"

enum { WAIT_PIDFD = 3 /* P_PIDFD of waitid(2), which older C libraries do not name */ };

/* -- modes ------------------------------------------------------------------------------------- */

void terminal_open(struct editor *e) {
  static const char *const modes[] = {"-d", "-x"}; /* of editing; of what runs in between */
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    el_set(e->el, EL_SETTY, modes[i], "-echo", "-icanon", "-iexten", "-ixon", "-icrnl", "-inlcr",
           "-igncr", "+isig", "intr=", "susp=", NULL);
}

static void set_modes(const struct editor *e, const struct termios *modes) {
  while (tcsetattr(e->o.in, TCSADRAIN, modes) && errno == EINTR)
    continue;
}

/* Pasted text comes between marks, so that its newlines are no Enter. */
static void bracketed_paste(struct editor *e, bool on) {
  screen_put(e, on ? "\033[?2004h" : "\033[?2004l", 8);
  screen_flush(e);
}

void terminal_leave(struct editor *e) {
  if (!e->el)
    return;
  bracketed_paste(e, false);
  tcgetattr(e->o.in, &e->during);
  set_modes(e, &e->before);
}

void terminal_enter(struct editor *e) {
  if (!e->el)
    return;
  tcgetattr(e->o.in, &e->before); /* `!stty ...` is meant to last */
  set_modes(e, &e->during);
  bracketed_paste(e, true);
}

/*
 * As the terminal's driver does it: a signal to the group, which stops whoever does not mind. Not
 * SIGSTOP, which stops also where nobody would continue it: the kernel drops a SIGTSTP to an
 * orphaned process group, setpgid(2).
 */
void terminal_stop_job(void) {
  struct sigaction stop = {.sa_handler = SIG_DFL}, old;
  sigset_t set, old_set;
  sigaction(SIGTSTP, &stop, &old);
  sigemptyset(&set);
  sigaddset(&set, SIGTSTP);
  kill(0, SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &set, &old_set); /* here we stand still */
  sigprocmask(SIG_SETMASK, &old_set, NULL);
  sigaction(SIGTSTP, &old, NULL);
}

/* -- the guard --------------------------------------------------------------------------------- */

/* Somebody else may have the terminal by now, a shell with a line editor of its own: only modes
 * that are the editor's are replaced. */
static bool modes_are_ours(void) {
  struct termios now;
  return tcgetattr(0, &now) == 0 && !(now.c_lflag & (ICANON | ECHO)) &&
         now.c_cc[VINTR] == _POSIX_VDISABLE && now.c_cc[VSUSP] == _POSIX_VDISABLE;
}

/*
 * In the guard: descriptor 0 is the terminal, 1 stands for the process to be watched, 2 is the
 * socket to it. A word through the socket says that all is well; the end of the process, that it is
 * not. (The socket's other end is no sign of life: children inherit it.)
 */
static void guard(const struct editor *e, pid_t watched) {
  struct pollfd events[] = {{.fd = 1, .events = POLLIN}, {.fd = 2, .events = POLLIN}};
  static const char paste_off[] = "\033[?2004l";
  bool alive = getppid() == watched; /* the descriptor was opened before, so it is of that one */
  while (alive && poll(events, 2, -1) < 0 && errno == EINTR)
    continue;
  char word; /* at the end of the file nothing was said */
  if ((alive && recv(2, &word, 1, MSG_DONTWAIT) == 1) || !modes_are_ours())
    _exit(0);
  tcsetattr(0, TCSANOW, &e->before);
  (void)!write(0, paste_off, sizeof paste_off - 1);
  _exit(0);
}

/* In the guard: nothing is left that could disturb it, or others. */
static void guard_begin(const struct editor *e, int socket, pid_t watched) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL); /* with SIGTTOU blocked the background may tcsetattr(3) */
  prctl(PR_SET_NAME, "terminal-guard");
  int process = pidfd_open_of(watched);
  int high[] = {fcntl(e->o.in, F_DUPFD, 10), fcntl(process, F_DUPFD, 10),
                fcntl(socket, F_DUPFD, 10)};
  for (int i = 0; i < 3; i++)
    if (high[i] < 0 || dup2(high[i], i) < 0)
      _exit(0);
  close_range(3, ~0u, 0); /* nobody shall wait for a pipe that this one holds */
  (void)!chdir("/");
  guard(e, watched);
}

int guard_start(struct editor *e) {
  int ends[2];
  pid_t self = getpid();
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
    return -SBX_EMFILE;
  pid_t pid = fork();
  if (pid == 0)
    guard_begin(e, ends[1], self);
  close(ends[1]);
  e->guard = ends[0];
  if (pid < 0)
    return -SBX_EAGAIN;
  e->guard_pidfd = pidfd_open_of(pid);
  return 0;
}

void guard_stop(struct editor *e) {
  siginfo_t info;
  char word = 0;
  if (e->guard < 0)
    return;
  send(e->guard, &word, 1, MSG_NOSIGNAL);
  if (e->guard_pidfd >= 0) { /* it may be gone, and its pid somebody else's */
    struct pollfd ended = {.fd = e->guard_pidfd, .events = POLLIN};
    poll(&ended, 1, 1000);
    waitid((idtype_t)WAIT_PIDFD, (id_t)e->guard_pidfd, &info, WEXITED | WNOHANG);
    close(e->guard_pidfd);
  }
  close(e->guard);
  e->guard = e->guard_pidfd = -1;
}
