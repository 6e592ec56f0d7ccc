/* os/process/program.c - see program.h. */
#include "os/process/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/pidfd.h"
#include "os/process/copier.h"
#include "os/process/delayed.h"
#include "os/process/output.h"
#include "os/shared/proc.h"
#include "os/shared/wait.h"

extern char **environ;

/* -- descriptors ----------------------------------------------------------------------------- */

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Let no program inherit more than the three streams. */
static void keep_descriptors(void) {
  enum { FIRST = STDERR_FILENO + 1, CLOEXEC_FLAG = 4, MOST = 4096 };
  struct rlimit limit;
  if (syscall(SYS_close_range, FIRST, ~0U, CLOEXEC_FLAG) == 0)
    return;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > MOST) /* before Linux 5.11 */
    limit.rlim_cur = MOST;
  for (int fd = FIRST; fd < (int)limit.rlim_cur; fd++)
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* -- starting -------------------------------------------------------------------------------- */

/* A program that is being started: by vfork(2), so its child has this memory until the program begins. */
struct start {
  const struct os_backend *b;
  const char *command;
  const sigset_t *mask; /* its own */
  int theirs, as;       /* `theirs` becomes its descriptor `as`; theirs < 0: nothing does */
  int failed;           /* an errno; 0: it begins */
};

/* No handler of this process may run in the child. */
static void forget_handlers(void) {
  struct sigaction action;
  for (int signal = 1; signal < NSIG; signal++)
    if (sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_IGN &&
        action.sa_handler != SIG_DFL) {
      action = (struct sigaction){.sa_handler = SIG_DFL};
      sigaction(signal, &action, NULL);
    }
}

/* In the child: `from` is its descriptor `as`. */
static bool becomes(int from, int as) {
  return from == as ? fcntl(as, F_SETFD, 0) == 0 : dup2(from, as) >= 0;
}

/* What it gets of the copier, but in place of `as`. */
static bool set_streams(const struct start *s) {
  bool well = s->theirs < 0 || becomes(s->theirs, s->as);
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO && well; fd++)
    if ((s->theirs < 0 || fd != s->as) && copier_fd(fd) != fd)
      well = becomes(copier_fd(fd), fd);
  return well;
}

static _Noreturn void be_shell(struct start *s) {
  char *const argv[] = {"sh", "-c", (char *)(uintptr_t)s->command, NULL};
  forget_handlers();
  if (set_streams(s) && (!s->b->shut_out || s->b->shut_out(s->b->base.policy) == 0)) {
    sigprocmask(SIG_SETMASK, s->mask, NULL);
    execve("/bin/sh", argv, environ);
  }
  s->failed = errno;
  _exit(127);
}

/* Returns an errno. */
static int spawn_shell(struct start *s, pid_t *ret) {
  sigset_t all, old;
  sigfillset(&all);
  sigdelset(&all, SIGSYS); /* a strict run is told so what it may not do */
  sigprocmask(SIG_SETMASK, &all, &old);
  s->mask = &old;
  *ret = vfork();
  if (*ret == 0)
    be_shell(s);
  if (*ret < 0)
    s->failed = errno;
  else if (s->failed)
    waitpid(*ret, NULL, 0);
  sigprocmask(SIG_SETMASK, &old, NULL);
  return s->failed;
}

static void close_pair(const int fds[2]) {
  close(fds[0]);
  close(fds[1]);
}

int program_start(struct os_backend *b, const char *command, enum program_mode mode,
                  struct program *ret) {
  bool reads = mode == PROGRAM_READ;
  int fds[2], as = reads ? STDOUT_FILENO : STDIN_FILENO;
  pid_t pid;
  *ret = (struct program){0};
  delayed_flush();
  if (!b->foreign)
    keep_descriptors();
  if (mode != PROGRAM_ALONE) {
    if (pipe2(fds, O_CLOEXEC))
      return error_from_errno(errno);
    ret->stream = fdopen(fds[!reads], reads ? "r" : "w");
    if (!ret->stream) {
      int saved = errno;
      close_pair(fds);
      errno = saved;
      return error_from_errno(saved);
    }
  }
  if (!ret->stream)
    output_lend();
  struct start start = {
      .b = b, .command = command, .theirs = ret->stream ? fds[reads] : -1, .as = as};
  int rc = spawn_shell(&start, &pid);
  b->programs = true;
  if (ret->stream)
    close(fds[reads]);
  if (rc) {
    if (ret->stream)
      fclose(ret->stream);
    else
      output_take_back();
    ret->stream = NULL;
    errno = rc;
    return error_from_errno(rc);
  }
  ret->pid = pid;
  return 0;
}

