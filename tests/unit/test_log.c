/*
 * tests/unit/test_log.c - the ring against a list: what goes in comes out, whole and in order, and every failure
 * leaves it usable.
 */
#include "support/os_world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { LIMIT = 64 * 1024, MIB = 1 << 20 };

/* Both sides of a log in one process, and what is in it. */
struct log {
  struct log_ring ring;
  struct log_writer w;
  uint64_t head;
  uint64_t lens[70000]; /* of items put, by number modulo */
  uint64_t put, got;
  uint64_t seen;       /* the head as the put side saw it last */
  int turns, jumps;
};

static struct log *log_new(uint64_t limit) {
  struct log *l = calloc(1, sizeof *l);
  CHECK(l);
  CHECK_EQ(log_create(limit, &l->ring), 0);
  return l;
}

static void log_free(struct log *l) {
  log_close(&l->ring);
  log_close(&l->ring); /* twice is harmless */
  free(l);
}

static uint64_t *len_at(struct log *l, uint64_t n) {
  return &l->lens[n % (sizeof l->lens / sizeof *l->lens)];
}

/* The bytes of item n: different everywhere, also at length 1 to 7. */
static void fill(uint8_t *at, uint64_t n, uint64_t len) {
  uint64_t state = n;
  for (uint64_t i = 0; i < len; i += 8) {
    uint64_t word = random_next(&state);
    memcpy(at + i, &word, len - i < 8 ? len - i : 8);
  }
}

/* An item, in two parts of any sizes. */
static int append_bytes(struct log *l, struct log_writer *w, const void *item, uint64_t len) {
  uint64_t cut = len % 7 < len ? len % 7 : 0;
  const struct span parts[2] = {{item, cut}, {(const uint8_t *)item + cut, len - cut}};
  return log_append(&l->ring, w, l->seen, parts);
}

static int append(struct log *l, uint64_t len) {
  uint8_t *item = malloc(len + 1);
  CHECK(item);
  fill(item, l->put, len);
  struct log_writer before = l->w;
  if (log_wants_head(&l->ring, &l->w, l->seen, len))
    l->seen = l->head;
  int rc = append_bytes(l, &l->w, item, len); /* an old head will do, but for room */
  if (rc == -SBX_ECAP && l->seen != l->head) {
    l->seen = l->head;
    rc = append_bytes(l, &l->w, item, len);
  }
  free(item);
  if (rc == 0) {
    uint64_t end = l->w.tail & (l->ring.bytes - 1); /* nothing was written where no memory was reserved */
    CHECK(end <= l->ring.warm ? end <= l->w.warm : l->w.tail <= l->w.reserved);
    l->turns += l->w.turn != before.turn;
    l->jumps += l->w.jump != before.jump;
    *len_at(l, l->put++) = len;
  }
  if (rc)
    CHECK(memcmp(&before, &l->w, sizeof before) == 0);
  return rc;
}

/* The oldest item is what it was when it was put; `take` moves on. */
static void front(struct log *l, bool take) {
  struct buf out = {0};
  uint64_t first = log_first(l->head, l->w.base);
  uint64_t len = log_front(&l->ring, &first);
  CHECK_EQ(len, *len_at(l, l->got));
  CHECK_EQ(buf_append(&out, "before", 6), 0);
  CHECK_EQ(buf_reserve(&out, len), 0);
  log_read(&l->ring, first, len, &out);
  CHECK_EQ(out.len, 6 + len);
  uint8_t *wanted = malloc(len + 1);
  CHECK(wanted);
  fill(wanted, l->got, len);
  CHECK(memcmp(out.data, "before", 6) == 0 && memcmp(out.data + 6, wanted, len) == 0);
  free(wanted);
  buf_release(&out);
  if (!take)
    return;
  l->head = log_after(first, len);
  l->got++;
}

static void drain(struct log *l) {
  while (l->got < l->put)
    front(l, true);
  CHECK(log_first(l->head, l->w.base) == l->w.tail);
}

