/* sim/explore/tell.c - what an exploration tells of its states and histories; see explore.h. */
#include <string.h>

#include "base/error.h"
#include "sim/explore/graph.h"

void exploration_sum(const struct exploration *x, struct explore_sum *ret) {
  *ret = (struct explore_sum){.stop = x->stop,
                              .preemptions = x->options.preemptions,
                              .kills = x->options.kills,
                              .kill_steps = x->kill_steps,
                              .states = x->state_count,
                              .histories = intern_count(x->h.all),
                              .processes = x->processes,
                              .steps = x->step_count,
                              .circles = x->circles,
                              .cure_used = x->cure_used,
                              .cure_unsure = x->cure_unsure,
                              .timed = x->timed,
                              .notes = x->notes,
                              .harmless = x->harmless,
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

const struct policy *exploration_policy(const struct exploration *x) { return x->options.policy; }

const struct explore_step *exploration_steps(const struct exploration *x, uint32_t state) {
  return x->steps + x->states[state].first;
}

uint32_t exploration_outcomes(const struct exploration *x, const struct explore_outcome **ret) {
  *ret = x->outcomes;
  return x->outcome_count;
}

void exploration_followed(const struct exploration *x, struct explore_followed *ret) {
  *ret = (struct explore_followed){.path = x->walk.path,
                                   .len = x->walk.len,
                                   .state = x->walk.state,
                                   .differs = x->differs,
                                   .process = x->cannot,
                                   .again = x->walk.again};
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

/* The pieces behind `stop`, the newest first. */
static int collect(const struct exploration *x, uint32_t piece, uint32_t stop, struct buf *pieces) {
  int rc = 0;
  while (piece && piece != stop && rc == 0) {
    rc = buf_append(pieces, &piece, sizeof piece);
    memcpy(&piece, intern_get(x->h.texts, piece, NULL), sizeof piece);
  }
  return rc;
}

int exploration_printed_since(const struct exploration *x, uint32_t before, uint32_t after,
                              int (*print)(void *ctx, int stream, const char *text, size_t len),
                              void *ctx) {
  struct buf pieces = {0};
  uint32_t stop = before == EXPLORE_NONE ? 0 : history_of(&x->h, before)->printed;
  int rc = collect(x, history_of(&x->h, after)->printed, stop, &pieces);
  for (size_t at = pieces.len; at > 0 && rc == 0;) {
    uint32_t piece, head[2];
    size_t len;
    at -= sizeof piece;
    memcpy(&piece, pieces.data + at, sizeof piece);
    const uint8_t *text = intern_get(x->h.texts, piece, &len);
    memcpy(head, text, sizeof head);
    rc = print(ctx, (int)head[1], (const char *)text + sizeof head, len - sizeof head);
  }
  buf_release(&pieces);
  return rc;
}

struct of_stream {
  int stream;
  struct buf *out;
};

static int append(void *ctx, int stream, const char *text, size_t len) {
  struct of_stream *o = ctx;
  return stream == o->stream ? buf_append(o->out, text, len) : 0;
}

int exploration_printed(const struct exploration *x, uint32_t history, int stream,
                        struct buf *out) {
  struct of_stream o = {stream, out};
  return exploration_printed_since(x, EXPLORE_NONE, history, append, &o);
}

int exploration_answer(const struct exploration *x, uint32_t answer, struct answer *ret) {
  size_t len;
  const uint8_t *message = intern_get(x->h.texts, answer, &len);
  return answer_read(message, len, ret);
}
