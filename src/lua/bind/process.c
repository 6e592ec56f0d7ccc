/* lua/bind/process.c - processes in Lua: join, and the methods of handles; see lib.h. spawn.c makes
 * them, child.c has the child's side. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "lua/state/feed.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"

/* -- join ------------------------------------------------------------------------------------ */

enum what { ALL, WHO, LIVES }; /* as op.number of PROCESS_LOOK */

/* A process of another host has to be asked for, which takes as long as that is busy. */
static int look(lua_State *L, struct lib *lib, const struct handle *h, enum what what,
                struct process_info *ret) {
  return perform(lib->b, &(struct op){.kind = OP_PROCESS_LOOK,
                                      .object = h->object,
                                      .number = (int)what,
                                      .process_info = ret,
                                      .locate = lib_locate,
                                      .locate_ctx = L});
}

static void check_look(lua_State *L, int rc, const char *what) {
  if (rc == -SBX_EINTERRUPTED)
    interrupt_raise(L, lib_find(L), false);
  if (rc)
    lib_error(L, what, rc);
}

/* `what`: the function that was called, or the field that is read. */
static struct process_info look_at(lua_State *L, struct lib *lib, const struct handle *h, bool who,
                                   const char *what) {
  struct process_info info;
  check_look(L, look(L, lib, h, who ? WHO : ALL, &info), what);
  return info;
}

int lib_push_outcome(lua_State *L, struct lib *lib, const struct handle *h, const struct op *op,
                     const char *what) {
  struct process_info info = look_at(L, lib, h, false, what);
  int rc = lib_fetch(lib, op, &lib->messages.read);
  if (rc)
    return lib_expected(L, what, rc);
  const struct buf *message = info.has_result ? &lib->messages.in : NULL;
  if (info.status != PROCESS_DONE) {
    lua_pushnil(L);
    failure_push(L, lib, h->object, &info, message);
    lib_read_begin(lib); /* the message was read */
    return 2;
  }
  lua_pushboolean(L, 1);
  return 1 + (message ? lib_read_end(L, lib, op) : 0);
}

/* Leaves on the stack true and the results; or nil and "timeout"; or nil and the failure. */
static int join(lua_State *L, const char *what) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_PROCESS);
  int64_t deadline_ns = lib_check_timeout(L, lib, 2);
  int64_t until_ns = feed_begin(L, lib, &deadline_ns);
  struct op_refs refs = {.taken = &lib->messages.read};
  lib_read_begin(lib);
  struct op op = {.kind = OP_PROCESS_JOIN,
                  .object = h->object,
                  .deadline_ns = deadline_ns,
                  .out = &lib->messages.in,
                  .refs = &refs,
                  .locate = lib_locate,
                  .locate_ctx = L};
  int rc = perform(lib->b, &op);
  if (rc == -SBX_ESELF)
    return luaL_error(L, "%s", error_text(rc));
  if (rc == -SBX_ETIMEDOUT && until_ns)
    feed_give_way(L, until_ns);
  if (rc)
    return lib_expected(L, what, rc);
  return lib_push_outcome(L, lib, h, &op, what);
}

static int l_process_join(lua_State *L) { return join(L, "join"); }

static int l_process_result(lua_State *L) {
  int n = join(L, "result");
  int first = lua_gettop(L) - n + 1; /* arguments may lie below */
  if (lua_toboolean(L, first))
    return n - 1; /* true, results... */
  if (lua_type(L, -1) == LUA_TSTRING)
    return n; /* nil, "timeout" */
  failure_look(L, -1);
  return lua_error(L);
}

/* -- signals --------------------------------------------------------------------------------- */

/* `what`: the method that was called. */
static int send_signal(lua_State *L, enum process_signal signal, const char *what) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_PROCESS);
  struct op op = {.kind = OP_PROCESS_SIGNAL,
                  .object = h->object,
                  .number = (int)signal,
                  .locate = lib_locate,
                  .locate_ctx = L};
  int rc = perform(lib->b, &op);
  if (rc)
    return lib_expected(L, what, rc);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_process_interrupt(lua_State *L) {
  return send_signal(L, SIGNAL_INTERRUPT, "interrupt");
}
static int l_process_terminate(lua_State *L) {
  return send_signal(L, SIGNAL_TERMINATE, "terminate");
}
static int l_process_kill(lua_State *L) { return send_signal(L, SIGNAL_KILL, "kill"); }
static int l_process_pause(lua_State *L) { return send_signal(L, SIGNAL_PAUSE, "pause"); }
static int l_process_resume(lua_State *L) { return send_signal(L, SIGNAL_RESUME, "resume"); }

