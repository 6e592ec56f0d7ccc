/* lua/codec/keys.c - see keys.h. */
#include "lua/codec/keys.h"

#include <string.h>

/* A number, since all of its bytes are the same each time: of a nil, some are what was there before. */
void keys_forget(lua_State *L, struct keys *k, int table) {
  memset(k, 0, sizeof *k);
  for (lua_Integer i = 1; i <= KEYS_PLACES; i++) {
    lua_pushinteger(L, 0);
    lua_rawseti(L, table, i);
  }
}

void keys_open(lua_State *L, struct keys *k) {
  lua_createtable(L, KEYS_PLACES, 0);
  keys_forget(L, k, lua_gettop(L));
}

/* The string is made first: a finalizer that runs then may come here, too. */
void keys_push_new(lua_State *L, struct keys *k, int table, const char *s, const struct key *key) {
  unsigned bit, place = key_place(key, &bit);
  lua_pushlstring(L, s, (size_t)key->len - 1);
  if (k->at[place].len)
    place += k->at[place + 1].len ? bit : 1;
  lua_pushvalue(L, -1);
  lua_rawseti(L, table, (lua_Integer)place + 1); /* in the table's array: allocates nothing */
  k->at[place] = *key;
}
