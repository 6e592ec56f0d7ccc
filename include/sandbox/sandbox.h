/*
 * sandbox/sandbox.h - embed sandbox in a C program.
 *
 * Link libsandbox and open the library in a lua_State of your own. Scripts then have the same API as in the program
 * `sandbox`: the globals spawn, join, queue, queue_put, queue_get and sleep, and the table `sandbox` (also by
 * `require "sandbox"`).
 *
 *   lua_State *L = luaL_newstate();
 *   luaL_openlibs(L);
 *   sandbox_open(L, NULL);
 *   luaL_dofile(L, "experiment.lua");
 *   sandbox_finish(L);
 *   lua_close(L);
 *
 * The program `sandbox` runs scripts under a supervising parent; another host has none. There, the first spawn, or the
 * first handle that is sent to another process, starts the supervisor as a side process. What only a parent can do is
 * missing: the supervisor reaps no orphans, and no exit status passes through it. Deadlocks are reported on stderr, but
 * end nothing.
 *
 * The host must have only one thread when a script calls spawn (a spawn is a fork without exec), and must not reap
 * children that it did not make (no waitpid(-1, ...)).
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <lua.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SANDBOX_VERSION_MAJOR 0
#define SANDBOX_VERSION_MINOR 1
#define SANDBOX_VERSION_PATCH 0
#define SANDBOX_VERSION "0.1.0"

#if defined(__GNUC__)
#define SANDBOX_API __attribute__((visibility("default")))
#else
#define SANDBOX_API
#endif

/* Options of a run. Zero in a field means its default. */
struct sandbox_options {
  double speed;       /* the run's clock goes this many times faster; default 1 */
  uint64_t seed;      /* of math.random in every process; default: random */
  uint32_t max_procs; /* processes alive at once; default 512 */
  int tag_output;     /* not 0: tag each line of a child with [name#id] */
};

/*
 * Open the library in L: sets the globals and `package.loaded.sandbox`. L must be the main state, with its
 * standard libraries open.
 *   options  borrowed for the call; NULL for the defaults
 * Returns 0, or -1 with a message on top of L's stack (there was no shared memory).
 * A second call in the same process does nothing.
 */
SANDBOX_API int sandbox_open(lua_State *L, const struct sandbox_options *options);

/*
 * Wait for all children except daemons, then end the daemons, as at the end of a script. lua_close does the same.
 * Returns the number of processes that failed without being joined.
 */
SANDBOX_API int sandbox_finish(lua_State *L);

/* The version of the linked library: "0.1.0". */
SANDBOX_API const char *sandbox_version(void);

/* For require "sandbox": opens the library with the defaults and returns its table. */
SANDBOX_API int luaopen_sandbox(lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
