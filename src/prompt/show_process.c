/* prompt/show_process.c - all that is known of one process; see show.h. */
#include <inttypes.h>

#include "look/waits.h"
#include "prompt/show.h"
#include "prompt/show_internal.h"

/* "writer#2, pid 4711, daemon, muted" */
static int put_head(const struct snapshot *s, uint32_t process, struct buf *out) {
  const struct snapshot_process *p = &s->processes[process];
  int rc = waits_tell_process(s, process, out);
  if (rc == 0)
    rc = buf_format(out, ", pid %" PRId64 "%s%s\n", p->pid, p->daemon ? ", daemon" : "",
                    p->muted ? ", muted" : "");
  return rc;
}

/* "in put at x.lua:12 for queue jobs#1 since 3.2s, 2.0s left" */
static int put_state(const struct snapshot *s, uint32_t process, struct buf *out) {
  const struct snapshot_process *p = &s->processes[process];
  char since[SHOW_NUMBER], left[SHOW_NUMBER];
  int rc = buf_format(out, "  %s", p->status == PROCESS_STOPPED ? "stopped" : "");
  if (rc || p->op.kind == OP_NONE)
    return rc ? rc
              : buf_format(out, "%s%s%s\n", p->status == PROCESS_STOPPED ? "" : "running",
                           p->where[0] ? ", was last at " : "", p->where);
  show_duration(s->taken_ns - p->op.since_ns, since);
  show_duration(p->op.deadline_ns - s->taken_ns, left);
  rc = buf_format(out, "%sin %s%s%s%s", p->status == PROCESS_STOPPED ? ", " : "",
                  op_describe(p->op.kind)->verb, p->where[0] ? " at " : "", p->where,
                  p->op.kind == OP_CLOCK_SLEEP ? "" : " for ");
  if (rc == 0)
    rc = waits_tell_object(s, process, false, out);
  if (rc == 0)
    rc = buf_format(out, " since %s", since);
  if (rc == 0 && p->op.deadline_ns != SBX_FOREVER)
    rc = buf_format(out, ", %s left", left);
  return rc ? rc : buf_append_byte(out, '\n');
}

static int put_origin(const struct snapshot *s, uint32_t process, struct buf *out) {
  const struct snapshot_process *p = &s->processes[process];
  int64_t spawner = snapshot_find_process(s, p->spawner);
  if (p->slot == 0)
    return 0;
  int rc = buf_format(out, "  spawned%s%s by ", p->spawned_at[0] ? " at " : "", p->spawned_at);
  if (rc == 0 && spawner >= 0)
    rc = waits_tell_process(s, (uint32_t)spawner, out);
  else if (rc == 0)
    rc = buf_format(out, "process %" PRIu64 ", which has ended", p->spawner);
  return rc ? rc : buf_append_byte(out, '\n');
}

static int put_numbers(const struct snapshot_process *p, struct buf *out) {
  char cpu[SHOW_NUMBER], own[SHOW_NUMBER], all[SHOW_NUMBER];
  show_duration((int64_t)(p->cpu_seconds * NS_PER_SECOND), cpu);
  show_scaled(p->private_bytes, 1024, own);
  show_scaled(p->rss_bytes, 1024, all);
  int rc = buf_format(out, "  cpu %s, memory %s of %s\n", cpu, own, all);
  if (rc == 0)
    rc = buf_format(out, "  items: %" PRIu64 " out, %" PRIu64 " in\n", p->items_out, p->items_in);
  return rc;
}

/* "holds queues jobs#1, queue#2" */
static int put_holdings(const struct snapshot *s, uint32_t process, struct buf *out) {
  uint32_t n = 0;
  int rc = 0;
  for (uint32_t i = 0; i < s->queue_count && rc == 0; i++) {
    const struct snapshot_queue *q = &s->queues[i];
    if (!index_list_has(&q->holders, process))
      continue;
    rc = buf_format(out, "%s%s#%" PRIu64, n++ ? ", " : "  holds ", q->name[0] ? q->name : "queue",
                    q->id);
  }
  return rc || n == 0 ? rc : buf_append_byte(out, '\n');
}

int show_process(const struct snapshot *s, uint32_t process, const struct show *how,
                 struct buf *out) {
  struct buf text = {0};
  int rc = put_head(s, process, &text);
  if (rc == 0)
    rc = put_state(s, process, &text);
  if (rc == 0)
    rc = put_origin(s, process, &text);
  if (rc == 0)
    rc = put_numbers(&s->processes[process], &text);
  if (rc == 0)
    rc = put_holdings(s, process, &text);
  if (rc == 0)
    rc = show_wrapped((const char *)text.data, text.len, how->style.columns, out);
  buf_release(&text);
  return rc;
}
