/* os/shared/ask.c - see ask.h. */
#include "os/shared/ask.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/pidfd.h"
#include "os/shared/wait.h"

enum { SLICE_NS = 20 * 1000 * 1000 }; /* between two looks whether it lives */

/* The word of another process: a futex that is not private. Its value is a hint; whoever waits
 * looks again. */
static void futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *most) {
  syscall(SYS_futex, word, op, value, most, NULL, 0);
}

static bool lives(const struct control *c, uint32_t slot, uint64_t serial) {
  unsigned phase = stamp_phase(control_process_stamp(c, slot, serial));
  return phase == PHASE_CLAIMED || phase == PHASE_RUNNING;
}

int ask(struct control *c, uint32_t slot, uint64_t serial, unsigned question, int64_t deadline_ns) {
  _Atomic uint32_t *word = &c->processes[slot].question;
  const struct timespec slice = {.tv_nsec = SLICE_NS};
  if (!lives(c, slot, serial))
    return -SBX_EGONE;
  int fd = pidfd_open_of(c->processes[slot].pid);
  if (fd < 0)
    return error_call("pidfd_open", errno);
  atomic_fetch_or(word, question);
  int sent =
      lives(c, slot, serial) ? pidfd_signal(fd, WAKE_SIGNAL) : -1; /* still: the pid was its own */
  close(fd);
  if (sent)
    return -SBX_EGONE;
  for (;;) {
    uint32_t now = atomic_load(word);
    if (!(now & question))
      return 0;
    if (!lives(c, slot, serial))
      return -SBX_EGONE;
    if (deadline_passed(deadline_ns))
      return -SBX_ETIMEDOUT;
    futex(word, FUTEX_WAIT, now, &slice);
  }
}

void ask_answered(struct process_record *me, unsigned questions) {
  atomic_fetch_and(&me->question, ~questions);
  futex(&me->question, FUTEX_WAKE, INT_MAX, NULL);
}
