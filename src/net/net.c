/* net/net.c - the table of ops in front of the backend below, and objects as this process has them; see net.h. */
#include "net/net.h"

#include <stdlib.h>
#include <unistd.h>

#include "net/internal.h"

static struct net *the_net; /* one in a process: perform() brings only the backend */

static_assert(OBJECT_QUEUE == 2 && OBJECT_VALUE == 9, "the scripts know these types by number");

/* -- this process -------------------------------------------------------------------------------- */

uint64_t net_who(const struct net_options *o, uint64_t serial) { return who_of(o->host, serial); }

/* Tell the keeper, before anything is changed, so that it will notice the end. */
static int register_birth(struct net *n) {
  uint64_t birth[2] = {n->who, (uint64_t)n->pid};
  if (n->o.keeper < 0)
    return 0;
  return write(n->o.keeper, birth, sizeof birth) == sizeof birth ? 0 : -SBX_EENGINE;
}

static size_t key_of(const struct net *n, char key[ENGINE_KEY], const char *what) {
  return engine_key(key, n->o.run, "%s", what);
}

/* What this process is called, for the reports of others. */
static int note_name(struct net *n) {
  char key[ENGINE_KEY], ttl[16];
  struct engine_reply *r;
  struct process_info info;
  struct object *self;
  struct op look = {.kind = OP_PROCESS_LOOK, .number = 1, .process_info = &info};
  if (n->backend->self->process_self(n->backend, &self))
    return -SBX_ENOMEM;
  look.object = self;
  int rc = n->inner->perform(n->backend, &look);
  struct op done = {.kind = OP_HANDLE_RELEASE, .object = self};
  n->inner->perform(n->backend, &done);
  if (rc)
    return 0;
  const struct engine_arg args[] = {
      engine_bytes(key, key_of(n, key, "names")), engine_bytes(n->who_bytes, 8),
      engine_text(info.name),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S))};
  do
    rc = engine_eval(n->engine, &script_name, 1, 4, args, &r);
  while (rc == -SBX_EAGAIN);
  if (rc == 0)
    engine_free(r);
  return rc;
}

void net_name_of(struct net *n, uint64_t who, char ret[NAME_MAX_BYTES]) {
  char key[ENGINE_KEY];
  uint8_t bytes[8];
  struct engine_reply *r;
  *ret = '\0';
  state_put64(bytes, who);
  const struct engine_arg args[] = {engine_text("HGET"), engine_bytes(key, key_of(n, key, "names")),
                                    engine_bytes(bytes, sizeof bytes)};
  if (engine_ask(n->engine, 3, args, &r))
    return;
  if (engine_type(r) == ENGINE_BYTES)
    snprintf(ret, NAME_MAX_BYTES, "%s", engine_data(r));
  engine_free(r);
}

/* How far the engine's clock is ahead: known but for the time that the answer took. On the same host it is the same
 * clock. */
static void compare_clocks(struct net *n) {
  struct engine_reply *r;
  const struct engine_arg args[] = {engine_text("TIME")};
  int64_t before = clock_wall_ns();
  if (engine_ask(n->engine, 1, args, &r))
    return;
  int64_t after = clock_wall_ns();
  if (engine_count(r) == 2) {
    int64_t there = strtoll(engine_data(engine_at(r, 0)), NULL, 10) * NS_PER_SECOND +
                    strtoll(engine_data(engine_at(r, 1)), NULL, 10) * 1000;
    bool same = there + 1000 >= before && there <= after;
    n->clock_ahead_ns = same ? 0 : there - (before + (after - before) / 2);
    n->clock_epoch = engine_epoch(n->engine);
  }
  engine_free(r);
}

uint64_t net_ticks(struct net *n) {
  if (n->clock_epoch != engine_epoch(n->engine))
    compare_clocks(n);
  return (uint64_t)((clock_wall_ns() + n->clock_ahead_ns) / (NS_PER_SECOND / TICKS_A_SECOND));
}

