/* tests/unit/test_arena.c - blocks of an arena: apart from each other, whole, given back. */
#include "support/os_world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/arena.h"

enum {
  BLOCKS = 3000,
  HUGE_PAGES = 4 << 20
}; /* bytes at the ends of a run that are not given back */

struct held {
  unsigned char *p;
  size_t size;
  unsigned char mark;
};

static uint64_t draw(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
  return *state >> 33;
}

/* Mostly small, some of pages, a few of megabytes. */
static size_t draw_size(uint64_t *state) {
  uint64_t k = draw(state) % 100;
  if (k < 80)
    return 1 + draw(state) % 600;
  if (k < 95)
    return 1 + draw(state) % (40 << 10);
  return 1 + draw(state) % (k == 99 ? 3 << 20 : 200 << 10);
}

static void fill(struct held *h) { memset(h->p, h->mark, h->size); }

static void check(const struct held *h, size_t bytes) {
  for (size_t i = 0; i<bytes; i += bytes> 5000 ? 509 : 1)
    if (h->p[i] != h->mark)
      fail_msg("byte %zu of a block of %zu is %u, not %u", i, h->size, h->p[i], h->mark);
}

/* Bytes of the range that are in memory, from the page on in which it begins. */
static size_t resident(const void *at, size_t bytes) {
  static unsigned char map[1 << 16];
  size_t n = 0;
  assert_true(bytes / 4096 <= sizeof map);
  assert_int_equal(mincore((void *)((uintptr_t)at / 4096 * 4096), bytes, map), 0);
  for (size_t i = 0; i < bytes / 4096; i++)
    n += map[i] & 1;
  return n * 4096;
}

static void step(struct arena *a, struct held *h, uint64_t *state) {
  size_t size = draw(state) % 3 == 0 ? 0 : draw_size(state);
  unsigned char *p = arena_resize(a, h->p, h->p ? h->size : 5, size);
  assert_true(p != NULL || size == 0);
  assert_int_equal((uintptr_t)p % 16, 0);
  if (p && h->p) {
    struct held moved = {p, size, h->mark};
    check(&moved, size < h->size ? size : h->size);
  }
  *h = (struct held){p, size, (unsigned char)draw(state)};
  if (p)
    fill(h);
}

/* A block that overlapped another, or lost its contents when it moved, would show a wrong mark. */
static void blocks_keep_what_is_in_them(void **unused) {
  (void)unused;
  static struct held held[BLOCKS];
  struct arena *a;
  char *first, *end;
  uint64_t state = 20261129;
  memset(held, 0, sizeof held);
  assert_int_equal(arena_open(&a), 0);
  first = end = arena_resize(a, NULL, 5, 1);
  arena_resize(a, first, 1, 0);
  for (int i = 0; i < 60000; i++) {
    struct held *h = &held[draw(&state) % BLOCKS];
    if (h->p)
      check(h, h->size);
    step(a, h, &state);
    if (h->p && (char *)h->p + h->size > end)
      end = (char *)h->p + h->size;
    if (i % 10000 == 9999)
      arena_trim(a);
  }
  for (int i = 0; i < BLOCKS; i++) {
    if (held[i].p)
      check(&held[i], held[i].size);
    arena_resize(a, held[i].p, held[i].size, 0);
  }
  arena_trim(a);
  assert_int_equal(arena_keeps(a), 0);
  assert_true(resident(first, (size_t)(end - first)) <= HUGE_PAGES);
  arena_close(a);
}

static void free_pages_go_back_beyond_what_is_kept(void **unused) {
  (void)unused;
  enum { BIG = 64 << 20 };
  struct arena *a;
  assert_int_equal(arena_open(&a), 0);
  char *p = arena_resize(a, NULL, 0, BIG);
  memset(p, 1, BIG);
  assert_true(resident(p, BIG) >= BIG);
  p = arena_resize(a, p, BIG, BIG / 2);
  assert_true(resident(p + BIG / 2, BIG / 2) <= HUGE_PAGES);
  arena_resize(a, p, BIG / 2, 0);
  assert_true(resident(p, BIG) <= HUGE_PAGES);
  arena_close(a);
}

