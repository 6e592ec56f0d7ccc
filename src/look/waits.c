/* look/waits.c - who waits for whom, and for ever; see waits.h. What is told of it is in waits_words.c. */
#include "look/waits_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "object/help.h"
#include "object/pipe.h"
#include "object/queue.h"

/* -- the rules, one row for each op ---------------------------------------------------------- */

const struct snapshot_queue *waits_queue(const struct snapshot *s, const struct snapshot_need *n) {
  int64_t i = snapshot_find_queue(s, n->type == OBJECT_PIPE ? n->queue : n->object);
  return i < 0 ? NULL : &s->queues[i];
}

/* Not exact: the pipe could not be looked into. */
static bool read_queue(const struct snapshot_queue *q, struct queue_state *ret) {
  if (!q || !q->exact)
    return false;
  *ret = (struct queue_state){.put = q->undone,
                              .got = q->undone - q->items,
                              .max = q->max,
                              .closed = q->closed,
                              .redeliver = q->in_hand > 0};
  return true;
}

/* Is there a reader besides the process that has this need itself, in a select? */
static bool others_read(const struct snapshot *s, const struct snapshot_queue *q,
                        const struct snapshot_need *n) {
  for (uint32_t i = 0; i < q->readers.count; i++) {
    const struct snapshot_op *op = &s->processes[q->readers.list[i]].op;
    bool its_own = false;
    for (uint32_t k = 0; k < op->need_count; k++)
      its_own |= &op->needs[k] == n;
    if (!its_own)
      return true;
  }
  return false;
}

/* A put into a queue without room; that of a select waits for a reader. One that waits for another's
 * item to be taken needs a reader afterwards. */
static bool met_can(const struct snapshot *s, const struct snapshot_queue *q,
                    const struct snapshot_need *n, const struct queue_state *state) {
  uint32_t got = (uint32_t)(q->put - q->items);
  if (n->kind == OP_QUEUE_MEET)
    return state->closed || (int32_t)(got - n->ticket) >= 0;
  return state->closed || (q->items == 0 && others_read(s, q, n));
}

static bool queue_can(const struct snapshot *s, const struct snapshot_need *n) {
  const struct snapshot_queue *q = waits_queue(s, n);
  struct queue_state state;
  if (!read_queue(q, &state))
    return true;
  if (q->elsewhere)
    return n->ready;
  if (queue_meets(q->max) && (n->kind == OP_QUEUE_PUT || n->kind == OP_QUEUE_MEET))
    return met_can(s, q, n, &state);
  return queue_enabled(&state, n->kind);
}

/* Of an end that nobody could send to, a receiver learns by itself: it does not sleep steadily. */
static bool pipe_can(const struct snapshot *s, const struct snapshot_need *n) {
  struct queue_state state;
  return !read_queue(waits_queue(s, n), &state) || pipe_enabled(n->kind, &state, true);
}

static bool process_can(const struct snapshot *s, const struct snapshot_need *n) {
  int64_t i = snapshot_find_process(s, n->object);
  return i < 0 || !s->processes[i].lives;
}

/* Is there a process of that name? */
static bool find_can(const struct snapshot *s, const struct snapshot_need *n) {
  for (uint32_t i = 0; i < s->process_count; i++)
    if (s->processes[i].lives && strcmp(s->processes[i].name, n->object_name) == 0)
      return true;
  return false;
}

static const struct snapshot_sync *sync_of(const struct snapshot *s,
                                           const struct snapshot_need *n) {
  int64_t i = snapshot_find_sync(s, n->object);
  return i < 0 ? NULL : &s->syncs[i];
}

static bool sync_can(const struct snapshot *s, const struct snapshot_need *n) {
  return n->ready || !sync_of(s, n);
}

/* An updater runs a function that changes it; nobody else can end that. */
#define RULE_UPDATED(noun)                                                                         \
  { sync_can, noun, "finish updating" }

