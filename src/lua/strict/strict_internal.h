/* lua/strict/strict_internal.h - shared by the files of the language layer; nothing else includes it. */
#ifndef SBX_LUA_STRICT_STRICT_INTERNAL_H
#define SBX_LUA_STRICT_STRICT_INTERNAL_H

#include <lauxlib.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/policy_path.h"
#include "lua/strict/strict.h"

/* The policy, the first upvalue of the functions here; the second is the function that each stands for. */
enum { UP_POLICY = 1, UP_ORIGINAL };

static inline const struct policy *strict_policy(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(UP_POLICY));
}

/* Call the function that the running one stands for, with its arguments, in its frame. The original has no
 * upvalues. Returns how many results there are. */
static inline int strict_original(lua_State *L) {
  return lua_tocfunction(L, lua_upvalueindex(UP_ORIGINAL))(L);
}

struct strict_function {
  const char *name;
  lua_CFunction f;
};

/* [table] Put functions in place of those of the same names, which they get as upvalue UP_ORIGINAL. */
void strict_replace(lua_State *L, const struct policy *p, const struct strict_function *functions);

/* [table] Put a function in the place of each of these fields that raises "NAME is not allowed in strict mode", and
 * the flag that would allow it. `fields` is ended by NULL. */
void strict_refuse(lua_State *L, const char *library, const char *const fields[], const char *flag);

/* Push the message of a use that is not allowed: "reading PATH is not allowed in strict mode (run with ...)". */
const char *strict_push_refusal(lua_State *L, enum policy_use use, const char *path);

/* Push a stream, as policy_fopen. Returns whether the policy lets; `ret_ok`: it is open, else see errno. */
bool strict_push_stream(lua_State *L, const struct policy *p, const char *path, const char *mode,
                        enum policy_use use, bool *ret_ok);

/*
 * Load a file as a function, or push an error message. Returns Lua's status. Text only. A refusal is an error that is
 * raised.
 *   path  NULL: standard input
 */
int strict_load_file(lua_State *L, const struct policy *p, const char *path, enum policy_use use);

/* Each opens a part: functions for files, for code, for text. */
void strict_open_files(lua_State *L, const struct policy *p);
void strict_open_code(lua_State *L, const struct policy *p);
void strict_open_text(lua_State *L, const struct policy *p);
void strict_open_format(lua_State *L, const struct policy *p);

/* io.open and os.getenv raise what they refuse from now on; until now they return it, for the library. */
void strict_close_files(lua_State *L, const struct policy *p);

/* Push sandbox.strict: a table that says what holds. */
void strict_push_facts(lua_State *L, const struct policy *p);

#endif
