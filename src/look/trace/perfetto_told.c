/* look/trace/perfetto_told.c - what events tell of the run; see perfetto_reader.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/perfetto_reader.h"

/* -- what is told of the run ----------------------------------------------------------------- */

static int read_facts(struct reader *r, const struct event *e) {
  struct trace_facts f = r->m->facts;
  uint64_t format = 0, wall = 0, cut = 0, speed = pb_bits(1), flow_bits = 0;
  int detail = TRACE_DETAIL_MERGED;
  event_u64(e, "format", &format);
  if (format == 0)
    return -SBX_EDATA;
  r->newer = format > FORMAT;
  if (r->newer)
    return -SBX_EDATA;
  r->begun = true;
  event_u64(e, "seed", &f.seed);
  event_u64(e, "lost", &f.lost);
  event_u64(e, "nameless", &f.nameless);
  event_u64(e, "wall_ns", &wall);
  event_u64(e, "cut", &cut);
  event_u64(e, "speed", &speed);
  event_u64(e, "flow_bits", &flow_bits);
  f.wall_ns = (int64_t)wall < 0 ? 0 : (int64_t)wall;
  f.cut = cut != 0;
  f.speed = pb_double_of(speed);
  f.cpu_ns = -1;
  if (flow_bits > FLOW_BITS_MAX || !isfinite(f.speed) || f.speed <= 0 ||
      event_time(r, e, "end_ns", &f.end_ns) || event_int(e, "exit_status", &f.exit_status) ||
      event_word(e, "detail", perfetto_details, 3, &detail))
    return -SBX_EDATA;
  f.detail = (enum trace_detail)detail;
  r->flow_bits = (unsigned)flow_bits;
  const struct note *cpu = event_note(e, "cpu_ns");
  if (cpu && (int64_t)cpu->value >= 0)
    f.cpu_ns = (int64_t)cpu->value;
  int rc = event_text(r, e, "command", &f.command);
  rc = rc ? rc : event_text(r, e, "version", &f.version);
  rc = rc ? rc : event_text(r, e, "clock", &f.clock);
  rc = rc ? rc : event_text(r, e, "deadlock", &f.deadlock);
  return rc ? rc : trace_set_facts(r->m, &f);
}

static int read_object(struct reader *r, const struct event *e) {
  struct trace_object o = {.name = "", .made_at = ""};
  if (event_u32(e, "object", &o.id) || o.id == 0 || event_u32(e, "peer", &o.peer) ||
      event_type(e, &o.type) || event_count(e, "puts", &o.puts) || event_count(e, "gets", &o.gets))
    return -SBX_EDATA;
  uint64_t meets = 0;
  event_u64(e, "max", &o.max);
  event_u64(e, "meets", &meets);
  o.meets = meets != 0;
  int rc = event_text(r, e, "name", &o.name);
  rc = rc ? rc : event_text(r, e, "made_at", &o.made_at);
  return rc ? rc : trace_add_object(r->m, &o);
}

static int read_source(struct reader *r, const struct event *e) {
  const char *path = "";
  const struct note *text = event_note(e, "text");
  int rc = event_text(r, e, "path", &path);
  return rc || !text ? rc
                     : trace_add_source(r->m, path, (const char *)text->text.data, text->text.len);
}

static int read_edge(struct reader *r, const struct event *e) {
  struct trace_edge edge = {0};
  uint64_t stuck = 0;
  const struct note *op = event_note(e, "op"), *where = event_note(e, "where");
  if (!op || event_op(r, op->text, &edge.kind) || event_u32(e, "process", &edge.process) ||
      edge.process == 0 || event_u32(e, "object", &edge.object) ||
      event_u32(e, "holder", &edge.holder))
    return -SBX_EDATA;
  event_u64(e, "stuck", &stuck);
  edge.stuck = stuck != 0;
  int rc = where ? reader_keep(r, where->text, &edge.where) : 0;
  return rc ? rc : trace_add_edge(r->m, &edge);
}

static int read_end(struct reader *r, const struct event *e) {
  uint64_t events = UINT64_MAX;
  event_u64(e, "events", &events);
  r->ended = events == r->events && !sequence_open(&r->other);
  return r->ended ? 0 : -SBX_EDATA;
}

