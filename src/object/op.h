/*
 * object/op.h - the narrow waist: what a script can do to the world, and the backend that does it.
 *
 * A binding fills a `struct op` and calls perform(); a backend (real processes; later a simulator,
 * a cluster) carries it out. Nothing else blocks. Tracing and limits hook in at perform(), once.
 */
#ifndef SBX_OBJECT_OP_H
#define SBX_OBJECT_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/meter.h"

enum object_type {
  OBJECT_NONE,
  OBJECT_PROCESS,
  OBJECT_QUEUE,
  OBJECT_CLOCK,
  OBJECT_LOCK, /* from here on the synchronisation objects: object/sync.h */
  OBJECT_SEMAPHORE,
  OBJECT_EVENT,
  OBJECT_CONDITION,
  OBJECT_BARRIER,
  OBJECT_VALUE,
  OBJECT_DICT,
  OBJECT_PROGRESS,
  OBJECT_LATCH,
  OBJECT_RWLOCK,
  OBJECT_ARRAY,
  OBJECT_PIPE, /* an end of one */
  OBJECT_TYPES
};

/* "lock"; "object" for OBJECT_NONE and what is no type. */
const char *object_type_word(enum object_type type);

enum op_kind {
  OP_NONE,
#define OP(kind, type, blocks, verb, past, reads, writes) OP_##kind,
#include "object/ops.def"
  OP_COUNT
};

/* What an op may read or write. */
enum op_reach {
  ON_NOTHING = 0,
  ON_OBJECT = 1,  /* the state of its object: of a condition its lock, too; of SELECT the objects of
                       its ops; of AWAIT and END all that the process has in its hands */
  ON_LINE = 2,    /* the wait queue of its object */
  ON_HOLDERS = 4, /* which processes hold its object, or those that its message names; which
                       messages name them; which records are free */
  ON_PROCESSES = 8, /* who lives, who spawned whom, how each ended and what it left */
  ON_CLOCK = 16
};

struct op_description {
  enum object_type type;
  bool blocks;
  unsigned char reads, writes; /* of enum op_reach */
  const char *verb;            /* static */
  const char *past;            /* static; NULL: not remembered by its object */
};

extern const struct op_description op_descriptions[OP_COUNT];

/* The row of ops.def for a kind. */
static inline const struct op_description *op_describe(enum op_kind kind) {
  return &op_descriptions[kind < OP_COUNT ? kind : OP_NONE];
}

enum { WHERE_MAX = 96, SOURCE_MAX = 60, NAME_MAX_BYTES = 48 };

/* Of the ops of a SELECT so many are shown in reports. */
enum { SELECT_SHOWN = 6 };

/* Writes "file:line" of the caller into `where` (WHERE_MAX bytes). Called only if the op must wait.
 */
typedef void locate_fn(void *ctx, char where[WHERE_MAX]);

/* What a spawn asks for. All strings are borrowed for the call. */
struct spawn_request {
  const char *name;  /* not NULL */
  const char *where; /* "file:line" of the spawn */
  int cpu;           /* pin the child to this processor, -1: do not */
  bool daemon;       /* ended with its parent instead of waited for */
  bool quiet;        /* no report when it fails */
  bool stdin_too;    /* stdin is the child's from now on */
  bool worker;       /* of a pool */
  const char *host;  /* it stands for a process on that host; NULL: it is one itself */
};

/* The place of a pool's worker that has no task: nobody's line. */
#define WHERE_IDLE "(idle)"

struct object; /* a process, a queue or a synchronisation object as this process holds it; belongs
                  to the backend */

struct number {
  enum { NUMBER_NONE, NUMBER_INTEGER, NUMBER_FLOAT } kind;
  int64_t i;
  double f;
};

/* How a handle is named inside a message; equal in every process. */
struct object_ref {
  uint32_t type; /* enum object_type */
  uint32_t slot;
  uint64_t serial; /* never reused in a run */
};

