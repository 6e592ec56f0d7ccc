/*
 * lua/bind/select.c - sandbox.select: waiting for several things, and doing one of them; see lib.h.
 *
 * Each entry of the list becomes one op. q:putting(v) and sandbox.after(s) make entries of what is
 * not a handle. The ops are shuffled first, so that of several that are ready each has the same
 * chance, unless the caller asks for the order of the list.
 */
#include <string.h>

#include "base/error.h"
#include "lua/bind/native.h"
#include "lua/bind/sync.h"
#include "lua/state/answer.h"
#include "lua/state/feed.h"
#include "lua/state/lib.h"

#define PUTTING_TYPE "sandbox.putting" /* user values: the queue, the item */
#define TIMER_TYPE "sandbox.timer"
#define ENDING_TYPE "sandbox.ending" /* user value: the process */

/* What sandbox.after and sandbox.every make: ready when its deadline has passed. */
struct timer {
  int64_t deadline_ns;
  int64_t period_ns; /* from one tick to the next; 0: there is but one */
};

/* Places on the stack of l_select: the script's table; the names of its entries, sorted, or nil; the
 * entries as a list. */
enum { LIST = 1, KEYS = 3, ENTRIES, OPS, ENTRY };

/* What is known of an entry beyond its op. */
struct entry {
  lua_Integer index;   /* its index in the script's list */
  struct handle *h;    /* NULL: a timer */
  struct timer *timer; /* one that ticks: of sandbox.every; NULL: it is something else */
  size_t at, len;      /* PUT: its item in lib->messages.out */
  size_t from, to;     /* PUT: the handles in it, bytes of lib->messages.flying */
  struct op_refs refs;
};

/* A userdata on the stack, in one piece: both arrays have `count` elements, in the same order. */
struct selection {
  struct op *ops;
  struct entry *entries;
  uint32_t count;
  bool encoded; /* lib->messages.out holds an item */
  bool futures; /* there are tasks of pools among the entries */
  enum select_order order;
};

/* As `ordered` of a list: SELECT_LATE. For as_completed. */
void *select_late_mark(void) {
  static const char mark;
  return (void *)(uintptr_t)&mark;
}

/* -- entries --------------------------------------------------------------------------------- */

/* Push the key of an entry as the script gave it: an index, or a name. */
static void push_key(lua_State *L, lua_Integer index) {
  if (lua_istable(L, KEYS))
    lua_rawgeti(L, KEYS, index);
  else
    lua_pushinteger(L, index);
}

static int bad_entry(lua_State *L, lua_Integer index, const char *what) {
  push_key(L, index);
  return luaL_argerror(L, LIST, lua_pushfstring(L, "entry %s: %s", lua_tostring(L, -1), what));
}

/* The handle at the top; a process must be started. */
static struct handle *check_entry_handle(lua_State *L, lua_Integer index) {
  struct handle *h = lua_touserdata(L, -1);
  if (!h->object)
    bad_entry(L, index,
              lib_push_request(L, lua_gettop(L)) ? "the process was not started: call its start()"
                                                 : "the handle is empty");
  return h;
}

/* [putting] Encode its item behind the items of other entries. */
static void read_putting(lua_State *L, struct lib *lib, struct selection *s, struct entry *e) {
  lua_getiuservalue(L, ENTRY, 1);
  e->h = check_entry_handle(L, e->index);
  lua_getiuservalue(L, ENTRY, 2);
  int item = lua_gettop(L);
  if (!s->encoded)
    lib_encode(L, lib, item, 1, "item");
  e->at = lib->messages.out.len;
  e->from = lib->messages.flying.len;
  if (s->encoded)
    lib_encode_more(L, lib, item, 1, "item");
  else
    e->at = e->from = 0;
  s->encoded = true;
  e->len = lib->messages.out.len - e->at;
  e->to = lib->messages.flying.len;
}

/* The op that a handle stands for in a select; OP_NONE: it cannot be waited for. */
static enum op_kind op_of(enum object_type type) {
  static const enum op_kind kinds[OBJECT_TYPES] = {
      [OBJECT_QUEUE] = OP_QUEUE_GET,
      [OBJECT_PIPE] = OP_PIPE_RECV,
      [OBJECT_PROCESS] = OP_PROCESS_JOIN,
      [OBJECT_LOCK] = OP_LOCK_ACQUIRE,
      [OBJECT_SEMAPHORE] = OP_SEMAPHORE_ACQUIRE,
      [OBJECT_EVENT] = OP_EVENT_WAIT,
      [OBJECT_LATCH] = OP_LATCH_WAIT,
  };
  return kinds[type];
}

