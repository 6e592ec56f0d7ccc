/* lua/process.c - processes in Lua: spawn, join and the handle; see lib.h. child.c has the child's
 * side. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "lua/lib.h"

/* -- spawn ----------------------------------------------------------------------------------- */

static bool is_callable(lua_State *L, int index) {
  if (lua_isfunction(L, index))
    return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
    return false;
  lua_pop(L, 1);
  return true;
}

/* Scripts number the processors that this process may use from 0, whichever they are. Returns the
 * system's number. */
static int check_cpu(lua_State *L) {
  cpu_set_t set;
  int whole;
  lua_Integer n = lua_tointegerx(L, -1, &whole);
  sched_getaffinity(0, sizeof set, &set);
  for (size_t cpu = 0; whole && n >= 0 && cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set) && n-- == 0)
      return (int)cpu;
  return luaL_argerror(L, 1,
                       lua_pushfstring(L, "cpu must be a whole number from 0 to %d, not %s",
                                       CPU_COUNT(&set) - 1, luaL_tolstring(L, -1, NULL)));
}

static bool check_flag(lua_State *L, const char *name) {
  if (lua_getfield(L, 1, name) != LUA_TNIL && !lua_isboolean(L, -1))
    luaL_argerror(L, 1, lua_pushfstring(L, "%s must be true or false", name));
  bool set = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return set;
}

/* The strings stay on the stack: what they point to must outlive the spawn. */
static void read_options(lua_State *L, struct spawn_request *req) {
  static const char *const names[] = {"name", "daemon", "cpu", "quiet", NULL};
  lib_check_options(L, 1, names);
  req->daemon = check_flag(L, "daemon");
  req->quiet = check_flag(L, "quiet");
  if (lua_getfield(L, 1, "cpu") != LUA_TNIL)
    req->cpu = check_cpu(L);
  lua_pop(L, 1);
  if (lua_getfield(L, 1, "name") != LUA_TNIL) {
    req->name = lib_check_name(L, 1);
    lua_remove(L, -1); /* the table keeps it alive */
  } else {
    lua_pop(L, 1);
  }
}

/*
 * What the caller calls the function at `fn`: the name of a local variable, an upvalue or a global
 * that holds it. A process without a name is hard to tell from another in a report.
 */
static bool name_from_caller(lua_State *L, int fn, char name[NAME_MAX_BYTES]) {
  lua_Debug ar;
  const char *found;
  bool hit = false;
  if (!lua_getstack(L, 1, &ar))
    return false;
  for (int i = 1; !hit && (found = lua_getlocal(L, &ar, i)); i++) {
    if ((hit = found[0] != '(' && lua_rawequal(L, -1, fn)))
      snprintf(name, NAME_MAX_BYTES, "%s", found);
    lua_pop(L, 1);
  }
  lua_getinfo(L, "f", &ar);
  for (int i = 1; !hit && (found = lua_getupvalue(L, -1, i)); i++) {
    if ((hit = found[0] != '\0' && lua_rawequal(L, -1, fn)))
      snprintf(name, NAME_MAX_BYTES, "%s", found);
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
      snprintf(name, NAME_MAX_BYTES, "%s", lua_tostring(L, -2));
    lua_pop(L, 1);
  }
  lua_pop(L, hit ? 2 : 1);
  return hit;
}

static int l_spawn(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct spawn_request req = {.cpu = -1};
  char where[WHERE_MAX], name[NAME_MAX_BYTES];
  int fn = lua_istable(L, 1) && !is_callable(L, 1) ? 2 : 1;
  if (fn == 2)
    read_options(L, &req);
  if (!is_callable(L, fn))
    return luaL_typeerror(L, fn, fn == 1 ? "function or table of options" : "function");
  /* The child would never leave the finalizer, and Lua collects nothing and calls no hook in one.
   */
  if (lua_gc(L, LUA_GCCOUNT) < 0)
    return luaL_error(L, "spawn cannot be called in a finalizer (__gc)");
  lib_locate(L, where);
  req.where = where;
  luaL_checkstack(L, 10, NULL);
  if (!req.name) {
    if (!name_from_caller(L, fn, name) && !name_from_globals(L, fn, name))
      snprintf(name, sizeof name, "process");
    req.name = name;
  }
  struct handle *h = lib_push_handle(L, PROCESS_TYPE);
  struct op op = {.kind = OP_PROCESS_SPAWN, .spawn = &req};
  int rc = perform(lib->b, &op);
  if (rc == -SBX_ERECORDS) {
    lua_gc(L, LUA_GCCOLLECT); /* handles nobody uses keep records */
    rc = perform(lib->b, &op);
  }
  if (rc)
    return lib_error(L, "spawn", rc);
  if (op.number == 0) {
    lua_pop(L, 1); /* the handle, which stays empty in the child */
    child_run(L, lib, lua_gettop(L) - fn);
  }
  h->object = op.object;
  lib_settle_handle(L, lib);
  return 1;
}

