/* net/engine.c - connections, commands and their answers, by hiredis; see engine.h. Without it, engine_none.c is
 * built instead of this file and engine_connect.c. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "net/engine_internal.h"

enum {
  ARGS_INLINE = 32,
  PAUSE_FIRST_MS = 5, /* between two attempts to connect */
  PAUSE_MOST_MS = 250,
  STOP_LOOK_MS = 100 /* how often engine_options.stop is asked */
};
#define CONNECT_LEAST_NS (NS_PER_SECOND / 4) /* for a step of an attempt when time is up */

bool engine_available(const char **why) {
  *why = "";
  return true;
}

const struct engine_options *engine_options_of(const struct engine *e) { return &e->o; }

static struct engine *engines; /* of this process */

static bool is_same_server(const struct engine *a, const struct engine *b) {
  return a->o.address.port == b->o.address.port &&
         strcmp(a->o.address.host, b->o.address.host) == 0;
}

void engine_set_away(struct engine *e, int64_t since_ns) {
  for (struct engine *other = engines; other; other = other->next)
    if (is_same_server(e, other) && (since_ns == 0 || other->away_ns == 0))
      other->away_ns = since_ns;
}

int engine_new(const struct engine_options *o, struct engine **ret) {
  struct engine *e = calloc(1, sizeof *e);
  if (!e)
    return -SBX_ENOMEM;
  e->o = *o;
  if (e->o.timeout_ns <= 0)
    e->o.timeout_ns = ENGINE_TIMEOUT_NS;
  for (const struct engine *other = engines; other && !e->away_ns; other = other->next)
    if (is_same_server(e, other))
      e->away_ns = other->away_ns;
  e->next = engines;
  engines = e;
  *ret = e;
  return 0;
}

void engine_drop(struct engine *e) {
  if (e->link)
    redisFree(e->link); /* only closes: the connection of a parent lives on */
  e->link = NULL;
}

void engine_close(struct engine *e) {
  if (!e)
    return;
  engine_drop(e);
  struct engine **at = &engines;
  while (*at != e)
    at = &(*at)->next;
  *at = e->next;
  free(e);
}

static bool connected(const struct engine *e) {
  return e->link && e->pid == getpid() && !e->link->err;
}

uint64_t engine_epoch(const struct engine *e) { return connected(e) ? e->epoch : 0; }

int engine_fd(const struct engine *e) { return connected(e) ? e->link->fd : -1; }

/* -- one command -------------------------------------------------------------------------------- */

struct engine_arg engine_text(const char *text) {
  return engine_bytes(text, strlen(text));
}

/* All of it, without the signal that hiredis would let a broken connection send. */
static bool send_all(int fd, const char *data, size_t len) {
  while (len > 0) {
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    data += n;
    len -= (size_t)n;
  }
  return true;
}

/* 0, -SBX_ENOMEM; -SBX_EAGAIN: the connection is broken. */
static int transmit(struct engine *e, int count, const struct engine_arg *args) {
  const char *argv[ARGS_INLINE], **at = argv;
  size_t lens[ARGS_INLINE] = {0}, *len = lens;
  char *command = NULL;
  int n = -1;
  if (count > ARGS_INLINE) {
    at = malloc((size_t)count * sizeof *at);
    len = malloc((size_t)count * sizeof *len);
  }
  if (at && len) {
    for (int i = 0; i < count; i++) {
      at[i] = args[i].len ? args[i].data : "";
      len[i] = args[i].len;
    }
    n = (int)redisFormatCommandArgv(&command, count, at, len);
  }
  if (at != argv)
    free(at);
  if (len != lens)
    free(len);
  if (n < 0)
    return -SBX_ENOMEM;
  bool sent = send_all(e->link->fd, command, (size_t)n);
  free(command);
  return sent ? 0 : -SBX_EAGAIN;
}

static bool is_to_stop(const struct engine *e) { return e->o.stop && e->o.stop(e->o.stop_ctx); }

/* In a process that can be told to end: sleep until there is something to read. False: it was told to. */
static bool await_bytes(struct engine *e) {
  struct pollfd fd = {.fd = e->link->fd, .events = POLLIN};
  const int64_t began_ns = clock_now_ns();
  int64_t until_ns = began_ns + e->o.timeout_ns;
  while (poll(&fd, 1, STOP_LOOK_MS) <= 0) {
    int64_t now_ns = clock_now_ns();
    if (is_to_stop(e) && until_ns > now_ns + ENGINE_STOP_NS)
      until_ns = now_ns + ENGINE_STOP_NS;
    if (now_ns < until_ns)
      continue;
    e->link->err = REDIS_ERR_IO;
    errno = EAGAIN;
    return false;
  }
  return true;
}

