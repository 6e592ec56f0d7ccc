/* host/far_lua.c - see far_lua.h. */
#include "host/far_lua.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/error.h"
#include "host/far.h"
#include "lua/codec/codec.h"
#include "lua/state/child.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/prelude.h"
#include "net/link.h"
#include "net/net.h"
#include "object/calls.h"

int far_raise(lua_State *L, int rc) {
  lua_pushstring(L, error_text(rc));
  return lua_error(L);
}

/* The connection of this process; a child makes its own by itself. */
static struct engine *the_engine;

static struct engine *check_engine(lua_State *L) {
  int rc = the_engine ? 0 : engine_new(&far_setup.engine, &the_engine);
  if (rc)
    far_raise(L, rc);
  return the_engine;
}

/* -- hosts -------------------------------------------------------------------------------------------- */

struct host_list {
  struct host_info *hosts; /* owned */
  size_t count;
};

static int visit_name(void *ctx, const char *name) {
  struct host_list *list = ctx;
  struct host_info *grown = realloc(list->hosts, (list->count + 1) * sizeof *grown), h;
  bool found;
  if (!grown)
    return -SBX_ENOMEM;
  list->hosts = grown;
  int rc = host_look(the_engine, name, &h, &found);
  if (rc == 0 && found)
    grown[list->count++] = h;
  return rc;
}

static void push_host(lua_State *L, const struct host_info *h) {
  char why[ENGINE_WHY];
  lua_createtable(L, 0, 8);
  lua_pushstring(L, h->name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, h->life);
  lua_setfield(L, -2, "life");
  lua_pushinteger(L, h->slots);
  lua_setfield(L, -2, "slots");
  lua_pushinteger(L, h->cpus);
  lua_setfield(L, -2, "cpus");
  lua_pushinteger(L, h->processes);
  lua_setfield(L, -2, "processes");
  lua_pushboolean(L, h->age_ns < far_setup.lost_ns);
  lua_setfield(L, -2, "alive");
  if (!far_understands(h, why)) {
    lua_pushstring(L, why);
    lua_setfield(L, -2, "why");
  }
}

static int l_list(lua_State *L) {
  struct host_list list = {0};
  check_engine(L);
  int rc = host_names(the_engine, visit_name, &list);
  lua_settop(L, 0);
  lua_newtable(L); /* a lack of memory leaks the list, once */
  for (size_t i = 0; rc == 0 && i < list.count; i++) {
    push_host(L, &list.hosts[i]);
    lua_rawseti(L, 1, (lua_Integer)i + 1);
  }
  free(list.hosts);
  return rc ? far_raise(L, rc) : 1;
}

static int l_here(lua_State *L) {
  lua_pushstring(L, far_setup.here);
  return 1;
}

static int l_far(lua_State *L) {
  lua_pushboolean(L, far_setup.far);
  return 1;
}

/* -- a far process ---------------------------------------------------------------------------------------- */

/* Wait for the answer in a list, which stays there until it has come: it may be lost with its connection. Slices, so that an
 * interrupt comes through, which is raised in Lua. */
static int await_answer(lua_State *L, struct engine *e, const char *key) {
  struct engine_reply *r;
  enum { TRIES = 20 };
  int rc = 0;
  for (int i = 0; i < TRIES && !interrupt_came(L); i++) {
    const struct engine_arg args[] = {engine_text("BLMOVE"), engine_text(key),
                                      engine_text(key),      engine_text("LEFT"),
                                      engine_text("LEFT"),   engine_text("0.5")};
    rc = engine_call(e, sizeof args / sizeof *args, args, &r);
    if (rc == -SBX_EAGAIN)
      continue;
    if (rc)
      return far_raise(L, rc);
    bool came = engine_type(r) == ENGINE_BYTES;
    if (came)
      lua_pushlstring(L, engine_data(r), engine_len(r));
    engine_free(r);
    if (came) {
      far_forget(e, key);
      return 1;
    }
  }
  lua_pushnil(L);
  lua_pushliteral(L, "the process that spawned this one did not answer");
  return 2;
}

/* ask(name) -> what `answer` gave; nil, why */
static int l_ask(lua_State *L) {
  char up[ENGINE_KEY], key[ENGINE_KEY], draw[ENGINE_RUN];
  struct engine *e = check_engine(L);
  engine_draw_run(draw);
  far_key(up, far_setup.run, far_setup.id, "up");
  engine_key(key, far_setup.run, "module:%s", draw);
  lua_pushfstring(L, "%s %s", key, luaL_checkstring(L, 1));
  size_t len;
  const char *text = lua_tolstring(L, -1, &len);
  int rc = link_add(e, up, FAR_MODULE, text, len);
  return rc ? far_raise(L, rc) : await_answer(L, e, key);
}

/* queue(name or number) */
static int l_queue(lua_State *L) {
  struct lib *lib = lib_find(L);
  struct engine *e = check_engine(L);
  struct object_ref ref;
  bool found = false;
  uint64_t id = lua_type(L, 1) == LUA_TNUMBER ? (uint64_t)luaL_checkinteger(L, 1) : 0;
  int rc = net_find_queue(e, far_setup.run, id ? NULL : luaL_checkstring(L, 1), id, &ref, &found);
  if (rc)
    return far_raise(L, rc);
  if (!found)
    return 0;
  struct handle *h = lib_push_handle(L, OBJECT_QUEUE);
  if ((rc = op_handle_import(lib->b, &ref, &h->object)))
    return far_raise(L, rc);
  lib_settle_handle(L, lib);
  return 1;
}

/* -- opening ------------------------------------------------------------------------------------------------ */

void far_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"list", l_list}, {"here", l_here},   {"far", l_far},
                                       {"ask", l_ask},   {"queue", l_queue}, {NULL, NULL}};
  if (!far_setup.on)
    return;
  codec_know_standard(L);
  lua_pushstring(L, far_setup.here);
  lua_setfield(L, LUA_REGISTRYINDEX, HOST_KEY);
  if (far_setup.spread) {
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, SPREAD_KEY);
  }
  luaL_newlib(L, functions);
  luaL_setfuncs(L, far_stand_in, 0);
  lua_pushlightuserdata(L, lib_find(L));
  lua_pushcclosure(L, child_fail_as, 1);
  lua_setfield(L, -2, "fail");
  prelude_set(L, prelude_sources, "far");
}
