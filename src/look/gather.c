/* look/gather.c - see gather.h. */
#include "look/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* -- bytes --------------------------------------------------------------------------------------- */

/* One description serves both ways: each number and text is written, or is read in its place. Hosts of a run have the same version of
 * the program, and the same order of bytes. */
struct stream {
  struct buf *out; /* NULL: it is read */
  const uint8_t *at, *end;
  int rc;
};

static void pass_bytes(struct stream *t, void *data, size_t len) {
  if (t->rc)
    return;
  if (t->out) {
    t->rc = buf_append(t->out, data, len);
  } else if ((size_t)(t->end - t->at) < len) {
    t->rc = -SBX_EINVAL;
  } else {
    memcpy(data, t->at, len);
    t->at += len;
  }
}

/* The number, or what stands in its place: at most `most`, or the stream is malformed, and it is 0. */
static uint64_t pass(struct stream *t, uint64_t n, uint64_t most) {
  pass_bytes(t, &n, sizeof n);
  if (t->rc == 0 && n > most)
    t->rc = -SBX_EINVAL;
  return t->rc ? 0 : n;
}

static uint64_t pass_any(struct stream *t, uint64_t n) { return pass(t, n, UINT64_MAX); }
static bool pass_bool(struct stream *t, bool b) { return pass(t, b, 1) != 0; }

static void pass_text(struct stream *t, char *text, size_t size) {
  pass_bytes(t, text, size);
  text[size - 1] = '\0';
}

/* How many of something that takes 8 bytes at least: so what is read cannot ask for more memory than its length is worth. */
static uint32_t pass_count(struct stream *t, uint32_t n) {
  uint64_t most = t->out ? UINT32_MAX : (uint64_t)(t->end - t->at) / 8;
  return (uint32_t)pass(t, n, most);
}

/* Rows of processes, of which there are `processes`. */
static void pass_list(struct stream *t, struct index_list *l, uint32_t processes) {
  uint32_t count = pass_count(t, l->count);
  for (uint32_t i = 0; i < count && t->rc == 0; i++) {
    uint32_t row = (uint32_t)pass(t, t->out ? l->list[i] : 0, UINT32_MAX);
    if (t->rc || t->out)
      continue;
    if (row >= processes || (i > 0 && row <= l->list[i - 1]))
      t->rc = -SBX_EINVAL;
    else
      t->rc = index_list_add(l, row);
  }
}

static void pass_need(struct stream *t, struct snapshot_need *n) {
  n->kind = (enum op_kind)pass(t, n->kind, OP_COUNT - 1);
  n->type = op_describe(n->kind)->type;
  n->slot = (uint32_t)pass(t, n->slot, UINT32_MAX);
  n->object = pass_any(t, n->object);
  n->queue = pass_any(t, n->queue);
  n->ticket = (uint32_t)pass(t, n->ticket, UINT32_MAX);
  n->ready = pass_bool(t, n->ready);
  pass_text(t, n->object_name, sizeof n->object_name);
}

static void pass_op(struct stream *t, struct snapshot_op *op) {
  op->kind = (enum op_kind)pass(t, op->kind, OP_COUNT - 1);
  op->need_count = (uint32_t)pass(t, op->need_count, SELECT_SHOWN);
  op->needs_more = pass_bool(t, op->needs_more);
  op->items = pass_bool(t, op->items);
  op->steady = pass_bool(t, op->steady);
  op->sleep_id = pass_any(t, op->sleep_id);
  bool patient = pass_bool(
      t, op->deadline_ns == SBX_FOREVER); /* when it ends else, only its host's clock can tell */
  if (!t->out)
    op->deadline_ns = patient ? SBX_FOREVER : 0;
  for (uint32_t i = 0; i < op->need_count && t->rc == 0; i++)
    pass_need(t, &op->needs[i]);
}

