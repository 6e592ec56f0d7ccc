/*
 * os/supervisor/snapshot_queue.c - queues in a snapshot; see snapshot.h.
 *
 * What a queue's log holds is told by its two sides, and mostly also that its pipe is empty. What
 * is in the pipe else only the kernel knows, and who asks it needs a descriptor of the pipe: here
 * one is opened for a moment through the table of descriptors of any process that has one
 * (/proc/PID/fd), be it a holder, or the supervisor, which keeps those of exported queues. The pipe
 * is known by its inode, so it cannot be mistaken.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "object/pipe.h"
#include "os/queue/queue.h"
#include "os/shared/names.h"
#include "os/shared/proc.h"
#include "os/supervisor/snapshot_internal.h"

uint32_t snapshot_object_end(const struct control *c) {
  uint64_t n = atomic_load(&c->next_object_slot);
  return n < OBJECT_SLOTS ? (uint32_t)n : OBJECT_SLOTS;
}

/* The bits of the objects that are waited for. */
static void mark_needed(const struct control *c, const struct snapshot *s,
                        uint64_t ret[OBJECT_WORDS]) {
  for (uint32_t i = 0; i < s->process_count; i++)
    for (uint32_t k = 0; k < s->processes[i].op.need_count; k++) {
      const struct snapshot_need *n = &s->processes[i].op.needs[k];
      uint64_t slot = n->type == OBJECT_PIPE && n->slot < OBJECT_SLOTS
                          ? c->syncs[n->slot].state[0][END_IN]
                          : n->slot;
      if (n->type != OBJECT_PROCESS && n->type != OBJECT_CLOCK && slot < OBJECT_SLOTS)
        ret[slot / 64] |= UINT64_C(1) << (slot % 64);
    }
}

uint64_t snapshot_holdings(const struct control *c, const struct snapshot *s) {
  uint64_t sum = 0, needed[OBJECT_WORDS] = {0};
  mark_needed(c, s, needed);
  for (uint32_t w = 0; w < OBJECT_WORDS; w++)
    for (uint64_t bits = needed[w]; bits; bits &= bits - 1)
      sum = sum * 31 + atomic_load(&c->objects[w * 64 + (uint32_t)__builtin_ctzll(bits)].named);
  for (uint32_t i = 0; i < s->process_count; i++) {
    uint64_t held[OBJECT_WORDS] = {0};
    if (s->processes[i].lives)
      names_held_by(c, s->processes[i].slot, held);
    for (uint32_t w = 0; w < OBJECT_WORDS; w++)
      sum = sum * 31 + (needed[w] & held[w]);
  }
  return sum;
}

/* -- which queues there are ------------------------------------------------------------------ */

/* Every live record of a queue, also without a holder. */
static int list_queues(const struct control *c, struct snapshot *s) {
  uint32_t end = snapshot_object_end(c), count = 0;
  s->queues = calloc(end ? end : 1, sizeof *s->queues);
  if (!s->queues)
    return -SBX_ENOMEM;
  for (uint32_t slot = 0; slot < end; slot++) {
    uint64_t stamp = atomic_load(&c->object_stamp[slot]);
    if (stamp_phase(stamp) == OBJECT_LIVE && atomic_load(&c->objects[slot].type) == OBJECT_QUEUE)
      s->queues[count++] = (struct snapshot_queue){.id = stamp_serial(stamp), .slot = slot};
  }
  s->queue_count = count;
  snapshot_sort_queues(s);
  return 0;
}

/* -- who has to do with them ----------------------------------------------------------------- */

static int list_holdings(const struct control *c, struct snapshot *s, uint32_t process,
                         const uint32_t *queue_at) {
  uint32_t words = (snapshot_object_end(c) + 63) / 64;
  uint64_t held[OBJECT_WORDS] = {0};
  int rc = 0;
  names_held_by(c, s->processes[process].slot, held);
  for (uint32_t w = 0; w < words; w++)
    for (uint64_t bits = held[w]; bits && rc == 0; bits &= bits - 1) {
      uint32_t queue = queue_at[w * 64 + (uint32_t)__builtin_ctzll(bits)];
      if (queue < s->queue_count)
        rc = index_list_add(&s->queues[queue].holders, process);
    }
  return rc;
}

