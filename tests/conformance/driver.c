/* tests/conformance/driver.c - sequences, told to a backend and followed by the model; see
 * conformance.h. */
#include "cases.h"
#include "model.h"
#include "object/barrier.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "object/value.h"

static const struct conformance_backend *const backends[] = {&os_conformance, &sim_conformance,
                                                            &net_conformance};

const struct conformance_backend *conformance_backend_used;

enum {
  ROUNDS = 150,
  BATCH = 20, /* sequences in one process */
  HISTORY = 4096,
  GLANCE_NS = 20 * 1000,
  STATUS_FAILED = 99
};

static const int64_t hang_ns = 20 * INT64_C(1000000000);
static const int64_t long_wait_ns = 6 * 1000 * 1000; /* longer than a newcomer may overtake */

/* -- small things ------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

uint64_t draw(uint64_t *seed, uint64_t n) { return mix(*seed += UINT64_C(0x9e3779b97f4a7c15)) % n; }

static uint64_t number_from(const char *variable, uint64_t otherwise) {
  const char *text = getenv(variable);
  return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

uint32_t message_len(uint64_t number) {
  static const uint32_t lens[16] = {9,   16,  40,  100, 351, 352, 353,   24,
                                    507, 508, 509, 64,  10,  11,  16500, 4100};
  return number ? lens[number % 16] : 0;
}

void message_make(uint64_t number, uint8_t *to) {
  uint32_t len = message_len(number);
  uint64_t word = number;
  for (uint32_t i = 0; i < len; i += 8, word = mix(word + i))
    memcpy(to + i, &word, len - i < 8 ? len - i : 8);
}

uint64_t message_read(const uint8_t *data, uint64_t len) {
  static uint8_t wanted[1 << 15];
  uint64_t number;
  if (len == 0)
    return 0;
  if (len < sizeof number)
    return UINT64_MAX;
  memcpy(&number, data, sizeof number);
  if (len != message_len(number))
    return UINT64_MAX;
  message_make(number, wanted);
  return memcmp(wanted, data, len) == 0 ? number : UINT64_MAX;
}

uint64_t elements_sum(const void *elements, size_t bytes) {
  uint64_t sum = 0, bits;
  for (size_t at = 0; at < bytes; at += sizeof bits) {
    memcpy(&bits, (const uint8_t *)elements + at, sizeof bits);
    sum = mix(sum ^ bits) + 1;
  }
  return sum;
}

uint64_t entry_sum(uint8_t key, uint64_t item) { return mix(item * 256 + key + 1); }

static void trim_by_kind(struct answer *a, struct answer *all, const struct request *r, int kind) {
  bool ok = a->rc == 0;
  bool dict = kind < OP_COUNT && op_describe((enum op_kind)kind)->type == OBJECT_DICT;
  switch (kind) {
  case OP_LOCK_ACQUIRE:
  case OP_SEMAPHORE_ACQUIRE:
  case OP_RWLOCK_READ:
  case OP_RWLOCK_WRITE:
    a->abandoned = ok && all->abandoned;
    break;
  case OP_CONDITION_WAIT:
    a->abandoned = (ok || a->rc == -SBX_ETIMEDOUT) && all->abandoned;
    break;
  case OP_PROCESS_LOOK:
  case OP_QUEUE_LOOK:
  case OP_SEMAPHORE_LOOK:
  case OP_EVENT_LOOK:
  case OP_LATCH_LOOK:
  case OP_ARRAY_LOOK:
  case OP_PROGRESS_LOOK:
    a->count = ok ? all->count : 0;
    a->item = ok ? all->item : 0;
    a->same = ok && all->same;
    break;
  case OP_BARRIER_WAIT:
  case OP_BARRIER_PASS:
  case OP_LATCH_DOWN:
    a->count = ok ? all->count : 0;
    break;
  case OP_ARRAY_CAS:
    a->same = ok && all->same;
    a->item = ok && !a->same ? all->item : 0;
    break;
  case OP_VALUE_CAS:
  case OP_DICT_CAS:
    a->same = ok && all->same;
    if (a->same)
      break;
    /* fall through */
  case OP_VALUE_GET:
  case OP_VALUE_AWAIT:
  case OP_VALUE_UPDATE:
  case OP_DICT_GET:
  case OP_DICT_AWAIT:
  case OP_DICT_UPDATE:
    a->none = ok && dict && all->none;
    a->is_number = ok && !a->none && all->is_number;
    a->item = ok && !a->none ? all->item : 0;
    break;
  case OP_QUEUE_GET:
    a->abandoned = ok && all->abandoned; /* it came back */
    /* fall through */
  case OP_QUEUE_PEEK:
  case OP_PIPE_RECV:
  case OP_PROCESS_JOIN:
  case OP_PROCESS_FIND:
  case OP_VALUE_ADD:
  case OP_DICT_ADD:
  case OP_DICT_ALL:
  case OP_ARRAY_GET:
  case OP_ARRAY_ADD:
  case OP_ARRAY_COPY:
    a->item = ok ? all->item : 0;
    break;
  default:
    break;
  }
  (void)r;
}

