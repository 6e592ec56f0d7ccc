/* net/engine.c - connections, by hiredis; see engine.h. Without it, engine_none.c is built instead. */
#include "net/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

enum {
  VERSION_LEAST = 7,
  ARGS_INLINE = 32,
  USER_TIMEOUT_MS = 4000,
  KEEP_IDLE_S = 1,
  KEEP_COUNT = 3,
  PAUSE_FIRST_MS = 5, /* between two attempts to connect */
  PAUSE_MOST_MS = 250
};

struct engine {
  struct engine_options o;
  redisContext *link; /* NULL: none */
  pid_t pid;          /* whose it is: a forked child must not use it */
  uint64_t epoch;
  bool trusted;         /* engine_open has looked at the server */
  char why[ENGINE_WHY]; /* why there is no connection */
  bool refused;         /* the server does not want us: no sense in asking again */
};

bool engine_available(const char **why) {
  *why = "";
  return true;
}

const struct engine_options *engine_options_of(const struct engine *e) { return &e->o; }

int engine_new(const struct engine_options *o, struct engine **ret) {
  struct engine *e = calloc(1, sizeof *e);
  if (!e)
    return -SBX_ENOMEM;
  e->o = *o;
  if (e->o.timeout_ns <= 0)
    e->o.timeout_ns = ENGINE_TIMEOUT_NS;
  *ret = e;
  return 0;
}

static void drop(struct engine *e) {
  if (e->link)
    redisFree(e->link); /* only closes: the connection of a parent lives on */
  e->link = NULL;
}

void engine_close(struct engine *e) {
  if (!e)
    return;
  drop(e);
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

/* NULL: the connection is broken. */
static redisReply *exchange(struct engine *e, int count, const struct engine_arg *args) {
  void *reply = NULL;
  if (transmit(e, count, args) || redisGetReply(e->link, &reply) != REDIS_OK)
    return NULL;
  return reply;
}

static bool begins(const redisReply *r, const char *with) {
  return r->type == REDIS_REPLY_ERROR && strncmp(r->str, with, strlen(with)) == 0;
}

/* -- connecting ----------------------------------------------------------------------------------
 */

static struct timeval seconds(int64_t ns) {
  return (struct timeval){.tv_sec = ns / NS_PER_SECOND,
                          .tv_usec = (suseconds_t)(ns % NS_PER_SECOND / 1000)};
}

/* A link that is down is noticed: after 1 s without a word, 3 probes, 1 s apart. */
static void guard(redisContext *c, int64_t timeout_ns) {
  const int on = 1, idle = KEEP_IDLE_S, count = KEEP_COUNT;
  const unsigned user = USER_TIMEOUT_MS;
  setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof idle);
  setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, sizeof user);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  redisSetTimeout(c, seconds(timeout_ns)); /* a server that is stopped says nothing */
}

static int explain(struct engine *e, const char *what, const char *reason) {
  char name[ENGINE_TEXT + 16];
  snprintf(e->why, sizeof e->why, "%s the engine at %s%s%s", what, engine_name(&e->o.address, name),
           *reason ? ": " : "", reason);
  drop(e);
  return -SBX_EENGINE;
}

/* It is there, and it refuses. */
static int refuse(struct engine *e, const char *reason) {
  e->refused = true;
  return explain(e, "cannot use", reason);
}

static int explain_link(struct engine *e) {
  const redisContext *c = e->link;
  char reason[160];
  snprintf(reason, sizeof reason, "%s",
           c->err == REDIS_ERR_PROTOCOL ? "what answers there is no Redis server"
           : c->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EINPROGRESS)
               ? "it does not answer"
               : c->errstr);
  return explain(e, "cannot reach", reason);
}

static int log_in(struct engine *e) {
  const struct engine_address *a = &e->o.address;
  struct engine_arg args[3];
  int n = 0;
  if (a->password[0] == '\0')
    return 0;
  args[n++] = engine_text("AUTH");
  if (a->user[0])
    args[n++] = engine_text(a->user);
  args[n++] = engine_text(a->password);
  redisReply *r = exchange(e, n, args);
  if (!r)
    return explain_link(e);
  int rc = 0;
  if (begins(r, "WRONGPASS") || begins(r, "ERR invalid"))
    rc = refuse(e, "wrong password");
  else if (begins(r, "ERR AUTH <password> called without"))
    rc = refuse(e, "a password is given, but it has none (requirepass)");
  else if (r->type == REDIS_REPLY_ERROR)
    rc = refuse(e, r->str);
  freeReplyObject(r);
  return rc;
}

