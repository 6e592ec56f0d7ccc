/*
 * net/pipe.c - pipes in the engine, by the machine of object/pipe.h.
 *
 * A pipe is two queues, whose ids differ in their lowest bit. An end is named by the queue that it receives from; it
 * sends to the other one. Who may still send into a queue stands in that queue's line, in places of the kind OP_PIPE_SEND, which
 * wait for nothing: the processes that hold the other end. So the engine takes a process that is buried out of there, and
 * rings those that wait. An end on its way in a message is held by SYNC_ABANDONED; `since` of its place says in how
 * many messages.
 *
 *   a process holds an end   from when it made it, took a message with it, or was spawned by one that holds it (the
 *                            spawner enters it), until it has dropped its last handle (`holds`), or is buried
 *   a message                from before it is put into a queue until it is taken, or could not be put. In values and
 *                            dicts, and where it does not go through the engine, it counts for ever: what is
 *                            forgotten there is not noticed
 *
 * The scripts of put and get enter them in the same step (net/scripts.c). For queues without those, this is done beside: a process
 * that is killed in between leaves an end held for ever.
 */
#include "object/pipe.h"

#include <stdlib.h>

#include "net/internal.h"

/* The queue of the other direction. */
static struct net_object *other_of(struct net *n, const struct net_object *o) {
  return net_find(n, OBJECT_QUEUE, o->id ^ 1);
}

/* -- who holds an end ----------------------------------------------------------------------------- */

/* A change of those who may send into a queue. */
struct change {
  uint64_t who; /* 0: none */
  bool leaves;
  int flying; /* so many messages more */
};

/* True: there is something to be changed. */
static bool change_line(struct net_state *s, const struct change *c) {
  bool stands = c->who && state_place(s, c->who, OP_PIPE_SEND);
  bool changed = c->who && stands == c->leaves;
  if (changed && c->leaves)
    state_leave(s, c->who, OP_PIPE_SEND);
  else if (changed && !state_join(s, c->who, OP_PIPE_SEND, false, 0))
    return false;
  struct net_place *flies = state_place(s, SYNC_ABANDONED, OP_PIPE_SEND);
  if (c->flying > 0 && !flies && state_join(s, SYNC_ABANDONED, OP_PIPE_SEND, false, 0))
    flies = &s->line[s->line_count - 1];
  if (c->flying == 0 || !flies)
    return changed;
  flies->since += (uint64_t)c->flying;
  if (flies->since == 0)
    state_leave(s, SYNC_ABANDONED, OP_PIPE_SEND);
  return true;
}

/* Those that wait for values: if somebody is gone, they look who is left. */
static uint32_t readers_of(const struct net *n, const struct net_state *s, uint64_t *bells) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < s->line_count; i++)
    if (s->line[i].kind == OP_QUEUE_GET && s->line[i].who != n->who)
      bells[count++] = s->line[i].who;
  return count;
}

/* `into`: the queue that they may send into. 0 or a code */
static int change_senders(struct net *n, struct net_object *into, const struct change *c) {
  struct net_state next = {.type = OBJECT_NONE};
  bool fresh = false; /* what others have changed may not be seen yet */
  int rc;
  do {
    uint64_t *bells = NULL;
    rc = !into ? -SBX_ENOMEM : fresh ? net_look(n, into, NULL, NULL) : net_see(n, into);
    if (rc == 0)
      rc = state_copy(&next, &into->seen);
    if (rc == 0 && !change_line(&next, c)) {
      rc = fresh ? 0 : WORD_OLD;
      fresh = true;
      continue;
    }
    if (rc)
      break;
    if (!(bells = malloc((next.line_count + 1) * sizeof *bells))) {
      rc = -SBX_ENOMEM;
      break;
    }
    bool takes = c->leaves || c->flying < 0;
    rc = net_commit(n, into, &next, NULL, bells, takes ? readers_of(n, &next, bells) : 0, NULL);
    free(bells);
  } while (rc == WORD_OLD);
  state_release(&next);
  return rc < 0 ? rc : 0;
}

/* Have the engine know that a process uses an object, so that it is taken out of the line when it is buried. */
static int note_used(struct net *n, uint64_t who, const struct net_object *o) {
  char key[ENGINE_KEY], ttl[16];
  struct engine_reply *r;
  size_t len = engine_key(key, n->o.run, "u:%016llx", (unsigned long long)who);
  int rc = engine_ask(n->engine, 3,
                      (struct engine_arg[]){engine_text("SADD"), engine_bytes(key, len),
                                            engine_bytes(o->id_bytes, 8)},
                      &r);
  if (rc)
    return rc;
  engine_free(r);
  snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S);
  rc = engine_ask(
      n->engine, 3,
      (struct engine_arg[]){engine_text("EXPIRE"), engine_bytes(key, len), engine_text(ttl)}, &r);
  if (rc == 0)
    engine_free(r);
  return rc;
}

static void set_holds(struct net *n, struct net_object *o, bool holds) {
  n->ends += holds - o->holds;
  o->holds = holds;
}

