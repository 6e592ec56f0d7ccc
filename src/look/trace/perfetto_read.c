/*
 * look/trace/perfetto_read.c - reads a file that perfetto.c wrote; see perfetto_internal.h.
 *
 * The file may be anything. Each length is checked by protobuf.c, each number here; what is read
 * takes memory in proportion to the file. Only what is not derived is read: depths, flows (but for
 * item numbers) and names for people are passed over.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "look/trace/lanes.h"
#include "look/trace/model_internal.h"
#include "look/trace/perfetto.h"
#include "look/trace/perfetto_internal.h"
#include "look/trace/protobuf.h"

enum { NOTES_MAX = 24 }; /* of one event */

/* The latest time, 104 days: sums of times must not overflow. */
#define TIME_MAX (INT64_C(1) << 53)
#define COUNT_MAX (UINT64_C(1) << 53)

struct note {
  uint64_t iid;         /* of its name; 0: `name` says it */
  struct pb_bytes name; /* borrowed, as all bytes here */
  uint64_t value;       /* of a number, a flag or a double; of a text its iid */
  struct pb_bytes text;
};

struct event {
  uint64_t type, name_iid, uuid; /* 0: none */
  struct pb_bytes category;
  double value;        /* of a counter */
  uint64_t flow, ends; /* the first of each; 0: none */
  struct note notes[NOTES_MAX];
  unsigned note_count;
};

/* What a name stands for, on the sequence of a process. */
struct meaning {
  struct pb_bytes text; /* for people */
  uint16_t kind, flags;
  uint32_t object; /* id */
  bool known;
};

/* The events of a lane whose end is to come: indices into the model's. */
struct pending {
  uint32_t *events; /* owned */
  uint32_t count, cap;
};

struct sequence {
  uint64_t id; /* 0: none */
  int64_t clock_ns;
  uint32_t process; /* its id; 0: not known yet */
  unsigned depth;   /* open slices of the process itself: 1 while it lives */

  struct meaning *names; /* owned; by iid - 1 */
  uint32_t name_count, name_cap;
  uint32_t *texts; /* owned; strings of the model by iid - 1 */
  uint32_t text_count, text_cap;
  struct pending lanes[LANES];
};

struct counter {
  uint32_t process, name;
};

struct reader {
  struct trace_model *m;
  struct sequence run, other; /* SEQUENCE_RUN; the last one of others */
  struct counter *counters;   /* owned; of marks, by number - 1 */
  uint32_t counter_count, counter_cap;
  struct buf text; /* with a terminating zero */
  int64_t latest_ns;
  uint64_t events;
  bool begun, ended, newer;
};

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

/* Are there slices without an end? */
static bool sequence_open(const struct sequence *s) {
  bool open = s->depth > 0;
  for (int i = 0; i < LANES; i++)
    open |= s->lanes[i].count > 0;
  return open;
}

/* -- values ---------------------------------------------------------------------------------- */

static bool same(struct pb_bytes b, const char *s) {
  return b.len == strlen(s) && memcmp(b.data, s, b.len) == 0;
}

/* A string of the model. */
static int keep(struct reader *r, struct pb_bytes b, uint32_t *ret) {
  r->text.len = 0;
  int rc = buf_append(&r->text, b.data, b.len);
  if (rc == 0)
    rc = buf_append_byte(&r->text, '\0');
  return rc ? rc : trace_add_string(r->m, (const char *)r->text.data, ret);
}

static const struct note *find(const struct event *e, const char *name) {
  for (unsigned i = 0; i < e->note_count; i++)
    if (e->notes[i].iid == 0 && same(e->notes[i].name, name))
      return &e->notes[i];
  return NULL;
}

static const struct note *find_iid(const struct event *e, enum note_name name) {
  for (unsigned i = 0; i < e->note_count; i++)
    if (e->notes[i].iid == (uint64_t)name)
      return &e->notes[i];
  return NULL;
}

/* Each of these leaves *ret as it is if there is no such annotation. */
static int get_text(struct reader *r, const struct event *e, const char *name, const char **ret) {
  const struct note *n = find(e, name);
  uint32_t string;
  if (!n)
    return 0;
  int rc = keep(r, n->text, &string);
  if (rc == 0)
    *ret = r->m->strings[string];
  return rc;
}

