/* host/replay_show.c - a simulated replay: see replay_internal.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "host/explore_report.h"
#include "host/replay_internal.h"
#include "host/simulated.h"
#include "lua/state/interrupt.h"
#include "lua/state/report.h"
#include "sim/world.h"

/* -- what the processes print -------------------------------------------------------------------- */

/* Of each process: how far it is shown, and the last line, which has no end yet. */
struct shown {
  uint32_t history;
  struct buf lines[2];
};

struct show {
  const struct exploration *x;
  struct shown *processes;
  uint32_t count, present;
};

static void show_lines(struct shown *s, bool all) {
  for (int i = 0; i < 2; i++) {
    struct buf *b = &s->lines[i];
    size_t len = b->len;
    while (len > 0 && b->data[len - 1] != '\n' && !all)
      len--;
    if (len == 0)
      continue;
    if (i == 1)
      fflush(stdout);
    fwrite(b->data, 1, len, i == 0 ? stdout : stderr);
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
  }
}

static int show_piece(void *ctx, int stream, const char *text, size_t len) {
  struct show *s = ctx;
  struct shown *p = &s->processes[s->present];
  int rc = buf_append(&p->lines[stream - 1], text, len);
  show_lines(p, false);
  return rc;
}

/* What was added by the step that led to this state. */
static int show_state(struct show *s, uint32_t state) {
  int rc = 0;
  for (uint32_t i = 0; i < s->count && rc == 0; i++) {
    struct shown *p = &s->processes[i];
    uint32_t now = exploration_history(s->x, state, i);
    if (now == EXPLORE_NONE || now == p->history)
      continue;
    s->present = i;
    rc = exploration_printed_since(s->x, p->history, now, show_piece, s);
    p->history = now;
    if (rc == 0 && exploration_left(s->x, now))
      show_lines(p, true);
  }
  return rc;
}

static int show_all(const struct followed *p) {
  struct explore_sum sum;
  exploration_sum(p->x, &sum);
  struct show s = {.x = p->x, .count = sum.processes};
  uint32_t state = 0;
  s.processes = calloc(s.count, sizeof *s.processes);
  if (!s.processes)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < s.count; i++)
    s.processes[i].history = EXPLORE_NONE;
  int rc = show_state(&s, state);
  for (uint32_t k = 0; k < p->f.len && rc == 0; k++) {
    state = exploration_steps(p->x, state)[p->f.path[k]].to;
    rc = show_state(&s, state);
  }
  for (uint32_t i = 0; i < s.count; i++) {
    show_lines(&s.processes[i], true);
    buf_release(&s.processes[i].lines[0]);
    buf_release(&s.processes[i].lines[1]);
  }
  free(s.processes);
  fflush(stdout);
  return rc;
}

/* -- how it ends --------------------------------------------------------------------------------- */

static void tell_deadlock(const struct followed *p, struct world *w) {
  uint32_t n = world_count(w);
  struct request *requests = calloc(n, sizeof *requests);
  const struct request **asked = calloc(n, sizeof *asked);
  const char **where = calloc(n, sizeof *where);
  char(*places)[WHERE_MAX] = calloc(n, sizeof *places);
  struct snapshot s;
  if (requests && asked && where && places) {
    for (uint32_t i = 0; i < n; i++) {
      uint32_t history = exploration_history(p->x, p->f.state, i);
      if (exploration_left(p->x, history) || exploration_request(p->x, history, &requests[i]))
        continue;
      exploration_where(p->x, history, places[i]);
      asked[i] = &requests[i];
      where[i] = places[i];
    }
    if (world_look(w, asked, where, &s) == 0) {
      simulated_say_deadlock(NULL, &s);
      snapshot_release(&s);
    }
    for (uint32_t i = 0; i < n; i++)
      if (asked[i])
        request_close(&requests[i]);
  }
  free(requests);
  free(asked);
  free(where);
  free(places);
}

static int tell_end(const struct followed *p, struct world *w) {
  const uint8_t *text;
  size_t len;
  bool deadlock = exploration_state(p->x, p->f.state)->end == EXPLORE_DEADLOCK;
  if (deadlock)
    tell_deadlock(p, w);
  for (uint32_t at = 0; world_report(w, &at, &text, &len);)
    fwrite(text, 1, len, stderr);
  int status = world_exit_status(w);
  return status ? status : deadlock ? SIMULATED_DEADLOCK : 0;
}

static int finish(const struct followed *p) {
  const struct world_options wo = {.seed = 1, .wall_ns = SIM_WALL_NS, .merge_relock = true};
  struct world *w = NULL;
  int status = EXIT_LUA_ERROR;
  if (replay_never_ends(p)) {
    report_print(&(struct report){
        .message = "replay: from here on it never ends: it comes back to where it was before"});
    return EXIT_FOUND;
  }
  if (world_new(&wo, &w) == 0 && exploration_world(p->x, p->f.state, w) == 0)
    status = tell_end(p, w);
  else
    report_print(&(struct report){.message = error_text(-SBX_ENOMEM)});
  world_free(w);
  return status;
}

int replay_simulated(struct script *script) {
  struct followed p;
  int status = replay_follow(script, &p);
  if (status)
    return status;
  int rc = show_all(&p);
  if (rc) {
    report_print(&(struct report){.message = error_text(rc)});
    status = EXIT_LUA_ERROR;
  } else {
    status = p.f.differs ? replay_tell_difference(&p) : finish(&p);
  }
  replay_forget(&p);
  return status;
}
