/*
 * sim/world_internal.h - the state of a world, as the files world*.c share it.
 *
 * Everything is in a few flat arrays, which keep their memory when another state is loaded:
 *   processes  by their number; one that has ended keeps its place, its serial is its number plus 1
 *   objects    by slot; a slot is used again, a serial is not
 *   held       how many handles of an object a living process has, and of a process
 *   places     the ops that processes wait in, one for each process and object
 *   hands      what messages have brought to a process that has not decoded them yet
 *
 * Places. A process that has asked for an op which can wait has a place at the object. In machines
 * that keep no order of arrival (sync_machine.in_order: locks and the like; there is no fairness
 * here, so any waiter may be next) it has no ticket, and says only who asks for what. Where the order
 * counts, the place is in line from the moment that it has a ticket. Tickets grow in the order of
 * joining, over all objects; saved worlds have ranks instead.
 */
#ifndef SBX_SIM_WORLD_INTERNAL_H
#define SBX_SIM_WORLD_INTERNAL_H

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "object/compose.h"
#include "object/hands.h"
#include "object/past.h"
#include "object/process.h"
#include "object/queue.h"
#include "sim/world.h"

enum {
  PLACES_IN_LINE = 1024,  /* as os/shared/control.h has it: more are -SBX_ECROWD */
  PROCESSES_MAX = 65536,  /* a process fits into one word: who_of */
  NESTED_MAX = 1000,      /* spawn inside spawn */
  FAILURE_SLOT = 1 << 16, /* slots of failures of tasks begin here: they are no process's */
};
#define NOBODY UINT32_MAX
#define FAILURE_SERIAL (UINT64_C(1) << 40) /* and their serials here */

/* What was done to an object last: for reports, so not saved. */
struct world_past {
  uint32_t count; /* ever; the last PAST_EVENTS are there */
  struct past_event events[PAST_EVENTS];
};

struct world_object {
  uint64_t serial; /* 0: the slot is free */
  enum object_type type;
  bool unshared; /* PIPE: nobody but its maker can have it: never sent, and no spawn since */
  uint8_t mark;  /* enum mark; of reach */
  uint32_t lock; /* CONDITION: slot of its lock */
  uint32_t peer; /* PIPE: slot of the other end, which may be gone */
  uint64_t peer_serial;
  int transport;            /* QUEUE */
  uint64_t owner;           /* QUEUE: serial of the process whose mailbox it is; 0: none */
  struct queue_state queue; /* QUEUE; PIPE: what this end receives from */
  struct queue_hands
      hands; /* QUEUE: its items in hands are the oldest, in the order of the list, which is owned; none
                               is of a process that has ended */
  uint32_t refs;       /* handles in what is stored */
  struct buf contents; /* items from `head` on; the message of a value; the entries of a dict;
                          the elements of an array */
  size_t head;
  uint64_t words[SYNC_WORDS];
  char name[NAME_MAX_BYTES];
  struct world_past past;
};

/* An op under way, behind its first step. */
struct world_op {
  struct condition_wait wait; /* CONDITION_WAIT */
  uint64_t levels;            /* CONDITION_WAIT: of the lock */
  uint64_t arrival;           /* BARRIER_WAIT: its place in the order */
};

struct world_actor {
  uint32_t spawner; /* NOBODY: main */
  uint32_t depth;
  struct process_state state;
  bool daemon, quiet, stopped, expected, joined, looked, has_stdin, has_result, has_report;
  uint8_t interrupts; /* enum interrupt */
  uint8_t mark;       /* enum mark */
  struct world_op op;
  uint32_t mail;        /* slot of its mailbox */
  uint64_t mail_serial; /* 0: there is none */
  uint32_t result_refs;
  struct buf result; /* handles, then the message */
  struct buf report;
  char name[NAME_MAX_BYTES], where[WHERE_MAX];
};

struct world_place {
  uint32_t slot, process;
  uint64_t ticket;     /* 0: not in line */
  uint16_t kind;       /* enum op_kind */
  bool patient;        /* it would wait without end */
  int64_t deadline_ns; /* CONDITION_WAIT, if it is not patient */
};

struct world_hand {
  uint32_t process;
  uint32_t count;
  struct object_ref ref;
};

struct world_failure {
  uint64_t order;
  bool counts, joined, looked;
  struct buf report;
};

/* Counts, a row for each process. */
struct world_grid {
  uint32_t *cells; /* owned */
  uint32_t rows, columns;
};

