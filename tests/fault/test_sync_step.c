/*
 * tests/fault/test_sync_step.c - SIGKILL after every few instructions of the ops of synchronisation
 * objects: what was there before is there, or what the op makes of it; and everybody else goes on
 * at once.
 *
 * A victim is stopped after its n-th instruction and killed, for n from 1 to the end of the op. Not
 * all n have their turn each time: the stride is printed; SANDBOX_EVERY_STEP=1 makes it 1.
 */
#include "support/os_steps.h"

#include "object/rwlock.h"
#include "os/sync/dict_table.h"
#include "os/sync/sync.h"

enum { KILLS = 150 }; /* in a scene */

static struct object *shared;

static int perform_on(enum op_kind kind, int64_t deadline_ns, struct op *op) {
  op->kind = kind;
  op->object = shared;
  op->deadline_ns = deadline_ns;
  return perform(&the_backend->base, op);
}

static int plain(enum op_kind kind, bool *abandoned) {
  struct op op = {.count = 1};
  int rc = perform_on(kind, 0, &op);
  if (abandoned)
    *abandoned = op.abandoned;
  return rc;
}

static struct sync_info info(void) {
  struct sync_info i;
  op_sync_look(&the_backend->base, shared->type, shared, &i);
  return i;
}

/* -- values and dicts: bytes that know what they are --------------------------------------------
 */

struct content {
  uint32_t key, n;
  size_t len; /* 0: nothing */
};

/* The message of the scene's new content: made before it is stepped. */
static struct buf made;
static const struct content *made_of;

static int bring(enum op_kind kind, const struct content *c) {
  struct buf message = {0};
  struct value_args args = {
      .key = &c->key, .key_len = sizeof c->key, .hash = c->key * 77, .none = c->len == 0};
  if (c->len && c != made_of)
    item_make(&message, c->key, c->n, c->len);
  struct buf *bytes = c == made_of ? &made : &message;
  struct op op = {.data = bytes->data, .len = bytes->len, .value = &args};
  int rc = perform_on(kind, SBX_FOREVER, &op);
  buf_release(&message);
  return rc;
}

static struct content look_up(enum op_kind kind, uint32_t key) {
  struct buf message = {0}, refs = {0};
  struct value_args args = {
      .key = &key, .key_len = sizeof key, .hash = key * 77, .out_refs = &refs};
  struct op op = {.out = &message, .value = &args};
  struct content c = {.key = key};
  CHECK_EQ(perform_on(kind, SBX_FOREVER, &op), 0);
  if (!args.none && message.len) {
    uint32_t got;
    item_check(message.data, message.len, &got, &c.n);
    CHECK_EQ(got, key);
    c.len = message.len;
  }
  buf_release(&message);
  return c;
}

static bool same(const struct content *a, const struct content *b) {
  return a->n == b->n && a->len == b->len;
}

/* -- scenes ------------------------------------------------------------------------------------ */

struct scene {
  const char *name;
  struct sync_options options;
  void (*before)(const struct scene *s); /* main, before each victim; may be NULL */
  void (*prelude)(void);                 /* the victim, not stepped; may be NULL */
  void (*act)(const struct scene *s);    /* the victim, stepped */
  bool (*check)(const struct scene *s);  /* main, when it is dead: has the op happened? */
  struct content old, new;
  int others; /* DICT: keys besides */
};

static void acquire(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_LOCK_ACQUIRE, NULL), 0);
}
static void release(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_LOCK_RELEASE, NULL), 0);
}
static void acquired(void) { acquire(NULL); }

static bool lock_is_taken_over(const struct scene *s) {
  bool abandoned;
  (void)s;
  CHECK_EQ(plain(OP_LOCK_ACQUIRE, &abandoned), 0);
  CHECK_EQ(plain(OP_LOCK_RELEASE, NULL), 0);
  return abandoned;
}
/* A lock that is held more than once: its state moves from one word to the monitor's copies, and back (os/sync/quick.h). */
static void acquired_twice(void) {
  acquire(NULL);
  acquire(NULL);
}
static bool has_depth(uint64_t depth) {
  struct sync_info i = info();
  CHECK(i.depth == 1 || i.depth == 2);
  CHECK(lock_is_taken_over(NULL));
  CHECK(!lock_is_taken_over(NULL));
  return i.depth == depth;
}
static bool lock_was_taken_again(const struct scene *s) {
  (void)s;
  return has_depth(2);
}
static bool lock_was_let_go_once(const struct scene *s) {
  (void)s;
  return has_depth(1);
}

