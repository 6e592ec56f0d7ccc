/*
 * lua/codec/decode.c - bytes to Lua values; see codec.h for the contract and wire/wire.h for the
 * format.
 *
 * The bytes may be anything. An object is created empty where it is first mentioned, and filled
 * when its body comes. Bodies come in the order of the objects, so a cursor over them replaces
 * recursion. Only objects that the message itself created are filled or get a metatable, never one
 * that it reached by name.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "lua/codec/codec_internal.h"

/* ---- cells ---- */

static void push_float(lua_State *L, uint64_t bits) {
  lua_Number v;
  memcpy(&v, &bits, sizeof v);
  lua_pushnumber(L, v);
}

static void push_string(struct decoder *d, uint64_t len) {
  const uint8_t *s = next_bytes(d, len);
  lua_pushlstring(d->L, (const char *)s, (size_t)len);
}

/* Push the value of a cell that is not an object and return true; or push and take nothing. */
__attribute__((always_inline)) static inline bool read_scalar(struct decoder *d, uint8_t tag) {
  lua_State *L = d->L;
  if (tag >= TAG_SMALL) {
    lua_pushinteger(L, tag - TAG_SMALL);
    return true;
  }
  if (tag >= TAG_SHORT) {
    push_string(d, tag - TAG_SHORT);
    return true;
  }
  switch (tag) {
  case TAG_NIL:
    lua_pushnil(L);
    return true;
  case TAG_FALSE:
  case TAG_TRUE:
    lua_pushboolean(L, tag == TAG_TRUE);
    return true;
  case TAG_NULL:
    lua_pushlightuserdata(L, codec_null());
    return true;
  case TAG_INTEGER:
    lua_pushinteger(L, unzigzag(next_varint(d)));
    return true;
  case TAG_FLOAT:
    push_float(L, next_fixed(d, 8));
    return true;
  case TAG_STRING:
    push_string(d, next_varint(d));
    return true;
  default:
    return false;
  }
}

/* [-0, +1] the value of the cell that began with `tag`. */
static inline void read_value(struct decoder *d, uint8_t tag) {
  if (!read_scalar(d, tag))
    decode_object(d, tag);
}

/* [-0, +1] the same for a value of a table. Only TAG_NIL stands for nil. */
static inline void read_table_value(struct decoder *d, uint8_t tag) {
  if (tag == TAG_NIL)
    decode_malformed(d, "a nil in a table");
  if (!read_scalar(d, tag))
    decode_object(d, tag);
}

/* ---- bodies ---- */

/* The metatable of object `table`, after its tag; it is set later. */
static void read_metatable(struct decoder *d, uint32_t table) {
  struct reader ahead = d->r;
  uint8_t tag = next_byte(d);
  uint32_t number = d->objects; /* if the metatable is a new object */
  if (tag == TAG_REF) {
    number = next_object(d);
    d->r = ahead;
    tag = next_byte(d);
  }
  decode_object(d, tag);
  if (!lua_istable(d->L, -1))
    decode_malformed(d, "a metatable that is not a table (in this process)");
  lua_pop(d->L, 1);
  if (d->metatables == d->metatables_cap) {
    d->pending = decode_grow(d->L, d->base + SLOT_MORE_MEMORY, d->pending,
                             d->metatables_cap * sizeof *d->pending);
    d->metatables_cap *= 2;
  }
  d->pending[d->metatables++] = (struct metatable_of){table, number};
}

/* Read elements 1, 2, ... of a table. */
static void read_elements(struct decoder *d, int table, uint8_t tag) {
  for (lua_Integer i = 1; tag != TAG_END; i++, tag = next_byte(d)) {
    read_table_value(d, tag);
    lua_rawseti(d->L, table, i);
  }
}

/* For these keys rawset would raise an error with a text of its own. */
static inline void check_key(struct decoder *d, uint8_t tag) {
  if (tag == TAG_NIL)
    decode_malformed(d, "a nil as a key");
  if (tag == TAG_FLOAT && isnan(lua_tonumberx(d->L, -1, NULL)))
    decode_malformed(d, "a NaN as a key");
}

/* A string that may be found in lua/codec/keys.h. */
static inline bool is_short_key(uint8_t tag) {
  return tag >= TAG_SHORT && tag <= TAG_SHORT + KEYS_BYTES;
}

/* [-0, +1] a key. The first ones of each table may be those of another one; a table that has many is none of several. */
static inline void read_key(struct decoder *d, uint8_t tag, bool first) {
  if (first && is_short_key(tag)) {
    size_t len = tag - TAG_SHORT;
    keys_push(d->L, &d->codec->keys, d->base + SLOT_KEYS, next_bytes(d, len), len);
  } else {
    read_value(d, tag);
    check_key(d, tag);
  }
}

