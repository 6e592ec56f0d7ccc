/* sim/run.c - see run.h. */
#include "sim/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/snapshot.h"
#include "sim/world.h"

/* Who is in turn keeps it for so many steps, unless it has to wait: a change costs some ten
 * microseconds, or milliseconds where processes are large. */
enum { TURN = 64 };

/*
 * A loop that asks again and again until time has passed, or until another process has woken up,
 * would never end if steps took no time. So they take some when many were taken since the clock has
 * moved: about what they take in a real run, so that no loop is longer here than there.
 */
enum { FREE_STEPS = 10000, STEP_NS = 1000, FREE_READINGS = 100, READING_NS = 10000 };

/* Images that nobody needs any more are forgotten when all take so many bytes, and twice what was kept
 * the last time. */
enum { IMAGES_BYTES = 64 << 20 };

enum actor_state {
  ACTOR_BORN,  /* its first answer is there */
  ACTOR_ASKED, /* it waits for an answer */
  ACTOR_GONE
};

struct actor {
  enum actor_state state;
  uint64_t serial;
  uint32_t image; /* 0: it is the present one, not saved */
  struct buf message;
  struct request request; /* opened from `message` */
  struct answer answer;   /* BORN */
  uint64_t last;          /* number of the step when it went on last */
  struct buf lines[2];    /* printed, without the end of the line so far */
};

struct run {
  const struct run_options *o;
  struct sim *sim;
  struct world *world;
  struct actor *actors;
  uint32_t count, cap;
  uint32_t present; /* number of the process that is present */
  uint64_t steps, draw;
  size_t kept;              /* bytes of images, the last time */
  uint64_t since, readings; /* steps, and readings of the clock, since time has passed */
  struct run_outcome *ret;
};

static volatile int stopped;
static struct sim *volatile under_way;

void run_stop(void) {
  stopped = 1;
  if (under_way)
    sim_stop_running(under_way);
}

/* -- output ------------------------------------------------------------------------------------- */

static void flush_lines(struct run *r, struct actor *a, bool all) {
  for (int i = 0; i < 2; i++) {
    struct buf *b = &a->lines[i];
    size_t len = b->len;
    while (len > 0 && b->data[len - 1] != '\n' && !all)
      len--;
    if (len == 0)
      continue;
    r->o->write(r->o->ctx, i + 1, (const char *)b->data, len);
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
  }
}

static void print(void *ctx, int stream, const char *text, size_t len) {
  struct run *r = ctx;
  struct actor *a = &r->actors[r->present];
  if (buf_append(&a->lines[stream - 1], text, len) == 0)
    flush_lines(r, a, false);
}

/* -- processes ---------------------------------------------------------------------------------- */

