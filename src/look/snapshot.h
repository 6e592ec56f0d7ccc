/*
 * look/snapshot.h - the shared state of a run as plain structures: who does what, what the queues
 * hold, who waits for whom.
 *
 * Taken without any lock, by any process of the run or by the supervisor; nobody is stopped or
 * woken for it. Nothing here prints.
 *
 * How true is it? Each process and each queue is told as it stood at one moment. What a process
 * waits for is looked at twice, first and last: `steady` says that it slept in the same op all the
 * while, so that all steady processes slept together at the moment when the queues were read. What
 * is concluded from a snapshot (look/waits.h) relies on steady ones only.
 */
#ifndef SBX_LOOK_SNAPSHOT_H
#define SBX_LOOK_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "object/op.h"
#include "object/past.h"
#include "object/process.h"
#include "object/sync.h"

/* In place of a slot: it is in an engine, or on another host. */
#define SNAPSHOT_OUTSIDE UINT32_MAX

/* Of the id of an object, what a person is told: above that stands where it is, if it is not of this host. */
static inline uint64_t snapshot_number(uint64_t id) { return id & (UINT32_MAX >> 1); }

/* Numbers of processes in a snapshot's table, ascending. */
struct index_list {
  uint32_t *list; /* owned */
  uint32_t count, cap;
};

/* One of the things that an op waits for. */
struct snapshot_need {
  enum op_kind kind;
  enum object_type type;
  uint32_t slot;
  uint64_t object;                  /* its id; 0: a mere sleep */
  uint64_t queue;                   /* PIPE_*: id of the queue that the end receives from */
  uint32_t ticket;                  /* QUEUE_MEET: the low bits of its item's number */
  char object_name[NAME_MAX_BYTES]; /* "" if it has none */
  bool
      ready; /* of synchronisation objects, and queues in an engine: it could go on now; of others see look/waits.h */
};

/* What a process sleeps in. `kind` is OP_NONE if it does not. */
struct snapshot_op {
  enum op_kind kind;
  struct snapshot_need needs[SELECT_SHOWN]; /* of SELECT one for each of its ops, else one */
  uint32_t need_count;                      /* there may be more than are known: `needs_more` */
  bool needs_more;
  bool items;          /* QUEUE_GET: a step of items() */
  int64_t since_ns;    /* CLOCK_MONOTONIC; 0: not known, of a process on another host */
  int64_t deadline_ns; /* CLOCK_MONOTONIC, SBX_FOREVER */
  uint64_t sleep_id;   /* no two waits of a process share it */
  bool steady;         /* it slept in it all the while; see above */
};

/* Can a process that waits ever go on? Filled by waits_find. */
enum stuck {
  STUCK_NO,      /* somebody runs who could help, or time will, or nobody knows */
  STUCK_HELP,    /* only the one process that was named could */
  STUCK_FOR_EVER /* nobody could: deadlock */
};

struct snapshot_process {
  uint64_t id;
  uint32_t slot;
  char name[NAME_MAX_BYTES];
  int64_t pid;
  enum process_status status;
  bool lives; /* running, waiting or stopped; else only its record is left */
  bool daemon;
  bool joined;      /* somebody was given its outcome */
  bool muted;       /* what it prints is dropped */
  uint64_t spawner; /* id; 0: main's */
  char spawned_at[WHERE_MAX];
  int exit_code; /* -1 while it lives, and when a signal ended it */
  int signal;    /* 0 unless a signal ended it */
  struct snapshot_op op;
  char where[WHERE_MAX]; /* "file:line" of `op`, or of the last one; "" before the first */
  double cpu_seconds;    /* of the living */
  uint64_t rss_bytes, private_bytes; /* of the living; see os/shared/proc.h */
  uint64_t items_out, items_in;      /* put into queues, got from queues */
  enum stuck stuck;
  char host[NAME_MAX_BYTES]; /* it runs there, or stands for one that does; "": here */
  bool elsewhere;   /* it is none of this host's: what is known of it comes from the engine */
  uint64_t told_as; /* the number by which it is told of, if that is not its id; else 0 */
};

