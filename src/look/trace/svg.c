/* look/trace/svg.c - the frame of the picture, and what connects rows; see svg.h. Rows are chosen and
 * placed first, then written. */
#include "look/trace/svg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/svg_internal.h"
#include "look/trace/xml_text.h"

/* -- writing --------------------------------------------------------------------------------- */

void svg_text(struct drawing *d, const char *s, size_t most) {
  if (d->rc == 0)
    d->rc = xml_cut(&d->text, s, most, false);
}

/* "3.20 s", "250 ms" */
char *svg_time(char ret[32], int64_t ns) {
  static const struct {
    int64_t ns;
    const char *unit;
  } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "\xc2\xb5s"}, {1, "ns"}};
  size_t i = 0;
  while (i < 3 && ns < units[i].ns)
    i++;
  double n = (double)ns / (double)units[i].ns;
  snprintf(ret, 32, "%.*f %s", i == 3 || n >= 100 ? 0 : n >= 10 ? 1 : 2, n, units[i].unit);
  for (char *c = ret; *c; c++) /* whatever the locale is */
    *c = *c == ',' ? '.' : *c;
  return ret;
}

/* As put_time, without digits that say nothing: "2 s", "0.5 s". */
char *svg_tick(char ret[32], int64_t ns) {
  char *space = strchr(svg_time(ret, ns), ' '), *end = space;
  if (memchr(ret, '.', (size_t)(space - ret))) {
    while (end[-1] == '0')
      end--;
    end -= end[-1] == '.';
    memmove(end, space, strlen(space) + 1);
  }
  return ret;
}

double svg_x(const struct drawing *d, int64_t ns) {
  return GUTTER + (double)ns / (double)d->end_ns * PLOT;
}

int svg_px(double x) { return (int)(x + 0.5); }

/* -- names and connections ------------------------------------------------------------------- */

static void put_name(struct drawing *d, const struct run *run, uint32_t row) {
  const struct row *r = &run->rows[row];
  char label[LABEL_MAX];
  int indent = 10 + (r->depth < 4 ? r->depth : 4) * 10;
  bool more = r->members > 1 && r->group == TRACE_NONE;
  if (more)
    snprintf(label, sizeof label, "+ %" PRIu32 " more", r->members);
  else
    trace_process_label(run->m, r->first, label, sizeof label);
  if (r->group != TRACE_NONE) {
    const char *name = run->m->processes[r->first].name;
    snprintf(label, sizeof label, "%.60s \xc3\x97 %" PRIu32, *name ? name : "process", r->members);
  }
  PUT(d, "<text class=\"n%s\" x=\"%d\" y=\"%d\">", r->depth ? "" : " m", indent,
      r->y + r->height / 2 + 4);
  svg_text(d, label, (size_t)(GUTTER - indent) / 7);
  PUT(d, "</text>\n");
}

/* Killed: a cross; failed: an exclamation mark. */
static void put_end(struct drawing *d, const struct row *r) {
  const struct trace_process *p = &r->m->processes[r->first];
  int x = svg_px(svg_x(d, p->end_ns)) + 3, y = r->y + r->height / 2;
  if (r->members > 1)
    return;
  if (p->how == TRACE_KILLED)
    PUT(d, "<path class=\"k\" d=\"M%d %dl8 8m0 -8l-8 8\"/>\n", x, y - 4);
  if (p->how == TRACE_FAILED)
    PUT(d, "<path class=\"k\" d=\"M%d %dv6m0 2v2\"/>\n", x + 2, y - 5);
}

static double middle(const struct run *run, uint32_t process) {
  const struct row *r = &run->rows[run->row_of[process]];
  return r->y + r->height / 2.0;
}

/* The parent waits for the end of this child, and goes on with it. */
static bool is_joined(const struct trace_model *m, uint32_t child) {
  const struct trace_process *p = &m->processes[child], *q = &m->processes[p->parent];
  for (uint32_t i = q->span_first; i < q->span_first + q->span_count; i++) {
    const struct trace_span *s = &m->spans[i];
    if (s->from_ns <= p->end_ns && s->to_ns >= p->end_ns && s->event != TRACE_NONE)
      return m->events[s->event].kind == OP_PROCESS_JOIN && m->events[s->event].object == child;
  }
  return false;
}

static void put_links(struct drawing *d, const struct run *run) {
  for (uint32_t i = 0; i < run->m->process_count; i++) {
    const struct trace_process *p = &run->m->processes[i];
    if (svg_parent(run->m, i) == TRACE_NONE || run->rows[run->row_of[i]].members > 1)
      continue;
    double from = middle(run, p->parent), to = middle(run, i);
    PUT(d, "<path class=\"l\" d=\"M%.1f %.1fV%.1f\"/>", svg_x(d, p->begin_ns), from, to);
    if (p->how != TRACE_ALIVE && is_joined(run->m, i))
      PUT(d, "<path class=\"l j\" d=\"M%.1f %.1fV%.1f\"/>", svg_x(d, p->end_ns), to, from);
    PUT(d, "\n");
  }
}