static uint64_t blocks_bytes(const struct log *l) {
  struct stat st;
  CHECK_EQ(fstat(l->ring.fd, &st), 0);
  return (uint64_t)st.st_blocks * 512;
}

/*
 * What `warm` and `reserved` promise: a store up to there needs no memory any more. (SEEK_HOLE would not do: pages that are
 * allocated and not yet written count as holes.)
 */
static void check_backed(const struct log *l) {
  uint64_t start = l->w.tail & ~(l->ring.bytes - 1), first = log_first(l->head, l->w.base);
  if (first == l->w.tail && log_wants_rewind(&l->ring, &l->w))
    return; /* nothing will be stored there */
  uint64_t before = blocks_bytes(l);
  uint64_t free_to = first + l->ring.bytes; /* unread entries of the lap before */
  for (uint64_t at = l->w.tail; at < start + l->ring.bytes && at < free_to; at = (at | 4095) + 1)
    if (at - start < l->ring.warm ? at - start < l->w.warm : at < l->w.reserved)
      *(volatile uint8_t *)(l->ring.map + (at - start)) = 0xee;
  CHECK_EQ(blocks_bytes(l), before);
}

/* -- the model --------------------------------------------------------------------------------- */

static uint64_t random_len(uint64_t *seed, uint64_t limit, int kind) {
  uint64_t r = random_next(seed);
  switch (kind % 4) {
  case 0:
    return r % 64;
  case 1:
    return r % 5000;
  case 2:
    return r % 10 ? r % 600 : r % (limit - 32);
  default:
    return r % 3 ? 4096 - 8 - (r >> 8) % 3 : limit - 64 + r % 64;
  }
}

static void random_run(uint64_t limit, int steps, uint64_t seed) {
  struct log *l = log_new(limit);
  int kind = 0, caps = 0;
  for (int i = 0; i < steps; i++) {
    uint64_t r = random_next(&seed);
    if (r % 100 == 0)
      kind++;
    if (r % 300 == 1)
      drain(l);
    if (l->got < l->put && (r >> 10) % 2)
      front(l, (r >> 20) % 8 != 0);
    else {
      uint64_t len = random_len(&seed, limit, kind);
      int rc = append(l, len);
      caps += rc == -SBX_ECAP;
      CHECK(rc == 0 || rc == -SBX_ECAP || (rc == -SBX_ETOOBIG && len > limit - 64));
      if (rc == -SBX_ECAP)
        CHECK(l->got < l->put); /* an empty log has room for whatever is not too big */
    }
    if (i % 8 == 0)
      check_backed(l);
    CHECK(l->head <= l->w.tail && l->w.tail - log_first(l->head, l->w.base) <= 2 * l->ring.bytes);
  }
  drain(l);
  CHECK_EQ(append(l, limit / 2), 0);
  front(l, true);
  CHECK(caps > 0 && l->w.tail > 3 * l->ring.bytes); /* it was full, and wrapped */
  log_free(l);
}

TEST_ON_STAGE(a_small_ring_agrees_with_a_list, 30) {
  for (uint64_t seed = 1; seed <= 4; seed++)
    random_run(LIMIT, 60000 / (int)stage_slowness(), seed);
  random_run(1 * MIB, 10000, 5); /* the ring is just what is needed */
  random_run(5 * MIB - 5000, 3000, 6);
}