bool is_look(int kind) {
  return kind == OP_PROCESS_LOOK || kind == OP_QUEUE_LOOK || kind == OP_SEMAPHORE_LOOK ||
         kind == OP_EVENT_LOOK || kind == OP_PROGRESS_LOOK || kind == OP_LATCH_LOOK ||
         kind == OP_ARRAY_LOOK;
}

void answer_trim(struct answer *a, const struct request *r) {
  struct answer all = *a;
  int kind = r->step.kind;
  *a = (struct answer){.rc = all.rc};
  if (kind == OP_SELECT) {
    a->number = all.number;
    kind = all.number >= 0 ? r->subs[all.number].kind : OP_NONE;
  }
  trim_by_kind(a, &all, r, kind);
  if ((kind == OP_QUEUE_PUT || kind == OP_QUEUE_GET) && r->step.kind == kind && r->many > 1)
    a->number = all.rc == 0 ? all.number : 0;
}

/* -- one sequence ------------------------------------------------------------------------------ */

enum event_kind { TOLD, ANSWERED, INTERRUPTED, ENDED, RENEWED, SEEN, PASSED };

struct event {
  enum event_kind kind;
  int round, proc, what;
  struct request request;
  struct answer answer;
};

/* Where a sequence is; shared with the process that watches. */
struct progress {
  uint64_t seed, ops, sequences, crowds;
  uint64_t kinds[OP_COUNT]; /* ops told, by kind */
  int round;
};

static struct {
  const struct conformance_case *c;
  const struct conformance_backend *b;
  struct setup setup;
  struct model m;
  enum op_kind seen[PROCS_MAX]; /* in which it was seen to wait last */
  bool lives[PROCS_MAX], busy[PROCS_MAX], leaves[PROCS_MAX];
  bool interrupted[PROCS_MAX]; /* and may not know it yet */
  uint64_t whos, messages;
  int round;
  struct event history[HISTORY];
  uint32_t events;
  bool quiet, trace, hosted;
  struct progress *progress;
} run;

struct hint hint_of(int proc, int thing) {
  struct model_state *s = run.m.states[0];
  struct hint h = {0};
  struct look l;
  model_look(&run.m, s, thing, &l);
  h.held = l.number == 1 + (uint64_t)proc;
  if (s->things[thing].contents.len >= 16)
    memcpy(&h.item, s->things[thing].contents.data + 8, sizeof h.item);
  if (run.setup.things[thing].type == OBJECT_VALUE) {
    h.is_number = s->things[thing].words[VALUE_KIND] == VALUE_INTEGER;
    if (h.is_number)
      h.item = s->things[thing].words[VALUE_DATA];
  }
  return h;
}

bool hint_acts(int proc, int thing) {
  struct model_state *s = run.m.states[0];
  return s->things[thing].words[BARRIER_ACTOR] == s->procs[proc].who;
}

