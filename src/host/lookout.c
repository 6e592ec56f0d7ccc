/* host/lookout.c - see lookout.h. */
#include "host/lookout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "host/far.h"
#include "look/gather.h"
#include "look/waits.h"
#include "net/gather.h"
#include "net/link.h"
#include "os/supervisor/deadlock.h"
#include "os/supervisor/snapshot.h"

#define AFTER_NS (NS_PER_SECOND / 2)   /* a process must have slept for so long */
#define OFTEN_NS (AFTER_NS / 100)      /* the same, for tests of false alarms */
#define ANSWERS_NS NS_PER_SECOND       /* far processes have so long to answer */
#define ORPHAN_NS (15 * NS_PER_SECOND) /* what nothing stands for any more has ended by then */
enum { TOLD_BYTES = 16 << 10 };

/* -- the page beside the run ---------------------------------------------------------------------------- */

/* Written by the lookout as long as `found` is DEADLOCK_NONE, and by the supervisor otherwise. */
struct finding {
  _Atomic uint32_t
      found; /* enum deadlock; the lookout, when the text is there; the supervisor: NONE, it has taken it */
  char told[TOLD_BYTES];
};

static struct finding *finding; /* NULL: there is no lookout */

enum deadlock lookout_found(struct control *c, struct buf *told) {
  (void)c;
  uint32_t found = finding ? atomic_load(&finding->found) : DEADLOCK_NONE;
  if (found == DEADLOCK_NONE)
    return DEADLOCK_NONE;
  if (buf_append(told, finding->told, strnlen(finding->told, TOLD_BYTES - 1)) ||
      buf_append_byte(told, '\0'))
    buf_release(told);
  atomic_store(&finding->found, DEADLOCK_NONE);
  return (enum deadlock)found;
}

/* -- the lookout ------------------------------------------------------------------------------------------ */

/* A far process for which nothing stands any more. */
struct orphan {
  uint64_t number;
  int64_t since_ns;
};

struct lookout {
  struct net_gather *gather;
  char run[ENGINE_RUN];
  uint64_t lists;         /* so many were asked for */
  struct orphan *orphans; /* owned */
  size_t orphan_count;
};

/* What stands for it, in `s`; -1: it has ended. */
static int64_t row_of(const struct snapshot *s, const struct net_stand_in *f) {
  int64_t row = snapshot_find_process(s, f->process);
  return row >= 0 && s->processes[row].lives ? row : -1;
}

/*
 * What is left of far processes for which nothing stands. For a while they may go on as before, so nothing is sure; then they have ended, and
 * are forgotten.
 */
static int look_at_orphans(struct lookout *l, struct snapshot *s, const struct net_stand_in *fleet,
                           size_t count) {
  struct orphan *now = calloc(count + 1, sizeof *now);
  size_t n = 0;
  int rc = now ? 0 : -SBX_ENOMEM;
  for (size_t i = 0; i < count && rc == 0; i++) {
    if (row_of(s, &fleet[i]) >= 0)
      continue;
    struct orphan o = {.number = fleet[i].number, .since_ns = clock_now_ns()};
    for (size_t k = 0; k < l->orphan_count; k++)
      if (l->orphans[k].number == o.number)
        o.since_ns = l->orphans[k].since_ns;
    s->settled = false;
    if (clock_now_ns() - o.since_ns < ORPHAN_NS + far_setup.lost_ns)
      now[n++] = o;
    else
      rc = net_gather_forget(net_gather_engine(l->gather), l->run, o.number);
  }
  free(l->orphans);
  l->orphans = now;
  l->orphan_count = n;
  return rc;
}

/* Ask all that something stands for. */
static int ask_all(struct lookout *l, const struct net_stand_in *fleet, size_t count,
                   const char *list) {
  char down[ENGINE_KEY];
  int rc = 0;
  for (size_t i = 0; i < count && rc == 0; i++) {
    far_key(down, l->run, fleet[i].id, "down");
    rc = link_add(net_gather_engine(l->gather), down, FAR_LOOK, list, strlen(list));
  }
  return rc;
}

