/*
 * lua/bind/dict.c - shared tables in Lua; see shared.h.
 *
 * A key is a string, a number or a boolean; its bytes are a letter for its type, then the value. A
 * float that is a whole number is the same key as the integer, as in tables.
 */
#include "object/dict.h"

#include <string.h>

#include "base/error.h"
#include "lua/bind/shared.h"
#include "lua/state/copies.h"
#include "wire/siphash.h"

#define ALL_TYPE "sandbox.dict.pairs"

/* -- keys ------------------------------------------------------------------------------------- */

enum { KEY_INLINE = 64 };

struct key {
  uint8_t bytes[KEY_INLINE];
};

/* Room for the bytes of a key, a letter and `len` more: in `key`, or in a userdata on the stack. */
static uint8_t *key_room(lua_State *L, struct key *key, size_t len) {
  return len + 1 <= KEY_INLINE ? key->bytes : lua_newuserdatauv(L, len + 1, 0);
}

static uint8_t *put_key(lua_State *L, struct key *key, char letter, const void *data, size_t len) {
  uint8_t *at = key_room(L, key, len);
  at[0] = (uint8_t)letter;
  memcpy(at + 1, data, len);
  return at;
}

/* Read the key at `index` for an op; may push a value. False: a dict cannot have such a key. */
static bool read_key(lua_State *L, struct lib *lib, int index, struct key *key,
                     struct shared_op *s) {
  size_t len = 0;
  const char *text;
  lua_Integer i;
  lua_Number f = 0;
  uint8_t flag;
  int whole = 0;
  uint8_t *at;
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &len);
    at = put_key(L, key, 's', text, len);
    break;
  case LUA_TNUMBER:
    i = lua_tointegerx(L, index, &whole);
    f = lua_tonumber(L, index);
    len = sizeof i;
    at = whole ? put_key(L, key, 'i', &i, len) : put_key(L, key, 'f', &f, len);
    break;
  case LUA_TBOOLEAN:
    flag = (uint8_t)lua_toboolean(L, index);
    len = 1;
    at = put_key(L, key, 'b', &flag, len);
    break;
  default:
    return false;
  }
  lib_arg_check(L, len < UINT32_MAX, index, "the key is too long");
  s->args.key = at;
  s->args.key_len = (uint32_t)len + 1;
  s->args.hash = siphash(lib->b->run->key(lib->b), at, len + 1);
  return f == f;
}

static int bad_key(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TNUMBER)
    return luaL_error(L, "the key is NaN");
  return luaL_error(L, "%s cannot be a key of a dict (strings, numbers and booleans can)",
                    lib_say(L, index));
}

static void push_key(lua_State *L, const uint8_t *at, uint32_t key_len) {
  lua_Integer i;
  lua_Number f;
  switch (at[0]) {
  case 's':
    lua_pushlstring(L, (const char *)at + 1, key_len - 1);
    break;
  case 'i':
    memcpy(&i, at + 1, sizeof i);
    lua_pushinteger(L, i);
    break;
  case 'f':
    memcpy(&f, at + 1, sizeof f);
    lua_pushnumber(L, f);
    break;
  default:
    lua_pushboolean(L, at[1]);
  }
}

/* -- reading and writing ---------------------------------------------------------------------- */

static const char *const method_names[] = {"update", "add", "cas", "wait_for"};

/* The name of a method at `index`; NULL: it is none. */
static const char *method_at(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TSTRING)
    return NULL;
  for (size_t i = 0; i < sizeof method_names / sizeof *method_names; i++)
    if (strcmp(lua_tostring(L, index), method_names[i]) == 0)
      return method_names[i];
  return NULL;
}

