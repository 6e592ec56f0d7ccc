/* lua/sandbox_lib.c - opening the library, and what its parts share; see lib.h. */
#include "lua/sandbox_lib.h"

#include <assert.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "lua/codec.h"
#include "lua/guard.h"
#include "lua/lib.h"

enum { KEEP_BYTES = 1 << 16 }; /* of a buffer between two messages */

static const char lib_key, handles_key; /* their addresses are keys of the registry */

struct lib *lib_find(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &lib_key);
  struct lib *lib = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return lib;
}

void lib_set_functions(lua_State *L, const luaL_Reg *functions) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &lib_key);
  luaL_setfuncs(L, functions, 1);
}

/* -- errors and arguments -------------------------------------------------------------------- */

void lib_locate(void *ctx, char where[WHERE_MAX]) {
  lua_State *L = ctx;
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0) {
      snprintf(where, WHERE_MAX, "%.*s:%d", WHERE_MAX - 16, ar.short_src, ar.currentline);
      return;
    }
  }
  snprintf(where, WHERE_MAX, "?");
}

int lib_error(lua_State *L, const char *what, int code) {
  return luaL_error(L, "%s: %s", what, error_text(code));
}

int lib_expected(lua_State *L, const char *what, int code) {
  if (code == -SBX_EINTERRUPTED)
    return luaL_error(L, "interrupted!");
  if (code != -SBX_ETIMEDOUT && code != -SBX_ECLOSED)
    return lib_error(L, what, code);
  lua_pushnil(L);
  lua_pushstring(L, error_text(code));
  return 2;
}

int64_t lib_check_timeout(lua_State *L, struct lib *lib, int arg) {
  if (lua_isnoneornil(L, arg))
    return SBX_FOREVER;
  double seconds = luaL_checknumber(L, arg);
  luaL_argcheck(L, seconds >= 0, arg,
                isnan(seconds) ? "a timeout cannot be NaN" : "a timeout cannot be negative");
  return clock_run_deadline(lib->b->ops->clock(lib->b), seconds);
}

void lib_check_options(lua_State *L, int arg, const char *const names[]) {
  lua_pushnil(L);
  while (lua_next(L, arg)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    int i = 0;
    while (key && names[i] && strcmp(names[i], key) != 0)
      i++;
    if (!key || !names[i])
      luaL_argerror(L, arg,
                    lua_pushfstring(L, "unknown option '%s'", luaL_tolstring(L, -2, NULL)));
    lua_pop(L, 1);
  }
}

/* -- handles --------------------------------------------------------------------------------- */

struct handle *lib_check_handle(lua_State *L, int arg, const char *type) {
  struct handle *h = luaL_checkudata(L, arg, type);
  luaL_argcheck(L, h->object, arg, "the handle is empty");
  return h;
}

struct handle *lib_push_handle(lua_State *L, const char *type) {
  struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = (struct handle){0};
  luaL_setmetatable(L, type);
  return h;
}

static lua_Integer handle_key(struct lib *lib, const struct object *object) {
  struct object_ref ref;
  lib->b->ops->object_ref(object, &ref);
  return (lua_Integer)(ref.serial << 2 | ref.type); /* serials of processes and queues may be equal */
}

void lib_settle_handle(lua_State *L, struct lib *lib) {
  const struct handle *h = lua_touserdata(L, -1);
  lua_Integer key = handle_key(lib, h->object);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handles_key);
  lua_rawgeti(L, -1, key);
  const struct handle *older = lua_touserdata(L, -1);
  if (older && older->object) { /* finalized ones are found while the state closes */
    lua_replace(L, -3);
  } else {
    lua_pop(L, 1);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, key);
  }
  lua_pop(L, 1);
}

/* -- messages -------------------------------------------------------------------------------- */

static void land_all(struct lib *lib, struct buf *refs) {
  struct object_ref ref;
  for (size_t at = 0; at < refs->len; at += sizeof ref) {
    memcpy(&ref, refs->data + at, sizeof ref);
    lib->b->ops->object_landed(lib->b, &ref);
  }
  refs->len = 0;
}

