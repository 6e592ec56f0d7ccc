/*
 * tests/fault/test_trace_step.c - SIGKILL after every instruction of what writes the trace: no record is torn, and none is
 * lost but the one being written.
 *
 * The victim writes records, runs of ops and texts into shared memory, is stopped after its n-th instruction and killed, for
 * n from 1 to the end. What a record says follows from its number, so a torn one shows.
 */
#include "support/os_steps.h"

#include <signal.h>

#include "look/trace/model.h"
#include "look/trace/ring.h"
#include "look/trace/texts.h"

enum { BEFORE = 10, WRITTEN = 3, EXTENDED = STRIDE_LEAST * 3 + 3, KILLS = 1500 };

static struct shared {
  struct trace_ring ring;
  struct trace_texts texts;
  volatile uint32_t written;  /* records that the victim is through with */
  volatile uint32_t extended; /* ops that it has counted in the run */
  volatile uint32_t number;   /* of the text */
} *s;

static int64_t ticks;
static int64_t now(void) { return ++ticks; }

static struct trace_record record_of(uint64_t n) {
  return (struct trace_record){.t_ns = (int64_t)(3 * n),
                               .duration = (uint32_t)(5 * n),
                               .kind = (uint16_t)(n % 50 + 1),
                               .flags = TRACE_WAITED,
                               .object = (uint32_t)(7 * n),
                               .where = (uint32_t)(9 * n),
                               .n = n};
}

/* As the process was before: some records, and a run that goes on. */
static void prepare(struct trace_writer *w) {
  memset(s, 0, sizeof *s);
  ticks = 0;
  trace_writer_begin(w, &s->ring);
  for (uint64_t n = 0; n < BEFORE; n++) {
    struct trace_record r = record_of(n);
    trace_write(w, &r);
  }
}

static void act(struct trace_writer *w) {
  for (uint32_t i = 0; i < WRITTEN; i++) {
    struct trace_record r = record_of(BEFORE + i);
    trace_write(w, &r);
    s->written = i + 1;
  }
  trace_run_begin(w, trace_run_key(OP_QUEUE_PUT, 0, 99), 1, 0, now());
  s->extended = 1;
  for (uint64_t n = 2; n <= EXTENDED; n++) {
    trace_run_extend(w, trace_run_key(OP_QUEUE_PUT, 0, 99), n, 0, now);
    s->extended = (uint32_t)n;
  }
  s->number = trace_text_number(&s->texts, "a place");
}

static pid_t start_victim(void) {
  struct trace_writer w;
  prepare(&w);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    steps_begin();
    act(&w);
    raise(SIGSTOP);
    _exit(0);
  }
  return pid;
}

static void kill_victim(pid_t pid) {
  kill(pid, SIGKILL);
  reap_pid(pid);
}

/* What is there, after the kill. Returns how far the victim came. */
static uint32_t check(void) {
  struct trace_reader r = {0};
  struct trace_record got[RING_BATCH];
  uint64_t lost;
  unsigned count = trace_read(&r, &s->ring, true, got, &lost);
  uint32_t records = s->written, ops = s->extended;
  CHECK_EQ(lost, 0);
  CHECK(count >= BEFORE + records + (ops > 0));
  CHECK(count <= BEFORE + WRITTEN + 1);
  for (unsigned i = 0; i < count && i < BEFORE + WRITTEN; i++) {
    struct trace_record wanted = record_of(i);
    CHECK(memcmp(&got[i], &wanted, sizeof wanted) == 0);
  }
  if (count == BEFORE + WRITTEN + 1) {
    const struct trace_record *run = &got[count - 1];
    CHECK_EQ(run->kind, OP_QUEUE_PUT);
    CHECK_EQ(run->n, 1);
    CHECK_EQ(run->flags & TRACE_FLAG_MASK, TRACE_SEVERAL);
    CHECK(run->where >= ops && run->where <= ops + 1 && run->where >= 1);
    CHECK(run->duration <= EXTENDED);
  }
  /* The reaper goes on in the ring of the dead. */
  struct trace_writer w;
  struct trace_record end = record_of(77);
  trace_writer_begin(&w, &s->ring);
  trace_write(&w, &end);
  CHECK_EQ(trace_read(&r, &s->ring, true, got, &lost), 1);
  CHECK_EQ(got[0].n, 77);
  uint32_t number = trace_text_number(&s->texts, "a place");
  CHECK(strcmp(trace_text_of(&s->texts, number), "a place") == 0);
  CHECK(s->number == 0 || s->number == number);
  return records + ops + (s->number != 0);
}

TEST_ON_STAGE(a_kill_after_each_instruction, 120) {
  long stride, rounds = 0, far = 0;
  s = shared_memory(sizeof *s);
  pid_t pid = start_victim();
  long steps = steps_record(pid);
  kill_victim(pid);
  CHECK_EQ(check(), WRITTEN + EXTENDED + 1);
  for (long n = steps_first(steps, KILLS, &stride); n <= steps; n = steps_next(n, stride)) {
    pid = start_victim();
    steps_run(pid, n);
    kill_victim(pid);
    far += check();
    rounds++;
  }
  printf("           %ld instructions, %ld kills, stride %ld\n", steps, rounds, stride);
  CHECK(far > 0 && far < rounds * (WRITTEN + EXTENDED + 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_kill_after_each_instruction)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
