/*
 * lua/bind/spawn.c - making processes: spawn, which starts one at once, and sandbox.process, whose
 * start() does; see lib.h.
 *
 * A process that was not started is an empty handle whose user value is the request: a table of the
 * options, `target` and `args`. start() spawns that and fills the handle.
 */
#include <stdio.h>
#include <string.h>

#include "base/child_code.h"
#include "base/error.h"
#include "base/stack.h"
#include "base/text.h"
#include "lua/bind/native.h"
#include "lua/state/guard.h"
#include "lua/state/lib.h"
#include "lua/state/masked.h"
#include "lua/state/prelude.h"

/* -- options --------------------------------------------------------------------------------- */

static bool is_callable(lua_State *L, int index) {
  if (lua_isfunction(L, index))
    return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
    return false;
  lua_pop(L, 1);
  return true;
}

/* In scripts the processors that this process may use have numbers from 0 on. Returns the system's
 * number. */
static int check_cpu(lua_State *L) {
  struct backend *b = lib_find(L)->b;
  int whole, count = b->self->processors(b);
  lua_Integer n = lua_tointegerx(L, -1, &whole);
  int cpu = whole && n >= 0 && n < count ? b->self->processor(b, (int)n) : -1;
  if (cpu < 0)
    lib_arg_error(L, 1,
                  lua_pushfstring(L, "cpu must be a whole number from 0 to %d, not %s", count - 1,
                                  masked_tolstring(L, -1, NULL)));
  return cpu;
}

static bool check_flag(lua_State *L, int table, const char *name) {
  if (lua_getfield(L, table, name) != LUA_TNIL && !lua_isboolean(L, -1))
    lib_arg_error(L, 1, lua_pushfstring(L, "%s must be true or false", name));
  bool set = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return set;
}

/* Read the options in the table at `table`. The name is copied: a table with a metatable need not keep it alive. */
static void read_options(lua_State *L, int table, struct spawn_request *req,
                         const char *const names[], char name[NAME_MAX_BYTES]) {
  lib_check_options(L, table, names);
  req->daemon = check_flag(L, table, "daemon");
  req->quiet = check_flag(L, table, "quiet");
  req->stdin_too = check_flag(L, table, "stdin");
  if (lua_getfield(L, table, "cpu") != LUA_TNIL)
    req->cpu = check_cpu(L);
  lua_pop(L, 1);
  if (lua_getfield(L, table, "name") != LUA_TNIL) {
    text_copy_name(name, NAME_MAX_BYTES, lib_check_name(L, 1));
    req->name = name;
  }
  lua_pop(L, 1);
}

/*
 * The caller's name for the function at `fn`: a local variable, an upvalue or a global that holds
 * it. Without a name a process is hard to tell from others in a report.
 */
static bool name_from_caller(lua_State *L, int fn, char name[NAME_MAX_BYTES]) {
  lua_Debug ar;
  const char *found;
  bool hit = false;
  if (!lib_find_caller(L, &ar))
    return false;
  for (int i = 1; !hit && (found = lua_getlocal(L, &ar, i)); i++) {
    if ((hit = found[0] != '(' && lua_rawequal(L, -1, fn)))
      text_copy_name(name, NAME_MAX_BYTES, found);
    lua_pop(L, 1);
  }
  lua_getinfo(L, "f", &ar);
  for (int i = 1; !hit && (found = lua_getupvalue(L, -1, i)); i++) {
    if ((hit = found[0] != '\0' && lua_rawequal(L, -1, fn)))
      text_copy_name(name, NAME_MAX_BYTES, found);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return hit;
}

static bool name_from_globals(lua_State *L, int fn, char name[NAME_MAX_BYTES]) {
  bool hit = false;
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (!hit && lua_next(L, -2)) {
    if ((hit = lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, fn)))
      text_copy_name(name, NAME_MAX_BYTES, lua_tostring(L, -2));
    lua_pop(L, 1);
  }
  lua_pop(L, hit ? 2 : 1);
  return hit;
}

/* Find a name for the function at `fn`: of the caller's variables, or of the globals. */
static void find_name(lua_State *L, int fn, char name[NAME_MAX_BYTES]) {
  if (!name_from_caller(L, fn, name) && !name_from_globals(L, fn, name))
    text_copy(name, NAME_MAX_BYTES, "process");
}

/* -- spawn ----------------------------------------------------------------------------------- */

/*
 * [..., function, its `nargs` arguments] Fork. In the parent the handle `h` then holds the child;
 * in the child this does not return.
 *   start  `h` is the handle on which start() was called: in the child it becomes its own
 */
