/* net/object.c - objects as this process has them: made, found, dropped; handles in messages. */
#include <stdlib.h>

#include "net/internal.h"

/* -- objects ------------------------------------------------------------------------------------- */

bool net_has(const struct net *n, const struct object *o) {
  struct object_ref ref;
  if (!o)
    return false;
  n->inner->object_ref(o, &ref);
  return ref.slot == NET_SLOT && net_of_ref(&ref) == n;
}

struct net *net_of_ref(const struct object_ref *ref) {
  return net_of_tag(ref->type == OBJECT_PROCESS ? 0 : net_tag(ref));
}

static struct net_object *known(const struct net *n, uint64_t id) {
  struct net_object *o = n->chains[id % CHAINS];
  while (o && o->id != id)
    o = o->next;
  return o;
}

struct net_object *net_find(struct net *n, enum object_type type, uint64_t id) {
  struct net_object **chain = &n->chains[id % CHAINS], *o = known(n, id);
  if (type == OBJECT_PIPE) /* an end is named by its queue */
    type = OBJECT_QUEUE;
  if (o || !(o = calloc(1, sizeof *o)))
    return o;
  *o = (struct net_object){.next = *chain, .id = id, .type = type};
  state_put64(o->id_bytes, id);
  return *chain = o;
}

struct net_object *net_object_of(struct net *n, const struct object *o) {
  struct object_ref ref;
  n->inner->object_ref(o, &ref);
  return net_find(n, (enum object_type)ref.type, net_id(&ref));
}

void net_forget_object(struct net *n, struct net_object *o) {
  struct net_object **at = &n->chains[o->id % CHAINS];
  while (*at != o)
    at = &(*at)->next;
  *at = o->next;
  state_release(&o->seen);
  if (n->stream.of == o)
    n->stream.of = NULL;
  free(o);
}

int net_find_end(struct net *n, uint64_t id, struct net_object **ret) {
  *ret = net_find(n, OBJECT_EVENT, id);
  return !*ret ? -SBX_ENOMEM : (*ret)->type == OBJECT_EVENT ? 0 : -SBX_EFLUSHED;
}

int net_draw_ids(struct net *n, int count, uint64_t *ret) {
  char key[ENGINE_KEY], many[16];
  struct engine_reply *r;
  snprintf(many, sizeof many, "%d", count);
  const struct engine_arg args[] = {engine_text("INCRBY"),
                                    engine_bytes(key, net_key(n, key, "next")), engine_text(many)};
  int rc = engine_ask(n->engine, 3, args, &r); /* a number lost is no harm */
  if (rc)
    return rc;
  bool good = engine_type(r) == ENGINE_INTEGER && engine_integer(r) >= count;
  *ret = good ? (uint64_t)engine_integer(r) : 0;
  engine_free(r);
  for (int i = 0; good && i < count; i++)
    if (known(n, *ret - (uint64_t)i)) /* they are counted anew: the engine was emptied */
      return -SBX_EFLUSHED;
  return good ? 0 : -SBX_ENOOBJECT;
}

/* KEYS 1 the object, 2 the ids, 3 the last of them, 4 the contents, 5 the names, 6 the dead. ARGV 1 the string, 2
 * seconds, 3 the id, 4 its name there ("": none), 5 "sandbox:{RUN}:", 6 the contents ("": none), 7 whose mailbox it is (8
 * bytes; "": none). 1; or, if there is one of this name, its id and string; or 0: its process is dead. */
static struct engine_script script_create = {
    .text = "local call = redis.call\n"
            "local function live(key) if call('TTL', key) == -1 then call('EXPIRE', key, ARGV[2]) "
            "end end\n"
            "if ARGV[7] ~= '' and call('SISMEMBER', KEYS[6], ARGV[7]) == 1 then return 0 end\n"
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
            "if ARGV[6] ~= '' then call('SET', KEYS[4], ARGV[6], 'EX', ARGV[2]) end\n"
            "return 1\n"};

/* The contents of a new array: its elements, the highest byte first. */
static int elements_of(const struct sync_options *o, struct buf *to) {
  const uint8_t *from = o->elements;
  if (o->count > (512U << 20) / 8)
    return -SBX_EELEMENTS;
  int rc = buf_reserve(to, 8 * o->count);
  for (uint64_t i = 0; i < o->count && rc == 0; i++, to->len += 8) {
    uint64_t bits = 0;
    if (from)
      memcpy(&bits, from + 8 * i, 8);
    state_put64(to->data + to->len, bits);
  }
  return rc;
}

