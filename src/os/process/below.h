/*
 * os/process/below.h - rows that the supervisor shows below the cursor of a terminal that is stderr; how that goes together
 * with what processes print tells os/process/outlet.h. All but the last is for the supervisor.
 */
#ifndef SBX_OS_PROCESS_BELOW_H
#define SBX_OS_PROCESS_BELOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/shared/control.h"

/* Is the terminal ours, in its usual mode (no program that draws by itself has it), and does it take
 * text? */
bool below_possible(void);

/*
 * Show rows in place of those that stand there. Whatever is printed next, by any process, erases them.
 *   rows   with newlines between them
 *   count  how many; 0: none
 * False: not now, since a process is printing.
 */
bool below_show(struct control *c, const char *rows, size_t len, int count);

/* Are they still there? */
bool below_stands(struct control *c);

/* Process `who` lends the terminal to a program: nothing is to stand there until the caller has stored 0
 * in what is returned. NULL: there was no room for the note. */
_Atomic uint64_t *below_note_lent(struct control *c, uint64_t who);

#endif
