/*
 * os/supervisor/limits.c - what a run may use up in all its processes together; see supervisor_internal.h.
 *
 * Memory that Lua takes is counted by the process that takes it, before it has it (base/meter.h). What
 * remains is looked at here, EACH_NS apart: memory that processes share (queues, values, arrays), copies that
 * writing makes of a parent's memory, and the time of processors. The kernel's numbers are read in steps,
 * for the exact one walks page tables: resident pages are no fewer than those that count; only when they are
 * over the limit it is asked for each process's part of them (PSS).
 *
 * A process's time is its own and that of the children it has reaped, so the living ones and the
 * supervisor's children have all that was ever used.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"
#include "os/shared/proc.h"
#include "os/supervisor/family.h"
#include "os/supervisor/supervisor_internal.h"

enum {
  EACH_NS = 50 * 1000 * 1000,
  SOON_NS = 10 * 1000 * 1000,
  LENIENT =
      16 /* a part of the limit: for what the processes do not count, as stacks. They come first */
};

void limits_begin(struct limits_watch *w, struct os_backend *b, const struct policy *p) {
  *w = (struct limits_watch){.b = b, .policy = p, .look_at_ns = SBX_FOREVER};
  if (p && (p->limits.memory_bytes || p->limits.cpu_ns != SBX_FOREVER))
    w->look_at_ns = clock_now_ns() + EACH_NS;
}

/* -- the processes of the run ------------------------------------------------------------------ */

struct totals {
  int64_t cpu_ns;
  uint64_t resident, anonymous, shared; /* bytes; the last two are set by exact alone */
  uint64_t most;                        /* of one process */
  pid_t pid;                            /* which */
  uint64_t procs;
};

typedef void visit_fn(void *totals, pid_t pid);

static void visit_records(const struct control *c, struct totals *t, visit_fn *visit) {
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    uint64_t stamp = atomic_load(&c->process_stamp[i]);
    pid_t pid = control_process_pid(c, i, stamp);
    if (phase_lives(stamp_phase(stamp)) && pid > 0)
      visit(t, pid);
  }
}

static void visit_all(const struct limits_watch *w, struct totals *t, visit_fn *visit) {
  if (!family_each(visit, t))
    visit_records(w->b->control, t, visit);
}

static void add_estimate(void *ctx, pid_t pid) {
  struct totals *t = ctx;
  struct proc_totals of;
  if (proc_totals(pid, &of))
    return;
  t->procs++;
  t->cpu_ns += of.cpu_ns;
  t->resident += of.resident;
}

static void add_exact(void *ctx, pid_t pid) {
  struct totals *t = ctx;
  uint64_t anonymous, shared;
  if (proc_parts(pid, &anonymous, &shared))
    return;
  t->anonymous += anonymous;
  t->shared += shared;
  if (anonymous + shared > t->most) {
    t->most = anonymous + shared;
    t->pid = pid;
  }
}

/* -- looking ----------------------------------------------------------------------------------- */

static void blame(struct limits_watch *w, pid_t pid) {
  const struct control *c = w->b->control;
  for (uint32_t i = 0; i < control_process_end(c); i++) {
    uint64_t stamp = atomic_load(&c->process_stamp[i]);
    if (control_process_pid(c, i, stamp) == pid && phase_lives(stamp_phase(stamp))) {
      w->slot = i;
      w->serial = stamp_serial(stamp);
      w->blamed = true;
    }
  }
}

