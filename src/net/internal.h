/* net/internal.h - what the files of the cluster backend share; see net.h. */
#ifndef SBX_NET_INTERNAL_H
#define SBX_NET_INTERNAL_H

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net/net.h"
#include "net/scripts.h"
#include "net/state.h"
#include "object/queue.h"

/* -- this process -------------------------------------------------------------------------------- */

/* An object as this process knows it. */
struct net_object {
  struct net_object *next; /* in its chain */
  uint64_t id;
  uint8_t id_bytes[8];
  enum object_type type;
  uint32_t handles;
  struct net_state seen;    /* the state that was seen last */
  uint64_t seen_epoch;      /* over this connection; another: forget it */
  bool in_hand;             /* QUEUE: this process may have items of it in hand */
  bool used;                /* the engine knows that this process uses it */
  bool sent;                /* others may have it: it was in a message */
  bool holds;               /* this process is known to hold the end of a pipe that it names */
  uint64_t mail_of;         /* of a mailbox: the process, as net_process; 0 */
  uint64_t maker;           /* who made it, if that was seen here; 0 */
  uint64_t spawns;          /* processes that the maker had spawned before */
  char taken_at[WHERE_MAX]; /* the last acquire or update of this process */
  bool taken_scoped;
};

/* What this process does op after op, and nothing else. */
struct net_stream {
  const struct net_object *of; /* NULL: nothing */
  enum op_kind kind;           /* QUEUE_PUT, QUEUE_GET */
  unsigned failed, skip;       /* see linger() in transfer.c */
};

/* How long the oldest request to a keeper has been there unread: office_listens. */
struct net_silence {
  uint16_t host;      /* whose keeper */
  bool in_vain;       /* an answer was waited for in vain, and it has not read all since */
  uint64_t oldest[2]; /* its id in the stream */
  uint64_t epoch;     /* of the connection */
  int64_t last_ns;    /* when that was seen last */
  int64_t silent_ns;
};

/* What is known of the end of a process of another host: net/away.c. */
struct net_end {
  uint64_t process; /* as net_process; 0: nothing */
  uint64_t id;      /* of the object that is its end */
  int64_t asked_ns; /* when its host was last asked for it */
  uint64_t asked;   /* the number of that request */
};

enum { CHAINS = 256, NET_SHOWN = 16, NET_ENDS_MOST = 4096 };

struct net {
  struct net *next;               /* of those that are installed */
  const struct object_ops *inner; /* of the backend below */
  struct backend *backend;        /* borrowed */
  struct net_options o;
  const struct net_below *below;
  struct engine *engine, *bells;
  uint64_t bells_epoch; /* the connection over which this process listens; 0: it does not */
  uint64_t
      bells_server; /* the other connection when it began to listen: bells of an older server bring
                            no states */
  bool missed;      /* bells may have been lost: look again */
  int rung;         /* bells that were heard in a sleep; or a code */
  pid_t pid;
  uint64_t who;
  uint8_t who_bytes[8];
  uint64_t sequence;
  uint64_t asked; /* requests to homes: net/office.h */
  uint64_t spawns;
  int ends;               /* of pipes that this process holds */
  uint64_t clock_epoch;   /* the connection over which the clock was compared */
  int64_t clock_ahead_ns; /* of the engine, before that of this host */
  bool departs;           /* the process leaves the world, and goes on */
  bool fenced;
  uint64_t *dead; /* sorted; owned */
  size_t dead_count;
  char prefix[ENGINE_KEY]; /* "sandbox:{RUN}:" */
  struct net_object *chains[CHAINS];
  struct buf scratch; /* strings to be sent */
  struct net_stream stream;
  struct net_end *known; /* owned: a table, by process */
  uint32_t known_cap, known_count;
  struct net_end unknown;       /* of a process for which there is no place in it */
  struct net_silence *silences; /* owned; of the hosts whose processes were asked for */
  uint32_t silence_count;
  uint64_t
      shown[NET_SHOWN]; /* processes of this host of which the keeper knows that others may ask */
};

