/*
 * tests/conformance/backend_sim.c - the simulator's world (src/sim/world.h) for the conformance suite;
 * see conformance.h.
 *
 * Main of the world makes the objects and the processes, and then only looks. A process that is told
 * something asks for it at once; when the driver listens, processes take steps, one after the other in
 * an order that is drawn, until nobody can go on. Time stands still unless the driver waits. Now and
 * then the world is written down and read again, which nobody may notice.
 *
 * The model knows that nobody overtakes a process that has waited for long (object/fair.h). The world
 * does not, so here those that have waited for long take their steps first.
 */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/snapshot.h"
#include "object/dict.h"
#include "object/fair.h"

/* Both have a `struct request` and a `struct answer`: here those of src/sim have other names. */
#define request sim_request
#define answer sim_answer
#include "sim/world.h"
#undef request
#undef answer

enum { SOON_NS = 2 * 1000 * 1000, MAIN = 0, WRONG = 9999, MESSAGE_MAX = 1 << 15 };

static struct world *w;
static const struct setup *setup;
static struct object_ref things[THINGS_MAX];
static uint64_t draws; /* what is chance here */
static uint64_t turns;

/* A request with its bytes. */
struct work {
  struct sim_request r;
  uint8_t key;
  uint8_t message[MESSAGE_MAX], expected[MESSAGE_MAX];
};

static struct worker {
  uint32_t number; /* in the world */
  bool opens;      /* it opens a mailbox first, to put into or to get from: see struct step */
  bool lives, busy, interrupted;
  bool waited; /* a step of its op is behind it */
  bool answered; /* the driver has not heard it yet */
  int64_t told_ns;
  uint64_t turn; /* it was told before those with a higher one */
  struct request told;
  struct work work, subs[SUBS_MAX];
  struct sim_request sub_requests[SUBS_MAX];
  struct answer answer;
} workers[PROCS_MAX];

static void check(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "sim: %s\n", what);
  abort();
}

static void release(struct sim_answer *a) {
  buf_release(&a->out);
  buf_release(&a->refs);
}

/* An op of main, which is over at once; the answer is to be released. */
static void do_by_main(const struct sim_request *r, struct sim_answer *ret) {
  check(world_ask(w, MAIN, r) == 0, "ask");
  check(world_step(w, MAIN, r, ret) == 0 && ret->rc == 0, op_describe(r->kind)->verb);
}

/* -- objects and processes ---------------------------------------------------------------------- */

static void make_thing(int i) {
  static const enum op_kind kinds[OBJECT_TYPES] = {
      [OBJECT_QUEUE] = OP_QUEUE_NEW,         [OBJECT_PIPE] = OP_PIPE_NEW,
      [OBJECT_LOCK] = OP_LOCK_NEW,           [OBJECT_SEMAPHORE] = OP_SEMAPHORE_NEW,
      [OBJECT_EVENT] = OP_EVENT_NEW,         [OBJECT_CONDITION] = OP_CONDITION_NEW,
      [OBJECT_BARRIER] = OP_BARRIER_NEW,     [OBJECT_VALUE] = OP_VALUE_NEW,
      [OBJECT_DICT] = OP_DICT_NEW,           [OBJECT_PROGRESS] = OP_PROGRESS_NEW, [OBJECT_LATCH] = OP_LATCH_NEW, [OBJECT_RWLOCK] = OP_RWLOCK_NEW, [OBJECT_ARRAY] = OP_ARRAY_NEW};
  const struct thing *t = &setup->things[i];
  struct sim_answer a;
  struct sim_request r = {.kind = kinds[t->type],
                          .max = t->max,
                          .transport = t->transport,
                          .redeliver = t->redeliver,
                          .sync = {.recursive = t->recursive, .action = t->action, .floats = t->floats, .count = t->count, .max = t->max}};
  if ((t->type == OBJECT_PIPE && t->other < i) || t->mail)
    return; /* made with the other; or by whoever asks for it */
  if (t->type == OBJECT_CONDITION)
    r.lock = things[t->other];
  do_by_main(&r, &a);
  things[i] = a.made;
  if (t->type == OBJECT_PIPE)
    things[t->other] = a.made_too;
}

/* The name of the processes in a place. */
static void name_place(char name[8], int proc) { snprintf(name, 8, "p%d", proc % PROCS_MAX); }

