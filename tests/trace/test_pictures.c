/* The HTML page, the SVG chart and the wait-for graph of made-up runs: what their text says. How they
 * look and work is tested in a browser, by test_page.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/fault.h"
#include "look/trace/graph.h"
#include "look/trace/html.h"
#include "look/trace/html_data.h"
#include "look/trace/svg.h"
#include "look/waits.h"
#include "trace/samples.h"

static const char *const names[] = {"serial",       "process", "queue", "producers",
                                    "philosophers", "pool",    "empty", "hostile",
                                    "lost",         "stopped", "crowd", "merged"};
enum { NAMES = sizeof names / sizeof *names };

/* -- what a writer wrote --------------------------------------------------------------------- */

struct memory {
  struct buf text;
  int calls, fail_at; /* the call that fails; 0: none */
};

static int to_memory(void *ctx, const void *data, size_t len) {
  struct memory *m = ctx;
  if (++m->calls == m->fail_at)
    return -SBX_ENOSPC;
  return buf_append(&m->text, data, len);
}

static char *finish(struct memory *m) {
  assert_int_equal(buf_append_byte(&m->text, 0), 0);
  return (char *)m->text.data;
}

typedef int writer(const struct trace_model *const models[], unsigned count,
                   const struct trace_sink *out);

/* The caller frees it. */
static char *write_of(writer *w, const char *name, uint32_t events) {
  struct trace_model m;
  const struct trace_model *list[] = {&m};
  struct memory memory = {0};
  const struct trace_sink sink = {to_memory, &memory};
  assert_true(sample_make(name, events, &m));
  assert_int_equal(w(list, 1, &sink), 0);
  trace_model_release(&m);
  return finish(&memory);
}

static unsigned count_of(const char *text, const char *what) {
  unsigned n = 0;
  for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
    n++;
  return n;
}

/* -- the page -------------------------------------------------------------------------------- */

/* It loads nothing: it has no address in it, and no element that would fetch one. */
static void page_needs_no_network(void **state) {
  (void)state;
  for (int i = 0; i < NAMES; i++) {
    char *page = write_of(trace_html, names[i], 0);
    assert_null(strstr(page, "http"));
    assert_null(strstr(page, "<link"));
    assert_null(strstr(page, "@import"));
    assert_null(strstr(page, "url("));
    free(page);
  }
}

/* Whatever the names are: the page has the three scripts of the shell and of its data. */
static void names_do_not_escape(void **state) {
  (void)state;
  char *page = write_of(trace_html, "hostile", 0);
  assert_int_equal(count_of(page, "<script"), 3);
  assert_int_equal(count_of(page, "</script"), 3);
  assert_int_equal(count_of(page, "<b>"), 0);
  assert_int_equal(count_of(page, "<img"), 0);
  assert_int_equal(count_of(page, "<!--"), 0);
  assert_non_null(strstr(page, "\\u003cimg src=x onerror=alert(1)\\u003e"));
  free(page);
}

static void two_runs_have_one_page(void **state) {
  (void)state;
  struct trace_model a, b;
  const struct trace_model *list[] = {&a, &b};
  struct memory memory = {0};
  const struct trace_sink sink = {to_memory, &memory};
  assert_true(sample_make("serial", 0, &a) && sample_make("process", 0, &b));
  assert_int_equal(trace_html(list, 0, &sink), -SBX_EINVAL);
  assert_int_equal(trace_html(list, 3, &sink), -SBX_EINVAL);
  assert_int_equal(memory.calls, 0);
  assert_int_equal(trace_html(list, 2, &sink), 0);
  const char *page = finish(&memory);
  assert_int_equal(count_of(page, "id=\"run0\""), 1);
  assert_int_equal(count_of(page, "id=\"run1\""), 1);
  assert_non_null(strstr(page, "scripts/serial.lua"));
  assert_non_null(strstr(page, "scripts/process.lua"));
  assert_int_equal(trace_svg(list, 3, &sink), -SBX_EINVAL);
  buf_release(&memory.text);
  trace_model_release(&a);
  trace_model_release(&b);
}

