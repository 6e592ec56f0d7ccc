/* look/trace/perfetto_packet.c - packets, tracks and annotations; see perfetto_writer.h. */
#include <stdlib.h>

#include "base/error.h"
#include "look/trace/perfetto_writer.h"

enum { PAGE_BYTES = 256 * 1024 };

/* -- maps ------------------------------------------------------------------------------------ */

static struct map_cell *map_find(const struct map *map, uint64_t key) {
  uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);
  uint32_t at = (uint32_t)(h >> 32) & (map->cap - 1);
  while (map->cells[at].epoch == map->epoch && map->cells[at].key != key)
    at = (at + 1) & (map->cap - 1);
  return &map->cells[at];
}

/* A model has less than 2^32 processes, so the epochs do not come round. */
static void map_clear(struct map *map) {
  map->epoch++;
  map->count = 0;
}

static int map_grow(struct map *map) {
  struct map grown = {.cap = map->cap ? 2 * map->cap : 64, .epoch = map->epoch};
  if (!(grown.cells = calloc(grown.cap, sizeof *grown.cells)))
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < map->cap; i++)
    if (map->cells[i].epoch == map->epoch)
      *map_find(&grown, map->cells[i].key) = map->cells[i];
  grown.count = map->count;
  free(map->cells);
  *map = grown;
  return 0;
}

uint32_t map_number(struct map *map, uint64_t key, bool *ret_new) {
  *ret_new = false;
  if (2 * map->count >= map->cap && map_grow(map))
    return 0;
  struct map_cell *cell = map_find(map, key);
  *ret_new = cell->epoch != map->epoch;
  if (*ret_new)
    *cell = (struct map_cell){key, map->epoch, ++map->count};
  return cell->value;
}

/* -- packets --------------------------------------------------------------------------------- */

void writer_flush(struct writer *w) {
  if (w->rc == 0 && w->page.len > 0)
    w->rc = w->sink->write(w->sink->ctx, w->page.data, w->page.len);
  w->page.len = 0;
}

uint8_t *writer_room(struct writer *w, size_t size) {
  if (w->page.len + size > PAGE_BYTES)
    writer_flush(w);
  if (w->rc == 0 && w->page.cap < w->page.len + size)
    w->rc = buf_reserve(&w->page, size < PAGE_BYTES ? PAGE_BYTES : size);
  return w->rc ? NULL : w->page.data + w->page.len;
}

uint64_t writer_pass(struct writer *w, int64_t t_ns) {
  uint64_t at = t_ns < -EPOCH_NS ? 0 : (uint64_t)(t_ns + EPOCH_NS);
  uint64_t passed = at > w->clock_ns ? at - w->clock_ns : 0;
  w->clock_ns += passed;
  return passed;
}

void packet_begin(struct writer *w, uint32_t flags) {
  w->packet.b.len = 0;
  pb_uint(&w->packet, PACKET_SEQUENCE, w->sequence);
  pb_uint(&w->packet, PACKET_FLAGS, flags);
}

void packet_end(struct writer *w) {
  if (w->rc == 0)
    w->rc = w->packet.rc;
  uint8_t *at = writer_room(w, w->packet.b.len + 2 * PB_VARINT_MAX);
  if (!at)
    return;
  at = pb_varint_at(pb_tag_at(at, TRACE_PACKET, PB_BYTES), w->packet.b.len);
  memcpy(at, w->packet.b.data, w->packet.b.len);
  w->page.len = (size_t)(at + w->packet.b.len - w->page.data);
}

static void text(struct pb *p, uint32_t field, const char *s) { pb_text(p, field, s, strlen(s)); }

static void put_clock(struct pb *p, uint64_t id, uint64_t time, bool incremental) {
  size_t at = pb_open(p, SNAPSHOT_CLOCKS);
  pb_uint(p, CLOCK_ID, id);
  pb_uint(p, CLOCK_TIMESTAMP, time);
  if (incremental)
    pb_uint(p, CLOCK_INCREMENTAL, 1);
  pb_close(p, at);
}

static void put_entry(struct pb *p, uint32_t field, uint32_t iid, const char *s) {
  size_t at = pb_open(p, field);
  pb_uint(p, ENTRY_IID, iid);
  text(p, ENTRY_TEXT, s);
  pb_close(p, at);
}

static void put_note_names(struct pb *p) {
  static const char *const names[NOTES] = NOTE_NAMES;
  size_t at = pb_open(p, PACKET_INTERNED);
  for (uint32_t i = 1; i < NOTES; i++)
    put_entry(p, INTERNED_NOTE_NAMES, i, names[i]);
  pb_close(p, at);
}