/* What the new string and the contents are, in the engine, named with `word` if it is in a world; or, by its name, which object there is: *id and `found`. */
static int create_there(struct net *n, const struct net_state *first, const char *word,
                        const struct buf *state, const struct buf *contents, uint64_t *id,
                        struct net_state *found) {
  char keys[6][ENGINE_KEY], ttl[16], id_text[24], field[NAME_MAX_BYTES + 32] = "";
  struct engine_reply *r = NULL;
  size_t field_len = 0, mail = first->type == OBJECT_QUEUE && first->aux ? 8 : 0;
  bool end = first->type == OBJECT_EVENT && first->aux;
  if (n->o.tag && first->name[0])
    field_len = (size_t)snprintf(field, sizeof field, "%s:%s", word, first->name);
  if (mail || end) {
    field[0] = mail ? 'm' : 'e';
    state_put64(field + 1, first->aux);
    field_len = 9;
  }
  const struct engine_arg args[] = {
      engine_bytes(keys[0], engine_key(keys[0], n->o.run, "o:%llu", (unsigned long long)*id)),
      engine_bytes(keys[1], net_key(n, keys[1], "ids")),
      engine_bytes(keys[2], net_key(n, keys[2], "next")),
      engine_bytes(keys[3], engine_key(keys[3], n->o.run, "c:%llu", (unsigned long long)*id)),
      engine_bytes(keys[4], net_key(n, keys[4], "named")),
      engine_bytes(keys[5], net_key(n, keys[5], "dead")),
      engine_bytes(state->data, state->len),
      engine_bytes(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S)),
      engine_bytes(id_text,
                   (size_t)snprintf(id_text, sizeof id_text, "%llu", (unsigned long long)*id)),
      engine_bytes(field, field_len),
      engine_text(n->prefix),
      engine_bytes(contents->data, contents->len),
      engine_bytes(field + 1, mail)};
  int rc;
  do /* nobody knows of it yet, or it is found again: so it may be done twice */
    rc = engine_eval(n->engine, &script_create, 6, sizeof args / sizeof *args, args, &r);
  while (rc == -SBX_EAGAIN);
  if (rc)
    return rc;
  const struct engine_reply *there = engine_at(r, 0);
  if (engine_type(r) == ENGINE_ERROR)
    rc = engine_refusal(r);
  else if (engine_type(r) == ENGINE_INTEGER && engine_integer(r) == 0)
    rc = -SBX_EGONE;
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
  uint64_t id;
  int rc = n->o.tag && !first->name[0] ? -SBX_ENAMELESS : net_draw_ids(n, 1, &id);
  return rc ? rc : net_create_as(n, first, first->type, id, op);
}