/* Handles in a message that an op sends, or takes. */
struct op_refs {
  const struct object_ref *sent; /* borrowed; the caller holds their objects */
  uint32_t count;
  struct buf *taken; /* struct object_ref of those in what is taken or looked at are appended: the
                        calling process holds them until HANDLE_LAND */
};

/*
 * What the ops of values, dicts and arrays have besides. A value is a number, or else a message (op->data)
 * and the handles in it.
 */
struct value_args {
  struct number number;          /* SET, REPLACE, CAS: in; ADD: in and out; GET, UPDATE: out, then
                                    op->out is as it was */
  const struct object_ref *refs; /* handles in op->data, as in op_refs */
  uint32_t ref_count;
  struct buf *out_refs;   /* as op_refs.taken */
  struct number expected; /* CAS, AWAIT: or else a message; of a dict neither: no such key */
  const void *expected_data;
  size_t expected_len;
  bool same;       /* CAS: it was as expected, and is changed; out. AWAIT: it is as expected; the
                      world's */
  const void *key; /* DICT_*: bytes */
  uint32_t key_len;
  uint64_t hash; /* of the key */
  bool none;     /* DICT_SET, CAS, REPLACE: remove the key, in; GET, UPDATE: no such key, out */
};

/* Where an op is asked for. */
struct op_place {
  const char *source; /* SOURCE_MAX bytes, as Lua's short_src; borrowed */
  int line;
};

/* What a process leaves behind. All borrowed. */
struct end_request {
  const struct buf *result;   /* encoded result or failure; NULL: none */
  const struct op_refs *refs; /* the handles in it; NULL: none */
  const struct buf *report;   /* reports a failure that nobody looks at; NULL: "left with ..." */
  int exit_code;
};

struct failure_request {
  const struct buf *report;  /* as of end_request; borrowed */
  uint64_t order;            /* of its report among others */
  struct object_ref failure; /* names the failure; out */
};

/* Something that a script wants to find in the trace of its run. */
struct mark_request {
  char name[NAME_MAX_BYTES]; /* one line of text */
  struct number value;       /* finite, or NUMBER_NONE */
};

struct pipe_request {
  const char *name;  /* NULL: none; borrowed */
  locate_fn *locate; /* where it is made, for traces; may be NULL */
  void *locate_ctx;
  struct object *ends[2]; /* out; owned by the caller */
};

/* Is called with each process found, the oldest first, and owns it. Not 0: it was the last. */
struct visitor {
  int (*visit)(void *ctx, struct object *process);
  void *ctx;
};

/* Handles to be made reachable, or held. */
struct handles_request {
  const struct object_ref *refs; /* borrowed */
  uint32_t count;
  const struct op *by; /* EXPORT, FETCH: the op that sends or has taken them; its deadline counts */
};

/* In which order a SELECT tries its ops. Of one that waits only for processes to end, ORDERED says that
 * it does not matter which of them ended first, so it is no step of a schedule (object/quiet.h). */
enum select_order {
  SELECT_FAIR,    /* it was drawn */
  SELECT_ORDERED, /* as the script has them */
  SELECT_LATE     /* the same, but it matters how many are ready when it looks */
};

struct op {
  /* Not `kind` first: compilers set it, and then clear what follows, 16 bytes at a time. A field that lies across two such stores
   * cannot be read before both are done. */
  struct object *object; /* borrowed. SPAWN, NEW, PARENT, IMPORT, FIND and MAIL return a new one
                            here, which the caller owns; RELEASE takes it */
  enum op_kind kind;
  bool may_lend;       /* GET: see `ticket` */
  bool abandoned;      /* ACQUIRE: it was taken over from a process that is gone, out */
  int64_t deadline_ns; /* CLOCK_MONOTONIC, SBX_FOREVER; for ops that can block */

