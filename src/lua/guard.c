/*
 * lua/guard.c - finalizers and the fork: a child runs those of its own objects, at the latest at
 * its end, and none of those that it inherited.
 *
 * A child has a copy of every object of its parent. If it collected one with a finalizer, that
 * would run twice: a file closed under the parent's feet, a line written again. So:
 *
 *   tables    get their finalizer by setmetatable, which is ours: it keeps a weak list of them. A
 *             child anchors the whole list for good
 *   userdata  get theirs in C. The allocator is told which blocks become userdata, so a child notes
 *             those that are its own, and the __gc of every named metatable asks before it runs
 *
 * Handles of the library need neither: they hold nothing that outlives the process.
 *
 * A child never closes its state: that would touch every object of its parent's. At its end it runs
 * the finalizers of what stands in the list behind the parent's part. Userdata of modules in C are
 * not there: what the system does not take back when the process ends, they keep.
 */
#include <stdlib.h>
#include <string.h>

#include "lua/guard.h"
#include "lua/lib.h"

static const char finalizable_key, again_key, anchor_key, set_key;

static struct guard *guard_of(lua_State *L);
static lua_Integer next_number(struct guard *g);

/* -- tables ---------------------------------------------------------------------------------- */

/* Append the value at `index` to the list. Its values are weak: Lua takes one out before its
 * finalizer runs. */
static void note_finalizable(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &finalizable_key);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, next_number(guard_of(L)));
  lua_pop(L, 1);
}

void guard_note(lua_State *L) { note_finalizable(L, -1); }

/* Has the metatable at the top a finalizer? */
static bool has_gc(lua_State *L) {
  lua_pushliteral(L, "__gc");
  bool has = lua_rawget(L, -2) != LUA_TNIL;
  lua_pop(L, 1);
  return has;
}

/*
 * Is the table at `index`, which has a metatable with a finalizer, in the list for sure? That it
 * has one is no proof: the finalizer may have come later. So it is listed once more, and
 * remembered, until Lua forgets it (the values are weak, too) because its finalizer is to run.
 */
static bool listed_again(lua_State *L, int index) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &again_key);
  lua_pushvalue(L, index);
  bool listed = lua_rawget(L, -2) != LUA_TNIL;
  if (!listed) {
    lua_pushvalue(L, index);
    lua_pushvalue(L, index);
    lua_rawset(L, -4);
  }
  lua_pop(L, 2);
  return listed;
}

void guard_setmetatable(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (lua_istable(L, -1) && lua_istable(L, index) && has_gc(L) && guard_of(L)) {
    bool listed = lua_getmetatable(L, index);
    if (listed) {
      listed = has_gc(L) && listed_again(L, index);
      lua_pop(L, 1);
    }
    if (!listed)
      note_finalizable(L, index);
  }
  lua_setmetatable(L, index);
}

/* setmetatable(t, mt), as the standard library has it. */
static int l_setmetatable(lua_State *L) {
  int t = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, t == LUA_TNIL || t == LUA_TTABLE, 2, "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  lua_settop(L, 2);
  guard_setmetatable(L, 1);
  return 1;
}

/* debug.setmetatable(v, mt), likewise. */
static int l_debug_setmetatable(lua_State *L) {
  int t = lua_type(L, 2);
  luaL_argexpected(L, t == LUA_TNIL || t == LUA_TTABLE, 2, "nil or table");
  lua_settop(L, 2);
  guard_setmetatable(L, 1);
  return 1;
}

static void anchor_tables(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &finalizable_key);
  lua_pushnil(L);
  if (!lua_next(L, -2)) { /* none: nothing to touch */
    lua_pop(L, 1);
    return;
  }
  lua_pop(L, 2);
  lua_newtable(L); /* strong: array of what is anchored, of the parent's anchors first */
  lua_rawgetp(L, LUA_REGISTRYINDEX, &anchor_key);
  lua_rawseti(L, -2, 1);
  lua_Integer n = 1;
  lua_pushnil(L);
  while (lua_next(L, -3))
    lua_rawseti(L, -3, ++n);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &anchor_key);
  lua_pop(L, 1);
}

/* -- userdata -------------------------------------------------------------------------------- */

/* The userdata that this process made: a set of addresses, open addressing. A stale entry does no
 * harm: what stands at an address that was handed out since the fork is not older than the fork. */
