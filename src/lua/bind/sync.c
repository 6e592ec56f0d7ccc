/* lua/bind/sync.c - what the bindings of the synchronisation objects share; see sync.h. */
#include "lua/bind/sync.h"

#include <string.h>

#include "base/error.h"
#include "lua/state/answer.h"
#include "lua/state/lib.h"
#include "lua/state/masked.h"

/* -- making ----------------------------------------------------------------------------------- */

const char *sync_name_option(lua_State *L, int arg) {
  if (!lua_istable(L, arg) || lua_getfield(L, arg, "name") == LUA_TNIL)
    return NULL;
  return lib_check_name(L, arg);
}

const char *sync_only_name(lua_State *L, int arg) {
  static const char *const names[] = {"name", NULL};
  lib_no_more(L, arg, NULL);
  if (lua_isnil(L, arg))
    return NULL;
  lib_arg_expected(L, lua_istable(L, arg), arg, "table of options");
  lib_check_options(L, arg, names);
  return sync_name_option(L, arg);
}

uint64_t sync_check_count(lua_State *L, int index, const char *what, lua_Integer least, int arg) {
  int whole;
  lua_Integer n = lua_tointegerx(L, index, &whole);
  if (!whole || lua_type(L, index) != LUA_TNUMBER || n < least)
    lib_arg_error(L, arg,
                  lua_pushfstring(L, "%s must be a whole number, %I or more, not %s", what,
                                  (LUAI_UACINT)least, lib_say(L, index)));
  return (uint64_t)n;
}

void sync_count_options(lua_State *L, struct sync_options *o, lua_Integer least) {
  static const char *const names[] = {"n", "name", NULL};
  lib_no_more(L, 1, "{n = 2, name = \"ready\"}");
  if (lua_istable(L, 1)) {
    lib_check_options(L, 1, names);
    lua_getfield(L, 1, "n");
  } else {
    lua_pushvalue(L, 1);
  }
  o->count = sync_check_count(L, 2, "n", least, 1);
  o->name = sync_name_option(L, 1);
}

int sync_make(lua_State *L, const struct sync_options *options, enum object_type type) {
  struct lib *lib = lib_of(L);
  struct sync_options o = *options;
  o.locate = lib_locate;
  o.locate_ctx = L;
  struct handle *h = lib_push_handle(L, type);
  int rc = op_sync_new(lib->b, &o, &h->object);
  if (lib_made_room(L, rc))
    rc = op_sync_new(lib->b, &o, &h->object);
  if (rc)
    return lib_error(L, lib_type_name(type), rc);
  lib_settle_handle(L, lib);
  return 1;
}

/* -- ops -------------------------------------------------------------------------------------- */

struct sync_info sync_info_of(lua_State *L, enum object_type type) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, type);
  struct sync_info info;
  int rc = op_sync_look_at(lib->b, type, h->object, lib_locate, L, &info);
  if (rc)
    lib_error(L, lib_type_name(type), rc);
  return info;
}

int sync_plain(lua_State *L, enum op_kind kind, enum object_type type, int timeout) {
  struct op op = {.kind = kind};
  int n = sync_op(L, &op, type, timeout);
  if (n)
    return n;
  lua_pushboolean(L, 1);
  return 1;
}

int sync_push_taken(lua_State *L, const struct op *op) {
  lua_pushboolean(L, 1);
  if (!op->abandoned)
    return 1;
  lua_pushliteral(L, "abandoned");
  return 2;
}

/* -- hold ------------------------------------------------------------------------------------- */

/* `local _ <close> = l:hold()`; the handle is its user value. */
struct hold {
  enum op_kind release;
  uint32_t generation; /* of the process that holds it: a forked child has nothing to release */
  bool held;
};