struct hint hint_at(int thing, uint8_t key) {
  struct answer now = {0};
  model_read_dict(run.m.states[0], thing, key, &now);
  return (struct hint){.item = now.item, .is_number = now.is_number, .none = now.none};
}

bool holds(int proc, int thing) { return run.m.states[0]->procs[proc].holds >> thing & 1; }

uint64_t new_message(void) { return ++run.messages; }

static void print_event(const struct event *e) {
  fprintf(stderr, "  %3d  ", e->round);
  switch (e->kind) {
  case TOLD:
    request_print(&e->request);
    break;
  case ANSWERED:
    fprintf(stderr, "     p%d -> ", e->proc);
    answer_print(&e->answer);
    break;
  case SEEN:
    fprintf(stderr, "     p%d waits in %s\n", e->proc, op_describe((enum op_kind)e->what)->verb);
    break;
  case PASSED:
    fprintf(stderr, "time passes\n");
    break;
  default:
    fprintf(stderr, "p%d %s\n", e->proc,
            e->kind == INTERRUPTED ? "is interrupted"
            : e->kind == RENEWED   ? "is made anew"
            : e->what              ? "has left"
                                   : "is killed");
  }
}

static struct event *note(enum event_kind kind, int proc) {
  struct event *e = &run.history[run.events % HISTORY];
  *e = (struct event){.kind = kind, .round = run.round, .proc = proc};
  run.events++;
  return e;
}

static void noted(const struct event *e) {
  if (run.trace)
    print_event(e);
}

static void print_world(void) {
  for (int i = 0; i < run.setup.thing_count; i++) {
    struct look l;
    fprintf(stderr, "    thing %d: ", i);
    if (run.b->look(i, &l))
      look_print(&l);
    else
      fprintf(stderr, "cannot be asked\n");
  }
  for (int i = 0; i < run.setup.proc_count; i++)
    fprintf(stderr, "    p%d: %s%s, waits in %s\n", i, run.lives[i] ? "" : "ended, ",
            run.busy[i] ? "busy" : "idle",
            run.busy[i] ? op_describe(run.b->waits(i))->verb : "nothing");
}

static void failed(const char *what) __attribute__((noreturn));
static void failed(const char *what) {
  if (run.quiet)
    _exit(STATUS_FAILED);
  const struct setup *s = &run.setup;
  fprintf(stderr, "\n%s on %s, CONFORMANCE_SEED=%llu, round %d: %s\n", run.c->name, run.b->name,
          (unsigned long long)run.progress->seed, run.round, what);
  fprintf(stderr, "  objects:");
  for (int i = 0; i < s->thing_count; i++)
    fprintf(stderr, " %d type %d (%srecursive, count %llu, max %llu, transport %d, other %d)", i,
            s->things[i].type, s->things[i].recursive ? "" : "not ",
            (unsigned long long)s->things[i].count, (unsigned long long)s->things[i].max,
            s->things[i].transport, s->things[i].other);
  fprintf(stderr, "\n  processes: %d%s%s\n", s->proc_count, s->heals ? ", heals" : "",
          s->dropped ? ", dropped by the maker" : "");
  uint32_t from = run.events > 120 ? run.events - 120 : 0;
  for (uint32_t i = from; i < run.events; i++)
    print_event(&run.history[i % HISTORY]);
  fprintf(stderr, "  the backend:\n");
  print_world();
  for (uint32_t i = 0; i < run.m.count && i < 4; i++) {
    fprintf(stderr, "  the machines, state %u of %u:\n", i + 1, run.m.count);
    model_print(&run.m, run.m.states[i]);
  }
  _exit(STATUS_FAILED);
}

static void follow(void) {
  run.m.now_ns = run.b->now();
  model_close(&run.m);
  if (run.m.broken)
    failed(run.m.broken);
}

/* Keep the states that fit, of all that may follow. False: there are none. */
static bool keep(bool (*filter)(struct model *, int, const void *), int number, const void *arg) {
  follow();
  return filter(&run.m, number, arg) || run.m.crowded; /* a set that was cut off explains nothing */
}

