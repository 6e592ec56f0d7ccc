/* lua/bind/rwlock.c - locks for readers and writers in Lua; see sync.h. */
#include "lua/bind/sync.h"

static int l_rwlock(lua_State *L) {
  struct sync_options o = {.type = OBJECT_RWLOCK};
  o.name = sync_only_name(L, 1);
  return sync_make(L, &o, OBJECT_RWLOCK);
}

/* local _ <close> = w:read([timeout]) */
static int l_read(lua_State *L) {
  return sync_hold(L, OBJECT_RWLOCK, OP_RWLOCK_READ, OP_RWLOCK_RELEASE);
}

static int l_write(lua_State *L) {
  return sync_hold(L, OBJECT_RWLOCK, OP_RWLOCK_WRITE, OP_RWLOCK_RELEASE);
}

static void tell(lua_State *L, const struct sync_info *i) {
  const char *spoiled = i->set ? ", abandoned" : "";
  if (i->holder)
    lua_pushfstring(L, "written by %s#%I", i->holder_name, (LUAI_UACINT)i->holder);
  else if (i->count)
    lua_pushfstring(L, "%I reading%s", (LUAI_UACINT)i->count, spoiled);
  else
    lua_pushfstring(L, "free%s", spoiled);
}

static const luaL_Reg methods[] = {{"read", l_read}, {"write", l_write}, {NULL, NULL}};
static const luaL_Reg constructors[] = {{"rwlock", l_rwlock}, {NULL, NULL}};

const struct sync_type sync_rwlock = {
    .type = OBJECT_RWLOCK,
    .name = RWLOCK_TYPE,
    .methods = methods,
    .constructors = constructors,
    .tell = tell,
};
