/*
 * tests/fault/test_sync_kill.c - processes that use a synchronisation object are killed and stopped, at random and at every
 * fault point; the others go on, and what the object promises holds all the while.
 *
 * Workers do the same small job again and again, each with its checks inside. One of them is killed (and another takes its
 * place), or stopped and continued; then the others must get on.
 */
#include "support/os_world.h"

#include <signal.h>

#include "os/sync/dict_table.h"
#include "os/shared/line.h"
#include "os/sync/sync.h"

enum { WORKERS = 4, ROUNDS = 200, KEYS = 97 };

static struct board {
  _Atomic uint64_t progress;
  _Atomic uint64_t inside[WORKERS]; /* who is where only some may be */
  _Atomic uint64_t done[WORKERS];   /* changes that a worker knows of */
  _Atomic uint64_t tokens;
} *board;

static struct object *shared, *second; /* `second`: of those who select */

static struct object *new_sync(const struct sync_options *o) {
  struct object *object = NULL;
  CHECK_EQ(op_sync_new(&the_backend->base, o, &object), 0);
  return object;
}

static int try_op(enum op_kind kind, uint64_t count, bool *abandoned, int64_t deadline_ns) {
  struct op op = {.kind = kind, .object = shared, .count = count, .deadline_ns = deadline_ns};
  int rc = perform(&the_backend->base, &op);
  if (abandoned)
    *abandoned = op.abandoned;
  return rc;
}

static void do_op(enum op_kind kind, uint64_t count, bool *abandoned) {
  CHECK_EQ(try_op(kind, count, abandoned, SBX_FOREVER), 0);
}

static uint64_t myself(void) { return who_of(the_backend->slot, the_backend->serial); }

static void linger(uint64_t *seed) {
  for (uint64_t i = random_next(seed) % 200; i > 0; i--)
    __asm__ volatile("" ::: "memory");
  if (random_next(seed) % 64 == 0)
    usleep(1);
}

/* -- jobs -------------------------------------------------------------------------------------- */

struct job {
  const char *name;
  struct sync_options options;
  void (*once)(int worker, uint64_t *seed);
  void (*prepare)(void); /* may be NULL */
  void (*finish)(void);  /* may be NULL; when all workers are gone */
  const char *const *points; /* besides those of every job */
};

static void lock_once(int worker, uint64_t *seed) {
  bool abandoned;
  (void)worker;
  do_op(OP_LOCK_ACQUIRE, 0, &abandoned);
  uint64_t before = atomic_exchange(&board->inside[0], myself());
  CHECK(before == 0 || (abandoned && process_gone(the_backend->control, before, true)));
  linger(seed);
  CHECK_EQ(atomic_load(&board->inside[0]), myself());
  atomic_store(&board->inside[0], 0);
  do_op(OP_LOCK_RELEASE, 0, NULL);
}

static void nested_once(int worker, uint64_t *seed) {
  bool abandoned, again;
  (void)worker;
  do_op(OP_LOCK_ACQUIRE, 0, &abandoned);
  do_op(OP_LOCK_ACQUIRE, 0, &again);
  CHECK(!again);
  uint64_t before = atomic_exchange(&board->inside[0], myself());
  CHECK(before == 0 || (abandoned && process_gone(the_backend->control, before, true)));
  linger(seed);
  CHECK_EQ(atomic_load(&board->inside[0]), myself());
  atomic_store(&board->inside[0], 0);
  do_op(OP_LOCK_RELEASE, 0, NULL);
  do_op(OP_LOCK_RELEASE, 0, NULL);
}

/* Those who stand inside in both looks, the same time, stood there together between the two. */
static int living_inside(void) {
  uint64_t first[WORKERS];
  int living = 0;
  for (int i = 0; i < WORKERS; i++)
    first[i] = atomic_load(&board->inside[i]);
  for (int i = 0; i < WORKERS; i++)
    living += first[i] && atomic_load(&board->inside[i]) == first[i] &&
              !process_gone(the_backend->control, first[i] >> 8, true);
  return living;
}