static void spawn(int proc) {
  struct worker *p = &workers[proc];
  char name[8];
  struct sim_request r = {.kind = OP_PROCESS_SPAWN, .name = name, .where = "conformance"};
  struct sim_answer a;
  name_place(name, proc);
  uint32_t number = world_count(w);
  do_by_main(&r, &a);
  *p = (struct worker){.number = number, .lives = true};
}

static void drop_by_main(struct object_ref ref) {
  struct sim_request r = {.kind = OP_HANDLE_RELEASE, .object = ref};
  struct sim_answer a;
  do_by_main(&r, &a);
}

static struct object_ref ref_of(int proc) {
  uint32_t number = workers[proc].number;
  return (struct object_ref){
      .type = OBJECT_PROCESS, .slot = number, .serial = (uint64_t)number + 1};
}

static void sim_begin(const struct setup *s) {
  draws = s->seed;
  setup = s;
  check(world_new(&(struct world_options){.seed = draws}, &w) == 0, "new");
  world_advance(w, NS_PER_SECOND); /* 0 is no time for the driver */
  for (int i = 0; i < s->thing_count; i++)
    make_thing(i);
  for (int p = 0; p < s->proc_count; p++)
    spawn(p);
  for (int i = 0; i < s->thing_count && s->dropped; i++)
    drop_by_main(things[i]);
}

static void sim_renew(int proc) {
  drop_by_main(ref_of(proc));
  spawn(proc);
}

static void sim_over(void) {
  world_free(w);
  w = NULL;
  memset(things, 0, sizeof things);
}

/* -- requests ----------------------------------------------------------------------------------- */

static int64_t deadline_of(enum patience patience) {
  return patience == POLL ? 0 : patience == TIMED ? world_now(w) + SOON_NS : SBX_FOREVER;
}

static void make_value(struct work *to, const struct request *r, const struct step *s) {
  to->r.has_value = true;
  to->r.number = is_array_op(s->kind)      ? r->many
                 : s->kind == OP_QUEUE_PUT ? is_brief(r)
                 : is_hand_op(s->kind)     ? hand_number(r, s->kind)
                                           : r->looked;
  if (is_array_op(s->kind)) {
    to->r.value = array_brings(r);
  } else if (r->is_number) {
    to->r.value = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)s->item};
  } else if (s->item) {
    message_make(s->item, to->message);
    to->r.data = to->message;
    to->r.len = message_len(s->item);
  }
  if (expects(s->kind) && r->expects_number) {
    to->r.expected = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)r->expected};
  } else if (expects(s->kind) && !r->expects_none) {
    message_make(r->expected, to->expected);
    to->r.expected_data = to->expected;
    to->r.expected_len = message_len(r->expected);
  }
}

static void make_request(struct work *to, const struct request *r, const struct step *s) {
  to->key = r->key;
  to->r = (struct sim_request){.kind = (enum op_kind)s->kind,
                               .deadline_ns = deadline_of(r->patience),
                               .wants_out = true,
                               .count = r->count,
                               .key = &to->key,
                               .key_len = 1,
                               .hash = r->key & 1,
                               .none = r->none};
  if (s->kind == OP_CLOCK_SLEEP)
    to->r.deadline_ns = r->patience == POLL ? 0 : world_now(w) + SOON_NS / 2;
  else
    to->r.object = names_process(s->kind) ? ref_of(s->thing) : things[s->thing];
  if (s->kind == OP_PROCESS_FIND) {
    name_place((char *)to->message, s->thing);
    to->r.data = to->message;
    to->r.len = strlen((char *)to->message);
    return;
  }
  make_value(to, r, s);
}

static void make_select(struct worker *p, const struct request *r) {
  for (uint32_t i = 0; i < r->sub_count; i++) {
    make_request(&p->subs[i], r, &r->subs[i]);
    p->sub_requests[i] = p->subs[i].r;
  }
  p->work.r = (struct sim_request){.kind = OP_SELECT,
                                   .deadline_ns = deadline_of(r->patience),
                                   .subs = p->sub_requests,
                                   .sub_count = r->sub_count};
}

static void make_opening(struct work *to, const struct step *s) {
  to->r = (struct sim_request){
      .kind = OP_PROCESS_MAIL, .object = ref_of(s->thing), .deadline_ns = SBX_FOREVER};
}

/* The mailbox is there: put into it, or get from it. */
static void go_on_with(struct worker *p, struct object_ref box) {
  struct step then = p->told.step;
  if (then.kind == OP_PROCESS_MAIL)
    then.kind = OP_QUEUE_PUT;
  p->opens = false;
  make_request(&p->work, &p->told, &then);
  p->work.r.object = box;
  check(world_ask(w, p->number, &p->work.r) == 0, "ask");
}