/* Tell the keeper something. 0; -SBX_EKEEPER: it was killed */
int net_tell_keeper(struct net *n, const struct net_birth *note);
/* Tell it of a process of this host, before anything is changed, so that it will notice the end. Once or more often. As
 * above */
int net_tell_birth(struct net *n, uint64_t who, int64_t pid);

/* One in a process: perform() brings only the backend. */
struct net_front {
  struct object_ops table; /* what perform() calls */
  const struct object_ops *inner;
  struct backend *backend;       /* borrowed */
  const struct net_below *below; /* borrowed */
  struct net *first;             /* those that are installed */
  struct net *making;            /* see net_make_in */
};
extern struct net_front net_front;

/* Has the calling process done anything there, and may it still? */
bool net_takes_part(const struct net *n);
/* Is it in an engine? And in which; NULL: this process is not connected there. */
bool net_is_outside(const struct object *o);
struct net *net_of_handle(const struct object *o);
/* Of an error of an engine, that engine is told: returns `rc`. */
int net_told(const struct net *n, int rc);
/* An op that is not about an object in an engine. */
int net_pass(struct op *op);

/* Before an op of an object in the engine: is this still the same process? 0 or a code. */
int net_enter(struct net *n);

/* A key of the run: net_key(n, key, "dead"). Returns its length. */
static inline size_t net_key(const struct net *n, char key[ENGINE_KEY], const char *what) {
  return engine_key(key, n->o.run, "%s", what);
}

/* The engine with what a reference names whose slot is NET_SLOT. NULL: this process is not connected there. */
struct net *net_of_ref(const struct object_ref *ref);
/* Is the object in this engine? */
bool net_has(const struct net *n, const struct object *o);
/* A reference to a process of this run as all hosts have it; and as this host has it: false if it is one of another, or
 * names no process like that. */
void net_process_everywhere(const struct net *n, struct object_ref *ref);
bool net_process_here(const struct net *n, struct object_ref *ref);
/* What its own host calls it. */
struct object_ref net_process_ref(uint64_t process);
/* As the engine knows it. */
uint64_t net_who_of_process(uint64_t process);
/* A handle leaves this host: others may ask for its process. */
void net_show_process(struct net *n, const struct object_ref *ref);
/* The entry of an object, made if there is none. NULL: no memory. */
struct net_object *net_find(struct net *n, enum object_type type, uint64_t id);
/* The same of the end of a process. 0; -SBX_ENOMEM; -SBX_EFLUSHED: its id is that of another object here, so the engine was
 * emptied since that was made. */
int net_find_end(struct net *n, uint64_t id, struct net_object **ret);
struct net_object *net_object_of(struct net *n, const struct object *o);
void net_forget_object(struct net *n, struct net_object *o);
/* Others may have the object of a reference from now on, in whatever engine it is. */
void net_note_sent(const struct object_ref *ref);
/* The engine's clock, as net_place.since has it. */
uint64_t net_ticks(struct net *n);
/* One field of a hash of the run. *ret: NULL if there is none; else the caller's. 0 or a code */
int net_read_field(struct net *n, const char *hash, struct engine_arg field,
                   struct engine_reply **ret);
/* The name of a process, for reports; "" if it is not known. */
void net_name_of(struct net *n, uint64_t who, char ret[NAME_MAX_BYTES]);
/* As it was learned last; each answer of a script says how many are dead, and more are learned then. */
bool net_is_dead(const struct net *n, uint64_t who);
/* Learn who is dead. 0 or a code */
int net_learn_dead(struct net *n);

/* Declare a process dead: out of all lines, and all that wait look again. Once or more often. */
int net_bury(struct engine *e, const struct net_options *o, uint64_t who);

/* -- what is sent -------------------------------------------------------------------------------- */

enum { ARGS_OWN = 48 };

/* The arguments of a script, behind the usual ones. Data is borrowed. */
struct net_args {
  struct engine_arg own[ARGS_OWN], *v;
  int count, cap;
  int rc; /* -SBX_ENOMEM of anything added */
};

void args_begin(struct net_args *a);
void args_add(struct net_args *a, const void *data, size_t len);
static inline void args_text(struct net_args *a, const char *text) {
  args_add(a, text, strlen(text));
}
void args_release(struct net_args *a);

