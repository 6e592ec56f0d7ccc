/* os/shared/proc.c - see proc.h. */
#include "os/shared/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* -- /proc/PID/stat and statm ---------------------------------------------------------------- */

/* The beginning of a file below /proc/PID, as a string; "" if there is none. */
static void read_file(pid_t pid, const char *name, char *ret, size_t size) {
  char path[48];
  ret[0] = '\0';
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  ssize_t n = read(fd, ret, size - 1);
  close(fd);
  ret[n > 0 ? n : 0] = '\0';
}

/* What follows the name, which stands in parentheses and may hold any byte; "" if there is nothing.
 */
static const char *after_name(const char *stat) {
  const char *paren = strrchr(stat, ')');
  return paren && paren[1] == ' ' ? paren + 2 : "";
}

static char (*ask_instead)(pid_t pid);

void proc_ask_instead(char (*ask)(pid_t pid)) { ask_instead = ask; }

char proc_state(pid_t pid) {
  char text[512];
  read_file(pid, "stat", text, sizeof text);
  if (text[0] == '\0' && ask_instead)
    return ask_instead(pid);
  return *after_name(text);
}

pid_t proc_parent(pid_t pid) {
  char text[512];
  int parent;
  read_file(pid, "stat", text, sizeof text);
  return sscanf(after_name(text), "%*c %d", &parent) == 1 ? parent : 0;
}

FILE *proc_children(pid_t pid, pid_t thread) {
  char path[64];
  /* Where /proc is that of another namespace, our number is somebody else's there. */
  if (pid == getpid())
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)thread);
  else
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)thread);
  return fopen(path, "re");
}

int proc_usage(pid_t pid, struct proc_usage *ret) {
  char text[1024];
  unsigned long user, system, resident, shared;
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  *ret = (struct proc_usage){0};
  read_file(pid, "stat", text, sizeof text);
  /* state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime */
  if (sscanf(after_name(text), "%c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ret->state,
             &user, &system) != 3) {
    *ret = (struct proc_usage){0};
    return -SBX_EGONE;
  }
  ret->cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
  read_file(pid, "statm", text, sizeof text);
  if (sscanf(text, "%*u %lu %lu", &resident, &shared) == 2) {
    ret->rss_bytes = resident * page;
    ret->private_bytes = (resident > shared ? resident - shared : 0) * page;
  }
  return 0;
}

int proc_totals(pid_t pid, struct proc_totals *ret) {
  char text[1024];
  unsigned long user, system, children_user, children_system, resident;
  read_file(pid, "stat", text, sizeof text);
  /* as in proc_usage, then: cutime cstime priority nice num_threads itrealvalue starttime vsize rss */
  if (sscanf(
          after_name(text),
          "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu %*d %*d %*d %*d %*u %*u %lu",
          &user, &system, &children_user, &children_system, &resident) != 5)
    return -SBX_EGONE;
  uint64_t ticks = user + system + children_user + children_system;
  ret->cpu_ns = (int64_t)(ticks * (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK)));
  ret->resident = resident * (uint64_t)sysconf(_SC_PAGESIZE);
  return 0;
}

/* "Pss_Anon:            1234 kB" */
static uint64_t kilobytes(const char *text, const char *name) {
  const char *line = strstr(text, name);
  return line ? strtoull(line + strlen(name), NULL, 10) << 10 : 0;
}

int proc_parts(pid_t pid, uint64_t *ret_anonymous, uint64_t *ret_shared) {
  char text[2048];
  read_file(pid, "smaps_rollup", text, sizeof text);
  if (text[0] == '\0')
    return -SBX_EGONE;
  *ret_anonymous = kilobytes(text, "Pss_Anon:");
  *ret_shared = kilobytes(text, "Pss_Shmem:");
  return 0;
}

/* -- /proc/PID/fd ---------------------------------------------------------------------------- */

static void add_pipe(struct proc_pipes *p, uint64_t inode, int fd) {
  if (p->count == p->cap) {
    size_t cap = p->cap ? 2 * p->cap : 64;
    struct proc_pipe *grown = realloc(p->list, cap * sizeof *grown);
    if (!grown)
      return;
    p->list = grown;
    p->cap = cap;
  }
  p->list[p->count++] = (struct proc_pipe){.inode = inode, .fd = fd};
}

static int by_inode(const void *x, const void *y) {
  const struct proc_pipe *a = x, *b = y;
  return a->inode < b->inode ? -1 : a->inode > b->inode;
}

void proc_pipes_of(struct proc_pipes *p, pid_t pid) {
  char path[32];
  struct stat about;
  if (p->pid == pid)
    return;
  p->pid = pid;
  p->count = 0;
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *dir = opendir(path);
  if (!dir)
    return;
  for (struct dirent *e; (e = readdir(dir));)
    if (fstatat(dirfd(dir), e->d_name, &about, 0) == 0 && S_ISFIFO(about.st_mode))
      add_pipe(p, about.st_ino, atoi(e->d_name));
  closedir(dir);
  qsort(p->list, p->count, sizeof *p->list, by_inode);
}

/* The file may be another one by now: then it is not given out. */
static int open_pipe(pid_t pid, const struct proc_pipe *pipe) {
  char path[48];
  struct stat about;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, pipe->fd);
  if (stat(path, &about) || !S_ISFIFO(about.st_mode) || about.st_ino != pipe->inode)
    return -1; /* opening a device or a named pipe could do things */
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0 && (fstat(fd, &about) || about.st_ino != pipe->inode)) {
    close(fd);
    fd = -1;
  }
  return fd;
}

int proc_pipes_open(const struct proc_pipes *p, uint64_t inode) {
  const struct proc_pipe key = {.inode = inode};
  const struct proc_pipe *found =
      p->count ? bsearch(&key, p->list, p->count, sizeof key, by_inode) : NULL;
  return found ? open_pipe(p->pid, found) : -1;
}

void proc_pipes_release(struct proc_pipes *p) {
  free(p->list);
  *p = (struct proc_pipes){0};
}
