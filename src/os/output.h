/*
 * os/output.h - stdout and stderr of a process that shares them with others.
 */
#ifndef SBX_OS_OUTPUT_H
#define SBX_OS_OUTPUT_H

#include <stdint.h>

/* Line-buffer stdout and stderr. */
void output_line_buffered(void);
/* From now on each line of stdout and stderr is written as one piece, tagged "[name#id] ". */
void output_tagged(const char *name, uint64_t id);
/* Write out everything buffered, an unfinished tagged line with a newline. Nothing may be printed
 * afterwards. */
void output_flush_all(void);

#endif
