/* A run as a Perfetto file: what is written is what Perfetto asks for, and is read back; a file that is
 * cut off or damaged is refused, and does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "look/trace/gantt.h"
#include "look/trace/json.h"
#include "look/trace/perfetto.h"
#include "look/trace/perfetto_internal.h"
#include "look/trace/protobuf.h"
#include "look/trace/stats.h"
#include "the_model.h"

/* -- a run ------------------------------------------------------------------------------------- */

static void process(uint32_t id, uint32_t parent, const char *name, int64_t from, int64_t to,
                    enum trace_end how) {
  const struct trace_process p = {.id = id,
                                  .parent = parent,
                                  .name = name,
                                  .spawned_at = parent ? "a.lua:1" : "",
                                  .failure = how == TRACE_FAILED ? "a.lua:7: \"no\"\n<b>" : "",
                                  .begin_ns = from,
                                  .end_ns = to,
                                  .how = how,
                                  .exit_code = how == TRACE_FAILED ? 1 : 0,
                                  .signal = how == TRACE_KILLED ? 9 : 0,
                                  .worker = id == 4};
  assert_int_equal(trace_add_process(&m, &p), 0);
}

static void object(uint32_t id, enum object_type type, const char *name, uint64_t max,
                   uint32_t peer) {
  const struct trace_object o = {
      .id = id, .type = type, .name = name, .made_at = "b.lua:2", .max = max, .peer = peer};
  assert_int_equal(trace_add_object(&m, &o), 0);
}

static void event(uint32_t process_id, enum op_kind kind, uint32_t object_id, int64_t t,
                  int64_t duration, unsigned flags, uint32_t count, uint64_t n) {
  struct trace_event e = {.t_ns = t,
                          .duration_ns = duration,
                          .kind = (uint16_t)kind,
                          .flags = (uint16_t)flags,
                          .process = process_id,
                          .object = object_id,
                          .count = count,
                          .n = n};
  if (flags & TRACE_WAITED)
    assert_int_equal(trace_add_string(&m, "dir/a.lua:12", &e.where), 0);
  assert_int_equal(trace_add_event(&m, &e), 0);
}

static void mark(uint32_t process_id, int64_t t, const char *name, bool counter, double value) {
  struct trace_mark k = {.t_ns = t, .process = process_id, .counter = counter, .value = value};
  assert_int_equal(trace_add_string(&m, name, &k.name), 0);
  assert_int_equal(trace_add_mark(&m, &k), 0);
}

