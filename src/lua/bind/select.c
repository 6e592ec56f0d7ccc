/*
 * lua/bind/select.c - sandbox.select: waiting for several things, and doing one of them. How its list is
 * read: selection.h. See lib.h.
 */
#include <string.h>

#include "base/error.h"
#include "lua/bind/native.h"
#include "lua/bind/selection.h"
#include "lua/bind/sync.h"
#include "lua/state/answer.h"
#include "lua/state/feed.h"
#include "lua/state/lib.h"

/* -- select ---------------------------------------------------------------------------------- */

/* The entry whose handle has an item that an earlier get took and could not decode (queue.c); or
 * -1. */
static int find_taken(lua_State *L, struct lib *lib, const struct selection *s) {
  int taken = -1;
  for (uint32_t i = s->count; i-- > 0;) {
    struct handle *h = s->entries[i].h;
    if (!selection_takes_item(&s->ops[i]))
      continue;
    lib_own_item(L, lib, h);
    if (h->item.len > 0)
      taken = (int)i;
  }
  return taken;
}

/* The op that was done, as an op of its own with the deadline of the select. */
static struct op alone(const struct selection *s, const struct op *select) {
  struct op op = s->ops[select->number];
  op.deadline_ns = select->deadline_ns;
  op.locate = select->locate;
  op.locate_ctx = select->locate_ctx;
  return op;
}

/* Fetch the handles in the item that was taken. A timeout is the select's, and the item stays in
 * its handle. */
static int fetch(struct lib *lib, const struct selection *s, struct op *select) {
  struct op op = alone(s, select);
  int rc = op.out ? lib_fetch(lib, &op, op.refs->taken) : 0;
  if (rc)
    select->number = -1;
  return rc;
}

/* A tick is taken: the next one is due at the next multiple of the period. Push how many ticks there
 * were since the last one that was taken: those that nobody took in time are counted, not kept. */
static int push_ticks(lua_State *L, struct lib *lib, struct timer *t) {
  int64_t late_ns = lib->b->run->now(lib->b) - t->deadline_ns;
  int64_t ticks = 1 + (late_ns > 0 ? late_ns / t->period_ns : 0);
  t->deadline_ns = t->deadline_ns > SBX_FOREVER - ticks * t->period_ns
                       ? SBX_FOREVER
                       : t->deadline_ns + ticks * t->period_ns;
  lua_pushinteger(L, ticks);
  return 1;
}

/* Push the key, and what the op by itself would return. */
static int push_done(lua_State *L, struct lib *lib, const struct selection *s,
                     const struct op *select, int rc) {
  int done = select->number;
  const struct entry *e = &s->entries[done];
  struct op op = alone(s, select);
  selection_push_key(L, e->index);
  switch (s->ops[done].kind) {
  case OP_QUEUE_GET:
  case OP_PIPE_RECV:
    if (rc == -SBX_ECLOSED)
      return 1 + lib_expected(L, "get", rc);
    if (rc == 0)
      return 1 + lib_decode_item(L, lib, e->h, &op);
    break;
  case OP_QUEUE_PUT:
    if (rc == -SBX_ECLOSED)
      return luaL_error(L, "select: entry %s: put on a closed queue", lua_tostring(L, -1));
    break;
  case OP_PROCESS_JOIN:
    if (op.number && (rc == 0 || rc == -SBX_EGONE)) /* gone: it has ended long ago */
      return 1;
    if (rc == 0)
      return 1 + lib_push_outcome(L, lib, e->h, &op, "select");
    break;
  default:
    break;
  }
  if (rc)
    return luaL_error(L, "select: entry %s: %s", lua_tostring(L, -1), error_text(rc));
  if (e->timer)
    return 1 + push_ticks(L, lib, e->timer);
  return 1 + sync_push_taken(L, &s->ops[done]);
}

/* There are tasks of pools among the entries: those are waited for in Lua. */
static int select_futures(lua_State *L) {
  lua_settop(L, ENTRIES);
  lua_pushvalue(L, 2);
  lua_copy(L, KEYS, 1);
  lua_copy(L, ENTRIES, 2);
  lua_copy(L, -1, 3);
  lua_settop(L, 3);
  return native_call(L, "wait", "select"); /* keys, list, timeout */
}

/* The op; and of a put into a queue without room what follows. If its item is withdrawn, since the
 * reader took something else, the select goes on. */
static int perform_select(lua_State *L, struct lib *lib, struct selection *s, struct op *select) {
  for (;;) {
    int rc = perform(lib->b, select);
    if (rc == -SBX_EHAND && select->number >= 0) { /* a get of it begins so: see queue.c */
      rc = lib_give_up(L, lib, s->entries[select->number].h);
      if (rc == 0)
        continue;
      select->number = -1;
      return rc;
    }
    if (rc || select->number < 0 || s->ops[select->number].kind != OP_QUEUE_PUT ||
        !s->ops[select->number].count)
      return rc;
    struct op put = alone(s, select);
    if ((rc = lib_put_meet(lib, &put, true)) != -SBX_ETIMEDOUT) {
      if (rc == -SBX_EINTERRUPTED)
        select->number = -1;
      return rc;
    }
  }
}