static const struct wait_rule rule_PROCESS_JOIN = {process_can, "", NULL},
                              rule_QUEUE_PUT = {queue_can, "queue", "empty"},
                              rule_QUEUE_MEET = {queue_can, "queue", "empty"},
                              rule_QUEUE_GET = {queue_can, "queue", "fill"},
                              rule_QUEUE_JOIN = {queue_can, "queue", "finish"},
                              rule_PIPE_RECV = {pipe_can, "pipe", "fill"},
                              rule_PIPE_POLL = {pipe_can, "pipe", "fill"},
                              rule_LOCK_ACQUIRE = {sync_can, "lock", "release"},
                              rule_SEMAPHORE_ACQUIRE = {sync_can, "semaphore", "release"},
                              rule_EVENT_WAIT = {sync_can, "event", "set"},
                              rule_CONDITION_WAIT = {sync_can, "condition", "notify"},
                              rule_BARRIER_WAIT = {sync_can, "barrier", "come to"},
                              rule_VALUE_SET = RULE_UPDATED("value"),
                              rule_VALUE_ADD = RULE_UPDATED("value"),
                              rule_VALUE_CAS = RULE_UPDATED("value"),
                              rule_VALUE_UPDATE = RULE_UPDATED("value"),
                              rule_VALUE_AWAIT = {sync_can, "value", "change"},
                              rule_DICT_AWAIT = {sync_can, "dict", "change"},
                              rule_DICT_ADD = RULE_UPDATED("dict"),
                              rule_DICT_CAS = RULE_UPDATED("dict"),
                              rule_DICT_SET = RULE_UPDATED("dict"),
                              rule_DICT_UPDATE = RULE_UPDATED("dict"),
                              rule_LATCH_WAIT = {sync_can, "latch", "count down"},
                              rule_RWLOCK_READ = {sync_can, "rwlock", "release"},
                              rule_RWLOCK_WRITE = {sync_can, "rwlock", "release"},
                              rule_PROCESS_FIND = {find_can, "process", "start"},
                              rule_PROCESS_MAIL = {.noun = NULL}, /* it takes no time */
    rule_SELECT = {.noun = NULL},        /* the rules of what it waits for */
    rule_PROCESS_AWAIT = {.noun = NULL}, /* sleeps as joins */
    rule_HANDLE_EXPORT = {.noun = NULL}, /* these as the op for which it is done */
    rule_HANDLE_FETCH = {.noun = NULL}, rule_CLOCK_SLEEP = {.noun = NULL}; /* time will */

/* An op that can block and has no rule does not compile. */
#define RULE_0(kind) NULL
#define RULE_1(kind) &rule_##kind
static const struct wait_rule *const rules[OP_COUNT] = {
#define OP(kind, type, blocks, verb, past, reads, writes) [OP_##kind] = RULE_##blocks(kind),
#include "object/ops.def"
};

const struct wait_rule *waits_rule(const struct snapshot_need *n) {
  const struct wait_rule *rule = n->kind < OP_COUNT ? rules[n->kind] : NULL;
  return rule && rule->enabled ? rule : NULL;
}

bool waits_beyond_us(const struct snapshot_op *op) {
  for (uint32_t i = 0; i < op->need_count; i++)
    if (!waits_rule(&op->needs[i]))
      return true;
  return op->need_count == 0 || op->needs_more;
}

static bool can_go_on(const struct snapshot *s, const struct snapshot_op *op) {
  for (uint32_t i = 0; i < op->need_count; i++)
    if (waits_rule(&op->needs[i])->enabled(s, &op->needs[i]))
      return true;
  return false;
}

/* What the object of a need sees in the process with this number. False: the object is unknown, so
 * anybody could help. */
static bool see(const struct snapshot *s, const struct snapshot_need *n, uint32_t by,
                struct bystander *ret) {
  *ret = (struct bystander){0};
  if (n->type == OBJECT_PROCESS) {
    ret->is_it = s->processes[by].id == n->object;
    return true;
  }
  if (n->type == OBJECT_QUEUE || n->type == OBJECT_PIPE) {
    /* A pipe's end receives from a queue of its own, which is held with either end. */
    const struct snapshot_queue *q = waits_queue(s, n);
    ret->reaches = q && (q->named || q->owner || index_list_has(&q->holders, by));
    return q != NULL;
  }
  const struct snapshot_sync *sync = sync_of(s, n);
  if (!sync)
    return false;
  ret->owned = sync->owners.count > 0;
  ret->owns = index_list_has(&sync->owners, by);
  ret->reaches = sync->named || index_list_has(&sync->holders, by);
  return true;
}

