/* tests/unit/test_base.c - errors, buffers, clock, fault points, streams. */
#include "support/os_world.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <wchar.h>

#include "base/flush.h"
#include "base/forged.h"
#include "base/memory.h"
#include "base/text.h"

/* -- errors ------------------------------------------------------------------------------------ */

static void every_code_has_a_name_a_text_and_a_number_of_its_own(void **state) {
  (void)state;
  static const int codes[] = {
#define X(name, number, text) SBX_##name,
      SBX_ERRORS(X)
#undef X
  };
  size_t n = sizeof codes / sizeof *codes;
  for (size_t i = 0; i < n; i++) {
    assert_true(codes[i] > 0);
    assert_true(strlen(error_text(codes[i])) > 0);
    assert_ptr_equal(error_text(codes[i]), error_text(-codes[i]));
    assert_true(strncmp(error_name(-codes[i]), "SBX_E", 5) == 0);
    for (size_t k = 0; k < i; k++) {
      assert_int_not_equal(codes[i], codes[k]);
      assert_string_not_equal(error_name(codes[i]), error_name(codes[k]));
    }
  }
}

static void an_unknown_code_has_a_text_too(void **state) {
  (void)state;
  assert_string_equal(error_text(0), "unknown error");
  assert_string_equal(error_text(-9999), "unknown error");
  assert_string_equal(error_name(12345), "SBX_?");
}

static void a_limit_is_told_behind_the_text(void **state) {
  (void)state;
  error_set_limit(SBX_ELIMIT, "7");
  error_set_bytes(-SBX_ETOOBIG, 1536 << 10);
  error_set_limit(SBX_ELIMIT, "12"); /* replaces the one before */
  assert_non_null(strstr(error_text(-SBX_ELIMIT), "raise --max-procs (the limit is 12)"));
  assert_string_equal(error_text(SBX_ETOOBIG), "the value is too large (the limit is 1.5 MiB)");
  error_set_bytes(SBX_ETOOBIG, 3 << 20);
  assert_string_equal(error_text(SBX_ETOOBIG), "the value is too large (the limit is 3 MiB)");
  assert_null(strstr(error_text(SBX_ECAP), "(the limit"));
  error_set_limit(SBX_EMFILE, "64");
  error_call("pipe2", EMFILE);
  char expected[256];
  snprintf(expected, sizeof expected, "(the limit is 64) (pipe2: %s)", strerror(EMFILE));
  assert_non_null(strstr(error_text(-SBX_EMFILE), expected));
  assert_null(strstr(error_text(-SBX_EMFILE), "pipe2")); /* once */
}

