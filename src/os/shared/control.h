/*
 * os/shared/control.h - the control block: one shared mapping, made before the first fork, that every
 * process of the run sees.
 *
 * A header, a record per process, a record per object. Fixed-width fields, no pointers, never
 * unmapped. For every field the writers are named, the readers, and what orders them.
 *
 * Vocabulary
 *   slot     index of a record in its table
 *   serial   a number never reused in a run; a process's serial is its id (main is 1)
 *   stamp    serial << 24 | claimer << 8 | phase: the one word that owns a record. It changes by
 * compare-and-swap only, so a stale handle (slot, serial) never matches a record that has another
 * owner. While the record is only claimed, `claimer` is the slot of the process that fills
 * it, and that one is gone when its slot has another process, which came after the claim (serials
 * tell); afterwards it is 0.
 *
 *   failure  the record of a task that failed (os/process/failure.h) lies in the table of
 * processes, since it is read and given back as theirs are, but it is no process: its phases are
 * its own (enum failure_phase), and its serials, too (from FAILURE_SERIALS on). So processes have
 * the same ids whether or not tasks fail. While it is written its stamp has the serial and the slot
 * of the process that writes it: should that one be killed, every process can tell.
 *
 *   spawner  the process that called spawn; the reaper of its children while it lives
 *
 * Kill safety: a record whose owner died half-way is recognised by its stamp and its owner's, and
 * used again (find_record). Nothing here is repaired; what is half-written is never current.
 */
#ifndef SBX_OS_SHARED_CONTROL_H
#define SBX_OS_SHARED_CONTROL_H

#include <assert.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"
#include "base/policy.h"
#include "object/op.h"
#include "object/past.h"
#include "object/process.h"
#include "object/sync.h"
#include "os/shared/monitor.h"
#include "os/shared/side.h"

enum {
  CONTROL_MAGIC = 0x73627831, /* "sbx1" */
  CONTROL_VERSION = 1,
  PROCESS_SLOTS = 65536, /* records, of the living and of the ended still referred to */
  OBJECT_SLOTS = 8192,
  OBJECT_WORDS = OBJECT_SLOTS / 64,
  NO_PROCESS = PROCESS_SLOTS, /* in place of a slot: programs, whose copier has no record */
  DEFAULT_MAX_PROCS = 512,
  DEPTH_MAX = 1000 /* spawn inside spawn: each level stands on its parent's C stack */
};

static inline uint64_t stamp_of(uint64_t serial, unsigned phase) { return serial << 24 | phase; }
static inline uint64_t stamp_claimed(uint64_t serial, uint32_t claimer, unsigned phase) {
  return serial << 24 | (uint64_t)claimer << 8 | phase;
}
static inline uint64_t stamp_serial(uint64_t stamp) { return stamp >> 24; }
static inline uint32_t stamp_claimer(uint64_t stamp) { return (uint32_t)(stamp >> 8) & 0xffff; }
static inline unsigned stamp_phase(uint64_t stamp) { return (unsigned)(stamp & 0xff); }
static_assert(PROCESS_SLOTS <= 1 << 16, "a stamp holds a slot in 16 bits");

/* What comes after the phases of a process: of the record of a task's failure. */
enum failure_phase {
  PHASE_FAILURE = PHASE_ENDED + 1, /* it can be looked at */
  PHASE_FAILING                    /* it is being written */
};
static const uint64_t FAILURE_SERIALS = UINT64_C(1) << 39; /* of 40 bits: above all processes */

/* Is there a process, or will there be one? */
static inline bool phase_lives(unsigned phase) { return phase > PHASE_FREE && phase < PHASE_ENDED; }

/* Does the record tell how something ended? */
static inline bool phase_told(unsigned phase) {
  return phase >= PHASE_EXITED && phase <= PHASE_FAILURE;
}

/* What a process waits for in a select: the first of its ops. */
struct select_entry {
  uint32_t kind; /* enum op_kind */
  uint32_t slot; /* of the object */
  uint64_t serial;
};

