/*
 * os/supervisor/deadlock.c - see deadlock.h.
 *
 * A glance at the records is cheap, and says whether a look is worth its cost. A look takes a
 * snapshot and finds the processes that only each other could help (look/waits.h). If these are all
 * processes, the run has ended; if not, the part is reported once.
 */
#include "os/supervisor/deadlock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "look/waits.h"
#include "os/supervisor/snapshot.h"

enum {
  PAUSE_MOST = 4,  /* times after_ns */
  COST_SHARE = 100 /* of the time between two looks, one may take a hundredth as CPU time */
};

void deadlock_begin(struct deadlock_watch *w, int64_t after_ns, bool guided) {
  w->guided = guided;
  w->after_ns = w->pause_ns = after_ns;
  w->look_at_ns = after_ns > 0 ? clock_now_ns() + after_ns : SBX_FOREVER;
}

void deadlock_end(struct deadlock_watch *w) {
  free(w->told);
  *w = (struct deadlock_watch){.look_at_ns = SBX_FOREVER};
}

/* -- is a look worth it? --------------------------------------------------------------------- */

/* Since when the process has slept without a deadline; 0: it does not. */
static int64_t asleep_since(const struct process_record *p) {
  int64_t since = atomic_load(&p->op_since_ns), line = atomic_load(&p->line_since_ns);
  if (atomic_load(&p->op_kind) == OP_NONE || atomic_load(&p->op_deadline_ns) != SBX_FOREVER)
    return 0;
  return atomic_load(&p->line_ticket) && line < since ? line
                                                      : since; /* it has looked again since */
}

/* It stands for a process on another host: what that does is not seen here. */
static bool stands_in(const struct process_record *p) { return p->host[0] != '\0'; }

/* No: it joins a process that is awake, or sleeps by the clock. */
static bool may_be_stuck(const struct control *c, const struct process_record *p) {
  uint32_t kind = atomic_load(&p->op_kind), slot = atomic_load(&p->op_slot);
  if (kind == OP_PROCESS_JOIN && slot < PROCESS_SLOTS)
    return atomic_load(&c->processes[slot].op_kind) != OP_NONE || stands_in(&c->processes[slot]);
  return kind != OP_CLOCK_SLEEP;
}

/* What the records say: cheap, and no more than a hint. */
struct hint {
  int64_t all_since_ns; /* all sleep without a deadline since then; 0: one does not */
  bool some;            /* one has slept for long enough to be stuck */
};

static struct hint glance(const struct deadlock_watch *w, const struct control *c, int64_t now) {
  struct hint h = {.all_since_ns = 1};
  for (uint32_t i = 0; i < control_process_end(c) && (h.all_since_ns || !h.some); i++) {
    const struct process_record *p = &c->processes[i];
    if (!control_process_exists(c, i))
      continue;
    if (stands_in(p)) { /* the look will tell */
      h.some = true;
      continue;
    }
    int64_t since = asleep_since(p);
    if (since == 0)
      h.all_since_ns = 0;
    else if (h.all_since_ns && since > h.all_since_ns)
      h.all_since_ns = since;
    h.some |= since && now - since >= w->after_ns && may_be_stuck(c, p);
  }
  return h;
}

/* -- what was reported already --------------------------------------------------------------- */

static bool is_told(const struct deadlock_watch *w, const struct snapshot_process *p) {
  for (uint32_t i = 0; i < w->told_count; i++)
    if (w->told[i].process == p->id && w->told[i].sleep == p->op.sleep_id)
      return true;
  return false;
}

/* Remember what is reported now, and no more: a process that is stuck stays so. */
static int remember(struct deadlock_watch *w, const struct snapshot *s) {
  struct told_sleep *list = malloc(s->process_count * sizeof *list);
  uint32_t n = 0;
  if (!list)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < s->process_count; i++)
    if (s->processes[i].stuck == STUCK_FOR_EVER)
      list[n++] = (struct told_sleep){s->processes[i].id, s->processes[i].op.sleep_id};
  free(w->told);
  w->told = list;
  w->told_count = n;
  return 0;
}

/* Main, if a person guides it and it can never go on by itself; else -1. */
static int64_t stuck_main(const struct deadlock_watch *w, const struct snapshot *s) {
  for (uint32_t i = 0; i < s->process_count && w->guided; i++)
    if (s->processes[i].slot == 0 && s->processes[i].stuck == STUCK_FOR_EVER)
      return i;
  return -1;
}

/*
 * Mark the stuck processes of parts (waits_parts) that were not reported yet. Returns how many.
 *   part, about  process_count each
 */
static uint32_t find_new(const struct deadlock_watch *w, const struct snapshot *s, uint32_t *part,
                         bool *about) {
  uint32_t n = 0;
  waits_parts(s, part);
  for (uint32_t i = 0; i < s->process_count; i++)
    about[i] = true;
  for (uint32_t i = 0; i < s->process_count; i++)
    if (is_told(w, &s->processes[i]))
      about[part[i]] = false;
  int64_t guided = stuck_main(w, s); /* others may have been told of with an earlier chunk */
  if (guided >= 0 && !is_told(w, &s->processes[guided]))
    about[part[guided]] = true;
  for (uint32_t i = s->process_count; i-- > 0;)
    if (part[i] != i)
      about[i] = about[part[i]];
  for (uint32_t i = 0; i < s->process_count; i++) {
    about[i] &= s->processes[i].stuck == STUCK_FOR_EVER;
    n += about[i] && !waits_idly(s, i);
  }
  return n;
}

