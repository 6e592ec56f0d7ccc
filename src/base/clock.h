/*
 * base/clock.h - time: monotonic nanoseconds in C, seconds in Lua, converted in one place.
 *
 * The run's clock may go faster than the machine's (--speed); functions named `clock_run_*` use it.
 * A deadline is always in machine time: CLOCK_MONOTONIC nanoseconds, SBX_FOREVER for none.
 */
#ifndef SBX_BASE_CLOCK_H
#define SBX_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SBX_FOREVER INT64_MAX
#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* The run's clock: written once before the first fork, read by every process. */
struct run_clock {
  double speed;     /* run seconds per machine second, > 0 */
  int64_t start_ns; /* CLOCK_MONOTONIC when the run began */
};

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_now_ns(void);

/* Start a run's clock now, going `speed` times as fast as the machine's. */
struct run_clock clock_run_start(double speed);

/* CLOCK_REALTIME in nanoseconds since 1970. */
int64_t clock_wall_ns(void);

/* Seconds of the run's clock since the run began, at machine time `now_ns`. */
double clock_run_now(const struct run_clock *c, int64_t now_ns);

/* Seconds since 1970 at machine time `now_ns`, when the machine's time of day is `wall_ns`: that, plus
 * what the run's clock has gained over it. */
double clock_run_time(const struct run_clock *c, int64_t now_ns, int64_t wall_ns);

/* The deadline `seconds` (of the run's clock, >= 0, not NaN) after `now_ns`; SBX_FOREVER if it is out
 * of range. */
int64_t clock_run_deadline(const struct run_clock *c, int64_t now_ns, double seconds);

/* Machine time left until a deadline, at least 0, in `ret` for ppoll. Returns NULL for
 * SBX_FOREVER. */
struct timespec *clock_left(int64_t deadline_ns, struct timespec *ret);

#endif
