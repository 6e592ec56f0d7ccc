/*
 * sim/world_save.c - a world as bytes, and back; see world.h.
 *
 * Numbers are written 7 bits at a time, the lowest first; the top bit says that there is more. Most
 * are small: a world of eight locks and five processes takes some 200 bytes.
 *
 * What is not part of how the world goes on is left out: past events, free slots, and tickets, of
 * which only the order in each line counts.
 */
#include "sim/world_internal.h"

/* -- numbers ------------------------------------------------------------------------------------
 */

struct writer {
  struct buf *out;
  bool failed;
};

struct reader {
  const uint8_t *at, *end;
  bool bad;
};

enum { NUMBER_MAX = 10 }; /* bytes */

static inline void put(struct writer *to, uint64_t n) {
  struct buf *b = to->out;
  if (b->cap - b->len < NUMBER_MAX && buf_reserve(b, NUMBER_MAX)) {
    to->failed = true;
    return;
  }
  for (; n >= 0x80; n >>= 7)
    b->data[b->len++] = (uint8_t)(n | 0x80);
  b->data[b->len++] = (uint8_t)n;
}

static inline uint64_t get(struct reader *from) {
  uint64_t n = 0;
  for (unsigned shift = 0; from->at < from->end && shift < 64; shift += 7) {
    uint8_t byte = *from->at++;
    n |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80)
      return n;
  }
  from->bad = true;
  return 0;
}

static uint64_t get_below(struct reader *from, uint64_t limit) {
  uint64_t n = get(from);
  from->bad |= n >= limit;
  return n < limit ? n : 0;
}

static void put_bytes(struct writer *to, const void *data, size_t len) {
  put(to, len);
  if (buf_append(to->out, data, len))
    to->failed = true;
}

/* Bytes that stand in what is read. */
static const uint8_t *get_bytes(struct reader *from, size_t *ret_len) {
  uint64_t len = get(from);
  const uint8_t *data = from->at;
  from->bad |= len > (uint64_t)(from->end - from->at);
  *ret_len = from->bad ? 0 : (size_t)len;
  from->at += *ret_len;
  return data;
}

static void put_text(struct writer *to, const char *text) { put_bytes(to, text, strlen(text)); }

static void get_text(struct reader *from, char *text, size_t size) {
  size_t len;
  const uint8_t *data = get_bytes(from, &len);
  from->bad |= len >= size;
  len = from->bad ? 0 : len;
  memcpy(text, data, len);
  text[len] = '\0';
}

static int get_buf(struct reader *from, struct buf *b) {
  size_t len;
  const uint8_t *data = get_bytes(from, &len);
  b->len = 0;
  return buf_append(b, data, len);
}