/* -- join ------------------------------------------------------------------------------------ */

static struct process_info info_of(lua_State *L, struct lib *lib, const struct handle *h) {
  struct process_info info;
  int rc = lib->b->ops->process_info(lib->b, h->object, &info);
  if (rc)
    luaL_error(L, "process: %s", error_text(rc));
  return info;
}

/* Leaves on the stack true and the results; or nil and "timeout"; or nil and the failure. */
static int join(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, PROCESS_TYPE);
  int64_t deadline_ns = lib_check_timeout(L, lib, 2);
  buf_clear(&lib->in, 1 << 16);
  struct op op = {.kind = OP_PROCESS_JOIN,
                  .object = h->object,
                  .deadline_ns = deadline_ns,
                  .out = &lib->in,
                  .locate = lib_locate,
                  .locate_ctx = L};
  int rc = perform(lib->b, &op);
  if (rc == -SBX_ESELF)
    return luaL_error(L, "%s", error_text(rc));
  if (rc)
    return lib_expected(L, "join", rc);
  struct process_info info = info_of(L, lib, h);
  lua_settop(L, 0);
  if (info.status != PROCESS_DONE) {
    lua_pushnil(L);
    failure_push(L, lib, &info, info.has_result ? &lib->in : NULL);
    return 2;
  }
  lua_pushboolean(L, 1);
  if (!info.has_result)
    return 1;
  return 1 + lib_decode(L, lib, &lib->in);
}

static int l_process_result(lua_State *L) {
  int n = join(L);
  int first = lua_gettop(L) - n + 1; /* below it the arguments may stand */
  if (lua_toboolean(L, first))
    return n - 1; /* true, results... */
  if (lua_type(L, -1) == LUA_TSTRING)
    return n; /* nil, "timeout" */
  return lua_error(L);
}

/* -- signals --------------------------------------------------------------------------------- */

static int send_signal(lua_State *L, int signal) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, PROCESS_TYPE);
  struct op op = {.kind = OP_PROCESS_SIGNAL, .object = h->object, .number = signal};
  int rc = perform(lib->b, &op);
  if (rc)
    return lib_error(L, "signal", rc);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_process_terminate(lua_State *L) { return send_signal(L, SIGTERM); }
static int l_process_kill(lua_State *L) { return send_signal(L, SIGKILL); }

/* -- state ----------------------------------------------------------------------------------- */

static const char *const status_names[] = {"running", "stopped", "done", "failed", "killed"};

static bool lives(const struct process_info *info) {
  return info->status == PROCESS_RUNNING || info->status == PROCESS_STOPPED;
}

static int l_process_alive(lua_State *L) {
  struct process_info info = info_of(L, lib_of(L), lib_check_handle(L, 1, PROCESS_TYPE));
  lua_pushboolean(L, lives(&info));
  return 1;
}

static int l_process_status(lua_State *L) {
  struct process_info info = info_of(L, lib_of(L), lib_check_handle(L, 1, PROCESS_TYPE));
  lua_pushstring(L, status_names[info.status]);
  return 1;
}

static int push_pid(lua_State *L, const struct process_info *i) {
  lua_pushinteger(L, (lua_Integer)i->pid);
  return 1;
}

static int push_id(lua_State *L, const struct process_info *i) {
  lua_pushinteger(L, (lua_Integer)i->id);
  return 1;
}

static int push_name(lua_State *L, const struct process_info *i) {
  lua_pushstring(L, i->name);
  return 1;
}

