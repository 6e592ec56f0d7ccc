/* sim/world_object.c - objects, the handles of processes, and what is out of reach; see
 * world_internal.h. */
#include <stdlib.h>

#include "base/text.h"
#include "sim/world_internal.h"

/* -- memory -------------------------------------------------------------------------------------
 */

int world_grow(void *array, uint32_t *cap, uint32_t count, size_t size) {
  void **at = array;
  if (count < *cap)
    return 0;
  uint32_t more = *cap ? 2 * *cap : 8;
  uint8_t *grown = realloc(*at, more * size);
  if (!grown)
    return -SBX_ENOMEM;
  memset(grown + *cap * size, 0, (more - *cap) * size);
  *at = grown;
  *cap = more;
  return 0;
}

static int grow_grid(struct world_grid *g, uint32_t rows, uint32_t columns) {
  if (rows <= g->rows && columns <= g->columns)
    return 0;
  uint32_t *cells = calloc((size_t)rows * columns, sizeof *cells);
  if (!cells)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < g->rows; i++)
    memcpy(cells + (size_t)i * columns, g->cells + (size_t)i * g->columns,
           g->columns * sizeof *cells);
  free(g->cells);
  *g = (struct world_grid){cells, rows, columns};
  return 0;
}

int world_grow_grids(struct world *w) {
  int rc = grow_grid(&w->held, w->actor_cap, w->object_cap);
  return rc ? rc : grow_grid(&w->known, w->actor_cap, w->actor_cap);
}

static uint32_t *cell(const struct world_grid *g, uint32_t row, uint32_t column) {
  return &g->cells[(size_t)row * g->columns + column];
}

/* -- making and finding -------------------------------------------------------------------------
 */

static uint32_t free_slot(const struct world *w) {
  uint32_t slot = 0;
  while (slot < w->object_end && w->objects[slot].serial)
    slot++;
  return slot;
}

int world_make(struct world *w, uint32_t i, enum object_type type, const char *name,
               uint32_t *ret_slot) {
  uint32_t slot = free_slot(w);
  int rc = world_grow(&w->objects, &w->object_cap, slot, sizeof *w->objects);
  if (rc == 0)
    rc = world_grow_grids(w);
  if (rc)
    return rc;
  struct world_object *o = &w->objects[slot];
  struct buf contents = o->contents;
  struct queue_hand *hands = o->hands.list;
  *o = (struct world_object){.serial = ++w->last_serial, .type = type, .hands.list = hands};
  o->contents = contents;
  o->contents.len = 0;
  if (name)
    text_copy_name(o->name, sizeof o->name, name);
  if (slot == w->object_end)
    w->object_end++;
  *cell(&w->held, i, slot) = 1;
  *ret_slot = slot;
  return 0;
}

struct world_object *world_find(const struct world *w, const struct object_ref *ref) {
  if (ref->slot >= w->object_end || ref->serial == 0)
    return NULL;
  struct world_object *o = &w->objects[ref->slot];
  return o->serial == ref->serial && o->type == (enum object_type)ref->type ? o : NULL;
}

struct object_ref world_ref(const struct world *w, uint32_t slot) {
  const struct world_object *o = &w->objects[slot];
  return (struct object_ref){.type = o->type, .slot = slot, .serial = o->serial};
}

struct object_ref world_actor_ref(uint32_t i) {
  return (struct object_ref){.type = OBJECT_PROCESS, .slot = i, .serial = (uint64_t)i + 1};
}

uint32_t world_actor_of(const struct world *w, const struct object_ref *ref) {
  bool is = ref->type == OBJECT_PROCESS && ref->slot < w->actor_count &&
            ref->serial == (uint64_t)ref->slot + 1;
  return is ? ref->slot : NOBODY;
}

/* -- handles ------------------------------------------------------------------------------------
 */

/* Where the handles of a process are counted; NULL: there is no such object. */
static uint32_t *handles(const struct world *w, uint32_t i, const struct object_ref *ref) {
  if (ref->type == OBJECT_PROCESS) {
    uint32_t target = world_actor_of(w, ref);
    return target == NOBODY ? NULL : cell(&w->known, i, target);
  }
  return world_find(w, ref) ? cell(&w->held, i, ref->slot) : NULL;
}

/* A condition's lock is held with it. */
static uint32_t *lock_handles(const struct world *w, uint32_t i, const struct object_ref *ref) {
  return ref->type == OBJECT_CONDITION ? cell(&w->held, i, w->objects[ref->slot].lock) : NULL;
}

void world_hold(struct world *w, uint32_t i, const struct object_ref *ref) {
  uint32_t *n = handles(w, i, ref);
  if (!n)
    return;
  ++*n;
  uint32_t *lock = lock_handles(w, i, ref);
  if (lock)
    ++*lock;
}