/* Does the op take an item, into its handle? */
static bool takes_item(const struct op *op) {
  return op->kind == OP_QUEUE_GET || op->kind == OP_PIPE_RECV;
}

/* Is it a task of a pool? Those are known to the library's Lua: prelude/pool.lua. */
static bool is_future(lua_State *L) {
  bool is = lua_type(L, ENTRY) == LUA_TUSERDATA &&
            luaL_getmetafield(L, ENTRY, "__name") == LUA_TSTRING &&
            strcmp(lua_tostring(L, -1), "sandbox.future") == 0;
  lua_settop(L, ENTRY);
  return is;
}

/* [..., entry at ENTRY] Make its op. */
static void read_entry(lua_State *L, struct lib *lib, struct selection *s, uint32_t i) {
  struct op *op = &s->ops[i];
  struct entry *e = &s->entries[i];
  struct timer *timer;
  enum object_type type = OBJECT_NONE;
  lib_any_handle(L, ENTRY, &type);
  if ((op->kind = op_of(type)) != OP_NONE) {
    e->h = check_entry_handle(L, e->index);
    op->out = takes_item(op) ? &e->h->item : op->kind == OP_PROCESS_JOIN ? &lib->messages.in : NULL;
    e->refs.taken = takes_item(op) ? &e->h->refs : &lib->messages.read;
    op->refs = op->out ? &e->refs : NULL;
  } else if (luaL_testudata(L, ENTRY, PUTTING_TYPE)) {
    op->kind = OP_QUEUE_PUT;
    op->number = 1;
    read_putting(L, lib, s, e);
  } else if (luaL_testudata(L, ENTRY, ENDING_TYPE)) {
    op->kind = OP_PROCESS_JOIN;
    op->number = 1;
    lua_getiuservalue(L, ENTRY, 1);
    e->h = check_entry_handle(L, e->index);
  } else if ((timer = luaL_testudata(L, ENTRY, TIMER_TYPE))) {
    op->kind = OP_CLOCK_SLEEP;
    op->deadline_ns = timer->deadline_ns;
    e->timer = timer->period_ns ? timer : NULL;
  } else if (is_future(L)) {
    s->futures = true;
  } else {
    bad_entry(
        L, e->index,
        lua_pushfstring(L,
                        "%s cannot be waited for (queues, q:putting(v), pipes, processes, tasks "
                        "of pools, locks, semaphores, latches, events, sandbox.after(s) and "
                        "sandbox.every(s) can)",
                        lib_say(L, ENTRY)));
  }
  if (e->h)
    op->object = e->h->object;
}

/* -- the list -------------------------------------------------------------------------------- */

/* The name of an entry at the top: a string. */
static bool is_name(lua_State *L, int index) { return lua_type(L, index) == LUA_TSTRING; }

/* [key, value] Is it the option `ordered`? */
static bool is_ordered(lua_State *L) {
  return is_name(L, -2) && strcmp(lua_tostring(L, -2), "ordered") == 0;
}

/* Refuse what is neither an option nor an entry of a list of n. Returns how many entries have names. */
static lua_Integer check_keys(lua_State *L, lua_Integer n) {
  lua_Integer named = 0;
  lua_pushnil(L);
  for (; lua_next(L, LIST); lua_pop(L, 1)) {
    if (is_ordered(L) && !lua_isboolean(L, -1) && lua_touserdata(L, -1) != select_late_mark())
      luaL_argerror(L, LIST, "ordered must be true or false");
    if (!is_ordered(L) && !is_name(L, -2) && !lua_isinteger(L, -2))
      luaL_argerror(L, LIST,
                    lua_pushfstring(L, "the key of an entry must be a name or an index, not %s",
                                    lib_say(L, -2)));
    if (lua_isinteger(L, -2) && (lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > n))
      luaL_argerror(L, LIST,
                    lua_pushfstring(L, "entry %I: entries are numbered from 1, without a gap",
                                    (LUAI_UACINT)lua_tointeger(L, -2)));
    named += is_name(L, -2) && !is_ordered(L);
  }
  return named;
}

