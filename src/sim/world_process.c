/* sim/world_process.c - processes and failures; see world_internal.h. */
#include <stdio.h>

#include "base/text.h"
#include "sim/world_internal.h"

/* -- spawn --------------------------------------------------------------------------------------
 */

int world_add_actor(struct world *w, uint32_t spawner, uint32_t *ret) {
  int rc = world_grow(&w->actors, &w->actor_cap, w->actor_count, sizeof *w->actors);
  if (rc == 0)
    rc = world_grow_grids(w);
  if (rc)
    return rc;
  struct world_actor *p = &w->actors[w->actor_count];
  struct buf result = p->result, report = p->report;
  *p = (struct world_actor){.spawner = spawner, .state = {.phase = PHASE_RUNNING}};
  p->result = result;
  p->report = report;
  p->result.len = p->report.len = 0;
  *ret = w->actor_count++;
  return 0;
}

static uint32_t *row(const struct world_grid *g, uint32_t i) {
  return &g->cells[(size_t)i * g->columns];
}

/* The child has what its parent has, and both can use it from now on. */
static void share_handles(struct world *w, uint32_t from, uint32_t to) {
  memcpy(row(&w->held, to), row(&w->held, from), w->held.columns * sizeof(uint32_t));
  memcpy(row(&w->known, to), row(&w->known, from), w->known.columns * sizeof(uint32_t));
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    if (row(&w->held, from)[slot])
      w->objects[slot].unshared = false;
}

int world_process_spawn(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t child;
  if (w->actors[i].depth + 1 > NESTED_MAX)
    a->rc = -SBX_EDEPTH;
  else if (r->stdin_too && !w->actors[i].has_stdin)
    a->rc = -SBX_ESTDIN;
  else if (w->actor_count >= PROCESSES_MAX)
    a->rc = -SBX_ERECORDS;
  if (a->rc)
    return 0;
  int rc = world_add_actor(w, i, &child);
  if (rc)
    return rc;
  struct world_actor *p = &w->actors[child], *me = &w->actors[i];
  p->depth = me->depth + 1;
  p->daemon = r->daemon;
  p->quiet = r->quiet;
  p->has_stdin = r->stdin_too;
  me->has_stdin &= !r->stdin_too;
  text_copy_name(p->name, sizeof p->name, r->name ? r->name : "");
  text_copy(p->where, sizeof p->where, r->where ? r->where : "");
  share_handles(w, i, child);
  a->number = 1;
  a->made = world_actor_ref(child);
  world_hold(w, i, &a->made);
  return 0;
}

/* -- the end ------------------------------------------------------------------------------------
 */

bool world_badly(const struct world_actor *p) {
  return p->state.phase >= PHASE_EXITED && (p->state.signal || p->state.exit_code);
}

bool world_pending(const struct world_actor *p) {
  return world_badly(p) && !p->quiet && !p->looked && !(p->state.signal && p->expected);
}

/* From now on nobody can send to it. */
static void close_mail(struct world *w, struct world_actor *p) {
  if (p->mail_serial)
    w->objects[p->mail].queue.closed = 1;
}

int world_process_finish(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_actor *p = &w->actors[i];
  int rc = 0;
  (void)a;
  world_leave(w, i, r->exit_code ? END_FAILED : END_WELL);
  world_queue_leave(w, i, r->exit_code == 0);
  p->result.len = p->report.len = 0;
  if (r->has_result && r->len > 0) {
    rc = buf_append(&p->result, r->refs, r->ref_count * sizeof *r->refs);
    if (rc == 0)
      rc = buf_append(&p->result, r->data, r->len);
    p->has_result = true;
    p->result_refs = r->ref_count;
    w->stored_refs += r->ref_count;
    world_share(w, r->refs, r->ref_count);
  }
  if (rc == 0 && r->report) {
    rc = buf_append(&p->report, r->report, r->report_len);
    p->has_report = true;
  }
  process_exit(&p->state, r->exit_code);
  close_mail(w, p);
  return rc;
}

static void let_go(struct world *w, uint32_t i) {
  memset(row(&w->held, i), 0, w->held.columns * sizeof(uint32_t));
  memset(row(&w->known, i), 0, w->known.columns * sizeof(uint32_t));
  world_empty_hands(w, i);
  world_queue_leave(w, i, false);
  world_places_clear(w, i);
  w->actors[i].op = (struct world_op){.arrival = 0};
  close_mail(w, &w->actors[i]);
  w->actors[i].mail_serial = 0;
  w->actors[i].mail = 0;
  w->actors[i].stopped = false;
  w->actors[i].interrupts = 0;
  w->lost = true;
}

