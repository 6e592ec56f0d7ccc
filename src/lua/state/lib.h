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
#include "lua/state/argument.h"
#include "lua/state/child.h"
#include "lua/state/collector.h"
#include "lua/state/interrupt.h"
#include "lua/state/message.h"
#include "lua/state/pause.h"
#include "lua/state/running.h"
#include "lua/state/site.h"
#include "object/calls.h"
#include "object/op.h"

/* Key of the registry: the library's table, whatever scripts do to package.loaded. */
#define LIBRARY_KEY "sandbox.library"

/* Set, to true: spawn goes round the hosts. And the name of this host, if it has one. */
#define SPREAD_KEY "sandbox.spread"
#define HOST_KEY "sandbox.host"

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
#define LATCH_TYPE "sandbox.latch"
#define RWLOCK_TYPE "sandbox.rwlock"
#define ARRAY_TYPE "sandbox.array"
#define PROGRESS_TYPE "sandbox.progress"
#define HOLD_TYPE "sandbox.hold"
#define FAILURE_TYPE "sandbox.failure"

/* See feed.h. */
struct feed {
  lua_State *iterator; /* the coroutine in which a pool calls an iterator; NULL: none */
  int64_t again_ns;    /* deadline of the op that is tried again; 0: the first time */
};

/* State of the random numbers of select. */
struct lot {
  uint64_t state;
  uint32_t generation; /* of the process that they belong to */
};

/* The library in a Lua state: a userdata in the registry, whose __gc frees the buffers. Each part
 * belongs to the file that is named; other files only read it. */
struct lib {
  struct backend *b;               /* borrowed */
  const void *metas[OBJECT_TYPES]; /* metatables of handles, by lua_topointer */
  const void *deadline_meta;       /* metatable of sandbox.deadline, by lua_topointer */
  bool near;                       /* lib_near works in this state */
  struct arena *arena;             /* all memory of the state; NULL: a foreign host's state */
  struct limit {                   /* of memory: limit.c */
    bool refused, failed;
    char where[WHERE_MAX]; /* when it was refused last */
  } limit;
  struct running running;       /* running.h: the coroutine that runs */
  struct messages messages;     /* message.h: the messages being made and read */
  struct collector collector;   /* collector.h: is it held off? */
  struct interrupts interrupts; /* interrupt.h: Ctrl-C */
  struct questions questions;   /* answer.h: questions of other processes */
  struct pausing pausing;       /* pause.h: who is asked at a pause */
  struct life life;             /* child.h: this process, from its fork to its end */
  struct feed feed;             /* feed.h: the iterator that a pool is calling */
  struct lot lot;               /* select.c: the draw among entries that are ready */
  struct sites sites;           /* site.h: places in the script */
};

/* Raise an error if an answer is being given and may not do such an op. */
static inline void answer_check(lua_State *L, const struct lib *lib, enum op_kind kind) {
  if (lib->questions.answering)
    answer_check_given(L, kind);
}

/* Fill in the place of an op, if its object remembers places. `at` must outlive the op. */
struct place {
  struct op_place of;
  lua_Debug ar;
};
void lib_find_place(lua_State *L, struct lib *lib, struct op *op, struct place *at);
static inline bool lib_keeps_place(enum op_kind kind) {
  return op_describe(kind)->past || kind == OP_CONDITION_WAIT; /* which takes a lock, too */
}
static inline void lib_note_place(lua_State *L, struct lib *lib, struct op *op, struct place *at) {
  if (lib_keeps_place(op->kind))
    lib_find_place(L, lib, op, at);
}

/* A handle in Lua. It is created empty (`object` is NULL), then gets its object, so that __gc
 * always knows what to free. */
struct handle {
  const void *meta; /* its metatable, by lua_topointer */
  struct object *object;
  struct buf item;     /* of a queue or pipe: taken, but not decoded yet; see queue.c */
  struct buf refs;     /* handles in it: held until it is decoded */
  struct rest *rest;   /* of a queue: items taken after `item`; owned, NULL: there never were any */
  uint32_t generation; /* of the process that took it: not of its forked children */
  bool redeliver;      /* of a queue: it is known to be one with redeliver */
};

