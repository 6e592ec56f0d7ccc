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
#include "look/trace/html_data.h"
#include "look/trace/page.h"

enum {
  LABEL_MAX = 80,
  WAITS_MAX = 300,   /* rows of the table of waits */
  MARKS_MAX = 20000, /* marks told */
  MATRIX_ROWS = 24,
  MATRIX_COLUMNS = 12,
};

struct page {
  const struct trace_model *m;
  const struct trace_sink *out;
  struct html_data data;
  struct buf text;
  uint32_t *string_no, *object_no; /* numbers in the page; TRACE_NONE: not used */
  uint32_t *strings, *objects;     /* those used, in order */
  uint32_t string_count, object_count;
  int rc; /* the first failure; then nothing more is written */
};

/* -- writing --------------------------------------------------------------------------------- */

static void flush(struct page *p, size_t more_than) {
  if (p->rc == 0 && p->text.len > more_than)
    p->rc = p->out->write(p->out->ctx, p->text.data, p->text.len);
  if (p->text.len > more_than)
    p->text.len = 0;
}

static void put(struct page *p, const char *text) {
  if (p->rc == 0)
    p->rc = buf_append(&p->text, text, strlen(text));
}

static void put_string(struct page *p, const char *s) {
  if (p->rc == 0)
    p->rc = json_string(&p->text, s);
  flush(p, 65536);
}

#define PUT(p, ...)                                                                                \
  do {                                                                                             \
    if ((p)->rc == 0)                                                                              \
      (p)->rc = buf_format(&(p)->text, __VA_ARGS__);                                               \
  } while (0)

/* A number in a list, or -1. */
static void put_index(struct page *p, uint32_t i) {
  if (i == TRACE_NONE)
    put(p, ",-1");
  else
    PUT(p, ",%" PRIu32, i);
}

static uint32_t string_no(struct page *p, uint32_t i) {
  if (i >= p->m->string_count)
    i = 0;
  if (p->string_no[i] == TRACE_NONE) {
    p->strings[p->string_count] = i;
    p->string_no[i] = p->string_count++;
  }
  return p->string_no[i];
}

static uint32_t object_no(struct page *p, uint32_t i) {
  if (i >= p->m->object_count)
    return TRACE_NONE;
  if (p->object_no[i] == TRACE_NONE) {
    p->objects[p->object_count] = i;
    p->object_no[i] = p->object_count++;
  }
  return p->object_no[i];
}

/* What an op of this kind is done to, as a number in the page. */
static uint32_t target_no(struct page *p, enum op_kind kind, uint32_t object) {
  return trace_names_process(kind) ? object : object_no(p, object);
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
    flush(p, 65536);
  }
}

/* -- facts ----------------------------------------------------------------------------------- */

static void put_facts(struct page *p) {
  const struct trace_facts *f = &p->m->facts;
  struct trace_sums sums;
  trace_sum(p->m, &sums);
  put(p, "{\"command\":");
  put_string(p, f->command);
  put(p, ",\"version\":");
  put_string(p, f->version);
  put(p, ",\"clock\":");
  put_string(p, f->clock);
  put(p, ",\"deadlock\":");
  put_string(p, f->deadlock);
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
  put(p, ",\"processes\":[");
  for (uint32_t i = 0; i < p->m->process_count; i++) {
    const struct trace_process *q = &p->m->processes[i];
    put(p, i ? ",\n[" : "\n[");
    put_string(p, trace_process_label(p->m, i, label, sizeof label));
    put(p, ",");
    put_string(p, q->name);
    put_index(p, q->parent);
    PUT(p, ",%" PRId64 ",%" PRId64 ",%d,%d,%d,%d,", q->begin_ns, q->end_ns, (int)q->how,
        q->exit_code, q->signal, q->worker);
    put_string(p, q->spawned_at);
    put(p, ",");
    put_string(p, q->failure);
    PUT(p, ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",[", q->items_out, q->items_in, q->id);
    for (int s = 0; s < TRACE_STATES; s++)
      PUT(p, "%s%" PRId64, s ? "," : "", q->spent_ns[s]);
    put(p, "]]");
  }
  put(p, "]");
}

static void put_sites(struct page *p) {
  put(p, ",\"sites\":[");
  for (uint32_t i = 0; i < p->data.site_count; i++) {
    const struct html_site *s = &p->data.sites[i];
    PUT(p, "%s[%d,%d", i ? "," : "", s->kind, s->flags);
    put_index(p, target_no(p, s->kind, s->object));
    put_index(p, string_no(p, s->where));
    put(p, "]");
    flush(p, 65536);
  }
  put(p, "]");
}