struct world {
  struct world_options options;
  int64_t now_ns;
  uint64_t last_serial; /* of objects */
  uint64_t last_ticket;
  struct world_actor *actors; /* owned, as all that follow */
  uint32_t actor_count, actor_cap;
  struct world_object *objects;
  uint32_t object_end, object_cap; /* slots in use are below object_end */
  struct world_grid held, known;   /* handles of objects, of processes */
  struct world_place *places;      /* by process, then as they came */
  uint32_t place_count, place_cap;
  struct world_hand *hands; /* by process */
  uint32_t hand_count, hand_cap;
  struct world_failure *failures;
  uint32_t failure_count, failure_cap;
  uint32_t stored_refs; /* handles in all that is stored */
  bool lost;            /* something may be out of reach */
  bool unread;          /* a queue with items was out of reach */
  struct buf scratch;
};

/* What reach finds out. */
enum mark {
  MARK_REACHED = 1, /* somebody has it, or can get it */
  MARK_STORED = 2,  /* a message that somebody can get names it */
  MARK_DONE = 4     /* what it names was followed */
};

/* Carry out the next step of an op that can go on. 0, WORLD_GOES_ON or -SBX_ENOMEM; the op's own
 * result is a->rc. */
typedef int world_perform_fn(struct world *w, uint32_t i, const struct request *r,
                             struct answer *a);
typedef enum world_can world_can_fn(struct world *w, uint32_t i, const struct request *r);

struct world_row {
  world_perform_fn *perform;
  world_can_fn *can; /* NULL: always */
  bool in_select;    /* it can be waited for together with others */
};

/* The row of a kind; of a kind that does not exist, one that answers -SBX_EINVAL. */
const struct world_row *world_row_of(enum op_kind kind);

/* Do the objects exist that it is about? */
bool world_is_sound(const struct world *w, const struct request *r);

static inline bool actor_lives(const struct world_actor *p) { return p->state.phase < PHASE_ENDED; }
static inline bool deadline_is_over(const struct world *w, int64_t deadline_ns) {
  return deadline_ns <= w->now_ns;
}
/* An op that waits until something is so. */
static inline enum world_can world_if(const struct world *w, const struct request *r, bool goes) {
  return goes ? WORLD_GOES : deadline_is_over(w, r->deadline_ns) ? WORLD_ENDS : WORLD_WAITS;
}

/* -- objects (world_object.c) ------------------------------------------------------------------ */

/* Room for one more of `size` bytes each. -SBX_ENOMEM */
int world_grow(void *array, uint32_t *cap, uint32_t count, size_t size);
int world_grow_grids(struct world *w);
/* A new object, held once by process i. -SBX_ENOMEM */
int world_make(struct world *w, uint32_t i, enum object_type type, const char *name,
               uint32_t *ret_slot);
/* The live object that a reference names; NULL: there is none. */
struct world_object *world_find(const struct world *w, const struct object_ref *ref);
struct object_ref world_ref(const struct world *w, uint32_t slot);
struct object_ref world_actor_ref(uint32_t i);
/* The number of the process that a reference names; NOBODY: there is none. */
uint32_t world_actor_of(const struct world *w, const struct object_ref *ref);

/* One handle more, or less, of an object or a process. What is gone is left out. */
void world_hold(struct world *w, uint32_t i, const struct object_ref *ref);
void world_drop(struct world *w, uint32_t i, const struct object_ref *ref);
/* Has the process the object, by a handle or in its hands? */
bool world_holds(const struct world *w, uint32_t i, uint32_t slot);

/* A message with these handles was taken: they are in the process's hands, and in the answer.
 * `refs` may stand anywhere. -SBX_ENOMEM */
int world_take_refs(struct world *w, uint32_t i, const void *refs, uint32_t count,
                    struct answer *a);
void world_land(struct world *w, uint32_t i, const struct object_ref *ref);
void world_empty_hands(struct world *w, uint32_t i);
/* The process sends handles: from now on others can have them. */
void world_share(struct world *w, const struct object_ref *refs, uint32_t count);
/* Of what an object stores, the handles now number `refs`. */
void world_count_refs(struct world *w, struct world_object *o, uint32_t refs);

/* Could a process still receive a handle of the object? */
bool world_is_stored(struct world *w, uint32_t slot);
/* Fill the marks. */
void world_reach(struct world *w);
/* Free what is out of reach, if something may be. */
void world_collect(struct world *w);

/* -- synchronisation objects (world_sync.c, world_condition.c) ---------------------------------------------------- */

/* A machine's view of one object. */
struct world_view {
  struct world *w;
  uint32_t slot;
  uint32_t process; /* NOBODY: nobody's op */
  enum op_kind kind;
  bool patient;
};
extern const struct sync_world_ops world_view_ops;
#define VIEW_WORLD(view) (&(struct sync_world){.ops = &world_view_ops, .ctx = (view)})

static inline uint64_t world_who(uint32_t i) { return who_of(i, (uint64_t)i + 1); }

