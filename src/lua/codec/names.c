/* lua/codec/names.c - finding a name, encoding it, and resolving it; see names.h. */
#include "lua/codec/names.h"

#include <lauxlib.h>
#include <string.h>

/* Longer keys, module and field together, are not names: so a cell fits into an array. */
enum { NAME_LIMIT = 240 };

/* The module "_G": the state's table of globals, whatever package.loaded says. */
static const struct name globals = {.module = "_G", .module_len = 2};

/* ---- access to tables without metamethods ---- */

/* [-0, +1] package.loaded; nil if there is none. */
static int push_loaded(lua_State *L) {
  lua_pushstring(L, LUA_LOADED_TABLE);
  return lua_rawget(L, LUA_REGISTRYINDEX);
}

/* [-1, +1] replace the table on top by its field; anything else by nil. */
static void into_field(lua_State *L, const char *key, size_t len) {
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    lua_pushnil(L);
    return;
  }
  lua_pushlstring(L, key, len);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

static bool is_globals(const struct name *n) {
  return n->module_len == globals.module_len &&
         memcmp(n->module, globals.module, globals.module_len) == 0;
}

void names_push(lua_State *L, const struct name *n) {
  if (is_globals(n)) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  } else {
    push_loaded(L);
    into_field(L, n->module, n->module_len);
  }
  if (n->field)
    into_field(L, n->field, n->field_len);
}

/* ---- cells ---- */

/*
 * [-0, +1] the cell of a name, a string. Made in one step, since the strings of the name may point
 * into keys of tables.
 */
static void push_cell(lua_State *L, const struct name *n) {
  uint8_t bytes[NAME_LIMIT + 2 * WIRE_VARINT_MAX];
  struct writer w = {.at = bytes};
  put_byte(&w, n->field ? TAG_FIELD : TAG_MODULE);
  put_varint(&w, n->module_len);
  put_bytes(&w, n->module, n->module_len);
  if (n->field) {
    put_varint(&w, n->field_len);
    put_bytes(&w, n->field, n->field_len);
  }
  lua_pushlstring(L, (const char *)bytes, (size_t)(w.at - bytes));
}

bool names_take(struct reader *r, uint8_t tag, struct name *ret) {
  const uint8_t *module, *field = NULL;
  size_t module_len, field_len = 0;
  if (!take_string(r, &module, &module_len))
    return false;
  if (tag == TAG_FIELD && !take_string(r, &field, &field_len))
    return false;
  *ret = (struct name){(const char *)module, (const char *)field, module_len, field_len};
  return true;
}

/* Does the cell on top of the stack still name the value at `index`? The stack is unchanged. */
static bool still_names(lua_State *L, int index) {
  size_t len;
  const char *cell = lua_tolstring(L, -1, &len);
  struct reader r = reader_of(cell, len);
  struct name n;
  uint8_t tag;
  if (!take_byte(&r, &tag) || !names_take(&r, tag, &n))
    return false;
  names_push(L, &n);
  bool same = lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return same;
}

/* ---- names found before ---- */

/* If `table` of the owner has a cell for the value that still holds: push it and return true. */
static bool recall(lua_State *L, int owner, int table, int index) {
  lua_getiuservalue(L, owner, table);
  lua_pushvalue(L, index);
  bool found = lua_rawget(L, -2) == LUA_TSTRING && still_names(L, index);
  lua_remove(L, -2);
  if (!found)
    lua_pop(L, 1);
  return found;
}

