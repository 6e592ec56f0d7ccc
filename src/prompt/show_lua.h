/*
 * prompt/show_lua.h - the live state in Lua, for the session of the prompt: ps, queues, objects, waits, kill,
 * pause, resume, mute, follow.
 *
 * A process is given as a handle, a number, or a name. What is shown goes to stdout.
 */
#ifndef SBX_PROMPT_SHOW_LUA_H
#define SBX_PROMPT_SHOW_LUA_H

#include <lua.h>
#include <stdbool.h>

/* Where tables are shown. Static or as long-lived as the state. */
struct show_screen {
  int terminal; /* descriptor whose width counts; -1: that of the environment (COLUMNS) or 80 */
  bool color;
};

/* Push a table of the functions by name. The calling process is the session. */
int show_lua_push(lua_State *L, const struct show_screen *screen);

/* () -> what the living are called, an array: "main", "writer", "reader#2" if several are readers.
 */
int show_lua_names(lua_State *L);

/* Set them as globals. Leaves nothing on the stack. */
void show_lua_open(lua_State *L, const struct show_screen *screen);

#endif