/* Does the process wait for the object of a need, too? */
static bool stands_there(const struct snapshot *s, const struct snapshot_need *n, uint32_t by) {
  const struct snapshot_op *op = &s->processes[by].op;
  for (uint32_t i = 0; i < op->need_count; i++)
    if (op->needs[i].object == n->object && op->needs[i].type == n->type)
      return true;
  return false;
}

/* Could the process let the op go on: by what it does, or, if it `leaves`, by waiting no more itself? */
static bool helps(const struct snapshot *s, const struct snapshot_op *op, uint32_t by,
                  bool leaves) {
  for (uint32_t i = 0; i < op->need_count; i++) {
    const struct snapshot_need *n = &op->needs[i];
    struct bystander other;
    if (!waits_rule(n))
      continue;
    if (!see(s, n, by, &other))
      return true;
    other.waits = leaves && stands_there(s, n, by);
    if (helps_of(n->type)(n->kind, &other))
      return true;
  }
  return false;
}

bool waits_help(const struct snapshot *s, const struct snapshot_op *op, uint32_t by) {
  return helps(s, op, by, false);
}

/* -- the set --------------------------------------------------------------------------------- */

/* Does it sleep for ever, unless somebody does something? */
static bool sleeps_for_good(const struct snapshot *s, uint32_t process) {
  const struct snapshot_process *p = &s->processes[process];
  return p->lives && p->status == PROCESS_RUNNING && p->op.steady &&
         p->op.deadline_ns == SBX_FOREVER && !waits_beyond_us(&p->op) && !can_go_on(s, &p->op);
}

/* Those who are helped by `free_one` may go on one day: they leave the set, and join `list`. */
static uint32_t set_free(const struct snapshot *s, uint32_t free_one, bool *member,
                         uint32_t *list) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    const struct snapshot_op *op = &s->processes[i].op;
    if (!member[i] || !helps(s, op, free_one, true))
      continue;
    member[i] = false;
    list[n++] = i;
  }
  return n;
}

/*
 * The greatest fixpoint: begin with all who sleep, and take away whom somebody outside could help,
 * until nothing changes. `list` has room for everybody: each is in it once.
 */
static void find_members(const struct snapshot *s, uint64_t helpless, bool *member,
                         uint32_t *list) {
  uint32_t todo = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    member[i] = sleeps_for_good(s, i);
    if (!member[i] && s->processes[i].lives && s->processes[i].id != helpless)
      list[todo++] = i;
  }
  for (uint32_t done = 0; done < todo; done++)
    todo += set_free(s, list[done], member, list + todo);
}

int waits_find(struct snapshot *s, uint64_t helper) {
  size_t n = s->process_count ? s->process_count : 1;
  bool *member = malloc(n * sizeof *member);
  uint32_t *list = malloc(n * sizeof *list);
  int rc = member && list ? 0 : -SBX_ENOMEM;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++)
    s->processes[i].stuck = STUCK_NO;
  for (int round = helper ? 0 : 1; round < 2 && rc == 0 && s->settled; round++) {
    find_members(s, round == 0 ? helper : 0, member, list);
    for (uint32_t i = 0; i < s->process_count; i++)
      if (member[i] && s->processes[i].id != helper)
        s->processes[i].stuck = round == 0 ? STUCK_HELP : STUCK_FOR_EVER;
  }
  free(member);
  free(list);
  return rc;
}

bool waits_idly(const struct snapshot *s, uint32_t process) {
  const struct snapshot_process *p = &s->processes[process];
  return p->op.kind != OP_NONE && strcmp(p->where, WHERE_IDLE) == 0;
}

/* Those of whom one could help the other, if it went on, belong together, and who belongs with
 * them. */
