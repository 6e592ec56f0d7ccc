/*
 * lua/state/handle.c - userdata that name objects: their types, how they are checked, made and collected. One process has
 * one handle for an object (lib_settle_handle). See lib.h.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/mix.h"
#include "lua/state/lib.h"

/* Their addresses are keys of the registry: of a weak table of all handles; and of a table from metatables to types of
 * objects, and from types to metatables. */
static const char handles_key, types_key;

/* `q.put(v)` instead of `q:put(v)` is a common mistake. */
static bool called_as_field(lua_State *L) {
  lua_Debug ar;
  return lua_getstack(L, 0, &ar) && lua_getinfo(L, "n", &ar) && strcmp(ar.namewhat, "field") == 0;
}

static const char *metatable_name(enum object_type type) {
  static const char *const metatables[OBJECT_TYPES] = {
      [OBJECT_PROCESS] = PROCESS_TYPE, [OBJECT_QUEUE] = QUEUE_TYPE,
      [OBJECT_LOCK] = LOCK_TYPE,       [OBJECT_SEMAPHORE] = SEMAPHORE_TYPE,
      [OBJECT_EVENT] = EVENT_TYPE,     [OBJECT_CONDITION] = CONDITION_TYPE,
      [OBJECT_BARRIER] = BARRIER_TYPE, [OBJECT_VALUE] = VALUE_TYPE,
      [OBJECT_DICT] = DICT_TYPE,       [OBJECT_PROGRESS] = PROGRESS_TYPE,
      [OBJECT_LATCH] = LATCH_TYPE,     [OBJECT_PIPE] = PIPE_TYPE,
      [OBJECT_RWLOCK] = RWLOCK_TYPE,   [OBJECT_ARRAY] = ARRAY_TYPE,
  };
  return metatables[type];
}

const char *lib_type_name(enum object_type type) { return strchr(metatable_name(type), '.') + 1; }

struct handle *lib_check_handle_closely(lua_State *L, int arg, enum object_type type) {
  enum object_type is = OBJECT_NONE;
  struct handle *h = lib_any_handle(L, arg, &is);
  if (!h || is != type) {
    const char *hint = arg == 1 && called_as_field(L) ? "; call methods with a colon" : "";
    lib_arg_error(L, arg,
                  lua_pushfstring(L, "%s expected, got %s%s", lib_type_name(type),
                                  luaL_typename(L, arg), hint));
  }
  if (!h->object)
    lib_arg_error(L, arg,
                  lib_push_request(L, arg) ? "the process was not started: call its start()"
                                           : "the handle is empty");
  return h;
}

struct handle *lib_any_handle(lua_State *L, int arg, enum object_type *ret_type) {
  if (lua_type(L, arg) != LUA_TUSERDATA || !lua_getmetatable(L, arg))
    return NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &types_key);
  lua_insert(L, -2);
  lua_rawget(L, -2);
  lua_Integer type = lua_tointeger(L, -1);
  lua_pop(L, 2);
  if (ret_type)
    *ret_type = (enum object_type)type;
  return type ? lua_touserdata(L, arg) : NULL;
}

/* The object that the handle at `arg` names; serial 0: it is no handle. */
static struct object_ref ref_of(lua_State *L, int arg) {
  struct lib *lib = lib_of(L);
  struct object_ref ref = {0};
  const struct handle *h = lib_any_handle(L, arg, NULL);
  if (h && h->object)
    lib->b->objects->object_ref(h->object, &ref);
  return ref;
}

/* __eq of every type of handle: the same object, in any process. */
static int handle_eq(lua_State *L) {
  struct object_ref a = ref_of(L, 1), b = ref_of(L, 2);
  lua_pushboolean(L, a.serial != 0 && a.serial == b.serial && a.type == b.type);
  return 1;
}

void lib_next_item(lua_State *L, struct handle *h) {
  struct rest *r = h->rest;
  struct rest_size size;
  memcpy(&size, r->sizes.data + r->sizes_at, sizeof size);
  if (buf_reserve(&h->item, size.bytes + 1) || buf_reserve(&h->refs, size.refs + 1))
    lib_error(L, "get", -SBX_ENOMEM);
  buf_append(&h->item, r->bytes.data + r->bytes_at, size.bytes);
  if (size.refs)
    buf_append(&h->refs, r->refs.data + r->refs_at, size.refs);
  r->bytes_at += size.bytes;
  r->refs_at += size.refs;
  r->sizes_at += sizeof size;
  if (rest_is_empty(r))
    rest_clear(r);
}

