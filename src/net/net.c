/* net/net.c - the table of ops in front of the backend below, and objects as this process has them; see net.h. */
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
  char key[ENGINE_KEY], procs[ENGINE_KEY], ttl[16];
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
      engine_bytes(key, key_of(n, key, "names")), engine_bytes(procs, key_of(n, procs, "procs")),
      engine_bytes(n->who_bytes, 8), engine_text(info.name),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S))};
  do
    rc = engine_eval(n->engine, &script_name, 2, 5, args, &r);
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
  return ref.slot == NET_SLOT && net_tag(&ref) == n->o.tag;
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

/* KEYS 1 the object, 2 the ids, 3 the last of them, 4 the contents, 5 the names. ARGV 1 the string, 2 seconds, 3 the
 * id, 4 its name there ("": none), 5 "sandbox:{RUN}:", 6 the contents, if there are any. 1; or, if there is one of this name, its
 * id and string. */
static struct engine_script script_create = {
    .text = "local call = redis.call\n"
            "local function live(key) if call('TTL', key) == -1 then call('EXPIRE', key, ARGV[2]) "
            "end end\n"
            "if ARGV[4] ~= '' then\n"
            "  local id = call('HGET', KEYS[5], ARGV[4])\n"
            "  local s = id and call('GET', ARGV[5] .. 'o:' .. id)\n"
            "  if s then return {id, s} end\n"
            "  call('HSET', KEYS[5], ARGV[4], ARGV[3])\n"
            "  live(KEYS[5])\n"
            "end\n"
            "call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])\n"
            "call('SADD', KEYS[2], ARGV[3])\n"
            "live(KEYS[2])\n"
            "live(KEYS[3])\n"
            "if ARGV[6] then call('SET', KEYS[4], ARGV[6], 'EX', ARGV[2]) end\n"
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

/* What the new string and the contents are, in the engine; or, by its name, which object there is: *id and `found`. */
static int create_there(struct net *n, const struct net_state *first, const struct buf *state,
                        const struct buf *contents, uint64_t *id, struct net_state *found) {
  char keys[5][ENGINE_KEY], ttl[16], id_text[24], field[NAME_MAX_BYTES + 32] = "";
  struct engine_reply *r = NULL;
  if (n->o.tag && first->name[0])
    snprintf(field, sizeof field, "%s:%s", object_type_word(first->type), first->name);
  const struct engine_arg args[] = {
      engine_bytes(keys[0], engine_key(keys[0], n->o.run, "o:%llu", (unsigned long long)*id)),
      engine_bytes(keys[1], key_of(n, keys[1], "ids")),
      engine_bytes(keys[2], key_of(n, keys[2], "next")),
      engine_bytes(keys[3], engine_key(keys[3], n->o.run, "c:%llu", (unsigned long long)*id)),
      engine_bytes(keys[4], key_of(n, keys[4], "named")),
      engine_bytes(state->data, state->len),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S)),
      engine_bytes(id_text,
                   (size_t)snprintf(id_text, sizeof id_text, "%llu", (unsigned long long)*id)),
      engine_text(field),
      engine_text(n->prefix),
      engine_bytes(contents->data, contents->len)};
  int rc;
  do /* nobody knows of it yet, or it is found again: so it may be done twice */
    rc = engine_eval(n->engine, &script_create, 5, contents->len ? 11 : 10, args, &r);
  while (rc == -SBX_EAGAIN);
  if (rc)
    return rc;
  const struct engine_reply *there = engine_at(r, 0);
  if (engine_type(r) == ENGINE_ERROR)
    rc = strncmp(engine_data(r), "OOM", 3) == 0 ? -SBX_ENOSPC : -SBX_ENOOBJECT;
  else if (engine_type(there) == ENGINE_BYTES) {
    const struct engine_reply *string = engine_at(r, 1);
    *id = strtoull(engine_data(there), NULL, 10);
    rc = state_read(found, engine_data(string), engine_len(string));
    if (rc == 0 && (*id == 0 || *id >= NET_IDS))
      rc = -SBX_ENOOBJECT;
  }
  engine_free(r);
  return rc;
}

int net_create(struct net *n, struct net_state *first, struct op *op) {
  struct buf state = {0}, contents = {0};
  struct net_state found = {.type = OBJECT_NONE};
  struct object *handle = NULL;
  struct net_object *o;
  uint64_t id, tag = (uint64_t)n->o.tag << NET_TAG_SHIFT;
  int rc = n->o.tag && !first->name[0] ? -SBX_ENAMELESS : draw_id(n, &id);
  if (rc == 0)
    rc = state_write(first, &state);
  if (rc == 0 && first->type == OBJECT_ARRAY)
    rc = elements_of(op->new_sync, &contents);
  if (rc == 0)
    rc = create_there(n, first, &state, &contents, &id, &found);
  if (rc == 0 && found.type != OBJECT_NONE && !net_world_alike(first, &found))
    rc = -SBX_EALIKE;
  if (rc == 0)
    rc = n->below->make(n->below->ctx, first->type, NET_SLOT, tag | NET_SERIALS | id, &handle);
  if (rc == 0 && !(o = net_find(n, first->type, id)))
    rc = -SBX_ENOMEM;
  buf_release(&state);
  buf_release(&contents);
  state_release(&found);
  if (rc) {
    if (handle)
      n->below->drop(n->below->ctx, handle);
    return rc;
  }
  o->handles++;
  o->maker = n->who;
  o->spawns = n->spawns;
  o->sent |= n->o.tag != 0; /* other programs may have it */
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

/* Others may have the object from now on. */
static void note_sent(const struct object_ref *ref) {
  struct net *n = ref->slot == NET_SLOT ? net_of_tag(net_tag(ref)) : NULL;
  struct net_object *o = n ? net_find(n, (enum object_type)ref->type, net_id(ref)) : NULL;
  if (o)
    o->sent = true;
}

/* Of a run processes may be named anywhere, and objects of a world, too; what else is not in the engine stays on its
 * host. In a world only its own objects mean the same to all. */
int net_check_refs(struct net *n, const struct object_ref *refs, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (n->o.tag && (refs[i].slot != NET_SLOT || net_tag(&refs[i]) != n->o.tag))
      return -SBX_EWORLD;
    else if (refs[i].slot != NET_SLOT && refs[i].type != OBJECT_PROCESS)
      return -SBX_EHERE;
  for (uint32_t i = 0; i < count; i++)
    note_sent(&refs[i]);
  return 0;
}

/* Those that the backend below knows, out of `refs`; the others are sent. NULL: no memory. */
static struct object_ref *below_only(const struct object_ref *refs, uint32_t count,
                                     uint32_t *ret_count) {
  struct object_ref *kept = malloc((count ? count : 1) * sizeof *kept);
  uint32_t k = 0;
  for (uint32_t i = 0; kept && i < count; i++)
    if (refs[i].slot == NET_SLOT)
      note_sent(&refs[i]);
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
    *ret_fn = import;
    return *ret ? 0 : -SBX_EAWAY;
  }
  if (!is_outside(op->object))
    return 0;
  *ret_fn = op->kind == OP_HANDLE_RELEASE ? release : doer_of(op->kind);
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
  if (rc && fn == release) {
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
      forget_object(n, n->chains[i]);
  engine_close(n->engine);
  engine_close(n->bells);
  free(n->dead);
  buf_release(&n->scratch);
  free(n);
}
