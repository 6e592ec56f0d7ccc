/*
 * lua/strict/code.c - where functions come from: load, loadfile, dofile, require.
 *
 * All of them take text alone. Bytecode can do what no text can, so it is loaded from messages only, whose hash says
 * that a process of this run made it (lua/codec/decode.c). load itself is in lua/state/interrupt.c.
 */
#include <errno.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "lua/strict/strict_internal.h"

/* -- files ------------------------------------------------------------------------------------- */

/* [stream] Push its text. False: it cannot be read, see errno. */
static bool push_text(lua_State *L, FILE *f) {
  luaL_Buffer text;
  size_t n;
  luaL_buffinit(L, &text);
  do {
    char *part = luaL_prepbuffer(&text);
    n = fread(part, 1, LUAL_BUFFERSIZE, f);
    luaL_addsize(&text, n);
  } while (n > 0);
  luaL_pushresult(&text);
  return ferror(f) == 0;
}

/* Where the text of a script begins: a mark of UTF-8, and a first line with #, are none of it. But the line's end is,
 * so that lines are counted right. */
static const char *beginning(const char *text, size_t *len) {
  const char *end = text + *len;
  if (*len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
    text += 3;
  if (text < end && *text == '#')
    while (text < end && *text != '\n')
      text++;
  *len = (size_t)(end - text);
  return text;
}

/* Push an error message. */
static int file_failed(lua_State *L, const char *what, const char *path) {
  lua_pushfstring(L, "cannot %s %s: %s", what, path, strerror(errno));
  return LUA_ERRFILE;
}

int strict_load_file(lua_State *L, const struct policy *p, const char *path, enum policy_use use) {
  if (!path)
    return luaL_loadfilex(L, NULL, "t");
  int top = lua_gettop(L);
  bool ok;
  if (!strict_push_stream(L, p, path, "r", use,
                          &ok)) /* a stream, which an error in the middle closes */
    luaL_error(L, "%s", strict_push_refusal(L, use, path));
  if (!ok) {
    int status = file_failed(L, "open", path);
    lua_remove(L, top + 1);
    return status;
  }
  luaL_Stream *s = lua_touserdata(L, -1);
  bool read = push_text(L, s->f);
  int saved = errno;
  s->closef = NULL;
  fclose(s->f);
  errno = saved;
  size_t len;
  const char *text = lua_tolstring(L, -1, &len);
  text = beginning(text, &len);
  const char *name = lua_pushfstring(L, "@%s", path);
  int status = read ? luaL_loadbufferx(L, text, len, name, "t") : file_failed(L, "read", path);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  return status;
}

/* loadfile([path [, mode [, env]]]) */
static int l_loadfile(lua_State *L) {
  const char *path = luaL_optstring(L, 1, NULL), *mode = luaL_optstring(L, 2, "t");
  bool has_env = !lua_isnone(L, 3);
  if (!strchr(mode, 't')) {
    lua_pushnil(L);
    lua_pushfstring(L, "attempt to load a text chunk (mode is '%s')", mode);
    return 2;
  }
  lua_settop(L, 3);
  if (strict_load_file(L, strict_policy(L), path, POLICY_READ) != LUA_OK) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_env) {
    lua_pushvalue(L, 3);
    if (!lua_setupvalue(L, -2, 1))
      lua_pop(L, 1);
  }
  return 1;
}

static int return_all(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return lua_gettop(L) - 1;
}

/* dofile([path]) */
static int l_dofile(lua_State *L) {
  const char *path = luaL_optstring(L, 1, NULL);
  lua_settop(L, 1);
  if (strict_load_file(L, strict_policy(L), path, POLICY_READ) != LUA_OK)
    return lua_error(L);
  lua_callk(L, 0, LUA_MULTRET, 0, return_all);
  return return_all(L, LUA_OK, 0);
}

/* -- modules ----------------------------------------------------------------------------------- */

