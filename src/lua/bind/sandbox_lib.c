/* lua/bind/sandbox_lib.c - opening the library: time, interrupts, how handles travel; see lib.h. */
#include "lua/bind/sandbox_lib.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "lua/bind/native.h"
#include "lua/codec/codec.h"
#include "lua/state/feed.h"
#include "lua/state/guard.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/prelude.h"
#include "lua/state/program.h"
#include "sandbox/sandbox.h"

/* -- handles in messages --------------------------------------------------------------------- */

static void before_raise(lua_State *L) { lib_resume(L, lib_find(L)); }

static enum codec_export export_handle(lua_State *L, int index, uint8_t ret[CODEC_HANDLE_BYTES]) {
  struct lib *lib = lib_find(L);
  struct handle *h = lib_any_handle(L, index, NULL);
  struct object_ref ref;
  if (h && !h->object && lib_push_request(L, index)) {
    lua_pushliteral(L, "a process that was not started cannot be sent");
    return CODEC_REFUSED;
  }
  if (!h || !h->object)
    return CODEC_NO_HANDLE;
  if (buf_reserve(&lib->messages.flying, sizeof ref)) {
    lua_pushliteral(L, "not enough memory");
    return CODEC_REFUSED;
  }
  const struct object_ops *ops = lib->b->objects;
  (ops->message_ref ? ops->message_ref : ops->object_ref)(h->object, &ref);
  buf_append(&lib->messages.flying, &ref, sizeof ref); /* there is room */
  memcpy(ret, &ref, CODEC_HANDLE_BYTES);
  return CODEC_HANDLE;
}

/* An object in an engine has no record in this run's memory; and processes have names there. */
static bool reaches_abroad(lua_State *L, const uint8_t bytes[CODEC_HANDLE_BYTES]) {
  struct object_ref ref;
  (void)L;
  memcpy(&ref, bytes, sizeof ref);
  return ref.slot == UINT32_MAX;
}

static void import_handle(lua_State *L, const uint8_t bytes[CODEC_HANDLE_BYTES]) {
  struct lib *lib = lib_find(L);
  struct object_ref ref;
  memcpy(&ref, bytes, sizeof ref);
  luaL_checkstack(L, 4, NULL);
  struct handle *h = lib_push_handle(L, (enum object_type)ref.type);
  int rc = !h ? -SBX_EDATA : op_handle_import(lib->b, &ref, &h->object);
  bool hopeless = rc == -SBX_EGONE || rc == -SBX_EDATA;
  if (hopeless && lib->messages.item)
    lib->messages.item->len = 0; /* it would fail again, and keep later items from being read */
  if (rc) {
    lib_resume(L, lib);
    luaL_error(L, "%s names an object that cannot be reached: %s%s",
               lib->messages.item ? "the item" : "the message", error_text(rc),
               !lib->messages.item ? ""
               : hopeless          ? " (the item is dropped)"
                                   : " (the item is kept: get it again)");
  }
  lib_settle_handle(L, lib);
}

static_assert(sizeof(struct object_ref) == CODEC_HANDLE_BYTES, "a handle in a message is its ref");

/* -- time and machine ------------------------------------------------------------------------ */

static int l_sleep(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct op op = {.kind = OP_CLOCK_SLEEP, .locate = lib_locate, .locate_ctx = L};
  op.deadline_ns = lib_check_pause(L, lib, 1);
  int64_t now_ns = op.deadline_ns;
  int64_t until_ns = feed_begin(L, lib, &now_ns);
  if (until_ns)
    feed_give_way(L, until_ns);
  op.deadline_ns = now_ns;
  int rc = perform(lib->b, &op);
  return rc ? lib_expected(L, "sleep", rc) : 0;
}

static int l_now(lua_State *L) {
  struct backend *b = lib_of(L)->b;
  lua_pushnumber(L, clock_run_now(b->run->clock(b), op_clock_now(b)));
  return 1;
}

static int l_time(lua_State *L) {
  struct backend *b = lib_of(L)->b;
  lua_pushnumber(L, clock_run_time(b->run->clock(b), op_clock_now(b), op_clock_wall(b)));
  return 1;
}

/* How much can be computed at a time. */
static int l_cpus(lua_State *L) {
  struct backend *b = lib_of(L)->b;
  lua_pushinteger(L, b->self->share(b));
  return 1;
}

/* A finite number, or nothing. */
static struct number check_mark_value(lua_State *L, int arg) {
  struct number n = {0};
  if (lua_isnil(L, arg))
    return n;
  bool finite = lua_type(L, arg) == LUA_TNUMBER && isfinite(lua_tonumber(L, arg));
  if (!finite)
    lib_arg_error(
        L, arg,
        lua_pushfstring(L, "the value of a mark must be a finite number, not %s", lib_say(L, arg)));
  n.kind = lua_isinteger(L, arg) ? NUMBER_INTEGER : NUMBER_FLOAT;
  n.i = n.kind == NUMBER_INTEGER ? lua_tointeger(L, arg) : 0;
  n.f = n.kind == NUMBER_FLOAT ? lua_tonumber(L, arg) : 0;
  return n;
}