void lib_sent(struct lib *lib) {
  lib->flying.len = 0;
  buf_clear(&lib->out, KEEP_BYTES);
}

void lib_not_sent(struct lib *lib) {
  land_all(lib, &lib->flying);
  buf_clear(&lib->out, KEEP_BYTES);
}

void lib_pause(lua_State *L, struct lib *lib) {
  if (lua_gc(L, LUA_GCISRUNNING) == 1) { /* 0: a script stopped it; -1: inside a finalizer */
    lua_gc(L, LUA_GCSTOP);
    lib->paused = true;
  }
}

void lib_resume(lua_State *L, struct lib *lib) {
  if (lib->paused)
    lua_gc(L, LUA_GCRESTART);
  lib->paused = false;
}

static void before_raise(lua_State *L) { lib_resume(L, lib_find(L)); }

void lib_encode(lua_State *L, struct lib *lib, int first, int count, const char *what) {
  lib_not_sent(lib); /* what an error left */
  lib_pause(L, lib);
  codec_encode(L, first, count, what, &lib->out);
  lib_resume(L, lib);
}

int lib_decode(lua_State *L, struct lib *lib, const void *data, size_t len, bool consuming) {
  lib->consuming = consuming;
  lib->landed.len = 0;
  lib_pause(L, lib);
  int n = codec_decode(L, data, len);
  lib_resume(L, lib);
  land_all(lib, &lib->landed);
  return n;
}

static bool export_handle(lua_State *L, int index, uint8_t ret[CODEC_HANDLE_BYTES]) {
  struct lib *lib = lib_find(L);
  struct handle *h = luaL_testudata(L, index, QUEUE_TYPE);
  struct object_ref ref;
  if (!h)
    h = luaL_testudata(L, index, PROCESS_TYPE);
  if (!h || !h->object)
    return false;
  if (buf_reserve(&lib->flying, sizeof ref))
    luaL_error(L, "not enough memory");
  int rc = lib->b->ops->object_export(lib->b, h->object, &ref);
  if (rc)
    luaL_error(L, "%s", error_text(rc));
  buf_append(&lib->flying, &ref, sizeof ref); /* there is room */
  memcpy(ret, &ref, CODEC_HANDLE_BYTES);
  return true;
}

static void import_handle(lua_State *L, const uint8_t bytes[CODEC_HANDLE_BYTES]) {
  struct lib *lib = lib_find(L);
  struct object_ref ref;
  memcpy(&ref, bytes, sizeof ref);
  luaL_checkstack(L, 4, NULL);
  struct handle *h = lib_push_handle(L, ref.type == OBJECT_QUEUE ? QUEUE_TYPE : PROCESS_TYPE);
  int rc = lib->consuming ? buf_append(&lib->landed, &ref, sizeof ref) : 0;
  if (rc == 0)
    rc = lib->b->ops->object_import(lib->b, &ref, &h->object);
  if (rc) {
    lib_resume(L, lib);
    luaL_error(L, "the message names a queue or process that cannot be reached: %s",
               error_text(rc));
  }
  lib_settle_handle(L, lib);
}

static_assert(sizeof(struct object_ref) == CODEC_HANDLE_BYTES, "a handle in a message is its ref");

/* -- time and machine ------------------------------------------------------------------------ */

static int l_sleep(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct op op = {.kind = OP_CLOCK_SLEEP, .locate = lib_locate, .locate_ctx = L};
  luaL_checknumber(L, 1);
  op.deadline_ns = lib_check_timeout(L, lib, 1);
  int rc = perform(lib->b, &op);
  return rc ? lib_expected(L, "sleep", rc) : 0;
}

static int l_now(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_pushnumber(L, clock_run_now(lib->b->ops->clock(lib->b)));
  return 1;
}

static int l_time(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_pushnumber(L, clock_run_time(lib->b->ops->clock(lib->b)));
  return 1;
}