CHILD_CODE
static void spawn_function(lua_State *L, const struct spawn_request *req, struct handle *h,
                           int nargs, bool start) {
  struct lib *lib = lib_of(L);
  struct op op = {.kind = OP_PROCESS_SPAWN, .spawn = req};
  child_prepare(L, lib);
  guard_before_fork(L, lib);
  int rc = perform(lib->b, &op);
  if (lib_made_room(L, rc)) {
    guard_before_fork(L, lib); /* finalizers ran: they may have loaded modules */
    rc = perform(lib->b, &op);
  }
  if (rc)
    lib_error(L, "spawn", rc);
  if (op.number == 0) {
    if (start)
      lib->b->self->process_self(lib->b, &h->object); /* without memory it stays empty */
    child_run(L, lib, nargs);
  }
  h->object = op.object;
}

static void check_forkable(lua_State *L) {
  enum { CHILD_CALLS = 8 }; /* what child_run and below need on the thread that spawned */
  /* A child would never leave the finalizer. */
  if (lib_in_finalizer(L))
    luaL_error(L, "spawn cannot be called in a finalizer (__gc)");
  /* The child's calls lie above the parent's on one C stack, and it may nest as many calls as any
   * program. */
  if (stack_is_beyond(lib_of(L)->life.stack_middle))
    luaL_error(L, "spawn: C stack overflow");
  if (lua_gethook(L)) /* it would see the calls */
    return;
  lua_pushcfunction(L, child_nest_calls); /* raises if there is no room for them */
  lua_pushinteger(L, CHILD_CALLS);
  lua_call(L, 1, 0);
}

/* A process that runs a function of the library's own is a pool's worker. */
static bool is_of_library(lua_State *L, int fn) {
  lua_Debug ar;
  if (!lua_isfunction(L, fn))
    return false;
  lua_pushvalue(L, fn);
  return lua_getinfo(L, ">S", &ar) && prelude_owns(ar.source);
}

/* (on, pinned, function, arguments...) -> host, stand-in; nothing: it runs here. See elsewhere.lua. */
static int place(lua_State *L) { return native_call(L, "elsewhere", "place"); }

/*
 * [function at `fn`, its arguments] If it is to run on another host, as the option `on` or the run's --spread
 * says, then what stands for it takes their place, and the host's name is written into `host`.
 */
static bool go_elsewhere(lua_State *L, int fn, const struct spawn_request *req,
                         char host[NAME_MAX_BYTES]) {
  int top = lua_gettop(L);
  lua_pushcfunction(L, place);
  bool said = fn == 2 && lua_getfield(L, 1, "on") != LUA_TNIL;
  bool spread =
      !said && !req->worker && lua_getfield(L, LUA_REGISTRYINDEX, SPREAD_KEY) == LUA_TBOOLEAN;
  lua_settop(L, top + 1);
  if (said)
    lua_getfield(L, 1, "on");
  else
    lua_pushnil(L);
  lua_pushboolean(L, req->cpu >= 0 || req->stdin_too);
  luaL_checkstack(L, top - fn + 8, "too many arguments");
  for (int i = fn; (said || spread) && i <= top; i++)
    lua_pushvalue(L, i);
  if (said || spread)
    lua_call(L, top - fn + 3, 2);
  if ((!said && !spread) || lua_isnil(L, -2)) {
    lua_settop(L, top);
    return false;
  }
  text_copy(host, NAME_MAX_BYTES, lua_tostring(L, -2));
  lua_replace(L, fn);
  lua_settop(L, fn);
  return true;
}

static int l_spawn(lua_State *L) {
  static const char *const names[] = {"name", "daemon", "cpu", "quiet", "stdin", "on", NULL};
  struct lib *lib = lib_of(L);
  struct spawn_request req = {.cpu = -1};
  char where[WHERE_MAX], name[NAME_MAX_BYTES], host[NAME_MAX_BYTES];
  int fn = lua_istable(L, 1) && !is_callable(L, 1) ? 2 : 1;
  if (fn == 2)
    read_options(L, 1, &req, names, name);
  if (!is_callable(L, fn))
    return lib_type_error(L, fn, fn == 1 ? "function or table of options" : "function");
  check_forkable(L);
  lib_locate(L, where);
  req.where = where;
  req.worker = is_of_library(L, fn);
  luaL_checkstack(L, 10, NULL);
  if (!req.name) {
    find_name(L, fn, name);
    req.name = name;
  }
  if (go_elsewhere(L, fn, &req, host))
    req.host = host;
  struct handle *h = lib_push_handle(L, OBJECT_PROCESS);
  lua_insert(L, fn); /* the function and its arguments above it */
  spawn_function(L, &req, h, lua_gettop(L) - fn - 1, false);
  lua_settop(L, fn);
  lib_settle_handle(L, lib);
  return 1;
}

/* -- sandbox.process and start --------------------------------------------------------------- */

