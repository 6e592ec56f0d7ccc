/*
 * lua/state/guard.c - finalizers and the fork: a child runs the finalizers of its own objects, at
 * the latest at its end, and none of those that it inherited.
 *
 * A child has a copy of every object of its parent. If it collected one with a finalizer, the
 * finalizer would run twice: a file of the parent's would be closed, a line written again. So:
 *
 *   owner     An address tells whether an object is the child's own (arena_forked, base/arena.h).
 *             The state of a foreign host has no arena: its child gets one for all that is made
 *             from the fork on
 *   tables    get their finalizer from setmetatable, which is ours and keeps a weak list of them.
 *             In a child the parent's list becomes strong, so that none of these is ever collected.
 *             Objects that the parent's collector had taken out already, to finalize them soon, are
 *             pending in the child, too. So there the __gc of each metatable that was given to a
 *             table first asks whether the object is the child's own
 *   userdata  get their finalizer in C: the __gc of every named metatable asks in the same way.
 *             Those that get it from debug.setmetatable are treated like tables
 *
 * Handles of the library need neither: they hold nothing that outlives the process.
 *
 * A child never closes its state, which would touch every object of its parent's. At its end it
 * runs the finalizers of its own list. Userdata of modules in C are not in it: they keep what the
 * system does not take back when a process ends.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "lua/state/guard.h"
#include "lua/state/lib.h"
#include "lua/state/limit.h"

static const char guard_key; /* its address is a key of the registry */
static const char finalized_key;

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
  LIST = 1,   /* objects that this process gave a finalizer, oldest first; weak values */
  AGAIN,      /* objects that were listed although they had a finalizer already; weak */
  METATABLES, /* the metatables that gave finalizers to tables; weak keys */
  ANCHOR,     /* in a child: the lists of its parent and grandparents, strong; else nil */
  SETTER,     /* setmetatable, and debug.setmetatable: see set_list */
  DEBUG_SETTER,
  VALUES = DEBUG_SETTER
};

/* Upvalues of setmetatable and debug.setmetatable: so nothing is looked up by name, and what each
 * table with a finalizer needs is at hand. */
enum { UP_GUARD = 1, UP_GC_NAME, UP_METATABLES, UP_LIST };

static struct guard *guard_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  struct guard *g = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return g;
}

/* Was the object at this address, or with its payload there, made by this process? */
static bool is_own(const struct guard *g, const void *object) {
  return !g->child || arena_owns(g->arena, object);
}

/* -- tables ---------------------------------------------------------------------------------- */

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

/* Append the object to the list. Lua takes it out before its finalizer runs.
 *   list  index of the list, an upvalue of the running function; 0: fetch it from the guard */
static void note_finalizable(lua_State *L, int guard, int list, int object) {
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

/* Note a metatable that has a finalizer, in the table at index `metatables`. Leaves a value. */
static void note_metatable(lua_State *L, int metatables, int metatable) {
  lua_pushvalue(L, metatable);
  if (lua_rawget(L, metatables) == LUA_TNIL) {
    lua_pushvalue(L, metatable);
    lua_pushboolean(L, 1);
    lua_rawset(L, metatables);
  }
}

void guard_note_at(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  note_finalizable(L, lua_gettop(L), 0, index);
  lua_pop(L, 1);
}

/* Has the metatable at the top a finalizer? */
static bool has_gc(lua_State *L) {
  lua_pushliteral(L, "__gc");
  bool has = lua_rawget(L, -2) != LUA_TNIL;
  lua_pop(L, 1);
  return has;
}

/*
 * Is it certain that the object, which has a metatable with a finalizer, is in the list? The
 * metatable is no proof: it may have got its finalizer later. So the object is listed once more,
 * and that is remembered until Lua drops the entry (its values are weak, too), since the finalizer
 * is to run.
 */
static bool listed_again(lua_State *L, int guard, int object) {
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

/* Is it certain that the object, which has the metatable at index `had`, is in the list? */
static bool is_listed(lua_State *L, int guard, int object, int had) {
  lua_pushvalue(L, had);
  bool is = has_gc(L) && listed_again(L, guard, object);
  lua_pop(L, 1);
  return is;
}

void guard_setmetatable(lua_State *L, int index) {
  int object = lua_absindex(L, index), metatable = lua_gettop(L), type = lua_type(L, object);
  int guard = metatable + 1;
  if ((type == LUA_TTABLE || type == LUA_TUSERDATA) && lua_istable(L, metatable) && has_gc(L)) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key) != LUA_TNIL) {
      lua_getiuservalue(L, guard, METATABLES);
      note_metatable(L, guard + 1, metatable);
      if (!lua_getmetatable(L, object) || !is_listed(L, guard, object, lua_gettop(L)))
        note_finalizable(L, guard, 0, object);
    }
    lua_settop(L, metatable);
  }
  lua_setmetatable(L, object);
}

