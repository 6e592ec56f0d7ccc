/*
 * host/output.h - the standard streams: whole lines, and no silence about lost ones.
 *
 * Line buffering itself is in os/process/output.h, since children of a foreign host need it, too; here
 * stands what only the program does.
 */
#ifndef SBX_HOST_OUTPUT_H
#define SBX_HOST_OUTPUT_H

/*
 * See that descriptors 0, 1 and 2 are open, or a pipe of ours could become somebody's stdout.
 * Before anything else is opened.
 */
void output_claim_descriptors(void);

/*
 * For main and, by fork, for its descendants; before the first output. stdout and stderr leave line
 * by line, also into a pipe or a file; os.exit in main does what output_finish does (a child leaves
 * by _exit, and is not concerned).
 */
void output_prepare(void);

/*
 * Flush stdout. If something written to it was lost, say so on stderr, once.
 * Returns `status`, or EXIT_LUA_ERROR if it was 0 and something was lost.
 */
int output_finish(int status);

#endif
