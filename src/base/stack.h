/*
 * base/stack.h - how much of the C stack is left.
 *
 * A process made by spawn stands on a copy of its parent's C stack, so a chain of them grows one
 * stack, beside which Lua's own limit, counted anew in each of them, is of no use.
 */
#ifndef SBX_BASE_STACK_H
#define SBX_BASE_STACK_H

#include <stdbool.h>

/* Half of what the C stack may grow to (RLIMIT_STACK), from the caller's frame: the address of the
 * middle. The stack grows downwards on all machines that we know. Source: getrlimit(2). */
const char *stack_middle(void);

/* Is the caller's frame beyond an address that stack_middle returned? */
bool stack_is_beyond(const char *middle);

#endif
