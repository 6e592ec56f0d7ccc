/*
 * lua/state/guard_internal.h - what guard.c and guard_list.c share. No other file includes it.
 */
#ifndef SBX_LUA_STATE_GUARD_INTERNAL_H
#define SBX_LUA_STATE_GUARD_INTERNAL_H

#include <lua.h>
#include <stdbool.h>

#include "base/arena.h"
#include "lua/state/guard.h"

extern const char guard_key; /* its address is a key of the registry */

/* One in a Lua state: a userdata with these user values. */
struct guard {
  struct arena *arena; /* of this process's objects; NULL: the state of a foreign host, no child */
  lua_Alloc host;      /* a foreign host's allocator */
  void *host_ud;
  bool child;
  lua_Integer noted; /* entries in the list */
  lua_Integer room;  /* slots that it has */
};

enum {
  LIST = 1,   /* objects, oldest first; weak values. A child's own that have a finalizer; and of
               * another process those that have one and were without a metatable for a while */
  AGAIN,      /* objects that were listed although they had a finalizer already; weak */
  METATABLES, /* the metatables that gave finalizers; weak keys */
  LAST,       /* [1]: of these the last one, in a process that is no child; weak values */
  ANCHOR, /* in a child: what it never collects: the lists of its parent and grandparents, strong,
               * and inherited objects, as keys; may be nil */
  SETTER, /* setmetatable, and debug.setmetatable: see set_list */
  DEBUG_SETTER,
  VALUES = DEBUG_SETTER
};

/* Upvalues of setmetatable and debug.setmetatable: so nothing is looked up by name, and what each
 * table with a finalizer needs is at hand. */
enum { UP_GUARD = 1, UP_GC_NAME, UP_METATABLES, UP_LAST, UP_LIST };

static inline struct guard *guard_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  struct guard *g = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return g;
}

/* Was the object at this address, or with its payload there, made by this process? */
static inline bool is_own(const struct guard *g, const void *object) {
  return !g->child || arena_owns(g->arena, object);
}

/* -- guard_list.c ------------------------------------------------------------------------------ */

/* Append the object at index `object` to the list. Lua takes it out before its finalizer runs.
 *   guard  index of the guard
 *   list  index of the list, an upvalue of the running function; 0: fetch it from the guard */
void guard_list_add(lua_State *L, int guard, int list, int object);

/*
 * Is the object in the list? The metatable that it had is no proof: it may have got its finalizer
 * later. So the object is listed once more, and that is remembered until Lua drops the entry (its
 * values are weak, too), since the finalizer is to run.
 */
bool guard_list_has(lua_State *L, int guard, int object);

/*
 * Make the parent's list strong, keep it for good beside those of the grandparents, and begin a new
 * one for the child's own objects. No walk through the list is needed: a collector in the middle of
 * its work looks through the list again before it clears anything, and what it has cleared is no
 * longer in it.
 */
void guard_list_anchor(lua_State *L, struct guard *g);

#endif
