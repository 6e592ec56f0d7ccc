/*
 * os/process/spawn.h - a process begins: its record is claimed and filled, then it is forked, and takes its first steps.
 *
 * The order is for kills. The record comes first, and says what the child will hold, so a parent that is killed
 * before the fork leaves a record that others recognise as one of nobody; and a child writes into it only when it
 * knows that it is still its own.
 */
#ifndef SBX_OS_PROCESS_SPAWN_H
#define SBX_OS_PROCESS_SPAWN_H

#include "os/shared/self.h"

/*
 * OP_PROCESS_SPAWN: fork. In the parent op->number is 1 and op->object the child; in the child
 * op->number is 0 and the backend is the child's. -SBX_ELIMIT, -SBX_ERECORDS, -SBX_EAGAIN,
 * -SBX_ENOMEM, -SBX_EDEPTH, -SBX_EGONE
 */
int process_spawn(struct os_backend *b, struct op *op);

/* The first steps of a process made by fork, its record claimed: it becomes RUNNING, or dies.
 * `lifeline` is what lifeline_open gave. */
void process_begin(struct os_backend *b, int lifeline);

#endif
