/*
 * tests/conformance/backend_os.c - real processes (src/os) for the conformance suite; see
 * conformance.h.
 *
 * The process that drives is main of a run that has no supervisor. Each process of a sequence is
 * spawned by it, and told by a pipe what to do. That it waits is read in its record, as reports do.
 *
 * So that a lost wake-up is a hang, and not merely slow, nobody in line looks by itself in a
 * sequence without deaths: line_look_again_ns is wrapped by the linker (CMakeLists.txt).
 */
#include "backend_os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "object/calls.h"
#include "object/dict.h"
#include "os/backend.h"
#include "os/process/lifeline.h"
#include "os/shared/line.h"
#include "os/process/process.h"
#include "os/shared/results.h"
#include "os/process/signals.h"
#include "os/supervisor/supervisor.h"

enum { SOON_NS = 2 * 1000 * 1000, IN = 0, OUT = 1, WRONG = 9999 };

static struct os_backend *b;
static const struct setup *setup;
static struct object *things[THINGS_MAX];
bool os_heals;
const struct os_front *os_front;
static int lifeline_write; /* of this process alone: when it ends, the others do */

static struct worker {
  struct object *process; /* NULL: none */
  bool lives;
  int to[2], from[2];
  int64_t told_ns;
  struct request told;
} workers[PROCS_MAX];

static void check(int rc, const char *what) {
  if (rc == 0)
    return;
  fprintf(stderr, "os: %s: %s\n", what, rc < 0 ? error_name(rc) : strerror(errno));
  abort();
}

int64_t __real_line_look_again_ns(const struct line *l, int place, unsigned looks);
int64_t __wrap_line_look_again_ns(const struct line *l, int place, unsigned looks);
int64_t __wrap_line_look_again_ns(const struct line *l, int place, unsigned looks) {
  return os_heals ? __real_line_look_again_ns(l, place, looks) : SBX_FOREVER;
}

/* The name of the processes in a place. */
static void name_place(char name[8], int proc) { snprintf(name, 8, "p%d", proc % PROCS_MAX); }

/* -- a process of a sequence ---------------------------------------------------------------------
 */

/* What it is told, with the names that processes have in this run. */
struct order {
  struct request request;
  struct object_ref joined[SUBS_MAX];
};

/* The buffers of an op and of those it is made of. */
struct work {
  struct buf out, refs;
  struct value_args args;
  uint8_t key;
  uint8_t message[1 << 15], expected[1 << 15];
  struct object *joined;
  char name[8];
  union { /* of a look */
    struct process_info process;
    struct queue_info queue;
    struct sync_info sync;
  } info;
};

static int64_t deadline_of(enum patience patience) {
  return patience == POLL ? 0 : patience == TIMED ? clock_now_ns() + SOON_NS : SBX_FOREVER;
}

/* Of queues without room: the number of the item that this process has put last. */
static uint64_t offered[THINGS_MAX];

