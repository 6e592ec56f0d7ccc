/*
 * lua/bind/batch.c - what q:put_all and q:get_all need from C (prelude/batch.lua): many items by few ops, each run of
 * which is one commit where the backend can do that (perform_run).
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "lua/bind/native.h"
#include "lua/codec/codec.h"
#include "lua/state/answer.h"
#include "lua/state/feed.h"
#include "lua/state/lib.h"

enum {
  RUN_OPS = 256,
  RUN_BYTES = 1 << 18
}; /* of one run; so large a message alone is a run, too */

/* -- putting ---------------------------------------------------------------------------------- */

enum { PUT_QUEUE = 1, PUT_LIST, PUT_AT, PUT_TIMEOUT, PUT_ARGS = PUT_TIMEOUT };

/* Where each message of a run is. */
struct run {
  struct op ops[RUN_OPS];
  struct op_refs refs[RUN_OPS];
  size_t at[RUN_OPS + 1], flying[RUN_OPS + 1];
  uint32_t count;
};

/* protected: [item] */
static int encode_item(lua_State *L) {
  lib_encode_more(L, lib_find(L), 1, 1, "item");
  return 0;
}

/* The item at the top: its message behind the others. False: it cannot be sent, or there is no memory. */
static bool encode(lua_State *L, struct lib *lib) {
  struct buf *out = &lib->messages.out;
  struct codec_scalar s;
  size_t had = out->len, flew = lib->messages.flying.len;
  if (lua_isnil(L, -1))
    return false;
  if (codec_encode_scalar(L, lua_gettop(L), &s)) {
    if (buf_reserve(out, s.head_len + s.more_len))
      return false;
    buf_append(out, s.head, s.head_len);
    return s.more_len == 0 || buf_append(out, s.more, s.more_len) == 0;
  }
  lua_pushcfunction(L, encode_item);
  lua_pushvalue(L, -2);
  if (lib_try(L, 1, 0))
    return true;
  lua_pop(L, 1);
  out->len = had;
  lib->messages.flying.len = flew;
  return false;
}

/* Encode as many as make a run, from list[from] on. */
static void encode_run(lua_State *L, struct lib *lib, lua_Integer from, struct run *r) {
  const struct messages *m = &lib->messages;
  lib_sent(L, lib); /* what an error left */
  lib_pause(L, lib);
  r->at[0] = r->flying[0] = 0;
  for (r->count = 0; r->count < RUN_OPS && m->out.len < RUN_BYTES; r->count++) {
    lua_rawgeti(L, PUT_LIST, from + r->count);
    bool done = encode(L, lib);
    lua_settop(L, PUT_ARGS);
    if (!done)
      break;
    r->at[r->count + 1] = m->out.len;
    r->flying[r->count + 1] = m->flying.len;
  }
}

static void make_ops(lua_State *L, struct lib *lib, const struct handle *h, int64_t deadline_ns,
                     struct run *r) {
  bool brief = deadline_ns != SBX_FOREVER && deadline_ns <= lib->b->run->now(lib->b);
  for (uint32_t i = 0; i < r->count; i++) {
    r->refs[i] = lib_flying(lib, r->flying[i], r->flying[i + 1]);
    r->ops[i] = (struct op){.kind = OP_QUEUE_PUT,
                            .object = h->object,
                            .deadline_ns = deadline_ns,
                            .data = lib->messages.out.data + r->at[i],
                            .len = r->at[i + 1] - r->at[i],
                            .refs = r->refs[i].count ? &r->refs[i] : NULL,
                            .number = brief,
                            .locate = lib_locate,
                            .locate_ctx = L};
  }
}

/* Until all are put, or one cannot be. Returns the code of that one, or 0. */
static int perform_all(struct lib *lib, struct run *r, uint32_t *ret_put) {
  uint32_t done;
  int rc = 0;
  for (*ret_put = 0; rc == 0 && *ret_put < r->count; *ret_put += done) {
    struct op *first = &r->ops[*ret_put];
    done = 0;
    rc = perform_run(lib->b, first, r->count - *ret_put, &done);
    if (rc == 0 && first->count && (rc = lib_put_meet(lib, first, first->number)))
      done = 0;
  }
  return rc;
}