TEST_ON_STAGE(a_ring_smaller_than_it_asked_for_agrees_with_a_list, 30) {
  /* Scarce address space: the ring is halved until it fits. */
  struct rlimit old, tight = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
  struct log *l = calloc(1, sizeof *l);
  if (stage_slowness() > 1)
    stage_skip("RLIMIT_AS is no limit for a sanitizer");
  getrlimit(RLIMIT_AS, &old);
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  CHECK(f && fscanf(f, "%ld", &pages) == 1);
  fclose(f);
  tight.rlim_max = old.rlim_max;
  tight.rlim_cur = (rlim_t)pages * 4096 + 20 * MIB;
  CHECK_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  CHECK_EQ(log_create(UINT64_C(1) << 30, &l->ring), 0);
  CHECK_EQ(setrlimit(RLIMIT_AS, &old), 0);
  CHECK(l->ring.bytes <= 16 * MIB && l->ring.limit <= l->ring.bytes);
  uint64_t seed = 5;
  for (int i = 0; i < 60; i++) { /* any number of laps */
    uint64_t len = random_next(&seed) % (l->ring.limit - 16);
    CHECK_EQ(append(l, len), 0);
    drain(l);
  }
  CHECK(l->w.tail > 4 * l->ring.bytes);
  log_free(l);
}

/* -- the edges --------------------------------------------------------------------------------- */

TEST_ON_STAGE(what_is_too_big_is_refused_and_what_is_not_fits_an_empty_log, 20) {
  struct log *l = log_new(LIMIT);
  CHECK_EQ(append(l, LIMIT), -SBX_ETOOBIG);
  CHECK_EQ(append(l, LIMIT + 1), -SBX_ETOOBIG);
  CHECK_EQ(append_bytes(l, &l->w, "", UINT64_MAX), -SBX_ETOOBIG);
  CHECK_EQ(append_bytes(l, &l->w, "", UINT64_MAX - 7), -SBX_ETOOBIG);
  const struct span overflow[2] = {{"", UINT64_MAX / 2 + 1}, {"", UINT64_MAX / 2 + 1}};
  CHECK_EQ(log_append(&l->ring, &l->w, 0, overflow), -SBX_ETOOBIG);
  for (uint64_t len = LIMIT - 32; len < LIMIT; len++) {
    int rc = append(l, len); /* empty: it is the item that does not fit, not the log that is full */
    CHECK(rc == 0 || rc == -SBX_ETOOBIG);
    drain(l);
  }
  for (int i = 0; i < 300; i++) { /* at every place of the ring */
    CHECK_EQ(append(l, LIMIT - 32 - (uint64_t)i), 0);
    drain(l);
  }
  log_free(l);
}

/* An empty log takes every item below its limit, however it came to be empty: nothing else would ever free it. */
TEST_ON_STAGE(an_empty_log_is_never_full, 30) {
  static const uint64_t limits[] = {LIMIT, 3 * MIB, 12 * MIB};
  for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
    uint64_t seed = k, limit = limits[k];
    struct log *l = log_new(limit);
    for (int i = 0; i < 15; i++) {
      uint64_t len = i % 3 ? limit - 64 - random_next(&seed) % 1000 : random_next(&seed) % (limit - 64);
      CHECK_EQ(append(l, len), 0);
      drain(l);
    }
    log_free(l);
  }
}

TEST_ON_STAGE(a_full_log_says_so_and_is_usable_afterwards, 20) {
  struct log *l = log_new(LIMIT);
  for (int round = 0; round < 300; round++) {
    int rc;
    uint64_t n = 0;
    while ((rc = append(l, 1000 + (uint64_t)round)) == 0)
      n++;
    CHECK_EQ(rc, -SBX_ECAP);
    CHECK(n * 1000 <= LIMIT && n * (1000 + (uint64_t)round + 16) >= LIMIT - 4000);
    CHECK_EQ(append(l, 1500), -SBX_ECAP);
    front(l, true);
    front(l, true);
    CHECK_EQ(append(l, 1000 + (uint64_t)round), 0); /* one out, one in */
    drain(l);
  }
  log_free(l);
}

TEST_ON_STAGE(empty_items_count, 20) {
  struct log *l = log_new(LIMIT);
  uint64_t n = 0;
  while (append(l, 0) == 0)
    n++;
  CHECK(n == LIMIT / 8);
  drain(l);
  for (int i = 0; i < 400000; i++) { /* a few laps of nothing */
    CHECK_EQ(append(l, 0), 0);
    front(l, true);
  }
  log_free(l);
}