/* Set once, cleared never; the comment says by which process. */
enum process_flag {
  FLAG_DAEMON = 1,        /* spawner, before the fork */
  FLAG_QUIET = 2,         /* spawner, before the fork: no report when it fails */
  FLAG_RESULT = 4,        /* the process, before EXITED: `result_*` are valid */
  FLAG_EXPECTED = 8,      /* the process that ends it on purpose, before the signal */
  FLAG_JOINED = 16,       /* a joiner that was given the outcome */
  FLAG_RELEASED = 32,     /* spawner: it holds no handle any more */
  FLAG_RECLAIMED = 64,    /* the process that gave the result's pages back */
  FLAG_CAUGHT = 128,      /* supervisor: it lived when the run was ended from outside */
  FLAG_INTERRUPTED = 256, /* the process: `where` is where an interrupt hit it */
  FLAG_LOOKED = 512,      /* a process that looked at its failure: it need not be reported */
  FLAG_REPORTED = 1024,   /* the supervisor, when it reported its failure */
  FLAG_HELD = 2048,       /* the supervisor, while it reports it; cleared again */
  FLAG_RUN_ENDS = 4096,   /* the process, in a handler: it had an interrupt for the whole run */
  FLAG_LEFT = 16384,      /* the process that ends it, before the signal: since its parent is at its
                             end, or the run */
  FLAG_WORKER = 32768,    /* spawner, before the fork: of a pool */
  FLAG_KNOWN = 8192       /* other processes than its spawner may have its handle, or are below it:
                             itself when it spawns, a process that finds it below another one, the
                             spawner with RELEASED if it has forked or sent such handles meanwhile */
};

/*
 * The record of a process that has ended is used again when nobody can ask for it any more. Its
 * spawner says when it has dropped the handle; whether others have, is not tracked. So a record
 * that is KNOWN is kept for a while longer: until REMEMBERED processes have ended after it, or
 * until there is need of its room.
 */
enum { REMEMBERED = 512 };

/* On cache lines of its own: a process counts its items in it, next to its neighbours. */
struct process_record {
  /* Written by the spawner, between CLAIMED and the fork; read by all after RUNNING. */
  /* Of the process these fields tell of; the stamp is ahead while they are written. Stored last
   * (release): a reader that finds it equal to the stamp's (acquire) finds the fields that follow
   * filled. */
  alignas(64) _Atomic uint64_t serial;
  uint32_t spawner;        /* slot */
  uint32_t depth;          /* spawns between main and it */
  uint64_t spawner_serial; /* with `spawner`: is it still there? */
  uint64_t objects_before; /* serials of objects below this one were claimed before it was there */
  uint64_t seed;           /* of its random numbers; of a task's failure: the order of reports */
  char name[NAME_MAX_BYTES];
  char spawned_at[WHERE_MAX];

  _Atomic int32_t pid;    /* spawner and the process itself write the same value; 0 before */
  _Atomic uint32_t flags; /* enum process_flag, by fetch_or */

  /* The process before EXITED, its reaper before ENDED (release, by the stamp); readers after
   * (acquire). */
  int32_t exit_code;
  int32_t signal;
  int64_t failed_ns;      /* CLOCK_MONOTONIC, of a failure's death; 0: it did not fail */
  uint64_t result_offset; /* in the results file (os/shared/store.h) */
  uint64_t result_len;    /* 0: there is none, and FLAG_RESULT is not set */
  uint32_t result_refs;   /* handles in it, which stand before it */
  uint32_t report_len;    /* the text that reports its failure; 0: there is none */
  uint64_t report_offset; /* the same: an extent of its own */

  _Atomic uint32_t
      question; /* enum question: askers set bits, the process clears them (os/shared/ask.h) */

