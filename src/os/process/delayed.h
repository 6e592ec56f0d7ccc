/*
 * os/process/delayed.h - lines of stdout that gather for a moment, in a process whose stdout is a file.
 *
 * A write(2) for each line is dear, and nobody looks at a file line by line. So where
 * stdout is a regular file, and not tagged:
 *
 *   1. A line is written at once, and a timer starts. Until it ends stdout is fully buffered: the
 *      lines that follow gather in stdio's buffer.
 *   2. They leave when it is full; when the script flushes it (print does); before any op, so that
 *      no process learns of something that happened after lines that it cannot see; before
 *      anything is written to stderr, or a program is started; before a fork; at the end; and when
 *      the timer ends, DELAY_NS after the first line. Only whole lines leave, as always.
 *   3. The timer's signal is WAKE_SIGNAL. Nothing can be written in a handler, for stdio may be in
 *      the middle of something; so it lets the script's next instruction do it, as it lets it
 *      answer questions.
 *
 * A process that a signal kills loses what it gathered since the timer started, and never what it
 * wrote before its last op.
 */
#ifndef SBX_OS_PROCESS_DELAYED_H
#define SBX_OS_PROCESS_DELAYED_H

#include <stdbool.h>

#include "base/buf.h"

/* May stdout gather from now on? `rest`: where output.c keeps the beginning of a line that stdio has
 * handed to it; borrowed for as long as it may. */
void delayed_allow(bool on, struct buf *rest);

/* stdout is being written: what follows gathers. */
void delayed_begin(void);

/* Is delayed_flush writing? Then only whole lines leave. */
bool delayed_leaves(void);

/*
 * Whole lines that gathered leave now: before anything that another process can see. The beginning of
 * another line goes back into stdio's buffer. For os_perform, so cheap when there are none.
 */
void delayed_flush(void);

/* In the handler of WAKE_SIGNAL: is it for lines that waited long enough? Then, not in a handler, let
 * them leave. */
bool delayed_timer_ended(void);
void delayed_flush_late(void);

/* The calling process is new, and has no timers: nothing has gathered. */
void delayed_forget(void);

#endif
