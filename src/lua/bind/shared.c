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
  if (!s->args.key &&
      shared_number(L, index,
                    &s->args.number)) /* of a value; entries of dicts are always encoded */
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

/* -- update ----------------------------------------------------------------------------------- */

struct update {
  struct shared_op *op;
  enum op_kind replace;
  bool own; /* an error now is about the call, and not from the function */
};

/* Protected: [update, function] -> the new value. */
static int update(lua_State *L) {
  struct lib *lib = lib_find(L);
  struct update *u = lua_touserdata(L, 1);
  struct shared_op *s = u->op;
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
  lib_note_place(L, &s->op, &place);
  shared_perform(L, lib, s);
  s->op.place = NULL;
  lua_pushcfunction(L, update);
  lua_pushlightuserdata(L, &u);
  lua_pushvalue(L, fn);
  uint32_t throws = lib->interrupts.throws;
  int status = lua_pcall(L, 2, 1, 0);
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
