/* tests/conformance/model.c - see model.h. */
#include "model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "laws.h"
#include "object/array.h"
#include "object/contents.h"
#include "object/dict.h"
#include "object/fair.h"
#include "object/lock.h"
#include "object/pipe.h"
#include "object/value.h"

enum { CROWD = 6000, WAITS = 1000 };

static bool asked_the_time; /* since the last time that all was followed: what follows may change */

static void must(int rc) {
  if (rc)
    abort(); /* out of memory */
}

/* -- states ------------------------------------------------------------------------------------ */

static struct model_state *state_copy(const struct model_state *s) {
  struct model_state *c = malloc(sizeof *c);
  if (!c)
    abort();
  *c = *s;
  for (int i = 0; i < THINGS_MAX; i++) {
    c->things[i].contents = c->things[i].hands = (struct buf){0};
    if (s->things[i].hands.len)
      must(buf_append(&c->things[i].hands, s->things[i].hands.data, s->things[i].hands.len));
    if (s->things[i].contents.len)
      must(buf_append(&c->things[i].contents, s->things[i].contents.data,
                      s->things[i].contents.len));
  }
  c->key = (struct buf){0};
  return c;
}

static void state_free(struct model_state *s) {
  for (int i = 0; i < THINGS_MAX; i++) {
    buf_release(&s->things[i].contents);
    buf_release(&s->things[i].hands);
  }
  buf_release(&s->key);
  free(s);
}

static bool lives(const struct model_proc *p) { return p->life.phase == PHASE_RUNNING; }

static bool stands(const struct model_proc *p, int thing) {
  return lives(p) && p->ticket && (p->lines >> thing & 1);
}

/* -- the world that the machines ask --------------------------------------------------------------
 */

struct view {
  const struct model *m;
  struct model_state *s;
  int thing, proc;
};

static bool view_gone(void *ctx, uint64_t who) {
  const struct view *v = ctx;
  for (int i = 0; i < v->m->setup->proc_count; i++)
    if (v->s->procs[i].who == who)
      return !lives(&v->s->procs[i]);
  return true; /* another has its place */
}

/* Does it wait in the second line of the thing? */
static bool is_second(const struct view *v, int proc) {
  const struct sync_machine *machine = sync_machine_of(v->m->setup->things[v->thing].type);
  int kind = v->m->requests[proc].step.kind;
  return machine && kind < OP_COUNT && sync_is_second(machine, (enum op_kind)kind);
}

static uint64_t view_next(const struct view *v, uint64_t after) {
  uint64_t next = 0;
  for (int i = 0; i < v->m->setup->proc_count; i++) {
    const struct model_proc *p = &v->s->procs[i];
    if (stands(p, v->thing) && !is_second(v, i) && p->ticket > after && (next == 0 || p->ticket < next))
      next = p->ticket;
  }
  return next;
}

static uint64_t view_nth(void *ctx, uint64_t after, uint64_t n) {
  uint64_t last = 0, next;
  for (; n > 0 && (next = view_next(ctx, after)); n--)
    last = after = next;
  return last;
}

static uint64_t view_count(void *ctx, uint64_t after) {
  uint64_t n = 0;
  while ((after = view_next(ctx, after)))
    n++;
  return n;
}

static uint64_t view_first(void *ctx, bool second) {
  const struct view *v = ctx;
  uint64_t first = 0;
  for (int i = 0; i < v->m->setup->proc_count; i++) {
    const struct model_proc *p = &v->s->procs[i];
    if (stands(p, v->thing) && is_second(v, i) == second && (first == 0 || p->ticket < first))
      first = p->ticket;
  }
  return first;
}

static uint64_t count_second(const struct view *v) {
  uint64_t n = 0;
  for (int i = 0; i < v->m->setup->proc_count; i++)
    n += stands(&v->s->procs[i], v->thing) && is_second(v, i);
  return n;
}

static uint64_t view_newest(void *ctx) { return ((struct view *)ctx)->s->newest; }

static void enter_line(struct model_state *s, int proc, int thing) {
  struct model_proc *p = &s->procs[proc];
  if (p->lines == 0)
    p->ticket = ++s->newest;
  p->lines |= UINT64_C(1) << thing;
}

static void leave_line(struct model_proc *p, int thing) {
  p->lines &= ~(UINT64_C(1) << thing);
  if (p->lines == 0)
    p->ticket = 0;
}

static uint64_t view_enter(void *ctx) {
  struct view *v = ctx;
  enter_line(v->s, v->proc, v->thing);
  return v->s->procs[v->proc].ticket;
}

static bool view_outsiders(void *ctx) {
  const struct view *v = ctx;
  if (!v->m->setup->dropped)
    return true; /* the maker could come */
  for (int i = 0; i < v->m->setup->proc_count; i++) {
    const struct model_proc *p = &v->s->procs[i];
    bool for_ever = stands(p, v->thing) && v->m->requests[i].patience == PATIENT;
    if (lives(p) && (p->holds >> v->thing & 1) && !for_ever)
      return true;
  }
  return false;
}

static const struct sync_world_ops view_ops = {.gone = view_gone,
                                               .nth = view_nth,
                                               .count = view_count,
                                               .first = view_first,
                                               .newest = view_newest,
                                               .enter = view_enter,
                                               .outsiders = view_outsiders};

#define WORLD(view) (&(struct sync_world){.ops = &view_ops, .ctx = (view)})

/* -- the canonical form
 * ---------------------------------------------------------------------------- */

static void add_word(struct buf *b, uint64_t word) { must(buf_append(b, &word, sizeof word)); }

static uint64_t rank_of(const struct model *m, const struct model_state *s, int proc) {
  uint64_t rank = 1, mine = s->procs[proc].ticket;
  for (int i = 0; i < m->setup->proc_count; i++)
    rank += lives(&s->procs[i]) && s->procs[i].ticket && s->procs[i].ticket < mine;
  return mine ? rank : 0;
}

static void key_thing(const struct model *m, struct model_state *s, int i, struct buf *key) {
  struct model_thing *t = &s->things[i];
  const struct sync_machine *machine = sync_machine_of(m->setup->things[i].type);
  uint64_t words[SYNC_WORDS];
  struct queue_state q = t->queue;
  memcpy(words, t->words, sizeof words);
  if (machine) {
    machine->canonical(words, WORLD((&(struct view){.m = m, .s = s, .thing = i})));
    must(buf_append(key, words, sizeof words));
  }
  queue_canonical(&q);
  must(buf_append(key, &q, sizeof q));
  add_word(key, t->hands.len);
  if (t->hands.len)
    must(buf_append(key, t->hands.data, t->hands.len));
  add_word(key, t->contents.len);
  if (t->contents.len)
    must(buf_append(key, t->contents.data, t->contents.len));
}

static void key_proc(const struct model *m, const struct model_state *s, int i, struct buf *key) {
  const struct model_proc *p = &s->procs[i];
  struct process_state life = p->life;
  process_canonical(&life);
  add_word(key, (uint64_t)p->stage << 8 | (uint64_t)p->interrupted << 4 | p->scan.last);
  add_word(key, (uint64_t)life.phase << 32 | (uint32_t)life.exit_code);
  add_word(key,
           (uint64_t)life.signal << 32 | (uint64_t)p->condition.step << 16 | (uint64_t)p->scan.at);
  add_word(key, (uint64_t)p->condition.result);
  add_word(key, p->levels);
  add_word(key, p->arrival);
  add_word(key, p->result);
  add_word(key, p->lines);
  add_word(key, p->lingers);
  add_word(key, p->holds);
  add_word(key, rank_of(m, s, i));
  must(buf_append(key, &p->answer, sizeof p->answer));
}

