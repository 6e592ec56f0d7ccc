/* lua/bind/barrier.c - barriers in Lua; see sync.h. */
#include "lua/bind/sync.h"

/* Key of the registry: a table from handles to the actions of their barriers. A forked child has it,
 * too; it is weak, so an action lives as long as the handle. */
static const char actions_key;

static void push_actions(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &actions_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  lib_push_weak(L, "k", 0);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &actions_key);
}

/* barrier(n [, action]) or barrier{n =, action =, name =} */
static int l_barrier(lua_State *L) {
  static const char *const names[] = {"n", "action", "name", NULL};
  struct sync_options o = {.type = OBJECT_BARRIER};
  lib_no_more(L, 2, "barrier{n = 2, action = f, name = \"turn\"}");
  if (lua_istable(L, 1)) {
    lib_arg_check(L, lua_isnil(L, 2), 2, "action is one of the options");
    lib_check_options(L, 1, names);
    lua_getfield(L, 1, "n");
    lua_getfield(L, 1, "action");
  } else {
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
  }
  o.count = sync_check_count(L, 3, "n", 1, 1);
  o.action = !lua_isnil(L, 4);
  lib_arg_expected(L, !o.action || lua_isfunction(L, 4), lua_istable(L, 1) ? 1 : 2,
                   "function as action");
  o.name = sync_name_option(L, 1);
  sync_make(L, &o, OBJECT_BARRIER);
  if (!o.action)
    return 1;
  push_actions(L);
  lua_pushvalue(L, -2);
  lua_pushvalue(L, 4);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return 1;
}

/* An error is on the stack: break the barrier, and raise it. */
static int break_and_raise(lua_State *L, struct lib *lib, const struct handle *h) {
  perform(lib->b, &(struct op){.kind = OP_BARRIER_ABORT, .object = h->object});
  return lua_error(L);
}

/* Run the action of the barrier at 1, for this round and those that are complete meanwhile. */
static int act(lua_State *L, struct lib *lib) {
  struct handle *h = lib_check_handle_of(L, lib, 1, OBJECT_BARRIER);
  struct op pass = {.kind = OP_BARRIER_PASS, .object = h->object};
  push_actions(L);
  lua_pushvalue(L, 1);
  if (lua_rawget(L, -2) != LUA_TFUNCTION) {
    luaL_where(L, 1);
    lua_pushliteral(L,
                    "wait: the action of the barrier is not known in this process, which got the "
                    "handle by a message: give it to the function that is spawned");
    lua_concat(L, 2);
    return break_and_raise(L, lib, h);
  }
  while (pass.count == 0) {
    lua_pushvalue(L, -1);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
      return break_and_raise(L, lib, h);
    int rc = perform(lib->b, &pass);
    if (rc)
      return lib_expected(L, "wait", rc);
  }
  lua_pushinteger(L, (lua_Integer)pass.count);
  return 1;
}

static int l_wait(lua_State *L) {
  struct op op = {.kind = OP_BARRIER_WAIT};
  int n = sync_op(L, &op, OBJECT_BARRIER, 2);
  if (n)
    return n;
  if (op.count == 0)
    return act(L, lib_of(L));
  lua_pushinteger(L, (lua_Integer)op.count);
  return 1;
}

static int l_abort(lua_State *L) { return sync_plain(L, OP_BARRIER_ABORT, OBJECT_BARRIER, 0); }
static int l_reset(lua_State *L) { return sync_plain(L, OP_BARRIER_RESET, OBJECT_BARRIER, 0); }

static void tell(lua_State *L, const struct sync_info *i) {
  lua_pushfstring(L, "%I of %I are there%s", (LUAI_UACINT)i->count, (LUAI_UACINT)i->max,
                  i->set ? ", broken" : "");
  if (!i->holder)
    return;
  lua_pushfstring(L, ", %s#%I acts", i->holder_name, (LUAI_UACINT)i->holder);
  lua_concat(L, 2);
}

static const luaL_Reg methods[] = {
    {"wait", l_wait}, {"abort", l_abort}, {"reset", l_reset}, {NULL, NULL}};
static const luaL_Reg constructors[] = {{"barrier", l_barrier}, {NULL, NULL}};

const struct sync_type sync_barrier = {
    .type = OBJECT_BARRIER,
    .name = BARRIER_TYPE,
    .methods = methods,
    .constructors = constructors,
    .tell = tell,
};
