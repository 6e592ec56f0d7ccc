/* prompt/waits_file.c - see waits_file.h. */
#include "prompt/waits_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/policy_path.h"
#include "look/trace/graph.h"
#include "look/waits.h"

static int explain(struct buf *said, const char *path, int rc, const char *why) {
  return buf_format(said, "'%s': %s", path, why) ? -SBX_ENOMEM : rc;
}

/* 0, or -SBX_ESYSTEM and errno. */
static int write_to(FILE *file, const struct buf *data) {
  if (!file)
    return -SBX_ESYSTEM;
  bool all = fwrite(data->data, 1, data->len, file) == data->len;
  int saved = errno;
  if (fclose(file) == 0 && all)
    return 0;
  errno = all ? errno : saved;
  return -SBX_ESYSTEM;
}

/* A new file. A link of that name, which somebody put there, leads to another one. */
static FILE *open_part(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0666);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
  if (fd >= 0 && !file) {
    int saved = errno;
    close(fd);
    errno = saved;
  }
  return file;
}

/* The file that the policy lets be written: a strict session could change what is beside it. */
static FILE *open_allowed(const struct policy *p, const char *path) {
  FILE *file = NULL;
  if (!policy_fopen(p, path, "w", POLICY_WRITE, NULL, &file))
    errno = EACCES;
  return file;
}

/* Through a file beside it, which takes its place when it is whole. What is no file, such as a link or a
 * device, is written to. */
static int write_file(const struct policy *p, const char *path, const struct buf *data) {
  struct stat about;
  struct buf part = {0};
  if (policy_is_strict(p))
    return write_to(open_allowed(p, path), data);
  if (lstat(path, &about) == 0 && !S_ISREG(about.st_mode))
    return write_to(fopen(path, "we"), data);
  int rc = buf_format(&part, "%s.part", path);
  if (rc == 0)
    rc = buf_append_byte(&part, '\0');
  if (rc == 0)
    rc = write_to(open_part((const char *)part.data), data);
  if (rc == 0 && rename((const char *)part.data, path) != 0)
    rc = -SBX_ESYSTEM;
  int saved = errno;
  if (rc && part.len)
    unlink((const char *)part.data);
  buf_release(&part);
  errno = saved;
  return rc;
}

static uint32_t count_waiting(const struct snapshot *s) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++)
    n += s->processes[i].lives && s->processes[i].op.kind != OP_NONE;
  return n;
}

int waits_write(struct backend *b, uint64_t idle, const char *path, const struct policy *p,
                struct buf *said) {
  struct snapshot s = {0};
  struct buf picture = {0};
  size_t len = strlen(path);
  if (len < 4 || strcmp(path + len - 4, ".svg") != 0)
    return explain(said, path, -SBX_EINVAL, "the picture is a file whose name ends in .svg");
  if (!policy_may_write(p, path))
    return explain(said, path, -SBX_EINVAL,
                   "writing it is not allowed in strict mode (see --allow-write)");
  int rc = b->run->look(b, SNAPSHOT_QUEUES, &s);
  if (rc == 0)
    rc = waits_find(&s, idle);
  if (rc == 0)
    rc = trace_graph_of_snapshot(&s, &picture);
  if (rc == 0)
    rc = write_file(p, path, &picture);
  uint32_t waiting = count_waiting(&s);
  if (rc)
    rc = explain(said, path, rc, rc == -SBX_ESYSTEM ? strerror(errno) : error_text(rc));
  else if (buf_format(said, "wrote %s: %u process%s in it wait%s\n", path, waiting,
                      waiting == 1 ? "" : "es", waiting == 1 ? "s" : ""))
    rc = -SBX_ENOMEM;
  snapshot_release(&s);
  buf_release(&picture);
  return rc;
}