static void errno_becomes_a_code(void **state) {
  (void)state;
  static const int pairs[][2] = {
      {0, 0},
      {EINTR, -SBX_EINTERRUPTED},
      {ETIMEDOUT, -SBX_ETIMEDOUT},
      {ENOMEM, -SBX_ENOMEM},
      {ENOSPC, -SBX_ENOSPC},
      {EFBIG, -SBX_ENOSPC},
      {EDQUOT, -SBX_ENOSPC},
      {EMFILE, -SBX_EMFILE},
      {ENFILE, -SBX_ENFILE},
      {EAGAIN, -SBX_EAGAIN},
      {EBADF, -SBX_ESYSTEM},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    assert_int_equal(error_from_errno(pairs[i][0]), pairs[i][1]);
}

/* -- buffers ----------------------------------------------------------------------------------- */

static void a_buffer_holds_what_was_appended(void **state) {
  (void)state;
  struct buf b = {0};
  uint64_t seed = 1;
  for (int i = 0; i < 5000; i++) {
    uint8_t bytes[7];
    size_t len = random_next(&seed) % sizeof bytes;
    size_t before = b.len;
    for (size_t k = 0; k < len; k++)
      bytes[k] = (uint8_t)(before + k);
    assert_int_equal(buf_append(&b, bytes, len), 0);
    if (i % 3 == 0)
      assert_int_equal(buf_append_byte(&b, (uint8_t)b.len), 0);
    assert_true(b.len <= b.cap);
  }
  for (size_t i = 0; i < b.len; i++)
    assert_int_equal(b.data[i], (uint8_t)i);
  buf_release(&b);
  assert_null(b.data);
  buf_release(&b);
  assert_int_equal(buf_append(&b, "x", 1), 0);
  buf_release(&b);
}

static void formatted_text_of_any_length_is_appended(void **state) {
  struct buf b = {0};
  char wanted[3000];
  (void)state;
  assert_int_equal(buf_format(&b, "%s#%d", "a", 7), 0);
  assert_int_equal(b.len, 3);
  assert_memory_equal(b.data, "a#7", 3);
  memset(wanted, 'x', sizeof wanted);
  for (int len = 250; len < 2500; len += len < 260 ? 1 : 600) {
    b.len = 0;
    assert_int_equal(buf_format(&b, "%.*s!", len, wanted), 0);
    assert_int_equal(b.len, len + 1);
    assert_memory_equal(b.data, wanted, (size_t)len);
    assert_int_equal(b.data[len], '!');
  }
  buf_release(&b);
}

static void a_buffer_refuses_absurd_sizes_and_stays_as_it_was(void **state) {
  (void)state;
  struct buf b = {0};
  assert_int_equal(buf_append(&b, "abc", 3), 0);
  const uint8_t *data = b.data;
  assert_int_equal(buf_reserve(&b, SIZE_MAX), -SBX_ENOMEM);
  assert_int_equal(buf_reserve(&b, SIZE_MAX / 2), -SBX_ENOMEM);
  assert_int_equal(buf_reserve(&b, SIZE_MAX / 2 - 3), -SBX_ENOMEM);
  assert_ptr_equal(b.data, data);
  assert_int_equal(b.len, 3);
  assert_memory_equal(b.data, "abc", 3);
  fault_plan("buf.alloc:1:fail");
  assert_int_equal(buf_reserve(&b, 1000), -SBX_ENOMEM);
  assert_int_equal(buf_append(&b, "d", 1), 0); /* there is room: no allocation */
  assert_int_equal(buf_reserve(&b, 1000), 0);
  fault_plan(NULL);
  assert_memory_equal(b.data, "abcd", 4);
  buf_release(&b);
}

static void clear_gives_memory_back_beyond_what_is_kept(void **state) {
  (void)state;
  struct buf b = {0};
  assert_int_equal(buf_reserve(&b, 100), 0);
  b.len = 100;
  buf_clear(&b, b.cap);
  assert_non_null(b.data);
  assert_int_equal(b.len, 0);
  buf_clear(&b, b.cap - 1);
  assert_null(b.data);
  assert_int_equal(b.cap, 0);
}

/* -- blocks ------------------------------------------------------------------------------------ */

static void a_block_keeps_its_bytes_whatever_its_size_becomes(void **state) {
  (void)state;
  static const size_t sizes[] = {1,       100,     2 << 20, 3 << 20, (4 << 20) + 7,
                                 5 << 20, 9 << 20, 3 << 20, 1 << 20, 1 << 21,
                                 1 << 19, 6 << 20, 64,      1};
  uint8_t *block = NULL;
  size_t old = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    block = memory_resize(block, old, sizes[i]);
    assert_non_null(block);
    for (size_t k = 0; k < old && k < sizes[i]; k += 509)
      assert_int_equal(block[k], (uint8_t)(k / 509));
    for (size_t k = 0; k < sizes[i]; k += 509)
      block[k] = (uint8_t)(k / 509);
    block[sizes[i] - 1] = (uint8_t)((sizes[i] - 1) / 509);
    old = sizes[i];
  }
  free(block);
}

static void a_block_that_cannot_grow_stays_as_it_was(void **state) {
  (void)state;
  uint8_t *block = memory_resize(NULL, 0, 3 << 20);
  block[(3 << 20) - 1] = 7;
  for (size_t shift = 1; shift < 4; shift++)
    assert_null(memory_resize(block, 3 << 20, SIZE_MAX >> shift));
  assert_int_equal(block[(3 << 20) - 1], 7);
  free(block);
}

