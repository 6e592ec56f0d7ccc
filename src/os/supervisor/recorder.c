/* os/supervisor/recorder.c - see recorder.h. */
#include "os/supervisor/recorder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/text.h"
#include "look/snapshot.h"
#include "look/waits.h"
#include "os/shared/results.h"
#include "os/shared/self.h"
#include "os/supervisor/snapshot.h"

enum {
  OUT_BYTES = 64 * 1024,
  MESSAGE_MOST = 64 * 1024,                       /* of a report */
  DRAINED_AT_ONCE = 2 * RING_RECORDS / RING_BATCH /* batches: more than a ring holds */
};

/* -- chunks ---------------------------------------------------------------------------------- */

static void hand_over(struct recorder *r) {
  if (r->out.len > 0 && !r->failed)
    r->failed = r->o->keep(r->o->ctx, r->out.data, r->out.len) != 0;
  buf_clear(&r->out, 4 * OUT_BYTES);
}

/* To what is kept (r->out), or to somebody's own. A chunk that there is no memory for is lost, as a
 * record is that comes too late. */
static void chunk_to(struct recorder *r, struct buf *to, enum log_kind kind, const void *a,
                     size_t a_len, const void *b, size_t b_len) {
  trace_log_append(to, kind, a, a_len, b, b_len, NULL, 0);
  if (to == &r->out && r->out.len >= OUT_BYTES)
    hand_over(r);
}

static void chunk(struct recorder *r, enum log_kind kind, const void *a, size_t a_len,
                  const void *b, size_t b_len) {
  chunk_to(r, &r->out, kind, a, a_len, b, b_len);
}

/* One record of a process. */
static void record_to(struct recorder *r, struct buf *to, uint64_t process,
                      const struct trace_record *record) {
  const struct log_records head = {.process = (uint32_t)process, .count = 1};
  chunk_to(r, to, LOG_RECORDS, &head, sizeof head, record, sizeof *record);
}

/* The log is to know a text before a record names it. */
static void tell_text(struct recorder *r, uint32_t number) {
  if (number == 0 || number > TEXT_CELLS || (r->told[(number - 1) / 64] >> ((number - 1) % 64) & 1))
    return;
  char text[TEXT_BYTES]; /* any process can write over it */
  text_copy(text, sizeof text, trace_text_of(&r->area->texts, number));
  chunk(r, LOG_TEXT, &number, sizeof number, text, strlen(text) + 1);
  r->told[(number - 1) / 64] |= UINT64_C(1) << ((number - 1) % 64);
}

/* What a report says before its traceback, as report_format writes it: "sandbox: MESSAGE (process
 * writer#2, pid 4711)", perhaps with colours. Makes it the first line of MESSAGE. */
static void bare_message(char *text) {
  static const char prefix[] = "sandbox: ", suffix[] = " (process ";
  size_t len = 0;
  text[strcspn(text, "\n")] = '\0';
  for (const char *at = text; *at; at++) {
    if (at[0] == '\033' && at[1] == '[')
      at += strcspn(at, "m");
    else
      text[len++] = *at;
    if (*at == '\0')
      break;
  }
  text[len] = '\0';
  if (strncmp(text, prefix, sizeof prefix - 1) == 0)
    memmove(text, text + sizeof prefix - 1, len + 1 - (sizeof prefix - 1));
  char *last = NULL;
  for (char *at = text; (at = strstr(at, suffix)); at++)
    last = at;
  if (last)
    *last = '\0';
}

/* The first line of the message of a process that failed, if it can still be had. */
static void tell_failure(struct recorder *r, uint64_t owner) {
  uint32_t slot = (uint32_t)owner & 0xffff, id = (uint32_t)(owner >> 16);
  const struct process_record *p = &r->b->control->processes[slot];
  struct buf text = {0};
  if (control_process_stamp(r->b->control, slot, owner >> 16) && p->report_len > 0 &&
      results_load_report(r->b, slot, MESSAGE_MOST, &text) == 0 && text.len > 0) {
    if (buf_append_byte(&text, 0) == 0) {
      bare_message((char *)text.data);
      chunk(r, LOG_FAILURE, &id, sizeof id, text.data, strlen((char *)text.data) + 1);
    }
  }
  buf_release(&text);
}

