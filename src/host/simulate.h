/*
 * host/simulate.h - --sim and --explore: a script as a simulated run.
 */
#ifndef SBX_HOST_SIMULATE_H
#define SBX_HOST_SIMULATE_H

#include <lua.h>

#include "host/script.h"
#include "look/snapshot.h"

/* Run the script in the simulator, as its options say. Returns the exit status. */
int simulate(struct script *script);

/* Start the program again at addresses that are the same each time, unless they are. */
void simulate_fix_addresses(char **argv);

/* This process is going to simulate: handlers of signals, where reports go, the time that Lua reads. */
void simulate_begin(void);

/* The exit statuses of a simulated run, as of a real one. */
enum { SIMULATE_UNJOINED = 3, SIMULATE_DEADLOCK = 4 };

/* Tell a deadlock: who waits for what. `ctx` is not used. */
void simulate_say_deadlock(void *ctx, const struct snapshot *taken);

/* For report_set_writer: to the present stderr, which may be that of a process. */
void simulate_report(const void *text, size_t len);

/* Replace the functions by which a script would reach, or change, what is outside of a simulated run. */
/* `explored`: the run goes many ways, and a file that is open would have one place in all of them. */
void simulate_restrict(lua_State *L, struct backend *b, bool explored);

#endif
