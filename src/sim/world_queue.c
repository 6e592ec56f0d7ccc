/*
 * sim/world_queue.c - queues and pipes; see object/queue.h, object/pipe.h.
 *
 * The items of a queue stand one behind the other, from `head` on: the length of the message, the
 * number of handles, the handles, the message. An end of a pipe has the queue from which it receives.
 */
#include <stdlib.h>

#include "object/pipe.h"
#include "sim/world_internal.h"

enum { HEAD_LEAST = 4096 }; /* so many taken bytes are not worth a move */

struct item {
  uint64_t len; /* of the message */
  uint32_t refs;
  const uint8_t *at; /* the handles, then the message */
  size_t size;       /* with its head */
};
enum { ITEM_HEAD = sizeof(uint64_t) + sizeof(uint32_t) };

/* The item at a position; false: there are no more. */
static bool item_at(const struct world_object *o, size_t at, struct item *ret) {
  if (at >= o->contents.len)
    return false;
  const uint8_t *from = o->contents.data + at;
  memcpy(&ret->len, from, sizeof ret->len);
  memcpy(&ret->refs, from + sizeof ret->len, sizeof ret->refs);
  ret->at = from + ITEM_HEAD;
  ret->size = (size_t)(ITEM_HEAD + ret->refs * sizeof(struct object_ref) + ret->len);
  return true;
}

static int append_item(struct world *w, struct world_object *o, const struct request *r) {
  const uint64_t len = r->len;
  struct buf *c = &o->contents;
  int rc = buf_append(c, &len, sizeof len);
  if (rc == 0)
    rc = buf_append(c, &r->ref_count, sizeof r->ref_count);
  if (rc == 0)
    rc = buf_append(c, r->refs, r->ref_count * sizeof *r->refs);
  if (rc == 0)
    rc = buf_append(c, r->data, r->len);
  o->refs += r->ref_count;
  w->stored_refs += r->ref_count;
  world_share(w, r->refs, r->ref_count);
  return rc;
}

/* Append an item's message to the answer; its handles come into the process's hands. */
static int tell_item(struct world *w, uint32_t i, const struct item *item, struct answer *a) {
  int rc = buf_append(&a->out, item->at + item->refs * sizeof(struct object_ref), item->len);
  return rc ? rc : world_take_refs(w, i, item->at, item->refs, a);
}

/* The item after so many; or that at the end of those that there are. */
static bool nth_item(const struct world_object *o, uint32_t before, size_t *ret_at,
                     struct item *ret) {
  *ret_at = o->head;
  while (item_at(o, *ret_at, ret) && before-- > 0)
    *ret_at += ret->size;
  return *ret_at < o->contents.len;
}

static int take_item(struct world *w, uint32_t i, struct world_object *o, const struct request *r,
                     struct answer *a) {
  struct item item;
  int rc = 0;
  if (!item_at(o, o->head, &item))
    return 0;
  a->has_out = r->wants_out;
  if (r->wants_out)
    rc = tell_item(w, i, &item, a);
  world_count_refs(w, o, o->refs - item.refs);
  o->head += item.size;
  if (o->head == o->contents.len) {
    o->head = o->contents.len = 0;
  } else if (o->head >= HEAD_LEAST && o->head >= o->contents.len / 2) {
    o->contents.len -= o->head;
    memmove(o->contents.data, o->contents.data + o->head, o->contents.len);
    o->head = 0;
  }
  return rc;
}

void world_queue_each_ref(const struct world_object *o,
                          void (*visit)(void *ctx, const struct object_ref *ref), void *ctx) {
  struct item item;
  for (size_t at = o->head; item_at(o, at, &item); at += item.size)
    world_visit_refs(item.at, item.refs, visit, ctx);
}

/* -- queues -------------------------------------------------------------------------------------
 */

