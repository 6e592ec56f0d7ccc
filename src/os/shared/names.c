/* os/shared/names.c - see names.h. */
#include "os/shared/names.h"

#include <string.h>

#include "base/error.h"
#include "object/pipe.h"
#include "os/shared/hand.h"

enum { OF_OBJECT = 1, OF_RESULT = 2, LOOKS = 64 };

static const uint64_t COUNT_MASK =
    (UINT64_C(1) << 48) - 1; /* of a cell's count; all set: given up */

uint64_t names_of_object(uint32_t slot, uint64_t serial) {
  return stamp_claimed(serial, slot, OF_OBJECT);
}

uint64_t names_of_result(uint32_t slot, uint64_t serial) {
  return stamp_claimed(serial, slot, OF_RESULT);
}

static bool is_object(uint32_t type) { return type != OBJECT_NONE && type != OBJECT_PROCESS; }

/* A slot in a name has more bits than there are objects. */
static bool object_lives(const struct control *c, uint64_t name) {
  uint32_t slot = stamp_claimer(name);
  return slot < OBJECT_SLOTS &&
         atomic_load(&c->object_stamp[slot]) == stamp_of(stamp_serial(name), OBJECT_LIVE);
}

/* -- cells ------------------------------------------------------------------------------------ */

static struct name_cell *cell_at(struct control *c, uint64_t holder, uint64_t object, uint32_t i) {
  uint64_t hash = (holder ^ object * UINT64_C(0xbf58476d1ce4e5b9)) * UINT64_C(0x9e3779b97f4a7c15);
  return &c->names[((uint32_t)(hash >> 40) + i) % NAME_CELLS];
}

static uint64_t count_of(uint64_t word) { return word & COUNT_MASK; }

/* Change the count of a cell that is known to be the caller's; false: it was just given up. */
static bool set_count(struct name_cell *cell, uint64_t old, uint64_t count) {
  if (count_of(old) == COUNT_MASK)
    return false;
  return atomic_compare_exchange_strong(&cell->count, &old, (old & ~COUNT_MASK) | count);
}

static struct name_cell *find_cell(struct control *c, uint64_t holder, uint64_t object,
                                   uint64_t *ret_count) {
  for (uint32_t i = 0; i < NAME_WINDOW; i++) {
    struct name_cell *cell = cell_at(c, holder, object, i);
    *ret_count =
        atomic_load(&cell->count); /* first: should the cell become another's, it changes */
    if (atomic_load(&cell->holder) == holder && atomic_load(&cell->object) == object &&
        count_of(*ret_count) != COUNT_MASK)
      return cell;
  }
  return NULL;
}

/* A free cell, or one that the holder was killed over. */
static struct name_cell *new_cell(struct control *c, uint64_t holder, uint64_t object) {
  for (uint32_t i = 0; i < NAME_WINDOW; i++) {
    struct name_cell *cell = cell_at(c, holder, object, i);
    uint64_t none = 0;
    if (count_of(atomic_load(&cell->count)) == COUNT_MASK) /* somebody is giving it up */
      continue;
    if (atomic_compare_exchange_strong(&cell->holder, &none, holder) ||
        (none == holder && atomic_load(&cell->object) == 0))
      return cell;
  }
  return NULL;
}

/* Set the count of (holder, object), whose cell is made if there is none. */
static bool store_count(struct control *c, uint64_t holder, uint64_t object, uint64_t count) {
  uint64_t old;
  struct name_cell *cell;
  while ((cell = find_cell(c, holder, object, &old)))
    if (set_count(cell, old, count))
      return true;
  if (!(cell = new_cell(c, holder, object)))
    return false;
  old = atomic_load(&cell->count);
  atomic_store(&cell->count, (old & ~COUNT_MASK) | count); /* nobody else has it as long as */
  atomic_store(&cell->object, object);                     /* the object is not there */
  return true;
}

static uint64_t load_count(struct control *c, uint64_t holder, uint64_t object) {
  uint64_t count;
  return find_cell(c, holder, object, &count) ? count_of(count) : 0;
}

/* A cell that names nothing that counts any more. */
static void free_cell(struct name_cell *cell, uint64_t count) {
  if (!atomic_compare_exchange_strong(&cell->count, &count, count | COUNT_MASK))
    return;
  atomic_store(&cell->object, 0);
  atomic_store(&cell->holder, 0);
  atomic_store(&cell->count, (count & ~COUNT_MASK) + (UINT64_C(1) << 48)); /* last: it is free */
}

static bool holder_lives(const struct control *c, uint64_t holder) {
  uint32_t slot = stamp_claimer(holder);
  if (stamp_phase(holder) == OF_OBJECT)
    return object_lives(c, holder);
  if (stamp_phase(holder) != OF_RESULT)
    return false;
  uint64_t stamp = control_process_stamp(c, slot, stamp_serial(holder));
  uint32_t flags = atomic_load(&c->processes[slot].flags);
  return stamp && !(flags & FLAG_RECLAIMED) &&
         (stamp_phase(stamp) != PHASE_ENDED || (flags & FLAG_RESULT));
}

