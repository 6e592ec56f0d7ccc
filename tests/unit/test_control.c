/*
 * tests/unit/test_control.c - records of processes and objects, results, descriptors: who owns
 * what, when it is used again, and that nothing is leaked.
 */
#include "support/os_world.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct control *control_of(uint32_t max_procs) {
  struct control_options o = {.speed = 2, .seed = 42, .seeded = true, .max_procs = max_procs};
  struct control *c = NULL;
  CHECK_EQ(control_create(&o, &c), 0);
  return c;
}

/* A record claimed by `spawner`, as spawn does it. */
static int claim(struct control *c, uint32_t spawner, uint64_t spawner_serial, uint32_t *slot,
                 uint64_t *serial) {
  int rc = control_process_claim(c, spawner, slot, serial);
  if (rc == 0)
    control_process_reset(c, *slot, *serial, spawner, spawner_serial);
  return rc;
}

static void end_record(struct control *c, uint32_t slot, uint64_t serial, bool release) {
  CHECK(control_process_advance(c, slot, serial, PHASE_RUNNING));
  CHECK(control_process_advance(c, slot, serial, PHASE_ENDED));
  if (release)
    atomic_fetch_or(&c->processes[slot].flags, FLAG_RELEASED);
}

/* -- the block --------------------------------------------------------------------------------- */

TEST_ON_STAGE(a_new_block_holds_main_alone, 10) {
  struct control *c = control_of(0), *other = control_of(0);
  CHECK_EQ(c->magic, CONTROL_MAGIC);
  CHECK_EQ(c->version, CONTROL_VERSION);
  CHECK_EQ(c->max_procs, DEFAULT_MAX_PROCS);
  CHECK(c->log_limit > 1 << 20);
  CHECK(c->clock.speed == 2);
  CHECK_EQ(control_process_end(c), 1);
  CHECK_EQ(c->process_stamp[0], stamp_of(1, PHASE_CLAIMED));
  CHECK(strcmp(c->processes[0].name, "main") == 0);
  CHECK_EQ(c->processes[0].seed, 42);
  CHECK(memcmp(c->key, other->key, sizeof c->key) != 0);
  CHECK_EQ(control_of(UINT32_MAX)->max_procs, PROCESS_SLOTS); /* as many as there are seats */
  fault_plan("control.map:1:fail");
  struct control_options o = {.speed = 1};
  CHECK_EQ(control_create(&o, &other), -SBX_ENOMEM);
}

TEST_ON_STAGE(a_seed_is_drawn_when_none_is_given, 10) {
  struct control_options o = {.speed = 1};
  struct control *a, *b;
  CHECK_EQ(control_create(&o, &a), 0);
  CHECK_EQ(control_create(&o, &b), 0);
  CHECK(a->processes[0].seed != b->processes[0].seed);
}

/* -- processes --------------------------------------------------------------------------------- */

TEST_ON_STAGE(phases_go_forward_and_one_caller_wins, 20) {
  enum { RECORDS = 2000, RACERS = 3 };
  struct control *c = control_of(PROCESS_SLOTS);
  uint32_t slot;
  uint64_t serial;
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
  CHECK_EQ(serial, 2);
  CHECK(control_process_alive(c, slot));
  CHECK(!control_process_advance(c, slot, serial, PHASE_CLAIMED));
  CHECK(control_process_advance(c, slot, serial, PHASE_EXITED));
  CHECK(!control_process_advance(c, slot, serial, PHASE_RUNNING));
  CHECK(control_process_alive(c, slot)); /* leaving is not gone */
  CHECK(control_process_advance(c, slot, serial, PHASE_ENDED));
  CHECK(!control_process_advance(c, slot, serial, PHASE_ENDED));
  CHECK(!control_process_alive(c, slot));
  CHECK(!control_process_advance(c, slot, serial + 1, PHASE_ENDED));
  CHECK_EQ(control_process_stamp(c, PROCESS_SLOTS, serial), 0);

  static uint32_t slots[RECORDS];
  static uint64_t serials[RECORDS];
  _Atomic uint32_t *wins = shared_memory(RECORDS * sizeof *wins);
  for (int i = 0; i < RECORDS; i++)
    CHECK_EQ(claim(c, 0, 1, &slots[i], &serials[i]), 0);
  struct gate start = gate_new();
  pid_t racers[RACERS];
  for (int k = 0; k < RACERS; k++)
    if ((racers[k] = fork()) == 0) {
      gate_wait(start);
      for (int i = 0; i < RECORDS; i++)
        wins[i] += control_process_advance(c, slots[i], serials[i], PHASE_ENDED);
      _exit(0);
    }
  gate_open(start, RACERS);
  for (int k = 0; k < RACERS; k++)
    CHECK_EQ(reap_pid(racers[k]), 0);
  for (int i = 0; i < RECORDS; i++)
    CHECK_EQ(wins[i], 1);
  CHECK_EQ(c->alive, 1);
}

TEST_ON_STAGE(the_limit_counts_the_living, 10) {
  struct control *c = control_of(8);
  uint32_t slots[8], slot;
  uint64_t serials[8], serial;
  for (int i = 0; i < 7; i++)
    CHECK_EQ(claim(c, 0, 1, &slots[i], &serials[i]), 0);
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), -SBX_ELIMIT);
  CHECK(control_process_advance(c, slots[3], serials[3], PHASE_ENDED));
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0); /* its record is kept, its place is not */
  CHECK(slot != slots[3]);
  CHECK_EQ(claim(c, 0, 1, &slots[7], &serials[7]), -SBX_ELIMIT);
  CHECK(control_process_advance(c, slot, serial, PHASE_ENDED));
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
  atomic_store(&c->ending, 1);
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), -SBX_EGONE);
}

