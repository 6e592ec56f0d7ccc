/*
 * look/trace/plane.h - lengths in a plane, without libm: hosts of the library need not link it.
 */
#ifndef SBX_LOOK_TRACE_PLANE_H
#define SBX_LOOK_TRACE_PLANE_H

static inline double plane_least(double a, double b) { return a < b ? a : b; }

static inline double plane_most(double a, double b) { return a > b ? a : b; }

/* Without its sign. */
static inline double plane_size(double d) { return d < 0 ? -d : d; }

/* By Newton's method; pixels need no more. */
static inline double plane_length(double x, double y) {
  double square = x * x + y * y, root = plane_size(x) + plane_size(y);
  for (int i = 0; i < 20 && root > 0; i++)
    root = (root + square / root) / 2;
  return root;
}

#endif
