/*
 * lua/state/child.c - the life of a spawned process, from the fork to _exit.
 *
 * A child begins on a copy of its parent's C stack, deep inside the parent's calls. It never
 * returns to them and never raises past child_run, so nothing of the parent's is unwound: no
 * __close, no __gc (guard.c), no atexit.
 *
 * Its function runs on a new Lua thread, called and not resumed: so it cannot yield, its C call
 * depth is counted from 0, and the stack below it is empty. That thread is the main thread of the
 * process: it stands in LUA_RIDX_MAINTHREAD, coroutine.running says so (coroutine.c), and
 * os.exit(code, true) closes it. Lua itself knows one main thread, that of the first process, for
 * ever; only a module in C that calls lua_pushthread can see the difference. The parent's threads
 * stay as they were at the fork.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child_code.h"
#include "base/error.h"
#include "base/flush.h"
#include "base/policy.h"
#include "lua/state/answer.h"
#include "lua/state/call.h"
#include "lua/state/copies.h"
#include "lua/state/guard.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/limit.h"
#include "lua/state/masked.h"
#include "lua/state/program.h"
#include "lua/state/report.h"

enum { EXIT_FAILURE_STATUS = 1 };
enum { HANDLER = 3 }; /* index of the message handler in the main thread; results are above it */

static void leave(struct lib *lib, const struct buf *result, int status) __attribute__((noreturn));

/* Write the report of a failure of this process, in case that no other process looks at it. */
static void report(struct lib *lib, const char *message, const char *hint, const char *traceback) {
  struct process_info me;
  struct object *self;
  lib->life.report.len = 0;
  if (lib->b->self->quiet(lib->b) || lib->b->self->process_self(lib->b, &self) ||
      op_process_who(lib->b, self, &me))
    return;
  report_format(&(struct report){.message = message,
                                 .hint = hint,
                                 .traceback = traceback,
                                 .name = me.name,
                                 .host = me.host,
                                 .id = me.id,
                                 .pid = me.pid,
                                 .spawned_at = me.spawned_at},
                report_color(), &lib->life.report);
}

/* "main", "writer#2": the calling process. */
static void name_self(struct lib *lib, char *ret, size_t size) {
  struct process_info me = {.id = 1};
  struct object *self;
  if (lib->b->self->process_self(lib->b, &self) == 0) {
    op_process_who(lib->b, self, &me);
    op_handle_release(lib->b, self);
  }
  if (me.id == 1)
    snprintf(ret, size, "main");
  else
    snprintf(ret, size, "%s#%" PRIu32, me.name, me.id);
}

void child_forgot(void *ctx, const struct forgotten *what) {
  char line[320 + WHERE_MAX], self[NAME_MAX_BYTES + 24], object[NAME_MAX_BYTES + 40];
  const char *type = lib_type_name(what->type);
  bool lock = what->type == OBJECT_LOCK || what->type == OBJECT_RWLOCK,
       known = what->where[0] != '\0';
  name_self(ctx, self, sizeof self);
  if (what->name[0])
    snprintf(object, sizeof object, "%s '%s'", type, what->name);
  else
    snprintf(object, sizeof object, "%s#%" PRIu64, type, what->id);
  char what_it_did[80] = "ended";
  if (what->world)
    snprintf(what_it_did, sizeof what_it_did, "closed world '%s'", what->world);
  snprintf(line, sizeof line, "warning: %s %s %s %s%s%s", self, what_it_did,
           lock ? "and still held" : "inside an update of", object,
           !known ? ""
           : lock ? ", acquired at "
                  : ", begun at ",
           what->where);
  report_print(&(struct report){.message = line});
}

/* protected: [struct lib, message] -> lib->messages.out */
static int encode_message(lua_State *L) {
  lua_pushstring(L, lua_touserdata(L, 2));
  lib_encode(L, lua_touserdata(L, 1), 3, 1, "failure");
  return 0;
}

/* The process fails after its function is done: report that, and return what a join gets in place
 * of the result; NULL if there is no memory for it. */