/* Does what this holder names count, should the holder be within reach? */
static bool counts(const struct control *c, uint64_t holder, uint64_t count) {
  uint32_t slot = stamp_claimer(holder);
  if (!holder_lives(c, holder) || count_of(count) == 0)
    return false;
  if (stamp_phase(holder) == OF_RESULT)
    return true;
  return atomic_load(&c->objects[slot].type) != OBJECT_QUEUE ||
         count_of(count) > atomic_load(&c->queues[slot].carry_gone);
}

/* Of a holder that counts: a queue names nothing more if its log is empty, even if the reader that took the last item was
 * killed before it could say so. For one who has looked whether a process holds the object: that of a writer which is
 * about to put it is not in the log yet. */
static bool has_items(const struct control *c, uint64_t holder) {
  const struct queue_record *r = &c->queues[stamp_claimer(holder)];
  uint64_t get[SIDE_SHOWN], put[SIDE_SHOWN];
  if (stamp_phase(holder) == OF_RESULT ||
      atomic_load(&c->objects[stamp_claimer(holder)].type) != OBJECT_QUEUE)
    return true;
  side_read(&r->get, get); /* first: so it is not empty rather than too early */
  side_read(&r->put, put);
  return get[GET_HEAD] < put[PUT_TAIL] && put[PUT_BASE] < put[PUT_TAIL];
}

static void free_cells(struct control *c) {
  for (uint32_t i = 0; i < NAME_CELLS; i++) {
    struct name_cell *cell = &c->names[i];
    uint64_t count = atomic_load(&cell->count), holder = atomic_load(&cell->holder);
    if (holder == 0 || count_of(count) == COUNT_MASK)
      continue;
    uint64_t object = atomic_load(&cell->object);
    if (object ? !object_lives(c, object) || !counts(c, holder, count) : !holder_lives(c, holder))
      free_cell(cell, count);
  }
}

/* -- adding and removing ---------------------------------------------------------------------- */

/* Moved first: a sweep that looked before this object was there must not think that it missed
 * nothing. */
static void note_slot_named(struct control *c, uint32_t slot) {
  names_moved(c, slot);
  atomic_store(&c->objects[slot].named, (atomic_load(&c->objects[slot].named) + 2) | 1);
}

/* From now on a sweep has to look whether somebody can reach it, and what belongs to it. */
static void note_named(struct control *c, const struct object_ref *ref) {
  const struct sync_record *r = &c->syncs[ref->slot];
  note_slot_named(c, ref->slot);
  if (ref->type == OBJECT_CONDITION && r->lock_serial)
    note_slot_named(c, r->lock);
  if (ref->type == OBJECT_PIPE) {
    note_slot_named(c, (uint32_t)r->state[0][END_IN]);
    note_slot_named(c, (uint32_t)r->state[0][END_OUT]);
  }
}

void names_note(struct control *c, const struct object_ref *ref) {
  note_named(c, ref);
  atomic_store(&c->names_used, 1);
}

static int add(struct control *c, uint64_t holder, const struct object_ref *ref, uint64_t number) {
  if (!is_object(ref->type))
    return 0;
  uint64_t object = names_of_object(ref->slot, ref->serial);
  uint64_t count = number ? number : load_count(c, holder, object) + 1;
  note_named(c, ref);
  if (!atomic_load(&c->names_used))
    atomic_store(&c->names_used, 1);
  if (!store_count(c, holder, object, count)) {
    free_cells(c);
    if (!store_count(c, holder, object, count))
      return -SBX_ENAMES;
  }
  names_moved(c, ref->slot);
  return 0;
}

int names_add_item(struct control *c, uint64_t queue, const struct object_ref *refs, uint32_t n,
                   uint64_t number) {
  for (uint32_t i = 0; i < n; i++)
    if (add(c, queue, &refs[i], number)) {
      names_take_back(c, queue, refs, i, number);
      return -SBX_ENAMES;
    }
  return 0;
}

void names_take_back(struct control *c, uint64_t queue, const struct object_ref *refs, uint32_t n,
                     uint64_t number) {
  for (uint32_t i = 0; i < n; i++) {
    uint64_t object = names_of_object(refs[i].slot, refs[i].serial);
    if (is_object(refs[i].type) && load_count(c, queue, object) == number)
      store_count(c, queue, object, number - 1); /* an older item may name it */
  }
}

int names_add(struct control *c, uint64_t holder, const struct object_ref *refs, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (add(c, holder, &refs[i], 0)) {
      names_remove(c, holder, refs, i);
      return -SBX_ENAMES;
    }
  return 0;
}

