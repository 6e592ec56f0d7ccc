/* tests/conformance/test_select.c - select over locks, semaphores, events, queues, pipes, processes
 * and the clock; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  static const enum object_type types[] = {OBJECT_LOCK, OBJECT_SEMAPHORE, OBJECT_EVENT,
                                           OBJECT_QUEUE, OBJECT_QUEUE};
  *ret =
      (struct setup){.thing_count = 3 + (int)draw(seed, 2), .proc_count = 3 + (int)draw(seed, 2)};
  ret->heals = draw(seed, 2);
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = types[draw(seed, 5)],
                                    .recursive = draw(seed, 2),
                                    .count = draw(seed, 2),
                                    .transport = (int)draw(seed, 3)};
  for (int i = 0; i < ret->thing_count; i++)
    if (ret->things[i].type == OBJECT_QUEUE)
      ret->things[i].max = draw(seed, 2) ? draw(seed, 3) : QUEUE_NO_ROOM;
  if (draw(seed, 2) && !conformance_backend_used->without_pipes) {
    ret->things[0] = (struct thing){.type = OBJECT_PIPE, .other = 1};
    ret->things[1] = (struct thing){.type = OBJECT_PIPE, .other = 0};
  }
}

/* An op that can be waited for with others. */
static void draw_sub(uint64_t *seed, const struct setup *s, struct step *ret) {
  uint64_t thing = draw(seed, (uint64_t)s->thing_count + 2);
  ret->thing = (int)thing;
  if (thing == (uint64_t)s->thing_count && s->heals) {
    ret->kind = OP_PROCESS_JOIN;
    ret->thing = (int)draw(seed, (uint64_t)s->proc_count);
    return;
  }
  if (thing >= (uint64_t)s->thing_count) {
    ret->thing = 0;
    ret->kind = OP_CLOCK_SLEEP;
    if (draw(seed, 3) == 0)
      return;
  }
  switch (s->things[ret->thing].type) {
  case OBJECT_LOCK:
    ret->kind = OP_LOCK_ACQUIRE;
    break;
  case OBJECT_SEMAPHORE:
    ret->kind = OP_SEMAPHORE_ACQUIRE;
    break;
  case OBJECT_EVENT:
    ret->kind = OP_EVENT_WAIT;
    break;
  case OBJECT_PIPE:
    ret->kind = OP_PIPE_RECV;
    break;
  default:
    ret->kind = draw(seed, 2) ? OP_QUEUE_PUT : OP_QUEUE_GET;
    ret->item = ret->kind == OP_QUEUE_PUT ? new_message() : 0;
  }
}

/* What lets selects go on. */
static void draw_plain(uint64_t *seed, const struct setup *s, struct request *r) {
  bool first = draw(seed, 2);
  switch (s->things[r->step.thing].type) {
  case OBJECT_LOCK:
    r->step.kind = first ? OP_LOCK_ACQUIRE : OP_LOCK_RELEASE;
    break;
  case OBJECT_SEMAPHORE:
    r->step.kind = first ? OP_SEMAPHORE_ACQUIRE : OP_SEMAPHORE_RELEASE;
    break;
  case OBJECT_EVENT:
    r->step.kind = first ? OP_EVENT_SET : OP_EVENT_CLEAR;
    break;
  case OBJECT_PIPE:
    r->step.kind = OP_PIPE_SEND;
    r->step.item = new_message();
    break;
  default:
    r->step.kind = first ? OP_QUEUE_PUT : OP_QUEUE_GET;
    if (s->things[r->step.thing].max == QUEUE_NO_ROOM && draw(seed, 4) == 0)
      r->step.kind = OP_QUEUE_MEET;
    r->step.item = r->step.kind == OP_QUEUE_PUT ? new_message() : 0;
  }
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  if (draw(seed, 10) < 4) {
    r->step.kind = OP_SELECT;
    r->sub_count = 1 + (uint32_t)draw(seed, SUBS_MAX);
    for (uint32_t i = 0; i < r->sub_count; i++)
      draw_sub(seed, s, &r->subs[i]);
  } else {
    r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
    draw_plain(seed, s, r);
  }
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"select", set_up, draw_op, 40};
  return conformance_main(&c);
}
