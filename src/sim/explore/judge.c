/*
 * sim/explore/judge.c - what the graph says: in how many ways each state can end, and how.
 *
 * The states fall into strongly connected components. One of several states, or with a step to
 * itself, is a circle: an interleaving may go round in it for ever. If no step leads out of it, it
 * must, and the run never ends.
 *
 * Time moves only when no process can go on, so it stands in a circle. If a process reads the clock in one, or waits for a time
 * in all of it, time would end it in a real run. Without another way out, nothing is known of what comes then: STOP_CLOCK.
 */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/graph.h"

#define WITHOUT_END (-1.0)
#define UNKNOWN (-1.0)

/* Tarjan's algorithm, without recursion. */
struct tarjan {
  uint32_t *index, *low, *stack, *path, *at; /* 0: not visited */
  bool *on_stack;
  const uint32_t *set; /* as of graph_components */
  uint32_t next, depth, height;
};

static void visit(struct tarjan *t, uint32_t s) {
  t->index[s] = t->low[s] = ++t->next;
  t->stack[t->height++] = s;
  t->on_stack[s] = true;
  t->path[t->depth] = s;
  t->at[t->depth++] = 0;
}

static void close_component(struct tarjan *t, uint32_t s, struct components *c, uint32_t *done) {
  uint32_t member;
  do {
    member = t->stack[--t->height];
    t->on_stack[member] = false;
    c->of[member] = c->count;
    c->order[(*done)++] = member;
  } while (member != s);
  c->count++;
}

static bool follows(const struct tarjan *t, uint32_t s, uint32_t to) {
  return !t->set || t->set[s] == t->set[to];
}

static void walk(const struct exploration *x, struct tarjan *t, struct components *c, uint32_t from,
                 uint32_t *done) {
  visit(t, from);
  while (t->depth > 0) {
    uint32_t s = t->path[t->depth - 1], k = t->at[t->depth - 1]++;
    if (k < x->states[s].count) {
      uint32_t to = x->steps[x->states[s].first + k].to;
      if (!follows(t, s, to))
        continue;
      if (t->index[to] == 0)
        visit(t, to);
      else if (t->on_stack[to] && t->index[to] < t->low[s])
        t->low[s] = t->index[to];
      continue;
    }
    t->depth--;
    if (t->low[s] == t->index[s])
      close_component(t, s, c, done);
    else if (t->depth > 0 && t->low[s] < t->low[t->path[t->depth - 1]])
      t->low[t->path[t->depth - 1]] = t->low[s];
  }
}

int graph_components(const struct exploration *x, const uint32_t *set, struct components *c) {
  uint32_t n = x->state_count, done = 0;
  uint32_t *words = calloc(5 * (size_t)n, sizeof *words);
  bool *on_stack = calloc(n, sizeof *on_stack);
  c->of = calloc(n, sizeof *c->of);
  c->order = calloc(n, sizeof *c->order);
  int rc = words && on_stack && c->of && c->order ? 0 : -SBX_ENOMEM;
  if (rc == 0) {
    struct tarjan t = {.index = words,
                       .low = words + n,
                       .stack = words + 2 * (size_t)n,
                       .path = words + 3 * (size_t)n,
                       .at = words + 4 * (size_t)n,
                       .set = set,
                       .on_stack = on_stack};
    for (uint32_t s = 0; s < n; s++)
      if (t.index[s] == 0)
        walk(x, &t, c, s, &done);
  }
  free(words);
  free(on_stack);
  return rc;
}

/* -- ways ---------------------------------------------------------------------------------------- */

static bool ends_badly(uint8_t end) { return end > EXPLORE_WELL; }

static void end_state(struct explore_state *s) {
  s->ways = 1;
  s->bad_ways = s->p_bad = ends_badly(s->end);
}

/* The mean of `count` probabilities that add up to `sum`: 0 or 1 only if all of them are, however it is rounded. */
static double mean(double sum, uint32_t count, bool all_certain) {
  const double nearly_one = 1 - DBL_EPSILON;
  double p = sum / count;
  if (all_certain)
    return 1;
  return sum > 0 && p < DBL_MIN ? DBL_MIN : p < nearly_one ? p : nearly_one;
}

