/*
 * os/shared/ask.h - ask a process something: it answers at its next safe point, running or asleep, and
 * goes on.
 *
 * A word of its record holds the questions; WAKE_SIGNAL makes it look. A process that is stopped,
 * or inside a long call into C, answers later; one that dies never does.
 */
#ifndef SBX_OS_SHARED_ASK_H
#define SBX_OS_SHARED_ASK_H

#include <stdint.h>

#include "os/shared/control.h"

/*
 * Ask, and wait until it has answered.
 *   question     enum question
 *   deadline_ns  CLOCK_MONOTONIC; one in the past: only ask
 * Returns 0, -SBX_ETIMEDOUT (it will answer when it can), -SBX_EGONE (no such process any more). No
 * lock, no descriptor that stays; whoever holds the control block may ask.
 */
int ask(struct control *c, uint32_t slot, uint64_t serial, unsigned question, int64_t deadline_ns);

/* Of the process that was asked: it has answered. */
void ask_answered(struct process_record *me, unsigned questions);

#endif
