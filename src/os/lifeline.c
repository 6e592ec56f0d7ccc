/*
 * os/lifeline.c - no process of the tree outlives the supervisor, however that dies.
 *
 * The supervisor alone holds the write end of a pipe. When the kernel closes it, pipe(7) signals
 * every description of the read end that asked for it (O_ASYNC), with the signal and to the process
 * it chose: SIGKILL, to itself. No handler has to run, so a stopped process dies, too. A
 * parent-death signal would not do: it is cleared by fork, and it would tell of the spawner's
 * death, which children survive.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "os/lifeline.h"

int lifeline_create(int *ret_read, int *ret_write) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
    return error_from_errno(errno);
  *ret_read = fds[0];
  *ret_write = fds[1];
  return 0;
}

/* By hand: a child that called snprintf(3) for it would touch ten more pages. */
static void own_path(int fd, char ret[32]) {
  char digits[12];
  int n = 0;
  strcpy(ret, "/proc/self/fd/");
  do
    digits[n++] = (char)('0' + fd % 10);
  while ((fd /= 10) > 0);
  char *at = ret + strlen(ret);
  while (n > 0)
    *at++ = digits[--n];
  *at = '\0';
}

static bool supervisor_gone(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

int lifeline_attach(struct os_backend *b, pid_t self) {
  char path[32];
  if (b->lifeline_own >= 0)
    close(b->lifeline_own); /* the parent's, inherited */
  own_path(b->lifeline_shared, path);
  int fd = b->lifeline_own = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fcntl(fd, F_SETOWN, self) || fcntl(fd, F_SETSIG, SIGKILL) ||
      fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK))
    return error_from_errno(errno);
  if (supervisor_gone(fd)) /* before the kernel knew whom to tell */
    raise(SIGKILL);
  return 0;
}
