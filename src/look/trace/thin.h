/*
 * look/trace/thin.h - how full queues were, for viewers that draw each point: of many queues the
 * busiest, of many points the ones that stand out.
 */
#ifndef SBX_LOOK_TRACE_THIN_H
#define SBX_LOOK_TRACE_THIN_H

#include "look/trace/model.h"

enum { THIN_QUEUES = 64, THIN_POINTS = 20000 };

/* The queues and ends of pipes with most events, THIN_QUEUES at most. *ret: to be freed by the
 * caller. -SBX_ENOMEM */
int thin_queues(const struct trace_model *m, uint32_t **ret, uint32_t *ret_count);

/* As trace_depths, THIN_POINTS at most: of each stretch the least and the most are kept. */
int thin_depths(const struct trace_model *m, uint32_t object, struct trace_depth **ret,
                uint32_t *ret_count);

#endif
