/*
 * lua/state/answer.h - answering questions of other processes in the middle of whatever this one does.
 * Private to src/lua, and the prompt's session.
 *
 * A question (enum question, os/shared/ask.h) comes with a signal. What runs is hooked for one instruction
 * (running.h); what waits in an op answers between two sleeps. Either way the answer leaves no
 * trace: it has buffers of its own for messages, runs protected, and in a coroutine of its own
 * where it may call anybody. It can be interrupted; that goes on to what it interrupted. One at a
 * time: a question that comes meanwhile is next.
 *
 * An answer may perform ops, and put, but takes nothing: what it interrupted may be waiting for the
 * same thing, and a process waits for an object once.
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
  void (*answer)(lua_State *L, void *ctx); /* who answers QUESTION_LUA; NULL: nobody */
  void *ctx;                               /* of `answer` */
  const char *floor;                       /* tracebacks end above it */
};

/* Connect the lib to the backend's signals. */
void answer_open(struct lib *lib);

/*
 * Answer what was asked, if anything was. To be called where Lua may be: in the hook, in an op
 * between two sleeps, in the loop of a host.
 *   op  in which the process waits; NULL: none
 */
void answer_questions(struct lib *lib, const struct op *op);

/* Push the traceback of L from `level`, and of who resumed it, as luaL_traceback(3) shows it. */
void answer_traceback(lua_State *L, int level);

/* Raise an error if an answer is being given and may not do such an op. */
void answer_check(lua_State *L, struct lib *lib, enum op_kind kind);

/* In a child, first thing: what its parent was asked is not the child's to answer. */
void answer_forked(struct lib *lib);

/*
 * Have `answer` called, in the middle of whatever runs or waits, when somebody asked QUESTION_LUA.
 * Its errors are dropped. Tracebacks end above the frames of the chunk `floor` (a name that lives
 * as long as the lib; NULL: at the bottom). The session's; children forget it.
 */
typedef void answer_fn(lua_State *L, void *ctx);
void answer_by(struct lib *lib, answer_fn *answer, void *ctx, const char *floor);

#endif
