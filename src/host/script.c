/*
 * host/script.c - what lua.c does, in main's process: LUA_INIT, then -e, -l and -W in their order,
 * then the script.
 *
 * run() and all that it calls are protected by one lua_pcall in run_protected. A step returns
 * whether the next one may follow; a failure is printed where it happens, before children are
 * waited for.
 */
#include "host/script.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "host/course.h"
#include "host/explore_lua.h"
#include "host/far_lua.h"
#include "host/output.h"
#include "host/prompt.h"
#include "host/simulated.h"
#include "host/world_lua.h"
#include "host/write.h"
#include "lua/bind/sandbox_lib.h"
#include "lua/state/call.h"
#include "lua/state/copies.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/prelude.h"
#include "lua/state/report.h"
#include "lua/state/state.h"
#include "lua/strict/strict.h"
#include "prompt/topic.h"
#include "sandbox/sandbox.h"

const char script_version[] = "sandbox " SANDBOX_VERSION "  " LUA_COPYRIGHT;

struct session {
  const struct script *script;
  struct backend *backend;
  const struct session_place *place; /* of the prompt; NULL: there is none */
  bool interrupted;
  int status;     /* of a failure; 0: EXIT_LUA_ERROR */
  bool simulated; /* the process is an image: its streams are the simulator's */
};

/* -- errors ------------------------------------------------------------------------------------ */

/* Replace the error of an interrupt by a message with the place where it hit. */
static void tell_interrupt(lua_State *L) {
  lua_pop(L, 1);
  lua_pushfstring(L, "interrupted at %s", lib_find(L)->interrupts.at);
}

/* End a step that returned Lua's status: pop and print the error, if any. The error of Ctrl-C is
 * not printed, since the supervisor reports it. */
static bool succeeded(lua_State *L, struct session *s, int status) {
  if (status == LUA_OK)
    return true;
  unsigned came = interrupt_came(L);
  s->interrupted |= came != 0;
  if (came)
    tell_interrupt(L);
  const char *message = came || s->place ? NULL : lua_tostring(L, -1);
  if (message)
    s->backend->self->failed(s->backend, message);
  if ((came & INTERRUPT_RUN) && !s->place)
    lua_pop(L, 1);
  else
    call_report(L, false);
  return false;
}

/* -- loading ----------------------------------------------------------------------------------- */

/* Replace Lua's message on top by the reason why `path` cannot be read. */
static void push_read_error(lua_State *L, const char *path) {
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    lua_pushfstring(L, "cannot open '%s': %s", path, strerror(errno));
  else if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode))
    lua_pushfstring(L, "'%s' is a directory", path);
  else
    lua_pushvalue(L, -1);
  if (fd >= 0)
    close(fd);
  lua_remove(L, -2);
}

/* Is this layer of strict mode on? */
static bool is_strict(const struct session *s) {
  return policy_by_language(&s->script->options->policy);
}

/* What a script may be: text or bytecode, for luaL_loadfilex. */
static const char *mode_of(const struct session *s) { return is_strict(s) ? "t" : NULL; }

/* Push the file (NULL: standard input) as a function, or an error message. Returns Lua's status. */
static int load_file(lua_State *L, const char *path, const char *mode) {
  int status = luaL_loadfilex(L, path, mode);
  if (status == LUA_ERRFILE && path)
    push_read_error(L, path);
  return status;
}

/* The same of the script itself. */
static int load_script(lua_State *L, const struct script *s, const char *mode) {
  const char *path = s->options->script_is_stdin ? NULL : s->argv[s->options->script];
  if (!s->instead)
    return load_file(L, path, mode);
  const char *name = lua_pushfstring(L, "@%s", path);
  int status = luaL_loadbufferx(L, s->instead, s->instead_len, name, mode);
  lua_remove(L, -2);
  return status;
}

static bool run_file(lua_State *L, struct session *s, const char *path) {
  int status = load_file(L, path, mode_of(s));
  return succeeded(L, s, status == LUA_OK ? call_function(L, 0, 0) : status);
}

