/*
 * lua/state/message.h - the messages that a process makes and reads: their buffers, and the handles
 * in them. Private to src/lua.
 *
 * Handles in a message are "flying" while it is being made or is under way, and "land" when a
 * process holds their objects, or has dropped the message.
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
  struct buf flying; /* struct object_ref for each handle in it */
  struct buf in;     /* a message being read */
  struct buf read;   /* struct object_ref for each handle in it: held until it is decoded */
  struct buf *item;  /* the item of a queue or pipe being read; NULL: it is another message */
};

/* Free the buffers. */
void messages_release(struct messages *m);

/*
 * Encode into lib->messages.out, which is cleared first; an error is raised at the caller's line.
 * The handles are listed in lib->messages.flying. The collector is held off until lib_sent.
 */
void lib_encode(lua_State *L, struct lib *lib, int first, int count, const char *what);

/* The message in lib->messages.out was sent, or will not be sent. */
void lib_sent(lua_State *L, struct lib *lib);

/* Encode one more message behind those in lib->messages.out, of which one will be sent. The first
 * was made by lib_encode. */
void lib_encode_more(lua_State *L, struct lib *lib, int first, int count, const char *what);

/* The handles in a range of bytes of lib->messages.flying, for an op that sends them. */
struct op_refs lib_flying(const struct lib *lib, size_t from, size_t to);

/*
 * An op took a message with these handles: get the descriptors that they need, until its deadline.
 * Returns 0; or -SBX_ETIMEDOUT, -SBX_EINTERRUPTED, -SBX_EMFILE: then do not decode the message now.
 */
int lib_fetch(struct lib *lib, const struct op *op, const struct buf *refs);

/* A message was decoded, or never will be: release its handles, which others now hold. Empties
 * `refs`. */
void lib_land(struct lib *lib, struct buf *refs);

/* Push a userdata that takes over what lib->messages.read holds, until it is collected. */
void lib_push_taken(lua_State *L, struct lib *lib);

/* Decode, push the values, return how many. The message may be in a buffer of the lib, since the
 * collector is held off meanwhile. It may be decoded again. */
int lib_decode(lua_State *L, struct lib *lib, const struct buf *message);

/*
 * Read a message: lib_read_begin empties lib->messages.in and .read; an op appends the message to
 * the first and its handles to the second; lib_read_end pushes the values, returns how many, and
 * releases the handles. It waits for descriptors as long as `op` may wait; then it pushes nil and
 * "timeout". Between the two nothing may allocate in Lua.
 */
void lib_read_begin(struct lib *lib);
int lib_read_end(lua_State *L, struct lib *lib, const struct op *op);

/*
 * The same for an item that `op` took into the handle, which is cleared. If this raises, or returns
 * nil and "timeout" while descriptors are lacking, the item stays in the handle.
 */
int lib_decode_item(lua_State *L, struct lib *lib, struct handle *h, const struct op *op);

#endif
