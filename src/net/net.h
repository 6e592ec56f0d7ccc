/*
 * net/net.h - the cluster backend: the objects of a run live in an engine (net/engine.h), and processes of
 * several hosts have them.
 *
 * The processes themselves are those of the backend below, that of the system: net_install puts a table of
 * ops in front of its own. What is about objects in the engine is done here; the rest goes on: spawn, join,
 * signals, output, mailboxes, progress bars, and queues that were made here = true.
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
 *    sync.c      the loop around machines    bell.c      sleeping
 *    transfer.c  PUT and GET of queues
 *    queue.c value.c dict.c array.c condition.c select.c: what is special of a type
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
enum { NET_TAG_SHIFT = 41, NET_TAG_BITS = 23 };
#define NET_IDS (UINT64_C(1) << 31) /* ids are less */
static inline uint64_t net_id(const struct object_ref *ref) { return ref->serial & (NET_IDS - 1); }
static inline uint32_t net_tag(const struct object_ref *ref) {
  return (uint32_t)(ref->serial >> NET_TAG_SHIFT);
}

struct net;

/* What the backend below does for it. */
struct net_below {
  void *ctx;
  /*
   * Sleep in an op of a script until `fd` is readable or `until_ns` has come, the deadline of the op
   * passes, or something of the backend below that a SELECT also waits for may be there (those of its
   * ops that are not in the engine). 0: look again; -SBX_EINTERRUPTED; -SBX_ETIMEDOUT: the op's
   * deadline.
   */
  int (*sleep)(void *ctx, const struct op *op, int fd, int64_t until_ns);
  /* A handle that its object_ref names like this; free it. -SBX_ENOMEM */
  int (*make)(void *ctx, enum object_type type, uint32_t slot, uint64_t serial,
              struct object **ret);
  void (*drop)(void *ctx, struct object *o);
  /* The calling process, a keeper, may live on for a moment when the run ends. NULL: it need not ask. */
  void (*spare)(void *ctx);
};

struct net_options {
  struct engine_options engine;
  char run[ENGINE_SPACE]; /* its name, or that of a world */
  uint16_t host; /* number of this host in the run; that of main is 0 */
  int keeper;    /* where processes register: net_keeper.births; -1: nowhere */
  uint32_t tag;  /* of a world, which several programs share; 0: a run of its own */
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
/* The calling process leaves for good: what it has in its hands passes on. */
void net_depart(struct net *n);

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
  int births; /* write end; for all processes of the host */
  int life;   /* write end; of whoever stands above the run, and of what it has forked */
  int ended;  /* read end: its end when the keeper has tidied up */
};

enum { NET_BEAT_S = 15 };

/* Fork it. `below`: whose `spare` it calls; NULL: none. -SBX_EMFILE, -SBX_EAGAIN, -SBX_ENOMEM */
int net_keeper_start(const struct net_options *o, bool owner, const struct net_below *below,
                     struct net_keeper *ret);
/* End it, and wait until it has tidied up, at most for some seconds. */
void net_keeper_end(struct net_keeper *k);

#endif