/* [-0, +1] the cell of a name; remember it for the value. */
static void remember(lua_State *L, int owner, int table, int index, const struct name *n) {
  push_cell(L, n);
  lua_getiuservalue(L, owner, table);
  lua_pushvalue(L, index);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* [-0, +1] a table that does not keep its keys alive. */
static void push_weak_table(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

void names_open(lua_State *L, struct names *n) {
  int owner = lua_gettop(L);
  for (int table = 1; table <= NAMES_TABLES; table++) {
    if (table <= NAMES_WEAK)
      push_weak_table(L);
    else
      lua_newtable(L);
    lua_setiuservalue(L, owner, table);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  n->libraries = names_filter_bit(lua_topointer(L, -1));
  remember(L, owner, NAMES_LIBRARIES, lua_gettop(L), &globals);
  lua_settop(L, owner);
}

/* ---- the search; it allocates nothing, so the strings that it points to stay where they are
 * ---- */

/* The shorter first, then by bytes. */
static int compare(const char *a, size_t a_len, const char *b, size_t b_len) {
  if (a_len != b_len)
    return a_len < b_len ? -1 : 1;
  return memcmp(a, b, a_len);
}

/*
 * A value may have several names, and the order of lua_next differs from run to run. So prefer a
 * module to a field, a global to another field, then short names to long ones.
 */
static bool better(const struct name *a, const struct name *b) {
  if (!b->module)
    return true;
  if (!a->field != !b->field)
    return !a->field;
  if (is_globals(a) != is_globals(b))
    return is_globals(a);
  int order = compare(a->module, a->module_len, b->module, b->module_len);
  if (order == 0 && a->field)
    order = compare(a->field, a->field_len, b->field, b->field_len);
  return order < 0;
}

static void keep_better(struct name *best, const struct name *n) {
  if (n->module_len + n->field_len <= NAME_LIMIT && better(n, best))
    *best = *n;
}

/* Search the fields of the module on top of the stack for the value at `index`. */
static void search_fields(lua_State *L, int index, struct name n, struct name *best) {
  int module = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, module); lua_pop(L, 1)) {
    if (lua_rawequal(L, -1, index) && lua_type(L, -2) == LUA_TSTRING) {
      n.field = lua_tolstring(L, -2, &n.field_len);
      keep_better(best, &n);
    }
  }
}

/*
 * Lua's own libraries contain no table that is used as a metatable; searching them, too, for each
 * metatable without a name would triple the cost.
 */
static bool holds_no_metatables(const struct name *n) {
  static const char *const own[] = {"string", "table", "math",    "io",       "os",
                                    "utf8",   "debug", "package", "coroutine"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strlen(own[i]) == n->module_len && memcmp(own[i], n->module, n->module_len) == 0)
      return true;
  return false;
}

/*
 * Search the modules for the value at `index`, and with `fields` the fields of modules, too.
 * Globals are searched separately.
 */
static void search_modules(lua_State *L, int index, bool fields, struct name *best) {
  bool is_table = lua_istable(L, index);
  if (push_loaded(L) == LUA_TTABLE) {
    int loaded = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, loaded); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING)
        continue;
      struct name n = {0};
      n.module = lua_tolstring(L, -2, &n.module_len);
      if (is_globals(&n))
        continue;
      if (lua_rawequal(L, -1, index))
        keep_better(best, &n);
      if (fields && lua_istable(L, -1) && !(is_table && holds_no_metatables(&n)))
        search_fields(L, index, n, best);
    }
  }
  lua_pop(L, 1);
}

static void search_globals(lua_State *L, int index, bool fields, struct name *best) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  if (lua_rawequal(L, -1, index))
    keep_better(best, &globals);
  if (fields)
    search_fields(L, index, globals, best);
  lua_pop(L, 1);
}

bool names_find(lua_State *L, int owner, int index) {
  if (recall(L, owner, NAMES_FOUND, index))
    return true;
  struct name best = {0};
  search_globals(L, index, lua_type(L, index) != LUA_TUSERDATA, &best);
  search_modules(L, index, true, &best);
  if (best.module)
    remember(L, owner, NAMES_FOUND, index, &best);
  return best.module != NULL;
}

bool names_known_library(lua_State *L, int owner, int index) {
  return recall(L, owner, NAMES_LIBRARIES, index);
}

bool names_learn_library(lua_State *L, struct names *n, int owner, int index) {
  struct name best = {0};
  search_globals(L, index, false, &best);
  search_modules(L, index, false, &best);
  if (!best.module)
    return false;
  n->libraries |= names_filter_bit(lua_topointer(L, index));
  remember(L, owner, NAMES_LIBRARIES, index, &best);
  return true;
}

/* ---- names for another state ---- */

