/* lua/strict/files.c - io and os, as the policy lets: files by path, and the environment. */
#include <errno.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/state/lib.h"
#include "lua/strict/strict_internal.h"

/* -- refusals ---------------------------------------------------------------------------------- */

const char *strict_push_refusal(lua_State *L, enum policy_use use, const char *path) {
  bool writes = use == POLICY_WRITE;
  return lua_pushfstring(L, "%s %s is not allowed in strict mode (run with --allow-%s=%s)",
                         writes ? "writing" : "reading", path, writes ? "write" : "read", path);
}

static int refuse(lua_State *L, enum policy_use use, const char *path) {
  return luaL_error(L, "%s", strict_push_refusal(L, use, path));
}

/* -- streams ----------------------------------------------------------------------------------- */

static int close_stream(lua_State *L) {
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  errno = 0;
  return luaL_fileresult(L, fclose(s->f) == 0, NULL);
}

/* Is it a mode of fopen? As the standard library checks it. */
static bool is_mode(const char *mode) {
  if (*mode == '\0' || !strchr("rwa", *mode++))
    return false;
  mode += *mode == '+';
  return strspn(mode, "b") == strlen(mode);
}

static enum policy_use use_of(const char *mode) {
  return *mode == 'r' && !strchr(mode, '+') ? POLICY_READ : POLICY_WRITE;
}

/* A file takes room also if nothing is in it. */
enum { FILE_BYTES = 4096 };

static void on_written(void *ctx, size_t bytes) {
  struct backend *b = ctx;
  if (b->self->files)
    b->self->files(b, bytes);
}

bool strict_push_stream(lua_State *L, const struct policy *p, const char *path, const char *mode,
                        enum policy_use use, bool *ret_ok) {
  luaL_Stream *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->closef = NULL; /* closed, so far */
  luaL_setmetatable(L, LUA_FILEHANDLE);
  const struct policy_meter meter = {on_written, lib_find(L)->b};
  bool allowed = policy_fopen(p, path, mode, use, &meter, &s->f);
  if (s->f)
    s->closef = close_stream;
  if (s->f && use == POLICY_WRITE)
    on_written(lib_find(L)->b, FILE_BYTES);
  *ret_ok = s->f != NULL;
  return allowed;
}

/* io.open(path [, mode]). A module of the library is told in results what it may not do, and its hints may show
 * lines of the script's own files. */
static int open_file(lua_State *L, bool raises) {
  const char *path = luaL_checkstring(L, 1), *mode = luaL_optstring(L, 2, "r");
  bool ok;
  luaL_argcheck(L, is_mode(mode), 2, "invalid mode");
  enum policy_use use = use_of(mode);
  if (strict_push_stream(L, strict_policy(L), path, mode,
                         use == POLICY_READ && !raises ? POLICY_REQUIRE : use, &ok))
    return ok ? 1 : luaL_fileresult(L, 0, path);
  if (raises)
    return refuse(L, use, path);
  lua_pushnil(L);
  strict_push_refusal(L, use, path);
  return 2;
}

static int l_open(lua_State *L) { return open_file(L, true); }

static int l_open_quietly(lua_State *L) { return open_file(L, false); }

/* [-0, +1] Open the file at index 1 as io.lines, io.input and io.output do; an error is raised. */
static void push_file(lua_State *L, const char *mode) {
  const char *path = luaL_checkstring(L, 1);
  bool ok;
  if (!strict_push_stream(L, strict_policy(L), path, mode, use_of(mode), &ok))
    refuse(L, use_of(mode), path);
  if (!ok)
    luaL_error(L, "%s: %s", path, strerror(errno));
}

/* Upvalues: the iterator, the file. At the end of the file it is closed. */
static int next_line(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 0, LUA_MULTRET);
  if (lua_gettop(L) > 0 && !lua_isnil(L, 1))
    return lua_gettop(L);
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(2));
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  if (s->closef) {
    s->closef = NULL;
    fclose(s->f);
  }
  return 0;
}

