/* base/policy_path.c - see policy_path.h. */
#include "base/policy_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -- what may be used -------------------------------------------------------------------------- */

/* Is `path` the folder or file `top`, or below it? Both are resolved. */
static bool is_below(const char *path, const char *top) {
  size_t len = strlen(top);
  if (strcmp(top, "/") == 0)
    return true;
  return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool is_in(const struct policy_paths *paths, const char *path) {
  for (size_t i = 0; i < paths->count; i++)
    if (is_below(path, paths->list[i].resolved))
      return true;
  return false;
}

/* Beside a script may lie what is none of its business: what is only there for require must be a module, or the script. */
static bool is_module(const struct policy *p, const char *resolved) {
  size_t len = strlen(resolved);
  bool named = len > 4 && strcmp(resolved + len - 4, ".lua") == 0;
  for (size_t i = 0; i < p->require.count && !named; i++)
    named = strcmp(p->require.list[i].resolved, resolved) == 0;
  return named;
}

/* What may be written may be read, and what may be read may be a module. */
static bool may(const struct policy *p, const char *resolved, enum policy_use use) {
  return is_in(&p->write, resolved) || (use != POLICY_WRITE && is_in(&p->read, resolved)) ||
         (use == POLICY_REQUIRE && is_module(p, resolved) && is_in(&p->require, resolved));
}

/* -- where a path leads ------------------------------------------------------------------------ */

/* "top/name"; to be freed. */
static char *join(const char *top, const char *name) {
  size_t size = strlen(top) + strlen(name) + 2;
  char *whole = malloc(size);
  if (whole)
    snprintf(whole, size, "%s%s%s", top, top[1] == '\0' ? "" : "/", name);
  return whole;
}

/* Does a part of the path lead up? Behind a folder that does not exist nobody can say where. */
static bool leads_up(const char *path) {
  for (const char *at = path; at; at = strchr(at, '/')) {
    at += *at == '/';
    if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
      return true;
  }
  return false;
}

/* The folder that a path is in, and its last part: `copy` is cut in two. Slashes at its end do not count.
 * NULL: there is no last part that could be made or removed. */
static char *split(char *copy, const char **ret_folder) {
  size_t len = strlen(copy);
  while (len > 1 && copy[len - 1] == '/')
    copy[--len] = '\0';
  char *slash = strrchr(copy, '/'), *name = slash ? slash + 1 : copy;
  *ret_folder = slash == copy ? "/" : slash ? copy : ".";
  if (slash)
    *slash = '\0';
  bool none = *name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
  return none ? NULL : name;
}

/* The path of an entry of a folder, whether it exists or not, a symbolic link or not: the folder is
 * resolved. The nearest folder that exists is enough. */
static char *resolve_entry(const char *path) {
  char *copy = strdup(path), *whole = NULL;
  const char *folder;
  char *name = copy ? split(copy, &folder) : NULL;
  if (name) {
    char *top = realpath(folder, NULL);
    if (!top && errno == ENOENT && !leads_up(folder))
      top = resolve_entry(folder);
    whole = top ? join(top, name) : NULL;
    free(top);
  }
  free(copy);
  return whole;
}

/* A symbolic link to what does not exist leads nowhere. */
static char *resolve(const char *path) {
  struct stat about;
  char *whole = realpath(path, NULL);
  if (whole || errno != ENOENT)
    return whole;
  whole = resolve_entry(path);
  if (!whole || lstat(whole, &about) || !S_ISLNK(about.st_mode))
    return whole;
  free(whole);
  return NULL;
}

/* `resolved`, or NULL if it may not be used so. */
static char *if_may(const struct policy *p, char *resolved, enum policy_use use) {
  if (resolved && may(p, resolved, use))
    return resolved;
  free(resolved);
  return NULL;
}

char *policy_resolve(const struct policy *p, const char *path, enum policy_use use) {
  return if_may(p, resolve(path), use);
}

/* -- opening ----------------------------------------------------------------------------------- */

int policy_open_resolved(const char *path, int flags) {
  struct open_how how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
                         .mode = flags & O_CREAT ? 0666 : 0,
                         .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static int flags_of(const char *mode) {
  bool update = strchr(mode, '+') != NULL;
  int access = update ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
  return access | O_NOCTTY |
         (*mode == 'w'   ? O_CREAT | O_TRUNC
          : *mode == 'a' ? O_CREAT | O_APPEND
                         : 0);
}

/* A stream whose writes are counted. */
struct counted {
  int fd;
  struct policy_meter meter;
};

static ssize_t counted_read(void *cookie, char *data, size_t len) {
  return read(((struct counted *)cookie)->fd, data, len);
}

static ssize_t counted_write(void *cookie, const char *data, size_t len) {
  const struct counted *c = cookie;
  c->meter.written(c->meter.ctx, len);
  ssize_t n = write(c->fd, data, len);
  return n < 0 ? 0 : n; /* fopencookie(3): 0 is an error */
}

static int counted_seek(void *cookie, off64_t *at, int whence) {
  off64_t to = lseek(((struct counted *)cookie)->fd, *at, whence);
  if (to < 0)
    return -1;
  *at = to;
  return 0;
}

static int counted_close(void *cookie) {
  struct counted *c = cookie;
  int rc = close(c->fd);
  free(c);
  return rc;
}

static FILE *open_counted(int fd, const char *mode, const struct policy_meter *meter) {
  static const cookie_io_functions_t io = {counted_read, counted_write, counted_seek,
                                           counted_close};
  struct counted *c = malloc(sizeof *c);
  FILE *f = NULL;
  if (c) {
    *c = (struct counted){fd, *meter};
    f = fopencookie(c, mode, io);
  }
  if (!f)
    free(c);
  return f;
}

bool policy_fopen(const struct policy *p, const char *path, const char *mode, enum policy_use use,
                  const struct policy_meter *meter, FILE **ret) {
  char *resolved = policy_resolve(p, path, use);
  *ret = NULL;
  if (!resolved)
    return false;
  int flags = flags_of(mode), fd = policy_open_resolved(resolved, flags);
  free(resolved);
  if (fd < 0)
    return true;
  bool counted = meter && (flags & O_ACCMODE) != O_RDONLY;
  *ret = counted ? open_counted(fd, mode, meter) : fdopen(fd, mode);
  if (!*ret) {
    int saved = errno;
    close(fd);
    errno = saved;
  }
  return true;
}

/* What is no regular file could keep whoever reads it for ever. */
FILE *policy_source(const struct policy *p, const char *path) {
  const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  struct stat about;
  char *resolved = policy_is_strict(p) ? policy_resolve(p, path, POLICY_REQUIRE) : NULL;
  int fd = resolved               ? policy_open_resolved(resolved, flags)
           : !policy_is_strict(p) ? open(path, flags | O_CLOEXEC)
                                  : -1;
  free(resolved);
  FILE *f = fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) ? fdopen(fd, "r") : NULL;
  if (!f && fd >= 0)
    close(fd);
  return f;
}

/* -- entries of folders ------------------------------------------------------------------------ */

/* A folder that is open, and the name of an entry in it. */
struct entry {
  int folder; /* -1: it cannot be opened */
  char *path; /* owned; NULL: the policy does not let it be written */
  const char *name;
};

/* It is the folder that changes, so that must be one to be written to. */
static void entry_open(const struct policy *p, const char *path, struct entry *e) {
  *e = (struct entry){.folder = -1, .path = resolve_entry(path)};
  if (!e->path)
    return;
  char *slash = strrchr(e->path, '/');
  e->name = slash + 1;
  *slash = '\0';
  const char *folder = slash == e->path ? "/" : e->path;
  if (may(p, folder, POLICY_WRITE)) {
    e->folder = policy_open_resolved(folder, O_PATH | O_DIRECTORY);
  } else {
    free(e->path);
    e->path = NULL;
  }
}

static void entry_release(struct entry *e) {
  int saved = errno;
  if (e->folder >= 0)
    close(e->folder);
  free(e->path);
  errno = saved;
}

bool policy_remove(const struct policy *p, const char *path, int *ret_rc) {
  struct entry e;
  entry_open(p, path, &e);
  bool allowed = e.path != NULL;
  *ret_rc = -1;
  if (e.folder >= 0) {
    *ret_rc = unlinkat(e.folder, e.name, 0);
    if (*ret_rc && (errno == EISDIR || errno == EPERM))
      *ret_rc = unlinkat(e.folder, e.name, AT_REMOVEDIR);
  }
  entry_release(&e);
  return allowed;
}

bool policy_rename(const struct policy *p, const char *from, const char *to, int *ret_rc) {
  struct entry a, b;
  entry_open(p, from, &a);
  entry_open(p, to, &b);
  bool allowed = a.path && b.path;
  *ret_rc = -1;
  if (allowed && a.folder >= 0 && b.folder >= 0)
    *ret_rc = renameat(a.folder, a.name, b.folder, b.name);
  entry_release(&b);
  entry_release(&a);
  return allowed;
}