static void get_u64(const struct event *e, const char *name, uint64_t *ret) {
  const struct note *n = find(e, name);
  if (n)
    *ret = n->value;
}

static int get_u32(const struct event *e, const char *name, uint32_t *ret) {
  uint64_t value = *ret;
  get_u64(e, name, &value);
  if (value > UINT32_MAX)
    return -SBX_EDATA;
  *ret = (uint32_t)value;
  return 0;
}

static int get_int(const struct event *e, const char *name, int *ret) {
  uint64_t value = (uint64_t)*ret;
  get_u64(e, name, &value);
  if ((int64_t)value < INT32_MIN || (int64_t)value > INT32_MAX)
    return -SBX_EDATA;
  *ret = (int)(int64_t)value;
  return 0;
}

/* -1: not known. */
static int get_time(struct reader *r, const struct event *e, const char *name, int64_t *ret) {
  uint64_t value = (uint64_t)*ret;
  get_u64(e, name, &value);
  int64_t time = (int64_t)value;
  if (time < -EPOCH_NS || time > TIME_MAX)
    return -SBX_EDATA;
  r->latest_ns = time > r->latest_ns ? time : r->latest_ns;
  *ret = time;
  return 0;
}

/* The number of a word in a list. */
static int get_word(const struct event *e, const char *name, const char *const *words, int count,
                    int *ret) {
  const struct note *n = find(e, name);
  if (!n)
    return 0;
  for (int i = 0; i < count; i++)
    if (same(n->text, words[i])) {
      *ret = i;
      return 0;
    }
  return -SBX_EDATA;
}

static int get_type(const struct event *e, enum object_type *ret) {
  const struct note *n = find(e, "type");
  for (int i = 0; n && i < OBJECT_TYPES; i++)
    if (same(n->text, trace_type_word((enum object_type)i))) {
      *ret = (enum object_type)i;
      return 0;
    }
  return -SBX_EDATA;
}

/* Items are counted: sums of such numbers must not overflow. */
static int get_count(const struct event *e, const char *name, uint64_t *ret) {
  get_u64(e, name, ret);
  return *ret > COUNT_MAX ? -SBX_EDATA : 0;
}

/* An op that this version does not have makes the file newer, not damaged. */
static int op_of(struct reader *r, struct pb_bytes name, uint16_t *ret) {
  for (uint16_t i = 0; i < OP_COUNT; i++)
    if (same(name, perfetto_ops[i])) {
      *ret = i;
      return 0;
    }
  r->newer = name.len > 0;
  return -SBX_EDATA;
}

/* -- fields of an event ---------------------------------------------------------------------- */

static int read_note(struct pb_bytes from, struct note *ret) {
  struct pb_field f;
  int rc;
  *ret = (struct note){0};
  while ((rc = pb_next(&from, &f)) > 0)
    switch (f.number) {
    case NOTE_NAME_IID:
      ret->iid = f.value;
      break;
    case NOTE_NAME:
      ret->name = f.bytes;
      break;
    case NOTE_TEXT:
      ret->text = f.bytes;
      break;
    case NOTE_BOOL:
    case NOTE_UINT:
    case NOTE_INT:
    case NOTE_DOUBLE:
    case NOTE_TEXT_IID:
      ret->value = f.value;
      break;
    default:
      break;
    }
  return rc;
}

static int read_event(struct pb_bytes from, struct event *ret) {
  struct pb_field f;
  int rc;
  ret->type = ret->name_iid = ret->uuid = ret->flow = ret->ends = 0;
  ret->category = (struct pb_bytes){0};
  ret->value = 0;
  ret->note_count = 0;
  while ((rc = pb_next(&from, &f)) > 0) {
    switch (f.number) {
    case EVENT_TYPE:
      ret->type = f.value;
      break;
    case EVENT_NAME_IID:
      ret->name_iid = f.value;
      break;
    case EVENT_TRACK:
      ret->uuid = f.value;
      break;
    case EVENT_CATEGORY:
      ret->category = f.bytes;
      break;
    case EVENT_COUNTER_DOUBLE:
      ret->value = pb_double_of(f.value);
      break;
    case EVENT_FLOW:
      ret->flow = ret->flow ? ret->flow : f.value;
      break;
    case EVENT_FLOW_END:
      ret->ends = ret->ends ? ret->ends : f.value;
      break;
    case EVENT_NOTE:
      if (ret->note_count == NOTES_MAX || read_note(f.bytes, &ret->notes[ret->note_count++]))
        return -SBX_EDATA;
      break;
    default:
      break;
    }
  }
  return rc;
}

