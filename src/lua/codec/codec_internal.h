/*
 * lua/codec/codec_internal.h - shared by the files of the codec; nothing else includes it.
 *
 * A call keeps its working data on the C stack; what outgrows that goes into userdata and tables in
 * slots of the Lua stack. So a call owns nothing that a longjmp could leak, leaves nothing behind,
 * and may be interrupted by another call (a finalizer that a collection runs in the middle may send
 * something itself).
 */
#ifndef SBX_LUA_CODEC_CODEC_INTERNAL_H
#define SBX_LUA_CODEC_CODEC_INTERNAL_H

#include <assert.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lua/codec/codec.h"
#include "lua/codec/keys.h"
#include "lua/codec/names.h"
#include "wire/wire.h"

static_assert((int)CODEC_HANDLE_BYTES == (int)WIRE_HANDLE_BYTES, "a handle is copied as it is");

/* The codec's data in a state: a userdata in the registry, with the user values of
 * lua/codec/names.h, and one more. */
struct codec {
  uint8_t key[16];
  const struct codec_hooks *hooks; /* borrowed; NULL: there are no handles */
  struct names names;
  struct keys keys;
};
enum { CODEC_KEYS = NAMES_TABLES + 1 }; /* the user value that is the table of lua/codec/keys.h */

/* [-0, +1] the state's codec; codec_open must have been called. */
struct codec *codec_push(lua_State *L);

/* lua_error, declared as not returning. */
_Noreturn void codec_raise(lua_State *L);

/* Push and raise the error of exhausted memory. */
_Noreturn void codec_raise_nomem(lua_State *L);

/*
 * Slots on the Lua stack, one after the other from `base + 1`, in encoder and decoder alike.
 * Objects are numbered from 0 in order of first mention; the first ones are kept in slots, the
 * others in a table that is made when needed.
 */
enum {
  SLOT_CODEC = 1,      /* the codec's userdata: pushed before the other slots are made */
  SLOT_KEYS,           /* decoder: the table of lua/codec/keys.h; likewise */
  SLOT_MEMORY,         /* userdata for what outgrew the C stack */
  SLOT_MORE_MEMORY,    /* another one */
  SLOT_OBJECTS,        /* table of the objects that have no slot */
  SLOT_INLINE,         /* the objects 0 .. INLINE_OBJECTS - 1 */
  INLINE_OBJECTS = 12, /* enough for a small message */
  SLOTS = SLOT_INLINE + INLINE_OBJECTS - 1,
  SLOTS_TEMPORARY = 24 /* most values that the codec's functions push above the slots */
};

/* Keep the value at `index` as object number `number`. */
void codec_keep_object(lua_State *L, int base, uint32_t number, int index);

/* [-0, +1] the object number `number`. */
static inline void codec_push_object(lua_State *L, int base, uint32_t number) {
  if (number < INLINE_OBJECTS)
    lua_pushvalue(L, base + SLOT_INLINE + (int)number);
  else
    lua_rawgeti(L, base + SLOT_OBJECTS, (lua_Integer)(number - INLINE_OBJECTS) + 1);
}

/* [-0, +1 or 0] the index of the object number `number`: its slot, or the top of the stack. */
static inline int codec_reach_object(lua_State *L, int base, uint32_t number) {
  if (number < INLINE_OBJECTS)
    return base + SLOT_INLINE + (int)number;
  codec_push_object(L, base, number);
  return lua_gettop(L);
}

/* ---- encoder ---- */

#define NONE UINT32_MAX /* no entity */

enum { INLINE_ENTITIES = 16 };

enum entity_kind {
  ENTITY_TABLE,    /* sent by value: a body follows */
  ENTITY_FUNCTION, /* likewise */
  ENTITY_ATOM,     /* sent by name, or a handle: an object without a body */
  ENTITY_UPVALUE   /* of a function sent earlier; not an object */
};

/* A value with an identity that the message mentions. */
struct entity {
  const void *address; /* lua_topointer, lua_upvalueid */
  size_t cell;     /* TABLE: offset of its cell, for the hints; UPVALUE: its number in its function,
                  from 1 */
  uint32_t number; /* its number as an object; UPVALUE: the function's */
  uint32_t parent; /* the entity whose body mentions it first; NONE: a root */
  uint8_t kind;
  bool nameless; /* TABLE: known to have no name, so its use as a metatable is by value, too */
};

struct encoder {
  lua_State *L;
  struct writer w;
  int first, count; /* the roots */
  const char *what; /* the name of the roots */
  int base;         /* start of the slots; 0 until the first object */
  struct codec *codec;
  bool abroad; /* codec_encode_abroad, with its two tables */
  int shared, modules;
  uint32_t objects; /* object numbers given out */
  uint32_t cursor;  /* the entity whose body is being written; NONE: the roots */
  uint32_t len, cap;
  struct entity *entities; /* in order of first mention; `own` or in SLOT_MEMORY */
  uint32_t *index; /* 2 * cap places, hashed by address: entity or NONE. NULL while `own` is used */
  struct entity own[INLINE_ENTITIES];
};

