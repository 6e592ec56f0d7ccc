/* os/waits.c - see waits.h. */
#include "os/waits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "object/process.h"
#include "object/queue.h"

/* -- the rules, one row for each op ---------------------------------------------------------- */

struct wait_rule {
  /* Can the op go on, in the state that the snapshot shows? What is not known is yes. */
  bool (*enabled)(const struct snapshot *s, const struct snapshot_op *op);
  /* Could the process with this number make it go on, one day? */
  bool (*helps)(const struct snapshot *s, const struct snapshot_op *op, uint32_t by);
  const char *noun; /* what stands before the object's name; "" for nothing */
  const char *verb; /* what those do who help: "which only a#2 can ..." */
};

static const struct snapshot_queue *queue_of(const struct snapshot *s,
                                             const struct snapshot_op *op) {
  int64_t i = snapshot_find_queue(s, op->object);
  return i < 0 ? NULL : &s->queues[i];
}

static bool queue_can(const struct snapshot *s, const struct snapshot_op *op) {
  const struct snapshot_queue *q = queue_of(s, op);
  if (!q || !q->exact)
    return true;
  struct queue_state state = {.put = q->items, .max = q->max, .closed = q->closed};
  return queue_enabled(&state, op->kind);
}

static bool holds_queue(const struct snapshot *s, const struct snapshot_op *op, uint32_t by) {
  const struct snapshot_queue *q = queue_of(s, op);
  return !q || q->named || index_list_has(&q->holders, by);
}

static bool process_has_ended(const struct snapshot *s, const struct snapshot_op *op) {
  int64_t i = snapshot_find_process(s, op->object);
  return i < 0 || !s->processes[i].lives;
}

static bool is_process(const struct snapshot *s, const struct snapshot_op *op, uint32_t by) {
  return s->processes[by].id == op->object;
}

static const struct wait_rule rules[OP_COUNT] = {
    [OP_QUEUE_PUT] = {queue_can, holds_queue, "queue", "empty"},
    [OP_QUEUE_GET] = {queue_can, holds_queue, "queue", "fill"},
    [OP_PROCESS_JOIN] = {process_has_ended, is_process, "", NULL},
};

static const struct wait_rule *rule_of(const struct snapshot_op *op) {
  const struct wait_rule *rule = op->kind < OP_COUNT ? &rules[op->kind] : NULL;
  return rule && rule->enabled ? rule : NULL;
}

/* -- the set --------------------------------------------------------------------------------- */

/* Does it sleep for ever, unless somebody does something? */
static bool sleeps_for_good(const struct snapshot *s, uint32_t process) {
  const struct snapshot_process *p = &s->processes[process];
  const struct wait_rule *rule = rule_of(&p->op);
  return p->lives && p->status == PROCESS_RUNNING && p->op.steady && rule &&
         p->op.deadline_ns == SBX_FOREVER && !rule->enabled(s, &p->op);
}

/* Those who are helped by `free_one` may go on one day: they leave the set, and join `list`. */
static uint32_t set_free(const struct snapshot *s, uint32_t free_one, bool *member,
                         uint32_t *list) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    const struct snapshot_op *op = &s->processes[i].op;
    if (!member[i] || !rule_of(op)->helps(s, op, free_one))
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
  for (int round = 0; round < 2 && rc == 0 && s->settled; round++) {
    find_members(s, round == 0 ? helper : 0, member, list);
    for (uint32_t i = 0; i < s->process_count; i++)
      if (member[i] && s->processes[i].id != helper)
        s->processes[i].stuck = round == 0 ? STUCK_HELP : STUCK_FOR_EVER;
  }
  free(member);
  free(list);
  return rc;
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
  const struct wait_rule *rule = rule_of(op);
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count && rule; i++) {
    if (i == process || !s->processes[i].lives || !rule->helps(s, op, i))
      continue;
    if (n < max)
      ret[n] = i;
    n++;
  }
  return n;
}

bool waits_for_unknown(const struct snapshot *s, uint32_t process) {
  const struct snapshot_op *op = &s->processes[process].op;
  const struct snapshot_queue *q = op->type == OBJECT_QUEUE ? queue_of(s, op) : NULL;
  return q && q->named;
}

static bool waits_together(const struct snapshot *s, uint32_t a, uint32_t b) {
  const struct snapshot_process *p = &s->processes[a], *q = &s->processes[b];
  return p->op.kind == q->op.kind && p->op.object == q->op.object && p->stuck == q->stuck;
}

uint32_t waits_with(const struct snapshot *s, uint32_t process, uint32_t *ret, uint32_t max) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    if (!s->processes[i].lives || !waits_together(s, process, i))
      continue;
    if (n < max)
      ret[n] = i;
    n++;
  }
  return n;
}

