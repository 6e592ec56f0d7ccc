/*
 * os/process/failure.h - failures, as the processes of a run note them and look at them. The
 * supervisor reports those that nobody looks at (os/supervisor/failures.h).
 *
 * A process that fails leaves the text of its report beside its result. Reading the failure that
 * join returned marks the record as looked at.
 *
 * A task of a pool fails without a death. Its failure has a record of its own in the table of
 * processes, which is no process's (os/shared/control.h, "failure").
 */
#ifndef SBX_OS_PROCESS_FAILURE_H
#define SBX_OS_PROCESS_FAILURE_H

#include "os/shared/self.h"

/* The calling process has noted a failure in its record: wake the supervisor. */
void failure_note(struct os_backend *b);

/*
 * A task is about to have failed in the calling process.
 *   report  the text of the report
 *   order   reports that are due at one time come in this order, after those of processes
 *   ret     names the failure
 * -SBX_ENOSPC, -SBX_ESTORE, -SBX_ERECORDS.
 */
int failure_of_task(struct os_backend *b, const struct buf *report, uint64_t order,
                    struct object_ref *ret);
/* The owner of the task can learn the name: from now on it has failed. Said by the worker, or by the
 * owner, which may end the worker before it does; the second time has no effect. */
void failure_counts(struct os_backend *b, const struct object_ref *ref);

/* The failure of a task was joined; to be called once for each. */
void failure_joined(struct control *c, const struct object_ref *ref);

/* Somebody looked at the failure of a task or a process. */
void failure_looked(struct control *c, const struct object_ref *ref);

#endif
