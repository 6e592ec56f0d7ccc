/*
 * tests/unit/test_queue_model.c - the queue of real processes against the queue machine of src/object: the same ops,
 * the same answers, at every step. And what one process alone can see: timeouts, limits, close, failing calls.
 */
#include "support/os_world.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "object/queue.h"

enum { ITEMS_MAX = 4096, PAST = 0 };

static const enum queue_transport transports[] = {TRANSPORT_AUTO, TRANSPORT_PIPE, TRANSPORT_SHM};

/* -- conformance ------------------------------------------------------------------------------- */

struct pair {
  struct object *q;
  struct queue_state s;
  size_t lens[ITEMS_MAX]; /* by number modulo */
};

/* What the machine answers to an op that may not wait. */
static int expected(struct queue_state *s, enum op_kind kind) {
  return queue_enabled(s, kind) ? queue_apply(s, kind) : -SBX_ETIMEDOUT;
}

static void compare(struct pair *p) {
  struct queue_info info;
  CHECK_EQ(op_queue_look(&the_backend->base, p->q, &info), 0);
  CHECK_EQ(info.len, queue_len(&p->s));
  CHECK_EQ(info.closed, p->s.closed);
  CHECK_EQ(info.max, p->s.max);
}

static void check_item(struct pair *p, const struct buf *out, uint64_t number) {
  size_t len = p->lens[number % ITEMS_MAX];
  CHECK_EQ(out->len, len);
  if (len < ITEM_LEAST) {
    for (size_t i = 0; i < len; i++)
      CHECK_EQ(out->data[i], (uint8_t)(number + i));
    return;
  }
  uint32_t producer, seq;
  item_check(out->data, out->len, &producer, &seq);
  CHECK_EQ(producer, 1);
  CHECK_EQ(seq, (uint32_t)number);
}

static void step_put(struct pair *p, size_t len) {
  struct buf item = {0};
  uint64_t number = p->s.put;
  if (len >= ITEM_LEAST)
    item_make(&item, 1, (uint32_t)number, len);
  else
    for (size_t i = 0; i < len; i++)
      CHECK_EQ(buf_append_byte(&item, (uint8_t)(number + i)), 0);
  int wanted = expected(&p->s, OP_QUEUE_PUT);
  CHECK_EQ(put(p->q, item.data, item.len, PAST), wanted);
  if (wanted == 0)
    p->lens[number % ITEMS_MAX] = len;
  buf_release(&item);
}

static void step_get(struct pair *p, bool take) {
  struct buf out = {0};
  uint64_t number = p->s.got;
  int wanted = expected(&p->s, take ? OP_QUEUE_GET : OP_QUEUE_PEEK);
  CHECK_EQ(take ? get(p->q, &out, PAST) : peek(p->q, &out), wanted);
  if (wanted == 0)
    check_item(p, &out, number);
  else
    CHECK_EQ(out.len, 0);
  buf_release(&out);
}

static void step_task(struct pair *p) {
  CHECK_EQ(task_done(p->q), expected(&p->s, OP_QUEUE_TASK_DONE));
  CHECK_EQ(join_queue(p->q, PAST), expected(&p->s, OP_QUEUE_JOIN));
}

static size_t random_len(uint64_t *seed) {
  uint64_t r = random_next(seed);
  switch (r % 8) {
  case 0:
    return r / 8 % 8; /* also nothing at all */
  case 1:
    return RECORD_ITEM_MAX - 2 + r / 8 % 5; /* around what a record takes */
  case 2:
    return 4090 + r / 8 % 10;
  case 3:
    return r / 8 % 40000;
  default:
    return 8 + r / 8 % 400;
  }
}

