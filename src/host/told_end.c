/* host/told_end.c - how a story ends: what went wrong, and who waits for whom; see told.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "host/options.h"
#include "host/told.h"

/* -- the end ------------------------------------------------------------------------------------- */

static uint32_t process_of(const struct told *t, uint64_t serial) {
  for (uint32_t i = 0; i < world_count(t->w); i++) {
    struct world_process p;
    world_process(t->w, i, &p);
    if (p.serial == serial)
      return i;
  }
  return STORY_NONE;
}

static uint32_t helper_of(struct told *t, uint32_t process, const struct request *r) {
  struct answer a = {0};
  struct request look = {.kind = OP_LOCK_LOOK, .object = r->object};
  uint32_t ret = STORY_NONE;
  if (r->kind == OP_PROCESS_JOIN)
    return r->object.slot;
  if (r->kind == OP_LOCK_ACQUIRE && world_step(t->w, process, &look, &a) == 0 && a.sync.holder)
    ret = process_of(t, a.sync.holder);
  answer_release(&a);
  return ret;
}

/* One more of those that are joined, `n` before it: "join of a#2, b#3, c#4, ..." */
static void tell_joined(const struct told *t, uint32_t process, uint32_t n, struct buf *text) {
  enum { MOST = 3 };
  if (n < MOST)
    buf_format(text, "%s%s", n ? ", " : "join of ", t->processes[process].name);
  else if (n == MOST)
    buf_format(text, ", ...");
}

/* As join_all waits: "join of a#2, b#3". False: it is no such op. */
static bool tell_joins(const struct told *t, const struct request *r, struct buf *text) {
  bool joins = r->kind == OP_SELECT && r->sub_count > 0 && request_joins_only(r);
  for (uint32_t i = 0; i < r->sub_count; i++)
    joins &= r->subs[i].object.slot < t->story.process_count;
  for (uint32_t i = 0; joins && i < r->sub_count; i++)
    tell_joined(t, r->subs[i].object.slot, i, text);
  return joins;
}

/* At the end of its code a process joins its children. False: it is not there. */
static bool tell_end_of_code(const struct told *t, uint32_t process, const struct request *r,
                             struct buf *text) {
  struct world_process own, other;
  if (r->kind != OP_PROCESS_AWAIT)
    return false;
  world_process(t->w, process, &own);
  for (uint32_t i = 0, n = 0; i < t->story.process_count; i++) {
    world_process(t->w, i, &other);
    if (other.spawner == own.serial && other.phase != PHASE_ENDED && !other.daemon)
      tell_joined(t, i, n++, text);
  }
  return true;
}

static void tell_waiter(struct told *t, uint32_t state, uint32_t i, struct story_process *p) {
  uint32_t history = exploration_history(t->x, state, i);
  char where[WHERE_MAX];
  struct request r;
  struct buf text = {0};
  if (history == EXPLORE_NONE || exploration_left(t->x, history) ||
      exploration_request(t->x, history, &r))
    return;
  struct naming naming = {.ref = &r.object};
  exploration_visit(t->x, history, told_find_name, &naming);
  exploration_where(t->x, history, where);
  if (r.kind == OP_PROCESS_AWAIT)
    text_copy(where, sizeof where, "the end of the script");
  exploration_world(t->x, state, t->w);
  p->wanted = told_object(t, &r.object, naming.name);
  p->waits_for = helper_of(t, i, &r);
  p->stuck = world_deadline(t->w, i, &r) == SBX_FOREVER && world_can(t->w, i, &r) == WORLD_WAITS;
  if (r.kind == OP_PROCESS_JOIN && p->waits_for < t->story.process_count)
    buf_format(&text, "join of %s", t->processes[p->waits_for].name);
  else if (tell_joins(t, &r, &text) || tell_end_of_code(t, i, &r, &text))
    p->wanted = STORY_NONE;
  else if (p->wanted != STORY_NONE)
    buf_format(&text, "%s of %s", op_describe(r.kind)->verb, t->objects[p->wanted].name);
  else
    buf_format(&text, "%s", op_describe(r.kind)->verb);
  p->waits = told_keep_buf(t, &text);
  const char *slash = strrchr(where, '/');
  p->where = where[0] ? told_keep_text(t, slash ? slash + 1 : where) : NULL;
  request_close(&r);
}

static void find_circle(struct told *t) {
  uint32_t n = t->story.process_count;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t at = i;
    for (uint32_t k = 0; k < n && at != STORY_NONE; k++) {
      at = t->processes[at].waits ? t->processes[at].waits_for : STORY_NONE;
      if (at == i)
        t->processes[i].in_circle = true;
    }
  }
}

