/* object/sync.c - the table of the machines; see sync.h. */
#include "object/sync.h"

#include "object/array.h"
#include "object/barrier.h"
#include "object/rwlock.h"
#include "object/semaphore.h"
#include "object/value.h"

static const struct sync_machine *const machines[OBJECT_TYPES] = {
    [OBJECT_LOCK] = &lock_machine,       [OBJECT_SEMAPHORE] = &semaphore_machine,
    [OBJECT_EVENT] = &event_machine,     [OBJECT_CONDITION] = &condition_machine,
    [OBJECT_BARRIER] = &barrier_machine, [OBJECT_VALUE] = &value_machine,
    [OBJECT_DICT] = &dict_machine,       [OBJECT_PROGRESS] = &progress_machine,
    [OBJECT_PIPE] = &pipe_machine,       [OBJECT_RWLOCK] = &rwlock_machine,
    [OBJECT_LATCH] = &latch_machine,     [OBJECT_ARRAY] = &array_machine,
};

void sync_sort(uint64_t *words, uint64_t count) {
  for (uint64_t i = 1; i < count; i++)
    for (uint64_t j = i; j > 0 && words[j - 1] > words[j]; j--) {
      uint64_t word = words[j];
      words[j] = words[j - 1];
      words[j - 1] = word;
    }
}

bool sync_passes_line(const struct sync_machine *m, const uint64_t *s,
                      const struct sync_step *step) {
  uint64_t owners[SYNC_WORDS];
  if (!m->in_order || !op_describe(step->kind)->blocks || sync_is_second(m, step->kind))
    return true;
  uint32_t n = m->watch(s, owners);
  for (uint32_t i = 0; i < n; i++)
    if (owners[i] == step->who)
      return true;
  return false;
}

bool sync_is_sound(enum object_type type, const uint64_t *s) {
  switch (type) {
  case OBJECT_SEMAPHORE:
    return s[SEMAPHORE_COUNT] <= SEMAPHORE_HOLDERS;
  case OBJECT_BARRIER:
    return s[BARRIER_COUNT] <= BARRIER_MEMBERS;
  case OBJECT_RWLOCK:
    return s[RWLOCK_COUNT] <= RWLOCK_READERS;
  case OBJECT_ARRAY:
    return (s[ARRAY_KIND] == NUMBER_INTEGER || s[ARRAY_KIND] == NUMBER_FLOAT) &&
           s[ARRAY_COUNT] >= 1 && s[ARRAY_COUNT] <= ARRAY_MOST;
  case OBJECT_VALUE:
    return s[VALUE_KIND] <= VALUE_STORED &&
           (s[VALUE_KIND] != VALUE_INLINE ||
            (s[VALUE_REFS] <= VALUE_INLINE_BYTES / sizeof(struct object_ref) &&
             s[VALUE_LEN] <= VALUE_INLINE_BYTES - value_bytes(s[VALUE_REFS], 0)));
  default:
    return true;
  }
}

const struct sync_machine *sync_machine_of(enum object_type type) {
  return type < OBJECT_TYPES ? machines[type] : 0;
}
