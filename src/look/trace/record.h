/*
 * look/trace/record.h - what a process writes down of its ops: records of 32 bytes.
 *
 * A record is one op; or a run of ops of one kind on one object, none of which waited. It is written
 * into a ring in shared memory (ring.h) by the process itself, drained by the supervisor, and kept in
 * the event log (log.h).
 */
#ifndef SBX_LOOK_TRACE_RECORD_H
#define SBX_LOOK_TRACE_RECORD_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "object/op.h"

/* Kinds of records that are no ops; else a kind is an enum op_kind. */
enum trace_record_kind {
  /* The process began. object: its id; where: its name; n: the id of its spawner, and above it (32
   * bits) the text of the place where it was spawned; TRACE_WORKER. Written by the process. */
  TRACE_RECORD_BEGIN = 0xff00,
  /* It is gone. object: its id; n: its exit status, and above it (32 bits) the signal that ended it,
   * or 0; TRACE_LEFT. Written by its reaper. */
  TRACE_RECORD_END,
  /* The session of the prompt waited for a line. Written by the supervisor, into the log. */
  TRACE_RECORD_IDLE
};

/* By kind of op, what is not as the fields say:
 *   NEW          where: the object's name; duration: the text of the place where it was made; n: a queue's max as
 *                it was asked for, a pipe's other end
 *   SPAWN        object: the child; where: where it was spawned
 *   SIGNAL       object: the process that it was sent to; n: the signal
 *   MARK         where: its name; n: the bits of its value (a double), if TRACE_VALUE is set
 */
struct trace_record {
  int64_t t_ns;      /* CLOCK_MONOTONIC; of an op that waited: when it began to */
  uint32_t duration; /* how long it waited, or the run lasted, in units of 1 << shift ns */
  uint16_t kind;     /* enum op_kind, enum trace_record_kind */
  uint16_t flags;    /* enum trace_flag (model.h) in the lower 10 bits, the shift above */
  uint32_t object;   /* id of the object or process; 0: neither */
  uint32_t where;    /* the number of a text (texts.h); of a run, how many ops there were */
  uint64_t n;        /* an item's number in its queue: of a run, of the first */
};
static_assert(sizeof(struct trace_record) == 32, "layout is shared between processes");

/* Bits of the number of an object: it is in an engine, where it has this number for all hosts; it is not, in a run
 * that has one. The first is in records, the second in models. */
#define TRACE_OUTSIDE (UINT32_C(1) << 31)
#define TRACE_HERE (UINT32_C(1) << 19)

enum {
  TRACE_VALUE = 512,  /* flags of records only: see MARK; */
  TRACE_WORKER = 512, /* of BEGIN: the worker of a pool; */
  TRACE_LEFT = 512,   /* of END: it was ended with its parent, or with the run */
  TRACE_FLAG_BITS = 10,
  TRACE_FLAG_MASK = (1 << TRACE_FLAG_BITS) - 1
};

/* Of an op that made an object? */
static inline bool trace_record_is_new(const struct trace_record *r) {
  return r->kind > OP_NONE && r->kind < OP_COUNT &&
         strcmp(op_describe((enum op_kind)r->kind)->verb, "new") == 0;
}

/* A duration as it is stored: with 32 bits of precision, whatever its length. */
static inline void trace_record_last(struct trace_record *r, int64_t ns) {
  unsigned shift = 0;
  uint64_t rest = ns > 0 ? (uint64_t)ns : 0;
  for (; rest > UINT32_MAX; rest >>= 1)
    shift++;
  r->duration = (uint32_t)rest;
  r->flags = (uint16_t)((r->flags & TRACE_FLAG_MASK) | shift << TRACE_FLAG_BITS);
}

static inline int64_t trace_record_duration(const struct trace_record *r) {
  return (int64_t)((uint64_t)r->duration << (r->flags >> TRACE_FLAG_BITS));
}

#endif