static void make_key(const struct model *m, struct model_state *s) {
  s->key.len = 0;
  add_word(&s->key, 0);
  for (int i = 0; i < m->setup->thing_count; i++)
    key_thing(m, s, i, &s->key);
  for (int i = 0; i < m->setup->proc_count; i++)
    key_proc(m, s, i, &s->key);
  uint64_t hash = 0;
  for (size_t i = 8; i + 8 <= s->key.len; i += 8) {
    uint64_t word;
    memcpy(&word, s->key.data + i, 8);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
  }
  memcpy(s->key.data, &hash, sizeof hash);
}

/* Takes the state. */
static void add(struct model *m, struct model_state *s) {
  make_key(m, s);
  for (uint32_t i = 0; i < m->count; i++)
    if (m->states[i]->key.len == s->key.len &&
        memcmp(m->states[i]->key.data, s->key.data, s->key.len) == 0) {
      state_free(s);
      return;
    }
  if (m->count == m->cap) {
    m->cap = m->cap ? 2 * m->cap : 64;
    if (!(m->states = realloc(m->states, m->cap * sizeof(void *))))
      abort();
  }
  m->states[m->count++] = s;
}

/* Make all keys again, and drop what has become the same. */
static void add_all_again(struct model *m) {
  uint32_t n = m->count;
  m->closed = false;
  m->count = 0;
  for (uint32_t i = 0; i < n; i++)
    add(m, m->states[i]);
}

static bool keep_if(struct model *m,
                    bool (*fits)(const struct model *, struct model_state *, int, const void *),
                    int number, const void *arg) {
  uint32_t kept = 0;
  while (kept < m->count && !fits(m, m->states[kept], number, arg))
    kept++;
  if (kept == m->count)
    return false; /* they stay, for the report */
  uint32_t before = m->count;
  kept = 0;
  for (uint32_t i = 0; i < m->count; i++)
    if (fits(m, m->states[i], number, arg))
      m->states[kept++] = m->states[i];
    else
      state_free(m->states[i]);
  m->count = kept;
  m->closed = m->closed && kept == before;
  return true;
}

/* -- what is looked at
 * ------------------------------------------------------------------------------ */

/* One look of a process: an op of one object. */
struct model_look {
  int kind, thing;
  enum patience patience;
  bool sub; /* of a select: when it cannot be done, nothing happens */
  bool more; /* of a run, and not its first */
  uint64_t item;
  uint64_t count;
};

/* The object that an op is done to: of a condition's lock, the lock. */
static int thing_of(const struct model *m, const struct step *step) {
  const struct thing *t = &m->setup->things[step->thing];
  if ((step->kind == OP_LOCK_ACQUIRE || step->kind == OP_LOCK_RELEASE) &&
      t->type == OBJECT_CONDITION)
    return t->other;
  return step->thing;
}

static struct model_look look_of(const struct model *m, const struct model_state *s, int proc) {
  const struct request *r = &m->requests[proc];
  const struct model_proc *p = &s->procs[proc];
  const struct step *step = r->step.kind == OP_SELECT ? &r->subs[p->scan.at] : &r->step;
  bool process = names_process(step->kind) || step->kind == OP_PROCESS_FIND;
  struct model_look l = {.kind = step->kind,
                         .thing = process ? step->thing : thing_of(m, step),
                         .patience = r->patience,
                         .sub = r->step.kind == OP_SELECT,
                         .item = step->item,
                         .count = r->count};
  if (step->kind == OP_CONDITION_WAIT) {
    enum condition_step at = p->condition.step;
    l.kind = (int)condition_step_kind(at);
    if (l.kind != OP_CONDITION_WAIT)
      l.thing = m->setup->things[step->thing].other;
    if (at == CONDITION_UNLOCK)
      l.count = UINT64_MAX;
    if (at == CONDITION_RELOCK || at == CONDITION_TRY_RELOCK)
      l.count = p->levels;
    if (at != CONDITION_AWAIT)
      l.patience = at == CONDITION_TRY_RELOCK ? POLL : PATIENT;
  }
  return l;
}

static enum object_type type_of(const struct model_look *l) {
  return l->kind >= OP_COUNT ? OBJECT_NONE : op_describe((enum op_kind)l->kind)->type;
}

static struct sync_step step_of(const struct model_state *s, int proc, const struct model_look *l,
                                struct op *op) {
  const struct model_proc *p = &s->procs[proc];
  return (struct sync_step){.kind = (enum op_kind)l->kind,
                            .op = op,
                            .who = p->who,
                            .ticket = p->lines >> l->thing & 1 ? p->ticket : 0,
                            .patient = l->patience == PATIENT && !l->sub,
                            .count = l->kind == OP_BARRIER_WAIT ? p->arrival : l->count};
}

/* Could somebody else send to this end? */
static bool has_peer(const struct model *m, const struct model_state *s, int proc, int end) {
  if (!m->setup->dropped)
    return true;
  for (int i = 0; i < m->setup->proc_count; i++)
    if (i != proc && lives(&s->procs[i]) && (s->procs[i].holds >> m->setup->things[end].other & 1))
      return true;
  return false;
}

static bool reads_as_expected(struct model_thing *t, enum object_type type,
                              const struct request *r);

/*
 * Does it wait to get from a queue without room? A select does so from its first sleep on; when it has something else, or the
 * item, it may be seen there a moment longer (`perhaps`). What is then put for it is withdrawn by MEET.
 */
static bool is_reader(const struct model *m, const struct model_state *s, int proc, int thing,
                      bool perhaps) {
  const struct request *r = &m->requests[proc];
  const struct model_proc *p = &s->procs[proc];
  uint64_t lines = p->lines | (perhaps ? p->lingers : 0);
  if (r->step.kind == OP_QUEUE_GET)
    return p->stage == STAGE_WAITS && r->step.thing == thing;
  for (uint32_t i = 0; i < r->sub_count && (lines >> thing & 1); i++)
    if (r->subs[i].kind == OP_QUEUE_GET && r->subs[i].thing == thing)
      return true;
  return false;
}

/* -- hands --------------------------------------------------------------------------------------- */

/* Their list, with room for one more; to be given back by hands_keep if it was changed. */
static struct queue_hands hands_in(struct model_thing *t) {
  must(buf_reserve(&t->hands, sizeof(struct queue_hand)));
  return (struct queue_hands){.list = (struct queue_hand *)(void *)t->hands.data,
                              .count = (uint32_t)(t->hands.len / sizeof(struct queue_hand))};
}

static void hands_keep(struct model_thing *t, const struct queue_hands *h) {
  t->hands.len = h->count * sizeof *h->list;
}

/* Take an item out of the middle. */
static void remove_item(struct buf *contents, uint32_t place) {
  struct buf kept = {0};
  struct content c;
  for (size_t at = 0; contents_next(contents, &at, &c);)
    if (place-- != 0)
      must(contents_put(&kept, c.data, c.len));
  buf_release(contents);
  *contents = kept;
}

static uint64_t number_at(const struct buf *contents, uint32_t place) {
  struct content c;
  uint64_t number = 0;
  for (size_t at = 0; contents_next(contents, &at, &c);)
    if (place-- == 0)
      memcpy(&number, c.data, sizeof number);
  return number;
}

/* The machine has done it: which item it was about. */
static void do_hands(struct model_thing *t, const struct queue_ask *ask, struct answer *a) {
  struct queue_hands h = hands_in(t);
  uint32_t place = hands_first(&h, 0);
  uint64_t count = ask->number == QUEUE_DONE_ALL ? ask->mine : 1;
  if (ask->kind == OP_QUEUE_GET || ask->kind == OP_QUEUE_PEEK)
    a->item = number_at(&t->contents, place);
  if (ask->kind == OP_QUEUE_GET) {
    a->abandoned = place < h.count;
    if (a->abandoned)
      hands_take(&h, ask->who);
    else
      hands_add(&h, &(struct queue_hand){.who = ask->who});
  }
  for (; ask->kind == OP_QUEUE_TASK_DONE && count > 0; count--) {
    place = hands_first(&h, ask->who);
    hands_remove(&h, place);
    remove_item(&t->contents, place);
  }
  hands_keep(t, &h);
}

