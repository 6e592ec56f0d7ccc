/*
 * lua/interrupt.h - Ctrl-C, and questions: what happens at the next safe point of whatever Lua
 * runs.
 *
 * The handlers of signals may do one thing to Lua: set a debug hook (Lua manual, 4.7), here of one
 * instruction. No hook stays, so nothing slows down what runs. lib->current is the state that runs:
 * coroutine.resume and its like are ours, and keep it (coroutine.c).
 *
 * An interrupt is an error that nobody catches: pcall, xpcall and coroutine.resume pass it on, so
 * neither a loop around a pcall nor a careful library can swallow it. `<close>` runs, and may take
 * its time; the hook is off by then. It ends where somebody calls interrupt_clear: at the prompt,
 * or never.
 */
#ifndef SBX_LUA_INTERRUPT_H
#define SBX_LUA_INTERRUPT_H

#include "lua/lib.h"

/* Set pcall, xpcall and the functions of coroutine, and connect the lib to the backend's signals.
 */
void lib_open_interrupt(lua_State *L, struct lib *lib);
void lib_open_coroutine(lua_State *L, struct lib *lib);

/* Raise "interrupted!" from here on, through everything. Does not return. */
int interrupt_raise(lua_State *L, struct lib *lib);

/* Forget an interrupt that came or is under way. */
void interrupt_clear(lua_State *L);

/*
 * For who must do something that waits while an interrupt is under way, in a `<close>`: forget it;
 * and let it go on as it was. What is returned is for interrupt_restore.
 */
unsigned interrupt_hold(lua_State *L);
void interrupt_restore(lua_State *L, unsigned held);

/* For those who resume a coroutine: `co` runs from now on; `L` does again. What arrived in between
 * is not lost. */
void interrupt_enter(struct lib *lib, lua_State *co);
void interrupt_leave(struct lib *lib, lua_State *L);

/*
 * Have `answer` called, in the middle of whatever runs or waits, when somebody asked (os/ask.h:
 * QUESTION_LUA). It may call Lua and perform ops; it is protected, and its errors are dropped. The
 * session's; children forget it.
 */
typedef void lib_answer_fn(lua_State *L, void *ctx);
void interrupt_on_question(struct lib *lib, lib_answer_fn *answer, void *ctx);

#endif
