/*
 * net/host.h - the hosts that an engine knows: what their agents say of themselves, and whether they live.
 *
 * An agent has a record in the engine, which its beat renews each second with the engine's own time. So
 * nobody's clock matters but the engine's: a host whose last beat is too old is lost. A name belongs to the
 * agent that beats; another one that wants it has to wait until that is lost. `life` tells one agent of a
 * name from the next.
 *
 * A process that stands for one on another host beats in the same way: in its own record.
 */
#ifndef SBX_NET_HOST_H
#define SBX_NET_HOST_H

#include "net/engine.h"
#include "object/op.h"

enum { HOST_SPEAKS = 160 };
#define HOST_LOST_NS (5 * NS_PER_SECOND) /* the default: no beat for so long */
#define HOST_BEAT_NS NS_PER_SECOND

struct host_info {
  char name[NAME_MAX_BYTES];
  char life[ENGINE_RUN];
  char speaks[HOST_SPEAKS]; /* versions: hosts that say the same understand each other */
  int64_t slots, cpus, processes;
  int64_t age_ns; /* of its last beat */
};

/* Is it a name for a host: letters, digits, "-", "_", ".", fewer than NAME_MAX_BYTES? */
bool host_is_name(const char *name);

/*
 * Write the record and beat; `processes` is left as it is. *ret_taken: the name belongs to another agent,
 * which has beaten within `lost_ns`. 0, or as engine_ask.
 */
int host_beat(struct engine *e, const struct host_info *me, int64_t lost_ns, bool *ret_taken);
int host_set_processes(struct engine *e, const char *name, int64_t processes);

/* The agent ends, and takes its record away. */
int host_leave(struct engine *e, const struct host_info *me);

/* What is known of the host. *ret_found: false if it has no record. */
int host_look(struct engine *e, const char *name, struct host_info *ret, bool *ret_found);

/* Call `visit` for each name that an agent has had lately, in the order of names; it may return a code to
 * stop. */
int host_names(struct engine *e, int (*visit)(void *ctx, const char *name), void *ctx);

/* Beat in a record of one's own: the key `record`. */
int host_beat_own(struct engine *e, const char *record);

/* The age of the last beat in a record, and the life that stands there, if there is one; -1: there is no
 * record. */
int host_age(struct engine *e, const char *record, int64_t *ret_age_ns, char ret_life[ENGINE_RUN]);

/*
 * How a process that looks at another host's beats, each HOST_BEAT_NS, knows that these are overdue. A
 * look that comes late itself, or over another connection, says nothing: the engine may have been away,
 * or stopped, and then nobody could beat. So patience starts anew.
 */
struct host_watch {
  uint64_t epoch; /* of the connection */
  int64_t last_ns, patience_ns;
};

void host_watch_begin(struct host_watch *w, uint64_t epoch, int64_t lost_ns);
/* After a look, over the connection `epoch`, that found the last beat `age_ns` old. */
bool host_is_overdue(struct host_watch *w, uint64_t epoch, int64_t age_ns, int64_t lost_ns);

/* The key of a host's record, and of the stream with the requests to its agent. */
size_t host_record(char ret[ENGINE_KEY], const char *name);
size_t host_inbox(char ret[ENGINE_KEY], const char *name);

#endif
