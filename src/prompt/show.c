/* prompt/show.c - processes and queues as tables; see show.h. Who waits for whom is in show_waits.c.
 */
#include "prompt/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "base/width.h"
#include "look/waits.h"
#include "object/queue.h"
#include "prompt/show_internal.h"

/* -- numbers --------------------------------------------------------------------------------- */

void show_duration(int64_t ns, char ret[SHOW_NUMBER]) {
  int64_t seconds = ns < 0 ? 0 : ns / NS_PER_SECOND;
  if (seconds < 10)
    snprintf(ret, SHOW_NUMBER, "%.1fs", ns < 0 ? 0.0 : (double)(ns / (NS_PER_SECOND / 10)) / 10);
  else if (seconds < 100)
    snprintf(ret, SHOW_NUMBER, "%" PRId64 "s", seconds);
  else if (seconds < 6000)
    snprintf(ret, SHOW_NUMBER, "%" PRId64 "m%02" PRId64, seconds / 60, seconds % 60);
  else
    snprintf(ret, SHOW_NUMBER, "%" PRId64 "h%02" PRId64, seconds / 3600, seconds / 60 % 60);
}

/* Three digits and a unit: 950, 1.2k, 34k, 5.6M. `base` is 1000 or 1024. */
void show_scaled(uint64_t n, unsigned base, char ret[SHOW_NUMBER]) {
  static const char units[] = " kMGTPE";
  double value = (double)n;
  int unit = 0;
  while (value >= base && units[unit + 1]) {
    value /= base;
    unit++;
  }
  if (unit == 0)
    snprintf(ret, SHOW_NUMBER, "%" PRIu64, n);
  else
    snprintf(ret, SHOW_NUMBER, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

static void count_text(uint64_t n, char ret[SHOW_NUMBER]) {
  if (n < 100000)
    snprintf(ret, SHOW_NUMBER, "%" PRIu64, n);
  else
    show_scaled(n, 1000, ret);
}

static void cell_count(struct table *t, uint64_t n) {
  char text[SHOW_NUMBER];
  count_text(n, text);
  table_cell(t, NULL, "%s", text);
}

static void cell_bytes(struct table *t, uint64_t n) {
  char text[SHOW_NUMBER];
  show_scaled(n, 1024, text);
  table_cell(t, NULL, "%s", n ? text : "");
}

void show_cell_duration(struct table *t, int64_t ns) {
  char text[SHOW_NUMBER];
  show_duration(ns, text);
  table_cell(t, NULL, "%s", text);
}

void show_cell_since(struct table *t, const struct snapshot *s, const struct snapshot_process *p) {
  if (p->op.kind == OP_NONE || p->op.since_ns == 0)
    table_cell(t, NULL, "%s", "");
  else
    show_cell_duration(t, s->taken_ns - p->op.since_ns);
}

void show_cell_text(struct table *t, const char *color, struct buf *text) {
  table_cell(t, color, "%.*s", (int)text->len, text->len ? (const char *)text->data : "");
  text->len = 0;
}

/* -- processes ------------------------------------------------------------------------------- */

static const char *name_of(const struct snapshot_process *p) {
  return p->name[0] ? p->name : "process";
}

static bool at_prompt(const struct snapshot_process *p, const struct show *how) {
  return p->status == PROCESS_RUNNING && p->op.kind == OP_NONE && p->id == how->idle;
}

static void cell_state(struct table *t, const struct snapshot_process *p, const struct show *how) {
  const char *color = p->stuck == STUCK_FOR_EVER ? style_red : NULL;
  switch (p->status) {
  case PROCESS_RUNNING:
    if (p->op.kind != OP_NONE)
      table_cell(t, color, "in %s", op_describe(p->op.kind)->verb);
    else
      table_cell(t, style_green, "%s", at_prompt(p, how) ? "prompt" : "running");
    return;
  case PROCESS_STOPPED:
    table_cell(t, style_yellow, "stopped");
    return;
  case PROCESS_DONE:
    table_cell(t, style_dim, "done");
    return;
  case PROCESS_FAILED:
    table_cell(t, style_red, "failed %d", p->exit_code);
    return;
  case PROCESS_KILLED:
    table_cell(t, style_red, "killed %d", p->signal);
    return;
  }
}

/* What it waits for; a stopped one would, if it went on. */
static void cell_object(struct table *t, const struct snapshot *s, uint32_t i) {
  struct buf text = {0};
  const struct snapshot_process *p = &s->processes[i];
  if (p->status == PROCESS_STOPPED && p->op.kind != OP_NONE)
    buf_format(&text, "(in %s) ", op_describe(p->op.kind)->verb);
  waits_tell_object(s, i, true, &text);
  show_cell_text(t, NULL, &text);
  buf_release(&text);
}

/* How long it has slept, and how long it will at most. */
static void cells_time(struct table *t, const struct snapshot *s,
                       const struct snapshot_process *p) {
  show_cell_since(t, s, p);
  if (p->op.kind == OP_NONE || p->op.deadline_ns == SBX_FOREVER)
    table_cell(t, NULL, "%s", "");
  else
    show_cell_duration(t, p->op.deadline_ns - s->taken_ns);
}

/* Where it waits. Where one is that computes is not known: `where` is the place of its last op. */
static void cell_place(struct table *t, const struct snapshot_process *p) {
  table_cell(t, style_dim, "%s", p->op.kind != OP_NONE ? p->where : "");
}

static void cell_marks(struct table *t, const struct snapshot *s,
                       const struct snapshot_process *p) {
  bool silent = p->muted || (s->follow && s->follow != p->id && p->slot != 0);
  table_cell(t, NULL, "%s%s%s", p->daemon ? "daemon" : "", p->daemon && silent ? "," : "",
             silent ? "muted" : "");
}

static const struct table_column ps_columns[] = {
    {.title = "ID", .align = TABLE_RIGHT},
    {.title = "NAME", .least = 8},
    {.title = "STATE"},
    {.title = "FOR", .rank = 1, .least = 8},
    {.title = "SINCE", .align = TABLE_RIGHT, .rank = 2},
    {.title = "LEFT", .align = TABLE_RIGHT, .rank = 9},
    {.title = "CPU", .align = TABLE_RIGHT, .rank = 3},
    {.title = "MEM", .align = TABLE_RIGHT, .rank = 5},
    {.title = "OUT", .align = TABLE_RIGHT, .rank = 6},
    {.title = "IN", .align = TABLE_RIGHT, .rank = 7},
    {.title = "PID", .align = TABLE_RIGHT, .rank = 8},
    {.title = "AT", .rank = 4, .least = 12, .tail = true},
    {.title = "MARKS", .rank = 10}};

static void ps_row(struct table *t, const struct snapshot *s, uint32_t i, const struct show *how) {
  const struct snapshot_process *p = &s->processes[i];
  table_cell(t, NULL, "%" PRIu64, p->id);
  table_cell(t, NULL, "%s", name_of(p));
  cell_state(t, p, how);
  cell_object(t, s, i);
  cells_time(t, s, p);
  if (p->lives && !p->elsewhere)
    show_cell_duration(t, (int64_t)(p->cpu_seconds * NS_PER_SECOND));
  else
    table_cell(t, NULL, "%s", "");
  cell_bytes(t, p->private_bytes);
  if (p->elsewhere) {
    for (int k = 0; k < 3; k++)
      table_cell(t, NULL, "%s", "");
  } else {
    cell_count(t, p->items_out);
    cell_count(t, p->items_in);
    table_cell(t, NULL, "%" PRId64, p->pid);
  }
  cell_place(t, p);
  cell_marks(t, s, p);
}

/* "2 of them can never go on: waits() tells why" */
static int tell_stuck(const struct snapshot *s, struct buf *out) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++)
    n += s->processes[i].stuck == STUCK_FOR_EVER;
  if (n == 0)
    return 0;
  return buf_format(out, "deadlock: %" PRIu32 " process%s can never go on; :waits tells why\n", n,
                    n == 1 ? "" : "es");
}