/* The processors that this process may use, as `spawn{cpu=}` numbers them from 0. */
static int l_cpus(lua_State *L) {
  cpu_set_t set;
  lua_pushinteger(L, sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set));
  return 1;
}

/* -- interrupts ------------------------------------------------------------------------------ */

static void on_hook(lua_State *L, lua_Debug *ar) {
  struct lib *lib = lib_find(L);
  char where[WHERE_MAX];
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  lua_Debug here;
  if (lua_getstack(L, 0, &here) && lua_getinfo(L, "Sl", &here) && here.currentline > 0) {
    snprintf(where, sizeof where, "%.*s:%d", WHERE_MAX - 16, here.short_src, here.currentline);
    lib->b->ops->note_where(lib->b, where);
  }
  luaL_error(L, "interrupted!");
}

/* In the handler of SIGINT: lua_sethook is the one Lua function that may be called there (Lua manual, 4.7). */
static void on_interrupt(void *ctx) {
  struct lib *lib = ctx;
  lua_sethook(lib->current, on_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* -- opening --------------------------------------------------------------------------------- */

static int lib_gc(lua_State *L) {
  struct lib *lib = lua_touserdata(L, 1);
  if (lib->b && !lib->child && !lib->finished) { /* lua_close: the end of the script */
    lib->finished = true;
    lib->b->ops->wait_children(lib->b);
  }
  if (lib->b)
    lib->b->interrupted = NULL;
  buf_release(&lib->out);
  buf_release(&lib->in);
  buf_release(&lib->flying);
  buf_release(&lib->landed);
  return 0;
}

static struct lib *new_lib(lua_State *L, struct backend *b) {
  struct lib *lib = lua_newuserdatauv(L, sizeof *lib, 0);
  *lib = (struct lib){.b = b};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, lib_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &lib_key);
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &handles_key);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lib->current = lua_tothread(L, -1);
  lua_pop(L, 1);
  return lib;
}

/* math.random starts from the process's own seed. */
static void seed_random(lua_State *L, struct lib *lib) {
  uint64_t seed = lib->b->ops->seed(lib->b);
  int top = lua_gettop(L);
  lua_getglobal(L, LUA_MATHLIBNAME);
  if (lua_istable(L, -1) && lua_getfield(L, -1, "randomseed") == LUA_TFUNCTION) {
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, "sandbox.randomseed"); /* for children, whatever scripts do to math */
    lua_pushinteger(L, (lua_Integer)seed);
    lua_pushinteger(L, (lua_Integer)(seed >> 32 ^ seed << 32));
    lua_call(L, 2, 0);
  }
  lua_settop(L, top);
}

/* In a child os.exit must not run the exit handlers of the parent's C code, nor close its state. */
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
  static const char *const names[] = {"spawn",     "join",      "queue",
                                      "queue_put", "queue_get", "sleep"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lua_getfield(L, -1, names[i]);
    lua_setglobal(L, names[i]);
  }
}

int sandbox_lib_open(lua_State *L, struct backend *b) {
  static const luaL_Reg functions[] = {
      {"sleep", l_sleep}, {"now", l_now}, {"time", l_time}, {"cpus", l_cpus}, {NULL, NULL}};
  static const struct codec_hooks hooks = {export_handle, import_handle, before_raise};
  struct lib *lib = new_lib(L, b);
  codec_open(L, b->ops->key(b), &hooks);
  lua_createtable(L, 0, 24);
  int table = lua_gettop(L);
  lib_set_functions(L, functions);
  lua_pushlightuserdata(L, codec_null());
  lua_setfield(L, table, "null");
  lib_open_failure(L, table);
  lib_open_process(L, table);
  lib_open_queue(L, table);
  lib_open_guard(L);
  seed_random(L, lib);
  replace_exit(L, lib);
  set_globals(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, table);
  lua_setfield(L, -2, "sandbox");
  lua_pop(L, 1);
  lua_pushvalue(L, table);
  lua_setglobal(L, "sandbox");
  b->interrupted_ctx = lib;
  b->interrupted = on_interrupt;
  return 1;
}
