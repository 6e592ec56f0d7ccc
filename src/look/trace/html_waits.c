/* look/trace/html_waits.c - who waited for what: a list, and a matrix of processes and what they waited for; see
 * html_internal.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/html_internal.h"

void page_waits(struct page *p) {
  struct trace_wait *waits;
  uint32_t count;
  int64_t rest = 0;
  if (p->rc == 0)
    p->rc = trace_waits(p->m, &waits, &count);
  if (p->rc)
    return;
  page_put(p, ",\"waits\":[");
  for (uint32_t i = 0; i < count; i++) {
    const struct trace_wait *w = &waits[i];
    if (i >= WAITS_MAX) {
      rest += w->total_ns;
      continue;
    }
    PUT(p, "%s[%u", i ? ",\n" : "\n", page_kind_no(p, w->kind, w->object));
    page_index(p, page_target_no(p, w->kind, w->object));
    page_index(p, page_string_no(p, w->where));
    PUT(p, ",%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%" PRId64 "]", w->waits, w->processes, w->total_ns,
        w->longest_ns);
    page_flush(p, 65536);
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
  page_put(p, ",\"matrix\":{\"rows\":[");
  for (uint32_t i = 0; i < row_count; i++)
    PUT(p, "%s%" PRIu64, i ? "," : "", rows[i].key);
  PUT(p, "],\"rowsLeftOut\":%" PRIu32 ",\"columnsLeftOut\":%" PRIu32 ",\"columns\":[",
      rows_in_all - row_count, columns_in_all - column_count);
  for (uint32_t i = 0; i < column_count; i++) { /* is it a process, and which one or which object */
    bool process = columns[i].key >> 32;
    uint32_t which = (uint32_t)columns[i].key;
    PUT(p, "%s[%d", i ? "," : "", process);
    page_index(p, process ? which : page_object_no(p, which));
    page_put(p, "]");
  }
  page_put(p, "],\"cells\":[");
  bool first = true;
  for (uint32_t i = 0; i < count; i++) {
    const struct cell *c = &cells[i];
    uint32_t row = place_of(rows, row_count, c->process);
    uint32_t column = place_of(columns, column_count, c->key);
    if (row == row_count || column == column_count)
      continue;
    PUT(p, "%s[%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%" PRIu32 ",%" PRIu32, first ? "" : ",", row,
        column, c->ns, c->waits, c->kind);
    page_index(p, page_string_no(p, c->line));
    page_put(p, "]");
    first = false;
  }
  page_put(p, "]}");
}

void page_matrix(struct page *p) {
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
