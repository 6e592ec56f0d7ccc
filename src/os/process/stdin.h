/*
 * os/process/stdin.h - which process reads standard input.
 *
 * One does: main, until it gives stdin to a process that it spawns, with what is buffered; and so
 * on. All others read end of file. So no line is read twice, or by whoever happens to be first.
 */
#ifndef SBX_OS_PROCESS_STDIN_H
#define SBX_OS_PROCESS_STDIN_H

#include "os/shared/self.h"

/* In a process that has stdin, before a fork: open what takes its place. 0, -SBX_EMFILE,
 * -SBX_ESYSTEM */
int stdin_prepare(struct os_backend *b);

/* After the fork, in whichever of the two has it no longer. */
void stdin_lose(struct os_backend *b);

#endif
