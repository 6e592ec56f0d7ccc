/* sim/world.c - see world.h: the table of ops, and the steps of those that wait. */
#include "sim/world_internal.h"

#include <assert.h>
#include <stdlib.h>

/* -- ops without a file of their own ------------------------------------------------------------
 */

static int refuse(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)w;
  (void)i;
  (void)r;
  a->rc = -SBX_EINVAL;
  return 0;
}

/* MARK is for observers; a sleep is over when it can go on; what it takes to hold an object in a
 * process is always there. */
static int nothing(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)w;
  (void)i;
  (void)r;
  (void)a;
  return 0;
}

static enum world_can always(struct world *w, uint32_t i, const struct request *r) {
  (void)w;
  (void)i;
  (void)r;
  return WORLD_GOES;
}

static enum world_can sleep_can(struct world *w, uint32_t i, const struct request *r) {
  (void)i;
  return deadline_is_over(w, r->deadline_ns) ? WORLD_GOES : WORLD_WAITS;
}

static int now(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)i;
  (void)r;
  a->now_ns = w->now_ns;
  return 0;
}

static int wall(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)i;
  (void)r;
  a->now_ns = w->options.wall_ns + w->now_ns;
  return 0;
}

static int export(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)i;
  (void)a;
  world_share(w, r->refs, r->ref_count);
  return 0;
}

static bool can_be_imported(enum object_type type) {
  return type == OBJECT_QUEUE || type == OBJECT_PROCESS || sync_machine_of(type);
}

static int import(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  const struct object_ref *ref = &r->ref;
  bool is_process = ref->type == OBJECT_PROCESS;
  if (!can_be_imported((enum object_type)ref->type) ||
      (is_process && world_actor_of(w, ref) == NOBODY))
    a->rc = -SBX_EDATA;
  else if (!is_process && !world_find(w, ref))
    a->rc = -SBX_EGONE;
  if (a->rc)
    return 0;
  world_hold(w, i, ref);
  a->made = *ref;
  return 0;
}

static int land(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)a;
  world_land(w, i, &r->ref);
  return 0;
}

static int drop(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)a;
  world_drop(w, i, &r->object);
  return 0;
}

/* -- the table ----------------------------------------------------------------------------------
 *
 * Listed by object/ops.def: an op without a row does not compile, nor one that can block whose row
 * does not say when it goes on, nor one that cannot whose row does.
 */

#define ALONE(can) can, false
#define TOGETHER(can) can, true /* it can be one of the ops of a select */