/* For each kind of op: verb, state while it waits, does it name a process, change of items. */
static void put_kinds(struct page *p) {
  put(p, ",\"kinds\":[");
  for (unsigned k = 0; k < OP_COUNT; k++) {
    put(p, k ? ",[" : "[");
    put_string(p, trace_verb(k));
    PUT(p, ",%d,%d,%d]", (int)trace_state_of(k), trace_names_process(k), trace_item_change(k));
  }
  put(p, "]");
}

/* Of many marks, the last are told. */
static void put_marks(struct page *p) {
  uint32_t count = p->m->mark_count, first = count > MARKS_MAX ? count - MARKS_MAX : 0;
  PUT(p, ",\"marksLeftOut\":%" PRIu32 ",\"marks\":[", first);
  for (uint32_t i = first; i < count; i++) {
    const struct trace_mark *k = &p->m->marks[i];
    PUT(p, "%s[%" PRId64, i > first ? "," : "", k->t_ns);
    put_index(p, k->process);
    put_index(p, string_no(p, k->name));
    put(p, ",");
    if (!k->counter)
      put(p, "0,0");
    else if (put(p, "1,"), p->rc == 0)
      p->rc = json_number(&p->text, k->value);
    put(p, "]");
    flush(p, 65536);
  }
  put(p, "]");
}

/* -- waits ----------------------------------------------------------------------------------- */

static void put_waits(struct page *p) {
  struct trace_wait *waits;
  uint32_t count;
  int64_t rest = 0;
  if (p->rc == 0)
    p->rc = trace_waits(p->m, &waits, &count);
  if (p->rc)
    return;
  put(p, ",\"waits\":[");
  for (uint32_t i = 0; i < count; i++) {
    const struct trace_wait *w = &waits[i];
    if (i >= WAITS_MAX) {
      rest += w->total_ns;
      continue;
    }
    PUT(p, "%s[%d", i ? ",\n" : "\n", w->kind);
    put_index(p, target_no(p, w->kind, w->object));
    put_index(p, string_no(p, w->where));
    PUT(p, ",%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%" PRId64 "]", w->waits, w->processes, w->total_ns,
        w->longest_ns);
    flush(p, 65536);
  }
  PUT(p, "],\"waitsLeftOut\":[%" PRIu32 ",%" PRId64 "]", count > WAITS_MAX ? count - WAITS_MAX : 0,
      rest);
  free(waits);
}

/* How long a process waited for something, in all. */
struct cell {
  uint32_t process, kind; /* of the first wait */
  uint64_t key;           /* what it waited for */
  int64_t ns, line_ns;    /* of the line where it waited longest */
  uint32_t line, waits;
};

struct total {
  uint64_t key;
  int64_t ns;
};

static int by_process_and_key(const void *a, const void *b) {
  const struct cell *c = a, *d = b;
  if (c->process != d->process)
    return c->process < d->process ? -1 : 1;
  if (c->key != d->key)
    return c->key < d->key ? -1 : 1;
  return c->line < d->line ? -1 : c->line > d->line;
}

static int by_key(const void *a, const void *b) {
  const struct cell *c = a, *d = b;
  return c->key < d->key ? -1 : c->key > d->key;
}

static int longest_first(const void *a, const void *b) {
  const struct total *t = a, *u = b;
  if (t->ns != u->ns)
    return t->ns < u->ns ? 1 : -1;
  return t->key < u->key ? -1 : t->key > u->key;
}

/* Cells by process, target and line, while they are gathered. */
struct cells {
  struct cell *list;   /* owned */
  uint32_t *table;     /* owned; number + 1, by hash; 0: free */
  uint32_t count, cap; /* the table has 4 * cap */
};

static uint32_t *find_cell(const struct cells *c, uint32_t process, uint64_t key, uint32_t line) {
  uint64_t hash = (key ^ (uint64_t)process << 32 ^ line) * UINT64_C(0x9e3779b97f4a7c15);
  uint32_t mask = 4 * c->cap - 1, at = (uint32_t)(hash >> 32) & mask;
  for (; c->table[at]; at = (at + 1) & mask) {
    const struct cell *cell = &c->list[c->table[at] - 1];
    if (cell->process == process && cell->key == key && cell->line == line)
      break;
  }
  return &c->table[at];
}