static int push_daemon(lua_State *L, const struct process_info *i) {
  lua_pushboolean(L, i->daemon);
  return 1;
}

/* nil while it lives, and when a signal ended it */
static int push_exitcode(lua_State *L, const struct process_info *i) {
  if (i->exit_code < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, i->exit_code);
  return 1;
}

/* nil unless a signal ended it */
static int push_signal(lua_State *L, const struct process_info *i) {
  if (i->signal == 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, i->signal);
  return 1;
}

static const struct property {
  const char *name;
  int (*push)(lua_State *L, const struct process_info *i);
} properties[] = {{"pid", push_pid},           {"id", push_id},
                  {"name", push_name},         {"daemon", push_daemon},
                  {"exitcode", push_exitcode}, {"signal", push_signal}};

/* Methods first (upvalue 2), then what the record says now. */
static int l_process_index(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, PROCESS_TYPE);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
    return 1;
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
    if (strcmp(key, properties[i].name) == 0) {
      struct process_info info = info_of(L, lib, h);
      return properties[i].push(L, &info);
    }
  return 1; /* nil */
}

/* `process: writer#2 (pid 4711, running)` */
static int l_process_tostring(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = luaL_checkudata(L, 1, PROCESS_TYPE);
  struct process_info i;
  if (!h->object || lib->b->ops->process_info(lib->b, h->object, &i))
    lua_pushliteral(L, "process: (no longer known)");
  else
    lua_pushfstring(L, "process: %s#%d (pid %I, %s)", i.name, (int)i.id, (LUAI_UACINT)i.pid,
                    status_names[i.status]);
  return 1;
}

/* -- of the calling process ------------------------------------------------------------------ */

static int l_self(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_push_handle(L, PROCESS_TYPE);
  int rc = lib->b->ops->process_self(lib->b, &h->object);
  if (rc)
    return lib_error(L, "self", rc);
  lib_settle_handle(L, lib);
  return 1;
}

static int l_getpid(lua_State *L) {
  l_self(L);
  struct process_info info = info_of(L, lib_of(L), lua_touserdata(L, -1));
  return push_pid(L, &info);
}

/* The objects come into lib->in first, since nothing may raise while the backend visits. */
static int visit_child(void *ctx, struct object *child) {
  return buf_append(ctx, &child, sizeof child);
}

static int l_children(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_settop(L, 0);
  lua_newtable(L);
  lib_pause(L, lib);
  buf_clear(&lib->in, 1 << 16);
  int rc = lib->b->ops->children(lib->b, visit_child, &lib->in);
  size_t n = lib->in.len / sizeof(struct object *);
  for (size_t i = 0; i < n; i++) {
    struct object **list = (struct object **)(void *)lib->in.data;
    struct handle *h = lib_push_handle(L, PROCESS_TYPE);
    h->object = list[i];
    lib_settle_handle(L, lib);
    lua_rawseti(L, 1, (lua_Integer)i + 1);
  }
  lib_resume(L, lib);
  return rc ? lib_error(L, "children", rc) : 1;
}

void lib_open_process(lua_State *L, int table) {
  static const luaL_Reg methods[] = {{"join", join},
                                     {"result", l_process_result},
                                     {"alive", l_process_alive},
                                     {"status", l_process_status},
                                     {"terminate", l_process_terminate},
                                     {"kill", l_process_kill},
                                     {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__eq", lib_handle_eq},
                                  {"__gc", lib_handle_gc},
                                  {"__tostring", l_process_tostring},
                                  {NULL, NULL}};
  static const luaL_Reg functions[] = {{"spawn", l_spawn},   {"join", join},
                                       {"self", l_self},     {"children", l_children},
                                       {"getpid", l_getpid}, {NULL, NULL}};
  luaL_newmetatable(L, PROCESS_TYPE);
  lib_set_functions(L, meta);
  lua_pushlightuserdata(L, lib_find(L));
  lua_createtable(L, 0, 8);
  lib_set_functions(L, methods);
  lua_pushcclosure(L, l_process_index, 2);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushvalue(L, table);
  lib_set_functions(L, functions);
  lua_pop(L, 1);
}
