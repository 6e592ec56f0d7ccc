/* lua/bind/value.c - shared values in Lua; see shared.h. */
#include <string.h>

#include "base/error.h"
#include "lua/bind/native.h"
#include "lua/bind/shared.h"

static void set(lua_State *L, struct lib *lib, int index) {
  struct shared_op s;
  shared_begin(L, lib, &s, OBJECT_VALUE, OP_VALUE_SET);
  shared_bring(L, lib, &s, index, "value");
  shared_perform(L, lib, &s);
  shared_end(L, lib, &s);
}

/* value(v [, {name =}]) */
static int l_value(lua_State *L) {
  struct sync_options o = {.type = OBJECT_VALUE, .name = sync_only_name(L, 2)};
  sync_make(L, &o, OBJECT_VALUE);
  lua_pushvalue(L, 1); /* the handle comes first, for set */
  lua_insert(L, 2);
  lua_replace(L, 1);
  set(L, lib_of(L), 2);
  lua_pushvalue(L, 1);
  return 1;
}

static int l_set(lua_State *L) {
  lib_check_handle(L, 1, OBJECT_VALUE);
  luaL_checkany(L, 2);
  set(L, lib_of(L), 2);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_get(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  shared_begin(L, lib, &s, OBJECT_VALUE, OP_VALUE_GET);
  shared_perform(L, lib, &s);
  shared_push(L, lib, &s);
  return 1;
}

static int l_add(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  shared_begin(L, lib, &s, OBJECT_VALUE, OP_VALUE_ADD);
  lib_arg_expected(L, shared_number(L, 2, &s.args.number), 2, "number");
  shared_perform(L, lib, &s);
  shared_push(L, lib, &s);
  return 1;
}

static int l_cas(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  lib_check_handle(L, 1, OBJECT_VALUE);
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  shared_begin(L, lib, &s, OBJECT_VALUE, OP_VALUE_CAS);
  return shared_cas(L, lib, &s, 2);
}

static int l_update(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  lib_check_handle(L, 1, OBJECT_VALUE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  shared_begin(L, lib, &s, OBJECT_VALUE, OP_VALUE_UPDATE);
  return shared_update(L, lib, &s, 2, OP_VALUE_REPLACE, OP_VALUE_KEEP);
}

/* x:wait_for(predicate [, timeout]) */
static int l_wait_for(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  lib_check_handle(L, 1, OBJECT_VALUE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  int64_t deadline_ns = lib_check_timeout(L, lib, 3);
  shared_begin(L, lib, &s, OBJECT_VALUE, OP_VALUE_AWAIT);
  s.op.deadline_ns = deadline_ns;
  return shared_wait_for(L, lib, &s, 2);
}

int native_update(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  lib_check_handle(L, 1, OBJECT_VALUE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  int64_t deadline_ns = lib_check_timeout(L, lib, 3);
  shared_begin(L, lib, &s, OBJECT_VALUE, OP_VALUE_UPDATE);
  s.op.deadline_ns = deadline_ns;
  return shared_update(L, lib, &s, 2, OP_VALUE_REPLACE, OP_VALUE_KEEP);
}

static void tell(lua_State *L, const struct sync_info *i) {
  if (i->number.kind == NUMBER_INTEGER)
    lua_pushfstring(L, "%I", (LUAI_UACINT)i->number.i);
  else if (i->number.kind == NUMBER_FLOAT)
    lua_pushfstring(L, "%f", (LUAI_UACNUMBER)i->number.f);
  else
    lua_pushfstring(L, "%I bytes", (LUAI_UACINT)i->count);
  shared_tell_updater(L, i);
}

static const luaL_Reg methods[] = {{"get", l_get},       {"set", l_set}, {"add", l_add},
                                   {"update", l_update}, {"cas", l_cas}, {"wait_for", l_wait_for},
                                   {NULL, NULL}};
static const luaL_Reg constructors[] = {{"value", l_value}, {NULL, NULL}};

const struct sync_type sync_value = {
    .type = OBJECT_VALUE,
    .name = VALUE_TYPE,
    .methods = methods,
    .constructors = constructors,
    .tell = tell,
};
