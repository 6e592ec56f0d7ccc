/*
 * lua/bind/chunk.c - a chunk of a pool's items in its worker: the items are decoded part by part,
 * and so are the results encoded. So numbers and strings are on Lua's stack in between, and
 * never in a table. See native.h.
 */
#include "lua/bind/native.h"
#include "lua/codec/codec.h"
#include "lua/state/lib.h"

#define CHUNK_TYPE "sandbox.chunk"

enum { KEEP_BYTES = 1 << 16 }; /* that the buffer of results keeps between two chunks */
enum { USER_BYTES = 1, USER_LIST, USER_VALUES = USER_LIST };

struct chunk {
  struct list_reader items; /* of the string USER_BYTES */
  struct buf results;       /* from `head` on, unless they are in the table USER_LIST */
  size_t head;
  lua_Integer done;
  bool listed;
};

static struct chunk *check_chunk(lua_State *L) { return luaL_checkudata(L, 1, CHUNK_TYPE); }

static int chunk_gc(lua_State *L) {
  buf_release(&check_chunk(L)->results);
  return 0;
}

int native_chunk(lua_State *L) {
  struct chunk *c = lua_newuserdatauv(L, sizeof *c, USER_VALUES);
  *c = (struct chunk){0};
  if (luaL_newmetatable(L, CHUNK_TYPE)) {
    lua_pushcfunction(L, chunk_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return 1;
}

static void forget(lua_State *L, struct chunk *c) {
  buf_clear(&c->results, KEEP_BYTES);
  for (int i = 1; i <= USER_VALUES; i++) {
    lua_pushnil(L);
    lua_setiuservalue(L, 1, i);
  }
  c->items = (struct list_reader){0};
  c->done = 0;
  c->listed = false;
}

int native_begin(lua_State *L) {
  struct chunk *c = check_chunk(L);
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  forget(L, c);
  codec_list_begin(L, (size_t)luaL_checkinteger(L, 3), &c->results);
  c->head = c->results.len;
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, 1, USER_BYTES);
  codec_list_open(L, &c->items, (const uint8_t *)bytes, len);
  return 0;
}

int native_take(lua_State *L) { return codec_list_push(L, &check_chunk(L)->items); }

static void push_results(lua_State *L, struct chunk *c) {
  struct list_reader l = {.r = reader_of(c->results.data + c->head, c->results.len - c->head),
                          .left = (uint64_t)c->done};
  lua_createtable(L, (int)c->done, 0);
  codec_list_place(L, &l, lua_gettop(L), 1);
}

int native_results(lua_State *L) {
  struct chunk *c = check_chunk(L);
  if (c->listed)
    lua_getiuservalue(L, 1, USER_LIST);
  else
    push_results(L, c);
  lua_pushinteger(L, c->done);
  return 2;
}

/* [-n, +0] The n values at the top are the next results. */
static void keep(lua_State *L, struct chunk *c, int n) {
  int first = lua_gettop(L) - n + 1;
  if (!c->listed && !codec_list_append(L, first, n, &c->results)) {
    push_results(L, c);
    lua_setiuservalue(L, 1, USER_LIST);
    c->listed = true;
  }
  if (c->listed) {
    lua_getiuservalue(L, 1, USER_LIST);
    lua_insert(L, first);
    for (int i = n; i > 0; i--)
      lua_rawseti(L, first, c->done + i);
  }
  lua_settop(L, first - 1);
  c->done += n;
}

int native_put(lua_State *L) {
  struct chunk *c = check_chunk(L);
  keep(L, c, lua_gettop(L) - 1);
  lua_pushinteger(L, c->done);
  return 1;
}

enum { RUN_BATCH = 2, RUN_FUNCTION, RUN_SECONDS, RUN_ARGS = RUN_SECONDS };

int native_run(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct chunk *c = check_chunk(L);
  int64_t until_ns = lib_check_timeout(L, lib, RUN_SECONDS);
  lua_settop(L, RUN_ARGS);
  while (c->items.left >= LIST_PART && lib->b->run->now(lib->b) < until_ns) {
    lua_pushvalue(L, RUN_BATCH);
    lua_pushvalue(L, RUN_FUNCTION);
    lua_call(L, 1 + codec_list_push(L, &c->items), LIST_PART);
    keep(L, c, LIST_PART);
  }
  lua_pushinteger(L, c->done);
  return 1;
}

int native_packed(lua_State *L) {
  struct chunk *c = check_chunk(L);
  if (c->listed)
    return 0;
  lua_pushlstring(L, (const char *)c->results.data, c->results.len);
  forget(L, c);
  return 1;
}
