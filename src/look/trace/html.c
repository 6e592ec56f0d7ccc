/*
 * look/trace/html.c - see html.h.
 *
 * The data of a run is two <script> elements that are not run: one of JSON (facts, names, tables),
 * and one of base64 (html_data.h). Strings, objects and processes are told of by their numbers in
 * the lists of the JSON text; of strings and objects only those that are used are there.
 */
#include "look/trace/html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/json_text.h"
#include "look/trace/graph.h"
#include "look/trace/html_internal.h"
#include "look/trace/page.h"

/* -- writing --------------------------------------------------------------------------------- */

void page_flush(struct page *p, size_t more_than) {
  if (p->rc == 0 && p->text.len > more_than)
    p->rc = p->out->write(p->out->ctx, p->text.data, p->text.len);
  if (p->text.len > more_than)
    p->text.len = 0;
}

void page_put(struct page *p, const char *text) {
  if (p->rc == 0)
    p->rc = buf_append(&p->text, text, strlen(text));
}

void page_string(struct page *p, const char *s) {
  if (p->rc == 0)
    p->rc = json_string(&p->text, s);
  page_flush(p, 65536);
}

/* A number in a list, or -1. */
void page_index(struct page *p, uint32_t i) {
  if (i == TRACE_NONE)
    page_put(p, ",-1");
  else
    PUT(p, ",%" PRIu32, i);
}

uint32_t page_string_no(struct page *p, uint32_t i) {
  if (i >= p->m->string_count)
    i = 0;
  if (p->string_no[i] == TRACE_NONE) {
    p->strings[p->string_count] = i;
    p->string_no[i] = p->string_count++;
  }
  return p->string_no[i];
}

uint32_t page_object_no(struct page *p, uint32_t i) {
  if (i >= p->m->object_count)
    return TRACE_NONE;
  if (p->object_no[i] == TRACE_NONE) {
    p->objects[p->object_count] = i;
    p->object_no[i] = p->object_count++;
  }
  return p->object_no[i];
}

/* What an op of this kind is done to, as a number in the page. */
uint32_t page_target_no(struct page *p, enum op_kind kind, uint32_t object) {
  return trace_names_process(kind) ? object : page_object_no(p, object);
}

unsigned page_kind_no(const struct page *p, enum op_kind kind, uint32_t object) {
  const struct whole_verb *whole = trace_whole_verb(p->m, kind, object);
  return whole ? OP_COUNT + (unsigned)(whole - words_whole_verbs) : kind;
}

/* -- base64 ---------------------------------------------------------------------------------- */

static void put_base64(struct page *p, const struct buf *b) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < b->len && p->rc == 0; i += 3) {
    size_t left = b->len - i;
    uint32_t n = (uint32_t)b->data[i] << 16;
    n |= left > 1 ? (uint32_t)b->data[i + 1] << 8 : 0;
    n |= left > 2 ? b->data[i + 2] : 0u;
    char four[4] = {digits[n >> 18], digits[n >> 12 & 63], left > 1 ? digits[n >> 6 & 63] : '=',
                    left > 2 ? digits[n & 63] : '='};
    p->rc = buf_append(&p->text, four, sizeof four);
    page_flush(p, 65536);
  }
}

/* -- facts ----------------------------------------------------------------------------------- */

static void put_facts(struct page *p) {
  const struct trace_facts *f = &p->m->facts;
  struct trace_sums sums;
  trace_sum(p->m, &sums);
  page_put(p, "{\"command\":");
  page_string(p, f->command);
  page_put(p, ",\"version\":");
  page_string(p, f->version);
  page_put(p, ",\"clock\":");
  page_string(p, f->clock);
  page_put(p, ",\"deadlock\":");
  page_string(p, f->deadlock);
  PUT(p, ",\"seed\":\"%" PRIu64 "\",\"speed\":", f->seed);
  if (p->rc == 0)
    p->rc = json_number(&p->text, f->speed);
  PUT(p, ",\"began\":%" PRId64 ",\"end\":%" PRId64 ",\"cpu\":%" PRId64, f->wall_ns / 1000000,
      f->end_ns, f->cpu_ns);
  PUT(p, ",\"status\":%d,\"lost\":%" PRIu64 ",\"nameless\":%" PRIu64 ",\"cut\":%d,\"detail\":%d",
      f->exit_status, f->lost, f->nameless, f->cut, (int)f->detail);
  PUT(p, ",\"unit\":%" PRId64 ",\"merged\":%d,\"shortest\":%" PRId64, p->data.unit_ns,
      p->data.merged, p->data.shortest_ns);
  PUT(p, ",\"events\":%" PRIu32 ",\"told\":%" PRIu32 ",\"stretches\":%" PRIu32, p->m->event_count,
      p->data.told, p->data.stretches);
  PUT(p, ",\"most\":%" PRIu32 ",\"messages\":%" PRIu64 ",\"ops\":%" PRIu64 ",\"busy\":%" PRId64 "}",
      sums.most_alive, sums.messages, sums.ops, sums.busy_ns);
}

