/*
 * look/gather.c - snapshots as bytes and back, whatever the bytes are; those of two hosts as one, from which it is concluded who is stuck;
 * and what is not the same twice proves nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "look/gather.h"
#include "look/waits.h"

/* Locks of the engine, in a snapshot by these ids. */
#define OUTSIDE(n) (UINT64_C(1) << 40 | UINT64_C(1) << 31 | (n))
enum { LEFT = 1, RIGHT, ANNA = 7 };

static struct snapshot snapshot_of(uint32_t processes) {
  struct snapshot s = {.settled = true, .process_count = processes};
  s.processes = calloc(processes, sizeof *s.processes);
  for (uint32_t i = 0; i < processes; i++)
    s.processes[i] = (struct snapshot_process){.id = i + 1, .slot = i, .lives = true};
  return s;
}

static void waits_for_object(struct snapshot *s, uint64_t id, enum op_kind kind, uint32_t slot,
                             uint64_t object) {
  struct snapshot_process *p = &s->processes[snapshot_find_process(s, id)];
  p->op = (struct snapshot_op){
      .kind = kind,
      .needs = {{.kind = kind, .type = op_describe(kind)->type, .slot = slot, .object = object}},
      .need_count = 1,
      .deadline_ns = SBX_FOREVER,
      .sleep_id = 5,
      .steady = true};
  strcpy(p->where, "x.lua:3");
}

static void add_lock(struct snapshot *s, uint64_t id, uint32_t owner) {
  s->syncs = realloc(s->syncs, (s->sync_count + 1) * sizeof *s->syncs);
  struct snapshot_sync *o = &s->syncs[s->sync_count++];
  *o = (struct snapshot_sync){
      .id = OUTSIDE(id), .slot = SNAPSHOT_OUTSIDE, .type = OBJECT_LOCK, .generation = 9};
  assert_int_equal(index_list_add(&o->owners, owner), 0);
}

/* Main joins a#2, which stands for main of anna; that takes the left lock, and its child c#2 holds it, and takes the right one, which main
 * of anna holds. */
static struct snapshot two_hosts(void) {
  struct snapshot s = snapshot_of(2), anna = snapshot_of(2);
  strcpy(s.processes[1].name, "a");
  strcpy(s.processes[1].host, "anna");
  strcpy(anna.processes[1].name, "c");
  waits_for_object(&s, 1, OP_PROCESS_JOIN, 1, 2);
  waits_for_object(&anna, 1, OP_LOCK_ACQUIRE, SNAPSHOT_OUTSIDE, OUTSIDE(LEFT));
  waits_for_object(&anna, 2, OP_LOCK_ACQUIRE, SNAPSHOT_OUTSIDE, OUTSIDE(RIGHT));
  assert_int_equal(gather_add(&s, &anna, ANNA, 1), 0);
  assert_null(anna.processes);
  add_lock(&s, LEFT, 2);
  add_lock(&s, RIGHT, 1);
  return s;
}

static void test_whole(void **state) {
  (void)state;
  struct snapshot s = two_hosts();
  struct buf text = {0};
  const bool about[] = {true, true, true};
  assert_int_equal(s.process_count, 3);
  assert_int_equal(s.processes[2].id, gather_id(ANNA, 2));
  assert_int_equal(waits_find(&s, 0), 0);
  assert_true(waits_all_stuck(&s));
  assert_int_equal(waits_report(&s, about, &text), 0);
  assert_int_equal(buf_append_byte(&text, '\0'), 0);
  assert_string_equal((char *)text.data,
                      "\n  main waits in join at x.lua:3 for a#2@anna"
                      "\n  a#2@anna waits in acquire at x.lua:3 for lock#1, which only c#3@anna can release"
                      "\n  c#3@anna waits in acquire at x.lua:3 for lock#2, which only a#2@anna can release");
  buf_release(&text);
  snapshot_release(&s);
}

/* Objects of the far host stay apart from those here, and the holders with them. */
static void test_local_objects(void **state) {
  (void)state;
  struct snapshot s = snapshot_of(2), anna = snapshot_of(2);
  anna.queues = calloc(1, sizeof *anna.queues);
  anna.queue_count = 1;
  anna.queues[0] = (struct snapshot_queue){.id = 4, .exact = true};
  s.queues = calloc(1, sizeof *s.queues);
  s.queue_count = 1;
  s.queues[0] = (struct snapshot_queue){.id = 4, .exact = true};
  index_list_add(&s.queues[0].holders, 0);
  index_list_add(&s.queues[0].holders, 1);
  index_list_add(&anna.queues[0].holders, 0);
  index_list_add(&anna.queues[0].holders, 1);
  waits_for_object(&anna, 2, OP_QUEUE_GET, 3, 4);
  waits_for_object(&anna, 1, OP_PROCESS_JOIN, 1, 2);
  assert_int_equal(gather_add(&s, &anna, ANNA, 1), 0);
  assert_int_equal(s.queue_count, 2);
  assert_int_equal(s.queues[0].holders.count, 1); /* what stands for a process puts nothing there */
  int64_t far = snapshot_find_queue(&s, gather_id(ANNA, 4));
  assert_int_equal(far, 1);
  assert_int_equal(s.queues[1].holders.list[0], 1);
  assert_int_equal(s.queues[1].holders.list[1], 2);
  assert_int_equal(s.processes[1].op.needs[0].object, gather_id(ANNA, 2));
  assert_int_equal(waits_find(&s, 0), 0);
  assert_int_equal(s.processes[0].stuck, STUCK_NO);
  assert_int_equal(s.processes[1].stuck, STUCK_FOR_EVER);
  assert_int_equal(s.processes[2].stuck, STUCK_FOR_EVER);
  snapshot_release(&s);
}

