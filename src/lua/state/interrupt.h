/*
 * lua/state/interrupt.h - Ctrl-C in a script: the error "interrupted!", and how it ends what runs.
 * Private to src/lua.
 *
 * An interrupt is not over when its error was caught: whoever catches it (pcall, xpcall, load,
 * coroutine.resume, coroutine.close) is interrupted again at its next instruction, until the script
 * or the chunk has ended and interrupt_clear is called. That is why these are the library's own;
 * the prompt, where an interrupt does end, uses Lua's ("sandbox.xpcall" of the registry). While the
 * error is on its way, from the throw to the landing, nothing is interrupted, and ops may wait:
 * `__close` and message handlers work. A `__close` that computes for longer than about a second has
 * used up all patience: from then on every instruction is interrupted.
 *
 * An interrupt that hits a message handler goes past it, to the xpcall: else Lua would call the handler
 * for the interrupt, too, from inside the hook. A `__close` that is passed meanwhile sees "not enough
 * memory", the one error that Lua throws past handlers.
 *
 * Beyond reach, since Lua runs no hooks inside a hook, nor in a finalizer: a message handler that was
 * called for an interrupt and never ends; finalizers; the `__close` of a coroutine that the error
 * itself has ended. Signals end these.
 *
 * In a finalizer Lua itself catches errors. So an interrupt that hits one is also raised after it.
 */
#ifndef SBX_LUA_STATE_INTERRUPT_H
#define SBX_LUA_STATE_INTERRUPT_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "lua/state/running.h"
#include "object/op.h"

struct lib;

/* What a handler sets is a signal_flag. */
struct interrupts {
  signal_flag raise;  /* the next instruction is interrupted */
  bool insist;        /* and so is every one after it */
  bool deferred;      /* but not yet: see interrupt_defer */
  unsigned came;      /* those that were raised (enum interrupt) and are not over */
  uint32_t throws;    /* how many were raised so far */
  char at[WHERE_MAX]; /* where the first of them was, "" before */
};

/* The exit status of what an interrupt ended. */
enum { EXIT_INTERRUPTED = 130 };

/* pcall, xpcall and load, debug.sethook and gethook, and the handlers of signals. */
void lib_open_interrupt(lua_State *L, struct lib *lib);

/* coroutine.resume, wrap and close. */
void lib_open_coroutine(lua_State *L, struct lib *lib);

/*
 * Raise "interrupted!" at the line where L is. Does not return.
 *   running  it was computing: this place is told in the summary of the run. Else it waited in an
 *            op, which is told
 */
int interrupt_raise(lua_State *L, struct lib *lib, bool running);

/* An error was caught by a caller that had noted lib->interrupts.throws before its call. If it was an
 * interrupt, it is raised again at the catcher's next instruction. */
void interrupt_landed(struct lib *lib, uint32_t throws);

/* The same, but the catcher is to raise the error again: true, and it is on its way as if nobody had
 * caught it. False: it was no interrupt. */
bool interrupt_pass(struct lib *lib, uint32_t throws);

/* Which interrupts came (enum interrupt) since the last clear, raised or not yet. Where the first
 * was raised is in lib->interrupts.at. */
unsigned interrupt_came(lua_State *L);

/* What was to be interrupted, a script or a chunk, has ended: forget them. */
void interrupt_clear(lua_State *L);

/*
 * For who must do something in a `<close>` that no interrupt may end: forget those that came; and
 * let them go on as they were. What is returned is for interrupt_restore.
 */
unsigned interrupt_hold(lua_State *L);
void interrupt_restore(lua_State *L, unsigned held);

/* From now on what computes is not interrupted, until this is called with false: for a few
 * instructions that belong together. Ops that wait are interrupted all the same. */
void interrupt_defer(struct lib *lib, bool defer);

/* In a child, first thing: what the parent was interrupted by is not the child's, but for what came
 * since the fork. Nobody is hooked before running_set. */
void interrupt_forked(struct lib *lib);

#endif
