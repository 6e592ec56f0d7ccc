/* tests/unit/the_model.h - each test has a model of a trace of its own: begin and end are its setup and teardown. */
#ifndef TEST_THE_MODEL_H
#define TEST_THE_MODEL_H

#include "look/trace/model.h"

static struct trace_model m;

static int begin(void **state) {
  (void)state;
  return trace_model_new(&m);
}

static int end(void **state) {
  (void)state;
  trace_model_release(&m);
  return 0;
}

#endif
