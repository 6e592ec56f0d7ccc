/*
 * net/transfer.c - PUT and GET of queues with room, one or a run of them, by a script of the engine (net/scripts.h): one
 * round trip, whatever others do; of queues with redeliver also TASK_DONE, alone or before GETs. Other ops of queues are
 * in queue.c.
 */
#include <stdlib.h>

#include "net/internal.h"
#include "object/queue.h"

static_assert(sizeof(struct queue_state) == 7 * sizeof(uint64_t), "the scripts know the words");

enum { KIND_BYTES = 2 };

static void kind_bytes(enum op_kind kind, uint8_t ret[KIND_BYTES]) {
  ret[0] = (uint8_t)(kind >> 8);
  ret[1] = (uint8_t)kind;
}

/* PUTs into a queue, or GETs from it, in one step of the engine: as many as can be done. */
struct transfer {
  struct net *n;
  struct net_object *o;
  struct op *ops;
  uint32_t count, done;
  uint32_t gives;           /* with redeliver: 1 if the first is a TASK_DONE */
  struct buf packed;        /* of PUTs: the items, one behind the other */
  struct engine_arg *items; /* owned; where each is in `packed` */
};

static void transfer_release(struct transfer *t) {
  buf_release(&t->packed);
  free(t->items);
}

static int transfer_begin(struct transfer *t) {
  if (t->ops->kind != OP_QUEUE_PUT)
    return 0;
  if (!(t->items = calloc(t->count, sizeof *t->items)))
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < t->count; i++) {
    size_t before = t->packed.len;
    const struct op_refs *refs = t->ops[i].refs;
    int rc = refs ? net_check_refs(t->n, refs->sent, refs->count) : 0;
    if (rc == 0)
      rc = stored_pack_op(&t->packed, &t->ops[i]);
    if (rc && i == 0)
      return rc;
    if (rc) { /* the run ends before it: when it is the first, its error is told */
      t->count = i;
      break;
    }
    t->items[i].len = t->packed.len - before;
  }
  size_t at = 0;
  for (uint32_t i = 0; i < t->count; at += t->items[i++].len)
    t->items[i].data = t->packed.data + at;
  return 0;
}

static bool redelivers(const struct net_object *o) {
  return ((const struct queue_state *)o->seen.words)->redeliver;
}

/* How the engine is to go about it: `how` as script_put has it. */
static int run_script(const struct transfer *t, const char *how, struct engine_reply **ret) {
  static const int kinds[] = {OP_QUEUE_PUT, OP_QUEUE_GET, OP_PIPE_SEND, PLACE_HAND, OP_QUEUE_JOIN};
  enum { KINDS = sizeof kinds / sizeof *kinds, JOIN = KINDS - 1 };
  uint8_t kind[KINDS][KIND_BYTES];
  uint8_t flags = t->ops->deadline_ns == SBX_FOREVER ? PLACE_PATIENT : 0;
  bool puts = t->ops->kind == OP_QUEUE_PUT, takes = !puts && redelivers(t->o);
  struct net_args a;
  char many[16];
  args_begin(&a);
  args_text(&a, how);
  args_add(&a, &flags, 1);
  for (int i = 0; i < KINDS; i++) {
    kind_bytes((enum op_kind)kinds[i], kind[i]);
    if (i < JOIN || takes)
      args_add(&a, kind[i], KIND_BYTES);
  }
  for (uint32_t i = 0; puts && i < t->count; i++)
    args_add(&a, t->items[i].data, t->items[i].len);
  if (takes)
    args_text(&a, t->gives == 0 ? "0" : t->ops->number == QUEUE_DONE_ALL ? "all" : "1");
  if (!puts)
    args_add(&a, many, (size_t)snprintf(many, sizeof many, "%u", t->count - t->gives));
  if (takes)
    args_text(&a, t->count > t->gives && t->ops[t->gives].number == QUEUE_GET_MORE ? "1" : "");
  int rc = net_once(t->n, puts ? &script_put : takes ? &script_take : &script_get, t->o, &a, ret);
  args_release(&a);
  return rc;
}

/* An item that was taken, for its op. */
static int take(struct op *op, const struct engine_reply *item) {
  struct stored m;
  int rc = stored_read(item, &m);
  if (rc)
    return rc;
  op->len = m.len;
  op->count = op->refs && op->refs->taken ? m.count * sizeof(struct object_ref) : 0;
  return stored_take(&m, op->out, op->refs ? op->refs->taken : NULL);
}

/* It is done, of a queue with redeliver: what an answer of OK says of what was given up and got. */
static int finish_taking(struct transfer *t, const struct engine_reply *r) {
  enum { FIRST = 3, EACH = 3 };
  size_t many = (engine_count(r) - FIRST) / EACH;
  if (engine_count(r) < FIRST || many > t->count - t->gives || many + t->gives == 0)
    return -SBX_ENOOBJECT;
  t->o->in_hand = engine_integer(engine_at(r, 2)) > 0;
  t->done = t->gives;
  for (size_t at = FIRST; many-- > 0; at += EACH, t->done++) {
    struct op *op = &t->ops[t->done];
    op->item = (uint64_t)engine_integer(engine_at(r, at));
    op->abandoned = engine_integer(engine_at(r, at + 1)) != 0;
    int rc = take(op, engine_at(r, at + 2));
    if (rc)
      return t->done ? 0 : rc;
  }
  return 0;
}

