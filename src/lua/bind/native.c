/* lua/bind/native.c - see native.h. */
#include "lua/bind/native.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "lua/codec/codec.h"
#include "lua/state/feed.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/prelude.h"
#include "lua/state/traceback.h"

/* -- errors ---------------------------------------------------------------------------------- */

static int l_raise(lua_State *L) {
  char where[WHERE_MAX];
  luaL_checkstring(L, 1);
  lib_locate(L, where);
  lua_pushfstring(L, "%s: %s", where, lua_tostring(L, 1));
  return lua_error(L);
}

static int l_where(lua_State *L) {
  char where[WHERE_MAX];
  lib_locate(L, where);
  lua_pushstring(L, where);
  return 1;
}

/* -- objects --------------------------------------------------------------------------------- */

static int l_object(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  lib_protect(L, 1);
  lua_newuserdatauv(L, 0, 1);
  lua_insert(L, 1);
  lua_setiuservalue(L, 1, 1);
  lua_setmetatable(L, 1);
  return 1;
}

static int l_state(lua_State *L) {
  lua_settop(L, 2);
  if (lua_type(L, 1) != LUA_TUSERDATA || !lua_getmetatable(L, 1) || !lua_rawequal(L, 2, 3))
    return 0;
  lua_getiuservalue(L, 1, 1);
  return 1;
}

/* -- messages -------------------------------------------------------------------------------- */

/* send(q, timeout, ...) -> true; nil, "timeout". An error for a closed queue. */
static int l_send(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_QUEUE);
  int64_t deadline_ns = lib_check_timeout(L, lib, 2);
  lib_encode(L, lib, 3, lua_gettop(L) - 2, "value");
  return lib_put_encoded(L, lib, h, deadline_ns);
}

/* recv(q, timeout) -> ...; nil, "timeout"; nil, "closed" */
static int l_recv(lua_State *L) {
  struct lib *lib = lib_of(L);
  return lib_get_item(L, lib, lib_check_timeout(L, lib, 2), GET_ITEM);
}

/* protected: [what, values ...] -> [bytes, whether they name handles] */
static int encode_values(lua_State *L) {
  struct lib *lib = lib_find(L);
  const struct op op = {.kind = OP_NONE, .deadline_ns = SBX_FOREVER};
  lib_encode(L, lib, 2, lua_gettop(L) - 1, lua_tostring(L, 1));
  struct op_refs refs = lib_flying(lib, 0, lib->messages.flying.len);
  int rc = refs.count ? op_handle_export(lib->b, &op, refs.sent, refs.count) : 0;
  if (rc) {
    lib_sent(L, lib);
    return lib_expected(L, "send", rc);
  }
  lua_pushlstring(L, (const char *)lib->messages.out.data, lib->messages.out.len);
  lua_pushboolean(L, lib->messages.flying.len > 0);
  lib_sent(L, lib); /* the receiver of the bytes holds what they name */
  return 2;
}