/* Keys of the registry: math.randomseed as it was at the start, for children, whatever scripts do
 * to `math`; */
extern const char lib_randomseed_key;

/* and io.stdout and io.stderr. */
extern const char lib_stream_keys[2];

static inline struct lib *lib_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

/*
 * The lib without a call of Lua, for functions that are called millions of times a second: in a
 * state of state_new it is in the extra space of each thread (lua_getextraspace). In a foreign
 * host's state that space is the host's. So a function that uses lib_near has a twin that uses
 * lib_of, and lib_pick says which of the two a state gets.
 */
static inline struct lib *lib_near(lua_State *L) {
  return *(struct lib *const *)lua_getextraspace(L);
}

static inline lua_CFunction lib_pick(const struct lib *lib, lua_CFunction near, lua_CFunction any) {
  return lib->near ? near : any;
}

/* From here on this coroutine runs; NULL: none does. */
static inline void running_set(struct lib *lib, lua_State *L) {
  lib->running.current = L; /* first: a signal from now on finds it */
  if (lib->running.alert)
    running_refresh(lib);
}

/* L is about to resume `co`; and `co` has stopped, and `before` runs again. Nothing in between may
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

/* Keep the metatable at `index` from scripts, if the run is strict: getmetatable returns its name. */
void lib_protect(lua_State *L, int index);

/* Push a new table with weak keys ("k"), values ("v") or both ("kv"), and room for a list. */
void lib_push_weak(lua_State *L, const char *mode, int slots);

/*
 * protected, of a new state, before anything else: make what each of its children will write to, and their parent between two
 * forks. Made one after the other it lies on three or four pages instead of eight, and a spawn copies each of these twice. What is not made
 * here, for lack of memory, is made later.
 */
int lib_gather(lua_State *L);

/* Make the lib of a state, in its registry; its __gc is the end of the script. Raises without
 * memory. */
struct lib *lib_new(lua_State *L, struct backend *b);

/* The lib of a state, for functions without the upvalue; NULL: the library is not open there. */
struct lib *lib_find(lua_State *L);

/* The deadline that is `seconds` of the run's clock from now. */
int64_t lib_deadline(struct lib *lib, double seconds);

/* The deadline for the timeout at `arg`, in seconds or a sandbox.deadline; SBX_FOREVER if it is
 * absent or nil. Negative numbers and NaN are argument errors. */
int64_t lib_check_timeout(lua_State *L, struct lib *lib, int arg);

/* The same for a number of seconds that must be given; and the seconds themselves, at least 0. */
int64_t lib_check_pause(lua_State *L, struct lib *lib, int arg);
double lib_check_seconds(lua_State *L, struct lib *lib, int arg);

/* A value as an error message names it: a number itself, "nil", "the string x", "a table", "a
 * sandbox.lock". May push. */
const char *lib_say(lua_State *L, int index);

/* Raise the text at the top of the stack as an error of the line that called: of the script's, where C called, as
 * ipairs calls a metamethod. Does not return. */
int lib_raise(lua_State *L);

/* Raise the text of a code at the caller's line, as "what: text". Does not return. */
int lib_error(lua_State *L, const char *what, int code);

/*
 * For codes that a careful program expects: push nil and "timeout", "closed" or "broken", and
 * return 2. Any other code is raised, an interrupt as the error "interrupted!".
 */
int lib_expected(lua_State *L, const char *what, int code);

/*
 * lua_pcall without a handler, for the library's own calls. True: no error. Otherwise the error is
 * at the top, to be shown or dropped. But interrupts and a lack of memory are raised again from
 * here. lib_must_raise says whether a status is one of these, for callers that must do something
 * first: `throws` is lib->interrupts.throws from before the call.
 */
bool lib_try(lua_State *L, int args, int results);
bool lib_must_raise(const struct lib *lib, int status, uint32_t throws);