/* The calling process holds the end `o`. `flying`: and so many messages less have it. */
static int hold(struct net *n, struct net_object *o, int flying) {
  int rc = change_senders(n, other_of(n, o), &(struct change){.who = n->who, .flying = -flying});
  if (rc == 0)
    set_holds(n, o, true);
  return rc;
}

static bool counts(const struct net *n, const struct net_place *p, uint64_t but) {
  return p->kind == OP_PIPE_SEND && p->who != but && !net_is_dead(n, p->who);
}

/* The other end is in no other hands, nor ever was: a process waits for itself. */
static bool other_is_private(struct net *n, const struct net_object *o) {
  const struct net_object *other = other_of(n, o);
  return other && other->handles > 0 && other->maker == n->who && !other->sent &&
         other->spawns == n->spawns;
}

bool net_pipe_is_held(const struct net *n, const struct net_state *s, uint64_t but) {
  for (uint32_t i = 0; i < s->line_count; i++)
    if (counts(n, &s->line[i], but))
      return true;
  return false;
}

/* Does anybody hold the other end of `o`, as `o->seen` has it? `but`: besides this process. */
static bool other_is_held(struct net *n, const struct net_object *o, uint64_t but) {
  return net_pipe_is_held(n, &o->seen, but) || other_is_private(n, o);
}

/* -- making, sending and dropping ends ------------------------------------------------------------- */

int net_pipe_new(struct net *n, struct op *op) {
  uint64_t id;
  int rc = net_draw_ids(n, 3, &id);
  id = (id - 1) & ~UINT64_C(1); /* of three numbers in a row, two that differ in the lowest bit */
  for (int k = 0; k < 2 && rc == 0; k++) {
    struct net_state s = {.type = OBJECT_QUEUE, .generation = 1};
    struct op making = {.kind = OP_PIPE_NEW};
    if (op->new_pipe->name)
      snprintf(s.name, sizeof s.name, "%s", op->new_pipe->name);
    if (!state_join(&s, n->who, OP_PIPE_SEND, false, 0))
      rc = -SBX_ENOMEM;
    if (rc == 0)
      rc = net_create_as(n, &s, OBJECT_PIPE, id + (uint64_t)k, &making);
    state_release(&s);
    struct net_object *o = rc ? NULL : net_find(n, OBJECT_QUEUE, id + (uint64_t)k);
    if (rc == 0)
      set_holds(n, o, true);
    if (rc == 0)
      rc = note_used(n, n->who, o);
    op->new_pipe->ends[k] = making.object;
  }
  if (rc && op->new_pipe->ends[0])
    n->below->drop(n->below->ctx, op->new_pipe->ends[0]);
  return rc;
}

int net_pipe_import(struct net *n, struct net_object *o) { return o->holds ? 0 : hold(n, o, 0); }

/* Nobody can get it again, then. */
static bool nobody_holds(struct net *n, struct net_object *o) {
  return net_look(n, o, NULL, NULL) == 0 && !net_pipe_is_held(n, &o->seen, 0);
}

void net_pipe_drop(struct net *n, struct net_object *o) {
  struct net_object *other = other_of(n, o);
  if (!o->holds || o->handles > 0)
    return;
  set_holds(n, o, false);
  int rc = other ? change_senders(n, other, &(struct change){.who = n->who, .leaves = true}) : 0;
  if (!other || other->handles || other->holds)
    return;
  if (rc == 0 && nobody_holds(n, o) && nobody_holds(n, other)) {
    net_destroy(n, o);
    net_destroy(n, other);
  }
  net_forget_object(n, o);
  net_forget_object(n, other);
}

/* The end that a reference names, in this engine; NULL: it names none. */
static struct net_object *end_of(struct net *n, const struct object_ref *ref) {
  bool is = ref->type == OBJECT_PIPE && ref->slot == NET_SLOT && net_of_ref(ref) == n;
  return is ? net_find(n, OBJECT_QUEUE, net_id(ref)) : NULL;
}

void net_pipes_fly(struct net *n, const struct object_ref *refs, uint32_t count, int messages) {
  for (uint32_t i = 0; i < count; i++) {
    struct object_ref ref; /* it may not be aligned */
    memcpy(&ref, (const uint8_t *)refs + i * sizeof ref, sizeof ref);
    struct net_object *o = end_of(n, &ref);
    if (o)
      change_senders(n, other_of(n, o), &(struct change){.flying = messages});
  }
}

void net_pipes_arrive(struct net *n, const struct buf *taken, size_t from, bool entered) {
  for (size_t at = from; taken && at < taken->len; at += sizeof(struct object_ref)) {
    struct object_ref ref;
    memcpy(&ref, taken->data + at, sizeof ref);
    struct net_object *o = end_of(n, &ref), *other = o ? other_of(n, o) : NULL;
    if (other && !entered)
      hold(n, o, 1);
    if (other && entered) {
      set_holds(n, o, true);
      other->seen_epoch = 0;
    }
  }
}

