/* os/shared/state.c - see state.h. */
#include "os/shared/state.h"

#include <time.h>

#include "os/shared/broker.h"
#include "os/shared/proc.h"

enum { STATE_BITS = 8, TRIES = 400 }; /* 20 ms: a supervisor that is stopped does not answer */

static struct os_backend *backend; /* of this process, also after a fork */

/* The answer, or 0. */
static char ask_about(uint32_t slot, uint64_t serial) {
  const struct timespec pause = {.tv_nsec = 50 * 1000};
  _Atomic uint32_t *seen = &backend->control->processes[slot].seen;
  uint32_t before = atomic_load(seen), now = before;
  bool asked = false;
  for (int i = 0; i < TRIES && (now = atomic_load(seen)) == before; i++) {
    asked = asked || broker_notify(backend, BROKER_STATE, slot, serial); /* it may be busy */
    nanosleep(&pause, NULL);
  }
  return now == before ? 0 : (char)(now & ((1U << STATE_BITS) - 1));
}

static char ask(pid_t pid) {
  const struct control *c = backend->control;
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    uint64_t stamp = atomic_load(&c->process_stamp[i]);
    if (phase_lives(stamp_phase(stamp)) && control_process_pid(c, i, stamp) == pid)
      return ask_about(i, stamp_serial(stamp));
  }
  return 0;
}

void state_by_supervisor(struct os_backend *b) {
  backend = b;
  proc_ask_instead(ask);
}

void state_tell(struct control *c, uint32_t slot, uint64_t serial) {
  uint64_t stamp = slot < PROCESS_SLOTS ? control_process_stamp(c, slot, serial) : 0;
  pid_t pid = stamp ? control_process_pid(c, slot, stamp) : 0;
  if (pid <= 0)
    return;
  _Atomic uint32_t *seen = &c->processes[slot].seen;
  uint32_t times = (atomic_load(seen) >> STATE_BITS) + 1;
  atomic_store(seen, times << STATE_BITS | (uint8_t)proc_state(pid));
}