  /* Messages. */
  const void *data; /* PUT: the item; FIND: the name; borrowed */
  size_t len;       /* bytes of data */
  const void *more; /* PUT: the rest of the item, borrowed */
  size_t more_len;  /* bytes of more */
  struct buf *out;  /* GET, PEEK: the item is appended; JOIN: the result. Untouched on failure */
  uint64_t ticket;  /* GET that may_lend: -SBX_ELENT for a large item: data, len show it where it
                       lies, and it stays in the queue. Should another process take it, the bytes
                       may change. Out of GET, into TAKE, which takes it */
  uint64_t item;    /* PUT, GET, TAKE, SEND, RECV: the item's number in its queue, from 1; out. It
                     grows from item to item, and the get has the number of the put */
  struct op_refs *refs; /* handles in the messages of PUT, GET, PEEK, SEND, RECV, JOIN; borrowed.
                           NULL: none are sent, and those taken are lost */
  struct value_args *value; /* VALUE_*, DICT_*, ARRAY_*: borrowed */

  /* Numbers. `number`, in unless it says out:
   *   QUEUE_PUT, QUEUE_MEET   1: it is a brief one (object/queue.h)
   *   QUEUE_GET               1: a step of items(); 2: of receive(); QUEUE_GET_MORE
   *   QUEUE_TASK_DONE         QUEUE_DONE_ALL
   *   VALUE_AWAIT, DICT_AWAIT 1: the process has looked already; else it does not wait
   *   QUEUE_PEEK              how many items; 0: one, bare
   *   ARRAY_COPY              how many elements
   *   LOCK_ACQUIRE, RWLOCK_*  1: a `<close>` will release it
   *   PROCESS_SPAWN           out: 0 in the child, 1 in the parent
   *   PROCESS_AWAIT           1: the code has ended well
   *   PROCESS_JOIN            1: only the end is waited for, and the outcome left to those who join
   *   PROCESS_SIGNAL          the signal's number
   *   PROCESS_LOOK            1: only what never changes of it is meant; 2: only whether it lives
   *   SELECT                  out: which of `subs` was done, -1 if none
   * and `count`, likewise:
   *   QUEUE_PUT               out: 1 if a QUEUE_MEET must follow, with `item` as its ticket
   *   ARRAY_*                 which element, or the first, from 1
   *   RELEASE, NOTIFY         how many
   *   BARRIER_WAIT, PASS      out: its index; 0: it is to run the action
   *   LATCH_DOWN              by how much; out: what is left
   *   PROGRESS_ADD, SET       an int64_t
   *   SELECT                  enum select_order */
  int number;
  uint32_t sub_count; /* SELECT: of subs */
  uint64_t count;

  /* SELECT: ops that can block, the first to be tried first; borrowed. Their deadlines do not
   * count, but for CLOCK_SLEEP. */
  struct op *subs;

  /* What some ops have besides, by kind; borrowed. object/calls.h fills them. */
  union {
    const struct spawn_request *spawn;     /* PROCESS_SPAWN */
    const struct end_request *end;         /* PROCESS_END */
    struct failure_request *failure;       /* FAILURE_NEW */
    const struct visitor *visitor;         /* PROCESS_CHILDREN, PROCESS_DESCENDANTS */
    const struct handles_request *handles; /* HANDLE_EXPORT, HANDLE_FETCH */
    const struct object_ref *ref;          /* HANDLE_IMPORT, HANDLE_LAND, FAILURE_* */
    const struct queue_options *new_queue; /* QUEUE_NEW */
    const struct sync_options *new_sync;   /* NEW of the others */
    struct pipe_request *new_pipe;         /* PIPE_NEW */
    struct process_info *process_info;     /* PROCESS_LOOK: out */
    struct queue_info *queue_info;         /* QUEUE_LOOK, PIPE_LOOK: out */
    struct sync_info *sync_info;           /* LOOK of the others: out */
    int64_t now_ns;                        /* CLOCK_NOW, CLOCK_WALL: out */
    const struct mark_request *mark;       /* MARK */
  };