/* A bit of everything. */
static void add_all(void) {
  const struct trace_facts facts = {.command = "sandbox \"a b\".lua <\x01>",
                                    .version = "1.2",
                                    .clock = "tsc",
                                    .deadlock = "main waits\nfor ever",
                                    .seed = UINT64_MAX,
                                    .speed = 2.5,
                                    .wall_ns = INT64_C(1700000000123456789),
                                    .end_ns = 5000000,
                                    .cpu_ns = 77,
                                    .exit_status = 4,
                                    .lost = 3,
                                    .cut = true,
                                    .detail = TRACE_DETAIL_ALL};
  assert_int_equal(trace_set_facts(&m, &facts), 0);
  process(1, 0, "main", 0, 5000000, TRACE_ALIVE);
  process(2, 1, "writer", 1000, 4000000, TRACE_DONE);
  process(3, 1, "", 2000, 3000000, TRACE_KILLED);
  process(4, 2, "w\xc3\xb6rker", 3000, 2500000, TRACE_FAILED);
  object(1, OBJECT_QUEUE, "jobs", 8, 0);
  object(2, OBJECT_LOCK, "", 0, 0);
  object(3, OBJECT_PIPE, "", 0, 4);
  object(4, OBJECT_PIPE, "", 0, 3);
  /* Runs that overlap without nesting, a wait in them, and single ops. */
  event(2, OP_QUEUE_PUT, 1, 10000, 500000, TRACE_SEVERAL, 10, 1);
  event(2, OP_PIPE_SEND, 3, 20000, 600000, TRACE_SEVERAL | TRACE_GAPS, 5, 1);
  event(2, OP_LOCK_ACQUIRE, 2, 100000, 40000, TRACE_WAITED, 1, 0);
  event(2, OP_QUEUE_PUT, 1, 700000, 0, 0, 1, 11);
  event(2, OP_QUEUE_PUT, 1, 700000, 0, 0, 1, 12);
  event(2, OP_QUEUE_PUT, 1, 800000, 90000, TRACE_WAITED | TRACE_TIMEOUT, 1, 0);
  event(3, OP_QUEUE_GET, 1, 5000, 6000, TRACE_WAITED | TRACE_SELECT, 1, 1);
  event(3, OP_QUEUE_GET, 1, 600000, 300000, TRACE_SEVERAL, 11, 2);
  event(3, OP_QUEUE_GET, 1, 950000, 0, TRACE_WAITED | TRACE_UNFINISHED, 1, 0);
  event(4, OP_PIPE_RECV, 4, 100000, 100, TRACE_WAITED, 1, 1);
  event(4, OP_CLOCK_SLEEP, 0, 200000, 1000, TRACE_WAITED, 1, 0);
  event(1, OP_PROCESS_SPAWN, 2, 900, 0, 0, 1, 0);
  event(1, OP_PROCESS_SIGNAL, 2, 300000, 0, 0, 1, SIGNAL_PAUSE);
  event(1, OP_PROCESS_SIGNAL, 2, 400000, 0, 0, 1, SIGNAL_RESUME);
  event(1, OP_PROCESS_JOIN, 2, 500000, 3500000, TRACE_WAITED, 1, 0);
  event(1, OP_QUEUE_CLOSE, 1, 4100000, 5, TRACE_REFUSED, 1, 0);
  mark(2, 30, "half <way>", false, 0);
  mark(2, 60, "half <way>", false, 0);
  mark(4, 50, "load", true, 0.1);
  mark(4, 70, "load", true, -1e300);
  mark(2, 70, "load", true, 3);
  struct trace_edge edge = {
      .process = 1, .object = 2, .kind = OP_LOCK_ACQUIRE, .holder = 2, .stuck = true};
  assert_int_equal(trace_add_string(&m, "a.lua:3", &edge.where), 0);
  assert_int_equal(trace_add_edge(&m, &edge), 0);
  const struct trace_edge join = {.process = 2, .kind = OP_PROCESS_JOIN, .holder = 1};
  assert_int_equal(trace_add_edge(&m, &join), 0);
  assert_int_equal(trace_add_source(&m, "a.lua", "x = 1\0\n", 7), 0);
  assert_int_equal(trace_add_source(&m, "empty.lua", "", 0), 0);
}

/* -- the file ---------------------------------------------------------------------------------- */

static int append(void *ctx, const void *data, size_t len) { return buf_append(ctx, data, len); }

static struct buf write_file(void) {
  struct buf file = {0};
  assert_int_equal(trace_perfetto(&m, &(struct trace_sink){append, &file}), 0);
  return file;
}

static struct buf the_file(void) {
  add_all();
  assert_int_equal(trace_model_finish(&m), 0);
  return write_file();
}

/* A packet, as far as it matters here. */
struct packet {
  uint64_t sequence, flags, passed, type, name_iid, uuid, flow[64], ends[64];
  unsigned flow_count, ends_count;
  bool has_event, has_time;
};