static int grow_cells(struct cells *c) {
  uint32_t cap = c->cap ? 2 * c->cap : 64;
  struct cell *list = realloc(c->list, cap * sizeof *list);
  if (list)
    c->list = list;
  uint32_t *table = calloc(4 * (size_t)cap, sizeof *table);
  if (!list || !table) {
    free(table);
    return -SBX_ENOMEM;
  }
  free(c->table);
  c->table = table;
  c->cap = cap;
  for (uint32_t i = 0; i < c->count; i++)
    *find_cell(c, list[i].process, list[i].key, list[i].line) = i + 1;
  return 0;
}

static int add_wait(struct cells *c, uint32_t process, const struct trace_event *e, int64_t ns) {
  uint64_t key = (uint64_t)trace_names_process(e->kind) << 32 | e->object;
  if (c->count == c->cap && grow_cells(c))
    return -SBX_ENOMEM;
  uint32_t *at = find_cell(c, process, key, e->where);
  if (!*at) {
    c->list[c->count++] =
        (struct cell){.process = process, .kind = e->kind, .key = key, .line = e->where};
    *at = c->count;
  }
  struct cell *cell = &c->list[*at - 1];
  cell->ns += ns;
  cell->line_ns += ns;
  cell->waits++;
  return 0;
}

/* Where a process waited for one thing at several lines, the longest of them stays. */
static void join_lines(struct cells *c) {
  uint32_t kept = 0;
  if (c->count)
    qsort(c->list, c->count, sizeof *c->list, by_process_and_key);
  for (uint32_t i = 0; i < c->count; i++) {
    struct cell *before = kept ? &c->list[kept - 1] : NULL, *cell = &c->list[i];
    if (!before || before->process != cell->process || before->key != cell->key) {
      c->list[kept++] = *cell;
      continue;
    }
    before->ns += cell->ns;
    before->waits += cell->waits;
    if (cell->line_ns > before->line_ns) {
      before->line = cell->line;
      before->line_ns = cell->line_ns;
    }
  }
  c->count = kept;
}

static int list_cells(const struct trace_model *m, struct cells *ret) {
  int rc = grow_cells(ret);
  for (uint32_t i = 0; i < m->process_count; i++)
    for (uint32_t k = 0; k < m->processes[i].span_count && rc == 0; k++) {
      const struct trace_span *s = &m->spans[m->processes[i].span_first + k];
      if (s->event != TRACE_NONE && m->events[s->event].kind != OP_CLOCK_SLEEP)
        rc = add_wait(ret, i, &m->events[s->event], s->to_ns - s->from_ns);
    }
  join_lines(ret);
  return rc;
}

/* The `most` greatest of the totals. */
static uint32_t choose(struct total *list, uint32_t count, uint32_t most) {
  qsort(list, count, sizeof *list, longest_first);
  return count < most ? count : most;
}

static uint32_t place_of(const struct total *list, uint32_t count, uint64_t key) {
  uint32_t i = 0;
  while (i < count && list[i].key != key)
    i++;
  return i;
}

static int rows_ascend(const void *a, const void *b) {
  const struct total *t = a, *u = b;
  return t->key < u->key ? -1 : t->key > u->key;
}

/* Rows are processes, columns what they waited for: those with the longest waits. */
static void put_cells(struct page *p, struct cell *cells, uint32_t count, struct total *rows,
                      struct total *columns) {
  uint32_t row_count = 0, column_count = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (i == 0 || cells[i].process != cells[i - 1].process)
      rows[row_count++] = (struct total){.key = cells[i].process};
    rows[row_count - 1].ns += cells[i].ns;
  }
  qsort(cells, count, sizeof *cells, by_key);
  for (uint32_t i = 0; i < count; i++) {
    if (i == 0 || cells[i].key != cells[i - 1].key)
      columns[column_count++] = (struct total){.key = cells[i].key};
    columns[column_count - 1].ns += cells[i].ns;
  }
  uint32_t rows_in_all = row_count, columns_in_all = column_count;
  row_count = choose(rows, row_count, MATRIX_ROWS);
  column_count = choose(columns, column_count, MATRIX_COLUMNS);
  qsort(rows, row_count, sizeof *rows, rows_ascend);
  put(p, ",\"matrix\":{\"rows\":[");
  for (uint32_t i = 0; i < row_count; i++)
    PUT(p, "%s%" PRIu64, i ? "," : "", rows[i].key);
  PUT(p, "],\"rowsLeftOut\":%" PRIu32 ",\"columnsLeftOut\":%" PRIu32 ",\"columns\":[",
      rows_in_all - row_count, columns_in_all - column_count);
  for (uint32_t i = 0; i < column_count; i++) { /* is it a process, and which one or which object */
    bool process = columns[i].key >> 32;
    uint32_t which = (uint32_t)columns[i].key;
    PUT(p, "%s[%d", i ? "," : "", process);
    put_index(p, process ? which : object_no(p, which));
    put(p, "]");
  }
  put(p, "],\"cells\":[");
  bool first = true;
  for (uint32_t i = 0; i < count; i++) {
    const struct cell *c = &cells[i];
    uint32_t row = place_of(rows, row_count, c->process);
    uint32_t column = place_of(columns, column_count, c->key);
    if (row == row_count || column == column_count)
      continue;
    PUT(p, "%s[%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%" PRIu32 ",%" PRIu32, first ? "" : ",", row,
        column, c->ns, c->waits, c->kind);
    put_index(p, string_no(p, c->line));
    put(p, "]");
    first = false;
  }
  put(p, "]}");
}