/* What stands for a process that runs, or is stopped itself, is not stuck. */
static void test_stand_in(void **state) {
  (void)state;
  for (int round = 0; round < 3; round++) {
    struct snapshot s = snapshot_of(2), anna = snapshot_of(1);
    waits_for_object(&s, 1, OP_PROCESS_JOIN, 1, 2);
    waits_for_object(&anna, 1, OP_PROCESS_JOIN, 1, 1);
    if (round == 1)
      s.processes[1].status = PROCESS_STOPPED;
    if (round == 2)
      anna.processes[0].lives = false;
    assert_int_equal(gather_add(&s, &anna, ANNA, 1), 0);
    assert_int_equal(waits_find(&s, 0), 0);
    assert_int_equal(waits_all_stuck(&s), round == 0);
    snapshot_release(&s);
  }
}

enum change { NOTHING, SLEEP, GENERATION, AWAKE, BORN, UNSETTLED, CHANGES };

static void test_twice(void **state) {
  (void)state;
  for (enum change change = NOTHING; change < CHANGES; change++) {
    struct snapshot first = two_hosts(), second = two_hosts();
    if (change == SLEEP)
      first.processes[2].op.sleep_id++;
    if (change == GENERATION)
      first.syncs[1].generation++;
    if (change == AWAKE)
      first.processes[2].op.steady = false;
    if (change == BORN)
      first.process_count--;
    if (change == UNSETTLED)
      first.settled = false;
    gather_agree(&first, &second);
    assert_int_equal(waits_find(&second, 0), 0);
    assert_int_equal(waits_all_stuck(&second), change == NOTHING);
    snapshot_release(&first);
    snapshot_release(&second);
  }
}

static struct buf bytes_of(void) {
  struct snapshot s = snapshot_of(3);
  struct buf bytes = {0};
  strcpy(s.processes[2].name, "worker");
  waits_for_object(&s, 3, OP_QUEUE_GET, 3, 4);
  waits_for_object(&s, 1, OP_PROCESS_JOIN, 2, 3);
  s.queues = calloc(2, sizeof *s.queues);
  s.queue_count = 2;
  s.queues[0] = (struct snapshot_queue){.id = 2};
  s.queues[1] = (struct snapshot_queue){.id = 4, .put = 6, .exact = true};
  index_list_add(&s.queues[1].holders, 1);
  index_list_add(&s.queues[1].holders, 2);
  assert_int_equal(gather_write(&s, &bytes), 0);
  snapshot_release(&s);
  return bytes;
}

static void test_bytes(void **state) {
  (void)state;
  struct buf bytes = bytes_of();
  struct snapshot s;
  assert_int_equal(gather_read(bytes.data, bytes.len, &s), 0);
  assert_true(s.settled);
  assert_int_equal(s.process_count, 3);
  assert_string_equal(s.processes[2].name, "worker");
  assert_string_equal(s.processes[2].where, "x.lua:3");
  assert_int_equal(s.processes[2].op.kind, OP_QUEUE_GET);
  assert_int_equal(s.processes[2].op.needs[0].type, OBJECT_QUEUE);
  assert_int_equal(s.processes[2].op.deadline_ns, SBX_FOREVER);
  assert_int_equal(s.processes[0].op.needs[0].object, 3);
  assert_int_equal(s.processes[1].op.kind, OP_NONE);
  assert_int_equal(s.queue_count, 1); /* nobody waits for the other */
  assert_int_equal(s.queues[0].put, 6);
  assert_int_equal(s.queues[0].holders.count, 2);
  snapshot_release(&s);
  buf_release(&bytes);
}

/* Cut off anywhere, or with a byte that is another: an error, or a snapshot that can be used. */
static void test_broken_bytes(void **state) {
  (void)state;
  struct buf bytes = bytes_of();
  struct snapshot s;
  for (size_t len = 0; len < bytes.len; len++)
    assert_int_not_equal(gather_read(bytes.data, len, &s), 0);
  for (size_t at = 0; at < bytes.len; at++)
    for (unsigned bit = 0; bit < 8; bit++) {
      bytes.data[at] ^= (uint8_t)(1 << bit);
      if (gather_read(bytes.data, bytes.len, &s) == 0) {
        struct snapshot whole = snapshot_of(2);
        struct buf text = {0};
        assert_int_equal(gather_add(&whole, &s, ANNA, 1), 0);
        assert_int_equal(waits_find(&whole, 0), 0);
        bool *about = calloc(whole.process_count, sizeof *about);
        for (uint32_t i = 0; i < whole.process_count; i++)
          about[i] = whole.processes[i].lives;
        assert_int_equal(waits_report(&whole, about, &text), 0);
        free(about);
        buf_release(&text);
        snapshot_release(&whole);
      }
      bytes.data[at] ^= (uint8_t)(1 << bit);
    }
  buf_release(&bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole),         cmocka_unit_test(test_local_objects),
      cmocka_unit_test(test_stand_in),      cmocka_unit_test(test_twice),
      cmocka_unit_test(test_bytes),         cmocka_unit_test(test_broken_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
