/* lua/state/child.h - the life of a process, from its fork to its end. Private to src/lua. */
#ifndef SBX_LUA_STATE_CHILD_H
#define SBX_LUA_STATE_CHILD_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

struct forgotten;
struct lib;

struct life {
  bool child;               /* this process was made by spawn */
  bool cut_short;           /* an interrupt ends it: programs that it started are told */
  bool finished;            /* the end of the script was waited for */
  bool idle;                /* a pool's worker waits for a task: see native.idle */
  bool modules;             /* prelude.h: some were made, perhaps pools */
  bool warns;               /* of changes of copies: copies.h */
  uint32_t generation;      /* forks between the first process and this one */
  uint32_t programs;        /* files of io.popen that are open */
  lua_State *own;           /* of a process made by spawn, its main thread; else NULL */
  lua_State *spare;         /* for the next child, see child_prepare; NULL: none */
  const char *stack_middle; /* of the C stack; see spawn.c */
  FILE *streams[2];         /* stdout and stderr, as they were when the lib was made */
  struct buf report;        /* the text of its failure, in case that no other process looks at it */
};

/*
 * Before a spawn, once: make the thread on which the child's function will run. Each page that the
 * child writes to first is copied for it, so it should not have to allocate. May raise without
 * memory, and run finalizers.
 */
void child_prepare(lua_State *L, struct lib *lib);

/* Make such a thread, and room for `levels` calls on L. Returns the thread, or NULL without memory for its calls. */
enum { CHILD_LEVELS = 4 };
lua_State *child_make_thread(lua_State *L, int levels);

/* Of a new lib: the next child gets the thread that there is, if there is one (lib_gather). */
void child_begin(lua_State *L, struct lib *lib);

/* To be called with a number of levels: nests so many calls of C functions, and returns. What Lua
 * allocates for that stays. Raises when it counts too many. */
int child_nest_calls(lua_State *L);

/* In the child of a spawn: function and `nargs` arguments at the top of the stack. */
void child_run(lua_State *L, struct lib *lib, int nargs) __attribute__((noreturn));

/* protected: [value] -> the message of a failure with that error value */
int child_message_of(lua_State *L);

/*
 * (status, message, hint, traceback, value, more): the process fails with these, instead of an error, and
 * leaves with the status. `more` is a table of fields of the failure, or nil. `<close>` variables are not
 * closed. Does not return.
 */
int child_fail_as(lua_State *L);

/* os.exit of every process made by spawn. */
int child_os_exit(lua_State *L);

/* Warn on stderr that the calling process has not released something before its end. For struct
 * backend; ctx is the lib. */
void child_forgot(void *ctx, const struct forgotten *what);

#endif
