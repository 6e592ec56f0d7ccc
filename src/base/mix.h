/*
 * base/mix.h - numbers that look random, from numbers that do not.
 */
#ifndef SBX_BASE_MIX_H
#define SBX_BASE_MIX_H

#include <stdint.h>

/* splitmix64's finisher, a bijection: neighbouring inputs give unrelated outputs. */
static inline uint64_t mix64(uint64_t x) {
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

#endif
