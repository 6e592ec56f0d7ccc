/* os/supervisor/snapshot.c - processes, and how the parts of a snapshot come together; see snapshot.h. */
#include "os/supervisor/snapshot.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "object/pipe.h"
#include "object/sync.h"
#include "os/shared/names.h"
#include "os/shared/proc.h"
#include "os/supervisor/snapshot_internal.h"

/* Text that its owner may be writing just now. */
static void copy_text(char *ret, const char *text, size_t size) {
  snprintf(ret, size, "%.*s", (int)size - 1, text);
}

/* -- what a process sleeps in ---------------------------------------------------------------- */

/* What is known of an object that still is what it was. */
static void look_up(const struct control *c, struct snapshot_need *n) {
  const char *name = "";
  if (n->type == OBJECT_PROCESS) {
    if (n->slot < PROCESS_SLOTS && control_process_stamp(c, n->slot, n->object))
      name = c->processes[n->slot].name;
  } else if (n->slot < OBJECT_SLOTS &&
             stamp_serial(atomic_load(&c->object_stamp[n->slot])) == n->object) {
    name = n->type == OBJECT_QUEUE ? c->queues[n->slot].name : c->syncs[n->slot].name;
    if (n->type == OBJECT_PIPE)
      n->queue = c->syncs[n->slot].state[0][END_IN_SERIAL];
  }
  if (n->kind != OP_PROCESS_FIND)
    copy_text(n->object_name, name, NAME_MAX_BYTES);
}

static void read_needs(const struct process_record *p, struct snapshot_op *op) {
  if (op->kind != OP_SELECT) {
    op->needs[0] = (struct snapshot_need){
        .kind = op->kind, .slot = atomic_load(&p->op_slot), .object = atomic_load(&p->op_serial)};
    op->need_count = 1;
    if (op->kind == OP_QUEUE_MEET)
      op->needs[0].ticket = atomic_load(&p->op_number);
    if (op->kind == OP_PROCESS_FIND)
      copy_text(op->needs[0].object_name, p->sought, NAME_MAX_BYTES);
  } else {
    uint32_t count = *(const volatile uint32_t *)&p->select_count; /* once: it may change */
    op->needs_more = count > SELECT_SHOWN;
    op->need_count = op->needs_more ? SELECT_SHOWN : count;
    for (uint32_t i = 0; i < op->need_count; i++)
      op->needs[i] = (struct snapshot_need){.kind = (enum op_kind)p->select[i].kind,
                                            .slot = p->select[i].slot,
                                            .object = p->select[i].serial};
  }
  for (uint32_t i = 0; i < op->need_count; i++)
    op->needs[i].type = op_describe(op->needs[i].kind)->type;
}

/*
 * The writer withdraws (op_kind = NONE) before it publishes another op, and writes op_kind last, so
 * two equal looks at op_kind and then op_since_ns say that all between was of one op. A process
 * in line wakes now and then to look, and goes on waiting: its ticket tells the wait.
 */
static struct snapshot_op read_op(const struct control *c, uint32_t slot, char where[WHERE_MAX]) {
  const struct process_record *p = &c->processes[slot];
  struct snapshot_op op = {.kind = (enum op_kind)atomic_load(&p->op_kind)};
  op.since_ns = atomic_load(&p->op_since_ns);
  op.deadline_ns = atomic_load(&p->op_deadline_ns);
  uint64_t ticket = atomic_load(&p->line_ticket);
  int64_t line_since_ns = atomic_load(&p->line_since_ns);
  op.items = op.kind == OP_QUEUE_GET && atomic_load(&p->op_number) == 1;
  read_needs(p, &op);
  copy_text(where, p->where, WHERE_MAX);
  bool same = atomic_load(&p->op_kind) == (uint32_t)op.kind;
  if (!same || atomic_load(&p->op_since_ns) != op.since_ns || op.since_ns == 0 ||
      op.kind == OP_NONE)
    return (struct snapshot_op){.kind = OP_NONE};
  bool in_line = ticket && (op.kind == OP_SELECT || sync_machine_of(op.needs[0].type));
  op.sleep_id = in_line ? ticket : (uint64_t)op.since_ns;
  if (in_line && line_since_ns < op.since_ns)
    op.since_ns = line_since_ns;
  return op;
}

/* It was asleep at the first look: is it still the same sleep? */
static bool same_sleep(const struct control *c, const struct snapshot_process *p) {
  char where[WHERE_MAX];
  struct snapshot_op now = read_op(c, p->slot, where);
  return now.kind == p->op.kind && now.sleep_id == p->op.sleep_id &&
         stamp_phase(control_process_stamp(c, p->slot, p->id)) == PHASE_RUNNING &&
         proc_state((pid_t)p->pid) == 'S'; /* neither stopped, nor dead, nor on its way */
}

/* -- processes ------------------------------------------------------------------------------- */

/* How it ended, or that it has not. */
static void fill_end(struct snapshot_process *ret, const struct process_record *p, unsigned phase) {
  struct process_state s = control_process_state(p, phase);
  ret->lives = phase < PHASE_ENDED;
  ret->status = process_status_of(&s);
  ret->exit_code = ret->lives || s.signal ? -1 : s.exit_code;
  ret->signal = ret->lives ? 0 : s.signal;
}

