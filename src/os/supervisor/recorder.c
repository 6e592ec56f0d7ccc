/* os/supervisor/recorder.c - see recorder.h. */
#include "os/supervisor/recorder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "look/snapshot.h"
#include "look/waits.h"
#include "os/shared/results.h"
#include "os/shared/self.h"

enum { OUT_BYTES = 64 * 1024 };

/* -- chunks ---------------------------------------------------------------------------------- */

static void hand_over(struct recorder *r) {
  if (r->out.len > 0 && !r->failed)
    r->failed = r->o->keep(r->o->ctx, r->out.data, r->out.len) != 0;
  buf_clear(&r->out, 4 * OUT_BYTES);
}

/* A chunk that there is no memory for is lost, as a record is that comes too late. */
static void chunk(struct recorder *r, enum log_kind kind, const void *a, size_t a_len,
                  const void *b, size_t b_len) {
  trace_log_append(&r->out, kind, a, a_len, b, b_len, NULL, 0);
  if (r->out.len >= OUT_BYTES)
    hand_over(r);
}

/* The log is to know a text before a record names it. */
static void tell_text(struct recorder *r, uint32_t number) {
  if (number == 0 || number > TEXT_CELLS || (r->told[(number - 1) / 64] >> ((number - 1) % 64) & 1))
    return;
  const char *text = trace_text_of(&r->area->texts, number);
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
      results_load_report(r->b, slot, &text) == 0 && text.len > 0) {
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
  const struct log_records head = {.process = (uint32_t)(owner >> 16), .count = 1};
  const struct trace_record begin = {.t_ns = t_ns,
                                     .kind = TRACE_RECORD_BEGIN,
                                     .object = head.process,
                                     .where = trace_text_number(texts, p->name),
                                     .n = (uint64_t)at << 32 | (uint32_t)p->spawner_serial};
  tell_text(r, begin.where);
  tell_text(r, at);
  chunk(r, LOG_RECORDS, &head, sizeof head, &begin, sizeof begin);
}

static void drain_ring(struct recorder *r, uint32_t i, uint64_t owner, bool all) {
  struct trace_record records[RING_BATCH];
  struct log_records head = {.process = (uint32_t)(owner >> 16)};
  uint64_t lost;
  bool failed = false;
  unsigned count;
  while ((count = trace_read(&r->readers[i], &r->area->rings[i], all, records, &lost)) > 0 ||
         lost > 0) {
    if (r->begun[i] != owner && count > 0 && records[0].kind != TRACE_RECORD_BEGIN)
      tell_begin(r, owner, records[0].t_ns);
    if (count > 0)
      r->begun[i] = owner;
    for (unsigned k = 0; k < count; k++) {
      const struct trace_record *rec = &records[k];
      if (!(rec->flags & TRACE_SEVERAL))
        tell_text(r, rec->where);
      if (rec->kind == TRACE_RECORD_BEGIN)
        tell_text(r, (uint32_t)(rec->n >> 32));
      failed |= rec->kind == TRACE_RECORD_END && rec->n != 0;
    }
    head.count = count;
    head.lost = lost;
    chunk(r, LOG_RECORDS, &head, sizeof head, records, count * sizeof *records);
    atomic_store_explicit(&r->area->rings[i].taken, r->readers[i].next, memory_order_relaxed);
  }
  if (failed)
    tell_failure(r, owner);
}

void recorder_drain(struct recorder *r) {
  if (!r->area)
    return;
  atomic_store(&r->area->asked, 0);
  for (uint32_t i = 0; i < r->area->ring_count; i++) {
    uint64_t owner = atomic_load(&r->area->owners[i]);
    if (owner == 0)
      continue;
    bool gone = is_gone(r->b->control, owner); /* before: what it wrote is there then */
    drain_ring(r, i, owner, gone);
    if (gone)
      atomic_compare_exchange_strong(&r->area->owners[i], &owner, 0);
  }
  hand_over(r);
}

void recorder_look(struct recorder *r, int64_t now_ns) {
  if (now_ns < r->drain_at_ns)
    return;
  atomic_fetch_add(&r->area->epoch, 1);
  recorder_drain(r);
  r->drain_at_ns = r->failed ? SBX_FOREVER : now_ns + DRAIN_EVERY_NS;
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
  r->readers = calloc(r->area->ring_count, sizeof *r->readers);
  r->begun = calloc(r->area->ring_count, sizeof *r->begun);
  if (!r->readers || !r->begun)
    return -SBX_ENOMEM;
  trace_install(b, r->area);
  const struct log_begin begin = {.start_ns = c->clock.start_ns,
                                  .wall_ns = clock_wall_ns() - (clock_now_ns() - c->clock.start_ns),
                                  .speed = c->clock.speed,
                                  .seed = c->processes[0].seed,
                                  .detail = (uint32_t)o->detail};
  trace_log_append(&r->out, LOG_BEGIN, &begin, sizeof begin, o->command, strlen(o->command) + 1,
                   o->version, strlen(o->version) + 1);
  hand_over(r);
  r->drain_at_ns = clock_now_ns() + DRAIN_EVERY_NS;
  return 0;
}

/* -- deadlock -------------------------------------------------------------------------------- */

static void tell_edge(struct recorder *r, const struct snapshot *s, uint32_t process,
                      const struct snapshot_need *need, uint32_t holder) {
  const struct snapshot_process *p = &s->processes[process];
  bool join = need->type == OBJECT_PROCESS;
  const struct log_edge e = {.process = (uint32_t)p->id,
                             .object = join ? 0 : (uint32_t)need->object,
                             .holder = holder == UINT32_MAX ? 0 : (uint32_t)s->processes[holder].id,
                             .kind = (uint16_t)need->kind,
                             .stuck = p->stuck == STUCK_FOR_EVER};
  chunk(r, LOG_EDGE, &e, sizeof e, p->where, strlen(p->where) + 1);
}

void recorder_deadlock(struct recorder *r, const struct snapshot *s, const char *told) {
  enum { HELPERS_MAX = 16 };
  if (!r->area)
    return;
  chunk(r, LOG_DEADLOCK, told, strlen(told) + 1, NULL, 0);
  for (uint32_t i = 0; i < s->process_count; i++) {
    const struct snapshot_process *p = &s->processes[i];
    uint32_t helpers[HELPERS_MAX];
    if (!p->lives || p->op.kind == OP_NONE)
      continue;
    uint32_t count = waits_for(s, i, helpers, HELPERS_MAX);
    count = count < HELPERS_MAX ? count : HELPERS_MAX;
    for (uint32_t k = 0; k < p->op.need_count; k++) {
      for (uint32_t h = 0; h < count; h++)
        tell_edge(r, s, i, &p->op.needs[k], helpers[h]);
      if (count == 0)
        tell_edge(r, s, i, &p->op.needs[k], UINT32_MAX);
    }
  }
  hand_over(r);
}

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
  const struct log_end end = {.end_ns = clock_now_ns(),
                              .cpu_ns = cpu_ns(),
                              .exit_status = exit_status,
                              .untraced = atomic_load(&r->area->untraced)};
  chunk(r, LOG_END, &end, sizeof end, NULL, 0);
  hand_over(r);
}

void recorder_release(struct recorder *r) {
  free(r->readers);
  free(r->begun);
  buf_release(&r->out);
  *r = (struct recorder){.drain_at_ns = SBX_FOREVER};
}
