/*
 * host/output.h - the standard streams of the program: whole lines, and an error when output is
 * lost.
 *
 * Line buffering itself is in os/process/output.h, since children in a foreign host need it, too.
 * Only what the program alone does is here.
 */
#ifndef SBX_HOST_OUTPUT_H
#define SBX_HOST_OUTPUT_H

/*
 * Make sure that descriptors 0, 1 and 2 are open; otherwise a pipe of ours could become a process's
 * stdout. To be called before anything else is opened.
 */
void output_claim_descriptors(void);

/*
 * For main and, by fork, for its descendants; before the first output. stdout and stderr are line
 * buffered, also into a pipe or a file. os.exit in main does what output_finish does (a child
 * leaves by _exit and is not affected).
 */
void output_prepare(void);

/*
 * Flush stdout. If anything written to it was lost, say so on stderr, once. Returns `status`, or
 * EXIT_LUA_ERROR if that is 0 and something was lost.
 */
int output_finish(int status);

#endif
