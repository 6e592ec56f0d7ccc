/* base/fd.c - see fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

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
