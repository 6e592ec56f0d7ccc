/* base/pidfd.c - see pidfd.h. */
#include "base/pidfd.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

int pidfd_open_of(pid_t pid) {
  static bool missing; /* valgrind does not know the call, and says so each time it is made */
  int fd = missing ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
  if (missing || (fd < 0 && errno == ENOSYS)) {
    missing = true;
    errno = ENOSYS;
  }
  return fd;
}

int pidfd_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
