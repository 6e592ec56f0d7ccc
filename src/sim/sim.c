/* sim/sim.c - see sim.h. */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "object/quiet.h"
#include "sim/sim_internal.h"
#include "sim/world.h"

/* -- in and out --------------------------------------------------------------------------------- */

static void swap_streams(struct sim *s, FILE *const to[2], FILE *keep[2]) {
  if (keep) {
    keep[0] = stdout;
    keep[1] = stderr;
  }
  stdout = to[0];
  stderr = to[1];
  (void)s;
}

static enum sim_stop go_on(struct sim *s, void (*go)(struct sim *s)) {
  swap_streams(s, s->streams, s->outside);
  memory_use(s->options.arena);
  s->running = 1;
  go(s);
  s->running = 0;
  memory_use(NULL);
  swap_streams(s, s->outside, NULL);
  return s->stop;
}

void sim_yield(struct sim *s, enum sim_stop why) {
  s->stop = why;
  present(s)->base = s->base;
  image_leave(s->images);
}

static void enter(struct sim *s) { image_enter(s->images); }

static void run_main(void *ctx) {
  struct sim *s = ctx;
  struct present self = {0};
  *image_word(s->images) = &self;
  s->exit_code = s->body(&s->base, s->body_ctx);
  for (;;)
    sim_yield(s, SIM_LEFT);
}

static void begin(struct sim *s) { image_begin(s->images, run_main, s); }

enum sim_stop sim_begin(struct sim *s, int (*body)(struct backend *b, void *ctx), void *ctx) {
  s->body = body;
  s->body_ctx = ctx;
  s->index = 0;
  s->serial = 1;
  return go_on(s, begin);
}

static void make_present(struct sim *s, uint32_t image, uint32_t index, uint64_t serial) {
  if (image)
    image_load(s->images, image);
  s->base = present(s)->base;
  s->index = index;
  s->serial = serial;
}

enum sim_stop sim_answer(struct sim *s, uint32_t image, uint32_t index, uint64_t serial,
                         const struct answer *a, unsigned interrupts) {
  make_present(s, image, index, serial);
  s->event = EVENT_ANSWER;
  s->answer = a;
  present(s)->interrupts |= interrupts;
  return go_on(s, enter);
}

enum sim_stop sim_interrupt(struct sim *s, uint32_t image, uint32_t index, uint64_t serial,
                            unsigned interrupts) {
  make_present(s, image, index, serial);
  s->event = EVENT_INTERRUPT;
  present(s)->interrupts |= interrupts;
  return go_on(s, enter);
}

/* -- ops ---------------------------------------------------------------------------------------- */

static void ref_of(const struct object *o, struct object_ref *ret) { *ret = o->ref; }

struct object *sim_object(void *ctx, const struct object_ref *ref) {
  struct object *o = memory_resize(NULL, 0, sizeof *o);
  (void)ctx;
  if (o)
    o->ref = *ref;
  return o;
}

static void tell_interrupt(struct sim *s) {
  if (present(s)->interrupts && s->base.interrupted)
    s->base.interrupted(s->base.signal_ctx);
}

/* Ops that a loop may come back to. */
static bool ends_round(enum op_kind kind) {
  return kind == OP_CLOCK_SLEEP || !op_is_quiet(kind, false, false);
}

/*
 * In the process, before it asks: forget garbage, and in which order memory was used. So a loop that makes something in each
 * round comes back to the memory that it had. Only where something was made since: others cost no time. Twice: each collection
 * exchanges the two marks of objects (Lua's "whites").
 */
static void tidy(struct sim *s, const struct op *op) {
  const struct backend *b = &s->base;
  struct arena *arena = s->options.arena;
  if (!b->awake || !ends_round(op->kind) || arena_used(arena) == present(s)->used)
    return;
  for (int i = 0; i < 2; i++) {
    s->questions = QUESTION_COLLECT;
    b->asked(b->signal_ctx);
    b->awake(b->signal_ctx, op);
  }
  s->questions = 0;
  arena_tidy(arena);
  present(s)->used = arena_used(arena);
}

/* The process has waited: what is left of a deadline from before depends on how long. */
static void forget_time(struct sim *s) {
  present(s)->timed = false;
  if (s->base.waited)
    *s->base.waited = true;
  s->base.waited = NULL;
}

/* In the process: ask, until there is an answer. */
static int ask(struct sim *s, struct op *op) {
  struct present *self = present(s);
  bool waits = op_describe(op->kind)->blocks;
  op->late = waits && op->deadline_ns > 0 && op->deadline_ns != SBX_FOREVER && !self->timed;
  if (s->options.tidy)
    tidy(s, op);
  self->op = op;
  memory_use(NULL);
  s->request.len = 0;
  int rc = request_write(op, ref_of, &s->request);
  memory_use(s->options.arena);
  if (rc)
    return rc;
  sim_yield(s, SIM_ASKED);
  while (s->event == EVENT_INTERRUPT) {
    bool end = self->interrupts != 0 && !self->leaving;
    tell_interrupt(s);
    self->op = op;
    sim_yield(s, end ? SIM_CANCELLED : SIM_ASKED);
  }
  self->op = NULL;
  if (waits)
    forget_time(s);
  rc = answer_deliver(s->answer, op, sim_object, s);
  tell_interrupt(s);
  return rc;
}