/* Wait for the end, and leave the outcome. 0, or a code of OP_PROCESS_JOIN. */
static int await_end(lua_State *L, struct lib *lib, struct handle *h, int64_t deadline_ns) {
  struct op op = {.kind = OP_PROCESS_JOIN,
                  .object = h->object,
                  .deadline_ns = deadline_ns,
                  .locate = lib_locate,
                  .locate_ctx = L};
  return perform(lib->b, &op);
}

/* A process that was told to end has ended: if that ended it, its failure is not to be reported. */
static void expect_end(struct lib *lib, const struct handle *h) {
  struct process_info info;
  struct object_ref ref;
  if (op_process_look(lib->b, h->object, &info) ||
      (info.signal == 0 && info.exit_code != EXIT_INTERRUPTED))
    return;
  lib->b->objects->object_ref(h->object, &ref);
  op_failure_look(lib->b, &ref);
}

enum { GRACE_SECONDS = 5, LAST_GRACE_SECONDS = 1 };

/* stop([grace]): an interrupt, for which a paused process is resumed; after the grace SIGTERM, for
 * which a C library may have a handler; then SIGKILL. */
static int l_process_stop(lua_State *L) {
  static const enum process_signal steps[][2] = {{SIGNAL_INTERRUPT, SIGNAL_RESUME},
                                                 {SIGNAL_TERMINATE, SIGNAL_RESUME},
                                                 {SIGNAL_KILL, SIGNAL_KILL}};
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_PROCESS);
  double grace = lua_isnoneornil(L, 2) ? GRACE_SECONDS : lib_check_seconds(L, lib, 2);
  lua_settop(L, 1);
  int rc = await_end(L, lib, h, 0);
  bool lived = rc == -SBX_ETIMEDOUT;
  for (int i = 0; i < 3 && rc == -SBX_ETIMEDOUT; i++) {
    send_signal(L, steps[i][0], "stop");
    send_signal(L, steps[i][1], "stop");
    int64_t until = lib_deadline(lib, i == 0 ? grace : LAST_GRACE_SECONDS);
    rc = await_end(L, lib, h, i < 2 ? until : SBX_FOREVER);
  }
  if (rc == -SBX_ESELF)
    return luaL_error(L, "a process cannot stop itself");
  if (rc)
    return lib_expected(L, "stop", rc);
  if (lived)
    expect_end(lib, h);
  lua_pushboolean(L, 1);
  return 1;
}

/* -- state ----------------------------------------------------------------------------------- */

static const char *const status_names[] = {"running", "stopped", "done", "failed", "killed"};

static bool lives(const struct process_info *info) {
  return info->status == PROCESS_RUNNING || info->status == PROCESS_STOPPED;
}

static int l_process_alive(lua_State *L) {
  if (luaL_testudata(L, 1, PROCESS_TYPE) && lib_push_request(L, 1)) {
    lua_pushboolean(L, 0);
    return 1;
  }
  struct lib *lib = lib_of(L);
  struct process_info info;
  int rc = look(L, lib, lib_check_handle(L, 1, OBJECT_PROCESS), LIVES, &info);
  if (rc != -SBX_EGONE) /* one that nobody knows any more has ended */
    check_look(L, rc, "alive");
  lua_pushboolean(L, rc == 0 && lives(&info));
  return 1;
}

