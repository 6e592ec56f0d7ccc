/* lua/bind/latch.c - latches in Lua; see sync.h. */
#include "lua/bind/sync.h"

/* latch(n) or latch{n =, name =} */
static int l_latch(lua_State *L) {
  struct sync_options o = {.type = OBJECT_LATCH};
  sync_count_options(L, &o, 0);
  return sync_make(L, &o, OBJECT_LATCH);
}

/* l:down([k]) -> what is left */
static int l_down(lua_State *L) {
  struct op op = {.kind = OP_LATCH_DOWN, .count = 1};
  if (!lua_isnoneornil(L, 2))
    op.count = sync_check_count(L, 2, "k", 0, 2);
  int n = sync_op(L, &op, OBJECT_LATCH, 0);
  if (n)
    return n;
  lua_pushinteger(L, (lua_Integer)op.count);
  return 1;
}

static int l_wait(lua_State *L) { return sync_plain(L, OP_LATCH_WAIT, OBJECT_LATCH, 2); }

static int l_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)sync_info_of(L, OBJECT_LATCH).count);
  return 1;
}

static void tell(lua_State *L, const struct sync_info *i) {
  if (i->count)
    lua_pushfstring(L, "%I left", (LUAI_UACINT)i->count);
  else
    lua_pushliteral(L, "open");
}

static const luaL_Reg methods[] = {
    {"down", l_down}, {"wait", l_wait}, {"count", l_count}, {NULL, NULL}};
static const luaL_Reg constructors[] = {{"latch", l_latch}, {NULL, NULL}};

const struct sync_type sync_latch = {
    .type = OBJECT_LATCH,
    .name = LATCH_TYPE,
    .methods = methods,
    .constructors = constructors,
    .tell = tell,
};
