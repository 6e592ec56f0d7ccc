/*
 * lua/answer.h - answering questions of other processes in the middle of whatever this one does.
 */
#ifndef SBX_LUA_ANSWER_H
#define SBX_LUA_ANSWER_H

#include "lua/lib.h"

/*
 * Answer what was asked (enum question). L runs, or waits in an op: its stack is left as it was,
 * and nothing is raised.
 */
void answer_questions(lua_State *L, struct lib *lib);

#endif
