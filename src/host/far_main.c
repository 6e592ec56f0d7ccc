/*
 * host/far_main.c - the life of a far process: main of a run of its own, which calls one function; see
 * far.h. The stand-in reports its failure, so nothing is reported here.
 */
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "host/explore_lua.h"
#include "host/far.h"
#include "host/far_lua.h"
#include "host/options.h"
#include "host/output.h"
#include "host/world_lua.h"
#include "host/write.h"
#include "lua/bind/native.h"
#include "lua/bind/sandbox_lib.h"
#include "lua/codec/codec.h"
#include "lua/state/call.h"
#include "lua/state/child.h"
#include "lua/state/interrupt.h"
#include "lua/state/lib.h"
#include "lua/state/state.h"
#include "os/process/signals.h"

/* -- the outcome ------------------------------------------------------------------------------------- */

/* [bytes] Write them, and say that all are there. */
static void write_outcome(lua_State *L, const struct far_main *m, enum far_outcome what) {
  size_t len;
  const char *bytes = lua_tolstring(L, -1, &len);
  while (len > 0) {
    ssize_t n = write(m->outcome, bytes, len);
    if (n <= 0)
      return;
    bytes += n;
    len -= (size_t)n;
  }
  atomic_store(&m->page->outcome, (int32_t)what);
}

/* protected: [far_main, value] The failure: message, hint, traceback, value. */
static int tell_failure(lua_State *L) {
  const struct far_main *m = lua_touserdata(L, 1);
  struct lib *lib = lib_find(L);
  lua_settop(L, 2);
  lua_remove(L, 1);
  if (interrupt_came(L)) {
    const char *at = lib->interrupts.at;
    lua_pushfstring(L, "interrupted at %s", *at ? at : "its end");
  } else {
    lua_pushcfunction(L, child_message_of);
    lua_pushvalue(L, 1);
    lua_pcall(L, 1, 1, 0); /* whatever __tostring raises becomes the message */
  }
  interrupt_clear(L);
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    lua_pushliteral(L, "(error object cannot be shown)");
  }
  call_take_hint(L, 1);
  call_take_traceback(L);
  lua_rotate(L, 1, -1); /* the value comes last */
  native_call(L, "far_side", "failure");
  write_outcome(L, m, FAR_FAILURE);
  return 0;
}

/* -- the life ---------------------------------------------------------------------------------------- */

/* protected: [far_main] Open the libraries. */
static int open_state(lua_State *L) {
  struct far_main *m = lua_touserdata(L, 1);
  (void)m;
  luaL_checkversion(L);
  state_open_libs(L);
  write_open(L);
  FAULT("far.open");
  sandbox_lib_open(L, &the_backend->base);
  FAULT("far.opened");
  lua_pop(L, 1);
  explore_open(L, false);
  far_open(L);
  world_open(L, NULL);
  lua_pushboolean(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "sandbox.far"); /* for prelude/hint.lua */
  lua_gc(L, LUA_GCGEN, 0, 0);
  return 0;
}

/* protected: [far_main] Call the function, and tell its results. */
static int call(lua_State *L) {
  const struct far_main *m = lua_touserdata(L, 1);
  lua_settop(L, 0);
  lua_pushlstring(L, m->request->call, m->request->call_len);
  int n = native_call(L, "far_side", "begin"); /* the function and its arguments */
  lua_call(L, n - 1, LUA_MULTRET);
  native_call(L, "far_side", "results");
  write_outcome(L, m, FAR_RESULTS);
  return 0;
}

static int protected(lua_State *L, lua_CFunction f, struct far_main *m) {
  lua_settop(L, 0);
  lua_pushcfunction(L, call_keep_traceback);
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, m);
  return lua_pcall(L, 1, 0, 1);
}

/* Returns the exit status. */
static int live(lua_State *L, struct far_main *m) {
  int status = protected(L, call, m);
  if (status == LUA_OK)
    return 0;
  bool interrupted = interrupt_came(L) != 0;
  lua_pushcfunction(L, tell_failure);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, m);
  lua_insert(L, -2);
  lua_pcall(L, 2, 0, 0);
  return interrupted ? EXIT_INTERRUPTED : EXIT_LUA_ERROR;
}

static void set_place(struct backend *b, const struct far_main *m) {
  struct run_clock *clock = (struct run_clock *)(uintptr_t)b->run->clock(b);
  const struct far_request *r = m->request;
  clock->start_ns = clock_now_ns() - (int64_t)(r->now / r->speed * (double)NS_PER_SECOND);
  text_copy_name(my_record(the_backend)->name, NAME_MAX_BYTES, r->name);
  text_copy(my_record(the_backend)->spawned_at, WHERE_MAX, r->spawned_at);
  far_setup.far = true;
  far_setup.lost_ns = r->lost_ns;
  far_setup.trace = r->trace;
  text_copy(far_setup.run, sizeof far_setup.run, r->run);
  text_copy(far_setup.id, sizeof far_setup.id, r->id);
  atomic_store(&m->page->main_pid, getpid());
}

int far_main(struct backend *b, void *ctx) {
  struct far_main *m = ctx;
  unsigned blocked = signals_block(); /* an interrupt waits for `live`, which tells of it */
  set_place(b, m);
  output_prepare();
  lua_State *L = state_new();
  if (!L)
    return EXIT_LUA_ERROR;
  state_use_arena(L);
  if (protected(L, open_state, m)) {
    state_close(L);
    return EXIT_LUA_ERROR;
  }
  signals_unblock(blocked);
  int status = live(L, m);
  if (status)
    b->self->decide(b, status);
  int rc = status == EXIT_INTERRUPTED ? op_process_await(b, false)
                                      : lib_wait_children(L, lib_find(L), status == 0);
  if (rc == -SBX_EINTERRUPTED) {
    b->self->leave(b);
    status = EXIT_INTERRUPTED;
  }
  state_close(L);
  return output_finish(status);
}
