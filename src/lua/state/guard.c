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
 *   tables    get their finalizer from setmetatable, which is ours and notes the metatable. In a
 *             child the __gc of each noted metatable first asks whether the object is the child's
 *             own; the collector may take what is not
 *   userdata  get their finalizer in C: the __gc of every named metatable asks in the same way.
 *             Those that get it from debug.setmetatable are treated like tables
 *
 * Handles of the library need neither: they hold nothing that outlives the process.
 *
 * Why noted metatables are enough:
 *   - Lua calls what stands in __gc when it finalizes an object, but finalizes only objects that had
 *     a metatable with a __gc when they got it. That metatable is noted, and lives as long as the
 *     object has it, also while the object waits to be finalized, as at the fork it may.
 *   - An object may change that metatable for another, whose __gc comes later: that one is noted, too.
 *     If it has none for a while, it is put into a weak list, which is strong in a child: so it is
 *     never collected there, whatever metatable it has by then (note_change).
 *   - A child may give an inherited object another metatable, maybe one of its own. From then on it
 *     never collects that object (keep).
 *   - A child may give a noted metatable another __gc. So in each round of the collector the __gc of
 *     noted metatables are looked at again, before any inherited object is finalized (watch_gc).
 *
 * A child never closes its state, which would touch every object of its parent's. So it has a list
 * of the objects to which it gave finalizers itself, and runs those at its end. A process that is no
 * child closes its state, and has no such list. Userdata of modules in C are not in the list: they
 * keep what the system does not take back when a process ends.
 */
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "lua/state/guard_internal.h"
#include "lua/state/lib.h"
#include "lua/state/limit.h"

const char guard_key;

static bool is_child(lua_State *L, int guard) {
  return ((const struct guard *)lua_touserdata(L, guard))->child;
}

/* -- setmetatable ---------------------------------------------------------------------------- */

/* Has the metatable at `index` a finalizer? */
static bool has_gc(lua_State *L, int index) {
  lua_pushvalue(L, index);
  lua_pushliteral(L, "__gc");
  bool has = lua_rawget(L, -2) != LUA_TNIL;
  lua_pop(L, 2);
  return has;
}

static bool is_noted(lua_State *L, int metatables, int metatable) {
  lua_pushvalue(L, metatable);
  bool is = lua_rawget(L, metatables) != LUA_TNIL;
  lua_pop(L, 1);
  return is;
}

static void note_metatable(lua_State *L, int metatables, int metatable) {
  if (is_noted(L, metatables, metatable))
    return;
  lua_pushvalue(L, metatable);
  lua_pushboolean(L, 1);
  lua_rawset(L, metatables);
}

/* In a child: never collect the inherited object from now on. Leaves a value. */
static void keep(lua_State *L, int guard, int object) {
  if (lua_getiuservalue(L, guard, ANCHOR) == LUA_TNIL) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, guard, ANCHOR);
  }
  lua_pushvalue(L, object);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
}

/* In a child: the object is to get a metatable with a finalizer instead of that at `had` (0: none).
 * Leaves values. */
static void note_object(lua_State *L, int guard, int list, int object, int had) {
  if (is_own(lua_touserdata(L, guard), lua_topointer(L, object))) {
    if (!had || !has_gc(L, had) || !guard_list_has(L, guard, object))
      guard_list_add(L, guard, list, object);
  } else if (had) {
    keep(L, guard, object);
  }
}

void guard_setmetatable(lua_State *L, int index) {
  int object = lua_absindex(L, index), metatable = lua_gettop(L), guard = metatable + 1;
  if (lua_istable(L, metatable) && has_gc(L, metatable)) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key) != LUA_TNIL) {
      lua_getiuservalue(L, guard, METATABLES);
      note_metatable(L, guard + 1, metatable);
      if (is_child(L, guard))
        note_object(L, guard, 0, object, 0);
    }
    lua_settop(L, metatable);
  }
  lua_setmetatable(L, object);
}

enum { OBJECT = 1, METATABLE, HAD }; /* what the functions have on the stack */

