/* os/deadlock.c - noticing that a whole run can never go on; see supervisor_internal.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "os/snapshot.h"
#include "os/supervisor_internal.h"
#include "os/waits.h"

enum {
  PAUSE_MOST = 8,   /* times after_ns */
  COST_SHARE = 100, /* a look may take this part of the time between two */
  SENTENCES = 6
};

void deadlock_begin(struct deadlock_watch *w, int64_t after_ns) {
  w->after_ns = w->pause_ns = after_ns;
  w->look_at_ns = after_ns > 0 ? clock_now_ns() + after_ns : SBX_FOREVER;
}

/* -- a look ---------------------------------------------------------------------------------- */

/*
 * When did the last process go to sleep, without a deadline? 0 if somebody is awake. No more than a
 * hint, and cheap: most looks end here, at main or at its first child.
 */
static int64_t asleep_since(const struct control *c) {
  int64_t latest = 0;
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    const struct process_record *p = &c->processes[i];
    if (!control_process_exists(c, i))
      continue;
    int64_t since = atomic_load(&p->op_since_ns), line = atomic_load(&p->line_since_ns);
    if (atomic_load(&p->op_kind) == OP_NONE || atomic_load(&p->op_deadline_ns) != SBX_FOREVER ||
        since == 0)
      return 0;
    if (atomic_load(&p->line_ticket) && line < since) /* it has looked again since */
      since = line;
    latest = since > latest ? since : latest;
  }
  return latest;
}

/* "deadlock: main waits in get at x.lua:3 for queue#1, which nobody else can fill" */
static int tell_deadlock(const struct snapshot *s, bool *told, struct buf *out) {
  int rc = buf_format(out, "deadlock: ");
  uint32_t sentences = 0, untold = 0;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++) {
    if (told[i] || !s->processes[i].lives)
      continue;
    if (sentences == SENTENCES) {
      untold++;
      continue;
    }
    rc = buf_format(out, "%s", sentences++ ? "; " : "");
    if (rc == 0)
      rc = waits_tell_chain(s, i, 0, told, NULL, out);
  }
  if (rc == 0 && untold)
    rc = buf_format(out, "; and %" PRIu32 " more wait", untold);
  return rc ? rc : buf_append_byte(out, '\0');
}

/* Is it so? Everything is looked at again, and twice. */
static bool deadlocked(const struct control *c, struct buf *out) {
  struct snapshot s;
  if (snapshot_take(c, SNAPSHOT_QUEUES, &s))
    return false;
  bool yes = waits_find(&s, 0) == 0 && waits_all_stuck(&s);
  bool *told = yes ? calloc(s.process_count, sizeof *told) : NULL;
  if (told && tell_deadlock(&s, told, out))
    buf_release(out);
  free(told);
  snapshot_release(&s);
  return yes;
}

/* -- when ------------------------------------------------------------------------------------ */

/* Somebody is awake: look again after a pause that grows. */
static void look_later(struct deadlock_watch *w, int64_t began_ns) {
  int64_t now = clock_now_ns();
  int64_t least = (now - began_ns) * COST_SHARE;
  w->pause_ns =
      2 * w->pause_ns < PAUSE_MOST * w->after_ns ? 2 * w->pause_ns : PAUSE_MOST * w->after_ns;
  w->look_at_ns = now + (w->pause_ns > least ? w->pause_ns : least);
}

bool deadlock_look(struct deadlock_watch *w, const struct control *c, struct buf *told) {
  int64_t now = clock_now_ns();
  if (now < w->look_at_ns)
    return false;
  int64_t since = asleep_since(c);
  if (since && now - since < w->after_ns) { /* maybe: everybody has just gone to sleep */
    w->pause_ns = w->after_ns;
    w->look_at_ns = since + w->after_ns;
    return false;
  }
  if (since && deadlocked(c, told))
    return true;
  look_later(w, now);
  return false;
}