/* More spawners than places; each spawns the next as soon as its child has ended. */
TEST_ON_STAGE(the_limit_holds_when_many_spawn_at_once, 60) {
  enum { RACERS = 6, PLACES = 4, ROUNDS = 40000 };
  struct control *c = control_of(1 + PLACES);
  struct {
    _Atomic int alive, most;
    _Atomic uint64_t refused;
  } *seen = shared_memory(sizeof *seen);
  struct gate start = gate_new();
  pid_t racers[RACERS];
  uint32_t slot;
  uint64_t serial;
  for (int k = 0; k < RACERS; k++)
    if ((racers[k] = fork()) == 0) {
      gate_wait(start);
      for (int i = 0; i < ROUNDS; i++) {
        int rc = claim(c, 0, 1, &slot, &serial);
        if (rc) {
          CHECK_EQ(rc, -SBX_ELIMIT);
          seen->refused++;
          continue;
        }
        int now = ++seen->alive, most = seen->most;
        while (now > most && !atomic_compare_exchange_weak(&seen->most, &most, now))
          continue;
        if (i % 64 == 0)
          usleep(1); /* while it holds the place */
        seen->alive--;
        end_record(c, slot, serial, true);
      }
      _exit(0);
    }
  gate_open(start, RACERS);
  for (int k = 0; k < RACERS; k++)
    CHECK_EQ(reap_pid(racers[k]), 0);
  CHECK_EQ(seen->most, PLACES);
  CHECK(seen->refused > 0);
  CHECK_EQ(c->alive, 1);
  for (int i = 0; i < PLACES; i++) /* none of the places is lost */
    CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), -SBX_ELIMIT);
}

/* A child that is forked but not yet awake when its spawner dies: its place is given away, and it
 * must not come to life as one too many. */
TEST_ON_STAGE(who_lost_its_place_before_it_lived_does_not_come_to_life, 20) {
  struct control *c = control_of(3);
  uint32_t spare, spawner, orphan, slot;
  uint64_t spawner_serial, orphan_serial, serial;
  CHECK_EQ(claim(c, 0, 1, &spare, &serial), 0);
  end_record(c, spare, serial, true);
  c->processes[spare].flags = 0; /* kept for later */
  CHECK_EQ(claim(c, 0, 1, &spawner, &spawner_serial), 0);
  CHECK(control_process_advance(c, spawner, spawner_serial, PHASE_RUNNING));
  CHECK_EQ(claim(c, spawner, spawner_serial, &orphan, &orphan_serial), 0);
  CHECK(control_process_advance(c, spawner, spawner_serial, PHASE_ENDED));
  uint32_t old[] = {spawner, spare}; /* the records of the next two: not that of the orphan */
  for (int i = 0; i < 2; i++) {
    atomic_fetch_or(&c->processes[old[i]].flags, FLAG_RELEASED);
    atomic_store(&c->next_process_slot, old[i]);
    CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
    CHECK_EQ(slot, old[i]);
  }
  CHECK(!control_process_advance(c, orphan, orphan_serial, PHASE_RUNNING));
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), -SBX_ELIMIT);
  CHECK_EQ(c->alive, 3);
}

TEST_ON_STAGE(records_are_used_again_only_when_nobody_needs_them, 20) {
  struct control *c = control_of(PROCESS_SLOTS);
  static uint64_t serials[PROCESS_SLOTS];
  uint32_t slot, parent;
  uint64_t serial, parent_serial;
  CHECK_EQ(claim(c, 0, 1, &parent, &parent_serial), 0); /* a process that spawns */
  CHECK(control_process_advance(c, parent, parent_serial, PHASE_RUNNING));
  for (int i = 2; i < PROCESS_SLOTS; i++) { /* the others are main's, ended, and not released */
    bool of_parent = i % 1000 == 0;
    CHECK_EQ(claim(c, of_parent ? parent : 0, of_parent ? parent_serial : 1, &slot, &serial), 0);
    CHECK_EQ(serials[slot], 0);
    serials[slot] = serial;
    end_record(c, slot, serial, false);
  }
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), -SBX_ERECORDS);
  CHECK_EQ(control_process_end(c), PROCESS_SLOTS);

  atomic_fetch_or(&c->processes[777].flags, FLAG_RELEASED);
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
  CHECK_EQ(slot, 777);
  CHECK_EQ(c->processes[777].flags, 0);
  CHECK_EQ(control_process_stamp(c, 777, serials[777]), 0); /* the old handle is stale */
  CHECK(!control_process_advance(c, 777, serials[777], PHASE_ENDED));
  CHECK_EQ(control_process_stamp(c, 777, serial), stamp_of(serial, PHASE_CLAIMED));
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), -SBX_ERECORDS);

  CHECK(control_process_advance(c, parent, parent_serial,
                                PHASE_ENDED)); /* its children's records are free now */
  for (int i = 1; i <= 65; i++) {
    CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
    CHECK(c->processes[slot].spawner == 0 && c->processes[slot].spawner_serial == 1);
    CHECK(slot != parent && serials[slot] != 0);
    serials[slot] = serial;
  }
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), -SBX_ERECORDS); /* all of main's are still there */
}

/* A process runs and ends; its spawner has dropped its handle. */
static uint64_t run_through(struct control *c, uint32_t *slot, uint32_t flags) {
  const siginfo_t info = {.si_code = CLD_EXITED};
  uint64_t serial;
  CHECK_EQ(claim(c, 0, 1, slot, &serial), 0);
  CHECK(control_process_advance(c, *slot, serial, PHASE_RUNNING));
  atomic_fetch_or(&c->processes[*slot].flags, FLAG_RELEASED | flags);
  CHECK(!control_process_ended(c, *slot, serial, &info));
  return serial;
}