static bool lock_was_released(const struct scene *s) { return !lock_is_taken_over(s); }

static void take_unit(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_SEMAPHORE_ACQUIRE, NULL), 0);
}
static void give_unit(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_SEMAPHORE_RELEASE, NULL), 0);
}
static void unit_taken(void) { take_unit(NULL); }

static bool unit_comes_back(const struct scene *s) {
  bool abandoned;
  (void)s;
  CHECK_EQ(info().count, 1);
  CHECK_EQ(plain(OP_SEMAPHORE_ACQUIRE, &abandoned), 0);
  CHECK_EQ(plain(OP_SEMAPHORE_ACQUIRE, NULL), -SBX_ETIMEDOUT);
  CHECK_EQ(plain(OP_SEMAPHORE_RELEASE, NULL), 0);
  return abandoned;
}
static bool unit_was_given(const struct scene *s) { return !unit_comes_back(s); }

static void set_event(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_EVENT_SET, NULL), 0);
}
static bool event_was_set(const struct scene *s) {
  (void)s;
  bool set = info().set;
  CHECK_EQ(plain(OP_EVENT_WAIT, NULL), set ? 0 : -SBX_ETIMEDOUT);
  CHECK_EQ(plain(OP_EVENT_CLEAR, NULL), 0);
  return set;
}

static void take_to_write(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_RWLOCK_WRITE, NULL), 0);
}
static void take_to_read(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_RWLOCK_READ, NULL), 0);
}
static void give_rwlock(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_RWLOCK_RELEASE, NULL), 0);
}
static void taken_to_write(void) { take_to_write(NULL); }

/* A dead writer is told of, to a reader and to the next writer, once; and it is free for both. */
static bool rwlock_was_written(const struct scene *s) {
  bool to_reader, to_writer, again;
  (void)s;
  CHECK_EQ(info().count, 0);
  CHECK_EQ(plain(OP_RWLOCK_READ, &to_reader), 0);
  CHECK_EQ(plain(OP_RWLOCK_RELEASE, NULL), 0);
  CHECK_EQ(plain(OP_RWLOCK_WRITE, &to_writer), 0);
  CHECK_EQ(plain(OP_RWLOCK_RELEASE, NULL), 0);
  CHECK_EQ(plain(OP_RWLOCK_WRITE, &again), 0);
  CHECK_EQ(plain(OP_RWLOCK_RELEASE, NULL), 0);
  CHECK(to_reader == to_writer && !again);
  return to_writer;
}
static bool rwlock_was_given(const struct scene *s) { return !rwlock_was_written(s); }

/* The main process reads, too: so the record shows who else did. */
static void main_reads(const struct scene *s) { take_to_read(s); }
static bool rwlock_was_read(const struct scene *s) {
  const uint64_t *state = the_backend->control->syncs[shared->slot].state[0];
  uint64_t generation = atomic_load(&the_backend->control->syncs[shared->slot].monitor.generation);
  bool two = state[(generation & 1) * RECORD_WORDS + RWLOCK_COUNT] == 2;
  CHECK_EQ(info().count, 1);
  CHECK_EQ(plain(OP_RWLOCK_RELEASE, NULL), 0);
  CHECK(!rwlock_was_written(s));
  return two;
}

/* A latch of its own for each victim: it opens once. */
static void count_down(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_LATCH_DOWN, NULL), 0);
}
static void latch_before(const struct scene *s) {
  release_object(shared);
  CHECK_EQ(op_sync_new(&the_backend->base, &s->options, &shared), 0);
}
static bool latch_is_open(const struct scene *s) {
  uint64_t left = info().count;
  (void)s;
  CHECK(left <= 1);
  CHECK_EQ(plain(OP_LATCH_WAIT, NULL), left ? -SBX_ETIMEDOUT : 0);
  CHECK_EQ(plain(OP_LATCH_DOWN, NULL), 0); /* it works, and stays open */
  CHECK_EQ(plain(OP_LATCH_WAIT, NULL), 0);
  return left == 0;
}

