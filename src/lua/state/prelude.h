/*
 * lua/state/prelude.h - the parts of sandbox that are written in Lua and compiled into the program.
 *
 * Each file below src/lua/prelude (and src/prompt/lua) is a chunk that returns its module. It runs
 * once in a state, when it is first needed, so a script that needs none pays nothing. A child has
 * the modules that its parent had loaded.
 */
#ifndef SBX_LUA_STATE_PRELUDE_H
#define SBX_LUA_STATE_PRELUDE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct prelude_source {
  const char *name; /* of the module: its file without ".lua" */
  const char *text; /* `len` bytes */
  size_t len;
};

/* The files of src/lua/prelude, ended by a row of NULL. */
extern const struct prelude_source prelude_sources[];

/*
 * To be called when the library is opened, with its table at `table` (an empty one serves for the
 * modules that need no library, such as hint_syntax): copy the functions of the
 * standard libraries that the chunks of src/lua/prelude use. They run in an environment of their
 * own, which a script that changes its globals or the tables of libraries does not change. No chunk
 * calls a method of a string: that would be looked up in the script's table `string`.
 */
void prelude_open(lua_State *L, int table);

/*
 * Push the module `name` of a table of sources. The first time, compile its chunk (as "=[sandbox
 * NAME]") and call it with the library's table (or a copy) and a function `use(name)`, which
 * returns another module of the same table, or else of the library's. Raises what the chunk raises.
 */
void prelude_push(lua_State *L, const struct prelude_source *sources, const char *name);

/* [-1, +0] Make a value the module `name` of a table of sources. */
void prelude_set(lua_State *L, const struct prelude_source *sources, const char *name);

/* [arguments...] Call a function of the module `name`. Returns how many results have replaced the
 * arguments. */
int prelude_call(lua_State *L, const struct prelude_source *sources, const char *name,
                 const char *function);

/* Is a function with this source (lua_Debug) part of a chunk? Users should not see its lines. */
bool prelude_owns(const char *source);

/* Has the module `name` been made? */
bool prelude_has(lua_State *L, const struct prelude_source *sources, const char *name);

#endif
