/* net/net.c - the table of ops in front of the backend below; see net.h. Processes and objects have files of their own. */
#include "net/net.h"

#include <stdlib.h>
#include <unistd.h>

#include "net/internal.h"

/* One in a process: perform() brings only the backend. */
static struct {
  struct object_ops table; /* what perform() calls */
  const struct object_ops *inner;
  struct backend *backend;       /* borrowed */
  const struct net_below *below; /* borrowed */
  struct net *first;             /* those that are installed */
  struct net *making;            /* see net_make_in */
} front;

struct net *net_of_tag(uint32_t tag) {
  struct net *n = front.first;
  while (n && n->o.tag != tag)
    n = n->next;
  return n;
}

void net_make_in(struct net *n) { front.making = n; }
const struct net_options *net_options_of(const struct net *n) { return &n->o; }

void net_depart(struct net *n) {
  if (n->pid != getpid() || n->fenced)
    return;
  net_leave(n, END_WELL);
  net_bury(n->engine, &n->o, n->who);
}

/* Is it in an engine? */
static bool is_outside(const struct object *o) {
  struct object_ref ref = {0};
  if (o)
    front.inner->object_ref(o, &ref);
  return ref.slot == NET_SLOT;
}

/* Where it is; NULL: this process is not connected there. */
static struct net *net_of(const struct object *o) {
  struct object_ref ref;
  front.inner->object_ref(o, &ref);
  return net_of_tag(net_tag(&ref));
}

static_assert(OBJECT_QUEUE == 2 && OBJECT_VALUE == 9, "the scripts know these types by number");

/* -- what goes on to the backend below ------------------------------------------------------------ */

/* Those that the backend below knows, out of `refs`; the others are sent. NULL: no memory. */
static struct object_ref *below_only(const struct object_ref *refs, uint32_t count,
                                     uint32_t *ret_count) {
  struct object_ref *kept = malloc((count ? count : 1) * sizeof *kept);
  uint32_t k = 0;
  for (uint32_t i = 0; kept && i < count; i++)
    if (refs[i].slot == NET_SLOT)
      net_note_sent(&refs[i]);
    else
      kept[k++] = refs[i];
  *ret_count = k;
  return kept;
}

static int below(struct op *op) { return front.inner->perform(front.backend, op); }

/* An op below whose message names objects in the engine: they need nobody to hold them. */
static int pass_with_refs(struct op *op) {
  struct op_refs refs = *op->refs;
  const struct op_refs *given = op->refs;
  struct object_ref *kept = below_only(refs.sent, refs.count, &refs.count);
  if (!kept)
    return -SBX_ENOMEM;
  refs.sent = kept;
  op->refs = &refs;
  int rc = below(op);
  op->refs = (struct op_refs *)(uintptr_t)given;
  free(kept);
  return rc;
}

static int pass_handles(struct op *op) {
  struct handles_request r = *op->handles;
  const struct handles_request *given = op->handles;
  struct object_ref *kept = below_only(r.refs, r.count, &r.count);
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
  for (struct net *n = front.first; n; n = n->next)
    if (n->pid == getpid() && !n->fenced)
      net_leave(n, how);
}

