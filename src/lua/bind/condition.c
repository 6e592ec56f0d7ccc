/* lua/bind/condition.c - conditions in Lua; see sync.h. */
#include "base/error.h"
#include "lua/bind/sync.h"

/* condition([lock]) or condition{lock =, name =} */
static int l_condition(lua_State *L) {
  static const char *const names[] = {"lock", "name", NULL};
  struct sync_options o = {.type = OBJECT_CONDITION};
  lib_no_more(L, 1, "condition{lock = l, name = \"news\"}");
  if (lua_istable(L, 1)) {
    lib_check_options(L, 1, names);
    lua_getfield(L, 1, "lock");
  } else {
    lua_pushvalue(L, 1);
  }
  if (!lua_isnil(L, 2)) {
    const struct handle *lock = luaL_testudata(L, 2, LOCK_TYPE);
    lib_arg_check(L, lock && lock->object, 1, "a condition needs a lock, or none");
    o.lock = lock->object;
  }
  o.name = sync_name_option(L, 1);
  return sync_make(L, &o, OBJECT_CONDITION);
}

/* -- its lock --------------------------------------------------------------------------------- */

static int l_acquire(lua_State *L) {
  struct op op = {.kind = OP_LOCK_ACQUIRE};
  int n = sync_op(L, &op, OBJECT_CONDITION, 2);
  return n ? n : sync_push_taken(L, &op);
}

static int l_release(lua_State *L) { return sync_plain(L, OP_LOCK_RELEASE, OBJECT_CONDITION, 0); }

static int l_hold(lua_State *L) {
  return sync_hold(L, OBJECT_CONDITION, OP_LOCK_ACQUIRE, OP_LOCK_RELEASE);
}

/* -- waiting ---------------------------------------------------------------------------------- */

static int l_wait(lua_State *L) {
  struct op op = {.kind = OP_CONDITION_WAIT};
  int n = sync_op(L, &op, OBJECT_CONDITION, 2);
  return n ? n : sync_push_taken(L, &op);
}

/* [.., -> .., result] Call the function at 2. Is its result true? */
static bool holds_now(lua_State *L) {
  lua_pushvalue(L, 2);
  lua_call(L, 0, 1);
  return lua_toboolean(L, -1);
}

/* c:wait_for(fn, timeout): what fn returned, or nil and "timeout". */
static int l_wait_for(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_CONDITION);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  struct op op = {.kind = OP_CONDITION_WAIT,
                  .object = h->object,
                  .deadline_ns = lib_check_timeout(L, lib, 3),
                  .locate = lib_locate,
                  .locate_ctx = L};
  struct place place;
  lib_note_place(L, lib, &op, &place);
  struct op notify_none = {
      .kind = OP_CONDITION_NOTIFY, .object = h->object, .locate = lib_locate, .locate_ctx = L};
  int rc = perform(lib->b, &notify_none); /* an error unless the lock is held */
  if (rc)
    return lib_expected(L, "wait_for", rc);
  while (!holds_now(L)) {
    if (rc)
      return lib_expected(L, "wait_for", rc);
    lua_settop(L, 2);
    rc = perform(lib->b, &op);
    if (rc && rc != -SBX_ETIMEDOUT) /* after a timeout the function is called once more */
      return lib_expected(L, "wait_for", rc);
  }
  return 1;
}

static int notify(lua_State *L, uint64_t count) {
  struct op op = {.kind = OP_CONDITION_NOTIFY, .count = count};
  int n = sync_op(L, &op, OBJECT_CONDITION, 0);
  lua_pushboolean(L, 1);
  return n ? n : 1;
}

static int l_notify(lua_State *L) {
  return notify(L, lua_isnoneornil(L, 2) ? 1 : sync_check_count(L, 2, "n", 1, 2));
}

static int l_notify_all(lua_State *L) { return notify(L, UINT64_MAX); }

static void tell(lua_State *L, const struct sync_info *i) {
  lua_pushstring(L, i->waiting ? "waited for" : "nobody waits");
}

static const luaL_Reg methods[] = {{"acquire", l_acquire},
                                   {"release", l_release},
                                   {"hold", l_hold},
                                   {"wait", l_wait},
                                   {"wait_for", l_wait_for},
                                   {"notify", l_notify},
                                   {"notify_all", l_notify_all},
                                   {NULL, NULL}};
static const luaL_Reg constructors[] = {{"condition", l_condition}, {NULL, NULL}};

const struct sync_type sync_condition = {
    .type = OBJECT_CONDITION,
    .name = CONDITION_TYPE,
    .methods = methods,
    .constructors = constructors,
    .tell = tell,
};
