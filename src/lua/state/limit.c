/*
 * lua/state/limit.c - see limit.h.
 *
 * The first refusal makes Lua collect all garbage, and ask again. If that is refused, too, the run has what
 * it may have, and ends: a script that caught the error and went on would only be in the way of others.
 */
#include "lua/state/limit.h"

#include <string.h>

#include "base/child_code.h"
#include "base/text.h"
#include "lua/state/lib.h"

/* Where the process is, for the message. Called inside of an allocation, too, so it may look at the stack and nothing
 * else. */
static void locate(void *ctx, char *where) {
  struct lib *lib = ctx;
  if (lib->limit.failed)
    text_copy(where, WHERE_MAX, lib->limit.where);
  else if (lib->running.current)
    running_locate(lib, lib->running.current, 0, where);
}

static void on_refused(void *ctx, bool again) {
  struct lib *lib = ctx;
  lib->limit.refused = true;
  locate(lib, lib->limit.where);
  if (again)
    lib->b->self->over(lib->b);
}

/*
 * Lua itself asks again before it gives up, unless it is collecting garbage just then. A buffer of its library
 * (string.rep, table.concat) asks once, and raises an error like any other. A script that catches it goes on with less;
 * else it is the limit that has ended the process.
 */
void limit_failed(lua_State *L, int error) {
  static const char says[] = "not enough memory";
  struct lib *lib = lib_find(L);
  size_t len = 0, tail = sizeof says - 1;
  const char *message = lua_type(L, error) == LUA_TSTRING ? lua_tolstring(L, error, &len) : NULL;
  if (!lib || !lib->limit.refused || len < tail || strcmp(message + len - tail, says) != 0)
    return;
  lib->limit.failed = true; /* the stack is unwound, perhaps */
  lib->b->self->over(lib->b);
}

CHILD_CODE
void limit_begin(struct lib *lib, struct arena *arena) {
  lib->b->locate = locate;
  lib->limit = (struct limit){0};
  arena_meter(arena, &lib->b->memory, on_refused, lib);
}
