/* net/engine_internal.h - what the files of a connection share, hiredis among it. No other file includes it. */
#ifndef SBX_NET_ENGINE_INTERNAL_H
#define SBX_NET_ENGINE_INTERNAL_H

#include <hiredis/hiredis.h>

#include "net/engine.h"

struct engine {
  struct engine *next; /* the engines of a process are in a list */
  struct engine_options o;
  redisContext *link; /* NULL: none */
  pid_t pid;          /* whose it is: a forked child must not use it */
  uint64_t epoch;
  int64_t away_ns;      /* since when it has not answered; 0: it does, as far as is known */
  bool trusted;         /* engine_open has looked at the server */
  char why[ENGINE_WHY]; /* why there is no connection */
  bool refused;         /* the server does not want us: no sense in asking again */
};

/* The server has not answered since then, or answers (0): for all connections of this process to it. */
void engine_set_away(struct engine *e, int64_t since_ns);

/* Close the connection, if there is one. */
void engine_drop(struct engine *e);

/* One command over the connection there is, and its answer, owned by the caller. NULL: the connection is broken. */
redisReply *engine_exchange(struct engine *e, int count, const struct engine_arg *args);

/* Is it an error of the server that begins so? */
bool engine_begins(const redisReply *r, const char *with);

/* -- engine_connect.c -------------------------------------------------------------------------- */

/* Connect once; each step takes `limit_ns` at most. 0 or -SBX_EENGINE: e->why tells, and e->refused whether it is of no use to try again. */
int engine_connect(struct engine *e, int64_t limit_ns);

/* Can the connected server be used? The same. */
int engine_check_server(struct engine *e);

#endif