/* [object, metatable or nil] -> object. `had`: 3, the index of the metatable that it has; or 0. */
static inline int set_metatable(lua_State *L, bool may_have_gc, int had) {
  if (may_have_gc) {
    lua_pushvalue(L, lua_upvalueindex(UP_GC_NAME));
    if (lua_rawget(L, 2) != LUA_TNIL) {
      note_metatable(L, lua_upvalueindex(UP_METATABLES), 2);
      if (!had || !is_listed(L, lua_upvalueindex(UP_GUARD), 1, had))
        note_finalizable(L, lua_upvalueindex(UP_GUARD), lua_upvalueindex(UP_LIST), 1);
    }
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

/* Is there a field `__metatable` in the metatable at the top? */
static bool is_protected(lua_State *L) {
  lua_pushliteral(L, "__metatable");
  bool is = lua_rawget(L, -2) != LUA_TNIL;
  lua_pop(L, 1);
  return is;
}

/* setmetatable(t, mt), as the standard library has it. */
static int l_setmetatable(lua_State *L) {
  int t = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, t == LUA_TNIL || t == LUA_TTABLE, 2, "nil or table");
  lua_settop(L, 2);
  int had = lua_getmetatable(L, 1) ? 3 : 0;
  if (had && is_protected(L))
    return luaL_error(L, "cannot change a protected metatable");
  return set_metatable(L, t == LUA_TTABLE, had);
}

/* debug.setmetatable(v, mt), as the standard library has it. */
static int l_debug_setmetatable(lua_State *L) {
  int t = lua_type(L, 2), type = lua_type(L, 1);
  luaL_argexpected(L, t == LUA_TNIL || t == LUA_TTABLE, 2, "nil or table");
  lua_settop(L, 2);
  bool may_have_gc = t == LUA_TTABLE && (type == LUA_TTABLE || type == LUA_TUSERDATA);
  return set_metatable(L, may_have_gc, may_have_gc && lua_getmetatable(L, 1) ? 3 : 0);
}

/*
 * Make the parent's list strong, keep it for good beside those of the grandparents, and begin a new
 * one for the child's own objects. No walk through the list is needed: a collector in the middle of
 * its work looks through the list again before it clears anything, and what it has cleared is no
 * longer in it.
 */
static void anchor_tables(lua_State *L, struct guard *g) {
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

/* -- metatables ------------------------------------------------------------------------------ */

/* The __gc of a guarded metatable. Upvalue 1: the finalizer that it stands for. A script may call
 * it, too. */
static int guarded_gc(lua_State *L) {
  if ((lua_isuserdata(L, 1) || (lua_istable(L, 1) && lib_in_finalizer(L))) &&
      !is_own(guard_of(L), lua_topointer(L, 1)))
    return 0;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

bool guard_push_finalizer(lua_State *L, int index) {
  return lua_tocfunction(L, index) == guarded_gc && lua_getupvalue(L, index, 1);
}

/* Guard the finalizer of the metatable at the top. */
static void guard_metatable(lua_State *L) {
  lua_pushliteral(L, "__gc");
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TFUNCTION && lua_tocfunction(L, -1) != guarded_gc) {
    lua_pushcclosure(L, guarded_gc, 1);
    lua_rawset(L, -3);
  } else {
    lua_pop(L, 2);
  }
}

/* [name, value] Is the value a metatable that luaL_newmetatable made for another library? */
static bool is_foreign_type(lua_State *L) {
  if (!lua_istable(L, -1) || lua_type(L, -2) != LUA_TSTRING)
    return false;
  return strncmp(lua_tostring(L, -2), "sandbox.", 8) != 0;
}

/* In the parent: guard the metatables of userdata. The child inherits that. */
static void guard_types(lua_State *L) {
  for (lua_pushnil(L); lua_next(L, LUA_REGISTRYINDEX); lua_pop(L, 1))
    if (is_foreign_type(L))
      guard_metatable(L);
}

/* In a child: guard the metatables of its parent's tables. */
static void guard_noted(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  lua_getiuservalue(L, -1, METATABLES);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pop(L, 1);
    guard_metatable(L);
  }
  lua_pop(L, 2);
}

void guard_before_fork(lua_State *L, struct lib *lib) {
  luaL_checkstack(L, LUA_MINSTACK, "spawn");
  lib_pause(L, lib); /* a finalizer could change what is walked through */
  guard_types(L);
  lib_resume(L, lib);
}

/* -- memory ---------------------------------------------------------------------------------- */

/* lua_Alloc of a foreign host's child: a block of the host's allocator that is to grow moves to the
 * arena. */
static void *child_alloc(void *ud, void *block, size_t old, size_t size) {
  const struct guard *g = ud;
  if (!block || arena_holds(g->arena, block))
    return arena_resize(g->arena, block, old, size);
  void *moved = size > old ? arena_resize(g->arena, NULL, 0, size) : NULL;
  if (!moved)
    return size > old ? NULL : g->host(g->host_ud, block, old, size);
  memcpy(moved, block, old);
  g->host(g->host_ud, block, old, 0);
  return moved;
}

/* All blocks that exist now are inherited. */
static void divide_memory(lua_State *L, struct guard *g) {
  void *ud;
  lua_Alloc alloc = lua_getallocf(L, &ud);
  if (alloc == arena_resize)
    g->arena = ud;
  if (g->arena) {
    arena_forked(g->arena);
    limit_begin(lib_find(L), g->arena);
    return;
  }
  if (arena_open(&g->arena))
    luaL_error(L, "spawn: %s", error_text(SBX_ENOMEM));
  g->host = alloc;
  g->host_ud = ud;
  lua_setallocf(L, child_alloc, g);
}

void guard_enter_child(lua_State *L) {
  struct guard *g = guard_of(L);
  struct lib *lib = lib_find(L);
  lib_pause(L, lib); /* a step now would run finalizers of the parent */
  divide_memory(L, g);
  g->child = true;
  anchor_tables(L, g);
  guard_noted(L);
  lib_resume(L, lib);
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

/* [guard] Push setmetatable or debug.setmetatable, and keep it as a user value of the guard. */
static void push_setter(lua_State *L, lua_CFunction f, int value) {
  lua_pushvalue(L, -1);
  lua_pushliteral(L, "__gc");
  lua_getiuservalue(L, -2, METATABLES);
  lua_getiuservalue(L, -3, LIST);
  lua_pushcclosure(L, f, UP_LIST);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, value);
}

void lib_open_guard(lua_State *L) {
  int top = lua_gettop(L);
  /* In a foreign host's child this is the argument of the allocator. But that child leaves by
   * _exit, and never closes its state. */
  struct guard *g = lua_newuserdatauv(L, sizeof *g, VALUES);
  *g = (struct guard){0};
  static const char *const modes[] = {[LIST] = "v", [AGAIN] = "kv", [METATABLES] = "k"};
  for (int i = LIST; i <= METATABLES; i++) {
    lib_push_weak(L, modes[i], 0);
    lua_setiuservalue(L, -2, i);
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &guard_key);
  push_setter(L, l_setmetatable, SETTER);
  lua_setglobal(L, "setmetatable");
  if (lua_getglobal(L, LUA_DBLIBNAME) == LUA_TTABLE) {
    lua_insert(L, -2); /* debug guard */
    push_setter(L, l_debug_setmetatable, DEBUG_SETTER);
    lua_setfield(L, -3, "setmetatable");
  }
  lua_settop(L, top);
}