#define ROW_PROCESS_SPAWN world_process_spawn
#define ROW_PROCESS_JOIN world_process_join, TOGETHER(world_join_can)
#define ROW_PROCESS_SIGNAL world_process_signal
#define ROW_PROCESS_LOOK world_process_look
#define ROW_PROCESS_PARENT world_process_parent
#define ROW_PROCESS_CHILDREN world_process_children
#define ROW_PROCESS_DESCENDANTS world_process_descendants
#define ROW_PROCESS_AWAIT world_process_await, ALONE(world_await_can)
#define ROW_PROCESS_END world_process_finish
#define ROW_PROCESS_MAIL world_process_mail, ALONE(always)
#define ROW_PROCESS_FIND world_process_find, ALONE(world_find_can)
#define ROW_FAILURE_NEW world_failure_new
#define ROW_FAILURE_COUNT world_failure_count
#define ROW_FAILURE_JOIN world_failure_join
#define ROW_FAILURE_LOOK world_failure_look
#define ROW_HANDLE_EXPORT export, ALONE(always)
#define ROW_HANDLE_FETCH nothing, ALONE(always)
#define ROW_HANDLE_IMPORT import
#define ROW_HANDLE_LAND land
#define ROW_HANDLE_RELEASE drop
#define ROW_QUEUE_NEW world_queue_new
#define ROW_QUEUE_LOOK world_queue_look
#define ROW_QUEUE_PUT world_queue_do, TOGETHER(world_queue_can)
#define ROW_QUEUE_MEET world_queue_do, ALONE(world_queue_can)
#define ROW_QUEUE_GET world_queue_do, TOGETHER(world_queue_can)
#define ROW_QUEUE_TAKE world_queue_take
#define ROW_QUEUE_PEEK world_queue_peek
#define ROW_QUEUE_CLOSE world_queue_do
#define ROW_QUEUE_TASK_DONE world_queue_do
#define ROW_QUEUE_JOIN world_queue_do, ALONE(world_queue_can)
#define ROW_PIPE_NEW world_pipe_new
#define ROW_PIPE_LOOK world_pipe_look
#define ROW_PIPE_SEND world_pipe_send
#define ROW_PIPE_RECV world_pipe_recv, TOGETHER(world_pipe_can)
#define ROW_PIPE_POLL world_pipe_recv, ALONE(world_pipe_can)
#define ROW_PIPE_CLOSE world_pipe_close
#define ROW_LOCK_NEW world_sync_new
#define ROW_LOCK_LOOK world_sync_look
#define ROW_LOCK_ACQUIRE world_sync_do, TOGETHER(world_sync_can)
#define ROW_LOCK_RELEASE world_sync_do
#define ROW_SEMAPHORE_NEW world_sync_new
#define ROW_SEMAPHORE_LOOK world_sync_look
#define ROW_SEMAPHORE_ACQUIRE world_sync_do, TOGETHER(world_sync_can)
#define ROW_SEMAPHORE_RELEASE world_sync_do
#define ROW_EVENT_NEW world_sync_new
#define ROW_EVENT_LOOK world_sync_look
#define ROW_EVENT_WAIT world_sync_do, TOGETHER(world_sync_can)
#define ROW_EVENT_SET world_sync_do
#define ROW_EVENT_CLEAR world_sync_do
#define ROW_CONDITION_NEW world_sync_new
#define ROW_CONDITION_LOOK world_sync_look
#define ROW_CONDITION_WAIT world_condition_do, ALONE(world_condition_can)
#define ROW_CONDITION_NOTIFY world_condition_do
#define ROW_BARRIER_NEW world_sync_new
#define ROW_BARRIER_LOOK world_sync_look
#define ROW_BARRIER_WAIT world_sync_do, ALONE(world_sync_can)
#define ROW_BARRIER_PASS world_sync_do
#define ROW_BARRIER_ABORT world_sync_do
#define ROW_BARRIER_RESET world_sync_do
#define ROW_VALUE_NEW world_sync_new
#define ROW_VALUE_LOOK world_sync_look
#define ROW_VALUE_GET world_value_do
#define ROW_VALUE_SET world_value_do, ALONE(world_sync_can)
#define ROW_VALUE_ADD world_value_do, ALONE(world_sync_can)
#define ROW_VALUE_CAS world_value_do, ALONE(world_sync_can)
#define ROW_VALUE_UPDATE world_value_do, ALONE(world_sync_can)
#define ROW_VALUE_AWAIT world_value_do, ALONE(world_changed_can)
#define ROW_VALUE_REPLACE world_value_do
#define ROW_VALUE_KEEP world_value_do
#define ROW_DICT_NEW world_sync_new
#define ROW_DICT_LOOK world_sync_look
#define ROW_DICT_GET world_dict_do
#define ROW_DICT_ALL world_dict_do
#define ROW_DICT_SET world_dict_do, ALONE(world_sync_can)
#define ROW_DICT_UPDATE world_dict_do, ALONE(world_sync_can)
#define ROW_DICT_ADD world_dict_do, ALONE(world_sync_can)
#define ROW_DICT_CAS world_dict_do, ALONE(world_sync_can)
#define ROW_DICT_AWAIT world_dict_do, ALONE(world_changed_can)
#define ROW_DICT_REPLACE world_dict_do
#define ROW_DICT_KEEP world_dict_do
#define ROW_PROGRESS_NEW world_sync_new
#define ROW_PROGRESS_LOOK world_sync_look
#define ROW_PROGRESS_ADD world_sync_do
#define ROW_PROGRESS_SET world_sync_do
#define ROW_PROGRESS_CLOSE world_sync_do
#define ROW_LATCH_NEW world_sync_new
#define ROW_LATCH_LOOK world_sync_look
#define ROW_LATCH_WAIT world_sync_do, TOGETHER(world_sync_can)
#define ROW_LATCH_DOWN world_sync_do
#define ROW_RWLOCK_NEW world_sync_new
#define ROW_RWLOCK_LOOK world_sync_look
#define ROW_RWLOCK_READ world_sync_do, ALONE(world_sync_can)
#define ROW_RWLOCK_WRITE world_sync_do, ALONE(world_sync_can)
#define ROW_RWLOCK_RELEASE world_sync_do
#define ROW_ARRAY_NEW world_sync_new
#define ROW_ARRAY_LOOK world_sync_look
#define ROW_ARRAY_GET world_array_do
#define ROW_ARRAY_SET world_array_do
#define ROW_ARRAY_ADD world_array_do
#define ROW_ARRAY_CAS world_array_do
#define ROW_ARRAY_FILL world_array_do
#define ROW_ARRAY_COPY world_array_do
#define ROW_SELECT world_select_do, ALONE(world_select_can)
#define ROW_CLOCK_SLEEP nothing, TOGETHER(sleep_can)
#define ROW_CLOCK_NOW now
#define ROW_CLOCK_WALL wall
#define ROW_MARK nothing

