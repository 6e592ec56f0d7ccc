/*
 * lua/state/call.h - calling Lua as lua(1) does: with a traceback, and a report when it fails.
 *
 * For the script and for the prompt; knows neither.
 */
#ifndef SBX_LUA_STATE_CALL_H
#define SBX_LUA_STATE_CALL_H

#include <lua.h>
#include <stdbool.h>

/*
 * Call the function below `args` arguments on the stack, as lua_call would.
 * Returns Lua's status; if it is not LUA_OK, the error is on the top of the stack as a string, and
 * its traceback is kept for call_report.
 */
int call_function(lua_State *L, int args, int results);

/*
 * Pop the error on the top of the stack and print it, with the traceback that was kept, if any.
 *   bare  without "sandbox: " in front
 */
void call_report(lua_State *L, bool bare);

/* [error] Push the message for an error object that is no text and has no __tostring, with the
 * fields of a table. */
void call_describe(lua_State *L, int index);

/* A message handler that leaves the error as it is, and keeps its traceback and its hint. */
int call_keep_traceback(lua_State *L);

/* Push the traceback that was kept, nil if there is none, and forget it. */
void call_take_traceback(lua_State *L);

/* Push the hint for the error at `index`: the one that a handler kept, which is forgotten, or else
 * what can be said without the stack of the function that failed; nil if there is none. */
void call_take_hint(lua_State *L, int index);

#endif