redisReply *engine_exchange(struct engine *e, int count, const struct engine_arg *args) {
  void *reply = NULL;
  if (transmit(e, count, args))
    return NULL;
  while (redisGetReplyFromReader(e->link, &reply) == REDIS_OK && !reply)
    if ((e->o.stop && !await_bytes(e)) || redisBufferRead(e->link) != REDIS_OK)
      return NULL;
  return reply;
}

bool engine_begins(const redisReply *r, const char *with) {
  return r->type == REDIS_REPLY_ERROR && strncmp(r->str, with, strlen(with)) == 0;
}

/* -- connections -------------------------------------------------------------------------------- */

/* How long a step of connecting may take, if an attempt is to be over by `until_ns`. */
static int64_t step_limit_ns(int64_t until_ns) {
  int64_t left_ns = until_ns - clock_now_ns();
  return left_ns < CONNECT_LEAST_NS    ? CONNECT_LEAST_NS
         : left_ns < ENGINE_CONNECT_NS ? left_ns
                                       : ENGINE_CONNECT_NS;
}

int engine_ensure(struct engine *e) {
  if (connected(e))
    return 0;
  engine_set_away(e, clock_now_ns());
  const int64_t until_ns = e->away_ns + e->o.timeout_ns;
  for (int pause_ms = PAUSE_FIRST_MS;; pause_ms = 2 * pause_ms) {
    if (is_to_stop(e))
      return -SBX_EENGINE;
    int rc = engine_connect(e, step_limit_ns(until_ns));
    if (rc == 0 || e->refused || clock_now_ns() >= until_ns)
      return rc;
    poll(NULL, 0, pause_ms < PAUSE_MOST_MS ? pause_ms : (pause_ms = PAUSE_MOST_MS));
  }
}

int engine_open(const struct engine_options *o, struct engine **ret, char why[ENGINE_WHY]) {
  struct engine *e;
  int rc = engine_new(o, &e);
  if (rc) {
    snprintf(why, ENGINE_WHY, "%s", error_text(rc));
    return rc;
  }
  rc = engine_connect(e, ENGINE_CONNECT_NS);
  if (rc == 0)
    rc = engine_check_server(e);
  if (rc) {
    memcpy(why, e->why, ENGINE_WHY);
    engine_close(e);
    return rc;
  }
  *ret = e;
  return 0;
}

/* -- commands ----------------------------------------------------------------------------------- */

struct engine_reply; /* a redisReply */

/* After a failure there is no answer: that reads as NIL. */
static redisReply *inner(const struct engine_reply *r) {
  static redisReply nil = {.type = REDIS_REPLY_NIL};
  return r ? (redisReply *)(uintptr_t)r : &nil;
}

/* The connection broke; nothing has come since `since_ns`. */
static int again(struct engine *e, int64_t since_ns) {
  engine_drop(e);
  engine_set_away(e, since_ns);
  int rc = engine_ensure(e);
  return rc ? rc : -SBX_EAGAIN;
}

int engine_call(struct engine *e, int count, const struct engine_arg *args,
                struct engine_reply **ret) {
  int rc = engine_ensure(e);
  if (rc)
    return rc;
  const int64_t began_ns = clock_now_ns();
  redisReply *r = engine_exchange(e, count, args);
  if (!r)
    return again(e, began_ns);
  *ret = (struct engine_reply *)r;
  return 0;
}

int engine_ask(struct engine *e, int count, const struct engine_arg *args,
               struct engine_reply **ret) {
  int rc;
  do
    rc = engine_call(e, count, args, ret);
  while (rc == -SBX_EAGAIN);
  return rc;
}

/* Owned by the caller; NULL: no memory. */
static char *whole_text(const struct engine_script *s) {
  const char *head = s->head ? s->head : "";
  size_t size = strlen(head) + strlen(s->text) + 1;
  char *text = malloc(size);
  if (text)
    snprintf(text, size, "%s%s", head, s->text);
  return text;
}

static int load_script(struct engine *e, struct engine_script *s) {
  struct engine_reply *r;
  char *text = whole_text(s);
  if (!text)
    return -SBX_ENOMEM;
  const struct engine_arg args[] = {engine_text("SCRIPT"), engine_text("LOAD"), engine_text(text)};
  int rc = engine_call(e, 3, args, &r);
  free(text);
  if (rc)
    return rc;
  if (engine_type(r) == ENGINE_BYTES && engine_len(r) + 1 == sizeof s->sha)
    memcpy(s->sha, engine_data(r), sizeof s->sha);
  engine_free(r);
  return 0;
}

