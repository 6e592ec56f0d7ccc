/*
 * lua/state/lib.h - what the files of the bindings share. Private to src/lua.
 *
 * The bindings check arguments, encode values, fill an op and perform it; they know the backend by
 * its tables only. Every C function of the library has the `struct lib` as its first upvalue.
 */
#ifndef SBX_LUA_STATE_LIB_H
#define SBX_LUA_STATE_LIB_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "lua/state/answer.h"
#include "lua/state/child.h"
#include "lua/state/collector.h"
#include "lua/state/interrupt.h"
#include "lua/state/message.h"
#include "lua/state/running.h"
#include "object/calls.h"
#include "object/op.h"

/* Where the registry keeps the library's table, whatever scripts do to package.loaded. */
#define LIBRARY_KEY "sandbox.library"

#define PROCESS_TYPE "sandbox.process"
#define QUEUE_TYPE "sandbox.queue"
#define PIPE_TYPE "sandbox.pipe"
#define LOCK_TYPE "sandbox.lock"
#define SEMAPHORE_TYPE "sandbox.semaphore"
#define EVENT_TYPE "sandbox.event"
#define CONDITION_TYPE "sandbox.condition"
#define BARRIER_TYPE "sandbox.barrier"
#define VALUE_TYPE "sandbox.value"
#define DICT_TYPE "sandbox.dict"
#define PROGRESS_TYPE "sandbox.progress"
#define HOLD_TYPE "sandbox.hold"
#define FAILURE_TYPE "sandbox.failure"

/* The coroutine that asks a pool's iterator; NULL: none. */
struct feed {
  lua_State *iterator;
  int64_t again_ns; /* the deadline of the op that is tried again, 0: it is the first time */
};

/* State of the draw of a select. */
struct lot {
  uint64_t state;
  uint32_t generation; /* of the process whose draw it is */
};

/* One in a Lua state: a userdata in the registry, whose __gc frees the buffers. Each part belongs to the
 * file that is named; others look at it. */
struct lib {
  struct backend *b;               /* borrowed */
  const void *metas[OBJECT_TYPES]; /* the metatables of handles, as lua_topointer gives them */
  bool near;                       /* lib_near finds it */
  struct arena *arena;             /* all memory of the state; NULL: it is a foreign host's */
  struct running running;          /* running.h: the coroutine that runs */
  struct messages messages;        /* message.h: what is being made and read */
  struct collector collector;      /* collector.h: whether it is held off */
  struct interrupts interrupts;    /* interrupt.h: Ctrl-C */
  struct questions questions;      /* answer.h: what other processes ask */
  struct life life;                /* child.h: of this process, from its fork to its end */
  struct feed feed;                /* feed.h: the iterator of a pool that is being asked */
  struct lot lot;                  /* select.c: the draw among what is ready */
};

/* Fill where an op is asked for, if its object remembers that. `at` must outlive the op. */
struct place {
  struct op_place of;
  lua_Debug ar;
};
void lib_note_place(lua_State *L, struct op *op, struct place *at);

/* A handle in Lua: empty (NULL) from its creation until the object is acquired, so that __gc knows
 * what to free. */
struct handle {
  const void *meta; /* its metatable, as lua_topointer gives it */
  struct object *object;
  struct buf item;     /* of a queue: taken, but not decoded yet; see l_queue_get */
  struct buf refs;     /* handles in it: held until it is decoded */
  uint32_t generation; /* of the process that took it: a forked child has no right to it */
};

/* In the registry: the first math.randomseed, for children, whatever scripts do to `math`. */
extern const char lib_randomseed_key;

/* Likewise the first io.stdout and io.stderr. */
extern const char lib_stream_keys[2];

static inline struct lib *lib_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

/*
 * The lib without a call of Lua, for what is called millions of times a second: in a state of
 * state_new it stands in the extra space of each thread (lua_getextraspace). That of a foreign host
 * is the host's. So a function that uses this has a twin that uses lib_of, and lib_pick says which
 * of the two a state gets.
 */
static inline struct lib *lib_near(lua_State *L) {
  return *(struct lib *const *)lua_getextraspace(L);
}

static inline lua_CFunction lib_pick(const struct lib *lib, lua_CFunction near, lua_CFunction any) {
  return lib->near ? near : any;
}

/* Another coroutine runs from here on; NULL: none does. */
static inline void running_set(struct lib *lib, lua_State *L) {
  lib->running.current = L; /* first: a signal from now on finds the right one */
  if (lib->running.alert)
    running_refresh(lib);
}