static bool next_packet(struct pb_bytes *file, struct packet *ret) {
  struct pb_field f;
  struct pb_bytes event_bytes = {0};
  int rc = pb_next(file, &f);
  *ret = (struct packet){0};
  assert_true(rc >= 0);
  if (rc == 0)
    return false;
  assert_int_equal(f.number, TRACE_PACKET);
  for (struct pb_bytes p = f.bytes; (rc = pb_next(&p, &f)) > 0;) {
    ret->sequence = f.number == PACKET_SEQUENCE ? f.value : ret->sequence;
    ret->flags = f.number == PACKET_FLAGS ? f.value : ret->flags;
    if (f.number == PACKET_TIMESTAMP) {
      ret->passed = f.value;
      ret->has_time = true;
    }
    if (f.number == PACKET_TRACK_EVENT) {
      event_bytes = f.bytes;
      ret->has_event = true;
    }
  }
  assert_int_equal(rc, 0);
  while ((rc = pb_next(&event_bytes, &f)) > 0) {
    ret->type = f.number == EVENT_TYPE ? f.value : ret->type;
    ret->name_iid = f.number == EVENT_NAME_IID ? f.value : ret->name_iid;
    ret->uuid = f.number == EVENT_TRACK ? f.value : ret->uuid;
    if (f.number == EVENT_FLOW)
      ret->flow[ret->flow_count++] = f.value;
    if (f.number == EVENT_FLOW_END)
      ret->ends[ret->ends_count++] = f.value;
  }
  assert_int_equal(rc, 0);
  return true;
}

static void test_packets_belong_to_sequences(void **state) {
  (void)state;
  struct buf file = the_file();
  struct packet p;
  uint64_t last = 0;
  unsigned sequences = 0;
  for (struct pb_bytes from = {file.data, file.len}; next_packet(&from, &p); last = p.sequence) {
    assert_true(p.sequence > 0);
    assert_true(p.flags == FLAG_CLEARED || p.flags == FLAG_NEEDS_STATE);
    sequences += p.flags == FLAG_CLEARED;
    if (p.sequence != last && p.sequence != SEQUENCE_RUN)
      assert_int_equal(p.flags, FLAG_CLEARED); /* it names its clock and track */
    assert_int_equal(p.has_event, p.has_time);
  }
  assert_int_equal(sequences, 2 + 4 + 2); /* the run, marks; processes; a queue, an end of the pipe */
  buf_release(&file);
}

/* Each slice ends, on its track, and never after the one around it. */
static void test_slices_nest(void **state) {
  (void)state;
  struct buf file = the_file();
  struct packet p;
  unsigned begun = 0, lanes = 0;
  int open[16] = {0};
  for (struct pb_bytes from = {file.data, file.len}; next_packet(&from, &p);) {
    unsigned lane = p.uuid && p.uuid < 1000 ? (unsigned)p.uuid & 15 : 0;
    if (p.flags == FLAG_CLEARED)
      for (unsigned i = 0; i < 16; i++)
        assert_int_equal(open[i], 0);
    if (p.type == TYPE_BEGIN) {
      open[lane]++;
      begun++;
      lanes |= 1u << lane;
    } else if (p.type == TYPE_END) {
      assert_true(--open[lane] >= 0);
    }
  }
  assert_int_equal(begun, 4 + 9 + 2); /* lives; what takes time */
  assert_int_equal(lanes, 7);         /* the two runs of the writer overlap */
  buf_release(&file);
}

/* An item leaves by one event and arrives by another; each flow is of one item. */
static void test_flows_are_unique(void **state) {
  (void)state;
  struct buf file = the_file();
  struct packet p;
  uint64_t out[64], in[64];
  unsigned outs = 0, ins = 0;
  for (struct pb_bytes from = {file.data, file.len}; next_packet(&from, &p);) {
    for (unsigned i = 0; i < p.flow_count; i++)
      out[outs++] = p.flow[i];
    for (unsigned i = 0; i < p.ends_count; i++)
      in[ins++] = p.ends[i];
    if (p.ends_count > 0)
      assert_int_not_equal(p.type, TYPE_BEGIN); /* a wait begins before its item is put */
  }
  assert_int_equal(outs, m.item_count);
  assert_int_equal(ins, m.item_count);
  assert_true(outs >= 5);
  for (unsigned i = 0; i < outs; i++) {
    unsigned found = 0;
    for (unsigned k = 0; k < outs; k++) {
      assert_true(i == k || out[i] != out[k]);
      found += in[k] == out[i];
    }
    assert_int_equal(found, 1);
  }
  buf_release(&file);
}

