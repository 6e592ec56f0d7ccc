/*
 * lua/bind/selection.h - the list that a script gives to select, read into ops.
 *
 * Each entry of the list becomes one op. q:putting(v) and sandbox.after(s) make entries of what is
 * not a handle. The ops are shuffled, so that of several that are ready each has the same chance,
 * unless the caller asks for the order of the list.
 */
#ifndef SBX_LUA_BIND_SELECTION_H
#define SBX_LUA_BIND_SELECTION_H

#include "lua/state/lib.h"

#define PUTTING_TYPE "sandbox.putting" /* user values: the queue, the item */
#define TIMER_TYPE "sandbox.timer"
#define ENDING_TYPE "sandbox.ending" /* user value: the process */

/* What sandbox.after and sandbox.every make: ready when its deadline has passed. */
struct timer {
  int64_t deadline_ns;
  int64_t period_ns; /* from one tick to the next; 0: there is but one */
  const bool *late;  /* the process has waited since it was made: its user value */
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

/* The list at LIST, the stack up to ENTRIES: push the userdata that holds the ops. Raises what is wrong with an entry, by
 * its key. */
struct selection selection_read(lua_State *L, struct lib *lib);

/* Push the key of an entry as the script gave it: an index, or a name. */
void selection_push_key(lua_State *L, lua_Integer index);

/* Does the op take an item, into its handle? */
bool selection_takes_item(const struct op *op);

#endif
