/*
 * term/editor_terminal.c - the terminal's modes, and the guard that restores them; see
 * editor_internal.h.
 *
 * libedit never touches the terminal: it uses a pseudo-terminal of its own, on which nothing is
 * written. So it cannot switch echo back on between two lines, discard typed keys at the end, or
 * draw. And its terminal always has more rows than the line needs: libedit (3.1) loses track of a
 * line that is higher than its screen, and corrupts memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wctype.h>

#include "base/error.h"
#include "base/pidfd.h"
#include "term/editor_internal.h"

enum { WAIT_PIDFD = 3 /* P_PIDFD of waitid(2), which older C libraries do not define */ };

/* -- libedit's terminal ------------------------------------------------------------------------ */

enum { OWN_COLUMNS = 250, OWN_ROWS = 64, OWN_ROWS_SPARE = 8, OWN_ROWS_MOST = 65535 };

static void set_own_rows(struct editor *e, size_t rows) {
  struct winsize size = {.ws_col = OWN_COLUMNS,
                         .ws_row = (unsigned short)(rows < OWN_ROWS_MOST ? rows : OWN_ROWS_MOST)};
  e->own_rows = rows;
  ioctl(e->own_slave, TIOCSWINSZ, &size);
}

int terminal_own_open(struct editor *e) {
  e->own_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (e->own_master < 0 || grantpt(e->own_master) || unlockpt(e->own_master))
    return -SBX_ESYSTEM;
  e->own_slave = ioctl(e->own_master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (e->own_slave < 0)
    return -SBX_ESYSTEM;
  tcsetattr(e->own_slave, TCSANOW, &e->before); /* libedit takes the erase keys from it */
  set_own_rows(e, OWN_ROWS);
  return 0;
}

void terminal_own_close(struct editor *e) {
  if (e->own_slave >= 0)
    close(e->own_slave);
  if (e->own_master >= 0)
    close(e->own_master);
  e->own_slave = e->own_master = -1;
}

void terminal_own_reset(struct editor *e) {
  if (e->own_rows != OWN_ROWS)
    set_own_rows(e, OWN_ROWS); /* the next read will find it */
}

/* An upper bound of the rows that a text takes there. */
static size_t own_rows_of(const wchar_t *text, size_t len) {
  size_t newlines = 0, columns = 0;
  for (size_t i = 0; i < len; i++) {
    newlines += text[i] == L'\n';
    columns += iswprint((wint_t)text[i]) ? 2 : GLYPH_MAX;
  }
  return newlines + columns / (OWN_COLUMNS - GLYPH_MAX) + OWN_ROWS_SPARE;
}

bool terminal_own_has_room(struct editor *e, const wchar_t *text) {
  const LineInfoW *line = line_now(e->el);
  return own_rows_of(line->buffer, (size_t)(line->lastchar - line->buffer)) +
             own_rows_of(text, wcslen(text)) <
         OWN_ROWS_MOST;
}

void terminal_own_fit(struct editor *e) {
  const LineInfoW *line = line_now(e->el);
  size_t len = (size_t)(line->lastchar - line->buffer);
  if (len < OWN_ROWS / 2)
    return;
  size_t needed = own_rows_of(line->buffer, len);
  if (needed <= e->own_rows)
    return;
  set_own_rows(e, 2 * needed);
  el_resize(e->el);
  el_set(e->el, EL_REFRESH);
}

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
  if (!e->el)
    return;
  bracketed_paste(e, false);
  set_modes(e, &e->before);
}

void terminal_enter(struct editor *e) {
  struct termios modes;
  if (!e->el)
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