/* L is about to resume `co`; and `co` has stopped, L had been `before`. Nothing between the two may
 * leave by longjmp. */
static inline void running_enter(struct lib *lib, struct resumer *link, lua_State *L,
                                 lua_State *co) {
  *link = (struct resumer){lib->running.resumers, L};
  lib->running.resumers = link;
  running_set(lib, co);
}

static inline void running_leave(struct lib *lib, const struct resumer *link, lua_State *before) {
  lib->running.resumers = link->up;
  running_set(lib, before);
}

/* Push a new table with weak keys ("k"), values ("v") or both ("kv"), and room for a list. */
void lib_push_weak(lua_State *L, const char *mode, int slots);

/* Make the lib of a state, in its registry; its __gc is the end of the script. Raises for want of
 * memory. */
struct lib *lib_new(lua_State *L, struct backend *b);

/* The lib of a state that has one open, else NULL. For those who are not called with the upvalue.
 */
struct lib *lib_find(lua_State *L);

/* "queue": the word for the handles of that type, static. */
const char *lib_type_name(enum object_type type);

struct handle *lib_check_handle_closely(lua_State *L, int arg, enum object_type type);

/* The handle at `arg`, or an argument error; a process that was not started is one, too. The
 * metatable is asked for only when the first look does not do. */
static inline struct handle *lib_check_handle_of(lua_State *L, const struct lib *lib, int arg,
                                                 enum object_type type) {
  struct handle *h = lua_touserdata(L, arg);
  if (h && lua_rawlen(L, arg) == sizeof *h && h->meta == lib->metas[type] && h->object)
    return h;
  return lib_check_handle_closely(L, arg, type);
}
static inline struct handle *lib_check_handle(lua_State *L, int arg, enum object_type type) {
  return lib_check_handle_of(L, lib_of(L), arg, type);
}

/*
 * Open a type of handles: from now on handles of this object type compare equal, are collected, and
 * travel in messages. Leaves their metatable at the top: `methods` is its `__index`, `meta` is in it.
 *   meta, functions  NULL: none
 *   functions        are set in the table at index `table`
 */
void lib_open_type(lua_State *L, int table, enum object_type type, const luaL_Reg *methods,
                   const luaL_Reg *meta, const luaL_Reg *functions);

/* The handle at `arg`, of whichever type; NULL if it is none. `ret_type` may be NULL. */
struct handle *lib_any_handle(lua_State *L, int arg, enum object_type *ret_type);

/* Push a new handle of a type, empty; NULL and nothing pushed if there are no handles of that type.
 */
struct handle *lib_push_handle(lua_State *L, enum object_type type);

/*
 * The handle at the top of the stack was just filled: remember it as the one handle of this process
 * for its object; or, if there is an older one, put that in its place (and let the collector
 * release the newcomer).
 */
void lib_settle_handle(lua_State *L, struct lib *lib);

/* The deadline `seconds` of the run's clock from now. */
int64_t lib_deadline(struct lib *lib, double seconds);

/* Deadline from the timeout in seconds at `arg`: absent or nil for ever; negative and NaN are
 * argument errors. */
int64_t lib_check_timeout(lua_State *L, struct lib *lib, int arg);

/* A value as an error message names it: a number itself, "nil", "the string x", "a table", "a
 * sandbox.lock". May push. */
const char *lib_say(lua_State *L, int index);

/* Raise the text of a code at the caller's line, as "what: text". Does not return. */
int lib_error(lua_State *L, const char *what, int code);

/*
 * What a careful program expects to happen: pushes nil and "timeout", "closed" or "broken",
 * returns 2. Anything else is raised; an interrupt as the error "interrupted!".
 */
int lib_expected(lua_State *L, const char *what, int code);

/*
 * lua_pcall without a handler, for a call of the library's own: returns whether it went well, else
 * the error is at the top, to be told or dropped. An interrupt and the want of memory are neither,
 * they are raised again from here. lib_must_raise says so of a status, for callers that must do
 * something first: `throws` is lib->interrupts.throws from before the call.
 */
bool lib_try(lua_State *L, int args, int results);
bool lib_must_raise(const struct lib *lib, int status, uint32_t throws);

/* Was `rc` a want of what handles nobody uses may hold? Then they were collected: try again. */
bool lib_made_room(lua_State *L, int rc);

/* A method without arguments: performs `kind` on the object of the handle at 1, pushes true, or
 * what lib_expected pushes; returns how many. */
