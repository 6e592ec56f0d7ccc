/*
 * lua/codec/codec_scalar.c - the codec's fast path: messages of one value without an identity.
 *
 * Nothing here allocates, raises or lets the collector run.
 */
#include "lua/codec/codec_internal.h"

enum { ONE_VALUE = 1, MESSAGE_HEAD = 2 };

bool codec_encode_scalar(lua_State *L, int index, struct codec_scalar *ret) {
  struct writer w = {.out = NULL, .at = ret->head, .end = ret->head + sizeof ret->head};
  ret->more = NULL;
  ret->more_len = 0;
  put_byte(&w, FORMAT_FLAT);
  put_byte(&w, ONE_VALUE);
  switch (lua_type(L, index)) {
  case LUA_TBOOLEAN:
    put_byte(&w, lua_toboolean(L, index) ? TAG_TRUE : TAG_FALSE);
    break;
  case LUA_TNUMBER:
    if (lua_isinteger(L, index))
      put_integer(&w, lua_tointegerx(L, index, NULL));
    else
      put_float(&w, lua_tonumberx(L, index, NULL));
    break;
  case LUA_TSTRING:
    ret->more = lua_tolstring(L, index, &ret->more_len);
    put_string_head(&w, ret->more_len);
    break;
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, index) != codec_null())
      return false;
    put_byte(&w, TAG_NULL);
    break;
  default:
    return false;
  }
  ret->head_len = (size_t)(w.at - ret->head);
  return true;
}

static bool push_float(lua_State *L, struct reader *r) {
  uint64_t bits;
  lua_Number v;
  if (!take_fixed(r, sizeof bits, &bits))
    return false;
  memcpy(&v, &bits, sizeof v);
  lua_pushnumber(L, v);
  return true;
}

static bool push_integer(lua_State *L, struct reader *r) {
  uint64_t v;
  if (!take_varint(r, &v))
    return false;
  lua_pushinteger(L, unzigzag(v));
  return true;
}

bool codec_decode_scalar(lua_State *L, const uint8_t *data, size_t len) {
  if (len <= MESSAGE_HEAD || data[0] != FORMAT_FLAT || data[1] != ONE_VALUE)
    return false;
  uint8_t tag = data[MESSAGE_HEAD];
  struct reader r = reader_of(data + MESSAGE_HEAD + 1, len - MESSAGE_HEAD - 1);
  bool pushed = true;
  if (tag >= TAG_SMALL)
    lua_pushinteger(L, tag - TAG_SMALL);
  else if (tag == TAG_INTEGER)
    pushed = push_integer(L, &r);
  else if (tag == TAG_FLOAT)
    pushed = push_float(L, &r);
  else if (tag == TAG_TRUE || tag == TAG_FALSE)
    lua_pushboolean(L, tag == TAG_TRUE);
  else if (tag == TAG_NULL)
    lua_pushlightuserdata(L, codec_null());
  else
    return false;
  if (pushed && reader_left(&r) == 0)
    return true;
  if (pushed)
    lua_pop(L, 1); /* malformed: codec_decode will say how */
  return false;
}

bool codec_find_string(const uint8_t *data, size_t len, const uint8_t **ret, size_t *ret_len) {
  struct reader r = reader_of(data, len);
  uint8_t format, count, tag;
  return take_byte(&r, &format) && format == FORMAT_FLAT && take_byte(&r, &count) &&
         count == ONE_VALUE && take_byte(&r, &tag) && tag == TAG_STRING &&
         take_string(&r, ret, ret_len) && reader_left(&r) == 0;
}
