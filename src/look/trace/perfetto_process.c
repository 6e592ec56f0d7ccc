/* look/trace/perfetto_process.c - the events of one process; see perfetto_internal.h. */
#include <stdio.h>

#include "base/error.h"
#include "look/trace/lanes.h"
#include "look/trace/perfetto_writer.h"

enum {
  LABEL_BYTES = 128,
  FIELD_BYTES = 2 * PB_VARINT_MAX, /* a field, at most */
  HEADER_BYTES = 4 * FIELD_BYTES,  /* the fields of a packet before its event, at most */
  NOTE_BYTES = 3 * FIELD_BYTES     /* an annotation, at most */
};

/* -- its life -------------------------------------------------------------------------------- */

static void tell_birth(struct writer *w, uint32_t index, int64_t begin_ns) {
  const struct trace_process *p = &w->m->processes[index];
  size_t track = track_begin(w, UUID_LANE(p->id, 0), UUID_RUN, "");
  size_t thread = pb_open(&w->packet, TRACK_THREAD);
  const char *name = *p->name ? p->name : "process";
  pb_uint(&w->packet, THREAD_PID, PID_RUN);
  pb_uint(&w->packet, THREAD_TID, p->id);
  pb_text(&w->packet, THREAD_NAME, name, strlen(name));
  pb_close(&w->packet, thread);
  track_end(w, track);

  char label[LABEL_BYTES];
  trace_process_label(w->m, index, label, sizeof label);
  size_t at = told_begin(w, TYPE_BEGIN, begin_ns, 0, "process", label);
  note_uint(w, "process", p->id);
  if (p->parent != TRACE_NONE)
    note_uint(w, "parent", w->m->processes[p->parent].id);
  note_text(w, "name", p->name);
  note_text(w, "spawned_at", p->spawned_at);
  note_text(w, "failure", p->failure);
  if (p->host[0])
    note_text(w, "host", p->host);
  note_int(w, "begin_ns", p->begin_ns);
  note_int(w, "end_ns", p->end_ns);
  note_text(w, "how", trace_end_words[p->how]);
  if (p->how == TRACE_DONE || p->how == TRACE_FAILED)
    note_int(w, "exit_code", p->exit_code);
  if (p->how == TRACE_KILLED)
    note_int(w, "signal", p->signal);
  note_flag(w, "worker", p->worker);
  told_end(w, at);
}

static void tell_death(struct writer *w, const struct trace_process *p, int64_t end_ns) {
  char name[2 * LABEL_BYTES];
  if (p->how == TRACE_KILLED)
    snprintf(name, sizeof name, "killed by signal %d", p->signal);
  else
    snprintf(name, sizeof name, "failed: %s", p->failure);
  if (p->how == TRACE_KILLED || p->how == TRACE_FAILED)
    told_end(w, told_begin(w, TYPE_INSTANT, p->end_ns, 0, "death", name));
  packet_begin(w, FLAG_NEEDS_STATE);
  pb_uint(&w->packet, PACKET_TIMESTAMP, writer_pass(w, end_ns));
  size_t event = pb_open(&w->packet, PACKET_TRACK_EVENT);
  pb_uint(&w->packet, EVENT_TYPE, TYPE_END);
  pb_close(&w->packet, event);
  packet_end(w);
}

/* -- an event's packet ----------------------------------------------------------------------- */

struct line {
  unsigned type;
  int64_t t_ns;
  uint32_t name; /* iid; 0: none */
  uint64_t uuid; /* of its track; 0: the sequence's */
  const uint64_t *flows;
  uint32_t flow_count;
  bool gets; /* the flows end here */
  struct value {
    enum note_name name;
    uint64_t value;
    bool is_text; /* an iid */
  } notes[NOTES];
  unsigned note_count;
};

static void line_note(struct line *l, enum note_name name, uint64_t value) {
  l->notes[l->note_count++] = (struct value){name, value, name == WHERE || name == OP};
}

static uint8_t *put_note(uint8_t *at, const struct value *v) {
  uint8_t note[NOTE_BYTES];
  uint8_t *end = pb_uint_at(note, NOTE_NAME_IID, v->name);
  end = pb_uint_at(end, v->is_text ? NOTE_TEXT_IID : NOTE_UINT, v->value);
  size_t len = (size_t)(end - note);
  at = pb_varint_at(pb_tag_at(at, EVENT_NOTE, PB_BYTES), len);
  memcpy(at, note, len);
  return at + len;
}