int world_queue_new(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t slot;
  int rc = world_make(w, i, OBJECT_QUEUE, r->name, &slot);
  if (rc)
    return rc;
  w->objects[slot].queue.max = r->max;
  w->objects[slot].queue.redeliver = r->redeliver;
  w->objects[slot].transport = queue_meets(r->max) ? TRANSPORT_SHM : r->transport;
  w->objects[slot].owner = 0;
  a->made = world_ref(w, slot);
  return 0;
}

/* Other processes that wait in get, and can act. */
static uint64_t readers_of(const struct world *w, uint32_t i, uint32_t slot) {
  uint64_t n = 0;
  for (uint32_t k = 0; k < w->place_count; k++) {
    const struct world_place *p = &w->places[k];
    n += p->slot == slot && p->kind == OP_QUEUE_GET && p->ticket && p->process != i &&
         !w->actors[p->process].stopped;
  }
  return n;
}

static struct queue_ask ask_of(const struct world *w, uint32_t i, const struct request *r) {
  struct queue_ask ask = {.kind = r->kind,
                          .number = r->number,
                          .who = world_who(i),
                          .readers = readers_of(w, i, r->object.slot)};
  hands_tell(&w->objects[r->object.slot].hands, &ask);
  return ask;
}

bool world_queue_must_join(struct world *w, uint32_t i, const struct request *r) {
  const struct world_place *p = world_place_of(w, r->object.slot, i);
  return r->kind == OP_QUEUE_GET && queue_meets(w->objects[r->object.slot].queue.max) &&
         (!p || !p->ticket);
}

static bool enabled(struct world *w, uint32_t i, const struct request *r) {
  const struct queue_state *s = &w->objects[r->object.slot].queue;
  const struct queue_ask ask = ask_of(w, i, r);
  return queue_ask_enabled(s, &ask);
}

enum world_can world_queue_can(struct world *w, uint32_t i, const struct request *r) {
  bool joins = !deadline_is_over(w, r->deadline_ns) && world_queue_must_join(w, i, r);
  return world_if(w, r, enabled(w, i, r) || joins);
}

/* -- redeliver -------------------------------------------------------------------------------------
 */

/* The oldest that can be had: it stays with the queue, in the hands of the process. */
static int take_in_hand(struct world *w, uint32_t i, struct world_object *o,
                        const struct request *r, struct answer *a) {
  struct queue_hands *h = &o->hands;
  uint32_t place = hands_first(h, 0);
  struct item item;
  size_t at;
  if (!h->list && !(h->list = calloc(HANDS_MOST, sizeof *h->list)))
    return -SBX_ENOMEM;
  a->abandoned = place < h->count;
  if (a->abandoned)
    hands_take(h, world_who(i));
  else
    hands_add(h, &(struct queue_hand){.who = world_who(i), .number = o->queue.done + h->count + 1});
  a->item = h->list[place].number;
  if (!nth_item(o, place, &at, &item))
    return 0;
  a->has_out = r->wants_out;
  return r->wants_out ? tell_item(w, i, &item, a) : 0;
}

/* The oldest that the process has in hand leave the queue. */
static void give_up(struct world *w, uint32_t i, struct world_object *o, uint32_t count) {
  struct item item;
  size_t at;
  for (; count > 0; count--) {
    uint32_t place = hands_first(&o->hands, world_who(i));
    if (nth_item(o, place, &at, &item)) {
      world_count_refs(w, o, o->refs - item.refs);
      o->contents.len -= item.size;
      memmove(o->contents.data + at, o->contents.data + at + item.size, o->contents.len - at);
    }
    hands_remove(&o->hands, place);
  }
}

void world_queue_leave(struct world *w, uint32_t i, bool well) {
  for (uint32_t slot = 0; slot < w->object_end; slot++) {
    struct world_object *o = &w->objects[slot];
    if (o->serial == 0 || o->type != OBJECT_QUEUE || !o->queue.redeliver)
      continue;
    uint32_t mine = hands_of(&o->hands, world_who(i));
    if (well) {
      o->queue.done += mine;
      give_up(w, i, o, mine);
    } else {
      queue_came_back(&o->queue, hands_return(&o->hands, world_who(i)));
    }
  }
}

