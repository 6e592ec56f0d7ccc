/*
 * host/script.h - running a script as lua(1) does: in main, under the supervisor.
 */
#ifndef SBX_HOST_SCRIPT_H
#define SBX_HOST_SCRIPT_H

#include <lua.h>
#include <stdbool.h>

#include "host/program.h"
#include "object/op.h"
#include "prompt/session.h"

/* The line that -v and --version print, without a newline. */
extern const char script_version[];

/*
 * Main's whole life, for supervisor_run.
 *   ctx  a struct script
 * Returns the exit status: 0, EXIT_LUA_ERROR (reported on stderr) or EXIT_INTERRUPTED.
 */
int script_process(struct backend *b, void *ctx);

/* The same in a simulated run (sim/run.h). */
int script_simulated(struct backend *b, void *ctx);

/* The whole life of a session of the prompt (prompt/repl.h): the script, then lines. */
int script_session(struct backend *b, const struct session_place *place, void *ctx);

/* Compile the script and the statements of -e; run nothing. Returns 0 or EXIT_LUA_ERROR (reported
 * on stderr). */
int script_check(const struct script *s);

/* The same without the script's arguments, which --check takes for scripts. One that is no file is not read: 0. */
int script_check_alone(const struct script *s);

#endif
