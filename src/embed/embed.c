/* embed/embed.c - the embedding API of sandbox/sandbox.h: the library in a host that is not
 * ours. */
#include "sandbox/sandbox.h"

#include <lauxlib.h>

#include "base/error.h"
#include "lua/bind/sandbox_lib.h"
#include "lua/state/lib.h"
#include "lua/state/report.h"
#include "os/foreign.h"
#include "os/process/output.h"

static int protected_open(lua_State *L) { return sandbox_lib_open(L, lua_touserdata(L, 1)); }

/* Push the library's table, opening the library if need be; or a message. Returns 0 or -1. */
static int open_table(lua_State *L, const struct sandbox_options *o) {
  struct foreign_options fo = {.speed = 1};
  struct backend *b;
  if (lib_find(L)) {
    lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_KEY);
    return 0;
  }
  if (o) {
    fo.speed = o->speed > 0 ? o->speed : 1;
    fo.seed = o->seed;
    fo.max_procs = o->max_procs;
    fo.tag_output = o->tag_output != 0;
  }
  report_set_writer(output_message);
  int rc = foreign_open(&fo, &b);
  if (rc) {
    lua_pushfstring(L, "sandbox: %s", error_text(rc));
    return -1;
  }
  lua_pushcfunction(L, protected_open);
  lua_pushlightuserdata(L, b);
  return lua_pcall(L, 1, 1, 0) == LUA_OK ? 0 : -1;
}

int sandbox_open(lua_State *L, const struct sandbox_options *options) {
  int rc = open_table(L, options);
  if (rc == 0)
    lua_pop(L, 1);
  return rc;
}

int sandbox_finish(lua_State *L) {
  struct lib *lib = lib_find(L);
  if (!lib)
    return 0;
  op_process_await(lib->b, true);
  return lib->b->run->unjoined_failures(lib->b);
}

const char *sandbox_version(void) { return SANDBOX_VERSION; }

int luaopen_sandbox(lua_State *L) {
  if (open_table(L, NULL))
    return lua_error(L);
  return 1;
}
