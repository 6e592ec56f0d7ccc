/* lua/bind/shared.c - see shared.h. */
#include "lua/bind/shared.h"

#include "base/error.h"

void shared_begin(lua_State *L, struct lib *lib, struct shared_op *s, enum object_type type,
                  enum op_kind kind) {
  struct handle *h = lib_check_handle(L, 1, type);
  *s = (struct shared_op){.op = {.kind = kind,
                                 .object = h->object,
                                 .deadline_ns = SBX_FOREVER,
                                 .out = &lib->messages.in,
                                 .locate = lib_locate,
                                 .locate_ctx = L},
                          .args = {.out_refs = &lib->messages.read}};
  lib_read_begin(lib);
}

bool shared_number(lua_State *L, int index, struct number *ret) {
  if (lua_type(L, index) != LUA_TNUMBER)
    return false;
  if (lua_isinteger(L, index))
    *ret = (struct number){.kind = NUMBER_INTEGER, .i = lua_tointeger(L, index)};
  else
    *ret = (struct number){.kind = NUMBER_FLOAT, .f = lua_tonumber(L, index)};
  return true;
}

void shared_bring(lua_State *L, struct lib *lib, struct shared_op *s, int index, const char *what) {
  s->args.number.kind = NUMBER_NONE;
  if (shared_number(L, index, &s->args.number))
    return;
  lib_encode(L, lib, index, 1, what);
  s->encoded = true;
  s->op.data = lib->messages.out.data;
  s->op.len = lib->messages.out.len;
  s->args.refs = (const struct object_ref *)(const void *)lib->messages.flying.data;
  s->args.ref_count = (uint32_t)(lib->messages.flying.len / sizeof(struct object_ref));
}

void shared_perform(lua_State *L, struct lib *lib, struct shared_op *s) {
  s->op.value = &s->args;
  int rc = perform(lib->b, &s->op);
  if (rc && s->encoded)
    lib_sent(L, lib);
  if (rc)
    lib_expected(L, op_describe(s->op.kind)->verb, rc);
}

void shared_push(lua_State *L, struct lib *lib, struct shared_op *s) {
  if (s->args.number.kind == NUMBER_INTEGER)
    lua_pushinteger(L, s->args.number.i);
  else if (s->args.number.kind == NUMBER_FLOAT)
    lua_pushnumber(L, s->args.number.f);
  else if (lib->messages.in.len == 0) /* a dict has no such key; a value was never set */
    lua_pushnil(L);
  else
    lib_read_end(L, lib, &s->op);
}

void shared_end(lua_State *L, struct lib *lib, struct shared_op *s) {
  if (s->encoded)
    lib_sent(L, lib);
  s->encoded = false;
}

void shared_tell_updater(lua_State *L, const struct sync_info *i) {
  if (!i->holder)
    return;
  lua_pushfstring(L, ", updated by %s#%I", i->holder_name, (LUAI_UACINT)i->holder);
  lua_concat(L, 2);
}

/* -- cas -------------------------------------------------------------------------------------- */

/* nil of a dict: no such key. */
static bool none_of_dict(lua_State *L, const struct shared_op *s, int index) {
  return s->args.key && lua_isnil(L, index);
}

/* Both values are encoded, one behind the other, unless they are numbers. */
static void bring_both(lua_State *L, struct lib *lib, struct shared_op *s, int old, int new,
                       size_t *ret_refs) {
  size_t len = 0;
  if (!none_of_dict(L, s, old) && !shared_number(L, old, &s->args.expected)) {
    lib_encode(L, lib, old, 1, "old");
    s->encoded = true;
    len = lib->messages.out.len;
    *ret_refs = lib->messages.flying.len;
  }
  s->args.none = none_of_dict(L, s, new);
  if (!s->args.none && !shared_number(L, new, &s->args.number)) {
    if (s->encoded)
      lib_encode_more(L, lib, new, 1, "new");
    else
      lib_encode(L, lib, new, 1, "new");
    s->encoded = true;
    s->op.data = lib->messages.out.data + len;
    s->op.len = lib->messages.out.len - len;
    s->args.refs = (const struct object_ref *)(const void *)(lib->messages.flying.data + *ret_refs);
    s->args.ref_count =
        (uint32_t)((lib->messages.flying.len - *ret_refs) / sizeof(struct object_ref));
  }
  s->args.expected_data = lib->messages.out.data;
  s->args.expected_len = len;
}

int shared_cas(lua_State *L, struct lib *lib, struct shared_op *s, int old) {
  size_t refs = 0;
  bring_both(L, lib, s, old, old + 1, &refs);
  shared_perform(L, lib, s);
  lua_pushboolean(L, s->args.same);
  if (!s->args.same)
    shared_push(L, lib, s);
  shared_end(L, lib, s);
  return s->args.same ? 1 : 2;
}

/* -- wait_for --------------------------------------------------------------------------------- */

/* What the process looked at last: a userdata, since the function that is asked may raise an error. */
struct seen {
  struct buf message;
};
#define SEEN_TYPE "sandbox.seen"

