/* host/explore_lua.c - see explore_lua.h. */
#include "host/explore_lua.h"

#include <errno.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/policy_path.h"
#include "base/stack.h"
#include "host/cure.h"
#include "host/explore_failures.h"
#include "host/explore_report.h"
#include "host/explore_story.h"
#include "host/simulated.h"
#include "lua/state/child.h"
#include "lua/state/guard.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/report.h"
#include "sim/explore/token.h"

/* What is explored. */
struct explored {
  lua_State *L;
  struct lib *lib;
  struct explore_options options;
  const char *name;   /* of the file of the function */
  uint32_t hash;      /* of its text */
  struct token token; /* to be followed, if options.follow */
  bool step;          /* a person chooses each step; the result is a token */
  bool keeps;         /* an interrupt ends only this, and there is a result */
};

/* Exit statuses of the process that explores. */
enum { AGAIN_WITH_CLOCK = 77, DIFFERS = 78, NOTHING = 79, STOPPED = 80 };

/* -- in the process that explores ---------------------------------------------------------------- */

/* On the stack of the simulator: the library's state belongs to it from now on. What its buffers
 * have is not in the image. */
static int body(struct backend *b, void *ctx) {
  struct explored *e = ctx;
  const struct backend *outside = e->lib->b;
  b->interrupted = outside->interrupted;
  b->asked = outside->asked;
  b->awake = outside->awake;
  b->forgot = outside->forgot;
  b->signal_ctx = outside->signal_ctx;
  b->policy = outside->policy;
  e->lib->b = b;
  sites_close(&e->lib->sites);
  e->lib->messages = (struct messages){0};
  e->lib->life.report = (struct buf){0};
  e->lib->life.stack_middle = stack_middle();
  simulated_restrict(e->L, b, true);
  lua_settop(e->L, 1);
  lib_forget_handles(e->L);
  child_run(e->L, e->lib, 0);
}

/* A string as Lua reads it. */
static void put_string(FILE *f, const char *text, size_t len) {
  fputc('"', f);
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\' || c < ' ' || c >= 0x7f)
      fprintf(f, "\\%03u", c);
    else
      fputc(c, f);
  }
  fputc('"', f);
}

static const char *word_of(enum explore_end end) {
  static const char *const words[] = {
      [EXPLORE_OPEN] = "open",         [EXPLORE_WELL] = "well", [EXPLORE_ERROR] = "error",
      [EXPLORE_DEADLOCK] = "deadlock", [EXPLORE_HELD] = "held", [EXPLORE_STUCK] = "stuck",
  };
  return words[end];
}

static void put_token(FILE *f, const struct exploration *x, const struct failure *of,
                      uint32_t hash) {
  struct buf token = {0};
  if (token_write(x, of->path, of->len, of->loop, hash, true, &token) == 0)
    fprintf(f, ",token=\"%.*s\"", (int)token.len, (const char *)token.data);
  buf_release(&token);
}

static void put_named(FILE *f, const char *name, const char *text) {
  if (!text)
    return;
  fprintf(f, ",%s=", name);
  put_string(f, text, strlen(text));
}

static void put_failure(FILE *f, struct exploration *x, const struct explored *e,
                        const struct failure *of) {
  struct told *t = NULL;
  fprintf(f, "{kind=\"%s\",steps=%" PRIu32 ",preemptions=%" PRIu32, failure_kind(of), of->len,
          of->preemptions);
  if (of->loop != EXPLORE_NONE)
    fprintf(f, ",loop=%" PRIu32, of->loop + 1);
  put_token(f, x, of, e->hash);
  if (failure_tell(x, of, e->name, &t) == 0) {
    put_named(f, "message", told_story(t)->message);
    put_named(f, "where", told_story(t)->where);
  }
  fprintf(f, "},");
  told_free(t);
}

static void put_outcomes(FILE *f, const struct exploration *x) {
  const struct explore_outcome *o;
  uint32_t n = exploration_outcomes(x, &o);
  fprintf(f, "outcomes={");
  for (uint32_t i = 0; i < n; i++) {
    fprintf(f, "{ends=\"%s\",text=", word_of((enum explore_end)o[i].end));
    put_string(f, o[i].text, o[i].len);
    if (o[i].ways >= 0)
      fprintf(f, ",interleavings=%.0f", o[i].ways);
    fprintf(f, "},");
  }
  fprintf(f, "},");
}