static bool run_text(lua_State *L, struct session *s, const char *text, const char *chunk_name) {
  int status = luaL_loadbuffer(L, text, strlen(text), chunk_name);
  return succeeded(L, s, status == LUA_OK ? call_function(L, 0, 0) : status);
}

/* -E, and strict mode: the person who runs it has not written what the environment says. */
static bool ignores_environment(const struct session *s) {
  return s->script->options->ignore_environment || policy_is_strict(&s->script->options->policy);
}

/* -- steps ------------------------------------------------------------------------------------- */

/* Set the global `arg`: the command line, with the script (or else the program) at index 0. */
static void set_arg(lua_State *L, const struct script *s) {
  int origin = s->options->script < s->argc ? s->options->script : 0;
  int after = s->argc - origin - 1;
  lua_createtable(L, after > 0 ? after : 0, origin + 1);
  for (int i = 0; i < s->argc; i++) {
    lua_pushstring(L, s->argv[i]);
    lua_rawseti(L, -2, i - origin);
  }
  lua_setglobal(L, "arg");
}

/* LUA_INIT_5_4, else LUA_INIT: a statement, or @file. */
static bool run_init(lua_State *L, struct session *s) {
  const char *chunk_name = "=LUA_INIT" LUA_VERSUFFIX;
  const char *init = getenv(chunk_name + 1);
  if (!init) {
    chunk_name = "=LUA_INIT";
    init = getenv(chunk_name + 1);
  }
  if (!init)
    return true;
  return *init == '@' ? run_file(L, s, init + 1) : run_text(L, s, init, chunk_name);
}

/* -l mod, -l global=mod */
static bool require_library(lua_State *L, struct session *s, const char *text) {
  const char *equals = strchr(text, '=');
  lua_getglobal(L, "require");
  lua_pushstring(L, equals ? equals + 1 : text);
  if (!succeeded(L, s, call_function(L, 1, 1))) {
    if (policy_by_language(s->backend->policy)) /* a module in C, or one that may not be read */
      s->status = EXIT_USAGE;
    return false;
  }
  lua_pushglobaltable(L);
  lua_pushlstring(L, text, equals ? (size_t)(equals - text) : strlen(text));
  lua_rotate(L, -3, -1); /* globals name module */
  lua_settable(L, -3);
  lua_pop(L, 1);
  return true;
}

static bool run_steps(lua_State *L, struct session *s) {
  const struct options *o = s->script->options;
  for (size_t i = 0; i < o->step_count; i++) {
    bool ok = true;
    switch (o->steps[i].kind) {
    case STEP_STATEMENT:
      ok = run_text(L, s, o->steps[i].text, "=(command line)");
      break;
    case STEP_LIBRARY:
      ok = require_library(L, s, o->steps[i].text);
      break;
    case STEP_WARNINGS:
      lua_warning(L, "@on", 0);
      copies_warn(L);
      break;
    }
    if (!ok)
      return false;
  }
  return true;
}

/* Push arg[1], arg[2], ... as they are now: LUA_INIT and -e may change them. Returns how many. */
static int push_arguments(lua_State *L) {
  if (lua_getglobal(L, "arg") != LUA_TTABLE)
    luaL_error(L, "'arg' is not a table");
  lua_Integer count = luaL_len(L, -1);
  if (count > INT_MAX - 3)
    count = INT_MAX - 3;
  luaL_checkstack(L, (int)count + 3, "too many arguments to script");
  int table = lua_gettop(L);
  for (int i = 1; i <= (int)count; i++)
    lua_rawgeti(L, table, i);
  lua_remove(L, table);
  return (int)count;
}

static bool run_script(lua_State *L, struct session *s) {
  const struct script *script = s->script;
  int status = load_script(L, script, mode_of(s));
  if (status == LUA_OK)
    status = call_function(L, push_arguments(L), 0);
  return succeeded(L, s, status);
}

/* Without a script: a prompt on a terminal, else standard input, unless -e or -v was given. */
static bool run_stdin(lua_State *L, struct session *s) {
  const struct options *o = s->script->options;
  if (o->has_statement || o->show_version)
    return true;
  if (!isatty(STDIN_FILENO))
    return run_file(L, s, NULL);
  puts(script_version);
  s->interrupted = !prompt_run(L);
  return !s->interrupted;
}