static int choose_database(struct engine *e) {
  char number[16];
  snprintf(number, sizeof number, "%d", e->o.address.database);
  redisReply *r = exchange(e, 2, (struct engine_arg[]){engine_text("SELECT"), engine_text(number)});
  char reason[64];
  if (!r)
    return explain_link(e);
  int rc = 0;
  snprintf(reason, sizeof reason, "it has no database %s", number);
  if (begins(r, "NOAUTH"))
    rc = refuse(e, "it wants a password: redis://:PASSWORD@HOST, or SANDBOX_PASSWORD");
  else if (begins(r, "DENIED"))
    rc = refuse(e, "it is in protected mode: give it a password (requirepass)");
  else if (begins(r, "ERR DB index") || begins(r, "ERR invalid DB index"))
    rc = refuse(e, reason);
  else if (r->type == REDIS_REPLY_ERROR)
    rc = refuse(e, r->str);
  freeReplyObject(r);
  return rc;
}

/* A server that has just been started answers some commands before it has read its data. */
static int wait_for_data(struct engine *e) {
  redisReply *r = exchange(e, 1, (struct engine_arg[]){engine_text("PING")});
  if (!r)
    return explain_link(e);
  int rc = begins(r, "LOADING") ? explain(e, "cannot use", "it is loading its data") : 0;
  freeReplyObject(r);
  return rc;
}

/* How a name is looked up is no business of ours, but for how long. */
static redisContext *dial(const struct engine_address *a) {
  const struct timeval limit = seconds(ENGINE_CONNECT_NS);
  bool patient = getenv("RES_OPTIONS") == NULL;
  if (patient)
    setenv("RES_OPTIONS", "timeout:1 attempts:2", 1);
  redisContext *c = a->port ? redisConnectWithTimeout(a->host, a->port, limit)
                            : redisConnectUnixWithTimeout(a->host, limit);
  if (patient)
    unsetenv("RES_OPTIONS");
  return c;
}

static int connect_once(struct engine *e) {
  drop(e);
  e->link = dial(&e->o.address);
  if (!e->link)
    return explain(e, "cannot reach", "not enough memory");
  if (e->link->err)
    return explain_link(e);
  redisSetTimeout(e->link, seconds(ENGINE_CONNECT_NS));
  e->refused = false;
  int rc = log_in(e);
  if (rc == 0)
    rc = choose_database(e);
  if (rc == 0)
    rc = wait_for_data(e);
  if (rc)
    return rc;
  guard(e->link, e->o.timeout_ns);
  e->pid = getpid();
  e->epoch++;
  return 0;
}

int engine_ensure(struct engine *e) {
  if (connected(e))
    return 0;
  int64_t until_ns = clock_now_ns() + e->o.timeout_ns;
  for (int pause_ms = PAUSE_FIRST_MS;; pause_ms = 2 * pause_ms) {
    int rc = connect_once(e);
    if (rc == 0 || e->refused || clock_now_ns() >= until_ns)
      return rc;
    poll(NULL, 0, pause_ms < PAUSE_MOST_MS ? pause_ms : (pause_ms = PAUSE_MOST_MS));
  }
}

/* -- looking at the server ---------------------------------------------------------------------- */

/* The value of a setting, NULL if it is not told. */
static redisReply *setting(struct engine *e, const char *name) {
  redisReply *r = exchange(
      e, 3, (struct engine_arg[]){engine_text("CONFIG"), engine_text("GET"), engine_text(name)});
  if (r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
      r->element[1]->type == REDIS_REPLY_STRING)
    return r;
  if (r)
    freeReplyObject(r);
  return NULL;
}

/* What is thrown away when memory is short would be locks and items. */
static int check_eviction(struct engine *e) {
  redisReply *r = setting(e, "maxmemory-policy");
  char reason[160];
  int rc = 0;
  if (!r)
    return e->link->err ? explain_link(e) : 0; /* hosted servers do not tell */
  if (strcmp(r->element[1]->str, "noeviction") != 0) {
    snprintf(reason, sizeof reason,
             "its maxmemory-policy is %.40s, which throws objects away: set it to noeviction",
             r->element[1]->str);
    rc = refuse(e, reason);
  }
  freeReplyObject(r);
  return rc;
}

static int check_version(struct engine *e) {
  redisReply *r = exchange(e, 2, (struct engine_arg[]){engine_text("INFO"), engine_text("server")});
  char reason[96];
  int rc = 0;
  if (!r)
    return explain_link(e);
  const char *version = r->type == REDIS_REPLY_STRING ? strstr(r->str, "redis_version:") : NULL;
  version = version ? version + strlen("redis_version:") : NULL;
  if (version && strtol(version, NULL, 10) < VERSION_LEAST) {
    snprintf(reason, sizeof reason, "it is Redis %.*s: version %d is needed",
             (int)strcspn(version, "\r\n"), version, VERSION_LEAST);
    rc = refuse(e, reason);
  }
  freeReplyObject(r);
  return rc;
}

