/* look/trace/svg_queue.c - how full a queue was; see svg_internal.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/svg_internal.h"

/* Of a run of ops only the begin and the end are known: depths are a guess then. */
static bool is_rough(const struct trace_model *m, uint32_t queue) {
  for (uint32_t i = 0; i < m->event_count; i++)
    if (m->events[i].object == queue && m->events[i].count > 1 && trace_event_change(&m->events[i]))
      return true;
  return false;
}

void svg_queue(struct drawing *d, const struct run *run, uint32_t queue, int y) {
  const struct trace_object *o = &run->m->objects[queue];
  struct trace_depth *list;
  uint32_t count;
  char label[LABEL_MAX];
  if (d->rc == 0)
    d->rc = trace_depths(run->m, queue, &list, &count);
  if (d->rc)
    return;
  int64_t peak = 1;
  for (uint32_t i = 0; i < count; i++)
    peak = list[i].items > peak ? list[i].items : peak;
  int64_t top =
      o->max && o->max > (uint64_t)peak && o->max < 3 * (uint64_t)peak ? (int64_t)o->max : peak;
  double base = y + QUEUE_HEIGHT - 6, scale = (QUEUE_HEIGHT - 16) / (double)top;
  struct buf below = {0}, full = {0};
  for (uint32_t i = 0, end; i < count && d->rc == 0; i = end) {
    double x = svg_x(d, list[i].t_ns);
    int64_t most = list[i].items;
    /* What falls into one pixel is one bar, of the most items. */
    for (end = i + 1; end < count && svg_x(d, list[end].t_ns) < x + 1; end++)
      most = list[end].items > most ? list[end].items : most;
    double to = svg_x(d, end < count ? list[end].t_ns : run->m->facts.end_ns);
    int64_t last = list[end - 1].items;
    bool dense = end - i > 1 && to - x > 2; /* then nothing for a while */
    double h = (double)(dense ? last : most) * scale;
    struct buf *into = o->max && (uint64_t)(dense ? last : most) >= o->max ? &full : &below;
    if (h > 0)
      d->rc = buf_format(into, "M%.1f %.1fv-%.1fh%.1fv%.1fz", x, base, h, to - x, h);
  }
  free(list);
  PUT(d, "<path class=\"g\" d=\"M%d %.1fH%d\"/>", GUTTER, base, GUTTER + PLOT);
  if (below.len)
    PUT(d, "<path class=\"q\" d=\"%.*s\"/>", (int)below.len, (const char *)below.data);
  if (full.len)
    PUT(d, "<path class=\"f\" d=\"%.*s\"/>", (int)full.len, (const char *)full.data);
  if (o->max && o->max <= (uint64_t)top)
    PUT(d, "<path class=\"c\" d=\"M%d %.1fH%.1f\"/>", GUTTER, base - (double)o->max * scale,
        svg_x(d, run->m->facts.end_ns));
  PUT(d, "\n<text class=\"n m\" x=\"10\" y=\"%d\">", y + 20);
  svg_text(d, trace_object_label(run->m, queue, label, sizeof label), (GUTTER - 10) / 7);
  PUT(d, "</text><text class=\"t\" x=\"10\" y=\"%d\">at most %s%" PRId64, y + 34,
      is_rough(run->m, queue) ? "about " : "", peak);
  if (o->max)
    PUT(d, " of %" PRIu64, trace_capacity(o));
  PUT(d, "</text>\n");
  buf_release(&below);
  buf_release(&full);
}
