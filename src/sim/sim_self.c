/* sim/sim_self.c - what a simulated process asks for besides ops: of itself, and of the run; see sim_internal.h. */
#include "base/error.h"
#include "base/mix.h"
#include "base/text.h"
#include "sim/sim_internal.h"
#include "sim/world.h"

static const struct run_clock clock_of_runs = {.speed = 1.0, .start_ns = 0};

/* -- the calling process ------------------------------------------------------------------------ */

static uint64_t self_id(struct backend *b) { return sim_of(b)->serial; }

static int self_process(struct backend *b, struct object **ret) {
  struct sim *s = sim_of(b);
  const struct object_ref ref = {.type = OBJECT_PROCESS, .slot = s->index, .serial = s->serial};
  *ret = sim_object(s, &ref);
  return *ret ? 0 : -SBX_ENOMEM;
}

__attribute__((noreturn)) static void self_exit(struct backend *b, int exit_code) {
  struct sim *s = sim_of(b);
  s->exit_code = exit_code;
  for (;;)
    sim_yield(s, SIM_LEFT);
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

static unsigned self_questions(struct backend *b) { return sim_of(b)->questions; }

static void self_answered(struct backend *b, unsigned questions) {
  sim_of(b)->questions &= ~questions;
}

static void self_note_where(struct backend *b, const char *where) {
  text_copy(sim_of(b)->interrupted_at, WHERE_MAX, where);
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
  present(s)->timed = true;
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

const struct self_ops sim_self_ops = {
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

const struct run_ops sim_run_ops = {
    .now = run_now,
    .wall = run_wall,
    .clock = run_clock_of,
    .key = run_key,
    .unjoined_failures = run_unjoined,
    .look = run_look,
    .steer = run_steer,
};
