/*
 * lua/state/meta.h - the annotated source of the library, src/lua/meta/sandbox.lua, as text in the
 * program.
 *
 * It is never run: help reads it, and --init. Only the program has it, not libsandbox.
 */
#ifndef SBX_LUA_STATE_META_H
#define SBX_LUA_STATE_META_H

#include "lua/state/prelude.h"

/* One row, "sandbox", ended by a row of NULL. */
extern const struct prelude_source meta_sources[];

#endif
