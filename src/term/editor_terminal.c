/*
 * term/editor_terminal.c - the terminal's modes, and the guard that restores them; see
 * editor_internal.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/pidfd.h"
#include "term/editor_internal.h"

enum { WAIT_PIDFD = 3 /* P_PIDFD of waitid(2), which older C libraries do not define */ };

/* -- modes ------------------------------------------------------------------------------------- */

static void set_modes(const struct editor *e, const struct termios *modes) {
  while (tcsetattr(e->o.in, TCSADRAIN, modes) && errno == EINTR)
    continue;
}

/* Keys one by one and without echo; but output is still processed, and Ctrl-\ is a signal. */
static struct termios editing_modes(const struct termios *before) {
  struct termios modes = *before;
  modes.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | ISTRIP | IXON);
  modes.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
  modes.c_lflag |= ISIG;
  modes.c_oflag |= OPOST | ONLCR;
  modes.c_cc[VMIN] = 1;
  modes.c_cc[VTIME] = 0;
  modes.c_cc[VINTR] = modes.c_cc[VSUSP] = _POSIX_VDISABLE;
  return modes;
}

/* Mark pasted text at both ends, so that its newlines are not taken for Enter. */
static void bracketed_paste(struct editor *e, bool on) {
  screen_put(e, on ? "\033[?2004h" : "\033[?2004l", 8);
  screen_flush(e);
}

void terminal_leave(struct editor *e) {
  if (!e->edits)
    return;
  bracketed_paste(e, false);
  set_modes(e, &e->before);
}

void terminal_enter(struct editor *e) {
  struct termios modes;
  if (!e->edits)
    return;
  tcgetattr(e->o.in, &e->before); /* the effect of `!stty ...` is meant to last */
  modes = editing_modes(&e->before);
  set_modes(e, &modes);
  bracketed_paste(e, true);
}

/*
 * As the terminal's driver does it: send SIGTSTP to the group, which stops every process with the
 * default action. Not SIGSTOP: it would also stop an orphaned process group, which nobody would
 * continue; the kernel drops a SIGTSTP there, setpgid(2).
 */
void terminal_stop_job(void) {
  struct sigaction stop = {.sa_handler = SIG_DFL}, old;
  sigset_t set, old_set;
  sigaction(SIGTSTP, &stop, &old);
  sigemptyset(&set);
  sigaddset(&set, SIGTSTP);
  kill(0, SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &set, &old_set); /* the process stops here */
  sigprocmask(SIG_SETMASK, &old_set, NULL);
  sigaction(SIGTSTP, &old, NULL);
}

/* -- the guard --------------------------------------------------------------------------------- */

/* Another program may have the terminal by now, such as a shell with a line editor of its own: only
 * modes that are ours are replaced. */
static bool modes_are_ours(void) {
  struct termios now;
  return tcgetattr(0, &now) == 0 && !(now.c_lflag & (ICANON | ECHO)) &&
         now.c_cc[VINTR] == _POSIX_VDISABLE && now.c_cc[VSUSP] == _POSIX_VDISABLE;
}

/*
 * In the guard: descriptor 0 is the terminal, 1 is a pidfd of the watched process, 2 is the socket
 * to it. A byte through the socket says that all is well; the end of the process without one, that
 * it is not. (The end of the socket is no sign, since children inherit its other end.)
 */
static void guard(const struct editor *e) {
  struct pollfd events[] = {{.fd = 1, .events = POLLIN}, {.fd = 2, .events = POLLIN}};
  static const char paste_off[] = "\033[?2004l";
  while (poll(events, 2, -1) < 0 && errno == EINTR)
    continue;
  char word; /* at end of file nothing was received */
  if (recv(2, &word, 1, MSG_DONTWAIT) == 1 || !modes_are_ours())
    _exit(0);
  tcsetattr(0, TCSANOW, &e->before);
  (void)!write(0, paste_off, sizeof paste_off - 1);
  _exit(0);
}

/* In the guard: get rid of everything that could disturb it or other processes. */
static void guard_begin(const struct editor *e, int watched, int socket) {
  prctl(PR_SET_NAME, "terminal-guard");
  int high[] = {fcntl(e->o.in, F_DUPFD, 10), fcntl(watched, F_DUPFD, 10),
                fcntl(socket, F_DUPFD, 10)};
  for (int i = 0; i < 3; i++)
    if (high[i] < 0 || dup2(high[i], i) < 0)
      _exit(0);
  close_range(3, ~0u, 0); /* no process shall wait for a pipe that the guard holds */
  (void)!chdir("/");
  guard(e);
}

/*
 * The guard is forked with all signals blocked, so that none ends it, and with a pidfd of the
 * watched process, which may be gone before the guard runs. With SIGTTOU blocked it may call
 * tcsetattr(3) from the background.
 */
int guard_start(struct editor *e) {
  int ends[2], watched = pidfd_open_of(getpid());
  sigset_t all, old;
  if (watched < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
    if (watched >= 0)
      close(watched);
    return -SBX_EMFILE;
  }
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old);
  pid_t pid = fork();
  if (pid == 0)
    guard_begin(e, watched, ends[1]);
  sigprocmask(SIG_SETMASK, &old, NULL);
  close(ends[1]);
  close(watched);
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
  if (e->guard_pidfd >= 0) { /* it may be gone and its pid reused */
    struct pollfd ended = {.fd = e->guard_pidfd, .events = POLLIN};
    poll(&ended, 1, 1000);
    waitid((idtype_t)WAIT_PIDFD, (id_t)e->guard_pidfd, &info, WEXITED | WNOHANG);
    close(e->guard_pidfd);
  }
  close(e->guard);
  e->guard = e->guard_pidfd = -1;
}
