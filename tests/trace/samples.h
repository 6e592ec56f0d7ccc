/*
 * tests/trace/samples.h - models of runs, made up: what scripts of the same names would leave, and
 * some that a page must survive.
 */
#ifndef TESTS_TRACE_SAMPLES_H
#define TESTS_TRACE_SAMPLES_H

#include "look/trace/model.h"

/*
 * Make a finished model: "serial", "process", "queue", "producers", "philosophers", "pool", "empty",
 * "hostile", "lost", "stopped", "crowd" (500 processes), "merged",
 * "big" with so many events, or "many" with so many processes.
 * Returns false if there is none of that name, or no memory.
 */
bool sample_make(const char *name, uint32_t events, struct trace_model *ret);

#endif
