/* os/supervisor/suspend.c - see suspend.h. Processes are found in /proc: programs have no
 * record. */
#include "os/supervisor/suspend.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "os/shared/proc.h"
#include "os/supervisor/family.h"

enum { ROUNDS_MOST = 200, PAUSE_NS = 2 * 1000 * 1000 };

/* Append a pid; without memory it is left out. */
static void add(struct suspended *list, pid_t pid) {
  if (list->count == list->cap) {
    size_t cap = list->cap ? 2 * list->cap : 16;
    pid_t *pids = realloc(list->pids, cap * sizeof *pids);
    if (!pids)
      return;
    list->pids = pids;
    list->cap = cap;
  }
  list->pids[list->count++] = pid;
}

static bool has(const struct suspended *list, pid_t pid) {
  for (size_t i = 0; i < list->count; i++)
    if (list->pids[i] == pid)
      return true;
  return false;
}

static void release(struct suspended *list) {
  free(list->pids);
  *list = (struct suspended){0};
}

/* The process groups of the run, except the caller's. */
static void find_groups(const struct control *c, struct suspended *ret) {
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    pid_t pid = control_process_pid(c, i, atomic_load(&c->process_stamp[i]));
    bool ours = pid > 0 && control_process_alive(c, i) && family_may_signal(pid);
    pid_t group = ours ? getpgid(pid) : -1;
    if (group > 0 && group != getpgrp() && !has(ret, group))
      add(ret, group);
  }
}

/* Call a function for each process in these groups. */
static void each_member(const struct suspended *groups,
                        void (*call)(void *ctx, pid_t pid, char state), void *ctx) {
  const struct dirent *entry;
  DIR *proc = opendir("/proc");
  while (proc && (entry = readdir(proc))) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid > 0 && has(groups, getpgid(pid)))
      call(ctx, pid, proc_state(pid));
  }
  if (proc)
    closedir(proc);
}

static bool stands(char state) { return state == 'T' || state == 't'; }
static bool is_dead(char state) { return state == 0 || state == 'Z' || state == 'X'; }

static void note_standing(void *ctx, pid_t pid, char state) {
  if (stands(state))
    add(ctx, pid);
}

static void stop_running(void *ctx, pid_t pid, char state) {
  if (stands(state) || is_dead(state))
    return;
  kill(pid, SIGSTOP);
  *(bool *)ctx = true;
}

static void go_on(void *ctx, pid_t pid, char state) {
  if (stands(state) && !has(ctx, pid))
    kill(pid, SIGCONT);
}

/* Repeat until none runs: a process may have been forking meanwhile. */
void suspend_run(const struct control *c, struct suspended *ret) {
  const struct timespec pause = {.tv_nsec = PAUSE_NS};
  struct suspended groups = {0};
  bool some = true;
  find_groups(c, &groups);
  each_member(&groups, note_standing, ret);
  for (int round = 0; some && round < ROUNDS_MOST; round++) {
    some = false;
    each_member(&groups, stop_running, &some);
    if (some)
      nanosleep(&pause, NULL);
  }
  release(&groups);
}

void suspend_end(const struct control *c, struct suspended *s) {
  struct suspended groups = {0};
  find_groups(c, &groups);
  each_member(&groups, go_on, s);
  release(&groups);
  release(s);
}
