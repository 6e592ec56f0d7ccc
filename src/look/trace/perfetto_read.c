/* look/trace/perfetto_read.c - reads a file that perfetto.c wrote: packets, until the last one; see
 * perfetto_reader.h. */
#include "look/trace/perfetto.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "look/trace/perfetto_reader.h"

/* -- sequences ------------------------------------------------------------------------------- */

static void sequence_clear(struct sequence *s, uint64_t id) {
  s->id = id;
  s->clock_ns = 0;
  s->process = 0;
  s->depth = 0;
  s->name_count = s->text_count = 0;
  for (int i = 0; i < LANES; i++)
    s->lanes[i].count = 0;
}

static void sequence_release(struct sequence *s) {
  free(s->names);
  free(s->texts);
  for (int i = 0; i < LANES; i++)
    free(s->lanes[i].events);
}

bool sequence_open(const struct sequence *s) {
  bool open = s->depth > 0;
  for (int i = 0; i < LANES; i++)
    open |= s->lanes[i].count > 0;
  return open;
}

/* -- packets --------------------------------------------------------------------------------- */

static int read_entry(struct pb_bytes from, uint64_t *ret_iid, struct pb_bytes *ret_text) {
  struct pb_field f;
  int rc;
  while ((rc = pb_next(&from, &f)) > 0) {
    if (f.number == ENTRY_IID)
      *ret_iid = f.value;
    else if (f.number == ENTRY_TEXT)
      *ret_text = f.bytes;
  }
  return rc;
}

static int add_name(struct sequence *s, uint64_t iid, struct pb_bytes text) {
  if (iid != (uint64_t)s->name_count + 1)
    return -SBX_EDATA;
  if (trace_grow(&s->names, &s->name_cap, s->name_count, sizeof *s->names))
    return -SBX_ENOMEM;
  s->names[s->name_count++] = (struct meaning){.text = text};
  return 0;
}

static int add_text(struct reader *r, struct sequence *s, uint64_t iid, struct pb_bytes text) {
  if (iid != (uint64_t)s->text_count + 1)
    return -SBX_EDATA;
  uint32_t string;
  if (reader_keep(r, text, &string) ||
      trace_grow(&s->texts, &s->text_cap, s->text_count, sizeof string))
    return -SBX_ENOMEM;
  s->texts[s->text_count++] = string;
  return 0;
}

static int read_interned(struct reader *r, struct sequence *s, struct pb_bytes from) {
  struct pb_field f;
  int rc;
  while ((rc = pb_next(&from, &f)) > 0) {
    uint64_t iid = 0;
    struct pb_bytes text = {0};
    if (f.number != INTERNED_NAMES && f.number != INTERNED_NOTE_TEXTS)
      continue;
    rc = read_entry(f.bytes, &iid, &text);
    if (rc == 0)
      rc = f.number == INTERNED_NAMES ? add_name(s, iid, text) : add_text(r, s, iid, text);
    if (rc)
      return rc;
  }
  return rc;
}

static struct sequence *find_sequence(struct reader *r, uint64_t id, uint64_t flags) {
  if (id == SEQUENCE_RUN) {
    r->run.id = id;
    return &r->run;
  }
  if (id != r->other.id) {
    if (!(flags & FLAG_CLEARED) || sequence_open(&r->other))
      return NULL;
    sequence_clear(&r->other, id);
  }
  return id == 0 ? NULL : &r->other;
}

struct packet {
  uint64_t sequence, flags, passed_ns;
  struct pb_bytes event, interned, track;
  bool has_event;
};

static int read_fields(struct pb_bytes from, struct packet *ret) {
  struct pb_field f;
  int rc;
  while ((rc = pb_next(&from, &f)) > 0) {
    switch (f.number) {
    case PACKET_SEQUENCE:
      ret->sequence = f.value;
      break;
    case PACKET_FLAGS:
      ret->flags = f.value;
      break;
    case PACKET_TIMESTAMP:
      ret->passed_ns = f.value;
      break;
    case PACKET_TRACK_EVENT:
      ret->event = f.bytes;
      ret->has_event = true;
      break;
    case PACKET_INTERNED:
      ret->interned = f.bytes;
      break;
    case PACKET_TRACK:
      ret->track = f.bytes;
      break;
    default:
      break;
    }
  }
  return rc;
}

