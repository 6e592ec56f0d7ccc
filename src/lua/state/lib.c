/* lua/state/lib.c - what the files of the bindings share; see lib.h. */
#include "lua/state/lib.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/policy.h"
#include "base/stack.h"
#include "base/text.h"
#include "lua/codec/codec.h"
#include "lua/state/interrupt.h"
#include "lua/state/limit.h"
#include "lua/state/masked.h"
#include "lua/state/prelude.h"
#include "lua/state/running.h"
#include "lua/state/state.h"

#define LIB_TYPE "sandbox.lib"

const char lib_randomseed_key, lib_stream_keys[2];
static const char lib_key, handles_key, types_key; /* their addresses are keys of the registry */

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

void lib_note_place(lua_State *L, struct op *op, struct place *at) {
  lua_Debug *ar = &at->ar;
  static_assert(sizeof ar->short_src >= SOURCE_MAX, "what is copied of it");
  if (!op_describe(op->kind)->past && op->kind != OP_CONDITION_WAIT) /* which takes a lock, too */
    return;
  if (!lua_getstack(L, 1, ar) || !lua_getinfo(L, "Sl", ar))
    return;
  if ((ar->currentline <= 0 || prelude_owns(ar->source)) &&
      (!lib_find_caller(L, ar) || prelude_owns(ar->source)))
    return;
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
  luaL_argexpected(L, lua_isnumber(L, arg), arg, "timeout in seconds");
  seconds = lua_tonumber(L, arg);
  luaL_argcheck(L, seconds >= 0, arg,
                isnan(seconds) ? "a timeout cannot be NaN" : "a timeout cannot be negative");
  return seconds;
}

int64_t lib_check_timeout(lua_State *L, struct lib *lib, int arg) {
  return lua_isnoneornil(L, arg) ? SBX_FOREVER : lib_deadline(lib, lib_check_seconds(L, lib, arg));
}

int64_t lib_check_pause(lua_State *L, struct lib *lib, int arg) {
  double seconds;
  if (!left_of_deadline(L, lib, arg, &seconds))
    luaL_argcheck(L, (seconds = luaL_checknumber(L, arg)) >= 0, arg,
                  "the seconds must be a number, 0 or more");
  return lib_deadline(lib, seconds);
}

/* [key, value] Raise an error that names the key and the possible options. */
static void unknown_option(lua_State *L, int arg, const char *const names[]) {
  const char *key = masked_tolstring(L, -2, NULL);
  lua_pushfstring(L, "unknown option '%s'; there are %s", key, names[0]);
  for (int i = 1; names[i]; i++) {
    lua_pushfstring(L, ", %s", names[i]);
    lua_concat(L, 2);
  }
  luaL_argerror(L, arg, lua_tostring(L, -1));
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
    luaL_argerror(L, arg, lua_pushfstring(L, "%s must be a string", what));
  size_t len;
  const char *name = lua_tolstring(L, -1, &len);
  bool good = len > 0;
  for (size_t i = 0; i < len; i++)
    good = good && (unsigned char)name[i] >= ' ' && name[i] != 0x7f;
  if (!good)
    luaL_argerror(
        L, arg,
        lua_pushfstring(L, "%s must be text on one line, without control characters", what));
  return name;
}

