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

/* stdout and stderr are about to become other files, whose contents are copied later to where the two go now: by that
 * it is decided what must not be written as it is. To be called before output_share. */
void output_will_be_copied(void);

/*
 * Write to stderr in one piece, after what stdio holds for it. `text` ends with a newline.
 * Failures are ignored: there is nobody left to tell.
 */
void output_message(const void *text, size_t len);
/* The same for what a script may have made long, or many of: it counts to the output limit of the run, and is cut there, but for what
 * a person wants to read of the end. The supervisor then finds output_report_was_cut; a process of the run that goes on to report does
 * not return. */
void output_report(const void *text, size_t len);
/* Of the supervisor: what comes now tells how the run ended, and is written whatever the run has written before. */
void output_last_words(void);
/* Was one of this process cut? */
bool output_report_was_cut(void);

/* Do stdout and stderr go to the same place? */
bool output_is_one_place(void);
/* The calling process, which shares the streams already, is the copier from now on (os/process/copier.h). */
void output_copies(void);
/*
 * Of the copier: pass on what programs have printed, as if a script had.
 *   which  0: stdout, 1: stderr
 *   len    bytes of data; it becomes how many were passed on: all, or without a character that is not whole
 *   last   nothing follows for now, so such a one goes, too
 * False: an error, in errno.
 */
bool output_copy(int which, const char *data, size_t *len, bool last);

/* The calling process is the supervisor of this run: for its messages. */
void output_supervise(struct control *c);

/* Of the supervisor: `look` is called before each of its messages, and every 50 ms while one waits for a reader. NULL: it is not. */
void output_meanwhile(void (*look)(void *ctx), void *ctx);

/*
 * A program is about to run that has this process's terminal: nothing is to stand below the cursor until
 * it has ended, when output_take_back is called. The calls may be nested.
 */
void output_lend(void);
void output_take_back(void);

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

/* Write out everything buffered, an unfinished tagged line with a newline. False: what waited for
 * the end of its line is lost, see errno. */
bool output_flush_all(void);

#endif
