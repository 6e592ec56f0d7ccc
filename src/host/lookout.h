/*
 * host/lookout.h - deadlocks of a run over an engine, and over several hosts.
 *
 * Beside the run is a process, its lookout. It looks when the supervisor of a run without an engine would (os/supervisor/deadlock.h), but the
 * snapshot that it takes is of all hosts (look/gather.h), and of the objects in the engine (net/gather.h). What it finds goes to
 * the supervisor through a page that they share; so nothing that the engine does holds up the supervisor.
 *
 * The snapshot of a far process's run comes from its supervisor, by way of the courier (host/far_waits.h).
 * Nothing is asked as long as no process waits that a look could be about.
 */
#ifndef SBX_HOST_LOOKOUT_H
#define SBX_HOST_LOOKOUT_H

#include "base/buf.h"
#include "os/supervisor/supervisor.h"

struct net_options;

/*
 * Fork the lookout, before main is forked. It ends with the calling process, the supervisor.
 *   guided  as of supervisor_options
 * 0, -SBX_ENOMEM, -SBX_EAGAIN
 */
int lookout_start(const struct net_options *o, struct control *c, bool guided);

/* As supervisor_options.look; finds nothing if there is no lookout. */
enum deadlock lookout_found(struct control *c, struct buf *told);

#endif
