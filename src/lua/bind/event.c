/* lua/bind/event.c - events in Lua; see sync.h. */
#include "lua/bind/sync.h"

static int l_event(lua_State *L) {
  struct sync_options o = {.type = OBJECT_EVENT};
  o.name = sync_only_name(L, 1);
  return sync_make(L, &o, OBJECT_EVENT);
}

static int l_set(lua_State *L) { return sync_plain(L, OP_EVENT_SET, OBJECT_EVENT, 0); }
static int l_clear(lua_State *L) { return sync_plain(L, OP_EVENT_CLEAR, OBJECT_EVENT, 0); }
static int l_wait(lua_State *L) { return sync_plain(L, OP_EVENT_WAIT, OBJECT_EVENT, 2); }

static int l_is_set(lua_State *L) {
  lua_pushboolean(L, sync_info_of(L, OBJECT_EVENT).set);
  return 1;
}

static void tell(lua_State *L, const struct sync_info *i) {
  lua_pushstring(L, i->set ? "set" : "not set");
}

static const luaL_Reg methods[] = {
    {"set", l_set}, {"clear", l_clear}, {"is_set", l_is_set}, {"wait", l_wait}, {NULL, NULL}};
static const luaL_Reg constructors[] = {{"event", l_event}, {NULL, NULL}};

const struct sync_type sync_event = {
    .type = OBJECT_EVENT,
    .name = EVENT_TYPE,
    .methods = methods,
    .constructors = constructors,
    .tell = tell,
};
