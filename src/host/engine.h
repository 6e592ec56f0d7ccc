/*
 * host/engine.h - a run with --engine: the cluster backend (src/net) in front of that of the system.
 */
#ifndef SBX_HOST_ENGINE_H
#define SBX_HOST_ENGINE_H

#include "host/options.h"

struct control;    /* os/shared/control.h */
struct os_backend; /* os/shared/self.h */

/* The engine that the command line or SANDBOX_ENGINE names; NULL: none, or the run has nothing to do with
 * one. Borrowed. */
const char *engine_wanted(const struct options *o);

/*
 * Connect to it, see that it can be used, and choose a name for the run. A password on the command line is
 * overwritten. 0; or EXIT_USAGE, and one line was printed.
 */
int engine_begin(const struct options *o);

/* As supervisor_options.backend, after engine_begin: the two backends, and the keeper beside the run. NULL: no memory, or
 * no process. */
struct os_backend *engine_backend(struct control *c);

/* The run has ended: its keys go. In the process that called engine_backend. */
void engine_end(void);

#endif
