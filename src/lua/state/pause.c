/* lua/state/pause.c - see pause.h. */
#include "lua/state/pause.h"

#include "lua/state/lib.h"
#include "lua/state/report.h"

void pause_by(struct lib *lib, pause_fn *pause, void *ctx) {
  lib->pausing = (struct pausing){.pause = pause, .ctx = ctx};
}

int pause_not(lua_State *L, void *ctx) {
  (void)ctx;
  lua_pushboolean(L, 0);
  return 1;
}

/* Each process says it once: the call may be in a loop. */
static int nobody_there(lua_State *L, struct lib *lib) {
  char where[WHERE_MAX], text[WHERE_MAX + 128];
  if (!lib->pausing.told) {
    lib_locate(L, where);
    snprintf(text, sizeof text,
             "%s: pause: there is no prompt here, so the process goes on; start the script with "
             "sandbox -i, on a terminal",
             where);
    report_print(&(struct report){.message = text});
  }
  lib->pausing.told = true;
  return pause_not(L, NULL);
}

int pause_here(lua_State *L) {
  struct lib *lib = lib_of(L);
  return lib->pausing.pause ? lib->pausing.pause(L, lib->pausing.ctx) : nobody_there(L, lib);
}