static void make_op(struct work *w, const struct order *o, const struct step *s, int sub,
                    struct op *op) {
  const struct request *r = &o->request;
  w->out.len = w->refs.len = 0;
  w->key = r->key;
  w->args = (struct value_args){
      .out_refs = &w->refs, .key = &w->key, .key_len = 1, .hash = r->key & 1, .none = r->none};
  *op = (struct op){.kind = (enum op_kind)s->kind,
                    .deadline_ns = deadline_of(r->patience),
                    .out = &w->out,
                    .count = r->count,
                    .value = &w->args};
  if (s->kind == OP_CLOCK_SLEEP) {
    op->deadline_ns = r->patience == POLL ? 0 : clock_now_ns() + SOON_NS / 2;
  } else if (s->kind == OP_PROCESS_FIND) {
    name_place(w->name, s->thing);
    op->data = w->name;
    op->len = strlen(w->name);
  } else if (names_process(s->kind)) {
    check(op_handle_import(&b->base, &o->joined[sub], &w->joined), "import");
    op->object = w->joined;
  } else {
    op->object = things[s->thing];
  }
  if (s->kind == OP_PROCESS_LOOK)
    op->process_info = &w->info.process;
  else if (s->kind == OP_QUEUE_LOOK)
    op->queue_info = &w->info.queue;
  else if (is_look(s->kind))
    op->sync_info = &w->info.sync;
  op->number = is_array_op(s->kind)      ? r->many
               : s->kind == OP_QUEUE_PUT ? is_brief(r)
               : is_hand_op(s->kind)     ? hand_number(r, s->kind)
                                         : r->looked;
  if (s->kind == OP_QUEUE_MEET)
    op->ticket = offered[s->thing];
  if (is_array_op(s->kind)) {
    w->args.number = array_brings(r);
  } else if (r->is_number) {
    w->args.number = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)s->item};
  } else if (s->item) {
    message_make(s->item, w->message);
    op->data = w->message;
    op->len = message_len(s->item);
  }
  if (expects(s->kind) && r->expects_number) {
    w->args.expected = (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)r->expected};
  } else if (expects(s->kind) && !r->expects_none) {
    message_make(r->expected, w->expected);
    w->args.expected_data = w->expected;
    w->args.expected_len = message_len(r->expected);
  }
}

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

static void read_look(const struct work *w, enum op_kind kind, struct answer *ret) {
  switch (kind) {
  case OP_PROCESS_LOOK:
    ret->count = w->info.process.exit_code > 0 ? (uint64_t)w->info.process.exit_code : 0;
    ret->item = w->info.process.status;
    break;
  case OP_QUEUE_LOOK:
    ret->count = w->info.queue.len;
    ret->item = 0;
    ret->same = w->info.queue.closed;
    break;
  default:
    ret->count = w->info.sync.count;
    ret->item = w->info.sync.set;
  }
}

static void read_answer(const struct work *w, const struct op *op, struct answer *ret) {
  if (op->kind == OP_PROCESS_FIND) {
    ret->item = op->object ? op->object->serial : 0; /* see os_hear */
    op_handle_release(&b->base, op->object);
    return;
  }
  if (is_look((int)op->kind)) {
    read_look(w, op->kind, ret);
    return;
  }
  ret->count = op->count;
  ret->abandoned = op->abandoned;
  ret->same = w->args.same;
  ret->none = w->args.none;
  ret->is_number = w->args.number.kind == NUMBER_INTEGER;
  if (op->kind == OP_ARRAY_COPY)
    ret->item = elements_sum(w->out.data, w->out.len);
  else if (is_array_op((int)op->kind))
    ret->item = number_bits(&w->args.number);
  else if (op->kind == OP_DICT_ALL)
    ret->item = sum_of(&w->out);
  else if (ret->is_number)
    ret->item = (uint64_t)w->args.number.i;
  else
    ret->item = message_read(w->out.data, w->out.len);
  if (op->kind == OP_VALUE_CAS || op->kind == OP_DICT_CAS) { /* `number` is what it brought */
    ret->is_number = !w->args.same && w->args.number.kind == NUMBER_INTEGER && w->out.len == 0;
  }
}

/* A run of PUTs or GETs. */
static void do_run(const struct order *o, struct answer *ret) {
  static struct work works[RUN_MAX];
  const struct request *r = &o->request;
  struct op ops[RUN_MAX];
  uint32_t done = 0;
  for (int i = 0; i < r->many; i++) {
    struct step s = r->step;
    s.item += s.item ? (uint64_t)i : 0;
    make_op(&works[i], o, &s, 0, &ops[i]);
    ops[i].out = &works[0].out; /* one for all */
    if (i > 0 && s.kind == OP_QUEUE_GET)
      ops[i].number = QUEUE_GET_MORE;
    ops[i].deadline_ns = ops[0].deadline_ns;
  }
  ret->rc = perform_run(&b->base, ops, (uint32_t)r->many, &done);
  ret->number = (int32_t)done;
  size_t at = 0;
  for (uint32_t i = 0; i < done && r->step.kind == OP_QUEUE_GET; at += ops[i++].len)
    ret->item = run_item(ret->item, message_read(works[0].out.data + at, ops[i].len));
  if (ret->rc == -SBX_EINTERRUPTED)
    b->base.self->take_interrupt(&b->base);
  answer_trim(ret, r);
}