static void put_items(struct drawing *d, const struct run *run) {
  const struct trace_model *m = run->m;
  if (m->item_count > ARROWS_MAX)
    return;
  for (uint32_t i = 0; i < m->item_count; i++) {
    const struct trace_item *t = &m->items[i];
    uint32_t from = m->events[t->from].process, to = m->events[t->to].process;
    const struct row *a = &run->rows[run->row_of[from]], *b = &run->rows[run->row_of[to]];
    if (a == b)
      continue;
    int sign = a->y < b->y ? 1 : -1;
    double x1 = svg_x(d, t->put_ns), x2 = svg_x(d, t->got_ns) - 1;
    double y1 = middle(run, from) + sign * (a->height / 2.0 - 3);
    double y2 = middle(run, to) - sign * (b->height / 2.0 - 3);
    double bend = (x2 - x1) / 3 > 12 ? (x2 - x1) / 3 : 12;
    PUT(d, "<path class=\"i\" d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\"/>", x1, y1, x1 + bend,
        y1 + sign * 3, x2 - bend, y2 - sign * 3, x2, y2);
    PUT(d,
        "<path class=\"a\" d=\"M%.1f %.1fl-6 -3v6z\"/><circle class=\"a\" cx=\"%.1f\" "
        "cy=\"%.1f\" r=\"2.4\"/>\n",
        x2 + 1, y2, x1, y1);
  }
}

/* Marks stand in the line of the run's name, each with as much of its text as there is room for. */
static void put_marks(struct drawing *d, const struct run *run) {
  const struct trace_model *m = run->m;
  double free_from = GUTTER, end = svg_x(d, m->facts.end_ns) - 70;
  for (uint32_t i = 0; i < m->mark_count; i++) {
    const struct trace_mark *k = &m->marks[i];
    double x = svg_x(d, k->t_ns), next = end;
    if (k->counter || x < free_from)
      continue;
    for (uint32_t j = m->mark_count - 1; j > i; j--)
      if (!m->marks[j].counter && svg_x(d, m->marks[j].t_ns) > x + 40)
        next = svg_x(d, m->marks[j].t_ns) < next ? svg_x(d, m->marks[j].t_ns) : next;
    PUT(d, "<path class=\"o\" d=\"M%.1f %dv-13l7 4 -7 4\"/>", x, run->y + 20);
    free_from = x + 10;
    if (next - x < 40)
      continue;
    PUT(d, "<text class=\"t\" x=\"%.1f\" y=\"%d\">", x + 10, run->y + 16);
    svg_text(d, m->strings[k->name], (size_t)((next - x - 14) / 6));
    PUT(d, "</text>\n");
    free_from = x + 40;
  }
}

/* -- the frame ------------------------------------------------------------------------------- */

static const char style[] =
    "<style>\n"
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
    "fill:#1b1f24}\n"
    ".h{font-weight:700;font-size:14px}.m{font-weight:600}.t{font-size:11px;fill:#57606a}\n"
    ".w{font-size:11px;font-weight:600;paint-order:stroke;stroke-width:4px;"
    "stroke-linejoin:round}\n"
    ".p{fill:#fff}.g{stroke:#d8dee4;fill:none}.l{stroke:#57606a;fill:none}.j{stroke-dasharray:2 "
    "3}\n"
    ".k{stroke:#b3201f;stroke-width:2.4;fill:none}.i{stroke:#7a3fd0;stroke-width:1.4;fill:none}"
    ".a{fill:#7a3fd0}.o{fill:#0f766e;stroke:#0f766e}\n"
    ".q{fill:#a08ade}.f{fill:#dc5a52}.c{stroke:#b3201f;stroke-dasharray:5 4;fill:none}\n"
    ".b0,.s0{fill:#1a7f43}.b1{fill:url(#p1)}.b2{fill:url(#p2)}.b3{fill:url(#p3)}.b4{fill:url(#p4)}"
    ".b5{fill:url(#p5)}\n"
    ".s1{fill:#f5cb42}.s2{fill:#c62f2b}.s3{fill:#d5dbe2}.s4{fill:#9cc4f2}.s5{fill:#fff}\n"
    ".e{fill:none;stroke-width:1}.e1{stroke:#94690a}.e2{stroke:#7d1513}.e3{stroke:#7b8794}"
    ".e4{stroke:#2f6db0}.e5{stroke:#57606a}\n"
    ".w1{fill:#2d2100;stroke:#f5cb42}.w2{fill:#fff;stroke:#c62f2b}.w3{fill:#24292f;stroke:#d5dbe2}"
    ".w4{fill:#06264a;stroke:#9cc4f2}.w5{fill:#24292f;stroke:#fff}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#e6edf3}.t{fill:#9aa6b2}.p{fill:#0e1116}.g{stroke:#30363d}.l{stroke:#9aa6b2}\n"
    ".k,.c{stroke:#ff8a80}.i{stroke:#c8a2ff}.a{fill:#c8a2ff}.o{fill:#4fd1c5;stroke:#4fd1c5}.q{fill:"
    "#7a68c4}.f{fill:#d8564e}\n"
    ".b0,.s0{fill:#3fb765}.s1{fill:#e5b93c}.s2{fill:#f0605a}.s3{fill:#4a545f}.s4{fill:#3877bd}"
    ".s5{fill:#161b22}\n"
    ".e1{stroke:#6b4e00}.e2{stroke:#6d0f0d}.e3{stroke:#98a4b0}.e4{stroke:#a9d0fb}"
    ".e5{stroke:#9aa6b2}\n"
    ".w1{fill:#241a00;stroke:#e5b93c}.w2{fill:#210303;stroke:#f0605a}.w3{fill:#fff;stroke:#4a545f}"
    ".w4{fill:#fff;stroke:#3877bd}.w5{fill:#e6edf3;stroke:#161b22}}\n"
    "</style>\n";