/* Phases of filling and draining, so that a full pipe and a long log occur. */
static void random_sequence(uint64_t seed, int steps) {
  struct pair *p = calloc(1, sizeof *p);
  CHECK(p);
  p->s.max = random_next(&seed) % 3 ? random_next(&seed) % 6 : 0;
  p->q = new_queue(p->s.max, transports[random_next(&seed) % 3], 0);
  compare(p);
  unsigned fill = 50;
  for (int i = 0; i < steps; i++) {
    if (i % 64 == 0)
      fill = 10 + (unsigned)(random_next(&seed) % 80);
    uint64_t r = random_next(&seed);
    record_of_queue(p->q)->put.asleep = r >> 40 & 1; /* a hint: auto takes the pipe, or the log */
    if (r % 256 == 0) {
      CHECK_EQ(close_queue(p->q), expected(&p->s, OP_QUEUE_CLOSE));
    } else if (r % 16 == 1) {
      step_get(p, false);
    } else if (r % 16 < 6) {
      step_task(p);
    } else if (r / 16 % 100 < fill && queue_len(&p->s) < ITEMS_MAX) {
      step_put(p, random_len(&seed));
    } else {
      step_get(p, true);
    }
    compare(p);
  }
  while (queue_len(&p->s) > 0) {
    step_get(p, true);
    compare(p);
  }
  while (queue_undone(&p->s) > 0)
    step_task(p);
  step_task(p);
  release_object(p->q);
  free(p);
}

TEST_ON_STAGE(thousands_of_random_sequences_agree_with_the_machine, 50) {
  os_world_new();
  for (uint64_t seed = 1; seed <= 4000; seed++)
    random_sequence(seed * 7919, 60);
  for (uint64_t seed = 1; seed <= 60; seed++)
    random_sequence(seed * 104729, 2500); /* long enough for a full pipe */
}

/* -- one promise at a time --------------------------------------------------------------------- */

TEST_ON_STAGE(a_full_pipe_overflows_into_the_log_in_order, 20) {
  os_world_new();
  for (int t = 0; t < 3; t++) {
    struct object *q = new_queue(0, transports[t], 0);
    uint32_t put_seq = 0, got_seq = 0, producer, seq;
    for (int round = 0; round < 20; round++) {
      for (int i = 0; i < 300; i++) { /* 128 records fill the pipe */
        CHECK_EQ(put_item(q, 1, put_seq, 10 + put_seq % 490, PAST), 0);
        CHECK_EQ(len_of(q), ++put_seq - got_seq);
      }
      for (int i = 0; i < (round % 2 ? 300 : 100); i++) {
        CHECK_EQ(get_item(q, &producer, &seq, PAST), 0);
        CHECK_EQ(seq, got_seq++);
      }
    }
    while (got_seq < put_seq) {
      CHECK_EQ(get_item(q, &producer, &seq, PAST), 0);
      CHECK_EQ(seq, got_seq++);
    }
    CHECK_EQ(get_item(q, &producer, &seq, PAST), -SBX_ETIMEDOUT);
    release_object(q);
  }
}

TEST_ON_STAGE(timeouts_are_kept, 20) {
  os_world_new();
  for (int t = 0; t < 3; t++) {
    struct object *q = new_queue(1, transports[t], 0);
    struct buf out = {0};
    int64_t t0 = clock_now_ns();
    for (int i = 0; i < 100; i++)
      CHECK_EQ(get(q, &out, PAST), -SBX_ETIMEDOUT);
    CHECK(clock_now_ns() - t0 < 1000 * NS_PER_MS); /* at once */
    int64_t deadline = in_ms(30);
    CHECK_EQ(get(q, &out, deadline), -SBX_ETIMEDOUT);
    CHECK(clock_now_ns() >= deadline);
    CHECK_EQ(put(q, "x", 1, SBX_FOREVER), 0); /* nothing to wait for */
    CHECK_EQ(put(q, "y", 1, PAST), -SBX_ETIMEDOUT);
    deadline = in_ms(30);
    CHECK_EQ(put(q, "y", 1, deadline), -SBX_ETIMEDOUT);
    CHECK(clock_now_ns() >= deadline);
    CHECK_EQ(len_of(q), 1);
    CHECK_EQ(get(q, &out, SBX_FOREVER), 0);
    CHECK(out.len == 1 && out.data[0] == 'x');
    CHECK_EQ(get(q, &out, clock_now_ns() - NS_PER_SECOND), -SBX_ETIMEDOUT);
    CHECK_EQ(out.len, 1); /* untouched */
    buf_release(&out);
    release_object(q);
  }
}

