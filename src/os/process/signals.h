/*
 * os/process/signals.h - the handlers of a process of the run.
 */
#ifndef SBX_OS_PROCESS_SIGNALS_H
#define SBX_OS_PROCESS_SIGNALS_H

#include "os/shared/self.h"

/*
 * The backend of the calling process. There is one in a process, because signal handlers must find
 * it; nothing else uses this.
 */
extern struct os_backend *the_backend;

/* Install the handlers for SIGCHLD and SIGINT; SIGPIPE gets its default back in a host of ours. */
void backend_install_signals(struct os_backend *b);

/* Block SIGINT and WAKE_SIGNAL; what is returned tells signals_unblock which were not before. */
unsigned signals_block(void);
void signals_unblock(unsigned blocked);

/* In a process made by spawn: whatever the host does at Ctrl-C, its processes are interrupted. */
void signals_enter_child(struct os_backend *b);

#endif
