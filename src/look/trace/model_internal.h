/* look/trace/model_internal.h - what model.c, resolve.c, derive.c and the readers of logs share. */
#ifndef SBX_LOOK_TRACE_MODEL_INTERNAL_H
#define SBX_LOOK_TRACE_MODEL_INTERNAL_H

#include "look/trace/model.h"

/* Room for one more in an array of `count` elements of `size` bytes; `array` points to its pointer.
 * -SBX_ENOMEM */
int trace_grow(void *array, uint32_t *cap, uint32_t count, size_t size);

/* Ids of processes, objects and texts that a sane log may have. */
enum { TRACE_IDS_MAX = 1 << 20 };

/* The element of an id in an array that grows with it; what is new is zero. NULL without memory, or from TRACE_IDS_MAX
 * on. */
void *trace_by_id(void *array, uint32_t *cap, uint32_t id, size_t size);

/* The same events in another array, which has room for `cap`: the model's from now on. */
void trace_replace_events(struct trace_model *m, struct trace_event *events, uint32_t cap);

/* Spans, items and sums of a model whose rows are sorted. -SBX_ENOMEM */
int trace_derive(struct trace_model *m);

#endif