/* The process ends. */
static void leave_hands(struct model_thing *t, uint64_t who, bool well) {
  struct queue_hands h = hands_in(t);
  struct queue_ask all = {.kind = OP_QUEUE_TASK_DONE, .number = QUEUE_DONE_ALL, .who = who};
  struct answer none;
  hands_tell(&h, &all);
  if (!well) {
    queue_came_back(&t->queue, hands_return(&h, who));
    hands_keep(t, &h);
  } else if (queue_ask_apply(&t->queue, &all) == 0) {
    do_hands(t, &all, &none);
  }
}

/* Of any queue. */
static struct queue_ask ask_of(const struct model *m, const struct model_state *s, int proc,
                               const struct model_look *l, bool perhaps) {
  struct queue_ask ask = {.kind = (enum op_kind)l->kind,
                          .number = l->kind == OP_QUEUE_PUT ? is_brief(&m->requests[proc])
                                    : l->more               ? QUEUE_GET_MORE
                                    : is_hand_op(l->kind)   ? hand_number(&m->requests[proc], l->kind)
                                                            : 0,
                          .who = s->procs[proc].who};
  const struct buf *hands = &s->things[l->thing].hands;
  const struct queue_hands h = {.list = (struct queue_hand *)(void *)hands->data,
                                .count = (uint32_t)(hands->len / sizeof(struct queue_hand))};
  hands_tell(&h, &ask);
  for (int i = 0; i < m->setup->proc_count; i++)
    ask.readers += i != proc && lives(&s->procs[i]) && is_reader(m, s, i, l->thing, perhaps);
  return ask;
}

static bool queue_goes(const struct model *m, const struct model_state *s, int proc,
                       const struct model_look *l, bool perhaps) {
  const struct queue_state *q = &s->things[l->thing].queue;
  const struct queue_ask ask = ask_of(m, s, proc, l, perhaps);
  return queue_ask_enabled(q, &ask);
}

static bool is_enabled(const struct model *m, struct model_state *s, int proc,
                       const struct model_look *l) {
  struct view v = {.m = m, .s = s, .thing = l->thing, .proc = proc};
  enum op_kind kind = (enum op_kind)l->kind;
  if (is_look((int)kind))
    return true;
  switch (type_of(l)) {
  case OBJECT_QUEUE:
    return queue_goes(m, s, proc, l, true);
  case OBJECT_PIPE:
    return pipe_enabled(kind, &s->things[l->thing].queue, has_peer(m, s, proc, l->thing));
  case OBJECT_PROCESS:
    if (kind == OP_PROCESS_FIND)
      return lives(&s->procs[l->thing]);
    return kind == OP_PROCESS_MAIL || l->thing == proc ||
           process_enabled(&s->procs[l->thing].life, kind);
  case OBJECT_CLOCK:
  case OBJECT_NONE:
    return true;
  default: {
    const struct request *r = &m->requests[proc];
    struct value_args args = {.same = false};
    struct op op = {.kind = kind, .value = &args};
    if (kind == OP_VALUE_AWAIT || kind == OP_DICT_AWAIT)
      args.same = r->looked && reads_as_expected(&s->things[l->thing], type_of(l), r);
    struct sync_step step = step_of(s, proc, l, &op);
    return sync_machine_of(type_of(l))->enabled(s->things[l->thing].words, &step, WORLD(&v));
  }
  }
}

/* Is it enabled only because a reader is still seen that is none any more? */
static bool goes_perhaps(const struct model *m, const struct model_state *s, int proc,
                         const struct model_look *l) {
  return type_of(l) == OBJECT_QUEUE && !is_look(l->kind) && !queue_goes(m, s, proc, l, false);
}

/* Must it let another go first? */
enum yield { YIELD_NO, YIELD_MAYBE, YIELD_YES };

static enum yield yields(const struct model *m, struct model_state *s, int proc,
                         const struct model_look *l) {
  const struct sync_machine *machine = sync_machine_of(type_of(l));
  struct view v = {.m = m, .s = s, .thing = l->thing};
  struct sync_step step = step_of(s, proc, l, NULL);
  struct fair_first rule = {.ticket = view_next(&v, 0)};
  int first = 0;
  if (!machine || rule.ticket == 0 || sync_passes_line(machine, s->things[l->thing].words, &step))
    return YIELD_NO;
  while (!stands(&s->procs[first], l->thing) || s->procs[first].ticket != rule.ticket)
    first++;
  rule.self = first == proc;
  if (!fair_stands_before(&rule, s->procs[proc].ticket))
    return YIELD_NO;
  asked_the_time = true;
  if (m->seen_ns[first] && fair_is_due(m->seen_ns[first], m->round_ns))
    return YIELD_YES;
  return fair_is_due(m->told_ns[first], m->now_ns) ? YIELD_MAYBE : YIELD_NO;
}

bool model_must_move(const struct model *m, struct model_state *s, int proc) {
  struct model_proc *p = &s->procs[proc];
  if (p->stage == STAGE_IDLE)
    return false;
  if (p->stage != STAGE_WAITS || p->interrupted)
    return true;
  if (m->requests[proc].step.kind != OP_SELECT) {
    struct model_look l = look_of(m, s, proc);
    return is_enabled(m, s, proc, &l) && !goes_perhaps(m, s, proc, &l) &&
           yields(m, s, proc, &l) == YIELD_NO;
  }
  uint32_t at = p->scan.at;
  bool must = false;
  for (p->scan.at = 0; p->scan.at < m->requests[proc].sub_count && !must; p->scan.at++) {
    struct model_look l = look_of(m, s, proc);
    must = l.kind != OP_CLOCK_SLEEP && is_enabled(m, s, proc, &l) && !goes_perhaps(m, s, proc, &l) &&
           yields(m, s, proc, &l) == YIELD_NO;
  }
  p->scan.at = at;
  return must;
}

bool model_has_deadline(const struct model *m, const struct model_state *s, int proc) {
  const struct request *r = &m->requests[proc];
  if (s->procs[proc].stage == STAGE_IDLE)
    return false;
  for (uint32_t i = 0; i < r->sub_count; i++)
    if (r->subs[i].kind == OP_CLOCK_SLEEP)
      return true;
  return r->step.kind == OP_SELECT ? r->patience == TIMED : look_of(m, s, proc).patience == TIMED;
}

/* Others may be at an object at this moment, so that a poll has no time to wait for its lock. */
static bool is_busy(const struct model *m, struct model_state *s, int proc) {
  for (int i = 0; i < m->setup->proc_count; i++)
    if (i != proc && s->procs[i].stage != STAGE_IDLE &&
        (m->setup->heals || m->requests[i].patience == TIMED || model_must_move(m, s, i)))
      return true;
  return false;
}

/* -- doing it
 * ----------------------------------------------------------------------------------------- */

static uint64_t number_in(const struct buf *contents) {
  struct content c;
  uint64_t number = 0;
  if (contents_front(contents, &c))
    memcpy(&number, c.data, sizeof number);
  return number;
}

static void put_number(struct buf *contents, uint64_t number) {
  must(contents_put(contents, &number, sizeof number));
}

static int do_queue(const struct model *m, struct model_state *s, int proc,
                    const struct model_look *l, struct answer *a) {
  struct model_thing *t = &s->things[l->thing];
  const struct queue_ask ask = ask_of(m, s, proc, l, true);
  enum op_kind kind = ask.kind;
  uint64_t item = l->item;
  int rc = queue_ask_apply(&t->queue, &ask);
  if (kind == OP_QUEUE_MEET && rc)
    contents_take(&t->contents);
  if (rc)
    return rc;
  if (kind == OP_QUEUE_PUT)
    put_number(&t->contents, item);
  if (t->queue.redeliver) {
    do_hands(t, &ask, a);
    return 0;
  }
  if (kind == OP_QUEUE_GET || kind == OP_QUEUE_PEEK)
    a->item = number_in(&t->contents);
  if (kind == OP_QUEUE_GET)
    contents_take(&t->contents);
  return 0;
}

