/* lua/bind/queue.c - queues in Lua; see lib.h for how a binding is built. */
#include <string.h>

#include "base/error.h"
#include "lua/codec/codec.h"
#include "lua/state/answer.h"
#include "lua/state/feed.h"
#include "lua/state/lib.h"

/* -- making ---------------------------------------------------------------------------------- */

static uint64_t check_max(lua_State *L, int arg) {
  int whole;
  lua_Integer max = lua_tointegerx(L, -1, &whole);
  if (!whole || lua_type(L, -1) != LUA_TNUMBER || max < 0)
    lib_arg_error(L, arg,
                  lua_pushfstring(L, "max must be a whole number of items, 0 or more, not %s",
                                  lib_say(L, -1)));
  return max ? (uint64_t)max : QUEUE_NO_ROOM;
}

static void read_options(lua_State *L, struct queue_options *o) {
  static const char *const names[] = {"here", "max", "name", "redeliver", "transport", NULL};
  static const char *const transports[] = {"auto", "pipe", "shm", NULL};
  lib_check_options(L, 1, names);
  if (lua_getfield(L, 1, "max") != LUA_TNIL)
    o->max = check_max(L, 1);
  if (lua_getfield(L, 1, "name") != LUA_TNIL) {
    o->name = lib_check_name(L, 1);
  }
  if (lua_getfield(L, 1, "here") != LUA_TNIL) {
    lib_arg_check(L, lua_isboolean(L, -1), 1, "here must be true or false");
    o->here = lua_toboolean(L, -1);
  }
  if (lua_getfield(L, 1, "redeliver") != LUA_TNIL) {
    lib_arg_check(L, lua_isboolean(L, -1), 1, "redeliver must be true or false");
    o->redeliver = lua_toboolean(L, -1);
    lib_arg_check(L, !o->redeliver || o->max != QUEUE_NO_ROOM, 1,
                  "redeliver needs a queue with room: an item that comes back must be somewhere, "
                  "so max is at least 1");
  }
  if (lua_getfield(L, 1, "transport") == LUA_TNIL)
    return;
  const char *t = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  int i = 0;
  while (transports[i] && strcmp(t, transports[i]) != 0)
    i++;
  lib_arg_check(L, transports[i], 1, "transport must be \"auto\", \"pipe\" or \"shm\"");
  o->transport = i; /* in the order of enum queue_transport */
  lib_arg_check(L, !o->redeliver || i != TRANSPORT_PIPE, 1,
                "redeliver needs transport \"auto\" or \"shm\": what is taken from a pipe is gone "
                "from there");
}

static int l_queue(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct queue_options o = {.transport = TRANSPORT_AUTO, .locate = lib_locate, .locate_ctx = L};
  lib_no_more(L, 1, "queue{max = 10, name = \"jobs\"}");
  if (lua_istable(L, 1))
    read_options(L, &o);
  else if (!lua_isnil(L, 1)) {
    lib_arg_expected(L, lua_type(L, 1) == LUA_TNUMBER, 1, "number of items or table of options");
    o.max = check_max(L, 1);
  }
  struct handle *h = lib_push_handle(L, OBJECT_QUEUE);
  int rc = op_queue_new(lib->b, &o, &h->object);
  if (lib_made_room(L, rc))
    rc = op_queue_new(lib->b, &o, &h->object);
  if (rc)
    return lib_error(L, "queue", rc);
  h->redeliver = o.redeliver;
  lib_settle_handle(L, lib);
  return 1;
}

/* -- putting --------------------------------------------------------------------------------- */

/* Push what put returns for a code, or raise it. */
static int put_done(lua_State *L, int rc) {
  if (rc == -SBX_ECLOSED)
    return luaL_error(L, "put on a closed queue");
  if (rc)
    return lib_expected(L, "put", rc);
  lua_pushboolean(L, 1);
  return 1;
}

/* Of a queue without room: the item is on offer; a reader is to take it. */
int lib_put_meet(struct lib *lib, const struct op *put, bool brief) {
  struct op meet = {.kind = OP_QUEUE_MEET,
                    .object = put->object,
                    .deadline_ns = brief ? SBX_FOREVER : put->deadline_ns,
                    .number = brief,
                    .ticket = put->item,
                    .locate = put->locate,
                    .locate_ctx = put->locate_ctx};
  return perform(lib->b, &meet);
}

