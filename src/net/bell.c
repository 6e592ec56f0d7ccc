/*
 * net/bell.c - sleeping until something has changed; see net.h.
 *
 * Each process that waits listens to a channel of its own, over a second connection. A bell names an object,
 * and often brings its new state, which saves a look; an empty one says that an answer is there (office.h). Bells are only hints: they may be lost with a
 * connection, so whoever sleeps looks again after a while by itself.
 */
#include <stdlib.h>

#include "net/internal.h"

static struct net_object *object_with(struct net *n, uint64_t id) {
  for (struct net_object *o = n->chains[id % CHAINS]; o; o = o->next)
    if (o->id == id)
      return o;
  return NULL;
}

/* A message: "message", the channel, the id and perhaps a state. */
static void hear(struct net *n, const struct engine_reply *r) {
  const struct engine_reply *bell = engine_at(r, 2);
  if (engine_type(bell) != ENGINE_BYTES || engine_len(bell) < 8)
    return;
  struct net_object *o = object_with(n, state_get64(engine_data(bell)));
  if (!o)
    return;
  bool brings = engine_len(bell) >= 8 + STATE_HEAD;
  bool same_server = n->bells_server == engine_epoch(n->engine) && o->seen_epoch == n->bells_server;
  if (brings && same_server && state_get64(engine_data(bell) + 16) <= o->seen.generation)
    return; /* it is known */
  if (!brings || !same_server ||
      state_read(&o->seen, engine_data(bell) + 8, engine_len(bell) - 8) || o->seen.type != o->type)
    o->seen_epoch = 0;
}

size_t bell_channel(const struct net *n, uint64_t who, uint8_t ret[ENGINE_KEY + 16]) {
  size_t len = strlen(n->prefix);
  memcpy(ret, n->prefix, len);
  memcpy(ret + len, "b:", 2);
  state_put64(ret + len + 2, who);
  return len + 10;
}

int bell_listen(struct net *n) {
  uint8_t channel[ENGINE_KEY + 16];
  struct engine_reply *r;
  int rc = engine_ensure(n->bells);
  if (rc || (n->bells_epoch && n->bells_epoch == engine_epoch(n->bells)))
    return rc;
  n->missed = n->bells_epoch != 0;
  const struct engine_arg args[] = {engine_text("SUBSCRIBE"),
                                    engine_bytes(channel, bell_channel(n, n->who, channel))};
  if ((rc = engine_ask(n->bells, 2, args, &r)))
    return rc;
  bool error = engine_type(r) == ENGINE_ERROR;
  engine_free(r);
  n->bells_epoch = error ? 0 : engine_epoch(n->bells);
  n->bells_server = engine_epoch(n->engine);
  return error ? -SBX_EENGINE : 0;
}

/* All that has come. How many bells, or a code. */
static int hear_all(struct net *n) {
  struct engine_reply *r;
  int rung = 0, rc;
  while ((rc = engine_poll(n->bells, &r)) == 1) {
    hear(n, r);
    engine_free(r);
    rung++;
  }
  if (rc == -SBX_EAGAIN) { /* it broke, and there is another one */
    n->bells_epoch = n->bells_epoch ? UINT64_MAX : 0;
    rc = bell_listen(n);
    rung = 1;
  }
  return rc ? rc : rung;
}

/* Look by itself: what was seen may be old. */
static void forget_seen(struct net *n) {
  for (int i = 0; i < CHAINS; i++)
    for (struct net_object *o = n->chains[i]; o; o = o->next)
      o->seen_epoch = 0;
}

/* How many bells were heard in all; or a code. */
static int hear_each(struct net *const *all, uint32_t count) {
  int rung = 0, rc = 0;
  for (uint32_t i = 0; i < count; i++) {
    all[i]->rung = hear_all(all[i]);
    if (all[i]->rung < 0)
      rc = net_told(all[i], all[i]->rung);
    else
      rung += all[i]->rung;
  }
  return rc ? rc : rung;
}

int bells_sleep(struct net *const *all, uint32_t count, const struct op *op, unsigned looks) {
  const struct net_below *below = net_front.below;
  int64_t until_ns = net_look_again_ns(looks);
  int fds[BELLS_MOST], rung = hear_each(all, count), rc = 0;
  for (uint32_t i = 0; i < count; i++)
    fds[i] = engine_fd(all[i]->bells);
  if (rung == 0) {
    rc = below->sleep(below->ctx, op, fds, count, until_ns);
    if (rc == 0)
      rung = hear_each(all, count);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (all[i]->rung <= 0 ||
        all[i]->missed) /* time is up, or bells were lost: what was seen may be old */
      forget_seen(all[i]);
    all[i]->missed = false;
  }
  return rc ? rc : rung < 0 ? rung : 0;
}

int bell_sleep(struct net *n, const struct op *op, unsigned looks) {
  return bells_sleep(&n, 1, op, looks);
}
