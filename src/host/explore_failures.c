/* host/explore_failures.c - what can go wrong, once for each kind; see explore_failures.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/explore_failures.h"
#include "host/explore_story.h"

/* A run that never ends: once around, behind the path to where that is certain. */
static bool add_round(const struct exploration *x, struct failure *f) {
  uint32_t state = 0, *round = NULL;
  for (uint32_t i = 0; i < f->len; i++)
    state = exploration_steps(x, state)[f->path[i]].to;
  if (exploration_state(x, state)->count == 0) /* only time goes on */
    return true;
  uint32_t len = exploration_round(x, state, &round);
  uint32_t *grown =
      len == EXPLORE_NONE ? NULL : realloc(f->path, (f->len + len + 1) * sizeof *grown);
  if (grown) {
    memcpy(grown + f->len, round, len * sizeof *grown);
    f->path = grown;
    f->loop = f->len;
    f->len += len;
  }
  if (len != EXPLORE_NONE)
    free(round);
  return grown != NULL;
}

static bool find_end(const struct exploration *x, enum explore_end end, struct failure *f) {
  *f = (struct failure){.end = end, .loop = EXPLORE_NONE, .victim = EXPLORE_NONE};
  f->len = exploration_path(x, 0, end, &f->path, &f->preemptions);
  return f->len != EXPLORE_NONE && (end != EXPLORE_STUCK || add_round(x, f));
}

static bool find_circle(const struct exploration *x, struct failure *f) {
  bool livelock;
  *f = (struct failure){.end = EXPLORE_STARVES};
  f->len = exploration_circle(x, &f->path, &f->loop, &f->victim, &livelock);
  if (livelock)
    f->end = EXPLORE_LIVELOCK;
  return f->len != EXPLORE_NONE;
}

uint32_t failures_find(const struct exploration *x, struct failure ret[FAILURES_MAX]) {
  struct explore_sum s;
  bool found[EXPLORE_STUCK + 1] = {false};
  uint32_t count = 0;
  exploration_sum(x, &s);
  for (uint32_t i = 0; i < s.states; i++)
    found[exploration_state(x, i)->end] = true;
  for (int end = EXPLORE_ERROR; end <= EXPLORE_STUCK; end++)
    if (found[end] && !find_end(x, (enum explore_end)end, &ret[count++])) {
      failures_release(ret, count);
      return EXPLORE_NONE;
    }
  if (find_circle(x, &ret[count]))
    count++;
  return count;
}

void failures_release(struct failure *list, uint32_t count) {
  for (uint32_t i = 0; count != EXPLORE_NONE && i < count; i++)
    free(list[i].path);
}

int failure_tell(struct exploration *x, const struct failure *f, const char *script,
                 struct told **ret) {
  int rc = told_make(x, f->path, f->len, f->end, script, ret);
  if (rc == 0 && f->loop != EXPLORE_NONE)
    told_circle(*ret, f->loop, f->victim == EXPLORE_NONE ? STORY_NONE : f->victim);
  return rc;
}

const char *failure_kind(const struct failure *f) {
  static const char *const words[] = {
      [EXPLORE_ERROR] = "error", [EXPLORE_DEADLOCK] = "deadlock", [EXPLORE_HELD] = "held",
      [EXPLORE_STUCK] = "stuck", [EXPLORE_STARVES] = "starves",   [EXPLORE_LIVELOCK] = "livelock",
  };
  return words[f->end];
}