/* A put of which the time is up asks for a reader that waits: see object/queue.h. */
static int perform_put(struct lib *lib, struct op *op) {
  bool brief = op->deadline_ns != SBX_FOREVER && op->deadline_ns <= lib->b->run->now(lib->b);
  op->number = brief;
  int rc = perform(lib->b, op);
  return rc == 0 && op->count ? lib_put_meet(lib, op, brief) : rc;
}

int lib_perform_encoded(lua_State *L, struct lib *lib, const struct handle *h, enum op_kind kind,
                        int64_t deadline_ns) {
  struct op_refs refs = lib_flying(lib, 0, lib->messages.flying.len);
  struct op op = {.kind = kind,
                  .object = h->object,
                  .deadline_ns = deadline_ns,
                  .data = lib->messages.out.data,
                  .len = lib->messages.out.len,
                  .refs = refs.count ? &refs : NULL,
                  .locate = lib_locate,
                  .locate_ctx = L};
  int rc = kind == OP_QUEUE_PUT ? perform_put(lib, &op) : perform(lib->b, &op);
  lib_sent(L, lib);
  return rc;
}

int lib_put_encoded(lua_State *L, struct lib *lib, struct handle *h, int64_t deadline_ns) {
  return put_done(L, lib_perform_encoded(L, lib, h, OP_QUEUE_PUT, deadline_ns));
}

static int put_scalar(lua_State *L, struct lib *lib, struct handle *h, int64_t deadline_ns,
                      const struct codec_scalar *item) {
  struct op op = {.kind = OP_QUEUE_PUT,
                  .object = h->object,
                  .deadline_ns = deadline_ns,
                  .data = item->head,
                  .len = item->head_len,
                  .more = item->more,
                  .more_len = item->more_len,
                  .locate = lib_locate,
                  .locate_ctx = L};
  return put_done(L, perform_put(lib, &op));
}

static int put(lua_State *L, struct lib *lib, int64_t deadline_ns) {
  struct handle *h = lib_check_handle_of(L, lib, 1, OBJECT_QUEUE);
  struct codec_scalar scalar;
  if (codec_encode_scalar(L, 2, &scalar))
    return put_scalar(L, lib, h, deadline_ns, &scalar);
  if (lua_isnoneornil(L, 2))
    return lib_arg_error(L, 2,
                         "nil is no item: close() ends the stream, sandbox.null stands for "
                         "a missing value");
  lib_encode(L, lib, 2, 1, "item");
  return lib_put_encoded(L, lib, h, deadline_ns);
}

static int l_queue_put(lua_State *L) {
  struct lib *lib = lib_of(L);
  return put(L, lib, lib_check_timeout(L, lib, 3));
}

static int l_queue_put_near(lua_State *L) {
  struct lib *lib = lib_near(L);
  return put(L, lib, lib_check_timeout(L, lib, 3));
}

static int l_queue_try_put(lua_State *L) { return put(L, lib_of(L), 0); }

/* -- getting --------------------------------------------------------------------------------- */

/*
 * A large string is copied into Lua while it is still in the queue, and then taken out: so it is
 * copied only once, and stays in the queue if there is no memory. Another process may take it
 * meanwhile (or a finalizer, if the collector runs): then the copy is thrown away. Returns what the
 * last op returned, or -SBX_EAGAIN.
 */
static int take_lent(lua_State *L, struct lib *lib, struct op *op) {
  const uint8_t *s;
  size_t len;
  op->may_lend = false; /* a second try copies it first */
  if (!codec_find_string(op->data, op->len, &s, &len))
    return -SBX_EAGAIN;
  lua_pushlstring(L, (const char *)s, len);
  struct op take = *op;
  take.kind = OP_QUEUE_TAKE;
  int rc = perform(lib->b, &take);
  if (rc)
    lua_pop(L, 1);
  return rc;
}

/* Returns 0: the item is in h->item; 1: it is on the stack; or a code. */
static int get_raw(lua_State *L, struct lib *lib, struct op *op) {
  int rc = perform(lib->b, op);
  while (rc == -SBX_ELENT) {
    rc = take_lent(L, lib, op);
    if (rc == 0)
      return 1;
    if (rc == -SBX_EAGAIN)
      rc = perform(lib->b, op);
  }
  return rc;
}

