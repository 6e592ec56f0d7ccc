/*
 * net/net.h - the cluster backend: the objects of a run live in an engine (net/engine.h), and processes of
 * several hosts have them.
 *
 * The processes themselves are those of the backend below, that of the system: net_install puts a table of
 * ops in front of its own. What is about objects in the engine is done here; the rest goes on: spawn, join,
 * signals, output, progress bars, and queues that were made here = true.
 *
 * The one idea. An object is a string in the engine: the words of its machine (src/object), and its
 * line. To perform an op, the process takes the state that it saw last, asks the machine whether the op is
 * enabled, applies it to a copy, and has the engine compare and commit: if nobody has changed the object
 * meanwhile, the copy is the state from now on, and those that may go on are told (their bells). If
 * somebody has, the engine answers with the new state, and the process starts over. An op that cannot be done
 * puts its process into the line in the same way, and sleeps on its bell. So the machines decide, unchanged.
 * Put and get of queues, add and set of values, which many processes do at once, are scripts of the engine
 * (net/scripts.h): else they would collide. tests/conformance holds them to the machines.
 *
 *    state.h     the string                  scripts.h   what the engine does in one step
 *    engine.h    connections                 wire.c      commit, look, recall; who is dead
 *    net.c       which op goes where         process.c object.c   the calling process, its objects
 *    call.c      the loop around machines    view.c      what they see of the world; whom to ring
 *    bell.c      sleeping                    transfer.c  PUT and GET of queues
 *    sync.c      objects of object/sync.h: made, used, looked at, given up
 *    queue.c value.c dict.c array.c condition.c select.c: what is special of a type
 *    below.c     what goes on to the backend below           mail.c   mailboxes
 *    away.c ask.c  processes of other hosts                  office.c what the keeper does for other hosts
 *    keeper.c    the process beside the run: beats, deaths, the end
 *    world.c     objects that independent programs share, by their names
 *
 * Failures
 *   an answer is lost      net/scripts.h, "Once only"
 *   a process dies         the keeper of its host notices, and buries it: it is dead for all, out of all
 *                          lines, and its record refuses what it may still have sent
 *   it does not, but its   the same; its next op fails with -SBX_EFENCED
 *   host was silent
 *   the engine restarts    connections are made anew, what is cached is dropped, waiters look again
 */
#ifndef SBX_NET_NET_H
#define SBX_NET_NET_H

#include "net/engine.h"
#include "object/op.h"

/*
 * In the reference of an object that is in the engine: its slot; and its serial number, which is none of an
 * object here: its id, NET_SERIALS, and the tag of its world (net/world.h), which is 0 for those of the run.
 * Records of ops have the lower half, where TRACE_OUTSIDE says it.
 */
#define NET_SLOT UINT32_MAX
#define NET_SERIALS (UINT64_C(1) << 40 | UINT64_C(1) << 31)
#define NET_IDS (UINT64_C(1) << 31) /* ids are less */
#define NET_TAGS                                                                                   \
  (UINT32_C(1) << 31) /* tags, too: their lowest 8 bits are at 32, the others at 41 */
static inline uint64_t net_serial(uint32_t tag, uint64_t id) {
  return (uint64_t)(tag >> 8) << 41 | (uint64_t)(tag & 0xff) << 32 | NET_SERIALS | id;
}
static inline uint64_t net_id(const struct object_ref *ref) { return ref->serial & (NET_IDS - 1); }
static inline uint32_t net_tag(const struct object_ref *ref) {
  return (uint32_t)(ref->serial >> 41 << 8 | (ref->serial >> 32 & 0xff));
}

/*
 * A process, in references that leave its host: NET_SLOT, and this in place of a serial number, which is none of a
 * process here. It is the number of its host in the run, its slot and its serial number there; of a far process those of
 * what stands for it (net/mail.c).
 */
static inline uint64_t net_process(uint16_t host, uint32_t slot, uint64_t serial) {
  return (uint64_t)host << 48 | (uint64_t)(slot & 0xffff) << 32 | NET_IDS |
         (serial & (NET_IDS - 1));
}

struct net;

/* What the backend below does for it. */
struct net_below {
  void *ctx;
  /*
   * Sleep in an op of a script until one of the descriptors is readable (those that are not -1) or `until_ns` has come, the deadline of the op
   * passes, or something of the backend below that a SELECT also waits for may be there (those of its
   * ops that are not in the engine). 0: look again; -SBX_EINTERRUPTED; -SBX_ETIMEDOUT: the op's
   * deadline.
   */
  int (*sleep)(void *ctx, const struct op *op, const int *fds, uint32_t count, int64_t until_ns);
  /* A handle that its object_ref names like this; free it. -SBX_ENOMEM */
  int (*make)(void *ctx, enum object_type type, uint32_t slot, uint64_t serial,
              struct object **ret);
  void (*drop)(void *ctx, struct object *o);
  /* The calling process, a keeper, may live on for a moment when the run ends. NULL: it need not ask. */
  void (*spare)(void *ctx);

