/*
 * lua/codec/named.c - see named.h.
 *
 * The form, from ldump.c and lundump.c of Lua 5.4:
 *
 *   header    "\x1bLua", version, format, 6 bytes of data, the sizes of an instruction, an integer
 *             and a float, an integer and a float; the number of upvalues, a byte
 *   function  source (string), first and last line (numbers), 3 bytes;
 *             instructions: count, 4 bytes each; constants: count, and a type byte with its value;
 *             upvalues: count, 3 bytes each (is it a local variable of the function around it? which?);
 *             functions: count, each as above;
 *             debug: lines (count, bytes), (count, 2 numbers each), variables (count, a string and 2
 *             numbers each), names of upvalues (count, strings)
 *   number    7 bits a byte, highest first; the last byte has its top bit set
 *   string    length + 1 as a number, 0: there is none; bytes
 *
 * A function's upvalues come before the functions inside of it, so one pass is enough; what is known
 * of the functions around is a row of flags for each.
 */
#include "lua/codec/named.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"

enum {
  NESTED_MAX = 250,     /* more than the 200 levels that Lua's compiler takes */
  UPVALUES_MAX = 255,   /* of a function */
  CONSTANTS_NAMED = 256 /* constants that an instruction can name */
};

/* lopcodes.h */
enum { OP_GETUPVAL = 9, OP_GETTABUP = 11 };

/* lobject.h: types of constants that have a value behind them. */
enum {
  CONSTANT_INTEGER = 0x03,
  CONSTANT_FLOAT = 0x13,
  CONSTANT_SHORT = 0x04,
  CONSTANT_LONG = 0x14
};

struct constant {
  const uint8_t *at; /* NULL: it is no string */
  size_t len;
};

struct dump {
  lua_State *L;
  struct reader r;
  int set; /* stack index */
  bool is_globals[NESTED_MAX + 1]
                 [UPVALUES_MAX + 1]; /* of the functions that are being read, outermost first */
  uint64_t constants;                /* of the function that is being read */
  struct constant named[CONSTANTS_NAMED]; /* the first of them */
};

_Noreturn static void unknown(lua_State *L) {
  lua_pushliteral(L, "the bytecode of this Lua is not known, so the globals that a function names "
                     "cannot be found");
  lua_error(L);
  abort();
}

/* ---- numbers, strings ---- */

static uint8_t next_byte(struct dump *d) {
  uint8_t b;
  if (!take_byte(&d->r, &b))
    unknown(d->L);
  return b;
}

static const uint8_t *skip(struct dump *d, uint64_t len) {
  const uint8_t *at;
  if (!take_bytes(&d->r, len, &at))
    unknown(d->L);
  return at;
}

static uint64_t next_number(struct dump *d) {
  uint64_t v = 0;
  uint8_t b;
  do {
    if (v >> 56)
      unknown(d->L);
    b = next_byte(d);
    v = v << 7 | (b & 0x7f);
  } while (!(b & 0x80));
  return v;
}

static struct constant next_string(struct dump *d) {
  uint64_t len = next_number(d);
  return len ? (struct constant){skip(d, len - 1), (size_t)len - 1} : (struct constant){0};
}