static void large_blocks_that_were_freed_are_the_next_ones(void **state) {
  (void)state;
  enum { SIZE = 4 << 20, LESS = 1700 * 1000 };
  memory_keep_nothing();
  uint8_t *a = memory_resize(NULL, 0, SIZE), *b = memory_resize(NULL, 0, SIZE);
  memory_free(a, SIZE);
  memory_free(b, SIZE);
  uint8_t *less = memory_resize(NULL, 0, LESS); /* too much would be wasted */
  assert_true(less != a && less != b);
  uint8_t *first = memory_resize(NULL, 0, SIZE - 1000), *second = memory_resize(NULL, 0, SIZE);
  assert_true((first == a && second == b) || (first == b && second == a));
  memory_free(less, LESS);
  memory_free(a, SIZE);
  memory_free(b, SIZE); /* there is room for two: the oldest went */
  first = memory_resize(NULL, 0, SIZE);
  second = memory_resize(NULL, 0, SIZE);
  assert_true((first == a && second == b) || (first == b && second == a));
  for (uint8_t i = 1; i <= 5; i++) {
    first[SIZE / 2] = second[SIZE / 2] = i;
    memory_free(first, SIZE);
    memory_free(second, SIZE);
    memory_free(memory_resize(NULL, 0, SIZE), SIZE); /* into its own place, whichever that is */
    first = memory_resize(NULL, 0, SIZE);
    second = memory_resize(NULL, 0, SIZE);
    assert_true(first[SIZE / 2] == i && second[SIZE / 2] == i); /* new ones would be all zeros */
  }
  free(first);
  free(second);
}

/* -- clock ------------------------------------------------------------------------------------- */

static void deadlines_are_near_far_or_never(void **state) {
  (void)state;
  struct run_clock c = clock_run_start(1);
  int64_t before = clock_now_ns();
  int64_t now = clock_run_deadline(&c, clock_now_ns(), 0);
  assert_true(now >= before && now <= clock_now_ns());
  int64_t far = clock_run_deadline(&c, clock_now_ns(), 3600);
  assert_true(far - now >= 3600 * NS_PER_SECOND && far != SBX_FOREVER);
  assert_true(clock_run_deadline(&c, clock_now_ns(), 1e300) == SBX_FOREVER);
  assert_true(clock_run_deadline(&c, clock_now_ns(), DBL_MAX) == SBX_FOREVER);
  assert_true(clock_run_deadline(&c, clock_now_ns(), 9.3e9) ==
              SBX_FOREVER); /* just beyond 2^63 ns */
  assert_true(clock_run_deadline(&c, clock_now_ns(), 1e9) != SBX_FOREVER);
  assert_true(clock_run_deadline(&c, clock_now_ns(), 1e9) > 0);
}

static void a_faster_run_has_shorter_waits_and_a_clock_that_agrees(void **state) {
  (void)state;
  struct run_clock c = clock_run_start(1000);
  int64_t now = clock_now_ns();
  int64_t deadline = clock_run_deadline(&c, clock_now_ns(), 1);
  assert_true(deadline - now >= NS_PER_MS && deadline - now < NS_PER_SECOND);
  double t0 = clock_run_now(&c, clock_now_ns()),
         w0 = clock_run_time(&c, clock_now_ns(), clock_wall_ns());
  int64_t m0 = clock_now_ns();
  usleep(2000);
  int64_t m1 = clock_now_ns();
  double t1 = clock_run_now(&c, clock_now_ns()),
         w1 = clock_run_time(&c, clock_now_ns(), clock_wall_ns());
  double least = (double)(m1 - m0) / 1e9 * 1000;
  assert_true(t1 - t0 >= least * 0.999 && w1 - w0 >= least * 0.999);
  assert_true(t1 - t0 >= 2);
}

/* The machine sleeps, or somebody sets its clock: one clock goes on and the other does not. */
static void the_time_of_day_is_that_of_the_machine(void **state) {
  (void)state;
  struct run_clock c = clock_run_start(1);
  assert_true(clock_run_now(&c, clock_now_ns()) >= 0 && clock_run_now(&c, clock_now_ns()) < 60);
  c.start_ns -= 1000 * NS_PER_SECOND;
  double off = clock_run_time(&c, clock_now_ns(), clock_wall_ns()) - (double)time(NULL);
  assert_true(off > -60 && off < 60);
  assert_true(clock_run_now(&c, clock_now_ns()) >= 1000 &&
              clock_run_now(&c, clock_now_ns()) < 1060);
  c.speed = 10; /* it has gained nine times that */
  off = clock_run_time(&c, clock_now_ns(), clock_wall_ns()) - (double)time(NULL) - 9000;
  assert_true(off > -600 && off < 600);
  assert_true(clock_run_now(&c, clock_now_ns()) >= 10000 &&
              clock_run_now(&c, clock_now_ns()) < 10600);
}