static int read_packet(struct reader *r, struct pb_bytes from) {
  struct packet p = {0};
  struct event e;
  if (r->ended || read_fields(from, &p))
    return -SBX_EDATA;
  struct sequence *s = find_sequence(r, p.sequence, p.flags);
  if (!s || p.passed_ns > (uint64_t)(TIME_MAX - s->clock_ns))
    return -SBX_EDATA;
  s->clock_ns += (int64_t)p.passed_ns;
  int rc = read_interned(r, s, p.interned);
  if (rc == 0 && s->id == SEQUENCE_MARKS)
    rc = reader_track(r, p.track);
  if (rc || !p.has_event)
    return rc;
  if (event_read(p.event, &e))
    return -SBX_EDATA;
  if (s->id == SEQUENCE_RUN)
    return reader_told(r, &e);
  if (!r->begun)
    return -SBX_EDATA;
  return s->id == SEQUENCE_MARKS ? reader_mark(r, &e) : reader_process(r, &e);
}

/* -- the file -------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* A file tells of each process that it names: so the number of processes is known here, and their
 * times can be summed up. */
static int check_processes(const struct reader *r) {
  const struct trace_model *m = r->m;
  uint32_t *ids = malloc((m->process_count + 1u) * sizeof *ids), count = m->process_count;
  if (!ids)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < count; i++)
    ids[i] = m->processes[i].id;
  qsort(ids, count, sizeof *ids, by_number);
  bool good = count == 0 || r->latest_ns <= INT64_MAX / 4 / count;
#define KNOWN(id) ((id) == 0 || bsearch(&(id), ids, count, sizeof *ids, by_number))
  for (uint32_t i = 0; i < m->event_count && good; i++)
    good = !trace_names_process(m->events[i].kind) || KNOWN(m->events[i].object);
  for (uint32_t i = 0; i < m->mark_count && good; i++)
    good = KNOWN(m->marks[i].process);
  for (uint32_t i = 0; i < m->edge_count && good; i++)
    good = KNOWN(m->edges[i].process) && KNOWN(m->edges[i].holder);
#undef KNOWN
  free(ids);
  return good ? 0 : -SBX_EDATA;
}

/* Packets until the end, or the first that is not good: `from` begins with it. */
static int read_packets(struct reader *r, struct pb_bytes *from) {
  while (from->len > 0) {
    struct pb_bytes before = *from;
    struct pb_field f;
    int rc = pb_next(from, &f);
    if (rc > 0)
      rc = f.number == TRACE_PACKET && f.wire == PB_BYTES ? read_packet(r, f.bytes) : -SBX_EDATA;
    if (rc) {
      *from = before;
      return rc;
    }
  }
  return r->ended ? check_processes(r) : -SBX_EDATA;
}

/* Is what is left the beginning of a packet? */
static bool is_cut(struct pb_bytes from) {
  uint64_t len;
  if (from.len == 0)
    return true;
  if (*from.data != (TRACE_PACKET << 3 | PB_BYTES))
    return false;
  from.data++;
  from.len--;
  if (pb_take_varint(&from, &len))
    return from.len < PB_VARINT_MAX;
  return len > from.len;
}

static void say_why(const struct reader *r, size_t at, size_t len, bool cut, char *why) {
  if (len == 0)
    snprintf(why, TRACE_WHY_MAX, "it is empty");
  else if (r->newer)
    snprintf(why, TRACE_WHY_MAX, "it was written by a newer version of sandbox");
  else if (!r->begun)
    snprintf(why, TRACE_WHY_MAX, "it is not a trace of sandbox");
  else if (cut)
    snprintf(why, TRACE_WHY_MAX, "it is cut off at byte %zu", len);
  else
    snprintf(why, TRACE_WHY_MAX, "it is damaged at byte %zu", at);
}

int trace_perfetto_read(const void *data, size_t len, struct trace_model *ret,
                        char why[TRACE_WHY_MAX]) {
  struct reader r = {.m = ret};
  struct pb_bytes from = {data, len};
  int rc = trace_model_new(ret);
  if (rc)
    return rc;
  rc = read_packets(&r, &from);
  if (rc == -SBX_EDATA)
    say_why(&r, len - from.len, len, !r.ended && is_cut(from), why);
  sequence_release(&r.run);
  sequence_release(&r.other);
  free(r.counters);
  buf_release(&r.text);
  if (rc == 0)
    rc = trace_model_finish(ret);
  if (rc)
    trace_model_release(ret);
  return rc;
}