/* The slot of the object that an op works on: of a lock's op on a condition, that of its lock. */
uint32_t world_target(const struct world *w, const struct request *r);
struct world_place *world_place_of(struct world *w, uint32_t slot, uint32_t i);
/* A place without a ticket; it may be there already. NULL: no memory. */
struct world_place *world_place_add(struct world *w, uint32_t slot, uint32_t i, enum op_kind kind,
                                    bool patient);
void world_place_remove(struct world *w, uint32_t slot, uint32_t i);
void world_places_clear(struct world *w, uint32_t i);
/* Could the process do this to the object now? */
bool world_enabled(struct world *w, uint32_t i, uint32_t slot, enum op_kind kind, bool patient);
/* Apply a step to its object, and remember it there. `op` is that of values and dicts. As
 * sync_machine.apply. */
int world_apply(struct world *w, uint32_t i, uint32_t slot, const struct request *r,
                struct sync_step *step);
/* An op in line gives up with this result. */
int world_give_up(struct world *w, uint32_t i, const struct request *r, int rc, struct answer *a);
int world_condition_give_up(struct world *w, uint32_t i, const struct request *r, int rc,
                            struct answer *a);
/* Waits for conditions whose deadlines lie behind are over, but for the lock. For merge_relock, where
 * that is no step. */
void world_condition_late(struct world *w);
/* A waiter leaves the line with nothing. */
void world_leave_line(struct world *w, uint32_t i, uint32_t slot, const struct request *r);
/* The process gives up what it has in its hands. */
void world_leave(struct world *w, uint32_t i, enum sync_end how);
bool world_would_leave(struct world *w, uint32_t i, enum sync_end how);
void world_describe_sync(struct world *w, uint32_t slot, struct sync_info *ret);

world_can_fn world_sync_can, world_condition_can;
world_perform_fn world_sync_new, world_sync_do, world_sync_look, world_condition_do;

/* -- values and dicts (world_value.c), queues and pipes (world_queue.c) ------------------------ */

/* Call visit for all handles that the object stores; they may stand anywhere. */
void world_each_ref(const struct world_object *o,
                    void (*visit)(void *ctx, const struct object_ref *ref), void *ctx);
void world_value_each_ref(const struct world_object *o,
                          void (*visit)(void *ctx, const struct object_ref *ref), void *ctx);
void world_queue_each_ref(const struct world_object *o,
                          void (*visit)(void *ctx, const struct object_ref *ref), void *ctx);
void world_visit_refs(const uint8_t *at, uint64_t count,
                      void (*visit)(void *ctx, const struct object_ref *ref), void *ctx);
/* Append the bytes of the current message of a value that is none a number. */
int world_value_read(const struct world_object *o, struct buf *out);
bool world_value_is_number(const struct world_object *o);

/* Must a get join the line of readers of a queue without room? */
bool world_queue_must_join(struct world *w, uint32_t i, const struct request *r);
/* The process ends: of queues with redeliver, it gives up what it has in hand, or that comes back. */
void world_queue_leave(struct world *w, uint32_t i, bool well);
/* A MEET gives up with this result: its item is withdrawn, if nobody took it. -SBX_ENOMEM */
int world_queue_give_up(struct world *w, uint32_t i, const struct request *r, int rc,
                        struct answer *a);
world_can_fn world_queue_can, world_pipe_can, world_changed_can;
world_perform_fn world_value_do, world_dict_do, world_array_do;
/* The words of a new array are written: its elements. 0 or -SBX_ENOMEM */
int world_array_begin(struct world_object *o, const struct request *r);
world_perform_fn world_queue_new, world_queue_do, world_queue_take, world_queue_peek,
    world_queue_look;
world_perform_fn world_pipe_new, world_pipe_send, world_pipe_recv, world_pipe_close,
    world_pipe_look;

/* -- processes (world_process.c), select (world_select.c) -------------------------------------- */

int world_add_actor(struct world *w, uint32_t spawner, uint32_t *ret);
/* Is it a failure that will be reported? */
bool world_pending(const struct world_actor *p);
bool world_badly(const struct world_actor *p);

world_can_fn world_join_can, world_await_can, world_find_can, world_select_can;
world_perform_fn world_process_spawn, world_process_join, world_process_signal, world_process_look,
    world_process_parent, world_process_children, world_process_descendants, world_process_mail,
    world_process_find, world_process_await, world_process_finish;
world_perform_fn world_failure_new, world_failure_count, world_failure_join, world_failure_look;
world_perform_fn world_select_do;
/* What a select asks for at its objects. -SBX_ENOMEM */
int world_select_ask(struct world *w, uint32_t i, const struct request *r);

#endif