void net_pipe_land(struct net *n, const struct object_ref *ref) {
  struct net_object *o = end_of(n, ref);
  if (o)
    net_pipe_drop(n, o); /* if it was not decoded */
}

void net_pipes_inherit(struct net *n, uint64_t child) {
  for (int i = 0; i < CHAINS; i++)
    for (struct net_object *o = n->chains[i]; o; o = o->next) {
      struct net_object *other = o->holds ? other_of(n, o) : NULL;
      if (other && note_used(n, child, other) == 0)
        change_senders(n, other, &(struct change){.who = child});
    }
}

/* -- ops ------------------------------------------------------------------------------------------ */

/* As call_look, but for CALL_LAST. */
static int look(struct net *n, struct net_object *in, struct op *op, enum call_look how) {
  struct op get = *op;
  uint32_t done;
  get.kind = OP_QUEUE_GET;
  if (op->kind == OP_PIPE_RECV) {
    const struct buf *taken = op->refs ? op->refs->taken : NULL;
    size_t had = taken ? taken->len : 0;
    int rc = net_transfer(n, in, &get, 1, &how, &done);
    op->item = get.item;
    if (rc == 0)
      net_pipes_arrive(n, taken, had, true);
    if (rc != CALL_WAITS)
      return rc;
  } else {
    int rc = net_look(n, in, NULL, NULL);
    if (rc)
      return rc;
  }
  struct queue_state s = *(const struct queue_state *)in->seen.words, none = {0};
  if (pipe_enabled(op->kind, &s, other_is_held(n, in, n->who)))
    return pipe_apply(op->kind, &s, &none, true);
  bool joins = op->kind == OP_PIPE_POLL && how == CALL_WAIT;
  int rc = joins ? net_queue_stand(n, in, &get) : 0;
  return rc ? rc : CALL_WAITS;
}

/* Out of the line. */
static void leave(struct net *n, struct net_object *in, const struct op *op) {
  struct op get = *op;
  get.kind = OP_QUEUE_GET;
  net_queue_leave_line(n, in, &get);
}

static int receive(struct net *n, struct net_object *in, struct op *op) {
  int rc = look(n, in, op, CALL_POLL);
  bool joined = false;
  for (unsigned looks = 0; rc == CALL_WAITS && !call_is_over(op->deadline_ns); looks++) {
    if ((rc = bell_listen(n)))
      break;
    joined = true;
    if ((rc = look(n, in, op, CALL_WAIT)) != CALL_WAITS)
      break;
    rc = bell_sleep(n, op, looks);
    if (rc && rc != -SBX_ETIMEDOUT) { /* interrupted: nothing is lost that is there */
      int last = look(n, in, op, CALL_POLL);
      rc = last == CALL_WAITS ? rc : last;
      break;
    }
    rc = look(n, in, op, CALL_POLL);
  }
  if (joined && !(op->kind == OP_PIPE_RECV && rc == 0))
    leave(n, in, op);
  return rc == CALL_WAITS ? -SBX_ETIMEDOUT : rc;
}

static int send(struct net *n, struct net_object *in, struct op *op) {
  struct net_object *out = other_of(n, in);
  int rc = out ? net_look(n, in, NULL, NULL) : -SBX_ENOMEM;
  if (rc)
    return rc;
  struct queue_state s = *(const struct queue_state *)in->seen.words, to = {.closed = s.closed};
  struct op put = *op;
  uint32_t done;
  put.kind = OP_QUEUE_PUT;
  rc = pipe_apply(OP_PIPE_SEND, &s, &to, s.closed || other_is_held(n, in, 0));
  if (rc == 0)
    rc = net_transfer(n, out, &put, 1, NULL, &done);
  op->item = put.item;
  return rc;
}

static int close_both(struct net *n, struct net_object *in) {
  struct op close = {.kind = OP_QUEUE_CLOSE};
  struct net_object *out = other_of(n, in);
  int rc = out ? net_queue_by_machine(n, in, &close) : -SBX_ENOMEM;
  return rc ? rc : net_queue_by_machine(n, out, &close);
}

int net_pipe_do(struct net *n, struct op *op) {
  struct net_object *in = net_object_of(n, op->object);
  if (!in)
    return -SBX_ENOMEM;
  switch (op->kind) {
  case OP_PIPE_SEND:
    return send(n, in, op);
  case OP_PIPE_CLOSE:
    return close_both(n, in);
  case OP_PIPE_LOOK:
    return net_queue_look(n, op);
  default:
    return receive(n, in, op);
  }
}

int net_pipe_try(struct net *n, struct op *op, enum call_look how) {
  struct net_object *in = net_object_of(n, op->object);
  if (!in)
    return -SBX_ENOMEM;
  if (how == CALL_LAST)
    leave(n, in, op);
  int rc = how == CALL_LAST ? CALL_WAITS : look(n, in, op, how);
  return rc == CALL_WAITS ? -SBX_ETIMEDOUT : rc;
}