  /* The process, when it goes to sleep. Readers look twice: the fields belong together if op_kind
   * and then op_since_ns, which no two ops share, are what they were before (os/supervisor/snapshot.c). */
  _Atomic uint32_t op_kind;    /* enum op_kind, 0: it runs; written last */
  _Atomic uint32_t op_slot;    /* of the object it waits for */
  uint32_t select_count;       /* of op_kind SELECT: how many ops; more than are shown, perhaps */
  _Atomic uint64_t op_serial;  /* the same */
  _Atomic int64_t op_since_ns; /* CLOCK_MONOTONIC; 0: an interrupt ended the sleep */
  _Atomic int64_t op_deadline_ns; /* CLOCK_MONOTONIC, SBX_FOREVER */
  char where[WHERE_MAX];          /* file:line of the op, or of an interrupt */

  /* The process alone, by plain stores; read by all. */
  _Atomic uint64_t items_out; /* put into queues */
  _Atomic uint64_t items_in;  /* got from queues */

  union {
    struct select_entry select[SELECT_SHOWN]; /* of op_kind SELECT */
    char sought[NAME_MAX_BYTES];              /* of PROCESS_FIND: the name */
  };

  _Atomic uint32_t op_number; /* as the others of op: QUEUE_GET: it is a step of items();
                             QUEUE_MEET: its ticket */
  _Atomic uint32_t
      muted; /* written for a person who wants silence; read before each line that it prints */

  /* The process, while it waits in line (os/shared/line.h); 0: it does not. */
  _Atomic uint64_t line_ticket;
  union {
    _Atomic int64_t line_since_ns; /* CLOCK_MONOTONIC */
    uint64_t ended_at; /* its reaper, before ENDED: control.ended at that time. It waits no more */
  };

  /* On a cache line of its own. Slot + 1 of the array that it may be changing, 0: of none. The process
   * alone; read by all (os/sync/array.c). */
  alignas(64) _Atomic uint32_t touching;
  /* The supervisor, when it is asked (os/shared/state.h): the state of the process, as proc_state tells
   * it, and above its 8 bits a number that grows each time. */
  _Atomic uint32_t seen;
  /* It stands for a process on another host: signals that others have sent it, 1 << number, and that it is
   * to send on. Everybody sets bits, the process clears them. */
  _Atomic uint32_t wanted;
  char host
      [NAME_MAX_BYTES]; /* that host; "": it is a process itself. The spawner, before the fork */
};
static_assert(sizeof(struct process_record) == 576, "layout is shared between processes");

/* What the record says of its process, as a machine (object/process.h). */
static inline struct process_state control_process_state(const struct process_record *p,
                                                         unsigned phase) {
  return (struct process_state){
      .phase = (enum process_phase)phase, .exit_code = p->exit_code, .signal = p->signal};
}

/* Count one item more in a counter of the calling process's own record. */
static inline void count_item(_Atomic uint64_t *counter) {
  uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, n + 1, memory_order_relaxed);
}

/* Tests put an area of the control block out of reach (tests/observer): it begins with a page. */
#ifdef SBX_FAULTS
#define CONTROL_AREA alignas(4096)
#else
#define CONTROL_AREA
#endif

enum object_phase { OBJECT_FREE, OBJECT_CLAIMED, OBJECT_LIVE };

/* A queue's words in its two sides: `shown`, `own`, and what was seen of the other side. */
enum queue_put_shown { PUT_ITEMS, PUT_TAIL, PUT_BASE };
enum queue_put_own { PUT_RESERVED, PUT_FREED, PUT_TURN, PUT_JUMP, PUT_WARM };
enum queue_put_seen { SEEN_HEAD, SEEN_ROOM };
enum queue_get_shown { GET_ITEMS, GET_HEAD, GET_DONE };
enum queue_get_own { GET_HANDS, GET_NEXT }; /* these, and DONE, of queues with redeliver */
enum queue_get_seen { SEEN_TAIL, SEEN_BASE, SEEN_WRITES };

