/* look/trace/html_data.c - see html_data.h. */
#include "look/trace/html_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* -- numbers --------------------------------------------------------------------------------- */

struct encoder {
  const struct trace_model *m;
  struct html_data *out;
  int64_t unit_ns;
  uint8_t *covers; /* for each event: 1 if it is a span, and is told; 2: it is left out */
  struct stretch *list;
  uint32_t count, cap;
  uint32_t *table;  /* of sites: number + 1, by hash; 0: free */
  uint64_t *next_n; /* for each site */
  uint32_t table_cap, site_cap;
};

static int put_varint(struct buf *b, uint64_t n) {
  uint8_t bytes[10];
  size_t len = 0;
  do {
    bytes[len] = (uint8_t)(n & 0x7f);
    n >>= 7;
    bytes[len++] |= n ? 0x80 : 0;
  } while (n);
  return buf_append(b, bytes, len);
}

static int put_signed(struct buf *b, int64_t n) {
  return put_varint(b, n < 0 ? ~((uint64_t)n << 1) : (uint64_t)n << 1);
}

static int64_t units(const struct encoder *c, int64_t ns) { return ns < 0 ? 0 : ns / c->unit_ns; }

/* Ten digits are enough for a screen, whatever the zoom. */
static int64_t choose_unit(int64_t end_ns) {
  int64_t unit = 1;
  while (end_ns / unit > INT64_C(10000000000))
    unit *= 10;
  return unit;
}

/* -- spans ----------------------------------------------------------------------------------- */

struct stretch {
  uint32_t process, event; /* TRACE_NONE: no event */
  int64_t from_ns, to_ns;
  uint32_t state;
};

static int add_stretch(struct encoder *c, struct stretch s) {
  if (c->count == c->cap) {
    uint32_t cap = c->cap ? 2 * c->cap : 64;
    struct stretch *list = realloc(c->list, cap * sizeof *list);
    if (!list)
      return -SBX_ENOMEM;
    c->list = list;
    c->cap = cap;
  }
  c->list[c->count++] = s;
  return 0;
}

static bool is_event(const struct trace_model *m, const struct trace_span *s) {
  if (s->event == TRACE_NONE)
    return false;
  const struct trace_event *e = &m->events[s->event];
  return e->t_ns == s->from_ns && e->t_ns + e->duration_ns == s->to_ns;
}

/* All spans: each is an event, or a stretch, or the process runs. */
static int take_all(struct encoder *c) {
  const struct trace_model *m = c->m;
  int rc = 0;
  for (uint32_t i = 0; i < m->process_count; i++) {
    const struct trace_process *p = &m->processes[i];
    for (uint32_t k = p->span_first; k < p->span_first + p->span_count && rc == 0; k++) {
      const struct trace_span *s = &m->spans[k];
      if (is_event(m, s))
        c->covers[s->event] = 1;
      else if (s->state != TRACE_RUNNING)
        rc = add_stretch(c, (struct stretch){i, s->event, s->from_ns, s->to_ns, s->state});
    }
  }
  return rc;
}

/* -- a large run ----------------------------------------------------------------------------- */

/* Short spans that follow each other, to be told as one interval for each state. */
struct heap {
  int64_t from_ns, to_ns, spent_ns[TRACE_STATES];
};

/* What the heap costs; it is told if there is an encoder, and then empty. */
static uint32_t flush(struct encoder *c, uint32_t process, struct heap *h, int *rc) {
  uint32_t parts = 0;
  int64_t at = h->from_ns;
  for (uint32_t s = TRACE_RUNNING + 1; s < TRACE_STATES; s++) {
    if (h->spent_ns[s] == 0)
      continue;
    parts++;
    if (c && *rc == 0)
      *rc = add_stretch(c, (struct stretch){process, TRACE_NONE, at, at + h->spent_ns[s], s});
    at += h->spent_ns[s];
  }
  *h = (struct heap){0};
  return parts;
}

