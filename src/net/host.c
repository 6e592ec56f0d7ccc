/* net/host.c - see host.h. */
#include "net/host.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* The part of a key that stands for a run: agents belong to none. */
static const char agents[] = "agents";

#define NOW                                                                                        \
  "local t = redis.call('TIME') local now = t[1] * 1000000 + t[2] "                                \
  "local function text(n) return string.format('%.0f', n) end "

static struct engine_script beat = {
    .text = NOW
    "local life = redis.call('HGET', KEYS[1], 'life') "
    "local last = redis.call('HGET', KEYS[1], 'beat') "
    "if life and last and life ~= ARGV[2] and now - last < tonumber(ARGV[6]) then return 0 end "
    "if life ~= ARGV[2] then redis.call('DEL', KEYS[1]) end "
    "redis.call('HSET', KEYS[1], 'name', ARGV[1], 'life', ARGV[2], 'speaks', ARGV[3], "
    "'slots', ARGV[4], 'cpus', ARGV[5], 'beat', text(now)) "
    "redis.call('EXPIRE', KEYS[1], 60) "
    "redis.call('SADD', KEYS[2], ARGV[1]) redis.call('EXPIRE', KEYS[2], 86400) return 1"};

static struct engine_script beat_own = {
    .text = NOW
    "redis.call('HSET', KEYS[1], 'beat', text(now)) redis.call('EXPIRE', KEYS[1], 60) return 1"};

static struct engine_script age = {
    .text = NOW
    "local last = redis.call('HGET', KEYS[1], 'beat') "
    "return {last and text(now - last) or '-1', redis.call('HGET', KEYS[1], 'life') or ''}"};

static struct engine_script look = {
    .text =
        NOW "local v = redis.call('HMGET', KEYS[1], 'life', 'speaks', 'slots', 'cpus', "
            "'processes', 'beat') "
            "if not v[1] or not v[6] then return {} end "
            "return {v[1], v[2] or '', v[3] or '0', v[4] or '0', v[5] or '0', text(now - v[6])}"};

static struct engine_script leave = {.text = "if redis.call('HGET', KEYS[1], 'life') == ARGV[1] "
                                             "then redis.call('DEL', KEYS[1], KEYS[3]) "
                                             "redis.call('SREM', KEYS[2], ARGV[2]) end return 1"};

bool host_is_name(const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < len; i++)
    if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
      return false;
  return len > 0 && len < NAME_MAX_BYTES;
}

size_t host_record(char ret[ENGINE_KEY], const char *name) {
  return engine_key(ret, agents, "host:%s", name);
}

size_t host_inbox(char ret[ENGINE_KEY], const char *name) {
  return engine_key(ret, agents, "inbox:%s", name);
}

static void names_key(char ret[ENGINE_KEY]) { engine_key(ret, agents, "names"); }

/* Scripts may be repeated: all of them say how things shall be. */
static int run(struct engine *e, struct engine_script *s, int keys, int count,
               const struct engine_arg *args, struct engine_reply **ret) {
  int rc;
  do
    rc = engine_eval(e, s, keys, count, args, ret);
  while (rc == -SBX_EAGAIN);
  if (rc == 0 && (rc = engine_refusal(*ret)))
    engine_free(*ret);
  return rc;
}

/* An integer at a place of a list: text, since scripts cut numbers. */
static int64_t number_at(const struct engine_reply *r, size_t i) {
  const struct engine_reply *v = engine_at(r, i);
  return engine_type(v) == ENGINE_BYTES ? strtoll(engine_data(v), NULL, 10) : 0;
}

static void text_at(const struct engine_reply *r, size_t i, char *ret, size_t size) {
  const struct engine_reply *v = engine_at(r, i);
  text_copy(ret, size, engine_type(v) == ENGINE_BYTES ? engine_data(v) : "");
}

int host_beat(struct engine *e, const struct host_info *me, int64_t lost_ns, bool *ret_taken) {
  char record[ENGINE_KEY], names[ENGINE_KEY], slots[24], cpus[24], lost[24];
  struct engine_reply *r;
  host_record(record, me->name);
  names_key(names);
  snprintf(slots, sizeof slots, "%" PRId64, me->slots);
  snprintf(cpus, sizeof cpus, "%" PRId64, me->cpus);
  snprintf(lost, sizeof lost, "%" PRId64, lost_ns / 1000);
  int rc = run(e, &beat, 2, 8,
               (struct engine_arg[]){engine_text(record), engine_text(names), engine_text(me->name),
                                     engine_text(me->life), engine_text(me->speaks),
                                     engine_text(slots), engine_text(cpus), engine_text(lost)},
               &r);
  if (rc)
    return rc;
  *ret_taken = engine_integer(r) == 0;
  engine_free(r);
  return 0;
}

