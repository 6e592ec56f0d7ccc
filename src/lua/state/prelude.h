/*
 * lua/state/prelude.h - the parts of sandbox that are written in Lua and compiled into the program.
 *
 * Each file below src/lua/prelude (and src/prompt/lua) is a chunk that returns its module. It runs
 * when it is first asked for, so a script that needs none pays nothing, and once in a state; a
 * child has what its parent had loaded.
 */
#ifndef SBX_LUA_STATE_PRELUDE_H
#define SBX_LUA_STATE_PRELUDE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct prelude_source {
  const char *name; /* of the module: its file's name without ".lua" */
  const char *text; /* not ended by a zero for anybody who counts */
  size_t len;
};

/* src/lua/prelude, ended by a row of NULL. */
extern const struct prelude_source prelude_sources[];

/*
 * When the library is opened, its table at `table`: keep what the chunks of src/lua/prelude use of
 * the libraries, as it is then. They run in an environment of their own, so whatever a script does
 * to its globals, and to the tables of libraries, does not reach them. No chunk calls a method of a
 * string, which would be looked up in the script's table `string`.
 */
void prelude_open(lua_State *L, int table);

/*
 * Push what the chunk `name` of a table of sources returned; the first time, compile it (as
 * "=[sandbox NAME]") and call it with the library's table (or a copy) and a function: `use(name)`
 * is this function for another chunk of the same table. Raises whatever the chunk raises; a name
 * that is not there is a mistake in the program.
 */
void prelude_push(lua_State *L, const struct prelude_source *sources, const char *name);

/* [-1, +0] Make a value the module `name` of a table of sources. */
void prelude_set(lua_State *L, const struct prelude_source *sources, const char *name);

/* [arguments...] Call a function of the module `name`; returns how many results are on the stack in
 * the place of the arguments. */
int prelude_call(lua_State *L, const struct prelude_source *sources, const char *name,
                 const char *function);

/* Is a function with this source (lua_Debug) one of a chunk's? Its lines tell a person nothing. */
bool prelude_owns(const char *source);

/* Has the module `name` been made? */
bool prelude_has(lua_State *L, const struct prelude_source *sources, const char *name);

#endif
