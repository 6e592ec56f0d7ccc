/* lua/state/lib.c - what the files of the bindings share; see lib.h. */
#include "lua/state/lib.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/child_code.h"
#include "base/error.h"
#include "base/policy.h"
#include "base/stack.h"
#include "base/text.h"
#include "lua/state/guard.h"
#include "lua/state/interrupt.h"
#include "lua/state/limit.h"
#include "lua/state/masked.h"
#include "lua/state/prelude.h"
#include "lua/state/running.h"
#include "lua/state/state.h"

#define LIB_TYPE "sandbox.lib"

const char lib_randomseed_key, lib_stream_keys[2];
static const char lib_key, room_key; /* their addresses are keys of the registry */

CHILD_CODE
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

void lib_set_functions_in(lua_State *L, int table, const luaL_Reg *functions) {
  lua_pushvalue(L, table);
  lib_set_functions(L, functions);
  lua_pop(L, 1);
}

/* -- errors and arguments -------------------------------------------------------------------- */

/* The first function of the script from a level on; if there is none, the first of the library. */
static bool find_caller(lua_State *L, int level, lua_Debug *ar) {
  int own = -1;
  for (; lua_getstack(L, level, ar); level++) {
    lua_getinfo(L, "Sl", ar);
    if (ar->currentline > 0 && !prelude_owns(ar->source))
      return true;
    if (ar->currentline > 0 && own < 0)
      own = level;
  }
  if (own < 0)
    return false;
  lua_getstack(L, own, ar); /* the process runs nothing else: a pool's worker */
  return lua_getinfo(L, "Sl", ar);
}

bool lib_find_caller(lua_State *L, lua_Debug *ar) { return find_caller(L, 1, ar); }

bool lib_locate_from(lua_State *L, int level, char where[WHERE_MAX]) {
  lua_Debug ar;
  where[0] = '\0';
  if (!find_caller(L, level, &ar))
    return false;
  if (prelude_owns(ar.source)) {
    if (lib_find(L)->life.idle)
      text_copy(where, WHERE_MAX, WHERE_IDLE);
    return false;
  }
  char *at = text_copy(where, WHERE_MAX - 1 - TEXT_NUMBER_MAX, ar.short_src);
  *at++ = ':';
  text_number(at, ar.currentline);
  return true;
}

void lib_locate(void *ctx, char where[WHERE_MAX]) { running_locate(lib_find(ctx), ctx, 1, where); }

/* As Lua tells it. False: there is none. */
static bool find_place(lua_State *L, struct lib *lib, lua_Debug *ar) {
  lua_getinfo(L, "Sl", ar);
  if (ar->currentline > 0 && !prelude_owns(ar->source)) {
    site_keep(&lib->sites, ar);
    return true;
  }
  return lib_find_caller(L, ar) && !prelude_owns(ar->source);
}

void lib_find_place(lua_State *L, struct lib *lib, struct op *op, struct place *at) {
  lua_Debug *ar = &at->ar;
  static_assert(sizeof ar->short_src >= SOURCE_MAX, "what is copied of it");
  if (!lua_getstack(L, 1, ar))
    return;
  const struct site *known = site_find(&lib->sites, ar);
  if (known) {
    memcpy(ar->short_src, known->source,
           SOURCE_MAX); /* an answer in the middle of the op may find another */
    ar->currentline = known->line;
  } else if (!find_place(L, lib, ar)) {
    return;
  }
  at->of.source = ar->short_src;
  at->of.line = ar->currentline;
  op->place = &at->of;
}

