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

/*
 * Before anything of the script runs: keep what the prompt needs of the standard library. From here
 * on sandbox.pause() opens the prompt.
 *   read_init  the person's init file is run before the first line
 */
void session_prepare(lua_State *L, struct backend *b, const struct session_place *place,
                     bool read_init);

/*
 * Run lines until the supervisor closes the link. Whatever a line does, the next one may come.
 * May raise only for want of memory.
 */
void session_run(lua_State *L);

#endif
