/*
 * os/shared/control.c - see control.h: the block, and the records of processes and failures. Everything
 * here is lock-free; the supervisor may call all of it.
 */
#include "os/shared/control.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sysinfo.h>

#include "base/child_code.h"
#include "base/error.h"
#include "base/fault.h"

enum { REUSE_TRIES = 32 };

static uint64_t quarter_of_memory(void) {
  struct sysinfo si;
  if (sysinfo(&si))
    return UINT64_C(256) << 20;
  return (uint64_t)si.totalram * si.mem_unit / 4;
}

static int fill_random(struct control *c, bool seeded, uint64_t *seed) {
  if (getrandom(c->key, sizeof c->key, 0) != sizeof c->key)
    return -SBX_ESYSTEM;
  if (!seeded && getrandom(seed, sizeof *seed, 0) != sizeof *seed)
    return -SBX_ESYSTEM;
  return 0;
}

/* No queue alone may have more memory than the run. */
static void take_limits(struct control *c, const struct policy *p) {
  uint64_t memory = p->limits.memory_bytes < INT64_MAX ? p->limits.memory_bytes : INT64_MAX;
  c->memory.limit = (int64_t)memory;
  if (memory && memory < c->log_limit)
    c->log_limit = memory;
  c->output_limit = p->limits.output_bytes;
  c->files_limit = p->limits.files_bytes;
  c->shows_controls = policy_is_strict(p);
}

/* As error_text tells them. */
static_assert(PROCESS_SLOTS == 65536 && OBJECT_SLOTS == 8192 && NAME_CELLS == 16384 &&
                  DEPTH_MAX == 1000 && LINE_PLACES == 1024,
              "base/error.h has these numbers");

static void tell_limits(const struct control *c) {
  char limit[24];
  snprintf(limit, sizeof limit, "%u", (unsigned)c->max_procs);
  error_set_limit(SBX_ELIMIT, limit);
  error_set_bytes(SBX_ESTORE, c->log_limit);
}

int control_create(const struct control_options *o, struct control **ret) {
  struct control *c = FAULT("control.map")
                          ? MAP_FAILED
                          : mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (c == MAP_FAILED)
    return -SBX_ENOMEM;
  uint64_t seed = o->seed;
  int rc = fill_random(c, o->seeded, &seed);
  if (rc) {
    munmap(c, sizeof *c);
    return rc;
  }
  c->magic = CONTROL_MAGIC;
  c->version = CONTROL_VERSION;
  c->max_procs = o->max_procs ? o->max_procs : DEFAULT_MAX_PROCS;
  if (c->max_procs > PROCESS_SLOTS)
    c->max_procs = PROCESS_SLOTS;
  c->tag_output = o->tag_output;
  if (o->key)
    memcpy(c->key, o->key, sizeof c->key);
  c->log_limit = quarter_of_memory();
  if (o->policy)
    take_limits(c, o->policy);
  tell_limits(c);
  c->clock = clock_run_start(o->speed > 0 ? o->speed : 1);
  c->next_serial = 2;
  c->next_failure = FAILURE_SERIALS;
  c->process_end = 1;
  c->next_object_serial = 1;
  c->next_ticket = 1;
  c->alive = 1;
  c->main_status = -1;
  c->process_stamp[0] = stamp_of(1, PHASE_CLAIMED);
  c->processes[0].seed = seed;
  c->processes[0].serial = 1;
  strcpy(c->processes[0].name, "main");
  *ret = c;
  return 0;
}

CHILD_CODE
uint32_t control_process_end(const struct control *c) {
  uint64_t n = atomic_load_explicit(&c->process_end, memory_order_acquire);
  return n < PROCESS_SLOTS ? (uint32_t)n : PROCESS_SLOTS;
}