static bool filter_answer(struct model *m, int proc, const void *a) {
  return model_answered(m, proc, a);
}
static bool filter_waiting(struct model *m, int proc, const void *kind) {
  return model_waiting(m, proc, *(const enum op_kind *)kind);
}
static bool filter_look(struct model *m, int thing, const void *l) {
  return model_looks(m, thing, l);
}

static void heard(int proc, const struct answer *a) {
  struct event *e = note(ANSWERED, proc);
  e->answer = *a;
  noted(e);
  if (!keep(filter_answer, proc, a))
    failed("no order of the ops explains this answer");
  run.busy[proc] = false;
  if (a->rc == -SBX_EINTERRUPTED)
    run.interrupted[proc] = false;
}

enum settled { SETTLED, MOVES, PERHAPS };

static enum settled how_settled(bool timed, int *ret_proc) {
  uint32_t moving = 0;
  *ret_proc = -1;
  for (uint32_t i = 0; i < run.m.count; i++) {
    bool moves = false;
    for (int p = 0; p < run.setup.proc_count; p++)
      if (run.busy[p] && !run.leaves[p] &&
          (model_must_move(&run.m, run.m.states[i], p) ||
           (timed && model_has_deadline(&run.m, run.m.states[i], p)))) {
        moves = true;
        *ret_proc = p;
      }
    moving += moves;
  }
  return moving == 0 ? SETTLED : moving == run.m.count ? MOVES : PERHAPS;
}

/* The processes that are seen to wait do so in the model. True: all that are busy do. */
static bool watch(void) {
  bool all = true;
  for (int p = 0; p < run.setup.proc_count; p++) {
    if (!run.busy[p] || run.leaves[p])
      continue;
    enum op_kind kind = run.b->waits(p);
    if (kind == OP_NONE) {
      all = false;
      continue;
    }
    bool news = run.m.seen_ns[p] == 0 || run.seen[p] != kind;
    if (news) {
      struct event *e = note(SEEN, p);
      e->what = (int)kind;
      noted(e);
    }
    if (!keep(filter_waiting, p, &kind))
      failed("it is seen to wait, and no order of the ops explains that");
    if (news)
      run.m.seen_ns[p] = run.b->now();
    run.seen[p] = kind;
  }
  return all;
}

/* Until nobody moves any more by itself, as far as that can be known. `timed`: nor by a deadline.
 */
static bool settle(bool timed) {
  struct answer a;
  int p;
  for (int64_t start = run.b->now();;) {
    while (run.b->hear(-1, 0, &p, &a))
      heard(p, &a);
    follow();
    if (run.m.crowded)
      return false;
    bool all = watch();
    enum settled how = how_settled(timed, &p);
    if (how == SETTLED || (how == PERHAPS && all))
      return how == SETTLED;
    if (run.b->now() - start > hang_ns)
      failed(p >= 0 && run.m.seen_ns[p] ? "a process waits that can go on: a wake-up was lost"
                                        : "a process neither answers nor waits");
    if (run.b->hear(-1, GLANCE_NS, &p, &a))
      heard(p, &a);
  }
}

static void look_at_all(void) {
  for (int i = -run.setup.proc_count; i < run.setup.thing_count; i++) {
    struct look l;
    if (!run.b->look(i, &l))
      continue;
    if (!keep(filter_look, i, &l)) {
      if (!run.quiet) {
        fprintf(stderr, "thing %d tells: ", i);
        look_print(&l);
      }
      failed("an object tells of a state that no order of the ops explains");
    }
  }
}

static void tell(const struct request *r) {
  struct event *e = note(TOLD, r->proc);
  e->request = *r;
  noted(e);
  run.busy[r->proc] = true;
  run.leaves[r->proc] = r->step.kind == DO_LEAVE;
  follow(); /* what may have happened by now, did so before this round */
  run.m.told_ns[r->proc] = run.m.round_ns = run.b->now();
  model_tell(&run.m, r);
  run.b->tell(r);
  run.progress->ops++;
  if (r->step.kind < OP_COUNT)
    run.progress->kinds[r->step.kind]++;
}

