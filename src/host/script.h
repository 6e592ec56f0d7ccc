/*
 * host/script.h - running a script as lua(1) does: in main, under the supervisor.
 */
#ifndef SBX_HOST_SCRIPT_H
#define SBX_HOST_SCRIPT_H

#include <lua.h>
#include <stdbool.h>

#include "host/options.h"
#include "object/op.h"

/* What is to be run; borrowed. */
struct script {
  const struct options *options;
  int argc;
  char **argv;
};

/* The line that -v and --version print, without its end. */
extern const char script_version[];

/*
 * Main's whole life, for supervisor_run.
 *   ctx  a struct script
 * Returns the exit status: 0, EXIT_LUA_ERROR (told on stderr) or EXIT_INTERRUPTED.
 */
int script_process(struct backend *b, void *ctx);

/* Compile the script and what -e says; run nothing. Returns 0 or EXIT_LUA_ERROR (told on stderr).
 */
int script_check(const struct script *s);

/*
 * For the prompt: call the function below `args` arguments on the stack, as lua_call would.
 * Returns Lua's status; if it is not LUA_OK, the error is on the top of the stack as a string, and
 * its traceback is kept for script_report.
 */
int script_call(lua_State *L, int args, int results);

/*
 * Pop the error on the top of the stack and print it.
 *   bare  without "sandbox: " in front
 */
void script_report(lua_State *L, bool bare);

#endif
