/*
 * host/explore_failures.h - the shortest schedule of each kind of failure that an exploration has found.
 */
#ifndef SBX_HOST_EXPLORE_FAILURES_H
#define SBX_HOST_EXPLORE_FAILURES_H

#include "sim/explore/explore.h"

/* A schedule that fails in one way. */
struct failure {
  enum explore_end end;
  uint32_t *path, len; /* owned; as of exploration_path */
  uint32_t preemptions;
  uint32_t loop;   /* its steps from there on are a circle; EXPLORE_NONE: it ends */
  uint32_t victim; /* STARVES, LIVELOCK: the process that waits for ever */
};
enum { FAILURES_MAX = 5 };

/* One of each kind that there is; to be released. Returns how many, EXPLORE_NONE without memory. */
uint32_t failures_find(const struct exploration *x, struct failure ret[FAILURES_MAX]);
void failures_release(struct failure *list, uint32_t count);

/* Its story, the caller's. -SBX_ENOMEM */
struct told;
int failure_tell(struct exploration *x, const struct failure *f, const char *script,
                 struct told **ret);
/* "livelock", as sandbox.explore names it. */
const char *failure_kind(const struct failure *f);

#endif
