/*
 * net/below.c - what goes on to the backend below, and means something in an engine: ends and births of processes, and
 * messages that name objects in an engine, which need nobody here to hold them.
 */
#include <stdlib.h>
#include <unistd.h>

#include "net/internal.h"

/* Has the calling process done anything there, and may it still? */
bool net_takes_part(const struct net *n) { return n->pid == getpid() && !n->fenced; }

/* As this host has it. False: the backend below does not know it. */
static bool refers_below(struct object_ref *ref) {
  const struct net *n = net_of_tag(0);
  return ref->slot != NET_SLOT || (n && net_process_here(n, ref));
}

/* Those that the backend below knows, out of `refs`; the others are sent, in a message below. NULL: no memory. */
static struct object_ref *below_only(const struct object_ref *refs, uint32_t count,
                                     uint32_t *ret_count, bool is_message) {
  struct object_ref *kept = malloc((count ? count : 1) * sizeof *kept);
  uint32_t k = 0;
  for (uint32_t i = 0; kept && i < count; i++) {
    kept[k] = refs[i];
    if (refers_below(&kept[k])) {
      k++;
      continue;
    }
    net_note_sent(&refs[i]);
    struct net *n = is_message && refs[i].type == OBJECT_PIPE ? net_of_ref(&refs[i]) : NULL;
    if (n && net_enter(n) == 0)
      net_pipes_fly(n, &refs[i], 1, 1); /* see pipe.c */
  }
  *ret_count = k;
  return kept;
}

static int below(struct op *op) { return net_front.inner->perform(net_front.backend, op); }

/* An op below whose message names objects in the engine: they need nobody to hold them. */
static int pass_with_refs(struct op *op) {
  struct op_refs refs = *op->refs;
  const struct op_refs *given = op->refs;
  struct object_ref *kept = below_only(refs.sent, refs.count, &refs.count, true);
  if (!kept)
    return -SBX_ENOMEM;
  refs.sent = kept;
  op->refs = &refs;
  int rc = below(op);
  op->refs = (struct op_refs *)(uintptr_t)given;
  free(kept);
  return rc;
}

/* What a far process returns is exported for its end; for a spawn it is held by what stands for the far process. */
static int pass_handles(struct op *op) {
  bool by_end = op->kind == OP_HANDLE_EXPORT && op->handles->by->kind == OP_PROCESS_END;
  struct handles_request r = *op->handles;
  const struct handles_request *given = op->handles;
  struct net *n = net_of_tag(0);
  for (uint32_t i = 0; n && op->kind == OP_HANDLE_EXPORT && i < r.count; i++)
    net_show_process(n, &r.refs[i]);
  struct object_ref *kept = below_only(r.refs, r.count, &r.count, by_end);
  if (!kept)
    return -SBX_ENOMEM;
  r.refs = kept;
  op->handles = &r;
  int rc = r.count ? below(op) : 0;
  op->handles = given;
  free(kept);
  return rc;
}

/* The calling process ends: what it has in its hands, in any engine. Without an engine it can only end. */
static void leave_all(enum sync_end how) {
  for (struct net *n = net_front.first; n; n = n->next)
    if (net_takes_part(n))
      net_leave(n, how);
}

/* It ends well. */
static void give_up_all(void) {
  for (struct net *n = net_front.first; n; n = n->next)
    if (net_takes_part(n))
      net_queue_leave(n);
}

static int pass_end(struct op *op) {
  struct end_request e = *op->end;
  const struct end_request *given = op->end;
  struct op_refs refs = {0};
  struct object_ref *kept = NULL;
  int rc;
  leave_all(e.exit_code ? END_FAILED : END_WELL);
  if (!e.exit_code)
    give_up_all();
  if (e.refs) {
    refs = *e.refs;
    if (!(kept = below_only(refs.sent, refs.count, &refs.count, true)))
      return -SBX_ENOMEM;
    refs.sent = kept;
    e.refs = &refs;
  }
  op->end = &e;
  rc = below(op);
  op->end = given;
  free(kept);
  return rc;
}

/* What stands for a far process has its name there, also if it never uses an object itself; and who holds an end of a
 * pipe is known. */
static void tell_child(struct net *n, const struct op *op) {
  struct process_info info;
  struct op look = {
      .kind = OP_PROCESS_LOOK, .object = op->object, .number = 1, .process_info = &info};
  if (below(&look) || net_tell_birth(n, net_who(&n->o, info.id), info.pid) || n->ends == 0 ||
      net_enter(n))
    return; /* the engine is away: so it will be for the child */
  net_pipes_inherit(n, net_who(&n->o, info.id));
}

static int pass_spawn(struct op *op) {
  for (struct net *n = net_front.first; n; n = n->next)
    n->spawns++;
  int rc = below(op);
  struct net *n = net_of_tag(0);
  if (rc == 0 && op->number == 1 && n && (op->spawn->host || n->ends > 0))
    tell_child(n, op);
  return rc;
}