/* -- draining -------------------------------------------------------------------------------- */

static bool is_gone(const struct control *c, uint64_t owner) {
  uint64_t stamp = control_process_stamp(c, (uint32_t)owner & 0xffff, owner >> 16);
  return !stamp || stamp_phase(stamp) >= PHASE_ENDED;
}

/* The first record of a process was overwritten before it was read: make it again from the
 * process's own, if that is still there. `t_ns`: of the first that was read. */
static void tell_begin(struct recorder *r, uint64_t owner, int64_t t_ns) {
  uint32_t slot = (uint32_t)owner & 0xffff;
  const struct process_record *p = &r->b->control->processes[slot];
  struct trace_texts *texts = &r->area->texts;
  if (!control_process_stamp(r->b->control, slot, owner >> 16))
    return;
  uint32_t at = trace_text_number(texts, p->spawned_at);
  const struct trace_record begin = {.t_ns = t_ns,
                                     .kind = TRACE_RECORD_BEGIN,
                                     .flags = trace_begin_flags(p),
                                     .object = (uint32_t)(owner >> 16),
                                     .where = trace_text_number(texts, p->name),
                                     .n = (uint64_t)at << 32 | (uint32_t)p->spawner_serial};
  tell_text(r, begin.where);
  tell_text(r, at);
  record_to(r, &r->out, owner >> 16, &begin);
}

/* What the log is to know before these records. */
static void tell_texts(struct recorder *r, const struct trace_record *records, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    if (!(records[i].flags & TRACE_SEVERAL))
      tell_text(r, records[i].where);
    if (records[i].kind == TRACE_RECORD_BEGIN)
      tell_text(r, (uint32_t)(records[i].n >> 32));
    if (trace_record_is_new(&records[i]))
      tell_text(r, records[i].duration);
  }
}

/* What is there, and not for ever what comes meanwhile. Returns whether there was anything. */
static bool drain_ring(struct recorder *r, uint32_t i, uint64_t owner, bool all) {
  struct trace_record records[RING_BATCH];
  struct log_records head = {.process = (uint32_t)(owner >> 16)};
  uint64_t lost;
  bool failed = false, any = false;
  for (int batch = 0; batch < DRAINED_AT_ONCE; batch++) {
    unsigned count = trace_read(&r->readers[i], &r->area->rings[i], all, records, &lost);
    if (count == 0 && lost == 0)
      break;
    if (r->begun[i] != owner && count > 0 && records[0].kind != TRACE_RECORD_BEGIN)
      tell_begin(r, owner, records[0].t_ns);
    if (count > 0)
      r->begun[i] = owner;
    tell_texts(r, records, count);
    for (unsigned k = 0; k < count; k++)
      failed |= records[k].kind == TRACE_RECORD_END && records[k].n != 0 &&
                !(records[k].flags & TRACE_LEFT);
    any = true;
    head.count = count;
    head.lost = lost;
    chunk(r, LOG_RECORDS, &head, sizeof head, records, count * sizeof *records);
    atomic_store_explicit(&r->area->rings[i].taken, r->readers[i].next, memory_order_relaxed);
  }
  if (failed)
    tell_failure(r, owner);
  return any;
}

bool recorder_drain(struct recorder *r) {
  bool any = false;
  if (!r->area)
    return false;
  atomic_store(&r->area->asked, 0);
  for (uint32_t i = 0; i < r->b->trace_rings; i++) {
    uint64_t owner = atomic_load(&r->area->owners[i]);
    if (owner == 0)
      continue;
    bool gone = is_gone(r->b->control, owner); /* before: what it wrote is there then */
    any |= drain_ring(r, i, owner, gone);
    if (gone)
      atomic_compare_exchange_strong(&r->area->owners[i], &owner, 0);
  }
  hand_over(r);
  return any;
}