static int l_process_status(lua_State *L) {
  if (luaL_testudata(L, 1, PROCESS_TYPE) && lib_push_request(L, 1)) {
    lua_pushliteral(L, "new");
    return 1;
  }
  struct process_info info =
      look_at(L, lib_of(L), lib_check_handle(L, 1, OBJECT_PROCESS), false, "status");
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

/* nil if the run has no other hosts */
static int push_host(lua_State *L, const struct process_info *i) {
  if (i->host[0])
    lua_pushstring(L, i->host);
  else
    lua_getfield(L, LUA_REGISTRYINDEX, HOST_KEY);
  return 1;
}

static const struct property {
  const char *name;
  int (*push)(lua_State *L, const struct process_info *i);
  bool who; /* it never changes */
} properties[] = {{"pid", push_pid, true},       {"id", push_id, true},
                  {"name", push_name, true},     {"daemon", push_daemon, true},
                  {"host", push_host, true},     {"exitcode", push_exitcode, false},
                  {"signal", push_signal, false}};

/* A process that was not started has a name, and is a daemon or not. All else it gets when it
 * starts. */
static int push_requested(lua_State *L, const char *key) {
  if (strcmp(key, "name") == 0 || strcmp(key, "daemon") == 0) {
    lua_getfield(L, -1, key);
    if (key[0] == 'd') /* nil is false */
      lua_pushboolean(L, lua_toboolean(L, -1));
    return 1;
  }
  lua_pushnil(L);
  return 1;
}

/* Methods first (upvalue 2), then properties, which are read from the record. */
static int l_process_index(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
    return 1;
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (lib_push_request(L, 1))
    return push_requested(L, key);
  struct handle *h = lib_check_handle(L, 1, OBJECT_PROCESS);
  for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
    if (strcmp(key, properties[i].name) == 0) {
      struct process_info info = look_at(L, lib, h, properties[i].who, key);
      return properties[i].push(L, &info);
    }
  return 1; /* nil */
}

/* `process: writer#2 (pid 4711, running)` */
static int l_process_tostring(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = luaL_checkudata(L, 1, PROCESS_TYPE);
  struct process_info i;
  if (lib_push_request(L, 1)) {
    lua_getfield(L, -1, "name");
    lua_pushfstring(L, "process: %s (new)", lua_tostring(L, -1));
    return 1;
  }
  if (!h->object || op_process_look(lib->b, h->object, &i))
    lua_pushliteral(L, "process: (no longer known)");
  else if (i.host[0])
    lua_pushfstring(L, "process: %s#%d (on %s, %s)", i.name, (int)i.id, i.host,
                    status_names[i.status]);
  else
    lua_pushfstring(L, "process: %s#%d (pid %I, %s)", i.name, (int)i.id, (LUAI_UACINT)i.pid,
                    status_names[i.status]);
  return 1;
}

/* -- of the calling process ------------------------------------------------------------------ */

static int l_self(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_push_handle(L, OBJECT_PROCESS);
  int rc = lib->b->self->process_self(lib->b, &h->object);
  if (rc)
    return lib_error(L, "self", rc);
  lib_settle_handle(L, lib);
  return 1;
}

/* parent() -> the process that spawned this one; nil in main, and when its record was used again */
static int l_parent(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_push_handle(L, OBJECT_PROCESS);
  int rc = op_process_parent(lib->b, &h->object);
  if (rc == -SBX_EGONE) {
    lua_pushnil(L);
    return 1;
  }
  if (rc)
    return lib_error(L, "parent", rc);
  lib_settle_handle(L, lib);
  return 1;
}

static int l_getpid(lua_State *L) {
  l_self(L);
  struct process_info info = look_at(L, lib_of(L), lua_touserdata(L, -1), true, "getpid");
  return push_pid(L, &info);
}

void lib_push_processes(lua_State *L, struct lib *lib, int list) {
  size_t n = lib->messages.in.len / sizeof(struct object *);
  lua_Integer at = (lua_Integer)lua_rawlen(L, list);
  for (size_t i = 0; i < n; i++) {
    struct object **objects = (struct object **)(void *)lib->messages.in.data;
    struct handle *h = lib_push_handle(L, OBJECT_PROCESS);
    h->object = objects[i];
    lib_settle_handle(L, lib);
    lua_rawseti(L, list, ++at);
  }
}

/* The objects go into lib->messages.in first, since nothing may raise while the backend visits
 * them. */
static int visit_child(void *ctx, struct object *child) {
  return buf_append(ctx, &child, sizeof child);
}

static int l_children(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_settop(L, 0);
  lua_newtable(L);
  lib_pause(L, lib);
  buf_clear(&lib->messages.in, 1 << 16);
  int rc = op_process_children(lib->b,
                               &(struct visitor){.visit = visit_child, .ctx = &lib->messages.in});
  lib_push_processes(L, lib, 1);
  lib_resume(L, lib);
  return rc ? lib_error(L, "children", rc) : 1;
}

void lib_open_process(lua_State *L, int table) {
  static const luaL_Reg methods[] = {
      {"start", lib_process_start}, {"join", l_process_join},
      {"result", l_process_result}, {"alive", l_process_alive},
      {"status", l_process_status}, {"terminate", l_process_terminate},
      {"kill", l_process_kill},     {"interrupt", l_process_interrupt},
      {"pause", l_process_pause},   {"resume", l_process_resume},
      {"stop", l_process_stop},     {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__tostring", l_process_tostring}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"join", l_process_join}, {"self", l_self},
                                       {"parent", l_parent},     {"children", l_children},
                                       {"getpid", l_getpid},     {NULL, NULL}};
  lib_open_type(L, table, OBJECT_PROCESS, methods, meta, functions);
  lua_pushlightuserdata(L, lib_find(L));
  lua_getfield(L, -2, "__index");
  lua_pushcclosure(L, l_process_index, 2);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