static uint8_t *put_body(uint8_t *at, const struct line *l) {
  at = pb_uint_at(at, EVENT_TYPE, l->type);
  if (l->name)
    at = pb_uint_at(at, EVENT_NAME_IID, l->name);
  if (l->uuid)
    at = pb_uint_at(at, EVENT_TRACK, l->uuid);
  for (uint32_t i = 0; i < l->flow_count; i++)
    at = pb_uint_at(at, l->gets ? EVENT_FLOW_END : EVENT_FLOW, l->flows[i]);
  for (unsigned i = 0; i < l->note_count; i++)
    at = put_note(at, &l->notes[i]);
  return at;
}

/* The body is written first, and moved behind the header, which needs its length. */
static void put_line(struct writer *w, const struct line *l) {
  size_t body_bytes = (3 + (size_t)l->flow_count) * FIELD_BYTES + NOTES * NOTE_BYTES;
  uint8_t header[HEADER_BYTES], *page = writer_room(w, HEADER_BYTES + FIELD_BYTES + body_bytes);
  if (!page)
    return;
  uint8_t *body = page + HEADER_BYTES + FIELD_BYTES;
  size_t len = (size_t)(put_body(body, l) - body);
  uint8_t *h = pb_uint_at(header, PACKET_TIMESTAMP, writer_pass(w, l->t_ns));
  h = pb_uint_at(h, PACKET_SEQUENCE, w->sequence);
  h = pb_uint_at(h, PACKET_FLAGS, FLAG_NEEDS_STATE);
  h = pb_varint_at(pb_tag_at(h, PACKET_TRACK_EVENT, PB_BYTES), len);
  size_t before = (size_t)(h - header);
  uint8_t *at = pb_varint_at(pb_tag_at(page, TRACE_PACKET, PB_BYTES), before + len);
  memcpy(at, header, before);
  memmove(at + before, body, len);
  w->page.len = (size_t)(at + before + len - w->page.data);
}

/* -- what is in it --------------------------------------------------------------------------- */

/* The iid of a text, as the value of an annotation. A new one is written first. */
static uint32_t text_iid(struct writer *w, uint64_t key, const char *s) {
  bool is_new;
  uint32_t iid = map_number(&w->texts, key, &is_new);
  if (iid == 0)
    w->rc = -SBX_ENOMEM;
  if (is_new)
    intern(w, INTERNED_NOTE_TEXTS, iid, s);
  return iid;
}

/* "put jobs#3, timed out" */
static void name_event(const struct trace_model *m, const struct trace_event *e, char *ret,
                       size_t size) {
  char label[LABEL_BYTES];
  trace_event_label(m, e, label, sizeof label);
  snprintf(ret, size, "%s%s%s%s%s%s%s", trace_verb_on(m, e->kind, e->object), *label ? " " : "",
           label, e->flags & TRACE_TIMEOUT ? ", timed out" : "",
           e->flags & TRACE_REFUSED ? ", refused" : "",
           e->flags & TRACE_UNFINISHED ? ", unfinished" : "",
           e->flags & TRACE_AGAIN ? ", came back" : "");
}

static uint32_t object_id(const struct trace_model *m, const struct trace_event *e) {
  if (e->object == TRACE_NONE)
    return 0;
  return trace_names_process(e->kind) ? m->processes[e->object].id : m->objects[e->object].id;
}

/* The name of an event, and the annotations of the first that has it. */
static void line_name(struct writer *w, struct line *l, const struct trace_event *e) {
  uint32_t object = object_id(w->m, e);
  uint64_t key = (uint64_t)object << 32 | (uint32_t)e->flags << 16 | e->kind;
  bool is_new;
  l->name = map_number(&w->names, key, &is_new);
  if (l->name == 0)
    w->rc = -SBX_ENOMEM;
  if (!is_new)
    return;
  char name[2 * LABEL_BYTES];
  name_event(w->m, e, name, sizeof name);
  intern(w, INTERNED_NAMES, l->name, name);
  enum op_kind kind = e->kind < OP_COUNT ? e->kind : OP_NONE;
  line_note(l, OP, text_iid(w, TEXT_OF_OP + kind, perfetto_ops[kind]));
  if (object)
    line_note(l, OBJECT, object);
  if (e->flags)
    line_note(l, FLAGS, e->flags);
}

