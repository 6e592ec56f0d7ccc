/*
 * lua/state/masked.h - values as text, without addresses where these must not be known.
 *
 * An address tells an attacker where to aim. In strict mode `table: 0x...` shows a number that is made from
 * the address and a key of the run: the same for the same object, and of no other use.
 */
#ifndef SBX_LUA_STATE_MASKED_H
#define SBX_LUA_STATE_MASKED_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

/* From now on addresses are masked in this state, and in those of processes forked from it. `key` is copied. */
void masked_open(lua_State *L, const uint8_t key[16]);

/* As luaL_tolstring. */
const char *masked_tolstring(lua_State *L, int index, size_t *ret_len);

/* [-0, +1] The same of what is no nil, boolean, number or string, in less time: the text is only pushed. */
void masked_push_text(lua_State *L, int index);

enum { MASKED_ADDRESS_BYTES = 14 };

/* "0x" and the number of an object, or "(null)" for what has no address: as %p. Returns its length. */
size_t masked_write_address(lua_State *L, int index, char ret[MASKED_ADDRESS_BYTES]);

/* [-0, +1] The same. */
const char *masked_push_address(lua_State *L, int index);

/* A number that nobody can guess who does not know the key. */
uint64_t masked_number(lua_State *L, uint64_t from);

#endif
