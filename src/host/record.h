/*
 * host/record.h - the event log of a run (look/trace/log.h), kept in a file of limited size while the
 * run goes on.
 *
 * Beyond the limit the oldest records are dropped. Of a region of the file, what names things (texts,
 * processes, objects) is moved to its front, the rest becomes one chunk that readers skip, and a hole.
 * So the file can be read at any time, also after a kill; its size grows, but not the space that it
 * takes.
 */
#ifndef SBX_HOST_RECORD_H
#define SBX_HOST_RECORD_H

#include "look/trace/log.h"

struct record {
  int fd; /* owned; -1: none */
  uint64_t limit;
  uint64_t end;   /* the file's size */
  uint64_t first; /* where the records begin that have not been dropped */
  uint64_t holes; /* bytes that were dropped */
  int error;      /* errno of a write that failed; 0 */
};

/*
 * Begin a log.
 *   fd     an empty file, which belongs to `r` from now on; -1: in memory
 *   limit  bytes
 * Returns 0, or -1 and errno. Then, too, record_close may be called.
 */
int record_open(struct record *r, int fd, uint64_t limit);

/* Keep whole chunks: `keep` of struct record_options. -SBX_ESYSTEM: see `error`. */
int record_keep(void *record, const void *chunks, size_t len);

/* Read what was kept, as far as `view` wants it, into a model, as trace_log_read_part; also while the run
 * goes on. -SBX_ESYSTEM: errno */
int record_read(const struct record *r, const struct log_view *view, struct trace_model *ret,
                const char **ret_reason);

/* Close the file; accepts one that is closed, with fd -1. */
void record_close(struct record *r);

#endif
