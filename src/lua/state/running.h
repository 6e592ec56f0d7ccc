/*
 * lua/state/running.h - which coroutine runs, and the hook by which a signal reaches it. Private to
 * src/lua.
 *
 * A signal can do one thing to a Lua state: set the hook of the coroutine that runs (Lua manual,
 * 4.7). So the library must know that coroutine at any time, and coroutine.resume, wrap and close
 * are its own (coroutine.c). There is one hook, of which at most one coroutine at a time has it,
 * and no hook at all as long as nothing is to be told: a hook costs a factor of two. What it is for
 * is told by the flags of the lib (`raise`, `asked`, `interrupt`); running_sync makes the hook what
 * they want. A hook of the script's own is put aside meanwhile, and back afterwards.
 *
 * What each switch of coroutines does (running_set, running_enter, running_leave) is inline, in
 * lib.h.
 */
#ifndef SBX_LUA_STATE_RUNNING_H
#define SBX_LUA_STATE_RUNNING_H

#include <lua.h>
#include <stdbool.h>

struct lib;

/* What a handler sets: sig_atomic_t, which on Linux is int. <signal.h> is no header of this layer. */
typedef volatile int signal_flag;

/* A resume that is going on: a link of the chain from the coroutine that runs down to the first. On
 * the C stack of who resumes. */
struct resumer {
  struct resumer *up;
  lua_State *L;
};

struct running {
  lua_State *volatile current; /* whose code runs; NULL: not known now, nobody is hooked */
  struct resumer *resumers;    /* who waits for it, the nearest first */
  signal_flag alert;           /* a flag of the lib is set, or somebody is hooked */

  /* Changed in a handler, or with signals blocked. */
  lua_State *hooked; /* whose hook is ours; NULL: nobody's */
  bool patient;      /* the hook is the one for those who run too long after an interrupt */
  lua_Hook own;      /* what `hooked` had before: for lua_sethook */
  int own_mask, own_count;
};

/*
 * "file:line" of the script, where L stands, from that level of its stack on; never a place of the
 * library. A coroutine in which no function of the script runs stands where it was resumed, and
 * such a process where it was spawned. WHERE_IDLE for a pool's worker without a task.
 */
void running_locate(const struct lib *lib, lua_State *L, int level, char where[]);

/* A flag was changed: make the hook what they want. Call it in a handler, or with signals blocked.
 */
void running_sync(struct lib *lib);

/* The same anywhere else. */
void running_refresh(struct lib *lib);

/* Keep the handlers that look at the flags out, until running_unblock is called with what this
 * returns. */
unsigned running_block(struct lib *lib);
void running_unblock(struct lib *lib, unsigned blocked);

/* debug.sethook and gethook, which must not see, nor disturb, the hook. */
void running_open(lua_State *L);

/* The hook of a script that L has, which is the caller's, becomes that of `to`. */
void running_move_hook(lua_State *L, lua_State *to);

#endif
