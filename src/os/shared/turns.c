/* os/shared/turns.c - see turns.h. */
#include "os/shared/turns.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/pidfd.h"
#include "object/quiet.h"
#include "os/shared/broker.h"
#include "os/shared/line.h"
#include "os/shared/proc.h"
#include "os/shared/self.h"

enum {
  SLICE_NS = 20 * 1000 * 1000,
  SHORT_SLICE_NS = 1000 * 1000,
  LONG_SECONDS = 3600,
  SLEEPS_MOST = 8
};

static const uint32_t nobody = (uint32_t)TURNS_NOBODY;

/* Private to each process, by fork. */
struct turn_taker {
  struct object_ops table;        /* what perform() calls now */
  const struct object_ops *inner; /* what it called before; borrowed */
  struct turns *t;                /* shared; borrowed */
  uint32_t number;                /* of this process; nobody: the list does not know it */
  uint32_t next;                  /* its turns before this one are over */
  uint32_t spawned;               /* children so far */
  bool has_turn;                  /* it is at the turn before `next` */
  bool over;                      /* it has performed its END */
  int64_t deadline_ns;            /* of the op under way, as it was asked for */
  int64_t sleeps_ns[SLEEPS_MOST]; /* of the sleeps among its ops, if it is a select */
};

struct turns *turns_new(void) {
  void *p = mmap(NULL, sizeof(struct turns), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

void turns_free(struct turns *t) {
  if (t)
    munmap(t, sizeof *t);
}

/* -- who ----------------------------------------------------------------------------------------- */

static uint32_t child_of(const struct turns *t, uint32_t spawner, uint32_t nth) {
  for (uint32_t i = 1; i < t->process_count && spawner != nobody; i++)
    if (t->processes[i].spawner == spawner && t->processes[i].nth == nth)
      return i;
  return nobody;
}

static uint32_t number_of(const struct turns *t, uint64_t who) {
  for (uint32_t i = 0; i < t->process_count; i++)
    if (atomic_load(&t->processes[i].who) == who)
      return i;
  return nobody;
}

/* -- the turn ------------------------------------------------------------------------------------ */

static void wake_all(struct turns *t) {
  syscall(SYS_futex, &t->at, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void move_on(struct turns *t, uint32_t from) {
  uint32_t at = from;
  atomic_store(&t->since_ns, clock_now_ns());
  if (atomic_compare_exchange_strong(&t->at, &at, from + 1))
    wake_all(t);
}

static bool is_free(const struct os_backend *b) {
  const struct turns *t = b->turns->t;
  return atomic_load(&t->differs) || atomic_load(&t->at) >= t->count || b->interrupted ||
         b->leaving || atomic_load(&b->control->ending);
}

/* The first to see a difference says so, and has the supervisor end the run. */
static void differ(struct os_backend *b, uint32_t step, const char *what, const char *instead) {
  struct turns *t = b->turns->t;
  uint32_t none = 0;
  if (!atomic_compare_exchange_strong(&t->differs, &none, 1))
    return;
  const struct turn *turn = &t->list[step];
  snprintf(t->difference, sizeof t->difference, "step %u differs: %s was to %s, but %s%s", step + 1,
           t->processes[turn->process].name, turn->what, what, instead);
  atomic_store(&t->differs, 2);
  wake_all(t);
  broker_tell(b, BROKER_DIFFERS);
}

static bool is_kill(const struct turn *turn) { return turn->flags & TURN_KILL; }

/* Is the turn over when the process has ended? */
static bool ends_process(const struct turn *turn) {
  return turn->kind == OP_PROCESS_END || (turn->flags & (TURN_KILL | TURN_SELF));
}

/* Is the process to be killed in an op for which it waits for no turn, and does it sleep in it? */
static bool sleeps_in_it(const struct turns *t, const struct turn *turn,
                         const struct process_record *p) {
  if (!(turn->flags & TURN_QUIET))
    return false;
  uint32_t kind = atomic_load(&p->op_kind), slot = atomic_load(&p->op_slot);
  if (turn->kind == OP_PROCESS_AWAIT) /* it joins its children */
    return kind == OP_PROCESS_JOIN;
  bool other = turn->kind == OP_PROCESS_JOIN && turn->about < t->process_count &&
               slot != who_slot(atomic_load(&t->processes[turn->about].who));
  return kind == turn->kind && !other;
}

/* On purpose: that is no failure. */
static void kill_process(struct control *c, uint64_t who) {
  struct process_record *p = &c->processes[who_slot(who)];
  int fd = pidfd_open_of(atomic_load(&p->pid));
  if (fd < 0)
    return;
  if (!process_gone(c, who, false)) { /* nobody had reaped it, so the pid was its own */
    atomic_fetch_or(&p->flags, FLAG_EXPECTED);
    pidfd_signal(fd, SIGKILL);
  }
  close(fd);
}

__attribute__((noreturn)) static void kill_oneself(struct os_backend *b) {
  fflush(stdout); /* what was printed before is seen */
  atomic_fetch_or(&my_record(b)->flags, FLAG_EXPECTED);
  for (;;) {
    kill(getpid(), SIGKILL);
    pause();
  }
}

/* Whose turn it is has not moved for a while: why? */
static void look_after(struct os_backend *b, uint32_t at) {
  struct turns *t = b->turns->t;
  const struct turn *turn = &t->list[at];
  uint64_t who = atomic_load(&t->processes[turn->process].who);
  bool gone = who && process_gone(b->control, who, !(turn->flags & (TURN_KILL | TURN_SELF)));
  if (atomic_load(&t->at) != at) /* it has taken its turn, and ended only then */
    return;
  if (gone && ends_process(turn)) {
    move_on(t, at);
    return;
  }
  if (!gone && who && (turn->flags & TURN_SELF) &&
      proc_state(b->control->processes[who_slot(who)].pid) == 'T') {
    move_on(t, at);
    return;
  }
  if (gone) {
    differ(b, at, "it has ended", "");
    return;
  }
  if (who && is_kill(turn) && sleeps_in_it(t, turn, &b->control->processes[who_slot(who)]))
    kill_process(b->control, who);
  if (clock_now_ns() - atomic_load(&t->since_ns) < TURNS_PATIENCE_NS)
    return; /* as long as the turn is the same, this is since when it is */
  if (!who) {
    differ(b, at, "nobody has spawned it", "");
    return;
  }
  const struct process_record *p = &b->control->processes[who_slot(who)];
  uint32_t kind = atomic_load(&p->op_kind);
  if (kind == OP_CLOCK_SLEEP || proc_state(p->pid) == 'R') /* it takes its time */
    return;
  differ(b, at, kind == OP_NONE ? "it does not come" : "it waits in ",
         kind == OP_NONE ? "" : op_describe((enum op_kind)kind)->verb);
}

/* False: everything is free. `mine`: count for the end of the list. */
static bool wait_for(struct os_backend *b, uint32_t mine) {
  struct turns *t = b->turns->t;
  while (!is_free(b)) {
    uint32_t at = atomic_load(&t->at);
    if (at == mine)
      return true;
    if (at >= t->count)
      break;
    look_after(b, at);
    /* no wake-up comes when a process has ended */
    bool ends = ends_process(&t->list[at]);
    const struct timespec slice = {.tv_nsec = ends ? SHORT_SLICE_NS : SLICE_NS};
    syscall(SYS_futex, &t->at, FUTEX_WAIT, at, &slice, NULL, 0);
  }
  return false;
}

/* The next turn of this process; count: it has none any more. */
static uint32_t next_turn(struct turn_taker *me) {
  const struct turns *t = me->t;
  while (me->next < t->count && t->list[me->next].process != me->number)
    me->next++;
  return me->next;
}

/* At its turn, which times out or does not, whatever the time is. */
static void set_deadlines(const struct turn_taker *me, struct op *op, const struct turn *turn) {
  const int64_t far_ns = clock_now_ns() + LONG_SECONDS * NS_PER_SECOND;
  bool late = turn->flags & TURN_LATE;
  if (me->deadline_ns != SBX_FOREVER)
    op->deadline_ns = late ? 0 : far_ns;
  for (uint32_t i = 0, n = 0; i < op->sub_count && n < SLEEPS_MOST; i++)
    if (op->subs[i].kind == OP_CLOCK_SLEEP) {
      op->subs[i].deadline_ns = !late && (int32_t)i == turn->number ? 0 : far_ns;
      n++;
    }
}

static void note_deadlines(struct turn_taker *me, const struct op *op) {
  me->deadline_ns = op->deadline_ns;
  for (uint32_t i = 0, n = 0; i < op->sub_count && n < SLEEPS_MOST; i++)
    if (op->subs[i].kind == OP_CLOCK_SLEEP)
      me->sleeps_ns[n++] = op->subs[i].deadline_ns;
}

static void reset_deadlines(const struct turn_taker *me, struct op *op) {
  op->deadline_ns = me->deadline_ns;
  for (uint32_t i = 0, n = 0; i < op->sub_count && n < SLEEPS_MOST; i++)
    if (op->subs[i].kind == OP_CLOCK_SLEEP)
      op->subs[i].deadline_ns = me->sleeps_ns[n++];
}

/* Wait for the next turn, and have it. False: everything is free. */
static bool take_turn(struct os_backend *b, struct op *op) {
  struct turn_taker *me = b->turns;
  uint32_t mine = next_turn(me);
  if (!wait_for(b, mine))
    return false;
  const struct turn *turn = &me->t->list[mine];
  if ((turn->flags & TURN_SPARE) && op->kind != turn->kind) {
    me->next = mine + 1;
    move_on(me->t, mine);
    if (!wait_for(b, mine = next_turn(me)))
      return false;
    turn = &me->t->list[mine];
  }
  if (turn->kind != op->kind) {
    differ(b, mine, "it is to ", op_describe(op->kind)->verb);
    return false;
  }
  if (is_kill(turn))
    kill_oneself(b);
  me->next = mine + 1;
  me->has_turn = true;
  set_deadlines(me, op, turn);
  return true;
}

void turns_pass(struct os_backend *b) {
  struct turn_taker *me = b->turns;
  if (!me || !me->has_turn)
    return;
  me->has_turn = false;
  move_on(me->t, me->next - 1);
}

uint32_t turns_choice(const struct os_backend *b, const struct op *op) {
  const struct turn_taker *me = b->turns;
  const struct turn *turn = me && me->has_turn ? &me->t->list[me->next - 1] : NULL;
  bool says = turn && turn->kind == OP_SELECT && !(turn->flags & (TURN_GOES_ON | TURN_LATE));
  return says && turn->number >= 0 && (uint32_t)turn->number < op->sub_count
             ? (uint32_t)turn->number
             : 0;
}

bool turns_is_late(const struct os_backend *b) {
  const struct turn_taker *me = b->turns;
  return me && me->has_turn && (me->t->list[me->next - 1].flags & TURN_LATE);
}

bool turns_goes_on(const struct os_backend *b) {
  const struct turn_taker *me = b->turns;
  return me && me->has_turn && (me->t->list[me->next - 1].flags & TURN_GOES_ON);
}

bool turns_between(struct os_backend *b, struct op *op) {
  if (!turns_goes_on(b))
    return false;
  turns_pass(b);
  if (!take_turn(b, op))
    reset_deadlines(b->turns, op);
  return true;
}

/* -- ops ----------------------------------------------------------------------------------------- */

static bool joins_only(const struct op *op) {
  for (uint32_t i = 0; i < op->sub_count; i++)
    if (op->subs[i].kind != OP_PROCESS_JOIN)
      return false;
  return op->count == SELECT_ORDERED;
}

/* Of those that may be quiet: the next turn says whether this one is. */
static bool is_step(struct turn_taker *me, const struct object_ops *ops, const struct op *op) {
  if (!op_may_be_quiet(op->kind))
    return !op_is_quiet(op->kind, op->deadline_ns == SBX_FOREVER, joins_only(op));
  uint32_t next = next_turn(me);
  const struct turn *turn = &me->t->list[next];
  if (next >= me->t->count || turn->kind != op->kind)
    return false;
  if (op->kind != OP_PROCESS_LOOK)
    return true;
  struct object_ref ref;
  ops->object_ref(op->object, &ref);
  return op->number != 1 && turn->about == number_of(me->t, who_of(ref.slot, ref.serial));
}

/* A child is known by its number as soon as there is one. */
static int spawn(struct os_backend *b, struct op *op) {
  struct turn_taker *me = b->turns;
  uint32_t number = child_of(me->t, me->number, me->spawned);
  uint64_t before = b->serial;
  int rc = me->inner->perform(&b->base, op);
  if (b->serial != before) {
    me->number = number;
    me->next = me->spawned = 0;
    me->has_turn = me->over = false;
  } else if (rc == 0) {
    struct object_ref ref;
    me->spawned++;
    me->inner->object_ref(op->object, &ref);
    if (number != nobody)
      atomic_store(&me->t->processes[number].who, who_of(ref.slot, ref.serial));
  }
  return rc;
}

static int perform_in_turn(struct backend *base, struct op *op) {
  struct os_backend *b = (struct os_backend *)base;
  struct turn_taker *me = b->turns;
  if (op->kind == OP_PROCESS_SPAWN)
    return spawn(b, op);
  if (me->over || is_free(b) || !is_step(me, me->inner, op))
    return me->inner->perform(base, op);
  note_deadlines(me, op);
  take_turn(b, op);
  int rc = me->inner->perform(base, op);
  reset_deadlines(me, op);
  me->over = op->kind == OP_PROCESS_END;
  if (!me->over) /* that is done when the process is gone: look_after */
    turns_pass(b);
  return rc;
}

/* -- the run ------------------------------------------------------------------------------------- */

bool turns_done(struct turns *t, char ret[TURNS_DIFFERENCE]) {
  uint32_t at = atomic_load(&t->at), count = t->count < TURNS_MAX ? t->count : TURNS_MAX;
  if (atomic_load(&t->differs) == 2) {
    snprintf(ret, TURNS_DIFFERENCE, "%.*s", TURNS_DIFFERENCE - 1, t->difference);
    return false;
  }
  while (at < count && ends_process(&t->list[at]))
    at++;
  if (at >= count)
    return true;
  const struct turn turn = t->list[at];
  snprintf(ret, TURNS_DIFFERENCE, "step %u differs: %.*s was to %.*s, but the run is over", at + 1,
           TURNS_TEXT - 1, t->processes[turn.process % TURNS_PROCESSES].name, TURNS_TEXT - 1,
           turn.what);
  return false;
}

int turns_install(struct os_backend *b, struct turns *t) {
  struct turn_taker *me = calloc(1, sizeof *me);
  if (!me)
    return -SBX_ENOMEM;
  me->t = t;
  me->inner = b->base.objects;
  me->table = *b->base.objects;
  me->table.perform = perform_in_turn;
  me->table.run = NULL;
  atomic_store(&t->processes[0].who, who_of(b->slot, b->serial));
  atomic_store(&t->since_ns, clock_now_ns());
  b->turns = me;
  b->base.objects = &me->table;
  return 0;
}

void turns_release(struct os_backend *b) {
  free(b->turns);
  b->turns = NULL;
}