/* A command on the contents of an object, for script_commit and script_look: `words` of them follow, to
 * be added by the caller; the first is the name of the command. */
void args_command(struct net_args *a, int words);
/* A check: the words follow, then args_expect. */
void args_check(struct net_args *a, int words);
/* What a check expects; NULL: nothing is there. `to` is scratch of the caller's, of 1 + len bytes. */
void args_expect(struct net_args *a, const void *data, size_t len, uint8_t *to);

/* What the engine says. */
enum net_word {
  WORD_OK,
  WORD_OLD, /* also: what was sent was not done, look again */
  WORD_SLOW,
  WORD_JOINED,
  WORD_FULL,
  WORD_CLOSED,
  WORD_CROWD
};

/*
 * Have a script done once, for an object. The usual arguments are put before `a`. Returns enum net_word,
 * and the answer in *ret (owned by the caller; NULL after an OLD without one); or a code. The
 * state that an answer brings is in o->seen then.
 */
int net_once(struct net *n, struct engine_script *script, struct net_object *o,
             const struct net_args *a, struct engine_reply **ret);

/* See the state of an object, and read of its contents by the commands in `a` (NULL: none): their answers
 * are those of *ret from LOOK_ANSWERS on. `ret` may be NULL. 0 or a code. */
enum { LOOK_ANSWERS = 3, COMMIT_ANSWERS = 2 };
int net_look(struct net *n, struct net_object *o, const struct net_args *a,
             struct engine_reply **ret);
/* The same, if what was seen last cannot be used. */
int net_see(struct net *n, struct net_object *o);

/*
 * Commit `next` (NULL: the state stays) with the commands in `a`, if the object is as o->seen has it, and ring. `next`
 * gets its generation. WORD_OK, WORD_OLD, or a code.
 */
int net_commit(struct net *n, struct net_object *o, struct net_state *next,
               const struct net_args *commands, const uint64_t *bells, uint32_t bell_count,
               struct engine_reply **ret);

/* -- bells --------------------------------------------------------------------------------------- */

/* When a sleeper looks by itself, after so many looks. Tests replace it, and take away what heals lost
 * bells. */
int64_t net_look_again_ns(unsigned looks);

/* The channel of a process. Returns the length of its name. */
size_t bell_channel(const struct net *n, uint64_t who, uint8_t ret[ENGINE_KEY + 16]);
/* Listen, before a line is joined. 0 or a code. */
int bell_listen(struct net *n);
/* Sleep in an op until a bell rings, or a while; what bells tell of objects is seen then. As
 * net_below.sleep. `looks`: how often this op has slept so far. */
int bell_sleep(struct net *n, const struct op *op, unsigned looks);
/* The same for bells of several engines, BELLS_MOST at most. */
enum { BELLS_MOST = 16 };
int bells_sleep(struct net *const *all, uint32_t count, const struct op *op, unsigned looks);

/* -- ops ----------------------------------------------------------------------------------------- */

/* How a machine asks of the world: a state, and who is dead. */
struct net_view {
  struct net *n;
  struct net_state *s;
  enum op_kind kind; /* of the calling process's op */
  bool patient;
};
extern const struct sync_world_ops net_view_ops;
#define NET_WORLD(view) (&(struct sync_world){.ops = &net_view_ops, .ctx = (view)})

/* How long ago a place in line was joined or confirmed last, in the ticks of the engine's clock. */
uint64_t net_place_age(struct net *n, const struct net_place *p);
/* By the clock of another host it is younger than nothing. */
bool net_age_is_ahead(uint64_t age);
/* A process that has not confirmed its place for long may be stopped, and holds up nobody. */
bool net_is_present(struct net *n, const struct net_place *p);

/* Whom a new state lets go on, and whom a step asks to be woken: into `bells` (PLACES_MOST). */
uint32_t net_bells(struct net *n, struct net_state *next, const struct sync_step *step,
                   uint64_t *bells);

struct net_call;