/* A disk that is full is reported, at whichever write it happens; and nothing is written after. */
static void failures_of_the_sink_are_passed_on(void **state) {
  (void)state;
  static writer *const writers[] = {trace_html, trace_svg};
  struct trace_model m;
  const struct trace_model *list[] = {&m};
  assert_true(sample_make("crowd", 0, &m));
  for (int w = 0; w < 2; w++) {
    int calls = 0;
    for (int at = 1;; at++) {
      struct memory memory = {.fail_at = at};
      const struct trace_sink sink = {to_memory, &memory};
      int rc = writers[w](list, 1, &sink);
      buf_release(&memory.text);
      if (rc == 0)
        break;
      assert_int_equal(rc, -SBX_ENOSPC);
      assert_int_equal(memory.calls, at);
      calls = at;
    }
    assert_true(calls > (w ? 0 : 5));
  }
  trace_model_release(&m);
}

#ifdef SBX_FAULTS
static void failures_of_memory_are_reported(void **state) {
  (void)state;
  static writer *const writers[] = {trace_html, trace_svg};
  struct trace_model m;
  const struct trace_model *list[] = {&m};
  assert_true(sample_make("philosophers", 0, &m));
  for (int w = 0; w < 2; w++)
    for (int n = 1;; n++) {
      char plan[64];
      struct memory memory = {0};
      const struct trace_sink sink = {to_memory, &memory};
      snprintf(plan, sizeof plan, "buf.alloc:%d:fail", n);
      fault_plan(plan);
      int rc = writers[w](list, 1, &sink);
      fault_plan("");
      buf_release(&memory.text);
      if (rc == 0) {
        assert_true(n > 5);
        break;
      }
      assert_int_equal(rc, -SBX_ENOMEM);
    }
  trace_model_release(&m);
}
#endif

/* -- the data of the page -------------------------------------------------------------------- */

struct reader {
  const uint8_t *at, *end;
};

static uint64_t number(struct reader *r) {
  uint64_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    assert_true(r->at < r->end);
    n |= (uint64_t)(*r->at & 0x7f) << shift;
    if (!(*r->at++ & 0x80))
      return n;
  }
}

static int64_t folded(struct reader *r) {
  uint64_t n = number(r);
  return (int64_t)(n >> 1 ^ (0 - (n & 1)));
}

/* Sums of what the data says of a process, against the model's. */
struct said {
  int64_t spent_ns[TRACE_STATES];
};

static void read_events(const struct trace_model *m, const struct html_data *d, struct reader *r,
                        struct said *said, bool whole) {
  uint64_t *next = calloc(d->site_count + 1u, sizeof *next);
  assert_non_null(next);
  for (uint32_t i = 0; i < d->site_count; i++)
    next[i] = 1;
  for (uint32_t i = 0; i < m->process_count; i++) {
    const struct trace_process *p = &m->processes[i];
    uint64_t count = number(r);
    int64_t t = 0;
    assert_true(whole ? count == p->event_count : count <= p->event_count);
    for (uint64_t k = 0; k < count; k++) {
      uint64_t site = number(r);
      assert_true(site < d->site_count);
      const struct html_site *s = &d->sites[site];
      t += (int64_t)number(r);
      int64_t length = (int64_t)number(r);
      uint64_t times = s->flags & TRACE_SEVERAL ? number(r) : 1, n = 0;
      if (trace_item_change(s->kind) || s->kind == OP_PROCESS_SIGNAL) {
        n = next[site] + (uint64_t)folded(r);
        next[site] = n + times;
      }
      if (s->flags & HTML_SPAN)
        said[i].spent_ns[trace_state_of(s->kind)] += length * d->unit_ns;
      if (!whole)
        continue;
      const struct trace_event *e = &m->events[p->event_first + k];
      assert_int_equal(t, e->t_ns / d->unit_ns);
      assert_int_equal(t + length, (e->t_ns + e->duration_ns) / d->unit_ns);
      assert_int_equal(s->kind, e->kind);
      assert_int_equal(s->flags & ~HTML_SPAN, e->flags);
      assert_int_equal(s->object, e->object);
      assert_int_equal(s->where, e->where);
      assert_int_equal(times, e->count);
      if (n)
        assert_int_equal(n, e->n);
    }
  }
  free(next);
}