/* It is another process than before: a child, with a copy of all this. */
static int become(struct net *n) {
  n->pid = getpid();
  n->who = net_who(&n->o, n->backend->self->id(n->backend));
  state_put64(n->who_bytes, n->who);
  n->sequence = 0;
  n->bells_epoch = 0;
  n->fenced = n->missed = false;
  n->stream = (struct net_stream){0};
  for (int i = 0; i < CHAINS; i++)
    for (struct net_object *o = n->chains[i]; o; o = o->next) {
      o->used = false;
      o->seen_epoch = 0;
      o->taken_at[0] = '\0';
    }
  int rc = register_birth(n);
  if (rc == 0)
    rc = engine_ensure(n->engine);
  return rc ? rc : note_name(n);
}

int net_enter(struct net *n) {
  if (n->pid != getpid()) {
    int rc = become(n);
    if (rc) {
      n->pid = 0;
      return rc;
    }
  }
  return n->fenced ? -SBX_EFENCED : engine_ensure(n->engine);
}

int64_t net_look_again_ns(unsigned looks) {
  enum { FIRST_MS = 500, MOST_MS = 4000 };
  int64_t ms = (int64_t)FIRST_MS << (looks < 3 ? looks : 3);
  return clock_now_ns() + (ms < MOST_MS ? ms : MOST_MS) * NS_PER_MS;
}

/* -- objects ------------------------------------------------------------------------------------- */

bool net_has(const struct net *n, const struct object *o) {
  struct object_ref ref;
  if (!o)
    return false;
  n->inner->object_ref(o, &ref);
  return ref.slot == NET_SLOT;
}

struct net_object *net_find(struct net *n, enum object_type type, uint64_t id) {
  struct net_object **chain = &n->chains[id % CHAINS], *o = *chain;
  for (; o; o = o->next)
    if (o->id == id)
      return o;
  if (!(o = calloc(1, sizeof *o)))
    return NULL;
  *o = (struct net_object){.next = *chain, .id = id, .type = type};
  state_put64(o->id_bytes, id);
  return *chain = o;
}

struct net_object *net_object_of(struct net *n, const struct object *o) {
  struct object_ref ref;
  n->inner->object_ref(o, &ref);
  return net_find(n, (enum object_type)ref.type, net_id(&ref));
}

static void forget_object(struct net *n, struct net_object *o) {
  struct net_object **at = &n->chains[o->id % CHAINS];
  while (*at != o)
    at = &(*at)->next;
  *at = o->next;
  state_release(&o->seen);
  if (n->stream.of == o)
    n->stream.of = NULL;
  free(o);
}

/* A number for a new object, which is noted so that it lives on. */
static int draw_id(struct net *n, uint64_t *ret) {
  char key[ENGINE_KEY];
  struct engine_reply *r;
  const struct engine_arg args[] = {engine_text("INCR"), engine_bytes(key, key_of(n, key, "next"))};
  int rc = engine_ask(n->engine, 2, args, &r); /* a number lost is no harm */
  if (rc)
    return rc;
  bool good = engine_type(r) == ENGINE_INTEGER && engine_integer(r) > 0;
  *ret = good ? (uint64_t)engine_integer(r) : 0;
  engine_free(r);
  return good ? 0 : -SBX_ENOOBJECT;
}

static struct engine_script script_create = {
    .text = "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])\n"
            "redis.call('SADD', KEYS[2], ARGV[3])\n"
            "if redis.call('TTL', KEYS[2]) == -1 then redis.call('EXPIRE', KEYS[2], ARGV[2]) end\n"
            "if redis.call('TTL', KEYS[3]) == -1 then redis.call('EXPIRE', KEYS[3], ARGV[2]) end\n"
            "for i = 5, #ARGV do redis.call(ARGV[4], KEYS[4], ARGV[i]) end\n"
            "if #ARGV >= 5 then redis.call('EXPIRE', KEYS[4], ARGV[2]) end\n"
            "return 1\n"};