/* Do processes run on other hosts, or stand for some that do? */
static bool has_hosts(const struct snapshot *s) {
  for (uint32_t i = 0; i < s->process_count; i++)
    if (s->processes[i].host[0])
      return true;
  return false;
}

int show_ps(const struct snapshot *s, const struct show *how, struct buf *out) {
  struct table t;
  struct table_column columns[sizeof ps_columns / sizeof *ps_columns + 1] = {
      [sizeof ps_columns / sizeof *ps_columns] = {.title = "HOST", .rank = 1}};
  bool hosts = has_hosts(s);
  memcpy(columns, ps_columns, sizeof ps_columns);
  bool prompt_alone = s->process_count == 1 && s->processes[0].id == how->idle;
  if (s->process_count == 0 || prompt_alone)
    return buf_format(out, "no other processes\n");
  table_begin(&t, columns, sizeof ps_columns / sizeof *ps_columns + hosts);
  for (uint32_t i = 0; i < s->process_count; i++) {
    ps_row(&t, s, i, how);
    if (hosts)
      table_cell(&t, NULL, "%s", s->processes[i].host);
  }
  int rc = table_end(&t, &how->style, out);
  return rc ? rc : tell_stuck(s, out);
}

/* -- queues ---------------------------------------------------------------------------------- */