TEST_ON_STAGE(a_process_that_others_know_is_remembered_until_many_have_ended_after_it, 10) {
  struct control *c = control_of(0);
  uint32_t known, other;
  uint64_t serial = run_through(c, &known, FLAG_KNOWN);
  int after = 0;
  for (; after < 2 * REMEMBERED && control_process_stamp(c, known, serial); after++)
    run_through(c, &other, 0);
  CHECK(after >= REMEMBERED);
  CHECK(after < REMEMBERED + 16); /* then its record is one of a few that are used in turn */
  CHECK(control_process_end(c) < 16);
  for (int i = 0; i < 4 * REMEMBERED; i++) /* nor do those that are known take more and more */
    run_through(c, &other, FLAG_KNOWN);
  CHECK(control_process_end(c) < 2 * REMEMBERED);
}

/* -- records of failures ----------------------------------------------------------------------- */

static uint64_t failure(struct control *c, uint32_t claimer, uint64_t claimer_serial, uint32_t *slot) {
  CHECK_EQ(control_failure_claim(c, claimer, claimer_serial, slot), 0);
  control_process_reset(c, *slot, 0, claimer, claimer_serial);
  return control_failure_publish(c, *slot, claimer, claimer_serial);
}

TEST_ON_STAGE(the_record_of_a_failure_is_no_process, 10) {
  struct control *c = control_of(0);
  uint32_t slot, process, next;
  uint64_t process_serial, next_serial;
  CHECK_EQ(claim(c, 0, 1, &process, &process_serial), 0);
  CHECK(control_process_advance(c, process, process_serial, PHASE_RUNNING));

  CHECK_EQ(control_failure_claim(c, process, process_serial, &slot), 0);
  for (int i = 0; i < 2; i++) { /* while it is written, and afterwards */
    CHECK(!control_process_alive(c, slot));
    CHECK(!control_process_exists(c, slot));
    CHECK(!control_process_forgotten(c, slot));
    CHECK_EQ(control_process_descends(c, slot, 0, 1), 0);
    CHECK_EQ(control_process_descends(c, slot, process, process_serial), 0);
    CHECK_EQ(c->alive, 2);
    if (i == 0) {
      control_process_reset(c, slot, 0, process, process_serial);
      CHECK(control_failure_publish(c, slot, process, process_serial) >= FAILURE_SERIALS);
    }
  }
  CHECK_EQ(claim(c, 0, 1, &next, &next_serial), 0);
  CHECK_EQ(next_serial, process_serial + 1); /* ids of processes follow one another */
  CHECK(next != slot);
}

TEST_ON_STAGE(the_record_of_a_failure_lasts_until_it_is_told_and_its_writer_is_gone, 10) {
  struct control *c = control_of(0);
  uint32_t slot, process, again;
  uint64_t process_serial, serial;
  CHECK_EQ(claim(c, 0, 1, &process, &process_serial), 0);
  CHECK(control_process_advance(c, process, process_serial, PHASE_RUNNING));
  serial = failure(c, process, process_serial, &slot);
  CHECK_EQ(control_process_stamp(c, slot, serial), stamp_of(serial, PHASE_FAILURE));
  c->processes[slot].exit_code = 1;
  c->processes[slot].failed_ns = 1;
  CHECK_EQ(control_unjoined_failures(c), 1);
  CHECK(control_failure_pending(c, slot));
  CHECK(control_process_advance(c, process, process_serial, PHASE_ENDED));
  CHECK(!control_process_forgotten(c, slot));
  atomic_fetch_or(&c->processes[slot].flags, FLAG_REPORTED);
  CHECK(control_process_forgotten(c, slot));
  atomic_store(&c->next_process_slot, slot);
  CHECK_EQ(control_failure_claim(c, 0, 1, &again), 0);
  CHECK_EQ(again, slot);
  CHECK_EQ(control_process_stamp(c, slot, serial), 0);
  CHECK_EQ(control_unjoined_failures(c), 1); /* as a count, once; also before the record is cleared */
  control_process_reset(c, slot, 0, 0, 1);
  CHECK_EQ(control_unjoined_failures(c), 1);
}

TEST_ON_STAGE(a_failure_that_is_being_written_is_taken_over_when_its_writer_is_gone, 10) {
  struct control *c = control_of(0);
  uint32_t slot, process, again, other;
  uint64_t process_serial, other_serial;
  CHECK_EQ(claim(c, 0, 1, &process, &process_serial), 0);
  CHECK(control_process_advance(c, process, process_serial, PHASE_RUNNING));
  CHECK_EQ(control_failure_claim(c, process, process_serial, &slot), 0);
  atomic_store(&c->next_process_slot, slot);
  CHECK_EQ(control_failure_claim(c, 0, 1, &again), 0);
  CHECK(again != slot);
  CHECK(control_process_advance(c, process, process_serial, PHASE_ENDED));
  atomic_fetch_or(&c->processes[process].flags, FLAG_RELEASED);
  atomic_store(&c->next_process_slot, process); /* another process stands where the writer stood */
  CHECK_EQ(claim(c, 0, 1, &other, &other_serial), 0);
  CHECK_EQ(other, process);
  atomic_store(&c->next_process_slot, slot);
  CHECK_EQ(control_failure_claim(c, 0, 1, &again), 0);
  CHECK_EQ(again, slot);
  CHECK_EQ(c->alive, 2);
}

