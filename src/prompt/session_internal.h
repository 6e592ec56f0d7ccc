/*
 * prompt/session_internal.h - shared by the files of the session.
 *
 *   session.c  the loop over frames, and what the module in Lua asks of its host
 *   pause.c    sandbox.pause(): the same loop, in the middle of a script or a chunk
 */
#ifndef SBX_PROMPT_SESSION_INTERNAL_H
#define SBX_PROMPT_SESSION_INTERNAL_H

#include <lua.h>
#include <sys/types.h>

#include "prompt/link.h"
#include "prompt/session.h"
#include "prompt/show_lua.h"

struct paused; /* pause.c */

struct session {
  struct link link;
  struct frame frame; /* the one being carried out, or a reply */
  struct backend *b;
  const struct session_place *place;
  struct show_screen screen; /* where ps and its like show */
  pid_t pid;                 /* a forked child has a copy of this, and no prompt */
  bool read_init;            /* the person's init file is to be run */
  bool begun;                /* the module has been made */
  bool ready;                /* FRAME_READY has been sent */
  bool runs;                 /* the script or a chunk runs, and can pause */
  bool goes_on;              /* the innermost pause is over */
  struct paused *paused;     /* the innermost pause; NULL: nothing is paused */
};

/* The session of the calling process; raises an error in others. */
struct session *session_of(lua_State *L);

/* Call a method of the module in Lua. Leaves three values on the stack, or an error message and two
 * nils. Returns whether it went well. */
bool session_call(lua_State *L, const char *name, const struct buf *text, uint32_t number);

/* Carry out lines until the pause is over (true), or the supervisor has closed the link (false). */
bool session_lines(lua_State *L, struct session *s);

/* Of pause.h: what sandbox.pause does in a run with a prompt. */
int pause_session(lua_State *L, void *ctx);

/*
 * Of the host of the module in Lua, all about the innermost pause; errors if there is none:
 *   resume()                                 it goes on, when the line is done
 *   locals() -> { { name, value }, ... }     what the paused function sees: its locals, then its upvalues
 *   local_get(name) -> true, value; or false
 *   local_set(name, value) -> whether there is one
 *   place() -> the function, the number of its current line, the name of its source
 *   stack() -> the traceback
 */
int pause_resume(lua_State *L);
int pause_locals(lua_State *L);
int pause_local_get(lua_State *L);
int pause_local_set(lua_State *L);
int pause_place(lua_State *L);
int pause_stack(lua_State *L);

#endif