void world_kill(struct world *w, uint32_t i) {
  w->actors[i].expected = true;
  world_exit(w, i, 0, SIGNAL_KILL);
}

void world_exit(struct world *w, uint32_t i, int exit_code, int signal) {
  struct world_actor *p = &w->actors[i];
  if (!actor_lives(p))
    return;
  p->state.exit_code = exit_code;
  process_end(&p->state, signal);
  process_canonical(&p->state);
  let_go(w, i);
  for (uint32_t k = 0; k < w->actor_count; k++)
    if (actor_lives(&w->actors[k]) &&
        (i == 0 || (w->actors[k].spawner == i && w->actors[k].daemon)))
      world_kill(w, k);
  world_collect(w);
}

/* -- join ---------------------------------------------------------------------------------------
 */

enum world_can world_join_can(struct world *w, uint32_t i, const struct request *r) {
  uint32_t target = world_actor_of(w, &r->object);
  return world_if(w, r, target == i || process_enabled(&w->actors[target].state, r->kind));
}

int world_process_join(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t target = world_actor_of(w, &r->object);
  struct world_actor *p = &w->actors[target];
  if (target == i) {
    a->rc = -SBX_ESELF;
    return 0;
  }
  if (r->number)
    return 0;
  p->joined = true;
  if (!r->wants_out || !p->has_result)
    return 0;
  size_t refs = p->result_refs * sizeof(struct object_ref);
  a->has_out = true;
  int rc = buf_append(&a->out, p->result.data + refs, p->result.len - refs);
  return rc ? rc : world_take_refs(w, i, p->result.data, p->result_refs, a);
}

/* -- mailboxes, names ---------------------------------------------------------------------------
 */

int world_process_mail(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t target = world_actor_of(w, &r->object), slot;
  struct world_actor *p = &w->actors[target];
  if (p->state.phase != PHASE_RUNNING) {
    a->rc = -SBX_EGONE;
    return 0;
  }
  if (p->mail_serial) {
    a->made = world_ref(w, p->mail);
    world_hold(w, i, &a->made);
    return 0;
  }
  char name[NAME_MAX_BYTES + 8];
  snprintf(name, sizeof name, "mail of %s", p->name);
  int rc = world_make(w, i, OBJECT_QUEUE, name, &slot);
  if (rc)
    return rc;
  w->objects[slot].owner = (uint64_t)target + 1;
  p->mail = slot;
  p->mail_serial = w->objects[slot].serial;
  a->made = world_ref(w, slot);
  return 0;
}

/* The number of the oldest process that runs and has the name; NOBODY: there is none. */
static uint32_t named(const struct world *w, const struct request *r) {
  char name[NAME_MAX_BYTES];
  snprintf(name, sizeof name, "%.*s", (int)r->len, (const char *)r->data);
  for (uint32_t i = 0; i < w->actor_count; i++)
    if (w->actors[i].state.phase == PHASE_RUNNING && strcmp(w->actors[i].name, name) == 0)
      return i;
  return NOBODY;
}

enum world_can world_find_can(struct world *w, uint32_t i, const struct request *r) {
  (void)i;
  return world_if(w, r, named(w, r) != NOBODY);
}

int world_process_find(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  a->made = world_actor_ref(named(w, r));
  world_hold(w, i, &a->made);
  return 0;
}

/* -- others -------------------------------------------------------------------------------------
 */

int world_process_signal(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t target = world_actor_of(w, &r->object);
  struct world_actor *p = &w->actors[target];
  (void)i;
  (void)a;
  if (!actor_lives(p))
    return 0;
  switch (r->number) {
  case SIGNAL_KILL:
  case SIGNAL_TERMINATE:
    p->expected = true;
    world_exit(w, target, 0, r->number);
    break;
  case SIGNAL_INTERRUPT: /* one that is paused must get it, too */
    p->expected = true;
    p->interrupts |= INTERRUPT_ONE;
    p->stopped = false;
    break;
  case SIGNAL_PAUSE:
  case SIGNAL_RESUME:
    p->stopped = r->number == SIGNAL_PAUSE;
    break;
  default:
    a->rc = -SBX_ESYSTEM;
  }
  return 0;
}

int world_process_look(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t target = world_actor_of(w, &r->object);
  const struct world_actor *p = &w->actors[target];
  bool lives = actor_lives(p);
  (void)i;
  a->process = (struct process_info){
      .status = lives && p->stopped ? PROCESS_STOPPED : process_status_of(&p->state),
      .pid = (int64_t)target + 1,
      .id = target + 1,
      .exit_code = lives || p->state.signal ? -1 : p->state.exit_code,
      .signal = lives ? 0 : p->state.signal,
      .daemon = p->daemon,
      .expected = p->expected,
      .has_result = p->has_result};
  memcpy(a->process.name, p->name, sizeof p->name);
  memcpy(a->process.spawned_at, p->where, sizeof p->where);
  return 0;
}

