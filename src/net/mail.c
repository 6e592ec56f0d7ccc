/*
 * net/mail.c - processes as all hosts of a run name them, and their mailboxes.
 *
 * A reference that leaves its host names a process by its host, its slot and its serial number there (net_process).
 * A far process and what stands for it (host/far.h) have one such name, that of the stand-in: so what a far process
 * sends as itself arrives as the handle that its spawner has. What can be done with a process of another host: away.c.
 *
 * A mailbox is a queue in the engine, found by its process, which is noted as a name of objects is ("named"). Whoever
 * asks first makes it. It is gone as soon as its process is buried (script_bury); and from a process that has
 * ended here nobody takes it for alive until then (is_over_here).
 */
#include <stdlib.h>

#include "net/office.h"

/* -- processes by name ---------------------------------------------------------------------------- */

struct object_ref net_process_ref(uint64_t process) {
  return (struct object_ref){.type = OBJECT_PROCESS,
                             .slot = (uint32_t)(process >> 32 & 0xffff),
                             .serial = process & (NET_IDS - 1)};
}

bool net_process_here(const struct net *n, struct object_ref *ref) {
  if (ref->type != OBJECT_PROCESS || ref->slot != NET_SLOT)
    return false;
  uint64_t process = ref->serial;
  if (n->o.stand_in && process == n->o.stand_in)
    process = net_process(n->o.host, 0, 1);
  if (process >> 48 != n->o.host)
    return false;
  *ref = net_process_ref(process);
  return true;
}

void net_process_everywhere(const struct net *n, struct object_ref *ref) {
  if (ref->type != OBJECT_PROCESS || ref->slot == NET_SLOT)
    return;
  bool main = n->o.stand_in && ref->slot == 0;
  ref->serial = main ? n->o.stand_in : net_process(n->o.host, ref->slot, ref->serial);
  ref->slot = NET_SLOT;
}

/* -- mailboxes ------------------------------------------------------------------------------------ */

/* What this host knows of a process of its own. */
static int look_here(struct net *n, const struct object_ref *local, struct process_info *ret) {
  struct op import = {.kind = OP_HANDLE_IMPORT, .ref = local};
  int rc = n->inner->perform(n->backend, &import);
  if (rc)
    return rc;
  struct op look = {.kind = OP_PROCESS_LOOK, .object = import.object, .process_info = ret};
  struct op release = {.kind = OP_HANDLE_RELEASE, .object = import.object};
  rc = n->inner->perform(n->backend, &look);
  n->inner->perform(n->backend, &release);
  return rc;
}

/* Is it a process of this host that has ended? The keeper may not have come to it. */
static bool is_over_here(struct net *n, uint64_t process, struct process_info *ret) {
  struct object_ref ref = {.type = OBJECT_PROCESS, .slot = NET_SLOT, .serial = process};
  *ret = (struct process_info){.pid = 0};
  if (!net_process_here(n, &ref))
    return false;
  return look_here(n, &ref, ret) ||
         (ret->status != PROCESS_RUNNING && ret->status != PROCESS_STOPPED);
}

/* A process of another host gets its first mail: its home has to know, or nobody might learn of its death. -SBX_EGONE: it
 * has ended. A home that does not answer for the time being will hear of it. */
static int announce_mail(struct net *n, uint64_t process, const struct op *op) {
  const struct office_request q = {.process = process};
  struct office_home home;
  uint8_t field[9] = {'m'};
  struct engine_reply *r = NULL;
  state_put64(field + 1, net_who_of_process(process));
  int rc = net_read_field(n, "named", engine_bytes(field, sizeof field), &r);
  bool known = rc == 0 && r;
  engine_free(r);
  if (rc == 0 && !known)
    rc = office_home_of(n, process, &home);
  if (rc || known)
    return rc;
  if (!home.over)
    rc = office_ask(n, OFFICE_MAIL, &q, op, clock_now_ns() + OFFICE_BRIEF_S * NS_PER_SECOND, &home,
                    NULL);
  return home.over ? -SBX_EGONE : rc == -SBX_ESILENT ? 0 : rc;
}

int net_mail(struct net *n, struct op *op) {
  struct net_state box = {.type = OBJECT_QUEUE, .generation = 1, .name = "mail"};
  struct process_info info;
  struct object_ref ref;
  n->inner->object_ref(op->object, &ref);
  net_process_everywhere(n, &ref);
  if (is_over_here(n, ref.serial, &info))
    return -SBX_EGONE;
  box.aux = net_who_of_process(ref.serial);
  bool kept = info.pid && ref.serial >> 48 == n->o.host; /* by the keeper of this host */
  int rc = kept       ? net_tell_birth(n, box.aux, info.pid)
           : info.pid ? 0 /* the calling process, of which its spawner's host knows */
                      : announce_mail(n, ref.serial, op);
  if (info.pid)
    snprintf(box.name, sizeof box.name, info.id > 1 ? "mail of %.24s#%u" : "mail of %.24s",
             info.name, info.id);
  if (rc == 0)
    rc = net_create(n, &box, op);
  if (rc)
    return rc;
  struct net_object *o = net_object_of(n, op->object);
  o->mail_of = ref.serial;
  o->sent = true; /* others find it by its process */
  return 0;
}

int net_mail_put(struct net *n, struct net_object *o, struct op *op) {
  struct process_info info;
  uint32_t done;
  if (is_over_here(n, o->mail_of, &info))
    return -SBX_ECLOSED;
  int rc = net_transfer(n, o, op, 1, NULL, &done);
  if (rc != -SBX_EFLUSHED)
    return rc;
  int failed = net_learn_dead(n);
  return failed ? failed : net_is_dead(n, net_who_of_process(o->mail_of)) ? -SBX_ECLOSED : rc;
}
