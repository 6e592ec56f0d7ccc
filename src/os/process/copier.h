/*
 * os/process/copier.h - what programs print counts to the output limit of the run.
 *
 * A program that os.execute or io.popen starts would write to the stdout and stderr of the run by itself. Where there
 * is a limit (control.output_limit), it has pipes in their place, and one process of the run, the copier, passes on
 * what comes out of them: through os/process/output.h, so it is counted, keeps out of the lines of others, and on a
 * terminal its control characters are shown as those of a script are.
 *
 * Order. A script that waits for a program goes on when all that the program has printed is passed on:
 *
 *   1. The asker draws a number from `asked`, and rings the bell.
 *   2. The copier takes the newest number, and notes how many bytes are in each pipe now. What the program has
 *      printed is among them, since it has ended.
 *   3. When so many were passed on, it stores the number in `answered`, and wakes all askers.
 *
 * So a program that goes on in the background, however much it prints, makes nobody wait for longer than for what a
 * pipe holds. If stdout and stderr go to the same place, there is one pipe for both, and their order is kept.
 *
 * Blocking. A pipe is read only when the place where its bytes go takes as much as is read: stdout that nobody reads
 * does not hold back stderr. When writing fails, as it does when the reader has gone, the pipe is closed: a program
 * that goes on printing gets SIGPIPE, as without a copier. The same when the copier is killed.
 *
 * The end. The copier is a child of main, in the same jail. It ends when nobody has the pipes any more, is killed
 * with all other processes when the run ends, and by its lifeline when the supervisor is killed.
 */
#ifndef SBX_OS_PROCESS_COPIER_H
#define SBX_OS_PROCESS_COPIER_H

#include "os/shared/self.h"

/*
 * In main, when its jail is closed and before any Lua: start the copier, if the run has an output limit and may start
 * programs. 0, or an error.
 */
int copier_begin(struct os_backend *b);

/* What a program gets as its descriptor `fd` (1 or 2): `fd` itself, if there is no copier. */
int copier_fd(int fd);

/*
 * Wait until all is passed on that programs of this process have printed, and those that have ended: if it ever
 * started one. The wait ends early when the copier is gone, and a second after an interrupt.
 */
void copier_await(struct os_backend *b);
static inline void copier_settle(struct os_backend *b) {
  if (b->programs)
    copier_await(b);
}

#endif
