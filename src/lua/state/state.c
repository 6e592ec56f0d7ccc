/* lua/state/state.c - see state.h. */
#include "lua/state/state.h"

#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "lua/state/lib.h"

/* An error outside of a protected call is a defect of the program: all its calls are protected. */
static int panic(lua_State *L) {
  const char *message = lua_tostring(L, -1);
  fprintf(stderr, "sandbox: unprotected error: %s\n", message ? message : "(not a string)");
  return 0; /* Lua aborts */
}

/* -- warnings, as the stand-alone interpreter has them ---------------------------------------- */

static void warn_off(void *ud, const char *message, int to_be_continued);
static void warn_on(void *ud, const char *message, int to_be_continued);

/* "@on" and "@off" control the warning system. Was it one of them? */
static bool is_control(lua_State *L, const char *message, int to_be_continued) {
  if (to_be_continued || *message != '@')
    return false;
  if (strcmp(message, "@on") == 0)
    lua_setwarnf(L, warn_on, L);
  else if (strcmp(message, "@off") == 0)
    lua_setwarnf(L, warn_off, L);
  return true;
}

static void warn_off(void *ud, const char *message, int to_be_continued) {
  is_control(ud, message, to_be_continued);
}

/* A later part of a message. */
static void warn_more(void *ud, const char *message, int to_be_continued) {
  fputs(message, stderr);
  if (!to_be_continued) {
    fputc('\n', stderr);
    fflush(stderr);
  }
  lua_setwarnf(ud, to_be_continued ? warn_more : warn_on, ud);
}

static void warn_on(void *ud, const char *message, int to_be_continued) {
  if (is_control(ud, message, to_be_continued))
    return;
  fputs("Lua warning: ", stderr);
  warn_more(ud, message, to_be_continued);
}

/* -- the state -------------------------------------------------------------------------------- */

lua_State *state_new(void) {
  enum {
    STACK = 80
  }; /* slots of the main thread: they stay where they are, unless a script needs more */
  struct arena *arena = memory_used();
  if (!arena && arena_open(&arena))
    return NULL;
  lua_State *L = lua_newstate(arena_resize, arena);
  if (!L) {
    if (arena != memory_used())
      arena_close(arena);
    return NULL;
  }
  lua_atpanic(L, panic);
  lua_setwarnf(L, warn_off, L);
  lua_pushcfunction(L, lib_gather);
  lua_pcall(L, 0, 0, 0);
  lua_settop(L, 0);
  lua_checkstack(L, STACK);
  return L;
}

void state_open_libs(lua_State *L) {
  enum { ROOM = 128 };
  lua_createtable(L, 0, ROOM);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  luaL_openlibs(L);
}

void state_use_arena(lua_State *L) {
  void *arena;
  lua_getallocf(L, &arena);
  memory_use(arena);
}

bool state_is_own(lua_State *L) { return lua_getallocf(L, NULL) == arena_resize; }

struct arena *state_arena(lua_State *L) {
  void *arena;
  lua_getallocf(L, &arena);
  return arena;
}

void state_close(lua_State *L) {
  void *arena;
  lua_getallocf(L, &arena);
  lua_close(L);
  if (arena != memory_used())
    arena_close(arena);
}
