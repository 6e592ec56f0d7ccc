/*
 * lua/codec/names.h - values that are sent by name: C functions, library tables, metatables,
 * streams such as io.stdout.
 *
 * A name is a loaded module ("string"; "_G" for the globals) or a field of one ("string.format",
 * the global "Point"). It is looked up by raw access only, and never loads or runs anything. A name
 * that was found is remembered, together with its cell of the wire format, and checked again at
 * each use. A failed search is repeated each time. So neither a module loaded late nor a global
 * replaced makes an answer wrong.
 *
 * Part of the codec; includes lua.h and wire.
 */
#ifndef SBX_LUA_CODEC_NAMES_H
#define SBX_LUA_CODEC_NAMES_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

/* The strings are borrowed and not terminated by a zero. */
struct name {
  const char *module;
  const char *field; /* NULL: the module itself */
  size_t module_len;
  size_t field_len;
};

/* The names found so far. Stored in the codec's userdata; its user values are the tables. */
struct names {
  uint64_t libraries; /* a one-word Bloom filter over the addresses of libraries found */
};

/* The user values, by number. All but the last have weak keys. */
enum {
  NAMES_FOUND = 1, /* value -> cell */
  NAMES_LIBRARIES, /* table -> cell */
  NAMES_STANDARD,  /* value -> cell, of what every state has; empty until names_know_standard */
  NAMES_WEAK = NAMES_STANDARD,
  NAMES_GLOBALS, /* name -> value, of the globals that every state has; likewise */
  NAMES_TABLES = NAMES_GLOBALS
};

/*
 * Fill the user values of the userdata on top of the stack. The globals are known as a library from
 * the start.
 */
void names_open(lua_State *L, struct names *n);

/*
 * Find a name for the value at `index` (absolute) and push its cell, a string in the wire format;
 * or push nothing and return false. `owner` is the stack index of the userdata that has the tables.
 * A full userdata is not searched for among the globals: a stream in a global variable belongs to
 * the script, not to a library.
 */
bool names_find(lua_State *L, int owner, int index);

/* Might the table at this address be a library? False is certain. Costs nothing. */
static inline bool names_maybe_library(const struct names *n, const void *table);

/* If the table at `index` (absolute) is a known library: push its cell and return true. */
bool names_known_library(lua_State *L, int owner, int index);

/* As names_known_library, but search the loaded modules, and remember what is found. */
bool names_learn_library(lua_State *L, struct names *n, int owner, int index);

/*
 * What is loaded now, every state has: Lua's libraries, this one, the globals. To be called before a
 * script can change anything.
 */
void names_know_standard(lua_State *L, int owner);

/* If every state has the value at `index`: push its cell and return true. */
bool names_find_standard(lua_State *L, int owner, int index);

/* Is that global (its name at `key`, its value at `value`) there in every state? */
bool names_is_standard(lua_State *L, int owner, int key, int value);

/*
 * As names_find, for a state that shares with this one only what every state has, the modules (which it
 * loads when it must), and the globals whose names are keys of the table at `shared` (0: none).
 */
bool names_find_abroad(lua_State *L, int owner, int index, int shared);

/* The cell on top of the stack names something in a module that not every state has loaded: push the
 * module's name and return true. */
bool names_push_module(lua_State *L, int owner);

/* Take the bytes after TAG_MODULE or TAG_FIELD; false if they do not suffice. */
bool names_take(struct reader *r, uint8_t tag, struct name *ret);

/* Push the value with this name, or nil if this process has none. */
void names_push(lua_State *L, const struct name *n);

static inline uint64_t names_filter_bit(const void *p) {
  return UINT64_C(1) << (((uintptr_t)p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

static inline bool names_maybe_library(const struct names *n, const void *table) {
  return (n->libraries & names_filter_bit(table)) != 0;
}

#endif