/* The latest entity with this address, or NONE. */
uint32_t encode_find(const struct encoder *e, const void *address);

/* Add an entity, first mentioned at the cursor. The pointer is valid until the next call. */
struct entity *encode_add(struct encoder *e, const void *address, enum entity_kind kind);

/* Add the value at `index` as an entity that is an object, with the next number. */
struct entity *encode_add_object(struct encoder *e, int index, enum entity_kind kind);

/* Forget all entities. */
void encode_forget(struct encoder *e);

/*
 * Raise an error with the path of the value at `index`, which is a root or is mentioned in the body
 * at the cursor: `path: thing problem`, e.g. ("a coroutine", "cannot be sent"). If thing is NULL:
 * `path: problem`.
 */
_Noreturn void encode_fail(struct encoder *e, int index, const char *thing, const char *problem);

/* Make room for `n` bytes, or raise a Lua error. */
static inline void encode_room(lua_State *L, struct writer *w, size_t n) {
  if (writer_need(w, n))
    codec_raise_nomem(L);
}

static inline void encode_need(struct encoder *e, size_t n) { encode_room(e->L, &e->w, n); }

static inline void encode_tag(struct encoder *e, uint8_t tag) {
  encode_need(e, 1);
  put_byte(&e->w, tag);
}

static inline void encode_tag_number(struct encoder *e, uint8_t tag, uint64_t n) {
  encode_need(e, 1 + WIRE_VARINT_MAX);
  put_byte(&e->w, tag);
  put_varint(&e->w, n);
}

/* ---- encode_mention.c ---- */

/* Mention the value at `index`, of Lua type `type`, which is no scalar. */
void encode_mention(struct encoder *e, int index, int type);

/*
 * Mention the table at `index` as a metatable: by name if it has one, even if it was mentioned by
 * value before, so that getmetatable(x) == Point holds on the other side. Returns true if it was
 * found only now to have no name.
 */
bool encode_mention_metatable(struct encoder *e, int index);

/* ---- decoder ---- */

/* What follows for an object. */
enum object_kind { KIND_TABLE, KIND_FUNCTION, KIND_ATOM };

/* A metatable to set when everything is filled; both are object numbers. */
struct metatable_of {
  uint32_t table;
  uint32_t metatable;
};

enum { OWN_METATABLES = 8 };

struct decoder {
  lua_State *L;
  struct reader r;
  int base; /* the slots */
  struct codec *codec;
  size_t budget; /* what hints may still claim; see wire_hint_budget */
  uint32_t objects, objects_cap;
  uint8_t *kinds; /* of each object; `own_kinds` or in SLOT_MEMORY */
  uint32_t metatables, metatables_cap;
  struct metatable_of *pending; /* `own_pending` or in SLOT_MORE_MEMORY */
  uint8_t own_kinds[INLINE_OBJECTS];
  struct metatable_of own_pending[OWN_METATABLES];
};

/* Raise an error: "malformed message: `problem` at byte 12". */
_Noreturn void decode_malformed(struct decoder *d, const char *problem);

static inline uint8_t next_byte(struct decoder *d) {
  uint8_t byte;
  if (!take_byte(&d->r, &byte))
    decode_malformed(d, "it ends early");
  return byte;
}

static inline uint64_t next_varint(struct decoder *d) {
  uint64_t v;
  if (!take_varint(&d->r, &v))
    decode_malformed(d, "a number is cut off or too large");
  return v;
}

static inline uint64_t next_fixed(struct decoder *d, int bytes) {
  uint64_t v;
  if (!take_fixed(&d->r, bytes, &v))
    decode_malformed(d, "a number is cut off");
  return v;
}

static inline const uint8_t *next_bytes(struct decoder *d, uint64_t len) {
  const uint8_t *p;
  if (!take_bytes(&d->r, len, &p))
    decode_malformed(d, "a length is beyond the end");
  return p;
}

/* Take the number of an existing object. */
static inline uint32_t next_object(struct decoder *d) {
  uint64_t number = next_varint(d);
  if (number >= d->objects)
    decode_malformed(d, "a reference to nothing");
  return (uint32_t)number;
}

/* Double the memory of a slot; the old contents are copied, and the old memory becomes garbage. */
void *decode_grow(lua_State *L, int slot, const void *old, size_t bytes);

/* [-0, +1] the object that is mentioned by a cell that began with `tag`. */
void decode_object(struct decoder *d, uint8_t tag);

#endif
