/*
 * lua/state/site.h - the places in a script that called the library last, so that Lua need not be asked again.
 *
 * A lock remembers where it was taken. lua_getinfo takes a quarter of the time of acquire and release to find that line, each
 * time anew. The instruction after the call tells one call from all others, and its line never changes; so the place is kept under
 * the address of that instruction.
 *
 * The address stands in Lua's record of a call, which its interface hides: site.c says what lstate.h of all releases of Lua 5.4 says, and
 * unit.state compares the places that it leads to with those that Lua tells.
 *
 * When a function is collected, its memory may become another function's. So the arena tells when it frees a block among those in which
 * the known instructions are (arena_watch), and all places are forgotten.
 */
#ifndef SBX_LUA_STATE_SITE_H
#define SBX_LUA_STATE_SITE_H

#include <lua.h>

#include "base/arena.h"
#include "object/op.h"

enum { SITES = 8 };

struct site {
  const void *after; /* the instruction after the call; NULL: none */
  int line;
  char source[SOURCE_MAX];
};

struct sites {
  struct arena *arena; /* of the state, borrowed; NULL: no place is kept */
  struct arena_watch watch;
  struct site list[SITES]; /* the address of the instruction says which one it may be */
};

/* Keep places from now on; and no longer, which forgets all. The arena looks into *s until then. */
void sites_open(struct sites *s, struct arena *arena);
void sites_close(struct sites *s);

/* The place of `ar`, which is of lua_getstack; NULL: it is not known. Good until the next site_keep. */
const struct site *site_find(const struct sites *s, const lua_Debug *ar);

/* Keep the place of `ar`: that of a function in Lua, as lua_getinfo says it ("Sl"). */
void site_keep(struct sites *s, const lua_Debug *ar);

#endif
