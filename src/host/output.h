/*
 * host/output.h - the standard streams: whole lines, and no silence about what could not be
 * written.
 *
 * Includes base only.
 */
#ifndef SBX_HOST_OUTPUT_H
#define SBX_HOST_OUTPUT_H

/* See that descriptors 0, 1 and 2 are open, or a pipe of ours could become somebody's stdout.
 * Before anything is opened. */
void output_claim_descriptors(void);

/* Let exit(3), by which os.exit leaves main, do what output_finish does. A child leaves by _exit
 * and never comes there. */
void output_finish_at_exit(void);

/*
 * Flush stdout. If something written to it was lost, say so on stderr, once.
 * Returns `status`, or EXIT_LUA_ERROR if it was 0 and something was lost.
 */
int output_finish(int status);

#endif