/* The answer of one. *ret_number: 0 if none has come in time. 0, or a code */
static int hear_one(struct lookout *l, const char *key, struct snapshot *ret,
                    uint64_t *ret_number) {
  struct engine_reply *r;
  int rc = engine_call(
      net_gather_engine(l->gather), 3,
      (struct engine_arg[]){engine_text("BLPOP"), engine_text(key), engine_text("0.25")}, &r);
  *ret_number = 0;
  if (rc)
    return rc;
  const struct engine_reply *bytes = engine_at(r, 1);
  if (engine_type(bytes) == ENGINE_BYTES && engine_len(bytes) >= sizeof *ret_number) {
    const char *data = engine_data(bytes);
    memcpy(ret_number, data, sizeof *ret_number);
    rc = gather_read(data + sizeof *ret_number, engine_len(bytes) - sizeof *ret_number, ret);
  }
  engine_free(r);
  return rc;
}

/* The answers of far processes, by their place in the fleet. 0, -SBX_EAGAIN: one did not answer; or a code */
static int hear_all(struct lookout *l, const struct net_stand_in *fleet, size_t count,
                    const char *list, struct snapshot *answers) {
  char key[ENGINE_KEY];
  int64_t until_ns = clock_now_ns() + ANSWERS_NS;
  size_t heard = 0;
  int rc = 0;
  far_waits_key(key, l->run, list);
  while (heard < count && rc == 0) {
    struct snapshot s;
    uint64_t number;
    rc = hear_one(l, key, &s, &number);
    if (rc == 0 && number == 0 && clock_now_ns() >= until_ns)
      rc = -SBX_EAGAIN;
    if (rc || number == 0)
      continue;
    size_t at = 0;
    while (at < count && fleet[at].number != number)
      at++;
    if (at == count || answers[at].process_count) { /* nobody has asked it */
      snapshot_release(&s);
      continue;
    }
    answers[at] = s;
    heard++;
  }
  return rc;
}

/*
 * Of the fleet, those that are asked: something stands for them in `s`, or seems to in the run of one that is asked. Returns how many.
 */
static size_t choose(const struct snapshot *s, const struct net_stand_in *fleet, size_t count,
                     struct net_stand_in *chosen) {
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    bool asked = fleet[i].parent == 0 && row_of(s, &fleet[i]) >= 0;
    for (size_t k = 0; k < n; k++)
      asked |= chosen[k].number == fleet[i].parent;
    if (asked)
      chosen[n++] = fleet[i];
  }
  return n;
}

/* One that was declared dead may not have heard of it, but what stands for it is about to end. */
static int look_at_fences(struct lookout *l, struct snapshot *s, const struct net_stand_in *chosen,
                          size_t count) {
  struct engine_reply *lost;
  int rc = far_lost(net_gather_engine(l->gather), l->run, &lost);
  if (rc)
    return rc;
  for (size_t i = 0; i < engine_count(lost); i++)
    for (size_t k = 0; k < count; k++)
      s->settled &= engine_type(engine_at(lost, i)) != ENGINE_BYTES ||
                    strcmp(engine_data(engine_at(lost, i)), chosen[k].id) != 0;
  engine_free(lost);
  return 0;
}

static int ask_and_add(struct lookout *l, struct snapshot *s, const struct net_stand_in *chosen,
                       size_t count) {
  char list[24];
  struct snapshot *answers = calloc(count + 1, sizeof *answers);
  int rc = answers ? 0 : -SBX_ENOMEM;
  snprintf(list, sizeof list, "%" PRIu64, ++l->lists);
  if (rc == 0)
    rc = ask_all(l, chosen, count, list);
  if (rc == 0)
    rc = hear_all(l, chosen, count, list, answers);
  for (size_t i = 0; i < count && rc == 0; i++) {
    int64_t row = row_of(s, &chosen[i]);
    s->settled &= row >= 0;
    if (row >= 0)
      rc = gather_add(s, &answers[i], chosen[i].number, (uint32_t)row);
  }
  for (size_t i = 0; i < count && answers; i++)
    snapshot_release(&answers[i]);
  free(answers);
  return rc ? rc : look_at_fences(l, s, chosen, count);
}

