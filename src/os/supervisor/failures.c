/* os/supervisor/failures.c - see failures.h. */
#include "os/supervisor/failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "os/shared/results.h"
#include "os/supervisor/supervisor_internal.h"

enum { REPORT_AFTER_NS = 1000 * 1000 * 1000 };

/* -- what is reported ------------------------------------------------------------------------ */

/* A failure to be reported. */
struct due {
  uint32_t slot;
  uint64_t serial;
  uint64_t order; /* of a task; 0: a process, by its serial */
};

struct due_list {
  struct due *list; /* owned */
  size_t count, cap;
};

static int by_order(const void *x, const void *y) {
  const struct due *a = x, *b = y;
  if (a->order != b->order)
    return a->order < b->order ? -1 : 1;
  return a->serial < b->serial ? -1 : a->serial > b->serial;
}

static void add(struct due_list *l, const struct due *d) {
  if (l->count == l->cap) {
    size_t cap = l->cap ? 2 * l->cap : 64;
    struct due *grown = realloc(l->list, cap * sizeof *grown);
    if (!grown)
      return; /* later, if there is a later */
    l->list = grown;
    l->cap = cap;
  }
  l->list[l->count++] = *d;
}

/* Those that failed until `until_ns`. Returns when the first of the others did; SBX_FOREVER: there
 * are none. */
static int64_t collect(const struct control *c, int64_t until_ns, struct due_list *ret) {
  int64_t next = SBX_FOREVER;
  for (uint32_t i = 1; i < control_process_end(c); i++) {
    uint64_t stamp = atomic_load(&c->process_stamp[i]);
    int64_t failed_ns = c->processes[i].failed_ns;
    if (!phase_told(stamp_phase(stamp)) || !control_failure_pending(c, i))
      continue;
    uint64_t order = stamp_phase(stamp) == PHASE_FAILURE ? c->processes[i].seed : 0;
    if (failed_ns <= until_ns)
      add(ret, &(struct due){i, stamp_serial(stamp), order});
    else if (failed_ns < next)
      next = failed_ns;
  }
  if (ret->count)
    qsort(ret->list, ret->count, sizeof *ret->list, by_order);
  return next;
}

/* Keep the record from being used again. False: it was; or the failure was looked at, or is being
 * reported. */
static bool hold(struct control *c, const struct due *d) {
  _Atomic uint32_t *flags = &c->processes[d->slot].flags;
  uint32_t before = atomic_fetch_or(flags, FLAG_HELD);
  if (before & FLAG_HELD)
    return false; /* a foreign host and its side process report, both */
  if (control_process_stamp(c, d->slot, d->serial) && !(before & (FLAG_LOOKED | FLAG_REPORTED)))
    return true;
  atomic_fetch_and(flags, ~(uint32_t)FLAG_HELD);
  return false;
}

/* Of a report more than is shown: so it is seen that there is more. */
static size_t report_most(const struct policy *p) {
  enum { SHOWN_ALWAYS = 4096 };
  return p && p->limits.output_bytes ? (size_t)p->limits.output_bytes + SHOWN_ALWAYS + 1 : SIZE_MAX;
}

/* The record is held: what is to be said of it. `text` is a report; or, if it is empty, `line`. */
static bool describe(const struct failures_watch *w, uint32_t slot, struct buf *text,
                     char line[LINE_MAX_BYTES]) {
  struct os_backend *b = w->b;
  const struct process_record *p = &b->control->processes[slot];
  text->len = 0;
  if (p->signal == 0 && p->report_len > 0 &&
      results_load_report(b, slot, report_most(w->o->policy), text) == 0)
    return true;
  return tell_failure(b->control, slot, line, LINE_MAX_BYTES);
}

/* -- many that are alike --------------------------------------------------------------------- */

enum { ALIKE_MAX = 1 };

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len) {
  for (const uint8_t *at = data; len > 0; at++, len--) /* FNV-1a */
    hash = (hash ^ *at) * UINT64_C(0x100000001b3);
  return hash;
}

/* "writer#2, pid 4711" in the first line of a report; it is empty if there is none. */
static const uint8_t *find_process(const struct buf *text, size_t *ret_len) {
  static const char mark[] = "(process ";
  const uint8_t *end = memchr(text->data, '\n', text->len), *at = NULL, *next = text->data;
  *ret_len = 0;
  while (end && (next = memmem(next, (size_t)(end - next), mark, sizeof mark - 1)))
    at = next += sizeof mark - 1; /* the last one: a message may have one of its own */
  const uint8_t *close = at ? memchr(at, ')', (size_t)(end - at)) : NULL;
  *ret_len = close ? (size_t)(close - at) : 0;
  return close ? at : text->data;
}

