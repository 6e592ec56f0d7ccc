/*
 * net/survey.h - what the engine knows of a run, added to a snapshot of this host (look/snapshot.h): the objects
 * in it, who stands in their lines, and the processes of other hosts that have used one.
 *
 * Nothing is stopped for it, and objects are read one after the other. So the snapshot is not settled then: it shows,
 * and proves nothing.
 */
#ifndef SBX_NET_SURVEY_H
#define SBX_NET_SURVEY_H

#include "look/snapshot.h"
#include "net/net.h"

/* The hash of a run in which the processes that stand for its hosts are noted: number of the far process -> "SERIAL PARENT
 * NAME STAND-IN ID"; PARENT is the far process in whose run the stand-in is, "-" for the run itself; NAME the host; STAND-IN is its
 * net_process; ID the far process. The host of the run itself is noted, too, as number 0. */
#define NET_FLEET "fleet"
/* The same number -> the name of the host, which stays when the far process has ended. */
#define NET_PLACES "places"

struct net_stand_in {
  uint64_t number;     /* of the far process */
  char id[ENGINE_RUN]; /* the same */
  char host[NAME_MAX_BYTES];
  uint64_t parent;  /* number of the far process in whose run it is; 0: it is in the run itself */
  uint64_t process; /* its id in the whole: look/gather.h */
};

/*
 * Add to `s`, which was taken with SNAPSHOT_QUEUES in the run itself (host number 0).
 *   o  of the run; its engine is connected to for it, for a second at most
 * 0, -SBX_ENOMEM, or -SBX_EENGINE; then `s` is unchanged, but for what was added so far.
 */
int net_survey(const struct net_options *o, struct snapshot *s);

#endif