static bool is_mail(const struct step *s) {
  return s->kind == OP_PROCESS_MAIL || (s->kind == OP_QUEUE_GET && setup->things[s->thing].mail);
}

static void sim_tell(const struct request *r) {
  struct worker *p = &workers[r->proc];
  p->told = *r;
  p->told_ns = world_now(w);
  p->turn = ++turns;
  p->busy = true;
  p->waited = false;
  if (r->step.kind == DO_LEAVE)
    return; /* see sim_end */
  p->opens = is_mail(&r->step);
  if (p->opens)
    make_opening(&p->work, &r->step);
  else if (r->step.kind == OP_SELECT)
    make_select(p, r);
  else if (r->step.kind == DO_DROP)
    p->work.r =
        (struct sim_request){.kind = OP_HANDLE_RELEASE, .object = things[r->step.thing]};
  else
    make_request(&p->work, r, &r->step);
  check(world_ask(w, p->number, &p->work.r) == 0, "ask");
}

/* -- answers ------------------------------------------------------------------------------------ */

static uint64_t sum_of(const struct buf *all) {
  uint64_t sum = 0;
  for (size_t at = 0; at < all->len;) {
    const struct dict_entry *e = (const void *)(all->data + at);
    sum += entry_sum(*dict_key(e), e->number ? (uint64_t)dict_number(e, dict_message(e)).i
                                             : message_read(dict_message(e), e->len));
    at += dict_entry_size(e);
  }
  return sum;
}

static void read_look(const struct sim_answer *a, int kind, struct answer *ret) {
  switch (kind) {
  case OP_PROCESS_LOOK:
    ret->count = a->process.exit_code > 0 ? (uint64_t)a->process.exit_code : 0;
    ret->item = a->process.status;
    break;
  case OP_QUEUE_LOOK:
    ret->count = a->queue.len;
    ret->same = a->queue.closed;
    break;
  default:
    ret->count = a->sync.count;
    ret->item = a->sync.set;
  }
}

/* `kind` of what was done. */
static void read_answer(const struct sim_answer *a, int kind, struct answer *ret) {
  if (is_look(kind)) {
    read_look(a, kind, ret);
    return;
  }
  if (kind == OP_PROCESS_FIND) {
    ret->item = a->made.slot; /* main is 0 */
    return;
  }
  ret->count = a->count;
  ret->abandoned = a->abandoned;
  ret->same = a->same;
  ret->none = a->none;
  ret->is_number = a->value.kind == NUMBER_INTEGER;
  if (kind == OP_ARRAY_COPY)
    ret->item = elements_sum(a->out.data, a->out.len);
  else if (is_array_op(kind))
    ret->item = number_bits(&a->value);
  else if (kind == OP_DICT_ALL)
    ret->item = sum_of(&a->out);
  else if (ret->is_number)
    ret->item = (uint64_t)a->value.i;
  else
    ret->item = message_read(a->out.data, a->out.len);
  if (kind == OP_VALUE_CAS || kind == OP_DICT_CAS)
    ret->is_number = !a->same && !a->has_out && a->value.kind == NUMBER_INTEGER;
}

static void answered(struct worker *p, struct sim_answer *a) {
  const struct request *r = &p->told;
  int kind = r->step.kind;
  p->answer = (struct answer){.rc = a->rc, .number = a->number};
  if (kind == OP_PROCESS_MAIL && a->rc == -SBX_ECLOSED)
    p->answer.rc = -SBX_EGONE;
  if (kind == OP_SELECT)
    kind = a->number >= 0 ? r->subs[a->number].kind : OP_NONE;
  if (r->step.kind != DO_DROP)
    read_answer(a, kind, &p->answer);
  if (r->step.kind == OP_CLOCK_SLEEP && a->rc == 0 && world_now(w) < p->work.r.deadline_ns)
    p->answer.rc = WRONG;
  if (r->many > 1 && !is_array_op(kind)) { /* a run: the simulator does one */
    p->answer.number = 1;
    p->answer.item = run_item(0, p->answer.item);
    p->answer.abandoned = false;
  }
  if (r->step.kind != DO_DROP)
    answer_trim(&p->answer, r);
  else
    p->answer = (struct answer){.rc = 0};
  p->busy = false;
  p->answered = true;
  release(a);
}