/* -- what is told of the run ----------------------------------------------------------------- */

static int read_facts(struct reader *r, const struct event *e) {
  struct trace_facts f = r->m->facts;
  uint64_t format = 0, wall = 0, cut = 0, speed = pb_bits(1);
  int detail = TRACE_DETAIL_MERGED;
  get_u64(e, "format", &format);
  if (format == 0)
    return -SBX_EDATA;
  r->newer = format > FORMAT;
  if (r->newer)
    return -SBX_EDATA;
  r->begun = true;
  get_u64(e, "seed", &f.seed);
  get_u64(e, "lost", &f.lost);
  get_u64(e, "nameless", &f.nameless);
  get_u64(e, "wall_ns", &wall);
  get_u64(e, "cut", &cut);
  get_u64(e, "speed", &speed);
  f.wall_ns = (int64_t)wall < 0 ? 0 : (int64_t)wall;
  f.cut = cut != 0;
  f.speed = pb_double_of(speed);
  f.cpu_ns = -1;
  if (!isfinite(f.speed) || f.speed <= 0 || get_time(r, e, "end_ns", &f.end_ns) ||
      get_int(e, "exit_status", &f.exit_status) ||
      get_word(e, "detail", perfetto_details, 3, &detail))
    return -SBX_EDATA;
  f.detail = (enum trace_detail)detail;
  const struct note *cpu = find(e, "cpu_ns");
  if (cpu && (int64_t)cpu->value >= 0)
    f.cpu_ns = (int64_t)cpu->value;
  int rc = get_text(r, e, "command", &f.command);
  rc = rc ? rc : get_text(r, e, "version", &f.version);
  rc = rc ? rc : get_text(r, e, "clock", &f.clock);
  rc = rc ? rc : get_text(r, e, "deadlock", &f.deadlock);
  return rc ? rc : trace_set_facts(r->m, &f);
}

static int read_object(struct reader *r, const struct event *e) {
  struct trace_object o = {.name = "", .made_at = ""};
  if (get_u32(e, "object", &o.id) || o.id == 0 || get_u32(e, "peer", &o.peer) ||
      get_type(e, &o.type) || get_count(e, "puts", &o.puts) || get_count(e, "gets", &o.gets))
    return -SBX_EDATA;
  get_u64(e, "max", &o.max);
  int rc = get_text(r, e, "name", &o.name);
  rc = rc ? rc : get_text(r, e, "made_at", &o.made_at);
  return rc ? rc : trace_add_object(r->m, &o);
}

static int read_source(struct reader *r, const struct event *e) {
  const char *path = "";
  const struct note *text = find(e, "text");
  int rc = get_text(r, e, "path", &path);
  return rc || !text ? rc
                     : trace_add_source(r->m, path, (const char *)text->text.data, text->text.len);
}

static int read_edge(struct reader *r, const struct event *e) {
  struct trace_edge edge = {0};
  uint64_t stuck = 0;
  const struct note *op = find(e, "op"), *where = find(e, "where");
  if (!op || op_of(r, op->text, &edge.kind) || get_u32(e, "process", &edge.process) ||
      edge.process == 0 || get_u32(e, "object", &edge.object) || get_u32(e, "holder", &edge.holder))
    return -SBX_EDATA;
  get_u64(e, "stuck", &stuck);
  edge.stuck = stuck != 0;
  int rc = where ? keep(r, where->text, &edge.where) : 0;
  return rc ? rc : trace_add_edge(r->m, &edge);
}

static int read_end(struct reader *r, const struct event *e) {
  uint64_t events = UINT64_MAX;
  get_u64(e, "events", &events);
  r->ended = events == r->events && !sequence_open(&r->other);
  return r->ended ? 0 : -SBX_EDATA;
}