bool world_has_in_hand(const struct world *w, uint32_t i) {
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    if (w->objects[slot].serial && hands_of(&w->objects[slot].hands, world_who(i)))
      return true;
  return false;
}

/* -- any queue -------------------------------------------------------------------------------------
 */

/* The item on offer is thrown away. */
static int withdraw(struct world *w, uint32_t i, struct world_object *o) {
  struct answer none = {0};
  return take_item(w, i, o, &(struct request){.kind = OP_QUEUE_MEET}, &none);
}

static int meet(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_object *o = &w->objects[r->object.slot];
  const struct queue_ask ask = ask_of(w, i, r);
  a->rc = queue_ask_apply(&o->queue, &ask);
  return a->rc ? withdraw(w, i, o) : 0;
}

int world_queue_give_up(struct world *w, uint32_t i, const struct request *r, int rc,
                        struct answer *a) {
  int failed = meet(w, i, r, a);
  a->rc = rc;
  return failed;
}

int world_queue_do(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_object *o = &w->objects[r->object.slot];
  if (r->kind == OP_QUEUE_MEET)
    return meet(w, i, r, a);
  if (!enabled(w, i, r)) { /* a reader joins the line: a step of its own */
    struct world_view view = {.w = w, .slot = r->object.slot, .process = i, .kind = OP_QUEUE_GET};
    return world_view_ops.enter(&view) ? WORLD_GOES_ON : -SBX_ENOMEM;
  }
  const struct queue_ask ask = ask_of(w, i, r);
  a->rc = queue_ask_apply(&o->queue, &ask);
  if (a->rc)
    return 0;
  switch (r->kind) {
  case OP_QUEUE_PUT:
    a->item = o->queue.put;
    a->count = queue_meets(o->queue.max);
    return append_item(w, o, r);
  case OP_QUEUE_GET:
    if (o->queue.redeliver)
      return take_in_hand(w, i, o, r, a);
    a->item = o->queue.got;
    return take_item(w, i, o, r, a);
  case OP_QUEUE_TASK_DONE:
    if (o->queue.redeliver)
      give_up(w, i, o, ask.number == QUEUE_DONE_ALL ? (uint32_t)ask.mine : 1);
    return 0;
  default:
    return 0;
  }
}

/* Nothing is ever lent here. */
int world_queue_take(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)w;
  (void)i;
  (void)r;
  a->rc = -SBX_EAGAIN;
  return 0;
}

static bool is_in_hand(const struct world_object *o, uint32_t place) {
  return place < o->hands.count && o->hands.list[place].who;
}

/* The oldest items, each behind its length. */
static int peek_many(struct world *w, uint32_t i, const struct world_object *o, int most,
                     struct answer *a) {
  struct item item;
  int rc = 0;
  uint32_t place = 0;
  for (size_t at = o->head; most > 0 && rc == 0 && item_at(o, at, &item); at += item.size) {
    if (is_in_hand(o, place++))
      continue;
    most--;
    rc = buf_append(&a->out, &item.len, sizeof item.len);
    if (rc == 0)
      rc = tell_item(w, i, &item, a);
  }
  return rc;
}

int world_queue_peek(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_object *o = &w->objects[r->object.slot];
  struct item item;
  size_t at;
  a->rc = queue_apply(&o->queue, OP_QUEUE_PEEK);
  if (a->rc)
    return 0;
  a->has_out = true;
  if (r->number > 0)
    return peek_many(w, i, o, r->number, a);
  return nth_item(o, hands_first(&o->hands, 0), &at, &item) ? tell_item(w, i, &item, a) : 0;
}