static void one_less(struct world *w, uint32_t *n) {
  if (*n > 0 && --*n == 0)
    w->lost = true;
}

void world_drop(struct world *w, uint32_t i, const struct object_ref *ref) {
  uint32_t *n = handles(w, i, ref);
  if (!n || *n == 0)
    return;
  uint32_t *lock = lock_handles(w, i, ref);
  one_less(w, n);
  if (lock)
    one_less(w, lock);
}

static bool same_ref(const struct object_ref *a, const struct object_ref *b) {
  return a->type == b->type && a->slot == b->slot && a->serial == b->serial;
}

bool world_holds(const struct world *w, uint32_t i, uint32_t slot) {
  if (*cell(&w->held, i, slot))
    return true;
  const struct object_ref ref = world_ref(w, slot);
  for (uint32_t k = 0; k < w->hand_count; k++)
    if (w->hands[k].process == i && same_ref(&w->hands[k].ref, &ref))
      return true;
  return false;
}

/* -- hands --------------------------------------------------------------------------------------
 */

/* In the order of processes and references, so that equal hands are written equally. */
static int compare_hands(const struct world_hand *a, uint32_t i, const struct object_ref *ref) {
  const uint64_t x[4] = {a->process, a->ref.type, a->ref.slot, a->ref.serial};
  const uint64_t y[4] = {i, ref->type, ref->slot, ref->serial};
  for (int k = 0; k < 4; k++)
    if (x[k] != y[k])
      return x[k] < y[k] ? -1 : 1;
  return 0;
}

static int take_one(struct world *w, uint32_t i, const struct object_ref *ref) {
  uint32_t at = 0;
  if (!handles(w, i, ref))
    return 0;
  while (at < w->hand_count && compare_hands(&w->hands[at], i, ref) < 0)
    at++;
  if (at < w->hand_count && compare_hands(&w->hands[at], i, ref) == 0) {
    w->hands[at].count++;
    return 0;
  }
  int rc = world_grow(&w->hands, &w->hand_cap, w->hand_count, sizeof *w->hands);
  if (rc)
    return rc;
  memmove(&w->hands[at + 1], &w->hands[at], (w->hand_count - at) * sizeof *w->hands);
  w->hands[at] = (struct world_hand){.process = i, .count = 1, .ref = *ref};
  w->hand_count++;
  return 0;
}

int world_take_refs(struct world *w, uint32_t i, const void *refs, uint32_t count,
                    struct answer *a) {
  int rc = count ? buf_append(&a->refs, refs, count * sizeof(struct object_ref)) : 0;
  for (uint32_t k = 0; k < count && rc == 0; k++) {
    struct object_ref ref;
    memcpy(&ref, (const uint8_t *)refs + k * sizeof ref, sizeof ref);
    rc = take_one(w, i, &ref);
  }
  return rc;
}

static void remove_hand(struct world *w, uint32_t at) {
  w->hand_count--;
  memmove(&w->hands[at], &w->hands[at + 1], (w->hand_count - at) * sizeof *w->hands);
  w->lost = true;
}

void world_land(struct world *w, uint32_t i, const struct object_ref *ref) {
  for (uint32_t k = 0; k < w->hand_count; k++)
    if (compare_hands(&w->hands[k], i, ref) == 0) {
      if (--w->hands[k].count == 0)
        remove_hand(w, k);
      return;
    }
}

void world_empty_hands(struct world *w, uint32_t i) {
  for (uint32_t k = w->hand_count; k-- > 0;)
    if (w->hands[k].process == i)
      remove_hand(w, k);
}

void world_share(struct world *w, const struct object_ref *refs, uint32_t count) {
  for (uint32_t k = 0; k < count; k++) {
    struct world_object *o = world_find(w, &refs[k]);
    if (o)
      o->unshared = false;
  }
}

void world_count_refs(struct world *w, struct world_object *o, uint32_t refs) {
  w->stored_refs += refs - o->refs;
  w->lost |= o->refs > 0;
  o->refs = refs;
}

/* -- reach --------------------------------------------------------------------------------------
 */

void world_visit_refs(const uint8_t *at, uint64_t count,
                      void (*visit)(void *ctx, const struct object_ref *ref), void *ctx) {
  for (uint64_t k = 0; k < count; k++) {
    struct object_ref ref;
    memcpy(&ref, at + k * sizeof ref, sizeof ref);
    visit(ctx, &ref);
  }
}

