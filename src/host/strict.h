/*
 * host/strict.h - strict mode, from the host's side: may a run be strict on this machine, and with which
 * layers.
 */
#ifndef SBX_HOST_STRICT_H
#define SBX_HOST_STRICT_H

#include "host/options.h"

/* --strict=report: print which layers this machine has. Returns the exit status. */
int strict_report(void);

/* Before a run: refuse what cannot be held. Returns 0, or EXIT_USAGE after a message. */
int strict_prepare(const struct options *o);

#endif
