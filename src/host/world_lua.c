/* host/world_lua.c - see world_lua.h. */
#include "host/world_lua.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "host/far.h"
#include "lua/state/lib.h"
#include "lua/state/prelude.h"
#include "net/world.h"
#include "object/calls.h"
#include "os/outside.h"

/* A world that this process has; its children get a copy. */
struct joined {
  struct joined *next;
  struct net *net;
  struct net_keeper keeper;
  int holders; /* calls of join that were not closed */
};

static struct joined *all;
static struct net_below below;

static struct joined *find(uint32_t tag) {
  struct joined *w = all;
  while (w && net_options_of(w->net)->tag != tag)
    w = w->next;
  return w;
}

static bool same_engine(const struct engine_address *a, const struct engine_address *b) {
  return strcmp(a->host, b->host) == 0 && a->port == b->port && a->database == b->database &&
         strcmp(a->user, b->user) == 0 && strcmp(a->password, b->password) == 0;
}

static struct joined *find_by_name(const struct engine_options *e, const char *name) {
  struct joined *w = all;
  while (w && (strcmp(net_world_name(net_options_of(w->net)), name) != 0 ||
               !same_engine(&net_options_of(w->net)->engine.address, &e->address)))
    w = w->next;
  return w;
}

static void close_keeper(struct net_keeper *k) {
  close(k->births);
  close(k->life);
  close(k->ended);
}

/* Both are "world." and a name. One world has one tag; that two have the same is chance, 1 in NET_TAGS. */
static void tell_same_tag(const char *had, const char *wanted, char why[ENGINE_WHY]) {
  if (strcmp(had, wanted) == 0)
    snprintf(why, ENGINE_WHY, "this process has this world already, by another address");
  else
    snprintf(
        why, ENGINE_WHY,
        "%s and %s have drawn the same number by chance, so one process cannot have both: give "
        "one of them another name",
        had, wanted);
}

/* `why` is untouched for want of memory. */
static int join(struct backend *b, const struct engine_options *e, const char *name,
                struct joined **ret, char why[ENGINE_WHY]) {
  struct net_options o;
  struct joined *w = calloc(1, sizeof *w);
  int rc = w ? net_world_join(e, name, far_speaks(), &o, why) : -SBX_ENOMEM;
  below = (struct net_below){.ctx = b,
                             .sleep = outside_sleep,
                             .make = outside_make,
                             .drop = outside_drop,
                             .spare = outside_spare};
  const struct joined *other = rc == 0 ? find(o.tag) : NULL;
  if (other) {
    tell_same_tag(net_options_of(other->net)->run, o.run, why);
    rc = -SBX_EENGINE;
  }
  if (rc == 0)
    rc = net_keeper_start(&o, false, &below, &w->keeper);
  if (rc == 0) {
    o.keeper = w->keeper.births;
    rc = net_install(b, &o, &below, &w->net);
    if (rc)
      close_keeper(&w->keeper);
  }
  if (rc) {
    free(w);
    return rc;
  }
  w->next = all;
  *ret = all = w;
  return 0;
}

static int fail(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

static int l_join(lua_State *L) {
  struct lib *lib = lib_of(L);
  const char *url = luaL_checkstring(L, 1), *name = luaL_checkstring(L, 2);
  struct engine_options e = {.insecure = far_setup.engine.insecure};
  char why[ENGINE_WHY] = "", where[ENGINE_TEXT + 16];
  const char *missing;
  if (!engine_available(&missing))
    return fail(L, missing);
  if (!net_world_is_name(name)) {
    lua_pushnil(L);
    lua_pushfstring(L, "a world's name has 1 to %d letters, digits, \"-\", \"_\" and \".\"",
                    WORLD_NAME);
    return 2;
  }
  if (engine_parse(url, &e.address, why))
    return fail(L, why);
  struct joined *w = find_by_name(&e, name);
  int rc = w ? 0 : join(lib->b, &e, name, &w, why);
  if (rc)
    return fail(L, rc == -SBX_EENGINE && *why ? why : error_text(rc));
  w->holders++;
  lua_pushinteger(L, net_options_of(w->net)->tag);
  lua_pushstring(L, engine_name(&e.address, where));
  return 2;
}

static int l_make_in(lua_State *L) {
  struct joined *w = lua_isnoneornil(L, 1) ? NULL : find((uint32_t)luaL_checkinteger(L, 1));
  net_make_in(w ? w->net : NULL);
  lua_pushboolean(L, w || lua_isnoneornil(L, 1));
  return 1;
}

/* value(name): sandbox.value sets what it has made; here that may be an old one. */
static int l_value(lua_State *L) {
  struct lib *lib = lib_of(L);
  const struct sync_options o = {.type = OBJECT_VALUE, .name = luaL_checkstring(L, 1)};
  struct handle *h = lib_push_handle(L, OBJECT_VALUE);
  int rc = op_sync_new(lib->b, &o, &h->object);
  if (rc)
    return lib_error(L, "value", rc);
  lib_settle_handle(L, lib);
  return 1;
}

static int l_close(lua_State *L) {
  struct joined *w = find((uint32_t)luaL_checkinteger(L, 1)), **at = &all;
  if (!w || --w->holders > 0)
    return 0;
  while (*at != w)
    at = &(*at)->next;
  *at = w->next;
  net_depart(w->net, lua_toboolean(L, 2));
  net_release(w->net);
  close_keeper(&w->keeper);
  free(w);
  return 0;
}

void world_open(lua_State *L, const char *refused) {
  static const luaL_Reg functions[] = {{"join", l_join},
                                       {"make_in", l_make_in},
                                       {"value", l_value},
                                       {"close", l_close},
                                       {NULL, NULL}};
  lua_createtable(L, 0, 4);
  lib_set_functions(L, functions);
  lua_pushstring(L, refused);
  lua_setfield(L, -2, "refused");
  prelude_set(L, prelude_sources, "worlds");
}
