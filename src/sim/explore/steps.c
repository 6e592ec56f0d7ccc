/* sim/explore/steps.c - a process takes a step; the steps of a state. See making.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/making.h"

/* -- processes ----------------------------------------------------------------------------------- */

bool making_left(const struct exploration *x, const struct making *m, uint32_t i) {
  struct world_process p;
  if (history_of(&x->h, m->histories[i])->image == 0)
    return true;
  world_process(m->w, i, &p);
  return p.phase == PHASE_ENDED;
}

/* The request of a history, opened once. */
const struct request *graph_request(struct exploration *x, uint32_t history) {
  if (history >= x->request_cap) {
    uint32_t cap = 2 * history + 64;
    struct request **grown = realloc(x->requests, cap * sizeof(struct request *));
    if (!grown)
      return NULL;
    memset(grown + x->request_cap, 0, (cap - x->request_cap) * sizeof(struct request *));
    x->requests = grown;
    x->request_cap = cap;
  }
  if (!x->requests[history]) {
    struct request *r = malloc(sizeof *r);
    if (r && exploration_request(x, history, r)) {
      free(r);
      r = NULL;
    }
    x->requests[history] = r;
  }
  return x->requests[history];
}

/* What process `i` asks, with the deadlines that it has by now. Valid until the next call. */
const struct request *making_asks(struct exploration *x, const struct making *m, uint32_t i) {
  const struct request *r = graph_request(x, m->histories[i]);
  if (!r || m->ages[i] == 0)
    return r;
  x->late = *r;
  if (r->deadline_ns != SBX_FOREVER)
    x->late.deadline_ns -= m->ages[i];
  if (r->sub_count == 0)
    return &x->late;
  struct request *subs = realloc(x->late_subs, r->sub_count * sizeof *subs);
  if (!subs)
    return NULL;
  x->late_subs = x->late.subs = subs;
  for (uint32_t k = 0; k < r->sub_count; k++) {
    subs[k] = r->subs[k];
    if (subs[k].kind == OP_CLOCK_SLEEP && subs[k].deadline_ns != SBX_FOREVER)
      subs[k].deadline_ns -= m->ages[i];
  }
  return &x->late;
}

/* A process has stopped, with this history: it asks, or has left. */
int making_settle(struct exploration *x, struct making *m, uint32_t i) {
  const struct history *h = history_of(&x->h, m->histories[i]);
  if (h->image == 0) {
    int32_t status;
    memcpy(&status, intern_get(x->h.texts, h->request, NULL), sizeof status);
    world_exit(m->w, i, status, 0);
    return 0;
  }
  int rc = cure_reorder(x, m, i);
  const struct request *r = rc ? NULL : graph_request(x, m->histories[i]);
  if (!r)
    return -SBX_ENOMEM;
  x->asks_late |= r->late;
  x->asks_done |=
      (r->kind == OP_QUEUE_TASK_DONE && r->number != QUEUE_DONE_ALL) || r->kind == OP_QUEUE_JOIN;
  return world_ask(m->w, i, r);
}

uint32_t making_answer(struct exploration *x, const struct answer *a, enum op_kind kind) {
  x->text.len = 0;
  if (answer_write(a, kind, &x->text))
    return 0;
  return intern_put(x->h.texts, x->text.data, x->text.len, NULL);
}

int making_follow(struct exploration *x, struct making *m, uint32_t before, uint32_t i,
                  uint32_t answer) {
  struct world_process p;
  world_process(m->w, i, &p);
  cure_answered(x, before, answer);
  uint32_t after = answer ? history_follow(&x->h, before, answer, i, p.serial) : 0;
  if (!after)
    return -SBX_ENOMEM;
  m->histories[i] = after;
  m->ages[i] = 0;
  return making_settle(x, m, i);
}

/* The spawned process is its parent, told so. */
static int be_born(struct exploration *x, struct making *m, uint32_t parent,
                   const struct answer *told) {
  struct answer a = *told;
  uint32_t i = m->count;
  int rc = making_room(m, i + 1);
  if (rc)
    return rc;
  m->ages[m->count++] = 0;
  a.number = 0;
  return making_follow(x, m, m->histories[parent], i, making_answer(x, &a, OP_PROCESS_SPAWN));
}

/* -- the choice of a select ---------------------------------------------------------------------- */

static struct request *late_subs(struct exploration *x, uint32_t count) {
  struct request *subs = realloc(x->late_subs, count * sizeof *subs);
  if (subs)
    x->late_subs = subs;
  return subs;
}