static const struct buf *fail_at_end(struct lib *lib, const char *message) {
  lua_State *L = lib->life.own;
  report(lib, message, NULL, NULL);
  if (!L || !lua_checkstack(L, LUA_MINSTACK))
    return NULL;
  lua_pushcfunction(L, encode_message);
  lua_pushlightuserdata(L, lib);
  lua_pushlightuserdata(L, (void *)(uintptr_t)message);
  return lua_pcall(L, 2, 0, 0) == LUA_OK ? &lib->messages.out : NULL;
}

/* The result cannot be stored. The parent must not think that there was none. */
static void end_without_result(struct lib *lib, int code) {
  char message[200];
  snprintf(message, sizeof message, "the result cannot be stored: %s", error_text(code));
  struct end_request end = {.result = fail_at_end(lib, message),
                            .report = &lib->life.report,
                            .exit_code = EXIT_FAILURE_STATUS};
  if (op_process_end(lib->b, &end)) { /* nor can that */
    report_write(lib->life.report.data, lib->life.report.len);
    op_process_end(lib->b, &(struct end_request){.exit_code = EXIT_FAILURE_STATUS});
  }
}

CHILD_CODE
static void leave(struct lib *lib, const struct buf *result, int status) {
  flush_pending(); /* while an error can still be reported */
  if (ferror_unlocked(stdout) && status == 0) {
    result = fail_at_end(lib, "cannot write to standard output: some of what it printed is lost");
    status = EXIT_FAILURE_STATUS;
  }
  const struct buf *told = status && lib->life.report.len ? &lib->life.report : NULL;
  struct op_refs refs = lib_flying(lib, 0, lib->messages.flying.len);
  struct end_request end = {
      .result = result, .refs = result ? &refs : NULL, .report = told, .exit_code = status};
  int rc = op_process_end(lib->b, &end);
  if (rc) {
    status = EXIT_FAILURE_STATUS;
    end_without_result(lib, rc);
  }
  lib->b->self->exit(lib->b, status);
}

/* Run the finalizers of what this process made. They may do anything, even spawn. */
CHILD_CODE
static void finalize(struct lib *lib) {
  if (!guard_has_own(lib->life.own))
    return;
  interrupt_clear(lib->life.own);
  running_set(lib, lib->life.own);
  guard_finalize(lib->life.own);
  running_set(lib, NULL);
  lib_wait_children(lib->life.own, lib, false);
}

/* Leave with the message in lib->messages.out. Its values are still on the stack, which holds the
 * objects that it names. */
static void leave_message(struct lib *lib, int status) {
  if (guard_has_own(lib->life.own)) { /* finalizers make messages of their own */
    struct buf out = lib->messages.out, flying = lib->messages.flying;
    lib->messages.out = lib->messages.flying = (struct buf){0};
    lib_sent(lib->life.own, lib);
    finalize(lib);
    lib->messages.out = out;
    lib->messages.flying = flying;
  }
  leave(lib, &lib->messages.out, status);
}

CHILD_CODE
static void leave_silently(struct lib *lib, int status) {
  finalize(lib);
  leave(lib, NULL, status);
}

/* -- os.exit --------------------------------------------------------------------------------- */

/* Close the variables of the main thread, whatever it is doing: it does not go on. */
static void close_variables(lua_State *L, struct lib *lib) {
  interrupt_clear(L);
  lib->running.resumers = NULL;
  running_set(lib, lib->life.own);
  lua_resetthread(lib->life.own); /* an error in one does not stop the others */
  running_set(lib, NULL);
}