CHILD_CODE
uint64_t control_process_stamp(const struct control *c, uint32_t slot, uint64_t serial) {
  if (slot >= PROCESS_SLOTS)
    return 0;
  uint64_t stamp = atomic_load_explicit(&c->process_stamp[slot], memory_order_acquire);
  return stamp_serial(stamp) == serial ? stamp : 0;
}

bool control_process_alive(const struct control *c, uint32_t slot) {
  return phase_lives(stamp_phase(atomic_load(&c->process_stamp[slot])));
}

pid_t control_process_pid(const struct control *c, uint32_t slot, uint64_t stamp) {
  const struct process_record *p = &c->processes[slot];
  return atomic_load_explicit(&p->serial, memory_order_acquire) == stamp_serial(stamp)
             ? atomic_load(&p->pid)
             : 0;
}

uint64_t control_process_descends(const struct control *c, uint32_t slot, uint32_t above,
                                  uint64_t above_serial) {
  uint64_t stamp = atomic_load_explicit(&c->process_stamp[slot], memory_order_acquire);
  uint64_t serial = stamp_serial(stamp);
  if (!phase_lives(stamp_phase(stamp)))
    return 0;
  while (slot != 0) { /* main is below nobody */
    const struct process_record *p = &c->processes[slot];
    if (atomic_load_explicit(&p->serial, memory_order_acquire) != stamp_serial(stamp))
      return 0;
    slot = p->spawner;
    if (slot == above && p->spawner_serial == above_serial)
      return serial;
    if (!(stamp = control_process_stamp(c, slot, p->spawner_serial)))
      return 0;
  }
  return 0;
}

static bool spawner_gone(const struct control *c, const struct process_record *p) {
  uint64_t stamp = control_process_stamp(c, p->spawner, p->spawner_serial);
  return !phase_lives(stamp_phase(stamp));
}

/* Is the process gone that claimed a process record? Maybe another one is in its place, with a
 * serial drawn after the claim. */
static bool claimer_gone(const struct control *c, uint64_t stamp) {
  uint64_t there = atomic_load(&c->process_stamp[stamp_claimer(stamp)]);
  return !phase_lives(stamp_phase(there)) || stamp_serial(there) > stamp_serial(stamp);
}

/* Is the process gone that writes the record of a failure? The stamp names it. */
static bool writer_gone(const struct control *c, uint64_t stamp) {
  uint64_t there = control_process_stamp(c, stamp_claimer(stamp), stamp_serial(stamp));
  return !phase_lives(stamp_phase(there));
}

/* Does the spawner still need the record of what has ended? */
static bool spawner_needs(const struct control *c, const struct process_record *p) {
  return !(p->flags & FLAG_RELEASED) && !spawner_gone(c, p);
}

/* May others still ask for it, for a while? A spawner that is gone did not say whether. */
static bool remembered(const struct control *c, const struct process_record *p) {
  uint32_t known = p->flags & (FLAG_RELEASED | FLAG_KNOWN);
  return known != FLAG_RELEASED && atomic_load(&c->ended) - p->ended_at < REMEMBERED;
}

/* May this record be given to a new process? `need`: there is no other one. */
static bool record_usable(const struct control *c, uint32_t slot, uint64_t stamp, bool need) {
  const struct process_record *p = &c->processes[slot];
  unsigned phase = stamp_phase(stamp);
  switch (phase) {
  case PHASE_FREE:
    return true;
  case PHASE_CLAIMED: /* its spawner died before the fork, or the child before its first step */
    if (atomic_load_explicit(&p->serial, memory_order_acquire) !=
        stamp_serial(stamp)) /* its claimer did not get to fill it */
      return claimer_gone(c, stamp);
    return slot != 0 && spawner_gone(c, p);
  case PHASE_FAILING:
    return writer_gone(c, stamp);
  case PHASE_ENDED:
  case PHASE_FAILURE:
    return !spawner_needs(c, p) && !(p->flags & FLAG_HELD) && !control_failure_pending(c, slot) &&
           (need || phase == PHASE_FAILURE || !remembered(c, p));
  default:
    return false;
  }
}