/* One large block after the other: their pages stay, until the arena is trimmed, or others have come since. */
static void pages_of_large_blocks_that_come_and_go_are_kept(void **unused) {
  (void)unused;
  enum { BIG = 16 << 20, OTHER = 100 << 10, OTHERS = 8 * 4 * BIG / OTHER + 1 };
  struct arena *a;
  assert_int_equal(arena_open(&a), 0);
  char *p = NULL;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 3; i++) {
      p = arena_resize(a, NULL, 0, BIG);
      memset(p, 1, BIG);
      arena_resize(a, p, BIG, 0);
    }
    assert_true(resident(p, BIG) >= BIG - HUGE_PAGES);
    if (round == 0)
      arena_trim(a);
    for (int i = 0; round == 1 && i < OTHERS; i++)
      arena_resize(a, arena_resize(a, NULL, 0, OTHER), OTHER, 0);
    assert_true(resident(p, BIG) <= ARENA_KEEP + HUGE_PAGES);
  }
  arena_close(a);
}

/* Of N blocks every PERIOD-th stays: so many that a huge page in three has one. */
static void spans_of_small_blocks_go_back_when_all_are_free(void **unused) {
  (void)unused;
  enum { N = 400000, SIZE = 56, BYTES = N * 64, PERIOD = 100000, STAY = N / PERIOD };
  char **p = malloc(N * sizeof *p);
  struct arena *a;
  assert_int_equal(arena_open(&a), 0);
  for (int i = 0; i < N; i++) {
    p[i] = arena_resize(a, NULL, 5, SIZE);
    memset(p[i], 1, SIZE);
  }
  assert_true(resident(p[0], BYTES) >= BYTES - HUGE_PAGES);
  for (int i = 0; i < N; i++)
    if (i % PERIOD != 7)
      arena_resize(a, p[i], SIZE, 0);
  assert_true(resident(p[0], BYTES) < ARENA_KEEP + BYTES / 2 + HUGE_PAGES); /* without being told */
  arena_trim(a);
  assert_int_equal(arena_keeps(a), 0);
  assert_true(resident(p[0], BYTES) <= STAY * HUGE_PAGES / 2 + HUGE_PAGES / 2);
  for (int i = 7; i < N; i += PERIOD)
    assert_int_equal(p[i][SIZE - 1], 1);
  char *again = arena_resize(a, NULL, 5, 1 << 20); /* room that small blocks had */
  assert_true(again > p[0] && again < p[0] + BYTES + HUGE_PAGES);
  arena_resize(a, again, 1 << 20, 0);
  assert_true(arena_keeps(a) >= 1 << 20);
  arena_close(a);
  free(p);
}

static void a_large_block_at_the_end_grows_where_it_is(void **unused) {
  (void)unused;
  struct arena *a;
  assert_int_equal(arena_open(&a), 0);
  char *p = arena_resize(a, NULL, 5, 100000), *q = p;
  for (size_t size = 200000; size < 50000000; size *= 2) {
    q = arena_resize(a, q, size / 2, size);
    assert_ptr_equal(p, q);
  }
  arena_close(a);
}

