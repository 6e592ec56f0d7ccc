/* os/process/failure.c - see failure.h. */
#include "os/process/failure.h"

#include "base/fault.h"
#include "os/shared/broker.h"
#include "os/shared/results.h"

void failure_note(struct os_backend *b) {
  atomic_fetch_add(&b->control->failures_noted, 1);
  broker_notify(b, BROKER_FAILURE, 0, 0);
}

int failure_of_task(struct os_backend *b, const struct buf *report, uint64_t order,
                    struct object_ref *ret) {
  struct control *c = b->control;
  uint32_t slot;
  int rc = control_failure_claim(c, b->slot, b->serial, &slot);
  if (rc)
    return rc;
  FAULT("failure.claimed");
  results_reclaim(b, slot); /* what the record told of before */
  control_process_reset(c, slot, 0, b->slot, b->serial);
  FAULT("failure.reset");
  c->processes[slot].seed = order;
  rc = results_store_report(b, slot, report);
  FAULT("failure.before-publish");
  uint64_t serial = control_failure_publish(c, slot, b->slot, b->serial);
  FAULT("failure.published");
  *ret = (struct object_ref){.type = OBJECT_PROCESS, .slot = slot, .serial = serial};
  return rc;
}

void failure_counts(struct os_backend *b, const struct object_ref *ref) {
  struct process_record *p = &b->control->processes[ref->slot];
  if (!control_process_stamp(b->control, ref->slot, ref->serial) || p->failed_ns)
    return;
  p->exit_code = 1;
  p->failed_ns = clock_now_ns();
  atomic_fetch_or(&p->flags, FLAG_RELEASED); /* it lasts until it is looked at, or reported */
  failure_note(b);
}

void failure_joined(struct control *c, const struct object_ref *ref) {
  if (control_process_stamp(c, ref->slot, ref->serial))
    atomic_fetch_or(&c->processes[ref->slot].flags, FLAG_JOINED);
  else /* it was counted when its record was used again */
    atomic_fetch_sub(&c->failures_dropped, 1);
}

void failure_looked(struct control *c, const struct object_ref *ref) {
  _Atomic uint32_t *flags = &c->processes[ref->slot].flags;
  if (!control_process_stamp(c, ref->slot, ref->serial))
    return; /* it was reported */
  atomic_fetch_or(flags, FLAG_LOOKED);
  if (!control_process_stamp(c, ref->slot, ref->serial)) /* it was used again just now */
    atomic_fetch_and(flags, ~(uint32_t)FLAG_LOOKED);
}