/* The report as the command line shows it. */
static void put_report(FILE *f, struct exploration *x, const char *name, struct cures *cures) {
  char *text = NULL;
  size_t len = 0;
  FILE *memory = open_memstream(&text, &len);
  if (!memory)
    return;
  explore_report(memory, REPORT_WIDTH, x, name, NULL, cures);
  fclose(memory);
  fprintf(f, "report=");
  put_string(f, text, len);
  free(text);
}

/* A Lua chunk that returns the result. */
static void put_result(FILE *f, struct exploration *x, const struct explored *e,
                       struct cures *cures) {
  struct explore_sum s;
  exploration_sum(x, &s);
  struct failure list[FAILURES_MAX];
  uint32_t count = failures_find(x, list);
  bool ok = count == 0;
  fprintf(f,
          "return {ok=%s,complete=%s,states=%" PRIu32 ",histories=%" PRIu32 ",processes=%" PRIu32,
          ok ? "true" : "false", s.stop == STOP_COMPLETE ? "true" : "false", s.states, s.histories,
          s.processes);
  fprintf(f, ",seconds=%.6f,bytes=%zu,", s.seconds, s.bytes);
  if (s.ways >= 0 && s.stop == STOP_COMPLETE)
    fprintf(f, "interleavings=%.0f,", s.ways);
  fprintf(f, "failures={");
  for (uint32_t i = 0; count != EXPLORE_NONE && i < count; i++)
    put_failure(f, x, e, &list[i]);
  fprintf(f, "},");
  failures_release(list, count);
  put_outcomes(f, x);
  put_report(f, x, e->name, cures);
  fprintf(f, "}");
}

/* The same after a person has chosen steps: the chunk returns their token. */
static void put_steps(FILE *f, struct exploration *x, const struct explored *e) {
  struct buf token = {0};
  step_by_hand(x, &(struct stepped){e->name, NULL, e->hash}, &token);
  fprintf(f, "return \"%.*s\"", (int)token.len, (const char *)token.data);
  buf_release(&token);
}

static void on_interrupt(int sig) {
  (void)sig;
  simulated_stop();
}

/* Was the path of the token followed to its end? */
static bool went_well(const struct exploration *x) {
  struct explore_followed f;
  exploration_followed(x, &f);
  return f.differs == FOLLOW_WELL;
}

static int explore_watched(struct explored *e, struct exploration **ret) {
  simulated_watch(true);
  int rc = explore(&e->options, body, e, ret);
  simulated_watch(false);
  return rc;
}

/* For cures_open. What would be changed in the text of a function cannot be. */
static void explore_cured(void *ctx, const struct cure *c, struct cure_result *ret) {
  struct explored e = *(struct explored *)ctx;
  struct exploration *x = NULL;
  if (c->made.kind == CURE_NONE)
    return;
  e.options.cure = &c->made;
  e.options.states_max = c->states_max;
  if (explore_watched(&e, &x) == 0)
    cure_sum(c, x, ret);
}

__attribute__((noreturn)) static void explore_here(struct explored *e, int out) {
  struct sigaction act = {.sa_handler = on_interrupt};
  struct exploration *x = NULL;
  sigset_t chld;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigaction(SIGINT, &act, NULL);
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &chld, NULL); /* the handler is the run's; in strict mode it stays */
  report_set_writer(simulated_report);
  report_set_color(false); /* what is told is part of a report */
  e->options.progress = simulated_asked;
  memory_use(NULL); /* the arena belongs to the images from now on */
  struct cures *cures = e->options.follow || e->step ? NULL : cures_open(explore_cured, e);
  int rc = explore_watched(e, &x);
  if (rc == EXPLORE_READS_CLOCK)
    _exit(e->options.follow ? DIFFERS : AGAIN_WITH_CLOCK);
  if (rc == EXPLORE_NOTHING)
    _exit(simulated_stopped() ? STOPPED : NOTHING);
  if (rc == 0 && e->options.follow && !went_well(x))
    _exit(DIFFERS);
  FILE *f = fdopen(out, "w");
  if (rc || !f)
    _exit(1);
  if (e->step)
    put_steps(f, x, e);
  else
    put_result(f, x, e, cures);
  fclose(f);
  _exit(0);
}