struct op lib_giving_up(lua_State *L, struct handle *h) {
  h->redeliver = true;
  return (struct op){.kind = OP_QUEUE_TASK_DONE,
                     .object = h->object,
                     .deadline_ns = SBX_FOREVER,
                     .number = QUEUE_DONE_ALL,
                     .locate = lib_locate,
                     .locate_ctx = L};
}

int lib_give_up(lua_State *L, struct lib *lib, struct handle *h) {
  struct op op = lib_giving_up(L, h);
  return perform(lib->b, &op);
}

/* Give up what is in hand, and get: by one step if there is an item. */
static int get_next(lua_State *L, struct lib *lib, struct handle *h, struct op *op) {
  struct op ops[2] = {lib_giving_up(L, h), *op};
  uint32_t done = 0;
  int rc = perform_run(lib->b, ops, 2, &done);
  return rc || done == 2 ? rc : get_raw(L, lib, op);
}

/*
 * An item is taken, then decoded. In between it is in the handle. If decoding raises an error (no
 * memory; a name that is not defined yet), the item stays there, and the next get decodes it first.
 * A forked child forgets it: it is its parent's.
 */
int lib_get_item(lua_State *L, struct lib *lib, int64_t deadline_ns, enum get_step step) {
  struct handle *h = lib_check_handle_of(L, lib, 1, OBJECT_QUEUE);
  struct op_refs refs = {.taken = &h->refs};
  struct op op = {.kind = OP_QUEUE_GET,
                  .object = h->object,
                  .deadline_ns = deadline_ns,
                  .out = &h->item,
                  .may_lend = true,
                  .number = (int)step,
                  .refs = &refs,
                  .locate = lib_locate,
                  .locate_ctx = L};
  if (lib->questions.answering)
    answer_check(L, lib, OP_QUEUE_GET);
  lib_own_item(L, lib, h);
  if (h->item.len == 0) {
    int64_t until_ns = feed_begin(L, lib, &op.deadline_ns);
    int rc = h->redeliver ? -SBX_EHAND : get_raw(L, lib, &op);
    if (rc == -SBX_EHAND)
      rc = get_next(L, lib, h, &op);
    if (rc == 1)
      return 1;
    if (rc == -SBX_ETIMEDOUT && until_ns)
      feed_give_way(L, until_ns);
    if (rc)
      return lib_expected(L, "get", rc);
  }
  if (codec_decode_scalar(L, h->item.data, h->item.len)) {
    h->item.len = 0;
    return 1;
  }
  return lib_decode_item(L, lib, h, &op);
}

static int l_queue_get(lua_State *L) {
  struct lib *lib = lib_of(L);
  return lib_get_item(L, lib, lib_check_timeout(L, lib, 2), GET_ITEM);
}

static int l_queue_get_near(lua_State *L) {
  struct lib *lib = lib_near(L);
  return lib_get_item(L, lib, lib_check_timeout(L, lib, 2), GET_ITEM);
}

static int l_queue_try_get(lua_State *L) { return lib_get_item(L, lib_of(L), 0, GET_ITEM); }

/* One step of `for v in q:items(timeout)`: nil ends the loop, so a timeout must be raised. */
static int items_next(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(2)); /* the queue */
  struct lib *lib = lib_of(L);
  int n = lib_get_item(L, lib, lib_check_timeout(L, lib, lua_upvalueindex(3)), GET_ITEMS_STEP);
  bool none = n == 2 && lua_isnil(L, -2); /* a call is an item of two values, too */
  if (none && strcmp(lua_tostring(L, -1), error_text(SBX_ETIMEDOUT)) == 0)
    return luaL_error(L, "items: timeout");
  return none ? 0 : n;
}

static int l_queue_items(lua_State *L) {
  lib_check_handle(L, 1, OBJECT_QUEUE);
  lib_check_timeout(L, lib_of(L), 2);
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_pushcclosure(L, items_next, 3);
  return 1;
}

/* -- state ----------------------------------------------------------------------------------- */

static void look(lua_State *L, struct queue_info *ret) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_QUEUE);
  struct op op = {.kind = OP_QUEUE_LOOK,
                  .object = h->object,
                  .queue_info = ret,
                  .locate = lib_locate,
                  .locate_ctx = L};
  int rc = perform(lib->b, &op);
  if (rc)
    lib_error(L, "queue", rc);
}