int lib_perform_simply(lua_State *L, enum object_type type, enum op_kind kind, const char *what);

/* The end of a script, or of a process: the tasks of its pools are done, then its children are
 * waited for. -SBX_EINTERRUPTED */
int lib_wait_children(lua_State *L, struct lib *lib);

/* Fill `ar` ("Sl") with the script's function that called, be it through the library's own Lua, the
 * running C function. */
bool lib_find_caller(lua_State *L, lua_Debug *ar);

/* For op.locate: "file:line" of the script's function that called, be it through the library's own
 * Lua, the running C function. `ctx` is the
 * lua_State. */
void lib_locate(void *ctx, char where[WHERE_MAX]);

/* The same from a level of the stack of L alone on: 0 is the running function itself. False: none
 * of the script's functions is there, and `where` is "", or WHERE_IDLE. */
bool lib_locate_from(lua_State *L, int level, char where[WHERE_MAX]);

/* The options table at `arg`: any key that is not among `names` (ended by NULL) is an argument
 * error. */
void lib_check_options(lua_State *L, int arg, const char *const names[]);

/* The option `what` at the top of the stack, as it may stand in reports and tags: one line of text.
 * The string is the stack's; else an argument error. */
const char *lib_check_text(lua_State *L, int arg, const char *what);
static inline const char *lib_check_name(lua_State *L, int arg) {
  return lib_check_text(L, arg, "name");
}

/* An item that the handle got in a process that this one was forked from is not this one's. */
static inline void lib_own_item(const struct lib *lib, struct handle *h) {
  if (h->generation != lib->life.generation)
    h->item.len = h->refs.len = 0;
  h->generation = lib->life.generation;
}

/* -- the parts, each sets its functions and types; stack as before, `sandbox` table at index
 * `table` ---- */

void lib_open_process(lua_State *L, int table);
void lib_open_spawn(lua_State *L, int table);
void lib_open_pipe(lua_State *L, int table);
void lib_open_select(lua_State *L, int table);
void lib_open_queue(lua_State *L, int table);
void lib_open_sync(lua_State *L, int table);
void lib_open_failure(lua_State *L, int table);

/* luaL_setfuncs with the lib as the one upvalue; the table is at the top. */
void lib_set_functions(lua_State *L, const luaL_Reg *functions);

/* The same for the table at index `table`. */
void lib_set_functions_in(lua_State *L, int table, const luaL_Reg *functions);

/* -- spawn.c: processes that were not started
 * ------------------------------------------------------- */

/* Push the request of a process made by sandbox.process and not started yet: a table of its
 * options, `target` and `args`. Or push nothing and return false. */
bool lib_push_request(lua_State *L, int handle);

/* p:start(): fork it, and return p. */
int lib_process_start(lua_State *L);

/* -- queue.c ---------------------------------------------------------------------------------- */

/* Perform `kind`, a put or a send of what lib_encode made; returns what perform did. */
int lib_perform_encoded(lua_State *L, struct lib *lib, const struct handle *h, enum op_kind kind,
                        int64_t deadline_ns);

/* Put what lib_encode made: pushes what q:put returns, returns how many. */
int lib_put_encoded(lua_State *L, struct lib *lib, struct handle *h, int64_t deadline_ns);

/* Get from the queue at 1: pushes what q:get returns, returns how many. */
int lib_get_item(lua_State *L, struct lib *lib, int64_t deadline_ns, bool items);

/* -- process.c -------------------------------------------------------------------------------- */

/* The process of `h` was joined by `op`, its result is in lib->messages.in: push what join returns, return
 * how many. */
int lib_push_outcome(lua_State *L, struct lib *lib, const struct handle *h, const struct op *op);

/* lib->messages.in holds objects, as a visitor of processes appended them: append their handles to the list
 * at index `list`. */
void lib_push_processes(lua_State *L, struct lib *lib, int list);

/* -- failure.c
 * --------------------------------------------------------------------------------------- */

/* Push the failure object of a process that ended badly, from its info and the published message,
 * if any. Nobody has looked at it yet. */
void failure_push(lua_State *L, struct lib *lib, const struct object *process,
                  const struct process_info *info, const struct buf *message);

/* [fields] -> a failure object that has them, which nobody has looked at; `ref` names the failure
 * for the backend, NULL: it does not know it. */
void failure_wrap(lua_State *L, const struct object_ref *ref);

/* Somebody looks at the value at `index`, which may be a failure object. */
void failure_look(lua_State *L, int index);

#endif
