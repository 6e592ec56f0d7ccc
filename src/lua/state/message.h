/*
 * lua/state/message.h - the messages that a process makes and reads: the buffers they are in, and the
 * handles in them. Private to src/lua.
 */
#ifndef SBX_LUA_STATE_MESSAGE_H
#define SBX_LUA_STATE_MESSAGE_H

#include <lua.h>
#include <stddef.h>

#include "base/buf.h"
#include "object/op.h"

struct handle;
struct lib;

struct messages {
  struct buf out;    /* the message being made */
  struct buf flying; /* struct object_ref of the handles in it */
  struct buf in;     /* a result being read */
  struct buf read;   /* the handles in it: held until it is decoded */
  struct buf *item;  /* the item being read, NULL if it is something else */
};

/* Free the buffers. */
void messages_release(struct messages *m);

/*
 * Encode into lib->messages.out, which is cleared before; the error stands at the caller's line. The
 * handles in it are in lib->messages.flying. The collector is held off until lib_sent.
 */
void lib_encode(lua_State *L, struct lib *lib, int first, int count, const char *what);

/* The message in lib->messages.out was sent, or will not be. */
void lib_sent(lua_State *L, struct lib *lib);

/* Several messages in lib->messages.out, of which one will be sent: encode one more after the first, which
 * lib_encode made. */
void lib_encode_more(lua_State *L, struct lib *lib, int first, int count, const char *what);

/* The handles of lib->messages.flying between two bytes, for an op that sends them. */
struct op_refs lib_flying(const struct lib *lib, size_t from, size_t to);

/*
 * An op took a message with these handles: have what it takes to make them, until its deadline.
 * Returns 0, -SBX_ETIMEDOUT, -SBX_EINTERRUPTED, -SBX_EMFILE: then the message is not to be decoded
 * now.
 */
int lib_fetch(struct lib *lib, const struct op *op, const struct buf *refs);

/* A message that was decoded, or never will be: let go of its handles, which others now hold. */
void lib_land(struct lib *lib, struct buf *refs);

/* Push a userdata that holds what lib->messages.read holds, until it is collected. */
void lib_push_taken(lua_State *L, struct lib *lib);

/* Decode, push the values, return how many. The collector is held off meanwhile, so the message may
 * be in a buffer of the lib. It may be decoded again. */
int lib_decode(lua_State *L, struct lib *lib, const struct buf *message);

/*
 * A message is read in two steps: an op appends it to lib->messages.in, and its handles to lib->messages.read, both
 * made empty by lib_read_begin; lib_read_end pushes its values, returns how many, and lets go of
 * the handles. It waits for descriptors as long as `op` may; then it returns nil and "timeout".
 * Between the two nothing may allocate in Lua.
 */
void lib_read_begin(struct lib *lib);
int lib_read_end(lua_State *L, struct lib *lib, const struct op *op);

/*
 * The same for an item that `op` took into the handle: it is decoded once, and cleared; if this
 * raises, or returns nil and "timeout" for want of descriptors, it stays.
 */
int lib_decode_item(lua_State *L, struct lib *lib, struct handle *h, const struct op *op);

#endif