int world_process_parent(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)r;
  if (w->actors[i].spawner == NOBODY) {
    a->rc = -SBX_EGONE;
    return 0;
  }
  a->made = world_actor_ref(w->actors[i].spawner);
  world_hold(w, i, &a->made);
  return 0;
}

static bool descends(const struct world *w, uint32_t i, uint32_t above) {
  while (i != NOBODY && (i = w->actors[i].spawner) != NOBODY)
    if (i == above)
      return true;
  return false;
}

/* The living processes right below `above`, or anywhere below it. */
static int list(struct world *w, uint32_t i, uint32_t above, bool all, struct answer *a) {
  int rc = 0;
  for (uint32_t k = 0; k < w->actor_count && rc == 0; k++) {
    const struct object_ref ref = world_actor_ref(k);
    if (!actor_lives(&w->actors[k]) ||
        !(all ? descends(w, k, above) : w->actors[k].spawner == above))
      continue;
    world_hold(w, i, &ref);
    rc = buf_append(&a->refs, &ref, sizeof ref);
  }
  return rc;
}

int world_process_children(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)r;
  return list(w, i, i, false, a);
}

int world_process_descendants(struct world *w, uint32_t i, const struct request *r,
                              struct answer *a) {
  return list(w, i, world_actor_of(w, &r->object), true, a);
}

/* -- await --------------------------------------------------------------------------------------
 *
 * First the process gives up what it has in its hands, as its code is at its end: a step of its own,
 * if there is any. Then it waits for its children.
 */

static bool has_children(const struct world *w, uint32_t i) {
  for (uint32_t k = 0; k < w->actor_count; k++)
    if (w->actors[k].spawner == i && !w->actors[k].daemon && actor_lives(&w->actors[k]))
      return true;
  return false;
}

enum world_can world_await_can(struct world *w, uint32_t i, const struct request *r) {
  bool goes = !has_children(w, i) || world_would_leave(w, i, END_OF_CODE) ||
              (r->number && world_has_in_hand(w, i));
  return goes ? WORLD_GOES : WORLD_WAITS;
}

int world_process_await(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)a;
  world_leave(w, i, END_OF_CODE);
  if (r->number)
    world_queue_leave(w, i, true);
  if (has_children(w, i))
    return WORLD_GOES_ON;
  for (uint32_t k = 0; k < w->actor_count; k++)
    if (w->actors[k].spawner == i && actor_lives(&w->actors[k]))
      world_kill(w, k);
  return 0;
}

/* -- failures of tasks --------------------------------------------------------------------------
 */

static struct world_failure *failure_of(const struct world *w, const struct object_ref *ref) {
  bool is = ref->type == OBJECT_PROCESS && ref->slot >= FAILURE_SLOT &&
            ref->slot - FAILURE_SLOT < w->failure_count;
  return is ? &w->failures[ref->slot - FAILURE_SLOT] : NULL;
}

int world_failure_new(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  int rc = world_grow(&w->failures, &w->failure_cap, w->failure_count, sizeof *w->failures);
  (void)i;
  if (rc)
    return rc;
  uint32_t n = w->failure_count++;
  struct world_failure *f = &w->failures[n];
  struct buf report = f->report;
  *f = (struct world_failure){.order = r->order, .report = report};
  f->report.len = 0;
  a->made = (struct object_ref){
      .type = OBJECT_PROCESS, .slot = FAILURE_SLOT + n, .serial = FAILURE_SERIAL + n};
  return buf_append(&f->report, r->report, r->report_len);
}

int world_failure_count(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_failure *f = failure_of(w, &r->ref);
  (void)i;
  (void)a;
  if (f)
    f->counts = true;
  return 0;
}

int world_failure_join(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_failure *f = failure_of(w, &r->ref);
  uint32_t process = world_actor_of(w, &r->ref);
  (void)i;
  (void)a;
  if (f)
    f->joined = true;
  else if (process != NOBODY)
    w->actors[process].joined = true;
  return 0;
}

int world_failure_look(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct world_failure *f = failure_of(w, &r->ref);
  uint32_t process = world_actor_of(w, &r->ref);
  (void)i;
  (void)a;
  if (f)
    f->looked = true;
  else if (process != NOBODY)
    w->actors[process].looked = true;
  w->lost = true;
  return 0;
}
