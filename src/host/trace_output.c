/* host/trace_output.c - see trace_output.h. */
#include "host/trace_output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/policy_path.h"
#include "base/text.h"
#include "look/trace/html.h"
#include "look/trace/json.h"
#include "look/trace/perfetto.h"
#include "look/trace/sink.h"
#include "look/trace/svg.h"

/* A handler and not SIG_IGN, which programs would inherit that a script starts. */
static void on_file_size(int signal) { (void)signal; }

void trace_files_may_fail(void) {
  struct sigaction handler = {.sa_handler = on_file_size, .sa_flags = SA_RESTART};
  sigemptyset(&handler.sa_mask);
  sigaction(SIGXFSZ, &handler, NULL);
}

/* -- opening --------------------------------------------------------------------------------- */

static char *join(const char *a, const char *b) {
  struct buf text = {0};
  if (buf_format(&text, "%s%s", a, b) || buf_append_byte(&text, 0)) {
    buf_release(&text);
    return NULL;
  }
  return (char *)text.data;
}

/* The path without links and dots; of a file that is not there yet, that of its folder with its name. */
static char *resolve(const char *path) {
  char *real = realpath(path, NULL), *copy;
  if (real || !(copy = strdup(path)))
    return real;
  char *slash = strrchr(copy, '/');
  const char *folder = !slash ? "." : slash == copy ? "/" : copy;
  if (slash)
    *slash = '\0';
  if ((real = realpath(folder, NULL))) {
    char *inside = join(real, strcmp(real, "/") == 0 ? "" : "/");
    free(real);
    real = inside ? join(inside, slash ? slash + 1 : copy) : NULL;
    free(inside);
  }
  free(copy);
  return real ? real : strdup(path);
}

/* The name of a file in its folder. */
static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The folder of a path without links: no part of it has become one since it was looked up. */
static int open_folder(const char *path, const struct policy *p) {
  const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  size_t len = (size_t)(name_of(path) - path);
  char *folder = len > 1 ? strndup(path, len - 1) : strdup(len ? "/" : ".");
  int fd = !folder               ? -1
           : policy_is_strict(p) ? policy_open_resolved(folder, flags)
                                 : open(folder, flags);
  free(folder);
  return fd;
}

/* What is there under the name of this path? 0 or -1. */
static int look(const struct trace_output *o, const char *path, struct stat *ret) {
  return fstatat(o->folder, name_of(path), ret, 0);
}

