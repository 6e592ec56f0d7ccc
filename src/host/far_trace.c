/* host/far_trace.c - see far_trace.h. */
#include "host/far_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "look/trace/merge.h"
#include "sandbox/sandbox.h"

enum { PART = 256 << 10, BEHIND_MOST = 64 << 20, HEAD = 256, END_WAIT_MS = 2000, PAGE = 64 };

/* The keys of a trace. */
static const char *const key_names[] = {"", "size", "lost", "open"};
enum { KEYS = sizeof key_names / sizeof *key_names };

static void key_of(char ret[ENGINE_KEY], const char *run, const char *what) {
  engine_key(ret, run, "trace%s%s", *what ? ":" : "", what);
}

/* Ask for a number. */
static int ask(struct engine *e, const char *run, const char *command, const char *what,
               const char *arg, int64_t *ret) {
  char key[ENGINE_KEY];
  struct engine_reply *r;
  key_of(key, run, what);
  int rc = engine_ask(
      e, arg ? 3 : 2,
      (struct engine_arg[]){engine_text(command), engine_text(key), engine_text(arg ? arg : "")},
      &r);
  if (rc)
    return rc;
  *ret = engine_type(r) == ENGINE_INTEGER ? engine_integer(r)
         : engine_type(r) == ENGINE_BYTES ? strtoll(engine_data(r), NULL, 10)
                                          : 0;
  engine_free(r);
  return 0;
}

/* -- clocks ---------------------------------------------------------------------------------------- */

/* Compare the engine's clock with CLOCK_MONOTONIC; of several answers the quickest one counts. */
static int compare_clocks(struct engine *e, int64_t *ret_ahead_ns, int64_t *ret_error_ns) {
  enum { TRIES = 9 };
  *ret_error_ns = INT64_MAX;
  for (int i = 0; i < TRIES; i++) {
    struct engine_reply *r;
    int64_t before = clock_now_ns();
    int rc = engine_ask(e, 1, (struct engine_arg[]){engine_text("TIME")}, &r);
    int64_t after = clock_now_ns(), half = (after - before) / 2;
    if (rc)
      return rc;
    if (engine_count(r) == 2 && half + 1000 < *ret_error_ns) {
      int64_t there = strtoll(engine_data(engine_at(r, 0)), NULL, 10) * NS_PER_SECOND +
                      strtoll(engine_data(engine_at(r, 1)), NULL, 10) * 1000;
      *ret_ahead_ns = there - (before + half);
      *ret_error_ns = half + 1000; /* TIME tells microseconds */
    }
    engine_free(r);
  }
  return *ret_error_ns == INT64_MAX ? -SBX_EENGINE : 0;
}

/* -- beside a far process -------------------------------------------------------------------------- */

int far_tracing_begin(struct far_tracing *t, struct engine *e, const struct far_request *r,
                      const char *host, struct far_page *page) {
  int64_t n;
  *t = (struct far_tracing){.request = r, .host = host, .page = page, .log = -1};
  if (r->trace == 0)
    return 0;
  t->log = memfd_create("far trace", MFD_CLOEXEC);
  if (t->log < 0)
    return error_call("memfd_create", errno);
  int rc = ask(e, r->run, "SADD", "open", r->id, &n);
  return rc ? rc : compare_clocks(e, &t->ahead_ns, &t->error_ns);
}

static bool write_at(int fd, const uint8_t *from, size_t len, uint64_t at) {
  while (len > 0) {
    ssize_t n = pwrite(fd, from, len, (off_t)at);
    if (n <= 0)
      return false;
    from += n;
    len -= (size_t)n;
    at += (uint64_t)n;
  }
  return true;
}

static uint64_t records_in(const void *chunks, size_t len) {
  struct log_chunk c;
  const uint8_t *data;
  uint64_t count = 0;
  for (size_t at = 0; trace_log_next(chunks, len, &at, &c, &data);)
    if (c.kind == LOG_RECORDS && c.len >= sizeof(struct log_records)) {
      struct log_records head;
      memcpy(&head, data, sizeof head);
      count += head.count + head.lost;
    }
  return count;
}

/* In the supervisor. It never waits: what the courier is too slow for is lost, and counted. */
static int keep(void *ctx, const void *chunks, size_t len) {
  struct far_tracing *t = ctx;
  uint64_t end = atomic_load(&t->page->recorded);
  if (end - atomic_load(&t->page->shipped) > BEHIND_MOST || !write_at(t->log, chunks, len, end))
    atomic_fetch_add(&t->page->lost, records_in(chunks, len));
  else
    atomic_store(&t->page->recorded, end + len);
  return 0;
}

struct record_options far_tracing_options(struct far_tracing *t) {
  if (t->log < 0)
    return (struct record_options){0};
  return (struct record_options){.on = true,
                                 .engine = true,
                                 .detail = (enum trace_detail)(t->request->trace - 1),
                                 .command = "",
                                 .version = SANDBOX_VERSION,
                                 .keep = keep,
                                 .ctx = t};
}