/* The number of intervals if heaps are of `width_ns`; they are told if there is an encoder. */
static uint64_t heap_up(const struct trace_model *m, int64_t width_ns, struct encoder *c, int *rc) {
  uint64_t parts = 0;
  for (uint32_t i = 0; i < m->process_count && *rc == 0; i++) {
    const struct trace_process *p = &m->processes[i];
    struct heap h = {0};
    for (uint32_t k = p->span_first; k < p->span_first + p->span_count; k++) {
      const struct trace_span *s = &m->spans[k];
      int64_t ns = s->to_ns - s->from_ns;
      if (h.to_ns && (ns >= width_ns || s->to_ns - h.from_ns > width_ns))
        parts += flush(c, i, &h, rc);
      if (ns < width_ns) {
        h.from_ns = h.to_ns ? h.from_ns : s->from_ns;
        h.to_ns = s->to_ns;
        h.spent_ns[s->state] += ns;
        continue;
      }
      parts += s->state != TRACE_RUNNING;
      if (c && is_event(m, s))
        c->covers[s->event] = 1;
      else if (c && s->state != TRACE_RUNNING && *rc == 0)
        *rc = add_stretch(c, (struct stretch){i, TRACE_NONE, s->from_ns, s->to_ns, s->state});
    }
    if (h.to_ns)
      parts += flush(c, i, &h, rc);
  }
  return parts;
}

/* The long spans, and sums of the short ones: at most `most`. */
static int take_sums(struct encoder *c, uint32_t most) {
  const struct trace_model *m = c->m;
  int64_t life = 0;
  int rc = 0;
  for (uint32_t i = 0; i < m->process_count; i++)
    life += m->processes[i].end_ns - m->processes[i].begin_ns;
  int64_t width = life / most + 1;
  while (width < life && heap_up(m, width, NULL, &rc) > most)
    width *= 2;
  heap_up(m, width, c, &rc);
  for (uint32_t i = 0; i < m->event_count; i++)
    c->covers[i] = c->covers[i] == 1 ? 1 : 2;
  c->out->merged = true;
  c->out->shortest_ns = width;
  return rc;
}

/* -- sites ----------------------------------------------------------------------------------- */

static uint32_t hash_site(const struct html_site *s) {
  uint64_t h = (uint64_t)s->object << 32 | s->where;
  h ^= (uint64_t)s->kind << 16 ^ (uint64_t)s->flags << 40;
  h *= UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(h >> 32);
}

static bool same_site(const struct html_site *a, const struct html_site *b) {
  return a->kind == b->kind && a->flags == b->flags && a->object == b->object &&
         a->where == b->where;
}

static int grow_sites(struct encoder *c) {
  struct html_data *d = c->out;
  uint32_t cap = c->site_cap ? 2 * c->site_cap : 64;
  struct html_site *sites = realloc(d->sites, cap * sizeof *sites);
  if (sites)
    d->sites = sites;
  uint64_t *next_n = realloc(c->next_n, cap * sizeof *next_n);
  if (next_n)
    c->next_n = next_n;
  uint32_t *table = calloc(4 * (size_t)cap, sizeof *table);
  if (!sites || !next_n || !table) {
    free(table);
    return -SBX_ENOMEM;
  }
  free(c->table);
  c->table = table;
  c->site_cap = cap;
  c->table_cap = 4 * cap;
  for (uint32_t i = 0; i < d->site_count; i++) {
    uint32_t at = hash_site(&d->sites[i]) & (c->table_cap - 1);
    while (table[at])
      at = (at + 1) & (c->table_cap - 1);
    table[at] = i + 1;
  }
  return 0;
}

static int find_site(struct encoder *c, const struct html_site *site, uint32_t *ret) {
  struct html_data *d = c->out;
  if (d->site_count == c->site_cap && grow_sites(c))
    return -SBX_ENOMEM;
  uint32_t at = hash_site(site) & (c->table_cap - 1);
  for (; c->table[at]; at = (at + 1) & (c->table_cap - 1))
    if (same_site(&d->sites[c->table[at] - 1], site)) {
      *ret = c->table[at] - 1;
      return 0;
    }
  c->next_n[d->site_count] = 1;
  d->sites[d->site_count] = *site;
  *ret = d->site_count++;
  c->table[at] = d->site_count;
  return 0;
}