/* What an object does whose contents do not stand in the words of its machine. */
struct net_storage {
  /* Ask for what `enabled` or `apply` must know: commands of a look. NULL: nothing. */
  void (*ask)(struct net_call *c, struct net_args *look);
  /* Here is the answer, of one command. 0, or a code: the op fails with it. */
  int (*told)(struct net_call *c, const struct engine_reply *answer);
  /* The machine has applied it to c->next: checks and commands of the commit. NULL: none */
  int (*prepare)(struct net_call *c, struct net_args *commit);
  /* It is done. `answers`: of the commit; NULL if there was none, since nothing was to be changed or asked. */
  int (*done)(struct net_call *c, const struct engine_reply *answers);
};

/* An op under way. */
struct net_call {
  struct net *n;
  struct op *op;
  struct net_object *o;
  const struct sync_machine *machine;
  const struct net_storage *storage; /* NULL: none */
  struct sync_step step;
  struct net_state next;
  unsigned looks;
  bool
      fresh; /* the state was seen since the op began: what is decided by it alone, without a commit, may
                      not be decided by an older one */
  struct buf keep;     /* of the storage: bytes that commands borrow, until they are done */
  struct number given; /* by the op, which a machine may change */
  struct buf read;     /* of the storage: what it was told */
  bool has_read;
};

void call_begin(struct net_call *c, struct net *n, struct op *op, struct net_object *o);
void call_release(struct net_call *c);

/* Commit c->next (if `changed`) with `commands`, and ring. As net_commit. */
int call_commit(struct net_call *c, bool changed, const struct net_args *commands,
                struct engine_reply **ret);

enum call_look {
  CALL_WAIT, /* if it cannot be done, join the line */
  CALL_LAST, /* if it cannot be done, leave the line */
  CALL_POLL  /* if it cannot be done, nothing happens */
};
enum { CALL_WAITS = 1 };

bool call_is_over(int64_t deadline_ns);

/* Look once, until it is known. CALL_WAITS; else it is over. */
int call_look(struct net_call *c, enum call_look how);
/* Look and sleep, until it is over. */
int call_finish(struct net_call *c);
/* Leave the line with nothing. 0 or a code */
int call_cancel(struct net_call *c);

typedef int net_op_fn(struct net *n, struct op *op);
net_op_fn net_sync_do, net_lock_do, net_condition_do, net_value_do, net_dict_do, net_array_do;
net_op_fn net_queue_new, net_queue_look, net_queue_do, net_queue_peek, net_queue_take;
net_op_fn net_pipe_new, net_pipe_do;
net_op_fn net_mail, net_process_look, net_process_join, net_process_signal, net_process_refuse;
net_op_fn net_sync_new, net_sync_look, net_release_handle, net_import_handle;

/* As perform_run. */
int net_queue_run(struct net *n, struct op *ops, uint32_t count, uint32_t *ret_done);
/* The same, of a queue with room; `how`: one look, which may answer CALL_WAITS; NULL: until it is over. */
int net_transfer(struct net *n, struct net_object *o, struct op *ops, uint32_t count,
                 const enum call_look *how, uint32_t *ret_done);

/* A PUT into a mailbox. -SBX_ECLOSED: its process has ended. */
int net_mail_put(struct net *n, struct net_object *o, struct op *op);

/* Of a queue: could the op of one that stands in its line be done? */
bool net_queue_could(struct net *n, struct net_state *s, const struct net_place *place);
/* The words of a queue; with redeliver, those that came back do not count as taken. */
struct queue_state net_queue_words(const struct net_state *s);
/* The calling process ends well: it gives up what it has in hand of all queues. 0 or a code */
int net_queue_leave(struct net *n);
/* An op that is none of those of net_transfer. */
int net_queue_by_machine(struct net *n, struct net_object *o, struct op *op);
/* Stand in the line for an op; and leave it: -SBX_ETIMEDOUT. Or another code */
int net_queue_stand(struct net *n, struct net_object *o, struct op *op);
int net_queue_leave_line(struct net *n, struct net_object *o, struct op *op);