static int read_told(struct reader *r, const struct event *e) {
  static const struct {
    const char *category;
    int (*read)(struct reader *r, const struct event *e);
  } rows[] = {{"run", read_facts},
              {"object", read_object},
              {"source", read_source},
              {"edge", read_edge},
              {"end", read_end}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (same(e->category, rows[i].category))
      return r->begun || i == 0 ? rows[i].read(r, e) : -SBX_EDATA;
  return 0;
}

/* -- marks ----------------------------------------------------------------------------------- */

static uint32_t process_of(uint64_t uuid) {
  uint64_t id = (uuid >> 4) - 1;
  return uuid >> 4 == 0 || id > UINT32_MAX ? 0 : (uint32_t)id;
}

static int read_mark(struct reader *r, const struct event *e) {
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
    int rc = keep(r, s->names[e->name_iid - 1].text, &mark.name);
    if (rc)
      return rc;
  }
  return mark.process ? trace_add_mark(r->m, &mark) : -SBX_EDATA;
}

/* The counter of a mark; other tracks are for people. */
static int read_track(struct reader *r, struct pb_bytes from) {
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
  if (keep(r, name, &counter.name) ||
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
  if (get_u32(e, "process", &p.id) || p.id == 0 || get_u32(e, "parent", &p.parent) ||
      p.parent >= p.id || get_time(r, e, "begin_ns", &p.begin_ns) ||
      get_time(r, e, "end_ns", &p.end_ns) || get_int(e, "exit_code", &p.exit_code) ||
      get_int(e, "signal", &p.signal) || get_word(e, "how", trace_end_words, TRACE_ENDS, &how))
    return -SBX_EDATA;
  get_u64(e, "worker", &worker);
  p.worker = worker != 0;
  p.how = (enum trace_end)how;
  r->other.process = p.id;
  r->other.depth = 1;
  int rc = get_text(r, e, "name", &p.name);
  rc = rc ? rc : get_text(r, e, "spawned_at", &p.spawned_at);
  rc = rc ? rc : get_text(r, e, "failure", &p.failure);
  return rc ? rc : trace_add_process(r->m, &p);
}

/* The first event of a name says what the name means. */
static int learn(struct reader *r, const struct event *e, struct meaning *ret) {
  const struct sequence *s = &r->other;
  const struct note *op = find_iid(e, OP), *object = find_iid(e, OBJECT),
                    *flags = find_iid(e, FLAGS);
  if (ret->known)
    return 0;
  if (!op || op->value == 0 || op->value > s->text_count)
    return -SBX_EDATA;
  const char *name = r->m->strings[s->texts[op->value - 1]];
  if (op_of(r, (struct pb_bytes){(const uint8_t *)name, strlen(name)}, &ret->kind) ||
      (object && object->value > UINT32_MAX) || (flags && flags->value > UINT16_MAX))
    return -SBX_EDATA;
  ret->object = object ? (uint32_t)object->value : 0;
  ret->flags = flags ? (uint16_t)flags->value : 0;
  ret->known = true;
  return 0;
}

/* At most COUNT_MAX, else it is none. */
static uint64_t number_of(const struct event *e, uint64_t flow) {
  const struct note *n = find_iid(e, ITEM);
  n = n ? n : find_iid(e, SIGNAL);
  n = n ? n : find_iid(e, NUMBER);
  uint64_t number = n ? n->value : flow & (FLOW_ITEMS - 1);
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
  const struct note *ops = find_iid(e, OPS), *where = find_iid(e, WHERE),
                    *duration = find_iid(e, DURATION);
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
                            .n = number_of(e, e->ends ? e->ends : e->flow)};
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
    row->n = number_of(e, e->ends);
  return 0;
}

static int read_of_process(struct reader *r, const struct event *e) {
  if (e->type == TYPE_END)
    return read_slice_end(r, e);
  if (e->type == TYPE_BEGIN && same(e->category, "process"))
    return r->other.process ? -SBX_EDATA : read_birth(r, e);
  bool line = (e->type == TYPE_BEGIN || e->type == TYPE_INSTANT) && e->name_iid > 0;
  return line ? read_line(r, e) : 0;
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
  if (keep(r, text, &string) || trace_grow(&s->texts, &s->text_cap, s->text_count, sizeof string))
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
    rc = read_track(r, p.track);
  if (rc || !p.has_event)
    return rc;
  if (read_event(p.event, &e))
    return -SBX_EDATA;
  if (s->id == SEQUENCE_RUN)
    return read_told(r, &e);
  if (!r->begun)
    return -SBX_EDATA;
  return s->id == SEQUENCE_MARKS ? read_mark(r, &e) : read_of_process(r, &e);
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
