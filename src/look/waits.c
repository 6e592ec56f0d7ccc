/* look/waits.c - see waits.h. */
#include "look/waits_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/words.h"
#include "object/help.h"
#include "object/pipe.h"
#include "object/queue.h"

/* -- the rules, one row for each op ---------------------------------------------------------- */

/* Whether an op is enabled, and who helps, is the object's to say (src/object); here stand the
 * words, and where in the snapshot the state is that the object is asked about. */
struct wait_rule {
  /* Can it go on, in the state that the snapshot shows? What is not known is yes. */
  bool (*enabled)(const struct snapshot *s, const struct snapshot_need *n);
  const char *noun; /* what stands before the object's name; "" for nothing */
  const char *verb; /* what those do who help: "which only a#2 can ..." */
};

/* The queue that it waits for; of a pipe, the one that the end receives from. */
static const struct snapshot_queue *queue_of(const struct snapshot *s,
                                             const struct snapshot_need *n) {
  int64_t i = snapshot_find_queue(s, n->type == OBJECT_PIPE ? n->queue : n->object);
  return i < 0 ? NULL : &s->queues[i];
}

/* Not exact: the pipe could not be looked into. */
static bool read_queue(const struct snapshot_queue *q, struct queue_state *ret) {
  if (!q || !q->exact)
    return false;
  *ret = (struct queue_state){
      .put = q->undone, .got = q->undone - q->items, .max = q->max, .closed = q->closed};
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
  const struct snapshot_queue *q = queue_of(s, n);
  struct queue_state state;
  if (!read_queue(q, &state))
    return true;
  if (queue_meets(q->max) && (n->kind == OP_QUEUE_PUT || n->kind == OP_QUEUE_MEET))
    return met_can(s, q, n, &state);
  return queue_enabled(&state, n->kind);
}