static void expect_same_rows(const struct trace_model *a, const struct trace_model *b) {
  assert_int_equal(a->process_count, b->process_count);
  for (uint32_t i = 0; i < a->process_count; i++) {
    const struct trace_process *p = &a->processes[i], *q = &b->processes[i];
    assert_int_equal(p->id, q->id);
    assert_int_equal(p->parent, q->parent);
    assert_string_equal(p->name, q->name);
    assert_string_equal(p->spawned_at, q->spawned_at);
    assert_string_equal(p->failure, q->failure);
    assert_int_equal(p->begin_ns, q->begin_ns);
    assert_int_equal(p->end_ns, q->end_ns);
    assert_int_equal(p->how, q->how);
    assert_int_equal(p->exit_code, q->exit_code);
    assert_int_equal(p->signal, q->signal);
    assert_int_equal(p->worker, q->worker);
    assert_int_equal(p->event_count, q->event_count);
    assert_int_equal(p->span_count, q->span_count);
    assert_memory_equal(p->spent_ns, q->spent_ns, sizeof p->spent_ns);
    assert_int_equal(p->items_in, q->items_in);
  }
  assert_int_equal(a->object_count, b->object_count);
  for (uint32_t i = 0; i < a->object_count; i++) {
    const struct trace_object *o = &a->objects[i], *p = &b->objects[i];
    assert_int_equal(o->id, p->id);
    assert_int_equal(o->type, p->type);
    assert_string_equal(o->name, p->name);
    assert_string_equal(o->made_at, p->made_at);
    assert_int_equal(o->max, p->max);
    assert_int_equal(o->puts, p->puts);
    assert_int_equal(o->gets, p->gets);
    assert_int_equal(o->peer, p->peer);
    assert_int_equal(o->puts, p->puts);
    assert_int_equal(o->gets, p->gets);
  }
}

static void expect_same_events(const struct trace_model *a, const struct trace_model *b) {
  assert_int_equal(a->event_count, b->event_count);
  for (uint32_t i = 0; i < a->event_count; i++) {
    const struct trace_event *e = &a->events[i], *f = &b->events[i];
    assert_int_equal(e->t_ns, f->t_ns);
    if (!(e->flags & TRACE_UNFINISHED)) /* that lasts as long as its process */
      assert_int_equal(e->duration_ns, f->duration_ns);
    assert_int_equal(e->kind, f->kind);
    assert_int_equal(e->flags, f->flags);
    assert_int_equal(e->process, f->process);
    assert_int_equal(e->object, f->object);
    assert_string_equal(a->strings[e->where], b->strings[f->where]);
    assert_int_equal(e->count, f->count);
    assert_int_equal(e->n, f->n);
  }
  assert_int_equal(a->item_count, b->item_count);
  assert_int_equal(a->mark_count, b->mark_count);
  for (uint32_t i = 0; i < a->mark_count; i++) {
    const struct trace_mark *k = &a->marks[i], *l = &b->marks[i];
    assert_int_equal(k->t_ns, l->t_ns);
    assert_int_equal(k->process, l->process);
    assert_int_equal(k->counter, l->counter);
    assert_true(k->value == l->value);
    assert_string_equal(a->strings[k->name], b->strings[l->name]);
  }
}

static void expect_same_facts(const struct trace_model *a, const struct trace_model *b) {
  const struct trace_facts *f = &a->facts, *g = &b->facts;
  assert_string_equal(f->command, g->command);
  assert_string_equal(f->version, g->version);
  assert_string_equal(f->clock, g->clock);
  assert_string_equal(f->deadlock, g->deadlock);
  assert_true(f->seed == g->seed && f->speed == g->speed);
  assert_int_equal(f->wall_ns, g->wall_ns);
  assert_int_equal(f->end_ns, g->end_ns);
  assert_int_equal(f->cpu_ns, g->cpu_ns);
  assert_int_equal(f->exit_status, g->exit_status);
  assert_int_equal(f->lost, g->lost);
  assert_int_equal(f->cut, g->cut);
  assert_int_equal(f->detail, g->detail);
  assert_int_equal(a->edge_count, b->edge_count);
  for (uint32_t i = 0; i < a->edge_count; i++) {
    const struct trace_edge *e = &a->edges[i], *h = &b->edges[i];
    assert_true(e->process == h->process && e->object == h->object && e->kind == h->kind &&
                e->holder == h->holder && e->stuck == h->stuck);
    assert_string_equal(a->strings[e->where], b->strings[h->where]);
  }
  assert_int_equal(a->source_count, b->source_count);
  for (uint32_t i = 0; i < a->source_count; i++) {
    assert_string_equal(a->sources[i].path, b->sources[i].path);
    assert_int_equal(a->sources[i].len, b->sources[i].len);
    assert_memory_equal(a->sources[i].text, b->sources[i].text, a->sources[i].len);
  }
}

