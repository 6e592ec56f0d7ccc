/* os/objects.c - see objects.h. */
#include "os/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "os/outside.h"
#include "os/process/process.h"
#include "os/queue/pipe.h"
#include "os/queue/queue.h"
#include "os/shared/broker.h"
#include "os/shared/hand.h"
#include "os/sync/sync.h"

static bool is_sync(enum object_type type) { return sync_machine_of(type) != NULL; }

/* -- making ---------------------------------------------------------------------------------- */

int object_new(enum object_type type, uint32_t slot, uint64_t serial, struct object **ret) {
  struct object *o = malloc(sizeof *o);
  if (!o)
    return -SBX_ENOMEM;
  *o = (struct object){.type = type, .slot = slot, .serial = serial};
  *ret = o;
  return 0;
}

int objects_new_queue(struct os_backend *b, struct op *op) {
  struct object *o;
  int rc = object_new(OBJECT_QUEUE, 0, 0, &o);
  if (rc)
    return rc;
  if ((rc = queue_create(b, op->new_queue, &o->queue))) {
    free(o);
    return rc;
  }
  o->slot = o->queue->slot;
  o->serial = o->queue->serial;
  op->object = o;
  return 0;
}

int objects_new_pipe(struct os_backend *b, struct op *op) {
  struct object *a, *other;
  int rc = object_new(OBJECT_PIPE, 0, 0, &a);
  if (rc)
    return rc;
  rc = object_new(OBJECT_PIPE, 0, 0, &other);
  if (rc == 0 && (rc = pipe_create(b, op->new_pipe->name, a, other)))
    free(other);
  if (rc) {
    free(a);
    return rc;
  }
  op->new_pipe->ends[0] = a;
  op->new_pipe->ends[1] = other;
  return 0;
}

int objects_new_sync(struct os_backend *b, struct op *op) {
  struct object *o;
  int rc = object_new(op->new_sync->type, 0, 0, &o);
  if (rc)
    return rc;
  if ((rc = sync_create(b, op->new_sync, &o->slot, &o->serial))) {
    free(o);
    return rc;
  }
  op->object = o;
  return 0;
}

/* -- looking --------------------------------------------------------------------------------- */

int objects_look_sync(struct os_backend *b, struct op *op) {
  sync_describe(b->control, op->object->slot, op->sync_info);
  op->sync_info->id = op->object->serial;
  return 0;
}

int objects_look_queue(struct os_backend *b, struct op *op) {
  queue_describe(b, op->object->queue, op->queue_info);
  return 0;
}

int objects_look_pipe(struct os_backend *b, struct op *op) {
  pipe_describe(b, op->object, op->queue_info);
  return 0;
}

int objects_look_process(struct os_backend *b, struct op *op) {
  return process_describe(b, op->object, op->process_info);
}

int objects_parent(struct os_backend *b, struct op *op) {
  const struct process_record *me = my_record(b);
  if (b->slot == 0 || !control_process_stamp(b->control, me->spawner, me->spawner_serial))
    return -SBX_EGONE;
  return object_new(OBJECT_PROCESS, me->spawner, me->spawner_serial, &op->object);
}

int objects_found(struct os_backend *b, uint32_t slot, uint64_t serial, struct object **ret) {
  if (control_process_stamp(b->control, slot, serial))
    atomic_fetch_or(&b->control->processes[slot].flags, FLAG_KNOWN);
  return object_new(OBJECT_PROCESS, slot, serial, ret);
}

static int by_serial(const void *x, const void *y) {
  const struct child *a = x, *b = y;
  return a->serial < b->serial ? -1 : a->serial > b->serial;
}

int objects_children(struct os_backend *b, struct op *op) {
  sigset_t old = children_lock();
  process_reap_all(b);
  uint32_t n = b->child_count;
  struct child *list = malloc((n ? n : 1) * sizeof *list);
  if (list && n)
    memcpy(list, b->children, n * sizeof *list);
  children_unlock(&old);
  int rc = list ? 0 : -SBX_ENOMEM;
  if (list)
    qsort(list, n, sizeof *list, by_serial);
  for (uint32_t i = 0; i < n && rc == 0; i++) {
    struct object *o;
    if ((rc = objects_found(b, list[i].slot, list[i].serial, &o)) == 0) {
      o->own_child = true;
      rc = op->visitor->visit(op->visitor->ctx, o);
    }
  }
  free(list);
  return rc;
}

int objects_descendants(struct os_backend *b, struct op *op) {
  int rc = 0;
  for (uint32_t i = 0; i < control_process_end(b->control) && rc == 0; i++) {
    struct object *o;
    uint64_t serial = control_process_descends(b->control, i, op->object->slot, op->object->serial);
    if (serial && (rc = objects_found(b, i, serial, &o)) == 0)
      rc = op->visitor->visit(op->visitor->ctx, o);
  }
  return rc;
}

/* -- handles --------------------------------------------------------------------------------- */

int objects_export(struct os_backend *b, struct op *op) {
  const struct handles_request *r = op->handles;
  int rc = supervisor_ensure(b);
  return rc ? rc : hand_export_refs(b, r->by, r->refs, r->count);
}

int objects_fetch(struct os_backend *b, struct op *op) {
  return hand_fetch(b, op->handles->by, op->handles->refs, op->handles->count);
}

int objects_land(struct os_backend *b, struct op *op) {
  hand_drop(b, op->ref);
  return 0;
}

int objects_import(struct os_backend *b, struct op *op) {
  const struct object_ref *ref = op->ref;
  struct object *o;
  bool sync = is_sync((enum object_type)ref->type);
  if (ref->type != OBJECT_QUEUE && ref->type != OBJECT_PROCESS && !sync)
    return -SBX_EDATA;
  if (ref->slot == OUTSIDE_SLOT)
    return -SBX_EAWAY;
  int rc = object_new((enum object_type)ref->type, ref->slot, ref->serial, &o);
  if (rc)
    return rc;
  if (o->type == OBJECT_QUEUE)
    rc = queue_hold(b, ref->slot, ref->serial, &o->queue);
  else if (o->type == OBJECT_PIPE)
    rc = pipe_import(b, ref, o);
  else if (sync)
    rc = sync_import(b, ref);
  else if (ref->slot >= PROCESS_SLOTS)
    rc = -SBX_EDATA;
  else
    for (uint32_t i = 0; i < b->child_count; i++)
      o->own_child |= b->children[i].serial == ref->serial;
  if (rc) {
    free(o);
    return rc;
  }
  op->object = o;
  return 0;
}

int objects_release(struct os_backend *b, struct op *op) {
  struct object *o = op->object;
  if (o->type == OBJECT_QUEUE) {
    bool exported = atomic_load(&b->control->queues[o->slot].exported);
    queue_drop(b, o->queue);
    if (exported)
      broker_notify(b, BROKER_RELEASE, o->slot, o->serial);
  } else if (o->type == OBJECT_PIPE) {
    pipe_drop(b, o);
  } else if (is_sync(o->type)) {
    sync_drop(b, o->slot, o->serial);
  } else if (o->keeper && control_process_stamp(b->control, o->slot, o->serial)) {
    atomic_fetch_or(&b->control->processes[o->slot].flags,
                    o->shares == b->shares ? FLAG_RELEASED : FLAG_RELEASED | FLAG_KNOWN);
  }
  free(o);
  return 0;
}