static void read_pairs(struct decoder *d, int table) {
  enum { FIRST = KEYS_PLACES / 2 };
  uint8_t tag;
  for (unsigned n = 0; (tag = next_byte(d)) != TAG_END; n++) {
    read_key(d, tag, n < FIRST);
    read_table_value(d, next_byte(d));
    lua_rawset(d->L, table);
  }
}

static void read_table(struct decoder *d, uint32_t number) {
  int table = codec_reach_object(d->L, d->base, number);
  uint8_t tag = next_byte(d);
  if (tag == TAG_METATABLE) {
    read_metatable(d, number);
    tag = next_byte(d);
  }
  read_elements(d, table, tag);
  read_pairs(d, table);
  if (number >= INLINE_OBJECTS)
    lua_pop(d->L, 1);
}

/* Does the function at `index`, which lua_load made, have an n-th upvalue? */
static bool has_upvalue(lua_State *L, int index, uint64_t n) {
  enum { UPVALUES_MAX = 255 };
  return n >= 1 && n <= UPVALUES_MAX && lua_upvalueid(L, index, (int)n) != NULL;
}

/* Join the n-th upvalue of the function at `function` to an upvalue of another function. */
static void read_join(struct decoder *d, int function, int n) {
  uint32_t other = next_object(d);
  uint64_t other_n = next_varint(d);
  if (d->kinds[other] != KIND_FUNCTION)
    decode_malformed(d, "an upvalue shared with something else than a function");
  codec_push_object(d->L, d->base, other);
  if (!has_upvalue(d->L, function + 1, other_n))
    decode_malformed(d, "an upvalue shared with one that does not exist");
  lua_upvaluejoin(d->L, function, n, function + 1, (int)other_n);
  lua_pop(d->L, 1);
}

static void read_function(struct decoder *d, uint32_t number) {
  codec_push_object(d->L, d->base, number);
  int function = lua_gettop(d->L);
  uint8_t tag;
  int n = 1;
  for (; (tag = next_byte(d)) != TAG_END; n++) {
    if (!has_upvalue(d->L, function, (uint64_t)n))
      decode_malformed(d, "more upvalues than the function has");
    if (tag == TAG_JOIN) {
      read_join(d, function, n);
    } else {
      read_value(d, tag);
      lua_setupvalue(d->L, function, n);
    }
  }
  if (has_upvalue(d->L, function, (uint64_t)n))
    decode_malformed(d, "fewer upvalues than the function has");
  lua_pop(d->L, 1);
}

static void read_bodies(struct decoder *d) {
  for (uint32_t i = 0; i < d->objects; i++) {
    if (d->kinds[i] == KIND_TABLE)
      read_table(d, i);
    else if (d->kinds[i] == KIND_FUNCTION)
      read_function(d, i);
  }
}

/*
 * Last of all: lua_setmetatable looks for __gc at once, and a finalizer must not see a half-filled
 * table.
 */
static void set_metatables(struct decoder *d) {
  const struct codec_hooks *hooks = d->codec->hooks;
  for (uint32_t i = 0; i < d->metatables; i++) {
    codec_push_object(d->L, d->base, d->pending[i].table);
    codec_push_object(d->L, d->base, d->pending[i].metatable);
    if (hooks && hooks->set_metatable)
      hooks->set_metatable(d->L, -2);
    else
      lua_setmetatable(d->L, -2);
    lua_pop(d->L, 1);
  }
}

/* ---- a message ---- */

static void check_end(struct decoder *d) {
  if (reader_left(&d->r))
    decode_malformed(d, "something follows the end");
}

static void decode_flat(struct decoder *d, int count) {
  for (int i = 0; i < count; i++)
    if (!read_scalar(d, next_byte(d)))
      decode_malformed(d, "an unknown or misplaced tag");
  check_end(d);
}

/* Stack: slots, roots; at the end the roots replace the slots. */
static void decode_graph(struct decoder *d, int count) {
  lua_State *L = d->L;
  d->base = lua_gettop(L);
  d->codec = codec_push(L);
  lua_getiuservalue(L, -1, CODEC_KEYS);
  lua_settop(L, d->base + SLOTS);
  d->budget = wire_hint_budget(reader_left(&d->r));
  d->objects = 0;
  d->objects_cap = INLINE_OBJECTS;
  d->kinds = d->own_kinds;
  d->metatables = 0;
  d->metatables_cap = OWN_METATABLES;
  d->pending = d->own_pending;
  for (int i = 0; i < count; i++)
    read_value(d, next_byte(d));
  read_bodies(d);
  check_end(d);
  set_metatables(d);
  for (int i = 1; i <= count; i++)
    lua_copy(L, d->base + SLOTS + i, d->base + i);
  lua_settop(L, d->base + count);
}