/* encode(what, ...) -> bytes, handles; nil, message without position */
static int l_encode(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_pushcfunction(L, encode_values);
  lua_insert(L, 1);
  if (lib_try(L, lua_gettop(L) - 1, 2))
    return 2;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

static int l_decode(lua_State *L) {
  struct lib *lib = lib_of(L);
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  lib_pause(L, lib);
  buf_clear(&lib->messages.in, 0);
  if (buf_append(&lib->messages.in, bytes, len))
    return lib_error(L, "decode", -SBX_ENOMEM);
  return lib_decode(L, lib, &lib->messages.in);
}

static int l_pack(lua_State *L) {
  struct lib *lib = lib_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer first = luaL_checkinteger(L, 2);
  size_t count = (size_t)luaL_checkinteger(L, 3);
  lib_sent(L, lib); /* what an error left */
  lib_pause(L, lib);
  bool packed = codec_encode_list(L, 1, first, count, &lib->messages.out);
  if (packed)
    lua_pushlstring(L, (const char *)lib->messages.out.data, lib->messages.out.len);
  lib_sent(L, lib);
  return packed;
}

static int l_unpack(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_pushinteger(L, codec_decode_list(L, (const uint8_t *)bytes, len, 2, luaL_checkinteger(L, 3)));
  return 1;
}

/* -- lists and forks ------------------------------------------------------------------------- */

static int l_list(lua_State *L) {
  lua_createtable(L, (int)luaL_checkinteger(L, 1), 0);
  return 1;
}

static int l_place(lua_State *L) {
  lua_Integer at = luaL_checkinteger(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  for (int i = lua_gettop(L); i >= 3; i--)
    lua_rawseti(L, 1, at + i - 3);
  return 0;
}

static int l_hold(lua_State *L) {
  lua_pushinteger(L, interrupt_hold(L));
  return 1;
}

static int l_restore(lua_State *L) {
  interrupt_restore(L, (unsigned)luaL_checkinteger(L, 1));
  return 0;
}

/* upvalue 2: what it was before */
static int l_defer_end(lua_State *L) {
  interrupt_defer(lib_of(L), lua_toboolean(L, lua_upvalueindex(2)));
  return 0;
}

/* defer([whether]) -> an object whose `<close>` ends it. defer(false): inside a defer, code that
 * computes is interrupted again. */
static int l_defer(lua_State *L) {
  struct lib *lib = lib_of(L);
  bool defer = lua_isnone(L, 1) || lua_toboolean(L, 1);
  lua_settop(L, 0);
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushlightuserdata(L, lib);
  lua_pushboolean(L, lib->interrupts.deferred);
  lua_pushcclosure(L, l_defer_end, 2);
  lua_setfield(L, 2, "__close");
  lua_setmetatable(L, 1);
  interrupt_defer(lib, defer);
  return 1;
}

/* throws() -> how many interrupts were raised so far */
static int l_throws(lua_State *L) {
  lua_pushinteger(L, lib_of(L)->interrupts.throws);
  return 1;
}

/* pass(throws, error): raise the error again if it is an interrupt that came since then. */
static int l_pass(lua_State *L) {
  lua_settop(L, 2);
  if (interrupt_pass(lib_of(L), (uint32_t)luaL_checkinteger(L, 1)))
    return lua_error(L);
  return 0;
}

/* idle(whether): from now on this process, a worker of a pool, waits for a task; or has one. */
static int l_idle(lua_State *L) {
  lib_of(L)->life.idle = lua_toboolean(L, 1);
  return 0;
}

/* descendants(p, list): append the living descendants of a process. */
static int visit_descendant(void *ctx, struct object *p) { return buf_append(ctx, &p, sizeof p); }

static int l_descendants(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_PROCESS);
  luaL_checktype(L, 2, LUA_TTABLE);
  lib_pause(L, lib);
  buf_clear(&lib->messages.in, 1 << 16);
  int rc = op_process_descendants(
      lib->b, h->object, &(struct visitor){.visit = visit_descendant, .ctx = &lib->messages.in});
  lib_push_processes(L, lib, 2);
  lib_resume(L, lib);
  return rc ? lib_error(L, "descendants", rc) : 0;
}

/* expected(p): was it ended on purpose? */
static int l_expected(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct process_info info;
  int rc = op_process_look(lib->b, lib_check_handle(L, 1, OBJECT_PROCESS)->object, &info);
  if (rc)
    return lib_error(L, "expected", rc);
  lua_pushboolean(L, info.expected);
  return 1;
}

static int l_clean(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_settop(L, 1);
  traceback_clean(L);
  return 1;
}

/* ask(f, ...): call a predicate, which may not wait. Returns its first result. */
static int l_ask(lua_State *L) {
  struct lib *lib = lib_of(L);
  backend_ask(lib->b, true);
  int status = lua_pcall(L, lua_gettop(L) - 1, 1, 0);
  backend_ask(lib->b, false);
  return status == LUA_OK ? 1 : lua_error(L);
}

static int l_generation(lua_State *L) {
  lua_pushinteger(L, lib_of(L)->life.generation);
  return 1;
}

/* number(handle): by which people know it. Above that stands where it is, if it is in an engine. */
static int l_number(lua_State *L) {
  const struct handle *h = lib_any_handle(L, 1, NULL);
  struct object_ref ref;
  lib_arg_check(L, h && h->object, 1, "handle expected");
  lib_of(L)->b->objects->object_ref(h->object, &ref);
  lua_pushinteger(L, (lua_Integer)(ref.serial & (UINT32_MAX >> 1)));
  return 1;
}

/* other_hosts() -> the module far (host/far_lua.h); nil: there are none in this run */
static int l_other_hosts(lua_State *L) {
  if (prelude_has(L, prelude_sources, "far"))
    prelude_push(L, prelude_sources, "far");
  else
    lua_pushnil(L);
  return 1;
}

/* worlds() -> the module worlds (host/world_lua.h); nil: no other programs can be reached */
static int l_worlds(lua_State *L) {
  if (prelude_has(L, prelude_sources, "worlds"))
    prelude_push(L, prelude_sources, "worlds");
  else
    lua_pushnil(L);
  return 1;
}

/* -- stubs ----------------------------------------------------------------------------------- */

/* Once in a state: make the module `native`. */
static void open_native(lua_State *L) {
  static const luaL_Reg functions[] = {{"raise", l_raise},
                                       {"object", l_object},
                                       {"state", l_state},
                                       {"send", l_send},
                                       {"recv", l_recv},
                                       {"encode", l_encode},
                                       {"decode", l_decode},
                                       {"list", l_list},
                                       {"pack", l_pack},
                                       {"unpack", l_unpack},
                                       {"place", l_place},
                                       {"clean", l_clean},
                                       {"generation", l_generation},
                                       {"ask", l_ask},
                                       {"update", native_update},
                                       {"feed", feed_resume},
                                       {"look", native_look},
                                       {"unread", native_unread},
                                       {"task_failing", native_task_failing},
                                       {"task_failed", native_task_failed},
                                       {"task_joined", native_task_joined},
                                       {"where", l_where},
                                       {"hold", l_hold},
                                       {"restore", l_restore},
                                       {"defer", l_defer},
                                       {"throws", l_throws},
                                       {"pass", l_pass},
                                       {"idle", l_idle},
                                       {"descendants", l_descendants},
                                       {"ending", native_ending},
                                       {"number", l_number},
                                       {"expected", l_expected},
                                       {"chunk", native_chunk},
                                       {"begin", native_begin},
                                       {"run", native_run},
                                       {"packed", native_packed},
                                       {"results", native_results},
                                       {"abroad", native_abroad},
                                       {"put_run", native_put_run},
                                       {"get_run", native_get_run},
                                       {"named", native_named},
                                       {"loaded", native_loaded},
                                       {"set_global", native_set_global},
                                       {"other_hosts", l_other_hosts},
                                       {"worlds", l_worlds},
                                       {"mailbox", native_mailbox},
                                       {"post", native_post},
                                       {"receive", native_receive},
                                       {NULL, NULL}};
  lua_createtable(L, 0, sizeof functions / sizeof *functions);
  lib_set_functions(L, functions);
  lua_pushlightuserdata(L, select_late_mark());
  lua_setfield(L, -2, "late");
  lua_pushlightuserdata(L, feed_mark());
  lua_setfield(L, -2, "gave_way");
  prelude_set(L, prelude_sources, "native");
}

int native_call(lua_State *L, const char *module, const char *function) {
  if (!prelude_has(L, prelude_sources, "native"))
    open_native(L);
  return prelude_call(L, prelude_sources, module, function);
}

/* Upvalues: lib, module, function. */
static int call_stub(lua_State *L) {
  return native_call(L, lua_tostring(L, lua_upvalueindex(2)), lua_tostring(L, lua_upvalueindex(3)));
}

/* Push a stub and set it in the table at `table`. */
static void set_stub(lua_State *L, int table, const char *module, const char *function,
                     const char *as) {
  lua_pushlightuserdata(L, lib_find(L));
  lua_pushstring(L, module);
  lua_pushstring(L, function);
  lua_pushcclosure(L, call_stub, 3);
  lua_setfield(L, table, as);
}

/*
 * The metatables of objects that are tables with handles in them. They are there from the start, as
 * if they were loaded modules, so that they are sent by name (lua/codec/names.h). Their own module
 * fills in what is a stub here, when it is loaded.
 */
static void open_classes(lua_State *L) {
  static const struct {
    const char *name, *type, *module;
  } classes[] = {{"Deadline", "sandbox.deadline", "time"},
                 {"Team", "sandbox.team", "team"},
                 {"Monitor", "sandbox.monitor", "monitor"},
                 {"Topic", "sandbox.topic", "topic"},
                 {"World", "sandbox.world", "world"}};
  static const char *const events[] = {"__index", "__tostring"};
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_newtable(L);
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    lua_createtable(L, 0, 8);
    lua_pushstring(L, classes[i].type);
    lua_setfield(L, -2, "__name");
    for (size_t k = 0; k < sizeof events / sizeof *events; k++)
      set_stub(L, lua_gettop(L), classes[i].module, events[k], events[k]);
    if (i == 0)
      lib_find(L)->deadline_meta = lua_topointer(L, -1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, classes[i].name); /* loaded, classes, class */
    lua_setfield(L, -3, classes[i].type);
  }
  prelude_set(L, prelude_sources, "classes");
  lua_pop(L, 1);
}