static void the_time_left_is_never_negative(void **state) {
  (void)state;
  struct timespec t;
  assert_null(clock_left(SBX_FOREVER, &t));
  assert_ptr_equal(clock_left(0, &t), &t);
  assert_true(t.tv_sec == 0 && t.tv_nsec == 0);
  clock_left(INT64_MIN / 2, &t);
  assert_true(t.tv_sec == 0 && t.tv_nsec == 0);
  clock_left(clock_now_ns() + 5 * NS_PER_SECOND, &t);
  assert_true(t.tv_sec == 4 && t.tv_nsec > 0 && t.tv_nsec < NS_PER_SECOND);
  clock_left(SBX_FOREVER - 1, &t);
  assert_true(t.tv_sec > 1000000 && t.tv_nsec >= 0 && t.tv_nsec < NS_PER_SECOND);
}

/* -- fault points ------------------------------------------------------------------------------ */

static void a_point_fails_at_its_pass_only(void **state) {
  (void)state;
  fault_plan("a.point:3:fail,b.point:0:fail");
  assert_false(fault_hit("a.point"));
  assert_false(fault_hit("a.point"));
  assert_true(fault_hit("a.point"));
  assert_false(fault_hit("a.point"));
  assert_true(fault_hit("b.point"));
  assert_true(fault_hit("b.point"));
  assert_false(fault_hit("c.point"));
  fault_plan("");
  assert_false(fault_hit("b.point"));
}

static void a_point_may_be_for_one_process(void **state) {
  (void)state;
  fault_plan("a@7:1:fail");
  fault_process(6);
  assert_false(fault_hit("a"));
  fault_process(7);
  assert_true(fault_hit("a"));
  assert_false(fault_hit("a"));
  fault_process(7); /* counts from zero again */
  assert_true(fault_hit("a"));
  fault_process(1);
  fault_plan(NULL);
}

static void a_malformed_plan_does_nothing(void **state) {
  (void)state;
  static const char *const plans[] = {"x",       "x:",  "x:1",    "x:y:fail",
                                      ":1:fail", ",,,", "@@@:::", "x:1:dance"};
  for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
    fault_plan(plans[i]);
    assert_false(fault_hit("x"));
  }
  fault_plan("a:1:fail,b:1:fail,c:1:fail,d:1:fail,e:1:fail,f:1:fail,g:1:fail,h:1:fail,i:1:fail");
  assert_true(fault_hit("h"));
  assert_false(fault_hit("i")); /* eight steps, no more */
  fault_plan(NULL);
}

static const char *program; /* how this one was started */