static void semaphore_once(int worker, uint64_t *seed) {
  static uint64_t times;
  do_op(OP_SEMAPHORE_ACQUIRE, 0, NULL);
  atomic_store(&board->inside[worker], myself() << 8 | (++times & 0xff));
  CHECK(living_inside() <= 2);
  linger(seed);
  atomic_store(&board->inside[worker], 0);
  do_op(OP_SEMAPHORE_RELEASE, 1, NULL);
}

static void semaphore_finish(void) {
  for (int i = 0; i < 2; i++) /* all units have come back */
    CHECK_EQ(try_op(OP_SEMAPHORE_ACQUIRE, 0, NULL, 0), 0);
  CHECK_EQ(try_op(OP_SEMAPHORE_ACQUIRE, 0, NULL, 0), -SBX_ETIMEDOUT);
}

static void select_prepare(void) {
  second = new_sync(&(struct sync_options){.type = OBJECT_SEMAPHORE, .count = 1});
}

static void give_back(struct object *object, enum op_kind kind) {
  struct op op = {.kind = kind, .object = object, .count = 1, .deadline_ns = SBX_FOREVER};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
}

/* A lock or a semaphore, whichever is free; exactly one of them. */
static void select_once(int worker, uint64_t *seed) {
  struct op subs[2] = {{.kind = OP_LOCK_ACQUIRE, .object = shared}, {.kind = OP_SEMAPHORE_ACQUIRE, .object = second}};
  struct op op = {.kind = OP_SELECT, .deadline_ns = SBX_FOREVER, .subs = subs, .sub_count = 2};
  (void)worker;
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  CHECK(op.number == 0 || op.number == 1);
  _Atomic uint64_t *inside = &board->inside[op.number];
  uint64_t before = atomic_exchange(inside, myself());
  CHECK(before == 0 || (subs[op.number].abandoned && process_gone(the_backend->control, before, true)));
  linger(seed);
  CHECK_EQ(atomic_load(inside), myself());
  atomic_store(inside, 0);
  give_back(op.number ? second : shared, op.number ? OP_SEMAPHORE_RELEASE : OP_LOCK_RELEASE);
}

static void select_finish(void) { release_object(second); }

static void event_once(int worker, uint64_t *seed) {
  if (worker % 2) {
    do_op(OP_EVENT_WAIT, 0, NULL);
    return;
  }
  do_op(OP_EVENT_SET, 0, NULL);
  linger(seed);
  do_op(OP_EVENT_CLEAR, 0, NULL);
}

static void condition_once(int worker, uint64_t *seed) {
  do_op(OP_LOCK_ACQUIRE, 0, NULL);
  if (worker % 2) {
    while (atomic_load(&board->tokens) == 0)
      do_op(OP_CONDITION_WAIT, 0, NULL);
    atomic_fetch_sub(&board->tokens, 1); /* whoever holds the lock is alone here */
  } else {
    atomic_fetch_add(&board->tokens, 1);
    do_op(OP_CONDITION_NOTIFY, random_next(seed) % 4 ? 1 : UINT64_MAX, NULL);
  }
  linger(seed);
  do_op(OP_LOCK_RELEASE, 0, NULL);
}

static void barrier_once(int worker, uint64_t *seed) {
  (void)worker;
  linger(seed);
  int rc = try_op(OP_BARRIER_WAIT, 0, NULL, SBX_FOREVER);
  CHECK(rc == 0 || rc == -SBX_EBROKEN);
  if (rc)
    do_op(OP_BARRIER_RESET, 0, NULL);
}

/* One of them acts, alone; the others find what it has done. */
static void action_once(int worker, uint64_t *seed) {
  struct op op = {.kind = OP_BARRIER_WAIT, .object = shared, .deadline_ns = SBX_FOREVER};
  (void)worker;
  linger(seed);
  int rc = perform(&the_backend->base, &op);
  while (rc == 0 && op.count == 0) {
    uint64_t before = atomic_exchange(&board->inside[0], myself());
    CHECK(before == 0 || process_gone(the_backend->control, before, true));
    linger(seed);
    CHECK_EQ(atomic_exchange(&board->inside[0], 0), myself());
    op.kind = OP_BARRIER_PASS;
    rc = perform(&the_backend->base, &op);
  }
  CHECK(rc == 0 || rc == -SBX_EBROKEN || rc == -SBX_EPARTIES);
  if (rc == -SBX_EBROKEN)
    do_op(OP_BARRIER_RESET, 0, NULL);
}

