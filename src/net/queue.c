/*
 * net/queue.c - queues in the engine. PUT and GET, and TASK_DONE with redeliver, are in transfer.c; what else there is,
 * and all of a queue without room, is decided by the machine (object/queue.h), by compare and commit.
 */
#include "object/queue.h"

#include <stdlib.h>

#include "base/text.h"
#include "net/internal.h"

static struct queue_state *words_of(struct net_state *s) { return (struct queue_state *)s->words; }

struct queue_state net_queue_words(const struct net_state *s) {
  struct queue_state q = *(const struct queue_state *)s->words;
  if (!q.redeliver)
    return q;
  q.got = q.done;
  for (uint32_t i = 0; i < s->line_count; i++)
    q.got += s->line[i].kind == PLACE_HAND && s->line[i].who;
  return q;
}

int net_queue_new(struct net *n, struct op *op) {
  const struct queue_options *o = op->new_queue;
  struct net_state s = {.type = OBJECT_QUEUE, .generation = 1};
  if (o->name)
    text_copy_name(s.name, sizeof s.name, o->name);
  words_of(&s)->max = o->max;
  words_of(&s)->redeliver = o->redeliver;
  return net_create(n, &s, op);
}

int net_queue_look(struct net *n, struct op *op) {
  struct net_object *o = net_object_of(n, op->object);
  int rc = o ? net_look(n, o, NULL, NULL) : -SBX_ENOMEM;
  if (rc)
    return rc;
  const struct queue_state s = net_queue_words(&o->seen);
  *op->queue_info = (struct queue_info){.id = o->id,
                                        .len = queue_meets(s.max) ? 0 : queue_len(&s),
                                        .max = s.max,
                                        .transport = TRANSPORT_SHM,
                                        .closed = s.closed,
                                        .redeliver = s.redeliver,
                                        .in_hand = queue_in_hand(&s)};
  memcpy(op->queue_info->name, o->seen.name, sizeof o->seen.name);
  return 0;
}

/* Nothing is ever lent here. */
int net_queue_take(struct net *n, struct op *op) {
  (void)n;
  (void)op;
  return -SBX_EAGAIN;
}

/* The object of an op. How much room it has, and redeliver, never change. */
static int find(struct net *n, const struct op *op, struct net_object **ret) {
  *ret = net_object_of(n, op->object);
  if (!*ret)
    return -SBX_ENOMEM;
  return (*ret)->seen.type == OBJECT_NONE ? net_see(n, *ret) : 0;
}

static int tell_many(const struct engine_reply *list, const struct queue_hands *h, int many,
                     struct op *op) {
  struct stored m;
  int rc = 0;
  for (size_t i = 0; i < engine_count(list) && many > 0 && rc == 0; i++) {
    if (i < h->count && h->list[i].who)
      continue;
    many--;
    if ((rc = stored_read(engine_at(list, i), &m)))
      break;
    uint64_t len = m.len;
    if (op->number > 0)
      rc = buf_append(op->out, &len, sizeof len);
    if (rc == 0)
      rc = stored_take(&m, op->out, op->refs ? op->refs->taken : NULL);
  }
  return rc;
}

int net_queue_peek(struct net *n, struct op *op) {
  struct queue_hand list[HANDS_MOST];
  struct queue_hands hands = {.list = list};
  struct engine_reply *r = NULL;
  struct net_object *o;
  struct net_args a;
  char last[16];
  int rc = find(n, op, &o), many = op->number > 0 ? op->number : 1;
  if (rc)
    return rc;
  int64_t read = (int64_t)many + (words_of(&o->seen)->redeliver ? HANDS_MOST : 0);
  args_begin(&a);
  args_command(&a, 3);
  args_text(&a, "LRANGE");
  args_text(&a, "0");
  args_add(&a, last, (size_t)snprintf(last, sizeof last, "%lld", (long long)read - 1));
  rc = net_look(n, o, &a, &r);
  args_release(&a);
  if (rc)
    return rc;
  struct queue_state s = net_queue_words(&o->seen);
  state_get_hands(&o->seen, &hands);
  rc = queue_apply(&s, OP_QUEUE_PEEK);
  if (rc == 0)
    rc = tell_many(engine_at(r, LOOK_ANSWERS), &hands, many, op);
  engine_free(r);
  return rc;
}

/* -- by the machine ------------------------------------------------------------------------------ */

