/* base/stack.c - see stack.h. */
#include "base/stack.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

enum { NO_LIMIT_BYTES = 64 << 20 }; /* assumed where there is no limit */

const char *stack_middle(void) {
  struct rlimit limit;
  size_t bytes = NO_LIMIT_BYTES;
  if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < bytes)
    bytes = (size_t)limit.rlim_cur;
  return (const char *)((uintptr_t)__builtin_frame_address(0) - bytes / 2);
}

bool stack_is_beyond(const char *middle) {
  return (uintptr_t)__builtin_frame_address(0) < (uintptr_t)middle;
}
