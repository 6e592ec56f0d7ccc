/*
 * os/supervisor/failures.h - failures that nobody looked at are reported.
 *
 * A process that fails leaves the text of its report beside its result. Whoever reads the failure
 * that join returned marks the record as looked at. The supervisor reports those that are not,
 * once, when a second has passed since the death, or when the run ends; so a script that handles
 * its failures is silent, however fast it does so. Until then the record is given to nobody else.
 *
 * A task of a pool fails without a death. Its failure has a record of its own in the table of
 * processes, which is no process's (os/shared/control.h, "failure").
 */
#ifndef SBX_OS_SUPERVISOR_FAILURES_H
#define SBX_OS_SUPERVISOR_FAILURES_H

#include "os/shared/self.h"
#include "os/supervisor/supervisor.h"

/* The calling process has noted a failure in its record: wake the supervisor. */
void failures_note(struct os_backend *b);

/*
 * A task is about to have failed in the calling process: `report` is the text, `ret` names the
 * failure. Reports that are due at one time come in the order of `order`, after those of processes.
 * -SBX_ENOSPC, -SBX_ESTORE, -SBX_ERECORDS. When its owner can learn the name, it has
 * failed: the worker says so, or the owner, which may end the worker before it does.
 */
int failures_of_task(struct os_backend *b, const struct buf *report, uint64_t order,
                     struct object_ref *ret);
void failures_task_failed(struct os_backend *b, const struct object_ref *ref);

/* The failure of a task was joined; to be called once for each. */
void failures_joined(struct control *c, const struct object_ref *ref);

/* Somebody looked at the failure of a task or a process. */
void failures_looked(struct control *c, const struct object_ref *ref);

enum { FAILURE_KINDS = 64, FAILURE_NAME_MAX = NAME_MAX_BYTES + 40 };

/* Reports that differ in nothing but the process, in a row: the first 50 are made, the others are
 * counted. */
struct failure_kind {
  uint64_t hash;   /* of the text without the process */
  int64_t last_ns; /* CLOCK_MONOTONIC, of the last one: a second later the row is over */
  uint32_t count;  /* of them */
  char like[FAILURE_NAME_MAX]; /* the process of the last report made */
};

/* What the supervisor knows. */
struct failures_watch {
  struct os_backend *b;
  const struct supervisor_options *o; /* reports go to o->say and o->report */
  uint32_t noted;                     /* of control's failures_noted, at the last look */
  int64_t report_at_ns; /* CLOCK_MONOTONIC: when the next is due; SBX_FOREVER: none is */
  struct failure_kind kinds[FAILURE_KINDS]; /* more of them are not counted */
  uint32_t kind_count;
};

void failures_begin(struct failures_watch *w, struct os_backend *b,
                    const struct supervisor_options *o);

/* Report those that are due. Cheap if nothing failed since the last time. */
void failures_look(struct failures_watch *w);

/* The run ends: report all of those that failed before `end_ns`. */
void failures_report_all(struct failures_watch *w, int64_t end_ns);

#endif