/* d[k]. Upvalue 2: the methods. */
static int l_index(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  struct key key;
  const char *method = method_at(L, 2);
  if (method) {
    lua_getfield(L, lua_upvalueindex(2), method);
    return 1;
  }
  shared_begin(L, lib, &s, OBJECT_DICT, OP_DICT_GET);
  if (!read_key(L, lib, 2, &key, &s)) {
    if (!lua_isnil(L, 2) && lua_type(L, 2) != LUA_TNUMBER)
      return bad_key(L, 2);
    lua_pushnil(L); /* as in a table */
    return 1;
  }
  lib_read_begin(lib); /* again: reading the key may have run a finalizer */
  shared_perform(L, lib, &s);
  shared_push(L, lib, &s);
  copies_read(L);
  return 1;
}

/* The dict at 1; the key and the value at 2 and 3. */
static void set(lua_State *L, struct lib *lib) {
  struct shared_op s;
  struct key key;
  shared_begin(L, lib, &s, OBJECT_DICT, OP_DICT_SET);
  const char *method = method_at(L, 2);
  if (method)
    luaL_error(L, "the key '%s' cannot be used: it is a method of dicts", method);
  if (!read_key(L, lib, 2, &key, &s))
    bad_key(L, 2);
  s.args.none = lua_isnil(L, 3);
  if (!s.args.none)
    shared_bring(L, lib, &s, 3, "value");
  shared_perform(L, lib, &s);
  shared_end(L, lib, &s);
}

static int l_newindex(lua_State *L) {
  set(L, lib_of(L));
  copies_stored(L, 3);
  return 0;
}

static int l_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)sync_info_of(L, OBJECT_DICT).count);
  return 1;
}

/* Begin an op with the key at 2. */
static void begin_at_key(lua_State *L, struct lib *lib, struct shared_op *s, struct key *key,
                         enum op_kind kind) {
  shared_begin(L, lib, s, OBJECT_DICT, kind);
  if (!read_key(L, lib, 2, key, s))
    bad_key(L, 2);
  lib_read_begin(lib); /* again: reading the key may have run a finalizer */
}

/* d:update(key, fn) */
static int l_update(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  struct key key;
  lib_check_handle(L, 1, OBJECT_DICT);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  begin_at_key(L, lib, &s, &key, OP_DICT_UPDATE);
  return shared_update(L, lib, &s, 3, OP_DICT_REPLACE, OP_DICT_KEEP);
}

/* d:add(key, n): what is not there counts as 0. */
static int l_add(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  struct key key;
  lib_check_handle(L, 1, OBJECT_DICT);
  begin_at_key(L, lib, &s, &key, OP_DICT_ADD);
  lib_arg_expected(L, shared_number(L, 3, &s.args.number), 3, "number");
  shared_perform(L, lib, &s);
  shared_push(L, lib, &s);
  return 1;
}

/* d:cas(key, old, new): nil stands for "no such key". */
static int l_cas(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  struct key key;
  lib_check_handle(L, 1, OBJECT_DICT);
  luaL_checkany(L, 3);
  luaL_checkany(L, 4);
  begin_at_key(L, lib, &s, &key, OP_DICT_CAS);
  return shared_cas(L, lib, &s, 3);
}

/* d:wait_for(key, predicate [, timeout]) */
static int l_wait_for(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  struct key key;
  lib_check_handle(L, 1, OBJECT_DICT);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  int64_t deadline_ns = lib_check_timeout(L, lib, 4);
  begin_at_key(L, lib, &s, &key, OP_DICT_AWAIT);
  s.op.deadline_ns = deadline_ns;
  return shared_wait_for(L, lib, &s, 3);
}

/* -- pairs ------------------------------------------------------------------------------------ */

/* A userdata: all entries as they were when pairs was called. */
struct all {
  struct buf entries;
  size_t at;
};

static int l_all_gc(lua_State *L) {
  struct all *all = luaL_checkudata(L, 1, ALL_TYPE);
  buf_release(&all->entries);
  return 0;
}

/* One step of `for k, v in pairs(d)`. Upvalue 2: the entries; 3: a userdata that holds their
 * handles. */
