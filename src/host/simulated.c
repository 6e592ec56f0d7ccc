/* host/simulated.c - see simulated.h. */
#include "host/simulated.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "look/waits.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/report.h"
#include "object/calls.h"
#include "sim/explore/explore.h"
#include "sim/run.h"

/* -- what is outside ----------------------------------------------------------------------------- */

/* The function whose name is the upvalue is not to be had. */
static int refuse(lua_State *L) {
  return luaL_error(L,
                    "%s is not possible in a simulated run, which changes nothing outside: run "
                    "the script without --sim",
                    lua_tostring(L, lua_upvalueindex(1)));
}

/* Nor may a file stay open while a run goes many ways: it would have one place in all of them. */
static int refuse_file(lua_State *L) {
  return luaL_error(L,
                    "%s is not possible in a run that is explored: a file has one place in all "
                    "interleavings; keep what is read in a module, for require",
                    lua_tostring(L, lua_upvalueindex(1)));
}

/* A searcher of require, in place of the two that load modules in C. */
static int no_modules_in_c(lua_State *L) {
  lua_pushliteral(L, "a simulated run loads no modules in C: run the script without --sim");
  return 1;
}

/* Scripts may have changed all that they see, so nothing here runs a metamethod. */

/* Push a library; true: there is one. */
static bool push_library(lua_State *L, const char *name) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  return lua_istable(L, -1);
}

/* [table, value] -> table */
static void set_raw(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  lua_insert(L, -2);
  lua_rawset(L, -3);
}

/* [table] -> table, field */
static int get_raw(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  return lua_rawget(L, -2);
}

static void refuse_modules_in_c(lua_State *L) {
  enum { OF_C = 3, OF_C_ROOT = 4 }; /* package.searchers: Lua manual, 6.3 */
  if (get_raw(L, "searchers") == LUA_TTABLE) {
    lua_pushcfunction(L, no_modules_in_c);
    lua_rawseti(L, -2, OF_C);
    lua_pushnil(L);
    lua_rawseti(L, -2, OF_C_ROOT);
  }
  lua_pop(L, 1);
}

/* io.open for reading only: upvalue 1 is Lua's own. */
static int open_to_read(lua_State *L) {
  const char *path = luaL_checkstring(L, 1), *mode = luaL_optstring(L, 2, "r");
  if (strcmp(mode, "r") != 0 && strcmp(mode, "rb") != 0)
    return luaL_error(L,
                      "io.open('%s', '%s') is not possible in a simulated run, which writes no "
                      "files: run the script without --sim",
                      path, mode);
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, LUA_MULTRET);
  return lua_gettop(L);
}

static struct backend *backend_at(lua_State *L, int upvalue) {
  return lua_touserdata(L, lua_upvalueindex(upvalue));
}

static double now_seconds(struct backend *b) {
  return (double)op_clock_now(b) / (double)NS_PER_SECOND;
}

/* os.clock: nothing takes time but waiting. */
static int virtual_clock(lua_State *L) {
  lua_pushnumber(L, now_seconds(backend_at(L, 1)));
  return 1;
}