#define ROW_THAT_0(perform_)                                                                       \
  { .perform = perform_ }
#define ROW_THAT_1(perform_, can_, in_select_)                                                     \
  { .perform = perform_, .can = can_, .in_select = in_select_ }
#define ROW(blocks, ...) ROW_THAT_##blocks(__VA_ARGS__)

static const struct world_row rows[OP_COUNT] = {
    [OP_NONE] = {.perform = refuse},
#define OP(kind, type, blocks, verb, past, reads, writes) [OP_##kind] = ROW(blocks, ROW_##kind),
#include "object/ops.def"
};

const struct world_row *world_row_of(enum op_kind kind) {
  return &rows[kind < OP_COUNT ? kind : OP_NONE];
}

/* -- worlds -------------------------------------------------------------------------------------
 */

int world_new(const struct world_options *o, struct world **ret) {
  struct world *w = calloc(1, sizeof *w);
  uint32_t main_number;
  int rc = w ? 0 : -SBX_ENOMEM;
  if (rc == 0) {
    w->options = *o;
    rc = world_grow(&w->objects, &w->object_cap, 0, sizeof *w->objects);
  }
  if (rc == 0)
    rc = world_add_actor(w, NOBODY, &main_number);
  if (rc) {
    world_free(w);
    return rc;
  }
  strcpy(w->actors[0].name, "main");
  w->actors[0].has_stdin = true;
  *ret = w;
  return 0;
}

void world_free(struct world *w) {
  if (!w)
    return;
  for (uint32_t i = 0; i < w->actor_cap; i++) {
    buf_release(&w->actors[i].result);
    buf_release(&w->actors[i].report);
  }
  for (uint32_t slot = 0; slot < w->object_cap; slot++) {
    buf_release(&w->objects[slot].contents);
    free(w->objects[slot].hands.list);
  }
  for (uint32_t k = 0; k < w->failure_cap; k++)
    buf_release(&w->failures[k].report);
  buf_release(&w->scratch);
  free(w->actors);
  free(w->objects);
  free(w->held.cells);
  free(w->known.cells);
  free(w->places);
  free(w->hands);
  free(w->failures);
  free(w);
}

uint32_t world_count(const struct world *w) { return w->actor_count; }

static bool has_failed(const struct world_actor *p) {
  return world_badly(p) && !p->expected && !p->joined;
}