/* Methods of handles that are stubs. */
static void open_methods(lua_State *L) {
  luaL_getmetatable(L, PROCESS_TYPE);
  lua_getfield(L, -1, "__index");
  lua_getupvalue(L, -1, 2); /* see process.c */
  set_stub(L, lua_gettop(L), "mail", "send", "send");
  lua_pop(L, 3);
  luaL_getmetatable(L, QUEUE_TYPE);
  lua_getfield(L, -1, "__index");
  set_stub(L, lua_gettop(L), "call", "call", "call");
  set_stub(L, lua_gettop(L), "call", "calls", "calls");
  set_stub(L, lua_gettop(L), "batch", "put_all", "put_all");
  set_stub(L, lua_gettop(L), "batch", "get_all", "get_all");
  lua_pop(L, 2);
}

void lib_open_native(lua_State *L, int table) {
  static const struct {
    const char *module, *function;
  } stubs[] = {{"wait", "join_all"},   {"wait", "as_completed"}, {"pool", "pool"},
               {"scope", "scope"},     {"time", "deadline"},     {"team", "team"},
               {"elsewhere", "hosts"}, {"mail", "receive"},      {"monitor", "monitor"},
               {"topic", "topic"},     {"world", "connect"}};
  for (size_t i = 0; i < sizeof stubs / sizeof *stubs; i++)
    set_stub(L, table, stubs[i].module, stubs[i].function, stubs[i].function);
  lib_set_functions_in(L, table, (const luaL_Reg[]){{"find", native_find}, {NULL, NULL}});
  open_classes(L);
  open_methods(L);
}
