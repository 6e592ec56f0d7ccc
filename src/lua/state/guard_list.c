/* lua/state/guard_list.c - the list of objects that a process is to finalize; see guard.c and guard_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "base/child_code.h"
#include "lua/state/guard_internal.h"
#include "lua/state/lib.h"

static const char finalized_key; /* its address is a key of the registry */

/* -- the list -------------------------------------------------------------------------------- */

/*
 * The list is an array that is never searched. An append is a store into a slot, and so it is cheap
 * (a table with holes would look for a free place in its hash part). When all slots are used, the
 * living objects move to the start; if they fill more than half, a longer list is made.
 */

/* [from, to] Move the living objects to the start of `to`, which may be `from` (`same`). Returns
 * how many they are. */
static lua_Integer move_alive(lua_State *L, lua_Integer noted, bool same) {
  lua_Integer alive = 0;
  for (lua_Integer i = 1; i <= noted; i++) {
    if (lua_rawgeti(L, -2, i) == LUA_TNIL) {
      lua_pop(L, 1);
      continue;
    }
    lua_rawseti(L, -2, ++alive);
    if (same && alive < i) {
      lua_pushnil(L);
      lua_rawseti(L, -2, i);
    }
  }
  return alive;
}

/* [list] Make it the list of the guard, and of the functions that append to it. */
static void set_list(lua_State *L, int guard) {
  for (int f = SETTER; f <= DEBUG_SETTER; f++) {
    if (lua_getiuservalue(L, guard, f) == LUA_TFUNCTION) {
      lua_pushvalue(L, -2);
      lua_setupvalue(L, -2, UP_LIST);
    }
    lua_pop(L, 1);
  }
  lua_setiuservalue(L, guard, LIST);
}

/* Making a list may run finalizers, which may append to the present one, or replace it. */
static void lengthen(lua_State *L, int guard, lua_Integer slots) {
  struct guard *g = lua_touserdata(L, guard);
  lib_push_weak(L, "v", (int)slots);
  lua_getiuservalue(L, guard, LIST);
  lua_insert(L, -2);
  g->noted = move_alive(L, g->noted, false);
  g->room = slots > g->noted ? slots : g->noted;
  set_list(L, guard);
  lua_pop(L, 1);
}

static void make_room(lua_State *L, int guard) {
  enum { LEAST = 64, MOST = 1 << 30 };
  struct guard *g = lua_touserdata(L, guard);
  lua_getiuservalue(L, guard, LIST);
  lua_pushvalue(L, -1);
  g->noted = move_alive(L, g->noted, true);
  lua_pop(L, 2);
  if (g->noted >= g->room / 2)
    lengthen(L, guard, g->room < LEAST ? LEAST : g->room > MOST / 2 ? MOST : 2 * g->room);
}

void guard_list_add(lua_State *L, int guard, int list, int object) {
  struct guard *g = lua_touserdata(L, guard);
  if (g->noted >= g->room)
    make_room(L, guard);
  if (!list)
    lua_getiuservalue(L, guard, LIST);
  lua_pushvalue(L, object);
  lua_rawseti(L, list ? list : -2, ++g->noted);
  if (!list)
    lua_pop(L, 1);
}

void guard_note_at(lua_State *L, int index) {
  if (!guard_of(L)->child)
    return;
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  guard_list_add(L, lua_gettop(L), 0, index);
  lua_pop(L, 1);
}

bool guard_list_has(lua_State *L, int guard, int object) {
  lua_getiuservalue(L, guard, AGAIN);
  lua_pushvalue(L, object);
  bool listed = lua_rawget(L, -2) != LUA_TNIL;
  if (!listed) {
    lua_pushvalue(L, object);
    lua_pushvalue(L, object);
    lua_rawset(L, -4);
  }
  lua_pop(L, 2);
  return listed;
}

CHILD_CODE
void guard_list_anchor(lua_State *L, struct guard *g) {
  if (g->noted == 0) /* nothing to touch */
    return;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  int guard = lua_gettop(L);
  lua_getiuservalue(L, guard, LIST);
  lua_pushnil(L);
  lua_setmetatable(L, -2);
  lua_getiuservalue(L, guard, ANCHOR);
  lua_rawseti(L, -2, 0); /* numbers begin with 1 */
  lua_setiuservalue(L, guard, ANCHOR);
  lib_push_weak(L, "v", 0);
  set_list(L, guard);
  lua_pop(L, 1);
  g->noted = g->room = 0;
}

/* -- the end of a child ---------------------------------------------------------------------- */

bool guard_has_own(lua_State *L) {
  const struct guard *g = guard_of(L);
  return g->child && g->noted > 0;
}

static int descending(const void *a, const void *b) {
  lua_Integer x = *(const lua_Integer *)a, y = *(const lua_Integer *)b;
  return (x < y) - (x > y);
}

/* [list] Push a table that keeps the process's own objects in the list alive (it may have given a
 * finalizer to inherited ones), then a userdata with their numbers, descending. Returns how
 * many. */
static size_t push_own(lua_State *L) {
  const struct guard *g = guard_of(L);
  size_t n = 0, cap = 0;
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) /* list kept key value */
    if (is_own(g, lua_topointer(L, -1))) {
      lua_pushvalue(L, -1);
      lua_rawseti(L, -4, lua_tointeger(L, -3));
      cap++;
    }
  lua_Integer *numbers = lua_newuserdatauv(L, cap * sizeof *numbers, 0);
  for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) /* kept numbers key value */
    numbers[n++] = lua_tointeger(L, -2);
  qsort(numbers, n, sizeof *numbers, descending);
  return n;
}

static void warn(lua_State *L) {
  const char *message = lua_tostring(L, -1);
  lua_warning(L, "error in __gc (", 1);
  lua_warning(L, message ? message : "error object is not a string", 1);
  lua_warning(L, ")", 0);
}

/* [object] Run its finalizer, if it has one. */
static void finalize(lua_State *L) {
  int object = lua_gettop(L);
  if (luaL_getmetafield(L, object, "__gc") == LUA_TNIL)
    return;
  lua_pushvalue(L, object);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    warn(L);
  lua_settop(L, object);
}

/* Push the set of objects that are finalized already: an object may be listed twice, and a
 * finalizer may call os.exit, which finalizes the rest. */
static void push_finalized(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &finalized_key) != LUA_TNIL)
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &finalized_key);
}

/* protected */
static int finalize_own(lua_State *L) {
  enum { DONE = 1, KEPT = 3, NUMBERS = 4 };
  push_finalized(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  lua_getiuservalue(L, -1, LIST);
  lua_remove(L, -2);
  size_t n = push_own(L);
  const lua_Integer *numbers = lua_touserdata(L, NUMBERS);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, KEPT, numbers[i]);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, DONE) == LUA_TNIL) {
      lua_pushvalue(L, NUMBERS + 1);
      lua_pushboolean(L, 1);
      lua_rawset(L, DONE);
      lua_settop(L, NUMBERS + 1);
      finalize(L);
    }
    lua_settop(L, NUMBERS);
  }
  return 0;
}

void guard_finalize(lua_State *L) {
  lua_pushcfunction(L, finalize_own);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK)
    lua_pop(L, 1); /* no memory for the list */
}