static uint64_t kills; /* of workers */

/* Two write, and are alone with it; two read. */
static void rwlock_once(int worker, uint64_t *seed) {
  bool abandoned;
  if (worker % 2) {
    do_op(OP_RWLOCK_READ, 0, &abandoned);
    uint64_t writer = atomic_load(&board->inside[0]);
    CHECK(writer == 0 || (abandoned && process_gone(the_backend->control, writer, true)));
    linger(seed);
    CHECK_EQ(atomic_load(&board->inside[0]), writer);
    do_op(OP_RWLOCK_RELEASE, 0, NULL);
    return;
  }
  do_op(OP_RWLOCK_WRITE, 0, &abandoned);
  uint64_t before = atomic_exchange(&board->inside[0], myself());
  CHECK(before == 0 || (abandoned && process_gone(the_backend->control, before, true)));
  linger(seed);
  CHECK_EQ(atomic_load(&board->inside[0]), myself());
  atomic_store(&board->inside[0], 0);
  do_op(OP_RWLOCK_RELEASE, 0, NULL);
}

static void rwlock_finish(void) {
  CHECK_EQ(try_op(OP_RWLOCK_WRITE, 0, NULL, 0), 0);
  do_op(OP_RWLOCK_RELEASE, 0, NULL);
}

enum { LATCH_FIRST = 1 << 30 };

/* It does not open while they work: those that wait give up soon. */
static void latch_once(int worker, uint64_t *seed) {
  uint64_t by = 1 + random_next(seed) % 3;
  if (worker % 2) {
    CHECK_EQ(try_op(OP_LATCH_WAIT, 0, NULL, clock_now_ns() + 300 * 1000), -SBX_ETIMEDOUT);
    return;
  }
  do_op(OP_LATCH_DOWN, by, NULL);
  atomic_fetch_add(&board->done[worker], by);
}

static void latch_finish(void) {
  struct sync_info info;
  uint64_t sum = 0;
  op_sync_look(&the_backend->base, shared->type, shared, &info);
  for (int i = 0; i < WORKERS; i++)
    sum += board->done[i];
  CHECK(LATCH_FIRST - info.count >= sum && LATCH_FIRST - info.count <= sum + 3 * kills);
  do_op(OP_LATCH_DOWN, LATCH_FIRST, NULL);
  do_op(OP_LATCH_WAIT, 0, NULL);
}

static void progress_once(int worker, uint64_t *seed) {
  uint64_t by = 1 + random_next(seed) % 3;
  do_op(OP_PROGRESS_ADD, by + 5, NULL);
  do_op(OP_PROGRESS_ADD, (uint64_t)-5, NULL);
  atomic_fetch_add(&board->done[worker], by);
}

/* A killed one may not have got to take its 5 back, nor to count what it has added. */
static void progress_finish(void) {
  struct sync_info info;
  uint64_t sum = 0;
  op_sync_look(&the_backend->base, shared->type, shared, &info);
  for (int i = 0; i < WORKERS; i++)
    sum += board->done[i];
  CHECK(info.count >= sum && info.count <= sum + 8 * kills);
  CHECK(!info.set); /* its maker lives */
  do_op(OP_PROGRESS_CLOSE, 0, NULL);
  CHECK_EQ(try_op(OP_PROGRESS_ADD, 1, NULL, SBX_FOREVER), -SBX_ECLOSED);
}

/* -- values: a number, and bytes that depend on it ------------------------------------------------ */

static size_t len_for(uint64_t n) { return n % 5 == 0 ? 700 + n % 9000 : ITEM_LEAST + n % 60; }

static void check_message(const struct buf *message, uint32_t key, uint64_t *ret_n) {
  uint32_t got_key, n;
  item_check(message->data, message->len, &got_key, &n);
  CHECK_EQ(got_key, key);
  CHECK_EQ(message->len, len_for(n));
  *ret_n = n;
}

static int value_op(enum op_kind kind, struct value_args *args, const struct buf *in, struct buf *out) {
  struct buf refs = {0};
  struct op op = {.kind = kind, .object = shared, .deadline_ns = SBX_FOREVER, .out = out, .value = args};
  if (in) {
    op.data = in->data;
    op.len = in->len;
  }
  args->out_refs = &refs;
  int rc = perform(&the_backend->base, &op);
  buf_release(&refs);
  return rc;
}

