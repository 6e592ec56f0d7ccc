/*
 * lua/state/answer.h - answering questions of other processes in the middle of whatever this one
 * does. Private to src/lua, and the prompt's session.
 *
 * A question (enum question, os/shared/ask.h) comes with a signal. Code that runs is hooked for one
 * instruction (running.h); an op that waits answers between two sleeps. Either way the answer
 * leaves no trace: it has message buffers of its own and is protected, and a call of Lua runs in a
 * coroutine of its own. An interrupt of the answer is passed on to what the answer interrupted.
 * Questions are answered one at a time.
 *
 * An answer may perform ops, put among them, but it takes nothing: what it interrupted may be
 * waiting for the same object, and a process can wait for an object only once.
 */
#ifndef SBX_LUA_STATE_ANSWER_H
#define SBX_LUA_STATE_ANSWER_H

#include <lua.h>
#include <stdbool.h>

#include "lua/state/running.h"
#include "object/op.h"

struct lib;

struct questions {
  signal_flag asked;                       /* one came that was not looked at */
  bool answering;                          /* others wait until it is done */
  void (*answer)(lua_State *L, void *ctx); /* answers QUESTION_LUA; NULL: that is not answered */
  void *ctx;                               /* of `answer` */
  const char *floor;                       /* tracebacks end above it */
};

/* Connect the lib to the backend's signals. */
void answer_open(struct lib *lib);

/*
 * Answer what was asked, if anything was. To be called where Lua may be called: in the hook, in an
 * op between two sleeps, in the loop of a host.
 *   op  the one in which the process waits; NULL: none
 */
void answer_questions(struct lib *lib, const struct op *op);

/* Push the traceback of L from `level`, then of the coroutines that resumed it, as luaL_traceback
 * shows it. */
void answer_traceback(lua_State *L, int level);

/* Raise an error, since an answer is being given, if it may not do such an op (lib.h: answer_check). */
void answer_check_given(lua_State *L, enum op_kind kind);

/* In a child, before interrupt_forked: the questions to its parent are not the child's to answer;
 * those that it was asked since the fork are. */
void answer_forked(struct lib *lib);

/*
 * Have `answer` called for QUESTION_LUA, in the middle of whatever runs or waits. Its errors are
 * dropped. Tracebacks end above the frames of the chunk `floor` (a name that lives as long as the
 * lib; NULL: at the bottom). For the prompt's session; children forget it.
 */
typedef void answer_fn(lua_State *L, void *ctx);
void answer_by(struct lib *lib, answer_fn *answer, void *ctx, const char *floor);

#endif