/* How many sleep, if any do. */
static void cell_asleep(struct table *t, const struct index_list *l) {
  if (l->count > 0)
    table_cell(t, NULL, "%" PRIu32, l->count);
  else
    table_cell(t, NULL, "%s", "");
}

/* "a#2, b#3": those who sleep in get and in put. */
static void cell_people(struct table *t, const struct snapshot *s, const struct snapshot_queue *q) {
  const struct index_list *const lists[] = {&q->readers, &q->writers};
  struct buf text = {0};
  for (int k = 0; k < 2; k++)
    for (uint32_t i = 0; i < lists[k]->count && text.len < 200; i++) {
      buf_format(&text, "%s", text.len ? ", " : "");
      waits_tell_process(s, lists[k]->list[i], &text);
    }
  show_cell_text(t, NULL, &text);
  buf_release(&text);
}

static const struct table_column queue_columns[] = {
    {.title = "ID", .align = TABLE_RIGHT},
    {.title = "NAME", .least = 8},
    {.title = "ITEMS", .align = TABLE_RIGHT},
    {.title = "MAX", .align = TABLE_RIGHT, .rank = 1},
    {.title = "STATE", .rank = 4},
    {.title = "READERS", .align = TABLE_RIGHT, .rank = 2},
    {.title = "WRITERS", .align = TABLE_RIGHT, .rank = 3},
    {.title = "ASLEEP", .rank = 6, .least = 10},
    {.title = "BYTES", .align = TABLE_RIGHT, .rank = 5},
    {.title = "HOLDERS", .align = TABLE_RIGHT, .rank = 7},
    {.title = "VIA", .rank = 8}};

static void queue_row(struct table *t, const struct snapshot *s, const struct snapshot_queue *q) {
  static const char *const transports[] = {"auto", "pipe", "shm"};
  char items[SHOW_NUMBER];
  bool full = q->max && !queue_meets(q->max) && q->items >= q->max;
  count_text(q->items, items);
  table_cell(t, NULL, "%" PRIu64, q->id);
  table_cell(t, NULL, "%s", q->name);
  if (q->in_hand)
    table_cell(t, NULL, "%s + %" PRIu64 " in hand", items, q->in_hand);
  else
    table_cell(t, NULL, "%s%s", q->exact ? "" : ">=", items);
  if (queue_meets(q->max))
    table_cell(t, NULL, "0");
  else if (q->max)
    cell_count(t, q->max);
  else
    table_cell(t, NULL, "%s", "");
  table_cell(t, q->closed ? style_dim : style_yellow, "%s",
             q->closed ? "closed"
             : full    ? "full"
                       : "");
  cell_asleep(t, &q->readers);
  cell_asleep(t, &q->writers);
  cell_people(t, s, q);
  cell_bytes(t, q->bytes);
  if (q->elsewhere) {
    table_cell(t, NULL, "%s", "");
    table_cell(t, style_dim, "engine");
  } else {
    table_cell(t, NULL, "%" PRIu32, q->holders.count);
    table_cell(t, style_dim, "%s", transports[q->transport]);
  }
}

int show_queues(const struct snapshot *s, const struct show *how, struct buf *out) {
  struct table t;
  if (s->queue_count == 0)
    return buf_format(out, "no queues\n");
  table_begin(&t, queue_columns, sizeof queue_columns / sizeof *queue_columns);
  for (uint32_t i = 0; i < s->queue_count; i++)
    queue_row(&t, s, &s->queues[i]);
  return table_end(&t, &how->style, out);
}

/* -- top ------------------------------------------------------------------------------------- */

/* CPU seconds per second since `before`, or since the run began. */
static double share_of(const struct snapshot *now, const struct snapshot *before,
                       const struct snapshot_process *p) {
  int64_t i = before ? snapshot_find_process(before, p->id) : -1;
  int64_t from = before ? before->taken_ns : now->started_ns;
  double seconds = (double)(now->taken_ns - from) / NS_PER_SECOND;
  double used = p->cpu_seconds - (i >= 0 ? before->processes[i].cpu_seconds : 0);
  return seconds > 0 && used > 0 ? used / seconds : 0;
}

struct share {
  uint32_t process;
  double share;
};

