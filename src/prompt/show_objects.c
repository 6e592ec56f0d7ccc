/* prompt/show_objects.c - locks, semaphores, events, ... and ends of pipes in a table; see show.h. */
#include <inttypes.h>

#include "look/waits.h"
#include "object/past.h"
#include "object/progress.h"
#include "prompt/show.h"
#include "prompt/show_internal.h"

static const struct table_column columns[] = {
    {.title = "ID", .align = TABLE_RIGHT},
    {.title = "TYPE"},
    {.title = "NAME", .least = 8},
    {.title = "STATE", .least = 8},
    {.title = "HOLDER", .rank = 1, .least = 8},
    {.title = "WAITING", .rank = 2, .least = 10},
    {.title = "LAST", .rank = 4},
    {.title = "AT", .rank = 3, .least = 12, .tail = true},
    {.title = "HANDLES", .align = TABLE_RIGHT, .rank = 5}};

static const char *type_name(const struct snapshot_sync *o) {
  return o->type == OBJECT_LOCK && o->info.recursive ? "rlock" : object_type_word(o->type);
}

static int put_value(const struct sync_info *i, struct buf *out) {
  if (i->number.kind == NUMBER_INTEGER)
    return buf_format(out, "%" PRId64, i->number.i);
  if (i->number.kind == NUMBER_FLOAT)
    return buf_format(out, "%.14g", i->number.f);
  return buf_format(out, "%" PRIu64 " bytes", i->count);
}

static int put_progress(const struct sync_info *i, struct buf *out) {
  int rc = buf_format(out, "%" PRIu64, i->count);
  if (rc == 0 && i->max != PROGRESS_ENDLESS)
    rc = buf_format(out, " of %" PRIu64, i->max);
  return rc || !i->set ? rc : buf_format(out, ", closed");
}

static int put_rwlock(const struct sync_info *i, struct buf *out) {
  int rc = i->holder  ? buf_format(out, "written")
           : i->count ? buf_format(out, "%" PRIu64 " reading", i->count)
                      : buf_format(out, "free");
  return rc || !i->set ? rc : buf_format(out, ", abandoned");
}

static int put_pipe(const struct snapshot *s, const struct snapshot_sync *o, struct buf *out) {
  int64_t queue = snapshot_find_queue(s, o->queue);
  if (queue < 0)
    return 0;
  const struct snapshot_queue *q = &s->queues[queue];
  return buf_format(out, "%" PRIu64 " sent%s", q->items, q->closed ? ", closed" : "");
}

static int put_state(const struct snapshot *s, const struct snapshot_sync *o, struct buf *out) {
  const struct sync_info *i = &o->info;
  switch (o->type) {
  case OBJECT_LOCK:
    if (i->depth > 1)
      return buf_format(out, "held %" PRIu64 " times", i->depth);
    return buf_format(out, "%s", i->set ? "abandoned" : i->holder ? "held" : "free");
  case OBJECT_SEMAPHORE:
    return i->max ? buf_format(out, "%" PRIu64 " of %" PRIu64, i->count, i->max)
                  : buf_format(out, "%" PRIu64, i->count);
  case OBJECT_EVENT:
    return buf_format(out, "%s", i->set ? "set" : "not set");
  case OBJECT_CONDITION:
    return buf_format(out, "with lock#%" PRIu64, o->lock);
  case OBJECT_BARRIER:
    return i->set ? buf_format(out, "broken")
                  : buf_format(out, "%" PRIu64 " of %" PRIu64 " came", i->count, i->max);
  case OBJECT_VALUE:
    return put_value(i, out);
  case OBJECT_DICT:
    return buf_format(out, "%" PRIu64 " key%s", i->count, i->count == 1 ? "" : "s");
  case OBJECT_PROGRESS:
    return put_progress(i, out);
  case OBJECT_LATCH:
    return i->count ? buf_format(out, "%" PRIu64 " left", i->count) : buf_format(out, "open");
  case OBJECT_ARRAY:
    return buf_format(out, "%" PRIu64 " %s%s", i->count, i->set ? "number" : "integer",
                      i->count == 1 ? "" : "s");
  case OBJECT_RWLOCK:
    return put_rwlock(i, out);
  case OBJECT_PIPE:
    return put_pipe(s, o, out);
  default:
    return 0;
  }
}

static bool waits_for_it(const struct snapshot_op *op, const struct snapshot_sync *o) {
  for (uint32_t k = 0; k < op->need_count; k++)
    if (op->needs[k].object == o->id && op->needs[k].type == o->type)
      return true;
  return false;
}

/* "a#2, b#3" */
static void cell_waiting(struct table *t, const struct snapshot *s, const struct snapshot_sync *o) {
  struct buf text = {0};
  for (uint32_t i = 0; i < s->process_count && text.len < 200; i++) {
    if (!s->processes[i].lives || !waits_for_it(&s->processes[i].op, o))
      continue;
    buf_format(&text, "%s", text.len ? ", " : "");
    waits_tell_process(s, i, &text);
  }
  show_cell_text(t, NULL, &text);
  buf_release(&text);
}

/* In whose hands it is. */
static void cell_holder(struct table *t, const struct snapshot *s, const struct snapshot_sync *o) {
  struct buf text = {0};
  if (o->owners.count > 0)
    waits_tell_process(s, o->owners.list[0], &text);
  show_cell_text(t, NULL, &text);
  buf_release(&text);
}

/* What was done to it last, and where. */
static void cells_last(struct table *t, const struct snapshot_sync *o) {
  char where[WHERE_MAX];
  if (o->past_count == 0) {
    table_cell(t, NULL, "%s", "");
    table_cell(t, NULL, "%s", "");
    return;
  }
  const struct past_event *e = &o->past[0].event;
  past_where(e, where);
  table_cell(t, NULL, "%s", op_describe((enum op_kind)e->kind)->verb);
  table_cell(t, style_dim, "%s", where);
}

static void row(struct table *t, const struct snapshot *s, const struct snapshot_sync *o) {
  struct buf text = {0};
  table_cell(t, NULL, "%" PRIu64, o->id);
  table_cell(t, NULL, "%s", type_name(o));
  table_cell(t, NULL, "%s", o->name);
  put_state(s, o, &text);
  show_cell_text(t, o->type == OBJECT_LOCK && o->info.holder ? style_yellow : NULL, &text);
  buf_release(&text);
  cell_holder(t, s, o);
  cell_waiting(t, s, o);
  cells_last(t, o);
  table_cell(t, NULL, "%" PRIu32, o->holders.count);
}

int show_objects(const struct snapshot *s, const struct show *how, struct buf *out) {
  struct table t;
  bool some = false;
  for (uint32_t i = 0; i < s->sync_count; i++)
    some |= s->syncs[i].holders.count > 0 || s->syncs[i].named;
  if (!some)
    return buf_format(out, "no locks, events or the like\n");
  table_begin(&t, columns, sizeof columns / sizeof *columns);
  for (uint32_t i = 0; i < s->sync_count; i++)
    if (s->syncs[i].holders.count > 0 || s->syncs[i].named)
      row(&t, s, &s->syncs[i]);
  return table_end(&t, &how->style, out);
}
