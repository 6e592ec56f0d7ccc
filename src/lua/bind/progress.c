/* lua/bind/progress.c - progress in Lua; see sync.h. */
#include "object/progress.h"
#include "lua/bind/sync.h"

/* The whole number at `index`, at most PROGRESS_MOST, or an error of the argument `arg`. */
static uint64_t check_number(lua_State *L, int index, const char *what, int arg) {
  uint64_t n = sync_check_count(L, index, what, 0, arg);
  if (n > PROGRESS_MOST)
    lib_arg_error(L, arg, lua_pushfstring(L, "%s must be at most 2^53", what));
  return n;
}

static const char *label_option(lua_State *L) {
  return lua_getfield(L, 1, "label") == LUA_TNIL ? NULL : lib_check_text(L, 1, "label");
}

/* progress([{total =, label =}]) */
static int l_progress(lua_State *L) {
  static const char *const names[] = {"total", "label", NULL};
  struct sync_options o = {.type = OBJECT_PROGRESS, .max = PROGRESS_ENDLESS};
  lua_settop(L, 1);
  if (lua_isnil(L, 1))
    return sync_make(L, &o, OBJECT_PROGRESS);
  lib_arg_expected(L, lua_istable(L, 1), 1, "table of options");
  lib_check_options(L, 1, names);
  if (lua_getfield(L, 1, "total") != LUA_TNIL)
    o.max = check_number(L, 2, "total", 1);
  o.name = label_option(L);
  return sync_make(L, &o, OBJECT_PROGRESS);
}

/* How far add goes, back if it is negative; absent: 1. */
static uint64_t check_step(lua_State *L, int arg) {
  int whole;
  if (lua_isnoneornil(L, arg))
    return 1;
  lua_Integer n = lua_tointegerx(L, arg, &whole), most = (lua_Integer)PROGRESS_MOST;
  if (!whole || lua_type(L, arg) != LUA_TNUMBER || n > most || n < -most)
    lib_arg_error(
        L, arg,
        lua_pushfstring(L, "k must be a whole number, at most 2^53, not %s", lib_say(L, arg)));
  return (uint64_t)n;
}

static int move(lua_State *L, struct op *op) {
  int n = sync_op(L, op, OBJECT_PROGRESS, 0);
  if (n)
    return n;
  lua_pushboolean(L, 1);
  return 1;
}

static int l_add(lua_State *L) {
  return move(L, &(struct op){.kind = OP_PROGRESS_ADD, .count = check_step(L, 2)});
}

static int l_set(lua_State *L) {
  return move(L, &(struct op){.kind = OP_PROGRESS_SET, .count = check_number(L, 2, "n", 2)});
}

static int l_close(lua_State *L) { return sync_plain(L, OP_PROGRESS_CLOSE, OBJECT_PROGRESS, 0); }

static void tell(lua_State *L, const struct sync_info *i) {
  const char *closed = i->set ? ", closed" : "";
  if (i->max == PROGRESS_ENDLESS)
    lua_pushfstring(L, "%I%s", (LUAI_UACINT)i->count, closed);
  else
    lua_pushfstring(L, "%I of %I%s", (LUAI_UACINT)i->count, (LUAI_UACINT)i->max, closed);
}

static const luaL_Reg methods[] = {
    {"add", l_add}, {"set", l_set}, {"close", l_close}, {NULL, NULL}};
static const luaL_Reg meta[] = {{"__close", l_close}, {NULL, NULL}};
static const luaL_Reg constructors[] = {{"progress", l_progress}, {NULL, NULL}};

const struct sync_type sync_progress = {
    .type = OBJECT_PROGRESS,
    .name = PROGRESS_TYPE,
    .methods = methods,
    .constructors = constructors,
    .meta = meta,
    .tell = tell,
};