/* Of an end that nobody could send to, a receiver learns by itself: it does not sleep steadily. */
static bool pipe_can(const struct snapshot *s, const struct snapshot_need *n) {
  struct queue_state state;
  return !read_queue(queue_of(s, n), &state) || pipe_enabled(n->kind, &state, true);
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

static const struct wait_rule *rule_of(const struct snapshot_need *n) {
  const struct wait_rule *rule = n->kind < OP_COUNT ? rules[n->kind] : NULL;
  return rule && rule->enabled ? rule : NULL;
}

/* One of the things that it waits for is something that nobody knows about, like time. */
static bool beyond_us(const struct snapshot_op *op) {
  for (uint32_t i = 0; i < op->need_count; i++)
    if (!rule_of(&op->needs[i]))
      return true;
  return op->need_count == 0 || op->needs_more;
}

static bool can_go_on(const struct snapshot *s, const struct snapshot_op *op) {
  for (uint32_t i = 0; i < op->need_count; i++)
    if (rule_of(&op->needs[i])->enabled(s, &op->needs[i]))
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
    const struct snapshot_queue *q = queue_of(s, n);
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

/* Could the process with this number let the op go on, one day? */
static bool helps(const struct snapshot *s, const struct snapshot_op *op, uint32_t by) {
  for (uint32_t i = 0; i < op->need_count; i++) {
    const struct snapshot_need *n = &op->needs[i];
    struct bystander other;
    if (rule_of(n) && (!see(s, n, by, &other) || helps_of(n->type)(n->kind, &other)))
      return true;
  }
  return false;
}

/* -- the set --------------------------------------------------------------------------------- */

/* Does it sleep for ever, unless somebody does something? */
static bool sleeps_for_good(const struct snapshot *s, uint32_t process) {
  const struct snapshot_process *p = &s->processes[process];
  return p->lives && p->status == PROCESS_RUNNING && p->op.steady &&
         p->op.deadline_ns == SBX_FOREVER && !beyond_us(&p->op) && !can_go_on(s, &p->op);
}

/* Those who are helped by `free_one` may go on one day: they leave the set, and join `list`. */
static uint32_t set_free(const struct snapshot *s, uint32_t free_one, bool *member,
                         uint32_t *list) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    const struct snapshot_op *op = &s->processes[i].op;
    if (!member[i] || !helps(s, op, free_one))
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
          part_of(part, i) != part_of(part, k) && helps(s, &s->processes[i].op, k))
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
    if (i == process || !s->processes[i].lives || !helps(s, op, i))
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
    const struct snapshot_queue *q = is_queue ? queue_of(s, n) : NULL;
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

static bool waits_together(const struct snapshot *s, uint32_t a, uint32_t b) {
  const struct snapshot_process *p = &s->processes[a], *q = &s->processes[b];
  return same_needs(&p->op, &q->op) && p->stuck == q->stuck;
}

/* At the same line, too. */
static bool waits_alike(const struct snapshot *s, uint32_t a, uint32_t b) {
  return waits_together(s, a, b) && strcmp(s->processes[a].where, s->processes[b].where) == 0;
}

/* The next of a chain whose last is ret[n - 1]; -1 if there is none. */
static int64_t chain_next(const struct snapshot *s, const uint32_t *ret, uint32_t n,
                          bool *ret_closed) {
  uint32_t at = ret[n - 1];
  const struct snapshot_op *op = &s->processes[at].op;
  for (uint32_t i = 0; i < s->process_count; i++) {
    if (s->processes[i].stuck == STUCK_NO || !helps(s, op, i))
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

/* -- words ----------------------------------------------------------------------------------- */

int waits_tell_process(const struct snapshot *s, uint32_t process, struct buf *out) {
  const struct snapshot_process *p = &s->processes[process];
  if (p->slot == 0)
    return buf_format(out, "main");
  return buf_format(out, "%s#%" PRIu64, p->name[0] ? p->name : "process", p->id);
}

/* Is it a mailbox? Whose? */
static bool mailbox_owner(const struct snapshot *s, const struct snapshot_need *n, uint32_t *ret) {
  const struct snapshot_queue *q = n->type == OBJECT_QUEUE ? queue_of(s, n) : NULL;
  int64_t owner = q && q->owner ? snapshot_find_process(s, q->owner) : -1;
  *ret = owner < 0 ? 0 : (uint32_t)owner;
  return owner >= 0;
}

/* The verb of a rule, but for what a mailbox waits for. */
static const char *verb_of(const struct snapshot *s, const struct snapshot_need *n) {
  uint32_t owner;
  return mailbox_owner(s, n, &owner) ? "send" : rule_of(n)->verb;
}

static int tell_need(const struct snapshot *s, const struct snapshot_need *n, bool brief,
                     struct buf *out) {
  const struct wait_rule *rule = rule_of(n);
  int64_t joined = n->type == OBJECT_PROCESS ? snapshot_find_process(s, n->object) : -1;
  bool named = n->object_name[0] != '\0';
  uint32_t owner;
  if (joined >= 0)
    return waits_tell_process(s, (uint32_t)joined, out);
  if (n->kind == OP_PROCESS_FIND)
    return buf_format(out, "%s%s", brief ? "" : "a process named ", n->object_name);
  if (mailbox_owner(s, n, &owner))
    return brief ? buf_format(out, "mail") : buf_format(out, "a message");
  if (n->object == 0)
    return buf_format(out, "time");
  if (words_name_has_number(n->object_name))
    return buf_format(out, "%s", n->object_name);
  bool whole = words_name_is_whole(n->object_name);
  const char *noun = rule && !(brief && named) && !whole ? rule->noun : "";
  return buf_format(out, "%s%s%s#%" PRIu64, noun, *noun && named ? " " : "", n->object_name,
                    n->object);
}

int waits_tell_object(const struct snapshot *s, uint32_t process, bool brief, struct buf *out) {
  const struct snapshot_op *op = &s->processes[process].op;
  int rc = 0;
  if (op->kind == OP_CLOCK_SLEEP)
    return 0;
  for (uint32_t i = 0; i < op->need_count && rc == 0; i++) {
    const char *before = i == 0 ? "" : brief ? ", " : i + 1 == op->need_count ? " or " : ", ";
    rc = buf_format(out, "%s", before);
    if (rc == 0)
      rc = tell_need(s, &op->needs[i], brief, out);
  }
  return rc == 0 && op->needs_more ? buf_format(out, brief ? ", ..." : " or others") : rc;
}

/* A list of processes as it is told: "b#3, c#4 and 5 more". */
struct telling {
  const struct snapshot *s;
  uint64_t helper; /* is "you" */
  struct buf *out;
  uint32_t told, left; /* names so far; processes that are not named yet */
};

static int tell_name(struct telling *t, uint32_t process, const char *before) {
  int rc = buf_format(t->out, "%s", before);
  if (rc)
    return rc;
  return t->s->processes[process].id == t->helper ? buf_format(t->out, "you")
                                                  : waits_tell_process(t->s, process, t->out);
}

/* The next in a list, which stands for `count` processes, the last of which is `last`. */
static int tell_next(struct telling *t, uint32_t first, uint32_t last, uint32_t count) {
  t->left -= count;
  int rc = tell_name(t, first, t->told == 0 ? "" : t->left == 0 ? " and " : ", ");
  t->told++;
  return rc || count == 1 ? rc : tell_name(t, last, " to ");
}

enum { SHOWN = 3 }; /* names in a list */

static int tell_rest(const struct telling *t) {
  return t->left ? buf_format(t->out, " and %" PRIu32 " more", t->left) : 0;
}

/* Of the `total` in a list the first are there. */
static int tell_list(const struct snapshot *s, const uint32_t *list, uint32_t total,
                     uint64_t helper, struct buf *out) {
  struct telling t = {.s = s, .helper = helper, .out = out, .left = total};
  int rc = 0;
  for (uint32_t i = 0; i < total && i < SHOWN && rc == 0; i++)
    rc = tell_next(&t, list[i], list[i], 1);
  return rc ? rc : tell_rest(&t);
}

/* The next that lives after a process; process_count: there is none. */
static uint32_t next_living(const struct snapshot *s, uint32_t process) {
  do
    process++;
  while (process < s->process_count && !s->processes[process].lives);
  return process;
}

/* How many of the same name follow one another from `first` on that wait alike; the last of them.
 */
static uint32_t row_of(const struct snapshot *s, uint32_t first, uint32_t *ret_last) {
  uint32_t n = 1, next = first;
  *ret_last = first;
  while ((next = next_living(s, next)) < s->process_count && waits_alike(s, first, next) &&
         strcmp(s->processes[first].name, s->processes[next].name) == 0) {
    *ret_last = next;
    n++;
  }
  return n;
}

/* All that wait alike, as `process` does: "readers#3 to readers#12", "a#2, b#3 and 5 more". Returns
 * how many there are in `ret_count`. */
static int tell_alike(const struct snapshot *s, uint32_t process, struct buf *out,
                      uint32_t *ret_count) {
  struct telling t = {.s = s, .out = out};
  uint32_t last;
  int rc = 0;
  for (uint32_t i = 0; i < s->process_count; i++)
    t.left += s->processes[i].lives && waits_alike(s, process, i);
  *ret_count = t.left;
  for (uint32_t i = 0; i < s->process_count && t.told < SHOWN && rc == 0; i++) {
    if (!s->processes[i].lives || !waits_alike(s, process, i))
      continue;
    uint32_t n = row_of(s, i, &last);
    rc = n < SHOWN ? tell_next(&t, i, i, 1) : tell_next(&t, i, last, n);
    i = n < SHOWN ? i : last;
  }
  return rc ? rc : tell_rest(&t);
}

/* How many could help that do not wait for the same; the first few in `list`. */
static uint32_t other_helpers(const struct snapshot *s, uint32_t process, uint32_t *list,
                              uint32_t max) {
  const struct snapshot_op *op = &s->processes[process].op;
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    if (!s->processes[i].lives || waits_together(s, process, i) || !helps(s, op, i))
      continue;
    if (n < max)
      list[n] = i;
    n++;
  }
  return n;
}

/* ", which only b#3 can fill"; of a select ", and only b#3 can help" */
static int tell_who_helps(const struct snapshot *s, uint32_t process, uint64_t helper,
                          struct buf *out) {
  uint32_t list[SHOWN];
  const struct snapshot_op *op = &s->processes[process].op;
  bool several = op->kind == OP_SELECT;
  const char *verb = several ? "help" : verb_of(s, &op->needs[0]);
  uint32_t total = other_helpers(s, process, list, SHOWN);
  if (waits_for_unknown(s, process))
    return buf_format(out, ", %s whoever gets a message with it can %s", several ? "and" : "which",
                      verb);
  if (total == 0)
    return buf_format(out, ", %s nobody else can %s", several ? "and" : "which", verb);
  int rc = buf_format(out, ", %s only ", several ? "and" : "which");
  if (rc == 0)
    rc = tell_list(s, list, total, helper, out);
  return rc ? rc : buf_format(out, " can %s", verb);
}

/* Is there more to say than for whom it waits? */
static bool has_helpers_to_tell(const struct snapshot_op *op) {
  bool more = false;
  for (uint32_t i = 0; i < op->need_count; i++) {
    const struct wait_rule *rule = rule_of(&op->needs[i]);
    more |= rule && rule->verb;
  }
  return more && !beyond_us(op);
}

/* " at x.lua:3" */
static int tell_where(const struct snapshot *s, uint32_t process, struct buf *out) {
  const char *where = s->processes[process].where;
  return *where ? buf_format(out, " at %s", where) : 0;
}

/* Does it wait for its mail? */
static bool receives(const struct snapshot *s, const struct snapshot_op *op) {
  uint32_t owner;
  return op->kind == OP_QUEUE_GET && mailbox_owner(s, &op->needs[0], &owner);
}

static const char *verb_told(const struct snapshot *s, const struct snapshot_op *op) {
  const struct whole_verb *whole =
      op->need_count ? words_whole_verb(op->kind, op->needs[0].object_name) : NULL;
  return receives(s, op) ? "receive" : whole ? whole->verb : op_describe(op->kind)->verb;
}

int waits_tell(const struct snapshot *s, uint32_t process, uint64_t helper, struct buf *out) {
  const struct snapshot_op *op = &s->processes[process].op;
  uint32_t total;
  int rc = tell_alike(s, process, out, &total);
  if (rc == 0)
    rc = buf_format(out, " wait%s in %s", total == 1 ? "s" : "", verb_told(s, op));
  if (rc == 0)
    rc = tell_where(s, process, out);
  if (rc == 0 && op->kind != OP_CLOCK_SLEEP)
    rc = buf_format(out, " for ");
  if (rc == 0)
    rc = waits_tell_object(s, process, false, out);
  if (rc == 0 && has_helpers_to_tell(op))
    rc = tell_who_helps(s, process, helper, out);
  if (rc == 0 && op->items) /* it is not closed, or it would not wait */
    rc = buf_format(out, "; nobody closed the queue: q:close() ends items()");
  return rc;
}

enum { CHAIN = 6 }; /* processes in a chain that is told */

/* What a chain is told with: each sentence between these. */
struct sentences {
  const char *before, *between, *after;
  uint32_t count, most; /* told so far; then no more */
};

/* The sentences of a chain from `first` on that were not told yet. */
static int tell_chain(const struct snapshot *s, uint32_t first, uint64_t helper, bool *told,
                      bool *ret_closed, struct sentences *how, struct buf *out) {
  uint32_t chain[CHAIN];
  uint32_t n = waits_chain(s, first, chain, CHAIN, ret_closed);
  int rc = 0;
  for (uint32_t i = 0; i < n && how->count < how->most && rc == 0; i++) {
    if (told[chain[i]])
      continue;
    for (uint32_t k = 0; k < s->process_count; k++)
      told[k] |= waits_alike(s, chain[i], k);
    rc = buf_format(out, "%s%s", i ? how->between : "", how->before);
    if (rc == 0)
      rc = waits_tell(s, chain[i], helper, out);
    if (rc == 0)
      rc = buf_format(out, "%s", how->after);
    how->count++;
  }
  return rc;
}

int waits_tell_chain(const struct snapshot *s, uint32_t first, uint64_t helper, bool *told,
                     bool *ret_closed, struct buf *out) {
  struct sentences how = {.before = "", .between = "; ", .after = "", .most = CHAIN};
  return tell_chain(s, first, helper, told, ret_closed, &how, out);
}

/* Was this object told of, as one that a process before `process` waits for? `about` as below. */
static bool object_is_told(const struct snapshot *s, const bool *about, uint32_t process,
                           const struct snapshot_need *need) {
  for (uint32_t i = 0; i <= process; i++)
    for (uint32_t k = 0; about[i] && k < s->processes[i].op.need_count; k++) {
      const struct snapshot_need *n = &s->processes[i].op.needs[k];
      if (n->object == need->object && n->type == need->type)
        return n != need;
    }
  return false;
}

/* "  lock left#1: taken by a#2 at x.lua:4" */
static int tell_object_past(const struct snapshot *s, const struct snapshot_need *n,
                            struct buf *out, uint32_t *lines) {
  struct buf past = {0};
  uint32_t owner;
  int rc = waits_tell_past(s, n, &past);
  if (rc == 0 && past.len > 0) {
    rc = buf_format(out, "\n  ");
    if (rc == 0 && mailbox_owner(s, n, &owner)) {
      rc = buf_format(out, "the mailbox of ");
      rc = rc ? rc : waits_tell_process(s, owner, out);
    } else if (rc == 0)
      rc = tell_need(s, n, false, out);
    if (rc == 0)
      rc = buf_format(out, ": %.*s", (int)past.len, (const char *)past.data);
    ++*lines;
  }
  buf_release(&past);
  return rc;
}

/* What happened last to what they wait for, a line for each object. */
static int tell_pasts(const struct snapshot *s, const bool *about, struct buf *out) {
  enum { LINES = 12 };
  uint32_t lines = 0;
  int rc = 0;
  for (uint32_t i = 0; i < s->process_count && rc == 0 && lines < LINES; i++)
    for (uint32_t k = 0; about[i] && k < s->processes[i].op.need_count && rc == 0; k++) {
      const struct snapshot_need *n = &s->processes[i].op.needs[k];
      if (!waits_idly(s, i) && n->type != OBJECT_PROCESS && n->type != OBJECT_CLOCK &&
          !object_is_told(s, about, i, n))
        rc = tell_object_past(s, n, out, &lines);
    }
  return rc;
}

int waits_report(const struct snapshot *s, const bool *about, struct buf *out) {
  enum { LINES = 20 };
  struct sentences how = {.before = "\n  ", .between = "", .after = "", .most = LINES};
  bool closed, *told = calloc(s->process_count ? s->process_count : 1, sizeof *told);
  uint32_t untold = 0, idle = 0;
  int rc = told ? 0 : -SBX_ENOMEM;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++) {
    told[i] = !about[i] || waits_idly(s, i);
    idle += about[i] && waits_idly(s, i);
  }
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++)
    if (!told[i])
      rc = tell_chain(s, i, 0, told, &closed, &how, out);
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++)
    untold += !told[i];
  if (rc == 0 && untold)
    rc = buf_format(out, "\n  and %" PRIu32 " more", untold);
  if (rc == 0 && idle)
    rc = buf_format(out, "\n  and %" PRIu32 " idle worker%s of pools", idle, idle == 1 ? "" : "s");
  if (rc == 0)
    rc = tell_pasts(s, about, out);
  free(told);
  return rc;
}