static void do_op(const struct order *o, struct answer *ret) {
  static struct work works[SUBS_MAX];
  const struct request *r = &o->request;
  struct op op, subs[SUBS_MAX];
  uint32_t n = r->step.kind == OP_SELECT ? r->sub_count : 1;
  for (uint32_t i = 0; i < n; i++)
    make_op(&works[i], o, n == r->sub_count ? &r->subs[i] : &r->step, (int)i, &subs[i]);
  if (r->step.kind == OP_SELECT)
    op = (struct op){
        .kind = OP_SELECT, .deadline_ns = deadline_of(r->patience), .subs = subs, .sub_count = n};
  else
    op = subs[0];
  ret->rc = perform(&b->base, &op);
  if (op.kind == OP_QUEUE_PUT && ret->rc == 0)
    offered[r->step.thing] = op.item;
  if (op.kind == OP_SELECT && ret->rc == 0 && subs[op.number].kind == OP_QUEUE_PUT)
    offered[r->subs[op.number].thing] = subs[op.number].item;
  int done = r->step.kind == OP_SELECT ? op.number : 0;
  ret->number = op.number;
  if (done >= 0)
    read_answer(&works[done], r->step.kind == OP_SELECT ? &subs[done] : &op, ret);
  if (r->step.kind == OP_CLOCK_SLEEP && ret->rc == 0 && clock_now_ns() < op.deadline_ns)
    ret->rc = WRONG;
  for (uint32_t i = 0; i < n; i++) {
    if (works[i].joined)
      op_handle_release(&b->base, works[i].joined);
    works[i].joined = NULL;
  }
  if (ret->rc == -SBX_EINTERRUPTED)
    b->base.self->take_interrupt(&b->base);
  answer_trim(ret, r);
}

/* -- mailboxes: see struct step ------------------------------------------------------------------ */

static bool is_mail(const struct step *s) {
  return s->kind == OP_PROCESS_MAIL || (s->kind == OP_QUEUE_GET && setup->things[s->thing].mail);
}

static int open_mailbox(const struct object_ref *ref, struct object **ret) {
  struct object *p = NULL;
  check(op_handle_import(&b->base, ref, &p), "import");
  struct op op = {.kind = OP_PROCESS_MAIL, .object = p, .deadline_ns = SBX_FOREVER};
  int rc = perform(&b->base, &op);
  op_handle_release(&b->base, p);
  *ret = rc ? NULL : op.object;
  if (rc == -SBX_EINTERRUPTED)
    b->base.self->take_interrupt(&b->base);
  return rc;
}

static void do_mail(const struct order *o, struct answer *ret) {
  struct object **box = &things[o->request.step.thing];
  struct order then = *o;
  if (then.request.step.kind == OP_PROCESS_MAIL)
    then.request.step.kind = OP_QUEUE_PUT;
  ret->rc = open_mailbox(&o->joined[0], box);
  if (ret->rc)
    return;
  do_op(&then, ret);
  if (ret->rc == -SBX_ECLOSED)
    ret->rc = -SBX_EGONE;
  op_handle_release(&b->base, *box);
  *box = NULL;
}

static void leave(const struct request *r) {
  uint8_t message[1 << 15];
  struct buf result = {.data = message, .len = message_len(r->step.item)};
  message_make(r->step.item, message);
  op_process_await(&b->base, r->count == 0);
  check(op_process_end(&b->base, &(struct end_request){.result = result.len ? &result : NULL,
                                                        .exit_code = (int)r->count}),
        "publish");
  _exit((int)r->count);
}