/* Is the other end of the connection on this host? */
static bool is_here(int fd) {
  struct sockaddr_storage a;
  socklen_t len = sizeof a;
  if (getpeername(fd, (struct sockaddr *)&a, &len))
    return false;
  const struct sockaddr_in *four = (const void *)&a;
  const struct sockaddr_in6 *six = (const void *)&a;
  switch (a.ss_family) {
  case AF_UNIX:
    return true;
  case AF_INET:
    return ntohl(four->sin_addr.s_addr) >> 24 == 127;
  case AF_INET6:
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == 127);
  default:
    return false;
  }
}

static int check_server(struct engine *e) {
  if (e->o.address.password[0] == '\0' && !e->o.insecure && !is_here(e->link->fd))
    return refuse(e,
                  "it is on another host and has no password, so everybody there could run code in "
                  "this run: give it one (requirepass), or say --engine-insecure");
  int rc = check_version(e);
  return rc ? rc : check_eviction(e);
}

int engine_open(const struct engine_options *o, struct engine **ret, char why[ENGINE_WHY]) {
  struct engine *e;
  int rc = engine_new(o, &e);
  if (rc) {
    snprintf(why, ENGINE_WHY, "%s", error_text(rc));
    return rc;
  }
  rc = connect_once(e);
  if (rc == 0)
    rc = check_server(e);
  if (rc) {
    memcpy(why, e->why, ENGINE_WHY);
    engine_close(e);
    return rc;
  }
  *ret = e;
  return 0;
}

/* -- commands ------------------------------------------------------------------------------------
 */

struct engine_reply; /* a redisReply */

static redisReply *inner(const struct engine_reply *r) { return (redisReply *)(uintptr_t)r; }

/* The connection broke. */
static int again(struct engine *e) {
  drop(e);
  int rc = engine_ensure(e);
  return rc ? rc : -SBX_EAGAIN;
}

int engine_call(struct engine *e, int count, const struct engine_arg *args,
                struct engine_reply **ret) {
  int rc = engine_ensure(e);
  if (rc)
    return rc;
  redisReply *r = exchange(e, count, args);
  if (!r)
    return again(e);
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

static int load_script(struct engine *e, struct engine_script *s) {
  struct engine_reply *r;
  const struct engine_arg args[] = {engine_text("SCRIPT"), engine_text("LOAD"),
                                    engine_text(s->text)};
  int rc = engine_call(e, 3, args, &r);
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
  if (rc == 0 && begins(inner(*ret), "NOSCRIPT")) {
    engine_free(*ret);
    all[0] = engine_text("EVAL");
    all[1] = engine_text(s->text);
    rc = engine_call(e, count + 3, all, ret);
  }
  if (all != own)
    free(all);
  return rc;
}

int engine_send(struct engine *e, int count, const struct engine_arg *args) {
  int rc = engine_ensure(e);
  if (rc == 0)
    rc = transmit(e, count, args);
  return rc == -SBX_EAGAIN ? again(e) : rc;
}

int engine_poll(struct engine *e, struct engine_reply **ret) {
  void *reply = NULL;
  if (!connected(e))
    return again(e);
  if (redisGetReplyFromReader(e->link, &reply) != REDIS_OK)
    return again(e);
  struct pollfd fd = {.fd = e->link->fd, .events = POLLIN};
  if (!reply && poll(&fd, 1, 0) > 0 &&
      (redisBufferRead(e->link) != REDIS_OK ||
       redisGetReplyFromReader(e->link, &reply) != REDIS_OK))
    return again(e);
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

const char *engine_data(const struct engine_reply *r) { return inner(r)->str; }
size_t engine_len(const struct engine_reply *r) { return inner(r)->len; }
int64_t engine_integer(const struct engine_reply *r) { return inner(r)->integer; }

size_t engine_count(const struct engine_reply *r) {
  return inner(r)->type == REDIS_REPLY_ARRAY ? inner(r)->elements : 0;
}

const struct engine_reply *engine_at(const struct engine_reply *r, size_t i) {
  static redisReply nil = {.type = REDIS_REPLY_NIL};
  return (const struct engine_reply *)(i < engine_count(r) ? inner(r)->element[i] : &nil);
}

void engine_free(struct engine_reply *r) {
  if (r)
    freeReplyObject(r);
}