/* A session of the prompt: the script, if there is one and this is not a restarted session, then
 * lines, whatever the outcome of the script. */
static void run_session(lua_State *L, struct session *s) {
  const struct options *o = s->script->options;
  bool ok = (ignores_environment(s) || run_init(L, s)) && (s->place->restarted || run_steps(L, s));
  if (ok && !s->place->restarted && o->script < s->script->argc)
    run_script(L, s);
  s->interrupted = false;
  interrupt_clear(L);
  session_run(L);
}

/* The runner of the specs needs more than a script may have. In a build for tests it can put the language layer on
 * itself, when it has kept that: strict_close(), a global function. */
static bool is_late(void) {
#ifdef SBX_FAULTS
  return getenv("SANDBOX_STRICT_LATE") != NULL;
#else
  return false;
#endif
}

static int l_strict_close(lua_State *L) {
  const struct session *s = lua_touserdata(L, lua_upvalueindex(1));
  const struct policy *p = &s->script->options->policy;
  strict_state_open(L, p, s->backend->run->key(s->backend));
  strict_state_close(L, p);
  return 0;
}

static void close_state(lua_State *L, struct session *s) {
  if (is_late()) {
    lua_pushlightuserdata(L, s);
    lua_pushcclosure(L, l_strict_close, 1);
    lua_setglobal(L, "strict_close");
  } else {
    strict_state_close(L, &s->script->options->policy);
  }
}

/* Everything between opening and closing the state: [struct session] -> boolean */
static int run(lua_State *L) {
  struct session *s = lua_touserdata(L, 1);
  const struct options *o = s->script->options;
  luaL_checkversion(L);
  if (o->show_version && !s->place) /* the prompt has a greeting of its own */
    puts(script_version);
  if (ignores_environment(s)) {
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  }
  lua_gc(L, LUA_GCSTOP); /* until all is open: it would take back the room for calls (lib_gather) */
  state_open_libs(L);
  if (is_strict(s) && !is_late())
    strict_state_open(L, &o->policy, s->backend->run->key(s->backend));
  if (!s->simulated)
    write_open(L);
  sandbox_lib_open(L, s->backend);
  lua_pop(L, 1);
  explore_open(L, s->simulated);
  if (!s->simulated)
    far_open(L);
  if (!s->simulated)
    world_open(L, policy_is_strict(&o->policy)
                      ? "a run with --strict reaches no engine and no other program"
                      : NULL);
  if (s->simulated)
    simulated_restrict(L, s->backend, s->script->options->explore);
  if (s->place)
    session_prepare(L, s->backend, s->place, !ignores_environment(s));
  if (is_strict(s))
    close_state(L, s);
  set_arg(L, s->script);
  lua_gc(L, LUA_GCRESTART);
  lua_gc(L, LUA_GCGEN, 0, 0); /* as lua 5.4 does */

  if (s->place) {
    run_session(L, s);
    lua_pushboolean(L, 1);
    return 1;
  }
  if (o->mode == MODE_TOPIC) {
    lua_pushboolean(L, topic_show(L, o->topic, options_color(o->color, isatty(STDOUT_FILENO))));
    return 1;
  }
  if (o->mode == MODE_COURSE) {
    s->status = course_check(L, o);
    lua_pushboolean(L, s->status == 0);
    return 1;
  }
  bool has_script = o->script < s->script->argc;
  bool ok = (ignores_environment(s) || run_init(L, s)) && run_steps(L, s) &&
            (!has_script || run_script(L, s));
  if (ok && o->interactive) {
    s->interrupted = !prompt_run(L);
    ok = !s->interrupted;
  } else if (ok && !has_script) {
    ok = run_stdin(L, s);
  }
  copies_finish(L);
  lua_pushboolean(L, ok);
  return 1;
}

/* -- main -------------------------------------------------------------------------------------- */

static int no_memory(void) {
  report_print(&(struct report){.message = error_text(SBX_ENOMEM)});
  return EXIT_LUA_ERROR;
}

