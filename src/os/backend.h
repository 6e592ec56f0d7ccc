/*
 * os/backend.h - the OS backend behind the tables of object/op.h.
 */
#ifndef SBX_OS_BACKEND_H
#define SBX_OS_BACKEND_H

#include "os/shared/self.h"

/* Make a backend over a control block, for main (slot 0); opens nothing. */
struct os_backend *backend_new(struct control *c);

#endif