/* One victim after the other: what a dead one has done is taken back. */
static void progress_add(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_PROGRESS_ADD, NULL), 0);
}
static bool progress_was_moved(const struct scene *s) {
  struct op back = {.count = 0};
  uint64_t count = info().count;
  (void)s;
  CHECK(count <= 1 && !info().set);
  CHECK_EQ(plain(OP_PROGRESS_ADD, NULL), 0); /* it can be moved */
  CHECK_EQ(info().count, count + 1);
  CHECK_EQ(perform_on(OP_PROGRESS_SET, 0, &back), 0);
  return count == 1;
}

/* It arrives, and gives up at once. */
static void pass_by(const struct scene *s) {
  (void)s;
  CHECK_EQ(plain(OP_BARRIER_WAIT, NULL), -SBX_ETIMEDOUT);
}
static bool barrier_is_broken(const struct scene *s) {
  struct sync_info before = info();
  (void)s;
  if (before.count) /* it has arrived, and died */
    CHECK_EQ(plain(OP_BARRIER_WAIT, NULL), -SBX_EBROKEN);
  CHECK_EQ(plain(OP_BARRIER_RESET, NULL), 0);
  CHECK(!info().set && info().count == 0);
  CHECK_EQ(plain(OP_BARRIER_WAIT, NULL),
           -SBX_ETIMEDOUT); /* it works: as a place for one who gives up */
  CHECK_EQ(plain(OP_BARRIER_RESET, NULL), 0);
  return before.set || before.count;
}

static void value_before(const struct scene *s) { CHECK_EQ(bring(OP_VALUE_SET, &s->old), 0); }
static void value_set(const struct scene *s) { CHECK_EQ(bring(OP_VALUE_SET, &s->new), 0); }
static void value_update(const struct scene *s) {
  look_up(OP_VALUE_UPDATE, s->old.key);
  CHECK_EQ(bring(OP_VALUE_REPLACE, &s->new), 0);
}
static bool value_is_new(const struct scene *s) {
  struct content c = look_up(OP_VALUE_GET, s->old.key);
  CHECK(same(&c, &s->old) || same(&c, &s->new));
  return same(&c, &s->new);
}

/* A process waits for a change all the while: however the victim ends, it learns of the next one. */
static struct object *watcher;

static int watch_value(void *arg) {
  const struct content *old = arg;
  struct buf seen = {0}, message = {0}, refs = {0};
  item_make(&seen, old->key, old->n, old->len);
  struct value_args args = {.expected_data = seen.data, .expected_len = seen.len, .out_refs = &refs};
  struct op op = {.out = &message, .value = &args, .number = 1};
  CHECK_EQ(perform_on(OP_VALUE_AWAIT, SBX_FOREVER, &op), 0);
  CHECK(message.len != seen.len || memcmp(message.data, seen.data, seen.len) != 0);
  return 0;
}
static void value_watched_before(const struct scene *s) {
  struct content old = s->old;
  value_before(s);
  watcher = spawn_process(watch_value, &old);
  await_sleep(watcher, OP_VALUE_AWAIT);
}
static bool watched_value_is_new(const struct scene *s) {
  bool is_new = value_is_new(s);
  if (!is_new)
    value_set(s);
  join_well(watcher);
  return is_new;
}

/* -- arrays: four elements that are 1 --------------------------------------------------------- */

enum { ELEMENTS = 4 };

static int array_op(enum op_kind kind, int64_t n, struct buf *out) {
  struct value_args args = {.number = {.kind = NUMBER_INTEGER, .i = n},
                            .expected = {.kind = NUMBER_INTEGER, .i = 1}};
  struct op op = {.value = &args, .count = kind == OP_ARRAY_COPY ? 1 : 2, .number = ELEMENTS, .out = out};
  return perform_on(kind, SBX_FOREVER, &op);
}
static void array_before(const struct scene *s) {
  (void)s;
  CHECK_EQ(array_op(OP_ARRAY_FILL, 1, NULL), 0);
}
static void element_set(const struct scene *s) {
  (void)s;
  CHECK_EQ(array_op(OP_ARRAY_SET, 2, NULL), 0);
}
static void element_added(const struct scene *s) {
  (void)s;
  CHECK_EQ(array_op(OP_ARRAY_ADD, 1, NULL), 0);
}
static void element_exchanged(const struct scene *s) {
  (void)s;
  CHECK_EQ(array_op(OP_ARRAY_CAS, 2, NULL), 0);
}
static void array_filled(const struct scene *s) {
  (void)s;
  CHECK_EQ(array_op(OP_ARRAY_FILL, 2, NULL), 0);
}
/* It copies, which changes nothing, and then sets. */
static void array_copied(const struct scene *s) {
  struct buf out = {0};
  CHECK_EQ(array_op(OP_ARRAY_COPY, 0, &out), 0);
  buf_release(&out);
  element_set(s);
}
/* Each op of others goes on at once, whatever the victim was about to do: first a get, which must not see what is half done,
 * then a copy and a set. Returns what the get saw. */