/* The contents of a new array: its elements, the highest byte first. */
static int elements_of(const struct sync_options *o, struct buf *to) {
  const uint8_t *from = o->elements;
  if (o->count > (512U << 20) / 8)
    return -SBX_ETOOBIG;
  int rc = buf_reserve(to, 8 * o->count);
  for (uint64_t i = 0; i < o->count && rc == 0; i++, to->len += 8) {
    uint64_t bits = 0;
    if (from)
      memcpy(&bits, from + 8 * i, 8);
    state_put64(to->data + to->len, bits);
  }
  return rc;
}

int net_create(struct net *n, struct net_state *first, struct op *op) {
  char keys[4][ENGINE_KEY], ttl[16], id_text[24];
  struct buf state = {0}, contents = {0};
  struct engine_reply *r = NULL;
  struct object *handle = NULL;
  struct net_object *o;
  uint64_t id;
  int rc = draw_id(n, &id);
  if (rc == 0)
    rc = state_write(first, &state);
  if (rc == 0 && first->type == OBJECT_ARRAY)
    rc = elements_of(op->new_sync, &contents);
  if (rc == 0)
    rc = n->below->make(n->below->ctx, first->type, NET_SLOT, NET_SERIALS | id, &handle);
  const struct engine_arg args[] = {
      engine_bytes(keys[0], engine_key(keys[0], n->o.run, "o:%llu", (unsigned long long)id)),
      engine_bytes(keys[1], key_of(n, keys[1], "ids")),
      engine_bytes(keys[2], key_of(n, keys[2], "next")),
      engine_bytes(keys[3], engine_key(keys[3], n->o.run, "c:%llu", (unsigned long long)id)),
      engine_bytes(state.data, state.len),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S)),
      engine_bytes(id_text,
                   (size_t)snprintf(id_text, sizeof id_text, "%llu", (unsigned long long)id)),
      engine_text("SET"),
      engine_bytes(contents.data, contents.len)};
  do /* nobody knows of it yet, so it may be done twice */
    rc = rc ? rc : engine_eval(n->engine, &script_create, 4, contents.len ? 9 : 7, args, &r);
  while (rc == -SBX_EAGAIN && (rc = 0, true));
  if (rc == 0 && engine_type(r) == ENGINE_ERROR)
    rc = strncmp(engine_data(r), "OOM", 3) == 0 ? -SBX_ENOSPC : -SBX_ENOOBJECT;
  engine_free(r);
  if (rc == 0 && !(o = net_find(n, first->type, id)))
    rc = -SBX_ENOMEM;
  buf_release(&state);
  buf_release(&contents);
  if (rc) {
    if (handle)
      n->below->drop(n->below->ctx, handle);
    return rc;
  }
  o->handles = 1;
  o->maker = n->who;
  o->spawns = n->spawns;
  op->object = handle;
  return 0;
}

/* Nobody else can have it: take it out of the engine. */
static void destroy(struct net *n, const struct net_object *o) {
  char keys[3][ENGINE_KEY], id[24];
  struct engine_reply *r;
  const struct engine_arg del[] = {
      engine_text("UNLINK"),
      engine_bytes(keys[0], engine_key(keys[0], n->o.run, "o:%llu", (unsigned long long)o->id)),
      engine_bytes(keys[1], engine_key(keys[1], n->o.run, "c:%llu", (unsigned long long)o->id))};
  const struct engine_arg srem[] = {
      engine_text("SREM"), engine_bytes(keys[2], key_of(n, keys[2], "ids")),
      engine_bytes(id, (size_t)snprintf(id, sizeof id, "%llu", (unsigned long long)o->id))};
  if (engine_ask(n->engine, 3, del, &r) == 0)
    engine_free(r);
  if (engine_ask(n->engine, 3, srem, &r) == 0)
    engine_free(r);
}

static int release(struct net *n, struct op *op) {
  struct net_object *o = net_object_of(n, op->object);
  n->below->drop(n->below->ctx, op->object);
  if (!o || --o->handles > 0)
    return 0;
  bool mine = o->maker == n->who && !o->sent && o->spawns == n->spawns;
  const struct sync_machine *m = sync_machine_of(o->type);
  if (mine &&
      engine_epoch(
          n->engine)) /* with a connection that works; else it stays until the end of the run */
    destroy(n, o);
  if (mine || !o->used || !m || !m->leave) /* else it may be in the hands of this process */
    forget_object(n, o);
  return 0;
}

