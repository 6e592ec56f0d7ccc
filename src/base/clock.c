/* base/clock.c - see clock.h. */
#include "base/clock.h"

#include <stddef.h>

static int64_t read_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

int64_t clock_now_ns(void) { return read_ns(CLOCK_MONOTONIC); }

int64_t clock_wall_ns(void) { return read_ns(CLOCK_REALTIME); }

struct run_clock clock_run_start(double speed) {
  return (struct run_clock){.speed = speed, .start_ns = clock_now_ns()};
}

double clock_run_now(const struct run_clock *c, int64_t now_ns) {
  return (double)(now_ns - c->start_ns) / (double)NS_PER_SECOND * c->speed;
}

double clock_run_time(const struct run_clock *c, int64_t now_ns, int64_t wall_ns) {
  double ahead = (double)(now_ns - c->start_ns) * (c->speed - 1);
  return ((double)wall_ns + ahead) / (double)NS_PER_SECOND;
}

int64_t clock_run_deadline(const struct run_clock *c, int64_t now_ns, double seconds) {
  double ns = seconds / c->speed * (double)NS_PER_SECOND;
  if (ns >= (double)(SBX_FOREVER - now_ns))
    return SBX_FOREVER;
  return now_ns + (int64_t)ns;
}

struct timespec *clock_left(int64_t deadline_ns, struct timespec *ret) {
  if (deadline_ns == SBX_FOREVER)
    return NULL;
  int64_t left = deadline_ns - clock_now_ns();
  if (left < 0)
    left = 0;
  *ret = (struct timespec){.tv_sec = left / NS_PER_SECOND, .tv_nsec = left % NS_PER_SECOND};
  return ret;
}
