/*
 * os/sync/dict.c - dicts: a table in an extent of the store, changed under the object's monitor.
 *
 * A change writes a new entry behind the tail, where nothing is current. Its commit says where the
 * tail is now, and which pointer of the table is to be set to what; then it sets that pointer. The
 * next to take the lock sets it again, should the one before have been killed in between: so each
 * change is whole or absent.
 *
 * What the entries mean is told by object/contents.h, which tests/conformance/test_dict.c holds
 * against this file.
 *
 * A table that is full is made anew in the other extent, as large as twice what counts, and becomes
 * current with a commit. What a killed process left half-made there is emptied by the next.
 */
#include "object/dict.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/shared/hand.h"
#include "os/sync/dict_table.h"
#include "os/sync/sync_internal.h"

/* Its words behind the machine's. */
enum dict_storage_word {
  DICT_EXTENT = SYNC_WORDS, /* 0 or 1: the extent that holds the table */
  DICT_EXTENTS,             /* offset and bytes of extent 0, then of extent 1 */
  DICT_TAIL = DICT_EXTENTS + 4,
  DICT_LIVE,       /* bytes of live entries */
  DICT_RESERVED,   /* there is memory up to here */
  DICT_BUCKETS,    /* a power of two; 0: no table yet */
  DICT_REDO_AT,    /* offset plus 1 of the pointer that the last change sets; 0: none */
  DICT_REDO_VALUE, /* to this value */
  DICT_STORAGE_END
};
static_assert((int)DICT_STORAGE_END <= (int)RECORD_WORDS, "the words have room");

enum { EXTENT_LEAST = 16 << 10, BUCKETS_LEAST = 64, RESERVE_BYTES = 256 << 10 };

/* What a change notes. */
struct dict_change {
  uint8_t *table; /* NULL: there is none */
  uint64_t found; /* the entry of the key; 0: none */
  uint64_t at;    /* of the pointer to it */
  bool changes;   /* the words below are the new ones */
  uint64_t words[DICT_STORAGE_END];
  struct buf old_refs; /* handles in what is replaced */
};

/* -- the extents ---------------------------------------------------------------------------------
 */

static struct extent extent_in(const uint64_t *s, uint64_t which) {
  const uint64_t *at = &s[DICT_EXTENTS + 2 * (which & 1)];
  return (struct extent){.offset = at[0], .bytes = at[1]};
}

static void put_extent(uint64_t *s, uint64_t which, const struct extent *e) {
  s[DICT_EXTENTS + 2 * (which & 1)] = e->offset;
  s[DICT_EXTENTS + 2 * (which & 1) + 1] = e->bytes;
}

static void unmap(struct sync_hold *h) {
  if (h->map)
    munmap(h->map, h->mapped.bytes);
  h->map = NULL;
}

static void redo(const uint64_t *s, uint8_t *table) {
  if (s[DICT_REDO_AT])
    *dict_pointer(table, s[DICT_REDO_AT] - 1) = s[DICT_REDO_VALUE];
}

/* The current table in this process, with the last change whole. -SBX_ENOMEM */
static int map_current(struct os_backend *b, uint32_t slot, uint8_t **ret) {
  const uint64_t *s = sync_state(&b->control->syncs[slot]);
  struct sync_hold *h = &b->holds[slot];
  struct extent e = extent_in(s, s[DICT_EXTENT]);
  *ret = NULL;
  if (s[DICT_BUCKETS] == 0)
    return 0;
  if (!h->map || h->mapped.offset != e.offset) {
    unmap(h);
    if (!(h->map = store_map(b, &e)))
      return -SBX_ENOMEM;
    h->mapped = e;
  }
  redo(s, h->map);
  *ret = h->map;
  return 0;
}

/* The other extent, empty, for a table of so many bytes; written down before it is used. */
static int take_other(struct os_backend *b, struct sync_record *r, uint64_t bytes,
                      struct extent *ret) {
  const uint64_t *s = sync_state(r);
  uint64_t other = s[DICT_EXTENT] ^ 1;
  struct extent old = extent_in(s, other);
  if (old.bytes)
    store_give(b, &old); /* of a process that was killed in the middle of this */
  int rc = store_take(b, bytes, ret);
  if (rc)
    *ret = (struct extent){0};
  uint64_t *next = sync_next(r);
  put_extent(next, other, ret);
  FAULT("dict.taken");
  monitor_commit(&r->monitor);
  return rc;
}