static struct engine_script script_ship = {
    .text = "if redis.call('INCRBY', KEYS[2], #ARGV[1]) > tonumber(ARGV[2]) then\n"
            "  redis.call('INCRBY', KEYS[3], ARGV[3])\n"
            "else redis.call('RPUSH', KEYS[1], ARGV[1]) end\n"
            "for i = 1, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[4]) end\n"
            "return 1\n"};

/* "ID PARENT SERIAL AT AHEAD ERROR HOST", and a newline; AT: bytes of the log that come before. */
static int ship_part(struct far_tracing *t, struct engine *e, const void *chunks, size_t len,
                     uint64_t at) {
  char keys[KEYS][ENGINE_KEY], head[HEAD], most[24], lost[24], ttl[16];
  const struct far_request *r = t->request;
  struct buf part = {0};
  struct engine_reply *reply;
  for (int i = 0; i < KEYS; i++)
    key_of(keys[i], r->run, key_names[i]);
  snprintf(head, sizeof head, "%s %s %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %s\n", r->id,
           r->parent[0] ? r->parent : "-", r->serial, at, t->ahead_ns, t->error_ns, t->host);
  text_number(most, FAR_TRACE_MOST);
  snprintf(lost, sizeof lost, "%" PRIu64, records_in(chunks, len));
  text_number(ttl, ENGINE_TTL_S);
  int rc = buf_append(&part, head, strlen(head));
  if (rc == 0 && len > 0)
    rc = buf_append(&part, chunks, len);
  const struct engine_arg args[] = {engine_text(keys[0]),
                                    engine_text(keys[1]),
                                    engine_text(keys[2]),
                                    engine_text(keys[3]),
                                    engine_bytes(part.data, part.len),
                                    engine_text(most),
                                    engine_text(lost),
                                    engine_text(ttl)};
  if (rc == 0)
    do /* one that came twice is known by AT */
      rc = engine_eval(e, &script_ship, KEYS, sizeof args / sizeof *args, args, &reply);
    while (rc == -SBX_EAGAIN);
  if (rc == 0)
    engine_free(reply);
  buf_release(&part);
  return rc;
}

/* Bytes of whole chunks, about PART of them. */
static size_t part_of(const void *chunks, size_t len) {
  struct log_chunk c;
  const uint8_t *data;
  size_t at = 0;
  while (at < PART && trace_log_next(chunks, len, &at, &c, &data))
    ;
  return at;
}

static int ship_all(struct far_tracing *t, struct engine *e, const uint8_t *log, uint64_t end) {
  int rc = 0;
  uint64_t at = atomic_load(&t->page->shipped);
  while (rc == 0 && at < end) {
    size_t n = part_of(log + at, (size_t)(end - at));
    if (n == 0)
      return -SBX_EDATA;
    rc = ship_part(t, e, log + at, n, at);
    if (rc == 0)
      at += n;
    atomic_store(&t->page->shipped, at);
  }
  return rc;
}

static int count_lost(struct far_tracing *t, struct engine *e) {
  char number[24];
  int64_t n;
  uint64_t lost = atomic_exchange(&t->page->lost, 0);
  if (lost == 0)
    return 0;
  snprintf(number, sizeof number, "%" PRIu64, lost);
  return ask(e, t->request->run, "INCRBY", "lost", number, &n);
}

int far_tracing_ship(struct far_tracing *t, struct engine *e, bool last) {
  int64_t n;
  if (t->log < 0)
    return 0;
  uint64_t from = atomic_load(&t->page->shipped), end = atomic_load(&t->page->recorded);
  int rc = 0;
  if (from < end) {
    const uint8_t *log = mmap(NULL, (size_t)end, PROT_READ, MAP_SHARED, t->log, 0);
    if (log == MAP_FAILED)
      return error_call("mmap", errno);
    rc = ship_all(t, e, log, end);
    munmap((void *)(uintptr_t)log, (size_t)end);
    fallocate(t->log, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
              (off_t)(atomic_load(&t->page->shipped) & ~UINT64_C(4095)));
  }
  if (rc == 0)
    rc = count_lost(t, e);
  if (rc == 0 && last)
    rc = ask(e, t->request->run, "SREM", "open", t->request->id, &n);
  return rc;
}

/* -- the run ------------------------------------------------------------------------------------------ */

/* A log as it comes together. */
struct coming {
  char id[ENGINE_RUN], parent[ENGINE_RUN], host[NAME_MAX_BYTES];
  uint64_t serial;
  uint64_t at;      /* of the part that was read: bytes of the log that come before it */
  uint64_t next_at; /* of the part that comes next */
  int64_t ahead_ns, error_ns;
  struct buf chunks; /* owned */
};

struct collection {
  struct engine *engine;
  struct coming *logs; /* owned */
  uint32_t count;
  int64_t ahead_ns, error_ns;
};

