/* os/queue/pipe.c - see pipe.h. */
#include "os/queue/pipe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/pidfd.h"
#include "object/pipe.h"
#include "os/queue/queue.h"
#include "os/shared/broker.h"
#include "os/shared/names.h"
#include "os/sync/sync.h"

/* Before it looks for holders, a receiver waits for the queue alone, which may pay to do awake. */
enum { AWAKE_NS = 50 * 1000 };

static uint64_t *words_of(const struct os_backend *b, const struct object *end) {
  return b->control->syncs[end->slot].state[0];
}

/* -- making and holding ----------------------------------------------------------------------- */

static int create_end(struct os_backend *b, const char *name, struct object *end) {
  struct sync_options o = {.type = OBJECT_PIPE, .name = name};
  end->type = OBJECT_PIPE;
  return sync_create(b, &o, &end->slot, &end->serial);
}

static void connect_end(struct os_backend *b, struct object *end, const struct object *peer,
                        struct queue *in, struct queue *out) {
  uint64_t *words = words_of(b, end);
  words[END_IN] = in->slot;
  words[END_IN_SERIAL] = in->serial;
  words[END_OUT] = out->slot;
  words[END_OUT_SERIAL] = out->serial;
  words[END_PEER] = peer->slot;
  words[END_PEER_SERIAL] = peer->serial;
  b->control->queues[in->slot].reader = end->slot;
  atomic_store(&b->control->queues[in->slot].reader_serial, end->serial);
  end->queue = in;
  end->out = out;
}

int pipe_create(struct os_backend *b, const char *name, struct object *a, struct object *b_end) {
  struct queue_options o = {.name = name};
  struct queue *to_a = NULL, *to_b = NULL;
  int rc = queue_create(b, &o, &to_a);
  if (rc == 0)
    rc = queue_create(b, &o, &to_b);
  if (rc == 0)
    rc = create_end(b, name, a);
  if (rc)
    goto fail;
  if ((rc = create_end(b, name, b_end))) {
    sync_drop(b, a->slot, a->serial);
    goto fail;
  }
  to_a->refs++;
  to_b->refs++;
  connect_end(b, a, b_end, to_a, to_b);
  connect_end(b, b_end, a, to_b, to_a);
  return 0;
fail:
  if (to_b)
    queue_drop(b, to_b);
  if (to_a)
    queue_drop(b, to_a);
  return rc;
}

int pipe_import(struct os_backend *b, const struct object_ref *ref, struct object *end) {
  int rc = sync_import(b, ref);
  if (rc)
    return rc;
  const uint64_t *words = b->control->syncs[ref->slot].state[0];
  rc = queue_hold(b, (uint32_t)words[END_IN], words[END_IN_SERIAL], &end->queue);
  if (rc == 0 && (rc = queue_hold(b, (uint32_t)words[END_OUT], words[END_OUT_SERIAL], &end->out)))
    queue_drop(b, end->queue);
  if (rc)
    sync_drop(b, ref->slot, ref->serial);
  return rc;
}

static void drop_queue(struct os_backend *b, struct queue *q) {
  bool exported = atomic_load(&b->control->queues[q->slot].exported);
  uint32_t slot = q->slot;
  uint64_t serial = q->serial;
  queue_drop(b, q);
  if (exported)
    broker_notify(b, BROKER_RELEASE, slot, serial);
}

/*
 * The processes that may receive from a dropped end look which holders are left. Each gets a signal:
 * of several that sleep on the queue's bell, one could silence it for the others and wait on.
 */
static void tell_receivers(const struct os_backend *b, uint32_t peer) {
  const struct control *c = b->control;
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    pid_t pid = atomic_load(&c->processes[i].pid);
    if (i != b->slot && (atomic_load(&c->held[i][peer / 64]) >> (peer % 64) & 1) &&
        control_process_alive(c, i) && pid > 0)
      kill(pid, WAKE_SIGNAL);
  }
}