/* -- waiting --------------------------------------------------------------------------------- */

enum { SLICE_NS = 10 * 1000 * 1000 }; /* where no pidfd is to be had */

/* Sleep until the program has ended, a signal came, or it is `until_ns`. */
static void sleep_for(struct os_backend *b, int pidfd, int64_t until_ns) {
  struct pollfd end = {.fd = pidfd, .events = POLLIN};
  struct timespec left;
  sigset_t block, old;
  if (pidfd < 0 && until_ns > clock_now_ns() + SLICE_NS)
    until_ns = clock_now_ns() + SLICE_NS;
  sigemptyset(&block);
  sigaddset(&block, SIGINT);
  sigaddset(&block, WAKE_SIGNAL);
  sigprocmask(SIG_BLOCK, &block, &old); /* from the last look at the flags on, see wait.c */
  bool known = b->interrupted && until_ns == SBX_FOREVER;
  if (!known && !b->woken)
    ppoll(&end, pidfd >= 0, clock_left(until_ns, &left), &old);
  b->woken = 0;
  sigprocmask(SIG_SETMASK, &old, NULL);
  if (b->base.awake)
    b->base.awake(b->base.signal_ctx, NULL);
}

/* Interrupt the program and what it started, as Ctrl-C on a terminal does: a shell that waits for a
 * command ends with that, and not alone. */
static void interrupt_tree(pid_t pid, int depth) {
  enum { DEPTH_MAX_TREE = 32 };
  FILE *children = depth < DEPTH_MAX_TREE ? proc_children(pid, pid) : NULL;
  int child;
  while (children && fscanf(children, "%d", &child) == 1)
    interrupt_tree(child, depth + 1);
  if (children)
    fclose(children);
  kill(pid,
       SIGINT); /* the shell is not reaped yet: its pid is its own, and those of its children */
}

/* Close the stream; when there is no time, without waiting for a program that does not read. */
static void close_stream(struct program *p, bool hurry) {
  if (p->stream && hurry)
    fcntl(fileno(p->stream), F_SETFL, O_NONBLOCK);
  if (p->stream)
    fclose(p->stream); /* what could not be written the program knows best */
  p->stream = NULL;
}

int program_finish(struct os_backend *b, struct program *p, bool hurry, int *ret_status) {
  enum { GRACE_NS = 1000 * 1000 * 1000 };
  int64_t until_ns = SBX_FOREVER;
  pid_t pid = (pid_t)p->pid;
  bool lent = !p->stream;
  close_stream(p, hurry);
  int pidfd = pidfd_open_of(pid), rc = 0;
  for (;;) {
    pid_t ended = waitpid(pid, ret_status, WNOHANG);
    if (ended < 0 && errno != EINTR)
      rc = error_from_errno(errno);
    if (ended > 0 || rc || (until_ns != SBX_FOREVER && clock_now_ns() >= until_ns))
      break;
    if ((b->interrupted || hurry) && until_ns == SBX_FOREVER) {
      until_ns = clock_now_ns() + GRACE_NS;
      interrupt_tree(pid, 0);
    }
    sleep_for(b, pidfd, until_ns);
  }
  int saved = errno;
  if (pidfd >= 0)
    close(pidfd);
  copier_settle(b);
  if (lent)
    output_take_back();
  errno = saved;
  return until_ns != SBX_FOREVER && !hurry ? -SBX_EINTERRUPTED : rc;
}