/*
 * A writer that dies between log_append and its commit has changed nothing: whatever it gave back, skipped or reserved,
 * the committed words still tell the truth.
 */
TEST_ON_STAGE(an_append_that_is_not_committed_never_was, 30) {
  static const uint64_t limits[] = {LIMIT, 3 * MIB, 5 * MIB};
  uint8_t *junk = malloc(5 * MIB);
  CHECK(junk);
  memset(junk, 0xff, 5 * MIB);
  for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
    struct log *l = log_new(limits[k]);
    uint64_t seed = 11 + k;
    while (l->w.tail < 5 * l->ring.bytes) {
      for (int n = (int)(random_next(&seed) % 4); n > 0; n--) {
        struct log_writer abandoned = l->w;
        l->seen = l->head;
        append_bytes(l, &abandoned, junk, random_next(&seed) % limits[k]);
        check_backed(l);
        append(l, random_next(&seed) % (limits[k] / 2));
      }
      for (int n = (int)(random_next(&seed) % 5); n > 0 && l->got < l->put; n--)
        front(l, true);
    }
    drain(l);
    log_free(l);
  }
  free(junk);
}

/* The end of the ring, met with every small number of bytes left: an entry and a skip are never split. */
TEST_ON_STAGE(every_distance_to_the_end_of_the_ring_is_survived, 20) {
  for (uint64_t left = 0; left <= 64; left += 8) {
    struct log *l = log_new(3 * MIB);
    uint64_t step = 100 * 1000;
    while (l->w.tail <= l->ring.warm) /* then it does not turn early, and is not rewound */
      CHECK_EQ(append(l, step), 0);
    while (l->ring.bytes - l->w.tail > 3 * step) {
      CHECK_EQ(append(l, step), 0);
      front(l, true);
    }
    uint64_t rest = l->ring.bytes - l->w.tail - left - 8;
    CHECK_EQ(append(l, rest), 0);
    CHECK(l->w.tail <= l->ring.bytes - 16 || l->w.tail > l->ring.bytes);
    for (int i = 0; i < 5; i++)
      CHECK_EQ(append(l, 50 + (uint64_t)i), 0);
    drain(l);
    log_free(l);
  }
}

/* One out, one in, never empty, always as full as it gets: what is given back must not be what is reserved. */
TEST_ON_STAGE(a_ring_that_is_always_full_goes_round, 30) {
  static const uint64_t limits[] = {3 * MIB, 1 * MIB};
  for (size_t k = 0; k < 2; k++) {
    struct log *l = log_new(limits[k]);
    uint64_t seed = k;
    while (l->w.tail < 4 * l->ring.bytes) {
      while (append(l, 500 + random_next(&seed) % 6000) == 0)
        check_backed(l);
      check_backed(l);
      front(l, true);
    }
    drain(l);
    log_free(l);
  }
}

/* -- memory ------------------------------------------------------------------------------------ */

TEST_ON_STAGE(memory_is_given_back, 30) {
  struct log *l = log_new(64 * MIB);
  for (int i = 0; i < 50; i++)
    CHECK_EQ(append(l, MIB), 0);
  CHECK(blocks_bytes(l) >= 50 * MIB);
  drain(l);
  CHECK(log_wants_rewind(&l->ring, &l->w));
  log_rewind(&l->ring, &l->w); /* what a reader does before it sleeps */
  CHECK(blocks_bytes(l) <= l->ring.warm + MIB / 2);
  for (int i = 0; i < 60; i++) { /* too much for the start, and never empty: what was read is given back, too */
    CHECK_EQ(append(l, MIB), 0);
    if (i >= 10)
      front(l, true);
    CHECK(blocks_bytes(l) <= l->ring.warm + 14 * MIB);
  }
  drain(l);
  log_free(l);
}