int sync_hold(lua_State *L, enum object_type type, enum op_kind acquire, enum op_kind release) {
  struct lib *lib = lib_of(L);
  struct op op = {.kind = acquire, .number = op_describe(acquire)->past != NULL};
  lib_check_handle(L, 1, type);
  struct hold *hold = lua_newuserdatauv(L, sizeof *hold, 1);
  memset(hold, 0, sizeof *hold); /* between the fields, too: explorers compare memory */
  hold->release = release;
  hold->generation = lib->life.generation;
  luaL_setmetatable(L, HOLD_TYPE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  int hold_at = lua_gettop(L);
  int n = sync_op(L, &op, type, hold_at == 2 ? 3 : 2);
  if (n)
    return n;
  hold->held = true;
  n = sync_push_taken(L, &op);
  lua_pushvalue(L, hold_at);
  lua_replace(L, hold_at + 1);
  return n;
}

static int l_hold_release(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct hold *hold = luaL_checkudata(L, 1, HOLD_TYPE);
  if (!hold->held || hold->generation != lib->life.generation)
    return 0;
  hold->held = false;
  lua_getiuservalue(L, 1, 1);
  struct handle *h = lua_touserdata(L, -1);
  struct op op = {.kind = hold->release, .object = h->object, .deadline_ns = SBX_FOREVER};
  int rc = perform(lib->b, &op);
  return rc ? lib_expected(L, "release", rc) : 0;
}

static int l_hold_tostring(lua_State *L) {
  const struct hold *hold = luaL_checkudata(L, 1, HOLD_TYPE);
  lua_getiuservalue(L, 1, 1);
  lua_pushfstring(L, "hold (%s) of %s", hold->held ? "held" : "released",
                  masked_tolstring(L, -1, NULL));
  return 1;
}

static void open_hold(lua_State *L) {
  static const luaL_Reg meta[] = {
      {"__close", l_hold_release}, {"__tostring", l_hold_tostring}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"release", l_hold_release}, {NULL, NULL}};
  luaL_newmetatable(L, HOLD_TYPE);
  lib_set_functions(L, meta);
  lua_createtable(L, 0, 1);
  lib_set_functions(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

/* -- types ------------------------------------------------------------------------------------ */

/* `lock: jobs#3 (held by writer#2)`. Upvalue 2: the type. */
static int l_tostring(lua_State *L) {
  struct lib *lib = lib_of(L);
  const struct sync_type *t = lua_touserdata(L, lua_upvalueindex(2));
  const struct handle *h = luaL_checkudata(L, 1, t->name);
  const char *kind = strchr(t->name, '.') + 1;
  struct sync_info i;
  if (!h->object) {
    lua_pushfstring(L, "%s: (empty handle)", kind);
    return 1;
  }
  int rc = op_sync_look(lib->b, t->type, h->object, &i);
  if (rc)
    return lib_error(L, kind, rc);
  if (t->type == OBJECT_LOCK && i.recursive)
    kind = "rlock";
  t->tell(L, &i);
  if (i.waiting) {
    lua_pushfstring(L, ", %I waiting", (LUAI_UACINT)i.waiting);
    lua_concat(L, 2);
  }
  lua_pushfstring(L, "%s: %s#%I (%s)", kind, i.name[0] ? i.name : kind, (LUAI_UACINT)i.id,
                  lua_tostring(L, -1));
  return 1;
}

/* [metatable, methods] */
static void set_meta(lua_State *L, const luaL_Reg *meta) {
  for (; meta && meta->name; meta++) {
    lua_pushlightuserdata(L, lib_find(L));
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, meta->func, 2);
    lua_setfield(L, -3, meta->name);
  }
}

static void open_type(lua_State *L, int table, const struct sync_type *t) {
  lib_open_type(L, table, t->type, t->methods, NULL, t->constructors);
  lua_pushlightuserdata(L, lib_find(L));
  lua_pushlightuserdata(L, (void *)(uintptr_t)t);
  lua_pushcclosure(L, l_tostring, 2);
  lua_setfield(L, -2, "__tostring");
  lua_getfield(L, -1, "__index");
  if (t->near && lib_find(L)->near)
    lib_set_functions(L, t->near);
  set_meta(L, t->meta);
  lua_pop(L, 2);
}

void lib_open_sync(lua_State *L, int table) {
  static const struct sync_type *const types[] = {
      &sync_lock, &sync_semaphore, &sync_event, &sync_condition, &sync_barrier, &sync_value,
      &sync_dict, &sync_progress,  &sync_latch, &sync_rwlock,    &sync_array};
  open_hold(L);
  dict_open_pairs(L);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    open_type(L, table, types[i]);
}
