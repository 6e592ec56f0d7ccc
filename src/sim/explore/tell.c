/* sim/explore/tell.c - what an exploration tells of its states and histories; see explore.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/graph.h"

void exploration_sum(const struct exploration *x, struct explore_sum *ret) {
  *ret = (struct explore_sum){.stop = x->stop,
                              .states = x->state_count,
                              .histories = intern_count(x->h.all),
                              .processes = x->processes,
                              .steps = x->step_count,
                              .circles = x->circles,
                              .bytes = intern_bytes(x->keys) + intern_bytes(x->h.texts) +
                                       intern_bytes(x->h.all) + sim_bytes(x->h.sim),
                              .seconds = x->seconds};
  if (x->state_count > 0) {
    ret->ways = x->states[0].ways;
    ret->bad_ways = x->states[0].bad_ways;
  }
}

const struct explore_state *exploration_state(const struct exploration *x, uint32_t state) {
  return &x->states[state];
}

const struct explore_step *exploration_steps(const struct exploration *x, uint32_t state) {
  return x->steps + x->states[state].first;
}

uint32_t exploration_outcomes(const struct exploration *x, const struct explore_outcome **ret) {
  *ret = x->outcomes;
  return x->outcome_count;
}

int exploration_world(const struct exploration *x, uint32_t state, struct world *w) {
  struct state_parts p;
  graph_state_parts(x, state, &p);
  return world_load(w, p.world, p.len);
}

uint32_t exploration_history(const struct exploration *x, uint32_t state, uint32_t process) {
  struct state_parts p;
  graph_state_parts(x, state, &p);
  return process < p.count ? state_history(&p, process) : EXPLORE_NONE;
}

int exploration_request(const struct exploration *x, uint32_t history, struct request *ret) {
  size_t len;
  const uint8_t *message = intern_get(x->h.texts, history_of(&x->h, history)->request, &len);
  return request_open(message, len, ret);
}

bool exploration_left(const struct exploration *x, uint32_t history) {
  return history_of(&x->h, history)->image == 0;
}

void exploration_where(struct exploration *x, uint32_t history, char where[WHERE_MAX]) {
  const struct history *h = history_of(&x->h, history);
  where[0] = '\0';
  if (h->image)
    sim_where(x->h.sim, h->image, h->index, h->serial, where);
}

void exploration_visit(struct exploration *x, uint32_t history,
                       void (*look)(void *ctx, const struct op *op), void *ctx) {
  const struct history *h = history_of(&x->h, history);
  if (h->image) {
    look(ctx, sim_present_op(x->h.sim, h->image, h->index, h->serial));
    sim_touched(x->h.sim);
  }
}

int exploration_printed(const struct exploration *x, uint32_t history, int stream,
                        struct buf *out) {
  uint32_t piece = history_of(&x->h, history)->printed, depth = 0;
  uint32_t *pieces = NULL, cap = 0;
  int rc = 0;
  while (piece && rc == 0) {
    if (depth == cap) {
      cap = cap ? 2 * cap : 64;
      uint32_t *grown = realloc(pieces, cap * sizeof *grown);
      if (!grown) {
        rc = -SBX_ENOMEM;
        break;
      }
      pieces = grown;
    }
    pieces[depth++] = piece;
    memcpy(&piece, intern_get(x->h.texts, piece, NULL), sizeof piece);
  }
  while (depth > 0 && rc == 0) {
    size_t len;
    const uint8_t *text = intern_get(x->h.texts, pieces[--depth], &len);
    uint32_t head[2];
    memcpy(head, text, sizeof head);
    if (head[1] == (uint32_t)stream)
      rc = buf_append(out, text + sizeof head, len - sizeof head);
  }
  free(pieces);
  return rc;
}

int exploration_answer(const struct exploration *x, uint32_t answer, struct answer *ret) {
  size_t len;
  const uint8_t *message = intern_get(x->h.texts, answer, &len);
  return answer_read(message, len, ret);
}
