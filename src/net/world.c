/* net/world.c - see world.h. */
#include "net/world.h"

#include <stdlib.h>

#include "base/text.h"
#include "net/internal.h"
#include "object/array.h"
#include "object/barrier.h"
#include "object/lock.h"
#include "object/queue.h"
#include "object/semaphore.h"

bool net_world_is_name(const char *name) {
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
  return n > 0 && n <= WORLD_NAME && name[n] == '\0';
}

/* Before it, in the name of what is a run to the engine. */
#define PREFIX "world."

const char *net_world_name(const struct net_options *o) { return o->run + strlen(PREFIX); }

/* KEYS 1 run, 2 tag, 3 programs, 4 numbers. ARGV 1 what this one speaks, 2 a tag, 3 seconds, 4 the most that a number can
 * be. {"ok", tag, number}; {"other", what they speak}; {"full"}. */
static struct engine_script script_hello = {
    .text = "local call = redis.call\n"
            "local there = call('GET', KEYS[1])\n"
            "if there and there ~= ARGV[1] then return {'other', there} end\n"
            "call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])\n"
            "call('SET', KEYS[2], ARGV[2], 'NX')\n"
            "local number\n"
            "for _ = 1, 200 do\n"
            "  local n = (call('INCR', KEYS[4]) - 1) % ARGV[4] + 1\n"
            "  if call('HEXISTS', KEYS[3], n) == 0 then number = n break end\n"
            "end\n"
            "if not number then return {'full'} end\n"
            "call('HSET', KEYS[3], number, call('TIME')[1])\n"
            "for k = 2, 4 do call('EXPIRE', KEYS[k], ARGV[3]) end\n"
            "return {'ok', call('GET', KEYS[2]), number}\n"};

/* KEYS 1 programs. ARGV 1 the number, 2 seconds until one is lost. The numbers of those that are. */
static struct engine_script script_beat = {
    .text = "local now, lost = tonumber(redis.call('TIME')[1]), {}\n"
            "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], "
            "ARGV[1], now) end\n"
            "local all = redis.call('HGETALL', KEYS[1])\n"
            "for i = 1, #all, 2 do\n"
            "  if now - tonumber(all[i + 1]) > tonumber(ARGV[2]) then lost[#lost + 1] = "
            "tonumber(all[i]) end\n"
            "end\n"
            "return lost\n"};

enum { PROGRAMS_MOST = 60000 };

static size_t key(char ret[ENGINE_KEY], const struct net_options *o, const char *what) {
  return engine_key(ret, o->run, "%s", what);
}

/* For a world that is new: none of those of this process. */
static uint32_t draw_tag(void) {
  char text[ENGINE_RUN];
  uint32_t tag;
  do {
    engine_draw_run(text);
    tag = (uint32_t)strtoul(text + 8, NULL, 16) % NET_TAGS;
  } while (tag == 0 || net_of_tag(tag));
  return tag;
}

/* The answer of script_hello. 0, or -SBX_EENGINE and `why`. */
static int hear(const struct engine_reply *r, const char *name, const char *speaks,
                struct net_options *o, char why[ENGINE_WHY]) {
  const struct engine_reply *word = engine_at(r, 0), *there = engine_at(r, 1);
  const char *text = engine_type(word) == ENGINE_BYTES ? engine_data(word) : "";
  if (strcmp(text, "ok") == 0 && engine_type(there) == ENGINE_BYTES) {
    o->tag = (uint32_t)strtoul(engine_data(there), NULL, 10) % NET_TAGS;
    o->host = (uint16_t)engine_integer(engine_at(r, 2));
    if (o->tag && o->host)
      return 0;
  }
  if (strcmp(text, "other") == 0 && engine_type(there) == ENGINE_BYTES)
    snprintf(why, ENGINE_WHY, "the programs in world %s have %.200s; here is %s", name,
             engine_data(there), speaks);
  else if (strcmp(text, "full") == 0)
    snprintf(why, ENGINE_WHY, "world %s has %d programs, the most that it can", name,
             PROGRAMS_MOST);
  else
    snprintf(why, ENGINE_WHY, "%s",
             engine_type(r) == ENGINE_ERROR ? engine_data(r) : error_text(-SBX_ENOOBJECT));
  return -SBX_EENGINE;
}

