/*
 * lua/codec/encode.c - Lua values to bytes; see codec.h for the contract and wire/wire.h for the
 * format.
 *
 * The roots are written first. A value with an identity becomes an object at its first mention. A
 * cursor then goes over the objects and writes the body of each, which may add more objects:
 * breadth first, without recursion.
 *
 * While the body of a table is written, the table may turn out to be a library (the search for that
 * is made only if it contains a function). Then the encoder remembers it as a library and starts
 * over. That happens once for each library in a process.
 */
#include "lua/codec/codec_internal.h"

/* ---- bytes ---- */

__attribute__((always_inline)) static inline void write_string(lua_State *L, struct writer *w,
                                                               int index) {
  size_t len;
  const char *s = lua_tolstring(L, index, &len);
  if (len < WIRE_SHORT_LIMIT) {
    encode_room(L, w, 1 + WIRE_SHORT_LIMIT);
    put_short_string(w, s, len);
    return;
  }
  if (len > SIZE_MAX - 1 - WIRE_VARINT_MAX)
    codec_raise_nomem(L);
  encode_room(L, w, len + 1 + WIRE_VARINT_MAX);
  put_string_head(w, len);
  put_bytes(w, s, len);
}

/*
 * Write the value at `index`, of Lua type `type`, and return true; false if it has an identity.
 * Allocates no Lua object.
 */
__attribute__((always_inline)) static inline bool write_scalar(lua_State *L, struct writer *w,
                                                               int index, int type) {
  static_assert(sizeof(lua_Number) == 8 && sizeof(lua_Integer) == 8, "as in the format");
  if (type == LUA_TSTRING) { /* first: most keys, and many values */
    write_string(L, w, index);
    return true;
  }
  encode_room(L, w, 1 + WIRE_VARINT_MAX);
  switch (type) {
  case LUA_TNIL:
    put_byte(w, TAG_NIL);
    return true;
  case LUA_TBOOLEAN:
    put_byte(w, lua_toboolean(L, index) ? TAG_TRUE : TAG_FALSE);
    return true;
  case LUA_TNUMBER:
    if (lua_isinteger(L, index))
      put_integer(w, lua_tointegerx(L, index, NULL));
    else
      put_float(w, lua_tonumberx(L, index, NULL));
    return true;
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, index) != codec_null())
      return false;
    put_byte(w, TAG_NULL);
    return true;
  default:
    return false;
  }
}

/* ---- any value ---- */

/* Write the cell of the value at `index` (absolute). */
static inline void write_value(struct encoder *e, int index) {
  int type = lua_type(e->L, index);
  if (!write_scalar(e->L, &e->w, index, type))
    encode_mention(e, index, type);
}

/* ---- bodies ---- */

/* The table whose body is being written: its place on the stack, and the progress so far. */
struct table_walk {
  int table, key, value;
  bool more;     /* key and value are on the stack */
  bool searched; /* it has been checked whether the table is a library */
};

/*
 * Write the value that the walk is at. Returns false if the table turns out to be a library, so
 * that its mention was wrong.
 */
static bool write_table_value(struct encoder *e, struct table_walk *walk) {
  int type = lua_type(e->L, walk->value);
  if (write_scalar(e->L, &e->w, walk->value, type))
    return true;
  if (type == LUA_TFUNCTION && !walk->searched) {
    walk->searched = true;
    if (names_learn_library(e->L, &e->codec->names, e->base + SLOT_CODEC, walk->table))
      return false;
  }
  encode_mention(e, walk->value, type);
  return true;
}

static void next_pair(lua_State *L, struct table_walk *walk) {
  lua_settop(L, walk->key);
  walk->more = lua_next(L, walk->table);
}