static uint32_t part_of(uint32_t *part, uint32_t i) {
  while (part[i] != i)
    i = part[i] = part[part[i]];
  return i;
}

void waits_parts(const struct snapshot *s, uint32_t *part) {
  for (uint32_t i = 0; i < s->process_count; i++)
    part[i] = i;
  for (uint32_t i = 0; i < s->process_count; i++)
    for (uint32_t k = 0; k < s->process_count; k++)
      if (s->processes[i].stuck != STUCK_NO && s->processes[k].stuck != STUCK_NO && i != k &&
          part_of(part, i) != part_of(part, k) && helps(s, &s->processes[i].op, k, true))
        part[part_of(part, i)] = part_of(part, k);
  for (uint32_t i = 0; i < s->process_count; i++)
    part[i] = part_of(part, i);
}

bool waits_all_stuck(const struct snapshot *s) {
  for (uint32_t i = 0; i < s->process_count; i++)
    if (s->processes[i].lives && s->processes[i].stuck != STUCK_FOR_EVER)
      return false;
  return s->process_count > 0;
}

/* -- edges ----------------------------------------------------------------------------------- */

uint32_t waits_for(const struct snapshot *s, uint32_t process, uint32_t *ret, uint32_t max) {
  const struct snapshot_op *op = &s->processes[process].op;
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    if (i == process || !s->processes[i].lives || !waits_help(s, op, i))
      continue;
    if (n < max)
      ret[n] = i;
    n++;
  }
  return n;
}

bool waits_for_unknown(const struct snapshot *s, uint32_t process) {
  const struct snapshot_op *op = &s->processes[process].op;
  for (uint32_t i = 0; i < op->need_count; i++) {
    const struct snapshot_need *n = &op->needs[i];
    bool is_queue = n->type == OBJECT_QUEUE || n->type == OBJECT_PIPE;
    const struct snapshot_queue *q = is_queue ? waits_queue(s, n) : NULL;
    const struct snapshot_sync *sync = is_queue ? NULL : sync_of(s, n);
    if ((q && q->named) || (sync && sync->named && sync->owners.count == 0))
      return true;
  }
  return false;
}

static bool same_needs(const struct snapshot_op *a, const struct snapshot_op *b) {
  if (a->kind != b->kind || a->need_count != b->need_count)
    return false;
  for (uint32_t i = 0; i < a->need_count; i++)
    if (a->needs[i].kind != b->needs[i].kind || a->needs[i].object != b->needs[i].object)
      return false;
  return true;
}

bool waits_together(const struct snapshot *s, uint32_t a, uint32_t b) {
  const struct snapshot_process *p = &s->processes[a], *q = &s->processes[b];
  return same_needs(&p->op, &q->op) && p->stuck == q->stuck;
}

bool waits_alike(const struct snapshot *s, uint32_t a, uint32_t b) {
  return waits_together(s, a, b) && strcmp(s->processes[a].where, s->processes[b].where) == 0;
}

/* The next of a chain whose last is ret[n - 1]; -1 if there is none. */
static int64_t chain_next(const struct snapshot *s, const uint32_t *ret, uint32_t n,
                          bool *ret_closed) {
  uint32_t at = ret[n - 1];
  const struct snapshot_op *op = &s->processes[at].op;
  for (uint32_t i = 0; i < s->process_count; i++) {
    if (s->processes[i].stuck == STUCK_NO || !waits_help(s, op, i))
      continue;
    uint32_t k = 0;
    while (k < n && !waits_together(s, ret[k], i))
      k++;
    if (k == n)
      return i;
    *ret_closed |= k < n - 1;
  }
  return -1;
}

uint32_t waits_chain(const struct snapshot *s, uint32_t first, uint32_t *ret, uint32_t max,
                     bool *ret_closed) {
  uint32_t n = 0;
  int64_t next = first;
  *ret_closed = false;
  if (s->processes[first].stuck == STUCK_NO)
    return 0;
  while (next >= 0 && n < max) {
    ret[n++] = (uint32_t)next;
    next = chain_next(s, ret, n, ret_closed);
  }
  return n;
}