static void put_processes(struct page *p) {
  char label[LABEL_MAX];
  page_put(p, ",\"processes\":[");
  for (uint32_t i = 0; i < p->m->process_count; i++) {
    const struct trace_process *q = &p->m->processes[i];
    page_put(p, i ? ",\n[" : "\n[");
    page_string(p, trace_process_label(p->m, i, label, sizeof label));
    page_put(p, ",");
    page_string(p, q->name);
    page_index(p, q->parent);
    PUT(p, ",%" PRId64 ",%" PRId64 ",%d,%d,%d,%d,", q->begin_ns, q->end_ns, (int)q->how,
        q->exit_code, q->signal, q->worker);
    page_string(p, q->spawned_at);
    page_put(p, ",");
    page_string(p, q->failure);
    PUT(p, ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",[", q->items_out, q->items_in, q->id);
    for (int s = 0; s < TRACE_STATES; s++)
      PUT(p, "%s%" PRId64, s ? "," : "", q->spent_ns[s]);
    page_put(p, "]]");
  }
  page_put(p, "]");
}

static void put_sites(struct page *p) {
  page_put(p, ",\"sites\":[");
  for (uint32_t i = 0; i < p->data.site_count; i++) {
    const struct html_site *s = &p->data.sites[i];
    PUT(p, "%s[%u,%d", i ? "," : "", page_kind_no(p, s->kind, s->object), s->flags);
    page_index(p, page_target_no(p, s->kind, s->object));
    page_index(p, page_string_no(p, s->where));
    page_put(p, "]");
    page_flush(p, 65536);
  }
  page_put(p, "]");
}

/* For each kind of op: verb, state while it waits, does it name a process, change of items. Then the same of ops that
 * have another verb where they are done to a whole (look/words.h). */
static void put_kinds(struct page *p) {
  page_put(p, ",\"kinds\":[");
  for (unsigned i = 0; i < OP_COUNT + WHOLE_VERBS; i++) {
    const struct whole_verb *whole = i < OP_COUNT ? NULL : &words_whole_verbs[i - OP_COUNT];
    enum op_kind k = whole ? whole->kind : (enum op_kind)i;
    page_put(p, i ? ",[" : "[");
    page_string(p, whole ? whole->verb : trace_verb(k));
    PUT(p, ",%d,%d,%d]", (int)trace_state_of(k), trace_names_process(k), trace_item_change(k));
  }
  page_put(p, "]");
}

/* Of many marks, the last are told. */
static void put_marks(struct page *p) {
  uint32_t count = p->m->mark_count, first = count > MARKS_MAX ? count - MARKS_MAX : 0;
  PUT(p, ",\"marksLeftOut\":%" PRIu32 ",\"marks\":[", first);
  for (uint32_t i = first; i < count; i++) {
    const struct trace_mark *k = &p->m->marks[i];
    PUT(p, "%s[%" PRId64, i > first ? "," : "", k->t_ns);
    page_index(p, k->process);
    page_index(p, page_string_no(p, k->name));
    page_put(p, ",");
    if (!k->counter)
      page_put(p, "0,0");
    else if (page_put(p, "1,"), p->rc == 0)
      p->rc = json_number(&p->text, k->value);
    page_put(p, "]");
    page_flush(p, 65536);
  }
  page_put(p, "]");
}

/* -- the rest -------------------------------------------------------------------------------- */

static void put_graph(struct page *p) {
  struct buf svg = {0};
  if (p->rc == 0 && p->m->edge_count)
    p->rc = trace_graph_of_model(p->m, false, &svg);
  page_put(p, ",\"graph\":");
  if (p->rc == 0)
    p->rc = json_text(&p->text, (const char *)svg.data, svg.len);
  buf_release(&svg);
  page_put(p, ",\"edges\":["); /* process, is it part of the deadlock */
  for (uint32_t i = 0; i < p->m->edge_count; i++)
    PUT(p, "%s[%" PRIu32 ",%d]", i ? "," : "", p->m->edges[i].process, p->m->edges[i].stuck);
  page_put(p, "]");
  page_flush(p, 65536);
}