/* As net_try, of a JOIN of a process of another host; `select` is what waits. */
int net_process_try(struct net *n, struct op *op, const struct op *select, enum call_look how);
/* A process that was told to pause stands when this returns, or goes on when it was to resume, if it is a far process that
 * has begun; but for a host that is busy for long. Of other signals nothing is to be seen. */
static inline bool net_signal_shows(int number) {
  return number == SIGNAL_PAUSE || number == SIGNAL_RESUME;
}
void net_await_signal(struct net *n, uint64_t process, const struct op *op);
/* What stands for a far process was looked at, and runs: it is as the far process is, if that is paused. */
void net_note_pause(struct net *n, uint64_t process, const struct op *op, struct process_info *ret);
/* FAILURE_JOIN and FAILURE_LOOK of such a process. In an op that may wait it waits for its home no longer than that. */
void net_process_noted(struct net *n, const struct object_ref *p, bool looked, const struct op *op);

/* As net_try, of a PUT or a GET. */
int net_queue_try(struct net *n, struct op *sub, enum call_look how);

/* Are two objects of one name made with the same options? */
bool net_world_alike(const struct net_state *a, const struct net_state *b);
/* Make the string of a new object, `first`; op->object is a handle of it. */
int net_create(struct net *n, struct net_state *first, struct op *op);
/* The same, of which the handle has another type; `id` was drawn. op->number 1: it is the lock that a condition makes, which in a
 * world has a name beside those of locks. */
int net_create_as(struct net *n, struct net_state *first, enum object_type type, uint64_t id,
                  struct op *op);
/* Draw so many ids; *ret is the last. 0; -SBX_EFLUSHED: one of them is in use here; or another code */
int net_draw_ids(struct net *n, int count, uint64_t *ret);
/* The object that is the end of a process, made if there is none: net/office.h. 0 or a code */
int net_create_end(struct net *n, uint64_t who, uint64_t *ret_id);
/* Take it out of the engine. */
void net_destroy(struct net *n, const struct net_object *o);

/* -- pipes, see pipe.c ------------------------------------------------------------------------- */

/* A handle of an end was made from a message, or the last was dropped. 0 or a code */
int net_pipe_import(struct net *n, struct net_object *o);
void net_pipe_drop(struct net *n, struct net_object *o);
/* Ends of pipes among `refs` are in so many messages more. */
void net_pipes_fly(struct net *n, const struct object_ref *refs, uint32_t count, int messages);
/* A message was taken that has put its references into `taken`, from a byte on; `entered`: and has entered the process in the
 * same step. And: one of them was decoded, or will not be. */
void net_pipes_arrive(struct net *n, const struct buf *taken, size_t from, bool entered);
void net_pipe_land(struct net *n, const struct object_ref *ref);
/* A child was forked, which has the handles of this process, too. */
void net_pipes_inherit(struct net *n, uint64_t child);
/* Of the queue of an end: is there a process besides `but`, or a message, that has the other end? */
bool net_pipe_is_held(const struct net *n, const struct net_state *s, uint64_t but);
/* As net_try, of a RECV. */
int net_pipe_try(struct net *n, struct op *op, enum call_look how);
/* The process ends: give up what it has in its hands. */
int net_leave(struct net *n, enum sync_end how);

/* A select with things in engines. */
int net_select_do(struct op *op);

/* Handles in a message: may they be where others see them? -SBX_EHERE */
int net_check_refs(struct net *n, const struct object_ref *refs, uint32_t count);

/* -- messages, as they are stored: how many handles, the handles, the bytes ------------------------- */

int stored_pack(struct buf *to, const struct object_ref *refs, uint32_t count, const void *data,
                size_t len, const void *more, size_t more_len);
/* What a PUT sends. */
int stored_pack_op(struct buf *to, const struct op *op);
struct stored {
  const uint8_t *refs;
  uint32_t count;
  const uint8_t *data;
  size_t len;
};
/* -SBX_ENOOBJECT */
int stored_read(const struct engine_reply *r, struct stored *ret);
/* Append it to the op's buffers. -SBX_ENOMEM */
int stored_take(const struct stored *m, struct buf *out, struct buf *taken);

#endif