static uint64_t look_at_elements(int64_t ret[ELEMENTS]) {
  struct buf out = {0};
  struct value_args args = {.number = {.kind = NUMBER_NONE}};
  struct op get = {.value = &args, .count = 2};
  CHECK_EQ(perform_on(OP_ARRAY_GET, SBX_FOREVER, &get), 0);
  CHECK_EQ(array_op(OP_ARRAY_COPY, 0, &out), 0);
  CHECK_EQ(out.len, ELEMENTS * sizeof *ret);
  memcpy(ret, out.data, out.len);
  CHECK_EQ(args.number.i, ret[1]);
  buf_release(&out);
  element_set(NULL);
  return (uint64_t)args.number.i;
}
static bool element_is_two(const struct scene *s) {
  int64_t e[ELEMENTS];
  uint64_t second = look_at_elements(e);
  (void)s;
  CHECK(e[0] == 1 && e[2] == 1 && e[3] == 1 && (second == 1 || second == 2));
  return second == 2;
}
static bool all_are_two(const struct scene *s) {
  int64_t e[ELEMENTS];
  uint64_t second = look_at_elements(e);
  (void)s;
  for (int i = 0; i < ELEMENTS; i++)
    CHECK_EQ(e[i], (int64_t)second);
  CHECK(second == 1 || second == 2);
  return second == 2;
}

static void dict_before(const struct scene *s);

/* A number at a key of a dict: 1, to which 1 is added; or 1 becomes 2, if it is 1. */
static int number_op(enum op_kind kind, int64_t n, int64_t *ret) {
  struct buf out = {0}, refs = {0};
  struct value_args args = {.key = "n",
                            .key_len = 1,
                            .hash = 5,
                            .number = {.kind = NUMBER_INTEGER, .i = n},
                            .expected = {.kind = NUMBER_INTEGER, .i = 1},
                            .out_refs = &refs};
  struct op op = {.value = &args, .out = &out};
  int rc = perform_on(kind, SBX_FOREVER, &op);
  if (ret)
    *ret = args.number.i;
  buf_release(&out);
  return rc;
}
static void number_before(const struct scene *s) {
  dict_before(s);
  CHECK_EQ(number_op(OP_DICT_SET, 1, NULL), 0);
}
static void number_added(const struct scene *s) {
  (void)s;
  CHECK_EQ(number_op(OP_DICT_ADD, 1, NULL), 0);
}
static void number_exchanged(const struct scene *s) {
  (void)s;
  CHECK_EQ(number_op(OP_DICT_CAS, 2, NULL), 0);
}
static bool number_is_two(const struct scene *s) {
  int64_t n, more;
  (void)s;
  CHECK_EQ(number_op(OP_DICT_GET, 0, &n), 0);
  CHECK(n == 1 || n == 2);
  CHECK_EQ(number_op(OP_DICT_ADD, 10, &more), 0); /* it can be changed */
  CHECK_EQ(more, n + 10);
  return n == 2;
}

static struct content other(int i) {
  return (struct content){.key = 1000 + (uint32_t)i, .n = 7, .len = 60};
}

static uint64_t count_entries(void) {
  struct buf all = {0}, refs = {0};
  struct value_args args = {.out_refs = &refs};
  struct op op = {.out = &all, .value = &args};
  uint64_t n = 0;
  CHECK_EQ(perform_on(OP_DICT_ALL, SBX_FOREVER, &op), 0);
  for (size_t at = 0; at < all.len; n++)
    at += dict_entry_size((const struct dict_entry *)(const void *)(all.data + at));
  buf_release(&all);
  return n;
}