TEST_ON_STAGE(a_get_appends_to_what_the_buffer_holds, 10) {
  os_world_new();
  for (int t = 0; t < 3; t++) {
    struct object *q = new_queue(0, transports[t], 0);
    struct buf out = {0};
    char large[3000];
    memset(large, 'L', sizeof large);
    CHECK_EQ(put(q, "one", 3, PAST), 0);
    CHECK_EQ(put(q, large, sizeof large, PAST), 0);
    CHECK_EQ(peek(q, &out), 0);
    CHECK_EQ(get(q, &out, PAST), 0);
    CHECK_EQ(peek(q, &out), 0);
    CHECK_EQ(get(q, &out, PAST), 0);
    CHECK_EQ(out.len, 6 + 2 * sizeof large);
    CHECK(memcmp(out.data, "oneoneL", 7) == 0 && out.data[out.len - 1] == 'L');
    buf_release(&out);
    release_object(q);
  }
}

static struct op get_or_lend(struct object *q, struct buf *out, int rc) {
  struct op op = {.kind = OP_QUEUE_GET, .object = q, .out = out, .may_lend = true};
  CHECK_EQ(perform(&the_backend->base, &op), rc);
  return op;
}

static int take_lent(struct op op) {
  op.kind = OP_QUEUE_TAKE;
  return perform(&the_backend->base, &op);
}

/* A large item is shown where it lies; it is in the queue until it is taken, by whoever is first. */
TEST_ON_STAGE(what_was_lent_is_taken_once, 10) {
  os_world_new();
  for (int t = 0; t < 3; t++) {
    struct object *q = new_queue(5, transports[t], 0);
    struct buf out = {0};
    uint32_t producer, seq;
    for (uint32_t i = 0; i < 4; i++)
      CHECK_EQ(put_item(q, 1, i, LEND_BYTES + i, PAST), 0);
    CHECK_EQ(put_item(q, 1, 4, 100, PAST), 0);
    struct op first = get_or_lend(q, &out, -SBX_ELENT), again = get_or_lend(q, &out, -SBX_ELENT);
    CHECK(out.len == 0 && len_of(q) == 5);
    CHECK_EQ(first.len, LEND_BYTES);
    item_check(first.data, first.len, &producer, &seq);
    CHECK_EQ(seq, 0);
    CHECK_EQ(put(q, "x", 1, PAST), -SBX_ETIMEDOUT); /* it is full still */
    CHECK_EQ(take_lent(first), 0);
    CHECK_EQ(len_of(q), 4);
    CHECK_EQ(take_lent(again), -SBX_EAGAIN);
    CHECK_EQ(take_lent(first), -SBX_EAGAIN);
    struct op second = get_or_lend(q, &out, -SBX_ELENT);
    CHECK_EQ(get_item(q, &producer, &seq, PAST), 0); /* somebody else takes it */
    CHECK_EQ(seq, 1);
    CHECK_EQ(take_lent(second), -SBX_EAGAIN);
    for (uint32_t i = 2; i < 4; i++) {
      struct op op = get_or_lend(q, &out, -SBX_ELENT);
      CHECK_EQ(op.len, LEND_BYTES + i);
      CHECK_EQ(take_lent(op), 0);
    }
    get_or_lend(q, &out, 0); /* too small to be lent */
    CHECK_EQ(out.len, 100);
    CHECK_EQ(len_of(q), 0);
    get_or_lend(q, &out, -SBX_ETIMEDOUT);
    buf_release(&out);
    release_object(q);
  }
}