static void pass_process(struct stream *t, struct snapshot_process *p) {
  p->id = pass(t, p->id, UINT32_MAX);
  p->status = (enum process_status)pass(t, p->status, PROCESS_KILLED);
  p->lives = pass_bool(t, p->lives);
  p->daemon = pass_bool(t, p->daemon);
  pass_text(t, p->name, sizeof p->name);
  pass_text(t, p->where, sizeof p->where);
  pass_text(t, p->host, sizeof p->host);
  pass_op(t, &p->op);
}

static void pass_queue(struct stream *t, struct snapshot_queue *q, uint32_t processes) {
  q->id = pass(t, q->id, UINT32_MAX);
  q->items = pass_any(t, q->items);
  q->undone = pass_any(t, q->undone);
  q->put = pass_any(t, q->put);
  q->max = pass_any(t, q->max);
  q->owner = pass(t, q->owner, UINT32_MAX);
  q->closed = pass_bool(t, q->closed);
  q->exact = pass_bool(t, q->exact);
  q->named = pass_bool(t, q->named);
  pass_text(t, q->name, sizeof q->name);
  pass_list(t, &q->readers, processes);
  pass_list(t, &q->writers, processes);
  pass_list(t, &q->holders, processes);
}

static void pass_sync(struct stream *t, struct snapshot_sync *o, uint32_t processes) {
  o->id = pass(t, o->id, UINT32_MAX);
  o->type = (enum object_type)pass(t, o->type, OBJECT_TYPES - 1);
  o->info.count = pass_any(t, o->info.count);
  o->info.max = pass_any(t, o->info.max);
  o->queue = pass(t, o->queue, UINT32_MAX);
  o->lock = pass(t, o->lock, UINT32_MAX);
  o->named = pass_bool(t, o->named);
  pass_text(t, o->name, sizeof o->name);
  pass_list(t, &o->owners, processes);
  pass_list(t, &o->holders, processes);
}

static bool is_needed(const struct snapshot *s, uint64_t queue, uint64_t sync) {
  for (uint32_t i = 0; i < s->process_count; i++)
    for (uint32_t k = 0; k < s->processes[i].op.need_count; k++) {
      const struct snapshot_need *n = &s->processes[i].op.needs[k];
      if (n->type == OBJECT_QUEUE || n->type == OBJECT_PIPE) {
        if (queue && (n->type == OBJECT_PIPE ? n->queue : n->object) == queue)
          return true;
      } else if (sync && n->type != OBJECT_PROCESS && n->object == sync) {
        return true;
      }
    }
  return false;
}

int gather_write(const struct snapshot *s, struct buf *out) {
  struct stream t = {.out = out};
  uint32_t queues = 0, syncs = 0;
  for (uint32_t i = 0; i < s->queue_count; i++)
    queues += is_needed(s, s->queues[i].id, 0);
  for (uint32_t i = 0; i < s->sync_count; i++)
    syncs += is_needed(s, 0, s->syncs[i].id);
  pass_bool(&t, s->settled);
  pass_count(&t, s->process_count);
  for (uint32_t i = 0; i < s->process_count; i++)
    pass_process(&t, &s->processes[i]);
  pass_count(&t, queues);
  for (uint32_t i = 0; i < s->queue_count; i++)
    if (is_needed(s, s->queues[i].id, 0))
      pass_queue(&t, &s->queues[i], s->process_count);
  pass_count(&t, syncs);
  for (uint32_t i = 0; i < s->sync_count; i++)
    if (is_needed(s, 0, s->syncs[i].id))
      pass_sync(&t, &s->syncs[i], s->process_count);
  return t.rc;
}

/* Room for `count` more of `size` bytes each, zeroed. NULL: no memory, or the stream is malformed. */
static void *room_for(struct stream *t, uint32_t count, size_t size) {
  void *rows = t->rc ? NULL : calloc(count ? count : 1, size);
  if (!rows && t->rc == 0)
    t->rc = -SBX_ENOMEM;
  return rows;
}

