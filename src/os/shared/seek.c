/* os/shared/seek.c - see seek.h. */
#include "os/shared/seek.h"

#include <signal.h>

#include "base/child_code.h"
#include "base/fault.h"
#include "os/shared/wait.h"

static uint64_t bit_of(uint32_t slot) { return UINT64_C(1) << (slot % 64); }

void seek_begin(struct os_backend *b) {
  atomic_fetch_or(&b->control->seekers[b->slot / 64], bit_of(b->slot));
}

void seek_end(struct os_backend *b) {
  atomic_fetch_and(&b->control->seekers[b->slot / 64], ~bit_of(b->slot));
}

static void wake(const struct control *c, uint32_t slot) {
  pid_t pid = control_process_pid(c, slot, atomic_load(&c->process_stamp[slot]));
  if (pid > 0)
    kill(pid, WAKE_SIGNAL); /* harmless, should the process be another one by now */
}

CHILD_CODE
void seek_born(struct os_backend *b) {
  const struct control *c = b->control;
  FAULT("seek.born");
  for (uint32_t word = 0; word <= (control_process_end(c) - 1) / 64; word++) {
    uint64_t seekers = atomic_load(&c->seekers[word]);
    for (; seekers; seekers &= seekers - 1)
      wake(c, word * 64 + (uint32_t)__builtin_ctzll(seekers));
  }
}
