/*
 * lua/state/running.h - which coroutine runs, and the hook by which a signal reaches it. Private to
 * src/lua.
 *
 * A handler of a signal may do one thing to a Lua state: set the hook of the coroutine that runs
 * (Lua manual, 4.7). So the library must know that coroutine at any time, and coroutine.resume,
 * wrap and close are its own (coroutine.c). At most one coroutine at a time has the hook, and none
 * while there is nothing to do, since code with a hook takes twice as long. The flags of the lib
 * say what is to be done (interrupts.raise, questions.asked, ...), and running_sync sets the hook
 * accordingly. A hook of the script's own is put aside meanwhile.
 *
 * The code for each switch of coroutines (running_set, running_enter, running_leave) is inline, in
 * lib.h.
 */
#ifndef SBX_LUA_STATE_RUNNING_H
#define SBX_LUA_STATE_RUNNING_H

#include <lua.h>
#include <stdbool.h>

struct lib;

/* What a handler may set: sig_atomic_t, which is int on Linux. (This layer may not include
 * <signal.h>.) */
typedef volatile int signal_flag;

/* A resume in progress, on the C stack of the function that resumes: a link of the chain from the
 * running coroutine down to the first. */
struct resumer {
  struct resumer *up;
  lua_State *L;
};

struct running {
  lua_State *volatile current; /* the one that runs; NULL: not known, none is hooked */
  struct resumer *resumers;    /* those that wait for it, the nearest first */
  signal_flag alert;           /* a flag of the lib is set, or a coroutine is hooked */

  /* Changed in a handler, or with signals blocked. */
  lua_State *hooked; /* the coroutine that has our hook; NULL: none */
  bool patient;      /* the hook is for code that runs too long after an interrupt */
  lua_Hook own;      /* the hook that `hooked` had before, for lua_sethook */
  int own_mask, own_count;
};

/*
 * "file:line" where L stands in the script, from that level of its stack on; never a place in the
 * library. For a coroutine in which no function of the script runs it is where it was resumed, for
 * such a process where it was spawned. WHERE_IDLE: a pool's worker without a task.
 */
void running_locate(const struct lib *lib, lua_State *L, int level, char where[]);

/* A flag was changed: set the hook accordingly. To be called in a handler, or with signals
 * blocked. */
void running_sync(struct lib *lib);

/* The same, to be called anywhere else. */
void running_refresh(struct lib *lib);

/* Block the signals whose handlers look at the flags; running_unblock takes what this returned. */
unsigned running_block(struct lib *lib);
void running_unblock(struct lib *lib, unsigned blocked);

/* Install debug.sethook and gethook, which neither see nor disturb our hook. */
void running_open(lua_State *L);

/* Has L a hook of the script's own, in force or put aside? */
bool running_has_own_hook(struct lib *lib, lua_State *L);

/* Move the script's own hook from L, which the caller runs on, to `to`. */
void running_move_hook(lua_State *L, lua_State *to);

#endif
