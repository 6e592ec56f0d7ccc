/*
 * lua/bind/shared.h - what the bindings of values and dicts share: ops that bring or read a value.
 *
 *   shared_begin; shared_bring, if it brings a value; shared_perform; shared_push, if it has read
 *   one; shared_end, if it brought one
 *
 * From shared_bring on the collector is held off, and between shared_begin and shared_push nothing
 * else may allocate: finalizers use the same buffers.
 */
#ifndef SBX_LUA_BIND_SHARED_H
#define SBX_LUA_BIND_SHARED_H

#include "lua/bind/sync.h"

struct shared_op {
  struct op op;
  struct value_args args;
  bool encoded; /* lib->messages.out holds what it brings */
};

/* Prepare an op on the handle at 1. */
void shared_begin(lua_State *L, struct lib *lib, struct shared_op *s, enum object_type type,
                  enum op_kind kind);

/* A number is brought as it is. True: the value at `index` is one. */
bool shared_number(lua_State *L, int index, struct number *ret);

/* It brings the value at `index`; an error calls that `what`. */
void shared_bring(lua_State *L, struct lib *lib, struct shared_op *s, int index, const char *what);

/* Perform it. Raises when it fails. */
void shared_perform(lua_State *L, struct lib *lib, struct shared_op *s);

/* Push what it has read. */
void shared_push(lua_State *L, struct lib *lib, struct shared_op *s);

/* [text] Append ", updated by writer#2" if a process is in an update. */
void shared_tell_updater(lua_State *L, const struct sync_info *i);

/* What it brought is there. */
void shared_end(lua_State *L, struct lib *lib, struct shared_op *s);

/*
 * x:update(fn), d:update(key, fn): an op that was prepared, and the function at `fn`. Pushes the
 * new value, returns 1. When the function raises an error, or returns nothing, nothing has changed.
 *   replace, keep  the ops that end it
 */
int shared_update(lua_State *L, struct lib *lib, struct shared_op *s, int fn, enum op_kind replace,
                  enum op_kind keep);

#endif
