/*
 * lua/codec/encode_entity.c - the values that a message has mentioned so far, found by address.
 *
 * A few entities are kept in an array on the C stack and compared one by one. When there are more,
 * they move to a userdata that holds the array and a hash table over it (open addressing, never
 * more than half full).
 */
#include <string.h>

#include "lua/codec/codec_internal.h"

/*
 * The place in the index of the entity with this address, or the empty place where it belongs.
 */
static uint32_t *place_of(const struct encoder *e, const void *address) {
  size_t mask = 2 * (size_t)e->cap - 1;
  size_t i = (size_t)(((uintptr_t)address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;
  while (e->index[i] != NONE && e->entities[e->index[i]].address != address)
    i = (i + 1) & mask;
  return &e->index[i];
}

uint32_t encode_find(const struct encoder *e, const void *address) {
  if (e->index)
    return *place_of(e, address);
  for (uint32_t i = e->len; i-- > 0;)
    if (e->entities[i].address == address)
      return i;
  return NONE;
}

static void clear_index(struct encoder *e) {
  if (e->index)
    memset(e->index, 0xff, 2 * (size_t)e->cap * sizeof *e->index);
}

/* Move to a userdata of twice the size: the entities, then their index. */
static void grow_entities(struct encoder *e) {
  if (e->cap > UINT32_MAX / 4)
    codec_raise_nomem(e->L);
  size_t cap = 2 * (size_t)e->cap;
  struct entity *entities =
      lua_newuserdatauv(e->L, cap * sizeof *entities + 2 * cap * sizeof *e->index, 0);
  memcpy(entities, e->entities, e->len * sizeof *entities);
  lua_replace(e->L, e->base + SLOT_MEMORY); /* not earlier: it held the old ones */
  e->entities = entities;
  e->index = (uint32_t *)(entities + cap);
  e->cap = (uint32_t)cap;
  clear_index(e);
  for (uint32_t i = 0; i < e->len; i++)
    *place_of(e, entities[i].address) = i; /* a later entity takes over the address */
}

struct entity *encode_add(struct encoder *e, const void *address, enum entity_kind kind) {
  if (e->len == e->cap)
    grow_entities(e);
  if (e->index)
    *place_of(e, address) = e->len;
  struct entity *new = &e->entities[e->len++];
  *new = (struct entity){.address = address, .parent = e->cursor, .kind = (uint8_t)kind};
  return new;
}

struct entity *encode_add_object(struct encoder *e, int index, enum entity_kind kind) {
  codec_keep_object(e->L, e->base, e->objects, index);
  struct entity *new = encode_add(e, lua_topointer(e->L, index), kind);
  new->number = e->objects++;
  return new;
}

void encode_forget(struct encoder *e) {
  clear_index(e);
  e->len = 0;
  e->objects = 0;
}