/* -- a look ---------------------------------------------------------------------------------- */

static uint32_t living(const struct snapshot *s) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->process_count; i++)
    n += s->processes[i].lives;
  return n;
}

/* Only the person at the prompt can help. */
static int tell_guide(const struct snapshot *s, uint32_t n, struct buf *out) {
  static const char unless[] = "warning: deadlock, unless you help:";
  return n == 1 ? buf_format(out, "%s main can never go on; Ctrl-C interrupts it", unless)
                : buf_format(out,
                             "%s %" PRIu32 " of %" PRIu32
                             " processes can never go on; Ctrl-C interrupts main",
                             unless, n, living(s));
}

/* `guide`: main, which a person can interrupt, is one of the n. */
static int tell(const struct snapshot *s, bool all, bool guide, const bool *about, uint32_t n,
                struct buf *out) {
  int rc = guide    ? tell_guide(s, n, out)
           : all    ? buf_format(out, "deadlock: nobody can ever go on")
           : n == 1 ? buf_format(out, "warning: deadlock: a process can never go on")
                    : buf_format(out,
                                 "warning: deadlock: %" PRIu32 " of %" PRIu32
                                 " processes can never go on",
                                 n, living(s));
  if (rc == 0)
    rc = waits_report(s, about, out);
  return rc ? rc : buf_append_byte(out, '\0');
}

/* Report that all are stuck, or the parts that were not reported yet. */
static enum deadlock judge(struct deadlock_watch *w, const struct snapshot *s, struct buf *out) {
  bool all = !w->guided && waits_all_stuck(s), *about = malloc(s->process_count * sizeof *about);
  uint32_t n = 0, *part = malloc(s->process_count * sizeof *part);
  int64_t guide = stuck_main(w, s);
  int rc = about && part ? 0 : -SBX_ENOMEM;
  for (uint32_t i = 0; i < s->process_count && all && rc == 0; i++)
    n += about[i] = s->processes[i].lives;
  if (rc == 0 && !all && (n = find_new(w, s, part, about)) > 0)
    rc = remember(w, s);
  if (rc == 0 && n && (rc = tell(s, all, guide >= 0 && about[guide], about, n, out)))
    buf_release(out);
  free(part);
  free(about);
  return all ? DEADLOCK_ALL : rc == 0 && n ? DEADLOCK_SOME : DEADLOCK_NONE;
}

/*
 * All processes sleep, but one has just woken up and looked again. Probably all are stuck, and that
 * should be reported, not that some are: one of the next looks will show it.
 */
static bool is_unsure(struct deadlock_watch *w, const struct snapshot *s, bool all_asleep) {
  enum { MOST = 4 };
  bool unsure = all_asleep && !waits_all_stuck(s) && w->unsure < MOST;
  w->unsure = unsure ? w->unsure + 1 : 0;
  if (unsure)
    w->pause_ns = w->after_ns / 4;
  return unsure;
}

/* Take a snapshot, and judge what is steady in it. */
static enum deadlock look(struct deadlock_watch *w, const struct control *c, bool all_asleep,
                          struct buf *out) {
  struct snapshot s;
  enum deadlock ret = DEADLOCK_NONE;
  if (w->take ? w->take(w->take_ctx, c, &s) : snapshot_take(c, SNAPSHOT_QUEUES, &s))
    return ret;
  bool some = false;
  if (s.process_count && waits_find(&s, 0) == 0)
    for (uint32_t i = 0; i < s.process_count; i++)
      some |= s.processes[i].stuck == STUCK_FOR_EVER;
  if (some && !is_unsure(w, &s, all_asleep))
    ret = judge(w, &s, out);
  if (ret != DEADLOCK_NONE && w->found && out->len > 0)
    w->found(w->found_ctx, &s, (const char *)out->data);
  snapshot_release(&s);
  return ret;
}

/* -- when ------------------------------------------------------------------------------------ */

/* CPU time of this process: the cost of a look, however busy the machine is. */
static int64_t cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

/* A process is awake: look again after a pause that grows. */
static void look_later(struct deadlock_watch *w, int64_t cpu_before_ns) {
  int64_t now = clock_now_ns();
  int64_t least = (cpu_ns() - cpu_before_ns) * COST_SHARE;
  w->pause_ns =
      2 * w->pause_ns < PAUSE_MOST * w->after_ns ? 2 * w->pause_ns : PAUSE_MOST * w->after_ns;
  w->look_at_ns = now + (w->pause_ns > least ? w->pause_ns : least);
}

enum deadlock deadlock_look(struct deadlock_watch *w, const struct control *c, struct buf *told) {
  int64_t now = clock_now_ns();
  if (now < w->look_at_ns)
    return DEADLOCK_NONE;
  int64_t cpu_before = cpu_ns();
  struct hint h = glance(w, c, now);
  if (h.all_since_ns && now - h.all_since_ns < w->after_ns) { /* they have just gone to sleep */
    w->pause_ns = w->after_ns;
    w->look_at_ns = h.all_since_ns + w->after_ns;
    return DEADLOCK_NONE;
  }
  enum deadlock ret = h.all_since_ns || h.some ? look(w, c, h.all_since_ns, told) : DEADLOCK_NONE;
  if (ret != DEADLOCK_ALL)
    look_later(w, cpu_before);
  return ret;
}