/* Write values as long as keys come as 1, 2, 3, ...; returns false as write_table_value does. */
static bool write_elements(struct encoder *e, struct table_walk *walk, size_t *ret_count) {
  lua_State *L = e->L;
  size_t n = 0;
  while (walk->more && lua_isinteger(L, walk->key) &&
         lua_tointegerx(L, walk->key, NULL) == (lua_Integer)n + 1) {
    if (!write_table_value(e, walk))
      return false;
    next_pair(L, walk);
    n++;
  }
  encode_tag(e, TAG_END);
  *ret_count = n;
  return true;
}

static bool write_pairs(struct encoder *e, struct table_walk *walk, size_t *ret_count) {
  size_t n = 0;
  for (; walk->more; n++) {
    if (lua_type(e->L, walk->key) == LUA_TSTRING)
      write_string(e->L, &e->w, walk->key);
    else
      write_value(e, walk->key);
    if (!write_table_value(e, walk))
      return false;
    next_pair(e->L, walk);
  }
  encode_tag(e, TAG_END);
  *ret_count = n;
  return true;
}

/*
 * The first use of a metatable that is sent by value is also a sign of a library (one that loads
 * its parts lazily).
 */
static bool write_metatable(struct encoder *e, struct table_walk *walk) {
  lua_State *L = e->L;
  if (!lua_getmetatable(L, walk->table))
    return true;
  encode_tag(e, TAG_METATABLE);
  bool nameless = encode_mention_metatable(e, walk->key);
  lua_pop(L, 1);
  if (!nameless)
    return true;
  walk->searched = true;
  return !names_learn_library(L, &e->codec->names, e->base + SLOT_CODEC, walk->table);
}

/* Returns false as write_table_value does. */
static bool write_table(struct encoder *e, uint32_t number, size_t cell) {
  lua_State *L = e->L;
  int top = e->base + SLOTS, table = codec_reach_object(L, e->base, number);
  int above = table > top ? table : top;
  struct table_walk walk = {.table = table, .key = above + 1, .value = above + 2};
  size_t elements = 0, pairs = 0;
  if (!write_metatable(e, &walk))
    return false;
  lua_pushnil(L);
  walk.more = lua_next(L, walk.table);
  if (!write_elements(e, &walk, &elements) || !write_pairs(e, &walk, &pairs))
    return false;
  uint8_t *hints = writer_byte(&e->w, cell) + 1;
  hints[0] = wire_hint(elements);
  hints[1] = wire_hint(pairs);
  if (table > top)
    lua_settop(L, top);
  return true;
}

static void write_upvalue(struct encoder *e, int function, int n, uint32_t number) {
  const void *id = lua_upvalueid(e->L, function, n);
  uint32_t known = encode_find(e, id);
  if (known != NONE) {
    const struct entity *shared = &e->entities[known];
    encode_tag_number(e, TAG_JOIN, shared->number);
    encode_need(e, WIRE_VARINT_MAX);
    put_varint(&e->w, shared->cell);
    return;
  }
  struct entity *new = encode_add(e, id, ENTITY_UPVALUE);
  new->number = number;
  new->cell = (size_t)n;
  write_value(e, function + 1);
}

static void write_function(struct encoder *e, uint32_t number) {
  lua_State *L = e->L;
  int function = e->base + SLOTS + 1;
  codec_push_object(L, e->base, number);
  for (int n = 1; lua_getupvalue(L, function, n); n++) {
    write_upvalue(e, function, n, number);
    lua_settop(L, function);
  }
  encode_tag(e, TAG_END);
  lua_settop(L, function - 1);
}

/* Returns false as write_table_value does. */
static bool write_bodies(struct encoder *e) {
  for (e->cursor = 0; e->cursor < e->len; e->cursor++) {
    struct entity entity = e->entities[e->cursor]; /* a copy, since the array may move */
    if (entity.kind == ENTITY_FUNCTION)
      write_function(e, entity.number);
    else if (entity.kind == ENTITY_TABLE && !write_table(e, entity.number, entity.cell))
      return false;
  }
  return true;
}

/* ---- a message ---- */