int host_set_processes(struct engine *e, const char *name, int64_t processes) {
  char record[ENGINE_KEY], number[24];
  struct engine_reply *r;
  host_record(record, name);
  snprintf(number, sizeof number, "%" PRId64, processes);
  int rc = engine_ask(e, 4,
                      (struct engine_arg[]){engine_text("HSET"), engine_text(record),
                                            engine_text("processes"), engine_text(number)},
                      &r);
  if (rc == 0)
    engine_free(r);
  return rc;
}

int host_leave(struct engine *e, const struct host_info *me) {
  char record[ENGINE_KEY], names[ENGINE_KEY], inbox[ENGINE_KEY];
  struct engine_reply *r;
  host_record(record, me->name);
  names_key(names);
  host_inbox(inbox, me->name);
  int rc = run(e, &leave, 3, 5,
               (struct engine_arg[]){engine_text(record), engine_text(names), engine_text(inbox),
                                     engine_text(me->life), engine_text(me->name)},
               &r);
  if (rc == 0)
    engine_free(r);
  return rc;
}

int host_look(struct engine *e, const char *name, struct host_info *ret, bool *ret_found) {
  char record[ENGINE_KEY];
  struct engine_reply *r;
  host_record(record, name);
  int rc = run(e, &look, 1, 1, (struct engine_arg[]){engine_text(record)}, &r);
  if (rc)
    return rc;
  *ret_found = engine_count(r) == 6;
  *ret = (struct host_info){.slots = number_at(r, 2),
                            .cpus = number_at(r, 3),
                            .processes = number_at(r, 4),
                            .age_ns = number_at(r, 5) * 1000};
  text_copy(ret->name, sizeof ret->name, name);
  text_at(r, 0, ret->life, sizeof ret->life);
  text_at(r, 1, ret->speaks, sizeof ret->speaks);
  engine_free(r);
  return 0;
}

int host_names(struct engine *e, int (*visit)(void *ctx, const char *name), void *ctx) {
  char names[ENGINE_KEY];
  struct engine_reply *r;
  names_key(names);
  int rc = engine_ask(
      e, 3, (struct engine_arg[]){engine_text("SORT"), engine_text(names), engine_text("ALPHA")},
      &r);
  if (rc)
    return rc;
  for (size_t i = 0; rc == 0 && i < engine_count(r); i++) {
    const struct engine_reply *name = engine_at(r, i);
    if (engine_type(name) == ENGINE_BYTES && host_is_name(engine_data(name)))
      rc = visit(ctx, engine_data(name));
  }
  engine_free(r);
  return rc;
}

int host_beat_own(struct engine *e, const char *record) {
  struct engine_reply *r;
  int rc = run(e, &beat_own, 1, 1, (struct engine_arg[]){engine_text(record)}, &r);
  if (rc == 0)
    engine_free(r);
  return rc;
}

int host_age(struct engine *e, const char *record, int64_t *ret_age_ns, char ret_life[ENGINE_RUN]) {
  struct engine_reply *r;
  int rc = run(e, &age, 1, 1, (struct engine_arg[]){engine_text(record)}, &r);
  if (rc)
    return rc;
  int64_t us = number_at(r, 0);
  *ret_age_ns = us < 0 ? -1 : us * 1000;
  text_at(r, 1, ret_life, ENGINE_RUN);
  engine_free(r);
  return 0;
}

void host_watch_begin(struct host_watch *w, uint64_t epoch, int64_t lost_ns) {
  w->epoch = epoch;
  w->last_ns = clock_now_ns();
  w->patience_ns = w->last_ns + lost_ns;
}

bool host_is_overdue(struct host_watch *w, uint64_t epoch, int64_t age_ns, int64_t lost_ns) {
  int64_t now_ns = clock_now_ns();
  if (epoch != w->epoch || now_ns - w->last_ns >= HOST_BEAT_NS + HOST_BEAT_NS / 2)
    host_watch_begin(w, epoch, lost_ns);
  w->last_ns = now_ns;
  return age_ns >= lost_ns && now_ns >= w->patience_ns;
}
