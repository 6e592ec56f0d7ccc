/*
 * host/simulated.h - what a process that simulates is like, whatever it simulates for: --sim, --explore, --replay, or a function
 * that is explored.
 *
 * A run is the same each time: addresses are (the program starts itself again without randomised ones), the time of day is the
 * virtual clock's, and Lua's seed is drawn from these two (its luai_makeseed reads the time, and addresses). So `pairs` goes in
 * the same order.
 */
#ifndef SBX_HOST_SIMULATED_H
#define SBX_HOST_SIMULATED_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "look/snapshot.h"
#include "object/op.h"

/* Start the program again at addresses that are the same each time, unless they are. */
void simulated_fix_addresses(char **argv);

/* This process is going to simulate: handlers of signals, where reports go, the time that Lua reads. */
void simulated_begin(void);

/* The exit status of a simulated run that is a deadlock, if world_exit_status has no other for it. */
enum { SIMULATED_DEADLOCK = 4 };

/* Tell a deadlock: who waits for what. `ctx` is not used. */
void simulated_say_deadlock(void *ctx, const struct snapshot *taken);

/* For report_set_writer: to the present stderr, which may be that of a process. */
void simulated_report(const void *text, size_t len);

/* Replace the functions by which a script would reach, or change, what is outside of a simulated run.
 * `explored`: the run goes many ways, and a file that is open would have one place in all of them. */
void simulated_restrict(lua_State *L, struct backend *b, bool explored);

/* End the exploration that is under way, and tell what is known. Async-signal-safe. */
void simulated_stop(void);
bool simulated_stopped(void);

/* By what: "interrupted" by SIGINT, "terminated" by SIGTERM or SIGHUP; and the exit status for that. */
const char *simulated_stop_word(void);
int simulated_stop_status(void);

/* The exploration that was interrupted, if one was, is over: what comes now can be by itself. One that was terminated stays so. */
void simulated_stop_over(void);

/* The same, as `progress` of struct explore_options; neither argument is used. */
struct explore_progress;
bool simulated_asked(void *ctx, const struct explore_progress *so_far);

/* While an exploration goes on: look once a second whether the process that runs still asks for anything. */
void simulated_watch(bool on);

#endif
