/*
 * net/gather.h - the engine's part of a snapshot of all hosts (look/gather.h): which far processes there are, and the objects that are
 * waited for.
 *
 * What it adds proves something only if `settled` stays: then the engine knows of no process that the snapshot does not have, such as one
 * that has just begun, or has died and still holds what it had.
 */
#ifndef SBX_NET_GATHER_H
#define SBX_NET_GATHER_H

#include "look/snapshot.h"
#include "net/net.h"
#include "net/survey.h"

struct net_gather;

/* `o` is copied: of the run. A connection is made when there is something to ask, and given up after a second. 0 or -SBX_ENOMEM */
int net_gather_open(const struct net_options *o, struct net_gather **ret);
struct engine *net_gather_engine(struct net_gather *g);
/* NULL is accepted. */
void net_gather_close(struct net_gather *g);

/* The far processes that were begun, but for those that have left by net_gather_forget; in the order of their numbers. Borrowed until
 * the next call. 0, -SBX_ENOMEM, or as engine_ask */
int net_gather_fleet(struct net_gather *g, const struct net_stand_in **ret, size_t *ret_count);

/* A far process is gone, with all of its run. 0, or as engine_ask */
int net_gather_forget(struct engine *e, const char *run, uint64_t number);

/*
 * Add the objects in the engine that processes of `s` wait for, and say which of the waits could go on. All processes of the fleet are in `s`.
 * 0, -SBX_ENOMEM, or as engine_ask
 */
int net_gather_objects(struct net_gather *g, struct snapshot *s);

#endif
