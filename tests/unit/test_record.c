/* The event log in a file of limited size: what is dropped, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "host/record.h"

enum { LIMIT = 128 * 1024 };

static struct record f;
static uint32_t ops; /* so many were put into the log */

static void keep(const struct buf *chunks) {
  assert_int_equal(record_keep(&f, chunks->data, chunks->len), 0);
}

static void chunk(struct buf *to, enum log_kind kind, const void *a, size_t a_len, const void *b,
                  size_t b_len) {
  assert_int_equal(trace_log_append(to, kind, a, a_len, b, b_len, NULL, 0), 0);
}

static int begin(void **state) {
  (void)state;
  const struct log_begin first = {.speed = 1, .seed = 5};
  struct buf out = {0};
  assert_int_equal(record_open(&f, -1, LIMIT), 0);
  ops = 0;
  chunk(&out, LOG_BEGIN, &first, sizeof first, "command\0version", sizeof "command\0version");
  keep(&out);
  buf_release(&out);
  return 0;
}

static int end(void **state) {
  (void)state;
  record_close(&f);
  return 0;
}

static void text(uint32_t number, const char *s) {
  struct buf out = {0};
  chunk(&out, LOG_TEXT, &number, sizeof number, s, strlen(s) + 1);
  keep(&out);
  buf_release(&out);
}

static void records(uint32_t process, const struct trace_record *list, uint32_t count,
                    uint64_t lost) {
  const struct log_records head = {.process = process, .count = count, .lost = lost};
  struct buf out = {0};
  chunk(&out, LOG_RECORDS, &head, sizeof head, list, count * sizeof *list);
  keep(&out);
  buf_release(&out);
}

/* A process with a queue and some ops, and a place of its own. */
static void add_process(uint32_t id) {
  struct trace_record list[20] = {0};
  char name[32], place[32];
  snprintf(name, sizeof name, "name%u", id);
  snprintf(place, sizeof place, "a.lua:%u", id);
  text(2 * id, name);
  text(2 * id + 1, place);
  list[0] = (struct trace_record){
      .t_ns = id * 1000, .kind = TRACE_RECORD_BEGIN, .object = id, .where = 2 * id, .n = 1};
  list[1] = (struct trace_record){
      .t_ns = id * 1000 + 1, .kind = OP_QUEUE_NEW, .object = id, .where = 2 * id, .n = 7};
  for (uint32_t i = 2; i < 19; i++)
    list[i] = (struct trace_record){.t_ns = id * 1000 + i,
                                    .kind = OP_QUEUE_PUT,
                                    .flags = TRACE_WAITED,
                                    .object = id,
                                    .where = 2 * id + 1,
                                    .n = i - 1};
  list[19] = (struct trace_record){.t_ns = id * 1000 + 500, .kind = TRACE_RECORD_END, .object = id};
  records(id, list, 20, 1);
  ops += 17;
}

static void expect_names(const struct trace_model *m, uint32_t processes) {
  assert_int_equal(m->process_count, processes);
  assert_int_equal(m->object_count, processes);
  for (uint32_t i = 0; i < processes; i++) {
    char name[32];
    snprintf(name, sizeof name, "name%u", i + 1);
    assert_string_equal(m->processes[i].name, name);
    assert_int_equal(m->processes[i].how, TRACE_DONE);
    assert_string_equal(m->objects[i].name, name);
    assert_int_equal(m->objects[i].max, 7);
  }
  for (uint32_t i = 0; i < m->event_count; i++) {
    char place[32];
    snprintf(place, sizeof place, "a.lua:%u", m->processes[m->events[i].process].id);
    if (m->events[i].kind == OP_QUEUE_PUT)
      assert_string_equal(m->strings[m->events[i].where], place);
  }
}

static uint32_t puts_of(const struct trace_model *m) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < m->event_count; i++)
    count += m->events[i].kind == OP_QUEUE_PUT;
  return count;
}

static void read_log(struct trace_model *ret) {
  const char *reason = "";
  int rc = record_read(&f, &(struct log_view){0}, ret, &reason);
  assert_string_equal(reason, "");
  assert_int_equal(rc, 0);
}

static void test_below_the_limit_all_is_kept(void **state) {
  (void)state;
  struct trace_model m;
  for (uint32_t id = 1; id <= 50; id++)
    add_process(id);
  read_log(&m);
  expect_names(&m, 50);
  assert_int_equal(puts_of(&m), ops);
  assert_false(m.facts.cut);
  assert_int_equal(m.facts.lost, 50);
  trace_model_release(&m);
}

/* Of the oldest only names are left, and how many events were lost. */
static void test_beyond_it_the_oldest_goes(void **state) {
  (void)state;
  struct trace_model m;
  struct stat about;
  for (uint32_t id = 1; id <= 700; id++)
    add_process(id);
  assert_true(f.end > 3 * LIMIT);
  assert_true(f.end - f.holes <= LIMIT / 4 + 16384 + 700 * 256); /* with the names */
  assert_int_equal(fstat(f.fd, &about), 0);
  assert_true((uint64_t)about.st_blocks * 512 < f.end / 4 * 3); /* there are holes */
  read_log(&m);
  expect_names(&m, 700);
  assert_in_range(puts_of(&m), 17, ops / 2);
  assert_int_equal(m.processes[0].event_count, 0);
  assert_int_equal(m.processes[699].event_count, 17); /* the newest are whole */
  assert_true(m.facts.cut);
  assert_int_equal(m.facts.lost, 700);
  assert_int_equal(m.facts.seed, 5);
  trace_model_release(&m);
}

/* After each chunk the file can be read: as it would be after a kill. */
static void test_readable_at_any_time(void **state) {
  (void)state;
  for (uint32_t id = 1; id <= 300; id++) {
    struct trace_model m;
    add_process(id);
    read_log(&m);
    expect_names(&m, id);
    trace_model_release(&m);
  }
}

/* Names alone are never dropped, though they are beyond the limit. */
static void test_names_may_exceed_it(void **state) {
  (void)state;
  struct trace_model m;
  char name[100];
  memset(name, 'x', sizeof name);
  name[sizeof name - 1] = '\0';
  for (uint32_t i = 1; i <= 3000; i++)
    text(i, name);
  add_process(3001);
  read_log(&m);
  assert_string_equal(m.processes[0].name, "name3001");
  trace_model_release(&m);
}

static void test_a_disk_that_is_full(void **state) {
  (void)state;
  struct trace_model m;
  int fd = f.fd;
  add_process(1);
  assert_true((f.fd = open("/dev/full", O_RDWR | O_CLOEXEC)) >= 0);
  assert_int_equal(record_keep(&f, "12345678", 8), -SBX_ESYSTEM);
  assert_string_equal(strerror(f.error), "No space left on device");
  close(f.fd);
  f.fd = fd;
  read_log(&m); /* what was kept before */
  expect_names(&m, 1);
  trace_model_release(&m);
}

int main(void) {
#define TEST(t) cmocka_unit_test_setup_teardown(t, begin, end)
  const struct CMUnitTest tests[] = {
      TEST(test_below_the_limit_all_is_kept), TEST(test_beyond_it_the_oldest_goes),
      TEST(test_readable_at_any_time),        TEST(test_names_may_exceed_it),
      TEST(test_a_disk_that_is_full),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
