/* os/queue/queue_hold.c - making, holding, closing and dropping queues, and what one is told to be; see queue.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "os/queue/queue_internal.h"
#include "os/shared/broker.h"
#include "os/shared/hand.h"
#include "os/sync/sync.h"

static void close_fds(const int fds[QUEUE_FDS]) {
  for (int i = 0; i < QUEUE_FDS; i++)
    if (i != FD_LOG && fds[i] >= 0)
      close(fds[i]);
}

/* Everything but the log; -1 where the queue needs none. 0 or a code. */
static int open_fds(const struct queue_options *o, int fds[QUEUE_FDS]) {
  for (int i = 0; i < QUEUE_FDS; i++)
    fds[i] = -1;
  int *pipe_ends = &fds[FD_PIPE_READ];
  if (FAULT("queue.open"))
    return error_call("eventfd", EMFILE);
  fds[FD_GET_BELL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fds[FD_GET_BELL] < 0)
    return error_call("eventfd", errno);
  if (o->max && (fds[FD_PUT_BELL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
    return error_call("eventfd", errno);
  if (o->redeliver && (fds[FD_HANDS] = memfd_create("sandbox-hands", MFD_CLOEXEC)) < 0)
    return error_call("memfd_create", errno);
  if (o->transport == TRANSPORT_SHM)
    return 0;
  return pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) ? error_call("pipe2", errno) : 0;
}

/* The line of the joiners; a slot has one, whatever stands in it. */
static void line_clear(struct line *l) {
  atomic_store(&l->end, 0);
  atomic_store(&l->told, 0);
}

static uint64_t inode_of(int fd) {
  struct stat about;
  return fd < 0 || fstat(fd, &about) ? 0 : about.st_ino;
}

static void record_fill(struct queue_record *r, const struct queue_options *o,
                        const struct queue *q) {
  const struct log_ring *log = &q->log;
  memset(r, 0, sizeof *r);
  r->pipe_inode = inode_of(q->fds[FD_PIPE_READ]);
  r->transport = (uint32_t)o->transport;
  r->max = o->max;
  r->redeliver = o->redeliver;
  r->owner = o->owner;
  r->owner_serial = o->owner_serial;
  r->log_bytes = log->bytes;
  r->log_limit = log->limit;
  text_copy_name(r->name, sizeof r->name, o->name ? o->name : "");
}

static void link_queue(struct os_backend *b, struct queue *q) {
  q->refs = 1;
  q->forks = b->forks;
  q->next = b->queues;
  b->queues = q;
  control_object_hold(b->control, b->slot, q->slot);
}

static int create(struct os_backend *b, const struct queue_options *asked, struct queue **ret) {
  struct queue_options options = *asked;
  const struct queue_options *o = &options;
  if (queue_meets(options.max) || options.redeliver)
    options.transport = TRANSPORT_SHM; /* an item is withdrawn from the log, or stays there */
  struct control *c = b->control;
  struct queue *q = calloc(1, sizeof *q);
  if (!q)
    return -SBX_ENOMEM;
  int rc = open_fds(o, q->fds);
  if (rc == 0)
    rc = log_create(o->log_limit_bytes ? o->log_limit_bytes : c->log_limit, &q->log);
  if (rc == 0 && o->redeliver)
    rc = queue_hands_map(q, true);
  if (rc == 0)
    rc = sync_claim(b, &q->slot, &q->serial);
  if (rc)
    goto fail;
  struct queue_record *r = &c->queues[q->slot];
  record_fill(r, o, q);
  line_clear(&c->syncs[q->slot].line);
  line_clear(&c->syncs[q->slot].second);
  if ((rc = mutex_init(&r->put.mutex)) || (rc = mutex_init(&r->get.mutex))) {
    control_object_free(c, q->slot, q->serial);
    goto fail;
  }
  q->fds[FD_LOG] = q->log.fd;
  link_queue(b, q);
  control_object_live(c, q->slot, q->serial, OBJECT_QUEUE);
  *ret = q;
  return 0;
fail:
  queue_hands_unmap(q);
  close_fds(q->fds);
  log_close(&q->log);
  free(q);
  return rc;
}

int queue_create(struct os_backend *b, const struct queue_options *o, struct queue **ret) {
  int rc = create(b, o, ret);
  return rc && queue_drop_kept(b) > 0 ? create(b, o, ret) : rc;
}

int queue_adopt(struct os_backend *b, uint32_t slot, uint64_t serial, const int fds[QUEUE_FDS],
                struct queue **ret) {
  const struct queue_record *r = &b->control->queues[slot];
  struct queue *q = calloc(1, sizeof *q);
  if (!q)
    return -SBX_ENOMEM;
  int rc = log_open(fds[FD_LOG], r->log_bytes, r->log_limit, &q->log);
  if (rc) {
    free(q);
    return rc;
  }
  memcpy(q->fds, fds, sizeof q->fds);
  if (r->redeliver && (rc = queue_hands_map(q, false))) {
    log_unmap(&q->log);
    free(q);
    return rc;
  }
  q->slot = slot;
  q->serial = serial;
  link_queue(b, q);
  *ret = q;
  return 0;
}

struct queue *queue_find(struct os_backend *b, uint32_t slot, uint64_t serial) {
  for (struct queue *q = b->queues; q; q = q->next)
    if (q->slot == slot && q->serial == serial)
      return q;
  return NULL;
}

int queue_hold(struct os_backend *b, uint32_t slot, uint64_t serial, struct queue **ret) {
  const struct control *c = b->control;
  if (slot >= OBJECT_SLOTS)
    return -SBX_EDATA;
  struct queue *q = queue_find(b, slot, serial);
  if (q) {
    q->refs++;
    q->kept = false;
    *ret = q;
    return 0;
  }
  if (atomic_load(&c->object_stamp[slot]) != stamp_of(serial, OBJECT_LIVE) ||
      c->objects[slot].type != OBJECT_QUEUE)
    return -SBX_EGONE;
  const struct op op = {.kind = OP_NONE, .deadline_ns = SBX_FOREVER};
  return queue_import(b, &op, slot, serial, ret);
}

static void unlink_queue(struct os_backend *b, const struct queue *q) {
  struct queue **at = &b->queues;
  while (*at != q)
    at = &(*at)->next;
  *at = q->next;
}

/* Made after the last fork and never sent: nobody else can hold it, without a look at everybody. */
static bool is_private(const struct os_backend *b, const struct queue *q) {
  return q->forks == b->forks && !atomic_load(&b->control->queues[q->slot].exported);
}

/* Can no other process ever have it, nor this one by a message? */
static bool is_alone(const struct os_backend *b, const struct queue *q) {
  return is_private(b, q) ||
         (b->hands[q->slot] == 0 && control_object_alone(b->control, b->slot, q->slot));
}

enum { KEPT_MANY = 16 }; /* so often the process looks whether they are still of use */

/* No handle is left, but something is in hand. */
static void keep(struct os_backend *b, struct queue *q) {
  uint32_t count = 0;
  q->kept = true;
  for (const struct queue *k = b->queues; k; k = k->next)
    count += k->kept;
  if (count % KEPT_MANY == 0)
    queue_drop_kept(b);
}

void queue_drop(struct os_backend *b, struct queue *q) {
  struct control *c = b->control;
  if (--q->refs > 0)
    return;
  if (q->holder == b->serial && !is_alone(b, q)) {
    keep(b, q);
    return;
  }
  unlink_queue(b, q);
  hand_release(b, q->slot);
  if (is_private(b, q) || control_object_unused(c, q->slot))
    control_object_free(c, q->slot, q->serial);
  queue_hands_unmap(q);
  close_fds(q->fds);
  log_close(&q->log);
  free(q);
}

void queue_unmap_all(struct os_backend *b) {
  for (struct queue *q = b->queues; q; q = q->next)
    log_unmap(&q->log);
}

void queue_drop_laid_by(struct os_backend *b, struct queue *q) {
  uint32_t slot = q->slot;
  uint64_t serial = q->serial;
  q->refs = 1;
  q->kept = false;
  queue_drop(b, q);
  broker_notify(b, BROKER_RELEASE, slot, serial);
}

uint32_t queue_drop_kept(struct os_backend *b) {
  uint32_t dropped = 0;
  for (struct queue *q = b->queues, *next; q; q = next) {
    next = q->next;
    if (q->kept && is_alone(b, q)) {
      queue_drop_laid_by(b, q);
      dropped++;
    }
  }
  return dropped;
}

void queue_enter_child(struct os_backend *b) {
  for (struct queue *q = b->queues, *next; q; q = next) {
    next = q->next;
    q->forks = UINT32_MAX; /* others hold it, too */
    if (q->kept)
      queue_drop_laid_by(b, q); /* what is in hand is its parent's */
  }
}

int queue_close(struct os_backend *b, struct op *op) {
  struct queue *q = op->object->queue;
  struct queue_record *r = record_of(b, q);
  int rc = lock_put(b, r, op);
  if (rc)
    return rc;
  rc = lock_get(b, r, op);
  if (rc == 0) {
    ring_readers(q, r); /* for ever: a process that is about to sleep finds its op enabled (W2) */
    ring_writers(q, r);
    atomic_store(&r->closed, 1);
    side_touch(&r->put); /* for those that spin (W1) */
    if (q->hands)
      queue_hands_touch(b, q);
    else
      side_touch(&r->get);
    if (queue_meets(r->max))
      queue_met_tell(b, q);
    unlock_get(r);
  }
  unlock_put(r);
  return rc;
}

void queue_describe(struct os_backend *b, struct queue *q, struct queue_info *ret) {
  const struct queue_record *r = record_of(b, q);
  struct queue_state s = queue_now(b, q);
  ret->id = q->serial;
  ret->len = queue_len(&s);
  ret->redeliver = s.redeliver;
  ret->in_hand = queue_in_hand(&s);
  ret->max = r->max;
  ret->transport = (enum queue_transport)r->transport;
  ret->closed = s.closed;
  if (queue_meets(ret->max))
    ret->len = 0; /* what is on offer is still its putter's */
  if (ret->max && ret->len > ret->max && !s.redeliver)
    ret->len = ret->max; /* seen while an item was on its way */
  memcpy(ret->name, r->name, sizeof ret->name);
}
