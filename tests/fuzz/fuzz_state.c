/*
 * tests/fuzz/fuzz_state.c - state_read (net/state.h) under libFuzzer, and the machines that believe what it has read.
 *
 * Of any bytes it must make a state or say that they are none. A state that it made is written as the same bytes,
 * and each op of its machine may be asked about and applied to it, by a process in its line or another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net/state.h"
#include "object/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_that(bool condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "fuzz_state: %s\n", what);
  abort();
}

/* -- a world whose processes with odd numbers are gone ------------------------------------------- */

static bool line_gone(void *ctx, uint64_t who) {
  (void)ctx;
  return who % 2;
}

static uint64_t line_nth(void *ctx, uint64_t after, uint64_t n) {
  const struct net_state *s = ctx;
  uint64_t last = 0;
  for (uint32_t i = 0; i < s->line_count && n > 0; i++)
    if (s->line[i].ticket > after && s->line[i].who % 2 == 0) {
      last = s->line[i].ticket;
      n--;
    }
  return last;
}

static uint64_t line_count(void *ctx, uint64_t after) {
  const struct net_state *s = ctx;
  uint64_t n = 0;
  for (uint32_t i = 0; i < s->line_count; i++)
    n += s->line[i].ticket > after && s->line[i].who % 2 == 0;
  return n;
}

static uint64_t line_first(void *ctx, bool second) {
  const struct net_state *s = ctx;
  for (uint32_t i = 0; i < s->line_count; i++)
    if (sync_is_second(sync_machine_of(s->type), (enum op_kind)s->line[i].kind) == second)
      return s->line[i].ticket;
  return 0;
}

static uint64_t line_newest(void *ctx) { return ((struct net_state *)ctx)->last_ticket; }

static uint64_t line_enter(void *ctx) {
  return state_join(ctx, 4, OP_BARRIER_WAIT, true, 0);
}

static bool line_outsiders(void *ctx) {
  (void)ctx;
  return true;
}

static const struct sync_world_ops line_ops = {.gone = line_gone,
                                                .nth = line_nth,
                                                .count = line_count,
                                                .first = line_first,
                                                .newest = line_newest,
                                                .enter = line_enter,
                                                .outsiders = line_outsiders};

/* -- ops ---------------------------------------------------------------------------------------- */

static void apply(const struct net_state *s, enum op_kind kind, uint64_t who, uint64_t ticket) {
  static const char bytes[] = "item";
  struct net_state copy = {.line = NULL};
  struct value_args args = {.number = {.kind = NUMBER_INTEGER, .i = 3}, .key = bytes, .key_len = 1};
  struct op op = {.kind = kind, .value = &args, .data = bytes, .len = sizeof bytes, .count = 1};
  struct sync_step step = {
      .kind = kind, .op = &op, .who = who, .ticket = ticket, .patient = true, .count = 1};
  const struct sync_machine *m = sync_machine_of(s->type);
  require_that(state_copy(&copy, s) == 0, "no memory");
  const struct sync_world w = {.ops = &line_ops, .ctx = &copy};
  if (m->enabled(copy.words, &step, &w))
    m->apply(copy.words, &step, &w);
  else if (m->give_up)
    m->give_up(copy.words, &step, &w);
  if (m->leave)
    m->leave(copy.words, &step, END_FAILED);
  require_that(m->words(copy.words) <= SYNC_WORDS, "more words than there are");
  state_release(&copy);
}

static void try_machine(struct net_state *s) {
  const struct sync_machine *m = sync_machine_of(s->type);
  const struct sync_world w = {.ops = &line_ops, .ctx = s};
  uint64_t words[SYNC_WORDS];
  struct sync_info info = {0};
  m->describe(s->words, &w, &info);
  if (m->watch)
    m->watch(s->words, words);
  if (m->taken_by)
    m->taken_by(s->words, 2);
  for (int kind = OP_NONE + 1; kind < OP_COUNT; kind++) {
    const struct op_description *d = op_describe((enum op_kind)kind);
    bool makes = strcmp(d->verb, "new") == 0 || strcmp(d->verb, "look") == 0;
    if (d->type != s->type || makes)
      continue;
    apply(s, (enum op_kind)kind, 2, 0);
    if (s->line_count)
      apply(s, (enum op_kind)kind, s->line[0].who, s->line[0].ticket);
  }
  memcpy(words, s->words, sizeof words);
  m->canonical(words, &w);
}

static void try_queue(const struct net_state *s) {
  static const enum op_kind kinds[] = {OP_QUEUE_PUT,  OP_QUEUE_GET,       OP_QUEUE_PEEK, OP_QUEUE_MEET,
                                       OP_QUEUE_CLOSE, OP_QUEUE_TASK_DONE, OP_QUEUE_JOIN};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    struct queue_state q;
    const struct queue_ask ask = {.kind = kinds[i], .who = 2, .readers = 1};
    memcpy(&q, s->words, sizeof q);
    if (queue_meets(q.max)) {
      if (queue_ask_enabled(&q, &ask))
        queue_ask_apply(&q, &ask);
    } else if (kinds[i] != OP_QUEUE_MEET && queue_enabled(&q, kinds[i])) {
      queue_apply(&q, kinds[i]);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct net_state s = {.line = NULL};
  struct buf again = {0};
  int rc = state_read(&s, data, size);
  require_that(rc == 0 || rc == -SBX_ENOOBJECT, "it is neither a state nor none");
  if (rc == 0) {
    require_that(state_write(&s, &again) == 0, "no memory");
    if (s.type == OBJECT_QUEUE)
      try_queue(&s);
    else
      try_machine(&s);
  }
  buf_release(&again);
  state_release(&s);
  return 0;
}