/* A tile for each state, so that colours are not needed to tell them apart. */
static const char patterns[] = "<defs>\n"
#define TILE(n, lines)                                                                             \
  "<pattern id=\"p" n "\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"               \
  "<rect class=\"s" n "\" width=\"8\" height=\"8\"/><path class=\"e e" n "\" opacity=\".5\" "      \
  "d=\"" lines "\"/></pattern>\n"
    TILE("1", "M-2 2l4 -4M0 8l8 -8M6 10l4 -4") TILE("2", "M0 0l8 8M0 8l8 -8")
        TILE("3", "M2 2h1v1h-1zM6 6h1v1h-1z") TILE("4", "M0 2.5h8M0 6.5h8")
            TILE("5", "M0 3h8M0 5.5h8") "</defs>\n";

/* "queue.lua" of "sandbox scripts/queue.lua 5" */
static void run_name(const struct trace_model *m, char *ret, size_t size) {
  const char *command = m->facts.command, *end = strstr(command, ".lua"), *begin = command;
  for (const char *c = command; end && c < end; c++)
    if (*c == ' ' || *c == '/')
      begin = c + 1;
  size_t len = end ? (size_t)(end - begin) + 4 : strlen(command);
  len = len < size ? len : size - 1;
  memcpy(ret, begin, len);
  ret[len] = '\0';
}

static void put_head(struct drawing *d) {
  char name[LABEL_MAX], text[32];
  PUT(d,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
      "%d\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">What each process "
      "did: ",
      WIDTH, d->height, WIDTH, d->height);
  for (unsigned i = 0; i < d->run_count; i++) {
    PUT(d, i ? " beside " : "");
    run_name(d->runs[i].m, name, sizeof name);
    svg_text(d, name, LABEL_MAX);
  }
  PUT(d, "</title>\n<desc id=\"desc\">");
  for (unsigned i = 0; i < d->run_count; i++) {
    const struct trace_model *m = d->runs[i].m;
    struct trace_sums sums;
    trace_sum(m, &sums);
    PUT(d, "%s", i ? " " : "");
    svg_text(d, m->facts.command, 200);
    PUT(d, ": %" PRIu32 " process%s", sums.processes, sums.processes == 1 ? "" : "es");
    PUT(d, ", %s", svg_time(text, sums.wall_ns));
    PUT(d, ", speed-up %d.%02d.", (int)sums.speed_up, (int)(sums.speed_up * 100) % 100);
    if (m->facts.deadlock[0])
      PUT(d, " It ended in a deadlock.");
  }
  PUT(d, "</desc>\n");
  if (d->rc == 0)
    d->rc = buf_append(&d->text, style, sizeof style - 1);
  if (d->rc == 0)
    d->rc = buf_append(&d->text, patterns, sizeof patterns - 1);
  PUT(d, "<rect class=\"p\" width=\"%d\" height=\"%d\"/>\n", WIDTH, d->height);
}

/* A step of 1, 2 or 5 times a power of ten. */
static int64_t choose_step(int64_t end_ns) {
  int64_t step = 1;
  for (int i = 0; end_ns / step > 8; i++)
    step = i % 3 == 0 ? step * 2 : i % 3 == 1 ? step / 2 * 5 : step * 2;
  return step;
}