/* `number`: as of the op; of one in line 1 if it is brief. */
static struct queue_ask ask_of(struct net *n, const struct net_state *s, const struct net_place *p,
                               int number) {
  struct queue_ask ask = {.kind = (enum op_kind)p->kind, .number = number, .who = p->who};
  for (uint32_t i = 0; i < s->line_count; i++)
    ask.readers += s->line[i].kind == OP_QUEUE_GET && s->line[i].who != p->who &&
                   !net_is_dead(n, s->line[i].who);
  return ask;
}

static bool enabled(struct net *n, struct net_state *s, const struct net_place *p, int number) {
  const struct queue_ask ask = ask_of(n, s, p, number);
  return queue_ask_enabled(words_of(s), &ask);
}

bool net_queue_could(struct net *n, struct net_state *s, const struct net_place *place) {
  return enabled(n, s, place, place->flags & PLACE_BRIEF ? 1 : 0);
}

/* Those in line that could go on. */
static uint32_t bells_of(struct net *n, struct net_state *s, uint64_t *bells) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < s->line_count; i++) {
    const struct net_place *p = &s->line[i];
    bool has = p->kind == PLACE_HAND || p->who == n->who || net_is_dead(n, p->who) ||
               !net_queue_could(n, s, p);
    for (uint32_t k = 0; k < count && !has; k++)
      has = bells[k] == p->who;
    if (!has)
      bells[count++] = p->who;
  }
  return count;
}

/* A change of the queue that is done at once, or is left to be tried again. */
struct change {
  struct net *n;
  struct net_object *o;
  struct op *op;
  struct net_state next;
  struct net_args commands;
  struct buf item;
  bool fresh; /* as net_call.fresh */
};

static int commit(struct change *c, struct engine_reply **ret) {
  uint64_t *bells = malloc((c->next.line_count + 1) * sizeof *bells);
  if (!bells)
    return -SBX_ENOMEM;
  uint32_t count = bells_of(c->n, &c->next, bells);
  int rc = net_commit(c->n, c->o, &c->next, &c->commands, bells, count, ret);
  free(bells);
  return rc;
}

static void command(struct change *c, const char *what, const struct buf *with) {
  args_command(&c->commands, with ? 2 : 1);
  args_text(&c->commands, what);
  if (with)
    args_add(&c->commands, with->data, with->len);
}

/* The machine has said yes: its words are in c->next, what becomes of the items in the commands. */
static int apply(struct change *c) {
  struct op *op = c->op;
  struct queue_state *s = words_of(&c->next);
  const struct net_place me = {.who = c->n->who, .kind = (uint16_t)op->kind};
  const struct queue_ask ask = ask_of(c->n, &c->next, &me, op->number);
  int rc = queue_ask_apply(s, &ask);
  state_leave(&c->next, c->n->who, op->kind);
  if (op->kind == OP_QUEUE_PUT && rc == 0)
    command(c, "RPUSH", &c->item);
  if ((op->kind == OP_QUEUE_GET && rc == 0) || (op->kind == OP_QUEUE_MEET && rc))
    command(c, "LPOP", NULL);
  return rc;
}

static int taken(struct change *c, const struct engine_reply *r) {
  struct stored m;
  const struct queue_state *s = words_of(&c->next);
  c->op->item = c->op->kind == OP_QUEUE_PUT ? s->put : s->got;
  if (c->op->kind == OP_QUEUE_PUT)
    c->op->count = queue_meets(s->max);
  if (c->op->kind != OP_QUEUE_GET)
    return 0;
  int rc = stored_read(engine_at(r, COMMIT_ANSWERS), &m);
  return rc ? rc : stored_take(&m, c->op->out, c->op->refs ? c->op->refs->taken : NULL);
}

static bool is_stale(struct change *c) {
  if (c->fresh)
    return false;
  c->o->seen_epoch = 0;
  return true;
}

