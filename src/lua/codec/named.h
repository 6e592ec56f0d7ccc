/*
 * lua/codec/named.h - the globals that a Lua function names.
 *
 * A function that is to run where this state's globals do not exist needs those that it names, and
 * so do the functions that it calls. Lua has no call that tells them, and no public interface to
 * bytecode. So what lua_dump writes is read: its form has a version in its header, and is the same
 * in all of Lua 5.4. Of the instructions three are known by their numbers; before the first use a
 * function with known globals is read, and if others are found, that is an error. Debug information
 * is not used: it may have been stripped.
 *
 * A global is an indexing of the upvalue that is the table of globals, whatever its name is. Which
 * upvalue that is, is read from the function itself; in the functions inside of it, from the
 * upvalues through which they got it.
 *
 * Part of the codec; includes lua.h and wire.
 */
#ifndef SBX_LUA_CODEC_NAMED_H
#define SBX_LUA_CODEC_NAMED_H

#include <lua.h>

/*
 * Set a key of the table at `set` (absolute) to true for each global that the Lua function at
 * `function`, or a function inside of it, reads.
 *
 * Too many names are possible, too few are not, but for names that are computed: where a function
 * holds the table of globals itself (`_G.name`, `local e = _ENV`, more constants than an instruction can
 * name), each of its strings counts as a name.
 *
 * Raises a Lua error, a string without position: out of memory; bytecode of a Lua that is not known.
 */
void named_globals(lua_State *L, int function, int set);

#endif