/* What this process did not release is its own doing alone, so the world of any schedule knows it. */
static void tell_forgotten(struct sim *s) {
  struct forgotten f;
  for (uint32_t at = 0; s->base.forgot && world_forgotten(s->world, s->index, &at, &f);) {
    if (f.scoped && s->base.exits)
      continue; /* a `<close>` would have released it */
    if (s->options.forgot)
      s->options.forgot(s->options.ctx);
    s->base.forgot(s->base.signal_ctx, &f);
  }
}

/* Is it about an object of the run from which the processes were copied? */
static bool is_foreign(const struct sim *s, const struct op *op) {
  if (op->object && op->kind != OP_PROCESS_SPAWN && !arena_holds(s->options.arena, op->object))
    return true;
  for (uint32_t i = 0; i < op->sub_count; i++)
    if (is_foreign(s, &op->subs[i]))
      return true;
  return op_makes_sync(op->kind) && op->new_sync->lock &&
         !arena_holds(s->options.arena, op->new_sync->lock);
}

static int sim_perform(struct backend *b, struct op *op) {
  struct sim *s = sim_of(b);
  struct object *released = op->kind == OP_HANDLE_RELEASE ? op->object : NULL;
  if (is_foreign(s, op))
    return op->kind == OP_HANDLE_RELEASE ? 0 : -SBX_EOUTSIDE;
  if (!s->running) { /* somebody looks at the process, and it does nothing */
    free(released);
    return -SBX_EGONE;
  }
  if (op->kind == OP_PROCESS_AWAIT && present(s)->leaving)
    return 0;
  if (op->kind == OP_HANDLE_EXPORT || op->kind == OP_HANDLE_FETCH)
    return 0; /* every object can be reached */
  if (op->kind == OP_PROCESS_END || op->kind == OP_PROCESS_AWAIT)
    tell_forgotten(s);
  int rc = ask(s, op);
  if (released)
    memory_free(released, sizeof *released);
  return rc;
}

static const struct object_ops object_table = {.perform = sim_perform, .object_ref = ref_of};

/* The clock is read by an op, since what a script reads decides what it does. */
static int observe(void *observer, const struct op *op, enum op_phase phase, int rc) {
  (void)observer;
  (void)op;
  (void)phase;
  return rc;
}

/* -- open --------------------------------------------------------------------------------------- */

static ssize_t print(struct sim *s, int stream, const char *text, size_t len) {
  struct arena *used = memory_used();
  memory_use(NULL);
  swap_streams(s, s->outside, NULL);
  s->options.print(s->options.ctx, stream, text, len);
  swap_streams(s, s->streams, NULL);
  memory_use(used);
  return (ssize_t)len;
}

static ssize_t print_out(void *ctx, const char *text, size_t len) {
  return print(ctx, 1, text, len);
}

static ssize_t print_err(void *ctx, const char *text, size_t len) {
  return print(ctx, 2, text, len);
}

static FILE *open_stream(struct sim *s, cookie_write_function_t *write) {
  FILE *f = fopencookie(s, "w", (cookie_io_functions_t){.write = write});
  if (f)
    setvbuf(f, NULL, _IONBF, 0); /* nothing is kept outside of the images */
  return f;
}

int sim_open(const struct sim_options *o, struct sim **ret) {
  struct sim *s = calloc(1, sizeof *s);
  if (!s)
    return -SBX_ENOMEM;
  s->options = *o;
  s->base = (struct backend){.objects = &object_table,
                             .self = &sim_self_ops,
                             .run = &sim_run_ops,
                             .image = true,
                             .observe = observe};
  s->streams[0] = open_stream(s, print_out);
  s->streams[1] = open_stream(s, print_err);
  int rc = s->streams[0] && s->streams[1] ? images_open(o->arena, &s->images) : -SBX_ENOMEM;
  if (rc) {
    sim_close(s);
    return rc;
  }
  *ret = s;
  return 0;
}

void sim_close(struct sim *s) {
  if (!s)
    return;
  for (int i = 0; i < 2; i++)
    if (s->streams[i])
      fclose(s->streams[i]);
  images_close(s->images);
  buf_release(&s->request);
  free(s);
}

void sim_set_world(struct sim *s, struct world *w) { s->world = w; }

const struct buf *sim_request(const struct sim *s) { return &s->request; }

int sim_exit_code(const struct sim *s) { return s->exit_code; }

uint32_t sim_image(struct sim *s) { return image_save(s->images); }

int sim_keep(struct sim *s, uint32_t *const images[], uint32_t n) {
  return images_keep(s->images, images, n);
}

size_t sim_bytes(const struct sim *s) { return images_bytes(s->images); }

bool sim_runs(const struct sim *s) { return s->running; }

void sim_stop_running(struct sim *s) {
  if (!s->running || !s->base.interrupted)
    return;
  present(s)->interrupts |= INTERRUPT_ONE;
  s->base.interrupted(s->base.signal_ctx);
}

const struct op *sim_present_op(struct sim *s, uint32_t image, uint32_t index, uint64_t serial) {
  make_present(s, image, index, serial);
  return present(s)->op;
}

const char *sim_interrupted_at(const struct sim *s) { return s->interrupted_at; }

void sim_touched(struct sim *s) { image_touched(s->images); }

void sim_where(struct sim *s, uint32_t image, uint32_t index, uint64_t serial,
               char where[WHERE_MAX]) {
  const struct op *op = sim_present_op(s, image, index, serial);
  where[0] = '\0';
  if (op && op->locate)
    op->locate(op->locate_ctx, where);
  sim_touched(s);
}