static int list_waiter(struct snapshot *s, uint32_t process) {
  const struct snapshot_op *op = &s->processes[process].op;
  int rc = 0;
  for (uint32_t i = 0; i < op->need_count && rc == 0; i++) {
    const struct snapshot_need *n = &op->needs[i];
    uint64_t id = n->type == OBJECT_QUEUE ? n->object : n->type == OBJECT_PIPE ? n->queue : 0;
    int64_t queue = id ? snapshot_find_queue(s, id) : -1;
    if (queue >= 0 && (n->kind == OP_QUEUE_GET || n->type == OBJECT_PIPE))
      rc = index_list_add(&s->queues[queue].readers, process);
    else if (queue >= 0 && (n->kind == OP_QUEUE_PUT || n->kind == OP_QUEUE_MEET))
      rc = index_list_add(&s->queues[queue].writers, process);
  }
  return rc;
}

static int list_people(const struct control *c, struct snapshot *s) {
  uint32_t *queue_at = malloc(OBJECT_SLOTS * sizeof *queue_at); /* slot -> number in the table */
  int rc = queue_at ? 0 : -SBX_ENOMEM;
  for (uint32_t slot = 0; slot < OBJECT_SLOTS && queue_at; slot++)
    queue_at[slot] = UINT32_MAX;
  for (uint32_t i = 0; i < s->queue_count && queue_at; i++)
    queue_at[s->queues[i].slot] = i;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++) {
    if (s->processes[i].lives)
      rc = list_holdings(c, s, i, queue_at);
    if (rc == 0)
      rc = list_waiter(s, i);
  }
  free(queue_at);
  return rc;
}

/* -- what they hold -------------------------------------------------------------------------- */

/* A descriptor of a queue's pipe, by way of a process that has one; -1 if none can be asked. */
static int open_pipe(const struct control *c, const struct snapshot *s,
                     const struct snapshot_queue *q, struct proc_pipes *pipes) {
  uint64_t inode = c->queues[q->slot].pipe_inode;
  int fd = -1;
  if (inode == 0)
    return -1;
  for (uint32_t i = 0; i < q->holders.count && fd < 0; i++) {
    proc_pipes_of(pipes, (pid_t)s->processes[q->holders.list[i]].pid);
    fd = proc_pipes_open(pipes, inode);
  }
  pid_t supervisor = atomic_load(&c->supervisor_pid);
  if (fd < 0 && supervisor > 0) {
    proc_pipes_of(pipes, supervisor);
    fd = proc_pipes_open(pipes, inode);
  }
  return fd;
}

/* The state, as it is when no item is in the pipe; false if some may be. */
static bool look_without_pipe(const struct queue_record *r, struct queue_state *ret,
                              uint64_t *ret_bytes) {
  uint64_t writes = atomic_load(&r->put.pipe);
  if (writes != atomic_load(&r->get.pipe))
    return false;
  *ret = queue_look(r, -1, ret_bytes);
  return writes == atomic_load(&r->put.pipe); /* nothing was written meanwhile */
}

/* Returns whether the record is still this queue's, and may be used. */
static bool fill_queue(const struct control *c, const struct snapshot *s, struct snapshot_queue *q,
                       const uint64_t stored[OBJECT_WORDS], struct proc_pipes *pipes) {
  const struct queue_record *r = &c->queues[q->slot];
  struct queue_state state;
  q->exact = true;
  if (!look_without_pipe(r, &state, &q->bytes)) {
    int pipe = open_pipe(c, s, q, pipes);
    state = queue_look(r, pipe, &q->bytes);
    q->exact = pipe >= 0;
    if (pipe >= 0)
      close(pipe);
  }
  q->items = queue_len(&state);
  q->undone = queue_undone(&state);
  q->put = state.put;
  q->in_hand = queue_in_hand(&state);
  q->max = r->max;
  q->owner = r->owner_serial;
  q->closed = state.closed;
  q->transport = (enum queue_transport)r->transport;
  q->named = names_has(stored, q->slot);
  memcpy(q->name, r->name, sizeof q->name);
  q->name[sizeof q->name - 1] = '\0';
  return atomic_load(&c->object_stamp[q->slot]) == stamp_of(q->id, OBJECT_LIVE) &&
         (q->holders.count > 0 || q->named);
}

static void forget_queue(struct snapshot_queue *q) {
  free(q->readers.list);
  free(q->writers.list);
  free(q->holders.list);
}

int snapshot_queues(const struct control *c, struct snapshot *s,
                    const uint64_t stored[OBJECT_WORDS]) {
  struct proc_pipes pipes = {0};
  uint32_t kept = 0;
  int rc = list_queues(c, s);
  if (rc == 0)
    rc = list_people(c, s);
  for (uint32_t i = 0; i < s->queue_count && rc == 0; i++) {
    if (fill_queue(c, s, &s->queues[i], stored, &pipes))
      s->queues[kept++] = s->queues[i];
    else
      forget_queue(&s->queues[i]);
  }
  if (rc == 0)
    s->queue_count = kept;
  proc_pipes_release(&pipes);
  return rc;
}