static void expect_reads_back(void) {
  struct buf file = write_file();
  struct trace_model back;
  char why[TRACE_WHY_MAX] = "";
  int rc = trace_perfetto_read(file.data, file.len, &back, why);
  assert_string_equal(why, "");
  assert_int_equal(rc, 0);
  expect_same_rows(&m, &back);
  expect_same_events(&m, &back);
  expect_same_facts(&m, &back);
  trace_model_release(&back);
  buf_release(&file);
}

static void test_reads_back(void **state) {
  (void)state;
  add_all();
  assert_int_equal(trace_model_finish(&m), 0);
  assert_true(m.item_count >= 5 && m.span_count >= 10);
  expect_reads_back();
}

static void test_an_empty_run(void **state) {
  (void)state;
  assert_int_equal(trace_model_finish(&m), 0);
  expect_reads_back();
}

/* Waits that overlap are drawn, as far as there are lanes; the rest are instants. None is lost. */
static void test_slices_that_cannot_nest(void **state) {
  (void)state;
  process(1, 0, "main", 0, 1000, TRACE_DONE);
  for (int i = 0; i < 20; i++)
    event(1, OP_CLOCK_SLEEP, 0, 10 + i, 100 + i, TRACE_WAITED, 1, 0);
  assert_int_equal(trace_model_finish(&m), 0);
  expect_reads_back();
}

/* Objects of each type and events of each kind, the prompt's wait among them. */
static void test_each_kind(void **state) {
  (void)state;
  process(1, 0, "main", 0, 1000000, TRACE_DONE);
  for (uint32_t type = 0; type < OBJECT_TYPES; type++) {
    const struct trace_object o = {.id = type + 1,
                                   .type = (enum object_type)type,
                                   .name = "",
                                   .made_at = "",
                                   .puts = type,
                                   .gets = type / 2};
    assert_int_equal(trace_add_object(&m, &o), 0);
  }
  for (int kind = 0; kind < OP_COUNT; kind++)
    event(1, (enum op_kind)kind, trace_names_process((enum op_kind)kind) ? 1 : 3, 100 * kind, 50,
          kind % 2 ? TRACE_WAITED : 0, 1, 0);
  assert_int_equal(trace_model_finish(&m), 0);
  expect_reads_back();
}

/* Random runs, of which several do what no run does. */
static void test_random_runs_read_back(void **state) {
  (void)state;
  srand(7);
  for (int round = 0; round < 30; round++) {
    trace_model_release(&m);
    assert_int_equal(trace_model_new(&m), 0);
    for (uint32_t id = 1; id <= 5; id++) {
      process(id, id / 2, id % 2 ? "odd" : "", rand() % 100, 100000 + rand() % 1000,
              (enum trace_end)(rand() % 4));
      object(id, OBJECT_QUEUE, "q", 0, 0);
    }
    for (int i = 0; i < 300; i++) {
      enum op_kind kind = (enum op_kind)(1 + rand() % (OP_COUNT - 1));
      unsigned flags = (unsigned)rand() % 128;
      if (flags & TRACE_WAITED)
        flags &= ~(unsigned)TRACE_UNFINISHED;
      event(1 + (uint32_t)rand() % 5, rand() % 3 ? OP_QUEUE_PUT : rand() % 2 ? OP_QUEUE_GET : kind,
            (uint32_t)rand() % 6, rand() % 90000, rand() % 2 ? rand() % 2000 : 0, flags,
            1 + (uint32_t)rand() % 3, (uint64_t)rand() % 400);
    }
    assert_int_equal(trace_model_finish(&m), 0);
    expect_reads_back();
  }
}

