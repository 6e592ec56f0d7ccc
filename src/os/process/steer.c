/* os/process/steer.c - see steer.h. */
#include "os/process/steer.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/pidfd.h"
#include "os/shared/wait.h"

static int send(int pidfd, pid_t pid, int signal) {
  return pidfd >= 0 ? pidfd_signal(pidfd, signal) : kill(pid, signal);
}

int steer_signal(struct control *c, uint32_t slot, uint64_t serial, int signal) {
  struct process_record *record = &c->processes[slot];
  int rc = 0;
  uint64_t stamp = control_process_stamp(c, slot, serial);
  pid_t pid = control_process_pid(c, slot, stamp);
  if (!stamp)
    return -SBX_EGONE;
  int fd = pid > 0 ? pidfd_open_of(pid) : -1;
  stamp = control_process_stamp(c, slot, serial);
  if (phase_lives(stamp_phase(stamp)) && pid > 0) { /* still: the pidfd is its own */
    if (signal == SIGINT || signal == SIGTERM || signal == SIGKILL)
      atomic_fetch_or(&record->flags, FLAG_EXPECTED);
    bool far = record->host[0] != '\0'; /* it sends the signal on */
    if (far && (signal == SIGSTOP || signal == SIGCONT)) /* the later of the two counts */
      atomic_fetch_and(&record->wanted, ~(1U << SIGSTOP | 1U << SIGCONT));
    if (far)
      atomic_fetch_or(&record->wanted, 1U << signal);
    bool wakes =
        !far && (signal == SIGINT || signal == SIGTERM); /* a paused process must get it, too */
    int sent = send(fd, pid, far ? WAKE_SIGNAL : signal);
    if (sent == 0 && wakes)
      sent = send(fd, pid, SIGCONT);
    if (sent && errno != ESRCH)
      rc = -SBX_ESYSTEM;
  }
  if (fd >= 0)
    close(fd);
  return rc;
}

int steer_mute(struct control *c, uint32_t slot, uint64_t serial, bool mute) {
  if (!control_process_stamp(c, slot, serial))
    return -SBX_EGONE;
  atomic_store(&c->processes[slot].muted, mute);
  return 0;
}

int steer_follow(struct control *c, uint32_t slot, uint64_t serial) {
  int rc = serial ? steer_mute(c, slot, serial, false) : 0;
  if (rc == 0)
    atomic_store(&c->follow, serial);
  return rc;
}