static void read_stretches(const struct html_data *d, struct reader *r, struct said *said) {
  uint64_t count = number(r), process = UINT64_MAX;
  assert_int_equal(count, d->stretches);
  for (uint64_t k = 0; k < count; k++) {
    uint64_t next = number(r);
    assert_true(process == UINT64_MAX || next >= process);
    process = next;
    number(r);
    int64_t length = (int64_t)number(r);
    uint64_t state = number(r);
    assert_in_range(state, TRACE_RUNNING + 1, TRACE_STATES - 1);
    said[process].spent_ns[state] += length * d->unit_ns;
    number(r);
  }
}

static void read_depths(const struct trace_model *m, const struct html_data *d, struct reader *r) {
  for (uint32_t i = 0; i < d->queue_count; i++) {
    struct trace_depth *list;
    uint32_t count;
    assert_int_equal(trace_depths(m, d->queues[i], &list, &count), 0);
    uint64_t told = number(r), bins = number(r);
    int64_t items = 0, most = 0, peak = 0;
    for (uint64_t k = 0; k < told; k++) {
      number(r);
      items += folded(r);
      int64_t high = items + (bins ? (int64_t)number(r) : 0);
      items += bins ? (int64_t)number(r) : 0;
      most = high > most ? high : most;
    }
    for (uint32_t k = 0; k < count; k++)
      peak = list[k].items > peak ? list[k].items : peak;
    assert_int_equal(most, peak);
    assert_int_equal(items, count ? list[count - 1].items : 0);
    free(list);
  }
}

/* What the page is told of a model is what the model says; `most`: of how many events it is told. */
static void check_data(const char *name, uint32_t events, uint32_t most) {
  struct trace_model m;
  struct html_data d;
  assert_true(sample_make(name, events, &m));
  assert_int_equal(html_data_make(&m, most, &d), 0);
  bool whole = m.event_count <= most;
  assert_int_equal(d.merged, !whole);
  assert_true(whole || d.told + d.stretches <= most);
  struct reader r = {d.bytes.data, d.bytes.data + d.bytes.len};
  struct said *said = calloc(m.process_count + 1u, sizeof *said);
  assert_non_null(said);
  read_events(&m, &d, &r, said, whole);
  read_stretches(&d, &r, said);
  read_depths(&m, &d, &r);
  assert_ptr_equal(r.at, r.end);
  int64_t off = d.unit_ns > 1 ? d.unit_ns * (m.span_count + 1) : 0;
  for (uint32_t i = 0; i < m.process_count; i++)
    for (int s = TRACE_RUNNING + 1; s < TRACE_STATES; s++)
      assert_true(llabs(said[i].spent_ns[s] - m.processes[i].spent_ns[s]) <= off);
  free(said);
  html_data_release(&d);
  trace_model_release(&m);
}

static void page_is_told_what_the_model_says(void **state) {
  (void)state;
  for (int i = 0; i < NAMES; i++)
    check_data(names[i], 0, TRACE_HTML_EVENTS);
  check_data("big", 200000, TRACE_HTML_EVENTS); /* its queue is told in bins */
}

/* Of a run that is too large, no time of any state is lost. */
static void large_runs_are_summed(void **state) {
  (void)state;
  check_data("big", 20000, 19999);
  check_data("big", 20000, 1000);
  check_data("big", 20000, 50);
  check_data("stopped", 0, 5);
}