/* All hosts and the engine, once. 0; a code: it did not come to that */
static int gather(struct lookout *l, const struct control *c, struct snapshot *ret) {
  const struct net_stand_in *fleet;
  size_t count;
  struct snapshot s;
  int rc = net_gather_fleet(l->gather, &fleet, &count);
  if (rc == 0)
    rc = snapshot_take(c, SNAPSHOT_QUEUES, &s);
  if (rc)
    return rc;
  struct net_stand_in *chosen = calloc(count + 1, sizeof *chosen);
  rc = chosen ? ask_and_add(l, &s, chosen, choose(&s, fleet, count, chosen)) : -SBX_ENOMEM;
  free(chosen);
  if (rc == 0)
    rc = look_at_orphans(l, &s, fleet, count);
  if (rc == 0)
    rc = net_gather_objects(l->gather, &s);
  if (rc)
    snapshot_release(&s);
  else
    *ret = s;
  return rc;
}

static bool somebody_is_stuck(struct snapshot *s) {
  bool some = false;
  if (waits_find(s, 0) == 0)
    for (uint32_t i = 0; i < s->process_count; i++)
      some |= s->processes[i].stuck == STUCK_FOR_EVER;
  return some;
}

/* As deadlock_watch.take. What is not stuck at the first glance need not be looked at twice. */
static int take(void *ctx, const struct control *c, struct snapshot *ret) {
  struct lookout *l = ctx;
  struct engine *e = net_gather_engine(l->gather);
  struct snapshot first;
  int rc = gather(l, c, &first);
  uint64_t epoch = engine_epoch(e);
  if (rc)
    return rc;
  if (!somebody_is_stuck(&first)) {
    *ret = first;
    return 0;
  }
  rc = gather(l, c, ret);
  if (rc == 0) {
    gather_agree(&first, ret);
    ret->settled &=
        engine_epoch(e) == epoch; /* else the engine may have come back as it was earlier */
  }
  snapshot_release(&first);
  return rc;
}

/* The supervisor has taken what was found before. */
static void hand_over(enum deadlock found, const struct buf *told, pid_t supervisor) {
  while (atomic_load(&finding->found) != DEADLOCK_NONE)
    poll(NULL, 0, 10);
  snprintf(finding->told, sizeof finding->told, "%s",
           told->len ? (const char *)told->data : "deadlock");
  atomic_store(&finding->found, found);
  kill(supervisor, SIGCHLD);
}

static void look_out(struct lookout *l, struct control *c, bool guided, pid_t supervisor)
    __attribute__((noreturn));
static void look_out(struct lookout *l, struct control *c, bool guided, pid_t supervisor) {
  struct deadlock_watch w = {.take = take, .take_ctx = l};
  deadlock_begin(&w, FAULT("lookout.often") ? OFTEN_NS : AFTER_NS, guided);
  for (;;) {
    struct buf told = {0};
    struct timespec left;
    ppoll(NULL, 0, clock_left(w.look_at_ns, &left), NULL);
    enum deadlock found = atomic_load(&c->ending) ? DEADLOCK_NONE : deadlock_look(&w, c, &told);
    if (atomic_load(&c->ending))
      pause(); /* it is killed with the rest */
    if (found != DEADLOCK_NONE)
      hand_over(found, &told, supervisor);
    buf_release(&told);
    if (found == DEADLOCK_ALL)
      pause();
  }
}

/* Nothing that is open here is for the lookout, and no signal of the terminal. */
static void stand_apart(pid_t supervisor) {
  static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor)
    _exit(0);
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
    signal(ignored[i], SIG_IGN);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3 && null >= 0; fd++)
    dup2(null, fd);
  close_range(3, ~0U, 0);
}

int lookout_start(const struct net_options *o, struct control *c, bool guided) {
  struct lookout l = {.lists = 0};
  finding = mmap(NULL, sizeof *finding, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (finding == MAP_FAILED) {
    finding = NULL;
    return -SBX_ENOMEM;
  }
  int rc = net_gather_open(o, &l.gather);
  if (rc)
    return rc;
  text_copy(l.run, sizeof l.run, o->run);
  pid_t supervisor = getpid(), pid = fork();
  if (pid == 0) {
    stand_apart(supervisor);
    look_out(&l, c, guided, supervisor);
  }
  net_gather_close(l.gather);
  return pid < 0 ? -SBX_EAGAIN : 0;
}