static bool has_deadlines(void) {
  for (int p = 0; p < run.setup.proc_count; p++)
    for (uint32_t i = 0; run.busy[p] && i < run.m.count; i++)
      if (model_has_deadline(&run.m, run.m.states[i], p))
        return true;
  return false;
}

static bool is_joined(int proc) {
  for (int p = 0; p < run.setup.proc_count; p++) {
    const struct request *r = &run.m.requests[p];
    if (!run.busy[p])
      continue;
    if (names_process(r->step.kind) && r->step.thing == proc)
      return true;
    for (uint32_t i = 0; i < r->sub_count; i++)
      if (r->subs[i].kind == OP_PROCESS_JOIN && r->subs[i].thing == proc)
        return true;
  }
  return false;
}

static void start(int proc) {
  run.lives[proc] = true;
  run.busy[proc] = run.leaves[proc] = run.interrupted[proc] = false;
  model_renew(&run.m, proc, who_of((uint32_t)proc + 1, ++run.whos + 1));
}

static void end(int proc, enum end how) {
  struct answer a;
  int p;
  follow();
  run.b->end(proc, how);
  while (run.b->hear(proc, 0, &p, &a)) /* what it said before */
    heard(p, &a);
  struct event *e = note(ENDED, proc);
  e->what = how == END_LEFT;
  noted(e);
  follow();
  model_end(&run.m, proc, how);
  run.lives[proc] = run.busy[proc] = run.leaves[proc] = false;
  run.progress->ops++;
}

/* One at a time: a second could come before the first was answered, or after. */
static void interrupt(int proc) {
  if (run.interrupted[proc])
    return;
  run.interrupted[proc] = true;
  noted(note(INTERRUPTED, proc));
  follow();
  model_interrupt(&run.m, proc);
  run.b->interrupt(proc);
  run.progress->ops++;
}

static int pick(uint64_t *seed, bool busy) {
  int first = (int)draw(seed, (uint64_t)run.setup.proc_count);
  for (int i = 0; i < run.setup.proc_count; i++) {
    int p = (first + i) % run.setup.proc_count;
    if (run.lives[p] && run.busy[p] == busy)
      return p;
  }
  return -1;
}

static void end_one(uint64_t *seed) {
  int p = (int)draw(seed, (uint64_t)run.setup.proc_count);
  if (!run.lives[p]) {
    if (run.setup.dropped || is_joined(p))
      return;
    run.b->renew(p);
    follow(); /* a process that looked for it before did not find it */
    start(p);
    noted(note(RENEWED, p));
  } else if (run.busy[p] || draw(seed, 2)) {
    end(p, END_KILLED);
  } else {
    struct request r = {.proc = p, .step = {.kind = DO_LEAVE}};
    r.count = draw(seed, 2) ? draw(seed, 256) : 0;
    r.step.item = draw(seed, 2) ? new_message() : 0;
    tell(&r);
    end(p, END_LEFT);
  }
}

static void step(uint64_t *seed) {
  uint64_t chance = draw(seed, 1000);
  int idle = pick(seed, false), busy = pick(seed, true);
  if (run.setup.heals && chance < run.c->ends) {
    end_one(seed);
  } else if (busy >= 0 && (chance > 975 || idle < 0)) {
    interrupt(busy);
  } else if (idle >= 0) {
    struct request r = {.proc = idle};
    run.c->draw(seed, &run.setup, &r);
    if (r.step.kind != OP_NONE)
      tell(&r);
  } else {
    end_one(seed);
  }
}

