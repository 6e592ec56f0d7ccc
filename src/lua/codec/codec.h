/*
 * lua/codec/codec.h - Lua values to bytes and back.
 *
 * One codec serves queues, results and everything else that crosses a process boundary. It uses no
 * recursion, so a list nested 100,000 deep works; the decoder trusts nothing; neither direction
 * runs a metamethod or loads a module.
 *
 * How values are sent:
 *   by value   nil, booleans, integers, floats, strings, codec_null; tables (cycles and shared
 *              references are kept within a message); Lua functions with debug information and
 *              upvalues (shared ones stay shared)
 *   by name    C functions; libraries: the globals, and loaded modules that contain a function (a
 *              module of mere data is data); metatables that are a global, a module or a field of
 *              a module (except Lua's own); streams of a library (io.stdout).
 *              A value that a message has once mentioned by name is sent by name from there on
 *   by hooks   handles
 *   an error   coroutines, other userdata and light userdata, C functions without a name
 *
 * A finalizer may run in the middle of an encode or decode and call the codec again. That is safe
 * as long as buffers and data belong to one call alone.
 *
 * Includes lua.h, base and wire; knows handles and finalizers only through the hooks below.
 */
#ifndef SBX_LUA_CODEC_CODEC_H
#define SBX_LUA_CODEC_CODEC_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/wire.h"

enum { CODEC_HANDLE_BYTES = 16 };

enum codec_export { CODEC_NO_HANDLE, CODEC_HANDLE, CODEC_REFUSED };

/* What the codec asks of the bindings. */
struct codec_hooks {
  /*
   * Called once for each full userdata of a message, which is at `index` (absolute); LUA_MINSTACK slots are free. If it
   * is a handle: fill `ret`. One that cannot be sent is refused: push a string that says why (the path is put before
   * it). Raises nothing, and calls nothing of Lua, not even a function in C: a debug hook of the script would run, and
   * could make a message in the middle of this one.
   */
  enum codec_export (*export_handle)(lua_State *L, int index, uint8_t ret[CODEC_HANDLE_BYTES]);
  /* Push the handle that `ref` names (untrusted bytes: validate them), or raise a Lua error. */
  void (*import_handle)(lua_State *L, const uint8_t ref[CODEC_HANDLE_BYTES]);
  /* The codec is about to raise an error. Not called for a memory error that Lua itself raises. May
   * be NULL. */
  void (*before_raise)(lua_State *L);
  /* lua_setmetatable, for a table that a message brings. NULL: that itself. */
  void (*set_metatable)(lua_State *L, int index);
  /* Can the handle that export_handle has named be reached on another host? NULL: none can. */
  bool (*reaches_abroad)(lua_State *L, const uint8_t ref[CODEC_HANDLE_BYTES]);
  /* Does the function at `index` stand for another one, which is to be sent in its place? Then push
   * that. NULL: none does. */
  bool (*push_meant)(lua_State *L, int index);
};

/*
 * Prepare the codec in L: creates its registry entry. `key` (16 bytes, copied) authenticates
 * functions, so that bytes that no process of this run wrote never reach Lua's bytecode loader.
 * `hooks` is borrowed for ever; NULL: there are no handles. Raises a Lua error only when memory is
 * exhausted.
 */
void codec_open(lua_State *L, const uint8_t key[16], const struct codec_hooks *hooks);

/*
 * Forget what was kept to be faster: so a process that comes back to the same values comes back to the same
 * memory. If there is no memory for three slots of the stack, nothing happens.
 */
void codec_forget(lua_State *L);

/* The light userdata that is sandbox.null: the same address in every process made by fork. */
void *codec_null(void);

/*
 * Encode `count` values from stack index `first` (positive), appending to `out`. The stack is
 * unchanged.
 *   what   the name of the root in errors: "item" gives `item.handlers[3]: a coroutine cannot be
 *          sent`; with count > 1 the values are named `what 1`, `what 2`, ...
 *   out    must be owned by something that Lua collects, since this function raises. Its `len` is
 *          set once, at the end: an error of any kind, also Lua's own memory error, leaves `len`
 *          and the bytes before it unchanged
 * Raises a Lua error, a string WITHOUT position (the caller adds its own by luaL_where), for a
 * value that cannot be sent, or when memory is exhausted.
 */
void codec_encode(lua_State *L, int first, int count, const char *what, struct buf *out);

/* ---- for a state that this one shares nothing with, on another host ---- */

/* What is there now is in every state. To be called once, before a script runs. */
void codec_know_standard(lua_State *L);