bool control_process_forgotten(const struct control *c, uint32_t slot) {
  uint64_t stamp = atomic_load(&c->process_stamp[slot]);
  bool over = stamp_phase(stamp) == PHASE_ENDED || stamp_phase(stamp) == PHASE_FAILURE;
  return over && record_usable(c, slot, stamp, true);
}

bool control_process_exists(const struct control *c, uint32_t slot) {
  uint64_t stamp = atomic_load(&c->process_stamp[slot]);
  return phase_lives(stamp_phase(stamp)) && !record_usable(c, slot, stamp, false);
}

/* A process in a seat: its stamp without the phase, with its slot. */
static uint64_t sitter_of(uint64_t serial, uint32_t slot) { return stamp_claimed(serial, slot, 0); }

/* What died before there was a process gives up its record: should its child still come to life, it
 * ends at its first step. False: it has come to life, or another process was quicker. */
static bool abandon(struct control *c, uint32_t slot, uint64_t stamp) {
  if (!atomic_compare_exchange_strong(&c->process_stamp[slot], &stamp, 0))
    return false;
  atomic_fetch_sub(&c->alive, 1);
  return true;
}

bool control_process_unborn(struct control *c, uint32_t slot, uint64_t serial) {
  uint64_t stamp = control_process_stamp(c, slot, serial);
  return stamp_phase(stamp) == PHASE_CLAIMED && record_usable(c, slot, stamp, false) &&
         control_process_pid(c, slot, stamp) == 0 && abandon(c, slot, stamp);
}

static bool seat_free(struct control *c, uint64_t sitter) {
  uint32_t slot = stamp_claimer(sitter);
  uint64_t stamp = control_process_stamp(c, slot, stamp_serial(sitter));
  if (!phase_lives(stamp_phase(stamp)))
    return true;
  return record_usable(c, slot, stamp, false) && abandon(c, slot, stamp);
}

/* A free seat, from this one on, and the process that sat there last. False: each was taken when
 * looked at. */
static bool find_seat(struct control *c, uint32_t *seat, uint64_t *sitter) {
  uint32_t seats = c->max_procs - 1; /* main stands */
  for (uint32_t i = 0; i < seats; i++) {
    uint32_t at = (*seat + i) % seats;
    *sitter = atomic_load(&c->seats[at]);
    if (seat_free(c, *sitter)) {
      *seat = at;
      return true;
    }
  }
  return false;
}

void control_process_reset(struct control *c, uint32_t slot, uint64_t serial, uint32_t spawner,
                           uint64_t spawner_serial) {
  struct process_record *p = &c->processes[slot];
  memset(p, 0, sizeof *p);
  p->spawner = spawner;
  p->spawner_serial = spawner_serial;
  p->objects_before = atomic_load(&c->next_object_serial);
  atomic_fetch_and(&c->seekers[slot / 64], ~(UINT64_C(1) << (slot % 64)));
  atomic_store_explicit(&p->serial, serial, memory_order_release);
}

/*
 * Records are used again before new ones are touched: memory stays flat, and scans short. A few of
 * the old are looked at in turn; when none of them is usable, the table grows.
 */
static uint32_t slot_to_try(struct control *c, uint32_t tries) {
  uint64_t end = control_process_end(c);
  if (tries % (REUSE_TRIES + 1) == REUSE_TRIES && end < PROCESS_SLOTS) {
    end = atomic_fetch_add(&c->process_end, 1);
    if (end < PROCESS_SLOTS)
      return (uint32_t)end;
    end = PROCESS_SLOTS;
  }
  return (uint32_t)(atomic_fetch_add(&c->next_process_slot, 1) % end);
}

/* The next record that may be used again, from the one of this try on, and its stamp. False: there
 * is none. */