/* Fill the other extent, and make it current. */
static int rebuild(struct sync_call *call, uint8_t *table, uint64_t need) {
  struct os_backend *b = call->b;
  struct sync_record *r = call->record;
  struct extent old = extent_in(sync_state(r), sync_state(r)[DICT_EXTENT]), new;
  uint64_t buckets = BUCKETS_LEAST, live = sync_state(r)[DICT_LIVE];
  while (buckets < sync_state(r)[DICT_COUNT] + 1)
    buckets *= 2;
  uint64_t least = buckets * sizeof(uint64_t) + live + need;
  uint64_t bytes = least + live + need < EXTENT_LEAST ? EXTENT_LEAST : least + live + need;
  int rc = take_other(b, r, bytes, &new);
  if (rc == 0)
    rc = store_reserve(b, new.offset, least);
  uint8_t *map = rc ? NULL : store_map(b, &new);
  if (!map)
    return rc ? rc : -SBX_ENOMEM;
  uint64_t tail = buckets * sizeof(uint64_t);
  if (table)
    tail = dict_copy(table, sync_state(r)[DICT_BUCKETS], map, buckets);
  uint64_t *next = sync_next(r);
  next[DICT_EXTENT] ^= 1;
  next[DICT_TAIL] = tail;
  next[DICT_RESERVED] = least;
  next[DICT_BUCKETS] = buckets;
  next[DICT_REDO_AT] = next[DICT_REDO_VALUE] = 0;
  FAULT("dict.rebuilt");
  monitor_commit(&r->monitor);
  FAULT("dict.switched");
  unmap(&b->holds[call->op->object->slot]);
  b->holds[call->op->object->slot].map = map;
  b->holds[call->op->object->slot].mapped = new;
  if (old.bytes) {
    store_give(b, &old);
    next = sync_next(r);
    put_extent(next, next[DICT_EXTENT] ^ 1, &(struct extent){0});
    monitor_commit(&r->monitor);
  }
  return 0;
}

/* -- before --------------------------------------------------------------------------------------
 */

/* Have memory for an entry behind the tail; there is room in the extent. */
static int reserve(struct sync_call *call, struct dict_change *change, uint64_t need) {
  const uint64_t *s = sync_state(call->record);
  struct extent e = extent_in(s, s[DICT_EXTENT]);
  uint64_t end = s[DICT_TAIL] + need, to = end + RESERVE_BYTES;
  if (end <= s[DICT_RESERVED])
    return 0;
  to = to < e.bytes ? to : e.bytes;
  int rc = store_reserve(call->b, e.offset + s[DICT_RESERVED], to - s[DICT_RESERVED]);
  if (rc == 0)
    change->words[DICT_RESERVED] = to;
  return rc;
}

static void find(struct sync_call *call, struct dict_change *change) {
  const uint64_t *s = sync_state(call->record);
  change->found = 0;
  if (change->table)
    change->found = dict_find(change->table, s[DICT_BUCKETS], call->op->value, &change->at);
}

/* What is known of the words before the change. */
static void begin_change(struct sync_call *call, struct dict_change *change) {
  memcpy(change->words, sync_state(call->record), sizeof change->words);
  change->changes = true;
}

static int note_old(struct dict_change *change) {
  const struct dict_entry *old = change->found ? dict_at(change->table, change->found) : NULL;
  if (!old || !old->refs)
    return 0;
  return buf_append(&change->old_refs, dict_refs(old), old->refs * sizeof(struct object_ref));
}

/* One pointer will be `value` from now on, and the found entry counts no more. */
static void point_to(struct dict_change *change, uint64_t value) {
  change->words[DICT_REDO_AT] = change->at + 1;
  change->words[DICT_REDO_VALUE] = value;
  if (change->found)
    change->words[DICT_LIVE] -= dict_entry_size(dict_at(change->table, change->found));
}

static int prepare_removal(struct sync_call *call, struct dict_change *change) {
  if (!change->found)
    return 0;
  begin_change(call, change);
  point_to(change, dict_at(change->table, change->found)->next);
  change->words[DICT_COUNT]--;
  int rc = note_old(change);
  if (rc == 0 && change->old_refs.len)
    sync_naming_begin(call);
  return rc;
}