/* Is the file that is open still the one of that name? Another run may have renamed it. */
static bool is_named(const struct trace_output *o, int fd, const char *path) {
  struct stat open_file, named;
  return fstat(fd, &open_file) == 0 && look(o, path, &named) == 0 &&
         open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

/* One run at a time; a file system without locks has none. */
static int claim(const struct trace_output *o, int fd, const char *path) {
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return errno;
  if (!is_named(o, fd, path))
    return EWOULDBLOCK;
  return ftruncate(fd, 0) != 0 ? errno : 0;
}

static int open_part(struct trace_output *o, const char *suffix) {
  struct stat about;
  bool exists = look(o, o->path, &about) == 0;
  char *part = join(o->path, suffix);
  if (!part || (exists && faccessat(o->folder, name_of(o->path), W_OK, 0) != 0)) {
    int error = part ? errno : ENOMEM;
    free(part);
    return error;
  }
  int fd = openat(o->folder, name_of(part),
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0666);
  int error = fd < 0 ? errno : claim(o, fd, part);
  if (error) {
    if (fd >= 0)
      close(fd);
    free(part);
    return error;
  }
  if (exists)
    fchmod(fd, about.st_mode & 0777);
  o->part = part;
  o->fd = fd;
  return 0;
}

static int open_direct(struct trace_output *o, mode_t mode) {
  if (S_ISDIR(mode))
    return EISDIR;
  if (S_ISFIFO(mode)) { /* it is opened when there is something to write: a reader may still come */
    o->pipe = openat(o->folder, name_of(o->path), O_PATH | O_CLOEXEC);
    return o->pipe < 0 || faccessat(o->folder, name_of(o->path), W_OK, 0) ? errno : 0;
  }
  o->fd = openat(o->folder, name_of(o->path), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  return o->fd < 0 ? errno : 0;
}

int trace_output_open(struct trace_output *o, const struct trace_file *file, const char *suffix,
                      const struct policy *p) {
  struct stat about;
  *o = (struct trace_output){.file = *file, .fd = -1, .folder = -1, .pipe = -1};
  if (strcmp(file->path, "-") == 0)
    return 0;
  if (policy_is_strict(p) && !(o->path = policy_resolve(p, file->path, POLICY_WRITE)))
    return EACCES;
  if (!o->path && !(o->path = resolve(file->path)))
    return ENOMEM;
  if ((o->folder = open_folder(o->path, p)) < 0)
    return errno;
  bool direct = look(o, o->path, &about) == 0 && !S_ISREG(about.st_mode);
  int error = direct ? open_direct(o, about.st_mode) : open_part(o, suffix);
  if (error || (o->fd >= 0 && fstat(o->fd, &about) != 0))
    return error ? error : errno;
  o->dev = about.st_dev;
  o->ino = about.st_ino;
  return 0;
}

void trace_output_forget(const struct trace_output *o) {
  const int fds[] = {o->fd, o->folder, o->pipe};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    if (fds[i] >= 0)
      close(fds[i]);
}

int trace_output_lend(struct trace_output *o) {
  int fd = o->fd;
  if (!o->part)
    return -1;
  o->log = o->part;
  o->part = NULL;
  o->fd = -1;
  return fd;
}

/* -- writing --------------------------------------------------------------------------------- */

struct file_sink {
  int fd, error;
};

static int write_file(void *ctx, const void *data, size_t len) {
  struct file_sink *s = ctx;
  for (const char *from = data; len > 0;) {
    ssize_t n = write(s->fd, from, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      s->error = n < 0 ? errno : ENOSPC;
      return -SBX_ESYSTEM;
    }
    from += n;
    len -= (size_t)n;
  }
  return 0;
}

/* Pieces may be small: they are gathered. */
struct page_sink {
  struct trace_sink to;
  struct buf page;
};

enum { PAGE_BYTES = 64 * 1024 };

static int flush_page(struct page_sink *s) {
  int rc = s->page.len ? s->to.write(s->to.ctx, s->page.data, s->page.len) : 0;
  s->page.len = 0;
  return rc;
}

static int write_page(void *ctx, const void *data, size_t len) {
  struct page_sink *s = ctx;
  int rc = s->page.len + len > PAGE_BYTES ? flush_page(s) : 0;
  if (rc)
    return rc;
  return len > PAGE_BYTES ? s->to.write(s->to.ctx, data, len) : buf_append(&s->page, data, len);
}

struct models {
  enum trace_format format;
  const struct trace_model *const *list;
  unsigned count;
};

static int write_models(void *ctx, const struct trace_sink *sink) {
  const struct models *m = ctx;
  switch (m->format) {
  case TRACE_HTML:
    return trace_html(m->list, m->count, sink);
  case TRACE_SVG:
    return trace_svg(m->list, m->count, sink);
  case TRACE_PFTRACE:
    return trace_perfetto(m->list[0], sink);
  case TRACE_JSON:
    return trace_json(m->list[0], sink);
  }
  return -SBX_EINVAL;
}

static int write_to(int fd, int (*writer)(void *ctx, const struct trace_sink *sink), void *ctx) {
  struct file_sink file = {.fd = fd};
  struct page_sink page = {.to = {write_file, &file}};
  int rc = writer(ctx, &(struct trace_sink){write_page, &page});
  if (rc == 0)
    rc = flush_page(&page);
  buf_release(&page.page);
  return file.error ? file.error : rc ? ENOMEM : 0;
}

/* A pipe that nobody reads would block for ever. */
static int open_pipe(struct trace_output *o) {
  char path[sizeof "/proc/self/fd/" + TEXT_NUMBER_MAX];
  text_number(text_copy(path, sizeof path, "/proc/self/fd/"), o->pipe);
  o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  if (o->fd < 0)
    return errno;
  return fcntl(o->fd, F_SETFL, fcntl(o->fd, F_GETFL) & ~O_NONBLOCK) < 0 ? errno : 0;
}

/* Put the file in its place. An error of its disk may show only now. */
static int rename_part(struct trace_output *o) {
  if (close(o->fd) != 0) {
    o->fd = -1;
    return errno;
  }
  o->fd = -1;
  if (renameat(o->folder, name_of(o->part), o->folder, name_of(o->path)) != 0)
    return errno;
  free(o->part);
  o->part = NULL;
  return 0;
}

static int reopen(struct trace_output *o) {
  return o->pipe >= 0 ? open_pipe(o) : open_part(o, ".new");
}

int trace_output_put(struct trace_output *o,
                     int (*writer)(void *ctx, const struct trace_sink *sink), void *ctx) {
  int error = o->path && o->fd < 0 ? reopen(o) : 0;
  if (error == 0)
    error = write_to(o->path ? o->fd : STDOUT_FILENO, writer, ctx);
  return error || !o->part ? error : rename_part(o);
}

int trace_output_write(struct trace_output *o, const struct trace_model *const models[],
                       unsigned count) {
  struct models m = {o->file.format, models, count};
  return trace_output_put(o, write_models, &m);
}

void trace_output_release(struct trace_output *o, bool keep_log) {
  if (o->part)
    unlinkat(o->folder, name_of(o->part), 0);
  if (o->log && !keep_log)
    unlinkat(o->folder, name_of(o->log), 0);
  trace_output_forget(o);
  o->fd = o->folder = o->pipe = -1;
  free(o->part);
  free(o->log);
  free(o->path);
  o->part = o->log = o->path = NULL;
}

const char *trace_output_error(int error) {
  switch (error) {
  case EISDIR:
    return "it is a directory";
  case EWOULDBLOCK:
    return "another run is writing it";
  default:
    return strerror(error);
  }
}