static void put_matrix(struct page *p) {
  struct cells cells = {0};
  if (p->rc == 0)
    p->rc = list_cells(p->m, &cells);
  struct total *totals = calloc(2 * ((size_t)cells.count + 1), sizeof *totals);
  if (!totals)
    p->rc = -SBX_ENOMEM;
  if (p->rc == 0)
    put_cells(p, cells.list, cells.count, totals, totals + cells.count + 1);
  free(cells.list);
  free(cells.table);
  free(totals);
}

/* -- the rest -------------------------------------------------------------------------------- */

static void put_graph(struct page *p) {
  struct buf svg = {0};
  if (p->rc == 0 && p->m->edge_count)
    p->rc = trace_graph_of_model(p->m, false, &svg);
  put(p, ",\"graph\":");
  if (p->rc == 0)
    p->rc = json_text(&p->text, (const char *)svg.data, svg.len);
  buf_release(&svg);
  put(p, ",\"edges\":["); /* process, is it part of the deadlock */
  for (uint32_t i = 0; i < p->m->edge_count; i++)
    PUT(p, "%s[%" PRIu32 ",%d]", i ? "," : "", p->m->edges[i].process, p->m->edges[i].stuck);
  put(p, "]");
  flush(p, 65536);
}

static void put_sources(struct page *p) {
  put(p, ",\"sources\":[");
  for (uint32_t i = 0; i < p->m->source_count; i++) {
    const struct trace_source *s = &p->m->sources[i];
    put(p, i ? ",\n[" : "\n[");
    put_string(p, s->path);
    put(p, ",");
    if (p->rc == 0)
      p->rc = json_text(&p->text, s->text, s->len);
    put(p, "]");
    flush(p, 65536);
  }
  put(p, "]");
}

/* Last, since only then it is known which are used. */
static void put_names(struct page *p) {
  char label[LABEL_MAX];
  put(p, ",\"queues\":[");
  for (uint32_t i = 0; i < p->data.queue_count; i++)
    PUT(p, "%s%" PRIu32, i ? "," : "", object_no(p, p->data.queues[i]));
  put(p, "],\"types\":[");
  for (unsigned i = 0; i < OBJECT_TYPES; i++)
    PUT(p, "%s\"%s\"", i ? "," : "", trace_type_word(i));
  put(p, "],\"objects\":[");
  for (uint32_t i = 0; i < p->object_count; i++) {
    const struct trace_object *o = &p->m->objects[p->objects[i]];
    put(p, i ? ",\n[" : "\n[");
    put_string(p, trace_object_label(p->m, p->objects[i], label, sizeof label));
    PUT(p, ",%d,%" PRIu64 ",", (int)o->type, o->max);
    put_string(p, o->made_at);
    put_index(p, o->peer == TRACE_NONE ? TRACE_NONE : p->object_no[o->peer]);
    put(p, "]");
    flush(p, 65536);
  }
  put(p, "],\"strings\":[");
  for (uint32_t i = 0; i < p->string_count; i++) {
    put(p, i ? "," : "");
    put_string(p, p->m->strings[p->strings[i]]);
  }
  put(p, "]");
}

static void put_json(struct page *p) {
  put(p, "{\"facts\":");
  put_facts(p);
  put_processes(p);
  put_kinds(p);
  put_sites(p);
  put_marks(p);
  put_waits(p);
  put_matrix(p);
  put_graph(p);
  put_sources(p);
  put_names(p);
  put(p, "}");
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
  string_no(p, 0); /* "" is number 0 */
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
  put(&p, "</script>\n");
  flush(&p, 0);
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
  return page_write(NULL, &page_js, put_runs, &(struct runs){models, count}, out);
}
