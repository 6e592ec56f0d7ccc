/*
 * lua/bind/chunk.c - a chunk of a pool's items in its worker: each item is decoded, the function called with it, and its
 * result encoded. So numbers and strings are on Lua's stack in between, and never in a table; and when an error ends a
 * call, all results before it are safe. See native.h.
 */
#include "lua/bind/native.h"
#include "lua/codec/codec.h"
#include "lua/state/lib.h"

#define CHUNK_TYPE "sandbox.chunk"

enum { KEEP_BYTES = 1 << 16 }; /* that the buffer of results keeps between two chunks */
enum { USER_BYTES = 1, USER_LIST, USER_VALUES = USER_LIST };

struct chunk {
  struct list_reader items;   /* of the string USER_BYTES */
  struct list_writer results; /* into `bytes`, unless they are in the table USER_LIST */
  struct buf bytes;
  size_t head; /* of these */
  lua_Integer done;
  bool begun, listed;
};

static struct chunk *check_chunk(lua_State *L) { return luaL_checkudata(L, 1, CHUNK_TYPE); }

/* The function that it calls can reach it, too, by the debug library. */
static void check_begun(lua_State *L, const struct chunk *c) {
  luaL_argcheck(L, c->begun, 1, "no chunk has begun");
}

static struct chunk *check_begun_chunk(lua_State *L) {
  struct chunk *c = check_chunk(L);
  check_begun(L, c);
  return c;
}

static int chunk_gc(lua_State *L) {
  buf_release(&check_chunk(L)->bytes);
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
  buf_clear(&c->bytes, KEEP_BYTES);
  for (int i = 1; i <= USER_VALUES; i++) {
    lua_pushnil(L);
    lua_setiuservalue(L, 1, i);
  }
  c->items.left = 0;
  c->done = 0;
  c->begun = c->listed = false;
}

int native_begin(lua_State *L) {
  struct chunk *c = check_chunk(L);
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  forget(L, c);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, 1, USER_BYTES);
  codec_list_open(L, &c->items, (const uint8_t *)bytes, len);
  codec_list_begin(L, &c->results, (size_t)c->items.left, &c->bytes);
  c->head = writer_used(&c->results.w);
  c->begun = true;
  lua_pushinteger(L, (lua_Integer)c->items.left);
  return 1;
}

static void push_results(lua_State *L, struct chunk *c) {
  lua_createtable(L, (int)c->done, 0);
  codec_list_end(L, &c->results);
  struct list_reader l = {.r = reader_of(c->bytes.data + c->head, c->bytes.len - c->head),
                          .left = (uint64_t)c->done};
  codec_list_place(L, &l, lua_gettop(L), 1);
}

int native_results(lua_State *L) {
  struct chunk *c = check_begun_chunk(L);
  if (c->listed)
    lua_getiuservalue(L, 1, USER_LIST);
  else
    push_results(L, c);
  lua_pushinteger(L, c->done);
  return 2;
}

/* [-1, +0] The value at the top, whose index is `at`, is the next result. */
static void keep(lua_State *L, struct chunk *c, int at) {
  if (!c->listed && !codec_list_add(L, &c->results, at)) {
    push_results(L, c);
    lua_setiuservalue(L, 1, USER_LIST);
    c->listed = true;
  }
  c->done++;
  if (c->listed) {
    lua_getiuservalue(L, 1, USER_LIST);
    lua_insert(L, at);
    lua_rawseti(L, at, c->done);
  }
  lua_settop(L, at - 1);
}

enum { RUN_FUNCTION = 2, RUN_SECONDS, RUN_ARGS = RUN_SECONDS };

/* Calls between two looks at the clock: a few at first, since each may take long. */
enum { CALLS_MOST = 64 };

int native_run(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct chunk *c = check_begun_chunk(L);
  int64_t until_ns = lib_check_timeout(L, lib, RUN_SECONDS);
  lua_settop(L, RUN_ARGS);
  for (int calls = 1; c->items.left > 0; calls = calls < CALLS_MOST ? 2 * calls : calls) {
    for (int i = 0; i < calls && c->items.left > 0; i++) {
      lua_pushvalue(L, RUN_FUNCTION);
      codec_list_push(L, &c->items);
      lua_call(L, 1, 1);
      check_begun(L, c);
      keep(L, c, RUN_ARGS + 1);
    }
    if (lib->b->run->now(lib->b) >= until_ns)
      break;
  }
  lua_pushinteger(L, c->done);
  return 1;
}

int native_packed(lua_State *L) {
  struct chunk *c = check_begun_chunk(L);
  if (c->listed)
    return 0;
  codec_list_end(L, &c->results);
  lua_pushlstring(L, (const char *)c->bytes.data, c->bytes.len);
  forget(L, c);
  return 1;
}