static void the_plan_comes_from_the_environment(void **state) {
  (void)state;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    execl(program, program, "--from-environment", (char *)NULL);
    _exit(98);
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_ON_STAGE(a_point_kills_or_stops, 10) {
  pid_t pid = fork();
  if (pid == 0) {
    fault_plan("s:1:stop,k:2:kill");
    fault_hit("s");
    fault_hit("k");
    fault_hit("k");
    _exit(0);
  }
  int status;
  CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  kill(pid, SIGCONT);
  status = reap_pid(pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int from_environment(void) {
  fault_hit("env.point");
  return fault_hit("env.point") ? 1 : 2;
}

/* -- texts ------------------------------------------------------------------------------------- */

static void short_texts_are_what_printf_makes_of_them(void **state) {
  static const char *const texts[] = {"", "a", "abc", "abcd", "abcdefgh"};
  static const int numbers[] = {0, 7, 10, 4711, -1, -90, INT_MAX, INT_MIN};
  char got[TEXT_NUMBER_MAX], expected[TEXT_NUMBER_MAX];
  (void)state;
  for (size_t size = 1; size <= sizeof got; size++)
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
      snprintf(expected, size, "%s", texts[i]);
      assert_ptr_equal(text_copy(got, size, texts[i]), got + strlen(expected));
      assert_string_equal(got, expected);
    }
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    snprintf(expected, sizeof expected, "%d", numbers[i]);
    assert_ptr_equal(text_number(got, numbers[i]), got + strlen(expected));
    assert_string_equal(got, expected);
  }
}

static void a_name_is_cut_at_a_character(void **state) {
  static const struct {
    const char *from, *expected;
  } names[] = {
      {"", ""},
      {"worker", "worker"},
      {"12345678901", "12345678901"},           /* fits */
      {"123456789012", "12345678\xe2\x80\xa6"}, /* by one too long */
      {"1234567\xc3\xa4\xc3\xa4\xc3\xa4", "1234567\xe2\x80\xa6"},
      {"123456\xe2\x82\xac\xe2\x82\xac", "123456\xe2\x80\xa6"},
      {"12345\xf0\x9f\x98\x80\xf0\x9f\x98\x80", "12345\xe2\x80\xa6"},
      {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", /* no UTF-8 */
       "\x80\x80\x80\x80\x80\xe2\x80\xa6"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char got[12];
    char *end = text_copy_name(got, sizeof got, names[i].from);
    assert_string_equal(got, names[i].expected);
    assert_ptr_equal(end, got + strlen(got));
  }
}

static void test_show_controls(void **state) {
  (void)state;
  static const char text[] = "a\033[31m\0\r\n\tb\x7f\xc2\x9b\xc2\xa0\xc3\x9b\xc2|\xff\xe2\x82\xac"
                             "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f";
  struct buf shown = {0};
  assert_int_equal(text_show_controls(&shown, text, sizeof text - 1), 0);
  assert_int_equal(buf_append(&shown, "", 1), 0);
  assert_string_equal(
      (const char *)shown.data,
      "a\\x1b[31m\\x00\\x0d\n\tb\\x7f\\xc2\\x9b\xc2\xa0\xc3\x9b\\xc2|\\xff\xe2\x82\xac"
      "\\xe2\\x80\\xae\\xe2\\x81\\xa6\xe2\x80\x8f");
  shown.len = 0;
  assert_int_equal(text_show_controls(&shown, "", 0), 0);
  assert_int_equal(shown.len, 0);
  buf_release(&shown);
}

/* Whatever pieces it comes in. */
static void test_stream(void **state) {
  (void)state;
  static const char text[] = "a\033[1;31mred\033[m\r\n\033]2;x\007\033[6n\033[1;"
                             "31\xc3\xa4\xc2\x9b\033[?1m\033\033[4:3m\xe2\x82\033[";
  static const char expected[] = "a\033[1;31mred\033[m\r\n\\x1b]2;x\\x07\\x1b[6n\\x1b[1;"
                                 "31\xc3\xa4\\xc2\\x9b\\x1b[?1m\\x1b\033[4:3m\\xe2\\x82\\x1b[";
  for (size_t piece = 1; piece <= sizeof text; piece++) {
    struct text_stream s = {0};
    struct buf shown = {0};
    for (size_t at = 0; at < sizeof text - 1; at += piece) {
      size_t left = sizeof text - 1 - at;
      assert_int_equal(text_stream_show(&s, &shown, text + at, left < piece ? left : piece, false),
                       0);
    }
    assert_int_equal(text_stream_show(&s, &shown, NULL, 0, true), 0);
    assert_int_equal(shown.len, sizeof expected - 1);
    assert_memory_equal(shown.data, expected, shown.len);
    buf_release(&shown);
  }
  /* No sequence is waited for without end. */
  struct text_stream s = {0};
  struct buf shown = {0};
  assert_int_equal(text_stream_show(&s, &shown, "\033[", 2, false), 0);
  for (int i = 0; i < 100; i++)
    assert_int_equal(text_stream_show(&s, &shown, "1", 1, false), 0);
  assert_int_equal(shown.len, sizeof "\\x1b[" - 1 + 100);
  buf_release(&shown);
}

/* -- streams ----------------------------------------------------------------------------------- */

static off_t size_of(FILE *f) {
  struct stat about;
  assert_int_equal(fstat(fileno(f), &about), 0);
  return about.st_size;
}

static void what_waits_in_any_stream_is_flushed(void **state) {
  (void)state;
  FILE *narrow = tmpfile(), *wide = tmpfile(), *idle = tmpfile();
  assert_true(narrow && wide && idle);
  flush_pending(); /* nothing waits in these */
  fputs("text", narrow);
  assert_int_equal(size_of(narrow), 0);
  flush_pending();
  assert_int_equal(size_of(narrow), 4);
  fputws(L"text", wide);
  assert_int_equal(size_of(wide), 0);
  flush_pending();
  assert_int_equal(size_of(wide), 4);
  assert_int_equal(size_of(idle), 0);
  fclose(narrow);
  fclose(wide);
  fclose(idle);
}

static void forged_lines_are_marked(void **state) {
  (void)state;
  static const char *const texts[][2] = {
      {"sandbox: x\n", " sandbox: x\n"},
      {"a\nsandbox: x\nsandbox: y", "a\n sandbox: x\n sandbox: y"},
      {"a\nsand", "a\n sand"},
      {"s", " s"},
      {"a\rsandbox: x", "a\r sandbox: x"},
      {"a\033[1;31msandbox: x", "a\033[1;31m sandbox: x"},
      {"a\033]2;t\asandbox: x", "a\033]2;t\a sandbox: x"},
      {"a\302\2331Gsandbox: x", "a\302\2331G sandbox: x"},
      {"\342\200\213s\302\255andbox\033[m: x", "\342\200\213 s\302\255andbox\033[m: x"},
      {"\342\200\256:xobdnas", " \342\200\256:xobdnas"},
      {"a\n\033[m\342\200\213\342\201\247x", "a\n\033[m\342\200\213 \342\201\247x"},
      {"s\330\234:xobdna", " s\330\234:xobdna"},
      {"a\342\200\256:xobdnas", NULL},
      {"\233\001\001\033", NULL},
      {"a sandbox: x\n\tsandbox: x\n\n sandbox: x\n", NULL},
      {"sandbox is\nsandy", NULL},
      {"\303\244sandbox: x", NULL},
      {"\033[\nx\033", NULL},
      {"", NULL}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const char *text = texts[i][0], *wanted = texts[i][1] ? texts[i][1] : text;
    struct buf marked = {0};
    assert_int_equal(forged_is_in(text, strlen(text)), texts[i][1] != NULL);
    assert_int_equal(forged_mark(&marked, text, strlen(text)), 0);
    assert_int_equal(buf_append_byte(&marked, 0), 0);
    assert_string_equal((char *)marked.data, wanted);
    buf_release(&marked);
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--from-environment") == 0)
    return from_environment();
  program = argv[0];
  setenv("SANDBOX_FAULT", "env.point:2:kill",
         1); /* not read here: fault_plan is called before any point */
  fault_plan(NULL);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_code_has_a_name_a_text_and_a_number_of_its_own),
      cmocka_unit_test(an_unknown_code_has_a_text_too),
      cmocka_unit_test(a_limit_is_told_behind_the_text),
      cmocka_unit_test(errno_becomes_a_code),
      cmocka_unit_test(a_buffer_holds_what_was_appended),
      cmocka_unit_test(formatted_text_of_any_length_is_appended),
      cmocka_unit_test(a_buffer_refuses_absurd_sizes_and_stays_as_it_was),
      cmocka_unit_test(clear_gives_memory_back_beyond_what_is_kept),
      cmocka_unit_test(a_block_keeps_its_bytes_whatever_its_size_becomes),
      cmocka_unit_test(a_block_that_cannot_grow_stays_as_it_was),
      cmocka_unit_test(large_blocks_that_were_freed_are_the_next_ones),
      cmocka_unit_test(short_texts_are_what_printf_makes_of_them),
      cmocka_unit_test(deadlines_are_near_far_or_never),
      cmocka_unit_test(a_faster_run_has_shorter_waits_and_a_clock_that_agrees),
      cmocka_unit_test(the_time_of_day_is_that_of_the_machine),
      cmocka_unit_test(the_time_left_is_never_negative),
      cmocka_unit_test(a_point_fails_at_its_pass_only),
      cmocka_unit_test(a_point_may_be_for_one_process),
      cmocka_unit_test(a_name_is_cut_at_a_character),
      cmocka_unit_test(a_malformed_plan_does_nothing),
      cmocka_unit_test(the_plan_comes_from_the_environment),
      cmocka_unit_test(a_point_kills_or_stops),
      cmocka_unit_test(test_show_controls),
      cmocka_unit_test(forged_lines_are_marked),
      cmocka_unit_test(test_stream),
      cmocka_unit_test(what_waits_in_any_stream_is_flushed),
  };
  return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
