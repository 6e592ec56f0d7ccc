/*
 * lua/state/interrupt.h - Ctrl-C in a script: the error "interrupted!", and how it ends what runs.
 * Private to src/lua.
 *
 * Catching the error does not end an interrupt: the code that catches it (with pcall, xpcall, load,
 * coroutine.resume or coroutine.close) is interrupted again at its next instruction, until the
 * script or the chunk has ended and interrupt_clear is called. For this these functions are the
 * library's own. The prompt, where an interrupt ends, uses Lua's ("sandbox.xpcall" of the
 * registry). While the error is on its way, from the throw to the landing, nothing is interrupted,
 * and ops may wait: `__close` and message handlers work. A `__close` that computes for more than
 * about a second is interrupted at every instruction from then on.
 *
 * An interrupt that hits a message handler goes past it, to the xpcall. Otherwise Lua would call
 * the handler for the interrupt, too, from inside the hook. A `__close` on the way gets "not enough
 * memory", the one error that Lua throws past handlers.
 *
 * Lua runs no hooks inside a hook, nor in a finalizer. So an interrupt cannot end: a message
 * handler that was called for an interrupt and never returns; a finalizer; the `__close` of a
 * coroutine that the error itself has ended. Signals end these.
 *
 * Lua catches the errors of finalizers. So an interrupt that hits a finalizer is raised again after
 * it.
 */
#ifndef SBX_LUA_STATE_INTERRUPT_H
#define SBX_LUA_STATE_INTERRUPT_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "lua/state/running.h"
#include "object/op.h"

struct lib;

/* Handlers of signals set only what is a signal_flag. */
struct interrupts {
  signal_flag raise;  /* the next instruction is interrupted */
  bool insist;        /* every instruction after that, too */
  bool deferred;      /* none for the time being: see interrupt_defer */
  unsigned came;      /* interrupts (enum interrupt) that were raised and are not over */
  uint32_t throws;    /* how many were raised so far */
  char at[WHERE_MAX]; /* where the first of them was raised; "": none was */
};

/* The exit status of a process that an interrupt ended. */
enum { EXIT_INTERRUPTED = 130 };

/* Install pcall, xpcall and load, debug.sethook and gethook, and the handlers of signals. */
void lib_open_interrupt(lua_State *L, struct lib *lib);

/* Install coroutine.resume, wrap, close, running and yield. */
void lib_open_coroutine(lua_State *L, struct lib *lib);

/*
 * Raise "interrupted!" at the line where L is. Does not return.
 *   running  L was computing: the summary of the run names this place. Otherwise L waited in an op,
 *            and the summary names that
 */
int interrupt_raise(lua_State *L, struct lib *lib, bool running);

/* An error was caught by a caller that had noted lib->interrupts.throws before its call. If it was
 * an interrupt, it is raised again at the catcher's next instruction. */
void interrupt_landed(struct lib *lib, uint32_t throws);

/* As interrupt_landed, for a catcher that will raise the error again. True: it was an interrupt,
 * and is on its way as if it had not been caught. */
bool interrupt_pass(struct lib *lib, uint32_t throws);

/* The interrupts (enum interrupt) that came since the last clear, raised or not. The place where
 * the first was raised is in lib->interrupts.at. */
unsigned interrupt_came(lua_State *L);

/* The script or the chunk that was interrupted has ended: forget the interrupts. */
void interrupt_clear(lua_State *L);

/* For a `<close>` that no interrupt may end: forget the interrupts that came; and bring them back.
 * interrupt_restore takes what interrupt_hold returned. */
unsigned interrupt_hold(lua_State *L);
void interrupt_restore(lua_State *L, unsigned held);

/* From now on code that computes is not interrupted, until this is called with false: for a few
 * instructions that belong together. Ops that wait are still interrupted. */
void interrupt_defer(struct lib *lib, bool defer);

/* In a child, first: forget the parent's interrupts, except those that came since the fork. No
 * coroutine is hooked before running_set. */
void interrupt_forked(struct lib *lib);

#endif