static void work(int from, int to) {
  for (;;) {
    struct order o;
    struct answer a = {0};
    ssize_t n = read(from, &o, sizeof o);
    if (n < 0 && errno == EINTR)
      continue;
    if (n != sizeof o)
      _exit(1);
    if (o.request.step.kind == DO_LEAVE)
      leave(&o.request);
    if (o.request.step.kind == DO_DROP) {
      op_handle_release(&b->base, things[o.request.step.thing]);
      things[o.request.step.thing] = NULL;
    } else if (is_mail(&o.request.step)) {
      do_mail(&o, &a);
    } else if (o.request.many > 1 && o.request.step.kind != OP_ARRAY_COPY) {
      do_run(&o, &a);
    } else {
      do_op(&o, &a);
    }
    while (write(to, &a, sizeof a) < 0)
      if (errno != EINTR)
        _exit(1);
  }
}

enum { SPAWNED_MAX = 1000 }; /* in a sequence */
static uint64_t serials[SPAWNED_MAX];
static int spawned;

/* A process that was found is known by its number in the sequence. */
static uint64_t nth_made(uint64_t serial) {
  for (int i = 0; i < spawned; i++)
    if (serials[i] == serial)
      return 1 + (uint64_t)i;
  return WRONG;
}

static void spawn(int proc) {
  struct worker *w = &workers[proc];
  char name[8];
  struct spawn_request request = {.name = name, .where = "conformance", .cpu = -1};
  struct op op = {.kind = OP_PROCESS_SPAWN, .spawn = &request, .number = -1};
  name_place(name, proc);
  if (pipe2(w->to, O_CLOEXEC) || pipe2(w->from, O_CLOEXEC))
    check(1, "pipe2");
  check(perform(&b->base, &op), "spawn");
  if (op.number == 0)
    close(lifeline_write);
  if (op.number == 0)
    work(w->to[IN], w->from[OUT]);
  w->process = op.object;
  if (spawned < SPAWNED_MAX)
    serials[spawned++] = op.object->serial;
  w->lives = true;
  w->told = (struct request){0};
}

/* -- the objects
 * ------------------------------------------------------------------------------------ */

static void make_thing(int i) {
  const struct thing *t = &setup->things[i];
  struct sync_options s = {
      .type = t->type, .recursive = t->recursive, .action = t->action, .floats = t->floats, .count = t->count, .max = t->max};
  struct queue_options q = {.max = t->max, .transport = t->transport, .redeliver = t->redeliver};
  struct pipe_request pipe = {0};
  if (t->mail)
    return;
  switch (t->type) {
  case OBJECT_QUEUE:
    check(op_queue_new(&b->base, &q, &things[i]), "queue");
    break;
  case OBJECT_PIPE:
    if (t->other < i)
      break; /* made with the other */
    check(op_pipe_new(&b->base, &pipe), "pipe");
    things[i] = pipe.ends[0];
    things[t->other] = pipe.ends[1];
    break;
  default:
    if (t->type == OBJECT_CONDITION)
      s.lock = things[t->other];
    check(op_sync_new(&b->base, &s, &things[i]), "object");
  }
}

static void drop_things(void) {
  for (int i = 0; i < THINGS_MAX; i++) {
    op_handle_release(&b->base, things[i]);
    things[i] = NULL;
  }
}

static void make_world(void) {
  if (the_backend) { /* see os_host */
    b = the_backend;
    return;
  }
  struct control_options o = {.speed = 1, .seed = 1, .seeded = true, .max_procs = 512};
  struct control *c;
  check(control_create(&o, &c), "control");
  b = backend_new(c);
  check(results_create(&b->results), "results");
  check(lifeline_create(b, &lifeline_write), "lifeline");
  atomic_store(&c->processes[0].pid, getpid());
  control_process_advance(c, 0, 1, PHASE_RUNNING);
  backend_install_signals(b);
  if (os_front)
    os_front->install(b);
}

