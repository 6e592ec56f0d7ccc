/*
 * sim/explore/path.c - the shortest way to an end, with the fewest preemptions.
 *
 * A place is a state and the process that took the last step. A step of another process costs a
 * preemption if that one could have gone on. Dijkstra's algorithm, with pairs (preemptions, steps).
 */
#include <stdlib.h>
#include <string.h>

#include "sim/explore/graph.h"

struct place {
  uint64_t cost; /* preemptions << 32 | steps; UINT64_MAX: not reached */
  uint32_t from; /* the place before, and the step there */
  uint32_t step;
};

struct entry {
  uint64_t cost;
  uint32_t place;
};

struct search {
  const struct exploration *x;
  struct place *places;
  struct entry *heap;
  uint32_t width; /* places of a state */
  uint32_t len, cap;
  bool no_memory;
};

static void push(struct search *s, uint64_t cost, uint32_t place) {
  if (s->len == s->cap) {
    uint32_t cap = s->cap ? 2 * s->cap : 1024;
    struct entry *grown = realloc(s->heap, cap * sizeof *grown);
    if (!grown) {
      s->no_memory = true;
      return;
    }
    s->heap = grown;
    s->cap = cap;
  }
  uint32_t i = s->len++;
  for (; i > 0 && s->heap[(i - 1) / 2].cost > cost; i = (i - 1) / 2)
    s->heap[i] = s->heap[(i - 1) / 2];
  s->heap[i] = (struct entry){cost, place};
}

static struct entry pop(struct search *s) {
  struct entry top = s->heap[0], last = s->heap[--s->len];
  uint32_t i = 0;
  for (;;) {
    uint32_t child = 2 * i + 1;
    if (child >= s->len)
      break;
    if (child + 1 < s->len && s->heap[child + 1].cost < s->heap[child].cost)
      child++;
    if (s->heap[child].cost >= last.cost)
      break;
    s->heap[i] = s->heap[child];
    i = child;
  }
  if (s->len > 0)
    s->heap[i] = last;
  return top;
}

static void reach(struct search *s, uint32_t from, uint32_t k, const struct explore_step *step,
                  uint64_t cost) {
  uint32_t last = step->kill ? from % s->width : step->process;
  uint32_t to = step->to * s->width + last;
  if (cost >= s->places[to].cost)
    return;
  s->places[to] = (struct place){cost, from, k};
  push(s, cost, to);
}

static void leave(struct search *s, uint32_t place) {
  uint32_t state = place / s->width, last = place % s->width;
  const struct explore_state *at = &s->x->states[state];
  const struct explore_step *steps = exploration_steps(s->x, state);
  bool could = false;
  for (uint32_t k = 0; k < at->count; k++)
    could |= steps[k].process == last && !steps[k].kill;
  for (uint32_t k = 0; k < at->count; k++) {
    uint64_t preempts = could && steps[k].process != last && !steps[k].kill;
    reach(s, place, k, &steps[k], s->places[place].cost + (preempts << 32) + 1);
  }
}

static uint32_t tell(const struct search *s, uint32_t place, uint32_t **ret,
                     uint32_t *ret_preemptions) {
  uint32_t len = (uint32_t)s->places[place].cost;
  *ret_preemptions = (uint32_t)(s->places[place].cost >> 32);
  *ret = malloc((len ? len : 1) * sizeof **ret);
  if (!*ret)
    return EXPLORE_NONE;
  for (uint32_t i = len; i-- > 0; place = s->places[place].from)
    (*ret)[i] = s->places[place].step;
  return len;
}

/* To a state, or to the first that ends like that. */
struct goal {
  uint32_t state; /* EXPLORE_NONE: any */
  enum explore_end end;
};

static bool is_goal(const struct exploration *x, uint32_t state, const struct goal *g) {
  return g->state == EXPLORE_NONE ? x->states[state].end == g->end : g->state == state;
}

static uint32_t find(const struct exploration *x, uint32_t from, const struct goal *goal,
                     uint32_t **ret, uint32_t *ret_preemptions) {
  struct search s = {.x = x, .width = x->processes + 1};
  size_t count = (size_t)x->state_count * s.width;
  uint32_t len = EXPLORE_NONE;
  if (count >= UINT32_MAX || !(s.places = malloc(count * sizeof *s.places)))
    return len;
  for (size_t i = 0; i < count; i++)
    s.places[i].cost = UINT64_MAX;
  uint32_t first = from * s.width + x->processes; /* nobody before */
  s.places[first].cost = 0;
  push(&s, 0, first);
  while (s.len > 0 && !s.no_memory) {
    struct entry e = pop(&s);
    if (e.cost > s.places[e.place].cost)
      continue;
    if (is_goal(x, e.place / s.width, goal)) {
      len = tell(&s, e.place, ret, ret_preemptions);
      break;
    }
    leave(&s, e.place);
  }
  free(s.places);
  free(s.heap);
  return len;
}

uint32_t exploration_path(const struct exploration *x, uint32_t from, enum explore_end end,
                          uint32_t **ret, uint32_t *ret_preemptions) {
  return find(x, from, &(struct goal){EXPLORE_NONE, end}, ret, ret_preemptions);
}

uint32_t exploration_path_to(const struct exploration *x, uint32_t state, uint32_t **ret,
                             uint32_t *ret_preemptions) {
  return find(x, 0, &(struct goal){state, EXPLORE_OPEN}, ret, ret_preemptions);
}