/*
 * A queue's shared record: two sides, each on cache lines of its own. The algorithm is told in
 * os/queue/queue.h.
 */
struct queue_record {
  /* Maker, before LIVE. */
  uint32_t transport;    /* enum queue_transport */
  uint32_t owner;        /* of a mailbox: slot of its process, with its serial */
  uint64_t owner_serial; /* 0: it is no mailbox */
  uint64_t max;          /* items; 0: unbounded */
  uint64_t pipe_inode; /* by which others find the pipe among a holder's descriptors; 0: no pipe */
  uint64_t log_bytes;  /* size of the ring, a power of two */
  uint64_t log_limit;  /* most bytes in use */
  char name[NAME_MAX_BYTES];
  _Atomic uint32_t closed;   /* holder of both sides; never cleared */
  _Atomic uint32_t exported; /* the first exporter; its descriptors are with the supervisor */
  uint32_t redeliver;        /* maker, before LIVE: 0 or 1 */

  struct side put; /* .pipe is odd while a write may be going on, and grows by 2 with each */
  struct side get; /* .pipe: so far the writes are accounted for; equal: the pipe is empty */

  /* Items that carry handles have numbers, from 1: os/shared/names.h. */
  uint32_t reader; /* of a pipe's queue: the end that receives; maker, with its serial (0: none) */
  _Atomic uint64_t reader_serial;
  _Atomic uint64_t carry_begun; /* holder of put, before the item is put */
  _Atomic uint64_t carry_done;  /* the same, after */
  _Atomic uint64_t carry_gone;  /* holder of get: those up to it are gone */

  _Atomic uint64_t got_by_pipe; /* holder of get, after each read: GET_ITEMS are those of the log */
  _Atomic uint64_t done;        /* everybody, by compare-and-swap: see os/queue/queue_tasks.c */
};

/* What objects of all types have. */
struct object_record {
  _Atomic uint32_t type;  /* enum object_type; maker, before LIVE */
  _Atomic uint32_t named; /* not 0: something stored names it, or did; another number each time;
                             written before it is stored */
  _Atomic uint64_t moved; /* the sweep of the day when it last changed hands: os/shared/names.h */
};

enum { NAME_CELLS = 16384, NAME_WINDOW = 64 };

/* Something stored names an object: os/shared/names.h. */
struct name_cell {
  _Atomic uint64_t holder; /* what is stored there; 0: the cell is free. By compare-and-swap */
  _Atomic uint64_t object; /* 0: the cell is being filled */
  _Atomic uint64_t count;  /* with a generation above it */
};

enum { LINE_PLACES = 1024 };

/* The processes that wait for an object: os/shared/line.h. Written by the holder of the object's lock. */
struct line {
  _Atomic uint32_t end; /* places beyond it are not in use, whatever they say */
  _Atomic uint64_t
      told; /* ticket of a process that was woken alone, and did not look yet; 0: none */
  _Atomic uint64_t places[LINE_PLACES];
};

/* What was done to an object: os/shared/past.h. Written by the holder of the object's lock. */
struct past {
  _Atomic uint32_t count; /* events so far; the newest is the one before */
  struct past_event events[PAST_EVENTS];
};

/* The words of a synchronisation object: those of its machine (object/sync.h), and behind them what
 * os/sync needs to find the contents that do not stand in these. */
enum { STORAGE_WORDS = 16, RECORD_WORDS = SYNC_WORDS + STORAGE_WORDS };

/* A synchronisation object: os/sync/sync.h. */
struct sync_record {
  /* Maker, before LIVE. */
  uint32_t type; /* enum object_type */
  uint32_t lock; /* CONDITION: slot of its lock */
  uint64_t lock_serial;
  char name[NAME_MAX_BYTES];
  _Atomic uint32_t exported; /* the first exporter: others may hold it */
  _Atomic uint32_t naming;   /* holder of the monitor: handles that it stores are being counted */
  struct past past;