/* -- events ---------------------------------------------------------------------------------- */

static int put_event(struct encoder *c, const struct trace_event *e, bool span, int64_t *at) {
  struct buf *out = &c->out->bytes;
  struct html_site key = {e->kind, (uint16_t)(e->flags | (span ? HTML_SPAN : 0)), e->object,
                          e->where};
  uint32_t site;
  int rc = find_site(c, &key, &site);
  int64_t t = units(c, e->t_ns), end = units(c, e->t_ns + e->duration_ns);
  t = t > *at ? t : *at;
  end = end > t ? end : t;
  if (rc == 0)
    rc = put_varint(out, site);
  if (rc == 0)
    rc = put_varint(out, (uint64_t)(t - *at));
  if (rc == 0)
    rc = put_varint(out, (uint64_t)(end - t));
  *at = t;
  if (rc == 0 && e->flags & TRACE_SEVERAL)
    rc = put_varint(out, e->count);
  if (rc == 0 && (trace_item_change(e->kind) || e->kind == OP_PROCESS_SIGNAL)) {
    rc = put_signed(out, (int64_t)(e->n - c->next_n[site]));
    c->next_n[site] = e->n + (e->flags & TRACE_SEVERAL ? e->count : 1);
  }
  return rc;
}

static int put_events(struct encoder *c) {
  const struct trace_model *m = c->m;
  int rc = 0;
  for (uint32_t i = 0; i < m->process_count && rc == 0; i++) {
    const struct trace_process *p = &m->processes[i];
    uint32_t last = p->event_first + p->event_count, told = 0;
    int64_t at = 0;
    for (uint32_t k = p->event_first; k < last; k++)
      told += c->covers[k] < 2;
    c->out->told += told;
    rc = put_varint(&c->out->bytes, told);
    for (uint32_t k = p->event_first; k < last && rc == 0; k++)
      if (c->covers[k] < 2)
        rc = put_event(c, &m->events[k], c->covers[k], &at);
  }
  return rc;
}

static int put_stretches(struct encoder *c) {
  struct buf *out = &c->out->bytes;
  c->out->stretches = c->count;
  int rc = put_varint(out, c->count);
  int64_t at = 0;
  for (uint32_t i = 0; i < c->count && rc == 0; i++) {
    const struct stretch *s = &c->list[i];
    if (i == 0 || s[-1].process != s->process)
      at = 0;
    int64_t from = units(c, s->from_ns), to = units(c, s->to_ns);
    uint32_t first = c->m->processes[s->process].event_first;
    rc = put_varint(out, s->process);
    if (rc == 0)
      rc = put_varint(out, (uint64_t)(from - at));
    if (rc == 0)
      rc = put_varint(out, (uint64_t)(to - from));
    if (rc == 0)
      rc = put_varint(out, s->state);
    if (rc == 0)
      rc = put_varint(out, s->event == TRACE_NONE ? 0 : s->event - first + 1);
    at = to;
  }
  return rc;
}

/* -- depths ---------------------------------------------------------------------------------- */

enum { POINTS_MAX = 65536, BINS = 16384 };

struct used {
  uint32_t object;
  uint64_t changes;
};

static int most_first(const void *a, const void *b) {
  const struct used *u = a, *v = b;
  if (u->changes != v->changes)
    return u->changes < v->changes ? 1 : -1;
  return u->object < v->object ? -1 : u->object > v->object;
}

static int queues_ascend(const void *a, const void *b) {
  const uint32_t *p = a, *q = b;
  return *p < *q ? -1 : *p > *q;
}