void os_begin(const struct setup *s) {
  if (!b)
    make_world();
  setup = s;
  os_heals = s->heals;
  spawned = 0;
  for (int i = 0; i < s->thing_count; i++)
    make_thing(i);
  for (int p = 0; p < s->proc_count; p++)
    spawn(p);
  if (s->dropped)
    drop_things();
}

/* -- what is told and heard
 * --------------------------------------------------------------------------- */

static void name_joined(const struct step *s, struct object_ref *ret) {
  if (names_process(s->kind) || is_mail(s))
    b->base.objects->object_ref(workers[s->thing].process, ret);
}

void os_tell(const struct request *r) {
  struct order o = {.request = *r};
  struct worker *w = &workers[r->proc];
  name_joined(&r->step, &o.joined[0]);
  for (uint32_t i = 0; i < r->sub_count; i++)
    name_joined(&r->subs[i], &o.joined[i]);
  w->told = *r;
  w->told_ns = clock_now_ns();
  while (write(w->to[OUT], &o, sizeof o) < 0)
    if (errno != EINTR)
      check(1, "tell");
}

bool os_hear(int proc, int64_t patience_ns, int *ret_proc, struct answer *ret) {
  struct pollfd fds[PROCS_MAX];
  struct timespec t = {.tv_nsec = (long)patience_ns};
  for (int p = 0; p < setup->proc_count; p++)
    fds[p] =
        (struct pollfd){.fd = proc < 0 || proc == p ? workers[p].from[IN] : -1, .events = POLLIN};
  if (ppoll(fds, (nfds_t)setup->proc_count, &t, NULL) <= 0)
    return false;
  for (int p = 0; p < setup->proc_count; p++)
    if ((fds[p].revents & POLLIN) && read(workers[p].from[IN], ret, sizeof *ret) == sizeof *ret) {
      *ret_proc = p;
      if (workers[p].told.step.kind == OP_PROCESS_FIND && ret->rc == 0)
        ret->item = nth_made(ret->item);
      return true;
    }
  return false;
}

static bool in_line(uint32_t object, uint32_t process) {
  const struct sync_record *r = &b->control->syncs[object];
  return line_has(b->control, &r->line, process) || line_has(b->control, &r->second, process);
}

static bool has_line(uint32_t kind) {
  enum object_type type = op_describe((enum op_kind)kind)->type;
  return kind == OP_QUEUE_JOIN || (type >= OBJECT_LOCK && type < OBJECT_PIPE);
}

static bool in_all_lines(const struct process_record *r, uint32_t kind, uint32_t process) {
  if (os_front)
    return true; /* it sleeps only in line */
  if (kind != OP_SELECT)
    return !has_line(kind) || in_line(atomic_load(&r->op_slot), process);
  for (uint32_t i = 0; i < r->select_count; i++)
    if (has_line(r->select[i].kind) && !in_line(r->select[i].slot, process))
      return false;
  return true;
}

enum op_kind os_waits(int proc) {
  const struct worker *w = &workers[proc];
  uint32_t slot = w->process->slot;
  const struct process_record *r = &b->control->processes[slot];
  uint32_t kind = atomic_load(&r->op_kind);
  int64_t since = atomic_load(&r->op_since_ns);
  bool expected = kind == (uint32_t)w->told.step.kind ||
                  (w->told.step.kind == OP_CONDITION_WAIT && kind == OP_LOCK_ACQUIRE);
  if (!w->lives || kind == OP_NONE || kind == OP_PROCESS_MAIL || !expected || since < w->told_ns ||
      !in_all_lines(r, kind, slot) || atomic_load(&r->op_kind) != kind ||
      atomic_load(&r->op_since_ns) != since)
    return OP_NONE;
  return (enum op_kind)kind;
}

static pid_t pid_of(int proc) {
  return atomic_load(&b->control->processes[workers[proc].process->slot].pid);
}