static void line_number(const struct writer *w, struct line *l, const struct trace_event *e) {
  bool flow_says_it = l->flow_count > 0 && l->flows[0] >> w->flow_bits == e->n;
  if (e->n == 0 || flow_says_it)
    return;
  bool item = trace_item_change(e->kind) != 0;
  line_note(l, item ? ITEM : e->kind == OP_PROCESS_SIGNAL ? SIGNAL : NUMBER, e->n);
}

static void line_flows(const struct writer *w, struct line *l, uint32_t event) {
  l->gets = trace_item_change(w->m->events[event].kind) < 0;
  l->flows = w->flows + w->flow_first[event];
  l->flow_count = w->flow_first[event + 1] - w->flow_first[event];
}

/* -- all of them ----------------------------------------------------------------------------- */

struct sequence {
  struct writer *w;
  struct lanes *lanes; /* all are empty between processes */
  uint32_t id;         /* of the process */
  unsigned known;      /* bit n: lane n has been described */
  int64_t last_ns;
};

/* Close the slices that end until `until_ns`. Items that were got belong to the end of their slice:
 * a process that waited for one began to do so before it was put. */
static void close_slices(struct sequence *s, int64_t until_ns) {
  struct lane_slice slice;
  for (int lane; (lane = lanes_close(s->lanes, until_ns, &slice)) >= 0;) {
    struct line l = {.type = TYPE_END, .t_ns = slice.end_ns};
    l.uuid = lane ? UUID_LANE(s->id, lane) : 0;
    line_flows(s->w, &l, slice.event);
    if (!l.gets)
      l.flow_count = 0;
    put_line(s->w, &l);
    s->last_ns = slice.end_ns > s->last_ns ? slice.end_ns : s->last_ns;
  }
}

/* Open a slice. False: it is none, or would not nest. */
static bool open_slice(struct sequence *s, struct line *l, uint32_t event, int64_t end_ns) {
  if (end_ns <= l->t_ns)
    return false;
  int lane = lanes_open(s->lanes, s->w->m, event, end_ns);
  if (lane < 0)
    s->w->rc = lane;
  if (lane < 0 || lane == LANES)
    return false;
  if (lane > 0) {
    l->uuid = UUID_LANE(s->id, lane);
    if (!(s->known & 1u << lane))
      track_end(s->w, track_begin(s->w, l->uuid, UUID_LANE(s->id, 0), "runs of ops"));
    s->known |= 1u << lane;
  }
  l->type = TYPE_BEGIN;
  return true;
}

static void put_event(struct sequence *s, uint32_t event) {
  struct writer *w = s->w;
  const struct trace_event *e = &w->m->events[event];
  struct line l = {.type = TYPE_INSTANT, .t_ns = e->t_ns};
  int64_t end_ns = lanes_end_of(w->m, e);
  bool slice = open_slice(s, &l, event, end_ns);
  line_name(w, &l, e);
  line_flows(w, &l, event);
  line_number(w, &l, e);
  if (slice && l.gets)
    l.flow_count = 0;
  if (e->count != 1)
    line_note(&l, OPS, e->count);
  if (e->where)
    line_note(&l, WHERE, text_iid(w, e->where, w->m->strings[e->where]));
  if (!slice && end_ns > e->t_ns)
    line_note(&l, DURATION, (uint64_t)(end_ns - e->t_ns));
  put_line(w, &l);
  w->written++;
  s->last_ns = e->t_ns > s->last_ns ? e->t_ns : s->last_ns;
}

void perfetto_process(struct writer *w, struct lanes *lanes, uint32_t index) {
  const struct trace_process *p = &w->m->processes[index];
  const struct trace_event *events = &w->m->events[p->event_first];
  struct sequence s = {.w = w, .lanes = lanes, .id = p->id, .last_ns = p->end_ns};
  bool early = p->event_count > 0 && events->t_ns < p->begin_ns;
  sequence_begin(w, SEQUENCE_PROCESS + index, UUID_LANE(p->id, 0));
  tell_birth(w, index, early ? events->t_ns : p->begin_ns);
  for (uint32_t i = 0; i < p->event_count && w->rc == 0; i++) {
    close_slices(&s, events[i].t_ns);
    put_event(&s, p->event_first + i);
  }
  close_slices(&s, INT64_MAX);
  tell_death(w, p, s.last_ns);
}