/* From the states that follow. */
static void sum_up(const struct exploration *x, struct explore_state *s) {
  double sum = 0;
  bool known = s->looked_at, certain = true;
  s->ways = s->bad_ways = 0;
  for (uint32_t k = 0; k < s->count; k++) {
    const struct explore_state *to = &x->states[x->steps[s->first + k].to];
    s->ways = s->ways < 0 || to->ways < 0 ? WITHOUT_END : s->ways + to->ways;
    s->bad_ways = s->bad_ways < 0 || to->bad_ways < 0 ? WITHOUT_END : s->bad_ways + to->bad_ways;
    known &= to->p_bad >= 0;
    certain &= to->p_bad >= 1;
    sum += to->p_bad;
  }
  s->p_bad = known ? mean(sum, s->count, certain) : UNKNOWN;
}

/* A circle: ways without end. The probabilities settle by repeated averaging, unless each way out of it is doomed. */
static void judge_circle(struct exploration *x, const uint32_t *member, uint32_t count,
                         bool has_exit, bool doomed) {
  enum { ROUNDS = 400 };
  x->circles = true;
  for (uint32_t i = 0; i < count; i++) {
    struct explore_state *s = &x->states[member[i]];
    s->p_bad = doomed;
    s->ways = s->bad_ways = WITHOUT_END;
    if (!has_exit)
      s->end = EXPLORE_STUCK;
  }
  for (int round = 0; !doomed && round < ROUNDS; round++)
    for (uint32_t i = 0; i < count; i++) {
      struct explore_state *s = &x->states[member[i]];
      sum_up(x, s);
      s->ways = s->bad_ways = WITHOUT_END;
    }
}

/* Does process `i` wait for a time in all of these states, without a step in any? */
static bool waits_for_time(struct exploration *x, const uint32_t *member, uint32_t count,
                           uint32_t i) {
  uint32_t history = exploration_history(x, member[0], i);
  const struct request *r =
      history == EXPLORE_NONE || exploration_left(x, history) ? NULL : graph_request(x, history);
  bool timed = r && (r->kind == OP_CLOCK_SLEEP || r->deadline_ns != SBX_FOREVER);
  for (uint32_t k = 0; r && !timed && k < r->sub_count; k++)
    timed = r->subs[k].kind == OP_CLOCK_SLEEP;
  for (uint32_t m = 0; timed && m < count; m++) {
    const struct explore_state *s = &x->states[member[m]];
    timed = exploration_history(x, member[m], i) == history;
    for (uint32_t k = 0; timed && k < s->count; k++)
      timed = x->steps[s->first + k].process != i;
  }
  return timed;
}

/* Would time end a circle that has no way out? */
static bool time_ends(struct exploration *x, const uint32_t *member, uint32_t count) {
  for (uint32_t m = 0; m < count; m++) {
    const struct explore_state *s = &x->states[member[m]];
    for (uint32_t k = 0; k < s->count; k++)
      if (x->steps[s->first + k].clock)
        return true;
  }
  for (uint32_t i = 0; i < x->processes; i++)
    if (waits_for_time(x, member, count, i))
      return true;
  return false;
}

/* What comes when time ends it is not known. */
static void leave_open(struct exploration *x, const uint32_t *member, uint32_t count) {
  x->circles = true;
  for (uint32_t i = 0; i < count; i++) {
    struct explore_state *s = &x->states[member[i]];
    s->ways = s->bad_ways = WITHOUT_END;
    s->p_bad = UNKNOWN;
  }
  if (x->stop == STOP_COMPLETE || x->stop == STOP_BOUND)
    x->stop = STOP_CLOCK;
}

static void judge_component(struct exploration *x, const struct components *c,
                            const uint32_t *member, uint32_t count) {
  bool circle = count > 1, has_exit = false, doomed = true;
  for (uint32_t i = 0; i < count; i++) {
    const struct explore_state *s = &x->states[member[i]];
    has_exit |= !s->looked_at; /* nobody knows */
    doomed &= s->looked_at;
    for (uint32_t k = 0; k < s->count; k++) {
      uint32_t to = x->steps[s->first + k].to;
      bool leaves = c->of[to] != c->of[member[i]];
      circle |= to == member[i];
      has_exit |= leaves;
      doomed &= !leaves || x->states[to].p_bad >= 1;
    }
  }
  struct explore_state *s = &x->states[member[0]];
  if (circle && !has_exit && time_ends(x, member, count))
    leave_open(x, member, count);
  else if (circle)
    judge_circle(x, member, count, has_exit, doomed);
  else if (s->count == 0 && s->looked_at)
    end_state(s);
  else
    sum_up(x, s);
}