int engine_eval(struct engine *e, struct engine_script *s, int key_count, int count,
                const struct engine_arg *args, struct engine_reply **ret) {
  struct engine_arg own[ARGS_INLINE], *all = own;
  char keys[16];
  int rc = s->sha[0] ? 0 : load_script(e, s);
  if (rc)
    return rc;
  if (count + 3 > ARGS_INLINE && !(all = malloc((size_t)(count + 3) * sizeof *all)))
    return -SBX_ENOMEM;
  snprintf(keys, sizeof keys, "%d", key_count);
  all[0] = engine_text("EVALSHA");
  all[1] = engine_text(s->sha);
  all[2] = engine_text(keys);
  memcpy(all + 3, args, (size_t)count * sizeof *args);
  rc = engine_call(e, count + 3, all, ret);
  if (rc == 0 && engine_begins(inner(*ret), "NOSCRIPT")) {
    engine_free(*ret);
    all[0] = engine_text("EVAL");
    char *text = whole_text(s);
    all[1] = engine_text(text ? text : "");
    rc = text ? engine_call(e, count + 3, all, ret) : -SBX_ENOMEM;
    free(text);
  }
  if (all != own)
    free(all);
  return rc;
}

int engine_send(struct engine *e, int count, const struct engine_arg *args) {
  int rc = engine_ensure(e);
  if (rc == 0)
    rc = transmit(e, count, args);
  return rc == -SBX_EAGAIN ? again(e, clock_now_ns()) : rc;
}

int engine_poll(struct engine *e, struct engine_reply **ret) {
  void *reply = NULL;
  if (!connected(e))
    return again(e, clock_now_ns());
  if (redisGetReplyFromReader(e->link, &reply) != REDIS_OK)
    return again(e, clock_now_ns());
  struct pollfd fd = {.fd = e->link->fd, .events = POLLIN};
  if (!reply && poll(&fd, 1, 0) > 0 &&
      (redisBufferRead(e->link) != REDIS_OK ||
       redisGetReplyFromReader(e->link, &reply) != REDIS_OK))
    return again(e, clock_now_ns());
  *ret = reply;
  return reply != NULL;
}

/* -- answers ------------------------------------------------------------------------------------ */

enum engine_type engine_type(const struct engine_reply *r) {
  switch (inner(r)->type) {
  case REDIS_REPLY_STRING:
    return ENGINE_BYTES;
  case REDIS_REPLY_INTEGER:
    return ENGINE_INTEGER;
  case REDIS_REPLY_ARRAY:
    return ENGINE_LIST;
  case REDIS_REPLY_STATUS:
    return ENGINE_STATUS;
  case REDIS_REPLY_ERROR:
    return ENGINE_ERROR;
  default:
    return ENGINE_NIL;
  }
}

int engine_refusal(const struct engine_reply *r) {
  static const char *const room[] = {"OOM", "MISCONF"};
  static const char *const server[] = {"NOAUTH", "READONLY",   "LOADING",
                                       "NOPERM", "MASTERDOWN", "CLUSTERDOWN"};
  if (engine_type(r) != ENGINE_ERROR)
    return 0;
  for (size_t i = 0; i < sizeof room / sizeof *room; i++)
    if (engine_begins(inner(r), room[i]))
      return -SBX_ENOSPC;
  for (size_t i = 0; i < sizeof server / sizeof *server; i++)
    if (engine_begins(inner(r), server[i]))
      return -SBX_EENGINE;
  return -SBX_ENOOBJECT;
}

const char *engine_data(const struct engine_reply *r) { return inner(r)->str; }
size_t engine_len(const struct engine_reply *r) { return inner(r)->len; }
int64_t engine_integer(const struct engine_reply *r) { return inner(r)->integer; }

size_t engine_count(const struct engine_reply *r) {
  return inner(r)->type == REDIS_REPLY_ARRAY ? inner(r)->elements : 0;
}

const struct engine_reply *engine_at(const struct engine_reply *r, size_t i) {
  return (const struct engine_reply *)(i < engine_count(r) ? inner(r)->element[i] : inner(NULL));
}

void engine_free(struct engine_reply *r) {
  if (r)
    freeReplyObject(r);
}
