/* tests/fuzz/decode_seeds.c - writes the seeds of fuzz_decode, one file each: decode_seeds FOLDER */
#include "codec_state.h"

/* Each returns the values of a message, or a table whose first 80 elements are one. */
enum { LISTS = 2 }; /* the first ones */
static const char *const seeds[] = {
    "return {1, 2, -3, 'x', 2.5, true, null, [20] = 1 << 40, [21] = -1 << 20, [22] = 300}",
    "local t = {}; for i = 1, 80 do t[i] = i * i end; return t",
    "return",
    "return nil, true, false, null, 0, 127, 128, -1, math.mininteger, 0.5, 0/0, ''",
    "return 'short', ('long'):rep(100)",
    "return {1, 2, 3, x = {y = {}}, [2.5] = 'f', [true] = {1}}",
    "local t = {}; t.t, t[t] = t, t; return t, {t, t}",
    "local l; for i = 1, 50 do l = {l} end; return l",
    "local t = {}; for i = 1, 40 do t[i] = {i} end; return t",
    "return setmetatable({1}, Point), setmetatable({}, {__index = Point, __gc = math.type})",
    "local m = {}; m.__index = m; local t = {}\n"
    "for i = 1, 20 do t[i] = setmetatable({}, i % 2 == 0 and m or {}) end; return t",
    "return string, _G, string.format, next, {math.pi, math}",
    "return handle, {handle, handle}",
    "return function() end",
    "local a, b = 1, {}; local function up() a = a + 1; return b end\n"
    "local function get() return a, up, get, Point end\n"
    "return {up, get, function() return b, get end}",
    "local f = function() end; for i = 1, 20 do local g = f; f = function() return g end end; "
    "return f",
};

static bool write_file(const char *folder, size_t number, const struct buf *b) {
  char path[4096];
  snprintf(path, sizeof path, "%s/seed%02zu", folder, number);
  FILE *f = fopen(path, "wb");
  if (!f)
    return false;
  bool written = fwrite(b->data, 1, b->len, f) == b->len;
  return fclose(f) == 0 && written;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  lua_State *L = luaL_newstate();
  state_fill(L);
  state_import(L, (const uint8_t[CODEC_HANDLE_BYTES]){2});
  lua_setglobal(L, "handle");
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
    struct buf b = {0};
    if (luaL_dostring(L, seeds[i])) {
      fprintf(stderr, "%s\n", lua_tostring(L, -1));
      return 1;
    }
    if (i < LISTS)
      codec_encode_list(L, 1, 1, 80, &b);
    else
      codec_encode(L, 1, lua_gettop(L), "seed", &b);
    if (!write_file(argv[1], i, &b)) {
      perror(argv[1]);
      return 1;
    }
    lua_settop(L, 0);
    buf_release(&b);
  }
  lua_close(L);
  return 0;
}