bool lib_made_room(lua_State *L, int rc) {
  if (rc != -SBX_EMFILE && rc != -SBX_EOBJECTS && rc != -SBX_ERECORDS && rc != -SBX_ENOMEM &&
      rc != -SBX_ESTORE)
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

/* -- handles --------------------------------------------------------------------------------- */

/* `q.put(v)` instead of `q:put(v)` is a common mistake. */
static bool called_as_field(lua_State *L) {
  lua_Debug ar;
  return lua_getstack(L, 0, &ar) && lua_getinfo(L, "n", &ar) && strcmp(ar.namewhat, "field") == 0;
}

static const char *metatable_name(enum object_type type) {
  static const char *const metatables[OBJECT_TYPES] = {
      [OBJECT_PROCESS] = PROCESS_TYPE, [OBJECT_QUEUE] = QUEUE_TYPE,
      [OBJECT_LOCK] = LOCK_TYPE,       [OBJECT_SEMAPHORE] = SEMAPHORE_TYPE,
      [OBJECT_EVENT] = EVENT_TYPE,     [OBJECT_CONDITION] = CONDITION_TYPE,
      [OBJECT_BARRIER] = BARRIER_TYPE, [OBJECT_VALUE] = VALUE_TYPE,
      [OBJECT_DICT] = DICT_TYPE,       [OBJECT_PROGRESS] = PROGRESS_TYPE,
      [OBJECT_LATCH] = LATCH_TYPE,     [OBJECT_PIPE] = PIPE_TYPE,
      [OBJECT_RWLOCK] = RWLOCK_TYPE,   [OBJECT_ARRAY] = ARRAY_TYPE,
  };
  return metatables[type];
}

const char *lib_type_name(enum object_type type) { return strchr(metatable_name(type), '.') + 1; }

struct handle *lib_check_handle_closely(lua_State *L, int arg, enum object_type type) {
  enum object_type is = OBJECT_NONE;
  struct handle *h = lib_any_handle(L, arg, &is);
  if (!h || is != type) {
    const char *hint = arg == 1 && called_as_field(L) ? "; call methods with a colon" : "";
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "%s expected, got %s%s", lib_type_name(type),
                                  luaL_typename(L, arg), hint));
  }
  if (!h->object)
    luaL_argerror(L, arg,
                  lib_push_request(L, arg) ? "the process was not started: call its start()"
                                           : "the handle is empty");
  return h;
}

/* types_key: a table from metatables to types of objects, and from types to metatables */

struct handle *lib_any_handle(lua_State *L, int arg, enum object_type *ret_type) {
  if (lua_type(L, arg) != LUA_TUSERDATA || !lua_getmetatable(L, arg))
    return NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &types_key);
  lua_insert(L, -2);
  lua_rawget(L, -2);
  lua_Integer type = lua_tointeger(L, -1);
  lua_pop(L, 2);
  if (ret_type)
    *ret_type = (enum object_type)type;
  return type ? lua_touserdata(L, arg) : NULL;
}

/* The object that the handle at `arg` names; serial 0: it is no handle. */
static struct object_ref ref_of(lua_State *L, int arg) {
  struct lib *lib = lib_of(L);
  struct object_ref ref = {0};
  const struct handle *h = lib_any_handle(L, arg, NULL);
  if (h && h->object)
    lib->b->objects->object_ref(h->object, &ref);
  return ref;
}

/* __eq of every type of handle: the same object, in any process. */
static int handle_eq(lua_State *L) {
  struct object_ref a = ref_of(L, 1), b = ref_of(L, 2);
  lua_pushboolean(L, a.serial != 0 && a.serial == b.serial && a.type == b.type);
  return 1;
}

void lib_next_item(lua_State *L, struct handle *h) {
  struct rest *r = h->rest;
  struct rest_size size;
  memcpy(&size, r->sizes.data + r->sizes_at, sizeof size);
  if (buf_reserve(&h->item, size.bytes + 1) || buf_reserve(&h->refs, size.refs + 1))
    lib_error(L, "get", -SBX_ENOMEM);
  buf_append(&h->item, r->bytes.data + r->bytes_at, size.bytes);
  if (size.refs)
    buf_append(&h->refs, r->refs.data + r->refs_at, size.refs);
  r->bytes_at += size.bytes;
  r->refs_at += size.refs;
  r->sizes_at += sizeof size;
  if (rest_is_empty(r))
    rest_clear(r);
}

static void rest_free(struct rest *r) {
  if (!r)
    return;
  buf_release(&r->bytes);
  buf_release(&r->refs);
  buf_release(&r->sizes);
  free(r);
}

/* Items that will not be decoded: nobody holds what they name. */
static void forget_items(struct lib *lib, struct handle *h) {
  lib_land(lib, &h->refs);
  if (rest_is_empty(h->rest) || h->rest->refs.len == 0)
    return;
  struct buf *refs = &h->rest->refs;
  memmove(refs->data, refs->data + h->rest->refs_at, refs->len - h->rest->refs_at);
  refs->len -= h->rest->refs_at;
  lib_land(lib, refs);
}

/* __gc of every type of handle: release the object. */
static int handle_gc(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_any_handle(L, 1, NULL);
  struct object *object = h ? h->object : NULL;
  if (!h)
    return 0;
  h->object = NULL; /* closed first, freed second */
  if (h->generation == lib->life.generation)
    forget_items(lib, h);
  op_handle_release(lib->b, object);
  buf_release(&h->item);
  buf_release(&h->refs);
  rest_free(h->rest);
  return 0;
}