void names_remove(struct control *c, uint64_t holder, const struct object_ref *refs, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    struct object_ref ref; /* they may stand anywhere */
    memcpy(&ref, (const uint8_t *)refs + i * sizeof ref, sizeof ref);
    uint64_t object = names_of_object(ref.slot, ref.serial), count = load_count(c, holder, object);
    if (is_object(ref.type) && count > 0)
      store_count(c, holder, object, count - 1);
  }
}

void names_clear(struct control *c, uint64_t holder) {
  for (uint32_t i = 0; i < NAME_CELLS; i++) {
    uint64_t count = atomic_load(&c->names[i].count);
    if (atomic_load(&c->names[i].holder) == holder)
      set_count(&c->names[i], count, 0);
  }
}

/* -- what can be reached ---------------------------------------------------------------------- */

/* Mark an object and what belongs to it. Returns whether that is news. */
static bool mark(const struct control *c, uint64_t words[OBJECT_WORDS], uint32_t slot) {
  uint64_t bit = UINT64_C(1) << (slot % 64);
  const struct sync_record *r = &c->syncs[slot];
  if (words[slot / 64] & bit)
    return false;
  words[slot / 64] |= bit;
  uint32_t type = atomic_load(&c->objects[slot].type);
  if (type == OBJECT_CONDITION && r->lock_serial)
    mark(c, words, r->lock % OBJECT_SLOTS);
  if (type == OBJECT_PIPE) {
    mark(c, words, (uint32_t)r->state[0][END_IN] % OBJECT_SLOTS);
    mark(c, words, (uint32_t)r->state[0][END_OUT] % OBJECT_SLOTS);
  }
  return true;
}

static void mark_bits(const struct control *c, uint64_t words[OBJECT_WORDS], uint32_t w,
                      uint64_t bits) {
  for (; bits; bits &= bits - 1)
    mark(c, words, 64 * w + (uint32_t)__builtin_ctzll(bits));
}

/* The mailbox of a living process: it could receive what is there, and others can find it. */
static void mark_mail(const struct control *c, uint64_t words[OBJECT_WORDS], uint32_t process) {
  uint64_t mail = atomic_load(&c->mail[process]);
  if (mail && who_slot(mail) < OBJECT_SLOTS && control_process_alive(c, process) &&
      control_process_stamp(c, process, who_serial(mail)))
    mark(c, words, who_slot(mail));
}

void names_held_by(const struct control *c, uint32_t process, uint64_t ret[OBJECT_WORDS]) {
  for (uint32_t w = 0; w < OBJECT_WORDS; w++)
    mark_bits(c, ret, w, atomic_load(&c->held[process][w]));
}

static void mark_held(const struct control *c, uint64_t words[OBJECT_WORDS]) {
  for (uint32_t w = 0; w < OBJECT_WORDS; w++)
    mark_bits(c, words, w, atomic_load(&c->shown[w]));
  for (uint32_t p = 0; p < control_process_end(c); p++)
    mark_mail(c, words, p);
  for (uint32_t p = 0; p < control_process_end(c); p++)
    if (control_process_alive(c, p))
      names_held_by(c, p, words);
}

static bool mark_moved(const struct control *c, uint64_t words[OBJECT_WORDS], uint64_t sweep) {
  bool news = false;
  for (uint32_t slot = 0; slot < OBJECT_SLOTS; slot++)
    if (atomic_load(&c->objects[slot].moved) >= sweep)
      news |= mark(c, words, slot);
  return news;
}

/* Can anybody still receive what the holder has? Of a queue of a pipe, only by the one end. */
static bool within_reach(const struct control *c, const uint64_t words[OBJECT_WORDS],
                         uint64_t holder) {
  uint32_t slot = stamp_claimer(holder);
  if (stamp_phase(holder) == OF_RESULT)
    return true;
  if (atomic_load(&c->objects[slot].type) == OBJECT_QUEUE) {
    uint64_t serial = atomic_load(&c->queues[slot].reader_serial);
    uint64_t reader = names_of_object(c->queues[slot].reader, serial);
    if (serial)
      return object_lives(c, reader) && names_has(words, stamp_claimer(reader));
  }
  return names_has(words, slot);
}

/* The cells of each holder that is an object: a list by slot of the numbers of cells, from 1; 0 ends it. */
struct cells_of {
  uint16_t first[OBJECT_SLOTS], next[NAME_CELLS];
};
static_assert(NAME_CELLS < UINT16_MAX, "a cell's number has 16 bits");

static void list_cells(const struct control *c, struct cells_of *ret) {
  memset(ret->first, 0, sizeof ret->first);
  for (uint32_t i = 0; i < NAME_CELLS; i++) {
    uint64_t holder = atomic_load(&c->names[i].holder);
    uint32_t slot = stamp_claimer(holder);
    if (stamp_phase(holder) != OF_OBJECT || slot >= OBJECT_SLOTS)
      continue;
    ret->next[i] = ret->first[slot];
    ret->first[slot] = (uint16_t)(i + 1);
  }
}