/* Bytes that are not UTF-8 would make the file unreadable: they are replaced. */
static void test_names_are_utf8(void **state) {
  (void)state;
  struct trace_model back;
  char why[TRACE_WHY_MAX];
  process(1, 0, "a\xff\xc3(\xe2\x82", 0, 10, TRACE_DONE);
  assert_int_equal(trace_model_finish(&m), 0);
  struct buf file = write_file();
  assert_int_equal(trace_perfetto_read(file.data, file.len, &back, why), 0);
  assert_string_equal(back.processes[0].name, "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd");
  trace_model_release(&back);
  buf_release(&file);
}

static int refuse(void *ctx, const void *data, size_t len) {
  (void)ctx;
  (void)data;
  (void)len;
  return -SBX_ENOSPC;
}

static void test_a_sink_that_fails(void **state) {
  (void)state;
  add_all();
  assert_int_equal(trace_model_finish(&m), 0);
  assert_int_equal(trace_perfetto(&m, &(struct trace_sink){refuse, NULL}), -SBX_ENOSPC);
}

/* -- files that are not good ------------------------------------------------------------------- */

static void expect_refused(const void *data, size_t len, const char *expected) {
  struct trace_model back;
  char why[TRACE_WHY_MAX] = "";
  void *copy = malloc(len ? len : 1); /* of its own, so that a sanitizer sees each byte beyond */
  memcpy(copy, data, len);
  int rc = trace_perfetto_read(copy, len, &back, why);
  free(copy);
  if (rc == 0)
    fail_msg("a file of %zu bytes is not refused", len);
  assert_int_equal(rc, -SBX_EDATA);
  if (expected)
    assert_string_equal(why, expected);
  else
    assert_true(strncmp(why, "it ", 3) == 0);
}

static void test_what_is_no_trace(void **state) {
  (void)state;
  expect_refused("", 0, "it is empty");
  expect_refused("{\"traceEvents\":[]}", 18, "it is not a trace of sandbox");
  expect_refused("\x0a\x05hello", 7, "it is not a trace of sandbox");
  expect_refused("\x0a\x02\x50\x01", 4, "it is not a trace of sandbox"); /* of another program */
}

static void test_cut_off_at_each_byte(void **state) {
  (void)state;
  struct buf file = the_file();
  size_t begun = 0; /* from here on it is known to be ours */
  for (size_t len = 1; len < file.len; len++) {
    char why[TRACE_WHY_MAX], expected[TRACE_WHY_MAX];
    struct trace_model back;
    snprintf(expected, sizeof expected, "it is cut off at byte %zu", len);
    expect_refused(file.data, len, NULL);
    trace_perfetto_read(file.data, len, &back, why);
    if (!begun && strcmp(why, expected) == 0)
      begun = len;
    assert_string_equal(why, begun ? expected : "it is not a trace of sandbox");
  }
  assert_true(begun > 0 && begun < 600);
  buf_release(&file);
}

/* All that looks at a model can bear it. */
static void show(const struct trace_model *model) {
  struct buf out = {0};
  const struct trace_sink sink = {append, &out};
  const struct gantt_options gantt = {.columns = 60, .utf8 = true};
  const struct style style = {.columns = 80};
  assert_int_equal(trace_perfetto(model, &sink), 0);
  assert_int_equal(trace_json(model, &sink), 0);
  assert_int_equal(gantt_draw(&model, 1, &gantt, &out), 0);
  assert_int_equal(stats_text(model, &style, &out), 0);
  assert_int_equal(stats_json(model, &out), 0);
  buf_release(&out);
}