static int import(struct net *n, struct op *op) {
  const struct object_ref *ref = op->ref;
  enum object_type type = (enum object_type)ref->type;
  if (type != OBJECT_QUEUE && !sync_machine_of(type))
    return -SBX_EDATA;
  struct net_object *o = net_find(n, type, net_id(ref));
  int rc =
      o ? n->below->make(n->below->ctx, type, NET_SLOT, ref->serial, &op->object) : -SBX_ENOMEM;
  if (rc == 0) {
    o->handles++;
    o->sent = true;
  }
  return rc;
}

/* -- handles in messages ------------------------------------------------------------------------- */

/* Processes may be named anywhere; what else is not in the engine stays on its host. */
int net_check_refs(struct net *n, const struct object_ref *refs, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (refs[i].slot != NET_SLOT && refs[i].type != OBJECT_PROCESS)
      return -SBX_EHERE;
  for (uint32_t i = 0; i < count; i++) {
    struct net_object *o = refs[i].slot == NET_SLOT
                               ? net_find(n, (enum object_type)refs[i].type, net_id(&refs[i]))
                               : NULL;
    if (o)
      o->sent = true;
  }
  return 0;
}

/* Those that the backend below knows, out of `refs`; the others are sent. NULL: no memory. */
static struct object_ref *below_only(struct net *n, const struct object_ref *refs, uint32_t count,
                                     uint32_t *ret_count) {
  struct object_ref *kept = malloc((count ? count : 1) * sizeof *kept);
  uint32_t k = 0;
  for (uint32_t i = 0; kept && i < count; i++)
    if (refs[i].slot == NET_SLOT)
      net_check_refs(n, &refs[i], 1);
    else
      kept[k++] = refs[i];
  *ret_count = k;
  return kept;
}

/* An op below whose message names objects in the engine: they need nobody to hold them. */
static int pass_with_refs(struct net *n, struct op *op) {
  struct op_refs refs = *op->refs;
  const struct op_refs *given = op->refs;
  struct object_ref *kept = below_only(n, refs.sent, refs.count, &refs.count);
  if (!kept)
    return -SBX_ENOMEM;
  refs.sent = kept;
  op->refs = &refs;
  int rc = n->inner->perform(n->backend, op);
  op->refs = (struct op_refs *)(uintptr_t)given;
  free(kept);
  return rc;
}

static int pass_handles(struct net *n, struct op *op) {
  struct handles_request r = *op->handles;
  const struct handles_request *given = op->handles;
  struct object_ref *kept = below_only(n, r.refs, r.count, &r.count);
  if (!kept)
    return -SBX_ENOMEM;
  r.refs = kept;
  op->handles = &r;
  int rc = r.count ? n->inner->perform(n->backend, op) : 0;
  op->handles = given;
  free(kept);
  return rc;
}

static int pass_end(struct net *n, struct op *op) {
  struct end_request e = *op->end;
  const struct end_request *given = op->end;
  struct op_refs refs = {0};
  struct object_ref *kept = NULL;
  int rc;
  if (n->pid == getpid() && !n->fenced)
    net_leave(n, e.exit_code ? END_FAILED : END_WELL); /* without an engine it can only end */
  if (e.refs) {
    refs = *e.refs;
    if (!(kept = below_only(n, refs.sent, refs.count, &refs.count)))
      return -SBX_ENOMEM;
    refs.sent = kept;
    e.refs = &refs;
  }
  op->end = &e;
  rc = n->inner->perform(n->backend, op);
  op->end = given;
  free(kept);
  return rc;
}

static int pass_spawn(struct net *n, struct op *op) {
  n->spawns++;
  return n->inner->perform(n->backend, op);
}