int gather_read(const void *data, size_t len, struct snapshot *ret) {
  struct stream t = {.at = data, .end = (const uint8_t *)data + len};
  struct snapshot s = {.settled = pass_bool(&t, false)};
  uint32_t count = pass_count(&t, 0);
  s.processes = room_for(&t, count, sizeof *s.processes);
  for (; s.process_count < count && t.rc == 0; s.process_count++) {
    pass_process(&t, &s.processes[s.process_count]);
    if (s.process_count && s.processes[s.process_count].id <= s.processes[s.process_count - 1].id)
      t.rc = -SBX_EINVAL;
  }
  count = pass_count(&t, 0);
  s.queues = room_for(&t, count, sizeof *s.queues);
  while (s.queue_count < count && t.rc == 0)
    pass_queue(&t, &s.queues[s.queue_count++], s.process_count);
  count = pass_count(&t, 0);
  s.syncs = room_for(&t, count, sizeof *s.syncs);
  while (s.sync_count < count && t.rc == 0)
    pass_sync(&t, &s.syncs[s.sync_count++], s.process_count);
  if (t.rc)
    snapshot_release(&s);
  else
    *ret = s;
  return t.rc;
}

/* -- one out of many ------------------------------------------------------------------------------- */

/* What a far run is added with. */
struct addition {
  struct snapshot *s, *far;
  uint64_t number;
  uint32_t stand_in;
  uint32_t *row; /* owned: of its processes in the whole */
};

static uint64_t id_of_process(const struct addition *a, uint64_t id) {
  return id == GATHER_MAIN ? a->s->processes[a->stand_in].id : gather_id(a->number, id);
}

static void rename_needs(const struct addition *a, struct snapshot_op *op) {
  for (uint32_t i = 0; i < op->need_count; i++) {
    struct snapshot_need *n = &op->needs[i];
    if (n->type == OBJECT_PROCESS && n->object && n->slot != SNAPSHOT_OUTSIDE)
      n->object = id_of_process(a, n->object);
    else if (n->object && n->slot != SNAPSHOT_OUTSIDE)
      n->object = gather_id(a->number, n->object);
    if (n->queue)
      n->queue = gather_id(a->number, n->queue);
  }
}

static void *grown(void *rows, uint32_t count, uint32_t more, size_t size) {
  return realloc(rows, (count + more + 1U) * size);
}

/* What stands for a process does what that does, unless it is stopped itself. */
static void stand_for(struct snapshot_process *p, const struct snapshot_process *main) {
  p->op = main->op;
  memcpy(p->where, main->where, sizeof p->where);
  if (p->status == PROCESS_RUNNING)
    p->status = main->status;
  if (!main->lives) /* that the run ends is on its way */
    p->op = (struct snapshot_op){.kind = OP_NONE};
}

static int add_processes(struct addition *a) {
  struct snapshot *s = a->s;
  struct snapshot_process *rows =
      grown(s->processes, s->process_count, a->far->process_count, sizeof *rows);
  a->row = calloc(a->far->process_count + 1U, sizeof *a->row);
  if (rows)
    s->processes = rows;
  if (!rows || !a->row)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < a->far->process_count; i++) {
    struct snapshot_process *p = &a->far->processes[i];
    rename_needs(a, &p->op);
    a->row[i] = p->id == GATHER_MAIN ? a->stand_in : s->process_count;
    if (p->id == GATHER_MAIN) {
      stand_for(&rows[a->stand_in], p);
      continue;
    }
    const struct snapshot_process *last = &rows[s->process_count - 1];
    p->told_as = (last->told_as ? last->told_as : last->id) + 1;
    p->id = gather_id(a->number, p->id);
    p->slot = SNAPSHOT_OUTSIDE;
    p->elsewhere = true;
    if (!p->host[0]) /* else it stands for one on a third host */
      memcpy(p->host, rows[a->stand_in].host, sizeof p->host);
    rows[s->process_count++] = *p;
  }
  return 0;
}

/* What stands for a process does nothing with the objects that its spawner has. */
static void let_go(struct index_list *holders, uint32_t row) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < holders->count; i++)
    if (holders->list[i] != row)
      holders->list[kept++] = holders->list[i];
  holders->count = kept;
}

static void let_all_go(struct snapshot *s, uint32_t row) {
  for (uint32_t i = 0; i < s->queue_count; i++)
    let_go(&s->queues[i].holders, row);
  for (uint32_t i = 0; i < s->sync_count; i++)
    let_go(&s->syncs[i].holders, row);
}

