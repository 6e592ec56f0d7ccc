/* lua/bind/semaphore.c - semaphores in Lua; see sync.h. */
#include "base/error.h"
#include "lua/bind/sync.h"

/* semaphore(n [, max]) or semaphore{n =, max =, name =} */
static int l_semaphore(lua_State *L) {
  static const char *const names[] = {"n", "max", "name", NULL};
  struct sync_options o = {.type = OBJECT_SEMAPHORE};
  lib_no_more(L, 2, "semaphore{n = 1, max = 2, name = \"seats\"}");
  if (lua_istable(L, 1)) {
    lib_arg_check(L, lua_isnil(L, 2), 2, "max is one of the options");
    lib_check_options(L, 1, names);
    lua_getfield(L, 1, "n");
    lua_getfield(L, 1, "max");
  } else {
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
  }
  o.count = sync_check_count(L, 3, "n", 0, 1);
  if (!lua_isnil(L, 4))
    o.max = sync_check_count(L, 4, "max", 1, lua_istable(L, 1) ? 1 : 2);
  lib_arg_check(L, o.max == 0 || o.count <= o.max, 1, "n is more than max");
  o.name = sync_name_option(L, 1);
  return sync_make(L, &o, OBJECT_SEMAPHORE);
}

static int l_acquire(lua_State *L) {
  struct op op = {.kind = OP_SEMAPHORE_ACQUIRE};
  int n = sync_op(L, &op, OBJECT_SEMAPHORE, 2);
  return n ? n : sync_push_taken(L, &op);
}

static int l_release(lua_State *L) {
  struct op op = {.kind = OP_SEMAPHORE_RELEASE, .count = 1};
  if (!lua_isnoneornil(L, 2))
    op.count = sync_check_count(L, 2, "n", 0, 2);
  if (op.count == 0) { /* so that a computed number need not be tested first */
    lib_check_handle(L, 1, OBJECT_SEMAPHORE);
    lua_pushboolean(L, 1);
    return 1;
  }
  int n = sync_op(L, &op, OBJECT_SEMAPHORE, 0);
  lua_pushboolean(L, 1);
  return n ? n : 1;
}

static int l_hold(lua_State *L) {
  return sync_hold(L, OBJECT_SEMAPHORE, OP_SEMAPHORE_ACQUIRE, OP_SEMAPHORE_RELEASE);
}

static int l_value(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)sync_info_of(L, OBJECT_SEMAPHORE).count);
  return 1;
}

static void tell(lua_State *L, const struct sync_info *i) {
  if (i->max)
    lua_pushfstring(L, "%I of %I", (LUAI_UACINT)i->count, (LUAI_UACINT)i->max);
  else
    lua_pushfstring(L, "%I", (LUAI_UACINT)i->count);
}

static const luaL_Reg methods[] = {{"acquire", l_acquire},
                                   {"release", l_release},
                                   {"hold", l_hold},
                                   {"value", l_value},
                                   {NULL, NULL}};
static const luaL_Reg constructors[] = {{"semaphore", l_semaphore}, {NULL, NULL}};

const struct sync_type sync_semaphore = {
    .type = OBJECT_SEMAPHORE,
    .name = SEMAPHORE_TYPE,
    .methods = methods,
    .constructors = constructors,
    .tell = tell,
};