/* Does any process live but the session that waits for a line? */
static bool others_live(const struct recorder *r) {
  const struct control *c = r->b->control;
  for (uint32_t i = r->idle_since_ns ? 1 : 0; i < control_process_end(c); i++)
    if (control_process_alive(c, i))
      return true;
  return false;
}

void recorder_look(struct recorder *r, int64_t now_ns) {
  if (now_ns < r->drain_at_ns)
    return;
  atomic_fetch_add(&r->area->epoch, 1);
  int64_t longest = others_live(r) ? DRAIN_SELDOM_NS : DRAIN_IDLE_NS;
  r->pause_ns = recorder_drain(r) ? DRAIN_EVERY_NS : 2 * r->pause_ns;
  r->pause_ns = r->pause_ns < longest ? r->pause_ns : longest;
  r->drain_at_ns = r->failed ? SBX_FOREVER : now_ns + r->pause_ns;
}

/* -- a session that waits for a line --------------------------------------------------------- */

/* Returns until when it was told. A long time is stored with a few bits less: it is rounded up, so that
 * nothing seems to be between two of them. */
static int64_t tell_idle(struct recorder *r, struct buf *to) {
  struct trace_record idle = {.t_ns = r->idle_since_ns, .kind = TRACE_RECORD_IDLE};
  int64_t ns = clock_now_ns() - r->idle_since_ns;
  trace_record_last(&idle, ns + (ns >> 31));
  record_to(r, to, r->idle, &idle);
  return idle.t_ns + trace_record_duration(&idle);
}

void recorder_idle(struct recorder *r, bool idle, int64_t since_ns) {
  if (!r->area || idle == (r->idle_since_ns != 0))
    return;
  int64_t now = clock_now_ns();
  atomic_fetch_add(&r->area->epoch, 1); /* what a chunk did and what the next does are two runs */
  if (idle) {
    since_ns = since_ns ? since_ns : now;
    r->idle_since_ns = since_ns > r->idle_until_ns ? since_ns : r->idle_until_ns;
    r->idle = r->b->serial;
    return;
  }
  r->idle_until_ns = tell_idle(r, &r->out);
  r->idle_since_ns = 0;
  r->pause_ns = DRAIN_EVERY_NS;
  if (!r->failed && r->drain_at_ns > now + DRAIN_EVERY_NS)
    r->drain_at_ns = now + DRAIN_EVERY_NS;
}

void recorder_main(struct recorder *r, const struct trace_ring *ring) {
  r->main = ring;
  r->main_first = ring ? atomic_load(&ring->head) + 1 : 0; /* it begins with another record */
}

uint64_t recorder_count(const struct recorder *r) {
  uint64_t head = r->main ? atomic_load(&r->main->head) : 0;
  return head > r->main_first ? head - r->main_first : 0;
}

/* -- begin and end --------------------------------------------------------------------------- */

int recorder_begin(struct recorder *r, const struct record_options *o, struct os_backend *b) {
  const struct control *c = b->control;
  *r = (struct recorder){.o = o, .b = b, .drain_at_ns = SBX_FOREVER};
  if (!o->on)
    return 0;
  int rc = trace_area_create(o->detail, c->max_procs, &r->area);
  if (rc)
    return rc;
  trace_install(b, r->area);
  r->readers = calloc(b->trace_rings, sizeof *r->readers);
  r->begun = calloc(b->trace_rings, sizeof *r->begun);
  if (!r->readers || !r->begun)
    return -SBX_ENOMEM;
  const struct log_begin begin = {.start_ns = c->clock.start_ns,
                                  .wall_ns = clock_wall_ns() - (clock_now_ns() - c->clock.start_ns),
                                  .speed = c->clock.speed,
                                  .seed = c->processes[0].seed,
                                  .detail = (uint32_t)o->detail,
                                  .engine = o->engine};
  trace_log_append(&r->out, LOG_BEGIN, &begin, sizeof begin, o->command, strlen(o->command) + 1,
                   o->version, strlen(o->version) + 1);
  hand_over(r);
  r->pause_ns = DRAIN_EVERY_NS;
  r->drain_at_ns = clock_now_ns() + DRAIN_EVERY_NS;
  return 0;
}