  /* For reports. */
  const struct op_place *place; /* for ops that their object remembers; NULL: not known. Borrowed */
  locate_fn *locate;            /* may be NULL */
  void *locate_ctx;
  int64_t since_ns; /* the backend's: when it first went to sleep; 0: it did not */
  /* Its deadline is from before the last wait of the process. Of a timer in a SELECT the binding says so; of the rest the
   * simulator, which alone asks. */
  bool late;
};

/* How a process stands, for everybody who holds its handle. */
enum process_status {
  PROCESS_RUNNING,
  PROCESS_STOPPED,
  PROCESS_DONE,   /* returned, or left with status 0 */
  PROCESS_FAILED, /* raised an error, or left with another status */
  PROCESS_KILLED  /* ended by a signal */
};

struct process_info {
  enum process_status status;
  int64_t pid;
  uint32_t id;   /* serial number in the run, main is 1 */
  int exit_code; /* -1 while it lives, and when a signal ended it */
  int signal;    /* 0 unless a signal ended it */
  bool daemon;
  bool expected;   /* it was interrupted, terminated or killed on purpose */
  bool has_result; /* it published an encoded result or failure before it left */
  bool lost;       /* with its host: how it ended is not known */
  char name[NAME_MAX_BYTES];
  char spawned_at[WHERE_MAX];
  char host[NAME_MAX_BYTES]; /* where the process is that it stands for; "": here */
};

/* As the capacity of a queue: it has no room, see object/queue.h. */
#define QUEUE_NO_ROOM UINT64_MAX

/* op.number, for queues with redeliver (object/queue.h), and nothing to others. Of a GET: another item of a batch. Of a
 * TASK_DONE: all that the process has in hand. */
enum { QUEUE_GET_MORE = 3, QUEUE_DONE_ALL = 1 };

struct queue_options {
  const char *name;         /* NULL: none */
  uint64_t max;             /* items; 0: unbounded; QUEUE_NO_ROOM */
  int transport;            /* enum queue_transport */
  uint64_t log_limit_bytes; /* 0: a quarter of memory */
  bool redeliver;           /* an item comes back if its taker dies (object/queue.h) */
  bool here;                /* in a run over several hosts: on this one alone, in shared memory */
  locate_fn *locate;        /* where it is made, for traces; may be NULL */
  void *locate_ctx;
  uint32_t owner;        /* slot of the process whose mailbox it is, with its serial (0: it is */
  uint64_t owner_serial; /* none); the backend's to fill */
};

enum queue_transport { TRANSPORT_AUTO, TRANSPORT_PIPE, TRANSPORT_SHM };

struct queue_info {
  uint64_t id;
  uint64_t len; /* items, exact */
  uint64_t max; /* 0: unbounded; QUEUE_NO_ROOM, then `len` is 0 */
  enum queue_transport transport;
  bool closed, redeliver;
  uint64_t in_hand; /* with redeliver: items taken and not given up yet */
  char name[NAME_MAX_BYTES];
};

/* What a new synchronisation object is to be. */
struct sync_options {
  enum object_type type;
  const char *name; /* NULL: none */
  bool recursive;   /* LOCK: its holder may acquire it again */
  uint64_t count;   /* SEMAPHORE: units at first; BARRIER: parties; LATCH: at first;
                          ARRAY: elements, 1 to ARRAY_MOST */
  uint64_t max;     /* SEMAPHORE: most units; 0: no limit. PROGRESS: total (object/progress.h) */
  bool action;      /* BARRIER: the last to arrive runs one */
  bool floats;      /* ARRAY: its numbers are floats; else they are integers */
  const void *elements; /* ARRAY: `count` of 8 bytes (number_bits); NULL: all are 0. Borrowed */
  struct object *lock;  /* CONDITION: borrowed; NULL: it gets one of its own */
  uint64_t maker;       /* the process that makes it, as in object/sync.h; the backend's to fill */
  locate_fn *locate;    /* where it is made, for traces; may be NULL */
  void *locate_ctx;
};

