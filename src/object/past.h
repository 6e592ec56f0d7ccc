/*
 * object/past.h - the recent history of an object, for reports. Each object remembers the last few
 * ops that have a past-tense word in object/ops.def.
 */
#ifndef SBX_OBJECT_PAST_H
#define SBX_OBJECT_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "object/op.h"

enum { PAST_EVENTS = 4 };

struct past_event {
  uint64_t who;  /* the process, as in object/sync.h */
  uint32_t kind; /* enum op_kind */
  int32_t line;
  bool vain;   /* NOTIFY: no process was waiting */
  bool scoped; /* LOCK_ACQUIRE: a `<close>` variable will release it */
  char source[SOURCE_MAX];
};

/* "x.lua:7" */
void past_where(const struct past_event *e, char ret[WHERE_MAX]);

#endif