void world_process(const struct world *w, uint32_t i, struct world_process *ret) {
  const struct world_actor *p = &w->actors[i];
  *ret = (struct world_process){
      .serial = (uint64_t)i + 1,
      .spawner = p->spawner == NOBODY ? 0 : (uint64_t)p->spawner + 1,
      .phase = p->state.phase,
      .daemon = p->daemon,
      .quiet = p->quiet,
      .stopped = p->stopped,
      .expected = p->expected,
      .joined = p->joined,
      .looked = p->looked,
      .exit_code = p->state.exit_code,
      .signal = p->state.signal,
      .failed = i > 0 && has_failed(p),
      .name = p->name,
      .where = p->where,
  };
}

uint32_t world_unjoined(const struct world *w) {
  uint32_t n = 0;
  for (uint32_t i = 1; i < w->actor_count; i++) {
    const struct world_actor *p = &w->actors[i];
    n += has_failed(p);
  }
  for (uint32_t k = 0; k < w->failure_count; k++)
    n += w->failures[k].counts && !w->failures[k].joined;
  return n;
}

int world_exit_status(const struct world *w) {
  enum { SIGNALLED = 128 };
  const struct process_state *main = &w->actors[0].state;
  if (main->phase == PHASE_ENDED && main->signal)
    return SIGNALLED + main->signal;
  if (main->phase == PHASE_ENDED && main->exit_code)
    return main->exit_code;
  return world_unjoined(w) ? WORLD_UNJOINED : 0;
}

/* -- ops ----------------------------------------------------------------------------------------
 */

/* Does the op's object exist? Those of a SELECT, too. */
static bool is_whole(const struct world *w, const struct request *r) {
  enum object_type type = op_describe(r->kind)->type;
  for (uint32_t k = 0; r->kind == OP_SELECT && k < r->sub_count; k++)
    if (!is_whole(w, &r->subs[k]))
      return false;
  if (r->object.type == OBJECT_NONE || type == OBJECT_CLOCK || type == OBJECT_NONE)
    return true;
  if (r->object.type == OBJECT_PROCESS)
    return type == OBJECT_PROCESS && world_actor_of(w, &r->object) != NOBODY;
  bool by_condition = r->object.type == OBJECT_CONDITION && type == OBJECT_LOCK;
  return (r->object.type == (uint32_t)type || by_condition) && world_find(w, &r->object);
}

/* Ops that are nothing without an object. */
static bool wants_object(enum op_kind kind) {
  switch (kind) {
  case OP_PROCESS_JOIN:
  case OP_PROCESS_SIGNAL:
  case OP_PROCESS_LOOK:
  case OP_PROCESS_DESCENDANTS:
  case OP_PROCESS_MAIL:
    return true;
#define NEW(type) case OP_##type##_NEW:
    NEW(QUEUE)
    NEW(PIPE)
    NEW(LOCK)
    NEW(SEMAPHORE)
    NEW(EVENT)
    NEW(CONDITION)
    NEW(BARRIER)
    NEW(VALUE)
    NEW(DICT)
    NEW(PROGRESS)
    NEW(RWLOCK)
    NEW(LATCH)
    NEW(ARRAY)
#undef NEW
    return false;
  default:
    break;
  }
  enum object_type type = op_describe(kind)->type;
  return type != OBJECT_PROCESS && type != OBJECT_CLOCK && type != OBJECT_NONE;
}

bool world_is_sound(const struct world *w, const struct request *r) {
  if (wants_object(r->kind) && r->object.type == OBJECT_NONE)
    return false;
  for (uint32_t k = 0; r->kind == OP_SELECT && k < r->sub_count; k++)
    if (!world_is_sound(w, &r->subs[k]))
      return false;
  return is_whole(w, r);
}

