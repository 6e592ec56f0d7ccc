/*
 * host/prompt.h - a plain prompt: read a line, run it, print its results.
 *
 * For `-i` without a terminal, as in lua(1). The prompt on a terminal is prompt/repl.h.
 */
#ifndef SBX_HOST_PROMPT_H
#define SBX_HOST_PROMPT_H

#include <lua.h>
#include <stdbool.h>

#include "object/op.h"

/*
 * Read and run statements from standard input until its end. Errors are printed, and the prompt
 * goes on. Returns true, or false if Ctrl-C ended it. May raise a Lua error (memory; a bad
 * _PROMPT).
 */
bool prompt_run(lua_State *L);

#endif