int reader_told(struct reader *r, const struct event *e) {
  static const struct {
    const char *category;
    int (*read)(struct reader *r, const struct event *e);
  } rows[] = {{"run", read_facts},
              {"object", read_object},
              {"source", read_source},
              {"edge", read_edge},
              {"end", read_end}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (bytes_are(e->category, rows[i].category))
      return r->begun || i == 0 ? rows[i].read(r, e) : -SBX_EDATA;
  return 0;
}

/* -- marks ----------------------------------------------------------------------------------- */

static uint32_t process_of(uint64_t uuid) {
  uint64_t id = (uuid >> 4) - 1;
  return uuid >> 4 == 0 || id > UINT32_MAX ? 0 : (uint32_t)id;
}

int reader_mark(struct reader *r, const struct event *e) {
  const struct sequence *s = &r->other;
  struct trace_mark mark = {.t_ns = s->clock_ns, .process = process_of(e->uuid)};
  if (e->type == TYPE_COUNTER) {
    uint64_t number = e->uuid - UUID_MARK(0);
    if (number == 0 || number > r->counter_count)
      return -SBX_EDATA;
    mark.process = r->counters[number - 1].process;
    mark.name = r->counters[number - 1].name;
    mark.counter = true;
    mark.value = e->value;
  } else {
    if (e->name_iid == 0 || e->name_iid > s->name_count)
      return -SBX_EDATA;
    int rc = reader_keep(r, s->names[e->name_iid - 1].text, &mark.name);
    if (rc)
      return rc;
  }
  return mark.process ? trace_add_mark(r->m, &mark) : -SBX_EDATA;
}

/* The counter of a mark; other tracks are for people. */
int reader_track(struct reader *r, struct pb_bytes from) {
  struct pb_field f;
  struct pb_bytes name = {0};
  uint64_t uuid = 0, parent = 0;
  int rc;
  while ((rc = pb_next(&from, &f)) > 0) {
    uuid = f.number == TRACK_UUID ? f.value : uuid;
    parent = f.number == TRACK_PARENT ? f.value : parent;
    name = f.number == TRACK_NAME ? f.bytes : name;
  }
  if (rc < 0 || uuid != UUID_MARK((uint64_t)r->counter_count + 1))
    return rc;
  struct counter counter = {.process = process_of(parent)};
  if (reader_keep(r, name, &counter.name) ||
      trace_grow(&r->counters, &r->counter_cap, r->counter_count, sizeof counter))
    return -SBX_ENOMEM;
  r->counters[r->counter_count++] = counter;
  return 0;
}

/* -- processes ------------------------------------------------------------------------------- */

static int read_birth(struct reader *r, const struct event *e) {
  struct trace_process p = {.name = "", .spawned_at = "", .failure = "", .end_ns = -1};
  uint64_t worker = 0;
  int how = TRACE_ALIVE;
  if (event_u32(e, "process", &p.id) || p.id == 0 || event_u32(e, "parent", &p.parent) ||
      p.parent >= p.id || event_time(r, e, "begin_ns", &p.begin_ns) ||
      event_time(r, e, "end_ns", &p.end_ns) || event_int(e, "exit_code", &p.exit_code) ||
      event_int(e, "signal", &p.signal) || event_word(e, "how", trace_end_words, TRACE_ENDS, &how))
    return -SBX_EDATA;
  event_u64(e, "worker", &worker);
  p.worker = worker != 0;
  p.how = (enum trace_end)how;
  r->other.process = p.id;
  r->other.depth = 1;
  int rc = event_text(r, e, "name", &p.name);
  rc = rc ? rc : event_text(r, e, "spawned_at", &p.spawned_at);
  rc = rc ? rc : event_text(r, e, "failure", &p.failure);
  rc = rc ? rc : event_text(r, e, "host", &p.host);
  return rc ? rc : trace_add_process(r->m, &p);
}

/* The first event of a name says what the name means. */
static int learn(struct reader *r, const struct event *e, struct meaning *ret) {
  const struct sequence *s = &r->other;
  const struct note *op = event_note_iid(e, OP), *object = event_note_iid(e, OBJECT),
                    *flags = event_note_iid(e, FLAGS);
  if (ret->known)
    return 0;
  if (!op || op->value == 0 || op->value > s->text_count)
    return -SBX_EDATA;
  const char *name = r->m->strings[s->texts[op->value - 1]];
  if (event_op(r, (struct pb_bytes){(const uint8_t *)name, strlen(name)}, &ret->kind) ||
      (object && object->value > UINT32_MAX) || (flags && flags->value > UINT16_MAX))
    return -SBX_EDATA;
  ret->object = object ? (uint32_t)object->value : 0;
  ret->flags = flags ? (uint16_t)flags->value : 0;
  ret->known = true;
  return 0;
}

/* At most COUNT_MAX, else it is none. */
static uint64_t number_of(const struct reader *r, const struct event *e, uint64_t flow) {
  const struct note *n = event_note_iid(e, ITEM);
  n = n ? n : event_note_iid(e, SIGNAL);
  n = n ? n : event_note_iid(e, NUMBER);
  uint64_t number = n ? n->value : flow >> r->flow_bits;
  return number <= COUNT_MAX ? number : 0;
}

/* The lane of an event, LANES if its track is none of the process's. */
static unsigned lane_of(const struct sequence *s, const struct event *e) {
  uint64_t first = UUID_LANE(s->process, 0);
  if (e->uuid == 0)
    return 0;
  return e->uuid < first || e->uuid - first >= LANES ? LANES : (unsigned)(e->uuid - first);
}

static int read_line(struct reader *r, const struct event *e) {
  struct sequence *s = &r->other;
  unsigned lane = lane_of(s, e);
  if (e->name_iid > s->name_count || s->process == 0 || lane == LANES)
    return -SBX_EDATA;
  struct meaning *meaning = &s->names[e->name_iid - 1];
  int rc = learn(r, e, meaning);
  if (rc)
    return rc;
  const struct note *ops = event_note_iid(e, OPS), *where = event_note_iid(e, WHERE),
                    *duration = event_note_iid(e, DURATION);
  if ((ops && (ops->value == 0 || ops->value > UINT32_MAX)) ||
      (where && (where->value == 0 || where->value > s->text_count)) ||
      (duration && duration->value > (uint64_t)(TIME_MAX - s->clock_ns)))
    return -SBX_EDATA;
  struct trace_event row = {.t_ns = s->clock_ns,
                            .duration_ns = duration ? (int64_t)duration->value : 0,
                            .kind = meaning->kind,
                            .flags = meaning->flags,
                            .process = s->process,
                            .object = meaning->object,
                            .where = where ? s->texts[where->value - 1] : 0,
                            .count = ops ? (uint32_t)ops->value : 1,
                            .n = number_of(r, e, e->ends ? e->ends : e->flow)};
  int64_t end_ns = row.t_ns + row.duration_ns;
  r->latest_ns = end_ns > r->latest_ns ? end_ns : r->latest_ns;
  r->events++;
  struct pending *open = &s->lanes[lane];
  if (e->type == TYPE_BEGIN) {
    if (trace_grow(&open->events, &open->cap, open->count, sizeof *open->events))
      return -SBX_ENOMEM;
    open->events[open->count++] = r->m->event_count;
  }
  return trace_add_event(r->m, &row);
}

/* The end of the innermost slice of a lane, or else of the process. */
static int read_slice_end(struct reader *r, const struct event *e) {
  struct sequence *s = &r->other;
  unsigned lane = lane_of(s, e);
  if (s->process == 0 || lane == LANES)
    return -SBX_EDATA;
  struct pending *open = &s->lanes[lane];
  if (open->count == 0) {
    bool life = lane == 0 && s->depth == 1;
    s->depth = 0;
    return life ? 0 : -SBX_EDATA;
  }
  struct trace_event *row = &r->m->events[open->events[--open->count]];
  row->duration_ns = s->clock_ns - row->t_ns;
  if (e->ends && row->n == 0)
    row->n = number_of(r, e, e->ends);
  return 0;
}

int reader_process(struct reader *r, const struct event *e) {
  if (e->type == TYPE_END)
    return read_slice_end(r, e);
  if (e->type == TYPE_BEGIN && bytes_are(e->category, "process"))
    return r->other.process ? -SBX_EDATA : read_birth(r, e);
  bool line = (e->type == TYPE_BEGIN || e->type == TYPE_INSTANT) && e->name_iid > 0;
  return line ? read_line(r, e) : 0;
}