struct snapshot_queue {
  uint64_t id;
  uint32_t slot;
  char name[NAME_MAX_BYTES]; /* "" if it has none */
  uint64_t items;
  uint64_t undone;  /* put and not marked by task_done */
  uint64_t put;     /* so far */
  uint64_t in_hand; /* of a queue with redeliver: in the hands of processes; may come back */
  uint64_t max;     /* 0: unbounded */
  uint64_t owner; /* id of the process whose mailbox it is: every process can find that; 0: none */
  uint64_t bytes; /* what the items occupy, in the pipe's records and the log's entries */
  enum queue_transport transport;
  bool closed;
  bool exact;     /* false: the pipe could not be looked into, `items` are those of the log alone */
  bool named;     /* a message names it: whoever gets that will hold it, too */
  bool elsewhere; /* it is in an engine: who holds it is not known */
  uint64_t generation;                /* of what is in an engine: each change makes another one */
  struct index_list readers, writers; /* processes that sleep in get, in put */
  struct index_list holders;
};

/* A synchronisation object that somebody waits for; or any, if all are asked for. */
struct snapshot_sync {
  uint64_t id;
  uint32_t slot; /* SNAPSHOT_OUTSIDE: it is not of this host, and its past is not known */
  enum object_type type;
  char name[NAME_MAX_BYTES]; /* "" if it has none */
  struct sync_info info;     /* its state */
  bool named;                /* a message names it */
  uint64_t queue;            /* PIPE: id of the queue that the end receives from */
  uint64_t lock;             /* CONDITION: id of its lock */
  uint64_t generation;       /* of what is in an engine: each change makes another one */
  struct snapshot_event {    /* what was done to it last, the newest first */
    struct past_event event;
    char by[NAME_MAX_BYTES]; /* "" if that is not known any more */
  } past[PAST_EVENTS];
  uint32_t past_count;
  struct index_list owners;  /* nobody but these lets others go on; none: any holder may */
  struct index_list holders; /* of handles */
};

struct snapshot {
  int64_t taken_ns;   /* CLOCK_MONOTONIC */
  int64_t started_ns; /* the run */
  uint64_t follow;    /* id of the one process whose output is shown, 0: all */
  bool settled; /* while it was taken nobody was made, and nobody came to hold, dropped or sent what
                   somebody waits for */
  struct snapshot_process *processes; /* owned; the oldest first */
  uint32_t process_count;
  struct snapshot_queue *queues; /* owned; the oldest first */
  uint32_t queue_count;
  struct snapshot_sync *syncs; /* owned; the oldest first */
  uint32_t sync_count;
};

enum snapshot_part {
  SNAPSHOT_QUEUES = 1, /* the queues, and whatever else is waited for */
  SNAPSHOT_USAGE = 2,  /* CPU and memory of processes; without it they are 0 */
  SNAPSHOT_ENDED = 4,  /* also the records of processes that have ended */
  SNAPSHOT_OBJECTS = 8 /* with SNAPSHOT_QUEUES: all synchronisation objects and ends of pipes */
};

/* The order of the tables, for those who fill them. */
void snapshot_sort_processes(struct snapshot *s);
void snapshot_sort_queues(struct snapshot *s);
void snapshot_sort_syncs(struct snapshot *s);

/* Free what it owns. Accepts a zeroed one. */
void snapshot_release(struct snapshot *s);

/* The number in its table of the process or queue with this id; -1 if there is none. */
int64_t snapshot_find_process(const struct snapshot *s, uint64_t id);
int64_t snapshot_find_queue(const struct snapshot *s, uint64_t id);
int64_t snapshot_find_sync(const struct snapshot *s, uint64_t id);

/* 0 or -SBX_ENOMEM; the numbers must come in ascending order, and may come again. */
int index_list_add(struct index_list *l, uint32_t index);
/* They were not added in ascending order. */
void index_list_sort(struct index_list *l);
bool index_list_has(const struct index_list *l, uint32_t index);

#endif