static void put_axis(struct drawing *d) {
  int64_t step = choose_step(d->end_ns);
  char text[32];
  for (int64_t t = 0; t <= d->end_ns; t += step) {
    double x = svg_x(d, t);
    PUT(d,
        "<path class=\"g\" d=\"M%.1f %dV%d\"/><text class=\"t\" x=\"%.1f\" y=\"18\" "
        "text-anchor=\"middle\">%s</text>\n",
        x, TOP - 6, d->chart_height - 38, x, t ? svg_tick(text, t) : "0");
  }
}

static void put_legend(struct drawing *d) {
  static const char *const words[TRACE_STATES] = {
      "running", "waits for a queue",   "waits for a lock or event",
      "sleeps",  "waits for a process", "stopped"};
  int x = 10, y = d->chart_height - 24;
  for (int s = 0; s < TRACE_STATES; s++) {
    if (!d->used[s])
      continue;
    PUT(d, "<rect class=\"b%d\" x=\"%d\" y=\"%d\" width=\"24\" height=\"13\"/>", s, x, y);
    if (s)
      PUT(d, "<rect class=\"e e%d\" x=\"%d\" y=\"%d\" width=\"24\" height=\"13\"/>", s, x, y);
    PUT(d, "<text x=\"%d\" y=\"%d\">%s</text>\n", x + 31, y + 11, words[s]);
    x += 31 + (int)strlen(words[s]) * 7 + 16;
  }
}

static void put_run(struct drawing *d, const struct run *run) {
  char name[LABEL_MAX], text[32];
  double end = svg_x(d, run->m->facts.end_ns);
  run_name(run->m, name, sizeof name);
  PUT(d, "<text class=\"h\" x=\"10\" y=\"%d\">", run->y + 17);
  svg_text(d, name, 18);
  PUT(d, "</text><text class=\"h\" x=\"%.1f\" y=\"%d\" text-anchor=\"end\">%s</text>",
      end > GUTTER + 60 ? end - 4 : GUTTER + 60.0, run->y + 17,
      svg_time(text, run->m->facts.end_ns));
  PUT(d, "<path class=\"l j\" d=\"M%.1f %dV%d\"/>\n", end, run->y + 6, run->bottom);
  put_marks(d, run);
  put_links(d, run);
  for (uint32_t i = 0; i < run->row_count; i++) {
    put_name(d, run, i);
    svg_bars(d, run, i);
    put_end(d, &run->rows[i]);
  }
  put_items(d, run);
  for (uint32_t i = 0; i < run->row_count; i++)
    svg_words(d, &run->rows[i]);
  for (uint32_t i = 0; i < run->queue_count; i++)
    svg_queue(d, run, run->queues[i], run->bottom + (int)i * QUEUE_HEIGHT);
}

/* Who waits for whom, in a deadlock. */
static void put_graph(struct drawing *d, const struct run *run) {
  char name[LABEL_MAX];
  if (!run->graph.len)
    return;
  PUT(d, "<text class=\"h\" x=\"10\" y=\"%d\">Deadlock", run->graph_y - 10);
  if (d->run_count > 1) {
    run_name(run->m, name, sizeof name);
    PUT(d, " of ");
    svg_text(d, name, 60);
  }
  PUT(d, "</text>\n<g transform=\"translate(%d %d) scale(%.4f)\">\n", GRAPH_LEFT, run->graph_y,
      svg_graph_scale(run));
  if (d->rc == 0)
    d->rc = buf_append(&d->text, run->graph.data, run->graph.len);
  PUT(d, "</g>\n");
}

int trace_svg(const struct trace_model *const models[], unsigned count,
              const struct trace_sink *out) {
  if (count < 1 || count > 2)
    return -SBX_EINVAL;
  struct drawing d = {.out = out, .run_count = count, .end_ns = 1};
  for (unsigned i = 0; i < count && d.rc == 0; i++) {
    d.rc = svg_open(&d.runs[i], models[i], ROWS_MAX / count);
    if (models[i]->facts.end_ns > d.end_ns)
      d.end_ns = models[i]->facts.end_ns;
  }
  if (d.rc == 0)
    svg_place(&d);
  svg_choose_column(&d);
  put_head(&d);
  put_axis(&d);
  for (unsigned i = 0; i < count; i++)
    put_run(&d, &d.runs[i]);
  put_legend(&d);
  for (unsigned i = 0; i < count; i++)
    put_graph(&d, &d.runs[i]);
  PUT(&d, "</svg>\n");
  if (d.rc == 0)
    d.rc = out->write(out->ctx, d.text.data, d.text.len);
  for (unsigned i = 0; i < count; i++) {
    free(d.runs[i].class_of);
    free(d.runs[i].row_of);
    free(d.runs[i].rows);
    buf_release(&d.runs[i].graph);
  }
  buf_release(&d.text);
  return d.rc;
}
