/*
 * lua/child.c - the life of a spawned process, from the fork to _exit.
 *
 * It stands on a copy of its parent's C stack, deep inside the parent's calls. So it never returns
 * and never raises past child_run: the function runs in a coroutine of its own (with a C call depth
 * of its own, and a traceback that ends at its first line), and what it leaves behind is published
 * before _exit. Nothing of the parent's is unwound: no __close, no
 * __gc (guard.c), no atexit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "lua/answer.h"
#include "lua/guard.h"
#include "lua/interrupt.h"
#include "lua/lib.h"
#include "lua/report.h"

enum { EXIT_FAILURE_STATUS = 1, EXIT_INTERRUPTED = 130 };

static void leave(struct lib *lib, const struct buf *result, int status) __attribute__((noreturn));

/* Tell the person of a failure of this process, unless nobody wants to know, or somebody is waiting
 * for it. */
static void report(struct lib *lib, const char *message, const char *traceback) {
  struct process_info me;
  struct object *self;
  if (lib->b->ops->quiet(lib->b) || lib->b->ops->being_joined(lib->b) ||
      lib->b->ops->process_self(lib->b, &self) || lib->b->ops->process_info(lib->b, self, &me))
    return;
  report_print(&(struct report){.message = message,
                                .traceback = traceback,
                                .name = me.name,
                                .id = me.id,
                                .pid = me.pid,
                                .spawned_at = me.spawned_at});
}

static void leave(struct lib *lib, const struct buf *result, int status) {
  char message[200];
  fflush(NULL); /* publish does it, too, but this can be told; not stdout alone, which takes two
                   pages of code more */
  if (ferror_unlocked(stdout) && status == 0) {
    report(lib, "cannot write to standard output: some of what it printed is lost", NULL);
    result = NULL;
    status = EXIT_FAILURE_STATUS;
  }
  int rc = lib->b->ops->publish(lib->b, result, status);
  if (rc) { /* the result cannot be stored: the parent must not think that there was none */
    snprintf(message, sizeof message, "the result cannot be stored: %s", error_text(rc));
    report(lib, message, NULL);
    status = EXIT_FAILURE_STATUS;
    lib->b->ops->publish(lib->b, NULL, status);
  }
  _exit(status);
}

int child_os_exit(lua_State *L) {
  struct lib *lib = lib_of(L);
  char message[48];
  int status = 0;
  lib->b->ops->wait_children(lib->b); /* as at the end of the function */
  if (!lib->child) {
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 0);
    return 0;
  }
  if (lua_isboolean(L, 1))
    status = lua_toboolean(L, 1) ? 0 : 1;
  else
    status = (int)luaL_optinteger(L, 1, 0) & 0xff;
  snprintf(message, sizeof message, "left with exit status %d", status);
  if (status != 0)
    report(lib, message, NULL);
  leave(lib, NULL, status);
}

/* -- a failure ------------------------------------------------------------------------------- */

/* protected: [message, traceback, value] -> lib->out */
static int encode_failure(lua_State *L) {
  struct lib *lib = lib_find(L);
  lib_encode(L, lib, 1, lua_gettop(L), "failure");
  return 0;
}

/* protected: [value] -> its message */
static int message_of(lua_State *L) {
  if (lua_isnil(L, 1))
    lua_pushliteral(L, "nil");
  else if (lua_type(L, 1) == LUA_TSTRING || luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL ||
           lua_isnumber(L, 1))
    luaL_tolstring(L, 1, NULL);
  else
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  return 1;
}

/* Leaves message, traceback, value on L for the error value at the top of `co`. */
static void describe_failure(lua_State *L, lua_State *co) {
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1);
  int value = lua_gettop(L);
  lua_pushcfunction(L, message_of);
  lua_pushvalue(L, value);
  lua_pcall(L, 1, 1, 0); /* whatever __tostring raises becomes the message */
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    lua_pushliteral(L, "(error object cannot be shown)");
  }
  luaL_traceback(L, co, NULL, 0);
  lua_pushvalue(L, value);
}

/* [message, traceback, value] Publish them, and leave. */
static void leave_failed(lua_State *L, struct lib *lib, int status) {
  int top = lua_gettop(L);
  lua_pushcfunction(L, encode_failure);
  for (int i = 0; i < 3; i++)
    lua_pushvalue(L, top - 2 + i);
  if (lua_pcall(L, 3, 0, 0)) { /* the value cannot be sent: its message can */
    lua_pushcfunction(L, encode_failure);
    lua_pushvalue(L, top - 2);
    lua_pushvalue(L, top - 1);
    if (lua_pcall(L, 2, 0, 0))
      leave(lib, NULL, status);
  }
  leave(lib, &lib->out, status);
}

/* The first interrupt of this process alone came while it waited for its children, if `at` is "".
 */
static void push_interrupted(lua_State *L, const char *at) {
  lua_pushfstring(L, "interrupted at %s", *at ? at : "its end");
}

/* The error at the top of `co` is what became of the function. */
static void fail(lua_State *L, struct lib *lib, lua_State *co) {
  int status = EXIT_FAILURE_STATUS;
  describe_failure(L, co);
  if (interrupt_came(L)) {
    status = EXIT_INTERRUPTED;
    push_interrupted(L, lib->interrupted_at);
    lua_replace(L, -4); /* the message */
  }
  lua_resetthread(co); /* runs the __close of what the function had open */
  running_set(lib, NULL);
  if (interrupt_came(L) & INTERRUPT_RUN)
    leave(lib, NULL, EXIT_INTERRUPTED); /* the summary of the run tells */
  interrupt_clear(L);
  report(lib, lua_tostring(L, -3), lua_tostring(L, -2));
  lib->b->ops->wait_children(lib->b);
  leave_failed(L, lib, status);
}