struct sync_info {
  uint64_t id;
  char name[NAME_MAX_BYTES];
  bool recursive;                   /* LOCK */
  bool set;                         /* LOCK: it is abandoned; EVENT: set; BARRIER: broken;
                                       PROGRESS: closed; ARRAY: of floats */
  uint64_t holder;                  /* LOCK: id of the process that holds it; 0: none */
  char holder_name[NAME_MAX_BYTES]; /* the same */
  uint64_t depth;                   /* LOCK: how many times */
  uint64_t count;                   /* SEMAPHORE: units left; BARRIER: parties that wait;
                                       LATCH: left; ARRAY: elements */
  uint64_t max;                     /* SEMAPHORE: most units, 0: no limit; BARRIER: parties;
                                       PROGRESS: total */
  uint64_t waiting;                 /* processes that wait */
  struct number
      number; /* VALUE: what it is, if that is a number; else `count` is the bytes it takes */
};

/* Whom an interrupt was for. */
enum interrupt {
  INTERRUPT_ONE = 1, /* the calling process alone */
  INTERRUPT_RUN = 2  /* the whole run: Ctrl-C */
};

/* What OP_PROCESS_SIGNAL sends: numbers as Linux has them on x86-64 and arm64, signal(7), since
 * scripts read the number of the signal that ended a process. */
enum process_signal {
  SIGNAL_INTERRUPT = 2,
  SIGNAL_KILL = 9,
  SIGNAL_TERMINATE = 15,
  SIGNAL_RESUME = 18,
  SIGNAL_PAUSE = 19
};

struct backend;
struct policy;   /* base/policy.h */
struct snapshot; /* look/snapshot.h */

/* A program that os.execute or io.popen started. */
enum program_mode { PROGRAM_ALONE, PROGRAM_READ, PROGRAM_WRITE };
struct program {
  int64_t pid;
  FILE *stream; /* of PROGRAM_READ and WRITE, the caller's end */
};

/* What a person does to a process from outside. */
enum steer {
  STEER_KILL,
  STEER_PAUSE,
  STEER_RESUME,
  STEER_MUTE,   /* its output is dropped; main's never is */
  STEER_UNMUTE, /* its output is shown again */
  STEER_FOLLOW, /* its output alone is shown, and main's; of id 0: all that is not muted */
  STEER_STACK,  /* it writes its Lua traceback to stderr */
  STEER_INQUIRE /* it looks for what it was sent (QUESTION_LUA) */
};

/* A backend is three tables of functions. The objects, in any process of the run: */
struct object_ops {
  /* Carry out one op. Returns 0 or a code; see the functions of src/os for each. */
  int (*perform)(struct backend *b, struct op *op);
  /* See perform_run. Returns -SBX_EAGAIN, with nothing done, if the ops are to be done one by one. NULL: they
   * always are. */
  int (*run)(struct backend *b, struct op *ops, uint32_t count, uint32_t *ret_done);
  /* The name of an object. */
  void (*object_ref)(const struct object *o, struct object_ref *ret);
  /* Its name in a message, which may go to another host. NULL: the same. */
  void (*message_ref)(const struct object *o, struct object_ref *ret);
};

