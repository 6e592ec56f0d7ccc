/* os/pidfd.c - see pidfd.h. */
#include "os/pidfd.h"

#include <sys/syscall.h>
#include <unistd.h>

int pidfd_open_of(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int pidfd_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