static int add_actor(struct run *r, uint64_t serial) {
  if (r->count == r->cap) {
    uint32_t cap = r->cap ? 2 * r->cap : 16;
    struct actor *grown = realloc(r->actors, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    r->actors = grown;
    r->cap = cap;
  }
  r->actors[r->count++] = (struct actor){.serial = serial, .state = ACTOR_GONE};
  return 0;
}

static void forget_actor(struct run *r, struct actor *a) {
  flush_lines(r, a, true);
  request_close(&a->request);
  buf_release(&a->message);
  answer_release(&a->answer);
  a->answer = (struct answer){0};
  for (int i = 0; i < 2; i++)
    buf_release(&a->lines[i]);
  a->state = ACTOR_GONE;
}

/* The world may have ended processes: they are not gone on with. */
static void bury(struct run *r) {
  for (uint32_t i = 0; i < r->count; i++) {
    struct world_process p;
    world_process(r->world, i, &p);
    if (p.phase == PHASE_ENDED && r->actors[i].state != ACTOR_GONE)
      forget_actor(r, &r->actors[i]);
  }
}

static int open_request(struct run *r, uint32_t i) {
  struct actor *a = &r->actors[i];
  const struct buf *asked = sim_request(r->sim);
  request_close(&a->request);
  a->message.len = 0;
  int rc = buf_append(&a->message, asked->data, asked->len);
  if (rc == 0)
    rc = request_open(a->message.data, a->message.len, &a->request);
  if (rc == 0)
    rc = world_ask(r->world, i, &a->request);
  a->state = ACTOR_ASKED;
  return rc;
}

static int has_stopped(struct run *r, uint32_t i, enum sim_stop why);

static int cancel(struct run *r, uint32_t i) {
  struct answer a = {0};
  int rc = world_cancel(r->world, i, &r->actors[i].request, &a);
  if (rc == 0)
    rc = has_stopped(r, i, sim_answer(r->sim, 0, i, r->actors[i].serial, &a, 0));
  answer_release(&a);
  return rc;
}

/* Process `i` was present and ran. */
static int has_stopped(struct run *r, uint32_t i, enum sim_stop why) {
  r->present = i;
  r->actors[i].image = 0;
  switch (why) {
  case SIM_ASKED:
    return open_request(r, i);
  case SIM_CANCELLED:
    return cancel(r, i);
  case SIM_LEFT:
    world_exit(r->world, i, sim_exit_code(r->sim), 0);
    bury(r);
  }
  return 0;
}

/* Without memory for that, nothing is forgotten. */
static void forget_images(struct run *r) {
  uint32_t **images = calloc(r->count, sizeof *images), n = 0;
  for (uint32_t i = 0; images && i < r->count; i++)
    if (r->actors[i].state != ACTOR_GONE && r->actors[i].image)
      images[n++] = &r->actors[i].image;
  if (images)
    sim_keep(r->sim, images, n);
  free(images);
  r->kept = sim_bytes(r->sim);
}

/* Keep the present process, if it is to go on later. */
static int put_away(struct run *r) {
  struct actor *a = &r->actors[r->present];
  if (a->state != ACTOR_GONE && a->image == 0)
    a->image = sim_image(r->sim);
  if (sim_bytes(r->sim) > IMAGES_BYTES && sim_bytes(r->sim) > 2 * r->kept)
    forget_images(r);
  return a->state == ACTOR_GONE || a->image ? 0 : -SBX_ENOMEM;
}

/* Let it go on with an answer. */
static int go_on(struct run *r, uint32_t i, const struct answer *answer) {
  int rc = i == r->present ? 0 : put_away(r);
  if (rc)
    return rc;
  struct actor *a = &r->actors[i];
  uint32_t image = a->image;
  r->present = i;
  a->image = 0;
  return has_stopped(
      r, i, sim_answer(r->sim, image, i, a->serial, answer, world_take_interrupts(r->world, i)));
}

static int interrupt(struct run *r, uint32_t i) {
  int rc = i == r->present ? 0 : put_away(r);
  if (rc)
    return rc;
  struct actor *a = &r->actors[i];
  uint32_t image = a->image;
  unsigned interrupts = world_take_interrupts(r->world, i);
  r->present = i;
  a->image = 0;
  enum sim_stop why = sim_interrupt(r->sim, image, i, a->serial, interrupts);
  if (why == SIM_ASKED)
    return 0; /* the same as before */
  return has_stopped(r, i, why);
}

/* -- steps -------------------------------------------------------------------------------------- */

/* The new process is the parent as it is now, before it has its answer. */
static int be_born(struct run *r, uint32_t parent, const struct answer *answer) {
  int rc = parent == r->present ? put_away(r) : 0;
  if (rc == 0)
    rc = add_actor(r, answer->made.serial);
  if (rc)
    return rc;
  struct actor *child = &r->actors[r->count - 1];
  child->state = ACTOR_BORN;
  child->image = r->actors[parent].image;
  child->answer = *answer;
  child->answer.number = 0;
  child->answer.out = child->answer.refs = (struct buf){0};
  return 0;
}

/* Count a step; it may take time. */
static void count(struct run *r, const struct actor *a) {
  enum op_kind kind = a->request.kind;
  bool reads = a->state == ACTOR_ASKED && (kind == OP_CLOCK_NOW || kind == OP_CLOCK_WALL);
  int64_t takes = 0;
  r->steps++;
  r->readings += reads;
  if (++r->since > FREE_STEPS)
    takes = STEP_NS;
  if (reads && r->readings > FREE_READINGS)
    takes = READING_NS;
  if (takes)
    world_advance(r->world, world_now(r->world) + takes);
}

static int step(struct run *r, uint32_t i) {
  struct actor *a = &r->actors[i];
  struct answer answer = {0};
  count(r, a);
  a->last = r->steps;
  if (a->state == ACTOR_BORN) {
    answer = a->answer;
    a->answer = (struct answer){0};
    int rc = go_on(r, i, &answer);
    answer_release(&answer);
    return rc;
  }
  bool spawns = a->request.kind == OP_PROCESS_SPAWN;
  int rc = world_step(r->world, i, &a->request, &answer);
  bury(r);
  if (rc == 0 && spawns && answer.rc == 0)
    rc = be_born(r, i, &answer);
  if (rc == 0 && r->actors[i].state == ACTOR_ASKED)
    rc = go_on(r, i, &answer);
  answer_release(&answer);
  return rc == WORLD_GOES_ON ? 0 : rc;
}

static bool can(struct run *r, uint32_t i) {
  struct actor *a = &r->actors[i];
  if (a->state != ACTOR_ASKED)
    return a->state == ACTOR_BORN;
  return world_can(r->world, i, &a->request) != WORLD_WAITS;
}

static uint32_t draw(struct run *r, uint32_t n) {
  r->draw = r->draw * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)((r->draw >> 33) % n);
}

/* Who goes on: the one that did so least recently, or any. -1: nobody can. */
static int64_t choose(struct run *r) {
  int64_t best = -1;
  uint32_t found = 0;
  for (uint32_t i = 0; i < r->count; i++) {
    if (!can(r, i))
      continue;
    found++;
    if (r->o->random ? draw(r, found) == 0 : best < 0 || r->actors[i].last < r->actors[best].last)
      best = i;
  }
  return best;
}