struct own_set {
  lua_Alloc alloc; /* the state's allocator before this one */
  void *alloc_ud;
  void **slots;
  size_t count, cap; /* cap is a power of two */
  bool lost; /* no memory to note one: from then on nothing is finalized, which is the safe side */
};

static size_t slot_of(const struct own_set *s, const void *p) {
  size_t i = (size_t)(((uintptr_t)p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (s->cap - 1);
  while (s->slots[i] && s->slots[i] != p)
    i = (i + 1) & (s->cap - 1);
  return i;
}

static void grow(struct own_set *s) {
  struct own_set bigger = {.cap = s->cap ? 2 * s->cap : 64};
  bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
  if (!bigger.slots) {
    s->lost = true;
    return;
  }
  for (size_t i = 0; i < s->cap; i++)
    if (s->slots[i])
      bigger.slots[slot_of(&bigger, s->slots[i])] = s->slots[i];
  free(s->slots);
  s->slots = bigger.slots;
  s->cap = bigger.cap;
}

static void note(struct own_set *s, void *p) {
  if (2 * s->count >= s->cap)
    grow(s);
  if (s->lost)
    return;
  size_t i = slot_of(s, p);
  s->count += s->slots[i] == NULL;
  s->slots[i] = p;
}

/* For a new object `osize` is its type (lua_Alloc in the manual). */
static void *noting_alloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  struct own_set *s = ud;
  void *p = s->alloc(s->alloc_ud, ptr, osize, nsize);
  if (!ptr && p && osize == LUA_TUSERDATA)
    note(s, p);
  return p;
}

/*
 * lua_touserdata points behind the block's header, whose size is Lua's own business: measured once
 * with a userdata whose block and payload are both known.
 */
struct probe {
  lua_Alloc alloc;
  void *ud, *block;
};

static void *probing_alloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  struct probe *p = ud;
  void *block = p->alloc(p->ud, ptr, osize, nsize);
  if (!ptr && osize == LUA_TUSERDATA)
    p->block = block;
  return block;
}

static size_t header_bytes(lua_State *L, int user_values) {
  struct probe p = {0};
  p.alloc = lua_getallocf(L, &p.ud);
  lua_setallocf(L, probing_alloc, &p);
  char *payload = lua_newuserdatauv(L, 16, user_values);
  lua_setallocf(L, p.alloc, p.ud);
  lua_pop(L, 1);
  return (size_t)(payload - (char *)p.block);
}

enum {
  USER_VALUES = 4
}; /* headers measured for 0 to 3 user values; more are taken as not our own */

struct guard {
  struct own_set own;
  size_t header[USER_VALUES];
  bool entered;
  lua_Integer noted,
      inherited; /* numbers in the list: the last one, and the last of the parent's */
};

static lua_Integer next_number(struct guard *g) { return ++g->noted; }

static struct guard *guard_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &set_key);
  struct guard *g = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return g;
}

static bool is_own(const struct guard *g, char *payload) {
  for (int i = 0; i < USER_VALUES && g->own.cap; i++) {
    void *block = payload - g->header[i];
    if (g->own.slots[slot_of(&g->own, block)] == block)
      return true;
  }
  return false;
}

/* The __gc of a named metatable. Upvalue 1: the finalizer that was there. */
static int guarded_gc(lua_State *L) {
  const struct guard *g = guard_of(L);
  bool inherits = g->entered && lua_isuserdata(L, 1);
  if (inherits && (g->own.lost || !is_own(g, lua_touserdata(L, 1))))
    return 0;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}

/* Is the value at the top a metatable that luaL_newmetatable made (it has its own name), and not of
 * this library? */
static bool is_foreign_type(lua_State *L) {
  if (!lua_istable(L, -1) || lua_type(L, -2) != LUA_TSTRING)
    return false;
  return strncmp(lua_tostring(L, -2), "sandbox.", 8) != 0;
}

static void guard_metatables(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, LUA_REGISTRYINDEX)) {
    if (is_foreign_type(L)) {
      lua_pushliteral(L, "__gc");
      if (lua_rawget(L, -2) == LUA_TFUNCTION && lua_tocfunction(L, -1) != guarded_gc) {
        lua_pushcclosure(L, guarded_gc, 1);
        lua_setfield(L, -2, "__gc");
      } else {
        lua_pop(L, 1);
      }
    }
    lua_pop(L, 1);
  }
}