/* `many` of a run in one step. */
static int do_queue_run(const struct model *m, struct model_state *s, int proc,
                        const struct model_look *l, struct answer *a, int many) {
  struct model_look one = *l;
  uint64_t items = 0;
  a->number = 0;
  for (; a->number < many && (a->number == 0 || queue_goes(m, s, proc, &one, true)); a->number++, one.item++) {
    int rc = do_queue(m, s, proc, &one, a);
    if (rc && a->number == 0)
      return rc;
    if (rc)
      break;
    items = run_item(items, a->item);
    one.more = l->kind == OP_QUEUE_GET;
  }
  a->item = l->kind == OP_QUEUE_GET ? items : 0;
  a->abandoned = false; /* one or the other of them */
  return 0;
}

/* How many of its run could be done at once. */
static int run_most(const struct model *m, const struct model_state *s, int proc,
                    const struct model_look *l) {
  const struct queue_state *q = &s->things[l->thing].queue;
  const struct request *r = &m->requests[proc];
  if (r->many <= 1 || r->step.kind == OP_SELECT || l->kind != r->step.kind || type_of(l) != OBJECT_QUEUE)
    return 1;
  uint64_t can = l->kind == OP_QUEUE_GET ? queue_len(q) : q->max ? q->max - queue_len(q) : RUN_MAX;
  return q->closed && l->kind == OP_QUEUE_PUT ? 1 : can < 1 ? 1 : can < (uint64_t)r->many ? (int)can : r->many;
}

/* Could anybody receive what is sent from this end? */
static bool is_heard(const struct model *m, const struct model_state *s, int end) {
  for (int i = 0; i < m->setup->proc_count; i++)
    if (lives(&s->procs[i]) && (s->procs[i].holds >> m->setup->things[end].other & 1))
      return true;
  return !m->setup->dropped;
}

static int do_pipe(const struct model *m, struct model_state *s, const struct model_look *l,
                   struct answer *a) {
  struct model_thing *in = &s->things[l->thing];
  struct model_thing *out = &s->things[m->setup->things[l->thing].other];
  int rc = pipe_apply((enum op_kind)l->kind, &in->queue, &out->queue, is_heard(m, s, l->thing));
  if (rc)
    return rc;
  if (l->kind == OP_PIPE_SEND)
    put_number(&out->contents, l->item);
  if (l->kind == OP_PIPE_RECV) {
    a->item = number_in(&in->contents);
    contents_take(&in->contents);
  }
  return 0;
}

/* What a value or dict reads and keeps besides its words. */
static void read_value(struct model_thing *t, struct answer *a) {
  a->is_number = t->words[VALUE_KIND] == VALUE_INTEGER;
  a->item = a->is_number ? t->words[VALUE_DATA] : number_in(&t->contents);
}

static void keep_value(struct model_thing *t, uint64_t item) {
  t->contents.len = 0;
  if (t->words[VALUE_KIND] != VALUE_INTEGER && t->words[VALUE_LEN] > 0)
    put_number(&t->contents, item);
}

/* What stands behind a key of a dict. */
struct behind {
  uint64_t item, is_number;
};

static bool find_behind(const struct model_thing *t, uint8_t key, struct behind *ret) {
  struct content c;
  if (!contents_find(&t->contents, &key, 1, &c))
    return false;
  memcpy(ret, c.data, sizeof *ret);
  return true;
}

static void read_dict(const struct model_thing *t, const struct request *r, struct answer *a) {
  struct behind b;
  a->none = !find_behind(t, r->key, &b);
  a->is_number = !a->none && b.is_number;
  a->item = a->none ? 0 : b.item;
}

void model_read_dict(const struct model_state *s, int thing, uint8_t key, struct answer *ret) {
  read_dict(&s->things[thing], &(struct request){.key = key}, ret);
}

static void sum_dict(struct model_thing *t, struct answer *a) {
  struct content c;
  for (size_t at = 0; contents_next(&t->contents, &at, &c);) {
    struct behind b;
    memcpy(&b, c.data, sizeof b);
    a->item += entry_sum(c.key[0], b.item);
  }
}

static void keep_dict(struct model_thing *t, const struct request *r, uint64_t item) {
  const struct behind b = {item, r->is_number};
  if (r->none)
    contents_remove(&t->contents, &r->key, 1);
  else
    must(contents_set(&t->contents, &r->key, 1, &b, sizeof b));
  t->words[DICT_COUNT] = contents_count(&t->contents);
}

static bool as_expected(struct model_thing *t, const struct op *op, const struct request *r) {
  if (t->words[VALUE_KIND] != VALUE_STORED)
    return value_equals(t->words, op->value, false);
  return !r->expects_number && number_in(&t->contents) == r->expected;
}

/* Is there what the request expects? By what can be read. */
static bool reads_as_expected(struct model_thing *t, enum object_type type,
                              const struct request *r) {
  struct answer now = {0};
  if (type == OBJECT_DICT)
    read_dict(t, r, &now);
  else
    read_value(t, &now);
  if (now.none || r->expects_none)
    return now.none && r->expects_none;
  return now.is_number == r->expects_number && now.item == r->expected;
}

/* DICT_ADD: the sum, or a code. */
static int sum_up(const struct model_thing *t, const struct model_proc *p, const struct request *r,
                  uint64_t *ret) {
  struct behind b = {0, 1};
  if (t->words[DICT_UPDATER] == p->who)
    return -SBX_EUPDATING;
  find_behind(t, r->key, &b);
  *ret = b.item + r->step.item;
  return b.is_number ? 0 : -SBX_ENUMBER;
}

static int do_array(const struct model *m, struct model_state *s, int proc, const struct model_look *l) {
  const struct request *r = &m->requests[proc];
  struct model_thing *t = &s->things[l->thing];
  struct answer *a = &s->procs[proc].answer;
  struct view v = {.m = m, .s = s, .thing = l->thing, .proc = proc};
  struct value_args args = {.number = array_brings(r),
                            .expected = {.kind = NUMBER_INTEGER, .i = (int64_t)r->expected}};
  struct op op = {.kind = (enum op_kind)l->kind, .count = r->count, .number = r->many, .value = &args};
  struct sync_step step = step_of(s, proc, l, &op);
  uint64_t *elements = (uint64_t *)(void *)t->contents.data;
  int rc = array_machine.apply(t->words, &step, WORLD(&v));
  if (rc < 0)
    return rc;
  if (l->kind == OP_ARRAY_COPY) {
    a->item = elements_sum(elements + r->count - 1, array_bytes((uint64_t)r->many));
  } else if (l->kind == OP_ARRAY_FILL) {
    for (uint64_t i = 0; i < t->words[ARRAY_COUNT]; i++)
      elements[i] = number_bits(&args.number);
  } else {
    struct array_answer answer;
    elements[r->count - 1] = array_change(t->words, &op, elements[r->count - 1], &answer);
    a->item = number_bits(&answer.number);
    a->same = answer.same;
  }
  return 0;
}