static void fill_usage(struct snapshot_process *ret, unsigned parts) {
  struct proc_usage usage = {0};
  if (parts & SNAPSHOT_USAGE)
    proc_usage((pid_t)ret->pid, &usage);
  else
    usage.state = proc_state((pid_t)ret->pid);
  if (usage.state == 'T' || usage.state == 't')
    ret->status = PROCESS_STOPPED;
  ret->cpu_seconds = usage.cpu_seconds;
  ret->rss_bytes = usage.rss_bytes;
  ret->private_bytes = usage.private_bytes;
  ret->op.steady = usage.state == 'S';
}

/* All that its record and the system say of the process that owned the slot with this stamp. */
static void fill_process(const struct control *c, uint32_t slot, uint64_t stamp, unsigned parts,
                         struct snapshot_process *ret) {
  const struct process_record *p = &c->processes[slot];
  uint32_t flags = atomic_load(&p->flags);
  *ret = (struct snapshot_process){.id = stamp_serial(stamp), .slot = slot, .exit_code = -1};
  ret->lives = true;
  if (p->serial != ret->id) /* it was only claimed: what stands there is of the process before */
    return;
  ret->pid = atomic_load(&p->pid);
  ret->daemon = flags & FLAG_DAEMON;
  ret->joined = flags & FLAG_JOINED;
  ret->muted = atomic_load(&p->muted);
  ret->spawner = p->spawner_serial;
  ret->items_out = atomic_load(&p->items_out);
  ret->items_in = atomic_load(&p->items_in);
  copy_text(ret->name, p->name, NAME_MAX_BYTES);
  copy_text(ret->host, p->host, NAME_MAX_BYTES);
  copy_text(ret->spawned_at, p->spawned_at, WHERE_MAX);
  fill_end(ret, p, stamp_phase(stamp));
  ret->op = read_op(c, slot, ret->where);
  if (stamp_phase(stamp) != PHASE_RUNNING)
    ret->op = (struct snapshot_op){.kind = OP_NONE};
  for (uint32_t i = 0; i < ret->op.need_count; i++)
    look_up(c, &ret->op.needs[i]);
  if (ret->lives && ret->pid > 0)
    fill_usage(ret, parts);
}

/* The record may have another owner by now: then that one is told of. */
static bool read_process(const struct control *c, uint32_t slot, unsigned parts,
                         struct snapshot_process *ret) {
  for (int tries = 0; tries < 16; tries++) {
    uint64_t stamp = atomic_load(&c->process_stamp[slot]);
    bool wanted = stamp_phase(stamp) == PHASE_ENDED ? parts & SNAPSHOT_ENDED
                                                    : control_process_exists(c, slot);
    if (!wanted)
      return false;
    fill_process(c, slot, stamp, parts, ret);
    if (atomic_load(&c->process_stamp[slot]) == stamp)
      return ret->lives || ret->pid > 0; /* a fork that failed left no process */
  }
  return true; /* it changes that fast: it lives */
}

static int read_processes(const struct control *c, unsigned parts, struct snapshot *s) {
  uint32_t cap = 0;
  for (uint32_t slot = 0; slot < control_process_end(c); slot++) {
    if (s->process_count == cap) {
      cap = cap ? 2 * cap : 16;
      struct snapshot_process *grown = realloc(s->processes, cap * sizeof *grown);
      if (!grown)
        return -SBX_ENOMEM;
      s->processes = grown;
    }
    s->process_count += read_process(c, slot, parts, &s->processes[s->process_count]);
  }
  snapshot_sort_processes(s);
  return 0;
}

/* -- together -------------------------------------------------------------------------------- */

/* Something that is the same as long as the same processes live. */
static uint64_t population(const struct control *c) {
  uint64_t sum = 0;
  for (uint32_t slot = 0; slot < control_process_end(c); slot++) {
    uint64_t stamp = atomic_load(&c->process_stamp[slot]);
    if (phase_lives(stamp_phase(stamp)))
      sum += stamp_serial(stamp) * UINT64_C(0x9e3779b97f4a7c15) + slot;
  }
  return sum;
}

/* The objects that something within reach names, by slot. */
static void look_at_names(const struct control *c, uint64_t stored[OBJECT_WORDS]) {
  struct names_reach reach;
  if (!atomic_load(&c->names_used))
    return;
  names_look((struct control *)(uintptr_t)c, &reach); /* it notes only that somebody looked */
  memcpy(stored, reach.stored, sizeof reach.stored);
}

static int read_all(const struct control *c, unsigned parts, struct snapshot *s) {
  uint64_t stored[OBJECT_WORDS] = {0}, living = population(c);
  int rc = read_processes(c, parts, s);
  uint64_t holdings = rc ? 0 : snapshot_holdings(c, s);
  if (rc == 0 && (parts & SNAPSHOT_QUEUES)) {
    look_at_names(c, stored);
    rc = snapshot_queues(c, s, stored);
  }
  if (rc == 0 && (parts & SNAPSHOT_QUEUES))
    rc = snapshot_syncs(c, s, parts & SNAPSHOT_OBJECTS, stored);
  for (uint32_t i = 0; i < s->process_count; i++)
    if (s->processes[i].op.steady)
      s->processes[i].op.steady =
          s->processes[i].op.kind != OP_NONE && same_sleep(c, &s->processes[i]);
  s->settled = rc == 0 && holdings == snapshot_holdings(c, s) && living == population(c);
  return rc;
}

int snapshot_take(const struct control *c, unsigned parts, struct snapshot *ret) {
  struct snapshot s = {.taken_ns = clock_now_ns(),
                       .started_ns = c->clock.start_ns,
                       .follow = atomic_load(&c->follow)};
  int rc = read_all(c, parts, &s);
  if (rc)
    snapshot_release(&s);
  else
    *ret = s;
  return rc;
}