/* -- the chart ------------------------------------------------------------------------------- */

static void equal_models_give_equal_charts(void **state) {
  (void)state;
  for (int i = 0; i < NAMES; i++) {
    char *a = write_of(trace_svg, names[i], 0), *b = write_of(trace_svg, names[i], 0);
    assert_string_equal(a, b);
    uint32_t pictures = strstr(a, ">Deadlock") ? 2 : 1; /* one within the other */
    assert_int_equal(count_of(a, "<title"), pictures);
    assert_int_equal(count_of(a, "<desc"), pictures);
    assert_int_equal(count_of(a, "href"), 0);
    free(a);
    free(b);
  }
}

/* The number of figures in the paths: each begins with an M. */
static void charts_are_small(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint32_t events;
  } large[] = {{"crowd", 0}, {"pool", 0}, {"big", 100000}};
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
    char *svg = write_of(trace_svg, large[i].name, large[i].events);
    assert_in_range(count_of(svg, "M") + count_of(svg, "<rect") + count_of(svg, "<text"), 10, 8000);
    free(svg);
  }
}

/* 400 visitors and 100 guests are a row each. */
static void charts_fold_many_processes(void **state) {
  (void)state;
  char *svg = write_of(trace_svg, "crowd", 0);
  assert_non_null(strstr(svg, "visitor \xc3\x97 400"));
  assert_non_null(strstr(svg, "guest \xc3\x97 100"));
  assert_null(strstr(svg, "visitor#"));
  free(svg);
}

/* Processes that have nothing in common cannot be folded: the last row says how many are left. */
static void charts_have_a_last_row(void **state) {
  (void)state;
  struct trace_model m;
  const struct trace_model *list[] = {&m};
  struct memory memory = {0};
  const struct trace_sink sink = {to_memory, &memory};
  assert_int_equal(trace_model_new(&m), 0);
  for (uint32_t i = 1; i <= 300; i++) {
    char name[16];
    snprintf(name, sizeof name, "p%u", i);
    struct trace_process p = {.id = i,
                              .parent = i / 2,
                              .name = name,
                              .spawned_at = "",
                              .failure = "",
                              .begin_ns = i * 1000,
                              .end_ns = 1000000,
                              .how = TRACE_DONE};
    assert_int_equal(trace_add_process(&m, &p), 0);
  }
  assert_int_equal(trace_model_finish(&m), 0);
  assert_int_equal(trace_svg(list, 1, &sink), 0);
  const char *svg = finish(&memory);
  assert_non_null(strstr(svg, "+ 241 more"));
  assert_int_equal(count_of(svg, "<text class=\"n"), 60);
  buf_release(&memory.text);
  trace_model_release(&m);
}

/* Labels, in the order of the legend: the states that occur. */
static void charts_explain_their_colours(void **state) {
  (void)state;
  char *svg = write_of(trace_svg, "philosophers", 0);
  assert_non_null(strstr(svg, ">waits for a lock or event</text>"));
  assert_non_null(strstr(svg, ">waits for a process</text>"));
  assert_null(strstr(svg, ">sleeps</text>"));
  assert_non_null(strstr(svg, "acquire fork2#2</text>"));
  free(svg);
}

/* Below the chart, within the picture. */
static void a_deadlock_is_shown_below_its_chart(void **state) {
  (void)state;
  int width, height, y;
  double scale;
  char *svg = write_of(trace_svg, "philosophers", 0);
  assert_int_equal(sscanf(strstr(svg, "viewBox"), "viewBox=\"0 0 %d %d\"", &width, &height), 2);
  const char *graph = strstr(svg, ">Deadlock</text>");
  assert_non_null(graph);
  assert_int_equal(sscanf(strstr(graph, "translate"), "translate(10 %d) scale(%lf)", &y, &scale), 2);
  int graph_width, graph_height;
  graph = strstr(graph, "viewBox");
  assert_int_equal(sscanf(graph, "viewBox=\"0 0 %d %d\"", &graph_width, &graph_height), 2);
  assert_true(graph_width * scale <= width - 20 + 0.5 && y + graph_height * scale <= height);
  assert_non_null(strstr(graph, ">held by</text>"));
  free(svg);
  svg = write_of(trace_svg, "queue", 0);
  assert_null(strstr(svg, "Deadlock"));
  free(svg);
}

