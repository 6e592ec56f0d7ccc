/*
 * lua/codec/encode_mention.c - how a message mentions a value that has an identity: by its number if it was mentioned before, by
 * name, as a handle, or as a new table or function, whose body follows later; see encode.c.
 */
#include <stdio.h>
#include <string.h>

#include "lua/codec/codec_internal.h"
#include "wire/siphash.h"

static const char cannot[] = "cannot be sent";

static void write_ref(struct encoder *e, uint32_t entity) {
  encode_tag_number(e, TAG_REF, e->entities[entity].number);
}

static struct entity *write_new_table(struct encoder *e, int index) {
  encode_need(e, 3);
  size_t cell = writer_used(&e->w);
  put_byte(&e->w, TAG_TABLE);
  put_byte(&e->w, 0); /* the hints are filled in when the body is known, see write_table */
  put_byte(&e->w, 0);
  struct entity *new = encode_add_object(e, index, ENTITY_TABLE);
  new->cell = cell;
  return new;
}

/* [-1, +0] write the name on top of the stack for the value at `index`. */
static void write_name(struct encoder *e, int index) {
  size_t len;
  const char *cell = lua_tolstring(e->L, -1, &len);
  encode_need(e, len);
  put_bytes(&e->w, cell, len);
  if (e->abroad && names_push_module(e->L, e->base + SLOT_CODEC)) {
    lua_pushboolean(e->L, 1);
    lua_rawset(e->L, e->modules);
  }
  lua_pop(e->L, 1);
  encode_add_object(e, index, ENTITY_ATOM);
}

/* Push the cell of a name for the value at `index`, if the reader has one. */
static bool find_name(struct encoder *e, int index) {
  int codec = e->base + SLOT_CODEC;
  return e->abroad ? names_find_abroad(e->L, codec, index, e->shared)
                   : names_find(e->L, codec, index);
}

static void mention_table(struct encoder *e, int index) {
  const void *address = lua_topointer(e->L, index);
  uint32_t known = encode_find(e, address);
  if (known != NONE)
    write_ref(e, known);
  else if (names_maybe_library(&e->codec->names, address) &&
           names_known_library(e->L, e->base + SLOT_CODEC, index))
    write_name(e, index);
  else
    write_new_table(e, index);
}

bool encode_mention_metatable(struct encoder *e, int index) {
  uint32_t known = encode_find(e, lua_topointer(e->L, index));
  if (known != NONE && (e->entities[known].kind == ENTITY_ATOM || e->entities[known].nameless)) {
    write_ref(e, known);
    return false;
  }
  if (find_name(e, index)) {
    write_name(e, index);
    return false;
  }
  if (known != NONE) {
    write_ref(e, known);
    e->entities[known].nameless = true;
  } else {
    write_new_table(e, index)->nameless = true;
  }
  return true;
}

static int append_bytecode(lua_State *L, const void *data, size_t len, void *encoder) {
  struct encoder *e = encoder;
  (void)L;
  if (writer_need(&e->w, len))
    return 1;
  put_bytes(&e->w, data, len);
  return 0;
}

/*
 * A function: the hash by which the decoder recognises it as ours, then its bytecode with debug
 * information.
 */
static void write_new_function(struct encoder *e, int index) {
  enum { HASH_BYTES = 8, LENGTH_BYTES = 4 };
  lua_State *L = e->L;
  encode_need(e, 1 + HASH_BYTES + LENGTH_BYTES);
  put_byte(&e->w, TAG_FUNCTION);
  size_t hash = writer_used(&e->w), code = hash + HASH_BYTES + LENGTH_BYTES;
  put_fixed(&e->w, 0, HASH_BYTES);
  put_fixed(&e->w, 0, LENGTH_BYTES);
  lua_pushvalue(L, index);
  if (lua_dump(L, append_bytecode, e, 0))
    codec_raise_nomem(L);
  lua_pop(L, 1);
  size_t len = writer_used(&e->w) - code;
  if (len > UINT32_MAX)
    encode_fail(e, index, "a function of more than 4 GiB", cannot);
  uint8_t *at = writer_byte(&e->w, hash);
  store_fixed(at, siphash(e->codec->key, at + HASH_BYTES + LENGTH_BYTES, len), HASH_BYTES);
  store_fixed(at + HASH_BYTES, len, LENGTH_BYTES);
  encode_add_object(e, index, ENTITY_FUNCTION);
}

