/* base/fault.c - fault points; see fault.h. The plan is read once, from the environment. */
#include "base/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_MAX = 8, POINT_MAX = 48 };

static struct step {
  char point[POINT_MAX];
  char action[8];
  unsigned nth;    /* 0: every pass */
  unsigned serial; /* 0: every process */
  unsigned passes;
} plan[PLAN_MAX];
static int steps = -1; /* -1: the environment has not been read yet */
static unsigned process_serial = 1;

void fault_plan(const char *text) {
  steps = 0;
  while (text && *text && steps < PLAN_MAX) {
    struct step s = {.nth = 1};
    if (sscanf(text, "%47[^:@,]@%u:%u:%7[a-z]", s.point, &s.serial, &s.nth, s.action) != 4) {
      s.serial = 0;
      if (sscanf(text, "%47[^:@,]:%u:%7[a-z]", s.point, &s.nth, s.action) != 3)
        return;
    }
    plan[steps++] = s;
    text = strchr(text, ',');
    text = text ? text + 1 : NULL;
  }
}

#ifdef SBX_FAULTS
void fault_process(unsigned serial) {
  process_serial = serial;
  for (int i = 0; i < steps; i++)
    plan[i].passes = 0;
}
#endif

static bool act(const struct step *s) {
  if (strcmp(s->action, "kill") == 0)
    raise(SIGKILL);
  if (strcmp(s->action, "stop") == 0)
    raise(SIGSTOP);
  return strcmp(s->action, "fail") == 0;
}

bool fault_hit(const char *point) {
  if (steps < 0)
    fault_plan(getenv("SANDBOX_FAULT"));
  bool fail = false;
  for (int i = 0; i < steps; i++) {
    struct step *s = &plan[i];
    if (strcmp(s->point, point) != 0 || (s->serial && s->serial != process_serial))
      continue;
    s->passes++;
    if (s->nth == 0 || s->passes == s->nth)
      fail |= act(s);
  }
  return fail;
}