/* -- the graph ------------------------------------------------------------------------------- */

struct frame {
  int x, y, w, h;
};

/* The boxes of a graph's nodes, in their order. */
static uint32_t boxes_of(const char *svg, struct frame *ret, uint32_t max) {
  uint32_t n = 0;
  for (const char *at = svg; (at = strstr(at, "<rect class=\"wf-")); at++)
    if (sscanf(at, "<rect class=\"wf-%*[a-z]\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"",
               &ret[n].x, &ret[n].y, &ret[n].w, &ret[n].h) == 4 &&
        ++n == max)
      break;
  return n;
}

static void check_layout(const char *svg, uint32_t nodes) {
  struct frame f[TRACE_GRAPH_NODES];
  int width, height;
  assert_int_equal(sscanf(strstr(svg, "viewBox"), "viewBox=\"0 0 %d %d\"", &width, &height), 2);
  assert_int_equal(boxes_of(svg, f, TRACE_GRAPH_NODES), nodes);
  for (uint32_t i = 0; i < nodes; i++) {
    assert_in_range(f[i].x, 0, width - f[i].w);
    assert_in_range(f[i].y, 0, height - f[i].h);
    for (uint32_t k = 0; k < i; k++)
      assert_true(f[i].x + f[i].w + 8 <= f[k].x || f[k].x + f[k].w + 8 <= f[i].x ||
                  f[i].y + f[i].h + 8 <= f[k].y || f[k].y + f[k].h + 8 <= f[i].y);
  }
}

enum { MOST = 64 };

struct parts {
  struct trace_graph_node nodes[MOST];
  struct trace_graph_edge edges[2 * MOST];
  char labels[MOST][16];
  struct trace_graph g;
};

static void add_node(struct parts *p, bool process, bool stuck) {
  uint32_t i = p->g.node_count++;
  snprintf(p->labels[i], sizeof p->labels[i], "%s#%u", process ? "worker" : "lock", i);
  p->nodes[i] = (struct trace_graph_node){p->labels[i], process ? "acquire at some.lua:12" : "lock",
                                          process, stuck};
}

static void add_edge(struct parts *p, uint32_t from, uint32_t to, bool held, bool stuck) {
  p->edges[p->g.edge_count++] =
      (struct trace_graph_edge){from, to, held ? "held by" : "waits", held, stuck};
}

static void draw_parts(struct parts *p) {
  struct buf svg = {0};
  p->g.title = "Which process waits for what";
  p->g.nodes = p->nodes;
  p->g.edges = p->edges;
  assert_int_equal(trace_graph_svg(&p->g, true, &svg), 0);
  assert_int_equal(buf_append_byte(&svg, 0), 0);
  check_layout((const char *)svg.data, p->g.node_count);
  assert_int_equal(count_of((const char *)svg.data, "<path class=\"wf-edge"), p->g.edge_count);
  buf_release(&svg);
}

/* Cycles of 2 to 12 processes, alone and with others that wait for them: no box covers another. */
static void cycles_are_rings(void **state) {
  (void)state;
  for (uint32_t n = 2; n <= 12; n++)
    for (uint32_t others = 0; others <= 6; others += 3) {
      struct parts p = {0};
      for (uint32_t i = 0; i < 2 * n; i++)
        add_node(&p, i % 2 == 0, true);
      for (uint32_t i = 0; i < 2 * n; i++)
        add_edge(&p, i, (i + 1) % (2 * n), i % 2, true);
      for (uint32_t i = 0; i < others; i++) {
        add_node(&p, true, true);
        add_edge(&p, 2 * n + i, i % 2 ? 1 : 0, false, true);
      }
      draw_parts(&p);
    }
}

