/* lua/bind/barrier.c - barriers in Lua; see sync.h. */
#include "lua/bind/sync.h"

/* barrier(n) or barrier{n =, name =} */
static int l_barrier(lua_State *L) {
  struct sync_options o = {.type = OBJECT_BARRIER};
  sync_count_options(L, &o, 1);
  return sync_make(L, &o, OBJECT_BARRIER);
}

static int l_wait(lua_State *L) {
  struct op op = {.kind = OP_BARRIER_WAIT};
  int n = sync_op(L, &op, OBJECT_BARRIER, 2);
  if (n)
    return n;
  lua_pushinteger(L, (lua_Integer)op.count);
  return 1;
}

static int l_abort(lua_State *L) { return sync_plain(L, OP_BARRIER_ABORT, OBJECT_BARRIER, 0); }
static int l_reset(lua_State *L) { return sync_plain(L, OP_BARRIER_RESET, OBJECT_BARRIER, 0); }

static void tell(lua_State *L, const struct sync_info *i) {
  lua_pushfstring(L, "%I of %I are there%s", (LUAI_UACINT)i->count, (LUAI_UACINT)i->max,
                  i->set ? ", broken" : "");
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
