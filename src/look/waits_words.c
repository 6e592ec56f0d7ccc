/* look/waits_words.c - what a process waits for, and who could help, in words; see waits.h. */
#include "look/waits_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/words.h"

int waits_tell_process(const struct snapshot *s, uint32_t process, struct buf *out) {
  const struct snapshot_process *p = &s->processes[process];
  if (p->slot == 0)
    return buf_format(out, "main");
  return buf_format(out, "%s#%" PRIu64 "%s%s", p->name[0] ? p->name : "process",
                    p->told_as ? p->told_as : p->id, p->host[0] ? "@" : "", p->host);
}

/* Is it a mailbox? Whose? */
static bool mailbox_owner(const struct snapshot *s, const struct snapshot_need *n, uint32_t *ret) {
  const struct snapshot_queue *q = n->type == OBJECT_QUEUE ? waits_queue(s, n) : NULL;
  int64_t owner = q && q->owner ? snapshot_find_process(s, q->owner) : -1;
  *ret = owner < 0 ? 0 : (uint32_t)owner;
  return owner >= 0;
}

/* The verb of a rule, but for what a mailbox waits for. */
static const char *verb_of(const struct snapshot *s, const struct snapshot_need *n) {
  uint32_t owner;
  return mailbox_owner(s, n, &owner) ? "send" : waits_rule(n)->verb;
}

static int tell_need(const struct snapshot *s, const struct snapshot_need *n, bool brief,
                     struct buf *out) {
  const struct wait_rule *rule = waits_rule(n);
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
                    snapshot_number(n->object));
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
    if (!s->processes[i].lives || waits_together(s, process, i) || !waits_help(s, op, i))
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
    const struct wait_rule *rule = waits_rule(&op->needs[i]);
    more |= rule && rule->verb;
  }
  return more && !waits_beyond_us(op);
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
  const struct snapshot_queue *q = op->items ? waits_queue(s, &op->needs[0]) : NULL;
  if (rc == 0 && op->items && !(q && q->closed)) /* a closed one has something in hand */
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