/* The function had returned, and its children were waited for. */
static void fail_interrupted(lua_State *L, struct lib *lib) {
  if (interrupt_came(L) & INTERRUPT_RUN)
    leave(lib, NULL, EXIT_INTERRUPTED);
  push_interrupted(L, "");
  lua_pushnil(L);
  lua_pushvalue(L, -2);
  report(lib, lua_tostring(L, -1), NULL);
  leave_failed(L, lib, EXIT_INTERRUPTED);
}

/* -- a success ------------------------------------------------------------------------------- */

/* protected, in the coroutine: [results] -> lib->out */
static int encode_results(lua_State *L) {
  struct lib *lib = lib_find(L);
  lib_encode(L, lib, 1, lua_gettop(L), "result");
  return 0;
}

static void succeed(lua_State *L, struct lib *lib, lua_State *co, int count) {
  running_set(lib, NULL);
  if (lib->b->ops->wait_children(lib->b) == -SBX_EINTERRUPTED)
    fail_interrupted(L, lib);
  if (count == 0)
    leave(lib, NULL, 0);
  lua_pushcfunction(co, encode_results);
  lua_insert(co, -1 - count);
  if (lua_pcall(co, count, 0, 0))
    fail(L, lib, co);
  leave(lib, &lib->out, 0);
}

/* -- the life -------------------------------------------------------------------------------- */

static void reseed(lua_State *L, struct lib *lib) {
  uint64_t seed = lib->b->ops->seed(lib->b);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &lib_randomseed_key) == LUA_TFUNCTION) {
    lua_pushinteger(L, (lua_Integer)seed);
    lua_pushinteger(L, (lua_Integer)(seed >> 32 ^ seed << 32));
    lua_call(L, 2, 0);
  } else {
    lua_pop(L, 1);
  }
}

/* The backend may have given the process other streams (tagged output): io.stdout and io.stderr
 * must mean them. */
static void renew_streams(lua_State *L, struct lib *lib) {
  if (lib->streams[0] == stdout && lib->streams[1] == stderr)
    return;
  const struct {
    const char *name;
    FILE *file;
  } streams[] = {{"stdout", stdout}, {"stderr", stderr}};
  if (lua_getglobal(L, LUA_IOLIBNAME) == LUA_TTABLE)
    for (int i = 0; i < 2; i++) {
      lua_getfield(L, -1, streams[i].name);
      luaL_Stream *s = luaL_testudata(L, -1, LUA_FILEHANDLE);
      if (s && s->closef && s->f && fileno(s->f) == i + 1)
        s->f = streams[i].file;
      lua_pop(L, 1);
    }
  lua_pop(L, 1);
  lib->streams[0] = stdout;
  lib->streams[1] = stderr;
}

static const char spare_key;

/* Goes some levels deep: what Lua allocates for that stays. */
static int warm_up(lua_State *co) {
  lua_Integer levels = lua_tointeger(co, 1);
  if (levels > 0) {
    lua_pushcfunction(co, warm_up);
    lua_pushinteger(co, levels - 1);
    lua_call(co, 1, 0);
  }
  return 0;
}

void child_prepare(lua_State *L, struct lib *lib) {
  enum { LEVELS = 4 };
  int results;
  if (lib->spare || lua_gethook(L)) /* a hook would see the calls */
    return;
  lua_pushcfunction(L, warm_up);
  lua_pushinteger(L, LEVELS);
  lua_call(L, 1, 0);
  lua_State *co = lua_newthread(L);
  lua_sethook(co, NULL, 0, 0); /* that of L as it is now; the child takes that of the spawn */
  lua_rawsetp(L, LUA_REGISTRYINDEX, &spare_key);
  lua_pushcfunction(co, warm_up);
  lua_pushinteger(co, LEVELS);
  if (lua_resume(co, L, 1, &results) == LUA_OK)
    lib->spare = co;
}

/* Pushes the coroutine that the function runs in. */
static lua_State *push_coroutine(lua_State *L, struct lib *lib) {
  lua_State *co = lib->spare;
  if (!co)
    return lua_newthread(L);
  lib->spare = NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &spare_key);
  if (lua_gethook(L))
    lua_sethook(co, lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L));
  return co;
}

/* protected: [function, arguments...]. Does not return but by an error before the function runs. */
static int child_body(lua_State *L) {
  struct lib *lib = lib_find(L);
  int args = lua_gettop(L) - 1, results = 0;
  guard_enter_child(L);
  reseed(L, lib);
  renew_streams(L, lib);
  lua_State *co = push_coroutine(L, lib);
  lua_insert(L, 1);
  if (!lua_checkstack(co, args + LUA_MINSTACK))
    luaL_error(L, "spawn: too many arguments");
  lua_xmove(L, co, args + 1);
  running_set(lib, co);
  int status = lua_resume(co, NULL, args, &results);
  if (status == LUA_YIELD) {
    lua_pushliteral(co, "attempt to yield from outside a coroutine");
    fail(L, lib, co);
  }
  if (status != LUA_OK)
    fail(L, lib, co);
  succeed(L, lib, co, results);
  return 0;
}

void child_run(lua_State *L, struct lib *lib, int nargs) {
  answer_forked(lib);
  interrupt_forked(lib);
  lib->child = true;
  lib->generation++;
  lib->flying.len = 0; /* its parent's */
  lua_pushcfunction(L, child_body);
  lua_insert(L, -2 - nargs);
  lua_pcall(L, nargs + 1, 0, 0);
  /* Here only for want of memory, before the function ran or while its failure was described. */
  report_print(&(struct report){.message = "spawn: not enough memory in the new process"});
  leave(lib, NULL, EXIT_FAILURE_STATUS);
}