static int seen_gc(lua_State *L) {
  buf_release(&((struct seen *)lua_touserdata(L, 1))->message);
  return 0;
}

static struct seen *push_seen(lua_State *L) {
  struct seen *seen = lua_newuserdatauv(L, sizeof *seen, 0);
  *seen = (struct seen){.message = {0}};
  if (luaL_newmetatable(L, SEEN_TYPE)) {
    lua_pushcfunction(L, seen_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return seen;
}

/* Perform the op: it returns when the value is another than the one that was seen. Notes and pushes
 * that one. Returns 0, or the number of values pushed instead: it was not so in time. */
static int look_again(lua_State *L, struct lib *lib, struct shared_op *s, struct seen *seen) {
  s->op.value = &s->args;
  s->args.expected_data = seen->message.data;
  s->args.expected_len = seen->message.len;
  s->args.none = false;
  lib_read_begin(lib);
  int rc = perform(lib->b, &s->op);
  if (rc)
    return lib_expected(L, op_describe(s->op.kind)->verb, rc);
  seen->message.len = 0;
  rc = buf_append(&seen->message, lib->messages.in.data, lib->messages.in.len);
  s->op.number = 1;
  s->args.expected = s->args.number;
  shared_push(L, lib, s);
  return rc ? lib_error(L, op_describe(s->op.kind)->verb, rc) : 0;
}

/* [..., value] Does the function at `fn` say yes to it? */
static bool fits(lua_State *L, struct lib *lib, int fn) {
  lua_pushvalue(L, fn);
  lua_pushvalue(L, -2);
  backend_ask(lib->b, true);
  int status = lua_pcall(L, 1, 1, 0);
  backend_ask(lib->b, false);
  if (status != LUA_OK)
    lua_error(L);
  bool yes = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return yes;
}

int shared_wait_for(lua_State *L, struct lib *lib, struct shared_op *s, int fn) {
  struct seen *seen = push_seen(L);
  int top = lua_gettop(L);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  for (;;) {
    int n = look_again(L, lib, s, seen);
    if (n)
      return n;
    if (fits(L, lib, fn))
      return 1;
    lua_settop(L, top);
  }
}

/* -- update ----------------------------------------------------------------------------------- */

struct update {
  struct shared_op *op;
  struct buf in, read; /* the old value: a debug hook that runs before `update` may read others */
  enum op_kind replace;
  bool own; /* an error now is about the call, and not from the function */
};

static void swap_bufs(struct buf *x, struct buf *y) {
  struct buf was = *x;
  *x = *y;
  *y = was;
}

/* From the buffers of the lib, or back to them. */
static void swap_read(struct lib *lib, struct update *u) {
  swap_bufs(&u->in, &lib->messages.in);
  swap_bufs(&u->read, &lib->messages.read);
}

static void release_read(struct lib *lib, struct update *u) {
  lib_land(lib, &u->read);
  buf_release(&u->read);
  buf_release(&u->in);
}

/* Protected: [update, function] -> the new value. */
static int update(lua_State *L) {
  struct lib *lib = lib_find(L);
  struct update *u = lua_touserdata(L, 1);
  struct shared_op *s = u->op;
  swap_read(lib, u);
  release_read(lib, u);
  shared_push(L, lib, s);
  lua_pushvalue(L, 2);
  lua_insert(L, -2);
  u->own = false;
  lua_call(L, 1, LUA_MULTRET);
  u->own = true;
  if (lua_gettop(L) == 2)
    return luaL_error(L, "update: the function returned nothing; it must return the new value");
  lua_settop(L, 3);
  s->op.kind = u->replace;
  s->args.none = lua_isnil(L, 3);
  shared_bring(L, lib, s, 3, "value");
  shared_perform(L, lib, s);
  shared_end(L, lib, s);
  return 1;
}

int shared_update(lua_State *L, struct lib *lib, struct shared_op *s, int fn, enum op_kind replace,
                  enum op_kind keep) {
  struct update u = {.op = s, .replace = replace, .own = true};
  struct place place;
  luaL_checkstack(L, LUA_MINSTACK, NULL); /* from the op on, nothing may raise here */
  lib_note_place(L, lib, &s->op, &place);
  s->op.value = &s->args;
  int rc = perform(lib->b, &s->op);
  if (rc) /* raised, or too late */
    return lib_expected(L, op_describe(s->op.kind)->verb, rc);
  s->op.place = NULL;
  swap_read(lib, &u);
  lua_pushcfunction(L, update);
  lua_pushlightuserdata(L, &u);
  lua_pushvalue(L, fn);
  uint32_t throws = lib->interrupts.throws;
  int status = lua_pcall(L, 2, 1, 0);
  release_read(lib, &u);
  if (status == LUA_OK)
    return 1;
  s->op.kind = keep; /* it writes nothing */
  s->args.ref_count = 0;
  perform(lib->b, &s->op);
  bool tell = u.own && !lib_must_raise(lib, status, throws);
  if (tell && lua_type(L, -1) == LUA_TSTRING) { /* its place would be in the library */
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}