/* -- in the caller ------------------------------------------------------------------------------- */

/* Read all until the end of file into a string at the top. An interrupt goes on to the process that writes,
 * which tells what it knows. False: an error. */
static bool read_all(lua_State *L, int fd, pid_t pid) {
  enum { LOOK_MS = 200 }; /* a signal may come just before the wait */
  const struct interrupts *interrupts = &lib_find(L)->interrupts;
  luaL_Buffer text;
  char part[4096];
  ssize_t n = 1;
  luaL_buffinit(L, &text);
  for (bool told = false; n > 0 || (n < 0 && errno == EINTR);) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    n = poll(&p, 1, LOOK_MS) > 0 ? read(fd, part, sizeof part) : 1;
    if (n > 0 && p.revents)
      luaL_addlstring(&text, part, (size_t)n);
    if (!told && (interrupts->raise || interrupts->came))
      told = kill(pid, SIGINT) == 0;
  }
  luaL_pushresult(&text);
  return n == 0;
}

/* Explore in a process of its own. Leaves what it wrote on the stack; returns its wait status, -1: it
 * could not be had. */
static int explore_in_copy(lua_State *L, struct explored *e) {
  int pipe_fds[2], status = 0;
  child_prepare(L, e->lib);
  guard_before_fork(L, e->lib);
  fflush(NULL);
  if (pipe(pipe_fds))
    return -1;
  pid_t pid = fork();
  if (pid == 0) {
    close(pipe_fds[0]);
    explore_here(e, pipe_fds[1]);
  }
  close(pipe_fds[1]);
  bool read = pid > 0 && read_all(L, pipe_fds[0], pid);
  close(pipe_fds[0]);
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  return read ? status : -1;
}

/* The option at the top of the stack, a whole number; `must` says what it must be. */
static lua_Integer whole_option(lua_State *L, lua_Integer least, lua_Integer most,
                                const char *must) {
  int whole;
  lua_Integer n = lua_tointegerx(L, -1, &whole);
  lib_arg_check(L, whole && n >= least && n <= most, 2, must);
  return n;
}

static void read_options(lua_State *L, struct explored *e) {
  static const char *const names[] = {"limit", "seed", "seconds",   "token", "preemptions",
                                      "kills", "step", "interrupt", NULL};
  if (lua_isnoneornil(L, 2))
    return;
  lib_arg_expected(L, lua_istable(L, 2), 2, "table of options");
  lib_check_options(L, 2, names);
  if (lua_getfield(L, 2, "limit") != LUA_TNIL) {
    const char *must = "limit must be a number of states";
    e->options.states_max = (uint32_t)whole_option(L, 1, UINT32_MAX - 1, must);
  }
  if (lua_getfield(L, 2, "seed") != LUA_TNIL)
    e->options.seed =
        (uint64_t)whole_option(L, LUA_MININTEGER, LUA_MAXINTEGER, "seed must be a whole number");
  if (lua_getfield(L, 2, "seconds") != LUA_TNIL) {
    e->options.seconds_max = lua_tonumber(L, -1); /* 0: it is none */
    lib_arg_check(L, e->options.seconds_max > 0, 2, "seconds must be a number above 0");
  }
  if (lua_getfield(L, 2, "preemptions") != LUA_TNIL) {
    const char *must = "preemptions must be a number, 0 or more";
    e->options.preemptions = (uint32_t)whole_option(L, 0, UINT32_MAX - 1, must);
    e->options.bounded = true;
  }
  if (lua_getfield(L, 2, "kills") != LUA_TNIL) {
    const char *must = "kills must be a number of processes from 0 to 100";
    e->options.kills = (uint32_t)whole_option(L, 0, 100, must);
  }
  lua_getfield(L, 2, "step");
  e->step = lua_toboolean(L, -1);
  lua_getfield(L, 2, "interrupt");
  e->keeps = e->step || lua_toboolean(L, -1);
  if (lua_getfield(L, 2, "token") != LUA_TNIL) {
    lib_arg_check(L, !e->step, 2, "step and token exclude each other");
    lib_arg_check(L, lua_type(L, -1) == LUA_TSTRING, 2, "token must be a string");
    const char *wrong = token_parse(lua_tostring(L, -1), &e->token);
    if (!wrong && (!e->token.function || e->token.script != e->hash)) {
      token_release(&e->token);
      wrong = "is of another function, or the text of this one has changed since";
    }
    if (wrong)
      luaL_error(L, "explore: the token %s", wrong);
    e->options.follow = &e->token;
    e->options.clock = e->token.clock;
  }
  lua_settop(L, 2);
}

