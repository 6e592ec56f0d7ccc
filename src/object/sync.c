/* object/sync.c - the table of the machines; see sync.h. */
#include "object/sync.h"

static const struct sync_machine *const machines[OBJECT_TYPES] = {
    [OBJECT_LOCK] = &lock_machine,       [OBJECT_SEMAPHORE] = &semaphore_machine,
    [OBJECT_EVENT] = &event_machine,     [OBJECT_CONDITION] = &condition_machine,
    [OBJECT_BARRIER] = &barrier_machine, [OBJECT_VALUE] = &value_machine,
    [OBJECT_DICT] = &dict_machine,       [OBJECT_PIPE] = &pipe_machine,
};

const struct sync_machine *sync_machine_of(enum object_type type) {
  return type < OBJECT_TYPES ? machines[type] : 0;
}
