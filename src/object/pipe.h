/* object/pipe.h - the ends of a pipe: which queues an end uses, and which end is its peer. */
#ifndef SBX_OBJECT_PIPE_H
#define SBX_OBJECT_PIPE_H

#include "object/queue.h"
#include "object/sync.h"

/* Written by the process that makes the pipe, before any other process knows the end. */
enum end_word {
  END_IN, /* slot of the queue that this end receives from */
  END_IN_SERIAL,
  END_OUT, /* slot of the queue that it sends to */
  END_OUT_SERIAL,
  END_PEER, /* slot of the other end */
  END_PEER_SERIAL,
  END_WORDS
};

/*
 * An end as its receiver sees it: two queues, `in` and `out`, which the other end has swapped. A
 * pipe is closed when any process has closed either end. It counts as closed when nothing is left
 * in it and nobody could send: `peer` says whether another living process, or a message on its way,
 * holds the other end.
 */
static inline bool pipe_enabled(enum op_kind kind, const struct queue_state *in, bool peer) {
  bool receives = kind == OP_PIPE_RECV || kind == OP_PIPE_POLL;
  return !receives || queue_len(in) > 0 || in->closed || !peer;
}

/*
 * Perform an op that is enabled. Returns 0, -SBX_ECLOSED, or -SBX_EGONE for a value that nobody
 * could receive: `heard` says whether a living process (the caller counts) or a message on its way
 * holds the other end. POLL takes nothing.
 */
int pipe_apply(enum op_kind kind, struct queue_state *in, struct queue_state *out, bool heard);

#endif