/* The select with the chosen op before the others: it is the one that is done. */
static const struct request *chosen_first(struct exploration *x, const struct request *r) {
  struct request chosen = r->subs[x->choice];
  const struct request *from = r->subs == x->late_subs ? NULL : r->subs;
  struct request *subs = late_subs(x, r->sub_count);
  if (!subs)
    return NULL;
  if (from)
    memcpy(subs, from, r->sub_count * sizeof *subs);
  subs[x->choice] = subs[0];
  subs[0] = chosen;
  if (r != &x->late)
    x->late = *r;
  x->late.subs = subs;
  return &x->late;
}

/* Could a select of process `i` take its op k now, if it tried no other? */
static bool is_ready(struct exploration *x, struct making *m, uint32_t i, uint32_t k) {
  const struct request *r = making_asks(x, m, i);
  if (!r)
    return false;
  struct request one = *r;
  one.subs = &r->subs[k];
  one.sub_count = 1;
  one.deadline_ns = INT64_MIN; /* joining a line is no choice */
  return world_can(m->w, i, &one) == WORLD_GOES;
}

/* The next op, from `k` on, that a select may choose. NO_CHOICE: there is none, or nothing to choose,
 * since it is no select, or one that takes the first. */
static int making_next_choice(struct exploration *x, struct making *m, uint32_t i, uint32_t k) {
  const struct request *r = graph_request(x, m->histories[i]);
  if (!r || r->kind != OP_SELECT || r->count != SELECT_FAIR)
    return NO_CHOICE;
  for (; k < r->sub_count; k++)
    if (is_ready(x, m, i, k))
      return (int)k;
  return NO_CHOICE;
}

/* Is the process at its end, with a status other than 0? */
static bool about_to_fail(struct exploration *x, const struct making *m, uint32_t i) {
  const struct answer done = {0};
  struct world_process p;
  uint32_t history = m->histories[i];
  world_process(m->w, i, &p);
  for (int n = 0; n < 2 && history && history_of(&x->h, history)->image; n++) {
    const struct request *r = graph_request(x, history);
    if (!r || (r->kind != OP_PROCESS_AWAIT && r->kind != OP_PROCESS_END))
      return false;
    uint32_t answer = making_answer(x, &done, r->kind);
    history = answer ? history_follow(&x->h, history, answer, i, p.serial) : 0;
  }
  if (!history || history_of(&x->h, history)->image)
    return false;
  int32_t status;
  memcpy(&status, intern_get(x->h.texts, history_of(&x->h, history)->request, NULL), sizeof status);
  return status != 0;
}

/*
 * A select that was told that a process has ended: is the order of ends of importance? Of as_completed it is. join_all tells
 * the first failure, so it is if several of its processes may fail: then there is an order in which it tells another one.
 */
static bool asks_ends(struct exploration *x, const struct making *m, uint32_t i,
                      const struct request *r, const struct answer *a) {
  struct world_process p;
  if (r->kind != OP_SELECT || a->rc || a->number < 0 || (uint32_t)a->number >= r->sub_count ||
      r->subs[a->number].kind != OP_PROCESS_JOIN)
    return false;
  if (!request_is_quiet(r))
    return true;
  uint32_t ended = r->subs[a->number].object.slot;
  if (ended >= m->count)
    return false;
  world_process(m->w, ended, &p);
  if (p.exit_code == 0 && p.signal == 0)
    return false;
  for (uint32_t k = 0; k < r->sub_count; k++) {
    uint32_t other = r->subs[k].object.slot;
    if (other != ended && other < m->count && !making_left(x, m, other) &&
        about_to_fail(x, m, other))
      return true;
  }
  for (uint32_t k = 0; k < x->told_count; k++)
    if (x->told_failures[k][0] == i)
      return x->told_failures[k][1] != ended;
  if (x->told_count == TOLD_FAILURES)
    return true;
  x->told_failures[x->told_count][0] = i;
  x->told_failures[x->told_count++][1] = ended;
  return false;
}

/* Process `i` takes a step. `ret_answer`: 0 if its op is not over. */
int making_step(struct exploration *x, struct making *m, uint32_t i, uint32_t *ret_answer) {
  struct answer a = {0};
  const struct request *r = making_asks(x, m, i);
  *ret_answer = 0;
  if (r && x->choice != NO_CHOICE)
    r = chosen_first(x, r);
  if (!r)
    return -SBX_ENOMEM;
  if (op_describe(r->kind)->type == OBJECT_PROCESS)
    x->asks_status |= graph_asks_status(r) || (r->kind == OP_PROCESS_MAIL && r->object.slot != i);
  if (r->kind == OP_PROCESS_SIGNAL && r->object.slot != i && r->number != SIGNAL_PAUSE &&
      r->number != SIGNAL_RESUME)
    x->notes |= NOTE_SIGNALS;
  x->read_now |= r->kind == OP_CLOCK_NOW || r->kind == OP_CLOCK_WALL;
  x->reads_clock |= x->read_now;
  int rc = world_step(m->w, i, r, &a);
  if (rc == WORLD_GOES_ON)
    return 0;
  if (rc == 0)
    x->asks_status |= asks_ends(x, m, i, r, &a);
  if (rc == 0 && x->choice != NO_CHOICE)
    a.number = (int)x->choice;
  if (rc == 0 && (*ret_answer = making_answer(x, &a, r->kind)) == 0)
    rc = -SBX_ENOMEM;
  if (rc == 0 && r->kind == OP_PROCESS_SPAWN && a.rc == 0)
    rc = be_born(x, m, i, &a);
  if (rc == 0 && !making_left(x, m, i))
    rc = making_follow(x, m, m->histories[i], i, *ret_answer);
  answer_release(&a);
  return rc;
}