/* Of main, which the script runs on. */
static void close_variables_of_main(lua_State *L, struct lib *lib) {
  interrupt_clear(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *main = lua_tothread(L, -1);
  lib->running.resumers = NULL;
  running_set(lib, main);
  lua_resetthread(main);
  running_set(lib, NULL);
}

int child_os_exit(lua_State *L) {
  struct lib *lib = lib_of(L);
  bool is_flag = lua_isboolean(L, 1), close = lua_toboolean(L, 2);
  int number = is_flag ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0) & 0xff;
  if (policy_by_language(lib->b->policy) &&
      (number == POLICY_STATUS_TIME || number == POLICY_STATUS_LIMIT))
    return luaL_error(L, "os.exit(%d): in strict mode this status says that a limit was hit",
                      number);
  if (lib->life.child && close) {
    close_variables(L, lib);
    L = lib->life.own; /* the coroutine that called may be collected now */
  }
  if (!lib->life.child && !lua_isnoneornil(L, 1))
    lib->b->self->decide(lib->b, number);
  lib->b->exits = true;
  lib_wait_children(L, lib, number == 0); /* as at the end of its function */
  program_close_all(L, lib);
  if (!lib->life.child && lib->b->image) { /* it ends alone: the program goes on */
    if (close)
      close_variables_of_main(L, lib);
    fflush(NULL);
    lib->b->self->exit(lib->b, number);
  }
  if (!lib->life.child) {
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 0);
    return 0;
  }
  char message[48];
  snprintf(message, sizeof message, "left with exit status %d", number);
  if (number != 0)
    report(lib, message, NULL, NULL);
  if (close)
    finalize(lib);
  leave(lib, NULL, number);
}

/* -- a failure ------------------------------------------------------------------------------- */

/* protected: [message, hint, traceback, value (, more fields)] -> lib->messages.out */
static int encode_failure(lua_State *L) {
  struct lib *lib = lib_find(L);
  lib_encode(L, lib, 1, lua_gettop(L), "failure");
  return 0;
}

int child_message_of(lua_State *L) {
  if (lua_isnil(L, 1))
    lua_pushliteral(L, "nil");
  else if (lua_type(L, 1) == LUA_TSTRING || luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL ||
           lua_isnumber(L, 1))
    masked_tolstring(L, 1, NULL);
  else
    call_describe(L, 1);
  return 1;
}

/* Leaves message, hint, traceback, value on L for the error value at the top of `own`, which it takes. A
 * `__tostring` that never ends can be interrupted. */
static void describe_failure(lua_State *L, struct lib *lib, lua_State *own) {
  lua_xmove(own, L, 1);
  int value = lua_gettop(L);
  lua_pushcfunction(L, child_message_of);
  lua_pushvalue(L, value);
  running_set(lib, L);
  lua_pcall(L, 1, 1, 0); /* whatever __tostring raises becomes the message */
  running_set(lib, NULL);
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    lua_pushliteral(L, "(error object cannot be shown)");
  }
  call_take_hint(L, value);
  call_take_traceback(L);
  lua_pushvalue(L, value);
}

/* protected: as encode_failure, but of the value only what is said of it is sent */
static int encode_without_value(lua_State *L) {
  lua_pushnil(L);
  lua_replace(L, 4);
  return encode_failure(L);
}

/* [the `n` values of encode_failure] Publish them, and leave. */
static void leave_failed(lua_State *L, struct lib *lib, int status, int n) {
  static const lua_CFunction ways[] = {encode_failure, encode_without_value};
  int first = lua_gettop(L) - n + 1;
  for (int way = 0; way < 2; way++) {
    lua_pushcfunction(L, ways[way]);
    for (int i = 0; i < n; i++)
      lua_pushvalue(L, first + i);
    if (lua_pcall(L, n, 0, 0) == LUA_OK)
      leave_message(lib, status);
  }
  leave_silently(lib, status);
}

int child_fail_as(lua_State *L) {
  struct lib *lib = lib_of(L);
  int status = (int)luaL_checkinteger(L, 1);
  lua_settop(L, 6);
  running_set(lib, NULL);
  interrupt_clear(L);
  report(lib, luaL_checkstring(L, 2), lua_tostring(L, 3), lua_tostring(L, 4));
  leave_failed(L, lib, status, 5);
  return 0;
}

/* `at` is "" if the first interrupt came while the process waited for its children. */
static void push_interrupted(lua_State *L, const char *at) {
  lua_pushfstring(L, "interrupted at %s", *at ? at : "its end");
}

