/*
 * lua/bind/shared.h - what the bindings of values and dicts share: ops that write or read a value.
 *
 *   shared_begin
 *   shared_bring    if the op writes a value
 *   shared_perform
 *   shared_push     if the op read a value
 *   shared_end      if the op wrote one
 *
 * From shared_bring to shared_end the collector is held off. Between shared_begin and shared_push
 * nothing else may allocate: finalizers use the same buffers.
 */
#ifndef SBX_LUA_BIND_SHARED_H
#define SBX_LUA_BIND_SHARED_H

#include "lua/bind/sync.h"

struct shared_op {
  struct op op;
  struct value_args args;
  bool encoded; /* lib->messages.out holds the value that it writes */
};

/* Prepare an op on the handle at 1. */
void shared_begin(lua_State *L, struct lib *lib, struct shared_op *s, enum object_type type,
                  enum op_kind kind);

/* Read the value at `index` if it is a number, which needs no encoding. False: it is none. */
bool shared_number(lua_State *L, int index, struct number *ret);

/* The op writes the value at `index`, which an error calls `what`. */
void shared_bring(lua_State *L, struct lib *lib, struct shared_op *s, int index, const char *what);

/* Perform it. Raises when it fails. */
void shared_perform(lua_State *L, struct lib *lib, struct shared_op *s);

/* Push the value that it read. */
void shared_push(lua_State *L, struct lib *lib, struct shared_op *s);

/* [text] Append ", updated by writer#2" if a process is in an update. */
void shared_tell_updater(lua_State *L, const struct sync_info *i);

/* The value was written. */
void shared_end(lua_State *L, struct lib *lib, struct shared_op *s);

/*
 * x:update(fn), d:update(key, fn): perform an op that was prepared, with the function at `fn`.
 * Pushes the new value, returns 1. If the function raises an error, or returns nothing, nothing
 * changes.
 *   replace, keep  the ops that end the update
 */
int shared_update(lua_State *L, struct lib *lib, struct shared_op *s, int fn, enum op_kind replace,
                  enum op_kind keep);

/*
 * x:cas(old, new), d:cas(key, old, new): perform an op that was prepared, with the values at `old` and
 * behind it. Pushes true, or false and what there is; returns how many.
 */
int shared_cas(lua_State *L, struct lib *lib, struct shared_op *s, int old);

/*
 * x:wait_for(fn), d:wait_for(key, fn): perform an op AWAIT that was prepared, with its deadline, until
 * the function at `fn` says yes to what there is. Pushes that, or nil and "timeout"; returns how many.
 * Between two looks nothing is missed: the op compares and begins to wait in one step.
 */
int shared_wait_for(lua_State *L, struct lib *lib, struct shared_op *s, int fn);

#endif