static int64_t children_ns(void) {
  struct rusage used;
  if (getrusage(RUSAGE_CHILDREN, &used))
    return 0;
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * NS_PER_SECOND +
         (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
}

/* The store keeps pages that no process has mapped; what is mapped of it counts once. */
static uint64_t stored(const struct control *c) {
  int64_t bytes = atomic_load(&c->result_bytes);
  return bytes > 0 ? (uint64_t)bytes : 0;
}

static bool memory_is_over(struct limits_watch *w, const struct totals *estimate) {
  struct control *c = w->b->control;
  uint64_t most = w->policy->limits.memory_bytes, kept = stored(c);
  struct totals t = {0};
  if (estimate->resident + kept > most / 2) { /* it may grow fast */
    visit_all(w, &t, add_exact);
    uint64_t shared = t.shared > kept ? t.shared : kept;
    atomic_store(&c->memory.shared, (int64_t)shared);
    w->look_at_ns = clock_now_ns() + SOON_NS;
    if (t.anonymous + shared > most + most / LENIENT) {
      blame(w, t.pid);
      return true;
    }
  }
  return false;
}

/* How many processes there may be at once, with programs. spawn has counted those that it makes; more than twice as
 * many can only be programs, or made by code that is not Lua. */
static uint64_t procs_most(const struct policy_limits *l) {
  enum { AT_THEIR_ENDS = 8 };
  return 2 * (uint64_t)l->procs + AT_THEIR_ENDS;
}

enum run_limit limits_look(struct limits_watch *w) {
  int64_t now = clock_now_ns();
  if (now < w->look_at_ns)
    return RUN_LIMIT_NONE;
  const struct policy_limits *l = &w->policy->limits;
  struct totals t = {.cpu_ns = children_ns()};
  w->look_at_ns = now + EACH_NS;
  visit_all(w, &t, add_estimate);
  if (l->memory_bytes && memory_is_over(w, &t))
    return RUN_LIMIT_MEMORY;
  if (t.procs > procs_most(l))
    return RUN_LIMIT_PROCS;
  return t.cpu_ns > l->cpu_ns ? RUN_LIMIT_CPU : RUN_LIMIT_NONE;
}

/* -- telling ----------------------------------------------------------------------------------- */

/* "256 MiB", "1536 bytes" */
static void tell_bytes(uint64_t bytes, char *ret, size_t size) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
  unsigned unit = 0;
  while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
    bytes /= 1024;
    unit++;
  }
  snprintf(ret, size, "%llu %s", (unsigned long long)bytes, units[unit]);
}

void limits_tell(const struct limits_watch *w, enum run_limit what, const char *places, char *ret,
                 size_t size) {
  const struct policy_limits *l = &w->policy->limits;
  char amount[48], place[LINE_MAX_BYTES / 2] = "";
  if (w->blamed && w->slot == NO_PROCESS)
    text_copy(place, sizeof place, "a program");
  else if (w->blamed)
    tell_place(w->b->control, w->slot, place, sizeof place);
  const char *before = w->blamed ? "        [" : "", *behind = w->blamed ? " asked for more]" : "";
  switch (what) {
  case RUN_LIMIT_NONE:
    break;
  case RUN_LIMIT_MEMORY:
    tell_bytes(l->memory_bytes, amount, sizeof amount);
    snprintf(ret, size, "the run used %s, its limit (--memory)%s%s%s", amount, before, place,
             behind);
    break;
  case RUN_LIMIT_OUTPUT:
    tell_bytes(l->output_bytes, amount, sizeof amount);
    snprintf(ret, size, "the run wrote %s, its limit (--output-limit)%s%s%s", amount, before, place,
             behind);
    break;
  case RUN_LIMIT_FILES:
    tell_bytes(l->files_bytes, amount, sizeof amount);
    snprintf(ret, size, "the run wrote %s into files, its limit (--files-limit)%s%s%s", amount,
             before, place, behind);
    break;
  case RUN_LIMIT_PROCS:
    snprintf(
        ret, size,
        "the run had more than %llu processes, programs among them; its limit is %u (--max-procs)",
        (unsigned long long)procs_most(l), (unsigned)l->procs);
    break;
  case RUN_LIMIT_CPU:
    snprintf(ret, size, "the run used %g s of CPU time, its limit (--cpu): %s",
             (double)l->cpu_ns / (double)NS_PER_SECOND, places);
    break;
  }
}
