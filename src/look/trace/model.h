/*
 * look/trace/model.h - a run as it was recorded: its processes, its objects, and what each process
 * did when.
 *
 * The readers of the event log and of Perfetto files fill a model; the sinks (terminal, HTML, SVG,
 * Perfetto, JSON) only read it. A model is built once, by the functions below in any order, and
 * finished by trace_model_finish, which sorts it and derives what the sinks need. Pure: no file and
 * no clock is touched.
 *
 * Vocabulary
 *   time     nanoseconds of the run's clock since the run began, as sandbox.now() tells it (--speed
 *            makes it go faster)
 *   event    one op, or a run of ops of one kind on one object that did not wait
 *   state    what a process does in a stretch of time: it runs, or it waits, and an event says for
 *            what
 *   item     what a put adds to a queue, or a send to a pipe; one event puts item `n` of a queue,
 *            and one gets it
 */
#ifndef SBX_LOOK_TRACE_MODEL_H
#define SBX_LOOK_TRACE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "look/words.h"
#include "object/op.h"

#define TRACE_NONE UINT32_MAX /* no index */

/* What a process does; the order of legends. */
enum trace_state {
  TRACE_RUNNING,
  TRACE_QUEUE, /* waits in an op of a queue or a pipe, or in a select */
  TRACE_LOCK,  /* waits for a lock, semaphore, event, condition, barrier, value or dict */
  TRACE_SLEEP, /* sandbox.sleep */
  TRACE_JOIN,  /* waits for the end of processes */
  TRACE_STOPPED,
  TRACE_IDLE, /* the session of the prompt: it waits for a line, or for the terminal */
  TRACE_STATES
};

/* How a process ended. */
enum trace_end {
  TRACE_ALIVE,       /* it had not ended when the trace was */
  TRACE_DONE,        /* returned, or left with status 0 */
  TRACE_FAILED,      /* raised an error, or left with another status */
  TRACE_KILLED,      /* ended by a signal */
  TRACE_LEFT_BEHIND, /* ended with the run (Ctrl-C, a time limit), or a daemon with its parent */
  TRACE_ENDS
};

struct trace_process {
  uint32_t id;            /* its serial number in the run; main's is 1 */
  uint32_t parent;        /* index; TRACE_NONE: main, or it is not known */
  const char *name;       /* "main", "writer"; "" is possible */
  const char *spawned_at; /* "file:line"; "" for main */
  const char *failure;    /* the first line of its error message; "" if it did not fail */
  const char *host;       /* on which it ran; "": that of the run. NULL for trace_add_process: "" */
  int64_t begin_ns, end_ns;
  enum trace_end how;
  int exit_code; /* of TRACE_DONE and FAILED */
  int signal;    /* of TRACE_KILLED */
  bool worker;   /* of a pool: those with equal names and parents may be shown as one. Set by
                    trace_model_finish, too, for one that waited at WHERE_IDLE, and those */

  /* Derived. */
  uint32_t event_first, event_count; /* its part of `events` */
  uint32_t span_first, span_count;   /* its part of `spans` */
  int64_t spent_ns[TRACE_STATES];    /* time in each state */
  uint64_t items_out, items_in;      /* put or sent; got or received */
};

struct trace_object {
  uint32_t id; /* its serial number; processes have their own numbers and are no objects here */
  enum object_type type;
  const char *name;    /* "" if it has none */
  const char *made_at; /* "file:line", or "" */
  uint64_t max;        /* of a bounded queue: its capacity; else 0 */
  bool meets; /* of a queue without room: max is 1, for the item of a put that waits for its get */
  uint32_t peer; /* of a pipe's end: index of the other end; else TRACE_NONE */
  uint64_t puts,
      gets; /* of a queue: items that were put and got before the trace begins; what is not
                          known (0) is derived from the numbers of the items, as far as it can be */
};

/* The capacity of a bounded queue as its script has it. */
static inline uint64_t trace_capacity(const struct trace_object *o) {
  return o->meets ? 0 : o->max;
}

enum trace_flag {
  TRACE_WAITED = 1,  /* the process waited in it, from t_ns for duration_ns */
  TRACE_SEVERAL = 2, /* a run of `count` ops; between them the process did other things, too */
  TRACE_SELECT = 4,  /* chosen by a select: `kind` and `object` are those of the op that was done */
  TRACE_TIMEOUT = 8, /* it ended without effect since its time was up */
  TRACE_REFUSED = 16, /* it ended without effect for another reason: closed, broken, interrupted */
  TRACE_UNFINISHED = 32, /* the process died in it, or the trace ended */
  TRACE_GAPS = 64, /* of SEVERAL: the items are not n, n+1, n+2, ..., but only the first is known */
  TRACE_AGAIN = 128 /* a get of an item that had been taken before, and came back (redeliver) */
};

