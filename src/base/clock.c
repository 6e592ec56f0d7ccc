/* base/clock.c - see clock.h. */
#include "base/clock.h"

#include <stddef.h>

static int64_t read_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

int64_t clock_now_ns(void) { return read_ns(CLOCK_MONOTONIC); }

struct run_clock clock_run_start(double speed) {
  return (struct run_clock){.speed = speed, .start_ns = clock_now_ns()};
}

double clock_run_now(const struct run_clock *c) {
  return (double)(clock_now_ns() - c->start_ns) / (double)NS_PER_SECOND * c->speed;
}

double clock_run_time(const struct run_clock *c) {
  double ahead = (double)(clock_now_ns() - c->start_ns) * (c->speed - 1);
  return ((double)read_ns(CLOCK_REALTIME) + ahead) / (double)NS_PER_SECOND;
}

int64_t clock_run_deadline(const struct run_clock *c, double seconds) {
  double ns = seconds / c->speed * (double)NS_PER_SECOND;
  int64_t now = clock_now_ns();
  if (ns >= (double)(SBX_FOREVER - now))
    return SBX_FOREVER;
  return now + (int64_t)ns;
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