const char *lib_say(lua_State *L, int index) {
  int type = lua_type(L, index);
  if (type == LUA_TNUMBER)
    return luaL_tolstring(L, index, NULL);
  if (type == LUA_TSTRING)
    return lua_pushfstring(L, "the string %s", lua_tostring(L, index));
  if (type == LUA_TNIL || type == LUA_TNONE)
    return "nil";
  if (type == LUA_TUSERDATA && luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
    return lua_pushfstring(L, "a %s", lua_tostring(L, -1));
  return lua_pushfstring(L, "a %s", luaL_typename(L, index));
}

int lib_raise(lua_State *L) {
  char where[WHERE_MAX];
  luaL_where(L, 1);
  if (lua_rawlen(L, -1) == 0 && lib_locate_from(L, 1, where)) { /* a metamethod that C has called */
    lua_pop(L, 1);
    lua_pushfstring(L, "%s: ", where);
  }
  lua_insert(L, -2);
  lua_concat(L, 2);
  return lua_error(L);
}

int lib_error(lua_State *L, const char *what, int code) {
  return luaL_error(L, "%s: %s", what, error_text(code));
}

int lib_expected(lua_State *L, const char *what, int code) {
  if (code == -SBX_EINTERRUPTED)
    return interrupt_raise(L, lib_find(L), false);
  if (code != -SBX_ETIMEDOUT && code != -SBX_ECLOSED && code != -SBX_EBROKEN)
    return lib_error(L, what, code);
  lua_pushnil(L);
  lua_pushstring(L, error_text(code));
  return 2;
}

bool lib_must_raise(const struct lib *lib, int status, uint32_t throws) {
  return status == LUA_ERRMEM ||
         (status != LUA_OK && lib->interrupts.throws != throws && lib->interrupts.came);
}

bool lib_try(lua_State *L, int args, int results) {
  const struct lib *lib = lib_find(L);
  uint32_t throws = lib->interrupts.throws;
  int status = lua_pcall(L, args, results, 0);
  if (lib_must_raise(lib, status, throws))
    lua_error(L);
  return status == LUA_OK;
}

int64_t lib_deadline(struct lib *lib, double seconds) {
  struct backend *b = lib->b;
  return clock_run_deadline(b->run->clock(b), b->run->now(b), seconds);
}

/* What is left of the sandbox.deadline at `arg` (prelude/time.lua), in seconds. False: it is
 * something else. */
static bool left_of_deadline(lua_State *L, const struct lib *lib, int arg, double *ret) {
  if (!lua_istable(L, arg) || !lua_getmetatable(L, arg))
    return false;
  bool is = lua_topointer(L, -1) == lib->deadline_meta;
  lua_pop(L, 1);
  if (!is)
    return false;
  struct backend *b = lib->b;
  lua_pushliteral(L, "at");
  lua_rawget(L, arg);
  double at = lua_tonumber(L, -1);
  double left = at - clock_run_now(b->run->clock(b), b->run->now(b));
  *ret = left > 0 ? left : 0;
  lua_pop(L, 1);
  return true;
}

double lib_check_seconds(lua_State *L, struct lib *lib, int arg) {
  double seconds;
  if (left_of_deadline(L, lib, arg, &seconds))
    return seconds;
  lib_arg_expected(L, lua_isnumber(L, arg), arg, "timeout in seconds");
  seconds = lua_tonumber(L, arg);
  lib_arg_check(L, seconds >= 0, arg,
                isnan(seconds) ? "a timeout cannot be NaN" : "a timeout cannot be negative");
  return seconds;
}

int64_t lib_check_timeout(lua_State *L, struct lib *lib, int arg) {
  return lua_isnoneornil(L, arg) ? SBX_FOREVER : lib_deadline(lib, lib_check_seconds(L, lib, arg));
}

int64_t lib_check_pause(lua_State *L, struct lib *lib, int arg) {
  double seconds;
  if (!left_of_deadline(L, lib, arg, &seconds))
    lib_arg_check(L, (seconds = lib_check_number(L, arg)) >= 0, arg,
                  "the seconds must be a number, 0 or more");
  return lib_deadline(lib, seconds);
}

void lib_no_more(lua_State *L, int most, const char *example) {
  for (int arg = most + 1; arg <= lua_gettop(L); arg++)
    if (!lua_isnil(L, arg))
      lib_arg_error(L, arg,
                    example
                        ? lua_pushfstring(
                              L, "there is no such argument; options go into a table: %s", example)
                        : "there is no such argument");
  lua_settop(L, most);
}

/* [key, value] Raise an error that names the key and the possible options. */
static void unknown_option(lua_State *L, int arg, const char *const names[]) {
  const char *key = masked_tolstring(L, -2, NULL);
  lua_pushfstring(L, "unknown option '%s'; there are %s", key, names[0]);
  for (int i = 1; names[i]; i++) {
    lua_pushfstring(L, ", %s", names[i]);
    lua_concat(L, 2);
  }
  lib_arg_error(L, arg, lua_tostring(L, -1));
}

void lib_check_options(lua_State *L, int arg, const char *const names[]) {
  lua_pushnil(L);
  while (lua_next(L, arg)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    int i = 0;
    while (key && names[i] && strcmp(names[i], key) != 0)
      i++;
    if (!key || !names[i])
      unknown_option(L, arg, names);
    lua_pop(L, 1);
  }
}

const char *lib_check_text(lua_State *L, int arg, const char *what) {
  if (lua_type(L, -1) != LUA_TSTRING)
    lib_arg_error(L, arg, lua_pushfstring(L, "%s must be a string", what));
  size_t len;
  const char *name = lua_tolstring(L, -1, &len);
  bool good = len > 0;
  for (size_t i = 0; i < len; i++)
    good = good && (unsigned char)name[i] >= ' ' && name[i] != 0x7f;
  if (!good)
    lib_arg_error(
        L, arg,
        lua_pushfstring(L, "%s must be text on one line, without control characters", what));
  return name;
}

bool lib_made_room(lua_State *L, int rc) {
  if (rc != -SBX_EMFILE && rc != -SBX_ENFILE && rc != -SBX_EOBJECTS && rc != -SBX_ERECORDS &&
      rc != -SBX_ENOMEM && rc != -SBX_ESTORE)
    return false;
  lua_gc(L, LUA_GCCOLLECT);
  return true;
}

int lib_perform_simply(lua_State *L, enum object_type type, enum op_kind kind, const char *what) {
  struct lib *lib = lib_of(L);
  const struct handle *h = lib_check_handle(L, 1, type);
  struct op op = {.kind = kind, .object = h->object, .deadline_ns = SBX_FOREVER};
  int rc = perform(lib->b, &op);
  if (rc)
    return lib_expected(L, what, rc);
  lua_pushboolean(L, 1);
  return 1;
}

/* -- the end --------------------------------------------------------------------------------- */

static int finish_pools(lua_State *L) { return prelude_call(L, prelude_sources, "pool", "finish"); }

CHILD_CODE
int lib_wait_children(lua_State *L, struct lib *lib, bool well) {
  if (lib->life.modules && prelude_has(L, prelude_sources, "pool")) {
    lua_pushcfunction(L, finish_pools);
    bool failed = lua_pcall(L, 0, 0, 0) != LUA_OK;
    if (failed)
      lua_pop(L, 1);
    if (failed && interrupt_came(L))
      return -SBX_EINTERRUPTED;
  }
  return op_process_await(lib->b, well);
}

/* -- making ---------------------------------------------------------------------------------- */

static int lib_gc(lua_State *L) {
  struct lib *lib = luaL_checkudata(L, 1, LIB_TYPE);
  if (lib->b && !lib->life.child && !lib->life.finished) { /* lua_close: the end of the script */
    lib->life.finished = true;
    lib_wait_children(L, lib, true);
  }
  if (lib->b) {
    lib->b->interrupted = lib->b->asked = NULL;
    lib->b->awake = NULL;
    lib->b->waited = NULL;
    lib->b->keeps = NULL;
    lib->b->keep_nothing = NULL;
  }
  sites_close(&lib->sites);
  messages_release(&lib->messages);
  buf_release(&lib->life.report);
  return 0;
}

void lib_protect(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (!policy_by_language(lib_find(L)->b->policy))
    return;
  lua_pushliteral(L, "__name");
  lua_rawget(L, index);
  lua_pushliteral(L, "__metatable");
  lua_insert(L, -2);
  lua_rawset(L, index);
}

void lib_push_weak(lua_State *L, const char *mode, int slots) {
  lua_createtable(L, slots, 0);
  lua_createtable(L, 0, 1);
  lua_pushstring(L, mode);
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

int lib_gather(lua_State *L) {
  enum { LEVELS = 20 }; /* of calls: the first collection frees half of what they leave */
  luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math,
                true); /* it ends with the random numbers' state */
  lua_newuserdatauv(L, sizeof(struct lib), 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &room_key);
  guard_new(L);
  child_make_thread(L, LEVELS);
  return 0;
}

/* The room for a lib, from lib_gather or anew. */
static struct lib *take_room(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &room_key) == LUA_TNIL) {
    lua_pop(L, 1);
    return lua_newuserdatauv(L, sizeof(struct lib), 0);
  }
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &room_key);
  return lua_touserdata(L, -1);
}

struct lib *lib_new(lua_State *L, struct backend *b) {
  struct lib *lib = take_room(L);
  *lib =
      (struct lib){.b = b, .life.streams = {stdout, stderr}, .life.stack_middle = stack_middle()};
  luaL_newmetatable(L, LIB_TYPE);
  lua_pushcfunction(L, lib_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &lib_key);
  lib_begin_handles(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *first = lua_tothread(L, -1);
  lib->running.current = first;
  lua_pop(L, 1);
  lib->near = state_is_own(L);
  if (lib->near)
    limit_begin(lib, state_arena(L));
  if (lib->near && !b->image) /* in an image only what the script does makes a difference */
    sites_open(&lib->sites, state_arena(L));
  if (lib->near) /* before there are other threads: each begins with a copy of what the first has */
    *(struct lib **)lua_getextraspace(first) = lib;
  child_begin(L, lib);
  return lib;
}