/* In a process of its own: run `body` and end with its result. */
static int in_child(int (*body)(void *ctx), void *ctx) {
  int status;
  pid_t pid = fork();
  if (pid == 0)
    _exit(body(ctx));
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

/* Fill an arena whose range is limited, then make everything smaller: that never fails. Returns 0
 * or the number of what went wrong. */
static int fill_to_the_brim(void *ctx) {
  enum { MANY = 20000 };
  static char *p[MANY];
  struct rlimit limit = {96 << 20, RLIM_INFINITY};
  struct arena *a;
  int n = 0;
  (void)ctx;
  if (setrlimit(RLIMIT_DATA, &limit) || arena_open(&a))
    return 1;
  while (n < MANY && (p[n] = arena_resize(a, NULL, 5, 20000)))
    memset(p[n++], 1, 20000);
  if (n == MANY || n < 500)
    return 2;
  if (arena_resize(a, p[0], 20000, 40000) || p[0][19999] != 1 || arena_resize(a, NULL, 5, SIZE_MAX))
    return 3;
  for (int i = 0; i < n; i++) {
    p[i] = arena_resize(a, p[i], 20000, 1000);
    if (!p[i] || p[i][999] != 1)
      return 4;
  }
  for (int i = 0; i < n; i++)
    arena_resize(a, p[i], 1000, 0);
  arena_trim(a);
  return arena_resize(a, NULL, 5, 1 << 20) ? 0 : 5;
}

static void a_full_range_is_told_and_lets_go(void **unused) {
  (void)unused;
  if (stage_slowness() > 1)
    skip(); /* the limit would be that of the sanitizer's own memory */
  assert_int_equal(in_child(fill_to_the_brim, NULL), 0);
}

struct family {
  struct arena *a;
  char *small, *large;
  size_t reached;
};

/* Returns 0 or the number of what went wrong. */
static int be_a_child(void *ctx) {
  struct family *f = ctx;
  arena_forked(f->a);
  if (arena_owns(f->a, f->small) || arena_owns(f->a, f->large) || arena_owns(f->a, f))
    return 1;
  arena_resize(f->a, f->small, 100, 0);
  arena_resize(f->a, f->large, 1 << 20, 0);
  for (int i = 0; i < 5000; i++) {
    char *p = arena_resize(f->a, NULL, 5, i % 7 ? 100 : 50000);
    if (!p || !arena_owns(f->a, p) || !arena_owns(f->a, p + 99) || p == f->small)
      return 2;
    memset(p, 2, 100);
    if (i % 3 == 0)
      arena_resize(f->a, p, i % 7 ? 100 : 50000, 0);
  }
  return 0;
}

static int be_a_child_and_have_one(void *ctx) {
  struct family *f = ctx;
  int rc = be_a_child(f);
  f->small = arena_resize(f->a, NULL, 5, 100);
  f->large = arena_resize(f->a, NULL, 5, 1 << 20);
  return rc ? rc : in_child(be_a_child, f);
}

static void a_child_knows_what_is_its_own(void **unused) {
  (void)unused;
  struct family f;
  assert_int_equal(arena_open(&f.a), 0);
  f.small = arena_resize(f.a, NULL, 5, 100);
  f.large = arena_resize(f.a, NULL, 5, 1 << 20);
  strcpy(f.small, "small");
  strcpy(f.large, "large");
  assert_true(arena_owns(f.a, f.small) && arena_owns(f.a, f.large + 1000));
  assert_int_equal(in_child(be_a_child_and_have_one, &f), 0);
  assert_string_equal(f.small, "small");
  assert_string_equal(f.large, "large");
  arena_close(f.a);
}

/* Images of processes, and what is told of them, need one address. */
static void two_runs_have_their_arena_at_the_same_place(void **unused) {
  (void)unused;
  struct arena *a, *b;
  assert_int_equal(arena_open(&a), 0);
  void *first = arena_resize(a, NULL, 5, 100);
  assert_int_equal(arena_open(&b), 0); /* another state in the same process */
  assert_ptr_not_equal(arena_resize(b, NULL, 5, 100), first);
  arena_close(a);
  assert_int_equal(arena_open(&a), 0);
  assert_ptr_equal(arena_resize(a, NULL, 5, 100), first);
  arena_close(a);
  arena_close(b);
  arena_close(NULL);
}

static int overs;
static void count_over(void *ctx, bool again) { overs += again ? *(int *)ctx : 0; }

/* What is in use is taken from the meter in steps, and given back; a refusal is told at the second. */
static void test_meter(void **state) {
  (void)state;
  enum { MIB = 1 << 20 };
  struct meter meter = {.limit = 8 * MIB};
  _Atomic int64_t mine = 0, other = 0;
  const struct meter_place place = {&meter, &mine}, elsewhere = {&meter, &other};
  struct arena *a;
  int one = 1;
  assert_int_equal(arena_open(&a), 0);
  arena_meter(a, &place, count_over, &one);
  assert_true(mine > 0 && mine == meter.used && mine <= MIB);
  void *big = arena_resize(a, NULL, 0, 4 * MIB);
  assert_non_null(big);
  assert_true(mine >= 4 * MIB && mine <= 5 * MIB);
  assert_null(arena_resize(a, NULL, 0, 5 * MIB));
  assert_int_equal(overs, 0);
  void *small = arena_resize(a, NULL, 0, MIB); /* there is room for it: the refusal is forgotten */
  assert_non_null(small);
  assert_null(arena_resize(a, NULL, 0, 5 * MIB));
  assert_int_equal(overs, 0);
  assert_null(arena_resize(a, NULL, 0, 5 * MIB));
  assert_int_equal(overs, 1);
  arena_resize(a, small, MIB, 0);
  arena_resize(a, big, 4 * MIB, 0);
  assert_non_null(big = arena_resize(a, NULL, 0, 6 * MIB)); /* free pages that were kept go first */
  arena_resize(a, big, 6 * MIB, 0);
  arena_trim(a);
  assert_true(mine <= MIB && mine == meter.used);
  assert_true(meter_take(&elsewhere, 7 * MIB));
  assert_null(arena_resize(a, NULL, 0, 2 * MIB));
  meter_ended(&elsewhere);
  assert_int_equal(other, 0);
  assert_non_null(big = arena_resize(a, NULL, 0, 2 * MIB));
  atomic_store(&meter.shared, 6 * MIB);
  assert_null(arena_resize(a, NULL, 0, 2 * MIB));
  assert_null(arena_resize(a, NULL, 0, 9 * MIB)); /* can never be */
  assert_int_equal(overs, 2);
  atomic_store(&meter.shared, 0);
  arena_forked(a); /* the child counts for itself */
  void *own = arena_resize(a, NULL, 0, MIB);
  assert_non_null(own);
  assert_true(mine <= 3 * MIB);
  arena_close(a);
}

/* -- tidying ------------------------------------------------------------------------------------ */

enum { TIDIED = 300 };

/* What is in use, and what a new block would be, after blocks came and went in an order of the seed's: blocks 0, 3, 6 ... stay. */
static void come_and_go(struct arena *a, struct held *held, uint64_t seed) {
  bool freed[TIDIED] = {false};
  for (int i = 0; i < TIDIED; i++)
    if (i % 3 && !held[i].p)
      held[i].p = arena_resize(a, NULL, 0, held[i].size);
  for (int left = TIDIED; left > 0;) {
    unsigned i = (unsigned)(draw(&seed) % TIDIED);
    if (freed[i])
      continue;
    freed[i] = true;
    left--;
    if (i % 3 == 0)
      continue;
    memset(held[i].p, (int)(draw(&seed) % 255 + 1), held[i].size);
    arena_resize(a, held[i].p, held[i].size, 0);
    held[i].p = NULL;
  }
  arena_tidy(a);
}

/* As memcpy, also of what is in no block, which the address sanitizer would not have read. */
__attribute__((no_sanitize("address"))) static void copy_all(unsigned char *to, const char *from,
                                                             size_t len) {
  for (volatile size_t i = 0; i < len; i = i + 1)
    to[i] = (unsigned char)from[i];
}

/* A copy of both parts: records, then the heap without its free runs. */
static unsigned char *copy_of(struct arena *a, size_t *ret_len) {
  struct arena_part part[2];
  size_t at, bytes;
  arena_parts(a, part);
  unsigned char *copy = malloc(part[0].bytes + part[1].bytes);
  assert_non_null(copy);
  copy_all(copy, part[0].start, part[0].bytes);
  unsigned char *heap = copy + part[0].bytes;
  copy_all(heap, part[1].start, part[1].bytes);
  for (size_t from = 0; (bytes = arena_free_run(a, from, &at)); from = at + bytes) {
    size_t first = (at + ARENA_UNIT - 1) / ARENA_UNIT * ARENA_UNIT;
    for (; first + ARENA_UNIT <= at + bytes; first += ARENA_UNIT)
      memset(heap + first, 0, ARENA_UNIT);
  }
  *ret_len = part[0].bytes + part[1].bytes;
  return copy;
}

static void tidied_memory_tells_no_history(void **state) {
  (void)state;
  struct arena *a;
  struct held held[TIDIED] = {{NULL, 0, 0}};
  uint64_t seed = 4;
  size_t len, again_len;
  assert_int_equal(arena_open(&a), 0);
  for (int i = 0; i < TIDIED; i++) {
    held[i] = (struct held){NULL, i == 100 ? 20000 : 1 + draw(&seed) % 2000, (unsigned char)i};
    held[i].p = arena_resize(a, NULL, 0, held[i].size);
    fill(&held[i]);
  }
  come_and_go(a, held, 1);
  unsigned char *first = copy_of(a, &len);
  for (uint64_t round = 2; round < 10; round++) {
    come_and_go(a, held, round);
    unsigned char *again = copy_of(a, &again_len);
    assert_int_equal(len, again_len);
    assert_memory_equal(first, again, len);
    free(again);
  }
  for (int i = 0; i < TIDIED; i += 3)
    check(&held[i], held[i].size);
  free(first);
  arena_close(a);
}

/* Of each size the free block with the lowest address is used first. */
static void tidied_blocks_are_used_from_the_lowest_on(void **state) {
  (void)state;
  struct arena *a;
  unsigned char *p[50];
  assert_int_equal(arena_open(&a), 0);
  for (int i = 0; i < 50; i++)
    p[i] = arena_resize(a, NULL, 0, 64);
  size_t used = arena_used(a);
  for (int i = 0; i < 50; i++) /* 0, 7, 14 ... */
    arena_resize(a, p[i * 7 % 50], 64, 0);
  assert_int_equal(arena_used(a), used - 50 * 64);
  arena_tidy(a);
  for (unsigned char *last = NULL, i = 0; i < 50; i++) {
    unsigned char *now = arena_resize(a, NULL, 0, 64);
    assert_true(now > last);
    last = now;
  }
  assert_int_equal(arena_used(a), used);
  arena_close(a);
}

static void a_watch_tells_that_a_block_was_freed(void **unused) {
  (void)unused;
  struct arena *a;
  struct arena_watch w = {0};
  assert_int_equal(arena_open(&a), 0);
  char *block[5];
  for (int i = 0; i < 5; i++)
    block[i] = arena_resize(a, NULL, 0, 100);
  arena_watch(a, &w);
  arena_resize(a, block[0], 100, 0);
  assert_false(w.freed); /* no address is remembered */
  arena_watch_also(&w, block[2] + 99);
  arena_watch_also(&w, block[2] + 8);
  arena_resize(a, block[1], 100, 0);
  arena_resize(a, block[3], 100, 0);
  assert_false(w.freed);
  block[2] = arena_resize(a, block[2], 100, 104); /* where it is */
  assert_false(w.freed);
  arena_resize(a, block[2], 104, 0);
  assert_true(w.freed);
  w = (struct arena_watch){0};
  arena_watch_also(&w, block[4]);
  block[4] = arena_resize(a, block[4], 100, 5000); /* it moves */
  assert_true(w.freed);
  w = (struct arena_watch){0};
  arena_watch_also(&w, block[4] + 4999);
  arena_watch(a, NULL);
  arena_resize(a, block[4], 5000, 0);
  assert_false(w.freed);
  arena_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_keep_what_is_in_them),
      cmocka_unit_test(free_pages_go_back_beyond_what_is_kept),
      cmocka_unit_test(pages_of_large_blocks_that_come_and_go_are_kept),
      cmocka_unit_test(spans_of_small_blocks_go_back_when_all_are_free),
      cmocka_unit_test(a_large_block_at_the_end_grows_where_it_is),
      cmocka_unit_test(a_full_range_is_told_and_lets_go),
      cmocka_unit_test(a_child_knows_what_is_its_own),
      cmocka_unit_test(two_runs_have_their_arena_at_the_same_place),
      cmocka_unit_test(test_meter),
      cmocka_unit_test(a_watch_tells_that_a_block_was_freed),
      cmocka_unit_test(tidied_memory_tells_no_history),
      cmocka_unit_test(tidied_blocks_are_used_from_the_lowest_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