/* -- steps -------------------------------------------------------------------------------------- */

static void save_and_load(void) {
  struct buf bytes = {0}, again = {0};
  check(world_save(w, &bytes) == 0 && world_load(w, bytes.data, bytes.len) == 0, "load");
  check(world_save(w, &again) == 0 && again.len == bytes.len &&
            memcmp(again.data, bytes.data, bytes.len) == 0,
        "not the same bytes");
  buf_release(&bytes);
  buf_release(&again);
}

static void take_step(struct worker *p) {
  struct sim_answer a;
  int rc = world_step(w, p->number, &p->work.r, &a);
  check(rc >= 0, "step");
  if (rc == 0 && a.rc == 0 && p->opens) {
    go_on_with(p, a.made);
    release(&a);
  } else if (rc == 0) {
    answered(p, &a);
  } else { /* it waits from now on, maybe in another line */
    release(&a);
    p->waited = true;
    p->told_ns = world_now(w);
    p->turn = ++turns;
  }
  if (draw(&draws, 4) == 0)
    save_and_load();
}

static bool can_step(const struct worker *p) {
  return p->lives && p->busy && p->told.step.kind != DO_LEAVE &&
         world_can(w, p->number, &p->work.r) != WORLD_WAITS;
}

static bool is_due(const struct worker *p) { return fair_is_due(p->told_ns, world_now(w)); }

/* The one that has waited for longest, if that is long; else any. NULL: nobody can go on. */
static struct worker *pick(void) {
  struct worker *found = NULL;
  uint64_t n = 0;
  for (int i = 0; i < setup->proc_count; i++) {
    struct worker *p = &workers[i];
    if (!can_step(p))
      continue;
    if (is_due(p) && (n != UINT64_MAX || p->turn < found->turn)) {
      found = p;
      n = UINT64_MAX;
    } else if (n != UINT64_MAX && draw(&draws, ++n) == 0) {
      found = p;
    }
  }
  return found;
}

/* One that is interrupted where it waits; in the middle of a wait it may be so although it could go
 * on. */
static bool interrupt_one(void) {
  for (int i = 0; i < setup->proc_count; i++) {
    struct worker *p = &workers[i];
    struct sim_answer a;
    if (!p->lives || !p->busy || !p->interrupted || p->told.step.kind == DO_LEAVE ||
        (can_step(p) && !(p->waited && p->told.step.kind == OP_CONDITION_WAIT)))
      continue;
    p->interrupted = false;
    check(world_cancel(w, p->number, &p->work.r, &a) == 0, "cancel");
    answered(p, &a);
    return true;
  }
  return false;
}

/* Whoever is interrupted in the wait for a condition takes the lock, if it is free: so not before one that is due to have it. */
static void go_on(void) {
  struct worker *p;
  do
    while ((p = pick()))
      if (is_due(p) || draw(&draws, 2) == 0 || !interrupt_one())
        take_step(p);
  while (interrupt_one());
}

static bool sim_hear(int proc, int64_t patience_ns, int *ret_proc, struct answer *ret) {
  for (int times = 0; times < 2; times++) {
    go_on();
    for (int p = 0; p < setup->proc_count; p++)
      if (workers[p].answered && (proc < 0 || proc == p)) {
        workers[p].answered = false;
        *ret_proc = p;
        *ret = workers[p].answer;
        return true;
      }
    if (patience_ns == 0)
      break;
    world_advance(w, world_now(w) + patience_ns);
  }
  return false;
}

static enum op_kind sim_waits(int proc) {
  static const struct sim_request *asked[1 << 16];
  const struct worker *p = &workers[proc];
  struct snapshot s;
  if (!p->lives || !p->busy || p->told.step.kind == DO_LEAVE)
    return OP_NONE;
  asked[p->number] = &p->work.r;
  check(world_look(w, asked, NULL, &s) == 0, "look");
  asked[p->number] = NULL;
  const struct snapshot_op *op = &s.processes[p->number].op;
  enum op_kind kind = op->steady ? op->kind : OP_NONE;
  snapshot_release(&s);
  return kind;
}

static void sim_interrupt(int proc) {
  struct worker *p = &workers[proc];
  struct sim_request r = {
      .kind = OP_PROCESS_SIGNAL, .object = ref_of(proc), .number = SIGNAL_INTERRUPT};
  struct sim_answer a;
  do_by_main(&r, &a);
  p->interrupted |= world_take_interrupts(w, p->number) != 0;
}

