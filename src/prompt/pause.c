/*
 * prompt/pause.c - sandbox.pause(): the prompt in the middle of a script or a chunk.
 *
 * The loop over frames runs once more, below the paused function. The supervisor sees nothing new: the
 * line that was running is done (or the session is ready, if it was the script), and the line
 * `:continue` runs until what was paused has ended, or pauses again. So pauses can be nested.
 *
 * The frames of the paused coroutine stay where they are meanwhile, so its lua_Debug stays valid.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "lua/state/answer.h"
#include "lua/state/lib.h"
#include "lua/state/report.h"
#include "lua/state/traceback.h"
#include "prompt/session_internal.h"

struct paused {
  struct paused *outer;
  lua_State *L;
  lua_Debug ar; /* of the paused function */
  int depth;    /* how many frames there are up to it, from the bottom */
};

/* -- the frame --------------------------------------------------------------------------------- */

static int depth_of(lua_State *L, int level) {
  lua_Debug ar;
  int n = 0;
  while (lua_getstack(L, level + n, &ar))
    n++;
  return n;
}

/* The nearest function in Lua. False: there is none. */
static bool find_frame(lua_State *L, struct paused *p) {
  p->L = L;
  for (int level = 1; lua_getstack(L, level, &p->ar); level++) {
    lua_getinfo(L, "S", &p->ar);
    p->depth = depth_of(L, level);
    if (*p->ar.what != 'C')
      return true;
  }
  return false;
}

static struct paused *paused_of(lua_State *L) {
  struct session *s = session_of(L);
  if (!s->paused)
    luaL_error(L,
               "nothing is paused: sandbox.pause() stops a script that runs with -i, or a chunk");
  luaL_checkstack(L, 4, NULL);
  luaL_checkstack(s->paused->L, 4, NULL);
  return s->paused;
}

/* Push the value of local n; NULL: there are no more. */
static const char *push_local(lua_State *L, struct paused *p, int n) {
  const char *name = lua_getlocal(p->L, &p->ar, n);
  if (name)
    lua_xmove(p->L, L, 1);
  return name;
}

static void push_function(lua_State *L, struct paused *p) {
  lua_getinfo(p->L, "f", &p->ar);
  lua_xmove(p->L, L, 1);
}

/* Of locals of one name the last one is seen. 0: there is none. */
static int local_number(lua_State *L, struct paused *p, const char *name) {
  const char *found;
  int number = 0;
  for (int n = 1; (found = push_local(L, p, n)); n++) {
    lua_pop(L, 1);
    if (strcmp(found, name) == 0)
      number = n;
  }
  return number;
}

/* [function] 0: there is none. */
static int upvalue_number(lua_State *L, const char *name) {
  const char *found;
  for (int n = 1; (found = lua_getupvalue(L, -1, n)); n++) {
    lua_pop(L, 1);
    if (strcmp(found, name) == 0)
      return n;
  }
  return 0;
}

/* -- what the module in Lua asks ------------------------------------------------------------------ */

int pause_resume(lua_State *L) {
  paused_of(L);
  session_of(L)->goes_on = true;
  return 0;
}