/* [..., list of names at KEYS] Insert a name at its place: so their order depends on nothing else. */
static void insert_name(lua_State *L, lua_Integer n) {
  lua_Integer at = n + 1;
  for (; at > 1; at--) {
    lua_rawgeti(L, KEYS, at - 1);
    if (!lua_compare(L, -2, -1, LUA_OPLT)) {
      lua_pop(L, 1);
      break;
    }
    lua_rawseti(L, KEYS, at);
  }
  lua_rawseti(L, KEYS, at);
}

/* The entries have names: put a sorted list of them at KEYS, and their entries at ENTRIES. */
static void take_names(lua_State *L, lua_Integer count) {
  lua_createtable(L, (int)count, 0);
  lua_replace(L, KEYS);
  lua_Integer n = 0;
  lua_pushnil(L);
  for (; lua_next(L, LIST); lua_pop(L, 1))
    if (!is_ordered(L)) {
      lua_pushvalue(L, -2);
      insert_name(L, n++);
    }
  lua_createtable(L, (int)n, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, KEYS, i);
    lua_rawget(L, LIST);
    lua_rawseti(L, -2, i);
  }
  lua_replace(L, ENTRIES);
}

/* The keys of a list are its indices, or names; and `ordered`. Returns its length. */
static uint32_t check_list(lua_State *L) {
  lua_Integer n = luaL_len(L, LIST), named = check_keys(L, n);
  luaL_argcheck(L, n + named > 0, LIST, "there is nothing to wait for: the list is empty");
  luaL_argcheck(
      L, n == 0 || named == 0, LIST,
      "some entries have names, others an index: give a name to each, or to none; the only "
      "option of a list is ordered");
  luaL_argcheck(L, n + named < 1 << 16, LIST, "the list is too long");
  lua_pushvalue(L, LIST);
  lua_replace(L, ENTRIES);
  if (named) {
    if (lua_getfield(L, LIST, "ordered") == LUA_TBOOLEAN && lua_toboolean(L, -1))
      luaL_argerror(L, LIST, "entries with names have no order: use a list");
    lua_pop(L, 1);
    take_names(L, named);
  }
  return (uint32_t)(n + named);
}

/* xorshift64*, which is good enough for the order of entries. */
static uint32_t draw(struct lib *lib, uint32_t below) {
  if (lib->lot.generation != lib->life.generation || lib->lot.state == 0) {
    lib->lot.state = lib->b->self->seed(lib->b) | 1; /* each process has its own numbers */
    lib->lot.generation = lib->life.generation;
  }
  lib->lot.state ^= lib->lot.state >> 12;
  lib->lot.state ^= lib->lot.state << 25;
  lib->lot.state ^= lib->lot.state >> 27;
  uint64_t high = (lib->lot.state * UINT64_C(0x2545f4914f6cdd1d)) >> 32;
  return (uint32_t)(high * below >> 32);
}

/* Shuffle: each order is equally likely (Fisher and Yates). */
static void shuffle(struct lib *lib, struct entry *entries, uint32_t n) {
  for (uint32_t i = n; i > 1; i--) {
    uint32_t k = draw(lib, i);
    struct entry e = entries[i - 1];
    entries[i - 1] = entries[k];
    entries[k] = e;
  }
}