/* Mark what a cell names, if that counts. Returns whether it is news. */
static bool follow(const struct control *c, struct names_reach *r, uint32_t cell) {
  uint64_t count = atomic_load(&c->names[cell].count);
  uint64_t holder = atomic_load(&c->names[cell].holder);
  uint64_t object = atomic_load(&c->names[cell].object);
  if (holder == 0 || object == 0 || !object_lives(c, object) ||
      names_has(r->stored, stamp_claimer(object)) || !counts(c, holder, count) ||
      !has_items(c, holder) || !within_reach(c, r->reached, holder))
    return false;
  mark(c, r->stored, stamp_claimer(object));
  mark(c, r->reached, stamp_claimer(object));
  return true;
}

static void follow_all_of(const struct control *c, struct names_reach *r, const struct cells_of *of,
                          uint32_t slot) {
  for (uint32_t cell = of->first[slot]; cell; cell = of->next[cell - 1])
    follow(c, r, cell - 1);
}

/* Follow what objects name that were reached since the last call. A pipe's end lets its queue be received from. */
static bool follow_reached(const struct control *c, struct names_reach *r,
                           const struct cells_of *of, uint64_t followed[OBJECT_WORDS]) {
  bool any = false;
  for (uint32_t w = 0; w < OBJECT_WORDS; w++)
    for (uint64_t bits; (bits = r->reached[w] & ~followed[w]); any = true) {
      uint32_t slot = 64 * w + (uint32_t)__builtin_ctzll(bits);
      followed[w] |= bits & -bits;
      follow_all_of(c, r, of, slot);
      if (atomic_load(&c->objects[slot].type) == OBJECT_PIPE)
        follow_all_of(c, r, of, (uint32_t)c->syncs[slot].state[0][END_IN] % OBJECT_SLOTS);
    }
  return any;
}

/*
 * Follow the names until there is nothing new. The last pass over all cells finds nothing; one that finds something goes on
 * from there by the lists, so that a long chain of objects takes two passes, in whatever order its cells are: a script
 * that made many would otherwise hold up the supervisor.
 */
static void mark_named(const struct control *c, struct names_reach *r) {
  struct cells_of of;
  uint64_t followed[OBJECT_WORDS] = {0};
  bool news = atomic_load(&c->names_used);
  if (news)
    list_cells(c, &of);
  while (news) {
    news = false;
    for (uint32_t i = 0; i < NAME_CELLS; i++)
      news |= follow(c, r, i);
    while (news && follow_reached(c, r, &of, followed))
      continue;
  }
}

bool names_look(struct control *c, struct names_reach *r) {
  for (int i = 0; i < LOOKS; i++) {
    uint64_t sweep = atomic_fetch_add(&c->sweeps, 1) + 1, forks = atomic_load(&c->forks);
    *r = (struct names_reach){.sweep = sweep};
    mark_held(c, r->reached);
    do
      mark_named(c, r);
    while (mark_moved(c, r->reached, sweep));
    if (forks == atomic_load(&c->forks))
      return true;
  }
  memset(r, 0xff, sizeof *r);
  return false;
}

static bool changed_hands(const struct control *c, uint32_t slot, struct names_moment since) {
  return atomic_load(&c->objects[slot].moved) >= since.sweep ||
         atomic_load(&c->forks) != since.forks;
}

bool names_stored(struct control *c, uint32_t slot, struct names_moment since) {
  struct names_reach r;
  if (atomic_load(&c->objects[slot].named) && (!names_look(c, &r) || names_has(r.stored, slot)))
    return true;
  return changed_hands(c, slot, since); /* last: it may be received while we look */
}

/* -- the sweep -------------------------------------------------------------------------------- */

uint32_t names_sweep(struct os_backend *b) {
  struct control *c = b->control;
  struct names_reach r;
  uint32_t freed = 0;
  if (!atomic_load(&c->names_used) || !names_look(c, &r))
    return 0;
  for (uint32_t slot = 0; slot < OBJECT_SLOTS; slot++) {
    uint64_t stamp = atomic_load(&c->object_stamp[slot]), serial = stamp_serial(stamp);
    if (stamp_phase(stamp) != OBJECT_LIVE || !atomic_load(&c->objects[slot].named) ||
        names_has(r.reached, slot) || atomic_load(&c->objects[slot].moved) >= r.sweep ||
        !control_object_reclaim(c, b->slot, slot, &serial))
      continue;
    b->holdings->recycle(b, slot);
    control_object_free(c, slot, serial);
    freed++;
  }
  free_cells(c);
  return freed;
}
