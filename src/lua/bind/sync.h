/*
 * lua/bind/sync.h - what the bindings of the synchronisation objects share. Private to src/lua.
 *
 * A type of object is a row of tables: its methods, its constructors, and how it is told. The
 * methods of several types are the same functions; what tells them apart is an upvalue.
 */
#ifndef SBX_LUA_BIND_SYNC_H
#define SBX_LUA_BIND_SYNC_H

#include "lua/state/lib.h"

struct sync_type {
  enum object_type type;
  const char *name; /* of the metatable */
  const luaL_Reg *methods;
  const luaL_Reg *constructors;
  const luaL_Reg
      *near; /* methods that take the place of those of the same name where lib_near works;
                           NULL: none */
  const luaL_Reg *meta; /* NULL: nothing special; `__index`: instead of the methods, called with
                           their table as upvalue 2 */
  /* Push what stands in parentheses: `lock: jobs#3 (held by writer#2)`. */
  void (*tell)(lua_State *L, const struct sync_info *i);
};

extern const struct sync_type sync_lock, sync_semaphore, sync_event, sync_condition, sync_barrier,
    sync_value, sync_dict, sync_progress;

/* Make the type of what pairs of a dict goes through. */
void dict_open_pairs(lua_State *L);

/*
 * [..., name or nil on top] Make an object: pushes its handle, returns 1. What the handles nobody
 * uses hold is set free when it is missing.
 */
int sync_make(lua_State *L, const struct sync_options *o, enum object_type type);

/* The option `name` of the table at `arg`, if it is a table; pushed, and kept alive by it. NULL:
 * none. */
const char *sync_name_option(lua_State *L, int arg);

/* The last argument of a constructor, at `arg`: absent, or a table with no option but `name`. */
const char *sync_only_name(lua_State *L, int arg);

/* The whole number at `index`, `least` or more, or an error of the argument `arg` that calls it
 * `what`. */
uint64_t sync_check_count(lua_State *L, int index, const char *what, lua_Integer least, int arg);

/* The info of the handle at 1. */
struct sync_info sync_info_of(lua_State *L, enum object_type type);

/*
 * Perform an op on the handle at 1, with the timeout at `timeout` (0: it does not wait). Returns 0,
 * or how many values it pushed: what lib_expected says.
 */
int sync_op_of(lua_State *L, struct lib *lib, struct op *op, enum object_type type, int timeout);
static inline int sync_op(lua_State *L, struct op *op, enum object_type type, int timeout) {
  return sync_op_of(L, lib_of(L), op, type, timeout);
}

/* A whole method: sync_op, and true. */
int sync_plain(lua_State *L, enum op_kind kind, enum object_type type, int timeout);

/* true, or true and "abandoned". */
int sync_push_taken(lua_State *L, const struct op *op);

/*
 * x:hold(timeout): acquire, and return what releases it when it is closed, by the op `release`.
 * Returns like sync_push_taken.
 */
int sync_hold(lua_State *L, enum object_type type, enum op_kind acquire, enum op_kind release);

#endif
