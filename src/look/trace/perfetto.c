/* look/trace/perfetto.c - writes a model as a Perfetto file; see perfetto.h, and perfetto_internal.h
 * for what stands where. */
#include "look/trace/perfetto.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "look/trace/lanes.h"
#include "look/trace/perfetto_writer.h"
#include "look/trace/thin.h"

enum { LABEL_BYTES = 128 };

/* -- what is told of the run ----------------------------------------------------------------- */

static void describe_run(struct writer *w) {
  const char *command = *w->m->facts.command ? w->m->facts.command : "sandbox";
  size_t track = track_begin(w, UUID_RUN, 0, "");
  size_t process = pb_open(&w->packet, TRACK_PROCESS);
  pb_uint(&w->packet, PROCESS_PID, PID_RUN);
  pb_text(&w->packet, PROCESS_NAME, command, strlen(command));
  pb_close(&w->packet, process);
  track_end(w, track);
  track_end(w, track_begin(w, UUID_ABOUT, UUID_RUN, "about the run"));
}

static void tell_facts(struct writer *w) {
  const struct trace_facts *f = &w->m->facts;
  size_t at = told_begin(w, TYPE_INSTANT, 0, 0, "run", "run");
  note_uint(w, "format", FORMAT);
  note_text(w, "command", f->command);
  note_text(w, "version", f->version);
  note_text(w, "clock", f->clock);
  note_text(w, "deadlock", f->deadlock);
  note_uint(w, "seed", f->seed);
  note_double(w, "speed", f->speed);
  note_int(w, "wall_ns", f->wall_ns);
  note_int(w, "end_ns", f->end_ns);
  note_int(w, "cpu_ns", f->cpu_ns);
  note_int(w, "exit_status", f->exit_status);
  note_uint(w, "lost", f->lost);
  note_uint(w, "nameless", f->nameless);
  note_uint(w, "flow_bits", w->flow_bits);
  note_flag(w, "cut", f->cut);
  note_text(w, "detail", perfetto_details[f->detail]);
  told_end(w, at);
}

static void tell_object(struct writer *w, uint32_t index) {
  const struct trace_object *o = &w->m->objects[index];
  char label[LABEL_BYTES];
  trace_object_label(w->m, index, label, sizeof label);
  size_t at = told_begin(w, TYPE_INSTANT, 0, UUID_ABOUT, "object", label);
  note_uint(w, "object", o->id);
  note_text(w, "type", object_type_word(o->type));
  note_text(w, "name", o->name);
  note_text(w, "made_at", o->made_at);
  if (o->max)
    note_uint(w, "max", o->max);
  if (o->meets)
    note_uint(w, "meets", 1);
  if (o->puts)
    note_uint(w, "puts", o->puts);
  if (o->gets)
    note_uint(w, "gets", o->gets);
  if (o->peer != TRACE_NONE)
    note_uint(w, "peer", w->m->objects[o->peer].id);
  told_end(w, at);
}

static void tell_source(struct writer *w, const struct trace_source *s) {
  size_t at = told_begin(w, TYPE_INSTANT, 0, UUID_ABOUT, "source", s->path);
  note_text(w, "path", s->path);
  note_bytes(w, "text", s->text, s->len);
  told_end(w, at);
}

static void tell_run(struct writer *w) {
  sequence_begin(w, SEQUENCE_RUN, UUID_RUN);
  describe_run(w);
  tell_facts(w);
  for (uint32_t i = 0; i < w->m->object_count; i++)
    tell_object(w, i);
  for (uint32_t i = 0; i < w->m->source_count; i++)
    tell_source(w, &w->m->sources[i]);
}