TEST_ON_STAGE(who_was_claimed_by_one_that_died_is_never_born, 10) {
  struct control *c = control_of(0);
  uint32_t spawner, child, born;
  uint64_t spawner_serial, child_serial, born_serial;
  CHECK_EQ(claim(c, 0, 1, &spawner, &spawner_serial), 0);
  CHECK(control_process_advance(c, spawner, spawner_serial, PHASE_RUNNING));
  CHECK_EQ(claim(c, spawner, spawner_serial, &child, &child_serial), 0);
  CHECK_EQ(claim(c, spawner, spawner_serial, &born, &born_serial), 0);
  atomic_store(&c->processes[born].pid, 4711); /* the spawner knew of the fork */
  CHECK(!control_process_unborn(c, child, child_serial));
  CHECK(control_process_advance(c, spawner, spawner_serial, PHASE_ENDED));
  CHECK(control_process_unborn(c, child, child_serial));
  CHECK(!control_process_advance(c, child, child_serial, PHASE_RUNNING)); /* should it come nevertheless */
  CHECK(!control_process_unborn(c, born, born_serial));
  CHECK(control_process_advance(c, born, born_serial, PHASE_RUNNING));
}

/* A process that can be killed; in its place somebody who stays. */
static void replace(struct control *c, uint32_t slot, uint64_t serial) {
  uint32_t other;
  uint64_t other_serial;
  CHECK(control_process_advance(c, slot, serial, PHASE_ENDED));
  atomic_fetch_or(&c->processes[slot].flags, FLAG_RELEASED);
  atomic_store(&c->next_process_slot, slot);
  CHECK_EQ(claim(c, 0, 1, &other, &other_serial), 0);
  CHECK_EQ(other, slot);
  CHECK(control_process_advance(c, other, other_serial, PHASE_RUNNING));
}

TEST_ON_STAGE(what_a_killed_process_was_claiming_is_free_though_its_own_record_has_another, 20) {
  struct control *c = control_of(4);
  uint32_t spawner, child, object, again;
  uint64_t spawner_serial, child_serial, object_serial, again_serial;
  CHECK_EQ(claim(c, 0, 1, &spawner, &spawner_serial), 0);
  CHECK(control_process_advance(c, spawner, spawner_serial, PHASE_RUNNING));
  CHECK_EQ(control_process_claim(c, spawner, &child, &child_serial),
           0); /* killed before it filled it */
  CHECK_EQ(control_object_claim(c, spawner, &object, &object_serial), 0);
  CHECK(control_process_exists(c, child));
  atomic_store(&c->next_object_slot, object);
  CHECK_EQ(control_object_claim(c, 0, &again, &again_serial), 0);
  CHECK(again != object);

  replace(c, spawner, spawner_serial);
  CHECK(!control_process_exists(c, child));
  atomic_store(&c->next_object_slot, object);
  CHECK_EQ(control_object_claim(c, 0, &again, &again_serial), 0);
  CHECK_EQ(again, object);
  uint32_t slot;
  uint64_t serial;
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0); /* main, who came instead, and this one, of four */
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), -SBX_ELIMIT);
}

TEST_ON_STAGE(who_cleans_an_object_older_than_itself_is_not_taken_for_dead, 20) {
  struct control *c = control_of(4);
  uint32_t old, slot, again;
  uint64_t old_serial, serial, again_serial;
  CHECK_EQ(control_object_claim(c, 0, &old, &old_serial), 0);
  control_object_live(c, old, old_serial, OBJECT_LOCK);
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
  CHECK(control_process_advance(c, slot, serial, PHASE_RUNNING));
  uint64_t cleaning = old_serial;
  CHECK(control_object_reclaim(c, slot, old, &cleaning));
  CHECK(!control_object_reclaim(c, 0, old, &old_serial)); /* one of them only */
  atomic_store(&c->next_object_slot, old);
  CHECK_EQ(control_object_claim(c, 0, &again, &again_serial), 0);
  CHECK(again != old);
  control_object_free(c, old, cleaning);
  atomic_store(&c->next_object_slot, old);
  CHECK_EQ(control_object_claim(c, 0, &again, &again_serial), 0);
  CHECK_EQ(again, old);

  CHECK_EQ(control_object_claim(c, slot, &old, &old_serial), 0);
  control_object_live(c, old, old_serial, OBJECT_LOCK);
  CHECK(control_object_reclaim(c, slot, old, &old_serial)); /* killed while it cleans */
  replace(c, slot, serial);
  atomic_store(&c->next_object_slot, old);
  CHECK_EQ(control_object_claim(c, 0, &again, &again_serial), 0);
  CHECK_EQ(again, old);
}

TEST_ON_STAGE(the_pid_of_the_process_before_is_not_that_of_the_next, 20) {
  struct control *c = control_of(4);
  uint32_t slot, next;
  uint64_t serial, next_serial;
  CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
  CHECK_EQ(control_process_pid(c, slot, stamp_of(serial, PHASE_CLAIMED)), 0);
  atomic_store(&c->processes[slot].pid, 4711);
  CHECK_EQ(control_process_pid(c, slot, stamp_of(serial, PHASE_RUNNING)), 4711);
  end_record(c, slot, serial, true);
  atomic_store(&c->next_process_slot, slot);
  CHECK_EQ(control_process_claim(c, 0, &next, &next_serial), 0);
  CHECK_EQ(next, slot);
  CHECK_EQ(control_process_pid(c, slot, stamp_claimed(next_serial, 0, PHASE_CLAIMED)),
           0); /* not filled yet */
  control_process_reset(c, slot, next_serial, 0, 1);
  CHECK_EQ(control_process_pid(c, slot, stamp_claimed(next_serial, 0, PHASE_CLAIMED)), 0);
}