static bool find_record(struct control *c, uint32_t *tries, uint32_t *ret_slot,
                        uint64_t *ret_stamp) {
  while (*tries < 2 * PROCESS_SLOTS) {
    uint32_t slot = slot_to_try(c, (*tries)++);
    uint64_t stamp = atomic_load(&c->process_stamp[slot]);
    if (!record_usable(c, slot, stamp, *tries > PROCESS_SLOTS))
      continue;
    *ret_slot = slot;
    *ret_stamp = stamp;
    return true;
  }
  return false;
}

/* Give a record to a new owner. False: it was given to another one. */
static bool take_record(struct control *c, uint32_t slot, uint64_t stamp, uint64_t owner) {
  unsigned was = stamp_phase(stamp), is = stamp_phase(owner);
  if (!atomic_compare_exchange_strong(&c->process_stamp[slot], &stamp, owner))
    return false;
  if ((was == PHASE_ENDED || was == PHASE_FAILURE) && control_process_failed(c, slot))
    atomic_fetch_add(&c->failures_dropped, 1); /* a failure nobody joined is kept as a count */
  /* CLAIMED: its claimer counted it, and died. */
  atomic_fetch_add(&c->alive, (is == PHASE_CLAIMED) - (was == PHASE_CLAIMED));
  return true;
}

static int claim_record(struct control *c, uint32_t claimer, uint32_t *ret_slot,
                        uint64_t *ret_serial) {
  uint64_t stamp;
  for (uint32_t tries = 0; find_record(c, &tries, ret_slot, &stamp);) {
    /* After that look: so it is above all that the process before has claimed (claimer_gone). */
    *ret_serial = atomic_fetch_add(&c->next_serial, 1);
    if (take_record(c, *ret_slot, stamp, stamp_claimed(*ret_serial, claimer, PHASE_CLAIMED)))
      return 0;
  }
  return -SBX_ERECORDS;
}

int control_failure_claim(struct control *c, uint32_t claimer, uint64_t claimer_serial,
                          uint32_t *ret_slot) {
  uint64_t stamp;
  for (uint32_t tries = 0; find_record(c, &tries, ret_slot, &stamp);)
    if (take_record(c, *ret_slot, stamp, stamp_claimed(claimer_serial, claimer, PHASE_FAILING)))
      return 0;
  return -SBX_ERECORDS;
}

uint64_t control_failure_publish(struct control *c, uint32_t slot, uint32_t claimer,
                                 uint64_t claimer_serial) {
  uint64_t stamp = stamp_claimed(claimer_serial, claimer, PHASE_FAILING);
  uint64_t serial = atomic_fetch_add(&c->next_failure, 1);
  atomic_store_explicit(&c->processes[slot].serial, serial, memory_order_release);
  /* It cannot fail: nobody takes the record from a process that lives. */
  atomic_compare_exchange_strong(&c->process_stamp[slot], &stamp, stamp_of(serial, PHASE_FAILURE));
  return serial;
}

/* The record comes first: a seat names the process that sits there, and so tells whether a kill has
 * made it free. */
int control_process_claim(struct control *c, uint32_t claimer, uint32_t *ret_slot,
                          uint64_t *ret_serial) {
  uint32_t seat = (uint32_t)atomic_load(&c->next_serial); /* each begins elsewhere */
  uint64_t sitter;
  if (atomic_load(&c->ending))
    return -SBX_EGONE;
  if (!find_seat(c, &seat, &sitter))
    return -SBX_ELIMIT;
  int rc = claim_record(c, claimer, ret_slot, ret_serial);
  if (rc)
    return rc;
  while (!atomic_compare_exchange_strong(&c->seats[seat], &sitter,
                                         sitter_of(*ret_serial, *ret_slot))) {
    if (!find_seat(c, &seat, &sitter)) {
      abandon(c, *ret_slot, stamp_claimed(*ret_serial, claimer, PHASE_CLAIMED));
      return -SBX_ELIMIT;
    }
  }
  return 0;
}

