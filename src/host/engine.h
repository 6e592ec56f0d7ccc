/*
 * host/engine.h - a run with --engine: the cluster backend (src/net) in front of that of the system.
 */
#ifndef SBX_HOST_ENGINE_H
#define SBX_HOST_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/engine.h"

struct control;    /* os/shared/control.h */
struct os_backend; /* os/shared/self.h */
struct snapshot;   /* look/snapshot.h */

/*
 * The objects of the run `name` are there, and this program is its host number `host`: 0 that of main, which
 * notes the run. The engine can be used. 0, -SBX_EENGINE, -SBX_ENOSPC, -SBX_ENOMEM
 */
int engine_choose(const struct engine_options *e, const char *name, uint16_t host);
/* main of this program, which is not that of the run, has these names there (net/net.h): after engine_choose. */
void engine_main_is(uint64_t stand_in, uint64_t spawner);
/* A process of this program, as all hosts of the run name it. */
uint64_t engine_process(uint32_t slot, uint64_t serial);

/* As supervisor_options.backend, after engine_choose: the two backends, and the keeper beside the run. NULL: no memory, or
 * no process. */
struct os_backend *engine_backend(struct control *c);

/* From now on engine_backend starts a lookout, too (lookout.h). `guided`: as of supervisor_options */
void engine_watch(bool guided);

/* Add to a snapshot of the run what the engine knows of all its hosts; see net/survey.h. */
int engine_survey(struct snapshot *s);

/* The run has ended: its keys go. In the process that called engine_backend. */
void engine_end(void);

#endif