/* What was large once, and is small now, becomes so in a few dozen laps; or at once, when it is told. */
TEST_ON_STAGE(a_log_that_was_large_becomes_small, 30) {
  enum { KEPT = 34 };
  struct log *l = log_new(1024 * MIB);
  for (int trimmed = 0; trimmed < 2; trimmed++) {
    for (int i = 0; i < 90; i++)
      CHECK_EQ(append(l, MIB), 0);
    CHECK(log_is_grown(&l->w));
    drain(l);
    log_rewind(&l->ring, &l->w);
    CHECK(blocks_bytes(l) >= 75 * MIB); /* it needed more than half of that just now */
    for (int i = 0; i < 60; i++) {      /* as it goes on, it uses that again */
      uint64_t blocks = blocks_bytes(l);
      CHECK_EQ(append(l, 20 * MIB), 0);
      CHECK(blocks_bytes(l) <= blocks);
      drain(l);
    }
    for (int i = 0; !trimmed && i < 30; i++) {
      CHECK_EQ(append(l, 100000), 0);
      check_backed(l);
      drain(l);
      log_rewind(&l->ring, &l->w);
    }
    if (trimmed)
      log_trim(&l->ring, &l->w);
    CHECK(!log_is_grown(&l->w));
    CHECK(blocks_bytes(l) <= KEPT * MIB);
    CHECK_EQ(append(l, 1000), 0);
    drain(l);
  }
  log_free(l);
}

/* A queue that is short, though it is never empty, stays at the start of the ring: its memory is used again. */
static void stay_at_the_start(uint64_t len, int unread, uint64_t most) {
  struct log *l = log_new(64 * MIB);
  for (int i = 0; i < unread; i++)
    CHECK_EQ(append(l, len), 0);
  for (uint64_t i = 0; i < 20 * most / len; i++) {
    CHECK_EQ(append(l, len), 0);
    CHECK((l->w.tail & (l->ring.bytes - 1)) <= most);
    front(l, true);
  }
  CHECK(l->turns > 5 || l->w.base > 0);
  CHECK(blocks_bytes(l) <= most + MIB / 2);
  drain(l);
  log_free(l);
}

TEST_ON_STAGE(a_short_queue_stays_at_the_start, 60) {
  stay_at_the_start(8, 0, 80 * 1024);
  stay_at_the_start(8, 1, 80 * 1024);
  stay_at_the_start(8, 1000, 80 * 1024);
  stay_at_the_start(1000, 20, 80 * 1024);
  stay_at_the_start(1000, 500, 1100 * 1024);
  stay_at_the_start(100 * 1000, 3, 700 * 1024);
  stay_at_the_start(MIB, 1, 5 * MIB);
}

/* After an early turn there is less room before the head than in the ring: the tail jumps, and the whole limit is there. */
TEST_ON_STAGE(what_has_turned_early_grows_to_its_limit, 30) {
  static const uint64_t sizes[] = {40, 3000, 30 * 1000, 200 * 1000};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    struct log *l = log_new(3 * MIB);
    uint64_t n = 0;
    for (int i = 0; i < 100000 && l->turns == 0; i++) { /* one stays unread */
      CHECK_EQ(append(l, 1000), 0);
      if (i > 0)
        front(l, true);
    }
    CHECK_EQ(l->turns, 1);
    while (append(l, sizes[k]) == 0)
      n += sizes[k] + 8;
    CHECK_EQ(l->jumps, 1);
    CHECK(n + 2 * sizes[k] + 3000 >= 3 * MIB && n <= 3 * MIB);
    check_backed(l);
    for (int i = 0; i < 2000 / (int)stage_slowness(); i++) { /* and goes on from there */
      front(l, true);
      while (append(l, sizes[k]) == 0)
        continue;
      if (i % 16 == 0)
        check_backed(l);
    }
    drain(l);
    log_free(l);
  }
}