static void value_prepare(void) {
  struct buf message = {0};
  item_make(&message, 1, 0, len_for(0));
  CHECK_EQ(value_op(OP_VALUE_SET, &(struct value_args){.none = false}, &message, NULL), 0);
  buf_release(&message);
}

static void value_once(int worker, uint64_t *seed) {
  struct buf old = {0}, new = {0};
  uint64_t n;
  if (random_next(seed) % 2) {
    CHECK_EQ(value_op(OP_VALUE_GET, &(struct value_args){.none = false}, NULL, &old), 0);
    check_message(&old, 1, &n);
    buf_clear(&old, 0);
  }
  CHECK_EQ(value_op(OP_VALUE_UPDATE, &(struct value_args){.none = false}, NULL, &old), 0);
  check_message(&old, 1, &n);
  item_make(&new, 1, (uint32_t)n + 1, len_for(n + 1));
  CHECK_EQ(value_op(OP_VALUE_REPLACE, &(struct value_args){.none = false}, &new, NULL), 0);
  atomic_fetch_add(&board->done[worker], 1);
  buf_release(&old);
  buf_release(&new);
}

static void value_finish(void) {
  struct buf message = {0};
  uint64_t n, sum = 0;
  CHECK_EQ(value_op(OP_VALUE_GET, &(struct value_args){.none = false}, NULL, &message), 0);
  check_message(&message, 1, &n);
  for (int i = 0; i < WORKERS; i++)
    sum += board->done[i];
  CHECK(n >= sum && n <= sum + kills); /* a killed one may not have got to count its last */
  buf_release(&message);
}

/* Some change it, the others wait until it is another than they have seen: which comes soon. */
static void watch_once(int worker, uint64_t *seed) {
  static int64_t seen; /* of this worker */
  static bool looked;
  struct value_args args = {.number = {.kind = NUMBER_INTEGER, .i = 1}};
  struct buf out = {0}, refs = {0};
  if (worker % 2) {
    CHECK_EQ(value_op(OP_VALUE_ADD, &args, NULL, NULL), 0);
    atomic_fetch_add(&board->done[worker], 1);
    linger(seed);
    return;
  }
  args = (struct value_args){.expected = {.kind = NUMBER_INTEGER, .i = seen}, .out_refs = &refs};
  struct op op = {.kind = OP_VALUE_AWAIT, .object = shared, .number = looked, .out = &out, .value = &args, .deadline_ns = SBX_FOREVER};
  CHECK_EQ(perform(&the_backend->base, &op), 0);
  CHECK(args.number.kind == NUMBER_INTEGER && (!looked || args.number.i > seen));
  seen = args.number.i;
  looked = true;
}

static void watch_prepare(void) {
  CHECK_EQ(value_op(OP_VALUE_SET, &(struct value_args){.number = {.kind = NUMBER_INTEGER}}, NULL, NULL), 0);
}

static void watch_finish(void) {
  struct value_args args = {.none = false};
  struct buf out = {0};
  uint64_t sum = 0;
  CHECK_EQ(value_op(OP_VALUE_GET, &args, NULL, &out), 0);
  for (int i = 0; i < WORKERS; i++)
    sum += board->done[i];
  CHECK((uint64_t)args.number.i >= sum && (uint64_t)args.number.i <= sum + kills);
}

static struct value_args key_args(const uint32_t *key) {
  uint64_t hash = *key * UINT64_C(0x9e3779b97f4a7c15);
  return (struct value_args){.key = key, .key_len = sizeof *key, .hash = hash >> 20};
}

static void dict_once(int worker, uint64_t *seed) {
  uint32_t key = (uint32_t)(random_next(seed) % KEYS);
  struct value_args args = key_args(&key);
  struct buf message = {0};
  uint64_t n;
  (void)worker;
  switch (random_next(seed) % 4) {
  case 0:
    args.none = true;
    CHECK_EQ(value_op(OP_DICT_SET, &args, NULL, NULL), 0);
    break;
  case 1:
    CHECK_EQ(value_op(OP_DICT_GET, &args, NULL, &message), 0);
    if (!args.none)
      check_message(&message, key, &n);
    break;
  default:
    n = random_next(seed) % 100000;
    item_make(&message, key, (uint32_t)n, len_for(n));
    CHECK_EQ(value_op(OP_DICT_SET, &args, &message, NULL), 0);
  }
  buf_release(&message);
}