static int choose_queues(const struct trace_model *m, struct html_data *ret) {
  struct used *used = calloc(m->object_count + 1u, sizeof *used);
  if (!used)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < m->object_count; i++)
    used[i].object = i;
  for (uint32_t i = 0; i < m->event_count; i++) {
    const struct trace_event *e = &m->events[i];
    if (e->object == TRACE_NONE || !trace_event_change(e))
      continue;
    uint32_t queue = e->kind == OP_PIPE_SEND ? m->objects[e->object].peer : e->object;
    if (queue != TRACE_NONE)
      used[queue].changes += e->count;
  }
  qsort(used, m->object_count, sizeof *used, most_first);
  while (ret->queue_count < HTML_QUEUES && ret->queue_count < m->object_count &&
         used[ret->queue_count].changes) {
    ret->queues[ret->queue_count] = used[ret->queue_count].object;
    ret->queue_count++;
  }
  free(used);
  qsort(ret->queues, ret->queue_count, sizeof *ret->queues, queues_ascend);
  return 0;
}

static int put_points(const struct encoder *c, const struct trace_depth *list, uint32_t count) {
  struct buf *out = &c->out->bytes;
  int64_t at = 0, items = 0;
  int rc = put_varint(out, count);
  if (rc == 0)
    rc = put_varint(out, 0);
  for (uint32_t i = 0; i < count && rc == 0; i++) {
    int64_t t = units(c, list[i].t_ns);
    rc = put_varint(out, (uint64_t)(t - at));
    if (rc == 0)
      rc = put_signed(out, list[i].items - items);
    at = t;
    items = list[i].items;
  }
  return rc;
}

/* One point for each of at most BINS parts of the run in which something changes. */
static int put_bins(const struct encoder *c, const struct trace_depth *list, uint32_t count) {
  struct buf *out = &c->out->bytes;
  int64_t width = c->m->facts.end_ns / BINS + 1, at = 0, before = 0;
  uint32_t bins = 0;
  for (uint32_t i = 0; i < count; i++)
    bins += i == 0 || list[i].t_ns / width != list[i - 1].t_ns / width;
  int rc = put_varint(out, bins);
  if (rc == 0)
    rc = put_varint(out, 1);
  for (uint32_t i = 0; i < count && rc == 0;) {
    int64_t bin = list[i].t_ns / width, low = list[i].items, high = low, last = low;
    int64_t t = units(c, list[i].t_ns);
    for (; i < count && list[i].t_ns / width == bin; i++) {
      last = list[i].items;
      low = last < low ? last : low;
      high = last > high ? last : high;
    }
    rc = put_varint(out, (uint64_t)(t - at));
    if (rc == 0)
      rc = put_signed(out, low - before);
    if (rc == 0)
      rc = put_varint(out, (uint64_t)(high - low));
    if (rc == 0)
      rc = put_varint(out, (uint64_t)(last - low));
    at = t;
    before = last;
  }
  return rc;
}

static int put_depths(struct encoder *c) {
  struct html_data *d = c->out;
  int rc = choose_queues(c->m, d);
  for (uint32_t i = 0; i < d->queue_count && rc == 0; i++) {
    struct trace_depth *list;
    uint32_t count;
    rc = trace_depths(c->m, d->queues[i], &list, &count);
    if (rc)
      break;
    rc = count > POINTS_MAX ? put_bins(c, list, count) : put_points(c, list, count);
    free(list);
  }
  return rc;
}

/* -- all of it ------------------------------------------------------------------------------- */

int html_data_make(const struct trace_model *m, uint32_t most_events, struct html_data *ret) {
  *ret = (struct html_data){.unit_ns = choose_unit(m->facts.end_ns)};
  struct encoder c = {.m = m, .out = ret, .unit_ns = ret->unit_ns};
  c.covers = calloc(m->event_count + 1u, 1);
  int rc = c.covers ? 0 : -SBX_ENOMEM;
  if (rc == 0)
    rc = m->event_count > most_events ? take_sums(&c, most_events) : take_all(&c);
  if (rc == 0)
    rc = put_events(&c);
  if (rc == 0)
    rc = put_stretches(&c);
  if (rc == 0)
    rc = put_depths(&c);
  free(c.covers);
  free(c.list);
  free(c.table);
  free(c.next_n);
  if (rc)
    html_data_release(ret);
  return rc;
}

void html_data_release(struct html_data *d) {
  free(d->sites);
  buf_release(&d->bytes);
  *d = (struct html_data){0};
}
