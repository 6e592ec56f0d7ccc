/* sim/explore/state.c - a state that is being made, and its bytes; see making.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/explore/making.h"

int making_room(struct making *m, uint32_t count) {
  if (count <= m->cap)
    return 0;
  uint32_t *grown = realloc(m->histories, 2 * count * sizeof *grown);
  if (grown)
    m->histories = grown;
  int64_t *ages = grown ? realloc(m->ages, 2 * count * sizeof *ages) : NULL;
  if (!ages)
    return -SBX_ENOMEM;
  m->ages = ages;
  m->cap = 2 * count;
  return 0;
}

void making_begin(struct making *m, uint32_t history) {
  *m = (struct making){
      .w = m->w, .histories = m->histories, .ages = m->ages, .cap = m->cap, .count = 1};
  m->histories[0] = history;
  m->ages[0] = 0;
}

void graph_state_parts(const struct exploration *x, uint32_t state, struct state_parts *ret) {
  size_t len;
  const uint8_t *bytes = intern_get(x->keys, state + 1, &len), *end = bytes + len;
  uint32_t last[2]; /* how many processes, and kills */
  memcpy(last, end - sizeof last, sizeof last);
  uint32_t count = last[0];
  end -= sizeof last + count * sizeof(uint32_t);
  *ret = (struct state_parts){.world = bytes,
                              .histories = end,
                              .ages = end - count * sizeof(int64_t),
                              .count = count,
                              .kills = last[1]};
  ret->len = (size_t)(ret->ages - bytes);
}

int making_load(const struct exploration *x, uint32_t state, struct making *m) {
  struct state_parts p;
  graph_state_parts(x, state, &p);
  int rc = making_room(m, p.count);
  if (rc)
    return rc;
  memcpy(m->histories, p.histories, p.count * sizeof *m->histories);
  memcpy(m->ages, p.ages, p.count * sizeof *m->ages);
  m->count = p.count;
  m->kills = p.kills;
  m->stuck = false;
  return world_load(m->w, p.world, p.len);
}

int making_write(struct exploration *x, struct making *m) {
  x->key.len = 0;
  int rc = world_save(m->w, &x->key);
  if (rc == 0)
    rc = buf_append(&x->key, m->ages, m->count * sizeof *m->ages);
  if (rc == 0)
    rc = buf_append(&x->key, m->histories, m->count * sizeof *m->histories);
  const uint32_t last[2] = {m->count, m->kills};
  return rc ? rc : buf_append(&x->key, last, sizeof last);
}

int making_add(struct exploration *x, struct making *m, uint32_t *ret) {
  bool is_new;
  int rc = making_write(x, m);
  if (rc)
    return rc;
  uint32_t id = intern_put(x->keys, x->key.data, x->key.len, &is_new);
  if (!id)
    return -SBX_ENOMEM;
  *ret = id - 1;
  if (!is_new)
    return 0;
  if (x->state_count == x->state_cap) {
    uint32_t cap = x->state_cap ? 2 * x->state_cap : 1024;
    struct explore_state *grown = realloc(x->states, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    x->states = grown;
    x->state_cap = cap;
  }
  x->states[x->state_count++] = (struct explore_state){.end = EXPLORE_OPEN, .stuck = m->stuck};
  if (m->count > x->processes)
    x->processes = m->count;
  return 0;
}

int graph_add_step(struct exploration *x, const struct explore_step *step) {
  if (x->step_count == x->step_cap) {
    uint32_t cap = x->step_cap ? 2 * x->step_cap : 4096;
    struct explore_step *grown = realloc(x->steps, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    x->steps = grown;
    x->step_cap = cap;
  }
  x->steps[x->step_count++] = *step;
  return 0;
}
