/*
 * host/far.h - processes on other hosts.
 *
 * Vocabulary
 *   far process   one that was spawned on another host. There it is main of a run of its own, with a
 *                 supervisor above it
 *   stand-in      the process of the spawner's run that stands for it: it is what `spawn` returns a handle
 *                 of. It prints what the far process prints, sends on the signals that it gets, and ends as
 *                 the far process ends. So join, select, status, limits and reports need to know nothing
 *   agent         `sandbox agent`: one on each host. It beats, and starts a courier for each request
 *   courier       the agent's process beside one far process: its output, its end, its signals
 *
 * Stand-in and courier talk through a link (net/link.h) and see each other's beats (net/host.h). In the
 * engine, of far process ID of RUN:
 *   sandbox:{RUN}:far:ID:up    from the courier: began, output, the end
 *   sandbox:{RUN}:far:ID:down  from the stand-in: signals
 *   sandbox:{RUN}:far:ID       the stand-in's beat; when it is gone, the far process ends
 *   sandbox:{RUN}:lost         a set of far processes, by ID, that were declared dead: a fence
 */
#ifndef SBX_HOST_FAR_H
#define SBX_HOST_FAR_H

#include <stdatomic.h>

#include "base/buf.h"
#include "host/far_waits.h"
#include "net/engine.h"
#include "net/host.h"
#include "object/op.h"

enum { FAR_PATH = 1024 };

/* What this program knows of other hosts. */
struct far_setup {
  bool on;     /* there is an engine */
  bool far;    /* this process belongs to a far process */
  bool spread; /* spawn without `on` goes round the hosts */
  struct engine_options engine;
  char run[ENGINE_RUN];
  char id[ENGINE_RUN];       /* of the far process */
  char here[NAME_MAX_BYTES]; /* the name of this host */
  int64_t lost_ns;           /* a host is lost after so long without a beat */
  int trace;                 /* as in a far_request */
};

/* Written before main is forked. */
extern struct far_setup far_setup;

/* What a hello compares: the versions of sandbox and Lua, the form of bytecode, the size of a word. Static. */
const char *far_speaks(void);

/* Do they understand each other? Else `why` names both sides. */
bool far_understands(const struct host_info *h, char why[ENGINE_WHY]);

/* What an agent is asked to start. */
struct far_request {
  char run[ENGINE_RUN], id[ENGINE_RUN];
  char name[NAME_MAX_BYTES]; /* of the process */
  char from[NAME_MAX_BYTES]; /* the spawner's host */
  uint64_t seed;
  double speed, now; /* of the run's clock */
  int64_t lost_ns;
  int trace;         /* enum trace_detail + 1: its ops are recorded; 0: they are not */
  uint64_t serial;   /* of the stand-in */
  uint64_t stand_in; /* as all hosts name it (engine_process); and the process that spawned it */
  uint64_t spawner;
  char parent[ENGINE_RUN]; /* id of the far process in whose run that is; "": in the run itself */
  uint8_t key[16];         /* of the run */
  char cwd[FAR_PATH];      /* gone to if it is there */
  char spawned_at[WHERE_MAX]; /* "file:line" */
  const void *call;           /* the function and its arguments; borrowed */
  size_t call_len;
};

/* As bytes, appended to `ret`; and back, `call` borrowed from them. False: they are malformed. */
int far_request_write(const struct far_request *r, struct buf *ret);
bool far_request_read(const void *data, size_t len, struct far_request *ret);

/* Keys. */
size_t far_key(char ret[ENGINE_KEY], const char *run, const char *id, const char *what);

/* A number for a far process in its run, from 1: that of its host, for src/net. It stands in the record of the
 * stand-in, too, and is noted for net/survey.h. 0, or as engine_ask; -SBX_ELIMIT: there are no more. */
int far_number(struct engine *e, const struct far_request *r, const char *record, const char *host,
               uint16_t *ret);

/* Has the far process been declared dead? And: declare it so. 0, or as engine_ask. */
int far_is_fenced(struct engine *e, const char *run, const char *id, bool *ret);
int far_fence(struct engine *e, const char *run, const char *id);
/* The ids of all that were declared so: a list. 0, or as engine_ask */
int far_lost(struct engine *e, const char *run, struct engine_reply **ret);

/* It is fenced, and its processes are dead for the objects of the run: locks pass on. */
int far_declare_dead(struct engine *e, const char *run, const char *id, const char *record);

/* Keep a key for a minute more. */
int far_renew(struct engine *e, const char *key);
int far_forget(struct engine *e, const char *key);

/* -- messages of the link: their kinds ----------------------------------------------------------- */

enum far_kind {
  FAR_OUT = 'o',     /* bytes for stdout: whole lines */
  FAR_ERR = 'e',     /* for stderr */
  FAR_MODULE = 'm',  /* a process wants a module: "REPLY-KEY NAME" */
  FAR_END = 'z',     /* struct far_end, then the outcome */
  FAR_LOST = 'l',    /* the agent ends it: why, a text */
  FAR_SIGNAL = 's',  /* down: a number, in text */
  FAR_REQUEST = 'r', /* to an agent: struct far_request */
  FAR_OVER = 'x',    /* to an agent: the name of a run that has ended */
  FAR_LOOK =
      'w' /* down, from the lookout of the run: what do its processes wait for? See far_waits.h */
};

/* How a far process ended. */
struct far_end {
  int32_t exit_code;
  int32_t signal;  /* 0: it left by itself */
  int32_t outcome; /* enum far_outcome */
};
enum far_outcome { FAR_NOTHING, FAR_RESULTS, FAR_FAILURE };

/* -- the parts ------------------------------------------------------------------------------------ */

struct options;

/* `sandbox agent`. Returns the exit status. */
int agent_command(const struct options *o);

/* A page that a courier shares with the far process. */
struct far_page {
  _Atomic int32_t main_pid;  /* main; 0: it has not begun */
  _Atomic int32_t outcome;   /* main, when all of it has been written: enum far_outcome */
  _Atomic uint64_t recorded; /* its supervisor: bytes of whole chunks in the log; see far_trace.h */
  _Atomic uint64_t shipped;  /* courier: of these it has sent so many */
  _Atomic uint64_t lost;     /* its supervisor: records that it had no room for */
  _Atomic uint32_t
      expected; /* courier, before it sends main a signal that ends it: no news for a person */
  struct far_waits_page waits; /* see far_waits.h */
};

/* In a process that the agent has forked: start and look after one far process. */
void courier_run(const struct far_request *r, const struct host_info *me) __attribute__((noreturn));

/* The whole life of a far process's main, for supervisor_run; ctx is a struct far_main. */
struct far_main {
  const struct far_request *request;
  struct far_page *page;
  int outcome; /* the file into which it goes */
};
int far_main(struct backend *b, void *ctx);

#endif