static int do_sync(const struct model *m, struct model_state *s, int proc,
                   const struct model_look *l) {
  static uint8_t message[1 << 20], expected[1 << 20];
  const struct request *r = &m->requests[proc];
  struct model_proc *p = &s->procs[proc];
  struct model_thing *t = &s->things[l->thing];
  struct view v = {.m = m, .s = s, .thing = l->thing, .proc = proc};
  struct value_args args = {.none = r->none, .key = &r->key, .key_len = 1};
  struct op op = {.kind = (enum op_kind)l->kind, .value = &args, .data = message};
  bool value = type_of(l) == OBJECT_VALUE, dict = type_of(l) == OBJECT_DICT;
  if (value && r->is_number)
    args.number = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)l->item};
  else if (value && l->item) {
    op.len = message_len(l->item);
    message_make(l->item, message);
  }
  if (l->kind == OP_VALUE_CAS) {
    if (r->expects_number)
      args.expected = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)r->expected};
    else {
      args.expected_len = message_len(r->expected);
      args.expected_data = expected;
      message_make(r->expected, expected);
    }
    args.same = as_expected(t, &op, r);
  }
  if (l->kind == OP_DICT_CAS)
    args.same = reads_as_expected(t, OBJECT_DICT, r);
  struct sync_step step = step_of(s, proc, l, &op);
  uint64_t sum = 0;
  int rc = l->kind == OP_DICT_ADD ? sum_up(t, p, r, &sum) : 0;
  if (rc == 0)
    rc = sync_machine_of(type_of(l))->apply(t->words, &step, WORLD(&v));
  if (l->kind == OP_BARRIER_WAIT)
    p->arrival = p->answer.count = step.count;
  if (l->kind == OP_LATCH_DOWN || l->kind == OP_BARRIER_PASS)
    p->answer.count = step.count;
  if (l->kind == OP_LOCK_RELEASE)
    p->levels = step.count;
  if (rc == SYNC_ENTERED)
    return WAITS;
  p->answer.abandoned = step.abandoned;
  leave_line(p, l->thing);
  if (rc < 0 || step.result)
    return rc < 0 ? rc : step.result;
  switch (l->kind) {
  case OP_VALUE_ADD:
    p->answer.item = t->words[VALUE_DATA];
    break;
  case OP_VALUE_CAS:
    p->answer.same = args.same;
    if (args.same)
      keep_value(t, l->item);
    else
      read_value(t, &p->answer);
    break;
  case OP_VALUE_GET:
  case OP_VALUE_AWAIT:
  case OP_VALUE_UPDATE:
    read_value(t, &p->answer);
    break;
  case OP_VALUE_SET:
  case OP_VALUE_REPLACE:
    keep_value(t, l->item);
    break;
  case OP_DICT_GET:
  case OP_DICT_AWAIT:
  case OP_DICT_UPDATE:
    read_dict(t, r, &p->answer);
    break;
  case OP_DICT_CAS:
    if (!args.same)
      read_dict(t, r, &p->answer);
    else
      keep_dict(t, r, r->step.item);
    p->answer.same = args.same;
    break;
  case OP_DICT_ADD:
    keep_dict(t, r, p->answer.item = sum);
    break;
  case OP_DICT_ALL:
    sum_dict(t, &p->answer);
    break;
  case OP_DICT_SET:
  case OP_DICT_REPLACE:
    keep_dict(t, r, r->step.item);
    break;
  default:
    break;
  }
  (void)dict;
  return 0;
}

/* The op is enabled. Its result, or WAITS. */
static int do_look(const struct model *m, struct model_state *s, const struct model_look *l,
                   struct answer *a) {
  struct look seen;
  model_look(m, s, l->kind == OP_PROCESS_LOOK ? -1 - l->thing : l->thing, &seen);
  a->count = seen.count;
  a->item = seen.number;
  a->same = seen.closed != 0;
  return 0;
}

/* PROCESS_MAIL: the item is sent to it. */
static int send_to(struct model_state *s, const struct model_look *l) {
  struct model_thing *box = &s->things[l->thing];
  if (!lives(&s->procs[l->thing]))
    return -SBX_EGONE;
  put_number(&box->contents, l->item);
  return queue_apply(&box->queue, OP_QUEUE_PUT);
}

static int do_process(struct model_state *s, int proc, const struct model_look *l) {
  struct answer *a = &s->procs[proc].answer;
  if (l->kind == OP_PROCESS_MAIL)
    return send_to(s, l);
  a->item = l->kind == OP_PROCESS_FIND ? who_serial(s->procs[l->thing].who) - 1
                                       : s->procs[l->thing].result;
  return l->kind != OP_PROCESS_FIND && l->thing == proc ? -SBX_ESELF : 0;
}

static int do_step(const struct model *m, struct model_state *s, int proc,
                   const struct model_look *l) {
  struct model_proc *p = &s->procs[proc];
  if (is_look(l->kind))
    return do_look(m, s, l, &p->answer);
  switch (type_of(l)) {
  case OBJECT_QUEUE:
    if (m->requests[proc].many > 1 && m->requests[proc].step.kind != OP_SELECT)
      return do_queue_run(m, s, proc, l, &p->answer, p->run);
    return do_queue(m, s, proc, l, &p->answer);
  case OBJECT_PIPE:
    return do_pipe(m, s, l, &p->answer);
  case OBJECT_PROCESS:
    return do_process(s, proc, l);
  case OBJECT_CLOCK:
    return 0;
  case OBJECT_NONE: /* DO_DROP */
    p->holds &= ~(UINT64_C(1) << l->thing);
    return 0;
  case OBJECT_ARRAY:
    return do_array(m, s, proc, l);
  default:
    return do_sync(m, s, proc, l);
  }
}

/* -- laws
 * ------------------------------------------------------------------------------------------------
 */

static uint64_t standing_at(const struct model *m, const struct model_state *s, int thing) {
  uint64_t standing = 0;
  for (int p = 0; p < m->setup->proc_count; p++)
    if (stands(&s->procs[p], thing) && m->requests[p].step.kind != OP_SELECT &&
        look_of(m, s, p).thing == thing)
      standing |= UINT64_C(1) << p;
  return standing;
}

/* It stands in the line of a barrier: what would it be told? */
static bool passes(const struct model *m, struct model_state *s, int proc,
                   const struct model_look *l) {
  struct view v = {.m = m, .s = s, .thing = l->thing, .proc = proc};
  struct sync_step step = step_of(s, proc, l, NULL);
  uint64_t words[SYNC_WORDS];
  memcpy(words, s->things[l->thing].words, sizeof words);
  return barrier_machine.apply(words, &step, WORLD(&v)) == 0 && step.result == 0;
}

static void tell_line(const struct model *m, struct model_state *s, int thing, struct told *ret) {
  uint64_t lowest = UINT64_MAX;
  ret->standing = standing_at(m, s, thing);
  for (int p = 0; p < m->setup->proc_count; p++) {
    if (!(ret->standing >> p & 1))
      continue;
    struct model_look l = look_of(m, s, p);
    bool free = is_enabled(m, s, p, &l);
    if (free)
      ret->free |= UINT64_C(1) << p;
    if (free && type_of(&l) == OBJECT_BARRIER && passes(m, s, p, &l))
      ret->passes |= UINT64_C(1) << p;
    if (s->procs[p].ticket < lowest) {
      lowest = s->procs[p].ticket;
      ret->first = UINT64_C(1) << p;
    }
  }
}

