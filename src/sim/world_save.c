/*
 * sim/world_save.c - a world as bytes, and back; see world.h.
 *
 * What is not part of how the world goes on is left out: past events, free slots, numbers of items
 * that are gone, and tickets, of which only the order in each line counts.
 */
#include "sim/world_bytes.h"

/* -- processes ----------------------------------------------------------------------------------
 */

enum {
  IS_DAEMON = 1,
  IS_QUIET = 2,
  IS_STOPPED = 4,
  IS_EXPECTED = 8,
  IS_JOINED = 16,
  IS_LOOKED = 32,
  HAS_STDIN = 64,
  HAS_RESULT = 128,
  HAS_REPORT = 256
};

static unsigned flags_of(const struct world_actor *p) {
  return (p->daemon ? IS_DAEMON : 0U) | (p->quiet ? IS_QUIET : 0U) |
         (p->stopped ? IS_STOPPED : 0U) | (p->expected ? IS_EXPECTED : 0U) |
         (p->joined ? IS_JOINED : 0U) | (p->looked ? IS_LOOKED : 0U) |
         (p->has_stdin ? HAS_STDIN : 0U) | (p->has_result ? HAS_RESULT : 0U) |
         (p->has_report ? HAS_REPORT : 0U);
}

static void set_flags(struct world_actor *p, uint64_t bits) {
  p->daemon = bits & IS_DAEMON;
  p->quiet = bits & IS_QUIET;
  p->stopped = bits & IS_STOPPED;
  p->expected = bits & IS_EXPECTED;
  p->joined = bits & IS_JOINED;
  p->looked = bits & IS_LOOKED;
  p->has_stdin = bits & HAS_STDIN;
  p->has_result = bits & HAS_RESULT;
  p->has_report = bits & HAS_REPORT;
}

static void put_op(struct writer *to, const struct world_op *op) {
  put(to, op->wait.step);
  put_int(to, op->wait.result);
  put(to, op->levels);
  put(to, op->arrival);
}

static void get_op(struct reader *from, struct world_op *op) {
  op->wait.step = (enum condition_step)get_below(from, CONDITION_OVER + 1);
  op->wait.result = (int)get_int(from);
  op->levels = get(from);
  op->arrival = get(from);
}

static bool has_op(const struct world_actor *p) { return p->op.wait.step || p->op.arrival; }

static void put_actor(struct writer *to, const struct world_actor *p) {
  put(to, p->state.phase << 1 | (unsigned)has_op(p));
  put(to, flags_of(p));
  put(to, p->interrupts);
  put_int(to, p->state.exit_code);
  put_int(to, p->state.signal);
  put(to, p->spawner == NOBODY ? 0 : (uint64_t)p->spawner + 1);
  put(to, p->depth);
  put_text(to, p->name);
  put_text(to, p->where);
  put(to, p->mail_serial);
  if (p->mail_serial)
    put(to, p->mail);
  if (has_op(p))
    put_op(to, &p->op);
  if (p->has_result) {
    put(to, p->result_refs);
    put_bytes(to, p->result.data, p->result.len);
  }
  if (p->has_report)
    put_bytes(to, p->report.data, p->report.len);
}

static int get_actor(struct reader *from, struct world *w, uint32_t i) {
  struct world_actor *p = &w->actors[i];
  uint64_t phase = get_below(from, (PHASE_ENDED + 1) << 1);
  p->state.phase = (enum process_phase)(phase >> 1);
  set_flags(p, get(from));
  p->interrupts = (uint8_t)get(from);
  p->state.exit_code = (int)get_int(from);
  p->state.signal = (int)get_int(from);
  uint32_t spawner = (uint32_t)get_below(from, (uint64_t)i + 1);
  p->spawner = spawner ? spawner - 1 : NOBODY;
  p->depth = (uint32_t)get(from);
  get_text(from, p->name, sizeof p->name);
  get_text(from, p->where, sizeof p->where);
  p->mail_serial = get(from);
  p->mail = p->mail_serial ? (uint32_t)get_below(from, INT32_MAX) : 0;
  p->op = (struct world_op){.arrival = 0};
  if (phase & 1)
    get_op(from, &p->op);
  p->result_refs = 0;
  p->result.len = p->report.len = 0;
  int rc = 0;
  if (p->has_result) {
    p->result_refs = (uint32_t)get(from);
    rc = get_buf(from, &p->result);
    from->bad |= p->result_refs > p->result.len / sizeof(struct object_ref);
    w->stored_refs += p->result_refs;
  }
  return rc == 0 && p->has_report ? get_buf(from, &p->report) : rc;
}

