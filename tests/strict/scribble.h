/* strict/scribble.h - what code that has broken out of Lua may do to the memory that the processes of a run share. */
#ifndef SBX_TESTS_STRICT_SCRIBBLE_H
#define SBX_TESTS_STRICT_SCRIBBLE_H

#include <stdbool.h>
#include <stdint.h>

/* Write over it for so many milliseconds, as the seed says, and leave without a word. */
__attribute__((noreturn)) void scribble(uint64_t seed, int ms);

/* Write there one thing by which a reader that believes it would go astray. False: there is none of this name. */
bool scribble_plant(const char *name);

#endif
