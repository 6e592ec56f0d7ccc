/*
 * host/course.h - `sandbox check`: the lessons of the course, and whether answers to them are right.
 *
 * It is written in Lua, in src/host/course, and runs in main as a script would. An answer runs in other
 * processes, each a `sandbox` with limits.
 */
#ifndef SBX_HOST_COURSE_H
#define SBX_HOST_COURSE_H

#include <lua.h>

#include "host/options.h"

/* List lessons, show a task, or check answers, as o->inputs say. The library must be open. Returns the
 * exit status. */
int course_check(lua_State *L, const struct options *o);

#endif