/* The object is about to get a metatable without a finalizer, or none, instead of that at HAD. But if
 * it was to be finalized, it still is. */
static void note_change(lua_State *L) {
  int metatables = lua_upvalueindex(UP_METATABLES), guard = lua_upvalueindex(UP_GUARD);
  if (lua_rawequal(L, HAD, METATABLE) || !(is_noted(L, metatables, HAD) || has_gc(L, HAD)))
    return;
  if (!is_own(lua_touserdata(L, guard), lua_topointer(L, OBJECT)))
    keep(L, guard, OBJECT);
  else if (lua_istable(L, METATABLE))
    note_metatable(L, metatables, METATABLE);
  else if (!guard_list_has(L, guard, OBJECT))
    guard_list_add(L, guard, lua_upvalueindex(UP_LIST), OBJECT);
}

/* The object is about to get a metatable with a finalizer. For the one that was noted last nothing is
 * to be done. */
static void note_gc(lua_State *L, int had) {
  int metatables = lua_upvalueindex(UP_METATABLES), guard = lua_upvalueindex(UP_GUARD);
  lua_rawgeti(L, lua_upvalueindex(UP_LAST), 1);
  if (lua_topointer(L, -1) == lua_topointer(L, METATABLE))
    return;
  note_metatable(L, metatables, METATABLE);
  if (is_child(L, guard)) {
    note_object(L, guard, lua_upvalueindex(UP_LIST), OBJECT, had);
  } else {
    lua_pushvalue(L, METATABLE);
    lua_rawseti(L, lua_upvalueindex(UP_LAST), 1);
  }
}

/* [object, metatable or nil] -> object. `had`: HAD, the index of the metatable that it has; or 0. */
static inline int set_metatable(lua_State *L, bool may_have_gc, int had) {
  if (may_have_gc) {
    lua_pushvalue(L, lua_upvalueindex(UP_GC_NAME));
    may_have_gc = lua_rawget(L, METATABLE) != LUA_TNIL;
  }
  if (may_have_gc)
    note_gc(L, had);
  else if (had)
    note_change(L);
  lua_settop(L, METATABLE);
  lua_setmetatable(L, OBJECT);
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
  lib_arg_expected(L, t == LUA_TNIL || t == LUA_TTABLE, 2, "nil or table");
  if (lua_gettop(L) > METATABLE)
    lua_settop(L, METATABLE);
  int had = lua_getmetatable(L, OBJECT) ? HAD : 0;
  if (had && is_protected(L))
    return luaL_error(L, "cannot change a protected metatable");
  return set_metatable(L, t == LUA_TTABLE, had);
}

/* debug.setmetatable(v, mt), as the standard library has it. */
static int l_debug_setmetatable(lua_State *L) {
  int t = lua_type(L, 2), type = lua_type(L, 1);
  lib_arg_expected(L, t == LUA_TNIL || t == LUA_TTABLE, 2, "nil or table");
  lua_settop(L, METATABLE);
  bool is_object = type == LUA_TTABLE || type == LUA_TUSERDATA;
  int had = is_object && lua_getmetatable(L, OBJECT) ? HAD : 0;
  return set_metatable(L, is_object && t == LUA_TTABLE, had);
}

/* -- metatables ------------------------------------------------------------------------------ */

/* Is the finalizer of a table called by the collector, or by a script? Lua before 5.4.4 does not
 * tell; there a script's call counts as the collector's. */
static bool collector_calls(lua_State *L) {
  return LUA_VERSION_RELEASE_NUM < 50404 || lib_in_finalizer(L);
}

