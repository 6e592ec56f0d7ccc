/* sim/sim.c - see sim.h. */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/mix.h"
#include "sim/world.h"

/* A handle, in the memory of the process that holds it. */
struct object {
  struct object_ref ref;
};

/* What belongs to the present process besides its Lua state: on its stack, so in its image. */
struct present {
  struct op *op;       /* that it asks for */
  unsigned interrupts; /* that it was not told yet */
  bool leaving;
};

enum event { EVENT_ANSWER, EVENT_INTERRUPT };

struct sim {
  struct backend base;
  struct sim_options options;
  struct images *images;
  struct world *world;
  uint32_t index; /* of the present process */
  uint64_t serial;
  struct buf request;
  enum sim_stop stop;
  int exit_code;
  /* what it is told when it goes on */
  enum event event;
  const struct answer *answer;
  /* the life of main */
  int (*body)(struct backend *b, void *ctx);
  void *body_ctx;
  /* the standard streams of the processes, and those of the program */
  FILE *streams[2], *outside[2];
  volatile int running;
};

static const struct run_clock clock_of_runs = {.speed = 1.0, .start_ns = 0};

static struct sim *sim_of(struct backend *b) { return (struct sim *)b; }

static struct present *present(const struct sim *s) { return *image_word(s->images); }

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

static void stop(struct sim *s, enum sim_stop why) {
  s->stop = why;
  image_leave(s->images);
}

static void enter(struct sim *s) { image_enter(s->images); }

