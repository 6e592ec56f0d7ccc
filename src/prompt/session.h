/*
 * prompt/session.h - the Lua side of the prompt: main, which runs the lines that the supervisor
 * reads.
 *
 * What a line means is in lua/session.lua; here are the loop over frames and what that module asks
 * of its host.
 */
#ifndef SBX_PROMPT_SESSION_H
#define SBX_PROMPT_SESSION_H

#include <lua.h>
#include <stdbool.h>

#include "object/op.h"

/* How the supervisor made the session; borrowed. */
struct session_place {
  int link;       /* socket to the supervisor */
  int terminal;   /* of which only the size is asked */
  bool color;     /* results are coloured */
  bool restarted; /* an earlier session was killed: neither script nor -e again */
};

/* Keep what the prompt needs of the standard library, before anything can change that. */
void session_prepare(lua_State *L);

/*
 * Run lines until the supervisor closes the link. Whatever a line does, the next one may come.
 *   read_init  run the person's init file first
 * May raise only for want of memory.
 */
void session_run(lua_State *L, struct backend *b, const struct session_place *place,
                 bool read_init);

#endif
