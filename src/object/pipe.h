/* object/pipe.h - the words of an end of a pipe: which queues it has, and which end is the other.
 */
#ifndef SBX_OBJECT_PIPE_H
#define SBX_OBJECT_PIPE_H

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

#endif