/* The kind of reports that has this hash; a new one, if need be. NULL: there are too many. */
static struct failure_kind *find_kind(struct failures_watch *w, uint64_t hash) {
  for (uint32_t i = 0; i < w->kind_count; i++)
    if (w->kinds[i].hash == hash)
      return &w->kinds[i];
  if (w->kind_count == FAILURE_KINDS)
    return NULL;
  struct failure_kind *k = &w->kinds[w->kind_count++];
  *k = (struct failure_kind){.hash = hash};
  return k;
}

/* Have there been so many like this report that it is only counted? */
static bool counted(struct failures_watch *w, const struct buf *text) {
  size_t len;
  const uint8_t *process = find_process(text, &len), *end = text->data + text->len;
  uint64_t hash =
      hash_bytes(UINT64_C(0xcbf29ce484222325), text->data, (size_t)(process - text->data));
  hash = hash_bytes(hash, process + len, (size_t)(end - process) - len);
  struct failure_kind *k = find_kind(w, hash);
  if (!k)
    return false;
  k->last_ns = clock_now_ns();
  if (++k->count > ALIKE_MAX)
    return true;
  snprintf(k->like, sizeof k->like, "%.*s", (int)len, (const char *)process);
  return false;
}

/* Tell how many were only counted, of the kinds of which none has come since `since_ns`, and forget
 * these. Returns when the next is to be told. */
static int64_t tell_counted(struct failures_watch *w, int64_t since_ns) {
  char line[LINE_MAX_BYTES];
  int64_t next = SBX_FOREVER;
  for (uint32_t i = w->kind_count; i-- > 0;) {
    const struct failure_kind *k = &w->kinds[i];
    if (k->last_ns > since_ns) {
      next = k->count > ALIKE_MAX && k->last_ns < next ? k->last_ns : next;
      continue;
    }
    snprintf(line, sizeof line, "%u more failed like %s", k->count - ALIKE_MAX, k->like);
    if (k->count > ALIKE_MAX && w->o->say)
      w->o->say(w->o->ctx, line);
    w->kinds[i] = w->kinds[--w->kind_count];
  }
  return next;
}

/* -- a look ---------------------------------------------------------------------------------- */

static void report(struct failures_watch *w, const struct due *d, struct buf *text) {
  const struct supervisor_options *o = w->o;
  struct process_record *p = &w->b->control->processes[d->slot];
  char line[LINE_MAX_BYTES];
  if ((w->end_signal && p->signal == w->end_signal) || !hold(w->b->control, d))
    return;
  bool news = describe(w, d->slot, text, line);
  if (text->len > 0)
    news = !counted(w, text);
  atomic_fetch_or(&p->flags, FLAG_REPORTED);
  atomic_fetch_and(&p->flags, ~(uint32_t)FLAG_HELD);
  if (news && text->len > 0 && o->report)
    o->report(o->ctx, (const char *)text->data, text->len);
  else if (news && text->len == 0 && o->say)
    o->say(o->ctx, line);
}

/* Report those that failed until `until_ns`; returns what collect does. */
static int64_t report_until(struct failures_watch *w, int64_t until_ns) {
  struct due_list due = {0};
  struct buf text = {0};
  int64_t next = collect(w->b->control, until_ns, &due);
  for (size_t i = 0; i < due.count; i++)
    report(w, &due.list[i], &text);
  buf_release(&text);
  free(due.list);
  return next;
}

void failures_begin(struct failures_watch *w, struct os_backend *b,
                    const struct supervisor_options *o) {
  w->b = b;
  w->o = o;
  w->end_signal = 0;
  w->noted = 0;
  w->kind_count = 0;
  w->report_at_ns = SBX_FOREVER;
}

void failures_look(struct failures_watch *w) {
  int64_t due = clock_now_ns() - REPORT_AFTER_NS;
  uint32_t noted = atomic_load(&w->b->control->failures_noted);
  if (noted == w->noted && due < w->report_at_ns - REPORT_AFTER_NS)
    return;
  w->noted = noted;
  int64_t next = report_until(w, due), row = tell_counted(w, due);
  next = row < next ? row : next;
  w->report_at_ns = next == SBX_FOREVER ? SBX_FOREVER : next + REPORT_AFTER_NS;
}

void failures_report_all(struct failures_watch *w, int64_t end_ns, int end_signal) {
  w->end_signal = end_signal;
  report_until(w, end_ns);
  tell_counted(w, SBX_FOREVER);
}
