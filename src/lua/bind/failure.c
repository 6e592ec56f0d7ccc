/*
 * lua/bind/failure.c - failures, as join returns them: {message, hint, value, traceback, name, pid,
 * exitcode, signal}.
 *
 * A failure that is not looked at is reported, so the library must notice when one is read. Until
 * then the table has one raw field, "(unread)", a table of all the others, and in [1] and [2] the
 * numbers that name the failure for the backend. The first access by __index, __pairs or __tostring
 * moves the fields to their places. An unread failure that is sent arrives unread.
 *
 * The metatable is sandbox.failure, by which a failure that is sent gets it again.
 */
#include <stdlib.h>
#include <string.h>

#include "lua/bind/native.h"
#include "lua/state/lib.h"
#include "lua/state/masked.h"
#include "lua/state/report.h"

static const char unread[] = "(unread)";

/* -- looking --------------------------------------------------------------------------------- */

/* [fields] Tell the backend that the failure with these fields was looked at. */
static void tell_looked(lua_State *L) {
  struct lib *lib = lib_find(L);
  struct object_ref ref = {.type = OBJECT_PROCESS};
  int known;
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  ref.slot = (uint32_t)lua_tointegerx(L, -2, &known);
  ref.serial = (uint64_t)lua_tointeger(L, -1);
  lua_pop(L, 2);
  if (lib && known && lua_rawlen(L, -1) == 2)
    op_failure_look(lib->b, &ref);
}

void failure_look(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (lua_type(L, index) != LUA_TTABLE)
    return;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushstring(L, unread);
  if (lua_rawget(L, index) != LUA_TTABLE) {
    lua_pop(L, 1);
    return;
  }
  int fields = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, fields); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      continue;
    lua_pushvalue(L, -2);
    bool set = lua_rawget(L, index) != LUA_TNIL; /* by the script */
    lua_pop(L, 1);
    if (!set) {
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, index);
    }
  }
  tell_looked(L);
  lua_pushstring(L, unread);
  lua_pushnil(L);
  lua_rawset(L, index);
  lua_settop(L, fields - 1);
}

void failure_wrap(lua_State *L, const struct object_ref *ref) {
  if (ref) {
    lua_pushinteger(L, (lua_Integer)ref->slot);
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, (lua_Integer)ref->serial);
    lua_rawseti(L, -2, 2);
  }
  lua_createtable(L, 0, 8);
  lua_insert(L, -2);
  lua_setfield(L, -2, unread);
  luaL_setmetatable(L, FAILURE_TYPE);
}

static int l_failure_index(lua_State *L) {
  lua_settop(L, 2);
  if (lua_type(L, 1) != LUA_TTABLE)
    return 0;
  failure_look(L, 1);
  lua_rawget(L, 1);
  return 1;
}

static int l_failure_next(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (lua_next(L, 1))
    return 2;
  lua_pushnil(L);
  return 1;
}

