/* host/far.c - what all parts of far processes share; see far.h. */
#include "host/far.h"

#include <inttypes.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "net/net.h"
#include "net/survey.h"
#include "sandbox/sandbox.h"

struct far_setup far_setup;

/* -- hello ---------------------------------------------------------------------------------------- */

/* The form of bytecode is that of Lua's version (5.4) with these sizes. */
const char *far_speaks(void) {
  static char text[HOST_SPEAKS];
  const uint16_t order = 1;
  if (!text[0])
    snprintf(text, sizeof text, "sandbox %s, %s, bytecode %d.%d.%d, words of %d bits, %s first",
             SANDBOX_VERSION, LUA_RELEASE, LUA_VERSION_NUM, (int)sizeof(lua_Integer),
             (int)sizeof(lua_Number), (int)sizeof(void *) * 8,
             *(const uint8_t *)&order ? "lowest" : "highest");
  return text;
}

bool far_understands(const struct host_info *h, char why[ENGINE_WHY]) {
  if (strcmp(h->speaks, far_speaks()) == 0)
    return true;
  snprintf(why, ENGINE_WHY, "host %s cannot run what this one sends: it has %s; here is %s",
           h->name, h->speaks, far_speaks());
  return false;
}

/* -- requests ------------------------------------------------------------------------------------- */

/* A head of lines, an empty one, then the call. Numbers of floating point as C writes them exactly. */
int far_request_write(const struct far_request *r, struct buf *ret) {
  char head[FAR_PATH + WHERE_MAX + 512], key[2 * sizeof r->key + 1];
  for (size_t i = 0; i < sizeof r->key; i++)
    snprintf(key + 2 * i, 3, "%02x", r->key[i]);
  int n = snprintf(head, sizeof head,
                   "%s\n%s\n%s\n%s\n%" PRIu64 "\n%a\n%a\n%" PRId64 "\n%d %" PRIu64 " %" PRIu64
                   " %" PRIu64 " %s\n%s\n%s\n%s\n\n",
                   r->run, r->id, r->name, r->from, r->seed, r->speed, r->now, r->lost_ns, r->trace,
                   r->serial, r->stand_in, r->spawner, r->parent, key, r->cwd, r->spawned_at);
  if (n < 0 || (size_t)n >= sizeof head)
    return -SBX_EINVAL;
  int rc = buf_append(ret, head, (size_t)n);
  return rc ? rc : buf_append(ret, r->call, r->call_len);
}

/* Take a line of at most `size` - 1 bytes. */
static bool take_line(const char **at, const char *end, char *ret, size_t size) {
  const char *newline = memchr(*at, '\n', (size_t)(end - *at));
  size_t len = newline ? (size_t)(newline - *at) : 0;
  if (!newline || len >= size)
    return false;
  memcpy(ret, *at, len);
  ret[len] = '\0';
  *at = newline + 1;
  return true;
}

static bool take_key(const char *text, uint8_t key[16]) {
  for (int i = 0; i < 16; i++) {
    unsigned byte;
    if (sscanf(text + 2 * i, "%2x", &byte) != 1)
      return false;
    key[i] = (uint8_t)byte;
  }
  return true;
}

bool far_request_read(const void *data, size_t len, struct far_request *ret) {
  const char *at = data, *end = at + len;
  char seed[32], speed[48], now[48], lost[32], trace[128], key[40], empty[2];
  *ret = (struct far_request){0};
  if (!take_line(&at, end, ret->run, sizeof ret->run) ||
      !take_line(&at, end, ret->id, sizeof ret->id) ||
      !take_line(&at, end, ret->name, sizeof ret->name) ||
      !take_line(&at, end, ret->from, sizeof ret->from) ||
      !take_line(&at, end, seed, sizeof seed) || !take_line(&at, end, speed, sizeof speed) ||
      !take_line(&at, end, now, sizeof now) || !take_line(&at, end, lost, sizeof lost) ||
      !take_line(&at, end, trace, sizeof trace) || !take_line(&at, end, key, sizeof key) ||
      !take_line(&at, end, ret->cwd, sizeof ret->cwd) ||
      !take_line(&at, end, ret->spawned_at, sizeof ret->spawned_at) ||
      !take_line(&at, end, empty, sizeof empty))
    return false;
  ret->seed = strtoull(seed, NULL, 10);
  ret->speed = strtod(speed, NULL);
  ret->now = strtod(now, NULL);
  ret->lost_ns = strtoll(lost, NULL, 10);
  sscanf(trace, "%d %" SCNu64 " %" SCNu64 " %" SCNu64 " %16s", &ret->trace, &ret->serial,
         &ret->stand_in, &ret->spawner, ret->parent);
  ret->call = at;
  ret->call_len = (size_t)(end - at);
  return ret->speed > 0 && ret->lost_ns > 0 && ret->run[0] && ret->id[0] && take_key(key, ret->key);
}

/* -- the engine ----------------------------------------------------------------------------------- */

