/* lua/bind/selection.c - see selection.h. */
#include "lua/bind/selection.h"

#include <string.h>

#include "lua/bind/native.h"

/* As `ordered` of a list: SELECT_LATE. For as_completed. */
void *select_late_mark(void) {
  static const char mark;
  return (void *)(uintptr_t)&mark;
}

/* -- entries --------------------------------------------------------------------------------- */

void selection_push_key(lua_State *L, lua_Integer index) {
  if (lua_istable(L, KEYS))
    lua_rawgeti(L, KEYS, index);
  else
    lua_pushinteger(L, index);
}

static int bad_entry(lua_State *L, lua_Integer index, const char *what) {
  selection_push_key(L, index);
  return lib_arg_error(L, LIST, lua_pushfstring(L, "entry %s: %s", lua_tostring(L, -1), what));
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

bool selection_takes_item(const struct op *op) {
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
    op->out = selection_takes_item(op)      ? &e->h->item
              : op->kind == OP_PROCESS_JOIN ? &lib->messages.in
                                            : NULL;
    e->refs.taken = selection_takes_item(op) ? &e->h->refs : &lib->messages.read;
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
    op->late = *timer->late;
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
      lib_arg_error(L, LIST, "ordered must be true or false");
    if (!is_ordered(L) && !is_name(L, -2) && !lua_isinteger(L, -2))
      lib_arg_error(L, LIST,
                    lua_pushfstring(L, "the key of an entry must be a name or an index, not %s",
                                    lib_say(L, -2)));
    if (lua_isinteger(L, -2) && (lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > n))
      lib_arg_error(L, LIST,
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

/* The entries of a list whose metatable may run functions of the script: put a plain list of them at ENTRIES. All are
 * asked for before the first op is made, since such a function may make messages of its own. */
static void take_entries(lua_State *L, lua_Integer n) {
  lua_createtable(L, (int)n, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, LIST, i);
    lua_rawseti(L, -2, i);
  }
  lua_replace(L, ENTRIES);
}

/* The keys of a list are its indices, or names; and `ordered`. Returns its length. */
static uint32_t check_list(lua_State *L) {
  lua_Integer n = luaL_len(L, LIST);
  lib_arg_check(L, n < 1 << 16, LIST, "the list is too long"); /* __len may say anything */
  lua_Integer named = check_keys(L, n);
  lib_arg_check(L, n + named > 0, LIST, "there is nothing to wait for: the list is empty");
  lib_arg_check(
      L, n == 0 || named == 0, LIST,
      "some entries have names, others an index: give a name to each, or to none; the only "
      "option of a list is ordered");
  lib_arg_check(L, n + named < 1 << 16, LIST, "the list is too long");
  lua_pushvalue(L, LIST);
  lua_replace(L, ENTRIES);
  if (named) {
    if (lua_getfield(L, LIST, "ordered") == LUA_TBOOLEAN && lua_toboolean(L, -1))
      lib_arg_error(L, LIST, "entries with names have no order: use a list");
    lua_pop(L, 1);
    take_names(L, named);
  } else if (lua_getmetatable(L, LIST)) {
    lua_pop(L, 1);
    take_entries(L, n);
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

struct selection selection_read(lua_State *L, struct lib *lib) {
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
    lua_rawgeti(L, ENTRIES, s.entries[i].index);
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