static void read_header(struct dump *d) {
  static const uint8_t start[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08";
  if (memcmp(skip(d, sizeof start - 1), start, sizeof start - 1) != 0)
    unknown(d->L);
  skip(d, 8 + 8 + 1);
}

/* ---- a function ---- */

static void add_name(struct dump *d, struct constant name) {
  if (!name.at)
    return;
  lua_pushlstring(d->L, (const char *)name.at, name.len);
  lua_pushboolean(d->L, 1);
  lua_rawset(d->L, d->set);
}

static struct constant next_constant(struct dump *d) {
  switch (next_byte(d)) {
  case CONSTANT_SHORT:
  case CONSTANT_LONG:
    return next_string(d);
  case CONSTANT_INTEGER:
  case CONSTANT_FLOAT:
    skip(d, 8);
  }
  return (struct constant){0};
}

/* Returns how many there are; the first of them are kept. With `all` each string is a name. */
static uint64_t read_constants(struct dump *d, bool all) {
  uint64_t count = next_number(d);
  for (uint64_t i = 0; i < count; i++) {
    struct constant c = next_constant(d);
    if (i < CONSTANTS_NAMED)
      d->named[i] = c;
    if (all)
      add_name(d, c);
  }
  return count;
}

static void read_upvalues(struct dump *d, int level) {
  bool *mine = d->is_globals[level];
  const bool *around = level > 0 ? d->is_globals[level - 1] : NULL;
  uint64_t count = next_number(d);
  if (count > UPVALUES_MAX)
    unknown(d->L);
  for (uint64_t i = 0; i < count; i++) {
    const uint8_t *u = skip(d, 3); /* is it a local variable?; its index; its kind */
    if (around)
      mine[i] = !u[0] && around[u[1]];
  }
}

/* Add the globals that the instructions read. Returns whether the table of globals itself is held. */
static bool read_instructions(struct dump *d, const uint8_t *code, uint64_t count, int level) {
  const bool *is_globals = d->is_globals[level];
  bool held = false;
  for (uint64_t i = 0; i < count; i++) {
    uint32_t word = (uint32_t)load_fixed(code + 4 * i, 4);
    unsigned op = word & 0x7f, b = word >> 16 & 0xff, c = word >> 24;
    if (op == OP_GETUPVAL)
      held |= is_globals[b];
    if (op != OP_GETTABUP || !is_globals[b])
      continue;
    if (c >= d->constants || !d->named[c].at)
      unknown(d->L);
    add_name(d, d->named[c]);
    held |= d->named[c].len == 2 && memcmp(d->named[c].at, "_G", 2) == 0;
  }
  return held;
}

static void skip_debug(struct dump *d) {
  skip(d, next_number(d));
  for (uint64_t n = next_number(d); n > 0; n--) {
    next_number(d);
    next_number(d);
  }
  for (uint64_t n = next_number(d); n > 0; n--) {
    next_string(d);
    next_number(d);
    next_number(d);
  }
  for (uint64_t n = next_number(d); n > 0; n--)
    next_string(d);
}

static void read_function(struct dump *d, int level) {
  if (level > NESTED_MAX)
    unknown(d->L);
  next_string(d);
  next_number(d);
  next_number(d);
  skip(d, 3);
  uint64_t count = next_number(d);
  if (count > SIZE_MAX / 4)
    unknown(d->L);
  const uint8_t *code = skip(d, 4 * count);
  struct reader constants = d->r;
  d->constants = read_constants(d, false);
  read_upvalues(d, level);
  struct reader behind = d->r;
  if (read_instructions(d, code, count, level)) {
    d->r = constants;
    read_constants(d, true);
    d->r = behind;
  }
  for (uint64_t n = next_number(d); n > 0; n--)
    read_function(d, level + 1);
  skip_debug(d);
}

/* ---- a function with its upvalues ---- */

/* lua_dump wants the function on top when it is called, a buffer wants the top from then on. */
struct dump_buffer {
  bool begun;
  luaL_Buffer b;
};

static int append(lua_State *L, const void *data, size_t len, void *buffer) {
  struct dump_buffer *d = buffer;
  if (!d->begun)
    luaL_buffinit(L, &d->b);
  d->begun = true;
  luaL_addlstring(&d->b, data, len);
  return 0;
}

/* [-0, +1] its bytecode, a string. */
static void push_dump(lua_State *L, int function) {
  struct dump_buffer d = {.begun = false};
  lua_pushvalue(L, function);
  int at = lua_gettop(L);
  if (lua_dump(L, append, &d, 0) || !d.begun)
    unknown(L);
  luaL_pushresult(&d.b);
  lua_remove(L, at);
}

static void read_dump(lua_State *L, int function, int set) {
  int top = lua_gettop(L);
  size_t len;
  push_dump(L, function);
  const char *bytes = lua_tolstring(L, -1, &len);
  struct dump *d = lua_newuserdatauv(L, sizeof *d, 0);
  memset(d, 0, sizeof *d);
  d->L = L;
  d->r = reader_of(bytes, len);
  d->set = set;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  for (int n = 1; n <= UPVALUES_MAX && lua_getupvalue(L, function, n); n++) {
    d->is_globals[0][n - 1] = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
  }
  read_header(d);
  read_function(d, 0);
  lua_settop(L, top);
}

/* Is this the bytecode that is known? A function with one global is read: once in a process. */
static void check_bytecode(lua_State *L) {
  static const char known[] =
      "local a = 1 local function f(t) a = t.b return probe + a, t.c end return f";
  static bool checked;
  if (checked)
    return;
  int top = lua_gettop(L), names = 0;
  lua_createtable(L, 0, 2);
  if (luaL_loadbufferx(L, known, sizeof known - 1, "=probe", "t") != LUA_OK)
    lua_error(L);
  read_dump(L, top + 2, top + 1);
  for (lua_pushnil(L); lua_next(L, top + 1); lua_pop(L, 1))
    names++;
  lua_getfield(L, top + 1, "probe");
  if (names != 1 || !lua_toboolean(L, -1))
    unknown(L);
  lua_settop(L, top);
  checked = true;
}

void named_globals(lua_State *L, int function, int set) {
  luaL_checkstack(L, 12, NULL);
  check_bytecode(L);
  read_dump(L, function, set);
}
