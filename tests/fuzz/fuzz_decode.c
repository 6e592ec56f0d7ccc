/*
 * tests/fuzz/fuzz_decode.c - codec_decode and codec_decode_list under libFuzzer.
 *
 * Of any bytes it must make values or an error, in memory proportional to them; and values that it
 * made can be sent again.
 */
#include "codec_state.h"
#include "wire/wire.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_PER_BYTE = 64, BYTES_AT_LEAST = 1 << 16 };

static size_t used, peak;

static void *counting_alloc(void *ud, void *p, size_t old, size_t new) {
  (void)ud;
  if (!p)
    old = 0;
  if (new == 0) {
    free(p);
    used -= old;
    return NULL;
  }
  void *q = realloc(p, new);
  if (!q)
    return NULL;
  used = used - old + new;
  if (used > peak)
    peak = used;
  return q;
}

static lua_State *L;

static void require_that(bool condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "fuzz_decode: %s: %s\n", what, lua_tostring(L, -1));
  abort();
}

static int l_buf_gc(lua_State *l) {
  buf_release(lua_touserdata(l, 1));
  return 0;
}

static bool is_list(const uint8_t *data, size_t len) { return len > 0 && data[0] == FORMAT_LIST; }

/* [table, count] Element by element the same comes out. */
static void step(lua_State *l, const uint8_t *data, size_t len) {
  struct list_reader r;
  lua_Integer n = 0;
  codec_list_open(l, &r, data, len);
  while (r.left > 0) {
    codec_list_push(l, &r);
    require_that(lua_type(l, -1) == lua_rawgeti(l, 1, ++n), "a value of another type");
    lua_pop(l, 2);
  }
  require_that(n == lua_tointeger(l, 2), "another count");
}

/* [bytes, len] -> values; of a list: table, count */
static int decode(lua_State *l) {
  const uint8_t *data = lua_touserdata(l, 1);
  size_t len = (size_t)lua_tointeger(l, 2);
  lua_settop(l, 0);
  if (is_list(data, len)) {
    lua_newtable(l);
    lua_pushinteger(l, codec_decode_list(l, data, len, 1, 1));
    require_that(lua_gettop(l) == 2, "something was left on the stack");
    step(l, data, len);
    return 2;
  }
  int n = codec_decode(l, data, len);
  require_that(n == lua_gettop(l), "values are missing");
  return n;
}

/* [values] -> []: there and back once more. */
static int again(lua_State *l) {
  int count = lua_gettop(l);
  luaL_checkstack(l, 4, NULL);
  struct buf *b = lua_newuserdatauv(l, sizeof *b, 0);
  *b = (struct buf){0};
  luaL_setmetatable(l, "buf");
  codec_encode(l, 1, count, "value", b);
  uint8_t *exact = lua_newuserdatauv(l, b->len, 0); /* so that reading beyond the end is seen */
  memcpy(exact, b->data, b->len);
  require_that(codec_decode(l, exact, b->len) == count, "the count changed");
  return 0;
}

/* [table, count] -> []: the same for a list. */
static int list_again(lua_State *l) {
  int count = (int)lua_tointeger(l, 2);
  struct buf *b = lua_newuserdatauv(l, sizeof *b, 0);
  *b = (struct buf){0};
  luaL_setmetatable(l, "buf");
  require_that(codec_encode_list(l, 1, 1, (size_t)count, b), "it is no list any more");
  lua_createtable(l, count, 0);
  require_that(codec_decode_list(l, b->data, b->len, 4, 1) == count, "the count changed");
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(l, 1, i);
    lua_rawgeti(l, 4, i);
    bool nan = lua_type(l, -1) == LUA_TNUMBER && lua_tonumber(l, -1) != lua_tonumber(l, -1);
    require_that(nan || lua_rawequal(l, -1, -2), "a value changed");
    lua_pop(l, 2);
  }
  return 0;
}

static void decode_bytes(const uint8_t *data, size_t size) {
  size_t before = peak = used;
  lua_pushcfunction(L, decode);
  lua_pushlightuserdata(L, (void *)(uintptr_t)data);
  lua_pushinteger(L, (lua_Integer)size);
  int status = lua_pcall(L, 2, LUA_MULTRET, 0);
  require_that(peak - before <= BYTES_PER_BYTE * size + BYTES_AT_LEAST, "too much memory");
  if (status) {
    require_that(lua_type(L, -1) == LUA_TSTRING, "an error without a text");
    return;
  }
  require_that(lua_checkstack(L, 4), "the stack is full");
  lua_pushcfunction(L, is_list(data, size) ? list_again : again);
  lua_insert(L, 1);
  require_that(!lua_pcall(L, lua_gettop(L) - 1, 0, 0), "cannot be sent again");
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  L = lua_newstate(counting_alloc, NULL);
  state_fill(L);
  luaL_newmetatable(L, "buf");
  lua_pushcfunction(L, l_buf_gc);
  lua_setfield(L, -2, "__gc");
  lua_settop(L, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  decode_bytes(data, size);
  lua_settop(L, 0);
  lua_gc(L, LUA_GCCOLLECT);
  return 0;
}
