/*
 * os/process/program.h - other programs, as os.execute and io.popen run them: through /bin/sh.
 *
 * A program has the caller's stdin, stdout and stderr, but for the one that is a pipe to the
 * caller, and no other descriptor: neither the library's nor those of files that the script has
 * open. (In a host that is not ours, those that the host lets programs inherit.)
 */
#ifndef SBX_OS_PROCESS_PROGRAM_H
#define SBX_OS_PROCESS_PROGRAM_H

#include "os/shared/self.h"

/*
 * Start `command`.
 *   ret  filled on 0; in PROGRAM_ALONE without a stream
 * Returns 0, or a code and errno.
 */
int program_start(struct os_backend *b, const char *command, enum program_mode mode,
                  struct program *ret);

/*
 * Close the stream of a program that this process started, and wait until it has ended.
 *   hurry       behave as if an interrupt had come, but return none
 *   ret_status  as of wait(2)
 * Questions are answered meanwhile. An interrupt goes on to the program and to those that it
 * started; when it has ended, or did not within a second, the wait is over, too.
 *
 * Returns 0; -SBX_EINTERRUPTED; or another code and errno.
 */
int program_finish(struct os_backend *b, struct program *p, bool hurry, int *ret_status);

#endif
