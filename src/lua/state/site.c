/* lua/state/site.c - see site.h. */
#include "lua/state/site.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* struct CallInfo of lstate.h, as far as it is used. */
struct call {
  void *function, *top;
  struct call *previous, *next;
  const void *after; /* u.l.savedpc: of a function in Lua only */
  uint64_t rest_of_u[2];
  int u2;
  short results;
  unsigned short status;
};
enum { CALL_OF_C = 1 << 1 }; /* CIST_C */
static_assert(LUA_VERSION_NUM == 504, "struct call is that of Lua 5.4");

static inline const struct call *call_of(const lua_Debug *ar) { return (const void *)ar->i_ci; }

static inline unsigned index_of(const void *after) {
  return (unsigned)((uintptr_t)after / sizeof(uint32_t) % SITES); /* an instruction has 32 bits */
}

void sites_open(struct sites *s, struct arena *arena) {
  *s = (struct sites){.arena = arena};
  arena_watch(arena, &s->watch);
}

void sites_close(struct sites *s) {
  if (s->arena)
    arena_watch(s->arena, NULL);
  memset(s, 0, sizeof *s);
}

const struct site *site_find(const struct sites *s, const lua_Debug *ar) {
  const struct call *c = call_of(ar);
  if (!s->arena || s->watch.freed || (c->status & CALL_OF_C))
    return NULL;
  const struct site *known = &s->list[index_of(c->after)];
  return known->after == c->after ? known : NULL;
}

void site_keep(struct sites *s, const lua_Debug *ar) {
  const struct call *c = call_of(ar);
  if (!s->arena || (c->status & CALL_OF_C))
    return;
  if (s->watch.freed) {
    memset(s->list, 0, sizeof s->list);
    s->watch = (struct arena_watch){0};
  }
  struct site *at = &s->list[index_of(c->after)];
  at->after = c->after;
  at->line = ar->currentline;
  memcpy(at->source, ar->short_src, sizeof at->source);
  arena_watch_also(&s->watch, c->after);
}