TEST_ON_STAGE(out_of_memory_in_get_leaves_the_item, 10) {
  os_world_new();
  for (int t = 0; t < 3; t++) {
    struct object *q = new_queue(3, transports[t], 0);
    char large[3000];
    memset(large, 'L', sizeof large);
    CHECK_EQ(put(q, "one", 3, PAST), 0);
    CHECK_EQ(put(q, large, sizeof large, PAST), 0);
    for (uint64_t left = 2; left > 0; left--) {
      struct buf out = {0};
      fault_plan("buf.alloc:0:fail");
      CHECK_EQ(get(q, &out, PAST), -SBX_ENOMEM);
      CHECK_EQ(peek(q, &out), -SBX_ENOMEM);
      fault_plan(NULL);
      CHECK_EQ(out.len, 0);
      CHECK_EQ(len_of(q), left);
      CHECK_EQ(get(q, &out, PAST), 0);
      CHECK_EQ(out.len, left == 2 ? 3 : sizeof large);
      buf_release(&out);
    }
    CHECK_EQ(len_of(q), 0);
    release_object(q);
  }
}

TEST_ON_STAGE(a_full_log_and_no_space_are_errors_of_put, 20) {
  os_world_new();
  for (int t = 0; t < 3; t++) {
    struct object *q = new_queue(0, transports[t], 64 * 1024);
    for (int round = 0; round < 100; round++) {
      uint32_t n = 0, producer, seq;
      int rc;
      while ((rc = put_item(q, 1, n, 600 + n % 2000, PAST)) == 0)
        n++;
      CHECK_EQ(rc, -SBX_ECAP);
      CHECK_EQ(len_of(q), n);
      CHECK(n >= 30);
      for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(get_item(q, &producer, &seq, PAST), 0);
        CHECK_EQ(seq, i);
      }
      CHECK_EQ(len_of(q), 0);
    }
    char *large = calloc(1, 100000);
    CHECK_EQ(put(q, large, 64 * 1024, PAST), -SBX_ETOOBIG);
    free(large);
    CHECK_EQ(put_item(q, 1, 1, 300000, PAST), -SBX_ETOOBIG);
    fault_plan("log.reserve:0:fail");
    struct object *fresh = new_queue(0, transports[t], 0);
    CHECK_EQ(put_item(fresh, 1, 1, 5000, PAST), -SBX_ENOSPC);
    CHECK_EQ(len_of(fresh), 0);
    fault_plan(NULL);
    CHECK_EQ(put_item(fresh, 1, 1, 5000, PAST), 0);
    CHECK_EQ(len_of(fresh), 1);
    release_object(fresh);
    release_object(q);
  }
}

TEST_ON_STAGE(a_file_size_limit_is_survived, 20) {
  os_world_new();
  struct rlimit limit = {.rlim_cur = 9 << 20, .rlim_max = RLIM_INFINITY};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 9 << 20;
  CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  struct object *q = new_queue(0, TRANSPORT_SHM, 0);
  uint32_t producer, seq;
  for (uint32_t i = 0; i < 100; i++) {
    CHECK_EQ(put_item(q, 1, i, 500000, PAST), 0);
    CHECK_EQ(get_item(q, &producer, &seq, PAST), 0);
  }
  release_object(q);
  limit.rlim_cur = 100000;
  CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  struct queue_options o = {0};
  int fds = open_fds_of(0);
  CHECK_EQ(op_queue_new(&the_backend->base, &o, &q), -SBX_ENOSPC);
  CHECK_EQ(open_fds_of(0), fds);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(thousands_of_random_sequences_agree_with_the_machine),
      cmocka_unit_test(a_full_pipe_overflows_into_the_log_in_order),
      cmocka_unit_test(timeouts_are_kept),
      cmocka_unit_test(a_get_appends_to_what_the_buffer_holds),
      cmocka_unit_test(what_was_lent_is_taken_once),
      cmocka_unit_test(out_of_memory_in_get_leaves_the_item),
      cmocka_unit_test(a_full_log_and_no_space_are_errors_of_put),
      cmocka_unit_test(a_file_size_limit_is_survived),
  };
  return cmocka_run_group_tests_name("queue_model", tests, NULL, NULL);
}