/* Is it a file that a module may be read from? */
static bool is_there(const struct policy *p, const char *path) {
  FILE *f;
  if (!policy_fopen(p, path, "r", POLICY_REQUIRE, NULL, &f) || !f)
    return false;
  fclose(f);
  return true;
}

/* Push the first file for the templates of `path`, and return true; or push why there is none. What is not allowed is
 * not looked for, and so cannot be told from what is not there. */
static bool push_module_file(lua_State *L, const struct policy *p, const char *name,
                             const char *templates) {
  luaL_Buffer why;
  const char *path = luaL_gsub(L, templates, "?", name);
  luaL_buffinit(L, &why);
  while (*path) {
    size_t len = strcspn(path, ";");
    const char *file = lua_pushlstring(L, path, len);
    if (len > 0 && is_there(p, file))
      return true;
    lua_pushfstring(L, "\n\tno file '%s' that may be read", file);
    lua_remove(L, -2);
    luaL_addvalue(&why);
    path += len + (path[len] == ';');
  }
  luaL_pushresult(&why);
  return false;
}

/* package.searchpath(name, path [, separator [, replacement]]) */
static int l_searchpath(lua_State *L) {
  const char *name = luaL_checkstring(L, 1), *path = luaL_checkstring(L, 2);
  const char *separator = luaL_optstring(L, 3, "."), *by = luaL_optstring(L, 4, LUA_DIRSEP);
  if (*separator != '\0')
    name = luaL_gsub(L, name, separator, by);
  if (push_module_file(L, strict_policy(L), name, path))
    return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* The searcher of modules in Lua. Upvalue 2: the table `package`. */
static int search_lua(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_getfield(L, lua_upvalueindex(2), "path");
  const char *path = lua_tostring(L, -1);
  if (!path)
    return luaL_error(L, "'package.path' must be a string");
  if (!push_module_file(L, strict_policy(L), luaL_gsub(L, name, ".", LUA_DIRSEP), path))
    return 1;
  const char *file = lua_tostring(L, -1);
  if (strict_load_file(L, strict_policy(L), file, POLICY_REQUIRE) != LUA_OK)
    return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", name, file,
                      lua_tostring(L, -1));
  lua_pushstring(L, file);
  return 2;
}

/* [package] Only the searcher of package.preload stays, and ours. */
static void set_searchers(lua_State *L, const struct policy *p) {
  lua_getfield(L, -1, "searchers");
  lua_pushlightuserdata(L, (void *)(uintptr_t)p);
  lua_pushvalue(L, -3);
  lua_pushcclosure(L, search_lua, 2);
  lua_rawseti(L, -2, 2);
  for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i > 2; i--) {
    lua_pushnil(L);
    lua_rawseti(L, -2, i);
  }
  lua_pop(L, 1);
}

/* [package] The folder of modules comes first, then what there was: of `require` the first, the script itself is behind it
 * (host/options_strict.c). */
static void set_path(lua_State *L, const struct policy *p) {
  luaL_Buffer path;
  luaL_buffinit(L, &path);
  if (p->require.count > 0) {
    const char *folder = p->require.list[0].written;
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    lua_pushfstring(L, "%s%s?.lua;%s%s?/init.lua;", folder, slash, folder, slash);
    luaL_addvalue(&path);
  }
  lua_getfield(L, -2, "path"); /* package buffer path */
  luaL_addvalue(&path);
  luaL_pushresult(&path);
  lua_setfield(L, -2, "path");
  lua_pushliteral(L, "");
  lua_setfield(L, -2, "cpath");
}

void strict_open_code(lua_State *L, const struct policy *p) {
  static const struct strict_function globals[] = {
      {"loadfile", l_loadfile}, {"dofile", l_dofile}, {NULL, NULL}};
  static const struct strict_function of_package[] = {{"searchpath", l_searchpath}, {NULL, NULL}};
  lua_pushglobaltable(L);
  strict_replace(L, p, globals);
  lua_getglobal(L, LUA_LOADLIBNAME);
  strict_replace(L, p, of_package);
  set_searchers(L, p);
  set_path(L, p);
  lua_pop(L, 2);
}