  alignas(64) _Atomic uint64_t quick; /* of a lock: os/sync/quick.h; else 0 */
  struct monitor monitor;
  uint64_t state[2][RECORD_WORDS]; /* the monitor's two copies */
  struct line line;
  struct line second; /* of ops that wait for something else (object/sync.h) */
};

/* Where stdout, or stderr, goes: os/process/output.c. */
struct outlet {
  _Atomic uint64_t writer; /* who_of; 0: none. By compare-and-swap */
  _Atomic uint32_t
      contended; /* there may be waiters: a futex. They set it, and the writer that lets go clears it */
  _Atomic uint32_t torn;  /* the writer is inside a line; it alone, and the next one */
  _Atomic uint64_t open;  /* who_of: it showed the beginning of a line; 0: none did. The writer */
  _Atomic uint32_t below; /* the supervisor shows something below the cursor: the writer, whoever it
                             is, clears it and erases that */
};

enum { LENT_MAX = 16, SPARED_MAX = 16 };

struct control {
  /* Written before the first fork, by the maker. */
  uint32_t magic, version;
  uint32_t max_procs;
  uint32_t tag_output;
  uint64_t log_limit; /* bytes; the cap of a queue's log and of all results */
  uint8_t key[16];
  struct run_clock clock;
  int64_t main_pid;

  _Atomic uint64_t next_serial;       /* everybody, fetch_add */
  _Atomic uint64_t next_failure;      /* the same, of records of failures */
  _Atomic uint64_t ended;             /* processes that have; their reapers */
  _Atomic uint64_t process_end;       /* one past the highest process slot ever used; everybody */
  _Atomic uint64_t next_process_slot; /* a hint where to look; everybody */
  _Atomic uint64_t next_object_slot;
  _Atomic uint64_t next_object_serial;
  _Atomic uint64_t next_ticket; /* everybody, fetch_add; of the lines of all objects */
  _Atomic int64_t alive; /* a hint: +1 at claim, -1 at ENDED; a kill between may leave it off */
  _Atomic uint64_t result_end;       /* allocator of the results file: fetch_add */
  _Atomic int64_t result_bytes;      /* stored now; approximate after kills */
  _Atomic uint32_t failures_dropped; /* failures nobody joined, in records used again */
  _Atomic uint32_t failures_noted; /* grows with each failure: there is one to be reported, maybe */
  _Atomic uint32_t told;   /* bits of enum broker_kind: broker_tell sets, the supervisor clears */
  _Atomic uint32_t ending; /* supervisor: the tree is being ended, no new processes */
  _Atomic uint32_t forgotten;         /* a process at its end, each thing that it was told to have
                                      in its hands still */
  _Atomic int32_t supervisor_pid;     /* supervisor; 0: none yet */
  _Atomic int32_t spared[SPARED_MAX]; /* pids: themselves, os/outside.h; 0: free */
  struct outlet outlets[2];           /* of stdout and stderr; if both go to one place, the first */
  _Atomic uint64_t
      lent[LENT_MAX];          /* who_of processes that wait for programs which have the terminal;
                                      themselves. 0: free, as is that of one that is gone */
  _Atomic int32_t main_status; /* main, before it waits for its children: the exit status that an
                                  error or os.exit has decided; -1: none has */
  _Atomic uint64_t shown[OBJECT_WORDS]; /* progress that the supervisor holds (os/sync/progress.h):
                                           makers set a bit, the supervisor clears it */
  _Atomic uint32_t shown_times;         /* grows when it has cleared some: a futex */
  struct meter memory;                  /* base/meter.h */
  uint64_t output_limit;                /* bytes on stdout and stderr; 0: any number. The maker */
  _Atomic uint64_t output;              /* so many were written, if there is a limit; the writers */
  uint64_t files_limit;                 /* bytes written into files; 0: any number. The maker */
  _Atomic uint64_t files;               /* so many were written, if there is a limit; the writers */
  uint32_t shows_controls; /* strict: on a terminal, in place of sending them there. The maker */
  _Atomic uint64_t follow; /* serial of the one process whose lines are shown, 0: all; as `muted` */

