/*
 * base/forged.h - lines of a script that look like a report of the run, in strict mode.
 *
 * A line of a report begins with "sandbox:", and no line of a script does: there a space is put before it. The
 * beginning of a write counts as that of a line, since the line that it goes on with may have been broken off by another
 * process. So does a write that is a beginning of the word, and what follows a control character other than tab: a terminal
 * at the end of a pipe may begin there. What shows nothing, before the word or in it, does not count: control characters,
 * sequences of a terminal, characters without width. One of these that turns the direction of the text is enough, before the
 * word or in it: what follows may show it. (Letters that look like others are another word.)
 */
#ifndef SBX_BASE_FORGED_H
#define SBX_BASE_FORGED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Is there such a line in what is to be written? */
bool forged_is_in(const char *data, size_t len);

/* Append it to `ret` with a space before the word of each such line. 0 or -SBX_ENOMEM. */
int forged_mark(struct buf *ret, const char *data, size_t len);

#endif
