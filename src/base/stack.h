/*
 * base/stack.h - how much of the C stack is left.
 *
 * A process made by spawn runs on a copy of its parent's C stack, so a chain of nested spawns grows
 * one stack. Lua's own limit on C calls does not catch that, since each process starts counting
 * anew.
 */
#ifndef SBX_BASE_STACK_H
#define SBX_BASE_STACK_H

#include <stdbool.h>

/* The address half way down the C stack from the caller's frame, measured by what the stack may
 * grow to (RLIMIT_STACK, getrlimit(2)). Assumes that the stack grows downwards, as on every machine
 * that we know. */
const char *stack_middle(void);

/* Is the caller's frame beyond an address that stack_middle returned? */
bool stack_is_beyond(const char *middle);

#endif