uint64_t control_main_renew(struct control *c) {
  uint64_t serial = atomic_fetch_add(&c->next_serial, 1);
  uint64_t seed = c->processes[0].seed;
  for (uint32_t i = 0; i < OBJECT_WORDS; i++)
    if (atomic_load(&c->held[0][i])) /* what nobody held stays untouched memory */
      atomic_store(&c->held[0][i], 0);
  control_process_reset(c, 0, serial, 0, 0);
  c->processes[0].seed = seed;
  strcpy(c->processes[0].name, "main");
  atomic_fetch_add(&c->alive, 1);
  atomic_store(&c->main_status, -1);
  atomic_store(&c->process_stamp[0], stamp_claimed(serial, 0, PHASE_CLAIMED));
  return serial;
}

CHILD_CODE
bool control_process_advance(struct control *c, uint32_t slot, uint64_t serial,
                             enum process_phase to) {
  uint64_t stamp = control_process_stamp(c, slot, serial);
  while (stamp && stamp_serial(stamp) == serial && stamp_phase(stamp) < (unsigned)to) {
    if (atomic_compare_exchange_weak(&c->process_stamp[slot], &stamp, stamp_of(serial, to))) {
      if (to == PHASE_ENDED)
        atomic_fetch_sub(&c->alive, 1);
      return true;
    }
  }
  return false;
}

CHILD_CODE
struct meter_place control_memory(struct control *c, uint32_t slot) {
  return (struct meter_place){c->memory.limit ? &c->memory : NULL, &c->charged[slot]};
}

bool control_process_ended(struct control *c, uint32_t slot, uint64_t serial,
                           const siginfo_t *info) {
  uint64_t stamp = control_process_stamp(c, slot, serial);
  struct process_record *p = &c->processes[slot];
  if (!stamp || stamp_phase(stamp) == PHASE_ENDED)
    return false;
  struct process_state s = control_process_state(p, stamp_phase(stamp));
  if (info->si_code == CLD_EXITED)
    process_exit(&s, info->si_status);
  /* A signal counts also after it had published: it did not get to leave by itself. */
  process_end(&s, info->si_code == CLD_EXITED ? 0 : info->si_status);
  p->exit_code = s.exit_code;
  p->signal = s.signal;
  bool failed = process_status_of(&s) != PROCESS_DONE;
  if (failed && p->failed_ns == 0) /* it did not publish */
    p->failed_ns = clock_now_ns();
  p->ended_at = atomic_fetch_add(&c->ended, 1);
  const struct meter_place memory = control_memory(c, slot);
  if (memory.meter)
    meter_ended(&memory);
  control_process_advance(c, slot, serial, PHASE_ENDED);
  if (failed)
    atomic_fetch_add(&c->failures_noted, 1);
  return failed;
}

bool control_process_failed(const struct control *c, uint32_t slot) {
  const struct process_record *p = &c->processes[slot];
  if (p->flags & (FLAG_EXPECTED | FLAG_JOINED))
    return false;
  return p->exit_code != 0 || p->signal != 0;
}

bool control_failure_pending(const struct control *c, uint32_t slot) {
  const struct process_record *p = &c->processes[slot];
  uint32_t flags = atomic_load(&p->flags);
  if (p->failed_ns == 0 || (flags & (FLAG_QUIET | FLAG_LOOKED | FLAG_REPORTED | FLAG_CAUGHT)))
    return false;
  return !(p->signal != 0 && (flags & FLAG_EXPECTED)); /* killed on purpose */
}

uint32_t control_unjoined_failures(const struct control *c) {
  uint32_t n = c->failures_dropped;
  for (uint32_t i = 1; i < control_process_end(c); i++)
    if (phase_told(stamp_phase(atomic_load(&c->process_stamp[i]))) && control_process_failed(c, i))
      n++;
  return n;
}