static int l_select(lua_State *L) {
  struct lib *lib = lib_of(L);
  lib_arg_expected(L, lua_istable(L, LIST), LIST, "list of what to wait for");
  answer_check(L, lib, OP_SELECT);
  struct op op = {.kind = OP_SELECT,
                  .deadline_ns = lib_check_timeout(L, lib, 2),
                  .locate = lib_locate,
                  .locate_ctx = L};
  lua_settop(L, 2);
  int64_t until_ns = feed_begin(L, lib, &op.deadline_ns);
  lua_settop(L, ENTRIES);
  struct selection s = selection_read(L, lib);
  op.count = s.order;
  if (s.futures) {
    if (s.encoded)
      lib_sent(L, lib);
    return select_futures(L);
  }
  struct place place;
  for (uint32_t i = 0; i < s.count; i++)
    lib_note_place(L, lib, &s.ops[i], &place);
  op.subs = s.ops;
  op.sub_count = s.count;
  lib_read_begin(lib);
  int rc = 0;
  op.number = find_taken(L, lib, &s);
  if (op.number < 0)
    rc = perform_select(L, lib, &s, &op);
  if (op.number >= 0 && rc == 0)
    rc = fetch(lib, &s, &op);
  if (op.number < 0 && rc == -SBX_ETIMEDOUT && until_ns)
    feed_give_way(L, until_ns);
  int n = op.number < 0 ? lib_expected(L, "select", rc) : push_done(L, lib, &s, &op, rc);
  if (s.encoded)
    lib_sent(L, lib); /* not earlier: a finalizer would run, which may read over what was taken */
  return n;
}

/* -- entries of their own -------------------------------------------------------------------- */

static int l_putting(lua_State *L) {
  lib_check_handle(L, 1, OBJECT_QUEUE);
  lib_arg_check(L, !lua_isnoneornil(L, 2), 2, "nil is no item");
  lua_settop(L, 2);
  lua_newuserdatauv(L, 0, 2);
  luaL_setmetatable(L, PUTTING_TYPE);
  lua_insert(L, 1);
  lua_setiuservalue(L, 1, 2);
  lua_setiuservalue(L, 1, 1);
  return 1;
}

int native_ending(lua_State *L) {
  lib_check_handle(L, 1, OBJECT_PROCESS);
  lua_settop(L, 1);
  lua_newuserdatauv(L, 0, 1);
  luaL_setmetatable(L, ENDING_TYPE);
  lua_insert(L, 1);
  lua_setiuservalue(L, 1, 1);
  return 1;
}

static int waited_key;

/* Push what the backend sets when the process waits next: one for all timers that are made until then. The registry keeps it
 * for the backend. */
static bool *push_waited(lua_State *L, struct backend *b) {
  if (b->waited) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &waited_key);
    return b->waited;
  }
  bool *waited = lua_newuserdatauv(L, sizeof *waited, 0);
  *waited = false;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &waited_key);
  return b->waited = waited;
}

static int push_timer(lua_State *L, struct lib *lib, int64_t deadline_ns, int64_t period_ns) {
  struct timer *t = lua_newuserdatauv(L, sizeof *t, 1);
  *t = (struct timer){.deadline_ns = deadline_ns, .period_ns = period_ns};
  t->late = push_waited(L, lib->b);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, TIMER_TYPE);
  return 1;
}

static int l_after(lua_State *L) {
  struct lib *lib = lib_of(L);
  return push_timer(L, lib, lib_check_pause(L, lib, 1), 0);
}

/* every(s): ready s seconds from now, and so on; the next process after a fork counts on by
 * itself. */
static int l_every(lua_State *L) {
  struct lib *lib = lib_of(L);
  lib_arg_check(L, lib_check_number(L, 1) > 0, 1, "the seconds must be a number above 0");
  lib_arg_check(L, lua_isnoneornil(L, 2), 2, "there is no such argument");
  int64_t now_ns = lib->b->run->now(lib->b);
  int64_t first_ns = lib_deadline(lib, lua_tonumber(L, 1));
  return push_timer(L, lib, first_ns, first_ns > now_ns ? first_ns - now_ns : 1);
}

void lib_open_select(lua_State *L, int table) {
  static const luaL_Reg functions[] = {
      {"select", l_select}, {"after", l_after}, {"every", l_every}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"putting", l_putting}, {NULL, NULL}};
  luaL_newmetatable(L, PUTTING_TYPE);
  luaL_newmetatable(L, TIMER_TYPE);
  luaL_newmetatable(L, ENDING_TYPE);
  luaL_getmetatable(L, QUEUE_TYPE);
  lua_getfield(L, -1, "__index");
  lib_set_functions(L, methods);
  lua_pop(L, 5);
  lib_set_functions_in(L, table, functions);
}
