/*
 * term/width.h - how many columns of a terminal a text takes: UTF-8, wide and combining characters.
 *
 * Whatever the process's locale is: Lua wants that of C. A byte that is no UTF-8 counts as one
 * column, a control character, too.
 */
#ifndef SBX_TERM_WIDTH_H
#define SBX_TERM_WIDTH_H

#include <stddef.h>

int width_of(const char *text, size_t len);

/* The most bytes from the beginning that take at most `columns`; whole characters. */
size_t width_prefix(const char *text, size_t len, int columns);

/* The most bytes at the end that do. */
size_t width_suffix(const char *text, size_t len, int columns);

#endif