TEST_ON_STAGE(a_hundred_thousand_spawns_use_the_records_again, 20) {
  struct control *c = control_of(4);
  uint32_t slot, old_slot = 0;
  uint64_t serial, last = 1, old_serial = 0;
  for (int i = 0; i < 100000; i++) {
    CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
    CHECK_EQ(serial, last + 1);
    CHECK(slot != 0);
    last = serial;
    end_record(c, slot, serial, true);
    if (old_serial && slot == old_slot)
      CHECK_EQ(control_process_stamp(c, old_slot, old_serial), 0);
    if (i == 5) {
      old_slot = slot;
      old_serial = serial;
    }
  }
  CHECK_EQ(c->alive, 1);
  CHECK_EQ(c->process_stamp[0], stamp_of(1, PHASE_CLAIMED)); /* main's is never given away */
}

TEST_ON_STAGE(failures_are_counted_once_also_when_their_record_is_used_again, 20) {
  struct control *c = control_of(PROCESS_SLOTS);
  uint32_t slot;
  uint64_t serial;
  static const unsigned flags[] = {0, FLAG_JOINED, FLAG_EXPECTED, 0};
  for (int i = 0; i < 4000; i++) {
    CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
    c->processes[slot].exit_code =
        i % 4 == 3 ? 0 : 1; /* one in four is a failure that nobody joined */
    atomic_fetch_or(&c->processes[slot].flags, flags[i % 4]);
    end_record(c, slot, serial, true);
  }
  CHECK_EQ(control_unjoined_failures(c), 1000);
  for (int i = 0; i < 2 * PROCESS_SLOTS; i++) {
    CHECK_EQ(claim(c, 0, 1, &slot, &serial), 0);
    end_record(c, slot, serial, true);
  }
  CHECK_EQ(control_unjoined_failures(c), 1000);
}

static int nothing(void *arg) {
  (void)arg;
  return 0;
}

static _Noreturn int wait_for_ever(void *arg) {
  (void)arg;
  for (;;)
    pause();
}

static int die_in_spawn(void *arg) {
  struct object *p;
  fault_plan(arg);
  try_spawn(nothing, NULL, &p);
  return 1;
}

/* A spawner that is killed in spawn costs nothing in the long run. */
TEST_ON_STAGE(a_spawner_killed_in_spawn_leaks_no_place, 30) {
  struct os_backend *b = os_world_new();
  b->control->max_procs = 6;
  for (int i = 0; i < 40; i++) {
    struct object *p = spawn_process(die_in_spawn, "spawn.before-fork:1:kill");
    CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
    CHECK_EQ(record_of_process(p)->signal, SIGKILL);
    release_object(p);
  }
  struct object *five[5], *p;
  for (int i = 0; i < 5; i++)
    five[i] = spawn_process(wait_for_ever, NULL);
  CHECK_EQ(try_spawn(nothing, NULL, &p), -SBX_ELIMIT);
  for (int i = 0; i < 5; i++)
    kill_process(five[i]);
}

/* fork fails, or memory does: an error, no zombie, no record. */
TEST_ON_STAGE(a_failed_spawn_leaves_nothing, 20) {
  struct os_backend *b = os_world_new();
  struct object *p = NULL;
  int fds = open_fds_of(0);
  for (int i = 0; i < 100; i++) {
    fault_plan("spawn.fork:1:fail");
    CHECK_EQ(try_spawn(nothing, NULL, &p), -SBX_EAGAIN);
  }
  fault_plan(NULL);
  CHECK(!p);
  CHECK_EQ(b->child_count, 0);
  CHECK_EQ(b->control->alive, 1);
  CHECK_EQ(control_unjoined_failures(b->control), 0);
  uint32_t cap = b->child_cap;
  b->child_cap = 0;
  fault_plan("spawn.alloc:1:fail");
  CHECK_EQ(try_spawn(nothing, NULL, &p), -SBX_ENOMEM);
  fault_plan(NULL);
  b->child_cap = cap;
  CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
  CHECK_EQ(errno, ECHILD);
  CHECK_EQ(open_fds_of(0), fds);
  join_well(spawn_process(nothing, NULL));
}

/* -- join -------------------------------------------------------------------------------------- */

static int exit_with(void *arg) { return (int)(intptr_t)arg; }

static int kill_self(void *arg) {
  raise((int)(intptr_t)arg);
  return 0;
}

TEST_ON_STAGE(a_join_tells_how_it_ended_and_can_be_repeated, 20) {
  struct os_backend *b = os_world_new();
  for (int code = 0; code < 256; code += 17) {
    struct object *p = spawn_process(exit_with, (void *)(intptr_t)code);
    for (int again = 0; again < 3; again++)
      CHECK_EQ(join_process(p, NULL, again ? 0 : SBX_FOREVER), 0);
    struct process_info info;
    CHECK_EQ(op_process_look(&b->base, p, &info), 0);
    CHECK_EQ(info.status, code ? PROCESS_FAILED : PROCESS_DONE);
    CHECK_EQ(info.exit_code, code);
    CHECK_EQ(info.signal, 0);
    release_object(p);
  }
  static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct object *p = spawn_process(kill_self, (void *)(intptr_t)signals[i]);
    CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
    struct process_info info;
    CHECK_EQ(op_process_look(&b->base, p, &info), 0);
    CHECK_EQ(info.status, PROCESS_KILLED);
    CHECK_EQ(info.exit_code, -1);
    CHECK_EQ(info.signal, signals[i]);
    release_object(p);
  }
}