void pipe_drop(struct os_backend *b, struct object *end) {
  uint32_t peer = (uint32_t)words_of(b, end)[END_PEER];
  sync_drop(b, end->slot, end->serial);
  tell_receivers(b, peer);
  drop_queue(b, end->queue);
  drop_queue(b, end->out);
}

/* -- the other end ---------------------------------------------------------------------------- */

/*
 * Watch the process with this slot, a holder of the other end: add its pidfd to `w`, if there is
 * one. False if it is dead.
 */
static bool watch_holder(const struct control *c, uint32_t slot, struct wait_set *w) {
  struct pollfd end = {.fd = pidfd_open_of(c->processes[slot].pid), .events = POLLIN};
  if (end.fd < 0 && errno == ESRCH)
    return false;
  if (end.fd < 0) { /* it is just being made; or there is no descriptor left */
    if (w)
      wait_set_slice(w);
    return true;
  }
  bool dead = poll(&end, 1, 0) > 0;
  if (w && !dead)
    wait_set_add(w, end.fd, true);
  else
    close(end.fd);
  return !dead;
}

/* Is there a process that could still send? `w`, if it is not NULL, wakes when that may have changed.
 */
static bool peer_is_there(struct os_backend *b, const struct object *end, struct wait_set *w) {
  const struct control *c = b->control;
  const uint64_t *words = words_of(b, end);
  uint32_t peer = (uint32_t)words[END_PEER];
  uint64_t bit = UINT64_C(1) << (peer % 64);
  if (atomic_load(&c->object_stamp[peer]) != stamp_of(words[END_PEER_SERIAL], OBJECT_LIVE))
    return false;
  struct names_moment before = names_moment(b->control);
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    unsigned phase = stamp_phase(atomic_load(&c->process_stamp[i]));
    if (i != b->slot && (atomic_load(&c->held[i][peer / 64]) & bit) &&
        (phase == PHASE_CLAIMED || phase == PHASE_RUNNING) && watch_holder(c, i, w))
      return true;
  }
  if (sync_is_private(b, peer))
    return true;
  if (!names_stored(b->control, peer, before))
    return false;
  if (w)
    wait_set_slice(w);
  return true;
}

static bool may_receive(const struct control *c, uint32_t process, uint32_t peer) {
  unsigned phase = stamp_phase(atomic_load(&c->process_stamp[process]));
  return (atomic_load(&c->held[process][peer / 64]) >> (peer % 64) & 1) &&
         (phase == PHASE_CLAIMED || phase == PHASE_RUNNING);
}

/* Could anybody still receive what is sent from this end, this process included? */
static bool anybody_receives(struct os_backend *b, struct object *end) {
  const struct control *c = b->control;
  const uint64_t *words = words_of(b, end);
  uint32_t peer = (uint32_t)words[END_PEER];
  if (atomic_load(&c->object_stamp[peer]) != stamp_of(words[END_PEER_SERIAL], OBJECT_LIVE))
    return false;
  if (may_receive(c, end->peer_at, peer))
    return true;
  struct names_moment before = names_moment(b->control);
  for (uint32_t i = 0; i < control_process_end(c); i++)
    if (may_receive(c, i, peer)) {
      end->peer_at = i;
      return true;
    }
  return names_stored(b->control, peer, before);
}

/* -- ops -------------------------------------------------------------------------------------- */

/* The op as one of a queue; `as` must outlive it. */
static struct op queue_op(const struct op *op, enum op_kind kind, struct queue *q,
                          struct object *as) {
  struct op ret = *op;
  *as = (struct object){.type = OBJECT_QUEUE, .slot = q->slot, .serial = q->serial, .queue = q};
  ret.kind = kind;
  ret.object = as;
  return ret;
}

int pipe_send(struct os_backend *b, struct op *op) {
  struct object as;
  struct op put = queue_op(op, OP_QUEUE_PUT, op->object->out, &as);
  struct queue_state in = {0};
  struct queue_state out = {.closed = atomic_load(&b->control->queues[as.slot].closed)};
  int rc = pipe_apply(OP_PIPE_SEND, &in, &out, out.closed || anybody_receives(b, op->object));
  rc = rc ? rc : queue_put(b, &put);
  op->item = put.item;
  return rc;
}