/* The calling process: */
struct self_ops {
  /* Its serial number in the run; main's is 1, or another after a restart at the prompt. */
  uint64_t (*id)(struct backend *b);
  /* A handle of itself; the caller owns *ret. -SBX_ENOMEM */
  int (*process_self)(struct backend *b, struct object **ret);
  /* Leave the process at once, with nothing flushed and no handler run. */
  void (*exit)(struct backend *b, int exit_code) __attribute__((noreturn));
  /* Its spawner wants no report of its failure. */
  bool (*quiet)(struct backend *b);
  /* The calling process is main, and will leave with this exit status, whatever becomes of others
   * meanwhile. */
  void (*decide)(struct backend *b, int exit_code);
  /* The calling process is main, and fails with this message, which it has reported itself. A trace of
   * the run has it. */
  void (*failed)(struct backend *b, const char *message);
  /* Start a program, and wait for its end (os/process/program.h): 0, or a code and errno. */
  int (*program_start)(struct backend *b, const char *command, enum program_mode mode,
                       struct program *ret);
  int (*program_finish)(struct backend *b, struct program *p, bool hurry, int *ret_status);
  /* Forget that interrupts arrived; returns which had, of enum interrupt. */
  unsigned (*take_interrupt)(struct backend *b);
  /* The calling process is on its way out: from now on interrupts are ignored, and PROCESS_AWAIT
   * waits for nobody. */
  void (*leave)(struct backend *b);
  /* The questions this process was asked (enum question, or'ed); and that they are answered. */
  unsigned (*questions)(struct backend *b);
  void (*answered)(struct backend *b, unsigned questions);
  /* Tell where an interrupt hit, "file:line", for the summary of the run. */
  void (*note_where)(struct backend *b, const char *where);
  /* A seed that is the calling process's own, from the run's seed and the path of spawns to it. */
  uint64_t (*seed)(struct backend *b);
  /* Keep the handlers that call `interrupted` and `asked` out, until unblock_signals is called with
   * what this returns. The pairs may be nested. */
  unsigned (*block_signals)(struct backend *b);
  void (*unblock_signals)(struct backend *b, unsigned blocked);
  /* So many bytes more are about to be written into a file: if the run may not have them, it ends. NULL: they
   * are not counted. */
  void (*files)(struct backend *b, size_t bytes);
  /* The calling process asked for more memory than the run may have: the run ends. NULL: its memory is not
   * counted. */
  void (*over)(struct backend *b) __attribute__((noreturn));
  /* How many processors the calling process may use, at least 1; and the system's number of the
   * n-th of them, counted from 0: -1 if there are not so many. */
  int (*processors)(struct backend *b);
  /* How many processors' worth of time it is granted: not more than those, and at least 1. */
  int (*share)(struct backend *b);
  int (*processor)(struct backend *b, int n);
};

/* The run; also for a process that only stands above it, as the prompt does: */
struct run_ops {
  /* The machine's time, in nanoseconds: CLOCK_MONOTONIC, as deadlines are; and since 1970. */
  int64_t (*now)(struct backend *b);
  int64_t (*wall)(struct backend *b);
  /* How the run's clock goes. Static. */
  const struct run_clock *(*clock)(struct backend *b);
  /* 16 bytes, secret, the same for every process of the run. */
  const uint8_t *(*key)(struct backend *b);
  /* Failures in the whole run so far that nobody joined. */
  int (*unjoined_failures)(struct backend *b);
  /* Take a snapshot (look/snapshot.h): `parts` of enum snapshot_part; *ret is the caller's, to be
   * released on 0, and untouched on failure. -SBX_ENOMEM */
  int (*look)(struct backend *b, unsigned parts, struct snapshot *ret);
  /* Do it to a process, now. -SBX_EGONE (it has ended, and its record is used again; STACK, INQUIRE:
   * it has ended), -SBX_ESYSTEM. STACK waits until it has answered: -SBX_ETIMEDOUT after
   * `deadline_ns`, at once for one that is stopped: it answers when it can. */
  int (*steer)(struct backend *b, enum steer what, uint32_t slot, uint64_t serial,
               int64_t deadline_ns);
};

/* What one process may ask another; it is answered at the next safe point, also in the middle of an
 * op. */
enum question {
  QUESTION_STACK = 1,  /* where are you? The traceback goes to stderr */
  QUESTION_LUA = 2,    /* call whoever the bindings were told to call */
  QUESTION_COLLECT = 4 /* collect garbage: handles are short */
};

