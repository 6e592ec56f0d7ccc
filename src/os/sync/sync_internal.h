/*
 * os/sync/sync_internal.h - how the files of os/sync see a record and the world around it: the loop around the machines (sync.c),
 * what machines ask (sync_view.c), the end of a process (sync_end.c), records and who holds them (sync_hold.c).
 */
#ifndef SBX_OS_SYNC_SYNC_INTERNAL_H
#define SBX_OS_SYNC_SYNC_INTERNAL_H

#include "os/sync/quick.h"
#include "os/sync/sync.h"

/* How to look. */
enum sync_look {
  LOOK_WAIT, /* if it cannot be done, join the line */
  LOOK_LAST, /* if it cannot be done, give up */
  LOOK_POLL, /* if it cannot be done, nothing happens */
  LOOK_ARM   /* join the line, unless it could be done */
};

struct sync_call;

/*
 * What an object does whose contents do not stand in the words of its machine. All with the lock
 * held. Where the contents are it says in words of its own, at SYNC_WORDS and behind
 * (STORAGE_WORDS of them); they change with the machine's, by the same commit.
 */
struct sync_storage {
  /* An op that waits for something else to be there: is it as expected? Says so in value_args.same. */
  void (*compare)(struct sync_call *call);
  /* The op is going to be applied: make room, and store what it brings where it is not current. May
   * commit changes that mean nothing. 0 or a code. */
  int (*prepare)(struct sync_call *call);
  /* The machine has applied it to `next`: say where things are now. NULL: nothing to say. */
  void (*fill)(struct sync_call *call, uint64_t *next);
  /* It is done: read what it asks for, give back what it replaced. 0 or a code. */
  int (*done)(struct sync_call *call);
  /* Call visit for the handles in what is current. */
  void (*each_ref)(struct sync_call *call,
                   void (*visit)(struct sync_call *call, const void *refs, uint64_t count));
  /* Nobody can reach the object any more. It may come to this twice, if somebody is killed
   * meanwhile. */
  void (*release)(struct os_backend *b, uint32_t slot);
};

extern const struct sync_storage value_storage, dict_storage;
extern const struct sync_storage array_storage; /* it has no more than `release` */

/* Of a type of object; NULL: it has none. */
const struct sync_storage *sync_storage_of(enum object_type type);

/* An op under way. */
struct sync_call {
  struct os_backend *b;
  struct op *op; /* borrowed */
  struct sync_record *record;
  const struct sync_machine *machine;
  struct sync_step step;
  const struct sync_storage *storage; /* NULL: none */
  void *change;                       /* the storage's, borrowed: what it notes between its steps */
  struct line *line;                  /* in which it waits */
  int place;                          /* in line; LINE_NOWHERE */
  unsigned looks;                     /* so far */
};

/* It cannot be done now. */
enum { SYNC_WAITS = 2 };

void sync_begin(struct sync_call *call, struct os_backend *b, struct op *op);
/* Take the lock and look. Returns SYNC_WAITS; else it is over, and in line no more: 0,
 * -SBX_ETIMEDOUT (LOOK_LAST, or no lock), -SBX_EINTERRUPTED, what the machine says. */
int sync_look(struct sync_call *call, enum sync_look how);
/* Look and sleep, until it is over. */
int sync_finish(struct sync_call *call);
/* An interrupt: leave the line, without a result. */
void sync_cancel(struct sync_call *call);

/* Stand in line, unless it does; its ticket is call->step.ticket, 0 if the line is full. The monitor is held. */
void sync_join(struct sync_call *call);

/* A change of the other copy is complete: wake the processes that may go on, then make it current. The monitor is held. */
void sync_commit(struct os_backend *b, struct sync_record *r, const struct sync_step *step);

/* Unlock the monitor; the state goes back into one word, if it fits (quick.h). */
void sync_let_go(struct sync_record *r);

/* The next state, with the words of the storage. */
static inline uint64_t *sync_next(struct sync_record *r) {
  return monitor_next(&r->monitor, r->state[0], RECORD_WORDS, RECORD_WORDS);
}

/*
 * Handles that a storage keeps (os/shared/names.h), between sync_naming_begin and sync_naming_end. Should
 * the process be killed there, the next to change the object counts again.
 */
void sync_naming_begin(struct sync_call *call);
void sync_naming_end(struct sync_call *call);
int sync_name_all(struct sync_call *call, const void *refs, uint64_t count);
void sync_unname_all(struct sync_call *call, const void *refs, uint64_t count);

/* What a machine's questions are answered from. */
struct sync_view {
  const struct control *control;
  const struct sync_record *record;
  bool thorough;
  struct sync_call *call;           /* NULL: nobody's op, only a look */
  struct sync_outsiders *outsiders; /* NULL: nothing is kept */
};

extern const struct sync_world_ops sync_view_ops;

static inline struct sync_world sync_world_of(struct sync_view *v) {
  return (struct sync_world){.ops = &sync_view_ops, .ctx = v};
}

/* The current state, behind which the words of the storage stand; the monitor's holder only. */
static inline uint64_t *sync_state(struct sync_record *r) {
  return monitor_state(&r->monitor, r->state[0], RECORD_WORDS);
}

/* A copy of the machine's words, without the lock. */
static inline void sync_read(const struct sync_record *r, uint64_t ret[SYNC_WORDS]) {
  quick_read(r, SYNC_WORDS, ret);
}

/* The same for the supervisor, whatever the processes of the run have written there: the machine that may see them.
 * NULL: none may. */
static inline const struct sync_machine *
sync_read_sound(const struct sync_record *r, enum object_type type, uint64_t ret[SYNC_WORDS]) {
  const struct sync_machine *m = sync_machine_of(type);
  sync_read(r, ret);
  return m && sync_is_sound(type, ret) ? m : NULL;
}

/* Has the calling process taken it? It gives up at its end what it has taken, whether it has a handle or not. */
bool sync_is_taken(const struct os_backend *b, uint32_t slot);

#endif
