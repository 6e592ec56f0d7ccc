/*
 * lua/bind/mail.c - what prelude/mail.lua needs from C: mailboxes, messages, processes by name.
 */
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "lua/bind/native.h"
#include "lua/state/lib.h"

int native_mailbox(lua_State *L) {
  struct lib *lib = lib_of(L);
  if (luaL_testudata(L, 1, PROCESS_TYPE) && lib_push_request(L, 1)) {
    lua_pushboolean(L, 0);
    return 1;
  }
  struct op op = {.kind = OP_PROCESS_MAIL,
                  .object = lib_check_handle(L, 1, OBJECT_PROCESS)->object,
                  .deadline_ns = SBX_FOREVER,
                  .locate = lib_locate,
                  .locate_ctx = L};
  struct handle *box = lib_push_handle(L, OBJECT_QUEUE);
  struct object *process = op.object;
  int rc = perform(lib->b, &op);
  if (lib_made_room(L, rc)) {
    op.object = process;
    rc = perform(lib->b, &op);
  }
  if (rc == -SBX_EGONE)
    return 0;
  if (rc)
    return lib_expected(L, "mailbox", rc);
  box->object = op.object;
  lib_settle_handle(L, lib);
  return 1;
}

int native_post(lua_State *L) {
  struct lib *lib = lib_of(L);
  const struct handle *box = lib_check_handle(L, 1, OBJECT_QUEUE);
  lib_encode(L, lib, 2, lua_gettop(L) - 1, "message");
  int rc = lib_perform_encoded(L, lib, box, OP_QUEUE_PUT, SBX_FOREVER);
  if (rc && rc != -SBX_ECLOSED)
    return lib_expected(L, "send", rc);
  lua_pushboolean(L, rc == 0);
  return 1;
}

int native_receive(lua_State *L) {
  struct lib *lib = lib_of(L);
  return lib_get_item(L, lib, lib_check_timeout(L, lib, 2), GET_MESSAGE);
}

int native_find(lua_State *L) {
  struct lib *lib = lib_of(L);
  lua_settop(L, 2);
  lua_pushvalue(L, 1);
  char name[NAME_MAX_BYTES];
  text_copy_name(name, sizeof name, lib_check_name(L, 1)); /* as names of processes are cut */
  struct op op = {.kind = OP_PROCESS_FIND,
                  .deadline_ns = lib_check_timeout(L, lib, 2),
                  .data = name,
                  .len = strlen(name),
                  .locate = lib_locate,
                  .locate_ctx = L};
  answer_check(L, lib, op.kind);
  struct handle *h = lib_push_handle(L, OBJECT_PROCESS);
  int rc = perform(lib->b, &op);
  if (rc)
    return lib_expected(L, "find", rc);
  h->object = op.object;
  lib_settle_handle(L, lib);
  return 1;
}
