/* net/link.c - see link.h. An entry of a stream is: n NUMBER k KIND d DATA. */
#include "net/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum { BATCH = 64 };

int link_open(struct link *l, const struct engine_options *o, const char *out, const char *in) {
  *l = (struct link){.last = "0"};
  snprintf(l->out, sizeof l->out, "%s", out);
  snprintf(l->in, sizeof l->in, "%s", in);
  int rc = engine_new(o, &l->say);
  return rc ? rc : engine_new(o, &l->hear);
}

void link_close(struct link *l) {
  engine_free(l->batch);
  engine_close(l->say);
  engine_close(l->hear);
  *l = (struct link){0};
}

int link_say(struct link *l, char kind, const void *data, size_t len) {
  struct engine_reply *r;
  char n[24];
  snprintf(n, sizeof n, "%" PRIu64, l->said + 1);
  int rc = engine_ask(l->say, 9,
                      (struct engine_arg[]){engine_text("XADD"), engine_text(l->out),
                                            engine_text("*"), engine_text("n"), engine_text(n),
                                            engine_text("k"), engine_bytes(&kind, 1),
                                            engine_text("d"), engine_bytes(data, len)},
                      &r);
  if (rc)
    return rc;
  rc = engine_refusal(r);
  engine_free(r);
  l->said += rc == 0;
  return rc;
}

/* Numbers are exact up to 2^53 there. */
static struct engine_script script_add_once = {
    .text = "local last = redis.call('GET', KEYS[2])\n"
            "if last and tonumber(last) >= tonumber(ARGV[1]) then return 0 end\n"
            "redis.call('XADD', KEYS[1], '*', 'n', 0, 'k', ARGV[3], 'd', ARGV[4])\n"
            "redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])\n"
            "return redis.call('EXPIRE', KEYS[1], ARGV[2])\n"};

/* This process, as a writer of streams: who it is, and the number of its next message. */
static const char *writer(uint64_t *ret_number) {
  static char id[ENGINE_RUN];
  static pid_t pid;
  static uint64_t number;
  if (pid != getpid()) {
    engine_draw_run(id);
    pid = getpid();
    number = 0;
  }
  *ret_number = ++number;
  return id;
}

int link_add(struct engine *e, const char *out, char kind, const void *data, size_t len) {
  char by[2 * ENGINE_KEY], n[24], ttl[16];
  struct engine_reply *r;
  uint64_t number;
  int rc;
  snprintf(by, sizeof by, "%s:by:%s", out, writer(&number));
  snprintf(n, sizeof n, "%" PRIu64, number);
  snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S);
  const struct engine_arg args[] = {engine_text(out),       engine_text(by),
                                    engine_text(n),         engine_text(ttl),
                                    engine_bytes(&kind, 1), engine_bytes(data, len)};
  do
    rc = engine_eval(e, &script_add_once, 2, 6, args, &r);
  while (rc == -SBX_EAGAIN);
  if (rc)
    return rc;
  rc = engine_refusal(r);
  engine_free(r);
  return rc;
}

int link_unread(struct link *l, int64_t *ret) {
  struct engine_reply *r;
  int rc =
      engine_ask(l->say, 2, (struct engine_arg[]){engine_text("XLEN"), engine_text(l->out)}, &r);
  if (rc)
    return rc;
  *ret = engine_type(r) == ENGINE_INTEGER ? engine_integer(r) : 0;
  engine_free(r);
  return 0;
}

/* -- reading ------------------------------------------------------------------------------------ */

static int ask(struct link *l) {
  char count[16];
  snprintf(count, sizeof count, "%d", BATCH);
  int rc = engine_send(l->hear, 8,
                       (struct engine_arg[]){engine_text("XREAD"), engine_text("COUNT"),
                                             engine_text(count), engine_text("BLOCK"),
                                             engine_text("1000"), engine_text("STREAMS"),
                                             engine_text(l->in), engine_text(l->last)});
  l->asked = rc == 0;
  return rc == -SBX_EAGAIN ? 0 : rc;
}

/* The entries of an answer to XREAD: [[stream, [entry...]]]. */
static const struct engine_reply *entries(const struct engine_reply *r) {
  return engine_at(engine_at(r, 0), 1);
}

/* Forget what has been given out. */
static int trim(struct link *l) {
  struct engine_reply *r;
  engine_free(l->batch);
  l->batch = NULL;
  int rc = engine_ask(l->say, 4,
                      (struct engine_arg[]){engine_text("XTRIM"), engine_text(l->in),
                                            engine_text("MINID"), engine_text(l->last)},
                      &r);
  if (rc == 0)
    engine_free(r);
  return rc;
}

/* The value of a field of an entry, [id, [field, value...]]. */
static const struct engine_reply *field(const struct engine_reply *entry, const char *name) {
  const struct engine_reply *fields = engine_at(entry, 1);
  for (size_t i = 0; i + 1 < engine_count(fields); i += 2) {
    const struct engine_reply *key = engine_at(fields, i);
    if (engine_type(key) == ENGINE_BYTES && strcmp(engine_data(key), name) == 0)
      return engine_at(fields, i + 1);
  }
  return NULL;
}

/* Read an entry. False: it is none of ours, or was read before. */
static bool take(struct link *l, const struct engine_reply *entry, struct link_message *ret) {
  const struct engine_reply *id = engine_at(entry, 0), *n = field(entry, "n"),
                            *k = field(entry, "k"), *d = field(entry, "d");
  if (engine_type(id) == ENGINE_BYTES)
    snprintf(l->last, sizeof l->last, "%s", engine_data(id));
  if (!n || !k || !d || engine_type(n) != ENGINE_BYTES || engine_type(k) != ENGINE_BYTES ||
      engine_type(d) != ENGINE_BYTES || engine_len(k) != 1)
    return false;
  uint64_t number = strtoull(engine_data(n), NULL, 10);
  if (number && number <= l->heard)
    return false;
  if (number)
    l->heard = number;
  *ret = (struct link_message){engine_data(k)[0], engine_data(d), engine_len(d)};
  return true;
}

int link_hear(struct link *l, struct link_message *ret) {
  int rc = 0;
  while (l->batch && l->at < engine_count(entries(l->batch)))
    if (take(l, engine_at(entries(l->batch), l->at++), ret))
      return 1;
  if (l->batch && (rc = trim(l)))
    return rc;
  if (!l->asked && (rc = ask(l)))
    return rc;
  struct engine_reply *r;
  rc = l->asked ? engine_poll(l->hear, &r) : 0;
  if (rc == -SBX_EAGAIN) {
    l->asked = false;
    return 0;
  }
  if (rc <= 0)
    return rc;
  l->asked = false;
  if (engine_type(r) != ENGINE_LIST) {
    engine_free(r);
    return 0;
  }
  l->batch = r;
  l->at = 0;
  return link_hear(l, ret);
}

int link_fd(const struct link *l) { return l->asked ? engine_fd(l->hear) : -1; }
