/*
 * base/fault.h - named points where a test can make the program fail, die or stop.
 *
 * A point is an expression: `if (FAULT("queue.map")) return -SBX_ENOMEM;`. It is false unless the
 * environment variable SANDBOX_FAULT names it:
 *
 *   SANDBOX_FAULT=point:n:action[,point:n:action...]
 *
 * The n-th pass (from 1; 0 means every pass) through the point in one process performs the action:
 *
 *   fail   the expression is true, once
 *   kill   the process sends itself SIGKILL
 *   stop   the process sends itself SIGSTOP
 *
 * `point@k` restricts it to the process whose serial number is k (main is 1, see fault_process).
 * Release builds have no fault points: there FAULT(x) is the constant 0.
 */
#ifndef SBX_BASE_FAULT_H
#define SBX_BASE_FAULT_H

#include <stdbool.h>

#ifdef SBX_FAULTS
#define FAULT(point) fault_hit(point)
#else
static inline bool fault_none(void) { return false; }
#define FAULT(point) fault_none()
#endif

/* One pass through `point`; true if the caller must fail now. May not return (kill). */
bool fault_hit(const char *point);

/* A forked child sets its serial number; its passes count from zero. */
#ifdef SBX_FAULTS
void fault_process(unsigned serial);
#else
static inline void fault_process(unsigned serial) { (void)serial; }
#endif

/* Read a plan as if from SANDBOX_FAULT; NULL or "" clears it. For tests in C. */
void fault_plan(const char *plan);

#endif