int world_queue_look(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  const struct world_object *o = &w->objects[r->object.slot];
  (void)i;
  a->queue = (struct queue_info){.id = o->serial,
                                 .len = queue_meets(o->queue.max) ? 0 : queue_len(&o->queue),
                                 .max = o->queue.max,
                                 .transport = (enum queue_transport)o->transport,
                                 .closed = o->queue.closed,
                                 .redeliver = o->queue.redeliver,
                                 .in_hand = queue_in_hand(&o->queue)};
  memcpy(a->queue.name, o->name, sizeof a->queue.name);
  return 0;
}

/* -- pipes --------------------------------------------------------------------------------------
 */

/* Two queues are made before the ends, as the other backends count them. */
int world_pipe_new(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t ends[2];
  w->last_serial += 2;
  int rc = world_make(w, i, OBJECT_PIPE, r->name, &ends[0]);
  if (rc == 0)
    rc = world_make(w, i, OBJECT_PIPE, r->name, &ends[1]);
  if (rc)
    return rc;
  for (int k = 0; k < 2; k++) {
    struct world_object *o = &w->objects[ends[k]];
    o->peer = ends[1 - k];
    o->peer_serial = w->objects[ends[1 - k]].serial;
    o->unshared = true;
  }
  a->made = world_ref(w, ends[0]);
  a->made_too = world_ref(w, ends[1]);
  return 0;
}

static struct world_object *peer_of(const struct world *w, const struct world_object *end) {
  const struct object_ref ref = {
      .type = OBJECT_PIPE, .slot = end->peer, .serial = end->peer_serial};
  return world_find(w, &ref);
}

/* Does a process other than `but` have the other end, or could it receive it? */
static bool peer_is_held(struct world *w, const struct world_object *end, uint32_t but) {
  if (!peer_of(w, end))
    return false;
  for (uint32_t i = 0; i < w->actor_count; i++)
    if (i != but && w->actors[i].state.phase == PHASE_RUNNING && world_holds(w, i, end->peer))
      return true;
  return world_is_stored(w, end->peer);
}

/* Could anybody still send to this end? A process that has both ends, and never gave one away, is
 * on its own: it waits for itself. */
static bool peer_is_there(struct world *w, uint32_t i, const struct world_object *end) {
  const struct world_object *peer = peer_of(w, end);
  if (peer && peer->unshared && world_holds(w, i, end->peer))
    return true;
  return peer_is_held(w, end, i);
}

enum world_can world_pipe_can(struct world *w, uint32_t i, const struct request *r) {
  struct world_object *end = &w->objects[r->object.slot];
  bool ready = pipe_enabled(r->kind, &end->queue, true);
  return world_if(w, r, ready || !peer_is_there(w, i, end));
}

int world_pipe_send(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_object *end = &w->objects[r->object.slot], *peer = peer_of(w, end);
  struct queue_state nobodys = {.closed = end->queue.closed};
  (void)i;
  bool heard = nobodys.closed || peer_is_held(w, end, NOBODY);
  a->rc = pipe_apply(OP_PIPE_SEND, &end->queue, peer ? &peer->queue : &nobodys, heard);
  if (a->rc || !peer)
    return 0;
  a->item = peer->queue.put;
  return append_item(w, peer, r);
}

int world_pipe_recv(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_object *end = &w->objects[r->object.slot];
  struct queue_state out = {0}, in = end->queue;
  in.closed = 1; /* it is enabled: what is not there will not come */
  a->rc = pipe_apply(r->kind, &in, &out, true);
  if (a->rc || r->kind != OP_PIPE_RECV)
    return 0;
  a->item = ++end->queue.got;
  return take_item(w, i, end, r, a);
}

int world_pipe_close(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_object *end = &w->objects[r->object.slot], *peer = peer_of(w, end);
  struct queue_state out = {0};
  (void)i;
  a->rc = pipe_apply(OP_PIPE_CLOSE, &end->queue, &out, true);
  if (peer)
    peer->queue.closed = 1;
  return 0;
}

int world_pipe_look(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  return world_queue_look(w, i, r, a);
}
