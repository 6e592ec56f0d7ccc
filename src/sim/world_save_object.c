/* sim/world_save_object.c - the part of a saved world that is not processes: objects, places, hands,
 * failures; see world_save.c. */
#include <stdlib.h>

#include "sim/world_bytes.h"

/* -- objects ------------------------------------------------------------------------------------
 */

/* Numbers of items count from the first that is there, or that is not done. */
static void put_queue(struct writer *to, const struct world *w, const struct world_object *o) {
  struct queue_state q = o->queue;
  if (w->options.forgets_done && !q.redeliver)
    q.done = q.got;
  queue_canonical(&q);
  put(to, q.put);
  put(to, q.got);
  put(to, q.done);
  put(to, q.max);
  put(to, q.closed);
  put(to, q.offer);
  put(to, q.redeliver);
  put(to, o->hands.count);
  for (uint32_t k = 0; k < o->hands.count; k++)
    put(to, o->hands.list[k].who);
  put_int(to, o->transport);
  put(to, o->owner);
}

/* Numbers of items count as if those had been given up first that came first. */
static int get_item_hands(struct reader *from, struct world_object *o) {
  struct queue_hands *h = &o->hands;
  h->count = 0;
  uint64_t count = get_below(from, HANDS_MOST + 1);
  if (count && !h->list && !(h->list = calloc(HANDS_MOST, sizeof *h->list)))
    return -SBX_ENOMEM;
  for (uint64_t k = 0; k < count; k++)
    hands_add(h, &(struct queue_hand){.who = get(from), .number = o->queue.done + k + 1});
  return 0;
}

static int get_queue(struct reader *from, struct world_object *o) {
  o->queue.put = get(from);
  o->queue.got = get(from);
  o->queue.done = get(from);
  o->queue.max = get(from);
  o->queue.closed = get_below(from, 2);
  o->queue.offer = get(from);
  o->queue.redeliver = get_below(from, 2);
  int rc = get_item_hands(from, o);
  o->transport = (int)get_int(from);
  o->owner = get(from);
  return rc;
}

/* The end of a pipe that is gone is any that is gone. */
static void put_peer(struct writer *to, const struct world *w, const struct world_object *o) {
  const struct object_ref ref = {.type = OBJECT_PIPE, .slot = o->peer, .serial = o->peer_serial};
  bool there = world_find(w, &ref) != NULL;
  put(to, there ? o->peer : 0);
  put(to, there ? o->peer_serial : 0);
  put(to, o->unshared);
}

static void put_words(struct writer *to, struct world *w, uint32_t slot) {
  const struct world_object *o = &w->objects[slot];
  const struct sync_machine *m = sync_machine_of(o->type);
  struct world_view view = {.w = w, .slot = slot, .process = NOBODY};
  uint64_t words[SYNC_WORDS];
  memcpy(words, o->words, sizeof words);
  m->canonical(words, VIEW_WORLD(&view));
  uint32_t n = m->words(words);
  put(to, n);
  for (uint32_t k = 0; k < n; k++)
    put(to, words[k]);
}

static void put_object(struct writer *to, struct world *w, uint32_t slot) {
  const struct world_object *o = &w->objects[slot];
  put(to, slot);
  put(to, o->serial);
  put(to, o->type);
  put_text(to, o->name);
  if (o->type == OBJECT_QUEUE || o->type == OBJECT_PIPE)
    put_queue(to, w, o);
  if (o->type == OBJECT_PIPE)
    put_peer(to, w, o);
  else if (o->type != OBJECT_QUEUE)
    put_words(to, w, slot);
  if (o->type == OBJECT_CONDITION)
    put(to, o->lock);
  put(to, o->refs);
  put_bytes(to, o->contents.data ? o->contents.data + o->head : NULL, o->contents.len - o->head);
}

/* Words behind these mean nothing. */
static void get_words(struct reader *from, struct world_object *o) {
  uint64_t n = get_below(from, SYNC_WORDS + 1);
  for (uint64_t k = 0; k < n; k++)
    o->words[k] = get(from);
}

static void clear_slot(struct world *w, uint32_t slot) {
  w->objects[slot].serial = 0;
  w->objects[slot].refs = 0;
  w->objects[slot].contents.len = w->objects[slot].head = 0;
  w->objects[slot].hands.count = 0;
}

/* The next object; slots before its own are free. */
static int get_object(struct reader *from, struct world *w) {
  uint64_t slot = get(from);
  if (from->bad || slot < w->object_end || slot >= INT32_MAX)
    return -SBX_EDATA;
  while (w->object_end <= slot) {
    int rc = world_grow(&w->objects, &w->object_cap, w->object_end, sizeof *w->objects);
    if (rc)
      return rc;
    clear_slot(w, w->object_end++);
  }
  struct world_object *o = &w->objects[slot];
  o->serial = get(from);
  o->type = (enum object_type)get_below(from, OBJECT_TYPES);
  o->past.count = 0;
  get_text(from, o->name, sizeof o->name);
  if (o->type == OBJECT_QUEUE || o->type == OBJECT_PIPE) {
    int rc = get_queue(from, o);
    if (rc)
      return rc;
  }
  if (o->type == OBJECT_PIPE) {
    o->peer = (uint32_t)get(from);
    o->peer_serial = get(from);
    o->unshared = get_below(from, 2);
  } else if (o->type != OBJECT_QUEUE) {
    from->bad |= !sync_machine_of(o->type);
    get_words(from, o);
  }
  o->lock = o->type == OBJECT_CONDITION ? (uint32_t)get_below(from, slot + 1 + UINT16_MAX) : 0;
  o->refs = (uint32_t)get(from);
  w->stored_refs += o->refs;
  return get_buf(from, &o->contents);
}