/* The spawner of a far process is on another host. */
static int pass_parent(struct op *op) {
  const struct net *n = net_of_tag(0);
  struct object *self;
  struct object_ref ref;
  int rc = below(op);
  if (rc != -SBX_EGONE || !n || !n->o.spawner || n->backend->self->process_self(n->backend, &self))
    return rc;
  n->inner->object_ref(self, &ref);
  struct op release = {.kind = OP_HANDLE_RELEASE, .object = self};
  below(&release);
  if (ref.slot != 0) /* it is not main */
    return rc;
  return net_front.below->make(net_front.below->ctx, OBJECT_PROCESS, NET_SLOT, n->o.spawner,
                               &op->object);
}

/* The op of another reference: what the backend below calls the object. */
static int below_as(struct op *op, const struct object_ref *ref) {
  const struct object_ref *given = op->ref;
  op->ref = ref;
  int rc = below(op);
  op->ref = given;
  return rc;
}

/* A reference of this host, or to a process. */
static int pass_import(struct op *op) {
  struct object_ref ref = *op->ref;
  if (!refers_below(&ref))
    return net_front.below->make(net_front.below->ctx, OBJECT_PROCESS, NET_SLOT, ref.serial,
                                 &op->object);
  return below_as(op, &ref);
}

static int pass_land(struct op *op) {
  struct object_ref ref = *op->ref;
  if (!refers_below(&ref)) {
    struct net *n = ref.type == OBJECT_PIPE ? net_of_ref(&ref) : NULL;
    if (n && net_enter(n) == 0)
      net_pipe_land(n, &ref);
    return 0;
  }
  return below_as(op, &ref);
}

/* Whoever has seen the end of a process finds that it is dead, also in the engine: the keeper may not have come to it. */
static int pass_join(struct op *op) {
  struct process_info info;
  struct object_ref ref;
  struct op look = {.kind = OP_PROCESS_LOOK, .object = op->object, .process_info = &info};
  int rc = op->refs && op->refs->count ? pass_with_refs(op) : below(op);
  bool asked = false;
  for (struct net *n = net_front.first; n; n = n->next) {
    if (!net_takes_part(n))
      continue;
    if (!asked &&
        (below(&look) || info.status == PROCESS_RUNNING || info.status == PROCESS_STOPPED))
      return rc;
    asked = true;
    net_front.inner->object_ref(op->object, &ref);
    net_bury(n->engine, &n->o, net_who(&n->o, ref.serial));
  }
  return rc;
}

/* Of a failure that came from another host, or is of a process there. */
static int pass_failure(struct op *op) {
  struct object_ref ref = *op->ref;
  struct net *n = net_of_tag(0);
  if (!refers_below(&ref)) {
    if (n && op->kind != OP_FAILURE_COUNT && net_enter(n) == 0)
      net_process_noted(n, &ref, op->kind == OP_FAILURE_LOOK, op);
    return 0;
  }
  return below_as(op, &ref);
}

/* What stands for a far process has sent the signal on. */
static int pass_signal(struct op *op) {
  struct process_info info;
  struct op look = {
      .kind = OP_PROCESS_LOOK, .object = op->object, .number = 1, .process_info = &info};
  struct object_ref ref;
  struct net *n = net_of_tag(0);
  int rc = below(op);
  if (rc || !n || !net_signal_shows(op->number) || below(&look) || !info.host[0] || net_enter(n))
    return rc;
  net_front.inner->object_ref(op->object, &ref);
  net_process_everywhere(n, &ref);
  net_await_signal(n, ref.serial, op);
  return 0;
}

/* What stands for a far process runs also while that is paused. */
static int pass_look(struct op *op) {
  struct net *n = net_of_tag(0);
  struct object_ref ref;
  int rc = below(op);
  if (rc || op->number || !n || !op->process_info->host[0] || net_enter(n))
    return rc;
  net_front.inner->object_ref(op->object, &ref);
  net_process_everywhere(n, &ref);
  net_note_pause(n, ref.serial, op, op->process_info);
  return 0;
}

int net_pass(struct op *op) {
  switch (op->kind) {
  case OP_PROCESS_SIGNAL:
    return pass_signal(op);
  case OP_PROCESS_LOOK:
    return pass_look(op);
  case OP_FAILURE_COUNT:
  case OP_FAILURE_JOIN:
  case OP_FAILURE_LOOK:
    return pass_failure(op);
  case OP_HANDLE_LAND:
    return pass_land(op);
  case OP_HANDLE_IMPORT:
    return pass_import(op);
  case OP_PROCESS_PARENT:
    return pass_parent(op);
  case OP_HANDLE_EXPORT:
  case OP_HANDLE_FETCH:
    return pass_handles(op);
  case OP_PROCESS_SPAWN:
    return pass_spawn(op);
  case OP_PROCESS_JOIN:
    return pass_join(op);
  case OP_PROCESS_AWAIT:
    leave_all(END_OF_CODE);
    if (op->number)
      give_up_all();
    return below(op);
  case OP_PROCESS_END:
    return pass_end(op);
  default:
    break;
  }
  return op->refs && op->refs->count ? pass_with_refs(op) : below(op);
}
