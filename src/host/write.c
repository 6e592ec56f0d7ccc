/*
 * host/write.c - makes questions and progress dots visible; see write.h.
 *
 * In lua, stderr is unbuffered: each piece appears at once. Here it is buffered, so that a line
 * that is written in pieces stays whole among those of other processes. Stdio cannot tell when a
 * Lua call that wrote many pieces is over, so these wrappers do.
 */
#include "host/write.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "os/process/output.h"

static lua_CFunction io_write, file_write, io_read, file_read; /* Lua's own */

/* Lua's functions return the file, unless they failed. */
static int written(lua_State *L, int results) {
  const luaL_Stream *s = results == 1 ? lua_touserdata(L, -1) : NULL;
  if (s && s->f == stderr)
    output_unfinished();
  return results;
}

static int l_io_write(lua_State *L) { return written(L, io_write(L)); }

static int l_file_write(lua_State *L) { return written(L, file_write(L)); }

static int l_io_read(lua_State *L) {
  int results = io_read(L);
  lua_getfield(L, LUA_REGISTRYINDEX, "_IO_input"); /* the key that liolib.c uses */
  const luaL_Stream *s = luaL_testudata(L, -1, LUA_FILEHANDLE);
  if (s)
    output_answered(s->f);
  lua_pop(L, 1);
  return results;
}

static int l_file_read(lua_State *L) {
  int results = file_read(L);
  const luaL_Stream *s = luaL_testudata(L, 1, LUA_FILEHANDLE);
  if (s)
    output_answered(s->f);
  return results;
}

/* Replace the function `name` in the table on top by `mine`. */
static void replace(lua_State *L, const char *name, lua_CFunction mine, lua_CFunction *ret_old) {
  lua_getfield(L, -1, name);
  *ret_old = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  if (!*ret_old)
    return;
  lua_pushcfunction(L, mine);
  lua_setfield(L, -2, name);
}

void write_open(lua_State *L) {
  lua_getglobal(L, LUA_IOLIBNAME);
  replace(L, "write", l_io_write, &io_write);
  replace(L, "read", l_io_read, &io_read);
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_getfield(L, -1, "__index");
  replace(L, "write", l_file_write, &file_write);
  replace(L, "read", l_file_read, &file_read);
  lua_pop(L, 3);
}
