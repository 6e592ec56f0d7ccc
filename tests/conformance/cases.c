/*
 * tests/conformance/cases.c - the table of cases: one row for each op of object/ops.def.
 *
 * A row is a macro CASE_<kind>: an op without one does not compile. DRAWN_BY names the program (test_<name>.c) that draws
 * the op, and a run of that program in which the op never came fails (driver.c); a program that draws more ops than it is
 * named for is welcome. NOT_BY_ITSELF says why no program draws it, and what tests it instead.
 */
#include "cases.h"

#include <stddef.h>
#include <string.h>

struct case_row {
  const char *program; /* NULL: none */
  const char *why;     /* NULL: it has a program */
};

#define DRAWN_BY(name)                                                                             \
  { .program = name }
#define NOT_BY_ITSELF(reason)                                                                      \
  { .why = reason }

#define CASE_PROCESS_SPAWN                                                                         \
  NOT_BY_ITSELF("each sequence makes its processes by it (backend_os.c, renew)")
#define CASE_PROCESS_JOIN DRAWN_BY("process")
#define CASE_PROCESS_SIGNAL                                                                        \
  NOT_BY_ITSELF("a signal's effect is the end of a process, which the driver draws (end)")
#define CASE_PROCESS_LOOK DRAWN_BY("process")
#define CASE_PROCESS_PARENT NOT_BY_ITSELF("who spawned whom is not the model's: spec.process")
#define CASE_PROCESS_CHILDREN                                                                      \
  NOT_BY_ITSELF("who spawned whom is not the model's: spec.process, spec.family")
#define CASE_PROCESS_DESCENDANTS NOT_BY_ITSELF("who spawned whom is not the model's: spec.family")
#define CASE_PROCESS_AWAIT NOT_BY_ITSELF("each process of a sequence ends by it (backend_os.c)")
#define CASE_PROCESS_END NOT_BY_ITSELF("each process of a sequence ends by it (backend_os.c)")
#define CASE_PROCESS_MAIL DRAWN_BY("mail")
#define CASE_PROCESS_FIND DRAWN_BY("mail")
#define CASE_FAILURE_NEW                                                                           \
  NOT_BY_ITSELF("reports are no matter of other processes: spec.task_error, unit.report")
#define CASE_FAILURE_COUNT NOT_BY_ITSELF("as FAILURE_NEW")
#define CASE_FAILURE_JOIN NOT_BY_ITSELF("as FAILURE_NEW")
#define CASE_FAILURE_LOOK NOT_BY_ITSELF("as FAILURE_NEW")
#define CASE_HANDLE_EXPORT NOT_BY_ITSELF("the ops that send do it: unit.control, spec.handles")
#define CASE_HANDLE_FETCH NOT_BY_ITSELF("as HANDLE_EXPORT")
#define CASE_HANDLE_IMPORT NOT_BY_ITSELF("as HANDLE_EXPORT")
#define CASE_HANDLE_LAND NOT_BY_ITSELF("as HANDLE_EXPORT")
#define CASE_HANDLE_RELEASE                                                                        \
  NOT_BY_ITSELF("the end of a process, which the driver draws, releases what it holds")
#define CASE_QUEUE_NEW NOT_BY_ITSELF("each sequence makes its objects by it (backend_os.c)")
#define CASE_QUEUE_LOOK DRAWN_BY("queue")
#define CASE_QUEUE_PUT DRAWN_BY("queue")
#define CASE_QUEUE_MEET DRAWN_BY("meet")
#define CASE_QUEUE_GET DRAWN_BY("queue")
#define CASE_QUEUE_TAKE                                                                            \
  NOT_BY_ITSELF(                                                                                   \
      "the second half of a get that was lent its item: unit.queue_model, fault.queue_step")
#define CASE_QUEUE_PEEK DRAWN_BY("queue")
#define CASE_QUEUE_CLOSE DRAWN_BY("queue")
#define CASE_QUEUE_TASK_DONE DRAWN_BY("queue")
#define CASE_QUEUE_JOIN DRAWN_BY("queue")
#define CASE_PIPE_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_PIPE_LOOK NOT_BY_ITSELF("the driver looks at each object when nothing moves (look)")
#define CASE_PIPE_SEND DRAWN_BY("pipe")
#define CASE_PIPE_RECV DRAWN_BY("pipe")
#define CASE_PIPE_POLL DRAWN_BY("pipe")
#define CASE_PIPE_CLOSE DRAWN_BY("pipe")
#define CASE_LOCK_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_LOCK_LOOK NOT_BY_ITSELF("the driver looks at each object when nothing moves (look)")
#define CASE_LOCK_ACQUIRE DRAWN_BY("lock")
#define CASE_LOCK_RELEASE DRAWN_BY("lock")
#define CASE_SEMAPHORE_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_SEMAPHORE_LOOK DRAWN_BY("semaphore")
#define CASE_SEMAPHORE_ACQUIRE DRAWN_BY("semaphore")
#define CASE_SEMAPHORE_RELEASE DRAWN_BY("semaphore")
#define CASE_EVENT_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_EVENT_LOOK DRAWN_BY("event")
#define CASE_EVENT_WAIT DRAWN_BY("event")
#define CASE_EVENT_SET DRAWN_BY("event")
#define CASE_EVENT_CLEAR DRAWN_BY("event")
#define CASE_CONDITION_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_CONDITION_LOOK                                                                        \
  NOT_BY_ITSELF("the driver looks at each object when nothing moves (look)")