/* Of the text that the function is in, and where it is there. */
static uint32_t hash_function(const struct policy *p, const lua_Debug *ar) {
  const int lines[] = {ar->linedefined, ar->lastlinedefined};
  uint32_t hash = token_hash(TOKEN_HASH_NONE, lines, sizeof lines);
  FILE *f = ar->source[0] == '@' ? policy_source(p, ar->source + 1) : NULL;
  char part[4096];
  if (!f)
    return token_hash(hash, ar->source, ar->srclen);
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    hash = token_hash(hash, part, n);
  fclose(f);
  return hash;
}

static int result_text(lua_State *L) {
  lua_getfield(L, 1, "report");
  return 1;
}

/* [..., text] -> the result */
static int read_result(lua_State *L) {
  size_t len;
  const char *text = lua_tolstring(L, -1, &len);
  if (luaL_loadbufferx(L, text, len, "=explore", "t") != LUA_OK)
    return lua_error(L);
  lua_call(L, 0, 1);
  if (!lua_istable(L, -1)) /* a token */
    return 1;
  if (luaL_newmetatable(L, "sandbox.exploration")) {
    lua_pushcfunction(L, result_text);
    lua_setfield(L, -2, "__tostring");
  }
  lua_setmetatable(L, -2);
  return 1;
}

/* explore(fn [, options]) */
static int l_explore(lua_State *L) {
  struct explored e = {.L = L, .lib = lib_find(L), .options = {.seed = 1, .merge_relock = true}};
  lua_Debug ar;
  lib_arg_expected(L, lua_isfunction(L, 1), 1, "function");
  lua_pushvalue(L, 1);
  lua_getinfo(L, ">S", &ar);
  const char *slash = strrchr(ar.short_src, '/');
  e.name = slash ? slash + 1 : ar.short_src;
  e.options.policy = e.lib->b->policy;
  e.hash = hash_function(e.options.policy, &ar);
  read_options(L, &e);
  if (!e.lib->arena)
    return luaL_error(L, "explore needs the program sandbox: a foreign host has its own memory");
  if (running_has_own_hook(e.lib, L))
    return luaL_error(L, "explore cannot run while a hook is set");
  e.options.arena = e.lib->arena;
  int status = explore_in_copy(L, &e);
  if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == AGAIN_WITH_CLOCK) {
    lua_settop(L, 2);
    e.options.clock = true;
    status = explore_in_copy(L, &e);
  }
  token_release(&e.token);
  if (e.keeps)
    interrupt_clear(L);
  if (status < 0)
    return luaL_error(L, "explore: %s", strerror(errno));
  if (WIFSIGNALED(status))
    return luaL_error(L, "explore: the copy that explored was ended by signal %d",
                      WTERMSIG(status));
  if (WEXITSTATUS(status) == DIFFERS)
    return luaL_error(L, "explore: the steps of the token cannot be taken: the function does "
                         "something else than when it was made");
  if (WEXITSTATUS(status) == STOPPED)
    return luaL_error(L, "explore: interrupted before there was anything to tell");
  if (WEXITSTATUS(status) == NOTHING)
    return luaL_error(L, "explore: the function goes on and on before any operation that others "
                         "could see: there is nothing to explore");
  if (WEXITSTATUS(status) != 0)
    return luaL_error(L, "explore: %s", error_text(SBX_ENOMEM));
  return read_result(L);
}

static int l_refused(lua_State *L) {
  return luaL_error(L, "explore cannot be called in a simulated run");
}

void explore_open(lua_State *L, bool simulated) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY) == LUA_TTABLE) {
    lua_pushcfunction(L, simulated ? l_refused : l_explore);
    lua_setfield(L, -2, "explore");
  }
  lua_pop(L, 1);
}