  /* Of processes of this host, for those of others (net/office.h), called by the keeper; NULL: no others ask. */

  /* As PROCESS_LOOK. If it has ended, what it left is appended to `left` (NULL: it is not wanted); *ret_bound: that names
   * something which cannot leave the host. 0, -SBX_EGONE, -SBX_ENOMEM, -SBX_ESYSTEM */
  int (*outcome)(void *ctx, const struct object_ref *p, struct process_info *ret, struct buf *left,
                 bool *ret_bound);
  /* As PROCESS_SIGNAL. */
  int (*signal)(void *ctx, const struct object_ref *p, int number);
  /* As FAILURE_JOIN, or FAILURE_LOOK. */
  void (*noted)(void *ctx, const struct object_ref *p, bool looked);
  int file; /* the descriptor that `outcome` needs */
};

struct net_options {
  struct engine_options engine;
  char run[ENGINE_SPACE]; /* its name, or that of a world */
  uint16_t host;          /* number of this host in the run; that of main is 0 */
  int keeper;             /* where processes register: net_keeper.births; -1: nowhere */
  uint32_t tag;           /* of a world, which several programs share; 0: a run of its own */
  uint64_t
      stand_in; /* net_process of what stands for main of this host; 0: main is no far process */
  uint64_t spawner; /* the same of the process that spawned it; 0: none */
};

/* Put the ops on objects in front of those of `b`; for this process and those forked later. `o` is
 * copied, `below` borrowed. Several can be installed: ops go to that whose tag the object has. 0 or -SBX_ENOMEM */
int net_install(struct backend *b, const struct net_options *o, const struct net_below *below,
                struct net **ret);
/* Close and free, in the process that calls it; `b` must not be used any more. NULL is accepted. */
void net_release(struct net *n);

/* Objects that are made from now on are this world's; NULL: the run's. What makes them must have a name: if there is
 * one of its type and name, that is meant. */
void net_make_in(struct net *n);
/* The one with this tag; NULL: none is installed in this process. */
struct net *net_of_tag(uint32_t tag);
const struct net_options *net_options_of(const struct net *n);
/* The calling process leaves for good: what it has in its hands passes on. `well`: items of queues with redeliver are
 * given up, and do not come back. */
void net_depart(struct net *n, bool well);

/*
 * The queue of a run with this name (NULL: with the number `id`); of several that with the lowest number. *ret_found: false if
 * there is none. 0 or a code
 */
int net_find_queue(struct engine *e, const char *run, const char *name, uint64_t id,
                   struct object_ref *ret, bool *ret_found);

/* A process, in the engine. */
uint64_t net_who(const struct net_options *o, uint64_t serial);

/* A host of the run is given up: its processes are dead for all from now on, out of all lines, and their ops
 * are refused. 0 or a code. */
int net_bury_host(struct engine *e, const char *run, uint16_t host);

/* -- the keeper ---------------------------------------------------------------------------------- */

/*
 * The process beside a run on this host. It renews the keys of the run, learns of each process when it first
 * uses an object (a message into `births`), and buries it when it has ended. When `life` is closed by all
 * that have it, it buries those that are left; if `owner`, it removes the keys of the run.
 */
struct net_keeper {
  int births; /* a socket, for all processes of the host: each message a struct net_birth */
  int life;   /* write end; of whoever stands above the run, and of what it has forked */
  int ended;  /* read end: its end when the keeper has tidied up */
};

enum { NET_BEAT_S = 15 };

/* What a keeper is told of a process. */
struct net_birth {
  uint64_t who;     /* it has begun; 0: nothing of the kind */
  int64_t pid;      /* of that */
  uint64_t process; /* as net_process: its handle has left the host; 0 */
};

/* Fork it. `below`: what it calls, `spare` and what is for others; NULL: nothing. -SBX_EMFILE, -SBX_EAGAIN, -SBX_ENOMEM */
int net_keeper_start(const struct net_options *o, bool owner, const struct net_below *below,
                     struct net_keeper *ret);
/* End it, and wait until it has tidied up, at most for some seconds. */
void net_keeper_end(struct net_keeper *k);

#endif