/* As call_look. */
static int look_once(struct change *c, enum call_look how) {
  struct net *n = c->n;
  struct engine_reply *r = NULL;
  bool brief = c->op->number == 1;
  bool had = c->o->seen_epoch && c->o->seen_epoch == engine_epoch(n->engine);
  c->fresh |= !had;
  int rc = net_see(n, c->o);
  if (rc == 0)
    rc = state_copy(&c->next, &c->o->seen);
  if (rc)
    return rc;
  const struct net_place me = {.who = n->who, .kind = (uint16_t)c->op->kind};
  *words_of(&c->next) = net_queue_words(&c->next);
  const struct queue_ask ask = ask_of(n, &c->next, &me, c->op->number);
  bool stands = state_place(&c->next, me.who, c->op->kind);
  bool can = queue_ask_enabled(words_of(&c->next), &ask) ||
             (c->op->kind == OP_QUEUE_MEET && how == CALL_LAST);
  args_release(&c->commands);
  if (can) {
    int result = apply(c);
    const struct queue_state was = net_queue_words(&c->o->seen);
    bool same = memcmp(words_of(&c->next), &was, sizeof was) == 0 && !stands;
    if (same && is_stale(c))
      return SYNC_SAME;
    rc = same ? WORD_OK : commit(c, &r);
    if (rc == WORD_OK)
      rc = result ? result : taken(c, r);
    else if (rc == WORD_OLD)
      rc = SYNC_SAME;
    engine_free(r);
    return rc;
  }
  bool idle = how == CALL_POLL || (how == CALL_LAST && !stands);
  if (idle && is_stale(c))
    return SYNC_SAME;
  if (idle)
    return how == CALL_LAST ? -SBX_ETIMEDOUT : CALL_WAITS;
  if (how == CALL_WAIT && stands)
    return CALL_WAITS;
  if (how == CALL_LAST)
    state_leave(&c->next, me.who, c->op->kind);
  else if ((rc = bell_listen(n)))
    return rc;
  else if (!state_join(&c->next, me.who, c->op->kind, c->op->deadline_ns == SBX_FOREVER, 0))
    return -SBX_ECROWD;
  struct net_place *place = state_place(&c->next, me.who, c->op->kind);
  if (place && brief)
    place->flags |= PLACE_BRIEF;
  rc = commit(c, NULL);
  return rc == WORD_OLD ? SYNC_SAME : rc < 0 ? rc : how == CALL_LAST ? -SBX_ETIMEDOUT : CALL_WAITS;
}

static int change_look(struct change *c, enum call_look how) {
  int rc;
  do
    rc = look_once(c, how);
  while (rc == SYNC_SAME);
  return rc;
}

static int change_finish(struct change *c) {
  for (unsigned looks = 0;; looks++) {
    int rc = change_look(c, call_is_over(c->op->deadline_ns) ? CALL_LAST : CALL_WAIT);
    if (rc != CALL_WAITS)
      return rc;
    rc = bell_sleep(c->n, c->op, looks);
    c->fresh = false;
    if (rc && rc != -SBX_ETIMEDOUT) {
      int last = change_look(c, CALL_LAST);
      return last == -SBX_ETIMEDOUT ? rc : last;
    }
  }
}

/* -- ops ---------------------------------------------------------------------------------------- */

static bool by_script(const struct net_object *o, enum op_kind kind) {
  const struct queue_state *s = (const struct queue_state *)o->seen.words;
  return ((kind == OP_QUEUE_PUT || kind == OP_QUEUE_GET) && !queue_meets(s->max)) ||
         (kind == OP_QUEUE_TASK_DONE && s->redeliver);
}

/* All that the process has in hand, and that is nothing? */
static bool gives_up_nothing(const struct net_object *o, const struct op *op) {
  return op->kind == OP_QUEUE_TASK_DONE && op->number == QUEUE_DONE_ALL && !o->in_hand;
}

/* Into the line, or out of it, and nothing else. */
static int change_place(struct net *n, struct net_object *o, struct op *op, bool joins) {
  struct change c = {.n = n, .op = op, .o = o};
  int rc;
  args_begin(&c.commands);
  do {
    rc = net_see(n, o);
    if (rc == 0)
      rc = state_copy(&c.next, &o->seen);
    bool stands = state_place(&c.next, n->who, op->kind);
    if (rc || stands == joins)
      break;
    if (!joins)
      state_leave(&c.next, n->who, op->kind);
    else if (!state_join(&c.next, n->who, op->kind, op->deadline_ns == SBX_FOREVER, 0))
      rc = -SBX_ECROWD;
    if (rc == 0)
      rc = commit(&c, NULL);
  } while (rc == WORD_OLD);
  state_release(&c.next);
  args_release(&c.commands);
  return rc < 0 ? rc : 0;
}

int net_queue_stand(struct net *n, struct net_object *o, struct op *op) {
  return change_place(n, o, op, true);
}