/* mark(name [, value]): for the trace, if the run has one. */
static int l_mark(lua_State *L) {
  struct mark_request mark;
  struct op op = {.kind = OP_MARK, .mark = &mark, .locate = lib_locate, .locate_ctx = L};
  lua_settop(L, 2);
  mark.value = check_mark_value(L, 2);
  lua_pushvalue(L, 1);
  text_copy_name(mark.name, sizeof mark.name, lib_check_name(L, 1));
  int rc = perform(lib_of(L)->b, &op);
  return rc ? lib_error(L, "mark", rc) : 0;
}

/* -- opening --------------------------------------------------------------------------------- */

/* math.random starts from the process's own seed. */
static void seed_random(lua_State *L, struct lib *lib) {
  uint64_t seed = lib->b->self->seed(lib->b);
  int top = lua_gettop(L);
  lua_getglobal(L, LUA_MATHLIBNAME);
  if (lua_istable(L, -1) && lua_getfield(L, -1, "randomseed") == LUA_TFUNCTION) {
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &lib_randomseed_key);
    lua_pushinteger(L, (lua_Integer)seed);
    lua_pushinteger(L, (lua_Integer)(seed >> 32 ^ seed << 32));
    lua_call(L, 2, 0);
  }
  lua_settop(L, top);
}

/* Keep io.stdout and io.stderr for children, whatever scripts do to `io`. */
static void keep_streams(lua_State *L) {
  static const char *const streams[] = {"stdout", "stderr"};
  bool there = lua_getglobal(L, LUA_IOLIBNAME) == LUA_TTABLE;
  for (int i = 0; there && i < 2; i++) {
    lua_getfield(L, -1, streams[i]);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &lib_stream_keys[i]);
  }
  lua_pop(L, 1);
}

/* In a child os.exit must neither run the exit handlers of the parent's C code, nor close its
 * state. */
static void replace_exit(lua_State *L, struct lib *lib) {
  lua_getglobal(L, LUA_OSLIBNAME);
  if (lua_istable(L, -1)) {
    lua_pushlightuserdata(L, lib);
    lua_getfield(L, -2, "exit");
    lua_pushcclosure(L, child_os_exit, 2);
    lua_setfield(L, -2, "exit");
  }
  lua_pop(L, 1);
}

static void set_globals(lua_State *L) {
  static const char *const names[] = {"spawn", "join", "queue", "queue_put", "queue_get", "sleep"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lua_getfield(L, -1, names[i]);
    lua_setglobal(L, names[i]);
  }
}

/* [light userdata] as tostring shows it. */
static int light_tostring(lua_State *L) {
  const void *p = lua_touserdata(L, 1);
  if (p == codec_null())
    lua_pushliteral(L, "sandbox.null");
  else
    lua_pushfstring(L, "userdata: %p", p);
  return 1;
}

/* Push sandbox.null. All light userdata share a metatable, so one that the host or a library has set is left as it is. */
static void push_null(lua_State *L) {
  lua_pushlightuserdata(L, codec_null());
  if (lua_getmetatable(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, light_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushboolean(L, 0); /* what getmetatable returns */
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

int sandbox_lib_open(lua_State *L, struct backend *b) {
  static const luaL_Reg functions[] = {{"sleep", l_sleep}, {"now", l_now},   {"time", l_time},
                                       {"cpus", l_cpus},   {"mark", l_mark}, {"pause", pause_here},
                                       {NULL, NULL}};
  static const struct codec_hooks hooks = {.export_handle = export_handle,
                                           .import_handle = import_handle,
                                           .reaches_abroad = reaches_abroad,
                                           .before_raise = before_raise,
                                           .set_metatable = guard_setmetatable,
                                           .push_meant = guard_push_finalizer};
  struct lib *lib = lib_new(L, b);
  codec_open(L, b->run->key(b), &hooks);
  lua_createtable(L, 0, 32);
  int table = lua_gettop(L);
  lib_set_functions(L, functions);
  push_null(L);
  lua_setfield(L, table, "null");
  lua_pushliteral(L, SANDBOX_VERSION);
  lua_setfield(L, table, "version");
  lua_pushboolean(L, 0); /* else lua/strict says what holds */
  lua_setfield(L, table, "strict");
  lib_open_failure(L, table);
  lib_open_process(L, table);
  lib_open_spawn(L, table);
  lib_open_queue(L, table);
  lib_open_sync(L, table);
  lib_open_pipe(L, table);
  lib_open_select(L, table);
  lib_open_native(L, table);
  lib_open_guard(L);
  lib_open_coroutine(L, lib);
  lib_open_interrupt(L, lib);
  lib_open_collector(L, lib);
  seed_random(L, lib);
  keep_streams(L);
  replace_exit(L, lib);
  lib_open_program(L, lib);
  prelude_open(L, table);
  set_globals(L);
  lua_pushvalue(L, table);
  lua_setfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, table);
  lua_setfield(L, -2, "sandbox");
  lua_pop(L, 1);
  lua_pushvalue(L, table);
  lua_setglobal(L, "sandbox");
  return 1;
}