/* It is done: what an answer of OK says. */
static int finish(struct transfer *t, const struct engine_reply *r) {
  bool puts = t->ops->kind == OP_QUEUE_PUT;
  if (!puts && redelivers(t->o))
    return finish_taking(t, r);
  int64_t many = puts ? engine_integer(engine_at(r, 2)) : (int64_t)engine_count(r) - 3;
  if (many < 1 || many > t->count)
    return -SBX_ENOOBJECT;
  uint64_t first = (uint64_t)engine_integer(engine_at(r, puts ? 3 : 2));
  if (puts)
    first -= (uint64_t)many - 1;
  for (t->done = 0; t->done < (uint32_t)many; t->done++) {
    struct op *op = &t->ops[t->done];
    op->count = 0;
    op->item = first + t->done;
    int rc = puts ? 0 : take(op, engine_at(r, 3 + t->done));
    if (rc)
      return t->done ? 0 : rc;
  }
  return 0;
}

/* One look: 0 or a code, CALL_WAITS. */
static int look_at(struct transfer *t, const char *how) {
  struct engine_reply *r = NULL;
  bool had = t->o->in_hand;
  int rc;
  if (t->ops->kind != OP_QUEUE_PUT && redelivers(t->o))
    t->o->in_hand = true; /* also if the answer is lost */
  do {
    engine_free(r);
    rc = run_script(t, how, &r);
  } while (rc == WORD_OLD);
  if (rc > WORD_OK)
    t->o->in_hand = had;
  if (rc == WORD_OK)
    rc = finish(t, r);
  else if (rc == WORD_CLOSED)
    rc = -SBX_ECLOSED;
  else if (rc == WORD_CROWD)
    rc = -SBX_ECROWD;
  else if (rc == WORD_SLOW)
    rc = -SBX_ENOOBJECT;
  else if (rc > 0)
    rc = CALL_WAITS;
  engine_free(r);
  return rc;
}

/*
 * A process that does nothing but take from one queue, or put into it, lets some items or room gather before it
 * stands in line: else the other side wakes it for each of them, which takes both longer than the op itself. Where
 * that was in vain it is tried less often.
 */
enum { LINGER_NS = 100000, SKIP_MOST = 63 };

static bool may_linger(struct transfer *t) {
  struct net_stream *s = &t->n->stream;
  if (s->of != t->o || s->kind != t->ops->kind || call_is_over(t->ops->deadline_ns))
    return false;
  if (s->skip > 0) {
    s->skip--;
    return false;
  }
  return true;
}

/* 0, CALL_WAITS or a code. */
static int linger(struct transfer *t) {
  struct net_stream *s = &t->n->stream;
  int rc = look_at(t, "");
  if (rc != CALL_WAITS)
    return rc;
  rc = t->n->below->sleep(t->n->below->ctx, t->ops, NULL, 0, clock_now_ns() + LINGER_NS);
  if (rc && rc != -SBX_ETIMEDOUT)
    return rc;
  rc = look_at(t, "");
  s->failed = rc == CALL_WAITS ? 2 * s->failed + 1 : 0;
  if (s->failed > SKIP_MOST)
    s->failed = SKIP_MOST;
  s->skip = s->failed;
  return rc;
}

static int finish_by_bells(struct transfer *t) {
  struct op *op = t->ops;
  const char *how = call_is_over(op->deadline_ns) ? "" : "j";
  for (unsigned looks = 0;; looks++) {
    int rc = *how == 'j' ? bell_listen(t->n) : 0;
    if (rc == 0)
      rc = look_at(t, how);
    if (rc != CALL_WAITS)
      return rc;
    if (*how != 'j')
      return -SBX_ETIMEDOUT;
    rc = bell_sleep(t->n, op, looks);
    how = rc == -SBX_ETIMEDOUT || call_is_over(op->deadline_ns) ? "l" : "j";
    if (rc && rc != -SBX_ETIMEDOUT) {
      int last = look_at(t, "l"); /* out of the line; perhaps with an item */
      return last == CALL_WAITS ? rc : last;
    }
  }
}

static int put_or_get(struct transfer *t) {
  int rc = may_linger(t) ? linger(t) : CALL_WAITS;
  return rc == CALL_WAITS ? finish_by_bells(t) : rc;
}

/* What is in hand is given up, and then as much is got as is there. */
static int give_up_and_get(struct transfer *t) {
  int rc = look_at(t, "");
  if (rc == CALL_WAITS || rc == -SBX_ECLOSED) { /* the GETs alone will tell */
    t->done = t->gives;
    rc = 0;
  }
  return rc;
}

int net_transfer(struct net *n, struct net_object *o, struct op *ops, uint32_t count,
                 const enum call_look *how, uint32_t *ret_done) {
  struct transfer t = {
      .n = n, .o = o, .ops = ops, .count = count, .gives = ops->kind == OP_QUEUE_TASK_DONE};
  int rc = transfer_begin(&t);
  if (rc == 0)
    rc = t.gives ? give_up_and_get(&t)
         : how   ? look_at(&t, *how == CALL_WAIT ? "j" : "")
                 : put_or_get(&t);
  if (!how && (rc || t.done > t.gives)) { /* a get that follows may linger yet */
    n->stream.of = rc ? NULL : o;
    n->stream.kind = t.gives ? OP_QUEUE_GET : ops->kind;
  }
  *ret_done = t.done;
  transfer_release(&t);
  return rc;
}