static void put_sources(struct page *p) {
  page_put(p, ",\"sources\":[");
  for (uint32_t i = 0; i < p->m->source_count; i++) {
    const struct trace_source *s = &p->m->sources[i];
    page_put(p, i ? ",\n[" : "\n[");
    page_string(p, s->path);
    page_put(p, ",");
    if (p->rc == 0)
      p->rc = json_text(&p->text, s->text, s->len);
    page_put(p, "]");
    page_flush(p, 65536);
  }
  page_put(p, "]");
}

/* Last, since only then it is known which are used. */
static void put_names(struct page *p) {
  char label[LABEL_MAX];
  page_put(p, ",\"queues\":[");
  for (uint32_t i = 0; i < p->data.queue_count; i++)
    PUT(p, "%s%" PRIu32, i ? "," : "", page_object_no(p, p->data.queues[i]));
  page_put(p, "],\"types\":[");
  for (unsigned i = 0; i < OBJECT_TYPES; i++)
    PUT(p, "%s\"%s\"", i ? "," : "", object_type_word(i));
  page_put(p, "],\"objects\":[");
  for (uint32_t i = 0; i < p->object_count; i++) {
    const struct trace_object *o = &p->m->objects[p->objects[i]];
    page_put(p, i ? ",\n[" : "\n[");
    page_string(p, trace_object_label(p->m, p->objects[i], label, sizeof label));
    int type = words_whole(o->type, o->name) ? -1 : (int)o->type; /* its name says what it is */
    PUT(p, ",%d,%" PRIu64 ",", type, o->max);
    page_string(p, o->made_at);
    page_index(p, o->peer == TRACE_NONE ? TRACE_NONE : p->object_no[o->peer]);
    PUT(p, ",%" PRIu64 "]", trace_capacity(o));
    page_flush(p, 65536);
  }
  page_put(p, "],\"strings\":[");
  for (uint32_t i = 0; i < p->string_count; i++) {
    page_put(p, i ? "," : "");
    page_string(p, p->m->strings[p->strings[i]]);
  }
  page_put(p, "]");
}

static void put_json(struct page *p) {
  page_put(p, "{\"facts\":");
  put_facts(p);
  put_processes(p);
  put_kinds(p);
  put_sites(p);
  put_marks(p);
  page_waits(p);
  page_matrix(p);
  put_graph(p);
  put_sources(p);
  put_names(p);
  page_put(p, "}");
}

static int open_page(struct page *p) {
  size_t strings = p->m->string_count + 1u, objects = p->m->object_count + 1u;
  p->string_no = malloc(2 * strings * sizeof *p->string_no);
  p->object_no = malloc(2 * objects * sizeof *p->object_no);
  if (!p->string_no || !p->object_no)
    return -SBX_ENOMEM;
  memset(p->string_no, 0xff, strings * sizeof *p->string_no); /* TRACE_NONE */
  memset(p->object_no, 0xff, objects * sizeof *p->object_no);
  p->strings = p->string_no + strings;
  p->objects = p->object_no + objects;
  page_string_no(p, 0); /* "" is number 0 */
  return html_data_make(p->m, TRACE_HTML_EVENTS, &p->data);
}

static int put_run(const struct trace_model *m, unsigned number, const struct trace_sink *out) {
  struct page p = {.m = m, .out = out};
  p.rc = open_page(&p);
  PUT(&p, "<script type=\"application/json\" id=\"run%u\">", number);
  if (p.rc == 0)
    put_json(&p);
  PUT(&p, "</script>\n<script type=\"text/plain\" id=\"data%u\">", number);
  put_base64(&p, &p.data.bytes);
  page_put(&p, "</script>\n");
  page_flush(&p, 0);
  html_data_release(&p.data);
  buf_release(&p.text);
  free(p.string_no);
  free(p.object_no);
  return p.rc;
}

struct runs {
  const struct trace_model *const *models;
  unsigned count;
};

static int put_runs(void *ctx, const struct trace_sink *out) {
  const struct runs *r = ctx;
  int rc = 0;
  for (unsigned i = 0; i < r->count && rc == 0; i++)
    rc = put_run(r->models[i], i, out);
  return rc;
}

int trace_html(const struct trace_model *const models[], unsigned count,
               const struct trace_sink *out) {
  if (count < 1 || count > 2)
    return -SBX_EINVAL;
  static const struct page_part *const js[] = {&page_data_js,   &page_chart_js,  &page_gantt_js,
                                               &page_report_js, &page_replay_js, NULL};
  return page_write(NULL, js, put_runs, &(struct runs){models, count}, out);
}