/* Two that wait for the end of each other; one that waits for itself; nothing at all. */
static void small_graphs_are_drawn(void **state) {
  (void)state;
  struct parts p = {0};
  draw_parts(&p);
  add_node(&p, true, true);
  draw_parts(&p);
  add_edge(&p, 0, 0, false, true);
  struct buf svg = {0};
  assert_int_equal(trace_graph_svg(&p.g, true, &svg), 0);
  buf_release(&svg);
  p.g.edge_count = 0;
  add_node(&p, true, true);
  add_edge(&p, 0, 1, false, true);
  add_edge(&p, 1, 0, false, true);
  draw_parts(&p);
}

/* 60 nodes: chains, several parts, many that wait for one. */
static void large_graphs_are_drawn(void **state) {
  (void)state;
  struct parts p = {0};
  for (uint32_t i = 0; i < 60; i++)
    add_node(&p, i % 2 == 0, false);
  for (uint32_t i = 0; i < 20; i++)
    add_edge(&p, i, i + 1, i % 2, false);
  for (uint32_t i = 22; i < 44; i += 2)
    add_edge(&p, i, 21, false, false);
  for (uint32_t i = 44; i < 58; i++)
    add_edge(&p, i, 44 + (i * 7 + 3) % 14, i % 2, false);
  draw_parts(&p);
}

/* Ids are 1 and up; 1 is the process that all the others wait for. */
static void add_waiter(struct trace_model *m, uint32_t id, const char *name, uint32_t lock,
                       uint32_t holder) {
  struct trace_process p = {.id = id, .name = name, .spawned_at = "", .failure = ""};
  struct trace_edge e = {
      .process = id, .object = lock, .kind = OP_LOCK_ACQUIRE, .holder = holder, .where = 0};
  assert_int_equal(trace_add_process(m, &p), 0);
  if (lock)
    assert_int_equal(trace_add_edge(m, &e), 0);
}

/* 40 visitors that wait for one lock are one box. */
static void waiters_of_a_kind_are_one(void **state) {
  (void)state;
  struct trace_model m;
  struct buf svg = {0};
  assert_int_equal(trace_model_new(&m), 0);
  add_waiter(&m, 1, "main", 0, 0);
  for (uint32_t i = 0; i < 40; i++)
    add_waiter(&m, 2 + i, "visitor", 1, 1);
  add_waiter(&m, 50, "other", 1, 1);
  assert_int_equal(trace_model_finish(&m), 0);
  assert_int_equal(trace_graph_of_model(&m, false, &svg), 0);
  assert_int_equal(buf_append_byte(&svg, 0), 0);
  const char *text = (const char *)svg.data;
  check_layout(text, 4); /* visitors, other, the lock, main */
  assert_non_null(strstr(text, "visitor \xc3\x97 40"));
  assert_non_null(strstr(text, ">held by<"));
  assert_null(strstr(text, "xmlns")); /* in a page it needs no address */
  buf_release(&svg);
  trace_model_release(&m);
}

static void deadlocks_are_red(void **state) {
  (void)state;
  struct trace_model m;
  struct buf svg = {0};
  assert_true(sample_make("philosophers", 0, &m));
  assert_int_equal(trace_graph_of_model(&m, true, &svg), 0);
  assert_int_equal(buf_append_byte(&svg, 0), 0);
  const char *text = (const char *)svg.data;
  check_layout(text, 11);
  assert_int_equal(count_of(text, "<g class=\"wf-stuck\">"), 11 + 11);
  assert_non_null(strstr(text, "acquire at philosophers.lua:29"));
  assert_non_null(strstr(text, "philosopher1#2 waits fork2#2 (acquire at philosophers.lua:29)"));
  buf_release(&svg);
  trace_model_release(&m);
}