static void tell_thing(const struct model *m, struct model_state *s, int thing, struct told *ret) {
  const struct model_thing *t = &s->things[thing];
  enum object_type type = m->setup->things[thing].type;
  const struct sync_machine *machine = sync_machine_of(type);
  struct view v = {.m = m, .s = s, .thing = thing};
  uint64_t owners[SYNC_WORDS];
  *ret = (struct told){.queue = t->queue};
  if (type == OBJECT_QUEUE || type == OBJECT_PIPE)
    ret->items = contents_count(&t->contents);
  bool came_back = false;
  for (size_t at = 0; type == OBJECT_QUEUE && at < t->hands.len; at += sizeof(struct queue_hand)) {
    struct queue_hand h;
    memcpy(&h, t->hands.data + at, sizeof h);
    ret->items -= h.who != 0;
    came_back |= h.who == 0;
    for (int p = 0; p < m->setup->proc_count; p++)
      if (h.who && h.who == s->procs[p].who) {
        ret->in_hand[p]++;
        ret->older[p] = came_back;
      }
  }
  if (!machine)
    return;
  machine->describe(t->words, WORLD(&v), &ret->info);
  ret->holder_gone = ret->info.holder && world_gone(WORLD(&v), ret->info.holder);
  uint32_t n = machine->watch ? machine->watch(t->words, owners) : 0;
  for (uint32_t i = 0; i < n; i++) {
    ret->gone_members |= world_gone(WORLD(&v), owners[i]);
    for (int p = 0; p < m->setup->proc_count; p++)
      if (lives(&s->procs[p]) && s->procs[p].who == owners[i])
        ret->members |= UINT64_C(1) << p;
  }
  if (type == OBJECT_VALUE && t->words[VALUE_KIND] == VALUE_INTEGER)
    ret->number = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)t->words[VALUE_DATA]};
  ret->floats = type == OBJECT_ARRAY && t->words[ARRAY_KIND] == NUMBER_FLOAT;
  if (type == OBJECT_ARRAY)
    memcpy(ret->elements, t->contents.data, t->contents.len);
  tell_line(m, s, thing, ret);
}

static bool was_expected(struct model_state *s, const struct request *r, int thing,
                         enum object_type type, const struct told *before) {
  if (type == OBJECT_DICT || r->step.kind == OP_VALUE_AWAIT)
    return (r->step.kind != OP_VALUE_AWAIT && r->step.kind != OP_DICT_AWAIT) || r->looked
               ? reads_as_expected(&s->things[thing], type, r)
               : false;
  if (r->expects_number)
    return before->number.kind == NUMBER_INTEGER && (uint64_t)before->number.i == r->expected;
  return before->number.kind == NUMBER_NONE && number_in(&s->things[thing].contents) == r->expected;
}

/* The op is enabled: do it, and hold it against the laws. Its result, or WAITS. */
static int do_it(struct model *m, struct model_state *s, int proc, const struct model_look *l) {
  const struct request *r = &m->requests[proc];
  enum object_type type = type_of(l);
  bool has_thing = type != OBJECT_PROCESS && type != OBJECT_CLOCK && type != OBJECT_NONE;
  struct told before, after;
  struct lawful law = {.kind = l->kind,
                       .type = type,
                       .proc = proc,
                       .who = s->procs[proc].who,
                       .count = l->count,
                       .sub = l->sub,
                       .stood = stands(&s->procs[proc], l->thing)};
  if (!has_thing || is_look(l->kind))
    return do_step(m, s, proc, l);
  tell_thing(m, s, l->thing, &before);
  if (expects(l->kind) && type != OBJECT_ARRAY)
    law.expected = was_expected(s, r, l->thing, type, &before);
  if (r->is_number)
    law.brings = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)l->item};
  law.request = r;
  law.heard = type == OBJECT_PIPE && is_heard(m, s, l->thing);
  int rc = do_step(m, s, proc, l);
  tell_thing(m, s, l->thing, &after);
  law.rc = rc == WAITS ? 0 : rc;
  law.entered = rc == WAITS;
  law.answer = s->procs[proc].answer;
  const char *broken = law_of_step(&law, &before, &after);
  m->broken = m->broken ? m->broken : broken;
  return rc;
}

/* -- what follows
 * ------------------------------------------------------------------------------------- */

static bool needs_lock(const struct model *m, const struct model_state *s, int proc) {
  const struct request *r = &m->requests[proc];
  bool enters =
      r->step.kind == OP_CONDITION_WAIT && s->procs[proc].condition.step == CONDITION_ENTER;
  if (!enters && r->step.kind != OP_CONDITION_NOTIFY)
    return false;
  const struct model_thing *lock = &s->things[m->setup->things[r->step.thing].other];
  return lock->words[LOCK_OWNER] != s->procs[proc].who;
}

static void finish(const struct model *m, struct model_state *s, int proc, int rc) {
  struct model_proc *p = &s->procs[proc];
  p->stage = STAGE_DONE;
  p->answer.rc = rc;
  answer_trim(&p->answer, &m->requests[proc]);
  p->lingers = m->requests[proc].step.kind == OP_SELECT ? p->lines : 0;
  p->ticket = p->lines = 0;
  p->arrival = p->levels = 0;
  p->condition = (struct condition_wait){.step = CONDITION_ENTER};
  p->scan = (struct select_scan){0};
}

static void join_all_lines(const struct model *m, struct model_state *s, int proc) {
  const struct request *r = &m->requests[proc];
  for (uint32_t i = 0; i < r->sub_count; i++)
    if ((sync_machine_of(op_describe((enum op_kind)r->subs[i].kind)->type) &&
         r->subs[i].kind != OP_PIPE_RECV) ||
        (r->subs[i].kind == OP_QUEUE_GET && queue_meets(s->things[r->subs[i].thing].queue.max)))
      enter_line(s, proc, r->subs[i].thing);
}

/* A look has ended with `rc`, or WAITS. Takes the state. */
static void go_on(struct model *m, struct model_state *s, int proc, int rc) {
  const struct request *r = &m->requests[proc];
  struct model_proc *p = &s->procs[proc];
  if (r->step.kind == OP_CONDITION_WAIT) {
    if (rc == WAITS && p->condition.step != CONDITION_ENTER) {
      p->stage = STAGE_WAITS;
    } else {
      int awaited = p->condition.result;
      condition_next(&p->condition, rc == WAITS ? 0 : rc);
      const char *broken = law_of_relock(awaited, p->condition.result);
      m->broken = m->broken ? m->broken : broken;
      p->stage = STAGE_LOOKS;
      if (p->condition.step == CONDITION_OVER)
        finish(m, s, proc, p->condition.result);
    }
  } else if (r->step.kind == OP_SELECT) {
    uint32_t at = p->scan.at;
    int next = rc == -SBX_EINTERRUPTED ? rc : select_next(&p->scan, r->sub_count, rc);
    p->stage = STAGE_LOOKS;
    if (next == SELECT_SLEEPS) {
      p->stage = STAGE_WAITS;
      join_all_lines(m, s, proc);
    } else if (next != SELECT_LOOKS) {
      p->answer.number = next == -SBX_ETIMEDOUT || next == -SBX_EINTERRUPTED ? -1 : (int)at;
      finish(m, s, proc, next);
    }
  } else if (rc == WAITS) {
    p->stage = STAGE_WAITS;
  } else {
    finish(m, s, proc, rc);
  }
  add(m, s);
}

/* Without having been done: leave the line. */
static void give_up(struct model *m, struct model_state *s, int proc, const struct model_look *l) {
  const struct sync_machine *machine = sync_machine_of(type_of(l));
  struct view v = {.m = m, .s = s, .thing = l->thing, .proc = proc};
  struct sync_step step = step_of(s, proc, l, NULL);
  if (l->kind == OP_QUEUE_MEET) { /* its item is withdrawn, if it is still on offer */
    struct answer none = {0};
    do_queue(m, s, proc, l, &none);
  }
  if (!machine || l->sub)
    return;
  struct told before, after;
  bool could_go = is_enabled(m, s, proc, l);
  tell_thing(m, s, l->thing, &before);
  leave_line(&s->procs[proc], l->thing);
  if (machine->give_up && step.ticket)
    machine->give_up(s->things[l->thing].words, &step, WORLD(&v));
  tell_thing(m, s, l->thing, &after);
  const char *broken = step.ticket ? law_of_give_up(type_of(l), proc, could_go, &before, &after) : NULL;
  m->broken = m->broken ? m->broken : broken;
}