/* What a process did not release: a lock, or a value or dict in the middle of its update. */
struct forgotten {
  enum object_type type;
  uint64_t id; /* of the object */
  char name[NAME_MAX_BYTES];
  char where[WHERE_MAX]; /* where it was taken; "" if that is not known */
  bool scoped;           /* by a hold, which a `<close>` would have released */
  const char *world;     /* the process goes on, and leaves the world of this name; NULL: it ends */
};

enum op_phase { OP_BEGIN, OP_END };

/* `rc` is meaningful at OP_END. Returns `rc`: so `perform` ends with this call, and has less to keep. */
typedef int op_observer(void *observer, const struct op *op, enum op_phase phase, int rc);

struct backend {
  const struct object_ops *objects;
  const struct self_ops *self;
  const struct run_ops *run;
  op_observer *observe; /* called after each op; NULL: nobody looks (backend_observe) */
  bool observe_begin;   /* also before */
  void *observer;
  /* Called in handlers of signals, so async-signal-safe: an interrupt came; a question was asked.
   * NULL: nobody cares. */
  void (*interrupted)(void *ctx);
  void (*asked)(void *ctx);
  /* Tell where the script stands, "file:line"; `where` has WHERE_MAX bytes. It may be in the middle of an
   * allocation, and the process ends after it. NULL: nobody knows. */
  void (*locate)(void *ctx, char *where);
  /* Called in an op that waits (NULL: for a program), between two sleeps, when a signal ended one:
   * ops may be performed. Returns whether the op shall end as interrupted. */
  bool (*awake)(void *ctx, const struct op *op);
  /* The calling process is at its end, or leaves a world, and had this in its hands until now. NULL: nobody cares. */
  void (*forgot)(void *ctx, const struct forgotten *what);
  /* Memory in reserve, which a process that has slept for a second gives back: is there any; do so.
   * Both NULL: there never is. */
  bool (*keeps)(void *ctx);
  void (*keep_nothing)(void *ctx);
  /* To be set when the process has waited the next time, and then forgotten; NULL: nobody cares. Of the simulator alone, in
   * which a deadline may count from when it is asked for. */
  bool *waited;
  struct meter_place
      memory; /* where the calling process's memory is counted; meter NULL: nowhere */
  const struct policy *policy; /* what the run may do (base/policy.h); NULL: all. Borrowed */
  bool image;  /* the process is one of several in a program: it leaves by self->exit alone */
  bool asking; /* a function runs that may neither wait nor spawn: wait_for asks it (backend_ask) */
  bool apart;  /* somebody observes, or asks: so that an op usually has one question to pass */
  bool exits;  /* by os.exit: no `<close>` was to release what it has */
  void *signal_ctx; /* of all of them */
};

/* From now on `observe` (borrowed; NULL: nobody) is called after each op, or with `begin` also before. */
void backend_observe(struct backend *b, op_observer *observe, void *observer, bool begin);

/* A function begins, or ends, that may neither wait nor spawn. */
void backend_ask(struct backend *b, bool asking);

/* Perform one op on a backend: the only way in. Returns what the backend returns; -SBX_EASKED if the
 * process may not wait now (backend.asking). */
int perform(struct backend *b, struct op *op);

/*
 * Perform a run: PUTs into one queue, or GETs from it, with one deadline; `out` and `refs->taken` may be one
 * for all. The first waits as it does alone. Of the others as many follow as the backend can do in the same commit,
 * without waiting: so no other process sees some of them done, and not the rest. Returns what the
 * first op returned. On 0, *ret_done >= 1 is how many were done; of GETs, `len` is how many bytes were
 * appended for each, and `count` how many bytes of handles. Before GETs from a queue with redeliver there may be a
 * TASK_DONE; the first GET then counts among the others.
 */
int perform_run(struct backend *b, struct op *ops, uint32_t count, uint32_t *ret_done);

#endif