  /* The processes that wait for the birth of another (os/shared/seek.h), a bit each: itself sets and
   * clears it, by fetch_or and fetch_and. One that is gone may have left its bit. */
  _Atomic uint64_t seekers[PROCESS_SLOTS / 64];

  /* The owner of a record: see "stamp" above. Dense, since they are scanned. */
  CONTROL_AREA _Atomic uint64_t process_stamp[PROCESS_SLOTS];

  /*
   * The limit of processes: max_procs - 1 seats, and a spawner takes one for the child, by
   * compare-and-swap. serial << 24 | slot << 8 of the process that sits there. A seat is free again
   * when that process has ended: it is never given back, so no kill can keep it.
   */
  _Atomic uint64_t seats[PROCESS_SLOTS];

  CONTROL_AREA _Atomic uint64_t object_stamp[OBJECT_SLOTS]; /* as process_stamp */
  _Atomic uint64_t forks;                                   /* spawners, before the fork */
  _Atomic uint64_t sweeps;     /* begun so far; the process that begins one */
  _Atomic uint32_t names_used; /* 1: there may be cells in use */
  struct process_record processes[PROCESS_SLOTS];
  struct name_cell names[NAME_CELLS];
  struct object_record objects[OBJECT_SLOTS];
  CONTROL_AREA alignas(128) struct queue_record queues[OBJECT_SLOTS];
  CONTROL_AREA struct sync_record syncs[OBJECT_SLOTS]; /* a slot is a queue or one of these */

  _Atomic int64_t
      charged[PROCESS_SLOTS]; /* bytes of `memory` that a process took; it, and its reaper */

  /* The mailbox of the process in a slot (os/mail.h): slot of the queue and serial of the
   * process, as who_of. One that names another process is of an earlier one: there is none. By
   * compare-and-swap, everybody. */
  _Atomic uint64_t mail[PROCESS_SLOTS];

  /* Which objects a process holds: written by it alone (for a child before the fork by its
   * spawner). */
  CONTROL_AREA _Atomic uint64_t held[PROCESS_SLOTS][OBJECT_WORDS];
};

struct control_options {
  double speed;
  uint64_t seed; /* if `seeded`; else drawn at random */
  bool seeded;
  uint32_t max_procs;
  bool tag_output;
  const struct policy *policy; /* its limits; NULL: there are none */
  const uint8_t *key;          /* 16 bytes; NULL: drawn at random */
};

/*
 * Map and fill a control block, with the record of main (slot 0, serial 1, CLAIMED).
 * Returns 0, -SBX_ENOMEM or -SBX_ESYSTEM (no random numbers).
 */
int control_create(const struct control_options *o, struct control **ret);

/* One past the highest process slot ever used. */
uint32_t control_process_end(const struct control *c);

/* The stamp of a process record if it still belongs to `serial`, else 0. */
uint64_t control_process_stamp(const struct control *c, uint32_t slot, uint64_t serial);

/* Is the process of this record alive (claimed, running or leaving)? */
bool control_process_alive(const struct control *c, uint32_t slot);

/* The serial of the living process in `slot`, if one that was in `above` is above it: it spawned
 * it, or what spawned it, and so on. Else 0. */
uint64_t control_process_descends(const struct control *c, uint32_t slot, uint32_t above,
                                  uint64_t above_serial);

/* The pid of the process that the stamp in this slot belongs to; 0: it has none yet, and what the
 * record tells is of the process before. */
pid_t control_process_pid(const struct control *c, uint32_t slot, uint64_t stamp);

/* Where the memory of the process in this slot is counted. */
struct meter_place control_memory(struct control *c, uint32_t slot);

/* Alive, and not merely claimed by a process that died before there was another. */
bool control_process_exists(const struct control *c, uint32_t slot);

