/*
 * lua/state/feed.h - iterators of pools that give way instead of waiting.
 *
 * A pool calls the script's iterator in a coroutine, lib->feed.iterator (prelude/pool_source.lua).
 * An op that would wait there is tried once. If it cannot be done, the coroutine yields, and the
 * pool looks after its workers. When the coroutine is resumed, the function of the library that
 * performs the op is called again from its start, with the deadline that it had.
 *
 * Each function whose op may be tried again does this:
 *   int64_t until_ns = feed_begin(L, lib, &deadline_ns);
 *   rc = perform ... deadline_ns
 *   if (rc == -SBX_ETIMEDOUT && until_ns)
 *     feed_give_way(L, until_ns);
 */
#ifndef SBX_LUA_STATE_FEED_H
#define SBX_LUA_STATE_FEED_H

#include <lua.h>
#include <stdint.h>

#include "lua/state/lib.h"

int64_t feed_poll(lua_State *L, struct lib *lib, int64_t *deadline_ns);

/* Before an op that may wait: returns its deadline, and makes that 0, if it is to give way. Else 0.
 */
static inline int64_t feed_begin(lua_State *L, struct lib *lib, int64_t *deadline_ns) {
  return lib->feed.iterator == L ? feed_poll(L, lib, deadline_ns) : 0;
}

/* The op could not be done: yield, unless the deadline has passed. The function that is called
 * again must not depend on values above its arguments. */
void feed_give_way(lua_State *L, int64_t until_ns);

/* feed(co, give_way, ...): coroutine.resume(co, ...) for an iterator. It yields feed_mark when it
 * gives way. */
int feed_resume(lua_State *L);

/* A light userdata. */
void *feed_mark(void);

#endif
