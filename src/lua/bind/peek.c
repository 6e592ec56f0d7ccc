/* lua/bind/peek.c - looking at the items of a queue; see lib.h for how a binding is built. */
#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "lua/state/lib.h"
#include "lua/state/masked.h"

/* protected: [items, offset, length] -> the value of one of them */
static int decode_peeked(lua_State *L) {
  const uint8_t *items = lua_touserdata(L, 1);
  const struct buf item = {.data = (uint8_t *)(uintptr_t)items + lua_tointeger(L, 2),
                           .len = (size_t)lua_tointeger(L, 3)};
  lib_decode(L, lib_find(L), &item);
  return 1;
}

/* [items] Push the value; or, if this process cannot make it, a text that says why. */
static void push_peeked(lua_State *L, int items, size_t at, uint64_t len) {
  lua_pushcfunction(L, decode_peeked);
  lua_pushvalue(L, items);
  lua_pushinteger(L, (lua_Integer)at);
  lua_pushinteger(L, (lua_Integer)len);
  if (lib_try(L, 3, 1))
    return;
  lua_pushfstring(L, "<cannot be read here: %s>", masked_tolstring(L, -1, NULL));
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* Push a list of the items in lib->messages.in, each of which follows its length. They are copied
 * from there first: a finalizer that runs between two of them may peek, too. */
static int push_items(lua_State *L, struct lib *lib) {
  size_t total = lib->messages.in.len;
  lib_pause(L, lib);
  lib_push_taken(L, lib);
  uint8_t *items = lua_newuserdatauv(L, total, 0);
  int first = lua_gettop(L);
  memcpy(items, lib->messages.in.data, total);
  lib_resume(L, lib);
  lua_newtable(L);
  uint64_t len;
  for (size_t at = 0, n = 1; at + sizeof len <= total; n++) {
    memcpy(&len, items + at, sizeof len);
    at += sizeof len;
    push_peeked(L, first, at, len);
    lua_rawseti(L, -2, (lua_Integer)n);
    at += (size_t)len;
  }
  return 1;
}

int lib_queue_peek(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_QUEUE);
  lua_Integer most = luaL_optinteger(L, 2, 0);
  bool list = !lua_isnoneornil(L, 2);
  lib_arg_check(L, !list || most >= 1, 2, "the number of items must be 1 or more");
  struct op_refs refs = {.taken = &lib->messages.read};
  struct op op = {.kind = OP_QUEUE_PEEK,
                  .object = h->object,
                  .deadline_ns = SBX_FOREVER,
                  .refs = &refs,
                  .locate = lib_locate,
                  .locate_ctx = L};
  lib_read_begin(lib);
  op.out = &lib->messages.in;
  op.number = most > INT_MAX ? INT_MAX : (int)most;
  int rc = perform(lib->b, &op);
  if (list && (rc == -SBX_ETIMEDOUT || rc == -SBX_ECLOSED)) {
    lua_newtable(L);
    return 1;
  }
  if (list && rc == 0)
    rc = lib_fetch(lib, &op, &lib->messages.read);
  if (list && rc == 0)
    return push_items(L, lib);
  if (rc == -SBX_ETIMEDOUT) {
    lua_pushnil(L);
    lua_pushliteral(L, "empty");
    return 2;
  }
  if (rc)
    return lib_expected(L, "peek", rc);
  return lib_read_end(L, lib, &op);
}