/* -- outcomes ------------------------------------------------------------------------------------ */

/* What the processes printed by this state, one after the other. */
static int print_all(const struct exploration *x, uint32_t state, struct buf *out) {
  struct state_parts p;
  int rc = 0;
  graph_state_parts(x, state, &p);
  for (uint32_t i = 0; i < p.count && rc == 0; i++)
    rc = exploration_printed(x, state_history(&p, i), 1, out);
  return rc;
}

static int add_outcome(struct exploration *x, uint32_t state, double ways) {
  struct buf text = {0};
  int rc = print_all(x, state, &text);
  if (rc == 0)
    rc = buf_append_byte(&text, '\0');
  uint8_t end = x->states[state].end;
  bool unread = x->states[state].unread;
  for (uint32_t i = 0; i < x->outcome_count && rc == 0; i++) {
    struct explore_outcome *o = &x->outcomes[i];
    if (o->end == end && o->unread == unread && o->len + 1 == text.len &&
        memcmp(o->text, text.data, text.len) == 0) {
      o->ways = o->ways < 0 || ways < 0 ? WITHOUT_END : o->ways + ways;
      buf_release(&text);
      return 0;
    }
  }
  struct explore_outcome *grown =
      rc ? NULL : realloc(x->outcomes, (x->outcome_count + 1) * sizeof *grown);
  if (!grown) {
    buf_release(&text);
    return rc ? rc : -SBX_ENOMEM;
  }
  x->outcomes = grown;
  x->outcomes[x->outcome_count++] = (struct explore_outcome){.state = state,
                                                             .end = end,
                                                             .unread = unread,
                                                             .ways = ways,
                                                             .text = (const char *)text.data,
                                                             .len = text.len - 1};
  return 0;
}

static int more_ways(const void *a, const void *b) {
  double x = ((const struct explore_outcome *)a)->ways,
         y = ((const struct explore_outcome *)b)->ways;
  return x < y ? 1 : x > y ? -1 : 0;
}

/* Ways from the first state to each: from the beginning on, the order of the components reversed. */
static int find_outcomes(struct exploration *x, const struct components *c) {
  enum { OUTCOMES_MAX = 1000 };
  double *ways = calloc(x->state_count, sizeof *ways);
  int rc = ways ? 0 : -SBX_ENOMEM;
  if (ways)
    ways[0] = 1;
  for (uint32_t i = x->state_count; i-- > 0 && rc == 0;) {
    uint32_t s = c->order[i];
    const struct explore_state *state = &x->states[s];
    if (state->ways < 0 && state->count > 0 && c->of[s] == c->of[x->steps[state->first].to])
      ways[s] = WITHOUT_END;
    for (uint32_t k = 0; k < state->count; k++) {
      double *to = &ways[x->steps[state->first + k].to];
      *to = *to < 0 || ways[s] < 0 ? WITHOUT_END : *to + ways[s];
    }
    if (state->count == 0 && state->looked_at && x->outcome_count < OUTCOMES_MAX)
      rc = add_outcome(x, s, ways[s]);
  }
  free(ways);
  if (rc == 0 && x->outcome_count > 0)
    qsort(x->outcomes, x->outcome_count, sizeof *x->outcomes, more_ways);
  return rc;
}

int graph_judge(struct exploration *x) {
  struct components c = {0};
  int rc = graph_components(x, NULL, &c);
  for (uint32_t i = 0, n; i < x->state_count && rc == 0; i += n) {
    for (n = 1; i + n < x->state_count && c.of[c.order[i + n]] == c.of[c.order[i]]; n++)
      continue;
    judge_component(x, &c, &c.order[i], n);
  }
  if (rc == 0)
    rc = find_outcomes(x, &c);
  free(c.of);
  free(c.order);
  return rc;
}

bool graph_misses_kills(const struct exploration *x) {
  bool all = x->stop == STOP_COMPLETE || x->stop == STOP_BOUND;
  if (!all || x->options.kills == 0 || x->kill_steps > 0)
    return false;
  for (uint32_t k = 0; k < x->step_count; k++)
    if (x->steps[k].process != 0)
      return true;
  return false;
}
