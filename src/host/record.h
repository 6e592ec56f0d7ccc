/*
 * host/record.h - keeps the event log of a run (look/trace/log.h): in FILE.part beside the file that
 * it is to become, so that it can be read if the run is cut off; or in memory.
 *
 * It is bounded. When it is full, the older half goes, but for what later records rest on: which
 * processes and objects there are, and texts.
 */
#ifndef SBX_HOST_RECORD_H
#define SBX_HOST_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "look/trace/model.h"

struct record {
  int fd;
  char *path; /* owned; NULL: it is in memory */
  uint64_t limit, len;
  struct buf basis; /* chunks that what is left of the log rests on */
  bool cut;         /* something was dropped */
  int error;        /* errno of the first write that failed; 0: none did */
};

/*
 * Begin a log.
 *   beside  the log is in the file of this name with ".part" behind it, which is emptied if it is
 *           there; NULL: in memory
 *   limit   bytes
 * Returns 0, or -1 and errno. Then, too, record_close may be called.
 */
int record_open(struct record *r, const char *beside, uint64_t limit);

/* Keep whole chunks. Not 0: it failed; `error` says why. Of struct record_options. */
int record_keep(void *record, const void *chunks, size_t len);

/* Read what is kept into a model, to be released by the caller on 0. As trace_log_read; or
 * -SBX_ESYSTEM and errno. */
int record_read(struct record *r, struct trace_model *ret, const char **ret_reason);

/* Close it. `keep`: the file stays. */
void record_close(struct record *r, bool keep);

#endif