void world_each_ref(const struct world_object *o,
                    void (*visit)(void *ctx, const struct object_ref *ref), void *ctx) {
  if (o->refs == 0)
    return;
  if (o->type == OBJECT_QUEUE || o->type == OBJECT_PIPE)
    world_queue_each_ref(o, visit, ctx);
  else
    world_value_each_ref(o, visit, ctx);
}

static void mark_stored(void *ctx, const struct object_ref *ref) {
  struct world *w = ctx;
  uint32_t process = world_actor_of(w, ref);
  struct world_object *o = process == NOBODY ? world_find(w, ref) : NULL;
  if (process != NOBODY)
    w->actors[process].mark |= MARK_REACHED | MARK_STORED;
  if (o)
    o->mark |= MARK_REACHED | MARK_STORED;
}

/* What a living process has, and its ancestors: it may ask for its parent, and that for its. */
static void mark_of(struct world *w, uint32_t i) {
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    if (*cell(&w->held, i, slot))
      w->objects[slot].mark |= MARK_REACHED;
  if (w->actors[i].mail_serial)
    w->objects[w->actors[i].mail].mark |= MARK_REACHED;
  for (uint32_t k = 0; k < w->actor_count; k++)
    if (*cell(&w->known, i, k))
      w->actors[k].mark |= MARK_REACHED;
  for (uint32_t k = i; k != NOBODY; k = w->actors[k].spawner)
    w->actors[k].mark |= MARK_REACHED;
}

static void mark_hands(struct world *w) {
  for (uint32_t k = 0; k < w->hand_count; k++) {
    const struct object_ref *ref = &w->hands[k].ref;
    uint32_t process = world_actor_of(w, ref);
    if (process != NOBODY)
      w->actors[process].mark |= MARK_REACHED;
    else if (world_find(w, ref))
      w->objects[ref->slot].mark |= MARK_REACHED;
  }
}

/* Follow what one thing names. True: it was not followed before. */
static bool follow(uint8_t *mark) {
  if (!(*mark & MARK_REACHED) || (*mark & MARK_DONE))
    return false;
  *mark |= MARK_DONE;
  return true;
}

static bool follow_all(struct world *w) {
  bool news = false;
  for (uint32_t slot = 0; slot < w->object_end; slot++) {
    struct world_object *o = &w->objects[slot];
    if (o->serial == 0 || !follow(&o->mark))
      continue;
    news = true;
    if (o->type == OBJECT_CONDITION)
      w->objects[o->lock].mark |= MARK_REACHED;
    world_each_ref(o, mark_stored, w);
  }
  for (uint32_t i = 0; i < w->actor_count; i++) {
    struct world_actor *p = &w->actors[i];
    if (!follow(&p->mark))
      continue;
    news = true;
    world_visit_refs(p->result.data, p->result_refs, mark_stored, w);
  }
  return news;
}

void world_reach(struct world *w) {
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    w->objects[slot].mark = 0;
  for (uint32_t i = 0; i < w->actor_count; i++)
    w->actors[i].mark = 0;
  for (uint32_t i = 0; i < w->actor_count; i++)
    if (actor_lives(&w->actors[i]))
      mark_of(w, i);
  mark_hands(w);
  while (follow_all(w))
    continue;
}

bool world_is_stored(struct world *w, uint32_t slot) {
  if (w->stored_refs == 0)
    return false;
  world_reach(w);
  return w->objects[slot].mark & MARK_STORED;
}

static void free_object(struct world *w, struct world_object *o) {
  world_count_refs(w, o, 0);
  w->unread |= o->type == OBJECT_QUEUE && queue_len(&o->queue) > 0;
  o->serial = 0;
  o->contents.len = 0;
  o->head = 0;
}

/* Nobody can ask for what a process left behind. */
static void forget_result(struct world *w, struct world_actor *p) {
  w->stored_refs -= p->result_refs;
  w->lost |= p->result_refs > 0;
  p->result_refs = 0;
  p->result.len = 0;
  p->has_result = false;
}

static void collect_once(struct world *w) {
  w->lost = false;
  world_reach(w);
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    if (w->objects[slot].serial && !(w->objects[slot].mark & MARK_REACHED))
      free_object(w, &w->objects[slot]);
  while (w->object_end > 0 && w->objects[w->object_end - 1].serial == 0)
    w->object_end--;
  for (uint32_t i = 0; i < w->actor_count; i++) {
    struct world_actor *p = &w->actors[i];
    if (actor_lives(p))
      continue;
    if (!(p->mark & MARK_REACHED))
      forget_result(w, p);
    if (p->has_report && !world_pending(p)) {
      p->has_report = false;
      p->report.len = 0;
    }
  }
}

bool world_unread(const struct world *w) { return w->unread; }

void world_collect(struct world *w) {
  while (w->lost)
    collect_once(w);
}