static void rename_rows(const struct addition *a, struct index_list *l) {
  for (uint32_t i = 0; i < l->count; i++)
    l->list[i] = a->row[l->list[i]];
  index_list_sort(l);
}

/* What is taken over is no longer the far snapshot's. */
static int add_queues(struct addition *a) {
  struct snapshot *s = a->s, *far = a->far;
  struct snapshot_queue *rows = grown(s->queues, s->queue_count, far->queue_count, sizeof *rows);
  if (!rows)
    return -SBX_ENOMEM;
  s->queues = rows;
  for (uint32_t i = 0; i < far->queue_count; i++) {
    struct snapshot_queue *q = &far->queues[i];
    q->id = gather_id(a->number, q->id);
    q->slot = SNAPSHOT_OUTSIDE;
    q->owner = q->owner ? id_of_process(a, q->owner) : 0;
    rename_rows(a, &q->readers);
    rename_rows(a, &q->writers);
    rename_rows(a, &q->holders);
    rows[s->queue_count++] = *q;
  }
  far->queue_count = 0;
  return 0;
}

static int add_syncs(struct addition *a) {
  struct snapshot *s = a->s, *far = a->far;
  struct snapshot_sync *rows = grown(s->syncs, s->sync_count, far->sync_count, sizeof *rows);
  if (!rows)
    return -SBX_ENOMEM;
  s->syncs = rows;
  for (uint32_t i = 0; i < far->sync_count; i++) {
    struct snapshot_sync *o = &far->syncs[i];
    o->id = gather_id(a->number, o->id);
    o->slot = SNAPSHOT_OUTSIDE;
    o->queue = o->queue ? gather_id(a->number, o->queue) : 0;
    o->lock = o->lock ? gather_id(a->number, o->lock) : 0;
    rename_rows(a, &o->owners);
    rename_rows(a, &o->holders);
    rows[s->sync_count++] = *o;
  }
  far->sync_count = 0;
  return 0;
}

int gather_add(struct snapshot *s, struct snapshot *far, uint64_t number, uint32_t stand_in) {
  struct addition a = {.s = s, .far = far, .number = number, .stand_in = stand_in};
  let_all_go(s, stand_in);
  int rc = add_processes(&a);
  if (rc == 0)
    rc = add_queues(&a);
  if (rc == 0)
    rc = add_syncs(&a);
  s->settled &= far->settled;
  free(a.row);
  snapshot_release(far);
  return rc;
}

/* -- twice ------------------------------------------------------------------------------------------- */

/* The generation of what a need is about, if that is in an engine; 0: it is not there. */
static uint64_t generation_of(const struct snapshot *s, const struct snapshot_need *n) {
  int64_t i = n->type == OBJECT_QUEUE ? snapshot_find_queue(s, n->object)
                                      : snapshot_find_sync(s, n->object);
  if (i < 0)
    return 0;
  return n->type == OBJECT_QUEUE ? s->queues[i].generation : s->syncs[i].generation;
}

static bool same_wait(const struct snapshot *first, const struct snapshot_op *was,
                      const struct snapshot *second, const struct snapshot_op *is) {
  if (!was->steady || was->kind != is->kind || was->sleep_id != is->sleep_id)
    return false;
  for (uint32_t i = 0; i < is->need_count; i++)
    if (is->needs[i].slot == SNAPSHOT_OUTSIDE &&
        generation_of(first, &is->needs[i]) != generation_of(second, &is->needs[i]))
      return false;
  return true;
}

void gather_agree(const struct snapshot *first, struct snapshot *second) {
  second->settled &= first->settled && first->process_count == second->process_count;
  for (uint32_t i = 0; i < second->process_count; i++) {
    struct snapshot_process *p = &second->processes[i];
    int64_t was = snapshot_find_process(first, p->id);
    second->settled &= was >= 0;
    p->op.steady =
        p->op.steady && was >= 0 && same_wait(first, &first->processes[was].op, second, &p->op);
  }
}
