/*
 * host/shake_lines.h - do two outputs have the same lines, in any order? Processes that run side by side may
 * print in any order; what they print is compared.
 */
#ifndef SBX_HOST_SHAKE_LINES_H
#define SBX_HOST_SHAKE_LINES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns whether the lines differ. Then `ret` (`size` bytes) tells one of each that the other has not, or less
 * often: "'WRONG 3' instead of 'OK'", "'x' is missing", "'x' is one too many"; without memory for that:
 * "not enough memory to compare".
 */
bool shake_lines_differ(const char *wanted, size_t wanted_len, const char *got, size_t got_len,
                        char *ret, size_t size);

#endif
