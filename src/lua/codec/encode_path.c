/*
 * lua/codec/encode_path.c - the path from the roots to a value, for errors of the encoder:
 * `item.handlers[3]`.
 *
 * The encoder only knows, for each entity, in whose body it was first mentioned. The steps of the
 * path are found by searching each of these bodies for the next entity. That is slow, but errors
 * are rare.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lua/codec/codec_internal.h"

enum {
  KEY_SHOWN = 40,  /* bytes of a key that are shown */
  STEPS_SHOWN = 8, /* steps shown at either end of a long path */
  TEXT_MAX = 4096  /* room for both ends with all their keys escaped */
};

/* Allocates nothing; truncates what does not fit. */
struct text {
  size_t len;
  char data[TEXT_MAX];
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(t->data + t->len, sizeof t->data - t->len, format, args);
  va_end(args);
  if (n > 0)
    t->len += (size_t)n;
  if (t->len >= sizeof t->data)
    t->len = sizeof t->data - 1;
}

/* ---- one step ---- */

static bool is_identifier(const char *s, size_t len) {
  if (len == 0 || len > KEY_SHOWN || isdigit((unsigned char)*s))
    return false;
  for (size_t i = 0; i < len; i++)
    if (!isalnum((unsigned char)s[i]) && s[i] != '_')
      return false;
  return true;
}

static void add_string_key(struct text *t, const char *s, size_t len) {
  if (is_identifier(s, len)) {
    add(t, ".%s", s);
    return;
  }
  size_t shown = len < KEY_SHOWN ? len : KEY_SHOWN;
  while (shown < len && shown > 0 && ((unsigned char)s[shown] & 0xc0) == 0x80)
    shown--; /* not in the middle of a UTF-8 character */
  add(t, "[\"");
  for (size_t i = 0; i < shown; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '"' || c == '\\')
      add(t, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
      add(t, "\\%03d", c);
    else
      add(t, "%c", c);
  }
  add(t, shown < len ? "...\"]" : "\"]");
}

/* Add the key at `index`, as `.name` or `[3]`. */
static void add_key(struct text *t, lua_State *L, int index) {
  size_t len;
  const char *s;
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    s = lua_tolstring(L, index, &len);
    add_string_key(t, s, len);
    break;
  case LUA_TNUMBER:
    if (lua_isinteger(L, index))
      add(t, "[%lld]", (long long)lua_tointegerx(L, index, NULL));
    else
      add(t, "[%.14g]", lua_tonumberx(L, index, NULL));
    break;
  case LUA_TBOOLEAN:
    add(t, "[%s]", lua_toboolean(L, index) ? "true" : "false");
    break;
  case LUA_TLIGHTUSERDATA:
    add(t, "[sandbox.null]");
    break;
  default:
    add(t, "[a %s]", lua_typename(L, lua_type(L, index)));
  }
}

/* Add the upvalue of the function at `from` that holds the value at `to`. */
static void add_upvalue_step(struct text *t, lua_State *L, int from, int to) {
  const char *name;
  for (int n = 1; (name = lua_getupvalue(L, from, n)) != NULL; n++) {
    bool found = lua_rawequal(L, -1, to);
    lua_pop(L, 1);
    if (!found)
      continue;
    if (*name && *name != '(') /* not "(no name)", which stands for stripped names */
      add(t, " upvalue '%.*s'", KEY_SHOWN, name);
    else
      add(t, " upvalue %d", n);
    return;
  }
}

/*
 * In the order in which the encoder mentions values: the metatable, then key and value of each
 * pair.
 */
static bool add_table_step(struct text *t, lua_State *L, int from, int to) {
  if (lua_getmetatable(L, from)) {
    bool found = lua_rawequal(L, -1, to);
    lua_pop(L, 1);
    if (found) {
      add(t, " metatable");
      return false;
    }
  }
  for (lua_pushnil(L); lua_next(L, from); lua_pop(L, 1)) {
    if (lua_rawequal(L, -2, to)) {
      lua_pop(L, 2);
      return true;
    }
    if (lua_rawequal(L, -1, to)) {
      add_key(t, L, lua_absindex(L, -2));
      lua_pop(L, 2);
      return false;
    }
  }
  return false;
}

/*
 * Add the step from the value at `from` to the value at `to`. Returns true, and adds nothing, if
 * that is a key.
 */
static bool add_step(struct text *t, lua_State *L, int from, int to) {
  if (lua_istable(L, from))
    return add_table_step(t, L, from, to);
  if (lua_isfunction(L, from))
    add_upvalue_step(t, L, from, to);
  return false;
}

/* ---- the path ---- */

/* Add the root that is the value at `index`. */
static void add_root(struct text *t, struct encoder *e, int index) {
  add(t, "%.*s", KEY_SHOWN, e->what);
  if (e->count == 1)
    return;
  for (int i = 0; i < e->count; i++) {
    if (lua_rawequal(e->L, e->first + i, index)) {
      add(t, " %d", i + 1);
      return;
    }
  }
}

static uint32_t depth_of(const struct encoder *e, uint32_t entity) {
  uint32_t depth = 0;
  for (; entity != NONE; entity = e->entities[entity].parent)
    depth++;
  return depth;
}

/* The ancestor of an entity, `up` generations above it. */
static uint32_t ancestor(const struct encoder *e, uint32_t entity, uint32_t up) {
  while (up-- > 0)
    entity = e->entities[entity].parent;
  return entity;
}

/* Add the step from one entity to its child, the next on the way to the cursor. */
static void add_entity_step(struct text *t, struct encoder *e, uint32_t from, uint32_t to) {
  lua_State *L = e->L;
  codec_push_object(L, e->base, e->entities[from].number);
  codec_push_object(L, e->base, e->entities[to].number);
  int top = lua_gettop(L);
  if (add_step(t, L, top - 1, top))
    add(t, " key (a %s)", lua_typename(L, lua_type(L, top)));
  lua_pop(L, 2);
}

/* Add the path from the root to the entity at the cursor; the middle of a long one is left out. */
static void add_path_to_cursor(struct text *t, struct encoder *e) {
  uint32_t steps = depth_of(e, e->cursor) - 1;
  codec_push_object(e->L, e->base, e->entities[ancestor(e, e->cursor, steps)].number);
  add_root(t, e, lua_gettop(e->L));
  lua_pop(e->L, 1);
  for (uint32_t i = 0; i < steps; i++) {
    if (i == STEPS_SHOWN && steps > 2 * STEPS_SHOWN) {
      i = steps - STEPS_SHOWN;
      add(t, " ...(%lu levels)... ", (unsigned long)(i - STEPS_SHOWN));
    }
    add_entity_step(t, e, ancestor(e, e->cursor, steps - i), ancestor(e, e->cursor, steps - i - 1));
  }
}

void encode_fail(struct encoder *e, int index, const char *thing, const char *problem) {
  lua_State *L = e->L;
  struct text t = {0};
  bool is_key = false;
  if (!lua_checkstack(L, SLOTS_TEMPORARY))
    codec_raise_nomem(L);
  if (e->cursor == NONE) {
    add_root(&t, e, index);
  } else {
    add_path_to_cursor(&t, e);
    codec_push_object(L, e->base, e->entities[e->cursor].number);
    is_key = add_step(&t, L, lua_gettop(L), index);
  }
  if (!thing)
    lua_pushfstring(L, is_key ? "%s: a key: %s" : "%s: %s", t.data, problem);
  else
    lua_pushfstring(L, is_key ? "%s: key (%s) %s" : "%s: %s %s", t.data, thing, problem);
  codec_raise(L);
}