static struct coming *log_of(struct collection *c, const struct coming *head) {
  for (uint32_t i = 0; i < c->count; i++)
    if (strcmp(c->logs[i].id, head->id) == 0)
      return &c->logs[i];
  struct coming *grown = realloc(c->logs, (c->count + 1) * sizeof *grown);
  if (!grown)
    return NULL;
  c->logs = grown;
  c->logs[c->count] = *head;
  return &c->logs[c->count++];
}

/* A part that somebody else has written is left out. */
static int take_part(struct collection *c, const char *part, size_t len) {
  struct coming head = {.id = ""};
  const char *newline = memchr(part, '\n', len);
  char line[HEAD];
  if (!newline || (size_t)(newline - part) >= sizeof line)
    return 0;
  memcpy(line, part, (size_t)(newline - part));
  line[newline - part] = '\0';
  static_assert(ENGINE_RUN == 17 && NAME_MAX_BYTES >= 48, "the widths below");
  if (sscanf(line, "%16s %16s %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %47s", head.id,
             head.parent, &head.serial, &head.at, &head.ahead_ns, &head.error_ns, head.host) != 7)
    return 0;
  if (strcmp(head.parent, "-") == 0)
    head.parent[0] = '\0';
  struct coming *log = log_of(c, &head);
  if (!log)
    return -SBX_ENOMEM;
  if (head.at < log->next_at) /* it came twice */
    return 0;
  size_t n = len - (size_t)(newline - part) - 1;
  log->next_at = head.at + n;
  return buf_append(&log->chunks, newline + 1, n);
}

static int fetch_parts(struct collection *c, const char *run) {
  char key[ENGINE_KEY], from[24], to[24];
  struct engine_reply *r;
  size_t got = PAGE;
  key_of(key, run, "");
  int rc = 0;
  for (int at = 0; rc == 0 && got == PAGE; at += PAGE) {
    text_number(from, at);
    text_number(to, at + PAGE - 1);
    rc = engine_ask(c->engine, 4,
                    (struct engine_arg[]){engine_text("LRANGE"), engine_text(key),
                                          engine_text(from), engine_text(to)},
                    &r);
    if (rc)
      return rc;
    got = engine_count(r);
    for (size_t i = 0; i < got && rc == 0; i++)
      rc = take_part(c, engine_data(engine_at(r, i)), engine_len(engine_at(r, i)));
    engine_free(r);
  }
  return rc;
}

/* Wait until all logs have ended; it does not matter if some do not. */
static int await_ends(struct collection *c, const char *run) {
  int64_t until_ns = clock_now_ns() + END_WAIT_MS * NS_PER_MS, open = 1;
  int rc = 0;
  while (rc == 0 && open > 0 && clock_now_ns() < until_ns) {
    rc = ask(c->engine, run, "SCARD", "open", NULL, &open);
    if (rc == 0 && open > 0)
      poll(NULL, 0, 20);
  }
  return rc;
}

static void forget_all(struct collection *c, const char *run) {
  int64_t n;
  for (int i = 0; i < KEYS; i++)
    ask(c->engine, run, "DEL", key_names[i], NULL, &n);
}

static int merge(struct collection *c, const void *log, size_t len, int64_t lost,
                 struct buf *more) {
  struct far_log *logs = calloc(c->count + 1u, sizeof *logs);
  if (!logs)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < c->count; i++) {
    const struct coming *of = &c->logs[i];
    logs[i] = (struct far_log){.id = of->id,
                               .parent = of->parent,
                               .serial = (uint32_t)of->serial,
                               .host = of->host,
                               .shift_ns = of->ahead_ns - c->ahead_ns,
                               .error_ns = of->error_ns + c->error_ns,
                               .chunks = of->chunks.data,
                               .len = of->chunks.len,
                               .lost = i == 0 ? (uint64_t)lost : 0};
  }
  int rc = trace_log_merge(log, len, logs, c->count, more);
  free(logs);
  return rc;
}

int far_trace_collect(const void *log, size_t len, bool last, struct buf *more) {
  struct collection c = {0};
  struct engine_options o = far_setup.engine;
  int64_t lost = 0;
  o.timeout_ns = NS_PER_SECOND;
  int rc = engine_new(&o, &c.engine);
  if (rc)
    return rc;
  if (last)
    rc = await_ends(&c, far_setup.run);
  if (rc == 0)
    rc = compare_clocks(c.engine, &c.ahead_ns, &c.error_ns);
  if (rc == 0)
    rc = fetch_parts(&c, far_setup.run);
  if (rc == 0)
    rc = ask(c.engine, far_setup.run, "GET", "lost", NULL, &lost);
  if (rc == 0)
    rc = merge(&c, log, len, lost, more);
  if (last)
    forget_all(&c, far_setup.run);
  for (uint32_t i = 0; i < c.count; i++)
    buf_release(&c.logs[i].chunks);
  free(c.logs);
  engine_close(c.engine);
  return rc;
}
