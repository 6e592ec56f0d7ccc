/*
 * os/jail/landlock.c - files, by Landlock (landlock(7)).
 *
 * The constants are our own: the headers of a distribution may be older than the kernel that it runs.
 * Every right that the kernel's version knows is handled, so all that is not granted below is refused; so
 * is TCP from version 4 on, and from version 6 on abstract sockets and signals that leave the run.
 *
 * Files without a path are not its business: pipes, sockets, and the memory of memfd_create(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/jail/jail_internal.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

enum {
  FS_EXECUTE = 1 << 0,
  FS_WRITE_FILE = 1 << 1,
  FS_READ_FILE = 1 << 2,
  FS_READ_DIR = 1 << 3,
  FS_REMOVE_DIR = 1 << 4,
  FS_REMOVE_FILE = 1 << 5,
  FS_MAKE_DIR = 1 << 7,
  FS_MAKE_REG = 1 << 8,
  FS_MAKE_SOCK = 1 << 9,  /* granted nowhere */
  FS_REFER = 1 << 13,     /* version 2 */
  FS_TRUNCATE = 1 << 14,  /* version 3 */
  FS_IOCTL_DEV = 1 << 15, /* version 5 */
  FS_OF_1 = (1 << 13) - 1,
  FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,

  READ = FS_READ_FILE | FS_READ_DIR,
  WRITE = READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |
          FS_REFER | FS_TRUNCATE,
  RUN = READ | FS_EXECUTE,

  NET_ALL = 3,  /* bind and connect of TCP: version 4 */
  SCOPE_ALL = 3 /* abstract sockets, signals: version 6 */
};

struct ruleset_attr {
  uint64_t fs, net, scoped;
};

struct path_beneath_attr {
  uint64_t allowed;
  int32_t parent_fd;
} __attribute__((packed));

/* Of the kernel's version: which rights it handles, and how much of ruleset_attr it knows. */
static struct ruleset_attr handled(int abi, size_t *ret_size) {
  struct ruleset_attr a = {.fs = FS_OF_1};
  a.fs |= abi >= 2 ? FS_REFER : 0;
  a.fs |= abi >= 3 ? FS_TRUNCATE : 0;
  a.fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
  a.net = abi >= 4 ? NET_ALL : 0;
  a.scoped = abi >= 6 ? SCOPE_ALL : 0;
  *ret_size = abi >= 6 ? sizeof a : abi >= 4 ? 2 * sizeof a.fs : sizeof a.fs;
  return a;
}

int landlock_abi(void) {
  if (jail_missing('F'))
    return 0;
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
  return abi < 0 ? 0 : abi > LANDLOCK_KNOWN ? LANDLOCK_KNOWN : (int)abi;
}

/* A ruleset in the making. */
struct ruleset {
  int fd;
  uint64_t fs; /* handled */
};

/* Grant rights to a file, or to a folder and all below. What is not there needs no rule. */
static int grant(const struct ruleset *r, const char *path, uint64_t rights) {
  struct stat about;
  struct path_beneath_attr a = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
  if (a.parent_fd < 0)
    return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
  int rc = fstat(a.parent_fd, &about);
  a.allowed = rights & r->fs & (S_ISDIR(about.st_mode) ? ~(uint64_t)0 : FS_OF_FILES);
  if (rc == 0)
    rc = (int)syscall(SYS_landlock_add_rule, r->fd, RULE_PATH_BENEATH, &a, 0);
  int saved = errno;
  close(a.parent_fd);
  errno = saved;
  return rc;
}

static int grant_all(const struct ruleset *r, const struct policy_paths *paths, uint64_t rights) {
  for (size_t i = 0; i < paths->count; i++)
    if (grant(r, paths->list[i].resolved, rights))
      return -1;
  return 0;
}

/* What a program of the system needs to start, and the devices that have no memory. */
static int grant_programs(const struct ruleset *r) {
  static const char *const run[] = {"/bin", "/sbin", "/usr", "/lib", "/lib32", "/lib64", "/libx32"};
  static const char *const read[] = {"/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"};
  static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                        "/dev/urandom"};
  int rc = 0;
  for (size_t i = 0; i < sizeof run / sizeof *run; i++)
    rc |= grant(r, run[i], RUN);
  for (size_t i = 0; i < sizeof read / sizeof *read; i++)
    rc |= grant(r, read[i], READ);
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    rc |= grant(r, devices[i], FS_READ_FILE | FS_WRITE_FILE);
  return rc;
}

static int grant_policy(const struct ruleset *r, const struct policy *p) {
  int rc = grant_all(r, &p->read, READ);
  rc = rc ? rc : grant_all(r, &p->require, READ);
  rc = rc ? rc : grant_all(r, &p->write, WRITE);
  return rc || !p->run ? rc : grant_programs(r);
}

int landlock_close(const struct policy *p, struct jail_fault *f) {
  size_t size;
  struct ruleset_attr attr = handled(p->landlock_abi, &size);
  struct ruleset r = {.fs = attr.fs};
  r.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
  if (r.fd < 0)
    return jail_failed(f, "Landlock", "landlock_create_ruleset");
  int rc = grant_policy(&r, p);
  if (rc)
    rc = jail_failed(f, "Landlock", "landlock_add_rule");
  else if (syscall(SYS_landlock_restrict_self, r.fd, 0))
    rc = jail_failed(f, "Landlock", "landlock_restrict_self");
  close(r.fd);
  return rc;
}

/* A domain handles something: a right that nobody has anyway. */
int landlock_nest(int abi) {
  size_t size;
  struct ruleset_attr attr = handled(abi, &size);
  attr.fs = FS_MAKE_SOCK;
  attr.net = 0;
  int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
  if (fd < 0)
    return -1;
  int rc = (int)syscall(SYS_landlock_restrict_self, fd, 0);
  int saved = errno;
  close(fd);
  errno = saved;
  return rc;
}
