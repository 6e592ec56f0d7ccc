/* base/fd.c - see fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

bool fd_write_all(int fd, const void *data, size_t len) {
  struct pollfd room = {.fd = fd, .events = POLLOUT};
  const char *next = data;
  while (len > 0) {
    ssize_t n = write(fd, next, len);
    if (n < 0 && errno == EAGAIN)
      poll(&room, 1, -1);
    else if (n < 0 && errno != EINTR)
      return false;
    if (n > 0) {
      next += n;
      len -= (size_t)n;
    }
  }
  return true;
}

/* Keep others out, or let them in again. */
static void exclude_others(short type) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
  const struct timespec pause = {.tv_nsec = NS_PER_MS};
  for (int tries = 0; tries < 200; tries++) {
    if (fcntl(STDERR_FILENO, F_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
      return;
    nanosleep(&pause, NULL);
  }
}

bool fd_write_stderr(const void *data, size_t len) {
  exclude_others(F_WRLCK);
  bool well = fd_write_all(STDERR_FILENO, data, len);
  exclude_others(F_UNLCK);
  return well;
}

bool fd_is_broken(int fd) {
  struct pollfd end = {.fd = fd};
  return poll(&end, 1, 0) > 0 && (end.revents & (POLLERR | POLLHUP));
}