static void tell_edge(struct writer *w, const struct trace_edge *e) {
  const struct trace_model *m = w->m;
  char label[LABEL_BYTES], name[2 * LABEL_BYTES];
  if (e->object != TRACE_NONE)
    trace_object_label(m, e->object, label, sizeof label);
  else
    trace_process_label(m, e->holder, label, sizeof label);
  snprintf(name, sizeof name, "%s: %s %s", e->stuck ? "deadlock" : "waits at the end",
           trace_verb_on(m, e->kind, e->object), label);
  uint32_t id = m->processes[e->process].id;
  size_t at = told_begin(w, TYPE_INSTANT, m->facts.end_ns, UUID_LANE(id, 0), "edge", name);
  note_uint(w, "process", id);
  note_text(w, "op", perfetto_ops[e->kind < OP_COUNT ? e->kind : OP_NONE]);
  if (e->object != TRACE_NONE)
    note_uint(w, "object", m->objects[e->object].id);
  if (e->holder != TRACE_NONE)
    note_uint(w, "holder", m->processes[e->holder].id);
  note_text(w, "where", m->strings[e->where]);
  note_flag(w, "stuck", e->stuck);
  told_end(w, at);
}

/* A file that is cut off has no "end". */
static void tell_end(struct writer *w, uint64_t run_clock_ns) {
  w->sequence = SEQUENCE_RUN;
  w->clock_ns = run_clock_ns;
  for (uint32_t i = 0; i < w->m->edge_count; i++)
    tell_edge(w, &w->m->edges[i]);
  size_t at = told_begin(w, TYPE_INSTANT, w->m->facts.end_ns, 0, "end", "end of the trace");
  note_uint(w, "events", w->written);
  told_end(w, at);
}

/* -- counters -------------------------------------------------------------------------------- */

static void describe_counter(struct writer *w, uint64_t uuid, uint64_t parent, const char *name,
                             bool counts) {
  size_t track = track_begin(w, uuid, parent, name);
  size_t counter = pb_open(&w->packet, TRACK_COUNTER);
  if (counts)
    pb_uint(&w->packet, COUNTER_UNIT, UNIT_COUNT);
  pb_close(&w->packet, counter);
  track_end(w, track);
}

static size_t event_begin(struct writer *w, int64_t t_ns, unsigned type, uint64_t uuid) {
  packet_begin(w, FLAG_NEEDS_STATE);
  pb_uint(&w->packet, PACKET_TIMESTAMP, writer_pass(w, t_ns));
  size_t at = pb_open(&w->packet, PACKET_TRACK_EVENT);
  pb_uint(&w->packet, EVENT_TYPE, type);
  if (uuid)
    pb_uint(&w->packet, EVENT_TRACK, uuid);
  return at;
}

static void put_depth(struct writer *w, const struct trace_depth *d) {
  size_t at = event_begin(w, d->t_ns, TYPE_COUNTER, 0);
  pb_uint(&w->packet, EVENT_COUNTER, (uint64_t)d->items);
  told_end(w, at);
}

static void put_queue(struct writer *w, uint32_t object, uint32_t sequence) {
  struct trace_depth *list;
  uint32_t count;
  char name[LABEL_BYTES];
  int rc = thin_depths(w->m, object, &list, &count);
  if (rc) {
    w->rc = rc;
    return;
  }
  uint64_t uuid = UUID_DEPTH(w->m->objects[object].id);
  trace_object_label(w->m, object, name, sizeof name);
  sequence_begin(w, sequence, uuid);
  describe_counter(w, uuid, UUID_RUN, name, true);
  for (uint32_t i = 0; i < count && w->rc == 0; i++)
    put_depth(w, &list[i]);
  free(list);
}

static void put_queues(struct writer *w) {
  uint32_t *queues, count;
  int rc = thin_queues(w->m, &queues, &count);
  if (rc) {
    w->rc = rc;
    return;
  }
  for (uint32_t i = 0; i < count && w->rc == 0; i++)
    put_queue(w, queues[i], SEQUENCE_PROCESS + w->m->process_count + i);
  free(queues);
}

/* -- marks ----------------------------------------------------------------------------------- */

/* The number of what is counted, by process and name, from 1; it is described first. */
static uint32_t mark_counter(struct writer *w, struct map *counters, const struct trace_mark *k) {
  bool is_new;
  uint32_t number = map_number(counters, (uint64_t)k->process << 32 | k->name, &is_new);
  if (number == 0)
    w->rc = -SBX_ENOMEM;
  if (is_new)
    describe_counter(w, UUID_MARK(number), UUID_LANE(w->m->processes[k->process].id, 0),
                     w->m->strings[k->name], false);
  return number;
}