static void run_main(void *ctx) {
  struct sim *s = ctx;
  struct present self = {0};
  *image_word(s->images) = &self;
  s->exit_code = s->body(&s->base, s->body_ctx);
  for (;;)
    stop(s, SIM_LEFT);
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

static struct object *object_of(void *ctx, const struct object_ref *ref) {
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

/* In the process: ask, until there is an answer. */
static int ask(struct sim *s, struct op *op) {
  struct present *self = present(s);
  self->op = op;
  memory_use(NULL);
  s->request.len = 0;
  int rc = request_write(op, ref_of, &s->request);
  memory_use(s->options.arena);
  if (rc)
    return rc;
  stop(s, SIM_ASKED);
  while (s->event == EVENT_INTERRUPT) {
    bool end = self->interrupts != 0 && !self->leaving;
    tell_interrupt(s);
    self->op = op;
    stop(s, end ? SIM_CANCELLED : SIM_ASKED);
  }
  self->op = NULL;
  rc = answer_deliver(s->answer, op, object_of, s);
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

/* -- the calling process ------------------------------------------------------------------------ */

static uint64_t self_id(struct backend *b) { return sim_of(b)->serial; }

static int self_process(struct backend *b, struct object **ret) {
  struct sim *s = sim_of(b);
  const struct object_ref ref = {.type = OBJECT_PROCESS, .slot = s->index, .serial = s->serial};
  *ret = object_of(s, &ref);
  return *ret ? 0 : -SBX_ENOMEM;
}

__attribute__((noreturn)) static void self_exit(struct backend *b, int exit_code) {
  struct sim *s = sim_of(b);
  s->exit_code = exit_code;
  for (;;)
    stop(s, SIM_LEFT);
}

static bool self_quiet(struct backend *b) {
  struct sim *s = sim_of(b);
  struct world_process p;
  world_process(s->world, s->index, &p);
  return p.quiet;
}

static void self_decide(struct backend *b, int exit_code) {
  (void)b;
  (void)exit_code;
}

static void self_failed(struct backend *b, const char *message) {
  (void)b;
  (void)message;
}

static int self_program_start(struct backend *b, const char *command, enum program_mode mode,
                              struct program *ret) {
  (void)b;
  (void)command;
  (void)mode;
  (void)ret;
  return -SBX_ESIM;
}

static int self_program_finish(struct backend *b, struct program *p, bool hurry, int *ret_status) {
  (void)b;
  (void)p;
  (void)hurry;
  (void)ret_status;
  return -SBX_ESIM;
}

static unsigned self_take_interrupt(struct backend *b) {
  struct present *self = present(sim_of(b));
  unsigned was = self->interrupts;
  self->interrupts = 0;
  return was;
}

static void self_leave(struct backend *b) { present(sim_of(b))->leaving = true; }

static unsigned self_questions(struct backend *b) {
  (void)b;
  return 0;
}

static void self_answered(struct backend *b, unsigned questions) {
  (void)b;
  (void)questions;
}

static void self_note_where(struct backend *b, const char *where) {
  (void)b;
  (void)where;
}

/* As processes of the operating system have it: from the spawner's, and as which child. */
static uint64_t seed_of(const struct sim *s, uint32_t index) {
  struct world_process p, other;
  uint32_t nth = 0, spawner = 0;
  if (index == 0)
    return s->options.seed;
  world_process(s->world, index, &p);
  for (uint32_t i = 0; i <= index; i++) {
    world_process(s->world, i, &other);
    nth += i > 0 && other.spawner == p.spawner;
    if (other.serial == p.spawner)
      spawner = i;
  }
  return mix64(seed_of(s, spawner) ^ mix64(nth));
}

static uint64_t self_seed(struct backend *b) {
  struct sim *s = sim_of(b);
  return seed_of(s, s->index);
}

static unsigned self_block_signals(struct backend *b) {
  (void)b;
  return 0;
}

static void self_unblock_signals(struct backend *b, unsigned blocked) {
  (void)b;
  (void)blocked;
}

/* The same on every machine. */
enum { PROCESSORS = 2 };

static int self_processors(struct backend *b) {
  (void)b;
  return PROCESSORS;
}

static int self_processor(struct backend *b, int n) {
  (void)b;
  return n >= 0 && n < PROCESSORS ? n : -1;
}

/* -- the run ------------------------------------------------------------------------------------ */

static int64_t run_now(struct backend *b) {
  struct sim *s = sim_of(b);
  return s->options.time_stands ? 0 : world_now(s->world);
}

static int64_t run_wall(struct backend *b) { return SIM_WALL_NS + run_now(b); }

static const struct run_clock *run_clock_of(struct backend *b) {
  (void)b;
  return &clock_of_runs;
}

static const uint8_t *run_key(struct backend *b) {
  static const uint8_t key[16] = {1};
  (void)b;
  return key;
}

static int run_unjoined(struct backend *b) { return (int)world_unjoined(sim_of(b)->world); }

static int run_look(struct backend *b, unsigned parts, struct snapshot *ret) {
  (void)b;
  (void)parts;
  (void)ret;
  return -SBX_ESIM;
}

static int run_steer(struct backend *b, enum steer what, uint32_t slot, uint64_t serial,
                     int64_t deadline_ns) {
  (void)b;
  (void)what;
  (void)slot;
  (void)serial;
  (void)deadline_ns;
  return -SBX_ESIM;
}

static const struct object_ops object_table = {.perform = sim_perform, .object_ref = ref_of};

static const struct self_ops self_table = {
    .id = self_id,
    .process_self = self_process,
    .exit = self_exit,
    .quiet = self_quiet,
    .decide = self_decide,
    .failed = self_failed,
    .program_start = self_program_start,
    .program_finish = self_program_finish,
    .take_interrupt = self_take_interrupt,
    .leave = self_leave,
    .questions = self_questions,
    .answered = self_answered,
    .note_where = self_note_where,
    .seed = self_seed,
    .block_signals = self_block_signals,
    .unblock_signals = self_unblock_signals,
    .processors = self_processors,
    .share = self_processors,
    .processor = self_processor,
};

static const struct run_ops run_table = {
    .now = run_now,
    .wall = run_wall,
    .clock = run_clock_of,
    .key = run_key,
    .unjoined_failures = run_unjoined,
    .look = run_look,
    .steer = run_steer,
};

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
                             .self = &self_table,
                             .run = &run_table,
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

struct backend *sim_backend(struct sim *s) {
  return &s->base;
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

void sim_touched(struct sim *s) { image_touched(s->images); }

void sim_where(struct sim *s, uint32_t image, uint32_t index, uint64_t serial,
               char where[WHERE_MAX]) {
  const struct op *op = sim_present_op(s, image, index, serial);
  where[0] = '\0';
  if (op && op->locate)
    op->locate(op->locate_ctx, where);
  sim_touched(s);
}