/* What is in the objects at the end, read by a process that is idle. */
static void read_all(void) {
  static const int reading[OBJECT_TYPES] = {
      [OBJECT_QUEUE] = OP_QUEUE_GET, [OBJECT_VALUE] = OP_VALUE_GET, [OBJECT_DICT] = OP_DICT_ALL,
      [OBJECT_ARRAY] = OP_ARRAY_COPY};
  uint64_t seed = 1;
  for (int i = 0; i < run.setup.thing_count; i++) {
    struct request r = {.step = {.kind = reading[run.setup.things[i].type], .thing = i}, .all = true};
    if (run.setup.things[i].mail)
      continue; /* it is its process's alone */
    if (run.setup.things[i].type == OBJECT_ARRAY) {
      r.count = 1;
      r.many = (int)run.setup.things[i].count;
    }
    for (int times = 0; times < 100 && r.step.kind; times++) {
      if ((r.proc = pick(&seed, false)) < 0)
        return;
      struct look l = {0};
      tell(&r);
      if (!settle(false) || r.step.kind != OP_QUEUE_GET || !run.b->look(i, &l) || l.count == 0)
        break;
    }
  }
}

static void sequence(uint64_t seed, const bool skip[ROUNDS]) {
  uint64_t draws = mix(seed);
  memset(&run.setup, 0, sizeof run.setup);
  run.c->set_up(&draws, &run.setup);
  run.setup.whole_runs = run.b->whole_runs;
  run.setup.seed = mix(draws);
  run.progress->seed = seed;
  run.whos = run.messages = 0;
  run.events = 0;
  run.b->begin(&run.setup);
  model_begin(&run.m, &run.setup);
  for (int p = 0; p < run.setup.proc_count; p++)
    start(p);
  for (run.round = 0; run.round < ROUNDS && !run.m.crowded; run.round++) {
    uint64_t round = mix(seed * ROUNDS + (uint64_t)run.round);
    run.progress->round = run.round;
    if (skip && skip[run.round])
      continue;
    uint64_t steps = draw(&round, 10);
    for (steps = steps < 7 ? 1 : steps < 9 ? 2 : 3; steps > 0; steps--)
      step(&round);
    bool timed = draw(&round, 3) == 0;
    if (draw(&round, 300) == 0) {
      settle(false);
      run.b->pass(long_wait_ns);
      noted(note(PASSED, 0));
    }
    if (settle(timed) && !has_deadlines())
      look_at_all();
  }
  if (!run.m.crowded && settle(true)) {
    look_at_all();
    read_all();
  }
  run.progress->crowds += run.m.crowded;
  model_release(&run.m);
  run.b->over();
  run.progress->sequences++;
}

/* -- in processes of their own ------------------------------------------------------------------
 */

/* Fork, and wait for at most so many seconds. True: all went well. */
static bool apart(void (*body)(void *), void *arg, unsigned seconds) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    alarm(seconds);
    body(arg);
    _exit(0);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    continue;
  kill(-pid, SIGKILL);
  for (;;) { /* what it left behind */
    pid_t stray = waitpid(-pid, NULL, 0); /* but not what the backend has started for all */
    if (stray < 0)
      break;
  }
  if (WIFSIGNALED(status) && !run.quiet)
    fprintf(stderr, "%s: ended by signal %d in the sequence %llu, round %d\n", run.c->name,
            WTERMSIG(status), (unsigned long long)run.progress->seed, run.progress->round);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct batch {
  uint64_t first, ops;
};

static void hosted(void (*body)(void *), void *arg) {
  if (!run.hosted || !run.b->host)
    body(arg);
  else if (run.b->host(body, arg))
    _exit(STATUS_FAILED);
}

static void run_sequences(void *arg) {
  const struct batch *b = arg;
  for (uint64_t i = 0; i < BATCH && run.progress->ops < b->ops; i++)
    sequence(b->first + i, NULL);
}

static void run_batch(void *arg) { hosted(run_sequences, arg); }

struct candidate {
  uint64_t seed;
  bool skip[ROUNDS];
};

static void run_rounds(void *arg) {
  const struct candidate *c = arg;
  sequence(c->seed, c->skip);
}

static void run_candidate(void *arg) { hosted(run_rounds, arg); }

/* Order of processes is by chance: what does not fail at once may yet. */
static bool still_fails(struct candidate *c) {
  for (int i = 0; i < 4; i++)
    if (!apart(run_candidate, c, 60))
      return true;
  return false;
}