/* io.lines([path, formats...]). Upvalue 3: the method `lines` of files. */
static int l_lines(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    return strict_original(L);
  push_file(L, "r");
  lua_replace(L, 1); /* file formats... */
  int args = lua_gettop(L);
  lua_pushvalue(L, 1);
  lua_insert(L, 1);
  lua_pushvalue(L, lua_upvalueindex(3));
  lua_insert(L, 2);
  lua_call(L, args, 1); /* file iterator */
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, next_line, 2);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, 1);
  return 4;
}

/* io.input([file]) and io.output([file]): a path is opened here. */
static int set_stream(lua_State *L, const char *mode) {
  if (lua_isstring(L, 1)) {
    push_file(L, mode);
    lua_replace(L, 1);
    lua_settop(L, 1);
  }
  return strict_original(L);
}

static int l_input(lua_State *L) { return set_stream(L, "r"); }

static int l_output(lua_State *L) { return set_stream(L, "w"); }

/* io.tmpfile() and os.tmpname(): the C library makes a file there. */
static int make_temporary(lua_State *L) {
  if (!policy_may_write(strict_policy(L), P_tmpdir))
    return refuse(L, POLICY_WRITE, P_tmpdir);
  return strict_original(L);
}

/* -- entries of folders ------------------------------------------------------------------------ */

static int l_remove(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  int rc;
  if (!policy_remove(strict_policy(L), path, &rc))
    return refuse(L, POLICY_WRITE, path);
  return luaL_fileresult(L, rc == 0, path);
}

static int l_rename(lua_State *L) {
  const char *from = luaL_checkstring(L, 1), *to = luaL_checkstring(L, 2);
  int rc;
  if (!policy_rename(strict_policy(L), from, to, &rc))
    return refuse(L, POLICY_WRITE, policy_may_write(strict_policy(L), from) ? to : from);
  return luaL_fileresult(L, rc == 0, NULL);
}

/* -- the environment --------------------------------------------------------------------------- */

static int l_getenv_quietly(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_pushstring(L, policy_may_know(strict_policy(L), name) ? getenv(name) : NULL);
  return 1;
}

static int l_getenv(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (!policy_may_know(strict_policy(L), name))
    return luaL_error(L,
                      "reading the environment variable %s is not allowed in strict mode (run with "
                      "--allow-env=%s)",
                      name, name);
  return l_getenv_quietly(L);
}

/* -- opening ----------------------------------------------------------------------------------- */

/* [io] */
static void open_lines(lua_State *L, const struct policy *p) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)p);
  lua_getfield(L, -2, "lines");
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_getfield(L, -1, "__index");
  lua_getfield(L, -1, "lines");
  lua_replace(L, -3);
  lua_pop(L, 1);
  lua_pushcclosure(L, l_lines, 3);
  lua_setfield(L, -2, "lines");
}

void strict_open_files(lua_State *L, const struct policy *p) {
  static const struct strict_function of_io[] = {{"open", l_open_quietly},
                                                 {"input", l_input},
                                                 {"output", l_output},
                                                 {"tmpfile", make_temporary},
                                                 {NULL, NULL}};
  static const struct strict_function of_os[] = {{"remove", l_remove},
                                                 {"rename", l_rename},
                                                 {"tmpname", make_temporary},
                                                 {"getenv", l_getenv_quietly},
                                                 {NULL, NULL}};
  lua_getglobal(L, LUA_IOLIBNAME);
  strict_replace(L, p, of_io);
  open_lines(L, p);
  lua_getglobal(L, LUA_OSLIBNAME);
  strict_replace(L, p, of_os);
  lua_pop(L, 2);
}

void strict_close_files(lua_State *L, const struct policy *p) {
  static const struct strict_function of_io[] = {{"open", l_open}, {NULL, NULL}};
  static const struct strict_function of_os[] = {{"getenv", l_getenv}, {NULL, NULL}};
  lua_getglobal(L, LUA_IOLIBNAME);
  strict_replace(L, p, of_io);
  lua_getglobal(L, LUA_OSLIBNAME);
  strict_replace(L, p, of_os);
  lua_pop(L, 2);
}
