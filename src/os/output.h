/*
 * os/output.h - stdout and stderr of a process that shares them with others.
 */
#ifndef SBX_OS_OUTPUT_H
#define SBX_OS_OUTPUT_H

#include <stdint.h>

#include "os/control.h"

/* Line-buffer stdout and stderr. */
void output_line_buffered(void);
/*
 * From now on each line of stdout and stderr is written as one piece, tagged "[name#id] "; while
 * the process is muted, or another one is followed, whole lines are dropped. The calling process's
 * record stands at `slot`.
 */
void output_tagged(const struct control *c, uint32_t slot);
/* Write out everything buffered, an unfinished tagged line with a newline. Nothing may be printed
 * afterwards. */
void output_flush_all(void);

#endif