int native_put_run(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, PUT_QUEUE, OBJECT_QUEUE);
  int64_t deadline_ns = lib_check_timeout(L, lib, PUT_TIMEOUT);
  lua_Integer at = luaL_checkinteger(L, PUT_AT);
  struct run r;
  uint32_t put;
  lua_settop(L, PUT_ARGS);
  /* The functions of a metatable, and a debug hook, may send messages of their own; one item alone needs no run. */
  if (lua_getmetatable(L, PUT_LIST) || running_has_own_hook(lib, L) ||
      lua_rawgeti(L, PUT_LIST, at + 1) == LUA_TNIL) {
    lua_pushinteger(L, 0);
    return 1;
  }
  lua_settop(L, PUT_ARGS);
  encode_run(L, lib, at, &r);
  make_ops(L, lib, h, deadline_ns, &r);
  int rc = perform_all(lib, &r, &put);
  lib_sent(L, lib);
  if (rc == -SBX_EINTERRUPTED || (rc == -SBX_ETIMEDOUT && put == 0))
    return lib_expected(L, "put_all", rc);
  lua_pushinteger(L, put);
  return 1;
}

/* -- getting ---------------------------------------------------------------------------------- */

enum { GET_QUEUE = 1, GET_LIST, GET_MANY, GET_TIMEOUT, GET_WHICH, GET_ARGS = GET_WHICH };

/* There is a place for so many in h->rest, which is empty. False: no memory. */
static bool reserve(struct handle *h, uint32_t many) {
  if (!h->rest) {
    if (!(h->rest = memory_resize(NULL, 0, sizeof *h->rest)))
      return false;
    *h->rest = (struct rest){0};
  }
  rest_clear(h->rest);
  return buf_reserve(&h->rest->sizes, many * sizeof(struct rest_size)) == 0;
}

/* Take up to `many` items into h->rest. `next`: first what the process has in hand of the queue is given up. */
static int take_ops(lua_State *L, struct lib *lib, struct handle *h, uint32_t many,
                    int64_t deadline_ns, enum get_step step, bool next) {
  struct op ops[1 + RUN_OPS], *gets = ops + 1;
  struct op_refs refs = {.taken = &h->rest->refs};
  uint32_t done = 0;
  int rc = 0;
  if (next)
    ops[0] = lib_giving_up(L, h);
  for (uint32_t i = 0; i < many; i++)
    gets[i] = (struct op){.kind = OP_QUEUE_GET,
                          .object = h->object,
                          .deadline_ns = deadline_ns,
                          .number = i ? GET_MORE : (int)step,
                          .out = &h->rest->bytes,
                          .refs = &refs,
                          .locate = lib_locate,
                          .locate_ctx = L};
  if (next && (rc = perform_run(lib->b, ops, 1 + many, &done)))
    return rc;
  done -= next;
  if (done == 0)
    rc = perform_run(lib->b, gets, many, &done);
  for (uint32_t i = 0; i < done; i++) {
    const struct rest_size size = {gets[i].len, (size_t)gets[i].count};
    buf_append(&h->rest->sizes, &size, sizeof size);
  }
  return rc;
}

/* The same; `first`: of this call. Then what the process still has in hand of the queue is given up. Else -SBX_EHAND
 * says that something older has come back, which is not of this batch. */
static int take_several(lua_State *L, struct lib *lib, struct handle *h, uint32_t many,
                        int64_t deadline_ns, bool first) {
  if (!first)
    return take_ops(L, lib, h, many, deadline_ns, GET_MORE, false);
  int rc = h->redeliver ? -SBX_EHAND : take_ops(L, lib, h, many, deadline_ns, GET_ITEM, false);
  return rc == -SBX_EHAND ? take_ops(L, lib, h, many, deadline_ns, GET_ITEM, true) : rc;
}