/* The metatable at the top is that of a type of handles. */
static void set_handle_type(lua_State *L, enum object_type type) {
  static const luaL_Reg meta[] = {{"__eq", handle_eq}, {"__gc", handle_gc}, {NULL, NULL}};
  lib_set_functions(L, meta);
  lib_find(L)->metas[type] = lua_topointer(L, -1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &types_key);
  lua_pushvalue(L, -2);
  lua_pushinteger(L, (lua_Integer)type);
  lua_rawset(L, -3);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, (lua_Integer)type);
  lua_pop(L, 1);
}

void lib_open_type(lua_State *L, int table, enum object_type type, const luaL_Reg *methods,
                   const luaL_Reg *meta, const luaL_Reg *functions) {
  int count = 0;
  while (methods[count].name)
    count++;
  luaL_newmetatable(L, metatable_name(type));
  set_handle_type(L, type);
  if (meta)
    lib_set_functions(L, meta);
  lua_createtable(L, 0, count);
  lib_set_functions(L, methods);
  lua_setfield(L, -2, "__index");
  if (functions)
    lib_set_functions_in(L, table, functions);
}

static struct handle *push_handle(lua_State *L) {
  struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = (struct handle){0};
  return h;
}

struct handle *lib_push_handle(lua_State *L, enum object_type type) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &types_key);
  if (lua_rawgeti(L, -1, (lua_Integer)type) != LUA_TTABLE) {
    lua_pop(L, 2);
    return NULL;
  }
  lua_remove(L, -2);
  struct handle *h = push_handle(L);
  lua_insert(L, -2);
  h->meta = lua_topointer(L, -1);
  lua_setmetatable(L, -2);
  return h;
}

static lua_Integer handle_key(struct lib *lib, const struct object *object) {
  struct object_ref ref;
  lib->b->objects->object_ref(object, &ref);
  static_assert(OBJECT_TYPES <= 32, "a key has 5 bits for the type");
  return (lua_Integer)(ref.serial << 5 |
                       ref.type); /* a process and another object may have equal serials */
}

void lib_forget_handles(lua_State *L) {
  lib_push_weak(L, "v", 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &handles_key);
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

/* -- the end --------------------------------------------------------------------------------- */

static int finish_pools(lua_State *L) { return prelude_call(L, prelude_sources, "pool", "finish"); }

int lib_wait_children(lua_State *L, struct lib *lib) {
  if (lib->life.modules && prelude_has(L, prelude_sources, "pool")) {
    lua_pushcfunction(L, finish_pools);
    bool failed = lua_pcall(L, 0, 0, 0) != LUA_OK;
    if (failed)
      lua_pop(L, 1);
    if (failed && interrupt_came(L))
      return -SBX_EINTERRUPTED;
  }
  return op_process_await(lib->b);
}

/* -- making ---------------------------------------------------------------------------------- */

static int lib_gc(lua_State *L) {
  struct lib *lib = luaL_checkudata(L, 1, LIB_TYPE);
  if (lib->b && !lib->life.child && !lib->life.finished) { /* lua_close: the end of the script */
    lib->life.finished = true;
    lib_wait_children(L, lib);
  }
  if (lib->b) {
    lib->b->interrupted = lib->b->asked = NULL;
    lib->b->awake = NULL;
    lib->b->keeps = NULL;
    lib->b->keep_nothing = NULL;
  }
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

struct lib *lib_new(lua_State *L, struct backend *b) {
  struct lib *lib = lua_newuserdatauv(L, sizeof *lib, 0);
  *lib =
      (struct lib){.b = b, .life.streams = {stdout, stderr}, .life.stack_middle = stack_middle()};
  luaL_newmetatable(L, LIB_TYPE);
  lua_pushcfunction(L, lib_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &lib_key);
  lib_forget_handles(L);
  lua_createtable(L, OBJECT_TYPES, OBJECT_TYPES);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &types_key);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *first = lua_tothread(L, -1);
  lib->running.current = first;
  lua_pop(L, 1);
  lib->near = state_is_own(L);
  if (lib->near)
    limit_begin(lib, state_arena(L));
  if (lib->near) /* before there are other threads: each begins with a copy of what the first has */
    *(struct lib **)lua_getextraspace(first) = lib;
  return lib;
}