/* Is `rc` a lack of something that unused handles may hold? Then garbage was collected: try
 * again. */
bool lib_made_room(lua_State *L, int rc);

/* A method without arguments: perform `kind` on the object of the handle at 1. Pushes true, or what
 * lib_expected pushes; returns how many. */
int lib_perform_simply(lua_State *L, enum object_type type, enum op_kind kind, const char *what);

/* The end of a script, or of a process: do the tasks of its pools, then wait for its children. 0 or
 * -SBX_EINTERRUPTED */
int lib_wait_children(lua_State *L, struct lib *lib, bool well);

/* Fill `ar` ("Sl") with the script's function that called the running C function, directly or
 * through the library's own Lua. */
bool lib_find_caller(lua_State *L, lua_Debug *ar);

/* For op.locate: "file:line" of that function. `ctx` is the lua_State. */
void lib_locate(void *ctx, char where[WHERE_MAX]);

/* The same, from a level of the stack of L on, and in L alone: 0 is the running function itself.
 * False: there is no function of the script, and `where` is "" or WHERE_IDLE. */
bool lib_locate_from(lua_State *L, int level, char where[WHERE_MAX]);

/* The function has so many arguments: one more is an error, unless it is nil. The stack is `most` high afterwards.
 * `example`: how the function is called with options; NULL: those are the last argument. */
void lib_no_more(lua_State *L, int most, const char *example);

/* Check the table of options at `arg`: a key that is not in `names` (ended by NULL) is an argument
 * error. */
void lib_check_options(lua_State *L, int arg, const char *const names[]);

/* The option `what` at the top of the stack, which reports and tags show: one line of text, or it
 * is an argument error. The string is the stack's. */
const char *lib_check_text(lua_State *L, int arg, const char *what);
static inline const char *lib_check_name(lua_State *L, int arg) {
  return lib_check_text(L, arg, "name");
}

/* -- handle.c ---------------------------------------------------------------------------------- */

/* Of a new state: there are no types of handles, and no handles. May raise without memory. */
void lib_begin_handles(lua_State *L);

/* The word for handles of a type: "queue". Static. */
const char *lib_type_name(enum object_type type);

struct handle *lib_check_handle_closely(lua_State *L, int arg, enum object_type type);

/* The handle at `arg`, or an argument error, also for a process that was not started. The metatable
 * is looked up only if the first comparison fails. */
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
 * travel in messages. Leaves their metatable at the top: `methods` is its `__index`, `meta` is in
 * it.
 *   meta, functions  NULL: none
 *   functions        are set in the table at index `table`
 */
void lib_open_type(lua_State *L, int table, enum object_type type, const luaL_Reg *methods,
                   const luaL_Reg *meta, const luaL_Reg *functions);

/* The handle at `arg`, of any type; NULL: it is none. `ret_type` may be NULL. */
struct handle *lib_any_handle(lua_State *L, int arg, enum object_type *ret_type);

/* Push a new, empty handle of a type. NULL, and nothing pushed: there are no handles of that
 * type. */
struct handle *lib_push_handle(lua_State *L, enum object_type type);

/*
 * The handle at the top of the stack has just got its object: make it the one handle of this
 * process for that object; or, if there is an older one, replace it by that, and leave the newer
 * one to the collector.
 */
void lib_settle_handle(lua_State *L, struct lib *lib);

/* The handles there are so far belong to another run: none is taken for that of an object that comes
 * from now on. May raise without memory. */
void lib_forget_handles(lua_State *L);

/* Items that a run of gets took, and that are not decoded yet. */
struct rest {
  struct buf bytes, refs;             /* of all of them; handles in them */
  struct buf sizes;                   /* struct rest_size of each */
  size_t bytes_at, refs_at, sizes_at; /* what is before it has gone */
};
struct rest_size {
  size_t bytes, refs;
};

static inline bool rest_is_empty(const struct rest *r) { return !r || r->sizes_at == r->sizes.len; }
static inline void rest_clear(struct rest *r) {
  r->bytes.len = r->refs.len = r->sizes.len = 0;
  r->bytes_at = r->refs_at = r->sizes_at = 0;
}