static int next_entry(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct all *all = lua_touserdata(L, lua_upvalueindex(2));
  struct dict_entry e;
  if (all->at >= all->entries.len)
    return 0;
  const uint8_t *here = all->entries.data + all->at;
  memcpy(&e, here, sizeof e);
  const uint8_t *key = here + sizeof e + e.refs * sizeof(struct object_ref);
  push_key(L, key, e.key_len);
  struct buf message = {.data = (uint8_t *)(uintptr_t)(key + e.key_len), .len = e.len};
  all->at += dict_entry_size(&e);
  struct number number = dict_number(&e, message.data);
  if (number.kind == NUMBER_INTEGER)
    lua_pushinteger(L, number.i);
  else if (number.kind == NUMBER_FLOAT)
    lua_pushnumber(L, number.f);
  else
    lib_decode(L, lib, &message);
  return 2;
}

static int l_pairs(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct shared_op s;
  shared_begin(L, lib, &s, OBJECT_DICT, OP_DICT_ALL);
  lua_pushlightuserdata(L, lib);
  struct all *all = lua_newuserdatauv(L, sizeof *all, 0);
  *all = (struct all){.at = 0};
  luaL_setmetatable(L, ALL_TYPE);
  s.op.out = &all->entries;
  lib_read_begin(lib);
  shared_perform(L, lib, &s);
  int rc = lib_fetch(lib, &s.op, &lib->messages.read);
  if (rc)
    return lib_expected(L, "pairs", rc);
  lib_push_taken(L, lib);
  lua_pushcclosure(L, next_entry, 3);
  return 1;
}

/* -- making ----------------------------------------------------------------------------------- */

/* dict([t [, {name =}]]) */
static int l_dict(lua_State *L) {
  lib_arg_expected(L, lua_isnoneornil(L, 1) || lua_istable(L, 1), 1, "table");
  struct sync_options o = {.type = OBJECT_DICT, .name = sync_only_name(L, 2)};
  sync_make(L, &o, OBJECT_DICT);
  lua_pushvalue(L, 1); /* set and lua_next need [handle, key, value, table] */
  lua_replace(L, 2);
  lua_replace(L, 1);
  lua_settop(L, 2);
  lua_pushnil(L);
  lua_insert(L, 2);
  lua_pushnil(L);
  lua_insert(L, 3); /* [handle, nil, nil, table] */
  if (lua_isnil(L, 4)) {
    lua_settop(L, 1);
    return 1;
  }
  lua_pushnil(L);
  while (lua_next(L, 4)) {
    lua_copy(L, -2, 2);
    lua_copy(L, -1, 3);
    set(L, lib_of(L));
    lua_settop(L, 4);
    lua_pushvalue(L, 2);
  }
  lua_settop(L, 1);
  return 1;
}

static void tell(lua_State *L, const struct sync_info *i) {
  lua_pushfstring(L, "%I key%s", (LUAI_UACINT)i->count, i->count == 1 ? "" : "s");
  shared_tell_updater(L, i);
}

static const luaL_Reg methods[] = {
    {"update", l_update}, {"add", l_add}, {"cas", l_cas}, {"wait_for", l_wait_for}, {NULL, NULL}};
static const luaL_Reg constructors[] = {{"dict", l_dict}, {NULL, NULL}};
static const luaL_Reg meta[] = {{"__index", l_index},
                                {"__newindex", l_newindex},
                                {"__len", l_len},
                                {"__pairs", l_pairs},
                                {NULL, NULL}};

const struct sync_type sync_dict = {
    .type = OBJECT_DICT,
    .name = DICT_TYPE,
    .methods = methods,
    .constructors = constructors,
    .meta = meta,
    .tell = tell,
};

void dict_open_pairs(lua_State *L) {
  luaL_newmetatable(L, ALL_TYPE);
  lua_pushcfunction(L, l_all_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