/* Returns false if it must be called again, because a new library was found. */
static bool write_message(struct encoder *e) {
  encode_need(e, 1 + WIRE_VARINT_MAX);
  put_byte(&e->w, e->base ? FORMAT_GRAPH : FORMAT_FLAT);
  put_varint(&e->w, (uint64_t)e->count);
  e->cursor = NONE;
  for (int i = 0; i < e->count; i++)
    write_value(e, e->first + i);
  return !e->base || write_bodies(e);
}

static void start_over(struct encoder *e) {
  lua_settop(e->L, e->base + SLOTS);
  writer_rewind(&e->w);
  encode_forget(e);
}

static void encode(struct encoder *e, lua_State *L, int first, int count, const char *what,
                   struct buf *out) {
  if (writer_start(&e->w, out))
    codec_raise_nomem(L);
  e->L = L;
  e->first = first;
  e->count = count;
  e->what = what;
  e->base = 0;
  e->codec = NULL;
  e->objects = 0;
  e->len = 0;
  e->cap = INLINE_ENTITIES;
  e->entities = e->own;
  e->index = NULL;
  while (!write_message(e))
    start_over(e);
  writer_finish(&e->w);
  if (e->base)
    lua_settop(L, e->base);
}

void codec_encode(lua_State *L, int first, int count, const char *what, struct buf *out) {
  struct encoder e; /* not zeroed: `own` is large, and scalars do not use it */
  e.abroad = false;
  encode(&e, L, first, count, what, out);
}

void codec_encode_abroad(lua_State *L, int first, int count, const char *what, int shared,
                         int modules, struct buf *out) {
  struct encoder e;
  e.abroad = true;
  e.shared = shared;
  e.modules = modules;
  encode(&e, L, first, count, what, out);
}

/* ---- a list ---- */

void codec_list_begin(lua_State *L, struct list_writer *l, size_t count, struct buf *out) {
  if (writer_start(&l->w, out))
    codec_raise_nomem(L);
  encode_room(L, &l->w, 1 + WIRE_VARINT_MAX);
  put_byte(&l->w, FORMAT_LIST);
  put_varint(&l->w, count);
  l->held = 0;
  l->bits = 0;
}

void codec_list_flush(lua_State *L, struct list_writer *l) {
  encode_room(L, &l->w, 3 + sizeof l->run);
  if (l->held == 1) /* shorter than a run of one integer */
    put_integer(&l->w, l->run[0]);
  else if (l->held > 1)
    put_run(&l->w, l->run, l->held, l->bits);
  l->held = 0;
  l->bits = 0;
}

bool codec_list_add_other(lua_State *L, struct list_writer *l, int index) {
  if (l->held > 0)
    codec_list_flush(L, l);
  return write_scalar(L, &l->w, index, lua_type(L, index));
}

void codec_list_end(lua_State *L, struct list_writer *l) {
  codec_list_flush(L, l);
  writer_finish(&l->w);
}

bool codec_encode_list(lua_State *L, int list, lua_Integer first, size_t count, struct buf *out) {
  enum { PART = 64 };
  int top = lua_gettop(L);
  struct list_writer l;
  bool written = true;
  if (lua_getmetatable(L, list)) {
    lua_pop(L, 1);
    return false;
  }
  if (!lua_checkstack(L, PART))
    codec_raise_nomem(L);
  codec_list_begin(L, &l, count, out);
  for (size_t left = count; left > 0 && written;) {
    int n = left < PART ? (int)left : PART;
    for (int i = 0; i < n; i++)
      lua_geti(L, list, first++); /* raw, since there is no metatable, and faster than
                                     lua_rawgeti */
    for (int i = 1; i <= n && written; i++)
      written = codec_list_add(L, &l, top + i);
    lua_settop(L, top);
    left -= (size_t)n;
  }
  if (written)
    codec_list_end(L, &l);
  return written;
}