/* Leave out rounds, the last first, as long as it still fails. Then tell. */
static void shrink(uint64_t seed, int last_round) {
  struct candidate c = {.seed = seed};
  time_t end = time(NULL) + 60;
  run.quiet = true;
  for (int i = last_round + 1; i < ROUNDS; i++)
    c.skip[i] = true;
  if (!still_fails(&c)) {
    fprintf(stderr, "  the sequence does not fail again by itself; it is as told above\n");
    return;
  }
  for (int size = 32; size > 0; size /= 2)
    for (int at = last_round; at >= 0 && time(NULL) < end; at -= size) {
      struct candidate fewer = c;
      for (int i = at; i > at - size && i >= 0; i--)
        fewer.skip[i] = true;
      if (memcmp(&fewer, &c, sizeof c) && still_fails(&fewer))
        c = fewer;
    }
  run.quiet = false;
  fprintf(stderr, "\nthe shortest that still fails:\n");
  for (int i = 0; i < 20 && apart(run_candidate, &c, 60); i++)
    continue;
}

static double since(const struct timespec *from) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) * 1e-9;
}

static unsigned slowness(void) {
#if defined(__SANITIZE_ADDRESS__)
  return 10;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return 10;
#else
  return 1;
#endif
#else
  return 1;
#endif
}

/* Is the table of cases true of this run? A short one proves nothing. */
static bool cases_hold(void) {
  enum { ENOUGH = 5000 };
  bool hold = true;
  for (int k = 1; k < OP_COUNT && run.progress->ops >= ENOUGH; k++) {
    enum op_kind kind = (enum op_kind)k;
    bool drawn = run.progress->kinds[k] > 0;
    if (drawn ? case_why_not(kind) != NULL : case_is_in(run.c->name, kind)) {
      fprintf(stderr, "%s: op %d ('%s') was %s, but cases.c says otherwise\n", run.c->name, k,
              op_describe(kind)->verb, drawn ? "drawn" : "never drawn");
      hold = false;
    }
  }
  return hold;
}

static int run_all(const struct conformance_case *c) {
  uint64_t ops = number_from("CONFORMANCE_OPS", 100000 / slowness());
  uint64_t seed = number_from("CONFORMANCE_SEED", 1);
  struct timespec from;
  run.c = c;
  run.trace = number_from("CONFORMANCE_TRACE", 0);
  run.progress =
      mmap(NULL, sizeof *run.progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (run.progress == MAP_FAILED)
    return 2;
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  clock_gettime(CLOCK_MONOTONIC, &from);
  double seconds = (double)number_from("CONFORMANCE_SECONDS", getenv("CONFORMANCE_OPS") ? 0 : 60);
  for (uint64_t first = seed; run.progress->ops < ops; first += BATCH) {
    if (seconds > 0 && since(&from) > seconds)
      break; /* a busy machine: the rest is for another day */
    struct batch b = {first, ops};
    if (!apart(run_batch, &b, 600)) {
      if (number_from("CONFORMANCE_SHRINK", 1))
        shrink(run.progress->seed, run.progress->round);
      return 1;
    }
  }
  printf("%s on %s: %llu ops in %llu sequences agree, %.1f s (%llu given up: too many orders)\n",
         c->name, run.b->name, (unsigned long long)run.progress->ops,
         (unsigned long long)run.progress->sequences, since(&from),
         (unsigned long long)run.progress->crowds);
  return cases_hold() ? 0 : 1;
}

int conformance_main_hosted(const struct conformance_case *c) {
  run.hosted = true;
  return conformance_main(c);
}

int conformance_main(const struct conformance_case *c) {
  enum { SKIPPED = 77 };
  const char *name = getenv("CONFORMANCE_BACKEND");
  for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
    if (!name || !*name || strcmp(backends[i]->name, name) == 0) {
      run.b = backends[i];
      break;
    }
  if (!run.b) {
    fprintf(stderr, "no backend is named '%s'\n", name);
    return 2;
  }
  conformance_backend_used = run.b;
  if (run.b->start && !run.b->start())
    return SKIPPED;
  int status = run_all(c);
  if (run.b->stop)
    run.b->stop();
  return status;
}