/* A dict of its own for each victim: so each has the same room left. */
static void dict_before(const struct scene *s) {
  release_object(shared);
  CHECK_EQ(op_sync_new(&the_backend->base, &s->options, &shared), 0);
  for (int i = 0; i < s->others; i++) {
    struct content c = other(i);
    CHECK_EQ(bring(OP_DICT_SET, &c), 0);
  }
  CHECK_EQ(bring(OP_DICT_SET, &s->old), 0);
}
static void dict_set(const struct scene *s) { CHECK_EQ(bring(OP_DICT_SET, &s->new), 0); }
static void dict_update(const struct scene *s) {
  look_up(OP_DICT_UPDATE, s->old.key);
  CHECK_EQ(bring(OP_DICT_REPLACE, &s->new), 0);
}
static bool dict_is_new(const struct scene *s) {
  struct content c = look_up(OP_DICT_GET, s->old.key);
  CHECK(same(&c, &s->old) || same(&c, &s->new));
  CHECK_EQ(info().count, s->others + (c.len != 0));
  CHECK_EQ(count_entries(), s->others + (c.len != 0));
  for (int i = 0; i < s->others; i++) {
    struct content wanted = other(i), there = look_up(OP_DICT_GET, wanted.key);
    CHECK(same(&there, &wanted));
  }
  struct content more = {.key = 5, .n = 3, .len = 100}; /* it can be changed */
  CHECK_EQ(bring(OP_DICT_SET, &more), 0);
  struct content there = look_up(OP_DICT_GET, 5);
  CHECK(same(&there, &more));
  return same(&c, &s->new);
}

/* -- stepping ---------------------------------------------------------------------------------- */

static const struct scene *the_scene;

static void before(void) {
  if (the_scene->before)
    the_scene->before(the_scene);
}
static void act(void) { the_scene->act(the_scene); }
static bool check(void) { return the_scene->check(the_scene); }

static void play_the_scene(const void *of) {
  the_scene = of;
  const struct steps_scene stepped = {
      .name = the_scene->name, .before = before, .prelude = the_scene->prelude, .act = act, .check = check};
  os_world_new();
  CHECK_EQ(op_sync_new(&the_backend->base, &the_scene->options, &shared), 0);
  if (the_scene->new.len) {
    item_make(&made, the_scene->new.key, the_scene->new.n, the_scene->new.len);
    made_of = &the_scene->new;
  }
  steps_play(&stepped, KILLS);
}

enum { LARGE = 3000 };

