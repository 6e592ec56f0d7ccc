/* os/supervisor/tree.c - signalling, killing and reaping a whole tree; see supervisor_internal.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pidfd.h"
#include "os/shared/proc.h"
#include "os/supervisor/family.h"
#include "os/supervisor/supervisor_internal.h"

static void signal_record(struct control *c, uint32_t slot, int signal) {
  uint64_t stamp = atomic_load(&c->process_stamp[slot]);
  pid_t pid = control_process_pid(c, slot, stamp);
  if (!phase_lives(stamp_phase(stamp)) || pid <= 0)
    return;
  int fd = pidfd_open_of(pid);
  if (fd < 0)
    return;
  bool ours =
      family_may_signal(pid); /* should it end meanwhile, the descriptor reaches nobody else */
  uint64_t now = atomic_load(&c->process_stamp[slot]);
  /* It lives after the pidfd was opened: nobody had reaped it, so the pid was its own. */
  if (ours && stamp_serial(now) == stamp_serial(stamp) && phase_lives(stamp_phase(now)))
    pidfd_signal(fd, signal);
  close(fd);
}

void tree_signal_one(struct control *c, uint32_t slot, uint64_t serial, int signal) {
  if (slot < PROCESS_SLOTS && control_process_stamp(c, slot, serial))
    signal_record(c, slot, signal);
}

void tree_signal(struct control *c, int signal) {
  for (uint32_t i = 0; i < control_process_end(c); i++)
    signal_record(c, i, signal);
  if (signal == SIGINT) /* those that are paused, too */
    for (uint32_t i = 0; i < control_process_end(c); i++)
      signal_record(c, i, SIGCONT);
}

static bool is_spared(const struct control *c, pid_t pid) {
  for (int i = 0; i < SPARED_MAX; i++)
    if (atomic_load(&c->spared[i]) == pid)
      return true;
  return false;
}

/* Kill the supervisor's own children, as the kernel lists them: they cannot be reaped meanwhile but
 * by us. `all`: also those that are spared for a moment. */
static void kill_children(const struct control *c, bool all) {
  FILE *f = proc_children(getpid(), getpid());
  int pid;
  while (f && fscanf(f, "%d", &pid) == 1)
    if (all || !is_spared(c, pid))
      kill(pid, SIGKILL);
  if (f)
    fclose(f);
}

static void fill_by_pid(struct os_backend *b, pid_t pid, const siginfo_t *info) {
  struct control *c = b->control;
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    uint64_t stamp = atomic_load(&c->process_stamp[i]);
    unsigned phase = stamp_phase(stamp);
    if (phase_lives(phase) && control_process_pid(c, i, stamp) == pid) {
      if (b->trace)
        trace_ended(b, i, stamp_serial(stamp), info);
      control_process_ended(c, i, stamp_serial(stamp), info);
      return;
    }
  }
}

bool tree_reap(struct os_backend *b, pid_t main_pid, siginfo_t *ret_main) {
  bool main_ended = false;
  for (;;) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == 0)
      return main_ended;
    /* The record is filled while the pid still belongs to the zombie: nobody else can have it. */
    fill_by_pid(b, info.si_pid, &info);
    for (int i = 0; i < SPARED_MAX; i++) {
      int32_t pid = info.si_pid;
      atomic_compare_exchange_strong(&b->control->spared[i], &pid, 0);
    }
    if (info.si_pid == main_pid) {
      *ret_main = info;
      main_ended = true;
    }
    waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
  }
}

static bool anybody_left(const struct control *c) {
  for (uint32_t i = 1; i < control_process_end(c); i++) {
    pid_t pid = control_process_pid(c, i, atomic_load(&c->process_stamp[i]));
    if (control_process_alive(c, i) && pid > 0 && kill(pid, 0) == 0)
      return true;
  }
  return false;
}

void tree_leave(struct control *c) {
  for (uint32_t i = 0; i < control_process_end(c); i++)
    if (control_process_alive(c, i))
      atomic_fetch_or(&c->processes[i].flags, FLAG_LEFT);
}

enum { SPARED_ROUNDS = 500 }; /* a second */

/* A subreaper without children has no descendants. */
static bool has_children(struct os_backend *b) {
  siginfo_t info = {0};
  tree_reap(b, 0, &info);
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

void tree_kill(struct os_backend *b, bool subreaper) {
  struct control *c = b->control;
  atomic_store(&c->ending, 1);
  for (int round = 0; round < 5000; round++) {
    if (subreaper && !has_children(b))
      return;
    tree_signal(c, SIGKILL);
    if (!subreaper && !anybody_left(c))
      return;
    if (subreaper) {
      kill_children(c, round >= SPARED_ROUNDS);
      family_kill();
    }
    usleep(round < 10 ? 200 : 2000);
  }
}
