/* os/supervisor/family.c - see family.h. */
#include "os/supervisor/family.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/shared/proc.h"

enum {
  GENERATIONS_MOST = 4096
}; /* a tree that is deeper than that is being forked by an attacker */

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

struct visitor {
  void (*visit)(void *ctx, pid_t pid);
  void *ctx;
};

static bool visit_namespace(const struct visitor *v) {
  DIR *proc = opendir("/proc");
  if (!proc)
    return false;
  for (struct dirent *e; (e = readdir(proc));) {
    int pid = atoi(e->d_name);
    if (pid > 0 && pid != getpid())
      v->visit(v->ctx, pid);
  }
  closedir(proc);
  return true;
}

static void visit_below(const struct visitor *v, pid_t pid, int depth);

/* The children that one thread has made. */
static void visit_children(const struct visitor *v, pid_t pid, int thread, int depth) {
  char path[64];
  int child;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, thread);
  FILE *f = fopen(path, "re");
  while (f && fscanf(f, "%d", &child) == 1) {
    v->visit(v->ctx, child);
    visit_below(v, child, depth + 1);
  }
  if (f)
    fclose(f);
}

static void visit_below(const struct visitor *v, pid_t pid, int depth) {
  enum { DEPTH_MOST = 256 }; /* each has two files open */
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *tasks = depth < DEPTH_MOST ? opendir(path) : NULL;
  if (!tasks)
    return;
  for (struct dirent *e; (e = readdir(tasks));)
    if (atoi(e->d_name) > 0)
      visit_children(v, pid, atoi(e->d_name), depth);
  closedir(tasks);
}

/* Not every kernel is built with lists of children. */
static bool are_listed(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  return access(path, R_OK) == 0;
}

bool family_each(void (*visit)(void *ctx, pid_t pid), void *ctx) {
  const struct visitor v = {visit, ctx};
  if (distrust == ALONE)
    return visit_namespace(&v);
  if (distrust == TRUSTED || !are_listed())
    return false;
  visit_below(&v, getpid(), 0);
  return true;
}
