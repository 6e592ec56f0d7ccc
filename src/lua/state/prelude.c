/* lua/state/prelude.c - see prelude.h. */
#include "lua/state/prelude.h"

#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

#include "lua/state/lib.h"

/* use(name), with the table of sources as its upvalue */
static int l_use(lua_State *L) {
  prelude_push(L, lua_touserdata(L, lua_upvalueindex(1)), luaL_checkstring(L, 1));
  return 1;
}

/* Push the table of the modules that were made from a table of sources, whose address is the
 * key. */
static void push_modules(lua_State *L, const struct prelude_source *sources) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, sources) != LUA_TNIL)
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, sources);
}

/* -- what the library sees of the state ------------------------------------------------------- */

static const char environment_key; /* its address is a key of the registry */

enum { NAMES = 14 };

/* What the chunks use of each library; LUA_GNAME: of the globals. */
static const char *const libraries[][1 + NAMES] = {
    {LUA_GNAME, "assert", "error", "ipairs", "load", "next", "pcall", "rawequal", "rawget",
     "select", "setmetatable", "tostring", "type", "warn", "xpcall"},
    {LUA_TABLIBNAME, "concat", "insert", "move", "pack", "remove", "sort", "unpack"},
    {LUA_STRLIBNAME, "byte", "find", "format", "gmatch", "gsub", "lower", "match", "sub"},
    {LUA_MATHLIBNAME, "abs", "ceil", "floor", "huge", "max", "min", "tointeger", "type"},
    {LUA_COLIBNAME, "close", "create", "isyieldable", "yield"},
    {LUA_IOLIBNAME, "open"},
    {LUA_DBLIBNAME, "getinfo", "getlocal", "getmetatable", "getregistry", "getupvalue",
     "traceback"}};

/* The methods of handles, under the word for their type. */
static const struct {
  const char *type, *word;
  const char *methods[NAMES];
} classes[] = {{QUEUE_TYPE, "queue", {"close", "get", "len", "put"}},
               {PROCESS_TYPE, "process", {"alive", "interrupt", "join", "kill", "pause", "status"}},
               {VALUE_TYPE, "value", {"get", "set", "wait_for"}},
               {DICT_TYPE, "dict", {"wait_for"}},
               {LOCK_TYPE, "lock", {"hold"}},
               {EVENT_TYPE, "event", {"clear", "set"}},
               {PIPE_TYPE, "pipe", {"close", "recv", "send"}},
               {PROGRESS_TYPE, "progress", {"add", "close"}}};

/* [from] Push a new table with these of its fields. */
static void push_fields(lua_State *L, const char *const fields[NAMES]) {
  lua_createtable(L, 0, NAMES);
  for (size_t i = 0; i < NAMES && fields[i]; i++) {
    lua_getfield(L, -2, fields[i]);
    lua_setfield(L, -2, fields[i]);
  }
}

/* [environment] What a host has not opened is left out. */
static void add_library(lua_State *L, const char *const names[1 + NAMES]) {
  if (lua_getglobal(L, names[0]) == LUA_TTABLE) {
    push_fields(L, names + 1);
    lua_setfield(L, -3, names[0]);
  }
  lua_pop(L, 1);
}

/* [environment] */
static void add_class(lua_State *L, size_t i) {
  int top = lua_gettop(L);
  if (luaL_getmetatable(L, classes[i].type) == LUA_TTABLE) {
    if (lua_getfield(L, -1, "__index") == LUA_TFUNCTION)
      lua_getupvalue(L, -1, 2); /* of a process: see process.c */
    push_fields(L, classes[i].methods);
    lua_setfield(L, top, classes[i].word);
  }
  lua_settop(L, top);
}

/* [environment] A copy of the library's table. */
static void add_sandbox(lua_State *L, int table) {
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4); /* copy, key */
  }
  lua_setfield(L, -2, "sandbox");
}

void prelude_open(lua_State *L, int table) {
  lua_pushglobaltable(L);
  push_fields(L, libraries[0] + 1);
  for (size_t i = 1; i < sizeof libraries / sizeof *libraries; i++)
    add_library(L, libraries[i]);
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    add_class(L, i);
  add_sandbox(L, table);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &environment_key);
  lua_pop(L, 1);
}

/* -- chunks ----------------------------------------------------------------------------------- */

/* [function] Push the library's table for a chunk: a copy for a chunk of src/lua/prelude, which
 * sees nothing else of what belongs to scripts. */
static void push_library(lua_State *L, const struct prelude_source *sources) {
  if (sources != prelude_sources) {
    lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY);
    return;
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &environment_key);
  lua_getfield(L, -1, "sandbox");
  lua_insert(L, -2);
  lua_setupvalue(L, -3, 1);
}

/* [-0, +1] Compile and call a chunk. */
static void run_chunk(lua_State *L, const struct prelude_source *sources,
                      const struct prelude_source *s) {
  const char *chunk_name = lua_pushfstring(L, "=[sandbox %s]", s->name);
  if (luaL_loadbufferx(L, s->text, s->len, chunk_name, "t"))
    lua_error(L);
  push_library(L, sources);
  lua_pushlightuserdata(L, (void *)(uintptr_t)sources);
  lua_pushcclosure(L, l_use, 1);
  lua_call(L, 2, 1); /* chunk name, module */
  lua_replace(L, -2);
}

/* What a process looks for at its end (lib_wait_children) may be there now. */
static void note_module(lua_State *L) {
  struct lib *lib = lib_find(L);
  if (lib)
    lib->life.modules = true;
}

void prelude_push(lua_State *L, const struct prelude_source *sources, const char *name) {
  const struct prelude_source *s = sources;
  push_modules(L, sources);
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    lua_pop(L, 1);
    while (s->name && strcmp(s->name, name) != 0)
      s++;
    note_module(L);
    if (s->name)
      run_chunk(L, sources, s);
    else if (sources != prelude_sources)
      prelude_push(L, prelude_sources, name);
    else
      luaL_error(L, "there is no prelude '%s'", name);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name); /* modules, module */
  }
  lua_replace(L, -2);
}

int prelude_call(lua_State *L, const struct prelude_source *sources, const char *name,
                 const char *function) {
  int args = lua_gettop(L);
  prelude_push(L, sources, name);
  lua_pushstring(L, function);
  lua_rawget(L, -2);
  lua_insert(L, 1);
  lua_pop(L, 1);
  lua_call(L, args, LUA_MULTRET);
  return lua_gettop(L);
}

bool prelude_owns(const char *source) {
  return source[0] == '=' && strncmp(source, "=[sandbox ", 10) == 0;
}

void prelude_set(lua_State *L, const struct prelude_source *sources, const char *name) {
  push_modules(L, sources);
  lua_insert(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

bool prelude_has(lua_State *L, const struct prelude_source *sources, const char *name) {
  int top = lua_gettop(L);
  bool has = lua_rawgetp(L, LUA_REGISTRYINDEX, sources) == LUA_TTABLE &&
             lua_getfield(L, -1, name) != LUA_TNIL;
  lua_settop(L, top);
  return has;
}