/* os.time and os.date without a time: upvalue 2 is Lua's own function, 3 where its time stands. */
static int virtual_time(lua_State *L) {
  int at = (int)lua_tointeger(L, lua_upvalueindex(3));
  if (lua_isnoneornil(L, at)) {
    lua_Integer now = (lua_Integer)(op_clock_wall(backend_at(L, 1)) / NS_PER_SECOND);
    if (at == 1) {
      lua_pushinteger(L, now);
      return 1;
    }
    if (lua_isnone(L, 1))
      lua_pushliteral(L, "%c");
    lua_settop(L, 1);
    lua_pushinteger(L, now);
  }
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static void set_each(lua_State *L, const char *library, const char *const names[],
                     lua_CFunction f) {
  if (push_library(L, library))
    for (int i = 0; names[i]; i++) {
      lua_pushfstring(L, "%s.%s", library, names[i]);
      lua_pushcclosure(L, f, 1);
      set_raw(L, names[i]);
    }
  lua_pop(L, 1);
}

static void set_refused(lua_State *L, const char *library, const char *const names[]) {
  set_each(L, library, names, refuse);
}

static void set_virtual(lua_State *L, struct backend *b, const char *name, lua_CFunction f,
                        int at) {
  lua_pushlightuserdata(L, b);
  lua_pushstring(L, name);
  lua_rawget(L, -3);
  lua_pushinteger(L, at);
  lua_pushcclosure(L, f, 3);
  set_raw(L, name);
}

/* -- what an exploration cannot try ----------------------------------------------------------------
 *
 * The script's own functions stay what they are; these stand before them, as C functions of the same names and upvalues, and note
 * that a proof depends on an order of keys, or on when garbage is collected.
 */

static lua_CFunction std_next, std_pairs, std_setmetatable;

/* Its place among other keys follows from Lua's seed, or from an address. */
static bool has_no_order(lua_State *L, int index) {
  int type = lua_type(L, index);
  return type > LUA_TNIL && type != LUA_TNUMBER && type != LUA_TBOOLEAN;
}

/* next(t, k): two such keys, one behind the other, could come the other way round. */
static int noting_next(lua_State *L) {
  bool behind_one = has_no_order(L, 2);
  int n = std_next(L);
  if (behind_one && n == 2 && has_no_order(L, -2))
    explore_note(NOTE_ORDER);
  return n;
}

static int noting_pairs(lua_State *L) {
  bool of_dict = lua_type(L, 1) == LUA_TUSERDATA;
  int n = std_pairs(L);
  if (of_dict)
    explore_note(NOTE_ORDER);
  if (n == 3 && lua_tocfunction(L, -3) == std_next) {
    lua_pushcfunction(L, noting_next);
    lua_replace(L, -4);
  }
  return n;
}

static int noting_setmetatable(lua_State *L) {
  bool has = lua_type(L, 2) == LUA_TTABLE && lua_checkstack(L, 2);
  static const char *const names[] = {"__mode", "__gc"};
  for (size_t i = 0; has && i < 2; i++) {
    lua_pushstring(L, names[i]);
    if (lua_rawget(L, 2) != LUA_TNIL)
      explore_note(NOTE_GARBAGE);
    lua_pop(L, 1);
  }
  return std_setmetatable(L);
}

/* [library] Put `f` before the function `name`; where the script's own is no C function, nothing. */
static void put_before(lua_State *L, const char *name, lua_CFunction f, lua_CFunction *ret_std) {
  int n = 0;
  get_raw(L, name);
  int at = lua_gettop(L);
  lua_CFunction std = lua_tocfunction(L, at);
  if (!std || std == f) {
    lua_pop(L, 1);
    return;
  }
  *ret_std = std;
  while (lua_getupvalue(L, at, n + 1))
    n++;
  lua_pushcclosure(L, f, n);
  lua_remove(L, at);
  set_raw(L, name);
}

static void note_what_is_not_tried(lua_State *L) {
  if (push_library(L, LUA_GNAME)) {
    put_before(L, "next", noting_next, &std_next);
    put_before(L, "pairs", noting_pairs, &std_pairs);
    put_before(L, "setmetatable", noting_setmetatable, &std_setmetatable);
  }
  lua_pop(L, 1);
}

/* The specs run in the simulator, too, and their runner needs a module in C. */
static bool for_specs(void) {
#ifdef SBX_FAULTS
  return getenv("SANDBOX_SIM_MODULES") != NULL;
#else
  return false;
#endif
}

void simulated_restrict(lua_State *L, struct backend *b, bool explored) {
  static const char *const of_os[] = {"execute", "remove", "rename", "tmpname", "setlocale", NULL};
  static const char *const of_io[] = {"popen", "tmpfile", "output", NULL};
  static const char *const of_package[] = {"loadlib", NULL};
  static const char *const files[] = {"open", "lines", "input", "read", NULL};
  pause_by(lib_find(L), pause_not, NULL);
  set_refused(L, LUA_OSLIBNAME, of_os);
  set_refused(L, LUA_IOLIBNAME, of_io);
  set_refused(L, LUA_LOADLIBNAME, of_package);
  if (explored) {
    set_each(L, LUA_IOLIBNAME, files, refuse_file);
    note_what_is_not_tried(L);
  }
  if (push_library(L, LUA_OSLIBNAME)) {
    set_virtual(L, b, "clock", virtual_clock, 0);
    set_virtual(L, b, "time", virtual_time, 1);
    set_virtual(L, b, "date", virtual_time, 2);
  }
  if (push_library(L, LUA_IOLIBNAME) && !explored) {
    get_raw(L, "open");
    lua_pushcclosure(L, open_to_read, 1);
    set_raw(L, "open");
  }
  if (push_library(L, LUA_LOADLIBNAME) && !for_specs())
    refuse_modules_in_c(L);
  lua_pop(L, 3);
}

/* Lua's seed is drawn from it, among others: the linker puts this in place of time(2). */
time_t __wrap_time(time_t *ret);
static bool time_stands;

time_t __wrap_time(time_t *ret) {
  struct timespec now = {0};
  if (!time_stands)
    clock_gettime(CLOCK_REALTIME, &now);
  if (ret)
    *ret = now.tv_sec;
  return now.tv_sec;
}

/* -- the process ------------------------------------------------------------------------------- */

void simulated_say_deadlock(void *ctx, const struct snapshot *taken) {
  struct snapshot *s = (struct snapshot *)(uintptr_t)taken;
  struct buf out = {0};
  bool about[1024] = {false};
  (void)ctx;
  for (uint32_t i = 0; i < s->process_count && i < 1024; i++)
    about[i] = s->processes[i].lives;
  if (s->process_count <= 1024 && waits_find(s, 0) == 0 &&
      buf_format(&out, "deadlock: nobody can ever go on") == 0 &&
      waits_report(s, about, &out) == 0 && buf_append_byte(&out, '\0') == 0)
    report_print(&(struct report){.message = (const char *)out.data});
  buf_release(&out);
}

void simulated_report(const void *text, size_t len) {
  fwrite(text, 1, len, stderr); /* the stream of the process, or of the program */
}

static volatile int stopped; /* 0, or the signal */
static int64_t stopped_ns;

void simulated_stop(void) {
  stopped = SIGINT;
  explore_watch(true);
}

const char *simulated_stop_word(void) {
  return stopped && stopped != SIGINT ? "terminated" : "interrupted";
}

int simulated_stop_status(void) { return stopped ? 128 + stopped : EXIT_INTERRUPTED; }

bool simulated_stopped(void) { return stopped; }

void simulated_stop_over(void) {
  if (stopped == SIGINT)
    stopped = 0;
}

bool simulated_asked(void *ctx, const struct explore_progress *so_far) {
  (void)ctx;
  (void)so_far;
  return stopped;
}

static void on_second(int sig) {
  (void)sig;
  explore_watch(stopped);
}

void simulated_watch(bool on) {
  const struct itimerval each = {.it_interval.tv_sec = on, .it_value.tv_sec = on};
  struct sigaction sa = {.sa_handler = on ? on_second : SIG_DFL, .sa_flags = SA_RESTART};
  if (on)
    sigaction(SIGALRM, &sa, NULL);
  setitimer(ITIMER_REAL, &each, NULL);
  if (!on)
    sigaction(SIGALRM, &sa, NULL);
}

/* The first ends the run, and what is known is told; the next one kills. Two at once are one: timeout(1) sends its signal twice. */
static void on_end(int sig) {
  enum { SAME_NS = 50 * 1000 * 1000 };
  int64_t now_ns = clock_now_ns();
  if (stopped && now_ns - stopped_ns > SAME_NS) {
    signal(sig, SIG_DFL);
    raise(sig);
    return;
  }
  simulated_stop();
  stopped = sig;
  stopped_ns = now_ns;
  run_stop();
}

/* A signal that is ignored, as nohup(1) has it, stays so. */
static void end_at(int sig) {
  const struct sigaction act = {.sa_handler = on_end};
  struct sigaction before;
  if (sigaction(sig, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(sig, &act, NULL);
}

/* What this process starts later has random ones again. */
void simulated_fix_addresses(char **argv) {
  int now = personality(0xffffffff);
  if (now >= 0 && (now & ADDR_NO_RANDOMIZE))
    personality((unsigned long)now & ~(unsigned long)ADDR_NO_RANDOMIZE);
  if (now < 0 || (now & ADDR_NO_RANDOMIZE))
    return;
  if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) >= 0)
    execv("/proc/self/exe", argv); /* if that fails, the run is right, but not the same each time */
}

void simulated_begin(void) {
  const struct sigaction act = {.sa_handler = on_end};
  time_stands = true;
  sigaction(SIGINT, &act, NULL);
  end_at(SIGTERM);
  end_at(SIGHUP);
  report_set_writer(simulated_report);
}
