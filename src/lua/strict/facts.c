/* lua/strict/facts.c - sandbox.strict: what holds, for scripts that want to know. */
#include "base/clock.h"
#include "lua/strict/strict_internal.h"

/* -- a table that cannot be changed ------------------------------------------------------------ */

/* Upvalue 1 of each: the table with the fields. */
enum { UP_FIELDS = 1 };

static int l_index(lua_State *L) {
  lua_settop(L, 2);
  lua_rawget(L, lua_upvalueindex(UP_FIELDS));
  return 1;
}

static int l_newindex(lua_State *L) { return luaL_error(L, "sandbox.strict cannot be changed"); }

static int l_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, lua_upvalueindex(UP_FIELDS)));
  return 1;
}

static int l_next(lua_State *L) {
  lua_settop(L, 2);
  return lua_next(L, lua_upvalueindex(UP_FIELDS)) ? 2 : 0;
}

static int l_pairs(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(UP_FIELDS));
  lua_pushcclosure(L, l_next, 1);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* [fields] -> an empty table that shows them */
static void show_only(lua_State *L) {
  static const luaL_Reg events[] = {{"__index", l_index},
                                    {"__newindex", l_newindex},
                                    {"__len", l_len},
                                    {"__pairs", l_pairs},
                                    {NULL, NULL}};
  lua_newtable(L);
  lua_createtable(L, 0, 5);
  lua_pushvalue(L, -3);
  luaL_setfuncs(L, events, 1);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

/* -- facts ------------------------------------------------------------------------------------- */

static void push_paths(lua_State *L, const struct policy_paths *paths) {
  lua_createtable(L, (int)paths->count, 0);
  for (size_t i = 0; i < paths->count; i++) {
    lua_pushstring(L, paths->list[i].written);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  show_only(L);
}

static void push_names(lua_State *L, const struct policy_names *names) {
  lua_createtable(L, (int)names->count, 0);
  for (size_t i = 0; i < names->count; i++) {
    lua_pushstring(L, names->list[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  show_only(L);
}

static void push_layers(lua_State *L, const struct policy *p) {
  static const struct {
    unsigned layer;
    const char *name;
  } all[] = {{LAYER_LANGUAGE, "language"},
             {LAYER_LANDLOCK, "landlock"},
             {LAYER_SECCOMP, "seccomp"},
             {LAYER_NAMESPACES, "namespaces"}};
  lua_Integer n = 0;
  lua_newtable(L);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if ((p->layers | LAYER_LANGUAGE) & all[i].layer) { /* this layer is the one that tells */
      lua_pushstring(L, all[i].name);
      lua_rawseti(L, -2, ++n);
    }
  show_only(L);
}

/* [fields] A limit; 0: there is none. */
static void set_bytes(lua_State *L, const char *name, uint64_t bytes) {
  if (bytes == 0)
    return;
  lua_pushinteger(L, bytes > LUA_MAXINTEGER ? LUA_MAXINTEGER : (lua_Integer)bytes);
  lua_setfield(L, -2, name);
}

static void set_seconds(lua_State *L, const char *name, int64_t ns) {
  if (ns == SBX_FOREVER)
    return;
  lua_pushnumber(L, (double)ns / NS_PER_SECOND);
  lua_setfield(L, -2, name);
}

void strict_push_facts(lua_State *L, const struct policy *p) {
  lua_createtable(L, 0, 10);
  push_paths(L, &p->read);
  lua_setfield(L, -2, "read");
  push_paths(L, &p->write);
  lua_setfield(L, -2, "write");
  push_names(L, &p->env);
  lua_setfield(L, -2, "env");
  lua_pushboolean(L, p->run);
  lua_setfield(L, -2, "run");
  set_bytes(L, "memory", p->limits.memory_bytes);
  set_seconds(L, "cpu", p->limits.cpu_ns);
  set_seconds(L, "time", p->limits.time_ns);
  set_bytes(L, "procs", p->limits.procs);
  set_bytes(L, "output", p->limits.output_bytes);
  push_layers(L, p);
  lua_setfield(L, -2, "layers");
  show_only(L);
}
