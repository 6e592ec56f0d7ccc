/*
 * lua/codec.h - Lua values to bytes and back.
 *
 * One codec serves queues, results and whatever else crosses a process boundary. It uses no recursion, so a
 * list nested 100,000 deep works; the decoder trusts nothing.
 *
 * Includes lua.h, base and value; knows handles only through the hooks below.
 */
#ifndef SBX_LUA_CODEC_H
#define SBX_LUA_CODEC_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { CODEC_HANDLE_BYTES = 16 };

/* What the codec asks of the bindings. */
struct codec_hooks {
  /*
   * The value at `index` is a full userdata. If it is a handle: fill `ret`, push nothing, return true.
   * If it is not: return false. May raise a Lua error (the message gets the path in front).
   */
  bool (*export_handle)(lua_State *L, int index, uint8_t ret[CODEC_HANDLE_BYTES]);
  /* Push the handle that `ref` names (bytes are untrusted: validate), or raise a Lua error. */
  void (*import_handle)(lua_State *L, const uint8_t ref[CODEC_HANDLE_BYTES]);
};

/* 
 * Prepare the codec in L: creates its registry entries. `key` (16 bytes, copied) authenticates functions,
 * so that bytes which no process of this run wrote never reach Lua's bytecode loader. `hooks` is borrowed for ever.
 * Raises a Lua error only for want of memory.
 */
void codec_open(lua_State *L, const uint8_t key[16], const struct codec_hooks *hooks);

/*
 * Encode `count` values from stack index `first` (positive) into `out`, appending. The stack is as before.
 *   what   how an error names the root: "item" gives `item.handlers[3]: a coroutine cannot be sent`;
 *          with count > 1 the values are named `what 1`, `what 2`, ...
 *   out    must be owned by something Lua collects, since this raises
 * Raises a Lua error, a string WITHOUT position (the caller adds its own by luaL_where), for a value that cannot be
 * sent or for want of memory; `out->len` is then as it was.
 */
void codec_encode(lua_State *L, int first, int count, const char *what, struct buf *out);

/*
 * Decode a message that codec_encode wrote: pushes its values, returns how many.
 *   data  borrowed; any bytes at all
 * Raises a Lua error, a string without position, for a malformed message ("malformed message: ... at byte N"), a name that
 * this process lacks, or want of memory. Nothing is allocated on the say-so of a length not backed by bytes.
 */
int codec_decode(lua_State *L, const uint8_t *data, size_t len);

#endif