static void look_once(struct model *m, struct model_state *s, int proc) {
  struct model_look l = look_of(m, s, proc);
  bool blocks = l.kind < OP_COUNT && op_describe((enum op_kind)l.kind)->blocks;
  bool enabled = is_enabled(m, s, proc, &l);
  enum yield yield = yields(m, s, proc, &l);
  bool sleeps = l.kind == OP_CLOCK_SLEEP;
  bool can_miss = !enabled || goes_perhaps(m, s, proc, &l) || yield != YIELD_NO || sleeps;
  struct model_state *c;
  int most = enabled ? run_most(m, s, proc, &l) : 0;
  bool whole = m->setup->whole_runs && !(type_of(&l) == OBJECT_QUEUE && s->things[l.thing].queue.redeliver);
  for (int run = whole ? most : 1; enabled && yield != YIELD_YES && run <= most; run++) {
    c = state_copy(s);
    c->procs[proc].run = run;
    go_on(m, c, proc, do_it(m, c, proc, &l));
  }
  if (l.kind < OP_COUNT &&
      s->procs[proc].interrupted) { /* also in the wait for the object's lock */
    c = state_copy(s);
    give_up(m, c, proc, &l);
    go_on(m, c, proc, -SBX_EINTERRUPTED);
  }
  if (!blocks || (!can_miss && !((l.patience == POLL || l.sub) && is_busy(m, s, proc))))
    return;
  if ((l.sub || l.patience != PATIENT) && !(sleeps && !l.sub)) {
    c = state_copy(s);
    give_up(m, c, proc, &l);
    go_on(m, c, proc, -SBX_ETIMEDOUT);
  }
  if (!l.sub && (l.patience != POLL || sleeps) && s->procs[proc].stage == STAGE_LOOKS) {
    c = state_copy(s);
    if (sync_machine_of(type_of(&l)) && type_of(&l) != OBJECT_PIPE)
      enter_line(c, proc, l.thing);
    go_on(m, c, proc, WAITS);
  }
}

/* A select that sleeps: it may look again at any time, and at its deadline does so for the last. */
static void wake_select(struct model *m, struct model_state *s, int proc) {
  for (int last = 0; last <= (m->requests[proc].patience == TIMED); last++) {
    struct model_state *c = state_copy(s);
    c->procs[proc].stage = STAGE_LOOKS;
    c->procs[proc].scan.last = last;
    add(m, c);
  }
  if (s->procs[proc].interrupted) {
    struct model_state *c = state_copy(s);
    go_on(m, c, proc, -SBX_EINTERRUPTED);
  }
}

static void follow(struct model *m, struct model_state *s, int proc) {
  const struct model_proc *p = &s->procs[proc];
  int kind = m->requests[proc].step.kind;
  if (!lives(p) || (p->stage != STAGE_LOOKS && p->stage != STAGE_WAITS) || kind == DO_LEAVE)
    return;
  if (kind == OP_SELECT && p->stage == STAGE_WAITS) {
    wake_select(m, s, proc);
    return;
  }
  if (needs_lock(m, s, proc)) {
    struct model_state *c = state_copy(s);
    finish(m, c, proc, -SBX_ENOTHELD);
    add(m, c);
    return;
  }
  look_once(m, s, proc);
}

void model_close(struct model *m) {
  if (m->closed && !asked_the_time)
    return;
  asked_the_time = false;
  for (uint32_t i = 0; i < m->count && m->count < CROWD; i++)
    for (int p = 0; p < m->setup->proc_count; p++)
      follow(m, m->states[i], p);
  m->crowded |= m->count >= CROWD;
  m->closed = true;
}

/* -- what happens
 * ----------------------------------------------------------------------------------------- */

static void begin_thing(const struct thing *t, struct model_thing *ret) {
  struct sync_options o = {
      .type = t->type, .recursive = t->recursive, .action = t->action, .floats = t->floats, .count = t->count, .max = t->max};
  const struct sync_machine *machine = sync_machine_of(t->type);
  if (machine)
    machine->init(ret->words, &o);
  if (t->type == OBJECT_QUEUE)
    ret->queue.max = t->max;
  if (t->type == OBJECT_QUEUE)
    ret->queue.redeliver = t->redeliver;
  for (uint64_t i = 0; i < t->count && t->type == OBJECT_ARRAY; i++)
    add_word(&ret->contents, 0);
}

void model_begin(struct model *m, const struct setup *s) {
  struct model_state *first = calloc(1, sizeof *first);
  *m = (struct model){.setup = s};
  if (!first)
    abort();
  for (int i = 0; i < s->thing_count; i++)
    begin_thing(&s->things[i], &first->things[i]);
  add(m, first);
}

void model_release(struct model *m) {
  for (uint32_t i = 0; i < m->count; i++)
    state_free(m->states[i]);
  free(m->states);
  *m = (struct model){0};
}

void model_renew(struct model *m, int proc, uint64_t who) {
  for (uint32_t i = 0; i < m->count; i++)
    m->states[i]->procs[proc] =
        (struct model_proc){.who = who, .life = {.phase = PHASE_RUNNING}, .holds = UINT64_MAX};
  m->seen_ns[proc] = 0;
  add_all_again(m);
}

void model_tell(struct model *m, const struct request *r) {
  m->requests[r->proc] = *r;
  m->seen_ns[r->proc] = 0;
  for (uint32_t i = 0; i < m->count; i++) {
    struct model_proc *p = &m->states[i]->procs[r->proc];
    p->stage = STAGE_LOOKS;
    p->answer = (struct answer){0};
    p->scan.last = r->patience == POLL;
  }
  add_all_again(m);
}

void model_interrupt(struct model *m, int proc) {
  for (uint32_t i = 0; i < m->count; i++)
    m->states[i]->procs[proc].interrupted = true;
  add_all_again(m);
}

static void leave_all(struct model *m, struct model_state *s, int proc, enum sync_end how) {
  for (int t = 0; t < m->setup->thing_count; t++) {
    const struct sync_machine *machine = sync_machine_of(m->setup->things[t].type);
    struct sync_step step = {.who = s->procs[proc].who};
    if (machine && machine->leave && (s->procs[proc].holds >> t & 1))
      machine->leave(s->things[t].words, &step, how);
  }
}

/* A get that is killed between the pipe's read and the count of it: as if the item had never been
 * (os/queue/queue_tasks.c). */
static void maybe_never_put(struct model *m, const struct model_state *s, int proc) {
  const struct request *r = &m->requests[proc];
  if (r->step.kind != OP_QUEUE_GET || s->things[r->step.thing].queue.redeliver || s->procs[proc].stage != STAGE_DONE ||
      s->procs[proc].answer.rc)
    return;
  struct model_state *c = state_copy(s);
  c->things[r->step.thing].queue.put--;
  c->things[r->step.thing].queue.got--;
  add(m, c);
}

void model_end(struct model *m, int proc, enum end how) {
  uint32_t n = m->count;
  for (uint32_t i = 0; i < n && how == END_KILLED; i++)
    maybe_never_put(m, m->states[i], proc);
  for (uint32_t i = 0; i < m->count; i++) {
    struct model_state *s = m->states[i];
    struct model_proc *p = &s->procs[proc], was = *p;
    const struct request *r = &m->requests[proc];
    struct told before[THINGS_MAX], after;
    for (int t = 0; t < m->setup->thing_count; t++)
      tell_thing(m, s, t, &before[t]);
    if (how == END_LEFT) {
      leave_all(m, s, proc, END_OF_CODE);
      leave_all(m, s, proc, r->count ? END_FAILED : END_WELL);
    }
    for (int t = 0; t < m->setup->thing_count; t++)
      if (m->setup->things[t].redeliver)
        leave_hands(&s->things[t], was.who, how == END_LEFT && r->count == 0);
    *p = (struct model_proc){.who = was.who, .life = {.phase = PHASE_RUNNING}};
    if (how == END_LEFT) {
      p->result = r->step.item;
      process_exit(&p->life, (int)r->count);
    }
    process_end(&p->life, how == END_LEFT ? 0 : 9);
    for (int t = 0; t < m->setup->thing_count; t++) /* its mailbox is gone, with all in it */
      if (m->setup->things[t].mail && t == proc) {
        s->things[t].queue = (struct queue_state){0};
        s->things[t].contents.len = 0;
        tell_thing(m, s, t, &before[t]);
      }
    if (!m->broken)
      m->broken = law_of_status(&p->life, how, (int)r->count);
    for (int t = 0; t < m->setup->thing_count && !m->broken; t++) {
      tell_thing(m, s, t, &after);
      const struct ended e = {.proc = proc,
                              .who = was.who,
                              .killed = how == END_KILLED,
                              .failed = how == END_LEFT && r->count,
                              .held = was.holds >> t & 1};
      m->broken = law_of_end(m->setup->things[t].type, &e, &before[t], &after);
    }
  }
  m->seen_ns[proc] = 0;
  add_all_again(m);
}