/* A byte is changed, or several; what is read then may be anything, but is whole. */
static void test_damaged_at_random(void **state) {
  (void)state;
  struct buf file = the_file();
  uint8_t *damaged = malloc(file.len);
  unsigned good = 0, bad = 0;
  srand(1);
  for (size_t round = 0; round < 2 * file.len + 2000; round++) {
    memcpy(damaged, file.data, file.len);
    if (round < 2 * file.len) { /* each byte, with another bit, and another value */
      unsigned change = round % 2 ? 1u << (rand() % 8) : (unsigned)rand();
      damaged[round / 2] = (uint8_t)(damaged[round / 2] ^ change);
    }
    for (int i = 0; round >= 2 * file.len && i < 5; i++)
      damaged[(size_t)rand() % file.len] = (uint8_t)rand();
    struct trace_model back;
    char why[TRACE_WHY_MAX] = "";
    int rc = trace_perfetto_read(damaged, file.len, &back, why);
    if (rc == 0) {
      show(&back);
      trace_model_release(&back);
    } else {
      assert_int_equal(rc, -SBX_EDATA);
      assert_true(*why);
    }
    *(rc ? &bad : &good) += 1;
  }
  assert_true(good > 100 && bad > 100);
  free(damaged);
  buf_release(&file);
}

static void test_a_newer_format(void **state) {
  (void)state;
  struct buf file = the_file();
  uint8_t *at = memmem(file.data, file.len, "format", 6);
  assert_non_null(at);
  assert_int_equal(at[6], NOTE_UINT << 3);
  at[7] = FORMAT + 1;
  expect_refused(file.data, file.len, "it was written by a newer version of sandbox");
  buf_release(&file);
}

/* -- many -------------------------------------------------------------------------------------- */

static int count(void *ctx, const void *data, size_t len) {
  (void)data;
  *(size_t *)ctx += len;
  return 0;
}

/* Not many bytes an event, though each has a flow: 20, and the counter of the queue. */
static void test_size(void **state) {
  (void)state;
  enum { EVENTS = 100000 };
  size_t bytes = 0;
  process(1, 0, "main", 0, EVENTS * 200, TRACE_DONE);
  process(2, 1, "reader", 0, EVENTS * 200, TRACE_DONE);
  object(1, OBJECT_QUEUE, "jobs", 0, 0);
  for (int i = 0; i < EVENTS / 2; i++) {
    event(1, OP_QUEUE_PUT, 1, i * 400, 0, 0, 1, (uint64_t)i + 1);
    event(2, OP_QUEUE_GET, 1, i * 400 + 100, 0, 0, 1, (uint64_t)i + 1);
  }
  assert_int_equal(trace_model_finish(&m), 0);
  assert_int_equal(m.item_count, EVENTS / 2);
  assert_int_equal(trace_perfetto(&m, &(struct trace_sink){count, &bytes}), 0);
  assert_in_range(bytes / (EVENTS / 100), 0, 2400);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_packets_belong_to_sequences, begin, end),
      cmocka_unit_test_setup_teardown(test_slices_nest, begin, end),
      cmocka_unit_test_setup_teardown(test_flows_are_unique, begin, end),
      cmocka_unit_test_setup_teardown(test_reads_back, begin, end),
      cmocka_unit_test_setup_teardown(test_an_empty_run, begin, end),
      cmocka_unit_test_setup_teardown(test_slices_that_cannot_nest, begin, end),
      cmocka_unit_test_setup_teardown(test_each_kind, begin, end),
      cmocka_unit_test_setup_teardown(test_random_runs_read_back, begin, end),
      cmocka_unit_test_setup_teardown(test_names_are_utf8, begin, end),
      cmocka_unit_test_setup_teardown(test_a_sink_that_fails, begin, end),
      cmocka_unit_test(test_what_is_no_trace),
      cmocka_unit_test_setup_teardown(test_cut_off_at_each_byte, begin, end),
      cmocka_unit_test_setup_teardown(test_damaged_at_random, begin, end),
      cmocka_unit_test_setup_teardown(test_a_newer_format, begin, end),
      cmocka_unit_test_setup_teardown(test_size, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
