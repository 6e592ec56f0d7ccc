/* look/trace/model_internal.h - what model.c and derive.c share. */
#ifndef SBX_LOOK_TRACE_MODEL_INTERNAL_H
#define SBX_LOOK_TRACE_MODEL_INTERNAL_H

#include "look/trace/model.h"

/* Room for one more in an array of `count` elements of `size` bytes; `array` points to its pointer.
 * -SBX_ENOMEM */
int trace_grow(void *array, uint32_t *cap, uint32_t count, size_t size);

/* Spans, items and sums of a model whose rows are sorted. -SBX_ENOMEM */
int trace_derive(struct trace_model *m);

#endif