/* -- the steps of a state ------------------------------------------------------------------------- */

static enum explore_end end_of(struct exploration *x, const struct making *m) {
  bool held = false;
  const uint8_t *report;
  size_t len;
  uint32_t who;
  if (!making_left(x, m, 0))
    return EXPLORE_DEADLOCK;
  if (world_exit_status(m->w) || world_first_failure(m->w, &who, &report, &len))
    return EXPLORE_ERROR;
  for (uint32_t i = 0; i < m->count; i++)
    held |= history_of(&x->h, m->histories[i])->held & HISTORY_HELD;
  x->harmless |= world_has_harmless(m->w);
  return held ? EXPLORE_HELD : EXPLORE_WELL;
}

/* The step has been taken: what is no step follows at once, and then it is known where it leads to. */
static int add_step(struct exploration *x, struct making *m, struct explore_step step) {
  int rc = making_close(x, m);
  if (rc == 0)
    rc = making_add(x, m, &step.to);
  step.clock = x->read_now;
  if (rc == 0)
    rc = graph_add_step(x, &step);
  x->kill_steps += rc == 0 && step.kill;
  return rc;
}

/* Process `i` takes the step that x->choice says; `ret_blocked`: a cure forbids it. */
static int look_step(struct exploration *x, struct making *m, uint32_t i, bool *ret_blocked) {
  struct explore_step step = {.process = (uint16_t)i};
  bool blocked;
  x->read_now = false;
  int rc = cure_step(x, m, i, &step.answer, &blocked);
  *ret_blocked |= blocked;
  return rc || blocked ? rc : add_step(x, m, step);
}

/* The steps of process `i`: one, or one for each op that a select may choose. */
static int look_at_process(struct exploration *x, uint32_t state, struct making *m, uint32_t i,
                           bool *ret_blocked) {
  int rc = making_load(x, state, m);
  if (rc || !making_can(x, m, i))
    return rc;
  int choice = making_next_choice(x, m, i, 0);
  do {
    int after = choice == NO_CHOICE ? NO_CHOICE : making_next_choice(x, m, i, (uint32_t)choice + 1);
    x->choice = choice;
    rc = look_step(x, m, i, ret_blocked);
    choice = after;
    if (rc == 0 && choice != NO_CHOICE)
      rc = making_load(x, state, m);
  } while (rc == 0 && choice != NO_CHOICE);
  return rc;
}

/* Process `i` is killed. */
static int look_at_kill(struct exploration *x, uint32_t state, struct making *m, uint32_t i) {
  int rc = making_load(x, state, m);
  if (rc || making_left(x, m, i))
    return rc;
  m->kills++;
  x->read_now = false;
  world_kill(m->w, i);
  if ((m->histories[i] = history_killed(&x->h, m->histories[i])) == 0)
    return -SBX_ENOMEM;
  return add_step(x, m, (struct explore_step){.process = (uint16_t)i, .kill = true});
}

int graph_look(struct exploration *x, uint32_t state, struct making *m) {
  uint32_t first = x->step_count;
  int rc = making_load(x, state, m);
  if (rc)
    return rc;
  uint32_t count = m->count;
  bool over = making_left(x, m, 0) || x->states[state].stuck, blocked = false;
  for (uint32_t i = 0; i < count && !over && rc == 0; i++)
    rc = look_at_process(x, state, m, i, &blocked);
  bool kills = !over && m->kills < x->options.kills && x->step_count > first;
  for (uint32_t i = 1; i < count && kills && rc == 0; i++)
    rc = look_at_kill(x, state, m, i);
  struct explore_state *s = &x->states[state];
  s->looked_at = rc == 0;
  s->first = first;
  s->count = x->step_count - first;
  if (rc == 0 && s->count == 0) {
    rc = making_load(x, state, m);
    if (blocked)
      cure_stopped(x, m);
    s->end = s->stuck ? EXPLORE_STUCK : (uint8_t)end_of(x, m);
    s->unread = s->end == EXPLORE_WELL && world_unread(m->w);
    x->found |= s->end > EXPLORE_WELL;
  }
  return rc;
}
