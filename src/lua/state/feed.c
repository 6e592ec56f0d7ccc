/* lua/state/feed.c - see feed.h. */
#include "lua/state/feed.h"

#include <string.h>

#include "base/clock.h"
#include "lua/state/coroutine.h"
#include "lua/state/prelude.h"

static char mark;

void *feed_mark(void) { return &mark; }

/* Does the script itself wait? A part of the library in between may be in the middle of
 * something. */
static bool script_waits(lua_State *L) {
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0)
      return !prelude_owns(ar.source) || strcmp(ar.source, "=[sandbox pool_source]") == 0;
  }
  return false;
}

int64_t feed_poll(lua_State *L, struct lib *lib, int64_t *deadline_ns) {
  int64_t until_ns = lib->feed.again_ns ? lib->feed.again_ns : *deadline_ns;
  lib->feed.again_ns = 0;
  if (until_ns <= 0 || !lua_isyieldable(L) || !script_waits(L)) {
    *deadline_ns = until_ns;
    return 0;
  }
  *deadline_ns = 0;
  return until_ns;
}

/* After the resume: call the running function again. */
static int again(lua_State *L, int status, lua_KContext until_ns) {
  lua_Debug ar;
  (void)status;
  lib_of(L)->feed.again_ns = until_ns;
  lua_getstack(L, 0, &ar);
  lua_getinfo(L, "f", &ar);
  lua_CFunction f = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  return f(L);
}

static int64_t now_ns(struct backend *b) { return b->run->now(b); }

void feed_give_way(lua_State *L, int64_t until_ns) {
  if (until_ns != SBX_FOREVER && now_ns(lib_of(L)->b) >= until_ns)
    return;
  lua_pushlightuserdata(L, feed_mark());
  lua_yieldk(L, 1, (lua_KContext)until_ns, again);
}

int feed_resume(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_State *before = lib->feed.iterator;
  lib->feed.iterator = lua_toboolean(L, 2) ? lua_tothread(L, 1) : NULL;
  lua_remove(L, 2);
  lib->feed.again_ns = 0;
  int n = coroutine_resume(L);
  lib->feed.iterator = before;
  return n;
}
