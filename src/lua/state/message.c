/* lua/state/message.c - see message.h. */
#include "lua/state/message.h"

#include <string.h>

#include "lua/codec/codec.h"
#include "lua/state/lib.h"

enum { KEEP_BYTES = 1 << 16 }; /* that a buffer keeps between two messages */

void messages_release(struct messages *m) {
  buf_release(&m->out);
  buf_release(&m->in);
  buf_release(&m->flying);
  buf_release(&m->read);
}

/* -- handles in messages --------------------------------------------------------------------- */

void lib_land(struct lib *lib, struct buf *refs) {
  struct object_ref ref;
  for (size_t at = 0; at < refs->len; at += sizeof ref) {
    memcpy(&ref, refs->data + at, sizeof ref);
    op_handle_land(lib->b, &ref);
  }
  refs->len = 0;
}

struct op_refs lib_flying(const struct lib *lib, size_t from, size_t to) {
  const uint8_t *refs = lib->messages.flying.data ? lib->messages.flying.data + from : NULL;
  return (struct op_refs){.sent = (const struct object_ref *)(const void *)refs,
                          .count = (uint32_t)((to - from) / sizeof(struct object_ref))};
}

int lib_fetch(struct lib *lib, const struct op *op, const struct buf *refs) {
  if (refs->len == 0)
    return 0;
  return op_handle_fetch(lib->b, op, (const struct object_ref *)(const void *)refs->data,
                         (uint32_t)(refs->len / sizeof(struct object_ref)));
}

/* Handles that a userdata holds. */
struct taken {
  struct lib *lib;
  struct buf refs;
  uint32_t generation; /* of the process that took them */
};

static int taken_gc(lua_State *L) {
  struct taken *t = lua_touserdata(L, 1);
  if (t->generation == t->lib->life.generation)
    lib_land(t->lib, &t->refs);
  buf_release(&t->refs);
  return 0;
}

void lib_push_taken(lua_State *L, struct lib *lib) {
  struct taken *t = lua_newuserdatauv(L, sizeof *t, 0);
  *t = (struct taken){.lib = lib, .generation = lib->life.generation};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, taken_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  t->refs = lib->messages.read;
  lib->messages.read = (struct buf){0};
}

/* -- making and reading ----------------------------------------------------------------------- */

void lib_sent(lua_State *L, struct lib *lib) {
  lib->messages.flying.len = 0;
  buf_clear(&lib->messages.out, KEEP_BYTES);
  lib_resume(L, lib);
}

void lib_encode(lua_State *L, struct lib *lib, int first, int count, const char *what) {
  lib_sent(L, lib); /* what an error left */
  lib_pause(L, lib);
  codec_encode(L, first, count, what, &lib->messages.out);
}

void lib_encode_more(lua_State *L, struct lib *lib, int first, int count, const char *what) {
  codec_encode(L, first, count, what, &lib->messages.out);
}

/* Leaves the collector paused: `message` may be in a buffer of the lib. */
static int decode(lua_State *L, struct lib *lib, const struct buf *message, struct buf *item) {
  lib_pause(L, lib);
  lib->messages.item = item;
  return codec_decode(L, message->data, message->len);
}

int lib_decode(lua_State *L, struct lib *lib, const struct buf *message) {
  int n = decode(L, lib, message, NULL);
  lib_resume(L, lib);
  return n;
}

int lib_decode_item(lua_State *L, struct lib *lib, struct handle *h, const struct op *op) {
  int rc = lib_fetch(lib, op, &h->refs);
  if (rc)
    return lib_expected(L, op_describe(op->kind)->verb, rc);
  int n = decode(L, lib, &h->item, &h->item);
  buf_clear(&h->item, KEEP_BYTES);
  lib_land(lib, &h->refs);
  lib_resume(L, lib);
  return n;
}

void lib_read_begin(struct lib *lib) {
  lib_land(lib, &lib->messages.read); /* what an error left */
  buf_clear(&lib->messages.in, KEEP_BYTES);
}

int lib_read_end(lua_State *L, struct lib *lib, const struct op *op) {
  int rc = lib_fetch(lib, op, &lib->messages.read);
  if (rc)
    return lib_expected(L, op_describe(op->kind)->verb, rc);
  int n = decode(L, lib, &lib->messages.in, NULL);
  buf_clear(&lib->messages.in, KEEP_BYTES);
  lib_land(lib, &lib->messages.read);
  lib_resume(L, lib);
  return n;
}