/* Two processes, each with a lock that the other one waits for, as a snapshot tells it. */
static void snapshots_are_drawn(void **state) {
  (void)state;
  struct snapshot_process processes[3] = {0};
  struct snapshot_sync locks[2] = {0};
  struct snapshot s = {
      .processes = processes, .process_count = 3, .syncs = locks, .sync_count = 2, .settled = true};
  for (uint32_t i = 0; i < 3; i++) {
    struct snapshot_process *p = &processes[i];
    *p =
        (struct snapshot_process){.id = i + 1, .slot = i, .status = PROCESS_RUNNING, .lives = true};
    snprintf(p->name, sizeof p->name, "%s", i == 0 ? "main" : "p<>");
    snprintf(p->where, sizeof p->where, "x.lua:%u", i);
    p->op.kind = i ? OP_LOCK_ACQUIRE : OP_PROCESS_JOIN;
    p->op.steady = true;
    p->op.deadline_ns = SBX_FOREVER;
    p->op.need_count = 1;
    p->op.needs[0] = (struct snapshot_need){
        .kind = p->op.kind, .type = i ? OBJECT_LOCK : OBJECT_PROCESS, .object = i ? i + 10 : 2};
  }
  for (uint32_t i = 0; i < 2; i++) {
    locks[i] = (struct snapshot_sync){.id = i + 11, .type = OBJECT_LOCK};
    assert_int_equal(index_list_add(&locks[i].owners, 2 - i), 0);
    assert_int_equal(index_list_add(&locks[i].holders, 1), 0);
    assert_int_equal(index_list_add(&locks[i].holders, 2), 0);
  }
  struct buf svg = {0};
  assert_int_equal(waits_find(&s, 0), 0);
  assert_int_equal(trace_graph_of_snapshot(&s, &svg), 0);
  assert_int_equal(buf_append_byte(&svg, 0), 0);
  const char *text = (const char *)svg.data;
  check_layout(text, 5);
  assert_int_equal(count_of(text, "<g class=\"wf-stuck\">"), 5 + 5);
  assert_non_null(strstr(text, "p&lt;&gt;#2 waits lock#11 (acquire at x.lua:1)"));
  assert_non_null(strstr(text, "lock#11 held by p&lt;&gt;#3"));
  assert_non_null(strstr(text, "main joins p&lt;&gt;#2"));
  buf_release(&svg);
  for (uint32_t i = 0; i < 2; i++) {
    free(locks[i].owners.list);
    free(locks[i].holders.list);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(page_needs_no_network),
      cmocka_unit_test(names_do_not_escape),
      cmocka_unit_test(two_runs_have_one_page),
      cmocka_unit_test(failures_of_the_sink_are_passed_on),
#ifdef SBX_FAULTS
      cmocka_unit_test(failures_of_memory_are_reported),
#endif
      cmocka_unit_test(page_is_told_what_the_model_says),
      cmocka_unit_test(large_runs_are_summed),
      cmocka_unit_test(equal_models_give_equal_charts),
      cmocka_unit_test(charts_are_small),
      cmocka_unit_test(charts_fold_many_processes),
      cmocka_unit_test(charts_have_a_last_row),
      cmocka_unit_test(charts_explain_their_colours),
      cmocka_unit_test(a_deadlock_is_shown_below_its_chart),
      cmocka_unit_test(cycles_are_rings),
      cmocka_unit_test(small_graphs_are_drawn),
      cmocka_unit_test(large_graphs_are_drawn),
      cmocka_unit_test(waiters_of_a_kind_are_one),
      cmocka_unit_test(deadlocks_are_red),
      cmocka_unit_test(snapshots_are_drawn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
