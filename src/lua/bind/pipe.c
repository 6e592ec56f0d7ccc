/* lua/bind/pipe.c - the ends of two-way pipes in Lua: send, recv, poll, close; see lib.h. */
#include <string.h>

#include "base/error.h"
#include "lua/bind/sync.h"
#include "lua/state/answer.h"
#include "lua/state/feed.h"
#include "lua/state/lib.h"

/* sandbox.pipe([{name=}]) -> a, b */
static int l_pipe(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct pipe_request pipe = {.name = sync_only_name(L, 1), .locate = lib_locate, .locate_ctx = L};
  struct handle *a = lib_push_handle(L, OBJECT_PIPE), *b = lib_push_handle(L, OBJECT_PIPE);
  int rc = op_pipe_new(lib->b, &pipe);
  if (lib_made_room(L, rc))
    rc = op_pipe_new(lib->b, &pipe);
  if (rc)
    return lib_error(L, "pipe", rc);
  a->object = pipe.ends[0];
  b->object = pipe.ends[1];
  lib_settle_handle(L, lib);
  lua_insert(L, -2);
  lib_settle_handle(L, lib);
  lua_insert(L, -2);
  return 2;
}

static int l_send(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_PIPE);
  if (lua_isnoneornil(L, 2))
    return lib_arg_error(L, 2, "nil cannot be sent: sandbox.null stands for a missing value");
  lib_encode(L, lib, 2, 1, "value");
  int rc = lib_perform_encoded(L, lib, h, OP_PIPE_SEND, SBX_FOREVER);
  if (rc == -SBX_ECLOSED)
    return luaL_error(L, "send: the pipe is closed");
  if (rc == -SBX_EGONE)
    return luaL_error(L, "send: nobody holds the other end of the pipe any more");
  if (rc)
    return lib_expected(L, "send", rc);
  lua_pushboolean(L, 1);
  return 1;
}

/* Taken, then decoded: see lib_get_item in queue.c. */
static int l_recv(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_PIPE);
  struct op_refs refs = {.taken = &h->refs};
  struct op op = {.kind = OP_PIPE_RECV,
                  .object = h->object,
                  .out = &h->item,
                  .refs = &refs,
                  .locate = lib_locate,
                  .locate_ctx = L};
  answer_check(L, lib, op.kind);
  lib_own_item(L, lib, h);
  op.deadline_ns = lib_check_timeout(L, lib, 2);
  int64_t until_ns = feed_begin(L, lib, &op.deadline_ns);
  int rc = h->item.len > 0 ? 0 : perform(lib->b, &op);
  if (rc == -SBX_ETIMEDOUT && until_ns)
    feed_give_way(L, until_ns);
  if (rc)
    return lib_expected(L, "recv", rc);
  return lib_decode_item(L, lib, h, &op);
}

/* p:poll([timeout]), by default 0 -> true; false; false, "closed" */
static int l_poll(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, 1, OBJECT_PIPE);
  struct op op = {.kind = OP_PIPE_POLL,
                  .object = h->object,
                  .deadline_ns = lua_isnoneornil(L, 2) ? 0 : lib_check_timeout(L, lib, 2),
                  .locate = lib_locate,
                  .locate_ctx = L};
  answer_check(L, lib, op.kind);
  bool taken = h->generation == lib->life.generation && h->item.len > 0; /* see queue.c */
  int rc = taken ? 0 : perform(lib->b, &op);
  if (rc && rc != -SBX_ETIMEDOUT && rc != -SBX_ECLOSED)
    return lib_expected(L, "poll", rc);
  lua_pushboolean(L, rc == 0);
  if (rc != -SBX_ECLOSED)
    return 1;
  lua_pushstring(L, error_text(rc));
  return 2;
}

static int l_close(lua_State *L) {
  return lib_perform_simply(L, OBJECT_PIPE, OP_PIPE_CLOSE, "close");
}

/* `pipe: control#7 (2 values to receive, closed)` */
static int l_tostring(lua_State *L) {
  struct lib *lib = lib_of(L);
  const struct handle *h = luaL_checkudata(L, 1, PIPE_TYPE);
  struct queue_info i;
  if (!h->object) {
    lua_pushliteral(L, "pipe: (empty handle)");
    return 1;
  }
  int rc = op_pipe_look(lib->b, h->object, &i);
  if (rc)
    return lib_error(L, "pipe", rc);
  lua_pushfstring(L, "pipe: %s#%I (%I value%s to receive%s)", i.name[0] ? i.name : "pipe",
                  (LUAI_UACINT)i.id, (LUAI_UACINT)i.len, i.len == 1 ? "" : "s",
                  i.closed ? ", closed" : "");
  return 1;
}

void lib_open_pipe(lua_State *L, int table) {
  static const luaL_Reg methods[] = {
      {"send", l_send}, {"recv", l_recv}, {"poll", l_poll}, {"close", l_close}, {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__tostring", l_tostring}, {"__close", l_close}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"pipe", l_pipe}, {NULL, NULL}};
  lib_open_type(L, table, OBJECT_PIPE, methods, meta, functions);
  lua_pop(L, 1);
}