struct trace_event {
  int64_t t_ns, duration_ns;
  uint16_t kind;    /* enum op_kind; OP_NONE: the prompt waits for a line */
  uint16_t flags;   /* enum trace_flag */
  uint32_t process; /* index */
  uint32_t object;  /* index of an object; of ops on a process (join, spawn, kill) of that process;
                       TRACE_NONE: neither */
  uint32_t where;   /* string: "file:line"; 0: "" */
  uint32_t count;   /* how many ops, at least 1 */
  uint64_t n;       /* of an op that put or took an item: the item's number in its queue, from 1; of
                       SEVERAL the first one's; of PROCESS_SIGNAL the signal; else 0 */
};

/* A stretch of time in one state. Those of a process are in order and without gaps. */
struct trace_span {
  int64_t from_ns, to_ns;
  uint32_t state; /* enum trace_state */
  uint32_t event; /* the event that says so; TRACE_NONE: it runs, or is stopped */
};

/* sandbox.mark */
struct trace_mark {
  int64_t t_ns;
  uint32_t process; /* index */
  uint32_t name;    /* string */
  bool counter;     /* it has a value */
  double value;
};

/* Item `n` of the queue `object` went from one process to another. There is one of a queue and n. */
struct trace_item {
  uint32_t object;
  uint64_t n;
  uint32_t from, to; /* events */
  int64_t put_ns, got_ns;
};

/* Who waits for what at the end, and which process could let it go on. */
struct trace_edge {
  uint32_t process; /* index: it waits */
  uint32_t object;  /* index of an object; TRACE_NONE: it waits for the end of `holder` */
  uint16_t kind;    /* of the op in which it waits */
  uint32_t holder;  /* index of a process that holds the object, or would have to act; TRACE_NONE:
                       nobody is left */
  uint32_t where;   /* string */
  bool stuck;       /* part of the deadlock */
};

struct trace_source { /* of a script, for views that show lines */
  const char *path;   /* as in "file:line" */
  const char *text;
  size_t len;
};

enum trace_detail { TRACE_DETAIL_WAIT, TRACE_DETAIL_MERGED, TRACE_DETAIL_ALL };

struct trace_facts {
  const char *command;  /* "sandbox scripts/queue.lua" */
  const char *version;  /* of sandbox */
  const char *clock;    /* "tsc" or "monotonic" */
  const char *deadlock; /* the report, lines; "" if there was none */
  uint64_t seed;
  double speed;      /* of the run's clock */
  int64_t wall_ns;   /* CLOCK_REALTIME when the run began, ns since 1970; 0: not known */
  int64_t end_ns;    /* time when the trace ends */
  int64_t cpu_ns;    /* of all processes of the run, machine time; -1: not known */
  int exit_status;   /* of the run; -1: not known, it was cut off */
  uint64_t lost;     /* events that were overwritten before they were read; of each process that was
                      not recorded at all, one */
  uint64_t nameless; /* names and places that there was no room for: they are "" */
  bool cut;          /* the oldest events were dropped, by --trace-limit */
  enum trace_detail detail;
};

struct trace_model {
  struct trace_facts facts;
  struct trace_process *processes; /* by begin_ns, then id */
  struct trace_object *objects;    /* by id */
  struct trace_event *events;      /* by process, then time */
  struct trace_span *spans;        /* by process, then time */
  struct trace_mark *marks;        /* by time */
  struct trace_item *items;        /* by put_ns: those of which both events are known */
  struct trace_edge *edges;
  struct trace_source *sources;
  const char **strings; /* [0] is "" */
  uint32_t process_count, object_count, event_count, span_count, mark_count, item_count, edge_count,
      source_count, string_count;
  struct trace_store *store; /* owns all of the above */
};

/* An empty model. -SBX_ENOMEM */
int trace_model_new(struct trace_model *ret);
/* Accepts a zeroed one. */
void trace_model_release(struct trace_model *m);

/*
 * Add to a model that is not finished. Strings are copied. Each returns 0 or -SBX_ENOMEM.
 * Processes and objects are named by their ids here: in the rows that are passed, fields that hold
 * an index hold an id, and 0 for none. trace_model_finish assigns the indices. It adds a nameless
 * process for an id that no trace_add_process has told of, and a nameless object likewise. A process
 * begins with its first event at the latest: begin_ns may be INT64_MAX.
 */
