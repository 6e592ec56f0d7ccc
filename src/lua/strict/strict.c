/* lua/strict/strict.c - opening and closing; what is simply refused. See strict.h. */
#include <lualib.h>
#include <string.h>

#include "lua/state/lib.h"
#include "lua/state/masked.h"
#include "lua/strict/strict_internal.h"

/* -- functions in place of others -------------------------------------------------------------- */

void strict_replace(lua_State *L, const struct policy *p, const struct strict_function *functions) {
  for (; functions->name; functions++) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)p);
    lua_getfield(L, -2, functions->name);
    lua_pushcclosure(L, functions->f, UP_ORIGINAL);
    lua_setfield(L, -2, functions->name);
  }
}

/* Upvalues: the name, and what would allow it. */
static int refused(lua_State *L) {
  const char *flag = lua_tostring(L, lua_upvalueindex(2));
  return luaL_error(L, "%s is not allowed in strict mode%s%s%s",
                    lua_tostring(L, lua_upvalueindex(1)), flag ? " (run with " : "",
                    flag ? flag : "", flag ? ")" : "");
}

/* [table] */
static void refuse_field(lua_State *L, const char *library, const char *field, const char *flag) {
  lua_pushfstring(L, "%s.%s", library, field);
  lua_pushstring(L, flag);
  lua_pushcclosure(L, refused, 2);
  lua_setfield(L, -2, field);
}

void strict_refuse(lua_State *L, const char *library, const char *const fields[],
                   const char *flag) {
  for (; *fields; fields++)
    refuse_field(L, library, *fields, flag);
}

/* -- what no script has ------------------------------------------------------------------------ */

/* All of `debug` is refused but for what shows a stack. */
static void close_debug(lua_State *L) {
  if (lua_getglobal(L, LUA_DBLIBNAME) == LUA_TTABLE)
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
      if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), "traceback") != 0) {
        lua_pushvalue(L, -3); /* a field that exists may be set during lua_next */
        refuse_field(L, LUA_DBLIBNAME, lua_tostring(L, -3), NULL);
        lua_pop(L, 1);
      }
  lua_pop(L, 1);
}

static void close_library(lua_State *L, const char *library, const char *const fields[],
                          const char *flag) {
  if (lua_getglobal(L, library) == LUA_TTABLE)
    strict_refuse(L, library, fields, flag);
  lua_pop(L, 1);
}

/* collectgarbage, but for what keeps it from its work. A negative step is one: see collector.c. */
static int l_collectgarbage(lua_State *L) {
  const char *option = luaL_optstring(L, 1, "collect");
  if (strcmp(option, "count") == 0) { /* what loops ask for */
    lua_pushnumber(L, lua_gc(L, LUA_GCCOUNT) + lua_gc(L, LUA_GCCOUNTB) / 1024.0);
    return 1;
  }
  if (strcmp(option, "step") == 0 && (int)luaL_optinteger(L, 2, 0) < 0) /* as Lua converts it */
    return luaL_error(L, "collectgarbage('step', a negative number) is not allowed in strict mode");
  bool paces = strcmp(option, "setpause") == 0 || strcmp(option, "setstepmul") == 0;
  bool modes = strcmp(option, "incremental") == 0 || strcmp(option, "generational") == 0;
  if (strcmp(option, "stop") == 0 || paces || (modes && lua_gettop(L) > 1))
    return luaL_error(L, "collectgarbage('%s'%s) is not allowed in strict mode", option,
                      paces || modes ? ", ..." : "");
  return strict_original(L);
}

/* os.setlocale can tell the locale, and set the one that there is: others are files, and numbers look different in
 * them. */
static int l_setlocale(lua_State *L) {
  if (!lua_isnoneornil(L, 1) && strcmp(luaL_checkstring(L, 1), "C") != 0)
    return luaL_error(L, "os.setlocale is not allowed in strict mode");
  return strict_original(L);
}

/* -- metatables -------------------------------------------------------------------------------- */

/* Those that luaL_newmetatable made, of handles and files; and of classes that are tables. That of failures is
 * sandbox.failure, a table that scripts compare with. */
static void protect_types(lua_State *L, int table) {
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    if (!lua_istable(L, -1) || lua_type(L, -2) != LUA_TSTRING)
      continue;
    lua_pushliteral(L, "__name");
    bool is_type = lua_rawget(L, -2) == LUA_TSTRING;
    lua_pop(L, 1);
    if (is_type && strcmp(lua_tostring(L, -2), FAILURE_TYPE) != 0)
      lib_protect(L, -1);
  }
}

static void protect_metatables(lua_State *L) {
  protect_types(L, LUA_REGISTRYINDEX);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  protect_types(L, lua_gettop(L));
  lua_pop(L, 1);
  lua_pushliteral(L, "");
  if (lua_getmetatable(L, -1)) {
    lua_pushliteral(L, "string");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* -- all --------------------------------------------------------------------------------------- */

void strict_state_open(lua_State *L, const struct policy *p, const uint8_t key[16]) {
  static const struct strict_function of_os[] = {{"setlocale", l_setlocale}, {NULL, NULL}};
  static const struct strict_function globals[] = {{"collectgarbage", l_collectgarbage},
                                                   {NULL, NULL}};
  masked_open(L, key);
  strict_open_files(L, p);
  strict_open_code(L, p);
  strict_open_text(L, p);
  strict_open_format(L, p);
  lua_getglobal(L, LUA_OSLIBNAME);
  strict_replace(L, p, of_os);
  lua_pushglobaltable(L);
  strict_replace(L, p, globals);
  lua_pop(L, 2);
}

void strict_state_close(lua_State *L, const struct policy *p) {
  static const char *const of_os[] = {"execute", NULL}, *const of_io[] = {"popen", NULL};
  static const char *const of_string[] = {"dump", NULL}, *const of_package[] = {"loadlib", NULL};
  strict_close_files(L, p);
  if (!p->run) {
    close_library(L, LUA_OSLIBNAME, of_os, "--allow-run");
    close_library(L, LUA_IOLIBNAME, of_io, "--allow-run");
  }
  close_library(L, LUA_STRLIBNAME, of_string, NULL);
  close_library(L, LUA_LOADLIBNAME, of_package, NULL);
  close_debug(L);
  protect_metatables(L);
  if (lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY) == LUA_TTABLE) {
    strict_push_facts(L, p);
    lua_setfield(L, -2, "strict");
  }
  lua_pop(L, 1);
}