void os_interrupt(int proc) { kill(pid_of(proc), SIGINT); }

void os_end(int proc, enum end how) {
  struct op op = {
      .kind = OP_PROCESS_JOIN, .object = workers[proc].process, .deadline_ns = SBX_FOREVER};
  if (how == END_KILLED)
    kill(pid_of(proc), SIGKILL);
  check(perform(&b->base, &op), "join");
  if (os_front)
    os_front->ended(workers[proc].process->serial);
  workers[proc].lives = false;
}

static void forget(int proc) {
  struct worker *w = &workers[proc];
  for (int i = 0; i < 2; i++) {
    close(w->to[i]);
    close(w->from[i]);
  }
  op_handle_release(&b->base, w->process);
  w->process = NULL;
}

void os_renew(int proc) {
  forget(proc);
  spawn(proc);
}

void os_over(void) {
  for (int p = 0; p < setup->proc_count; p++)
    if (workers[p].lives)
      kill(pid_of(p), SIGKILL);
  for (int p = 0; p < setup->proc_count; p++) {
    if (workers[p].lives)
      os_end(p, END_LEFT);
    forget(p);
  }
  drop_things();
}

/* -- what is seen
 * ------------------------------------------------------------------------------------------ */

static uint64_t proc_with(uint64_t serial) {
  for (int p = 0; p < setup->proc_count; p++)
    if (workers[p].lives && workers[p].process->serial == serial)
      return 1 + (uint64_t)p;
  return 0;
}

static bool look_at_process(int proc, struct look *ret) {
  struct process_info info;
  if (op_process_look(&b->base, workers[proc].process, &info))
    return false;
  *ret = (struct look){.number = info.status,
                       .count = info.exit_code > 0 ? (uint64_t)info.exit_code : 0};
  return true;
}

bool os_look(int thing, struct look *ret) {
  struct queue_info q;
  struct sync_info s;
  if (thing < 0)
    return look_at_process(-1 - thing, ret);
  enum object_type type = setup->things[thing].type;
  if (!things[thing])
    return false;
  *ret = (struct look){0};
  if (type == OBJECT_QUEUE || type == OBJECT_PIPE) {
    if (type == OBJECT_QUEUE)
      op_queue_look(&b->base, things[thing], &q);
    else
      op_pipe_look(&b->base, things[thing], &q);
    ret->count = q.len;
    ret->closed = q.closed;
    return true;
  }
  op_sync_look(&b->base, things[thing]->type, things[thing], &s);
  ret->waiting = s.waiting;
  ret->number = s.set;
  ret->count = s.count;
  if (type == OBJECT_LOCK || type == OBJECT_VALUE || type == OBJECT_DICT)
    ret->number = proc_with(s.holder);
  if (type == OBJECT_LOCK)
    ret->count = ret->number ? s.depth : 0;
  return true;
}

void os_pass(int64_t ns) {
  struct timespec t = {.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};
  nanosleep(&t, NULL);
}

/* -- handles that travel need a supervisor --------------------------------------------------------- */

struct hosted {
  void (*body)(void *);
  void *arg;
};

static int main_does(struct backend *backend, void *ctx) {
  const struct hosted *h = ctx;
  (void)backend;
  h->body(h->arg);
  fflush(NULL);
  _exit(0);
}

static void say_nothing(void *ctx, const char *line) { (void)ctx, (void)line; }

static int os_host(void (*body)(void *), void *arg) {
  const struct supervisor_options o = {.backend = backend_new,
                                       .speed = 1,
                                       .seed = 1,
                                       .max_procs = 512,
                                       .timeout_ns = SBX_FOREVER,
                                       .say = say_nothing};
  struct hosted h = {body, arg};
  return supervisor_run(&o, main_does, &h);
}

const struct conformance_backend os_conformance = {.name = "os",
                                                   .host = os_host,
                                                   .begin = os_begin,
                                                   OS_DOES};