/* The function ended with the error at the top of the main thread. */
static void fail(lua_State *L, struct lib *lib) {
  int status = EXIT_FAILURE_STATUS;
  running_set(lib, NULL);
  describe_failure(L, lib, lib->life.own);
  if (interrupt_came(L)) {
    status = EXIT_INTERRUPTED;
    lib->life.cut_short = true;
    push_interrupted(L, lib->interrupts.at);
    lua_replace(L, -5); /* the message */
  }
  if (interrupt_came(L) & INTERRUPT_RUN)
    leave_silently(lib, EXIT_INTERRUPTED); /* the summary of the run reports it */
  interrupt_clear(L);
  report(lib, lua_tostring(L, -4), lua_tostring(L, -3), lua_tostring(L, -2));
  lib_wait_children(L, lib, false);
  leave_failed(L, lib, status, 4);
}

/* The function had returned, and the process waited for its children. */
static void fail_interrupted(lua_State *L, struct lib *lib) {
  lib->life.cut_short = true;
  if (interrupt_came(L) & INTERRUPT_RUN)
    leave_silently(lib, EXIT_INTERRUPTED);
  push_interrupted(L, "");
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, -3);
  report(lib, lua_tostring(L, -1), NULL, NULL);
  leave_failed(L, lib, EXIT_INTERRUPTED, 4);
}

/* -- a success ------------------------------------------------------------------------------- */

/* protected, on the main thread: [results] -> lib->messages.out */
static int encode_results(lua_State *L) {
  struct lib *lib = lib_find(L);
  lib_encode(L, lib, 1, lua_gettop(L), "result");
  return 0;
}

/* The `count` results are at the top of the main thread. */
static void succeed(lua_State *L, struct lib *lib, int count) {
  running_set(lib, NULL);
  if (lib_wait_children(L, lib, true) == -SBX_EINTERRUPTED)
    fail_interrupted(L, lib);
  if (count == 0)
    leave_silently(lib, 0);
  if (!lua_checkstack(lib->life.own, count + 1)) {
    lua_pushliteral(lib->life.own, "too many results");
    fail(L, lib);
  }
  lua_pushcfunction(lib->life.own, encode_results);
  for (int i = 1; i <= count; i++)
    lua_pushvalue(lib->life.own, HANDLER + i);
  if (lua_pcall(lib->life.own, count, 0, 0))
    fail(L, lib);
  leave_message(lib, 0);
}

/* -- the life -------------------------------------------------------------------------------- */

static void reseed(lua_State *L, struct lib *lib) {
  uint64_t seed = lib->b->self->seed(lib->b);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &lib_randomseed_key) == LUA_TFUNCTION) {
    lua_pushinteger(L, (lua_Integer)seed);
    lua_pushinteger(L, (lua_Integer)(seed >> 32 ^ seed << 32));
    lua_call(L, 2, 0);
  } else {
    lua_pop(L, 1);
  }
}

/* The backend may have given the process other streams (tagged output): io.stdout and io.stderr
 * must become those. */
static void renew_streams(lua_State *L, struct lib *lib) {
  FILE *const files[] = {stdout, stderr};
  for (int i = 0; i < 2; i++) {
    if (lib->life.streams[i] == files[i])
      continue;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lib_stream_keys[i]);
    luaL_Stream *s = luaL_testudata(L, -1, LUA_FILEHANDLE);
    if (s && s->closef && s->f && fileno(s->f) == i + 1)
      s->f = files[i];
    lua_pop(L, 1);
    lib->life.streams[i] = files[i];
  }
}

static const char spare_key;

int child_nest_calls(lua_State *L) {
  lua_Integer levels = lua_tointeger(L, 1);
  if (levels > 0) {
    lua_pushcfunction(L, child_nest_calls);
    lua_pushinteger(L, levels - 1);
    lua_call(L, 1, 0);
  }
  return 0;
}