static int l_failure_pairs(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  failure_look(L, 1);
  lua_pushcfunction(L, l_failure_next);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* -- as text --------------------------------------------------------------------------------- */

/*
 * A failure that is raised again, from join to join, gets the name of one process more each time. Of a long chain the text
 * keeps the first and the last:
 *
 *   boom (process p#612, pid 4) (process p#611, pid 5) (process p#610, pid 6) (607 more) (process p#3, pid 9) (process p#2, pid 8)
 */
enum { CHAIN_FIRST = 3, CHAIN_LAST = 2, LINK_MAX = 256 /* bytes; what is longer is no link */ };

/* The start of the link that ends at `end`; NULL: there is none. */
static const char *link_before(const char *text, const char *end) {
  static const char *const marks[] = {" (process ", " (item "};
  if (end == text || end[-1] != ')')
    return NULL;
  for (const char *at = end - 1; at > text && end - at < LINK_MAX; at--)
    for (int i = 0; i < 2; i++)
      if (strncmp(at, marks[i], strlen(marks[i])) == 0)
        return at;
  return NULL;
}

/* The number in the " (590 more)" that ends at `*end`, which is moved before it; 0: there is none. */
static unsigned long take_more(const char *text, const char **end) {
  static const char tail[] = " more)";
  if ((size_t)(*end - text) < sizeof tail - 1)
    return 0;
  const char *at = *end - (sizeof tail - 1);
  if (strncmp(at, tail, sizeof tail - 1) != 0)
    return 0;
  while (at > text && at[-1] >= '0' && at[-1] <= '9')
    at--;
  if (at - text < 2 || at[-1] != '(' || at[-2] != ' ')
    return 0;
  *end = at - 2;
  return strtoul(at, NULL, 10);
}

/* [text] -> [text], without the middle of a long chain */
static void shorten_chain(lua_State *L) {
  const char *text = lua_tostring(L, -1), *at = text + lua_rawlen(L, -1), *last = NULL;
  const char *ends[CHAIN_FIRST] = {0}; /* of the links that were looked at lately */
  unsigned long links = 0, more = take_more(text, &at);
  for (const char *link; (link = link_before(text, at)); more += take_more(text, &at)) {
    ends[links++ % CHAIN_FIRST] = at;
    at = link;
    if (links == CHAIN_LAST)
      last = link;
  }
  if (links <= CHAIN_FIRST + CHAIN_LAST)
    return;
  more += links - CHAIN_FIRST - CHAIN_LAST;
  lua_pushlstring(L, text,
                  (size_t)(ends[links % CHAIN_FIRST] - text)); /* the youngest of the first */
  lua_pushfstring(L, "%s (%I more)%s", lua_tostring(L, -1), (LUAI_UACINT)more, last);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* `queue.lua:12: boom (process writer#2, pid 4711)`, `(process writer#2 on bert)`; of a pool's task `(item 3, process ...)` */
static int l_failure_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "message");
  lua_getfield(L, 1, "name");
  lua_getfield(L, 1, "id");
  lua_getfield(L, 1, "pid");
  for (int i = 2; i <= 5; i++)
    masked_tolstring(L, i, NULL);
  const char *item = "";
  if (lua_getfield(L, 1, "index") != LUA_TNIL)
    item = lua_pushfstring(L, "item %s, ", masked_tolstring(L, -1, NULL));
  const char *message = lua_tostring(L, 6), *name = lua_tostring(L, 7), *id = lua_tostring(L, 8);
  if (lua_getfield(L, 1, "host") == LUA_TSTRING)
    lua_pushfstring(L, "%s (%sprocess %s#%s on %s)", message, item, name, id, lua_tostring(L, -1));
  else
    lua_pushfstring(L, "%s (%sprocess %s#%s, pid %s)", message, item, name, id, lua_tostring(L, 9));
  shorten_chain(L);
  return 1;
}

/* -- making ---------------------------------------------------------------------------------- */

/* The message of a process that left no report of its own. */
static void push_plain_message(lua_State *L, const struct process_info *info) {
  if (info->lost)
    lua_pushfstring(L, "host %s was lost, and with it how the process ended", info->host);
  else if (info->signal)
    lua_pushfstring(L, "killed by signal %d (%s)", info->signal, strsignal(info->signal));
  else
    lua_pushfstring(L, "left with exit status %d", info->exit_code);
}

/* [message, hint, traceback, value] -> the table of fields */
static void push_fields(lua_State *L, const struct process_info *info) {
  static const char *const names[] = {"message", "hint", "traceback", "value"};
  int first = lua_gettop(L) - 3;
  lua_createtable(L, 2, 9);
  lua_insert(L, first);
  for (int i = 3; i >= 0; i--)
    lua_setfield(L, first, names[i]);
  lua_pushstring(L, info->name);
  lua_setfield(L, first, "name");
  lua_pushinteger(L, (lua_Integer)info->id);
  lua_setfield(L, first, "id");
  lua_pushinteger(L, (lua_Integer)info->pid);
  lua_setfield(L, first, "pid");
  if (info->host[0]) {
    lua_pushstring(L, info->host);
    lua_setfield(L, first, "host");
  }
  if (info->lost) {
    lua_pushboolean(L, 1);
    lua_setfield(L, first, "lost");
  }
  if (info->exit_code >= 0) {
    lua_pushinteger(L, info->exit_code);
    lua_setfield(L, first, "exitcode");
  }
  if (info->signal) {
    lua_pushinteger(L, info->signal);
    lua_setfield(L, first, "signal");
  }
}

