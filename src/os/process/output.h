/*
 * os/process/output.h - stdout and stderr of a process that shares them with others.
 */
#ifndef SBX_OS_PROCESS_OUTPUT_H
#define SBX_OS_PROCESS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "os/shared/control.h"

/* Line-buffer stdout and stderr of a process that is alone with them, as long as it is. */
void output_line_buffered(void);

/*
 * The calling process is one of a run from now on: its lines keep out of the lines of the others,
 * whatever their length. stdout and stderr are other streams afterwards, but for a process whose
 * parent was one already.
 * Main calls it again when its descriptors have become others.
 *   tagged  each line is preceded by "[name#id] ", and an unfinished one waits for its end, but for
 * one that a person looks at, on a terminal, when it is flushed; while the process is muted, or
 * another one is followed, its lines are dropped
 */
void output_share(struct control *c, uint32_t slot, uint64_t serial, bool tagged);

/*
 * Write to stderr in one piece, after what stdio holds for it. `text` ends with a newline.
 * Failures are ignored: there is nobody left to tell.
 */
void output_message(const void *text, size_t len);
/* The same for what a script may have made long: it counts to the output limit of the run, and is cut there. */
void output_report(const void *text, size_t len);
/* Was one of this process cut? */
bool output_report_was_cut(void);

/* The calling process is the supervisor of this run: for its messages. */
void output_supervise(struct control *c);

/*
 * Of the supervisor: show rows below the cursor, of a terminal that is stderr, in place of those that
 * stand there. Whatever is printed next, by any process, erases them. rows  with newlines between
 * them; count  how many; 0: none. False: not now, since a process is printing.
 */
bool output_below(const char *rows, size_t len, int count);
/* Is the terminal ours, in its usual mode (no program that draws by itself has it), and does it take
 * text? */
bool output_below_possible(void);
/* Are they still there? */
bool output_below_stands(void);

/*
 * A program is about to run that has this process's terminal: nothing is to stand below the cursor until
 * it has ended, when output_take_back is called. The calls may be nested.
 */
void output_lend(void);
void output_take_back(void);

/* Is a process of the run inside a line that goes to stdout, and about to end it? A hint. */
bool output_in_flight(const struct control *c);

/*
 * A call that wrote to stderr is over: the beginning of a line is seen now, if this process is
 * alone or a person looks on, on the terminal that is its stdin or, of main, its stderr; also if it
 * is tagged. Whole lines of other processes do not stand behind it.
 */
void output_unfinished(void);

/* A line was read from `f`: if it is the terminal, what is printed next stands in a new line. */
void output_answered(const FILE *f);

/* The calling process is main at the prompt, which shows what comes from its stderr, a pipe. */
void output_of_prompt(void);

/*
 * Lines that gathered in stdout, which is a file, leave now: before anything that another process can
 * see. For os_perform, so cheap when there are none. Anything else stays in the buffer.
 */
void output_flush_gathered(void);

/* In the handler of WAKE_SIGNAL: is it for lines that waited long enough? Then, not in a handler, let
 * them leave. */
bool output_timer_ended(void);
void output_flush_late(void);

/* Write out everything buffered, an unfinished tagged line with a newline. False: what waited for
 * the end of its line is lost, see errno. */
bool output_flush_all(void);

#endif