/*
 * As codec_encode, for a state that has only what codec_know_standard saw, and the same modules, which
 * are sent by name. Else everything that can be sent by value is: metatables, too. Handles are an error,
 * as long as no hook says that they can be reached from there.
 *   shared   index of a table: the names of the globals that the reader has, too, as keys; 0: none
 *   modules  index of a table, which gets the names of the modules that the message needs as keys
 */
void codec_encode_abroad(lua_State *L, int first, int count, const char *what, int shared,
                         int modules, struct buf *out);

/*
 * Put the globals that the Lua function at `function` names, and that are neither nil nor in every state,
 * into the table at `into`: name -> value. See lua/codec/named.h.
 */
void codec_named_globals(lua_State *L, int function, int into);

/* A message of one value, in two parts, the second inside a Lua string; needs no memory. */
struct codec_scalar {
  uint8_t head[16];
  size_t head_len;
  const void *more; /* borrowed from the value encoded */
  size_t more_len;
};

/* Make the message that codec_encode would make of the value at `index`, if that is a boolean, a
 * number, a string or codec_null; else return false. */
bool codec_encode_scalar(lua_State *L, int index, struct codec_scalar *ret);

/* If the message is one boolean, number or codec_null, push it as codec_decode would; else push
 * nothing and return false. */
bool codec_decode_scalar(lua_State *L, const uint8_t *data, size_t len);

/* If the message is one string of 64 bytes or more, find its bytes; else return false. */
bool codec_find_string(const uint8_t *data, size_t len, const uint8_t **ret, size_t *ret_len);

/*
 * Encode `count` elements of the table at `list` (positive) from `first` on as a list. Returns
 * false, with `out` unchanged, if one of them has an identity (a table, a function, a handle) or
 * the table has a metatable. Raises when memory is exhausted.
 */
bool codec_encode_list(lua_State *L, int list, lua_Integer first, size_t count, struct buf *out);

/*
 * The same element by element. Integers are held back until a run of them is full, or another value follows. The
 * buffer's `len` changes at the end alone.
 */
struct list_writer {
  struct writer w;
  uint32_t held;
  uint64_t bits; /* that those need */
  int64_t run[WIRE_RUN_MAX];
};

/* Begin a list of `count` elements, appending to `out` (borrowed until the end). Raises when memory is exhausted, as
 * the others do; then nothing was added. */
void codec_list_begin(lua_State *L, struct list_writer *l, size_t count, struct buf *out);

void codec_list_flush(lua_State *L, struct list_writer *l);
bool codec_list_add_other(lua_State *L, struct list_writer *l, int index);

/* Add the value at `index`. Returns false, with nothing added, if it has an identity. */
static inline bool codec_list_add(lua_State *L, struct list_writer *l, int index) {
  if (!lua_isinteger(L, index))
    return codec_list_add_other(L, l, index);
  if (l->held == WIRE_RUN_MAX)
    codec_list_flush(L, l);
  int64_t v = lua_tointegerx(L, index, NULL);
  l->run[l->held++] = v;
  l->bits |= needed_bits(v);
  return true;
}

/* All that was added is in the buffer. */
void codec_list_end(lua_State *L, struct list_writer *l);

/*
 * Decode a message that codec_encode wrote: pushes its values and returns how many.
 *   data  borrowed; any bytes at all
 * Raises a Lua error, with the caller's position, for a malformed message ("malformed message: ...
 * at byte N"), a name that this process lacks, or when memory is exhausted. Metatables are set
 * last, so no finalizer sees a half-filled table; after an error none have been set. Memory is
 * allocated in proportion to the bytes read, whatever they claim.
 */
int codec_decode(lua_State *L, const uint8_t *data, size_t len);

/*
 * Decode a list that codec_encode_list wrote: its values become the elements of the table at `list`
 * (positive) from `first` on, set raw. Returns how many. Elements decoded before an error stay.
 */
int codec_decode_list(lua_State *L, const uint8_t *data, size_t len, int list, lua_Integer first);

/* A list being decoded in steps. */
struct list_reader {
  struct reader r;    /* borrows the data */
  uint64_t left;      /* elements to come */
  const uint8_t *run; /* so many of them are the rest of a run, of integers of `width` bytes */
  size_t in_run;
  int width;
};

/* Start to read a list. Raises if it is malformed. */
void codec_list_open(lua_State *L, struct list_reader *l, const uint8_t *data, size_t len);

/* Push the next element; there must be one, and a free slot. Raises if it is malformed, or when memory is exhausted. */
void codec_list_push(lua_State *L, struct list_reader *l);

/* Store all remaining elements in the table at `list`, as codec_decode_list does. */
int codec_list_place(lua_State *L, struct list_reader *l, int list, lua_Integer first);

#endif