static bool fits_answer(const struct model *m, struct model_state *s, int proc, const void *arg) {
  const struct model_proc *p = &s->procs[proc];
  (void)m;
  return p->stage == STAGE_DONE && memcmp(&p->answer, arg, sizeof p->answer) == 0;
}

bool model_answered(struct model *m, int proc, const struct answer *a) {
  if (!keep_if(m, fits_answer, proc, a))
    return false;
  for (uint32_t i = 0; i < m->count; i++) {
    struct model_proc *p = &m->states[i]->procs[proc];
    p->stage = STAGE_IDLE;
    p->lingers = 0;
    p->answer = (struct answer){0};
    if (a->rc == -SBX_EINTERRUPTED)
      p->interrupted = false;
  }
  m->seen_ns[proc] = 0;
  add_all_again(m);
  return true;
}

static bool fits_waiting(const struct model *m, struct model_state *s, int proc, const void *arg) {
  const struct model_proc *p = &s->procs[proc];
  int kind = m->requests[proc].step.kind;
  if (kind == OP_CONDITION_WAIT)
    kind = (int)condition_step_kind(p->condition.step);
  return p->stage == STAGE_WAITS && kind == (int)*(const enum op_kind *)arg;
}

bool model_waiting(struct model *m, int proc, enum op_kind kind) {
  return keep_if(m, fits_waiting, proc, &kind);
}

/* -- what is seen
 * ------------------------------------------------------------------------------------------ */

void model_look(const struct model *m, struct model_state *s, int thing, struct look *ret) {
  *ret = (struct look){0};
  if (thing < 0) {
    const struct process_state *life = &s->procs[-1 - thing].life;
    ret->number = process_status_of(life);
    ret->count = life->phase == PHASE_ENDED && !life->signal ? (uint64_t)life->exit_code : 0;
    return;
  }
  struct model_thing *t = &s->things[thing];
  enum object_type type = m->setup->things[thing].type;
  const struct sync_machine *machine = sync_machine_of(type);
  if (type == OBJECT_QUEUE || type == OBJECT_PIPE) {
    ret->count = queue_meets(t->queue.max) ? 0 : queue_len(&t->queue);
    ret->closed = t->queue.closed;
    return;
  }
  if (!machine)
    return;
  struct view v = {.m = m, .s = s, .thing = thing};
  struct sync_info info = {.waiting = view_count(&v, 0) + count_second(&v)};
  machine->describe(t->words, WORLD(&v), &info);
  ret->waiting = info.waiting;
  ret->number = info.set;
  ret->count = info.count;
  if (type == OBJECT_LOCK || type == OBJECT_VALUE || type == OBJECT_DICT) {
    ret->number = 0;
    for (int i = 0; i < m->setup->proc_count; i++)
      if (lives(&s->procs[i]) && s->procs[i].who == info.holder)
        ret->number = 1 + (uint64_t)i;
  }
  if (type == OBJECT_LOCK)
    ret->count = ret->number ? info.depth : 0;
}

static bool fits_look(const struct model *m, struct model_state *s, int thing, const void *arg) {
  struct look l;
  model_look(m, s, thing, &l);
  return memcmp(&l, arg, sizeof l) == 0;
}

bool model_looks(struct model *m, int thing, const struct look *l) {
  return keep_if(m, fits_look, thing, l);
}

/* -- for reports
 * --------------------------------------------------------------------------------------------- */

static const char *kind_name(int kind) {
  static char text[2][48];
  static int which;
  if (kind == DO_DROP || kind == DO_LEAVE)
    return kind == DO_DROP ? "drop" : "leave";
  const struct op_description *d = op_describe((enum op_kind)kind);
  char *at = text[which ^= 1];
  snprintf(at, sizeof text[0], "%s%s%s", d->type ? object_type_word(d->type) : "", d->type ? "." : "", d->verb);
  return at;
}

void request_print(const struct request *r) {
  static const char *const patiences[] = {" poll", " timed", ""};
  fprintf(stderr, "p%d: %s(%d)%s", r->proc, kind_name(r->step.kind), r->step.thing,
          r->step.kind < OP_COUNT && op_describe((enum op_kind)r->step.kind)->blocks
              ? patiences[r->patience]
              : "");
  if (r->step.item)
    fprintf(stderr, " %s%llu", r->is_number ? "=" : "#", (unsigned long long)r->step.item);
  if (r->all)
    fprintf(stderr, r->step.kind == OP_QUEUE_GET ? " more" : " all");
  if (r->count)
    fprintf(stderr, " count %llu", (unsigned long long)r->count);
  if (expects(r->step.kind) && (r->looked || r->expects_none))
    fprintf(stderr, "%s%s", r->looked ? " looked" : "", r->expects_none ? " expects none" : "");
  if (expects(r->step.kind) && !r->expects_none)
    fprintf(stderr, " expects %s%llu", r->expects_number ? "=" : "#",
            (unsigned long long)r->expected);
  if (r->step.kind < OP_COUNT && op_describe((enum op_kind)r->step.kind)->type == OBJECT_DICT)
    fprintf(stderr, " key %u%s", r->key, r->none ? " none" : "");
  for (uint32_t i = 0; i < r->sub_count; i++)
    fprintf(stderr, " [%s(%d) #%llu]", kind_name(r->subs[i].kind), r->subs[i].thing,
            (unsigned long long)r->subs[i].item);
  fprintf(stderr, "\n");
}

void answer_print(const struct answer *a) {
  fprintf(stderr, "rc %s, number %d, count %llu, item %s%llu%s%s%s\n",
          a->rc ? error_name(a->rc) : "0", a->number, (unsigned long long)a->count,
          a->is_number ? "=" : "#", (unsigned long long)a->item, a->abandoned ? ", abandoned" : "",
          a->same ? ", same" : "", a->none ? ", none" : "");
}

void look_print(const struct look *l) {
  fprintf(stderr, "number %llu, count %llu, waiting %llu, closed %llu\n",
          (unsigned long long)l->number, (unsigned long long)l->count,
          (unsigned long long)l->waiting, (unsigned long long)l->closed);
}

void model_print(const struct model *m, const struct model_state *s) {
  static const char *const stages[] = {"idle", "looks", "waits", "done"};
  for (int i = 0; i < m->setup->thing_count; i++) {
    struct look l;
    model_look(m, (struct model_state *)s, i, &l);
    fprintf(stderr, "    thing %d: ", i);
    look_print(&l);
  }
  for (int i = 0; i < m->setup->proc_count; i++) {
    const struct model_proc *p = &s->procs[i];
    fprintf(stderr, "    p%d: %s%s%s, ticket %llu", i, lives(p) ? "" : "ended, ", stages[p->stage],
            p->interrupted ? ", interrupted" : "", (unsigned long long)p->ticket);
    if (p->stage == STAGE_DONE) {
      fprintf(stderr, ", ");
      answer_print(&p->answer);
    } else if (p->stage != STAGE_IDLE) {
      fprintf(stderr, ", ");
      request_print(&m->requests[i]);
    } else {
      fprintf(stderr, "\n");
    }
  }
}
