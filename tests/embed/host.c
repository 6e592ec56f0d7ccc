/*
 * host.c - a C program whose Lua scripts have processes and queues.
 *
 *   cc host.c $(pkg-config --cflags --libs sandbox lua5.4) -o host && ./host experiment.lua
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include <sandbox/sandbox.h>

int main(int argc, char **argv) {
  if (argc != 2) {
    fputs("usage: host SCRIPT\n", stderr);
    return 2;
  }
  lua_State *L = luaL_newstate();
  if (L == NULL)
    return 1;
  luaL_openlibs(L);

  struct sandbox_options options = {.speed = 100, .seed = 7};
  int bad = sandbox_open(L, &options) != 0 || luaL_dofile(L, argv[1]) != LUA_OK;
  if (bad)
    fprintf(stderr, "host: %s\n", luaL_tolstring(L, -1, NULL));
  else
    bad = sandbox_finish(L) > 0;
  lua_close(L);
  return bad ? 1 : 0;
}