int trace_add_process(struct trace_model *m, const struct trace_process *p);
int trace_add_object(struct trace_model *m, const struct trace_object *o);
int trace_add_event(struct trace_model *m, const struct trace_event *e);
int trace_add_mark(struct trace_model *m, const struct trace_mark *k);
int trace_add_edge(struct trace_model *m, const struct trace_edge *e);
int trace_add_source(struct trace_model *m, const char *path, const char *text, size_t len);
/* The number of a string, which is the same for equal strings; 0 for "". */
int trace_add_string(struct trace_model *m, const char *s, uint32_t *ret);
/* Set what stands in `facts`; its strings are copied. */
int trace_set_facts(struct trace_model *m, const struct trace_facts *f);

/* Sort, resolve ids, derive spans, items and sums. -SBX_ENOMEM */
int trace_model_finish(struct trace_model *m);

/*
 * A part of a finished model as a model of its own, in which `from_ns` is time 0.
 * Processes that lived in that time are there, and objects that something was done to. Waits and runs
 * of ops are cut at both edges; a wait that goes on beyond `to_ns` is TRACE_UNFINISHED. What tells of
 * the end of the run (exit status, CPU time, edges, the deadlock) is there if the part reaches so far.
 *   from_ns, to_ns  bounded by 0 and the end of the trace
 *   ret             made here; to be released by the caller on 0
 * 0 or -SBX_ENOMEM
 */
int trace_model_window(const struct trace_model *m, int64_t from_ns, int64_t to_ns,
                       struct trace_model *ret);

/*
 * Until when something goes on that a process began in a part of its time: the latest end of the
 * processes that it spawned then, and of those below them; the end of the trace if one has not ended.
 * At least `to_ns`, which is returned without memory, too.
 *   process  its id
 */
int64_t trace_model_reach(const struct trace_model *m, uint32_t process, int64_t from_ns,
                          int64_t to_ns);

/* The state of a process while it waits in an op of this kind. */
enum trace_state trace_state_of(enum op_kind kind);
/* What it does then: "get", "join"; "prompt" of the prompt's wait for a line. */
const char *trace_verb(enum op_kind kind);
/* The same of an op on an object or process of a model (TRACE_NONE: neither), which may be a whole that has verbs of its
 * own (look/words.h). */
const struct whole_verb *trace_whole_verb(const struct trace_model *m, enum op_kind kind,
                                          uint32_t object);
const char *trace_verb_on(const struct trace_model *m, enum op_kind kind, uint32_t object);
/* "alive", "done", "failed", "killed", "ended" */
extern const char *const trace_end_words[TRACE_ENDS];
/* Did processes run on other hosts than that of the run? */
bool trace_has_hosts(const struct trace_model *m);
/* Does the op name a process, not an object? */
bool trace_names_process(enum op_kind kind);
/* How the op changes the number of items in its queue: 1, -1 or 0. */
int trace_item_change(enum op_kind kind);
/* The same of an event: 0 for one that had no effect. */
int trace_event_change(const struct trace_event *e);

/* Sums for summaries, of a finished model. */
struct trace_sums {
  uint32_t processes;  /* that ran, main among them */
  uint32_t most_alive; /* at once */
  uint64_t messages;   /* items got from queues and pipes */
  uint64_t ops;
  int64_t wall_ns; /* of the run, in its own time */
  int64_t busy_ns; /* time in which processes ran or slept (a sleep stands for work outside), summed
                      over them; of running at most the CPU time, if that is known */
  double speed_up; /* busy over wall: how much longer one process would have taken for the same */
};
void trace_sum(const struct trace_model *m, struct trace_sums *ret);

/* Waits by object and line, or by process that was waited for: the longest first. */
struct trace_wait {
  uint16_t kind;   /* of the first of them */
  uint32_t object; /* as in an event */
  uint32_t where;  /* string */
  uint32_t waits, processes;
  int64_t total_ns, longest_ns;
};
/* *ret: to be freed by the caller. -SBX_ENOMEM */
int trace_waits(const struct trace_model *m, struct trace_wait **ret, uint32_t *ret_count);

/* The number of items in a queue after each change, oldest first. Those of a run of ops are spread
 * evenly over its duration. */
struct trace_depth {
  int64_t t_ns;
  int64_t items;
};
/* *ret: to be freed by the caller. -SBX_ENOMEM */
int trace_depths(const struct trace_model *m, uint32_t object, struct trace_depth **ret,
                 uint32_t *ret_count);

/* "writer#2", on another host "writer#2@bert"; "jobs#3", "queue#3": into `size` bytes. */
char *trace_process_label(const struct trace_model *m, uint32_t process, char *ret, size_t size);
char *trace_object_label(const struct trace_model *m, uint32_t object, char *ret, size_t size);
/* What an op is done to, as a label, or "" */
char *trace_event_label(const struct trace_model *m, const struct trace_event *e, char *ret,
                        size_t size);

#endif
