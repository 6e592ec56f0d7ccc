/*
 * host/minder.h - the process that starts what a run over several hosts needs, and ends it with the run: a
 * Redis server of its own, perhaps, and agents on other hosts, by ssh.
 *
 * It is no child of the supervisor, which would kill it with the rest. It lives as long as somebody holds the
 * write end of `life`; then it closes the standard inputs of the agents, which end for that, and ends what
 * does not. So nothing is left behind, however the run ends.
 */
#ifndef SBX_HOST_MINDER_H
#define SBX_HOST_MINDER_H

#include <stdbool.h>
#include <stdio.h>

#include "net/engine.h"
#include "object/op.h"

enum { MINDED_MAX = 64 };

/* An agent to be started. */
struct minded {
  char at[NAME_MAX_BYTES + 64]; /* what ssh is told: HOST or USER@HOST */
  char name[NAME_MAX_BYTES];    /* of the host in the run */
  int slots;                    /* 0: as many as it has processors */
};

struct minder_request {
  struct engine_address address; /* of the engine, with its password */
  bool server;                   /* start a Redis server there */
  struct minded hosts[MINDED_MAX];
  int count;
};

struct minder {
  int life;
  FILE *news; /* lines from the minder; its end is the minder's. See below */
};

/*
 * News: "server" - it answers on its port;  "ready NAME" - an agent has said hello;  "gone NAME WHY" - it has
 * ended before that;  "failed WHY" - the server does not start. No newlines in WHY.
 */

/* Fork it. 0 or -SBX_EAGAIN, -SBX_EMFILE. */
int minder_start(const struct minder_request *r, struct minder *ret);

/* End it, and wait until it has ended, for some seconds at most. */
void minder_end(struct minder *m);

#endif