TEST_ON_STAGE(a_join_waits_no_longer_than_it_may, 20) {
  struct os_backend *b = os_world_new();
  struct object *p = spawn_process(wait_for_ever, NULL), *self = NULL;
  CHECK_EQ(join_process(p, NULL, 0), -SBX_ETIMEDOUT);
  int64_t deadline = in_ms(30);
  CHECK_EQ(join_process(p, NULL, deadline), -SBX_ETIMEDOUT);
  CHECK(clock_now_ns() >= deadline);
  struct process_info info;
  kill(pid_of(p), SIGSTOP);
  await_stopped(pid_of(p));
  CHECK_EQ(op_process_look(&b->base, p, &info), 0);
  CHECK_EQ(info.status, PROCESS_STOPPED);
  CHECK_EQ(info.exit_code, -1);
  kill_process(p);
  CHECK_EQ(b->base.self->process_self(&b->base, &self), 0);
  CHECK_EQ(join_process(self, NULL, SBX_FOREVER), -SBX_ESELF);
  release_object(self);
}

static struct object *handle_of(struct object *p) {
  struct object_ref ref;
  struct object *copy = NULL;
  the_backend->base.objects->object_ref(p, &ref);
  CHECK_EQ(op_handle_import(&the_backend->base, &ref, &copy), 0);
  return copy;
}

static int join_other(void *arg) {
  struct object *p = handle_of(arg);
  CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
  return record_of_process(p)->exit_code;
}

/* A sibling joins, asleep on the pidfd; also when there is no descriptor left for a pidfd. */
static int join_other_without_descriptors(void *arg) {
  struct rlimit none = {.rlim_cur = 3, .rlim_max = 3};
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  return join_other(arg);
}

TEST_ON_STAGE(anybody_may_join, 20) {
  os_world_new();
  for (int i = 0; i < 40; i++) {
    struct object *p = spawn_process(wait_for_ever, NULL);
    struct object *joiner = spawn_process(i % 2 ? join_other : join_other_without_descriptors, p);
    await_sleep(joiner, OP_PROCESS_JOIN);
    kill(pid_of(p), SIGTERM);
    join_well(joiner);
    CHECK_EQ(join_process(p, NULL, SBX_FOREVER), 0);
    release_object(p);
  }
}

TEST_ON_STAGE(a_stale_handle_is_gone, 30) {
  struct os_backend *b = os_world_new();
  struct object *p = spawn_process(nothing, NULL), *stale = handle_of(p);
  CHECK_EQ(join_process(stale, NULL, SBX_FOREVER), 0);
  release_object(p);
  atomic_store(&b->control->next_process_slot, stale->slot); /* instead of 65,536 spawns */
  p = spawn_process(wait_for_ever, NULL);
  CHECK_EQ(p->slot, stale->slot);
  struct process_info info;
  CHECK_EQ(join_process(stale, NULL, SBX_FOREVER), -SBX_EGONE);
  CHECK_EQ(op_process_look(&b->base, stale, &info), -SBX_EGONE);
  struct op op = {.kind = OP_PROCESS_SIGNAL, .object = stale, .number = SIGKILL};
  CHECK_EQ(perform(&b->base, &op), -SBX_EGONE);
  release_object(stale);
  CHECK_EQ(record_of_process(p)->flags & FLAG_RELEASED, 0);
  CHECK_EQ(kill(pid_of(p), 0), 0);
  kill_process(p);
}

/* -- results ----------------------------------------------------------------------------------- */

struct result_request {
  size_t len;
  int wanted; /* what publishing returns */
  const char *plan;
};

static int leave_result(void *arg) {
  const struct result_request *r = arg;
  struct buf result = {0};
  fault_plan(r->plan);
  if (r->len)
    item_make(&result, 1, (uint32_t)the_backend->serial, r->len);
  CHECK_EQ(process_publish(the_backend, &result, NULL, NULL, 0), r->wanted);
  fault_plan(NULL);
  return 0;
}

/* Spawn, join and check one result of `len` bytes. The handle is the caller's. */
static struct object *result_of(struct result_request *r) {
  struct object *p = spawn_process(leave_result, r);
  struct buf out = {0};
  uint32_t producer, seq;
  CHECK_EQ(buf_append(&out, "mine", 4), 0);
  CHECK_EQ(join_process(p, &out, SBX_FOREVER), 0);
  CHECK_EQ(record_of_process(p)->exit_code, 0);
  CHECK_EQ(record_of_process(p)->signal, 0);
  CHECK(memcmp(out.data, "mine", 4) == 0);
  if (r->wanted == 0 && r->len) {
    CHECK_EQ(out.len, 4 + r->len);
    item_check(out.data + 4, r->len, &producer, &seq);
    CHECK_EQ(seq, p->serial);
  } else {
    CHECK_EQ(out.len, 4);
    CHECK_EQ(record_of_process(p)->flags & FLAG_RESULT, 0);
  }
  buf_release(&out);
  return p;
}

static uint64_t results_stored(const struct os_backend *b) {
  struct stat st;
  CHECK_EQ(fstat(b->results, &st), 0);
  return (uint64_t)st.st_blocks * 512;
}