/* [modules, standard] Remember the fields of the module `n`, on top of the stack. */
static void know_fields(lua_State *L, struct name n, int standard) {
  int module = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, module); lua_pop(L, 1)) {
    int type = lua_type(L, -1);
    if (lua_type(L, -2) != LUA_TSTRING ||
        (type != LUA_TFUNCTION && type != LUA_TTABLE && type != LUA_TUSERDATA))
      continue;
    lua_pushvalue(L, -1);
    bool known = lua_rawget(L, standard) != LUA_TNIL;
    lua_pop(L, 1);
    if (known)
      continue;
    n.field = lua_tolstring(L, -2, &n.field_len);
    if (n.module_len + n.field_len > NAME_LIMIT)
      continue;
    lua_pushvalue(L, -1);
    push_cell(L, &n);
    lua_rawset(L, standard);
  }
}

/* Remember the loaded modules, then (`fields`) what they contain. */
static void know_modules(lua_State *L, int loaded, int standard, bool fields) {
  for (lua_pushnil(L); lua_next(L, loaded); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1))
      continue;
    struct name n = {0};
    n.module = lua_tolstring(L, -2, &n.module_len);
    if (n.module_len > NAME_LIMIT || is_globals(&n))
      continue;
    if (fields) {
      know_fields(L, n, standard);
    } else {
      lua_pushvalue(L, -1);
      push_cell(L, &n);
      lua_rawset(L, standard);
    }
  }
}

void names_know_standard(lua_State *L, int owner) {
  int top = lua_gettop(L);
  lua_getiuservalue(L, owner, NAMES_STANDARD);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_getiuservalue(L, owner, NAMES_GLOBALS);
  int standard = top + 1, all = top + 2, names = top + 3;
  for (lua_pushnil(L); lua_next(L, all);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, names);
  }
  lua_pushvalue(L, all);
  push_cell(L, &globals);
  lua_rawset(L, standard);
  bool loaded = push_loaded(L) == LUA_TTABLE;
  if (loaded)
    know_modules(L, top + 4, standard, false);
  lua_pushvalue(L, all);
  know_fields(L, globals, standard);
  lua_pop(L, 1);
  if (loaded)
    know_modules(L, top + 4, standard, true);
  lua_settop(L, top);
}

bool names_is_standard(lua_State *L, int owner, int key, int value) {
  lua_getiuservalue(L, owner, NAMES_GLOBALS);
  lua_pushvalue(L, key);
  lua_rawget(L, -2);
  bool same = lua_rawequal(L, -1, value);
  lua_pop(L, 2);
  return same;
}

bool names_find_standard(lua_State *L, int owner, int index) {
  lua_getiuservalue(L, owner, NAMES_STANDARD);
  lua_pushvalue(L, index);
  bool found = lua_rawget(L, -2) == LUA_TSTRING;
  lua_remove(L, -2);
  if (!found)
    lua_pop(L, 1);
  return found;
}

/* The global among those at `shared` that is the value at `index`. */
static void search_shared(lua_State *L, int index, int shared, struct name *best) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  int all = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, shared); lua_pop(L, 1)) {
    struct name n = globals;
    if (lua_type(L, -2) != LUA_TSTRING)
      continue;
    lua_pushvalue(L, -2);
    lua_rawget(L, all);
    n.field = lua_tolstring(L, -3, &n.field_len);
    if (lua_rawequal(L, -1, index))
      keep_better(best, &n);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

bool names_find_abroad(lua_State *L, int owner, int index, int shared) {
  if (names_find_standard(L, owner, index))
    return true;
  struct name best = {0};
  search_modules(L, index, true, &best);
  if (!best.module && shared)
    search_shared(L, index, shared, &best);
  if (best.module)
    push_cell(L, &best);
  return best.module != NULL;
}

bool names_push_module(lua_State *L, int owner) {
  size_t len;
  const char *cell = lua_tolstring(L, -1, &len);
  struct reader r = reader_of(cell, len);
  struct name n;
  uint8_t tag;
  if (!take_byte(&r, &tag) || !names_take(&r, tag, &n) || is_globals(&n))
    return false;
  struct name module = {.module = n.module, .module_len = n.module_len};
  names_push(L, &module);
  bool standard = names_find_standard(L, owner, lua_gettop(L));
  lua_pop(L, standard ? 2 : 1);
  if (!standard)
    lua_pushlstring(L, module.module, module.module_len);
  return !standard;
}
