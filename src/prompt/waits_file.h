/*
 * prompt/waits_file.h - which process waits for which, as a picture in a file.
 */
#ifndef SBX_PROMPT_WAITS_FILE_H
#define SBX_PROMPT_WAITS_FILE_H

#include "base/buf.h"
#include "object/op.h"

/*
 * Write the wait-for graph of this moment (look/trace/graph.h).
 *   idle  as in struct show
 *   path  ends in .svg
 *   p     must let it be written
 *   said  a line that confirms is appended, with its newline; on failure a text that says why not
 * Returns 0 or a code.
 */
int waits_write(struct backend *b, uint64_t idle, const char *path, const struct policy *p,
                struct buf *said);

#endif