TEST_ON_STAGE(results_of_every_size_arrive, 30) {
  os_world_new();
  static const size_t sizes[] = {0, 8, 100, 4095, 4096, 4097, 65536, 10000000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    release_object(result_of(&(struct result_request){.len = sizes[i]}));
}

TEST_ON_STAGE(a_result_that_cannot_be_stored_is_an_error_of_the_publisher, 20) {
  struct os_backend *b = os_world_new();
  release_object(result_of(&(struct result_request){100000, -SBX_ENOSPC, "store.write:1:fail"}));
  CHECK_EQ(results_stored(b), 0);
  b->control->log_limit = 1 << 20;
  release_object(result_of(&(struct result_request){.len = 2 << 20, .wanted = -SBX_ESTORE}));
  release_object(result_of(&(struct result_request){.len = 1 << 19}));
  struct rlimit limit = {.rlim_cur = 100000, .rlim_max = 100000}; /* a partial write, then EFBIG */
  CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  release_object(result_of(&(struct result_request){.len = 1 << 19, .wanted = -SBX_ENOSPC}));
  CHECK(results_stored(b) <= 1 << 20);
}

TEST_ON_STAGE(results_nobody_wants_are_given_back_under_pressure, 50) {
  struct os_backend *b = os_world_new();
  for (int i = 0; i < 35; i++) /* 100 MiB; the limit is 64 */
    release_object(result_of(&(struct result_request){.len = 3000000}));
  CHECK(results_stored(b) <= 70 << 20);
  CHECK(b->control->result_bytes <= 70 << 20);
  struct object *kept = result_of(&(struct result_request){.len = 3000000});
  for (int i = 0; i < 25; i++)
    release_object(result_of(&(struct result_request){.len = 3000000}));
  struct buf out = {0};
  CHECK_EQ(join_process(kept, &out, 0), 0); /* its spawner holds it: it is still there */
  CHECK_EQ(out.len, 3000000);
  buf_release(&out);
  release_object(kept);
}

static int leave_grandchild_result(void *arg) {
  result_of(arg); /* and leave without releasing it */
  return 0;
}

TEST_ON_STAGE(results_whose_spawner_is_gone_are_given_back_too, 50) {
  struct os_backend *b = os_world_new();
  b->control->log_limit = 96 << 20;
  for (int i = 0; i < 35; i++)
    join_well(spawn_process(leave_grandchild_result, &(struct result_request){.len = 3000000}));
  CHECK(results_stored(b) <= 70 << 20);
}

TEST_ON_STAGE(a_record_used_again_gives_its_result_back, 30) {
  struct os_backend *b = os_world_new();
  for (int i = 0; i < 300; i++) {
    atomic_store(&b->control->next_process_slot, 1); /* always the same record */
    release_object(result_of(&(struct result_request){.len = 100000}));
  }
  CHECK(results_stored(b) <= 200000);
  CHECK(b->control->result_bytes <= 200000);
}

/* -- objects ----------------------------------------------------------------------------------- */

static uint32_t objects_live(const struct control *c) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < OBJECT_SLOTS; i++)
    n += stamp_phase(c->object_stamp[i]) != OBJECT_FREE;
  return n;
}

TEST_ON_STAGE(thousands_of_queues_made_and_dropped_leave_nothing, 30) {
  struct os_backend *b = os_world_new();
  struct object *kept = new_queue(0, TRANSPORT_AUTO, 0);
  int fds = open_fds_of(0);
  for (int i = 0; i < 2 * OBJECT_SLOTS + 10; i++)
    release_object(new_queue(i % 2 ? 3 : 0, (enum queue_transport)(i % 3), 1000000));
  CHECK_EQ(objects_live(b->control), 1);
  CHECK_EQ(open_fds_of(0), fds);
  CHECK_EQ(put(kept, "x", 1, 0), 0);
  CHECK_EQ(len_of(kept), 1);
  release_object(kept);
  CHECK_EQ(objects_live(b->control), 0);
}

TEST_ON_STAGE(an_object_lives_as_long_as_a_process_holds_it, 20) {
  struct os_backend *b = os_world_new();
  for (int i = 0; i < 50; i++) {
    struct object *q = new_queue(0, TRANSPORT_AUTO, 0);
    uint32_t slot = q->slot;
    uint64_t serial = q->serial;
    struct object *holder = spawn_process(wait_for_ever, NULL);
    release_object(q); /* the child has it still */
    CHECK_EQ(b->control->object_stamp[slot], stamp_of(serial, OBJECT_LIVE));
    CHECK(!control_object_unused(b->control, slot));
    atomic_store(&b->control->next_object_slot, slot);
    q = new_queue(0, TRANSPORT_AUTO, 0);
    CHECK(q->slot != slot);
    release_object(q);
    kill_process(holder); /* it had no time to drop anything */
    CHECK(control_object_unused(b->control, slot));
    atomic_store(&b->control->next_object_slot, slot);
    q = new_queue(0, TRANSPORT_AUTO, 0);
    CHECK_EQ(q->slot, slot);
    CHECK(q->serial != serial);
    release_object(q);
  }
}

TEST_ON_STAGE(too_many_objects_are_an_error, 20) {
  struct control *c = control_of(8);
  uint32_t slot;
  uint64_t serial, last = 0;
  for (int i = 0; i < OBJECT_SLOTS; i++) {
    CHECK_EQ(control_object_claim(c, 0, &slot, &serial), 0);
    CHECK(serial > last);
    last = serial;
    control_object_hold(c, 0, slot);
    atomic_store(&c->object_stamp[slot], stamp_of(serial, OBJECT_LIVE));
  }
  CHECK_EQ(control_object_claim(c, 0, &slot, &serial), -SBX_EOBJECTS);
  control_object_drop(c, 0, 123);
  c->objects[123].named = 1; /* something stored names it: only a sweep knows */
  CHECK_EQ(control_object_claim(c, 0, &slot, &serial), -SBX_EOBJECTS);
  c->objects[123].named = 0;
  CHECK_EQ(control_object_claim(c, 0, &slot, &serial), 0);
  CHECK_EQ(slot, 123);
}

/* -- descriptors ------------------------------------------------------------------------------- */