static int say_hello(struct engine *e, const char *name, const char *speaks, struct net_options *o,
                     char why[ENGINE_WHY]) {
  char keys[4][ENGINE_KEY], tag[16], ttl[16], most[16];
  struct engine_reply *r = NULL;
  static const char *const what[] = {"run", "tag", "programs", "numbers"};
  struct engine_arg args[8];
  int rc;
  for (int i = 0; i < 4; i++)
    args[i] = engine_bytes(keys[i], key(keys[i], o, what[i]));
  snprintf(tag, sizeof tag, "%u", draw_tag());
  snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S);
  snprintf(most, sizeof most, "%d", PROGRAMS_MOST);
  args[4] = engine_text(speaks);
  args[5] = engine_text(tag);
  args[6] = engine_text(ttl);
  args[7] = engine_text(most);
  do /* twice: a number is lost */
    rc = engine_eval(e, &script_hello, 4, 8, args, &r);
  while (rc == -SBX_EAGAIN);
  if (rc) {
    snprintf(why, ENGINE_WHY, "%s", error_text(rc));
    return rc;
  }
  rc = hear(r, name, speaks, o, why);
  engine_free(r);
  return rc;
}

int net_world_join(const struct engine_options *options, const char *name, const char *speaks,
                   struct net_options *ret, char why[ENGINE_WHY]) {
  struct net_options o = {.engine = *options, .keeper = -1};
  struct engine *e;
  snprintf(o.run, sizeof o.run, PREFIX "%s", name);
  int rc = engine_open(options, &e, why);
  if (rc)
    return rc;
  rc = say_hello(e, name, speaks, &o, why);
  engine_close(e);
  if (rc == 0)
    *ret = o;
  return rc;
}

static void forget_program(struct engine *e, const struct net_options *o, int64_t number) {
  char k[ENGINE_KEY], text[24];
  struct engine_reply *r;
  const struct engine_arg args[] = {
      engine_text("HDEL"), engine_bytes(k, key(k, o, "programs")),
      engine_bytes(text, (size_t)snprintf(text, sizeof text, "%lld", (long long)number))};
  if (engine_ask(e, 3, args, &r) == 0)
    engine_free(r);
}

int net_world_beat(struct engine *e, const struct net_options *o, bool sure) {
  char k[ENGINE_KEY], number[16], lost[16];
  struct engine_reply *r;
  const struct engine_arg args[] = {
      engine_bytes(k, key(k, o, "programs")),
      engine_bytes(number, (size_t)snprintf(number, sizeof number, "%u", o->host)),
      engine_bytes(lost, (size_t)snprintf(lost, sizeof lost, "%d", WORLD_LOST_S))};
  int rc = engine_eval(e, &script_beat, 1, 3, args, &r);
  if (rc)
    return rc;
  for (size_t i = 0; i < engine_count(r) && sure && rc == 0; i++) {
    int64_t other = engine_integer(engine_at(r, i));
    if (other < 1 || other > PROGRAMS_MOST || other == o->host)
      continue;
    rc = net_bury_host(e, o->run, (uint16_t)other);
    if (rc == 0) /* last: should this fail, another keeper does it again */
      forget_program(e, o, other);
  }
  engine_free(r);
  return rc;
}

void net_world_leave(struct engine *e, const struct net_options *o) {
  forget_program(e, o, o->host);
}

static bool queues_alike(const struct queue_state *a, const struct queue_state *b) {
  return a->max == b->max && a->redeliver == b->redeliver;
}

bool net_world_alike(const struct net_state *a, const struct net_state *b) {
  static const struct {
    enum object_type type;
    int words[2]; /* that options set, and nothing changes; -1: none */
  } fixed[] = {{OBJECT_LOCK, {LOCK_RECURSIVE, -1}},
               {OBJECT_SEMAPHORE, {SEMAPHORE_MAX, SEMAPHORE_INITIAL}},
               {OBJECT_BARRIER, {BARRIER_PARTIES, BARRIER_ACTION}},
               {OBJECT_ARRAY, {ARRAY_KIND, ARRAY_COUNT}}};
  if (a->type != b->type)
    return false;
  if (a->type == OBJECT_CONDITION)
    return a->aux == b->aux; /* the lock */
  if (a->type == OBJECT_QUEUE)
    return queues_alike((const struct queue_state *)a->words, (const struct queue_state *)b->words);
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
    for (int k = 0; k < 2; k++) {
      int w = fixed[i].words[k];
      if (fixed[i].type == a->type && w >= 0 && a->words[w] != b->words[w])
        return false;
    }
  return true;
}