/* Nobody can go on now: time passes until somebody can. False: nobody ever can. */
static bool pass_time(struct run *r) {
  int64_t next = SBX_FOREVER;
  for (uint32_t i = 0; i < r->count; i++) {
    struct actor *a = &r->actors[i];
    int64_t deadline =
        a->state == ACTOR_ASKED ? world_deadline(r->world, i, &a->request) : SBX_FOREVER;
    if (deadline < next)
      next = deadline;
  }
  if (next == SBX_FOREVER)
    return false;
  world_advance(r->world, next > world_now(r->world) ? next : world_now(r->world));
  r->since = r->readings = 0;
  return true;
}

static int tell_interrupts(struct run *r) {
  int rc = 0;
  for (uint32_t i = 0; i < r->count && rc == 0; i++)
    if (r->actors[i].state == ACTOR_ASKED && world_interrupts(r->world, i))
      rc = interrupt(r, i);
  return rc;
}

/* One turn of one process. Sets ret->end when it is all over. */
static int turn(struct run *r, bool *over) {
  int rc = tell_interrupts(r);
  int64_t i = choose(r);
  if (rc)
    return rc;
  if (i < 0) {
    if (!pass_time(r)) {
      r->ret->end = RUN_DEADLOCK;
      *over = true;
    }
    return 0;
  }
  for (int k = 0; k < (r->o->random ? 1 : TURN) && rc == 0 && !stopped; k++) {
    rc = step(r, (uint32_t)i);
    if (r->actors[0].state == ACTOR_GONE || !can(r, (uint32_t)i))
      break;
  }
  return rc;
}

static int follow(struct run *r) {
  bool over = false;
  int rc = 0;
  while (rc == 0 && !over && !stopped && r->actors[0].state != ACTOR_GONE)
    rc = turn(r, &over);
  return rc;
}

/* -- the run ------------------------------------------------------------------------------------ */

static void tell_deadlock(struct run *r) {
  const struct request **asked = calloc(r->count, sizeof *asked);
  const char **where = calloc(r->count, sizeof *where);
  char(*places)[WHERE_MAX] = calloc(r->count, sizeof *places);
  struct snapshot s;
  if (asked && where && places) {
    put_away(r);
    for (uint32_t i = 0; i < r->count; i++) {
      struct actor *a = &r->actors[i];
      if (a->state != ACTOR_ASKED)
        continue;
      sim_where(r->sim, a->image, i, a->serial, places[i]);
      asked[i] = &a->request;
      where[i] = places[i];
    }
    if (world_look(r->world, asked, where, &s) == 0) {
      r->o->deadlock(r->o->ctx, &s);
      snapshot_release(&s);
    }
  }
  free(asked);
  free(where);
  free(places);
}

static void tell_failures(struct run *r) {
  const uint8_t *text;
  size_t len;
  for (uint32_t at = 0; world_report(r->world, &at, &text, &len);)
    r->o->write(r->o->ctx, 2, (const char *)text, len);
}

static int carry_out(struct run *r, int (*body)(struct backend *b, void *ctx), void *body_ctx) {
  int rc = add_actor(r, 1);
  if (rc)
    return rc;
  r->actors[0].state = ACTOR_ASKED;
  under_way = r->sim;
  rc = has_stopped(r, 0, sim_begin(r->sim, body, body_ctx));
  if (rc == 0)
    rc = follow(r);
  under_way = NULL;
  return rc;
}

int run_simulated(const struct run_options *o, int (*body)(struct backend *b, void *ctx),
                  void *body_ctx, struct run_outcome *ret) {
  struct run r = {.o = o, .ret = ret, .draw = o->seed};
  const struct sim_options so = {.seed = o->seed, .arena = o->arena, .print = print, .ctx = &r};
  const struct world_options wo = {.seed = o->seed, .wall_ns = SIM_WALL_NS, .merge_relock = true};
  *ret = (struct run_outcome){.end = RUN_OVER};
  int rc = world_new(&wo, &r.world);
  if (rc == 0)
    rc = sim_open(&so, &r.sim);
  if (rc == 0) {
    sim_set_world(r.sim, r.world);
    ret->rc = carry_out(&r, body, body_ctx);
    if (ret->rc || stopped)
      ret->end = RUN_STOPPED;
    if (ret->end == RUN_DEADLOCK && o->deadlock)
      tell_deadlock(&r);
    ret->status = world_exit_status(r.world);
    for (uint32_t i = 0; i < r.count; i++)
      if (r.actors[i].state != ACTOR_GONE)
        forget_actor(&r, &r.actors[i]);
    tell_failures(&r);
    ret->time_ns = world_now(r.world);
    ret->steps = r.steps;
  }
  sim_close(r.sim);
  world_free(r.world);
  free(r.actors);
  return rc;
}
