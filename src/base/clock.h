/*
 * base/clock.h - time: monotonic nanoseconds in C, seconds in Lua, one place that converts.
 *
 * The run's clock may go faster than the machine's (--speed): `clock_run_*` speak of it. A deadline
 * is always a machine time: CLOCK_MONOTONIC nanoseconds, SBX_FOREVER for none.
 */
#ifndef SBX_BASE_CLOCK_H
#define SBX_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SBX_FOREVER INT64_MAX
#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* The run's clock: written once before the first fork, read by everybody. */
struct run_clock {
  double speed;     /* run seconds per machine second, > 0 */
  int64_t start_ns; /* CLOCK_MONOTONIC when the run began */
};

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_now_ns(void);

/* Start a run's clock now, going `speed` times as fast as the machine's. */
struct run_clock clock_run_start(double speed);

/* Seconds of the run's clock since the run began; it only goes forward. */
double clock_run_now(const struct run_clock *c);

/* Seconds since 1970: by the machine's clock, wherever that is set to, and ahead of it by what the
 * run's clock has gained. */
double clock_run_time(const struct run_clock *c);

/* The deadline `seconds` (of the run's clock, >= 0, not NaN) from now; SBX_FOREVER when beyond
 * reach. */
int64_t clock_run_deadline(const struct run_clock *c, double seconds);

/* Machine time left until a deadline, at least 0; fills `ret` for ppoll. Returns NULL for
 * SBX_FOREVER. */
struct timespec *clock_left(int64_t deadline_ns, struct timespec *ret);

#endif