/* The __gc of a guarded metatable. Upvalue 1: the finalizer that it stands for. */
static int guarded_gc(lua_State *L) {
  if ((lua_isuserdata(L, 1) || lua_istable(L, 1)) && !is_own(guard_of(L), lua_topointer(L, 1)) &&
      (lua_isuserdata(L, 1) || collector_calls(L)))
    return 0;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

bool guard_push_finalizer(lua_State *L, int index) {
  return lua_tocfunction(L, index) == guarded_gc && lua_getupvalue(L, index, 1);
}

/* Guard the finalizer of the metatable at the top, if it can be called (a table may have __call). */
static void guard_metatable(lua_State *L) {
  lua_pushliteral(L, "__gc");
  lua_pushvalue(L, -1);
  int type = lua_rawget(L, -3);
  if ((type == LUA_TFUNCTION && lua_tocfunction(L, -1) != guarded_gc) || type == LUA_TTABLE ||
      type == LUA_TUSERDATA) {
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

/* In a child: guard the noted metatables that it inherited. Returns whether there are any. */
static bool guard_noted(lua_State *L, const struct guard *g) {
  bool any = false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  lua_getiuservalue(L, -1, METATABLES);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pop(L, 1);
    if (!is_own(g, lua_topointer(L, -1))) {
      guard_metatable(L);
      any = true;
    }
  }
  lua_pop(L, 2);
  return any;
}

/*
 * The __gc of the watch, an object of a child's that is always garbage. What one round of the
 * collector finds is finalized in the reverse order in which it got its metatable (manual, 2.5.3).
 * The watch gets it later than anything inherited, and each round again; so in each round this runs
 * before the finalizers of inherited objects, and guards what the child has changed.
 * A __gc that is changed between the two, by a finalizer of an object of the child's own or while
 * the collector pauses, is guarded in the next round only. So what the child has put there itself may run for an
 * inherited object: a call that it could have made. What the parent put there, and files of the parent's, cannot come
 * to that: a guarded __gc stays guarded, wherever it is put.
 */
static int watch_gc(lua_State *L) {
  const struct guard *g = guard_of(L);
  if (is_own(g, lua_topointer(L, 1)) && lua_getmetatable(L, 1)) { /* a child's child has its own */
    lua_setmetatable(L, 1);
    guard_noted(L, g);
  }
  return 0;
}

static void begin_watch(lua_State *L) {
  lua_newuserdatauv(L, 1, 0); /* not empty: its payload lies in its block */
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, watch_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

/* In a child: nothing was noted last, since each of its objects is to be listed. */
static void forget_last(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
  lua_getiuservalue(L, -1, LAST);
  lua_pushnil(L);
  lua_rawseti(L, -2, 1);
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
  guard_list_anchor(L, g);
  if (guard_noted(L, g)) { /* else nothing is touched */
    forget_last(L);
    begin_watch(L);
  }
  lib_resume(L, lib);
}

/* [guard] Push setmetatable or debug.setmetatable, and keep it as a user value of the guard. */
static void push_setter(lua_State *L, lua_CFunction f, int value) {
  lua_pushvalue(L, -1);
  lua_pushliteral(L, "__gc");
  lua_getiuservalue(L, -2, METATABLES);
  lua_getiuservalue(L, -3, LAST);
  lua_getiuservalue(L, -4, LIST);
  lua_pushcclosure(L, f, UP_LIST);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, value);
}

void guard_new(lua_State *L) {
  /* In a foreign host's child this is the argument of the allocator. But that child leaves by
   * _exit, and never closes its state. */
  struct guard *g = lua_newuserdatauv(L, sizeof *g, VALUES);
  *g = (struct guard){0};
  lua_rawsetp(L, LUA_REGISTRYINDEX, &guard_key);
}

void lib_open_guard(lua_State *L) {
  int top = lua_gettop(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key) == LUA_TNIL) {
    guard_new(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
    lua_replace(L, top + 1);
  }
  static const char *const modes[] = {
      [LIST] = "v", [AGAIN] = "kv", [METATABLES] = "k", [LAST] = "v"};
  for (int i = LIST; i <= LAST; i++) {
    lib_push_weak(L, modes[i], i == LAST);
    lua_setiuservalue(L, -2, i);
  }
  push_setter(L, l_setmetatable, SETTER);
  lua_setglobal(L, "setmetatable");
  if (lua_getglobal(L, LUA_DBLIBNAME) == LUA_TTABLE) {
    lua_insert(L, -2); /* debug guard */
    push_setter(L, l_debug_setmetatable, DEBUG_SETTER);
    lua_setfield(L, -3, "setmetatable");
  }
  lua_settop(L, top);
}