void guard_before_fork(lua_State *L, struct lib *lib) {
  luaL_checkstack(L, LUA_MINSTACK, "spawn");
  lib_pause(L, lib); /* a finalizer could change what is walked through */
  guard_metatables(L);
  lib_resume(L, lib);
}

void guard_enter_child(lua_State *L) {
  struct guard *g = guard_of(L);
  struct lib *lib = lib_find(L);
  lib_pause(L, lib); /* a step now would run what must not run */
  anchor_tables(L);
  if (!g->entered) {
    g->own.alloc = lua_getallocf(L, &g->own.alloc_ud);
    lua_setallocf(L, noting_alloc, &g->own);
    g->entered = true;
  }
  /* What the parent made itself is inherited, too. */
  if (g->own.slots)
    memset(g->own.slots, 0, g->own.cap * sizeof *g->own.slots);
  g->own.count = 0;
  g->inherited = g->noted;
  lib_resume(L, lib);
}

/* -- the end of a child ---------------------------------------------------------------------- */

bool guard_has_own(lua_State *L) {
  const struct guard *g = guard_of(L);
  return g->entered && g->noted > g->inherited;
}

static int descending(const void *a, const void *b) {
  lua_Integer x = *(const lua_Integer *)a, y = *(const lua_Integer *)b;
  return (x < y) - (x > y);
}

/* [list] Push a userdata, the numbers of what is this process's in the list, and a table that keeps
 * it alive. Returns how many. */
static size_t push_own(lua_State *L, lua_Integer inherited) {
  size_t n = 0, cap = 0;
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) /* list kept key value */
    if (lua_tointeger(L, -2) > inherited) {
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

/* [list] Push a table to note what is done. An object may be listed twice: that of the parent's are
 * not to be finalized, wherever they stand. */
static void push_done(lua_State *L, lua_Integer inherited) {
  int list = lua_gettop(L);
  lua_newtable(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &again_key);
  lua_pushnil(L);
  if (lua_next(L, -2)) /* else nothing is listed twice */
    for (lua_pushnil(L); lua_next(L, list);) {
      lua_pushboolean(L, lua_tointeger(L, -2) <= inherited); /* key value done? */
      if (lua_toboolean(L, -1))
        lua_rawset(L, list + 1);
      else
        lua_pop(L, 2);
    }
  lua_settop(L, list + 1);
}

/* protected */
static int finalize_own(lua_State *L) {
  lua_Integer inherited = guard_of(L)->inherited;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &finalizable_key);
  push_done(L, inherited);
  lua_insert(L, 1); /* done list */
  size_t n = push_own(L, inherited);
  const lua_Integer *numbers = lua_touserdata(L, 4);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 3, numbers[i]);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, 1) == LUA_TNIL) {
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      lua_pushboolean(L, 1);
      lua_rawset(L, 1);
      finalize(L);
    }
    lua_settop(L, 4);
  }
  return 0;
}

void guard_finalize(lua_State *L) {
  lua_pushcfunction(L, finalize_own);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK)
    lua_pop(L, 1); /* no memory for the list */
}

/* A new table with weak keys, values or both, in the registry. */
static void open_weak(lua_State *L, const char *key, const char *mode) {
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushstring(L, mode);
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void lib_open_guard(lua_State *L) {
  open_weak(L, &finalizable_key, "v");
  open_weak(L, &again_key, "kv");
  /* In a child the allocator is in here; but a child leaves by _exit and never closes its state. */
  struct guard *g = lua_newuserdatauv(L, sizeof *g, 0);
  *g = (struct guard){0};
  lua_rawsetp(L, LUA_REGISTRYINDEX, &set_key);
  for (int i = 0; i < USER_VALUES; i++)
    g->header[i] = header_bytes(L, i);
  lua_pushcfunction(L, l_setmetatable);
  lua_setglobal(L, "setmetatable");
  if (lua_getglobal(L, LUA_DBLIBNAME) == LUA_TTABLE) {
    lua_pushcfunction(L, l_debug_setmetatable);
    lua_setfield(L, -2, "setmetatable");
  }
  lua_pop(L, 1);
}