static int l_queue_len(lua_State *L) {
  struct queue_info info;
  look(L, &info);
  lua_pushinteger(L, (lua_Integer)info.len);
  return 1;
}

static int l_queue_empty(lua_State *L) {
  struct queue_info info;
  look(L, &info);
  lua_pushboolean(L, info.len == 0);
  return 1;
}

static int l_queue_full(lua_State *L) {
  struct queue_info info;
  look(L, &info);
  lua_pushboolean(L, info.max == QUEUE_NO_ROOM || (info.max != 0 && info.len >= info.max));
  return 1;
}

static int l_queue_closed(lua_State *L) {
  struct queue_info info;
  look(L, &info);
  lua_pushboolean(L, info.closed);
  return 1;
}

static int l_queue_close(lua_State *L) {
  return lib_perform_simply(L, OBJECT_QUEUE, OP_QUEUE_CLOSE, "close");
}

static int l_queue_task_done(lua_State *L) {
  return lib_perform_simply(L, OBJECT_QUEUE, OP_QUEUE_TASK_DONE, "task_done");
}

static int l_queue_join(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_QUEUE);
  struct op op = {.kind = OP_QUEUE_JOIN,
                  .object = h->object,
                  .deadline_ns = lib_check_timeout(L, lib, 2),
                  .locate = lib_locate,
                  .locate_ctx = L};
  int rc = perform(lib->b, &op);
  if (rc)
    return lib_expected(L, "join", rc);
  lua_pushboolean(L, 1);
  return 1;
}

/* Of the table of methods: what is not there is nil, as in any table; but q[1], and so ipairs(q), would look like an
 * empty queue. */
static int no_method(lua_State *L) {
  if (lua_type(L, 2) != LUA_TNUMBER) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushliteral(
      L, "the items of a queue have no numbers: get() takes the oldest, peek(n) looks at the "
         "oldest n, items() is for loops");
  return lib_raise(L);
}

/* `queue: jobs#3 (2 of 10 items)` */
static int l_queue_tostring(lua_State *L) {
  struct handle *h = luaL_checkudata(L, 1, QUEUE_TYPE);
  if (!h->object) {
    lua_pushliteral(L, "queue: (empty handle)");
    return 1;
  }
  struct queue_info i;
  look(L, &i);
  lua_pushfstring(L, "queue: %s#%I (%I", i.name[0] ? i.name : "queue", (LUAI_UACINT)i.id,
                  (LUAI_UACINT)i.len);
  if (i.max == QUEUE_NO_ROOM)
    lua_pushliteral(L, " of 0");
  else if (i.max)
    lua_pushfstring(L, " of %I", (LUAI_UACINT)i.max);
  else
    lua_pushliteral(L, "");
  lua_pushfstring(L, " item%s%s)", i.len == 1 && !i.max ? "" : "s", i.closed ? ", closed" : "");
  lua_concat(L, 3);
  return 1;
}

void lib_open_queue(lua_State *L, int table) {
  const struct lib *lib = lib_find(L);
  lua_CFunction q_put = lib_pick(lib, l_queue_put_near, l_queue_put);
  lua_CFunction q_get = lib_pick(lib, l_queue_get_near, l_queue_get);
  const luaL_Reg methods[] = {{"put", q_put},
                              {"get", q_get},
                              {"try_put", l_queue_try_put},
                              {"peek", lib_queue_peek},
                              {"len", l_queue_len},
                              {"try_get", l_queue_try_get},
                              {"empty", l_queue_empty},
                              {"full", l_queue_full},
                              {"items", l_queue_items},
                              {"close", l_queue_close},
                              {"closed", l_queue_closed},
                              {"join", l_queue_join},
                              {"task_done", l_queue_task_done},
                              {NULL, NULL}};
  static const luaL_Reg meta[] = {
      {"__len", l_queue_len}, {"__tostring", l_queue_tostring}, {NULL, NULL}};
  const luaL_Reg functions[] = {
      {"queue", l_queue}, {"queue_put", q_put}, {"queue_get", q_get}, {NULL, NULL}};
  static const luaL_Reg missing[] = {{"__index", no_method}, {NULL, NULL}};
  lib_open_type(L, table, OBJECT_QUEUE, methods, meta, functions);
  lua_getfield(L, -1, "__index");
  lua_createtable(L, 0, 1);
  lib_set_functions(L, missing);
  lua_setmetatable(L, -2);
  lua_pop(L, 2);
}
