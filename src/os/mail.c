/* os/mail.c - see mail.h. */
#include "os/mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "os/objects.h"
#include "os/queue/queue.h"
#include "os/shared/hand.h"
#include "os/shared/names.h"
#include "os/shared/seek.h"
#include "os/shared/trace.h"
#include "os/shared/wait.h"

/* -- mailboxes --------------------------------------------------------------------------------- */

/* Make a queue for process p and enter it in place of `old`. Another process may be quicker. */
static int make_mailbox(struct os_backend *b, struct op *op, uint64_t old) {
  const struct object *p = op->object;
  struct queue_options o = {
      .transport = TRANSPORT_AUTO, .owner = p->slot, .owner_serial = p->serial};
  struct op making = {.kind = OP_QUEUE_NEW, .new_queue = &o};
  char name[NAME_MAX_BYTES + 32];
  int len = snprintf(name, sizeof name, "mail of %s", b->control->processes[p->slot].name);
  if (p->serial != 1)
    snprintf(name + len, sizeof name - (size_t)len, "#%" PRIu64, p->serial);
  o.name = name;
  int rc = objects_new_queue(b, &making);
  if (rc)
    return rc;
  struct object_ref ref = {OBJECT_QUEUE, making.object->slot, making.object->serial};
  rc = hand_export_refs(b, op, &ref, 1);
  names_note(b->control, &ref);
  FAULT("mail.before-commit");
  if (rc == 0 && atomic_compare_exchange_strong(&b->control->mail[p->slot], &old,
                                                who_of(ref.slot, p->serial))) {
    names_moved(b->control, ref.slot);
    trace_made(b, &making);
    op->object = making.object;
    return 0;
  }
  objects_release(b, &making);
  return rc ? rc : -SBX_EAGAIN;
}

/* Hold the mailbox in this slot. -SBX_EAGAIN: it is gone, as its process. */
static int hold_mailbox(struct os_backend *b, struct op *op, uint32_t slot) {
  uint64_t stamp = atomic_load(&b->control->object_stamp[slot]);
  struct object_ref ref = {OBJECT_QUEUE, slot, stamp_serial(stamp)};
  struct op import = {.kind = OP_HANDLE_IMPORT, .ref = &ref};
  if (stamp_phase(stamp) != OBJECT_LIVE)
    return -SBX_EAGAIN;
  int rc = queue_share_fetch(b, op, &ref);
  if (rc == 0)
    rc = objects_import(b, &import);
  if (rc)
    return rc == -SBX_EGONE ? -SBX_EAGAIN : rc;
  if (b->control->queues[slot].owner_serial != op->object->serial) { /* the slot was used again */
    objects_release(b, &import);
    return -SBX_EAGAIN;
  }
  op->object = import.object;
  return 0;
}

static int try_mailbox(struct os_backend *b, struct op *op) {
  const struct object *p = op->object;
  const struct control *c = b->control;
  uint64_t stamp = control_process_stamp(c, p->slot, p->serial);
  if (!phase_lives(stamp_phase(stamp)) || stamp_phase(stamp) == PHASE_EXITED)
    return -SBX_EGONE;
  uint64_t mail = atomic_load(&c->mail[p->slot]);
  if (who_serial(mail) != p->serial)
    return make_mailbox(b, op, mail);
  return hold_mailbox(b, op, who_slot(mail));
}

int process_mail(struct os_backend *b, struct op *op) {
  int rc = supervisor_ensure(b);
  if (rc)
    return rc;
  do
    rc = try_mailbox(b, op);
  while (rc == -SBX_EAGAIN);
  return rc;
}

/* -- by name ----------------------------------------------------------------------------------- */

/* Also one that was spawned and has not begun yet. */
static bool may_be_found(const struct control *c, uint32_t slot, uint64_t stamp) {
  unsigned phase = stamp_phase(stamp);
  return phase == PHASE_RUNNING || (phase == PHASE_CLAIMED && control_process_exists(c, slot));
}

/* The serial of the process in `slot` if it has the name, else 0. While it is looked at it may begin,
 * and is still the one. */
static uint64_t named(const struct control *c, uint32_t slot, const char *name) {
  const struct process_record *p = &c->processes[slot];
  uint64_t stamp, serial;
  bool has_it;
  do {
    stamp = atomic_load(&c->process_stamp[slot]);
    serial = stamp_serial(stamp);
    has_it = may_be_found(c, slot, stamp) && atomic_load(&p->serial) == serial &&
             strncmp(p->name, name, NAME_MAX_BYTES) == 0;
    FAULT("mail.look");
  } while (atomic_load(&c->process_stamp[slot]) != stamp);
  return has_it ? serial : 0;
}

/* Serials grow: the oldest has the lowest. 0: nobody has the name. */
static uint64_t find_named(const struct control *c, const char *name, uint32_t *ret_slot) {
  uint64_t found = 0;
  for (uint32_t slot = 0; slot < control_process_end(c); slot++) {
    uint64_t serial = named(c, slot, name);
    if (!serial || (found && serial > found))
      continue;
    found = serial;
    *ret_slot = slot;
  }
  return found;
}

int process_find(struct os_backend *b, struct op *op) {
  char name[NAME_MAX_BYTES];
  uint32_t slot = 0;
  uint64_t serial;
  int rc = 0;
  snprintf(name, sizeof name, "%.*s", (int)op->len, (const char *)op->data);
  seek_begin(b); /* before the first look */
  while ((serial = find_named(b->control, name, &slot)) == 0 && rc == 0)
    rc = deadline_passed(op->deadline_ns) ? -SBX_ETIMEDOUT
                                          : wait_fds(b, op, NULL, 0, op->deadline_ns);
  seek_end(b);
  return serial ? objects_found(b, slot, serial, &op->object) : rc;
}
