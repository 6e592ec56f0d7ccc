/*
 * tests/support/redis.h - a Redis server of a test's own: on a loopback port that was free, in a folder of
 * its own, ended with the test.
 */
#ifndef TEST_SUPPORT_REDIS_H
#define TEST_SUPPORT_REDIS_H

#include <stdbool.h>
#include <sys/types.h>

struct redis {
  pid_t pid; /* 0: it does not run */
  int port;
  char folder[64];
  char options[256];
};

/* The exit status by which a test says that it cannot run here; see SKIP_RETURN_CODE. */
enum { REDIS_SKIP = 77 };

/* Start one with more options ("--requirepass x"), and wait until it answers. False: there is no
 * redis-server here. Aborts if there is one, and it does not start. */
bool redis_start(struct redis *r, const char *options);
/* Start it again on the same port, with the data that it has written. */
void redis_restart(struct redis *r);
/* Kill it; what it has written stays. */
void redis_kill(struct redis *r);
/* Kill it, and remove its folder. */
void redis_end(struct redis *r);

#endif