/* Push the userdata that holds the ops, filled from the list. */
static struct selection read_list(lua_State *L, struct lib *lib) {
  struct selection s = {.count = check_list(L)};
  s.ops = lua_newuserdatauv(L, s.count * (sizeof *s.ops + sizeof *s.entries), 0);
  s.entries = (struct entry *)(void *)(s.ops + s.count);
  memset(s.ops, 0, s.count * (sizeof *s.ops + sizeof *s.entries));
  for (uint32_t i = 0; i < s.count; i++)
    s.entries[i].index = i + 1;
  lua_getfield(L, LIST, "ordered");
  s.order = lua_islightuserdata(L, -1) ? SELECT_LATE
            : lua_toboolean(L, -1)     ? SELECT_ORDERED
                                       : SELECT_FAIR;
  if (s.order == SELECT_FAIR)
    shuffle(lib, s.entries, s.count);
  lua_settop(L, OPS);
  for (uint32_t i = 0; i < s.count; i++) {
    lua_geti(L, ENTRIES, s.entries[i].index);
    read_entry(L, lib, &s, i);
    lua_settop(L, OPS);
  }
  for (uint32_t i = 0; i < s.count; i++) /* the buffer moves no more */
    if (s.ops[i].kind == OP_QUEUE_PUT) {
      s.ops[i].data = lib->messages.out.data + s.entries[i].at;
      s.ops[i].len = s.entries[i].len;
      s.entries[i].refs = lib_flying(lib, s.entries[i].from, s.entries[i].to);
      s.ops[i].refs = &s.entries[i].refs;
    }
  return s;
}

/* -- select ---------------------------------------------------------------------------------- */

/* The entry whose handle has an item that an earlier get took and could not decode (queue.c); or
 * -1. */
static int find_taken(lua_State *L, struct lib *lib, const struct selection *s) {
  int taken = -1;
  for (uint32_t i = s->count; i-- > 0;) {
    struct handle *h = s->entries[i].h;
    if (!takes_item(&s->ops[i]))
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
  push_key(L, e->index);
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
      return 1 + lib_push_outcome(L, lib, e->h, &op);
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
static int perform_select(struct lib *lib, struct selection *s, struct op *select) {
  for (;;) {
    int rc = perform(lib->b, select);
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
  luaL_argexpected(L, lua_istable(L, LIST), LIST, "list of what to wait for");
  answer_check(L, lib, OP_SELECT);
  struct op op = {.kind = OP_SELECT,
                  .deadline_ns = lib_check_timeout(L, lib, 2),
                  .locate = lib_locate,
                  .locate_ctx = L};
  lua_settop(L, 2);
  int64_t until_ns = feed_begin(L, lib, &op.deadline_ns);
  lua_settop(L, ENTRIES);
  struct selection s = read_list(L, lib);
  op.count = s.order;
  if (s.futures) {
    if (s.encoded)
      lib_sent(L, lib);
    return select_futures(L);
  }
  struct place place;
  for (uint32_t i = 0; i < s.count; i++)
    lib_note_place(L, &s.ops[i], &place);
  op.subs = s.ops;
  op.sub_count = s.count;
  lib_read_begin(lib);
  int rc = 0;
  op.number = find_taken(L, lib, &s);
  if (op.number < 0)
    rc = perform_select(lib, &s, &op);
  if (s.encoded)
    lib_sent(L, lib);
  if (op.number >= 0 && rc == 0)
    rc = fetch(lib, &s, &op);
  if (op.number < 0 && rc == -SBX_ETIMEDOUT && until_ns)
    feed_give_way(L, until_ns);
  return op.number < 0 ? lib_expected(L, "select", rc) : push_done(L, lib, &s, &op, rc);
}

/* -- entries of their own -------------------------------------------------------------------- */

static int l_putting(lua_State *L) {
  lib_check_handle(L, 1, OBJECT_QUEUE);
  luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "nil is no item");
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

static int push_timer(lua_State *L, int64_t deadline_ns, int64_t period_ns) {
  struct timer *t = lua_newuserdatauv(L, sizeof *t, 0);
  *t = (struct timer){.deadline_ns = deadline_ns, .period_ns = period_ns};
  luaL_setmetatable(L, TIMER_TYPE);
  return 1;
}

static int l_after(lua_State *L) { return push_timer(L, lib_check_pause(L, lib_of(L), 1), 0); }

/* every(s): ready s seconds from now, and so on; the next process after a fork counts on by
 * itself. */
static int l_every(lua_State *L) {
  struct lib *lib = lib_of(L);
  luaL_argcheck(L, luaL_checknumber(L, 1) > 0, 1, "the seconds must be a number above 0");
  luaL_argcheck(L, lua_isnoneornil(L, 2), 2, "there is no such argument");
  int64_t now_ns = lib->b->run->now(lib->b);
  int64_t first_ns = lib_deadline(lib, lua_tonumber(L, 1));
  return push_timer(L, first_ns, first_ns > now_ns ? first_ns - now_ns : 1);
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