TEST_ON_STAGE(nothing_is_leaked_when_a_ring_cannot_be_made, 20) {
  static const char *const plans[] = {"log.memfd:1:fail", "log.map:0:fail"};
  static const int codes[] = {-SBX_EMFILE, -SBX_ENOMEM};
  struct log_ring ring = {0};
  int fds = open_fds_of(0);
  for (int i = 0; i < 2; i++) {
    fault_plan(plans[i]);
    CHECK_EQ(log_create(LIMIT, &ring), codes[i]);
    CHECK_EQ(open_fds_of(0), fds);
    CHECK(!ring.map);
  }
  fault_plan("log.map:1:fail"); /* a smaller one will do */
  CHECK_EQ(log_create(16 * MIB, &ring), 0);
  fault_plan(NULL);
  log_close(&ring);
  CHECK_EQ(open_fds_of(0), fds);
}

/* -- no space ---------------------------------------------------------------------------------- */

TEST_ON_STAGE(no_space_is_an_error_and_the_log_is_usable_afterwards, 20) {
  struct log *l = log_new(4 * MIB);
  uint64_t seed = 9;
  int refused = 0;
  for (int i = 0; i < 3000; i++) {
    if (i % 20 == 19) { /* one that has no memory yet */
      log_free(l);
      l = log_new(4 * MIB);
    }
    uint64_t len = random_next(&seed) % 100000;
    fault_plan("log.reserve:0:fail");
    int rc = append(l, len);
    CHECK(rc == 0 || rc == -SBX_ENOSPC || rc == -SBX_ECAP);
    fault_plan(i % 2 ? "log.reserve:1:fail" : NULL); /* a large step fails, as little as possible does not */
    refused += rc == -SBX_ENOSPC;
    if (rc == -SBX_ENOSPC)
      CHECK_EQ(append(l, len), 0);
    fault_plan(NULL);
    if (l->put - l->got > random_next(&seed) % 20)
      drain(l);
  }
  CHECK(refused > 100);
  log_free(l);
}

TEST_ON_STAGE(a_file_size_limit_makes_a_smaller_ring, 20) {
  struct rlimit limit = {.rlim_cur = 9 * MIB, .rlim_max = 9 * MIB};
  os_world_new(); /* its handlers keep SIGXFSZ from killing */
  CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0); /* it applies to ftruncate of a memfd */
  struct log *l = log_new(64 * MIB);
  CHECK(l->ring.bytes <= 9 * MIB);
  for (int i = 0; i < 100; i++) {
    CHECK_EQ(append(l, 300 * 1000), 0);
    drain(l);
  }
  log_free(l);
  struct log_ring ring = {0};
  limit.rlim_cur = 1000;
  CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  CHECK_EQ(log_create(LIMIT, &ring), -SBX_ENOSPC);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_small_ring_agrees_with_a_list),
      cmocka_unit_test(a_ring_smaller_than_it_asked_for_agrees_with_a_list),
      cmocka_unit_test(what_is_too_big_is_refused_and_what_is_not_fits_an_empty_log),
      cmocka_unit_test(an_empty_log_is_never_full),
      cmocka_unit_test(a_full_log_says_so_and_is_usable_afterwards),
      cmocka_unit_test(empty_items_count),
      cmocka_unit_test(an_append_that_is_not_committed_never_was),
      cmocka_unit_test(every_distance_to_the_end_of_the_ring_is_survived),
      cmocka_unit_test(a_ring_that_is_always_full_goes_round),
      cmocka_unit_test(memory_is_given_back),
      cmocka_unit_test(a_log_that_was_large_becomes_small),
      cmocka_unit_test(a_short_queue_stays_at_the_start),
      cmocka_unit_test(what_has_turned_early_grows_to_its_limit),
      cmocka_unit_test(nothing_is_leaked_when_a_ring_cannot_be_made),
      cmocka_unit_test(no_space_is_an_error_and_the_log_is_usable_afterwards),
      cmocka_unit_test(a_file_size_limit_makes_a_smaller_ring),
  };
  return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