/* Each key is there once, whole; and as many as the dict says. */
static void dict_finish(void) {
  struct value_args args = {.none = false};
  struct buf all = {0};
  struct sync_info info;
  bool seen[KEYS] = {false};
  uint64_t count = 0;
  CHECK_EQ(value_op(OP_DICT_ALL, &args, NULL, &all), 0);
  for (size_t at = 0; at < all.len;) {
    const struct dict_entry *e = (const struct dict_entry *)(const void *)(all.data + at);
    struct buf message = {.data = (uint8_t *)(uintptr_t)dict_message(e), .len = e->len};
    uint32_t key;
    uint64_t n;
    memcpy(&key, dict_key(e), sizeof key);
    CHECK(key < KEYS && !seen[key]);
    seen[key] = true;
    check_message(&message, key, &n);
    at += dict_entry_size(e);
    count++;
  }
  op_sync_look(&the_backend->base, shared->type, shared, &info);
  CHECK_EQ(info.count, count);
  buf_release(&all);
}

static const char *const sleeping[] = {"line.joined", "sync.before-sleep", "wait.before-poll", NULL};
static const char *const of_conditions[] = {"line.joined",       "sync.before-sleep",  "wait.before-poll",
                                            "condition.entered", "condition.released", NULL};
static const char *const of_values[] = {"value.taken", "value.half", "value.stored", NULL};
static const char *const of_dicts[] = {"dict.taken", "dict.rebuilt", "dict.switched", "dict.written", "dict.redo", NULL};

/*
 * An array: fills make all elements equal, each to a number that is not negative; and each worker sets an element of its own to a
 * mark. So, if fills and copies are one step each, all elements of a copy that are no marks are equal.
 */
enum { ELEMENTS = 500 };

static int array_op(enum op_kind kind, int at, int64_t n, struct buf *out, int64_t *ret) {
  struct value_args args = {.number = {.kind = NUMBER_INTEGER, .i = n}, .expected = {.kind = NUMBER_INTEGER, .i = n}};
  struct op op = {.kind = kind,
                  .object = shared,
                  .deadline_ns = SBX_FOREVER,
                  .count = (uint64_t)at,
                  .number = ELEMENTS,
                  .value = &args,
                  .out = out};
  int rc = perform(&the_backend->base, &op);
  if (ret)
    *ret = args.number.i;
  return rc;
}

/* Elements of workers lie apart. */
static int element_of(int worker) { return 1 + worker * (ELEMENTS / WORKERS); }

static void check_copy(void) {
  struct buf out = {0};
  int64_t all = -1;
  CHECK_EQ(array_op(OP_ARRAY_COPY, 1, 0, &out, NULL), 0);
  CHECK_EQ(out.len, ELEMENTS * sizeof(int64_t));
  const int64_t *e = (const int64_t *)(const void *)out.data;
  for (int i = 0; i < ELEMENTS; i++) {
    int worker = (int)-e[i] - 1;
    if (e[i] < 0)
      CHECK(worker < WORKERS && element_of(worker) == i + 1);
    else if (all < 0)
      all = e[i];
    else
      CHECK_EQ(e[i], all);
  }
  buf_release(&out);
}

static void array_once(int worker, uint64_t *seed) {
  int64_t mark = -1 - worker, n;
  int mine = element_of(worker);
  switch (random_next(seed) % 6) {
  case 0:
    CHECK_EQ(array_op(OP_ARRAY_FILL, 0, (int64_t)(random_next(seed) % 1000), NULL, NULL), 0);
    break;
  case 1:
    check_copy();
    break;
  case 2:
    CHECK_EQ(array_op(OP_ARRAY_ADD, mine, 0, NULL, &n), 0);
    CHECK(n >= 0 || n == mark);
    CHECK_EQ(array_op(OP_ARRAY_CAS, mine, mark, NULL, NULL), 0);
    break;
  default:
    CHECK_EQ(array_op(OP_ARRAY_SET, mine, mark, NULL, NULL), 0);
    CHECK_EQ(array_op(OP_ARRAY_GET, mine, 0, NULL, &n), 0);
    CHECK(n >= 0 || n == mark);
  }
}