/*
 * The handles of living processes, a row for each. Children often have what their parents have: 1 is
 * the row of the living process before. Else 0, and for each count the distance from the one before;
 * 0 ends them.
 */
static void put_row(struct writer *to, const uint32_t *cells, const uint32_t *before,
                    uint32_t end) {
  uint32_t last = 0;
  bool same = before && memcmp(cells, before, end * sizeof *cells) == 0;
  put(to, same);
  for (uint32_t k = 0; k < end && !same; k++)
    if (cells[k]) {
      put(to, k + 1 - last);
      put(to, cells[k]);
      last = k + 1;
    }
  if (!same)
    put(to, 0);
}

static void get_row(struct reader *from, uint32_t *cells, const uint32_t *before, uint32_t end) {
  uint64_t k = 0;
  if (get_below(from, before ? 2 : 1)) {
    memcpy(cells, before, end * sizeof *cells);
    return;
  }
  for (uint64_t step; !from->bad && (step = get(from));) {
    k += step;
    from->bad |= step > end || k > end;
    if (!from->bad)
      cells[k - 1] = (uint32_t)get(from);
  }
}

static uint32_t *row(const struct world_grid *g, uint32_t i) {
  return &g->cells[(size_t)i * g->columns];
}

static void put_rows(struct writer *to, const struct world *w) {
  const uint32_t *held = NULL, *known = NULL;
  for (uint32_t i = 0; i < w->actor_count; i++) {
    if (!actor_lives(&w->actors[i]))
      continue;
    put_row(to, row(&w->held, i), held, w->object_end);
    put_row(to, row(&w->known, i), known, w->actor_count);
    held = row(&w->held, i);
    known = row(&w->known, i);
  }
}

static void get_rows(struct reader *from, struct world *w) {
  const uint32_t *held = NULL, *known = NULL;
  for (uint32_t i = 0; i < w->actor_count && !from->bad; i++) {
    memset(row(&w->held, i), 0, w->held.columns * sizeof(uint32_t));
    memset(row(&w->known, i), 0, w->known.columns * sizeof(uint32_t));
    if (!actor_lives(&w->actors[i]))
      continue;
    get_row(from, row(&w->held, i), held, w->object_end);
    get_row(from, row(&w->known, i), known, w->actor_count);
    held = row(&w->held, i);
    known = row(&w->known, i);
  }
}

/* -- worlds -------------------------------------------------------------------------------------
 */

int world_save(struct world *w, struct buf *out) {
  struct writer to = {.out = out};
  put_int(&to, w->now_ns);
  put(&to, w->last_serial);
  put(&to, w->unread);
  put(&to, w->actor_count);
  for (uint32_t i = 0; i < w->actor_count; i++)
    put_actor(&to, &w->actors[i]);
  world_put_objects(&to, w);
  put_rows(&to, w);
  world_put_others(&to, w);
  return to.failed ? -SBX_ENOMEM : 0;
}

static int load_actors(struct reader *from, struct world *w) {
  uint64_t n = get_below(from, PROCESSES_MAX + 1);
  int rc = 0;
  w->actor_count = 0;
  while (w->actor_count < n && rc == 0 && !from->bad) {
    rc = world_grow(&w->actors, &w->actor_cap, w->actor_count, sizeof *w->actors);
    if (rc == 0)
      rc = get_actor(from, w, w->actor_count++);
  }
  return rc;
}

int world_load(struct world *w, const uint8_t *bytes, size_t len) {
  struct reader from = {.at = bytes, .end = bytes + len};
  w->stored_refs = 0;
  w->lost = false;
  w->now_ns = get_int(&from);
  w->last_serial = get(&from);
  w->unread = get_below(&from, 2);
  int rc = load_actors(&from, w);
  if (rc == 0)
    rc = world_get_objects(&from, w);
  if (rc == 0)
    rc = world_grow_grids(w);
  if (rc)
    return rc;
  for (uint32_t i = 0; i < w->actor_count; i++)
    if (w->actors[i].mail >= w->object_end && w->actors[i].mail_serial)
      return -SBX_EDATA;
  get_rows(&from, w);
  if ((rc = world_get_others(&from, w)))
    return rc;
  return from.bad || from.at != from.end || w->actor_count == 0 ? -SBX_EDATA : 0;
}