static const struct scene scenes[] = {
    {"acquire", {.type = OBJECT_LOCK}, NULL, NULL, acquire, lock_is_taken_over, {0}, {0}, 0},
    {"release", {.type = OBJECT_LOCK}, NULL, acquired, release, lock_was_released, {0}, {0}, 0},
    {"acquire again",
     {.type = OBJECT_LOCK, .recursive = true},
     NULL,
     acquired,
     acquire,
     lock_was_taken_again,
     {0},
     {0},
     0},
    {"release once",
     {.type = OBJECT_LOCK, .recursive = true},
     NULL,
     acquired_twice,
     release,
     lock_was_let_go_once,
     {0},
     {0},
     0},
    {"semaphore acquire",
     {.type = OBJECT_SEMAPHORE, .count = 1},
     NULL,
     NULL,
     take_unit,
     unit_comes_back,
     {0},
     {0},
     0},
    {"semaphore release",
     {.type = OBJECT_SEMAPHORE, .count = 1},
     NULL,
     unit_taken,
     give_unit,
     unit_was_given,
     {0},
     {0},
     0},
    {"event set", {.type = OBJECT_EVENT}, NULL, NULL, set_event, event_was_set, {0}, {0}, 0},
    {"rwlock write", {.type = OBJECT_RWLOCK}, NULL, NULL, take_to_write, rwlock_was_written, {0}, {0}, 0},
    {"rwlock release",
     {.type = OBJECT_RWLOCK},
     NULL,
     taken_to_write,
     give_rwlock,
     rwlock_was_given,
     {0},
     {0},
     0},
    {"rwlock read",
     {.type = OBJECT_RWLOCK},
     main_reads,
     NULL,
     take_to_read,
     rwlock_was_read,
     {0},
     {0},
     0},
    {"latch down",
     {.type = OBJECT_LATCH, .count = 1},
     latch_before,
     NULL,
     count_down,
     latch_is_open,
     {0},
     {0},
     0},
    {"array set", {.type = OBJECT_ARRAY, .count = ELEMENTS}, array_before, NULL, element_set, element_is_two, {0}, {0}, 0},
    {"array add", {.type = OBJECT_ARRAY, .count = ELEMENTS}, array_before, NULL, element_added, element_is_two, {0}, {0}, 0},
    {"array cas", {.type = OBJECT_ARRAY, .count = ELEMENTS}, array_before, NULL, element_exchanged, element_is_two, {0}, {0}, 0},
    {"array fill", {.type = OBJECT_ARRAY, .count = ELEMENTS}, array_before, NULL, array_filled, all_are_two, {0}, {0}, 0},
    {"array copy", {.type = OBJECT_ARRAY, .count = ELEMENTS}, array_before, NULL, array_copied, element_is_two, {0}, {0}, 0},
    {"progress add",
     {.type = OBJECT_PROGRESS, .max = 9},
     NULL,
     NULL,
     progress_add,
     progress_was_moved,
     {0},
     {0},
     0},
    {"barrier wait, given up",
     {.type = OBJECT_BARRIER, .count = 2},
     NULL,
     NULL,
     pass_by,
     barrier_is_broken,
     {0},
     {0},
     0},
    {"value set, small",
     {.type = OBJECT_VALUE},
     value_before,
     NULL,
     value_set,
     value_is_new,
     {1, 1, 40},
     {1, 2, 90},
     0},
    {"value set, large",
     {.type = OBJECT_VALUE},
     value_before,
     NULL,
     value_set,
     value_is_new,
     {1, 1, LARGE},
     {1, 2, LARGE + 9},
     0},
    {"value set, large to small",
     {.type = OBJECT_VALUE},
     value_before,
     NULL,
     value_set,
     value_is_new,
     {1, 1, 100000},
     {1, 2, 9},
     0},
    {"value update",
     {.type = OBJECT_VALUE},
     value_before,
     NULL,
     value_update,
     value_is_new,
     {1, 1, 50},
     {1, 2, LARGE},
     0},
    {"value set, watched",
     {.type = OBJECT_VALUE},
     value_watched_before,
     NULL,
     value_set,
     watched_value_is_new,
     {1, 1, 40},
     {1, 2, 90},
     0},
    {"dict add", {.type = OBJECT_DICT}, number_before, NULL, number_added, number_is_two, {1, 1, 9}, {0}, 3},
    {"dict cas", {.type = OBJECT_DICT}, number_before, NULL, number_exchanged, number_is_two, {1, 1, 9}, {0}, 3},
    {"dict, the first key",
     {.type = OBJECT_DICT},
     dict_before,
     NULL,
     dict_set,
     dict_is_new,
     {1, 0, 0},
     {1, 2, 50},
     0},
    {"dict, a new key",
     {.type = OBJECT_DICT},
     dict_before,
     NULL,
     dict_set,
     dict_is_new,
     {1, 0, 0},
     {1, 2, 50},
     20},
    {"dict, an old key",
     {.type = OBJECT_DICT},
     dict_before,
     NULL,
     dict_set,
     dict_is_new,
     {1, 1, 70},
     {1, 2, 50},
     20},
    {"dict, a key removed",
     {.type = OBJECT_DICT},
     dict_before,
     NULL,
     dict_set,
     dict_is_new,
     {1, 1, 70},
     {1, 0, 0},
     20},
    {"dict, made anew",
     {.type = OBJECT_DICT},
     dict_before,
     NULL,
     dict_set,
     dict_is_new,
     {1, 0, 0},
     {1, 2, 50},
     128},
    {"dict update",
     {.type = OBJECT_DICT},
     dict_before,
     NULL,
     dict_update,
     dict_is_new,
     {1, 1, 70},
     {1, 2, 50},
     5},
};

int main(int argc, char **argv) {
  const struct steps_tests tests = {
      "sync_step", scenes, sizeof scenes / sizeof *scenes, sizeof *scenes, play_the_scene};
  return steps_main(argc, argv, &tests);
}