/* It works still. */
static void array_finish(void) {
  int64_t n;
  check_copy();
  CHECK_EQ(array_op(OP_ARRAY_FILL, 0, 5, NULL, NULL), 0);
  CHECK_EQ(array_op(OP_ARRAY_ADD, ELEMENTS, 1, NULL, &n), 0);
  CHECK_EQ(n, 6);
}

static const char *const of_arrays[] = {"array.touching", "array.open",    "array.touched", "array.shut",   "array.before-fill",
                                        "array.half",     "array.filled",  "array.copied", "array.locked",
                                        NULL};

static const struct job jobs[] = {
    {"lock", {.type = OBJECT_LOCK}, lock_once, NULL, NULL, sleeping},
    {"rlock", {.type = OBJECT_LOCK, .recursive = true}, nested_once, NULL, NULL, sleeping},
    {"semaphore", {.type = OBJECT_SEMAPHORE, .count = 2}, semaphore_once, NULL, semaphore_finish, sleeping},
    {"event", {.type = OBJECT_EVENT}, event_once, NULL, NULL, sleeping},
    {"condition", {.type = OBJECT_CONDITION}, condition_once, NULL, NULL, of_conditions},
    {"barrier", {.type = OBJECT_BARRIER, .count = 3}, barrier_once, NULL, NULL, sleeping},
    {"barrier with an action", {.type = OBJECT_BARRIER, .count = 3, .action = true}, action_once, NULL, NULL, sleeping},
    {"value", {.type = OBJECT_VALUE}, value_once, value_prepare, value_finish, of_values},
    {"watched value", {.type = OBJECT_VALUE}, watch_once, watch_prepare, watch_finish, sleeping},
    {"dict", {.type = OBJECT_DICT}, dict_once, NULL, dict_finish, of_dicts},
    {"select", {.type = OBJECT_LOCK}, select_once, select_prepare, select_finish, sleeping},
    {"rwlock", {.type = OBJECT_RWLOCK}, rwlock_once, NULL, rwlock_finish, sleeping},
    {"latch", {.type = OBJECT_LATCH, .count = LATCH_FIRST}, latch_once, NULL, latch_finish, sleeping},
    {"array", {.type = OBJECT_ARRAY, .count = ELEMENTS}, array_once, NULL, array_finish, of_arrays},
    {"progress", {.type = OBJECT_PROGRESS, .max = 100}, progress_once, NULL, progress_finish, NULL},
};

/* -- workers ----------------------------------------------------------------------------------- */

static const struct job *the_job;

struct role {
  int worker;
  const char *plan; /* fault points, NULL: none */
  uint64_t seed;
};

static int work_for_ever(void *arg) {
  struct role role = *(struct role *)arg;
  if (role.plan)
    fault_plan(role.plan);
  while (the_job) {
    the_job->once(role.worker, &role.seed);
    atomic_fetch_add(&board->progress, 1);
  }
  return 0;
}

static struct object *start(int worker, const char *plan, uint64_t seed) {
  struct role role = {worker, plan, seed};
  return spawn_process(work_for_ever, &role);
}

static void await_progress(uint64_t n) {
  uint64_t wanted = atomic_load(&board->progress) + n;
  while (atomic_load(&board->progress) < wanted)
    usleep(20);
}

static void begin(const struct job *job) {
  os_world_new();
  board = shared_memory(sizeof *board);
  the_job = job;
  kills = 0;
  shared = new_sync(&job->options);
  if (job->prepare)
    job->prepare();
}

static void finish(struct object **workers, int n) {
  for (int i = 0; i < n; i++) {
    kill_process(workers[i]);
    kills++;
  }
  if (the_job->finish)
    the_job->finish();
  release_object(shared);
}

/* -- at random --------------------------------------------------------------------------------- */

static void kill_and_replace(struct object **workers, int victim, uint64_t seed) {
  kill_process(workers[victim]);
  kills++;
  await_progress(3);
  workers[victim] = start(victim, NULL, seed);
}

