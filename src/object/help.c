/* object/help.c - from a type of object to its `helps`; see help.h. */
#include "object/help.h"

#include "object/process.h"
#include "object/queue.h"
#include "object/sync.h"

helps_fn *helps_of(enum object_type type) {
  const struct sync_machine *m = sync_machine_of(type);
  if (m)
    return m->helps;
  return type == OBJECT_QUEUE ? queue_helps : type == OBJECT_PROCESS ? process_helps : 0;
}
