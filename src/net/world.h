/*
 * net/world.h - a world: objects that independent programs share, which find them by their names.
 *
 * It is kept in an engine as the objects of a run are, under "sandbox:{world.NAME}:", but by several programs,
 * each of which is a host of it, with a number of its own and a keeper. Besides the keys of a run:
 *
 *    run        what the programs speak (far_speaks): others are refused
 *    tag        drawn by the first; in the references of its objects, so that they are not taken for others
 *    named      "TYPE:NAME" -> id
 *    programs   number -> when its keeper has beaten last, in seconds of the engine's clock
 *    numbers    the number that was given last
 *
 * A keeper beats each second. One that has not for WORLD_LOST_S is lost: the first other keeper to see it buries the
 * processes of that program. But keepers themselves are not sure of the time when the engine was away, so only
 * one that has beaten in time for as long declares others lost.
 *
 * All keys live ENGINE_TTL_S after the last beat: so long the objects are there after the last program has left.
 */
#ifndef SBX_NET_WORLD_H
#define SBX_NET_WORLD_H

#include "net/net.h"

enum { WORLD_NAME = 32, WORLD_LOST_S = 5, WORLD_BEAT_S = 1 };

/* Letters, digits, "-", "_", ".", at most WORLD_NAME of them? */
bool net_world_is_name(const char *name);
/* The name of a world. Borrowed from `o`. */
const char *net_world_name(const struct net_options *o);

/*
 * Connect, and become one of its programs, which beats from now on (net_keeper_start). `speaks` is compared
 * with that of the others. 0 and *ret; or -SBX_EENGINE, and `why` in one line; -SBX_ENOMEM.
 */
int net_world_join(const struct engine_options *e, const char *name, const char *speaks,
                   struct net_options *ret, char why[ENGINE_WHY]);

/* Beat. `sure`: bury those that are lost. 0 or a code */
int net_world_beat(struct engine *e, const struct net_options *o, bool sure);
/* The program has left. Without an engine the others find that it is lost. */
void net_world_leave(struct engine *e, const struct net_options *o);

#endif