/* -- who waits for whom ---------------------------------------------------------------------- */

static void tell_edge(struct recorder *r, struct buf *to, const struct snapshot *s,
                      uint32_t process, const struct snapshot_need *need, uint32_t holder) {
  const struct snapshot_process *p = &s->processes[process];
  bool join = need->type == OBJECT_PROCESS;
  const struct log_edge e = {.process = (uint32_t)p->id,
                             .object = join ? 0 : (uint32_t)need->object,
                             .holder = holder == UINT32_MAX ? 0 : (uint32_t)s->processes[holder].id,
                             .kind = (uint16_t)need->kind,
                             .stuck = p->stuck == STUCK_FOR_EVER};
  chunk_to(r, to, LOG_EDGE, &e, sizeof e, p->where, strlen(p->where) + 1);
}

/* What was told before is over. `told`: the report of a deadlock, or "" */
static void tell_waits(struct recorder *r, struct buf *to, const struct snapshot *s,
                       const char *told) {
  enum { HELPERS_MAX = 16 };
  chunk_to(r, to, LOG_FORGET, NULL, 0, NULL, 0);
  chunk_to(r, to, LOG_DEADLOCK, told, strlen(told) + 1, NULL, 0);
  for (uint32_t i = 0; i < s->process_count; i++) {
    const struct snapshot_process *p = &s->processes[i];
    uint32_t helpers[HELPERS_MAX];
    if (!p->lives || p->op.kind == OP_NONE)
      continue;
    uint32_t count = waits_for(s, i, helpers, HELPERS_MAX);
    count = count < HELPERS_MAX ? count : HELPERS_MAX;
    for (uint32_t k = 0; k < p->op.need_count; k++) {
      for (uint32_t h = 0; h < count; h++)
        tell_edge(r, to, s, i, &p->op.needs[k], helpers[h]);
      if (count == 0)
        tell_edge(r, to, s, i, &p->op.needs[k], UINT32_MAX);
    }
  }
}

void recorder_deadlock(struct recorder *r, const struct snapshot *s, const char *told) {
  if (!r->area)
    return;
  tell_waits(r, &r->out, s, told);
  hand_over(r);
}

/* -- the present ----------------------------------------------------------------------------- */

/* A wait that ended after the snapshot is in the records, and not one that goes on. */
static void note_waits(struct snapshot *s, uint64_t id, const struct trace_record *records,
                       unsigned count) {
  int64_t process = snapshot_find_process(s, id);
  struct snapshot_op *op = process < 0 ? NULL : &s->processes[process].op;
  for (unsigned i = 0; i < count && op; i++)
    if (records[i].flags & TRACE_WAITED &&
        records[i].t_ns + trace_record_duration(&records[i]) > op->since_ns)
      op->kind = OP_NONE;
}

/* What a ring holds that is not drained since it may still change. */
static void peek_ring(struct recorder *r, uint32_t i, uint64_t owner, struct snapshot *s,
                      struct buf *log) {
  struct trace_record records[RING_BATCH];
  struct trace_reader reader = r->readers[i];
  struct log_records head = {.process = (uint32_t)(owner >> 16)};
  for (int batch = 0; batch < DRAINED_AT_ONCE; batch++) {
    unsigned count = trace_read(&reader, &r->area->rings[i], true, records, &head.lost);
    if (count == 0 && head.lost == 0)
      break;
    tell_texts(r, records, count);
    note_waits(s, owner >> 16, records, count);
    head.count = count;
    chunk_to(r, log, LOG_RECORDS, &head, sizeof head, records, count * sizeof *records);
  }
}