static int prepare_room(struct sync_call *call, struct dict_change *change, uint64_t need) {
  const uint64_t *s = sync_state(call->record);
  struct extent e = extent_in(s, s[DICT_EXTENT]);
  bool crowded = s[DICT_COUNT] >= 2 * s[DICT_BUCKETS];
  if (change->table && s[DICT_TAIL] + need <= e.bytes && !crowded)
    return 0;
  int rc = rebuild(call, change->table, need);
  if (rc == 0)
    rc = map_current(call->b, call->op->object->slot, &change->table);
  if (rc == 0)
    find(call, change);
  return rc;
}

static int prepare_entry(struct sync_call *call, struct dict_change *change) {
  const struct op *op = call->op;
  uint64_t need = dict_entry_bytes(op->value->key_len, op->value->ref_count, dict_len(op));
  int rc = prepare_room(call, change, need);
  if (rc)
    return rc;
  begin_change(call, change);
  if ((rc = reserve(call, change, need)) || (rc = note_old(change)))
    return rc;
  uint64_t tail = change->words[DICT_TAIL], next = *dict_pointer(change->table, change->at);
  if (change->found)
    next = dict_at(change->table, change->found)->next;
  dict_write(change->table, tail, next, op);
  FAULT("dict.written");
  point_to(change, tail);
  change->words[DICT_TAIL] += need;
  change->words[DICT_LIVE] += need;
  change->words[DICT_COUNT] += !change->found;
  if (op->value->ref_count == 0 && change->old_refs.len == 0)
    return 0;
  sync_naming_begin(call);
  return sync_name_all(call, op->value->refs, op->value->ref_count);
}

/* Room for all entries as dict_all tells them, and for their handles. */
static int prepare_all(struct sync_call *call) {
  uint64_t live = sync_state(call->record)[DICT_LIVE];
  int rc = buf_reserve(call->op->out, live);
  return rc ? rc : buf_reserve(call->op->value->out_refs, live);
}

static int prepare_reading(struct sync_call *call, struct dict_change *change) {
  struct op *op = call->op;
  op->value->none = !change->found;
  if (!change->found)
    return 0;
  const struct dict_entry *e = dict_at(change->table, change->found);
  int rc = buf_reserve(op->out, e->len);
  return rc ? rc : buf_reserve(op->value->out_refs, e->refs * sizeof(struct object_ref));
}

/* The entry of the key; NULL: there is none. */
static const struct dict_entry *entry_of(const struct dict_change *change) {
  return change->found ? dict_at(change->table, change->found) : NULL;
}

static bool as_expected(const struct sync_call *call, const struct dict_change *change,
                        bool exact) {
  const struct dict_entry *e = entry_of(change);
  return dict_is_expected(e, e ? dict_message(e) : NULL, call->op->value, exact);
}

static void compare(struct sync_call *call) {
  struct dict_change *change = call->change;
  call->op->value->same = false;
  if (!call->op->number || map_current(call->b, call->op->object->slot, &change->table))
    return; /* it is looked at, which tells what is wrong */
  find(call, change);
  call->op->value->same = as_expected(call, change, true);
}

/* What is not there counts as 0. */
static int prepare_sum(struct sync_call *call, struct dict_change *change) {
  const struct dict_entry *e = entry_of(change);
  struct value_args *args = call->op->value;
  struct number now = {.kind = NUMBER_INTEGER};
  if (sync_state(call->record)[DICT_UPDATER] == call->step.who)
    return -SBX_EUPDATING;
  if (e)
    now = dict_number(e, dict_message(e));
  if (now.kind == NUMBER_NONE)
    return -SBX_ENUMBER;
  args->number = number_sum(&now, &args->number);
  return prepare_entry(call, change);
}

static int prepare_changing(struct sync_call *call, struct dict_change *change) {
  struct value_args *args = call->op->value;
  switch (call->step.kind) {
  case OP_DICT_ADD:
    return prepare_sum(call, change);
  case OP_DICT_CAS:
    args->same = as_expected(call, change, false);
    if (!args->same)
      return prepare_reading(call, change);
    break;
  default:
    break;
  }
  return args->none ? prepare_removal(call, change) : prepare_entry(call, change);
}

static int prepare(struct sync_call *call) {
  struct dict_change *change = call->change;
  enum op_kind kind = call->step.kind;
  int rc = map_current(call->b, call->op->object->slot, &change->table);
  if (rc || kind == OP_DICT_KEEP)
    return rc;
  if (kind == OP_DICT_ALL)
    return prepare_all(call);
  find(call, change);
  if (kind == OP_DICT_GET || kind == OP_DICT_UPDATE || kind == OP_DICT_AWAIT)
    return prepare_reading(call, change);
  return prepare_changing(call, change);
}