int net_queue_leave_line(struct net *n, struct net_object *o, struct op *op) {
  int rc = change_place(n, o, op, false);
  return rc ? rc : -SBX_ETIMEDOUT;
}

/* By the machine. `how`: as below. */
static int carry_out(struct net *n, struct net_object *o, struct op *op,
                     const enum call_look *how) {
  struct change c = {.n = n, .op = op, .o = o};
  const struct op_refs *refs = op->kind == OP_QUEUE_PUT ? op->refs : NULL;
  int rc = refs ? net_check_refs(n, refs->sent, refs->count) : 0;
  args_begin(&c.commands);
  if (rc == 0 && op->kind == OP_QUEUE_PUT)
    rc = stored_pack_op(&c.item, op);
  if (rc == 0)
    rc = how ? change_look(&c, *how) : change_finish(&c);
  state_release(&c.next);
  args_release(&c.commands);
  buf_release(&c.item);
  return rc;
}

int net_queue_by_machine(struct net *n, struct net_object *o, struct op *op) {
  return carry_out(n, o, op, NULL);
}

/* Ends of pipes in items that no script carries (net/pipe.c): on their way from now on; or not, since they were not put. */
static void fly(struct net *n, const struct op *op, int messages) {
  if (op->kind == OP_QUEUE_PUT && op->refs)
    net_pipes_fly(n, op->refs->sent, op->refs->count, messages);
}

/* How many bytes of handles were taken so far. */
static size_t taken_by(const struct op *op) {
  return op->refs && op->refs->taken ? op->refs->taken->len : 0;
}

static void arrive(struct net *n, const struct op *op, size_t had, bool entered) {
  if (op->kind == OP_QUEUE_GET && op->refs)
    net_pipes_arrive(n, op->refs->taken, had, entered);
}

/* One op; `how` as of net_transfer. */
static int perform_one(struct net *n, struct net_object *o, struct op *op,
                       const enum call_look *how) {
  bool script = by_script(o, op->kind);
  size_t had = taken_by(op);
  uint32_t done;
  if (!script)
    fly(n, op, 1);
  int rc = script ? net_transfer(n, o, op, 1, how, &done) : carry_out(n, o, op, how);
  if (rc == 0)
    arrive(n, op, had, script && !words_of(&o->seen)->redeliver);
  else if (!script)
    fly(n, op, -1);
  return rc;
}

int net_queue_do(struct net *n, struct op *op) {
  struct net_object *o = net_object_of(n, op->object);
  if (op->kind == OP_QUEUE_PUT && o && o->mail_of)
    return net_mail_put(n, o, op);
  int rc = find(n, op, &o);
  if (!op_describe(op->kind)->blocks)
    op->deadline_ns = 0;
  if (rc == 0 && words_of(&o->seen)->redeliver && gives_up_nothing(o, op))
    return 0; /* every get begins with it */
  return rc ? rc : perform_one(n, o, op, NULL);
}

int net_queue_run(struct net *n, struct op *ops, uint32_t count, uint32_t *ret_done) {
  struct net_object *o;
  int rc = find(n, ops, &o);
  if (rc)
    return rc;
  if (!by_script(o, ops->kind))
    return -SBX_EAGAIN;
  if (gives_up_nothing(o, ops)) {
    *ret_done = 1;
    return 0;
  }
  const struct op *last = &ops[count - 1]; /* of one kind with the others, but a TASK_DONE */
  size_t had = taken_by(last);
  rc = net_transfer(n, o, ops, count, NULL, ret_done);
  if (rc == 0)
    arrive(n, last, had, !words_of(&o->seen)->redeliver);
  return rc;
}

int net_queue_try(struct net *n, struct op *op, enum call_look how) {
  struct net_object *o;
  int rc = find(n, op, &o);
  if (rc)
    return rc;
  if (how == CALL_LAST)
    return net_queue_leave_line(n, o, op);
  rc = perform_one(n, o, op, &how);
  return rc == CALL_WAITS ? -SBX_ETIMEDOUT : rc;
}

int net_queue_leave(struct net *n) {
  int rc = 0;
  for (int i = 0; i < CHAINS; i++)
    for (struct net_object *o = n->chains[i]; o && rc == 0; o = o->next) {
      struct op all = {.kind = OP_QUEUE_TASK_DONE, .number = QUEUE_DONE_ALL};
      if (o->in_hand)
        rc = perform_one(n, o, &all, NULL);
    }
  return rc;
}