enum { ARGUMENTS_MOST = 1000000 }; /* more than a stack of Lua holds */

/* The number of arguments in the table at the top: its `n`, or its length. */
static int count_arguments(lua_State *L) {
  if (lua_getfield(L, -1, "n") == LUA_TNIL) {
    lua_pop(L, 1);
    lua_Integer len = luaL_len(L, -1); /* __len may say anything */
    lib_arg_check(L, len >= 0 && len < ARGUMENTS_MOST, 1, "args has too many arguments");
    return (int)len;
  }
  int whole;
  lua_Integer n = lua_tointegerx(L, -1, &whole);
  lib_arg_check(L, whole && n >= 0 && n < 100000, 1, "n of args must be a number of arguments");
  lua_pop(L, 1);
  return (int)n;
}

/* [options, target, args] Copy them, so that later changes of the script's do not matter. */
static void push_request(lua_State *L, const char *name) {
  static const char *const copied[] = {"cpu", "quiet", "daemon", "stdin"};
  lua_createtable(L, 0, 8);
  for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
    lua_getfield(L, 1, copied[i]);
    lua_setfield(L, -2, copied[i]);
  }
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  lua_pushvalue(L, 2);
  lua_setfield(L, -2, "target");
  if (lua_isnil(L, 3))
    return;
  lua_pushvalue(L, 3);
  int n = count_arguments(L);
  lua_createtable(L, n, 1);
  for (int i = 1; i <= n; i++) {
    lua_geti(L, -2, i);
    lua_rawseti(L, -2, i);
  }
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  lua_setfield(L, -3, "args");
  lua_pop(L, 1);
}

static const char *const process_options[] = {"target", "args",  "name",  "daemon",
                                              "cpu",    "quiet", "stdin", NULL};

static int l_process(lua_State *L) {
  struct spawn_request req = {.cpu = -1};
  char name[NAME_MAX_BYTES] = "";
  lib_arg_expected(L, lua_istable(L, 1), 1, "table of options");
  lua_settop(L, 1);
  read_options(L, 1, &req, process_options, name);
  lua_getfield(L, 1, "target");
  lib_arg_check(L, is_callable(L, 2), 1, "target must be a function");
  int args = lua_getfield(L, 1, "args");
  lib_arg_check(L, args == LUA_TTABLE || args == LUA_TNIL, 1, "args must be a list of arguments");
  if (!req.name)
    find_name(L, 2, name);
  struct handle *h = lua_newuserdatauv(L, sizeof *h, 1);
  *h = (struct handle){0};
  luaL_setmetatable(L, PROCESS_TYPE);
  push_request(L, name);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

bool lib_push_request(lua_State *L, int handle) {
  enum object_type type = OBJECT_NONE;
  const struct handle *h = lib_any_handle(L, handle, &type);
  if (type != OBJECT_PROCESS)
    return false;
  if (!h->object && lua_getiuservalue(L, handle, 1) == LUA_TTABLE)
    return true;
  if (!h->object)
    lua_pop(L, 1);
  return false;
}

/* [..., request] Push the function and its arguments; returns how many these are. */
static int push_call(lua_State *L) {
  int request = lua_gettop(L), n = 0;
  lua_getfield(L, request, "target");
  if (lua_getfield(L, request, "args") == LUA_TTABLE) {
    n = count_arguments(L);
    luaL_checkstack(L, n + LUA_MINSTACK, "too many arguments");
    for (int i = 1; i <= n; i++)
      lua_rawgeti(L, request + 2, i);
  }
  lua_remove(L, request + 2);
  return n;
}

int lib_process_start(lua_State *L) {
  struct spawn_request req = {.cpu = -1};
  char where[WHERE_MAX], name[NAME_MAX_BYTES];
  struct handle *h = luaL_testudata(L, 1, PROCESS_TYPE);
  if (!h || !lib_push_request(L, 1)) {
    lib_check_handle(L, 1, OBJECT_PROCESS);
    return luaL_error(L, "start: the process was started before");
  }
  lua_insert(L, 2);
  lua_settop(L, 2);
  check_forkable(L);
  lib_locate(L, where);
  req.where = where;
  read_options(L, 2, &req, process_options, name);
  int n = push_call(L);
  spawn_function(L, &req, h, n, true);
  lua_settop(L, 1);
  lib_settle_handle(L, lib_of(L));
  lua_pushnil(L);
  lua_setiuservalue(L, 1, 1); /* the arguments may go */
  return 1;
}

void lib_open_spawn(lua_State *L, int table) {
  static const luaL_Reg functions[] = {{"spawn", l_spawn}, {"process", l_process}, {NULL, NULL}};
  lib_set_functions_in(L, table, functions);
}