void intern(struct writer *w, uint32_t field, uint32_t iid, const char *s) {
  packet_begin(w, FLAG_NEEDS_STATE);
  size_t at = pb_open(&w->packet, PACKET_INTERNED);
  put_entry(&w->packet, field, iid, s);
  pb_close(&w->packet, at);
  packet_end(w);
}

void sequence_begin(struct writer *w, uint32_t id, uint64_t uuid) {
  struct pb *p = &w->packet;
  w->sequence = id;
  w->clock_ns = EPOCH_NS;
  map_clear(&w->names);
  map_clear(&w->texts);
  packet_begin(w, FLAG_CLEARED);
  size_t clocks = pb_open(p, PACKET_CLOCK_SNAPSHOT);
  put_clock(p, CLOCK_BOOTTIME_ID, EPOCH_NS, false);
  put_clock(p, CLOCK_OURS, EPOCH_NS, true);
  if (id == SEQUENCE_RUN && w->m->facts.wall_ns > 0)
    put_clock(p, CLOCK_REALTIME_ID, (uint64_t)w->m->facts.wall_ns, false);
  pb_close(p, clocks);
  size_t defaults = pb_open(p, PACKET_DEFAULTS);
  pb_uint(p, PACKET_TIMESTAMP_CLOCK, CLOCK_OURS);
  size_t track = pb_open(p, DEFAULTS_TRACK_EVENT);
  pb_uint(p, EVENT_TRACK, uuid);
  pb_close(p, track);
  pb_close(p, defaults);
  if (id >= SEQUENCE_PROCESS)
    put_note_names(p);
  packet_end(w);
}

/* -- tracks ---------------------------------------------------------------------------------- */

size_t track_begin(struct writer *w, uint64_t uuid, uint64_t parent, const char *name) {
  packet_begin(w, FLAG_NEEDS_STATE);
  size_t at = pb_open(&w->packet, PACKET_TRACK);
  pb_uint(&w->packet, TRACK_UUID, uuid);
  if (parent)
    pb_uint(&w->packet, TRACK_PARENT, parent);
  if (*name)
    text(&w->packet, TRACK_NAME, name);
  return at;
}

void track_end(struct writer *w, size_t at) {
  pb_close(&w->packet, at);
  packet_end(w);
}

/* -- events that are told in full ------------------------------------------------------------ */

size_t told_begin(struct writer *w, unsigned type, int64_t t_ns, uint64_t uuid,
                  const char *category, const char *name) {
  struct pb *p = &w->packet;
  packet_begin(w, FLAG_NEEDS_STATE);
  pb_uint(p, PACKET_TIMESTAMP, writer_pass(w, t_ns));
  size_t at = pb_open(p, PACKET_TRACK_EVENT);
  pb_uint(p, EVENT_TYPE, type);
  if (uuid)
    pb_uint(p, EVENT_TRACK, uuid);
  text(p, EVENT_CATEGORY, category);
  text(p, EVENT_NAME, name);
  return at;
}

void told_end(struct writer *w, size_t at) {
  pb_close(&w->packet, at);
  packet_end(w);
}

static size_t note_begin(struct writer *w, const char *name) {
  size_t at = pb_open(&w->packet, EVENT_NOTE);
  text(&w->packet, NOTE_NAME, name);
  return at;
}

void note_uint(struct writer *w, const char *name, uint64_t value) {
  size_t at = note_begin(w, name);
  pb_uint(&w->packet, NOTE_UINT, value);
  pb_close(&w->packet, at);
}

void note_int(struct writer *w, const char *name, int64_t value) {
  size_t at = note_begin(w, name);
  pb_uint(&w->packet, NOTE_INT, (uint64_t)value);
  pb_close(&w->packet, at);
}

void note_flag(struct writer *w, const char *name, bool value) {
  if (!value)
    return;
  size_t at = note_begin(w, name);
  pb_uint(&w->packet, NOTE_BOOL, 1);
  pb_close(&w->packet, at);
}

void note_double(struct writer *w, const char *name, double value) {
  size_t at = note_begin(w, name);
  pb_double(&w->packet, NOTE_DOUBLE, value);
  pb_close(&w->packet, at);
}

void note_bytes(struct writer *w, const char *name, const char *s, size_t len) {
  size_t at = note_begin(w, name);
  pb_text(&w->packet, NOTE_TEXT, s, len);
  pb_close(&w->packet, at);
}

void note_text(struct writer *w, const char *name, const char *s) {
  if (*s)
    note_bytes(w, name, s, strlen(s));
}
