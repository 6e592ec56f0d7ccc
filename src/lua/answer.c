/* lua/answer.c - see answer.h. */
#include "lua/answer.h"

#include <stdio.h>
#include <string.h>

#include "lua/report.h"

enum { STACK_FOR_ANSWER = 40 };

/* -- where are you? ---------------------------------------------------------------------------- */

/* The line above the traceback: "[writer#2] in put at x.lua:12" */
static void push_head(lua_State *L, struct lib *lib) {
  struct process_info me = {0};
  struct object *self;
  if (lib->b->ops->process_self(lib->b, &self) == 0) {
    lib->b->ops->process_info(lib->b, self, &me);
    lib->b->ops->object_release(lib->b, self);
  }
  lua_pushfstring(L, "[%s#%d]", me.name, (int)me.id);
}

/* protected: [state] writes its traceback to stderr */
static int tell_stack(lua_State *L) {
  struct lib *lib = lib_find(L);
  lua_State *of = lua_touserdata(L, 1);
  push_head(L, lib);
  lua_pushliteral(L, " ");
  luaL_traceback(L, of, NULL, of == L ? 1 : 0); /* without this function itself */
  lua_pushliteral(L, "\n");
  lua_concat(L, 4);
  size_t len;
  const char *text = lua_tolstring(L, -1, &len);
  struct buf out = {.data = (uint8_t *)(uintptr_t)text, .len = len};
  report_write(&out);
  return 0;
}

/* -- answering --------------------------------------------------------------------------------- */

/* protected: [state] */
static int tell_lua(lua_State *L) {
  struct lib *lib = lib_find(L);
  lib->answer(L, lib->answer_ctx);
  return 0;
}

static void answer_protected(lua_State *L, lua_CFunction f) {
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, L);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    lua_pop(L, 1);
}

/*
 * The op that waits may have its message in the lib's buffers: they are put aside, and whoever
 * answers gets empty ones. The collector stays as it is, since a pause belongs to those buffers.
 */
void answer_questions(lua_State *L, struct lib *lib) {
  unsigned questions = lib->b->ops->questions(lib->b);
  if (questions == 0 || !lua_checkstack(L, STACK_FOR_ANSWER))
    return;
  struct lib saved = *lib;
  lib->out = lib->in = lib->flying = lib->landed = (struct buf){0};
  lib->item = NULL;
  lib->paused = false;
  if (questions & QUESTION_STACK)
    answer_protected(L, tell_stack);
  if ((questions & QUESTION_LUA) && lib->answer)
    answer_protected(L, tell_lua);
  buf_release(&lib->out);
  buf_release(&lib->in);
  buf_release(&lib->flying);
  buf_release(&lib->landed);
  lib->out = saved.out;
  lib->in = saved.in;
  lib->flying = saved.flying;
  lib->landed = saved.landed;
  lib->item = saved.item;
  lib->paused = saved.paused;
  lib->b->ops->answered(lib->b, questions);
}
