/* object/pipe.h - the words of an end of a pipe: which queues it has, and which end is the other.
 */
#ifndef SBX_OBJECT_PIPE_H
#define SBX_OBJECT_PIPE_H

#include "object/queue.h"
#include "object/sync.h"

/* Written by the maker, before anybody else knows the end. */
enum end_word {
  END_IN, /* slot of the queue that it receives from */
  END_IN_SERIAL,
  END_OUT, /* of the queue that it sends to */
  END_OUT_SERIAL,
  END_PEER, /* slot of the other end */
  END_PEER_SERIAL,
  END_WORDS
};

/*
 * What an end means to the process that receives from it: two queues, `in` and `out`, which the
 * other end has the other way round. It is closed when either end was closed, by anybody; and as
 * good as closed when nothing is left in it and nobody could send: `peer` says whether another
 * living process, or a message on its way, holds the other end.
 */
static inline bool pipe_enabled(enum op_kind kind, const struct queue_state *in, bool peer) {
  bool receives = kind == OP_PIPE_RECV || kind == OP_PIPE_POLL;
  return !receives || queue_len(in) > 0 || in->closed || !peer;
}

/*
 * Perform an op that is enabled. 0; -SBX_ECLOSED; -SBX_EGONE for a value that nobody could receive:
 * `heard` says whether a living process, this one included, or a message on its way, holds the
 * other end. POLL takes nothing.
 */
int pipe_apply(enum op_kind kind, struct queue_state *in, struct queue_state *out, bool heard);

#endif