static void rest_free(struct rest *r) {
  if (!r)
    return;
  buf_release(&r->bytes);
  buf_release(&r->refs);
  buf_release(&r->sizes);
  memory_free(r, sizeof *r);
}

/* Items that will not be decoded: nobody holds what they name. */
static void forget_items(struct lib *lib, struct handle *h) {
  lib_land(lib, &h->refs);
  if (rest_is_empty(h->rest) || h->rest->refs.len == 0)
    return;
  struct buf *refs = &h->rest->refs;
  memmove(refs->data, refs->data + h->rest->refs_at, refs->len - h->rest->refs_at);
  refs->len -= h->rest->refs_at;
  lib_land(lib, refs);
}

/* __gc of every type of handle: release the object. */
static int handle_gc(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_any_handle(L, 1, NULL);
  struct object *object = h ? h->object : NULL;
  if (!h)
    return 0;
  h->object = NULL; /* closed first, freed second */
  if (h->generation == lib->life.generation)
    forget_items(lib, h);
  op_handle_release(lib->b, object);
  buf_release(&h->item);
  buf_release(&h->refs);
  rest_free(h->rest);
  return 0;
}

/* The metatable at the top is that of a type of handles. */
static void set_handle_type(lua_State *L, enum object_type type) {
  static const luaL_Reg meta[] = {{"__eq", handle_eq}, {"__gc", handle_gc}, {NULL, NULL}};
  lib_set_functions(L, meta);
  lib_find(L)->metas[type] = lua_topointer(L, -1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &types_key);
  lua_pushvalue(L, -2);
  lua_pushinteger(L, (lua_Integer)type);
  lua_rawset(L, -3);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, (lua_Integer)type);
  lua_pop(L, 1);
}

void lib_open_type(lua_State *L, int table, enum object_type type, const luaL_Reg *methods,
                   const luaL_Reg *meta, const luaL_Reg *functions) {
  enum { META = 16, SPARSE = 2 }; /* room: in a table with much of it, few keys collide */
  int count = 0;
  while (methods[count].name)
    count++;
  lua_createtable(L, 0, META);
  lua_createtable(L, 0, SPARSE * count);
  lib_set_functions(L, methods);
  lua_setfield(L, -2, "__index"); /* the first of all keys, so Lua finds it at once */
  lua_pushstring(L, metatable_name(type));
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, metatable_name(type));
  set_handle_type(L, type);
  if (meta)
    lib_set_functions(L, meta);
  if (functions)
    lib_set_functions_in(L, table, functions);
}

void lib_begin_handles(lua_State *L) {
  lib_forget_handles(L);
  lua_createtable(L, OBJECT_TYPES, OBJECT_TYPES);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &types_key);
}

static struct handle *push_handle(lua_State *L) {
  struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = (struct handle){0};
  return h;
}

struct handle *lib_push_handle(lua_State *L, enum object_type type) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &types_key);
  if (lua_rawgeti(L, -1, (lua_Integer)type) != LUA_TTABLE) {
    lua_pop(L, 2);
    return NULL;
  }
  lua_remove(L, -2);
  struct handle *h = push_handle(L);
  lua_insert(L, -2);
  h->meta = lua_topointer(L, -1);
  lua_setmetatable(L, -2);
  return h;
}

static lua_Integer handle_key(struct lib *lib, const struct object *object) {
  struct object_ref ref;
  lib->b->objects->object_ref(object, &ref);
  return (lua_Integer)(mix64(ref.serial) ^
                       ref.type); /* a process and another object may have equal serials */
}

void lib_forget_handles(lua_State *L) {
  lib_push_weak(L, "v", 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &handles_key);
}

void lib_settle_handle(lua_State *L, struct lib *lib) {
  const struct handle *h = lua_touserdata(L, -1);
  lua_Integer key = handle_key(lib, h->object);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handles_key);
  lua_rawgeti(L, -1, key);
  const struct handle *older = lua_touserdata(L, -1);
  if (older && older->object) { /* finalized ones are found while the state closes */
    lua_replace(L, -3);
  } else {
    lua_pop(L, 1);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, key);
  }
  lua_pop(L, 1);
}