/* -- places, hands, failures ----------------------------------------------------------------------
 */

/* 0: not in line. */
static uint64_t rank_of(const struct world *w, const struct world_place *p) {
  uint64_t rank = 1;
  if (p->ticket == 0)
    return 0;
  for (uint32_t k = 0; k < w->place_count; k++)
    rank += w->places[k].slot == p->slot && w->places[k].ticket && w->places[k].ticket < p->ticket;
  return rank;
}

static void put_places(struct writer *to, const struct world *w) {
  put(to, w->place_count);
  for (uint32_t k = 0; k < w->place_count; k++) {
    const struct world_place *p = &w->places[k];
    put(to, p->slot);
    put(to, p->process);
    put(to, (uint64_t)p->kind << 1 | p->patient);
    put(to, rank_of(w, p));
    if (p->kind == OP_CONDITION_WAIT && !p->patient)
      put_int(to, p->deadline_ns);
  }
}

static int get_places(struct reader *from, struct world *w) {
  uint64_t n = get(from);
  w->place_count = 0;
  w->last_ticket = 0;
  for (; n > 0 && !from->bad; n--) {
    int rc = world_grow(&w->places, &w->place_cap, w->place_count, sizeof *w->places);
    if (rc)
      return rc;
    struct world_place *p = &w->places[w->place_count++];
    p->slot = (uint32_t)get_below(from, w->object_end);
    p->process = (uint32_t)get_below(from, w->actor_count);
    uint64_t kind = get_below(from, OP_COUNT << 1);
    p->kind = (uint16_t)(kind >> 1);
    p->patient = kind & 1;
    p->ticket = get(from);
    p->deadline_ns = p->kind == OP_CONDITION_WAIT && !p->patient ? get_int(from) : 0;
    w->last_ticket = p->ticket > w->last_ticket ? p->ticket : w->last_ticket;
  }
  return 0;
}

static void put_hands(struct writer *to, const struct world *w) {
  put(to, w->hand_count);
  for (uint32_t k = 0; k < w->hand_count; k++) {
    const struct world_hand *h = &w->hands[k];
    put(to, h->process);
    put(to, h->count);
    put(to, h->ref.type);
    put(to, h->ref.slot);
    put(to, h->ref.serial);
  }
}

static int get_hands(struct reader *from, struct world *w) {
  uint64_t n = get(from);
  w->hand_count = 0;
  for (; n > 0 && !from->bad; n--) {
    int rc = world_grow(&w->hands, &w->hand_cap, w->hand_count, sizeof *w->hands);
    if (rc)
      return rc;
    struct world_hand *h = &w->hands[w->hand_count++];
    h->process = (uint32_t)get_below(from, w->actor_count);
    h->count = (uint32_t)get(from);
    h->ref.type = (uint32_t)get(from);
    h->ref.slot = (uint32_t)get(from);
    h->ref.serial = get(from);
  }
  return 0;
}

static void put_failures(struct writer *to, const struct world *w) {
  put(to, w->failure_count);
  for (uint32_t k = 0; k < w->failure_count; k++) {
    const struct world_failure *f = &w->failures[k];
    put(to, f->order);
    put(to, (unsigned)f->counts | (unsigned)f->joined << 1 | (unsigned)f->looked << 2);
    put_bytes(to, f->report.data, f->looked ? 0 : f->report.len);
  }
}

static int get_failures(struct reader *from, struct world *w) {
  uint64_t n = get(from);
  w->failure_count = 0;
  for (; n > 0 && !from->bad; n--) {
    int rc = world_grow(&w->failures, &w->failure_cap, w->failure_count, sizeof *w->failures);
    if (rc)
      return rc;
    struct world_failure *f = &w->failures[w->failure_count++];
    f->order = get(from);
    uint64_t flags = get(from);
    f->counts = flags & 1;
    f->joined = flags & 2;
    f->looked = flags & 4;
    if ((rc = get_buf(from, &f->report)))
      return rc;
  }
  return 0;
}

/* -- all of them --------------------------------------------------------------------------------
 */

void world_put_objects(struct writer *to, struct world *w) {
  uint32_t count = 0;
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    count += w->objects[slot].serial != 0;
  put(to, count);
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    if (w->objects[slot].serial)
      put_object(to, w, slot);
}

int world_get_objects(struct reader *from, struct world *w) {
  uint64_t n = get(from);
  int rc = 0;
  w->object_end = 0;
  for (; n > 0 && rc == 0 && !from->bad; n--)
    rc = get_object(from, w);
  for (uint32_t slot = 0; slot < w->object_end && !from->bad; slot++)
    from->bad |= w->objects[slot].serial && w->objects[slot].lock >= w->object_end;
  return rc;
}

void world_put_others(struct writer *to, const struct world *w) {
  put_places(to, w);
  put_hands(to, w);
  put_failures(to, w);
}

int world_get_others(struct reader *from, struct world *w) {
  int rc = get_places(from, w);
  if (rc == 0)
    rc = get_hands(from, w);
  return rc ? rc : get_failures(from, w);
}