static void peek_wait(struct recorder *r, const struct snapshot_process *p, int64_t now_ns,
                      struct buf *log) {
  bool select = p->op.kind == OP_SELECT && p->op.need_count > 0;
  const struct snapshot_need *first = &p->op.needs[0];
  struct trace_record wait = {
      .t_ns = p->op.since_ns,
      .kind = (uint16_t)(select ? first->kind : p->op.kind),
      .flags = (uint16_t)(TRACE_WAITED | TRACE_UNFINISHED | (select ? TRACE_SELECT : 0)),
      .object = p->op.need_count > 0 ? (uint32_t)first->object : 0,
      .where = trace_text_number(&r->area->texts, p->where)};
  trace_record_last(&wait, now_ns - wait.t_ns);
  tell_text(r, wait.where);
  record_to(r, log, p->id, &wait);
}

/* The report of a deadlock that there is now; nothing if there is none. */
static int tell_stuck(const struct snapshot *s, struct buf *out) {
  bool *about = calloc(s->process_count + 1u, sizeof *about);
  uint32_t n = 0;
  if (!about)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < s->process_count; i++) {
    about[i] = s->processes[i].stuck == STUCK_FOR_EVER;
    n += about[i] && !waits_idly(s, i);
  }
  int rc = 0;
  if (n > 0)
    rc = buf_format(out, "deadlock: %u process%s can never go on", n, n == 1 ? "" : "es");
  if (rc == 0 && n > 0)
    rc = waits_report(s, about, out);
  free(about);
  return rc ? rc : buf_append_byte(out, '\0');
}

static int peek_waits(struct recorder *r, struct snapshot *s, struct buf *log) {
  struct buf told = {0};
  for (uint32_t i = 0; i < s->process_count; i++)
    if (s->processes[i].slot == 0) /* a person may interrupt what a session does */
      s->processes[i].op.steady = false;
  int rc = waits_find(s, r->idle_since_ns ? r->idle : 0);
  if (rc == 0)
    rc = tell_stuck(s, &told);
  if (rc == 0)
    tell_waits(r, log, s, (const char *)told.data);
  buf_release(&told);
  return rc;
}

int recorder_peek(struct recorder *r, struct buf *log) {
  struct snapshot s;
  if (!r->area)
    return 0;
  recorder_drain(r);
  int rc = snapshot_take(r->b->control, SNAPSHOT_QUEUES, &s);
  if (rc)
    return rc;
  rc = peek_waits(r, &s, log);
  for (uint32_t i = 0; i < r->b->trace_rings && rc == 0; i++) {
    uint64_t owner = atomic_load(&r->area->owners[i]);
    if (owner)
      peek_ring(r, i, owner, &s, log);
  }
  const struct log_end end = {.end_ns = clock_now_ns(),
                              .cpu_ns = -1,
                              .exit_status = -1,
                              .nameless = atomic_load(&r->area->texts.nameless)};
  for (uint32_t i = 0; i < s.process_count; i++)
    if (s.processes[i].lives && s.processes[i].op.kind != OP_NONE)
      peek_wait(r, &s.processes[i], end.end_ns, log);
  if (r->idle_since_ns)
    tell_idle(r, log);
  chunk_to(r, log, LOG_END, &end, sizeof end, NULL, 0);
  snapshot_release(&s);
  hand_over(r); /* texts */
  return rc;
}

/* -- the end --------------------------------------------------------------------------------- */

static int64_t cpu_ns(void) {
  struct rusage u = {0};
  getrusage(RUSAGE_CHILDREN, &u); /* they are all reaped */
  return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NS_PER_SECOND +
         ((int64_t)u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

void recorder_end(struct recorder *r, int exit_status) {
  if (!r->area)
    return;
  recorder_drain(r);
  recorder_idle(r, false, 0);
  const struct log_end end = {.end_ns = clock_now_ns(),
                              .cpu_ns = cpu_ns(),
                              .exit_status = exit_status,
                              .untraced = atomic_load(&r->area->untraced),
                              .nameless = atomic_load(&r->area->texts.nameless)};
  chunk(r, LOG_END, &end, sizeof end, NULL, 0);
  hand_over(r);
}

void recorder_release(struct recorder *r) {
  free(r->readers);
  free(r->begun);
  buf_release(&r->out);
  *r = (struct recorder){.drain_at_ns = SBX_FOREVER};
}