/* Signed numbers: small ones of both signs are short. */
static void put_int(struct writer *to, int64_t n) {
  put(to, (uint64_t)n << 1 ^ (uint64_t)(n < 0 ? -1 : 0));
}
static int64_t get_int(struct reader *from) {
  uint64_t n = get(from);
  return (int64_t)(n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

/* -- processes ----------------------------------------------------------------------------------
 */

enum { FLAGS = 9 };

static unsigned flags_of(const struct world_actor *p) {
  const bool flags[FLAGS] = {p->daemon, p->quiet,     p->stopped,    p->expected,  p->joined,
                             p->looked, p->has_stdin, p->has_result, p->has_report};
  unsigned bits = 0;
  for (int i = 0; i < FLAGS; i++)
    bits |= (unsigned)flags[i] << i;
  return bits;
}

static void set_flags(struct world_actor *p, unsigned bits) {
  bool *const flags[FLAGS] = {&p->daemon, &p->quiet,     &p->stopped,    &p->expected,  &p->joined,
                              &p->looked, &p->has_stdin, &p->has_result, &p->has_report};
  for (int i = 0; i < FLAGS; i++)
    *flags[i] = bits >> i & 1;
}

static void put_op(struct writer *to, const struct world_op *op) {
  put(to, op->wait.step);
  put_int(to, op->wait.result);
  put(to, op->levels);
  put(to, op->arrival);
}

static void get_op(struct reader *from, struct world_op *op) {
  op->wait.step = (enum condition_step)get_below(from, CONDITION_OVER + 1);
  op->wait.result = (int)get_int(from);
  op->levels = get(from);
  op->arrival = get(from);
}

static bool has_op(const struct world_actor *p) { return p->op.wait.step || p->op.arrival; }

static void put_actor(struct writer *to, const struct world_actor *p) {
  put(to, p->state.phase << 1 | (unsigned)has_op(p));
  put(to, flags_of(p));
  put(to, p->interrupts);
  put_int(to, p->state.exit_code);
  put_int(to, p->state.signal);
  put(to, p->spawner == NOBODY ? 0 : (uint64_t)p->spawner + 1);
  put(to, p->depth);
  put_text(to, p->name);
  put_text(to, p->where);
  if (has_op(p))
    put_op(to, &p->op);
  if (p->has_result) {
    put(to, p->result_refs);
    put_bytes(to, p->result.data, p->result.len);
  }
  if (p->has_report)
    put_bytes(to, p->report.data, p->report.len);
}

static int get_actor(struct reader *from, struct world *w, uint32_t i) {
  struct world_actor *p = &w->actors[i];
  uint64_t phase = get_below(from, (PHASE_ENDED + 1) << 1);
  p->state.phase = (enum process_phase)(phase >> 1);
  set_flags(p, (unsigned)get(from));
  p->interrupts = (uint8_t)get(from);
  p->state.exit_code = (int)get_int(from);
  p->state.signal = (int)get_int(from);
  uint32_t spawner = (uint32_t)get_below(from, (uint64_t)i + 1);
  p->spawner = spawner ? spawner - 1 : NOBODY;
  p->depth = (uint32_t)get(from);
  get_text(from, p->name, sizeof p->name);
  get_text(from, p->where, sizeof p->where);
  p->op = (struct world_op){.arrival = 0};
  if (phase & 1)
    get_op(from, &p->op);
  p->result_refs = 0;
  p->result.len = p->report.len = 0;
  int rc = 0;
  if (p->has_result) {
    p->result_refs = (uint32_t)get(from);
    rc = get_buf(from, &p->result);
    from->bad |= p->result_refs > p->result.len / sizeof(struct object_ref);
    w->stored_refs += p->result_refs;
  }
  return rc == 0 && p->has_report ? get_buf(from, &p->report) : rc;
}

/* Counts of handles: the distance from the one before, and the count; 0 ends them. */
static void put_row(struct writer *to, const uint32_t *cells, uint32_t end) {
  uint32_t last = 0;
  for (uint32_t k = 0; k < end; k++)
    if (cells[k]) {
      put(to, k + 1 - last);
      put(to, cells[k]);
      last = k + 1;
    }
  put(to, 0);
}

static void get_row(struct reader *from, uint32_t *cells, uint32_t end) {
  uint64_t k = 0;
  memset(cells, 0, end * sizeof *cells);
  for (uint64_t step; !from->bad && (step = get(from));) {
    k += step;
    from->bad |= step > end || k > end;
    if (!from->bad)
      cells[k - 1] = (uint32_t)get(from);
  }
}

/* -- objects ------------------------------------------------------------------------------------
 */

static void put_queue(struct writer *to, const struct world_object *o) {
  put(to, o->queue.put);
  put(to, o->queue.got);
  put(to, o->queue.done);
  put(to, o->queue.max);
  put(to, o->queue.closed);
  put_int(to, o->transport);
}

static void get_queue(struct reader *from, struct world_object *o) {
  o->queue.put = get(from);
  o->queue.got = get(from);
  o->queue.done = get(from);
  o->queue.max = get(from);
  o->queue.closed = get_below(from, 2);
  o->transport = (int)get_int(from);
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
    put_queue(to, o);
  if (o->type == OBJECT_PIPE)
    put_peer(to, w, o);
  else if (o->type != OBJECT_QUEUE)
    put_words(to, w, slot);
  if (o->type == OBJECT_CONDITION)
    put(to, o->lock);
  put(to, o->refs);
  put_bytes(to, o->contents.data ? o->contents.data + o->head : NULL, o->contents.len - o->head);
}

static void get_words(struct reader *from, struct world_object *o) {
  uint64_t n = get_below(from, SYNC_WORDS + 1);
  for (uint64_t k = 0; k < n; k++)
    o->words[k] = get(from);
  memset(&o->words[n], 0, (SYNC_WORDS - n) * sizeof o->words[0]);
}

static void clear_slot(struct world *w, uint32_t slot) {
  w->objects[slot].serial = 0;
  w->objects[slot].refs = 0;
  w->objects[slot].contents.len = w->objects[slot].head = 0;
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
  if (o->type == OBJECT_QUEUE || o->type == OBJECT_PIPE)
    get_queue(from, o);
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

/* -- worlds -------------------------------------------------------------------------------------
 */

int world_save(struct world *w, struct buf *out) {
  struct writer to = {.out = out};
  uint32_t objects = 0;
  put_int(&to, w->now_ns);
  put(&to, w->last_serial);
  put(&to, w->actor_count);
  for (uint32_t i = 0; i < w->actor_count; i++)
    put_actor(&to, &w->actors[i]);
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    objects += w->objects[slot].serial != 0;
  put(&to, objects);
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    if (w->objects[slot].serial)
      put_object(&to, w, slot);
  for (uint32_t i = 0; i < w->actor_count; i++)
    if (actor_lives(&w->actors[i])) {
      put_row(&to, &w->held.cells[(size_t)i * w->held.columns], w->object_end);
      put_row(&to, &w->known.cells[(size_t)i * w->known.columns], w->actor_count);
    }
  put_places(&to, w);
  put_hands(&to, w);
  put_failures(&to, w);
  return to.failed ? -SBX_ENOMEM : 0;
}

static int load_actors(struct reader *from, struct world *w) {
  uint64_t n = get_below(from, PROCESSES_MAX + 1);
  int rc = 0;
  w->actor_count = 0;
  while (w->actor_count < n && rc == 0 && !from->bad) {
    rc = world_grow(&w->actors, &w->actor_cap, w->actor_count, sizeof *w->actors);
    if (rc == 0)
      rc = get_actor(from, w, w->actor_count++);
  }
  return rc;
}

static int load_objects(struct reader *from, struct world *w) {
  uint64_t n = get(from);
  int rc = 0;
  w->object_end = 0;
  for (; n > 0 && rc == 0 && !from->bad; n--)
    rc = get_object(from, w);
  for (uint32_t slot = 0; slot < w->object_end && !from->bad; slot++)
    from->bad |= w->objects[slot].serial && w->objects[slot].lock >= w->object_end;
  return rc;
}

static void load_rows(struct reader *from, struct world *w) {
  for (uint32_t i = 0; i < w->actor_count && !from->bad; i++) {
    uint32_t *held = &w->held.cells[(size_t)i * w->held.columns];
    uint32_t *known = &w->known.cells[(size_t)i * w->known.columns];
    memset(held, 0, w->held.columns * sizeof *held);
    memset(known, 0, w->known.columns * sizeof *known);
    if (actor_lives(&w->actors[i])) {
      get_row(from, held, w->object_end);
      get_row(from, known, w->actor_count);
    }
  }
}

int world_load(struct world *w, const uint8_t *bytes, size_t len) {
  struct reader from = {.at = bytes, .end = bytes + len};
  w->stored_refs = 0;
  w->lost = false;
  w->now_ns = get_int(&from);
  w->last_serial = get(&from);
  int rc = load_actors(&from, w);
  if (rc == 0)
    rc = load_objects(&from, w);
  if (rc == 0)
    rc = world_grow_grids(w);
  if (rc)
    return rc;
  load_rows(&from, w);
  rc = get_places(&from, w);
  if (rc == 0)
    rc = get_hands(&from, w);
  if (rc == 0)
    rc = get_failures(&from, w);
  if (rc)
    return rc;
  return from.bad || from.at != from.end || w->actor_count == 0 ? -SBX_EDATA : 0;
}