/* protected: [queue, which, deadline] -> a value of the item in its handle; if it cannot be had until then, the item
 * stays there */
static int decode_item(lua_State *L) {
  struct lib *lib = lib_find(L);
  struct handle *h = lib_check_handle_of(L, lib, 1, OBJECT_QUEUE);
  int which = (int)lua_tointeger(L, 2);
  const struct op op = {
      .kind = OP_QUEUE_GET, .object = h->object, .deadline_ns = lua_tointeger(L, 3)};
  lib_decode_item(L, lib, h, &op);
  lua_settop(L, 3 + which);
  return 1;
}

/* The items are being appended to a list. */
struct getting {
  struct handle *h;
  int which;               /* value of each item */
  lua_Integer count, most; /* how many the list has, and is to have */
  int64_t deadline_ns;     /* of the first; the others are not waited for */
};

/* Push the next item. False: it cannot be decoded now, and is told of by the next get. An error of the first is raised. */
static bool push_next(lua_State *L, const struct getting *g) {
  struct handle *h = g->h;
  struct rest *r = h->rest;
  if (h->item.len == 0) {
    struct rest_size size;
    memcpy(&size, r->sizes.data + r->sizes_at, sizeof size);
    if (g->which == 1 && codec_decode_scalar(L, r->bytes.data + r->bytes_at, size.bytes)) {
      r->bytes_at += size.bytes;
      r->sizes_at += sizeof size;
      return true;
    }
    lib_next_item(L, h);
  }
  lua_pushcfunction(L, decode_item);
  lua_pushvalue(L, GET_QUEUE);
  lua_pushinteger(L, g->which);
  lua_pushinteger(L, g->count ? 0 : g->deadline_ns);
  bool done = true;
  if (g->count == 0)
    lua_call(L, 3, 1);
  else
    done = lib_try(L, 3, 1);
  if (done && h->item.len == 0)
    return true;
  lua_pop(L, 1);
  return false;
}

/* Append what has been taken, until the list has as many as it is to have. False: it cannot go on. */
static bool append(lua_State *L, struct getting *g) {
  while (g->count < g->most && (g->h->item.len > 0 || !rest_is_empty(g->h->rest))) {
    if (!push_next(L, g))
      return false;
    lua_rawseti(L, GET_LIST, ++g->count);
  }
  return true;
}

int native_get_run(lua_State *L) {
  struct lib *lib = lib_of(L);
  struct handle *h = lib_check_handle(L, GET_QUEUE, OBJECT_QUEUE);
  struct getting g = {.h = h,
                      .which = (int)luaL_optinteger(L, GET_WHICH, 1),
                      .most = luaL_checkinteger(L, GET_MANY),
                      .deadline_ns = lib_check_timeout(L, lib, GET_TIMEOUT)};
  lua_settop(L, GET_ARGS);
  if (lib->questions.answering)
    answer_check(L, lib, OP_QUEUE_GET);
  lib_own_item(L, lib, h);
  while (append(L, &g) && g.count < g.most) {
    uint32_t many = g.most - g.count < RUN_OPS ? (uint32_t)(g.most - g.count) : RUN_OPS;
    int64_t poll_ns = 0, *until_ns = g.count ? &poll_ns : &g.deadline_ns;
    int64_t gives_way_ns = feed_begin(L, lib, until_ns);
    int rc =
        reserve(h, many) ? take_several(L, lib, h, many, *until_ns, g.count == 0) : -SBX_ENOMEM;
    if (rc == -SBX_ETIMEDOUT && gives_way_ns && g.count == 0)
      feed_give_way(L, gives_way_ns);
    if (rc && (g.count == 0 || rc == -SBX_EINTERRUPTED))
      return lib_expected(L, "get_all", rc);
    if (rc)
      break;
  }
  if (g.count == 0)
    return lib_expected(L, "get_all", -SBX_ETIMEDOUT);
  lua_pushinteger(L, g.count);
  return 1;
}
