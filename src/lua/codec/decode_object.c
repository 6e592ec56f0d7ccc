/*
 * lua/codec/decode_object.c - how a value with an identity is made where a message mentions it first: tables and functions, which
 * are filled later, handles, and what has a name; see decode.c.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lua/codec/codec_internal.h"
#include "wire/siphash.h"

void decode_malformed(struct decoder *d, const char *problem) {
  lua_pushfstring(d->L, "malformed message: %s at byte %I", problem,
                  (LUAI_UACINT)(d->r.at - d->r.start));
  codec_raise(d->L);
}

void *decode_grow(lua_State *L, int slot, const void *old, size_t bytes) {
  void *new = lua_newuserdatauv(L, 2 * bytes, 0);
  memcpy(new, old, bytes);
  lua_replace(L, slot);
  return new;
}

/* Make the value on top of the stack the next object. */
static void add_object(struct decoder *d, enum object_kind kind) {
  if (d->objects == d->objects_cap) {
    if (d->objects_cap > UINT32_MAX / 4)
      decode_malformed(d, "too many objects");
    d->kinds = decode_grow(d->L, d->base + SLOT_MEMORY, d->kinds, d->objects_cap);
    d->objects_cap *= 2;
  }
  codec_keep_object(d->L, d->base, d->objects, lua_gettop(d->L));
  d->kinds[d->objects++] = (uint8_t)kind;
}

/* Take a size for lua_createtable that the rest of the message can back: `bytes_each` per item. Inline: so nothing is divided. */
static inline int next_hint(struct decoder *d, size_t bytes_each) {
  size_t n = wire_hint_size(next_byte(d));
  if (n > d->budget / bytes_each)
    decode_malformed(d, "a table is larger than its contents");
  d->budget -= n * bytes_each;
  return n > INT_MAX ? INT_MAX : (int)n;
}

static void read_new_table(struct decoder *d) {
  int elements = next_hint(d, 1);
  int pairs = next_hint(d, 2);
  lua_createtable(d->L, elements, pairs);
  add_object(d, KIND_TABLE);
}

struct chunk {
  const uint8_t *data; /* NULL: already handed out */
  size_t len;
};

static const char *hand_out(lua_State *L, void *ud, size_t *ret_len) {
  struct chunk *c = ud;
  const char *data = (const char *)c->data;
  (void)L;
  *ret_len = data ? c->len : 0;
  c->data = NULL;
  return data;
}

/*
 * The hash comes first: bytes that no process of this run wrote never reach lua_load, which trusts
 * what it loads. SLOTS_TEMPORARY slots are free on the stack: Lua 5.4.4 may free a string that it
 * is loading (loadStringN) if the stack has to grow at that point and memory is short.
 */
static void read_new_function(struct decoder *d) {
  lua_State *L = d->L;
  uint64_t hash = next_fixed(d, 8);
  size_t len = (size_t)next_fixed(d, 4);
  struct chunk c = {.data = next_bytes(d, len), .len = len};
  if (siphash(d->codec->key, c.data, len) != hash)
    decode_malformed(d, "a function that no process of this run sent");
  int status = lua_load(L, hand_out, &c, "=message", "b");
  if (status == LUA_ERRMEM)
    codec_raise(L);
  if (status)
    decode_malformed(d, "a function that does not load");
  add_object(d, KIND_FUNCTION);
}

static void read_handle(struct decoder *d) {
  const uint8_t *bytes = next_bytes(d, CODEC_HANDLE_BYTES);
  if (!d->codec->hooks)
    decode_malformed(d, "a handle, which this state cannot receive,");
  d->codec->hooks->import_handle(d->L, bytes);
  add_object(d, KIND_ATOM);
}

/* ---- names ---- */

_Noreturn static void fail_name(lua_State *L, const struct name *n) {
  enum { SHOWN = 200 };
  int module_len = n->module_len < SHOWN ? (int)n->module_len : SHOWN;
  int field_len = n->field_len < SHOWN ? (int)n->field_len : SHOWN;
  bool global = n->module_len == 2 && memcmp(n->module, "_G", 2) == 0;
  char text[1024];
  if (!n->field)
    snprintf(text, sizeof text,
             "the message needs the module '%.*s', which this process has not loaded: require it "
             "before the receiving process is spawned",
             module_len, n->module);
  else if (global)
    snprintf(text, sizeof text,
             "the message needs the global '%.*s', which this process does not have: define it "
             "before the receiving process is spawned",
             field_len, n->field);
  else
    snprintf(text, sizeof text,
             "the message needs '%.*s.%.*s', which this process does not have: require '%.*s' "
             "before the receiving process is spawned",
             module_len, n->module, field_len, n->field, module_len, n->module);
  lua_pushstring(L, text);
  codec_raise(L);
}

static void read_name(struct decoder *d, uint8_t tag) {
  struct name n;
  if (!names_take(&d->r, tag, &n))
    decode_malformed(d, "a name is cut off");
  names_push(d->L, &n);
  if (lua_isnil(d->L, -1))
    fail_name(d->L, &n);
  add_object(d, KIND_ATOM);
}

/* ---- any of them ---- */

void decode_object(struct decoder *d, uint8_t tag) {
  switch (tag) {
  case TAG_REF:
    codec_push_object(d->L, d->base, next_object(d));
    break;
  case TAG_TABLE:
    read_new_table(d);
    break;
  case TAG_FUNCTION:
    read_new_function(d);
    break;
  case TAG_HANDLE:
    read_handle(d);
    break;
  case TAG_MODULE:
  case TAG_FIELD:
    read_name(d, tag);
    break;
  default:
    decode_malformed(d, "an unknown or misplaced tag");
  }
}