int net_create_as(struct net *n, struct net_state *first, enum object_type type, uint64_t id,
                  struct op *op) {
  struct buf state = {0}, contents = {0};
  struct net_state found = {.type = OBJECT_NONE};
  struct object *handle = NULL;
  struct net_object *o;
  const char *word = op->number ? "lock of condition" : object_type_word(first->type);
  int rc = state_write(first, &state);
  if (rc == 0 && first->type == OBJECT_ARRAY)
    rc = elements_of(op->new_sync, &contents);
  if (rc == 0)
    rc = create_there(n, first, word, &state, &contents, &id, &found);
  if (rc == 0 && found.type != OBJECT_NONE && !net_world_alike(first, &found))
    rc = -SBX_EALIKE;
  if (rc == 0)
    rc = n->below->make(n->below->ctx, type, NET_SLOT, net_serial(n->o.tag, id), &handle);
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

int net_create_end(struct net *n, uint64_t who, uint64_t *ret_id) {
  struct net_state first = {
      .type = OBJECT_EVENT, .generation = 1, .aux = who, .name = "end of a process"};
  struct net_state found = {.type = OBJECT_NONE};
  struct buf state = {0}, contents = {0};
  int rc = net_draw_ids(n, 1, ret_id);
  if (rc == 0)
    rc = state_write(&first, &state);
  if (rc == 0)
    rc = create_there(n, &first, "", &state, &contents, ret_id, &found);
  buf_release(&state);
  state_release(&found);
  return rc;
}

/* Nobody else can have it: take it out of the engine. */
void net_destroy(struct net *n, const struct net_object *o) {
  char keys[3][ENGINE_KEY], id[24];
  struct engine_reply *r;
  const struct engine_arg del[] = {
      engine_text("UNLINK"),
      engine_bytes(keys[0], engine_key(keys[0], n->o.run, "o:%llu", (unsigned long long)o->id)),
      engine_bytes(keys[1], engine_key(keys[1], n->o.run, "c:%llu", (unsigned long long)o->id))};
  const struct engine_arg srem[] = {
      engine_text("SREM"), engine_bytes(keys[2], net_key(n, keys[2], "ids")),
      engine_bytes(id, (size_t)snprintf(id, sizeof id, "%llu", (unsigned long long)o->id))};
  if (engine_ask(n->engine, 3, del, &r) == 0)
    engine_free(r);
  if (engine_ask(n->engine, 3, srem, &r) == 0)
    engine_free(r);
}

int net_release_handle(struct net *n, struct op *op) {
  struct object_ref ref;
  n->inner->object_ref(op->object, &ref);
  struct net_object *o =
      ref.type == OBJECT_PROCESS ? NULL : net_find(n, (enum object_type)ref.type, net_id(&ref));
  n->below->drop(n->below->ctx, op->object);
  if (!o || --o->handles > 0)
    return 0;
  if (ref.type == OBJECT_PIPE) {
    net_pipe_drop(n, o);
    return 0;
  }
  bool mine = o->maker == n->who && !o->sent && o->spawns == n->spawns;
  const struct sync_machine *m = sync_machine_of(o->type);
  if (mine &&
      engine_epoch(
          n->engine)) /* with a connection that works; else it stays until the end of the run */
    net_destroy(n, o);
  if (mine || !o->used ||
      !((m && m->leave) || o->in_hand)) /* else it may be in the hands of this process */
    net_forget_object(n, o);
  return 0;
}

int net_import_handle(struct net *n, struct op *op) {
  const struct object_ref *ref = op->ref;
  enum object_type type = (enum object_type)ref->type;
  if (type != OBJECT_QUEUE && !sync_machine_of(type))
    return -SBX_EDATA;
  struct net_object *o = net_find(n, type, net_id(ref));
  int rc =
      o ? n->below->make(n->below->ctx, type, NET_SLOT, ref->serial, &op->object) : -SBX_ENOMEM;
  if (rc)
    return rc;
  o->handles++;
  o->sent = true;
  if (type == OBJECT_PIPE && (rc = net_pipe_import(n, o))) {
    o->handles--;
    n->below->drop(n->below->ctx, op->object);
  }
  return rc;
}

/* -- handles in messages ------------------------------------------------------------------------- */

void net_note_sent(const struct object_ref *ref) {
  bool named = ref->slot == NET_SLOT && ref->type != OBJECT_PROCESS;
  struct net *n = named ? net_of_ref(ref) : NULL;
  struct net_object *o = n ? net_find(n, (enum object_type)ref->type, net_id(ref)) : NULL;
  if (o)
    o->sent = true;
}

/* Of a run processes may be named anywhere, and objects of a world, too; what else is not in the engine stays on its
 * host. In a world only its own objects mean the same to all. */
int net_check_refs(struct net *n, const struct object_ref *refs, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (n->o.tag && (refs[i].slot != NET_SLOT || net_of_ref(&refs[i]) != n))
      return -SBX_EWORLD;
    else if (refs[i].slot != NET_SLOT && refs[i].type != OBJECT_PROCESS)
      return -SBX_EHERE;
  for (uint32_t i = 0; i < count; i++) {
    net_note_sent(&refs[i]);
    net_show_process(n, &refs[i]);
  }
  return 0;
}

/* -- by name -------------------------------------------------------------------------------------- */

/* Is the object `id` a queue, called `name` if that is not NULL? 0 or a code */
static int is_queue(struct engine *e, const char *run, uint64_t id, const char *name, bool *ret) {
  char key[ENGINE_KEY];
  struct net_state s = {.type = OBJECT_NONE};
  struct engine_reply *r;
  size_t len = engine_key(key, run, "o:%llu", (unsigned long long)id);
  int rc = engine_ask(e, 2, (struct engine_arg[]){engine_text("GET"), engine_bytes(key, len)}, &r);
  if (rc)
    return rc;
  *ret = engine_type(r) == ENGINE_BYTES && state_read(&s, engine_data(r), engine_len(r)) == 0 &&
         s.type == OBJECT_QUEUE && (!name || strcmp(s.name, name) == 0);
  state_release(&s);
  engine_free(r);
  return 0;
}

int net_find_queue(struct engine *e, const char *run, const char *name, uint64_t id,
                   struct object_ref *ret, bool *ret_found) {
  char key[ENGINE_KEY];
  struct engine_reply *r;
  uint64_t found = UINT64_MAX;
  size_t len = engine_key(key, run, "ids");
  int rc =
      engine_ask(e, 2, (struct engine_arg[]){engine_text("SMEMBERS"), engine_bytes(key, len)}, &r);
  if (rc)
    return rc;
  for (size_t i = 0; i < engine_count(r) && rc == 0; i++) {
    const struct engine_reply *text = engine_at(r, i);
    uint64_t k = engine_type(text) == ENGINE_BYTES ? strtoull(engine_data(text), NULL, 10) : 0;
    bool is = false;
    if (k && k < found && k < NET_IDS && (name || k == id))
      rc = is_queue(e, run, k, name, &is);
    if (is)
      found = k;
  }
  engine_free(r);
  *ret_found = found != UINT64_MAX;
  *ret = (struct object_ref){OBJECT_QUEUE, NET_SLOT, net_serial(0, found)};
  return rc;
}