/* What is told to leave does it to the end. */
static void leave(struct worker *p) {
  struct sim_request await = {.kind = OP_PROCESS_AWAIT, .number = p->told.count == 0, .deadline_ns = SBX_FOREVER};
  struct sim_request end = {.kind = OP_PROCESS_END, .exit_code = (int)p->told.count};
  struct sim_answer a;
  uint64_t item = p->told.step.item;
  message_make(item, p->work.message);
  end.has_result = item != 0;
  end.data = p->work.message;
  end.len = message_len(item);
  check(world_ask(w, p->number, &await) == 0, "ask");
  check(world_step(w, p->number, &await, &a) == 0, "await");
  check(world_step(w, p->number, &end, &a) == 0 && a.rc == 0, "end");
  world_exit(w, p->number, end.exit_code, 0);
}

static void sim_end(int proc, enum end how) {
  struct worker *p = &workers[proc];
  if (how == END_LEFT)
    leave(p);
  else
    world_exit(w, p->number, 0, SIGNAL_KILL);
  p->lives = p->busy = false;
}

/* -- what is seen ------------------------------------------------------------------------------- */

static uint64_t proc_with(uint64_t serial) {
  for (int p = 0; p < setup->proc_count; p++)
    if (workers[p].lives && (uint64_t)workers[p].number + 1 == serial)
      return 1 + (uint64_t)p;
  return 0;
}

static bool look_by_main(enum op_kind kind, struct object_ref ref, struct sim_answer *ret) {
  struct sim_request r = {.kind = kind, .object = ref};
  check(world_ask(w, MAIN, &r) == 0 && world_step(w, MAIN, &r, ret) == 0, "look");
  return ret->rc == 0;
}

static bool sim_look(int thing, struct look *ret) {
  static const enum op_kind kinds[OBJECT_TYPES] = {
      [OBJECT_QUEUE] = OP_QUEUE_LOOK,         [OBJECT_PIPE] = OP_PIPE_LOOK,
      [OBJECT_LOCK] = OP_LOCK_LOOK,           [OBJECT_SEMAPHORE] = OP_SEMAPHORE_LOOK,
      [OBJECT_EVENT] = OP_EVENT_LOOK,         [OBJECT_CONDITION] = OP_CONDITION_LOOK,
      [OBJECT_BARRIER] = OP_BARRIER_LOOK,     [OBJECT_VALUE] = OP_VALUE_LOOK,
      [OBJECT_DICT] = OP_DICT_LOOK,           [OBJECT_PROGRESS] = OP_PROGRESS_LOOK, [OBJECT_LATCH] = OP_LATCH_LOOK, [OBJECT_RWLOCK] = OP_RWLOCK_LOOK, [OBJECT_ARRAY] = OP_ARRAY_LOOK};
  struct sim_answer a;
  *ret = (struct look){0};
  if (thing < 0) {
    check(look_by_main(OP_PROCESS_LOOK, ref_of(-1 - thing), &a), "a process is unknown");
    ret->number = a.process.status;
    ret->count = a.process.exit_code > 0 ? (uint64_t)a.process.exit_code : 0;
    return true;
  }
  enum object_type type = setup->things[thing].type;
  if (setup->dropped || !look_by_main(kinds[type], things[thing], &a))
    return false;
  if (type == OBJECT_QUEUE || type == OBJECT_PIPE) {
    ret->count = a.queue.len;
    ret->closed = a.queue.closed;
    return true;
  }
  ret->waiting = a.sync.waiting;
  ret->number = a.sync.set;
  ret->count = a.sync.count;
  if (type == OBJECT_LOCK || type == OBJECT_VALUE || type == OBJECT_DICT)
    ret->number = proc_with(a.sync.holder);
  if (type == OBJECT_LOCK)
    ret->count = ret->number ? a.sync.depth : 0;
  return true;
}

static void sim_pass(int64_t ns) { world_advance(w, world_now(w) + ns); }

static int64_t sim_now(void) { return world_now(w); }

const struct conformance_backend sim_conformance = {.name = "sim",
                                                    .begin = sim_begin,
                                                    .renew = sim_renew,
                                                    .tell = sim_tell,
                                                    .hear = sim_hear,
                                                    .waits = sim_waits,
                                                    .interrupt = sim_interrupt,
                                                    .end = sim_end,
                                                    .look = sim_look,
                                                    .pass = sim_pass,
                                                    .now = sim_now,
                                                    .over = sim_over};
