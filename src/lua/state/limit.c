/*
 * lua/state/limit.c - see limit.h.
 *
 * The first refusal makes Lua collect all garbage, and ask again. If that is refused, too, the run has what
 * it may have, and ends: a script that caught the error and went on would only be in the way of others.
 */
#include "lua/state/limit.h"

#include "lua/state/lib.h"

/* Called inside of an allocation, too, so it may look at the stack and nothing else. */
static void locate(void *ctx, char *where) {
  struct lib *lib = ctx;
  if (lib->running.current)
    running_locate(lib, lib->running.current, 0, where);
}

static void over(void *ctx) {
  struct lib *lib = ctx;
  lib->b->self->over(lib->b);
}

void limit_begin(struct lib *lib, struct arena *arena) {
  lib->b->locate = locate;
  arena_meter(arena, &lib->b->memory, over, lib);
}
