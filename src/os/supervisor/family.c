/* os/supervisor/family.c - see family.h. */
#include "os/supervisor/family.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/shared/proc.h"

/* Only an attacker forks a deeper tree. */
enum { GENERATIONS_MOST = 4096 };

static enum { TRUSTED, BELOW, ALONE } distrust;

void family_distrust(bool alone) { distrust = alone ? ALONE : BELOW; }

/* A child is known also where there is no /proc. */
static bool is_below(pid_t pid) {
  siginfo_t unused;
  if (waitid(P_PID, (id_t)pid, &unused, WEXITED | WNOHANG | WNOWAIT) == 0)
    return true;
  for (int i = 0; i < GENERATIONS_MOST && pid > 1; i++) {
    pid = proc_parent(pid);
    if (pid == getpid())
      return true;
  }
  return false;
}

/* In a namespace of its own there are no others; the first process, which is this one, is no target. */
bool family_may_signal(pid_t pid) {
  return distrust == TRUSTED || (distrust == ALONE ? pid > 1 : is_below(pid));
}

void family_kill(void) {
  if (distrust == ALONE && getpid() == 1)
    kill(-1, SIGKILL);
}

/* -- each -------------------------------------------------------------------------------------- */

static bool visit_namespace(void (*visit)(void *ctx, pid_t pid), void *ctx) {
  DIR *proc = opendir("/proc");
  if (!proc)
    return false;
  for (struct dirent *e; (e = readdir(proc));) {
    int pid = atoi(e->d_name);
    if (pid > 0 && pid != getpid())
      visit(ctx, pid);
  }
  closedir(proc);
  return true;
}

/* Not every kernel is built with lists of children. */
static bool are_listed(void) {
  FILE *f = proc_children(getpid(), getpid());
  if (f)
    fclose(f);
  return f != NULL;
}

struct pids {
  pid_t *list; /* owned */
  size_t count, cap;
};

static bool add(struct pids *p, pid_t pid) {
  if (p->count == p->cap) {
    size_t cap = p->cap ? 2 * p->cap : 64;
    pid_t *grown = realloc(p->list, cap * sizeof *grown);
    if (!grown)
      return false;
    p->list = grown;
    p->cap = cap;
  }
  p->list[p->count++] = pid;
  return true;
}

/* The children that each thread of a process has made. False: no memory. */
static bool add_children(struct pids *p, pid_t pid) {
  char path[32];
  bool well = true;
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *tasks = opendir(path);
  for (struct dirent *e; well && tasks && (e = readdir(tasks));) {
    int thread = atoi(e->d_name), child;
    FILE *f = thread > 0 ? proc_children(pid, thread) : NULL;
    while (well && f && fscanf(f, "%d", &child) == 1)
      well = add(p, child);
    if (f)
      fclose(f);
  }
  if (tasks)
    closedir(tasks);
  return well;
}

bool family_each(void (*visit)(void *ctx, pid_t pid), void *ctx) {
  struct pids p = {0};
  if (distrust == ALONE)
    return visit_namespace(visit, ctx);
  if (distrust == TRUSTED || !are_listed())
    return false;
  bool well = add(&p, getpid());
  for (size_t i = 0; well && i < p.count; i++)
    well = add_children(&p, p.list[i]);
  for (size_t i = 1; well && i < p.count; i++)
    visit(ctx, p.list[i]);
  free(p.list);
  return well;
}
