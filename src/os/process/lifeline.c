/*
 * os/process/lifeline.c - no process of the tree outlives the supervisor, however that dies.
 *
 * The supervisor alone holds the write end of a pipe. When the kernel closes it, pipe(7) signals
 * every description of the read end that asked for it (O_ASYNC), with the signal and to the process
 * it chose: SIGKILL, to itself. No handler has to run, so a stopped process dies, too. A
 * parent-death signal would not do: it is cleared by fork, and it would tell of the spawner's
 * death, which children survive.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/child_code.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "os/process/lifeline.h"

int lifeline_create(struct os_backend *b, int *ret_write) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
    return error_call("pipe2", errno);
  b->lifeline_shared = fds[0];
  b->lifeline_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  *ret_write = fds[1];
  return 0;
}

void lifeline_close(struct os_backend *b) {
  int *fds[] = {&b->lifeline_shared, &b->lifeline_dir};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
    if (*fds[i] >= 0)
      close(*fds[i]);
    *fds[i] = -1;
  }
}

/*
 * Open the pipe again, as a file description of this process. Through the directory of the process
 * that made the pipe the lookup is cheap: the kernel has it cached from the last child. Through
 * /proc/self it makes new entries in /proc, which costs a tenth of a spawn, but it works also when
 * the maker has died.
 */
static int open_again(const struct os_backend *b) {
  enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK };
  char path[32] = "/proc/self/fd/";
  char *name = path + strlen(path);
  text_number(name, b->lifeline_shared);
  int fd = b->lifeline_dir < 0 ? -1 : openat(b->lifeline_dir, name, FLAGS);
  return fd < 0 ? open(path, FLAGS) : fd;
}

/* No process writes into the pipe: a read finds it empty, or at its end. */
static bool supervisor_gone(int fd) {
  char byte;
  return read(fd, &byte, 1) == 0;
}

int lifeline_open(const struct os_backend *b, int *ret) {
  int fd = FAULT("lifeline.open") ? (errno = ENOENT, -1) : open_again(b);
  if (fd < 0)
    return error_call("open of /proc/self/fd", errno);
  fcntl(fd, F_SETSIG, SIGKILL);
  fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK); /* it has no owner yet: no signal */
  *ret = fd;
  return 0;
}

void lifeline_fork_begin(const struct os_backend *b) {
  if (b->lifeline_own >= 0)
    fcntl(b->lifeline_own, F_SETSIG, SIGCONT);
}

void lifeline_fork_end(const struct os_backend *b, int fd, pid_t pid) {
  FAULT("lifeline.between");
  if (pid > 0)
    fcntl(fd, F_SETOWN, pid);
  if (b->lifeline_own >= 0) {
    fcntl(b->lifeline_own, F_SETSIG, SIGKILL);
    if (supervisor_gone(b->lifeline_own)) { /* before both owners were set */
      if (pid > 0)
        kill(pid, SIGKILL);
      raise(SIGKILL);
    }
  }
  close(fd);
}

CHILD_CODE
void lifeline_enter(struct os_backend *b, int fd, pid_t self) {
  if (b->lifeline_own >= 0)
    close(b->lifeline_own); /* the parent's, inherited */
  b->lifeline_own = fd;
  fcntl(fd, F_SETOWN, self);
  if (supervisor_gone(fd)) /* before the owner was set */
    raise(SIGKILL);
}