/* Whoever has seen the end of a process finds that it is dead, also in the engine: the keeper may not have come to it. */
static int pass_join(struct net *n, struct op *op) {
  struct process_info info;
  struct object_ref ref;
  struct op look = {.kind = OP_PROCESS_LOOK, .object = op->object, .process_info = &info};
  int rc = op->refs && op->refs->count ? pass_with_refs(n, op) : n->inner->perform(n->backend, op);
  if (n->pid != getpid() || n->fenced || n->inner->perform(n->backend, &look) ||
      info.status == PROCESS_RUNNING || info.status == PROCESS_STOPPED)
    return rc;
  n->inner->object_ref(op->object, &ref);
  net_bury(n->engine, &n->o, net_who(&n->o, ref.serial));
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

static bool any_in_engine(const struct net *n, const struct op *select) {
  for (uint32_t i = 0; i < select->sub_count; i++)
    if (net_has(n, select->subs[i].object))
      return true;
  return false;
}

/* An op that is not, or not only, the backend's below. NULL: it is. */
static net_op_fn *find_op(struct net *n, const struct op *op) {
  switch (op->kind) {
  case OP_QUEUE_NEW:
    return op->new_queue->here ? NULL : net_queue_new;
  case OP_HANDLE_RELEASE:
    return net_has(n, op->object) ? release : NULL;
  case OP_HANDLE_IMPORT:
    return op->ref->slot == NET_SLOT ? import : NULL;
  case OP_SELECT:
    return any_in_engine(n, op) ? net_select_do : NULL;
  default:
    break;
  }
  net_op_fn *make = maker_of(op->kind);
  return make ? make : op->object && net_has(n, op->object) ? doer_of(op->kind) : NULL;
}

/* What goes on to the backend below, and means something here. */
static int pass(struct net *n, struct op *op) {
  switch (op->kind) {
  case OP_PIPE_NEW:
    return -SBX_ENOTNET;
  case OP_HANDLE_LAND:
    return op->ref->slot == NET_SLOT ? 0 : n->inner->perform(n->backend, op);
  case OP_HANDLE_EXPORT:
  case OP_HANDLE_FETCH:
    return pass_handles(n, op);
  case OP_PROCESS_SPAWN:
    return pass_spawn(n, op);
  case OP_PROCESS_JOIN:
    return pass_join(n, op);
  case OP_PROCESS_AWAIT:
    if (n->pid == getpid() && !n->fenced)
      net_leave(n, END_OF_CODE);
    return n->inner->perform(n->backend, op);
  case OP_PROCESS_END:
    return pass_end(n, op);
  default:
    break;
  }
  return op->refs && op->refs->count ? pass_with_refs(n, op) : n->inner->perform(n->backend, op);
}

static int net_perform(struct backend *b, struct op *op) {
  struct net *n = the_net;
  (void)b;
  net_op_fn *fn = find_op(n, op);
  if (op->kind != n->stream.kind)
    n->stream.of = NULL;
  if (!fn)
    return pass(n, op);
  int rc = net_enter(n);
  if (rc && fn == release) {
    n->below->drop(n->below->ctx, op->object);
    return 0;
  }
  return rc ? rc : fn(n, op);
}

static int net_run(struct backend *b, struct op *ops, uint32_t count, uint32_t *ret_done) {
  struct net *n = the_net;
  (void)b;
  if (!net_has(n, ops->object))
    return n->inner->run ? n->inner->run(n->backend, ops, count, ret_done) : -SBX_EAGAIN;
  int rc = net_enter(n);
  return rc ? rc : net_queue_run(n, ops, count, ret_done);
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
  n->o = *o;
  n->below = below;
  n->backend = b;
  n->inner = b->objects;
  n->table = *b->objects;
  n->table.perform = net_perform;
  n->table.run = net_run;
  engine_key(n->prefix, o->run, "%s", "");
  engine_note_name(&o->engine.address);
  b->objects = &n->table;
  the_net = n;
  *ret = n;
  return 0;
}

void net_release(struct net *n) {
  if (!n)
    return;
  for (int i = 0; i < CHAINS; i++)
    while (n->chains[i])
      forget_object(n, n->chains[i]);
  engine_close(n->engine);
  engine_close(n->bells);
  free(n->dead);
  buf_release(&n->scratch);
  if (the_net == n)
    the_net = NULL;
  free(n);
}
