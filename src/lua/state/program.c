/* lua/state/program.c - see program.h. */
#include "lua/state/program.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "lua/state/guard.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"

/* What io.popen returns: a file of Lua's, with more data behind it. */
struct program_file {
  luaL_Stream file; /* first: the functions of files see nothing else */
  int64_t pid;
};

static const char files_key; /* key of the registry: a weak set of all open files */

/* -- waiting --------------------------------------------------------------------------------- */

/* Wait, and push what os.execute returns. */
static int push_outcome(lua_State *L, struct lib *lib, struct program *program) {
  int status = 0;
  int rc = lib->b->self->program_finish(lib->b, program, lib->life.cut_short, &status);
  if (rc == -SBX_EINTERRUPTED)
    return interrupt_raise(L, lib, true);
  if (rc)
    return luaL_fileresult(L, 0, NULL);
  errno = 0; /* so that it is not reported as the cause */
  return luaL_execresult(L, status);
}

/* os.execute([command]) */
static int l_execute(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct program program;
  const char *command = luaL_optstring(L, 1, NULL);
  if (!command) {
    lua_pushboolean(L, system(NULL) != 0);
    return 1;
  }
  if (lib->b->self->program_start(lib->b, command, PROGRAM_ALONE, &program))
    return luaL_fileresult(L, 0, NULL);
  return push_outcome(L, lib, &program);
}

/* -- files ----------------------------------------------------------------------------------- */

/* [file] Note whether it is open. */
static void note_open(lua_State *L, struct lib *lib, bool open) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &files_key);
  lua_pushvalue(L, 1);
  if (open)
    lua_pushboolean(L, 1);
  else
    lua_pushnil(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  lib->life.programs = open ? lib->life.programs + 1 : lib->life.programs - 1;
}

/* The closef of the file at 1. */
static int close_file(lua_State *L) {
  struct lib *lib = lib_find(L);
  struct program_file *f = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  note_open(L, lib, false);
  struct program program = {.pid = f->pid, .stream = f->file.f};
  return push_outcome(L, lib, &program);
}

/* io.popen(command [, mode]) */
static int l_popen(lua_State *L) {
  struct lib *lib = lib_of(L);
  const char *command = luaL_checkstring(L, 1), *mode = luaL_optstring(L, 2, "r");
  luaL_argcheck(L, (mode[0] == 'r' || mode[0] == 'w') && mode[1] == '\0', 2, "invalid mode");
  struct program program;
  struct program_file *f = lua_newuserdatauv(L, sizeof *f, 0);
  *f = (struct program_file){0};
  luaL_setmetatable(L, LUA_FILEHANDLE); /* closed for now */
  lua_insert(L, 1);
  note_open(L, lib, true); /* now, since it may raise */
  guard_note_at(L, 1);
  if (lib->b->self->program_start(lib->b, command, *mode == 'r' ? PROGRAM_READ : PROGRAM_WRITE,
                                  &program)) {
    int saved = errno;
    note_open(L, lib, false);
    errno = saved;
    return luaL_fileresult(L, 0, command);
  }
  f->pid = program.pid;
  f->file.f = program.stream;
  f->file.closef = close_file;
  lua_settop(L, 1);
  return 1;
}

/* -- the fork and the end -------------------------------------------------------------------- */

void program_forked(lua_State *L, struct lib *lib) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &files_key);
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    struct program_file *f = lua_touserdata(L, -2);
    if (f->file.closef == close_file) {
      fclose(f->file.f); /* it was flushed before the fork */
      f->file.closef = NULL;
    }
    lua_pushvalue(L, -2); /* a set may be cleared while it is walked through */
    lua_pushnil(L);
    lua_rawset(L, -5);
  }
  lua_pop(L, 1);
  lib->life.programs = 0;
}

void program_close_all(lua_State *L, struct lib *lib) {
  while (lib->life.programs > 0) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &files_key);
    lua_pushnil(L);
    if (!lua_next(L, -2))
      return;
    luaL_getmetafield(L, -2, "__gc"); /* set file true finalizer */
    lua_pushvalue(L, -3);
    lua_call(L, 1, 0);
    lua_pop(L, 3);
  }
}

/* -- opening --------------------------------------------------------------------------------- */

static void replace(lua_State *L, const char *library, const char *name, lua_CFunction f) {
  if (lua_getglobal(L, library) == LUA_TTABLE) {
    lua_pushlightuserdata(L, lib_find(L));
    lua_pushcclosure(L, f, 1);
    lua_setfield(L, -2, name);
  }
  lua_pop(L, 1);
}

void lib_open_program(lua_State *L, struct lib *lib) {
  (void)lib;
  lib_push_weak(L, "k", 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &files_key);
  replace(L, LUA_OSLIBNAME, "execute", l_execute);
  replace(L, LUA_IOLIBNAME, "popen", l_popen);
}