static void put_mark(struct writer *w, struct map *counters, const struct trace_mark *k) {
  size_t at;
  if (k->counter) {
    uint32_t number = mark_counter(w, counters, k);
    at = event_begin(w, k->t_ns, TYPE_COUNTER, UUID_MARK(number));
    pb_double(&w->packet, EVENT_COUNTER_DOUBLE, k->value);
  } else {
    bool is_new;
    uint32_t iid = map_number(&w->names, k->name, &is_new);
    if (iid == 0)
      w->rc = -SBX_ENOMEM;
    if (is_new)
      intern(w, INTERNED_NAMES, iid, w->m->strings[k->name]);
    at = event_begin(w, k->t_ns, TYPE_INSTANT, UUID_LANE(w->m->processes[k->process].id, 0));
    pb_uint(&w->packet, EVENT_CATEGORY_IID, 1);
    pb_uint(&w->packet, EVENT_NAME_IID, iid);
  }
  told_end(w, at);
}

static void put_marks(struct writer *w) {
  struct map counters = {.epoch = 1};
  if (w->m->mark_count == 0)
    return;
  sequence_begin(w, SEQUENCE_MARKS, UUID_RUN);
  intern(w, INTERNED_CATEGORIES, 1, "mark");
  for (uint32_t i = 0; i < w->m->mark_count && w->rc == 0; i++)
    put_mark(w, &counters, &w->m->marks[i]);
  free(counters.cells);
}

/* -- flows ----------------------------------------------------------------------------------- */

/* The bits that the id of any object fits in. */
static unsigned flow_bits(const struct trace_model *m) {
  uint32_t ids = 0;
  unsigned bits = 0;
  for (uint32_t i = 0; i < m->object_count; i++)
    ids |= m->objects[i].id;
  while (bits < FLOW_BITS_MAX && ids >> bits)
    bits++;
  return bits;
}

/* The flow of an item; 0: its number does not fit. */
static uint64_t flow_of(const struct writer *w, const struct trace_item *item) {
  bool fits = item->n <= UINT64_MAX >> w->flow_bits;
  return fits ? item->n << w->flow_bits | w->m->objects[item->object].id : 0;
}

/* While the lists are filled, first[e + 1] is where the next flow of event e goes; when they are, it
 * is where they end. */
static int list_flows(struct writer *w) {
  const struct trace_model *m = w->m;
  uint32_t *first = w->flow_first = calloc(m->event_count + 2u, sizeof *w->flow_first);
  w->flows = malloc((2u * (size_t)m->item_count + 1u) * sizeof *w->flows);
  if (!w->flow_first || !w->flows)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < m->item_count; i++)
    if (flow_of(w, &m->items[i])) {
      first[m->items[i].from + 2]++;
      first[m->items[i].to + 2]++;
    }
  for (uint32_t i = 2; i < m->event_count + 2; i++)
    first[i] += first[i - 1];
  for (uint32_t i = 0; i < m->item_count; i++) {
    uint64_t flow = flow_of(w, &m->items[i]);
    if (flow) {
      w->flows[first[m->items[i].from + 1]++] = flow;
      w->flows[first[m->items[i].to + 1]++] = flow;
    }
  }
  return 0;
}

/* -- all of it ------------------------------------------------------------------------------- */

int trace_perfetto(const struct trace_model *m, const struct trace_sink *sink) {
  struct writer w = {.m = m, .sink = sink, .names = {.epoch = 1}, .texts = {.epoch = 1}};
  struct lanes lanes = {0};
  w.flow_bits = flow_bits(m);
  w.rc = list_flows(&w);
  if (w.rc == 0) {
    tell_run(&w);
    uint64_t run_clock_ns = w.clock_ns;
    put_marks(&w);
    for (uint32_t i = 0; i < m->process_count && w.rc == 0; i++)
      perfetto_process(&w, &lanes, i);
    put_queues(&w);
    tell_end(&w, run_clock_ns);
    writer_flush(&w);
  }
  lanes_release(&lanes);
  free(w.names.cells);
  free(w.texts.cells);
  free(w.flow_first);
  free(w.flows);
  buf_release(&w.page);
  buf_release(&w.packet.b);
  return w.rc;
}
