/*
 * look/trace/log.h - the event log: what was drained from the rings, and what else a trace needs, as
 * a sequence of chunks. It is appended to while the run goes on, so what is there when a run is cut
 * off can be read: a chunk that is not whole is the end.
 *
 *   chunk     a head (struct log_chunk), then `len` bytes, padded to 8
 *   numbers   little-endian, as both machines are that this runs on; texts end with a NUL
 *
 *   LOG_BEGIN    struct log_begin, the command, the version         the first one
 *   LOG_TEXT     u32 number, text                                    before the first record that names it
 *   LOG_RECORDS  struct log_records, records (record.h)              of one process
 *   LOG_FAILURE  u32 process id, text                                the first line of its report
 *   LOG_DEADLOCK text                                                the report
 *   LOG_EDGE     struct log_edge, text of the place                  who waits for whom, at a deadlock
 *   LOG_END      struct log_end                                      the last one
 *   LOG_SKIP     anything                                            in the place of what was dropped
 *   LOG_FORGET   nothing                                             what was told of a deadlock is over
 *   LOG_HOST     u32 process id, text                                it ran on this host (merge.h)
 *   LOG_FAR      struct log_far, text of the host                    of each log of another host
 */
#ifndef SBX_LOOK_TRACE_LOG_H
#define SBX_LOOK_TRACE_LOG_H

#include "base/buf.h"
#include "look/trace/model.h"
#include "look/trace/record.h"

enum { LOG_MAGIC = 0x474c5853 /* "SXLG" */, LOG_VERSION = 1 };

enum log_kind {
  LOG_BEGIN = 1,
  LOG_TEXT,
  LOG_RECORDS,
  LOG_FAILURE,
  LOG_DEADLOCK,
  LOG_EDGE,
  LOG_END,
  LOG_SKIP,
  LOG_FORGET,
  LOG_HOST,
  LOG_FAR
};

struct log_chunk {
  uint32_t magic;
  uint16_t kind, version;
  uint64_t len; /* bytes after the head, without the padding */
};

struct log_begin {
  int64_t start_ns; /* CLOCK_MONOTONIC */
  int64_t wall_ns;  /* CLOCK_REALTIME at that moment */
  double speed;
  uint64_t seed;
  uint32_t detail; /* enum trace_detail */
  uint32_t engine; /* not 0: objects are in an engine */
};

struct log_records {
  uint32_t process; /* its id */
  uint32_t count;
  uint64_t lost; /* records that were overwritten before these */
};

struct log_edge {
  uint32_t process, object, holder; /* ids; 0: none */
  uint16_t kind;                    /* enum op_kind */
  uint16_t stuck;
};

struct log_end {
  int64_t end_ns; /* CLOCK_MONOTONIC */
  int64_t cpu_ns;
  int32_t exit_status; /* -1: not known */
  uint32_t cut;        /* chunks were dropped from the beginning */
  uint64_t untraced;   /* processes that had no ring */
  uint64_t nameless;   /* names and places that the table of texts had no room for */
};

struct log_far {
  int64_t cpu_ns;   /* of its processes; -1: not known */
  int64_t error_ns; /* its times are right up to that, compared with those of the run */
  uint64_t lost, nameless;
  uint32_t cut; /* it does not end: the rest did not arrive */
  uint32_t unused;
};

/* The next whole chunk of a log at *at, and what is in it; false: there is none. */
bool trace_log_next(const void *log, size_t len, size_t *at, struct log_chunk *ret,
                    const uint8_t **ret_data);

/* Append a chunk whose content is in up to three parts. -SBX_ENOMEM */
int trace_log_append(struct buf *to, enum log_kind kind, const void *a, size_t a_len, const void *b,
                     size_t b_len, const void *c, size_t c_len);

/* Bytes of a chunk in the log, its head and padding included. */
static inline uint64_t log_chunk_size(const struct log_chunk *c) {
  return sizeof *c + ((c->len + 7) & ~UINT64_C(7));
}

/*
 * Read a log into a model, which is finished then.
 *   ret         made here; to be released by the caller on 0
 *   ret_reason  static text that says what is wrong, on -SBX_EDATA
 * Returns 0, -SBX_ENOMEM, -SBX_EDATA (it is no log, or of another version).
 */
int trace_log_read(const void *log, size_t len, struct trace_model *ret, const char **ret_reason);

/* How much of a log is read. */
struct log_view {
  const void *more; /* chunks that follow the log; borrowed */
  size_t more_len;
  /* Time of the run: what was over earlier is left out. All processes and objects are known, though,
   * and it is counted how many items were put and got until then. */
  int64_t from_ns;
};

/* As trace_log_read. */
int trace_log_read_part(const void *log, size_t len, const struct log_view *view,
                        struct trace_model *ret, const char **ret_reason);

#endif