/* Take, or look, until `deadline_ns`. `get` is the op as one of the queue. */
static int attempt(struct os_backend *b, struct op *op, const struct op *get, int64_t deadline_ns) {
  struct op once = *get;
  once.deadline_ns = deadline_ns;
  if (op->kind == OP_PIPE_RECV) {
    int rc = queue_get(b, &once);
    op->item = once.item;
    return rc;
  }
  struct queue_info info;
  queue_describe(b, once.object->queue, &info);
  struct queue_state in = {.put = info.len, .closed = info.closed}, out = {0};
  return pipe_enabled(op->kind, &in, true) ? pipe_apply(op->kind, &in, &out, true) : -SBX_ETIMEDOUT;
}

/* Nothing is there. If nobody is left who could send, all that was sent is there by now: look once
 * more, and then it is as good as closed. */
static int look_for_peer(struct os_backend *b, struct op *op, const struct op *get,
                         struct wait_set *w) {
  struct queue_state in = {0}, out = {0};
  if (!pipe_enabled(op->kind, &in, peer_is_there(b, op->object, w)))
    return -SBX_ETIMEDOUT;
  int rc = attempt(b, op, get, 0);
  return rc == -SBX_ETIMEDOUT ? pipe_apply(op->kind, &in, &out, true) : rc;
}

static int wait_for_value(struct os_backend *b, struct op *op, struct op *get) {
  int rc = 0;
  for (;;) {
    struct wait_set w;
    wait_set_init(&w, op->deadline_ns);
    int seen = attempt(b, op, get, 0);
    if (seen == -SBX_ETIMEDOUT)
      seen = look_for_peer(b, op, get, &w);
    if (seen == -SBX_ETIMEDOUT && rc == 0 && !deadline_passed(op->deadline_ns)) {
      rc = queue_arm(b, get, &w);
      if (rc == 0)
        rc = wait_set_sleep(b, op, &w);
      if (rc == 0 || rc == -SBX_ETIMEDOUT) /* at the deadline, one more look */
        continue;
      seen = rc;
    }
    wait_set_release(&w);
    return seen;
  }
}

int pipe_recv(struct os_backend *b, struct op *op) {
  struct object as;
  struct op get = queue_op(op, OP_QUEUE_GET, op->object->queue, &as);
  int64_t awake_until = clock_now_ns() + AWAKE_NS;
  if (op->deadline_ns < awake_until)
    return wait_for_value(b, op, &get);
  int rc = attempt(b, op, &get, awake_until);
  return rc == -SBX_ETIMEDOUT ? wait_for_value(b, op, &get) : rc;
}

int pipe_try_recv(struct os_backend *b, struct op *op) {
  struct object as;
  struct op get = queue_op(op, OP_QUEUE_GET, op->object->queue, &as);
  int rc = attempt(b, op, &get, 0);
  return rc == -SBX_ETIMEDOUT ? look_for_peer(b, op, &get, NULL) : rc;
}

int pipe_arm(struct os_backend *b, struct op *op, struct wait_set *w) {
  struct object as;
  struct op get = queue_op(op, OP_QUEUE_GET, op->object->queue, &as);
  if (!peer_is_there(b, op->object, w))
    wait_set_until(w, 0);
  return queue_arm(b, &get, w);
}

int pipe_close(struct os_backend *b, struct op *op) {
  struct object as;
  struct op in = queue_op(op, OP_QUEUE_CLOSE, op->object->queue, &as);
  int rc = queue_close(b, &in);
  if (rc)
    return rc;
  struct op out = queue_op(op, OP_QUEUE_CLOSE, op->object->out, &as);
  return queue_close(b, &out);
}

void pipe_describe(struct os_backend *b, const struct object *end, struct queue_info *ret) {
  queue_describe(b, end->queue, ret);
  ret->id = end->serial;
}
