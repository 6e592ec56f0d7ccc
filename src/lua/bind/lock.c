/* lua/bind/lock.c - locks in Lua; see sync.h. */
#include "base/error.h"
#include "lua/bind/sync.h"

static int make(lua_State *L, bool recursive) {
  struct sync_options o = {.type = OBJECT_LOCK, .recursive = recursive};
  o.name = sync_only_name(L, 1);
  return sync_make(L, &o, OBJECT_LOCK);
}

static int l_lock(lua_State *L) { return make(L, false); }
static int l_rlock(lua_State *L) { return make(L, true); }

static inline int acquire(lua_State *L, struct lib *lib) {
  struct op op = {.kind = OP_LOCK_ACQUIRE};
  int n = sync_op_of(L, lib, &op, OBJECT_LOCK, 2);
  return n ? n : sync_push_taken(L, &op);
}

static int l_acquire(lua_State *L) { return acquire(L, lib_of(L)); }
static int l_acquire_near(lua_State *L) { return acquire(L, lib_near(L)); }

static inline int release(lua_State *L, struct lib *lib) {
  struct op op = {.kind = OP_LOCK_RELEASE};
  int n = sync_op_of(L, lib, &op, OBJECT_LOCK, 0);
  return n ? n : sync_push_taken(L, &op);
}

static int l_release(lua_State *L) { return release(L, lib_of(L)); }
static int l_release_near(lua_State *L) { return release(L, lib_near(L)); }

static int l_hold(lua_State *L) {
  return sync_hold(L, OBJECT_LOCK, OP_LOCK_ACQUIRE, OP_LOCK_RELEASE);
}

static void tell(lua_State *L, const struct sync_info *i) {
  if (i->set)
    lua_pushliteral(L, "abandoned");
  else if (!i->holder)
    lua_pushliteral(L, "free");
  else if (i->depth > 1)
    lua_pushfstring(L, "held %I times by %s#%I", (LUAI_UACINT)i->depth, i->holder_name,
                    (LUAI_UACINT)i->holder);
  else
    lua_pushfstring(L, "held by %s#%I", i->holder_name, (LUAI_UACINT)i->holder);
}

static const luaL_Reg methods[] = {
    {"acquire", l_acquire}, {"release", l_release}, {"hold", l_hold}, {NULL, NULL}};
static const luaL_Reg constructors[] = {{"lock", l_lock}, {"rlock", l_rlock}, {NULL, NULL}};

static const luaL_Reg near[] = {
    {"acquire", l_acquire_near}, {"release", l_release_near}, {NULL, NULL}};

const struct sync_type sync_lock = {
    .type = OBJECT_LOCK,
    .name = LOCK_TYPE,
    .methods = methods,
    .near = near,
    .constructors = constructors,
    .tell = tell,
};
