/*
 * lua/bind/sync.h - what the bindings of the synchronisation objects share. Private to src/lua.
 *
 * A type of object is a row: its methods, its constructors, and a function that describes it.
 */
#ifndef SBX_LUA_BIND_SYNC_H
#define SBX_LUA_BIND_SYNC_H

#include "base/error.h"
#include "lua/state/feed.h"
#include "lua/state/lib.h"

struct sync_type {
  enum object_type type;
  const char *name; /* of the metatable */
  const luaL_Reg *methods;
  const luaL_Reg *constructors;
  const luaL_Reg *near; /* methods that replace those of the same name, for lib_near; or NULL */
  const luaL_Reg *meta; /* more for the metatable, with the methods as upvalue 2; or NULL */
  /* Push the text in parentheses of `lock: jobs#3 (held by writer#2)`. */
  void (*tell)(lua_State *L, const struct sync_info *i);
};

extern const struct sync_type sync_lock, sync_semaphore, sync_event, sync_condition, sync_barrier,
    sync_value, sync_dict, sync_progress, sync_latch, sync_rwlock, sync_array;

/* Make the metatable of the entries that pairs goes through. */
void dict_open_pairs(lua_State *L);

/*
 * Make an object: push its handle, return 1. If there is no room, garbage is collected first, since
 * unused handles may hold some.
 */
int sync_make(lua_State *L, const struct sync_options *o, enum object_type type);

/* The option `name` of the value at `arg`, if that is a table, which keeps the string alive. Pushes
 * a value. NULL: none. */
const char *sync_name_option(lua_State *L, int arg);

/* The last argument of a constructor, at `arg`: absent, or a table with no option but `name`. */
const char *sync_only_name(lua_State *L, int arg);

/* The whole number at `index`, at least `least`; or an error of the argument `arg`, which calls it
 * `what`. */
uint64_t sync_check_count(lua_State *L, int index, const char *what, lua_Integer least, int arg);

/* Read `n` or `{n =, name =}`, the arguments of a constructor, into o->count (at least `least`) and
 * o->name. Pushes values. */
void sync_count_options(lua_State *L, struct sync_options *o, lua_Integer least);

/* The info of the handle at 1. */
struct sync_info sync_info_of(lua_State *L, enum object_type type);

/*
 * Perform an op on the handle at 1, with the timeout at index `timeout` (0: the op does not wait).
 * Returns 0, or the number of values that lib_expected pushed.
 */
static inline int sync_op_of(lua_State *L, struct lib *lib, struct op *op, enum object_type type,
                             int timeout) {
  const enum op_kind kind = op->kind; /* usually a constant, as op->kind is not after a call */
  answer_check(L, lib, kind);
  op->object = lib_check_handle_of(L, lib, 1, type)->object;
  op->deadline_ns = timeout ? lib_check_timeout(L, lib, timeout) : SBX_FOREVER;
  op->locate = lib_locate;
  op->locate_ctx = L;
  struct place place;
  if (lib_keeps_place(kind))
    lib_find_place(L, lib, op, &place);
  int64_t until_ns = kind == OP_EVENT_WAIT ? feed_begin(L, lib, &op->deadline_ns) : 0;
  int rc = perform(lib->b, op);
  if (rc == -SBX_ETIMEDOUT && until_ns)
    feed_give_way(L, until_ns);
  return rc ? lib_expected(L, op_describe(kind)->verb, rc) : 0;
}
static inline int sync_op(lua_State *L, struct op *op, enum object_type type, int timeout) {
  return sync_op_of(L, lib_of(L), op, type, timeout);
}

/* A complete method: sync_op, then push true. */
int sync_plain(lua_State *L, enum op_kind kind, enum object_type type, int timeout);

/* Push true, or true and "abandoned"; return how many. */
int sync_push_taken(lua_State *L, const struct op *op);

/*
 * x:hold(timeout): acquire, and push an object whose `<close>` performs the op `release`. Returns
 * the number of values pushed.
 */
int sync_hold(lua_State *L, enum object_type type, enum op_kind acquire, enum op_kind release);

#endif