static int by_share(const void *x, const void *y) {
  const struct share *a = x, *b = y;
  if (a->share != b->share)
    return a->share > b->share ? -1 : 1;
  return a->process < b->process ? -1 : a->process > b->process;
}

static const struct table_column top_columns[] = {
    {.title = "ID", .align = TABLE_RIGHT},
    {.title = "NAME", .least = 8},
    {.title = "CPU%", .align = TABLE_RIGHT},
    {.title = "STATE", .rank = 1},
    {.title = "FOR", .rank = 2, .least = 8},
    {.title = "TIME", .align = TABLE_RIGHT, .rank = 4},
    {.title = "MEM", .align = TABLE_RIGHT, .rank = 3},
    {.title = "OUT", .align = TABLE_RIGHT, .rank = 6},
    {.title = "IN", .align = TABLE_RIGHT, .rank = 7},
    {.title = "AT", .rank = 5, .least = 12, .tail = true}};

static void top_row(struct table *t, const struct snapshot *s, const struct share *share,
                    const struct show *how) {
  const struct snapshot_process *p = &s->processes[share->process];
  table_cell(t, NULL, "%" PRIu64, p->id);
  table_cell(t, NULL, "%s", name_of(p));
  table_cell(t, NULL, "%.0f", share->share * 100);
  cell_state(t, p, how);
  cell_object(t, s, share->process);
  show_cell_duration(t, (int64_t)(p->cpu_seconds * NS_PER_SECOND));
  cell_bytes(t, p->private_bytes);
  cell_count(t, p->items_out);
  cell_count(t, p->items_in);
  cell_place(t, p);
}

/* "up 12s, cpu 134%, 5 processes: 2 running, 3 waiting, memory 12M" */
static int top_head(const struct snapshot *s, double share, const struct show *how,
                    struct buf *out) {
  char up[SHOW_NUMBER], memory[SHOW_NUMBER];
  uint64_t bytes = 0;
  uint32_t lives = 0, waiting = 0, stopped = 0;
  struct buf line = {0};
  for (uint32_t i = 0; i < s->process_count; i++) {
    const struct snapshot_process *p = &s->processes[i];
    lives += p->lives;
    stopped += p->status == PROCESS_STOPPED;
    waiting += p->status == PROCESS_RUNNING && p->op.kind != OP_NONE;
    bytes += p->private_bytes;
  }
  show_duration(s->taken_ns - s->started_ns, up);
  show_scaled(bytes, 1024, memory);
  int rc = buf_format(&line, "up %s, cpu %.0f%%, %" PRIu32 " process%s: %" PRIu32 " running", up,
                      share * 100, lives, lives == 1 ? "" : "es", lives - waiting - stopped);
  if (rc == 0)
    rc = buf_format(&line, ", %" PRIu32 " waiting", waiting);
  if (rc == 0 && stopped)
    rc = buf_format(&line, ", %" PRIu32 " stopped", stopped);
  if (rc == 0)
    rc = buf_format(&line, ", memory %s", memory);
  if (rc == 0)
    rc = buf_append(out, line.data,
                    width_prefix((const char *)line.data, line.len, how->style.columns));
  buf_release(&line);
  return rc ? rc : buf_append_byte(out, '\n');
}

int show_top(const struct snapshot *now, const struct snapshot *before, const struct show *how,
             int rows, struct buf *out) {
  struct table t;
  struct share *shares = malloc((now->process_count + 1) * sizeof *shares);
  uint32_t n = 0;
  double sum = 0;
  if (!shares)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < now->process_count; i++) {
    if (!now->processes[i].lives)
      continue;
    shares[n++] = (struct share){i, share_of(now, before, &now->processes[i])};
    sum += shares[n - 1].share;
  }
  qsort(shares, n, sizeof *shares, by_share);
  int rc = top_head(now, sum, how, out);
  if (rows > 0 && n > (uint32_t)(rows > 2 ? rows - 2 : 1))
    n = (uint32_t)(rows > 2 ? rows - 2 : 1);
  table_begin(&t, top_columns, sizeof top_columns / sizeof *top_columns);
  for (uint32_t i = 0; i < n; i++)
    top_row(&t, now, &shares[i], how);
  free(shares);
  int table_rc = table_end(&t, &how->style, out);
  return rc ? rc : table_rc;
}

/* -- width ----------------------------------------------------------------------------------- */

int show_columns(int fd) {
  struct winsize size;
  const char *columns = getenv("COLUMNS");
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  int n = columns ? atoi(columns) : 0;
  return n > 0 ? n : 80;
}