#define CASE_CONDITION_WAIT DRAWN_BY("condition")
#define CASE_CONDITION_NOTIFY DRAWN_BY("condition")
#define CASE_BARRIER_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_BARRIER_LOOK NOT_BY_ITSELF("the driver looks at each object when nothing moves (look)")
#define CASE_BARRIER_WAIT DRAWN_BY("barrier")
#define CASE_BARRIER_PASS DRAWN_BY("barrier")
#define CASE_BARRIER_ABORT DRAWN_BY("barrier")
#define CASE_BARRIER_RESET DRAWN_BY("barrier")
#define CASE_VALUE_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_VALUE_LOOK NOT_BY_ITSELF("the driver looks at each object when nothing moves (look)")
#define CASE_VALUE_GET DRAWN_BY("value")
#define CASE_VALUE_SET DRAWN_BY("value")
#define CASE_VALUE_ADD DRAWN_BY("value")
#define CASE_VALUE_CAS DRAWN_BY("value")
#define CASE_VALUE_UPDATE DRAWN_BY("value")
#define CASE_VALUE_AWAIT DRAWN_BY("value")
#define CASE_VALUE_REPLACE DRAWN_BY("value")
#define CASE_VALUE_KEEP DRAWN_BY("value")
#define CASE_DICT_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_DICT_LOOK NOT_BY_ITSELF("the driver looks at each object when nothing moves (look)")
#define CASE_DICT_GET DRAWN_BY("dict")
#define CASE_DICT_ALL DRAWN_BY("dict")
#define CASE_DICT_SET DRAWN_BY("dict")
#define CASE_DICT_UPDATE DRAWN_BY("dict")
#define CASE_DICT_ADD DRAWN_BY("dict")
#define CASE_DICT_CAS DRAWN_BY("dict")
#define CASE_DICT_AWAIT DRAWN_BY("dict")
#define CASE_DICT_REPLACE DRAWN_BY("dict")
#define CASE_DICT_KEEP DRAWN_BY("dict")
#define CASE_PROGRESS_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_PROGRESS_LOOK DRAWN_BY("progress")
#define CASE_PROGRESS_ADD DRAWN_BY("progress")
#define CASE_PROGRESS_SET DRAWN_BY("progress")
#define CASE_PROGRESS_CLOSE DRAWN_BY("progress")
#define CASE_LATCH_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_LATCH_LOOK DRAWN_BY("latch")
#define CASE_LATCH_WAIT DRAWN_BY("latch")
#define CASE_LATCH_DOWN DRAWN_BY("latch")
#define CASE_RWLOCK_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_RWLOCK_LOOK NOT_BY_ITSELF("the driver looks at each object when nothing moves (look)")
#define CASE_RWLOCK_READ DRAWN_BY("rwlock")
#define CASE_RWLOCK_WRITE DRAWN_BY("rwlock")
#define CASE_RWLOCK_RELEASE DRAWN_BY("rwlock")
#define CASE_ARRAY_NEW NOT_BY_ITSELF("as QUEUE_NEW")
#define CASE_ARRAY_LOOK DRAWN_BY("array")
#define CASE_ARRAY_GET DRAWN_BY("array")
#define CASE_ARRAY_SET DRAWN_BY("array")
#define CASE_ARRAY_ADD DRAWN_BY("array")
#define CASE_ARRAY_CAS DRAWN_BY("array")
#define CASE_ARRAY_FILL DRAWN_BY("array")
#define CASE_ARRAY_COPY DRAWN_BY("array")
#define CASE_SELECT DRAWN_BY("select")
#define CASE_CLOCK_SLEEP DRAWN_BY("clock")
#define CASE_CLOCK_NOW NOT_BY_ITSELF("the machine's clock is no state")
#define CASE_CLOCK_WALL NOT_BY_ITSELF("as CLOCK_NOW")
#define CASE_MARK NOT_BY_ITSELF("it changes nothing, and answers nothing: unit.mark, spec.mark")

static const struct case_row rows[OP_COUNT] = {
    [OP_NONE] = NOT_BY_ITSELF("it is no op"),
#define OP(kind, type, blocks, verb, past, reads, writes) [OP_##kind] = CASE_##kind,
#include "object/ops.def"
};

bool case_is_in(const char *program, enum op_kind kind) {
  const char *named = kind < OP_COUNT ? rows[kind].program : NULL;
  return named && strcmp(named, program) == 0;
}

const char *case_why_not(enum op_kind kind) { return kind < OP_COUNT ? rows[kind].why : NULL; }