int world_ask(struct world *w, uint32_t i, const struct request *r) {
  w->actors[i].op = (struct world_op){.arrival = 0};
  if (!op_describe(r->kind)->blocks || !world_is_sound(w, r))
    return 0;
  if (r->kind == OP_SELECT)
    return world_select_ask(w, i, r);
  const struct sync_machine *m = sync_machine_of((enum object_type)r->object.type);
  if (!m || r->object.type == OBJECT_PIPE || r->kind == OP_CONDITION_WAIT ||
      r->kind == OP_BARRIER_WAIT)
    return 0;
  bool patient = r->deadline_ns == SBX_FOREVER;
  return world_place_add(w, world_target(w, r), i, r->kind, patient) ? 0 : -SBX_ENOMEM;
}

enum world_can world_can(struct world *w, uint32_t i, const struct request *r) {
  const struct world_row *row = world_row_of(r->kind);
  const struct world_actor *p = &w->actors[i];
  if (p->stopped || p->state.phase != PHASE_RUNNING)
    return WORLD_WAITS;
  if (!row->can || !world_is_sound(w, r))
    return WORLD_GOES;
  return row->can(w, i, r);
}

/* The op is over, if `rc` says so. */
static int after(struct world *w, uint32_t i, int rc) {
  if (rc == 0) {
    world_places_clear(w, i);
    w->actors[i].op = (struct world_op){.arrival = 0};
  }
  if (w->lost)
    world_collect(w);
  return rc;
}

int world_step(struct world *w, uint32_t i, const struct request *r, struct answer *ret) {
  *ret = (struct answer){0};
  if (!world_is_sound(w, r)) {
    ret->rc = -SBX_EGONE;
    return after(w, i, 0);
  }
  switch (world_can(w, i, r)) {
  case WORLD_GOES:
    return after(w, i, world_row_of(r->kind)->perform(w, i, r, ret));
  case WORLD_ENDS:
    return after(w, i, world_give_up(w, i, r, -SBX_ETIMEDOUT, ret));
  default:
    assert(false); /* it cannot take a step */
    return WORLD_GOES_ON;
  }
}

unsigned world_interrupts(const struct world *w, uint32_t i) { return w->actors[i].interrupts; }

unsigned world_take_interrupts(struct world *w, uint32_t i) {
  unsigned was = w->actors[i].interrupts;
  w->actors[i].interrupts = 0;
  return was;
}

int world_cancel(struct world *w, uint32_t i, const struct request *r, struct answer *ret) {
  *ret = (struct answer){0};
  ret->rc = -SBX_EINTERRUPTED;
  int rc = world_is_sound(w, r) ? world_give_up(w, i, r, -SBX_EINTERRUPTED, ret) : 0;
  return after(w, i, rc);
}

/* -- the clock ----------------------------------------------------------------------------------
 */

int64_t world_now(const struct world *w) { return w->now_ns; }

int64_t world_deadline(const struct world *w, uint32_t i, const struct request *r) {
  return w->actors[i].stopped ? SBX_FOREVER : world_asked_until(w, i, r);
}

int64_t world_asked_until(const struct world *w, uint32_t i, const struct request *r) {
  const struct world_actor *p = &w->actors[i];
  int64_t deadline_ns = op_describe(r->kind)->blocks ? r->deadline_ns : SBX_FOREVER;
  if (p->state.phase != PHASE_RUNNING || p->op.wait.step == CONDITION_RELOCK ||
      r->kind == OP_PROCESS_AWAIT)
    return SBX_FOREVER;
  /* It has timed out, and waits for the lock. */
  if (p->op.wait.step == CONDITION_AWAIT && w->options.merge_relock &&
      deadline_is_over(w, deadline_ns))
    return SBX_FOREVER;
  for (uint32_t k = 0; r->kind == OP_SELECT && k < r->sub_count; k++)
    if (r->subs[k].kind == OP_CLOCK_SLEEP && r->subs[k].deadline_ns < deadline_ns)
      deadline_ns = r->subs[k].deadline_ns;
  return deadline_ns;
}

void world_advance(struct world *w, int64_t now_ns) {
  assert(now_ns >= w->now_ns);
  w->now_ns = now_ns;
  if (w->options.merge_relock)
    world_condition_late(w);
}