static void stop_and_continue(struct object *victim, uint64_t *seed) {
  pid_t pid = pid_of(victim);
  kill(pid, SIGSTOP);
  await_stopped(pid);
  usleep((useconds_t)(random_next(seed) % 3000));
  kill(pid, SIGCONT);
  await_progress(3);
}

static void storm(const struct job *job) {
  struct object *workers[WORKERS];
  uint64_t seed = 5;
  begin(job);
  for (int i = 0; i < WORKERS; i++)
    workers[i] = start(i, NULL, (uint64_t)i);
  for (uint64_t round = 0; round < ROUNDS; round++) {
    int victim = (int)(random_next(&seed) % WORKERS);
    await_progress(1 + random_next(&seed) % 40);
    if (random_next(&seed) % 3)
      kill_and_replace(workers, victim, round * 100);
    else
      stop_and_continue(workers[victim], &seed);
  }
  finish(workers, WORKERS);
}

/* -- at every fault point ---------------------------------------------------------------------- */

/* The victim dies at its n-th pass. False: it does not pass so often. */
static bool die_at(const char *point, int n) {
  char plan[80];
  int worker = n % 2; /* of both sides, where there are two */
  snprintf(plan, sizeof plan, "%s:%d:kill", point, n);
  struct object *victim = start(worker, plan, (uint64_t)n);
  uint64_t before = atomic_load(&board->progress);
  int rc, tries = 0;
  do
    rc = join_process(victim, NULL, in_ms(5));
  while (rc == -SBX_ETIMEDOUT && (++tries < 20 || atomic_load(&board->progress) < before + 2000));
  if (rc)
    kill(pid_of(victim), SIGKILL);
  CHECK_EQ(join_process(victim, NULL, SBX_FOREVER), 0);
  kills++;
  release_object(victim);
  await_progress(5);
  return rc == 0;
}

static void step_points(const struct job *job) {
  static const char *const always[] = {"sync.locked", "sync.before-wake", "sync.before-commit", "sync.after-commit", NULL};
  const char *const *lists[] = {always, job->points};
  enum { OTHERS = 3, PASSES = 8 };
  struct object *others[OTHERS];
  int hits = 0;
  begin(job);
  for (int i = 0; i < OTHERS; i++)
    others[i] = start(i, NULL, (uint64_t)i);
  for (int list = 0; list < 2; list++)
    for (const char *const *point = lists[list]; *point; point++)
      for (int n = 1; n <= PASSES; n++)
        hits += die_at(*point, n);
  printf("           %s: %d kills\n", job->name, hits);
  CHECK(hits > 3 * PASSES); /* some points are not passed for the asking */
  finish(others, OTHERS);
}

/* -- all jobs ---------------------------------------------------------------------------------- */

static const struct job *job_of(const char *name) {
  size_t i = 0;
  while (strcmp(jobs[i].name, name) != 0)
    i++;
  return &jobs[i];
}

#define STORM(name)                                                                                \
  TEST_ON_STAGE(name##s_survive_random_kills_and_stops, 120) { storm(job_of(#name)); }
#define JOB(name)                                                                                  \
  STORM(name)                                                                                      \
  TEST_ON_STAGE(name##s_survive_a_kill_at_every_fault_point, 120) { step_points(job_of(#name)); }

JOB(lock)
JOB(rlock)
JOB(semaphore)
JOB(event)
JOB(condition)
JOB(barrier)
JOB(value)
JOB(dict)
JOB(select)
JOB(rwlock)
JOB(latch)

/* It has no state that ops commit: its points are its own. */
JOB(array)

/* It has no lock: of its ops test_sync_step.c takes every instruction. */
STORM(progress)

#define TESTS(name)                                                                                \
  cmocka_unit_test(name##s_survive_random_kills_and_stops),                                        \
      cmocka_unit_test(name##s_survive_a_kill_at_every_fault_point)

int main(void) {
  const struct CMUnitTest tests[] = {
      TESTS(lock),      TESTS(rlock),   TESTS(semaphore), TESTS(event),
      TESTS(condition), TESTS(barrier), TESTS(value),     TESTS(dict),
      TESTS(select),    TESTS(rwlock),  TESTS(latch),     TESTS(array),
      cmocka_unit_test(progresss_survive_random_kills_and_stops),
  };
  return cmocka_run_group_tests_name("sync_kill", tests, NULL, NULL);
}