static int pass_end(struct op *op) {
  struct end_request e = *op->end;
  const struct end_request *given = op->end;
  struct op_refs refs = {0};
  struct object_ref *kept = NULL;
  int rc;
  leave_all(e.exit_code ? END_FAILED : END_WELL);
  if (e.refs) {
    refs = *e.refs;
    if (!(kept = below_only(refs.sent, refs.count, &refs.count)))
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

static int pass_spawn(struct op *op) {
  for (struct net *n = front.first; n; n = n->next)
    n->spawns++;
  return below(op);
}

/* Whoever has seen the end of a process finds that it is dead, also in the engine: the keeper may not have come to it. */
static int pass_join(struct op *op) {
  struct process_info info;
  struct object_ref ref;
  struct op look = {.kind = OP_PROCESS_LOOK, .object = op->object, .process_info = &info};
  int rc = op->refs && op->refs->count ? pass_with_refs(op) : below(op);
  bool asked = false;
  for (struct net *n = front.first; n; n = n->next) {
    if (n->pid != getpid() || n->fenced)
      continue;
    if (!asked &&
        (below(&look) || info.status == PROCESS_RUNNING || info.status == PROCESS_STOPPED))
      return rc;
    asked = true;
    front.inner->object_ref(op->object, &ref);
    net_bury(n->engine, &n->o, net_who(&n->o, ref.serial));
  }
  return rc;
}

/* -- the table ----------------------------------------------------------------------------------- */

/* What is made in the engine. */
static net_op_fn *maker_of(enum op_kind kind) {
  switch (kind) {
  case OP_QUEUE_NEW:
    return net_queue_new;
  case OP_LOCK_NEW:
  case OP_SEMAPHORE_NEW:
  case OP_EVENT_NEW:
  case OP_CONDITION_NEW:
  case OP_BARRIER_NEW:
  case OP_VALUE_NEW:
  case OP_DICT_NEW:
  case OP_LATCH_NEW:
  case OP_RWLOCK_NEW:
  case OP_ARRAY_NEW:
    return net_sync_new;
  default:
    return NULL;
  }
}

/* What is done to an object in the engine. NULL: nothing that is known here. */
static net_op_fn *doer_of(enum op_kind kind) {
  switch (kind) {
  case OP_QUEUE_LOOK:
    return net_queue_look;
  case OP_QUEUE_PEEK:
    return net_queue_peek;
  case OP_QUEUE_TAKE:
    return net_queue_take;
  case OP_QUEUE_PUT:
  case OP_QUEUE_GET:
  case OP_QUEUE_MEET:
  case OP_QUEUE_CLOSE:
  case OP_QUEUE_TASK_DONE:
  case OP_QUEUE_JOIN:
    return net_queue_do;
  case OP_LOCK_LOOK:
  case OP_SEMAPHORE_LOOK:
  case OP_EVENT_LOOK:
  case OP_CONDITION_LOOK:
  case OP_BARRIER_LOOK:
  case OP_VALUE_LOOK:
  case OP_DICT_LOOK:
  case OP_LATCH_LOOK:
  case OP_RWLOCK_LOOK:
  case OP_ARRAY_LOOK:
    return net_sync_look;
  case OP_LOCK_ACQUIRE:
  case OP_LOCK_RELEASE:
    return net_lock_do;
  case OP_CONDITION_WAIT:
  case OP_CONDITION_NOTIFY:
    return net_condition_do;
  default:
    break;
  }
  switch (op_describe(kind)->type) {
  case OBJECT_SEMAPHORE:
  case OBJECT_EVENT:
  case OBJECT_BARRIER:
  case OBJECT_LATCH:
  case OBJECT_RWLOCK:
    return net_sync_do;
  case OBJECT_VALUE:
    return net_value_do;
  case OBJECT_DICT:
    return net_dict_do;
  case OBJECT_ARRAY:
    return net_array_do;
  default:
    return NULL;
  }
}

/* Where the entries of a select are that are in an engine; NULL: none is. -SBX_EWORLDS: in several. */
static int net_of_select(const struct op *select, struct net **ret) {
  *ret = NULL;
  for (uint32_t i = 0; i < select->sub_count; i++) {
    if (!is_outside(select->subs[i].object))
      continue;
    struct net *n = net_of(select->subs[i].object);
    if (!n)
      return -SBX_EAWAY;
    if (*ret && *ret != n)
      return -SBX_EWORLDS;
    *ret = n;
  }
  return 0;
}

/* The engine that an op is about, and what does it there; NULL: it is the backend's below. 0 or a code. */
static int find_op(const struct op *op, struct net **ret, net_op_fn **ret_fn) {
  net_op_fn *make = maker_of(op->kind);
  *ret = NULL;
  *ret_fn = NULL;
  if (op->kind == OP_SELECT) {
    int rc = net_of_select(op, ret);
    *ret_fn = net_select_do;
    return rc;
  }
  if (make) {
    bool here = op->kind == OP_QUEUE_NEW && op->new_queue->here;
    *ret = front.making ? front.making : here ? NULL : net_of_tag(0);
    *ret_fn = make;
    return 0;
  }
  if (op->kind == OP_HANDLE_IMPORT) {
    if (op->ref->slot != NET_SLOT)
      return 0;
    *ret = net_of_tag(net_tag(op->ref));
    *ret_fn = net_import_handle;
    return *ret ? 0 : -SBX_EAWAY;
  }
  if (!is_outside(op->object))
    return 0;
  *ret_fn = op->kind == OP_HANDLE_RELEASE ? net_release_handle : doer_of(op->kind);
  *ret = *ret_fn ? net_of(op->object) : NULL;
  return *ret_fn && !*ret ? -SBX_EAWAY : 0;
}

/* What goes on to the backend below, and means something here. */
static int pass(struct op *op) {
  switch (op->kind) {
  case OP_PIPE_NEW:
    return net_of_tag(0) ? -SBX_ENOTNET : below(op);
  case OP_HANDLE_LAND:
    return op->ref->slot == NET_SLOT ? 0 : below(op);
  case OP_HANDLE_EXPORT:
  case OP_HANDLE_FETCH:
    return pass_handles(op);
  case OP_PROCESS_SPAWN:
    return pass_spawn(op);
  case OP_PROCESS_JOIN:
    return pass_join(op);
  case OP_PROCESS_AWAIT:
    leave_all(END_OF_CODE);
    return below(op);
  case OP_PROCESS_END:
    return pass_end(op);
  default:
    break;
  }
  return op->refs && op->refs->count ? pass_with_refs(op) : below(op);
}

/* An error says which engine it is. */
static int told(const struct net *n, int rc) {
  if (rc == -SBX_EENGINE)
    engine_note_name(&n->o.engine.address);
  return rc;
}

static int net_perform(struct backend *b, struct op *op) {
  struct net *n;
  net_op_fn *fn;
  (void)b;
  int rc = find_op(op, &n, &fn);
  for (struct net *i = front.first; i; i = i->next)
    if (op->kind != i->stream.kind)
      i->stream.of = NULL;
  if (rc == 0 && !n)
    return pass(op);
  if (rc == 0)
    rc = net_enter(n);
  if (rc && fn == net_release_handle) {
    front.below->drop(front.below->ctx, op->object);
    return 0;
  }
  return rc ? (n ? told(n, rc) : rc) : told(n, fn(n, op));
}

static int net_run(struct backend *b, struct op *ops, uint32_t count, uint32_t *ret_done) {
  (void)b;
  if (!is_outside(ops->object))
    return front.inner->run ? front.inner->run(front.backend, ops, count, ret_done) : -SBX_EAGAIN;
  struct net *n = net_of(ops->object);
  int rc = n ? net_enter(n) : -SBX_EAWAY;
  return rc ? rc : told(n, net_queue_run(n, ops, count, ret_done));
}

static void put_in_front(struct backend *b, const struct net_below *below) {
  if (front.backend == b && b->objects == &front.table)
    return;
  front.first = front.making = NULL;
  front.below = below;
  front.backend = b;
  front.inner = b->objects;
  front.table = *b->objects;
  front.table.perform = net_perform;
  front.table.run = net_run;
  b->objects = &front.table;
}

int net_install(struct backend *b, const struct net_options *o, const struct net_below *below,
                struct net **ret) {
  struct net *n = calloc(1, sizeof *n);
  int rc = n ? 0 : -SBX_ENOMEM;
  if (rc == 0)
    rc = engine_new(&o->engine, &n->engine);
  if (rc == 0)
    rc = engine_new(&o->engine, &n->bells);
  if (rc) {
    net_release(n);
    return rc;
  }
  put_in_front(b, below);
  n->o = *o;
  n->below = below;
  n->backend = b;
  n->inner = front.inner;
  engine_key(n->prefix, o->run, "%s", "");
  engine_note_name(&o->engine.address);
  n->next = front.first;
  front.first = n;
  *ret = n;
  return 0;
}

void net_release(struct net *n) {
  if (!n)
    return;
  for (struct net **at = &front.first; *at; at = &(*at)->next)
    if (*at == n) {
      *at = n->next;
      break;
    }
  if (front.making == n)
    front.making = NULL;
  for (int i = 0; i < CHAINS; i++)
    while (n->chains[i])
      net_forget_object(n, n->chains[i]);
  engine_close(n->engine);
  engine_close(n->bells);
  free(n->dead);
  buf_release(&n->scratch);
  free(n);
}