/* Take the format of the message, one of two, and the number of its values. */
static uint8_t read_head(struct decoder *d, uint8_t format, uint8_t or_format,
                         uint64_t *ret_count) {
  uint8_t found = next_byte(d);
  if (found != format && found != or_format)
    decode_malformed(d, "another version of the format, or no message at all,");
  *ret_count = next_varint(d);
  if (*ret_count > reader_left(&d->r) || *ret_count > INT_MAX / 2)
    decode_malformed(d, "more values than bytes");
  return found;
}

int codec_decode(lua_State *L, const uint8_t *data, size_t len) {
  struct decoder d; /* not zeroed: scalars use little of it */
  uint64_t count;
  d.L = L;
  d.r = reader_of(data, len);
  uint8_t format = read_head(&d, FORMAT_FLAT, FORMAT_GRAPH, &count);
  if (!lua_checkstack(L, (int)count + SLOTS + SLOTS_TEMPORARY))
    codec_raise_nomem(L);
  if (format == FORMAT_FLAT)
    decode_flat(&d, (int)count);
  else
    decode_graph(&d, (int)count);
  return (int)count;
}

/* ---- a list ---- */

/* Raise an error, as decode_malformed does. */
_Noreturn static void list_malformed(lua_State *L, const struct list_reader *l,
                                     const char *problem) {
  struct decoder d;
  d.L = L;
  d.r = l->r;
  decode_malformed(&d, problem);
}

/*
 * The next element is pushed; or, if a run begins with it, that is what in_run tells from now on, and nothing is
 * pushed: returns false.
 */
static bool begin_element(lua_State *L, struct list_reader *l) {
  struct decoder d;
  d.L = L;
  d.r = l->r;
  uint8_t tag = next_byte(&d);
  if (tag == TAG_RUN) {
    if (!take_run(&d.r, &l->in_run, &l->width, &l->run) || l->in_run > l->left)
      decode_malformed(&d, "a run of integers that is cut off, or too long,");
  } else if (!read_scalar(&d, tag)) {
    decode_malformed(&d, "an unknown or misplaced tag");
  }
  l->r = d.r;
  return tag != TAG_RUN;
}

/* `n` elements have been taken. */
static void taken(lua_State *L, struct list_reader *l, size_t n) {
  l->left -= n;
  if (l->left == 0 && reader_left(&l->r))
    list_malformed(L, l, "something follows the end");
}

void codec_list_open(lua_State *L, struct list_reader *l, const uint8_t *data, size_t len) {
  struct decoder d;
  d.L = L;
  d.r = reader_of(data, len);
  read_head(&d, FORMAT_LIST, FORMAT_LIST, &l->left);
  l->r = d.r;
  l->in_run = 0;
  taken(L, l, 0);
}

void codec_list_push(lua_State *L, struct list_reader *l) {
  if (l->in_run > 0 || !begin_element(L, l)) {
    lua_pushinteger(L, run_integer(l->run, l->width));
    l->run += l->width;
    l->in_run--;
  }
  taken(L, l, 1);
}

/* In the order of the places, one by one: so the table's memory is met as it is laid out. */
static inline void place_run(lua_State *L, const struct list_reader *l, int width, int list,
                             lua_Integer first) {
  for (size_t i = 0; i < l->in_run; i++) {
    lua_pushinteger(L, run_integer(l->run + i * (size_t)width, width));
    lua_rawseti(L, list, first + (lua_Integer)i);
  }
}

/* The rest of a run. Returns how many there were. */
static size_t place_rest(lua_State *L, struct list_reader *l, int list, lua_Integer first) {
  size_t n = l->in_run;
  switch (l->width) { /* constants, as in put_run */
  case 1:
    place_run(L, l, 1, list, first);
    break;
  case 2:
    place_run(L, l, 2, list, first);
    break;
  case 4:
    place_run(L, l, 4, list, first);
    break;
  default:
    place_run(L, l, 8, list, first);
  }
  l->in_run = 0;
  return n;
}

int codec_list_place(lua_State *L, struct list_reader *l, int list, lua_Integer first) {
  lua_Integer at = first;
  size_t n;
  if (!lua_checkstack(L, 1))
    codec_raise_nomem(L);
  for (; l->left > 0; at += (lua_Integer)n) {
    if (l->in_run > 0 || !begin_element(L, l)) {
      n = place_rest(L, l, list, at);
    } else {
      lua_rawseti(L, list, at);
      n = 1;
    }
    taken(L, l, n);
  }
  return (int)(at - first);
}

int codec_decode_list(lua_State *L, const uint8_t *data, size_t len, int list, lua_Integer first) {
  struct list_reader l;
  codec_list_open(L, &l, data, len);
  return codec_list_place(L, &l, list, first);
}
