/* os/process/copier.c - see copier.h. */
#include "os/process/copier.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "os/process/lifeline.h"
#include "os/process/output.h"

enum { STREAMS = 2, COPY_BYTES = PIPE_BUF /* a pipe that is writable takes so much */ };

/* Shared by the copier and those that ask it. */
struct copier_words {
  _Atomic uint32_t asked;    /* askers, fetch_add */
  _Atomic uint32_t answered; /* the copier; a futex */
};

/* What a process of the run has of it. */
static struct {
  struct copier_words *words; /* NULL: there is no copier */
  int write_ends[STREAMS];    /* the same twice, if there is one pipe */
  int bell;                   /* an eventfd */
} copier;

/* -- the copier ---------------------------------------------------------------------------------- */

/* A pipe, and what was read of it. */
struct copied {
  int from;    /* read end; -1: closed */
  int which;   /* of the streams; as a descriptor it is one more */
  bool filled; /* there is something in it: now the place where it goes is waited for */
  size_t owed; /* bytes that are to be passed on before the answer */
  size_t held; /* bytes of data: the beginning of a line, or of a character */
  char data[COPY_BYTES];
};

static size_t waiting(const struct copied *c) {
  int bytes = 0;
  return c->from >= 0 && ioctl(c->from, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

static void give_up(struct copied *c) {
  close(c->from);
  c->from = -1;
  c->owed = c->held = 0;
}

/* Pass on the first `len` bytes, and keep the rest. last: as in output_copy. */
static void pass_on(struct copied *c, size_t len, bool last) {
  if (len > 0 && !output_copy(c->which, c->data, &len, last)) {
    give_up(c);
    return;
  }
  c->held -= len;
  memmove(c->data, c->data + len, c->held);
}

/* Whole lines, as long as more is there; else whatever there is. */
static size_t passable(const struct copied *c) {
  const char *newline = waiting(c) > 0 ? memrchr(c->data, '\n', c->held) : NULL;
  return newline ? (size_t)(newline + 1 - c->data) : c->held;
}

static void copy_some(struct copied *c) {
  ssize_t n = read(c->from, c->data + c->held, sizeof c->data - c->held);
  c->filled = false;
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (n <= 0) {
    pass_on(c, c->held, true);
    if (c->from >= 0)
      give_up(c);
    return;
  }
  c->owed -= c->owed < (size_t)n ? c->owed : (size_t)n;
  c->held += (size_t)n;
  pass_on(c, passable(c), false);
}

/* The askers so far, and what is owed to them. */
static uint32_t take_asked(struct copied *list) {
  uint64_t rings;
  while (read(copier.bell, &rings, sizeof rings) < 0 && errno == EINTR)
    continue;
  uint32_t asked = atomic_load(&copier.words->asked);
  for (int i = 0; i < STREAMS; i++)
    list[i].owed = waiting(&list[i]);
  return asked;
}

static void answer(struct copied *list, uint32_t asked) {
  for (int i = 0; i < STREAMS; i++)
    if (list[i].from >= 0)
      pass_on(&list[i], list[i].held, true);
  atomic_store(&copier.words->answered, asked);
  syscall(SYS_futex, &copier.words->answered, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void copy_all(struct copied *list) {
  uint32_t asked = 0;
  while (list[0].from >= 0 || list[1].from >= 0) {
    struct pollfd fds[STREAMS + 1];
    bool owes = asked != atomic_load(&copier.words->answered);
    for (int i = 0; i < STREAMS; i++) {
      struct copied *c = &list[i];
      bool closed = c->from < 0;
      fds[i] = c->filled ? (struct pollfd){.fd = closed ? -1 : c->which + 1, .events = POLLOUT}
                         : (struct pollfd){.fd = c->from, .events = POLLIN};
    }
    fds[STREAMS] = (struct pollfd){.fd = owes ? -1 : copier.bell, .events = POLLIN};
    if (poll(fds, STREAMS + 1, -1) < 0)
      continue;
    for (int i = 0; i < STREAMS; i++)
      if (fds[i].fd >= 0 && fds[i].revents && list[i].filled)
        copy_some(&list[i]);
      else if (fds[i].revents)
        list[i].filled = true;
    if (fds[STREAMS].revents)
      asked = take_asked(list);
    if (asked != atomic_load(&copier.words->answered) && list[0].owed == 0 && list[1].owed == 0)
      answer(list, asked);
  }
}

/* Ctrl-C is for others, which still print; Ctrl-Z is for all. */
static void block_signals(void) {
  const int kept[] = {SIGTSTP, SIGTTOU, SIGCONT, SIGSYS};
  sigset_t set;
  sigfillset(&set);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    sigdelset(&set, kept[i]);
  sigprocmask(SIG_SETMASK, &set, NULL);
}

static void be_copier(struct os_backend *b, int lifeline, const int read_ends[STREAMS]) {
  struct copied list[STREAMS];
  block_signals();
  lifeline_enter(b, lifeline, getpid());
  b->slot = NO_PROCESS;
  b->serial = 0;
  close(STDIN_FILENO);
  output_copies();
  for (int i = 0; i < STREAMS; i++) {
    list[i] = (struct copied){.from = read_ends[i], .which = i};
    if (copier.write_ends[i] >= 0)
      close(copier.write_ends[i]);
  }
  copy_all(list);
  _exit(0);
}

/* -- beginning ----------------------------------------------------------------------------------- */

/* One pipe for each place where output goes; -1 for one that there is not. */
static int open_pipes(int read_ends[STREAMS]) {
  int count = output_is_one_place() ? 1 : STREAMS;
  read_ends[1] = copier.write_ends[1] = -1;
  for (int i = 0; i < count; i++) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC))
      return error_call("pipe2", errno);
    read_ends[i] = fds[0];
    copier.write_ends[i] = fds[1];
  }
  copier.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return copier.bell < 0 ? error_call("eventfd", errno) : 0;
}

static bool is_wanted(const struct os_backend *b) {
  const struct policy *p = b->base.policy;
  return b->control->output_limit && (!policy_is_strict(p) || p->run);
}

int copier_begin(struct os_backend *b) {
  int read_ends[STREAMS], lifeline;
  if (!is_wanted(b))
    return 0;
  int rc = open_pipes(read_ends);
  void *words =
      mmap(NULL, sizeof *copier.words, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (rc == 0 && words == MAP_FAILED)
    rc = -SBX_ENOMEM;
  if (rc == 0)
    rc = lifeline_open(b, &lifeline);
  if (rc)
    return rc; /* the process leaves */
  copier.words = words;
  lifeline_fork_begin(b);
  pid_t pid = fork();
  if (pid == 0)
    be_copier(b, lifeline, read_ends);
  int saved = errno;
  lifeline_fork_end(b, lifeline, pid);
  for (int i = 0; i < STREAMS; i++)
    if (read_ends[i] >= 0)
      close(read_ends[i]);
  if (copier.write_ends[1] < 0)
    copier.write_ends[1] = copier.write_ends[0];
  return pid < 0 ? error_call("fork", saved) : 0;
}

/* -- the processes of the run -------------------------------------------------------------------- */

int copier_fd(int fd) { return copier.words ? copier.write_ends[fd - STDOUT_FILENO] : fd; }

static bool nobody_reads(void) {
  struct pollfd ends[STREAMS];
  for (int i = 0; i < STREAMS; i++)
    ends[i] = (struct pollfd){.fd = copier.write_ends[i]};
  return poll(ends, STREAMS, 0) == STREAMS && (ends[0].revents & ends[1].revents & POLLERR);
}

void copier_await(struct os_backend *b) {
  enum { SLICE_NS = 10 * 1000 * 1000, SLICES_INTERRUPTED = 100 };
  const struct timespec slice = {.tv_nsec = SLICE_NS};
  const uint64_t ring = 1;
  if (!copier.words)
    return;
  uint32_t number = atomic_fetch_add(&copier.words->asked, 1) + 1;
  if (write(copier.bell, &ring, sizeof ring) < 0)
    return; /* so many rings that it has to look */
  for (int late = 0; late < SLICES_INTERRUPTED; late += b->interrupted != 0) {
    uint32_t answered = atomic_load(&copier.words->answered);
    if ((int32_t)(answered - number) >= 0 || nobody_reads())
      return;
    syscall(SYS_futex, &copier.words->answered, FUTEX_WAIT, answered, &slice, NULL, 0);
  }
}
