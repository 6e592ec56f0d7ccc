/* object/past.c - see past.h. */
#include "object/past.h"

#include <stdio.h>

void past_where(const struct past_event *e, char ret[WHERE_MAX]) {
  snprintf(ret, WHERE_MAX, "%.*s:%d", SOURCE_MAX - 1, e->source, (int)e->line);
}
