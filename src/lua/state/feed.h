/*
 * lua/state/feed.h - iterators of pools that give way instead of waiting.
 *
 * A pool asks the script's iterator for items in a coroutine, lib->feed.iterator
 * (prelude/pool_source.lua). An op that would wait there is tried once; if it cannot be done the
 * coroutine yields, and when it is resumed the function of the library that was called is called
 * again, as if for the first time, but with the deadline that it had. So the pool can look after
 * its workers meanwhile.
 *
 * Each function whose op may be tried again without harm does this:
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

/* The op could not be done: yields, unless the deadline has passed. What is on the stack beyond the
 * arguments does not matter to the function that is called again, or is not there. */
void feed_give_way(lua_State *L, int64_t until_ns);

/* feed(co, give_way, ...) -> as coroutine.resume(co, ...): run an iterator. What it yields when it
 * gives way is feed_mark. */
int feed_resume(lua_State *L);

/* A light userdata. */
void *feed_mark(void);

#endif