/* Did the spawner of this process die before it knew that the fork was done? Then there will be no
 * such process: should a child be there nevertheless, it ends at its first step. */
bool control_process_unborn(struct control *c, uint32_t slot, uint64_t serial);

/*
 * Claim a process record and a seat for a spawn: never are more than max_procs alive, however many
 * spawn at once. What the record knew of an earlier process is still in it, until
 * control_process_reset. Returns 0, or -SBX_ELIMIT, -SBX_ERECORDS, -SBX_EGONE (the tree is being
 * ended).
 */
int control_process_claim(struct control *c, uint32_t claimer, uint32_t *ret_slot,
                          uint64_t *ret_serial);

/* Clear a record just claimed, and write down its claimer. */
void control_process_reset(struct control *c, uint32_t slot, uint64_t serial, uint32_t spawner,
                           uint64_t spawner_serial);

/* Main has ended and another is about to be forked: its record begins anew. The supervisor's.
 * Returns the new serial. */
uint64_t control_main_renew(struct control *c);

/* It has ended, and its spawner holds no handle of it, or is gone itself: if there is need of room,
 * this may be given up. */
bool control_process_forgotten(const struct control *c, uint32_t slot);

/* Move a record to a later phase; only one caller wins. Returns whether this one did. */
bool control_process_advance(struct control *c, uint32_t slot, uint64_t serial,
                             enum process_phase to);

/* Fill a record from what waitid(2) told, and make it ENDED. Async-signal-safe. Returns whether the
 * process failed: then the supervisor is to be woken. */
bool control_process_ended(struct control *c, uint32_t slot, uint64_t serial,
                           const siginfo_t *info);

/* A process failed (by its record), and was not joined, nor ended on purpose. */
bool control_process_failed(const struct control *c, uint32_t slot);

/* Its failure is still to be reported, unless somebody looks at it. */
bool control_failure_pending(const struct control *c, uint32_t slot);

/*
 * Claim a record for a task's failure, which the process `claimer` (slot) with the serial
 * `claimer_serial` is going to write. What it knew of an earlier process is still in it. 0 or
 * -SBX_ERECORDS.
 */
int control_failure_claim(struct control *c, uint32_t claimer, uint64_t claimer_serial,
                          uint32_t *ret_slot);
/* It is written: from now on it is known by the serial that is returned. */
uint64_t control_failure_publish(struct control *c, uint32_t slot, uint32_t claimer,
                                 uint64_t claimer_serial);

/* How many processes failed and were never joined, in the whole run. */
uint32_t control_unjoined_failures(const struct control *c);

/* Claim an object record. 0 or -SBX_EOBJECTS. */
int control_object_claim(struct control *c, uint32_t claimer, uint32_t *ret_slot,
                         uint64_t *ret_serial);
/* A claimed record is filled: from now on it is an object of this type. */
void control_object_live(struct control *c, uint32_t slot, uint64_t serial, enum object_type type);
/* No process holds the object any more: claim its record, to clean it up; `serial` is then another one,
 * for control_object_free. False: another process has claimed it. */
bool control_object_reclaim(struct control *c, uint32_t claimer, uint32_t slot, uint64_t *serial);
/* Give the record back if it still belongs to this object. */
void control_object_free(struct control *c, uint32_t slot, uint64_t serial);
void control_object_hold(struct control *c, uint32_t process, uint32_t object);
void control_object_drop(struct control *c, uint32_t process, uint32_t object);

/* Does a living process hold the object? */
bool control_object_held(const struct control *c, uint32_t object);
/* Does no living process, nor the supervisor, hold the object, and was it never stored? Of what was, a sweep knows
 * (os/shared/names.h). */
bool control_object_unused(const struct control *c, uint32_t object);
/* The same but for a process: can nobody else ever use it? */
bool control_object_alone(const struct control *c, uint32_t process, uint32_t object);

#endif
