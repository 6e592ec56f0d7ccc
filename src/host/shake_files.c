/* host/shake_files.c - what a shaken run reads and writes: files in memory. See shake_internal.h. */
#include "host/shake_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

int shake_memory_file(const char *name) {
  int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd >= 0)
    fcntl(fd, F_SETFL, O_APPEND);
  return fd;
}

void shake_close_file(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

int64_t shake_size(int fd) {
  struct stat about;
  return fstat(fd, &about) ? 0 : about.st_size;
}

/* Write what is in a file to another descriptor, `most` bytes of it. */
static void copy_file(int from, int to, off_t most) {
  char part[FLOOD_SHOWN];
  off_t at = 0;
  ssize_t n;
  while (at < most && (n = pread(from, part, sizeof part, at)) > 0 &&
         fd_write_all(to, part, (size_t)n))
    at += n;
}

void shake_copy_both(int out, int err, off_t most) {
  copy_file(out, STDOUT_FILENO, most);
  copy_file(err, STDERR_FILENO, most);
}

/* What each run reads: the script, if it comes from stdin; what is left of a file; else nothing. */
int shake_read_input(const struct shaking *s) {
  struct stat about;
  const struct options *o = s->o;
  bool script = o->script_is_stdin || options_have_no_script(o, s->argc);
  if (!script && (fstat(STDIN_FILENO, &about) || !S_ISREG(about.st_mode)))
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
  char part[1 << 16];
  ssize_t n;
  int fd = shake_memory_file("stdin");
  while (fd >= 0 && ((n = read(STDIN_FILENO, part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
    if (n > 0 && !fd_write_all(fd, part, (size_t)n))
      shake_close_file(&fd);
  return fd;
}