lua_State *child_make_thread(lua_State *L, int levels) {
  lua_pushcfunction(L, child_nest_calls);
  lua_pushinteger(L, levels);
  lua_call(L, 1, 0);
  lua_State *spare = lua_newthread(L);
  lua_sethook(spare, NULL, 0, 0); /* it has that of L now; the child gets the one of the spawn */
  lua_rawsetp(L, LUA_REGISTRYINDEX, &spare_key);
  lua_pushcfunction(spare, child_nest_calls);
  lua_pushinteger(spare, CHILD_LEVELS);
  if (lua_pcall(spare, 1, 0, 0) == LUA_OK)
    return spare;
  lua_pushnil(L); /* child_begin must not find it: its message lies on its stack */
  lua_rawsetp(L, LUA_REGISTRYINDEX, &spare_key);
  return NULL;
}

void child_prepare(lua_State *L, struct lib *lib) {
  if (!lib->life.spare && !lua_gethook(L)) /* a hook would see the calls */
    lib->life.spare = child_make_thread(L, CHILD_LEVELS);
}

void child_begin(lua_State *L, struct lib *lib) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &spare_key);
  lib->life.spare = lua_tothread(L, -1);
  lua_pop(L, 1);
  if (lib->life.spare && lib->near)
    *(struct lib **)lua_getextraspace(lib->life.spare) = lib;
}

/*
 * Make the main thread: [the thread that spawned, the main thread before, message handler]. Those
 * two threads stay as they are: this function runs on the first, and what they hold is the
 * parent's. The hook moves to the new thread, since the first runs only the library's code from now
 * on.
 */
static lua_State *make_main_thread(lua_State *L, struct lib *lib) {
  lua_State *own = lib->life.spare;
  if (own)
    lua_rawgetp(L, LUA_REGISTRYINDEX, &spare_key);
  else
    own = lua_newthread(L);
  lib->life.spare = NULL;
  lib->life.own = own;
  lua_pushthread(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_xmove(L, own, 2);
  lua_pushcfunction(own, call_keep_traceback);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  if (lua_gethook(L))
    running_move_hook(L, own);
  return own;
}

/* protected: [function, arguments...]. Returns only by an error, before the function runs. */
CHILD_CODE
static int child_body(lua_State *L) {
  struct lib *lib = lib_find(L);
  int args = lua_gettop(L) - 1;
  guard_enter_child(L);
  if (lib->life.programs > 0)
    program_forked(L, lib);
  lua_State *own = make_main_thread(L, lib);
  reseed(L, lib);
  renew_streams(L, lib);
  if (!lua_checkstack(own, args + LUA_MINSTACK))
    luaL_error(L, "spawn: too many arguments");
  lua_xmove(L, own, args + 1);
  running_set(lib, own);
  copies_begin(own, HANDLER + 1);
  int status = lua_pcall(own, args, LUA_MULTRET, HANDLER);
  if (status == LUA_ERRMEM) /* no handler was called */
    limit_failed(own, -1);
  if (status != LUA_OK)
    fail(L, lib);
  copies_finish(own);
  succeed(L, lib, lua_gettop(own) - HANDLER);
  return 0;
}

CHILD_CODE
void child_run(lua_State *L, struct lib *lib, int nargs) {
  answer_forked(lib);
  interrupt_forked(lib);
  lib->life.child = true;
  lib->b->exits = false;
  lib->life.cut_short = false;
  lib->life.generation++;
  lib->life.idle = false;
  lib->messages.flying.len = 0; /* its parent's */
  lua_pushcfunction(L, child_body);
  lua_insert(L, -2 - nargs);
  lua_pcall(L, nargs + 1, 0, 0);
  /* Without memory, before the function ran or while its failure was described. */
  static char text[] = "sandbox: spawn: not enough memory in the new process\n";
  buf_release(&lib->life.report);
  lib->life.report = (struct buf){.data = (uint8_t *)text, .len = sizeof text - 1};
  leave(lib, NULL, EXIT_FAILURE_STATUS);
}