/* Returns the exit status so far; children have not been waited for yet. */
static int run_protected(lua_State *L, struct session *s) {
  lua_pushcfunction(L, run);
  lua_pushlightuserdata(L, s);
  bool ok = succeeded(L, s, lua_pcall(L, 1, 1, 0)) && lua_toboolean(L, -1);
  if (s->interrupted) {
    interrupt_clear(L); /* otherwise a second one would hit a finalizer */
    if (lib_find(L))
      lib_find(L)->life.cut_short = true;
    s->backend->self->leave(s->backend);
    return EXIT_INTERRUPTED;
  }
  return ok ? 0 : s->status ? s->status : EXIT_LUA_ERROR;
}

static int run_process(struct session *s) {
  struct backend *b = s->backend;
  b->policy = &s->script->options->policy;
  if (!s->simulated)
    output_prepare();
  lua_State *L = state_new();
  if (!L)
    return no_memory();
  if (!s->simulated)
    state_use_arena(L);
  int status = run_protected(L, s);
  if (s->place) {
    fflush(NULL);
    _exit(output_finish(status)); /* leaving the prompt does not wait for processes that still
                                     run */
  }
  if (status == EXIT_LUA_ERROR)
    b->self->decide(b, status);
  int rc =
      s->interrupted ? op_process_await(b, false) : lib_wait_children(L, lib_find(L), status == 0);
  if (rc == -SBX_EINTERRUPTED) {
    if (interrupt_came(L) == INTERRUPT_ONE)
      report_print(&(struct report){.message = "interrupted at the end of the script"});
    b->self->leave(b);
    status = EXIT_INTERRUPTED;
  }
  state_close(L);
  return s->simulated ? status : output_finish(status);
}

int script_process(struct backend *b, void *ctx) {
  struct session s = {.script = ctx, .backend = b};
  return run_process(&s);
}

int script_simulated(struct backend *b, void *ctx) {
  const struct script *script = ctx;
  struct session s = {.script = ctx, .backend = b, .simulated = true};
  b->policy = &script->options->policy;
  return run_process(&s);
}

int script_session(struct backend *b, const struct session_place *place, void *ctx) {
  struct session s = {.script = ctx, .backend = b, .place = place};
  return run_process(&s);
}

/* -- check ------------------------------------------------------------------------------------- */

/* Pop a function or an error message; returns whether it was a function. */
static bool compiled(lua_State *L, int status) {
  if (status == LUA_OK)
    lua_pop(L, 1);
  else
    call_report(L, false);
  return status == LUA_OK;
}

/* protected: [struct script] -> boolean */
static int check(lua_State *L) {
  const struct script *s = lua_touserdata(L, 1);
  const struct options *o = s->options;
  bool ok = true;
  state_open_libs(L);
  lua_newtable(L);
  prelude_open(L, lua_gettop(L)); /* for hints */
  for (size_t i = 0; i < o->step_count; i++) {
    const char *text = o->steps[i].text;
    if (o->steps[i].kind == STEP_STATEMENT)
      ok &= compiled(L, luaL_loadbuffer(L, text, strlen(text), "=(command line)"));
  }
  for (int i = o->script; i < s->argc; i++)
    ok &= compiled(L, s->instead
                          ? load_script(L, s, NULL)
                          : load_file(L, strcmp(s->argv[i], "-") == 0 ? NULL : s->argv[i], NULL));
  if (options_have_no_script(o, s->argc))
    ok &= compiled(L, load_file(L, NULL, NULL));
  lua_pushboolean(L, ok);
  return 1;
}

int script_check(const struct script *s) {
  lua_State *L = state_new();
  if (!L)
    return no_memory();
  lua_pushcfunction(L, check);
  lua_pushlightuserdata(L, (void *)(uintptr_t)s);
  bool ok = lua_pcall(L, 1, 1, 0) == LUA_OK;
  if (ok)
    ok = lua_toboolean(L, -1);
  else
    call_report(L, false);
  state_close(L);
  return ok ? 0 : EXIT_LUA_ERROR;
}

int script_check_alone(const struct script *s) {
  struct script alone = *s;
  alone.argc = s->options->script + 1;
  return alone.argc > s->argc || s->options->script_is_stdin ? 0 : script_check(&alone);
}