/* The next of a chain whose last is ret[n - 1]; -1 if there is none. */
static int64_t chain_next(const struct snapshot *s, const uint32_t *ret, uint32_t n,
                          bool *ret_closed) {
  uint32_t at = ret[n - 1];
  const struct snapshot_op *op = &s->processes[at].op;
  for (uint32_t i = 0; i < s->process_count; i++) {
    if (s->processes[i].stuck == STUCK_NO || !rule_of(op)->helps(s, op, i))
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

int waits_tell_object(const struct snapshot *s, uint32_t process, bool brief, struct buf *out) {
  const struct snapshot_op *op = &s->processes[process].op;
  const struct wait_rule *rule = rule_of(op);
  int64_t joined = op->type == OBJECT_PROCESS ? snapshot_find_process(s, op->object) : -1;
  bool named = op->object_name[0] != '\0';
  if (joined >= 0)
    return waits_tell_process(s, (uint32_t)joined, out);
  if (op->object == 0)
    return 0;
  const char *noun = rule && !(brief && named) ? rule->noun : "";
  return buf_format(out, "%s%s%s#%" PRIu64, noun, *noun && named ? " " : "", op->object_name,
                    op->object);
}

/* "b#3, c#4 and 5 more": the first `n` of `total`. */
static int tell_list(const struct snapshot *s, const uint32_t *list, uint32_t n, uint32_t total,
                     uint64_t helper, struct buf *out) {
  int rc = 0;
  for (uint32_t i = 0; i < n && rc == 0; i++) {
    rc = buf_format(out, "%s", i == 0 ? "" : i + 1 == total ? " and " : ", ");
    if (rc == 0 && s->processes[list[i]].id == helper)
      rc = buf_format(out, "you");
    else if (rc == 0)
      rc = waits_tell_process(s, list[i], out);
  }
  if (rc == 0 && total > n)
    rc = buf_format(out, " and %" PRIu32 " more", total - n);
  return rc;
}

/* How many could help that do not wait for the same; the first few in `list`. */
static uint32_t other_helpers(const struct snapshot *s, uint32_t process, uint32_t *list,
                              uint32_t max) {
  const struct snapshot_op *op = &s->processes[process].op;
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    if (!s->processes[i].lives || waits_together(s, process, i) || !rule_of(op)->helps(s, op, i))
      continue;
    if (n < max)
      list[n] = i;
    n++;
  }
  return n;
}

enum { SHOWN = 3 };

/* ", which only b#3 can fill" */
static int tell_who_helps(const struct snapshot *s, uint32_t process, uint64_t helper,
                          struct buf *out) {
  uint32_t list[SHOWN];
  const char *verb = rule_of(&s->processes[process].op)->verb;
  uint32_t total = other_helpers(s, process, list, SHOWN);
  if (waits_for_unknown(s, process))
    return buf_format(out, ", which whoever gets a message with it can %s", verb);
  if (total == 0)
    return buf_format(out, ", which nobody else can %s", verb);
  int rc = buf_format(out, ", which only ");
  if (rc == 0)
    rc = tell_list(s, list, total < SHOWN ? total : SHOWN, total, helper, out);
  return rc ? rc : buf_format(out, " can %s", verb);
}

/* " at x.lua:3", if all who wait together do it there. */
static int tell_where(const struct snapshot *s, uint32_t process, struct buf *out) {
  const char *where = s->processes[process].where;
  for (uint32_t i = 0; i < s->process_count; i++)
    if (s->processes[i].lives && waits_together(s, process, i) &&
        strcmp(s->processes[i].where, where) != 0)
      return 0;
  return *where ? buf_format(out, " at %s", where) : 0;
}

int waits_tell(const struct snapshot *s, uint32_t process, uint64_t helper, struct buf *out) {
  const struct snapshot_op *op = &s->processes[process].op;
  const struct wait_rule *rule = rule_of(op);
  uint32_t list[SHOWN];
  uint32_t total = waits_with(s, process, list, SHOWN);
  int rc = tell_list(s, list, total < SHOWN ? total : SHOWN, total, 0, out);
  if (rc == 0)
    rc = buf_format(out, " wait%s in %s", total == 1 ? "s" : "", op_describe(op->kind)->verb);
  if (rc == 0)
    rc = tell_where(s, process, out);
  if (rc == 0 && op->object)
    rc = buf_format(out, " for ");
  if (rc == 0)
    rc = waits_tell_object(s, process, false, out);
  return rc == 0 && rule && rule->verb ? tell_who_helps(s, process, helper, out) : rc;
}

int waits_tell_chain(const struct snapshot *s, uint32_t first, uint64_t helper, bool *told,
                     bool *ret_closed, struct buf *out) {
  enum { CHAIN = 6 };
  uint32_t chain[CHAIN];
  bool closed;
  uint32_t n = waits_chain(s, first, chain, CHAIN, &closed);
  int rc = 0;
  for (uint32_t i = 0; i < n && rc == 0; i++) {
    if (told[chain[i]])
      continue;
    for (uint32_t k = 0; k < s->process_count; k++)
      told[k] |= waits_together(s, chain[i], k);
    rc = buf_format(out, "%s", i ? "; " : "");
    if (rc == 0)
      rc = waits_tell(s, chain[i], helper, out);
  }
  if (ret_closed)
    *ret_closed = closed;
  return rc;
}
