/*
 * os/foreign.h - the backend inside a host that is not ours (sandbox.so, libsandbox).
 *
 * There is no supervising parent in such a host: the first spawn, or the first handle that travels, starts the
 * supervisor as a side process, detached by a double fork so that the host's own waitpid never sees
 * it.
 */
#ifndef SBX_OS_FOREIGN_H
#define SBX_OS_FOREIGN_H

#include "os/shared/self.h"

struct foreign_options {
  double speed;
  uint64_t seed;
  uint32_t max_procs;
  bool tag_output;
};

/* Make the backend of the calling process, which becomes `main`; once in a process. 0 or a code. */
int foreign_open(const struct foreign_options *o, struct backend **ret);

#endif