/* [fields] Add what a failure on another host has: the fields of a table, if there is one. */
static void add_fields(lua_State *L, int more) {
  if (!lua_istable(L, more))
    return;
  for (lua_pushnil(L); lua_next(L, more); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, -5);
  }
}

void failure_push(lua_State *L, struct lib *lib, const struct object *process,
                  const struct process_info *info, const struct buf *message) {
  struct object_ref ref;
  int base = lua_gettop(L);
  int n = message ? lib_decode(L, lib, message) : 0;
  lua_settop(L, base + 5); /* message, hint, traceback, value, more fields: see child.c; or nils */
  lua_insert(L, base + 1);
  if (n == 0 || info->signal) {
    push_plain_message(L, info);
    lua_replace(L, base + 2);
  }
  push_fields(L, info);
  add_fields(L, base + 1);
  lua_remove(L, base + 1);
  const struct object_ops *ops = lib->b->objects;
  (ops->message_ref ? ops->message_ref : ops->object_ref)(process,
                                                          &ref); /* it may leave the host */
  failure_wrap(L, &ref);
}

/* -- of tasks: see native.h ------------------------------------------------------------------ */

static const char *text_field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  return lua_tostring(L, -1);
}

int native_task_failing(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct object_ref ref;
  luaL_checktype(L, 1, LUA_TTABLE);
  uint64_t order = (uint64_t)luaL_checkinteger(L, 2);
  lua_settop(L, 3);
  const char *message = text_field(L, 1, "message");
  lua_getfield(L, 1, "id");
  lua_getfield(L, 1, "pid");
  const struct report r = {.message = message ? message : "",
                           .hint = text_field(L, 1, "hint"),
                           .traceback = text_field(L, 1, "traceback"),
                           .name = text_field(L, 1, "name"),
                           .id = (uint32_t)lua_tointeger(L, 5),
                           .pid = lua_tointeger(L, 6),
                           .spawned_at = lua_tostring(L, 3),
                           .task = true};
  struct buf text = {0};
  bool known = report_format(&r, report_color(), &text) == 0 &&
               op_failure_new(lib->b, &text, order, &ref) == 0;
  if (!known)
    report_write(text.data, text.len);
  buf_release(&text);
  if (!known)
    return 0;
  lua_pushinteger(L, (lua_Integer)ref.slot);
  lua_pushinteger(L, (lua_Integer)ref.serial);
  return 2;
}

static struct object_ref check_ref(lua_State *L, int slot) {
  return (struct object_ref){.type = OBJECT_PROCESS,
                             .slot = (uint32_t)luaL_checkinteger(L, slot),
                             .serial = (uint64_t)luaL_checkinteger(L, slot + 1)};
}

int native_task_failed(lua_State *L) {
  struct lib *lib = lib_of(L);
  if (!lua_isnoneornil(L, 1)) {
    struct object_ref ref = check_ref(L, 1);
    op_failure_count(lib->b, &ref);
  }
  return 0;
}

int native_task_joined(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct object_ref ref = check_ref(L, 1);
  op_failure_join(lib->b, &ref);
  return 0;
}

int native_unread(lua_State *L) {
  struct object_ref ref = check_ref(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_pushnil(L);
  lua_setmetatable(L, 1);
  failure_wrap(L, &ref);
  return 1;
}

int native_look(lua_State *L) {
  failure_look(L, 1);
  return 0;
}

void lib_open_failure(lua_State *L, int table) {
  static const luaL_Reg meta[] = {{"__index", l_failure_index},
                                  {"__pairs", l_failure_pairs},
                                  {"__tostring", l_failure_tostring},
                                  {NULL, NULL}};
  luaL_newmetatable(L, FAILURE_TYPE); /* sets __name */
  lib_set_functions(L, meta);
  lua_setfield(L, table, "failure");
}