/* The first of them becomes the item of the handle, which has none. Raises without memory. */
void lib_next_item(lua_State *L, struct handle *h);

/* What was taken and not decoded yet comes first. Items that the handle took in another process, before this
 * one was forked, are forgotten. */
static inline void lib_own_item(lua_State *L, const struct lib *lib, struct handle *h) {
  if (h->generation != lib->life.generation) {
    h->item.len = h->refs.len = 0;
    if (h->rest)
      rest_clear(h->rest);
  }
  h->generation = lib->life.generation;
  if (h->item.len == 0 && !rest_is_empty(h->rest))
    lib_next_item(L, h);
}

/* -- opening the parts: each sets its functions and types in the library's table, at `table` --- */

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

/* -- spawn.c: processes that were not started -------------------------------------------------- */

/* Push the request of a process that sandbox.process made and that was not started: a table of its
 * options, `target` and `args`. False, and nothing pushed: the handle is no such process. */
bool lib_push_request(lua_State *L, int handle);

/* p:start(): fork it, and return p. */
int lib_process_start(lua_State *L);

/* -- queue.c ---------------------------------------------------------------------------------- */

/* Perform `kind`, a put or a send of what lib_encode made; returns what perform returned. */
int lib_perform_encoded(lua_State *L, struct lib *lib, const struct handle *h, enum op_kind kind,
                        int64_t deadline_ns);

/* A put into a queue without room was performed (op.count is 1): wait until a reader has the item. 0,
 * -SBX_ETIMEDOUT, -SBX_ECLOSED, -SBX_EINTERRUPTED: it is withdrawn. */
int lib_put_meet(struct lib *lib, const struct op *put, bool brief);

/* Put what lib_encode made: pushes what q:put returns, returns how many. */
int lib_put_encoded(lua_State *L, struct lib *lib, struct handle *h, int64_t deadline_ns);

/* What a get is to the script, for reports: op.number. */
enum get_step { GET_ITEM, GET_ITEMS_STEP, GET_MESSAGE, GET_MORE = QUEUE_GET_MORE };

/* Of a queue with redeliver: give up what this process has in hand. 0, -SBX_EINTERRUPTED, or what the engine says.
 * Each get begins with that: one that does not know of its handle what the queue is, when it is told -SBX_EHAND. */
int lib_give_up(lua_State *L, struct lib *lib, struct handle *h);
/* The op of that, to begin a run of gets with (perform_run). */
struct op lib_giving_up(lua_State *L, struct handle *h);

/* Get from the queue at 1: pushes what q:get returns, returns how many. */
int lib_get_item(lua_State *L, struct lib *lib, int64_t deadline_ns, enum get_step step);

/* The method: peek() -> the oldest item, or nil and why; peek(n) -> a list of the n oldest. */
int lib_queue_peek(lua_State *L);

/* -- process.c -------------------------------------------------------------------------------- */

/* `op` has joined the process of `h`, and its result is in lib->messages.in: push what join
 * returns, return how many. `what`: the function that was called, for errors. */
int lib_push_outcome(lua_State *L, struct lib *lib, const struct handle *h, const struct op *op,
                     const char *what);

/* lib->messages.in holds the objects that a visitor of processes appended: append their handles to
 * the list at index `list`. */
void lib_push_processes(lua_State *L, struct lib *lib, int list);

/* -- failure.c --------------------------------------------------------------------------------- */

/* Push the failure of a process, from its info and the message that it published, if any. It counts
 * as not looked at. */
void failure_push(lua_State *L, struct lib *lib, const struct object *process,
                  const struct process_info *info, const struct buf *message);

/* [fields] -> a failure with these fields, not looked at. `ref` names it for the backend; NULL: the
 * backend does not know it. */
void failure_wrap(lua_State *L, const struct object_ref *ref);

/* The value at `index` is looked at; it may be a failure. */
void failure_look(lua_State *L, int index);

#endif
