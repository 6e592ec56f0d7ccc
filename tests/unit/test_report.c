/* The text of a failure, and how it reaches stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "lua/state/report.h"

static void expect_text(const struct report *r, bool color, const char *text) {
  struct buf out = {0};
  assert_int_equal(report_format(r, color, &out), 0);
  assert_int_equal(buf_append_byte(&out, 0), 0);
  assert_string_equal((char *)out.data, text);
  buf_release(&out);
}

static void test_main(void **state) {
  (void)state;
  struct report r = {.message = "queue.lua:12: message",
                     .traceback = "stack traceback:\n\t[C]: in ?"};
  expect_text(&r, false, "sandbox: queue.lua:12: message\nstack traceback:\n\t[C]: in ?\n");
  expect_text(&r, true,
              "sandbox: \033[1;31mqueue.lua:12: message\033[0m\n"
              "\033[2mstack traceback:\n\t[C]: in ?\033[0m\n");
}

static void test_child(void **state) {
  (void)state;
  struct report r = {.message = "queue.lua:12: message",
                     .traceback = "stack traceback:\n\t[C]: in ?",
                     .name = "writer",
                     .id = 2,
                     .pid = 4711,
                     .spawned_at = "queue.lua:30"};
  expect_text(&r, false,
              "sandbox: queue.lua:12: message (process writer#2, pid 4711)\n"
              "stack traceback:\n\t[C]: in ?\n"
              "spawned at queue.lua:30\n");
  expect_text(&r, true,
              "sandbox: \033[1;31mqueue.lua:12: message\033[0m (process writer#2, pid 4711)\n"
              "\033[2mstack traceback:\n\t[C]: in ?\033[0m\n"
              "spawned at queue.lua:30\n");
}

static void test_parts_missing(void **state) {
  (void)state;
  struct report hint = {.message = "m", .hint = "did you mean 'get'?", .traceback = "t"};
  expect_text(&hint, false, "sandbox: m\nhint: did you mean 'get'?\nt\n");
  expect_text(&hint, true,
              "sandbox: \033[1;31mm\033[0m\n\033[33mhint: did you mean 'get'?\033[0m\n\033[2mt\033[0m\n");
  expect_text(&(struct report){.message = ""}, false, "sandbox: \n");
  expect_text(&(struct report){.message = "m", .bare = true}, false, "m\n");
  expect_text(&(struct report){.message = "m", .traceback = "", .spawned_at = "a.lua:1"}, false,
              "sandbox: m\n");
  expect_text(&(struct report){.message = "m", .name = "w", .id = 4294967295u, .pid = INT64_MAX},
              false, "sandbox: m (process w#4294967295, pid 9223372036854775807)\n");
  expect_text(&(struct report){.message = "m", .name = "w", .id = 2, .pid = 3, .spawned_at = ""},
              false, "sandbox: m (process w#2, pid 3)\n");
}

/* The process stands where the eye looks first, not after twenty lines of "no file ...". */
static void test_several_lines(void **state) {
  (void)state;
  struct report r = {
      .message = "module 'x' not found:\n\tno file 'x.lua'", .name = "w", .id = 2, .pid = 3};
  expect_text(&r, false,
              "sandbox: module 'x' not found: (process w#2, pid 3)\n\tno file 'x.lua'\n");
}

static void test_appends(void **state) {
  (void)state;
  struct buf out = {0};
  assert_int_equal(buf_append(&out, "a\n", 2), 0);
  assert_int_equal(report_format(&(struct report){.message = "m"}, false, &out), 0);
  assert_int_equal(out.len, strlen("a\nsandbox: m\n"));
  buf_release(&out);
}

static void test_color_is_kept(void **state) {
  (void)state;
  assert_false(report_color());
  report_set_color(true);
  assert_true(report_color());
  report_set_color(false);
}

static void test_no_memory(void **state) {
#ifdef SBX_FAULTS
  (void)state;
  struct buf out = {0};
  fault_plan("buf.alloc:1:fail");
  assert_int_equal(report_format(&(struct report){.message = "m"}, false, &out), -SBX_ENOMEM);
  fault_plan(NULL);
  buf_release(&out);
#else
  (void)state;
  skip();
#endif
}

/* Make the reports of several processes at once go into a pipe that is slower than they are. */
static void report_into(const int ends[2], char letter, size_t len) {
  char *message = malloc(len + 1);
  memset(message, letter, len);
  message[len] = '\0';
  close(ends[0]); /* or nobody would end it if the test gave up reading */
  dup2(ends[1], STDERR_FILENO);
  report_print(&(struct report){.message = message, .bare = true});
  _exit(0);
}

static void test_reports_do_not_mix(void **state) {
  (void)state;
  enum { PROCESSES = 8, LEN = 150 * 1000 }; /* more than a pipe holds */
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  for (int i = 0; i < PROCESSES; i++)
    if (fork() == 0)
      report_into(ends, (char)('a' + i), LEN);
  close(ends[1]);

  FILE *in = fdopen(ends[0], "r");
  char *line = NULL;
  size_t cap = 0;
  for (int i = 0; i < PROCESSES; i++) {
    assert_int_equal(getline(&line, &cap, in), LEN + 1);
    for (int at = 1; at < LEN; at++)
      if (line[at] != line[0])
        fail_msg("line %d: '%c' within a report of '%c'", i, line[at], line[0]);
  }
  assert_int_equal(getline(&line, &cap, in), -1);
  free(line);
  fclose(in);
  while (wait(NULL) > 0)
    ;
}

/* Nobody reads any more, or there is no stderr: no matter. */
static void test_nobody_listens(void **state) {
  (void)state;
  pid_t pid = fork();
  if (pid == 0) {
    close(STDERR_FILENO);
    report_print(&(struct report){.message = "m"});
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_main),           cmocka_unit_test(test_child),
      cmocka_unit_test(test_parts_missing),  cmocka_unit_test(test_several_lines),
      cmocka_unit_test(test_appends),        cmocka_unit_test(test_color_is_kept),
      cmocka_unit_test(test_no_memory),      cmocka_unit_test(test_reports_do_not_mix),
      cmocka_unit_test(test_nobody_listens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
