/*
 * object/quiet.h - which ops decide nothing by their order, by their kind. Pure.
 *
 * An exploration (sim/explore) does them at once, so they are no steps of a schedule; a replay
 * (os/shared/turns.h) does not hold them up.
 */
#ifndef SBX_OBJECT_QUIET_H
#define SBX_OBJECT_QUIET_H

#include "object/op.h"

/*
 *   patient     it has no deadline: waiting for an end with one may come too early
 *   joins_only  of a SELECT: all of its ops are joins, in the script's order, as in join_all
 * PROCESS_AWAIT, PROCESS_END and PROCESS_LOOK may be steps or not: that depends on how the processes stand.
 */
bool op_is_quiet(enum op_kind kind, bool patient, bool joins_only);
bool op_may_be_quiet(enum op_kind kind);

#endif