size_t far_key(char ret[ENGINE_KEY], const char *run, const char *id, const char *what) {
  return engine_key(ret, run, "far:%s%s%s", id, *what ? ":" : "", what);
}

/* Ask, and read an integer. */
static int ask(struct engine *e, int count, const struct engine_arg *args, int64_t *ret) {
  struct engine_reply *r;
  int rc = engine_ask(e, count, args, &r);
  if (rc)
    return rc;
  *ret = engine_type(r) == ENGINE_INTEGER ? engine_integer(r) : 0;
  engine_free(r);
  return 0;
}

static void dead_key(char ret[ENGINE_KEY], const char *run) { engine_key(ret, run, "lost"); }

int far_is_fenced(struct engine *e, const char *run, const char *id, bool *ret) {
  char key[ENGINE_KEY];
  int64_t n;
  dead_key(key, run);
  int rc = ask(
      e, 3, (struct engine_arg[]){engine_text("SISMEMBER"), engine_text(key), engine_text(id)}, &n);
  if (rc == 0)
    *ret = n != 0;
  return rc;
}

int far_lost(struct engine *e, const char *run, struct engine_reply **ret) {
  char key[ENGINE_KEY];
  dead_key(key, run);
  return engine_ask(e, 2, (struct engine_arg[]){engine_text("SMEMBERS"), engine_text(key)}, ret);
}

int far_fence(struct engine *e, const char *run, const char *id) {
  char key[ENGINE_KEY];
  int64_t n;
  dead_key(key, run);
  int rc =
      ask(e, 3, (struct engine_arg[]){engine_text("SADD"), engine_text(key), engine_text(id)}, &n);
  if (rc)
    return rc;
  return ask(e, 3,
             (struct engine_arg[]){engine_text("EXPIRE"), engine_text(key), engine_text("3600")},
             &n);
}

int far_number(struct engine *e, const struct far_request *r, const char *record, const char *host,
               uint16_t *ret) {
  char key[ENGINE_KEY], fleet[ENGINE_KEY], places[ENGINE_KEY], text[24], about[NAME_MAX_BYTES + 96];
  const char *run = r->run;
  int64_t n, set;
  engine_key(key, run, "hosts"); /* which the keeper of the run renews, and removes */
  int rc = ask(e, 2, (struct engine_arg[]){engine_text("INCR"), engine_text(key)}, &n);
  if (rc == 0)
    rc = far_renew(e, key);
  if (rc == 0 && (n < 1 || n > UINT16_MAX))
    rc = -SBX_EFLEET;
  if (rc)
    return rc;
  snprintf(text, sizeof text, "%d", (int)n);
  *ret = (uint16_t)n;
  engine_key(fleet, run, NET_FLEET);
  snprintf(about, sizeof about, "%" PRIu64 " %s %s %" PRIu64 " %s", r->serial,
           r->parent[0] ? r->parent : "-", host, r->stand_in, r->id);
  rc = ask(e, 4,
           (struct engine_arg[]){engine_text("HSET"), engine_text(fleet), engine_text(text),
                                 engine_text(about)},
           &set);
  if (rc == 0)
    rc = far_renew(e, fleet);
  engine_key(places, run, NET_PLACES);
  if (rc == 0)
    rc = ask(e, 4,
             (struct engine_arg[]){engine_text("HSET"), engine_text(places), engine_text(text),
                                   engine_text(host)},
             &set);
  if (rc == 0)
    rc = far_renew(e, places);
  return rc ? rc
            : ask(e, 4,
                  (struct engine_arg[]){engine_text("HSET"), engine_text(record),
                                        engine_text("number"), engine_text(text)},
                  &set);
}

/* The number that far_number wrote into the record; 0: it did not come to that. */
static int number_in(struct engine *e, const char *record, int64_t *ret) {
  struct engine_reply *r;
  int rc = engine_ask(
      e, 3, (struct engine_arg[]){engine_text("HGET"), engine_text(record), engine_text("number")},
      &r);
  if (rc)
    return rc;
  *ret = engine_type(r) == ENGINE_BYTES ? strtoll(engine_data(r), NULL, 10) : 0;
  engine_free(r);
  return 0;
}

int far_declare_dead(struct engine *e, const char *run, const char *id, const char *record) {
  int64_t number;
  int rc = far_fence(e, run, id);
  if (rc == 0)
    rc = number_in(e, record, &number);
  return rc || number == 0 ? rc : net_bury_host(e, run, (uint16_t)number);
}

int far_renew(struct engine *e, const char *key) {
  char ttl[16];
  int64_t n;
  snprintf(ttl, sizeof ttl, "%d", ENGINE_TTL_S);
  return ask(e, 3, (struct engine_arg[]){engine_text("EXPIRE"), engine_text(key), engine_text(ttl)},
             &n);
}

int far_forget(struct engine *e, const char *key) {
  int64_t n;
  return ask(e, 2, (struct engine_arg[]){engine_text("DEL"), engine_text(key)}, &n);
}