/* [list, value] -> [list] */
static void add_pair(lua_State *L, const char *name) {
  lua_createtable(L, 2, 0);
  lua_insert(L, -2);
  lua_rawseti(L, -2, 2);
  lua_pushstring(L, name);
  lua_rawseti(L, -2, 1);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

int pause_locals(lua_State *L) {
  struct paused *p = paused_of(L);
  const char *name;
  lua_newtable(L);
  for (int n = 1; (name = push_local(L, p, n)); n++)
    if (*name == '(' || local_number(L, p, name) != n)
      lua_pop(L, 1); /* a temporary, or hidden by a later one */
    else
      add_pair(L, name);
  push_function(L, p);
  int function = lua_gettop(L);
  for (int n = 1; (name = lua_getupvalue(L, function, n)); n++) {
    bool seen = *name && strcmp(name, "_ENV") != 0 && local_number(L, p, name) == 0;
    lua_pushvalue(L, function - 1);
    lua_insert(L, -2);
    if (seen)
      add_pair(L, name);
    lua_settop(L, function);
  }
  lua_pop(L, 1);
  return 1;
}

int pause_local_get(lua_State *L) {
  struct paused *p = paused_of(L);
  const char *name = luaL_checkstring(L, 1);
  int n = local_number(L, p, name);
  lua_pushboolean(L, 1);
  if (n > 0) {
    push_local(L, p, n);
    return 2;
  }
  push_function(L, p);
  if ((n = upvalue_number(L, name)) > 0) {
    lua_getupvalue(L, -1, n);
    lua_remove(L, -2);
    return 2;
  }
  lua_pushboolean(L, 0);
  return 1;
}

int pause_local_set(lua_State *L) {
  struct paused *p = paused_of(L);
  const char *name = luaL_checkstring(L, 1);
  lua_settop(L, 2);
  int n = local_number(L, p, name);
  if (n > 0) {
    lua_xmove(L, p->L, 1);
    lua_setlocal(p->L, &p->ar, n);
  } else {
    push_function(L, p);
    lua_insert(L, -2);
    lua_pushvalue(L, -2);
    n = upvalue_number(L, name);
    lua_pop(L, 1);
    if (n > 0)
      lua_setupvalue(L, -2, n);
  }
  lua_pushboolean(L, n > 0);
  return 1;
}

int pause_place(lua_State *L) {
  struct paused *p = paused_of(L);
  lua_getinfo(p->L, "Sl", &p->ar);
  push_function(L, p);
  lua_pushinteger(L, p->ar.currentline);
  lua_pushstring(L, p->ar.short_src);
  return 3;
}

int pause_stack(lua_State *L) {
  struct paused *p = paused_of(L);
  int level = depth_of(p->L, 0) - p->depth;
  if (p->L == L) {
    answer_traceback(L, level);
  } else {
    luaL_traceback(L, p->L, NULL, level);
    traceback_clean(L);
  }
  return 1;
}

/* -- pausing ------------------------------------------------------------------------------------- */

/* A process without a prompt stops as :pause stops it. */
static int stop_process(lua_State *L, struct session *s) {
  char where[WHERE_MAX], text[WHERE_MAX + 2 * NAME_MAX_BYTES + 128];
  struct process_info me = {0};
  struct object *self;
  if (s->b->self->process_self(s->b, &self) == 0) {
    op_process_who(s->b, self, &me);
    op_handle_release(s->b, self);
  }
  lib_locate(L, where);
  int n = snprintf(text, sizeof text, "[%s#%u] paused at %s; :resume %u lets it go on\n", me.name,
                   (unsigned)me.id, where, (unsigned)me.id);
  report_write(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
  lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY);
  lua_getfield(L, -1, "self");
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "pause");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
  lua_pushboolean(L, 1);
  return 1;
}

/* The prompt is left: so is the script. */
__attribute__((noreturn)) static void leave(void) {
  fflush(NULL);
  _exit(0);
}

/* protected, so that the chain is mended whatever happens: [session] */
static int pause_lines(lua_State *L) {
  lua_pushboolean(L, session_lines(L, lua_touserdata(L, 1)));
  return 1;
}

static int pause_main(lua_State *L, struct session *s) {
  struct paused p = {.outer = s->paused};
  if (!s->runs)
    return luaL_error(L, "pause: what the prompt evaluates meanwhile cannot be paused");
  if (!find_frame(L, &p))
    return luaL_error(L, "pause: no function of a script has called it");
  s->paused = &p;
  lua_pushcfunction(L, pause_lines);
  lua_pushlightuserdata(L, s);
  int status = lua_pcall(L, 1, 1, 0);
  s->paused = p.outer;
  s->runs = true;
  if (status != LUA_OK)
    return lua_error(L);
  if (!lua_toboolean(L, -1))
    leave();
  return 1;
}

int pause_session(lua_State *L, void *ctx) {
  struct session *s = ctx;
  luaL_checkstack(L, 8, NULL);
  return s->pid == getpid() ? pause_main(L, s) : stop_process(L, s);
}