/* The guard of a finalizer, say, is this process's own. */
static bool push_meant(const struct encoder *e, int index) {
  const struct codec_hooks *hooks = e->codec->hooks;
  return hooks && hooks->push_meant && hooks->push_meant(e->L, index);
}

/* A function of the library that is written in Lua: the reader has its own. */
static bool is_standard(struct encoder *e, int index) {
  bool found = names_find_standard(e->L, e->base + SLOT_CODEC, index);
  if (found)
    lua_pop(e->L, 1);
  return found;
}

static void mention_function(struct encoder *e, int index) {
  uint32_t known = encode_find(e, lua_topointer(e->L, index));
  if (known != NONE) {
    write_ref(e, known);
  } else if (push_meant(e, index)) {
    encode_mention(e, lua_gettop(e->L), lua_type(e->L, -1));
    lua_pop(e->L, 1);
  } else if (!lua_iscfunction(e->L, index) && !(e->abroad && is_standard(e, index))) {
    write_new_function(e, index);
  } else if (find_name(e, index)) {
    write_name(e, index);
  } else {
    encode_fail(e, index, "a function written in C that has no name",
                "cannot be sent (it would have to be a global or a field of a loaded module)");
  }
}

/* ---- userdata ---- */

/* Is the userdata a handle? If so, fill `ret` with its name. */
static bool export_handle(struct encoder *e, int index, uint8_t ret[CODEC_HANDLE_BYTES]) {
  lua_State *L = e->L;
  const struct codec_hooks *hooks = e->codec->hooks;
  int top = lua_gettop(L);
  if (!hooks)
    return false;
  if (!lua_checkstack(L, LUA_MINSTACK))
    codec_raise_nomem(L);
  enum codec_export is = hooks->export_handle(L, index, ret);
  if (is == CODEC_REFUSED)
    encode_fail(e, index, NULL, lua_tostring(L, -1));
  lua_settop(L, top);
  return is == CODEC_HANDLE;
}

_Noreturn static void fail_userdata(struct encoder *e, int index, const char *problem) {
  lua_State *L = e->L;
  char thing[64] = "a userdata";
  if (lua_getmetatable(L, index)) {
    lua_pushliteral(L, "__name");
    if (lua_rawget(L, -2) == LUA_TSTRING)
      snprintf(thing, sizeof thing, "a %.40s (userdata)", lua_tostring(L, -1));
    lua_pop(L, 2);
  }
  encode_fail(e, index, thing, problem);
}

/* The handle cannot be reached on the reader's host. */
static void check_reach(struct encoder *e, int index, const uint8_t handle[CODEC_HANDLE_BYTES]) {
  const struct codec_hooks *hooks = e->codec->hooks;
  if (e->abroad && !(hooks->reaches_abroad && hooks->reaches_abroad(e->L, handle)))
    fail_userdata(e, index, "cannot be sent to another host: it lives in the memory of this one");
}

static void mention_userdata(struct encoder *e, int index) {
  uint8_t handle[CODEC_HANDLE_BYTES];
  uint32_t known = encode_find(e, lua_topointer(e->L, index));
  if (known != NONE) {
    write_ref(e, known);
  } else if (export_handle(e, index, handle)) {
    check_reach(e, index, handle);
    encode_need(e, 1 + sizeof handle);
    put_byte(&e->w, TAG_HANDLE);
    put_bytes(&e->w, handle, sizeof handle);
    encode_add_object(e, index, ENTITY_ATOM);
  } else if (find_name(e, index)) {
    write_name(e, index);
  } else {
    fail_userdata(e, index, cannot);
  }
}

/* ---- any of them ---- */

/* Turn the message into a graph and make the slots. */
static void begin_objects(struct encoder *e) {
  lua_State *L = e->L;
  int base = lua_gettop(L);
  if (!lua_checkstack(L, SLOTS + SLOTS_TEMPORARY))
    codec_raise_nomem(L);
  e->codec = codec_push(L);
  lua_settop(L, base + SLOTS);
  e->base = base;
  *writer_byte(&e->w, 0) = FORMAT_GRAPH;
}

void encode_mention(struct encoder *e, int index, int type) {
  if (!e->base)
    begin_objects(e);
  switch (type) {
  case LUA_TTABLE:
    mention_table(e, index);
    break;
  case LUA_TFUNCTION:
    mention_function(e, index);
    break;
  case LUA_TUSERDATA:
    mention_userdata(e, index);
    break;
  case LUA_TTHREAD:
    encode_fail(e, index, "a coroutine", cannot);
  default:
    encode_fail(e, index, "a light userdata", cannot);
  }
}