/* -- after ---------------------------------------------------------------------------------------
 */

static void fill(struct sync_call *call, uint64_t *next) {
  const struct dict_change *change = call->change;
  if (!change->changes)
    return;
  next[DICT_COUNT] = change->words[DICT_COUNT];
  memcpy(next + DICT_EXTENT, change->words + DICT_EXTENT,
         (DICT_STORAGE_END - DICT_EXTENT) * sizeof *next);
}

/* There is room in the buffers: see prepare. */
static void read_refs(struct os_backend *b, const struct dict_entry *e, struct op *op) {
  struct buf *refs = op->value->out_refs;
  if (e->refs == 0)
    return;
  buf_append(refs, dict_refs(e), e->refs * sizeof(struct object_ref));
  hand_take(b, dict_refs(e), e->refs);
}

/* The entry as it stands, with handles, key and message. */
static void tell_entry(void *ctx, const struct dict_entry *e) {
  struct sync_call *call = ctx;
  buf_append(call->op->out, e, dict_entry_size(e));
  read_refs(call->b, e, call->op);
}

static int read_out(struct sync_call *call, struct dict_change *change) {
  struct op *op = call->op;
  if (call->step.kind == OP_DICT_ALL) {
    if (change->table)
      dict_each(change->table, sync_state(call->record)[DICT_BUCKETS], tell_entry, call);
    return 0;
  }
  op->value->number.kind = NUMBER_NONE;
  if (!change->found)
    return 0;
  const struct dict_entry *e = dict_at(change->table, change->found);
  if (e->number)
    op->value->number = dict_number(e, dict_message(e));
  else
    buf_append(op->out, dict_message(e), e->len);
  read_refs(call->b, e, op);
  return 0;
}

static int done(struct sync_call *call) {
  struct dict_change *change = call->change;
  const uint64_t *s = sync_state(call->record);
  switch (call->step.kind) {
  case OP_DICT_GET:
  case OP_DICT_ALL:
  case OP_DICT_UPDATE:
  case OP_DICT_AWAIT:
    return read_out(call, change);
  case OP_DICT_CAS:
    if (!call->op->value->same)
      return read_out(call, change);
    break;
  default:
    break;
  }
  if (!change->changes)
    return 0;
  FAULT("dict.redo");
  redo(s, change->table);
  sync_unname_all(call, change->old_refs.data, change->old_refs.len / sizeof(struct object_ref));
  return 0;
}

struct visit {
  struct sync_call *call;
  void (*refs)(struct sync_call *call, const void *refs, uint64_t count);
};

static void visit_entry(void *ctx, const struct dict_entry *e) {
  const struct visit *v = ctx;
  if (e->refs)
    v->refs(v->call, dict_refs(e), e->refs);
}

static void each_ref(struct sync_call *call,
                     void (*visit)(struct sync_call *call, const void *refs, uint64_t count)) {
  struct visit v = {call, visit};
  uint8_t *table;
  if (map_current(call->b, call->op->object->slot, &table) == 0 && table)
    dict_each(table, sync_state(call->record)[DICT_BUCKETS], visit_entry, &v);
}

static void release(struct os_backend *b, uint32_t slot) {
  struct sync_record *r = &b->control->syncs[slot];
  const uint64_t *s = sync_state(r);
  if (b->holds)
    unmap(&b->holds[slot]);
  for (uint64_t i = 0; i < 2; i++) {
    struct extent e = extent_in(s, i);
    if (e.bytes)
      store_give(b, &e);
  }
  uint64_t *next = sync_next(r); /* once only, then */
  memset(&next[DICT_EXTENTS], 0, (DICT_STORAGE_END - DICT_EXTENTS) * sizeof *next);
  monitor_commit(&r->monitor);
}

const struct sync_storage dict_storage = {.compare = compare,
                                          .prepare = prepare,
                                          .fill = fill,
                                          .done = done,
                                          .each_ref = each_ref,
                                          .release = release};

int dict_perform(struct os_backend *b, struct op *op) {
  struct sync_call call;
  struct dict_change change;
  change.table = NULL;
  change.found = 0;
  change.changes = false;
  change.old_refs = (struct buf){0};
  sync_begin(&call, b, op);
  call.storage = &dict_storage;
  call.change = &change;
  int rc = sync_finish(&call);
  buf_release(&change.old_refs);
  return rc;
}
