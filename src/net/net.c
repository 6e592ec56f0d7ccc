/* net/net.c - the table of ops in front of the backend below; see net.h. Processes and objects have files of their own. */
#include "net/net.h"

#include <stdlib.h>

#include "net/internal.h"

struct net_front net_front;

struct net *net_of_tag(uint32_t tag) {
  struct net *n = net_front.first;
  while (n && n->o.tag != tag)
    n = n->next;
  return n;
}

void net_make_in(struct net *n) { net_front.making = n; }
const struct net_options *net_options_of(const struct net *n) { return &n->o; }

void net_depart(struct net *n, bool well) {
  if (!net_takes_part(n))
    return;
  if (well)
    net_queue_leave(n);
  n->departs = true;
  net_leave(n, END_WELL);
  net_bury(n->engine, &n->o, n->who);
}

bool net_is_outside(const struct object *o) {
  struct object_ref ref = {0};
  if (o)
    net_front.inner->object_ref(o, &ref);
  return ref.slot == NET_SLOT;
}

struct net *net_of_handle(const struct object *o) {
  struct object_ref ref;
  net_front.inner->object_ref(o, &ref);
  return net_of_ref(&ref);
}

static void message_ref(const struct object *o, struct object_ref *ret) {
  const struct net *n = net_of_tag(0);
  net_front.inner->object_ref(o, ret);
  if (n)
    net_process_everywhere(n, ret);
}

static_assert(OBJECT_QUEUE == 2 && OBJECT_VALUE == 9 && OBJECT_PIPE == 15,
              "the scripts know these types by number");

/* -- the table ----------------------------------------------------------------------------------- */

/* What is made in the engine. */
static net_op_fn *maker_of(enum op_kind kind) {
  switch (kind) {
  case OP_QUEUE_NEW:
    return net_queue_new;
  case OP_PIPE_NEW:
    return net_pipe_new;
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
  case OP_PROCESS_LOOK:
    return net_process_look;
  case OP_PROCESS_JOIN:
    return net_process_join;
  case OP_PROCESS_SIGNAL:
    return net_process_signal;
  case OP_PROCESS_MAIL:
    return net_mail;
  default:
    break;
  }
  switch (op_describe(kind)->type) {
  case OBJECT_PIPE:
    return net_pipe_do;
  case OBJECT_PROCESS: /* of another host */
    return net_process_refuse;
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

static bool selects_outside(const struct op *op) {
  bool outside = false;
  for (uint32_t i = 0; op->kind == OP_SELECT && i < op->sub_count; i++)
    outside |= net_is_outside(op->subs[i].object);
  return outside;
}

/* The engine that an op is about, and what does it there; NULL: it is the backend's below. 0 or a code. */
static int find_op(const struct op *op, struct net **ret, net_op_fn **ret_fn) {
  net_op_fn *make = maker_of(op->kind);
  *ret = NULL;
  *ret_fn = NULL;
  if (make) {
    bool here = op->kind == OP_QUEUE_NEW && op->new_queue->here;
    *ret = net_front.making ? net_front.making : here ? NULL : net_of_tag(0);
    *ret_fn = make;
    return 0;
  }
  if (op->kind == OP_HANDLE_IMPORT) {
    if (op->ref->slot != NET_SLOT || op->ref->type == OBJECT_PROCESS)
      return 0;
    *ret = net_of_ref(op->ref);
    *ret_fn = net_import_handle;
    return *ret ? 0 : -SBX_EAWAY;
  }
  if (!net_is_outside(op->object) && (op->kind != OP_PROCESS_MAIL || !net_of_tag(0)))
    return 0;
  *ret_fn = op->kind == OP_HANDLE_RELEASE ? net_release_handle : doer_of(op->kind);
  *ret = op->kind == OP_PROCESS_MAIL ? net_of_tag(0) : *ret_fn ? net_of_handle(op->object) : NULL;
  return *ret_fn && !*ret ? -SBX_EAWAY : 0;
}

static bool has_value_refs(const struct op *op) {
  enum object_type type = op_describe(op->kind)->type;
  return (type == OBJECT_VALUE || type == OBJECT_DICT) && op->value && op->value->ref_count;
}

int net_told(const struct net *n, int rc) {
  if (rc == -SBX_EENGINE)
    engine_note_name(&n->o.engine.address);
  return rc;
}

static int net_perform(struct backend *b, struct op *op) {
  struct net *n;
  net_op_fn *fn;
  (void)b;
  int rc = find_op(op, &n, &fn);
  for (struct net *i = net_front.first; i; i = i->next)
    if (op->kind != i->stream.kind)
      i->stream.of = NULL;
  if (selects_outside(op))
    return net_select_do(op);
  if (rc == 0 && !n)
    return net_pass(op);
  if (rc == 0)
    rc = net_enter(n);
  if (rc && fn == net_release_handle) {
    net_front.below->drop(net_front.below->ctx, op->object);
    return 0;
  }
  if (rc == 0 && has_value_refs(op))
    net_pipes_fly(n, op->value->refs, op->value->ref_count, 1); /* see pipe.c */
  if (rc == 0)
    rc = fn(n, op);
  return n ? net_told(n, rc) : rc;
}

static int net_run(struct backend *b, struct op *ops, uint32_t count, uint32_t *ret_done) {
  (void)b;
  if (!net_is_outside(ops->object))
    return net_front.inner->run ? net_front.inner->run(net_front.backend, ops, count, ret_done)
                                : -SBX_EAGAIN;
  struct net *n = net_of_handle(ops->object);
  int rc = n ? net_enter(n) : -SBX_EAWAY;
  return rc ? rc : net_told(n, net_queue_run(n, ops, count, ret_done));
}

static void put_in_front(struct backend *b, const struct net_below *below) {
  if (net_front.backend == b && b->objects == &net_front.table)
    return;
  net_front.first = net_front.making = NULL;
  net_front.below = below;
  net_front.backend = b;
  net_front.inner = b->objects;
  net_front.table = *b->objects;
  net_front.table.perform = net_perform;
  net_front.table.message_ref = message_ref;
  net_front.table.run = net_run;
  b->objects = &net_front.table;
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
  n->inner = net_front.inner;
  engine_key(n->prefix, o->run, "%s", "");
  engine_note_name(&o->engine.address);
  n->next = net_front.first;
  net_front.first = n;
  *ret = n;
  return 0;
}

void net_release(struct net *n) {
  if (!n)
    return;
  for (struct net **at = &net_front.first; *at; at = &(*at)->next)
    if (*at == n) {
      *at = n->next;
      break;
    }
  if (net_front.making == n)
    net_front.making = NULL;
  for (int i = 0; i < CHAINS; i++)
    while (n->chains[i])
      net_forget_object(n, n->chains[i]);
  engine_close(n->engine);
  engine_close(n->bells);
  free(n->dead);
  free(n->known);
  free(n->silences);
  buf_release(&n->scratch);
  free(n);
}