int told_processes(struct told *t, uint32_t state) {
  exploration_world(t->x, state, t->w);
  uint32_t n = world_count(t->w);
  t->processes = calloc(n ? n : 1, sizeof *t->processes);
  if (!t->processes)
    return -SBX_ENOMEM;
  t->story.process_count = n;
  for (uint32_t i = 0; i < n; i++) {
    struct world_process p;
    struct buf name = {0};
    world_process(t->w, i, &p);
    if (i == 0)
      buf_format(&name, "main");
    else
      buf_format(&name, "%s#%llu", p.name ? p.name : "process", (unsigned long long)p.serial);
    t->processes[i] = (struct story_process){.ended = p.phase == PHASE_ENDED,
                                             .waits_for = STORY_NONE,
                                             .wanted = STORY_NONE,
                                             .name = told_keep_buf(t, &name)};
  }
  return 0;
}

/* "x.lua:5: count is 1" -> message and place. */
static void split_message(struct told *t, const char *text, size_t len) {
  static const char prefix[] = "sandbox: ";
  const char *line = memchr(text, '\n', len);
  size_t n = line ? (size_t)(line - text) : len;
  if (n >= sizeof prefix - 1 && strncmp(text, prefix, sizeof prefix - 1) == 0) {
    text += sizeof prefix - 1;
    n -= sizeof prefix - 1;
  }
  const char *colon = memchr(text, ':', n);
  if (colon && colon[1] >= '0' && colon[1] <= '9') {
    const char *after = memchr(colon + 1, ':', n - (size_t)(colon + 1 - text));
    if (after && after[1] == ' ') {
      t->story.where = told_keep(t, text, (size_t)(after - text));
      n -= (size_t)(after + 2 - text);
      text = after + 2;
    }
  }
  for (size_t i = 0; i + 10 < n; i++) /* who it was stands elsewhere */
    if (strncmp(text + i, " (process ", 10) == 0)
      n = i;
  t->story.message = told_keep(t, text, n);
}

/* Main ended badly: what it printed, or, of a function that is explored, its report. */
static void tell_main(struct told *t, uint32_t state) {
  struct buf printed = {0};
  const uint8_t *report;
  size_t len;
  uint32_t at = 0;
  t->story.victim = 0;
  if (exploration_printed(t->x, exploration_history(t->x, state, 0), 2, &printed) == 0 &&
      printed.len > 0)
    split_message(t, (const char *)printed.data, printed.len);
  else if (world_report(t->w, &at, &report, &len) && report)
    split_message(t, (const char *)report, len);
  buf_release(&printed);
}

/* A failure that nobody joined, or looked at: its report. */
static void tell_failure(struct told *t) {
  const uint8_t *report;
  size_t len;
  uint32_t who;
  struct world_process p = {0};
  if (!world_first_failure(t->w, &who, &report, &len))
    return;
  if (who < t->story.process_count) {
    t->story.victim = who;
    world_process(t->w, who, &p);
  }
  if (report)
    split_message(t, (const char *)report, len);
  else if (p.quiet && p.exit_code == EXIT_LUA_ERROR) {
    t->story.end = STORY_STATUS;
    t->story.message = "it failed, and nobody joined it; as it is quiet, it tells no reason";
  }
}

static void tell_error(struct told *t, uint32_t state) {
  struct world_process main;
  world_process(t->w, 0, &main);
  if (main.exit_code || main.signal)
    tell_main(t, state);
  else
    tell_failure(t);
  if (!t->story.message) {
    t->story.end = STORY_STATUS;
    t->story.message = "it ended with an exit status other than 0";
  }
}

static void tell_held(struct told *t, uint32_t state) {
  static const char warning[] = "sandbox: warning: ";
  for (uint32_t i = 0; i < t->story.process_count && !t->story.message; i++) {
    struct buf printed = {0};
    uint32_t history = exploration_history(t->x, state, i);
    if (exploration_printed(t->x, history, 2, &printed) == 0 &&
        buf_append_byte(&printed, '\0') == 0) {
      const char *at = strstr((const char *)printed.data, warning);
      if (at) {
        at += sizeof warning - 1;
        t->story.message = told_keep(t, at, strcspn(at, "\n"));
        t->story.victim = i;
      }
    }
    buf_release(&printed);
  }
}

void told_finish(struct told *t, uint32_t state, enum explore_end end) {
  exploration_world(t->x, state, t->w);
  switch (end) {
  case EXPLORE_ERROR:
    t->story.end = STORY_ERROR;
    tell_error(t, state);
    break;
  case EXPLORE_HELD:
    t->story.end = STORY_HELD;
    tell_held(t, state);
    break;
  case EXPLORE_STARVES:
    t->story.end = STORY_STARVES;
    break;
  case EXPLORE_LIVELOCK:
    t->story.end = STORY_LIVELOCK;
    break;
  case EXPLORE_STUCK:
    t->story.end = STORY_LIVELOCK;
    t->story.loop = t->story.step_count;
    break;
  default:
    t->story.end = STORY_DEADLOCK;
  }
  for (uint32_t i = 0; i < t->story.process_count; i++)
    if (!t->processes[i].ended)
      tell_waiter(t, state, i, &t->processes[i]);
  find_circle(t);
}
