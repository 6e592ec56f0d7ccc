/*
 * net/engine_connect.c - how a connection begins: the name is looked up, the socket guarded, the password given, the database
 * chosen; and, once for a run, the server is checked: it must keep what it is given. Every failure becomes one line
 * for a person (engine.why).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "net/engine_internal.h"

enum { VERSION_LEAST = 7, USER_TIMEOUT_MS = 4000, KEEP_IDLE_S = 1, KEEP_COUNT = 3 };

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
  engine_drop(e);
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
  redisReply *r = engine_exchange(e, n, args);
  if (!r)
    return explain_link(e);
  int rc = 0;
  if (engine_begins(r, "WRONGPASS") || engine_begins(r, "ERR invalid"))
    rc = refuse(e, "wrong password");
  else if (engine_begins(r, "ERR AUTH <password> called without"))
    rc = refuse(e, "a password is given, but it has none (requirepass)");
  else if (r->type == REDIS_REPLY_ERROR)
    rc = refuse(e, r->str);
  freeReplyObject(r);
  return rc;
}

static int choose_database(struct engine *e) {
  char number[16];
  snprintf(number, sizeof number, "%d", e->o.address.database);
  redisReply *r =
      engine_exchange(e, 2, (struct engine_arg[]){engine_text("SELECT"), engine_text(number)});
  char reason[64];
  if (!r)
    return explain_link(e);
  int rc = 0;
  snprintf(reason, sizeof reason, "it has no database %s", number);
  if (engine_begins(r, "NOAUTH"))
    rc = refuse(e, "it wants a password: redis://:PASSWORD@HOST, or SANDBOX_PASSWORD");
  else if (engine_begins(r, "DENIED"))
    rc = refuse(e, "it is in protected mode: give it a password (requirepass)");
  else if (engine_begins(r, "ERR DB index") || engine_begins(r, "ERR invalid DB index"))
    rc = refuse(e, reason);
  else if (r->type == REDIS_REPLY_ERROR)
    rc = refuse(e, r->str);
  freeReplyObject(r);
  return rc;
}

/* A server that has just been started answers some commands before it has read its data. */
static int wait_for_data(struct engine *e) {
  redisReply *r = engine_exchange(e, 1, (struct engine_arg[]){engine_text("PING")});
  if (!r)
    return explain_link(e);
  int rc = engine_begins(r, "LOADING") ? explain(e, "cannot use", "it is loading its data") : 0;
  freeReplyObject(r);
  return rc;
}

/* How a name is looked up is no business of ours, but for how long. */
static redisContext *dial(const struct engine_address *a, struct timeval limit) {
  bool patient = getenv("RES_OPTIONS") == NULL;
  if (patient)
    setenv("RES_OPTIONS", "timeout:1 attempts:2", 1);
  redisContext *c = a->port ? redisConnectWithTimeout(a->host, a->port, limit)
                            : redisConnectUnixWithTimeout(a->host, limit);
  if (patient)
    unsetenv("RES_OPTIONS");
  return c;
}

int engine_connect(struct engine *e, int64_t limit_ns) {
  const struct timeval limit = seconds(limit_ns);
  engine_drop(e);
  e->link = dial(&e->o.address, limit);
  if (!e->link)
    return explain(e, "cannot reach", "not enough memory");
  if (e->link->err)
    return explain_link(e);
  redisSetTimeout(e->link, limit);
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
  engine_set_away(e, 0);
  e->epoch++;
  return 0;
}

/* -- looking at the server ---------------------------------------------------------------------- */

/* The value of a setting, NULL if it is not told. */
static redisReply *setting(struct engine *e, const char *name) {
  redisReply *r = engine_exchange(
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
  redisReply *r =
      engine_exchange(e, 2, (struct engine_arg[]){engine_text("INFO"), engine_text("server")});
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

int engine_check_server(struct engine *e) {
  if (e->o.address.password[0] == '\0' && !e->o.insecure && !is_here(e->link->fd))
    return refuse(e,
                  "it is on another host and has no password, so everybody there could run code in "
                  "this run: give it one (requirepass), or say --engine-insecure");
  int rc = check_version(e);
  return rc ? rc : check_eviction(e);
}