static void open_at_every_limit(void) {
  struct backend *b = &the_backend->base;
  int fds = open_fds_of(0), highest = dup(0);
  CHECK(highest >= 0);
  close(highest);
  for (int t = 0; t < 3; t++)
    for (int max = 0; max < 2; max++) {
      struct queue_options o = {.transport = t, .max = (uint64_t)max};
      int needs = 0, rc;
      struct object *q = NULL;
      do {
        struct rlimit limit = {.rlim_cur = (rlim_t)(highest + needs), .rlim_max = 256};
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        rc = op_queue_new(b, &o, &q);
        limit.rlim_cur = 256;
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK(rc == 0 || rc == -SBX_EMFILE);
        CHECK_EQ(open_fds_of(0), rc ? fds : fds + 2 + (t == TRANSPORT_SHM ? 0 : 2) + max);
        needs += rc != 0;
      } while (rc);
      CHECK(needs >= 2 + (t == TRANSPORT_SHM ? 0 : 2) + max);
      CHECK_EQ(put(q, "x", 1, 0), 0);
      release_object(q);
      CHECK_EQ(open_fds_of(0), fds);
      CHECK_EQ(objects_live(the_backend->control), 0);
    }
}

TEST_ON_STAGE(every_descriptor_limit_is_an_error_and_leaks_nothing, 20) {
  os_world_new();
  open_at_every_limit();
}

TEST_ON_STAGE(every_failure_of_queue_open_leaks_nothing, 20) {
  struct os_backend *b = os_world_new();
  static const struct {
    const char *plan;
    int rc;
  } rows[] = {{"queue.open:1:fail", -SBX_EMFILE},
              {"log.memfd:1:fail", -SBX_EMFILE},
              {"log.map:0:fail", -SBX_ENOMEM}};
  int fds = open_fds_of(0);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct queue_options o = {.max = 1};
    struct object *q = NULL;
    fault_plan(rows[i].plan);
    CHECK_EQ(op_queue_new(&b->base, &o, &q), rows[i].rc);
    fault_plan(NULL);
    CHECK(!q);
    CHECK_EQ(open_fds_of(0), fds);
    CHECK_EQ(objects_live(b->control), 0);
  }
}

static int get_one(void *arg) {
  uint32_t producer, seq;
  CHECK_EQ(get_item(arg, &producer, &seq, SBX_FOREVER), 0);
  return 0;
}

/* Without privilege and with few descriptors: the same. */
TEST_ON_STAGE(a_poor_user_gets_errors_too, 20) {
  if (geteuid() != 0)
    stage_skip("only root can become nobody");
  CHECK_EQ(setgid(65534), 0);
  CHECK_EQ(setuid(65534), 0);
  os_world_new();
  open_at_every_limit();
  struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  struct object *queues[64];
  int n = 0, rc;
  struct queue_options o = {.max = 2};
  while ((rc = op_queue_new(&the_backend->base, &o, &queues[n])) == 0)
    n++;
  CHECK_EQ(rc, -SBX_EMFILE);
  CHECK(n >= 8);
  for (int i = 0; i < n - 1; i++) /* each still works, between processes */
    CHECK_EQ(put_item(queues[i], 1, 1, 2000, 0), 0);
  release_object(queues[--n]); /* room for a spawn: it needs descriptors of its own */
  for (int i = 0; i < n; i++)
    join_well(spawn_process(get_one, queues[i]));
  for (int i = 0; i < n; i++)
    release_object(queues[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_block_holds_main_alone),
      cmocka_unit_test(a_seed_is_drawn_when_none_is_given),
      cmocka_unit_test(phases_go_forward_and_one_caller_wins),
      cmocka_unit_test(the_limit_counts_the_living),
      cmocka_unit_test(the_limit_holds_when_many_spawn_at_once),
      cmocka_unit_test(who_lost_its_place_before_it_lived_does_not_come_to_life),
      cmocka_unit_test(records_are_used_again_only_when_nobody_needs_them),
      cmocka_unit_test(a_process_that_others_know_is_remembered_until_many_have_ended_after_it),
      cmocka_unit_test(the_record_of_a_failure_is_no_process),
      cmocka_unit_test(the_record_of_a_failure_lasts_until_it_is_told_and_its_writer_is_gone),
      cmocka_unit_test(a_failure_that_is_being_written_is_taken_over_when_its_writer_is_gone),
      cmocka_unit_test(who_was_claimed_by_one_that_died_is_never_born),
      cmocka_unit_test(
          what_a_killed_process_was_claiming_is_free_though_its_own_record_has_another),
      cmocka_unit_test(the_pid_of_the_process_before_is_not_that_of_the_next),
      cmocka_unit_test(who_cleans_an_object_older_than_itself_is_not_taken_for_dead),
      cmocka_unit_test(a_hundred_thousand_spawns_use_the_records_again),
      cmocka_unit_test(failures_are_counted_once_also_when_their_record_is_used_again),
      cmocka_unit_test(a_spawner_killed_in_spawn_leaks_no_place),
      cmocka_unit_test(a_failed_spawn_leaves_nothing),
      cmocka_unit_test(a_join_tells_how_it_ended_and_can_be_repeated),
      cmocka_unit_test(a_join_waits_no_longer_than_it_may),
      cmocka_unit_test(anybody_may_join),
      cmocka_unit_test(a_stale_handle_is_gone),
      cmocka_unit_test(results_of_every_size_arrive),
      cmocka_unit_test(a_result_that_cannot_be_stored_is_an_error_of_the_publisher),
      cmocka_unit_test(results_nobody_wants_are_given_back_under_pressure),
      cmocka_unit_test(results_whose_spawner_is_gone_are_given_back_too),
      cmocka_unit_test(a_record_used_again_gives_its_result_back),
      cmocka_unit_test(thousands_of_queues_made_and_dropped_leave_nothing),
      cmocka_unit_test(an_object_lives_as_long_as_a_process_holds_it),
      cmocka_unit_test(too_many_objects_are_an_error),
      cmocka_unit_test(every_descriptor_limit_is_an_error_and_leaks_nothing),
      cmocka_unit_test(every_failure_of_queue_open_leaks_nothing),
      cmocka_unit_test(a_poor_user_gets_errors_too),
  };
  return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
